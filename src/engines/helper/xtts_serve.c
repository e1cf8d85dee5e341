/* xtts_serve.c - XTTS as a backend: voices, clone and speak. While the GPT works on the
 * serving thread the vocoder's threads turn its hidden states into sound, which goes out
 * as it is made. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "engines/helper/backend.h"
#include "engines/helper/xtts_clone.h"
#include "engines/helper/xtts_gpt.h"
#include "engines/helper/xtts_sample.h"
#include "engines/helper/xtts_text.h"
#include "engines/helper/xtts_vocoder.h"

#define PAUSE_SAMPLES 10000 /* between sentences, as the reference; it ends with one too */
#define CODES_AN_ID 4.5 /* 21.5 codes a second, about 14 letters, 3 letters an id */
#define MOST_OF_SENTENCE 0.95
#define PATHS_MAX VANTA_XTTS_CLONE_FILES_MAX

static const struct vanta_json_doc request_doc = {"request"};

struct speech_state {
    struct vanta_xtts_file *file;
    struct vanta_xtts_text *text;
    struct vanta_xtts_gpt *gpt;
    struct vanta_xtts_vocoder *vocoder;
    unsigned threads;
};

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* --- load, info --- */

static void speech_free(void *state)
{
    struct speech_state *s = state;

    if (s == NULL)
        return;
    vanta_xtts_vocoder_free(s->vocoder);
    vanta_xtts_gpt_free(s->gpt);
    vanta_xtts_text_free(s->text);
    vanta_xtts_file_close(s->file);
    free(s);
}

static enum vanta_status read_vocabulary(struct speech_state *s, struct vanta_error *err)
{
    int64_t id = gguf_find_key(s->file->gguf, "tokenizer.huggingface.json");
    const char *json;

    if (id < 0 || gguf_get_kv_type(s->file->gguf, id) != GGUF_TYPE_STRING)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: it has no tokenizer", s->file->path);
    json = gguf_get_val_str(s->file->gguf, id);
    return vanta_xtts_text_new(json, strlen(json), &s->text, err);
}

static enum vanta_status speech_load(const struct load_options *options, struct job *job,
                                     void **state, struct vanta_error *err)
{
    struct speech_state *s = calloc(1, sizeof *s);
    enum vanta_status status;

    if (s == NULL)
        return vanta_fail_memory(err);
    s->threads = (unsigned)options->threads;
    job_progress(job, 0);
    status = vanta_xtts_file_open(options->path, &s->file, err);
    if (status == VANTA_OK && s->file->sizes.audio_vocabulary > VANTA_XTTS_CODES_MAX)
        status = vanta_fail(err, VANTA_ERR_LIMIT, "%s: too many codes", options->path);
    if (status == VANTA_OK)
        status = read_vocabulary(s, err);
    if (status == VANTA_OK)
        status = vanta_xtts_gpt_load(s->file, &s->gpt, err);
    if (status == VANTA_OK)
        status = vanta_xtts_vocoder_load(s->file, NULL, &s->vocoder, err);
    if (status != VANTA_OK)
        speech_free(s);
    else
        *state = s;
    return status;
}

static enum vanta_status speech_info(void *state, json_t *out, struct vanta_error *err)
{
    const struct speech_state *s = state;
    struct vanta_xtts_gpt_memory m;
    json_t *info;

    vanta_xtts_gpt_memory(s->gpt, &m);
    info = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:i}", "architecture", "xtts",
                     "description", "XTTS", "devices", "CPU", "parameters",
                     (json_int_t)m.parameters, "weights_bytes", (json_int_t)m.weight_bytes,
                     "kv_cache_bytes", (json_int_t)m.cache_bytes, "compute_bytes",
                     (json_int_t)m.compute_bytes, "threads", (int)s->threads);
    return info != NULL && json_object_update_new(out, info) == 0 ? VANTA_OK
                                                                  : vanta_fail_memory(err);
}

/* The digest of the checkpoint, to which voices belong; NULL: the file does not say. */
static const char *source_digest(const struct speech_state *s)
{
    int64_t id = gguf_find_key(s->file->gguf, "vanta.source.sha256");
    const char *hex = id >= 0 && gguf_get_kv_type(s->file->gguf, id) == GGUF_TYPE_STRING
                          ? gguf_get_val_str(s->file->gguf, id)
                          : "";
    uint8_t digest[VANTA_SHA256_BYTES];

    return vanta_sha256_from_hex(hex, digest) ? hex : NULL;
}

/* --- voices, clone --- */

static enum vanta_status voices(void *state, struct job *job, struct answer *answer,
                                struct vanta_error *err)
{
    const struct speech_state *s = state;
    const struct gguf_context *gguf = s->file->gguf;
    json_t *names = json_array(), *languages = json_array();
    int64_t id = gguf_find_key(gguf, "xtts.languages");

    (void)job;
    for (uint32_t i = 0; i < s->file->sizes.speakers; i++)
        json_array_append_new(names, json_string(vanta_xtts_file_speaker(s->file, i)));
    if (id >= 0 && gguf_get_kv_type(gguf, id) == GGUF_TYPE_ARRAY &&
        gguf_get_arr_type(gguf, id) == GGUF_TYPE_STRING)
        for (size_t i = 0; i < gguf_get_arr_n(gguf, id); i++)
            json_array_append_new(languages, json_string(gguf_get_arr_str(gguf, id, i)));
    answer->ok = json_pack("{s:o, s:o, s:s*}", "voices", names, "languages", languages,
                           "source_sha256", source_digest(s));
    return answer->ok != NULL ? VANTA_OK : vanta_fail_memory(err);
}

static enum vanta_status clone_voice(void *state, struct job *job, struct answer *answer,
                                     struct vanta_error *err)
{
    const struct speech_state *s = state;
    const struct vanta_xtts_sizes *z = &s->file->sizes;
    struct vanta_xtts_clone_options options = {s->threads, job->cancelled};
    size_t floats = vanta_xtts_voice_floats(z);
    const char *paths[PATHS_MAX];
    double seconds = 0, start = now_ms();
    const json_t *list;
    enum vanta_status status = vanta_json_array(&request_doc, job->request, "", "paths",
                                                true, PATHS_MAX, &list, err);
    float *voice;

    if (status != VANTA_OK)
        return status;
    for (size_t i = 0; i < json_array_size(list); i++)
        if ((paths[i] = json_string_value(json_array_get(list, i))) == NULL)
            return vanta_fail(err, VANTA_ERR_USAGE, "a path that is no string");
    voice = malloc(floats * sizeof *voice);
    if (voice == NULL)
        return vanta_fail_memory(err);
    status = vanta_xtts_clone_files(s->file, paths, json_array_size(list), &options, voice,
                                    &seconds, err);
    if (status != VANTA_OK) {
        free(voice);
        return status;
    }
    answer->ok = json_pack("{s:f, s:i, s:i, s:i, s:f, s:s*}", "audio_s", seconds,
                           "latent_rows", (int)z->latents, "latent_columns", (int)z->width,
                           "speaker", (int)z->speaker_width, "engine_ms",
                           now_ms() - start, "source_sha256", source_digest(s));
    answer->binary = voice;
    answer->binary_bytes = floats * sizeof *voice;
    return VANTA_OK;
}

/* --- speak --- */

struct speaking {
    struct speech_state *s;
    struct job *job;
    struct vanta_xtts_sampling sampling;
    struct vanta_xtts_sampler sampler;
    struct vanta_xtts_text_options text_options;
    const char *text, *voice_name;
    double speed, start_ms, first_ms, generate_ms, text_ms;
    uint32_t seed;
    float *voice, *hidden, *logits; /* latents and embedding; of one code */
    int64_t samples, codes, cut;
    size_t ids, ids_all;            /* of the text: of sentences that are spoken, of all */
};

static enum vanta_status number(const struct speaking *sp, const char *name, double low,
                                double high, double *value, struct vanta_error *err)
{
    const json_t *v = json_object_get(sp->job->request, name);

    if (v == NULL)
        return VANTA_OK;
    if (!json_is_number(v) || !(json_number_value(v) >= low) ||
        !(json_number_value(v) <= high))
        return vanta_fail(err, VANTA_ERR_USAGE, "%s has to be a number from %g to %g", name,
                          low, high);
    *value = json_number_value(v);
    return VANTA_OK;
}

static enum vanta_status read_numbers(struct speaking *sp, struct vanta_error *err)
{
    const struct vanta_xtts_sizes *z = &sp->s->file->sizes;
    double temperature = (double)z->temperature, top_p = (double)z->top_p,
           penalty = (double)z->repetition_penalty, top_k = z->top_k, seed = 0;
    enum vanta_status status = number(sp, "temperature", 0, 10, &temperature, err);

    sp->speed = 1;
    if (status == VANTA_OK)
        status = number(sp, "top_p", 1e-9, 1, &top_p, err);
    if (status == VANTA_OK)
        status = number(sp, "repetition_penalty", 1, 20, &penalty, err);
    if (status == VANTA_OK)
        status = number(sp, "top_k", 0, 65536, &top_k, err);
    if (status == VANTA_OK)
        status = number(sp, "speed", 0.25, 4, &sp->speed, err);
    if (status == VANTA_OK)
        status = number(sp, "seed", 0, 4294967295.0, &seed, err);
    sp->seed = (uint32_t)seed;
    sp->sampling = (struct vanta_xtts_sampling){(float)temperature, (float)top_p,
                                                (float)penalty, (uint32_t)top_k};
    return status;
}

static enum vanta_status read_voice(struct speaking *sp, struct vanta_error *err)
{
    size_t floats = vanta_xtts_voice_floats(&sp->s->file->sizes);

    sp->voice = malloc(floats * sizeof *sp->voice);
    if (sp->voice == NULL)
        return vanta_fail_memory(err);
    if (sp->job->binary != NULL) {
        if (sp->job->binary_bytes != floats * sizeof *sp->voice)
            return vanta_fail(err, VANTA_ERR_USAGE, "the voice is of another model");
        memcpy(sp->voice, sp->job->binary, sp->job->binary_bytes);
        for (size_t i = 0; i < floats; i++)
            if (!isfinite(sp->voice[i]))
                return vanta_fail(err, VANTA_ERR_CHECK, "the voice is damaged");
        return VANTA_OK;
    }
    if (sp->voice_name == NULL)
        sp->voice_name = vanta_xtts_file_speaker(sp->s->file, 0);
    if (sp->voice_name == NULL)
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "the model has no voices of its own");
    return vanta_xtts_voice_builtin(sp->s->file, sp->voice_name, sp->voice, err);
}

static enum vanta_status read_speak(struct speaking *sp, struct vanta_error *err)
{
    const json_t *r = sp->job->request;
    enum vanta_status status =
        vanta_json_string(&request_doc, r, "", "text", true, &sp->text, err);

    if (status == VANTA_OK)
        status = vanta_json_string(&request_doc, r, "", "language", true,
                                   &sp->text_options.language, err);
    if (status == VANTA_OK)
        status = vanta_json_string(&request_doc, r, "", "voice", false, &sp->voice_name,
                                   err);
    if (status == VANTA_OK)
        status = vanta_json_boolean(&request_doc, r, "", "romanized", false,
                                    &sp->text_options.romanized, err);
    if (status == VANTA_OK)
        status = read_numbers(sp, err);
    sp->text_options.max_tokens = sp->s->file->sizes.text_max_tokens;
    return status == VANTA_OK ? read_voice(sp, err) : status;
}

/* On the vocoder's threads, one call at a time, or on the serving thread between them. */
static bool send_samples(void *user, const float *samples, size_t count)
{
    struct speaking *sp = user;
    int16_t part[4096];

    if (sp->samples == 0)
        sp->first_ms = now_ms() - sp->start_ms;
    sp->samples += (int64_t)count;
    while (count > 0) {
        size_t n = count < 4096 ? count : 4096;

        for (size_t i = 0; i < n; i++)
            part[i] = (int16_t)lrintf(fmaxf(-1, fminf(1, samples[i])) * 32767);
        job_audio(sp->job, part, n);
        samples += n;
        count -= n;
    }
    return !job_cancelled(sp->job);
}

/* How far it is: n codes into a sentence, whose codes are guessed by its ids and those
 * that the sentences before had for theirs. A longer one waits near its end. */
static void tell_progress(struct speaking *sp, const struct vanta_xtts_sentence *sentence,
                          uint32_t n)
{
    double an_id = sp->ids > 0 ? (double)sp->codes / (double)sp->ids : CODES_AN_ID;
    double part = n / (an_id * (double)sentence->n_ids);

    part = part < MOST_OF_SENTENCE ? part : MOST_OF_SENTENCE;
    job_progress(sp->job, ((double)sp->ids + part * (double)sentence->n_ids) /
                              (double)sp->ids_all);
}

/* Codes until the end, each hidden state to the vocoder; the one the end was chosen by
 * too, as the reference has it: a first code that is the end is a short sound. */
static enum vanta_status generate(struct speaking *sp,
                                  const struct vanta_xtts_sentence *sentence,
                                  struct vanta_xtts_speech *speech,
                                  struct vanta_error *err)
{
    const struct vanta_xtts_sizes *z = &sp->s->file->sizes;
    unsigned threads = sp->s->threads;
    struct vanta_xtts_gpt_run run = {.prefix_threads = threads,
                                     .code_threads = threads > 1 ? threads / 2 : 1,
                                     .cancel = sp->job->cancelled};
    int32_t code = (int32_t)z->audio_start;
    enum vanta_status status = VANTA_OK;
    uint32_t n = 0;

    while (status == VANTA_OK && code != (int32_t)z->audio_stop && n < z->audio_max_tokens) {
        tell_progress(sp, sentence, n);
        status = vanta_xtts_gpt_next(sp->s->gpt, &run, &code, 1, sp->hidden, sp->logits,
                                     err);
        if (status == VANTA_OK)
            status = vanta_xtts_speech_add(speech, sp->hidden, 1, err);
        if (status == VANTA_OK)
            status = vanta_xtts_sampler_next(&sp->sampler, sp->logits, z->audio_vocabulary,
                                             &code, err);
        n++;
    }
    sp->codes += n;
    sp->cut += code != (int32_t)z->audio_stop;
    return status;
}

static enum vanta_status say_sentence(struct speaking *sp, size_t index,
                                      const struct vanta_xtts_sentence *sentence,
                                      struct vanta_error *err)
{
    const struct vanta_xtts_sizes *z = &sp->s->file->sizes;
    struct vanta_xtts_speech_options options = {
        .embedding = sp->voice + (size_t)z->latents * z->width, .speed = (float)sp->speed,
        .threads = sp->s->threads > 1 ? (sp->s->threads + 1) / 2 : 1,
        .sink = send_samples, .user = sp};
    struct vanta_xtts_speech *speech;
    double start = now_ms();
    enum vanta_status status =
        vanta_xtts_speech_start(sp->s->vocoder, &options, &speech, err);

    if (status != VANTA_OK)
        return status;
    vanta_xtts_sampler_start(&sp->sampler, &sp->sampling,
                             ((uint64_t)index << 32) + sp->seed, z->audio_start);
    status = vanta_xtts_gpt_begin(sp->s->gpt, sp->voice, sentence->ids, sentence->n_ids,
                                  err);
    if (status == VANTA_OK)
        status = generate(sp, sentence, speech, err);
    sp->generate_ms += now_ms() - start;
    if (status == VANTA_OK)
        status = vanta_xtts_speech_end(speech, err);
    vanta_xtts_speech_free(speech);
    return status;
}

static enum vanta_status say_all(struct speaking *sp,
                                 const struct vanta_xtts_sentences *all,
                                 struct vanta_error *err)
{
    static const float pause[PAUSE_SAMPLES];
    const struct vanta_xtts_sizes *z = &sp->s->file->sizes;
    enum vanta_status status = VANTA_OK;

    sp->hidden = malloc(z->width * sizeof *sp->hidden);
    sp->logits = malloc(z->audio_vocabulary * sizeof *sp->logits);
    if (sp->hidden == NULL || sp->logits == NULL)
        return vanta_fail_memory(err);
    for (size_t i = 0; i < all->n_sentences; i++)
        sp->ids_all += all->sentences[i].n_ids;
    for (size_t i = 0; status == VANTA_OK && i < all->n_sentences; i++) {
        status = say_sentence(sp, i, &all->sentences[i], err);
        sp->ids += all->sentences[i].n_ids;
        if (status == VANTA_OK && i + 1 < all->n_sentences)
            send_samples(sp, pause, PAUSE_SAMPLES);
    }
    return status;
}

static enum vanta_status speak(void *state, struct job *job, struct answer *answer,
                               struct vanta_error *err)
{
    struct speaking *sp = calloc(1, sizeof *sp);
    struct vanta_xtts_sentences all = {0};
    enum vanta_status status;

    if (sp == NULL)
        return vanta_fail_memory(err);
    sp->s = state;
    sp->job = job;
    sp->start_ms = now_ms();
    status = read_speak(sp, err);
    if (status == VANTA_OK)
        status = vanta_xtts_text_prepare(sp->s->text, sp->text, strlen(sp->text),
                                         &sp->text_options, &all, err);
    sp->text_ms = now_ms() - sp->start_ms;
    if (status == VANTA_OK)
        status = say_all(sp, &all, err);
    if (status == VANTA_OK)
        answer->ok = json_pack(
            "{s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:f, s:f, s:f, s:f}", "samples",
            (json_int_t)sp->samples, "sample_hz", (json_int_t)sp->s->file->sizes.output_hz,
            "sentences", (json_int_t)all.n_sentences, "codes", (json_int_t)sp->codes, "cut",
            (json_int_t)sp->cut, "unknown", (json_int_t)all.n_unknown, "unknown_characters",
            all.unknown, "text_ms", sp->text_ms, "generate_ms", sp->generate_ms,
            "first_audio_ms", sp->first_ms, "engine_ms", now_ms() - sp->start_ms);
    vanta_xtts_sentences_free(&all);
    free(sp->voice);
    free(sp->hidden);
    free(sp->logits);
    free(sp);
    return status;
}

const struct backend backend_speech = {
    .kind = "speech",
    .load = speech_load,
    .free = speech_free,
    .info = speech_info,
    .requests = (const struct backend_entry[]){{"speak", speak},
                                               {"voices", voices},
                                               {"clone", clone_voice},
                                               {NULL, NULL}},
};
