/*
 * wordpiece.h - the tokenizer of BERT and MPNet: text to the ids that the model was
 * trained with.
 *
 * Source: huggingface/tokenizers, normalizers/bert.rs, pre_tokenizers/bert.rs,
 * models/wordpiece; the ids are the same, with any version of ICU (categories of
 * characters are those of Unicode 8.0, as there). Special tokens written in the text ("[SEP]") are
 * taken out first; then characters that are no text go (NUL, U+FFFD, control, format and
 * private use), white space becomes a space, ideographs get spaces around them,
 * accents are stripped (NFD, by ICU, so that Hangul becomes jamo; then marks that take no
 * room go), letters become lower case; words end at spaces, each punctuation mark is one;
 * a word is cut greedily into the longest pieces of the vocabulary, and one of more than
 * VANTA_WORDPIECE_WORD_MAX characters or without such pieces is the unknown token. Not
 * responsible for pairs of texts, padding, or turning ids back into text. Of two tokens
 * with the same text the later one counts.
 *
 *     struct vanta_wordpiece_options options = {.tokens = ..., .n_tokens = 30522, ...};
 *     status = vanta_wordpiece_new(&options, &w, err);
 *     status = vanta_wordpiece_encode(w, text, len, ids, 256, &n, &cut, err);
 *     vanta_wordpiece_free(w);
 *
 * Input is any bytes, NULs included; what is not UTF-8 counts as U+FFFD and is dropped as
 * that is. Output is first, pieces, last, at most room ids in all: pieces that are too
 * many are left off before the last id.
 *
 * Statuses: VANTA_ERR_FORMAT (first, last or unknown are no ids of the vocabulary), LIMIT,
 * USAGE (room below 2), NO_MEMORY; UNSUPPORTED when ICU has no normalizer. Threads: an
 * object does not change after new, any number may encode with it.
 * Cost: new copies the vocabulary into a hash table (a few MB); encode is linear in the
 * text that the ids take (the rest is looked at only for whether something is left), with
 * memory for the longest stretch without ASCII white space.
 */
#ifndef VANTA_ENGINES_HELPER_WORDPIECE_H
#define VANTA_ENGINES_HELPER_WORDPIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

#define VANTA_WORDPIECE_TOKENS_MAX ((size_t)1 << 20)
#define VANTA_WORDPIECE_TOKEN_BYTES_MAX 1024
#define VANTA_WORDPIECE_WORD_MAX 100                      /* characters */
#define VANTA_WORDPIECE_SPECIAL_MAX 1024                  /* special and added tokens */
#define VANTA_WORDPIECE_TEXT_MAX ((size_t)16 * 1024 * 1024) /* bytes of one text */

struct vanta_wordpiece;

enum vanta_wordpiece_form {
    VANTA_WORDPIECE_VOCABULARY, /* vocab.txt: "##x" goes on, "x" begins a word */
    VANTA_WORDPIECE_GGUF        /* tokenizer.ggml.tokens: "x" goes on, U+2581 "x" begins;
                                   special ones as they are */
};

/* As tokenizer.ggml.token_type numbers them; every other number counts as a piece. */
enum vanta_wordpiece_kind {
    VANTA_WORDPIECE_PIECE = 1,
    VANTA_WORDPIECE_SPECIAL = 3, /* found in the text as it is */
    VANTA_WORDPIECE_ADDED = 4,   /* found in the normalized text */
    VANTA_WORDPIECE_UNUSED = 5   /* never found */
};

/* Borrowed until new returns. */
struct vanta_wordpiece_token {
    const char *text; /* UTF-8 */
    size_t len;
    int32_t kind;
};

struct vanta_wordpiece_options {
    const struct vanta_wordpiece_token *tokens; /* by id */
    size_t n_tokens;
    enum vanta_wordpiece_form form;
    bool lowercase;
    bool strip_accents; /* the reference's default is the value of lowercase */
    int32_t first, last, unknown; /* ids: [CLS], [SEP], [UNK] */
};

enum vanta_status vanta_wordpiece_new(const struct vanta_wordpiece_options *options,
                                      struct vanta_wordpiece **out,
                                      struct vanta_error *err);
void vanta_wordpiece_free(struct vanta_wordpiece *w); /* NULL is fine */

/* Writes *n ids, 2 <= *n <= room. *cut: the text had more pieces (may be NULL). */
enum vanta_status vanta_wordpiece_encode(const struct vanta_wordpiece *w,
                                         const char *text, size_t len, int32_t *ids,
                                         size_t room, size_t *n, bool *cut,
                                         struct vanta_error *err);

#endif
