#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/platform.h"
#include "engines/helper/encoder_ops.h"
#include "engines/helper/encoder_private.h"

#define BATCH_TOKENS 512 /* enough to keep the matrices busy; more only costs memory */
#define THREADS_MAX 256

/* A sentence of the call while it is sorted. */
struct order {
    uint32_t length;
    size_t index, at; /* of the call; first id */
};

/* The functions of the CPU backend are asked for by name: it may be a plugin. */
static void set_threads(ggml_backend_t cpu, unsigned threads)
{
    ggml_backend_reg_t reg = ggml_backend_dev_backend_reg(ggml_backend_get_device(cpu));
    ggml_backend_set_n_threads_t set = (ggml_backend_set_n_threads_t)
        ggml_backend_reg_get_proc_address(reg, "ggml_backend_set_n_threads");

    if (set != NULL)
        set(cpu, (int)threads);
}

static void set_cancel(ggml_backend_t cpu, ggml_abort_callback callback, void *arg)
{
    ggml_backend_reg_t reg = ggml_backend_dev_backend_reg(ggml_backend_get_device(cpu));
    ggml_backend_set_abort_callback_t set = (ggml_backend_set_abort_callback_t)
        ggml_backend_reg_get_proc_address(reg, "ggml_backend_set_abort_callback");

    if (set != NULL)
        set(cpu, callback, arg);
}

static bool cancelled(void *arg)
{
    const atomic_bool *cancel = arg;

    return cancel != NULL && atomic_load(cancel);
}

static enum vanta_status open_devices(struct vanta_encoder *encoder, bool gpu,
                                      struct vanta_error *err)
{
    ggml_backend_t backends[2];
    int count = 0;

    encoder->cpu = ggml_backend_init_by_type(GGML_BACKEND_DEVICE_TYPE_CPU, NULL);
    if (encoder->cpu == NULL)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED, "ggml has no CPU backend here");
    set_threads(encoder->cpu, encoder->threads);
    if (gpu)
        encoder->device = ggml_backend_init_by_type(GGML_BACKEND_DEVICE_TYPE_GPU, NULL);
    if (gpu && encoder->device == NULL)
        encoder->device = ggml_backend_init_by_type(GGML_BACKEND_DEVICE_TYPE_IGPU, NULL);
    if (encoder->device != NULL)
        backends[count++] = encoder->device;
    backends[count++] = encoder->cpu;
    snprintf(encoder->info.device, sizeof encoder->info.device, "%s",
             ggml_backend_name(backends[0]));
    return VANTA_OK;
}

static enum vanta_status make_scheduler(struct vanta_encoder *encoder,
                                        struct vanta_error *err)
{
    ggml_backend_t backends[2] = {encoder->device, encoder->cpu};
    bool gpu = encoder->device != NULL;
    /* Each group of lengths has its own attention, but on our own kernels. */
    size_t layer = 32 + (encoder->kernel != NULL ? 0 : 20 * ENCODER_GROUPS_MAX);

    encoder->graph_nodes = encoder->info.layers * layer + 64;
    encoder->graph_memory_bytes =
        encoder->graph_nodes * ggml_tensor_overhead() +
        ggml_graph_overhead_custom(encoder->graph_nodes, false);
    encoder->graph_memory = malloc(encoder->graph_memory_bytes);
    encoder->sched = ggml_backend_sched_new(gpu ? backends : backends + 1, NULL,
                                            gpu ? 2 : 1, encoder->graph_nodes, false,
                                            true);
    if (encoder->graph_memory == NULL || encoder->sched == NULL)
        return vanta_fail_memory(err);
    return VANTA_OK;
}

/* MPNet's bias for every distance: [heads][max_tokens - 1 + key - query]. */
static enum vanta_status spread_relative(struct vanta_encoder *encoder,
                                         struct vanta_error *err)
{
    uint32_t heads = encoder->info.heads;
    int32_t most = (int32_t)encoder->info.max_tokens - 1;
    float *table, *out;

    if (encoder->weights.relative == NULL)
        return VANTA_OK;
    table = malloc(ggml_nbytes(encoder->weights.relative));
    out = encoder->relative =
        malloc((size_t)heads * (2 * (size_t)most + 1) * sizeof *encoder->relative);
    if (table == NULL || out == NULL) {
        free(table);
        return vanta_fail_memory(err);
    }
    ggml_backend_tensor_get(encoder->weights.relative, table, 0,
                            ggml_nbytes(encoder->weights.relative));
    for (uint32_t head = 0; head < heads; head++)
        for (int32_t distance = -most; distance <= most; distance++)
            *out++ = table[encoder_bucket(distance) * heads + head];
    free(table);
    return VANTA_OK;
}

static enum vanta_status make_batch(struct vanta_encoder *encoder,
                                    struct vanta_error *err)
{
    struct encoder_batch *batch = &encoder->batch;
    size_t tokens = encoder->batch_tokens;

    batch->group = calloc(tokens, sizeof *batch->group);
    batch->length = calloc(tokens, sizeof *batch->length);
    batch->first = calloc(tokens, sizeof *batch->first);
    batch->ids = calloc(tokens, sizeof *batch->ids);
    batch->positions = calloc(tokens, sizeof *batch->positions);
    if (batch->group == NULL || batch->length == NULL || batch->first == NULL ||
        batch->ids == NULL || batch->positions == NULL)
        return vanta_fail_memory(err);
    return VANTA_OK;
}

enum vanta_status vanta_encoder_load(const char *path,
                                     const struct vanta_encoder_options *options,
                                     struct vanta_encoder **out, struct vanta_error *err)
{
    struct vanta_encoder *encoder = calloc(1, sizeof *encoder);
    enum vanta_status status;

    *out = NULL;
    if (encoder == NULL)
        return vanta_fail_memory(err);
    encoder->threads = options->threads;
    if (encoder->threads == 0) {
        struct vanta_machine machine;
        vanta_machine_read(&machine);
        encoder->threads = machine.cores;
    }
    if (encoder->threads < 1)
        encoder->threads = 1;
    if (encoder->threads > THREADS_MAX)
        encoder->threads = THREADS_MAX;
    if ((status = open_devices(encoder, options->gpu, err)) != VANTA_OK ||
        (status = encoder_weights_load(encoder, path, err)) != VANTA_OK)
        goto out;
    encoder->batch_tokens = options->batch_tokens ? options->batch_tokens : BATCH_TOKENS;
    if (encoder->batch_tokens < encoder->info.max_tokens)
        encoder->batch_tokens = encoder->info.max_tokens;
    if (encoder->batch_tokens > VANTA_ENCODER_BATCH_TOKENS_MAX)
        encoder->batch_tokens = VANTA_ENCODER_BATCH_TOKENS_MAX;
    if ((status = spread_relative(encoder, err)) != VANTA_OK ||
        (!options->plain && (status = encoder_ops_open(encoder, err)) != VANTA_OK) ||
        (status = make_batch(encoder, err)) != VANTA_OK)
        goto out;
    status = make_scheduler(encoder, err);
out:
    if (status != VANTA_OK) {
        vanta_encoder_free(encoder);
        return status;
    }
    *out = encoder;
    return VANTA_OK;
}

void vanta_encoder_info(const struct vanta_encoder *encoder,
                        struct vanta_encoder_info *out)
{
    *out = encoder->info;
}

/* Longest first: the first batch then needs the most memory, no later one grows it. */
static int compare_order(const void *a, const void *b)
{
    const struct order *x = a, *y = b;

    if (x->length != y->length)
        return x->length > y->length ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Packs sentences from order on into the batch, and returns how many. */
static size_t fill_batch(struct vanta_encoder *encoder, const struct order *order,
                         size_t count, const int32_t *ids)
{
    struct encoder_batch *batch = &encoder->batch;
    struct encoder_group *group = NULL;
    size_t i;

    batch->tokens = batch->sentences = batch->groups = 0;
    for (i = 0; i < count; i++) {
        uint32_t length = order[i].length, first = batch->tokens;

        if (length > encoder->batch_tokens - first)
            break;
        if (group == NULL || group->tokens != length) {
            if (batch->groups == ENCODER_GROUPS_MAX)
                break;
            group = &batch->group[batch->groups++];
            *group = (struct encoder_group){.tokens = length, .first = first};
        }
        group->sentences++;
        batch->length[batch->sentences] = length;
        batch->first[batch->sentences++] = first;
        memcpy(batch->ids + first, ids + order[i].at, length * sizeof *ids);
        for (uint32_t t = 0; t < length; t++)
            batch->positions[first + t] = (int32_t)(encoder->position_first + t);
        batch->tokens += length;
    }
    return i;
}

/* The mean of n rows or the first of them, to unit length where the model wants it. The
 * sums are double, so that long texts lose nothing. */
static bool pool(const struct vanta_encoder *encoder, const float *rows, uint32_t n,
                 double *sum, float *out)
{
    uint32_t dimensions = encoder->info.dimensions;
    double square = 0, scale = 1;

    if (encoder->pool_first)
        n = 1;
    memset(sum, 0, dimensions * sizeof *sum);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t d = 0; d < dimensions; d++)
            sum[d] += (double)rows[(size_t)i * dimensions + d];
    for (uint32_t d = 0; d < dimensions; d++) {
        sum[d] /= n;
        square += sum[d] * sum[d];
    }
    if (!isfinite(square))
        return false;
    if (encoder->normalize)
        scale = 1.0 / fmax(sqrt(square), 1e-12);
    for (uint32_t d = 0; d < dimensions; d++)
        out[d] = (float)(sum[d] * scale);
    return true;
}

static enum vanta_status pool_batch(struct vanta_encoder *encoder,
                                    const struct encoder_graph *graph,
                                    const struct order *order, float *hidden, double *sum,
                                    float *out, struct vanta_error *err)
{
    const struct encoder_batch *batch = &encoder->batch;
    uint32_t d = encoder->info.dimensions;

    ggml_backend_tensor_get(graph->hidden, hidden, 0, ggml_nbytes(graph->hidden));
    for (uint32_t i = 0; i < batch->sentences; i++)
        if (!pool(encoder, hidden + (size_t)batch->first[i] * d, batch->length[i], sum,
                  out + order[i].index * d))
            return vanta_fail(err, VANTA_ERR_CHECK,
                              "the vector of text %zu is not finite; the model's weights "
                              "are damaged", order[i].index + 1);
    return VANTA_OK;
}

static void note_compute(struct vanta_encoder *encoder)
{
    uint64_t bytes = encoder->graph_memory_bytes +
                     encoder->scratch_bytes * encoder->threads +
                     (uint64_t)encoder->batch_tokens * encoder->info.dimensions *
                         sizeof(float);

    for (int i = 0; i < ggml_backend_sched_get_n_backends(encoder->sched); i++)
        bytes += ggml_backend_sched_get_buffer_size(
            encoder->sched, ggml_backend_sched_get_backend(encoder->sched, i));
    if (bytes > encoder->info.compute_bytes)
        encoder->info.compute_bytes = bytes;
}

static enum vanta_status run_batch(struct vanta_encoder *encoder,
                                   const struct order *order, float *hidden, double *sum,
                                   float *out, struct vanta_error *err)
{
    struct encoder_graph graph;
    enum ggml_status computed;
    enum vanta_status status;

    ggml_backend_sched_reset(encoder->sched);
    status = encoder_graph_build(encoder, &graph, err);
    if (status != VANTA_OK)
        return status;
    if (!ggml_backend_sched_alloc_graph(encoder->sched, graph.graph)) {
        status = vanta_fail_memory(err);
        goto out;
    }
    note_compute(encoder);
    status = encoder_graph_feed(encoder, &graph, err);
    if (status != VANTA_OK)
        goto out;
    computed = ggml_backend_sched_graph_compute(encoder->sched, graph.graph);
    if (computed == GGML_STATUS_ABORTED)
        status = vanta_fail(err, VANTA_ERR_CANCELLED, "cancelled");
    else if (computed == GGML_STATUS_ALLOC_FAILED)
        status = vanta_fail_memory(err);
    else if (computed != GGML_STATUS_SUCCESS)
        status = vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s could not run the encoder",
                            encoder->info.device);
    else
        status = pool_batch(encoder, &graph, order, hidden, sum, out, err);
out:
    ggml_free(graph.context);
    return status;
}

/* Checks the input and lists the sentences in the order of work. */
static enum vanta_status sort_input(const struct vanta_encoder *encoder,
                                    const int32_t *ids, const uint32_t *lengths,
                                    size_t count, struct order *order,
                                    struct vanta_error *err)
{
    const struct vanta_encoder_info *info = &encoder->info;
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        if (lengths[i] < 1 || lengths[i] > info->max_tokens)
            return vanta_fail(err, VANTA_ERR_USAGE,
                              "text %zu has %u tokens; the model takes 1 to %u", i + 1,
                              lengths[i], info->max_tokens);
        for (uint32_t t = 0; t < lengths[i]; t++)
            if (ids[at + t] < 0 || (uint32_t)ids[at + t] >= info->vocabulary)
                return vanta_fail(err, VANTA_ERR_USAGE,
                                  "text %zu: token %d is not in the vocabulary of %u",
                                  i + 1, ids[at + t], info->vocabulary);
        order[i] = (struct order){.length = lengths[i], .index = i, .at = at};
        at += lengths[i];
    }
    qsort(order, count, sizeof *order, compare_order);
    return VANTA_OK;
}

enum vanta_status vanta_encoder_embed(struct vanta_encoder *encoder, const int32_t *ids,
                                      const uint32_t *lengths, size_t count, float *out,
                                      const atomic_bool *cancel, struct vanta_error *err)
{
    uint32_t d = encoder->info.dimensions;
    struct order *order = calloc(count ? count : 1, sizeof *order);
    float *hidden = malloc((size_t)encoder->batch_tokens * d * sizeof *hidden);
    double *sum = malloc(d * sizeof *sum);
    enum vanta_status status;
    size_t done = 0;

    if (order == NULL || hidden == NULL || sum == NULL) {
        status = vanta_fail_memory(err);
        goto out;
    }
    set_cancel(encoder->cpu, cancelled, (void *)(uintptr_t)cancel);
    status = sort_input(encoder, ids, lengths, count, order, err);
    while (status == VANTA_OK && done < count) {
        size_t taken = fill_batch(encoder, order + done, count - done, ids);

        if (cancelled((void *)(uintptr_t)cancel))
            status = vanta_fail(err, VANTA_ERR_CANCELLED, "cancelled");
        else
            status = run_batch(encoder, order + done, hidden, sum, out, err);
        done += taken;
    }
    set_cancel(encoder->cpu, NULL, NULL);
out:
    free(order);
    free(hidden);
    free(sum);
    return status;
}

void vanta_encoder_free(struct vanta_encoder *encoder)
{
    if (encoder == NULL)
        return;
    ggml_backend_sched_free(encoder->sched);
    ggml_backend_buffer_free(encoder->buffer);
    ggml_free(encoder->context);
    if (encoder->device != NULL)
        ggml_backend_free(encoder->device);
    if (encoder->cpu != NULL)
        ggml_backend_free(encoder->cpu);
    encoder_ops_close(encoder);
    encoder_weights_free(encoder);
    free(encoder->relative);
    free(encoder->graph_memory);
    free(encoder->batch.group);
    free(encoder->batch.length);
    free(encoder->batch.first);
    free(encoder->batch.ids);
    free(encoder->batch.positions);
    free(encoder);
}
