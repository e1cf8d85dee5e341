/* bench.c - repeats of one piece of work, and the figures kept of them. */
#include "models/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/path.h"
#include "base/platform.h"
#include "models/encoder_file.h"
#include "models/recipe.h"
#include "models/registry_private.h"

#define REPEATS_MAX 100
#define PROMPT_TOKENS 512 /* as llama-bench */
#define GENERATE_TOKENS 128
#define CONTEXT_TOKENS 1024
#define SENTENCES 256

struct bench {
    const struct vanta_bench_options *options;
    const struct vanta_entry *entry;
    struct vanta_bench_result *result;
    struct vanta_engine *engine;
    double values[VANTA_BENCH_FIGURES_MAX][REPEATS_MAX];
    int run; /* -1: the warm-up */
    json_t *material;
};

/* One run of the work; it gives its figures by figure(). */
typedef enum vanta_status work(struct bench *bench, struct vanta_error *err);

static void figure(struct bench *b, const char *name, const char *label, const char *unit,
                   bool more_is_better, double value)
{
    struct vanta_bench_result *r = b->result;
    size_t i;

    for (i = 0; i < r->n && strcmp(r->figures[i].name, name) != 0; i++)
        ;
    if (i == VANTA_BENCH_FIGURES_MAX)
        return;
    if (i == r->n)
        r->figures[r->n++] = (struct vanta_bench_figure){
            .name = name, .label = label, .unit = unit, .more_is_better = more_is_better};
    if (b->run >= 0)
        b->values[i][b->run] = isfinite(value) ? value : 0;
}

static void phase(const struct bench *b, const char *name, double fraction)
{
    if (b->options->test.progress)
        b->options->test.progress(b->options->test.arg, name, fraction);
}

/* --- the work of each type --- */

static enum vanta_status work_llm(struct bench *b, struct vanta_error *err)
{
    double prompt_ms = 0, generate_ms = 0;
    enum vanta_status status = vanta_engine_speed(b->engine, PROMPT_TOKENS, GENERATE_TOKENS,
                                                  &prompt_ms, &generate_ms, err);

    if (status != VANTA_OK)
        return status;
    figure(b, "prompt_tokens_per_s", "prompt of 512 tokens", "tokens/s", true,
           PROMPT_TOKENS * 1000 / prompt_ms);
    figure(b, "generate_tokens_per_s", "generating 128 tokens", "tokens/s", true,
           GENERATE_TOKENS * 1000 / generate_ms);
    return VANTA_OK;
}

static enum vanta_status work_whisper(struct bench *b, struct vanta_error *err)
{
    const json_t *clips = json_object_get(b->material, "clips");
    double audio_s = 0, engine_ms = 0;
    size_t i;

    for (i = 0; i < json_array_size(clips); i++) {
        const struct vanta_catalog_data *file = vanta_recipe_data(
            json_string_value(json_object_get(json_array_get(clips, i), "file")));
        struct vanta_transcribe request = {.language = "en"};
        struct vanta_transcript heard = {0};
        enum vanta_status status;

        if (!file)
            return vanta_fail(err, VANTA_ERR_INTERNAL, "a recording is missing");
        request.audio = file->data;
        request.audio_bytes = file->len;
        status = vanta_engine_transcribe(b->engine, &request, &heard, err);
        if (status != VANTA_OK)
            return status;
        audio_s += heard.audio_s;
        engine_ms += heard.engine_ms;
        vanta_transcript_free(&heard);
    }
    figure(b, "real_time_factor", "real-time factor", "", false,
           audio_s > 0 ? engine_ms / 1000 / audio_s : 0);
    return VANTA_OK;
}

static enum vanta_status work_encoder(struct bench *b, struct vanta_error *err)
{
    const json_t *triples = json_object_get(b->material, "triples");
    size_t n = json_array_size(triples), i;
    const char *texts[SENTENCES];
    struct vanta_embeddings found = {0};
    enum vanta_status status;

    for (i = 0; i < SENTENCES; i++)
        texts[i] =
            json_string_value(json_array_get(json_array_get(triples, i / 3 % n), i % 3));
    status = vanta_engine_embed(b->engine, texts, SENTENCES, &found, err);
    if (status != VANTA_OK)
        return status;
    figure(b, "sentences_per_s", "short sentences", "sentences/s", true,
           SENTENCES * 1000 / found.engine_ms);
    figure(b, "tokens_per_s", "their tokens", "tokens/s", true,
           (double)found.tokens * 1000 / found.engine_ms);
    vanta_embeddings_free(&found);
    return VANTA_OK;
}

/* --- the frame --- */

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void settle(struct bench *b)
{
    size_t i;
    int n = b->options->repeats;

    for (i = 0; i < b->result->n; i++) {
        struct vanta_bench_figure *f = &b->result->figures[i];
        double *v = b->values[i];

        qsort(v, (size_t)n, sizeof *v, by_value);
        f->least = v[0];
        f->most = v[n - 1];
        f->median = n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
    }
}

static enum vanta_status repeat(struct bench *b, work *run, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    int n = b->options->repeats;

    for (b->run = -1; b->run < n && status == VANTA_OK; b->run++) {
        phase(b, b->run < 0 ? "warming up" : "measuring",
              b->run < 0 ? -1 : (double)b->run / n);
        status = run(b, err);
    }
    return status;
}

static enum vanta_status open_engine(struct bench *b, enum vanta_engine_kind kind,
                                     const char *path, struct vanta_error *err)
{
    const struct vanta_test_options *o = &b->options->test;
    struct vanta_engine_options options = {.kind = kind,
                                           .program = o->engine,
                                           .model = path,
                                           .threads = o->threads,
                                           .context_tokens = kind == VANTA_ENGINE_LLM
                                                                 ? CONTEXT_TOKENS
                                                                 : 0,
                                           .gpu_layers = -1,
                                           .no_gpu = o->no_gpu,
                                           .silence_ms = o->silence_ms,
                                           .cancel = o->cancel};
    enum vanta_status status;

    phase(b, "loading", -1);
    status = vanta_engine_open(&b->engine, &options, err);
    if (status == VANTA_OK)
        snprintf(b->result->build, sizeof b->result->build, "%s",
                 vanta_engine_info(b->engine)->build);
    return status;
}

static enum vanta_status measure_kind(struct bench *b, enum vanta_engine_kind kind,
                                      const char *path, const char *material, work *run,
                                      struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    double load_ms, memory;

    if (material)
        status = vanta_recipe_json(material, &b->material, err);
    if (status == VANTA_OK)
        status = open_engine(b, kind, path, err);
    if (status == VANTA_OK)
        status = repeat(b, run, err);
    if (status != VANTA_OK)
        return status;
    load_ms = vanta_engine_info(b->engine)->load_ms;
    memory = (double)vanta_engine_peak_bytes(b->engine);
    for (b->run = 0; b->run < b->options->repeats; b->run++) {
        figure(b, "load_ms", "loading (once)", "ms", false, load_ms);
        figure(b, "memory_peak_bytes", "memory (once)", "bytes", false, memory);
    }
    settle(b);
    return VANTA_OK;
}

/* What is missing or cut would only be found out in the engine, in its words. */
static enum vanta_status check_state(const struct bench *b, struct vanta_error *err)
{
    const struct vanta_test_options *o = &b->options->test;
    char why[256];
    enum vanta_state state = vanta_entry_state(o->root, b->entry, o->catalog, why);
    enum vanta_status status =
        state == VANTA_STATE_MISSING ? VANTA_ERR_NOT_FOUND : VANTA_ERR_CHECK;

    if (state != VANTA_STATE_MISSING && state != VANTA_STATE_CORRUPT)
        return VANTA_OK;
    vanta_fail(err, status, "%s is %s: %s", b->entry->id, vanta_state_name(state), why);
    vanta_hint(err, "vanta setup --models %s brings it anew.", b->entry->id);
    return status;
}

static enum vanta_status measure(struct bench *b, struct vanta_error *err)
{
    const struct vanta_test_options *o = &b->options->test;
    struct vanta_encoder_file file = {0};
    char path[VANTA_PATH_MAX];
    enum vanta_status status;

    if (vanta_entry_is_api(b->entry))
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s is an API: each run of it would be paid for", b->entry->id);
    status = check_state(b, err);
    if (status != VANTA_OK)
        return status;
    if (!vanta_entry_path(o->root, b->entry, path))
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s has no file", b->entry->id);
    switch (b->entry->type) {
    case VANTA_TYPE_WHISPER:
        return measure_kind(b, VANTA_ENGINE_WHISPER, path, "speech.json", work_whisper,
                            err);
    case VANTA_TYPE_LLM:
        return measure_kind(b, VANTA_ENGINE_LLM, path, NULL, work_llm, err);
    case VANTA_TYPE_EMBEDDING:
        status = vanta_encoder_file_find(o->root, b->entry, o->cancel, &file, err);
        if (status == VANTA_OK)
            status = measure_kind(b, VANTA_ENGINE_ENCODER, file.path, "sentences.json",
                                  work_encoder, err);
        vanta_encoder_file_release(&file);
        return status;
    default:
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s: no engine here runs it",
                          b->entry->id);
    }
}

/* --- the last time --- */

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static void compare(struct bench *b, const struct vanta_machine *machine)
{
    const json_t *last = json_object_get(b->entry->extra, "bench");
    const json_t *figures = json_object_get(last, "figures"), *value;
    struct vanta_bench_result *r = b->result;
    size_t i;

    snprintf(r->last_at, sizeof r->last_at, "%s", text_at(last, "at"));
    r->same_machine = strcmp(text_at(last, "engine_build"), r->build) == 0 &&
                      strcmp(text_at(last, "cpu"), machine->cpu) == 0;
    for (i = 0; i < r->n; i++) {
        value = json_object_get(figures, r->figures[i].name);
        r->figures[i].has_last = json_is_number(value);
        r->figures[i].last = json_number_value(value);
    }
}

struct keeping {
    const char *id;
    json_t *figures;
};

static enum vanta_status keep(void *arg, struct vanta_registry *registry,
                              struct vanta_error *err)
{
    struct keeping *keeping = arg;
    struct vanta_entry *entry = vanta_registry_edit(registry, keeping->id);

    if (!entry)
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s was removed meanwhile",
                          keeping->id);
    if (!entry->extra && !(entry->extra = json_object()))
        return vanta_fail_memory(err);
    if (json_object_set(entry->extra, "bench", keeping->figures) != 0)
        return vanta_fail_memory(err);
    return VANTA_OK;
}

static void record(struct bench *b, const struct vanta_machine *machine)
{
    struct vanta_bench_result *r = b->result;
    json_t *figures = json_object();
    char now[VANTA_TIME_TEXT_MAX];
    struct keeping keeping = {b->entry->id, NULL};
    size_t i;

    for (i = 0; i < r->n; i++)
        json_object_set_new(figures, r->figures[i].name, json_real(r->figures[i].median));
    vanta_time_now(now);
    keeping.figures = json_pack("{s:s, s:s, s:s, s:o}", "at", now, "engine_build",
                                r->build, "cpu", machine->cpu, "figures", figures);
    if (!keeping.figures)
        r->record.status = vanta_fail_memory(&r->record);
    else
        r->record.status = vanta_registry_update(b->options->test.root,
                                                 b->options->test.catalog, keep, &keeping,
                                                 &r->record);
    json_decref(keeping.figures);
}

enum vanta_status vanta_bench_model(const struct vanta_bench_options *options,
                                    const struct vanta_entry *entry,
                                    struct vanta_bench_result *result,
                                    struct vanta_error *err)
{
    struct bench b = {.options = options, .entry = entry, .result = result};
    struct vanta_machine machine;
    enum vanta_status status;

    memset(result, 0, sizeof *result);
    if (options->repeats < 1 || options->repeats > REPEATS_MAX)
        return vanta_fail(err, VANTA_ERR_USAGE, "1 to %d repeats", REPEATS_MAX);
    result->repeats = options->repeats;
    status = measure(&b, err);
    vanta_engine_close(b.engine);
    json_decref(b.material);
    if (status != VANTA_OK)
        return status;
    vanta_machine_read(&machine);
    compare(&b, &machine);
    record(&b, &machine);
    return VANTA_OK;
}
