#include "fetch/retry.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define DELAY_CAP 15
#define STALE_DELAYS 90

bool vanta_retry_status(int http_status)
{
    return http_status == 408 || http_status == 425 || http_status == 429 ||
           (http_status >= 500 && http_status <= 599 && http_status != 501 &&
            http_status != 505);
}

int64_t vanta_retry_delay_ms(int64_t base_ms, unsigned attempt, double random)
{
    int64_t delay = base_ms;

    while (attempt-- > 0 && delay < base_ms * DELAY_CAP)
        delay *= 2;
    if (delay > base_ms * DELAY_CAP)
        delay = base_ms * DELAY_CAP;
    return (int64_t)((double)delay * (0.5 + random));
}

double vanta_retry_random(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static uint64_t state;
    uint64_t x;

    pthread_mutex_lock(&mutex);
    if (state == 0)
        state = ((uint64_t)getpid() << 32) ^ (uint64_t)vanta_clock_ms() ^
                0x9e3779b97f4a7c15u;
    /* xorshift64: spreading tries needs no better. */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    x = state;
    pthread_mutex_unlock(&mutex);
    return (double)(x >> 11) / 9007199254740992.0;
}

void vanta_hosts_init(struct vanta_hosts *hosts, int64_t base_ms)
{
    memset(hosts, 0, sizeof *hosts);
    hosts->base_ms = base_ms;
    pthread_mutex_init(&hosts->mutex, NULL);
}

void vanta_hosts_free(struct vanta_hosts *hosts)
{
    pthread_mutex_destroy(&hosts->mutex);
}

static struct vanta_host *find(struct vanta_hosts *hosts, const char *origin)
{
    size_t i;

    for (i = 0; i < hosts->n; i++)
        if (strcmp(hosts->hosts[i].origin, origin) == 0)
            return &hosts->hosts[i];
    return NULL;
}

/* When the table is full, the host that failed longest ago makes room: what is lost is
 * a hint, not a rule. */
static struct vanta_host *find_or_add(struct vanta_hosts *hosts, const char *origin)
{
    struct vanta_host *host = find(hosts, origin);
    size_t i;

    if (host)
        return host;
    if (hosts->n < VANTA_HOSTS_MAX) {
        host = &hosts->hosts[hosts->n++];
    } else {
        host = &hosts->hosts[0];
        for (i = 1; i < hosts->n; i++)
            if (hosts->hosts[i].failed_ms < host->failed_ms)
                host = &hosts->hosts[i];
    }
    memset(host, 0, sizeof *host);
    snprintf(host->origin, sizeof host->origin, "%s", origin);
    return host;
}

static bool is_stale(const struct vanta_hosts *hosts, const struct vanta_host *host,
                     int64_t now)
{
    return now - host->failed_ms > hosts->base_ms * STALE_DELAYS;
}

void vanta_hosts_failed(struct vanta_hosts *hosts, const char *origin, int64_t now,
                        const struct vanta_error *why)
{
    struct vanta_host *host;

    pthread_mutex_lock(&hosts->mutex);
    host = find_or_add(hosts, origin);
    if (host->down_since_ms == 0 || is_stale(hosts, host, now)) {
        host->down_since_ms = now;
        host->failures = 0;
    }
    /* Several files that fail at the same moment are one failure. */
    if (host->failures == 0 || now >= host->next_ms) {
        host->next_ms = now + vanta_retry_delay_ms(hosts->base_ms, host->failures,
                                                   vanta_retry_random());
        host->failures++;
    }
    host->failed_ms = now;
    host->error = *why;
    pthread_mutex_unlock(&hosts->mutex);
}

void vanta_hosts_worked(struct vanta_hosts *hosts, const char *origin)
{
    struct vanta_host *host;

    pthread_mutex_lock(&hosts->mutex);
    host = find(hosts, origin);
    if (host) {
        host->down_since_ms = 0;
        host->failures = 0;
    }
    pthread_mutex_unlock(&hosts->mutex);
}

void vanta_hosts_busy(struct vanta_hosts *hosts, const char *origin, int64_t until_ms)
{
    struct vanta_host *host;

    pthread_mutex_lock(&hosts->mutex);
    host = find_or_add(hosts, origin);
    if (until_ms > host->busy_until_ms)
        host->busy_until_ms = until_ms;
    pthread_mutex_unlock(&hosts->mutex);
}

bool vanta_hosts_get(struct vanta_hosts *hosts, const char *origin, int64_t now,
                     struct vanta_host *out)
{
    struct vanta_host *host;

    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&hosts->mutex);
    host = find(hosts, origin);
    if (host)
        *out = *host;
    if (host && is_stale(hosts, host, now))
        out->down_since_ms = 0;
    pthread_mutex_unlock(&hosts->mutex);
    return host != NULL;
}

bool vanta_hosts_try(struct vanta_hosts *hosts, const char *origin, int64_t now)
{
    struct vanta_host *host;
    bool mine = true;

    pthread_mutex_lock(&hosts->mutex);
    host = find(hosts, origin);
    if (host && host->down_since_ms != 0 && !is_stale(hosts, host, now)) {
        mine = now >= host->next_ms;
        if (mine) {
            /* Others stay away while this one tries: the longest a try can take is not
             * known here, so the next delay is what they wait. */
            host->failures++;
            host->next_ms = now + vanta_retry_delay_ms(hosts->base_ms, host->failures,
                                                       vanta_retry_random());
        }
    }
    pthread_mutex_unlock(&hosts->mutex);
    return mine;
}
