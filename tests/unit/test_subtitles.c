#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/subtitles.h"

static char *written(enum vanta_subtitles_format format, const struct vanta_segment *s,
                     size_t n)
{
    struct vanta_buf buf = VANTA_BUF(1 << 20);
    struct vanta_subtitles subtitles;
    size_t i;

    assert_int_equal(vanta_subtitles_start(&subtitles, format, &buf, NULL), VANTA_OK);
    for (i = 0; i < n; i++)
        assert_int_equal(vanta_subtitles_add(&subtitles, &s[i], &buf, NULL), VANTA_OK);
    if (!buf.data)
        assert_true(vanta_buf_puts(&buf, ""));
    return buf.data;
}

static void both_formats_are_written(void **state)
{
    static const struct vanta_segment segments[] = {
        {0, 2480, " Set a timer for ten minutes."},
        {2480, 2480, "   "}, /* nothing said: no cue, no number */
        {59999, 3723004, "And remind me."},
        {360000000, 360000001, "A hundred hours."},
    };
    char *srt = written(VANTA_SUBTITLES_SRT, segments, 4);
    char *vtt = written(VANTA_SUBTITLES_VTT, segments, 4);

    (void)state;
    assert_string_equal(srt, "1\n00:00:00,000 --> 00:00:02,480\n"
                             "Set a timer for ten minutes.\n\n"
                             "2\n00:00:59,999 --> 01:02:03,004\nAnd remind me.\n\n"
                             "3\n100:00:00,000 --> 100:00:00,001\nA hundred hours.\n\n");
    assert_string_equal(vtt, "WEBVTT\n\n00:00:00.000 --> 00:00:02.480\n"
                             "Set a timer for ten minutes.\n\n"
                             "00:00:59.999 --> 01:02:03.004\nAnd remind me.\n\n"
                             "100:00:00.000 --> 100:00:00.001\nA hundred hours.\n\n");
    free(srt);
    free(vtt);
    srt = written(VANTA_SUBTITLES_SRT, NULL, 0);
    vtt = written(VANTA_SUBTITLES_VTT, NULL, 0);
    assert_string_equal(srt, "");
    assert_string_equal(vtt, "WEBVTT\n\n");
    free(srt);
    free(vtt);
}

static void text_cannot_leave_its_line(void **state)
{
    static const struct {
        const char *text, *srt, *vtt;
    } cases[] = {
        {"a\n\n2\r\n00:00:01,000 --> 00:00:02,000\nb", "a 2 00:00:01,000 -- > 00:00:02,000 b",
         "a 2 00:00:01,000 --&gt; 00:00:02,000 b"},
        {"-->", "-- >", "--&gt;"},
        {"---->-->", "---- >-- >", "----&gt;--&gt;"},
        {"-> >", "-> >", "-&gt; &gt;"},
        {"Tom & <b>Ann</b>", "Tom & <b>Ann</b>", "Tom &amp; &lt;b&gt;Ann&lt;/b&gt;"},
        {"\x1b[31mred\x07", "?[31mred?", "?[31mred?"},
        {"caf\xc3\xa9 \xff\xe2\x80\xae.", "caf\xc3\xa9 ??.", "caf\xc3\xa9 ??."},
        {"\t\v a \f  b\n", "a b", "a b"},
        {"\xc2\x85" "a", "?a", "?a"}, /* a line's end in C1 */
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vanta_segment segment = {0, 1, cases[i].text};
        char *srt = written(VANTA_SUBTITLES_SRT, &segment, 1);
        char *vtt = written(VANTA_SUBTITLES_VTT, &segment, 1);
        char expected[256];

        snprintf(expected, sizeof expected, "1\n00:00:00,000 --> 00:00:00,001\n%s\n\n",
                 cases[i].srt);
        assert_string_equal(srt, expected);
        snprintf(expected, sizeof expected,
                 "WEBVTT\n\n00:00:00.000 --> 00:00:00.001\n%s\n\n", cases[i].vtt);
        assert_string_equal(vtt, expected);
        free(srt);
        free(vtt);
    }
}

static void times_are_made_sane(void **state)
{
    static const struct vanta_segment segments[] = {{-5, 10, "a"}, {500, 400, "b"},
                                                    {INT64_MIN, INT64_MIN, "c"}};
    char *srt = written(VANTA_SUBTITLES_SRT, segments, 3);

    (void)state;
    assert_string_equal(srt, "1\n00:00:00,000 --> 00:00:00,010\na\n\n"
                             "2\n00:00:00,500 --> 00:00:00,500\nb\n\n"
                             "3\n00:00:00,000 --> 00:00:00,000\nc\n\n");
    free(srt);
}

static void a_full_buffer_keeps_what_it_had(void **state)
{
    struct vanta_segment segment = {0, 1, "some words"};
    struct vanta_subtitles subtitles;
    size_t max;

    (void)state;
    for (max = 0; max < 64; max++) {
        struct vanta_buf buf = VANTA_BUF(max);
        struct vanta_error err = {0};
        size_t before;

        if (vanta_subtitles_start(&subtitles, VANTA_SUBTITLES_VTT, &buf, &err) !=
            VANTA_OK) {
            assert_true(max < 8 && buf.len == 0);
            assert_int_equal(err.status, VANTA_ERR_LIMIT);
            vanta_buf_free(&buf);
            continue;
        }
        before = buf.len;
        if (vanta_subtitles_add(&subtitles, &segment, &buf, &err) == VANTA_OK) {
            assert_int_equal(subtitles.cues, 1);
            assert_true(buf.len == 8 + 30 + 12 && max >= buf.len);
        } else {
            assert_int_equal(err.status, VANTA_ERR_LIMIT);
            assert_int_equal(subtitles.cues, 0);
            assert_int_equal(buf.len, before);
            assert_string_equal(buf.data, "WEBVTT\n\n");
            assert_true(max < 8 + 30 + 12);
        }
        vanta_buf_free(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_formats_are_written),
        cmocka_unit_test(text_cannot_leave_its_line),
        cmocka_unit_test(times_are_made_sane),
        cmocka_unit_test(a_full_buffer_keeps_what_it_had),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
