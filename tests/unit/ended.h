/* ended.h - whether a process that a test knows by its id has ended. */
#ifndef VANTA_TESTS_ENDED_H
#define VANTA_TESTS_ENDED_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "base/clock.h"

/* A killed process of another parent may stay as a zombie where nothing reaps: that is
 * ended too. */
static inline bool has_ended(pid_t pid)
{
    char path[64], line[128] = "";
    FILE *file;

    if (kill(pid, 0) != 0)
        return errno == ESRCH;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    file = fopen(path, "r");
    if (!file)
        return false;
    if (!fgets(line, sizeof line, file))
        line[0] = '\0';
    fclose(file);
    return strstr(line, ") Z ") != NULL;
}

static inline bool ends_within(pid_t pid, int ms)
{
    for (; ms > 0; ms -= 20) {
        if (has_ended(pid))
            return true;
        vanta_clock_sleep_ms(20, NULL);
    }
    return false;
}

#endif
