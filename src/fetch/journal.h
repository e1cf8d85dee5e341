/*
 * journal.h - what must be known to go on with a partial file: a small JSON beside it.
 *
 *     {"format": "vanta-partial", "version": 1, "source": "hf:...", "validator": "\"e\"",
 *      "size_bytes": 147951465, "synced_bytes": 33554432}
 *
 * source: where the bytes so far came from; validator: for If-Range, "" when the server
 * gave none; size_bytes: -1 unknown; synced_bytes: so many are on the disk for certain.
 * It lies in a folder that others may write to, so it is checked like any other input.
 */
#ifndef VANTA_FETCH_JOURNAL_H
#define VANTA_FETCH_JOURNAL_H

#include <stdint.h>

#include "vanta_error.h"

#define VANTA_JOURNAL_BYTES_MAX 16384
#define VANTA_JOURNAL_SOURCE_MAX 4608
#define VANTA_JOURNAL_VALIDATOR_MAX 256

struct vanta_journal {
    char source[VANTA_JOURNAL_SOURCE_MAX];
    char validator[VANTA_JOURNAL_VALIDATOR_MAX];
    int64_t size_bytes;
    int64_t synced_bytes;
};

/* VANTA_ERR_FORMAT for anything that is not a journal of this version. */
enum vanta_status vanta_journal_parse(const void *data, size_t len, const char *name,
                                      struct vanta_journal *out, struct vanta_error *err);
/* VANTA_ERR_NOT_FOUND when there is none. */
enum vanta_status vanta_journal_load(const char *path, struct vanta_journal *out,
                                     struct vanta_error *err);
enum vanta_status vanta_journal_save(const char *path, const struct vanta_journal *journal,
                                     struct vanta_error *err);

#endif
