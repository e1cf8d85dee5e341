#include "engines/helper/xtts_clone.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "engines/helper/audio.h"
#include "engines/helper/xtts_clone_private.h"
#include "engines/helper/xtts_resample.h"
#include "engines/helper/xtts_share.h"

#define PEAK 0.75F /* where recordings are normalized */
#define READ_BLOCK ((size_t)1 << 16)
#define RECORDING_HINT \
    "Take 6 seconds or more of clear speech of one voice, without music or echo."

size_t vanta_xtts_voice_floats(const struct vanta_xtts_sizes *sizes)
{
    return (size_t)sizes->latents * sizes->width + sizes->speaker_width;
}

/* ---- what the parts share ---- */

enum vanta_status clone_check(const struct clone_run *run, struct vanta_error *err)
{
    return run->cancel != NULL && *run->cancel
               ? vanta_fail(err, VANTA_ERR_CANCELLED, "listening was stopped")
               : VANTA_OK;
}

struct sharing {
    const struct clone_run *run;
    const struct xtts_weights *w;
    const struct vanta_xtts_conv *conv;
};

static void run_rows(void *user, size_t low, size_t high)
{
    const struct sharing *s = user;
    struct vanta_xtts_conv part = *s->conv;

    part.x += low * part.row;
    part.rows = high - low;
    part.residual = part.residual != NULL ? part.residual + low * part.ldo : NULL;
    part.out = part.out != NULL ? part.out + low * part.ldo : NULL;
    part.leaky = part.leaky != NULL ? part.leaky + low * part.ldo : NULL;
    xtts_weights_run(s->w, s->run->kernel, part);
}

void clone_layer(const struct clone_run *run, const struct xtts_weights *w,
                 const struct vanta_xtts_conv *conv)
{
    struct sharing sharing = {run, w, conv};

    xtts_share(run->threads, conv->rows, run_rows, &sharing);
}

enum vanta_status clone_matrix(const struct clone_run *run, uint32_t columns,
                               uint32_t rows, float **out, struct vanta_error *err,
                               const char *format, ...)
{
    int64_t extents[] = {columns, rows};
    struct vanta_xtts_tensor t;
    enum vanta_status status;
    char name[64];
    va_list args;

    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    *out = NULL;
    status = vanta_xtts_tensor(run->file, XTTS_F32, 2, extents, &t, err, "%s", name);
    if (status != VANTA_OK)
        return status;
    *out = malloc(t.bytes);
    if (*out == NULL)
        return vanta_fail_memory(err);
    memcpy(*out, t.data, t.bytes);
    return VANTA_OK;
}

/* ---- recordings ---- */

static enum vanta_status check_recordings(const struct vanta_xtts_file *file,
                                          const struct vanta_xtts_recording *recordings,
                                          size_t n, struct vanta_error *err)
{
    double seconds = 0;

    if (n == 0 || n > VANTA_XTTS_CLONE_FILES_MAX)
        return vanta_fail(err, VANTA_ERR_USAGE, "%zu recordings of a voice; 1 to %d can "
                          "be used", n, VANTA_XTTS_CLONE_FILES_MAX);
    for (size_t i = 0; i < n; i++)
        seconds += (double)recordings[i].count / file->sizes.input_hz;
    if (seconds * 1000 < VANTA_XTTS_CLONE_LEAST_MS) {
        vanta_fail(err, VANTA_ERR_CHECK, "%.2f s of recording: too short for a voice",
                   seconds);
        vanta_hint(err, RECORDING_HINT);
        return VANTA_ERR_CHECK;
    }
    for (size_t i = 0; i < n; i++) {
        struct vanta_audio_stats stats;

        vanta_audio_stats_start(&stats);
        vanta_audio_stats_add(&stats, recordings[i].samples, recordings[i].count);
        vanta_audio_stats_end(&stats);
        if (!vanta_audio_stats_silent(&stats))
            continue;
        vanta_fail(err, VANTA_ERR_CHECK, "recording %zu is silent: its peak is %.4f of "
                   "full scale", i + 1, (double)stats.peak);
        vanta_hint(err, RECORDING_HINT);
        return VANTA_ERR_CHECK;
    }
    return VANTA_OK;
}

/* As the models want it: at most reference_seconds, perhaps at a certain loudness. */
static size_t copy_recording(const struct vanta_xtts_sizes *s,
                             const struct vanta_xtts_recording *r, float *out)
{
    size_t most = (size_t)s->input_hz * s->reference_seconds;
    size_t n = r->count < most ? r->count : most;
    float peak = 0;

    memcpy(out, r->samples, n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        peak = fabsf(out[i]) > peak ? fabsf(out[i]) : peak;
    for (size_t i = 0; s->normalize && peak > 0 && i < n; i++)
        out[i] = out[i] / peak * PEAK;
    return n;
}

/* Recordings too short for a spectrogram say nothing of the voice alone. */
static enum vanta_status embed(const struct clone_run *run, const float *all,
                               const size_t *counts, size_t n, float *embedding,
                               struct vanta_error *err)
{
    uint32_t width = run->file->sizes.speaker_width;
    size_t least = run->file->sizes.input_hz / 4, used = 0;
    float *one = malloc(width * sizeof *one);
    enum vanta_status status = one != NULL ? VANTA_OK : vanta_fail_memory(err);

    memset(embedding, 0, width * sizeof *embedding);
    for (size_t i = 0; status == VANTA_OK && i < n; all += counts[i++]) {
        if (counts[i] < least)
            continue;
        status = clone_speaker(run, all, counts[i], one, err);
        for (uint32_t k = 0; status == VANTA_OK && k < width; k++)
            embedding[k] += one[k];
        used++;
    }
    for (uint32_t k = 0; k < width && used > 0; k++)
        embedding[k] /= (float)used;
    free(one);
    if (status == VANTA_OK && used == 0) {
        vanta_fail(err, VANTA_ERR_CHECK, "no recording is as long as a quarter of a "
                   "second");
        vanta_hint(err, RECORDING_HINT);
        return VANTA_ERR_CHECK;
    }
    return status;
}

static enum vanta_status check_voice(const struct vanta_xtts_file *file,
                                     const float *voice, struct vanta_error *err)
{
    for (size_t i = 0; i < vanta_xtts_voice_floats(&file->sizes); i++)
        if (!isfinite(voice[i]))
            return vanta_fail(err, VANTA_ERR_CHECK, "%s: a voice of values that are no "
                              "numbers: the model is damaged", file->path);
    return VANTA_OK;
}

enum vanta_status vanta_xtts_clone(const struct vanta_xtts_file *file,
                                   const struct vanta_xtts_recording *recordings, size_t n,
                                   const struct vanta_xtts_clone_options *options,
                                   float *voice, struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &file->sizes;
    struct clone_run run = {file, vanta_xtts_kernel_best(), options->threads,
                            options->cancel};
    size_t counts[VANTA_XTTS_CLONE_FILES_MAX], total = 0;
    enum vanta_status status = check_recordings(file, recordings, n, err);
    float *all = NULL;

    for (size_t i = 0; status == VANTA_OK && i < n; i++)
        total += recordings[i].count;
    if (status == VANTA_OK && (all = malloc(total * sizeof *all)) == NULL)
        status = vanta_fail_memory(err);
    total = 0;
    for (size_t i = 0; status == VANTA_OK && i < n; i++) {
        counts[i] = copy_recording(s, &recordings[i], all + total);
        total += counts[i];
    }
    if (status == VANTA_OK)
        status = embed(&run, all, counts, n, voice + (size_t)s->latents * s->width, err);
    if (status == VANTA_OK)
        status = clone_latents(&run, all, total, voice, err);
    free(all);
    return status == VANTA_OK ? check_voice(file, voice, err) : status;
}

/* ---- files ---- */

/* All of a recording that counts, at its own rate. */
static enum vanta_status read_audio(struct vanta_audio *audio, uint32_t seconds,
                                    float **out, size_t *count, struct vanta_error *err)
{
    const struct vanta_audio_info *info = vanta_audio_info(audio);
    size_t most = (size_t)info->rate_hz * (seconds + 1), room = 0, got = 1;
    enum vanta_status status = VANTA_OK;

    *out = NULL;
    *count = 0;
    vanta_audio_keep_rate(audio);
    while (status == VANTA_OK && got > 0 && *count < most) {
        if (room - *count < READ_BLOCK) {
            float *more = realloc(*out, (room + room / 2 + READ_BLOCK) * sizeof *more);
            if (more == NULL)
                return vanta_fail_memory(err);
            *out = more;
            room += room / 2 + READ_BLOCK;
        }
        status = vanta_audio_read(audio, *out + *count,
                                  most - *count < READ_BLOCK ? most - *count : READ_BLOCK,
                                  &got, err);
        *count += got;
    }
    return status;
}

static enum vanta_status read_recording(const struct vanta_xtts_file *file,
                                        const char *path, struct vanta_xtts_recording *out,
                                        struct vanta_error *err)
{
    struct vanta_audio *audio = NULL;
    float *recorded = NULL, *samples;
    size_t count = 0;
    enum vanta_status status = vanta_audio_open(path, &audio, err);

    if (status == VANTA_OK)
        status = read_audio(audio, file->sizes.reference_seconds, &recorded, &count, err);
    if (status == VANTA_OK) {
        samples = vanta_xtts_resample(recorded, count, vanta_audio_info(audio)->rate_hz,
                                      file->sizes.input_hz, &out->count);
        out->samples = samples;
        if (samples == NULL)
            status = vanta_fail_memory(err);
        for (size_t i = 0; samples != NULL && i < out->count; i++)
            samples[i] = samples[i] > 1 ? 1 : samples[i] < -1 ? -1 : samples[i];
    }
    free(recorded);
    vanta_audio_close(audio);
    return status;
}

enum vanta_status vanta_xtts_clone_files(const struct vanta_xtts_file *file,
                                         const char *const *paths, size_t n,
                                         const struct vanta_xtts_clone_options *options,
                                         float *voice, double *seconds,
                                         struct vanta_error *err)
{
    struct vanta_xtts_recording recordings[VANTA_XTTS_CLONE_FILES_MAX] = {{0}};
    double most = file->sizes.reference_seconds;
    enum vanta_status status = VANTA_OK;

    *seconds = 0;
    for (size_t i = 0; status == VANTA_OK && i < n && i < VANTA_XTTS_CLONE_FILES_MAX; i++) {
        status = read_recording(file, paths[i], &recordings[i], err);
        *seconds += fmin((double)recordings[i].count / file->sizes.input_hz, most);
    }
    if (status == VANTA_OK)
        status = vanta_xtts_clone(file, recordings, n, options, voice, err);
    for (size_t i = 0; i < VANTA_XTTS_CLONE_FILES_MAX; i++)
        free((void *)(uintptr_t)recordings[i].samples);
    return status;
}

/* ---- built-in voices ---- */

static enum vanta_status no_such_voice(const struct vanta_xtts_file *file,
                                       const char *name, struct vanta_error *err)
{
    const char *names[XTTS_SPEAKERS_MAX], *nearest;

    for (uint32_t i = 0; i < file->sizes.speakers; i++)
        names[i] = vanta_xtts_file_speaker(file, i);
    nearest = vanta_nearest(name, names, file->sizes.speakers);
    vanta_fail(err, VANTA_ERR_NOT_FOUND, "there is no voice \"%s\"", name);
    if (nearest != NULL)
        vanta_hint(err, "Did you mean \"%s\"?", nearest);
    return VANTA_ERR_NOT_FOUND;
}

enum vanta_status vanta_xtts_voice_builtin(const struct vanta_xtts_file *file,
                                           const char *name, float *voice,
                                           struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &file->sizes;
    size_t own = (size_t)s->latents * s->width;
    struct vanta_xtts_tensor latents, embeddings;
    enum vanta_status status;
    uint32_t i = 0;

    while (i < s->speakers && !vanta_streq_nocase(vanta_xtts_file_speaker(file, i), name))
        i++;
    if (i == s->speakers)
        return no_such_voice(file, name, err);
    status = vanta_xtts_tensor(file, XTTS_F32, 3,
                               (int64_t[]){s->width, s->latents, s->speakers}, &latents,
                               err, "speakers.latents");
    if (status == VANTA_OK)
        status = vanta_xtts_tensor(file, XTTS_F32, 2,
                                   (int64_t[]){s->speaker_width, s->speakers}, &embeddings,
                                   err, "speakers.embeddings");
    if (status != VANTA_OK)
        return status;
    vanta_xtts_tensor_floats(&latents, i * own, own, voice);
    vanta_xtts_tensor_floats(&embeddings, (size_t)i * s->speaker_width, s->speaker_width,
                             voice + own);
    return check_voice(file, voice, err);
}
