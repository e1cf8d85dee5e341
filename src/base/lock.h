/*
 * lock.h - one process at a time, by flock(2) on a file that stays.
 *
 * The lock goes with the process: after a kill -9 nothing has to be cleaned up. The lock
 * file holds the owner's process id as text, for messages only. Locks are taken in the
 * order file, model, registry (docs/registry.md). Threads of one process exclude each
 * other too, since each acquire opens the file anew.
 */
#ifndef VANTA_BASE_LOCK_H
#define VANTA_BASE_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

#include "vanta_error.h"

struct vanta_lock {
    int fd; /* valid only when held */
    int held;
};

/* Called when the lock is held by another, and about five times a second while it is; owner
 * is its process id, 0 if unknown. */
typedef void vanta_lock_waiting(void *arg, const char *path, long owner);

/* Waits at most wait_ms (negative: without end, 0: not at all), and not on when *cancel
 * is set (may be NULL). VANTA_ERR_BUSY when time ran out, VANTA_ERR_CANCELLED, or what
 * creating the file gave. waiting may be NULL. */
enum vanta_status vanta_lock_acquire(struct vanta_lock *lock, const char *path,
                                     int64_t wait_ms, const atomic_bool *cancel,
                                     vanta_lock_waiting *waiting, void *arg,
                                     struct vanta_error *err);
/* A zeroed lock may be released. */
void vanta_lock_release(struct vanta_lock *lock);

#endif
