/*
 * engine.h - a model at work, in a helper process: vanta's side of vanta-engine.
 *
 * Inference runs in vanta-engine, one process a model, which is confined (no network, no
 * exec, reads only the model and what is named) and may die: an abort, a kill by the
 * kernel, a hang or a lie of the helper is an error here, with its last log lines.
 * Not responsible for whether the model's bytes are right (models/verify.h), what a good
 * answer is (models/test.h), nor for the requests of speech models (speak.h).
 *
 *     struct vanta_engine_options o = {.kind = VANTA_ENGINE_LLM, .model = path};
 *     struct vanta_engine *engine;
 *     vanta_engine_open(&engine, &o, err);       // starts, confines, loads
 *     vanta_engine_complete(engine, &request, &completion, err);
 *     vanta_completion_free(&completion);
 *     vanta_engine_close(engine);
 *
 * Results are owned by the caller and freed by their free function; strings in them are
 * UTF-8 made valid by the helper's side, unescaped. After an error of the helper itself
 * (VANTA_ERR_TOOL, VANTA_ERR_NO_MEMORY, VANTA_ERR_BUSY for a hang) the engine can only be
 * closed; after an error of a request (VANTA_ERR_USAGE, _FORMAT, _LIMIT, _CANCELLED,
 * _UNSUPPORTED, _NOT_FOUND, _IO, _NO_SPACE, _CHECK) it can be asked again. One thread at
 * a time an engine; on Linux the one that opened it has to outlive it.
 * Cost of open: the helper's start and the load of the model; nothing else starts one.
 */
#ifndef VANTA_ENGINES_ENGINE_H
#define VANTA_ENGINES_ENGINE_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

enum vanta_engine_kind {
    VANTA_ENGINE_NONE, /* no model: devices, audio */
    VANTA_ENGINE_WHISPER, VANTA_ENGINE_LLM, VANTA_ENGINE_ENCODER, VANTA_ENGINE_SPEECH
};

#define VANTA_ENGINE_BUILD_MAX 160
/* --- is there one? --- */

/* The helper's absolute path: beside this program, else ../libexec/vanta/vanta-engine
 * seen from it. VANTA_ERR_TOOL, with how to get it, when there is none. */
enum vanta_status vanta_engine_find(char program[4096], struct vanta_error *err);
/* What the file vanta-engine.build beside the helper says: one line. Starts nothing. */
enum vanta_status vanta_engine_build(char build[VANTA_ENGINE_BUILD_MAX],
                                     struct vanta_error *err);

/* --- one model --- */

enum vanta_engine_event_kind {
    VANTA_ENGINE_PROGRESS, /* fraction of the request, 0 to 1 */
    VANTA_ENGINE_TEXT,     /* the next piece of a completion */
    VANTA_ENGINE_SEGMENT, VANTA_ENGINE_AUDIO /* of a transcript; of what is spoken */
};

struct vanta_engine_event {
    enum vanta_engine_event_kind kind;
    double fraction;
    const char *text; /* TEXT, SEGMENT; valid during the call, as samples are */
    int64_t start_ms, end_ms; /* SEGMENT */
    const int16_t *samples; size_t n_samples; /* AUDIO: one channel */
};

/* Returns false to cancel the request. */
typedef bool vanta_engine_listener(void *arg, const struct vanta_engine_event *event);

struct vanta_engine_options {
    enum vanta_engine_kind kind;
    const char *program;  /* NULL: vanta_engine_find */
    const char *model;    /* absolute path of the model's file; NULL for NONE */
    const char *const *readable; /* absolute paths of files a request will name (audio) */
    size_t n_readable;
    int threads;          /* 0: the physical or performance cores */
    int context_tokens;   /* LLM; 0: the model's own, at most 4,096 */
    int gpu_layers;       /* -1: all where a GPU backend is present */
    bool no_gpu;
    uint64_t memory_limit_bytes; /* 0: what the machine or its container has */
    int64_t silence_ms;   /* 0: 120,000; so long without a message, it hangs */
    const char *log;      /* file that gets the helper's log; NULL: kept in memory only */
    const atomic_bool *cancel; /* may be NULL */
    vanta_engine_listener *listener; /* may be NULL */
    void *arg;
};

struct vanta_engine_info {
    char build[VANTA_ENGINE_BUILD_MAX];
    char architecture[64];  /* "qwen2", "whisper", "bert", "mpnet" */
    char description[128];  /* as the engine names it */
    char devices[256];      /* where it runs: "CPU", "Metal" */
    char sandbox[64];       /* "seccomp landlock", "seccomp", "none" */
    uint64_t parameters;
    uint64_t weights_bytes, kv_cache_bytes, compute_bytes; /* as the engine reports */
    int64_t context_tokens; /* in use */
    int64_t context_max;    /* that the model was trained for */
    int64_t dimensions;     /* of an embedding */
    int64_t threads, gpu_layers;
    bool chat_template, multilingual; /* one that the engine can apply; Whisper */
    double load_ms, start_ms; /* in the helper; of the helper up to its hello */
};

struct vanta_engine;

/* Starts, shakes hands, confines, loads. VANTA_ERR_TOOL: no helper, or it failed; of a
 * bad model file VANTA_ERR_FORMAT; VANTA_ERR_NO_MEMORY: it needs more than the limit;
 * VANTA_ERR_CANCELLED. *out is set on success only. */
enum vanta_status vanta_engine_open(struct vanta_engine **out,
                                    const struct vanta_engine_options *options,
                                    struct vanta_error *err);
void vanta_engine_close(struct vanta_engine *engine); /* NULL is fine; ends the helper */

const struct vanta_engine_info *vanta_engine_info(const struct vanta_engine *engine);
/* Most memory that the helper held so far, as the system counts it; 0: unknown. */
uint64_t vanta_engine_peak_bytes(struct vanta_engine *engine);

/* --- speech to text --- */

struct vanta_transcribe {
    const char *path;      /* a readable one; or */
    const void *audio;     /* a whole WAV, FLAC, OGG or MP3 file in memory, */
    size_t audio_bytes;    /* at most VANTA_FRAME_BINARY_MAX */
    const char *language;  /* "en"; NULL: detect */
    bool translate;        /* to English */
    int beam;              /* width; 0 or 1: greedy */
};

struct vanta_transcript_segment {
    int64_t start_ms, end_ms;
    char *text;
};

struct vanta_transcript {
    char *text; /* all segments */
    char language[16];
    double language_probability; /* 0: was given */
    struct vanta_transcript_segment *segments;
    size_t n_segments;
    double audio_s;   /* seconds of audio heard */
    double decode_ms, engine_ms; /* reading and resampling; whisper */
    bool truncated;   /* the file ended before its header said */
};

enum vanta_status vanta_engine_transcribe(struct vanta_engine *engine,
                                          const struct vanta_transcribe *request,
                                          struct vanta_transcript *out,
                                          struct vanta_error *err);
void vanta_transcript_free(struct vanta_transcript *transcript);

/* --- audio, without a model --- */

struct vanta_audio_report {
    char format[32]; /* "WAV", "FLAC", "OGG", "MPEG" */
    int64_t sample_hz, channels;
    double seconds, peak, rms, clipped; /* full scale is 1; share of samples at it */
    double silence_start_s, silence_end_s;
    bool truncated;
};

enum vanta_status vanta_engine_audio(struct vanta_engine *engine, const char *path,
                                     struct vanta_audio_report *out,
                                     struct vanta_error *err);

/* --- language model --- */

enum vanta_prompt_form {
    VANTA_PROMPT_PLAIN,         /* the text as it is: completion */
    VANTA_PROMPT_CHAT_TEMPLATE, /* messages in the template of the file */
    VANTA_PROMPT_LITERAL        /* format with {question} (and {system}) replaced */
};

struct vanta_message {
    const char *role, *text; /* "system", "user", "assistant" */
};

struct vanta_complete {
    enum vanta_prompt_form form;
    const char *text;   /* PLAIN */
    const char *format; /* LITERAL: special tokens in it are read as such */
    const struct vanta_message *messages; /* CHAT_TEMPLATE, LITERAL */
    size_t n_messages;
    int max_tokens;     /* 0: 256 */
    int text_every_ms;  /* at least so much between two TEXT events; to 10,000; 0: no wait */
    double temperature; /* 0: greedy */
    double top_p;       /* 0: 1 */
    int top_k; uint32_t seed; /* 0: 40 */
};

struct vanta_completion {
    char *text;
    int64_t prompt_tokens, generated_tokens;
    double prompt_ms, generate_ms, first_token_ms;
    bool ended;        /* by the model's end token */
    bool context_full; /* ended because the context is full */
    bool not_finite;   /* a logit was NaN or infinite */
};

/* VANTA_ERR_LIMIT: the prompt is longer than the context; the message has both. */
enum vanta_status vanta_engine_complete(struct vanta_engine *engine,
                                        const struct vanta_complete *request,
                                        struct vanta_completion *out,
                                        struct vanta_error *err);
void vanta_completion_free(struct vanta_completion *completion);

struct vanta_perplexity {
    double perplexity; /* exp of the mean negative log-likelihood of tokens 2 to n */
    int64_t tokens;
    double engine_ms;
    bool not_finite;
};

/* Of one text that fits in the context; its first token is the begin token where the
 * model has one. */
enum vanta_status vanta_engine_perplexity(struct vanta_engine *engine, const char *text,
                                          struct vanta_perplexity *out,
                                          struct vanta_error *err);

/* As llama-bench's pp and tg: prompt_tokens random tokens in one batch run, then
 * generate_tokens one at a time, each timed apart. Milliseconds. */
enum vanta_status vanta_engine_speed(struct vanta_engine *engine, int prompt_tokens,
                                     int generate_tokens, double *prompt_ms,
                                     double *generate_ms, struct vanta_error *err);

/* --- tokens and embeddings --- */

/* Token ids of a text (LLM, ENCODER; specials as the model adds them). free(*ids). */
enum vanta_status vanta_engine_tokenize(struct vanta_engine *engine, const char *text,
                                        int32_t **ids, size_t *n, struct vanta_error *err);

struct vanta_embeddings {
    float *values; /* n rows, row i is text i's; of length 1 unless the file says no */
    size_t n, dimensions;
    int64_t tokens;   /* in all texts, specials included */
    size_t truncated; /* texts that were longer than the model takes */
    double engine_ms;
};

#define VANTA_EMBED_TEXTS_MAX ((size_t)16384) /* a call */
enum vanta_status vanta_engine_embed(struct vanta_engine *engine,
                                     const char *const *texts, size_t n,
                                     struct vanta_embeddings *out,
                                     struct vanta_error *err);
void vanta_embeddings_free(struct vanta_embeddings *embeddings);

/* --- files and hardware --- */

/* The GGUF at the engine's model path in another quantization ("Q4_K_M"), written to
 * output, which vanta created empty and named among the writable ones. */
enum vanta_status vanta_engine_quantize(const struct vanta_engine_options *options,
                                        const char *output, const char *quantization,
                                        struct vanta_error *err);

/* What the engines can use here, as ggml reports it: {"backends": [...], "devices":
 * [{"name", "description", "type", "memory_bytes", "free_bytes"}], "features": {...}}.
 * json_decref it. */
enum vanta_status vanta_engine_devices(struct vanta_engine *engine, json_t **out,
                                       struct vanta_error *err);

#endif
