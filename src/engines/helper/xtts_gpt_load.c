/* The GPT's tensors, in place in the mapped file, and room for its keys and values. */
#include <stdlib.h>
#include <sys/mman.h>

#include "base/error.h"
#include "engines/helper/xtts_gpt_private.h"

#define PAGE_BYTES 4096
#define CACHE_STEP 64 /* places looked at are multiples of this */
#define TENSORS_OF_BLOCK 14
#define TENSORS 16
#define ANY (XTTS_F32 | XTTS_F16 | XTTS_Q8_0)

/* Where a tensor goes and what it is called, without block, .weight or .bias. */
struct wanted {
    const char *name;
    struct gpt_layer *layer;
    int types;
    int64_t inputs, outputs; /* inputs 0: a norm */
};

static enum vanta_status place(struct vanta_xtts_gpt *gpt,
                               const struct vanta_xtts_tensor *found, int64_t inputs,
                               int64_t outputs, struct ggml_tensor **out,
                               struct vanta_error *err)
{
    *out = outputs > 0
               ? ggml_new_tensor_2d(gpt->context, found->type, inputs, outputs)
               : ggml_new_tensor_1d(gpt->context, found->type, inputs);
    gpt->weight_bytes += found->bytes;
    gpt->values += found->values;
    if (ggml_backend_tensor_alloc(gpt->weights, *out,
                                  (void *)(uintptr_t)found->data) != GGML_STATUS_SUCCESS)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s: ggml does not take its tensors",
                          gpt->file->path);
    return VANTA_OK;
}

/* block < 0: not of one. */
static enum vanta_status take(struct vanta_xtts_gpt *gpt, int block,
                              const struct wanted *w, struct vanta_error *err)
{
    int64_t matrix[2] = {w->inputs, w->outputs};
    struct vanta_xtts_tensor weight, bias;
    enum vanta_status status;
    char name[48];

    if (block < 0)
        snprintf(name, sizeof name, "%s", w->name);
    else
        snprintf(name, sizeof name, "blk.%d.%s", block, w->name);
    status = w->inputs > 0 ? vanta_xtts_tensor(gpt->file, w->types, 2, matrix, &weight,
                                               err, "%s.weight", name)
                           : vanta_xtts_tensor(gpt->file, XTTS_F32, 1, &w->outputs,
                                               &weight, err, "%s.weight", name);
    if (status == VANTA_OK)
        status = vanta_xtts_tensor(gpt->file, XTTS_F32, 1, &w->outputs, &bias, err,
                                   "%s.bias", name);
    if (status == VANTA_OK)
        status = place(gpt, &weight, w->inputs > 0 ? w->inputs : w->outputs,
                       w->inputs > 0 ? w->outputs : 0, &w->layer->weight, err);
    if (status == VANTA_OK)
        status = place(gpt, &bias, w->outputs, 0, &w->layer->bias, err);
    return status;
}

static enum vanta_status take_block(struct vanta_xtts_gpt *gpt, uint32_t n,
                                    struct vanta_error *err)
{
    struct gpt_block *b = &gpt->blocks[n];
    int64_t width = gpt->sizes.width, inner = gpt->sizes.feed_forward;
    const struct wanted wanted[] = {
        {"attn_norm", &b->attention_norm, XTTS_F32, 0, width},
        {"attn_qkv", &b->qkv, ANY, width, 3 * width},
        {"attn_output", &b->output, ANY, width, width},
        {"ffn_norm", &b->feed_norm, XTTS_F32, 0, width},
        {"ffn_up", &b->up, ANY, width, inner},
        {"ffn_down", &b->down, ANY, inner, width},
    };
    enum vanta_status status = VANTA_OK;

    for (size_t i = 0; status == VANTA_OK && i < sizeof wanted / sizeof *wanted; i++)
        status = take(gpt, (int)n, &wanted[i], err);
    return status;
}

static enum vanta_status take_table(struct vanta_xtts_gpt *gpt, const char *name,
                                    int64_t rows, int64_t positions,
                                    struct gpt_table *out, struct vanta_error *err)
{
    int64_t width = gpt->sizes.width;
    enum vanta_status status =
        vanta_xtts_tensor(gpt->file, XTTS_F32 | XTTS_F16, 2, (int64_t[]){width, rows},
                          &out->rows, err, "%s_embd.weight", name);

    if (status == VANTA_OK)
        status = vanta_xtts_tensor(gpt->file, XTTS_F32, 2, (int64_t[]){width, positions},
                                   &out->positions, err, "%s_pos.weight", name);
    if (status == VANTA_OK) {
        gpt->weight_bytes += out->rows.bytes + out->positions.bytes;
        gpt->values += out->rows.values + out->positions.values;
    }
    return status;
}

static enum vanta_status take_all(struct vanta_xtts_gpt *gpt, struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &gpt->sizes;
    const struct wanted wanted[] = {
        {"output_norm", &gpt->last_norm, XTTS_F32, 0, s->width},
        {"final_norm", &gpt->final_norm, XTTS_F32, 0, s->width},
        {"audio_head", &gpt->head, XTTS_F32 | XTTS_F16, s->width, s->audio_vocabulary},
    };
    enum vanta_status status = take_table(gpt, "text", s->text_vocabulary,
                                          s->text_positions, &gpt->text, err);

    if (status == VANTA_OK)
        status = take_table(gpt, "audio", s->audio_vocabulary, s->audio_positions,
                            &gpt->audio, err);
    for (uint32_t n = 0; status == VANTA_OK && n < s->blocks; n++)
        status = take_block(gpt, n, err);
    for (size_t i = 0; status == VANTA_OK && i < sizeof wanted / sizeof *wanted; i++)
        status = take(gpt, -1, &wanted[i], err);
    return status;
}

/* Zeros that take no memory until they are written. Whole weights deserve whole keys. */
static enum vanta_status make_cache(struct vanta_xtts_gpt *gpt, struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &gpt->sizes;
    enum ggml_type type = gpt->blocks[0].qkv.weight->type == GGML_TYPE_F32
                              ? GGML_TYPE_F32
                              : GGML_TYPE_F16;
    uint32_t most = s->latents + s->text_max_tokens + 1 + s->audio_max_tokens;
    size_t bytes;

    gpt->places = (most + CACHE_STEP - 1) / CACHE_STEP * CACHE_STEP;
    bytes = gpt->places * (size_t)s->width * ggml_type_size(type);
    gpt->cache_bytes = 2 * bytes * s->blocks;
    gpt->cache_map = mmap(NULL, gpt->cache_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (gpt->cache_map == MAP_FAILED) {
        gpt->cache_map = NULL;
        return vanta_fail_memory(err);
    }
    gpt->cache = ggml_backend_cpu_buffer_from_ptr(gpt->cache_map, gpt->cache_bytes);
    if (gpt->cache == NULL)
        return vanta_fail_memory(err);
    for (uint32_t i = 0; i < 2 * s->blocks; i++) {
        struct ggml_tensor *t =
            ggml_new_tensor_2d(gpt->context, type, s->width, gpt->places);

        if (ggml_backend_tensor_alloc(gpt->cache, t, (char *)gpt->cache_map +
                                                         i * bytes) != GGML_STATUS_SUCCESS)
            return vanta_fail_memory(err);
        *(i % 2 == 0 ? &gpt->blocks[i / 2].keys : &gpt->blocks[i / 2].values) = t;
    }
    return VANTA_OK;
}

static unsigned touch(const void *data, size_t bytes)
{
    const volatile unsigned char *at = data;
    unsigned sum = 0;

    for (size_t i = 0; i < bytes; i += PAGE_BYTES)
        sum += at[i];
    return sum;
}

static void touch_all(const struct vanta_xtts_gpt *gpt)
{
    for (struct ggml_tensor *t = ggml_get_first_tensor(gpt->context); t != NULL;
         t = ggml_get_next_tensor(gpt->context, t))
        if (t->buffer == gpt->weights)
            touch(t->data, ggml_nbytes(t));
}

enum vanta_status gpt_load(struct vanta_xtts_gpt *gpt, struct vanta_error *err)
{
    size_t tensors = gpt->sizes.blocks * (size_t)TENSORS_OF_BLOCK + TENSORS;
    struct ggml_init_params params = {.mem_size = tensors * ggml_tensor_overhead(),
                                      .no_alloc = true};
    enum vanta_status status;

    gpt->context = ggml_init(params);
    gpt->blocks = calloc(gpt->sizes.blocks, sizeof *gpt->blocks);
    /* Nothing writes to a weight: the map is read-only. */
    gpt->weights = ggml_backend_cpu_buffer_from_ptr(gpt->file->map, gpt->file->map_bytes);
    if (gpt->context == NULL || gpt->blocks == NULL || gpt->weights == NULL)
        return vanta_fail_memory(err);
    status = take_all(gpt, err);
    if (status == VANTA_OK)
        status = make_cache(gpt, err);
    if (status == VANTA_OK)
        touch_all(gpt);
    return status;
}
