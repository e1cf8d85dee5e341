/*
 * vanta bench ID: how fast a model runs here: warm-up, repeats, median and spread; compared
 * with the last time, which the registry keeps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/term.h"
#include "cli/test_line.h"
#include "models/bench.h"

#define REPEATS_MAX 100

static const char *unit_text(double value, const char *unit, char out[64])
{
    char size[VANTA_SIZE_TEXT_MAX];

    if (strcmp(unit, "bytes") == 0)
        vanta_format(out, 64, "%s", vanta_size_text((uint64_t)value, size));
    else
        vanta_format(out, 64, value < 10 ? "%.3f %s" : "%.1f %s", value, unit);
    return out;
}

/* "+12 % (better)": of the median, against the last time. */
static const char *compare(const struct vanta_bench_figure *f, char out[64])
{
    double change;

    out[0] = '\0';
    if (!f->has_last || !(f->last > 0))
        return "-";
    change = (f->median / f->last - 1) * 100;
    if (change > -0.5 && change < 0.5)
        return "same";
    vanta_format(out, 64, "%+.0f %%%s", change,
                 change > -3 && change < 3           ? ""
                 : (change > 0) == f->more_is_better ? " better"
                                                     : " worse");
    return out;
}

static void print_table(const struct vanta_bench_result *r)
{
    static const char *const head[] = {"FIGURE", "MEDIAN", "LEAST", "MOST", "LAST TIME"};
    struct table *table = table_new(5);
    size_t i;

    table_row(table, head, NULL);
    for (i = 0; i < r->n; i++) {
        const struct vanta_bench_figure *f = &r->figures[i];
        char median[64], least[64], most[64], change[64];
        const char *cells[] = {f->label, unit_text(f->median, f->unit, median),
                               unit_text(f->least, f->unit, least),
                               unit_text(f->most, f->unit, most), compare(f, change)};

        table_row(table, cells, NULL);
    }
    table_print(table, stdout, true);
    table_free(table);
}

static int print_json(const struct vanta_entry *entry, const struct vanta_bench_result *r)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < r->n; i++) {
        const struct vanta_bench_figure *f = &r->figures[i];

        json_array_append_new(
            list, json_pack("{s:s, s:s, s:f, s:f, s:f, s:b, s:o}", "name", f->name, "unit",
                            f->unit, "median", f->median, "least", f->least, "most",
                            f->most, "more_is_better", f->more_is_better, "last",
                            f->has_last ? json_real(f->last) : json_null()));
    }
    return print_document(json_pack("{s:i, s:s, s:s, s:i, s:o, s:s?}", "version",
                                    JSON_OUTPUT_VERSION, "model", entry->id, "engine",
                                    r->build, "repeats", r->repeats, "figures", list,
                                    "last_at", r->last_at[0] ? r->last_at : NULL));
}

static int bench(struct session *s, const struct vanta_entry *entry,
                 struct vanta_bench_options *options, const struct common_options *common)
{
    struct vanta_bench_result result;
    struct vanta_error err = {0};
    struct test_line line;
    enum vanta_status status;
    int code = EXIT_OK;

    test_line_start(&line, entry->id, common->quiet || common->json);
    options->test.root = s->root;
    options->test.catalog = s->catalog;
    options->test.cancel = &cancelled;
    options->test.progress = test_line_show;
    options->test.arg = &line;
    status = vanta_bench_model(options, entry, &result, &err);
    test_line_clear(&line);
    if (status != VANTA_OK)
        return report_error(&err);
    if (common->json) {
        code = print_json(entry, &result);
    } else {
        printf("%s, %d runs after a warm-up, %s\n", entry->id, result.repeats,
               result.build);
        print_table(&result);
        if (result.last_at[0])
            printf("The last time was %s%s.\n", result.last_at,
                   result.same_machine ? "" : ", on another machine or engine");
    }
    if (result.record.status != VANTA_OK)
        warn("the figures could not be kept: %s", result.record.message);
    return code;
}

int cmd_bench(int argc, char **argv)
{
    struct common_options common = {0};
    struct vanta_bench_options o = {0};
    struct word_list ids = {0};
    struct session session;
    const struct vanta_entry *entry;
    long threads = 0, repeats = 5;
    const struct option_spec options[] = {
        {"repeats", 'r', OPTION_NUMBER, &repeats, "N", "runs that are measured (5)"},
        {"threads", 't', OPTION_NUMBER, &threads, "N", "of the engine (the fast cores)"},
        {"no-gpu", 0, OPTION_FLAG, &o.test.no_gpu, NULL, "only the processor"},
        {"quiet", 'q', OPTION_FLAG, &common.quiet, NULL, "no progress"},
        JSON_OPTION(common),
        COMMON_OPTIONS(common),
    };
    int code;

    if (!command_parse("bench", argc, argv, options, sizeof options / sizeof options[0],
                       &ids, &code))
        return code;
    if (ids.n != 1)
        return usage_error("bench", "takes one model");
    if (repeats < 1 || repeats > REPEATS_MAX || threads > 1024)
        return usage_error("bench", "--repeats is 1 to 100, --threads at most 1024");
    if (!session_open(&session, &common, SESSION_CATALOG | SESSION_REGISTRY, &code))
        return code;
    o.repeats = (int)repeats;
    o.test.threads = (int)threads;
    entry = session_entry(&session, ids.words[0]);
    code = entry ? bench(&session, entry, &o, &common) : EXIT_CANNOT;
    session_close(&session);
    return code;
}
