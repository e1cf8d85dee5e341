/*
 * shim.c - a disk that fails, stops or forgets on demand, between a program and its libc.
 *
 *     LD_PRELOAD=libshim.so SHIM_ROOT=/models SHIM_KILL=17 vanta setup ...
 *
 * Calls that concern files below SHIM_ROOT are counted; which ones, SHIM_CLASS says by
 * letters: c creates a name, d writes data, n renames or deletes, s syncs, r reads
 * ("cdns" when unset). Then, with N counted from 1:
 *     SHIM_KILL=N                 SIGKILL in place of the Nth; half of a write is done first
 *     SHIM_FAIL=N SHIM_ERRNO=E    the Nth fails with error number E; SHIM_LASTING=1: and
 *                                 each one after it
 *     SHIM_COUNT=FILE             how many there were is written to FILE at the end
 *     SHIM_LOG=FILE               what was done is appended, for replay.c, which describes it
 *     SHIM_CLOCK=S                the clock of the day goes back S seconds at each look
 *     SHIM_ROOM=1                 a file system says that it has plenty of room, as one with
 *                                 a quota does
 *
 * A way to write that cannot be seen from here ends the process with a message
 * (a shared writable mapping), or is refused as by a file system that has none
 * (O_TMPFILE, reflinks, copy_file_range). Processes started by the program are outside.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FDS 4096

static char root[PATH_MAX];
static size_t root_len;
static const char *classes = "cdns", *count_file;
static long kill_at, fail_at, clock_step;
static int fail_errno = EIO, log_fd = -1;
static bool lasting, room;
static atomic_long count, looks;
static atomic_bool watched[FDS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static long number(const char *name)
{
    const char *text = getenv(name);

    return text ? strtol(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void start(void)
{
    const char *text = getenv("SHIM_ROOT");

    unsetenv("LD_PRELOAD");
    if (!text || strlen(text) >= sizeof root)
        return;
    strcpy(root, text);
    root_len = strlen(root);
    if (getenv("SHIM_CLASS"))
        classes = getenv("SHIM_CLASS");
    count_file = getenv("SHIM_COUNT");
    kill_at = number("SHIM_KILL");
    fail_at = number("SHIM_FAIL");
    lasting = number("SHIM_LASTING") != 0;
    clock_step = number("SHIM_CLOCK");
    room = number("SHIM_ROOM") != 0;
    if (number("SHIM_ERRNO") > 0)
        fail_errno = (int)number("SHIM_ERRNO");
    if (getenv("SHIM_LOG"))
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, getenv("SHIM_LOG"),
                              O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

__attribute__((destructor)) static void end(void)
{
    char text[32];
    int fd = count_file ? (int)syscall(SYS_openat, AT_FDCWD, count_file,
                                       O_WRONLY | O_CREAT | O_TRUNC, 0666)
                        : -1;
    int len = snprintf(text, sizeof text, "%ld\n", atomic_load(&count));

    if (fd >= 0)
        syscall(SYS_write, fd, text, len);
}

static void refuse(const char *what)
{
    static const char before[] = "shim: cannot see ", after[] = "\n";

    syscall(SYS_write, 2, before, sizeof before - 1);
    syscall(SYS_write, 2, what, strlen(what));
    syscall(SYS_write, 2, after, 1);
    abort();
}

/* The whole path of name in the folder that is open as dir. */
static bool locate(char out[PATH_MAX], int dir, const char *name)
{
    char link[64];
    ssize_t n;

    if (name[0] == '/')
        return snprintf(out, PATH_MAX, "%s", name) < PATH_MAX;
    if (dir == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/self/cwd");
    else
        snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    n = readlink(link, out, PATH_MAX - 1);
    if (n < 0)
        return false;
    return snprintf(out + n, (size_t)(PATH_MAX - n), "%s%s", name[0] ? "/" : "", name) <
           PATH_MAX - n;
}

static bool inside(char out[PATH_MAX], int dir, const char *name)
{
    return root_len && locate(out, dir, name) && strncmp(out, root, root_len) == 0 &&
           (out[root_len] == '/' || out[root_len] == '\0');
}

static bool is_watched(int fd)
{
    return fd >= 0 && fd < FDS && atomic_load(&watched[fd]);
}

static void watch(int fd, bool on)
{
    if (fd >= 0 && fd < FDS)
        atomic_store(&watched[fd], on);
}

enum verdict { GO, FAIL, KILL };

/* Counts a call of this class and says what becomes of it. */
static enum verdict judge(char class)
{
    long n;

    if (!strchr(classes, class))
        return GO;
    n = atomic_fetch_add(&count, 1) + 1;
    if (n == kill_at)
        return KILL;
    return fail_at && (n == fail_at || (lasting && n > fail_at)) ? FAIL : GO;
}

/* False: the call fails now, with errno set. Does not return when the end has come. */
static bool pass(char class)
{
    switch (judge(class)) {
    case KILL:
        kill(getpid(), SIGKILL);
        pause();
        return false;
    case FAIL:
        errno = fail_errno;
        return false;
    default:
        return true;
    }
}

/* --- the log: the lock is held over the call and its record, so that their order is one --- */

static void lock(void)
{
    if (log_fd >= 0)
        pthread_mutex_lock(&mutex);
}

static void unlock(void)
{
    int kept = errno;

    if (log_fd >= 0)
        pthread_mutex_unlock(&mutex);
    errno = kept;
}

static void record(const void *data, size_t len, const char *fmt, ...)
{
    char head[2 * PATH_MAX + 64];
    struct iovec parts[2];
    int kept = errno;
    va_list args;
    ssize_t n;

    if (log_fd < 0)
        return;
    va_start(args, fmt);
    n = vsnprintf(head, sizeof head, fmt, args);
    va_end(args);
    parts[0] = (struct iovec){head, (size_t)n};
    parts[1] = (struct iovec){(void *)(uintptr_t)data, len};
    if (syscall(SYS_writev, log_fd, parts, len ? 2 : 1) != n + (ssize_t)len)
        refuse("its own log: the disk of SHIM_LOG is full");
    errno = kept;
}

static unsigned long inode(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? (unsigned long)st.st_ino : 0;
}

/* --- opening and closing --- */

static int open_any(int dir, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    bool here = inside(path, dir, name), is_new = false;
    struct stat st;
    int fd;

    if (here && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (!here || !(flags & (O_CREAT | O_TRUNC))) {
        fd = (int)syscall(SYS_openat, dir, name, flags, mode);
        watch(fd, here);
        return fd;
    }
    lock();
    is_new = (flags & O_CREAT) && lstat(path, &st) != 0;
    fd = is_new && !pass('c') ? -1 : (int)syscall(SYS_openat, dir, name, flags, mode);
    watch(fd, true);
    if (fd >= 0 && is_new)
        record(NULL, 0, "C %lu %s\n", inode(fd), path);
    else if (fd >= 0 && (flags & O_TRUNC))
        record(NULL, 0, "T %lu 0\n", inode(fd));
    unlock();
    return fd;
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        va_list args; \
        mode_t mode; \
        va_start(args, flags); \
        mode = mode_of(flags, args); \
        va_end(args); \
        return open_any(AT_FDCWD, path, flags, mode); \
    }
#define OPENAT(name) \
    int name(int dir, const char *path, int flags, ...) \
    { \
        va_list args; \
        mode_t mode; \
        va_start(args, flags); \
        mode = mode_of(flags, args); \
        va_end(args); \
        return open_any(dir, path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}
int __open64_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}

int close(int fd)
{
    watch(fd, false);
    return (int)syscall(SYS_close, fd);
}

int closedir(DIR *dir)
{
    static int (*real)(DIR *);

    if (!real)
        real = (int (*)(DIR *))(uintptr_t)dlsym(RTLD_NEXT, "closedir");
    watch(dirfd(dir), false);
    return real(dir);
}

/* --- data --- */

/* Half of a write is done before the end, as the kernel may do. */
static ssize_t write_any(int fd, const void *data, size_t len, off_t pos, bool at_pos)
{
    enum verdict verdict;
    ssize_t n;

    if (!is_watched(fd))
        return at_pos ? syscall(SYS_pwrite64, fd, data, len, pos)
                      : syscall(SYS_write, fd, data, len);
    lock();
    verdict = judge('d');
    if (verdict == FAIL) {
        errno = fail_errno;
        n = -1;
    } else {
        if (!at_pos)
            pos = fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END)
                                                : lseek(fd, 0, SEEK_CUR);
        if (verdict == KILL)
            len /= 2;
        n = at_pos ? syscall(SYS_pwrite64, fd, data, len, pos)
                   : syscall(SYS_write, fd, data, len);
        if (n > 0)
            record(data, (size_t)n, "W %lu %lld %zd\n", inode(fd), (long long)pos, n);
        if (verdict == KILL)
            kill(getpid(), SIGKILL);
    }
    unlock();
    return n;
}

ssize_t write(int fd, const void *data, size_t len)
{
    return write_any(fd, data, len, 0, false);
}
ssize_t pwrite(int fd, const void *data, size_t len, off_t pos)
{
    return write_any(fd, data, len, pos, true);
}
ssize_t pwrite64(int fd, const void *data, size_t len, off64_t pos)
{
    return write_any(fd, data, len, pos, true);
}

/* Of several pieces the first is written: a short write, which callers have to bear. */
ssize_t writev(int fd, const struct iovec *v, int n)
{
    return is_watched(fd) && n > 0 ? write_any(fd, v[0].iov_base, v[0].iov_len, 0, false)
                                   : syscall(SYS_writev, fd, v, n);
}
static ssize_t pwritev_any(int fd, const struct iovec *v, int n, off_t pos)
{
    if (n <= 0) {
        errno = EINVAL;
        return -1;
    }
    return write_any(fd, v[0].iov_base, v[0].iov_len, pos, true);
}
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t pos)
{
    return pwritev_any(fd, v, n, pos);
}
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t pos)
{
    return pwritev_any(fd, v, n, pos);
}

static int truncate_any(int fd, off_t len)
{
    int failed;

    if (!is_watched(fd))
        return (int)syscall(SYS_ftruncate, fd, len);
    lock();
    failed = pass('d') ? (int)syscall(SYS_ftruncate, fd, len) : -1;
    if (failed == 0)
        record(NULL, 0, "T %lu %lld\n", inode(fd), (long long)len);
    unlock();
    return failed;
}

int ftruncate(int fd, off_t len)
{
    return truncate_any(fd, len);
}
int ftruncate64(int fd, off64_t len)
{
    return truncate_any(fd, len);
}

/* Space alone changes nothing that a crash could show, but the file's length does. */
static int allocate(int fd, int mode, off_t pos, off_t len)
{
    struct stat st;
    int failed;

    if (!is_watched(fd))
        return (int)syscall(SYS_fallocate, fd, mode, pos, len);
    if (mode & ~FALLOC_FL_KEEP_SIZE)
        refuse("a fallocate that changes data");
    lock();
    failed = pass('d') ? (int)syscall(SYS_fallocate, fd, mode, pos, len) : -1;
    if (failed == 0 && fstat(fd, &st) == 0)
        record(NULL, 0, "T %lu %lld\n", inode(fd), (long long)st.st_size);
    unlock();
    return failed;
}

int fallocate(int fd, int mode, off_t pos, off_t len)
{
    return allocate(fd, mode, pos, len);
}
int fallocate64(int fd, int mode, off64_t pos, off64_t len)
{
    return allocate(fd, mode, pos, len);
}
int posix_fallocate(int fd, off_t pos, off_t len)
{
    return allocate(fd, 0, pos, len) == 0 ? 0 : errno;
}
int posix_fallocate64(int fd, off64_t pos, off64_t len)
{
    return allocate(fd, 0, pos, len) == 0 ? 0 : errno;
}

static int sync_any(int fd, long call)
{
    int failed;

    if (!is_watched(fd))
        return (int)syscall(call, fd);
    lock();
    failed = pass('s') ? (int)syscall(call, fd) : -1;
    if (failed == 0)
        record(NULL, 0, "S %lu\n", inode(fd));
    unlock();
    return failed;
}

int fsync(int fd)
{
    return sync_any(fd, SYS_fsync);
}
int fdatasync(int fd)
{
    return sync_any(fd, SYS_fdatasync);
}
/* It starts writing and promises nothing: not recorded. */
int sync_file_range(int fd, off64_t pos, off64_t len, unsigned flags)
{
    if (is_watched(fd) && !pass('s'))
        return -1;
    return (int)syscall(SYS_sync_file_range, fd, pos, len, flags);
}

ssize_t read(int fd, void *data, size_t len)
{
    if (is_watched(fd) && !pass('r'))
        return -1;
    return syscall(SYS_read, fd, data, len);
}
ssize_t pread(int fd, void *data, size_t len, off_t pos)
{
    if (is_watched(fd) && !pass('r'))
        return -1;
    return syscall(SYS_pread64, fd, data, len, pos);
}
ssize_t pread64(int fd, void *data, size_t len, off64_t pos)
{
    return pread(fd, data, len, pos);
}
/* What fortified callers use; the size of their buffer was checked by the compiler's side. */
ssize_t __read_chk(int fd, void *data, size_t len, size_t size);
ssize_t __pread_chk(int fd, void *data, size_t len, off_t pos, size_t size);
ssize_t __pread64_chk(int fd, void *data, size_t len, off_t pos, size_t size);
ssize_t __read_chk(int fd, void *data, size_t len, size_t size)
{
    return len > size ? (refuse("a read past its buffer"), -1) : read(fd, data, len);
}
ssize_t __pread_chk(int fd, void *data, size_t len, off_t pos, size_t size)
{
    return len > size ? (refuse("a read past its buffer"), -1) : pread(fd, data, len, pos);
}
ssize_t __pread64_chk(int fd, void *data, size_t len, off_t pos, size_t size)
{
    return __pread_chk(fd, data, len, pos, size);
}

/* --- names --- */

/* class, what is recorded (KIND from, and to where there is one), and the call itself. */
#define NAMES(class, kind, from, to, call)     do {         int failed_;         lock();         failed_ = pass(class) ? (int)(call) : -1;         if (failed_ == 0)             record(NULL, 0, "%s %s\t%s\n", kind, from, to);         unlock();         return failed_;     } while (0)

static int rename_any(int from_dir, const char *from, int to_dir, const char *to,
                      unsigned flags)
{
    char a[PATH_MAX], b[PATH_MAX];
    bool is_a = inside(a, from_dir, from), is_b = inside(b, to_dir, to);

    if (!is_a && !is_b)
        return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    if ((flags & ~RENAME_NOREPLACE) || (log_fd >= 0 && is_a != is_b))
        refuse("a rename that exchanges, or crosses the border of what is watched");
    NAMES('n', "R", a, b, syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

int rename(const char *from, const char *to)
{
    return rename_any(AT_FDCWD, from, AT_FDCWD, to, 0);
}
int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return rename_any(from_dir, from, to_dir, to, 0);
}
int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    return rename_any(from_dir, from, to_dir, to, flags);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    char a[PATH_MAX], b[PATH_MAX];

    if (!inside(b, to_dir, to))
        return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
    /* The log has no bytes of a file from elsewhere: the caller copies it then. */
    if (log_fd >= 0 && !inside(a, from_dir, from)) {
        errno = EXDEV;
        return -1;
    }
    if (!locate(a, from_dir, from))
        return -1;
    NAMES('c', "L", a, b, syscall(SYS_linkat, from_dir, from, to_dir, to, flags));
}
int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int symlinkat(const char *target, int dir, const char *name)
{
    char path[PATH_MAX];

    if (!inside(path, dir, name))
        return (int)syscall(SYS_symlinkat, target, dir, name);
    if (log_fd >= 0)
        refuse("a symbolic link");
    return pass('c') ? (int)syscall(SYS_symlinkat, target, dir, name) : -1;
}
int symlink(const char *target, const char *name)
{
    return symlinkat(target, AT_FDCWD, name);
}

int unlinkat(int dir, const char *name, int flags)
{
    char path[PATH_MAX];

    if (!inside(path, dir, name))
        return (int)syscall(SYS_unlinkat, dir, name, flags);
    NAMES('n', "U", path, "", syscall(SYS_unlinkat, dir, name, flags));
}
int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}
int rmdir(const char *name)
{
    return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

int mkdirat(int dir, const char *name, mode_t mode)
{
    char path[PATH_MAX];
    struct stat st;
    int failed;

    if (!inside(path, dir, name))
        return (int)syscall(SYS_mkdirat, dir, name, mode);
    if (lstat(path, &st) == 0) {
        errno = EEXIST;
        return -1;
    }
    lock();
    failed = pass('c') ? (int)syscall(SYS_mkdirat, dir, name, mode) : -1;
    if (failed == 0)
        record(NULL, 0, "D %lu %s\n",
               lstat(path, &st) == 0 ? (unsigned long)st.st_ino : 0UL, path);
    unlock();
    return failed;
}
int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}

/* --- ways past the log --- */

static void *map_any(void *at, size_t len, int prot, int flags, int fd, off_t pos)
{
    if (is_watched(fd) && (prot & PROT_WRITE) && (flags & MAP_TYPE) != MAP_PRIVATE)
        refuse("a shared writable mapping");
    return (void *)syscall(SYS_mmap, at, len, prot, flags, fd, pos);
}
void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t pos)
{
    return map_any(at, len, prot, flags, fd, pos);
}
void *mmap64(void *at, size_t len, int prot, int flags, int fd, off64_t pos)
{
    return map_any(at, len, prot, flags, fd, pos);
}

ssize_t copy_file_range(int in, off64_t *in_pos, int out, off64_t *out_pos, size_t len,
                        unsigned flags)
{
    if (is_watched(out)) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return syscall(SYS_copy_file_range, in, in_pos, out, out_pos, len, flags);
}

ssize_t sendfile(int out, int in, off_t *pos, size_t len);
ssize_t sendfile(int out, int in, off_t *pos, size_t len)
{
    if (is_watched(out)) {
        errno = EINVAL;
        return -1;
    }
    return syscall(SYS_sendfile, out, in, pos, len);
}

int ioctl(int fd, unsigned long request, ...);
int ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    void *arg;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);
    if (is_watched(fd) && request == 0x40049409UL /* FICLONE */) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return (int)syscall(SYS_ioctl, fd, request, arg);
}

/* --- room --- */

#define STATVFS(name) \
    int name(const char *path, struct name *out) \
    { \
        static int (*real)(const char *, struct name *); \
        int failed; \
        if (!real) \
            real = (int (*)(const char *, struct name *))(uintptr_t)dlsym(RTLD_NEXT, #name); \
        failed = real(path, out); \
        if (failed == 0 && room) { \
            out->f_bfree = out->f_bavail = UINT32_MAX; \
            out->f_ffree = out->f_favail = UINT32_MAX; \
        } \
        return failed; \
    }
STATVFS(statvfs)
STATVFS(statvfs64)

/* --- the clock --- */

int clock_gettime(clockid_t id, struct timespec *now)
{
    int failed = (int)syscall(SYS_clock_gettime, id, now);

    if (failed == 0 && id == CLOCK_REALTIME && clock_step)
        now->tv_sec -= clock_step * (atomic_fetch_add(&looks, 1) + 1);
    return failed;
}

time_t time(time_t *out)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
