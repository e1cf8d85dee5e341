/*
 * whisper_plan.h - which parts of a faster-whisper model become which tensors of
 * whisper.cpp's file, in its order.
 *
 * Source of names, order, types and extents: whisper.cpp, models/convert-pt-to-ggml.py
 * (f16 for two and more dimensions; f32 for vectors, the positional embeddings and the
 * biases of the two convolutions, which get the extents [1, n]), and CTranslate2,
 * python/ctranslate2/specs/whisper_spec.py. CTranslate2 stacks query, key and value.
 *
 * Judges the whole model by names, types and shapes before anything is written; reads no
 * data. Statuses: VANTA_ERR_FORMAT (not a Whisper model), UNSUPPORTED (one without a
 * whisper.cpp form), NO_MEMORY.
 */
#ifndef VANTA_CONVERT_WHISPER_PLAN_H
#define VANTA_CONVERT_WHISPER_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "convert/ct2.h"
#include "convert/whisper_ggml.h"
#include "vanta_error.h"

struct vanta_whisper_piece {
    const struct vanta_ct2_variable *from; /* borrowed from the model */
    const struct vanta_ct2_variable *scale; /* int8: an f32 for each row; else NULL */
    uint64_t first, elements;               /* of from */
    uint64_t row_elements;                  /* that share a scale */
    struct vanta_whisper_tensor to;         /* name "": a key's bias, has to be zero */
};

struct vanta_whisper_plan {
    struct vanta_whisper_header header;
    uint32_t n_tokens; /* that the file lists: without the special ones */
    struct vanta_whisper_piece *pieces;
    size_t n_pieces, capacity;
    uint64_t tensor_bytes; /* of all tensors, heads included */
};

/* name is model.bin's, for messages. *out is zeroed on failure. */
enum vanta_status vanta_whisper_plan_make(const struct vanta_ct2 *model, const char *name,
                                          struct vanta_whisper_plan *out,
                                          struct vanta_error *err);
void vanta_whisper_plan_free(struct vanta_whisper_plan *plan);

#endif
