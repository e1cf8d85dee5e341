#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

/* Of <linux/close_range.h>, which older systems lack. */
#define CLOSE_RANGE_CLOEXEC_BIT (1U << 2)
/* Looked through one by one where the system cannot do it at once. */
#define DESCRIPTORS_MAX 65536

extern char **environ;

static void die_with(pid_t parent)
{
#if defined(__linux__)
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent) /* it ended before we could ask */
        _exit(127);
}

/* Libraries open descriptors that are not close-on-exec (libcurl its sockets): whatever is
 * open here, the program gets no more than the first three. */
static void hide_descriptors(void)
{
    long max, fd;

#if defined(__linux__) && defined(SYS_close_range)
    if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC_BIT) == 0)
        return;
#endif
    max = sysconf(_SC_OPEN_MAX);
    if (max < 0 || max > DESCRIPTORS_MAX)
        max = DESCRIPTORS_MAX;
    for (fd = 3; fd < max; fd++)
        fcntl((int)fd, F_SETFD, FD_CLOEXEC);
}

static void limit(int resource, rlim_t most)
{
    struct rlimit now;

    if (getrlimit(resource, &now) != 0)
        return;
    if (now.rlim_max == RLIM_INFINITY || now.rlim_max > most)
        now.rlim_max = most;
    now.rlim_cur = now.rlim_max;
    setrlimit(resource, &now);
}

/* Where fd is not in the way of the descriptors that the program gets. */
static int out_of_the_way(int fd)
{
    return fd <= VANTA_PROCESS_CHANNEL_FD
               ? fcntl(fd, F_DUPFD, VANTA_PROCESS_CHANNEL_FD + 1)
               : fd;
}

static bool give_channel(int fd)
{
    return fd == 0 || dup2(fd, VANTA_PROCESS_CHANNEL_FD) == VANTA_PROCESS_CHANNEL_FD;
}

/* Only what is safe between fork and exec. The reason of a failure goes up the pipe. */
static void child(const struct vanta_process_spec *spec, pid_t parent, int report)
{
    static const int reset[] = {SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGQUIT, SIGCHLD};
    const char *output = spec->output ? spec->output : "/dev/null";
    int in, out, failed, channel = spec->channel_fd;
    sigset_t none;
    size_t i;

    report = out_of_the_way(report);
    if (channel)
        channel = out_of_the_way(channel);
    if (spec->die_with_parent)
        die_with(parent);
    setpgid(0, 0);
    for (i = 0; i < sizeof reset / sizeof reset[0]; i++)
        signal(reset[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    in = open("/dev/null", O_RDONLY);
    if (spec->output_fd)
        out = out_of_the_way(spec->output_fd);
    else
        out = open(output, O_WRONLY | (spec->output ? O_CREAT | O_TRUNC : 0), 0600);
    if (spec->data_limit_bytes)
        limit(RLIMIT_DATA, (rlim_t)spec->data_limit_bytes);
    if (spec->no_core)
        limit(RLIMIT_CORE, 0);
    hide_descriptors();
    if (in >= 0 && out >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 &&
        dup2(out, 2) == 2 && give_channel(channel) &&
        (!spec->cwd || chdir(spec->cwd) == 0))
        execve(spec->argv[0], (char *const *)spec->argv,
               spec->envp ? (char *const *)spec->envp : environ);
    failed = errno;
    while (write(report, &failed, sizeof failed) < 0 && errno == EINTR)
        continue;
    _exit(127);
}

/* The child, and the end of the pipe that says why it could not become the program (or
 * ends when it did). One thread at a time: a child of another thread that was forked
 * between pipe and fcntl would keep the pipe open for as long as it runs. */
static pid_t fork_child(const struct vanta_process_spec *spec, int *report)
{
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
    pid_t pid, parent = getpid();
    int ends[2], failed;

    pthread_mutex_lock(&one);
    if (pipe(ends) != 0) {
        failed = errno;
        pthread_mutex_unlock(&one);
        errno = failed;
        return -1;
    }
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    pid = fork();
    if (pid == 0)
        child(spec, parent, ends[1]);
    failed = errno;
    pthread_mutex_unlock(&one);
    close(ends[1]);
    if (pid < 0)
        close(ends[0]);
    errno = failed;
    *report = ends[0];
    return pid;
}

enum vanta_status vanta_process_start(struct vanta_process *process,
                                      const struct vanta_process_spec *spec,
                                      struct vanta_error *err)
{
    int report = -1, failed = 0;
    ssize_t n;
    pid_t pid;

    memset(process, 0, sizeof *process);
    pid = fork_child(spec, &report);
    if (pid < 0)
        return vanta_fail_errno(err, errno, "starting %s", spec->argv[0]);
    setpgid(pid, pid); /* the child does it too: whoever comes first */
    do
        n = read(report, &failed, sizeof failed);
    while (n < 0 && errno == EINTR);
    close(report);
    if (n == (ssize_t)sizeof failed) {
        waitpid(pid, NULL, 0);
        return vanta_fail(err, VANTA_ERR_TOOL, "starting %s: %s", spec->argv[0],
                          strerror(failed));
    }
    process->pid = pid;
    return VANTA_OK;
}

/* Only looks: an ended leader stays a zombie, so that its number, and its group's, are
 * nobody else's yet. Negative: there is no such child. */
static int has_ended(pid_t pid)
{
    siginfo_t info;
    int got;

    do {
        memset(&info, 0, sizeof info);
        got = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (got != 0 && errno == EINTR);
    return got != 0 ? -1 : info.si_pid == pid;
}

static bool collect(struct vanta_process *process)
{
    int state = 0, seen;
    pid_t got = -1;

    if (process->pid == 0)
        return true;
    seen = has_ended(process->pid);
    if (seen == 0)
        return false;
    if (seen > 0) {
        kill(-process->pid, SIGKILL); /* what it left behind; none: no harm */
        do
            got = waitpid(process->pid, &state, 0);
        while (got < 0 && errno == EINTR);
    }
    process->ended = true;
    process->pid = 0;
    if (got < 0)
        process->exit_code = 127;
    else
        process->exit_code =
            WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    if (got >= 0 && WIFSIGNALED(state))
        process->signal = WTERMSIG(state);
    return true;
}

bool vanta_process_wait(struct vanta_process *process, int64_t timeout_ms)
{
    int64_t end = vanta_clock_ms() + timeout_ms;

    while (!collect(process)) {
        int64_t left = end - vanta_clock_ms();

        if (left <= 0)
            return false;
        vanta_clock_sleep_ms(left < 10 ? left : 10, NULL);
    }
    return true;
}

void vanta_process_kill(struct vanta_process *process)
{
    if (process->pid == 0)
        return;
    kill(-process->pid, SIGKILL);
    vanta_process_wait(process, 5000);
}

void vanta_process_stop(struct vanta_process *process)
{
    /* Also one that ended by itself: collecting it ends its group. */
    if (vanta_process_wait(process, 0))
        return;
    kill(-process->pid, SIGTERM);
    if (vanta_process_wait(process, 2000))
        return;
    kill(-process->pid, SIGKILL);
    vanta_process_wait(process, 5000);
}

bool vanta_program_find(const char *name, char out[VANTA_PATH_MAX])
{
    const char *path = getenv("PATH");

    if (!path)
        path = "/usr/local/bin:/usr/bin:/bin";
    while (*path) {
        size_t len = strcspn(path, ":");
        struct stat st;

        if (path[0] == '/' &&
            vanta_format(out, VANTA_PATH_MAX, "%.*s/%s", (int)len, path, name) &&
            access(out, X_OK) == 0 && stat(out, &st) == 0 && S_ISREG(st.st_mode))
            return true;
        path += len + (path[len] == ':');
    }
    out[0] = '\0';
    return false;
}
