#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

#define TRY_MS 20
#define TELL_EVERY 10 /* tries */

static long read_owner(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);

    if (n <= 0)
        return 0;
    text[n] = '\0';
    return strtol(text, NULL, 10);
}

static void write_owner(int fd)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return; /* the text is a courtesy; the lock is the flock */
}

enum vanta_status vanta_lock_acquire(struct vanta_lock *lock, const char *path,
                                     int64_t wait_ms, const atomic_bool *cancel,
                                     vanta_lock_waiting *waiting, void *arg,
                                     struct vanta_error *err)
{
    int64_t end = vanta_clock_ms() + wait_ms;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    long owner = 0;
    unsigned tries = 0;

    lock->held = 0;
    if (fd < 0)
        return vanta_fail_errno(err, errno, "%s", path);
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK) {
            int failed = errno;

            close(fd);
            return vanta_fail_errno(err, failed, "locking %s", path);
        }
        owner = read_owner(fd);
        if (waiting && tries++ % TELL_EVERY == 0)
            waiting(arg, path, owner);
        if (wait_ms >= 0 && vanta_clock_ms() >= end) {
            close(fd);
            return vanta_fail(err, VANTA_ERR_BUSY, "%s is held by process %ld", path,
                              owner);
        }
        if (!vanta_clock_sleep_ms(TRY_MS, cancel)) {
            close(fd);
            return vanta_fail(err, VANTA_ERR_CANCELLED, "stopped while waiting for %s",
                              path);
        }
    }
    write_owner(fd);
    lock->fd = fd;
    lock->held = 1;
    return VANTA_OK;
}

void vanta_lock_release(struct vanta_lock *lock)
{
    if (!lock->held)
        return;
    close(lock->fd);
    lock->held = 0;
}
