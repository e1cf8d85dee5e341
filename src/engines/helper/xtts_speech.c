/* Latents as they come, stretched into frames; chunks of frames on threads. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engines/helper/xtts_vocoder_private.h"

#define CHUNK_FRAMES 64
#define CHUNK_LEAST 16   /* while latents come: less is not worth its context */
#define SPEED_LEAST 0.05F
#define LEVELS_MAX 3     /* of stretching: speed, codes to frames, rate to rate */
#define THREADS_MAX 64

/* One stretching of rows along time by a factor, as PyTorch's interpolate(mode linear,
 * align_corners off) does it when the factor is given: in float where it has floats. */
struct level {
    double factor;
    float step; /* 1 / factor */
};

struct stretch {
    struct level level[LEVELS_MAX];
    int levels;
};

struct worker {
    struct vanta_xtts_speech *speech;
    pthread_t thread;
    bool started;
    struct vocoder_scratch scratch;
    float *samples; /* of a chunk */
    float *rows[LEVELS_MAX]; /* of frames in the making */
};

struct vanta_xtts_speech {
    const struct vanta_xtts_vocoder *vocoder;
    struct vocoder_voice voice;
    struct stretch stretch;
    vanta_xtts_sink *sink;
    void *user;
    uint32_t chunk;
    unsigned threads;
    struct worker *workers; /* threads of them, or one that the caller is */
    float *latents;         /* room for every code there can be */

    pthread_mutex_t lock;   /* of what follows */
    pthread_cond_t changed;
    size_t count;           /* latents that have come */
    bool ended, stopped;    /* no more will come; give up */
    int64_t next;           /* first frame that no worker has taken */
    int64_t given;          /* frames that the sink has had */
    enum vanta_status status;
};

/* ---- from latents to frames ---- */

static void stretch_start(const struct vanta_xtts_sizes *sizes, float speed,
                          struct stretch *s)
{
    double factor[LEVELS_MAX] = {
        1.0 / (double)(speed > SPEED_LEAST ? speed : SPEED_LEAST),
        (double)sizes->code_stride / sizes->hop,
        (double)sizes->output_hz / sizes->input_hz,
    };

    s->levels = 0;
    for (int i = 0; i < LEVELS_MAX; i++)
        if (factor[i] != 1.0)
            s->level[s->levels++] =
                (struct level){.factor = factor[i], .step = (float)(1.0 / factor[i])};
}

static int64_t level_rows(const struct level *level, int64_t rows)
{
    return (int64_t)floor((double)rows * level->factor);
}

static int64_t stretch_rows(const struct stretch *s, int64_t latents)
{
    for (int i = 0; i < s->levels; i++)
        latents = level_rows(&s->level[i], latents);
    return latents;
}

/* The row before the place that output row i comes from, and how far behind it that is. */
static int64_t level_source(const struct level *level, int64_t i, float *part)
{
    float at = level->step * ((float)i + 0.5F) - 0.5F;
    int64_t row;

    at = at > 0 ? at : 0;
    row = (int64_t)at;
    *part = at - (float)row;
    return row;
}

/* Frames that no later latent changes, of so many latents. */
static int64_t stretch_settled(const struct stretch *s, int64_t latents)
{
    for (int i = 0; i < s->levels; i++) {
        int64_t rows = level_rows(&s->level[i], latents);
        float part;

        while (rows > 0 && level_source(&s->level[i], rows - 1, &part) + 1 >= latents)
            rows--;
        latents = rows;
    }
    return latents;
}

/* Row i behind `levels` levels, of which there are total[levels]. */
static void make_row(const struct vanta_xtts_speech *speech, struct worker *w, int levels,
                     const int64_t *total, int64_t i, float *out)
{
    size_t width = speech->vocoder->sizes.vocoder_width;
    float part;
    int64_t row, after;

    if (levels == 0) {
        memcpy(out, speech->latents + (size_t)i * width, width * sizeof *out);
        return;
    }
    row = level_source(&speech->stretch.level[levels - 1], i, &part);
    row = row < total[levels - 1] ? row : total[levels - 1] - 1;
    after = row + 1 < total[levels - 1] ? row + 1 : row;
    make_row(speech, w, levels - 1, total, row, out);
    make_row(speech, w, levels - 1, total, after, w->rows[levels - 1]);
    speech->vocoder->kernel->mix(out, w->rows[levels - 1], part, width, out);
}

static void make_frames(struct worker *w, int64_t low, int64_t high, size_t latents,
                        int64_t end)
{
    const struct vanta_xtts_speech *speech = w->speech;
    size_t width = speech->vocoder->sizes.vocoder_width;
    int64_t total[LEVELS_MAX + 1] = {(int64_t)latents};
    struct vocoder_plan plan;

    for (int i = 0; i < speech->stretch.levels; i++)
        total[i + 1] = level_rows(&speech->stretch.level[i], total[i]);
    vocoder_plan(speech->vocoder, low, high, &plan);
    for (int64_t t = plan.frames.low; t < plan.frames.high; t++) {
        float *out = w->scratch.frames + (size_t)(t - plan.frames.low) * width;
        if (t < 0 || t >= end)
            memset(out, 0, width * sizeof *out);
        else
            make_row(speech, w, speech->stretch.levels, total, t, out);
    }
}

/* ---- chunks ---- */

struct chunk {
    int64_t low, high;
    int64_t end; /* frames of the utterance, or VOCODER_ENDLESS */
    size_t latents;
};

/* Takes the next frames that can be worked out; the lock is held. */
static bool take_chunk(struct vanta_xtts_speech *s, struct chunk *out)
{
    int64_t end = stretch_rows(&s->stretch, (int64_t)s->count);
    int64_t settled = stretch_settled(&s->stretch, (int64_t)s->count);
    int64_t ready = s->ended ? end : settled - (int64_t)s->vocoder->context;
    int64_t n = ready - s->next;

    if (n <= 0 || (!s->ended && n < CHUNK_LEAST && n < s->chunk))
        return false;
    n = n > s->chunk ? s->chunk : n;
    *out = (struct chunk){s->next, s->next + n, s->ended ? end : VOCODER_ENDLESS,
                          s->count};
    s->next += n;
    return true;
}

static bool all_finite(const float *samples, size_t n)
{
    float sum = 0; /* within -1 to 1, or not a number */

    for (size_t i = 0; i < n; i++)
        sum += samples[i] * 0;
    return sum == 0;
}

/* Works a chunk out and, when its turn has come, gives it to the sink. The lock is held
 * before and after. */
static void run_chunk(struct worker *w, const struct chunk *c)
{
    struct vanta_xtts_speech *s = w->speech;
    size_t count = (size_t)(c->high - c->low) * s->vocoder->sizes.hop;
    bool fine;

    pthread_mutex_unlock(&s->lock);
    make_frames(w, c->low, c->high, c->latents, c->end);
    vocoder_run(s->vocoder, &s->voice, &w->scratch, c->low, c->high, c->end, w->samples);
    fine = all_finite(w->samples, count);
    pthread_mutex_lock(&s->lock);
    while (!s->stopped && s->given < c->low)
        pthread_cond_wait(&s->changed, &s->lock);
    if (!s->stopped && !fine)
        s->status = VANTA_ERR_CHECK;
    if (!s->stopped && fine) {
        pthread_mutex_unlock(&s->lock);
        fine = s->sink(s->user, w->samples, count);
        pthread_mutex_lock(&s->lock);
        if (!fine && s->status == VANTA_OK)
            s->status = VANTA_ERR_CANCELLED;
    }
    s->given = c->high;
    s->stopped = s->stopped || s->status != VANTA_OK;
    pthread_cond_broadcast(&s->changed);
}

static void *work(void *user)
{
    struct worker *w = user;
    struct vanta_xtts_speech *s = w->speech;
    struct chunk chunk;

    pthread_mutex_lock(&s->lock);
    while (!s->stopped) {
        if (take_chunk(s, &chunk))
            run_chunk(w, &chunk);
        else if (s->ended)
            break;
        else
            pthread_cond_wait(&s->changed, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* The caller is the worker. */
static void work_here(struct vanta_xtts_speech *s)
{
    struct chunk chunk;

    pthread_mutex_lock(&s->lock);
    while (!s->stopped && take_chunk(s, &chunk))
        run_chunk(&s->workers[0], &chunk);
    pthread_mutex_unlock(&s->lock);
}

/* ---- an utterance ---- */

static enum vanta_status make_worker(struct vanta_xtts_speech *s, struct worker *w,
                                     struct vanta_error *err)
{
    const struct vanta_xtts_sizes *sizes = &s->vocoder->sizes;
    enum vanta_status status;

    w->speech = s;
    w->samples = xtts_floats((size_t)s->chunk * sizes->hop);
    for (int i = 0; i < LEVELS_MAX; i++)
        if ((w->rows[i] = xtts_floats(sizes->vocoder_width)) == NULL)
            return vanta_fail_memory(err);
    status = vocoder_scratch_make(s->vocoder, s->chunk, &w->scratch, err);
    if (status != VANTA_OK || w->samples == NULL)
        return status != VANTA_OK ? status : vanta_fail_memory(err);
    if (s->threads == 0)
        return VANTA_OK;
    if (pthread_create(&w->thread, NULL, work, w) != 0)
        return vanta_fail(err, VANTA_ERR_NO_MEMORY, "no thread for the vocoder");
    w->started = true;
    return VANTA_OK;
}

static enum vanta_status start(struct vanta_xtts_speech *s, const float *embedding,
                               struct vanta_error *err)
{
    const struct vanta_xtts_sizes *sizes = &s->vocoder->sizes;
    unsigned n = s->threads > 0 ? s->threads : 1;
    enum vanta_status status = vocoder_voice_make(s->vocoder, embedding, &s->voice, err);

    s->latents = xtts_floats((size_t)sizes->audio_max_tokens * sizes->vocoder_width);
    s->workers = calloc(n, sizeof *s->workers);
    if (status == VANTA_OK && (s->latents == NULL || s->workers == NULL))
        status = vanta_fail_memory(err);
    for (unsigned i = 0; status == VANTA_OK && i < n; i++)
        status = make_worker(s, &s->workers[i], err);
    return status;
}

enum vanta_status vanta_xtts_speech_start(const struct vanta_xtts_vocoder *vocoder,
                                          const struct vanta_xtts_speech_options *options,
                                          struct vanta_xtts_speech **out,
                                          struct vanta_error *err)
{
    struct vanta_xtts_speech *s = calloc(1, sizeof *s);
    enum vanta_status status;

    *out = NULL;
    if (s == NULL)
        return vanta_fail_memory(err);
    s->vocoder = vocoder;
    s->sink = options->sink;
    s->user = options->user;
    s->chunk = options->chunk_frames > 0 ? options->chunk_frames : CHUNK_FRAMES;
    s->threads = options->threads < THREADS_MAX ? options->threads : THREADS_MAX;
    stretch_start(&vocoder->sizes, options->speed, &s->stretch);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    status = start(s, options->embedding, err);
    if (status != VANTA_OK)
        vanta_xtts_speech_free(s);
    else
        *out = s;
    return status;
}

/* What a worker ran into; the lock is held. */
static enum vanta_status report(const struct vanta_xtts_speech *s, struct vanta_error *err)
{
    if (s->status == VANTA_ERR_CANCELLED)
        return vanta_fail(err, s->status, "speaking was stopped");
    if (s->status != VANTA_OK)
        return vanta_fail(err, s->status, "the vocoder's samples are not numbers: the "
                          "model's weights or the voice are damaged");
    return VANTA_OK;
}

enum vanta_status vanta_xtts_speech_add(struct vanta_xtts_speech *s, const float *latents,
                                        size_t count, struct vanta_error *err)
{
    const struct vanta_xtts_sizes *sizes = &s->vocoder->sizes;
    enum vanta_status status;

    if (count > sizes->audio_max_tokens - s->count)
        return vanta_fail(err, VANTA_ERR_USAGE, "more than %u codes in an utterance",
                          sizes->audio_max_tokens);
    /* No worker looks beyond s->count. */
    memcpy(s->latents + s->count * sizes->vocoder_width, latents,
           count * sizes->vocoder_width * sizeof *latents);
    pthread_mutex_lock(&s->lock);
    s->count += count;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (s->threads == 0)
        work_here(s);
    pthread_mutex_lock(&s->lock);
    status = report(s, err);
    pthread_mutex_unlock(&s->lock);
    return status;
}

static void join(struct vanta_xtts_speech *s)
{
    for (unsigned i = 0; s->workers != NULL && i < s->threads; i++)
        if (s->workers[i].started) {
            pthread_join(s->workers[i].thread, NULL);
            s->workers[i].started = false;
        }
}

enum vanta_status vanta_xtts_speech_end(struct vanta_xtts_speech *s,
                                        struct vanta_error *err)
{
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (s->threads == 0)
        work_here(s);
    join(s);
    return report(s, err);
}

void vanta_xtts_speech_free(struct vanta_xtts_speech *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopped = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    join(s);
    for (unsigned i = 0; s->workers != NULL && i < (s->threads > 0 ? s->threads : 1); i++) {
        vocoder_scratch_free(&s->workers[i].scratch);
        free(s->workers[i].samples);
        for (int k = 0; k < LEVELS_MAX; k++)
            free(s->workers[i].rows[k]);
    }
    vocoder_voice_free(&s->voice);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s->workers);
    free(s->latents);
    free(s);
}

uint64_t vanta_xtts_vocoder_samples(const struct vanta_xtts_vocoder *vocoder,
                                    size_t latents, float speed)
{
    struct stretch stretch;

    stretch_start(&vocoder->sizes, speed, &stretch);
    return (uint64_t)stretch_rows(&stretch, (int64_t)latents) * vocoder->sizes.hop;
}
