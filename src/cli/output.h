/*
 * output.h - how commands show entries, and say that they were called wrongly.
 */
#ifndef VANTA_CLI_OUTPUT_H
#define VANTA_CLI_OUTPUT_H

#include "base/json.h"
#include "cli/cli.h"
#include "cli/term.h"

/* An entry as --json shows it: the registry's fields, and what is computed: state,
 * state_reason, absolute_path. The caller owns it. */
json_t *entry_output(const struct session *s, const struct vanta_entry *entry);
/* A path as JSON, which is UTF-8: other bytes than that become '?'. NULL gives null. */
json_t *path_output(const char *path);
/* Its type's name, also of one that is none of ours. */
const char *entry_type(const struct vanta_entry *entry);
enum term_style state_style(enum vanta_state state);

/* Says on stderr that no models (of this type) are here, which folder was looked at, and
 * what to run. */
void say_no_models(const struct session *s, enum vanta_model_type type);

/* Prints and frees a document; EXIT_OK, or EXIT_CANNOT with a message. */
int print_document(json_t *document);

/* Prints "vanta COMMAND: ..." and where help is; returns EXIT_USAGE. */
int usage_error(const char *command, const char *fmt, ...) VANTA_PRINTF(2, 3);
/* Reads --type; on a mistake prints it with the nearest name and returns false. */
bool parse_type(const char *command, const char *name, enum vanta_model_type *type);

#endif
