#include "fetch/slots.h"

#include <stddef.h>
#include <unistd.h>

struct vanta_slots_waiter {
    uint64_t bytes;
    bool client;
    struct vanta_slots_waiter *next;
};

void vanta_slots_init(struct vanta_slots *slots, unsigned jobs, unsigned starts)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    pthread_mutex_init(&slots->mutex, NULL);
    pthread_cond_init(&slots->changed, NULL);
    if (starts == 0)
        starts = processors > 3 ? (unsigned)processors / 2 : 1;
    slots->free = jobs;
    slots->starts_free = starts;
    slots->waiters = NULL;
}

void vanta_slots_free(struct vanta_slots *slots)
{
    pthread_mutex_destroy(&slots->mutex);
    pthread_cond_destroy(&slots->changed);
}

/* Of those that could go now, the one whose turn it is. */
static const struct vanta_slots_waiter *first(const struct vanta_slots *slots)
{
    const struct vanta_slots_waiter *w, *best = NULL;

    if (slots->free == 0)
        return NULL;
    for (w = slots->waiters; w; w = w->next)
        if ((!w->client || slots->starts_free > 0) && (!best || w->bytes < best->bytes))
            best = w;
    return best;
}

bool vanta_slots_take(struct vanta_slots *slots, uint64_t bytes, bool client,
                      const atomic_bool *cancel)
{
    struct vanta_slots_waiter self = {bytes, client, NULL}, **at;
    bool taken;

    pthread_mutex_lock(&slots->mutex);
    for (at = &slots->waiters; *at; at = &(*at)->next)
        continue;
    *at = &self;
    /* Those who hold a slot give it back soon after a cancel. */
    while (first(slots) != &self)
        pthread_cond_wait(&slots->changed, &slots->mutex);
    for (at = &slots->waiters; *at != &self; at = &(*at)->next)
        continue;
    *at = self.next;
    taken = !cancel || !atomic_load(cancel);
    if (taken) {
        slots->free--;
        slots->starts_free -= client;
    }
    pthread_cond_broadcast(&slots->changed);
    pthread_mutex_unlock(&slots->mutex);
    return taken;
}

void vanta_slots_started(struct vanta_slots *slots)
{
    pthread_mutex_lock(&slots->mutex);
    slots->starts_free++;
    pthread_cond_broadcast(&slots->changed);
    pthread_mutex_unlock(&slots->mutex);
}

void vanta_slots_give(struct vanta_slots *slots)
{
    pthread_mutex_lock(&slots->mutex);
    slots->free++;
    pthread_cond_broadcast(&slots->changed);
    pthread_mutex_unlock(&slots->mutex);
}
