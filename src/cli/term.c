#include "cli/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"

bool term_is_terminal(FILE *stream)
{
    return isatty(fileno(stream));
}

unsigned term_width(FILE *stream)
{
    struct winsize size;

    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

unsigned term_height(FILE *stream)
{
    struct winsize size;

    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_row > 0)
        return size.ws_row;
    return 24;
}

static bool has_colour(FILE *stream)
{
    const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

    return term_is_terminal(stream) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

const char *term_style(FILE *stream, enum term_style style)
{
    static const char *const codes[] = {
        [STYLE_NONE] = "\033[0m",  [STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m",
        [STYLE_WARN] = "\033[33m", [STYLE_DIM] = "\033[2m",   [STYLE_BOLD] = "\033[1m"};

    return has_colour(stream) ? codes[style] : "";
}

bool term_can_ask(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool term_ask(const char *question, bool fallback)
{
    char answer[64];

    if (!term_can_ask())
        return fallback;
    for (;;) {
        fprintf(stderr, "%s %s ", question, fallback ? "[Y/n]" : "[y/N]");
        fflush(stderr);
        if (!fgets(answer, sizeof answer, stdin)) {
            fputc('\n', stderr);
            return false;
        }
        answer[strcspn(answer, "\n")] = '\0';
        if (answer[0] == '\0')
            return fallback;
        if (vanta_streq_nocase(answer, "y") || vanta_streq_nocase(answer, "yes"))
            return true;
        if (vanta_streq_nocase(answer, "n") || vanta_streq_nocase(answer, "no"))
            return false;
    }
}

struct cell {
    char *text;
    size_t width; /* columns on the terminal */
    enum term_style style;
};

struct table {
    size_t columns, rows, capacity;
    struct cell *cells;
};

struct table *table_new(size_t columns)
{
    struct table *t = calloc(1, sizeof *t);

    if (t)
        t->columns = columns;
    return t;
}

void table_row(struct table *t, const char *const *cells, const enum term_style *styles)
{
    size_t i;

    if (!t)
        return;
    if (t->rows == t->capacity) {
        size_t capacity = t->capacity ? t->capacity * 2 : 16;
        struct cell *grown = realloc(t->cells, capacity * t->columns * sizeof *grown);

        if (!grown)
            return;
        t->cells = grown;
        t->capacity = capacity;
    }
    for (i = 0; i < t->columns; i++) {
        struct cell *cell = &t->cells[t->rows * t->columns + i];
        char printable[1024];

        vanta_text_printable(cells[i] ? cells[i] : "-", printable, sizeof printable);
        cell->text = vanta_strdup(printable);
        cell->width = vanta_text_columns(printable);
        cell->style = styles ? styles[i] : STYLE_NONE;
    }
    t->rows++;
}

static size_t column_width(const struct table *t, size_t column)
{
    size_t row, width = 0;

    for (row = 0; row < t->rows; row++)
        if (t->cells[row * t->columns + column].width > width)
            width = t->cells[row * t->columns + column].width;
    return width;
}

static void print_spaces(FILE *stream, size_t n)
{
    static const char spaces[] = "                                ";

    for (; n >= sizeof spaces; n -= sizeof spaces - 1)
        fwrite(spaces, 1, sizeof spaces - 1, stream);
    fwrite(spaces, 1, n, stream);
}

/* Without printf: of a long table it would be most of the time. */
static void print_padded(FILE *stream, const struct cell *cell, size_t width, bool last)
{
    const char *text = cell->text ? cell->text : "";
    bool styled = cell->style != STYLE_NONE;

    if (styled)
        fputs(term_style(stream, cell->style), stream);
    fputs(text, stream);
    if (styled)
        fputs(term_style(stream, STYLE_NONE), stream);
    if (!last)
        print_spaces(stream, width - cell->width + 2);
}

void table_print(const struct table *t, FILE *stream, bool rule)
{
    size_t *widths, row, i, k;

    if (!t)
        return;
    widths = calloc(t->columns, sizeof *widths);
    for (i = 0; widths && i < t->columns; i++)
        widths[i] = column_width(t, i);
    for (row = 0; widths && row < t->rows; row++) {
        for (i = 0; i < t->columns; i++)
            print_padded(stream, &t->cells[row * t->columns + i], widths[i],
                         i + 1 == t->columns);
        fputc('\n', stream);
        for (i = 0; rule && row == 0 && i < t->columns; i++) {
            for (k = 0; k < widths[i]; k++)
                fputc('-', stream);
            fputs(i + 1 == t->columns ? "\n" : "  ", stream);
        }
    }
    free(widths);
}

void table_free(struct table *t)
{
    size_t i;

    if (!t)
        return;
    for (i = 0; i < t->rows * t->columns; i++)
        free(t->cells[i].text);
    free(t->cells);
    free(t);
}
