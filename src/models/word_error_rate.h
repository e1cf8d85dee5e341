/*
 * word_error_rate.h - how far a transcript is from the text that was spoken.
 *
 * Word error rate as the field has it: (substituted + deleted + inserted) / words of the
 * reference, by the least number of edits (Levenshtein's distance over words), after both
 * texts are normalized. Not responsible for: other languages' numbers and contractions
 * (their words are compared as they are), spelling variants (colour, color).
 *
 *     struct vanta_word_errors errors;
 *     status = vanta_word_error_rate("Set a timer.", "set the timer", &errors, err);
 *     errors.rate;                                             // 1 of 3: 0.333
 *
 * A reference without words has the rate 0 when nothing was heard, else 1.
 *
 * Normalization (both texts the same way, so its order and choices matter only where the
 * two texts write one thing differently):
 *  1. Text in (...) and [...] goes: notes such as [BLANK_AUDIO].
 *  2. Case is folded for Latin, Greek and Cyrillic letters.
 *  3. Hyphens and dashes part words; all other punctuation does too, but for apostrophes
 *     inside words, the point and the comma inside a number ("1,250" is 1250, "2.5"
 *     stays), the colon of a time ("7:30" is 730, "7:00" is 7), the points of letters
 *     ("a.m." is am). Bytes that are not UTF-8 part words.
 *  4. & % $ and their like become words: and, percent, "5 dollars"; "-5" is minus 5.
 *     Digits part from letters ("3pm" is 3 pm), but for ordinals (2nd) and 1990s.
 *  5. Contractions are opened: n't, 're, 'll, 've, 'm; 'd is would; 's is "is" behind
 *     it, that, what, where, who, how, there, here, he and she, and "us" in let's;
 *     cannot, gonna, wanna, gotta. Any other apostrophe goes ("Ann's" is anns).
 *  6. Titles and short forms: mr, mrs, dr, prof, vs, ok, "per cent".
 *  7. Hesitations go: um, uh, er, hmm, mm, mhm.
 *  8. Numbers in words become digits, up to 999,999: "two hundred and five" is 205,
 *     "twenty-first" 21st, "three point five" 3.5, "5 thousand" 5000; pairs as years and
 *     times have them: "nineteen eighty-four" 1984, "seven thirty" 730, "nine oh five"
 *     905. "hundred" alone is 100; o'clock goes. Punctuation between two number words
 *     keeps them apart, and so are single digits: "one two three" is 1 2 3.
 *
 * Limits: texts of VANTA_WORDS_TEXT_MAX bytes and VANTA_WORDS_MAX words, else
 * VANTA_ERR_LIMIT; VANTA_ERR_NO_MEMORY. On failure *out is as it was. Threads: any.
 * Cost: words of one times words of the other; 0.1 s at the limits.
 */
#ifndef VANTA_MODELS_WORD_ERROR_RATE_H
#define VANTA_MODELS_WORD_ERROR_RATE_H

#include <stdint.h>

#include "base/buf.h"
#include "vanta_error.h"

#define VANTA_WORDS_TEXT_MAX (64 * 1024) /* bytes */
#define VANTA_WORDS_MAX 4096

struct vanta_word_errors {
    uint32_t words; /* of the reference, normalized */
    uint32_t substituted;
    uint32_t deleted;  /* spoken and not heard */
    uint32_t inserted; /* heard and not spoken */
    double rate;
};

enum vanta_status vanta_word_error_rate(const char *reference, const char *heard,
                                        struct vanta_word_errors *out,
                                        struct vanta_error *err);

/* Appends the normalized words of text to out, with one space between. */
enum vanta_status vanta_words_normalize(const char *text, struct vanta_buf *out,
                                        struct vanta_error *err);

#endif
