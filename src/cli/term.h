/*
 * term.h - what may be done to the terminal: colour, width, tables, questions.
 */
#ifndef VANTA_CLI_TERM_H
#define VANTA_CLI_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Colour is used when the stream is a terminal, NO_COLOR is unset and TERM is not dumb. */
enum term_style { STYLE_NONE, STYLE_GOOD, STYLE_BAD, STYLE_WARN, STYLE_DIM, STYLE_BOLD };

bool term_is_terminal(FILE *stream);
unsigned term_width(FILE *stream);  /* columns; 80 when unknown */
unsigned term_height(FILE *stream); /* rows; 24 when unknown */
/* The escape sequence that starts a style on this stream, "" where there is no colour;
 * STYLE_NONE ends it. */
const char *term_style(FILE *stream, enum term_style style);

/* A yes or no asked on the terminal (stderr and /dev/tty); fallback when nobody can be
 * asked, or on a bare Enter. */
bool term_can_ask(void);
bool term_ask(const char *question, bool fallback);

/* Rows of cells, columns as wide as their widest cell; printed with two spaces between.
 * Cells are copied and made printable. Style applies to a whole cell. */
struct table;
struct table *table_new(size_t columns);
void table_row(struct table *t, const char *const *cells, const enum term_style *styles);
/* rule: a line of dashes below the first row. */
void table_print(const struct table *t, FILE *stream, bool rule);
void table_free(struct table *t);

#endif
