#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool vanta_buf_reserve(struct vanta_buf *buf, size_t more)
{
    size_t need, capacity, max = buf->max;
    char *data;

    if (max > PTRDIFF_MAX - 1)
        max = PTRDIFF_MAX - 1; /* so that no sum below wraps */
    if (buf->len > max || more > max - buf->len)
        return false;
    need = buf->len + more + 1;
    if (need <= buf->capacity)
        return true;
    capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < need)
        capacity *= 2;
    if (capacity > max + 1)
        capacity = max + 1;
    data = realloc(buf->data, capacity);
    if (!data)
        return false;
    buf->data = data;
    buf->capacity = capacity;
    buf->data[buf->len] = '\0';
    return true;
}

bool vanta_buf_append(struct vanta_buf *buf, const void *data, size_t len)
{
    if (!vanta_buf_reserve(buf, len))
        return false;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return true;
}

bool vanta_buf_puts(struct vanta_buf *buf, const char *text)
{
    return vanta_buf_append(buf, text, strlen(text));
}

bool vanta_buf_printf(struct vanta_buf *buf, const char *fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0 || !vanta_buf_reserve(buf, (size_t)len))
        return false;
    va_start(args, fmt);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)len;
    return true;
}

void vanta_buf_free(struct vanta_buf *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->len = buf->capacity = 0;
}
