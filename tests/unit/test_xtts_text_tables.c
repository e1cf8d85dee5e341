/* The text rules of XTTS, language by language: tables of texts and of what the model is
 * given for them, and what each table has to have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/uregex.h>

#include "cmocka_all.h"
#include "engines/helper/xtts_text.h"

#define LINES_LEAST 12
#define KIND_LEAST 2 /* lines of each kind */

/* What a line is an example of, by its text alone. */
enum kind { YEAR, DECIMAL, ORDINAL, MONEY, ABBREVIATION, SCRIPTS, KINDS };

static const char *const kind_names[KINDS] = {"year",   "decimal",      "ordinal",
                                              "amount", "abbreviation", "two scripts"};

/* Of a language: its decimal mark, what makes an ordinal of a number, its abbreviations.
 * Arabic and Hindi have none: what looks like one stays as it is. */
static const struct language {
    const char *code, *mark, *ordinal, *abbreviation;
} languages[] = {
    {"ar", ",", "ون|ين|ث|ر|ى", NULL},
    {"cs", ",", "\\.(?=\\s|$)", "dr|ing|p"},
    {"de", ",", "st|nd|rd|th|º|ª|\\.(?=\\s|$)", "fr|dr|st|co|jr"},
    {"en", "\\.", "st|nd|rd|th",
     "mrs|mr|dr|st|co|jr|maj|gen|drs|rev|lt|hon|sgt|capt|esq|ltd|col|ft"},
    {"es", ",", "º|ª|er|o|a|os|as", "sra|sr|dr|dra|st|co|jr|ltd"},
    {"fr", ",", "º|ª|er|re|e|ème", "mme|mr|dr|st|co|jr|ltd"},
    {"hi", "\\.", "st|nd|rd|th", NULL},
    {"hu", ",", "\\.|adik|edik|odik|ödik|ödike|ik", "dr|b|nőv"},
    {"it", ",", "º|°|ª|o|a|i|e", "sig|dr|st|co|jr|ltd"},
    {"nl", ",", "de|ste|e", "dhr|mevr|dr|jhr"},
    {"pl", ",", "º|ª|st|nd|rd|th", "p|m|dr|sw|jr"},
    {"pt", ",", "º|ª|o|a|os|as", "sra|sr|dr|dra|st|co|jr|ltd"},
    {"ru", "\\.", "-й|-я|-е|-ое|-ье|-го", "г-жа|г-н|д-р"},
    {"tr", ",", "\\.|inci|nci|uncu|üncü", "b|byk|dr"},
};

static bool matches(const char *pattern, const char *text)
{
    UErrorCode code = U_ZERO_ERROR;
    UText pattern_text = UTEXT_INITIALIZER, over = UTEXT_INITIALIZER;
    URegularExpression *regex;
    bool found;

    utext_openUTF8(&pattern_text, pattern, -1, &code);
    utext_openUTF8(&over, text, -1, &code);
    regex = uregex_openUText(&pattern_text, UREGEX_CASE_INSENSITIVE, NULL, &code);
    uregex_setUText(regex, &over, &code);
    found = uregex_find64(regex, 0, &code);
    if (U_FAILURE(code))
        fail_msg("%s: %s", pattern, u_errorName(code));
    uregex_close(regex);
    utext_close(&over);
    utext_close(&pattern_text);
    return found;
}

static bool has_two_scripts(const char *text)
{
    static const char *const scripts[] = {"Latin", "Cyrillic", "Greek",
                                          "Han",   "Arabic",   "Devanagari"};
    char pattern[32];
    size_t i, n = 0;

    for (i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        snprintf(pattern, sizeof pattern, "\\p{Script=%s}", scripts[i]);
        n += matches(pattern, text);
    }
    return n > 1;
}

static bool is_of_kind(const struct language *l, enum kind kind, const char *text)
{
    char pattern[256];

    switch (kind) {
    case YEAR:
        return matches("(?<![0-9.,$£€])(1[0-9]|20)[0-9]{2}(?![0-9$£€]|[.,][0-9])", text);
    case DECIMAL:
        snprintf(pattern, sizeof pattern,
                 "(?<![0-9.,$£€])[0-9]+([.,][0-9]{3})*%s[0-9]+(?![0-9.,]*[$£€])", l->mark);
        return matches(pattern, text);
    case ORDINAL:
        snprintf(pattern, sizeof pattern, "[0-9](%s)", l->ordinal);
        return matches(pattern, text);
    case MONEY:
        return matches("[$£€][0-9]|[0-9][$£€]", text);
    case ABBREVIATION:
        if (l->abbreviation == NULL)
            return matches("\\b[\\p{L}\\p{M}]{1,6}\\. \\p{L}", text);
        snprintf(pattern, sizeof pattern, "\\b(%s)%s", l->abbreviation,
                 strcmp(l->code, "ru") == 0 ? "\\b" : "\\.");
        return matches(pattern, text);
    default:
        return has_two_scripts(text);
    }
}

/* The whole table, to be freed. */
static char *slurp(const char *language)
{
    char path[4096], *data;
    FILE *file;
    long size;

    snprintf(path, sizeof path, "%s/xtts/text/%s.tsv", TEST_DATA, language);
    file = fopen(path, "rb");
    if (!file)
        fail_msg("%s: no table", path);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    data = malloc((size_t)size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)size, file), size);
    data[size] = '\0';
    fclose(file);
    return data;
}

/* Calls `with` for each line: a text, a tab, what the model is given. */
static size_t each_line(const struct language *l,
                        void (*with)(const struct language *, const char *text,
                                     const char *wanted, void *arg),
                        void *arg)
{
    char *data = slurp(l->code), *line, *next;
    size_t n = 0;

    for (line = data; *line; line = next, n++) {
        char *tab = strchr(line, '\t'), *end = strchr(line, '\n');

        assert_non_null(tab);
        assert_non_null(end);
        *tab = *end = '\0';
        next = end + 1;
        with(l, line, tab + 1, arg);
    }
    free(data);
    return n;
}

static void compare(const struct language *l, const char *text, const char *wanted,
                    void *arg)
{
    struct vanta_error err = {0};
    char *cleaned = NULL;

    (void)arg;
    if (vanta_xtts_text_clean(l->code, text, strlen(text), &cleaned, &err) != VANTA_OK)
        fail_msg("%s: %s: %s", l->code, text, err.message);
    if (strcmp(cleaned, wanted) != 0)
        fail_msg("%s: \"%s\"\n  gives  \"%s\"\n  not    \"%s\"", l->code, text, cleaned,
                 wanted);
    free(cleaned);
}

static void tables_of_all_languages_hold(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof languages / sizeof languages[0]; i++) {
        assert_true(vanta_xtts_language_known(languages[i].code));
        each_line(&languages[i], compare, NULL);
    }
}

static void count(const struct language *l, const char *text, const char *wanted, void *arg)
{
    unsigned *of_kind = arg;
    enum kind kind;

    (void)wanted;
    for (kind = 0; kind < KINDS; kind++)
        of_kind[kind] += is_of_kind(l, kind, text);
}

static void tables_have_every_kind_of_text(void **state)
{
    unsigned missing = 0;
    size_t i, n;

    (void)state;
    for (i = 0; i < sizeof languages / sizeof languages[0]; i++) {
        unsigned of_kind[KINDS] = {0};
        enum kind kind;

        n = each_line(&languages[i], count, of_kind);
        print_message("%s: %zu lines;", languages[i].code, n);
        for (kind = 0; kind < KINDS; kind++) {
            print_message(" %s %u", kind_names[kind], of_kind[kind]);
            missing += of_kind[kind] < KIND_LEAST;
        }
        print_message("\n");
        missing += n < LINES_LEAST;
    }
    if (missing > 0)
        fail_msg("a table has less than %d lines, or less than %d of a kind", LINES_LEAST,
                 KIND_LEAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_all_languages_hold),
        cmocka_unit_test(tables_have_every_kind_of_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
