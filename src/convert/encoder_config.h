/*
 * encoder_config.h - what a sentence encoder's configuration files say.
 *
 * Reads config.json and, where they are there, modules.json, the pooling's config.json and
 * sentence_bert_config.json (transformers and sentence-transformers write them). Not
 * responsible for the tokenizer and the weights.
 *
 *     status = vanta_encoder_config_read(dir, &config, err);
 *
 * What the GGUF could not say is refused: another architecture or activation than gelu,
 * relative positions in BERT, dense modules, pooling other than the mean or the first
 * token. Nothing is allocated. Statuses: VANTA_ERR_FORMAT, UNSUPPORTED, LIMIT, NOT_FOUND,
 * IO, NO_MEMORY.
 */
#ifndef VANTA_CONVERT_ENCODER_CONFIG_H
#define VANTA_CONVERT_ENCODER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

#define VANTA_ENCODER_CONFIG_BYTES_MAX ((size_t)1 << 20) /* of one file */

enum vanta_encoder_pooling { VANTA_ENCODER_POOLING_MEAN = 1, VANTA_ENCODER_POOLING_FIRST };

struct vanta_encoder_config {
    bool mpnet; /* else bert */
    uint32_t blocks, width, inner, heads, vocabulary;
    uint32_t positions;   /* rows of the table */
    uint32_t context;     /* tokens that there are positions for */
    uint32_t token_types; /* bert */
    uint32_t buckets;     /* mpnet: of relative positions */
    uint32_t max_tokens;  /* of a text; at most context */
    float epsilon;        /* of the norms */
    enum vanta_encoder_pooling pooling;
    bool normalize;
    bool lowercase_first; /* sentence-transformers' own do_lower_case */
};

/* *out is zeroed on failure. */
enum vanta_status vanta_encoder_config_read(const char *dir,
                                            struct vanta_encoder_config *out,
                                            struct vanta_error *err);

#endif
