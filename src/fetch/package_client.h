/*
 * package_client.h - running the user's own pip or npm to bring a package into a folder.
 *
 * The client runs in a process group of its own, below a work folder that is its TMPDIR
 * and current folder, without model-hub, API and PYTHON* variables and without settings
 * that would change what it does; settings of how the index is reached stay. Not
 * responsible for judging the bytes that it brings (package.h).
 */
#ifndef VANTA_FETCH_PACKAGE_CLIENT_H
#define VANTA_FETCH_PACKAGE_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/path.h"
#include "fetch/package.h"
#include "vanta_error.h"

#define VANTA_PACKAGE_STALL_MS ((int64_t)5 * 60 * 1000)

struct vanta_package_run {
    const struct vanta_package *package; /* name and version were checked */
    const char *work;                    /* absolute; empty and private (0700) */
    int64_t stall_ms;                    /* ended when its folder does not grow for so
                                            long: VANTA_ERR_NETWORK */
    const struct vanta_package_watch *watch; /* not NULL */
    /* VANTA_OK when the file has the package's bytes. Asked of what the client leaves,
     * and, once, of what pip has in its TMPDIR when that has the right size: then pip is
     * ended there, since its own check and copy of the bytes (a fifth of a second for 80
     * MB) add nothing to what was judged here. */
    enum vanta_status (*judge)(void *judge_arg, const char *path, struct vanta_error *err);
    /* May be NULL: the file in TMPDIR, which may be judged soon, has so many bytes now. */
    void (*grew)(void *judge_arg, int fd, uint64_t bytes);
    void *judge_arg;
};

/* file gets the path, below work, of the one wheel or tarball that came and was judged
 * right. Statuses are those of vanta_package_explain, judge's, and VANTA_ERR_CANCELLED;
 * no client: VANTA_ERR_TOOL. The work folder stays the caller's to delete. */
enum vanta_status vanta_package_run(const struct vanta_package_run *run,
                                    char file[VANTA_PATH_MAX], struct vanta_error *err);

/* Several wheels with one client, all below the same work folder. Each one that is judged
 * right is handed to came, which takes the file away, while the client brings the rest.
 * Returns when all have come, or when no more will: there is no reason then. */
void vanta_package_run_batch(const struct vanta_package_run *runs, size_t n,
                             void (*came)(void *judge_arg, const char *file));

/* --- package_environment.c --- */

/* What a client below work is given; NULL when memory is out. */
char **vanta_package_environment(const char *work);
void vanta_package_environment_free(char **list);
/* Whether the client is given this variable of ours ("NAME=value"). */
bool vanta_package_keeps_variable(const char *variable);

#endif
