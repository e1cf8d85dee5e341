/* encoder_serve.c - sentence encoders as a backend: the tokenizer that the file holds,
 * the graph of encoder.h, and the requests embed and tokenize. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ggml.h>
#include <gguf.h>

#include "base/error.h"
#include "base/json.h"
#include "engines/helper/backend.h"
#include "engines/helper/encoder.h"
#include "engines/helper/wordpiece.h"

/* Texts of so many tokens go through the model at once: enough for full batches, and
 * progress every few seconds on a slow machine. */
#define ROUND_TOKENS ((size_t)16384)
#define TEXTS_MAX ((size_t)16384)

static const struct vanta_json_doc request_doc = {"request"};

struct encoder_state {
    struct vanta_encoder *encoder;
    struct vanta_encoder_info info;
    struct vanta_wordpiece *tokenizer;
    unsigned threads;
    bool normalized; /* vectors are of length 1 */
};

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* --- the tokenizer of the file --- */

static bool id_at(const struct gguf_context *file, const char *key, size_t n_tokens,
                  int32_t *out)
{
    int64_t at = gguf_find_key(file, key);
    uint32_t id;

    if (at < 0 || gguf_get_kv_type(file, at) != GGUF_TYPE_UINT32)
        return false;
    id = gguf_get_val_u32(file, at);
    *out = (int32_t)id;
    return id < n_tokens && id <= INT32_MAX;
}

static bool flag_at(const struct gguf_context *file, const char *key, bool otherwise)
{
    int64_t at = gguf_find_key(file, key);

    return at >= 0 && gguf_get_kv_type(file, at) == GGUF_TYPE_BOOL
               ? gguf_get_val_bool(file, at)
               : otherwise;
}

/* Whether key is an array of type with n elements. */
static bool is_array(const struct gguf_context *file, int64_t key, enum gguf_type type,
                     size_t n)
{
    return key >= 0 && gguf_get_kv_type(file, key) == GGUF_TYPE_ARRAY &&
           gguf_get_arr_type(file, key) == type && gguf_get_arr_n(file, key) == n;
}

static enum vanta_status make_tokenizer(const struct gguf_context *file,
                                        struct encoder_state *s, struct vanta_error *err)
{
    int64_t texts = gguf_find_key(file, "tokenizer.ggml.tokens");
    int64_t types = gguf_find_key(file, "tokenizer.ggml.token_type");
    size_t n = s->info.vocabulary, i;
    struct vanta_wordpiece_options options = {.form = VANTA_WORDPIECE_GGUF,
                                              .n_tokens = n};
    struct vanta_wordpiece_token *tokens;
    const int32_t *type;
    enum vanta_status status;

    if (!is_array(file, texts, GGUF_TYPE_STRING, n) ||
        !is_array(file, types, GGUF_TYPE_INT32, n) ||
        !id_at(file, "tokenizer.ggml.bos_token_id", n, &options.first) ||
        !id_at(file, "tokenizer.ggml.eos_token_id", n, &options.last) ||
        !id_at(file, "tokenizer.ggml.unknown_token_id", n, &options.unknown))
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "the file's tokenizer is not whole or not of this model");
    tokens = calloc(n ? n : 1, sizeof *tokens);
    if (!tokens)
        return vanta_fail_memory(err);
    type = gguf_get_arr_data(file, types);
    for (i = 0; i < n; i++) {
        tokens[i].text = gguf_get_arr_str(file, texts, i);
        tokens[i].len = strlen(tokens[i].text);
        tokens[i].kind = type[i];
    }
    options.tokens = tokens;
    options.lowercase = flag_at(file, "tokenizer.ggml.normalizer.lowercase", true);
    options.strip_accents =
        flag_at(file, "tokenizer.ggml.normalizer.strip_accents", options.lowercase);
    s->normalized = flag_at(file, "vanta.normalize", true);
    status = vanta_wordpiece_new(&options, &s->tokenizer, err);
    free(tokens);
    return status;
}

/* The encoder has checked the file by now. */
static enum vanta_status read_tokenizer(const char *path, struct encoder_state *s,
                                        struct vanta_error *err)
{
    struct gguf_init_params params = {.no_alloc = true};
    struct gguf_context *file = gguf_init_from_file(path, params);
    enum vanta_status status;

    if (!file)
        return vanta_fail(err, VANTA_ERR_FORMAT, "ggml cannot read its header");
    status = make_tokenizer(file, s, err);
    gguf_free(file);
    return status;
}

/* --- load, info --- */

static void encoder_free(void *state)
{
    struct encoder_state *s = state;

    if (!s)
        return;
    vanta_wordpiece_free(s->tokenizer);
    vanta_encoder_free(s->encoder);
    free(s);
}

static enum vanta_status encoder_load(const struct load_options *options, struct job *job,
                                      void **state, struct vanta_error *err)
{
    struct vanta_encoder_options wanted = {
        .threads = (unsigned)options->threads,
        .gpu = !options->no_gpu && options->gpu_layers != 0,
    };
    struct encoder_state *s = calloc(1, sizeof *s);
    enum vanta_status status;

    if (!s)
        return vanta_fail_memory(err);
    s->threads = wanted.threads;
    job_progress(job, 0);
    status = vanta_encoder_load(options->path, &wanted, &s->encoder, err);
    if (status == VANTA_OK) {
        vanta_encoder_info(s->encoder, &s->info);
        status = read_tokenizer(options->path, s, err);
        if (status != VANTA_OK && err)
            vanta_wrap(err, "%s", options->path);
    }
    if (status != VANTA_OK) {
        encoder_free(s);
        return status;
    }
    *state = s;
    return VANTA_OK;
}

static enum vanta_status encoder_info(void *state, json_t *out, struct vanta_error *err)
{
    struct encoder_state *s = state;
    json_t *info;

    vanta_encoder_info(s->encoder, &s->info); /* compute_bytes grows */
    info = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:i}", "architecture",
                     s->info.architecture, "description", s->info.weights, "devices",
                     s->info.device, "parameters", (json_int_t)s->info.parameters,
                     "weights_bytes", (json_int_t)s->info.weight_bytes, "compute_bytes",
                     (json_int_t)s->info.compute_bytes, "context_tokens",
                     (json_int_t)s->info.max_tokens, "context_max",
                     (json_int_t)s->info.max_tokens, "dimensions",
                     (json_int_t)s->info.dimensions, "threads", (int)s->threads);
    return json_object_update_new(out, info) == 0 ? VANTA_OK : vanta_fail_memory(err);
}

/* --- requests --- */

static enum vanta_status encode(const struct encoder_state *s, const json_t *text,
                                int32_t *ids, size_t *n, bool *cut,
                                struct vanta_error *err)
{
    if (!json_is_string(text))
        return vanta_fail(err, VANTA_ERR_USAGE, "a text that is no string");
    return vanta_wordpiece_encode(s->tokenizer, json_string_value(text),
                                  json_string_length(text), ids, s->info.max_tokens, n,
                                  cut, err);
}

static enum vanta_status tokenize(void *state, struct job *job, struct answer *answer,
                                  struct vanta_error *err)
{
    const struct encoder_state *s = state;
    int32_t *ids = malloc(s->info.max_tokens * sizeof *ids);
    enum vanta_status status;
    size_t n = 0;

    if (!ids)
        return vanta_fail_memory(err);
    status = encode(s, json_object_get(job->request, "text"), ids, &n, NULL, err);
    if (status != VANTA_OK) {
        free(ids);
        return status;
    }
    answer->ok = json_pack("{s:I}", "tokens", (json_int_t)n);
    answer->binary = ids;
    answer->binary_bytes = n * sizeof *ids;
    return VANTA_OK;
}

struct embedding {
    const struct encoder_state *s;
    struct job *job;
    const json_t *texts;
    size_t n;
    float *rows;
    int32_t *ids; /* of one round */
    uint32_t lengths[ROUND_TOKENS / 2]; /* a text has two tokens at least */
    int64_t tokens;
    size_t truncated;
};

/* As many texts from first on as a round takes; *n of them are embedded. */
static enum vanta_status embed_round(struct embedding *e, size_t first, size_t *n,
                                     struct vanta_error *err)
{
    size_t used = 0, len;
    enum vanta_status status;
    bool cut;

    for (*n = 0; first + *n < e->n && *n < ROUND_TOKENS / 2 && used < ROUND_TOKENS;
         ++*n) {
        status = encode(e->s, json_array_get(e->texts, first + *n), e->ids + used, &len,
                        &cut, err);
        if (status != VANTA_OK)
            return status;
        e->lengths[*n] = (uint32_t)len;
        e->truncated += cut;
        used += len;
    }
    e->tokens += (int64_t)used;
    return vanta_encoder_embed(e->s->encoder, e->ids, e->lengths, *n,
                               e->rows + first * e->s->info.dimensions,
                               e->job->cancelled, err);
}

static enum vanta_status embed_all(struct embedding *e, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t done, n;

    for (done = 0; status == VANTA_OK && done < e->n; done += n) {
        status = embed_round(e, done, &n, err);
        if (status == VANTA_OK)
            job_progress(e->job, (double)(done + n) / (double)e->n);
    }
    return status;
}

static enum vanta_status embed(void *state, struct job *job, struct answer *answer,
                               struct vanta_error *err)
{
    struct encoder_state *s = state;
    struct embedding *e = calloc(1, sizeof *e);
    double start = now_ms();
    enum vanta_status status;

    if (!e)
        return vanta_fail_memory(err);
    e->s = s;
    e->job = job;
    status = vanta_json_array(&request_doc, job->request, "", "texts", true, TEXTS_MAX,
                              &e->texts, err);
    e->n = json_array_size(e->texts);
    if (status == VANTA_OK) {
        e->rows = malloc((e->n * s->info.dimensions + 1) * sizeof *e->rows);
        e->ids = malloc((ROUND_TOKENS + s->info.max_tokens) * sizeof *e->ids);
        status = e->rows && e->ids ? embed_all(e, err) : vanta_fail_memory(err);
    }
    if (status == VANTA_OK) {
        answer->ok = json_pack("{s:I, s:I, s:I, s:I, s:f, s:b}", "n", (json_int_t)e->n,
                               "dimensions", (json_int_t)s->info.dimensions, "tokens",
                               (json_int_t)e->tokens, "truncated",
                               (json_int_t)e->truncated, "engine_ms", now_ms() - start,
                               "normalized", s->normalized);
        answer->binary = e->rows;
        answer->binary_bytes = e->n * s->info.dimensions * sizeof *e->rows;
        e->rows = NULL;
    }
    free(e->rows);
    free(e->ids);
    free(e);
    return status;
}

const struct backend backend_encoder = {
    .kind = "encoder",
    .load = encoder_load,
    .free = encoder_free,
    .info = encoder_info,
    .requests = (const struct backend_entry[]){{"embed", embed},
                                               {"tokenize", tokenize},
                                               {NULL, NULL}},
};
