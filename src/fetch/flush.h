/*
 * flush.h - waits for the disk on a thread of its own, so that a transfer does not.
 *
 *     vanta_flush_ask(&f, fd, mark);            // once nothing is asked any more
 *     if (vanta_flush_done(&f, &mark)) ...      // what was written when mark was asked for
 *                                               // is on the disk
 *     failed = vanta_flush_end(&f);             // the errno of one that failed, or 0
 *
 * A failed fsync must be heard of here: the system tells of a lost write once, and the next
 * fsync of the same file is fine again. It stays busy then, and never is done. Threads:
 * one caller beside its own, which starts with the first question.
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
    int failed;
};

bool vanta_flush_busy(struct vanta_flush *f);
void vanta_flush_ask(struct vanta_flush *f, int fd, unsigned mark);
bool vanta_flush_done(struct vanta_flush *f, unsigned *mark);
/* The errno of the flush that failed; 0: none has. */
int vanta_flush_failed(struct vanta_flush *f);
/* Waits for a flush that runs, and tells the same. Zeroed: fine. */
int vanta_flush_end(struct vanta_flush *f);

#endif
