#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "ended.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/vanta-process-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int delete_folder(void **state)
{
    (void)state;
    return vanta_remove_tree(folder, NULL) == VANTA_OK ? 0 : -1;
}

static void start(struct vanta_process *p, const char *script, bool die_with_parent)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    struct vanta_process_spec spec = {
        .argv = argv, .cwd = folder, .die_with_parent = die_with_parent};

    assert_int_equal(vanta_process_start(p, &spec, NULL), VANTA_OK);
}

/* The number in a file of the folder, waited for. */
static pid_t read_pid(const char *name)
{
    char path[128];
    struct vanta_buf buf = VANTA_BUF(64);
    pid_t pid = 0;
    int i;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (i = 0; i < 500 && pid == 0; i++) {
        buf.len = 0;
        if (vanta_file_read(path, &buf, NULL) == VANTA_OK && buf.len)
            pid = (pid_t)atol(buf.data);
        vanta_clock_sleep_ms(10, NULL);
    }
    vanta_buf_free(&buf);
    assert_true(pid > 0);
    return pid;
}

static void exit_codes_and_signals_are_told(void **state)
{
    struct vanta_process p;

    (void)state;
    start(&p, "exit 7", false);
    assert_true(vanta_process_wait(&p, 5000));
    assert_int_equal(p.exit_code, 7);
    start(&p, "kill -9 $$", false);
    assert_true(vanta_process_wait(&p, 5000));
    assert_int_equal(p.exit_code, 128 + SIGKILL);
}

static void no_descriptor_but_the_first_three_is_inherited(void **state)
{
    int fd = open("/dev/null", O_RDONLY), high = fcntl(fd, F_DUPFD, 9);
    struct vanta_process p;

    (void)state;
    assert_true(fd > 2 && high >= 9 && high < 20);
    start(&p,
          "for fd in 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do"
          " [ -e /dev/fd/$fd ] && exit $fd; done; exit 0",
          false);
    assert_true(vanta_process_wait(&p, 5000));
    assert_int_equal(p.exit_code, 0);
    close(high);
    close(fd);
}

static void what_cannot_be_started_says_why(void **state)
{
    const char *argv[] = {"/nonexistent/program", NULL};
    struct vanta_process_spec spec = {.argv = argv};
    struct vanta_error err = {0};
    struct vanta_process p;

    (void)state;
    assert_int_equal(vanta_process_start(&p, &spec, &err), VANTA_ERR_TOOL);
    assert_non_null(strstr(err.message, "/nonexistent/program"));
}

/* A leader that goes politely, with a child that ignores SIGTERM. */
static void stop_ends_what_outlives_its_leader(void **state)
{
    struct vanta_process p;
    pid_t stubborn;

    (void)state;
    start(&p,
          "(trap '' TERM; exec sh -c 'echo $$ >pid; for i in 1 2 3 4 5 6 7 8 9; do "
          "sleep 1; done') & wait",
          false);
    stubborn = read_pid("pid");
    vanta_process_stop(&p);
    assert_true(p.ended);
    assert_true(ends_within(stubborn, 2000));
}

/* A leader that ended by itself: whether it was waited for before or not, stop leaves
 * nothing of its group. */
static void what_an_ended_leader_left_is_ended(void **state)
{
    struct vanta_process p;
    pid_t left;

    (void)state;
    start(&p, "sh -c 'echo $$ >left1; exec sleep 9' & until [ -s left1 ]; do :; done; exit 3",
          false);
    left = read_pid("left1");
    assert_true(vanta_process_wait(&p, 5000));
    vanta_process_stop(&p);
    assert_int_equal(p.exit_code, 3);
    assert_true(ends_within(left, 2000));
    start(&p, "sh -c 'echo $$ >left2; exec sleep 9' & until [ -s left2 ]; do :; done; exit 4",
          false);
    left = read_pid("left2");
    vanta_clock_sleep_ms(200, NULL); /* a zombie by now, which nobody asked about */
    vanta_process_stop(&p);
    assert_true(p.ended);
    assert_int_equal(p.exit_code, 4);
    assert_true(ends_within(left, 2000));
    vanta_process_stop(&p); /* once more does no harm */
    assert_int_equal(p.exit_code, 4);
}

static void a_child_can_die_with_its_parent(void **state)
{
#if defined(__linux__)
    pid_t parent, child;
    struct vanta_process p;

    (void)state;
    parent = fork();
    if (parent == 0) {
        start(&p, "echo $$ >kin; exec sleep 9", true);
        pause();
        _exit(0);
    }
    child = read_pid("kin");
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    assert_true(ends_within(child, 3000));
#else
    (void)state;
    skip();
#endif
}

static void programs_are_never_found_in_the_current_folder(void **state)
{
    const char *before = getenv("PATH");
    char kept[4096], found[VANTA_PATH_MAX], here[VANTA_PATH_MAX];

    (void)state;
    snprintf(kept, sizeof kept, "%s", before ? before : "");
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(vanta_file_replace("planted", "#!/bin/sh\n", 10, NULL), VANTA_OK);
    assert_int_equal(system("chmod +x planted"), 0);
    setenv("PATH", ":.::relative:", 1);
    assert_false(vanta_program_find("planted", found));
    setenv("PATH", folder, 1);
    assert_true(vanta_program_find("planted", found));
    setenv("PATH", kept, 1);
    assert_int_equal(chdir(here), 0);
}

/* What a program gets beside its first three descriptors: the channel, and nothing. */
static void a_channel_is_given_and_talk_goes_to_a_descriptor(void **state)
{
    static const char script[] = "read line <&3; echo \"got $line\"; echo back >&3; "
                                 "for fd in 4 5 6 7 8 9; do "
                                 "if (: <&$fd) 2>/dev/null; then "
                                 "echo \"open $fd\"; fi; done";
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    struct vanta_process_spec spec = {.argv = argv};
    struct vanta_process p;
    int channel[2], talk[2], stray = open("/dev/null", O_RDONLY);
    char text[64] = "";

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, channel), 0);
    assert_int_equal(pipe(talk), 0);
    spec.channel_fd = channel[1];
    spec.output_fd = talk[1];
    assert_int_equal(write(channel[0], "hello\n", 6), 6);
    assert_int_equal(vanta_process_start(&p, &spec, NULL), VANTA_OK);
    close(channel[1]);
    close(talk[1]);
    assert_true(vanta_process_wait(&p, 10000));
    assert_int_equal(p.exit_code, 0);
    assert_int_equal(p.signal, 0);
    assert_int_equal(read(talk[0], text, sizeof text - 1), 10);
    assert_string_equal(text, "got hello\n");
    assert_int_equal(read(talk[0], text, sizeof text), 0); /* nothing was open */
    assert_int_equal(read(channel[0], text, sizeof text), 5);
    assert_memory_equal(text, "back\n", 5);
    assert_int_equal(read(channel[0], text, sizeof text), 0);
    close(stray);
    close(channel[0]);
    close(talk[0]);
}

static void a_kill_is_told_from_an_exit(void **state)
{
    const char *argv[] = {"/bin/sh", "-c", "exit 137", NULL};
    struct vanta_process_spec spec = {.argv = argv};
    struct vanta_process p;

    (void)state;
    assert_int_equal(vanta_process_start(&p, &spec, NULL), VANTA_OK);
    assert_true(vanta_process_wait(&p, 10000));
    assert_int_equal(p.exit_code, 137);
    assert_int_equal(p.signal, 0);
    argv[2] = "exec sleep 100";
    assert_int_equal(vanta_process_start(&p, &spec, NULL), VANTA_OK);
    vanta_process_kill(&p);
    assert_int_equal(p.exit_code, 137);
    assert_int_equal(p.signal, SIGKILL);
    vanta_process_kill(&p); /* none runs */
}

static void limits_reach_the_program(void **state)
{
    const char *argv[] = {"/bin/sh", "-c", "ulimit -d; ulimit -c", NULL};
    struct vanta_process_spec spec = {
        .argv = argv, .data_limit_bytes = (uint64_t)512 << 20, .no_core = true};
    struct vanta_process p;
    char text[64] = "";
    int talk[2];

    (void)state;
    if (getenv("VANTA_TEST_EMULATED")) /* qemu keeps such limits to itself */
        skip();
    assert_int_equal(pipe(talk), 0);
    spec.output_fd = talk[1];
    assert_int_equal(vanta_process_start(&p, &spec, NULL), VANTA_OK);
    close(talk[1]);
    assert_true(vanta_process_wait(&p, 10000));
    assert_true(read(talk[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "524288\n0\n");
    close(talk[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes_and_signals_are_told),
        cmocka_unit_test(no_descriptor_but_the_first_three_is_inherited),
        cmocka_unit_test(what_cannot_be_started_says_why),
        cmocka_unit_test(stop_ends_what_outlives_its_leader),
        cmocka_unit_test(what_an_ended_leader_left_is_ended),
        cmocka_unit_test(a_child_can_die_with_its_parent),
        cmocka_unit_test(programs_are_never_found_in_the_current_folder),
        cmocka_unit_test(a_channel_is_given_and_talk_goes_to_a_descriptor),
        cmocka_unit_test(a_kill_is_told_from_an_exit),
        cmocka_unit_test(limits_reach_the_program),
    };

    return cmocka_run_group_tests(tests, make_folder, delete_folder);
}
