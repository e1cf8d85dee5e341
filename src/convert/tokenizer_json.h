/*
 * tokenizer_json.h - the vocabulary of a byte-level BPE tokenizer, as bytes.
 *
 * Reads tokenizer.json (Hugging Face tokenizers: model.vocab, an object of token to id)
 * and vocabulary.json (CTranslate2: an array of tokens in the order of their ids). Tokens
 * are written there in GPT-2's alphabet of one character a byte (openai/gpt-2,
 * src/encoder.py, bytes_to_unicode), and are mapped back to the bytes. Not responsible
 * for merges, special tokens or tokenizing.
 *
 *     vanta_vocabulary_read(text, len, "tokenizer.json", 50257, &vocabulary, err);
 *     bytes = vanta_vocabulary_token(&vocabulary, id, &n);
 *     vanta_vocabulary_free(&vocabulary);
 *
 * Statuses: VANTA_ERR_FORMAT, LIMIT, NO_MEMORY. Memory: the tokens' bytes.
 */
#ifndef VANTA_CONVERT_TOKENIZER_JSON_H
#define VANTA_CONVERT_TOKENIZER_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "vanta_error.h"

#define VANTA_TOKENIZER_BYTES_MAX ((size_t)16 * 1024 * 1024) /* of the file */
#define VANTA_TOKENS_MAX ((size_t)1 << 20)
#define VANTA_TOKEN_BYTES_MAX 4096

struct vanta_token {
    uint32_t offset, len;
};

struct vanta_vocabulary {
    struct vanta_token *tokens; /* by id */
    size_t n;
    struct vanta_buf bytes;
};

/* Reads the tokens 0 to n - 1; each has to be there once, others are passed over. *out is
 * zeroed on failure. */
enum vanta_status vanta_vocabulary_read(const void *text, size_t len, const char *name,
                                        size_t n, struct vanta_vocabulary *out,
                                        struct vanta_error *err);
const void *vanta_vocabulary_token(const struct vanta_vocabulary *vocabulary, size_t id,
                                   size_t *len);
void vanta_vocabulary_free(struct vanta_vocabulary *vocabulary);

#endif
