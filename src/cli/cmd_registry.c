#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/term.h"
#include "models/rebuild.h"

#define REDRAW_MS 100

struct talk {
    int64_t told_ms;
    bool drawn, quiet;
};

static void on_progress(void *arg, const char *what, uint64_t bytes, int64_t total)
{
    struct talk *t = arg;
    char have[VANTA_SIZE_TEXT_MAX], all[VANTA_SIZE_TEXT_MAX] = "?", shown[256];
    int64_t now = vanta_clock_ms();

    if (t->quiet || now - t->told_ms < REDRAW_MS)
        return;
    t->told_ms = now;
    vanta_text_printable(what, shown, sizeof shown);
    if (total >= 0)
        vanta_size_text((uint64_t)total, all);
    fprintf(stderr, "\r\033[Khashing %.48s  %s of %s", shown,
            vanta_size_text(bytes, have), all);
    t->drawn = true;
}

static enum term_style kind_style(const struct vanta_rebuild_item *item)
{
    switch (item->kind) {
    case VANTA_REBUILD_MISSING:
        return STYLE_BAD;
    case VANTA_REBUILD_LEFT:
        return STYLE_WARN;
    case VANTA_REBUILD_KEPT:
        return STYLE_NONE;
    default:
        return STYLE_GOOD;
    }
}

static void print_items(const struct vanta_rebuild_result *r)
{
    struct table *t = table_new(4);
    size_t i;

    for (i = 0; i < r->n; i++) {
        const struct vanta_rebuild_item *item = &r->items[i];
        const char *cells[4] = {vanta_rebuild_kind_name(item->kind),
                                item->id[0] ? item->id : "-", item->path, item->note};
        const enum term_style styles[4] = {kind_style(item)};

        table_row(t, cells, styles);
    }
    table_print(t, stdout, false);
    table_free(t);
}

static void print_summary(const struct vanta_rebuild_result *r, const char *folder,
                          bool check)
{
    size_t counts[VANTA_REBUILD_LEFT + 1] = {0}, i;
    char root[VANTA_PATH_MAX], aside[VANTA_PATH_MAX];

    vanta_text_printable(folder, root, sizeof root);
    vanta_text_printable(r->aside, aside, sizeof aside);
    for (i = 0; i < r->n; i++)
        counts[r->items[i].kind]++;
    if (r->damaged)
        warn("the registry was damaged: %s", r->problem);
    if (r->aside[0])
        fprintf(stderr, "The damaged file is kept as %s\n", aside);
    if (check)
        fprintf(stderr, "%s: the registry %s\n", root,
                r->changed ? "is out of step; vanta registry rebuild makes it right"
                           : "is in step with the files");
    else
        fprintf(stderr, "%s: %s", root,
                r->changed ? "the registry was rebuilt:" : "nothing had to be changed:");
    for (i = 0; !check && i <= VANTA_REBUILD_LEFT; i++)
        if (counts[i] > 0)
            fprintf(stderr, " %zu %s", counts[i],
                    vanta_rebuild_kind_name((enum vanta_rebuild_kind)i));
    if (!check)
        fputs("\n", stderr);
    if (counts[VANTA_REBUILD_MISSING] > 0 && !check)
        fputs("vanta setup ID brings a missing model back, vanta remove ID forgets it.\n",
              stderr);
}

static int print_json(const struct vanta_rebuild_result *r, const char *root)
{
    json_t *items = json_array();
    size_t i;

    for (i = 0; i < r->n; i++)
        json_array_append_new(
            items, json_pack("{s:s, s:s?, s:s?, s:s?}", "outcome",
                             vanta_rebuild_kind_name(r->items[i].kind), "id",
                             r->items[i].id[0] ? r->items[i].id : NULL, "path",
                             r->items[i].path, "note",
                             r->items[i].note[0] ? r->items[i].note : NULL));
    return print_document(json_pack("{s:i, s:o, s:b, s:b, s:s?, s:o, s:o}", "version",
                                    JSON_OUTPUT_VERSION, "root", path_output(root), "changed",
                                    (int)r->changed, "damaged", (int)r->damaged, "problem",
                                    r->problem[0] ? r->problem : NULL, "kept_aside",
                                    path_output(r->aside[0] ? r->aside : NULL), "models",
                                    items));
}

static int run(struct session *s, const struct common_options *common, bool check)
{
    struct talk talk = {vanta_clock_ms(), false, !term_is_terminal(stderr)};
    struct vanta_rebuild_options options = {.root = s->root,
                                            .catalog = s->catalog,
                                            .dry_run = check,
                                            .progress = on_progress,
                                            .arg = &talk,
                                            .cancel = &cancelled};
    struct vanta_rebuild_result result;
    struct vanta_error err = {0};
    enum vanta_status status = vanta_registry_rebuild(&options, &result, &err);
    int code = EXIT_OK;

    if (talk.drawn)
        fputs("\r\033[K", stderr);
    if (status != VANTA_OK)
        return report_error(&err);
    if (common->json) {
        code = print_json(&result, s->root);
    } else {
        print_items(&result);
        print_summary(&result, s->root, check);
    }
    if (check && result.changed && code == EXIT_OK)
        code = EXIT_CHECK;
    vanta_rebuild_free(&result);
    return code;
}

int cmd_registry(int argc, char **argv)
{
    struct common_options common = {0};
    const struct option_spec options[] = {JSON_OPTION(common), COMMON_OPTIONS(common)};
    static const char *const verbs[] = {"rebuild", "check"};
    struct word_list operands = {0};
    const char *nearest;
    struct session s;
    bool check;
    int code;

    if (!command_parse("registry", argc, argv, options,
                       sizeof options / sizeof options[0], &operands, &code))
        return code;
    if (operands.n != 1)
        return usage_error("registry", "rebuild or check is wanted");
    check = strcmp(operands.words[0], "check") == 0;
    if (!check && strcmp(operands.words[0], "rebuild") != 0) {
        nearest = vanta_nearest(operands.words[0], verbs, 2);
        return usage_error("registry", "there is no %s%s%s%s; rebuild and check are",
                           operands.words[0], nearest ? "; did you mean " : "",
                           nearest ? nearest : "", nearest ? "?" : "");
    }
    if (!session_open(&s, &common, SESSION_CATALOG, &code))
        return code;
    code = run(&s, &common, check);
    session_close(&s);
    return code;
}
