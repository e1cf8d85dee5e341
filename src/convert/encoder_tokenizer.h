/*
 * encoder_tokenizer.h - the vocabulary and the settings of a WordPiece tokenizer.
 *
 * Reads tokenizer.json (Hugging Face tokenizers), else vocab.txt, and
 * tokenizer_config.json for the special tokens' roles (without it: the names that BERT or
 * MPNet give them). Its truncation and padding are not looked at: they are remains of
 * training. Not responsible for tokenizing.
 *
 *     status = vanta_encoder_tokenizer_read(dir, 30522, false, &t, err);
 *     text = vanta_encoder_token(&t, id, &len);
 *     vanta_encoder_tokenizer_free(&t);
 *
 * Ids from 0 to n - 1; one that has no token is called "[PADn]" and is unused. Refused with
 * VANTA_ERR_UNSUPPORTED: models other than WordPiece with "##", normalizers and word
 * splitters other than BERT's, added tokens that match whole words only. Statuses:
 * VANTA_ERR_FORMAT, LIMIT, NOT_FOUND, IO, NO_MEMORY. Memory: the file and the tokens.
 */
#ifndef VANTA_CONVERT_ENCODER_TOKENIZER_H
#define VANTA_CONVERT_ENCODER_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "vanta_error.h"

/* As GGUF numbers them (tokenizer.ggml.token_type). */
enum vanta_encoder_token_kind {
    VANTA_ENCODER_TOKEN_NORMAL = 1,
    VANTA_ENCODER_TOKEN_SPECIAL = 3, /* found in the text as it is */
    VANTA_ENCODER_TOKEN_ADDED = 4,   /* found in the normalized text */
    VANTA_ENCODER_TOKEN_UNUSED = 5
};

enum vanta_encoder_role {
    VANTA_ENCODER_FIRST, /* bos_token, else cls_token */
    VANTA_ENCODER_LAST,  /* eos_token, else sep_token */
    VANTA_ENCODER_UNKNOWN,
    VANTA_ENCODER_SEPARATOR,
    VANTA_ENCODER_PADDING,
    VANTA_ENCODER_MASK,
    VANTA_ENCODER_ROLES
};

#define VANTA_ENCODER_NO_TOKEN UINT32_MAX

struct vanta_encoder_token_place {
    uint32_t offset, len, kind;
};

struct vanta_encoder_tokenizer {
    struct vanta_encoder_token_place *tokens; /* by id */
    size_t n;
    struct vanta_buf bytes;
    uint32_t roles[VANTA_ENCODER_ROLES]; /* ids, or VANTA_ENCODER_NO_TOKEN */
    bool lowercase;
    bool states_accents; /* strip_accents is stated, not lowercase's value */
    bool strip_accents;
};

/* *out is zeroed on failure. FIRST, LAST and UNKNOWN are there then. */
enum vanta_status vanta_encoder_tokenizer_read(const char *dir, size_t n, bool mpnet,
                                               struct vanta_encoder_tokenizer *out,
                                               struct vanta_error *err);
const char *vanta_encoder_token(const struct vanta_encoder_tokenizer *t, size_t id,
                                size_t *len);
void vanta_encoder_tokenizer_free(struct vanta_encoder_tokenizer *t);

/* tokenizer.json or, txt, vocab.txt alone, for tests: no roles are looked for. */
enum vanta_status vanta_encoder_vocabulary_parse(const void *text, size_t len,
                                                 const char *name, bool txt, size_t n,
                                                 struct vanta_encoder_tokenizer *out,
                                                 struct vanta_error *err);

#endif
