/*
 * sandbox.h - takes from this process what an inference engine has no use for.
 *
 * After sandbox_enter the process opens no socket, starts no program nor process, traces
 * and signals no other, reads no file but those named, the engines' libraries and what
 * the system says of the processors, and writes no file but those named. Descriptors that
 * are open stay as they are. Refused calls fail with EPERM or EACCES, so that a library
 * can go on without.
 *
 *     struct sandbox_spec spec = {.readable = paths, .n_readable = 2};
 *     sandbox_enter(&spec, active);     // "seccomp landlock"
 *
 * Linux: no_new_privs; Landlock (by path; kernel 5.13 or newer with it switched on);
 * seccomp (by system call, x86_64 and aarch64). macOS: a sandbox profile. What the
 * system lacks is left out and not named in active: the caller tells people. Without
 * Landlock files can be read still; writing is then refused by seccomp unless a file is
 * to be written.
 * Not responsible for memory and time (the client watches them).
 * Threads: the calling thread and all that it starts later; threads that run already get
 * seccomp, and Landlock only from its 8th version on: call it while there is one.
 * It cannot be undone. Cost: a few system calls.
 */
#ifndef VANTA_ENGINES_HELPER_SANDBOX_H
#define VANTA_ENGINES_HELPER_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#define SANDBOX_TEXT_MAX 64

struct sandbox_spec {
    const char *const *readable; /* files, or folders with all below; missing is fine */
    size_t n_readable;
    const char *const *writable; /* files that exist */
    size_t n_writable;
    bool gpu;         /* devices of GPUs may be used */
    bool no_landlock; /* as if the system had none: for tests */
};

/* active: what holds now, "none" when nothing does. */
void sandbox_enter(const struct sandbox_spec *spec, char active[SANDBOX_TEXT_MAX]);

#endif
