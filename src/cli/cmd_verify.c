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

#define JOBS_MAX 256

struct verify_run {
    struct session *s;
    struct common_options common;
    bool quick, whole, repair, dry_run;
    long jobs;
    json_t *results;
    int code;    /* so far */
    bool warned; /* that outcomes cannot be recorded */
    size_t stopped;
    struct vanta_verify_item *items;
    bool *done;
    size_t n, shown; /* items, and those of them whose result was shown */
    int64_t start_ms, drawn_ms;
};

static void clear_progress(struct verify_run *run)
{
    if (run->drawn_ms)
        fputs("\r\033[K", stderr);
    run->drawn_ms = 0;
}

static void on_progress(void *arg, uint64_t bytes, uint64_t total)
{
    char done[VANTA_SIZE_TEXT_MAX], all[VANTA_SIZE_TEXT_MAX], speed[VANTA_SIZE_TEXT_MAX];
    struct verify_run *run = arg;
    int64_t now = vanta_clock_ms(), spent = now - run->start_ms;

    if (run->common.quiet || !term_is_terminal(stderr) || spent < 500 ||
        now - run->drawn_ms < 100)
        return;
    run->drawn_ms = now;
    fprintf(stderr, "\r\033[Kverifying  %zu of %zu models  %s of %s", run->shown, run->n,
            vanta_size_text(bytes, done), vanta_size_text(total, all));
    if (total > 0)
        fprintf(stderr, "  %d%%", (int)(bytes * 100 / total));
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

static void add_result(struct verify_run *run, const struct vanta_verify_item *item)
{
    const struct vanta_verify_result *r = &item->result;

    json_array_append_new(
        run->results,
        json_pack("{s:s, s:b, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:I, s:I, s:I, s:I, s:I, "
                  "s:b}",
                  "id", item->entry->id, "ok", item->status == VANTA_OK, "status",
                  vanta_status_name(item->status), "state", vanta_state_name(r->state),
                  "message", r->message[0] ? r->message : item->error.message, "bad_file",
                  r->bad_file[0] ? r->bad_file : NULL, "expected",
                  r->expected[0] ? r->expected : NULL, "found",
                  r->found[0] ? r->found : NULL, "files_checked",
                  (json_int_t)r->files_checked, "files_sampled",
                  (json_int_t)r->files_sampled, "bytes_hashed",
                  (json_int_t)r->bytes_hashed, "bytes_wrong", (json_int_t)r->bytes_wrong,
                  "milliseconds", (json_int_t)item->milliseconds, "recorded",
                  r->record.status == VANTA_OK && r->files_sampled == 0));
}

static void print_result(const struct verify_run *run,
                         const struct vanta_verify_item *item)
{
    const struct vanta_verify_result *r = &item->result;
    bool ok = item->status == VANTA_OK;
    const char *word = ok ? "ok" : item->status == VANTA_ERR_CHECK ? "BAD" : "unknown";

    if (run->common.quiet && ok)
        return;
    printf("%s%-4s%s %s: %s\n", term_style(stdout, ok ? STYLE_GOOD : STYLE_BAD), word,
           term_style(stdout, STYLE_NONE), item->entry->id,
           r->message[0] ? r->message : item->error.message);
    if (item->status == VANTA_ERR_CHECK && r->found[0]) {
        if (r->expected[0])
            printf("       expected %s\n", r->expected);
        printf("       found    %s\n", r->found);
    }
    fflush(stdout);
    if (item->error.hint[0] && !run->repair)
        fprintf(stderr, "     %s\n", item->error.hint);
}

static void show(struct verify_run *run, const struct vanta_verify_item *item)
{
    const struct vanta_error *record = &item->result.record;

    if (run->common.json)
        add_result(run, item);
    else if (item->status == VANTA_ERR_CANCELLED)
        run->stopped++;
    else
        print_result(run, item);
    add_code(run, exit_code_of(item->status));
    if (record->status != VANTA_OK && !run->warned &&
        vanta_registry_origin(run->s->registry) != VANTA_REGISTRY_HISTORY_FILE) {
        warn("the outcome could not be recorded: %s", record->message);
        run->warned = true;
    }
}

/* In the order of the items, however they end. */
static void on_done(void *arg, struct vanta_verify_item *item)
{
    struct verify_run *run = arg;

    run->done[item - run->items] = true;
    clear_progress(run);
    while (run->shown < run->n && run->done[run->shown])
        show(run, &run->items[run->shown++]);
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
                                    "s:i, s:i, s:i, s:b}",
                                    "id", shown, "ok", 0, "status",
                                    vanta_status_name(err.status), "state", "message",
                                    message, "bad_file", "expected", "found",
                                    "files_checked", 0, "files_sampled", 0, "bytes_hashed", 0,
                                    "bytes_wrong", 0, "milliseconds", 0, "recorded", 0));
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

static void verify(struct verify_run *run)
{
    struct vanta_verify_options o = {.root = run->s->root,
                                     .catalog = run->s->catalog,
                                     .jobs = (unsigned)run->jobs,
                                     .quick = run->quick,
                                     .whole = run->whole,
                                     .traceless = true,
                                     .progress = on_progress,
                                     .done = on_done,
                                     .arg = run,
                                     .cancel = &cancelled};

    run->start_ms = vanta_clock_ms();
    vanta_verify_models(&o, run->items, run->n);
    clear_progress(run);
    if (run->stopped > 0)
        warn("stopped: %zu of %zu models were not verified", run->stopped, run->n);
}

static int verify_chosen(struct verify_run *run, const struct word_list *ids)
{
    size_t most = vanta_registry_count(run->s->registry) + ids->n, i;
    const struct vanta_entry **chosen = calloc(most ? most : 1, sizeof *chosen);
    struct vanta_error err = {0};

    run->items = calloc(most ? most : 1, sizeof *run->items);
    run->done = calloc(most ? most : 1, sizeof *run->done);
    if (!chosen || !run->items || !run->done) {
        free(chosen);
        vanta_fail_memory(&err);
        return report_error(&err);
    }
    run->n = choose(run, ids, chosen);
    for (i = 0; i < run->n; i++)
        run->items[i].entry = chosen[i];
    free(chosen);
    if (run->n == 0 && ids->n == 0)
        say_no_models(run->s, VANTA_TYPE_UNKNOWN);
    verify(run);
    if (run->common.json && print_document(json_pack("{s:i, s:o, s:O}", "version",
                                                     JSON_OUTPUT_VERSION, "root",
                                                     path_output(run->s->root), "models",
                                                     run->results)) != EXIT_OK)
        return EXIT_CANNOT;
    return run->code;
}

static bool parse(int argc, char **argv, struct verify_run *run,
                  struct word_list *operands, int *code)
{
    const struct option_spec options[] = {
        {"quick", 0, OPTION_FLAG, &run->quick, NULL,
         "only some chunks of files that nobody wrote to since"},
        {"whole", 0, OPTION_FLAG, &run->whole, NULL, "believe no chunk digests"},
        {"jobs", 'j', OPTION_NUMBER, &run->jobs, "N", "threads (one for each core)"},
        JSON_OPTION(run->common),
        {"quiet", 'q', OPTION_FLAG, &run->common.quiet, NULL, "name only what is wrong"},
        COMMON_OPTIONS(run->common),
    };

    if (!command_parse("verify", argc, argv, options, sizeof options / sizeof options[0],
                       operands, code))
        return false;
    if (run->jobs > JOBS_MAX)
        *code = usage_error("verify", "--jobs is at most %d", JOBS_MAX);
    else if (run->quick && run->whole)
        *code = usage_error("verify", "--quick and --whole exclude each other");
    else
        return true;
    return false;
}

int cmd_verify(int argc, char **argv)
{
    struct word_list operands = {0};
    struct verify_run run = {0};
    struct session s;
    int code;

    if (!parse(argc, argv, &run, &operands, &code) ||
        !session_open(&s, &run.common, SESSION_CATALOG | SESSION_REGISTRY, &code))
        return code;
    run.s = &s;
    run.results = json_array();
    code = verify_chosen(&run, &operands);
    json_decref(run.results);
    free(run.items);
    free(run.done);
    session_close(&s);
    return code;
}
