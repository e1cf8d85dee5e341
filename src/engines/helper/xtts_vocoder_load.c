#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engines/helper/xtts_vocoder_private.h"

#define XTTS_CHANNELS_MAX 4096

/* The extent of a tensor that no key states: channels behind a layer are the length of
 * its bias. */
static enum vanta_status read_channels(const struct vanta_xtts_file *file,
                                       const char *name, uint32_t *out,
                                       struct vanta_error *err)
{
    int64_t id = gguf_find_tensor(file->gguf, name), n;

    if (id < 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: no tensor %s", file->path, name);
    n = gguf_get_tensor_ne(file->gguf, id)[0];
    if (n < 1 || n > XTTS_CHANNELS_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT,
                          "%s: tensor %s has %lld values; 1 to %d can be used here",
                          file->path, name, (long long)n, XTTS_CHANNELS_MAX);
    *out = (uint32_t)n;
    return VANTA_OK;
}

/* {inputs, 2 * rate, channels} -> two taps for each phase: the later half of the kernel
 * belongs to the earlier input. */
static enum vanta_status load_up(const struct vanta_xtts_file *file, uint32_t i,
                                 struct vocoder_stage *s, struct vanta_error *err)
{
    int64_t extents[] = {s->inputs, 2 * (int64_t)s->rate, s->channels};
    size_t row = (size_t)s->inputs * 2 * s->rate;
    struct vanta_xtts_tensor weight, bias;
    enum vanta_status status;
    float *values = NULL;

    status = vanta_xtts_tensor(file, XTTS_F32 | XTTS_F16, 3, extents, &weight, err,
                               "voc.up.%u.weight", i);
    if (status == VANTA_OK)
        status = vanta_xtts_tensor(file, XTTS_F32, 1, extents + 2, &bias, err,
                                   "voc.up.%u.bias", i);
    if (status != VANTA_OK)
        return status;
    s->phase = calloc(s->rate, sizeof *s->phase);
    s->bias = xtts_floats(s->channels);
    values = xtts_floats(row);
    if (s->phase == NULL || s->bias == NULL || values == NULL)
        status = vanta_fail_memory(err);
    for (uint32_t p = 0; status == VANTA_OK && p < s->rate; p++)
        status = xtts_weights_make(2, s->inputs, s->channels, &s->phase[p], err);
    for (uint32_t o = 0; status == VANTA_OK && o < s->channels; o++) {
        vanta_xtts_tensor_floats(&weight, o * row, row, values);
        for (uint32_t k = 0; k < 2 * s->rate; k++)
            for (uint32_t n = 0; n < s->inputs; n++)
                *xtts_weight(&s->phase[k % s->rate], o, k < s->rate, n) =
                    values[(size_t)k * s->inputs + n];
    }
    if (status == VANTA_OK)
        vanta_xtts_tensor_floats(&bias, 0, s->channels, s->bias);
    free(values);
    return status;
}

/* Files whose weights are rounded may have sums that are, where that is faster: by less
 * than f16 weights change them. */
static bool choose_whole(const struct vanta_xtts_file *file,
                         const struct vanta_xtts_kernel *kernel)
{
    int64_t id = gguf_find_key(file->gguf, "general.file_type");

    return kernel->conv_whole != NULL && id >= 0 &&
           gguf_get_kv_type(file->gguf, id) == GGUF_TYPE_UINT32 &&
           gguf_get_val_u32(file->gguf, id) != 0;
}

static enum vanta_status round_block(struct vocoder_block *block, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;

    for (uint32_t m = 0; m < XTTS_DILATIONS && status == VANTA_OK; m++) {
        status = xtts_weights_round(&block->first[m], err);
        if (status == VANTA_OK)
            status = xtts_weights_round(&block->second[m], err);
    }
    return status;
}

static enum vanta_status load_stage(const struct vanta_xtts_file *file, uint32_t i,
                                    struct vocoder_stage *s, struct vanta_error *err)
{
    const struct vanta_xtts_sizes *sizes = &file->sizes;
    enum vanta_status status = load_up(file, i, s, err);

    if (status == VANTA_OK)
        status = xtts_weights_load(file, 1, sizes->speaker_width, s->channels,
                                   &s->condition, err, "voc.cond.%u", i);
    for (uint32_t k = 0; k < sizes->kernels; k++)
        for (uint32_t m = 0; m < XTTS_DILATIONS; m++) {
            uint32_t j = i * sizes->kernels + k;
            if (status == VANTA_OK)
                status = xtts_weights_load(file, sizes->kernel[k], s->channels,
                                           s->channels, &s->block[k].first[m], err,
                                           "voc.res.%u.conv1.%u", j, m);
            if (status == VANTA_OK)
                status = xtts_weights_load(file, sizes->kernel[k], s->channels,
                                           s->channels, &s->block[k].second[m], err,
                                           "voc.res.%u.conv2.%u", j, m);
        }
    return status;
}

/* {7, channels, 1} -> by time, then channel, as the rows lie. */
static enum vanta_status load_post(const struct vanta_xtts_file *file, uint32_t channels,
                                   float **out, struct vanta_error *err)
{
    int64_t extents[] = {VOCODER_PRE_KERNEL, channels};
    size_t n = (size_t)VOCODER_PRE_KERNEL * channels;
    struct vanta_xtts_tensor weight;
    enum vanta_status status;
    float *values;

    status = vanta_xtts_tensor(file, XTTS_F32 | XTTS_F16, 2, extents, &weight, err,
                               "voc.conv_post.weight");
    if (status != VANTA_OK)
        return status;
    *out = xtts_floats(n);
    values = xtts_floats(n);
    if (*out == NULL || values == NULL) {
        free(values);
        return vanta_fail_memory(err);
    }
    vanta_xtts_tensor_floats(&weight, 0, n, values);
    for (uint32_t k = 0; k < VOCODER_PRE_KERNEL; k++)
        for (uint32_t c = 0; c < channels; c++)
            (*out)[(size_t)k * channels + c] = values[(size_t)c * VOCODER_PRE_KERNEL + k];
    free(values);
    return VANTA_OK;
}

static enum vanta_status load(const struct vanta_xtts_file *file,
                              struct vanta_xtts_vocoder *v, struct vanta_error *err)
{
    const struct vanta_xtts_sizes *sizes = &file->sizes;
    uint32_t channels;
    enum vanta_status status = read_channels(file, "voc.conv_pre.bias", &v->channels, err);

    if (status == VANTA_OK)
        status = xtts_weights_load(file, VOCODER_PRE_KERNEL, sizes->vocoder_width,
                                   v->channels, &v->pre, err, "voc.conv_pre");
    if (status == VANTA_OK)
        status = xtts_weights_load(file, 1, sizes->speaker_width, v->channels,
                                   &v->pre_condition, err, "voc.cond_pre");
    channels = v->channels;
    for (uint32_t i = 0; status == VANTA_OK && i < sizes->rates; i++) {
        char name[32];

        snprintf(name, sizeof name, "voc.up.%u.bias", i);
        v->stage[i].rate = sizes->rate[i];
        v->stage[i].inputs = channels;
        status = read_channels(file, name, &v->stage[i].channels, err);
        if (status == VANTA_OK)
            status = load_stage(file, i, &v->stage[i], err);
        for (uint32_t k = 0; k < sizes->kernels && v->stage[i].channels % 2 == 0; k++)
            if (status == VANTA_OK && v->whole)
                status = round_block(&v->stage[i].block[k], err);
        channels = v->stage[i].channels;
    }
    return status != VANTA_OK ? status : load_post(file, channels, &v->post, err);
}

enum vanta_status vanta_xtts_vocoder_load(const struct vanta_xtts_file *file,
                                          const struct vanta_xtts_kernel *kernel,
                                          struct vanta_xtts_vocoder **out,
                                          struct vanta_error *err)
{
    struct vanta_xtts_vocoder *v = calloc(1, sizeof *v);
    struct vocoder_plan plan;
    enum vanta_status status;

    *out = NULL;
    if (v == NULL)
        return vanta_fail_memory(err);
    v->sizes = file->sizes;
    v->kernel = kernel != NULL ? kernel : vanta_xtts_kernel_best();
    v->whole = choose_whole(file, v->kernel);
    status = load(file, v, err);
    if (status != VANTA_OK) {
        vanta_xtts_vocoder_free(v);
        return status;
    }
    vocoder_plan(v, 0, 1, &plan);
    v->context = (uint32_t)-plan.frames.low;
    *out = v;
    return VANTA_OK;
}

void vanta_xtts_vocoder_free(struct vanta_xtts_vocoder *v)
{
    if (v == NULL)
        return;
    for (uint32_t i = 0; i < XTTS_STAGES_MAX; i++) {
        struct vocoder_stage *s = &v->stage[i];
        for (uint32_t p = 0; s->phase != NULL && p < s->rate; p++)
            xtts_weights_free(&s->phase[p]);
        for (uint32_t k = 0; k < XTTS_KERNELS_MAX; k++)
            for (uint32_t m = 0; m < XTTS_DILATIONS; m++) {
                xtts_weights_free(&s->block[k].first[m]);
                xtts_weights_free(&s->block[k].second[m]);
            }
        xtts_weights_free(&s->condition);
        free(s->phase);
        free(s->bias);
    }
    xtts_weights_free(&v->pre);
    xtts_weights_free(&v->pre_condition);
    free(v->post);
    free(v);
}

uint32_t vanta_xtts_vocoder_context(const struct vanta_xtts_vocoder *vocoder)
{
    return vocoder->context;
}
