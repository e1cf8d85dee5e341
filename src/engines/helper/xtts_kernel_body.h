/*
 * xtts_kernel_body.h - the loops of xtts_kernel.h, over vectors of LANES floats.
 *
 * Included once by each xtts_kernel_*.c, which defines before it:
 *   LANES, TILE_ROWS       floats of a vector; rows of a tile (2 vectors wide)
 *   vf, vfma(a, b, c)      the vector; a * b + c
 *   vmax(a, b)             the larger; not a number where both are none
 */
#include <string.h>

#include "engines/helper/xtts_kernel.h"

#define INLINE static inline __attribute__((always_inline))
#define WIDTH (2 * LANES) /* columns of a tile */

INLINE vf vload(const float *p)
{
    return *(const vf *)p;
}

INLINE vf vall(float x)
{
    return x - (vf){0};
}

/* What belongs to a row of a tile behind its sum: columns of it, 1 to WIDTH. */
INLINE void store_row(vf *sum, const struct vanta_xtts_conv *c, size_t at, unsigned column)
{
    unsigned left = c->columns - column;
    const float *more[2] = {c->residual, c->add};

    for (int v = 0; v < 2; v++)
        sum[v] += vload(c->bias + column + v * LANES);
    for (int m = 0; m < 2; m++) {
        float part[WIDTH] = {0};
        const float *from = part;
        if (more[m] == NULL)
            continue;
        if (left >= WIDTH)
            from = more[m] + at;
        else
            memcpy(part, more[m] + at, left * sizeof *part);
        for (int v = 0; v < 2; v++)
            sum[v] += vload(from + v * LANES);
    }
    for (int m = 0; m < 2; m++) {
        float part[WIDTH];
        float *to = m == 0 ? c->out : c->leaky;
        if (to == NULL)
            continue;
        for (int v = 0; v < 2; v++) {
            vf value = sum[v] * c->scale;
            if (m == 1)
                value = vmax(value, value * c->slope);
            *(vf *)((left >= WIDTH ? to + at : part) + v * LANES) = value;
        }
        if (left < WIDTH)
            memcpy(to + at, part, left * sizeof *part);
    }
}

/* One tile: rows x WIDTH. rows is a constant wherever this is called. */
INLINE void tile(int rows, const struct vanta_xtts_conv *c, size_t r, unsigned column)
{
    const float *panel = c->panel + column, *x = c->x + r * c->row;
    size_t row = c->row;
    vf sum[TILE_ROWS][2];

#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
        sum[i][0] = sum[i][1] = (vf){0};
    for (unsigned t = 0; t < c->taps; t++, x += c->tap) {
        for (unsigned k = 0; k < c->inputs; k++, panel += XTTS_PANEL) {
            vf w0 = vload(panel), w1 = vload(panel + LANES);
#pragma GCC unroll 12
            for (int i = 0; i < rows; i++) {
                vf value = vall(x[(size_t)i * row + k]);
                sum[i][0] = vfma(value, w0, sum[i][0]);
                sum[i][1] = vfma(value, w1, sum[i][1]);
            }
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
        store_row(sum[i], c, (r + (size_t)i) * c->ldo + column, column);
}

static void conv(const struct vanta_xtts_conv *c)
{
    for (unsigned column = 0; column < c->columns; column += WIDTH) {
        size_t r = 0;

        for (; r + TILE_ROWS <= c->rows; r += TILE_ROWS)
            tile(TILE_ROWS, c, r, column);
        for (; r + 2 <= c->rows; r += 2)
            tile(2, c, r, column);
        for (; r < c->rows; r++)
            tile(1, c, r, column);
    }
}

static float dot(const float *x, const float *y, size_t n)
{
    size_t whole = n - n % LANES, i;
    vf sums = {0};
    float sum = 0;

    for (i = 0; i < whole; i += LANES)
        sums = vfma(vload(x + i), vload(y + i), sums);
    for (i = 0; i < LANES; i++)
        sum += sums[i];
    for (i = whole; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

static void mix(const float *a, const float *b, float part, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] * (1 - part) + b[i] * part;
}
