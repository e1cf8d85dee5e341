#include "convert/ct2.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

size_t vanta_ct2_type_bytes(enum vanta_ct2_type type)
{
    static const size_t bytes[] = {4, 1, 2, 4, 2, 2};

    return bytes[type];
}

const char *vanta_ct2_type_name(enum vanta_ct2_type type)
{
    static const char *const names[] = {"f32", "i8", "i16", "i32", "f16", "bf16"};

    return names[type];
}

static enum vanta_status read_string(struct vanta_cursor *c, char **out,
                                     struct vanta_error *err)
{
    uint64_t start = c->pos;
    uint16_t len;
    char *text;
    enum vanta_status status = vanta_cursor_u16(c, &len, err);

    if (status == VANTA_OK)
        status = vanta_cursor_string(c, len, VANTA_CT2_NAME_MAX, &text, err);
    if (status != VANTA_OK)
        return status;
    if (len == 0 || strlen(text) != (size_t)len - 1) {
        free(text);
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: the string at byte %llu does not end where it says",
                          c->name, (unsigned long long)start);
    }
    *out = text;
    return VANTA_OK;
}

static enum vanta_status read_shape(struct vanta_cursor *c, struct vanta_ct2_variable *v,
                                    struct vanta_error *err)
{
    uint8_t rank;
    enum vanta_status status = vanta_cursor_u8(c, &rank, err);

    if (status != VANTA_OK)
        return status;
    if (rank > VANTA_CT2_RANK_MAX)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s has %u dimensions", c->name,
                          v->name, rank);
    v->elements = 1;
    for (v->rank = 0; v->rank < rank; v->rank++) {
        status = vanta_cursor_u32(c, &v->shape[v->rank], err);
        if (status != VANTA_OK)
            return status;
        /* The byte count has 32 bits, so no shape makes more elements than that; both
         * factors are below 2^32, and their product fits. */
        v->elements *= v->shape[v->rank];
        if (v->elements > UINT32_MAX)
            return vanta_fail(err, VANTA_ERR_FORMAT, "%s: the shape of %s is too large",
                              c->name, v->name);
    }
    return VANTA_OK;
}

static enum vanta_status read_scalar(struct vanta_cursor *c, struct vanta_ct2_variable *v,
                                     struct vanta_error *err)
{
    uint8_t raw[4] = {0};
    uint32_t bits;
    enum vanta_status status = vanta_cursor_bytes(c, raw, (size_t)v->bytes, err);

    if (status != VANTA_OK)
        return status;
    bits = raw[0] | (uint32_t)raw[1] << 8 | (uint32_t)raw[2] << 16 |
           (uint32_t)raw[3] << 24;
    if (v->type == VANTA_CT2_I8)
        v->scalar = (int8_t)bits;
    else if (v->type == VANTA_CT2_I16)
        v->scalar = (int16_t)bits;
    else if (v->type == VANTA_CT2_I32)
        v->scalar = (int32_t)bits;
    return VANTA_OK;
}

static enum vanta_status read_variable(struct vanta_cursor *c,
                                       struct vanta_ct2_variable *v,
                                       struct vanta_error *err)
{
    uint32_t bytes;
    uint8_t type;
    enum vanta_status status = read_string(c, &v->name, err);

    if (status == VANTA_OK)
        status = read_shape(c, v, err);
    if (status == VANTA_OK)
        status = vanta_cursor_u8(c, &type, err);
    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, &bytes, err);
    if (status != VANTA_OK)
        return status;
    if (type > VANTA_CT2_BF16)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s has the unknown type %u",
                          c->name, v->name, type);
    v->type = (enum vanta_ct2_type)type;
    v->bytes = v->elements * vanta_ct2_type_bytes(v->type);
    if (v->bytes != bytes)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: %s has %u bytes, and its shape makes %llu", c->name,
                          v->name, bytes, (unsigned long long)v->bytes);
    v->data_pos = c->pos;
    if (v->rank == 0)
        return read_scalar(c, v, err);
    status = vanta_cursor_skip(c, v->bytes, err);
    if (status != VANTA_OK)
        vanta_wrap(err, "the data of %s", v->name);
    return status;
}

/* Grows with what the file holds, so that a lying count costs nothing. */
static struct vanta_ct2_variable *append(struct vanta_ct2 *model, size_t *capacity)
{
    struct vanta_ct2_variable *variables = model->variables;

    if (model->n_variables == *capacity) {
        size_t grown = *capacity ? *capacity * 2 : 256;

        variables = realloc(variables, grown * sizeof *variables);
        if (!variables)
            return NULL;
        model->variables = variables;
        *capacity = grown;
    }
    memset(&variables[model->n_variables], 0, sizeof *variables);
    return &variables[model->n_variables++];
}

static int by_name(const void *a, const void *b)
{
    const struct vanta_ct2_variable *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static enum vanta_status sort(struct vanta_cursor *c, struct vanta_ct2 *model,
                              struct vanta_error *err)
{
    size_t i;

    if (model->n_variables)
        qsort(model->variables, model->n_variables, sizeof *model->variables, by_name);
    for (i = 1; i < model->n_variables; i++)
        if (by_name(&model->variables[i - 1], &model->variables[i]) == 0)
            return vanta_fail(err, VANTA_ERR_FORMAT, "%s: two variables are called %s",
                              c->name, model->variables[i].name);
    return VANTA_OK;
}

static enum vanta_status read_count(struct vanta_cursor *c, const char *what,
                                    uint32_t *count, struct vanta_error *err)
{
    enum vanta_status status = vanta_cursor_u32(c, count, err);

    if (status == VANTA_OK && *count > VANTA_CT2_VARIABLES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: claims %u %s; at most %d are read",
                          c->name, *count, what, VANTA_CT2_VARIABLES_MAX);
    return status;
}

static enum vanta_status read_variables(struct vanta_cursor *c, struct vanta_ct2 *model,
                                        size_t *capacity, struct vanta_error *err)
{
    uint32_t count;
    enum vanta_status status = read_count(c, "variables", &count, err);

    for (; status == VANTA_OK && count > 0; count--) {
        struct vanta_ct2_variable *v = append(model, capacity);

        status = v ? read_variable(c, v, err) : vanta_fail_memory(err);
    }
    return status == VANTA_OK ? sort(c, model, err) : status;
}

/* The aliases go behind the n sorted variables, among which their targets are. */
static enum vanta_status read_alias(struct vanta_cursor *c, struct vanta_ct2 *model,
                                    size_t n, size_t *capacity, struct vanta_error *err)
{
    const struct vanta_ct2 targets = {.variables = model->variables, .n_variables = n};
    const struct vanta_ct2_variable *target = NULL;
    struct vanta_ct2_variable copy, *v;
    char *alias = NULL, *name = NULL;
    enum vanta_status status = read_string(c, &alias, err);

    if (status == VANTA_OK)
        status = read_string(c, &name, err);
    if (status == VANTA_OK && !(target = vanta_ct2_find(&targets, name)))
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s is an alias of nothing",
                            c->name, alias);
    if (status == VANTA_OK) {
        copy = *target; /* before append moves it */
        v = append(model, capacity);
        if (v) {
            *v = copy;
            v->name = alias;
            v->alias = true;
            alias = NULL;
        } else {
            status = vanta_fail_memory(err);
        }
    }
    free(alias);
    free(name);
    return status;
}

static enum vanta_status read_aliases(struct vanta_cursor *c, struct vanta_ct2 *model,
                                      size_t *capacity, struct vanta_error *err)
{
    size_t n = model->n_variables;
    uint32_t count;
    enum vanta_status status = read_count(c, "aliases", &count, err);

    for (; status == VANTA_OK && count > 0; count--)
        status = read_alias(c, model, n, capacity, err);
    return status == VANTA_OK ? sort(c, model, err) : status;
}

static enum vanta_status read_head(struct vanta_cursor *c, struct vanta_ct2 *out,
                                   struct vanta_error *err)
{
    uint32_t version;
    enum vanta_status status = vanta_cursor_u32(c, &version, err);

    if (status == VANTA_OK && version != VANTA_CT2_VERSION) {
        vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                   "%s: CTranslate2 binary version %u; version %d is read", c->name,
                   version, VANTA_CT2_VERSION);
        vanta_hint(err, "convert the model again with a current CTranslate2");
        return VANTA_ERR_UNSUPPORTED;
    }
    if (status == VANTA_OK)
        status = read_string(c, &out->spec, err);
    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, &out->revision, err);
    return status;
}

enum vanta_status vanta_ct2_read(struct vanta_cursor *c, struct vanta_ct2 *out,
                                 struct vanta_error *err)
{
    size_t capacity = 0;
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    status = read_head(c, out, err);
    if (status == VANTA_OK)
        status = read_variables(c, out, &capacity, err);
    if (status == VANTA_OK)
        status = read_aliases(c, out, &capacity, err);
    if (status == VANTA_OK && vanta_cursor_left(c) != 0)
        status = vanta_fail(err, VANTA_ERR_FORMAT,
                            "%s: ends at byte %llu, and %llu bytes follow", c->name,
                            (unsigned long long)c->pos,
                            (unsigned long long)vanta_cursor_left(c));
    if (status != VANTA_OK)
        vanta_ct2_free(out);
    return status;
}

void vanta_ct2_free(struct vanta_ct2 *model)
{
    size_t i;

    for (i = 0; i < model->n_variables; i++)
        free(model->variables[i].name);
    free(model->variables);
    free(model->spec);
    memset(model, 0, sizeof *model);
}

const struct vanta_ct2_variable *vanta_ct2_find(const struct vanta_ct2 *model,
                                                const char *name)
{
    size_t low = 0, high = model->n_variables;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, model->variables[middle].name);

        if (order == 0)
            return &model->variables[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
