/*
 * json_private.h - what json.c and json_read.c share. Not for other modules.
 */
#ifndef VANTA_BASE_JSON_PRIVATE_H
#define VANTA_BASE_JSON_PRIVATE_H

#include <jansson.h>
#include <stddef.h>

/* What jansson's reader would give with JSON_REJECT_DUPLICATES, or NULL: then jansson
 * has to be asked. Never takes what jansson refuses. */
json_t *vanta_json_read_plain(const char *text, size_t len);

#endif
