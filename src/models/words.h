/*
 * words.h - a text's words, for comparing transcripts (models/word_error_rate.h, which
 * has the rules).
 *
 * The steps, in this order, each from one list into another:
 * vanta_words_split (characters to words), vanta_words_open (contractions, short forms,
 * hesitations), vanta_words_count (numbers in words to digits).
 * A zeroed struct is an empty list. Statuses: VANTA_ERR_LIMIT, VANTA_ERR_NO_MEMORY; after
 * a failure the list can only be freed.
 */
#ifndef VANTA_MODELS_WORDS_H
#define VANTA_MODELS_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "vanta_error.h"

struct vanta_word {
    size_t at;  /* of its text in the list's letters, which ends with a NUL */
    bool apart; /* punctuation parts it from the word before */
};

struct vanta_words {
    struct vanta_word *list;
    size_t n, capacity;
    struct vanta_buf letters;
};

const char *vanta_words_at(const struct vanta_words *words, size_t i);
enum vanta_status vanta_words_add(struct vanta_words *words, const char *text, size_t len,
                                  bool apart, struct vanta_error *err);
void vanta_words_free(struct vanta_words *words);

enum vanta_status vanta_words_split(const char *text, struct vanta_words *out,
                                    struct vanta_error *err);
enum vanta_status vanta_words_open(const struct vanta_words *in, struct vanta_words *out,
                                   struct vanta_error *err);
enum vanta_status vanta_words_count(const struct vanta_words *in, struct vanta_words *out,
                                    struct vanta_error *err);

/* All of them; out is an empty list. */
enum vanta_status vanta_words_read(const char *text, struct vanta_words *out,
                                   struct vanta_error *err);

#endif
