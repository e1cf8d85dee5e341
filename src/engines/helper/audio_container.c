#include "engines/helper/audio_container.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define HEAD_BYTES 16
#define CHUNKS_MAX 4096              /* of a WAV, before its samples */
#define OGG_PAGE_HEAD 27
#define OGG_PAGE_MAX 65307 /* 27 bytes, 255 lacing values, 255 * 255 of content */
#define MP3_SEARCH_BYTES (64 * 1024) /* in which the first frame has to be */
#define ID3_TAGS_MAX 16

const char *vanta_audio_kind_name(enum vanta_audio_kind kind)
{
    static const char *const names[] = {"WAV", "FLAC", "Ogg", "MP3"};

    return names[kind];
}

/* ---- WAV ---- */

/* Writers to a pipe cannot come back to fill in the length; these are what they leave. */
static bool length_is_left_open(uint32_t bytes)
{
    return bytes == 0 || bytes >= 0xfffff000 ||
           (bytes >= 0x7ffff000 && bytes <= 0x80000100);
}

/* Whether from here to the end there is chunk after chunk, as behind a recording that
 * truly has no sample. */
static bool chunks_follow(struct vanta_cursor *c)
{
    uint64_t from = c->pos;
    bool chunks = true;
    unsigned i;

    for (i = 0; chunks && vanta_cursor_left(c) > 0 && i < CHUNKS_MAX; i++) {
        uint32_t size;

        chunks = vanta_cursor_left(c) >= 8 &&
                 vanta_cursor_skip(c, 4, NULL) == VANTA_OK &&
                 vanta_cursor_u32(c, &size, NULL) == VANTA_OK &&
                 vanta_cursor_skip(c, (uint64_t)size + (size & 1), NULL) == VANTA_OK;
    }
    chunks = chunks && vanta_cursor_left(c) == 0;
    return vanta_cursor_seek(c, from, NULL) == VANTA_OK && chunks;
}

/* The cursor stands behind the head of the chunk that holds the samples. */
static void judge_data(struct vanta_cursor *c, uint32_t size, const uint64_t *data_bytes,
                       struct vanta_audio_container *out)
{
    uint64_t left = vanta_cursor_left(c), bytes = size;
    unsigned i;

    if (data_bytes && size == UINT32_MAX) {
        bytes = *data_bytes;
    } else if (length_is_left_open(size) && !(size == 0 && chunks_follow(c))) {
        bytes = left < 0xfffffff0 ? left : 0xfffffff0;
        out->patch_at = c->pos - 4;
        out->patch_bytes = sizeof out->patch;
        for (i = 0; i < sizeof out->patch; i++)
            out->patch[i] = (uint8_t)(bytes >> (8 * i));
    }
    out->length_stated = true;
    out->truncated = bytes > left;
}

static enum vanta_status read_wav(struct vanta_cursor *c, bool rf64,
                                  struct vanta_audio_container *out,
                                  struct vanta_error *err)
{
    enum vanta_status status = vanta_cursor_seek(c, 12, err);
    uint64_t data_bytes = 0;
    unsigned i;

    /* Until the samples are found, none are there. */
    out->truncated = true;
    for (i = 0; i < CHUNKS_MAX && vanta_cursor_left(c) >= 8; i++) {
        uint64_t rest;
        uint32_t size;
        uint8_t id[4];

        if (status == VANTA_OK)
            status = vanta_cursor_bytes(c, id, sizeof id, err);
        if (status == VANTA_OK)
            status = vanta_cursor_u32(c, &size, err);
        if (status != VANTA_OK)
            return status;
        if (memcmp(id, "data", 4) == 0) {
            judge_data(c, size, rf64 ? &data_bytes : NULL, out);
            return VANTA_OK;
        }
        rest = (uint64_t)size + (size & 1); /* chunks begin at even bytes */
        if (memcmp(id, "ds64", 4) == 0 && size >= 16 && vanta_cursor_left(c) >= 16) {
            status = vanta_cursor_skip(c, 8, err); /* the whole file's bytes */
            if (status == VANTA_OK)
                status = vanta_cursor_u64(c, &data_bytes, err);
            rest -= 16;
        }
        if (rest > vanta_cursor_left(c))
            break;
        if (status == VANTA_OK)
            status = vanta_cursor_skip(c, rest, err);
    }
    return status;
}

/* ---- Ogg ---- */

/* Whether the page (with left bytes up to the file's end) ends a stream and is whole. */
static bool ogg_page_ends(const uint8_t *page, size_t left)
{
    size_t bytes, i;

    if (left < OGG_PAGE_HEAD || left - OGG_PAGE_HEAD < page[26])
        return false;
    bytes = OGG_PAGE_HEAD + page[26];
    for (i = 0; i < page[26]; i++)
        bytes += page[OGG_PAGE_HEAD + i];
    return (page[5] & 4) && bytes <= left;
}

/* The last page of a whole stream has the end-of-stream flag and all its bytes. */
static enum vanta_status read_ogg(struct vanta_cursor *c,
                                  struct vanta_audio_container *out,
                                  struct vanta_error *err)
{
    size_t len = c->size < OGG_PAGE_MAX ? (size_t)c->size : OGG_PAGE_MAX, at;
    uint8_t *tail = malloc(len);
    enum vanta_status status;

    if (!tail)
        return vanta_fail_memory(err);
    status = vanta_cursor_seek(c, c->size - len, err);
    if (status == VANTA_OK)
        status = vanta_cursor_bytes(c, tail, len, err);
    out->length_stated = true; /* the decoder looks at the last page for it */
    out->truncated = true;
    for (at = len - 3; status == VANTA_OK && at-- > 0;) {
        if (memcmp(tail + at, "OggS", 4) == 0) {
            out->truncated = !ogg_page_ends(tail + at, len - at);
            break;
        }
    }
    free(tail);
    return status;
}

/* ---- MP3 ---- */

struct mpeg_frame {
    uint8_t header[4];
    bool mpeg1, mono;
    int layer; /* 1 to 3 */
    uint32_t bytes;
};

/* False for what is no frame header, and for the "free format", whose frames do not say
 * how long they are. */
static bool mpeg_frame_parse(const uint8_t h[4], struct mpeg_frame *out)
{
    static const uint16_t kbps[5][15] = {
        {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448}, /* 1 I */
        {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},    /* 1 II */
        {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},  /* 1 III */
        {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},    /* 2 I */
        {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}, /* 2 II, III */
    };
    static const uint32_t rates[3] = {44100, 48000, 32000};
    unsigned version = h[1] >> 3 & 3, layer = h[1] >> 1 & 3, padding = h[2] >> 1 & 1;
    uint32_t bits, rate;

    if (h[0] != 0xff || (h[1] & 0xe0) != 0xe0 || version == 1 || layer == 0 ||
        h[2] >> 4 == 15 || h[2] >> 4 == 0 || (h[2] >> 2 & 3) == 3)
        return false;
    memcpy(out->header, h, 4);
    out->mpeg1 = version == 3;
    out->layer = 4 - (int)layer;
    out->mono = h[3] >> 6 == 3;
    rate = rates[h[2] >> 2 & 3] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    bits = 1000 * (uint32_t)kbps[out->mpeg1         ? out->layer - 1
                                 : out->layer == 1 ? 3
                                                   : 4][h[2] >> 4];
    if (out->layer == 1)
        out->bytes = (12 * bits / rate + padding) * 4;
    else
        out->bytes = (out->layer == 3 && !out->mpeg1 ? 72 : 144) * bits / rate + padding;
    return out->bytes >= 4;
}

/* Version, layer and rate stay the same through a stream; all else may change. */
static bool mpeg_frames_agree(const struct mpeg_frame *a, const struct mpeg_frame *b)
{
    return (a->header[1] & 0x1e) == (b->header[1] & 0x1e) &&
           (a->header[2] & 0x0c) == (b->header[2] & 0x0c);
}

/* Whether a frame begins at `at`. */
static bool mpeg_frame_at(struct vanta_cursor *c, uint64_t at, struct mpeg_frame *out)
{
    uint8_t h[4];

    return at <= c->size && c->size - at >= sizeof h &&
           vanta_cursor_seek(c, at, NULL) == VANTA_OK &&
           vanta_cursor_bytes(c, h, sizeof h, NULL) == VANTA_OK &&
           mpeg_frame_parse(h, out);
}

/* A frame that another one of its stream follows, or that ends the file: four bytes
 * alone look like a header too easily. */
static bool mpeg_stream_at(struct vanta_cursor *c, uint64_t at, struct mpeg_frame *out)
{
    struct mpeg_frame next;

    if (!mpeg_frame_at(c, at, out))
        return false;
    if (c->size - at <= out->bytes)
        return c->size - at == out->bytes;
    return mpeg_frame_at(c, at + out->bytes, &next) && mpeg_frames_agree(out, &next);
}

static bool mpeg_states_length(struct vanta_cursor *c, uint64_t at,
                               const struct mpeg_frame *frame)
{
    size_t side = frame->mpeg1 ? (frame->mono ? 17 : 32) : (frame->mono ? 9 : 17);
    uint8_t bytes[48];

    if (frame->bytes < sizeof bytes || vanta_cursor_seek(c, at, NULL) != VANTA_OK ||
        vanta_cursor_bytes(c, bytes, sizeof bytes, NULL) != VANTA_OK)
        return false;
    if (memcmp(bytes + 4 + side, "Xing", 4) == 0 ||
        memcmp(bytes + 4 + side, "Info", 4) == 0)
        return bytes[4 + side + 7] & 1; /* the number of frames is there */
    return memcmp(bytes + 4 + 32, "VBRI", 4) == 0;
}

/* Counts the frames from the first one on, over what may lie between them. */
static uint64_t count_frames(struct vanta_cursor *c, uint64_t at,
                             const struct mpeg_frame *first, bool *truncated)
{
    struct mpeg_frame frame;
    uint64_t n = 0, lost = 0;

    while (c->size - at >= 4 && lost < MP3_SEARCH_BYTES) {
        if (!mpeg_frame_at(c, at, &frame) || !mpeg_frames_agree(first, &frame)) {
            at++;
            lost++;
            continue;
        }
        lost = 0;
        *truncated = frame.bytes > c->size - at;
        if (*truncated)
            break;
        n++;
        at += frame.bytes;
    }
    return n;
}

/* A frame as encoders put first to state the number of those behind it ("Info"). */
static void state_length(struct vanta_audio_container *out,
                         const struct mpeg_frame *first, uint64_t frames)
{
    size_t side = first->mpeg1 ? (first->mono ? 17 : 32) : (first->mono ? 9 : 17);
    struct mpeg_frame info;
    uint8_t *p = out->prefix;
    unsigned i;

    memset(out->prefix, 0, sizeof out->prefix);
    memcpy(p, first->header, 4);
    p[1] |= 1;                          /* no checksum */
    p[2] = (uint8_t)(9 << 4 | (p[2] & 0x0c)); /* room enough at every rate, no padding */
    if (!mpeg_frame_parse(p, &info) || info.bytes > sizeof out->prefix)
        return;
    memcpy(p + 4 + side, "Info", 4);
    p[4 + side + 7] = 1;
    for (i = 0; i < 4; i++)
        p[4 + side + 8 + i] = (uint8_t)(frames >> (24 - 8 * i));
    out->prefix_bytes = info.bytes;
    out->length_stated = true;
}

static enum vanta_status read_mp3(struct vanta_cursor *c, uint64_t at, uint64_t search,
                                  struct vanta_audio_container *out,
                                  struct vanta_error *err)
{
    uint64_t from = at, frames;
    struct mpeg_frame first;

    while (!mpeg_stream_at(c, at, &first)) {
        if (at - from >= search || c->size - at <= 4)
            return vanta_fail(err, VANTA_ERR_FORMAT, "%s: no sound in it", c->name);
        at++;
    }
    out->kind = VANTA_AUDIO_MP3;
    out->start = at;
    out->length_stated = first.layer == 3 && mpeg_states_length(c, at, &first);
    if (out->length_stated || first.layer != 3)
        return VANTA_OK;
    /* The decoder would estimate from the first frames and stop where the estimate
     * ends, which cuts a recording of changing bit rate. */
    frames = count_frames(c, at, &first, &out->truncated);
    if (frames > 0 && frames <= UINT32_MAX)
        state_length(out, &first, frames);
    return VANTA_OK;
}

/* ---- telling them apart ---- */

/* Tags before the sound: ID3v2, which players put before MP3 and FLAC. */
static enum vanta_status skip_tags(struct vanta_cursor *c, uint64_t *at,
                                   struct vanta_error *err)
{
    unsigned i;

    for (i = 0; i < ID3_TAGS_MAX && c->size - *at >= 10; i++) {
        uint8_t tag[10];
        uint64_t bytes;
        enum vanta_status status = vanta_cursor_seek(c, *at, err);

        if (status == VANTA_OK)
            status = vanta_cursor_bytes(c, tag, sizeof tag, err);
        if (status != VANTA_OK)
            return status;
        if (memcmp(tag, "ID3", 3) != 0 || ((tag[6] | tag[7] | tag[8] | tag[9]) & 0x80))
            return VANTA_OK;
        bytes = 10 + ((uint64_t)tag[6] << 21 | (uint64_t)tag[7] << 14 |
                      (uint64_t)tag[8] << 7 | tag[9]);
        if (tag[5] & 0x10)
            bytes += 10; /* a footer */
        if (bytes > c->size - *at)
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: ends within its tag, before any sound", c->name);
        *at += bytes;
    }
    return VANTA_OK;
}

static enum vanta_status refuse(const struct vanta_cursor *c, const uint8_t *head,
                                struct vanta_error *err)
{
    static const struct {
        uint8_t at, len;
        const char *bytes, *what;
    } known[] = {
        {4, 4, "ftyp", "an MP4 or M4A file"},   {0, 4, "\x1a\x45\xdf\xa3", "a WebM file"},
        {0, 4, "FORM", "an AIFF file"},         {0, 4, "caff", "a CAF file"},
        {0, 4, ".snd", "an AU file"},           {0, 5, "#!AMR", "an AMR file"},
        {0, 4, "wvpk", "a WavPack file"},
        {0, 4, "RIFF", "a RIFF file, but no WAV,"},
        {0, 4, "\x30\x26\xb2\x75", "a WMA file"},
    };
    size_t i;

    for (i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (memcmp(head + known[i].at, known[i].bytes, known[i].len) != 0)
            continue;
        vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s: %s, which is not read here", c->name,
                   known[i].what);
        vanta_hint(err, "Convert it to WAV, FLAC, Ogg or MP3.");
        return VANTA_ERR_UNSUPPORTED;
    }
    vanta_fail(err, VANTA_ERR_FORMAT, "%s: not audio", c->name);
    vanta_hint(err, "WAV, FLAC, Ogg and MP3 are read.");
    return VANTA_ERR_FORMAT;
}

enum vanta_status vanta_audio_container_read(struct vanta_cursor *c,
                                             struct vanta_audio_container *out,
                                             struct vanta_error *err)
{
    uint8_t head[HEAD_BYTES] = {0};
    struct mpeg_frame frame;
    enum vanta_status status;
    uint64_t at = 0;

    memset(out, 0, sizeof *out);
    if (c->size == 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: an empty file", c->name);
    status = skip_tags(c, &at, err);
    if (status == VANTA_OK)
        status = vanta_cursor_seek(c, at, err);
    if (status == VANTA_OK)
        status = vanta_cursor_bytes(
            c, head, c->size - at < HEAD_BYTES ? (size_t)(c->size - at) : HEAD_BYTES,
            err);
    if (status != VANTA_OK)
        return status;
    if (memcmp(head, "fLaC", 4) == 0) {
        out->kind = VANTA_AUDIO_FLAC;
        out->start = at;
        out->length_stated = true;
        return VANTA_OK;
    }
    if (at > 0)
        return read_mp3(c, at, MP3_SEARCH_BYTES, out, err);
    if (memcmp(head + 8, "WAVE", 4) == 0 &&
        (memcmp(head, "RIFF", 4) == 0 || memcmp(head, "RF64", 4) == 0)) {
        out->kind = VANTA_AUDIO_WAV;
        return read_wav(c, head[1] == 'F', out, err);
    }
    if (memcmp(head, "OggS", 4) == 0) {
        out->kind = VANTA_AUDIO_OGG;
        return read_ogg(c, out, err);
    }
    if (mpeg_stream_at(c, 0, &frame))
        return read_mp3(c, 0, 0, out, err);
    return refuse(c, head, err);
}
