/* Bytes made into valid UTF-8, whole and in pieces. */
#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define R "\xEF\xBF\xBD"

static void copies(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80", "\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80"},
        {"\xFF", R},
        {"a\xC3", "a" R},           /* cut */
        {"\xC3(", R "("},           /* not continued: the next byte stands */
        {"\xC0\xAF", R R},          /* overlong */
        {"\xE0\x80\xAF", R R R},    /* overlong */
        {"\xED\xA0\x80", R R R},    /* surrogate */
        {"\xF4\x90\x80\x80", R R R R}, /* past U+10FFFF */
        {"\xE2\x82\xE2\x82\xAC", R "\xE2\x82\xAC"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *out = vanta_utf8_copy(cases[i].in);

        assert_non_null(out);
        assert_string_equal(out, cases[i].out);
        free(out);
    }
}

static void comes_in_pieces(void **state)
{
    static const char euro[] = "\xE2\x82\xAC";
    struct vanta_utf8 text = VANTA_UTF8(64);
    size_t offset;

    (void)state;
    assert_true(vanta_utf8_add(&text, euro, 1, &offset));
    assert_int_equal(text.text.len, 0);
    assert_true(vanta_utf8_add(&text, euro + 1, 2, &offset));
    assert_int_equal(offset, 0);
    assert_string_equal(text.text.data, euro);
    assert_true(vanta_utf8_add(&text, "\0x\xE2", 3, &offset));
    assert_string_equal(text.text.data + offset, R "x");
    assert_true(vanta_utf8_end(&text, &offset));
    assert_string_equal(text.text.data + offset, R);
    vanta_utf8_free(&text);
}

static void has_a_cap(void **state)
{
    struct vanta_utf8 text = VANTA_UTF8(4);
    size_t offset;

    (void)state;
    assert_true(vanta_utf8_add(&text, "abc", 3, &offset));
    assert_false(vanta_utf8_add(&text, "\xFF", 1, &offset));
    vanta_utf8_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies),
        cmocka_unit_test(comes_in_pieces),
        cmocka_unit_test(has_a_cap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
