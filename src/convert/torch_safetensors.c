#include "convert/torch_safetensors.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "convert/output.h"
#include "convert/torch_file.h"

#define BLOCK_BYTES ((size_t)1 << 20)

static const char *const types[] = {
    [VANTA_TORCH_F32] = "F32", [VANTA_TORCH_F16] = "F16", [VANTA_TORCH_BF16] = "BF16",
    [VANTA_TORCH_F64] = "F64", [VANTA_TORCH_I64] = "I64", [VANTA_TORCH_I32] = "I32",
};

struct writer {
    struct vanta_torch_file *file;
    struct vanta_output *out;
    uint64_t total_bytes;
    vanta_convert_progress *progress;
    void *arg;
    const atomic_bool *cancel;
};

static bool describe(json_t *header, const struct vanta_torch_tensor *t, uint64_t at)
{
    uint64_t end = at + t->elements * vanta_torch_type_bytes(t->type);
    json_t *shape = json_array();
    unsigned i;

    for (i = 0; i < t->rank; i++)
        if (json_array_append_new(shape, json_integer((json_int_t)t->sizes[i])) != 0)
            return false;
    return json_object_set_new(header, t->name,
                               json_pack("{s:s, s:o, s:[I, I]}", "dtype", types[t->type],
                                         "shape", shape, "data_offsets", (json_int_t)at,
                                         (json_int_t)end)) == 0;
}

/* Eight bytes of length, and the JSON with its spaces. */
static enum vanta_status make_header(struct writer *w, struct vanta_buf *out,
                                     struct vanta_error *err)
{
    json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    uint64_t at = 0, filled;
    bool fits = header != NULL;
    char *text = NULL;
    uint8_t len[8];
    size_t i;

    for (i = 0; fits && i < w->file->n; i++) {
        fits = describe(header, &w->file->tensors[i], at);
        at += w->file->tensors[i].elements *
              vanta_torch_type_bytes(w->file->tensors[i].type);
    }
    if (fits)
        text = json_dumps(header, JSON_COMPACT);
    json_decref(header);
    if (!text)
        return vanta_fail_memory(err);
    filled = (strlen(text) + 7) / 8 * 8;
    for (i = 0; i < sizeof len; i++)
        len[i] = (uint8_t)(filled >> 8 * i);
    *out = VANTA_BUF((size_t)filled + sizeof len);
    fits = vanta_buf_append(out, len, sizeof len) && vanta_buf_puts(out, text) &&
           vanta_buf_append(out, "       ", filled - strlen(text));
    free(text);
    w->total_bytes = sizeof len + filled + at;
    return fits ? VANTA_OK : vanta_fail_memory(err);
}

static enum vanta_status pass_on(struct writer *w, const void *data, size_t len,
                                 struct vanta_error *err)
{
    enum vanta_status status = vanta_output_write(w->out, data, len, err);

    if (status == VANTA_OK && w->progress)
        w->progress(w->arg, vanta_output_bytes(w->out), w->total_bytes);
    if (status == VANTA_OK && w->cancel && atomic_load(w->cancel))
        status = vanta_fail(err, VANTA_ERR_CANCELLED, "the conversion of %s was stopped",
                            w->file->path);
    return status;
}

/* A view with strides of its own is brought into order first. */
static enum vanta_status write_view(struct writer *w, const struct vanta_torch_tensor *t,
                                    struct vanta_error *err)
{
    size_t size = vanta_torch_type_bytes(t->type), n = (size_t)t->elements, i;
    uint8_t *ordered = malloc(n * size);
    const uint8_t *raw = NULL;
    enum vanta_status status = VANTA_OK;

    if (!ordered)
        return vanta_fail_memory(err);
    status = vanta_torch_look(w->file, t->data_pos, (size_t)vanta_torch_span(t) * size,
                              &raw, err);
    for (i = 0; status == VANTA_OK && i < n; i++)
        memcpy(ordered + i * size, raw + vanta_torch_place(t, i) * size, size);
    if (status == VANTA_OK)
        status = pass_on(w, ordered, n * size, err);
    free(ordered);
    return status;
}

static enum vanta_status write_tensor(struct writer *w, const struct vanta_torch_tensor *t,
                                      struct vanta_error *err)
{
    uint64_t bytes = t->elements * vanta_torch_type_bytes(t->type), at, n;
    enum vanta_status status = VANTA_OK;
    const uint8_t *raw = NULL;

    if (!t->contiguous)
        return write_view(w, t, err);
    for (at = 0; status == VANTA_OK && at < bytes; at += n) {
        n = bytes - at < BLOCK_BYTES ? bytes - at : BLOCK_BYTES;
        status = vanta_torch_look(w->file, t->data_pos + at, (size_t)n, &raw, err);
        if (status == VANTA_OK)
            status = pass_on(w, raw, (size_t)n, err);
    }
    return status;
}

static enum vanta_status write_all(struct writer *w, const char *target,
                                   struct vanta_convert_result *result,
                                   struct vanta_error *err)
{
    struct vanta_buf header = {NULL, 0, 0, 0};
    enum vanta_status status = make_header(w, &header, err);
    size_t i;

    if (status == VANTA_OK)
        status = vanta_output_begin(target, w->total_bytes, header.data, header.len,
                                    &w->out, err);
    vanta_buf_free(&header);
    for (i = 0; status == VANTA_OK && i < w->file->n; i++)
        status = write_tensor(w, &w->file->tensors[i], err);
    return status == VANTA_OK ? vanta_output_complete(w->out, w->total_bytes, result, err)
                              : status;
}

enum vanta_status vanta_torch_safetensors(const char *checkpoint, const char *target,
                                          vanta_convert_progress *progress, void *arg,
                                          const atomic_bool *cancel,
                                          struct vanta_convert_result *out,
                                          struct vanta_error *err)
{
    struct vanta_torch_file file;
    struct writer w = {&file, NULL, 0, progress, arg, cancel};
    enum vanta_status status = vanta_torch_open(checkpoint, false, &file, err);

    if (status == VANTA_OK && file.n == 0)
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: it holds no tensors", checkpoint);
    if (status == VANTA_OK)
        status = write_all(&w, target, out, err);
    vanta_output_close(w.out);
    vanta_torch_close(&file);
    return status;
}
