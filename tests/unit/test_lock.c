#include "cmocka_all.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/lock.h"
#include "scratch.h"

static void one_at_a_time(void **state)
{
    struct vanta_lock a = {0}, b = {0};
    struct vanta_error err = {0};
    char owner[64];

    (void)state;
    assert_int_equal(vanta_lock_acquire(&a, in_scratch("l"), 0, NULL, NULL, NULL, NULL),
                     VANTA_OK);
    assert_int_equal(vanta_lock_acquire(&b, in_scratch("l"), 0, NULL, NULL, NULL, &err),
                     VANTA_ERR_BUSY);
    snprintf(owner, sizeof owner, "process %ld", (long)getpid());
    assert_non_null(strstr(err.message, owner));
    vanta_lock_release(&b);
    vanta_lock_release(&a);
    assert_int_equal(vanta_lock_acquire(&b, in_scratch("l"), 0, NULL, NULL, NULL, NULL),
                     VANTA_OK);
    vanta_lock_release(&b);
    vanta_lock_release(&b);
}

struct told {
    int times;
    long owner;
};

static void tell(void *arg, const char *path, long owner)
{
    struct told *told = arg;

    assert_non_null(strstr(path, "/l"));
    told->times++;
    told->owner = owner;
}

static void waiting_is_told_once_and_ends(void **state)
{
    struct vanta_lock a = {0}, b = {0};
    struct told told = {0, 0};
    atomic_bool cancel = true;
    int64_t start = vanta_clock_ms();

    (void)state;
    vanta_lock_acquire(&a, in_scratch("l"), 0, NULL, NULL, NULL, NULL);
    assert_int_equal(vanta_lock_acquire(&b, in_scratch("l"), 120, NULL, tell, &told, NULL),
                     VANTA_ERR_BUSY);
    assert_true(vanta_clock_ms() - start >= 120);
    assert_int_equal(told.times, 1);
    assert_int_equal(told.owner, (long)getpid());
    assert_int_equal(vanta_lock_acquire(&b, in_scratch("l"), -1, &cancel, NULL, NULL,
                                        NULL),
                     VANTA_ERR_CANCELLED);
    vanta_lock_release(&a);
}

/* A process that is killed with kill -9 leaves a lock that the next one gets at once. */
static void a_killed_owner_leaves_nothing_behind(void **state)
{
    struct vanta_lock mine = {0};
    int ready[2];
    char byte;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        struct vanta_lock lock = {0};

        if (vanta_lock_acquire(&lock, in_scratch("l"), 0, NULL, NULL, NULL, NULL) !=
                VANTA_OK ||
            write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(vanta_lock_acquire(&mine, in_scratch("l"), 0, NULL, NULL, NULL, NULL),
                     VANTA_ERR_BUSY);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(vanta_lock_acquire(&mine, in_scratch("l"), 0, NULL, NULL, NULL, NULL),
                     VANTA_OK);
    vanta_lock_release(&mine);
    close(ready[0]);
    close(ready[1]);
}

static void locks_are_not_taken_through_links_or_in_missing_folders(void **state)
{
    struct vanta_lock lock = {0};

    (void)state;
    scratch_text("file", "x");
    assert_int_equal(symlink("file", in_scratch("link")), 0);
    assert_int_not_equal(vanta_lock_acquire(&lock, in_scratch("link"), 0, NULL, NULL,
                                            NULL, NULL),
                         VANTA_OK);
    assert_int_equal(vanta_lock_acquire(&lock, in_scratch("no/l"), 0, NULL, NULL, NULL,
                                        NULL),
                     VANTA_ERR_NOT_FOUND);
    assert_int_equal(lock.held, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(one_at_a_time),
        scratch_test(waiting_is_told_once_and_ends),
        scratch_test(a_killed_owner_leaves_nothing_behind),
        scratch_test(locks_are_not_taken_through_links_or_in_missing_folders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
