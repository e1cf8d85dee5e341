/*
 * vanta test [ID...]: runs each model's test on this machine and prints its verdict.
 * Exit 1 when one failed, is missing or is wrong; else 3 when one could not be tested.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/term.h"
#include "cli/test_line.h"
#include "engines/engine.h"
#include "models/test.h"

struct test_run {
    struct session *session;
    struct vanta_test_options options;
    struct test_line line;
    struct table *table;
    json_t *list;
    enum vanta_model_type type;
    bool named; /* the user asked for these models, not for all */
    bool json, quiet, verbose;
    size_t n, passed;
    int code;
};

static void add_code(struct test_run *run, int code)
{
    if (code == EXIT_CHECK || run->code == EXIT_OK)
        run->code = code;
}

static const char *verdict_of(enum vanta_status status)
{
    switch (status) {
    case VANTA_OK:
        return "passed";
    case VANTA_ERR_CHECK:
        return "FAILED";
    case VANTA_ERR_AUTH:
        return "needs-key";
    case VANTA_ERR_CANCELLED:
        return "stopped";
    default:
        return "not tested";
    }
}

static enum term_style style_of(enum vanta_status status)
{
    return status == VANTA_OK          ? STYLE_GOOD
           : status == VANTA_ERR_CHECK ? STYLE_BAD
                                       : STYLE_WARN;
}

static void add_json(struct test_run *run, const struct vanta_entry *entry,
                     enum vanta_status status, const struct vanta_test_result *r,
                     const struct vanta_error *err)
{
    json_array_append_new(
        run->list,
        json_pack("{s:s, s:s, s:b, s:b, s:s, s:s?, s:s?, s:O, s:O, s:f}", "id", entry->id,
                  "type", entry_type(entry), "passed", status == VANTA_OK, "ran", r->ran,
                  "status", vanta_status_name(status), "message",
                  status == VANTA_OK ? NULL : err->message, "hint",
                  status == VANTA_OK || !err->hint[0] ? NULL : err->hint, "figures",
                  r->figures, "checks", r->checks, "seconds", r->seconds));
}

static void add_row(struct test_run *run, const struct vanta_entry *entry,
                    enum vanta_status status, const struct vanta_test_result *r)
{
    char time[VANTA_SIZE_TEXT_MAX];
    const char *cells[] = {entry->id, verdict_of(status), r->summary,
                           vanta_duration_text((int64_t)(r->seconds * 1000), time)};
    enum term_style styles[] = {STYLE_NONE, style_of(status), STYLE_NONE, STYLE_DIM};

    table_row(run->table, cells, styles);
}

/* What is wrong, or only noted, below the verdicts. */
static void explain(const struct test_run *run, const struct vanta_entry *entry,
                    enum vanta_status status, const struct vanta_test_result *r,
                    const struct vanta_error *err)
{
    size_t i;

    if (status != VANTA_OK && (status != VANTA_ERR_AUTH || run->named)) {
        fprintf(stderr, "%s%s%s: %s\n", term_style(stderr, style_of(status)), entry->id,
                term_style(stderr, STYLE_NONE), err->message);
        if (err->hint[0])
            fprintf(stderr, "  %s\n", err->hint);
    }
    for (i = 0; run->verbose && i < json_array_size(r->checks); i++) {
        const json_t *check = json_array_get(r->checks, i);
        const json_t *passed = json_object_get(check, "passed");

        fprintf(stderr, "  %-4s %s: %s: %s\n",
                json_is_null(passed)   ? "note"
                : json_is_true(passed) ? "ok"
                                       : "BAD",
                entry->id, json_string_value(json_object_get(check, "check")),
                json_string_value(json_object_get(check, "message")));
    }
}

/* A test that costs money is not made behind the user's back. */
static void say_paid(const struct test_run *run, const struct vanta_entry *entry)
{
    if (vanta_entry_is_api(entry) &&
        vanta_entry_state(run->session->root, entry, run->session->catalog, NULL) !=
            VANTA_STATE_NEEDS_KEY)
        fprintf(stderr, "%s: its test is a paid request of two short sentences\n",
                entry->id);
}

static void test_entry(struct test_run *run, const struct vanta_entry *entry)
{
    struct vanta_test_result result;
    struct vanta_error err = {0};
    enum vanta_status status;

    say_paid(run, entry);
    test_line_start(&run->line, entry->id, run->quiet || run->json);
    status = vanta_test_model(&run->options, entry, &result, &err);
    test_line_clear(&run->line);
    run->n++;
    run->passed += status == VANTA_OK;
    /* Without a key there is nothing to test, unless this model was asked for. */
    if (status == VANTA_ERR_AUTH)
        add_code(run, run->named ? EXIT_CHECK : EXIT_OK);
    else
        add_code(run, exit_code_of(status));
    if (run->json)
        add_json(run, entry, status, &result, &err);
    else
        add_row(run, entry, status, &result);
    if (!run->json)
        explain(run, entry, status, &result, &err);
    if (result.record.status != VANTA_OK)
        warn("%s: the outcome could not be recorded: %s", entry->id,
             result.record.message);
    vanta_test_result_free(&result);
}

static int small_first(const void *a, const void *b)
{
    const struct vanta_entry *const *left = a, *const *right = b;

    if ((*left)->size_bytes != (*right)->size_bytes)
        return (*left)->size_bytes < (*right)->size_bytes ? -1 : 1;
    return strcmp((*left)->id, (*right)->id);
}

static size_t choose(struct test_run *run, const struct word_list *ids,
                     const struct vanta_entry **chosen)
{
    const struct vanta_registry *registry = run->session->registry;
    size_t i, n = 0;

    for (i = 0; i < ids->n; i++) {
        const struct vanta_entry *entry = session_entry(run->session, ids->words[i]);

        if (entry)
            chosen[n++] = entry;
        else
            add_code(run, EXIT_CANNOT);
    }
    for (i = 0; ids->n == 0 && i < vanta_registry_count(registry); i++) {
        const struct vanta_entry *entry = vanta_registry_at(registry, i);

        if (run->type == VANTA_TYPE_UNKNOWN || entry->type == run->type)
            chosen[n++] = entry;
    }
    qsort(chosen, n, sizeof *chosen, small_first);
    return n;
}

static int report(struct test_run *run, bool any)
{
    if (run->json) {
        char build[VANTA_ENGINE_BUILD_MAX] = "";
        bool engine = vanta_engine_build(build, NULL) == VANTA_OK;

        return print_document(json_pack("{s:i, s:s?, s:O}", "version",
                                        JSON_OUTPUT_VERSION, "engine",
                                        engine ? build : NULL, "models", run->list)) ==
                       EXIT_OK
                   ? run->code
                   : EXIT_CANNOT;
    }
    if (run->n > 0 && (!run->quiet || run->code != EXIT_OK))
        table_print(run->table, stdout, true);
    if (!any)
        say_no_models(run->session, run->type);
    return run->code;
}

static int test_all(struct test_run *run, const struct word_list *ids)
{
    size_t most = vanta_registry_count(run->session->registry) + ids->n, n, i;
    const struct vanta_entry **chosen = calloc(most ? most : 1, sizeof *chosen);
    struct vanta_error err = {0};
    int code;

    if (!chosen) {
        vanta_fail_memory(&err);
        return report_error(&err);
    }
    n = choose(run, ids, chosen);
    for (i = 0; i < n && !atomic_load(&cancelled); i++)
        test_entry(run, chosen[i]);
    if (i < n) {
        warn("stopped: %zu of %zu models were not tested", n - i, n);
        add_code(run, EXIT_CANNOT);
    }
    code = report(run, n > 0 || ids->n > 0);
    free(chosen);
    return code;
}

int cmd_test(int argc, char **argv)
{
    static const char *const head[] = {"ID", "VERDICT", "FIGURES", "TIME"};
    struct common_options common = {0};
    struct test_run run = {.type = VANTA_TYPE_UNKNOWN};
    const char *type_name = NULL;
    long threads = 0;
    const struct option_spec options[] = {
        {"type", 0, OPTION_TEXT, &type_name, "TYPE",
         "only whisper (stt), llm, embedding or tts"},
        {"threads", 't', OPTION_NUMBER, &threads, "N", "of the engine (the fast cores)"},
        {"no-gpu", 0, OPTION_FLAG, &run.options.no_gpu, NULL, "only the processor"},
        {"verbose", 'v', OPTION_FLAG, &run.verbose, NULL, "show every check"},
        {"quiet", 'q', OPTION_FLAG, &common.quiet, NULL, "say only what went wrong"},
        JSON_OPTION(common),
        COMMON_OPTIONS(common),
    };
    struct word_list ids = {0};
    struct session session;
    int code;

    if (!command_parse("test", argc, argv, options, sizeof options / sizeof options[0],
                       &ids, &code))
        return code;
    if (type_name && !parse_type("test", type_name, &run.type))
        return EXIT_USAGE;
    if (threads > 1024)
        return usage_error("test", "--threads is at most 1024");
    if (!session_open(&session, &common, SESSION_CATALOG | SESSION_REGISTRY, &code))
        return code;
    run.session = &session;
    run.named = ids.n > 0;
    run.json = common.json;
    run.quiet = common.quiet;
    run.options.root = session.root;
    run.options.catalog = session.catalog;
    run.options.threads = (int)threads;
    run.options.cancel = &cancelled;
    run.options.progress = test_line_show;
    run.options.arg = &run.line;
    run.list = json_array();
    run.table = table_new(4);
    table_row(run.table, head, NULL);
    code = test_all(&run, &ids);
    table_free(run.table);
    json_decref(run.list);
    session_close(&session);
    return code;
}
