/* Blocks of Q8_0: scales, rounding, and what is not to be divided. */
#include <math.h>
#include <string.h>

#include "cmocka_all.h"
#include "convert/half.h"
#include "convert/q8_0.h"

static float values[VANTA_Q8_0_BLOCK];
static uint8_t block[VANTA_Q8_0_BLOCK_BYTES];

static void quantize(void)
{
    vanta_q8_0_blocks(values, 1, block);
}

static uint16_t scale(void)
{
    return (uint16_t)(block[0] | block[1] << 8);
}

static void fill(float value)
{
    int i;

    for (i = 0; i < VANTA_Q8_0_BLOCK; i++)
        values[i] = value;
}

static void the_largest_is_127(void **state)
{
    (void)state;
    fill(0);
    values[3] = 127;
    values[4] = -127;
    values[5] = 64;
    quantize();
    assert_int_equal(scale(), 0x3c00); /* 1 */
    assert_int_equal((int8_t)block[2 + 3], 127);
    assert_int_equal((int8_t)block[2 + 4], -127);
    assert_int_equal((int8_t)block[2 + 5], 64);
    assert_int_equal(block[2], 0);
}

static void halves_go_away_from_zero(void **state)
{
    (void)state;
    fill(0);
    values[0] = 127;
    values[1] = 2.5f;
    values[2] = -2.5f;
    values[3] = 0.5f;
    values[4] = 0.49999997f; /* adding one half would round it up */
    values[5] = -0.49999997f;
    values[6] = -3.4999998f;
    quantize();
    assert_int_equal((int8_t)block[3], 3);
    assert_int_equal((int8_t)block[4], -3);
    assert_int_equal((int8_t)block[5], 1);
    assert_int_equal((int8_t)block[6], 0);
    assert_int_equal((int8_t)block[7], 0);
    assert_int_equal((int8_t)block[8], -3);
}

static void rounding_is_roundf_s(void **state)
{
    uint32_t seed = 1;
    int round, i;

    (void)state;
    for (round = 0; round < 20000; round++) {
        float most = 0, inverse;

        for (i = 0; i < VANTA_Q8_0_BLOCK; i++) {
            seed = seed * 1664525u + 1013904223u;
            values[i] = (float)(int32_t)seed / 2147483648.0f * (1 + (float)(round % 7));
            most = fmaxf(most, fabsf(values[i]));
        }
        quantize();
        assert_int_equal(scale(), vanta_f32_to_f16(most / 127));
        inverse = 1 / (most / 127);
        for (i = 0; i < VANTA_Q8_0_BLOCK; i++)
            assert_int_equal((int8_t)block[2 + i], (int)roundf(values[i] * inverse));
    }
}

static void nothing_stays_nothing(void **state)
{
    static const float tiny[] = {0, -0.0f, 1e-45f, 1e-40f};
    size_t i, k;

    (void)state;
    for (i = 0; i < sizeof tiny / sizeof tiny[0]; i++) {
        fill(tiny[i]);
        memset(block, 0xff, sizeof block);
        quantize();
        for (k = 0; k < sizeof block; k++)
            assert_int_equal(block[k], 0);
    }
}

static void the_largest_value_has_a_finite_scale(void **state)
{
    (void)state;
    fill(VANTA_Q8_0_VALUE_MAX);
    quantize();
    assert_true(isfinite(vanta_f16_to_f32(scale())));
    assert_int_equal((int8_t)block[2], 127);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_is_127),
        cmocka_unit_test(halves_go_away_from_zero),
        cmocka_unit_test(rounding_is_roundf_s),
        cmocka_unit_test(nothing_stays_nothing),
        cmocka_unit_test(the_largest_value_has_a_finite_scale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
