/*
 * encoder.h - sentence encoders: token ids in, unit vectors out, on ggml.
 *
 * One graph serves BERT (GGUF architecture "bert": learned positions, token types) and
 * MPNet ("mpnet": positions from 2 on, one table of relative attention biases for all
 * layers); post-norm layers, erf GELU, mean over all tokens or the first token, L2 norm
 * (as pooling_type and vanta.normalize say; convert/encoder_gguf.h lists the keys). Not
 * responsible for text: ids come from the tokenizer, special tokens included and cut to
 * max_tokens.
 *
 *     struct vanta_encoder_options options = {.threads = 2};
 *     status = vanta_encoder_load(path, &options, &encoder, err);
 *     vanta_encoder_info(encoder, &info);
 *     float *out = malloc(count * info.dimensions * sizeof *out);
 *     status = vanta_encoder_embed(encoder, ids, lengths, count, out, &cancel, err);
 *     vanta_encoder_free(encoder);
 *
 * Work: sentences are sorted by length and packed, without padding, into batches of at
 * most batch_tokens tokens; linear layers run over all tokens of a batch, attention over
 * each sentence (on ggml's operators over groups of equal length). Vectors do not depend
 * on the order of the input, and on what is in the same batch only within f32 rounding.
 *
 * Files: every key, tensor name, shape, type and end is checked before ggml sees it, and
 * refused with VANTA_ERR_FORMAT, or VANTA_ERR_LIMIT beyond the limits below; another
 * architecture or tensor type is VANTA_ERR_UNSUPPORTED. Weights may be f32, f16, bf16 or
 * q8_0; norms and biases are f32. On a CPU the file stays mapped and is not copied: it
 * must not be cut short while the encoder lives (SIGBUS), which is why this runs in the
 * helper. f16, bf16 and q8_0 weights may be multiplied in whole numbers of 12 and 16 bits
 * (encoder_kernel.h), f32 weights never are.
 *
 * Memory: compute_bytes, which depends on batch_tokens and threads, plus the mapped
 * weights; of models with more than 256 MiB of them on our own loops only about one layer
 * is resident at a time.
 * Threads: one call at a time on one encoder; cancel may be set from any thread and is
 * seen between two nodes of the graph. The caller has loaded ggml's backends
 * (ggml_backend_load_all). After a failed call (VANTA_ERR_CANCELLED too) the
 * encoder may be used again; out then holds nothing of use.
 * Source: the models' own implementations (transformers, modeling_bert and
 * modeling_mpnet), tensor names as llama.cpp writes them (gguf-py, constants.py).
 */
#ifndef VANTA_ENGINES_HELPER_ENCODER_H
#define VANTA_ENGINES_HELPER_ENCODER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

#define VANTA_ENCODER_DIMENSIONS_MAX 8192
#define VANTA_ENCODER_FEED_FORWARD_MAX 65536
#define VANTA_ENCODER_LAYERS_MAX 128
#define VANTA_ENCODER_TOKENS_MAX 8192     /* of one sentence */
#define VANTA_ENCODER_VOCABULARY_MAX (1 << 20)
#define VANTA_ENCODER_BATCH_TOKENS_MAX (1 << 16)

struct vanta_encoder;

struct vanta_encoder_options {
    unsigned threads;      /* 0: one for each core this process may use */
    bool gpu;              /* use the first GPU that ggml finds, where there is one */
    bool plain;            /* ggml's own operators, even where our loops are faster */
    uint32_t batch_tokens; /* 0: 512; raised to the longest sentence when it is less */
};

struct vanta_encoder_info {
    char architecture[16];   /* "bert", "mpnet" */
    char weights[16];        /* type of most bytes of the layers: "f32", "f16", "q8_0" */
    char device[64];         /* as ggml names it: "CPU", "Metal" */
    uint32_t dimensions;     /* floats of a vector */
    uint32_t layers, heads;
    uint32_t vocabulary;     /* ids are 0 to vocabulary - 1 */
    uint32_t max_tokens;     /* of one sentence, special tokens included */
    uint64_t parameters;
    uint64_t weight_bytes;   /* mapped, or copied to the device */
    uint64_t compute_bytes;  /* the largest needed so far */
};

/* *out is NULL after a failure. VANTA_ERR_NOT_FOUND, IO, FORMAT, LIMIT, UNSUPPORTED,
 * NO_MEMORY. */
enum vanta_status vanta_encoder_load(const char *path,
                                     const struct vanta_encoder_options *options,
                                     struct vanta_encoder **out,
                                     struct vanta_error *err);

void vanta_encoder_info(const struct vanta_encoder *encoder,
                        struct vanta_encoder_info *out);

/* ids holds the tokens of all count sentences one after the other, lengths[i] of them for
 * sentence i (1 to max_tokens); out gets count rows of dimensions floats, in that order.
 * cancel may be NULL. VANTA_ERR_USAGE for an id or a length out of range (nothing is
 * computed), CANCELLED, NO_MEMORY, CHECK when a vector is not finite. */
enum vanta_status vanta_encoder_embed(struct vanta_encoder *encoder, const int32_t *ids,
                                      const uint32_t *lengths, size_t count, float *out,
                                      const atomic_bool *cancel, struct vanta_error *err);

void vanta_encoder_free(struct vanta_encoder *encoder); /* NULL is fine */

#endif
