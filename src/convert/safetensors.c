#include "convert/safetensors.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

#define HEADER_MAX ((uint64_t)100 * 1000 * 1000)

static const struct {
    const char *name;
    unsigned bits;
} dtypes[] = {
    {"F32", 32},     {"F16", 16},    {"BF16", 16}, {"F64", 64},    {"I64", 64},
    {"I32", 32},     {"I16", 16},    {"I8", 8},    {"U8", 8},      {"U16", 16},
    {"U32", 32},     {"U64", 64},    {"BOOL", 8},  {"F8_E4M3", 8}, {"F8_E5M2", 8},
    {"F8_E8M0", 8},  {"F4", 4},
};
#define DTYPES (sizeof dtypes / sizeof dtypes[0])

struct range {
    uint64_t begin, end;
};

struct reading {
    struct vanta_json_doc doc;
    uint64_t data_bytes;
    uint64_t bytes_of[DTYPES];
    struct range *ranges;
    size_t n;
};

static enum vanta_status shape_elements(struct reading *r, const json_t *tensor,
                                        const char *where, uint64_t *out,
                                        struct vanta_error *err)
{
    const json_t *shape = NULL;
    enum vanta_status status;
    uint64_t elements = 1;
    size_t i;

    status = vanta_json_array(&r->doc, tensor, where, "shape", true, 16, &shape, err);
    for (i = 0; status == VANTA_OK && i < json_array_size(shape); i++) {
        const json_t *value = json_array_get(shape, i);
        json_int_t extent = json_is_integer(value) ? json_integer_value(value) : -1;

        if (extent < 0 || (extent && elements > ((uint64_t)1 << 48) / (uint64_t)extent))
            return vanta_json_fail(&r->doc, where, "shape", err, "is no possible shape");
        elements *= (uint64_t)extent;
    }
    *out = elements;
    return status;
}

static enum vanta_status tensor_range(struct reading *r, const json_t *tensor,
                                      const char *where, struct range *out,
                                      struct vanta_error *err)
{
    const json_t *offsets = NULL, *first, *second;
    enum vanta_status status;

    status = vanta_json_array(&r->doc, tensor, where, "data_offsets", true, 2, &offsets,
                              err);
    if (status != VANTA_OK)
        return status;
    first = json_array_get(offsets, 0);
    second = json_array_get(offsets, 1);
    if (!json_is_integer(first) || !json_is_integer(second) ||
        json_integer_value(first) < 0 ||
        json_integer_value(second) < json_integer_value(first) ||
        (uint64_t)json_integer_value(second) > r->data_bytes)
        return vanta_json_fail(&r->doc, where, "data_offsets", err,
                               "does not lie in the %llu bytes of data",
                               (unsigned long long)r->data_bytes);
    out->begin = (uint64_t)json_integer_value(first);
    out->end = (uint64_t)json_integer_value(second);
    return VANTA_OK;
}

static enum vanta_status read_tensor(struct reading *r, const char *name,
                                     const json_t *tensor,
                                     struct vanta_safetensors_facts *out,
                                     struct vanta_error *err)
{
    char where[VANTA_JSON_POINTER_MAX];
    struct range *range = &r->ranges[r->n];
    enum vanta_status status;
    const char *dtype = NULL;
    uint64_t elements = 0;
    size_t type = 0;

    vanta_json_pointer_key(where, "", name);
    if (!json_is_object(tensor))
        return vanta_json_fail(&r->doc, where, NULL, err, "must be an object");
    status = vanta_json_string(&r->doc, tensor, where, "dtype", true, &dtype, err);
    if (status == VANTA_OK)
        status = shape_elements(r, tensor, where, &elements, err);
    if (status == VANTA_OK)
        status = tensor_range(r, tensor, where, range, err);
    if (status != VANTA_OK)
        return status;
    while (type < DTYPES && strcmp(dtypes[type].name, dtype) != 0)
        type++;
    if (type == DTYPES)
        return vanta_json_fail(&r->doc, where, "dtype", err, "is not a known type");
    if ((elements * dtypes[type].bits + 7) / 8 != range->end - range->begin)
        return vanta_json_fail(&r->doc, where, "data_offsets", err,
                               "are %llu bytes where the shape makes %llu",
                               (unsigned long long)(range->end - range->begin),
                               (unsigned long long)((elements * dtypes[type].bits + 7) /
                                                    8));
    r->bytes_of[type] += range->end - range->begin;
    r->n++;
    out->parameters += elements;
    out->tensors++;
    return VANTA_OK;
}

static int by_begin(const void *a, const void *b)
{
    const struct range *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static enum vanta_status check_ranges(struct reading *r, struct vanta_error *err)
{
    uint64_t end = 0;
    size_t i;

    qsort(r->ranges, r->n, sizeof *r->ranges, by_begin);
    for (i = 0; i < r->n; i++) {
        if (r->ranges[i].begin != end)
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: tensors %s at byte %llu of the data", r->doc.name,
                              r->ranges[i].begin < end ? "overlap" : "leave a gap",
                              (unsigned long long)end);
        end = r->ranges[i].end;
    }
    if (end != r->data_bytes)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: %llu bytes of data where its header says %llu",
                          r->doc.name, (unsigned long long)r->data_bytes,
                          (unsigned long long)end);
    return VANTA_OK;
}

static enum vanta_status read_all(struct reading *r, const json_t *header,
                                  struct vanta_safetensors_facts *out,
                                  struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i, most = 0;
    void *it;

    if (!json_is_object(header))
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: the header is no object",
                          r->doc.name);
    r->ranges = calloc(json_object_size(header) + 1, sizeof *r->ranges);
    if (!r->ranges)
        return vanta_fail_memory(err);
    for (it = json_object_iter((json_t *)(uintptr_t)header); it && status == VANTA_OK;
         it = json_object_iter_next((json_t *)(uintptr_t)header, it))
        if (strcmp(json_object_iter_key(it), "__metadata__") != 0)
            status = read_tensor(r, json_object_iter_key(it), json_object_iter_value(it),
                                 out, err);
    if (status == VANTA_OK)
        status = check_ranges(r, err);
    for (i = 1; i < DTYPES; i++)
        if (r->bytes_of[i] > r->bytes_of[most])
            most = i;
    if (r->bytes_of[most])
        snprintf(out->main_type, sizeof out->main_type, "%s", dtypes[most].name);
    return status;
}

enum vanta_status vanta_safetensors_read(struct vanta_cursor *c,
                                         struct vanta_safetensors_facts *out,
                                         struct vanta_error *err)
{
    struct reading r = {.doc = {c->name}};
    enum vanta_status status;
    json_t *header = NULL;
    char *text = NULL;
    uint64_t len;

    memset(out, 0, sizeof *out);
    status = vanta_cursor_u64(c, &len, err);
    if (status == VANTA_OK)
        status = vanta_cursor_string(c, len, HEADER_MAX, &text, err);
    if (status != VANTA_OK) {
        vanta_wrap(err, "the safetensors header");
        return status;
    }
    r.data_bytes = vanta_cursor_left(c);
    status = vanta_json_load(text, (size_t)len, c->name, &header, err);
    if (status == VANTA_OK)
        status = read_all(&r, header, out, err);
    json_decref(header);
    free(r.ranges);
    free(text);
    return status;
}
