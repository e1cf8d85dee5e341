#include "cmocka_all.h"

#include "base/cursor.h"
#include "scratch.h"

static const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                0x00, 0x00, 0x80, 0x3f, 'a',  'b',  'c'};

static void numbers_are_little_endian(void **state)
{
    struct vanta_cursor c;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    float f32;
    char *text = NULL;

    (void)state;
    vanta_cursor_memory(&c, bytes, sizeof bytes, "x");
    assert_int_equal(vanta_cursor_u8(&c, &u8, NULL), VANTA_OK);
    assert_int_equal(u8, 1);
    assert_int_equal(vanta_cursor_u16(&c, &u16, NULL), VANTA_OK);
    assert_int_equal(u16, 0x0302);
    assert_int_equal(vanta_cursor_u32(&c, &u32, NULL), VANTA_OK);
    assert_int_equal(u32, 0x07060504);
    assert_int_equal(vanta_cursor_seek(&c, 0, NULL), VANTA_OK);
    assert_int_equal(vanta_cursor_u64(&c, &u64, NULL), VANTA_OK);
    assert_true(u64 == 0x0807060504030201ULL);
    assert_int_equal(vanta_cursor_f32(&c, &f32, NULL), VANTA_OK);
    assert_true(f32 == 1.0f);
    assert_int_equal(vanta_cursor_string(&c, 3, 3, &text, NULL), VANTA_OK);
    assert_string_equal(text, "abc");
    free(text);
    assert_int_equal(vanta_cursor_left(&c), 0);
    vanta_cursor_close(&c);
}

static void short_input_is_refused_and_the_place_kept(void **state)
{
    struct vanta_cursor c;
    struct vanta_error err = {0};
    uint64_t u64;
    char *text = NULL, out[16];

    (void)state;
    vanta_cursor_memory(&c, bytes, 7, "file.bin");
    assert_int_equal(vanta_cursor_skip(&c, 3, NULL), VANTA_OK);
    assert_int_equal(vanta_cursor_u64(&c, &u64, &err), VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "file.bin: cut short at byte 3"));
    assert_int_equal(c.pos, 3);
    assert_int_equal(vanta_cursor_bytes(&c, out, 5, NULL), VANTA_ERR_FORMAT);
    assert_int_equal(vanta_cursor_skip(&c, UINT64_MAX, NULL), VANTA_ERR_FORMAT);
    assert_int_equal(vanta_cursor_seek(&c, 8, NULL), VANTA_ERR_FORMAT);
    assert_int_equal(vanta_cursor_string(&c, UINT64_MAX, SIZE_MAX, &text, NULL),
                     VANTA_ERR_FORMAT);
    assert_int_equal(vanta_cursor_string(&c, 4, 3, &text, NULL), VANTA_ERR_LIMIT);
    assert_null(text);
    assert_int_equal(c.pos, 3);
    assert_int_equal(vanta_cursor_seek(&c, 7, NULL), VANTA_OK);
    assert_int_equal(vanta_cursor_bytes(&c, out, 0, NULL), VANTA_OK);
}

static void nothing_is_nothing(void **state)
{
    struct vanta_cursor c;
    char *text = NULL;
    uint8_t u8;

    (void)state;
    vanta_cursor_memory(&c, NULL, 0, "x");
    assert_int_equal(vanta_cursor_u8(&c, &u8, NULL), VANTA_ERR_FORMAT);
    assert_int_equal(vanta_cursor_string(&c, 0, 10, &text, NULL), VANTA_OK);
    assert_string_equal(text, "");
    free(text);
}

/* A file larger than two windows, byte n being (n * 7) & 255. */
static int pattern_fd(size_t size)
{
    uint8_t *data = malloc(size);
    const char *path;
    size_t i;

    for (i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 7);
    path = scratch_file("pattern", data, size);
    free(data);
    return open(path, O_RDWR | O_CLOEXEC);
}

static void files_read_as_memory_does(void **state)
{
    static const size_t places[] = {0, 65533, 65536, 131071, 199996, 3, 100000, 65535};
    const size_t size = 200000;
    int fd = pattern_fd(size);
    struct vanta_cursor c;
    uint8_t *big = malloc(150000);
    uint32_t u32;
    size_t i;

    (void)state;
    assert_int_equal(vanta_cursor_file(&c, fd, "pattern", NULL), VANTA_OK);
    assert_int_equal(c.size, size);
    for (i = 0; i < sizeof places / sizeof places[0]; i++) {
        size_t n = places[i];

        assert_int_equal(vanta_cursor_seek(&c, n, NULL), VANTA_OK);
        assert_int_equal(vanta_cursor_u32(&c, &u32, NULL), VANTA_OK);
        assert_int_equal(u32, (uint32_t)(uint8_t)(n * 7) |
                                  (uint32_t)(uint8_t)((n + 1) * 7) << 8 |
                                  (uint32_t)(uint8_t)((n + 2) * 7) << 16 |
                                  (uint32_t)(uint8_t)((n + 3) * 7) << 24);
        assert_int_equal(c.pos, n + 4);
    }
    assert_int_equal(vanta_cursor_seek(&c, 10, NULL), VANTA_OK);
    assert_int_equal(vanta_cursor_bytes(&c, big, 150000, NULL), VANTA_OK);
    for (i = 0; i < 150000; i++)
        assert_int_equal(big[i], (uint8_t)((i + 10) * 7));
    assert_int_equal(vanta_cursor_seek(&c, size - 3, NULL), VANTA_OK);
    assert_int_equal(vanta_cursor_u32(&c, &u32, NULL), VANTA_ERR_FORMAT);
    free(big);
    vanta_cursor_close(&c);
    close(fd);
}

static void a_file_that_shrinks_is_an_error(void **state)
{
    int fd = pattern_fd(100000);
    struct vanta_error err = {0};
    struct vanta_cursor c;
    uint8_t u8;

    (void)state;
    assert_int_equal(vanta_cursor_file(&c, fd, "pattern", NULL), VANTA_OK);
    assert_int_equal(ftruncate(fd, 50), 0);
    assert_int_equal(vanta_cursor_seek(&c, 99999, NULL), VANTA_OK);
    assert_int_equal(vanta_cursor_u8(&c, &u8, &err), VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "while it was read"));
    assert_int_equal(c.pos, 99999);
    assert_int_equal(vanta_cursor_u8(&c, &u8, NULL), VANTA_ERR_FORMAT);
    vanta_cursor_close(&c);
    close(fd);
}

static void folders_are_refused(void **state)
{
    struct vanta_cursor c;
    int fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)state;
    assert_int_equal(vanta_cursor_file(&c, fd, "folder", NULL), VANTA_ERR_FORMAT);
    vanta_cursor_close(&c);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(short_input_is_refused_and_the_place_kept),
        cmocka_unit_test(nothing_is_nothing),
        scratch_test(files_read_as_memory_does),
        scratch_test(a_file_that_shrinks_is_an_error),
        scratch_test(folders_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
