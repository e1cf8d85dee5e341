#include "cmocka_all.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"

static void the_first_error_wins(void **state)
{
    struct vanta_error err = {0};

    (void)state;
    assert_int_equal(vanta_fail(&err, VANTA_ERR_FORMAT, "a%d", 1), VANTA_ERR_FORMAT);
    assert_int_equal(vanta_fail(&err, VANTA_ERR_IO, "b"), VANTA_ERR_IO);
    assert_int_equal(err.status, VANTA_ERR_FORMAT);
    assert_string_equal(err.message, "a1");
}

static void callers_add_context_in_front(void **state)
{
    struct vanta_error err = {0};

    (void)state;
    vanta_fail(&err, VANTA_ERR_IO, "inner");
    assert_int_equal(vanta_wrap(&err, "reading %s", "x"), VANTA_ERR_IO);
    assert_string_equal(err.message, "reading x: inner");
    assert_int_equal(vanta_wrap(NULL, "nothing"), VANTA_ERR_INTERNAL);
}

static void the_first_hint_wins(void **state)
{
    struct vanta_error err = {0};

    (void)state;
    vanta_fail(&err, VANTA_ERR_IO, "x");
    vanta_hint(&err, "do %s", "this");
    vanta_hint(&err, "do that");
    assert_string_equal(err.hint, "do this");
    vanta_error_clear(&err);
    assert_int_equal(err.status, VANTA_OK);
    assert_string_equal(err.hint, "");
    assert_string_equal(err.message, "");
}

static void numbers_of_the_system_become_statuses(void **state)
{
    static const struct {
        int errnum;
        enum vanta_status status;
        bool hint;
    } cases[] = {
        {ENOSPC, VANTA_ERR_NO_SPACE, true}, {EDQUOT, VANTA_ERR_NO_SPACE, true},
        {ENOMEM, VANTA_ERR_NO_MEMORY, false}, {ENOENT, VANTA_ERR_NOT_FOUND, false},
        {EACCES, VANTA_ERR_IO, true}, {EROFS, VANTA_ERR_IO, true},
        {EIO, VANTA_ERR_IO, false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vanta_error err = {0};

        assert_int_equal(vanta_fail_errno(&err, cases[i].errnum, "%s", "/x"),
                         cases[i].status);
        assert_int_equal(err.status, cases[i].status);
        assert_ptr_equal(strstr(err.message, "/x: "), err.message);
        assert_non_null(strstr(err.message, strerror(cases[i].errnum)));
        assert_int_equal(err.hint[0] != '\0', cases[i].hint);
        assert_int_equal(vanta_fail_errno(NULL, cases[i].errnum, "x"), cases[i].status);
    }
}

static void the_hint_fits_a_file_that_was_named(void **state)
{
    static const int numbers[] = {ENOSPC, EDQUOT, EFBIG, EROFS, ENOTDIR, EACCES, EPERM};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct vanta_error err = {0};

        vanta_fail_errno(&err, numbers[i], "writing out.wav");
        assert_true(strstr(err.hint, "--models-dir") || strstr(err.hint, "goes on"));
        vanta_hint_named(&err);
        assert_null(strstr(err.hint, "--models-dir"));
        assert_null(strstr(err.hint, "goes on"));
        assert_true(err.hint[0] != '\0');
        vanta_error_clear(&err);
        vanta_fail(&err, VANTA_ERR_IO, "x");
        vanta_hint_named(&err);
        assert_string_equal(err.hint, "");
        vanta_hint(&err, "do this");
        vanta_hint_named(&err);
        assert_string_equal(err.hint, "do this");
    }
}

static void control_characters_never_get_in(void **state)
{
    struct vanta_error err = {0};

    (void)state;
    vanta_fail(&err, VANTA_ERR_FORMAT, "%s", "a\x1b[31m\nb\x7f\xc2\x9b" "c\xff");
    assert_string_equal(err.message, "a?[31m?b??c?");
    vanta_hint(&err, "%s", "\x07");
    assert_string_equal(err.hint, "?");
}

static void long_texts_end_at_a_character(void **state)
{
    struct vanta_error err = {0};
    char text[3000];
    size_t i, len;

    (void)state;
    text[0] = 'a'; /* so that the cut would fall inside a character */
    for (i = 1; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    text[i] = '\0';
    vanta_fail(&err, VANTA_ERR_FORMAT, "%s", text);
    len = strlen(err.message);
    assert_true(len >= VANTA_ERROR_MESSAGE_MAX - 3 && len < VANTA_ERROR_MESSAGE_MAX);
    assert_memory_equal(err.message + len - 2, "\xc3\xa4", 2);
    vanta_wrap(&err, "%s", text);
    assert_true(strlen(err.message) < VANTA_ERROR_MESSAGE_MAX);
    assert_null(strchr(err.message, '?'));
}

static void every_status_has_a_name(void **state)
{
    int i, j;

    (void)state;
    for (i = VANTA_OK; i <= VANTA_ERR_INTERNAL; i++) {
        assert_string_not_equal(vanta_status_name((enum vanta_status)i), "unknown");
        for (j = VANTA_OK; j < i; j++)
            assert_string_not_equal(vanta_status_name((enum vanta_status)i),
                                    vanta_status_name((enum vanta_status)j));
    }
    assert_string_equal(vanta_status_name((enum vanta_status)(VANTA_ERR_INTERNAL + 1)),
                        "unknown");
    assert_int_equal(vanta_fail(NULL, VANTA_ERR_IO, "x"), VANTA_ERR_IO);
    assert_int_equal(vanta_fail_memory(NULL), VANTA_ERR_NO_MEMORY);
    vanta_hint(NULL, "x");
    vanta_error_clear(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_error_wins),
        cmocka_unit_test(callers_add_context_in_front),
        cmocka_unit_test(the_first_hint_wins),
        cmocka_unit_test(numbers_of_the_system_become_statuses),
        cmocka_unit_test(the_hint_fits_a_file_that_was_named),
        cmocka_unit_test(control_characters_never_get_in),
        cmocka_unit_test(long_texts_end_at_a_character),
        cmocka_unit_test(every_status_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
