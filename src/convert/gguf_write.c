#include "convert/gguf_write.h"

#include <string.h>

#include "base/error.h"

#define VERSION 3

static void put(struct vanta_gguf_writer *w, struct vanta_buf *to, const void *data,
                size_t len)
{
    if (!vanta_buf_append(to, data, len))
        w->failed = true;
}

static void little_endian(uint64_t value, uint8_t *out, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static void put_u32(struct vanta_gguf_writer *w, struct vanta_buf *to, uint32_t value)
{
    uint8_t bytes[4];

    little_endian(value, bytes, sizeof bytes);
    put(w, to, bytes, sizeof bytes);
}

static void put_u64(struct vanta_gguf_writer *w, struct vanta_buf *to, uint64_t value)
{
    uint8_t bytes[8];

    little_endian(value, bytes, sizeof bytes);
    put(w, to, bytes, sizeof bytes);
}

static void put_string(struct vanta_gguf_writer *w, struct vanta_buf *to, const char *text)
{
    size_t len = strlen(text);

    put_u64(w, to, len);
    put(w, to, text, len);
}

static void put_key(struct vanta_gguf_writer *w, const char *key,
                    enum vanta_gguf_type type)
{
    put_string(w, &w->keys, key);
    put_u32(w, &w->keys, type);
    w->n_keys++;
}

void vanta_gguf_string(struct vanta_gguf_writer *w, const char *key, const char *value)
{
    put_key(w, key, VANTA_GGUF_STRING);
    put_string(w, &w->keys, value);
}

void vanta_gguf_u32(struct vanta_gguf_writer *w, const char *key, uint32_t value)
{
    put_key(w, key, VANTA_GGUF_U32);
    put_u32(w, &w->keys, value);
}

void vanta_gguf_f32(struct vanta_gguf_writer *w, const char *key, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    put_key(w, key, VANTA_GGUF_F32);
    put_u32(w, &w->keys, bits);
}

void vanta_gguf_bool(struct vanta_gguf_writer *w, const char *key, bool value)
{
    uint8_t byte = value;

    put_key(w, key, VANTA_GGUF_BOOL);
    put(w, &w->keys, &byte, 1);
}

void vanta_gguf_array(struct vanta_gguf_writer *w, const char *key,
                      enum vanta_gguf_type type, uint64_t n)
{
    put_key(w, key, VANTA_GGUF_ARRAY);
    put_u32(w, &w->keys, type);
    put_u64(w, &w->keys, n);
}

void vanta_gguf_element_string(struct vanta_gguf_writer *w, const char *text, size_t len)
{
    put_u64(w, &w->keys, len);
    put(w, &w->keys, text, len);
}

void vanta_gguf_element_joined(struct vanta_gguf_writer *w, const char *prefix,
                               const char *text, size_t len)
{
    size_t prefix_len = strlen(prefix);

    put_u64(w, &w->keys, prefix_len + len);
    put(w, &w->keys, prefix, prefix_len);
    put(w, &w->keys, text, len);
}

void vanta_gguf_element_i32(struct vanta_gguf_writer *w, int32_t value)
{
    put_u32(w, &w->keys, (uint32_t)value);
}

static uint64_t filled_up(uint64_t bytes)
{
    return (bytes + VANTA_GGUF_ALIGNMENT - 1) / VANTA_GGUF_ALIGNMENT *
           VANTA_GGUF_ALIGNMENT;
}

void vanta_gguf_tensor(struct vanta_gguf_writer *w, const char *name, uint32_t type,
                       unsigned rank, const uint64_t *extents, uint64_t bytes)
{
    unsigned i;

    put_string(w, &w->tensors, name);
    put_u32(w, &w->tensors, rank);
    for (i = 0; i < rank; i++)
        put_u64(w, &w->tensors, extents[i]);
    put_u32(w, &w->tensors, type);
    put_u64(w, &w->tensors, w->data_bytes);
    w->data_bytes += filled_up(bytes);
    w->n_tensors++;
}

enum vanta_status vanta_gguf_head(const struct vanta_gguf_writer *w,
                                  struct vanta_buf *head, struct vanta_error *err)
{
    static const char zeros[VANTA_GGUF_ALIGNMENT];
    size_t bytes = 24 + w->keys.len + w->tensors.len;
    struct vanta_gguf_writer start = {.keys = VANTA_BUF(filled_up(bytes))};

    if (w->failed)
        return vanta_fail(err, VANTA_ERR_LIMIT,
                          "the head of the GGUF file takes more than %zu bytes, or more "
                          "memory than there is", w->keys.max);
    put(&start, &start.keys, "GGUF", 4);
    put_u32(&start, &start.keys, VERSION);
    put_u64(&start, &start.keys, w->n_tensors);
    put_u64(&start, &start.keys, w->n_keys);
    put(&start, &start.keys, w->keys.data, w->keys.len);
    put(&start, &start.keys, w->tensors.data, w->tensors.len);
    put(&start, &start.keys, zeros, filled_up(bytes) - bytes);
    *head = start.keys;
    if (!start.failed)
        return VANTA_OK;
    vanta_buf_free(head);
    return vanta_fail_memory(err);
}

void vanta_gguf_writer_free(struct vanta_gguf_writer *w)
{
    vanta_buf_free(&w->keys);
    vanta_buf_free(&w->tensors);
    memset(w, 0, sizeof *w);
}
