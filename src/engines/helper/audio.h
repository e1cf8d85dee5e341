/*
 * audio.h - recordings as the speech models want them: 16 kHz, one channel, f32.
 *
 * Reads WAV (8, 16, 24, 32 bit, float, A-law, u-law, ADPCM; RF64 too), FLAC, Ogg (Vorbis,
 * Opus) and MP3 of any rate and number of channels from a file or from memory, mixes the
 * channels down, resamples, and gives blocks. Not responsible for: recording, playing,
 * writing, finding speech, or what the words are.
 *
 *     struct vanta_audio *audio = NULL;
 *     status = vanta_audio_open("talk.mp3", &audio, err);
 *     vanta_audio_stats_start(&stats);
 *     while ((status = vanta_audio_read(audio, block, n, &got, err)) == VANTA_OK && got)
 *         vanta_audio_stats_add(&stats, block, got);
 *     vanta_audio_stats_end(&stats);
 *     if (vanta_audio_truncated(audio)) ...
 *     vanta_audio_close(audio);
 *
 * Samples are finite and within -1 to 1. The first sample given is the recording's first
 * moment: sample i is at i / 16000 s.
 *
 * Limits: rates of 1 kHz to 1 MHz, VANTA_AUDIO_CHANNELS_MAX channels, a recording of
 * VANTA_AUDIO_HOURS_MAX. Memory: under 1 MB and what the decoder keeps, whatever the
 * length. Other containers that libsndfile knows are refused before it sees them.
 *
 * Statuses: VANTA_ERR_FORMAT (empty file, not audio, damaged so that nothing can be
 * read), VANTA_ERR_UNSUPPORTED (audio of a kind that is not read here, a pipe),
 * VANTA_ERR_LIMIT, VANTA_ERR_NOT_FOUND, VANTA_ERR_IO, VANTA_ERR_NO_MEMORY. After a failed
 * open *out is NULL; after a failed read only close is left to do.
 * A recording that ends too early is no failure: what is there is given, then the end,
 * and vanta_audio_truncated says so. One with no sample at all gives the end at once.
 *
 * One thread at a time for each struct. Cost: opening reads headers (an MP3 with no
 * length in its header is walked through once, without decoding).
 * Libraries: libsndfile 1.1 or newer, libsamplerate.
 */
#ifndef VANTA_ENGINES_HELPER_AUDIO_H
#define VANTA_ENGINES_HELPER_AUDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

#define VANTA_AUDIO_HZ 16000
#define VANTA_AUDIO_CHANNELS_MAX 64
#define VANTA_AUDIO_HOURS_MAX 100

struct vanta_audio;

struct vanta_audio_info {
    char format[64];  /* for people: "FLAC, 24 bit" */
    uint32_t rate_hz; /* as recorded */
    uint32_t channels;
    int64_t samples; /* that will be given, to within a few; -1: unknown */
    int64_t length_ms; /* -1: unknown */
};

/* path must be a regular file. */
enum vanta_status vanta_audio_open(const char *path, struct vanta_audio **out,
                                   struct vanta_error *err);
/* Reads fd (a regular file, from its first byte, by pread) and closes it in the end, also
 * when this fails; name is for messages. */
enum vanta_status vanta_audio_open_fd(int fd, const char *name, struct vanta_audio **out,
                                      struct vanta_error *err);
/* data stays the caller's and has to stay where it is until the close. */
enum vanta_status vanta_audio_open_memory(const void *data, size_t len, const char *name,
                                          struct vanta_audio **out,
                                          struct vanta_error *err);
/* NULL is fine. */
void vanta_audio_close(struct vanta_audio *audio);

/* Valid until the close. */
const struct vanta_audio_info *vanta_audio_info(const struct vanta_audio *audio);

/* Before the first read: samples come at info's rate_hz, not at 16 kHz, for listeners with
 * a resampler of their own. */
void vanta_audio_keep_rate(struct vanta_audio *audio);

/* Gives 1 to max samples (fewer than max only at the end), or *got 0 at the end, again
 * and again. max has to be at least 1. */
enum vanta_status vanta_audio_read(struct vanta_audio *audio, float *samples, size_t max,
                                   size_t *got, struct vanta_error *err);

/* Whether the recording holds less than it says: known when read has given the end. */
bool vanta_audio_truncated(const struct vanta_audio *audio);

/* ---- what the samples are like ---- */

#define VANTA_AUDIO_FRAME 160 /* samples (10 ms) by which silence is judged */

/* Below -50 dB of full scale a frame is silent. */
#define VANTA_AUDIO_SILENCE_RMS 0.00316f

struct vanta_audio_stats {
    uint64_t samples;
    uint64_t clipped;          /* samples at full scale */
    uint64_t leading_silence;  /* samples; all of them when nothing is heard */
    uint64_t trailing_silence; /* as leading_silence */
    float peak;                /* 0 to 1 */
    float rms;                 /* over everything; valid after vanta_audio_stats_end */
    /* Private: */
    double energy, frame_energy;
    uint32_t frame_fill;
    bool heard;
};

void vanta_audio_stats_start(struct vanta_audio_stats *stats);
void vanta_audio_stats_add(struct vanta_audio_stats *stats, const float *samples,
                           size_t n);
void vanta_audio_stats_end(struct vanta_audio_stats *stats);
/* Whether no frame is louder than silence (no sample at all counts as silent). */
bool vanta_audio_stats_silent(const struct vanta_audio_stats *stats);

#endif
