#include "convert/gguf.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define KEYS_MAX ((uint64_t)65536)
#define TENSORS_MAX ((uint64_t)1 << 20)
#define ARRAY_MAX ((uint64_t)1 << 26)
#define STRING_MAX ((uint64_t)1 << 20)
#define DIMENSIONS_MAX 4
#define ALIGNMENT_DEFAULT 32
#define ARRAY_DEPTH_MAX 4

/* ggml.h, enum ggml_type, with elements and bytes of a block (ggml.c, type_traits). */
static const struct {
    const char *name;
    uint16_t elements, bytes;
} types[] = {
    [0] = {"f32", 1, 4},        [1] = {"f16", 1, 2},       [2] = {"Q4_0", 32, 18},
    [3] = {"Q4_1", 32, 20},     [6] = {"Q5_0", 32, 22},    [7] = {"Q5_1", 32, 24},
    [8] = {"Q8_0", 32, 34},     [9] = {"Q8_1", 32, 36},    [10] = {"Q2_K", 256, 84},
    [11] = {"Q3_K", 256, 110},  [12] = {"Q4_K", 256, 144}, [13] = {"Q5_K", 256, 176},
    [14] = {"Q6_K", 256, 210},  [15] = {"Q8_K", 256, 292}, [16] = {"IQ2_XXS", 256, 66},
    [17] = {"IQ2_XS", 256, 74}, [18] = {"IQ3_XXS", 256, 98}, [19] = {"IQ1_S", 256, 50},
    [20] = {"IQ4_NL", 32, 18},  [21] = {"IQ3_S", 256, 110}, [22] = {"IQ2_S", 256, 82},
    [23] = {"IQ4_XS", 256, 136}, [24] = {"i8", 1, 1},      [25] = {"i16", 1, 2},
    [26] = {"i32", 1, 4},       [27] = {"i64", 1, 8},      [28] = {"f64", 1, 8},
    [29] = {"IQ1_M", 256, 56},  [30] = {"bf16", 1, 2},     [34] = {"TQ1_0", 256, 54},
    [35] = {"TQ2_0", 256, 66},  [39] = {"MXFP4", 32, 17},
};
#define TYPES (sizeof types / sizeof types[0])

const char *vanta_ggml_type_name(uint32_t type)
{
    return type < TYPES ? types[type].name : NULL;
}

bool vanta_ggml_type_bytes(uint32_t type, uint64_t n, uint64_t *bytes)
{
    if (type >= TYPES || !types[type].name || n % types[type].elements)
        return false;
    if (n / types[type].elements > UINT64_MAX / types[type].bytes)
        return false;
    *bytes = n / types[type].elements * types[type].bytes;
    return true;
}

/* llama.h, enum llama_ftype. */
const char *vanta_gguf_file_type_name(int64_t file_type)
{
    static const char *const names[] = {
        [0] = "f32",      [1] = "f16",      [2] = "Q4_0",    [3] = "Q4_1",
        [7] = "Q8_0",     [8] = "Q5_0",     [9] = "Q5_1",    [10] = "Q2_K",
        [11] = "Q3_K_S",  [12] = "Q3_K_M",  [13] = "Q3_K_L", [14] = "Q4_K_S",
        [15] = "Q4_K_M",  [16] = "Q5_K_S",  [17] = "Q5_K_M", [18] = "Q6_K",
        [19] = "IQ2_XXS", [20] = "IQ2_XS",  [21] = "Q2_K_S", [22] = "IQ3_XS",
        [23] = "IQ3_XXS", [24] = "IQ1_S",   [25] = "IQ4_NL", [26] = "IQ3_S",
        [27] = "IQ3_M",   [28] = "IQ2_S",   [29] = "IQ2_M",  [30] = "IQ4_XS",
        [31] = "IQ1_M",   [32] = "bf16",    [36] = "TQ1_0",  [37] = "TQ2_0",
        [38] = "MXFP4_MOE"};

    if (file_type < 0 || file_type >= (int64_t)(sizeof names / sizeof names[0]))
        return NULL;
    return names[file_type];
}

enum value_type { TYPE_BOOL = 7, TYPE_STRING = 8, TYPE_ARRAY = 9, TYPE_LAST = 12 };

/* Bytes of the fixed-size value types, in the order of their numbers. */
static const uint8_t value_bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

struct value {
    uint32_t type;
    uint64_t number; /* of the integer types */
    bool is_number;
    char *text;      /* of a string; the reader frees */
};

static enum vanta_status read_text(struct vanta_cursor *c, char **out,
                                   struct vanta_error *err)
{
    enum vanta_status status;
    uint64_t len;

    status = vanta_cursor_u64(c, &len, err);
    return status == VANTA_OK ? vanta_cursor_string(c, len, STRING_MAX, out, err)
                              : status;
}

static enum vanta_status skip_value(struct vanta_cursor *c, uint32_t type, int depth,
                                    struct vanta_error *err);

static enum vanta_status skip_array(struct vanta_cursor *c, int depth,
                                    struct vanta_error *err)
{
    enum vanta_status status;
    uint32_t type;
    uint64_t n, i;

    status = vanta_cursor_u32(c, &type, err);
    if (status == VANTA_OK)
        status = vanta_cursor_u64(c, &n, err);
    if (status != VANTA_OK)
        return status;
    if (depth > ARRAY_DEPTH_MAX || n > ARRAY_MAX || type > TYPE_LAST)
        return vanta_fail(err, VANTA_ERR_LIMIT,
                          "%s: an array of %llu values of type %u before byte %llu",
                          c->name, (unsigned long long)n, type,
                          (unsigned long long)c->pos);
    if (value_bytes[type])
        return vanta_cursor_skip(c, n * value_bytes[type], err);
    for (i = 0; status == VANTA_OK && i < n; i++)
        status = skip_value(c, type, depth + 1, err);
    return status;
}

static enum vanta_status skip_value(struct vanta_cursor *c, uint32_t type, int depth,
                                    struct vanta_error *err)
{
    enum vanta_status status;
    uint64_t len;

    if (type == TYPE_STRING) {
        status = vanta_cursor_u64(c, &len, err);
        return status == VANTA_OK ? vanta_cursor_skip(c, len, err) : status;
    }
    if (type == TYPE_ARRAY)
        return skip_array(c, depth, err);
    if (type > TYPE_LAST)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: a value of type %u at byte %llu",
                          c->name, type, (unsigned long long)c->pos);
    return vanta_cursor_skip(c, value_bytes[type], err);
}

static enum vanta_status read_value(struct vanta_cursor *c, struct value *v,
                                    struct vanta_error *err)
{
    enum vanta_status status = vanta_cursor_u32(c, &v->type, err);
    uint8_t raw[8] = {0};
    size_t i;

    if (status != VANTA_OK)
        return status;
    if (v->type == TYPE_STRING)
        return read_text(c, &v->text, err);
    /* Integers and booleans; floats (6, 12) are of no interest here. */
    if (v->type > TYPE_LAST || !value_bytes[v->type] || v->type == 6 || v->type == 12)
        return skip_value(c, v->type, 0, err);
    status = vanta_cursor_bytes(c, raw, value_bytes[v->type], err);
    for (i = 8; i > 0; i--)
        v->number = v->number << 8 | raw[i - 1];
    v->is_number = status == VANTA_OK;
    return status;
}

static void keep_text(const struct value *v, char *out, size_t size)
{
    if (v->text)
        vanta_text_printable(v->text, out, size);
}

/* Remembers a key that is one of the facts. */
static void keep(struct vanta_gguf_facts *out, uint64_t *alignment, const char *key,
                 const struct value *v)
{
    if (strcmp(key, "general.architecture") == 0)
        keep_text(v, out->architecture, sizeof out->architecture);
    else if (strcmp(key, "general.name") == 0)
        keep_text(v, out->name, sizeof out->name);
    else if (strcmp(key, "general.license") == 0)
        keep_text(v, out->license, sizeof out->license);
    else if (!v->is_number)
        return;
    else if (strcmp(key, "general.file_type") == 0)
        out->file_type = (int64_t)(v->number & INT64_MAX);
    else if (strcmp(key, "general.alignment") == 0)
        *alignment = v->number;
    else if (vanta_has_suffix(key, ".context_length"))
        out->context_tokens = v->number;
    else if (vanta_has_suffix(key, ".block_count"))
        out->layers = v->number;
    else if (vanta_has_suffix(key, ".embedding_length"))
        out->embedding_length = v->number;
}

static enum vanta_status read_metadata(struct vanta_cursor *c, uint64_t n,
                                       uint64_t *alignment, struct vanta_gguf_facts *out,
                                       struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    uint64_t i;

    for (i = 0; status == VANTA_OK && i < n; i++) {
        struct value v = {0};
        char *key = NULL;

        status = read_text(c, &key, err);
        if (status == VANTA_OK)
            status = read_value(c, &v, err);
        if (status == VANTA_OK)
            keep(out, alignment, key, &v);
        free(v.text);
        free(key);
    }
    if (status == VANTA_OK &&
        (*alignment == 0 || *alignment > 65536 || (*alignment & (*alignment - 1))))
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: an alignment of %llu", c->name,
                          (unsigned long long)*alignment);
    return status;
}

struct tensor {
    uint32_t type;
    uint64_t elements, bytes, offset;
};

static enum vanta_status read_tensor(struct vanta_cursor *c, struct tensor *t,
                                     struct vanta_error *err)
{
    enum vanta_status status;
    uint32_t rank = 0, i;
    uint64_t extent, len;

    memset(t, 0, sizeof *t);
    t->elements = 1;
    status = vanta_cursor_u64(c, &len, err);
    if (status == VANTA_OK && len > 256)
        return vanta_fail(err, VANTA_ERR_LIMIT,
                          "%s: a tensor's name of %llu bytes at byte %llu", c->name,
                          (unsigned long long)len, (unsigned long long)c->pos);
    if (status == VANTA_OK)
        status = vanta_cursor_skip(c, len, err);
    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, &rank, err);
    if (status == VANTA_OK && rank > DIMENSIONS_MAX)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: a tensor of %u dimensions at byte %llu", c->name, rank,
                          (unsigned long long)c->pos);
    for (i = 0; status == VANTA_OK && i < rank; i++) {
        status = vanta_cursor_u64(c, &extent, err);
        if (status == VANTA_OK && extent && t->elements > ((uint64_t)1 << 48) / extent)
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: the shape of a tensor is too large at byte %llu",
                              c->name, (unsigned long long)c->pos);
        if (status == VANTA_OK)
            t->elements *= extent;
    }
    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, &t->type, err);
    if (status == VANTA_OK)
        status = vanta_cursor_u64(c, &t->offset, err);
    if (status == VANTA_OK && !vanta_ggml_type_bytes(t->type, t->elements, &t->bytes))
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: a tensor of type %u with %llu elements before byte %llu",
                          c->name, t->type, (unsigned long long)t->elements,
                          (unsigned long long)c->pos);
    return status;
}

static enum vanta_status read_tensors(struct vanta_cursor *c, uint64_t n,
                                      uint64_t alignment, struct vanta_gguf_facts *out,
                                      struct vanta_error *err)
{
    uint64_t bytes_of[TYPES] = {0}, end = 0, start, i;
    enum vanta_status status = VANTA_OK;
    struct tensor t;

    for (i = 0; status == VANTA_OK && i < n; i++) {
        status = read_tensor(c, &t, err);
        if (status != VANTA_OK)
            return status;
        out->parameters += t.elements;
        bytes_of[t.type] += t.bytes;
        if (t.offset > c->size || t.bytes > c->size)
            end = UINT64_MAX;
        else if (end != UINT64_MAX && t.offset + t.bytes > end)
            end = t.offset + t.bytes;
    }
    start = (c->pos + alignment - 1) / alignment * alignment;
    if (n && (start > c->size || end > c->size - start))
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: cut short: its tensors go past the file's end at %llu",
                          c->name, (unsigned long long)c->size);
    out->tensors = n;
    for (i = 0; i < TYPES; i++)
        if (bytes_of[i] > bytes_of[out->main_type])
            out->main_type = (uint32_t)i;
    return VANTA_OK;
}

enum vanta_status vanta_gguf_read(struct vanta_cursor *c, struct vanta_gguf_facts *out,
                                  struct vanta_error *err)
{
    uint64_t tensors, keys, alignment = ALIGNMENT_DEFAULT;
    enum vanta_status status;
    uint32_t magic;

    memset(out, 0, sizeof *out);
    out->file_type = -1;
    status = vanta_cursor_u32(c, &magic, err);
    if (status == VANTA_OK && magic != VANTA_GGUF_MAGIC)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: does not start with GGUF", c->name);
    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, &out->version, err);
    if (status == VANTA_OK && (out->version < 2 || out->version > 3))
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: GGUF version %u; versions 2 and 3 are read", c->name,
                          out->version);
    if (status == VANTA_OK)
        status = vanta_cursor_u64(c, &tensors, err);
    if (status == VANTA_OK)
        status = vanta_cursor_u64(c, &keys, err);
    if (status != VANTA_OK)
        return status;
    if (tensors > TENSORS_MAX || keys > KEYS_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: says it has %llu tensors, %llu keys",
                          c->name, (unsigned long long)tensors,
                          (unsigned long long)keys);
    status = read_metadata(c, keys, &alignment, out, err);
    return status == VANTA_OK ? read_tensors(c, tensors, alignment, out, err) : status;
}
