#include "engines/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"

#define HEADER_BYTES 5 /* u32 length, u8 kind */

#if defined(MSG_NOSIGNAL)
#define SEND_FLAGS MSG_NOSIGNAL
#else
#define SEND_FLAGS 0 /* SO_NOSIGPIPE is set instead */
#endif

void vanta_frame_reader_open(struct vanta_frame_reader *reader, int fd)
{
    *reader = (struct vanta_frame_reader){
        .fd = fd,
        .buf = VANTA_BUF(VANTA_FRAME_BINARY_MAX + 1),
        .json_max = VANTA_FRAME_JSON_MAX,
        .binary_max = VANTA_FRAME_BINARY_MAX,
    };
}

void vanta_frame_reader_close(struct vanta_frame_reader *reader)
{
    vanta_buf_free(&reader->buf);
    reader->fd = -1;
}

void *vanta_frame_reader_take(struct vanta_frame_reader *reader)
{
    void *data = reader->buf.data;

    reader->buf.data = NULL;
    reader->buf.len = reader->buf.capacity = 0;
    return data;
}

/* VANTA_ERR_NOT_FOUND at the end of the stream when nothing of the part was there. */
static enum vanta_status take(struct vanta_frame_reader *reader, void *out, size_t n,
                              struct vanta_error *err)
{
    enum vanta_status status;
    size_t done = 0;
    ssize_t got;

    while (done < n) {
        if (reader->wait && (status = reader->wait(reader->arg, err)) != VANTA_OK)
            return status;
        got = read(reader->fd, (char *)out + done, n - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && reader->wait)
            continue;
        if (got < 0 && errno != ECONNRESET)
            return vanta_fail_errno(err, errno, "reading from the engine's channel");
        if (got <= 0)
            return done == 0 ? VANTA_ERR_NOT_FOUND : VANTA_ERR_IO;
        done += (size_t)got;
    }
    return VANTA_OK;
}

/* As take, where the end of the stream is always the failure that it cut a frame. */
static enum vanta_status take_rest(struct vanta_frame_reader *reader, void *out, size_t n,
                                   struct vanta_error *err)
{
    struct vanta_error inner = {0};
    enum vanta_status status = take(reader, out, n, &inner);

    if (status == VANTA_OK)
        return status;
    if (inner.status != VANTA_OK) {
        vanta_fail(err, status, "%s", inner.message);
        vanta_hint(err, "%s", inner.hint);
        return status;
    }
    return vanta_fail(err, VANTA_ERR_IO, "the channel ended within a frame");
}

/* One frame's payload into the buffer, which grows as bytes arrive: a length that is
 * only claimed costs nothing. */
static enum vanta_status read_payload(struct vanta_frame_reader *reader, size_t bytes,
                                      struct vanta_error *err)
{
    size_t left = bytes, step;
    enum vanta_status status;

    reader->buf.len = 0;
    while (left > 0) {
        step = left < 65536 ? left : 65536;
        if (!vanta_buf_reserve(&reader->buf, step))
            return vanta_fail_memory(err);
        status = take_rest(reader, reader->buf.data + reader->buf.len, step, err);
        if (status != VANTA_OK)
            return status;
        reader->buf.len += step;
        left -= step;
    }
    return VANTA_OK;
}

static enum vanta_status read_frame(struct vanta_frame_reader *reader, int kind,
                                    size_t max, struct vanta_error *err)
{
    unsigned char head[HEADER_BYTES];
    enum vanta_status status;
    uint32_t length;

    /* The first byte alone tells an end between frames from one within a frame. */
    status = take(reader, head, 1, err);
    if (status == VANTA_ERR_NOT_FOUND && kind == VANTA_FRAME_JSON)
        return vanta_fail(err, status, "the other side closed the channel");
    if (status == VANTA_ERR_NOT_FOUND)
        return vanta_fail(err, VANTA_ERR_IO, "the channel ended within a message");
    if (status == VANTA_OK)
        status = take_rest(reader, head + 1, sizeof head - 1, err);
    if (status != VANTA_OK)
        return status;
    length = (uint32_t)head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 |
             (uint32_t)head[3] << 24;
    if (head[4] != kind)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "a frame of kind 0x%02x where 0x%02x has to be", head[4],
                          (unsigned)kind);
    if (length < 1)
        return vanta_fail(err, VANTA_ERR_FORMAT, "a frame without a kind");
    if (length - 1 > max)
        return vanta_fail(err, VANTA_ERR_LIMIT, "a frame of %lu bytes; at most %zu",
                          (unsigned long)(length - 1), max);
    return read_payload(reader, length - 1, err);
}

static enum vanta_status parse(struct vanta_frame_reader *reader, json_t **out,
                               struct vanta_error *err)
{
    enum vanta_status status;
    json_t *json = NULL;

    status = vanta_json_load(reader->buf.data ? reader->buf.data : "", reader->buf.len,
                             "message", &json, err);
    if (status != VANTA_OK)
        return status;
    if (!json_is_object(json)) {
        json_decref(json);
        return vanta_fail(err, VANTA_ERR_FORMAT, "a message that is no JSON object");
    }
    *out = json;
    return VANTA_OK;
}

static enum vanta_status read_binary(struct vanta_frame_reader *reader,
                                     const json_t *announced, const void **binary,
                                     size_t *binary_bytes, struct vanta_error *err)
{
    enum vanta_status status;
    json_int_t bytes = json_integer_value(announced);

    if (!json_is_integer(announced) || bytes < 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "\"binary\" is no length");
    if (!binary)
        return vanta_fail(err, VANTA_ERR_FORMAT, "bytes that were not asked for");
    if ((uint64_t)bytes > reader->binary_max)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%lld bytes announced; at most %zu",
                          (long long)bytes, reader->binary_max);
    status = read_frame(reader, VANTA_FRAME_BINARY, (size_t)bytes, err);
    if (status != VANTA_OK)
        return status;
    if (reader->buf.len != (size_t)bytes)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%lld bytes announced, %zu sent",
                          (long long)bytes, reader->buf.len);
    *binary = reader->buf.data ? reader->buf.data : "";
    *binary_bytes = reader->buf.len;
    return VANTA_OK;
}

enum vanta_status vanta_frame_read(struct vanta_frame_reader *reader, json_t **out,
                                   const void **binary, size_t *binary_bytes,
                                   struct vanta_error *err)
{
    const json_t *announced;
    enum vanta_status status;
    json_t *json = NULL;

    if (binary) {
        *binary = NULL;
        *binary_bytes = 0;
    }
    status = read_frame(reader, VANTA_FRAME_JSON, reader->json_max, err);
    if (status == VANTA_OK)
        status = parse(reader, &json, err);
    if (status != VANTA_OK)
        return status;
    announced = json_object_get(json, "binary");
    if (announced)
        status = read_binary(reader, announced, binary, binary_bytes, err);
    if (status != VANTA_OK) {
        json_decref(json);
        return status;
    }
    *out = json;
    return VANTA_OK;
}

/* --- writing --- */

struct writer {
    int fd;
    vanta_frame_wait *wait;
    void *arg;
};

static enum vanta_status give(const struct writer *w, const void *data, size_t n,
                              struct vanta_error *err)
{
    int flags = SEND_FLAGS | (w->wait ? MSG_DONTWAIT : 0);
    enum vanta_status status;
    size_t done = 0;
    ssize_t sent;

    while (done < n) {
        if (w->wait && (status = w->wait(w->arg, err)) != VANTA_OK)
            return status;
        sent = send(w->fd, (const char *)data + done, n - done, flags);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && w->wait)
            continue;
        if (sent < 0) /* EPIPE is not the disk's: never NO_SPACE or NOT_FOUND */
            return vanta_fail(err, VANTA_ERR_IO, "writing to the engine's channel: %s",
                              strerror(errno));
        done += (size_t)sent;
    }
    return VANTA_OK;
}

static void frame_head(unsigned char head[HEADER_BYTES], size_t payload, int kind)
{
    size_t length = payload + 1, i;

    for (i = 0; i < 4; i++)
        head[i] = (unsigned char)(length >> 8 * i);
    head[4] = (unsigned char)kind;
}

static int add_text(const char *data, size_t len, void *arg)
{
    return vanta_buf_append(arg, data, len) ? 0 : -1;
}

enum vanta_status vanta_frame_write_waiting(int fd, json_t *message, const void *binary,
                                            size_t binary_bytes, vanta_frame_wait *wait,
                                            void *arg, struct vanta_error *err)
{
    struct vanta_buf out = VANTA_BUF(VANTA_FRAME_JSON_MAX + 2 * HEADER_BYTES);
    struct writer w = {fd, wait, arg};
    unsigned char head[HEADER_BYTES] = {0};
    enum vanta_status status = VANTA_OK;

#if !defined(MSG_NOSIGNAL)
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &(int){1}, sizeof(int));
#endif
    if (binary_bytes > VANTA_FRAME_BINARY_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%zu bytes for one frame; at most %zu",
                          binary_bytes, VANTA_FRAME_BINARY_MAX);
    if (binary && json_object_set_new(message, "binary",
                                      json_integer((json_int_t)binary_bytes)) != 0)
        return vanta_fail_memory(err);
    if (!vanta_buf_append(&out, head, sizeof head)) /* its length is known later */
        return vanta_fail_memory(err);
    if (json_dump_callback(message, add_text, &out, JSON_COMPACT) != 0 ||
        out.len - HEADER_BYTES > VANTA_FRAME_JSON_MAX) {
        status = vanta_fail(err, VANTA_ERR_LIMIT,
                            "a message is larger than %zu bytes", VANTA_FRAME_JSON_MAX);
        goto out;
    }
    frame_head(head, out.len - HEADER_BYTES, VANTA_FRAME_JSON);
    memcpy(out.data, head, sizeof head);
    frame_head(head, binary_bytes, VANTA_FRAME_BINARY);
    if (binary && !vanta_buf_append(&out, head, sizeof head)) {
        status = vanta_fail_memory(err);
        goto out;
    }
    status = give(&w, out.data, out.len, err);
    if (status == VANTA_OK && binary)
        status = give(&w, binary, binary_bytes, err);
out:
    vanta_buf_free(&out);
    return status;
}

enum vanta_status vanta_frame_write(int fd, json_t *message, const void *binary,
                                    size_t binary_bytes, struct vanta_error *err)
{
    return vanta_frame_write_waiting(fd, message, binary, binary_bytes, NULL, NULL, err);
}
