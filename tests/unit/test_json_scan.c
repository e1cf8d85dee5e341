/* Reading JSON without a tree. */
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "convert/json_scan.h"

static struct vanta_json_scan scan;
static struct vanta_error err;

static void start(const char *text)
{
    memset(&err, 0, sizeof err);
    vanta_json_scan_init(&scan, text, strlen(text), "x.json");
}

static enum vanta_status skip_all(const char *text)
{
    enum vanta_status status;

    start(text);
    status = vanta_json_scan_skip(&scan, &err);
    return status == VANTA_OK ? vanta_json_scan_end(&scan, &err) : status;
}

static void test_skips_what_is_json(void **state)
{
    static const char *const right[] = {
        "1", "-0.5e+10", "0", "true", "null", "\"\"", "\"a\\u00e9\\\"\\n\"", "[]", "{}",
        " [1, 2 , [3,[]], {\"a\":{}, \"b\":[true,false]}] \n", "{\"a\":1}",
        "\"\\ud83d\\ude00\"", "[{},[],\"\"]", "1E5",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof right / sizeof right[0]; i++)
        if (skip_all(right[i]) != VANTA_OK)
            fail_msg("%s: %s", right[i], err.message);
}

static void test_refuses_what_is_not(void **state)
{
    static const char *const wrong[] = {
        "", " ", "[", "]", "{", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:2}", "[}", "{]", "\"a", "\"\\x\"", "\"\\",
        "\"\\u12\"", "\"\\u0000\"", "\"\\ud83d\"", "\"\\ud83d\\u0041\"", "\"\\ude00\"",
        "\"\t\"", "01", "-", "1.", ".5", "1e", "1e+", "+1", "tru", "nul", "1 2", "[] x",
        "True", "'a'", "{\"a\" 1}",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (skip_all(wrong[i]) != VANTA_ERR_FORMAT)
            fail_msg("%s was taken", wrong[i]);
        assert_non_null(strstr(err.message, "x.json: byte "));
    }
}

static void test_strings_are_decoded(void **state)
{
    struct vanta_buf text = VANTA_BUF(32);
    bool more;

    (void)state;
    start("[\"\", \"a\\/b\\\\\\\"\\b\\f\\n\\r\\t\", \"\\u00e9\\u20ac\\ud83d\\ude00\"]");
    assert_int_equal(vanta_json_scan_array(&scan, &err), VANTA_OK);
    assert_int_equal(vanta_json_scan_element(&scan, &more, &err), VANTA_OK);
    assert_int_equal(vanta_json_scan_string(&scan, &text, &err), VANTA_OK);
    assert_string_equal(text.data, "");
    assert_int_equal(vanta_json_scan_element(&scan, &more, &err), VANTA_OK);
    assert_int_equal(vanta_json_scan_string(&scan, &text, &err), VANTA_OK);
    assert_string_equal(text.data, "a/b\\\"\b\f\n\r\t");
    assert_int_equal(vanta_json_scan_element(&scan, &more, &err), VANTA_OK);
    assert_int_equal(vanta_json_scan_string(&scan, &text, &err), VANTA_OK);
    assert_string_equal(text.data, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_int_equal(vanta_json_scan_element(&scan, &more, &err), VANTA_OK);
    assert_false(more);
    assert_int_equal(vanta_json_scan_end(&scan, &err), VANTA_OK);
    vanta_buf_free(&text);
}

static void test_a_string_is_bounded(void **state)
{
    struct vanta_buf text = VANTA_BUF(4);

    (void)state;
    start("\"12345\"");
    assert_int_equal(vanta_json_scan_string(&scan, &text, &err), VANTA_ERR_LIMIT);
    start("\"1234\"");
    assert_int_equal(vanta_json_scan_string(&scan, &text, &err), VANTA_OK);
    vanta_buf_free(&text);
}

static void test_numbers(void **state)
{
    static const char *const wrong[] = {"-1", "1.0", "1e3", "01", "x",
                                        "18446744073709551616"};
    uint64_t value;
    size_t i;

    (void)state;
    start(" 18446744073709551615");
    assert_int_equal(vanta_json_scan_u64(&scan, &value, &err), VANTA_OK);
    assert_true(value == UINT64_MAX);
    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        start(wrong[i]);
        assert_int_equal(vanta_json_scan_u64(&scan, &value, &err), VANTA_ERR_FORMAT);
    }
}

static void test_nesting_is_bounded(void **state)
{
    char text[2 * (VANTA_JSON_SCAN_DEPTH_MAX + 1) + 1];
    int i;

    (void)state;
    for (i = 0; i < 2; i++) {
        size_t depth = VANTA_JSON_SCAN_DEPTH_MAX + (size_t)i;

        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        assert_int_equal(skip_all(text), i ? VANTA_ERR_FORMAT : VANTA_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_skips_what_is_json),
        cmocka_unit_test(test_refuses_what_is_not),
        cmocka_unit_test(test_strings_are_decoded),
        cmocka_unit_test(test_a_string_is_bounded),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_nesting_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
