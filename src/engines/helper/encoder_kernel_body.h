/*
 * encoder_kernel_body.h - the loops of encoder_kernel.h, over vectors of LANES floats.
 *
 * Included once by each encoder_kernel_*.c, which defines before it:
 *   LANES, TILE_ROWS       floats of a vector; rows of a tile (2 vectors wide)
 *   vfma(a, b, c)          a * b + c, rounded once
 *   vmax(a, b)             the larger; b where one of them is not a number
 * Numbers are the same on every kernel but for the order of sums.
 */
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "engines/helper/encoder_kernel.h"
#include "engines/helper/encoder_kernel_pack.h"

typedef float vf __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

#define WIDTH (2 * LANES) /* columns of a tile */

INLINE vf vload(const float *p)
{
    return *(const vf *)p;
}

INLINE vf vall(float x)
{
    return x - (vf){0};
}

/* e^x for x <= 0, to a few units in the last place: 2^n times the series of e^f, with
 * n the whole number nearest to x / ln 2, read from the low bits of x + 1.5 * 2^23. */
INLINE vf vexp(vf x)
{
    const vf magic = vall(12582912.0F);
    vf shifted, n, f, p;
    vi power;

    x = vmax(vall(-87.0F), x);
    shifted = vfma(x, vall(1.44269504F), magic);
    n = shifted - magic;
    f = vfma(n, vall(-0.693359375F), x);
    f = vfma(n, vall(2.12194440e-4F), f);
    p = vall(1.0F / 5040);
    p = vfma(p, f, vall(1.0F / 720));
    p = vfma(p, f, vall(1.0F / 120));
    p = vfma(p, f, vall(1.0F / 24));
    p = vfma(p, f, vall(1.0F / 6));
    p = vfma(p, f, vall(0.5F));
    p = vfma(p, f, vall(1.0F));
    p = vfma(p, f, vall(1.0F));
    power = ((vi)shifted - 0x4B400000 + 127) << 23;
    return p * (vf)power;
}

/* x * Phi(x) with erf from Abramowitz and Stegun, 7.1.26 (error below 1.5e-7). */
INLINE vf vgelu(vf x)
{
    vf size = vmax(x, -x), z = size * 0.707106781F;
    vf t = 1.0F / vfma(z, vall(0.3275911F), vall(1.0F));
    vf p = vall(1.061405429F);

    p = vfma(p, t, vall(-1.453152027F));
    p = vfma(p, t, vall(1.421413741F));
    p = vfma(p, t, vall(-0.284496736F));
    p = vfma(p, t, vall(0.254829592F));
    p = p * t * vexp(-(z * z));
    return vfma(size * -0.5F, p, vmax(vall(0.0F), x));
}

INLINE float vsum(vf x)
{
    float sum = 0;

    for (int i = 0; i < LANES; i++)
        sum += x[i];
    return sum;
}

/* Adds what belongs to it and stores a row of a tile, columns of it. */
INLINE void store_row(vf *sum, const struct encoder_finish *finish, size_t column,
                      size_t at, float *out, unsigned columns)
{
    float row[WIDTH], residual[WIDTH];

    if (finish->bias != NULL && columns >= WIDTH)
        for (int v = 0; v < 2; v++)
            sum[v] += vload(finish->bias + column + v * LANES);
    else if (finish->bias != NULL) {
        memset(row, 0, sizeof row);
        memcpy(row, finish->bias + column, columns * sizeof *row);
        for (int v = 0; v < 2; v++)
            sum[v] += vload(row + v * LANES);
    }
    if (finish->gelu)
        for (int v = 0; v < 2; v++)
            sum[v] = vgelu(sum[v]);
    if (columns >= WIDTH) {
        for (int v = 0; v < 2; v++) {
            if (finish->residual != NULL)
                sum[v] += vload(finish->residual + at + column + v * LANES);
            *(vf *)(out + at + column + v * LANES) = sum[v];
        }
        return;
    }
    if (finish->residual != NULL) {
        memset(residual, 0, sizeof residual);
        memcpy(residual, finish->residual + at + column, columns * sizeof *residual);
        for (int v = 0; v < 2; v++)
            sum[v] += vload(residual + v * LANES);
    }
    for (int v = 0; v < 2; v++)
        *(vf *)(row + v * LANES) = sum[v];
    memcpy(out + at + column, row, columns * sizeof *row);
}

/* One tile: rows x WIDTH. rows is a constant wherever this is called. */
INLINE void tile(int rows, const float *x, size_t ldx, const float *panel,
                 unsigned inputs, const struct encoder_finish *finish, size_t column,
                 float *out, size_t row, size_t ldo, unsigned columns)
{
    vf sum[TILE_ROWS][2];

    for (int r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = (vf){0};
    for (unsigned k = 0; k < inputs; k++, panel += ENCODER_PANEL) {
        vf w0 = vload(panel), w1 = vload(panel + LANES);
        for (int r = 0; r < rows; r++) {
            vf value = vall(x[(size_t)r * ldx + k]);
            sum[r][0] = vfma(value, w0, sum[r][0]);
            sum[r][1] = vfma(value, w1, sum[r][1]);
        }
    }
    for (int r = 0; r < rows; r++)
        store_row(sum[r], finish, column, (row + (size_t)r) * ldo, out, columns);
}

static void multiply(const float *x, size_t ldx, size_t rows, const float *panel,
                     unsigned inputs, const struct encoder_finish *finish, float *out,
                     size_t ldo, unsigned columns)
{
    for (unsigned column = 0; column < columns; column += WIDTH) {
        unsigned left = columns - column;
        size_t r = 0;

#define TILE(n) \
    tile(n, x + r * ldx, ldx, panel + column, inputs, finish, column, out, r, ldo, left)
        for (; r + TILE_ROWS <= rows; r += TILE_ROWS)
            TILE(TILE_ROWS);
        for (; r + 4 <= rows; r += 4)
            TILE(4);
        for (; r < rows; r++)
            TILE(1);
#undef TILE
    }
}

static void softmax(float *row, size_t n, float scale, const float *bias)
{
    vf most = vall(-INFINITY), sum = {0};
    size_t whole = n - n % LANES, i;
    float tail[LANES], top, total;

    for (i = 0; i < LANES; i++)
        tail[i] = whole + i < n ? row[whole + i] * scale +
                                  (bias != NULL ? bias[whole + i] : 0) : -INFINITY;
    for (i = 0; i < whole; i += LANES) {
        vf v = vload(row + i) * scale;
        if (bias != NULL)
            v += vload(bias + i);
        *(vf *)(row + i) = v;
        most = vmax(most, v);
    }
    most = vmax(most, vload(tail));
    top = most[0];
    for (i = 1; i < LANES; i++)
        top = most[i] > top || isnan(most[i]) ? most[i] : top;
    for (i = 0; i < whole; i += LANES) {
        vf v = vexp(vload(row + i) - top);
        *(vf *)(row + i) = v;
        sum += v;
    }
    *(vf *)tail = vexp(vload(tail) - top);
    total = vsum(sum);
    for (i = 0; whole + i < n; i++)
        total += tail[i];
    for (i = 0; i < whole; i += LANES)
        *(vf *)(row + i) = vload(row + i) * (1.0F / total);
    for (i = 0; whole + i < n; i++)
        row[whole + i] = tail[i] * (1.0F / total);
}

static void norm(const float *x, size_t n, const float *weight, const float *bias,
                 float epsilon, float *out)
{
    size_t whole = n - n % LANES, i;
    vf sum = {0}, square = {0};
    float mean, variance, scale;

    for (i = 0; i < whole; i += LANES)
        sum += vload(x + i);
    mean = vsum(sum);
    for (i = whole; i < n; i++)
        mean += x[i];
    mean /= (float)n;
    for (i = 0; i < whole; i += LANES) {
        vf v = vload(x + i) - mean;
        square = vfma(v, v, square);
    }
    variance = vsum(square);
    for (i = whole; i < n; i++)
        variance += (x[i] - mean) * (x[i] - mean);
    scale = 1.0F / sqrtf(variance / (float)n + epsilon);
    for (i = 0; i < whole; i += LANES)
        *(vf *)(out + i) = vfma((vload(x + i) - mean) * scale, vload(weight + i),
                                vload(bias + i));
    for (i = whole; i < n; i++)
        out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}
