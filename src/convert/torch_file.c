#include "convert/torch_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

#define WINDOW_BYTES ((uint64_t)16 << 20) /* at least; a larger tensor takes more */

static const struct {
    const char *name;
    unsigned bytes;
} types[] = {
    [VANTA_TORCH_F32] = {"f32", 4},   [VANTA_TORCH_F16] = {"f16", 2},
    [VANTA_TORCH_BF16] = {"bf16", 2}, [VANTA_TORCH_F64] = {"f64", 8},
    [VANTA_TORCH_I64] = {"i64", 8},   [VANTA_TORCH_I32] = {"i32", 4},
};

unsigned vanta_torch_type_bytes(enum vanta_torch_type type)
{
    return types[type].bytes;
}

const char *vanta_torch_type_name(enum vanta_torch_type type)
{
    return types[type].name;
}

uint64_t vanta_torch_span(const struct vanta_torch_tensor *tensor)
{
    return tensor->elements ? vanta_torch_place(tensor, tensor->elements - 1) + 1 : 0;
}

uint64_t vanta_torch_place(const struct vanta_torch_tensor *tensor, uint64_t i)
{
    uint64_t place = 0;
    unsigned axis;

    for (axis = tensor->rank; axis > 0; axis--) {
        place += i % tensor->sizes[axis - 1] * tensor->strides[axis - 1];
        i /= tensor->sizes[axis - 1];
    }
    return place;
}

/* --- the container --- */

static enum vanta_status open_container(struct vanta_torch_file *f,
                                        struct vanta_error *err)
{
    uint8_t magic[4] = {0};
    enum vanta_status status;

    f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f->fd < 0)
        return vanta_fail_errno(err, errno, "%s", f->path);
    status = vanta_cursor_file(&f->cursor, f->fd, f->path, err);
    if (status != VANTA_OK)
        return status;
    if (f->cursor.size >= sizeof magic)
        status = vanta_cursor_bytes(&f->cursor, magic, sizeof magic, err);
    if (status == VANTA_OK && magic[0] == 0x80 && magic[1] >= 2 && magic[1] <= 5) {
        vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                   "%s: the old container of PyTorch (a bare pickle, before version 1.6)",
                   f->path);
        vanta_hint(err, "load it once with PyTorch where you trust it, and save it again");
        return VANTA_ERR_UNSUPPORTED;
    }
    return status == VANTA_OK ? vanta_zip_read(&f->cursor, &f->zip, err) : status;
}

/* "archive/" + what, whatever the folder is called. */
static const struct vanta_zip_member *member(const struct vanta_torch_file *f,
                                             const struct vanta_zip_member *pickle,
                                             const char *what)
{
    int folder = (int)(strlen(pickle->name) - strlen("data.pkl"));
    char name[2 * VANTA_TORCH_NAME_MAX];

    return vanta_format(name, sizeof name, "%.*s%s", folder, pickle->name, what)
               ? vanta_zip_find(&f->zip, name)
               : NULL;
}

static enum vanta_status find_pickle(struct vanta_torch_file *f,
                                     const struct vanta_zip_member **out,
                                     struct vanta_error *err)
{
    char order[6] = "little";
    const struct vanta_zip_member *m;
    enum vanta_status status = VANTA_OK;
    size_t i;

    *out = NULL;
    for (i = 0; i < f->zip.n && !*out; i++)
        if (vanta_has_suffix(f->zip.members[i].name, "/data.pkl"))
            *out = &f->zip.members[i];
    if (!*out)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: a zip, but no checkpoint of PyTorch: data.pkl is missing",
                          f->path);
    m = member(f, *out, "byteorder");
    if (m && m->bytes != sizeof order)
        order[0] = 'b';
    else if (m && (status = vanta_cursor_seek(&f->cursor, m->data_pos, err)) == VANTA_OK)
        status = vanta_cursor_bytes(&f->cursor, order, sizeof order, err);
    if (status == VANTA_OK && memcmp(order, "little", sizeof order) != 0)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s: its numbers are big-endian",
                          f->path);
    return status;
}

static enum vanta_status read_pickle(struct vanta_torch_file *f,
                                     const struct vanta_zip_member *m, bool lenient,
                                     struct vanta_error *err)
{
    enum vanta_status status = vanta_cursor_seek(&f->cursor, m->data_pos, err);

    if (m->bytes > VANTA_PICKLE_BYTES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: a pickle of more than %zu bytes",
                          f->path, VANTA_PICKLE_BYTES_MAX);
    f->pickle_bytes = malloc((size_t)m->bytes + 1);
    if (!f->pickle_bytes)
        return vanta_fail_memory(err);
    if (status == VANTA_OK)
        status = vanta_cursor_bytes(&f->cursor, f->pickle_bytes, (size_t)m->bytes, err);
    return status == VANTA_OK ? vanta_pickle_read(f->pickle_bytes, (size_t)m->bytes,
                                                  f->path, lenient, &f->pickle, err)
                              : status;
}

/* --- the tensors --- */

struct collector {
    struct vanta_torch_file *file;
    const struct vanta_zip_member *pickle;
    struct vanta_buf name; /* of the container in hand, with a dot */
    size_t steps;
};

static enum vanta_status bad_tensor(const struct collector *c, const char *what,
                                    struct vanta_error *err)
{
    return vanta_fail(err, VANTA_ERR_FORMAT, "%s: the tensor %.200s %s", c->file->path,
                      c->name.data, what);
}

/* Numbers of a tuple, none negative; false when it is none, or longer than any shape. */
static bool read_numbers(const struct vanta_pickle *p, uint32_t id, uint64_t *out,
                         unsigned *n)
{
    const struct vanta_pickle_value *v = vanta_pickle_value(p, id);
    const struct vanta_pickle_value *number;
    uint32_t at = v->u.at.first;
    unsigned i;

    if (v->kind != VANTA_PICKLE_TUPLE || v->n > VANTA_TORCH_RANK_MAX)
        return false;
    *n = v->n;
    for (i = 0; i < *n; i++, at = vanta_pickle_item(p, at)->next) {
        number = vanta_pickle_value(p, vanta_pickle_item(p, at)->value);
        if (number->kind != VANTA_PICKLE_INT || number->u.whole < 0)
            return false;
        out[i] = (uint64_t)number->u.whole;
    }
    return true;
}

/* From sizes and strides: elements, the place of the last one, whether it is row-major.
 * False when something is too large to be. */
static bool measure(struct vanta_torch_tensor *t, uint64_t *last)
{
    uint64_t most = VANTA_TORCH_ELEMENTS_MAX, expected = 1;
    unsigned i;

    t->elements = 1;
    t->contiguous = true;
    *last = 0;
    for (i = t->rank; i > 0; i--) {
        uint64_t size = t->sizes[i - 1], stride = t->strides[i - 1];

        if (size > most || stride > most || (size && t->elements > most / size) ||
            (size > 1 && stride > most / (size - 1)))
            return false;
        t->elements *= size;
        if (size > 1) {
            *last += (size - 1) * stride;
            t->contiguous &= stride == expected;
        }
        expected *= size ? size : 1;
    }
    return true;
}

static enum vanta_status place_tensor(struct collector *c,
                                      const struct vanta_pickle_value *storage,
                                      uint64_t offset, struct vanta_torch_tensor *t,
                                      struct vanta_error *err)
{
    const struct vanta_pickle *p = &c->file->pickle;
    const struct vanta_pickle_value *key = vanta_pickle_value(p, storage->n);
    const struct vanta_zip_member *m;
    uint64_t last, there = (uint64_t)storage->u.whole;
    char name[VANTA_TORCH_NAME_MAX];

    t->type = storage->type;
    if (t->type > VANTA_TORCH_I32)
        return bad_tensor(c, "has elements of an unknown type", err);
    if (!vanta_format(name, sizeof name, "data/%.*s", (int)key->n,
                      (const char *)p->bytes + key->u.at.first) ||
        !(m = member(c->file, c->pickle, name)))
        return bad_tensor(c, "has no storage in the file", err);
    if (there > m->bytes / types[t->type].bytes)
        return bad_tensor(c, "has a storage that is longer than its data", err);
    if (!measure(t, &last) || offset > there || t->elements > there - offset ||
        (t->elements && last >= there - offset))
        return bad_tensor(c, "reaches beyond its storage", err);
    t->data_pos = m->data_pos + offset * types[t->type].bytes;
    return VANTA_OK;
}

/* The items of the call: storage, offset, size, stride, and what does not matter. */
static enum vanta_status add_tensor(struct collector *c,
                                    const struct vanta_pickle_value *v,
                                    struct vanta_error *err)
{
    struct vanta_torch_file *f = c->file;
    struct vanta_torch_tensor *t = &f->tensors[f->n];
    const struct vanta_pickle_value *storage = NULL, *offset = NULL;
    uint32_t at = v->u.at.first, parts[4];
    unsigned i, n_strides;

    if (f->n == VANTA_TORCH_TENSORS_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: more than %d tensors", f->path,
                          VANTA_TORCH_TENSORS_MAX);
    if (v->n < 4)
        return bad_tensor(c, "is described too shortly", err);
    for (i = 0; i < 4; i++, at = vanta_pickle_item(&f->pickle, at)->next)
        parts[i] = vanta_pickle_item(&f->pickle, at)->value;
    storage = vanta_pickle_value(&f->pickle, parts[0]);
    offset = vanta_pickle_value(&f->pickle, parts[1]);
    if (storage->kind != VANTA_PICKLE_STORAGE || offset->kind != VANTA_PICKLE_INT ||
        offset->u.whole < 0 || !read_numbers(&f->pickle, parts[2], t->sizes, &t->rank) ||
        !read_numbers(&f->pickle, parts[3], t->strides, &n_strides) ||
        n_strides != t->rank)
        return bad_tensor(c, "has no usable shape", err);
    if (!vanta_format(t->name, sizeof t->name, "%s", c->name.data))
        return bad_tensor(c, "has too long a name", err);
    f->n++;
    return place_tensor(c, storage, (uint64_t)offset->u.whole, t, err);
}

/* The name of an item behind that of its container. */
static bool add_name(struct collector *c, uint32_t key, size_t index)
{
    const struct vanta_pickle *p = &c->file->pickle;
    const struct vanta_pickle_value *v;

    if (c->name.len && !vanta_buf_puts(&c->name, "."))
        return false;
    if (key == VANTA_PICKLE_NOTHING)
        return vanta_buf_printf(&c->name, "%zu", index);
    v = vanta_pickle_value(p, key);
    if (v->kind == VANTA_PICKLE_INT)
        return vanta_buf_printf(&c->name, "%lld", (long long)v->u.whole);
    return v->kind != VANTA_PICKLE_TEXT ||
           vanta_buf_append(&c->name, p->bytes + v->u.at.first, v->n);
}

static enum vanta_status collect(struct collector *c, uint32_t id, unsigned depth,
                                 struct vanta_error *err)
{
    const struct vanta_pickle *p = &c->file->pickle;
    const struct vanta_pickle_value *v = vanta_pickle_value(p, id);
    size_t len = c->name.len, index = 0;
    enum vanta_status status = VANTA_OK;
    uint32_t at;

    if (v->kind == VANTA_PICKLE_TENSOR)
        return add_tensor(c, v, err);
    if (v->kind < VANTA_PICKLE_TUPLE || v->kind > VANTA_PICKLE_DICT || v->n == 0)
        return VANTA_OK;
    if (depth == VANTA_PICKLE_DEPTH_MAX || c->steps > VANTA_PICKLE_VALUES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: its pickle nests without end",
                          c->file->path);
    for (at = v->u.at.first; status == VANTA_OK && at != VANTA_PICKLE_NOTHING;
         at = vanta_pickle_item(p, at)->next) {
        c->steps++;
        if (!add_name(c, vanta_pickle_item(p, at)->key, index++))
            return vanta_fail(err, VANTA_ERR_LIMIT, "%s: too long a name in the pickle",
                              c->file->path);
        status = collect(c, vanta_pickle_item(p, at)->value, depth + 1, err);
        c->name.len = len;
    }
    return status;
}

/* The value that this key of the outermost dictionary has, when it is a dictionary. */
static bool find_part(const struct vanta_pickle *p, const char *key, uint32_t *out)
{
    const struct vanta_pickle_value *root = vanta_pickle_value(p, p->root);
    uint32_t at;

    if (root->kind != VANTA_PICKLE_DICT)
        return false;
    for (at = root->n ? root->u.at.first : VANTA_PICKLE_NOTHING;
         at != VANTA_PICKLE_NOTHING; at = vanta_pickle_item(p, at)->next) {
        const struct vanta_pickle_item *item = vanta_pickle_item(p, at);

        *out = item->value;
        if (vanta_pickle_is(p, item->key, key) &&
            vanta_pickle_value(p, item->value)->kind == VANTA_PICKLE_DICT)
            return true;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    const struct vanta_torch_tensor *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static enum vanta_status index_names(struct vanta_torch_file *f, struct vanta_error *err)
{
    size_t i;

    f->by_name = calloc(f->n + 1, sizeof *f->by_name);
    if (!f->by_name)
        return vanta_fail_memory(err);
    for (i = 0; i < f->n; i++)
        f->by_name[i] = &f->tensors[i];
    qsort(f->by_name, f->n, sizeof *f->by_name, by_name);
    for (i = 1; i < f->n; i++)
        if (strcmp(f->by_name[i - 1]->name, f->by_name[i]->name) == 0)
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: the tensor %.200s is there twice", f->path,
                              f->by_name[i]->name);
    return VANTA_OK;
}

static enum vanta_status collect_all(struct vanta_torch_file *f,
                                     const struct vanta_zip_member *pickle,
                                     struct vanta_error *err)
{
    struct collector c = {f, pickle, VANTA_BUF(4 * VANTA_TORCH_NAME_MAX), 0};
    uint32_t part = f->pickle.root;
    enum vanta_status status;

    f->tensors = calloc(VANTA_TORCH_TENSORS_MAX, sizeof *f->tensors);
    if (!f->tensors || !vanta_buf_puts(&c.name, ""))
        return vanta_fail_memory(err);
    if (!find_part(&f->pickle, "model", &part) &&
        !find_part(&f->pickle, "state_dict", &part))
        part = f->pickle.root;
    status = collect(&c, part, 0, err);
    vanta_buf_free(&c.name);
    return status == VANTA_OK ? index_names(f, err) : status;
}

enum vanta_status vanta_torch_open(const char *path, bool lenient,
                                   struct vanta_torch_file *out, struct vanta_error *err)
{
    const struct vanta_zip_member *pickle;
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    out->fd = out->cursor.fd = -1;
    if (!vanta_format(out->path, sizeof out->path, "%s", path))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", path);
    status = open_container(out, err);
    if (status == VANTA_OK)
        status = find_pickle(out, &pickle, err);
    if (status == VANTA_OK)
        status = read_pickle(out, pickle, lenient, err);
    if (status == VANTA_OK)
        status = collect_all(out, pickle, err);
    if (status != VANTA_OK)
        vanta_torch_close(out);
    return status;
}

const struct vanta_torch_tensor *vanta_torch_find(const struct vanta_torch_file *file,
                                                  const char *name)
{
    struct vanta_torch_tensor wanted;
    const struct vanta_torch_tensor *key = &wanted, **found;

    if (file->n == 0 || !vanta_format(wanted.name, sizeof wanted.name, "%s", name))
        return NULL;
    found = bsearch(&key, file->by_name, file->n, sizeof key, by_name);
    return found ? *found : NULL;
}

static void unmap(struct vanta_torch_file *f)
{
    if (f->window)
        munmap(f->window, f->window_bytes);
    f->window = NULL;
}

static enum vanta_status map(struct vanta_torch_file *f, uint64_t pos, size_t len,
                             struct vanta_error *err)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), start = pos - pos % page;
    uint64_t bytes = pos - start + len;
    void *mapped;

    unmap(f);
    if (bytes < WINDOW_BYTES)
        bytes = WINDOW_BYTES;
    if (bytes > f->cursor.size - start)
        bytes = f->cursor.size - start;
    mapped = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, f->fd, (off_t)start);
    if (mapped == MAP_FAILED)
        return vanta_fail_errno(err, errno, "mapping %s", f->path);
    f->window = mapped;
    f->window_pos = start;
    f->window_bytes = (size_t)bytes;
    (void)posix_madvise(mapped, (size_t)bytes, POSIX_MADV_WILLNEED);
    return VANTA_OK;
}

enum vanta_status vanta_torch_look(struct vanta_torch_file *file, uint64_t pos,
                                   size_t len, const uint8_t **out,
                                   struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    struct stat st;

    if (fstat(file->fd, &st) != 0)
        return vanta_fail_errno(err, errno, "%s", file->path);
    if ((uint64_t)st.st_size != file->cursor.size)
        return vanta_fail(err, VANTA_ERR_IO, "%s: changed its size while it was read",
                          file->path);
    if (!file->window || pos < file->window_pos ||
        pos + len > file->window_pos + file->window_bytes)
        status = map(file, pos, len, err);
    if (status == VANTA_OK)
        *out = file->window + (pos - file->window_pos);
    return status;
}

void vanta_torch_close(struct vanta_torch_file *file)
{
    unmap(file);
    vanta_pickle_free(&file->pickle);
    vanta_zip_free(&file->zip);
    vanta_cursor_close(&file->cursor);
    free(file->pickle_bytes);
    free(file->tensors);
    free(file->by_name);
    if (file->fd >= 0)
        close(file->fd);
    memset(file, 0, sizeof *file);
    file->fd = -1;
}
