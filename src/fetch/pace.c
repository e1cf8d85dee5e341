#include "fetch/pace.h"

#include "base/clock.h"

#define BURST_US 250000

void vanta_pace_init(struct vanta_pace *pace, int64_t bytes_per_second)
{
    pthread_mutex_init(&pace->mutex, NULL);
    pace->bytes_per_second = bytes_per_second;
    pace->free_us = 0;
}

void vanta_pace_free(struct vanta_pace *pace)
{
    pthread_mutex_destroy(&pace->mutex);
}

void vanta_pace_take(struct vanta_pace *pace, uint64_t bytes, const atomic_bool *cancel)
{
    int64_t now, wait;

    if (pace->bytes_per_second <= 0)
        return;
    now = vanta_clock_ms() * 1000;
    pthread_mutex_lock(&pace->mutex);
    if (pace->free_us < now - BURST_US)
        pace->free_us = now - BURST_US;
    pace->free_us +=
        (int64_t)((double)bytes * 1000000.0 / (double)pace->bytes_per_second);
    wait = (pace->free_us - now) / 1000;
    pthread_mutex_unlock(&pace->mutex);
    if (wait > 0)
        vanta_clock_sleep_ms(wait, cancel);
}
