/* Reading one JSON object of a catalog: catalog_private.h has the contract. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "models/catalog_private.h"

void catalog_reader_fail(struct catalog_reader *r, const char *key, const char *fmt, ...)
{
    char text[VANTA_ERROR_MESSAGE_MAX / 2];
    va_list args;

    if (r->status != VANTA_OK)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    r->status =
        vanta_json_fail(&r->document->json, r->where, key, r->err, "%s", text);
}

enum vanta_status catalog_place_fail(const struct catalog_place *place, const char *key,
                                     struct vanta_error *err, const char *fmt, ...)
{
    char text[VANTA_ERROR_MESSAGE_MAX / 2], where[VANTA_JSON_POINTER_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    snprintf(where, sizeof where, "/%s/%zu", place->section, place->index);
    return vanta_json_fail(&place->document->json, where, key, err, "%s", text);
}

void catalog_known_keys(struct catalog_reader *r, const char *const *known)
{
    if (r->status == VANTA_OK)
        r->status = vanta_json_known_keys(&r->document->json, r->object, r->where, known,
                                          r->err);
}

/* Text that may be shown to people and used as a name. */
static void check_text(struct catalog_reader *r, const char *key, const char *text,
                       size_t max)
{
    char printable[CATALOG_TEXT_MAX + 1];

    if (r->status != VANTA_OK)
        return;
    if (!*text)
        catalog_reader_fail(r, key, "is empty");
    else if (strlen(text) > max)
        catalog_reader_fail(r, key, "has %zu bytes; at most %zu", strlen(text), max);
    else if (vanta_text_printable(text, printable, sizeof printable),
             strcmp(text, printable) != 0)
        catalog_reader_fail(r, key, "has a control character in it");
}

void catalog_text(struct catalog_reader *r, const char *key, bool required, size_t max,
                  const char **out)
{
    const char *text = NULL;

    if (r->status != VANTA_OK)
        return;
    r->status = vanta_json_string(&r->document->json, r->object, r->where, key, required,
                                  &text, r->err);
    if (!text)
        return;
    check_text(r, key, text, max);
    *out = text;
}

static void check_id(struct catalog_reader *r, const char *key, const char *text)
{
    if (r->status == VANTA_OK && !vanta_id_is_valid(text))
        catalog_reader_fail(r, key,
                            "\"%.80s\" cannot be an id: letters, digits, \".\", \"_\" "
                            "and \"-\", starting with a letter or digit, at most %d",
                            text, VANTA_ID_MAX);
}

void catalog_id(struct catalog_reader *r, const char *key, const char **out)
{
    const char *text = NULL;

    catalog_text(r, key, true, CATALOG_NAME_MAX, &text);
    if (!text)
        return;
    check_id(r, key, text);
    *out = text;
}

void catalog_https(struct catalog_reader *r, const char *key, const char **out)
{
    const char *text = NULL;

    catalog_text(r, key, false, CATALOG_TEXT_MAX, &text);
    if (!text)
        return;
    if (r->status == VANTA_OK && (!vanta_has_prefix(text, "https://") || !text[8]))
        catalog_reader_fail(r, key, "must start with https://");
    *out = text;
}

void catalog_boolean(struct catalog_reader *r, const char *key, bool *out)
{
    if (r->status == VANTA_OK)
        r->status = vanta_json_boolean(&r->document->json, r->object, r->where, key,
                                       false, out, r->err);
}

void catalog_integer(struct catalog_reader *r, const char *key, bool required,
                     int64_t least, int64_t most, int64_t *out)
{
    if (r->status == VANTA_OK)
        r->status = vanta_json_integer(&r->document->json, r->object, r->where, key,
                                       required, least, most, out, r->err);
}

void catalog_words(struct catalog_reader *r, const char *key, bool required, bool ids,
                   const char *const **out, size_t *n)
{
    const json_t *list = NULL;
    const char **words;
    size_t i;

    if (r->status == VANTA_OK)
        r->status = vanta_json_array(&r->document->json, r->object, r->where, key,
                                     required, CATALOG_WORDS_MAX, &list, r->err);
    if (!list || json_array_size(list) == 0)
        return;
    words = catalog_alloc(r->catalog, json_array_size(list), sizeof *words, r->err);
    if (!words)
        r->status = VANTA_ERR_NO_MEMORY;
    for (i = 0; i < json_array_size(list) && r->status == VANTA_OK; i++) {
        char array[VANTA_JSON_POINTER_MAX], pointer[VANTA_JSON_POINTER_MAX];
        struct catalog_reader one = *r;

        vanta_json_pointer_key(array, r->where, key);
        vanta_json_pointer_index(pointer, array, i);
        one.where = pointer;
        words[i] = json_string_value(json_array_get(list, i));
        if (!words[i])
            catalog_reader_fail(&one, NULL, "must be a string");
        else
            check_text(&one, NULL, words[i], CATALOG_NAME_MAX);
        if (ids && words[i])
            check_id(&one, NULL, words[i]);
        catalog_reader_join(r, &one);
    }
    if (r->status != VANTA_OK)
        return;
    *out = words;
    *n = json_array_size(list);
}

int catalog_choice(struct catalog_reader *r, const char *key, bool required,
                   const char *const *names)
{
    const char *text = NULL, *nearest;
    int i;

    catalog_text(r, key, required, CATALOG_NAME_MAX, &text);
    if (!text || r->status != VANTA_OK)
        return -1;
    for (i = 0; names[i]; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    nearest = vanta_nearest(text, names, (size_t)i);
    catalog_reader_fail(r, key, "\"%.80s\" is not known here; %s%s%s", text,
                        nearest ? "did you mean \"" : "docs/catalog.md has the names",
                        nearest ? nearest : "", nearest ? "\"?" : "");
    return -1;
}

const json_t *catalog_list(struct catalog_reader *r, const char *key, bool required,
                           size_t most)
{
    const json_t *list = NULL;

    if (r->status == VANTA_OK)
        r->status = vanta_json_array(&r->document->json, r->object, r->where, key,
                                     required, most, &list, r->err);
    return list;
}

struct catalog_reader catalog_element(const struct catalog_reader *r, const char *key,
                                      const json_t *list, size_t i,
                                      char pointer[VANTA_JSON_POINTER_MAX])
{
    struct catalog_reader inner = *r;
    char array[VANTA_JSON_POINTER_MAX];

    vanta_json_pointer_key(array, r->where, key);
    vanta_json_pointer_index(pointer, array, i);
    inner.where = pointer;
    inner.object = json_array_get(list, i);
    if (!json_is_object(inner.object))
        catalog_reader_fail(&inner, NULL, "must be an object");
    return inner;
}

struct catalog_reader catalog_member(struct catalog_reader *r, const char *key,
                                     bool required, char pointer[VANTA_JSON_POINTER_MAX])
{
    struct catalog_reader inner = *r;

    inner.object = NULL;
    if (r->status == VANTA_OK)
        r->status = vanta_json_object(&r->document->json, r->object, r->where, key,
                                      required, &inner.object, r->err);
    inner.status = r->status;
    vanta_json_pointer_key(pointer, r->where, key);
    inner.where = pointer;
    return inner;
}

void catalog_reader_join(struct catalog_reader *r, const struct catalog_reader *inner)
{
    if (r->status == VANTA_OK)
        r->status = inner->status;
}
