/*
 * safetensors.h - reader of a safetensors file's header.
 *
 * Source of the format: huggingface/safetensors, README ("Format"): u64 length of the
 * header, a JSON object of name to {dtype, shape, data_offsets}, then the data. Checked:
 * header at most 100 MB (the format's own cap), offsets inside the file, without gaps and
 * overlaps, shapes against byte counts.
 */
#ifndef VANTA_CONVERT_SAFETENSORS_H
#define VANTA_CONVERT_SAFETENSORS_H

#include <stdint.h>

#include "base/cursor.h"
#include "vanta_error.h"

struct vanta_safetensors_facts {
    uint64_t tensors, parameters;
    char main_type[8]; /* dtype that most bytes have: "F16", "F32"; "" without tensors */
};

enum vanta_status vanta_safetensors_read(struct vanta_cursor *c,
                                         struct vanta_safetensors_facts *out,
                                         struct vanta_error *err);

#endif
