#include "models/wav.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "engines/speak.h"

enum { HEADER = 44, RIFF_REST = 36 };

static void put_u32(uint8_t *at, uint64_t value)
{
    uint32_t v = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
    int i;

    for (i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> 8 * i);
}

static void make_header(uint8_t out[HEADER], uint64_t bytes)
{
    memcpy(out, "RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0", 24);
    put_u32(out + 4, bytes > UINT32_MAX - RIFF_REST ? UINT32_MAX : bytes + RIFF_REST);
    put_u32(out + 24, VANTA_SPEAK_HZ);
    put_u32(out + 28, VANTA_SPEAK_HZ * sizeof(int16_t));
    memcpy(out + 32, "\x02\0\x10\0data", 8); /* bytes of a frame, bits */
    put_u32(out + 40, bytes);
}

static const char *name_of(const struct vanta_wav *wav)
{
    return wav->path ? wav->path : "standard output";
}

static enum vanta_status write_out(const struct vanta_wav *wav, const void *data, size_t len,
                                   struct vanta_error *err)
{
    enum vanta_status status =
        vanta_file_write_all(wav->fd, data, len, name_of(wav), err);

    vanta_hint_named(err);
    return status;
}

enum vanta_status vanta_wav_open(struct vanta_wav *wav, const char *path, int fd,
                                 bool bare, struct vanta_error *err)
{
    uint8_t header[HEADER];
    enum vanta_status status = VANTA_OK;

    *wav = (struct vanta_wav){.path = path, .fd = fd, .bare = bare};
    if (path && vanta_file_is_channel(path)) {
        wav->fd = vanta_file_open_channel(path);
    } else if (path) {
        wav->fd = vanta_file_create_held(path, wav->temporary);
    }
    if (path && wav->fd < 0) {
        status = vanta_fail_errno(err, errno, "writing %s", path);
        vanta_hint_named(err);
        return status;
    }
    make_header(header, UINT64_MAX);
    if (!bare)
        status = write_out(wav, header, HEADER, err);
    if (status != VANTA_OK)
        vanta_wav_abandon(wav);
    return status;
}

enum vanta_status vanta_wav_add(struct vanta_wav *wav, const int16_t *samples, size_t n,
                                struct vanta_error *err)
{
    wav->bytes += n * sizeof *samples;
    return write_out(wav, samples, n * sizeof *samples, err);
}

enum vanta_status vanta_wav_finish(struct vanta_wav *wav, struct vanta_error *err)
{
    uint8_t header[HEADER];
    enum vanta_status status = VANTA_OK;

    if (!wav->path)
        return VANTA_OK;
    make_header(header, wav->bytes);
    if (!wav->bare && wav->temporary[0] && pwrite(wav->fd, header, HEADER, 0) != HEADER)
        status = vanta_fail_errno(err, errno, "%s", wav->path);
    if (status == VANTA_OK && wav->temporary[0])
        status = vanta_file_move(wav->temporary, wav->path, true, err);
    if (status != VANTA_OK) {
        vanta_hint_named(err);
        vanta_wav_abandon(wav);
        return status;
    }
    close(wav->fd);
    wav->path = NULL;
    return VANTA_OK;
}

void vanta_wav_abandon(struct vanta_wav *wav)
{
    if (!wav->path || wav->fd < 0)
        return;
    close(wav->fd);
    if (wav->temporary[0])
        unlink(wav->temporary);
    wav->path = NULL;
}
