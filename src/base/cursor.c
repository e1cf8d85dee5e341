#include "base/cursor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define WINDOW_BYTES ((size_t)64 * 1024)

void vanta_cursor_memory(struct vanta_cursor *c, const void *data, size_t len,
                         const char *name)
{
    *c = (struct vanta_cursor){
        .name = name, .size = len, .fd = -1, .window = data, .window_len = len};
}

enum vanta_status vanta_cursor_file(struct vanta_cursor *c, int fd, const char *name,
                                    struct vanta_error *err)
{
    struct stat st;

    *c = (struct vanta_cursor){.name = name, .fd = fd};
    if (fstat(fd, &st) != 0)
        return vanta_fail_errno(err, errno, "%s", name);
    if (!S_ISREG(st.st_mode))
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: not a regular file", name);
    c->owned = malloc(WINDOW_BYTES);
    if (!c->owned)
        return vanta_fail_memory(err);
    c->window = c->owned;
    c->size = (uint64_t)st.st_size;
    return VANTA_OK;
}

void vanta_cursor_close(struct vanta_cursor *c)
{
    free(c->owned);
    *c = (struct vanta_cursor){.fd = -1};
}

uint64_t vanta_cursor_left(const struct vanta_cursor *c)
{
    return c->size - c->pos;
}

static enum vanta_status read_at(struct vanta_cursor *c, uint64_t pos, uint8_t *out,
                                 size_t len, struct vanta_error *err)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(c->fd, out + done, len - done, (off_t)(pos + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vanta_fail_errno(err, errno, "%s: reading at byte %llu", c->name,
                                    (unsigned long long)(pos + done));
        if (n == 0)
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: ended at byte %llu while it was read", c->name,
                              (unsigned long long)(pos + done));
        done += (size_t)n;
    }
    return VANTA_OK;
}

static enum vanta_status check_left(const struct vanta_cursor *c, uint64_t len,
                                    struct vanta_error *err)
{
    if (len <= vanta_cursor_left(c))
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_FORMAT,
                      "%s: cut short at byte %llu: %llu more bytes wanted, %llu left",
                      c->name, (unsigned long long)c->pos, (unsigned long long)len,
                      (unsigned long long)vanta_cursor_left(c));
}

static bool in_window(const struct vanta_cursor *c, size_t len)
{
    return c->pos >= c->window_pos && c->pos - c->window_pos <= c->window_len &&
           len <= c->window_len - (size_t)(c->pos - c->window_pos);
}

enum vanta_status vanta_cursor_bytes(struct vanta_cursor *c, void *out, size_t len,
                                     struct vanta_error *err)
{
    enum vanta_status status = check_left(c, len, err);

    if (status != VANTA_OK || len == 0)
        return status;
    if (!in_window(c, len) && len >= WINDOW_BYTES) {
        status = read_at(c, c->pos, out, len, err);
        if (status == VANTA_OK)
            c->pos += len;
        return status;
    }
    if (!in_window(c, len)) {
        uint64_t left = vanta_cursor_left(c);
        size_t fill = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;

        c->window_len = 0;
        status = read_at(c, c->pos, c->owned, fill, err);
        if (status != VANTA_OK)
            return status;
        c->window_pos = c->pos;
        c->window_len = fill;
    }
    memcpy(out, c->window + (c->pos - c->window_pos), len);
    c->pos += len;
    return VANTA_OK;
}

static enum vanta_status read_le(struct vanta_cursor *c, size_t len, uint64_t *out,
                                 struct vanta_error *err)
{
    uint8_t bytes[8];
    enum vanta_status status = vanta_cursor_bytes(c, bytes, len, err);
    uint64_t value = 0;

    if (status != VANTA_OK)
        return status;
    while (len-- > 0)
        value = value << 8 | bytes[len];
    *out = value;
    return VANTA_OK;
}

enum vanta_status vanta_cursor_u8(struct vanta_cursor *c, uint8_t *out,
                                  struct vanta_error *err)
{
    return vanta_cursor_bytes(c, out, 1, err);
}

enum vanta_status vanta_cursor_u16(struct vanta_cursor *c, uint16_t *out,
                                   struct vanta_error *err)
{
    uint64_t value;
    enum vanta_status status = read_le(c, 2, &value, err);

    if (status == VANTA_OK)
        *out = (uint16_t)value;
    return status;
}

enum vanta_status vanta_cursor_u32(struct vanta_cursor *c, uint32_t *out,
                                   struct vanta_error *err)
{
    uint64_t value;
    enum vanta_status status = read_le(c, 4, &value, err);

    if (status == VANTA_OK)
        *out = (uint32_t)value;
    return status;
}

enum vanta_status vanta_cursor_u64(struct vanta_cursor *c, uint64_t *out,
                                   struct vanta_error *err)
{
    return read_le(c, 8, out, err);
}

enum vanta_status vanta_cursor_f32(struct vanta_cursor *c, float *out,
                                   struct vanta_error *err)
{
    uint32_t bits;
    enum vanta_status status = vanta_cursor_u32(c, &bits, err);

    if (status == VANTA_OK)
        memcpy(out, &bits, sizeof bits);
    return status;
}

enum vanta_status vanta_cursor_string(struct vanta_cursor *c, uint64_t len, size_t max,
                                      char **out, struct vanta_error *err)
{
    enum vanta_status status = check_left(c, len, err);
    char *text;

    if (status != VANTA_OK)
        return status;
    if (len > max)
        return vanta_fail(err, VANTA_ERR_LIMIT,
                          "%s: a string of %llu bytes at byte %llu; at most %zu are read",
                          c->name, (unsigned long long)len, (unsigned long long)c->pos,
                          max);
    text = malloc((size_t)len + 1);
    if (!text)
        return vanta_fail_memory(err);
    status = vanta_cursor_bytes(c, text, (size_t)len, err);
    if (status != VANTA_OK) {
        free(text);
        return status;
    }
    text[len] = '\0';
    *out = text;
    return VANTA_OK;
}

enum vanta_status vanta_cursor_skip(struct vanta_cursor *c, uint64_t len,
                                    struct vanta_error *err)
{
    enum vanta_status status = check_left(c, len, err);

    if (status == VANTA_OK)
        c->pos += len;
    return status;
}

enum vanta_status vanta_cursor_seek(struct vanta_cursor *c, uint64_t pos,
                                    struct vanta_error *err)
{
    if (pos > c->size)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: points to byte %llu, past its end at %llu", c->name,
                          (unsigned long long)pos, (unsigned long long)c->size);
    c->pos = pos;
    return VANTA_OK;
}
