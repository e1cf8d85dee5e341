#include <stdlib.h>
#include <string.h>

#include <unicode/ustring.h>

#include "base/error.h"
#include "base/text.h"
#include "engines/helper/xtts_numbers.h"

#define DIGITS_MAX 18   /* what the rules reach */
#define WORDS_MAX 1024  /* UTF-16 units of one number */
#define NUMBER_BYTES_MAX ((size_t)64 * 1024)

static enum vanta_status icu_failed(UErrorCode code, struct vanta_error *err)
{
    return code == U_MEMORY_ALLOCATION_ERROR
               ? vanta_fail_memory(err)
               : vanta_fail(err, VANTA_ERR_INTERNAL, "spelling numbers: %s",
                            u_errorName(code));
}

static enum vanta_status put(struct vanta_buf *out, const char *text,
                             struct vanta_error *err)
{
    return vanta_buf_puts(out, text) ? VANTA_OK : vanta_fail_memory(err);
}

enum vanta_status xtts_speller_open(struct xtts_speller *s,
                                    const struct xtts_language *language,
                                    struct vanta_error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    UChar *rules = NULL;
    int32_t len = 0;

    s->language = language;
    if (!language->rules) {
        s->format = unum_open(UNUM_SPELLOUT, NULL, 0, language->locale, NULL, &code);
    } else {
        size_t room = strlen(language->rules) + 1;

        rules = malloc(room * sizeof *rules);
        if (!rules)
            return vanta_fail_memory(err);
        u_strFromUTF8(rules, (int32_t)room, &len, language->rules, -1, &code);
        if (U_SUCCESS(code))
            s->format = unum_open(UNUM_PATTERN_RULEBASED, rules, len, language->locale,
                                  NULL, &code);
    }
    free(rules);
    if (U_SUCCESS(code))
        return VANTA_OK;
    xtts_speller_close(s);
    return icu_failed(code, err);
}

void xtts_speller_close(struct xtts_speller *s)
{
    if (s->format)
        unum_close(s->format);
    s->format = NULL;
}

enum vanta_status xtts_replace(struct vanta_buf *text, const char *from, const char *to,
                               struct vanta_error *err)
{
    struct vanta_buf out = VANTA_BUF(text->max);
    const char *at = text->data, *found;
    bool ok = true;

    if (!at || !strstr(at, from))
        return VANTA_OK;
    while (ok && (found = strstr(at, from)) != NULL) {
        ok = vanta_buf_append(&out, at, (size_t)(found - at)) && vanta_buf_puts(&out, to);
        at = found + strlen(from);
    }
    if (!ok || !vanta_buf_puts(&out, at)) {
        vanta_buf_free(&out);
        return vanta_fail_memory(err);
    }
    vanta_buf_free(text);
    *text = out;
    return VANTA_OK;
}

/* --- one number by one set of rules --- */

enum form { CARDINAL, FEMININE, ORDINAL };

static const char *rule_set(const struct xtts_language *l, enum form form)
{
    static const char *const ours[] = {"%c", "%f", "%o"};
    static const char *const icu[] = {"%spellout-cardinal", "%spellout-cardinal",
                                      "%spellout-ordinal-masculine"};

    return l->rules ? ours[form] : icu[form];
}

static enum vanta_status say(struct xtts_speller *s, enum form form, int64_t value,
                             struct vanta_buf *out, struct vanta_error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    UChar set[40], words[WORDS_MAX];
    char utf8[WORDS_MAX * 3 + 1];
    const struct xtts_pair *change = s->language->spelling;
    struct vanta_buf number = VANTA_BUF(NUMBER_BYTES_MAX);
    enum vanta_status status;
    int32_t len;

    u_uastrcpy(set, rule_set(s->language, form));
    unum_setTextAttribute(s->format, UNUM_DEFAULT_RULESET, set, -1, &code);
    len = unum_formatInt64(s->format, value, words, WORDS_MAX, NULL, &code);
    u_strToUTF8(utf8, sizeof utf8, NULL, words, len < WORDS_MAX ? len : 0, &code);
    if (U_FAILURE(code))
        return icu_failed(code, err);
    if (!change)
        return put(out, utf8, err);
    status = put(&number, utf8, err);
    for (; change->from && status == VANTA_OK; change++)
        status = xtts_replace(&number, change->from, change->to, err);
    if (status == VANTA_OK)
        status = put(out, number.data, err);
    vanta_buf_free(&number);
    return status;
}

static size_t skip_zeros(const char **digits, size_t n)
{
    for (; n > 1 && **digits == '0'; n--)
        ++*digits;
    return n;
}

static bool value_of(const char *digits, size_t n, int64_t *value)
{
    n = skip_zeros(&digits, n);
    *value = 0;
    if (n > DIGITS_MAX)
        return false;
    for (; n > 0; n--)
        *value = *value * 10 + (*digits++ - '0');
    return true;
}

static enum vanta_status say_digits(struct xtts_speller *s, const char *digits, size_t n,
                                    struct vanta_buf *out, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; i < n && status == VANTA_OK; i++) {
        if (i > 0)
            status = put(out, " ", err);
        if (status == VANTA_OK)
            status = say(s, CARDINAL, digits[i] - '0', out, err);
    }
    return status;
}

/* The cardinal at the end of out, from byte from on, becomes an ordinal. */
static enum vanta_status bend(const struct xtts_pair *ending, struct vanta_buf *out,
                              size_t from, struct vanta_error *err)
{
    for (; ending->from; ending++) {
        const char *word = out->data + from;
        bool whole = ending->from[0] == '^';

        if (whole ? strcmp(word, ending->from + 1) != 0
                  : !vanta_has_suffix(word, ending->from))
            continue;
        out->len -= strlen(ending->from) - whole;
        out->data[out->len] = '\0';
        return put(out, ending->to, err);
    }
    return VANTA_OK;
}

/* German ordinals are adjectives. */
static void lower_ascii(char *at)
{
    for (; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + 32);
}

enum vanta_status xtts_say_number(struct xtts_speller *s, const char *digits, size_t n,
                                  bool ordinal, struct vanta_buf *out,
                                  struct vanta_error *err)
{
    const struct xtts_pair *endings = s->language->ordinal_endings;
    size_t from = out->len;
    enum vanta_status status;
    int64_t value;

    if (!value_of(digits, n, &value))
        return say_digits(s, digits, n, out, err);
    if (!ordinal || endings)
        status = say(s, CARDINAL, value, out, err);
    else
        status = say(s, ORDINAL, value, out, err);
    if (status == VANTA_OK && ordinal && endings) {
        lower_ascii(out->data + from);
        status = bend(endings, out, from, err);
    }
    return status;
}

/* --- decimals --- */

static const char *plural(const struct xtts_language *l, int64_t n,
                          const char *const forms[3])
{
    int64_t ones = n % 10, tens = n / 10 % 10;
    bool few = ones >= 2 && ones <= 4 && tens != 1;

    switch (l->plural) {
    case XTTS_PLURAL_TWO:
        return forms[n != 1];
    case XTTS_PLURAL_WEST:
        return forms[n == 1 ? 0 : few ? 1 : 2];
    case XTTS_PLURAL_EAST:
        return forms[ones == 1 && tens != 1 ? 0 : few ? 1 : 2];
    default:
        return forms[0];
    }
}

#define FRACTIONS 6 /* digits of a fraction that have a name */

static enum vanta_status say_russian(struct xtts_speller *s, int64_t whole,
                                     const char *fraction, size_t n,
                                     struct vanta_buf *out, struct vanta_error *err)
{
    static const char *const wholes[3] = {" целая ", " целых ", " целых "};
    static const char *const stems[FRACTIONS] = {"десят",        "сот",
                                                 "тысячн",       "десятитысячн",
                                                 "стотысячн",    "миллионн"};
    enum vanta_status status = say(s, FEMININE, whole, out, err);
    int64_t parts;

    if (status == VANTA_OK)
        status = put(out, plural(s->language, whole, wholes), err);
    if (status == VANTA_OK && n > FRACTIONS)
        return say_digits(s, fraction, n, out, err);
    value_of(fraction, n, &parts);
    if (status == VANTA_OK)
        status = say(s, FEMININE, parts, out, err);
    if (status == VANTA_OK &&
        !vanta_buf_printf(out, " %s%s", stems[n - 1],
                          parts % 10 == 1 && parts % 100 != 11 ? "ая" : "ых"))
        status = vanta_fail_memory(err);
    return status;
}

static enum vanta_status say_hungarian(struct xtts_speller *s, int64_t whole,
                                       const char *fraction, size_t n,
                                       struct vanta_buf *out, struct vanta_error *err)
{
    static const char *const names[FRACTIONS] = {" tized",    " század",    " ezred",
                                                 " tízezred", " százezred", " milliomod"};
    enum vanta_status status = say(s, CARDINAL, whole, out, err);
    int64_t parts;

    if (status == VANTA_OK)
        status = put(out, " egész ", err);
    if (status == VANTA_OK && n > FRACTIONS)
        return say_digits(s, fraction, n, out, err);
    value_of(fraction, n, &parts);
    if (status == VANTA_OK)
        status = say(s, CARDINAL, parts, out, err);
    return status == VANTA_OK ? put(out, names[n - 1], err) : status;
}

/* What is behind the point, by the language's way; the rest is out already. */
static enum vanta_status say_behind(struct xtts_speller *s, const char *fraction, size_t n,
                                    struct vanta_buf *out, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    int64_t parts;

    if (s->language->decimals == XTTS_DECIMALS_HUNDREDTHS) {
        parts = (fraction[0] - '0') * 10 + (n > 1 ? fraction[1] - '0' : 0);
        return say(s, FEMININE, parts, out, err);
    }
    if (s->language->decimals == XTTS_DECIMALS_NUMBER && n <= DIGITS_MAX) {
        for (; n > 1 && *fraction == '0' && status == VANTA_OK; n--, fraction++) {
            status = say(s, CARDINAL, 0, out, err);
            if (status == VANTA_OK)
                status = put(out, " ", err);
        }
        value_of(fraction, n, &parts);
        return status == VANTA_OK ? say(s, CARDINAL, parts, out, err) : status;
    }
    return say_digits(s, fraction, n, out, err);
}

enum vanta_status xtts_say_decimal(struct xtts_speller *s, const char *whole,
                                   size_t n_whole, const char *fraction,
                                   size_t n_fraction, struct vanta_buf *out,
                                   struct vanta_error *err)
{
    const struct xtts_language *l = s->language;
    enum vanta_status status;
    int64_t value;

    while (n_fraction > 0 && fraction[n_fraction - 1] == '0')
        n_fraction--;
    if (n_fraction == 0)
        return xtts_say_number(s, whole, n_whole, false, out, err);
    if (l->decimals == XTTS_DECIMALS_FRACTION && value_of(whole, n_whole, &value))
        return (l->plural == XTTS_PLURAL_EAST ? say_russian : say_hungarian)(
            s, value, fraction, n_fraction, out, err);
    status = xtts_say_number(s, whole, n_whole, false, out, err);
    if (status == VANTA_OK && !vanta_buf_printf(out, " %s ", l->point ? l->point : ","))
        status = vanta_fail_memory(err);
    return status == VANTA_OK ? say_behind(s, fraction, n_fraction, out, err) : status;
}

/* --- money --- */

static enum vanta_status say_amount(struct xtts_speller *s, int64_t value,
                                    const struct xtts_pair *changes,
                                    const char *const unit[3], struct vanta_buf *out,
                                    struct vanta_error *err)
{
    struct vanta_buf number = VANTA_BUF(NUMBER_BYTES_MAX);
    enum vanta_status status = say(s, CARDINAL, value, &number, err);

    for (; changes && changes->from && status == VANTA_OK; changes++) {
        if (changes->from[0] != '^')
            status = xtts_replace(&number, changes->from, changes->to, err);
        else if (strcmp(number.data, changes->from + 1) == 0)
            status = bend(changes, &number, 0, err);
    }
    if (status == VANTA_OK &&
        !vanta_buf_printf(out, "%s %s", number.data, plural(s->language, value, unit)))
        status = vanta_fail_memory(err);
    vanta_buf_free(&number);
    return status;
}

/* Hundredths, rounded half up; 100 of them are one more of the whole. */
static int64_t cents_of(const char *fraction, size_t n)
{
    int64_t cents = (n > 0 ? fraction[0] - '0' : 0) * 10 + (n > 1 ? fraction[1] - '0' : 0);

    return cents + (n > 2 && fraction[2] >= '5');
}

enum vanta_status xtts_say_money(struct xtts_speller *s, enum xtts_currency currency,
                                 const char *whole, size_t n_whole, const char *fraction,
                                 size_t n_fraction, struct vanta_buf *out, bool *said,
                                 struct vanta_error *err)
{
    const struct xtts_language *l = s->language;
    const struct xtts_money *money = &l->money[currency];
    const struct xtts_pair *pounds = l->amount_pounds ? l->amount_pounds : l->amount;
    enum vanta_status status;
    int64_t value, cents = cents_of(fraction, n_fraction);
    bool parted = false;
    size_t i;

    *said = money->unit[0] && value_of(whole, n_whole, &value) &&
            n_whole < DIGITS_MAX;
    if (!*said)
        return VANTA_OK;
    for (i = 0; i < n_fraction; i++)
        parted |= fraction[i] != '0';
    value += cents / 100;
    status = say_amount(s, value, currency == XTTS_POUND ? pounds : l->amount, money->unit,
                        out, err);
    if (status == VANTA_OK && parted)
        status = put(out, l->between, err);
    if (status == VANTA_OK && parted)
        status = say_amount(s, cents % 100, l->amount, money->cent, out, err);
    return status;
}
