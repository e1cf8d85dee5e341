/*
 * ct2_whisper.c - faster-whisper (CTranslate2) weights to whisper.cpp's file.
 *
 * The plan judges the whole model first; then its pieces are copied or converted block by
 * block into the output. f16 that stays f16 is read straight into the output's blocks.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/platform.h"
#include "base/text.h"
#include "convert/convert.h"
#include "convert/ct2.h"
#include "convert/half.h"
#include "convert/output.h"
#include "convert/tokenizer_json.h"
#include "convert/whisper_ggml.h"
#include "convert/whisper_plan.h"

#define BLOCK_ELEMENTS ((size_t)64 * 1024)

struct conversion {
    char path[VANTA_PATH_MAX]; /* of model.bin */
    int fd;
    struct vanta_cursor cursor;
    struct vanta_ct2 model;
    struct vanta_whisper_plan plan;
    struct vanta_vocabulary vocabulary;
    struct vanta_output *out;
    uint64_t total_bytes;
    uint8_t *raw;  /* BLOCK_ELEMENTS of at most four bytes */
    float *values; /* BLOCK_ELEMENTS */
    float *scales; /* of the piece in hand */
    vanta_convert_progress *progress;
    void *arg;
    const atomic_bool *cancel;
};

static enum vanta_status check_cancel(const struct conversion *k, struct vanta_error *err)
{
    if (k->cancel && atomic_load(k->cancel))
        return vanta_fail(err, VANTA_ERR_CANCELLED, "the conversion of %s was stopped",
                          k->path);
    return VANTA_OK;
}

/* Elements first to first + n of v, as they are. */
static enum vanta_status read_raw(struct conversion *k,
                                  const struct vanta_ct2_variable *v, uint64_t first,
                                  void *to, size_t n, struct vanta_error *err)
{
    size_t size = vanta_ct2_type_bytes(v->type);
    enum vanta_status status =
        vanta_cursor_seek(&k->cursor, v->data_pos + first * size, err);

    return status == VANTA_OK ? vanta_cursor_bytes(&k->cursor, to, n * size, err)
                              : status;
}

static void to_floats(enum vanta_ct2_type type, const uint8_t *raw, float *values,
                      size_t n)
{
    size_t size = vanta_ct2_type_bytes(type), i;

    for (i = 0; i < n; i++) {
        const uint8_t *p = raw + i * size;
        uint32_t bits;

        switch (type) {
        case VANTA_CT2_I8:
            values[i] = (float)(int8_t)p[0];
            break;
        case VANTA_CT2_F16:
            values[i] = vanta_f16_to_f32((uint16_t)(p[0] | p[1] << 8));
            break;
        case VANTA_CT2_BF16:
            values[i] = vanta_bf16_to_f32((uint16_t)(p[0] | p[1] << 8));
            break;
        default: /* f32; the plan let nothing else through */
            bits = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                   (uint32_t)p[3] << 24;
            memcpy(&values[i], &bits, sizeof bits);
        }
    }
}

/* n elements of the piece, from its element at on, as k->values. */
static enum vanta_status read_values(struct conversion *k,
                                     const struct vanta_whisper_piece *piece, uint64_t at,
                                     size_t n, struct vanta_error *err)
{
    enum vanta_status status =
        read_raw(k, piece->from, piece->first + at, k->raw, n, err);
    size_t i;

    if (status != VANTA_OK)
        return status;
    to_floats(piece->from->type, k->raw, k->values, n);
    for (i = 0; piece->scale && i < n; i++)
        k->values[i] /= k->scales[(at + i) / piece->row_elements];
    return VANTA_OK;
}

static enum vanta_status read_scales(struct conversion *k,
                                     const struct vanta_whisper_piece *piece,
                                     struct vanta_error *err)
{
    size_t n = (size_t)(piece->elements / piece->row_elements), i;
    enum vanta_status status;
    uint8_t *raw;

    free(k->scales);
    k->scales = malloc(n * sizeof *k->scales);
    raw = malloc(n * 4);
    status = k->scales && raw ? VANTA_OK : vanta_fail_memory(err);
    if (status == VANTA_OK)
        status = read_raw(k, piece->scale, piece->first / piece->row_elements, raw, n,
                          err);
    if (status == VANTA_OK)
        to_floats(VANTA_CT2_F32, raw, k->scales, n);
    free(raw);
    for (i = 0; status == VANTA_OK && i < n; i++)
        if (!isfinite(k->scales[i]) || fpclassify(k->scales[i]) == FP_ZERO)
            status = vanta_fail(err, VANTA_ERR_FORMAT,
                                "%s: number %zu of %s is no scale", k->path, i,
                                piece->scale->name);
    return status;
}

/* Whisper's key projection has no bias; CTranslate2 stacks zeros in its place. */
static enum vanta_status check_zero(struct conversion *k,
                                    const struct vanta_whisper_piece *piece,
                                    struct vanta_error *err)
{
    enum vanta_status status = piece->scale ? read_scales(k, piece, err) : VANTA_OK;
    uint64_t at = 0;

    while (status == VANTA_OK && at < piece->elements) {
        uint64_t left = piece->elements - at;
        size_t n = left < BLOCK_ELEMENTS ? (size_t)left : BLOCK_ELEMENTS, i;

        status = read_values(k, piece, at, n, err);
        for (i = 0; status == VANTA_OK && i < n; i++)
            if (fpclassify(k->values[i]) != FP_ZERO)
                status = vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                                    "%s: %s gives the keys a bias, and whisper.cpp's "
                                    "file has no place for one",
                                    k->path, piece->from->name);
        at += n;
    }
    return status;
}

static enum vanta_status check_keys(struct conversion *k, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; status == VANTA_OK && i < k->plan.n_pieces; i++)
        if (k->plan.pieces[i].to.name[0] == '\0')
            status = check_zero(k, &k->plan.pieces[i], err);
    return status;
}

static enum vanta_status write_f16(struct conversion *k, size_t n,
                                   struct vanta_error *err)
{
    size_t i;

    for (i = 0; i < n; i++) {
        uint16_t half = vanta_f32_to_f16(k->values[i]);

        k->raw[2 * i] = (uint8_t)half;
        k->raw[2 * i + 1] = (uint8_t)(half >> 8);
    }
    return vanta_output_write(k->out, k->raw, 2 * n, err);
}

/* The next elements of the piece, from at on; *n says how many. */
static enum vanta_status write_some(struct conversion *k,
                                    const struct vanta_whisper_piece *piece, uint64_t at,
                                    size_t *n, struct vanta_error *err)
{
    uint64_t left = piece->elements - at;
    enum vanta_status status;

    if (piece->from->type == VANTA_CT2_F16 && piece->to.type == 1) {
        size_t room;
        uint8_t *to = vanta_output_room(k->out, &room);

        /* An odd byte of room: two elements and more go through the copy below. */
        *n = left < room / 2 ? (size_t)left : room / 2;
        if (*n > 0) {
            status = read_raw(k, piece->from, piece->first + at, to, *n, err);
            return status == VANTA_OK ? vanta_output_filled(k->out, *n * 2, err) : status;
        }
    }
    *n = left < BLOCK_ELEMENTS ? (size_t)left : BLOCK_ELEMENTS;
    status = read_values(k, piece, at, *n, err);
    if (status != VANTA_OK)
        return status;
    return piece->to.type == 0 ? vanta_whisper_write_f32(k->out, k->values, *n, err)
                               : write_f16(k, *n, err);
}

static enum vanta_status write_piece(struct conversion *k,
                                     const struct vanta_whisper_piece *piece,
                                     struct vanta_error *err)
{
    enum vanta_status status = piece->scale ? read_scales(k, piece, err) : VANTA_OK;
    uint64_t at = 0;

    if (status == VANTA_OK)
        status = vanta_whisper_write_tensor_head(k->out, &piece->to, err);
    while (status == VANTA_OK && at < piece->elements) {
        size_t n = 0;

        status = check_cancel(k, err);
        if (status == VANTA_OK)
            status = write_some(k, piece, at, &n, err);
        at += n;
        if (status == VANTA_OK && k->progress)
            k->progress(k->arg, vanta_output_bytes(k->out), k->total_bytes);
    }
    return status;
}

/* tokenizer.json, else vocabulary.json. */
static enum vanta_status read_vocabulary(struct conversion *k, const char *dir,
                                         struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(VANTA_TOKENIZER_BYTES_MAX);
    char path[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!vanta_path_join(path, dir, "tokenizer.json") ||
        (!vanta_file_exists(path) && !vanta_path_join(path, dir, "vocabulary.json")))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    status = vanta_file_read(path, &text, err);
    if (status == VANTA_ERR_NOT_FOUND)
        vanta_hint(err, "tokenizer.json or vocabulary.json of the model has to be there");
    if (status == VANTA_OK)
        status = vanta_vocabulary_read(text.data ? text.data : "", text.len, path,
                                       k->plan.n_tokens, &k->vocabulary, err);
    vanta_buf_free(&text);
    return status;
}

/* All that can be judged before the first byte is written. */
static enum vanta_status prepare(struct conversion *k, const char *dir,
                                 const char *target, struct vanta_error *err)
{
    enum vanta_status status;

    if (!vanta_path_join(k->path, dir, "model.bin"))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    k->fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (k->fd < 0) {
        status = vanta_fail_errno(err, errno, "%s", k->path);
        vanta_hint(err, "a faster-whisper folder holds model.bin and tokenizer.json");
        return status;
    }
    k->raw = malloc(BLOCK_ELEMENTS * 4);
    k->values = malloc(BLOCK_ELEMENTS * sizeof *k->values);
    if (!k->raw || !k->values)
        return vanta_fail_memory(err);
    status = vanta_cursor_file(&k->cursor, k->fd, k->path, err);
    if (status == VANTA_OK)
        status = vanta_ct2_read(&k->cursor, &k->model, err);
    if (status == VANTA_OK)
        status = vanta_whisper_plan_make(&k->model, k->path, &k->plan, err);
    if (status == VANTA_OK)
        status = check_keys(k, err);
    if (status == VANTA_OK)
        status = read_vocabulary(k, dir, err);
    if (status != VANTA_OK)
        return status;
    k->total_bytes = vanta_whisper_head_bytes(&k->plan.header, &k->vocabulary) +
                     k->plan.tensor_bytes;
    return vanta_output_check_disk(target, k->total_bytes, err);
}

static enum vanta_status write_all(struct conversion *k, const char *target,
                                   struct vanta_convert_result *result,
                                   struct vanta_error *err)
{
    enum vanta_status status = vanta_output_open(target, &k->out, err);
    size_t i;

    if (status == VANTA_OK)
        status = vanta_whisper_write_head(k->out, &k->plan.header, &k->vocabulary, err);
    for (i = 0; status == VANTA_OK && i < k->plan.n_pieces; i++)
        if (k->plan.pieces[i].to.name[0] != '\0')
            status = write_piece(k, &k->plan.pieces[i], err);
    return status == VANTA_OK ? vanta_output_complete(k->out, k->total_bytes, result, err)
                              : status;
}

enum vanta_status vanta_convert_ct2_whisper(const char *dir, const char *target,
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
    k->progress = progress;
    k->arg = arg;
    k->cancel = cancel;
    status = prepare(k, dir, target, err);
    if (status == VANTA_OK)
        status = write_all(k, target, out, err);
    vanta_output_close(k->out);
    vanta_vocabulary_free(&k->vocabulary);
    vanta_whisper_plan_free(&k->plan);
    vanta_ct2_free(&k->model);
    vanta_cursor_close(&k->cursor);
    free(k->raw);
    free(k->values);
    free(k->scales);
    if (k->fd >= 0)
        close(k->fd);
    free(k);
    return status;
}
