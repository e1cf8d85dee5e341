/* setup_select.c - the words of `vanta setup`: all, types, ids, --models, --source. */
#include "cli/setup_select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "cli/cli.h"

#define NAMES_MAX 2048

static bool complain(const char *what, const char *word, const char *nearest)
{
    char shown[256];

    vanta_text_printable(word, shown, sizeof shown);
    fprintf(stderr, "vanta setup: %s %s", what, shown);
    if (nearest)
        fprintf(stderr, "; did you mean %s?", nearest);
    fputs("\ntry: vanta catalog list\n", stderr);
    return false;
}

static const char *nearest_profile(const struct vanta_catalog *catalog, const char *word)
{
    const char *names[NAMES_MAX];
    size_t i, n = 0;

    for (i = 0; i < vanta_catalog_profile_count(catalog) && n < NAMES_MAX; i++)
        names[n++] = vanta_catalog_profile_at(catalog, i)->name;
    return vanta_nearest(word, names, n);
}

/* Among ids, types and "all"; with a type only its ids, and their short forms. */
static const char *nearest_name(const struct vanta_catalog *catalog,
                                enum vanta_model_type type, const char *word)
{
    const char *names[NAMES_MAX];
    size_t i, n = 0;

    if (type == VANTA_TYPE_UNKNOWN) {
        names[n++] = "all";
        for (i = 0; i < VANTA_TYPE_COUNT; i++)
            names[n++] = vanta_type_name((enum vanta_model_type)i);
    }
    for (i = 0; i < vanta_catalog_count(catalog) && n + 1 < NAMES_MAX; i++) {
        const struct vanta_catalog_model *m = vanta_catalog_at(catalog, i);
        const char *dash = strchr(m->id, '-');

        if (type != VANTA_TYPE_UNKNOWN && m->type != type)
            continue;
        names[n++] = m->id;
        if (type == VANTA_TYPE_WHISPER && dash)
            names[n++] = dash + 1;
    }
    return vanta_nearest(word, names, n);
}

static bool add_model(struct selection *out, const struct vanta_catalog_model *model)
{
    size_t i;

    for (i = 0; i < out->n_models; i++)
        if (out->models[i] == model)
            return true;
    if (out->n_models == SELECTION_MAX)
        return complain("too many models at", model->id, NULL);
    out->models[out->n_models++] = model;
    return true;
}

static bool add_all(struct selection *out, const struct vanta_catalog *catalog)
{
    size_t i;

    for (i = 0; i < vanta_catalog_count(catalog); i++) {
        const struct vanta_catalog_model *m = vanta_catalog_at(catalog, i);

        if ((!out->types || out->types & 1u << m->type) && !add_model(out, m))
            return false;
    }
    return true;
}

static bool read_operand(struct selection *out, const struct vanta_catalog *catalog,
                         const char *word, bool *slots)
{
    enum vanta_model_type type = vanta_type_parse(word);
    const struct vanta_catalog_model *model;

    if (vanta_streq_nocase(word, "all")) {
        *slots = true;
        return true;
    }
    if (type != VANTA_TYPE_UNKNOWN) {
        out->types |= 1u << type;
        *slots = true;
        return true;
    }
    model = vanta_catalog_find_short(catalog, VANTA_TYPE_UNKNOWN, word);
    if (model)
        return add_model(out, model);
    if (vanta_catalog_profile(catalog, word)) {
        fprintf(stderr, "vanta setup: %s is a profile: vanta setup --profile %s\n", word,
                word);
        return false;
    }
    return complain("unknown model or type", word,
                    nearest_name(catalog, VANTA_TYPE_UNKNOWN, word));
}

/* The one type that was named, UNKNOWN when it is none or several. */
static enum vanta_model_type only_type(unsigned types)
{
    unsigned i;

    for (i = 0; i < VANTA_TYPE_COUNT; i++)
        if (types == 1u << i)
            return (enum vanta_model_type)i;
    return VANTA_TYPE_UNKNOWN;
}

static bool read_model(struct selection *out, const struct vanta_catalog *catalog,
                       const char *word)
{
    enum vanta_model_type type = only_type(out->types);
    const struct vanta_catalog_model *model =
        vanta_catalog_find_short(catalog, type, word);

    if (model)
        return add_model(out, model);
    if (vanta_streq_nocase(word, "all"))
        return add_all(out, catalog);
    model = vanta_catalog_find_short(catalog, VANTA_TYPE_UNKNOWN, word);
    if (model) {
        fprintf(stderr, "vanta setup: %s is not of the type %s: vanta setup %s\n",
                model->id, vanta_type_name(type), model->id);
        return false;
    }
    return complain("unknown model", word, nearest_name(catalog, type, word));
}

bool selection_read(struct selection *out, const struct vanta_catalog *catalog,
                    const struct word_list *operands, const struct word_list *models,
                    const struct word_list *types, const char *profile)
{
    bool slots = profile != NULL;
    size_t i;

    for (i = 0; i < types->n; i++) {
        enum vanta_model_type type = vanta_type_parse(types->words[i]);

        if (type == VANTA_TYPE_UNKNOWN)
            return complain("unknown type", types->words[i],
                            nearest_name(catalog, VANTA_TYPE_UNKNOWN, types->words[i]));
        out->types |= 1u << type;
    }
    for (i = 0; i < operands->n; i++)
        if (!read_operand(out, catalog, operands->words[i], &slots))
            return false;
    for (i = 0; i < models->n; i++)
        if (!read_model(out, catalog, models->words[i]))
            return false;
    /* "whisper --models base" means these models of the type, not the type's set too. */
    if (models->n > 0)
        slots = profile != NULL;
    if (profile && !vanta_catalog_profile(catalog, profile))
        return complain("unknown profile", profile, nearest_profile(catalog, profile));
    if (slots)
        out->profile = profile ? profile : "default";
    return true;
}

/* HF_HUB_OFFLINE as its own tools read it. */
static bool hub_is_off(void)
{
    const char *value = getenv("HF_HUB_OFFLINE");

    return value && (strcmp(value, "1") == 0 || vanta_streq_nocase(value, "on") ||
                     vanta_streq_nocase(value, "yes") ||
                     vanta_streq_nocase(value, "true"));
}

/* --source, else VANTA_SOURCES, else all; without the hub when that is off. */
bool selection_classes(const struct word_list *given, unsigned *classes)
{
    const char *variable = getenv("VANTA_SOURCES");
    struct vanta_buf text = VANTA_BUF(4096);
    struct vanta_error err = {0};
    size_t i;

    *classes = VANTA_SOURCE_ALL;
    for (i = 0; i < given->n; i++)
        vanta_buf_printf(&text, "%s%s", i ? "," : "", given->words[i]);
    if (given->n == 0 && variable && *variable)
        vanta_buf_puts(&text, variable);
    if (text.len > 0 && vanta_source_classes_parse(text.data, classes, &err) != VANTA_OK)
        report_error(&err);
    vanta_buf_free(&text);
    if (hub_is_off())
        *classes &= ~(unsigned)VANTA_SOURCE_HUB;
    return err.status == VANTA_OK;
}
