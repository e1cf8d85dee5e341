/*
 * protocol.h - the frames that vanta and vanta-engine exchange (docs/engine-protocol.md).
 *
 * A frame is a u32 length in bytes of what follows it (little endian), a u8 kind and
 * the payload: kind 'J' is one JSON object in UTF-8, kind 'B' is bytes that belong to the
 * JSON frame before it. A JSON frame announces them by "binary": LENGTH; exactly one
 * binary frame of that length then follows. The channel is a stream socket pair.
 *
 *     caller to helper   {"hello": 1, "build": B, "readable": [PATH...], ...}    first
 *                        {"id": N, "request": NAME, ...}          one at a time
 *                        {"cancel": N}                            at any time
 *     helper to caller   {"hello": 1, "build": B, ...}            first
 *                        {"id": N, "event": NAME, ...}            while it works
 *                        {"id": N, "ok": {...}}                   the end of a request
 *                        {"id": N, "error": {"status", "message", "hint"}}
 *
 * Either side treats what the other sends as hostile: a frame over its cap, a kind that
 * is not known, JSON that is not an object, an id that was not asked for end the talk.
 * Not responsible for what the requests mean (engine.h), for processes or time.
 *
 * Reading gives the frame's payload in a buffer that the reader owns and reuses: it is
 * valid until the next read (vanta_frame_reader_take keeps it longer). Statuses:
 * VANTA_ERR_FORMAT for what is not a frame, VANTA_ERR_LIMIT past a cap, VANTA_ERR_IO for
 * the channel, VANTA_ERR_NOT_FOUND when the other side closed it between two frames, and
 * what a wait returns. After a failure the channel is of no use.
 * One thread may read while another writes; writers exclude one another themselves.
 */
#ifndef VANTA_ENGINES_PROTOCOL_H
#define VANTA_ENGINES_PROTOCOL_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"
#include "vanta_error.h"

#define VANTA_PROTOCOL_VERSION 1
#define VANTA_FRAME_JSON 'J'
#define VANTA_FRAME_BINARY 'B'
#define VANTA_FRAME_JSON_MAX ((size_t)8 * 1024 * 1024)    /* bytes of payload */
#define VANTA_FRAME_BINARY_MAX ((size_t)64 * 1024 * 1024) /* bytes of payload */

/* Called before each read or write that could block, so that its owner can look at
 * deadlines and flags: returns VANTA_OK when the descriptor is ready, or the failure that
 * ends the transfer. */
typedef enum vanta_status vanta_frame_wait(void *arg, struct vanta_error *err);

struct vanta_frame_reader {
    int fd;
    struct vanta_buf buf;
    size_t json_max, binary_max; /* may be lowered after open */
    vanta_frame_wait *wait;      /* NULL: blocks */
    void *arg;
};

/* fd stays the caller's. */
void vanta_frame_reader_open(struct vanta_frame_reader *reader, int fd);
void vanta_frame_reader_close(struct vanta_frame_reader *reader); /* zeroed: fine */

/* Reads one JSON frame and, where it announces one, its binary frame. *binary (may be
 * NULL: then a binary frame is refused) points into the reader. *out: json_decref it.
 * Waits as long as wait does, or as it takes. */
enum vanta_status vanta_frame_read(struct vanta_frame_reader *reader, json_t **out,
                                   const void **binary, size_t *binary_bytes,
                                   struct vanta_error *err);

/* The bytes of the binary frame that was read last become the caller's: free(). */
void *vanta_frame_reader_take(struct vanta_frame_reader *reader);

/* Writes message, with "binary" set in it when there are bytes, and those. A peer that
 * is gone is VANTA_ERR_IO, never a signal. VANTA_ERR_LIMIT (nothing is written then) when
 * it is too large for a frame. */
enum vanta_status vanta_frame_write(int fd, json_t *message, const void *binary,
                                    size_t binary_bytes, struct vanta_error *err);
/* The same with a wait, which may be NULL. */
enum vanta_status vanta_frame_write_waiting(int fd, json_t *message, const void *binary,
                                            size_t binary_bytes, vanta_frame_wait *wait,
                                            void *arg, struct vanta_error *err);

#endif
