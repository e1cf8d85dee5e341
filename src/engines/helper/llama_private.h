/* llama_private.h - shared by the llama*.c files: one loaded language model. */
#ifndef VANTA_ENGINES_HELPER_LLAMA_PRIVATE_H
#define VANTA_ENGINES_HELPER_LLAMA_PRIVATE_H

#include "engines/helper/backend.h"
#include "engines/helper/log_sizes.h"
#include "llama.h"

/* Logits of so many positions are kept at once: each takes 4 bytes times the vocabulary,
 * half a megabyte and more. */
#define LLM_OUTPUTS_MAX 32
#define LLM_TEXT_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct llm {
    struct llama_model *model;
    struct llama_context *context;
    const struct llama_vocab *vocab;
    struct log_sizes sizes;
    int threads, gpu_layers;
    int32_t n_vocab, n_context, n_batch;
    struct job *job; /* the one at work, for the abort callback */
};

/* Tokens of text; free(*tokens). special: "<|im_end|>" in it is the token, not its letters.
 * VANTA_ERR_LIMIT past LLM_TEXT_BYTES_MAX. */
enum vanta_status llm_tokens(const struct llm *llm, const char *text, bool add_special,
                             bool special, llama_token **tokens, int32_t *n,
                             struct vanta_error *err);
/* Runs n tokens behind what the context holds; outputs: whether the logits of every one
 * of them are wanted (n is then at most LLM_OUTPUTS_MAX), else of the last alone. */
enum vanta_status llm_decode(struct llm *llm, const llama_token *tokens, int32_t n,
                             bool outputs, struct vanta_error *err);
/* Index of the greatest logit; *finite becomes false when one is NaN or infinite. */
llama_token llm_greatest(const struct llm *llm, const float *logits, bool *finite);
double llm_now_ms(void);

backend_request llm_complete, llm_tokenize, llm_perplexity, llm_speed, llm_quantize;

#endif
