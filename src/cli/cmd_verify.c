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
#include "models/verify.h"

struct verify_run {
    struct session *s;
    bool json, quiet;
    json_t *results;
    int code;            /* so far */
    bool warned;         /* that outcomes cannot be recorded */
    const char *id;      /* being verified */
    int64_t total_bytes; /* of it; -1 unknown */
    int64_t start_ms, shown_ms;
};

static void clear_progress(struct verify_run *run)
{
    if (run->shown_ms)
        fputs("\r\033[K", stderr);
    run->shown_ms = 0;
}

static void on_progress(void *arg, uint64_t bytes)
{
    struct verify_run *run = arg;
    int64_t now = vanta_clock_ms(), spent = now - run->start_ms;
    char done[VANTA_SIZE_TEXT_MAX], speed[VANTA_SIZE_TEXT_MAX];

    if (run->quiet || !term_is_terminal(stderr) || spent < 500 ||
        now - run->shown_ms < 100)
        return;
    run->shown_ms = now;
    fprintf(stderr, "\r\033[K%s  %s", run->id, vanta_size_text(bytes, done));
    if (run->total_bytes > 0)
        fprintf(stderr, "  %d%%", (int)(bytes * 100 / (uint64_t)run->total_bytes));
    fprintf(stderr, "  %s/s", vanta_size_text(bytes * 1000 / (uint64_t)spent, speed));
    fflush(stderr);
}

/* The exit code of several models: a failed check says more than one that could not be
 * made. */
static void add_code(struct verify_run *run, int code)
{
    if (code == EXIT_CHECK || run->code == EXIT_OK)
        run->code = code;
}

static void add_result(struct verify_run *run, enum vanta_status status,
                       const struct vanta_verify_result *r, const struct vanta_error *err,
                       int64_t ms)
{
    json_array_append_new(
        run->results,
        json_pack("{s:s, s:b, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:I, s:I, s:I, s:b}", "id",
                  run->id, "ok", status == VANTA_OK, "status", vanta_status_name(status),
                  "state", vanta_state_name(r->state), "message",
                  r->message[0] ? r->message : err->message, "bad_file",
                  r->bad_file[0] ? r->bad_file : NULL, "expected",
                  r->expected[0] ? r->expected : NULL, "found",
                  r->found[0] ? r->found : NULL, "files_checked",
                  (json_int_t)r->files_checked, "bytes_hashed",
                  (json_int_t)r->bytes_hashed, "milliseconds", (json_int_t)ms, "recorded",
                  r->record.status == VANTA_OK));
}

static void print_result(const struct verify_run *run, enum vanta_status status,
                         const struct vanta_verify_result *r,
                         const struct vanta_error *err)
{
    bool checked = status == VANTA_OK || status == VANTA_ERR_CHECK;
    const char *word = status == VANTA_OK ? "ok" : checked ? "BAD" : "unknown";

    if (run->quiet && status == VANTA_OK)
        return;
    printf("%s%-4s%s %s: %s\n",
           term_style(stdout, status == VANTA_OK ? STYLE_GOOD : STYLE_BAD), word,
           term_style(stdout, STYLE_NONE), run->id,
           r->message[0] ? r->message : err->message);
    if (status == VANTA_ERR_CHECK && r->found[0]) {
        if (r->expected[0])
            printf("       expected %s\n", r->expected);
        printf("       found    %s\n", r->found);
    }
    fflush(stdout);
    if (err->hint[0])
        fprintf(stderr, "     %s\n", err->hint);
}

static void verify_entry(struct verify_run *run, const struct vanta_entry *entry)
{
    struct vanta_verify_result r;
    struct vanta_error err = {0};
    enum vanta_status status;

    run->id = entry->id;
    run->total_bytes = entry->size_bytes;
    run->start_ms = vanta_clock_ms();
    status = vanta_verify_model(run->s->root, run->s->catalog, entry, on_progress, run,
                                &cancelled, &r, &err);
    clear_progress(run);
    if (run->json)
        add_result(run, status, &r, &err, vanta_clock_ms() - run->start_ms);
    else
        print_result(run, status, &r, &err);
    add_code(run, exit_code_of(status));
    if (r.record.status != VANTA_OK && !run->warned &&
        vanta_registry_origin(run->s->registry) != VANTA_REGISTRY_HISTORY_FILE) {
        warn("the outcome could not be recorded: %s", r.record.message);
        run->warned = true;
    }
}

/* An unknown size, -1, comes last; what has no files first. */
static uint64_t sort_bytes(const struct vanta_entry *entry)
{
    return vanta_entry_is_api(entry) ? 0 : (uint64_t)entry->size_bytes;
}

static int small_first(const void *a, const void *b)
{
    const struct vanta_entry *const *left = a, *const *right = b;
    uint64_t l = sort_bytes(*left), r = sort_bytes(*right);

    if (l != r)
        return l < r ? -1 : 1;
    return strcmp((*left)->id, (*right)->id);
}

static bool is_chosen(const struct vanta_entry **chosen, size_t n,
                      const struct vanta_entry *entry)
{
    while (n-- > 0)
        if (chosen[n] == entry)
            return true;
    return false;
}

/* An id that is not there is a result too. */
static void add_unknown(struct verify_run *run, const char *id)
{
    char shown[256], message[512];
    struct vanta_error err = {0};

    session_missing(run->s, id, &err);
    report_error(&err);
    add_code(run, EXIT_CANNOT);
    vanta_text_printable(id, shown, sizeof shown);
    vanta_text_printable(err.message, message, sizeof message);
    json_array_append_new(run->results,
                          json_pack("{s:s, s:b, s:s, s:n, s:s, s:n, s:n, s:n, s:i, s:i, "
                                    "s:i, s:b}",
                                    "id", shown, "ok", 0, "status",
                                    vanta_status_name(err.status), "state", "message",
                                    message, "bad_file", "expected", "found",
                                    "files_checked", 0, "bytes_hashed", 0, "milliseconds",
                                    0, "recorded", 0));
}

/* The entries of the ids, or all; names that are not there are reported and count as
 * failures. */
static size_t choose(struct verify_run *run, const struct word_list *ids,
                     const struct vanta_entry **chosen)
{
    size_t i, n = 0;

    for (i = 0; ids->n == 0 && i < vanta_registry_count(run->s->registry); i++)
        chosen[n++] = vanta_registry_at(run->s->registry, i);
    for (i = 0; i < ids->n; i++) {
        const struct vanta_entry *entry =
            vanta_registry_find(run->s->registry, ids->words[i]);

        if (!entry)
            add_unknown(run, ids->words[i]);
        else if (!is_chosen(chosen, n, entry))
            chosen[n++] = entry;
    }
    qsort(chosen, n, sizeof *chosen, small_first);
    return n;
}

static int verify(struct verify_run *run, const struct word_list *ids)
{
    size_t most = vanta_registry_count(run->s->registry) + ids->n, n, i;
    const struct vanta_entry **chosen = calloc(most ? most : 1, sizeof *chosen);
    struct vanta_error err = {0};

    if (!chosen) {
        vanta_fail_memory(&err);
        return report_error(&err);
    }
    n = choose(run, ids, chosen);
    if (n == 0 && ids->n == 0)
        say_no_models(run->s, VANTA_TYPE_UNKNOWN);
    for (i = 0; i < n && !atomic_load(&cancelled); i++)
        verify_entry(run, chosen[i]);
    if (i < n) {
        warn("stopped: %zu of %zu models were not looked at", n - i, n);
        add_code(run, EXIT_CANNOT);
    }
    free(chosen);
    if (run->json && print_document(json_pack("{s:i, s:o, s:O}", "version",
                                              JSON_OUTPUT_VERSION, "root",
                                              path_output(run->s->root), "models",
                                              run->results)) != EXIT_OK)
        return EXIT_CANNOT;
    return run->code;
}

int cmd_verify(int argc, char **argv)
{
    struct common_options common = {0};
    const struct option_spec options[] = {
        JSON_OPTION(common),
        {"quiet", 'q', OPTION_FLAG, &common.quiet, NULL, "name only what is wrong"},
        COMMON_OPTIONS(common),
    };
    struct word_list operands = {0};
    struct verify_run run = {0};
    struct session s;
    int code;

    if (!command_parse("verify", argc, argv, options, sizeof options / sizeof options[0],
                       &operands, &code))
        return code;
    if (!session_open(&s, &common, SESSION_CATALOG | SESSION_REGISTRY, &code))
        return code;
    run.s = &s;
    run.json = common.json;
    run.quiet = common.quiet;
    run.results = json_array();
    code = verify(&run, &operands);
    json_decref(run.results);
    session_close(&s);
    return code;
}
