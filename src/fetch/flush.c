#include "fetch/flush.h"

#include <errno.h>
#include <string.h>

#include "base/platform.h"

#define STACK_BYTES ((size_t)64 * 1024)

static void *flush(void *arg)
{
    struct vanta_flush *f = arg;

    pthread_mutex_lock(&f->mutex);
    while (!f->stop) {
        int failed;

        if (!f->asked) {
            pthread_cond_wait(&f->changed, &f->mutex);
            continue;
        }
        pthread_mutex_unlock(&f->mutex);
        failed = vanta_platform_fsync(f->fd) != 0 ? errno : 0;
        pthread_mutex_lock(&f->mutex);
        f->asked = false;
        f->done = !failed;
        f->failed = failed;
    }
    pthread_mutex_unlock(&f->mutex);
    return NULL;
}

static void start(struct vanta_flush *f)
{
    pthread_attr_t attributes;

    pthread_mutex_init(&f->mutex, NULL);
    pthread_cond_init(&f->changed, NULL);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    f->started = pthread_create(&f->thread, &attributes, flush, f) == 0;
    pthread_attr_destroy(&attributes);
    if (f->started)
        return;
    pthread_mutex_destroy(&f->mutex);
    pthread_cond_destroy(&f->changed);
}

bool vanta_flush_busy(struct vanta_flush *f)
{
    bool busy;

    if (!f->started)
        return false;
    pthread_mutex_lock(&f->mutex);
    busy = f->asked || f->done || f->failed;
    pthread_mutex_unlock(&f->mutex);
    return busy;
}

void vanta_flush_ask(struct vanta_flush *f, int fd, unsigned mark)
{
    if (!f->started)
        start(f);
    if (!f->started)
        return;
    pthread_mutex_lock(&f->mutex);
    f->fd = fd;
    f->mark = mark;
    f->asked = true;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->mutex);
}

bool vanta_flush_done(struct vanta_flush *f, unsigned *mark)
{
    bool done;

    if (!f->started)
        return false;
    pthread_mutex_lock(&f->mutex);
    done = f->done;
    f->done = false;
    *mark = f->mark;
    pthread_mutex_unlock(&f->mutex);
    return done;
}

int vanta_flush_failed(struct vanta_flush *f)
{
    int failed;

    if (!f->started)
        return 0;
    pthread_mutex_lock(&f->mutex);
    failed = f->failed;
    pthread_mutex_unlock(&f->mutex);
    return failed;
}

int vanta_flush_end(struct vanta_flush *f)
{
    int failed;

    if (!f->started)
        return 0;
    pthread_mutex_lock(&f->mutex);
    f->stop = true;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->mutex);
    pthread_join(f->thread, NULL);
    pthread_mutex_destroy(&f->mutex);
    pthread_cond_destroy(&f->changed);
    failed = f->failed;
    memset(f, 0, sizeof *f);
    return failed;
}
