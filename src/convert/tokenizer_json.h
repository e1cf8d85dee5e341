/*
 * tokenizer_json.h - the vocabulary of a byte-level BPE tokenizer, as bytes.
 *
 * Reads tokenizer.json (Hugging Face tokenizers: model.vocab, an object of string to id)
 * or vocabulary.json (CTranslate2: an array in the order of ids). The strings are in
 * GPT-2's byte-to-unicode alphabet (openai/gpt-2, src/encoder.py, bytes_to_unicode) and
 * are mapped back to the bytes they stand for.
 */
#ifndef VANTA_CONVERT_TOKENIZER_JSON_H
#define VANTA_CONVERT_TOKENIZER_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

#define VANTA_VOCABULARY_BYTES_MAX ((size_t)32 * 1024 * 1024)
#define VANTA_VOCABULARY_TOKENS_MAX ((size_t)1 << 20)

struct vanta_vocabulary {
    uint8_t *bytes;    /* all tokens, one behind the other */
    uint32_t *offsets; /* n + 1 of them: token i is bytes[offsets[i] .. offsets[i + 1]] */
    size_t n;
};

/* The first n tokens (ids 0 to n - 1) of the text, every one of which has to be there
 * once. VANTA_ERR_FORMAT, LIMIT. *out is zeroed on failure. */
enum vanta_status vanta_vocabulary_read(const void *text, size_t len, const char *name,
                                        size_t n, struct vanta_vocabulary *out,
                                        struct vanta_error *err);
void vanta_vocabulary_free(struct vanta_vocabulary *vocabulary);

#endif
