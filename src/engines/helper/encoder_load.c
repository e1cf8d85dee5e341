#include <errno.h>
#include <fcntl.h>
#include <gguf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "engines/helper/encoder_private.h"

/* The file while it is read. */
struct reader {
    struct vanta_encoder *encoder;
    const char *path;
    struct gguf_context *gguf;
    uint64_t linear_bytes[GGML_TYPE_COUNT]; /* of the layers, by type */
    bool mpnet;
};

static enum vanta_status map_file(struct vanta_encoder *encoder, const char *path,
                                  struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return vanta_fail_errno(err, errno, "%s", path);
    if (fstat(fd, &st) != 0) {
        status = vanta_fail_errno(err, errno, "%s", path);
    } else if (!S_ISREG(st.st_mode) || st.st_size < 24) {
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: not a GGUF file", path);
    } else {
        encoder->map_bytes = (size_t)st.st_size;
        encoder->map =
            mmap(NULL, encoder->map_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        if (encoder->map == MAP_FAILED) {
            encoder->map = NULL;
            status = vanta_fail_errno(err, errno, "mapping %s", path);
        }
    }
    close(fd);
    return status;
}

/* The key of the architecture: "bert.block_count" for "block_count". */
static int64_t find_key(const struct reader *r, const char *name, char *full, size_t size)
{
    snprintf(full, size, "%s.%s", r->encoder->info.architecture, name);
    return gguf_find_key(r->gguf, full);
}

/* A whole number between low and high. optional: absent leaves *out as it is. */
static enum vanta_status read_count(const struct reader *r, const char *name,
                                    uint32_t low, uint32_t high, bool optional,
                                    uint32_t *out, struct vanta_error *err)
{
    char key[96];
    int64_t id = find_key(r, name, key, sizeof key);
    uint32_t value;

    if (id < 0 && optional)
        return VANTA_OK;
    if (id < 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: no key %s", r->path, key);
    if (gguf_get_kv_type(r->gguf, id) != GGUF_TYPE_UINT32)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s is not a u32", r->path, key);
    value = gguf_get_val_u32(r->gguf, id);
    if (value < low || value > high)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: %s is %u; %u to %u can be used here",
                          r->path, key, value, low, high);
    *out = value;
    return VANTA_OK;
}

static enum vanta_status read_epsilon(const struct reader *r, float *out,
                                      struct vanta_error *err)
{
    char key[96];
    int64_t id = find_key(r, "attention.layer_norm_epsilon", key, sizeof key);

    if (id < 0 || gguf_get_kv_type(r->gguf, id) != GGUF_TYPE_FLOAT32)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: no f32 key %s", r->path, key);
    *out = gguf_get_val_f32(r->gguf, id);
    if (!(*out >= 0.0F && *out <= 0.1F))
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s is %g", r->path, key,
                          (double)*out);
    return VANTA_OK;
}

/* vanta.max_tokens and vanta.normalize, which our own converter writes. */
static enum vanta_status read_own(const struct reader *r, struct vanta_error *err)
{
    struct vanta_encoder *encoder = r->encoder;
    int64_t tokens = gguf_find_key(r->gguf, "vanta.max_tokens");
    int64_t normalize = gguf_find_key(r->gguf, "vanta.normalize");

    encoder->normalize = true;
    if (normalize >= 0) {
        if (gguf_get_kv_type(r->gguf, normalize) != GGUF_TYPE_BOOL)
            return vanta_fail(err, VANTA_ERR_FORMAT, "%s: vanta.normalize is not a bool",
                              r->path);
        encoder->normalize = gguf_get_val_bool(r->gguf, normalize);
    }
    if (tokens >= 0) {
        uint32_t most;
        if (gguf_get_kv_type(r->gguf, tokens) != GGUF_TYPE_UINT32)
            return vanta_fail(err, VANTA_ERR_FORMAT, "%s: vanta.max_tokens is not a u32",
                              r->path);
        most = gguf_get_val_u32(r->gguf, tokens);
        if (most < 1 || most > encoder->info.max_tokens)
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: vanta.max_tokens is %u, the context %u tokens",
                              r->path, most, encoder->info.max_tokens);
        encoder->info.max_tokens = most;
    }
    return VANTA_OK;
}

/* What the graph cannot do must not be passed over: another pooling, causal attention. */
static enum vanta_status refuse_others(const struct reader *r, struct vanta_error *err)
{
    uint32_t pooling = 1;
    char key[96];
    int64_t id;
    enum vanta_status status =
        read_count(r, "pooling_type", 0, UINT32_MAX, true, &pooling, err);

    if (status != VANTA_OK)
        return status;
    if (pooling != 1 && pooling != 2)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: pooling type %u; the mean (1) and the first token (2) can "
                          "be used here", r->path, pooling);
    r->encoder->pool_first = pooling == 2;
    id = find_key(r, "attention.causal", key, sizeof key);
    if (id >= 0 && (gguf_get_kv_type(r->gguf, id) != GGUF_TYPE_BOOL ||
                    gguf_get_val_bool(r->gguf, id)))
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: %s must be false for a sentence encoder", r->path, key);
    return VANTA_OK;
}

static enum vanta_status read_architecture(struct reader *r, struct vanta_error *err)
{
    struct vanta_encoder_info *info = &r->encoder->info;
    int64_t id = gguf_find_key(r->gguf, "general.architecture");
    const char *name;

    if (id < 0 || gguf_get_kv_type(r->gguf, id) != GGUF_TYPE_STRING)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: no general.architecture", r->path);
    name = gguf_get_val_str(r->gguf, id);
    r->mpnet = strcmp(name, "mpnet") == 0;
    if (!r->mpnet && strcmp(name, "bert") != 0)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: architecture %.40s is no sentence encoder known here "
                          "(bert, mpnet)", r->path, name);
    snprintf(info->architecture, sizeof info->architecture, "%s", name);
    return VANTA_OK;
}

static enum vanta_status read_sizes(struct reader *r, struct vanta_error *err)
{
    struct vanta_encoder *encoder = r->encoder;
    struct vanta_encoder_info *info = &encoder->info;
    uint32_t buckets = ENCODER_BUCKETS;
    enum vanta_status status;

    if ((status = read_count(r, "block_count", 1, VANTA_ENCODER_LAYERS_MAX, false,
                             &info->layers, err)) != VANTA_OK ||
        (status = read_count(r, "embedding_length", 1, VANTA_ENCODER_DIMENSIONS_MAX,
                             false, &info->dimensions, err)) != VANTA_OK ||
        (status = read_count(r, "feed_forward_length", 1, VANTA_ENCODER_FEED_FORWARD_MAX,
                             false, &encoder->feed_forward, err)) != VANTA_OK ||
        (status = read_count(r, "attention.head_count", 1, info->dimensions, false,
                             &info->heads, err)) != VANTA_OK ||
        (status = read_count(r, "context_length", 1, VANTA_ENCODER_TOKENS_MAX, false,
                             &info->max_tokens, err)) != VANTA_OK ||
        (status = read_count(r, "attention.relative_buckets_count", ENCODER_BUCKETS,
                             ENCODER_BUCKETS, true, &buckets, err)) != VANTA_OK ||
        (status = read_epsilon(r, &encoder->epsilon, err)) != VANTA_OK)
        return status;
    if (info->dimensions % info->heads != 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %u dimensions and %u heads",
                          r->path, info->dimensions, info->heads);
    if (info->dimensions / info->heads > ENCODER_HEAD_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: heads of %u dimensions; at most %d",
                          r->path, info->dimensions / info->heads, ENCODER_HEAD_MAX);
    return VANTA_OK;
}

static bool type_allowed(enum ggml_type type, bool matrix)
{
    return type == GGML_TYPE_F32 ||
           (matrix && (type == GGML_TYPE_F16 || type == GGML_TYPE_BF16 ||
                       type == GGML_TYPE_Q8_0));
}

/* Makes the tensor of this name, with low to high rows. Vectors have one, and are f32. */
static enum vanta_status take_tensor(struct reader *r, const char *name, int64_t inner,
                                     int64_t low, int64_t high, bool matrix,
                                     struct ggml_tensor **out, struct vanta_error *err)
{
    struct vanta_encoder *encoder = r->encoder;
    int64_t id = gguf_find_tensor(r->gguf, name);
    uint64_t room = encoder->map_bytes - gguf_get_data_offset(r->gguf);
    const int64_t *ne;
    enum ggml_type type;
    uint64_t bytes, at;

    if (id < 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: no tensor %s", r->path, name);
    ne = gguf_get_tensor_ne(r->gguf, id);
    type = gguf_get_tensor_type(r->gguf, id);
    bytes = gguf_get_tensor_size(r->gguf, id);
    at = gguf_get_tensor_offset(r->gguf, id);
    if (ne[0] != inner || ne[1] < low || ne[1] > high || ne[2] != 1 || ne[3] != 1)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: tensor %s is %lld x %lld x %lld x %lld; expected %lld x "
                          "%lld%s", r->path, name, (long long)ne[0], (long long)ne[1],
                          (long long)ne[2], (long long)ne[3], (long long)inner,
                          (long long)high, low < high ? " or less" : "");
    if (!type_allowed(type, matrix))
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: tensor %s has type %s, which cannot be used here", r->path,
                          name, ggml_type_name(type));
    if (bytes != ggml_row_size(type, inner) * (uint64_t)ne[1] || at > room ||
        bytes > room - at)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: cut short at byte %zu; tensor %s ends behind it", r->path,
                          encoder->map_bytes, name);
    *out = ggml_new_tensor_2d(encoder->context, type, inner, ne[1]);
    ggml_set_name(*out, name);
    (*out)->data = (char *)encoder->map + gguf_get_data_offset(r->gguf) + at;
    encoder->info.weight_bytes += bytes;
    encoder->info.parameters += (uint64_t)inner * (uint64_t)ne[1];
    return VANTA_OK;
}

static enum vanta_status take_vector(struct reader *r, const char *name, int64_t elements,
                                     struct ggml_tensor **out, struct vanta_error *err)
{
    return take_tensor(r, name, elements, 1, 1, false, out, err);
}

static enum vanta_status take_norm(struct reader *r, const char *name,
                                   struct encoder_norm *out, struct vanta_error *err)
{
    int64_t d = r->encoder->info.dimensions;
    char full[GGML_MAX_NAME];
    enum vanta_status status;

    snprintf(full, sizeof full, "%s.weight", name);
    status = take_vector(r, full, d, &out->weight, err);
    snprintf(full, sizeof full, "%s.bias", name);
    return status != VANTA_OK ? status : take_vector(r, full, d, &out->bias, err);
}

static enum vanta_status take_linear(struct reader *r, uint32_t layer, const char *name,
                                     uint32_t inputs, uint32_t outputs,
                                     struct encoder_linear *out, struct vanta_error *err)
{
    char full[GGML_MAX_NAME];
    enum vanta_status status;

    snprintf(full, sizeof full, "blk.%u.%s.weight", layer, name);
    status = take_tensor(r, full, inputs, outputs, outputs, true, &out->weight, err);
    if (status == VANTA_OK)
        r->linear_bytes[out->weight->type] += ggml_nbytes(out->weight);
    snprintf(full, sizeof full, "blk.%u.%s.bias", layer, name);
    return status != VANTA_OK ? status : take_vector(r, full, outputs, &out->bias, err);
}

static enum vanta_status take_layer(struct reader *r, uint32_t n, struct vanta_error *err)
{
    struct encoder_layer *layer = &r->encoder->weights.layers[n];
    uint32_t d = r->encoder->info.dimensions, ff = r->encoder->feed_forward;
    char attention[40], output[40];
    enum vanta_status status;

    snprintf(attention, sizeof attention, "blk.%u.attn_output_norm", n);
    snprintf(output, sizeof output, "blk.%u.layer_output_norm", n);
    if ((status = take_linear(r, n, "attn_q", d, d, &layer->q, err)) != VANTA_OK ||
        (status = take_linear(r, n, "attn_k", d, d, &layer->k, err)) != VANTA_OK ||
        (status = take_linear(r, n, "attn_v", d, d, &layer->v, err)) != VANTA_OK ||
        (status = take_linear(r, n, "attn_output", d, d, &layer->o, err)) != VANTA_OK ||
        (status = take_linear(r, n, "ffn_up", d, ff, &layer->up, err)) != VANTA_OK ||
        (status = take_linear(r, n, "ffn_down", ff, d, &layer->down, err)) != VANTA_OK ||
        (status = take_norm(r, attention, &layer->attention_norm, err)) != VANTA_OK)
        return status;
    return take_norm(r, output, &layer->output_norm, err);
}

static enum vanta_status take_embeddings(struct reader *r, struct vanta_error *err)
{
    struct vanta_encoder *encoder = r->encoder;
    struct vanta_encoder_info *info = &encoder->info;
    struct encoder_weights *w = &encoder->weights;
    int64_t d = info->dimensions, rows;
    enum vanta_status status;

    status = take_tensor(r, "token_embd.weight", d, 1, VANTA_ENCODER_VOCABULARY_MAX,
                         true, &w->tokens, err);
    if (status == VANTA_OK)
        status = take_tensor(r, "position_embd.weight", d, 1,
                             VANTA_ENCODER_TOKENS_MAX + 2, true, &w->positions, err);
    if (status == VANTA_OK)
        status = take_norm(r, "token_embd_norm", &w->norm, err);
    if (status == VANTA_OK && !r->mpnet)
        status = take_tensor(r, "token_types.weight", d, 1, 16, false, &w->types, err);
    if (status == VANTA_OK && r->mpnet)
        status = take_tensor(r, "attn_rel_b.weight", info->heads, ENCODER_BUCKETS,
                             ENCODER_BUCKETS, false, &w->relative, err);
    if (status != VANTA_OK)
        return status;
    info->vocabulary = (uint32_t)w->tokens->ne[1];
    /* MPNet counts positions from behind its padding id, 1. */
    encoder->position_first = r->mpnet ? 2 : 0;
    rows = w->positions->ne[1] - encoder->position_first;
    if (rows < (int64_t)info->max_tokens)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: %u tokens of context, but %lld positions", r->path,
                          info->max_tokens, (long long)w->positions->ne[1]);
    return VANTA_OK;
}

static enum vanta_status take_tensors(struct reader *r, struct vanta_error *err)
{
    struct vanta_encoder *encoder = r->encoder;
    uint32_t layers = encoder->info.layers, n;
    struct ggml_init_params params = {
        .mem_size = ggml_tensor_overhead() * (16 * (size_t)layers + 8), .no_alloc = true};
    enum vanta_status status;

    if (gguf_get_alignment(r->gguf) % GGUF_DEFAULT_ALIGNMENT != 0 ||
        gguf_get_data_offset(r->gguf) > encoder->map_bytes)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: tensors are not aligned to %d bytes, or the file is cut "
                          "short", r->path, GGUF_DEFAULT_ALIGNMENT);
    encoder->context = ggml_init(params);
    encoder->weights.layers = calloc(layers, sizeof *encoder->weights.layers);
    if (encoder->context == NULL || encoder->weights.layers == NULL)
        return vanta_fail_memory(err);
    status = take_embeddings(r, err);
    for (n = 0; status == VANTA_OK && n < layers; n++)
        status = take_layer(r, n, err);
    return status;
}

/* The weights become a buffer of ggml's: the map itself, or the device's memory. */
static enum vanta_status place(struct vanta_encoder *encoder, const char *path,
                               struct vanta_error *err)
{
    struct ggml_tensor *t;
    size_t count = 0, n = 0;
    void **data;

    if (encoder->device == NULL) {
        encoder->buffer = ggml_backend_cpu_buffer_from_ptr(encoder->map,
                                                           encoder->map_bytes);
        if (encoder->buffer == NULL)
            return vanta_fail_memory(err);
        for (t = ggml_get_first_tensor(encoder->context); t != NULL;
             t = ggml_get_next_tensor(encoder->context, t)) {
            void *at = t->data;
            t->data = NULL;
            if (ggml_backend_tensor_alloc(encoder->buffer, t, at) != GGML_STATUS_SUCCESS)
                return vanta_fail(err, VANTA_ERR_INTERNAL, "%s: tensor %s", path,
                                  t->name);
        }
        ggml_backend_buffer_set_usage(encoder->buffer, GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
        return VANTA_OK;
    }
    for (t = ggml_get_first_tensor(encoder->context); t != NULL;
         t = ggml_get_next_tensor(encoder->context, t))
        count++;
    data = calloc(count, sizeof *data);
    if (data == NULL)
        return vanta_fail_memory(err);
    for (t = ggml_get_first_tensor(encoder->context); t != NULL;
         t = ggml_get_next_tensor(encoder->context, t)) {
        data[n++] = t->data;
        t->data = NULL;
    }
    encoder->buffer = ggml_backend_alloc_ctx_tensors(encoder->context, encoder->device);
    if (encoder->buffer == NULL) {
        free(data);
        return vanta_fail(err, VANTA_ERR_NO_MEMORY, "%s: %s has no room for %llu bytes",
                          path, ggml_backend_name(encoder->device),
                          (unsigned long long)encoder->info.weight_bytes);
    }
    ggml_backend_buffer_set_usage(encoder->buffer, GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    n = 0;
    for (t = ggml_get_first_tensor(encoder->context); t != NULL;
         t = ggml_get_next_tensor(encoder->context, t))
        ggml_backend_tensor_set(t, data[n++], 0, ggml_nbytes(t));
    free(data);
    munmap(encoder->map, encoder->map_bytes);
    encoder->map = NULL;
    return VANTA_OK;
}

static void name_type(struct reader *r)
{
    int most = GGML_TYPE_F32;

    for (int type = 0; type < GGML_TYPE_COUNT; type++)
        if (r->linear_bytes[type] > r->linear_bytes[most])
            most = type;
    snprintf(r->encoder->info.weights, sizeof r->encoder->info.weights, "%s",
             ggml_type_name((enum ggml_type)most));
}

enum vanta_status encoder_weights_load(struct vanta_encoder *encoder, const char *path,
                                       struct vanta_error *err)
{
    struct gguf_init_params params = {.no_alloc = true};
    struct reader r = {.encoder = encoder, .path = path};
    enum vanta_status status = map_file(encoder, path, err);

    if (status != VANTA_OK)
        return status;
    /* The header is read from the map, so that what was checked is what is used. */
    r.gguf = gguf_init_from_buffer(encoder->map, encoder->map_bytes, params);
    if (r.gguf == NULL)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: not a GGUF file, or its header is damaged", path);
    if ((status = read_architecture(&r, err)) == VANTA_OK &&
        (status = read_sizes(&r, err)) == VANTA_OK &&
        (status = refuse_others(&r, err)) == VANTA_OK &&
        (status = take_tensors(&r, err)) == VANTA_OK &&
        (status = read_own(&r, err)) == VANTA_OK) {
        name_type(&r);
        status = place(encoder, path, err);
    }
    gguf_free(r.gguf);
    return status;
}

void encoder_weights_free(struct vanta_encoder *encoder)
{
    free(encoder->weights.layers);
    if (encoder->map != NULL)
        munmap(encoder->map, encoder->map_bytes);
}
