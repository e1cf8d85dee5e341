/*
 * retry.h - when to try again, and which hosts not to try first.
 *
 * The table of hosts remembers which ones could not be reached (put off while another
 * source exists) and which ones asked for a pause. Hosts are named by origin
 * ("https://host"), package indexes by "index:pypi" and "index:npm". Thread-safe.
 */
#ifndef VANTA_FETCH_RETRY_H
#define VANTA_FETCH_RETRY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/url.h"
#include "vanta_error.h"

/* Statuses that another try may turn into a success: 408, 425, 429, and 5xx but for 501
 * and 505. */
bool vanta_retry_status(int http_status);

/* Backoff: base doubled attempt times (0: the first), at most 15 times base, then
 * spread over 50 % to 150 % by random (0 to 1), so that many clients do not come back at
 * once. */
int64_t vanta_retry_delay_ms(int64_t base_ms, unsigned attempt, double random);
/* A number from 0 to 1. */
double vanta_retry_random(void);

#define VANTA_HOSTS_MAX 64

struct vanta_host {
    char origin[VANTA_URL_ORIGIN_MAX];
    int64_t down_since_ms;  /* 0: not down */
    int64_t failed_ms;      /* the last failure */
    int64_t next_ms;        /* not before, when down */
    int64_t busy_until_ms;  /* it asked for a pause */
    unsigned failures;      /* in a row */
    struct vanta_error error; /* the last one */
};

struct vanta_hosts {
    pthread_mutex_t mutex;
    int64_t base_ms; /* the first delay */
    struct vanta_host hosts[VANTA_HOSTS_MAX];
    size_t n;
};

void vanta_hosts_init(struct vanta_hosts *hosts, int64_t base_ms);
void vanta_hosts_free(struct vanta_hosts *hosts);

/* It could not be reached; why is copied. */
void vanta_hosts_failed(struct vanta_hosts *hosts, const char *origin, int64_t now,
                        const struct vanta_error *why);
void vanta_hosts_worked(struct vanta_hosts *hosts, const char *origin);
void vanta_hosts_busy(struct vanta_hosts *hosts, const char *origin, int64_t until_ms);
/* A copy of what is known; false (and a zeroed copy) when nothing is. A failure long ago
 * (90 times the first delay) no longer counts. */
bool vanta_hosts_get(struct vanta_hosts *hosts, const char *origin, int64_t now,
                     struct vanta_host *out);
/* Takes the turn to try a host that is down: true for one caller, for the others only
 * once the host's next delay is over. */
bool vanta_hosts_try(struct vanta_hosts *hosts, const char *origin, int64_t now);

#endif
