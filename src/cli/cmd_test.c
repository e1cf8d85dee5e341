/*
 * vanta test [ID...]: the verdict on each model. This build has no inference engine, so
 * what is there and right stays untested, and the exit code says so: 1 when a model is
 * missing, corrupt or failed its test, else 3 when one could not be tested.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/term.h"

struct verdicts {
    struct session *session;
    struct table *table;
    json_t *list;
    bool named; /* the user asked for these models, not for all */
    size_t untested, wrong;
};

static void count(struct verdicts *v, enum vanta_state state)
{
    switch (state) {
    case VANTA_STATE_MISSING:
    case VANTA_STATE_CORRUPT:
    case VANTA_STATE_FAILED:
        v->wrong++;
        break;
    case VANTA_STATE_NEEDS_KEY: /* without a key there is nothing to test, unless asked */
        v->untested += v->named;
        break;
    case VANTA_STATE_READY:
        break;
    default:
        v->untested++;
    }
}

static bool add(struct verdicts *v, const struct vanta_entry *entry)
{
    static const enum term_style shown[] = {
        [VANTA_STATE_MISSING] = STYLE_BAD,     [VANTA_STATE_CORRUPT] = STYLE_BAD,
        [VANTA_STATE_UNVERIFIED] = STYLE_WARN, [VANTA_STATE_NEEDS_KEY] = STYLE_WARN,
        [VANTA_STATE_FAILED] = STYLE_BAD,      [VANTA_STATE_UNTESTED] = STYLE_WARN,
        [VANTA_STATE_READY] = STYLE_GOOD};
    char why[256] = "";
    enum vanta_state state =
        vanta_entry_state(v->session->root, entry, v->session->catalog, why);
    const char *cells[] = {entry->id, vanta_state_name(state), why};
    enum term_style styles[] = {STYLE_NONE, shown[state], STYLE_NONE};

    count(v, state);
    table_row(v->table, cells, styles);
    return !v->list ||
           json_array_append_new(v->list,
                                 json_pack("{s:s, s:s, s:s}", "id", entry->id, "verdict",
                                           vanta_state_name(state), "why", why)) == 0;
}

static int collect(struct verdicts *v, const struct word_list *ids, bool *ok)
{
    size_t i;

    *ok = true;
    for (i = 0; i < ids->n; i++) {
        const struct vanta_entry *entry = session_entry(v->session, ids->words[i]);

        if (!entry)
            return EXIT_CANNOT;
        *ok = *ok && add(v, entry);
    }
    for (i = 0; ids->n == 0 && i < vanta_registry_count(v->session->registry); i++)
        *ok = *ok && add(v, vanta_registry_at(v->session->registry, i));
    return EXIT_OK;
}

static int print(const struct verdicts *v, struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(VANTA_REGISTRY_BYTES_MAX);
    json_t *document;
    enum vanta_status status;

    if (!v->list) {
        table_print(v->table, stdout, true);
        return EXIT_OK;
    }
    document = json_pack("{s:i, s:n, s:O}", "version", JSON_OUTPUT_VERSION, "engine",
                         "models", v->list);
    status = document ? vanta_json_dump(document, &text, err) : VANTA_ERR_NO_MEMORY;
    if (status == VANTA_OK)
        fputs(text.data, stdout);
    json_decref(document);
    vanta_buf_free(&text);
    return exit_code_of(status);
}

int cmd_test(int argc, char **argv)
{
    static const char *const head[] = {"id", "verdict", "why"};
    struct common_options common = {0};
    struct word_list ids = {0};
    const struct option_spec options[] = {COMMON_OPTIONS(common), JSON_OPTION(common)};
    struct session session;
    struct verdicts v = {.session = &session};
    struct vanta_error err = {0};
    bool ok;
    int code;

    if (!command_parse("test", argc, argv, options, sizeof options / sizeof options[0],
                       &ids, &code))
        return code;
    if (!session_open(&session, &common, SESSION_CATALOG | SESSION_REGISTRY, &code))
        return code;
    v.named = ids.n > 0;
    v.list = common.json ? json_array() : NULL;
    v.table = table_new(3);
    table_row(v.table, head, NULL);
    code = collect(&v, &ids, &ok);
    if (code == EXIT_OK && !ok)
        code = EXIT_CANNOT;
    if (code == EXIT_OK)
        code = print(&v, &err);
    if (err.status != VANTA_OK)
        report_error(&err);
    if (code == EXIT_OK && v.untested) {
        fprintf(stderr, "This build has no inference engine: %zu model%s could not be "
                        "tested. vanta verify checks the files.\n",
                v.untested, v.untested == 1 ? "" : "s");
        code = EXIT_CANNOT;
    }
    if (code != EXIT_USAGE && v.wrong)
        code = EXIT_CHECK;
    table_free(v.table);
    json_decref(v.list);
    session_close(&session);
    return code;
}
