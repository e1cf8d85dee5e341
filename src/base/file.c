#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/path.h"
#include "base/platform.h"
#include "base/text.h"

#define COPY_BYTES ((size_t)1024 * 1024)
#define WALK_DEPTH_MAX 64

enum vanta_status vanta_file_read(const char *path, struct vanta_buf *buf,
                                  struct vanta_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum vanta_status status = VANTA_OK;
    struct stat st;
    ssize_t n;

    if (fd < 0)
        return vanta_fail_errno(err, errno, "%s", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return vanta_fail(err, VANTA_ERR_IO, "%s: not a regular file", path);
    }
    for (;;) {
        /* One byte past the cap is asked for, so that a file of exactly the cap is read
         * and a larger one is noticed. */
        char block[16384];

        n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            status = vanta_fail_errno(err, errno, "%s", path);
        else if (n > 0 && !vanta_buf_append(buf, block, (size_t)n))
            status = vanta_fail(err, VANTA_ERR_LIMIT,
                                "%s: larger than the %zu bytes that are read", path,
                                buf->max);
        if (n <= 0 || status != VANTA_OK)
            break;
    }
    close(fd);
    return status;
}

enum vanta_status vanta_file_write_all(int fd, const void *data, size_t len,
                                       const char *name, struct vanta_error *err)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vanta_fail_errno(err, errno, "writing %s", name);
        p += n;
        len -= (size_t)n;
    }
    return VANTA_OK;
}

#define DIGITS "0123456789"

/* A long name is cut, so that what is put around it fits into the 255 bytes of a name. */
static bool temporary_stem(char out[256], const char *path)
{
    char base[200];

    vanta_text_printable(vanta_path_base(path), base, sizeof base);
    return vanta_format(out, 256, ".%s.tmp-", base);
}

bool vanta_file_temporary(char out[VANTA_PATH_MAX], const char *path)
{
    static atomic_uint counter;
    char parent[VANTA_PATH_MAX], stem[256], name[300];

    return vanta_path_parent(parent, path) && temporary_stem(stem, path) &&
           vanta_format(name, sizeof name, "%s%ld-%u", stem, (long)getpid(),
                        atomic_fetch_add(&counter, 1)) &&
           vanta_path_join(out, parent, name);
}

/* The process id of "STEMPID-N", 0 when name is none. */
static long temporary_owner(const char *name, const char *stem)
{
    size_t len = strlen(stem);
    char *end = NULL;
    long owner;

    if (strncmp(name, stem, len) != 0 || !strchr(DIGITS, name[len]) || !name[len])
        return 0;
    owner = strtol(name + len, &end, 10);
    if (*end != '-' || !end[1] || strspn(end + 1, DIGITS) != strlen(end + 1))
        return 0;
    return owner;
}

static bool owner_is_gone(long owner)
{
    /* Our own number on a file that nobody holds was an earlier process's. */
    return owner == (long)getpid() ||
           ((long)(pid_t)owner == owner && kill((pid_t)owner, 0) != 0 && errno == ESRCH);
}

/* A process of another container or machine may have that number and run: whoever writes
 * at length holds the file's lock. */
static bool delete_unheld(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool deleted = false;
    struct stat st;

    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0)
        deleted = unlink(path) == 0;
    close(fd);
    return deleted;
}

unsigned vanta_file_sweep(const char *path)
{
    char parent[VANTA_PATH_MAX], stem[256], at[VANTA_PATH_MAX];
    struct dirent *entry;
    unsigned swept = 0;
    DIR *dir = NULL;
    long owner;

    if (vanta_path_parent(parent, path) && temporary_stem(stem, path))
        dir = opendir(parent);
    while (dir && (entry = readdir(dir)) != NULL) {
        owner = temporary_owner(entry->d_name, stem);
        if (owner > 0 && owner_is_gone(owner) &&
            vanta_path_join(at, parent, entry->d_name))
            swept += delete_unheld(at);
    }
    if (dir)
        closedir(dir);
    return swept;
}

/* Containers hand out the same process ids again and again, so that the name can be one
 * that a killed process left behind: then the next one is taken. */
int vanta_file_create_beside(const char *path, char out[VANTA_PATH_MAX])
{
    int tries, fd = -1;

    for (tries = 0; tries < 1000; tries++) {
        if (!vanta_file_temporary(out, path)) {
            errno = ENAMETOOLONG;
            return -1;
        }
        fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd >= 0 || errno != EEXIST)
            break;
    }
    return fd;
}

int vanta_file_create_held(const char *path, char out[VANTA_PATH_MAX])
{
    int fd;

    vanta_file_sweep(path);
    fd = vanta_file_create_beside(path, out);
    if (fd >= 0)
        flock(fd, LOCK_EX | LOCK_NB);
    return fd;
}

static enum vanta_status sync_parent(const char *path, struct vanta_error *err)
{
    char parent[VANTA_PATH_MAX];

    if (!vanta_path_parent(parent, path))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", path);
    return vanta_dir_sync(parent, err);
}

static bool is_channel(const struct stat *st)
{
    return !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode);
}

/* A file that took the place of a device would be in the way of all programs. Of a link to
 * one only the link would be replaced. */
static enum vanta_status refuse_channel(const char *path, struct vanta_error *err)
{
    struct stat st;

    if (lstat(path, &st) != 0 || !is_channel(&st) || S_ISLNK(st.st_mode))
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_EXISTS,
                      "%s is a device or a pipe, in whose place no file is put", path);
}

enum vanta_status vanta_file_replace(const char *path, const void *data, size_t len,
                                     struct vanta_error *err)
{
    char temporary[VANTA_PATH_MAX];
    enum vanta_status status = refuse_channel(path, err);
    int fd;

    if (status != VANTA_OK)
        return status;
    fd = vanta_file_create_beside(path, temporary);
    if (fd < 0)
        return vanta_fail_errno(err, errno, "writing %s", path);
    status = vanta_file_write_all(fd, data, len, path, err);
    if (status == VANTA_OK && vanta_platform_fsync(fd) != 0)
        status = vanta_fail_errno(err, errno, "writing %s", path);
    if (close(fd) != 0 && status == VANTA_OK)
        status = vanta_fail_errno(err, errno, "writing %s", path);
    if (status == VANTA_OK && rename(temporary, path) != 0)
        status = vanta_fail_errno(err, errno, "replacing %s", path);
    if (status != VANTA_OK) {
        unlink(temporary);
        return status;
    }
    return sync_parent(path, err);
}

static enum vanta_status put_into(const char *path, const void *data, size_t len,
                                  struct vanta_error *err)
{
    int fd = vanta_file_open_channel(path);
    enum vanta_status status;

    if (fd < 0)
        return vanta_fail_errno(err, errno, "writing %s", path);
    status = vanta_file_write_all(fd, data, len, path, err);
    if (close(fd) != 0 && status == VANTA_OK)
        status = vanta_fail_errno(err, errno, "writing %s", path);
    return status;
}

enum vanta_status vanta_file_put(const char *path, const void *data, size_t len,
                                 struct vanta_error *err)
{
    enum vanta_status status;

    if (vanta_file_is_channel(path)) {
        status = put_into(path, data, len, err);
    } else {
        vanta_file_sweep(path);
        status = vanta_file_replace(path, data, len, err);
    }
    vanta_hint_named(err);
    return status;
}

enum vanta_status vanta_file_place(const char *from, const char *to,
                                   struct vanta_error *err)
{
    return rename(from, to) == 0
               ? VANTA_OK
               : vanta_fail_errno(err, errno, "renaming %s to %s", from, to);
}

enum vanta_status vanta_file_move(const char *from, const char *to, bool clobber,
                                  struct vanta_error *err)
{
    int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int failed;

    if (fd < 0)
        return vanta_fail_errno(err, errno, "%s", from);
    failed = vanta_platform_fsync(fd) != 0 ? errno : 0;
    close(fd);
    if (failed)
        return vanta_fail_errno(err, failed, "writing %s", from);
    if (clobber && refuse_channel(to, err) != VANTA_OK)
        return VANTA_ERR_EXISTS;
    if (clobber ? rename(from, to) != 0 : vanta_platform_rename_new(from, to) != 0) {
        if (errno == EEXIST)
            return vanta_fail(err, VANTA_ERR_EXISTS, "%s exists already", to);
        return vanta_fail_errno(err, errno, "renaming %s to %s", from, to);
    }
    return sync_parent(to, err);
}

static enum vanta_status copy_bytes(int in, int out, const char *from, const char *to,
                                    struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    char *block = malloc(COPY_BYTES);
    ssize_t n = 0;

    if (!block)
        return vanta_fail_memory(err);
    while (status == VANTA_OK && (n = read(in, block, COPY_BYTES)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            status = vanta_fail_errno(err, errno, "%s", from);
        else
            status = vanta_file_write_all(out, block, (size_t)n, to, err);
    }
    free(block);
    return status;
}

enum vanta_status vanta_file_copy(const char *from, const char *to,
                                  struct vanta_error *err)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK), out;
    enum vanta_status status = VANTA_OK;
    struct stat st;

    if (in < 0)
        return vanta_fail_errno(err, errno, "%s", from);
    if (fstat(in, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(in);
        return vanta_fail(err, VANTA_ERR_IO, "%s: not a regular file", from);
    }
    out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (out < 0) {
        int failed = errno;

        close(in);
        if (failed == EEXIST)
            return vanta_fail(err, VANTA_ERR_EXISTS, "%s exists already", to);
        return vanta_fail_errno(err, failed, "%s", to);
    }
    if (!vanta_platform_clone(in, out))
        status = copy_bytes(in, out, from, to, err);
    if (status == VANTA_OK && vanta_platform_fsync(out) != 0)
        status = vanta_fail_errno(err, errno, "writing %s", to);
    close(in);
    if (close(out) != 0 && status == VANTA_OK)
        status = vanta_fail_errno(err, errno, "writing %s", to);
    if (status != VANTA_OK) {
        unlink(to);
        return status;
    }
    return sync_parent(to, err);
}

enum vanta_status vanta_dir_make(const char *path, struct vanta_error *err)
{
    char at[VANTA_PATH_MAX];
    size_t i, len = strlen(path);

    if (len == 0 || len >= sizeof at)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", path);
    memcpy(at, path, len + 1);
    for (i = 1; i <= len; i++) {
        if (at[i] != '/' && at[i] != '\0')
            continue;
        at[i] = '\0';
        if (mkdir(at, 0777) != 0 && errno != EEXIST) {
            int failed = errno;

            if (!vanta_file_is_dir(at))
                return vanta_fail_errno(err, failed, "creating the folder %s", at);
        }
        at[i] = path[i];
    }
    if (!vanta_file_is_dir(path))
        return vanta_fail(err, VANTA_ERR_EXISTS, "%s is there and is not a folder", path);
    return VANTA_OK;
}

enum vanta_status vanta_dir_sync(const char *path, struct vanta_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed = 0;

    if (fd < 0)
        return vanta_fail_errno(err, errno, "%s", path);
    /* Some file systems cannot sync a folder and say EINVAL: names last there anyway. */
    if (fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP)
        failed = errno;
    close(fd);
    return failed ? vanta_fail_errno(err, failed, "%s", path) : VANTA_OK;
}

static enum vanta_status remove_at(int parent, const char *name, int depth,
                                   struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    struct dirent *entry;
    DIR *dir;
    int fd;

    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return VANTA_OK;
    if (errno != EISDIR && errno != EPERM)
        return vanta_fail_errno(err, errno, "deleting %s", name);
    if (depth > WALK_DEPTH_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "deleting %s: nested too deep", name);
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        status = vanta_fail_errno(err, errno, "deleting %s", name);
        if (fd >= 0)
            close(fd);
        return status;
    }
    while (status == VANTA_OK && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = remove_at(dirfd(dir), entry->d_name, depth + 1, err);
    closedir(dir);
    if (status == VANTA_OK && unlinkat(parent, name, AT_REMOVEDIR) != 0)
        status = vanta_fail_errno(err, errno, "deleting the folder %s", name);
    return status;
}

enum vanta_status vanta_remove_tree(const char *path, struct vanta_error *err)
{
    return remove_at(AT_FDCWD, path, 0, err);
}

bool vanta_file_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

bool vanta_file_is_channel(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && is_channel(&st);
}

int vanta_file_open_channel(const char *path)
{
    return open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
}

bool vanta_file_is_dir(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool vanta_file_is_link(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

int64_t vanta_file_size(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
}

struct walk {
    const char *dir;
    vanta_visit *visit;
    void *arg;
    bool hidden;
};

struct child {
    char *name; /* a folder's ends in '/', which is what its paths have there */
    struct stat st;
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const struct child *)a)->name, ((const struct child *)b)->name);
}

static void free_children(struct child *children, size_t n)
{
    while (n > 0)
        free(children[--n].name);
    free(children);
}

/* The names in dir, sorted as the bytes of the paths below it are. */
static enum vanta_status list_children(const char *dir, bool hidden,
                                       struct child **children, size_t *n,
                                       struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t capacity = 0;
    struct dirent *entry;
    DIR *open_dir = opendir(dir);

    *children = NULL;
    *n = 0;
    if (!open_dir)
        return vanta_fail_errno(err, errno, "%s", dir);
    while (status == VANTA_OK && (entry = readdir(open_dir))) {
        struct child child;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            (!hidden && entry->d_name[0] == '.') ||
            fstatat(dirfd(open_dir), entry->d_name, &child.st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (*n == capacity) {
            struct child *grown;

            capacity = capacity ? capacity * 2 : 16;
            grown = realloc(*children, capacity * sizeof *grown);
            if (!grown) {
                status = vanta_fail_memory(err);
                break;
            }
            *children = grown;
        }
        child.name = vanta_strf("%s%s", entry->d_name,
                                S_ISDIR(child.st.st_mode) ? "/" : "");
        if (child.name)
            (*children)[(*n)++] = child;
        else
            status = vanta_fail_memory(err);
    }
    closedir(open_dir);
    if (status == VANTA_OK && *n > 1)
        qsort(*children, *n, sizeof **children, by_bytes);
    return status;
}

static enum vanta_status walk_below(const struct walk *w, const char *relative, int depth,
                                    struct vanta_error *err)
{
    char dir[VANTA_PATH_MAX], below[VANTA_PATH_MAX];
    enum vanta_status status = VANTA_OK;
    struct child *children = NULL;
    size_t n = 0, i;

    if (depth > WALK_DEPTH_MAX || !vanta_path_join(dir, w->dir, relative))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: nested too deep", w->dir);
    status = list_children(dir, w->hidden, &children, &n, err);
    for (i = 0; i < n && status == VANTA_OK; i++) {
        if (!vanta_path_join(below, relative, children[i].name)) {
            status = vanta_fail(err, VANTA_ERR_LIMIT, "%s: a path in it is too long", dir);
        } else if (S_ISDIR(children[i].st.st_mode)) {
            below[strlen(below) - 1] = '\0';
            status = walk_below(w, below, depth + 1, err);
        } else if (S_ISREG(children[i].st.st_mode)) {
            status = w->visit(w->arg, below, (uint64_t)children[i].st.st_size, err);
        }
    }
    free_children(children, n);
    return status;
}

enum vanta_status vanta_dir_walk(const char *dir, vanta_visit *visit, void *arg,
                                 struct vanta_error *err)
{
    struct walk w = {dir, visit, arg, false};

    return walk_below(&w, "", 0, err);
}

static enum vanta_status add_bytes(void *arg, const char *relative, uint64_t bytes,
                                   struct vanta_error *err)
{
    (void)relative;
    (void)err;
    *(uint64_t *)arg += bytes;
    return VANTA_OK;
}

uint64_t vanta_dir_bytes(const char *dir)
{
    uint64_t sum = 0;
    struct walk w = {dir, add_bytes, &sum, true};

    walk_below(&w, "", 0, NULL);
    return sum;
}

enum vanta_status vanta_disk_free(const char *path, uint64_t *bytes,
                                  struct vanta_error *err)
{
    char at[VANTA_PATH_MAX], up[VANTA_PATH_MAX];
    struct statvfs fs;

    if (!vanta_path_absolute(at, path))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", path);
    while (statvfs(at, &fs) != 0) {
        if (errno != ENOENT || !vanta_path_parent(up, at) || strcmp(up, at) == 0)
            return vanta_fail_errno(err, errno, "%s", at);
        memcpy(at, up, sizeof at);
    }
    *bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    return VANTA_OK;
}
