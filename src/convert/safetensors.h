/*
 * safetensors.h - reader of the header of a safetensors file.
 *
 * Source of the format: huggingface/safetensors, README.md ("Format") and
 * safetensors/src/tensor.rs: u64 length of the header, the header (JSON, starts with an
 * opening brace, may end in spaces): an object of tensor name to {dtype, shape,
 * data_offsets [begin, end] behind the header}, and __metadata__, an object of strings.
 * The tensors cover the rest of the file without gap and overlap.
 *
 * Loads no data. Memory: the header and 24 bytes a tensor.
 * Statuses: VANTA_ERR_FORMAT, LIMIT, IO, NO_MEMORY.
 */
#ifndef VANTA_CONVERT_SAFETENSORS_H
#define VANTA_CONVERT_SAFETENSORS_H

#include <stdint.h>

#include "base/cursor.h"
#include "vanta_error.h"

#define VANTA_SAFETENSORS_HEADER_MAX ((size_t)32 * 1024 * 1024) /* bytes */
#define VANTA_SAFETENSORS_TENSORS_MAX ((size_t)1 << 18)
#define VANTA_SAFETENSORS_RANK_MAX 16

struct vanta_safetensors {
    uint64_t tensors, parameters;
    uint64_t layers;       /* told from the names ("layer.11."); 0: not told */
    const char *main_type; /* of most bytes: "f32"; NULL when there is no data */
    char license[64];      /* from __metadata__; "" */
    char format[32];       /* from __metadata__: "pt"; "" */
};

/* c stands at the start. *out is zeroed on failure. */
enum vanta_status vanta_safetensors_read(struct vanta_cursor *c,
                                         struct vanta_safetensors *out,
                                         struct vanta_error *err);

/* What the header says of one tensor. */
struct vanta_safetensors_tensor {
    const char *name;      /* valid during the visit, as shape is */
    const char *type;      /* "f32" */
    unsigned rank;
    const uint64_t *shape; /* row-major */
    uint64_t elements;
    uint64_t data_pos;     /* from the start of the file */
    uint64_t bytes;        /* of the data; as long as type and shape make it */
};

/* As read, and calls visit for each tensor in the header's order; that the tensors cover
 * the file without overlap is known only when all have been visited. Anything but
 * VANTA_OK from visit ends the reading with that status. */
typedef enum vanta_status
vanta_safetensors_visit(void *arg, const struct vanta_safetensors_tensor *tensor,
                        struct vanta_error *err);
enum vanta_status vanta_safetensors_each(struct vanta_cursor *c,
                                         vanta_safetensors_visit *visit, void *arg,
                                         struct vanta_safetensors *out,
                                         struct vanta_error *err);

#endif
