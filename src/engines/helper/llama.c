/* llama.c - language models over llama.cpp: loading, what is known of one, its table. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "engines/helper/llama_private.h"

#define CONTEXT_DEFAULT 4096
#define CONTEXT_LEAST 64
#define BATCH 2048
#define MICRO_BATCH 512

double llm_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static bool go_on_loading(float fraction, void *user)
{
    struct llm *llm = user;

    job_progress(llm->job, fraction);
    return !job_cancelled(llm->job);
}

static bool shall_stop(void *user)
{
    const struct llm *llm = user;

    return llm->job && job_cancelled(llm->job);
}

static void log_line(enum ggml_log_level level, const char *text, void *user)
{
    log_sizes_callback((int)level, text, user);
}

static void llm_free(void *state)
{
    struct llm *llm = state;

    if (!llm)
        return;
    llama_log_set(log_line, NULL);
    if (llm->context)
        llama_free(llm->context);
    if (llm->model)
        llama_model_free(llm->model);
    free(llm);
}

static enum vanta_status load_model(struct llm *llm, const struct load_options *options,
                                    struct vanta_error *err)
{
    struct llama_model_params params = llama_model_default_params();

    params.n_gpu_layers = options->no_gpu ? 0 : options->gpu_layers;
    params.progress_callback = go_on_loading;
    params.progress_callback_user_data = llm;
    llm->model = llama_model_load_from_file(options->path, params);
    if (!llm->model)
        return job_cancelled(llm->job)
                   ? vanta_fail(err, VANTA_ERR_CANCELLED, "loading was cancelled")
                   : vanta_fail(err, VANTA_ERR_FORMAT,
                                "%s: llama.cpp cannot load it as a language model",
                                options->path);
    if (!llama_model_has_decoder(llm->model) || llama_model_is_diffusion(llm->model))
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: not a model that continues text", options->path);
    llm->vocab = llama_model_get_vocab(llm->model);
    llm->n_vocab = llama_vocab_n_tokens(llm->vocab);
    if (llm->n_vocab <= 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: it has no vocabulary",
                          options->path);
    return VANTA_OK;
}

static int32_t context_wanted(const struct llm *llm, int asked)
{
    int32_t trained = llama_model_n_ctx_train(llm->model);
    int32_t wanted = asked > 0 ? asked : CONTEXT_DEFAULT;

    if (asked <= 0 && trained > 0 && trained < wanted)
        wanted = trained;
    return wanted < CONTEXT_LEAST ? CONTEXT_LEAST : wanted;
}

static enum vanta_status make_context(struct llm *llm, const struct load_options *options,
                                      struct vanta_error *err)
{
    struct llama_context_params params = llama_context_default_params();

    params.n_ctx = (uint32_t)context_wanted(llm, options->context_tokens);
    params.n_batch = params.n_ctx < BATCH ? params.n_ctx : BATCH;
    params.n_ubatch = params.n_batch < MICRO_BATCH ? params.n_batch : MICRO_BATCH;
    params.n_outputs_max = LLM_OUTPUTS_MAX;
    params.n_threads = params.n_threads_batch = options->threads;
    params.abort_callback = shall_stop;
    params.abort_callback_data = llm;
    llm->context = llama_init_from_model(llm->model, params);
    if (!llm->context) {
        vanta_fail(err, VANTA_ERR_NO_MEMORY,
                   "%s: no room for a context of %u tokens", options->path, params.n_ctx);
        vanta_hint(err, "A smaller context needs less memory.");
        return VANTA_ERR_NO_MEMORY;
    }
    llm->n_context = (int32_t)llama_n_ctx(llm->context);
    llm->n_batch = (int32_t)llama_n_batch(llm->context);
    return VANTA_OK;
}

static enum vanta_status llm_load(const struct load_options *options, struct job *job,
                                  void **state, struct vanta_error *err)
{
    struct llm *llm = calloc(1, sizeof *llm);
    enum vanta_status status;

    if (!llm)
        return vanta_fail_memory(err);
    llm->job = job;
    llm->threads = options->threads;
    llm->gpu_layers = options->no_gpu || !llama_supports_gpu_offload()
                          ? 0
                          : options->gpu_layers;
    llama_log_set(log_line, &llm->sizes);
    llama_backend_init();
    status = load_model(llm, options, err);
    if (status == VANTA_OK)
        status = make_context(llm, options, err);
    llm->job = NULL;
    if (status != VANTA_OK) {
        llm_free(llm);
        return status;
    }
    if (llm->gpu_layers < 0)
        llm->gpu_layers = llama_model_n_layer(llm->model) + 1;
    /* Work buffers grow in later runs too, but these are the ones that count. */
    llama_log_set(log_line, NULL);
    *state = llm;
    return VANTA_OK;
}

/* The template of the file is one of those that llama.cpp can apply without a template
 * engine. */
static bool has_template(const struct llm *llm)
{
    const struct llama_chat_message hello = {"user", "hello"};
    const char *template = llama_model_chat_template(llm->model, NULL);
    char text[4096];

    return template && llama_chat_apply_template(template, &hello, 1, true, text,
                                                 (int32_t)sizeof text) > 0;
}

static enum vanta_status llm_info(void *state, json_t *out, struct vanta_error *err)
{
    const struct llm *llm = state;
    char description[128] = "", architecture[64] = "";

    llama_model_desc(llm->model, description, sizeof description);
    llama_model_meta_val_str(llm->model, "general.architecture", architecture,
                             sizeof architecture);
    if (json_object_update_new(
            out,
            json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:i, s:b}",
                      "architecture", architecture, "description", description,
                      "parameters", (json_int_t)llama_model_n_params(llm->model),
                      "weights_bytes",
                      (json_int_t)(llm->sizes.weights_bytes
                                       ? llm->sizes.weights_bytes
                                       : llama_model_size(llm->model)),
                      "kv_cache_bytes", (json_int_t)llm->sizes.kv_cache_bytes,
                      "compute_bytes", (json_int_t)llm->sizes.compute_bytes,
                      "context_tokens", llm->n_context, "context_max",
                      llama_model_n_ctx_train(llm->model), "threads", llm->threads,
                      "gpu_layers", llm->gpu_layers, "chat_template",
                      has_template(llm))) != 0)
        return vanta_fail_memory(err);
    return VANTA_OK;
}

/* --- what the requests share --- */

enum vanta_status llm_tokens(const struct llm *llm, const char *text, bool add_special,
                             bool special, llama_token **tokens, int32_t *n,
                             struct vanta_error *err)
{
    size_t len = strlen(text);
    int32_t needed;

    if (len > LLM_TEXT_BYTES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "the text has %zu bytes; at most %zu are taken",
                          len, LLM_TEXT_BYTES_MAX);
    *tokens = malloc((len + 16) * sizeof **tokens);
    if (!*tokens)
        return vanta_fail_memory(err);
    needed = llama_tokenize(llm->vocab, text, (int32_t)len, *tokens, (int32_t)len + 16,
                            add_special, special);
    if (needed < 0) {
        free(*tokens);
        *tokens = NULL;
        return vanta_fail(err, VANTA_ERR_FORMAT, "the model's tokenizer gives more tokens "
                                                 "than the text has bytes");
    }
    *n = needed;
    return VANTA_OK;
}

enum vanta_status llm_decode(struct llm *llm, const llama_token *tokens, int32_t n,
                             bool outputs, struct vanta_error *err)
{
    struct llama_batch batch = llama_batch_get_one((llama_token *)tokens, n);
    int8_t wanted[LLM_OUTPUTS_MAX];
    int result;

    if (outputs) {
        memset(wanted, 1, sizeof wanted);
        batch.logits = wanted;
    }
    result = llama_decode(llm->context, batch);
    if (result == 0)
        return VANTA_OK;
    if (result == 2 || (llm->job && job_cancelled(llm->job)))
        return vanta_fail(err, VANTA_ERR_CANCELLED, "the request was cancelled");
    if (result == 1)
        return vanta_fail(err, VANTA_ERR_LIMIT, "the context of %d tokens is full",
                          llm->n_context);
    return vanta_fail(err, VANTA_ERR_FORMAT, "llama.cpp could not run the model (code %d)",
                      result);
}

llama_token llm_greatest(const struct llm *llm, const float *logits, bool *finite)
{
    uint32_t bits, exponent = 0;
    float greatest = -INFINITY;
    int32_t i, at = 0;

    /* An exponent of all ones is NaN or infinite; integers let this loop be vectorized. */
    for (i = 0; i < llm->n_vocab; i++) {
        memcpy(&bits, logits + i, sizeof bits);
        bits &= 0x7F800000u;
        exponent = bits > exponent ? bits : exponent;
        greatest = logits[i] > greatest ? logits[i] : greatest;
    }
    if (exponent == 0x7F800000u)
        *finite = false;
    while (at < llm->n_vocab - 1 && !(logits[at] == greatest))
        at++;
    return at;
}

const struct backend backend_llm = {
    .kind = "llm",
    .load = llm_load,
    .free = llm_free,
    .info = llm_info,
    .requests = (const struct backend_entry[]){{"complete", llm_complete},
                                               {"tokenize", llm_tokenize},
                                               {"perplexity", llm_perplexity},
                                               {"speed", llm_speed},
                                               {"quantize", llm_quantize},
                                               {NULL, NULL}},
};
