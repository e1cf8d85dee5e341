/* Two SHA-256 at once, against libcrypto: every length class, every split. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/sha256.h"

#define BYTES ((size_t)64 * 1024)

static uint8_t *data;

static int set_up(void **state)
{
    uint32_t x = 1;
    size_t i;

    (void)state;
    data = malloc(2 * BYTES);
    if (!data)
        return -1;
    for (i = 0; i < 2 * BYTES; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = (uint8_t)(x >> 24);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(data);
    return 0;
}

static void expect_digest(const uint8_t found[32], const uint8_t *from, size_t len)
{
    char expected[VANTA_SHA256_HEX], hex[VANTA_SHA256_HEX];

    assert_int_equal(vanta_sha256_buffer(from, len, expected, NULL), VANTA_OK);
    vanta_sha256_to_hex(found, hex);
    assert_string_equal(hex, expected);
}

static void need_instructions(void)
{
    if (!vanta_sha256_two()) {
        print_message("this processor has no SHA-256 instructions\n");
        skip();
    }
}

static void each_length_ends_right(void **state)
{
    const struct vanta_sha256 start = VANTA_SHA256_START;
    uint8_t out[32];
    size_t len;

    (void)state;
    need_instructions();
    for (len = 0; len <= 4 * VANTA_SHA256_BLOCK; len++) {
        vanta_sha256_end(&start, data + 1, len, out);
        expect_digest(out, data + 1, len);
    }
}

/* Both streams, the same bytes and different ones, with every count of blocks and every
 * length of their ends; they must not disturb each other. */
static void two_streams_are_two_streams(void **state)
{
    static const size_t blocks[] = {0, 1, 2, 3, 7, 16, 1000};
    size_t i, tail;
    int shared;

    (void)state;
    need_instructions();
    for (i = 0; i < sizeof blocks / sizeof *blocks; i++)
        for (tail = 0; tail < 2 * VANTA_SHA256_BLOCK; tail += 5)
            for (shared = 0; shared < 2; shared++) {
                struct vanta_sha256 a = VANTA_SHA256_START, b = VANTA_SHA256_START;
                const uint8_t *from = shared ? data : data + BYTES;
                size_t n = blocks[i] * VANTA_SHA256_BLOCK;
                uint8_t out[32];

                vanta_sha256_blocks2(&a, data, &b, from, blocks[i]);
                vanta_sha256_end(&a, data + n, tail, out);
                expect_digest(out, data, n + tail);
                vanta_sha256_end(&b, from + n, 2 * tail, out);
                expect_digest(out, from, n + 2 * tail);
            }
}

static void streams_go_on_where_they_were(void **state)
{
    struct vanta_sha256 a = VANTA_SHA256_START, b = VANTA_SHA256_START;
    uint8_t out[32];
    size_t done = 0, n;

    (void)state;
    need_instructions();
    for (n = 0; done + n <= BYTES / VANTA_SHA256_BLOCK; n++) {
        const uint8_t *from = data + done * VANTA_SHA256_BLOCK;

        vanta_sha256_blocks2(&a, from, &b, from, n);
        done += n;
        vanta_sha256_end(&a, NULL, 0, out); /* a look, after which it goes on */
        expect_digest(out, data, done * VANTA_SHA256_BLOCK);
    }
    vanta_sha256_end(&b, data + done * VANTA_SHA256_BLOCK, 3, out);
    expect_digest(out, data, done * VANTA_SHA256_BLOCK + 3);
}

/* The million letters of the standard's examples. */
static void known_answers(void **state)
{
    static const char million[] =
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    struct vanta_sha256 a = VANTA_SHA256_START, b = VANTA_SHA256_START;
    uint8_t block[VANTA_SHA256_BLOCK], out[32];
    char hex[VANTA_SHA256_HEX];
    int i;

    (void)state;
    need_instructions();
    memset(block, 'a', sizeof block);
    for (i = 0; i < 1000000 / VANTA_SHA256_BLOCK; i++)
        vanta_sha256_blocks2(&a, block, &b, block, 1);
    vanta_sha256_end(&a, block, 1000000 % VANTA_SHA256_BLOCK, out);
    vanta_sha256_to_hex(out, hex);
    assert_string_equal(hex, million);
    vanta_sha256_end(&b, block, 1000000 % VANTA_SHA256_BLOCK, out);
    vanta_sha256_to_hex(out, hex);
    assert_string_equal(hex, million);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_length_ends_right),
        cmocka_unit_test(two_streams_are_two_streams),
        cmocka_unit_test(streams_go_on_where_they_were),
        cmocka_unit_test(known_answers),
    };

    return cmocka_run_group_tests_name("sha256", tests, set_up, tear_down);
}
