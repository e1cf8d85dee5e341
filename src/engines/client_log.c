/* client_log.c - the talk of a helper: its end is kept, a file may get it all. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "engines/client_private.h"

enum vanta_status client_log_open(struct client_log *log, const char *path,
                                  int *write_end, struct vanta_error *err)
{
    int ends[2];

    log->pipe = log->file = -1;
    if (path) {
        log->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log->file < 0)
            return vanta_fail_errno(err, errno, "%s", path);
    }
    if (pipe(ends) != 0)
        return vanta_fail_errno(err, errno, "making a pipe for the engine's log");
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    log->pipe = ends[0];
    *write_end = ends[1];
    return VANTA_OK;
}

static void keep(struct client_log *log, const char *data, size_t n)
{
    size_t over;

    if (n > sizeof log->kept) {
        data += n - sizeof log->kept;
        n = sizeof log->kept;
    }
    if (log->n_kept + n > sizeof log->kept) {
        over = log->n_kept + n - sizeof log->kept;
        memmove(log->kept, log->kept + over, log->n_kept - over);
        log->n_kept -= over;
    }
    memcpy(log->kept + log->n_kept, data, n);
    log->n_kept += n;
}

/* A flood goes no further than one round of reads; a full disk ends the file, not the
 * work. */
void client_log_drain(struct client_log *log)
{
    char data[8192];
    ssize_t got;
    int round;

    for (round = 0; log->pipe >= 0 && round < 64; round++) {
        got = read(log->pipe, data, sizeof data);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0) {
            close(log->pipe);
            log->pipe = -1;
        }
        if (got <= 0)
            return;
        keep(log, data, (size_t)got);
        if (log->file >= 0 && log->file_bytes < CLIENT_LOG_FILE_MAX &&
            write(log->file, data, (size_t)got) > 0)
            log->file_bytes += (uint64_t)got;
    }
}

void client_log_tail(const struct client_log *log, char *out, size_t size)
{
    size_t start = log->n_kept, used = 0, len;
    char line[512];

    /* Back to the first line from which on all fit, each with its separator. */
    while (start > 0) {
        size_t begin = start - 1;

        while (begin > 0 && log->kept[begin - 1] != '\n')
            begin--;
        if (used + (start - begin) + 3 >= size)
            break;
        used += start - begin + 3;
        start = begin;
    }
    out[0] = '\0';
    used = 0;
    while (start < log->n_kept) {
        const char *end = memchr(log->kept + start, '\n', log->n_kept - start);
        size_t n = end ? (size_t)(end - (log->kept + start)) : log->n_kept - start;

        len = n < sizeof line - 1 ? n : sizeof line - 1;
        memcpy(line, log->kept + start, len);
        line[len] = '\0';
        start += n + 1;
        if (line[strspn(line, " \t\r")] == '\0')
            continue;
        if (used > 0 && used + 3 < size) {
            memcpy(out + used, " | ", 4);
            used += 3;
        }
        if (used + 1 < size)
            used += vanta_text_printable(line, out + used, size - used);
    }
}

bool client_log_mentions(const struct client_log *log, const char *words)
{
    size_t n = strlen(words), i;

    for (i = 0; i + n <= log->n_kept; i++)
        if (memcmp(log->kept + i, words, n) == 0)
            return true;
    return false;
}

void client_log_close(struct client_log *log)
{
    client_log_drain(log);
    if (log->pipe >= 0)
        close(log->pipe);
    if (log->file >= 0)
        close(log->file);
    log->pipe = log->file = -1;
}
