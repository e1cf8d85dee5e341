/*
 * xtts_gguf.c - writes the GGUF: the head from configuration and plan, then the tensors,
 * each made a block of rows at a time out of the mapped checkpoint.
 */
#include "convert/xtts_gguf.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "convert/gguf_write.h"
#include "convert/output.h"
#include "convert/q8_0.h"
#include "convert/torch_file.h"
#include "convert/values.h"
#include "convert/xtts_config.h"
#include "convert/xtts_plan.h"

#define BLOCK_ELEMENTS ((size_t)16 * 1024) /* whole blocks of q8_0 */
#define BLOCK_ROWS 64                      /* of what is transposed */
#define HEAD_BYTES_MAX ((size_t)32 << 20)
#define BATCH_NORM_EPSILON 1e-5f

static const uint32_t file_types[] = {0, 1, 7};

struct conversion {
    const char *dir;
    struct vanta_torch_file file, speakers;
    struct vanta_xtts_config config;
    enum vanta_encoder_weights weights;
    struct vanta_xtts_plan plan;
    struct vanta_gguf_writer head;
    struct vanta_output *out;
    uint64_t total_bytes;
    float *values;     /* what is made, room_elements */
    uint16_t *scratch;
    size_t room_elements;
    float *beside[4];  /* the sources of the piece in hand, but its first */
    float *copy;       /* of the first, where it cannot be used as it lies there */
    vanta_convert_progress *progress;
    void *arg;
    const atomic_bool *cancel;
};

/* --- sources --- */

/* All of a tensor's values in row-major order, in *out, which the caller frees. */
static enum vanta_status load(struct vanta_torch_file *file,
                              const struct vanta_torch_tensor *t, float **out,
                              struct vanta_error *err)
{
    unsigned size = vanta_torch_type_bytes(t->type);
    bool brain = t->type == VANTA_TORCH_BF16;
    size_t n = (size_t)t->elements, i;
    const uint8_t *raw = NULL;
    enum vanta_status status;

    *out = malloc(n * sizeof **out);
    if (!*out)
        return vanta_fail_memory(err);
    status = vanta_torch_look(file, t->data_pos, (size_t)vanta_torch_span(t) * size, &raw,
                              err);
    if (status == VANTA_OK && t->contiguous)
        vanta_values_read(raw, size, brain, *out, n);
    for (i = 0; status == VANTA_OK && !t->contiguous && i < n; i++)
        vanta_values_read(raw + vanta_torch_place(t, i) * size, size, brain, *out + i, 1);
    return status;
}

static bool is_little_endian(void)
{
    const uint16_t one = 1;

    return *(const uint8_t *)&one == 1;
}

/* The sources of a piece; the first one, which can be large, without a copy if it lies
 * in the file as it is used. */
static enum vanta_status load_sources(struct conversion *k,
                                      const struct vanta_xtts_piece *p, const float **main,
                                      struct vanta_error *err)
{
    const struct vanta_torch_tensor *t = p->from[0];
    enum vanta_status status = VANTA_OK;
    const uint8_t *raw = NULL;
    int i;

    for (i = 1; i < 4 && status == VANTA_OK; i++)
        if (p->from[i])
            status = load(&k->file, p->from[i], &k->beside[i], err);
    if (status != VANTA_OK)
        return status;
    if (t->type == VANTA_TORCH_F32 && t->contiguous && t->data_pos % 4 == 0 &&
        is_little_endian()) {
        status = vanta_torch_look(&k->file, t->data_pos, (size_t)t->elements * 4, &raw,
                                  err);
        *main = (const float *)(const void *)raw;
        return status;
    }
    status = load(&k->file, t, &k->copy, err);
    *main = k->copy;
    return status;
}

static void drop_sources(struct conversion *k)
{
    int i;

    for (i = 1; i < 4; i++) {
        free(k->beside[i]);
        k->beside[i] = NULL;
    }
    free(k->copy);
    k->copy = NULL;
}

/* --- what is made of them --- */

/* Weight norm's factors take the place of its g: g / |v|, over all but the first axis. */
static void make_factors(struct conversion *k, const struct vanta_xtts_piece *p,
                         const float *v)
{
    size_t n = (size_t)p->from[0]->sizes[0], slice = (size_t)p->elements / n, i, j;

    for (i = 0; i < n; i++) {
        double sum = 0;

        for (j = 0; j < slice; j++)
            sum += (double)v[i * slice + j] * v[i * slice + j];
        k->beside[1][i] = (float)(k->beside[1][i] / sqrt(sum));
    }
}

/* n elements from element at on, in the order of the GGUF. Those of a matrix that is
 * transposed are whole rows. */
static void make_values(struct conversion *k, const struct vanta_xtts_piece *p,
                        const float *main, size_t at, size_t n)
{
    const float *const *beside = (const float *const *)k->beside;
    size_t rows = (size_t)p->extents[0], columns = (size_t)p->elements / rows, i, j;
    size_t slice = (size_t)(p->elements / p->from[0]->sizes[0]);
    float *out = k->values;

    switch (p->how) {
    case VANTA_XTTS_TRANSPOSE:
        for (i = 0; i < rows; i++)
            for (j = 0; j < n / rows; j++)
                out[j * rows + i] = main[i * columns + at / rows + j];
        return;
    case VANTA_XTTS_FOLD_UP: /* [in][out][kernel] to [out][kernel][in] */
        for (i = 0; i < rows; i++)
            for (j = 0; j < n / rows; j++)
                out[j * rows + i] = main[i * columns + at / rows + j] * beside[1][i];
        return;
    case VANTA_XTTS_FOLD:
        for (i = 0; i < n; i++)
            out[i] = main[at + i] * beside[1][(at + i) / slice];
        return;
    case VANTA_XTTS_NORM_SCALE:
        for (i = 0; i < n; i++)
            out[i] = main[at + i] / sqrtf(beside[1][at + i] + BATCH_NORM_EPSILON);
        return;
    case VANTA_XTTS_NORM_SHIFT:
        for (i = 0; i < n; i++)
            out[i] = main[at + i] - beside[3][at + i] * beside[2][at + i] /
                                        sqrtf(beside[1][at + i] + BATCH_NORM_EPSILON);
        return;
    default:
        memcpy(out, main + at, n * sizeof *out);
    }
}

static enum vanta_status check_cancel(const struct conversion *k, struct vanta_error *err)
{
    if (k->cancel && atomic_load(k->cancel))
        return vanta_fail(err, VANTA_ERR_CANCELLED, "the conversion of %s was stopped",
                          k->file.path);
    return VANTA_OK;
}

static enum vanta_status make_room(struct conversion *k, size_t elements,
                                   struct vanta_error *err)
{
    if (elements <= k->room_elements)
        return VANTA_OK;
    free(k->values);
    free(k->scratch);
    k->room_elements = 0;
    k->values = malloc(elements * sizeof *k->values);
    k->scratch = malloc(elements * sizeof *k->scratch);
    if (!k->values || !k->scratch)
        return vanta_fail_memory(err);
    k->room_elements = elements;
    return VANTA_OK;
}

/* A block of the piece that k->values holds. */
static enum vanta_status write_values(struct conversion *k,
                                      const struct vanta_xtts_piece *p, size_t n,
                                      const char *file, struct vanta_error *err)
{
    enum vanta_status status = check_cancel(k, err);

    if (status == VANTA_OK)
        status = vanta_values_write(k->out, p->type, k->values, n, k->scratch, file,
                                    p->name, err);
    if (status == VANTA_OK && k->progress)
        k->progress(k->arg, vanta_output_bytes(k->out), k->total_bytes);
    return status;
}

static enum vanta_status write_model_piece(struct conversion *k,
                                           const struct vanta_xtts_piece *p,
                                           struct vanta_error *err)
{
    bool whole_rows = p->how == VANTA_XTTS_TRANSPOSE || p->how == VANTA_XTTS_FOLD_UP;
    size_t all = (size_t)p->elements, at = 0, n;
    size_t block = whole_rows ? BLOCK_ROWS * (size_t)p->extents[0] : BLOCK_ELEMENTS;
    const float *main = NULL;
    enum vanta_status status = make_room(k, block, err);

    if (status == VANTA_OK)
        status = load_sources(k, p, &main, err);
    if (status == VANTA_OK && (p->how == VANTA_XTTS_FOLD || p->how == VANTA_XTTS_FOLD_UP))
        make_factors(k, p, main);
    for (; status == VANTA_OK && at < all; at += n) {
        n = all - at < block ? all - at : block;
        make_values(k, p, main, at, n);
        status = write_values(k, p, n, k->file.path, err);
    }
    drop_sources(k);
    return status;
}

/* One tensor of each voice. */
static enum vanta_status write_voices(struct conversion *k,
                                      const struct vanta_xtts_piece *p,
                                      struct vanta_error *err)
{
    size_t i = p->how == VANTA_XTTS_LATENTS ? 0 : 1;
    enum vanta_status status = VANTA_OK;

    for (; status == VANTA_OK && i < k->speakers.n; i += 2) {
        const struct vanta_torch_tensor *t = &k->speakers.tensors[i];

        status = make_room(k, (size_t)t->elements, err);
        if (status == VANTA_OK)
            status = load(&k->speakers, t, &k->copy, err);
        if (status == VANTA_OK) {
            memcpy(k->values, k->copy, (size_t)t->elements * sizeof *k->values);
            status = write_values(k, p, (size_t)t->elements, k->speakers.path, err);
        }
        drop_sources(k);
    }
    return status;
}

static enum vanta_status write_piece(struct conversion *k,
                                     const struct vanta_xtts_piece *p,
                                     struct vanta_error *err)
{
    static const uint8_t zeros[VANTA_GGUF_ALIGNMENT];
    bool voices = p->how == VANTA_XTTS_LATENTS || p->how == VANTA_XTTS_EMBEDDINGS;
    enum vanta_status status =
        voices ? write_voices(k, p, err) : write_model_piece(k, p, err);

    if (status == VANTA_OK && p->bytes % VANTA_GGUF_ALIGNMENT)
        status = vanta_output_write(
            k->out, zeros, VANTA_GGUF_ALIGNMENT - p->bytes % VANTA_GGUF_ALIGNMENT, err);
    return status;
}

/* --- the head --- */

static void put_sizes(struct conversion *k)
{
#define FIELD(name, field) {"xtts." name, offsetof(struct vanta_xtts_config, field)}
    static const struct {
        const char *key;
        size_t field;
    } keys[] = {
        FIELD("block_count", blocks),
        FIELD("embedding_length", width),
        FIELD("feed_forward_length", inner),
        FIELD("attention.head_count", heads),
        FIELD("text.vocabulary", text_vocabulary),
        FIELD("text.positions", text_positions),
        FIELD("text.max_tokens", text_max),
        FIELD("text.start", text_start),
        FIELD("text.stop", text_stop),
        FIELD("audio.vocabulary", audio_vocabulary),
        FIELD("audio.positions", audio_positions),
        FIELD("audio.max_tokens", audio_max),
        FIELD("audio.start", audio_start),
        FIELD("audio.stop", audio_stop),
        FIELD("audio.code_stride", code_stride),
        FIELD("audio.input_hz", input_hz),
        FIELD("audio.output_hz", output_hz),
        FIELD("vocoder.embedding_length", vocoder_width),
        FIELD("vocoder.hop_length", hop),
        FIELD("speaker.embedding_length", speaker_width),
        FIELD("speaker_encoder.mel_bands", speaker_bands),
        FIELD("conditioning.mel_bands", bands),
        FIELD("conditioning.block_count", conditioning_blocks),
        FIELD("conditioning.group_count", groups),
        FIELD("perceiver.block_count", perceiver_blocks),
        FIELD("perceiver.head_count", perceiver_heads),
        FIELD("perceiver.feed_forward_length", perceiver_inner),
        FIELD("perceiver.latents", latents),
        FIELD("sampling.top_k", top_k),
        FIELD("cloning.latent_seconds", latent_seconds),
        FIELD("cloning.chunk_seconds", chunk_seconds),
        FIELD("cloning.reference_seconds", reference_seconds),
    };
#undef FIELD
    size_t i;

    for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        uint32_t value;

        memcpy(&value, (const char *)&k->config + keys[i].field, sizeof value);
        vanta_gguf_u32(&k->head, keys[i].key, value);
    }
}

static void put_array(struct conversion *k, const char *key, const uint32_t *values,
                      size_t n)
{
    size_t i;

    vanta_gguf_array(&k->head, key, VANTA_GGUF_U32, n);
    for (i = 0; i < n; i++)
        vanta_gguf_element_i32(&k->head, (int32_t)values[i]);
}

static void put_settings(struct conversion *k)
{
    static const uint32_t dilations[] = {1, 3, 5};
    const struct vanta_xtts_config *c = &k->config;

    vanta_gguf_f32(&k->head, "xtts.attention.layer_norm_epsilon", VANTA_XTTS_NORM_EPSILON);
    put_array(k, "xtts.vocoder.upsample_rates", c->rates, c->n_stages);
    put_array(k, "xtts.vocoder.resblock_kernels", c->kernels, c->n_kernels);
    put_array(k, "xtts.vocoder.resblock_dilations", dilations, 3);
    put_array(k, "xtts.speaker_encoder.blocks", c->speaker_blocks,
              VANTA_XTTS_SPEAKER_LAYERS);
    vanta_gguf_f32(&k->head, "xtts.sampling.temperature", c->temperature);
    vanta_gguf_f32(&k->head, "xtts.sampling.top_p", c->top_p);
    vanta_gguf_f32(&k->head, "xtts.sampling.repetition_penalty", c->repetition_penalty);
    vanta_gguf_bool(&k->head, "xtts.cloning.normalize", c->normalize);
}

static void put_names(struct conversion *k)
{
    const json_t *languages = k->config.languages;
    size_t n = json_array_size(languages), i;

    vanta_gguf_array(&k->head, "xtts.languages", VANTA_GGUF_STRING, n);
    for (i = 0; i < n; i++) {
        const json_t *language = json_array_get(languages, i);

        vanta_gguf_element_string(&k->head, json_string_value(language),
                                  json_string_length(language));
    }
    vanta_gguf_array(&k->head, "xtts.character_limits", VANTA_GGUF_U32, n);
    for (i = 0; i < n; i++)
        vanta_gguf_element_i32(&k->head, (int32_t)vanta_xtts_characters(json_string_value(
                                             json_array_get(languages, i))));
    if (k->speakers.n > 0)
        vanta_gguf_array(&k->head, "xtts.speakers", VANTA_GGUF_STRING, k->speakers.n / 2);
    for (i = 0; i < k->speakers.n; i += 2) {
        const char *name = k->speakers.tensors[i].name;

        vanta_gguf_element_string(&k->head, name,
                                  strlen(name) - strlen(".gpt_cond_latent"));
    }
}

/* The bytes of vocab.json as they are: its order and its doubles count. */
static void put_tokenizer(struct conversion *k)
{
    vanta_gguf_string(&k->head, "tokenizer.ggml.model", VANTA_XTTS_ARCHITECTURE);
    vanta_gguf_string(&k->head, "tokenizer.huggingface.json", k->config.vocabulary.data);
}

static enum vanta_status make_head(struct conversion *k,
                                   const struct vanta_encoder_source *source,
                                   const char *digest, struct vanta_buf *head,
                                   struct vanta_error *err)
{
    enum vanta_status status;
    size_t i;

    k->head = VANTA_GGUF_WRITER(HEAD_BYTES_MAX);
    vanta_gguf_string(&k->head, "general.architecture", VANTA_XTTS_ARCHITECTURE);
    vanta_gguf_string(&k->head, "general.type", "model");
    if (source && source->name)
        vanta_gguf_string(&k->head, "general.name", source->name);
    if (source && source->license)
        vanta_gguf_string(&k->head, "general.license", source->license);
    if (source && source->url)
        vanta_gguf_string(&k->head, "general.source.url", source->url);
    vanta_gguf_u32(&k->head, "general.file_type", file_types[k->weights]);
    vanta_gguf_u32(&k->head, "general.quantization_version", 2);
    put_sizes(k);
    put_settings(k);
    put_names(k);
    put_tokenizer(k);
    vanta_gguf_u32(&k->head, "vanta.converter", VANTA_XTTS_GGUF_VERSION);
    vanta_gguf_string(&k->head, "vanta.source.sha256", digest);
    for (i = 0; i < k->plan.n; i++) {
        const struct vanta_xtts_piece *p = &k->plan.pieces[i];

        vanta_gguf_tensor(&k->head, p->name, p->type, p->rank, p->extents, p->bytes);
    }
    status = vanta_gguf_head(&k->head, head, err);
    k->total_bytes = head->len + k->head.data_bytes;
    return status;
}

/* --- the whole --- */

/* All that can be judged before the first byte is written. */
static enum vanta_status prepare(struct conversion *k, struct vanta_error *err)
{
    char path[VANTA_PATH_MAX], voices[VANTA_PATH_MAX];
    enum vanta_status status = vanta_xtts_config_read(k->dir, &k->config, err);

    if (status != VANTA_OK)
        return status;
    if (!vanta_path_join(path, k->dir, VANTA_XTTS_CHECKPOINT) ||
        !vanta_path_join(voices, k->dir, VANTA_XTTS_SPEAKERS))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", k->dir);
    status = vanta_torch_open(path, false, &k->file, err);
    if (status == VANTA_OK && vanta_file_exists(voices))
        status = vanta_torch_open(voices, false, &k->speakers, err);
    if (status == VANTA_OK)
        status = vanta_xtts_plan_make(&k->file, &k->speakers, &k->config, k->weights,
                                      &k->plan, err);
    return status;
}

static enum vanta_status write_all(struct conversion *k, const char *target,
                                   const struct vanta_encoder_source *source,
                                   struct vanta_convert_result *result,
                                   struct vanta_error *err)
{
    const char *digest = source ? source->weights_sha256 : NULL;
    char found[VANTA_SHA256_HEX];
    struct vanta_buf head = {NULL, 0, 0, 0};
    enum vanta_status status = VANTA_OK;
    size_t i;

    if (!digest)
        status = vanta_sha256_fd(k->file.fd, k->file.path, found, NULL, NULL, NULL,
                                 k->cancel, err);
    if (status == VANTA_OK)
        status = make_head(k, source, digest ? digest : found, &head, err);
    if (status == VANTA_OK)
        status = vanta_output_begin(target, k->total_bytes, head.data, head.len, &k->out,
                                    err);
    vanta_buf_free(&head);
    for (i = 0; status == VANTA_OK && i < k->plan.n; i++)
        status = write_piece(k, &k->plan.pieces[i], err);
    return status == VANTA_OK ? vanta_output_complete(k->out, k->total_bytes, result, err)
                              : status;
}

enum vanta_status vanta_xtts_gguf(const char *dir, const char *target,
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
    k->dir = dir;
    k->weights = weights;
    k->progress = progress;
    k->arg = arg;
    k->cancel = cancel;
    k->file.fd = k->speakers.fd = k->file.cursor.fd = k->speakers.cursor.fd = -1;
    status = prepare(k, err);
    if (status == VANTA_OK)
        status = write_all(k, target, source, out, err);
    vanta_output_close(k->out);
    vanta_gguf_writer_free(&k->head);
    vanta_xtts_plan_free(&k->plan);
    vanta_torch_close(&k->file);
    vanta_torch_close(&k->speakers);
    vanta_xtts_config_free(&k->config);
    drop_sources(k);
    free(k->values);
    free(k->scratch);
    free(k);
    return status;
}
