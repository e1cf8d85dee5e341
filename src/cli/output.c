#include "cli/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "models/registry_private.h"

const char *entry_type(const struct vanta_entry *entry)
{
    return entry->type == VANTA_TYPE_UNKNOWN ? entry->type_text
                                             : vanta_type_name(entry->type);
}

enum term_style state_style(enum vanta_state state)
{
    switch (state) {
    case VANTA_STATE_READY:
        return STYLE_GOOD;
    case VANTA_STATE_MISSING:
    case VANTA_STATE_CORRUPT:
    case VANTA_STATE_FAILED:
        return STYLE_BAD;
    case VANTA_STATE_UNVERIFIED:
    case VANTA_STATE_NEEDS_KEY:
        return STYLE_WARN;
    default:
        return STYLE_NONE;
    }
}

json_t *path_output(const char *path)
{
    json_t *json = path ? json_string(path) : json_null();
    char shown[VANTA_PATH_MAX];

    if (json)
        return json;
    vanta_text_printable(path, shown, sizeof shown);
    return json_string(shown);
}

json_t *entry_output(const struct session *s, const struct vanta_entry *entry)
{
    json_t *json = vanta_entry_json(entry);
    char path[VANTA_PATH_MAX], why[256];
    enum vanta_state state = vanta_entry_state(s->root, entry, s->catalog, why);

    json_object_set_new(json, "state", json_string(vanta_state_name(state)));
    json_object_set_new(json, "state_reason", why[0] ? json_string(why) : json_null());
    json_object_set_new(json, "absolute_path",
                        path_output(vanta_entry_path(s->root, entry, path) ? path : NULL));
    return json;
}

void say_no_models(const struct session *s, enum vanta_model_type type)
{
    bool all = type == VANTA_TYPE_UNKNOWN;
    char root[VANTA_PATH_MAX];

    vanta_text_printable(s->root, root, sizeof root);
    fprintf(stderr, "No %s%smodels in %s (%s).\nvanta setup fetches a set of them.\n",
            all ? "" : vanta_type_name(type), all ? "" : " ", root, s->root_why);
}

int print_document(json_t *document)
{
    struct vanta_buf text = VANTA_BUF((size_t)256 * 1024 * 1024);
    struct vanta_error err = {0};
    int code = EXIT_OK;

    if (!document)
        vanta_fail_memory(&err);
    else
        vanta_json_dump(document, &text, &err);
    if (err.status != VANTA_OK)
        code = report_error(&err);
    else
        fwrite(text.data, 1, text.len, stdout);
    vanta_buf_free(&text);
    json_decref(document);
    return code;
}

int usage_error(const char *command, const char *fmt, ...)
{
    char text[512], shown[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    vanta_text_printable(text, shown, sizeof shown);
    fprintf(stderr, "vanta %s: %s\ntry: vanta %s --help\n", command, shown, command);
    return EXIT_USAGE;
}

bool parse_type(const char *command, const char *name, enum vanta_model_type *type)
{
    static const char *const names[] = {"whisper", "stt",        "llm",
                                        "embedding", "embeddings", "tts"};
    const char *nearest;

    *type = vanta_type_parse(name);
    if (*type != VANTA_TYPE_UNKNOWN)
        return true;
    nearest = vanta_nearest(name, names, sizeof names / sizeof names[0]);
    usage_error(command, "unknown type %s%s%s%s; there are whisper, llm, embedding, tts",
                name, nearest ? "; did you mean " : "", nearest ? nearest : "",
                nearest ? "?" : "");
    return false;
}
