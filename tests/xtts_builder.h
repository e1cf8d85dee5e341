/*
 * xtts_builder.h - a folder of XTTS-v2 with weights that a formula gives, as its
 * publisher's trainer writes one: model.pth, config.json, vocab.json, speakers_xtts.pth.
 *
 * The formula: h is FNV-1a 64 of the tensor's name; value k = 1 ... N of a tensor is
 * splitmix64's output for h + k * 0x9E3779B97F4A7C15, its upper 24 bits as a number in
 * [-1, 1), scaled by what the name says (xtts_scale). Reference outputs for the full size
 * exist, so that an engine can be compared without the published weights.
 */
#ifndef XTTS_BUILDER_H
#define XTTS_BUILDER_H

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct xtts_size {
    unsigned layers, width, heads;
    unsigned texts, text_max, codes, start, stop, code_max;
    unsigned vocoder_channels, speaker_width;
    unsigned bands; /* of the speaker encoder's mel */
    unsigned channels[4], blocks[4];
    unsigned conditioning_blocks, perceiver_inner, latents;
};

static const struct xtts_size xtts_full = {
    .layers = 30, .width = 1024, .heads = 16, .texts = 6681, .text_max = 402,
    .codes = 1026, .start = 1024, .stop = 1025, .code_max = 605,
    .vocoder_channels = 512, .speaker_width = 512, .bands = 64,
    .channels = {32, 64, 128, 256}, .blocks = {3, 4, 6, 3},
    .conditioning_blocks = 6, .perceiver_inner = 2730, .latents = 32,
};

/* The same graph in 2 MB; every kind of tensor is there. */
static const struct xtts_size xtts_small = {
    .layers = 2, .width = 64, .heads = 4, .texts = 300, .text_max = 60,
    .codes = 66, .start = 64, .stop = 65, .code_max = 63,
    .vocoder_channels = 32, .speaker_width = 32, .bands = 64,
    .channels = {8, 8, 16, 16}, .blocks = {1, 1, 2, 1},
    .conditioning_blocks = 2, .perceiver_inner = 170, .latents = 32,
};

struct xtts_tensor {
    char name[160];
    unsigned rank;
    uint64_t sizes[4];
    bool whole; /* int64 */
};

struct xtts_tensors {
    struct xtts_tensor *items;
    size_t n;
};

/* --- the formula --- */

static inline uint64_t xtts_hash(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x100000001b3u;
    return h;
}

/* Number k of a name, from 1. */
static inline float xtts_unit(uint64_t h, uint64_t k)
{
    uint64_t z = h + k * 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return (float)(z >> 40) * 0x1p-23f - 1;
}

static inline bool xtts_ends(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n >= m && strcmp(name + n - m, end) == 0;
}

/* value = offset + factor * unit */
static inline void xtts_scale(const struct xtts_tensor *t, float *offset, float *factor)
{
    const char *name = t->name;
    uint64_t fan_in = 1;
    unsigned i;

    *offset = 1;
    if (xtts_ends(name, "original0")) {
        *factor = 0.1f;
    } else if (xtts_ends(name, "running_var")) {
        *factor = 0.5f;
    } else if (xtts_ends(name, "running_mean")) {
        *offset = 0;
        *factor = 0.1f;
    } else if (xtts_ends(name, "gamma") || (xtts_ends(name, "weight") && t->rank == 1)) {
        *factor = 0.1f;
    } else if (xtts_ends(name, "mel_stats")) {
        *factor = 0.2f;
    } else {
        bool conv1d = strstr(name, "gpt.gpt.h.") && xtts_ends(name, ".weight");

        *offset = 0;
        for (i = conv1d ? 0 : 1; i < (conv1d ? 1 : t->rank); i++)
            fan_in *= t->sizes[i];
        *factor = strstr(name, "embedding") && t->rank == 2 ? 0.3f
                  : xtts_ends(name, "latents")              ? 0.5f
                  : t->rank <= 1                            ? 0.02f
                                               : (float)sqrt(3.0 / (double)fan_in);
    }
}

/* What training does not touch: the speaker encoder's pre-emphasis, Hamming window and
 * triangles on the HTK mel scale from 0 to 8000 Hz. */
static inline bool xtts_fixed(const struct xtts_tensor *t, float *out)
{
    unsigned bins = 257, bands = (unsigned)t->sizes[1], i, b;
    double top = 2595 * log10(1 + 8000 / 700.0), at[3];

    if (xtts_ends(t->name, "torch_spec.0.filter")) {
        out[0] = -0.97f;
        out[1] = 1;
        return true;
    }
    if (xtts_ends(t->name, "spectrogram.window")) {
        for (i = 0; i < 400; i++)
            out[i] = (float)(0.54 - 0.46 * cos(2 * 3.14159265358979323846 * i / 400));
        return true;
    }
    if (!xtts_ends(t->name, "mel_scale.fb"))
        return false;
    for (b = 0; b < bands; b++) {
        for (i = 0; i < 3; i++)
            at[i] = 700 * (pow(10, top * (b + i) / (bands + 1) / 2595) - 1);
        for (i = 0; i < bins; i++) {
            double hz = 8000.0 * i / (bins - 1);
            double up = (hz - at[0]) / (at[1] - at[0]);
            double down = (at[2] - hz) / (at[2] - at[1]), least = up < down ? up : down;

            out[i * bands + b] = least > 0 ? (float)least : 0;
        }
    }
    return true;
}

static inline uint64_t xtts_elements(const struct xtts_tensor *t)
{
    uint64_t n = 1;
    unsigned i;

    for (i = 0; i < t->rank; i++)
        n *= t->sizes[i];
    return n;
}

static inline void xtts_fill(const struct xtts_tensor *t, float *out)
{
    uint64_t h = xtts_hash(t->name), n = xtts_elements(t), k;
    float offset, factor;

    if (xtts_fixed(t, out))
        return;
    xtts_scale(t, &offset, &factor);
    for (k = 0; k < n; k++)
        out[k] = offset + factor * xtts_unit(h, k + 1);
}

/* --- the tensors --- */

static inline void xtts_add(struct xtts_tensors *l, const char *name, unsigned rank,
                            unsigned a, unsigned b, unsigned c, unsigned d)
{
    struct xtts_tensor *t;

    if (l->n % 256 == 0)
        l->items = realloc(l->items, (l->n + 256) * sizeof *l->items);
    if (!l->items)
        abort();
    t = &l->items[l->n++];
    *t = (struct xtts_tensor){.rank = rank, .sizes = {a, b, c, d}};
    memcpy(t->name, name, strlen(name) + 1);
}

static inline void xtts_name(char *out, size_t size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if ((size_t)vsnprintf(out, size, fmt, args) >= size)
        abort();
    va_end(args);
}

#define XTTS_NAME(out, ...) xtts_name(out, sizeof out, __VA_ARGS__)

static inline void xtts_pair(struct xtts_tensors *l, const char *name, unsigned rank,
                             unsigned bias, unsigned a, unsigned b, unsigned c, unsigned d)
{
    char full[160];

    XTTS_NAME(full, "%s.weight", name);
    xtts_add(l, full, rank, a, b, c, d);
    XTTS_NAME(full, "%s.bias", name);
    xtts_add(l, full, 1, bias, 0, 0, 0);
}

static inline void xtts_batch_norm(struct xtts_tensors *l, const char *name, unsigned n)
{
    char full[160];

    xtts_pair(l, name, 1, n, n, 0, 0, 0);
    XTTS_NAME(full, "%s.running_mean", name);
    xtts_add(l, full, 1, n, 0, 0, 0);
    XTTS_NAME(full, "%s.running_var", name);
    xtts_add(l, full, 1, n, 0, 0, 0);
    XTTS_NAME(full, "%s.num_batches_tracked", name);
    xtts_add(l, full, 0, 0, 0, 0, 0);
    l->items[l->n - 1].whole = true;
}

static inline void xtts_weight_norm(struct xtts_tensors *l, const char *name,
                                    unsigned bias, unsigned a, unsigned b, unsigned kernel)
{
    char full[160];

    XTTS_NAME(full, "%s.bias", name);
    xtts_add(l, full, 1, bias, 0, 0, 0);
    XTTS_NAME(full, "%s.parametrizations.weight.original0", name);
    xtts_add(l, full, 3, a, 1, 1, 0);
    XTTS_NAME(full, "%s.parametrizations.weight.original1", name);
    xtts_add(l, full, 3, a, b, kernel, 0);
}

static inline void xtts_add_gpt(struct xtts_tensors *l, const struct xtts_size *s)
{
    unsigned d = s->width, i, j;
    char name[160];

    xtts_add(l, "mel_stats", 1, 80, 0, 0, 0);
    xtts_add(l, "gpt.text_embedding.weight", 2, s->texts, d, 0, 0);
    xtts_add(l, "gpt.mel_embedding.weight", 2, s->codes, d, 0, 0);
    xtts_add(l, "gpt.mel_pos_embedding.emb.weight", 2, s->code_max + 3, d, 0, 0);
    xtts_add(l, "gpt.text_pos_embedding.emb.weight", 2, s->text_max + 2, d, 0, 0);
    for (i = 0; i < s->layers; i++) {
        const struct {
            const char *name;
            unsigned in, out;
        } parts[] = {{"ln_1", 0, d},          {"attn.c_attn", d, 3 * d},
                     {"attn.c_proj", d, d},   {"ln_2", 0, d},
                     {"mlp.c_fc", d, 4 * d},  {"mlp.c_proj", 4 * d, d}};

        for (j = 0; j < 6; j++) {
            XTTS_NAME(name, "gpt.gpt.h.%u.%s", i, parts[j].name);
            xtts_pair(l, name, parts[j].in ? 2 : 1, parts[j].out,
                      parts[j].in ? parts[j].in : d, parts[j].out, 0, 0);
        }
    }
    xtts_pair(l, "gpt.gpt.ln_f", 1, d, d, 0, 0, 0);
    xtts_pair(l, "gpt.final_norm", 1, d, d, 0, 0, 0);
    xtts_pair(l, "gpt.text_head", 2, s->texts, s->texts, d, 0, 0);
    xtts_pair(l, "gpt.mel_head", 2, s->codes, s->codes, d, 0, 0);
}

static inline void xtts_add_cloning(struct xtts_tensors *l, const struct xtts_size *s)
{
    unsigned d = s->width, g = s->perceiver_inner, i;
    char name[160];

    xtts_pair(l, "gpt.conditioning_encoder.init", 3, d, d, 80, 1, 0);
    for (i = 0; i < s->conditioning_blocks; i++) {
        XTTS_NAME(name, "gpt.conditioning_encoder.attn.%u.norm", i);
        xtts_pair(l, name, 1, d, d, 0, 0, 0);
        XTTS_NAME(name, "gpt.conditioning_encoder.attn.%u.qkv", i);
        xtts_pair(l, name, 3, 3 * d, 3 * d, d, 1, 0);
        XTTS_NAME(name, "gpt.conditioning_encoder.attn.%u.proj_out", i);
        xtts_pair(l, name, 3, d, d, d, 1, 0);
    }
    xtts_add(l, "gpt.conditioning_perceiver.latents", 2, s->latents, d, 0, 0);
    for (i = 0; i < 2; i++) {
        XTTS_NAME(name, "gpt.conditioning_perceiver.layers.%u.0.to_q.weight", i);
        xtts_add(l, name, 2, 512, d, 0, 0);
        XTTS_NAME(name, "gpt.conditioning_perceiver.layers.%u.0.to_kv.weight", i);
        xtts_add(l, name, 2, 1024, d, 0, 0);
        XTTS_NAME(name, "gpt.conditioning_perceiver.layers.%u.0.to_out.weight", i);
        xtts_add(l, name, 2, d, 512, 0, 0);
        XTTS_NAME(name, "gpt.conditioning_perceiver.layers.%u.1.0", i);
        xtts_pair(l, name, 2, 2 * g, 2 * g, d, 0, 0);
        XTTS_NAME(name, "gpt.conditioning_perceiver.layers.%u.1.2", i);
        xtts_pair(l, name, 2, d, d, g, 0, 0);
    }
    xtts_add(l, "gpt.conditioning_perceiver.norm.gamma", 1, d, 0, 0, 0);
}

#define XTTS_VOCODER "hifigan_decoder.waveform_decoder."
#define XTTS_SPEAKER "hifigan_decoder.speaker_encoder."

static inline void xtts_add_vocoder(struct xtts_tensors *l, const struct xtts_size *s)
{
    static const unsigned kernels[] = {16, 16, 4, 4}, widths[] = {3, 7, 11};
    unsigned c = s->vocoder_channels, i, j, m;
    char name[160];

    xtts_pair(l, XTTS_VOCODER "conv_pre", 3, c, c, s->width, 7, 0);
    xtts_pair(l, XTTS_VOCODER "cond_layer", 3, c, c, s->speaker_width, 1, 0);
    for (i = 0; i < 4; i++, c /= 2) {
        XTTS_NAME(name, XTTS_VOCODER "ups.%u", i);
        xtts_weight_norm(l, name, c / 2, c, c / 2, kernels[i]);
        XTTS_NAME(name, XTTS_VOCODER "conds.%u", i);
        xtts_pair(l, name, 3, c / 2, c / 2, s->speaker_width, 1, 0);
        for (j = 0; j < 3; j++)
            for (m = 0; m < 6; m++) {
                XTTS_NAME(name, XTTS_VOCODER "resblocks.%u.convs%u.%u", 3 * i + j,
                          1 + m / 3, m % 3);
                xtts_weight_norm(l, name, c / 2, c / 2, c / 2, widths[j]);
            }
    }
    xtts_add(l, XTTS_VOCODER "conv_post.weight", 3, 1, c, 7, 0);
}

static inline void xtts_add_speaker_block(struct xtts_tensors *l, const char *block,
                                          unsigned in, unsigned c)
{
    char name[160];

    XTTS_NAME(name, "%s.conv1.weight", block);
    xtts_add(l, name, 4, c, in, 3, 3);
    XTTS_NAME(name, "%s.bn1", block);
    xtts_batch_norm(l, name, c);
    XTTS_NAME(name, "%s.conv2.weight", block);
    xtts_add(l, name, 4, c, c, 3, 3);
    XTTS_NAME(name, "%s.bn2", block);
    xtts_batch_norm(l, name, c);
    XTTS_NAME(name, "%s.se.fc.0", block);
    xtts_pair(l, name, 2, c / 8, c / 8, c, 0, 0);
    XTTS_NAME(name, "%s.se.fc.2", block);
    xtts_pair(l, name, 2, c, c, c / 8, 0, 0);
}

static inline void xtts_add_speaker_encoder(struct xtts_tensors *l,
                                            const struct xtts_size *s)
{
    unsigned in = s->channels[0], flat = s->channels[3] * (s->bands / 8), i, j;
    char name[120], part[160];

    xtts_pair(l, XTTS_SPEAKER "conv1", 4, in, in, 1, 3, 3);
    xtts_batch_norm(l, XTTS_SPEAKER "bn1", in);
    for (i = 0; i < 4; i++)
        for (j = 0; j < s->blocks[i]; j++) {
            XTTS_NAME(name, XTTS_SPEAKER "layer%u.%u", i + 1, j);
            xtts_add_speaker_block(l, name, in, s->channels[i]);
            if (i > 0 && j == 0) {
                XTTS_NAME(part, "%s.downsample.0.weight", name);
                xtts_add(l, part, 4, s->channels[i], in, 1, 1);
                XTTS_NAME(part, "%s.downsample.1", name);
                xtts_batch_norm(l, part, s->channels[i]);
            }
            in = s->channels[i];
        }
    xtts_add(l, XTTS_SPEAKER "torch_spec.0.filter", 3, 1, 1, 2, 0);
    xtts_add(l, XTTS_SPEAKER "torch_spec.1.spectrogram.window", 1, 400, 0, 0, 0);
    xtts_add(l, XTTS_SPEAKER "torch_spec.1.mel_scale.fb", 2, 257, s->bands, 0, 0);
    xtts_pair(l, XTTS_SPEAKER "attention.0", 3, 128, 128, flat, 1, 0);
    xtts_batch_norm(l, XTTS_SPEAKER "attention.2", 128);
    xtts_pair(l, XTTS_SPEAKER "attention.3", 3, flat, flat, 128, 1, 0);
    xtts_pair(l, XTTS_SPEAKER "fc", 2, s->speaker_width, s->speaker_width, 2 * flat, 0, 0);
}

/* All that a checkpoint of this size holds; free(items) afterwards. */
static inline struct xtts_tensors xtts_list(const struct xtts_size *s)
{
    struct xtts_tensors l = {NULL, 0};

    xtts_add_gpt(&l, s);
    xtts_add_cloning(&l, s);
    xtts_add_vocoder(&l, s);
    xtts_add_speaker_encoder(&l, s);
    return l;
}

#endif
