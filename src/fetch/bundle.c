#include "fetch/bundle.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "fetch/package.h"

bool vanta_bundle_is_package(const struct vanta_locator *l)
{
    return l->kind == VANTA_LOCATOR_PYPI || l->kind == VANTA_LOCATOR_NPM;
}

const struct vanta_source *vanta_bundle_source(const struct vanta_job *job)
{
    return &job->item->sources[job->source];
}

/* --- containers ------------------------------------------------------------------- */

enum vanta_status vanta_container_key(const struct vanta_locator *l,
                                       char key[VANTA_SHA256_HEX],
                                       struct vanta_error *err)
{
    enum vanta_status status;
    char *text = vanta_bundle_is_package(l)
                     ? vanta_strf("%s %s@%s", l->kind == VANTA_LOCATOR_NPM ? "npm" : "pypi",
                                  l->name, l->revision)
                     : vanta_strdup(l->text);

    if (!text)
        return vanta_fail_memory(err);
    status = vanta_sha256_buffer(text, strlen(text), key, err);
    free(text);
    return status;
}

struct vanta_container *vanta_container_find(struct vanta_bundle *b, const char *key)
{
    size_t i;

    for (i = 0; i < b->n; i++)
        if (strcmp(b->containers[i].key, key) == 0)
            return &b->containers[i];
    return NULL;
}

static int by_key(const void *a, const void *b)
{
    const struct vanta_container *left = a, *right = b;

    return strcmp(left->key, right->key);
}

static enum vanta_status collect(struct vanta_bundle *b, struct vanta_error *err)
{
    size_t i, k, most = 0;
    enum vanta_status status;
    char key[VANTA_SHA256_HEX];

    for (i = 0; i < b->n_jobs; i++)
        most += vanta_bundle_source(b->jobs[i])->n_parts;
    b->containers = calloc(most, sizeof *b->containers);
    if (!b->containers)
        return vanta_fail_memory(err);
    for (i = 0; i < b->n_jobs; i++) {
        const struct vanta_source *source = vanta_bundle_source(b->jobs[i]);

        for (k = 0; k < source->n_parts; k++) {
            status = vanta_container_key(&source->parts[k], key, err);
            if (status != VANTA_OK)
                return status;
            if (vanta_container_find(b, key))
                continue;
            memcpy(b->containers[b->n].key, key, sizeof key);
            b->containers[b->n].locator = &source->parts[k];
            b->containers[b->n].move = VANTA_MOVE_STOP;
            b->containers[b->n].arriving = -1;
            b->containers[b->n].rank = b->n;
            b->n++;
        }
    }
    qsort(b->containers, b->n, sizeof *b->containers, by_key);
    return VANTA_OK;
}

static enum vanta_status lock_one(struct vanta_bundle *b, struct vanta_container *c,
                                  struct vanta_waiting *waiting, struct vanta_error *err)
{
    const char *dir = b->call->partial_dir;
    const atomic_bool *cancel = b->call->f->options.cancel;

    if (c->locator->kind == VANTA_LOCATOR_FILE)
        return VANTA_OK;
    if (!vanta_bundle_is_package(c->locator))
        return vanta_partial_open(&c->partial, dir, c->key, cancel, vanta_tell_waiting,
                                  waiting, err);
    if (!vanta_format(c->lock_path, sizeof c->lock_path, "%s/%s.lock", dir, c->key))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    return vanta_partial_lock(&c->lock, dir, c->lock_path, -1, cancel, vanta_tell_waiting,
                              waiting, err);
}

static enum vanta_status lock_all(struct vanta_bundle *b, struct vanta_error *err)
{
    struct vanta_waiting waiting = {b->call, b->carrier, false};
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; i < b->n && status == VANTA_OK; i++)
        status = lock_one(b, &b->containers[i], &waiting, err);
    b->waited = waiting.waited;
    return status;
}

/* --- the whole -------------------------------------------------------------------- */

static void fail_all(struct vanta_bundle *b, const struct vanta_error *why)
{
    size_t i;

    for (i = 0; i < b->n_jobs; i++) {
        b->jobs[i]->move = VANTA_MOVE_STOP;
        b->jobs[i]->error = *why;
    }
}

/* Items for which a container did not come end as that container did. */
static void blame_containers(struct vanta_bundle *b)
{
    size_t i;

    for (i = 0; i < b->n_jobs; i++) {
        struct vanta_job *job = b->jobs[i];
        const struct vanta_container *c;

        if (job->move == VANTA_MOVE_DONE || !(c = vanta_bundle_missing(b, job)))
            continue;
        job->move = c->move;
        job->error = c->error;
        job->retry_after_ms = c->retry_after_ms;
        job->progressed = c->progressed;
    }
}

/* Containers at addresses are no longer needed once every item has its end; packages are
 * left to the sweep, since other items may want them. */
static void release(struct vanta_bundle *b)
{
    bool again = false;
    size_t i;

    for (i = 0; i < b->n_jobs; i++)
        again = again || b->jobs[i]->move == VANTA_MOVE_AGAIN ||
                b->jobs[i]->move == VANTA_MOVE_STOP ||
                b->jobs[i]->move == VANTA_MOVE_UNREACHED;
    for (i = 0; i < b->n; i++) {
        struct vanta_container *c = &b->containers[i];

        if (c->arriving >= 0)
            close(c->arriving);
        if (c->lock.held) {
            unlink(c->lock_path); /* while it is held: see vanta_partial_lock */
            vanta_lock_release(&c->lock);
        }
        if (again)
            vanta_partial_close(&c->partial);
        else
            vanta_partial_discard(&c->partial);
    }
    free(b->containers);
}

static void choose_carrier(struct vanta_bundle *b)
{
    size_t i;

    b->carrier = b->jobs[0];
    for (i = 1; i < b->n_jobs; i++)
        if (b->jobs[i]->item->size_bytes > b->carrier->item->size_bytes)
            b->carrier = b->jobs[i];
    b->moved_before = b->carrier->item->moved_bytes;
}

static void check_dests(struct vanta_bundle *b)
{
    size_t i;

    for (i = 0; i < b->n_jobs; i++)
        if (vanta_dest_check(b->call, b->jobs[i], NULL) == VANTA_OK)
            b->jobs[i]->move = VANTA_MOVE_DONE;
}

static bool all_done(const struct vanta_bundle *b)
{
    size_t i;

    for (i = 0; i < b->n_jobs; i++)
        if (b->jobs[i]->move != VANTA_MOVE_DONE)
            return false;
    return true;
}

void vanta_run_bundle(struct vanta_call *call, struct vanta_job **jobs, size_t n)
{
    struct vanta_bundle b = {.call = call, .jobs = jobs, .n_jobs = n};
    bool *pending = calloc(n, sizeof *pending);
    struct vanta_error err = {0};
    enum vanta_status status;
    size_t i;

    b.over = calloc(n, sizeof *b.over);
    b.followed = calloc(n, sizeof *b.followed);
    status = pending && b.over && b.followed ? VANTA_OK : vanta_fail_memory(&err);
    pthread_mutex_init(&b.mutex, NULL);
    pthread_cond_init(&b.changed, NULL);
    choose_carrier(&b);
    for (i = 0; i < n; i++)
        jobs[i]->move = VANTA_MOVE_STOP;
    if (status == VANTA_OK)
        status = collect(&b, &err);
    if (status == VANTA_OK)
        status = lock_all(&b, &err);
    if (status != VANTA_OK) {
        fail_all(&b, &err);
    } else {
        if (b.waited)
            check_dests(&b);
        if (!all_done(&b)) {
            for (i = 0; i < n; i++)
                pending[i] = jobs[i]->move != VANTA_MOVE_DONE;
            vanta_bundle_set_over(&b, pending);
            vanta_bundle_fetch(&b);
            vanta_bundle_unpack(&b, pending);
            vanta_bundle_join(&b);
            blame_containers(&b);
        }
    }
    release(&b);
    pthread_cond_destroy(&b.changed);
    pthread_mutex_destroy(&b.mutex);
    free(b.over);
    free(b.followed);
    free(pending);
}

void vanta_bundle_sweep(struct vanta_call *call, bool all)
{
    struct vanta_kept *kept, *next;
    char parent[VANTA_PATH_MAX];

    for (kept = call->kept; kept; kept = next) {
        struct vanta_lock lock = {0};

        next = kept->next;
        /* Another process that has the lock wants the package: it deletes it. */
        if (all && vanta_partial_lock(&lock, call->partial_dir, kept->lock_path, 0, NULL,
                                      NULL, NULL, NULL) == VANTA_OK) {
            unlink(kept->path);
            unlink(kept->lock_path);
            vanta_lock_release(&lock);
            if (vanta_path_parent(parent, kept->path))
                rmdir(parent);
        }
        free(kept);
    }
    call->kept = NULL;
}
