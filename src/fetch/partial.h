/*
 * partial.h - one file on its way: its bytes so far, its journal, its digest, its lock.
 *
 * In a folder on the destination's file system lie KEY.part (the bytes), KEY.journal
 * (journal.h) and KEY.lock. The lock makes a second process wait for the first. Bytes may
 * be written in any order; they are hashed in theirs (follow.h), behind the writing.
 * Not responsible for where bytes come from nor for what their digest should be.
 *
 *     vanta_partial_open(&p, dir, key, ...);       // waits for the lock
 *     vanta_partial_keep(&p, &extents, ...);       // or _resume, or _reset: what stays
 *     vanta_partial_write(&p, data, len, err);     // at the end of what is there
 *     vanta_partial_write_at(&p, pos, data, len, err);
 *     vanta_partial_hex(&p, hex);                  // all is there: its digest
 *     vanta_partial_commit(&p, dest, err);         // or _discard: gone; or _close: kept
 *
 * What lasts: a process that is killed loses what was being written, at most 8 MiB where
 * bytes are written at several places; a loss of power what was not yet synced, which is
 * begun early and noted every 64 MiB.
 * Cost: one write and one hash a block; small files get no journal and no thread.
 */
#ifndef VANTA_FETCH_PARTIAL_H
#define VANTA_FETCH_PARTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/chunks.h"
#include "base/digest.h"
#include "base/lock.h"
#include "base/path.h"
#include "fetch/flush.h"
#include "fetch/follow.h"
#include "fetch/journal.h"
#include "vanta_error.h"

struct vanta_partial {
    char path[VANTA_PATH_MAX];
    char journal_path[VANTA_PATH_MAX];
    char lock_path[VANTA_PATH_MAX];
    struct vanta_lock lock;
    int fd; /* -1: not open */
    struct vanta_follow follow;
    const struct vanta_chunks *known; /* set by the caller between open and keep, or NULL;
                                         lives as long as this is open */
    struct vanta_chunks chunks;       /* what hex found */
    int64_t size_bytes;  /* as keep was told; -1: unknown */
    uint64_t bytes;      /* from 0 on, without a gap */
    struct vanta_extents have;
    uint64_t have_bytes; /* in all */
    uint64_t left_bytes; /* the file's size, as open found it */
    struct vanta_journal journal;
    bool has_journal;    /* journal says what is known of the bytes */
    bool damaged;        /* there was a journal, and it cannot be read */
    bool apart;          /* bytes are written at several places */
    unsigned generation; /* of the file's version: one more with each reset */
    int unsafe;          /* errno of a sync that failed: some writes are lost */
    /* What the journal on the disk does not say yet. */
    struct vanta_journal_writer writer;
    struct vanta_extents fresh;
    uint64_t fresh_bytes, unsynced_bytes;
    struct vanta_flush flush;
};

/* Takes a lock file below dir (which is created), safe against its being deleted by the
 * one who held it. Otherwise as vanta_lock_acquire. */
enum vanta_status vanta_partial_lock(struct vanta_lock *lock, const char *dir,
                                     const char *path, int64_t wait_ms,
                                     const atomic_bool *cancel,
                                     vanta_lock_waiting *waiting, void *arg,
                                     struct vanta_error *err);

/* Nothing of the file is hashed yet: keep, resume or reset comes next. journal.have is what
 * is there for certain. A struct that failed to open is closed. */
enum vanta_status vanta_partial_open(struct vanta_partial *p, const char *dir,
                                     const char *key, const atomic_bool *cancel,
                                     vanta_lock_waiting *waiting, void *arg,
                                     struct vanta_error *err);
/* Goes on with these bytes and no others; they are hashed again, behind the writing.
 * journal.have may be passed. size_bytes -1: unknown. */
enum vanta_status vanta_partial_keep(struct vanta_partial *p,
                                     const struct vanta_extents *keep, int64_t size_bytes,
                                     struct vanta_error *err);
/* The same with the first keep_bytes. */
enum vanta_status vanta_partial_resume(struct vanta_partial *p, uint64_t keep_bytes,
                                       int64_t size_bytes, struct vanta_error *err);
/* With none. */
enum vanta_status vanta_partial_reset(struct vanta_partial *p, struct vanta_error *err);

/* What the journal says of the bytes from now on. */
void vanta_partial_describe(struct vanta_partial *p, const char *source,
                            const char *validator, int64_t size_bytes);
enum vanta_status vanta_partial_write(struct vanta_partial *p, const void *data,
                                      size_t len, struct vanta_error *err);
/* Anywhere. What is there already is left as it is. Before the first write that is not at
 * the end of what is there, vanta_partial_part must have succeeded. */
enum vanta_status vanta_partial_write_at(struct vanta_partial *p, uint64_t pos,
                                         const void *data, size_t len,
                                         struct vanta_error *err);
enum vanta_status vanta_partial_part(struct vanta_partial *p, struct vanta_error *err);
/* Whether a chunk turned out wrong by the known digests; its bytes are no longer there. */
bool vanta_partial_bad(struct vanta_partial *p, uint64_t *chunk);
/* Waits for the disk, and for the hashing: only hex, commit, discard, reset and close may
 * follow. Ends the hashing; chunks is filled. "": it failed, err says why. */
enum vanta_status vanta_partial_hex(struct vanta_partial *p, char hex[VANTA_SHA256_HEX],
                                    struct vanta_error *err);

/* fsync, rename to dest (its folder is created; what is there is replaced); the name lasts
 * once the caller has synced the folder. Journal and lock are deleted. On failure the
 * bytes stay, but of a file that could not be synced only what an earlier sync covers: the
 * system forgets which were lost. Closes. */
enum vanta_status vanta_partial_commit(struct vanta_partial *p, const char *dest,
                                       struct vanta_error *err);
/* Deletes all of it. Closes. */
void vanta_partial_discard(struct vanta_partial *p);
/* Keeps what is there for a later call (an empty file is deleted). Fine on a zeroed or
 * closed struct. */
void vanta_partial_close(struct vanta_partial *p);

#endif
