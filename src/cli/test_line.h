/*
 * test_line.h - one line on the terminal that says how far a test is.
 *
 * Only on a terminal, redrawn at most ten times a second; elsewhere nothing is shown
 * before the test's end.
 */
#ifndef VANTA_CLI_TEST_LINE_H
#define VANTA_CLI_TEST_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct test_line {
    const char *id;
    bool quiet;
    int64_t start_ms, shown_ms;
    bool drawn;
};

void test_line_start(struct test_line *line, const char *id, bool quiet);
/* A vanta_test_progress. */
void test_line_show(void *line, const char *phase, double fraction);
void test_line_clear(struct test_line *line);

#endif
