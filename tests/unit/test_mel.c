/* The mel filters, to the bit. */
#include <math.h>
#include <string.h>

#include "base/digest.h"
#include "cmocka_all.h"
#include "convert/mel.h"

static float filters[VANTA_MEL_BANDS_MAX * VANTA_MEL_BINS];

/* Of the filters as little-endian f32. */
static void digest_of(size_t bands, char hex[VANTA_SHA256_HEX])
{
    static uint8_t bytes[sizeof filters];
    size_t i;

    vanta_mel_filters(bands, filters);
    for (i = 0; i < bands * VANTA_MEL_BINS; i++) {
        uint32_t bits;

        memcpy(&bits, &filters[i], sizeof bits);
        bytes[4 * i] = (uint8_t)bits;
        bytes[4 * i + 1] = (uint8_t)(bits >> 8);
        bytes[4 * i + 2] = (uint8_t)(bits >> 16);
        bytes[4 * i + 3] = (uint8_t)(bits >> 24);
    }
    assert_int_equal(
        vanta_sha256_buffer(bytes, bands * VANTA_MEL_BINS * 4, hex, NULL), VANTA_OK);
}

static void test_80_bands_are_those_of_the_hub(void **state)
{
    char hex[VANTA_SHA256_HEX];

    (void)state;
    digest_of(80, hex);
    assert_string_equal(
        hex, "85818f156f7e189453901a515e4726d270d307f976e161cf9403e8caab405498");
}

static void test_128_bands(void **state)
{
    char hex[VANTA_SHA256_HEX];

    (void)state;
    digest_of(128, hex);
    assert_string_equal(
        hex, "e399c2d72d2f7375e503c296d8453cefcc0c1e47a9c1a0a09e0d70f59c820f20");
}

static void test_no_negative_zero(void **state)
{
    size_t i;

    (void)state;
    vanta_mel_filters(80, filters);
    for (i = 0; i < 80 * VANTA_MEL_BINS; i++)
        assert_false(signbit(filters[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_80_bands_are_those_of_the_hub),
        cmocka_unit_test(test_128_bands),
        cmocka_unit_test(test_no_negative_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
