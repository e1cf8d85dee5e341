/*
 * cursor.h - the one way to read bytes from outside: bounds-checked, little-endian.
 *
 * Works over memory or over an open file; over a file it keeps a window of 64 KiB, so
 * that a header of a 4 GB file costs what is read and no more. Nothing is mapped: a file
 * that shrinks while it is read gives an error and no signal.
 *
 *     struct vanta_cursor c;
 *     vanta_cursor_memory(&c, data, len, "tokenizer.json");
 *     status = vanta_cursor_u32(&c, &magic, err);
 *     vanta_cursor_close(&c);                  // frees the window, not fd nor data
 *
 * Every read either delivers all its bytes and moves pos behind them, or fails with
 * VANTA_ERR_FORMAT ("NAME: cut short at byte N ...") or VANTA_ERR_IO and leaves pos
 * where it was. One thread at a time.
 */
#ifndef VANTA_BASE_CURSOR_H
#define VANTA_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

struct vanta_cursor {
    const char *name; /* borrowed: the file's name for messages */
    uint64_t pos;     /* bytes from the start */
    uint64_t size;    /* bytes in all */
    int fd;           /* -1: memory */
    const uint8_t *window;
    uint64_t window_pos;
    size_t window_len;
    uint8_t *owned;
};

void vanta_cursor_memory(struct vanta_cursor *c, const void *data, size_t len,
                         const char *name);
/* Takes the size from fstat; fd must be a regular file and stay open. */
enum vanta_status vanta_cursor_file(struct vanta_cursor *c, int fd, const char *name,
                                    struct vanta_error *err);
void vanta_cursor_close(struct vanta_cursor *c);

uint64_t vanta_cursor_left(const struct vanta_cursor *c);

enum vanta_status vanta_cursor_u8(struct vanta_cursor *c, uint8_t *out,
                                  struct vanta_error *err);
enum vanta_status vanta_cursor_u16(struct vanta_cursor *c, uint16_t *out,
                                   struct vanta_error *err);
enum vanta_status vanta_cursor_u32(struct vanta_cursor *c, uint32_t *out,
                                   struct vanta_error *err);
enum vanta_status vanta_cursor_u64(struct vanta_cursor *c, uint64_t *out,
                                   struct vanta_error *err);
enum vanta_status vanta_cursor_f32(struct vanta_cursor *c, float *out,
                                   struct vanta_error *err);
/* Copies len bytes to out. */
enum vanta_status vanta_cursor_bytes(struct vanta_cursor *c, void *out, size_t len,
                                     struct vanta_error *err);
/* A heap string of exactly len bytes plus a NUL; VANTA_ERR_LIMIT when len > max, checked
 * before anything is allocated. The caller frees. */
enum vanta_status vanta_cursor_string(struct vanta_cursor *c, uint64_t len, size_t max,
                                      char **out, struct vanta_error *err);
enum vanta_status vanta_cursor_skip(struct vanta_cursor *c, uint64_t len,
                                    struct vanta_error *err);
enum vanta_status vanta_cursor_seek(struct vanta_cursor *c, uint64_t pos,
                                    struct vanta_error *err);

#endif
