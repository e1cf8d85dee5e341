/* The text side of XTTS: odd texts cleaned, token ids, cutting, refusals. */
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "engines/helper/xtts_text.h"

static struct vanta_xtts_text *t;

static char *slurp(const char *name, size_t *len)
{
    char path[4096], *data;
    FILE *file;
    long size;

    snprintf(path, sizeof path, "%s/xtts/%s", TEST_DATA, name);
    file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    data = malloc((size_t)size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)size, file), size);
    data[size] = '\0';
    *len = (size_t)size;
    fclose(file);
    return data;
}

static int setup(void **state)
{
    struct vanta_error err = {0};
    size_t len;
    char *json = slurp("xtts_synthetic_vocab.json", &len);

    (void)state;
    if (vanta_xtts_text_new(json, len, &t, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    free(json);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vanta_xtts_text_free(t);
    return 0;
}

static char *clean(const char *language, const char *text)
{
    struct vanta_error err = {0};
    char *out = NULL;

    if (vanta_xtts_text_clean(language, text, strlen(text), &out, &err) != VANTA_OK)
        fail_msg("%s: %s: %s", language, text, err.message);
    return out;
}

/* --- cleaning: test_xtts_text_tables.c has every language --- */

static void check_clean(const char *language, const char *text, const char *wanted)
{
    char *cleaned = clean(language, text);

    assert_string_equal(cleaned, wanted);
    free(cleaned);
}

static void numbers_beyond_the_rules_are_read_by_digit(void **state)
{
    (void)state;
    check_clean("en", "999999999999999999",
                "nine hundred and ninety-nine quadrillion, nine hundred and ninety-nine "
                "trillion, nine hundred and ninety-nine billion, nine hundred and "
                "ninety-nine million, nine hundred and ninety-nine thousand, nine "
                "hundred and ninety-nine");
    check_clean("en", "1000000000000000007",
                "one zero zero zero zero zero zero zero zero zero zero zero zero zero "
                "zero zero zero zero seven");
    check_clean("de", "00000000000000000000007", "sieben");
    check_clean("ru", "0.0000001", "ноль целых ноль ноль ноль ноль ноль ноль один");
    check_clean("en", "$12345678901234567890",
                "dollar one two three four five six seven eight nine zero one two three "
                "four five six seven eight nine zero");
    check_clean("en", "$1.2.3 and $0.999", "dollar one point two.three and one dollar, "
                                           "zero cents");
    check_clean("de-AT", "2 Euro", "zwei euro"); /* a region is left off */
}

static void odd_characters_are_made_regular(void **state)
{
    (void)state;
    check_clean("en", "a\tb\r\nc\xc2\xa0"
                      "d",
                "a b c d");
    check_clean("en", "x\x01y\xff\xfez", "xyz");
    check_clean("fr", "e\xcc\x81te\xcc\x81", "\xc3\xa9t\xc3\xa9"); /* composed */
    check_clean("en", "\xd9\xa3 \xe0\xa5\xaa", "three four"); /* digits of other scripts */
    check_clean("tr", "\xc4\xb0Z", "iz");
}

/* --- tokens --- */

static void ids_are_those_of_the_tokenizers_library(void **state)
{
    size_t len, i, k, n;
    char *data = slurp("xtts_synthetic_golden.json", &len);
    json_t *cases = json_loadb(data, len, 0, NULL);

    (void)state;
    assert_true(json_array_size(cases) >= 20);
    for (i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        const json_t *wanted = json_object_get(one, "ids");
        const char *text = json_string_value(json_object_get(one, "text"));
        struct vanta_error err = {0};
        int32_t *ids;

        assert_int_equal(vanta_xtts_text_encode(t, text, strlen(text), &ids, &n, &err),
                         VANTA_OK);
        if (n != json_array_size(wanted))
            fail_msg("%s: %zu ids", text, n);
        for (k = 0; k < n; k++)
            if (ids[k] != json_integer_value(json_array_get(wanted, k)))
                fail_msg("%s: id %zu is %d", text, k, ids[k]);
        free(ids);
    }
    json_decref(cases);
    free(data);
}

/* One word of the recorded ids and its place in the cleaned text. */
struct seen_word {
    char text[128];
    int ids[64];
    size_t n;
};

/* The vocabulary of the recorded ids is not here. That they part into the same words, that
 * a word has the same ids wherever it stands, and other words have others, is seen without
 * it: a wording that differs from the recorded one would break it. */
static size_t compare_words(const json_t *ids, char *cleaned, struct seen_word *seen,
                            size_t n_seen)
{
    size_t at = 1, k;
    char *word;

    for (word = strtok(cleaned, " "); word; word = strtok(NULL, " ")) {
        struct seen_word *w = &seen[n_seen];

        w->n = 0;
        for (; at < json_array_size(ids); at++) {
            int id = (int)json_integer_value(json_array_get(ids, at));

            if (id == 2)
                break;
            assert_true(w->n < 64);
            w->ids[w->n++] = id;
        }
        at++;
        assert_true(w->n > 0);
        snprintf(w->text, sizeof w->text, "%s", word);
        for (k = 0; k < n_seen; k++) {
            bool same = seen[k].n == w->n &&
                        memcmp(seen[k].ids, w->ids, w->n * sizeof(int)) == 0;

            if (same != (strcmp(seen[k].text, word) == 0))
                fail_msg("\"%s\" and \"%s\"", seen[k].text, word);
        }
        assert_true(++n_seen < 256);
    }
    assert_int_equal(at, json_array_size(ids) + 1);
    return n_seen;
}

static void recorded_ids_have_the_words_of_the_cleaned_text(void **state)
{
    static struct seen_word seen[256];
    size_t len, n_seen = 0, n = 0;
    char *data = slurp("xtts_tokenizer_golden.json", &len), *cleaned;
    json_t *top = json_loadb(data, len, 0, NULL), *one;
    const char *language;

    (void)state;
    json_object_foreach(json_object_get(top, "cases"), language, one) {
        if (strcmp(language, "hi") == 0)
            continue; /* was recorded with its digits */
        cleaned = clean(language, json_string_value(json_object_get(one, "text")));
        n_seen = compare_words(json_object_get(one, "ids"), cleaned, seen, n_seen);
        free(cleaned);
        n++;
    }
    assert_int_equal(n, 12);
    json_decref(top);
    free(data);
}

/* --- whole texts --- */

static enum vanta_status prepare(const char *language, const char *text, size_t max,
                                 struct vanta_xtts_sentences *s, struct vanta_error *err)
{
    struct vanta_xtts_text_options o = {.language = language, .max_characters = max};

    memset(err, 0, sizeof *err);
    return vanta_xtts_text_prepare(t, text, strlen(text), &o, s, err);
}

static void check_pieces(const char *language, const char *text, size_t max,
                         const char *const *wanted)
{
    struct vanta_xtts_sentences s;
    struct vanta_error err;
    size_t i;

    if (prepare(language, text, max, &s, &err) != VANTA_OK)
        fail_msg("%s: %s", text, err.message);
    for (i = 0; i < s.n_sentences; i++) {
        assert_non_null(wanted[i]);
        assert_string_equal(s.sentences[i].cleaned, wanted[i]);
        assert_true(s.sentences[i].n_ids > 1);
    }
    assert_null(wanted[i]);
    vanta_xtts_sentences_free(&s);
}

static void texts_are_cut_at_the_ends_of_sentences(void **state)
{
    (void)state;
    check_pieces("en", "One came. Two went.", 0,
                 (const char *const[]){"one came. two went.", NULL});
    check_pieces("en", "One came. Two went. Three stayed here.", 20,
                 (const char *const[]){"one came. two went.", "three stayed here.", NULL});
    check_pieces("en", "We saw Mr. Smith. Then J. Hill left.", 19,
                 (const char *const[]){"we saw mister smith.", "then j. hill left.", NULL});
    check_pieces("de", "Am 3. Mai kam er. Sie blieb.", 20,
                 (const char *const[]){"am dritte mai kam er.", "sie blieb.", NULL});
    check_pieces("en", "First part\n\nsecond part\nthird", 16,
                 (const char *const[]){"first part", "second part", "third", NULL});
    check_pieces("en", "Red, green and blue, and yellow too", 24,
                 (const char *const[]){"red, green and blue,", "and yellow too", NULL});
    check_pieces("en", "abcdefghijklmnop", 6,
                 (const char *const[]){"abcdef", "ghijkl", "mnop", NULL});
    check_pieces("ru", "Один. Два. Три.", 5,
                 (const char *const[]){"один.", "два.", "три.", NULL});
    check_pieces("en", "Wait... !!! Go.", 7, (const char *const[]){"wait...", "go.", NULL});
}

static void long_texts_keep_every_word(void **state)
{
    size_t len = 0, i, words = 0, said = 0;
    char *text = malloc(110000);
    struct vanta_xtts_sentences s;
    struct vanta_error err;

    (void)state;
    while (len < 100000) {
        len += (size_t)sprintf(text + len, "%sword%s", len ? " " : "",
                               words % 11 == 10 ? "." : words % 5 == 4 ? "," : "");
        words++;
    }
    assert_int_equal(prepare("en", text, 0, &s, &err), VANTA_OK);
    assert_true(s.n_sentences > 350 && s.n_sentences < 500);
    for (i = 0; i < s.n_sentences; i++) {
        const char *at = s.sentences[i].cleaned;

        assert_true(s.sentences[i].n_ids < 402);
        assert_true(s.sentences[i].n_characters <= 250);
        for (; (at = strstr(at, "word")) != NULL; at++)
            said++;
    }
    assert_int_equal(said, words);
    vanta_xtts_sentences_free(&s);
    free(text);
}

/* Digits grow twelvefold: pieces are cut until their ids fit. */
static void numbers_never_outgrow_the_model(void **state)
{
    struct vanta_xtts_text_options o = {.language = "en", .max_tokens = 60};
    struct vanta_xtts_sentences s;
    struct vanta_error err = {0};
    char text[1001];
    size_t i;

    (void)state;
    memset(text, '7', 1000);
    text[1000] = '\0';
    assert_int_equal(vanta_xtts_text_prepare(t, text, 1000, &o, &s, &err), VANTA_OK);
    assert_true(s.n_sentences > 20);
    for (i = 0; i < s.n_sentences; i++)
        assert_true(s.sentences[i].n_ids < 60);
    vanta_xtts_sentences_free(&s);
}

/* --- refusals --- */

static void refuse(const char *language, const char *text, bool romanized,
                   enum vanta_status wanted, const char *words)
{
    struct vanta_xtts_text_options o = {.language = language, .romanized = romanized};
    struct vanta_xtts_sentences s;
    struct vanta_error err = {0};

    assert_int_equal(vanta_xtts_text_prepare(t, text, strlen(text), &o, &s, &err), wanted);
    if (!strstr(err.message, words))
        fail_msg("\"%s\" has no \"%s\"", err.message, words);
    if (strstr(err.message, "does not speak")) /* those that the vocabulary has */
        assert_string_equal(err.hint, "Its languages: ar cs de en es fr hi hu it nl pl pt ru "
                                      "tr ja (romanized) ko (romanized) zh (romanized)");
    assert_null(s.sentences);
}

static void what_cannot_be_spoken_is_refused(void **state)
{
    (void)state;
    refuse("en", "", false, VANTA_ERR_USAGE, "no text");
    refuse("en", " \n\t \xc2\xa0", false, VANTA_ERR_USAGE, "no text");
    refuse("en", "... !? --- \xe2\x80\x9c\xe2\x80\x9d", false, VANTA_ERR_USAGE,
           "nothing to speak");
    refuse("en", "日本語", false, VANTA_ERR_USAGE, "none of the text's letters");
    refuse("xx", "hello", false, VANTA_ERR_UNSUPPORTED, "does not speak \"xx\"");
    refuse("", "hello", false, VANTA_ERR_UNSUPPORTED, "does not speak");
    refuse("ja", "日本", false, VANTA_ERR_UNSUPPORTED, "Japanese text needs a dictionary");
    refuse("ko", "한국", false, VANTA_ERR_UNSUPPORTED, "Korean");
    refuse("zh-cn", "你好", false, VANTA_ERR_UNSUPPORTED, "Chinese");
    refuse("ja", "nihon 日本", true, VANTA_ERR_USAGE, "not romanized Japanese: it has '日'");
    refuse("de", "Guten Morgen", true, VANTA_ERR_USAGE,
           "--romanized is for ja, ko and zh, and the language is \"de\"");
    refuse("xx", "hello", true, VANTA_ERR_UNSUPPORTED, "does not speak \"xx\"");
    refuse("ko", "annyeong 3", true, VANTA_ERR_USAGE, "digits are not read");
    refuse("zh-cn", "ni3hao3 8", true, VANTA_ERR_USAGE, "digits are not read");
}

static void check_unknown(const char *text, size_t n, const char *characters)
{
    struct vanta_xtts_text_options o = {.language = "en", .max_characters = 20};
    struct vanta_xtts_sentences s;
    struct vanta_error err = {0};

    if (vanta_xtts_text_prepare(t, text, strlen(text), &o, &s, &err) != VANTA_OK)
        fail_msg("%s: %s", text, err.message);
    assert_int_equal(s.n_unknown, n);
    assert_string_equal(s.unknown, characters);
    vanta_xtts_sentences_free(&s);
}

static void characters_that_the_vocabulary_lacks_are_counted(void **state)
{
    (void)state;
    check_unknown("Good morning.", 0, "");
    check_unknown("Good 日本 morning, 日.", 3, "日本");
    /* Of all sentences, each once; of letters that are capital, the small ones. */
    check_unknown("One Ω is here. Two ω are there. Three ♥ as well.", 3, "ω♥");
    check_unknown("a αβγδεζηθικ", 10, "αβγδεζηθ");
    /* Nobody says these. */
    check_unknown("Wait \xe2\x80\x94 what\xe2\x80\xbd \xe2\x80\xb9no\xe2\x80\xba b\xc2\xad"
                  "c",
                  0, "");
}

static void romanized_text_is_taken_as_it_is(void **state)
{
    struct vanta_xtts_text_options o = {.language = "zh-cn", .romanized = true};
    struct vanta_xtts_sentences s;
    struct vanta_error err = {0};

    (void)state;
    assert_int_equal(vanta_xtts_text_prepare(t, "Ni3hao3  Ma5", 12, &o, &s, &err),
                     VANTA_OK);
    assert_string_equal(s.sentences[0].cleaned, "ni3hao3 ma5");
    vanta_xtts_sentences_free(&s);
    o.language = "ja";
    assert_int_equal(vanta_xtts_text_prepare(t, "Konnichiwa & co", 15, &o, &s, &err),
                     VANTA_OK);
    assert_string_equal(s.sentences[0].cleaned, "konnichiwa & co");
    vanta_xtts_sentences_free(&s);
}

static void refuse_vocabulary(const char *json, const char *words)
{
    struct vanta_xtts_text *none = NULL;
    struct vanta_error err = {0};

    assert_int_equal(vanta_xtts_text_new(json, strlen(json), &none, &err),
                     VANTA_ERR_FORMAT);
    if (!strstr(err.message, words))
        fail_msg("\"%s\" has no \"%s\"", err.message, words);
}

#define MODEL(members) \
    "{\"pre_tokenizer\":{\"type\":\"Whitespace\"},\"added_tokens\":[],\"model\":{" members \
    "}}"
#define VOCAB "\"unk_token\":\"u\",\"vocab\":{\"u\":0,\"a\":1,\"b\":2,\"ab\":3},"

static void files_of_another_kind_are_refused(void **state)
{
    struct vanta_xtts_text *small = NULL;
    struct vanta_error err = {0};

    (void)state;
    refuse_vocabulary("", "vocab.json");
    refuse_vocabulary("[]", "pre_tokenizer");
    refuse_vocabulary("{\"model\":{}}", "pre_tokenizer");
    refuse_vocabulary("{\"pre_tokenizer\":{\"type\":\"ByteLevel\"}}", "ByteLevel");
    refuse_vocabulary("{\"normalizer\":{\"type\":\"NFC\"}}", "normalizer");
    refuse_vocabulary(MODEL("\"type\":\"WordPiece\""), "WordPiece");
    refuse_vocabulary(MODEL("\"byte_fallback\":true"), "byte_fallback");
    refuse_vocabulary(MODEL(VOCAB "\"merges\":[\"a c\"]"), "/model/merges/0");
    refuse_vocabulary(MODEL(VOCAB "\"merges\":[\"ab\"]"), "two tokens");
    refuse_vocabulary(MODEL(VOCAB "\"merges\":[[\"a\",\"b\",\"b\"]]"), "two tokens");
    refuse_vocabulary(MODEL("\"unk_token\":\"x\",\"vocab\":{\"a\":1},\"merges\":[]"),
                      "unk_token");
    refuse_vocabulary(MODEL("\"unk_token\":\"a\",\"vocab\":{\"a\":70000},\"merges\":[]"),
                      "no id");
    assert_int_equal(vanta_xtts_text_new(MODEL(VOCAB "\"merges\":[[\"a\",\"b\"]]"),
                                         strlen(MODEL(VOCAB "\"merges\":[[\"a\",\"b\"]]")),
                                         &small, &err),
                     VANTA_OK);
    vanta_xtts_text_free(small);
}

static void texts_and_sentences_have_a_limit(void **state)
{
    struct vanta_xtts_text_options o = {.language = "en"};
    struct vanta_xtts_sentences s;
    struct vanta_error err = {0};
    size_t len = VANTA_XTTS_TEXT_MAX + 1, n;
    char *text = malloc(len);
    int32_t *ids;

    (void)state;
    memset(text, 'a', len);
    assert_int_equal(vanta_xtts_text_prepare(t, text, len, &o, &s, &err), VANTA_ERR_LIMIT);
    assert_int_equal(vanta_xtts_text_encode(t, text, 100000, &ids, &n, NULL),
                     VANTA_ERR_LIMIT);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_beyond_the_rules_are_read_by_digit),
        cmocka_unit_test(odd_characters_are_made_regular),
        cmocka_unit_test(ids_are_those_of_the_tokenizers_library),
        cmocka_unit_test(recorded_ids_have_the_words_of_the_cleaned_text),
        cmocka_unit_test(texts_are_cut_at_the_ends_of_sentences),
        cmocka_unit_test(long_texts_keep_every_word),
        cmocka_unit_test(numbers_never_outgrow_the_model),
        cmocka_unit_test(what_cannot_be_spoken_is_refused),
        cmocka_unit_test(characters_that_the_vocabulary_lacks_are_counted),
        cmocka_unit_test(romanized_text_is_taken_as_it_is),
        cmocka_unit_test(files_of_another_kind_are_refused),
        cmocka_unit_test(texts_and_sentences_have_a_limit),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
