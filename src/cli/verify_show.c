/* verify_show.c - progress and results of a verification, for people and as JSON. */
#include "cli/verify_run.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/term.h"

void verify_clear(struct verify_run *run)
{
    if (run->drawn_ms)
        fputs("\r\033[K", stderr);
    run->drawn_ms = 0;
}

void verify_progress(void *arg, uint64_t bytes, uint64_t total)
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

void verify_add_code(struct verify_run *run, int code)
{
    run->unlooked |= code == EXIT_CANNOT;
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
    verify_add_code(run, exit_code_of(item->status));
    if (record->status != VANTA_OK && !run->warned &&
        vanta_registry_origin(run->s->registry) != VANTA_REGISTRY_HISTORY_FILE) {
        warn("the outcome could not be recorded: %s", record->message);
        run->warned = true;
    }
}

void verify_done(void *arg, struct vanta_verify_item *item)
{
    struct verify_run *run = arg;

    run->done[item - run->items] = true;
    verify_clear(run);
    while (run->shown < run->n && run->done[run->shown])
        show(run, &run->items[run->shown++]);
}
