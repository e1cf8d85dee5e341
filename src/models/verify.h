/*
 * verify.h - are the bytes on the disk the ones they should be?
 *
 * A catalog model's files are judged by the catalog's digests, another's by its
 * registry entry's. The outcome is recorded in the registry (verified {at, digest}; for a
 * right one also its files and hash, which an older entry may lack); a registry that
 * cannot be written does not change what was found. A path that leads out of the models
 * root is never opened. One thread per result; memory is bounded whatever the sizes.
 */
#ifndef VANTA_MODELS_VERIFY_H
#define VANTA_MODELS_VERIFY_H

#include <stdatomic.h>

#include "models/registry.h"

struct vanta_verify_result {
    enum vanta_state state;   /* afterwards */
    uint64_t bytes_hashed;
    size_t files_checked;
    char bad_file[1024];      /* the first wrong one, "" when all are right */
    char expected[VANTA_SHA256_HEX], found[VANTA_SHA256_HEX];
    char message[512];        /* one line for people */
    struct vanta_error record; /* why the outcome could not be recorded; VANTA_OK: it was */
};

/* progress: bytes hashed of this model so far. VANTA_OK: checked and right (an API entry:
 * its configuration is complete or only its key is missing). VANTA_ERR_CHECK: missing or
 * wrong, result says what. VANTA_ERR_UNSUPPORTED: nothing says what its bytes should be.
 * Others: it could not be checked. */
enum vanta_status vanta_verify_model(const char *root, const struct vanta_catalog *catalog,
                                     const struct vanta_entry *entry,
                                     vanta_hash_progress *progress, void *arg,
                                     const atomic_bool *cancel,
                                     struct vanta_verify_result *result,
                                     struct vanta_error *err);

#endif
