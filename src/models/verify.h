/*
 * verify.h - are the bytes on the disk the ones they should be?
 *
 * A catalog model's files are judged by the catalog's digests, another's by its
 * registry entry's. The outcome is recorded in the registry (verified {at, digest}; for a
 * right one also its files and hash, which an older entry may lack); a registry that
 * cannot be written does not change what was found. A path that leads out of the models
 * root is never opened.
 *
 * All files of all models are hashed by all cores (base/check.h): those without chunk
 * digests whole and in order, the biggest first, and their chunk digests are recorded in
 * registry/chunks; large ones with them chunk by chunk. Before a file is called wrong it
 * was hashed whole. A file that changes meanwhile is VANTA_ERR_BUSY.
 *
 * quick: a model that was verified before, and of which a file lies where it was seen then
 * (inode, time of modification), has some chunks of that file looked at instead of all; a
 * file that was not seen so is hashed as ever. What was only sampled and found right is
 * not recorded: the former outcome stays.
 *
 * Trust: who can write to the models folder can write chunk files too. whole believes
 * none of them. Threads: one call at a time per result; callbacks come from the calling
 * thread. Memory is bounded whatever the sizes.
 */
#ifndef VANTA_MODELS_VERIFY_H
#define VANTA_MODELS_VERIFY_H

#include <stdatomic.h>

#include "models/registry.h"

struct vanta_verify_result {
    enum vanta_state state;   /* afterwards */
    uint64_t bytes_hashed;
    size_t files_checked;
    size_t files_sampled;     /* of them: only some chunks were looked at */
    char bad_file[1024];      /* the first wrong one, "" when all are right */
    char expected[VANTA_SHA256_HEX], found[VANTA_SHA256_HEX];
    /* Of all wrong or missing files: how many bytes are wrong as far as chunk digests say,
     * where they do not, the whole file. */
    uint64_t bytes_wrong, bytes_wrong_files;
    char message[512];        /* one line for people */
    struct vanta_error record; /* why the outcome could not be recorded; VANTA_OK: it was */
};

struct vanta_verify_item {
    const struct vanta_entry *entry;
    /* VANTA_OK: checked and right (an API entry: its configuration is complete or only its
     * key is missing). VANTA_ERR_CHECK: missing or wrong, result says what.
     * VANTA_ERR_UNSUPPORTED: nothing says what its bytes should be. Others: it could not
     * be checked. */
    enum vanta_status status;
    struct vanta_error error;
    struct vanta_verify_result result;
    int64_t milliseconds; /* since the beginning of the call */
};

struct vanta_verify_options {
    const char *root;
    const struct vanta_catalog *catalog;
    unsigned jobs;  /* threads; 0: one for each core */
    bool quick;
    bool whole;     /* chunk files are not believed, but written anew */
    bool traceless; /* what was not in memory before is not kept there */
    /* Of all models, at most ten times a second; the total may grow. May be NULL. */
    void (*progress)(void *arg, uint64_t bytes, uint64_t total);
    /* A model is done, and what was found is recorded. May be NULL. */
    void (*done)(void *arg, struct vanta_verify_item *item);
    void *arg;
    const atomic_bool *cancel; /* may be NULL; set: items not done yet are CANCELLED */
};

void vanta_verify_models(const struct vanta_verify_options *options,
                         struct vanta_verify_item *items, size_t n);

/* One model. progress: bytes hashed so far. */
enum vanta_status vanta_verify_model(const char *root, const struct vanta_catalog *catalog,
                                     const struct vanta_entry *entry,
                                     vanta_hash_progress *progress, void *arg,
                                     const atomic_bool *cancel,
                                     struct vanta_verify_result *result,
                                     struct vanta_error *err);

#endif
