/* client_requests.c - what an engine is asked, and its answers, checked. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "engines/client_private.h"

#define MS_MAX 1e12
#define TOKENS_MAX ((int64_t)1 << 31)
#define SEGMENTS_MAX ((size_t)1000000)
#define TRANSCRIPT_MAX ((size_t)64 * 1024 * 1024) /* bytes of text */
#define COMPLETION_MAX ((size_t)16 * 1024 * 1024) /* bytes of events' text */
#define AUDIO_MS_MAX ((int64_t)1000 * 3600 * 1000)
/* Texts of one message: their JSON form can be six times as long. */
#define BATCH_TEXT_BYTES ((size_t)1024 * 1024)
#define BATCH_TEXTS ((size_t)1024)
#define DIMENSIONS_MAX ((int64_t)16384)

/* A member of the answer that is a time or a count. */
static enum vanta_status number(const json_t *ok, const char *key, double most,
                                double *out, struct vanta_error *what)
{
    return client_number(ok, key, true, 0, most, out, what);
}

static enum vanta_status whole(const json_t *ok, const char *key, int64_t most,
                               int64_t *out, struct vanta_error *what)
{
    return vanta_json_integer(&client_doc, ok, "", key, true, 0, most, out, what);
}

static enum vanta_status boolean(const json_t *ok, const char *key, bool *out,
                                 struct vanta_error *what)
{
    return vanta_json_boolean(&client_doc, ok, "", key, true, out, what);
}

enum vanta_status client_judge(struct exchange *x, enum vanta_status status,
                               const struct vanta_error *what, struct vanta_error *err)
{
    json_decref(x->ok);
    x->ok = NULL;
    if (status == VANTA_ERR_FORMAT || status == VANTA_ERR_LIMIT)
        return client_lied(x->engine, what, err);
    if (status != VANTA_OK)
        vanta_fail(err, status, "%s", what->message);
    return status;
}

/* --- speech to text --- */

struct segments {
    struct vanta_transcript *out;
    size_t room;
    struct vanta_buf text;
};

static enum vanta_status add_segment(struct segments *s, int64_t start_ms, int64_t end_ms,
                                     const char *text, struct vanta_error *err)
{
    struct vanta_transcript *out = s->out;
    size_t room = s->room ? s->room * 2 : 64;

    if (out->n_segments >= SEGMENTS_MAX || !vanta_buf_puts(&s->text, text))
        return vanta_fail(err, VANTA_ERR_LIMIT, "a transcript without an end");
    if (out->n_segments == s->room) {
        void *more = realloc(out->segments, room * sizeof *out->segments);

        if (!more)
            return vanta_fail_memory(err);
        out->segments = more;
        s->room = room;
    }
    out->segments[out->n_segments] = (struct vanta_transcript_segment){
        .start_ms = start_ms, .end_ms = end_ms, .text = vanta_strdup(text)};
    if (!out->segments[out->n_segments].text)
        return vanta_fail_memory(err);
    out->n_segments++;
    return VANTA_OK;
}

static enum vanta_status on_segment(struct exchange *x, const char *name,
                                    const json_t *event, struct vanta_error *err)
{
    struct vanta_engine_event told = {.kind = VANTA_ENGINE_SEGMENT};
    enum vanta_status status;

    if (strcmp(name, "segment") != 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "an event that has no place here");
    status = whole(event, "start_ms", AUDIO_MS_MAX, &told.start_ms, err);
    if (status == VANTA_OK)
        status = whole(event, "end_ms", AUDIO_MS_MAX, &told.end_ms, err);
    if (status == VANTA_OK)
        status = vanta_json_string(&client_doc, event, "", "text", true, &told.text, err);
    if (status == VANTA_OK && told.end_ms < told.start_ms)
        status =
            vanta_fail(err, VANTA_ERR_FORMAT, "a segment that ends before it starts");
    if (status == VANTA_OK)
        status = add_segment(x->arg, told.start_ms, told.end_ms, told.text, err);
    if (status == VANTA_OK)
        client_tell(x->engine, &told);
    return status;
}

static enum vanta_status read_transcript(const json_t *ok, struct vanta_transcript *out,
                                         struct vanta_error *what)
{
    enum vanta_status status =
        client_name(ok, "language", true, out->language, sizeof out->language, what);

    if (status == VANTA_OK)
        status = number(ok, "language_probability", 1, &out->language_probability, what);
    if (status == VANTA_OK)
        status = number(ok, "audio_s", (double)AUDIO_MS_MAX / 1000, &out->audio_s, what);
    if (status == VANTA_OK)
        status = number(ok, "decode_ms", MS_MAX, &out->decode_ms, what);
    if (status == VANTA_OK)
        status = number(ok, "engine_ms", MS_MAX, &out->engine_ms, what);
    if (status == VANTA_OK)
        status = boolean(ok, "truncated", &out->truncated, what);
    return status;
}

enum vanta_status vanta_engine_transcribe(struct vanta_engine *engine,
                                          const struct vanta_transcribe *request,
                                          struct vanta_transcript *out,
                                          struct vanta_error *err)
{
    struct segments segments = {.out = out, .text = VANTA_BUF(TRANSCRIPT_MAX)};
    struct exchange x = {.request = "transcribe",
                         .binary = request->path ? NULL : request->audio,
                         .binary_bytes = request->path ? 0 : request->audio_bytes,
                         .event = on_segment,
                         .arg = &segments};
    struct vanta_error what = {0};
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    if (!request->path && !request->audio)
        return vanta_fail(err, VANTA_ERR_USAGE, "no recording to transcribe");
    x.message = json_pack("{s:s*, s:s*, s:b, s:i}", "path", request->path, "language",
                          request->language, "translate", request->translate, "beam",
                          request->beam);
    if (!x.message)
        return vanta_fail(err, VANTA_ERR_USAGE, "the recording's path is not UTF-8");
    status = client_exchange(engine, &x, err);
    if (status == VANTA_OK) {
        status = read_transcript(x.ok, out, &what);
        if (status == VANTA_OK) {
            /* Taken from the buffer: it ends with a NUL. */
            if (!vanta_buf_puts(&segments.text, ""))
                status = vanta_fail_memory(&what);
            out->text = segments.text.data;
            segments.text.data = NULL;
        }
        status = client_judge(&x, status, &what, err);
    }
    vanta_buf_free(&segments.text);
    if (status != VANTA_OK)
        vanta_transcript_free(out);
    return status;
}

void vanta_transcript_free(struct vanta_transcript *transcript)
{
    size_t i;

    for (i = 0; i < transcript->n_segments; i++)
        free(transcript->segments[i].text);
    free(transcript->segments);
    free(transcript->text);
    memset(transcript, 0, sizeof *transcript);
}

/* --- audio --- */

static enum vanta_status read_audio(const json_t *ok, struct vanta_audio_report *out,
                                    struct vanta_error *what)
{
    const double hours = (double)AUDIO_MS_MAX / 1000;
    enum vanta_status status =
        client_name(ok, "format", true, out->format, sizeof out->format, what);

    if (status == VANTA_OK)
        status = whole(ok, "sample_hz", 10000000, &out->sample_hz, what);
    if (status == VANTA_OK)
        status = whole(ok, "channels", 1024, &out->channels, what);
    if (status == VANTA_OK)
        status = number(ok, "seconds", hours, &out->seconds, what);
    if (status == VANTA_OK)
        status = number(ok, "peak", 1, &out->peak, what);
    if (status == VANTA_OK)
        status = number(ok, "rms", 1, &out->rms, what);
    if (status == VANTA_OK)
        status = number(ok, "clipped", 1, &out->clipped, what);
    if (status == VANTA_OK)
        status = number(ok, "silence_start_s", hours, &out->silence_start_s, what);
    if (status == VANTA_OK)
        status = number(ok, "silence_end_s", hours, &out->silence_end_s, what);
    if (status == VANTA_OK)
        status = boolean(ok, "truncated", &out->truncated, what);
    return status;
}

enum vanta_status vanta_engine_audio(struct vanta_engine *engine, const char *path,
                                     struct vanta_audio_report *out,
                                     struct vanta_error *err)
{
    struct exchange x = {.request = "audio", .message = json_pack("{s:s}", "path", path)};
    struct vanta_error what = {0};
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    if (!x.message)
        return vanta_fail(err, VANTA_ERR_USAGE, "the recording's path is not UTF-8");
    status = client_exchange(engine, &x, err);
    return status == VANTA_OK ? client_judge(&x, read_audio(x.ok, out, &what), &what, err)
                              : status;
}

/* --- language model --- */

static enum vanta_status on_text(struct exchange *x, const char *name,
                                 const json_t *event, struct vanta_error *err)
{
    struct vanta_engine_event told = {.kind = VANTA_ENGINE_TEXT};
    size_t *bytes = x->arg;
    enum vanta_status status;

    if (strcmp(name, "text") != 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "an event that has no place here");
    status = vanta_json_string(&client_doc, event, "", "text", true, &told.text, err);
    if (status != VANTA_OK)
        return status;
    *bytes += strlen(told.text);
    if (*bytes > COMPLETION_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "a completion without an end");
    client_tell(x->engine, &told);
    return VANTA_OK;
}

static json_t *messages_of(const struct vanta_complete *request)
{
    json_t *array = json_array();
    size_t i;

    for (i = 0; array && i < request->n_messages; i++) {
        json_t *message = json_pack("{s:o, s:o}", "role",
                                    client_text(request->messages[i].role), "text",
                                    client_text(request->messages[i].text));

        if (json_array_append_new(array, message) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* NULL: memory. */
static json_t *completion_request(const struct vanta_complete *r)
{
    static const char *const forms[] = {"plain", "chat-template", "literal"};
    json_t *message = json_pack(
        "{s:s, s:i, s:i, s:f, s:f, s:i, s:I}", "form", forms[r->form], "max_tokens",
        r->max_tokens, "text_every_ms", r->text_every_ms, "temperature", r->temperature, "top_p", r->top_p, "top_k",
        r->top_k, "seed", (json_int_t)r->seed);
    int failed = message ? 0 : -1;

    if (failed == 0 && r->form == VANTA_PROMPT_PLAIN)
        failed = json_object_set_new(message, "text", client_text(r->text));
    else if (failed == 0)
        failed = json_object_set_new(message, "messages", messages_of(r));
    if (failed == 0 && r->form == VANTA_PROMPT_LITERAL)
        failed = json_object_set_new(message, "format", client_text(r->format));
    if (failed == 0)
        return message;
    json_decref(message);
    return NULL;
}

static bool completion_makes_sense(const struct vanta_complete *r)
{
    size_t i;

    if (r->max_tokens < 0 || r->text_every_ms < 0 || r->top_k < 0 || !isfinite(r->temperature) ||
        !isfinite(r->top_p) || r->temperature < 0 || r->top_p < 0)
        return false;
    switch (r->form) {
    case VANTA_PROMPT_PLAIN:
        return r->text != NULL;
    case VANTA_PROMPT_CHAT_TEMPLATE:
        break;
    case VANTA_PROMPT_LITERAL:
        if (!r->format)
            return false;
        break;
    default:
        return false;
    }
    for (i = 0; i < r->n_messages; i++)
        if (!r->messages[i].role || !r->messages[i].text)
            return false;
    return r->n_messages > 0;
}

static enum vanta_status read_completion(const json_t *ok, struct vanta_completion *out,
                                         struct vanta_error *what)
{
    const char *text = NULL;
    enum vanta_status status =
        vanta_json_string(&client_doc, ok, "", "text", true, &text, what);

    if (status == VANTA_OK)
        status = whole(ok, "prompt_tokens", TOKENS_MAX, &out->prompt_tokens, what);
    if (status == VANTA_OK)
        status = whole(ok, "generated_tokens", TOKENS_MAX, &out->generated_tokens, what);
    if (status == VANTA_OK)
        status = number(ok, "prompt_ms", MS_MAX, &out->prompt_ms, what);
    if (status == VANTA_OK)
        status = number(ok, "generate_ms", MS_MAX, &out->generate_ms, what);
    if (status == VANTA_OK)
        status = number(ok, "first_token_ms", MS_MAX, &out->first_token_ms, what);
    if (status == VANTA_OK)
        status = boolean(ok, "ended", &out->ended, what);
    if (status == VANTA_OK)
        status = boolean(ok, "context_full", &out->context_full, what);
    if (status == VANTA_OK)
        status = boolean(ok, "not_finite", &out->not_finite, what);
    if (status == VANTA_OK && !(out->text = vanta_strdup(text)))
        status = vanta_fail_memory(what);
    return status;
}

enum vanta_status vanta_engine_complete(struct vanta_engine *engine,
                                        const struct vanta_complete *request,
                                        struct vanta_completion *out,
                                        struct vanta_error *err)
{
    size_t bytes = 0;
    struct exchange x = {.request = "complete", .event = on_text, .arg = &bytes};
    struct vanta_error what = {0};
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    if (!completion_makes_sense(request))
        return vanta_fail(err, VANTA_ERR_USAGE, "a completion's request makes no sense");
    x.message = completion_request(request);
    if (!x.message)
        return vanta_fail_memory(err);
    status = client_exchange(engine, &x, err);
    if (status == VANTA_OK)
        status = client_judge(&x, read_completion(x.ok, out, &what), &what, err);
    if (status != VANTA_OK)
        vanta_completion_free(out);
    return status;
}

void vanta_completion_free(struct vanta_completion *completion)
{
    free(completion->text);
    memset(completion, 0, sizeof *completion);
}

static json_t *text_request(const char *text)
{
    return json_pack("{s:o}", "text", client_text(text));
}

enum vanta_status vanta_engine_perplexity(struct vanta_engine *engine, const char *text,
                                          struct vanta_perplexity *out,
                                          struct vanta_error *err)
{
    struct exchange x = {.request = "perplexity", .message = text_request(text)};
    struct vanta_error what = {0};
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    if (!x.message)
        return vanta_fail_memory(err);
    status = client_exchange(engine, &x, err);
    if (status != VANTA_OK)
        return status;
    status = number(x.ok, "perplexity", DBL_MAX, &out->perplexity, &what);
    if (status == VANTA_OK)
        status = whole(x.ok, "tokens", TOKENS_MAX, &out->tokens, &what);
    if (status == VANTA_OK)
        status = number(x.ok, "engine_ms", MS_MAX, &out->engine_ms, &what);
    if (status == VANTA_OK)
        status = boolean(x.ok, "not_finite", &out->not_finite, &what);
    return client_judge(&x, status, &what, err);
}

enum vanta_status vanta_engine_speed(struct vanta_engine *engine, int prompt_tokens,
                                     int generate_tokens, double *prompt_ms,
                                     double *generate_ms, struct vanta_error *err)
{
    struct exchange x = {.request = "speed",
                         .message = json_pack("{s:i, s:i}", "prompt_tokens",
                                              prompt_tokens, "generate_tokens",
                                              generate_tokens)};
    struct vanta_error what = {0};
    enum vanta_status status;

    *prompt_ms = *generate_ms = 0;
    if (!x.message)
        return vanta_fail_memory(err);
    status = client_exchange(engine, &x, err);
    if (status != VANTA_OK)
        return status;
    status = number(x.ok, "prompt_ms", MS_MAX, prompt_ms, &what);
    if (status == VANTA_OK)
        status = number(x.ok, "generate_ms", MS_MAX, generate_ms, &what);
    return client_judge(&x, status, &what, err);
}

/* --- tokens and embeddings --- */

enum vanta_status vanta_engine_tokenize(struct vanta_engine *engine, const char *text,
                                        int32_t **ids, size_t *n, struct vanta_error *err)
{
    struct exchange x = {.request = "tokenize",
                         .message = text_request(text),
                         .answer_max = VANTA_FRAME_BINARY_MAX};
    struct vanta_error what = {0};
    enum vanta_status status;
    int64_t tokens = 0;

    *ids = NULL;
    *n = 0;
    if (!x.message)
        return vanta_fail_memory(err);
    status = client_exchange(engine, &x, err);
    if (status != VANTA_OK)
        return status;
    status = whole(x.ok, "tokens", TOKENS_MAX, &tokens, &what);
    if (status == VANTA_OK && x.binary_answer_bytes != (size_t)tokens * sizeof **ids)
        status = vanta_fail(&what, VANTA_ERR_FORMAT, "%lld tokens in %zu bytes",
                            (long long)tokens, x.binary_answer_bytes);
    if (status == VANTA_OK && !(*ids = malloc(x.binary_answer_bytes + 1)))
        status = vanta_fail_memory(&what);
    if (status == VANTA_OK) {
        if (tokens > 0)
            memcpy(*ids, x.binary_answer, x.binary_answer_bytes);
        *n = (size_t)tokens;
    }
    return client_judge(&x, status, &what, err);
}

/* Rows of finite numbers, not all 0; of unit length where the model makes them so. */
static enum vanta_status check_rows(const float *values, size_t rows, size_t dimensions,
                                    bool normalized, struct vanta_error *what)
{
    size_t row, i;

    for (row = 0; row < rows; row++) {
        const float *v = values + row * dimensions;
        double sum = 0;

        for (i = 0; i < dimensions; i++)
            sum += (double)v[i] * v[i];
        if (!isfinite(sum) || !(sum > 0) || (normalized && fabs(sum - 1) > 0.01))
            return vanta_fail(what, VANTA_ERR_FORMAT,
                              "an embedding that is no vector%s",
                              normalized ? " of length 1" : "");
    }
    return VANTA_OK;
}

/* The answer about n texts joins out, which has values for those before. */
static enum vanta_status take_rows(const struct exchange *x, size_t n, size_t all,
                                   struct vanta_embeddings *out, struct vanta_error *what)
{
    int64_t rows = 0, dimensions = 0, tokens = 0, truncated = 0;
    bool normalized = true;
    double ms = 0;
    enum vanta_status status = vanta_json_integer(&client_doc, x->ok, "", "n", true,
                                                  (int64_t)n, (int64_t)n, &rows, what);

    if (status == VANTA_OK)
        status = vanta_json_integer(&client_doc, x->ok, "", "dimensions", true, 1,
                                    DIMENSIONS_MAX, &dimensions, what);
    if (status == VANTA_OK)
        status = whole(x->ok, "tokens", TOKENS_MAX, &tokens, what);
    if (status == VANTA_OK)
        status = whole(x->ok, "truncated", (int64_t)n, &truncated, what);
    if (status == VANTA_OK)
        status = number(x->ok, "engine_ms", MS_MAX, &ms, what);
    if (status == VANTA_OK)
        status = boolean(x->ok, "normalized", &normalized, what);
    if (status != VANTA_OK)
        return status;
    if (x->binary_answer_bytes != n * (size_t)dimensions * sizeof(float) ||
        (out->dimensions && out->dimensions != (size_t)dimensions))
        return vanta_fail(what, VANTA_ERR_FORMAT, "%zu embeddings of %lld in %zu bytes",
                          n, (long long)dimensions, x->binary_answer_bytes);
    if (!out->values) {
        out->dimensions = (size_t)dimensions;
        out->values = malloc(all * out->dimensions * sizeof *out->values);
        if (!out->values)
            return vanta_fail_memory(what);
    }
    memcpy(out->values + out->n * out->dimensions, x->binary_answer,
           x->binary_answer_bytes);
    status = check_rows(out->values + out->n * out->dimensions, n, out->dimensions,
                        normalized, what);
    out->n += n;
    out->tokens += tokens;
    out->truncated += (size_t)truncated;
    out->engine_ms += ms;
    return status;
}

/* As many texts as one message takes, at least one. */
static size_t batch_of(const char *const *texts, size_t n)
{
    size_t bytes = 0, i;

    for (i = 0; i < n && i < BATCH_TEXTS; i++) {
        bytes += strlen(texts[i]);
        if (i > 0 && bytes > BATCH_TEXT_BYTES)
            break;
    }
    return i;
}

static enum vanta_status embed_some(struct vanta_engine *engine, const char *const *texts,
                                    size_t n, size_t all, struct vanta_embeddings *out,
                                    struct vanta_error *err)
{
    struct exchange x = {.request = "embed",
                         .answer_max = n * (size_t)DIMENSIONS_MAX * sizeof(float)};
    struct vanta_error what = {0};
    json_t *array = json_array();
    enum vanta_status status;
    size_t i;

    if (x.answer_max > VANTA_FRAME_BINARY_MAX)
        x.answer_max = VANTA_FRAME_BINARY_MAX;
    for (i = 0; array && i < n; i++)
        if (json_array_append_new(array, client_text(texts[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    x.message = json_pack("{s:o}", "texts", array);
    if (!x.message)
        return vanta_fail_memory(err);
    status = client_exchange(engine, &x, err);
    return status == VANTA_OK
               ? client_judge(&x, take_rows(&x, n, all, out, &what), &what, err)
               : status;
}

enum vanta_status vanta_engine_embed(struct vanta_engine *engine,
                                     const char *const *texts, size_t n,
                                     struct vanta_embeddings *out,
                                     struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t done = 0, batch;

    memset(out, 0, sizeof *out);
    if (n > VANTA_EMBED_TEXTS_MAX)
        return vanta_fail(err, VANTA_ERR_USAGE, "%zu texts at once; at most %zu", n,
                          VANTA_EMBED_TEXTS_MAX);
    for (; status == VANTA_OK && done < n; done += batch) {
        batch = batch_of(texts + done, n - done);
        status = embed_some(engine, texts + done, batch, n, out, err);
    }
    if (status != VANTA_OK)
        vanta_embeddings_free(out);
    return status;
}

void vanta_embeddings_free(struct vanta_embeddings *embeddings)
{
    free(embeddings->values);
    memset(embeddings, 0, sizeof *embeddings);
}

/* --- files and hardware --- */

enum vanta_status vanta_engine_quantize(const struct vanta_engine_options *options,
                                        const char *output, const char *quantization,
                                        struct vanta_error *err)
{
    struct vanta_engine_options o = *options;
    struct exchange x = {.request = "quantize"};
    struct vanta_engine *engine = NULL;
    enum vanta_status status;

    o.kind = VANTA_ENGINE_NONE; /* the model is a file here, nothing that is loaded */
    if (!o.model || !output || output[0] != '/')
        return vanta_fail(err, VANTA_ERR_USAGE, "quantizing needs two absolute paths");
    status = client_open(&engine, &o, output, err);
    if (status != VANTA_OK)
        return status;
    x.message = json_pack("{s:s, s:s, s:s, s:i}", "path", o.model, "output", output,
                          "quantization", quantization, "threads",
                          (int)engine->info.threads);
    status = x.message ? client_exchange(engine, &x, err)
                       : vanta_fail(err, VANTA_ERR_USAGE, "a path is not valid UTF-8");
    json_decref(x.ok);
    vanta_engine_close(engine);
    return status;
}

static enum vanta_status check_device(const json_t *device, struct vanta_error *what)
{
    static const char *const strings[] = {"name", "description", "type"};
    static const char *const sizes[] = {"memory_bytes", "free_bytes"};
    enum vanta_status status = VANTA_OK;
    const char *text;
    int64_t bytes;
    size_t i;

    if (!json_is_object(device))
        return vanta_fail(what, VANTA_ERR_FORMAT, "a device is no object");
    for (i = 0; status == VANTA_OK && i < 3; i++)
        status = vanta_json_string(&client_doc, device, "/devices", strings[i], true,
                                   &text, what);
    for (i = 0; status == VANTA_OK && i < 2; i++)
        status = vanta_json_integer(&client_doc, device, "/devices", sizes[i], true, 0,
                                    (int64_t)1 << 60, &bytes, what);
    return status;
}

static enum vanta_status check_devices(const json_t *ok, struct vanta_error *what)
{
    const json_t *backends, *devices, *features;
    enum vanta_status status = vanta_json_array(&client_doc, ok, "", "backends", true,
                                                256, &backends, what);
    size_t i;

    for (i = 0; status == VANTA_OK && i < json_array_size(backends); i++)
        if (!json_is_string(json_array_get(backends, i)))
            status = vanta_fail(what, VANTA_ERR_FORMAT, "a backend is no string");
    if (status == VANTA_OK)
        status = vanta_json_array(&client_doc, ok, "", "devices", true, 256, &devices,
                                  what);
    for (i = 0; status == VANTA_OK && i < json_array_size(devices); i++)
        status = check_device(json_array_get(devices, i), what);
    if (status == VANTA_OK)
        status = vanta_json_object(&client_doc, ok, "", "features", true, &features,
                                   what);
    return status;
}

enum vanta_status vanta_engine_devices(struct vanta_engine *engine, json_t **out,
                                       struct vanta_error *err)
{
    struct exchange x = {.request = "devices"};
    struct vanta_error what = {0};
    enum vanta_status status = client_exchange(engine, &x, err);

    if (status != VANTA_OK)
        return status;
    status = check_devices(x.ok, &what);
    if (status == VANTA_OK)
        *out = json_incref(x.ok);
    return client_judge(&x, status, &what, err);
}
