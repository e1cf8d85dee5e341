/*
 * speech.h - text to speech through OpenAI's API, or a server that speaks like it.
 *
 * Not responsible for decoding or judging the audio, nor for cutting longer texts into
 * parts: the caller does.
 *
 *     struct vanta_speech_options options = {.cancel = &cancel};
 *     struct vanta_speech *speech;
 *     vanta_speech_new(&options, &speech, err);      // reads the key, no connection
 *     vanta_speech_check_key(speech, "tts-1", err);  // costs nothing
 *     vanta_speech_speak(speech, &request, &result, err);  // is paid for
 *     vanta_speech_free(speech);
 *
 * The key (speech_key.h) is read once, sent over https only or to this machine, never
 * across a redirect (none is followed), and part of no text that this module gives: what a
 * server says of it is taken out of messages.
 *
 * Repeats: 408, 429 (but for a used-up quota), 500, 502, 503, 504 and a connection that
 * breaks before any answer are tried again, attempts_max times in all, after the time that
 * Retry-After says, else 0.5 s, 1 s, 2 s. A wait longer than wait_max_ms, or past the
 * deadline, is not begun. Audio that has begun and breaks is not asked for again, because
 * it would be paid for again.
 *
 * Limits: VANTA_SPEECH_TEXT_MAX characters of text; bytes_max of audio; 64 KiB of an
 * error's words. Memory: a few dozen KB whatever comes.
 * Statuses besides those of speech_answer.h: VANTA_ERR_NETWORK (no answer, broke off, took
 * too long), VANTA_ERR_FORMAT (audio of another kind), VANTA_ERR_LIMIT, VANTA_ERR_CANCELLED,
 * and those of file.h. After a failure nothing is left at the path. Threads: one
 * vanta_speech may be used by many.
 *
 * Source: github.com/openai/openai-openapi, openapi.json: createSpeech, retrieveModel.
 */
#ifndef VANTA_ENGINES_SPEECH_H
#define VANTA_ENGINES_SPEECH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engines/speech_answer.h"
#include "vanta_error.h"

#define VANTA_SPEECH_MODEL "tts-1"
#define VANTA_SPEECH_VOICE "alloy"
#define VANTA_SPEECH_TEXT_MAX 4096 /* characters */
#define VANTA_SPEECH_SPEED_MIN 0.25
#define VANTA_SPEECH_SPEED_MAX 4.0

struct vanta_speech;

/* Called before each wait; why is the failure's message. */
typedef void vanta_speech_on_wait(void *arg, const char *why, int64_t wait_ms);

struct vanta_speech_options {
    const char *key_variable;   /* NULL: OPENAI_API_KEY; its file: the name with _FILE */
    const char *base_url;       /* NULL: OPENAI_BASE_URL, else the API's own */
    int64_t connect_timeout_ms; /* 0: 10,000 */
    int64_t stall_timeout_ms;   /* no answer, or no byte of it, for so long; 0: 60,000 */
    int64_t deadline_ms;        /* for a call with its repeats; 0: 600,000 */
    int64_t wait_max_ms;        /* between two attempts; 0: 60,000 */
    unsigned attempts_max;      /* 0: 3 */
    vanta_speech_on_wait *on_wait; /* may be NULL */
    void *arg;
    const atomic_bool *cancel;  /* may be NULL */
};

/* VANTA_ERR_NOT_FOUND: no key is set; VANTA_ERR_AUTH: it cannot be used;
 * VANTA_ERR_USAGE: a variable of the account cannot be used. */
enum vanta_status vanta_speech_new(const struct vanta_speech_options *options,
                                   struct vanta_speech **out, struct vanta_error *err);
void vanta_speech_free(struct vanta_speech *speech); /* NULL is fine */

/* For messages: "OPENAI_API_KEY" or "the file PATH", and "https://api.openai.com". */
const char *vanta_speech_key_from(const struct vanta_speech *speech);
const char *vanta_speech_origin(const struct vanta_speech *speech);

/* Asks for the model's record, which is free. VANTA_OK: key and model are fine.
 * VANTA_ERR_AUTH: the key is wrong (401), or may not read models (403), which does not
 * say that it may not speak. VANTA_ERR_NOT_FOUND: this key has no such model. Others: it
 * could not be said. */
enum vanta_status vanta_speech_check_key(struct vanta_speech *speech, const char *model,
                                         struct vanta_error *err);

struct vanta_speech_request {
    const char *text;  /* UTF-8, 1 to VANTA_SPEECH_TEXT_MAX characters */
    const char *model; /* NULL: tts-1 */
    const char *voice; /* NULL: alloy */
    enum vanta_speech_format format;
    double speed;      /* VANTA_SPEECH_SPEED_MIN to _MAX; 0: 1 */
    const char *path;  /* of the file to be made */
    bool replace;      /* a file there; else VANTA_ERR_EXISTS, before anything is paid */
    uint64_t bytes_max; /* of audio; 0: 128 MiB */
};

struct vanta_speech_result {
    uint64_t bytes;
    unsigned attempts;
    int64_t first_byte_ms; /* of the attempt that worked, from its start */
    int64_t total_ms;      /* the same, to its last byte */
    char request_id[128];  /* the server's; "" none */
};

enum vanta_status vanta_speech_speak(struct vanta_speech *speech,
                                     const struct vanta_speech_request *request,
                                     struct vanta_speech_result *result,
                                     struct vanta_error *err);

#endif
