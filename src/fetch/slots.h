/*
 * slots.h - how many files move at once, and whose turn it is (inside src/fetch).
 *
 * A slot stands for one file that moves, a starting place for one package client that is
 * started and has brought nothing yet: a client costs a second of computing before its
 * first byte, and several at once would keep each other, and the unpacking of what is
 * there already, from the processors. Who waits gets its turn in the order of bytes (the
 * size of all that its call wants), so that a small model's files never wait behind those
 * of a large one; equals in the order in which they came.
 *
 *     vanta_slots_init(&slots, jobs, starts);
 *     vanta_slots_take(&slots, bytes, true, cancel);  // waits
 *     vanta_slots_started(&slots);                    // once, for a client
 *     vanta_slots_give(&slots);
 *
 * Threads: any. Cost: a waiting list of as many entries as there are threads that wait.
 */
#ifndef VANTA_FETCH_SLOTS_H
#define VANTA_FETCH_SLOTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct vanta_slots_waiter;

struct vanta_slots {
    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t changed;
    unsigned free;
    unsigned starts_free;
    struct vanta_slots_waiter *waiters; /* in the order in which they came */
};

/* starts 0: half of the processors, at least one. */
void vanta_slots_init(struct vanta_slots *slots, unsigned jobs, unsigned starts);
void vanta_slots_free(struct vanta_slots *slots);

/* Waits for a slot; with client for a starting place too. False: cancel (may be NULL) was
 * set meanwhile, and nothing was taken. */
bool vanta_slots_take(struct vanta_slots *slots, uint64_t bytes, bool client,
                      const atomic_bool *cancel);
/* The client needs its starting place no more. */
void vanta_slots_started(struct vanta_slots *slots);
void vanta_slots_give(struct vanta_slots *slots);

#endif
