/* client_speak.c - speaking, the voices there are, and making one: requests and answers. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "engines/client_private.h"
#include "engines/speak.h"

#define MS_MAX 1e12
#define EVENT_SAMPLES_MAX ((int64_t)1 << 20)
#define SAMPLES_MAX ((int64_t)VANTA_SPEAK_HZ * 3600 * 100)
#define NAMES_MAX 4096

static enum vanta_status whole(const json_t *ok, const char *key, int64_t most,
                               int64_t *out, struct vanta_error *what)
{
    return vanta_json_integer(&client_doc, ok, "", key, true, 0, most, out, what);
}

/* --- speak --- */

static enum vanta_status on_audio(struct exchange *x, const char *name,
                                  const json_t *event, struct vanta_error *err)
{
    struct vanta_engine_event told = {.kind = VANTA_ENGINE_AUDIO};
    int64_t *total = x->arg, n = 0;
    enum vanta_status status;

    if (strcmp(name, "audio") != 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "an event that has no place here");
    status = whole(event, "samples", EVENT_SAMPLES_MAX, &n, err);
    if (status != VANTA_OK)
        return status;
    *total += n;
    if (x->binary_answer_bytes != (size_t)n * sizeof *told.samples || *total > SAMPLES_MAX)
        return vanta_fail(err, VANTA_ERR_FORMAT, "samples that are not as many as it says");
    told.samples = x->binary_answer;
    told.n_samples = (size_t)n;
    client_tell(x->engine, &told);
    return VANTA_OK;
}

static bool within(double value, double least, double most)
{
    return value < 0 || (value >= least && value <= most);
}

static bool makes_sense(const struct vanta_speak *r)
{
    return r->text && r->language && within(r->temperature, 0, 10) &&
           within(r->top_p, DBL_MIN, 1) && within(r->repetition_penalty, 1, 20) &&
           within(r->speed, VANTA_SPEAK_SPEED_MIN, VANTA_SPEAK_SPEED_MAX) &&
           r->top_k <= 1 << 16 && !(r->voice && r->made) && (!r->made || r->n_made > 0) &&
           !isnan(r->temperature + r->top_p + r->repetition_penalty + r->speed);
}

static json_t *speak_request(const struct vanta_speak *r)
{
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"temperature", r->temperature},
                   {"top_p", r->top_p},
                   {"repetition_penalty", r->repetition_penalty},
                   {"speed", r->speed}};
    json_t *message = json_pack("{s:o, s:s, s:b, s:I}", "text", client_text(r->text),
                                "language", r->language, "romanized", r->romanized,
                                "seed", (json_int_t)r->seed);
    int failed = message ? 0 : -1;
    size_t i;

    for (i = 0; i < 4 && failed == 0; i++)
        if (numbers[i].value >= 0)
            failed = json_object_set_new(message, numbers[i].key,
                                         json_real(numbers[i].value));
    if (failed == 0 && r->top_k >= 0)
        failed = json_object_set_new(message, "top_k", json_integer(r->top_k));
    if (failed == 0 && r->voice)
        failed = json_object_set_new(message, "voice", client_text(r->voice));
    if (failed == 0)
        return message;
    json_decref(message);
    return NULL;
}

static enum vanta_status read_unknown(const json_t *ok, struct vanta_spoken *out,
                                      struct vanta_error *what)
{
    const char *named = NULL;
    enum vanta_status status = whole(ok, "unknown", SAMPLES_MAX, &out->unknown, what);

    if (status == VANTA_OK)
        status = vanta_json_string(&client_doc, ok, "", "unknown_characters", true, &named,
                                   what);
    if (status == VANTA_OK && (strlen(named) >= sizeof out->unknown_characters ||
                               (out->unknown > 0) != (named[0] != '\0')))
        status = vanta_fail(what, VANTA_ERR_FORMAT,
                            "unknown_characters: not those that it counts");
    if (status == VANTA_OK)
        vanta_text_printable(named, out->unknown_characters,
                             sizeof out->unknown_characters);
    return status;
}

static enum vanta_status read_spoken(const struct exchange *x, struct vanta_spoken *out,
                                     int64_t heard, struct vanta_error *what)
{
    const json_t *ok = x->ok;
    int64_t hz = 0;
    enum vanta_status status = whole(ok, "samples", SAMPLES_MAX, &out->samples, what);

    if (status == VANTA_OK)
        status = whole(ok, "sample_hz", 1000000, &hz, what);
    if (status == VANTA_OK)
        status = whole(ok, "sentences", SAMPLES_MAX, &out->sentences, what);
    if (status == VANTA_OK)
        status = whole(ok, "codes", SAMPLES_MAX, &out->codes, what);
    if (status == VANTA_OK)
        status = whole(ok, "cut", out->sentences, &out->cut, what);
    if (status == VANTA_OK)
        status = read_unknown(ok, out, what);
    if (status == VANTA_OK)
        status = client_number(ok, "engine_ms", true, 0, MS_MAX, &out->engine_ms, what);
    if (status == VANTA_OK)
        status = client_number(ok, "first_audio_ms", true, 0, MS_MAX,
                               &out->first_audio_ms, what);
    if (status == VANTA_OK && (hz != VANTA_SPEAK_HZ || out->samples != heard))
        status = vanta_fail(what, VANTA_ERR_FORMAT,
                            "other samples than those that were sent");
    if (status == VANTA_OK && x->binary_answer)
        status = vanta_fail(what, VANTA_ERR_FORMAT, "bytes that were not asked for");
    return status;
}

enum vanta_status vanta_engine_speak(struct vanta_engine *engine,
                                     const struct vanta_speak *request,
                                     struct vanta_spoken *out, struct vanta_error *err)
{
    int64_t heard = 0;
    struct exchange x = {.request = "speak",
                         .binary = request->made,
                         .binary_bytes = request->n_made * sizeof *request->made,
                         .answer_max = (size_t)EVENT_SAMPLES_MAX * sizeof(int16_t),
                         .binary_events = true,
                         .event = on_audio,
                         .arg = &heard};
    struct vanta_error what = {0};
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    if (!makes_sense(request))
        return vanta_fail(err, VANTA_ERR_USAGE, "what to speak, or how, makes no sense");
    if (strlen(request->text) > VANTA_SPEAK_TEXT_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "the text is longer than 1 MiB");
    x.message = speak_request(request);
    if (!x.message)
        return vanta_fail_memory(err);
    status = client_exchange(engine, &x, err);
    return status == VANTA_OK
               ? client_judge(&x, read_spoken(&x, out, heard, &what), &what, err)
               : status;
}

/* --- voices --- */

static enum vanta_status check_names(const json_t *ok, const char *key,
                                     struct vanta_error *what)
{
    const json_t *names = NULL;
    char plain[VANTA_VOICE_NAME_MAX];
    size_t i;
    enum vanta_status status =
        vanta_json_array(&client_doc, ok, "", key, true, NAMES_MAX, &names, what);

    for (i = 0; i < json_array_size(names) && status == VANTA_OK; i++) {
        const char *name = json_string_value(json_array_get(names, i));

        if (name)
            vanta_text_printable(name, plain, sizeof plain);
        if (!name || strcmp(name, plain) != 0)
            status = vanta_fail(what, VANTA_ERR_FORMAT, "%s: not a name", key);
    }
    return status;
}

enum vanta_status vanta_engine_voices(struct vanta_engine *engine, json_t **out,
                                      struct vanta_error *err)
{
    struct exchange x = {.request = "voices"};
    struct vanta_error what = {0};
    enum vanta_status status = client_exchange(engine, &x, err);

    if (status != VANTA_OK)
        return status;
    status = check_names(x.ok, "voices", &what);
    if (status == VANTA_OK)
        status = check_names(x.ok, "languages", &what);
    if (status == VANTA_OK)
        *out = json_incref(x.ok);
    return client_judge(&x, status, &what, err);
}

/* Which model it is: zeros when the helper cannot say. */
static enum vanta_status read_source(const json_t *ok, uint8_t out[VANTA_SHA256_BYTES],
                                     struct vanta_error *what)
{
    const char *hex = NULL;
    enum vanta_status status =
        vanta_json_string(&client_doc, ok, "", "source_sha256", false, &hex, what);

    memset(out, 0, VANTA_SHA256_BYTES);
    if (status == VANTA_OK && hex && !vanta_sha256_from_hex(hex, out))
        status = vanta_fail(what, VANTA_ERR_FORMAT, "source_sha256: not a digest");
    return status;
}

static enum vanta_status read_voice(const struct exchange *x, struct vanta_voice *out,
                                    double *audio_s, struct vanta_error *what)
{
    int64_t rows = 0, columns = 0, speaker = 0;
    size_t i;
    enum vanta_status status =
        whole(x->ok, "latent_rows", VANTA_VOICE_ROWS_MAX, &rows, what);

    if (status == VANTA_OK)
        status = whole(x->ok, "latent_columns", VANTA_VOICE_COLUMNS_MAX, &columns, what);
    if (status == VANTA_OK)
        status = whole(x->ok, "speaker", VANTA_VOICE_SPEAKER_MAX, &speaker, what);
    if (status == VANTA_OK)
        status = client_number(x->ok, "audio_s", true, 0, MS_MAX, audio_s, what);
    if (status == VANTA_OK)
        status = read_source(x->ok, out->model, what);
    if (status != VANTA_OK)
        return status;
    out->rows = (uint32_t)rows;
    out->columns = (uint32_t)columns;
    out->speaker = (uint32_t)speaker;
    if (rows == 0 || columns == 0 || speaker == 0 ||
        x->binary_answer_bytes != vanta_voice_floats(out) * sizeof *out->values)
        return vanta_fail(what, VANTA_ERR_FORMAT, "a voice of another size than it says");
    out->values = malloc(x->binary_answer_bytes);
    if (!out->values)
        return vanta_fail(what, VANTA_ERR_NO_MEMORY, "memory is out");
    memcpy(out->values, x->binary_answer, x->binary_answer_bytes);
    for (i = 0; i < vanta_voice_floats(out); i++)
        if (!isfinite(out->values[i]))
            return vanta_fail(what, VANTA_ERR_FORMAT, "a voice with values that are none");
    return VANTA_OK;
}

enum vanta_status vanta_engine_clone(struct vanta_engine *engine, const char *const *paths,
                                     size_t n, struct vanta_voice *out, double *audio_s,
                                     struct vanta_error *err)
{
    struct exchange x = {.request = "clone", .answer_max = VANTA_VOICE_BYTES_MAX};
    struct vanta_error what = {0};
    json_t *list = json_array();
    enum vanta_status status;
    size_t i;

    memset(out, 0, sizeof *out);
    for (i = 0; i < n; i++)
        if (json_array_append_new(list, json_string(paths[i])) != 0) {
            json_decref(list);
            return vanta_fail(err, VANTA_ERR_USAGE, "a recording's path is not UTF-8");
        }
    x.message = json_pack("{s:o}", "paths", list);
    if (!x.message)
        return vanta_fail_memory(err);
    status = client_exchange(engine, &x, err);
    if (status == VANTA_OK)
        status = client_judge(&x, read_voice(&x, out, audio_s, &what), &what, err);
    if (status != VANTA_OK)
        vanta_voice_free(out);
    return status;
}
