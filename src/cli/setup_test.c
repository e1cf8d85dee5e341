#include "cli/setup_test.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/setup_print.h"
#include "cli/term.h"
#include "cli/test_line.h"
#include "engines/engine.h"
#include "models/test.h"

static bool wants_test(const struct vanta_setup_item *item)
{
    bool here = item->outcome == VANTA_OUTCOME_PRESENT ||
                item->outcome == VANTA_OUTCOME_ADOPTED ||
                item->outcome == VANTA_OUTCOME_FETCHED;

    return here && item->model->n_files > 0 &&
           (item->state == VANTA_STATE_UNTESTED || item->state == VANTA_STATE_FAILED);
}

static void tell(const struct vanta_setup_item *item, enum vanta_status status,
                 const struct vanta_test_result *r, bool quiet)
{
    bool failed = status != VANTA_OK;
    char time[VANTA_SIZE_TEXT_MAX];

    if (quiet && !failed)
        return;
    fprintf(stderr, "%s%s: %s%s (%s)%s\n",
            term_style(stderr, failed ? STYLE_BAD : STYLE_GOOD), item->model->id,
            status == VANTA_OK          ? "passed its test: "
            : status == VANTA_ERR_CHECK ? "failed its test"
                                        : "could not be tested",
            failed ? "" : r->summary,
            vanta_duration_text((int64_t)(r->seconds * 1000), time),
            term_style(stderr, STYLE_NONE));
}

static void test_item(const struct session *s, struct vanta_setup_item *item,
                      const struct vanta_registry *registry, bool json, bool quiet)
{
    const struct vanta_entry *entry = vanta_registry_find(registry, item->model->id);
    struct test_line line;
    struct vanta_test_options options = {.root = s->root,
                                         .catalog = s->catalog,
                                         /* Files that were there may have changed. */
                                         .files_known =
                                             item->outcome != VANTA_OUTCOME_PRESENT,
                                         .cancel = &cancelled,
                                         .progress = test_line_show,
                                         .arg = &line};
    struct vanta_test_result result;
    struct vanta_error err = {0};
    enum vanta_status status;

    if (!entry)
        return;
    test_line_start(&line, item->model->id, json || quiet);
    status = vanta_test_model(&options, entry, &result, &err);
    test_line_clear(&line);
    if (status == VANTA_OK || status == VANTA_ERR_CHECK)
        item->state = result.passed ? VANTA_STATE_READY : VANTA_STATE_FAILED;
    item->milliseconds += (int64_t)(result.seconds * 1000);
    if (status != VANTA_OK)
        item->error = err;
    if (json)
        setup_json_test(item, status, &result);
    else
        tell(item, status, &result, quiet);
    vanta_test_result_free(&result);
}

void setup_test_models(const struct session *s, struct vanta_setup *setup, bool json,
                       bool quiet)
{
    struct vanta_registry *registry = NULL;
    struct vanta_setup_item *items;
    struct vanta_error err = {0};
    char program[VANTA_PATH_MAX];
    size_t i, n, wanted = 0;

    items = vanta_setup_items(setup, &n);
    for (i = 0; i < n; i++)
        wanted += wants_test(&items[i]);
    if (wanted == 0 || atomic_load(&cancelled))
        return;
    if (vanta_engine_find(program, &err) != VANTA_OK) {
        if (!quiet && !json)
            fprintf(stderr, "Not tested: %s\n  %s\n", err.message, err.hint);
        return;
    }
    if (vanta_registry_load(s->root, s->catalog, &registry, NULL, &err) != VANTA_OK) {
        report_error(&err);
        return;
    }
    for (i = 0; i < n && !atomic_load(&cancelled); i++)
        if (wants_test(&items[i]))
            test_item(s, &items[i], registry, json, quiet);
    vanta_registry_free(registry);
}
