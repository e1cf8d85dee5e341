/*
 * partial.h - one file on its way: its bytes so far, its journal, and its lock.
 *
 * In a folder on the destination's file system lie KEY.part (the bytes), KEY.json (the
 * journal, journal.h) and KEY.lock. The lock makes a second process wait for the first.
 * Not responsible for where bytes come from nor for what their digest should be.
 *
 *     vanta_partial_open(&p, dir, key, ...);       // waits for the lock
 *     vanta_partial_resume(&p, n, ...);            // keep n bytes: they are hashed again
 *     vanta_partial_write(&p, data, len, err);     // written and hashed
 *     vanta_partial_hex(&p, hex);                  // all is there: its digest
 *     vanta_partial_commit(&p, dest, err);         // or _discard: gone; or _close: kept
 *
 * Cost: one write and one hash a block; small files get no journal at all.
 */
#ifndef VANTA_FETCH_PARTIAL_H
#define VANTA_FETCH_PARTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/lock.h"
#include "base/path.h"
#include "fetch/journal.h"
#include "vanta_error.h"

struct vanta_partial {
    char path[VANTA_PATH_MAX];
    char journal_path[VANTA_PATH_MAX];
    char lock_path[VANTA_PATH_MAX];
    struct vanta_lock lock;
    int fd; /* -1: not open */
    struct vanta_digest digest;
    uint64_t bytes;      /* in the file and hashed */
    uint64_t left_bytes; /* that an earlier call had left, as found by open */
    struct vanta_journal journal;
    bool has_journal;    /* journal holds what is known of the bytes */
    uint64_t saved_bytes; /* bytes at the last saving of the journal */
};

/* Takes a lock file below dir (which is created), safe against its being deleted by the
 * one who held it. Otherwise as vanta_lock_acquire. */
enum vanta_status vanta_partial_lock(struct vanta_lock *lock, const char *dir,
                                     const char *path, int64_t wait_ms,
                                     const atomic_bool *cancel,
                                     vanta_lock_waiting *waiting, void *arg,
                                     struct vanta_error *err);

/* Nothing of the file is hashed yet: resume or reset comes next. A struct that failed to
 * open is closed. */
enum vanta_status vanta_partial_open(struct vanta_partial *p, const char *dir,
                                     const char *key, const atomic_bool *cancel,
                                     vanta_lock_waiting *waiting, void *arg,
                                     struct vanta_error *err);
enum vanta_status vanta_partial_resume(struct vanta_partial *p, uint64_t keep_bytes,
                                       const atomic_bool *cancel,
                                       struct vanta_error *err);
enum vanta_status vanta_partial_reset(struct vanta_partial *p, struct vanta_error *err);

/* What the journal says of the bytes from now on. */
void vanta_partial_describe(struct vanta_partial *p, const char *source,
                            const char *validator, int64_t size_bytes);
enum vanta_status vanta_partial_write(struct vanta_partial *p, const void *data,
                                      size_t len, struct vanta_error *err);
/* Ends the hashing: only commit, discard, reset and close may follow. */
void vanta_partial_hex(struct vanta_partial *p, char hex[VANTA_SHA256_HEX]);

/* fsync, rename to dest (its folder is created; what is there is replaced), fsync of the
 * folder; journal and lock are deleted. On failure the bytes stay. Closes. */
enum vanta_status vanta_partial_commit(struct vanta_partial *p, const char *dest,
                                       struct vanta_error *err);
/* Deletes all of it. Closes. */
void vanta_partial_discard(struct vanta_partial *p);
/* Keeps what is there for a later call (an empty file is deleted). Fine on a zeroed or
 * closed struct. */
void vanta_partial_close(struct vanta_partial *p);

#endif
