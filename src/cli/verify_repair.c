/* verify_repair.c - bringing anew what a verification found wrong. */
#include <stdio.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/progress.h"
#include "cli/setup_select.h"
#include "cli/term.h"
#include "cli/verify_run.h"
#include "models/repair.h"

struct talk {
    struct progress *progress;
};

static void listen(void *arg, const struct vanta_setup_event *event)
{
    struct talk *talk = arg;

    progress_event(talk->progress, event);
}

static void print_plan(const struct vanta_repair *repair)
{
    size_t n, i;
    const struct vanta_setup_item *items = vanta_setup_items(repair->setup, &n);
    char line[512], shown[600];

    for (i = 0; i < n; i++) {
        vanta_repair_describe(repair, i, line);
        vanta_text_printable(line, shown, sizeof shown);
        printf("repair %s: %s\n", items[i].model->id, shown);
    }
    fflush(stdout);
}

static bool is_repaired(const struct vanta_setup_item *item)
{
    return item->outcome == VANTA_OUTCOME_FETCHED ||
           item->outcome == VANTA_OUTCOME_ADOPTED || item->outcome == VANTA_OUTCOME_PRESENT;
}

static void print_outcome(const struct vanta_setup_item *item)
{
    char moved[VANTA_SIZE_TEXT_MAX];

    if (is_repaired(item)) {
        printf("%sok%s   %s: repaired, %s fetched\n", term_style(stdout, STYLE_GOOD),
               term_style(stdout, STYLE_NONE), item->model->id,
               vanta_size_text(item->moved_bytes, moved));
        return;
    }
    printf("%sBAD%s  %s: not repaired: %s\n", term_style(stdout, STYLE_BAD),
           term_style(stdout, STYLE_NONE), item->model->id, item->error.message);
    if (item->error.hint[0])
        fprintf(stderr, "     %s\n", item->error.hint);
}

static json_t *outcome_json(const struct vanta_repair *repair, size_t i, bool ran)
{
    size_t n;
    const struct vanta_setup_item *item = &vanta_setup_items(repair->setup, &n)[i];
    char plan[512], shown[600];

    vanta_repair_describe(repair, i, plan);
    vanta_text_printable(plan, shown, sizeof shown);
    return json_pack("{s:s, s:s, s:I, s:I, s:o, s:s?}", "id", item->model->id, "plan", shown,
                     "bytes_planned", (json_int_t)item->network_bytes, "bytes_moved",
                     (json_int_t)item->moved_bytes, "repaired",
                     ran ? json_boolean(is_repaired(item)) : json_null(), "error",
                     item->error.status == VANTA_OK ? NULL : item->error.message);
}

/* What is wrong and cannot be repaired is said, and stays wrong. */
static size_t count_lost(const struct verify_run *run)
{
    size_t i, lost = 0;

    for (i = 0; i < run->n; i++) {
        struct vanta_error why = {0};

        if (run->items[i].status != VANTA_ERR_CHECK ||
            vanta_repair_possible(run->s->catalog, &run->items[i], &why) == VANTA_OK)
            continue;
        report_error(&why);
        lost++;
    }
    return lost;
}

static void run_it(struct verify_run *run, struct vanta_repair *repair, struct talk *talk,
                   size_t lost)
{
    const struct vanta_setup_item *items;
    uint64_t bytes = 0;
    size_t i, n;

    items = vanta_setup_items(repair->setup, &n);
    for (i = 0; i < n; i++)
        bytes += items[i].network_bytes;
    if (!run->common.json)
        talk->progress = progress_new(bytes, run->common.quiet);
    vanta_setup_run(repair->setup, NULL);
    progress_free(talk->progress);
    talk->progress = NULL;
    for (i = 0; i < n; i++) {
        lost += !is_repaired(&items[i]);
        if (!run->common.json && !(run->common.quiet && is_repaired(&items[i])))
            print_outcome(&items[i]);
    }
    /* What was wrong is right now; what could not be looked at is as it was. */
    if (lost == 0 && run->code == EXIT_CHECK)
        run->code = run->unlooked ? EXIT_CANNOT : EXIT_OK;
    if (atomic_load(&cancelled))
        run->code = EXIT_CANNOT;
}

void verify_repair(struct verify_run *run, json_t *document)
{
    struct talk talk = {NULL};
    struct vanta_setup_options base = {.root = run->s->root,
                                       .catalog = run->s->catalog,
                                       .connections = (unsigned)run->speed.connections,
                                       .limit_rate_bytes = run->speed.bytes_per_second,
                                       .listener = listen,
                                       .arg = &talk,
                                       .cancel = &cancelled};
    const struct word_list all_sources = {.n = 0};
    struct vanta_repair repair = {0};
    struct vanta_error err = {0};
    size_t lost = count_lost(run), i;
    enum vanta_status status;

    if (!selection_classes(&all_sources, &base.classes)) {
        run->code = EXIT_USAGE;
        return;
    }
    if (!run->dry_run)
        vanta_repair_tidy(run->s->root, run->items, run->n);
    status = vanta_repair_plan(&base, run->items, run->n, &repair, &err);
    if (repair.setup && !run->common.json && !run->common.quiet)
        print_plan(&repair);
    if (status != VANTA_OK)
        run->code = report_error(&err);
    else if (repair.setup && !run->dry_run)
        run_it(run, &repair, &talk, lost);
    for (i = 0; repair.setup && document && i < repair.n; i++) {
        json_t *repairs = json_object_get(document, "repairs");

        if (!repairs)
            json_object_set_new(document, "repairs", repairs = json_array());
        json_array_append_new(repairs,
                              outcome_json(&repair, i, status == VANTA_OK && !run->dry_run));
    }
    vanta_repair_free(&repair);
}
