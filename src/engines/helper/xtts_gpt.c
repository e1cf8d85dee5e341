#include "engines/helper/xtts_gpt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "engines/helper/xtts_gpt_private.h"

/* Places looked at grow by this: a graph serves so many codes before the next is made. */
#define KEYS_STEP 64
#define HALF_MINUS_INFINITY ((ggml_fp16_t)0xfc00)
#define THREADS_MAX 256

/* ---- load, free ---- */

static enum vanta_status make_runner(struct vanta_xtts_gpt *gpt, struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &gpt->sizes;
    size_t nodes = gpt_graph_nodes(s->blocks);

    gpt->cpu = ggml_backend_init_by_type(GGML_BACKEND_DEVICE_TYPE_CPU, NULL);
    if (gpt->cpu == NULL)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED, "ggml has no CPU backend here");
    gpt->allocator = ggml_gallocr_new(ggml_backend_get_default_buffer_type(gpt->cpu));
    gpt->graph_bytes =
        nodes * ggml_tensor_overhead() + ggml_graph_overhead_custom(nodes, false);
    gpt->graph_memory = malloc(gpt->graph_bytes);
    gpt->latents = malloc((size_t)s->latents * s->width * sizeof *gpt->latents);
    gpt->rows = malloc((size_t)gpt->places * s->width * sizeof *gpt->rows);
    if (gpt->allocator == NULL || gpt->graph_memory == NULL || gpt->latents == NULL ||
        gpt->rows == NULL)
        return vanta_fail_memory(err);
    return VANTA_OK;
}

enum vanta_status vanta_xtts_gpt_load(const struct vanta_xtts_file *file,
                                      struct vanta_xtts_gpt **out,
                                      struct vanta_error *err)
{
    struct vanta_xtts_gpt *gpt = calloc(1, sizeof *gpt);
    enum vanta_status status;

    *out = NULL;
    if (gpt == NULL)
        return vanta_fail_memory(err);
    gpt->file = file;
    gpt->sizes = file->sizes;
    status = gpt_load(gpt, err);
    if (status == VANTA_OK)
        status = make_runner(gpt, err);
    if (status != VANTA_OK)
        vanta_xtts_gpt_free(gpt);
    else
        *out = gpt;
    return status;
}

void vanta_xtts_gpt_free(struct vanta_xtts_gpt *gpt)
{
    if (gpt == NULL)
        return;
    ggml_free(gpt->graph.context);
    ggml_gallocr_free(gpt->allocator);
    if (gpt->cpu != NULL)
        ggml_backend_free(gpt->cpu);
    ggml_backend_buffer_free(gpt->cache);
    ggml_backend_buffer_free(gpt->weights);
    ggml_free(gpt->context);
    if (gpt->cache_map != NULL)
        munmap(gpt->cache_map, gpt->cache_bytes);
    free(gpt->blocks);
    free(gpt->graph_memory);
    free(gpt->latents);
    free(gpt->rows);
    free(gpt);
}

void vanta_xtts_gpt_memory(const struct vanta_xtts_gpt *gpt,
                           struct vanta_xtts_gpt_memory *out)
{
    *out = (struct vanta_xtts_gpt_memory){
        .parameters = gpt->values,
        .weight_bytes = gpt->weight_bytes,
        .cache_bytes = gpt->cache_bytes,
        .compute_bytes = gpt->graph_bytes + ggml_gallocr_get_buffer_size(gpt->allocator, 0),
    };
}

/* ---- positions ---- */

/* The next row that waits: of an id of a table and its place in the text or the speech. */
static void add_row(struct vanta_xtts_gpt *gpt, const struct gpt_table *table, uint32_t id,
                    uint32_t position)
{
    uint32_t width = gpt->sizes.width;
    const float *shift = (const float *)table->positions.data + (size_t)position * width;
    float *row = gpt->rows + (size_t)gpt->waiting++ * width;

    vanta_xtts_tensor_floats(&table->rows, (size_t)id * width, width, row);
    for (uint32_t i = 0; i < width; i++)
        row[i] += shift[i];
}

enum vanta_status vanta_xtts_gpt_begin(struct vanta_xtts_gpt *gpt, const float *latents,
                                       const int32_t *ids, size_t n,
                                       struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &gpt->sizes;
    size_t bytes = (size_t)s->latents * s->width * sizeof *latents;

    if (n >= s->text_max_tokens)
        return vanta_fail(err, VANTA_ERR_USAGE,
                          "a sentence of %zu tokens; the model takes fewer than %u", n,
                          s->text_max_tokens);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (uint32_t)ids[i] >= s->text_vocabulary)
            return vanta_fail(err, VANTA_ERR_USAGE,
                              "token %d is not in the vocabulary of %u", ids[i],
                              s->text_vocabulary);
    if (memcmp(gpt->latents, latents, bytes) != 0)
        gpt->prepared = false;
    memcpy(gpt->latents, latents, bytes);
    gpt->waiting = gpt->codes = 0;
    gpt->done = s->latents;
    add_row(gpt, &gpt->text, s->text_start, 0);
    for (size_t i = 0; i < n; i++)
        add_row(gpt, &gpt->text, (uint32_t)ids[i], (uint32_t)i + 1);
    add_row(gpt, &gpt->text, s->text_stop, (uint32_t)n + 1);
    return VANTA_OK;
}

/* ---- running ---- */

static bool cancelled(void *arg)
{
    const atomic_bool *cancel = arg;

    return cancel != NULL && atomic_load(cancel);
}

/* The CPU backend's own functions are asked for by name: it may be a plugin. */
static void set_up(const struct vanta_xtts_gpt *gpt, const struct vanta_xtts_gpt_run *run,
                   uint32_t tokens)
{
    unsigned threads = tokens > 1 ? run->prefix_threads : run->code_threads;
    ggml_backend_reg_t reg = ggml_backend_dev_backend_reg(ggml_backend_get_device(gpt->cpu));
    ggml_backend_set_n_threads_t set_threads = (ggml_backend_set_n_threads_t)
        ggml_backend_reg_get_proc_address(reg, "ggml_backend_set_n_threads");
    ggml_backend_set_abort_callback_t set_abort = (ggml_backend_set_abort_callback_t)
        ggml_backend_reg_get_proc_address(reg, "ggml_backend_set_abort_callback");

    if (set_threads != NULL)
        set_threads(gpt->cpu, (int)(threads < THREADS_MAX ? threads : THREADS_MAX));
    if (set_abort != NULL)
        set_abort(gpt->cpu, cancelled, (void *)(uintptr_t)run->cancel);
}

/* Each position looks at itself and all before it. */
static void feed(const struct vanta_xtts_gpt *gpt, const float *rows, uint32_t first)
{
    const struct gpt_graph *g = &gpt->graph;
    ggml_fp16_t *mask = g->mask->data;
    int64_t *places = g->places->data;

    memcpy(g->rows->data, rows, ggml_nbytes(g->rows));
    for (uint32_t t = 0; t < g->tokens; t++) {
        places[t] = first + t;
        for (uint32_t k = 0; k < g->keys; k++)
            *mask++ = k <= first + t ? 0 : HALF_MINUS_INFINITY;
    }
}

static bool all_finite(const float *values, size_t n)
{
    float sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += values[i] * 0;
    return sum == 0;
}

/* Rows at the places from first on; results of the last `outputs`. */
static enum vanta_status evaluate(struct vanta_xtts_gpt *gpt,
                                  const struct vanta_xtts_gpt_run *run, const float *rows,
                                  uint32_t first, uint32_t tokens, uint32_t outputs,
                                  struct vanta_error *err)
{
    uint32_t keys = (first + tokens + KEYS_STEP - 1) / KEYS_STEP * KEYS_STEP;
    enum vanta_status status = gpt_graph_make(gpt, tokens, outputs, keys, err);
    enum ggml_status computed;

    if (status != VANTA_OK)
        return status;
    set_up(gpt, run, tokens);
    feed(gpt, rows, first);
    computed = cancelled((void *)(uintptr_t)run->cancel)
                   ? GGML_STATUS_ABORTED
                   : ggml_backend_graph_compute(gpt->cpu, gpt->graph.graph);
    if (computed == GGML_STATUS_ABORTED)
        return vanta_fail(err, VANTA_ERR_CANCELLED, "cancelled");
    if (computed == GGML_STATUS_ALLOC_FAILED)
        return vanta_fail_memory(err);
    if (computed != GGML_STATUS_SUCCESS)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED, "ggml could not run the GPT");
    return VANTA_OK;
}

static enum vanta_status add_codes(struct vanta_xtts_gpt *gpt, const int32_t *codes,
                                   size_t count, struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &gpt->sizes;

    if (count == 0 || count > s->audio_max_tokens - gpt->codes)
        return vanta_fail(err, VANTA_ERR_USAGE, "more than %u codes in an utterance",
                          s->audio_max_tokens);
    for (size_t i = 0; i < count; i++) {
        if (codes[i] < 0 || (uint32_t)codes[i] >= s->audio_vocabulary)
            return vanta_fail(err, VANTA_ERR_USAGE, "code %d is not one of the model's %u",
                              codes[i], s->audio_vocabulary);
        add_row(gpt, &gpt->audio, (uint32_t)codes[i], gpt->codes++);
    }
    return VANTA_OK;
}

enum vanta_status vanta_xtts_gpt_next(struct vanta_xtts_gpt *gpt,
                                      const struct vanta_xtts_gpt_run *run,
                                      const int32_t *codes, size_t count, float *hidden,
                                      float *logits, struct vanta_error *err)
{
    uint32_t latents = gpt->sizes.latents;
    enum vanta_status status = add_codes(gpt, codes, count, err);

    if (status == VANTA_OK && !gpt->prepared) {
        status = evaluate(gpt, run, gpt->latents, 0, latents, 0, err);
        gpt->prepared = status == VANTA_OK;
    }
    if (status == VANTA_OK)
        status = evaluate(gpt, run, gpt->rows, gpt->done, gpt->waiting, (uint32_t)count,
                          err);
    if (status != VANTA_OK)
        return status;
    gpt->done += gpt->waiting;
    gpt->waiting = 0;
    memcpy(hidden, gpt->graph.hidden->data, ggml_nbytes(gpt->graph.hidden));
    memcpy(logits, gpt->graph.logits->data, ggml_nbytes(gpt->graph.logits));
    if (!all_finite(logits, count * gpt->sizes.audio_vocabulary))
        return vanta_fail(err, VANTA_ERR_CHECK,
                          "%s: its logits are not numbers: the model's weights or the "
                          "voice are damaged", gpt->file->path);
    return VANTA_OK;
}
