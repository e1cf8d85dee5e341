/*
 * bench.h - how fast a model runs on this machine.
 *
 * Measures what test.h only samples: one run to warm up, then repeats, of which median,
 * least and most are given. The medians are kept in the entry ("bench": {at, engine_build,
 * cpu, figures}) and compared with by the next call. Wants a quiet machine; the caller
 * says so. Not responsible for whether the model is right (test.h).
 *
 * Statuses as test.h's (NOT_FOUND, CHECK: files are missing or cut; nothing is hashed); an API is VANTA_ERR_UNSUPPORTED (each run would cost money).
 */
#ifndef VANTA_MODELS_BENCH_H
#define VANTA_MODELS_BENCH_H

#include "engines/engine.h"
#include "models/test.h"

#define VANTA_BENCH_FIGURES_MAX 8

struct vanta_bench_options {
    struct vanta_test_options test;
    int repeats; /* 1 to 100 */
};

struct vanta_bench_figure {
    const char *name;  /* in the registry and --json: "generate_tokens_per_s" */
    const char *label; /* for people */
    const char *unit;  /* "tokens/s", "ms", "bytes"; "" of a ratio */
    bool more_is_better;
    double median, least, most;
    bool has_last;
    double last; /* the median of the last time */
};

struct vanta_bench_result {
    struct vanta_bench_figure figures[VANTA_BENCH_FIGURES_MAX];
    size_t n;
    int repeats;
    char build[VANTA_ENGINE_BUILD_MAX];
    char last_at[32];   /* "": there was no last time */
    bool same_machine;  /* as the last time, and the same engine build */
    struct vanta_error record; /* why the figures could not be kept; VANTA_OK: they were */
};

enum vanta_status vanta_bench_model(const struct vanta_bench_options *options,
                                    const struct vanta_entry *entry,
                                    struct vanta_bench_result *result,
                                    struct vanta_error *err);

#endif
