#include "engines/voice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/text.h"

#define MAGIC "VNTVOICE"
#define MAGIC_BYTES 8
#define VERSION 1

size_t vanta_voice_floats(const struct vanta_voice *voice)
{
    return (size_t)voice->rows * voice->columns + voice->speaker;
}

void vanta_voice_free(struct vanta_voice *voice)
{
    free(voice->values);
    memset(voice, 0, sizeof *voice);
}

static bool sizes_fit(const struct vanta_voice *v)
{
    return v->rows - 1 < VANTA_VOICE_ROWS_MAX &&
           v->columns - 1 < VANTA_VOICE_COLUMNS_MAX &&
           v->speaker - 1 < VANTA_VOICE_SPEAKER_MAX;
}

static bool name_fits(const char *name)
{
    char printable[VANTA_VOICE_NAME_MAX];
    size_t len = vanta_text_printable(name, printable, sizeof printable);

    return len > 0 && strcmp(name, printable) == 0;
}

static bool digest_of(const void *data, size_t len, uint8_t out[VANTA_SHA256_BYTES])
{
    char hex[VANTA_SHA256_HEX];

    return vanta_sha256_buffer(data, len, hex, NULL) == VANTA_OK &&
           vanta_sha256_from_hex(hex, out);
}

static bool put_u32(struct vanta_buf *out, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8),
                              (uint8_t)(value >> 16), (uint8_t)(value >> 24)};

    return vanta_buf_append(out, bytes, sizeof bytes);
}

enum vanta_status vanta_voice_encode(const struct vanta_voice *voice,
                                     struct vanta_buf *out, struct vanta_error *err)
{
    const uint32_t head[] = {VERSION, voice->rows, voice->columns, voice->speaker};
    uint8_t digest[VANTA_SHA256_BYTES];
    bool fine;

    if (!sizes_fit(voice) || !name_fits(voice->name))
        return vanta_fail(err, VANTA_ERR_USAGE, "a voice of %u x %u + %u values cannot be "
                          "kept under this name", voice->rows, voice->columns,
                          voice->speaker);
    fine = vanta_buf_append(out, MAGIC, MAGIC_BYTES);
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        fine = fine && put_u32(out, head[i]);
    fine = fine && vanta_buf_append(out, voice->model, sizeof voice->model) &&
           put_u32(out, (uint32_t)strlen(voice->name)) &&
           vanta_buf_puts(out, voice->name);
    for (size_t i = 0; fine && i < vanta_voice_floats(voice); i++) {
        uint32_t bits;

        if (!isfinite(voice->values[i]))
            return vanta_fail(err, VANTA_ERR_USAGE, "value %zu of a voice is no number", i);
        memcpy(&bits, &voice->values[i], sizeof bits);
        fine = put_u32(out, bits);
    }
    fine = fine && digest_of(out->data, out->len, digest) &&
           vanta_buf_append(out, digest, sizeof digest);
    return fine ? VANTA_OK : vanta_fail_memory(err);
}

/* Damage is told apart from a file of another kind by the magic, which comes first. */
static enum vanta_status check_seal(const uint8_t *data, size_t len, const char *name,
                                    struct vanta_error *err)
{
    uint8_t digest[VANTA_SHA256_BYTES];

    if (len < MAGIC_BYTES || memcmp(data, MAGIC, MAGIC_BYTES) != 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: not a voice kept by vanta", name);
    if (len > VANTA_VOICE_BYTES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: %zu bytes; a voice has at most %zu",
                          name, len, VANTA_VOICE_BYTES_MAX);
    if (len < MAGIC_BYTES + sizeof digest ||
        !digest_of(data, len - sizeof digest, digest) ||
        memcmp(data + len - sizeof digest, digest, sizeof digest) != 0)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: damaged or cut short: its bytes do not match its digest",
                          name);
    return VANTA_OK;
}

static enum vanta_status read_head(struct vanta_cursor *c, struct vanta_voice *v,
                                   struct vanta_error *err)
{
    uint32_t version = 0, name_bytes = 0;
    char *name = NULL;
    enum vanta_status status;

    if ((status = vanta_cursor_skip(c, MAGIC_BYTES, err)) != VANTA_OK ||
        (status = vanta_cursor_u32(c, &version, err)) != VANTA_OK)
        return status;
    if (version != VERSION)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: a voice of version %u; this vanta reads version %d", c->name,
                          version, VERSION);
    if ((status = vanta_cursor_u32(c, &v->rows, err)) != VANTA_OK ||
        (status = vanta_cursor_u32(c, &v->columns, err)) != VANTA_OK ||
        (status = vanta_cursor_u32(c, &v->speaker, err)) != VANTA_OK ||
        (status = vanta_cursor_bytes(c, v->model, sizeof v->model, err)) != VANTA_OK ||
        (status = vanta_cursor_u32(c, &name_bytes, err)) != VANTA_OK)
        return status;
    if (!sizes_fit(v))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: a voice of %u x %u + %u values",
                          c->name, v->rows, v->columns, v->speaker);
    status = vanta_cursor_string(c, name_bytes, sizeof v->name - 1, &name, err);
    if (status != VANTA_OK)
        return status;
    if (strlen(name) != name_bytes || !name_fits(name))
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: its name is not text", c->name);
    else
        memcpy(v->name, name, name_bytes + 1);
    free(name);
    return status;
}

static enum vanta_status read_values(struct vanta_cursor *c, struct vanta_voice *v,
                                     struct vanta_error *err)
{
    size_t n = vanta_voice_floats(v);
    enum vanta_status status = VANTA_OK;

    if (vanta_cursor_left(c) != n * sizeof(float) + VANTA_SHA256_BYTES)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: %llu bytes behind byte %llu; its sizes say %zu", c->name,
                          (unsigned long long)vanta_cursor_left(c),
                          (unsigned long long)c->pos,
                          n * sizeof(float) + VANTA_SHA256_BYTES);
    v->values = malloc(n * sizeof *v->values);
    if (v->values == NULL)
        return vanta_fail_memory(err);
    for (size_t i = 0; status == VANTA_OK && i < n; i++) {
        status = vanta_cursor_f32(c, &v->values[i], err);
        if (status == VANTA_OK && !isfinite(v->values[i]))
            status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: no number at byte %llu",
                                c->name, (unsigned long long)c->pos - 4);
    }
    return status;
}

enum vanta_status vanta_voice_decode(const void *data, size_t len, const char *name,
                                     struct vanta_voice *out, struct vanta_error *err)
{
    struct vanta_cursor c;
    enum vanta_status status = check_seal(data, len, name, err);

    memset(out, 0, sizeof *out);
    if (status != VANTA_OK)
        return status;
    vanta_cursor_memory(&c, data, len, name);
    status = read_head(&c, out, err);
    if (status == VANTA_OK)
        status = read_values(&c, out, err);
    vanta_cursor_close(&c);
    if (status != VANTA_OK)
        vanta_voice_free(out);
    return status;
}
