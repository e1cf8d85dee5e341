/*
 * json.h - JSON from outside and to disk, over jansson.
 *
 * Loading refuses duplicate keys and trailing text; the message of a syntax error has
 * file, line and column. The getters say what is wrong with a value by its JSON pointer
 * (RFC 6901): where is the pointer of the object that is asked ("" at the top).
 * Objects are jansson's: json_decref what the loaders return.
 */
#ifndef VANTA_BASE_JSON_H
#define VANTA_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "vanta_error.h"

#define VANTA_JSON_POINTER_MAX 512

/* VANTA_ERR_LIMIT past max_bytes, VANTA_ERR_FORMAT on syntax. *out is set on success. */
enum vanta_status vanta_json_load_file(const char *path, size_t max_bytes, json_t **out,
                                       struct vanta_error *err);
enum vanta_status vanta_json_load(const void *data, size_t len, const char *name,
                                  json_t **out, struct vanta_error *err);

/* Text with an indent of two, keys in the order they were set, ending in a newline.
 * Control characters of all kinds are escaped: it may be shown on a terminal. */
enum vanta_status vanta_json_dump(const json_t *json, struct vanta_buf *out,
                                  struct vanta_error *err);

/* One place in a document, for messages: "FILE: /models/3/files/0/path". Escapes ~ and
 * / in keys. Appends to a pointer; false when it does not fit (out is then cut). */
bool vanta_json_pointer_key(char out[VANTA_JSON_POINTER_MAX], const char *where,
                            const char *key);
bool vanta_json_pointer_index(char out[VANTA_JSON_POINTER_MAX], const char *where,
                              size_t index);

/* The document that the getters read, for messages. */
struct vanta_json_doc {
    const char *name; /* the file */
};

/* Fails with VANTA_ERR_FORMAT "NAME: POINTER: reason". */
enum vanta_status vanta_json_fail(const struct vanta_json_doc *doc, const char *where,
                                  const char *key, struct vanta_error *err,
                                  const char *fmt, ...) VANTA_PRINTF(5, 6);

/* The getters leave *out as it is when the key is absent and required is false. */
enum vanta_status vanta_json_string(const struct vanta_json_doc *doc, const json_t *object,
                                    const char *where, const char *key, bool required,
                                    const char **out, struct vanta_error *err);
enum vanta_status vanta_json_integer(const struct vanta_json_doc *doc,
                                     const json_t *object, const char *where,
                                     const char *key, bool required, int64_t least,
                                     int64_t most, int64_t *out, struct vanta_error *err);
enum vanta_status vanta_json_boolean(const struct vanta_json_doc *doc,
                                     const json_t *object, const char *where,
                                     const char *key, bool required, bool *out,
                                     struct vanta_error *err);
enum vanta_status vanta_json_array(const struct vanta_json_doc *doc, const json_t *object,
                                   const char *where, const char *key, bool required,
                                   size_t most, const json_t **out,
                                   struct vanta_error *err);
enum vanta_status vanta_json_object(const struct vanta_json_doc *doc,
                                    const json_t *object, const char *where,
                                    const char *key, bool required, const json_t **out,
                                    struct vanta_error *err);
/* Refuses keys of object that are not in known (ends with NULL), naming the nearest. */
enum vanta_status vanta_json_known_keys(const struct vanta_json_doc *doc,
                                        const json_t *object, const char *where,
                                        const char *const *known,
                                        struct vanta_error *err);

#endif
