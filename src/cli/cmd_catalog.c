/* vanta catalog list | show ID | check [FILE...] */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/catalog_json.h"
#include "cli/catalog_view.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/term.h"

#define CHECK_BYTES_MAX ((size_t)8 * 1024 * 1024)

struct catalog_options {
    struct common_options common;
    const char *type;
};

static int list_json(const struct vanta_catalog *catalog, enum vanta_model_type type)
{
    json_t *models = json_array(), *profiles = json_array(), *document = json_object();
    size_t i;

    for (i = 0; i < vanta_catalog_count(catalog); i++) {
        const struct vanta_catalog_model *m = vanta_catalog_at(catalog, i);

        if (type == VANTA_TYPE_UNKNOWN || m->type == type)
            json_array_append_new(models, catalog_model_json(m, false));
    }
    for (i = 0; i < vanta_catalog_profile_count(catalog); i++)
        json_array_append_new(profiles,
                              catalog_profile_json(vanta_catalog_profile_at(catalog, i)));
    json_object_set_new(document, "models", models);
    json_object_set_new(document, "profiles", profiles);
    return catalog_json_print(document);
}

static int usage(const char *message, const char *word)
{
    char shown[256];

    vanta_text_printable(word, shown, sizeof shown);
    fprintf(stderr, "vanta catalog: %s%s%s\ntry: vanta catalog --help\n", message,
            *shown ? " " : "", shown);
    return EXIT_USAGE;
}

static int list(const struct vanta_catalog *catalog, const struct catalog_options *o)
{
    enum vanta_model_type type = VANTA_TYPE_UNKNOWN;

    if (o->type && (type = vanta_type_parse(o->type)) == VANTA_TYPE_UNKNOWN)
        return usage("the types are whisper, llm, embedding and tts, not", o->type);
    if (o->common.json)
        return list_json(catalog, type);
    catalog_print_models(catalog, type);
    if (type == VANTA_TYPE_UNKNOWN) {
        putchar('\n');
        catalog_print_profiles(catalog);
    }
    return EXIT_OK;
}

static int show(const struct vanta_catalog *catalog, const char *name, bool json)
{
    const struct vanta_catalog_model *m =
        vanta_catalog_find_short(catalog, VANTA_TYPE_UNKNOWN, name);
    const struct vanta_profile *p = m ? NULL : vanta_catalog_profile(catalog, name);
    const char *nearest;
    struct vanta_error err = {0};

    if (m && json)
        return catalog_json_print(json_pack("{s:o}", "model",
                                            catalog_model_json(m, true)));
    if (p && json)
        return catalog_json_print(json_pack("{s:o}", "profile", catalog_profile_json(p)));
    if (m)
        catalog_print_model(m);
    if (p)
        catalog_print_profile(p);
    if (m || p)
        return EXIT_OK;
    nearest = vanta_catalog_nearest(catalog, name);
    vanta_fail(&err, VANTA_ERR_NOT_FOUND, "no model or profile %s in the catalog", name);
    vanta_hint(&err, nearest ? "did you mean %s?" : "\"vanta catalog list\" shows them%s",
               nearest ? nearest : "");
    return report_error(&err);
}

/* One file by itself: with the built-in catalog and nothing else. */
static enum vanta_status check_file(const char *path, struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(CHECK_BYTES_MAX);
    struct vanta_catalog *catalog = NULL;
    enum vanta_status status = vanta_file_read(path, &text, err);

    if (status == VANTA_OK)
        status = vanta_catalog_load_text(&catalog, text.data ? text.data : "", text.len,
                                         path, err);
    vanta_catalog_free(catalog);
    vanta_buf_free(&text);
    return status;
}

/* A file that is read and wrong is a check that failed; any other error is not. */
static int check_code(enum vanta_status status)
{
    if (status == VANTA_ERR_FORMAT || status == VANTA_ERR_LIMIT)
        return EXIT_CHECK;
    return exit_code_of(status);
}

/* Prints a line on stdout, or adds an element to list. */
static void report_check(const char *name, const struct vanta_error *err, json_t *list)
{
    bool ok = err->status == VANTA_OK;
    char shown[VANTA_PATH_MAX];

    vanta_text_printable(name, shown, sizeof shown);
    if (list)
        json_array_append_new(list, json_pack("{s:s, s:b, s:s?}", "file", shown, "ok", ok,
                                              "error", ok ? NULL : err->message));
    else if (ok)
        printf("%s: ok\n", shown);
    else
        printf("%s%s%s\n", term_style(stdout, STYLE_BAD), err->message,
               term_style(stdout, STYLE_NONE));
}

static int check(const struct catalog_options *o, const char *const *files, size_t n)
{
    json_t *list = o->common.json ? json_array() : NULL;
    int code = EXIT_OK;
    size_t i;

    for (i = 0; i < n; i++) {
        struct vanta_error err = {0};
        int one = check_code(check_file(files[i], &err));

        report_check(files[i], &err, list);
        code = one > code ? one : code;
    }
    if (n == 0) {
        struct vanta_catalog *catalog = NULL;
        struct vanta_error err = {0};

        code = check_code(vanta_catalog_load(&catalog, o->common.catalogs.words,
                                             o->common.catalogs.n, &err));
        report_check("the built-in catalog and the user's files", &err, list);
        vanta_catalog_free(catalog);
    }
    if (list && catalog_json_print(json_pack("{s:o}", "files", list)) != EXIT_OK)
        return EXIT_CANNOT;
    return code;
}

static int run_loaded(const struct catalog_options *o, const struct word_list *words)
{
    struct vanta_catalog *catalog;
    struct vanta_error err = {0};
    int code;

    if (vanta_catalog_load(&catalog, o->common.catalogs.words, o->common.catalogs.n,
                           &err) != VANTA_OK)
        return report_error(&err);
    if (strcmp(words->words[0], "list") == 0)
        code = list(catalog, o);
    else
        code = show(catalog, words->words[1], o->common.json);
    vanta_catalog_free(catalog);
    return code;
}

int cmd_catalog(int argc, char **argv)
{
    static const char *const names[] = {"list", "show", "check"};
    struct catalog_options o = {0};
    const struct option_spec options[] = {
        {"type", 't', OPTION_TEXT, &o.type, "TYPE", "list: only models of this type"},
        JSON_OPTION(o.common),
        COMMON_OPTIONS(o.common),
    };
    struct word_list words = {0};
    const char *nearest;
    int code;

    if (!command_parse("catalog", argc, argv, options, sizeof options / sizeof options[0],
                       &words, &code))
        return code;
    if (words.n == 0)
        return usage("say list, show ID or check [FILE...]", "");
    if (strcmp(words.words[0], "check") == 0)
        return check(&o, words.words + 1, words.n - 1);
    if (strcmp(words.words[0], "list") == 0)
        return words.n > 1 ? usage("list takes no", words.words[1])
                           : run_loaded(&o, &words);
    if (strcmp(words.words[0], "show") == 0)
        return words.n != 2 ? usage("show takes one id", "") : run_loaded(&o, &words);
    nearest = vanta_nearest(words.words[0], names, 3);
    if (nearest)
        fprintf(stderr, "vanta catalog: did you mean %s?\n", nearest);
    return usage("no such thing to do:", words.words[0]);
}
