/*
 * backend.h - what the helper's serving loop asks of an engine: one model of one kind.
 *
 * serve.c reads requests and answers them through these functions; whisper.c, llama.c and
 * encoder_serve.c fill the table. A backend runs on the serving thread alone; the reader
 * thread sets job->cancelled, which it looks at often (at least every 100 ms of work where
 * the library lets it). It reports by job_progress, job_text, job_segment and job_audio, which are
 * cheap (rate-limited by the job itself) and may be called at any time.
 *
 * A function fills answer->ok (a new JSON object) and maybe answer->binary (malloc'd; the
 * loop frees it), or fails with the status that engine.h names. Fields of requests and
 * answers have the names of the members of engine.h's structs, enum values their name in
 * lower case with hyphens ("chat-template"); a transcript's segments go out as events,
 * embeddings and token ids as the binary part (f32 and i32, native order).
 */
#ifndef VANTA_ENGINES_HELPER_BACKEND_H
#define VANTA_ENGINES_HELPER_BACKEND_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

struct job {
    int64_t id;
    const json_t *request;
    const void *binary; /* the request's */
    size_t binary_bytes;
    atomic_bool *cancelled;
    void *channel; /* of serve.c */
    double last_progress_ms;
};

void job_progress(struct job *job, double fraction);
void job_text(struct job *job, const char *text); /* valid UTF-8 */
void job_segment(struct job *job, int64_t start_ms, int64_t end_ms, const char *text);
/* The next samples of what is spoken, in order. */
void job_audio(struct job *job, const int16_t *samples, size_t n);
bool job_cancelled(const struct job *job);

struct load_options {
    const char *path;
    int threads;        /* > 0 */
    int context_tokens; /* 0: default */
    int gpu_layers;     /* -1: all */
    bool no_gpu;
};

struct answer {
    json_t *ok;
    void *binary;
    size_t binary_bytes;
};

typedef enum vanta_status backend_request(void *state, struct job *job,
                                          struct answer *answer, struct vanta_error *err);

struct backend_entry {
    const char *request; /* "transcribe", "complete", ... */
    backend_request *run;
};

struct backend {
    const char *kind; /* "whisper", "llm", "encoder" */
    /* job reports progress of the load; *state is given to the others. */
    enum vanta_status (*load)(const struct load_options *options, struct job *job,
                              void **state, struct vanta_error *err);
    void (*free)(void *state);
    /* Adds to the answer of load and info: the fields of struct vanta_engine_info. */
    enum vanta_status (*info)(void *state, json_t *out, struct vanta_error *err);
    const struct backend_entry *requests; /* ends with a NULL name */
};

extern const struct backend backend_whisper, backend_llm, backend_encoder, backend_speech;

#endif
