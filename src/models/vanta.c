#include "vanta.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "fetch/source.h"
#include "models/catalog.h"
#include "models/registry.h"
#include "models/setup.h"
#include "models/verify.h"

struct vanta {
    char root[VANTA_PATH_MAX];
    struct vanta_catalog *catalog;
    struct vanta_registry *registry;
    char (*paths)[VANTA_PATH_MAX]; /* of the registry's entries, in its order */
};

const char *vanta_version(void)
{
    return VANTA_VERSION;
}

const char *vanta_root(const struct vanta *v)
{
    return v->root;
}

enum vanta_status vanta_reload(struct vanta *v, struct vanta_error *err)
{
    struct vanta_registry *registry = NULL;
    char(*paths)[VANTA_PATH_MAX];
    enum vanta_status status;
    size_t n, i;

    status = vanta_registry_load(v->root, v->catalog, &registry, NULL, err);
    if (status != VANTA_OK)
        return status;
    n = vanta_registry_count(registry);
    paths = calloc(n + 1, sizeof *paths);
    if (!paths) {
        vanta_registry_free(registry);
        return vanta_fail_memory(err);
    }
    for (i = 0; i < n; i++)
        if (!vanta_entry_path(v->root, vanta_registry_at(registry, i), paths[i]))
            paths[i][0] = '\0';
    vanta_registry_free(v->registry);
    free(v->paths);
    v->registry = registry;
    v->paths = paths;
    return VANTA_OK;
}

enum vanta_status vanta_open(const char *models_dir, struct vanta **out,
                             struct vanta_error *err)
{
    struct vanta *v = calloc(1, sizeof *v);
    enum vanta_status status;
    const char *why;

    if (!v)
        return vanta_fail_memory(err);
    status = vanta_root_find(models_dir, v->root, &why, err);
    if (status == VANTA_OK)
        status = vanta_catalog_load(&v->catalog, NULL, 0, err);
    if (status == VANTA_OK)
        status = vanta_reload(v, err);
    if (status != VANTA_OK) {
        vanta_close(v);
        return status;
    }
    *out = v;
    return VANTA_OK;
}

void vanta_close(struct vanta *v)
{
    if (!v)
        return;
    vanta_registry_free(v->registry);
    vanta_catalog_free(v->catalog);
    free(v->paths);
    free(v);
}

size_t vanta_model_count(const struct vanta *v)
{
    return vanta_registry_count(v->registry);
}

void vanta_model_at(const struct vanta *v, size_t index, struct vanta_model *out)
{
    const struct vanta_entry *entry = vanta_registry_at(v->registry, index);
    enum vanta_state state;

    memset(out, 0, sizeof *out);
    state = vanta_entry_state(v->root, entry, v->catalog, out->reason);
    out->id = entry->id;
    out->name = entry->name;
    out->type = entry->type == VANTA_TYPE_UNKNOWN ? entry->type_text
                                                  : vanta_type_name(entry->type);
    out->format = entry->format;
    out->quantization = entry->quantization;
    out->version = entry->version;
    out->path = v->paths[index][0] ? v->paths[index] : NULL;
    out->hash = entry->hash;
    out->size_bytes = entry->size_bytes;
    out->state = vanta_state_name(state);
}

static enum vanta_status find_index(const struct vanta *v, const char *id, size_t *index,
                                    struct vanta_error *err)
{
    const struct vanta_entry *entry = vanta_registry_find(v->registry, id);
    const char *nearest;

    if (!entry) {
        vanta_fail(err, VANTA_ERR_NOT_FOUND, "no model %s in %s", id, v->root);
        nearest = vanta_registry_nearest(v->registry, id);
        if (nearest)
            vanta_hint(err, "did you mean %s?", nearest);
        return VANTA_ERR_NOT_FOUND;
    }
    *index = 0;
    while (vanta_registry_at(v->registry, *index) != entry)
        ++*index;
    return VANTA_OK;
}

enum vanta_status vanta_model_find(const struct vanta *v, const char *id,
                                   struct vanta_model *out, struct vanta_error *err)
{
    size_t index;
    enum vanta_status status = find_index(v, id, &index, err);

    if (status == VANTA_OK)
        vanta_model_at(v, index, out);
    return status;
}

/* A caller's listener with what the layers below need of it. */
struct call {
    vanta_listener *listener;
    void *arg;
    const char *id;
    int64_t bytes_total;
    atomic_bool cancel;
};

static void tell(struct call *call, const struct vanta_progress *progress)
{
    if (call->listener && !call->listener(call->arg, progress))
        atomic_store(&call->cancel, true);
}

static void on_hashed(void *arg, uint64_t bytes)
{
    struct call *call = arg;

    tell(call, &(struct vanta_progress){
                   .id = call->id, .bytes = bytes, .bytes_total = call->bytes_total});
}

enum vanta_status vanta_verify(struct vanta *v, const char *id, vanta_listener *listener,
                               void *arg, struct vanta_error *err)
{
    struct call call = {.listener = listener, .arg = arg};
    struct vanta_verify_result result = {0};
    const struct vanta_entry *entry;
    enum vanta_status status, reloaded;
    size_t index;

    status = find_index(v, id, &index, err);
    if (status != VANTA_OK)
        return status;
    entry = vanta_registry_at(v->registry, index);
    call.id = entry->id;
    call.bytes_total = entry->size_bytes;
    status = vanta_verify_model(v->root, v->catalog, entry, on_hashed, &call,
                                &call.cancel, &result, err);
    reloaded = vanta_reload(v, err);
    return status != VANTA_OK ? status : reloaded;
}

static void on_setup(void *arg, const struct vanta_setup_event *event)
{
    tell(arg, &(struct vanta_progress){.id = event->item ? event->item->model->id : NULL,
                                       .file = event->file,
                                       .bytes = event->bytes,
                                       .bytes_total = event->bytes_total,
                                       .message = event->message});
}

static enum vanta_status run_setup(const struct vanta_setup_options *options,
                                   struct vanta_error *err)
{
    struct vanta_setup *setup = NULL;
    enum vanta_status status = vanta_setup_new(options, &setup, err);

    if (status == VANTA_OK)
        status = vanta_setup_plan(setup, err);
    if (status == VANTA_OK)
        status = vanta_setup_preflight(setup, err);
    if (status == VANTA_OK)
        status = vanta_setup_run(setup, err);
    vanta_setup_free(setup);
    return status;
}

enum vanta_status vanta_setup(struct vanta *v, const struct vanta_setup_request *request,
                              vanta_listener *listener, void *arg,
                              struct vanta_error *err)
{
    struct call call = {.listener = listener, .arg = arg};
    struct vanta_setup_options options = {.root = v->root,
                                          .catalog = v->catalog,
                                          .profile = request->profile,
                                          .offline = request->offline,
                                          .accepted = request->accepted_licenses,
                                          .n_accepted = request->n_accepted_licenses,
                                          .listener = on_setup,
                                          .arg = &call,
                                          .cancel = &call.cancel};
    const struct vanta_catalog_model **models;
    enum vanta_status status = VANTA_OK, reloaded;
    size_t i;

    models = calloc(request->n_models + 1, sizeof *models);
    if (!models)
        return vanta_fail_memory(err);
    for (i = 0; i < request->n_models && status == VANTA_OK; i++) {
        models[i] = vanta_catalog_find(v->catalog, request->models[i]);
        if (!models[i])
            status = vanta_fail(err, VANTA_ERR_NOT_FOUND, "no model %s in the catalog",
                                request->models[i]);
    }
    options.models = models;
    options.n_models = request->n_models;
    if (status == VANTA_OK && request->sources)
        status = vanta_source_classes_parse(request->sources, &options.classes, err);
    if (status == VANTA_OK) {
        status = run_setup(&options, err);
        reloaded = vanta_reload(v, err);
        if (status == VANTA_OK)
            status = reloaded;
    }
    free(models);
    return status;
}
