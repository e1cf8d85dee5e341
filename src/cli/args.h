/*
 * args.h - options and operands of a command line, from a table.
 *
 * One table describes a command's options for parsing, for --help and for completions.
 * Long options take "--name value" and "--name=value"; short ones "-n value"; "--" ends
 * them; they may stand anywhere. An option marked many takes the words up to the next
 * option too ("--models tiny base"), commas separate as well.
 */
#ifndef VANTA_CLI_ARGS_H
#define VANTA_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#define ARGS_WORDS_MAX 256

struct word_list {
    const char *words[ARGS_WORDS_MAX];
    size_t n;
};

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char * */
    OPTION_NUMBER, /* long, not negative */
    OPTION_LIST,   /* struct word_list: may be repeated; commas separate */
    OPTION_MANY    /* as LIST, and takes the following operands */
};

struct option_spec {
    const char *name;  /* without "--" */
    char letter;       /* 0: none */
    enum option_kind kind;
    void *value;
    const char *takes; /* "ID", "FILE"; NULL for a flag */
    const char *help;  /* one line; NULL: not shown */
};

/* Fills the options' values and operands. On a mistake prints what is wrong, with the
 * nearest option, to stderr and returns false. --help sets *help. Words that commas
 * split live as long as the process. */
bool args_parse(const char *command, int argc, char **argv,
                const struct option_spec *options, size_t n, struct word_list *operands,
                bool *help);

/* Appends the words of a comma-separated text to list; false when there are too many. */
bool word_list_split(struct word_list *list, const char *text);

#endif
