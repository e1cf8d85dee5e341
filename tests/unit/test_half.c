/* 16-bit floats against the definition of their formats. */
#include <math.h>
#include <string.h>

#include "cmocka_all.h"
#include "convert/half.h"

/* The value of a binary16 by its definition, in double. */
static double value_of(uint16_t half)
{
    int exponent = half >> 10 & 31;
    double fraction = half & 1023, value;

    if (exponent == 31)
        value = fraction > 0 ? NAN : INFINITY;
    else if (exponent == 0)
        value = ldexp(fraction, -24);
    else
        value = ldexp(1024 + fraction, exponent - 25);
    return half & 0x8000 ? -value : value;
}

static void test_every_half_widens_exactly_and_comes_back(void **state)
{
    uint32_t half;

    (void)state;
    for (half = 0; half < 0x10000; half++) {
        float wide = vanta_f16_to_f32((uint16_t)half);

        if (isnan(value_of((uint16_t)half))) {
            assert_true(isnan(wide));
            assert_true(isnan(value_of(vanta_f32_to_f16(wide))));
            continue;
        }
        assert_true((double)wide == value_of((uint16_t)half) ||
                    isinf(value_of((uint16_t)half)));
        assert_int_equal(!!signbit(wide), half >> 15);
        assert_int_equal(vanta_f32_to_f16(wide), half);
    }
}

/* Between two neighbours the nearer one is taken, in the middle the even one. */
static void test_rounding(void **state)
{
    uint32_t half;

    (void)state;
    for (half = 0; half < 0x7bff; half++) {
        double low = value_of((uint16_t)half), high = value_of((uint16_t)(half + 1));
        float middle = (float)((low + high) / 2);

        assert_int_equal(vanta_f32_to_f16(middle), half & 1 ? half + 1 : half);
        assert_int_equal(vanta_f32_to_f16(nextafterf(middle, 0)), half);
        assert_int_equal(vanta_f32_to_f16(nextafterf(middle, INFINITY)), half + 1);
        assert_int_equal(vanta_f32_to_f16(-nextafterf(middle, INFINITY)),
                         0x8000 | (half + 1));
    }
}

static void test_ends(void **state)
{
    (void)state;
    assert_int_equal(vanta_f32_to_f16(65504), 0x7bff);
    assert_int_equal(vanta_f32_to_f16(nextafterf(65520, 0)), 0x7bff);
    assert_int_equal(vanta_f32_to_f16(65520), 0x7c00);
    assert_int_equal(vanta_f32_to_f16(3e38f), 0x7c00);
    assert_int_equal(vanta_f32_to_f16(-INFINITY), 0xfc00);
    assert_int_equal(vanta_f32_to_f16(-0.0f), 0x8000);
    assert_int_equal(vanta_f32_to_f16(1e-30f), 0);
}

static void test_bf16_is_the_upper_half(void **state)
{
    (void)state;
    assert_true(vanta_bf16_to_f32(0x3f80) == 1.0f);
    assert_true(vanta_bf16_to_f32(0xc0a0) == -5.0f);
    assert_true(isnan(vanta_bf16_to_f32(0x7fc0)));
}

/* The function for many values gives the bits of the one for one: for every half, the
 * middle to the next one, and their neighbours. */
static void test_rows_are_the_same(void **state)
{
    float values[8];
    uint16_t halves[8];
    uint32_t half;
    size_t i;

    (void)state;
    for (half = 0; half < 0x7c00; half++) {
        float value = vanta_f16_to_f32((uint16_t)half);
        float middle = value / 2 + vanta_f16_to_f32((uint16_t)(half + 1)) / 2;

        if (half == 0x7bff)
            middle = 65520;
        values[0] = value;
        values[1] = -value;
        values[2] = middle;
        values[3] = -middle;
        values[4] = nextafterf(middle, 0);
        values[5] = nextafterf(middle, INFINITY);
        values[6] = nextafterf(value, INFINITY);
        values[7] = half & 1 ? 3e38f : 1e-42f;
        vanta_f32_to_f16_row(values, halves, 8);
        for (i = 0; i < 8; i++)
            assert_int_equal(halves[i], vanta_f32_to_f16(values[i]));
    }
    values[0] = INFINITY;
    values[1] = -INFINITY;
    vanta_f32_to_f16_row(values, halves, 2);
    assert_int_equal(halves[0], 0x7c00);
    assert_int_equal(halves[1], 0xfc00);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_the_same),
        cmocka_unit_test(test_every_half_widens_exactly_and_comes_back),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_bf16_is_the_upper_half),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
