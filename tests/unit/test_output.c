/* Files that are hashed while they are written. */
#include "scratch.h"

#include "base/digest.h"
#include "cmocka_all.h"
#include "convert/output.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

/* Writes n bytes in pieces of changing size, half of them in place. */
static void fill(struct vanta_output *o, size_t n)
{
    static uint8_t piece[300000];
    size_t written = 0, turn = 0, i;

    while (written < n) {
        size_t len = 1 + (turn * 7919) % sizeof piece, room;

        if (len > n - written)
            len = n - written;
        if (turn++ % 2) {
            uint8_t *to = vanta_output_room(o, &room);

            assert_true(room > 0);
            if (len > room)
                len = room;
            for (i = 0; i < len; i++)
                to[i] = (uint8_t)((written + i) * 31 >> 3);
            assert_int_equal(vanta_output_filled(o, len, NULL), VANTA_OK);
        } else {
            for (i = 0; i < len; i++)
                piece[i] = (uint8_t)((written + i) * 31 >> 3);
            assert_int_equal(vanta_output_write(o, piece, len, NULL), VANTA_OK);
        }
        written += len;
        assert_int_equal(vanta_output_bytes(o), written);
    }
}

static void test_bytes_and_digest(void **state)
{
    static const size_t sizes[] = {0, 1, VANTA_OUTPUT_BLOCK_BYTES - 1,
                                   VANTA_OUTPUT_BLOCK_BYTES, 9 * VANTA_OUTPUT_BLOCK_BYTES,
                                   11 * VANTA_OUTPUT_BLOCK_BYTES + 17};
    size_t k, i;

    (void)state;
    for (k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        struct vanta_buf read = VANTA_BUF(16 << 20);
        struct vanta_convert_result result;
        char name[16], hex[VANTA_SHA256_HEX];
        struct vanta_output *o;

        snprintf(name, sizeof name, "out%zu", k);
        assert_int_equal(vanta_output_open(in_scratch(name), &o, NULL), VANTA_OK);
        fill(o, sizes[k]);
        assert_int_equal(vanta_output_finish(o, &result, NULL), VANTA_OK);
        vanta_output_close(o);
        assert_int_equal(vanta_file_read(in_scratch(name), &read, NULL), VANTA_OK);
        assert_int_equal(read.len, sizes[k]);
        assert_int_equal(result.size_bytes, sizes[k]);
        for (i = 0; i < read.len; i++)
            if ((uint8_t)read.data[i] != (uint8_t)(i * 31 >> 3))
                fail_msg("byte %zu of %zu", i, sizes[k]);
        assert_int_equal(vanta_sha256_buffer(read.data, read.len, hex, NULL), VANTA_OK);
        assert_string_equal(hex, result.sha256);
        vanta_buf_free(&read);
    }
}

static void test_unfinished_files_are_deleted(void **state)
{
    struct vanta_output *o;

    (void)state;
    assert_int_equal(vanta_output_open(in_scratch("out"), &o, NULL), VANTA_OK);
    fill(o, 6 * VANTA_OUTPUT_BLOCK_BYTES + 5);
    assert_true(vanta_file_exists(in_scratch("out")));
    vanta_output_close(o);
    assert_false(vanta_file_exists(in_scratch("out")));
    vanta_output_close(NULL);
}

static void test_what_exists_stays(void **state)
{
    struct vanta_error err = {0};
    struct vanta_output *o;

    (void)state;
    scratch_text("out", "mine");
    assert_int_equal(vanta_output_open(in_scratch("out"), &o, &err), VANTA_ERR_EXISTS);
    assert_string_not_equal(err.hint, "");
    assert_int_equal(vanta_file_size(in_scratch("out")), 4);
    assert_int_equal(vanta_output_open(in_scratch("no/out"), &o, NULL),
                     VANTA_ERR_NOT_FOUND);
}

static void test_a_failed_write_leaves_nothing(void **state)
{
    struct rlimit old, small = {3 << 20, 3 << 20};
    struct vanta_convert_result result;
    struct vanta_error err = {0};
    struct vanta_output *o;
    enum vanta_status status;
    static uint8_t block[5 << 20];

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(vanta_output_open(in_scratch("out"), &o, NULL), VANTA_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    status = vanta_output_write(o, block, sizeof block, &err);
    if (status == VANTA_OK)
        status = vanta_output_finish(o, &result, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, VANTA_ERR_IO);
    assert_non_null(strstr(err.message, in_scratch("out")));
    vanta_output_close(o);
    assert_false(vanta_file_exists(in_scratch("out")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_bytes_and_digest),
        scratch_test(test_unfinished_files_are_deleted),
        scratch_test(test_what_exists_stays),
        scratch_test(test_a_failed_write_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
