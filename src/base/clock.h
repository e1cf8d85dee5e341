/*
 * clock.h - what time it is, in the two senses that matter, and stopping early.
 */
#ifndef VANTA_BASE_CLOCK_H
#define VANTA_BASE_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define VANTA_TIME_TEXT_MAX 32

/* Milliseconds since some start, never going backwards. */
int64_t vanta_clock_ms(void);
/* Sleeps, in slices, until the time is over or *cancel is set; false when cancelled.
 * cancel may be NULL. */
bool vanta_clock_sleep_ms(int64_t ms, const atomic_bool *cancel);
/* Now as RFC 3339 in UTC, "2026-01-31T12:00:00Z". */
void vanta_time_now(char out[VANTA_TIME_TEXT_MAX]);
/* Seconds since 1970 of an RFC 3339 time (upper-case T), or of an HTTP date in the form of
 * RFC 9110's IMF-fixdate; false when it is neither. */
bool vanta_time_parse_rfc3339(const char *text, int64_t *seconds);
bool vanta_time_parse_http(const char *text, int64_t *seconds);

#endif
