/*
 * xtts_language.h - what is particular to each language of XTTS's text rules: tables, read
 * by xtts_numbers.c and xtts_clean.c. Nothing here is computed but the look-up.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_LANGUAGE_H
#define VANTA_ENGINES_HELPER_XTTS_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>

/* A list ends with a NULL from. */
struct xtts_pair {
    const char *from, *to;
};

/* How what stands behind a decimal point is read. */
enum xtts_decimals {
    XTTS_DECIMALS_DIGITS,   /* one digit after the other: "point five zero" */
    XTTS_DECIMALS_NUMBER,   /* its zeros, then a number: "przecinek zero pięć" */
    XTTS_DECIMALS_FRACTION, /* a number of tenths, hundredths: ru, hu */
    XTTS_DECIMALS_HUNDREDTHS, /* as hundredths, without saying so: ar */
    XTTS_DECIMALS_NONE      /* not at all: both sides are numbers of their own */
};

enum xtts_plural {
    XTTS_PLURAL_NONE,   /* always the first form */
    XTTS_PLURAL_TWO,    /* 1; others */
    XTTS_PLURAL_WEST,   /* 1; 2 to 4, 22 to 24, ...; others: pl, cs */
    XTTS_PLURAL_EAST    /* 1, 21, ...; 2 to 4, 22 to 24, ...; others: ru */
};

enum xtts_currency { XTTS_POUND, XTTS_DOLLAR, XTTS_EURO, XTTS_CURRENCIES };

struct xtts_money { /* no unit: amounts of it are left as they are */
    const char *unit[3], *cent[3];
};

#define XTTS_SYMBOLS 7 /* & @ % # $ £ ° */

struct xtts_language {
    const char *code;  /* "en" */
    const char *token; /* "[en]" */
    size_t characters_max; /* of a text that is spoken in one go */
    const char *rules;     /* of numbers; NULL: those of ICU for this locale */
    const char *locale;    /* for plurals in the rules */
    const struct xtts_pair *spelling; /* replaced in what the rules give */
    bool comma_groups;     /* 1,000.5; else 1.000,5 */
    enum xtts_decimals decimals;
    const char *point;     /* what a decimal point is called */
    const char *ordinal;   /* pattern of what makes a number an ordinal */
    const struct xtts_pair *ordinal_endings; /* of a cardinal; '^': all of it; NULL: %o */
    enum xtts_plural plural;
    const char *between;   /* amount and cents */
    const struct xtts_pair *amount;       /* replaced in the number of an amount */
    const struct xtts_pair *amount_pounds; /* the same of pounds, which may be feminine */
    struct xtts_money money[XTTS_CURRENCIES];
    bool abbreviation_dot; /* an abbreviation ends with a dot, else with the word */
    const struct xtts_pair *abbreviations;
    const char *symbols[XTTS_SYMBOLS];
};

/* "en", "EN-us", "zh": NULL when it has no rules of its own here (ja, ko and zh have a
 * token and a limit only: rules and symbols are NULL, and point is their name). */
const struct xtts_language *xtts_language_find(const char *code);

extern const char xtts_rules_en[], xtts_rules_es[], xtts_rules_fr[], xtts_rules_de[],
    xtts_rules_it[], xtts_rules_pt[], xtts_rules_pl[], xtts_rules_tr[], xtts_rules_ru[],
    xtts_rules_nl[], xtts_rules_cs[], xtts_rules_ar[], xtts_rules_hu[];

#endif
