/* The embedding of a voice: a spectrogram through a residual network of 3 x 3
 * convolutions with squeeze and excitation, then statistics over time, weighted by an
 * attention. Images lie by band, then time, then channel, with a border of zeros, so that
 * a convolution is three taps (bands) of inputs side by side (times and channels). */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engines/helper/xtts_clone_private.h"
#include "engines/helper/xtts_mel.h"
#include "engines/helper/xtts_resample.h"
#include "engines/helper/xtts_share.h"

#define SPEAKER_HZ 16000
#define SPEAKER_FFT 512
#define SPEAKER_WINDOW 400
#define SPEAKER_HOP 160
#define LOG_FLOOR 1e-6F
#define NORM_EPSILON 1e-5 /* of the instance norm, and the least variance */
#define SQUEEZE 8
#define CHANNELS_MAX 1024

/* ---- what it hears ---- */

/* y[t] = x[t] - 0.97 x[t - 1]; before the first there is the second, mirrored. */
static void emphasize(const float filter[2], const float *x, size_t n, float *y)
{
    for (size_t t = 0; t < n; t++)
        y[t] = filter[0] * x[t > 0 ? t - 1 : 1] + filter[1] * x[t];
}

/* Logarithms of the bands, each to mean 0 and variance 1 over time. */
static void normalize_bands(float *rows, size_t frames, size_t bands)
{
    for (size_t b = 0; b < bands; b++) {
        double mean = 0, variance = 0, scale;

        for (size_t t = 0; t < frames; t++) {
            rows[t * bands + b] = logf(rows[t * bands + b] + LOG_FLOOR);
            mean += (double)rows[t * bands + b] / (double)frames;
        }
        for (size_t t = 0; t < frames; t++) {
            double d = (double)rows[t * bands + b] - mean;
            variance += d * d / (double)frames;
        }
        scale = 1 / sqrt(variance + NORM_EPSILON);
        for (size_t t = 0; t < frames; t++)
            rows[t * bands + b] = (float)(((double)rows[t * bands + b] - mean) * scale);
    }
}

/* The emphasized recording's spectrogram: *out has a row of bands for each frame. */
static enum vanta_status listen(const struct clone_run *run, const float *samples,
                                size_t n, float **out, size_t *frames,
                                struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &run->file->sizes;
    float *filter = NULL, *window = NULL, *weights = NULL, *heard = NULL, *sharp = NULL;
    struct vanta_xtts_mel mel = {SPEAKER_FFT, SPEAKER_WINDOW, SPEAKER_HOP,
                                 s->speaker_bands, NULL, NULL};
    enum vanta_status status = clone_vector(run, 2, &filter, err, "spk.preemphasis");
    size_t count = 0;

    if (status == VANTA_OK)
        status = clone_vector(run, SPEAKER_WINDOW, &window, err, "spk.window");
    if (status == VANTA_OK)
        status = clone_matrix(run, SPEAKER_FFT / 2 + 1, s->speaker_bands, &weights, err,
                              "spk.mel");
    if (status == VANTA_OK) {
        heard = vanta_xtts_resample(samples, n, s->input_hz, SPEAKER_HZ, &count);
        sharp = heard != NULL ? xtts_floats(count) : NULL;
        mel.window = window;
        mel.weights = weights;
        *frames = vanta_xtts_mel_frames(&mel, count);
        *out = xtts_floats(*frames * s->speaker_bands);
        if (sharp == NULL || *out == NULL)
            status = vanta_fail_memory(err);
    }
    if (status == VANTA_OK) {
        emphasize(filter, heard, count, sharp);
        if (!vanta_xtts_mel_run(&mel, sharp, count, *out))
            status = vanta_fail_memory(err);
        else
            normalize_bands(*out, *frames, s->speaker_bands);
    }
    free(filter);
    free(window);
    free(weights);
    free(heard);
    free(sharp);
    return status;
}

/* ---- images ---- */

struct image {
    size_t bands, frames, channels;
    float *values; /* (bands + 2) x (frames + 2) x channels */
};

static float *pixel(const struct image *i, size_t band, size_t frame)
{
    return i->values + ((band + 1) * (i->frames + 2) + frame + 1) * i->channels;
}

static enum vanta_status image_make(size_t bands, size_t frames, size_t channels,
                                    struct image *out, struct vanta_error *err)
{
    *out = (struct image){bands, frames, channels,
                          calloc((bands + 2) * (frames + 2) * channels, sizeof(float))};
    return out->values != NULL ? VANTA_OK : vanta_fail_memory(err);
}

/* A convolution of the network; stride 1 or 2 along both axes. */
struct convolving {
    const struct clone_run *run;
    const struct xtts_weights *w;
    const struct image *from, *to;
    size_t stride;
    bool relu;
};

static void convolve_bands(void *user, size_t low, size_t high)
{
    const struct convolving *c = user;
    size_t pitch = (c->from->frames + 2) * c->from->channels;
    size_t border = c->w->taps == 3; /* 3 x 3 begins one before, 1 x 1 on the spot */

    for (size_t band = low; band < high; band++) {
        struct vanta_xtts_conv conv = {
            .x = pixel(c->from, band * c->stride, 0) -
                 border * (pitch + c->from->channels),
            .row = c->stride * c->from->channels, .tap = pitch, .scale = 1,
            .rows = c->to->frames, .ldo = c->to->channels};
        *(c->relu ? &conv.leaky : &conv.out) = pixel(c->to, band, 0);
        xtts_weights_run(c->w, c->run->kernel, conv);
    }
}

/* Batch norm as it is once trained. */
struct affine {
    float *weight, *bias;
};

static void affine_free(struct affine *a)
{
    free(a->weight);
    free(a->bias);
}

static enum vanta_status affine_load(const struct clone_run *run, uint32_t n,
                                     const char *name, struct affine *out,
                                     struct vanta_error *err)
{
    enum vanta_status status =
        clone_vector(run, n, &out->weight, err, "%s.weight", name);

    return status != VANTA_OK
               ? status
               : clone_vector(run, n, &out->bias, err, "%s.bias", name);
}

static void apply_affine(const struct affine *a, float *rows, size_t n, size_t channels)
{
    for (size_t r = 0; r < n; r++, rows += channels)
        for (size_t c = 0; c < channels; c++)
            rows[c] = rows[c] * a->weight[c] + a->bias[c];
}

static void apply_to_image(const struct affine *a, const struct image *i)
{
    for (size_t band = 0; band < i->bands; band++)
        apply_affine(a, pixel(i, band, 0), i->frames, i->channels);
}

/* What follows a convolution directly becomes a part of it. */
static void fold(struct xtts_weights *w, const struct affine *a)
{
    for (uint32_t o = 0; o < w->outputs; o++) {
        for (uint32_t t = 0; t < w->taps; t++)
            for (uint32_t i = 0; i < w->inputs; i++)
                *xtts_weight(w, o, t, i) *= a->weight[o];
        w->bias[o] = w->bias[o] * a->weight[o] + a->bias[o];
    }
}

/* {3 times, 3 bands, inputs, outputs} -> three taps of 3 x inputs; the first convolution
 * has a bias too. */
static enum vanta_status load_3x3(const struct clone_run *run, uint32_t inputs,
                                  uint32_t outputs, const char *name,
                                  struct xtts_weights *out, struct vanta_error *err)
{
    int64_t extents[] = {3, 3, inputs, outputs};
    size_t row = 9 * (size_t)inputs;
    struct vanta_xtts_tensor t;
    char bias[48];
    float *values = NULL;
    enum vanta_status status = vanta_xtts_tensor(run->file, XTTS_F32 | XTTS_F16, 4, extents,
                                                 &t, err, "%s.weight", name);

    if (status == VANTA_OK)
        status = xtts_weights_make(3, 3 * inputs, outputs, out, err);
    if (status == VANTA_OK && (values = xtts_floats(row)) == NULL)
        status = vanta_fail_memory(err);
    for (uint32_t o = 0; status == VANTA_OK && o < outputs; o++) {
        vanta_xtts_tensor_floats(&t, o * row, row, values);
        for (uint32_t i = 0; i < row; i++)
            *xtts_weight(out, o, i / 3 % 3, i % 3 * inputs + i / 9) = values[i];
    }
    free(values);
    snprintf(bias, sizeof bias, "%s.bias", name);
    if (status != VANTA_OK || gguf_find_tensor(run->file->gguf, bias) < 0)
        return status;
    status = vanta_xtts_tensor(run->file, XTTS_F32, 1, extents + 3, &t, err, "%s", bias);
    if (status == VANTA_OK)
        vanta_xtts_tensor_floats(&t, 0, outputs, out->bias);
    return status;
}

/* ---- blocks ---- */

static void gather_means(const struct image *image, float *out)
{
    double sums[CHANNELS_MAX] = {0};

    for (size_t band = 0; band < image->bands; band++)
        for (size_t frame = 0; frame < image->frames; frame++) {
            const float *values = pixel(image, band, frame);
            for (size_t c = 0; c < image->channels; c++)
                sums[c] += (double)values[c];
        }
    for (size_t c = 0; c < image->channels; c++)
        out[c] = (float)(sums[c] / (double)(image->bands * image->frames));
}

/* How much of each channel of image is let through. */
static enum vanta_status excite(const struct clone_run *run, const char *name,
                                const struct image *image, float *gates,
                                struct vanta_error *err)
{
    uint32_t channels = (uint32_t)image->channels, less = channels / SQUEEZE;
    float means[CHANNELS_MAX], squeezed[CHANNELS_MAX];
    struct xtts_weights down = {0}, up = {0};
    enum vanta_status status = xtts_weights_load(run->file, 1, channels, less, &down, err,
                                                 "%s.se_down", name);

    if (status == VANTA_OK)
        status = xtts_weights_load(run->file, 1, less, channels, &up, err, "%s.se_up",
                                   name);
    if (status == VANTA_OK) {
        gather_means(image, means);
        xtts_weights_run(&down, run->kernel,
                         (struct vanta_xtts_conv){.x = means, .scale = 1,
                                                  .leaky = squeezed, .rows = 1});
        xtts_weights_run(&up, run->kernel,
                         (struct vanta_xtts_conv){.x = squeezed, .scale = 1, .out = gates,
                                                  .rows = 1});
        for (uint32_t c = 0; c < channels; c++)
            gates[c] = 1 / (1 + expf(-gates[c]));
    }
    xtts_weights_free(&down);
    xtts_weights_free(&up);
    return status;
}

/* With relu, or with what follows it. */
static enum vanta_status convolve_3x3(const struct clone_run *run, const char *name,
                                      const struct image *from, const struct image *to,
                                      size_t stride, const struct affine *after,
                                      struct vanta_error *err)
{
    struct xtts_weights w = {0};
    struct convolving c = {run, &w, from, to, stride, after == NULL};
    enum vanta_status status = load_3x3(run, (uint32_t)from->channels,
                                        (uint32_t)to->channels, name, &w, err);

    if (status == VANTA_OK && after != NULL)
        fold(&w, after);
    if (status == VANTA_OK)
        xtts_share(run->threads, to->bands, convolve_bands, &c);
    xtts_weights_free(&w);
    return status;
}

/* The way around a block that changes the shape. */
static enum vanta_status take_shortcut(const struct clone_run *run, const char *name,
                                       const struct image *from, size_t stride,
                                       const struct image *to, struct vanta_error *err)
{
    struct xtts_weights w = {0};
    struct affine norm = {0};
    struct convolving c = {run, &w, from, to, stride, false};
    char full[48];
    enum vanta_status status =
        xtts_weights_load(run->file, 1, (uint32_t)from->channels, (uint32_t)to->channels,
                          &w, err, "%s.short", name);

    snprintf(full, sizeof full, "%s.short_bn", name);
    if (status == VANTA_OK)
        status = affine_load(run, (uint32_t)to->channels, full, &norm, err);
    if (status == VANTA_OK) {
        fold(&w, &norm);
        xtts_share(run->threads, to->bands, convolve_bands, &c);
    }
    xtts_weights_free(&w);
    affine_free(&norm);
    return status;
}

/* to = relu(to * gates + around) */
static void join(const struct image *to, const float *gates, const struct image *around)
{
    for (size_t band = 0; band < to->bands; band++)
        for (size_t frame = 0; frame < to->frames; frame++) {
            float *values = pixel(to, band, frame);
            const float *more = pixel(around, band, frame);
            for (size_t c = 0; c < to->channels; c++) {
                float v = values[c] * gates[c] + more[c];
                values[c] = v < 0 ? 0 : v; /* not a number stays none */
            }
        }
}

/* image becomes the block's result. */
static enum vanta_status run_block(const struct clone_run *run, uint32_t level,
                                   uint32_t block, uint32_t channels, struct image *image,
                                   struct vanta_error *err)
{
    size_t stride = level > 0 && block == 0 ? 2 : 1;
    size_t bands = (image->bands - 1) / stride + 1, frames = (image->frames - 1) / stride + 1;
    struct image middle = {0}, to = {0}, around = {0};
    struct affine norm1 = {0}, norm2 = {0};
    float gates[CHANNELS_MAX];
    char name[24], part[40];
    enum vanta_status status = clone_check(run, err);

    snprintf(name, sizeof name, "spk.%u.%u", level + 1, block);
    if (status == VANTA_OK)
        status = image_make(bands, frames, channels, &middle, err);
    if (status == VANTA_OK)
        status = image_make(bands, frames, channels, &to, err);
    snprintf(part, sizeof part, "%s.bn1", name);
    if (status == VANTA_OK)
        status = affine_load(run, channels, part, &norm1, err);
    snprintf(part, sizeof part, "%s.bn2", name);
    if (status == VANTA_OK)
        status = affine_load(run, channels, part, &norm2, err);
    snprintf(part, sizeof part, "%s.conv1", name);
    if (status == VANTA_OK)
        status = convolve_3x3(run, part, image, &middle, stride, NULL, err);
    if (status == VANTA_OK)
        apply_to_image(&norm1, &middle);
    snprintf(part, sizeof part, "%s.conv2", name);
    if (status == VANTA_OK)
        status = convolve_3x3(run, part, &middle, &to, 1, &norm2, err);
    if (status == VANTA_OK)
        status = excite(run, name, &to, gates, err);
    if (status == VANTA_OK && level > 0 && block == 0) {
        status = image_make(bands, frames, channels, &around, err);
        if (status == VANTA_OK)
            status = take_shortcut(run, name, image, stride, &around, err);
    }
    if (status == VANTA_OK) {
        join(&to, gates, around.values != NULL ? &around : image);
        free(image->values);
        *image = to;
        to.values = NULL;
    }
    affine_free(&norm1);
    affine_free(&norm2);
    free(middle.values);
    free(to.values);
    free(around.values);
    return status;
}

/* Channels of a level, which no key states: the values of a norm's bias. */
static enum vanta_status level_channels(const struct clone_run *run, const char *name,
                                        uint32_t *out, struct vanta_error *err)
{
    int64_t id = gguf_find_tensor(run->file->gguf, name), n;

    if (id < 0)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: no tensor %s: this file cannot clone a voice",
                          run->file->path, name);
    n = gguf_get_tensor_ne(run->file->gguf, id)[0];
    if (n < SQUEEZE || n > CHANNELS_MAX || n % SQUEEZE != 0)
        return vanta_fail(err, VANTA_ERR_LIMIT,
                          "%s: tensor %s has %lld values; multiples of %d up to %d can be "
                          "used here", run->file->path, name, (long long)n, SQUEEZE,
                          CHANNELS_MAX);
    *out = (uint32_t)n;
    return VANTA_OK;
}

static enum vanta_status run_network(const struct clone_run *run, const float *rows,
                                     size_t frames, struct image *image,
                                     struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &run->file->sizes;
    struct affine norm = {0};
    struct image heard = {0};
    uint32_t channels = 0;
    char name[32];
    enum vanta_status status = level_channels(run, "spk.bn.bias", &channels, err);

    if (status == VANTA_OK)
        status = image_make(s->speaker_bands, frames, 1, &heard, err);
    if (status == VANTA_OK)
        status = image_make(s->speaker_bands, frames, channels, image, err);
    if (status == VANTA_OK)
        status = affine_load(run, channels, "spk.bn", &norm, err);
    for (size_t b = 0; status == VANTA_OK && b < s->speaker_bands; b++)
        for (size_t t = 0; t < frames; t++)
            *pixel(&heard, b, t) = rows[t * s->speaker_bands + b];
    if (status == VANTA_OK)
        status = convolve_3x3(run, "spk.conv", &heard, image, 1, NULL, err);
    if (status == VANTA_OK)
        apply_to_image(&norm, image);
    for (uint32_t level = 0; level < XTTS_LEVELS; level++) {
        snprintf(name, sizeof name, "spk.%u.0.bn1.bias", level + 1);
        if (status == VANTA_OK)
            status = level_channels(run, name, &channels, err);
        for (uint32_t b = 0; status == VANTA_OK && b < s->speaker_blocks[level]; b++)
            status = run_block(run, level, b, channels, image, err);
    }
    affine_free(&norm);
    free(heard.values);
    return status;
}

/* ---- statistics over time ---- */

/* Softmax over the rows, column by column; then of x mean and deviation under it. */
static void weigh(const float *x, float *scores, size_t rows, size_t n, float *out)
{
    for (size_t c = 0; c < n; c++) {
        double sum = 0, mean = 0, square = 0;
        float most = scores[c];

        for (size_t t = 1; t < rows; t++)
            most = scores[t * n + c] > most ? scores[t * n + c] : most;
        for (size_t t = 0; t < rows; t++)
            sum += exp((double)scores[t * n + c] - (double)most);
        for (size_t t = 0; t < rows; t++) {
            double w = exp((double)scores[t * n + c] - (double)most) / sum;
            double v = (double)x[t * n + c];
            mean += v * w;
            square += v * v * w;
        }
        out[c] = (float)mean;
        out[n + c] = (float)sqrt(fmax(square - mean * mean, NORM_EPSILON));
    }
}

static void to_unit_length(float *values, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)values[i] * (double)values[i];
    for (size_t i = 0; i < n; i++)
        values[i] = (float)((double)values[i] / fmax(sqrt(sum), 1e-12));
}

/* rows of n = channels x bands -> the embedding. */
static enum vanta_status summarize(const struct clone_run *run, const float *x,
                                   size_t rows, uint32_t n, float *embedding,
                                   struct vanta_error *err)
{
    uint32_t inner = 0, width = run->file->sizes.speaker_width;
    struct xtts_weights down = {0}, up = {0}, out = {0};
    struct affine norm = {0};
    float *hidden = NULL, *scores = NULL, *statistics = NULL;
    enum vanta_status status = level_channels(run, "spk.attn_bn.bias", &inner, err);

    if (status == VANTA_OK)
        status = xtts_weights_load(run->file, 1, n, inner, &down, err, "spk.attn_down");
    if (status == VANTA_OK)
        status = xtts_weights_load(run->file, 1, inner, n, &up, err, "spk.attn_up");
    if (status == VANTA_OK)
        status = xtts_weights_load(run->file, 1, 2 * n, width, &out, err, "spk.out");
    if (status == VANTA_OK)
        status = affine_load(run, inner, "spk.attn_bn", &norm, err);
    hidden = xtts_floats(rows * inner);
    scores = xtts_floats(rows * n);
    statistics = xtts_floats(2 * (size_t)n);
    if (status == VANTA_OK && (hidden == NULL || scores == NULL || statistics == NULL))
        status = vanta_fail_memory(err);
    if (status == VANTA_OK) {
        clone_layer(run, &down,
                    &(struct vanta_xtts_conv){.x = x, .row = n, .scale = 1,
                                              .leaky = hidden, .rows = rows,
                                              .ldo = inner});
        apply_affine(&norm, hidden, rows, inner);
        clone_layer(run, &up,
                    &(struct vanta_xtts_conv){.x = hidden, .row = inner, .scale = 1,
                                              .out = scores, .rows = rows, .ldo = n});
        weigh(x, scores, rows, n, statistics);
        clone_layer(run, &out,
                    &(struct vanta_xtts_conv){.x = statistics, .scale = 1,
                                              .out = embedding, .rows = 1});
        to_unit_length(embedding, width);
    }
    xtts_weights_free(&down);
    xtts_weights_free(&up);
    xtts_weights_free(&out);
    affine_free(&norm);
    free(hidden);
    free(scores);
    free(statistics);
    return status;
}

enum vanta_status clone_speaker(const struct clone_run *run, const float *samples,
                                size_t n, float *embedding, struct vanta_error *err)
{
    float *heard = NULL, *rows = NULL;
    struct image image = {0};
    size_t frames = 0, width;
    enum vanta_status status = listen(run, samples, n, &heard, &frames, err);

    if (status == VANTA_OK)
        status = run_network(run, heard, frames, &image, err);
    width = image.channels * image.bands;
    if (status == VANTA_OK && (rows = xtts_floats(image.frames * width)) == NULL)
        status = vanta_fail_memory(err);
    if (status == VANTA_OK) {
        for (size_t t = 0; t < image.frames; t++)
            for (size_t i = 0; i < width; i++)
                rows[t * width + i] = pixel(&image, i % image.bands, t)[i / image.bands];
        status = summarize(run, rows, image.frames, (uint32_t)width, embedding, err);
    }
    free(heard);
    free(rows);
    free(image.values);
    return status;
}
