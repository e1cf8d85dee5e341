#include "cli/test_line.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/term.h"

void test_line_start(struct test_line *line, const char *id, bool quiet)
{
    *line = (struct test_line){.id = id,
                               .quiet = quiet || !term_is_terminal(stderr),
                               .start_ms = vanta_clock_ms()};
}

void test_line_show(void *arg, const char *phase, double fraction)
{
    struct test_line *line = arg;
    int64_t now = vanta_clock_ms();
    char spent[VANTA_SIZE_TEXT_MAX];

    if (line->quiet || now - line->start_ms < 300 || now - line->shown_ms < 100)
        return;
    line->shown_ms = now;
    line->drawn = true;
    fprintf(stderr, "\r\033[K%s  %s", line->id, phase);
    if (fraction >= 0 && fraction <= 1)
        fprintf(stderr, "  %d%%", (int)(fraction * 100));
    fprintf(stderr, "  %s", vanta_duration_text(now - line->start_ms, spent));
    fflush(stderr);
}

void test_line_clear(struct test_line *line)
{
    if (line->drawn)
        fputs("\r\033[K", stderr);
    line->drawn = false;
    fflush(stderr);
}
