#include "engines/speech_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "http/body.h"

static const char *const format_names[VANTA_SPEECH_FORMATS] = {
    [VANTA_SPEECH_MP3] = "mp3",   [VANTA_SPEECH_OPUS] = "opus",
    [VANTA_SPEECH_AAC] = "aac",   [VANTA_SPEECH_FLAC] = "flac",
    [VANTA_SPEECH_WAV] = "wav",   [VANTA_SPEECH_PCM] = "pcm"};

const char *vanta_speech_format_name(enum vanta_speech_format format)
{
    return (unsigned)format < VANTA_SPEECH_FORMATS ? format_names[format] : "?";
}

bool vanta_speech_format_parse(const char *name, enum vanta_speech_format *out)
{
    int i;

    for (i = 0; i < VANTA_SPEECH_FORMATS; i++)
        if (vanta_streq_nocase(name, format_names[i])) {
            *out = (enum vanta_speech_format)i;
            return true;
        }
    return false;
}

/* --- text in the place of audio --- */

static bool is_json_type(const char *content_type)
{
    return strcmp(content_type, "application/json") == 0 ||
           strcmp(content_type, "application/problem+json") == 0;
}

/* A comment may stand before the page. */
static bool is_html(const char *p, const char *end)
{
    return vanta_body_is_html(p, end) ||
           vanta_body_starts(vanta_body_text(p, end), end, "<!--");
}

/* An opening brace, and a key or an end behind it. */
static bool is_json(const char *p, const char *end)
{
    p = vanta_body_text(p, end);
    if (p >= end || *p != '{')
        return false;
    p = vanta_body_text(p + 1, end);
    return p < end && (*p == '"' || *p == '}');
}

/* --- audio --- */

static bool is_mp3(const uint8_t *p, size_t len)
{
    if (len >= 3 && memcmp(p, "ID3", 3) == 0)
        return true;
    /* A frame: sync, a version that exists, layer III, a bit rate and a sampling rate that
     * exist. */
    return len >= 3 && p[0] == 0xff && (p[1] & 0xe0) == 0xe0 && (p[1] & 0x18) != 0x08 &&
           (p[1] & 0x06) == 0x02 && (p[2] & 0xf0) != 0xf0 && (p[2] & 0x0c) != 0x0c;
}

static bool is_ogg(const uint8_t *p, size_t len)
{
    return len >= 4 && memcmp(p, "OggS", 4) == 0;
}

/* The first page's header has 27 bytes and one for each segment, of which there is one. */
static bool is_opus(const uint8_t *p, size_t len)
{
    return is_ogg(p, len) && len >= 36 && memcmp(p + 28, "OpusHead", 8) == 0;
}

static bool is_aac(const uint8_t *p, size_t len)
{
    return len >= 3 && p[0] == 0xff && (p[1] & 0xf6) == 0xf0 && (p[2] & 0x3c) <= 0x30;
}

static bool is_flac(const uint8_t *p, size_t len)
{
    return len >= 4 && memcmp(p, "fLaC", 4) == 0;
}

static bool is_wav(const uint8_t *p, size_t len)
{
    return len >= 12 && memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WAVE", 4) == 0;
}

/* Samples have no mark of their own: anything that starts like nothing else. A frame's
 * sync of two bytes is too little to speak against them. */
static bool is_pcm(const uint8_t *p, size_t len)
{
    return len >= 2 && !is_wav(p, len) && !is_ogg(p, len) && !is_flac(p, len) &&
           !(len >= 3 && memcmp(p, "ID3", 3) == 0);
}

static bool is_sound(const uint8_t *p, size_t len, enum vanta_speech_format format)
{
    switch (format) {
    case VANTA_SPEECH_MP3:
        return is_mp3(p, len);
    case VANTA_SPEECH_OPUS:
        return is_opus(p, len);
    case VANTA_SPEECH_AAC:
        return is_aac(p, len);
    case VANTA_SPEECH_FLAC:
        return is_flac(p, len);
    case VANTA_SPEECH_WAV:
        return is_wav(p, len);
    case VANTA_SPEECH_PCM:
        return is_pcm(p, len);
    case VANTA_SPEECH_FORMATS:
        break;
    }
    return false;
}

static const char *sound_name(const uint8_t *p, size_t len)
{
    return is_mp3(p, len)    ? "MP3"
           : is_opus(p, len) ? "Opus"
           : is_ogg(p, len)  ? "Ogg of another kind than Opus"
           : is_aac(p, len)  ? "AAC"
           : is_flac(p, len) ? "FLAC"
           : is_wav(p, len)  ? "WAV"
           : len >= 8 && memcmp(p + 4, "ftyp", 4) == 0 ? "an MP4 file"
           : len >= 2 && p[0] == 0x1f && p[1] == 0x8b  ? "gzip data"
                                                       : "something that is no audio";
}

enum vanta_speech_sound vanta_speech_sniff(const void *data, size_t len,
                                           enum vanta_speech_format wanted,
                                           const char *content_type, const char **found)
{
    const char *p = data, *end = p + len, *ignored;

    if (!found)
        found = &ignored;
    *found = vanta_body_is_html_type(content_type) || is_html(p, end)  ? "an HTML page"
             : is_json_type(content_type) || is_json(p, end) ? "JSON"
             : vanta_has_prefix(content_type, "text/")       ? "text"
                                                             : NULL;
    if (*found)
        return VANTA_SPEECH_SOUND_WORDS;
    if (is_sound(data, len, wanted)) {
        *found = vanta_speech_format_name(wanted);
        return VANTA_SPEECH_SOUND_OK;
    }
    *found = len ? sound_name(data, len) : "nothing";
    return VANTA_SPEECH_SOUND_OTHER;
}

/* --- words --- */

/* len bytes of text for one line: without the key, without line breaks, cut. */
static void take_message(char *out, size_t size, const char *text, size_t len,
                         const struct vanta_speech_key *key)
{
    char *copy, *p;

    out[0] = '\0';
    /* What is behind cannot be shown; the key's search is of the length's square. */
    copy = vanta_strndup(text, len < 2048 ? len : 2048);
    if (!copy)
        return;
    for (p = copy; *p; p++)
        if (memchr(" \t\r\n", *p, 4))
            *p = ' ';
    vanta_speech_key_hide(key, copy);
    p = copy + strspn(copy, " ");
    vanta_text_printable(p, out, size);
    len = strlen(out);
    while (len > 0 && out[len - 1] == ' ')
        out[--len] = '\0';
    free(copy);
}

static void read_page(const char *p, const char *end, const struct vanta_speech_key *key,
                      struct vanta_speech_words *out)
{
    const char *title = vanta_body_find(p, end, "<title>"), *close;
    bool login = vanta_body_find(p, end, "login") || vanta_body_find(p, end, "log in") ||
                 vanta_body_find(p, end, "sign in") || vanta_body_find(p, end, "password");

    out->kind = login ? VANTA_SPEECH_WORDS_LOGIN : VANTA_SPEECH_WORDS_PAGE;
    if (!title)
        return;
    title += 7;
    close = memchr(title, '<', (size_t)(end - title));
    take_message(out->message, 100, title, (size_t)((close ? close : end) - title), key);
}

static const char *text_at(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* {"error": {"message", "type", "code"}}; servers that only speak like the API send
 * {"error": "..."}, {"message": "..."} or {"detail": "..."}. */
static bool read_error(const char *p, size_t len, const struct vanta_speech_key *key,
                       struct vanta_speech_words *out)
{
    json_t *json = NULL, *error;
    const char *message, *text;

    if (vanta_json_load(p, len, "answer", &json, NULL) != VANTA_OK)
        return false;
    error = json_object_get(json, "error");
    message = text_at(error, "message");
    if (!message)
        message = json_string_value(error);
    if (!message)
        message = text_at(json, "message");
    if (!message)
        message = text_at(json, "detail");
    if (message) {
        out->kind = VANTA_SPEECH_WORDS_ERROR;
        take_message(out->message, sizeof out->message, message, strlen(message), key);
        text = text_at(error, "code");
        if (text)
            take_message(out->code, sizeof out->code, text, strlen(text), key);
        text = text_at(error, "type");
        if (text)
            take_message(out->type, sizeof out->type, text, strlen(text), key);
    }
    json_decref(json);
    return message != NULL;
}

/* The first line, where it is text at all. */
static void read_text(const char *p, const char *end, const struct vanta_speech_key *key,
                      struct vanta_speech_words *out)
{
    const char *line;

    p = vanta_body_text(p, end);
    for (line = p; line < end && *line != '\n'; line++)
        if ((unsigned char)*line < ' ' && !memchr("\t\r", *line, 2))
            return;
    take_message(out->message, sizeof out->message, p, (size_t)(line - p), key);
    if (out->message[0])
        out->kind = VANTA_SPEECH_WORDS_TEXT;
}

void vanta_speech_words_read(const void *data, size_t len, const char *content_type,
                             const struct vanta_speech_key *key,
                             struct vanta_speech_words *out)
{
    const char *p = data, *end = p + len;

    memset(out, 0, sizeof *out);
    if (len == 0)
        return;
    if (vanta_body_is_html_type(content_type) || is_html(p, end))
        read_page(p, end, key, out);
    else if (!read_error(p, len, key, out))
        read_text(p, end, key, out);
}

/* --- refusals --- */

bool vanta_speech_is_passing(int status, const struct vanta_speech_words *words)
{
    switch (status) {
    case 429:
        return strcmp(words->code, "insufficient_quota") != 0 &&
               strcmp(words->type, "insufficient_quota") != 0;
    case 408:
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return false;
    }
}

static bool is_page(const struct vanta_speech_words *words)
{
    return words->kind == VANTA_SPEECH_WORDS_PAGE ||
           words->kind == VANTA_SPEECH_WORDS_LOGIN;
}

/* An HTML page, which the API never sends: somebody else answered. */
static enum vanta_status refuse_page(const struct vanta_speech_refused *r,
                                     struct vanta_error *err)
{
    bool login = r->words->kind == VANTA_SPEECH_WORDS_LOGIN;
    const char *title = r->words->message;
    enum vanta_status status = login ? VANTA_ERR_NETWORK : VANTA_ERR_SERVER;

    vanta_fail(err, status, "%s: %s came in place of %s (%d%s%s%s)", r->address,
               login ? "a login page" : "an HTML page", r->is_check ? "an answer" : "audio",
               r->status, title[0] ? ", \"" : "", title, title[0] ? "\"" : "");
    vanta_hint(err, login ? "this network wants you to log in first: open any page in a "
                            "browser, then run this again"
                    : r->is_openai
                        ? "a proxy or firewall on the way answers in the API's place, or "
                          "the API is down: see https://status.openai.com"
                        : "check OPENAI_BASE_URL: it names the API's root, as "
                          "https://HOST/v1");
    return status;
}

static enum vanta_status refuse_redirect(const struct vanta_speech_refused *r,
                                         struct vanta_error *err)
{
    struct vanta_url url;
    char origin[VANTA_URL_ORIGIN_MAX] = "another address";

    if (vanta_url_parse(r->location, &url, NULL))
        vanta_url_origin(&url, origin);
    vanta_fail(err, VANTA_ERR_SERVER,
               "%s: redirected to %s (%d); the key does not follow", r->address, origin,
               r->status);
    vanta_hint(err, "if that is where the API is, set OPENAI_BASE_URL to it; else a proxy "
                    "or a network that wants a login sends you there");
    return VANTA_ERR_SERVER;
}

struct advice {
    enum vanta_status status;
    const char *what;
    char hint[VANTA_ERROR_HINT_MAX];
};

static void advise_key(const struct vanta_speech_refused *r, struct advice *a)
{
    a->status = VANTA_ERR_AUTH;
    a->what = "the key is not accepted";
    vanta_format(a->hint, sizeof a->hint,
                 "the key from %.200s is wrong, revoked, or of another account: %s",
                 r->key_from,
                 r->is_openai ? "make one at https://platform.openai.com/api-keys"
                              : "OPENAI_BASE_URL names another server than OpenAI's, which "
                                "wants a key of its own");
}

static void advise_rights(const struct vanta_speech_refused *r, struct advice *a)
{
    a->status = VANTA_ERR_AUTH;
    a->what = "the key may not do this";
    if (strcmp(r->words->code, "unsupported_country_region_territory") == 0)
        vanta_format(a->hint, sizeof a->hint,
                     "the API does not serve the country this connection comes from");
    else
        vanta_format(a->hint, sizeof a->hint,
                     "give the key from %.200s (and its project) the right %s", r->key_from,
                     r->is_check ? "to read models; without it only a request that is paid "
                                   "for shows whether it may speak"
                                 : "to use the text-to-speech API and this model");
}

static void advise_rate(const struct vanta_speech_refused *r, struct advice *a)
{
    char wait[VANTA_SIZE_TEXT_MAX];

    a->status = VANTA_ERR_SERVER;
    if (!vanta_speech_is_passing(r->status, r->words)) {
        a->what = "the account's quota is used up";
        vanta_format(a->hint, sizeof a->hint,
                     "add credit or raise the limit of the account or project: "
                     "https://platform.openai.com/settings/organization/billing");
        return;
    }
    a->what = "too many requests";
    if (r->retry_after_ms >= 0)
        vanta_format(a->hint, sizeof a->hint, "try again in %s, as the server asks",
                     vanta_duration_text(r->retry_after_ms, wait));
    else
        vanta_format(a->hint, sizeof a->hint, "wait a minute, then try again");
}

static void advise_not_found(const struct vanta_speech_refused *r, struct advice *a)
{
    a->status = VANTA_ERR_NOT_FOUND;
    a->what = "not found";
    vanta_format(a->hint, sizeof a->hint, "%s %.80s%s",
                 r->is_openai ? "the key's project may have no access to the model"
                              : "OPENAI_BASE_URL must name the API's root, as "
                                "https://HOST/v1, on a server that has the model",
                 r->model, r->is_openai ? ": see its limits on platform.openai.com" : "");
}

static void advise(const struct vanta_speech_refused *r, struct advice *a)
{
    a->status = VANTA_ERR_SERVER;
    a->hint[0] = '\0';
    switch (r->status) {
    case 401:
        advise_key(r, a);
        return;
    case 403:
        advise_rights(r, a);
        return;
    case 404:
        advise_not_found(r, a);
        return;
    case 407:
        a->status = VANTA_ERR_NETWORK;
        a->what = "the proxy wants a name and a password";
        vanta_format(a->hint, sizeof a->hint, "put them into https_proxy");
        return;
    case 429:
        advise_rate(r, a);
        return;
    case 400:
    case 413:
    case 422:
        a->status = VANTA_ERR_USAGE;
        a->what = "the request is not accepted";
        vanta_format(a->hint, sizeof a->hint,
                     "change what the server names: text, voice, format or speed");
        return;
    default:
        break;
    }
    a->what = r->status >= 500 ? "the server failed" : "an answer that is not understood";
    vanta_format(a->hint, sizeof a->hint, "%s",
                 r->status < 500   ? "check OPENAI_BASE_URL and proxies"
                 : r->is_openai    ? "try again later; https://status.openai.com says when "
                                     "the API is down"
                                   : "see the log of the server that OPENAI_BASE_URL names");
}

enum vanta_status vanta_speech_refusal(const struct vanta_speech_refused *r,
                                       struct vanta_error *err)
{
    const struct vanta_speech_words *words = r->words;
    bool said = words->message[0] != '\0', named = r->request_id[0] != '\0';
    struct advice a;

    if (is_page(words))
        return refuse_page(r, err);
    if (r->status >= 300 && r->status < 400)
        return refuse_redirect(r, err);
    if (r->status < 300) {
        vanta_fail(err, VANTA_ERR_SERVER, "%s: %s came in place of %s%s%s%s", r->address,
                   words->kind == VANTA_SPEECH_WORDS_ERROR ? "an error" : "text",
                   r->is_check ? "an answer" : "audio", said ? ": \"" : "", words->message,
                   said ? "\"" : "");
        vanta_hint(err, "check OPENAI_BASE_URL and the server that it names");
        return VANTA_ERR_SERVER;
    }
    advise(r, &a);
    vanta_fail(err, a.status, "%s: %s (%d%s%s)%s%s%s%s%s%s", r->address, a.what, r->status,
               words->code[0] ? ", " : "", words->code, said ? ": \"" : "", words->message,
               said ? "\"" : "", named ? " [request " : "", r->request_id,
               named ? "]" : "");
    vanta_hint(err, "%s", a.hint);
    return a.status;
}
