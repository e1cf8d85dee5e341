#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"

atomic_bool cancelled;

const struct command commands[] = {
    {"setup", NULL, "[all|TYPE|ID]...", "fetch, prepare, verify, register and test models",
     cmd_setup},
    {"list", "ls", "", "show the models that are here, and their states", cmd_list},
    {"info", "show", "ID|FILE", "show all that is known of a model, or of a file", cmd_info},
    {"path", NULL, "ID", "print where a model is, for scripts", cmd_path},
    {"verify", NULL, "[ID...]", "hash models and compare with what they should be",
     cmd_verify},
    {"test", NULL, "[ID...]", "test models on this machine: transcripts, answers, vectors, speech",
     cmd_test},
    {"bench", NULL, "ID", "measure how fast a model runs on this machine", cmd_bench},
    {"run", NULL, "ID [INPUT]",
     "try a model: transcribe a recording, answer, embed a text, speak", cmd_run},
    {"add", NULL, "PATH|URL|hf:ORG/REPO[:FILE or QUANT]",
     "take in a model of your own: a file, a folder, an address or a hub's repository",
     cmd_add},
    {"remove", "rm", "ID", "delete a model and its registry entry", cmd_remove},
    {"doctor", NULL, "", "check this machine, its folders, its network and its models",
     cmd_doctor},
    {"registry", NULL, "rebuild | check",
     "make a damaged or outdated registry right again from history, files and catalog",
     cmd_registry},
    {"catalog", NULL, "list | show ID | check [FILE...]",
     "show what models there are to set up, and check catalog files", cmd_catalog},
    {"convert", NULL, "DIR --to FORMAT -o FILE",
     "convert faster-whisper weights or a sentence encoder to the engines' files",
     cmd_convert},
    {"completion", NULL, "bash|zsh|fish", "print a completion script for a shell",
     cmd_completion},
    {"version", NULL, "", "print the version of this program", cmd_version},
};
const size_t commands_count = sizeof commands / sizeof commands[0];

static void on_signal(int number)
{
    if (atomic_exchange(&cancelled, true))
        _exit(128 + number);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    /* A file beyond the shell's limit is a write that fails, and so leaves nothing. */
    sigaction(SIGXFSZ, &action, NULL);
    /* Ignored by whoever started us, the ends of our children would be lost. */
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, NULL);
}

static void print_help(FILE *out)
{
    size_t i;

    fputs("vanta - prepares, verifies and tests the models of the VANTA voice assistant\n\n"
          "usage: vanta COMMAND [OPTION...]\n\n",
          out);
    for (i = 0; i < commands_count; i++)
        if (commands[i].help)
            fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].help);
    fputs("\nvanta COMMAND --help shows a command's options.\n", out);
}

static const struct command *find_command(const char *name)
{
    size_t i;

    for (i = 0; i < commands_count; i++)
        if (strcmp(commands[i].name, name) == 0 ||
            (commands[i].alias && strcmp(commands[i].alias, name) == 0))
            return &commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[64] = {0}, *nearest;
    char shown[128];
    size_t i, n = 0;

    for (i = 0; i < commands_count && n < 64; i++)
        if (commands[i].help)
            names[n++] = commands[i].name;
    nearest = vanta_nearest(name, names, n);
    vanta_text_printable(name, shown, sizeof shown);
    fprintf(stderr, "vanta: unknown command %s", shown);
    if (nearest)
        fprintf(stderr, "; did you mean %s?", nearest);
    fputs("\ntry: vanta --help\n", stderr);
    return EXIT_USAGE;
}

/* What could not be written was not done: a full disk behind "> file" must show. */
static int check_stdout(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fputs("vanta: standard output could not be written\n", stderr);
    return code == EXIT_OK ? EXIT_CANNOT : code;
}

int main(int argc, char **argv)
{
    const struct command *command;

    catch_signals();
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "help") == 0 && argc == 3) {
        char word[] = "--help", *help[] = {word, NULL};

        command = find_command(argv[2]);
        return command ? check_stdout(command->run(1, help)) : unknown_command(argv[2]);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return check_stdout(EXIT_OK);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return check_stdout(cmd_version(argc - 2, argv + 2));
    command = find_command(argv[1]);
    if (!command)
        return unknown_command(argv[1]);
    return check_stdout(command->run(argc - 2, argv + 2));
}
