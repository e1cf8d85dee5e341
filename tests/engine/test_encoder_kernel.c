/* The encoder's inner loops on every kind of processor that this one can be, against sums
 * in double: sizes around the edges of tiles, panels and vectors. */
#include <ggml.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "engines/helper/encoder_kernel.h"

#define LONGEST 160

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

static double gelu(double x)
{
    return x / 2 * (1 + erf(x / sqrt(2.0)));
}

/* One product: rows x inputs times a panel of columns rows of type. */
static void check_product(const struct vanta_encoder_kernel *kernel, enum ggml_type type,
                          enum encoder_element element, bool whole, size_t rows,
                          unsigned inputs, unsigned columns, int extras)
{
    static float x[32 * LONGEST], w[32 * LONGEST], out[33 * 40], residual[33 * 40];
    static float bias[32];
    _Alignas(64) static char panel[LONGEST * ENCODER_PANEL * 4], raw[32 * LONGEST * 4];
    static char quantized[32 * (2 * LONGEST + 64)];
    struct encoder_finish finish = {.bias = extras > 0 ? bias : NULL,
                                    .residual = extras > 1 ? residual : NULL,
                                    .gelu = extras > 2};
    size_t row_bytes = ggml_row_size(type, inputs);

    fill(x, rows * inputs);
    fill(w, (size_t)columns * inputs);
    fill(bias, columns);
    fill(residual, rows * 40);
    ggml_quantize_chunk(type, w, raw, 0, columns, inputs, NULL);
    if (type != GGML_TYPE_F32)
        ggml_get_type_traits(type)->to_float(raw, w, (int64_t)columns * inputs);
    for (size_t i = 0; i < 33 * 40; i++)
        out[i] = -77;
    memset(panel, 0x7f, sizeof panel);
    if (whole) {
        kernel->pack_whole(element, raw, row_bytes, columns, inputs, panel);
        for (size_t r = 0; r < rows; r++)
            kernel->quantize(x + r * inputs, inputs,
                             quantized + r * ENCODER_WHOLE_ROW(inputs));
        kernel->multiply_whole(quantized, rows, panel, inputs, &finish, out, 40, columns);
    } else {
        kernel->pack(element, raw, row_bytes, columns, inputs, (float *)(void *)panel);
        kernel->multiply(x, inputs, rows, (const float *)(const void *)panel, inputs,
                         &finish, out, 40, columns);
    }
    for (size_t r = 0; r <= rows; r++)
        for (unsigned c = 0; c < 40; c++) {
            double expected = 0;
            if (r == rows || c >= columns) { /* what is not asked for is not touched */
                assert_true(out[r * 40 + c] == -77);
                continue;
            }
            for (unsigned k = 0; k < inputs; k++)
                expected += (double)x[r * inputs + k] * (double)w[c * inputs + k];
            expected += extras > 0 ? (double)bias[c] : 0;
            expected = extras > 2 ? gelu(expected) : expected;
            expected += extras > 1 ? (double)residual[r * 40 + c] : 0;
            /* 12 bits of a weight against 11 of f16 or all of q8_0 */
            if (fabs(expected - (double)out[r * 40 + c]) > (whole ? 6e-3 : 2e-5))
                fail_msg("%s %s%s %zu x %u x %u: %g, not %g", kernel->name,
                         ggml_type_name(type), whole ? " whole" : "", rows, inputs, columns,
                         (double)out[r * 40 + c], expected);
        }
}

static void check_products(const struct vanta_encoder_kernel *kernel)
{
    static const size_t rows[] = {1, 2, 3, 5, 6, 7, 11, 12, 13, 31};
    static const unsigned inputs[] = {32, 64, 96, 160}, odd[] = {1, 3, 4, 17, 45, 77};
    static const unsigned columns[] = {1, 7, 8, 15, 16, 17, 31, 32};
    static const enum ggml_type types[] = {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16,
                                           GGML_TYPE_Q8_0};
    static const enum encoder_element elements[] = {ENCODER_F32, ENCODER_F16, ENCODER_BF16,
                                                    ENCODER_Q8_0};

    for (size_t t = 0; t < 4; t++)
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
            for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
                for (size_t i = 0; i < 4; i++) {
                    check_product(kernel, types[t], elements[t], false, rows[r], inputs[i],
                                  columns[c], (int)(r + c) % 4);
                    if (t > 0 && kernel->multiply_whole != NULL)
                        check_product(kernel, types[t], elements[t], true, rows[r],
                                      inputs[i], columns[c], (int)(r + c) % 4);
                }
                for (size_t i = 0; t < 3 && i < sizeof odd / sizeof *odd; i++)
                    check_product(kernel, types[t], elements[t], false, rows[r], odd[i],
                                  columns[c], (int)(r + c) % 4);
            }
}

static void check_softmax(const struct vanta_encoder_kernel *kernel)
{
    float row[100], bias[100];
    double value[100];

    for (size_t n = 1; n <= 100; n++)
        for (int with = 0; with < 2; with++) {
            double most = -INFINITY, sum = 0;
            fill(row, n);
            fill(bias, n);
            for (size_t i = 0; i < n; i++) {
                row[i] *= i % 3 == 0 ? 90.0F : 9.0F;
                value[i] = (double)row[i] * 0.7 + (with ? (double)bias[i] : 0);
            }
            kernel->softmax(row, n, 0.7F, with ? bias : NULL);
            for (size_t i = 0; i < n; i++)
                most = fmax(most, value[i]);
            for (size_t i = 0; i < n; i++)
                sum += exp(value[i] - most);
            for (size_t i = 0; i < n; i++)
                assert_true(fabs((double)row[i] - exp(value[i] - most) / sum) < 2e-6);
        }
    row[0] = 1;
    row[1] = NAN;
    kernel->softmax(row, 2, 1, NULL);
    assert_true(isnan(row[0]) && isnan(row[1]));
}

static void check_norm(const struct vanta_encoder_kernel *kernel)
{
    float x[100], weight[100], bias[100], out[101];

    for (size_t n = 1; n <= 100; n++) {
        double mean = 0, variance = 0;
        fill(x, n);
        fill(weight, n);
        fill(bias, n);
        out[n] = -77;
        kernel->norm(x, n, weight, bias, 1e-5F, out);
        for (size_t i = 0; i < n; i++)
            mean += (double)x[i] / (double)n;
        for (size_t i = 0; i < n; i++)
            variance += pow((double)x[i] - mean, 2) / (double)n;
        for (size_t i = 0; i < n; i++)
            assert_true(fabs((double)out[i] - (((double)x[i] - mean) /
                                               sqrt(variance + 1e-5) * (double)weight[i] +
                                               (double)bias[i])) < 1e-5);
        assert_true(out[n] == -77);
    }
}

/* GELU alone, over all that it can be given: a product with one input. */
static void check_gelu(const struct vanta_encoder_kernel *kernel)
{
    static const float one = 1;
    _Alignas(64) float panel[ENCODER_PANEL];
    struct encoder_finish finish = {.gelu = true};

    kernel->pack(ENCODER_F32, &one, sizeof one, 1, 1, panel);
    for (float x = -20; x < 20; x += 0.0137F) {
        float out;
        kernel->multiply(&x, 1, 1, panel, 1, &finish, &out, 1, 1);
        assert_true(fabs((double)out - gelu((double)x)) < 1e-6 * fmax(1, fabs((double)x)));
    }
}

static void check(const struct vanta_encoder_kernel *kernel)
{
    check_products(kernel);
    check_softmax(kernel);
    check_norm(kernel);
    check_gelu(kernel);
}

static void test_best(void **state)
{
    (void)state;
    if (vanta_encoder_kernel_best() == NULL) {
        print_message("no loops for this processor: ggml's operators are used\n");
        skip();
    }
    check(vanta_encoder_kernel_best());
}

static void test_avx2(void **state)
{
    (void)state;
#if defined(__x86_64__)
    if (vanta_encoder_kernel_best() != NULL) {
        check(&vanta_encoder_kernel_avx2);
        return;
    }
#endif
    print_message("no AVX2 here\n");
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best),
        cmocka_unit_test(test_avx2),
    };
    struct ggml_init_params params = {.mem_size = 1024};

    ggml_free(ggml_init(params)); /* fills ggml's tables of f16 */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
