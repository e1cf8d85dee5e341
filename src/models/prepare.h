/*
 * prepare.h - one model's files, brought to their final names by one of its preparations.
 *
 * The planned preparation is tried first. Where there are others, none is waited for: the
 * next one is taken when the sources of the first cannot be reached; only when all have
 * failed by the network are they tried once more, with patience. Everything on the way
 * lies in <type folder>/.<id>.partial, from which a later call goes on, and which is gone
 * after success. The caller holds the model's lock.
 * Not responsible for the registry, nor for what is there already (setup_adopt).
 */
#ifndef VANTA_MODELS_PREPARE_H
#define VANTA_MODELS_PREPARE_H

#include <jansson.h>

#include "base/chunks.h"
#include "models/setup_internal.h"

struct prepared {
    const struct vanta_preparation *preparation;
    char *source; /* of the largest file; NULL: all was there, from an earlier call */
    struct vanta_entry_file *files; /* the model's, as found */
    size_t n_files;
    const char *weights; /* of a GGUF that was made where the catalog leaves the choice */
    json_t *inputs; /* of a conversion whose inputs are gone: path, size_bytes, sha256 */
    /* Of the files that were fetched now: their chunk digests, to be kept once the model
     * is registered. */
    struct vanta_chunks *chunks;
    size_t n_chunks;
};

/* work->item->moved_bytes counts on. VANTA_OK; VANTA_ERR_DIGEST when a conversion gave
 * other bytes than the catalog's; VANTA_ERR_CANCELLED; else what fetching gave. */
enum vanta_status setup_prepare(struct vanta_setup *setup, struct setup_work *work,
                                struct prepared *out, struct vanta_error *err);
void prepared_free(struct prepared *prepared); /* a zeroed one is fine */

#endif
