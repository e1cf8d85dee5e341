#include "convert/whisper_ggml.h"

#include <string.h>

#include "base/error.h"
#include "convert/gguf.h"

#define VOCAB_MAX 1000000
#define TOKEN_MAX 4096
#define NAME_BYTES_MAX 256

static enum vanta_status read_parameters(struct vanta_cursor *c,
                                         struct vanta_whisper_header *h,
                                         struct vanta_error *err)
{
    int32_t *const fields[] = {&h->n_vocab,      &h->n_audio_ctx,   &h->n_audio_state,
                               &h->n_audio_head, &h->n_audio_layer, &h->n_text_ctx,
                               &h->n_text_state, &h->n_text_head,   &h->n_text_layer,
                               &h->n_mels,       &h->ftype};
    enum vanta_status status = VANTA_OK;
    uint32_t value;
    size_t i;

    for (i = 0; status == VANTA_OK && i < sizeof fields / sizeof fields[0]; i++) {
        status = vanta_cursor_u32(c, &value, err);
        if (status != VANTA_OK)
            return status;
        if (value > VOCAB_MAX || (value == 0 && fields[i] != &h->ftype))
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: hyperparameter %zu is %u: no Whisper model", c->name,
                              i, value);
        *fields[i] = (int32_t)value;
    }
    return status;
}

static enum vanta_status skip_filters(struct vanta_cursor *c,
                                      const struct vanta_whisper_header *h,
                                      struct vanta_error *err)
{
    enum vanta_status status;
    uint32_t bands, bins;

    status = vanta_cursor_u32(c, &bands, err);
    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, &bins, err);
    if (status != VANTA_OK)
        return status;
    if (bands != (uint32_t)h->n_mels || bins == 0 || bins > 65536)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: mel filters of %u by %u", c->name,
                          bands, bins);
    return vanta_cursor_skip(c, (uint64_t)bands * bins * 4, err);
}

static enum vanta_status skip_vocabulary(struct vanta_cursor *c, struct vanta_error *err)
{
    enum vanta_status status;
    uint32_t n, len, i;

    status = vanta_cursor_u32(c, &n, err);
    if (status == VANTA_OK && n > VOCAB_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: a vocabulary of %u tokens", c->name,
                          n);
    for (i = 0; status == VANTA_OK && i < n; i++) {
        status = vanta_cursor_u32(c, &len, err);
        if (status == VANTA_OK && len > TOKEN_MAX)
            return vanta_fail(err, VANTA_ERR_LIMIT, "%s: token %u has %u bytes", c->name,
                              i, len);
        if (status == VANTA_OK)
            status = vanta_cursor_skip(c, len, err);
    }
    return status;
}

static enum vanta_status skip_tensor(struct vanta_cursor *c,
                                     struct vanta_whisper_header *h,
                                     struct vanta_error *err)
{
    uint64_t start = c->pos, elements = 1, bytes;
    uint32_t rank, name_len, type, extent, i;
    enum vanta_status status;

    status = vanta_cursor_u32(c, &rank, err);
    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, &name_len, err);
    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, &type, err);
    if (status == VANTA_OK && (rank == 0 || rank > 4 || name_len > NAME_BYTES_MAX))
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: what stands at byte %llu is no tensor", c->name,
                          (unsigned long long)start);
    for (i = 0; status == VANTA_OK && i < rank; i++) {
        status = vanta_cursor_u32(c, &extent, err);
        if (status == VANTA_OK && extent && elements > ((uint64_t)1 << 48) / extent)
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: the shape of the tensor at byte %llu is too large",
                              c->name, (unsigned long long)start);
        if (status == VANTA_OK)
            elements *= extent;
    }
    if (status == VANTA_OK)
        status = vanta_cursor_skip(c, name_len, err);
    if (status == VANTA_OK && !vanta_ggml_type_bytes(type, elements, &bytes))
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: the tensor at byte %llu has the type %u", c->name,
                          (unsigned long long)start, type);
    if (status == VANTA_OK)
        status = vanta_cursor_skip(c, bytes, err);
    h->tensors++;
    h->parameters += elements;
    return status;
}

enum vanta_status vanta_whisper_ggml_read(struct vanta_cursor *c,
                                          struct vanta_whisper_header *out,
                                          struct vanta_error *err)
{
    enum vanta_status status;
    uint32_t magic;

    memset(out, 0, sizeof *out);
    status = vanta_cursor_u32(c, &magic, err);
    if (status == VANTA_OK && magic != VANTA_WHISPER_GGML_MAGIC)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: does not start with ggml's magic",
                          c->name);
    if (status == VANTA_OK)
        status = read_parameters(c, out, err);
    if (status == VANTA_OK)
        status = skip_filters(c, out, err);
    if (status == VANTA_OK)
        status = skip_vocabulary(c, err);
    while (status == VANTA_OK && vanta_cursor_left(c) > 0)
        status = skip_tensor(c, out, err);
    return status;
}
