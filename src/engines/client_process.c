/* client_process.c - a helper's start, what is watched while it works, its end. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <libproc.h>
#endif

#include "base/clock.h"
#include "base/error.h"
#include "base/platform.h"
#include "base/text.h"
#include "engines/client_private.h"

#define SLICE_MS 100 /* each look costs a core that the engine uses */
#define SAMPLE_MS 200
/* What RLIMIT_DATA allows above the limit: it counts what is reserved, stacks of threads
 * among it, and the watch on resident memory is the judge. */
#define DATA_SLACK_BYTES ((uint64_t)512 * 1024 * 1024)

/* --- memory --- */

#if defined(__linux__)
/* A "Name:   123 kB" line of /proc/PID/status. */
static uint64_t status_bytes(pid_t pid, const char *name)
{
    char path[64], line[256];
    uint64_t bytes = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    file = fopen(path, "re");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (vanta_has_prefix(line, name))
            bytes = strtoull(line + strlen(name), NULL, 10) * 1024;
    fclose(file);
    return bytes;
}

/* Pages of files that are mapped, weights among them, can be dropped at any time: the
 * need is what is anonymous. */
static bool read_memory(pid_t pid, uint64_t *need, uint64_t *peak)
{
    *need = status_bytes(pid, "RssAnon:");
    *peak = status_bytes(pid, "VmHWM:");
    return *peak > 0;
}
#elif defined(__APPLE__)
static bool read_memory(pid_t pid, uint64_t *need, uint64_t *peak)
{
    struct rusage_info_v4 usage;

    if (proc_pid_rusage(pid, RUSAGE_INFO_V4, (rusage_info_t *)&usage) != 0)
        return false;
    *need = usage.ri_phys_footprint;
    *peak = usage.ri_lifetime_max_phys_footprint;
    return true;
}
#else
static bool read_memory(pid_t pid, uint64_t *need, uint64_t *peak)
{
    (void)pid;
    (void)need;
    (void)peak;
    return false;
}
#endif

static void fail_memory_limit(struct vanta_engine *engine, uint64_t need,
                              struct vanta_error *err)
{
    char has[VANTA_SIZE_TEXT_MAX], most[VANTA_SIZE_TEXT_MAX];

    vanta_fail(err, VANTA_ERR_NO_MEMORY,
               "the engine took %s of memory besides the mapped weights; the limit is %s",
               vanta_size_text(need, has), vanta_size_text(engine->limit_bytes, most));
    vanta_hint(err, "Close other programs, use a shorter context, or take a smaller "
                    "model or quantization.");
}

static enum vanta_status sample_memory(struct vanta_engine *engine,
                                       struct vanta_error *err)
{
    uint64_t need = 0, peak = 0;

    if (!engine->process.pid || !read_memory(engine->process.pid, &need, &peak))
        return VANTA_OK;
    if (peak > engine->peak_bytes)
        engine->peak_bytes = peak;
    if (need <= engine->limit_bytes)
        return VANTA_OK;
    fail_memory_limit(engine, need, err);
    return VANTA_ERR_NO_MEMORY;
}

uint64_t vanta_engine_peak_bytes(struct vanta_engine *engine)
{
    sample_memory(engine, NULL);
    return engine->peak_bytes;
}

/* --- the start --- */

/* What the helper may know of our environment: no token, key, proxy nor loader path. */
static const char *const allowed[] = {"LANG", "LC_ALL", "LC_CTYPE", "TMPDIR"};
#define N_ALLOWED (sizeof allowed / sizeof allowed[0])

/* Of libgomp: how often a thread that waits for others looks before it sleeps. Where it
 * spins for milliseconds, as it does otherwise, two programs at work make a language model
 * ten times slower and more; where it sleeps at once, cores that are free give three
 * quarters of their speed. Some ten microseconds keep both. */
#define WAIT_POLICY "GOMP_SPINCOUNT=10000"

static void environment_free(char **envp)
{
    size_t i;

    for (i = 0; envp && envp[i]; i++)
        free(envp[i]);
    free(envp);
}

static char **environment(void)
{
    char **envp = calloc(N_ALLOWED + 3, sizeof *envp);
    size_t i, n = 0;

    if (!envp)
        return NULL;
    envp[n] = vanta_strdup("PATH=/usr/bin:/bin");
    if (envp[n])
        envp[++n] = vanta_strdup(WAIT_POLICY);
    for (i = 0; i < N_ALLOWED && envp[n]; i++) {
        const char *value = getenv(allowed[i]);

        if (value)
            envp[++n] = vanta_strf("%s=%s", allowed[i], value);
    }
    if (envp[n])
        return envp;
    environment_free(envp);
    return NULL;
}

static uint64_t data_limit(const struct vanta_engine *engine)
{
#if defined(__SANITIZE_ADDRESS__) || !defined(__linux__)
    (void)engine; /* the sanitizer reserves more than any machine has */
    return 0;
#else
    return engine->limit_bytes + engine->limit_bytes / 4 + DATA_SLACK_BYTES;
#endif
}

enum vanta_status client_process_start(struct vanta_engine *engine, const char *program,
                                       const char *log, struct vanta_error *err)
{
    const char *argv[] = {program, "--serve", "3", NULL};
    int ends[2] = {-1, -1}, talk = -1;
    struct vanta_process_spec spec;
    enum vanta_status status;
    char **envp = environment();

    if (!envp)
        return vanta_fail_memory(err);
    status = client_log_open(&engine->log, log, &talk, err);
    if (status != VANTA_OK)
        goto out;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        status = vanta_fail_errno(err, errno, "making a channel to the engine");
        goto out;
    }
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    spec = (struct vanta_process_spec){
        .argv = argv,
        .envp = (const char *const *)envp,
        .cwd = "/",
        .output_fd = talk,
        .channel_fd = ends[1],
        .data_limit_bytes = data_limit(engine),
        .no_core = true,
        .die_with_parent = true,
    };
    status = vanta_process_start(&engine->process, &spec, err);
    if (status != VANTA_OK) {
        vanta_hint(err, "The engines are built by scripts/setup_all_models.sh or by "
                        "\"make engine\".");
        goto out;
    }
    engine->fd = ends[0];
    ends[0] = -1;
out:
    if (ends[0] >= 0)
        close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
    if (talk >= 0)
        close(talk);
    environment_free(envp);
    return status;
}

/* --- while it works --- */

static enum vanta_status ready_now(void *arg, struct vanta_error *err)
{
    struct vanta_engine *engine = arg;
    struct pollfd poll_fd = {.fd = engine->fd, .events = POLLOUT};

    if (poll(&poll_fd, 1, 0) == 1)
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_BUSY, "the engine does not read");
}

/* A helper that does not even take this is ended by the grace. */
static void send_cancel(struct vanta_engine *engine)
{
    json_t *message = json_pack("{s:I}", "cancel", (json_int_t)engine->id);

    engine->cancel_sent = true;
    if (message)
        vanta_frame_write_waiting(engine->fd, message, NULL, 0, ready_now, engine, NULL);
    json_decref(message);
}

static enum vanta_status check_cancel(struct vanta_engine *engine, short events,
                                      int64_t now, struct vanta_error *err)
{
    const atomic_bool *flag = engine->options.cancel;

    if (!engine->cancelling && flag && atomic_load(flag)) {
        engine->cancelling = true;
        engine->cancel_ms = now;
    }
    if (!engine->cancelling)
        return VANTA_OK;
    if (!engine->cancel_sent && events == POLLIN && engine->id > 0)
        send_cancel(engine);
    if (now - engine->cancel_ms < CLIENT_GRACE_MS && engine->id > 0)
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_CANCELLED, "cancelled");
}

static enum vanta_status check(struct vanta_engine *engine, short events,
                               struct vanta_error *err)
{
    int64_t now = vanta_clock_ms();
    enum vanta_status status = check_cancel(engine, events, now, err);

    if (status != VANTA_OK)
        return status;
    if (now - engine->heard_ms >= engine->silence_ms) {
        char time[VANTA_SIZE_TEXT_MAX];

        return vanta_fail(err, VANTA_ERR_BUSY, "the engine said nothing for %s: it hangs",
                          vanta_duration_text(engine->silence_ms, time));
    }
    if (now - engine->sampled_ms < SAMPLE_MS)
        return VANTA_OK;
    engine->sampled_ms = now;
    return sample_memory(engine, err);
}

static enum vanta_status wait_for(struct vanta_engine *engine, short events,
                                  struct vanta_error *err)
{
    for (;;) {
        struct pollfd fds[2] = {{.fd = engine->fd, .events = events},
                                {.fd = engine->log.pipe, .events = POLLIN}};
        enum vanta_status status = check(engine, events, err);

        if (status != VANTA_OK)
            return status;
        if (poll(fds, 2, SLICE_MS) < 0 && errno != EINTR)
            return vanta_fail_errno(err, errno, "waiting for the engine");
        if (fds[1].revents)
            client_log_drain(&engine->log);
        if (fds[0].revents)
            return VANTA_OK;
    }
}

enum vanta_status client_wait_readable(void *engine, struct vanta_error *err)
{
    return wait_for(engine, POLLIN, err);
}

enum vanta_status client_wait_writable(void *engine, struct vanta_error *err)
{
    return wait_for(engine, POLLOUT, err);
}

/* --- the end --- */

static const struct {
    int signal;
    const char *what, *hint;
} deaths[] = {
    {SIGABRT, "gave up (SIGABRT)", "The model's file may be damaged or of a kind that "
                                   "the engine does not know: vanta verify checks it."},
    {SIGSEGV, "crashed (SIGSEGV)", "The model's file may be damaged: vanta verify checks "
                                   "it."},
    {SIGBUS, "crashed (SIGBUS)", "A file was cut short while it was read: vanta verify "
                                 "checks it."},
    {SIGFPE, "crashed (SIGFPE)", "The model's file may be damaged: vanta verify checks "
                                 "it."},
    {SIGILL, "met an instruction that this processor does not have (SIGILL)",
     "The engines were built for another machine: build them here."},
    {SIGSYS, "was stopped by its sandbox (SIGSYS)", ""},
};

/* Libraries say so before they abort. */
static bool ran_out_of_memory(const struct client_log *log)
{
    static const char *const words[] = {"out of memory", "failed to allocate",
                                        "bad_alloc", "Cannot allocate memory",
                                        "insufficient memory"};
    size_t i;

    for (i = 0; i < sizeof words / sizeof words[0]; i++)
        if (client_log_mentions(log, words[i]))
            return true;
    return false;
}

static enum vanta_status describe_signal(const struct vanta_engine *engine,
                                         const char *doing, struct vanta_error *err)
{
    const struct vanta_process *p = &engine->process;
    const char *what = NULL, *hint = "";
    size_t i;

    if (p->signal == SIGKILL) {
        vanta_fail(err, VANTA_ERR_NO_MEMORY,
                   "the engine was killed while %s, most likely by the system for want "
                   "of memory",
                   doing);
        vanta_hint(err, "Close other programs or take a smaller model.");
        return VANTA_ERR_NO_MEMORY;
    }
    for (i = 0; i < sizeof deaths / sizeof deaths[0]; i++)
        if (deaths[i].signal == p->signal) {
            what = deaths[i].what;
            hint = deaths[i].hint;
        }
    if (p->signal == SIGABRT && ran_out_of_memory(&engine->log)) {
        vanta_fail(err, VANTA_ERR_NO_MEMORY, "the engine ran out of memory while %s",
                   doing);
        vanta_hint(err, "Close other programs or take a smaller model.");
        return VANTA_ERR_NO_MEMORY;
    }
    if (what)
        vanta_fail(err, VANTA_ERR_TOOL, "the engine %s while %s", what, doing);
    else
        vanta_fail(err, VANTA_ERR_TOOL, "the engine was ended by signal %d while %s",
                   p->signal, doing);
    if (hint[0])
        vanta_hint(err, "%s", hint);
    return VANTA_ERR_TOOL;
}

/* It closed its end, or wrote no more: most likely it is on its way out. */
static enum vanta_status describe_exit(struct vanta_engine *engine, const char *doing,
                                       struct vanta_error *err)
{
    if (!vanta_process_wait(&engine->process, CLIENT_GRACE_MS)) {
        vanta_process_kill(&engine->process);
        return vanta_fail(err, VANTA_ERR_TOOL,
                          "the engine closed its channel while %s, and went on", doing);
    }
    client_log_drain(&engine->log);
    if (engine->process.signal)
        return describe_signal(engine, doing, err);
    return vanta_fail(err, VANTA_ERR_TOOL, "the engine ended while %s (exit code %d)",
                      doing, engine->process.exit_code);
}

enum vanta_status client_process_failed(struct vanta_engine *engine,
                                        enum vanta_status how,
                                        const struct vanta_error *what, const char *doing,
                                        struct vanta_error *err)
{
    enum vanta_status status = how;
    struct vanta_error told = {0};
    char lines[VANTA_ERROR_MESSAGE_MAX * 2 / 3];

    engine->dead = true;
    sample_memory(engine, NULL);
    switch (how) {
    case VANTA_ERR_CANCELLED:
    case VANTA_ERR_NO_MEMORY:
    case VANTA_ERR_BUSY:
        vanta_process_kill(&engine->process);
        vanta_fail(&told, how, "%s", what->message);
        vanta_hint(&told, "%s", what->hint);
        break;
    case VANTA_ERR_NOT_FOUND:
    case VANTA_ERR_IO:
        status = describe_exit(engine, doing, &told);
        break;
    default:
        vanta_process_kill(&engine->process);
        status = vanta_fail(&told, VANTA_ERR_TOOL,
                            "the engine broke its protocol while %s: %s", doing,
                            what->message);
        break;
    }
    client_log_drain(&engine->log);
    client_log_tail(&engine->log, lines, sizeof lines);
    if (lines[0] && status != VANTA_ERR_CANCELLED)
        vanta_fail(err, status, "%s; its log ends: %s", told.message, lines);
    else
        vanta_fail(err, status, "%s", told.message);
    if (told.hint[0])
        vanta_hint(err, "%s", told.hint);
    return status;
}

/* The end of the channel is what tells it to go. */
void client_process_close(struct vanta_engine *engine)
{
    if (engine->fd >= 0)
        close(engine->fd);
    engine->fd = -1;
    if (!engine->dead) {
        client_log_drain(&engine->log);
        vanta_process_wait(&engine->process, CLIENT_GRACE_MS);
    }
    vanta_process_kill(&engine->process);
    client_log_close(&engine->log);
}
