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
#include "cli/verify_run.h"

#define JOBS_MAX 256

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
    verify_add_code(run, EXIT_CANNOT);
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
                                     .progress = verify_progress,
                                     .done = verify_done,
                                     .arg = run,
                                     .cancel = &cancelled};

    run->start_ms = vanta_clock_ms();
    vanta_verify_models(&o, run->items, run->n);
    verify_clear(run);
    if (run->stopped > 0)
        warn("stopped: %zu of %zu models were not verified", run->stopped, run->n);
}

static int verify_chosen(struct verify_run *run, const struct word_list *ids)
{
    size_t most = vanta_registry_count(run->s->registry) + ids->n, i;
    const struct vanta_entry **chosen = calloc(most ? most : 1, sizeof *chosen);
    struct vanta_error err = {0};
    json_t *document;

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
    document = json_pack("{s:i, s:o, s:O}", "version", JSON_OUTPUT_VERSION, "root",
                         path_output(run->s->root), "models", run->results);
    if (run->repair && !atomic_load(&cancelled))
        verify_repair(run, document);
    if (run->common.json)
        return print_document(document) == EXIT_OK ? run->code : EXIT_CANNOT;
    json_decref(document);
    return run->code;
}

static bool parse(int argc, char **argv, struct verify_run *run,
                  struct word_list *operands, int *code)
{
    const struct option_spec options[] = {
        {"quick", 0, OPTION_FLAG, &run->quick, NULL,
         "only some chunks of files that nobody wrote to since"},
        {"whole", 0, OPTION_FLAG, &run->whole, NULL, "believe no chunk digests"},
        {"repair", 0, OPTION_FLAG, &run->repair, NULL, "bring anew what is wrong"},
        {"dry-run", 'n', OPTION_FLAG, &run->dry_run, NULL,
         "with --repair: show what would be done"},
        {"jobs", 'j', OPTION_NUMBER, &run->jobs, "N", "threads (one for each core)"},
        SPEED_OPTIONS(run->speed),
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
    else if (run->dry_run && !run->repair)
        *code = usage_error("verify", "--dry-run is for --repair");
    else if ((run->speed.connections || run->speed.rate) && !run->repair)
        *code = usage_error("verify", "--connections and --limit-rate are for --repair");
    else
        return speed_parse("verify", &run->speed, code);
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
