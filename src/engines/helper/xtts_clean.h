/*
 * xtts_clean.h - a piece of text as XTTS was trained on it: lower case, in words.
 *
 *     struct xtts_cleaner c = {0};
 *     xtts_cleaner_open(&c, language, err);     // patterns and number rules, once
 *     xtts_clean(&c, text, len, &out, err);     // any number of pieces
 *     xtts_cleaner_close(&c);
 *
 * In this order (the reference's): quotation marks are dropped, lower case, digits of all
 * scripts become 0 to 9 (the reference leaves them, and its model cannot say them),
 * separators of thousands go, then amounts of money, decimals, ordinals and numbers become
 * words, then abbreviations and symbols; white space becomes single spaces.
 * Text is valid UTF-8. out is replaced. Statuses as xtts_numbers.h. One thread at a time.
 * Cost: the patterns look back no further than the piece is long: keep it short.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_CLEAN_H
#define VANTA_ENGINES_HELPER_XTTS_CLEAN_H

#include <unicode/ucasemap.h>
#include <unicode/uregex.h>

#include "engines/helper/xtts_numbers.h"

enum xtts_pattern {
    XTTS_GROUPS, XTTS_POUNDS, XTTS_DOLLARS, XTTS_EUROS, XTTS_DECIMAL, XTTS_ORDINAL,
    XTTS_NUMBER, XTTS_PATTERNS
};

struct xtts_cleaner {
    const struct xtts_language *language;
    struct xtts_speller speller;
    URegularExpression *patterns[XTTS_PATTERNS];
    URegularExpression **abbreviations; /* as language->abbreviations */
    UCaseMap *casemap;
};

enum vanta_status xtts_cleaner_open(struct xtts_cleaner *c,
                                    const struct xtts_language *language,
                                    struct vanta_error *err);
void xtts_cleaner_close(struct xtts_cleaner *c); /* zeroed: fine */

enum vanta_status xtts_clean(struct xtts_cleaner *c, const char *text, size_t len,
                             struct vanta_buf *out, struct vanta_error *err);
/* Lower case and single spaces alone, as for text that is romanized. */
enum vanta_status xtts_clean_plain(struct xtts_cleaner *c, const char *text, size_t len,
                                   struct vanta_buf *out, struct vanta_error *err);

#endif
