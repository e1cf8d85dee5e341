/*
 * flush.h - waits for the disk on a thread of its own, so that a transfer does not.
 *
 *     vanta_flush_ask(&f, fd, mark);            // once nothing is asked any more
 *     if (vanta_flush_done(&f, &mark)) ...      // what was written when mark was asked for
 *                                               // is on the disk
 *     vanta_flush_end(&f);
 *
 * A failed fsync is not told: it never is done then, and the last one, at the file's end,
 * tells. Threads: one caller beside its own, which starts with the first question.
 */
#ifndef VANTA_FETCH_FLUSH_H
#define VANTA_FETCH_FLUSH_H

#include <pthread.h>
#include <stdbool.h>

struct vanta_flush {
    bool started;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int fd;
    unsigned mark;
    bool asked, done, stop;
};

bool vanta_flush_busy(struct vanta_flush *f);
void vanta_flush_ask(struct vanta_flush *f, int fd, unsigned mark);
bool vanta_flush_done(struct vanta_flush *f, unsigned *mark);
/* Waits for a flush that runs. Zeroed: fine. */
void vanta_flush_end(struct vanta_flush *f);

#endif
