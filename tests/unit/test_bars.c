/* The lines of files on their way, at the widths of small and large terminals. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/bars.h"

static const struct bar half = {.name = "whisper-base/ggml-base.bin",
                                .source = "hf:ggerganov/whisper.cpp@5359861/ggml-base.bin",
                                .bytes = 73975850,
                                .total = 147951700,
                                .per_second = 12300000};

static void assert_file(const struct bar *bar, unsigned width, const char *expected)
{
    char line[BARS_LINE_MAX];

    assert_int_equal(bars_file(bar, width, line), vanta_text_columns(expected));
    assert_string_equal(line, expected);
}

static void a_narrow_line_keeps_name_percent_and_speed(void **state)
{
    (void)state;
    assert_file(&half, 40, "whisper-base/ggml-ba..   50%  12.3 MB/s");
    assert_file(&half, 30, "whisper-base/ggml-bas..   50%");
}

static void eighty_columns_have_bar_time_and_source(void **state)
{
    (void)state;
    assert_file(&half, 80, "whisper-base/ggml-base..  [#####-----]   50%  12.3 MB/s      "
                           "0:07  hf");
}

static void a_wide_line_has_all(void **state)
{
    (void)state;
    assert_file(&half, 200,
                "whisper-base/ggml-base.bin                    "
                "[###############---------------]   50%  12.3 MB/s      0:07  hf"
                "                        74.0 MB of 148 MB");
}

/* Whatever is in it and however wide: never the last column, and never more bytes than
 * there is room for. */
static void no_line_reaches_the_last_column(void **state)
{
    static const struct bar bars[] = {
        {.name = "", .total = -1},
        {.name = "x", .bytes = UINT64_MAX, .total = INT64_MAX, .per_second = UINT64_MAX},
        {.name = "\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e"
                 "\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e",
         .source = "https://a.host.with.a.very.long.name.example.org:8443/path",
         .bytes = 5, .total = 10, .per_second = 1},
        {.name = "a name that is longer than any column of any layout has room for, really",
         .source = "/models/llm/a", .bytes = 5, .total = 0, .per_second = 999999}};
    struct bar_sum sum = {1, UINT64_C(1) << 62, 3, UINT64_C(1) << 61, UINT64_C(1) << 60};
    char line[BARS_LINE_MAX];
    unsigned width;
    size_t i;

    (void)state;
    for (width = 0; width <= 400; width++) {
        for (i = 0; i < sizeof bars / sizeof bars[0]; i++) {
            size_t columns = bars_file(&bars[i], width, line);

            assert_true(columns < width || columns == 0);
            assert_int_equal(columns, vanta_text_columns(line));
            assert_true(vanta_text_characters(line) != SIZE_MAX);
        }
        i = bars_total(&sum, width, line);
        assert_true(i < width || i == 0);
    }
}

static void the_columns_of_all_lines_are_the_same(void **state)
{
    struct bar other = half;
    char a[BARS_LINE_MAX], b[BARS_LINE_MAX];

    (void)state;
    other.name = "x/y";
    other.bytes = 147951700;
    bars_file(&half, 80, a);
    bars_file(&other, 80, b);
    assert_int_equal(strchr(a, '[') - a, strchr(b, '[') - b);
    assert_int_equal(strchr(a, '%') - a, strchr(b, '%') - b);
    assert_non_null(strstr(b, "[##########]  100%"));
}

static void a_length_that_is_unknown_has_no_bar(void **state)
{
    struct bar bar = half;
    char line[BARS_LINE_MAX];

    (void)state;
    bar.total = -1;
    bars_file(&bar, 200, line);
    assert_null(strchr(line, '['));
    assert_null(strchr(line, '%'));
    assert_non_null(strstr(line, "12.3 MB/s"));
    assert_non_null(strstr(line, "74.0 MB"));
}

static void the_total_says_what_is_left_resumed_and_reused(void **state)
{
    struct bar_sum sum = {.bytes = 1200000000,
                          .total = 4110000000,
                          .per_second = 12300000,
                          .resumed = 300000000,
                          .reused = 91000000};
    char line[BARS_LINE_MAX];

    (void)state;
    bars_total(&sum, 100, line);
    assert_non_null(strstr(line, "2.91 GB of 4.11 GB left"));
    assert_non_null(strstr(line, "29%  12.3 MB/s      3:57"));
    assert_non_null(strstr(line, "3:57  300 MB resumed, 91.0 MB reused"));
    bars_total(&sum, 80, line);
    assert_null(strstr(line, "resumed")); /* no room */
    bars_total(&sum, 40, line);
    assert_string_equal(line, "2.91 GB left             29%  12.3 MB/s");
    bars_total(&sum, 140, line);
    assert_non_null(strstr(line, "3:57  300 MB resumed, 91.0 MB reused"));
    sum.resumed = 0;
    bars_total(&sum, 140, line);
    assert_non_null(strstr(line, "3:57  91.0 MB reused"));
    sum.reused = 0;
    bars_total(&sum, 140, line);
    assert_null(strstr(line, "reused"));
}

static void sources_are_a_word(void **state)
{
    static const char *const cases[][2] = {
        {"hf:org/repo@main/file", "hf"},
        {"https://example.org/a/b?c", "example.org"},
        {"http://127.0.0.1:8080/a", "127.0.0.1:8080"},
        {"pkg:pypi/name@1!/inner", "pypi"},
        {"pkg:npm/name@1", "npm"},
        {"file:/data/x", "file"},
        {"/models/llm/x/x.gguf", "copy"},
        {"", ""}};
    char word[32];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bars_source(cases[i][0], word, sizeof word);
        assert_string_equal(word, cases[i][1]);
    }
    bars_source(NULL, word, sizeof word);
    assert_string_equal(word, "");
}

static void time_left_is_rounded_up(void **state)
{
    static const struct {
        uint64_t left, per_second;
        const char *text;
    } cases[] = {{0, 5, "0:00"},       {1, 1000, "0:01"},        {59, 1, "0:59"},
                 {60, 1, "1:00"},      {3599, 1, "59:59"},       {3600, 1, "1:00:00"},
                 {5, 0, "-"},          {UINT64_MAX, 1, "99:59:59"}};
    char text[16];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bars_time_left(cases[i].left, cases[i].per_second, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void a_narrower_terminal_has_wrapped_the_lines(void **state)
{
    static const size_t columns[] = {79, 40, 0};

    (void)state;
    assert_int_equal(bars_rows(columns, 3, 80), 3);
    assert_int_equal(bars_rows(columns, 3, 79), 3);
    assert_int_equal(bars_rows(columns, 3, 40), 4);
    assert_int_equal(bars_rows(columns, 3, 20), 7);
    assert_int_equal(bars_rows(columns, 3, 0), 3);
    assert_int_equal(bars_rows(columns, 0, 80), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_narrow_line_keeps_name_percent_and_speed),
        cmocka_unit_test(eighty_columns_have_bar_time_and_source),
        cmocka_unit_test(a_wide_line_has_all),
        cmocka_unit_test(no_line_reaches_the_last_column),
        cmocka_unit_test(the_columns_of_all_lines_are_the_same),
        cmocka_unit_test(a_length_that_is_unknown_has_no_bar),
        cmocka_unit_test(the_total_says_what_is_left_resumed_and_reused),
        cmocka_unit_test(sources_are_a_word),
        cmocka_unit_test(time_left_is_rounded_up),
        cmocka_unit_test(a_narrower_terminal_has_wrapped_the_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
