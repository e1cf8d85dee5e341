/* setup_run.c - workers that take the models, small ones first, to their registered end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/text.h"
#include "models/chunk_store.h"
#include "models/license.h"
#include "models/prepare.h"
#include "models/tidy.h"
#include "models/setup_internal.h"

#define WORKERS_MAX 32
/* From here on a run takes long enough for a machine to fall asleep over it. */
#define LONG_RUN_BYTES ((uint64_t)100 * 1000 * 1000)

/* --- registering --- */

static enum vanta_status put_entry(void *arg, struct vanta_registry *registry,
                                   struct vanta_error *err)
{
    return vanta_registry_put(registry, arg, err);
}

static bool set(char **slot, const char *text)
{
    free(*slot);
    *slot = vanta_strdup(text);
    return *slot || !text;
}

/* What only a run knows: how the files came, the licence's answer, that they are right. */
static bool describe(const struct setup_work *work, const struct prepared *made,
                     const struct setup_place *place, struct vanta_entry *entry)
{
    const struct vanta_catalog_model *model = work->item->model;
    char expected[VANTA_SHA256_HEX], now[VANTA_TIME_TEXT_MAX];

    if (made && !(set(&entry->preparation, made->preparation->id) &&
                  set(&entry->source, made->source)))
        return false;
    if (made)
        entry->preparation_version = made->preparation->version;
    if (place &&
        !(set(&entry->preparation, "adopted") && set(&entry->path, place->path)))
        return false;
    if (work->accepted_digest[0] && !(set(&entry->accepted_digest, work->accepted_digest) &&
                                      set(&entry->accepted_date, work->accepted_date)))
        return false;
    if (made && made->weights && /* as vanta info calls the file's */
        !set(&entry->quantization,
             strcmp(made->weights, "q8_0") == 0 ? "Q8_0" : made->weights))
        return false;
    if (made && made->inputs && entry->extra &&
        json_object_set_new(entry->extra, "preparation",
                            json_pack("{s:O}", "inputs", made->inputs)) != 0)
        return false;
    vanta_time_now(now);
    /* Converted just now from files with the catalog's digests: its bytes are right. */
    if (made && vanta_catalog_makes(model, made->preparation->id) && entry->hash)
        return set(&entry->verified_at, now) &&
               set(&entry->verified_digest, entry->hash);
    if (setup_expected_hash(model, expected) && entry->hash &&
        strcmp(expected, entry->hash) == 0)
        return set(&entry->verified_at, now) && set(&entry->verified_digest, expected);
    return true;
}

/* made and place: how the files came to be there; both NULL for an API. */
static enum vanta_status enroll(struct vanta_setup *setup, struct setup_work *work,
                                const struct prepared *made,
                                const struct setup_place *place, struct vanta_error *err)
{
    struct vanta_setup_item *item = work->item;
    struct vanta_entry entry = {0};
    enum vanta_status status = vanta_entry_from_catalog(
        item->model, made ? made->files : NULL, made ? made->n_files : 0, &entry, err);

    if (status == VANTA_OK && !describe(work, made, place, &entry))
        status = vanta_fail_memory(err);
    if (status == VANTA_OK)
        status = vanta_registry_update(setup->root, setup->options.catalog, put_entry,
                                       &entry, err);
    if (status == VANTA_OK)
        item->state = vanta_entry_state(setup->root, &entry, setup->options.catalog,
                                        NULL);
    vanta_entry_free(&entry);
    return status;
}

/* --- one model --- */

struct call {
    struct vanta_setup *setup;
    struct setup_work *work;
    bool told;
};

/* How far the other process is: what of the model lies on the disk. */
static void show_other(const struct call *call)
{
    const struct vanta_catalog_model *model = call->work->item->model;
    struct vanta_setup_event event = {.kind = VANTA_SETUP_WAIT,
                                      .item = call->work->item,
                                      .bytes_total = vanta_catalog_model_bytes(model)};
    char path[VANTA_PATH_MAX];

    if (setup_beside(call->setup, model, ".partial", path))
        event.bytes = vanta_dir_bytes(path);
    if (setup_model_dir(call->setup, model, path))
        event.bytes += vanta_dir_bytes(path);
    if (event.bytes_total >= 0 && event.bytes > (uint64_t)event.bytes_total)
        event.bytes = (uint64_t)event.bytes_total; /* the inputs of a conversion */
    setup_emit(call->setup, &event);
}

static void on_waiting(void *arg, const char *path, long owner)
{
    struct call *call = arg;
    char process[48] = "";

    (void)path;
    if (call->told) {
        show_other(call);
        return;
    }
    call->told = true;
    if (owner > 0)
        snprintf(process, sizeof process, " (process %ld)", owner);
    setup_notice(call->setup, call->work->item,
                 "another vanta%s is at work on %s: waiting for it", process,
                 call->work->item->model->id);
}

/* The type's folder, and the model's name in it free of links that lead elsewhere. */
static enum vanta_status open_folders(struct vanta_setup *setup,
                                      const struct vanta_catalog_model *model,
                                      char dir[VANTA_PATH_MAX], struct vanta_error *err)
{
    char type_dir[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!setup_type_dir(setup, model, type_dir) || !setup_model_dir(setup, model, dir))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", setup->root);
    status = vanta_path_inside(setup->root, dir, err);
    if (status != VANTA_OK) {
        vanta_hint(err, "Models are only written inside the models folder: replace the "
                        "link by a folder, or choose the other place with --models-dir.");
        return status;
    }
    return vanta_dir_make(type_dir, err);
}

static enum vanta_status keep_license(struct setup_work *work, const char *dir,
                                      struct vanta_error *err)
{
    struct vanta_license_answer answer = {0};
    enum vanta_status status = VANTA_OK;

    if (!work->license_new)
        return VANTA_OK;
    status = vanta_dir_make(dir, err);
    if (status == VANTA_OK)
        status = vanta_license_store(dir, work->item->model->license, work->license_text,
                                     &answer, err);
    memcpy(work->accepted_digest, answer.digest, sizeof answer.digest);
    memcpy(work->accepted_date, answer.date, sizeof answer.date);
    return status;
}

/* Whether another process has done it since the plan was made. */
static bool done_meanwhile(struct vanta_setup *setup, struct setup_work *work)
{
    struct vanta_registry *registry = NULL;
    struct setup_found found = {0};

    if (vanta_registry_load(setup->root, setup->options.catalog, &registry, NULL, NULL) !=
        VANTA_OK)
        return false;
    setup_look(setup, registry, work->item->model, &found);
    vanta_registry_free(registry);
    work->item->state = found.state;
    return found.presence == SETUP_READY;
}

static enum vanta_status bring(struct vanta_setup *setup, struct setup_work *work,
                               struct vanta_error *err)
{
    struct prepared made = {0};
    struct setup_place place;
    enum vanta_status status;
    size_t i;

    status = setup_adopt(setup, work, &place, err);
    if (status == VANTA_OK) {
        work->item->outcome = VANTA_OUTCOME_ADOPTED;
        return enroll(setup, work, NULL, &place, err);
    }
    if (status != VANTA_ERR_NOT_FOUND)
        return status;
    vanta_error_clear(err);
    status = setup_fetcher_shared(setup, err);
    if (status == VANTA_OK)
        status = setup_prepare(setup, work, &made, err);
    if (status == VANTA_OK) {
        work->item->outcome = VANTA_OUTCOME_FETCHED;
        work->item->preparation = made.preparation;
        if (made.source)
            set(&work->item->source, made.source);
        status = enroll(setup, work, &made, NULL, err);
    }
    for (i = 0; status == VANTA_OK && i < made.n_chunks; i++)
        vanta_chunk_store_save(setup->root, &made.chunks[i]);
    prepared_free(&made);
    return status;
}

static enum vanta_status obtain(struct vanta_setup *setup, struct setup_work *work,
                                struct vanta_error *err)
{
    const struct vanta_catalog_model *model = work->item->model;
    char dir[VANTA_PATH_MAX], lock_path[VANTA_PATH_MAX];
    struct call call = {setup, work, false};
    struct vanta_lock lock = {0};
    enum vanta_status status = open_folders(setup, model, dir, err);

    if (status != VANTA_OK)
        return status;
    if (!setup_beside(setup, model, ".lock", lock_path))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", setup->root);
    status = vanta_lock_acquire(&lock, lock_path, -1, setup->options.cancel, on_waiting,
                                &call, err);
    if (status != VANTA_OK)
        return status;
    if (done_meanwhile(setup, work)) {
        work->item->outcome = VANTA_OUTCOME_PRESENT;
    } else {
        status = keep_license(work, dir, err);
        if (status == VANTA_OK)
            status = bring(setup, work, err);
    }
    vanta_lock_release(&lock);
    return status;
}

static void run_item(struct vanta_setup *setup, struct setup_work *work)
{
    struct vanta_setup_item *item = work->item;
    int64_t start = vanta_clock_ms();
    enum vanta_status status = VANTA_OK;

    if (item->outcome == VANTA_OUTCOME_SKIPPED || work->closed) {
        status = item->error.status;
    } else if (work->found.presence == SETUP_READY) {
        item->outcome = VANTA_OUTCOME_PRESENT;
    } else if (setup_cancelled(setup)) {
        status = vanta_fail(&item->error, VANTA_ERR_CANCELLED, "%s: stopped before it "
                            "was begun", item->model->id);
    } else if (setup_is_api(item->model)) {
        status = enroll(setup, work, NULL, NULL, &item->error);
        item->outcome = VANTA_OUTCOME_FETCHED;
    } else {
        status = obtain(setup, work, &item->error);
    }
    if (status == VANTA_OK && setup_is_api(item->model))
        setup_check_key(setup, work);
    else if (status == VANTA_OK && item->outcome != VANTA_OUTCOME_SKIPPED)
        vanta_model_tidy(setup->root, item->model->type, item->model->id);
    if (status != VANTA_OK && item->outcome != VANTA_OUTCOME_SKIPPED) {
        item->outcome = VANTA_OUTCOME_FAILED;
        item->error.status = status;
    }
    item->milliseconds = vanta_clock_ms() - start;
    setup_emit(setup, &(struct vanta_setup_event){.kind = VANTA_SETUP_MODEL_DONE,
                                                  .item = item,
                                                  .bytes_total = -1,
                                                  .bytes_moved = item->moved_bytes,
                                                  .status = status});
}

/* --- all of them --- */

static void *worker(void *arg)
{
    struct vanta_setup *setup = arg;

    for (;;) {
        size_t next = atomic_fetch_add(&setup->next, 1);

        if (next >= setup->n)
            return NULL;
        run_item(setup, &setup->work[setup->order[next]]);
    }
}

static uint64_t work_bytes(const struct setup_work *work)
{
    return work->item->network_bytes + work->item->disk_bytes;
}

/* Insertion sort: a handful of items, and equal ones keep the catalog's order. */
static void order_by_size(struct vanta_setup *setup)
{
    size_t i, k;

    for (i = 0; i < setup->n; i++) {
        for (k = i; k > 0 && work_bytes(&setup->work[setup->order[k - 1]]) >
                                 work_bytes(&setup->work[i]); k--)
            setup->order[k] = setup->order[k - 1];
        setup->order[k] = i;
    }
}

static void run_workers(struct vanta_setup *setup)
{
    pthread_t threads[WORKERS_MAX];
    size_t n = setup_jobs(setup), started = 0;

    if (n > setup->n)
        n = setup->n;
    if (n > WORKERS_MAX)
        n = WORKERS_MAX;
    while (started + 1 < n &&
           pthread_create(&threads[started], NULL, worker, setup) == 0)
        started++;
    worker(setup); /* this thread is one of them, so that none is needed */
    while (started > 0)
        pthread_join(threads[--started], NULL);
}

static enum vanta_status first_failure(const struct vanta_setup *setup,
                                       struct vanta_error *err)
{
    size_t i;

    for (i = 0; i < setup->n; i++) {
        const struct vanta_setup_item *item = &setup->items[i];

        if (item->outcome != VANTA_OUTCOME_FAILED &&
            item->outcome != VANTA_OUTCOME_SKIPPED)
            continue;
        vanta_fail(err, item->error.status, "%s", item->error.message);
        vanta_hint(err, "%s", item->error.hint);
        return item->error.status;
    }
    return VANTA_OK;
}

enum vanta_status vanta_setup_run(struct vanta_setup *setup, struct vanta_error *err)
{
    uint64_t network = 0;
    int64_t awake = 0;
    size_t i;

    order_by_size(setup);
    for (i = 0; i < setup->n; i++)
        network += setup->items[i].network_bytes;
    if (network > LONG_RUN_BYTES)
        awake = vanta_platform_stay_awake("bringing models");
    run_workers(setup);
    vanta_platform_may_sleep(awake);
    return first_failure(setup, err);
}
