#include "convert/whisper_ggml.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "convert/mel.h"

/* Far beyond any Whisper model; keeps products of two fields below 2^64. */
#define FIELD_MAX (1u << 24)
#define FIELDS 11

static void to_fields(const struct vanta_whisper_header *h, uint32_t fields[FIELDS])
{
    const uint32_t in_order[FIELDS] = {
        h->n_vocab,    h->n_audio_ctx,  h->n_audio_state, h->n_audio_head,
        h->n_audio_layer, h->n_text_ctx, h->n_text_state,  h->n_text_head,
        h->n_text_layer,  h->n_mels,     h->ftype};

    memcpy(fields, in_order, sizeof in_order);
}

static void from_fields(struct vanta_whisper_header *h, const uint32_t fields[FIELDS])
{
    *h = (struct vanta_whisper_header){
        .n_vocab = fields[0],
        .n_audio_ctx = fields[1],
        .n_audio_state = fields[2],
        .n_audio_head = fields[3],
        .n_audio_layer = fields[4],
        .n_text_ctx = fields[5],
        .n_text_state = fields[6],
        .n_text_head = fields[7],
        .n_text_layer = fields[8],
        .n_mels = fields[9],
        .ftype = fields[10],
    };
}

static enum vanta_status read_header(struct vanta_cursor *c,
                                     struct vanta_whisper_header *h,
                                     struct vanta_error *err)
{
    uint32_t magic, fields[FIELDS];
    enum vanta_status status = vanta_cursor_u32(c, &magic, err);
    size_t i;

    if (status == VANTA_OK && magic != VANTA_WHISPER_MAGIC)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: does not start as a ggml file (bytes 0 to 3)", c->name);
    for (i = 0; status == VANTA_OK && i < FIELDS; i++) {
        status = vanta_cursor_u32(c, &fields[i], err);
        if (status == VANTA_OK && (fields[i] > FIELD_MAX || (i + 1 < FIELDS && !fields[i])))
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: not a Whisper model: hyperparameter %zu is %u",
                              c->name, i, fields[i]);
    }
    if (status == VANTA_OK)
        from_fields(h, fields);
    return status;
}

static enum vanta_status skip_filters(struct vanta_cursor *c,
                                      const struct vanta_whisper_header *h,
                                      struct vanta_error *err)
{
    uint32_t bands, bins;
    enum vanta_status status = vanta_cursor_u32(c, &bands, err);

    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, &bins, err);
    if (status == VANTA_OK && (bands != h->n_mels || bins > FIELD_MAX))
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: mel filters of %u x %u, and the model has %u bands",
                          c->name, bands, bins, h->n_mels);
    return status == VANTA_OK ? vanta_cursor_skip(c, (uint64_t)bands * bins * 4, err)
                              : status;
}

static enum vanta_status skip_vocabulary(struct vanta_cursor *c,
                                         struct vanta_whisper_facts *out,
                                         struct vanta_error *err)
{
    uint32_t count, len, i;
    enum vanta_status status = vanta_cursor_u32(c, &count, err);

    if (status == VANTA_OK && count > out->header.n_vocab)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: lists %u tokens, and the model has %u", c->name, count,
                          out->header.n_vocab);
    for (i = 0; status == VANTA_OK && i < count; i++) {
        status = vanta_cursor_u32(c, &len, err);
        if (status == VANTA_OK)
            status = vanta_cursor_skip(c, len, err);
    }
    if (status == VANTA_OK)
        out->tokens = count;
    return status;
}

/* One tensor's extents: their product, and the length of a row. */
static enum vanta_status read_extents(struct vanta_cursor *c, uint32_t rank,
                                      uint64_t *elements, uint64_t *row,
                                      struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    uint32_t i, extent;

    *elements = *row = 1;
    for (i = 0; status == VANTA_OK && i < rank; i++) {
        status = vanta_cursor_u32(c, &extent, err);
        if (status != VANTA_OK)
            break;
        /* Of a file below 2^63 bytes no tensor has more elements than that. */
        if (extent == 0 || *elements > INT64_MAX / extent)
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: a tensor's extent of %u before byte %llu", c->name,
                              extent, (unsigned long long)c->pos);
        *elements *= extent;
        if (i == 0)
            *row = extent;
    }
    return status;
}

static enum vanta_status skip_tensor(struct vanta_cursor *c,
                                     struct vanta_whisper_facts *out,
                                     struct vanta_error *err)
{
    uint32_t rank, name_len, type;
    uint64_t start = c->pos, elements, row, bytes;
    enum vanta_status status = vanta_cursor_u32(c, &rank, err);

    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, &name_len, err);
    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, &type, err);
    if (status != VANTA_OK)
        return status;
    if (rank == 0 || rank > VANTA_WHISPER_RANK_MAX || name_len == 0 ||
        name_len >= VANTA_WHISPER_NAME_MAX || !vanta_ggml_type_name(type))
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: no tensor starts at byte %llu",
                          c->name, (unsigned long long)start);
    status = read_extents(c, rank, &elements, &row, err);
    if (status == VANTA_OK)
        status = vanta_cursor_skip(c, name_len, err);
    if (status != VANTA_OK)
        return status;
    if (!vanta_ggml_type_bytes(type, elements, row, &bytes))
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: the tensor at byte %llu has rows that are not whole blocks",
                          c->name, (unsigned long long)start);
    status = vanta_cursor_skip(c, bytes, err);
    if (status == VANTA_OK) {
        out->tensors++;
        out->parameters += elements;
    }
    return status;
}

enum vanta_status vanta_whisper_read(struct vanta_cursor *c,
                                     struct vanta_whisper_facts *out,
                                     struct vanta_error *err)
{
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    status = read_header(c, &out->header, err);
    if (status == VANTA_OK)
        status = skip_filters(c, &out->header, err);
    if (status == VANTA_OK)
        status = skip_vocabulary(c, out, err);
    while (status == VANTA_OK && vanta_cursor_left(c) > 0)
        status = skip_tensor(c, out, err);
    if (status == VANTA_OK && out->tensors == 0)
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: has no tensors", c->name);
    if (status != VANTA_OK)
        memset(out, 0, sizeof *out);
    return status;
}

uint64_t vanta_whisper_head_bytes(const struct vanta_whisper_header *header,
                                  const struct vanta_vocabulary *vocabulary)
{
    return 4 * (1 + FIELDS + 2 + (uint64_t)header->n_mels * VANTA_MEL_BINS + 1 +
                vocabulary->n) +
           vocabulary->bytes.len;
}

uint64_t vanta_whisper_tensor_head_bytes(const struct vanta_whisper_tensor *tensor)
{
    return 4 * (3 + (uint64_t)tensor->rank) + strlen(tensor->name);
}

enum vanta_status vanta_whisper_write_f32(struct vanta_output *out, const float *values,
                                          size_t n, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; status == VANTA_OK && i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &values[i], sizeof bits);
        status = vanta_output_u32(out, bits, err);
    }
    return status;
}

static enum vanta_status write_filters(struct vanta_output *out, uint32_t bands,
                                       struct vanta_error *err)
{
    size_t n = (size_t)bands * VANTA_MEL_BINS;
    float *filters = malloc(n * sizeof *filters);
    enum vanta_status status = filters ? VANTA_OK : vanta_fail_memory(err);

    if (status == VANTA_OK) {
        vanta_mel_filters(bands, filters);
        status = vanta_output_u32(out, bands, err);
    }
    if (status == VANTA_OK)
        status = vanta_output_u32(out, VANTA_MEL_BINS, err);
    if (status == VANTA_OK)
        status = vanta_whisper_write_f32(out, filters, n, err);
    free(filters);
    return status;
}

static enum vanta_status write_vocabulary(struct vanta_output *out,
                                          const struct vanta_vocabulary *vocabulary,
                                          struct vanta_error *err)
{
    enum vanta_status status = vanta_output_u32(out, (uint32_t)vocabulary->n, err);
    size_t i;

    for (i = 0; status == VANTA_OK && i < vocabulary->n; i++) {
        size_t len;
        const void *token = vanta_vocabulary_token(vocabulary, i, &len);

        status = vanta_output_u32(out, (uint32_t)len, err);
        if (status == VANTA_OK)
            status = vanta_output_write(out, token, len, err);
    }
    return status;
}

enum vanta_status vanta_whisper_write_head(struct vanta_output *out,
                                           const struct vanta_whisper_header *header,
                                           const struct vanta_vocabulary *vocabulary,
                                           struct vanta_error *err)
{
    uint32_t fields[FIELDS];
    enum vanta_status status = vanta_output_u32(out, VANTA_WHISPER_MAGIC, err);
    size_t i;

    to_fields(header, fields);
    for (i = 0; status == VANTA_OK && i < FIELDS; i++)
        status = vanta_output_u32(out, fields[i], err);
    if (status == VANTA_OK)
        status = write_filters(out, header->n_mels, err);
    return status == VANTA_OK ? write_vocabulary(out, vocabulary, err) : status;
}

enum vanta_status
vanta_whisper_write_tensor_head(struct vanta_output *out,
                                const struct vanta_whisper_tensor *tensor,
                                struct vanta_error *err)
{
    uint32_t name_len = (uint32_t)strlen(tensor->name), i;
    enum vanta_status status = vanta_output_u32(out, tensor->rank, err);

    if (status == VANTA_OK)
        status = vanta_output_u32(out, name_len, err);
    if (status == VANTA_OK)
        status = vanta_output_u32(out, tensor->type, err);
    for (i = 0; status == VANTA_OK && i < tensor->rank; i++)
        status = vanta_output_u32(out, tensor->extents[i], err);
    return status == VANTA_OK ? vanta_output_write(out, tensor->name, name_len, err)
                              : status;
}
