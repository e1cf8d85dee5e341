#include "convert/safetensors.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "convert/json_scan.h"

#define NAME_BYTES_MAX 4096
#define LAYERS_MAX 10000

struct type {
    const char *upstream, *name;
    unsigned bits;
};

static const struct type types[] = {
    {"BOOL", "bool", 8},        {"U8", "u8", 8},           {"I8", "i8", 8},
    {"F8_E5M2", "f8_e5m2", 8},  {"F8_E4M3", "f8_e4m3", 8}, {"F8_E8M0", "f8_e8m0", 8},
    {"F4", "f4", 4},            {"F6_E2M3", "f6_e2m3", 6}, {"F6_E3M2", "f6_e3m2", 6},
    {"I16", "i16", 16},         {"U16", "u16", 16},        {"F16", "f16", 16},
    {"BF16", "bf16", 16},       {"I32", "i32", 32},        {"U32", "u32", 32},
    {"F32", "f32", 32},         {"C64", "c64", 64},        {"F64", "f64", 64},
    {"I64", "i64", 64},         {"U64", "u64", 64},
};

#define N_TYPES (sizeof types / sizeof types[0])

struct span {
    uint64_t begin, end;
};

struct reader {
    struct vanta_json_scan scan;
    struct vanta_safetensors *out;
    vanta_safetensors_visit *visit; /* NULL: nobody asks for each tensor */
    void *arg;
    uint64_t data_pos; /* of the data in the file */
    struct vanta_buf text, tensor; /* the string and the tensor's name in hand */
    struct span *spans;
    size_t n, capacity;
    uint64_t bytes_of[N_TYPES];
    uint64_t data_bytes; /* behind the header */
};

/* One tensor's description, as far as it was read. */
struct description {
    const struct type *type;
    bool has_shape, has_offsets;
    unsigned rank;
    uint64_t shape[VANTA_SAFETENSORS_RANK_MAX];
    uint64_t elements;
    struct span span;
};

static enum vanta_status fail(struct reader *r, const char *what,
                              struct vanta_error *err)
{
    return vanta_fail(err, VANTA_ERR_FORMAT, "%s: the tensor %s: %s", r->scan.name,
                      r->tensor.data, what);
}

static enum vanta_status read_type(struct reader *r, struct description *d,
                                   struct vanta_error *err)
{
    enum vanta_status status = vanta_json_scan_string(&r->scan, &r->text, err);
    size_t i;

    if (status != VANTA_OK)
        return status;
    for (i = 0; i < N_TYPES; i++)
        if (strcmp(types[i].upstream, r->text.data) == 0)
            d->type = &types[i];
    return d->type ? VANTA_OK : fail(r, "has an unknown dtype", err);
}

static enum vanta_status read_shape(struct reader *r, struct description *d,
                                    struct vanta_error *err)
{
    enum vanta_status status = vanta_json_scan_array(&r->scan, err);

    d->elements = 1;
    d->has_shape = true;
    while (status == VANTA_OK) {
        uint64_t extent;
        bool more;

        status = vanta_json_scan_element(&r->scan, &more, err);
        if (status != VANTA_OK || !more)
            break;
        status = vanta_json_scan_u64(&r->scan, &extent, err);
        if (status != VANTA_OK)
            break;
        /* In bits it has to fit too. */
        if (d->rank == VANTA_SAFETENSORS_RANK_MAX || extent > UINT64_MAX / 64 ||
            (extent && d->elements > UINT64_MAX / 64 / extent))
            return fail(r, "its shape is too large", err);
        d->elements *= extent;
        d->shape[d->rank++] = extent;
    }
    return status;
}

static enum vanta_status read_offsets(struct reader *r, struct description *d,
                                      struct vanta_error *err)
{
    uint64_t *const offsets[2] = {&d->span.begin, &d->span.end};
    enum vanta_status status = vanta_json_scan_array(&r->scan, err);
    bool more = false;
    size_t i;

    d->has_offsets = true;
    for (i = 0; status == VANTA_OK && i < 2; i++) {
        status = vanta_json_scan_element(&r->scan, &more, err);
        if (status == VANTA_OK && !more)
            return fail(r, "data_offsets are two numbers", err);
        if (status == VANTA_OK)
            status = vanta_json_scan_u64(&r->scan, offsets[i], err);
    }
    if (status == VANTA_OK)
        status = vanta_json_scan_element(&r->scan, &more, err);
    if (status == VANTA_OK && more)
        return fail(r, "data_offsets are two numbers", err);
    return status;
}

/* The number behind "layer.", "layers.", "h." or "blocks." in a tensor's name. */
static void count_layer(struct reader *r)
{
    static const char *const words[] = {"layer.", "layers.", "h.", "block.", "blocks."};
    const char *at = r->tensor.data;
    size_t i;

    for (;;) {
        for (i = 0; i < sizeof words / sizeof words[0]; i++) {
            const char *digit = at + strlen(words[i]);
            uint64_t number = 0;

            if (!vanta_has_prefix(at, words[i]) || *digit < '0' || *digit > '9')
                continue;
            for (; *digit >= '0' && *digit <= '9' && number < LAYERS_MAX; digit++)
                number = number * 10 + (uint64_t)(*digit - '0');
            if (*digit == '.' && number < LAYERS_MAX && number + 1 > r->out->layers)
                r->out->layers = number + 1;
        }
        at = strchr(at, '.');
        if (!at)
            return;
        at++;
    }
}

static enum vanta_status keep(struct reader *r, const struct description *d,
                              struct vanta_error *err)
{
    uint64_t bits;

    if (!d->type || !d->has_shape || !d->has_offsets)
        return fail(r, "dtype, shape or data_offsets are missing", err);
    bits = d->elements * d->type->bits;
    if (d->span.end < d->span.begin || d->span.end > r->data_bytes)
        return fail(r, "its data lies outside of the file", err);
    if (bits % 8 || bits / 8 != d->span.end - d->span.begin)
        return fail(r, "its data is not as long as its shape makes it", err);
    if (r->n == VANTA_SAFETENSORS_TENSORS_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: more than %zu tensors",
                          r->scan.name, VANTA_SAFETENSORS_TENSORS_MAX);
    if (r->n == r->capacity) {
        size_t grown = r->capacity ? r->capacity * 2 : 256;
        struct span *spans = realloc(r->spans, grown * sizeof *spans);

        if (!spans)
            return vanta_fail_memory(err);
        r->spans = spans;
        r->capacity = grown;
    }
    r->spans[r->n++] = d->span;
    r->bytes_of[d->type - types] += bits / 8;
    /* Cannot wrap: each tensor's elements take room in the file, or are none. */
    r->out->parameters += d->elements;
    r->out->tensors++;
    count_layer(r);
    if (r->visit) {
        struct vanta_safetensors_tensor t = {.name = r->tensor.data,
                                             .type = d->type->name,
                                             .rank = d->rank,
                                             .shape = d->shape,
                                             .elements = d->elements,
                                             .data_pos = r->data_pos + d->span.begin,
                                             .bytes = bits / 8};

        return r->visit(r->arg, &t, err);
    }
    return VANTA_OK;
}

static enum vanta_status read_tensor(struct reader *r, struct vanta_error *err)
{
    struct description d = {0};
    enum vanta_status status = vanta_json_scan_object(&r->scan, err);

    while (status == VANTA_OK) {
        bool more;

        status = vanta_json_scan_key(&r->scan, &r->text, &more, err);
        if (status != VANTA_OK)
            break;
        if (!more)
            return keep(r, &d, err);
        if (strcmp(r->text.data, "dtype") == 0 && !d.type)
            status = read_type(r, &d, err);
        else if (strcmp(r->text.data, "shape") == 0 && !d.has_shape)
            status = read_shape(r, &d, err);
        else if (strcmp(r->text.data, "data_offsets") == 0 && !d.has_offsets)
            status = read_offsets(r, &d, err);
        else
            return fail(r, "an unknown or repeated key", err);
    }
    return status;
}

static enum vanta_status read_metadata(struct reader *r, struct vanta_error *err)
{
    enum vanta_status status = vanta_json_scan_object(&r->scan, err);

    while (status == VANTA_OK) {
        bool more, license, format;

        status = vanta_json_scan_key(&r->scan, &r->text, &more, err);
        if (status != VANTA_OK || !more)
            break;
        license = strcmp(r->text.data, "license") == 0;
        format = strcmp(r->text.data, "format") == 0;
        if (!license && !format) {
            status = vanta_json_scan_skip(&r->scan, err);
            continue;
        }
        status = vanta_json_scan_string(&r->scan, &r->text, err);
        if (status == VANTA_OK && license)
            vanta_text_printable(r->text.data, r->out->license, sizeof r->out->license);
        else if (status == VANTA_OK)
            vanta_text_printable(r->text.data, r->out->format, sizeof r->out->format);
    }
    return status;
}

static enum vanta_status read_header(struct reader *r, struct vanta_error *err)
{
    enum vanta_status status = vanta_json_scan_object(&r->scan, err);

    while (status == VANTA_OK) {
        bool more;

        status = vanta_json_scan_key(&r->scan, &r->tensor, &more, err);
        if (status != VANTA_OK || !more)
            break;
        if (strcmp(r->tensor.data, "__metadata__") == 0)
            status = read_metadata(r, err);
        else
            status = read_tensor(r, err);
    }
    return status == VANTA_OK ? vanta_json_scan_end(&r->scan, err) : status;
}

static int by_begin(const void *a, const void *b)
{
    const struct span *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static enum vanta_status check_cover(struct reader *r, struct vanta_error *err)
{
    uint64_t end = 0;
    size_t i;

    if (r->n)
        qsort(r->spans, r->n, sizeof *r->spans, by_begin);
    for (i = 0; i < r->n; i++) {
        if (r->spans[i].begin != end)
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: the data has a gap or an overlap at byte %llu of it",
                              r->scan.name, (unsigned long long)end);
        end = r->spans[i].end;
    }
    if (end != r->data_bytes)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: the tensors end at byte %llu of %llu of the data",
                          r->scan.name, (unsigned long long)end,
                          (unsigned long long)r->data_bytes);
    return VANTA_OK;
}

static void find_main_type(struct reader *r)
{
    uint64_t most = 0;
    size_t i;

    for (i = 0; i < N_TYPES; i++)
        if (r->bytes_of[i] > most) {
            most = r->bytes_of[i];
            r->out->main_type = types[i].name;
        }
}

static enum vanta_status load_header(struct vanta_cursor *c, char **text, size_t *len,
                                     struct vanta_error *err)
{
    uint64_t header;
    enum vanta_status status = vanta_cursor_u64(c, &header, err);

    if (status == VANTA_OK)
        status = vanta_cursor_string(c, header, VANTA_SAFETENSORS_HEADER_MAX, text, err);
    if (status != VANTA_OK)
        return status;
    *len = (size_t)header;
    return VANTA_OK;
}

enum vanta_status vanta_safetensors_read(struct vanta_cursor *c,
                                         struct vanta_safetensors *out,
                                         struct vanta_error *err)
{
    return vanta_safetensors_each(c, NULL, NULL, out, err);
}

enum vanta_status vanta_safetensors_each(struct vanta_cursor *c,
                                         vanta_safetensors_visit *visit, void *arg,
                                         struct vanta_safetensors *out,
                                         struct vanta_error *err)
{
    struct reader r = {.out = out,
                       .visit = visit,
                       .arg = arg,
                       .text = VANTA_BUF(NAME_BYTES_MAX),
                       .tensor = VANTA_BUF(NAME_BYTES_MAX)};
    enum vanta_status status;
    char *text = NULL;
    size_t len;

    memset(out, 0, sizeof *out);
    status = load_header(c, &text, &len, err);
    if (status == VANTA_OK && (len == 0 || text[0] != '{'))
        status = vanta_fail(err, VANTA_ERR_FORMAT,
                            "%s: no safetensors header at byte 8", c->name);
    if (status == VANTA_OK) {
        r.data_pos = c->pos;
        r.data_bytes = vanta_cursor_left(c);
        vanta_json_scan_init(&r.scan, text, len, c->name);
        status = read_header(&r, err);
    }
    if (status == VANTA_OK)
        status = check_cover(&r, err);
    if (status == VANTA_OK)
        find_main_type(&r);
    else
        memset(out, 0, sizeof *out);
    vanta_buf_free(&r.text);
    vanta_buf_free(&r.tensor);
    free(r.spans);
    free(text);
    return status;
}
