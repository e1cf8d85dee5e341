/*
 * audio_container.h - what a recording's outermost bytes say, before a decoder sees them.
 *
 * Tells WAV, FLAC, Ogg and MP3 from all else (naming what else it is where that shows),
 * and whether the container's own length goes beyond the bytes that are there, which
 * decoders pass over in silence. Not responsible for: samples, rates, whether it decodes.
 *
 * Sources: Microsoft's RIFF (WAVEFORMATEX), EBU Tech 3306 (RF64), RFC 9639 (FLAC),
 * RFC 3533 (Ogg), ISO/IEC 11172-3 (MPEG audio frames), id3.org (ID3v2).
 * Statuses: VANTA_ERR_FORMAT (empty, not audio), VANTA_ERR_UNSUPPORTED (known and not
 * read here), VANTA_ERR_IO. Cost: chunk headers of a WAV, the last 64 KiB of an Ogg, the
 * frame headers of an MP3 that states no length, all of them.
 */
#ifndef VANTA_ENGINES_HELPER_AUDIO_CONTAINER_H
#define VANTA_ENGINES_HELPER_AUDIO_CONTAINER_H

#include <stdbool.h>

#include "base/cursor.h"
#include "vanta_error.h"

#define VANTA_AUDIO_PREFIX_MAX 1024

enum vanta_audio_kind {
    VANTA_AUDIO_WAV,
    VANTA_AUDIO_FLAC,
    VANTA_AUDIO_OGG,
    VANTA_AUDIO_MP3
};

struct vanta_audio_container {
    enum vanta_audio_kind kind;
    uint64_t start; /* bytes of tags before what the decoder is to see */
    /* What the decoder is to see before that: an MP3's frame that states its length,
     * when the file has none. */
    uint8_t prefix[VANTA_AUDIO_PREFIX_MAX];
    size_t prefix_bytes;
    /* What it is to see in place of the file's own bytes: a length that a WAV's writer
     * left open. */
    uint64_t patch_at;
    uint8_t patch[4];
    size_t patch_bytes;
    bool truncated;     /* fewer bytes than the container says */
    bool length_stated; /* the decoder's count of samples is exact */
};

enum vanta_status vanta_audio_container_read(struct vanta_cursor *c,
                                             struct vanta_audio_container *out,
                                             struct vanta_error *err);

/* "WAV", "FLAC", "Ogg", "MP3" */
const char *vanta_audio_kind_name(enum vanta_audio_kind kind);

#endif
