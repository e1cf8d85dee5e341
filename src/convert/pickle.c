#include "convert/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define NOTHING VANTA_PICKLE_NOTHING
#define GLOBAL_TEXT_MAX 512

/* What a global is; the storages have their element's type. */
enum global { ORDERED_DICT = 16, REBUILD_TENSOR, OPAQUE_CLASS, REFUSED };

static const struct {
    const char *name; /* as the pickle has it */
    uint8_t is;
} globals[] = {
    {"collections\nOrderedDict", ORDERED_DICT},
    {"torch._utils\n_rebuild_tensor_v2", REBUILD_TENSOR},
    {"torch\nFloatStorage", VANTA_TORCH_F32},
    {"torch\nHalfStorage", VANTA_TORCH_F16},
    {"torch\nBFloat16Storage", VANTA_TORCH_BF16},
    {"torch\nDoubleStorage", VANTA_TORCH_F64},
    {"torch\nLongStorage", VANTA_TORCH_I64},
    {"torch\nIntStorage", VANTA_TORCH_I32},
};

struct machine {
    struct vanta_pickle *p;
    const char *name;
    struct vanta_error *err;
    const uint8_t *bytes;
    size_t len, at, op_at;
    struct vanta_buf stack, memo; /* of value numbers; NOTHING on the stack is a mark */
    unsigned marks;
    bool lenient;
};

static enum vanta_status fail(struct machine *m, enum vanta_status status,
                              const char *what)
{
    return vanta_fail(m->err, status, "%s: byte %zu of the pickle: %s", m->name, m->op_at,
                      what);
}

static enum vanta_status damaged(struct machine *m)
{
    return fail(m, VANTA_ERR_FORMAT, "the instruction does not fit what is there");
}

static enum vanta_status too_much(struct machine *m)
{
    return fail(m, VANTA_ERR_LIMIT, "more than any model needs");
}

const struct vanta_pickle_value *vanta_pickle_value(const struct vanta_pickle *p,
                                                    uint32_t id)
{
    return (const struct vanta_pickle_value *)(const void *)p->values.data + id;
}

const struct vanta_pickle_item *vanta_pickle_item(const struct vanta_pickle *p,
                                                  uint32_t id)
{
    return (const struct vanta_pickle_item *)(const void *)p->items.data + id;
}

bool vanta_pickle_is(const struct vanta_pickle *p, uint32_t id, const char *text)
{
    const struct vanta_pickle_value *v = vanta_pickle_value(p, id);

    return v->kind == VANTA_PICKLE_TEXT && v->n == strlen(text) &&
           memcmp(p->bytes + v->u.at.first, text, v->n) == 0;
}

static struct vanta_pickle_value *value(struct machine *m, uint32_t id)
{
    return (struct vanta_pickle_value *)(void *)m->p->values.data + id;
}

/* n bytes of the pickle; NULL: it ends before. */
static const uint8_t *take(struct machine *m, size_t n)
{
    const uint8_t *at = m->bytes + m->at;

    if (n > m->len - m->at) {
        fail(m, VANTA_ERR_FORMAT, "cut short");
        return NULL;
    }
    m->at += n;
    return at;
}

static enum vanta_status take_number(struct machine *m, unsigned n, uint64_t *out)
{
    const uint8_t *p = take(m, n);

    if (!p)
        return VANTA_ERR_FORMAT;
    for (*out = 0; n > 0; n--)
        *out = *out << 8 | p[n - 1];
    return VANTA_OK;
}

static enum vanta_status push(struct machine *m, uint32_t id)
{
    return vanta_buf_append(&m->stack, &id, sizeof id) ? VANTA_OK : too_much(m);
}

static enum vanta_status push_new(struct machine *m, struct vanta_pickle_value v)
{
    size_t id = m->p->values.len / sizeof v;

    if (!vanta_buf_append(&m->p->values, &v, sizeof v))
        return too_much(m);
    return push(m, (uint32_t)id);
}

static enum vanta_status push_kind(struct machine *m, enum vanta_pickle_kind kind)
{
    return push_new(m, (struct vanta_pickle_value){
                           .kind = (uint8_t)kind, .u.at = {NOTHING, NOTHING}});
}

static enum vanta_status push_whole(struct machine *m, enum vanta_pickle_kind kind,
                                    int64_t whole)
{
    return push_new(m, (struct vanta_pickle_value){.kind = (uint8_t)kind,
                                                   .u.whole = whole});
}

static uint32_t *stack_at(struct machine *m, size_t i)
{
    return (uint32_t *)(void *)m->stack.data + i;
}

static size_t stack_n(const struct machine *m)
{
    return m->stack.len / sizeof(uint32_t);
}

/* The number of the value on top; NOTHING when a mark or nothing is there. */
static uint32_t top(struct machine *m)
{
    return stack_n(m) ? *stack_at(m, stack_n(m) - 1) : NOTHING;
}

static uint32_t pop(struct machine *m)
{
    uint32_t id = top(m);

    if (id != NOTHING)
        m->stack.len -= sizeof id;
    return id;
}

static bool is(struct machine *m, uint32_t id, enum vanta_pickle_kind kind)
{
    return id != NOTHING && value(m, id)->kind == kind;
}

static enum vanta_status add_item(struct machine *m, uint32_t to, uint32_t key,
                                  uint32_t what)
{
    struct vanta_pickle_item item = {key, what, NOTHING}, *items;
    struct vanta_pickle_value *v = value(m, to);
    uint32_t id = (uint32_t)(m->p->items.len / sizeof item);

    if (!vanta_buf_append(&m->p->items, &item, sizeof item))
        return too_much(m);
    items = (struct vanta_pickle_item *)(void *)m->p->items.data;
    if (v->n++ == 0)
        v->u.at.first = id;
    else
        items[v->u.at.last].next = id;
    v->u.at.last = id;
    return VANTA_OK;
}

/* What lies above the place from becomes items of a container, keys before values in a
 * dictionary, and leaves the stack. */
static enum vanta_status add_items(struct machine *m, uint32_t to, size_t from)
{
    enum vanta_status status = VANTA_OK;
    bool pairs = value(m, to)->kind == VANTA_PICKLE_DICT;
    size_t i, n = stack_n(m), step = pairs ? 2 : 1;

    if ((n - from) % step)
        return damaged(m);
    for (i = from; status == VANTA_OK && i < n; i += step)
        status = add_item(m, to, pairs ? *stack_at(m, i) : NOTHING,
                          *stack_at(m, i + step - 1));
    m->stack.len = from * sizeof(uint32_t);
    return status;
}

/* Where the items of the last mark begin; false: there is no mark. */
static bool take_mark(struct machine *m, size_t *from)
{
    size_t i = stack_n(m);

    if (m->marks == 0)
        return false;
    while (*stack_at(m, i - 1) != NOTHING)
        i--;
    *from = i;
    m->marks--;
    return true;
}

/* The items that were behind the mark lie where it was. */
static enum vanta_status add_marked(struct machine *m, enum vanta_pickle_kind kind)
{
    uint32_t to;
    size_t from;
    enum vanta_status status;

    if (!take_mark(m, &from) || from < 2)
        return damaged(m);
    to = *stack_at(m, from - 2);
    if (!is(m, to, kind))
        return damaged(m);
    status = add_items(m, to, from);
    m->stack.len -= sizeof to; /* the mark */
    return status;
}

static enum vanta_status add_last(struct machine *m, enum vanta_pickle_kind kind)
{
    size_t n = kind == VANTA_PICKLE_DICT ? 2 : 1, from = stack_n(m) - n, i;

    if (stack_n(m) < n + 1 || !is(m, *stack_at(m, from - 1), kind))
        return damaged(m);
    for (i = 0; i < n; i++)
        if (*stack_at(m, from + i) == NOTHING)
            return damaged(m);
    return add_items(m, *stack_at(m, from - 1), from);
}

/* The last n values, or with n 0 those behind the mark, become a tuple. */
static enum vanta_status make_tuple(struct machine *m, size_t n)
{
    struct vanta_pickle_value v = {.kind = VANTA_PICKLE_TUPLE,
                                   .u.at = {NOTHING, NOTHING}};
    uint32_t id = (uint32_t)(m->p->values.len / sizeof v);
    size_t from = stack_n(m) - n, i;
    enum vanta_status status;
    bool marked = n == 0;

    if (marked ? !take_mark(m, &from) : stack_n(m) < n)
        return damaged(m);
    for (i = from; i < stack_n(m); i++)
        if (*stack_at(m, i) == NOTHING)
            return damaged(m);
    if (!vanta_buf_append(&m->p->values, &v, sizeof v))
        return too_much(m);
    status = add_items(m, id, from);
    if (marked)
        m->stack.len -= sizeof id;
    return status == VANTA_OK ? push(m, id) : status;
}

static enum vanta_status memo_put(struct machine *m, unsigned bytes)
{
    uint32_t id = top(m), none = NOTHING;
    uint64_t slot;
    enum vanta_status status = take_number(m, bytes, &slot);

    if (status != VANTA_OK || id == NOTHING)
        return status != VANTA_OK ? status : damaged(m);
    if (slot >= VANTA_PICKLE_VALUES_MAX)
        return too_much(m);
    while (m->memo.len / sizeof id <= slot)
        if (!vanta_buf_append(&m->memo, &none, sizeof none))
            return too_much(m);
    memcpy(m->memo.data + slot * sizeof id, &id, sizeof id);
    return VANTA_OK;
}

static enum vanta_status memo_get(struct machine *m, unsigned bytes)
{
    uint32_t id = NOTHING;
    uint64_t slot;
    enum vanta_status status = take_number(m, bytes, &slot);

    if (status != VANTA_OK)
        return status;
    if (slot < m->memo.len / sizeof id)
        memcpy(&id, m->memo.data + slot * sizeof id, sizeof id);
    return id == NOTHING ? damaged(m) : push(m, id);
}

static enum vanta_status put_text(struct machine *m)
{
    struct vanta_pickle_value v = {.kind = VANTA_PICKLE_TEXT};
    const uint8_t *text;
    uint64_t n;
    enum vanta_status status = take_number(m, 4, &n);
    char *copy;
    bool valid;

    if (status != VANTA_OK || !(text = take(m, (size_t)n)))
        return VANTA_ERR_FORMAT;
    copy = vanta_strndup((const char *)text, (size_t)n);
    if (!copy)
        return vanta_fail_memory(m->err);
    valid = strlen(copy) == n && vanta_text_characters(copy) != SIZE_MAX;
    free(copy);
    if (!valid)
        return fail(m, VANTA_ERR_FORMAT, "a text that is not UTF-8");
    v.n = (uint32_t)n;
    v.u.at.first = (uint32_t)(text - m->bytes);
    return push_new(m, v);
}

/* "os.system" is named, and noted or refused: it is never looked for. */
static enum vanta_status refuse(struct machine *m, const char *dotted)
{
    struct vanta_pickle *p = m->p;
    size_t i;

    if (!m->lenient) {
        vanta_fail(m->err, VANTA_ERR_UNSUPPORTED,
                   "%s: its pickle asks for %.128s, which a model does not need; nothing "
                   "of it was run", m->name, dotted);
        vanta_hint(m->err, "a file that names such functions may be made to do harm when "
                           "Python loads it");
        return VANTA_ERR_UNSUPPORTED;
    }
    for (i = 0; i < p->n_refused; i++)
        if (strncmp(p->refused[i], dotted, sizeof p->refused[i] - 1) == 0)
            return VANTA_OK;
    if (i < VANTA_PICKLE_REFUSED_MAX)
        vanta_text_printable(dotted, p->refused[p->n_refused++], sizeof p->refused[i]);
    return VANTA_OK;
}

static enum vanta_status put_global(struct machine *m)
{
    const uint8_t *start = m->bytes + m->at, *line, *end;
    size_t left = m->len - m->at, len, i;
    char name[GLOBAL_TEXT_MAX];
    enum vanta_status status = VANTA_OK;
    uint8_t what = REFUSED;

    line = memchr(start, '\n', left);
    end = line ? memchr(line + 1, '\n', left - (size_t)(line + 1 - start)) : NULL;
    if (!end)
        return damaged(m);
    len = (size_t)(end - start);
    m->at += len + 1;
    if (len >= sizeof name || memchr(start, '\0', len))
        return too_much(m);
    memcpy(name, start, len);
    name[len] = '\0';
    for (i = 0; i < sizeof globals / sizeof globals[0]; i++)
        if (strcmp(name, globals[i].name) == 0)
            what = globals[i].is;
    if (what == REFUSED && vanta_has_prefix(name, "TTS."))
        what = OPAQUE_CLASS;
    name[line - start] = '.';
    if (what == REFUSED)
        status = refuse(m, name);
    return status != VANTA_OK
               ? status
               : push_new(m, (struct vanta_pickle_value){.kind = VANTA_PICKLE_GLOBAL,
                                                         .type = what});
}

/* A call or the making of an object, as a value. */
static enum vanta_status make_object(struct machine *m, bool called)
{
    uint32_t arguments = pop(m), callee = pop(m);
    struct vanta_pickle_value v = {.kind = VANTA_PICKLE_OBJECT,
                                   .u.at = {NOTHING, NOTHING}};
    uint8_t what;

    if (!is(m, arguments, VANTA_PICKLE_TUPLE) || !is(m, callee, VANTA_PICKLE_GLOBAL))
        return damaged(m);
    what = value(m, callee)->type;
    if (what == ORDERED_DICT && value(m, arguments)->n == 0)
        return push_kind(m, VANTA_PICKLE_DICT);
    if (what == REBUILD_TENSOR && called) {
        v = *value(m, arguments);
        v.kind = VANTA_PICKLE_TENSOR;
        return push_new(m, v);
    }
    if (what == REFUSED || (what == OPAQUE_CLASS && !called))
        return push_new(m, v);
    return fail(m, VANTA_ERR_UNSUPPORTED, "a call that no model needs");
}

/* The state of an opaque object is not looked at, nor that of a dictionary, which is
 * about versions of layers. */
static enum vanta_status set_state(struct machine *m)
{
    uint32_t state = pop(m), object = top(m);

    if (state == NOTHING ||
        !(is(m, object, VANTA_PICKLE_OBJECT) || is(m, object, VANTA_PICKLE_DICT)))
        return damaged(m);
    return VANTA_OK;
}

/* ('storage', class, key, location, elements) */
static enum vanta_status put_storage(struct machine *m)
{
    struct vanta_pickle_value v = {.kind = VANTA_PICKLE_STORAGE};
    uint32_t id = pop(m), at, parts[5];
    unsigned i;

    if (!is(m, id, VANTA_PICKLE_TUPLE) || value(m, id)->n != 5)
        return damaged(m);
    at = value(m, id)->u.at.first;
    for (i = 0; i < 5; i++) {
        parts[i] = vanta_pickle_item(m->p, at)->value;
        at = vanta_pickle_item(m->p, at)->next;
    }
    if (!vanta_pickle_is(m->p, parts[0], "storage") ||
        !is(m, parts[1], VANTA_PICKLE_GLOBAL) || !is(m, parts[2], VANTA_PICKLE_TEXT) ||
        !is(m, parts[3], VANTA_PICKLE_TEXT) || !is(m, parts[4], VANTA_PICKLE_INT) ||
        value(m, parts[4])->u.whole < 0)
        return damaged(m);
    v.type = value(m, parts[1])->type;
    if (v.type > VANTA_TORCH_I32 && v.type != REFUSED)
        return damaged(m);
    v.n = parts[2];
    v.u.whole = value(m, parts[4])->u.whole;
    return push_new(m, v);
}

static enum vanta_status put_integer(struct machine *m, unsigned bytes)
{
    uint64_t value_bits = 0, n = bytes;
    enum vanta_status status = VANTA_OK;

    if (bytes == 0) { /* LONG1 says its length */
        status = take_number(m, 1, &n);
        if (status == VANTA_OK && n > 8)
            return too_much(m);
    }
    if (status == VANTA_OK)
        status = take_number(m, (unsigned)n, &value_bits);
    if (status != VANTA_OK)
        return status;
    if ((bytes == 0 || bytes == 4) && n > 0 && n < 8 && value_bits >> (8 * n - 1))
        value_bits |= ~(uint64_t)0 << (8 * n);
    return push_whole(m, VANTA_PICKLE_INT, (int64_t)value_bits);
}

static enum vanta_status put_mark(struct machine *m)
{
    if (++m->marks > VANTA_PICKLE_DEPTH_MAX)
        return too_much(m);
    return push(m, NOTHING);
}

static enum vanta_status run(struct machine *m, uint8_t op)
{
    uint64_t number;

    switch (op) {
    case '(': return put_mark(m);
    case 'N': return push_kind(m, VANTA_PICKLE_NONE);
    case 0x88: return push_whole(m, VANTA_PICKLE_BOOL, 1);
    case 0x89: return push_whole(m, VANTA_PICKLE_BOOL, 0);
    case 'J': return put_integer(m, 4);
    case 'K': return put_integer(m, 1);
    case 'M': return put_integer(m, 2);
    case 0x8a: return put_integer(m, 0);
    case 'G':
        return take(m, 8) ? push_kind(m, VANTA_PICKLE_FLOAT) : VANTA_ERR_FORMAT;
    case 'X': return put_text(m);
    case ')': return push_kind(m, VANTA_PICKLE_TUPLE);
    case ']': return push_kind(m, VANTA_PICKLE_LIST);
    case '}': return push_kind(m, VANTA_PICKLE_DICT);
    case 't': return make_tuple(m, 0);
    case 0x85: return make_tuple(m, 1);
    case 0x86: return make_tuple(m, 2);
    case 0x87: return make_tuple(m, 3);
    case 'a': return add_last(m, VANTA_PICKLE_LIST);
    case 'e': return add_marked(m, VANTA_PICKLE_LIST);
    case 's': return add_last(m, VANTA_PICKLE_DICT);
    case 'u': return add_marked(m, VANTA_PICKLE_DICT);
    case 'q': return memo_put(m, 1);
    case 'r': return memo_put(m, 4);
    case 'h': return memo_get(m, 1);
    case 'j': return memo_get(m, 4);
    case 'c': return put_global(m);
    case 'R': return make_object(m, true);
    case 0x81: return make_object(m, false);
    case 'b': return set_state(m);
    case 'Q': return put_storage(m);
    case 0x80:
        if (take_number(m, 1, &number) != VANTA_OK)
            return VANTA_ERR_FORMAT;
        return number == 2 ? VANTA_OK
                           : fail(m, VANTA_ERR_UNSUPPORTED, "not protocol 2, which "
                                                            "torch.save writes");
    default:
        return vanta_fail(m->err, VANTA_ERR_UNSUPPORTED,
                          "%s: byte %zu of the pickle: the instruction 0x%02x, which "
                          "torch.save does not write", m->name, m->op_at, op);
    }
}

static enum vanta_status run_all(struct machine *m)
{
    enum vanta_status status = VANTA_OK;
    const uint8_t *op;

    if (m->len > VANTA_PICKLE_BYTES_MAX)
        return too_much(m);
    do {
        m->op_at = m->at;
        op = take(m, 1);
        if (!op)
            return VANTA_ERR_FORMAT;
        if (m->op_at == 0 && *op != 0x80)
            return fail(m, VANTA_ERR_FORMAT, "no pickle of protocol 2");
        if (*op != '.')
            status = run(m, *op);
    } while (status == VANTA_OK && *op != '.');
    if (status != VANTA_OK)
        return status;
    m->p->root = pop(m);
    if (m->p->root == NOTHING || stack_n(m) != 0)
        return damaged(m);
    return m->at == m->len ? VANTA_OK
                           : fail(m, VANTA_ERR_FORMAT, "something follows its end");
}

enum vanta_status vanta_pickle_read(const void *bytes, size_t len, const char *name,
                                    bool lenient, struct vanta_pickle *out,
                                    struct vanta_error *err)
{
    struct machine m = {.p = out,
                        .name = name,
                        .err = err,
                        .bytes = bytes,
                        .len = len,
                        .lenient = lenient,
                        .stack = VANTA_BUF(VANTA_PICKLE_VALUES_MAX * 4),
                        .memo = VANTA_BUF(VANTA_PICKLE_VALUES_MAX * 4)};
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    out->bytes = bytes;
    out->values = VANTA_BUF(VANTA_PICKLE_VALUES_MAX * sizeof(struct vanta_pickle_value));
    out->items = VANTA_BUF(VANTA_PICKLE_VALUES_MAX * sizeof(struct vanta_pickle_item));
    status = run_all(&m);
    vanta_buf_free(&m.stack);
    vanta_buf_free(&m.memo);
    if (status != VANTA_OK)
        vanta_pickle_free(out);
    return status;
}

void vanta_pickle_free(struct vanta_pickle *p)
{
    vanta_buf_free(&p->values);
    vanta_buf_free(&p->items);
    memset(p, 0, sizeof *p);
}
