#if defined(__linux__)
#define _GNU_SOURCE /* sched_getaffinity, renameat2 */
#endif

#include "base/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "base/process.h"
#include "base/text.h"

#if defined(__linux__)
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#elif defined(__APPLE__)
#include <copyfile.h>
#include <mach-o/dyld.h>
#include <mach/mach.h>
#include <sys/sysctl.h>
#endif

int vanta_platform_fsync(int fd)
{
#if defined(__APPLE__)
    if (fcntl(fd, F_FULLFSYNC) == 0)
        return 0;
#endif
    return fsync(fd);
}

void vanta_platform_write_back(int fd, uint64_t pos, uint64_t len)
{
#if defined(__linux__)
    (void)sync_file_range(fd, (off_t)pos, (off_t)len, SYNC_FILE_RANGE_WRITE);
#else
    (void)fd;
    (void)pos;
    (void)len;
#endif
}

void vanta_platform_reserve(int fd, uint64_t bytes)
{
#if defined(__linux__)
    (void)!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes);
#elif defined(__APPLE__)
    fstore_t store = {.fst_flags = F_ALLOCATEALL, .fst_posmode = F_PEOFPOSMODE,
                      .fst_length = (off_t)bytes};

    (void)fcntl(fd, F_PREALLOCATE, &store);
#else
    (void)fd;
    (void)bytes;
#endif
}

void vanta_platform_boot(char out[VANTA_BOOT_MAX])
{
#if defined(__APPLE__)
    size_t size = VANTA_BOOT_MAX;

    if (sysctlbyname("kern.bootsessionuuid", out, &size, NULL, 0) != 0)
        size = 0;
    out[size < VANTA_BOOT_MAX ? size : VANTA_BOOT_MAX - 1] = '\0';
#else
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, VANTA_BOOT_MAX - 1);

    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
#endif
}

/* link and unlink is the portable way; a file system without hard links gets a rename
 * behind a check, which two processes under our own locks cannot race. */
int vanta_platform_rename_new(const char *from, const char *to)
{
    struct stat st;

#if defined(__linux__)
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
#elif defined(__APPLE__)
    if (renamex_np(from, to, RENAME_EXCL) == 0)
        return 0;
    if (errno != ENOTSUP)
        return -1;
#endif
    if (link(from, to) == 0)
        return unlink(from);
    if (errno == EEXIST)
        return -1;
    if (lstat(to, &st) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

bool vanta_platform_clone(int in, int out)
{
#if defined(__linux__) && defined(FICLONE)
    return ioctl(out, FICLONE, in) == 0;
#elif defined(__APPLE__)
    if (fcopyfile(in, out, NULL, COPYFILE_DATA) == 0)
        return true;
    /* What it copied before it failed must not stay. */
    if (ftruncate(out, 0) != 0 || lseek(out, 0, SEEK_SET) != 0)
        return false;
    lseek(in, 0, SEEK_SET);
    return false;
#else
    (void)in;
    (void)out;
    return false;
#endif
}

void vanta_platform_read_ahead(int fd)
{
#if defined(__linux__)
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
#elif defined(__APPLE__)
    fcntl(fd, F_RDAHEAD, 1);
#else
    (void)fd;
#endif
}

size_t vanta_platform_cached_bytes(int fd, uint64_t pos, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = (len + page - 1) / page, i, in = 0;
#if defined(__APPLE__)
    char *pages = malloc(n + 1);
#else
    unsigned char *pages = malloc(n + 1);
#endif
    /* Nothing of the mapping is ever touched, so that a file that shrinks does no harm. */
    void *map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, (off_t)pos);

    if (!pages || map == MAP_FAILED || mincore(map, len, pages) != 0)
        in = n;
    else
        for (i = 0; i < n; i++)
            in += pages[i] & 1;
    if (map != MAP_FAILED)
        munmap(map, len);
    free(pages);
    return in * page < len ? in * page : len;
}

void vanta_platform_want(int fd, uint64_t pos, size_t len)
{
#if defined(__linux__)
    posix_fadvise(fd, (off_t)pos, (off_t)len, POSIX_FADV_WILLNEED);
#else
    (void)fd, (void)pos, (void)len;
#endif
}

void vanta_platform_forget(int fd, uint64_t pos, size_t len)
{
#if defined(__linux__)
    posix_fadvise(fd, (off_t)pos, (off_t)len, POSIX_FADV_DONTNEED);
#else
    (void)fd, (void)pos, (void)len; /* macOS keeps what is read once for a short time */
#endif
}

#if defined(__linux__)

/* The first line of path that starts with key, behind its colon or the key itself. */
static bool proc_value(const char *path, const char *key, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    char line[512];
    bool found = false;

    if (!file)
        return false;
    while (!found && fgets(line, sizeof line, file)) {
        char *value = line + strlen(key);

        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        value += strspn(value, " \t:");
        value[strcspn(value, "\n")] = '\0';
        vanta_text_printable(value, out, size);
        found = true;
    }
    fclose(file);
    return found;
}

static uint64_t meminfo_bytes(const char *key)
{
    char value[64];

    if (!proc_value("/proc/meminfo", key, value, sizeof value))
        return 0;
    return strtoull(value, NULL, 10) * 1024;
}

/* memory.max of the cgroup this process is in and of all above it (version 2), or the
 * limit of version 1; 0 when there is none. */
static uint64_t cgroup_limit(void)
{
    char group[VANTA_PATH_MAX], path[VANTA_PATH_MAX + 64], value[64];
    uint64_t limit = 0;

    if (proc_value("/proc/self/cgroup", "0::", group, sizeof group)) {
        for (;;) {
            char *slash;

            snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", group);
            if (proc_value(path, "", value, sizeof value) && value[0] != 'm') {
                uint64_t here = strtoull(value, NULL, 10);

                if (here && (!limit || here < limit))
                    limit = here;
            }
            slash = strrchr(group, '/');
            if (!slash)
                break;
            *slash = '\0';
        }
    }
    if (!limit && proc_value("/sys/fs/cgroup/memory/memory.limit_in_bytes", "", value,
                             sizeof value)) {
        limit = strtoull(value, NULL, 10);
        if (limit > (uint64_t)1 << 60)
            limit = 0;
    }
    return limit;
}

static void read_linux(struct vanta_machine *m)
{
    cpu_set_t set;

    if (!proc_value("/proc/cpuinfo", "model name", m->cpu, sizeof m->cpu))
        proc_value("/proc/device-tree/model", "", m->cpu, sizeof m->cpu);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        m->cores = (unsigned)CPU_COUNT(&set);
    m->ram = meminfo_bytes("MemTotal");
    m->ram_free = meminfo_bytes("MemAvailable");
    m->ram_limit = cgroup_limit();
}

#elif defined(__APPLE__)

static void read_macos(struct vanta_machine *m)
{
    vm_statistics64_data_t vm;
    mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
    char version[32] = "";
    size_t size = sizeof m->cpu;
    uint64_t ram = 0;

    sysctlbyname("machdep.cpu.brand_string", m->cpu, &size, NULL, 0);
    size = sizeof ram;
    if (sysctlbyname("hw.memsize", &ram, &size, NULL, 0) == 0)
        m->ram = ram;
    size = sizeof version;
    if (sysctlbyname("kern.osproductversion", version, &size, NULL, 0) == 0)
        snprintf(m->os, sizeof m->os, "macOS %s", version);
    if (host_statistics64(mach_host_self(), HOST_VM_INFO64, (host_info64_t)&vm, &count) ==
        KERN_SUCCESS)
        m->ram_free = ((uint64_t)vm.free_count + vm.inactive_count) *
                      (uint64_t)sysconf(_SC_PAGESIZE);
}

#endif

void vanta_machine_read(struct vanta_machine *machine)
{
    struct utsname uts;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    memset(machine, 0, sizeof *machine);
    snprintf(machine->cpu, sizeof machine->cpu, "unknown");
    machine->cores = cores > 0 ? (unsigned)cores : 1;
    if (uname(&uts) == 0) {
        snprintf(machine->os, sizeof machine->os, "%.20s %.40s", uts.sysname,
                 uts.release);
        snprintf(machine->arch, sizeof machine->arch, "%.31s", uts.machine);
    }
#if defined(__linux__)
    read_linux(machine);
#elif defined(__APPLE__)
    read_macos(machine);
#endif
    machine->ram_usable = machine->ram;
    if (machine->ram_limit && machine->ram_limit < machine->ram)
        machine->ram_usable = machine->ram_limit;
    if (machine->ram_free > machine->ram_usable)
        machine->ram_free = machine->ram_usable;
}

bool vanta_platform_self(char *out, size_t size)
{
#if defined(__linux__)
    ssize_t n = readlink("/proc/self/exe", out, size - 1);

    if (n <= 0 || (size_t)n >= size - 1)
        return false;
    out[n] = '\0';
    return true;
#elif defined(__APPLE__)
    char raw[PATH_MAX];
    uint32_t len = sizeof raw;
    char *real;
    bool ok;

    if (_NSGetExecutablePath(raw, &len) != 0 || !(real = realpath(raw, NULL)))
        return false;
    ok = vanta_format(out, size, "%s", real);
    free(real);
    return ok;
#else
    (void)out;
    (void)size;
    return false;
#endif
}

/* Both helpers watch our process and end with it, so that a kill -9 of ours leaves no
 * lock behind: caffeinate by itself, systemd-inhibit through a shell that asks. */
int64_t vanta_platform_stay_awake(const char *why)
{
    char program[VANTA_PATH_MAX], watch[128];
    struct vanta_process process = {0};
    long pid = (long)getpid();

#if defined(__APPLE__)
    const char *argv[] = {program, "-i", "-w", watch, NULL};

    (void)why;
    snprintf(watch, sizeof watch, "%ld", pid);
    if (!vanta_program_find("caffeinate", program))
        return 0;
#else
    char reason[128];
    const char *argv[] = {program, "--what=idle", "--who=vanta", reason,
                          "/bin/sh", "-c", watch, NULL};

    snprintf(reason, sizeof reason, "--why=%s", why);
    snprintf(watch, sizeof watch, "while kill -0 %ld 2>/dev/null; do sleep 5; done", pid);
    if (access("/run/systemd/system", F_OK) != 0 ||
        !vanta_program_find("systemd-inhibit", program))
        return 0;
#endif
    if (vanta_process_start(&process, &(struct vanta_process_spec){.argv = argv}, NULL) !=
        VANTA_OK)
        return 0;
    return (int64_t)process.pid;
}

void vanta_platform_may_sleep(int64_t token)
{
    if (token <= 0)
        return;
    kill(-(pid_t)token, SIGTERM);
    waitpid((pid_t)token, NULL, 0);
}
