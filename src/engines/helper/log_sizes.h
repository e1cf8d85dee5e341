/*
 * log_sizes.h - the sizes of an engine's buffers, read from what it logs.
 *
 * Neither llama.cpp nor whisper.cpp has a function that tells the bytes of its weights,
 * KV cache and compute buffers; both log them while they load. log_sizes_start routes the
 * log of llama.cpp, whisper.cpp and ggml through a callback that passes every line on to
 * standard error (the helper's log) and adds up the lines that name a buffer.
 * One load at a time in a process.
 */
#ifndef VANTA_ENGINES_HELPER_LOG_SIZES_H
#define VANTA_ENGINES_HELPER_LOG_SIZES_H

#include <stdint.h>

struct log_sizes {
    uint64_t weights_bytes, kv_cache_bytes, compute_bytes;
};

/* Adds one line's size, if it names one: "... KV buffer size =    12.00 MiB". */
void log_sizes_line(struct log_sizes *sizes, const char *line);

/* ggml_log_callback; user is a struct log_sizes or NULL. level is enum ggml_log_level. */
void log_sizes_callback(int level, const char *text, void *user);

#endif
