#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/info_checkpoint.h"
#include "cli/info_test.h"
#include "cli/output.h"
#include "cli/term.h"
#include "convert/inspect.h"

/* One "name: value" line; nothing when the value is NULL or empty. */
static void line(const char *name, const char *value)
{
    char shown[VANTA_PATH_MAX];

    if (!value || !*value)
        return;
    vanta_text_printable(value, shown, sizeof shown);
    printf("%-14s %s\n", name, shown);
}

static void linef(const char *name, const char *fmt, ...) VANTA_PRINTF(2, 3);

static void linef(const char *name, const char *fmt, ...)
{
    char text[VANTA_PATH_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    line(name, text);
}

static void print_count(const char *name, uint64_t count)
{
    if (count)
        linef(name, "%" PRIu64, count);
}

static void print_speech(const struct vanta_model_facts *f)
{
    line("languages", f->languages);
    print_count("voices", f->voices);
}

/* ["en", "de"] of "en, de". */
static json_t *languages_json(const struct vanta_model_facts *f)
{
    const char *at = f->languages;
    json_t *list = json_array();

    while (*at) {
        size_t len = strcspn(at, ", ");

        json_array_append_new(list, json_stringn(at, len));
        at += len;
        at += strspn(at, ", ");
    }
    return list;
}

/* --- an entry --- */

static void print_state(const struct session *s, const struct vanta_entry *e)
{
    char why[256];
    enum vanta_state state = vanta_entry_state(s->root, e, s->catalog, why);

    printf("%-14s %s%s%s%s%s\n", "state", term_style(stdout, state_style(state)),
           vanta_state_name(state), term_style(stdout, STYLE_NONE), why[0] ? ": " : "",
           why);
}

static void print_files(const struct vanta_entry *e)
{
    char size[VANTA_SIZE_TEXT_MAX], path[1024];
    size_t i;

    if (e->n_files < 2)
        return;
    puts("files");
    for (i = 0; i < e->n_files; i++) {
        const struct vanta_entry_file *f = &e->files[i];

        vanta_text_printable(f->path, path, sizeof path);
        printf("  %.16s%s  %8s  %s\n", f->sha256 ? f->sha256 : "(no digest)",
               f->sha256 ? "..." : "",
               f->size_bytes >= 0 ? vanta_size_text((uint64_t)f->size_bytes, size) : "?",
               path);
    }
}

static void print_list(const char *name, const char *key, const json_t *list)
{
    char text[1024] = "";
    size_t i, len = 0;

    for (i = 0; i < json_array_size(list) && len < sizeof text; i++) {
        const char *word = json_string_value(json_array_get(list, i));

        if (word)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s",
                                    len ? ", " : "", word);
    }
    linef(name, "%s: %s", key, text);
}

/* Strings, numbers and lists of strings of an object, a line each. */
static void print_members(const char *name, const json_t *object)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        if (json_is_string(value))
            linef(name, "%s: %s", key, json_string_value(value));
        else if (json_is_integer(value))
            linef(name, "%s: %" JSON_INTEGER_FORMAT, key, json_integer_value(value));
        else if (json_is_boolean(value))
            linef(name, "%s: %s", key, json_is_true(value) ? "yes" : "no");
        else if (json_is_array(value) && json_is_string(json_array_get(value, 0)))
            print_list(name, key, value);
        else
            continue;
        name = "";
    }
}

static void print_origin(const struct vanta_entry *e)
{
    line("source", e->source);
    if (e->preparation)
        linef("preparation", "%s, version %" PRId64, e->preparation,
              e->preparation_version);
    if (e->license && e->accepted_date)
        linef("license", "%s, accepted %s", e->license, e->accepted_date);
    else
        line("license", e->license);
    line("added", e->date_added);
    line("verified", e->verified_at ? e->verified_at : "never");
}

/* Whether it is a file of speech here, and what its header says. */
static bool facts_of_speech(const struct session *s, const struct vanta_entry *e,
                            struct vanta_model_facts *facts)
{
    char path[VANTA_PATH_MAX];

    return e->type == VANTA_TYPE_TTS && vanta_entry_path(s->root, e, path) &&
           vanta_inspect_file(path, facts, NULL) == VANTA_OK;
}

static int print_entry(const struct session *s, const struct vanta_entry *e)
{
    const struct vanta_catalog_model *model = vanta_catalog_find(s->catalog, e->id);
    struct vanta_model_facts facts;
    char path[VANTA_PATH_MAX];

    line("id", e->id);
    line("name", e->name);
    line("type", entry_type(e));
    line("version", e->version);
    print_state(s, e);
    if (vanta_entry_path(s->root, e, path))
        linef("path", "%s%s", path, e->external ? " (yours: never changed)" : "");
    line("size", e->size);
    line("format", e->format);
    line("quantization", e->quantization);
    line("hash", e->hash);
    print_origin(e);
    print_members("parameters", json_object_get(e->extra, "parameters"));
    if (facts_of_speech(s, e, &facts))
        print_speech(&facts);
    print_members("hardware", json_object_get(e->extra, "hardware_requirements"));
    print_members("metadata", json_object_get(e->extra, "metadata"));
    if (model && vanta_streq_nocase(model->id, e->id))
        linef("catalog", "%s%s", model->origin,
              model->overrides ? " (replaces the built-in entry)" : "");
    print_files(e);
    info_print_tests(e);
    return EXIT_OK;
}

static int print_entry_json(const struct session *s, const struct vanta_entry *e)
{
    json_t *engine = e->path ? info_engine_json() : json_null(), *speech = NULL;
    struct vanta_model_facts facts;

    if (facts_of_speech(s, e, &facts))
        speech = json_pack("{s:o, s:I}", "languages", languages_json(&facts), "voices",
                           (json_int_t)facts.voices);
    return print_document(json_pack("{s:i, s:o, s:o, s:o, s:o?}", "version",
                                    JSON_OUTPUT_VERSION, "root", path_output(s->root),
                                    "model", entry_output(s, e), "engine", engine,
                                    "speech", speech));
}

/* --- a bare file --- */

static json_t *text_or_null(const char *text)
{
    return *text ? json_string(text) : json_null();
}

static json_t *count_or_null(uint64_t count)
{
    return count ? json_integer((json_int_t)count) : json_null();
}

static int print_facts_json(const char *path, const struct vanta_model_facts *f)
{
    return print_document(json_pack(
        "{s:i, s:{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o}, "
        "s:o*}",
        "version", JSON_OUTPUT_VERSION, "file", "path", path, "format",
        vanta_file_format_name(f->format), "architecture", text_or_null(f->architecture),
        "name", text_or_null(f->name), "quantization", text_or_null(f->quantization),
        "license", text_or_null(f->license), "parameters", count_or_null(f->parameters),
        "tensors", count_or_null(f->tensors), "context_tokens",
        count_or_null(f->context_tokens), "layers", count_or_null(f->layers),
        "embedding_length", count_or_null(f->embedding_length), "size_bytes",
        (json_int_t)f->size_bytes, "languages",
        f->languages[0] ? languages_json(f) : json_null(), "voices",
        count_or_null(f->voices), "checkpoint",
        f->format == VANTA_FORMAT_TORCH ? info_checkpoint_json(path) : NULL));
}

static int print_file(const char *path, bool json)
{
    char size[VANTA_SIZE_TEXT_MAX];
    struct vanta_model_facts f;
    struct vanta_error err = {0};

    if (vanta_inspect_file(path, &f, &err) != VANTA_OK)
        return report_error(&err);
    if (json)
        return print_facts_json(path, &f);
    line("file", path);
    linef("size", "%s (%" PRIu64 " bytes)", vanta_size_text(f.size_bytes, size),
          f.size_bytes);
    line("format", vanta_file_format_name(f.format));
    line("architecture", f.architecture);
    line("name", f.name);
    line("quantization", f.quantization);
    print_count("parameters", f.parameters);
    print_count("tensors", f.tensors);
    print_count("context", f.context_tokens);
    print_count("layers", f.layers);
    print_count("embedding", f.embedding_length);
    print_speech(&f);
    line("license", f.license);
    if (f.format == VANTA_FORMAT_TORCH)
        info_print_checkpoint(path);
    return EXIT_OK;
}

int cmd_info(int argc, char **argv)
{
    struct common_options common = {0};
    const struct option_spec options[] = {JSON_OPTION(common), COMMON_OPTIONS(common)};
    struct word_list operands = {0};
    const struct vanta_entry *entry;
    struct session s;
    int code;

    if (!command_parse("info", argc, argv, options, sizeof options / sizeof options[0],
                       &operands, &code))
        return code;
    if (operands.n != 1)
        return usage_error("info", "one id or one file is wanted");
    if (strchr(operands.words[0], '/'))
        return print_file(operands.words[0], common.json);
    if (!session_open(&s, &common, SESSION_CATALOG | SESSION_REGISTRY, &code))
        return code;
    entry = vanta_registry_find(s.registry, operands.words[0]);
    if (!entry && vanta_file_size(operands.words[0]) >= 0) {
        session_close(&s);
        return print_file(operands.words[0], common.json);
    }
    if (!entry)
        entry = session_entry(&s, operands.words[0]); /* says what is wrong */
    if (!entry)
        code = EXIT_CANNOT;
    else
        code = common.json ? print_entry_json(&s, entry) : print_entry(&s, entry);
    session_close(&s);
    return code;
}
