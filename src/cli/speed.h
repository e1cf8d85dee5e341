/*
 * speed.h - --connections and --limit-rate, for the commands that fetch.
 *
 *     struct speed_options speed = {0};
 *     ... SPEED_OPTIONS(speed) among the options ...
 *     if (!speed_parse("setup", &speed, &code)) return code;   // says what is wrong
 */
#ifndef VANTA_CLI_SPEED_H
#define VANTA_CLI_SPEED_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"

struct speed_options {
    long connections;
    const char *rate;
    int64_t bytes_per_second; /* what rate says; 0: no limit */
};

#define SPEED_OPTIONS(s)                                                                 \
    {"connections", 0, OPTION_NUMBER, &(s).connections, "N",                             \
     "for one file at once (as many as help)"},                                          \
        {"limit-rate", 0, OPTION_TEXT, &(s).rate, "RATE",                                \
         "bytes a second over all files: 500k, 2M"}

bool speed_parse(const char *command, struct speed_options *speed, int *code);

#endif
