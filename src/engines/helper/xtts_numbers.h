/*
 * xtts_numbers.h - numbers, decimals, ordinals and amounts of money in words.
 *
 * The words are those of num2words 0.5.14, which the reference asks, except where those
 * are no words of the language or say something else: Italian 118 and the accent of tre at
 * a number's end; German, Turkish and Arabic thousands that end in 1 (101,000); French
 * 80th and 200th, Hungarian 102nd, Czech ordinals (there are none), all ordinals from ten
 * thousand on; Portuguese whole amounts (the reference drops what follows their last "e")
 * and its "e" behind millions; Arabic amounts, which are riyals there whatever they were;
 * Hindi, which num2words lacks and ICU has. Numbers of more than 18 digits are read digit
 * by digit, and a decimal of .0 as its whole number.
 *
 * Digits are ASCII, as they stand in the text, without signs. Every function appends
 * UTF-8 to out. Statuses: NO_MEMORY (or the cap of out), INTERNAL for ICU. One thread at a
 * time a speller. Cost of open: the rules are read, under a few milliseconds.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_NUMBERS_H
#define VANTA_ENGINES_HELPER_XTTS_NUMBERS_H

#include <unicode/unum.h>

#include "base/buf.h"
#include "engines/helper/xtts_language.h"

struct xtts_speller {
    const struct xtts_language *language;
    UNumberFormat *format;
};

enum vanta_status xtts_speller_open(struct xtts_speller *s,
                                    const struct xtts_language *language,
                                    struct vanta_error *err);
void xtts_speller_close(struct xtts_speller *s); /* zeroed: fine */

enum vanta_status xtts_say_number(struct xtts_speller *s, const char *digits, size_t n,
                                  bool ordinal, struct vanta_buf *out,
                                  struct vanta_error *err);
enum vanta_status xtts_say_decimal(struct xtts_speller *s, const char *whole,
                                   size_t n_whole, const char *fraction,
                                   size_t n_fraction, struct vanta_buf *out,
                                   struct vanta_error *err);
/* *said is false, and nothing appended, where the language has no words for it. */
enum vanta_status xtts_say_money(struct xtts_speller *s, enum xtts_currency currency,
                                 const char *whole, size_t n_whole, const char *fraction,
                                 size_t n_fraction, struct vanta_buf *out, bool *said,
                                 struct vanta_error *err);

/* Every from in text becomes to. */
enum vanta_status xtts_replace(struct vanta_buf *text, const char *from, const char *to,
                               struct vanta_error *err);

#endif
