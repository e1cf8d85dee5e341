/* Reading a file in order: all its bytes, on one thread and on two, and no trace of it in
 * the page cache where that is wanted. */
#include "cmocka_all.h"

#include "base/platform.h"
#include "base/stream.h"
#include "scratch.h"

#define BYTES (2 * VANTA_STREAM_STEP + 1024 * 1024 + 7) /* enough for two threads */

struct taken {
    uint64_t bytes;
    unsigned ends;
    uint64_t stop_at; /* 0: never */
    bool right;
};

static uint8_t byte_at(uint64_t pos)
{
    return (uint8_t)(pos * 31 + (pos >> 12));
}

static enum vanta_status take(void *arg, const uint8_t *data, size_t len,
                              struct vanta_error *err)
{
    struct taken *t = arg;
    size_t i;

    (void)err;
    for (i = 0; i < len; i++)
        t->right = t->right && data[i] == byte_at(t->bytes + i);
    t->bytes += len;
    t->ends += len == 0;
    return t->stop_at && t->bytes >= t->stop_at ? VANTA_ERR_CANCELLED : VANTA_OK;
}

static int make(size_t len)
{
    uint8_t *data = malloc(len + 1);
    size_t i;
    int fd;

    assert_non_null(data);
    for (i = 0; i < len; i++)
        data[i] = byte_at(i);
    fd = open(scratch_file("f", data, len), O_RDWR);
    free(data);
    assert_true(fd >= 0);
    return fd;
}

static void all_bytes_in_order(void **state)
{
    static const size_t sizes[] = {0, 1, 1024 * 1024, 1024 * 1024 + 1, BYTES};
    size_t i;
    int way;

    (void)state;
    for (i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (way = 0; way < 4; way++) {
            struct vanta_stream_options o = {.alone = way & 1, .traceless = way & 2};
            struct taken t = {.right = true};
            int fd = make(sizes[i]);

            assert_int_equal(vanta_stream_file(fd, "f", &o, take, &t, NULL), VANTA_OK);
            assert_int_equal(t.bytes, sizes[i]);
            assert_int_equal(t.ends, 1);
            assert_true(t.right);
            assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
            close(fd);
        }
}

static void it_ends_when_it_is_told_to(void **state)
{
    struct vanta_stream_options alone = {.alone = true};
    struct taken t = {.stop_at = 3 * 1024 * 1024};
    int fd = make(BYTES);

    (void)state;
    assert_int_equal(vanta_stream_file(fd, "f", NULL, take, &t, NULL),
                     VANTA_ERR_CANCELLED);
    assert_int_equal(t.bytes, t.stop_at);
    t.bytes = 0;
    assert_int_equal(vanta_stream_file(fd, "f", &alone, take, &t, NULL),
                     VANTA_ERR_CANCELLED);
    assert_int_equal(t.bytes, t.stop_at);
    close(fd);
}

static void what_cannot_be_read_is_named(void **state)
{
    struct vanta_error err = {0};
    struct taken t = {0};
    int fd = open(scratch, O_RDONLY);

    (void)state;
    assert_int_equal(vanta_stream_file(fd, "a folder", NULL, take, &t, &err),
                     VANTA_ERR_IO);
    assert_non_null(strstr(err.message, "a folder: reading at byte 0"));
    close(fd);
}

static void the_page_cache_stays_as_it_was(void **state)
{
    struct vanta_stream_options traceless = {.traceless = true};
    struct taken t = {.right = true};
    int fd = make(BYTES);

    (void)state;
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(vanta_platform_cached_bytes(fd, 0, BYTES), BYTES);
    assert_int_equal(vanta_stream_file(fd, "f", &traceless, take, &t, NULL), VANTA_OK);
    assert_int_equal(vanta_platform_cached_bytes(fd, 0, BYTES), BYTES);
    vanta_platform_forget(fd, 0, BYTES);
    if (vanta_platform_cached_bytes(fd, 0, BYTES) > 0) {
        print_message("this file system keeps everything in memory\n");
        close(fd);
        skip();
    }
    t = (struct taken){.right = true};
    assert_int_equal(vanta_stream_file(fd, "f", &traceless, take, &t, NULL), VANTA_OK);
    assert_true(t.right && t.bytes == BYTES);
    assert_int_equal(vanta_platform_cached_bytes(fd, 0, BYTES), 0);
    assert_int_equal(vanta_stream_file(fd, "f", NULL, take, &t, NULL), VANTA_OK);
    assert_int_equal(vanta_platform_cached_bytes(fd, 0, BYTES), BYTES);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(all_bytes_in_order),
        scratch_test(it_ends_when_it_is_told_to),
        scratch_test(what_cannot_be_read_is_named),
        scratch_test(the_page_cache_stays_as_it_was),
    };

    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
