/*
 * engine.h - what the files behind fetch.h share. Not for other layers.
 *
 *     fetch.c     the fetcher, its slots and its talk; the entry points
 *     slots.c     how many files move at once, and whose turn it is
 *     schedule.c  which item goes to which source when, and what follows from a failure
 *     single.c    one item from one address or file
 *     reuse.c     one item from a file that has its bytes already
 *     salvage.c   what is there of it already
 *     lanes.c     its requests, side by side; lanes_choose.c says which, transfer.c judges
 *     bundle.c    items that come out of the same packages or archive, in one pass
 *     bundle_fetch.c  their downloads, side by side
 *     unpack.c    the pass itself: members of archives to items
 *     reach.c     can it be reached: probes and doctor's questions
 *     reach_index.c  does an index answer the user's own client
 *
 * A call (struct vanta_call) has a few threads that take work from the schedule until no
 * item is left. All fields of jobs are guarded by the call's mutex, but those of a job
 * that is VANTA_JOB_RUNNING: they belong to the thread that runs it.
 */
#ifndef VANTA_FETCH_ENGINE_H
#define VANTA_FETCH_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/path.h"
#include "fetch/fetch.h"
#include "fetch/hub.h"
#include "fetch/lanes.h"
#include "fetch/pace.h"
#include "fetch/partial.h"
#include "fetch/retry.h"
#include "fetch/slots.h"
#include "fetch/transfer.h"
#include "http/http.h"

#define VANTA_KEY_MAX 72

struct vanta_known;

struct vanta_reuse {
    pthread_mutex_t mutex;
    struct vanta_known *known;
};

struct vanta_fetcher {
    struct vanta_fetch_options options; /* with the defaults filled in */
    int64_t base_ms;                    /* the first delay between tries */
    struct vanta_http *http;
    struct vanta_hub hub;
    struct vanta_hosts hosts;
    pthread_mutex_t talk;               /* one listener at a time */
    struct vanta_slots slots;
    struct vanta_reuse reuse;
    struct vanta_pace pace;
    atomic_uint connections;            /* that others than a file's first have now */
    pthread_mutex_t probe_mutex;
};

enum vanta_job_state {
    VANTA_JOB_CHECK,   /* is dest right already? */
    VANTA_JOB_PENDING, /* wants a source */
    VANTA_JOB_RUNNING,
    VANTA_JOB_FINISHED
};

/* What is known of one source of one item. */
struct vanta_try {
    bool tried;
    bool exhausted;
    unsigned tries;  /* in a row without a new byte */
    int64_t next_ms; /* not before */
    struct vanta_error error;
};

struct vanta_job {
    struct vanta_fetch_item *item;
    char key[VANTA_KEY_MAX]; /* names the partial file; equal for the same bytes */
    enum vanta_job_state state;
    size_t n_sources;        /* that may be used at all */
    struct vanta_try *tries; /* one a source */
    size_t source;           /* the one in use */
    const char *copied;      /* the file that is copied instead; NULL: none */
    atomic_bool moving;      /* the running try has got bytes */
    int64_t progress_ms;     /* when a try last got bytes, or the first one started */
    int64_t told_ms;         /* the last PROGRESS event */
    /* What the last run gave. */
    enum vanta_move move;
    struct vanta_error error;
    int64_t retry_after_ms;
    bool progressed;
};

/* A package file that a call brought, kept while an item may still want it. */
struct vanta_kept {
    char path[VANTA_PATH_MAX];
    char lock_path[VANTA_PATH_MAX];
    struct vanta_kept *next;
};

struct vanta_call {
    struct vanta_fetcher *f;
    struct vanta_job *jobs;
    size_t n;
    uint64_t bytes; /* of all items, as far as known: the smaller call goes first */
    const char *partial_dir;
    bool patient;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t unfinished;
    size_t running;
    struct vanta_kept *kept;
};

/* --- fetch.c --- */

bool vanta_cancelled(const struct vanta_fetcher *f);

/* Events. source NULL: the job's own. tell_progress keeps to ten a second. */
void vanta_tell_start(struct vanta_call *call, struct vanta_job *job);
void vanta_tell_progress(struct vanta_call *call, struct vanta_job *job, uint64_t bytes,
                         int64_t total);
void vanta_tell_notice(struct vanta_call *call, const struct vanta_job *job,
                       const char *fmt, ...) VANTA_PRINTF(3, 4);
void vanta_tell_done(struct vanta_call *call, const struct vanta_job *job);
/* A vanta_lock_waiting; arg is a struct vanta_waiting. */
struct vanta_waiting {
    struct vanta_call *call;
    struct vanta_job *job;
    bool waited;
};
void vanta_tell_waiting(void *arg, const char *path, long owner);

/* The package a locator names, as the options know it; NULL when they do not. */
const struct vanta_package *vanta_package_of(const struct vanta_fetcher *f,
                                             const struct vanta_locator *locator);

/* --- schedule.c --- */

/* Works until no item is left; several threads at once. */
void vanta_schedule_work(struct vanta_call *call);
/* "https://host", "index:pypi", "" for files: what hosts are known by. */
void vanta_source_origin(const struct vanta_fetcher *f, const struct vanta_source *source,
                         char out[VANTA_URL_ORIGIN_MAX]);
/* Whether the options let this source be used. */
bool vanta_source_allowed(const struct vanta_fetcher *f,
                          const struct vanta_source *source);
/* Its bytes come out of a package, an archive or several parts. */
bool vanta_source_is_bundle(const struct vanta_source *source);
/* Whether two sources need a download in common. */
bool vanta_sources_share(const struct vanta_source *a, const struct vanta_source *b);

/* --- single.c --- */

/* Each fills the job's move, error and so on. check: DONE when dest is right. */
void vanta_run_check(struct vanta_call *call, struct vanta_job *job);
void vanta_run_single(struct vanta_call *call, struct vanta_job *job);
/* Whether dest is there and right; found_* are set then. VANTA_ERR_NOT_FOUND: no. */
enum vanta_status vanta_dest_check(struct vanta_call *call, struct vanta_job *job,
                                   struct vanta_error *err);
/* All bytes are in the partial file: judges the digest, gives it its final name. USELESS
 * with VANTA_ERR_DIGEST when they are wrong: the partial file is empty then. */
enum vanta_move vanta_finish(struct vanta_job *job, struct vanta_partial *partial,
                             const char *linked_sha256, struct vanta_error *err);
/* Tries a few times, while bytes come, and remembers what became of the host. job is for
 * messages. Fills in what is the fetcher's of lanes and its transfer. */
enum vanta_move vanta_run_transfer(struct vanta_call *call, const struct vanta_job *job,
                                   struct vanta_lanes *lanes, struct vanta_error *err);

/* --- salvage.c --- */

/* What of an earlier call's bytes, and of a damaged dest's, is gone on with: partial is
 * kept then. *reused gets the bytes that dest gave. */
enum vanta_status vanta_salvage(struct vanta_call *call, const struct vanta_job *job,
                                struct vanta_partial *partial, const char *source,
                                uint64_t *reused, struct vanta_error *err);

/* --- reuse.c --- */

void vanta_reuse_init(struct vanta_reuse *reuse);
void vanta_reuse_free(struct vanta_reuse *reuse);
/* At most one thread of a fetcher is at work on the same bytes, whatever its call: false
 * when another one is. release: path has them now; NULL: they did not come. */
bool vanta_key_claim(struct vanta_reuse *reuse, const char *key);
void vanta_key_release(struct vanta_reuse *reuse, const char *key, const char *path);
/* DONE: dest is a copy of a file with the same bytes, and verified. USELESS: there is no
 * such file. STOP: it could not be written, or cancelled. */
enum vanta_move vanta_run_reuse(struct vanta_call *call, struct vanta_job *job,
                                struct vanta_error *err);

/* --- bundle.c --- */

/* Jobs (all RUNNING, their source a bundle that shares downloads) in one go. */
void vanta_run_bundle(struct vanta_call *call, struct vanta_job **jobs, size_t n);
/* At the end of a call: deletes the packages it brought that nobody wants any more; with
 * all false they stay, for the next call to go on with. */
void vanta_bundle_sweep(struct vanta_call *call, bool all);

#endif
