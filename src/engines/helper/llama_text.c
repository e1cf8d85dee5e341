/* llama_text.c - completion and chat: the prompt, the sampling, the stream of text. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "engines/helper/llama_private.h"
#include "base/utf8.h"

#define MESSAGES_MAX 1024
#define TOKENS_DEFAULT 256
#define TOP_K_DEFAULT 40
#define PIECE_MAX 512
#define TEXT_EVERY_MS_MAX 10000 /* the caller watches for silence */

static const struct vanta_json_doc request_doc = {"request"};

/* --- the prompt --- */

struct prompt {
    char *text;
    bool add_special, special;
};

static enum vanta_status read_messages(const json_t *request,
                                       struct llama_chat_message **out, size_t *n,
                                       struct vanta_error *err)
{
    const json_t *list = NULL;
    enum vanta_status status;
    size_t i;

    status = vanta_json_array(&request_doc, request, "", "messages", true, MESSAGES_MAX,
                              &list, err);
    if (status != VANTA_OK)
        return status;
    *n = json_array_size(list);
    *out = calloc(*n + 1, sizeof **out);
    if (!*out)
        return vanta_fail_memory(err);
    for (i = 0; i < *n && status == VANTA_OK; i++) {
        const json_t *message = json_array_get(list, i);

        status = vanta_json_string(&request_doc, message, "/messages", "role", true,
                                   &(*out)[i].role, err);
        if (status == VANTA_OK)
            status = vanta_json_string(&request_doc, message, "/messages", "text", true,
                                       &(*out)[i].content, err);
    }
    return status;
}

static enum vanta_status apply_template(const struct llm *llm,
                                        const struct llama_chat_message *messages,
                                        size_t n, char **out, struct vanta_error *err)
{
    const char *template = llama_model_chat_template(llm->model, NULL);
    int32_t size = 4096, needed;
    char *text = NULL, *more;
    int round;

    if (!template)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "the model's file has no chat template");
    for (round = 0; round < 2; round++) {
        more = realloc(text, (size_t)size + 1);
        if (!more) {
            free(text);
            return vanta_fail_memory(err);
        }
        text = more;
        needed = llama_chat_apply_template(template, messages, n, true, text, size);
        if (needed >= 0 && needed <= size) {
            text[needed] = '\0';
            *out = text;
            return VANTA_OK;
        }
        if (needed < 0 || (size_t)needed > LLM_TEXT_BYTES_MAX)
            break;
        size = needed;
    }
    free(text);
    if (needed < 0)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "llama.cpp cannot apply the chat template of the model's file");
    return vanta_fail(err, VANTA_ERR_LIMIT, "the messages are longer than %zu bytes",
                      LLM_TEXT_BYTES_MAX);
}

static const char *content_of(const struct llama_chat_message *messages, size_t n,
                              const char *role)
{
    while (n-- > 0)
        if (strcmp(messages[n].role, role) == 0)
            return messages[n].content;
    return "";
}

/* {question} and {system} of the format replaced by the newest message of each role. */
static enum vanta_status apply_literal(const json_t *request,
                                       const struct llama_chat_message *messages,
                                       size_t n, char **out, struct vanta_error *err)
{
    struct vanta_buf buf = VANTA_BUF(LLM_TEXT_BYTES_MAX);
    const char *format = NULL;
    bool room = true;
    enum vanta_status status = vanta_json_string(&request_doc, request, "", "format", true,
                                                 &format, err);

    if (status != VANTA_OK)
        return status;
    while (*format && room) {
        if (vanta_has_prefix(format, "{question}")) {
            room = vanta_buf_puts(&buf, content_of(messages, n, "user"));
            format += strlen("{question}");
        } else if (vanta_has_prefix(format, "{system}")) {
            room = vanta_buf_puts(&buf, content_of(messages, n, "system"));
            format += strlen("{system}");
        } else {
            room = vanta_buf_append(&buf, format++, 1);
        }
    }
    room = room && vanta_buf_append(&buf, "", 1);
    if (room)
        *out = vanta_strdup(buf.data);
    vanta_buf_free(&buf);
    if (!room)
        return vanta_fail(err, VANTA_ERR_LIMIT, "the prompt is longer than %zu bytes",
                          LLM_TEXT_BYTES_MAX);
    return *out ? VANTA_OK : vanta_fail_memory(err);
}

static enum vanta_status make_prompt(const struct llm *llm, const json_t *request,
                                     struct prompt *prompt, struct vanta_error *err)
{
    struct llama_chat_message *messages = NULL;
    const char *form = "plain", *text = NULL;
    size_t n = 0;
    enum vanta_status status = vanta_json_string(&request_doc, request, "", "form", false,
                                                 &form, err);

    prompt->add_special = true; /* the begin token, where the model has one */
    prompt->special = strcmp(form, "plain") != 0;
    if (status != VANTA_OK)
        return status;
    if (!prompt->special) {
        status = vanta_json_string(&request_doc, request, "", "text", true, &text, err);
        if (status == VANTA_OK && !(prompt->text = vanta_strdup(text)))
            status = vanta_fail_memory(err);
        return status;
    }
    status = read_messages(request, &messages, &n, err);
    if (status == VANTA_OK && strcmp(form, "chat-template") == 0)
        status = apply_template(llm, messages, n, &prompt->text, err);
    else if (status == VANTA_OK && strcmp(form, "literal") == 0)
        status = apply_literal(request, messages, n, &prompt->text, err);
    else if (status == VANTA_OK)
        status = vanta_fail(err, VANTA_ERR_USAGE, "unknown prompt form %s", form);
    free(messages);
    return status;
}

/* --- the sampling --- */

static double number_at(const json_t *request, const char *key, double otherwise)
{
    const json_t *value = json_object_get(request, key);

    return json_is_number(value) ? json_number_value(value) : otherwise;
}

/* NULL: greedy. */
static struct llama_sampler *make_sampler(const json_t *request)
{
    double temperature = number_at(request, "temperature", 0);
    double top_p = number_at(request, "top_p", 0), top_k = number_at(request, "top_k", 0);
    struct llama_sampler *chain;

    if (!(temperature > 0))
        return NULL;
    chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
    llama_sampler_chain_add(chain, llama_sampler_init_top_k(
                                       top_k >= 1 && top_k < 1e6 ? (int32_t)top_k
                                                                 : TOP_K_DEFAULT));
    if (top_p > 0 && top_p < 1)
        llama_sampler_chain_add(chain, llama_sampler_init_top_p((float)top_p, 1));
    llama_sampler_chain_add(chain, llama_sampler_init_temp((float)temperature));
    llama_sampler_chain_add(chain, llama_sampler_init_dist(
                                       (uint32_t)number_at(request, "seed", 0)));
    return chain;
}

/* --- the run --- */

struct run {
    struct llm *llm;
    struct job *job;
    struct llama_sampler *sampler;
    struct vanta_utf8 pieces;
    int32_t n_prompt, n_generated, max_tokens;
    size_t told; /* bytes of the text that an event has given */
    double told_ms, text_every_ms;
    double start_ms, prompt_ms, first_token_ms, end_ms;
    bool ended, context_full, finite;
};

static enum vanta_status run_prompt(struct run *run, const llama_token *tokens,
                                    struct vanta_error *err)
{
    struct llm *llm = run->llm;
    enum vanta_status status = VANTA_OK;
    int32_t done, n;

    for (done = 0; done < run->n_prompt && status == VANTA_OK; done += n) {
        n = run->n_prompt - done < llm->n_batch ? run->n_prompt - done : llm->n_batch;
        status = llm_decode(llm, tokens + done, n, false, err);
    }
    llama_synchronize(llm->context);
    run->prompt_ms = llm_now_ms() - run->start_ms;
    return status;
}

/* Every event wakes the caller, on a core that a thread of ours has to give up for it. */
static void tell_text(struct run *run, bool all)
{
    double now = llm_now_ms();

    if (run->pieces.text.len == run->told ||
        (!all && run->told > 0 && now - run->told_ms < run->text_every_ms))
        return;
    job_text(run->job, run->pieces.text.data + run->told);
    run->told = run->pieces.text.len;
    run->told_ms = now;
}

static enum vanta_status give_piece(struct run *run, llama_token token,
                                    struct vanta_error *err)
{
    char bytes[PIECE_MAX];
    int32_t n = llama_token_to_piece(run->llm->vocab, token, bytes, sizeof bytes, 0, false);
    size_t offset;

    if (n < 0) /* a token of more than half a kilobyte: no text that anyone waits for */
        n = 0;
    if (!vanta_utf8_add(&run->pieces, bytes, (size_t)n, &offset))
        return vanta_fail_memory(err);
    tell_text(run, false);
    return VANTA_OK;
}

static enum vanta_status run_tokens(struct run *run, struct vanta_error *err)
{
    struct llm *llm = run->llm;
    enum vanta_status status = VANTA_OK;
    llama_token token;

    while (status == VANTA_OK) {
        const float *logits = llama_get_logits_ith(llm->context, -1);

        if (!logits)
            return vanta_fail(err, VANTA_ERR_FORMAT, "llama.cpp gave no logits");
        token = llm_greatest(llm, logits, &run->finite);
        if (!run->finite) /* what follows is noise */
            return VANTA_OK;
        if (run->sampler)
            token = llama_sampler_sample(run->sampler, llm->context, -1);
        if (run->n_generated == 0)
            run->first_token_ms = llm_now_ms() - run->start_ms;
        if (llama_vocab_is_eog(llm->vocab, token)) {
            run->ended = true;
            return VANTA_OK;
        }
        run->n_generated++;
        status = give_piece(run, token, err);
        if (status != VANTA_OK || run->n_generated >= run->max_tokens)
            break;
        if (run->n_prompt + run->n_generated >= llm->n_context) {
            run->context_full = true;
            break;
        }
        status = llm_decode(llm, &token, 1, false, err);
    }
    return status;
}

static enum vanta_status answer_run(struct run *run, struct answer *answer,
                                    struct vanta_error *err)
{
    size_t offset;

    if (!vanta_utf8_end(&run->pieces, &offset))
        return vanta_fail_memory(err);
    tell_text(run, true);
    answer->ok = json_pack(
        "{s:s, s:i, s:i, s:f, s:f, s:f, s:b, s:b, s:b}", "text", run->pieces.text.data,
        "prompt_tokens", run->n_prompt, "generated_tokens", run->n_generated, "prompt_ms",
        run->prompt_ms, "generate_ms", run->end_ms - run->start_ms - run->prompt_ms,
        "first_token_ms", run->first_token_ms, "ended", run->ended, "context_full",
        run->context_full, "not_finite", !run->finite);
    return answer->ok ? VANTA_OK : vanta_fail_memory(err);
}

enum vanta_status llm_complete(void *state, struct job *job, struct answer *answer,
                               struct vanta_error *err)
{
    struct llm *llm = state;
    struct run run = {.llm = llm, .job = job, .finite = true,
                      .pieces = VANTA_UTF8(LLM_TEXT_BYTES_MAX)};
    struct prompt prompt = {0};
    llama_token *tokens = NULL;
    int64_t max_tokens = 0, text_every_ms = 0;
    enum vanta_status status;

    llm->job = job;
    status = vanta_json_integer(&request_doc, job->request, "", "max_tokens", false, 0,
                                1 << 24, &max_tokens, err);
    if (status == VANTA_OK)
        status = vanta_json_integer(&request_doc, job->request, "", "text_every_ms", false,
                                    0, TEXT_EVERY_MS_MAX, &text_every_ms, err);
    run.text_every_ms = (double)text_every_ms;
    run.max_tokens = max_tokens > 0 ? (int32_t)max_tokens : TOKENS_DEFAULT;
    if (status == VANTA_OK)
        status = make_prompt(llm, job->request, &prompt, err);
    if (status == VANTA_OK)
        status = llm_tokens(llm, prompt.text, prompt.add_special, prompt.special, &tokens,
                            &run.n_prompt, err);
    if (status == VANTA_OK && run.n_prompt == 0)
        status = vanta_fail(err, VANTA_ERR_USAGE, "the prompt is empty");
    if (status == VANTA_OK && run.n_prompt >= llm->n_context)
        status = vanta_fail(err, VANTA_ERR_LIMIT,
                            "the prompt has %d tokens; the context has room for %d",
                            run.n_prompt, llm->n_context);
    if (status == VANTA_OK) {
        llama_memory_clear(llama_get_memory(llm->context), false);
        run.sampler = make_sampler(job->request);
        run.start_ms = llm_now_ms();
        status = run_prompt(&run, tokens, err);
    }
    if (status == VANTA_OK)
        status = run_tokens(&run, err);
    run.end_ms = llm_now_ms();
    if (status == VANTA_OK)
        status = answer_run(&run, answer, err);
    if (run.sampler)
        llama_sampler_free(run.sampler);
    vanta_utf8_free(&run.pieces);
    free(tokens);
    free(prompt.text);
    llm->job = NULL;
    return status;
}

enum vanta_status llm_tokenize(void *state, struct job *job, struct answer *answer,
                               struct vanta_error *err)
{
    const char *text = NULL;
    llama_token *tokens = NULL;
    int32_t n = 0;
    enum vanta_status status =
        vanta_json_string(&request_doc, job->request, "", "text", true, &text, err);

    if (status == VANTA_OK)
        status = llm_tokens(state, text, true, false, &tokens, &n, err);
    if (status != VANTA_OK)
        return status;
    answer->ok = json_pack("{s:i}", "tokens", n);
    answer->binary = tokens;
    answer->binary_bytes = (size_t)n * sizeof *tokens;
    return answer->ok ? VANTA_OK : vanta_fail_memory(err);
}
