/* A process like a model's that was taken over: what it tries in its sandbox fails. Each
 * test runs in a child, since a sandbox cannot be left. */
#if defined(__linux__)
#define _GNU_SOURCE /* syscall, unshare */
#endif
#include "cmocka_all.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#if defined(__linux__)
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#endif

#include "engines/helper/sandbox.h"
#include "scratch.h"

static char active[SANDBOX_TEXT_MAX];
static const char *model, *secret, *output;
static bool no_landlock; /* an older kernel */

static bool has(const char *word)
{
    return strstr(active, word) != NULL;
}

static void enter(bool writes)
{
    struct sandbox_spec spec = {.readable = &model,
                                .n_readable = 1,
                                .writable = &output,
                                .n_writable = writes ? 1 : 0,
                                .no_landlock = no_landlock};

    sandbox_enter(&spec, active);
}

static int make_files(void **state)
{
    if (scratch_setup(state) != 0)
        return -1;
    model = scratch_text("model.gguf", "weights");
    secret = scratch_text("home/.ssh/id", "secret");
    output = scratch_text("output.gguf", "");
    return 0;
}

/* The line that failed in the child, 0 for none; 255: the sandbox is not there. */
static void in_child(int (*attempt)(void))
{
    int state;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(attempt());
    assert_int_equal(waitpid(pid, &state, 0), pid);
    if (!WIFEXITED(state))
        fail_msg("ended by signal %d", WTERMSIG(state));
    if (WEXITSTATUS(state) == 255) {
        print_message("this system has no sandbox of the kind: %s\n", active);
        skip();
    }
    if (WEXITSTATUS(state) != 0)
        fail_msg("attempt %d was not as it has to be", WEXITSTATUS(state));
}

static bool refused(long result)
{
    return result < 0 && (errno == EPERM || errno == EACCES || errno == ENOSYS);
}

static bool can_read(const char *path)
{
    char byte;
    int fd = open(path, O_RDONLY);
    bool ok = fd >= 0 && read(fd, &byte, 1) >= 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

#define must(n, what)                                                                    \
    do {                                                                                 \
        if (!(what))                                                                     \
            return n;                                                                    \
    } while (0)

/* --- files --- */

static int read_files(void)
{
    DIR *dir;

    enter(false);
    if (!has("landlock") && !has("profile"))
        return 255;
    must(1, can_read(model));
    must(2, !can_read(secret) && (errno == EACCES || errno == EPERM));
    must(3, !can_read("/etc/passwd"));
    must(4, !can_read("/etc/hostname"));
    dir = opendir(scratch);
    must(5, !dir);
    must(6, !can_read(output));
#if defined(__linux__)
    must(7, can_read("/proc/self/status") && can_read("/proc/cpuinfo"));
    must(8, !can_read("/proc/1/environ"));
#endif
    return 0;
}

static int write_files(void)
{
    enter(false);
    must(1, has("seccomp") || has("profile"));
    must(2, refused(open(in_scratch("new"), O_WRONLY | O_CREAT, 0600)));
    must(3, refused(open(model, O_WRONLY)));
    must(4, refused(open(model, O_RDWR)));
    must(5, refused(open(model, O_RDONLY | O_TRUNC)));
    must(6, refused(truncate(model, 0)));
    must(7, refused(unlink(model)));
    must(8, refused(rename(model, in_scratch("other"))));
    must(9, refused(mkdir(in_scratch("folder"), 0700)));
    must(10, refused(symlink(secret, in_scratch("link"))));
    must(11, refused(link(model, in_scratch("hard"))));
    must(12, refused(chmod(model, 0777)));
    must(13, refused(open(output, O_WRONLY)));
    must(14, can_read(model));
    return 0;
}

static int write_the_output(void)
{
    int fd;

    enter(true);
    must(1, has("seccomp") || has("profile"));
    fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(2, fd >= 0 && write(fd, "new", 3) == 3);
    close(fd);
    if (!has("landlock") && !has("profile"))
        return 0;
    must(3, refused(open(model, O_WRONLY)));
    must(4, refused(open(in_scratch("beside"), O_WRONLY | O_CREAT, 0600)));
    return 0;
}

#if defined(__linux__)
static int write_files_without_landlock(void)
{
    no_landlock = true;
    return write_files();
}

static int write_the_output_without_landlock(void)
{
    no_landlock = true;
    return write_the_output();
}
#endif

/* --- the network --- */

static int use_the_network(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    int ready = socket(AF_INET, SOCK_DGRAM, 0), stream = socket(AF_INET, SOCK_STREAM, 0);
    int pair[2], more[2];
    char byte = 'x';

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(1, ready >= 0 && stream >= 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    enter(false);
    must(2, has("seccomp") || has("profile"));
    must(3, refused(socket(AF_INET, SOCK_STREAM, 0)));
    must(4, refused(socket(AF_INET6, SOCK_DGRAM, 0)));
    must(6, refused(connect(stream, (struct sockaddr *)&to, sizeof to)));
    must(7, refused(bind(stream, (struct sockaddr *)&to, sizeof to)));
    must(8, refused(sendto(ready, &byte, 1, 0, (struct sockaddr *)&to, sizeof to)));
#if defined(__linux__)
    must(5, refused(socket(AF_UNIX, SOCK_STREAM, 0)));
    must(9, refused(listen(stream, 1)));
    must(10, refused(accept(stream, NULL, NULL)));
    must(11, refused(socketpair(AF_UNIX, SOCK_STREAM, 0, more)));
#endif
    (void)more;
    /* The channel is what it has. */
    must(12, send(pair[0], &byte, 1, 0) == 1 && read(pair[1], &byte, 1) == 1);
    must(13, write(pair[1], &byte, 1) == 1 && recv(pair[0], &byte, 1, 0) == 1);
    return 0;
}

/* --- programs and processes --- */

static int start_programs(void)
{
    char *argv[] = {(char *)(uintptr_t) "/bin/true", NULL};
    pid_t pid, parent = getppid();

    enter(false);
    must(1, has("seccomp") || has("profile"));
    must(2, refused(execv("/bin/true", argv)));
    pid = fork();
    if (pid == 0)
        _exit(0);
    must(3, refused(pid));
    must(4, posix_spawn(&pid, "/bin/true", NULL, NULL, argv, NULL) != 0);
    must(5, refused(kill(parent, 0)));
    must(6, refused(kill(-1, 0)));
#if defined(__linux__)
    must(7, refused(syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, NULL, 0)));
    must(8, refused(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL)));
    must(9, refused(syscall(435, NULL, 0))); /* clone3 */
#endif
    must(10, kill(getpid(), 0) == 0);
    return 0;
}

#if defined(__linux__)
static int use_the_kernel(void)
{
    struct iovec mine = {active, 1};
    struct rlimit limit = {1, 1};
    pid_t parent = getppid();
    char byte = 'x';

    enter(false);
    if (!has("seccomp"))
        return 255;
    must(1, refused(ptrace(PTRACE_ATTACH, parent, NULL, NULL)));
    must(2, refused(process_vm_readv(parent, &mine, 1, &mine, 1, 0)));
    must(3, refused(process_vm_writev(parent, &mine, 1, &mine, 1, 0)));
    must(4, refused(syscall(SYS_bpf, 0, NULL, 0)));
    must(5, refused(syscall(SYS_keyctl, 0, 0)));
    must(6, refused(syscall(425, 8, NULL))); /* io_uring_setup */
    must(7, refused(unshare(CLONE_NEWUSER)));
    must(8, refused(syscall(SYS_mount, "none", scratch, "tmpfs", 0, NULL)));
    must(9, refused(setuid(0)));
    must(10, refused(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0)));
    must(11, refused(syscall(SYS_userfaultfd, 0)));
    must(12, refused(syscall(SYS_tkill, getpid(), 0)));
    must(13, refused(syscall(SYS_prlimit64, parent, RLIMIT_CPU, &limit, NULL)));
    must(14, refused(syscall(437, AT_FDCWD, model, NULL, 0))); /* openat2 */
    must(15, refused(syscall(434, parent, 0)));                /* pidfd_open */
    must(16, refused(ioctl(0, 0x5412 /* TIOCSTI */, &byte)));
#if defined(__x86_64__)
    /* x32's numbers would go around all of it. */
    must(17, refused(syscall(0x40000000 + 39)));
#endif
    must(18, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    return 0;
}
#endif

/* --- what an engine needs --- */

static void *add_one(void *n)
{
    ++*(int *)n;
    return NULL;
}

static int work_goes_on(void)
{
    pthread_t thread;
    int n = 0, fd;
    void *map;

    enter(false);
    must(1, pthread_create(&thread, NULL, add_one, &n) == 0);
    must(2, pthread_join(thread, NULL) == 0 && n == 1);
    fd = open(model, O_RDONLY);
    map = mmap(NULL, 7, PROT_READ, MAP_SHARED, fd, 0);
    must(3, map != MAP_FAILED && memcmp(map, "weights", 7) == 0);
    must(4, mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                 0) != MAP_FAILED);
    must(5, malloc(1 << 24) != NULL);
    must(6, time(NULL) > 0 && sysconf(_SC_NPROCESSORS_ONLN) > 0);
    return 0;
}

static int abort_is_an_abort(void)
{
    enter(false);
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void an_abort_reaches_the_caller(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0)
        _exit(abort_is_an_abort());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

#define child_test(name)                                                                 \
    static void test_##name(void **state)                                                \
    {                                                                                    \
        (void)state;                                                                     \
        in_child(name);                                                                  \
    }

child_test(read_files)
child_test(write_files)
child_test(write_the_output)
child_test(use_the_network)
child_test(start_programs)
#if defined(__linux__)
child_test(use_the_kernel)
child_test(write_files_without_landlock)
child_test(write_the_output_without_landlock)
#endif
child_test(work_goes_on)

#define files_test(f) cmocka_unit_test_setup_teardown(f, make_files, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        files_test(test_read_files),
        files_test(test_write_files),
        files_test(test_write_the_output),
        files_test(test_use_the_network),
        files_test(test_start_programs),
#if defined(__linux__)
        files_test(test_use_the_kernel),
        files_test(test_write_files_without_landlock),
        files_test(test_write_the_output_without_landlock),
#endif
        files_test(test_work_goes_on),
        files_test(an_abort_reaches_the_caller),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
