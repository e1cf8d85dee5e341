/*
 * vanta completion bash|zsh|fish: a completion script made from the command table.
 *
 * Commands and operands stand in the script; options and ids it asks for at completion
 * time (COMMAND --print-options, list, catalog list), so that it is never behind. It asks
 * the vanta found through PATH, not the path that was typed: Tab must not run a program of
 * the current folder. The texts are completion/vanta.*, with "# @commands" and
 * "# @operands" as the places to fill.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/completion.h"

static const char *const shells[] = {"bash", "zsh", "fish"};
#define SHELLS (sizeof shells / sizeof shells[0])

/* What the scripts know an upper-case word of a usage line by; NULL: nothing to offer. */
static const char *offer(const char *command, const char *word)
{
    bool catalog = strcmp(command, "setup") == 0 || strcmp(command, "catalog") == 0;

    if (strcmp(word, "ID") == 0 || strcmp(word, "NAME") == 0)
        return catalog ? "@catalog" : "@ids";
    if (strcmp(word, "TYPE") == 0)
        return "@types";
    if (strcmp(word, "FILE") == 0 || strcmp(word, "PATH") == 0 ||
        strcmp(word, "INPUT") == 0)
        return "@files";
    if (strcmp(word, "DIR") == 0)
        return "@dirs";
    return NULL;
}

/* The operands of a command as words to offer: the lower-case words of its usage line
 * stand for themselves. */
static void print_operands(const struct command *command)
{
    const char *at = command->operands, *gap = "";

    while (*at) {
        char word[64];
        const char *shown;
        size_t len = 0;

        if (!isalpha((unsigned char)*at)) {
            at += *at == '-' ? strcspn(at, " ") : 1; /* options are asked for */
            continue;
        }
        while (isalpha((unsigned char)at[len]) || at[len] == '-')
            len++;
        snprintf(word, sizeof word, "%.*s", (int)len, at);
        at += len;
        shown = islower((unsigned char)word[0]) ? word : offer(command->name, word);
        if (shown) {
            printf("%s%s", gap, shown);
            gap = " ";
        }
    }
}

/* A text between single quotes; '\'' is read alike by all three shells. */
static void print_quoted(const char *text)
{
    putchar('\'');
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    putchar('\'');
}

static void print_operand_cases(const char *shell)
{
    bool fish = strcmp(shell, "fish") == 0;
    size_t i;

    for (i = 0; i < commands_count; i++) {
        const struct command *c = &commands[i];

        if (!c->help)
            continue;
        printf(fish ? "        case %s%s%s\n            string split ' ' '"
                    : "    %s%s%s) echo '",
               c->name, !c->alias ? "" : fish ? " " : " | ", c->alias ? c->alias : "");
        print_operands(c);
        puts(fish ? "'" : "' ;;");
    }
}

static void print_name(const char *shell, const char *name, const char *help)
{
    if (strcmp(shell, "fish") == 0) {
        printf("complete -c vanta -n __fish_use_subcommand -a %s -d ", name);
        print_quoted(help);
    } else {
        printf("    %s:", name);
        print_quoted(help);
    }
    putchar('\n');
}

static void print_names(const char *shell)
{
    size_t i;

    if (strcmp(shell, "bash") == 0) {
        fputs("_vanta_commands='", stdout);
        for (i = 0; i < commands_count; i++)
            if (commands[i].help)
                printf("%s%s%s%s", i ? " " : "", commands[i].name,
                       commands[i].alias ? " " : "",
                       commands[i].alias ? commands[i].alias : "");
        puts("'");
        return;
    }
    for (i = 0; i < commands_count; i++) {
        if (!commands[i].help)
            continue;
        print_name(shell, commands[i].name, commands[i].help);
        if (commands[i].alias)
            print_name(shell, commands[i].alias, commands[i].help);
    }
}

static void print_script(const char *shell, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n") + 1;
        const char *mark = text + strspn(text, " ");

        if (vanta_has_prefix(mark, "# @commands\n"))
            print_names(shell);
        else if (vanta_has_prefix(mark, "# @operands\n"))
            print_operand_cases(shell);
        else
            fwrite(text, 1, len, stdout);
        text += len;
    }
}

int cmd_completion(int argc, char **argv)
{
    struct word_list operands = {0};
    char file[64];
    size_t i;
    int code;

    if (!command_parse("completion", argc, argv, NULL, 0, &operands, &code))
        return code;
    for (i = 0; operands.n == 1 && i < SHELLS; i++) {
        const struct vanta_catalog_data *data = vanta_completion_data;

        if (strcmp(operands.words[0], shells[i]) != 0)
            continue;
        snprintf(file, sizeof file, "vanta.%s", shells[i]);
        while (data->name && strcmp(data->name, file) != 0)
            data++;
        print_script(shells[i], data->name ? (const char *)data->data : "");
        return EXIT_OK;
    }
    if (operands.n == 1) {
        const char *nearest = vanta_nearest(operands.words[0], shells, SHELLS);
        char shown[64];

        vanta_text_printable(operands.words[0], shown, sizeof shown);
        fprintf(stderr, "vanta completion: no script for %s%s%s%s\n", shown,
                nearest ? "; did you mean " : "", nearest ? nearest : "",
                nearest ? "?" : "");
    } else {
        fputs("vanta completion: one shell is wanted\n", stderr);
    }
    fputs("try: vanta completion bash, zsh or fish\n", stderr);
    return EXIT_USAGE;
}
