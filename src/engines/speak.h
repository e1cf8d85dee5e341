/*
 * speak.h - text to speech by a model on this machine: engine.h's requests of one that was
 * opened as VANTA_ENGINE_SPEECH.
 *
 *     struct vanta_speak request = {.text = "Good morning.", .language = "en", ...};
 *     vanta_engine_speak(engine, &request, &spoken, err);    // samples go to the listener
 *
 * Not responsible for files of audio (models/wav.h) nor for where voices are kept.
 * Ownership, statuses, the state after a failure and threads are engine.h's.
 */
#ifndef VANTA_ENGINES_SPEAK_H
#define VANTA_ENGINES_SPEAK_H

#include "engines/engine.h"
#include "engines/voice.h"

#define VANTA_SPEAK_TEXT_MAX ((size_t)1024 * 1024) /* bytes */
#define VANTA_SPEAK_HZ 24000
#define VANTA_SPEAK_UNKNOWN_BYTES 64
#define VANTA_SPEAK_SPEED_MIN 0.25
#define VANTA_SPEAK_SPEED_MAX 4.0

/* Of the numbers, those below 0 are the model's own (speed: 1). */
struct vanta_speak {
    const char *text;
    const char *language; /* "en" */
    const char *voice;    /* of the model; NULL: its first, or */
    const float *made;    /* the values of a voice that was cloned (voice.h) */
    size_t n_made;
    bool romanized;       /* Chinese, Japanese, Korean in Latin letters */
    uint32_t seed;        /* the same text, voice and seed is the same speech */
    double temperature;   /* 0 to 10; 0: the likeliest code */
    double top_p;         /* above 0 to 1 */
    double repetition_penalty; /* 1 to 20 */
    double speed;
    int top_k;            /* 0: of all */
};

struct vanta_spoken {
    int64_t samples; /* VANTA_SPEAK_HZ a second; the listener got them all */
    int64_t sentences, codes;
    int64_t cut;     /* sentences that ran into the model's limit */
    int64_t unknown; /* characters that the model does not know and so cannot say, */
    char unknown_characters[VANTA_SPEAK_UNKNOWN_BYTES]; /* and the first that differ */
    double engine_ms, first_audio_ms;
};

/* The listener gets AUDIO events in order while it is spoken. VANTA_ERR_USAGE: nothing to
 * say in the text; _NOT_FOUND: no such voice; _UNSUPPORTED: the language, or a text that
 * needs a dictionary; _LIMIT: the text is too long. */
enum vanta_status vanta_engine_speak(struct vanta_engine *engine,
                                     const struct vanta_speak *request,
                                     struct vanta_spoken *out, struct vanta_error *err);

/* {"voices": [NAME...], "languages": [CODE...], "source_sha256": HEX} of the model: names
 * without control characters, and the checkpoint's digest (absent: not known), by which
 * the voices that clone makes say whose they are. json_decref it. */
enum vanta_status vanta_engine_voices(struct vanta_engine *engine, json_t **out,
                                      struct vanta_error *err);

/* A voice from recordings, which are readable ones; its name is empty.
 * vanta_voice_free(out). VANTA_ERR_CHECK: too short or silent. */
enum vanta_status vanta_engine_clone(struct vanta_engine *engine, const char *const *paths,
                                     size_t n, struct vanta_voice *out, double *audio_s,
                                     struct vanta_error *err);

#endif
