/* The loop of XTTS's convolutions on every kind of processor that this one can be, against
 * sums in double: sizes around the edges of tiles, panels and vectors; and that a row's
 * bits do not depend on the rows beside it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "engines/helper/xtts_kernel.h"
#include "engines/helper/xtts_weights.h"

#define ROWS_MAX 27
#define INPUTS_MAX 40
#define TAPS_MAX 11
#define LD 45      /* of outputs: no multiple of anything */
#define UNTOUCHED -77.0F

static uint32_t seed = 3;

static float next(void)
{
    seed = seed * 1664525U + 1013904223U;
    return (float)(seed >> 8) / 8388608.0F - 1.0F;
}

static void fill(float *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        values[i] = next();
}

struct work {
    float x[(ROWS_MAX * 2 + TAPS_MAX * 3) * INPUTS_MAX];
    float bias[XTTS_PANEL], residual[ROWS_MAX * LD], add[ROWS_MAX * LD];
    float out[(ROWS_MAX + 1) * LD], leaky[(ROWS_MAX + 1) * LD], alone[LD];
    float panel[TAPS_MAX * INPUTS_MAX * XTTS_PANEL];
};

static double expected(const struct vanta_xtts_conv *c, size_t row, unsigned column)
{
    double sum = (double)c->bias[column];

    for (unsigned t = 0; t < c->taps; t++)
        for (unsigned k = 0; k < c->inputs; k++)
            sum += (double)c->x[row * c->row + t * c->tap + k] *
                   (double)c->panel[((size_t)t * c->inputs + k) * XTTS_PANEL + column];
    sum += c->residual != NULL ? (double)c->residual[row * LD + column] : 0;
    sum += c->add != NULL ? (double)c->add[row * LD + column] : 0;
    return sum * (double)c->scale;
}

static void check_values(const struct vanta_xtts_kernel *kernel,
                         const struct vanta_xtts_conv *c, const struct work *w)
{
    for (size_t r = 0; r <= c->rows; r++)
        for (unsigned column = 0; column < LD; column++) {
            float out = w->out[r * LD + column], leaky = w->leaky[r * LD + column];
            double v;
            if (r == c->rows || column >= c->columns) { /* not asked for, not touched */
                assert_true(out == UNTOUCHED && leaky == UNTOUCHED);
                continue;
            }
            v = expected(c, r, column);
            if (c->out != NULL && fabs(v - (double)out) > 1e-4)
                fail_msg("%s: row %zu, column %u: %g, not %g", kernel->name, r, column,
                         (double)out, v);
            v = v > 0 ? v : v * (double)c->slope;
            if (c->leaky != NULL && fabs(v - (double)leaky) > 1e-4)
                fail_msg("%s: row %zu, column %u: leaky %g, not %g", kernel->name, r,
                         column, (double)leaky, v);
            assert_true((c->out != NULL) == (out != UNTOUCHED));
            assert_true((c->leaky != NULL) == (leaky != UNTOUCHED));
        }
}

/* Each row alone, from a copy of what the whole was made from. */
static void check_alone(const struct vanta_xtts_kernel *kernel,
                        const struct vanta_xtts_conv *c, struct work *w)
{
    for (size_t r = 0; r < c->rows; r++) {
        struct vanta_xtts_conv one = *c;
        const float *whole = c->out != NULL ? w->out : w->leaky;

        one.x += r * c->row;
        one.rows = 1;
        one.residual = c->residual != NULL ? c->residual + r * LD : NULL;
        one.add = c->add != NULL ? c->add + r * LD : NULL;
        one.out = c->out != NULL ? w->alone : NULL;
        one.leaky = c->out != NULL ? NULL : w->alone;
        kernel->conv(&one);
        assert_memory_equal(w->alone, whole + r * LD, c->columns * sizeof(float));
    }
}

static void check_conv(const struct vanta_xtts_kernel *kernel, size_t rows, unsigned taps,
                       unsigned inputs, unsigned columns, unsigned extras)
{
    static struct work w;
    struct vanta_xtts_conv c = {
        .x = w.x, .row = inputs * (1 + extras % 2), .tap = inputs * (1 + extras % 3),
        .taps = taps, .inputs = inputs, .panel = w.panel, .bias = w.bias,
        .residual = extras & 1 ? w.residual : NULL, .add = extras & 2 ? w.add : NULL,
        .scale = extras & 4 ? 0.25F : 1, .slope = extras & 1 ? 0.1F : 0.01F,
        .out = extras & 3 ? w.out : NULL, .leaky = (extras & 3) != 1 ? w.leaky : NULL,
        .rows = rows, .ldo = LD, .columns = columns};

    fill(w.x, sizeof w.x / sizeof(float));
    fill(w.panel, sizeof w.panel / sizeof(float));
    fill(w.bias, XTTS_PANEL);
    fill(w.residual, sizeof w.residual / sizeof(float));
    fill(w.add, sizeof w.add / sizeof(float));
    for (size_t i = 0; i < sizeof w.out / sizeof(float); i++)
        w.out[i] = w.leaky[i] = UNTOUCHED;
    kernel->conv(&c);
    check_values(kernel, &c, &w);
    check_alone(kernel, &c, &w);
    if (c.residual != NULL && c.out != NULL) { /* in place: the block's state */
        memcpy(w.leaky, w.residual, sizeof w.residual);
        c.residual = c.out = w.leaky;
        c.leaky = NULL;
        kernel->conv(&c);
        for (size_t r = 0; r < rows; r++)
            assert_memory_equal(w.leaky + r * LD, w.out + r * LD,
                                columns * sizeof(float));
    }
}

/* ---- whole numbers ---- */

/* What the numbers stand for, summed in double; the sums of numbers are exact. */
static void check_whole(const struct vanta_xtts_kernel *kernel, size_t rows, unsigned taps,
                        unsigned inputs, unsigned columns, size_t dilation)
{
    static struct work w;
    static int16_t whole[(ROWS_MAX + TAPS_MAX * 3) * INPUTS_MAX];
    static int16_t panel[TAPS_MAX * INPUTS_MAX * XTTS_PANEL];
    float scales[ROWS_MAX + TAPS_MAX * 3], weight_scales[XTTS_PANEL];
    size_t all = rows + (taps - 1) * dilation;
    int32_t most = xtts_whole_most(inputs);
    struct vanta_xtts_conv c = {
        .whole = whole, .scales = scales, .dilation = dilation, .taps = taps,
        .inputs = inputs, .whole_panel = panel, .weight_scales = weight_scales,
        .bias = w.bias, .residual = w.residual, .scale = 1, .slope = 0.1F, .out = w.out,
        .rows = rows, .ldo = LD, .columns = columns};

    fill(w.x, all * inputs);
    fill(w.bias, XTTS_PANEL);
    fill(w.residual, sizeof w.residual / sizeof(float));
    fill(weight_scales, XTTS_PANEL);
    for (size_t i = 0; i < sizeof panel / sizeof *panel; i++)
        panel[i] = (int16_t)lrintf(next() * XTTS_WHOLE_WEIGHT);
    for (size_t i = 0; i < sizeof w.out / sizeof(float); i++)
        w.out[i] = UNTOUCHED;
    kernel->quantize(w.x, all, inputs, most, whole, scales);
    for (size_t i = 0; i < all * inputs; i++) {
        double value = (double)whole[i] * (double)scales[i / inputs];
        assert_true(abs(whole[i]) <= most);
        assert_true(fabs(value - (double)w.x[i]) <= (double)scales[i / inputs] * 0.51);
    }
    kernel->conv_whole(&c);
    for (size_t r = 0; r <= rows; r++)
        for (unsigned o = 0; o < LD; o++) {
            double sum = 0;
            if (r == rows || o >= columns) {
                assert_true(w.out[r * LD + o] == UNTOUCHED);
                continue;
            }
            for (unsigned t = 0; t < taps; t++)
                for (unsigned k = 0; k < inputs; k++) {
                    size_t row = r + t * dilation, pair = (t * inputs + k) / 2;
                    sum += (double)whole[row * inputs + k] * (double)scales[row] *
                           (double)panel[(pair * XTTS_PANEL + o) * 2 + k % 2];
                }
            sum = sum * (double)weight_scales[o] + (double)w.bias[o] +
                  (double)w.residual[r * LD + o];
            assert_true(fabs(sum - (double)w.out[r * LD + o]) < 1e-5 * (100 + fabs(sum)));
        }
    for (size_t r = 0; r < rows; r++) { /* and each row alone */
        struct vanta_xtts_conv one = c;
        one.rows = 1;
        one.whole += r * inputs;
        one.scales += r;
        one.residual += r * LD;
        one.out = w.alone;
        kernel->conv_whole(&one);
        assert_memory_equal(w.alone, w.out + r * LD, columns * sizeof(float));
    }
}

/* The largest numbers there can be, all of one sign: the sums are at their limit. */
static void check_limit(const struct vanta_xtts_kernel *kernel)
{
    static int16_t whole[1024], panel[1024 * XTTS_PANEL];
    float scale = 1, ones[XTTS_PANEL], bias[XTTS_PANEL] = {0}, out[XTTS_PANEL];

    for (unsigned inputs = 2; inputs <= 1024; inputs *= 2) {
        struct vanta_xtts_conv c = {
            .whole = whole, .scales = &scale, .dilation = 1, .taps = 1, .inputs = inputs,
            .whole_panel = panel, .weight_scales = ones, .bias = bias, .scale = 1,
            .out = out, .rows = 1, .ldo = XTTS_PANEL, .columns = XTTS_PANEL};
        double most = xtts_whole_most(inputs), expected = most * XTTS_WHOLE_WEIGHT * inputs;
        for (size_t i = 0; i < inputs; i++)
            whole[i] = (int16_t)most;
        for (size_t i = 0; i < (size_t)inputs * XTTS_PANEL; i++)
            panel[i] = XTTS_WHOLE_WEIGHT;
        for (size_t i = 0; i < XTTS_PANEL; i++)
            ones[i] = 1;
        kernel->conv_whole(&c);
        assert_true(fabs((double)out[31] / expected - 1) < 1e-6);
    }
}

static void check_whole_numbers(const struct vanta_xtts_kernel *kernel)
{
    static const size_t rows[] = {1, 2, 5, 6, 7, 13, 27};
    static const unsigned taps[] = {1, 3, 11}, inputs[] = {2, 4, 16, 30, 32, 40};
    static const unsigned columns[] = {1, 16, 17, 32};
    float x[3] = {1, NAN, 2}, zeros[32] = {0}, scale;
    int16_t whole[32];

    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (size_t t = 0; t < sizeof taps / sizeof *taps; t++)
            for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
                for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
                    check_whole(kernel, rows[r], taps[t], inputs[i], columns[c],
                                1 + (r + i) % 3);
    check_limit(kernel);
    kernel->quantize(x, 1, 3, 1000, whole, &scale);
    assert_true(isnan(scale));
    x[1] = INFINITY;
    kernel->quantize(x, 1, 3, 1000, whole, &scale);
    assert_false(isfinite(scale));
    kernel->quantize(zeros, 1, 32, 1000, whole, &scale);
    assert_true(scale == 0 && whole[31] == 0);
}

static void check(const struct vanta_xtts_kernel *kernel)
{
    static const size_t rows[] = {1, 2, 3, 5, 6, 7, 11, 12, 13, 14, 25, 27};
    static const unsigned taps[] = {1, 2, 3, 7, 11}, inputs[] = {1, 3, 16, 31, 40};
    static const unsigned columns[] = {1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32};
    unsigned extras = 0;
    float a[70], b[70], out[70];

    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (size_t t = 0; t < sizeof taps / sizeof *taps; t++)
            for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
                for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
                    check_conv(kernel, rows[r], taps[t], inputs[i], columns[c],
                               extras++ % 8);
    for (size_t n = 0; n <= 70; n++) {
        double sum = 0;
        fill(a, n);
        fill(b, n);
        for (size_t i = 0; i < n; i++)
            sum += (double)a[i] * (double)b[i];
        assert_true(fabs(sum - (double)kernel->dot(a, b, n)) < 1e-5);
        kernel->mix(a, b, 0.3F, n, out);
        for (size_t i = 0; i < n; i++)
            assert_true(fabs((double)a[i] * 0.7 + (double)b[i] * 0.3 - (double)out[i]) <
                        1e-6);
    }
    if (kernel->conv_whole != NULL)
        check_whole_numbers(kernel);
    print_message("%s%s\n", kernel->name,
                  kernel->conv_whole != NULL ? ", whole numbers too" : "");
}

static void test_every_kernel(void **state)
{
    (void)state;
    check(&vanta_xtts_kernel_plain);
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        check(&vanta_xtts_kernel_avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"))
        check(&vanta_xtts_kernel_avx512);
#endif
}

/* Weights that are not numbers must show in what comes out. */
static void test_damage_shows(void **state)
{
    float x[4] = {1, 2, 3, 4}, bias[XTTS_PANEL] = {0}, out[XTTS_PANEL];
    static float panel[4 * XTTS_PANEL];
    struct vanta_xtts_conv c = {.x = x, .taps = 1, .inputs = 4, .panel = panel,
                                .bias = bias, .scale = 1, .slope = 0.1F, .leaky = out,
                                .rows = 1, .ldo = XTTS_PANEL, .columns = XTTS_PANEL};

    (void)state;
    panel[5] = NAN;
    vanta_xtts_kernel_best()->conv(&c);
    assert_true(isnan(out[5]));
    assert_false(isnan(out[4]));
}

/* Weights as whole numbers: the largest of an output is 2047, and damage stays. */
static void test_rounding(void **state)
{
    struct xtts_weights w = {0};

    (void)state;
    assert_int_equal(xtts_weights_make(3, 2, 40, &w, NULL), VANTA_OK);
    for (uint32_t t = 0; t < 3; t++)
        for (uint32_t i = 0; i < 2; i++) {
            *xtts_weight(&w, 33, t, i) = 0.25F * (float)t - 0.1F * (float)i;
            *xtts_weight(&w, 7, t, i) = t == 1 && i == 1 ? NAN : 1;
        }
    assert_int_equal(xtts_weights_round(&w, NULL), VANTA_OK);
    assert_null(w.panels);
    for (size_t t = 0; t < 3; t++)
        for (size_t i = 0; i < 2; i++) {
            int16_t value = w.whole[3 * 2 * XTTS_PANEL + t * 2 * XTTS_PANEL + 2 + i];
            double expected = (0.25 * (double)t - 0.1 * (double)i) / 0.5 * 2047;
            assert_true(fabs((double)value - expected) <= 0.5001);
        }
    assert_true(fabs((double)w.scales[33] * 2047 - 0.5) < 1e-6);
    assert_true(isnan(w.scales[7]));
    assert_true(w.scales[8] == 0 && w.scales[63] == 0);
    xtts_weights_free(&w);
    xtts_weights_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kernel),
        cmocka_unit_test(test_damage_shows),
        cmocka_unit_test(test_rounding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
