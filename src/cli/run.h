/*
 * run.h - what the files behind `vanta run` share: one model, one input, its options.
 */
#ifndef VANTA_CLI_RUN_H
#define VANTA_CLI_RUN_H

#include "cli/cli.h"
#include "cli/test_line.h"
#include "engines/engine.h"

struct run_options {
    struct common_options common;
    const char *output;   /* -o FILE; NULL: standard output */
    bool to_stdout;       /* -o - */
    long threads;
    bool no_gpu;
    /* speech to text */
    bool srt, vtt, translate;
    const char *language;
    long beam;
    /* language models */
    const char *system, *temperature, *top_p;
    long max_tokens, context, seed;
    long top_k; /* -1: not given */
    bool plain, stats;
    /* embeddings */
    const char *npy;
    /* speech output */
    const char *voice, *format, *speed;
    const char *repetition_penalty, *file, *save_voice;
    struct word_list clone;
    bool romanized, list_voices;
};

struct run {
    const struct run_options *options;
    struct session *session;
    const struct vanta_entry *entry;
    const char *input; /* operand; NULL: none */
    struct test_line line;
    const char *phase;
};

/* Each returns the exit code and prints its own errors. */
int run_transcribe(struct run *run);
int run_complete(struct run *run);
int run_embed(struct run *run);
int run_speak(struct run *run);
int run_say(struct run *run); /* by a model on this machine */

/* Starts the helper on the model; listener and arg as in engine.h (NULL: progress is
 * shown). Prints its own errors. */
bool run_open(struct run *run, enum vanta_engine_kind kind, const char *model,
              const char *readable, vanta_engine_listener *listener, void *arg,
              struct vanta_engine **engine, int *code);
/* The same with any number of files that the helper may read. */
bool run_open_with(struct run *run, enum vanta_engine_kind kind, const char *model,
                   const char *const *readable, size_t n_readable,
                   vanta_engine_listener *listener, void *arg,
                   struct vanta_engine **engine, int *code);
/* All of standard input as text, at most max bytes. VANTA_ERR_LIMIT, VANTA_ERR_IO. */
enum vanta_status run_read_input(size_t max, char **out, struct vanta_error *err);
/* Writes data to path (temporary name, then renamed), or, where it is NULL, to standard
 * output. */
int run_write_output(const char *path, const void *data, size_t len);
/* The same of a JSON document, which is dropped. */
int run_write_document(const char *path, json_t *document);
/* Text to standard output, with what could command a terminal replaced. */
void run_print_text(const char *text);
/* "0.7" of an option; false with a message. */
bool run_number(const char *option, const char *text, double least, double most,
                double *out);

#endif
