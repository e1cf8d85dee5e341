/*
 * encoder_gguf.c - writes the GGUF: the head from configuration, tokenizer and plan, then
 * the tensors, block by block out of a mapped window of model.safetensors.
 */
#include "convert/encoder_gguf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "convert/encoder_config.h"
#include "convert/encoder_plan.h"
#include "convert/encoder_tokenizer.h"
#include "convert/gguf_write.h"
#include "convert/output.h"
#include "convert/values.h"

#define BLOCK_ELEMENTS ((size_t)16 * 1024) /* whole blocks of q8_0 */
#define WINDOW_BYTES ((uint64_t)8 << 20)   /* of the mapped file */
#define HEAD_BYTES_MAX ((size_t)64 << 20)
#define WORD_START "\xe2\x96\x81" /* U+2581 */

static const char *const type_names[] = {"f32", "f16", "q8_0"};
static const uint32_t file_types[] = {0, 1, 7};

struct conversion {
    char path[VANTA_PATH_MAX]; /* of model.safetensors */
    int fd;
    uint64_t file_bytes;
    struct vanta_cursor cursor;
    enum vanta_encoder_weights weights;
    struct vanta_encoder_config config;
    struct vanta_encoder_tokenizer tokenizer;
    struct vanta_encoder_plan plan;
    struct vanta_gguf_writer head;
    struct vanta_output *out;
    uint64_t total_bytes;
    uint8_t *window; /* mapped, from window_pos on; NULL: none */
    uint64_t window_pos;
    size_t window_bytes;
    float *values;     /* BLOCK_ELEMENTS */
    uint16_t *halves;  /* BLOCK_ELEMENTS; also the bytes of q8_0 */
    vanta_convert_progress *progress;
    void *arg;
    const atomic_bool *cancel;
};

bool vanta_encoder_weights_parse(const char *name, enum vanta_encoder_weights *out)
{
    int i;

    for (i = 0; i < 3; i++)
        if (strcmp(type_names[i], name) == 0) {
            *out = (enum vanta_encoder_weights)i;
            return true;
        }
    return false;
}

const char *vanta_encoder_weights_name(enum vanta_encoder_weights weights)
{
    return type_names[weights];
}

static enum vanta_status check_cancel(const struct conversion *k, struct vanta_error *err)
{
    if (k->cancel && atomic_load(k->cancel))
        return vanta_fail(err, VANTA_ERR_CANCELLED, "the conversion of %s was stopped",
                          k->path);
    return VANTA_OK;
}

static void unmap(struct conversion *k)
{
    if (k->window)
        munmap(k->window, k->window_bytes);
    k->window = NULL;
}

static enum vanta_status map(struct conversion *k, uint64_t pos, struct vanta_error *err)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), start = pos - pos % page;
    uint64_t bytes = k->file_bytes - start;
    void *mapped;

    unmap(k);
    if (bytes > WINDOW_BYTES)
        bytes = WINDOW_BYTES;
    mapped = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, k->fd, (off_t)start);
    if (mapped == MAP_FAILED)
        return vanta_fail_errno(err, errno, "mapping %s", k->path);
    k->window = mapped;
    k->window_pos = start;
    k->window_bytes = (size_t)bytes;
    (void)posix_madvise(mapped, (size_t)bytes, POSIX_MADV_WILLNEED);
    return VANTA_OK;
}

/* n bytes of the file, valid until the next call; at most BLOCK_ELEMENTS * 4. The plan
 * has checked that they are there; but touching a page behind the end of a file that was
 * cut since is a signal, so the size is looked at again for each block. */
static enum vanta_status look_at(struct conversion *k, uint64_t pos, size_t n,
                                 const uint8_t **out, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    struct stat st;

    if (fstat(k->fd, &st) != 0)
        return vanta_fail_errno(err, errno, "%s", k->path);
    if ((uint64_t)st.st_size != k->file_bytes)
        return vanta_fail(err, VANTA_ERR_IO, "%s: changed its size while it was read",
                          k->path);
    if (!k->window || pos < k->window_pos ||
        pos + n > k->window_pos + k->window_bytes)
        status = map(k, pos, err);
    if (status == VANTA_OK)
        *out = k->window + (pos - k->window_pos);
    return status;
}

/* n elements of the piece from element at on. */
static enum vanta_status write_block(struct conversion *k,
                                     const struct vanta_encoder_piece *p, uint64_t at,
                                     size_t n, struct vanta_error *err)
{
    size_t size = p->from == VANTA_ENCODER_FROM_F32 ? 4 : 2;
    const uint8_t *raw = NULL;
    enum vanta_status status = look_at(k, p->data_pos + at * size, n * size, &raw, err);

    if (status != VANTA_OK)
        return status;
    vanta_values_read(raw, (unsigned)size, p->from == VANTA_ENCODER_FROM_BF16, k->values,
                      n);
    return vanta_values_write(k->out, p->type, k->values, n, k->halves, k->path, p->name,
                              err);
}

static enum vanta_status write_piece(struct conversion *k,
                                     const struct vanta_encoder_piece *p,
                                     struct vanta_error *err)
{
    static const uint8_t zeros[VANTA_GGUF_ALIGNMENT];
    enum vanta_status status = VANTA_OK;
    uint64_t at = 0;

    while (status == VANTA_OK && at < p->elements) {
        uint64_t left = p->elements - at;
        size_t n = left < BLOCK_ELEMENTS ? (size_t)left : BLOCK_ELEMENTS;

        status = check_cancel(k, err);
        if (status == VANTA_OK)
            status = write_block(k, p, at, n, err);
        at += n;
        if (status == VANTA_OK && k->progress)
            k->progress(k->arg, vanta_output_bytes(k->out), k->total_bytes);
    }
    if (status == VANTA_OK && p->bytes % VANTA_GGUF_ALIGNMENT)
        status = vanta_output_write(
            k->out, zeros, VANTA_GGUF_ALIGNMENT - p->bytes % VANTA_GGUF_ALIGNMENT, err);
    return status;
}

/* "bert.block_count" for "block_count". */
static void put_size(struct conversion *k, const char *name, uint32_t value)
{
    char key[96];

    if (!vanta_format(key, sizeof key, "%s.%s", k->config.mpnet ? "mpnet" : "bert", name))
        k->head.failed = true;
    vanta_gguf_u32(&k->head, key, value);
}

static void put_sizes(struct conversion *k)
{
    const struct vanta_encoder_config *c = &k->config;

    put_size(k, "block_count", c->blocks);
    put_size(k, "context_length", c->context);
    put_size(k, "embedding_length", c->width);
    put_size(k, "feed_forward_length", c->inner);
    put_size(k, "attention.head_count", c->heads);
    vanta_gguf_f32(&k->head,
                   c->mpnet ? "mpnet.attention.layer_norm_epsilon"
                            : "bert.attention.layer_norm_epsilon",
                   c->epsilon);
    vanta_gguf_bool(&k->head,
                    c->mpnet ? "mpnet.attention.causal" : "bert.attention.causal", false);
    put_size(k, "pooling_type", c->pooling);
    if (c->mpnet)
        put_size(k, "attention.relative_buckets_count", c->buckets);
    vanta_gguf_u32(&k->head, "general.file_type", file_types[k->weights]);
    vanta_gguf_u32(&k->head, "general.quantization_version", 2);
}

/* llama.cpp's form: what begins a word is marked, and not what goes on. */
static void put_tokens(struct conversion *k)
{
    const struct vanta_encoder_tokenizer *t = &k->tokenizer;
    size_t id, len;

    vanta_gguf_array(&k->head, "tokenizer.ggml.tokens", VANTA_GGUF_STRING, t->n);
    for (id = 0; id < t->n; id++) {
        const char *text = vanta_encoder_token(t, id, &len);

        if (t->tokens[id].kind == VANTA_ENCODER_TOKEN_SPECIAL)
            vanta_gguf_element_string(&k->head, text, len);
        else if (len >= 2 && memcmp(text, "##", 2) == 0)
            vanta_gguf_element_string(&k->head, text + 2, len - 2);
        else
            vanta_gguf_element_joined(&k->head, WORD_START, text, len);
    }
    vanta_gguf_array(&k->head, "tokenizer.ggml.token_type", VANTA_GGUF_I32, t->n);
    for (id = 0; id < t->n; id++)
        vanta_gguf_element_i32(&k->head, (int32_t)t->tokens[id].kind);
}

static void put_tokenizer(struct conversion *k)
{
    static const char *const keys[VANTA_ENCODER_ROLES] = {
        [VANTA_ENCODER_FIRST] = "tokenizer.ggml.bos_token_id",
        [VANTA_ENCODER_LAST] = "tokenizer.ggml.eos_token_id",
        [VANTA_ENCODER_UNKNOWN] = "tokenizer.ggml.unknown_token_id",
        [VANTA_ENCODER_SEPARATOR] = "tokenizer.ggml.seperator_token_id", /* sic */
        [VANTA_ENCODER_PADDING] = "tokenizer.ggml.padding_token_id",
        [VANTA_ENCODER_MASK] = "tokenizer.ggml.mask_token_id",
    };
    const struct vanta_encoder_tokenizer *t = &k->tokenizer;
    int role;

    vanta_gguf_string(&k->head, "tokenizer.ggml.model", "bert");
    vanta_gguf_string(&k->head, "tokenizer.ggml.pre", "jina-v2-en");
    if (!k->config.mpnet)
        vanta_gguf_u32(&k->head, "tokenizer.ggml.token_type_count",
                       k->config.token_types);
    put_tokens(k);
    for (role = 0; role < VANTA_ENCODER_ROLES; role++)
        if (t->roles[role] != VANTA_ENCODER_NO_TOKEN)
            vanta_gguf_u32(&k->head, keys[role], t->roles[role]);
    vanta_gguf_bool(&k->head, "tokenizer.ggml.add_bos_token", true);
    vanta_gguf_bool(&k->head, "tokenizer.ggml.add_eos_token", true);
    vanta_gguf_bool(&k->head, "tokenizer.ggml.add_sep_token", false);
    vanta_gguf_bool(&k->head, "tokenizer.ggml.normalizer.lowercase", t->lowercase);
    if (t->states_accents)
        vanta_gguf_bool(&k->head, "tokenizer.ggml.normalizer.strip_accents",
                        t->strip_accents);
}

static enum vanta_status put_source(struct conversion *k,
                                    const struct vanta_encoder_source *source,
                                    struct vanta_error *err)
{
    const char *digest = source ? source->weights_sha256 : NULL;
    char found[VANTA_SHA256_HEX];
    enum vanta_status status;

    if (!digest) {
        status = vanta_sha256_fd(k->fd, k->path, found, NULL, NULL, NULL, k->cancel, err);
        if (status != VANTA_OK)
            return status;
        digest = found;
    }
    vanta_gguf_u32(&k->head, "vanta.max_tokens", k->config.max_tokens);
    vanta_gguf_bool(&k->head, "vanta.normalize", k->config.normalize);
    vanta_gguf_u32(&k->head, "vanta.converter", VANTA_ENCODER_GGUF_VERSION);
    vanta_gguf_string(&k->head, "vanta.source.sha256", digest);
    return VANTA_OK;
}

static enum vanta_status make_head(struct conversion *k,
                                   const struct vanta_encoder_source *source,
                                   struct vanta_buf *head, struct vanta_error *err)
{
    enum vanta_status status;
    size_t i;

    k->head = VANTA_GGUF_WRITER(HEAD_BYTES_MAX);
    vanta_gguf_string(&k->head, "general.architecture", k->config.mpnet ? "mpnet" : "bert");
    vanta_gguf_string(&k->head, "general.type", "model");
    if (source && source->name)
        vanta_gguf_string(&k->head, "general.name", source->name);
    if (source && source->license)
        vanta_gguf_string(&k->head, "general.license", source->license);
    if (source && source->url)
        vanta_gguf_string(&k->head, "general.source.url", source->url);
    put_sizes(k);
    put_tokenizer(k);
    status = put_source(k, source, err);
    for (i = 0; status == VANTA_OK && i < k->plan.n; i++) {
        const struct vanta_encoder_piece *p = &k->plan.pieces[i];

        vanta_gguf_tensor(&k->head, p->name, p->type, p->rank, p->extents, p->bytes);
    }
    if (status == VANTA_OK)
        status = vanta_gguf_head(&k->head, head, err);
    k->total_bytes = head->len + k->head.data_bytes;
    return status;
}

/* All that can be judged before the first byte is written. */
static enum vanta_status prepare(struct conversion *k, const char *dir,
                                 struct vanta_error *err)
{
    enum vanta_status status = vanta_encoder_config_read(dir, &k->config, err);

    if (status != VANTA_OK)
        return status;
    if (!vanta_path_join(k->path, dir, "model.safetensors"))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    k->fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (k->fd < 0) {
        status = vanta_fail_errno(err, errno, "%s", k->path);
        vanta_hint(err, "a sentence-transformers folder holds config.json and "
                        "model.safetensors");
        return status;
    }
    status = vanta_cursor_file(&k->cursor, k->fd, k->path, err);
    if (status == VANTA_OK)
        status = vanta_encoder_plan_make(&k->cursor, &k->config, k->weights, &k->plan, err);
    if (status == VANTA_OK)
        status = vanta_encoder_tokenizer_read(dir, k->config.vocabulary, k->config.mpnet,
                                              &k->tokenizer, err);
    if (status == VANTA_OK && k->config.lowercase_first && !k->tokenizer.lowercase)
        status = vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                            "%s: do_lower_case is for sentence-transformers alone, and "
                            "the tokenizer keeps capitals", dir);
    k->file_bytes = k->cursor.size;
    k->values = malloc(BLOCK_ELEMENTS * sizeof *k->values);
    k->halves = malloc(BLOCK_ELEMENTS * sizeof *k->halves);
    if (status == VANTA_OK && (!k->values || !k->halves))
        status = vanta_fail_memory(err);
    return status;
}

static enum vanta_status write_all(struct conversion *k, const char *target,
                                   const struct vanta_encoder_source *source,
                                   struct vanta_convert_result *result,
                                   struct vanta_error *err)
{
    struct vanta_buf head = {NULL, 0, 0, 0};
    enum vanta_status status = make_head(k, source, &head, err);
    size_t i;

    if (status == VANTA_OK)
        status = vanta_output_begin(target, k->total_bytes, head.data, head.len, &k->out,
                                    err);
    vanta_buf_free(&head);
    for (i = 0; status == VANTA_OK && i < k->plan.n; i++)
        status = write_piece(k, &k->plan.pieces[i], err);
    return status == VANTA_OK ? vanta_output_complete(k->out, k->total_bytes, result, err)
                              : status;
}

enum vanta_status vanta_encoder_gguf(const char *dir, const char *target,
                                     enum vanta_encoder_weights weights,
                                     const struct vanta_encoder_source *source,
                                     vanta_convert_progress *progress, void *arg,
                                     const atomic_bool *cancel,
                                     struct vanta_convert_result *out,
                                     struct vanta_error *err)
{
    struct conversion *k = calloc(1, sizeof *k);
    enum vanta_status status;

    if (!k)
        return vanta_fail_memory(err);
    k->fd = k->cursor.fd = -1;
    k->weights = weights;
    k->progress = progress;
    k->arg = arg;
    k->cancel = cancel;
    status = prepare(k, dir, err);
    if (status == VANTA_OK)
        status = write_all(k, target, source, out, err);
    vanta_output_close(k->out);
    unmap(k);
    vanta_gguf_writer_free(&k->head);
    vanta_encoder_plan_free(&k->plan);
    vanta_encoder_tokenizer_free(&k->tokenizer);
    vanta_cursor_close(&k->cursor);
    free(k->values);
    free(k->halves);
    if (k->fd >= 0)
        close(k->fd);
    free(k);
    return status;
}
