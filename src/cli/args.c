#include "cli/args.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define SPECS_MAX 40

/* Words live as long as the process; a list of them keeps that in a leak checker's eyes
 * what it is: wanted. */
struct kept_word {
    struct kept_word *next;
    char text[];
};

static char *keep_word(const char *text, size_t len)
{
    static struct kept_word *all;
    struct kept_word *word = malloc(sizeof *word + len + 1);

    if (!word)
        return NULL;
    memcpy(word->text, text, len);
    word->text[len] = '\0';
    word->next = all;
    all = word;
    return word->text;
}

bool word_list_split(struct word_list *list, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, ",");

        if (len > 0) {
            char *word = keep_word(text, len);

            if (!word || list->n == ARGS_WORDS_MAX)
                return false;
            list->words[list->n++] = word;
        }
        text += len + (text[len] == ',');
    }
    return true;
}

static void complain(const char *command, const char *what, const char *word,
                     const char *nearest)
{
    char shown[256];

    vanta_text_printable(word, shown, sizeof shown);
    fprintf(stderr, "vanta %s: %s %s", command, what, shown);
    if (nearest)
        fprintf(stderr, "; did you mean %s%s?", strlen(nearest) > 1 ? "--" : "-",
                nearest);
    fprintf(stderr, "\ntry: vanta %s --help\n", command);
}

static bool set_value(const char *command, const struct option_spec *o, const char *text)
{
    char *end;
    long number;

    switch (o->kind) {
    case OPTION_TEXT:
        *(const char **)o->value = text;
        return true;
    case OPTION_NUMBER:
        errno = 0;
        number = strtol(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno || number > INT_MAX) {
            complain(command, "a number is wanted, not", text, NULL);
            return false;
        }
        *(long *)o->value = number;
        return true;
    case OPTION_LIST:
    case OPTION_MANY:
        if (word_list_split(o->value, text))
            return true;
        complain(command, "too many words in", text, NULL);
        return false;
    case OPTION_FLAG:
        break;
    }
    return false;
}

static const struct option_spec *find_option(const struct option_spec *options, size_t n,
                                             const char *name, size_t len, bool is_long)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (is_long && strlen(options[i].name) == len &&
            memcmp(options[i].name, name, len) == 0)
            return &options[i];
        if (!is_long && len == 1 && options[i].letter == name[0])
            return &options[i];
    }
    return NULL;
}

static void complain_unknown(const char *command, const char *word,
                             const struct option_spec *options, size_t n)
{
    const char *names[SPECS_MAX];
    char bare[64];
    size_t i, count = 0;

    for (i = 0; i < n && count < SPECS_MAX; i++)
        if (options[i].help)
            names[count++] = options[i].name;
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word + strspn(word, "-"), "="),
             word + strspn(word, "-"));
    complain(command, "unknown option", word, vanta_nearest(bare, names, count));
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

bool args_parse(const char *command, int argc, char **argv,
                const struct option_spec *options, size_t n, struct word_list *operands,
                bool *help)
{
    bool only_operands = false;
    int i;

    *help = false;
    for (i = 0; i < argc; i++) {
        const char *word = argv[i], *name, *inline_value = NULL;
        const struct option_spec *o;
        bool is_long;
        size_t len;

        if (only_operands || !is_option(word)) {
            if (operands->n == ARGS_WORDS_MAX) {
                complain(command, "too many words at", word, NULL);
                return false;
            }
            operands->words[operands->n++] = word;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            only_operands = true;
            continue;
        }
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            *help = true;
            continue;
        }
        is_long = word[1] == '-';
        name = word + (is_long ? 2 : 1);
        len = is_long ? strcspn(name, "=") : strlen(name);
        if (is_long && name[len] == '=')
            inline_value = name + len + 1;
        o = find_option(options, n, name, len, is_long);
        if (!o) {
            complain_unknown(command, word, options, n);
            return false;
        }
        if (o->kind == OPTION_FLAG) {
            if (inline_value) {
                complain(command, "no value goes with", word, NULL);
                return false;
            }
            *(bool *)o->value = true;
            continue;
        }
        if (!inline_value && (i + 1 >= argc || is_option(argv[i + 1]))) {
            complain(command, "a value is missing behind", word, NULL);
            return false;
        }
        if (!set_value(command, o, inline_value ? inline_value : argv[++i]))
            return false;
        while (o->kind == OPTION_MANY && !inline_value && i + 1 < argc &&
               !is_option(argv[i + 1]))
            if (!set_value(command, o, argv[++i]))
                return false;
    }
    return true;
}
