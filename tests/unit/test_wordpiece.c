/* The tokenizer with a small vocabulary; real ones are in tests/real/encoders.bats. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmocka_all.h"
#include "engines/helper/wordpiece.h"

/* Ids are places in this list. */
static const char *const words[] = {
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<added>", "hello", "world", "##s", "un",
    "##aff", "##able", "a", "##a", "cafe", ",", ".", "!", "[", "]", "sep",
    "\xe4\xbb\x8a" /* 今 */, "\xe1\x84\x92" /* ㅎ as jamo */, "##\xe1\x85\xa1",
    "##\xe1\x86\xab", "i", "\xcf\x83" /* σ */, "##\xcf\x83", "\xc3\xa9" /* é */,
    "x", "##x", "\xe2\x80\x94" /* em dash */, "[unused]", "ab", "abc", "##d", "$", "-",
    "added", "<", ">"};

#define N_WORDS (sizeof words / sizeof words[0])
#define ROOM 300

enum {
    PAD, UNK, CLS, SEP, MASK, ADDED, HELLO, WORLD, S, UN, AFF, ABLE, A, REST_A, CAFE, COMMA,
    DOT, BANG, OPEN, CLOSE, SEP_WORD, TODAY, HIEUH, REST_YA, REST_N, I, SIGMA, REST_SIGMA,
    E_ACUTE, X, REST_X, DASH, UNUSED, AB, ABC, REST_D, DOLLAR, MINUS, ADDED_WORD, LESS, MORE
};

static struct vanta_wordpiece *w;
static int32_t ids[ROOM];
static size_t n;
static bool cut;

static struct vanta_wordpiece_options options(struct vanta_wordpiece_token *tokens)
{
    size_t i;

    for (i = 0; i < N_WORDS; i++)
        tokens[i] = (struct vanta_wordpiece_token){
            words[i], strlen(words[i]),
            i < ADDED    ? VANTA_WORDPIECE_SPECIAL
            : i == ADDED ? VANTA_WORDPIECE_ADDED
            : i == UNUSED ? VANTA_WORDPIECE_UNUSED
                          : VANTA_WORDPIECE_PIECE};
    return (struct vanta_wordpiece_options){.tokens = tokens,
                                            .n_tokens = N_WORDS,
                                            .form = VANTA_WORDPIECE_VOCABULARY,
                                            .lowercase = true,
                                            .strip_accents = true,
                                            .first = CLS,
                                            .last = SEP,
                                            .unknown = UNK};
}

static int setup(void **state)
{
    static struct vanta_wordpiece_token tokens[N_WORDS];
    struct vanta_wordpiece_options o = options(tokens);

    (void)state;
    return vanta_wordpiece_new(&o, &w, NULL) == VANTA_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    vanta_wordpiece_free(w);
    w = NULL;
    return 0;
}

static void encode_bytes(const char *text, size_t len, size_t room)
{
    /* Exactly as many bytes as there are, so that a sanitizer sees reads past them. */
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, text, len);
    assert_int_equal(vanta_wordpiece_encode(w, copy, len, ids, room, &n, &cut, NULL),
                     VANTA_OK);
    free(copy);
    assert_true(n >= 2 && n <= room);
    assert_int_equal(ids[0], CLS);
    assert_int_equal(ids[n - 1], SEP);
}

/* The ids between the first and the last. */
static void becomes_at(int line, const char *text, size_t count, const int32_t *wanted)
{
    size_t i;

    encode_bytes(text, strlen(text), ROOM);
    if (n - 2 != count)
        fail_msg("line %d: %zu pieces, not %zu", line, n - 2, count);
    for (i = 0; i < count; i++)
        if (ids[i + 1] != wanted[i])
            fail_msg("line %d: piece %zu is %ld, not %ld", line, i, (long)ids[i + 1],
                     (long)wanted[i]);
    assert_false(cut);
}

#define BECOMES(text, ...)                                                               \
    becomes_at(__LINE__, text, sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t),       \
               (const int32_t[]){__VA_ARGS__})
#define BECOMES_NOTHING(text) becomes_at(__LINE__, text, 0, NULL)

static void words_become_the_longest_pieces(void **state)
{
    (void)state;
    BECOMES("hello worlds", HELLO, WORLD, S);
    BECOMES("unaffable", UN, AFF, ABLE);
    BECOMES("abcd ab abd", ABC, REST_D, AB, AB, REST_D);
    BECOMES("unhello x", UNK, X); /* "##hello" is no piece */
    BECOMES("s", UNK);            /* it only goes on */
    BECOMES("unused", UNK);
}

static void capitals_and_accents_go(void **state)
{
    (void)state;
    BECOMES("HeLLo WORLD", HELLO, WORLD);
    BECOMES("Caf\xc3\xa9 cafe\xcc\x81 CAF\xc3\x89", CAFE, CAFE, CAFE);
    BECOMES("\xc4\xb0", I);                 /* I with a dot */
    BECOMES("\xce\xa3\xce\xa3", SIGMA, REST_SIGMA); /* no other form at the end */
}

static void hangul_becomes_jamo(void **state)
{
    (void)state;
    BECOMES("\xed\x95\x9c", HIEUH, REST_YA, REST_N); /* U+D55C */
}

static void ideographs_are_words(void **state)
{
    (void)state;
    BECOMES("\xe4\xbb\x8a\xe4\xbb\x8a" "a", TODAY, TODAY, A);
    BECOMES("hello\xe4\xbb\x8a", HELLO, TODAY);
    BECOMES("\xf0\xa0\x80\x80x", UNK, X); /* U+20000 */
}

static void punctuation_stands_alone(void **state)
{
    (void)state;
    BECOMES("hello,world.", HELLO, COMMA, WORLD, DOT);
    BECOMES("!!", BANG, BANG);
    BECOMES("a\xe2\x80\x94" "a", A, DASH, A);
    BECOMES("a$a-a", A, DOLLAR, A, MINUS, A); /* signs of ASCII count, others do not */
    BECOMES("a\xe2\x82\xac" "a", UNK);        /* euro */
    BECOMES("[sep]", OPEN, SEP_WORD, CLOSE);
}

static void white_space_of_all_kinds_parts_words(void **state)
{
    (void)state;
    BECOMES(" \t\n\r a \xc2\xa0 a\xe3\x80\x80" "a\xe2\x80\xa8" "a ", A, A, A, A);
}

static void what_is_no_text_goes(void **state)
{
    static const char nul[] = "a\0a";

    (void)state;
    BECOMES("a\xe2\x80\x8b" "a", A, REST_A);    /* zero width space: a format character */
    BECOMES("a\x01\x7f\xc2\x85" "a", A, REST_A); /* U+0085 is a control character */
    BECOMES("a\xef\xbf\xbd" "a", A, REST_A);    /* U+FFFD */
    BECOMES("a\xee\x80\x80\xef\x80\x80" "a", A, REST_A); /* private use */
    BECOMES("a\xcd\xb8", UNK);                  /* not assigned: stays */
    encode_bytes(nul, 3, ROOM);
    assert_int_equal(n, 4);
    assert_int_equal(ids[2], REST_A);
}

static void bytes_that_are_no_utf_8_count_as_fffd(void **state)
{
    static const char *const broken[] = {
        "a\x80" "a", "a\xff\xfe" "a", "a\xc0\x80" "a", "a\xed\xa0\x80" "a", /* a surrogate */
        "a\xf4\x90\x80\x80" "a", "a\xe4\xbb" "a", "a\xf0\x9f\x98" "a"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof broken / sizeof broken[0]; i++)
        BECOMES(broken[i], A, REST_A);
    BECOMES("a\xe4\xbb", A);
    BECOMES_NOTHING("\xe4");
}

static void special_tokens_are_found_as_they_are(void **state)
{
    (void)state;
    BECOMES("a [SEP]a[MASK]", A, SEP, A, MASK);
    BECOMES("hello[UNK]world", HELLO, UNK, WORLD);
    BECOMES("[SEP", OPEN, SEP_WORD);
    BECOMES("[CLS][CLS]", CLS, CLS);
}

static void added_tokens_are_found_in_normalized_text(void **state)
{
    (void)state;
    BECOMES("a<ADDED>a", A, ADDED, A);
    BECOMES("<\xc3\x84" "dded>", ADDED); /* Ä */
    BECOMES("< added >", LESS, ADDED_WORD, MORE);
}

static void nothing_is_two_tokens(void **state)
{
    (void)state;
    BECOMES_NOTHING("");
    BECOMES_NOTHING("   \n\t ");
    BECOMES_NOTHING("\x01\x02\xe2\x80\x8b");
    BECOMES_NOTHING("\xcc\x81"); /* a mark alone */
}

static void long_words_are_unknown(void **state)
{
    char text[4 * 101 + 1];
    size_t i;

    (void)state;
    memset(text, 'x', 101);
    encode_bytes(text, 100, ROOM);
    assert_int_equal(n, 102);
    assert_int_equal(ids[1], X);
    assert_int_equal(ids[100], REST_X);
    encode_bytes(text, 101, ROOM);
    assert_int_equal(n, 3);
    assert_int_equal(ids[1], UNK);
    for (i = 0; i < 100; i++) /* 100 characters of two bytes */
        memcpy(text + 2 * i, "\xcf\x83", 2);
    encode_bytes(text, 200, ROOM);
    assert_int_equal(n, 102);
}

static void too_many_pieces_are_cut(void **state)
{
    size_t room;

    (void)state;
    for (room = 2; room < 8; room++) {
        encode_bytes("unaffable hello", 15, room);
        assert_int_equal(n, room < 6 ? room : 6);
        assert_int_equal(cut, room < 6);
    }
    encode_bytes("hello   ", 8, 3); /* nothing but space is left */
    assert_int_equal(n, 3);
    assert_false(cut);
    assert_int_equal(vanta_wordpiece_encode(w, "a", 1, ids, 1, &n, &cut, NULL),
                     VANTA_ERR_USAGE);
    assert_int_equal(vanta_wordpiece_encode(w, "a", 1, ids, 0, &n, NULL, NULL),
                     VANTA_ERR_USAGE);
}

/* Whatever a text of a megabyte is made of, it takes well under a second. */
static void a_megabyte_is_quick(void **state)
{
    static const char *const made_of[] = {
        "hello ", "x", "\xe4\xbb\x8a", "\xed\x95\x9c", "\xcc\x81", "[", "[SEP", "\xff", " ",
        "a\xcc\xa3\xcc\x81", "\xf0\x9f\x98\x80", "\x01", "un"};
    const size_t len = 1 << 20;
    char *text = malloc(len);
    size_t i, k;

    (void)state;
    assert_non_null(text);
    for (i = 0; i < sizeof made_of / sizeof made_of[0]; i++) {
        size_t part = strlen(made_of[i]);
        clock_t start = clock();

        for (k = 0; k < len; k++)
            text[k] = made_of[i][k % part];
        assert_int_equal(vanta_wordpiece_encode(w, text, len, ids, 256, &n, &cut, NULL),
                         VANTA_OK);
        if ((double)(clock() - start) / CLOCKS_PER_SEC > 2) /* with sanitizers */
            fail_msg("a megabyte of %s is slow", made_of[i]);
    }
    free(text);
    assert_int_equal(vanta_wordpiece_encode(w, "", VANTA_WORDPIECE_TEXT_MAX + 1, ids, 8, &n,
                                            NULL, NULL),
                     VANTA_ERR_LIMIT);
}

/* A text is normalized in stretches: what it becomes must not show where they end. */
static void stretches_do_not_show(void **state)
{
    static int32_t many[40000];
    size_t len = 0, shift, i;
    char *text = malloc(1 << 18);

    (void)state;
    assert_non_null(text);
    for (shift = 0; shift < 12; shift++) {
        memset(text, ' ', shift);
        for (len = shift; len < 70000; len += 12)
            memcpy(text + len, "unaffable,a ", 12);
        assert_int_equal(
            vanta_wordpiece_encode(w, text, len, many, 40000, &n, &cut, NULL), VANTA_OK);
        assert_false(cut);
        assert_int_equal((n - 2) % 5, 0);
        for (i = 1; i + 1 < n; i++)
            assert_int_equal(many[i], ((const int32_t[]){UN, AFF, ABLE, COMMA,
                                                         A})[(i - 1) % 5]);
    }
    free(text);
}

static void the_form_of_gguf_is_the_same_vocabulary(void **state)
{
    static const char text[] = "Unaffable hello, \xed\x95\x9c [SEP] <added> xs s";
    static struct vanta_wordpiece_token tokens[N_WORDS];
    struct vanta_wordpiece_options o = options(tokens);
    static char texts[N_WORDS][32];
    struct vanta_wordpiece *other;
    int32_t others[ROOM];
    size_t i, n_others;

    (void)state;
    o.form = VANTA_WORDPIECE_GGUF;
    for (i = ADDED; i < N_WORDS; i++) {
        if (strncmp(words[i], "##", 2) == 0)
            snprintf(texts[i], sizeof texts[i], "%s", words[i] + 2);
        else
            snprintf(texts[i], sizeof texts[i], "\xe2\x96\x81%s", words[i]);
        tokens[i].text = texts[i];
        tokens[i].len = strlen(texts[i]);
    }
    assert_int_equal(vanta_wordpiece_new(&o, &other, NULL), VANTA_OK);
    assert_int_equal(vanta_wordpiece_encode(other, text, strlen(text), others, ROOM,
                                            &n_others, NULL, NULL),
                     VANTA_OK);
    vanta_wordpiece_free(other);
    encode_bytes(text, strlen(text), ROOM);
    assert_int_equal(n, n_others);
    assert_memory_equal(ids, others, n * sizeof *ids);
}

static void capitals_and_accents_can_stay(void **state)
{
    static struct vanta_wordpiece_token tokens[N_WORDS];
    struct vanta_wordpiece_options o = options(tokens);

    vanta_wordpiece_free(w);
    o.lowercase = o.strip_accents = false;
    assert_int_equal(vanta_wordpiece_new(&o, &w, NULL), VANTA_OK);
    BECOMES("Hello hello", UNK, HELLO);
    BECOMES("\xc3\xa9", E_ACUTE);
    BECOMES("<ADDED> <added>", LESS, UNK, MORE, ADDED);
    vanta_wordpiece_free(w);
    o.lowercase = true; /* accents stay, capitals do not */
    assert_int_equal(vanta_wordpiece_new(&o, &w, NULL), VANTA_OK);
    BECOMES("\xc3\x89", E_ACUTE);
    BECOMES("\xc4\xb0", UNK); /* i and a mark */
    teardown(state);
    assert_int_equal(setup(state), 0);
}

static void vocabularies_that_cannot_be_used(void **state)
{
    static struct vanta_wordpiece_token tokens[N_WORDS], many[1100];
    struct vanta_wordpiece_options good = options(tokens), o;
    struct vanta_wordpiece *none = (void *)1;
    struct vanta_error err = {0};
    size_t i;

    (void)state;
    o = good;
    o.n_tokens = 0;
    assert_int_equal(vanta_wordpiece_new(&o, &none, &err), VANTA_ERR_LIMIT);
    assert_null(none);
    o = good;
    o.last = N_WORDS;
    assert_int_equal(vanta_wordpiece_new(&o, &none, NULL), VANTA_ERR_FORMAT);
    o = good;
    o.unknown = -1;
    assert_int_equal(vanta_wordpiece_new(&o, &none, NULL), VANTA_ERR_FORMAT);
    tokens[7].len = VANTA_WORDPIECE_TOKEN_BYTES_MAX + 1;
    assert_int_equal(vanta_wordpiece_new(&good, &none, NULL), VANTA_ERR_LIMIT);
    for (i = 0; i < 1100; i++)
        many[i] = (struct vanta_wordpiece_token){"x", 1, VANTA_WORDPIECE_SPECIAL};
    o.tokens = many;
    o.n_tokens = 1100;
    o.unknown = 0;
    assert_int_equal(vanta_wordpiece_new(&o, &none, NULL), VANTA_ERR_LIMIT);
    vanta_wordpiece_free(NULL);
}

/* Empty tokens and tokens of which nothing is left cannot stop the search. */
static void empty_tokens_are_never_found(void **state)
{
    static const struct vanta_wordpiece_token tokens[] = {
        {"", 0, VANTA_WORDPIECE_SPECIAL},   {"[UNK]", 5, VANTA_WORDPIECE_SPECIAL},
        {"", 0, VANTA_WORDPIECE_ADDED},     {"\x01", 1, VANTA_WORDPIECE_ADDED},
        {"##", 2, VANTA_WORDPIECE_PIECE},   {"", 0, VANTA_WORDPIECE_PIECE},
        {"b\x01", 2, VANTA_WORDPIECE_ADDED}, {"a", 1, VANTA_WORDPIECE_PIECE}};
    struct vanta_wordpiece_options o = {.tokens = tokens, .n_tokens = 8, .lowercase = true,
                                        .strip_accents = true, .unknown = 1};
    struct vanta_wordpiece *other;

    (void)state;
    assert_int_equal(vanta_wordpiece_new(&o, &other, NULL), VANTA_OK);
    assert_int_equal(
        vanta_wordpiece_encode(other, "a \x01 bb aa", 9, ids, ROOM, &n, NULL, NULL),
        VANTA_OK);
    vanta_wordpiece_free(other);
    assert_int_equal(n, 6);
    assert_int_equal(ids[1], 7);
    assert_int_equal(ids[2], 6);
    assert_int_equal(ids[3], 6);
    assert_int_equal(ids[4], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_the_longest_pieces),
        cmocka_unit_test(capitals_and_accents_go),
        cmocka_unit_test(hangul_becomes_jamo),
        cmocka_unit_test(ideographs_are_words),
        cmocka_unit_test(punctuation_stands_alone),
        cmocka_unit_test(white_space_of_all_kinds_parts_words),
        cmocka_unit_test(what_is_no_text_goes),
        cmocka_unit_test(bytes_that_are_no_utf_8_count_as_fffd),
        cmocka_unit_test(special_tokens_are_found_as_they_are),
        cmocka_unit_test(added_tokens_are_found_in_normalized_text),
        cmocka_unit_test(nothing_is_two_tokens),
        cmocka_unit_test(long_words_are_unknown),
        cmocka_unit_test(too_many_pieces_are_cut),
        cmocka_unit_test(a_megabyte_is_quick),
        cmocka_unit_test(stretches_do_not_show),
        cmocka_unit_test(the_form_of_gguf_is_the_same_vocabulary),
        cmocka_unit_test(capitals_and_accents_can_stay),
        cmocka_unit_test(vocabularies_that_cannot_be_used),
        cmocka_unit_test(empty_tokens_are_never_found),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
