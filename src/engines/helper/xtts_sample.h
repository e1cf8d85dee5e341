/*
 * xtts_sample.h - which audio code comes next, by the logits of XTTS's GPT.
 *
 * In this order, as transformers' generate does it: the repetition penalty r divides each
 * positive logit of a code that was used and multiplies each negative one; with a
 * temperature above 0 the logits are divided by it, those below the top_k-th largest are
 * dropped, then the least probable ones that together have at most 1 - top_p, and one of
 * the rest is drawn. Temperature 0: the largest logit after the penalty. Used are the
 * start code, the codes chosen so far, and code 1, which the reference puts in for every
 * position of the prefix.
 *
 * A length penalty belongs to beams, which are not searched here.
 *
 *     struct vanta_xtts_sampler s;
 *     vanta_xtts_sampler_start(&s, &options, seed, audio_start);
 *     status = vanta_xtts_sampler_next(&s, logits, n, &code, err);
 *
 * The draws are splitmix64's: its state is the seed at first and grows by
 * 0x9E3779B97F4A7C15 for each draw, whose upper 53 bits are the fraction. A temperature of
 * 0 draws nothing. The same seed, options and logits give the same codes everywhere.
 *
 * VANTA_ERR_LIMIT: more codes than VANTA_XTTS_CODES_MAX. No allocation; one thread a
 * sampler. Cost: one sort of at most n logits.
 * Source: transformers, generation/logits_process.py; coqui-tts,
 * TTS/tts/layers/xtts/gpt.py (generate); splitmix64 by S. Vigna.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_SAMPLE_H
#define VANTA_ENGINES_HELPER_XTTS_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

#define VANTA_XTTS_CODES_MAX 65536

struct vanta_xtts_sampling {
    float temperature;        /* 0: the most likely code */
    float top_p;              /* 1: all */
    float repetition_penalty; /* 1: none */
    uint32_t top_k;           /* 0: all */
};

struct vanta_xtts_choice {
    float logit;
    uint32_t code;
};

struct vanta_xtts_sampler {
    struct vanta_xtts_sampling options;
    uint64_t state;
    uint8_t used[VANTA_XTTS_CODES_MAX];
    struct vanta_xtts_choice choices[VANTA_XTTS_CODES_MAX];
};

void vanta_xtts_sampler_start(struct vanta_xtts_sampler *s,
                              const struct vanta_xtts_sampling *options, uint64_t seed,
                              uint32_t audio_start);

/* The chosen code is used from then on. */
enum vanta_status vanta_xtts_sampler_next(struct vanta_xtts_sampler *s,
                                          const float *logits, uint32_t n, int32_t *code,
                                          struct vanta_error *err);

#endif
