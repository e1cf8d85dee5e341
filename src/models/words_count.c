#include "models/words.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Where the reading of a number stands: the words from next on are not used yet. */
struct reading {
    const struct vanta_words *words;
    size_t first, next;
    uint32_t value;
    bool ordinal; /* the last word was: nothing can follow */
};

static const char *const cardinals[] = {
    "zero",    "one",     "two",       "three",    "four",     "five",    "six",
    "seven",   "eight",   "nine",      "ten",      "eleven",   "twelve",  "thirteen",
    "fourteen", "fifteen", "sixteen",  "seventeen", "eighteen", "nineteen"};
static const char *const ordinals[] = {
    "",          "first",     "second",      "third",      "fourth",
    "fifth",     "sixth",     "seventh",     "eighth",     "ninth",
    "tenth",     "eleventh",  "twelfth",     "thirteenth", "fourteenth",
    "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"};
static const char *const tens[] = {"twenty", "thirty",  "forty",  "fifty",
                                   "sixty",  "seventy", "eighty", "ninety"};
static const char *const tenths[] = {"twentieth", "thirtieth",  "fortieth",  "fiftieth",
                                     "sixtieth",  "seventieth", "eightieth", "ninetieth"};

static bool look_up(const char *word, const char *const *table, size_t n, uint32_t *index)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (strcmp(word, table[i]) == 0) {
            *index = (uint32_t)i;
            return true;
        }
    }
    return false;
}

/* The word that may go on the number, NULL when there is none: punctuation ends it. */
static const char *next_word(const struct reading *r)
{
    if (r->next >= r->words->n || r->ordinal)
        return NULL;
    if (r->next > r->first && r->words->list[r->next].apart)
        return NULL;
    return vanta_words_at(r->words, r->next);
}

static bool take(struct reading *r, const char *word)
{
    const char *next = next_word(r);

    if (!next || strcmp(next, word) != 0)
        return false;
    r->next++;
    return true;
}

/* 1 to 9 behind a word for tens. */
static bool take_unit(struct reading *r, uint32_t *value)
{
    const char *word = next_word(r);
    uint32_t i;

    if (!word)
        return false;
    if (look_up(word, cardinals, 10, &i) && i > 0) {
        *value = i;
    } else if (look_up(word, ordinals, 10, &i) && i > 0) {
        *value = i;
        r->ordinal = true;
    } else {
        return false;
    }
    r->next++;
    return true;
}

/* 0 to 99 in words. */
static bool take_small(struct reading *r, uint32_t *value)
{
    const char *word = next_word(r);
    uint32_t i, unit = 0;

    if (!word)
        return false;
    if (look_up(word, cardinals, 20, &i)) {
        *value = i;
    } else if (look_up(word, ordinals, 20, &i) && i > 0) {
        *value = i;
        r->ordinal = true;
    } else if (look_up(word, tens, 8, &i)) {
        r->next++;
        if (take_unit(r, &unit))
            *value = 10 * (i + 2) + unit;
        else
            *value = 10 * (i + 2);
        return true;
    } else if (look_up(word, tenths, 8, &i)) {
        *value = 10 * (i + 2);
        r->ordinal = true;
    } else {
        return false;
    }
    r->next++;
    return true;
}

/* Digits of at most most, but only where a scale follows that makes them part of a
 * number in words. */
static bool take_scaled_digits(struct reading *r, uint32_t most, uint32_t *value)
{
    const char *word = next_word(r), *scale;
    size_t len = word ? strlen(word) : 0;

    if (!len || len > 6 || strspn(word, "0123456789") != len ||
        r->next + 1 >= r->words->n || r->words->list[r->next + 1].apart)
        return false;
    scale = vanta_words_at(r->words, r->next + 1);
    if (strcmp(scale, "hundred") != 0 && strcmp(scale, "thousand") != 0)
        return false;
    *value = (uint32_t)strtoul(word, NULL, 10);
    if (*value > most)
        return false;
    r->next++;
    return true;
}

static bool take_scale(struct reading *r, const char *scale, const char *ordinal)
{
    if (take(r, scale))
        return true;
    if (!take(r, ordinal))
        return false;
    r->ordinal = true;
    return true;
}

/* Adds what comes behind "hundred" or "thousand", of at most most: "and five", "five". An
 * "and" that no such number follows is left. */
static void take_rest(struct reading *r, bool (*part)(struct reading *, uint32_t *),
                      uint32_t most, uint32_t *value)
{
    bool ordinal = r->ordinal;
    size_t before = r->next;
    uint32_t rest;

    take(r, "and");
    if (part(r, &rest) && rest > 0 && rest <= most) {
        *value += rest;
        return;
    }
    r->next = before;
    r->ordinal = ordinal;
}

/* Up to 9,999, as in "twenty-five hundred". */
static bool take_hundreds(struct reading *r, uint32_t *value)
{
    size_t before = r->next;
    bool counted = take_small(r, value) || take_scaled_digits(r, 999, value);

    if (!counted) {
        *value = 1; /* "a hundred", "hundred" */
        take(r, "a");
    }
    if (*value > 0 && *value < 100 && take_scale(r, "hundred", "hundredth")) {
        *value *= 100;
        take_rest(r, take_small, 99, value);
        return true;
    }
    if (!counted)
        r->next = before;
    return counted;
}

static bool take_number(struct reading *r)
{
    size_t before = r->next;
    bool counted = take_hundreds(r, &r->value);

    if (!counted) {
        r->value = 1;
        take(r, "a");
    }
    if (r->value > 0 && r->value < 1000 && take_scale(r, "thousand", "thousandth")) {
        r->value *= 1000;
        take_rest(r, take_hundreds, 999, &r->value);
        return true;
    }
    if (!counted)
        r->next = before;
    return counted;
}

/* "nineteen eighty-four", "seven thirty", "nine oh five": behind 1 to 99 alone. */
static void take_pair(struct reading *r)
{
    size_t before = r->next;
    uint32_t second = 0;

    if (r->ordinal || r->value < 1 || r->value > 99)
        return;
    if (take(r, "oh") ? take_unit(r, &second)
                      : take_small(r, &second) && second >= 10) {
        if (!r->ordinal) {
            r->value = r->value * 100 + second;
            return;
        }
    }
    r->next = before;
    r->ordinal = false;
}

static const char *ordinal_ending(uint32_t value)
{
    uint32_t last = value % 10;

    if (value / 10 % 10 == 1 || last == 0 || last > 3)
        return "th";
    return last == 1 ? "st" : last == 2 ? "nd" : "rd";
}

/* "point five", "point 25": the digits behind the point, "" when there are none. */
static void take_decimals(struct reading *r, char *out, size_t size)
{
    size_t before = r->next, used = 0;
    const char *word;
    uint32_t i;

    out[0] = '\0';
    if (!take(r, "point"))
        return;
    while (used + 1 < size && (word = next_word(r)) &&
           look_up(word, cardinals, 10, &i)) {
        out[used++] = (char)('0' + i);
        r->next++;
    }
    out[used] = '\0';
    if (!used)
        r->next = before;
}

static enum vanta_status add_number(struct reading *r, struct vanta_words *out,
                                    struct vanta_error *err)
{
    char text[32], decimals[16] = "";
    bool apart = r->words->list[r->first].apart;

    take_pair(r);
    if (!r->ordinal)
        take_decimals(r, decimals, sizeof decimals);
    snprintf(text, sizeof text, "%u%s%s%s", r->value, decimals[0] ? "." : "", decimals,
             r->ordinal ? ordinal_ending(r->value) : "");
    r->ordinal = false;
    take(r, "oclock");
    return vanta_words_add(out, text, strlen(text), apart, err);
}

enum vanta_status vanta_words_count(const struct vanta_words *in, struct vanta_words *out,
                                    struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i = 0;

    while (status == VANTA_OK && i < in->n) {
        struct reading r = {.words = in, .first = i, .next = i};
        const char *word = vanta_words_at(in, i);

        if (take_number(&r) && r.next > i) {
            status = add_number(&r, out, err);
            i = r.next;
            continue;
        }
        status = vanta_words_add(out, word, strlen(word), in->list[i].apart, err);
        i++;
        if (strspn(word, "0123456789") == strlen(word) && i < in->n &&
            strcmp(vanta_words_at(in, i), "oclock") == 0)
            i++;
    }
    return status;
}
