/* setup.c - the request, its items, and the events. */
#include "models/setup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "models/setup_internal.h"

void setup_emit(struct vanta_setup *setup, const struct vanta_setup_event *event)
{
    if (!setup->options.listener)
        return;
    pthread_mutex_lock(&setup->talk);
    setup->options.listener(setup->options.arg, event);
    pthread_mutex_unlock(&setup->talk);
}

static void emit_notice(struct vanta_setup *setup, const struct vanta_setup_item *item,
                        bool warning, const char *fmt, va_list args)
{
    char text[VANTA_ERROR_MESSAGE_MAX];

    vsnprintf(text, sizeof text, fmt, args);
    setup_emit(setup, &(struct vanta_setup_event){.kind = VANTA_SETUP_NOTICE,
                                                  .item = item,
                                                  .bytes_total = -1,
                                                  .warning = warning,
                                                  .message = text});
}

void setup_notice(struct vanta_setup *setup, const struct vanta_setup_item *item,
                  const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    emit_notice(setup, item, false, fmt, args);
    va_end(args);
}

void setup_warning(struct vanta_setup *setup, const struct vanta_setup_item *item,
                   const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    emit_notice(setup, item, true, fmt, args);
    va_end(args);
}

bool setup_cancelled(const struct vanta_setup *setup)
{
    return setup->options.cancel && atomic_load(setup->options.cancel);
}

unsigned setup_jobs(const struct vanta_setup *setup)
{
    return setup->options.jobs ? setup->options.jobs : SETUP_JOBS_DEFAULT;
}

bool setup_is_api(const struct vanta_catalog_model *model)
{
    return model->n_files == 0;
}

bool setup_type_dir(const struct vanta_setup *setup,
                    const struct vanta_catalog_model *model, char out[VANTA_PATH_MAX])
{
    return vanta_path_join(out, setup->root, vanta_type_folder(model->type));
}

bool setup_model_dir(const struct vanta_setup *setup,
                     const struct vanta_catalog_model *model, char out[VANTA_PATH_MAX])
{
    return vanta_model_dir(setup->root, model->type, model->id, out);
}

bool setup_beside(const struct vanta_setup *setup,
                  const struct vanta_catalog_model *model, const char *suffix,
                  char out[VANTA_PATH_MAX])
{
    char dir[VANTA_PATH_MAX], name[VANTA_ID_MAX + 32];

    return setup_type_dir(setup, model, dir) &&
           vanta_format(name, sizeof name, ".%s%s", model->id, suffix) &&
           vanta_path_join(out, dir, name);
}

/* What the fetch engine tells goes on as our event; items carry ours in user. */
static void on_fetch(void *arg, const struct vanta_fetch_event *e)
{
    static const enum vanta_setup_event_kind kinds[] = {
        [VANTA_FETCH_START] = VANTA_SETUP_FILE_START,
        [VANTA_FETCH_PROGRESS] = VANTA_SETUP_FILE_PROGRESS,
        [VANTA_FETCH_NOTICE] = VANTA_SETUP_NOTICE,
        [VANTA_FETCH_DONE] = VANTA_SETUP_FILE_DONE};
    const struct setup_file *file = e->item ? e->item->user : NULL;
    struct vanta_setup_event out = {.kind = kinds[e->kind],
                                    .item = file ? file->item : NULL,
                                    .file = file ? file->path : NULL,
                                    .source = e->source,
                                    .bytes = e->bytes,
                                    .bytes_total = e->bytes_total,
                                    .bytes_moved = e->bytes_moved,
                                    .bytes_resumed = e->bytes_resumed,
                                    .bytes_reused = e->bytes_reused,
                                    .message = e->message};

    if (e->kind == VANTA_FETCH_DONE && e->item)
        out.status = e->item->status;
    setup_emit(arg, &out);
}

enum vanta_status setup_fetcher(struct vanta_setup *setup, struct vanta_error *err)
{
    const struct vanta_setup_options *o = &setup->options;
    struct vanta_fetch_options options = {.jobs = setup_jobs(setup),
                                          .connections = o->connections,
                                          .limit_rate_bytes = o->limit_rate_bytes,
                                          .classes = o->classes,
                                          .offline = o->offline,
                                          .deadline_ms = o->deadline_ms,
                                          .listener = on_fetch,
                                          .listener_arg = setup,
                                          .find_copy = vanta_copies_find,
                                          .find_copy_arg = &setup->copies,
                                          .cancel = o->cancel};

    if (setup->fetcher)
        return VANTA_OK;
    options.packages = vanta_catalog_packages(o->catalog, &options.n_packages);
    return vanta_fetcher_new(&options, &setup->fetcher, err);
}

enum vanta_status setup_fetcher_shared(struct vanta_setup *setup, struct vanta_error *err)
{
    enum vanta_status status;

    pthread_mutex_lock(&setup->making);
    status = setup_fetcher(setup, err);
    pthread_mutex_unlock(&setup->making);
    return status;
}

bool setup_expected_hash(const struct vanta_catalog_model *model,
                         char hash[VANTA_SHA256_HEX])
{
    struct vanta_entry_file *files = calloc(model->n_files + 1, sizeof *files);
    bool known = files && model->n_files > 0;
    size_t i;

    for (i = 0; known && i < model->n_files; i++) {
        known = model->files[i].sha256 != NULL;
        /* Borrowed for the call; vanta_files_hash only reads. */
        files[i].path = (char *)(uintptr_t)model->files[i].path;
        files[i].sha256 = (char *)(uintptr_t)model->files[i].sha256;
    }
    known = known && vanta_files_hash(files, model->n_files, hash, NULL) == VANTA_OK;
    if (!known)
        hash[0] = '\0';
    free(files);
    return known;
}

/* --- the items --- */

static bool has_model(const struct vanta_setup *setup,
                      const struct vanta_catalog_model *model)
{
    size_t i;

    for (i = 0; i < setup->n; i++)
        if (setup->items[i].model == model)
            return true;
    return false;
}

/* A slot that a model named by the user fills already is not asked again. */
static bool slot_is_filled(const struct vanta_setup *setup,
                           const struct vanta_profile_slot *slot)
{
    size_t i;

    for (i = 0; i < slot->n_alternatives; i++)
        if (has_model(setup, slot->alternatives[i]))
            return true;
    return false;
}

static const struct vanta_profile *wanted_profile(const struct vanta_setup_options *o,
                                                  struct vanta_error *err)
{
    const char *name = o->profile ? o->profile : "default";
    const struct vanta_profile *profile = vanta_catalog_profile(o->catalog, name);

    if (!profile)
        vanta_fail(err, VANTA_ERR_USAGE, "there is no profile %s", name);
    return profile;
}

static enum vanta_status fill_items(struct vanta_setup *setup, struct vanta_error *err)
{
    const struct vanta_setup_options *o = &setup->options;
    const struct vanta_profile *profile = NULL;
    size_t i, most = o->n_models;

    if (o->profile || o->n_models == 0) {
        profile = wanted_profile(o, err);
        if (!profile)
            return VANTA_ERR_USAGE;
        most += profile->n_slots;
    }
    setup->items = calloc(most + 1, sizeof *setup->items);
    setup->work = calloc(most + 1, sizeof *setup->work);
    setup->order = calloc(most + 1, sizeof *setup->order);
    if (!setup->items || !setup->work || !setup->order)
        return vanta_fail_memory(err);
    for (i = 0; i < o->n_models; i++)
        if (!has_model(setup, o->models[i]))
            setup->items[setup->n++].model = o->models[i];
    for (i = 0; profile && i < profile->n_slots; i++) {
        const struct vanta_profile_slot *slot = &profile->slots[i];

        if ((o->types && !(o->types & 1u << slot->type)) || slot->n_alternatives == 0 ||
            slot_is_filled(setup, slot))
            continue;
        setup->items[setup->n].slot = slot;
        setup->items[setup->n++].model = slot->alternatives[0];
    }
    for (i = 0; i < setup->n; i++)
        setup->work[i].item = &setup->items[i];
    return VANTA_OK;
}

enum vanta_status vanta_setup_new(const struct vanta_setup_options *options,
                                  struct vanta_setup **out, struct vanta_error *err)
{
    struct vanta_setup *setup = calloc(1, sizeof *setup);
    enum vanta_status status;

    if (!setup)
        return vanta_fail_memory(err);
    pthread_mutex_init(&setup->talk, NULL);
    pthread_mutex_init(&setup->making, NULL);
    setup->options = *options;
    vanta_copies_init(&setup->copies, setup->root, options->catalog);
    if (!vanta_path_absolute(setup->root, options->root))
        status = vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long",
                            options->root);
    else
        status = fill_items(setup, err);
    if (status != VANTA_OK) {
        vanta_setup_free(setup);
        return status;
    }
    *out = setup;
    return VANTA_OK;
}

void vanta_setup_free(struct vanta_setup *setup)
{
    size_t i;

    if (!setup)
        return;
    for (i = 0; i < setup->n; i++) {
        free(setup->items[i].source);
        free(setup->items[i].note);
        free(setup->work[i].license_text);
    }
    free(setup->items);
    free(setup->work);
    free(setup->order);
    vanta_registry_free(setup->registry);
    if (!setup->fetcher_borrowed)
        vanta_fetcher_free(setup->fetcher);
    vanta_copies_free(&setup->copies);
    pthread_mutex_destroy(&setup->talk);
    pthread_mutex_destroy(&setup->making);
    free(setup);
}

struct vanta_setup_item *vanta_setup_items(struct vanta_setup *setup, size_t *n)
{
    *n = setup->n;
    return setup->items;
}

const struct vanta_setup_need *vanta_setup_need(const struct vanta_setup *setup)
{
    return &setup->need;
}
