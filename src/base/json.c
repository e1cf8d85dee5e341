#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json_private.h"
#include "base/text.h"

enum vanta_status vanta_json_load(const void *data, size_t len, const char *name,
                                  json_t **out, struct vanta_error *err)
{
    json_t *json = vanta_json_read_plain(data, len);
    json_error_t where;

    if (!json)
        json = json_loadb(data, len, JSON_REJECT_DUPLICATES, &where);
    if (!json)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s:%d:%d: %s", name, where.line,
                          where.column, where.text);
    *out = json;
    return VANTA_OK;
}

enum vanta_status vanta_json_load_file(const char *path, size_t max_bytes, json_t **out,
                                       struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(max_bytes);
    enum vanta_status status = vanta_file_read(path, &text, err);

    if (status == VANTA_OK)
        status = vanta_json_load(text.data ? text.data : "", text.len, path, out, err);
    vanta_buf_free(&text);
    return status;
}

/* jansson escapes the controls below the space; those above (DEL, and U+0080 to U+009F,
 * which is C2 80 to C2 9F) are commands to terminals, too. */
static int dump_block(const char *data, size_t len, void *arg)
{
    const unsigned char *p = (const unsigned char *)data;
    size_t i, kept = 0;
    char escape[8];

    for (i = 0; i < len; i++) {
        bool upper = p[i] == 0xc2 && i + 1 < len && p[i + 1] >= 0x80 && p[i + 1] <= 0x9f;

        if (p[i] != 0x7f && !upper)
            continue;
        snprintf(escape, sizeof escape, "\\u%04X", upper ? p[i + 1] : p[i]);
        if (!vanta_buf_append(arg, data + kept, i - kept) || !vanta_buf_puts(arg, escape))
            return -1;
        i += upper;
        kept = i + 1;
    }
    return vanta_buf_append(arg, data + kept, len - kept) ? 0 : -1;
}

enum vanta_status vanta_json_dump(const json_t *json, struct vanta_buf *out,
                                  struct vanta_error *err)
{
    if (json_dump_callback(json, dump_block, out, JSON_INDENT(2)) != 0 ||
        !vanta_buf_puts(out, "\n"))
        return vanta_fail(err, VANTA_ERR_LIMIT, "the JSON text is larger than %zu bytes",
                          out->max);
    return VANTA_OK;
}

bool vanta_json_pointer_key(char out[VANTA_JSON_POINTER_MAX], const char *where,
                            const char *key)
{
    size_t n = 0;

    for (; *where && n + 1 < VANTA_JSON_POINTER_MAX; where++)
        out[n++] = *where;
    if (*where) {
        out[n] = '\0';
        return false;
    }
    if (n + 1 < VANTA_JSON_POINTER_MAX)
        out[n++] = '/';
    for (; *key && n + 3 < VANTA_JSON_POINTER_MAX; key++) {
        if (*key == '~' || *key == '/') {
            out[n++] = '~';
            out[n++] = *key == '~' ? '0' : '1';
        } else {
            out[n++] = *key;
        }
    }
    out[n] = '\0';
    return *key == '\0';
}

bool vanta_json_pointer_index(char out[VANTA_JSON_POINTER_MAX], const char *where,
                              size_t index)
{
    return vanta_format(out, VANTA_JSON_POINTER_MAX, "%s/%zu", where, index);
}

enum vanta_status vanta_json_fail(const struct vanta_json_doc *doc, const char *where,
                                  const char *key, struct vanta_error *err,
                                  const char *fmt, ...)
{
    char pointer[VANTA_JSON_POINTER_MAX], reason[VANTA_ERROR_MESSAGE_MAX / 2];
    va_list args;

    if (key)
        vanta_json_pointer_key(pointer, where, key);
    else
        snprintf(pointer, sizeof pointer, "%s", where);
    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s: %s", doc->name,
                      pointer[0] ? pointer : "/", reason);
}

/* The value of key, NULL when it is absent and may be. */
static enum vanta_status member(const struct vanta_json_doc *doc, const json_t *object,
                                const char *where, const char *key, bool required,
                                const json_t **value, struct vanta_error *err)
{
    *value = json_object_get(object, key);
    if (!*value && required)
        return vanta_json_fail(doc, where, key, err, "is missing");
    return VANTA_OK;
}

enum vanta_status vanta_json_string(const struct vanta_json_doc *doc,
                                    const json_t *object, const char *where,
                                    const char *key, bool required, const char **out,
                                    struct vanta_error *err)
{
    const json_t *value;
    enum vanta_status status = member(doc, object, where, key, required, &value, err);

    if (status != VANTA_OK || !value)
        return status;
    if (!json_is_string(value))
        return vanta_json_fail(doc, where, key, err, "must be a string");
    if (strlen(json_string_value(value)) != json_string_length(value))
        return vanta_json_fail(doc, where, key, err, "has a NUL character in it");
    *out = json_string_value(value);
    return VANTA_OK;
}

enum vanta_status vanta_json_integer(const struct vanta_json_doc *doc,
                                     const json_t *object, const char *where,
                                     const char *key, bool required, int64_t least,
                                     int64_t most, int64_t *out, struct vanta_error *err)
{
    const json_t *value;
    enum vanta_status status = member(doc, object, where, key, required, &value, err);
    int64_t number;

    if (status != VANTA_OK || !value)
        return status;
    if (!json_is_integer(value))
        return vanta_json_fail(doc, where, key, err, "must be a whole number");
    number = json_integer_value(value);
    if (number < least || number > most)
        return vanta_json_fail(doc, where, key, err, "%lld is not from %lld to %lld",
                               (long long)number, (long long)least, (long long)most);
    *out = number;
    return VANTA_OK;
}

enum vanta_status vanta_json_boolean(const struct vanta_json_doc *doc,
                                     const json_t *object, const char *where,
                                     const char *key, bool required, bool *out,
                                     struct vanta_error *err)
{
    const json_t *value;
    enum vanta_status status = member(doc, object, where, key, required, &value, err);

    if (status != VANTA_OK || !value)
        return status;
    if (!json_is_boolean(value))
        return vanta_json_fail(doc, where, key, err, "must be true or false");
    *out = json_is_true(value);
    return VANTA_OK;
}

enum vanta_status vanta_json_array(const struct vanta_json_doc *doc, const json_t *object,
                                   const char *where, const char *key, bool required,
                                   size_t most, const json_t **out,
                                   struct vanta_error *err)
{
    const json_t *value;
    enum vanta_status status = member(doc, object, where, key, required, &value, err);

    if (status != VANTA_OK || !value)
        return status;
    if (!json_is_array(value))
        return vanta_json_fail(doc, where, key, err, "must be an array");
    if (json_array_size(value) > most)
        return vanta_json_fail(doc, where, key, err, "has %zu elements; at most %zu",
                               json_array_size(value), most);
    *out = value;
    return VANTA_OK;
}

enum vanta_status vanta_json_object(const struct vanta_json_doc *doc,
                                    const json_t *object, const char *where,
                                    const char *key, bool required, const json_t **out,
                                    struct vanta_error *err)
{
    const json_t *value;
    enum vanta_status status = member(doc, object, where, key, required, &value, err);

    if (status != VANTA_OK || !value)
        return status;
    if (!json_is_object(value))
        return vanta_json_fail(doc, where, key, err, "must be an object");
    *out = value;
    return VANTA_OK;
}

enum vanta_status vanta_json_known_keys(const struct vanta_json_doc *doc,
                                        const json_t *object, const char *where,
                                        const char *const *known, struct vanta_error *err)
{
    const char *key, *nearest;
    json_t *value;
    size_t n = 0, i;

    while (known[n])
        n++;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        for (i = 0; i < n && strcmp(known[i], key) != 0; i++)
            continue;
        if (i < n)
            continue;
        nearest = vanta_nearest(key, known, n);
        if (nearest)
            return vanta_json_fail(doc, where, key, err,
                                   "is not a known key; did you mean \"%s\"?", nearest);
        return vanta_json_fail(doc, where, key, err, "is not a known key");
    }
    return VANTA_OK;
}
