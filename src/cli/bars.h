/*
 * bars.h - the lines that show files on their way, as text.
 *
 * Pure: no clock, no terminal, no state; progress.c has those. A line never takes the last
 * column of the terminal, where some would wrap it. What has no room is left out, the
 * least needed first: the bytes, the source, the bar, the time left, the speed. All lines
 * of one width have their columns at the same places.
 */
#ifndef VANTA_CLI_BARS_H
#define VANTA_CLI_BARS_H

#include <stddef.h>
#include <stdint.h>

#define BARS_LINE_MAX 1024 /* bytes of a line, with its NUL */

struct bar {
    const char *name;   /* printable */
    const char *source; /* as an event names it; NULL: none */
    uint64_t bytes;
    int64_t total;      /* -1: unknown */
    uint64_t per_second; /* 0: unknown */
};

/* The line of one file; returns its columns. */
size_t bars_file(const struct bar *bar, unsigned width, char out[BARS_LINE_MAX]);

struct bar_sum {
    uint64_t bytes, total; /* moved, of those to be moved */
    uint64_t per_second;
    uint64_t resumed, reused;
};

/* The line of the whole. */
size_t bars_total(const struct bar_sum *sum, unsigned width, char out[BARS_LINE_MAX]);

/* Where a file comes from, in a word: a host, "hf", "pypi", "npm", "copy", "file". */
void bars_source(const char *source, char *out, size_t size);

/* "1:20", "1:02:03"; "-" when it is not known, "99:59:59" at most. */
void bars_time_left(uint64_t left, uint64_t per_second, char out[16]);

/* Rows that lines of these columns take on a terminal of this width, which may be narrower
 * by now than the one they were drawn for. */
size_t bars_rows(const size_t *columns, size_t n, unsigned width);

#endif
