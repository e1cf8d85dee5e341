#include "convert/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "convert/ggml_type.h"

#define MAGIC 0x46554747u /* "GGUF" */
#define ALIGNMENT 32
#define BYTES_PER_METADATA_LEAST 13 /* u64 length, u32 type, one byte */
#define BYTES_PER_TENSOR_LEAST 24   /* u64 length, u32 dimensions, u32 type, u64 offset */

enum value_type {
    TYPE_U8,
    TYPE_I8,
    TYPE_U16,
    TYPE_I16,
    TYPE_U32,
    TYPE_I32,
    TYPE_F32,
    TYPE_BOOL,
    TYPE_STRING,
    TYPE_ARRAY,
    TYPE_U64,
    TYPE_I64,
    TYPE_F64,
    TYPE_COUNT
};

/* Bytes of a value; 0 where it says itself. */
static const unsigned value_bytes[TYPE_COUNT] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

static enum vanta_status read_string(struct vanta_cursor *c, size_t max, char **out,
                                     struct vanta_error *err)
{
    uint64_t len;
    enum vanta_status status = vanta_cursor_u64(c, &len, err);

    return status == VANTA_OK ? vanta_cursor_string(c, len, max, out, err) : status;
}

static enum vanta_status skip_string(struct vanta_cursor *c, struct vanta_error *err)
{
    uint64_t len;
    enum vanta_status status = vanta_cursor_u64(c, &len, err);

    return status == VANTA_OK ? vanta_cursor_skip(c, len, err) : status;
}

static enum vanta_status bad_type(const struct vanta_cursor *c, uint32_t type,
                                  struct vanta_error *err)
{
    return vanta_fail(err, VANTA_ERR_FORMAT,
                      "%s: unknown metadata type %u before byte %llu", c->name, type,
                      (unsigned long long)c->pos);
}

static enum vanta_status skip_array(struct vanta_cursor *c, unsigned depth,
                                    struct vanta_error *err)
{
    uint32_t type;
    uint64_t count;
    enum vanta_status status = vanta_cursor_u32(c, &type, err);

    if (status == VANTA_OK)
        status = vanta_cursor_u64(c, &count, err);
    if (status != VANTA_OK)
        return status;
    if (type >= TYPE_COUNT)
        return bad_type(c, type, err);
    if (value_bytes[type]) {
        if (count > vanta_cursor_left(c) / value_bytes[type])
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: the array before byte %llu is longer than the file",
                              c->name, (unsigned long long)c->pos);
        return vanta_cursor_skip(c, count * value_bytes[type], err);
    }
    if (type == TYPE_ARRAY && depth == VANTA_GGUF_NESTING_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: arrays nest too deeply at byte %llu",
                          c->name, (unsigned long long)c->pos);
    /* Each step takes bytes of the file, so a lying count ends with it. */
    for (; status == VANTA_OK && count > 0; count--)
        status = type == TYPE_STRING ? skip_string(c, err) : skip_array(c, depth + 1, err);
    return status;
}

static enum vanta_status skip_value(struct vanta_cursor *c, uint32_t type,
                                    struct vanta_error *err)
{
    if (type >= TYPE_COUNT)
        return bad_type(c, type, err);
    if (type == TYPE_STRING)
        return skip_string(c, err);
    if (type == TYPE_ARRAY)
        return skip_array(c, 1, err);
    return vanta_cursor_skip(c, value_bytes[type], err);
}

/* A count or size in any integer type. */
static enum vanta_status read_integer(struct vanta_cursor *c, uint32_t type,
                                      const char *key, uint64_t *out,
                                      struct vanta_error *err)
{
    uint8_t bytes[8] = {0};
    enum vanta_status status;
    bool is_signed = type == TYPE_I8 || type == TYPE_I16 || type == TYPE_I32 ||
                     type == TYPE_I64;
    uint64_t value = 0;
    unsigned i;

    if (!is_signed && type != TYPE_U8 && type != TYPE_U16 && type != TYPE_U32 &&
        type != TYPE_U64)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s is no whole number", c->name,
                          key);
    status = vanta_cursor_bytes(c, bytes, value_bytes[type], err);
    if (status != VANTA_OK)
        return status;
    for (i = value_bytes[type]; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    if (is_signed && bytes[value_bytes[type] - 1] & 0x80)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s is negative", c->name, key);
    *out = value;
    return VANTA_OK;
}

/* Control characters become '?', too long ones are cut. */
static enum vanta_status read_text(struct vanta_cursor *c, uint32_t type, const char *key,
                                   char *out, size_t size, struct vanta_error *err)
{
    uint64_t len;
    char start[256] = {0};
    size_t n;
    enum vanta_status status;

    if (type != TYPE_STRING)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s is no string", c->name, key);
    status = vanta_cursor_u64(c, &len, err);
    if (status != VANTA_OK)
        return status;
    n = len < sizeof start - 1 ? (size_t)len : sizeof start - 1;
    status = vanta_cursor_bytes(c, start, n, err);
    if (status == VANTA_OK)
        status = vanta_cursor_skip(c, len - n, err);
    if (status == VANTA_OK)
        vanta_text_printable(start, out, size);
    return status;
}

static enum vanta_status read_alignment(struct vanta_cursor *c, uint32_t type,
                                        struct vanta_gguf *out, struct vanta_error *err)
{
    uint64_t value;
    enum vanta_status status = read_integer(c, type, "general.alignment", &value, err);

    if (status != VANTA_OK)
        return status;
    if (value == 0 || value > VANTA_GGUF_ALIGNMENT_MAX || (value & (value - 1)))
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: an alignment of %llu", c->name,
                          (unsigned long long)value);
    out->alignment = (uint32_t)value;
    return VANTA_OK;
}

/* A key of the architecture: "llama.context_length". */
static uint64_t *architecture_field(struct vanta_gguf *out, const char *key)
{
    size_t len = strlen(out->architecture);

    if (len == 0 || strncmp(key, out->architecture, len) != 0 || key[len] != '.')
        return NULL;
    key += len + 1;
    if (strcmp(key, "context_length") == 0)
        return &out->context_length;
    if (strcmp(key, "block_count") == 0)
        return &out->block_count;
    if (strcmp(key, "embedding_length") == 0)
        return &out->embedding_length;
    return NULL;
}

/* Names as "one, two" in out, where it is given, and how many there are. A list of anything
 * else is passed over. */
static enum vanta_status read_names(struct vanta_cursor *c, const char *key, char *out,
                                    size_t size, uint64_t *count, struct vanta_error *err)
{
    uint64_t pos = c->pos, n = 0, i;
    uint32_t type;
    size_t len = 0;
    enum vanta_status status = vanta_cursor_u32(c, &type, err);

    if (status == VANTA_OK && type == TYPE_STRING)
        status = vanta_cursor_u64(c, &n, err);
    else if (status == VANTA_OK && (status = vanta_cursor_seek(c, pos, err)) == VANTA_OK)
        status = skip_array(c, 1, err);
    for (i = 0; status == VANTA_OK && i < n; i++) {
        char name[64];

        status = read_text(c, TYPE_STRING, key, name, sizeof name, err);
        if (status == VANTA_OK && len + strlen(name) + 3 <= size)
            len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", name);
    }
    *count = n;
    return status;
}

static enum vanta_status read_value(struct vanta_cursor *c, const char *key,
                                    uint32_t type, struct vanta_gguf *out,
                                    struct vanta_error *err)
{
    size_t len = strlen(out->architecture);
    uint64_t *field, n;

    if (strcmp(key, "general.architecture") == 0)
        return read_text(c, type, key, out->architecture, sizeof out->architecture, err);
    if (strcmp(key, "general.name") == 0)
        return read_text(c, type, key, out->name, sizeof out->name, err);
    /* Some files have a list of licences. */
    if (strcmp(key, "general.license") == 0 && type == TYPE_STRING)
        return read_text(c, type, key, out->license, sizeof out->license, err);
    if (strcmp(key, "general.alignment") == 0)
        return read_alignment(c, type, out, err);
    if (strcmp(key, "general.file_type") == 0) {
        out->has_file_type = true;
        return read_integer(c, type, key, &out->file_type, err);
    }
    field = architecture_field(out, key);
    /* Some architectures have one value a layer. */
    if (field && type != TYPE_ARRAY)
        return read_integer(c, type, key, field, err);
    if (type == TYPE_ARRAY && len > 0 && strncmp(key, out->architecture, len) == 0) {
        if (strcmp(key + len, ".languages") == 0)
            return read_names(c, key, out->languages, sizeof out->languages, &n, err);
        if (strcmp(key + len, ".speakers") == 0)
            return read_names(c, key, NULL, 0, &out->voices, err);
    }
    return skip_value(c, type, err);
}

/* *late: the architecture was named behind other keys, some of which may be its own. */
static enum vanta_status read_metadata(struct vanta_cursor *c, struct vanta_gguf *out,
                                       bool *late, struct vanta_error *err)
{
    bool unnamed = out->architecture[0] == '\0';
    enum vanta_status status = VANTA_OK;
    uint64_t i;

    *late = false;

    for (i = 0; status == VANTA_OK && i < out->metadata; i++) {
        uint32_t type;
        char *key;

        status = read_string(c, VANTA_GGUF_KEY_MAX, &key, err);
        if (status != VANTA_OK)
            break;
        status = vanta_cursor_u32(c, &type, err);
        if (status == VANTA_OK)
            status = read_value(c, key, type, out, err);
        free(key);
        if (unnamed && out->architecture[0]) {
            unnamed = false;
            *late = i > 0;
        }
    }
    return status;
}

struct tensors {
    uint64_t bytes_of[VANTA_GGML_TYPES];
    uint64_t end; /* of the data, behind the header */
};

static enum vanta_status read_extents(struct vanta_cursor *c, const char *name,
                                      uint64_t *elements, uint64_t *row,
                                      struct vanta_error *err)
{
    uint32_t rank, i;
    uint64_t extent;
    enum vanta_status status = vanta_cursor_u32(c, &rank, err);

    if (status == VANTA_OK && rank > VANTA_GGUF_RANK_MAX)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s has %u dimensions", c->name,
                          name, rank);
    *elements = *row = 1;
    for (i = 0; status == VANTA_OK && i < rank; i++) {
        status = vanta_cursor_u64(c, &extent, err);
        if (status != VANTA_OK)
            break;
        if (extent > INT64_MAX || (extent && *elements > INT64_MAX / extent))
            return vanta_fail(err, VANTA_ERR_FORMAT, "%s: the shape of %s is too large",
                              c->name, name);
        *elements *= extent;
        if (i == 0)
            *row = extent;
    }
    return status;
}

static enum vanta_status read_tensor(struct vanta_cursor *c, const char *name,
                                     struct vanta_gguf *out, struct tensors *tensors,
                                     struct vanta_error *err)
{
    uint64_t elements = 0, row = 0, offset, bytes = 0;
    uint32_t type;
    enum vanta_status status = read_extents(c, name, &elements, &row, err);

    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, &type, err);
    if (status == VANTA_OK)
        status = vanta_cursor_u64(c, &offset, err);
    if (status != VANTA_OK)
        return status;
    if (offset % out->alignment)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s is not aligned to %u bytes",
                          c->name, name, out->alignment);
    /* A type that came after this program: its size is not known, its place is. */
    if (vanta_ggml_type_name(type) && !vanta_ggml_type_bytes(type, elements, row, &bytes))
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: the rows of %s are not whole blocks of %s", c->name, name,
                          vanta_ggml_type_name(type));
    if (offset > c->size || bytes > c->size - offset)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s lies behind the file's end",
                          c->name, name);
    if (offset + bytes > tensors->end)
        tensors->end = offset + bytes;
    if (type < VANTA_GGML_TYPES)
        tensors->bytes_of[type] += bytes;
    if (elements > UINT64_MAX - out->parameters)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: more parameters than can be",
                          c->name);
    out->parameters += elements;
    return VANTA_OK;
}

static enum vanta_status read_tensors(struct vanta_cursor *c, struct vanta_gguf *out,
                                      struct vanta_error *err)
{
    struct tensors tensors = {{0}, 0};
    enum vanta_status status = VANTA_OK;
    uint64_t i, start, most = 0;

    for (i = 0; status == VANTA_OK && i < out->tensors; i++) {
        char *name;

        status = read_string(c, VANTA_GGUF_NAME_MAX, &name, err);
        if (status != VANTA_OK)
            break;
        status = read_tensor(c, name, out, &tensors, err);
        free(name);
    }
    if (status != VANTA_OK)
        return status;
    /* Both sides are far below 2^63 here: pos and end lie in the file. */
    start = (c->pos + out->alignment - 1) / out->alignment * out->alignment;
    if (out->tensors && (start > c->size || tensors.end > c->size - start))
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: cut short: the tensors end at byte %llu, the file at %llu",
                          c->name, (unsigned long long)(start + tensors.end),
                          (unsigned long long)c->size);
    for (i = 0; i < VANTA_GGML_TYPES; i++)
        if (tensors.bytes_of[i] > most) {
            most = tensors.bytes_of[i];
            out->main_type = vanta_ggml_type_name((uint32_t)i);
        }
    return VANTA_OK;
}

static enum vanta_status read_head(struct vanta_cursor *c, struct vanta_gguf *out,
                                   struct vanta_error *err)
{
    uint32_t magic;
    enum vanta_status status = vanta_cursor_u32(c, &magic, err);

    if (status == VANTA_OK && magic != MAGIC)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: does not start with GGUF", c->name);
    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, &out->version, err);
    if (status == VANTA_OK && (out->version < 2 || out->version > 3)) {
        bool swapped = out->version && !(out->version & 0xffff);

        vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s: %s", c->name,
                   swapped ? "GGUF for big-endian machines"
                           : "another version of GGUF than 2 and 3");
        vanta_hint(err, "convert the model again with a current llama.cpp");
        return VANTA_ERR_UNSUPPORTED;
    }
    if (status == VANTA_OK)
        status = vanta_cursor_u64(c, &out->tensors, err);
    if (status == VANTA_OK)
        status = vanta_cursor_u64(c, &out->metadata, err);
    return status;
}

static enum vanta_status check_counts(const struct vanta_cursor *c,
                                      const struct vanta_gguf *g, struct vanta_error *err)
{
    uint64_t left = vanta_cursor_left(c);

    if (g->tensors > left / BYTES_PER_TENSOR_LEAST ||
        g->metadata > left / BYTES_PER_METADATA_LEAST)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: claims %llu tensors and %llu metadata, more than fit in it",
                          c->name, (unsigned long long)g->tensors,
                          (unsigned long long)g->metadata);
    if (g->tensors > VANTA_GGUF_TENSORS_MAX || g->metadata > VANTA_GGUF_METADATA_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT,
                          "%s: claims %llu tensors and %llu metadata; at most %llu and "
                          "%llu are read",
                          c->name, (unsigned long long)g->tensors,
                          (unsigned long long)g->metadata,
                          (unsigned long long)VANTA_GGUF_TENSORS_MAX,
                          (unsigned long long)VANTA_GGUF_METADATA_MAX);
    return VANTA_OK;
}

enum vanta_status vanta_gguf_read(struct vanta_cursor *c, struct vanta_gguf *out,
                                  struct vanta_error *err)
{
    enum vanta_status status;
    bool late = false;
    uint64_t start;

    memset(out, 0, sizeof *out);
    out->alignment = ALIGNMENT;
    status = read_head(c, out, err);
    if (status == VANTA_OK)
        status = check_counts(c, out, err);
    start = c->pos;
    if (status == VANTA_OK)
        status = read_metadata(c, out, &late, err);
    if (status == VANTA_OK && late) { /* once more, knowing it */
        status = vanta_cursor_seek(c, start, err);
        if (status == VANTA_OK)
            status = read_metadata(c, out, &late, err);
    }
    if (status == VANTA_OK)
        status = read_tensors(c, out, err);
    if (status != VANTA_OK)
        memset(out, 0, sizeof *out);
    return status;
}
