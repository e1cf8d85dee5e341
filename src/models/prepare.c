/* prepare.c - fetching a model's files, or fetching other weights and converting them. */
#include "models/prepare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "convert/convert.h"
#include "convert/encoder_gguf.h"
#include "convert/xtts_gguf.h"
#include "models/chunk_store.h"

#define EVENT_MS 100
#define WAYS_MAX 8

struct folders {
    char model[VANTA_PATH_MAX];   /* where the files belong */
    char partial[VANTA_PATH_MAX]; /* the model's own corner for what is unfinished */
    char fetch[VANTA_PATH_MAX];   /* in partial: the fetch engine's */
};

void prepared_free(struct prepared *prepared)
{
    size_t i;

    free(prepared->source);
    for (i = 0; prepared->files && i < prepared->n_files; i++) {
        free(prepared->files[i].path);
        free(prepared->files[i].sha256);
    }
    free(prepared->files);
    json_decref(prepared->inputs);
    for (i = 0; i < prepared->n_chunks; i++)
        vanta_chunks_free(&prepared->chunks[i]);
    free(prepared->chunks);
    memset(prepared, 0, sizeof *prepared);
}

/* Each finished file is noted with what it was found to be. */
static enum vanta_status add_file(struct prepared *out, const char *path, uint64_t bytes,
                                  const char *sha256, struct vanta_error *err)
{
    struct vanta_entry_file *file = &out->files[out->n_files];

    file->path = vanta_strdup(path);
    file->sha256 = vanta_strdup(sha256);
    file->size_bytes = (int64_t)bytes;
    out->n_files++;
    return file->path && file->sha256 ? VANTA_OK : vanta_fail_memory(err);
}

/* --- fetching --- */

/* What one call to the fetch engine needs: n items and what they point to. */
struct batch {
    struct vanta_fetch_item *items;
    struct setup_file *files;
    char (*labels)[VANTA_PATH_MAX];
    char (*dests)[VANTA_PATH_MAX];
    struct vanta_chunks *known, *found; /* of each item */
    size_t n;
};

static void batch_free(struct batch *b)
{
    size_t i;

    for (i = 0; i < b->n; i++) {
        if (b->known)
            vanta_chunks_free(&b->known[i]);
        if (b->found)
            vanta_chunks_free(&b->found[i]);
    }
    free(b->known);
    free(b->found);
    free(b->items);
    free(b->files);
    free(b->labels);
    free(b->dests);
}

static enum vanta_status batch_fill(struct batch *b, const struct setup_work *work,
                                    const struct vanta_preparation *p,
                                    const char *folder, struct vanta_error *err)
{
    size_t i;

    b->n = p->n_inputs;
    b->items = calloc(b->n + 1, sizeof *b->items);
    b->files = calloc(b->n + 1, sizeof *b->files);
    b->labels = calloc(b->n + 1, sizeof *b->labels);
    b->dests = calloc(b->n + 1, sizeof *b->dests);
    b->known = calloc(b->n + 1, sizeof *b->known);
    b->found = calloc(b->n + 1, sizeof *b->found);
    if (!b->items || !b->files || !b->labels || !b->dests || !b->known || !b->found)
        return vanta_fail_memory(err);
    for (i = 0; i < b->n; i++) {
        const struct vanta_catalog_file *file = &p->inputs[i];

        if (!vanta_path_join(b->dests[i], folder, file->path) ||
            !vanta_path_join(b->labels[i], work->item->model->id, file->path))
            return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long",
                              file->path);
        b->files[i] = (struct setup_file){work->item, file->path};
        b->items[i] = (struct vanta_fetch_item){.label = b->labels[i],
                                                .dest = b->dests[i],
                                                .size_bytes = file->size_bytes,
                                                .sha256 = file->sha256,
                                                .magic = file->magic,
                                                .sources = file->sources,
                                                .n_sources = file->n_sources,
                                                .found_chunks = &b->found[i],
                                                .user = &b->files[i]};
    }
    return VANTA_OK;
}

/* Of a file that is there and damaged only the damaged chunks are fetched. */
static void tell_chunks(struct batch *b, const char *root)
{
    size_t i;

    for (i = 0; i < b->n; i++)
        if (vanta_chunk_store_load(root, b->items[i].sha256, &b->known[i]))
            b->items[i].chunks = &b->known[i];
}

/* The chunk digests of what was fetched, with where it lies now. */
static void keep_chunks(struct batch *b, struct prepared *out)
{
    size_t i;

    for (i = 0; i < b->n; i++)
        vanta_chunks_seen(&b->found[i], b->dests[i]);
    out->chunks = b->found;
    out->n_chunks = b->n;
    b->found = NULL;
}

/* The source that the largest file came from stands for the model. */
static void note_source(const struct batch *b, struct prepared *out)
{
    const struct vanta_fetch_item *largest = NULL;
    size_t i;

    for (i = 0; i < b->n; i++)
        if (b->items[i].used &&
            (!largest || b->items[i].found_bytes > largest->found_bytes))
            largest = &b->items[i];
    free(out->source);
    out->source = largest ? vanta_source_text(largest->used) : NULL;
}

static enum vanta_status fetch_inputs(struct vanta_setup *setup, struct setup_work *work,
                                      const struct vanta_preparation *p,
                                      const char *folder, const struct folders *at,
                                      bool patient, struct batch *b,
                                      struct vanta_error *err)
{
    enum vanta_status status = batch_fill(b, work, p, folder, err);
    size_t i;

    if (status == VANTA_OK)
        tell_chunks(b, setup->root);
    if (status == VANTA_OK)
        status = vanta_fetch_files(setup->fetcher, b->items, b->n, at->fetch, patient,
                                   err);
    for (i = 0; b->items && i < b->n; i++) {
        work->item->moved_bytes += b->items[i].moved_bytes;
        work->item->resumed_bytes += b->items[i].resumed_bytes;
        work->item->reused_bytes += b->items[i].reused_bytes;
    }
    return status;
}

static enum vanta_status by_fetching(struct vanta_setup *setup, struct setup_work *work,
                                     const struct vanta_preparation *p,
                                     const struct folders *at, bool patient,
                                     struct prepared *out, struct vanta_error *err)
{
    struct batch b = {0};
    enum vanta_status status =
        fetch_inputs(setup, work, p, at->model, at, patient, &b, err);
    size_t i;

    for (i = 0; status == VANTA_OK && i < b.n; i++)
        status = add_file(out, p->inputs[i].path, b.items[i].found_bytes,
                          b.items[i].found_sha256, err);
    if (status == VANTA_OK) {
        note_source(&b, out);
        keep_chunks(&b, out);
    }
    batch_free(&b);
    return status;
}

/* --- converting --- */

struct converting {
    struct vanta_setup *setup;
    struct vanta_setup_event event;
    int64_t told_ms;
};

static void on_converted(void *arg, uint64_t bytes, uint64_t total)
{
    struct converting *c = arg;
    int64_t now = vanta_clock_ms();

    if (now - c->told_ms < EVENT_MS && bytes != total)
        return;
    c->told_ms = now;
    c->event.bytes = bytes;
    c->event.bytes_total = total ? (int64_t)total : -1;
    setup_emit(c->setup, &c->event);
}

static const struct vanta_catalog_file *find_file(const struct vanta_catalog_file *files,
                                                  size_t n, const char *path)
{
    size_t i;

    for (i = 0; path && i < n; i++)
        if (strcmp(files[i].path, path) == 0)
            return &files[i];
    return NULL;
}

static enum vanta_status run_converter(struct converting *c,
                                       const struct vanta_catalog_model *model,
                                       const struct vanta_preparation *p,
                                       const char *inputs, const char *target,
                                       struct vanta_convert_result *made,
                                       struct vanta_error *err)
{
    const atomic_bool *cancel = c->setup->options.cancel;
    bool xtts = p->kind == VANTA_PREPARATION_XTTS_GGUF;
    const struct vanta_catalog_file *weights =
        find_file(p->inputs, p->n_inputs, xtts ? VANTA_XTTS_CHECKPOINT : "model.safetensors");
    struct vanta_encoder_source source = {.name = model->id,
                                          .license = model->license->id,
                                          .url = model->upstream};
    enum vanta_encoder_weights type;

    if (p->kind == VANTA_PREPARATION_CT2_WHISPER)
        return vanta_convert_ct2_whisper(inputs, target, on_converted, c, cancel, made,
                                         err);
    source.weights_sha256 = weights ? weights->sha256 : NULL;
    if (!vanta_encoder_weights_parse(setup_weights(c->setup, p), &type))
        return vanta_fail(err, VANTA_ERR_INTERNAL, "%s: unknown weights", p->weights);
    return (xtts ? vanta_xtts_gguf : vanta_encoder_gguf)(
        inputs, target, type, &source, on_converted, c, cancel, made, err);
}

/* Converts to a temporary name, lets the catalog's digest judge, and gives the final
 * name. Wrong bytes are deleted, with the inputs they came from where those are nothing
 * but inputs. */
static enum vanta_status convert(struct vanta_setup *setup, struct setup_work *work,
                                 const struct vanta_preparation *p,
                                 const struct folders *at, const char *inputs,
                                 struct prepared *out, struct vanta_error *err)
{
    const struct vanta_catalog_file *file =
        find_file(work->item->model->files, work->item->model->n_files, p->output);
    struct converting c = {setup,
                           {.kind = VANTA_SETUP_PREPARE,
                            .item = work->item,
                            .file = p->output,
                            .bytes_total = -1},
                           0};
    char target[VANTA_PATH_MAX], final[VANTA_PATH_MAX];
    struct vanta_convert_result made = {0};
    enum vanta_status status;

    if (!file || !vanta_path_join(final, at->model, p->output) ||
        !vanta_path_join(target, at->partial, "converted"))
        return vanta_fail(err, VANTA_ERR_INTERNAL, "%s: %s cannot be placed",
                          work->item->model->id, p->id);
    status = vanta_remove_tree(target, err); /* an interrupted run's */
    if (status == VANTA_OK)
        status = run_converter(&c, work->item->model, p, inputs, target, &made, err);
    if (status != VANTA_OK)
        return status;
    if (file->sha256 && strcmp(file->sha256, made.sha256) != 0) {
        vanta_remove_tree(target, NULL);
        if (vanta_preparation_consumes(p))
            vanta_remove_tree(inputs, NULL);
        vanta_fail(err, VANTA_ERR_DIGEST,
                   "%s: converting (%s) gave the digest %s, not %s, and was thrown away",
                   p->output, p->id, made.sha256, file->sha256);
        vanta_hint(err, "Take the file itself where a source of it can be reached; vanta "
                        "catalog show %s names them.", work->item->model->id);
        return VANTA_ERR_DIGEST;
    }
    status = vanta_file_move(target, final, true, err);
    if (status == VANTA_OK)
        status = add_file(out, p->output, made.size_bytes, made.sha256, err);
    return status;
}

/* What the model was made of stays known, by its digests, when it is gone. */
static enum vanta_status note_inputs(const struct vanta_preparation *p,
                                     const struct batch *b, struct prepared *out,
                                     struct vanta_error *err)
{
    size_t i;

    out->inputs = json_array();
    for (i = 0; i < b->n; i++)
        if (json_array_append_new(
                out->inputs,
                json_pack("{s:s, s:I, s:s}", "path", p->inputs[i].path, "size_bytes",
                          (json_int_t)b->items[i].found_bytes, "sha256",
                          b->items[i].found_sha256)) != 0)
            return vanta_fail_memory(err);
    return VANTA_OK;
}

/* The inputs' place in the model's folder, hidden, and none of the model's files. */
static enum vanta_status keep_inputs(const struct folders *at, const char *inputs,
                                     struct vanta_error *err)
{
    char kept[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!vanta_path_join(kept, at->model, VANTA_SOURCE_FOLDER))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", at->model);
    status = vanta_remove_tree(kept, err);
    if (status == VANTA_OK && rename(inputs, kept) != 0)
        status = vanta_fail_errno(err, errno, "keeping %s as %s", inputs, kept);
    return status;
}

static enum vanta_status by_converting(struct vanta_setup *setup, struct setup_work *work,
                                       const struct vanta_preparation *p,
                                       const struct folders *at, bool patient,
                                       struct prepared *out, struct vanta_error *err)
{
    char inputs[VANTA_PATH_MAX];
    struct batch b = {0};
    enum vanta_status status;

    if (!vanta_path_join(inputs, at->partial, p->id))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", at->partial);
    status = fetch_inputs(setup, work, p, inputs, at, patient, &b, err);
    if (status == VANTA_OK)
        status = convert(setup, work, p, at, inputs, out, err);
    if (status == VANTA_OK)
        note_source(&b, out);
    out->weights = setup_weights(setup, p);
    if (status == VANTA_OK)
        status = note_inputs(p, &b, out, err);
    if (status == VANTA_OK && setup->options.keep_source)
        status = keep_inputs(at, inputs, err);
    batch_free(&b);
    return status;
}

static enum vanta_status try_way(struct vanta_setup *setup, struct setup_work *work,
                                 const struct vanta_preparation *p,
                                 const struct folders *at, bool patient,
                                 struct prepared *out, struct vanta_error *err)
{
    enum vanta_status status;
    size_t most = p->n_inputs + work->item->model->n_files;

    prepared_free(out);
    out->preparation = p;
    out->files = calloc(most + 1, sizeof *out->files);
    if (!out->files)
        return vanta_fail_memory(err);
    status = vanta_dir_make(at->model, err);
    if (status == VANTA_OK)
        status = vanta_dir_make(at->partial, err);
    if (status != VANTA_OK)
        return status;
    if (vanta_preparation_consumes(p))
        return by_converting(setup, work, p, at, patient, out, err);
    status = by_fetching(setup, work, p, at, patient, out, err);
    if (status == VANTA_OK && p->kind == VANTA_PREPARATION_ENCODER_GGUF)
        status = convert(setup, work, p, at, at->model, out, err);
    return status;
}

/* --- trying one after the other --- */

struct way {
    const struct vanta_preparation *preparation;
    enum vanta_status status;
    struct vanta_error error;
};

static size_t find_ways(struct vanta_setup *setup, const struct setup_work *work,
                        struct way ways[WAYS_MAX])
{
    const struct vanta_catalog_model *model = work->item->model;
    const struct vanta_preparation *planned = work->item->preparation;
    size_t i, n = 0;

    if (planned)
        ways[n++].preparation = planned;
    for (i = 0; i < model->n_preparations && n < WAYS_MAX; i++)
        if (&model->preparations[i] != planned &&
            setup_preparation_usable(setup, model, &model->preparations[i],
                                     SETUP_ALLOWED))
            ways[n++].preparation = &model->preparations[i];
    return n;
}

/* Stopping, a full disk and a mistake of ours are not mended by another way. */
static bool ends_it(enum vanta_status status)
{
    return status == VANTA_OK || status == VANTA_ERR_CANCELLED ||
           status == VANTA_ERR_NO_SPACE || status == VANTA_ERR_IO ||
           status == VANTA_ERR_INTERNAL;
}

static enum vanta_status report_ways(struct way *ways, size_t n, const char *id,
                                     struct vanta_error *err)
{
    size_t i;

    if (n == 0) {
        vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s: no source of it is allowed", id);
        vanta_hint(err, "vanta catalog show %s names its sources.", id);
        return VANTA_ERR_UNSUPPORTED;
    }
    if (n == 1)
        vanta_fail(err, ways[0].status, "%s", ways[0].error.message);
    else
        vanta_fail(err, ways[0].status, "%.500s; the other way (%s): %.400s",
                   ways[0].error.message, ways[1].preparation->id,
                   ways[1].error.message);
    for (i = 0; i < n; i++)
        if (ways[i].error.hint[0])
            vanta_hint(err, "%s", ways[i].error.hint);
    return ways[0].status;
}

/* The preflight counted the planned way; another one may take more. */
static enum vanta_status check_room(struct vanta_setup *setup,
                                    const struct setup_work *work,
                                    const struct vanta_preparation *way,
                                    struct vanta_error *err)
{
    char needed[VANTA_SIZE_TEXT_MAX], have[VANTA_SIZE_TEXT_MAX];
    struct setup_bytes bytes;
    uint64_t room;
    enum vanta_status status = vanta_disk_free(setup->root, &room, err);

    if (status != VANTA_OK || way == work->item->preparation)
        return status;
    setup_count_way(setup, work, way, &bytes);
    if (bytes.disk + bytes.scratch <= room + work->found.partial_bytes)
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_NO_SPACE,
                      "%s: %s are needed on the disk and %s are free", way->id,
                      vanta_size_text(bytes.disk + bytes.scratch, needed),
                      vanta_size_text(room, have));
}

static enum vanta_status try_ways(struct vanta_setup *setup, struct setup_work *work,
                                  const struct folders *at, struct prepared *out,
                                  struct vanta_error *err)
{
    struct way ways[WAYS_MAX] = {{0}};
    size_t n = find_ways(setup, work, ways), i;
    int pass;

    for (pass = n > 1 ? 0 : 1; pass < 2; pass++) {
        for (i = 0; i < n; i++) {
            struct way *way = &ways[i];

            if (pass == 1 && n > 1 && way->status != VANTA_ERR_NETWORK)
                continue;
            vanta_error_clear(&way->error);
            way->status = check_room(setup, work, way->preparation, &way->error);
            if (way->status == VANTA_OK)
                way->status = try_way(setup, work, way->preparation, at, pass == 1, out,
                                      &way->error);
            if (ends_it(way->status))
                return way->status == VANTA_OK ? VANTA_OK : report_ways(way, 1, "", err);
            if (pass == 0 && i + 1 < n)
                setup_notice(setup, work->item, "%s; %s is tried next",
                             way->error.message, ways[i + 1].preparation->id);
        }
    }
    return report_ways(ways, n, work->item->model->id, err);
}

enum vanta_status setup_prepare(struct vanta_setup *setup, struct setup_work *work,
                                struct prepared *out, struct vanta_error *err)
{
    const struct vanta_catalog_model *model = work->item->model;
    struct folders at;
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    if (!setup_model_dir(setup, model, at.model) ||
        !setup_beside(setup, model, ".partial", at.partial) ||
        !vanta_path_join(at.fetch, at.partial, "fetch"))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", setup->root);
    status = vanta_path_inside(setup->root, at.partial, err);
    if (status == VANTA_OK)
        status = try_ways(setup, work, &at, out, err);
    if (status == VANTA_OK)
        status = vanta_remove_tree(at.partial, err);
    if (status != VANTA_OK)
        prepared_free(out);
    return status;
}
