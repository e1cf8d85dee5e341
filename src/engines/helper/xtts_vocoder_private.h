/*
 * xtts_vocoder_private.h - what the files of the vocoder share.
 *
 * xtts_vocoder_load.c makes the weights of a file into panels, xtts_vocoder.c computes the
 * samples of one chunk of frames, xtts_speech.c stretches latents into frames and runs
 * chunks on threads.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_VOCODER_PRIVATE_H
#define VANTA_ENGINES_HELPER_XTTS_VOCODER_PRIVATE_H

#include "engines/helper/xtts_vocoder.h"
#include "engines/helper/xtts_weights.h"

#define VOCODER_PRE_KERNEL 7
#define VOCODER_ENDLESS ((int64_t)1 << 40) /* frames, while the end is not known */

struct vocoder_block {
    struct xtts_weights first[XTTS_DILATIONS], second[XTTS_DILATIONS];
};

struct vocoder_stage {
    uint32_t rate, inputs, channels;
    /* A transposed convolution: output o of it is the sum over the two inputs q - 1 and
     * q, where o + padding = q * rate + phase; so each phase has weights of two taps. */
    struct xtts_weights *phase; /* rate of them */
    float *bias;                /* of all phases */
    struct xtts_weights condition;
    struct vocoder_block block[XTTS_KERNELS_MAX];
};

struct vanta_xtts_vocoder {
    struct vanta_xtts_sizes sizes;
    const struct vanta_xtts_kernel *kernel;
    bool whole;        /* the residual blocks' sums are made of whole numbers */
    uint32_t channels; /* behind conv_pre */
    struct xtts_weights pre, pre_condition;
    struct vocoder_stage stage[XTTS_STAGES_MAX];
    float *post; /* of conv_post: by time, then channel */
    uint32_t context;
};

/* Rows of time, low <= t < high. */
struct vocoder_range {
    int64_t low, high;
};

/* What each layer has to give for a chunk; unclipped, in its own rows. */
struct vocoder_plan {
    struct vocoder_range frames, pre;
    struct vocoder_range in[XTTS_STAGES_MAX], out[XTTS_STAGES_MAX]; /* of residual blocks */
};

/* The voice in all places where it is added: pre, then each stage, padded to panels. */
struct vocoder_voice {
    float *pre, *stage[XTTS_STAGES_MAX];
};

struct vocoder_scratch {
    float *frames, *pre;     /* inputs of conv_pre, its result */
    float *x, *leaky;        /* of a stage's start */
    float *state, *state_leaky, *middle;
    int16_t *whole;          /* what a convolution reads, in whole numbers */
    float *scales;           /* of its rows */
    float *sum[2];           /* of this stage's blocks, of the stage before */
};

/* For output frames low to high. */
void vocoder_plan(const struct vanta_xtts_vocoder *vocoder, int64_t low, int64_t high,
                  struct vocoder_plan *out);

enum vanta_status vocoder_voice_make(const struct vanta_xtts_vocoder *vocoder,
                                     const float *embedding, struct vocoder_voice *out,
                                     struct vanta_error *err);
void vocoder_voice_free(struct vocoder_voice *voice);

/* For chunks of at most this many frames. */
enum vanta_status vocoder_scratch_make(const struct vanta_xtts_vocoder *vocoder,
                                       uint32_t frames, struct vocoder_scratch *out,
                                       struct vanta_error *err);
void vocoder_scratch_free(struct vocoder_scratch *scratch);

/* Samples of the frames low to high of the total there are (or VOCODER_ENDLESS).
 * scratch->frames has plan.frames, zero beyond both ends. */
void vocoder_run(const struct vanta_xtts_vocoder *vocoder,
                 const struct vocoder_voice *voice, struct vocoder_scratch *scratch,
                 int64_t low, int64_t high, int64_t total, float *samples);

#endif
