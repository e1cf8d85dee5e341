#include "cmocka_all.h"

#include <errno.h>
#include <signal.h>

#include "base/platform.h"
#include "base/text.h"
#include "scratch.h"

static void the_machine_is_known(void **state)
{
    struct vanta_machine m;

    (void)state;
    vanta_machine_read(&m);
    assert_true(strlen(m.os) > 3);
    assert_true(strlen(m.arch) > 2);
    assert_true(strlen(m.cpu) > 0);
    assert_true(m.cores >= 1);
    assert_true(m.ram >= 64 * 1024 * 1024);
    assert_true(m.ram_usable > 0 && m.ram_usable <= m.ram);
    assert_true(m.ram_free > 0 && m.ram_free <= m.ram_usable);
    if (m.ram_limit && m.ram_limit < m.ram)
        assert_true(m.ram_usable == m.ram_limit);
    else
        assert_true(m.ram_usable == m.ram);
}

static void this_program_is_found(void **state)
{
    char self[VANTA_PATH_MAX], small[4];

    (void)state;
    assert_true(vanta_platform_self(self, sizeof self));
    assert_int_equal(self[0], '/');
    assert_string_equal(vanta_path_base(self), "test_platform");
    assert_false(vanta_platform_self(small, sizeof small));
}

static void a_new_name_never_replaces(void **state)
{
    (void)state;
    scratch_text("a", "a");
    scratch_text("b", "b");
    errno = 0;
    assert_int_equal(vanta_platform_rename_new(in_scratch("a"), in_scratch("b")), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(vanta_platform_rename_new(in_scratch("a"), in_scratch("c")), 0);
    assert_false(vanta_file_exists(in_scratch("a")));
    assert_true(vanta_file_exists(in_scratch("c")));
    assert_int_equal(vanta_platform_rename_new(in_scratch("a"), in_scratch("d")), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(symlink("none", in_scratch("dangling")), 0);
    assert_int_equal(vanta_platform_rename_new(in_scratch("c"), in_scratch("dangling")),
                     -1);
}

/* Where the file system cannot clone, the target must be as it was: empty. */
static void cloning_is_all_or_nothing(void **state)
{
    int in = open(scratch_text("in", "abc"), O_RDONLY | O_CLOEXEC);
    int out = open(in_scratch("out"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool cloned = vanta_platform_clone(in, out);

    (void)state;
    close(in);
    close(out);
    assert_int_equal(vanta_file_size(in_scratch("out")), cloned ? 3 : 0);
}

static void sleep_can_be_held_off_and_let_go(void **state)
{
    int64_t token = vanta_platform_stay_awake("a test");

    (void)state;
    vanta_platform_may_sleep(token);
    vanta_platform_may_sleep(0);
    assert_true(token >= 0);
    assert_true(token == 0 || kill((pid_t)token, 0) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine_is_known),
        cmocka_unit_test(this_program_is_found),
        scratch_test(a_new_name_never_replaces),
        scratch_test(cloning_is_all_or_nothing),
        cmocka_unit_test(sleep_can_be_held_off_and_let_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
