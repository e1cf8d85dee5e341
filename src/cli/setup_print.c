/* setup_print.c - plan and summary of a setup, in words and as JSON lines. */
#include "cli/setup_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/setup_fit.h"
#include "cli/term.h"

#define SOURCE_MAX 256

static const char *outcome_name(enum vanta_setup_outcome outcome)
{
    static const char *const names[] = {
        [VANTA_OUTCOME_PENDING] = "pending", [VANTA_OUTCOME_PRESENT] = "present",
        [VANTA_OUTCOME_ADOPTED] = "adopted", [VANTA_OUTCOME_FETCHED] = "fetched",
        [VANTA_OUTCOME_FAILED] = "failed",   [VANTA_OUTCOME_SKIPPED] = "skipped"};

    return names[outcome];
}

static bool is_api(const struct vanta_setup_item *item)
{
    return item->model->n_files == 0;
}

static const char *brought(const struct vanta_preparation *preparation)
{
    return preparation->kind == VANTA_PREPARATION_FETCH ? "fetch" : "fetch and convert";
}

/* What the plan will do with an item. */
static const char *planned(const struct vanta_setup_item *item)
{
    if (item->outcome == VANTA_OUTCOME_SKIPPED)
        return "leave out";
    if (item->error.status != VANTA_OK)
        return item->preparation ? "cannot be reached" : "cannot be had";
    if (item->settled)
        return "is there";
    if (is_api(item))
        return "register";
    if (!item->preparation)
        return "check and adopt";
    return brought(item->preparation);
}

static bool is_checked(const struct vanta_setup_item *item)
{
    return item->outcome != VANTA_OUTCOME_SKIPPED && item->error.status == VANTA_OK &&
           !item->settled && !is_api(item) && !item->preparation;
}

static const char *size_or_dash(uint64_t bytes, char out[VANTA_SIZE_TEXT_MAX])
{
    return bytes ? vanta_size_text(bytes, out) : "-";
}

/* What fits a table: the repository or package, without revision, member and path. */
static const char *short_source(const char *source, char out[SOURCE_MAX])
{
    const char *parts = source ? strstr(source, " (") : NULL;
    size_t len;

    if (!source)
        return NULL;
    len = strlen(source);
    if (vanta_has_prefix(source, "hf:"))
        len = strcspn(source, "@");
    else if (vanta_has_prefix(source, "pkg:"))
        len = strcspn(source, "# ");
    if (!parts || !vanta_has_prefix(source, "pkg:"))
        parts = "";
    vanta_format(out, SOURCE_MAX, "%.*s%.*s", len < 200 ? (int)len : 200, source,
                 (int)strcspn(parts, "!"), parts);
    return out;
}

static void print_licenses(const struct vanta_setup_item *items, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const struct vanta_license *license = items[i].model->license;

        if (license && license->must_accept && items[i].preparation &&
            items[i].outcome != VANTA_OUTCOME_SKIPPED)
            printf("licence: %s has to be accepted for %s: --accept-license %s\n",
                   license->name ? license->name : license->id, items[i].model->id,
                   license->id);
    }
}

/* What follows where the check of what is there fails. */
static void print_otherwise(const struct vanta_setup_item *items, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const struct vanta_preparation *p = items[i].otherwise;

        if (is_checked(&items[i]))
            printf("check: if %s is damaged, %s\n", items[i].model->id,
                   !p ? "no source that is allowed has it"
                   : p->kind == VANTA_PREPARATION_FETCH
                       ? "what is wrong of it is fetched again"
                       : "it is fetched and converted again");
    }
}

/* --- for people --- */

static const char *state_text(const struct vanta_setup_item *item)
{
    if (item->outcome == VANTA_OUTCOME_FAILED || item->outcome == VANTA_OUTCOME_SKIPPED)
        return outcome_name(item->outcome);
    return vanta_state_name(item->state);
}

static enum term_style state_style(const struct vanta_setup_item *item)
{
    if (item->outcome == VANTA_OUTCOME_FAILED)
        return STYLE_BAD;
    if (item->outcome == VANTA_OUTCOME_SKIPPED || item->state <= VANTA_STATE_FAILED)
        return STYLE_WARN;
    return STYLE_GOOD;
}

static const char *source_text(const struct vanta_setup_item *item, char out[SOURCE_MAX])
{
    if (is_api(item) || item->outcome == VANTA_OUTCOME_FAILED ||
        item->outcome == VANTA_OUTCOME_SKIPPED)
        return "-";
    if (item->outcome == VANTA_OUTCOME_FETCHED)
        return short_source(item->source, out);
    return "was there";
}

static void print_table(const struct vanta_setup_item *items, size_t n)
{
    static const char *const head[] = {"Model", "State", "Size", "Source", "Time"};
    struct table *table = table_new(5);
    char size[VANTA_SIZE_TEXT_MAX], time[VANTA_SIZE_TEXT_MAX], source[SOURCE_MAX];
    size_t i;

    table_row(table, head, NULL);
    for (i = 0; i < n; i++) {
        int64_t bytes = vanta_catalog_model_bytes(items[i].model);
        const enum term_style styles[5] = {[1] = state_style(&items[i])};

        table_row(table,
                  (const char *const[]){
                      items[i].model->id, state_text(&items[i]),
                      size_or_dash(bytes > 0 ? (uint64_t)bytes : 0, size),
                      source_text(&items[i], source),
                      vanta_duration_text(items[i].milliseconds, time)},
                  styles);
    }
    table_print(table, stdout, true);
    table_free(table);
}

static void print_keys(const struct vanta_setup_item *items, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const struct vanta_catalog_model *model = items[i].model;

        if (items[i].state == VANTA_STATE_NEEDS_KEY && is_api(&items[i]) &&
            items[i].outcome != VANTA_OUTCOME_FAILED)
            printf("\n%s: off until a key is set: export %s=...\n",
                   model->type == VANTA_TYPE_TTS ? "speech output" : model->id,
                   model->key_variable ? model->key_variable : "OPENAI_API_KEY");
    }
}

static void print_failures(const struct vanta_setup_item *items, size_t n)
{
    bool stopped = false;
    size_t i;

    fflush(stdout);
    for (i = 0; i < n; i++) {
        if (items[i].error.status == VANTA_OK)
            continue;
        if (items[i].error.status == VANTA_ERR_CANCELLED)
            stopped = true;
        else
            report_error(&items[i].error);
    }
    if (stopped)
        fputs("vanta: stopped; the same command goes on where it was\n", stderr);
}

/* Why something is not done is a part of the plan: who keeps the one has the other. */
static void print_reasons(const struct vanta_setup_item *items, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const struct vanta_error *why = &items[i].error;

        if (why->status == VANTA_OK)
            continue;
        printf("%s: %s\n", planned(&items[i]), why->message);
        if (why->hint[0])
            printf("  %s\n", why->hint);
    }
}

void setup_print_plan(struct vanta_setup *setup, const char *root, const char *root_why)
{
    static const char *const head[] = {"Model", "To do", "Download", "On disk",
                                       "There", "Source"};
    const struct vanta_setup_need *need = vanta_setup_need(setup);
    char a[VANTA_SIZE_TEXT_MAX], b[VANTA_SIZE_TEXT_MAX], c[VANTA_SIZE_TEXT_MAX];
    char source[SOURCE_MAX], shown[VANTA_PATH_MAX];
    struct table *table = table_new(6);
    struct vanta_setup_item *items;
    size_t i, n;

    items = vanta_setup_items(setup, &n);
    table_row(table, head, NULL);
    for (i = 0; i < n; i++)
        table_row(table,
                  (const char *const[]){items[i].model->id, planned(&items[i]),
                                        size_or_dash(items[i].network_bytes, a),
                                        size_or_dash(items[i].disk_bytes, b),
                                        size_or_dash(items[i].present_bytes, c),
                                        short_source(items[i].source, source)},
                  NULL);
    table_print(table, stdout, true);
    table_free(table);
    vanta_text_printable(root, shown, sizeof shown);
    printf("\nmodels folder: %s (%s)\n", shown, root_why);
    printf("disk: %s needed, %s free\n",
           vanta_size_text(need->disk_needed, a), vanta_size_text(need->disk_free, b));
    printf("memory: %s needed by the largest model, %s here\n",
           vanta_size_text(need->memory_needed, a),
           vanta_size_text(need->machine.ram_usable, b));
    print_otherwise(items, n);
    print_licenses(items, n);
    print_reasons(items, n);
}

void setup_print_summary(struct vanta_setup *setup, const struct vanta_fit *fit,
                         bool quiet)
{
    struct vanta_setup_item *items;
    size_t n;

    items = vanta_setup_items(setup, &n);
    if (!quiet) {
        print_table(items, n);
        print_keys(items, n);
    }
    if (fit)
        setup_fit_print(fit, quiet);
    print_failures(items, n);
}

/* --- JSON --- */

static json_t *text_or_null(const char *text)
{
    char shown[2048];

    if (!text)
        return json_null();
    vanta_text_printable(text, shown, sizeof shown);
    return json_string(shown);
}

static json_t *event_object(const char *name)
{
    json_t *json = json_object();

    json_object_set_new(json, "version", json_integer(JSON_OUTPUT_VERSION));
    json_object_set_new(json, "event", json_string(name));
    return json;
}

static void set_text(json_t *json, const char *key, const char *text)
{
    json_object_set_new(json, key, text_or_null(text));
}

static void set_number(json_t *json, const char *key, uint64_t number)
{
    json_object_set_new(json, key, json_integer((json_int_t)number));
}

/* Takes json. A line is whole or absent, so that a reader can take each as it comes. */
static void put_line(json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);

    if (text)
        printf("%s\n", text);
    fflush(stdout);
    free(text);
    json_decref(json);
}

static void set_error(json_t *json, const struct vanta_error *err)
{
    json_t *error;

    if (err->status == VANTA_OK) {
        json_object_set_new(json, "error", json_null());
        return;
    }
    error = json_object();
    set_text(error, "kind", vanta_status_name(err->status));
    set_text(error, "message", err->message);
    set_text(error, "hint", err->hint[0] ? err->hint : NULL);
    json_object_set_new(json, "error", error);
}

static void set_result(json_t *json, const struct vanta_setup_item *item)
{
    set_text(json, "model", item->model->id);
    set_text(json, "outcome", outcome_name(item->outcome));
    set_text(json, "state", vanta_state_name(item->state));
    set_text(json, "source",
             item->outcome == VANTA_OUTCOME_FETCHED ? item->source : NULL);
    set_number(json, "bytes_moved", item->moved_bytes);
    set_number(json, "bytes_resumed", item->resumed_bytes);
    set_number(json, "bytes_reused", item->reused_bytes);
    set_number(json, "milliseconds", (uint64_t)item->milliseconds);
    set_error(json, &item->error);
}

void setup_json_event(const struct vanta_setup_event *e)
{
    static const char *const names[] = {
        [VANTA_SETUP_NOTICE] = "notice",
        [VANTA_SETUP_FILE_START] = "file-start",
        [VANTA_SETUP_FILE_PROGRESS] = "file-progress",
        [VANTA_SETUP_FILE_DONE] = "file-done",
        [VANTA_SETUP_PREPARE] = "prepare",
        [VANTA_SETUP_VERIFY] = "verify",
        [VANTA_SETUP_WAIT] = "wait",
        [VANTA_SETUP_MODEL_DONE] = "model-done"};
    json_t *json = event_object(names[e->kind]);

    if (e->kind == VANTA_SETUP_MODEL_DONE) {
        set_result(json, e->item);
        put_line(json);
        return;
    }
    set_text(json, "model", e->item ? e->item->model->id : NULL);
    if (e->kind == VANTA_SETUP_NOTICE) {
        set_text(json, "message", e->message);
        json_object_set_new(json, "warning", json_boolean(e->warning));
        put_line(json);
        return;
    }
    set_text(json, "file", e->file);
    if (e->source)
        set_text(json, "source", e->source);
    set_number(json, "bytes", e->bytes);
    json_object_set_new(json, "bytes_total",
                        e->bytes_total < 0 ? json_null()
                                           : json_integer((json_int_t)e->bytes_total));
    set_number(json, "bytes_moved", e->bytes_moved);
    set_number(json, "bytes_resumed", e->bytes_resumed);
    set_number(json, "bytes_reused", e->bytes_reused);
    if (e->kind == VANTA_SETUP_FILE_DONE)
        set_text(json, "status", vanta_status_name(e->status));
    put_line(json);
}

void setup_json_plan(struct vanta_setup *setup, const char *root)
{
    const struct vanta_setup_need *need = vanta_setup_need(setup);
    struct vanta_setup_item *items;
    json_t *json;
    size_t i, n;

    items = vanta_setup_items(setup, &n);
    for (i = 0; i < n; i++) {
        json = event_object("plan-model");
        set_text(json, "model", items[i].model->id);
        set_text(json, "type", vanta_type_name(items[i].model->type));
        set_text(json, "to_do", planned(&items[i]));
        set_text(json, "otherwise",
                 items[i].otherwise ? brought(items[i].otherwise) : NULL);
        set_text(json, "preparation",
                 items[i].preparation ? items[i].preparation->id : NULL);
        set_text(json, "source", items[i].source);
        set_number(json, "network_bytes", items[i].network_bytes);
        set_number(json, "disk_bytes", items[i].disk_bytes);
        set_number(json, "scratch_bytes", items[i].scratch_bytes);
        set_number(json, "present_bytes", items[i].present_bytes);
        set_text(json, "note", items[i].note);
        set_error(json, &items[i].error);
        put_line(json);
    }
    json = event_object("plan");
    set_text(json, "models_dir", root);
    set_number(json, "disk_needed", need->disk_needed);
    set_number(json, "disk_free", need->disk_free);
    set_number(json, "memory_needed", need->memory_needed);
    set_number(json, "memory_here", need->machine.ram_usable);
    put_line(json);
}

void setup_json_test(const struct vanta_setup_item *item, enum vanta_status status,
                     const struct vanta_test_result *result)
{
    json_t *json = event_object("test");

    set_text(json, "model", item->model->id);
    json_object_set_new(json, "passed", json_boolean(status == VANTA_OK));
    set_text(json, "status", vanta_status_name(status));
    json_object_set(json, "figures", result->figures);
    json_object_set(json, "checks", result->checks);
    put_line(json);
}

void setup_json_error(const struct vanta_error *err)
{
    json_t *json = event_object("error");

    set_error(json, err);
    put_line(json);
}

void setup_json_summary(struct vanta_setup *setup, const struct vanta_fit *fit,
                        int exit_code)
{
    json_t *json = event_object("summary"), *models = json_array();
    struct vanta_setup_item *items;
    size_t i, n;

    items = vanta_setup_items(setup, &n);
    for (i = 0; i < n; i++) {
        json_t *model = json_object();

        set_result(model, &items[i]);
        json_array_append_new(models, model);
    }
    json_object_set_new(json, "models", models);
    json_object_set_new(json, "memory", fit ? setup_fit_json(fit) : json_null());
    set_number(json, "exit_code", (uint64_t)exit_code);
    put_line(json);
}

/* --- licences --- */

static void print_text(const char *text)
{
    char line[1024], shown[1024];

    while (*text) {
        size_t len = strcspn(text, "\n");

        vanta_format(line, sizeof line, "%.*s", len > 1000 ? 1000 : (int)len, text);
        vanta_text_printable(line, shown, sizeof shown);
        fprintf(stderr, "  %s\n", shown);
        text += len > 1000 ? 1000 : len + (text[len] == '\n');
    }
}

bool setup_ask_license(void *arg, const struct vanta_license *license,
                        const struct vanta_catalog_model *model, const char *text)
{
    char question[256];

    (void)arg;
    fprintf(stderr, "\n%s comes under a licence that has to be accepted: %s\n",
            model->name, license->name ? license->name : license->id);
    if (text)
        print_text(text);
    else if (license->url)
        fprintf(stderr, "  The text: %s\n", license->url);
    if (license->summary)
        fprintf(stderr, "In short: %s\n", license->summary);
    vanta_format(question, sizeof question, "Accept it for %s?", model->id);
    return term_ask(question, false);
}
