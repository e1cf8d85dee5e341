#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void what_a_terminal_would_obey_becomes_a_question_mark(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain name.gguf", "plain name.gguf"},
        {"\xc3\xa4\xe4\xbd\xa0\xf0\x9f\x98\x80", "\xc3\xa4\xe4\xbd\xa0\xf0\x9f\x98\x80"},
        {"a\tb\r\nc", "a?b??c"},
        {"\x1b]0;x\x07", "?]0;x?"},
        {"\xc2\x9b" "31m", "?31m"},              /* C1: CSI in one character */
        {"a\xe2\x80\xae" "b", "a?b"},            /* right-to-left override */
        {"a\xe2\x81\xa6" "b", "a?b"},            /* isolate */
        {"\xef\xbb\xbf" "a", "?a"},              /* byte order mark */
        {"\xc0\xaf", "??"},                      /* overlong slash */
        {"\xe0\x80\xaf", "???"},
        {"\xed\xa0\x80", "???"},                 /* surrogate */
        {"\xf4\x90\x80\x80", "????"},            /* past U+10FFFF */
        {"a\xc3", "a?"},                         /* cut in the middle */
        {"\x80" "a", "?a"},
        {"", ""},
    };
    char out[64];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(vanta_text_printable(cases[i].in, out, sizeof out),
                         strlen(cases[i].out));
        assert_string_equal(out, cases[i].out);
    }
}

static void cutting_keeps_characters_whole(void **state)
{
    char out[4];

    (void)state;
    assert_int_equal(vanta_text_printable("a\xe4\xbd\xa0", out, 4), 1);
    assert_string_equal(out, "a");
    assert_int_equal(vanta_text_printable("\xe4\xbd\xa0", out, 4), 3);
    assert_int_equal(vanta_text_printable("abc", out, 1), 0);
    assert_string_equal(out, "");
}

static void columns_are_counted(void **state)
{
    (void)state;
    assert_int_equal(vanta_text_columns(""), 0);
    assert_int_equal(vanta_text_columns("abc"), 3);
    assert_int_equal(vanta_text_columns("\xc3\xa4"), 1);
    assert_int_equal(vanta_text_columns("a\xcc\x88"), 1); /* combining */
    assert_int_equal(vanta_text_columns("\xe4\xbd\xa0"), 2);
    assert_int_equal(vanta_text_columns("\xf0\x9f\x98\x80"), 2);
    assert_int_equal(vanta_text_columns("\xff"), 1);
}

static void characters_are_counted(void **state)
{
    (void)state;
    assert_int_equal(vanta_text_characters(""), 0);
    assert_int_equal(vanta_text_characters("abc\n"), 4);
    assert_int_equal(vanta_text_characters("\xc3\xa4\xe4\xbd\xa0\xf0\x9f\x98\x80"), 3);
    assert_int_equal(vanta_text_characters("a\xcc\x88"), 2); /* combining */
    assert_true(vanta_text_characters("a\xff") == SIZE_MAX);
    assert_true(vanta_text_characters("\xc3") == SIZE_MAX);
    assert_true(vanta_text_characters("\xed\xa0\x80") == SIZE_MAX); /* a surrogate */
}

static void sizes_are_written(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"}, {982, "982 B"}, {999, "999 B"}, {1000, "1.00 kB"},
        {9994, "9.99 kB"}, {9996, "10.0 kB"}, {99960, "100 kB"}, {999499, "999 kB"},
        {999500, "1.00 MB"}, {90868376, "90.9 MB"}, {147951465, "148 MB"},
        {4368439584, "4.37 GB"}, {UINT64_MAX, "18.4 EB"},
    };
    char out[VANTA_SIZE_TEXT_MAX];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(vanta_size_text(cases[i].bytes, out), cases[i].text);
}

static void sizes_are_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0", 0}, {"12", 12}, {"4.1GB", 4100000000}, {"90 MB", 90000000},
        {"1GiB", 1073741824}, {"1g", 1000000000}, {"2k", 2000}, {"1.5 KiB", 1536},
        {"7B", 7}, {"1T", 1000000000000},
    };
    static const char *const bad[] = {"", "x", "-1", "1X", "1GBx", "GB", " 1", "1e9",
                                      "99999999999T", "1.2.3", "1i"};
    uint64_t bytes;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(vanta_size_parse(good[i].text, &bytes));
        assert_int_equal(bytes, good[i].bytes);
    }
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(vanta_size_parse(bad[i], &bytes));
}

static void durations_are_written(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {-5, "0 ms"}, {0, "0 ms"}, {850, "850 ms"}, {1000, "1.0 s"}, {12345, "12 s"},
        {59499, "59 s"}, {59600, "1 min 00 s"}, {200000, "3 min 20 s"},
        {7500000, "2 h 05 min"},
    };
    char out[VANTA_SIZE_TEXT_MAX];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(vanta_duration_text(cases[i].ms, out), cases[i].text);
}

static void the_nearest_name_is_found(void **state)
{
    static const char *const ids[] = {"whisper-tiny", "whisper-base", "mistral-7b",
                                      "all-MiniLM-L6-v2", "tts-1"};
    const size_t n = sizeof ids / sizeof ids[0];
    char longer[100];

    (void)state;
    assert_string_equal(vanta_nearest("whisper-bsae", ids, n), "whisper-base");
    assert_string_equal(vanta_nearest("WHISPER-TINY", ids, n), "whisper-tiny");
    assert_string_equal(vanta_nearest("minilm", ids, n), "all-MiniLM-L6-v2");
    assert_string_equal(vanta_nearest("ts-1", ids, n), "tts-1");
    assert_null(vanta_nearest("qqqqqqqq", ids, n));
    assert_null(vanta_nearest("", ids, n));
    assert_null(vanta_nearest("x", ids, 0));
    memset(longer, 'w', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_null(vanta_nearest(longer, ids, n));
}

static void comparing(void **state)
{
    (void)state;
    assert_true(vanta_streq_nocase("Q4_K_M", "q4_k_m"));
    assert_false(vanta_streq_nocase("a", "ab"));
    assert_false(vanta_streq_nocase("ab", "a"));
    assert_true(vanta_streq_nocase("", ""));
    assert_false(vanta_streq_nocase("[", "{")); /* 0x20 apart, and no letters */
    assert_true(vanta_has_prefix("abc", "ab"));
    assert_false(vanta_has_prefix("a", "ab"));
    assert_true(vanta_has_suffix("abc", "bc"));
    assert_true(vanta_has_suffix("abc", ""));
    assert_false(vanta_has_suffix("c", "bc"));
}

static void copies(void **state)
{
    char *text, small[4];

    (void)state;
    assert_null(vanta_strdup(NULL));
    assert_null(vanta_strndup(NULL, 0));
    text = vanta_strndup("abc", 2);
    assert_string_equal(text, "ab");
    free(text);
    text = vanta_strf("%s-%d", "a", 7);
    assert_string_equal(text, "a-7");
    free(text);
    assert_true(vanta_format(small, sizeof small, "%s", "abc"));
    assert_false(vanta_format(small, sizeof small, "%s", "abcd"));
    assert_string_equal(small, "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_terminal_would_obey_becomes_a_question_mark),
        cmocka_unit_test(cutting_keeps_characters_whole),
        cmocka_unit_test(columns_are_counted),
        cmocka_unit_test(characters_are_counted),
        cmocka_unit_test(sizes_are_written),
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(durations_are_written),
        cmocka_unit_test(the_nearest_name_is_found),
        cmocka_unit_test(comparing),
        cmocka_unit_test(copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
