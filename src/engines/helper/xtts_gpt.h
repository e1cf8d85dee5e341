/*
 * xtts_gpt.h - XTTS's GPT: a voice and the ids of a sentence in, audio codes out.
 *
 * A GPT-2 on ggml's CPU backend. Its input is the voice's latents, the sentence and then
 * the codes so far; for each code it gives the logits of the next one and the hidden state
 * they were made of, which is the vocoder's input: nothing is computed a second time. Not
 * responsible for which code is chosen (xtts_sample.h), for text or for sound.
 *
 *     status = vanta_xtts_gpt_load(file, &gpt, err);
 *     status = vanta_xtts_gpt_begin(gpt, latents, ids, n, err);
 *     code = sizes.audio_start;
 *     do {
 *         status = vanta_xtts_gpt_next(gpt, &run, &code, 1, hidden, logits, err);
 *         code = ...;                                   // chosen by logits
 *     } while (code != sizes.audio_stop && there is room for it);
 *     vanta_xtts_gpt_free(gpt);
 *
 * Keys and values of every position are kept. Those of the latents are kept across
 * sentences too, while the voice stays the same, and are always computed apart from what
 * follows, so that a sentence sounds the same whether they were there or not.
 *
 * Ownership: the file belongs to the caller and outlives the GPT, whose weights are the
 * file's mapped pages. Threads: one at a time; run.cancel may be set from any.
 * Memory: besides the file, 246 kB for each position of the published model in f32, half
 * of that otherwise (128 MB for the longest sentence and speech; untouched at first).
 * Statuses: VANTA_ERR_FORMAT, LIMIT, UNSUPPORTED (the file), NO_MEMORY, USAGE (too many
 * ids or codes, or one that is not in its table), CANCELLED, CHECK (a logit is not a
 * number: damaged weights or latents). After a failure of next only begin and free are of
 * use.
 * Cost: 0.38 G multiply-adds for each position, and once for each call the reading of all
 * weights (0.4 GB in q8_0).
 * Source: coqui-tts, TTS/tts/layers/xtts/gpt.py and gpt_inference.py; transformers,
 * models/gpt2/modeling_gpt2.py.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_GPT_H
#define VANTA_ENGINES_HELPER_XTTS_GPT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "engines/helper/xtts_file.h"

struct vanta_xtts_gpt;

struct vanta_xtts_gpt_run {
    unsigned prefix_threads; /* while there are many positions; at least 1 */
    unsigned code_threads;   /* while there is one; at least 1 */
    const atomic_bool *cancel; /* may be NULL */
};

/* Touches the pages of every weight, so that no sentence waits for the disk. */
enum vanta_status vanta_xtts_gpt_load(const struct vanta_xtts_file *file,
                                      struct vanta_xtts_gpt **out,
                                      struct vanta_error *err);
void vanta_xtts_gpt_free(struct vanta_xtts_gpt *gpt); /* NULL is fine */

/* latents: those of the voice, row by row. ids: without start and stop, fewer than
 * text_max_tokens. Computes nothing yet. */
enum vanta_status vanta_xtts_gpt_begin(struct vanta_xtts_gpt *gpt, const float *latents,
                                       const int32_t *ids, size_t n,
                                       struct vanta_error *err);

/* Appends count codes. For each: hidden, `width` floats, and logits, `audio_vocabulary`
 * floats, one row after the other. At most audio_max_tokens codes in all. */
enum vanta_status vanta_xtts_gpt_next(struct vanta_xtts_gpt *gpt,
                                      const struct vanta_xtts_gpt_run *run,
                                      const int32_t *codes, size_t count, float *hidden,
                                      float *logits, struct vanta_error *err);

/* Bytes of its weights, of keys and values at their most, and of activations so far. */
struct vanta_xtts_gpt_memory {
    uint64_t parameters, weight_bytes, cache_bytes, compute_bytes;
};
void vanta_xtts_gpt_memory(const struct vanta_xtts_gpt *gpt,
                           struct vanta_xtts_gpt_memory *out);

#endif
