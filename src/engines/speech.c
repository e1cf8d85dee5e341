#include "engines/speech.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "http/http.h"

#define WORDS_BYTES_MAX ((size_t)64 * 1024)
#define AUDIO_BYTES_MAX ((uint64_t)128 * 1024 * 1024)
#define BACKOFF_MS 500
#define ADDRESS_MAX 300

struct vanta_speech {
    struct vanta_speech_options options;
    struct vanta_speech_key key;
    struct vanta_speech_account account;
    struct vanta_http *http;
    char organization[160], project[160]; /* lines of the header; "": none */
};

/* One call, through all its attempts. */
struct call {
    struct vanta_speech *speech;
    const struct vanta_speech_request *request; /* NULL: a check of the key */
    const char *model;
    char url[VANTA_URL_MAX];
    const char *post; /* NULL: a GET */
    int64_t deadline; /* on the clock */
    uint64_t bytes_max;
    int fd; /* of the temporary file; -1: none */
    /* Of this attempt. */
    struct vanta_http_response response;
    int64_t start_ms, first_byte_ms;
    struct vanta_buf words; /* what came in place of audio */
    bool is_words, is_audio, words_are_full;
    uint8_t head[VANTA_SPEECH_SNIFF_BYTES]; /* until it is known what comes */
    size_t head_bytes;
    uint64_t audio_bytes;
    bool passing;           /* the failure may pass */
    int64_t retry_after_ms; /* -1: not said */
};

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

enum vanta_status vanta_speech_new(const struct vanta_speech_options *options,
                                   struct vanta_speech **out, struct vanta_error *err)
{
    struct vanta_speech *s = calloc(1, sizeof *s);
    struct vanta_http_options http = {.connect_timeout_ms = options->connect_timeout_ms,
                                      .cancel = options->cancel};
    enum vanta_status status;

    if (!s)
        return vanta_fail_memory(err);
    s->options = *options;
    s->options.deadline_ms = or_default(options->deadline_ms, 600000);
    s->options.wait_max_ms = or_default(options->wait_max_ms, 60000);
    s->options.attempts_max = options->attempts_max ? options->attempts_max : 3;
    http.stall_timeout_ms = or_default(options->stall_timeout_ms, 60000);
    status = vanta_speech_key_read(options->key_variable ? options->key_variable
                                                         : VANTA_SPEECH_KEY_VARIABLE,
                                   &s->key, err);
    if (status == VANTA_OK)
        status = vanta_speech_account_read(options->base_url, &s->account, err);
    if (status == VANTA_OK)
        status = vanta_http_new(&http, &s->http, err);
    if (status != VANTA_OK) {
        vanta_speech_free(s);
        return status;
    }
    if (s->account.organization[0])
        vanta_format(s->organization, sizeof s->organization, "OpenAI-Organization: %s",
                     s->account.organization);
    if (s->account.project[0])
        vanta_format(s->project, sizeof s->project, "OpenAI-Project: %s",
                     s->account.project);
    *out = s;
    return VANTA_OK;
}

void vanta_speech_free(struct vanta_speech *speech)
{
    if (!speech)
        return;
    vanta_http_free(speech->http);
    vanta_speech_key_wipe(&speech->key);
    free(speech);
}

const char *vanta_speech_key_from(const struct vanta_speech *speech)
{
    return speech->key.from;
}

const char *vanta_speech_origin(const struct vanta_speech *speech)
{
    return speech->account.origin;
}

static void address(const struct call *c, char out[ADDRESS_MAX])
{
    vanta_url_shown(c->url, out, ADDRESS_MAX);
}

/* --- the body of an answer --- */

static enum vanta_status take_words(struct call *c, const void *data, size_t len)
{
    size_t room = c->words.max - c->words.len;

    c->is_words = true;
    if (len > room || !vanta_buf_append(&c->words, data, len)) {
        /* The beginning says what it is; no need to wait for an end. */
        vanta_buf_append(&c->words, data, len < room ? len : room);
        c->words_are_full = true;
        return VANTA_ERR_LIMIT;
    }
    return VANTA_OK;
}

static enum vanta_status take_audio(struct call *c, const void *data, size_t len,
                                    struct vanta_error *err)
{
    char size[VANTA_SIZE_TEXT_MAX], shown[ADDRESS_MAX];

    if (len > c->bytes_max - c->audio_bytes) {
        address(c, shown);
        vanta_fail(err, VANTA_ERR_LIMIT, "%s: more than %s of audio came", shown,
                   vanta_size_text(c->bytes_max, size));
        vanta_hint(err, "no text of %d characters is as long; check the server, or speak a "
                        "shorter text", VANTA_SPEECH_TEXT_MAX);
        return VANTA_ERR_LIMIT;
    }
    c->audio_bytes += len;
    return vanta_file_write_all(c->fd, data, len, c->request->path, err);
}

/* What the first bytes are, when there are enough of them, or no more. */
static enum vanta_status judge_head(struct call *c, struct vanta_error *err)
{
    const char *found, *wanted = vanta_speech_format_name(c->request->format);
    char shown[ADDRESS_MAX];

    switch (vanta_speech_sniff(c->head, c->head_bytes, c->request->format,
                               c->response.headers.content_type, &found)) {
    case VANTA_SPEECH_SOUND_OK:
        c->is_audio = true;
        return take_audio(c, c->head, c->head_bytes, err);
    case VANTA_SPEECH_SOUND_WORDS:
        return take_words(c, c->head, c->head_bytes);
    case VANTA_SPEECH_SOUND_OTHER:
        break;
    }
    address(c, shown);
    vanta_fail(err, c->head_bytes ? VANTA_ERR_FORMAT : VANTA_ERR_SERVER,
               "%s: %s was asked for, and %s came", shown, wanted, found);
    vanta_hint(err, c->head_bytes ? "the server may not know the format %s: take another"
                                  : "run it again; when it stays so, check the server%s",
               c->head_bytes ? wanted : "");
    return c->head_bytes ? VANTA_ERR_FORMAT : VANTA_ERR_SERVER;
}

static enum vanta_status on_body(void *arg, const void *data, size_t len,
                                 struct vanta_error *err)
{
    struct call *c = arg;
    const uint8_t *p = data;
    enum vanta_status status;
    char shown[ADDRESS_MAX], time[VANTA_SIZE_TEXT_MAX];
    size_t n;

    if (c->first_byte_ms < 0)
        c->first_byte_ms = vanta_clock_ms() - c->start_ms;
    if (vanta_clock_ms() > c->deadline) {
        address(c, shown);
        return vanta_fail(err, VANTA_ERR_NETWORK, "%s: not done after %s", shown,
                          vanta_duration_text(c->speech->options.deadline_ms, time));
    }
    if (!c->request || c->response.headers.status >= 300 || c->is_words)
        return take_words(c, data, len);
    if (!c->is_audio) {
        n = sizeof c->head - c->head_bytes;
        n = len < n ? len : n;
        memcpy(c->head + c->head_bytes, p, n);
        c->head_bytes += n;
        p += n;
        len -= n;
        if (c->head_bytes < sizeof c->head)
            return VANTA_OK;
        status = judge_head(c, err);
        if (status != VANTA_OK)
            return status;
    }
    return c->is_words ? take_words(c, p, len) : take_audio(c, p, len, err);
}

/* --- one attempt --- */

static enum vanta_status refuse(struct call *c, struct vanta_error *err)
{
    const struct vanta_http_headers *h = &c->response.headers;
    const struct vanta_speech *s = c->speech;
    struct vanta_speech_words words;
    char shown[ADDRESS_MAX];
    struct vanta_speech_refused refused = {.status = h->status,
                                           .retry_after_ms = h->retry_after_ms,
                                           .address = shown,
                                           .model = c->model,
                                           .key_from = s->key.from,
                                           .request_id = h->request_id,
                                           .location = h->location,
                                           .is_openai = s->account.is_openai,
                                           .is_check = !c->request,
                                           .words = &words};

    address(c, shown);
    vanta_speech_words_read(c->words.data ? c->words.data : "", c->words.len,
                            h->content_type, &s->key, &words);
    c->passing = vanta_speech_is_passing(h->status, &words);
    c->retry_after_ms = h->retry_after_ms;
    return vanta_speech_refusal(&refused, err);
}

/* why: what the HTTP client said. Its advice is for downloads that go on. */
static enum vanta_status fail_transfer(struct call *c, const struct vanta_error *why,
                                       struct vanta_error *err)
{
    bool answered = c->response.headers.status != 0;

    c->passing = !answered && c->response.failure == VANTA_HTTP_RESET;
    vanta_fail(err, why->status, "%s", why->message);
    if (why->status != VANTA_ERR_NETWORK)
        vanta_hint(err, "%s", why->hint);
    else if (answered && c->request)
        vanta_hint(err, "nothing of the audio was kept; run it again, which is paid for "
                        "again");
    else if (c->response.failure == VANTA_HTTP_STALLED ||
             c->response.failure == VANTA_HTTP_RESET)
        vanta_hint(err, "run it again; when it stays so, check the network%s",
                   c->speech->account.is_openai ? " and https://status.openai.com"
                                                : " and the server");
    else
        vanta_hint(err, "%s", why->hint);
    return why->status;
}

/* A record of the model, whatever is in it. */
static bool is_record(const struct call *c)
{
    json_t *json = NULL;
    bool is = c->words.data &&
              vanta_json_load(c->words.data, c->words.len, "answer", &json, NULL) ==
                  VANTA_OK &&
              json_is_object(json) && !json_object_get(json, "error");

    json_decref(json);
    return is;
}

static void forget(struct call *c)
{
    c->words.len = 0;
    c->is_words = c->is_audio = c->words_are_full = c->passing = false;
    c->head_bytes = 0;
    c->audio_bytes = 0;
    c->first_byte_ms = -1;
    c->retry_after_ms = -1;
}

static enum vanta_status attempt(struct call *c, struct vanta_error *err)
{
    const struct vanta_speech *s = c->speech;
    const char *lines[6] = {c->post ? "Accept: application/octet-stream"
                                    : "Accept: application/json"};
    struct vanta_http_request request = {.url = c->url,
                                         .no_redirects = true,
                                         .bearer = s->key.text,
                                         .post = c->post,
                                         .post_bytes = c->post ? strlen(c->post) : 0,
                                         .lines = lines,
                                         .error_body = true,
                                         .on_body = on_body,
                                         .arg = c};
    struct vanta_error why = {0};
    enum vanta_status status;
    size_t n = 1;
    int http;

    if (c->post)
        lines[n++] = "Content-Type: application/json";
    if (s->organization[0])
        lines[n++] = s->organization;
    if (s->project[0])
        lines[n++] = s->project;
    forget(c);
    if (c->fd >= 0 && (lseek(c->fd, 0, SEEK_SET) != 0 || ftruncate(c->fd, 0) != 0))
        return vanta_fail_errno(err, errno, "writing %s", c->request->path);
    c->start_ms = vanta_clock_ms();
    status = vanta_http_perform(s->http, &request, &c->response, &why);
    http = c->response.headers.status;
    if (status == VANTA_OK && http >= 200 && http < 300 && c->request && !c->is_audio &&
        !c->is_words) {
        status = judge_head(c, err);
        if (status != VANTA_OK)
            return status;
    }
    /* An error that was understood counts, however its text ended. */
    if (status != VANTA_ERR_CANCELLED && (http >= 300 || c->is_words) &&
        (status == VANTA_OK || c->words_are_full ||
         c->response.failure != VANTA_HTTP_CALLER))
        return !c->request && http < 300 && is_record(c) ? VANTA_OK : refuse(c, err);
    if (status == VANTA_OK && !c->request) /* 200, and nothing in it */
        return refuse(c, err);
    return status == VANTA_OK ? VANTA_OK : fail_transfer(c, &why, err);
}

/* --- attempts --- */

static int64_t wait_before(const struct call *c, unsigned attempts)
{
    int64_t ms = BACKOFF_MS << (attempts < 6 ? attempts - 1 : 5);

    if (c->retry_after_ms >= 0)
        return c->retry_after_ms > 100 ? c->retry_after_ms : 100;
    return ms + vanta_clock_ms() % (ms / 4); /* so that many do not come at once */
}

static enum vanta_status run(struct call *c, unsigned *attempts, struct vanta_error *err)
{
    const struct vanta_speech_options *o = &c->speech->options;
    enum vanta_status status;
    int64_t wait;

    c->deadline = vanta_clock_ms() + o->deadline_ms;
    for (*attempts = 1;; ++*attempts) {
        struct vanta_error why = {0};

        status = attempt(c, &why);
        if (status == VANTA_OK)
            return VANTA_OK;
        vanta_speech_key_hide(&c->speech->key, why.message);
        vanta_speech_key_hide(&c->speech->key, why.hint);
        wait = wait_before(c, *attempts);
        if (!c->passing || *attempts >= o->attempts_max || wait > o->wait_max_ms ||
            vanta_clock_ms() + wait >= c->deadline) {
            vanta_fail(err, status, "%s", why.message);
            vanta_hint(err, "%s", why.hint);
            return *attempts > 1 && err && err->status == status
                       ? vanta_wrap(err, "after %u attempts", *attempts)
                       : status;
        }
        if (o->on_wait)
            o->on_wait(o->arg, why.message, wait);
        if (!vanta_clock_sleep_ms(wait, o->cancel))
            return vanta_fail(err, VANTA_ERR_CANCELLED, "stopped");
    }
}

static bool is_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                            "0123456789._:/-");

    return n > 0 && n <= 128 && name[n] == '\0';
}

static enum vanta_status check_model(const char *model, struct vanta_error *err)
{
    if (is_name(model))
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_USAGE, "%.140s: not a model's name", model);
}

enum vanta_status vanta_speech_check_key(struct vanta_speech *speech, const char *model,
                                         struct vanta_error *err)
{
    struct vanta_buf url = VANTA_BUF(VANTA_URL_MAX - 1);
    struct call *c = NULL;
    enum vanta_status status;
    unsigned attempts;

    if (!model)
        model = VANTA_SPEECH_MODEL;
    status = check_model(model, err);
    if (status != VANTA_OK)
        return status;
    c = calloc(1, sizeof *c);
    if (!c || !vanta_buf_printf(&url, "%s/models/", speech->account.base) ||
        !vanta_url_encode(&url, model, false)) {
        status = vanta_fail_memory(err);
        goto out;
    }
    c->speech = speech;
    c->model = model;
    c->words = VANTA_BUF(WORDS_BYTES_MAX);
    c->fd = -1;
    memcpy(c->url, url.data, url.len + 1);
    status = run(c, &attempts, err);
    vanta_buf_free(&c->words);
out:
    vanta_buf_free(&url);
    free(c);
    return status;
}

/* --- speaking --- */

/* Whether there is anything but white space and control characters. */
static bool has_words(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;

    for (; *p; p++) {
        if (*p == 0xc2 && p[1] <= 0xa0) { /* C1, and the no-break space */
            p++;
            continue;
        }
        if (*p > ' ' && *p != 0x7f)
            return true;
    }
    return false;
}

static enum vanta_status check_text(const char *text, struct vanta_error *err)
{
    size_t n = text ? vanta_text_characters(text) : 0;

    if (n == SIZE_MAX) {
        vanta_fail(err, VANTA_ERR_USAGE, "the text to speak is not valid UTF-8");
        vanta_hint(err, "convert it: iconv -f ISO-8859-1 -t UTF-8");
    } else if (n == 0 || !has_words(text)) {
        vanta_fail(err, VANTA_ERR_USAGE, "there is no text to speak");
        vanta_hint(err, "give at least one word");
    } else if (n > VANTA_SPEECH_TEXT_MAX) {
        vanta_fail(err, VANTA_ERR_USAGE, "the text to speak has %zu characters; a request "
                   "takes %d", n, VANTA_SPEECH_TEXT_MAX);
        vanta_hint(err, "split it, at the ends of sentences");
    } else {
        return VANTA_OK;
    }
    return VANTA_ERR_USAGE;
}

/* The voices of tts-1 and tts-1-hd; other servers have their own. */
static enum vanta_status check_voice(const struct vanta_speech *s, const char *model,
                                     const char *voice, struct vanta_error *err)
{
    static const char *const voices[] = {"alloy", "ash",  "coral", "echo",   "fable",
                                         "onyx",  "nova", "sage",  "shimmer"};
    const size_t n = sizeof voices / sizeof voices[0];
    const char *nearest;
    size_t i;

    if (!is_name(voice))
        return vanta_fail(err, VANTA_ERR_USAGE, "%.140s: not a voice's name", voice);
    if (!s->account.is_openai || !vanta_has_prefix(model, VANTA_SPEECH_MODEL))
        return VANTA_OK;
    for (i = 0; i < n; i++)
        if (strcmp(voices[i], voice) == 0)
            return VANTA_OK;
    nearest = vanta_nearest(voice, voices, n);
    vanta_fail(err, VANTA_ERR_USAGE, "%s has no voice %s%s%s%s", model, voice,
               nearest ? "; did you mean " : "", nearest ? nearest : "",
               nearest ? "?" : "");
    vanta_hint(err, "alloy, ash, coral, echo, fable, onyx, nova, sage or shimmer");
    return VANTA_ERR_USAGE;
}

/* Before anything is paid for. */
static enum vanta_status check_path(const struct vanta_speech_request *r,
                                    struct vanta_error *err)
{
    if (!r->path || !*r->path)
        return vanta_fail(err, VANTA_ERR_USAGE, "no file is named for the audio");
    if (!vanta_file_exists(r->path))
        return VANTA_OK;
    if (vanta_file_size(r->path) < 0)
        return vanta_fail(err, VANTA_ERR_EXISTS, "%s: not a regular file", r->path);
    if (r->replace)
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_EXISTS, "%s exists already", r->path);
    vanta_hint(err, "name another file, or remove this one");
    return VANTA_ERR_EXISTS;
}

static enum vanta_status check_request(const struct vanta_speech *s,
                                       const struct vanta_speech_request *r,
                                       struct vanta_error *err)
{
    const char *model = r->model ? r->model : VANTA_SPEECH_MODEL;
    enum vanta_status status = check_text(r->text, err);

    if (status == VANTA_OK)
        status = check_model(model, err);
    if (status == VANTA_OK)
        status = check_voice(s, model, r->voice ? r->voice : VANTA_SPEECH_VOICE, err);
    if (status == VANTA_OK && (unsigned)r->format >= VANTA_SPEECH_FORMATS)
        status = vanta_fail(err, VANTA_ERR_USAGE, "no such format of audio");
    /* The comparison is so that not-a-number fails it. */
    if (status == VANTA_OK && r->speed != 0.0 &&
        !(r->speed >= VANTA_SPEECH_SPEED_MIN && r->speed <= VANTA_SPEECH_SPEED_MAX)) {
        status = vanta_fail(err, VANTA_ERR_USAGE, "a speed of %g: it is from %g to %g",
                            r->speed, VANTA_SPEECH_SPEED_MIN, VANTA_SPEECH_SPEED_MAX);
    }
    return status == VANTA_OK ? check_path(r, err) : status;
}

/* The request's JSON; freed with free(). NULL: memory. */
static char *request_text(const struct vanta_speech_request *r)
{
    json_t *json = json_object();
    char *text = NULL;
    bool ok;

    ok = json &&
         json_object_set_new(json, "model",
                             json_string(r->model ? r->model : VANTA_SPEECH_MODEL)) == 0 &&
         json_object_set_new(json, "input", json_string(r->text)) == 0 &&
         json_object_set_new(json, "voice",
                             json_string(r->voice ? r->voice : VANTA_SPEECH_VOICE)) == 0 &&
         json_object_set_new(json, "response_format",
                             json_string(vanta_speech_format_name(r->format))) == 0;
    if (ok && r->speed != 0.0 && r->speed != 1.0)
        ok = json_object_set_new(json, "speed", json_real(r->speed)) == 0;
    if (ok)
        text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(json);
    return text;
}

/* All is there but the call; post and the temporary file are the caller's. */
static enum vanta_status speak(struct call *c, const char *temporary,
                               struct vanta_speech_result *result, struct vanta_error *err)
{
    enum vanta_status status = run(c, &result->attempts, err);

    if (close(c->fd) != 0 && status == VANTA_OK)
        status = vanta_fail_errno(err, errno, "writing %s", c->request->path);
    if (status == VANTA_OK)
        status = vanta_file_move(temporary, c->request->path, c->request->replace, err);
    if (status != VANTA_OK) {
        unlink(temporary);
        return status;
    }
    result->bytes = c->audio_bytes;
    result->first_byte_ms = c->first_byte_ms;
    result->total_ms = vanta_clock_ms() - c->start_ms;
    memcpy(result->request_id, c->response.headers.request_id, sizeof result->request_id);
    vanta_speech_key_hide(&c->speech->key, result->request_id);
    return VANTA_OK;
}

enum vanta_status vanta_speech_speak(struct vanta_speech *speech,
                                     const struct vanta_speech_request *request,
                                     struct vanta_speech_result *result,
                                     struct vanta_error *err)
{
    char temporary[VANTA_PATH_MAX];
    struct call *c = NULL;
    char *post = NULL;
    enum vanta_status status = check_request(speech, request, err);

    memset(result, 0, sizeof *result);
    if (status != VANTA_OK)
        return status;
    c = calloc(1, sizeof *c);
    post = request_text(request);
    if (!c || !post) {
        status = vanta_fail_memory(err);
        goto out;
    }
    c->speech = speech;
    c->request = request;
    c->model = request->model ? request->model : VANTA_SPEECH_MODEL;
    c->post = post;
    c->bytes_max = request->bytes_max ? request->bytes_max : AUDIO_BYTES_MAX;
    c->words = VANTA_BUF(WORDS_BYTES_MAX);
    vanta_format(c->url, sizeof c->url, "%s/audio/speech", speech->account.base);
    c->fd = vanta_file_create_held(request->path, temporary);
    if (c->fd < 0) {
        status = vanta_fail_errno(err, errno, "writing %s", request->path);
        goto out;
    }
    status = speak(c, temporary, result, err);
    vanta_buf_free(&c->words);
out:
    free(post);
    free(c);
    return status;
}
