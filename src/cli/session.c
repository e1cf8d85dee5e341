/* session.c - what nearly every command starts with: root, catalog, registry. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/cli.h"

static bool failed(struct session *s, const struct vanta_error *err, int *code)
{
    *code = report_error(err);
    session_close(s);
    return false;
}

bool session_open(struct session *s, const struct common_options *common, unsigned wants,
                  int *code)
{
    struct vanta_error err = {0}, problem = {0};

    memset(s, 0, sizeof *s);
    if (vanta_root_find(common->models_dir, s->root, &s->root_why, &err) != VANTA_OK)
        return failed(s, &err, code);
    /* The registry needs the catalog too: for old ids, and for what judges the files. */
    if (wants && vanta_catalog_load(&s->catalog, common->catalogs.words,
                                    common->catalogs.n, &err) != VANTA_OK)
        return failed(s, &err, code);
    if (!(wants & SESSION_REGISTRY))
        return true;
    if (vanta_registry_load(s->root, s->catalog, &s->registry, &problem, &err) != VANTA_OK)
        return failed(s, &err, code);
    if (problem.status != VANTA_OK) {
        warn("the registry is damaged: %s", problem.message);
        warn("this is its newest history; vanta registry rebuild makes it whole again");
    }
    return true;
}

/* What a closed session held. The process ends after it: to give the parts of 1,000
 * entries back one by one takes a fifth of what vanta list takes in all. Kept reachable,
 * so that leak checkers do not take it for lost. */
static volatile struct session closed;

void session_close(struct session *s)
{
    closed.catalog = s->catalog;
    closed.registry = s->registry;
    s->registry = NULL;
    s->catalog = NULL;
}

void session_missing(struct session *s, const char *id, struct vanta_error *err)
{
    const struct vanta_catalog_model *model = vanta_catalog_find(s->catalog, id);
    const char *nearest = vanta_registry_nearest(s->registry, id);

    if (!model && !nearest)
        nearest = vanta_catalog_nearest(s->catalog, id);
    vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s is not registered in %s", id, s->root);
    if (model)
        vanta_hint(err, "The catalog has it: vanta setup %s", model->id);
    else if (nearest)
        vanta_hint(err, "Did you mean %s? vanta list shows what is there.", nearest);
    else
        vanta_hint(err, "vanta list shows what is there, vanta catalog list what could "
                        "be.");
}

const struct vanta_entry *session_entry(struct session *s, const char *id)
{
    const struct vanta_entry *entry = vanta_registry_find(s->registry, id);
    struct vanta_error err = {0};

    if (entry)
        return entry;
    session_missing(s, id, &err);
    report_error(&err);
    return NULL;
}
