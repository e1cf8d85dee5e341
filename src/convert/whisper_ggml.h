/*
 * whisper_ggml.h - the file that whisper.cpp reads.
 *
 * Source of the format: whisper.cpp, models/convert-pt-to-ggml.py (writing) and
 * src/whisper.cpp, whisper_model_load (reading). All little-endian: i32 magic 0x67676d6c;
 * eleven i32 of hyperparameters; the mel filters (i32 bands, i32 bins, f32 row by row);
 * the vocabulary (i32 count, per token i32 length and bytes); then tensors to the end of
 * the file (i32 dimensions, i32 length of the name, i32 type, i32 extents innermost
 * first, name, data).
 */
#ifndef VANTA_CONVERT_WHISPER_GGML_H
#define VANTA_CONVERT_WHISPER_GGML_H

#include <stdint.h>

#include "base/cursor.h"
#include "vanta_error.h"

#define VANTA_WHISPER_GGML_MAGIC 0x67676d6cu

struct vanta_whisper_header {
    int32_t n_vocab, n_audio_ctx, n_audio_state, n_audio_head, n_audio_layer;
    int32_t n_text_ctx, n_text_state, n_text_head, n_text_layer, n_mels;
    int32_t ftype; /* 0 f32, 1 f16, 2 and up: ggml_ftype, plus 1000 times its version */
    /* From the tensors' headers: */
    uint64_t tensors, parameters;
};

/* Reads hyperparameters, passes over filters and vocabulary, walks the tensors' headers
 * to the end of the file. VANTA_ERR_FORMAT, LIMIT, IO. */
enum vanta_status vanta_whisper_ggml_read(struct vanta_cursor *c,
                                          struct vanta_whisper_header *out,
                                          struct vanta_error *err);

#endif
