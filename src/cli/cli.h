/*
 * cli.h - what the command files share: the table, exit codes, common options, output.
 *
 * A command is one file cmd_NAME.c with one function that parses, calls the library and
 * prints. Data goes to stdout, talk to stderr; --json prints one versioned document.
 * Exit codes: 0 ok, 1 a check failed, 2 usage, 3 could not be done.
 */
#ifndef VANTA_CLI_CLI_H
#define VANTA_CLI_CLI_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/path.h"
#include "cli/args.h"
#include "models/catalog.h"
#include "models/registry.h"
#include "vanta_error.h"

enum exit_code { EXIT_OK = 0, EXIT_CHECK = 1, EXIT_USAGE = 2, EXIT_CANNOT = 3 };

#define JSON_OUTPUT_VERSION 1

struct command {
    const char *name;
    const char *alias;    /* NULL: none */
    const char *operands; /* for the usage line: "[ID...]" */
    const char *help;     /* one line; NULL: hidden */
    int (*run)(int argc, char **argv); /* argv without the command's name */
};

extern const struct command commands[];
extern const size_t commands_count;

/* Set by SIGINT and SIGTERM; long work passes it on. A second signal ends at once. */
extern atomic_bool cancelled;

/* --models-dir and --catalog, which every command takes. */
struct common_options {
    const char *models_dir;
    struct word_list catalogs;
    bool json;
    bool quiet;
};

#define COMMON_OPTIONS(c)                                                                \
    {"models-dir", 0, OPTION_TEXT, &(c).models_dir, "DIR",                               \
     "the models folder (default: VANTA_MODELS_DIR, else found)"},                       \
        {"catalog", 0, OPTION_LIST, &(c).catalogs, "FILE", "one more catalog file"}
#define JSON_OPTION(c)                                                                   \
    {"json", 0, OPTION_FLAG, &(c).json, NULL, "print JSON for programs"}

/* Parses; returns true to go on. Otherwise *code is the exit code: help was printed, or
 * the usage was wrong. The single argument --print-options prints one option a line,
 * "--NAME<tab>TAKES<tab>HELP", for completions and tests. */
bool command_parse(const char *name, int argc, char **argv,
                   const struct option_spec *options, size_t n,
                   struct word_list *operands, int *code);

/* Prints "vanta: MESSAGE" and the hint to stderr; returns the exit code of the status. */
int report_error(const struct vanta_error *err);
int exit_code_of(enum vanta_status status);
/* A warning line on stderr. */
void warn(const char *fmt, ...) VANTA_PRINTF(1, 2);

/* What nearly every command starts with. Prints its own errors. */
struct session {
    char root[VANTA_PATH_MAX];
    const char *root_why;
    struct vanta_catalog *catalog;
    struct vanta_registry *registry; /* NULL when not asked for */
};
enum session_wants { SESSION_CATALOG = 1, SESSION_REGISTRY = 2 };
/* On failure *code is the exit code. A damaged registry is warned of and its history
 * used. */
bool session_open(struct session *s, const struct common_options *common, unsigned wants,
                  int *code);
void session_close(struct session *s);

/* The entry of an id; when there is none prints why with the nearest name and the next
 * step, and returns NULL (exit 3). */
const struct vanta_entry *session_entry(struct session *s, const char *id);
/* That error alone, for an id that has no entry: VANTA_ERR_NOT_FOUND. */
void session_missing(struct session *s, const char *id, struct vanta_error *err);

#endif
