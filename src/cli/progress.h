/*
 * progress.h - showing a setup at work on stderr.
 *
 * On a terminal one bar a file with speed and time left, and a line for the whole,
 * redrawn in place at most ten times a second. Elsewhere a plain line every few seconds.
 * Notices and finished models are lines of their own in both. Calls come one at a time.
 */
#ifndef VANTA_CLI_PROGRESS_H
#define VANTA_CLI_PROGRESS_H

#include <stdint.h>

#include "models/setup.h"

struct progress;

/* bytes_total: to be moved over the network in all. quiet: only warnings and models
 * that failed. NULL when memory is out; the others take NULL and do nothing. */
struct progress *progress_new(uint64_t bytes_total, bool quiet);
void progress_event(struct progress *progress, const struct vanta_setup_event *event);
/* Takes the bars from the screen. */
void progress_free(struct progress *progress);

#endif
