/* log_sizes.c - lines of llama.cpp v0.5.0 and whisper.cpp 1.9.1 that name a buffer. */
#include "engines/helper/log_sizes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ggml.h"

static uint64_t size_of(const char *line)
{
    const char *equals = strchr(line, '=');
    char *end;
    double value;

    if (!equals)
        return 0;
    value = strtod(equals + 1, &end);
    while (*end == ' ')
        end++;
    if (!(value > 0) || value > 1e9) /* a petabyte: not a size that was meant */
        return 0;
    if (strncmp(end, "MiB", 3) == 0)
        return (uint64_t)llround(value * 1024 * 1024);
    if (strncmp(end, "MB", 2) == 0)
        return (uint64_t)llround(value * 1e6);
    return 0;
}

void log_sizes_line(struct log_sizes *sizes, const char *line)
{
    if (strstr(line, "model buffer size") || strstr(line, "model size"))
        sizes->weights_bytes += size_of(line);
    else if (strstr(line, "KV buffer size") || strstr(line, "kv self size") ||
             strstr(line, "kv cross size") || strstr(line, "kv pad"))
        sizes->kv_cache_bytes += size_of(line);
    else if (strstr(line, "compute buffer") || strstr(line, "output buffer size"))
        sizes->compute_bytes += size_of(line);
}

void log_sizes_callback(int level, const char *text, void *user)
{
    if (user)
        log_sizes_line(user, text);
    if (level != GGML_LOG_LEVEL_DEBUG)
        fputs(text, stderr);
}
