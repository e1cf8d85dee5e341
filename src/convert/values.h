/*
 * values.h - values of a tensor to a file in the type it shall have.
 *
 *     status = vanta_values_write(out, VANTA_GGML_Q8_0, values, n, scratch, file, name, err);
 *
 * n is at most what scratch has; for q8_0 a multiple of VANTA_Q8_0_BLOCK. Little-endian on
 * every machine. Values that are not finite are VANTA_ERR_FORMAT, those too large for the
 * type VANTA_ERR_UNSUPPORTED, each with the file and the tensor; or IO, NO_SPACE.
 */
#ifndef VANTA_CONVERT_VALUES_H
#define VANTA_CONVERT_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/output.h"
#include "vanta_error.h"

/* ggml's numbers. */
#define VANTA_GGML_F32 0
#define VANTA_GGML_F16 1
#define VANTA_GGML_Q8_0 8

/* values and scratch (n each) are spoilt. */
enum vanta_status vanta_values_write(struct vanta_output *out, uint32_t type,
                                     float *values, size_t n, uint16_t *scratch,
                                     const char *file, const char *tensor,
                                     struct vanta_error *err);

/* n values from little-endian bytes; size 4: f32, 2: f16 or, brain, bf16, 8: f64. */
void vanta_values_read(const uint8_t *raw, unsigned size, bool brain, float *values,
                       size_t n);

#endif
