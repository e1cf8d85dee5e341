#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void text_grows_and_ends_with_a_nul(void **state)
{
    struct vanta_buf buf = VANTA_BUF(100000);
    int i;

    (void)state;
    for (i = 0; i < 1000; i++)
        assert_true(vanta_buf_printf(&buf, "%d,", i % 10));
    assert_true(vanta_buf_puts(&buf, "end"));
    assert_int_equal(buf.len, 2003);
    assert_int_equal(strlen(buf.data), 2003);
    assert_string_equal(buf.data + 2000, "end");
    vanta_buf_free(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.len, 0);
}

static void the_cap_holds_and_nothing_is_lost(void **state)
{
    struct vanta_buf buf = VANTA_BUF(8);

    (void)state;
    assert_true(vanta_buf_puts(&buf, "1234"));
    assert_false(vanta_buf_puts(&buf, "56789"));
    assert_false(vanta_buf_printf(&buf, "%s", "56789"));
    assert_string_equal(buf.data, "1234");
    assert_true(vanta_buf_puts(&buf, "5678")); /* exactly the cap */
    assert_false(vanta_buf_append(&buf, "9", 1));
    assert_true(vanta_buf_append(&buf, NULL, 0));
    assert_int_equal(buf.len, 8);
    vanta_buf_free(&buf);
}

static void sums_do_not_wrap(void **state)
{
    struct vanta_buf buf = VANTA_BUF(SIZE_MAX);

    (void)state;
    assert_true(vanta_buf_puts(&buf, "a"));
    assert_false(vanta_buf_reserve(&buf, SIZE_MAX - 1));
    assert_false(vanta_buf_reserve(&buf, SIZE_MAX - 2));
    assert_false(vanta_buf_reserve(&buf, SIZE_MAX / 2));
    assert_string_equal(buf.data, "a");
    assert_true(vanta_buf_puts(&buf, "b"));
    vanta_buf_free(&buf);
}

static void a_zeroed_buffer_is_an_empty_one_without_room(void **state)
{
    struct vanta_buf buf = {0};

    (void)state;
    assert_true(vanta_buf_puts(&buf, ""));
    assert_string_equal(buf.data, "");
    assert_false(vanta_buf_puts(&buf, "x"));
    vanta_buf_free(&buf);
    vanta_buf_free(&buf);
}

static void room_can_be_written_to(void **state)
{
    struct vanta_buf buf = VANTA_BUF(1000);

    (void)state;
    assert_true(vanta_buf_reserve(&buf, 1000));
    memset(buf.data, 'x', 1000);
    buf.len = 1000;
    assert_true(vanta_buf_append(&buf, "", 0));
    assert_int_equal(strlen(buf.data), 1000);
    assert_false(vanta_buf_reserve(&buf, 1));
    vanta_buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_and_ends_with_a_nul),
        cmocka_unit_test(the_cap_holds_and_nothing_is_lost),
        cmocka_unit_test(sums_do_not_wrap),
        cmocka_unit_test(a_zeroed_buffer_is_an_empty_one_without_room),
        cmocka_unit_test(room_can_be_written_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
