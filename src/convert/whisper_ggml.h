/*
 * whisper_ggml.h - the file that whisper.cpp reads.
 *
 * Source of the format: whisper.cpp, models/convert-pt-to-ggml.py (writing) and
 * src/whisper.cpp, whisper_model_load (reading). All little-endian: i32 magic 0x67676d6c;
 * eleven i32 of hyperparameters; i32 bands, i32 bins and the mel filters, f32 row by row;
 * i32 count and per token i32 length and bytes; then tensors to the end of the file: i32
 * dimensions, i32 length of the name, i32 type, i32 extents from the innermost outwards,
 * name, data.
 *
 * Reading looks at headers only. Statuses: VANTA_ERR_FORMAT, IO.
 */
#ifndef VANTA_CONVERT_WHISPER_GGML_H
#define VANTA_CONVERT_WHISPER_GGML_H

#include <stdint.h>

#include "base/cursor.h"
#include "convert/ggml_type.h"
#include "convert/output.h"
#include "convert/tokenizer_json.h"
#include "vanta_error.h"

#define VANTA_WHISPER_MAGIC 0x67676d6cu
#define VANTA_WHISPER_HEAD_WIDTH 64 /* of every Whisper model */
#define VANTA_WHISPER_RANK_MAX 4
#define VANTA_WHISPER_NAME_MAX 64 /* of a tensor, its NUL counted */

struct vanta_whisper_header {
    uint32_t n_vocab;
    uint32_t n_audio_ctx, n_audio_state, n_audio_head, n_audio_layer;
    uint32_t n_text_ctx, n_text_state, n_text_head, n_text_layer;
    uint32_t n_mels;
    uint32_t ftype; /* ggml_type.h names it */
};

struct vanta_whisper_facts {
    struct vanta_whisper_header header;
    uint64_t tokens, tensors, parameters;
};

/* c stands at the start; everything up to the end of the file is passed over. */
enum vanta_status vanta_whisper_read(struct vanta_cursor *c,
                                     struct vanta_whisper_facts *out,
                                     struct vanta_error *err);

struct vanta_whisper_tensor {
    char name[VANTA_WHISPER_NAME_MAX];
    uint32_t rank;
    uint32_t extents[VANTA_WHISPER_RANK_MAX]; /* from the innermost outwards */
    uint32_t type;                            /* 0 f32, 1 f16 */
};

/* Bytes of all before the first tensor, and of a tensor's head. */
uint64_t vanta_whisper_head_bytes(const struct vanta_whisper_header *header,
                                  const struct vanta_vocabulary *vocabulary);
uint64_t vanta_whisper_tensor_head_bytes(const struct vanta_whisper_tensor *tensor);

/* Magic, hyperparameters, mel filters (n_mels at most VANTA_MEL_BANDS_MAX), vocabulary. */
enum vanta_status vanta_whisper_write_head(struct vanta_output *out,
                                           const struct vanta_whisper_header *header,
                                           const struct vanta_vocabulary *vocabulary,
                                           struct vanta_error *err);
enum vanta_status
vanta_whisper_write_tensor_head(struct vanta_output *out,
                                const struct vanta_whisper_tensor *tensor,
                                struct vanta_error *err);
/* Values as little-endian f32. */
enum vanta_status vanta_whisper_write_f32(struct vanta_output *out, const float *values,
                                          size_t n, struct vanta_error *err);

#endif
