/*
 * xtts_share.h - a loop shared out among threads, which are made for it.
 *
 *     xtts_share(threads, n, body, user);      // body(user, low, high) over all of 0..n
 *
 * Each thread gets one run of neighbours; where no thread can be made the caller does its
 * part too. For loops of a millisecond and more. Returns when all are done.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_SHARE_H
#define VANTA_ENGINES_HELPER_XTTS_SHARE_H

#include <stddef.h>

#define XTTS_SHARE_MAX 64 /* threads */

typedef void xtts_share_body(void *user, size_t low, size_t high);

void xtts_share(unsigned threads, size_t n, xtts_share_body *body, void *user);

#endif
