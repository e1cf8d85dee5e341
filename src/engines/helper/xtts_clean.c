#include <stdlib.h>
#include <string.h>

#include <unicode/uchar.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include "base/error.h"
#include "base/text.h"
#include "engines/helper/xtts_clean.h"

#define CLEANED_MAX ((size_t)4 * 1024 * 1024) /* bytes of one piece */

static enum vanta_status icu_failed(UErrorCode code, struct vanta_error *err)
{
    return code == U_MEMORY_ALLOCATION_ERROR
               ? vanta_fail_memory(err)
               : vanta_fail(err, VANTA_ERR_INTERNAL, "reading text: %s",
                            u_errorName(code));
}

/* --- open --- */

static enum vanta_status compile(const char *pattern, URegularExpression **out,
                                 struct vanta_error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    UText text = UTEXT_INITIALIZER;

    utext_openUTF8(&text, pattern, -1, &code);
    *out = uregex_openUText(&text, 0, NULL, &code);
    utext_close(&text);
    if (U_SUCCESS(code))
        return VANTA_OK;
    *out = NULL;
    return icu_failed(code, err);
}

static enum vanta_status compile_abbreviations(struct xtts_cleaner *c,
                                               struct vanta_error *err)
{
    const struct xtts_pair *pair = c->language->abbreviations;
    enum vanta_status status = VANTA_OK;
    size_t n = 0, i;
    char pattern[64];

    while (pair[n].from)
        n++;
    c->abbreviations = calloc(n + 1, sizeof(URegularExpression *));
    if (!c->abbreviations)
        return vanta_fail_memory(err);
    for (i = 0; i < n && status == VANTA_OK; i++) {
        vanta_format(pattern, sizeof pattern, "\\b%s%s", pair[i].from,
                     c->language->abbreviation_dot ? "\\." : "\\b");
        status = compile(pattern, &c->abbreviations[i], err);
    }
    return status;
}

static enum vanta_status compile_numbers(struct xtts_cleaner *c, struct vanta_error *err)
{
    static const char amount[] = "(?:%s[0-9.,]*[0-9]+)|(?:[0-9.,]*[0-9]+%s)";
    static const char *const signs[] = {"£", "\\$", "€"};
    char pattern[160];
    enum vanta_status status = compile(c->language->comma_groups
                                           ? "\\b\\d{1,3}(,\\d{3})*(\\.\\d+)?\\b"
                                           : "\\b\\d{1,3}(.\\d{3})*(,\\d+)?\\b",
                                       &c->patterns[XTTS_GROUPS], err);
    int i;

    for (i = 0; i < XTTS_CURRENCIES && status == VANTA_OK; i++) {
        vanta_format(pattern, sizeof pattern, amount, signs[i], signs[i]);
        status = compile(pattern, &c->patterns[XTTS_POUNDS + i], err);
    }
    if (status == VANTA_OK)
        status = compile("[0-9]+[.,][0-9]+", &c->patterns[XTTS_DECIMAL], err);
    vanta_format(pattern, sizeof pattern, "([0-9]+)%s", c->language->ordinal);
    if (status == VANTA_OK)
        status = compile(pattern, &c->patterns[XTTS_ORDINAL], err);
    if (status == VANTA_OK)
        status = compile("[0-9]+", &c->patterns[XTTS_NUMBER], err);
    return status;
}

enum vanta_status xtts_cleaner_open(struct xtts_cleaner *c,
                                    const struct xtts_language *language,
                                    struct vanta_error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    enum vanta_status status = VANTA_OK;

    memset(c, 0, sizeof *c);
    c->language = language;
    c->casemap = ucasemap_open("", 0, &code);
    if (U_FAILURE(code))
        status = icu_failed(code, err);
    if (status == VANTA_OK && language->ordinal) {
        status = xtts_speller_open(&c->speller, language, err);
        if (status == VANTA_OK)
            status = compile_numbers(c, err);
        if (status == VANTA_OK)
            status = compile_abbreviations(c, err);
    }
    if (status != VANTA_OK)
        xtts_cleaner_close(c);
    return status;
}

void xtts_cleaner_close(struct xtts_cleaner *c)
{
    size_t i;

    for (i = 0; i < XTTS_PATTERNS; i++)
        uregex_close(c->patterns[i]);
    for (i = 0; c->abbreviations && c->abbreviations[i]; i++)
        uregex_close(c->abbreviations[i]);
    free(c->abbreviations);
    ucasemap_close(c->casemap);
    xtts_speller_close(&c->speller);
    memset(c, 0, sizeof *c);
}

/* --- replacing what a pattern finds --- */

struct match {
    struct xtts_cleaner *c;
    enum xtts_currency currency;
    const char *text; /* what was found */
    size_t len;
    size_t group; /* bytes of the first group, which the text begins with */
    const char *words; /* an abbreviation's */
};

typedef enum vanta_status replacement(const struct match *m, struct vanta_buf *out,
                                      struct vanta_error *err);

static enum vanta_status replace_in(struct match *m, URegularExpression *pattern,
                                    replacement *with, UText *text,
                                    struct vanta_buf *from, struct vanta_buf *out,
                                    struct vanta_error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    enum vanta_status status = VANTA_OK;
    size_t done = 0;

    uregex_setUText(pattern, text, &code);
    while (status == VANTA_OK && uregex_findNext(pattern, &code) && U_SUCCESS(code)) {
        size_t start = (size_t)uregex_start64(pattern, 0, &code);
        size_t end = (size_t)uregex_end64(pattern, 0, &code);

        m->text = from->data + start;
        m->len = end - start;
        m->group = uregex_groupCount(pattern, &code) > 0
                       ? (size_t)(uregex_end64(pattern, 1, &code) -
                                  uregex_start64(pattern, 1, &code))
                       : 0;
        if (U_FAILURE(code))
            break;
        if (!vanta_buf_append(out, from->data + done, start - done))
            return vanta_fail_memory(err);
        status = with(m, out, err);
        done = end;
    }
    if (U_FAILURE(code))
        return icu_failed(code, err);
    if (status == VANTA_OK && !vanta_buf_puts(out, from->data + done))
        status = vanta_fail_memory(err);
    return status;
}

static enum vanta_status replace(struct match *m, URegularExpression *pattern,
                                 replacement *with, struct vanta_buf *text,
                                 struct vanta_error *err)
{
    struct vanta_buf out = VANTA_BUF(CLEANED_MAX);
    UErrorCode code = U_ZERO_ERROR;
    UText over = UTEXT_INITIALIZER;
    enum vanta_status status;

    utext_openUTF8(&over, text->data, (int64_t)text->len, &code);
    status = U_FAILURE(code) ? icu_failed(code, err)
                             : replace_in(m, pattern, with, &over, text, &out, err);
    utext_close(&over);
    if (status != VANTA_OK) {
        vanta_buf_free(&out);
        return status;
    }
    vanta_buf_free(text);
    *text = out;
    return VANTA_OK;
}

/* --- what becomes of each --- */

static enum vanta_status ungroup(const struct match *m, struct vanta_buf *out,
                                 struct vanta_error *err)
{
    char separator = m->c->language->comma_groups ? ',' : '.';
    size_t i;

    for (i = 0; i < m->len; i++)
        if (m->text[i] != separator && !vanta_buf_append(out, m->text + i, 1))
            return vanta_fail_memory(err);
    return VANTA_OK;
}

/* "$1.234", "5,50€" or "$.50": at most one point or comma parts whole and cents. */
static enum vanta_status money(const struct match *m, struct vanta_buf *out,
                               struct vanta_error *err)
{
    const char *at = m->text, *end = m->text + m->len, *point = NULL;
    enum vanta_status status = VANTA_OK;
    bool said = true;

    while (at < end && !(*at >= '0' && *at <= '9') && *at != '.' && *at != ',')
        at++;
    while (end > at && !(end[-1] >= '0' && end[-1] <= '9'))
        end--;
    for (const char *p = at; p < end; p++) {
        if (*p != '.' && *p != ',')
            continue;
        said = said && !point;
        point = p;
    }
    if (said && !point)
        point = end;
    if (said)
        status = xtts_say_money(&m->c->speller, m->currency, at, (size_t)(point - at),
                                point < end ? point + 1 : point,
                                point < end ? (size_t)(end - point - 1) : 0, out, &said,
                                err);
    if (status == VANTA_OK && !said && !vanta_buf_append(out, m->text, m->len))
        status = vanta_fail_memory(err);
    return status;
}

static enum vanta_status decimal(const struct match *m, struct vanta_buf *out,
                                 struct vanta_error *err)
{
    size_t whole = 0;

    while (m->text[whole] >= '0' && m->text[whole] <= '9')
        whole++;
    return xtts_say_decimal(&m->c->speller, m->text, whole, m->text + whole + 1,
                            m->len - whole - 1, out, err);
}

static enum vanta_status ordinal(const struct match *m, struct vanta_buf *out,
                                 struct vanta_error *err)
{
    return xtts_say_number(&m->c->speller, m->text, m->group, true, out, err);
}

static enum vanta_status number(const struct match *m, struct vanta_buf *out,
                                struct vanta_error *err)
{
    return xtts_say_number(&m->c->speller, m->text, m->len, false, out, err);
}

static enum vanta_status abbreviation(const struct match *m, struct vanta_buf *out,
                                      struct vanta_error *err)
{
    return vanta_buf_puts(out, m->words) ? VANTA_OK : vanta_fail_memory(err);
}

/* --- the steps --- */

/* Lower case as Unicode has it in no language, which is what the model was given. */
static enum vanta_status lower(struct xtts_cleaner *c, struct vanta_buf *text,
                               struct vanta_error *err)
{
    struct vanta_buf out = VANTA_BUF(CLEANED_MAX);
    UErrorCode code = U_ZERO_ERROR;
    size_t room = text->len * 3 + 1;
    int32_t len;

    if (!vanta_buf_reserve(&out, room))
        return vanta_fail_memory(err);
    len = ucasemap_utf8ToLower(c->casemap, out.data, (int32_t)room, text->data,
                               (int32_t)text->len, &code);
    if (U_FAILURE(code)) {
        vanta_buf_free(&out);
        return icu_failed(code, err);
    }
    out.len = (size_t)len;
    out.data[out.len] = '\0';
    vanta_buf_free(text);
    *text = out;
    return VANTA_OK;
}

/* Digits of any script to ASCII, or white space to single spaces without ends. */
static enum vanta_status rewrite(struct vanta_buf *text, bool digits,
                                 struct vanta_error *err)
{
    const uint8_t *bytes = (const uint8_t *)text->data;
    int32_t at = 0, to = 0, from, end = (int32_t)text->len;
    UChar32 ch;

    (void)err;
    while (at < end) {
        from = at;
        U8_NEXT(bytes, at, end, ch);
        if (digits && ch > 0x7f && u_charType(ch) == U_DECIMAL_DIGIT_NUMBER) {
            text->data[to++] = (char)('0' + u_charDigitValue(ch));
        } else if (!digits && u_isUWhiteSpace(ch)) {
            if (to > 0 && text->data[to - 1] != ' ')
                text->data[to++] = ' ';
        } else {
            memmove(text->data + to, text->data + from, (size_t)(at - from));
            to += at - from;
        }
    }
    if (!digits && to > 0 && text->data[to - 1] == ' ')
        to--;
    text->len = (size_t)to;
    if (text->data)
        text->data[to] = '\0';
    return VANTA_OK;
}

static enum vanta_status numbers(struct xtts_cleaner *c, struct vanta_buf *text,
                                 struct vanta_error *err)
{
    struct match m = {.c = c};
    enum vanta_status status;
    int i;

    if (!strpbrk(text->data, "0123456789"))
        return VANTA_OK;
    status = replace(&m, c->patterns[XTTS_GROUPS], ungroup, text, err);
    for (i = 0; i < XTTS_CURRENCIES && status == VANTA_OK; i++) {
        m.currency = (enum xtts_currency)i;
        status = replace(&m, c->patterns[XTTS_POUNDS + i], money, text, err);
    }
    if (status == VANTA_OK && c->language->decimals != XTTS_DECIMALS_NONE)
        status = replace(&m, c->patterns[XTTS_DECIMAL], decimal, text, err);
    if (status == VANTA_OK)
        status = replace(&m, c->patterns[XTTS_ORDINAL], ordinal, text, err);
    if (status == VANTA_OK)
        status = replace(&m, c->patterns[XTTS_NUMBER], number, text, err);
    return status;
}

static enum vanta_status words(struct xtts_cleaner *c, struct vanta_buf *text,
                               struct vanta_error *err)
{
    static const char *const signs[XTTS_SYMBOLS] = {"&", "@", "%", "#", "$", "£", "°"};
    struct match m = {.c = c};
    enum vanta_status status = VANTA_OK;
    char word[64];
    size_t i;

    for (i = 0; c->abbreviations[i] && status == VANTA_OK; i++) {
        m.words = c->language->abbreviations[i].to;
        status = replace(&m, c->abbreviations[i], abbreviation, text, err);
    }
    for (i = 0; i < XTTS_SYMBOLS && status == VANTA_OK; i++) {
        vanta_format(word, sizeof word, " %s ", c->language->symbols[i]);
        status = xtts_replace(text, signs[i], word, err);
    }
    return status;
}

enum vanta_status xtts_clean_plain(struct xtts_cleaner *c, const char *text, size_t len,
                                   struct vanta_buf *out, struct vanta_error *err)
{
    enum vanta_status status;

    vanta_buf_free(out);
    *out = VANTA_BUF(CLEANED_MAX);
    if (!vanta_buf_append(out, text, len))
        return vanta_fail_memory(err);
    status = lower(c, out, err);
    return status == VANTA_OK ? rewrite(out, false, err) : status;
}

enum vanta_status xtts_clean(struct xtts_cleaner *c, const char *text, size_t len,
                             struct vanta_buf *out, struct vanta_error *err)
{
    enum vanta_status status;

    vanta_buf_free(out);
    *out = VANTA_BUF(CLEANED_MAX);
    if (!vanta_buf_append(out, text, len))
        return vanta_fail_memory(err);
    status = xtts_replace(out, "\"", "", err);
    /* It would become i with a dot above it, which no other i of the language has. */
    if (status == VANTA_OK && strcmp(c->language->code, "tr") == 0)
        status = xtts_replace(out, "İ", "i", err);
    if (status == VANTA_OK)
        status = lower(c, out, err);
    if (status == VANTA_OK)
        status = rewrite(out, true, err);
    if (status == VANTA_OK)
        status = numbers(c, out, err);
    if (status == VANTA_OK)
        status = words(c, out, err);
    return status == VANTA_OK ? rewrite(out, false, err) : status;
}
