/* sandbox_linux.c - no_new_privs, Landlock and a seccomp filter, by raw system calls. */
#if defined(__linux__)
#define _GNU_SOURCE /* O_PATH */
#include "engines/helper/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- Landlock (Documentation/userspace-api/landlock.rst) ---
 * Its numbers are given here: the system's headers may be older than the kernel. */

#define SYSCALL_CREATE_RULESET 444
#define SYSCALL_ADD_RULE 445
#define SYSCALL_RESTRICT_SELF 446
#define CREATE_RULESET_VERSION 1U
#define RULE_PATH_BENEATH 1
#define RESTRICT_SELF_TSYNC (1U << 3) /* ABI 8 */

#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_ABI_1 ((1ULL << 13) - 1)
#define FS_REFER (1ULL << 13)     /* ABI 2 */
#define FS_TRUNCATE (1ULL << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define NET_TCP 3ULL              /* ABI 4: bind, connect */
#define SCOPE_ALL 3ULL            /* ABI 6: abstract sockets, signals */

struct ruleset_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

struct path_beneath_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

static void allow(int ruleset, uint64_t handled, const char *path, uint64_t access)
{
    struct path_beneath_attr rule = {.allowed_access = access & handled};
    struct stat st;

    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return;
    /* Rights on a folder's entries make no sense for a file, and are refused. */
    if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
        rule.allowed_access &= ~FS_READ_DIR;
    syscall(SYSCALL_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0U);
    close(rule.parent_fd);
}

/* What libraries read when they start threads, ask for the processors or fail. */
static const char *const system_files[] = {
    "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", "/etc/ld.so.cache",
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu",
    "/sys/devices/system/node", "/dev/null", "/dev/zero", "/dev/urandom"};

static const char *const gpu_devices[] = {
    "/dev/dri", "/dev/kfd", "/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia1",
    "/dev/nvidia2", "/dev/nvidia3", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"};

static bool enter_landlock(const struct sandbox_spec *spec)
{
    const uint64_t read = FS_READ_FILE | FS_READ_DIR;
    struct ruleset_attr attr = {.handled_access_fs = FS_ABI_1};
    long abi = syscall(SYSCALL_CREATE_RULESET, NULL, (size_t)0, CREATE_RULESET_VERSION);
    bool entered;
    int ruleset;
    size_t i;

    if (abi < 1)
        return false;
    if (abi >= 2)
        attr.handled_access_fs |= FS_REFER;
    if (abi >= 3)
        attr.handled_access_fs |= FS_TRUNCATE;
    if (abi >= 4)
        attr.handled_access_net = NET_TCP;
    if (abi >= 5)
        attr.handled_access_fs |= FS_IOCTL_DEV;
    if (abi >= 6)
        attr.scoped = SCOPE_ALL;
    ruleset = (int)syscall(SYSCALL_CREATE_RULESET, &attr, sizeof attr, 0U);
    if (ruleset < 0)
        return false;
    for (i = 0; i < sizeof system_files / sizeof system_files[0]; i++)
        allow(ruleset, attr.handled_access_fs, system_files[i], read);
    for (i = 0; i < spec->n_readable; i++)
        allow(ruleset, attr.handled_access_fs, spec->readable[i], read);
    for (i = 0; i < spec->n_writable; i++)
        allow(ruleset, attr.handled_access_fs, spec->writable[i],
              FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE);
    for (i = 0; spec->gpu && i < sizeof gpu_devices / sizeof gpu_devices[0]; i++)
        allow(ruleset, attr.handled_access_fs, gpu_devices[i],
              read | FS_WRITE_FILE | FS_IOCTL_DEV);
    entered = syscall(SYSCALL_RESTRICT_SELF, ruleset,
                      abi >= 8 ? RESTRICT_SELF_TSYNC : 0U) == 0;
    close(ruleset);
    return entered;
}

/* --- seccomp --- */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000U
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#if defined(ARCH)

#define FILTER_MAX 512
#define ARGUMENT(i) (offsetof(struct seccomp_data, args) + 8 * (i)) /* its low half */

struct filter {
    struct sock_filter code[FILTER_MAX];
    unsigned short n;
};

static void emit(struct filter *f, unsigned short code, unsigned char yes,
                 unsigned char no, uint32_t k)
{
    if (f->n < FILTER_MAX)
        f->code[f->n] = (struct sock_filter){code, yes, no, k};
    f->n++;
}

static void load_word(struct filter *f, size_t offset)
{
    emit(f, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void answer(struct filter *f, int error)
{
    emit(f, BPF_RET | BPF_K, 0, 0,
         error ? SECCOMP_RET_ERRNO | (uint32_t)error : SECCOMP_RET_ALLOW);
}

static void deny(struct filter *f, long number, int error)
{
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)number);
    answer(f, error);
}

/* Each of these leaves the accumulator with the number again when the call is another. */

static void when_argument_is(struct filter *f, long number, size_t index, uint32_t value,
                             uint32_t or_value)
{
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, (uint32_t)number);
    load_word(f, ARGUMENT(index));
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 2, 0, value);
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, or_value);
    answer(f, EPERM);
    answer(f, 0);
}

static void when_bits(struct filter *f, long number, size_t index, uint32_t bits,
                      bool set_is_fine)
{
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, (uint32_t)number);
    load_word(f, ARGUMENT(index));
    emit(f, BPF_JMP | BPF_JSET | BPF_K, set_is_fine ? 1 : 0, set_is_fine ? 0 : 1, bits);
    answer(f, EPERM);
    answer(f, 0);
}

/* On the channel only: with an address it could reach others. */
static void when_no_address(struct filter *f, long number, size_t index)
{
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 6, (uint32_t)number);
    load_word(f, ARGUMENT(index));
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0);
    load_word(f, ARGUMENT(index) + 4);
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0);
    answer(f, EPERM);
    answer(f, 0);
}

static const int denied[] = {
    /* the network */
    SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_accept,
    SYS_accept4, SYS_sendmsg, SYS_sendmmsg, SYS_recvmsg, SYS_recvmmsg,
    /* programs and processes */
    SYS_execve, SYS_execveat, SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_setns,
    SYS_unshare, SYS_personality, SYS_setsid, SYS_setpgid,
    SYS_migrate_pages, SYS_move_pages, SYS_shmget, SYS_shmat, SYS_msgget, SYS_msgsnd,
    SYS_semget, SYS_mq_open,
    /* who it is */
    SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid,
    SYS_setgroups, SYS_setfsuid, SYS_setfsgid, SYS_capset,
    /* the kernel */
    SYS_bpf, SYS_perf_event_open, SYS_keyctl, SYS_add_key, SYS_request_key,
    SYS_userfaultfd, SYS_init_module, SYS_finit_module, SYS_delete_module,
    SYS_kexec_load, SYS_reboot, SYS_syslog, SYS_acct, SYS_quotactl, SYS_swapon,
    SYS_swapoff, SYS_sethostname, SYS_setdomainname, SYS_settimeofday, SYS_clock_settime,
    SYS_clock_adjtime, SYS_adjtimex, SYS_vhangup,
    /* file systems and names of files */
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_open_by_handle_at,
    SYS_name_to_handle_at, SYS_fanotify_init, SYS_unlinkat, SYS_renameat2, SYS_mkdirat,
    SYS_linkat, SYS_symlinkat, SYS_mknodat, SYS_fchmod, SYS_fchmodat, SYS_fchown,
    SYS_fchownat, SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr,
    SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, SYS_truncate,
#if defined(SYS_renameat)
    SYS_renameat,
#endif
#if defined(SYS_kexec_file_load)
    SYS_kexec_file_load,
#endif
#if defined(__x86_64__)
    SYS_fork, SYS_vfork, SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat,
    SYS_unlink, SYS_rename, SYS_mkdir, SYS_rmdir, SYS_link, SYS_symlink, SYS_mknod,
    SYS_chmod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat, SYS_creat,
#endif
};

/* Younger than some systems' headers; the same on both kinds of processor. A kernel
 * without them answers so too. */
static const int denied_young[] = {
    424, /* pidfd_send_signal */
    425, /* io_uring_setup */
    426, /* io_uring_enter */
    427, /* io_uring_register */
    428, /* open_tree */
    429, /* move_mount */
    430, /* fsopen */
    431, /* fsconfig */
    432, /* fsmount */
    433, /* fspick */
    434, /* pidfd_open */
    435, /* clone3: glibc then uses clone, whose flags can be looked at */
    437, /* openat2: its flags cannot be */
    438, /* pidfd_getfd */
    440, /* process_madvise */
    442, /* mount_setattr */
    443, /* quotactl_fd */
    448, /* process_mrelease */
    452, /* fchmodat2 */
};

static void build(struct filter *f, bool writes)
{
    const uint32_t pid = (uint32_t)getpid();
    const uint32_t write_flags = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
    size_t i;

    load_word(f, offsetof(struct seccomp_data, arch));
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCH);
    emit(f, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM);
    load_word(f, offsetof(struct seccomp_data, nr));
#if defined(X32_BIT)
    emit(f, BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32_BIT);
    answer(f, EPERM);
#endif
    for (i = 0; i < sizeof denied / sizeof denied[0]; i++)
        deny(f, denied[i], EPERM);
    for (i = 0; i < sizeof denied_young / sizeof denied_young[0]; i++)
        deny(f, denied_young[i], ENOSYS);
    when_bits(f, SYS_clone, 0, CLONE_THREAD, true);
    when_argument_is(f, SYS_kill, 0, pid, pid);
    when_argument_is(f, SYS_tgkill, 0, pid, pid); /* abort(3) */
    when_argument_is(f, SYS_prlimit64, 0, 0, pid);
    when_no_address(f, SYS_sendto, 4);
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, SYS_ioctl);
    load_word(f, ARGUMENT(1));
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, TIOCSTI);
    answer(f, EPERM);
    answer(f, 0);
    if (!writes) {
        when_bits(f, SYS_openat, 2, write_flags, false);
#if defined(__x86_64__)
        when_bits(f, SYS_open, 1, write_flags, false);
#endif
    }
    answer(f, 0);
}

static bool enter_seccomp(bool writes)
{
    static struct filter f;
    struct sock_fprog program;

    f.n = 0;
    build(&f, writes);
    if (f.n > FILTER_MAX)
        return false;
    program = (struct sock_fprog){.len = f.n, .filter = f.code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
                   &program) == 0;
}

#else

static bool enter_seccomp(bool writes)
{
    (void)writes;
    return false;
}

#endif

void sandbox_enter(const struct sandbox_spec *spec, char active[SANDBOX_TEXT_MAX])
{
    bool landlock = false, seccomp = false;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
        landlock = !spec->no_landlock && enter_landlock(spec);
        /* With Landlock it is by path, and devices of GPUs are opened for writing. */
        seccomp = enter_seccomp(landlock || spec->gpu || spec->n_writable > 0);
    }
    snprintf(active, SANDBOX_TEXT_MAX, "%s%s%s", seccomp ? "seccomp" : "",
             seccomp && landlock ? " " : "", landlock ? "landlock" : "");
    if (!seccomp && !landlock)
        snprintf(active, SANDBOX_TEXT_MAX, "none");
}

#else
typedef int sandbox_linux_is_empty;
#endif
