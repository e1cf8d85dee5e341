#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/term.h"

static const char *const header[] = {"ID",     "NAME",         "TYPE",  "SIZE",
                                     "FORMAT", "QUANTIZATION", "STATE", "ADDED"};
#define COLUMNS (sizeof header / sizeof header[0])

static bool wanted(const struct vanta_entry *entry, enum vanta_model_type type)
{
    return type == VANTA_TYPE_UNKNOWN || entry->type == type;
}

static void add_row(struct table *table, const struct session *s,
                    const struct vanta_entry *e)
{
    enum vanta_state state = vanta_entry_state(s->root, e, s->catalog, NULL);
    enum term_style styles[COLUMNS] = {STYLE_NONE};
    char added[11];
    const char *cells[] = {e->id,     e->name,         entry_type(e),           e->size,
                           e->format, e->quantization, vanta_state_name(state), added};

    snprintf(added, sizeof added, "%s", e->date_added); /* the day is enough here */
    styles[6] = state_style(state);
    table_row(table, cells, styles);
}

static int print_json(const struct session *s, enum vanta_model_type type)
{
    static const char *const origins[] = {
        [VANTA_REGISTRY_NONE] = "none",
        [VANTA_REGISTRY_CURRENT] = "current",
        [VANTA_REGISTRY_UPGRADED] = "upgraded",
        [VANTA_REGISTRY_HISTORY_FILE] = "history"};
    json_t *models = json_array();
    size_t i;

    for (i = 0; i < vanta_registry_count(s->registry); i++) {
        const struct vanta_entry *e = vanta_registry_at(s->registry, i);

        if (wanted(e, type))
            json_array_append_new(models, entry_output(s, e));
    }
    return print_document(
        json_pack("{s:i, s:o, s:s, s:o}", "version", JSON_OUTPUT_VERSION, "root",
                  path_output(s->root), "registry",
                  origins[vanta_registry_origin(s->registry)], "models", models));
}

static void say_notes(const struct session *s)
{
    const char *note;
    size_t i;

    for (i = 0; (note = vanta_registry_note(s->registry, i)); i++)
        warn("%s", note);
    for (i = 0; i < vanta_registry_count(s->registry); i++) {
        const char *id = vanta_registry_at(s->registry, i)->id;
        const struct vanta_catalog_model *model = vanta_catalog_find(s->catalog, id);

        if (model && model->overrides && vanta_streq_nocase(model->id, id))
            warn("%s: %s replaces the built-in catalog's entry", id, model->origin);
    }
}

static int print_table(const struct session *s, enum vanta_model_type type)
{
    struct table *table = table_new(COLUMNS);
    size_t i, shown = 0;

    table_row(table, header, NULL);
    for (i = 0; i < vanta_registry_count(s->registry); i++) {
        const struct vanta_entry *e = vanta_registry_at(s->registry, i);

        if (!wanted(e, type))
            continue;
        add_row(table, s, e);
        shown++;
    }
    table_print(table, stdout, true);
    table_free(table);
    if (shown == 0)
        say_no_models(s, type);
    return EXIT_OK;
}

int cmd_list(int argc, char **argv)
{
    struct common_options common = {0};
    const char *type_name = NULL;
    const struct option_spec options[] = {
        {"type", 0, OPTION_TEXT, &type_name, "TYPE",
         "only whisper (stt), llm, embedding or tts"},
        JSON_OPTION(common),
        COMMON_OPTIONS(common),
    };
    enum vanta_model_type type = VANTA_TYPE_UNKNOWN;
    struct word_list operands = {0};
    struct session s;
    int code;

    if (!command_parse("list", argc, argv, options, sizeof options / sizeof options[0],
                       &operands, &code))
        return code;
    if (operands.n > 0)
        return usage_error("list", "no word is wanted here: %s", operands.words[0]);
    if (type_name && !parse_type("list", type_name, &type))
        return EXIT_USAGE;
    if (!session_open(&s, &common, SESSION_CATALOG | SESSION_REGISTRY, &code))
        return code;
    say_notes(&s);
    code = common.json ? print_json(&s, type) : print_table(&s, type);
    session_close(&s);
    return code;
}
