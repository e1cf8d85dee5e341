/*
 * encoder_gguf.h - a sentence encoder's folder to one GGUF file.
 *
 * Reads what sentence-transformers saves: config.json (model_type bert or mpnet),
 * model.safetensors, tokenizer.json (else vocab.txt with tokenizer_config.json), and where
 * they are there modules.json, the pooling's config.json and sentence_bert_config.json.
 * Not responsible for tokenizing, for running the model, or for the file's final name.
 *
 *     struct vanta_encoder_source source = {.name = "all-MiniLM-L6-v2"};
 *     status = vanta_encoder_gguf(dir, temporary, VANTA_ENCODER_WEIGHTS_F16, &source,
 *                                 progress, arg, cancel, &result, err);
 *
 * The bytes of the result follow from the folder's files, the type and *source alone, on
 * every machine: a catalog can state their digest. VANTA_ENCODER_GGUF_VERSION counts
 * changes of these bytes.
 *
 * Keys (GGUF 3, alignment 32, in this order; A is "bert" or "mpnet"). For bert they and
 * the tensors' data are those that llama.cpp's convert_hf_to_gguf.py writes, in the order
 * of the weights in model.safetensors:
 *     general.architecture         A
 *     general.type                 "model"
 *     general.name, general.license, general.source.url    of *source, where given
 *     A.block_count, A.context_length, A.embedding_length, A.feed_forward_length,
 *     A.attention.head_count       u32; context_length is what positions there are for
 *     A.attention.layer_norm_epsilon                       f32
 *     A.attention.causal           false
 *     A.pooling_type               u32: 1 mean, 2 first token
 *     mpnet.attention.relative_buckets_count               u32
 *     general.file_type            u32: 0 f32, 1 f16, 7 q8_0
 *     general.quantization_version u32: 2
 *     tokenizer.ggml.model         "bert"
 *     tokenizer.ggml.pre           "jina-v2-en": llama.cpp's name of this tokenizer
 *     tokenizer.ggml.token_type_count                      u32, bert only
 *     tokenizer.ggml.tokens        strings by id: "##x" as "x", what begins a word with
 *                                  U+2581 before it, those of type 3 as they are
 *     tokenizer.ggml.token_type    i32 by id: 1 normal, 3 special (found in the text as it
 *                                  is), 4 added (found in the normalized text), 5 unused
 *     tokenizer.ggml.bos_token_id, .eos_token_id, .unknown_token_id, .seperator_token_id,
 *     .padding_token_id, .mask_token_id                    u32, those that there are
 *     tokenizer.ggml.add_bos_token, .add_eos_token         true
 *     tokenizer.ggml.add_sep_token false
 *     tokenizer.ggml.normalizer.lowercase, .strip_accents  strip_accents only where the
 *                                  tokenizer states it; else it is as lowercase
 *     vanta.max_tokens             u32: of a text, special tokens included
 *     vanta.normalize              bool: vectors are made unit length
 *     vanta.converter              u32: VANTA_ENCODER_GGUF_VERSION
 *     vanta.source.sha256          of model.safetensors
 *
 * Tensors: token_embd, position_embd (mpnet: all rows; token i has row i + 2),
 * token_types (bert), token_embd_norm, attn_rel_b.weight (mpnet: heads innermost, one
 * table for all layers, as T5's but without its layer's prefix), blk.N.{attn_q, attn_k,
 * attn_v, attn_output, attn_output_norm, ffn_up, ffn_down, layer_output_norm}, each .weight
 * and .bias. Biases, norms, positions, token types and relative biases are always f32. f16:
 * all other matrices. q8_0: the matrices of the layers but the first third (where
 * rounding does the most harm), these and token_embd.weight in f16; a matrix whose rows
 * are not whole blocks of 32 stays f16. The pooler is left out.
 *
 * Limits: those below; every size is checked against the tensors before anything is
 * written. Weights that are not finite, or too large for f16 when that is asked for, are
 * refused. Statuses: VANTA_ERR_FORMAT (not such a folder, or damaged), UNSUPPORTED (another
 * architecture, activation, pooling or tokenizer), LIMIT, NOT_FOUND, EXISTS, IO, NO_SPACE,
 * NO_MEMORY, CANCELLED; target is deleted after a failure.
 * Threads: any number of calls, each on one thread and a second one that hashes.
 * Cost: model.safetensors is mapped in windows and read once (twice when its digest has to
 * be found); another program that cuts it meanwhile makes VANTA_ERR_IO (within the 64 KiB
 * in hand: SIGBUS). Memory: some 25 MB, of which the window and the output's blocks are
 * half.
 */
#ifndef VANTA_CONVERT_ENCODER_GGUF_H
#define VANTA_CONVERT_ENCODER_GGUF_H

#include <stdatomic.h>
#include <stdbool.h>

#include "convert/convert.h"
#include "vanta_error.h"

#define VANTA_ENCODER_GGUF_VERSION 1

#define VANTA_ENCODER_WIDTH_MAX 8192         /* embedding_length */
#define VANTA_ENCODER_INNER_MAX 65536        /* feed_forward_length */
#define VANTA_ENCODER_BLOCKS_MAX 128         /* layers */
#define VANTA_ENCODER_POSITIONS_MAX 8194
#define VANTA_ENCODER_TOKEN_TYPES_MAX 16
#define VANTA_ENCODER_VOCABULARY_BYTES_MAX ((size_t)32 * 1024 * 1024)

enum vanta_encoder_weights {
    VANTA_ENCODER_WEIGHTS_F32,
    VANTA_ENCODER_WEIGHTS_F16,
    VANTA_ENCODER_WEIGHTS_Q8_0
};

/* "f32", "f16", "q8_0"; false for another name. */
bool vanta_encoder_weights_parse(const char *name, enum vanta_encoder_weights *out);
const char *vanta_encoder_weights_name(enum vanta_encoder_weights weights);

/* Where the weights come from, for the file's keys; what is NULL is left out. */
struct vanta_encoder_source {
    const char *name;
    const char *license;        /* SPDX's identifier */
    const char *url;            /* of the repository */
    const char *weights_sha256; /* of model.safetensors; NULL: it is hashed here */
};

/* source, progress and cancel may be NULL. */
enum vanta_status vanta_encoder_gguf(const char *dir, const char *target,
                                     enum vanta_encoder_weights weights,
                                     const struct vanta_encoder_source *source,
                                     vanta_convert_progress *progress, void *arg,
                                     const atomic_bool *cancel,
                                     struct vanta_convert_result *out,
                                     struct vanta_error *err);

#endif
