/*
 * encoder_driver.c - runs a sentence encoder's GGUF, for tests and benchmarks.
 *
 *     encoder_driver ids|plain|llama FILE <ids >vectors
 *     encoder_driver texts FILE [REPEATS] <texts >vectors
 *
 * ids: a line of token ids for each text, by our encoder; plain: the same on ggml's own
 * operators; llama: the same by llama.cpp. texts: a line for each text, tokenized here too;
 * each repeat's seconds (and at the end the peak memory in bytes) go to stderr. Vectors are
 * raw f32. VANTA_THREADS sets the number of threads (2).
 */
#include <gguf.h>
#include <llama.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "engines/helper/encoder.h"
#include "engines/helper/wordpiece.h"
#include "vanta_error.h"

#define TEXTS_MAX 100000
#define IDS_MAX (1 << 24)

struct input {
    char **lines;
    int32_t *ids;
    uint32_t *lengths;
    size_t n, tokens;
};

static void die(const char *what)
{
    fprintf(stderr, "encoder_driver: %s\n", what);
    exit(3);
}

static void *need(void *memory)
{
    if (memory == NULL)
        die("out of memory");
    return memory;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void quiet(enum ggml_log_level level, const char *text, void *arg)
{
    (void)arg;
    if (level == GGML_LOG_LEVEL_ERROR)
        fputs(text, stderr);
}

static void read_lines(struct input *in)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    in->lines = need(calloc(TEXTS_MAX, sizeof *in->lines));
    in->lengths = need(calloc(TEXTS_MAX, sizeof *in->lengths));
    in->ids = need(malloc(IDS_MAX * sizeof *in->ids));
    while ((len = getline(&line, &room, stdin)) >= 0) {
        if (in->n == TEXTS_MAX)
            die("too many texts");
        if (len > 0 && line[len - 1] == '\n')
            line[len - 1] = '\0';
        in->lines[in->n++] = need(strdup(line));
    }
    free(line);
}

static void parse_ids(struct input *in)
{
    for (size_t i = 0; i < in->n; i++) {
        char *at = in->lines[i], *end;
        for (;; at = end) {
            long id = strtol(at, &end, 10);
            if (end == at)
                break;
            if (in->tokens == IDS_MAX)
                die("too many ids");
            in->ids[in->tokens++] = (int32_t)id;
            in->lengths[i]++;
        }
    }
}

static uint32_t key_u32(const struct gguf_context *gguf, const char *key)
{
    int64_t id = gguf_find_key(gguf, key);

    if (id < 0)
        die(key);
    return gguf_get_val_u32(gguf, id);
}

static struct vanta_wordpiece *load_tokenizer(const char *path)
{
    struct gguf_init_params params = {.no_alloc = true};
    struct gguf_context *gguf = gguf_init_from_file(path, params);
    struct vanta_wordpiece_options o = {.form = VANTA_WORDPIECE_GGUF,
                                        .lowercase = true, .strip_accents = true};
    struct vanta_wordpiece_token *tokens;
    struct vanta_wordpiece *w;
    struct vanta_error err = {0};
    int64_t list = -1, types = -1;

    if (gguf == NULL || (list = gguf_find_key(gguf, "tokenizer.ggml.tokens")) < 0 ||
        (types = gguf_find_key(gguf, "tokenizer.ggml.token_type")) < 0)
        die("no tokenizer in the file");
    o.n_tokens = gguf_get_arr_n(gguf, list);
    o.tokens = tokens = need(calloc(o.n_tokens, sizeof *tokens));
    for (size_t i = 0; i < o.n_tokens; i++) {
        tokens[i].text = gguf_get_arr_str(gguf, list, i);
        tokens[i].len = strlen(tokens[i].text);
        tokens[i].kind = ((const int32_t *)gguf_get_arr_data(gguf, types))[i];
    }
    o.first = (int32_t)key_u32(gguf, "tokenizer.ggml.bos_token_id");
    o.last = (int32_t)key_u32(gguf, "tokenizer.ggml.eos_token_id");
    o.unknown = (int32_t)key_u32(gguf, "tokenizer.ggml.unknown_token_id");
    if (vanta_wordpiece_new(&o, &w, &err) != VANTA_OK)
        die(err.message);
    free(tokens);
    gguf_free(gguf);
    return w;
}

static void tokenize(struct input *in, const struct vanta_wordpiece *w, uint32_t most)
{
    struct vanta_error err = {0};

    in->tokens = 0;
    for (size_t i = 0; i < in->n; i++) {
        size_t n;
        bool cut;
        if (vanta_wordpiece_encode(w, in->lines[i], strlen(in->lines[i]),
                                   in->ids + in->tokens, most, &n, &cut,
                                   &err) != VANTA_OK)
            die(err.message);
        in->lengths[i] = (uint32_t)n;
        in->tokens += n;
    }
}

static int threads(void)
{
    const char *text = getenv("VANTA_THREADS");

    return text != NULL ? atoi(text) : 2;
}

/* Not getrusage on Linux: its peak is inherited from who started this program. */
static long long peak_bytes(void)
{
    struct rusage usage;
    char line[256];
    long long kib = -1;
    FILE *file = fopen("/proc/self/status", "r");

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtoll(line + 6, NULL, 10);
    if (file != NULL)
        fclose(file);
    if (kib >= 0)
        return kib * 1024;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss; /* bytes on macOS */
}

static float *run_ours(const char *mode, const char *path, int repeats, struct input *in,
                       uint32_t *dimensions)
{
    struct vanta_encoder_options options = {.threads = (unsigned)threads(),
                                            .plain = strcmp(mode, "plain") == 0};
    bool texts = strcmp(mode, "texts") == 0;
    struct vanta_wordpiece *w = texts ? load_tokenizer(path) : NULL;
    struct vanta_encoder *encoder;
    struct vanta_encoder_info info;
    struct vanta_error err = {0};
    float *out;

    if (vanta_encoder_load(path, &options, &encoder, &err) != VANTA_OK)
        die(err.message);
    vanta_encoder_info(encoder, &info);
    *dimensions = info.dimensions;
    out = need(malloc((in->n + 1) * info.dimensions * sizeof *out));
    for (int i = 0; i < repeats; i++) {
        double start = now();
        if (texts)
            tokenize(in, w, info.max_tokens);
        if (vanta_encoder_embed(encoder, in->ids, in->lengths, in->n, out, NULL, &err) !=
            VANTA_OK)
            die(err.message);
        if (texts)
            fprintf(stderr, "seconds %.6f\n", now() - start);
    }
    if (texts)
        fprintf(stderr, "peak %lld\n", peak_bytes());
    vanta_encoder_free(encoder);
    vanta_wordpiece_free(w);
    return out;
}

static float *run_llama(const char *path, struct input *in, uint32_t *dimensions)
{
    struct llama_model *model = llama_model_load_from_file(path,
                                                           llama_model_default_params());
    struct llama_context_params params = llama_context_default_params();
    struct llama_context *context;
    const int32_t *ids = in->ids;
    float *out;

    params.n_ctx = params.n_batch = params.n_ubatch = 512;
    params.embeddings = true;
    params.n_threads = params.n_threads_batch = threads();
    if (model == NULL || (context = llama_init_from_model(model, params)) == NULL)
        die("llama.cpp does not load it");
    *dimensions = (uint32_t)llama_model_n_embd(model);
    out = need(malloc((in->n + 1) * *dimensions * sizeof *out));
    for (size_t i = 0; i < in->n; ids += in->lengths[i++]) {
        struct llama_batch batch = llama_batch_init((int32_t)in->lengths[i], 0, 1);
        float *vector = out + i * *dimensions;
        double square = 0;

        for (uint32_t t = 0; t < in->lengths[i]; t++) {
            batch.token[t] = ids[t];
            batch.pos[t] = (llama_pos)t;
            batch.n_seq_id[t] = 1;
            batch.seq_id[t][0] = 0;
            batch.logits[t] = 1;
        }
        batch.n_tokens = (int32_t)in->lengths[i];
        if (llama_encode(context, batch) != 0 ||
            llama_get_embeddings_seq(context, 0) == NULL)
            die("llama.cpp does not run it");
        memcpy(vector, llama_get_embeddings_seq(context, 0), *dimensions * sizeof *vector);
        for (uint32_t d = 0; d < *dimensions; d++)
            square += (double)vector[d] * (double)vector[d];
        for (uint32_t d = 0; d < *dimensions; d++)
            vector[d] /= (float)sqrt(square);
        llama_batch_free(batch);
    }
    llama_free(context);
    llama_model_free(model);
    return out;
}

int main(int argc, char **argv)
{
    struct input in = {0};
    uint32_t dimensions;
    float *out;

    if (argc < 3)
        die("usage: encoder_driver ids|plain|llama|texts FILE [REPEATS]");
    ggml_log_set(quiet, NULL);
    llama_log_set(quiet, NULL);
    ggml_backend_load_all();
    read_lines(&in);
    if (strcmp(argv[1], "texts") != 0)
        parse_ids(&in);
    out = strcmp(argv[1], "llama") == 0
              ? run_llama(argv[2], &in, &dimensions)
              : run_ours(argv[1], argv[2], argc > 3 ? atoi(argv[3]) : 1, &in, &dimensions);
    if (fwrite(out, dimensions * sizeof *out, in.n, stdout) != in.n ||
        fflush(stdout) != 0)
        die("cannot write");
    free(out);
    return 0;
}
