#include <stdio.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/term.h"
#include "models/doctor.h"

static enum term_style level_style(enum vanta_check_level level)
{
    return level == VANTA_CHECK_OK     ? STYLE_GOOD
           : level == VANTA_CHECK_WARN ? STYLE_WARN
                                       : STYLE_BAD;
}

static void print_report(const struct vanta_doctor_report *r)
{
    size_t i;

    for (i = 0; i < r->n; i++) {
        const struct vanta_check *c = &r->checks[i];

        printf("%s%-4s%s  %-13s  %s\n", term_style(stdout, level_style(c->level)),
               vanta_check_level_name(c->level), term_style(stdout, STYLE_NONE), c->topic,
               c->text);
        if (c->remedy && c->remedy[0])
            printf("%21s%s\n", "", c->remedy);
    }
    fprintf(stderr, "%zu checks: %zu failed, %zu to look at\n", r->n, r->failures,
            r->warnings);
}

static int print_json(const struct vanta_doctor_report *r, const char *root)
{
    json_t *checks = json_array();
    size_t i;

    for (i = 0; i < r->n; i++)
        json_array_append_new(
            checks, json_pack("{s:s, s:s, s:s, s:s?}", "level",
                              vanta_check_level_name(r->checks[i].level), "topic",
                              r->checks[i].topic, "text", r->checks[i].text, "remedy",
                              r->checks[i].remedy && r->checks[i].remedy[0]
                                  ? r->checks[i].remedy
                                  : NULL));
    return print_document(json_pack("{s:i, s:o, s:b, s:I, s:I, s:o}", "version",
                                    JSON_OUTPUT_VERSION, "root", path_output(root), "ok",
                                    (int)(r->failures == 0), "failures",
                                    (json_int_t)r->failures, "warnings",
                                    (json_int_t)r->warnings, "checks", checks));
}

int cmd_doctor(int argc, char **argv)
{
    struct common_options common = {0};
    struct vanta_doctor_options doctor = {.cancel = &cancelled};
    const struct option_spec options[] = {
        {"offline", 0, OPTION_FLAG, &doctor.offline, NULL, "open no connection"},
        JSON_OPTION(common),
        COMMON_OPTIONS(common),
    };
    struct vanta_error err = {0}, root_err = {0}, catalog_err = {0};
    struct word_list operands = {0};
    struct vanta_doctor_report report;
    struct vanta_catalog *catalog = NULL;
    char root[VANTA_PATH_MAX];
    int code;

    if (!command_parse("doctor", argc, argv, options, sizeof options / sizeof options[0],
                       &operands, &code))
        return code;
    if (operands.n != 0)
        return usage_error("doctor", "no operand is wanted, and %s is one",
                           operands.words[0]);
    /* What is broken here is what the report is about. */
    if (vanta_root_find(common.models_dir, root, &doctor.root_why, &root_err) == VANTA_OK)
        doctor.root = root;
    doctor.root_error = &root_err;
    if (vanta_catalog_load(&catalog, common.catalogs.words, common.catalogs.n,
                           &catalog_err) == VANTA_OK)
        doctor.catalog = catalog;
    doctor.catalog_error = &catalog_err;
    if (vanta_doctor_run(&doctor, &report, &err) != VANTA_OK) {
        code = report_error(&err);
    } else {
        code = EXIT_OK;
        if (common.json)
            code = print_json(&report, doctor.root);
        else
            print_report(&report);
        if (report.failures > 0 && code == EXIT_OK)
            code = EXIT_CHECK;
    }
    vanta_doctor_free(&report);
    if (catalog)
        vanta_catalog_free(catalog);
    return code;
}
