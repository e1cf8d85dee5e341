/*
 * speech_answer.h - what the speech API sent: audio, words in its place, a refusal.
 *
 * Pure reading of bytes from outside: no connection, no file. Not responsible for decoding
 * audio, only for saying whether the first bytes can be those of the kind that was asked.
 *
 *     struct vanta_speech_words words;
 *     vanta_speech_words_read(body, len, content_type, &words);
 *     vanta_speech_refusal(&refused, err);       // always fails, with cause and advice
 *
 * Sources: the API's openapi.json (ErrorResponse, CreateSpeechRequest); RFC 3533 and 7845
 * (Ogg, Opus), RFC 9639 (FLAC), ISO 11172-3 and 13818-7 (MPEG audio, ADTS), RIFF WAVE.
 * Limits: messages are cut to VANTA_SPEECH_WORDS_MAX; nothing is kept of what was read.
 * Threads: all functions are pure.
 */
#ifndef VANTA_ENGINES_SPEECH_ANSWER_H
#define VANTA_ENGINES_SPEECH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engines/speech_key.h"
#include "vanta_error.h"

enum vanta_speech_format {
    VANTA_SPEECH_MP3 = 0,
    VANTA_SPEECH_OPUS, /* in Ogg */
    VANTA_SPEECH_AAC,  /* ADTS */
    VANTA_SPEECH_FLAC,
    VANTA_SPEECH_WAV,
    VANTA_SPEECH_PCM,  /* 24,000 Hz, one channel, 16 bits, little-endian, no header */
    VANTA_SPEECH_FORMATS
};

/* "mp3", "opus", ...: as in the request, and as a file's suffix. */
const char *vanta_speech_format_name(enum vanta_speech_format format);
bool vanta_speech_format_parse(const char *name, enum vanta_speech_format *out);

/* So many first bytes are wanted for sniffing; fewer only where there are no more. */
#define VANTA_SPEECH_SNIFF_BYTES 512

enum vanta_speech_sound {
    VANTA_SPEECH_SOUND_OK,    /* can be what was asked for */
    VANTA_SPEECH_SOUND_WORDS, /* text: HTML, JSON, or words */
    VANTA_SPEECH_SOUND_OTHER  /* audio of another kind, or something else */
};

/* found (may be NULL) gets what it is: "MP3", "an HTML page". content_type: the server's
 * word, "" none; it only ever speaks against audio. */
enum vanta_speech_sound vanta_speech_sniff(const void *data, size_t len,
                                           enum vanta_speech_format wanted,
                                           const char *content_type, const char **found);

#define VANTA_SPEECH_WORDS_MAX 400

enum vanta_speech_words_kind {
    VANTA_SPEECH_WORDS_NONE,   /* empty, or nothing that can be shown */
    VANTA_SPEECH_WORDS_ERROR,  /* JSON with an error's message */
    VANTA_SPEECH_WORDS_PAGE,   /* HTML: message is its title */
    VANTA_SPEECH_WORDS_LOGIN,  /* HTML that asks for a login */
    VANTA_SPEECH_WORDS_TEXT    /* other text: its first line */
};

struct vanta_speech_words {
    enum vanta_speech_words_kind kind;
    char message[VANTA_SPEECH_WORDS_MAX]; /* printable, one line; may be "" */
    char code[64];                        /* of an ERROR: "invalid_api_key"; may be "" */
    char type[64];
};

/* key (may be NULL) is taken out before the text is cut. */
void vanta_speech_words_read(const void *data, size_t len, const char *content_type,
                             const struct vanta_speech_key *key,
                             struct vanta_speech_words *out);

struct vanta_speech_refused {
    int status;                /* HTTP; 200 to 299: words came in place of audio */
    int64_t retry_after_ms;    /* -1: not said */
    const char *address;       /* for messages */
    const char *model;
    const char *key_from;
    const char *request_id;    /* "": none */
    const char *location;      /* of a redirect; "": none */
    bool is_openai;            /* the API's own server */
    bool is_check;             /* nothing was to be paid for */
    const struct vanta_speech_words *words;
};

/* Fills err and returns its status. VANTA_ERR_USAGE: 400, 413, 422 (the request);
 * VANTA_ERR_AUTH: 401, 403; VANTA_ERR_NOT_FOUND: 404; VANTA_ERR_NETWORK: 407, a login page;
 * VANTA_ERR_SERVER: all else (429, 5xx, redirects, pages). */
enum vanta_status vanta_speech_refusal(const struct vanta_speech_refused *refused,
                                       struct vanta_error *err);

/* Whether the same request can succeed a little later: 408, 429 but for a used-up quota,
 * 500, 502, 503, 504. */
bool vanta_speech_is_passing(int status, const struct vanta_speech_words *words);

#endif
