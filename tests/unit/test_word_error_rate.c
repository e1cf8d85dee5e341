#include "cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/word_error_rate.h"

static const char *normalized(const char *text)
{
    static char out[1024];
    struct vanta_buf buf = VANTA_BUF(sizeof out - 1);
    struct vanta_error err = {0};

    if (vanta_words_normalize(text, &buf, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    strcpy(out, buf.data);
    vanta_buf_free(&buf);
    return out;
}

static void texts_are_normalized(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", ""},
        {" \t\n .,;!? ", ""},
        {"Turn OFF the lights!", "turn off the lights"},
        {"line\none\ttwo\r\nthree", "line 1 2 3"},
        {"well-known  e-mail \xe2\x80\x94 yes", "well known e mail yes"},
        {"a[BLANK_AUDIO]b (soft music) c", "a b c"},
        {"an [open note and (one", "an open note and 1"},
        {"\xe2\x99\xaa la la \xe2\x99\xaa", "la la"},
        {"\xc3\x84pfel \xc3\x89T\xc3\x89 \xce\x91\xce\x92 \xd0\x96\xd0\x81 \xc5\x81\xc4\x8c",
         "\xc3\xa4pfel \xc3\xa9t\xc3\xa9 \xce\xb1\xce\xb2 \xd0\xb6\xd1\x91 \xc5\x82\xc4\x8d"},
        {"\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c\xe4\xb8\x96\xe7\x95\x8c",
         "\xe4\xbd\xa0\xe5\xa5\xbd \xe4\xb8\x96\xe7\x95\x8c"},
        {"bad\xff\xfe" "bytes", "bad bytes"},
        /* apostrophes */
        {"don't can't won\xe2\x80\x99t shan't isn't", "do not can not will not shall not is not"},
        {"I'm we're they've she'll he'd", "i am we are they have she will he would"},
        {"it's that's there's let's", "it is that is there is let us"},
        {"Ann's the boys' 'quoted' rock 'n' roll", "anns the boys quoted rock n roll"},
        {"n't 's '", "nt s"},
        {"I cannot; gonna wanna", "i can not going to want to"},
        /* short forms */
        {"Mr. and Mrs. Dr. Smith", "mister and missus doctor smith"},
        {"OK, um, uh hmm okay", "okay okay"},
        {"at 7 a.m. in the U.S. e.g. now", "at 7 am in the us eg now"},
        {"I. am", "i am"},
        /* digits */
        {"1,250 12,34 1,2345 1234,567", "1250 12 34 1 2345 1234 567"},
        {"2.5 or .5. End 7.", "2.5 or 5 end 7"},
        {"1.2.3", "1.2 3"},
        {"7:30 7:00 10:05 7:3 123:45", "730 7 1005 7 3 123 45"},
        {"3pm 2nd 21st 1990s 4x b12", "3 pm 2nd 21st 1990s 4 x b 12"},
        {"$5 $1 $2.50 $5 million \xe2\x82\xac", "5 dollars 1 dollar 2.50 dollars 5 million dollars"},
        {"50% 50 per cent fifty percent", "50 percent 50 percent 50 percent"},
        {"-5 and 3-4 & more", "minus 5 and 3 4 and more"},
        {"007 0", "007 0"},
        /* numbers in words */
        {"zero, one, nine, ten, nineteen, twenty", "0 1 9 10 19 20"},
        {"at nine ten", "at 910"},
        {"ninety-nine, forty two.", "99 42"},
        {"one hundred", "100"},
        {"a hundred and one dalmatians", "101 dalmatians"},
        {"hundred thousand", "100000"},
        {"two hundred and five", "205"},
        {"nine hundred ninety-nine thousand nine hundred and ninety nine", "999999"},
        {"one thousand two hundred", "1200"},
        {"a thousand and one nights", "1001 nights"},
        {"twenty-five hundred", "2500"},
        {"5 thousand 12 hundred 5 hundred", "5000 1200 500"},
        {"1984 thousand", "1984 1000"},
        {"ten thousand thousand", "10000 1000"},
        {"two hundred and so on", "200 and so on"},
        {"hundreds of thousands", "hundreds of thousands"},
        {"a thing and a", "a thing and a"},
        {"nineteen eighty-four", "1984"},
        {"twenty twenty one", "2021"},
        {"seven thirty", "730"},
        {"nine oh five", "905"},
        {"oh five", "oh 5"},
        {"seven o'clock 7 o'clock", "7 7"},
        {"three point one four one", "3.141"},
        {"the point is three", "the point is 3"},
        {"zero point five", "0.5"},
        {"one two three", "1 2 3"},
        {"ten, twenty, thirty", "10 20 30"},
        {"twenty. Five", "20 5"},
        {"first second third twenty-first twelfth", "1st 2nd 3rd 21st 12th"},
        {"hundredth two hundred and third one thousandth", "100th 203rd 1000th"},
        {"thirtieth eleventh hundred and eleventh", "30th 11th 111th"},
        {"one five hundred", "1 500"},
        {"three million", "3 million"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = normalized(cases[i].text);

        if (strcmp(got, cases[i].words) != 0)
            fail_msg("\"%s\" is \"%s\", not \"%s\"", cases[i].text, got, cases[i].words);
    }
}

static void edits_are_counted(void **state)
{
    static const struct {
        const char *reference, *heard;
        uint32_t words, substituted, deleted, inserted;
    } cases[] = {
        {"a b c", "a b c", 3, 0, 0, 0},
        {"Set a timer for ten minutes.", "set a timer for 10 minutes", 6, 0, 0, 0},
        {"Wake me at seven thirty.", "Wake me at 7:30!", 4, 0, 0, 0},
        {"I can't, Mister Brown", "I can not Mr. Brown", 5, 0, 0, 0},
        {"the cat sat", "the bat sat", 3, 1, 0, 0},
        {"the cat sat", "the sat", 3, 0, 1, 0},
        {"the cat sat", "the fat cat sat down", 3, 0, 0, 2},
        {"a b c d", "b c d e", 4, 0, 1, 1},
        {"x y z", "", 3, 0, 3, 0},
        {"x y z", "[BLANK_AUDIO]", 3, 0, 3, 0},
        {"", "x y", 0, 0, 0, 2},
        {"", "", 0, 0, 0, 0},
        {"b", "d e f g h", 1, 1, 0, 4},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vanta_word_errors e;
        uint32_t all = cases[i].substituted + cases[i].deleted + cases[i].inserted;
        double rate = cases[i].words ? (double)all / cases[i].words : all > 0;

        assert_int_equal(vanta_word_error_rate(cases[i].reference, cases[i].heard, &e, NULL),
                         VANTA_OK);
        assert_int_equal(e.words, cases[i].words);
        assert_int_equal(e.substituted, cases[i].substituted);
        assert_int_equal(e.deleted, cases[i].deleted);
        assert_int_equal(e.inserted, cases[i].inserted);
        assert_true(fabs(e.rate - rate) < 1e-12);
    }
}

static void the_limits_hold(void **state)
{
    char *text = malloc(VANTA_WORDS_TEXT_MAX + 2);
    struct vanta_word_errors e = {.words = 77};
    struct vanta_error err = {0};
    size_t i;

    (void)state;
    memset(text, 'a', VANTA_WORDS_TEXT_MAX + 1);
    text[VANTA_WORDS_TEXT_MAX + 1] = '\0';
    assert_int_equal(vanta_word_error_rate("a", text, &e, &err), VANTA_ERR_LIMIT);
    assert_non_null(strstr(err.message, "65536 bytes"));
    text[VANTA_WORDS_TEXT_MAX] = '\0';
    assert_int_equal(vanta_word_error_rate("a", text, &e, NULL), VANTA_OK);

    e.words = 77;
    for (i = 0; i < VANTA_WORDS_MAX; i++)
        memcpy(text + 2 * i, "x ", 2);
    memcpy(text + 2 * i, "y", 2);
    err = (struct vanta_error){0};
    assert_int_equal(vanta_word_error_rate(text, "x", &e, &err), VANTA_ERR_LIMIT);
    assert_non_null(strstr(err.message, "4096 words"));
    assert_int_equal(e.words, 77);
    text[2 * i] = '\0';
    assert_int_equal(vanta_word_error_rate(text, text, &e, NULL), VANTA_OK);
    assert_int_equal(e.words, VANTA_WORDS_MAX);
    assert_true(e.rate == 0);
    for (i = 0; i < 1500; i++) /* every one becomes three words */
        memcpy(text + 8 * i, "gonna $5", 8);
    text[8 * i] = '\0';
    assert_int_equal(vanta_word_error_rate(text, "x", &e, NULL), VANTA_ERR_LIMIT);
    free(text);
}

static void a_full_buffer_keeps_what_it_had(void **state)
{
    struct vanta_buf buf = VANTA_BUF(7);

    (void)state;
    assert_true(vanta_buf_puts(&buf, "abc"));
    assert_int_equal(vanta_words_normalize("one two three", &buf, NULL), VANTA_ERR_LIMIT);
    assert_string_equal(buf.data, "abc");
    assert_int_equal(vanta_words_normalize(" one", &buf, NULL), VANTA_OK);
    assert_string_equal(buf.data, "abc1");
    vanta_buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_normalized),
        cmocka_unit_test(edits_are_counted),
        cmocka_unit_test(the_limits_hold),
        cmocka_unit_test(a_full_buffer_keeps_what_it_had),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
