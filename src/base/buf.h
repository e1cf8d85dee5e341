/*
 * buf.h - a growable byte buffer with a cap.
 *
 *     struct vanta_buf buf = VANTA_BUF(1 << 20);      // never more than 1 MiB
 *     if (!vanta_buf_printf(&buf, "%s\n", name)) ...  // false: memory or the cap
 *     vanta_buf_free(&buf);
 *
 * A zeroed struct is a valid empty buffer with a cap of 0. data is followed by a NUL
 * that len does not count, so that text can be used as a string at any time after the
 * first successful append. After a failed append the buffer holds what it held before.
 * A caller that takes data sets it to NULL and frees it with free().
 */
#ifndef VANTA_BASE_BUF_H
#define VANTA_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "vanta_error.h"

struct vanta_buf {
    char *data;
    size_t len;
    size_t capacity;
    size_t max; /* bytes */
};

#define VANTA_BUF(max_bytes) ((struct vanta_buf){NULL, 0, 0, (max_bytes)})

bool vanta_buf_append(struct vanta_buf *buf, const void *data, size_t len);
bool vanta_buf_puts(struct vanta_buf *buf, const char *text);
bool vanta_buf_printf(struct vanta_buf *buf, const char *fmt, ...) VANTA_PRINTF(2, 3);
/* Makes room for at least more bytes behind len; data + len may then be written. */
bool vanta_buf_reserve(struct vanta_buf *buf, size_t more);
void vanta_buf_free(struct vanta_buf *buf);

#endif
