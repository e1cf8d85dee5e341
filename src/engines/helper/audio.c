#include "engines/helper/audio.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <samplerate.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "engines/helper/audio_container.h"
#include "engines/helper/audio_halve.h"

#define BLOCK_VALUES VANTA_AUDIO_HALVE_MAX /* floats read at a time, of all channels */
#define RATE_LEAST 1000
#define RATE_MOST 1000000
#define HALVE_FROM_HZ 44100 /* from here on 8 kHz come through the halving whole */
#define HALVES_MAX 5        /* 1 MHz is then 31 kHz */
#define SAMPLES_MAX ((uint64_t)VANTA_AUDIO_HOURS_MAX * 3600 * VANTA_AUDIO_HZ)
/* Float recordings may pass full scale; past this a value is nonsense that would drown
 * its neighbours in the resampler. */
#define VALUE_MOST 16.0f

/* Where libsndfile gets its bytes (it never opens anything itself): the container's
 * prefix, then the file from the container's start on. */
struct source {
    const struct vanta_audio_container *container;
    const uint8_t *data; /* NULL: fd */
    int fd;
    int errnum;           /* of the first read that failed */
    sf_count_t size, pos; /* as libsndfile sees them */
};

struct vanta_audio {
    struct source source;
    struct vanta_audio_container container;
    struct vanta_audio_info info;
    char *name;
    SNDFILE *file;
    struct vanta_audio_halve *halves;
    size_t n_halves;
    double halved_hz;
    SRC_STATE *resampler; /* NULL: the rate is right already */
    int64_t frames;       /* that the header promises, -1: unknown */
    uint64_t frames_read, given;
    bool input_ended, ended;
    size_t mono_pos, mono_len;
    float values[BLOCK_VALUES], mono[BLOCK_VALUES + VANTA_AUDIO_HALVE_REACH];
};

/* ---- libsndfile's way to the bytes ---- */

static sf_count_t source_size(void *user)
{
    return ((struct source *)user)->size;
}

static sf_count_t source_seek(sf_count_t offset, int whence, void *user)
{
    struct source *s = user;
    sf_count_t base = whence == SEEK_CUR ? s->pos : whence == SEEK_END ? s->size : 0;

    /* A hostile header may ask for any offset. */
    if (offset > SF_COUNT_MAX - base || base + offset < 0)
        return -1;
    s->pos = base + offset;
    return s->pos;
}

/* Reads count bytes of the file itself; what is missing at its end is not given. */
static sf_count_t read_file(struct source *s, uint64_t at, uint8_t *out, sf_count_t count)
{
    sf_count_t done = 0;

    if (s->data) {
        memcpy(out, s->data + at, (size_t)count);
        return count;
    }
    while (done < count) {
        ssize_t n = pread(s->fd, out + done, (size_t)(count - done), (off_t)at + done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && !s->errnum)
            s->errnum = errno;
        if (n <= 0)
            break;
        done += n;
    }
    return done;
}

/* Puts the container's patch over what was read from byte `at` of the file on. */
static void apply_patch(const struct vanta_audio_container *container, uint64_t at,
                        uint8_t *bytes, sf_count_t n)
{
    uint64_t i;

    for (i = 0; i < container->patch_bytes; i++) {
        uint64_t place = container->patch_at + i;

        if (place >= at && place - at < (uint64_t)n)
            bytes[place - at] = container->patch[i];
    }
}

static sf_count_t source_read(void *out, sf_count_t count, void *user)
{
    struct source *s = user;
    sf_count_t prefix = (sf_count_t)s->container->prefix_bytes, done = 0;
    uint8_t *bytes = out;

    if (s->pos >= s->size || count <= 0)
        return 0;
    if (count > s->size - s->pos)
        count = s->size - s->pos;
    if (s->pos < prefix) {
        done = count < prefix - s->pos ? count : prefix - s->pos;
        memcpy(bytes, s->container->prefix + s->pos, (size_t)done);
        s->pos += done;
    }
    if (done < count) {
        sf_count_t n = read_file(
            s, s->container->start + (uint64_t)(s->pos - prefix), bytes + done,
            count - done);

        apply_patch(s->container, s->container->start + (uint64_t)(s->pos - prefix),
                    bytes + done, n);
        s->pos += n;
        done += n;
    }
    return done;
}

static sf_count_t source_write(const void *data, sf_count_t count, void *user)
{
    (void)data;
    (void)count;
    (void)user;
    return 0;
}

static sf_count_t source_tell(void *user)
{
    return ((struct source *)user)->pos;
}

/* ---- opening ---- */

static const char *sample_text(int subtype)
{
    static const struct {
        int subtype;
        const char *text;
    } texts[] = {
        {SF_FORMAT_PCM_S8, "8 bit"},     {SF_FORMAT_PCM_U8, "8 bit"},
        {SF_FORMAT_PCM_16, "16 bit"},    {SF_FORMAT_PCM_24, "24 bit"},
        {SF_FORMAT_PCM_32, "32 bit"},    {SF_FORMAT_FLOAT, "float"},
        {SF_FORMAT_DOUBLE, "double"},    {SF_FORMAT_ULAW, "u-law"},
        {SF_FORMAT_ALAW, "A-law"},       {SF_FORMAT_IMA_ADPCM, "ADPCM"},
        {SF_FORMAT_MS_ADPCM, "ADPCM"},   {SF_FORMAT_VORBIS, "Vorbis"},
        {SF_FORMAT_OPUS, "Opus"},        {SF_FORMAT_MPEG_LAYER_I, "layer I"},
        {SF_FORMAT_MPEG_LAYER_II, "layer II"},
        {SF_FORMAT_MPEG_LAYER_III, "layer III"},
    };
    size_t i;

    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].subtype == (subtype & SF_FORMAT_SUBMASK))
            return texts[i].text;
    return "other samples";
}

static bool major_is_read(int format)
{
    switch (format & SF_FORMAT_TYPEMASK) {
    case SF_FORMAT_WAV:
    case SF_FORMAT_WAVEX:
    case SF_FORMAT_RF64:
    case SF_FORMAT_FLAC:
    case SF_FORMAT_OGG:
    case SF_FORMAT_MPEG:
        return true;
    default:
        return false;
    }
}

static void fill_info(struct vanta_audio *a, const SF_INFO *sf)
{
    double rate = sf->samplerate, limit = VANTA_AUDIO_HOURS_MAX * 3600.0 * rate;

    snprintf(a->info.format, sizeof a->info.format, "%s, %s",
             vanta_audio_kind_name(a->container.kind), sample_text(sf->format));
    a->info.rate_hz = (uint32_t)sf->samplerate;
    a->info.channels = (uint32_t)sf->channels;
    a->info.samples = a->info.length_ms = a->frames = -1;
    /* A length beyond all bounds is what a header has whose writer did not know. */
    if (sf->frames < 0 || (double)sf->frames > limit)
        return;
    a->frames = sf->frames;
    a->info.samples = llrint((double)sf->frames * VANTA_AUDIO_HZ / rate);
    a->info.length_ms = llrint((double)sf->frames * 1000 / rate);
}

static enum vanta_status check_shape(const struct vanta_audio *a, const SF_INFO *sf,
                                     struct vanta_error *err)
{
    if (!major_is_read(sf->format)) {
        vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s: not WAV, FLAC, Ogg or MP3", a->name);
        vanta_hint(err, "Convert it to one of them.");
        return VANTA_ERR_UNSUPPORTED;
    }
    if (sf->samplerate < RATE_LEAST || sf->samplerate > RATE_MOST)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: %d Hz; %d to %d are read", a->name,
                          sf->samplerate, RATE_LEAST, RATE_MOST);
    if (sf->channels < 1 || sf->channels > VANTA_AUDIO_CHANNELS_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: %d channels; 1 to %d are read",
                          a->name, sf->channels, VANTA_AUDIO_CHANNELS_MAX);
    return VANTA_OK;
}

/* The resampler's work grows with the rate it comes from, so it gets half of it, or a
 * quarter, from a filter that costs next to nothing. */
static enum vanta_status open_resampler(struct vanta_audio *a, struct vanta_error *err)
{
    int failed = 0;
    size_t i;

    a->halved_hz = a->info.rate_hz;
    if (a->info.rate_hz == VANTA_AUDIO_HZ)
        return VANTA_OK;
    for (; a->halved_hz >= HALVE_FROM_HZ && a->n_halves < HALVES_MAX; a->n_halves++)
        a->halved_hz /= 2;
    a->halves = calloc(a->n_halves ? a->n_halves : 1, sizeof *a->halves);
    a->resampler = src_new(SRC_SINC_MEDIUM_QUALITY, 1, &failed);
    if (!a->halves || !a->resampler)
        return vanta_fail_memory(err);
    for (i = 0; i < a->n_halves; i++)
        vanta_audio_halve_start(&a->halves[i]);
    return VANTA_OK;
}

static enum vanta_status open_decoder(struct vanta_audio *a, struct vanta_error *err)
{
    SF_VIRTUAL_IO io = {source_size, source_seek, source_read, source_write, source_tell};
    SF_INFO sf = {0};
    enum vanta_status status;

    a->file = sf_open_virtual(&io, SFM_READ, &sf, &a->source);
    if (a->source.errnum)
        return vanta_fail_errno(err, a->source.errnum, "%s: cannot be read", a->name);
    if (!a->file) {
        bool unknown = sf_error(NULL) == SF_ERR_UNSUPPORTED_ENCODING;

        vanta_fail(err, unknown ? VANTA_ERR_UNSUPPORTED : VANTA_ERR_FORMAT,
                   "%s: looks like %s, but cannot be decoded: %s", a->name,
                   vanta_audio_kind_name(a->container.kind), sf_strerror(NULL));
        vanta_hint(err, "Play it elsewhere to see whether it is whole, or convert it to "
                        "FLAC.");
        return unknown ? VANTA_ERR_UNSUPPORTED : VANTA_ERR_FORMAT;
    }
    status = check_shape(a, &sf, err);
    if (status != VANTA_OK)
        return status;
    fill_info(a, &sf);
    return open_resampler(a, err);
}

/* Takes over fd (-1 when there is data). */
static enum vanta_status open_source(int fd, const void *data, uint64_t size,
                                     const char *name, struct vanta_audio **out,
                                     struct vanta_error *err)
{
    struct vanta_audio *a = calloc(1, sizeof *a);
    struct vanta_cursor c;
    enum vanta_status status;

    if (!a) {
        if (fd >= 0)
            close(fd);
        return vanta_fail_memory(err);
    }
    a->source = (struct source){.container = &a->container, .data = data, .fd = fd};
    a->name = vanta_strdup(name);
    if (!a->name) {
        status = vanta_fail_memory(err);
        goto out;
    }
    if (data) {
        vanta_cursor_memory(&c, data, (size_t)size, a->name);
        status = VANTA_OK;
    } else {
        status = vanta_cursor_file(&c, fd, a->name, err);
    }
    if (status == VANTA_OK) {
        status = vanta_audio_container_read(&c, &a->container, err);
        vanta_cursor_close(&c);
    }
    if (status == VANTA_OK) {
        a->source.size =
            (sf_count_t)(size - a->container.start + a->container.prefix_bytes);
        status = open_decoder(a, err);
    }
out:
    if (status != VANTA_OK) {
        vanta_audio_close(a);
        a = NULL;
    }
    *out = a;
    return status;
}

enum vanta_status vanta_audio_open_memory(const void *data, size_t len, const char *name,
                                          struct vanta_audio **out,
                                          struct vanta_error *err)
{
    return open_source(-1, data ? data : "", len, name, out, err);
}

enum vanta_status vanta_audio_open_fd(int fd, const char *name, struct vanta_audio **out,
                                      struct vanta_error *err)
{
    enum vanta_status status;
    struct stat st;

    *out = NULL;
    if (fstat(fd, &st) != 0) {
        status = vanta_fail_errno(err, errno, "%s", name);
        goto out;
    }
    if (S_ISREG(st.st_mode))
        return open_source(fd, NULL, (uint64_t)st.st_size, name, out, err);
    if (S_ISDIR(st.st_mode)) {
        status = vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s: a folder, not a recording",
                            name);
    } else {
        status = vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                            "%s: a pipe or device, not a file", name);
        vanta_hint(err, "Save the recording to a file first.");
    }
out:
    close(fd);
    return status;
}

enum vanta_status vanta_audio_open(const char *path, struct vanta_audio **out,
                                   struct vanta_error *err)
{
    /* Without O_NONBLOCK the open of a named pipe would wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *out = NULL;
    if (fd < 0)
        return vanta_fail_errno(err, errno, "%s", path);
    return vanta_audio_open_fd(fd, path, out, err);
}

void vanta_audio_close(struct vanta_audio *audio)
{
    if (!audio)
        return;
    if (audio->file)
        sf_close(audio->file);
    if (audio->resampler)
        src_delete(audio->resampler);
    if (audio->source.fd >= 0)
        close(audio->source.fd);
    free(audio->halves);
    free(audio->name);
    free(audio);
}

const struct vanta_audio_info *vanta_audio_info(const struct vanta_audio *audio)
{
    return &audio->info;
}

void vanta_audio_keep_rate(struct vanta_audio *audio)
{
    if (audio->resampler)
        src_delete(audio->resampler);
    audio->resampler = NULL;
    audio->n_halves = 0;
    audio->info.samples = audio->frames;
}

/* ---- reading ---- */

static float bounded(float value, float most)
{
    if (!isfinite(value))
        return 0;
    return value > most ? most : value < -most ? -most : value;
}

/* Reads at most max frames and mixes them into a->mono; 0 at the recording's end. */
static enum vanta_status read_frames(struct vanta_audio *a, size_t max, size_t *got,
                                     struct vanta_error *err)
{
    size_t channels = a->info.channels, most = BLOCK_VALUES / channels, i, k;
    sf_count_t n;

    *got = 0;
    n = sf_readf_float(a->file, a->values, (sf_count_t)(max < most ? max : most));
    if (a->source.errnum)
        return vanta_fail_errno(err, a->source.errnum, "%s: cannot be read on", a->name);
    if (n <= 0)
        return VANTA_OK;
    for (i = 0; i < (size_t)n; i++) {
        float sum = 0;

        for (k = 0; k < channels; k++)
            sum += bounded(a->values[i * channels + k], VALUE_MOST);
        a->mono[i] = sum / (float)channels;
    }
    a->frames_read += (uint64_t)n;
    *got = (size_t)n;
    return VANTA_OK;
}

/* Fills a->mono with what comes of at most max frames; nothing is left in it only at the
 * end. */
static enum vanta_status read_mono(struct vanta_audio *a, size_t max,
                                   struct vanta_error *err)
{
    enum vanta_status status;
    size_t n, i;

    a->mono_pos = a->mono_len = 0;
    while (a->mono_len == 0 && !a->input_ended) {
        status = read_frames(a, max, &n, err);
        if (status != VANTA_OK)
            return status;
        a->input_ended = n == 0;
        for (i = 0; i < a->n_halves; i++)
            n = vanta_audio_halve(&a->halves[i], a->mono, n, a->input_ended);
        a->mono_len = n;
    }
    return VANTA_OK;
}

/* As much as one step gives, 0 only at the end. */
static enum vanta_status resample(struct vanta_audio *a, float *out, size_t max,
                                  size_t *got, struct vanta_error *err)
{
    SRC_DATA d = {.src_ratio = VANTA_AUDIO_HZ / a->halved_hz,
                  .data_out = out,
                  .output_frames = (long)max};
    int failed;

    for (;;) {
        if (a->mono_pos == a->mono_len) {
            enum vanta_status status = read_mono(a, BLOCK_VALUES, err);

            if (status != VANTA_OK)
                return status;
        }
        d.data_in = a->mono + a->mono_pos;
        d.input_frames = (long)(a->mono_len - a->mono_pos);
        d.end_of_input = a->input_ended;
        failed = src_process(a->resampler, &d);
        if (failed)
            return vanta_fail(err, VANTA_ERR_INTERNAL, "%s: resampling: %s", a->name,
                              src_strerror(failed));
        a->mono_pos += (size_t)d.input_frames_used;
        *got = (size_t)d.output_frames_gen;
        if (*got || a->input_ended)
            return VANTA_OK;
        if (d.input_frames_used == 0)
            return vanta_fail(err, VANTA_ERR_INTERNAL, "%s: resampling stands still",
                              a->name);
    }
}

enum vanta_status vanta_audio_read(struct vanta_audio *audio, float *samples, size_t max,
                                   size_t *got, struct vanta_error *err)
{
    size_t done = 0, step = 0, i;

    *got = 0;
    while (done < max && !audio->ended) {
        enum vanta_status status;
        size_t left = max - done < BLOCK_VALUES ? max - done : BLOCK_VALUES;

        if (audio->resampler) {
            status = resample(audio, samples + done, left, &step, err);
        } else {
            status = read_mono(audio, left, err);
            step = audio->mono_len;
            memcpy(samples + done, audio->mono, step * sizeof *samples);
        }
        if (status != VANTA_OK)
            return status;
        for (i = 0; i < step; i++)
            samples[done + i] = bounded(samples[done + i], 1.0f);
        audio->ended = step == 0;
        audio->given += step;
        done += step;
        if (audio->given > SAMPLES_MAX)
            return vanta_fail(err, VANTA_ERR_LIMIT, "%s: longer than %d hours",
                              audio->name, VANTA_AUDIO_HOURS_MAX);
    }
    *got = done;
    return VANTA_OK;
}

bool vanta_audio_truncated(const struct vanta_audio *audio)
{
    if (!audio->input_ended)
        return false;
    if (audio->container.truncated || sf_error(audio->file) != SF_ERR_NO_ERROR)
        return true;
    /* Without a length in the file an MP3's is an estimate. */
    return audio->container.length_stated && audio->frames >= 0 &&
           audio->frames_read < (uint64_t)audio->frames;
}

/* ---- what the samples are like ---- */

/* At 16 bit the loudest sample is 32767/32768; resampling moves it a little. */
#define FULL_SCALE 0.999f

void vanta_audio_stats_start(struct vanta_audio_stats *stats)
{
    memset(stats, 0, sizeof *stats);
}

static void end_frame(struct vanta_audio_stats *s)
{
    double limit = (double)VANTA_AUDIO_SILENCE_RMS * VANTA_AUDIO_SILENCE_RMS;

    if (!s->frame_fill)
        return;
    if (s->frame_energy / s->frame_fill >= limit) {
        s->heard = true;
        s->trailing_silence = 0;
    } else {
        s->trailing_silence += s->frame_fill;
        if (!s->heard)
            s->leading_silence += s->frame_fill;
    }
    s->energy += s->frame_energy;
    s->frame_energy = 0;
    s->frame_fill = 0;
}

void vanta_audio_stats_add(struct vanta_audio_stats *stats, const float *samples,
                           size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        float size = fabsf(samples[i]);

        if (size > stats->peak)
            stats->peak = size;
        stats->clipped += size >= FULL_SCALE;
        stats->frame_energy += (double)size * size;
        if (++stats->frame_fill == VANTA_AUDIO_FRAME)
            end_frame(stats);
    }
    stats->samples += n;
}

void vanta_audio_stats_end(struct vanta_audio_stats *stats)
{
    end_frame(stats);
    stats->rms =
        stats->samples ? (float)sqrt(stats->energy / (double)stats->samples) : 0;
}

bool vanta_audio_stats_silent(const struct vanta_audio_stats *stats)
{
    return !stats->heard;
}
