/*
 * xtts_text.h - the text side of XTTS-v2: a text of any length to sentences of token ids.
 *
 * A text is cut into pieces at the ends of sentences, each within its language's limit of
 * characters; a piece is cleaned as the model's training text was (numbers, ordinals,
 * amounts of money, abbreviations and symbols become words), and the cleaned text becomes
 * ids by the model's own vocab.json. Not responsible for the ids of start and stop, which
 * the caller puts around each sentence, nor for pauses between sentences.
 *
 *     struct vanta_xtts_text *t;
 *     vanta_xtts_text_new(json, len, &t, err);       // tokenizer.huggingface.json
 *     struct vanta_xtts_sentences s = {0};
 *     vanta_xtts_text_prepare(t, text, len, &options, &s, err);
 *     ... s.sentences[i].ids ...
 *     vanta_xtts_sentences_free(&s);
 *     vanta_xtts_text_free(t);
 *
 * Languages: ar cs de en es fr hi hu it nl pl pt ru tr. ja, ko and zh need dictionaries
 * that are not here; their texts are taken when they are romanized already and hold no
 * digits (but for the tones of zh, 1 to 5).
 *
 * Sources: coqui-tts 0.27, TTS/tts/layers/xtts/tokenizer.py, for the order of the rules,
 * their patterns and words; numbers are worded as num2words 0.5.14 does (xtts_numbers.h
 * has where not); huggingface/tokenizers, models/bpe and pre_tokenizers/whitespace.
 *
 * Statuses: VANTA_ERR_FORMAT (vocab.json is not one of this kind), LIMIT (a text beyond
 * VANTA_XTTS_TEXT_MAX), USAGE (nothing to say in the text; digits in a romanized text;
 * romanized of another language), UNSUPPORTED (a language, or one that is not romanized),
 * NO_MEMORY; INTERNAL for ICU.
 * After a failure nothing is to be freed. Threads: an object does not change after new.
 * Cost: new reads the file once (a few MB and milliseconds); prepare is linear in the text
 * but for the pieces' own lengths, which are bounded.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_TEXT_H
#define VANTA_ENGINES_HELPER_XTTS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

#define VANTA_XTTS_TEXT_MAX ((size_t)1024 * 1024) /* bytes of one text */
#define VANTA_XTTS_JSON_MAX ((size_t)16 * 1024 * 1024)
#define VANTA_XTTS_TOKENS_MAX 65536      /* of a vocabulary */
#define VANTA_XTTS_MERGES_MAX 1000000
#define VANTA_XTTS_TOKEN_BYTES_MAX 256
#define VANTA_XTTS_UNKNOWN_MAX 8         /* characters that are named */

struct vanta_xtts_text;

enum vanta_status vanta_xtts_text_new(const char *json, size_t len,
                                      struct vanta_xtts_text **out,
                                      struct vanta_error *err);
void vanta_xtts_text_free(struct vanta_xtts_text *t); /* NULL is fine */

struct vanta_xtts_text_options {
    const char *language; /* "en", "pt-BR" (as "pt"), "zh-cn"; in any case */
    bool romanized;       /* the text of ja, ko or zh is in Latin letters */
    size_t max_tokens;    /* a sentence has fewer ids; 0: 402 */
    size_t max_characters; /* of a piece of the text; 0: the language's own */
};

struct vanta_xtts_sentence {
    int32_t *ids;
    size_t n_ids;
    size_t n_characters; /* of the text as it was given */
    char *cleaned;    /* UTF-8, for people and tests */
};

struct vanta_xtts_sentences {
    struct vanta_xtts_sentence *sentences;
    size_t n_sentences;
    /* Characters that the vocabulary lacks, marks of punctuation not counted, which nobody
     * would say; and in UTF-8 the first of them that differ. */
    size_t n_unknown;
    char unknown[VANTA_XTTS_UNKNOWN_MAX * 4 + 1];
};

/* Of *out, which is zeroed or freed: one sentence or more on success. */
enum vanta_status vanta_xtts_text_prepare(const struct vanta_xtts_text *t,
                                          const char *text, size_t len,
                                          const struct vanta_xtts_text_options *options,
                                          struct vanta_xtts_sentences *out,
                                          struct vanta_error *err);
void vanta_xtts_sentences_free(struct vanta_xtts_sentences *speech);

/* Whether there are rules for the language: "en", "zh-cn". */
bool vanta_xtts_language_known(const char *language);

/* The ids of one text as it is, special tokens in it found ("[en]hello[SPACE]world").
 * *ids: free(). The unknown token stands for what the vocabulary does not have. */
enum vanta_status vanta_xtts_text_encode(const struct vanta_xtts_text *t, const char *text,
                                         size_t len, int32_t **ids, size_t *n,
                                         struct vanta_error *err);

/* One piece of text cleaned, of a language that has rules. *out: free(). */
enum vanta_status vanta_xtts_text_clean(const char *language, const char *text, size_t len,
                                        char **out, struct vanta_error *err);

#endif
