/*
 * pace.h - no more than so many bytes a second, over all that share it.
 *
 *     vanta_pace_init(&pace, 2000000);          // 0: no limit
 *     vanta_pace_take(&pace, len, cancel);      // after len bytes came: sleeps when too many
 *
 * Who is held back reads no more from its connection, and TCP tells the sender. Up to a
 * quarter of a second's bytes may come at once. Threads: any.
 */
#ifndef VANTA_FETCH_PACE_H
#define VANTA_FETCH_PACE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct vanta_pace {
    pthread_mutex_t mutex;
    int64_t bytes_per_second;
    int64_t free_us; /* when what was taken is paid for */
};

void vanta_pace_init(struct vanta_pace *pace, int64_t bytes_per_second);
void vanta_pace_free(struct vanta_pace *pace);
void vanta_pace_take(struct vanta_pace *pace, uint64_t bytes, const atomic_bool *cancel);

#endif
