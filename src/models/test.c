/* test.c - the frame of a test: the files' hash, the recipe, the receipt. */
#include "models/test.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/platform.h"
#include "base/text.h"
#include "models/registry_private.h"
#include "models/test_private.h"
#include "models/verify.h"

void vanta_test_result_free(struct vanta_test_result *result)
{
    json_decref(result->figures);
    json_decref(result->checks);
    memset(result, 0, sizeof *result);
}

/* --- what the kinds of tests call --- */

void test_phase(struct test *test, const char *phase, double fraction)
{
    test->phase = phase;
    if (test->options->progress)
        test->options->progress(test->options->arg, phase, fraction);
}

static bool on_event(void *arg, const struct vanta_engine_event *event)
{
    struct test *test = arg;

    if (event->kind == VANTA_ENGINE_PROGRESS && test->phase)
        test_phase(test, test->phase, event->fraction);
    if (event->kind == VANTA_ENGINE_AUDIO && test->audio)
        return test->audio(test->audio_arg, event);
    return true; /* the cancel flag is the engine's own business */
}

void test_figure(struct test *test, const char *name, double value)
{
    /* A figure that is not a number would make the registry no JSON. */
    json_object_set_new(test->result->figures, name,
                        isfinite(value) ? json_real(value) : json_null());
}

void test_figure_text(struct test *test, const char *name, const char *value)
{
    char printable[256];

    vanta_text_printable(value, printable, sizeof printable);
    json_object_set_new(test->result->figures, name, json_string(printable));
}

void test_summary(struct test *test, const char *fmt, ...)
{
    char raw[sizeof test->result->summary];
    va_list args;

    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    vanta_text_printable(raw, test->result->summary, sizeof test->result->summary);
}

/* passed: 1 yes, 0 no, -1 only a warning */
static enum vanta_status note(struct test *test, const char *check, int passed,
                              struct vanta_error *err, const char *fmt, va_list args)
{
    struct vanta_test_result *r = test->result;
    char raw[sizeof r->message], message[sizeof r->message];
    json_t *one;

    vsnprintf(raw, sizeof raw, fmt, args);
    vanta_text_printable(raw, message, sizeof message);
    one = json_pack("{s:s, s:o, s:s}", "check", check, "passed",
                    passed < 0 ? json_null() : json_boolean(passed), "message", message);
    if (!one || json_array_append_new(r->checks, one) != 0)
        return vanta_fail_memory(err);
    if (passed == 0) {
        r->passed = false;
        if (!r->message[0])
            memcpy(r->message, message, sizeof message);
    }
    return VANTA_OK;
}

enum vanta_status test_check(struct test *test, const char *check, bool passed,
                             struct vanta_error *err, const char *fmt, ...)
{
    enum vanta_status status;
    va_list args;

    va_start(args, fmt);
    status = note(test, check, passed, err, fmt, args);
    va_end(args);
    return status;
}

enum vanta_status test_warn(struct test *test, const char *check, struct vanta_error *err,
                            const char *fmt, ...)
{
    enum vanta_status status;
    va_list args;

    va_start(args, fmt);
    status = note(test, check, -1, err, fmt, args);
    va_end(args);
    return status;
}

enum vanta_status test_open(struct test *test, enum vanta_engine_kind kind,
                            const char *path, struct vanta_error *err)
{
    const struct vanta_test_options *o = test->options;
    const struct vanta_engine_info *info;
    struct vanta_engine_options options = {.kind = kind,
                                           .program = o->engine,
                                           .model = path,
                                           .readable = &test->readable,
                                           .n_readable = test->readable ? 1 : 0,
                                           .threads = o->threads,
                                           .gpu_layers = -1,
                                           .no_gpu = o->no_gpu,
                                           .silence_ms = o->silence_ms,
                                           .cancel = o->cancel,
                                           .listener = on_event,
                                           .arg = test};
    enum vanta_status status;

    test_phase(test, "loading", -1);
    test->was_opened = true;
    status = vanta_engine_open(&test->engine, &options, err);
    if (status != VANTA_OK)
        return status;
    info = vanta_engine_info(test->engine);
    snprintf(test->build, sizeof test->build, "%s", info->build);
    test_figure(test, "load_ms", info->load_ms);
    test_figure(test, "weights_bytes", (double)info->weights_bytes);
    test_figure(test, "kv_cache_bytes", (double)info->kv_cache_bytes);
    test_figure(test, "compute_bytes", (double)info->compute_bytes);
    if (info->context_tokens > 0)
        test_figure(test, "context_tokens", (double)info->context_tokens);
    test_figure(test, "threads", (double)info->threads);
    test_figure_text(test, "devices", info->devices);
    return VANTA_OK;
}

/* --- the receipt --- */

struct recording {
    const char *id;
    json_t *receipt;
};

static json_t *make_receipt(const struct test *test)
{
    struct vanta_machine machine;
    char now[VANTA_TIME_TEXT_MAX];

    vanta_machine_read(&machine);
    vanta_time_now(now);
    return json_pack("{s:s, s:s?, s:s, s:i, s:{s:s, s:s, s:s}, s:O, s:b}", "at", now,
                     "digest", test->entry->hash, "engine_build", test->build,
                     "recipe_version", VANTA_RECIPE_VERSION, "machine", "os", machine.os,
                     "arch", machine.arch, "cpu", machine.cpu, "figures",
                     test->result->figures, "passed", test->result->passed);
}

static enum vanta_status add_receipt(void *arg, struct vanta_registry *registry,
                                     struct vanta_error *err)
{
    struct recording *recording = arg;
    struct vanta_entry *entry = vanta_registry_edit(registry, recording->id);
    json_t *list;

    if (!entry)
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s was removed meanwhile",
                          recording->id);
    if (!entry->extra && !(entry->extra = json_object()))
        return vanta_fail_memory(err);
    /* The parts of an entry may be shared with the document that was read. */
    list = json_copy(json_object_get(entry->extra, "tests"));
    if (!json_is_array(list)) {
        json_decref(list);
        list = json_array();
    }
    while (json_array_size(list) >= VANTA_RECEIPTS_MAX)
        json_array_remove(list, 0);
    if (!list || json_array_append(list, recording->receipt) != 0 ||
        json_object_set_new(entry->extra, "tests", list) != 0)
        return vanta_fail_memory(err);
    return VANTA_OK;
}

static void record(struct test *test)
{
    struct recording recording = {test->entry->id, make_receipt(test)};
    struct vanta_test_result *r = test->result;

    if (!recording.receipt)
        r->record.status = vanta_fail_memory(&r->record);
    else
        r->record.status = vanta_registry_update(test->options->root,
                                                 test->options->catalog, add_receipt,
                                                 &recording, &r->record);
    r->ran = r->record.status == VANTA_OK;
    json_decref(recording.receipt);
}

/* --- one model --- */

static void on_hashed(void *arg, uint64_t bytes)
{
    struct test *test = arg;
    double all = (double)test->entry->size_bytes;

    test_phase(test, "checking the files", all > 0 ? (double)bytes / all : -1);
}

/* What is not there, or has another size, needs neither an engine nor a hash to be wrong. */
static enum vanta_status check_presence(struct test *test, struct vanta_error *err)
{
    struct vanta_test_result *r = test->result;
    const struct vanta_entry *entry = test->entry;
    char why[256];
    enum vanta_state state = vanta_entry_state(test->options->root, entry,
                                               test->options->catalog, why);

    if (state != VANTA_STATE_MISSING && state != VANTA_STATE_CORRUPT)
        return VANTA_OK;
    /* Found wrong once: it may have been put right, and is hashed again. */
    if (state == VANTA_STATE_CORRUPT && entry->verified_digest && entry->hash &&
        strcmp(entry->verified_digest, entry->hash) != 0)
        return VANTA_OK;
    snprintf(r->message, sizeof r->message, "%s: %s", vanta_state_name(state), why);
    vanta_fail(err, VANTA_ERR_CHECK, "%s is %s: %s", entry->id, vanta_state_name(state),
               why);
    vanta_hint(err, "vanta setup --models %s brings it anew.", entry->id);
    return VANTA_ERR_CHECK;
}

static enum vanta_status check_files(struct test *test, struct vanta_error *err)
{
    const struct vanta_test_options *o = test->options;
    struct vanta_verify_result verified = {0};
    enum vanta_status status;

    if (o->files_known)
        return VANTA_OK;
    status = vanta_verify_model(o->root, o->catalog, test->entry, on_hashed, test,
                                o->cancel, &verified, err);
    if (status == VANTA_ERR_CHECK)
        snprintf(test->result->message, sizeof test->result->message, "%s",
                 verified.message);
    return status;
}

static enum vanta_status run_recipe(struct test *test, struct vanta_error *err)
{
    switch (test->recipe.kind) {
    case VANTA_RECIPE_TRANSCRIBE:
        return test_transcribe(test, err);
    case VANTA_RECIPE_QUESTIONS:
        return test_questions(test, err);
    case VANTA_RECIPE_EMBED:
        return test_embed(test, err);
    case VANTA_RECIPE_SPEAK:
        return test_speak(test, err);
    }
    return vanta_fail(err, VANTA_ERR_INTERNAL, "no such kind of test");
}

/* Where the helper ended before it had told its build: does it start without the model?
 * Then the model is the cause, and the build is known. */
static bool helper_works(struct test *test)
{
    const struct vanta_test_options *o = test->options;
    struct vanta_engine_options options = {.kind = VANTA_ENGINE_NONE,
                                           .program = o->engine,
                                           .silence_ms = o->silence_ms,
                                           .cancel = o->cancel};
    struct vanta_engine *engine = NULL;

    if (test->build[0])
        return true;
    if (vanta_engine_open(&engine, &options, NULL) != VANTA_OK)
        return false;
    snprintf(test->build, sizeof test->build, "%s", vanta_engine_info(engine)->build);
    vanta_engine_close(engine);
    return true;
}

/* Errors that come from what the model is or does, with files that are right: they are an
 * outcome of the test. Those of the machine or the user are not. */
static bool is_verdict(struct test *test, enum vanta_status status)
{
    if (vanta_entry_is_api(test->entry))
        return false;
    if (status == VANTA_ERR_FORMAT || status == VANTA_ERR_LIMIT ||
        status == VANTA_ERR_UNSUPPORTED)
        return helper_works(test);
    /* It died, lied or hung (BUSY). */
    return test->was_opened && (status == VANTA_ERR_TOOL || status == VANTA_ERR_BUSY) &&
           helper_works(test);
}

static enum vanta_status judge(struct test *test, enum vanta_status status,
                               struct vanta_error *err)
{
    struct vanta_test_result *r = test->result;
    struct vanta_error cause = {0};

    if (status != VANTA_OK) {
        if (!is_verdict(test, status))
            return status;
        cause = *err;
        vanta_error_clear(err);
        status = test_check(test, "run", false, err, "%s", cause.message);
        if (status != VANTA_OK)
            return status;
    }
    test_figure(test, "seconds", r->seconds);
    if (test->build[0])
        record(test);
    if (r->passed)
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_CHECK, "%s failed its test: %s", test->entry->id,
               r->message);
    if (cause.hint[0])
        vanta_hint(err, "%s", cause.hint);
    return VANTA_ERR_CHECK;
}

enum vanta_status vanta_test_model(const struct vanta_test_options *options,
                                   const struct vanta_entry *entry,
                                   struct vanta_test_result *result,
                                   struct vanta_error *err)
{
    struct test test = {.options = options,
                        .entry = entry,
                        .model = vanta_entry_model(entry, options->catalog),
                        .result = result};
    int64_t start = vanta_clock_ms();
    struct vanta_error own = {0};
    enum vanta_status status;

    memset(result, 0, sizeof *result);
    result->passed = true;
    result->figures = json_object();
    result->checks = json_array();
    err = err ? err : &own;
    if (!result->figures || !result->checks)
        return vanta_fail_memory(err);
    status = vanta_recipe_read(test.model, entry->type, &test.recipe, err);
    if (status == VANTA_OK)
        status = check_presence(&test, err);
    if (status == VANTA_OK && !vanta_entry_is_api(entry) && !options->engine)
        status = vanta_engine_build(test.build, err);
    test.build[0] = '\0'; /* until the helper itself has said it */
    if (status == VANTA_OK)
        status = check_files(&test, err);
    if (status != VANTA_OK) {
        result->passed = false;
        return status;
    }
    status = run_recipe(&test, err);
    if (test.engine) {
        uint64_t peak = vanta_engine_peak_bytes(test.engine);

        if (peak > 0)
            test_figure(&test, "memory_peak_bytes", (double)peak);
        vanta_engine_close(test.engine);
    }
    result->seconds = (double)(vanta_clock_ms() - start) / 1000;
    status = judge(&test, status, err);
    result->passed = result->passed && status == VANTA_OK;
    return status;
}
