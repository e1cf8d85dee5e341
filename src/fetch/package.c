#include "fetch/package.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/text.h"
#include "fetch/package_client.h"

#define NAME_MAX_BYTES 214 /* npm's own limit */
#define VERSION_MAX_BYTES 64
#define HASH_BLOCK_BYTES ((size_t)256 * 1024)
#define SHA512_BYTES 64
#define SHA512_HEX (2 * SHA512_BYTES + 1)
#define LOCK_TRIES 100

/* One fetch. All names begin with the digest that is expected, as hex. */
struct job {
    const struct vanta_package *package;
    bool npm;
    uint8_t sha512[SHA512_BYTES]; /* npm: what integrity says */
    char folder[VANTA_PATH_MAX];  /* dir/packages */
    const atomic_bool *cancel;
    const struct vanta_package_watch *watch;
    uint64_t bytes; /* of the file that was checked last */
    /* Of a wheel on its way: what came is hashed as it comes. */
    struct vanta_digest ahead; /* without context: not begun */
    uint64_t ahead_bytes;
    dev_t ahead_dev; /* and ahead_ino: of which file */
    ino_t ahead_ino;
    char key[SHA512_HEX];
    char final[VANTA_PATH_MAX];
    char lock[VANTA_PATH_MAX];
};

/* --- what is asked for ------------------------------------------------------------- */

static bool is_plain(const char *text, size_t max, const char *more)
{
    size_t len = 0;
    char c;

    for (; (c = text[len]) != '\0'; len++) {
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9');

        if (len >= max || (!alnum && (len == 0 || !strchr(more, c))))
            return false;
    }
    return len > 0;
}

/* Names become arguments and lines of a file: nothing that is an option, a path or an
 * address gets through. npm has "@scope/name" too. */
static bool is_name(const struct job *job)
{
    const char *name = job->package->name, *slash = strchr(name, '/');
    char scope[NAME_MAX_BYTES + 1];

    if (!job->npm || name[0] != '@')
        return is_plain(name, NAME_MAX_BYTES, "._-");
    return slash && strlen(name) <= NAME_MAX_BYTES &&
           vanta_format(scope, sizeof scope, "%.*s", (int)(slash - name - 1), name + 1) &&
           is_plain(scope, NAME_MAX_BYTES, "._-") &&
           is_plain(slash + 1, NAME_MAX_BYTES, "._-");
}

static int base64_digit(char c)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* "sha512-" and 64 bytes: 86 digits and "==". */
static bool read_integrity(const char *text, uint8_t out[SHA512_BYTES])
{
    uint32_t bits = 0;
    size_t i, n = 0;
    int have = 0, digit;

    if (!text || !vanta_has_prefix(text, "sha512-") || strlen(text) != 7 + 88 ||
        strcmp(text + 7 + 86, "==") != 0)
        return false;
    for (i = 0; i < 86; i++) {
        digit = base64_digit(text[7 + i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have >= 8 && n < SHA512_BYTES) {
            have -= 8;
            out[n++] = (uint8_t)(bits >> have);
        }
    }
    return n == SHA512_BYTES;
}

static enum vanta_status check_request(struct job *job, struct vanta_error *err)
{
    const struct vanta_package *p = job->package;
    size_t i;

    job->npm = strcmp(p->index, "npm") == 0;
    if (!job->npm && strcmp(p->index, "pypi") != 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: is no package index that is known",
                          p->index);
    if (!is_name(job))
        return vanta_fail(err, VANTA_ERR_FORMAT, "\"%s\" is no name of a package",
                          p->name);
    if (!is_plain(p->version, VERSION_MAX_BYTES, ".+!_-"))
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: \"%s\" is no version", p->name,
                          p->version);
    if (p->sha256 && !vanta_sha256_is_hex(p->sha256))
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s %s: \"%s\" is no SHA-256", p->name,
                          p->version, p->sha256);
    if (job->npm ? !read_integrity(p->integrity, job->sha512) : !p->sha256) {
        vanta_fail(err, VANTA_ERR_FORMAT,
                   "%s %s: the catalog does not say which bytes it has", p->name,
                   p->version);
        vanta_hint(err, "add the package's %s to the catalog's \"packages\"",
                   job->npm ? "integrity (sha512-...)" : "sha256");
        return VANTA_ERR_FORMAT;
    }
    if (job->npm)
        for (i = 0; i < SHA512_BYTES; i++)
            snprintf(job->key + 2 * i, 3, "%02x", job->sha512[i]);
    else
        memcpy(job->key, p->sha256, VANTA_SHA256_HEX);
    return VANTA_OK;
}

static enum vanta_status name_files(struct job *job, const char *dir,
                                    struct vanta_error *err)
{
    char whole[VANTA_PATH_MAX];

    if (vanta_path_absolute(whole, dir) &&
        vanta_path_join(job->folder, whole, "packages") &&
        vanta_format(job->final, sizeof job->final, "%s/%s.%s", job->folder, job->key,
                     job->npm ? "tgz" : "whl") &&
        vanta_format(job->lock, sizeof job->lock, "%s/%s.lock", job->folder, job->key))
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
}

/* --- judging ----------------------------------------------------------------------- */

static enum vanta_status sha512_fd(int fd, const char *name, uint8_t out[SHA512_BYTES],
                                   const atomic_bool *cancel, struct vanta_error *err)
{
    struct vanta_digest digest = {0};
    uint8_t *block = malloc(HASH_BLOCK_BYTES), all[VANTA_DIGEST_BYTES_MAX];
    enum vanta_status status = VANTA_ERR_NO_MEMORY;
    off_t at = 0;
    ssize_t n;

    if (!block) {
        vanta_fail_memory(err);
        goto out;
    }
    status = vanta_digest_init(&digest, VANTA_DIGEST_SHA512, err);
    while (status == VANTA_OK) {
        n = pread(fd, block, HASH_BLOCK_BYTES, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            status = vanta_fail_errno(err, errno, "reading %s", name);
        else if (cancel && atomic_load(cancel))
            status = vanta_fail(err, VANTA_ERR_CANCELLED, "stopped while hashing %s",
                                name);
        if (status != VANTA_OK || n == 0)
            break;
        vanta_digest_update(&digest, block, (size_t)n);
        at += n;
    }
    if (status == VANTA_OK) {
        vanta_digest_final(&digest, all);
        memcpy(out, all, SHA512_BYTES);
    }
out:
    vanta_digest_free(&digest);
    free(block);
    return status;
}

static void drop_ahead(struct job *job)
{
    vanta_digest_free(&job->ahead);
    job->ahead_bytes = 0;
}

/* The file that pip is writing has so many bytes now. Whatever fails here only means that
 * it is hashed as a whole in the end. */
static void hash_ahead(void *arg, int fd, uint64_t bytes)
{
    struct job *job = arg;
    uint8_t *block;
    struct stat st;
    ssize_t n = 1;

    if (fstat(fd, &st) != 0)
        return;
    if (job->ahead_bytes == 0) {
        drop_ahead(job);
        job->ahead_dev = st.st_dev;
        job->ahead_ino = st.st_ino;
        if (vanta_digest_init(&job->ahead, VANTA_DIGEST_SHA256, NULL) != VANTA_OK)
            return;
    }
    block = job->ahead.context ? malloc(HASH_BLOCK_BYTES) : NULL;
    while (block && n > 0 && job->ahead_bytes < bytes) {
        uint64_t left = bytes - job->ahead_bytes;

        n = pread(fd, block, left < HASH_BLOCK_BYTES ? (size_t)left : HASH_BLOCK_BYTES,
                  (off_t)job->ahead_bytes);
        if (n <= 0)
            break;
        vanta_digest_update(&job->ahead, block, (size_t)n);
        job->ahead_bytes += (uint64_t)n;
    }
    free(block);
}

/* Gives the file's digest when all of it was hashed as it came; once. */
static bool use_ahead(struct job *job, int fd, char hex[VANTA_SHA256_HEX])
{
    struct stat st;
    bool whole = job->ahead.context && fstat(fd, &st) == 0 && st.st_size > 0 &&
                 st.st_dev == job->ahead_dev && st.st_ino == job->ahead_ino &&
                 (uint64_t)st.st_size == job->ahead_bytes;

    if (whole)
        vanta_digest_hex(&job->ahead, hex);
    drop_ahead(job);
    return whole;
}

/* VANTA_OK when the file has the package's bytes. */
static enum vanta_status check_digests(struct job *job, int fd, const char *path,
                                       struct vanta_error *err)
{
    const struct vanta_package *p = job->package;
    enum vanta_status status = VANTA_OK;
    uint8_t sha512[SHA512_BYTES];
    char hex[VANTA_SHA256_HEX];
    bool right = true;

    if (p->sha256) {
        if (!use_ahead(job, fd, hex))
            status = vanta_sha256_fd(fd, path, hex, NULL, NULL, NULL, job->cancel, err);
        right = status == VANTA_OK && strcmp(hex, p->sha256) == 0;
    }
    if (right && job->npm) {
        status = sha512_fd(fd, path, sha512, job->cancel, err);
        right = status == VANTA_OK && memcmp(sha512, job->sha512, SHA512_BYTES) == 0;
    }
    if (status != VANTA_OK || right)
        return status;
    vanta_fail(err, VANTA_ERR_DIGEST,
               "%s %s: the package index gave other bytes than the catalog's digest "
               "names",
               p->name, p->version);
    vanta_hint(err, "nothing was kept; use another source, or ask whoever runs the index "
                    "or mirror");
    return VANTA_ERR_DIGEST;
}

/* The same for a path; a link or anything else that is no file counts as absent. */
static enum vanta_status check_file(void *arg, const char *path, struct vanta_error *err)
{
    struct job *job = arg;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    enum vanta_status status;
    struct stat st;

    if (fd < 0)
        return vanta_fail_errno(err, errno, "%s", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        status = vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s: is not a file", path);
    } else {
        job->bytes = (uint64_t)st.st_size;
        status = check_digests(job, fd, path, err);
    }
    close(fd);
    return status;
}

/* --- one at a time ----------------------------------------------------------------- */

/* The lock's file is deleted by who held it, so that nothing stays: the one that is
 * locked counts only when it still has its name. */
static enum vanta_status lock_package(const struct job *job, struct vanta_lock *lock,
                                      struct vanta_error *err)
{
    enum vanta_status status;
    struct vanta_error why;
    struct stat held, named;
    int tries;

    for (tries = 0;; tries++) {
        memset(&why, 0, sizeof why);
        status = vanta_dir_make(job->folder, err);
        if (status != VANTA_OK)
            return status;
        status = vanta_lock_acquire(lock, job->lock, -1, job->cancel, NULL, NULL, &why);
        if (status == VANTA_OK && fstat(lock->fd, &held) == 0 &&
            stat(job->lock, &named) == 0 && held.st_ino == named.st_ino &&
            held.st_dev == named.st_dev)
            return VANTA_OK;
        vanta_lock_release(lock);
        if (status == VANTA_OK && tries == LOCK_TRIES)
            status = vanta_fail(&why, VANTA_ERR_BUSY, "%s: is deleted again and again",
                                job->lock);
        /* NOT_FOUND: another one deleted the folder, empty, in between. */
        if (status != VANTA_OK &&
            (status != VANTA_ERR_NOT_FOUND || tries == LOCK_TRIES)) {
            vanta_fail(err, status, "%s", why.message);
            vanta_hint(err, "%s", why.hint);
            return status;
        }
    }
}

static void unlock_package(const struct job *job, struct vanta_lock *lock)
{
    unlink(job->lock);
    vanta_lock_release(lock);
}

/* Work folders of runs that were killed: under the lock nobody else's can be there. */
static void clean_up(const struct job *job)
{
    DIR *dir = opendir(job->folder);
    char prefix[SHA512_HEX + 8], path[VANTA_PATH_MAX];
    struct dirent *entry;

    vanta_format(prefix, sizeof prefix, "%s.work-", job->key);
    while (dir && (entry = readdir(dir)))
        if (vanta_has_prefix(entry->d_name, prefix) &&
            vanta_path_join(path, job->folder, entry->d_name))
            vanta_remove_tree(path, NULL);
    if (dir)
        closedir(dir);
}

/* --- fetching ---------------------------------------------------------------------- */

static enum vanta_status fetch_new(struct job *job, const char *work,
                                   struct vanta_error *err)
{
    struct vanta_package_run run = {.package = job->package,
                                    .work = work,
                                    .stall_ms = VANTA_PACKAGE_STALL_MS,
                                    .watch = job->watch,
                                    .judge = check_file,
                                    .grew = hash_ahead,
                                    .judge_arg = job};
    char file[VANTA_PATH_MAX];
    enum vanta_status status;

    if (chmod(work, 0700) != 0) /* whatever a default ACL made of it */
        return vanta_fail_errno(err, errno, "%s", work);
    status = vanta_package_run(&run, file, err);
    if (status != VANTA_OK)
        return status;
    /* Not fsynced: it is only unpacked from here, and whoever finds it later hashes it
     * first. */
    if (rename(file, job->final) != 0)
        return vanta_fail_errno(err, errno, "%s", job->final);
    return VANTA_OK;
}

static enum vanta_status fetch_locked(struct job *job, uint64_t *moved,
                                      struct vanta_error *err)
{
    char work[VANTA_PATH_MAX];
    enum vanta_status status;

    clean_up(job);
    status = check_file(job, job->final, NULL);
    if (status == VANTA_OK)
        return VANTA_OK;
    if (status == VANTA_ERR_CANCELLED)
        return vanta_fail(err, status, "%s %s: stopped", job->package->name,
                          job->package->version);
    status = vanta_remove_tree(job->final, err);
    if (status != VANTA_OK)
        return status;
    if (!vanta_format(work, sizeof work, "%s/%s.work-XXXXXX", job->folder, job->key))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", job->folder);
    if (!mkdtemp(work))
        return vanta_fail_errno(err, errno, "%s", work);
    status = fetch_new(job, work, err);
    if (status == VANTA_OK)
        *moved = job->bytes;
    vanta_remove_tree(work, NULL);
    return status;
}

/* --- several at once --------------------------------------------------------------- */

static void take_from_batch(void *arg, const char *file)
{
    struct job *job = arg;

    if (rename(file, job->final) == 0 && job->watch->came)
        job->watch->came(job->watch->arg, job->final, job->bytes);
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(struct job *const *)a)->key, (*(struct job *const *)b)->key);
}

/* The jobs of a batch, in the order of packages, and by key: wheels of known size that are
 * not there. */
static size_t choose_for_batch(const struct vanta_package *const *packages,
                               const struct vanta_package_watch *watches, size_t n,
                               const char *dir, struct job *jobs, struct job **sorted)
{
    size_t i, chosen = 0;

    for (i = 0; i < n; i++) {
        struct job *job = &jobs[chosen];

        job->package = packages[i];
        job->watch = &watches[i];
        job->cancel = watches[i].cancel;
        if (check_request(job, NULL) == VANTA_OK && !job->npm &&
            packages[i]->size_bytes > 0 && name_files(job, dir, NULL) == VANTA_OK &&
            vanta_file_size(job->final) < 0)
            chosen++;
        else
            memset(job, 0, sizeof *job);
    }
    for (i = 0; i < chosen; i++)
        sorted[i] = &jobs[i];
    qsort(sorted, chosen, sizeof *sorted, by_key);
    for (i = 1; i < chosen; i++) /* the same bytes under two names: one lock for both */
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
            return 0;
    return chosen;
}

static void run_batch(struct job *jobs, struct vanta_package_run *runs, size_t n)
{
    char work[VANTA_PATH_MAX];
    size_t i;

    for (i = 0; i < n; i++)
        clean_up(&jobs[i]);
    if (!vanta_format(work, sizeof work, "%s/%s.work-XXXXXX", jobs[0].folder,
                      jobs[0].key) ||
        !mkdtemp(work))
        return;
    for (i = 0; i < n; i++)
        runs[i] = (struct vanta_package_run){.package = jobs[i].package,
                                             .work = work,
                                             .stall_ms = VANTA_PACKAGE_STALL_MS,
                                             .watch = jobs[i].watch,
                                             .judge = check_file,
                                             .grew = hash_ahead,
                                             .judge_arg = &jobs[i]};
    if (chmod(work, 0700) == 0)
        vanta_package_run_batch(runs, n, take_from_batch);
    vanta_remove_tree(work, NULL);
}

void vanta_package_fetch_batch(const struct vanta_package *const *packages,
                               const struct vanta_package_watch *watches, size_t n,
                               const char *dir)
{
    struct job *jobs = calloc(n, sizeof *jobs), **sorted = calloc(n, sizeof *sorted);
    struct vanta_lock *locks = calloc(n, sizeof *locks);
    struct vanta_package_run *runs = calloc(n, sizeof *runs);
    bool room = jobs && sorted && locks && runs;
    size_t locked = 0, chosen = 0;

    if (room)
        chosen = choose_for_batch(packages, watches, n, dir, jobs, sorted);
    while (locked < chosen && lock_package(sorted[locked], &locks[locked], NULL) == VANTA_OK)
        locked++;
    if (chosen > 1 && locked == chosen)
        run_batch(jobs, runs, chosen);
    while (locked-- > 0) {
        unlock_package(sorted[locked], &locks[locked]);
        rmdir(sorted[locked]->folder); /* when it is empty */
    }
    for (; chosen > 0; chosen--)
        drop_ahead(&jobs[chosen - 1]);
    free(jobs);
    free(sorted);
    free(locks);
    free(runs);
}

/* --- one --------------------------------------------------------------------------- */

enum vanta_status vanta_package_fetch(const struct vanta_package *package,
                                      const char *dir,
                                      const struct vanta_package_watch *watch,
                                      char path[VANTA_PATH_MAX], uint64_t *moved,
                                      struct vanta_error *err)
{
    static const struct vanta_package_watch nobody = {.arg = NULL};
    struct vanta_lock lock = {0};
    enum vanta_status status;
    struct job *job = calloc(1, sizeof *job);

    *moved = 0;
    path[0] = '\0';
    if (!job)
        return vanta_fail_memory(err);
    job->package = package;
    job->watch = watch ? watch : &nobody;
    job->cancel = job->watch->cancel;
    status = check_request(job, err);
    if (status == VANTA_OK)
        status = name_files(job, dir, err);
    if (status == VANTA_OK)
        status = lock_package(job, &lock, err);
    if (status == VANTA_OK) {
        status = fetch_locked(job, moved, err);
        unlock_package(job, &lock);
        rmdir(job->folder); /* when it is empty */
    }
    if (status == VANTA_OK)
        vanta_format(path, VANTA_PATH_MAX, "%s", job->final);
    drop_ahead(job);
    free(job);
    return status;
}
