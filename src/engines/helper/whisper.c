/*
 * whisper.c - speech to text over whisper.cpp.
 *
 * A recording of any length is transcribed window by window, so that memory is bounded:
 * the last segment of a window that is not the recording's end may be cut off, so it is
 * dropped and the next window starts where it started.
 */
#include "whisper.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/json.h"
#include "engines/helper/audio.h"
#include "engines/helper/backend.h"
#include "engines/helper/log_sizes.h"
#include "base/utf8.h"

#define WINDOW_SAMPLES ((size_t)300 * VANTA_AUDIO_HZ)
#define LANGUAGE_SAMPLES ((size_t)30 * VANTA_AUDIO_HZ) /* that the detection hears */
#define LEAST_SAMPLES ((size_t)VANTA_AUDIO_HZ / 10)    /* whisper.cpp takes no less */
#define SEGMENT_BYTES_MAX ((size_t)64 * 1024)
#define BEAM_MAX 8 /* WHISPER_MAX_DECODERS of whisper.cpp */

static const struct vanta_json_doc request_doc = {"request"};

struct whisper {
    struct whisper_context *context;
    struct log_sizes sizes;
    int threads;
    bool gpu;
};

static void log_line(enum ggml_log_level level, const char *text, void *user)
{
    log_sizes_callback((int)level, text, user);
}

static void whisper_backend_free(void *state)
{
    struct whisper *w = state;

    if (!w)
        return;
    whisper_log_set(log_line, NULL);
    if (w->context)
        whisper_free(w->context);
    free(w);
}

static enum vanta_status whisper_load(const struct load_options *options, struct job *job,
                                      void **state, struct vanta_error *err)
{
    struct whisper_context_params params = whisper_context_default_params();
    struct whisper *w = calloc(1, sizeof *w);

    if (!w)
        return vanta_fail_memory(err);
    w->threads = options->threads;
    w->gpu = !options->no_gpu;
    params.use_gpu = w->gpu;
    whisper_log_set(log_line, &w->sizes);
    job_progress(job, 0);
    w->context = whisper_init_from_file_with_params(options->path, params);
    whisper_log_set(log_line, NULL);
    if (!w->context) {
        whisper_backend_free(w);
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: whisper.cpp cannot load it as a Whisper model",
                          options->path);
    }
    /* A file that ends before its first tensor is a model to whisper.cpp, for tests. */
    if (w->sizes.weights_bytes == 0) {
        whisper_backend_free(w);
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: it has no weights", options->path);
    }
    *state = w;
    return VANTA_OK;
}

static enum vanta_status whisper_info(void *state, json_t *out, struct vanta_error *err)
{
    const struct whisper *w = state;
    char description[64];

    snprintf(description, sizeof description, "Whisper %s",
             whisper_model_type_readable(w->context));
    if (json_object_update_new(
            out, json_pack("{s:s, s:s, s:I, s:I, s:I, s:i, s:i, s:i, s:b}", "architecture",
                           "whisper", "description", description, "weights_bytes",
                           (json_int_t)w->sizes.weights_bytes, "kv_cache_bytes",
                           (json_int_t)w->sizes.kv_cache_bytes, "compute_bytes",
                           (json_int_t)w->sizes.compute_bytes, "context_tokens",
                           whisper_model_n_text_ctx(w->context), "context_max",
                           whisper_model_n_text_ctx(w->context), "threads", w->threads,
                           "multilingual", whisper_is_multilingual(w->context))) != 0)
        return vanta_fail_memory(err);
    return VANTA_OK;
}

/* --- one recording --- */

struct recording {
    struct whisper *whisper;
    struct job *job;
    struct vanta_audio *audio;
    struct vanta_audio_stats stats;
    float *samples;
    size_t n_samples;
    uint64_t start;   /* of samples[0], in samples from the recording's start */
    bool end;         /* samples holds the recording's end */
    bool first;       /* window */
    const char *language; /* NULL: detect */
    double probability;
    bool translate;
    int beam;
    double decode_ms, engine_ms;
    int given;        /* segments of this window that were given */
    enum vanta_status status; /* of giving them */
};

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static enum vanta_status fill(struct recording *r, struct vanta_error *err)
{
    double start = now_ms();
    enum vanta_status status = VANTA_OK;

    while (!r->end && r->n_samples < WINDOW_SAMPLES && status == VANTA_OK) {
        size_t got = 0;

        status = vanta_audio_read(r->audio, r->samples + r->n_samples,
                                  WINDOW_SAMPLES - r->n_samples, &got, err);
        if (status == VANTA_OK && got == 0)
            r->end = true;
        vanta_audio_stats_add(&r->stats, r->samples + r->n_samples, got);
        r->n_samples += got;
        if (job_cancelled(r->job))
            return vanta_fail(err, VANTA_ERR_CANCELLED, "the request was cancelled");
    }
    r->decode_ms += now_ms() - start;
    return status;
}

static bool shall_stop(void *user)
{
    const struct recording *r = user;

    return job_cancelled(r->job);
}

static void on_progress(struct whisper_context *context, struct whisper_state *state,
                        int percent, void *user)
{
    struct recording *r = user;
    int64_t all = vanta_audio_info(r->audio)->samples;
    double done = (double)r->start + (double)r->n_samples * percent / 100;

    (void)context;
    (void)state;
    job_progress(r->job, all > 0 && done < (double)all ? done / (double)all : 0);
}

static int64_t ms_of(const struct recording *r, int64_t centiseconds)
{
    return (int64_t)(r->start * 1000 / VANTA_AUDIO_HZ) + centiseconds * 10;
}

/* Gives segments up to but not including number n. */
static void give_segments(struct recording *r, int n)
{
    struct whisper_context *context = r->whisper->context;

    for (; r->given < n; r->given++) {
        const char *text = whisper_full_get_segment_text(context, r->given);
        struct vanta_utf8 pieces = VANTA_UTF8(SEGMENT_BYTES_MAX);
        size_t offset;

        if (vanta_utf8_add(&pieces, text, strlen(text), &offset) &&
            vanta_utf8_end(&pieces, &offset)) {
            if (pieces.text.len > 0)
                job_segment(r->job, ms_of(r, whisper_full_get_segment_t0(context, r->given)),
                            ms_of(r, whisper_full_get_segment_t1(context, r->given)),
                            pieces.text.data);
        } else {
            r->status = VANTA_ERR_NO_MEMORY;
        }
        vanta_utf8_free(&pieces);
    }
}

static void on_segment(struct whisper_context *context, struct whisper_state *state,
                       int n_new, void *user)
{
    (void)state;
    (void)n_new;
    give_segments(user, whisper_full_n_segments(context) - 1);
}

/* Hears the first half minute; costs one run of the encoder, as whisper.cpp's own does. */
static void detect_language(struct recording *r)
{
    struct whisper_context *context = r->whisper->context;
    size_t n = r->n_samples < LANGUAGE_SAMPLES ? r->n_samples : LANGUAGE_SAMPLES;
    float *probabilities;
    int id;

    r->language = "en";
    if (!whisper_is_multilingual(context))
        return;
    probabilities = calloc((size_t)whisper_lang_max_id() + 1, sizeof *probabilities);
    if (probabilities &&
        whisper_pcm_to_mel(context, r->samples, (int)n, r->whisper->threads) == 0 &&
        (id = whisper_lang_auto_detect(context, 0, r->whisper->threads, probabilities)) >=
            0) {
        r->language = whisper_lang_str(id);
        r->probability = (double)probabilities[id];
    }
    free(probabilities);
}

static struct whisper_full_params window_params(struct recording *r)
{
    struct whisper_full_params params = whisper_full_default_params(
        r->beam > 1 ? WHISPER_SAMPLING_BEAM_SEARCH : WHISPER_SAMPLING_GREEDY);

    params.n_threads = r->whisper->threads;
    params.translate = r->translate;
    params.language = r->language;
    params.no_context = r->first;
    params.print_progress = params.print_realtime = params.print_timestamps = false;
    if (r->beam > 1)
        params.beam_search.beam_size = r->beam;
    params.new_segment_callback = on_segment;
    params.progress_callback = on_progress;
    params.abort_callback = shall_stop;
    params.new_segment_callback_user_data = params.progress_callback_user_data =
        params.abort_callback_user_data = r;
    return params;
}

/* How many samples of this window are done with. */
static size_t samples_done(struct recording *r)
{
    struct whisper_context *context = r->whisper->context;
    int n = whisper_full_n_segments(context);
    int64_t last;

    if (r->end || n < 2)
        return r->n_samples;
    last = whisper_full_get_segment_t0(context, n - 1) * VANTA_AUDIO_HZ / 100;
    /* Less than a second forward would be no progress worth the name. */
    if (last < VANTA_AUDIO_HZ || (uint64_t)last > r->n_samples)
        return r->n_samples;
    return (size_t)last;
}

static enum vanta_status run_window(struct recording *r, struct vanta_error *err)
{
    struct whisper_context *context = r->whisper->context;
    double start = now_ms();
    size_t done;
    int result = 0;

    if (!r->language)
        detect_language(r);
    r->given = 0;
    if (!job_cancelled(r->job))
        result = whisper_full(context, window_params(r), r->samples, (int)r->n_samples);
    r->engine_ms += now_ms() - start;
    if (job_cancelled(r->job))
        return vanta_fail(err, VANTA_ERR_CANCELLED, "the request was cancelled");
    if (result != 0)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "whisper.cpp could not run the model (code %d)", result);
    done = samples_done(r);
    give_segments(r, whisper_full_n_segments(context) - (done < r->n_samples ? 1 : 0));
    if (r->status != VANTA_OK)
        return vanta_fail_memory(err);
    r->start += done;
    r->n_samples -= done;
    memmove(r->samples, r->samples + done, r->n_samples * sizeof *r->samples);
    r->first = false;
    return VANTA_OK;
}

static bool window_is_silent(const struct recording *r)
{
    struct vanta_audio_stats stats;

    vanta_audio_stats_start(&stats);
    vanta_audio_stats_add(&stats, r->samples, r->n_samples);
    vanta_audio_stats_end(&stats);
    return vanta_audio_stats_silent(&stats);
}

static enum vanta_status run_all(struct recording *r, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;

    while (status == VANTA_OK) {
        status = fill(r, err);
        if (status != VANTA_OK || r->n_samples < LEAST_SAMPLES)
            break;
        if (!window_is_silent(r)) {
            status = run_window(r, err);
        } else { /* of silence Whisper makes up words */
            r->start += r->n_samples;
            r->n_samples = 0;
        }
        if (r->end && r->n_samples == 0)
            break;
    }
    return status;
}

static enum vanta_status read_request(struct recording *r, struct vanta_error *err)
{
    const json_t *request = r->job->request;
    const char *path = NULL;
    int64_t beam = 0;
    enum vanta_status status;

    status = vanta_json_string(&request_doc, request, "", "path", false, &path, err);
    if (status == VANTA_OK)
        status = vanta_json_string(&request_doc, request, "", "language", false,
                                   &r->language, err);
    if (status == VANTA_OK)
        status = vanta_json_boolean(&request_doc, request, "", "translate", false,
                                    &r->translate, err);
    if (status == VANTA_OK)
        status = vanta_json_integer(&request_doc, request, "", "beam", false, 0, BEAM_MAX,
                                    &beam, err);
    r->beam = (int)beam;
    if (status == VANTA_OK && r->language && whisper_lang_id(r->language) < 0)
        status = vanta_fail(err, VANTA_ERR_USAGE, "Whisper knows no language \"%s\"",
                            r->language);
    if (status == VANTA_OK && !whisper_is_multilingual(r->whisper->context) &&
        (r->translate || (r->language && strcmp(r->language, "en") != 0)))
        status = vanta_fail(err, VANTA_ERR_UNSUPPORTED, "this model knows English alone");
    if (status != VANTA_OK)
        return status;
    return path ? vanta_audio_open(path, &r->audio, err)
                : vanta_audio_open_memory(r->job->binary, r->job->binary_bytes,
                                          "the recording", &r->audio, err);
}

static enum vanta_status transcribe(void *state, struct job *job, struct answer *answer,
                                    struct vanta_error *err)
{
    struct recording r = {.whisper = state, .job = job, .first = true};
    enum vanta_status status = read_request(&r, err);

    vanta_audio_stats_start(&r.stats);
    if (status == VANTA_OK) {
        r.samples = malloc(WINDOW_SAMPLES * sizeof *r.samples);
        status = r.samples ? run_all(&r, err) : vanta_fail_memory(err);
    }
    if (status == VANTA_OK) {
        answer->ok = json_pack(
            "{s:s, s:f, s:f, s:f, s:f, s:b}", "language", r.language ? r.language : "",
            "language_probability", r.probability, "audio_s",
            (double)r.stats.samples / VANTA_AUDIO_HZ, "decode_ms", r.decode_ms,
            "engine_ms", r.engine_ms, "truncated", vanta_audio_truncated(r.audio));
        if (!answer->ok)
            status = vanta_fail_memory(err);
    }
    free(r.samples);
    vanta_audio_close(r.audio);
    return status;
}

const struct backend backend_whisper = {
    .kind = "whisper",
    .load = whisper_load,
    .free = whisper_backend_free,
    .info = whisper_info,
    .requests = (const struct backend_entry[]){{"transcribe", transcribe}, {NULL, NULL}},
};
