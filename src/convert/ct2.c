#include "convert/ct2.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define BINARY_VERSION 6
#define NAME_BYTES_MAX 512

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
    enum vanta_status status;
    uint64_t start = c->pos;
    uint16_t len;
    char *text;

    status = vanta_cursor_u16(c, &len, err);
    if (status == VANTA_OK)
        status = vanta_cursor_string(c, len, NAME_BYTES_MAX, &text, err);
    if (status != VANTA_OK)
        return status;
    if (len == 0 || strlen(text) + 1 != len) {
        free(text);
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: the string at byte %llu does not end where it says",
                          c->name, (unsigned long long)start);
    }
    *out = text;
    return VANTA_OK;
}

/* Rank, shape and type, and that the byte count is what they make. */
static enum vanta_status read_layout(struct vanta_cursor *c, struct vanta_ct2_variable *v,
                                     uint32_t *bytes, struct vanta_error *err)
{
    enum vanta_status status;
    uint8_t rank, type;
    uint32_t extent;
    size_t i;

    status = vanta_cursor_u8(c, &rank, err);
    if (status == VANTA_OK && rank > VANTA_CT2_RANK_MAX)
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s has %u dimensions", c->name,
                            v->name, rank);
    v->elements = 1;
    for (i = 0; status == VANTA_OK && i < rank; i++) {
        status = vanta_cursor_u32(c, &extent, err);
        if (status != VANTA_OK)
            break;
        v->shape[i] = extent;
        /* The product stays below 2^64: it is bounded by 2^32 before each step. */
        if (extent && v->elements > UINT32_MAX / extent)
            status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: the shape of %s is too large",
                                c->name, v->name);
        else
            v->elements *= extent;
    }
    v->rank = rank;
    if (status == VANTA_OK)
        status = vanta_cursor_u8(c, &type, err);
    if (status == VANTA_OK && type > VANTA_CT2_BF16)
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s has the unknown type %u",
                            c->name, v->name, type);
    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, bytes, err);
    if (status != VANTA_OK)
        return status;
    v->type = (enum vanta_ct2_type)type;
    if (*bytes != v->elements * vanta_ct2_type_bytes(v->type))
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: %s has %u bytes where its shape makes %llu", c->name,
                          v->name, *bytes,
                          (unsigned long long)(v->elements *
                                               vanta_ct2_type_bytes(v->type)));
    return VANTA_OK;
}

static enum vanta_status read_variable(struct vanta_cursor *c,
                                       struct vanta_ct2_variable *v,
                                       struct vanta_error *err)
{
    enum vanta_status status = read_string(c, &v->name, err);
    uint32_t bytes = 0;

    if (status == VANTA_OK)
        status = read_layout(c, v, &bytes, err);
    if (status != VANTA_OK)
        return status;
    v->data_pos = c->pos;
    status = vanta_cursor_skip(c, bytes, err);
    return status == VANTA_OK ? status : vanta_wrap(err, "the data of %s", v->name);
}

/* Grows with what the file really holds, so that a lying count costs nothing. */
static struct vanta_ct2_variable *append(struct vanta_ct2 *model, size_t *capacity)
{
    if (model->n_variables == *capacity) {
        size_t grown = *capacity ? *capacity * 2 : 256;
        struct vanta_ct2_variable *variables =
            realloc(model->variables, grown * sizeof *variables);

        if (!variables)
            return NULL;
        model->variables = variables;
        *capacity = grown;
    }
    memset(&model->variables[model->n_variables], 0, sizeof *model->variables);
    return &model->variables[model->n_variables++];
}

static enum vanta_status read_variables(struct vanta_cursor *c, struct vanta_ct2 *model,
                                        size_t *capacity, struct vanta_error *err)
{
    enum vanta_status status;
    uint32_t count, i;

    status = vanta_cursor_u32(c, &count, err);
    if (status == VANTA_OK && count > VANTA_CT2_VARIABLES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: says it has %u variables", c->name,
                          count);
    for (i = 0; status == VANTA_OK && i < count; i++) {
        struct vanta_ct2_variable *v = append(model, capacity);

        status = v ? read_variable(c, v, err) : vanta_fail_memory(err);
    }
    return status;
}

static enum vanta_status read_aliases(struct vanta_cursor *c, struct vanta_ct2 *model,
                                      size_t *capacity, struct vanta_error *err)
{
    enum vanta_status status;
    uint32_t count, i;

    status = vanta_cursor_u32(c, &count, err);
    if (status == VANTA_OK && count > VANTA_CT2_VARIABLES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: says it has %u aliases", c->name,
                          count);
    for (i = 0; status == VANTA_OK && i < count; i++) {
        const struct vanta_ct2_variable *target;
        struct vanta_ct2_variable *v;
        char *alias = NULL, *name = NULL;

        status = read_string(c, &alias, err);
        if (status == VANTA_OK)
            status = read_string(c, &name, err);
        if (status == VANTA_OK && !vanta_ct2_find(model, name))
            status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s is an alias of nothing",
                                c->name, alias);
        if (status == VANTA_OK && !(v = append(model, capacity)))
            status = vanta_fail_memory(err);
        if (status == VANTA_OK) {
            target = vanta_ct2_find(model, name); /* append may have moved it */
            *v = *target;
            v->name = alias;
            v->is_alias = true;
            alias = NULL;
        }
        free(alias);
        free(name);
    }
    return status;
}

enum vanta_status vanta_ct2_read(struct vanta_cursor *c, struct vanta_ct2 *out,
                                 struct vanta_error *err)
{
    enum vanta_status status;
    size_t capacity = 0;
    uint32_t version;

    memset(out, 0, sizeof *out);
    status = vanta_cursor_u32(c, &version, err);
    if (status == VANTA_OK && version != BINARY_VERSION)
        status = vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                            "%s: CTranslate2 binary version %u; version %d is read",
                            c->name, version, BINARY_VERSION);
    if (status == VANTA_OK)
        status = read_string(c, &out->spec, err);
    if (status == VANTA_OK)
        status = vanta_cursor_u32(c, &out->revision, err);
    if (status == VANTA_OK)
        status = read_variables(c, out, &capacity, err);
    if (status == VANTA_OK)
        status = read_aliases(c, out, &capacity, err);
    if (status == VANTA_OK && vanta_cursor_left(c) != 0)
        status = vanta_fail(err, VANTA_ERR_FORMAT,
                            "%s: %llu bytes too many behind byte %llu", c->name,
                            (unsigned long long)vanta_cursor_left(c),
                            (unsigned long long)c->pos);
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
    size_t i;

    for (i = 0; i < model->n_variables; i++)
        if (model->variables[i].name && strcmp(model->variables[i].name, name) == 0)
            return &model->variables[i];
    return NULL;
}
