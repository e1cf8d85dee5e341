/*
 * process.h - running another program: with its own process group, a stated environment
 * and folder, and its talk caught.
 *
 * Standard input is /dev/null. The child is the leader of a process group of its own, so
 * that all it started is ended with it: when its end is noticed, by wait or stop, what it
 * left behind in its group is killed, before the exit is collected (until then the group's
 * number cannot be another's). A child that made itself a group of its own is not
 * followed. Descriptors of ours are close-on-exec and do not reach it, but for the one that
 * spec names.
 *
 *     struct vanta_process p = {0};
 *     status = vanta_process_start(&p, &spec, err);
 *     while (!vanta_process_wait(&p, 200)) ...            // true: ended, p.exit_code
 *     vanta_process_stop(&p);                             // ends it if it still runs
 *
 * One thread per struct; many threads may start programs at once.
 */
#ifndef VANTA_BASE_PROCESS_H
#define VANTA_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/path.h"
#include "vanta_error.h"

#define VANTA_PROCESS_CHANNEL_FD 3

struct vanta_process_spec {
    const char *const *argv; /* argv[0] is an absolute path; ends with NULL */
    const char *const *envp; /* NULL: ours; else "NAME=value" lines, ends with NULL */
    const char *cwd;         /* NULL: ours */
    const char *output;      /* file that gets stdout and stderr (created, truncated);
                                NULL: /dev/null */
    int output_fd;           /* gets them instead of output; 0: none */
    int channel_fd;          /* becomes VANTA_PROCESS_CHANNEL_FD in the child; 0: none */
    uint64_t data_limit_bytes; /* RLIMIT_DATA, where the system keeps it; 0: as ours */
    bool no_core;            /* a crash leaves no core file */
    bool die_with_parent;    /* is killed when the thread that started it ends; best
                                effort: only Linux has a way */
};

struct vanta_process {
    pid_t pid; /* 0: none running */
    bool ended;
    int exit_code; /* of an ended one: 0 to 255, or 128 + the signal */
    int signal;    /* that ended it; 0: it exited */
};

/* VANTA_ERR_TOOL when the program cannot be started, with the reason. */
enum vanta_status vanta_process_start(struct vanta_process *process,
                                      const struct vanta_process_spec *spec,
                                      struct vanta_error *err);
/* Waits at most timeout_ms (0: asks only); true when it has ended, and its group with
 * it. */
bool vanta_process_wait(struct vanta_process *process, int64_t timeout_ms);
/* SIGKILL to the group at once; the exit is collected. */
void vanta_process_kill(struct vanta_process *process);
/* SIGTERM to the group, SIGKILL after two seconds or to what outlives its leader, and
 * the exit is collected. Fine when it has ended, and on a zeroed struct. */
void vanta_process_stop(struct vanta_process *process);

/* The absolute path of a program through PATH; relative and empty entries of PATH are
 * passed over, so that the current folder is never searched. */
bool vanta_program_find(const char *name, char out[VANTA_PATH_MAX]);

#endif
