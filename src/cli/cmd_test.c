/*
 * vanta test [ID...]: the verdict on each model. This build has no inference engine, so
 * what is there and right stays untested, and the exit code says so: 1 when a model is
 * missing, corrupt or failed its test, else 3 when one could not be tested.
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/term.h"

struct verdicts {
    struct session *session;
    struct table *table;
    json_t *list;
    enum vanta_model_type type;
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

static void add(struct verdicts *v, const struct vanta_entry *entry)
{
    char why[256] = "";
    enum vanta_state state =
        vanta_entry_state(v->session->root, entry, v->session->catalog, why);
    const char *cells[] = {entry->id, vanta_state_name(state), why};
    enum term_style styles[] = {STYLE_NONE, state_style(state), STYLE_NONE};

    count(v, state);
    table_row(v->table, cells, styles);
    json_array_append_new(v->list, json_pack("{s:s, s:s, s:s}", "id", entry->id,
                                             "verdict", vanta_state_name(state), "why",
                                             why));
}

static int collect(struct verdicts *v, const struct word_list *ids)
{
    const struct vanta_registry *registry = v->session->registry;
    size_t i;

    for (i = 0; i < ids->n; i++) {
        const struct vanta_entry *entry = session_entry(v->session, ids->words[i]);

        if (!entry)
            return EXIT_CANNOT;
        add(v, entry);
    }
    for (i = 0; ids->n == 0 && i < vanta_registry_count(registry); i++) {
        const struct vanta_entry *entry = vanta_registry_at(registry, i);

        if (v->type == VANTA_TYPE_UNKNOWN || entry->type == v->type)
            add(v, entry);
    }
    return EXIT_OK;
}

static int report(struct verdicts *v, bool json)
{
    int code = EXIT_OK;

    if (json)
        code = print_document(json_pack("{s:i, s:n, s:O}", "version", JSON_OUTPUT_VERSION,
                                        "engine", "models", v->list));
    else
        table_print(v->table, stdout, true);
    if (json_array_size(v->list) == 0)
        fputs("There is no model to test here. vanta setup fetches a set of them.\n",
              stderr);
    if (v->untested > 0)
        fprintf(stderr,
                "This build has no inference engine: %zu model%s could not be tested.\n"
                "vanta verify checks the files.\n",
                v->untested, v->untested == 1 ? "" : "s");
    if (code != EXIT_OK)
        return code;
    return v->wrong > 0 ? EXIT_CHECK : v->untested > 0 ? EXIT_CANNOT : EXIT_OK;
}

int cmd_test(int argc, char **argv)
{
    static const char *const head[] = {"ID", "VERDICT", "WHY"};
    struct common_options common = {0};
    const char *type_name = NULL;
    const struct option_spec options[] = {
        {"type", 0, OPTION_TEXT, &type_name, "TYPE",
         "only whisper (stt), llm, embedding or tts"},
        JSON_OPTION(common),
        COMMON_OPTIONS(common),
    };
    struct word_list ids = {0};
    struct session session;
    struct verdicts v = {.session = &session, .type = VANTA_TYPE_UNKNOWN};
    int code;

    if (!command_parse("test", argc, argv, options, sizeof options / sizeof options[0],
                       &ids, &code))
        return code;
    if (type_name && !parse_type("test", type_name, &v.type))
        return EXIT_USAGE;
    if (!session_open(&session, &common, SESSION_CATALOG | SESSION_REGISTRY, &code))
        return code;
    v.named = ids.n > 0;
    v.list = json_array();
    v.table = table_new(3);
    table_row(v.table, head, NULL);
    code = collect(&v, &ids);
    if (code == EXIT_OK)
        code = report(&v, common.json);
    table_free(v.table);
    json_decref(v.list);
    session_close(&session);
    return code;
}
