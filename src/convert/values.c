#include "convert/values.h"

#include <string.h>

#include "base/error.h"
#include "convert/half.h"
#include "convert/q8_0.h"

/* The bits of the largest magnitude: in order as the magnitudes are, NaN above all. */
static int32_t largest_bits(const float *values, size_t n)
{
    int32_t most = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        int32_t bits;

        memcpy(&bits, &values[i], sizeof bits);
        bits &= 0x7fffffff;
        most = bits > most ? bits : most;
    }
    return most;
}

/* What the type cannot hold would spoil every answer of the model. */
static enum vanta_status check(uint32_t type, const float *values, size_t n,
                               const char *file, const char *tensor,
                               struct vanta_error *err)
{
    int32_t most = largest_bits(values, n);
    float value;

    if (most >= 0x7f800000)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s has a value that is not finite",
                          file, tensor);
    memcpy(&value, &most, sizeof value);
    if ((type == VANTA_GGML_F16 && value >= 65520) ||
        (type == VANTA_GGML_Q8_0 && value > VANTA_Q8_0_VALUE_MAX)) {
        vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s: %s has the value %g, too large for %s",
                   file, tensor, (double)value,
                   type == VANTA_GGML_F16 ? "f16" : "q8_0");
        vanta_hint(err, "the type f32 holds it");
        return VANTA_ERR_UNSUPPORTED;
    }
    return VANTA_OK;
}

/* The loops of bytes are nothing on a little-endian machine, and compilers see it. */
static void to_bytes(float *values, size_t n)
{
    uint8_t *p = (uint8_t *)values;
    size_t i;

    for (i = 0; i < n; i++, p += 4) {
        uint32_t bits;

        memcpy(&bits, p, sizeof bits);
        p[0] = (uint8_t)bits;
        p[1] = (uint8_t)(bits >> 8);
        p[2] = (uint8_t)(bits >> 16);
        p[3] = (uint8_t)(bits >> 24);
    }
}

static void halves_to_bytes(uint16_t *halves, size_t n)
{
    uint8_t *bytes = (uint8_t *)halves;
    size_t i;

    for (i = 0; i < n; i++) {
        uint16_t half = halves[i];

        bytes[2 * i] = (uint8_t)half;
        bytes[2 * i + 1] = (uint8_t)(half >> 8);
    }
}

enum vanta_status vanta_values_write(struct vanta_output *out, uint32_t type,
                                     float *values, size_t n, uint16_t *scratch,
                                     const char *file, const char *tensor,
                                     struct vanta_error *err)
{
    enum vanta_status status = check(type, values, n, file, tensor, err);
    size_t blocks = n / VANTA_Q8_0_BLOCK;

    if (status != VANTA_OK)
        return status;
    if (type == VANTA_GGML_F32) {
        to_bytes(values, n);
        return vanta_output_write(out, values, 4 * n, err);
    }
    if (type == VANTA_GGML_F16) {
        vanta_f32_to_f16_row(values, scratch, n);
        halves_to_bytes(scratch, n);
        return vanta_output_write(out, scratch, 2 * n, err);
    }
    vanta_q8_0_blocks(values, blocks, (uint8_t *)scratch);
    return vanta_output_write(out, scratch, blocks * VANTA_Q8_0_BLOCK_BYTES, err);
}

static uint64_t little(const uint8_t *p, unsigned size)
{
    uint64_t value = 0;

    while (size > 0)
        value = value << 8 | p[--size];
    return value;
}

void vanta_values_read(const uint8_t *raw, unsigned size, bool brain, float *values,
                       size_t n)
{
    size_t i;

    for (i = 0; i < n && size == 4; i++) { /* the common case, as one copy */
        const uint8_t *p = raw + 4 * i;
        uint32_t bits = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                        (uint32_t)p[3] << 24;

        memcpy(&values[i], &bits, sizeof bits);
    }
    for (; i < n; i++) {
        uint64_t bits = little(raw + size * i, size);
        double wide;

        memcpy(&wide, &bits, sizeof wide);
        values[i] = size == 8 ? (float)wide
                    : brain   ? vanta_bf16_to_f32((uint16_t)bits)
                              : vanta_f16_to_f32((uint16_t)bits);
    }
}
