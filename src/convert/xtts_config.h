/*
 * xtts_config.h - what config.json and vocab.json say of an XTTS model, for xtts_plan.c
 * and xtts_gguf.c. xtts_layout.h says what the numbers are.
 *
 *     status = vanta_xtts_config_read(dir, &config, err);
 *     ...
 *     vanta_xtts_config_free(&config);
 *
 * The sizes that only tensors tell are 0 until the plan has been made. Refused with
 * VANTA_ERR_UNSUPPORTED: models that are no XTTS, or version 1 (without the perceiver), and
 * tokenizers of other kinds. Statuses: VANTA_ERR_FORMAT, LIMIT, NOT_FOUND, IO, NO_MEMORY;
 * *out is zeroed on failure.
 */
#ifndef VANTA_CONVERT_XTTS_CONFIG_H
#define VANTA_CONVERT_XTTS_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "convert/xtts_layout.h"
#include "vanta_error.h"

#define VANTA_XTTS_SPEAKER_LAYERS 4

struct vanta_xtts_config {
    uint32_t blocks, width, inner, heads;
    uint32_t text_vocabulary, text_positions, text_max, text_start, text_stop;
    uint32_t audio_vocabulary, audio_positions, audio_max, audio_start, audio_stop;
    uint32_t code_stride, input_hz, output_hz;
    uint32_t vocoder_width, hop, n_stages, n_kernels;
    uint32_t rates[VANTA_XTTS_STAGES_MAX], kernels[VANTA_XTTS_KERNELS_MAX];
    uint32_t speaker_width, speaker_bands, speaker_blocks[VANTA_XTTS_SPEAKER_LAYERS];
    uint32_t bands, conditioning_blocks, groups;
    uint32_t perceiver_blocks, perceiver_heads, perceiver_inner, latents;
    uint32_t top_k, latent_seconds, chunk_seconds, reference_seconds;
    float temperature, top_p, repetition_penalty;
    bool normalize;
    json_t *root;            /* config.json */
    const json_t *languages; /* of root: an array of strings */
    struct vanta_buf vocabulary; /* vocab.json */
    size_t tokens;               /* its largest id and one more */
};

enum vanta_status vanta_xtts_config_read(const char *dir, struct vanta_xtts_config *out,
                                         struct vanta_error *err);
void vanta_xtts_config_free(struct vanta_xtts_config *config);

/* Characters that one utterance of a language holds, and 250 for an unknown one. */
uint32_t vanta_xtts_characters(const char *language);

#endif
