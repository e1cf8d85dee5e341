#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/term.h"

int exit_code_of(enum vanta_status status)
{
    switch (status) {
    case VANTA_OK:
        return EXIT_OK;
    case VANTA_ERR_CHECK:
    case VANTA_ERR_DIGEST:
        return EXIT_CHECK;
    case VANTA_ERR_USAGE:
        return EXIT_USAGE;
    default:
        return EXIT_CANNOT;
    }
}

int report_error(const struct vanta_error *err)
{
    fprintf(stderr, "%svanta: %s%s\n", term_style(stderr, STYLE_BAD), err->message,
            term_style(stderr, STYLE_NONE));
    if (err->hint[0])
        fprintf(stderr, "  %s\n", err->hint);
    return exit_code_of(err->status);
}

void warn(const char *fmt, ...)
{
    char text[2048], shown[2048];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    vanta_text_printable(text, shown, sizeof shown);
    fprintf(stderr, "%sWarning:%s %s\n", term_style(stderr, STYLE_WARN),
            term_style(stderr, STYLE_NONE), shown);
}

static const struct command *command_named(const char *name)
{
    size_t i;

    for (i = 0; i < commands_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_help(const char *name, const struct option_spec *options, size_t n)
{
    const struct command *command = command_named(name);
    size_t i;

    printf("usage: vanta %s [OPTION...] %s\n", name, command ? command->operands : "");
    if (command && command->alias)
        printf("       also: vanta %s\n", command->alias);
    if (command && command->help)
        printf("\n%s\n", command->help);
    putchar('\n');
    for (i = 0; i < n; i++) {
        char left[64];

        if (!options[i].help)
            continue;
        snprintf(left, sizeof left, "%s%c%s--%s%s%s", options[i].letter ? "-" : "  ",
                 options[i].letter ? options[i].letter : ' ',
                 options[i].letter ? ", " : "  ", options[i].name,
                 options[i].takes ? " " : "", options[i].takes ? options[i].takes : "");
        printf("  %-30s %s\n", left, options[i].help);
    }
}

/* One option a line for the completion scripts and the tests of the man pages. */
static void print_options(const struct option_spec *options, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (options[i].help)
            printf("--%s\t%s\t%s\n", options[i].name,
                   options[i].takes ? options[i].takes : "", options[i].help);
}

bool command_parse(const char *name, int argc, char **argv,
                   const struct option_spec *options, size_t n,
                   struct word_list *operands, int *code)
{
    bool help = false;

    if (argc == 1 && strcmp(argv[0], "--print-options") == 0) {
        print_options(options, n);
        *code = EXIT_OK;
        return false;
    }
    if (!args_parse(name, argc, argv, options, n, operands, &help)) {
        *code = EXIT_USAGE;
        return false;
    }
    if (help) {
        print_help(name, options, n);
        *code = EXIT_OK;
        return false;
    }
    return true;
}
