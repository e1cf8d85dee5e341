/* llama_measure.c - perplexity of a text, and speed as llama-bench takes it. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"
#include "engines/helper/llama_private.h"

#define SPEED_TOKENS_MAX 65536

static const struct vanta_json_doc request_doc = {"request"};

/* Negative logarithm of the probability that the logits give to token. */
static double surprise(const struct llm *llm, const float *logits, llama_token token,
                       bool *finite)
{
    float greatest = logits[llm_greatest(llm, logits, finite)];
    double sum = 0;
    int32_t i;

    for (i = 0; i < llm->n_vocab; i++)
        sum += (double)expf(logits[i] - greatest);
    return log(sum) - (double)(logits[token] - greatest);
}

static enum vanta_status measure_text(struct llm *llm, struct job *job,
                                      const llama_token *tokens, int32_t n, double *total,
                                      bool *finite, struct vanta_error *err)
{
    int32_t done, part, i;

    llama_memory_clear(llama_get_memory(llm->context), false);
    for (done = 0; done < n - 1; done += part) {
        enum vanta_status status;

        part = n - 1 - done < LLM_OUTPUTS_MAX ? n - 1 - done : LLM_OUTPUTS_MAX;
        if (part > llm->n_batch)
            part = llm->n_batch;
        status = llm_decode(llm, tokens + done, part, true, err);
        if (status != VANTA_OK)
            return status;
        for (i = 0; i < part; i++) {
            const float *logits = llama_get_logits_ith(llm->context, i);

            if (!logits)
                return vanta_fail(err, VANTA_ERR_FORMAT, "llama.cpp gave no logits");
            *total += surprise(llm, logits, tokens[done + i + 1], finite);
        }
        job_progress(job, (double)(done + part) / (n - 1));
    }
    return VANTA_OK;
}

enum vanta_status llm_perplexity(void *state, struct job *job, struct answer *answer,
                                 struct vanta_error *err)
{
    struct llm *llm = state;
    const char *text = NULL;
    llama_token *tokens = NULL;
    int32_t n = 0;
    double total = 0, start = llm_now_ms(), perplexity;
    bool finite = true;
    enum vanta_status status =
        vanta_json_string(&request_doc, job->request, "", "text", true, &text, err);

    llm->job = job;
    if (status == VANTA_OK)
        status = llm_tokens(llm, text, true, false, &tokens, &n, err);
    if (status == VANTA_OK && n < 2)
        status = vanta_fail(err, VANTA_ERR_USAGE, "the text has fewer than two tokens");
    if (status == VANTA_OK && n > llm->n_context)
        status = vanta_fail(err, VANTA_ERR_LIMIT,
                            "the text has %d tokens; the context has room for %d", n,
                            llm->n_context);
    if (status == VANTA_OK)
        status = measure_text(llm, job, tokens, n, &total, &finite, err);
    if (status == VANTA_OK) {
        perplexity = exp(total / (n - 1));
        finite = finite && isfinite(perplexity);
        answer->ok = json_pack("{s:f, s:i, s:f, s:b}", "perplexity",
                               isfinite(perplexity) ? perplexity : 0.0, "tokens", n,
                               "engine_ms", llm_now_ms() - start, "not_finite", !finite);
        if (!answer->ok)
            status = vanta_fail_memory(err);
    }
    free(tokens);
    llm->job = NULL;
    return status;
}

/* Any tokens do for a speed; a fixed generator makes two runs do the same work. */
static llama_token next_token(const struct llm *llm, uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (llama_token)((*seed >> 8) % (uint32_t)llm->n_vocab);
}

static enum vanta_status run_random(struct llm *llm, int32_t n, int32_t batch,
                                    double *ms, struct vanta_error *err)
{
    llama_token *tokens = malloc((size_t)batch * sizeof *tokens);
    enum vanta_status status = VANTA_OK;
    uint32_t seed = 1;
    double start;
    int32_t done, part, i;

    if (!tokens)
        return vanta_fail_memory(err);
    start = llm_now_ms();
    for (done = 0; done < n && status == VANTA_OK; done += part) {
        part = n - done < batch ? n - done : batch;
        for (i = 0; i < part; i++)
            tokens[i] = next_token(llm, &seed);
        status = llm_decode(llm, tokens, part, false, err);
        llama_synchronize(llm->context);
    }
    *ms = llm_now_ms() - start;
    free(tokens);
    return status;
}

enum vanta_status llm_speed(void *state, struct job *job, struct answer *answer,
                            struct vanta_error *err)
{
    struct llm *llm = state;
    int64_t n_prompt = 0, n_generate = 0;
    double prompt_ms = 0, generate_ms = 0;
    enum vanta_status status =
        vanta_json_integer(&request_doc, job->request, "", "prompt_tokens", true, 0,
                           SPEED_TOKENS_MAX, &n_prompt, err);

    llm->job = job;
    if (status == VANTA_OK)
        status = vanta_json_integer(&request_doc, job->request, "", "generate_tokens",
                                    true, 0, SPEED_TOKENS_MAX, &n_generate, err);
    if (status == VANTA_OK && (n_prompt > llm->n_context || n_generate > llm->n_context))
        status = vanta_fail(err, VANTA_ERR_LIMIT, "the context has room for %d tokens",
                            llm->n_context);
    llama_memory_clear(llama_get_memory(llm->context), false);
    if (status == VANTA_OK && n_prompt > 0)
        status = run_random(llm, (int32_t)n_prompt, llm->n_batch, &prompt_ms, err);
    llama_memory_clear(llama_get_memory(llm->context), false);
    if (status == VANTA_OK && n_generate > 0)
        status = run_random(llm, (int32_t)n_generate, 1, &generate_ms, err);
    if (status == VANTA_OK) {
        answer->ok = json_pack("{s:f, s:f}", "prompt_ms", prompt_ms, "generate_ms",
                               generate_ms);
        if (!answer->ok)
            status = vanta_fail_memory(err);
    }
    llm->job = NULL;
    return status;
}
