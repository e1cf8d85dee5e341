/*
 * json_scan.h - reads JSON from memory front to back, without building a tree.
 *
 * For the large JSON inside models (a vocabulary, a safetensors header), where a tree
 * would cost many times the text: memory is one string. Not for our own documents:
 * base/json.h has those.
 *
 *     vanta_json_scan_init(&s, text, len, "tokenizer.json");
 *     vanta_json_scan_object(&s, err);                       // {
 *     while (status == VANTA_OK) {
 *         status = vanta_json_scan_key(&s, &key, &more, err);
 *         if (status != VANTA_OK || !more)                   // }
 *             break;
 *         status = vanta_json_scan_skip(&s, err);            // or string, u64, object ...
 *     }
 *     vanta_json_scan_end(&s, err);                          // nothing but space is left
 *
 * key and string replace what their buffer held; its cap bounds them (VANTA_ERR_LIMIT).
 * Escapes are resolved, an escaped NUL is refused; that bytes outside of escapes are
 * UTF-8 is not checked. Containers nest at most VANTA_JSON_SCAN_DEPTH_MAX deep.
 * Statuses: VANTA_ERR_FORMAT ("NAME: byte N: ..."), LIMIT, NO_MEMORY; after a failure
 * the scan is over. One thread at a time.
 */
#ifndef VANTA_CONVERT_JSON_SCAN_H
#define VANTA_CONVERT_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "vanta_error.h"

#define VANTA_JSON_SCAN_DEPTH_MAX 64

struct vanta_json_scan {
    const char *name; /* borrowed, as the text */
    const uint8_t *start, *at, *end;
    unsigned depth;
    bool first; /* nothing was read yet of the innermost container */
};

void vanta_json_scan_init(struct vanta_json_scan *s, const void *text, size_t len,
                          const char *name);

/* The first character of the next value, without taking it; 0 at the end. */
char vanta_json_scan_peek(struct vanta_json_scan *s);

enum vanta_status vanta_json_scan_object(struct vanta_json_scan *s,
                                         struct vanta_error *err);
/* The next key of the innermost object and its colon; *more false: the object ended. */
enum vanta_status vanta_json_scan_key(struct vanta_json_scan *s, struct vanta_buf *key,
                                      bool *more, struct vanta_error *err);
enum vanta_status vanta_json_scan_array(struct vanta_json_scan *s,
                                        struct vanta_error *err);
/* Goes to the next element of the innermost array; *more false: the array ended. */
enum vanta_status vanta_json_scan_element(struct vanta_json_scan *s, bool *more,
                                          struct vanta_error *err);
enum vanta_status vanta_json_scan_string(struct vanta_json_scan *s,
                                         struct vanta_buf *out, struct vanta_error *err);
/* A number without sign, fraction and exponent. */
enum vanta_status vanta_json_scan_u64(struct vanta_json_scan *s, uint64_t *out,
                                      struct vanta_error *err);
/* Passes over one value of any kind. */
enum vanta_status vanta_json_scan_skip(struct vanta_json_scan *s,
                                       struct vanta_error *err);
enum vanta_status vanta_json_scan_end(struct vanta_json_scan *s, struct vanta_error *err);

#endif
