/* Running the package client: which one, with what environment, and its end. */
#include "package_stage.h"

#include <pthread.h>
#include <signal.h>

#include "base/clock.h"
#include "base/process.h"
#include "fetch/package_client.h"
#include "ended.h"

/* --- which client ------------------------------------------------------------------- */

static void the_client_gets_no_secrets_and_no_odd_settings(void **state)
{
    static const char *const dropped[] = {
        "HF_TOKEN",         "HUGGING_FACE_HUB_TOKEN", "OPENAI_API_KEY", "OTHER_API_KEY",
        "PYTHONPATH",       "PYTHONSTARTUP",          "PIP_TARGET",     "PIP_CONSTRAINT",
        "PIP_REQUIREMENT",  "PIP_NO_BINARY",          "PIP_QUIET",      "VANTA_SOURCES",
        "NPM_CONFIG_DRY_RUN", "NPM_CONFIG_PACK_DESTINATION", "npm_config_dry-run",
        "npm_config_pack-destination", "npm_config_JSON"};
    static const char *const kept[] = {
        "PIP_INDEX_URL", "PIP_CERT",      "https_proxy",         "NO_PROXY",
        "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "npm_config_registry", "HOME"};
    char line[128], tmp[256], *found;
    const char *env;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
        setenv(dropped[i], "planted", 1);
    for (i = 0; i < sizeof kept / sizeof kept[0] - 1; i++)
        setenv(kept[i], "kept", 1);
    setenv("PIP_REQUIRE_VIRTUALENV", "1", 1);
    setenv("TMPDIR", "/elsewhere", 1);
    put("behaviour", "/bin/ls -ld .. | /usr/bin/cut -c 1-10 >\"$FAKE/mode\"\n"
                     "/bin/cp \"$FAKE/wheel\" \"$out/x-1.0-py3-none-any.whl\"\n");
    assert_int_equal(fetch(wheel(), NULL).status, VANTA_OK);
    env = get("env");
    assert_null(strstr(env, "planted"));
    for (i = 0; i < sizeof kept / sizeof kept[0] - 1; i++) {
        snprintf(line, sizeof line, "%s=kept", kept[i]);
        assert_true(has_line(env, line));
        unsetenv(kept[i]);
    }
    assert_true(has_line(env, "PIP_REQUIRE_VIRTUALENV=0"));
    assert_false(has_line(env, "PIP_REQUIRE_VIRTUALENV=1"));
    snprintf(tmp, sizeof tmp, "TMPDIR=%s/packages/", models);
    found = strstr(env, "TMPDIR=");
    assert_non_null(found);
    assert_memory_equal(found, tmp, strlen(tmp));
    assert_string_equal(get("mode"), "drwx------\n");
    for (i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
        unsetenv(dropped[i]);
    unsetenv("PIP_REQUIRE_VIRTUALENV");
    unsetenv("TMPDIR");
}

static void another_pip_is_taken_when_the_first_is_broken(void **state)
{
    char path[VANTA_PATH_MAX], version[64];

    (void)state;
    put_program("pip3", "#!/nonexistent/python3\n");
    put_program("pip", "#!/bin/sh\necho \"No module named pip\"\nexit 1\n");
    put_program("python3", prologue);
    assert_int_equal(fetch(wheel(), NULL).status, VANTA_OK);
    assert_non_null(strstr(get("args"), "python3\n-I\n-m\npip\ndownload\n"));

    put("behaviour", "echo \"pip 23.2.1 from /x/y (python 3.11)\"\n");
    assert_int_equal(vanta_package_client("pypi", path, version, NULL), VANTA_OK);
    assert_string_equal(vanta_path_base(path), "python3");
    assert_string_equal(version, "pip 23.2.1");
}

static void no_client_says_how_to_get_one(void **state)
{
    char path[VANTA_PATH_MAX], version[64];
    struct vanta_error err = {0};
    struct outcome o;

    (void)state;
    unlink(in_fake("bin/pip3"));
    o = fetch(wheel(), NULL);
    assert_fails(o, VANTA_ERR_TOOL, "not installed");
    assert_non_null(strstr(o.err.hint, "install"));
    assert_fails(fetch(tarball(), NULL), VANTA_ERR_TOOL, "npm");
    assert_int_equal(vanta_package_client("npm", path, version, &err), VANTA_ERR_TOOL);
    assert_string_equal(path, "");
    assert_non_null(strstr(err.hint, "install"));

    /* python3 without pip is no client. */
    put_program("python3", "#!/bin/sh\necho \"No module named pip\"\nexit 1\n");
    assert_int_equal(vanta_package_client("pypi", path, NULL, NULL), VANTA_ERR_TOOL);
    put_program("pip3", "#!/bin/sh\nexit 127\n");
    o = fetch(wheel(), NULL);
    assert_fails(o, VANTA_ERR_TOOL, "does not run");
}

static void versions_are_told(void **state)
{
    char path[VANTA_PATH_MAX], version[64];

    (void)state;
    put_program("npm", "#!/bin/sh\necho 11.4.2\n");
    assert_int_equal(vanta_package_client("npm", path, version, NULL), VANTA_OK);
    assert_string_equal(path, in_fake("bin/npm"));
    assert_string_equal(version, "npm 11.4.2");
    assert_int_equal(vanta_package_client("pypi", path, NULL, NULL), VANTA_OK);
    assert_string_equal(path, in_fake("bin/pip3"));
}

/* A folder with everything planted that Python or PATH could pick up. */
static void a_hostile_current_folder_is_not_picked_up(void **state)
{
    static const char trap[] = "#!/bin/sh\ntouch \"$FAKE/sprung\"\n";
    static const char python_trap[] =
        "import os\nopen(os.environ['FAKE'] + '/sprung', 'w')\n";
    char here[VANTA_PATH_MAX], path[VANTA_PATH_MAX], before[300];
    bool real;

    (void)state;
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(vanta_dir_make(in_fake("hostile/pip"), NULL), VANTA_OK);
    put("hostile/pip.py", python_trap);
    put("hostile/pip/__init__.py", python_trap);
    put("hostile/pip/__main__.py", python_trap);
    put("hostile/pip3", trap);
    chmod(in_fake("hostile/pip3"), 0755);
    put("hostile/python3", trap);
    chmod(in_fake("hostile/python3"), 0755);
    assert_int_equal(chdir(in_fake("hostile")), 0);
    snprintf(before, sizeof before, ".::%s/bin", fake);
    setenv("PATH", before, 1);
    assert_int_equal(fetch(wheel(), NULL).status, VANTA_OK);
    assert_false(vanta_file_exists(in_fake("sprung")));

    /* The same with the machine's own python3, where it is. */
    unlink(in_fake("bin/pip3"));
    real = symlink("/usr/bin/python3", in_fake("bin/python3")) == 0 &&
           vanta_file_exists(in_fake("bin/python3"));
    setenv("PYTHONPATH", in_fake("hostile"), 1);
    if (real)
        vanta_package_client("pypi", path, NULL, NULL);
    assert_false(vanta_file_exists(in_fake("sprung")));
    unsetenv("PYTHONPATH");
    assert_int_equal(chdir(here), 0);
}

/* --- its end ------------------------------------------------------------------------ */

static void a_client_that_prints_without_end_is_ended(void **state)
{
    (void)state;
    put("behaviour", "/bin/dd if=/dev/zero bs=1048576 count=20 2>/dev/null\n"
                     "exec /bin/sleep 9\n");
    assert_fails(fetch(wheel(), NULL), VANTA_ERR_TOOL, "without end");
}

static void *cancel_soon(void *arg)
{
    vanta_clock_sleep_ms(300, NULL);
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

static void cancelling_ends_the_client_and_its_children(void **state)
{
    atomic_bool cancel = false;
    int64_t start = vanta_clock_ms();
    pthread_t thread;

    (void)state;
    put("behaviour", "echo $$ >\"$FAKE/leader\"\n"
                     "(echo part >\"$TMPDIR/x\"; exec /bin/sleep 9) & wait\n");
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &cancel), 0);
    assert_fails(fetch(wheel(), &cancel), VANTA_ERR_CANCELLED, "stopped");
    pthread_join(thread, NULL);
    assert_true(vanta_clock_ms() - start < 4000);
    assert_true(ends_within((pid_t)atol(get("leader")), 2000));
}

static enum vanta_status refuse(void *arg, const char *path, struct vanta_error *err)
{
    (void)arg;
    (void)path;
    (void)err;
    return VANTA_ERR_DIGEST;
}

static void a_client_that_brings_nothing_for_long_is_ended(void **state)
{
    struct vanta_package p = wheel();
    const struct vanta_package_watch watch = {.arg = NULL};
    struct vanta_package_run run = {.package = &p,
                                    .work = models,
                                    .stall_ms = 400,
                                    .watch = &watch,
                                    .judge = refuse};
    struct vanta_error err = {0};
    char file[VANTA_PATH_MAX];

    (void)state;
    assert_int_equal(vanta_dir_make(models, NULL), VANTA_OK);
    put("behaviour", "exec /bin/sleep 9\n");
    assert_int_equal(vanta_package_run(&run, file, &err), VANTA_ERR_NETWORK);
    assert_non_null(strstr(err.message, "no byte came for 400 ms"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_client_gets_no_secrets_and_no_odd_settings),
        TEST(another_pip_is_taken_when_the_first_is_broken),
        TEST(no_client_says_how_to_get_one),
        TEST(versions_are_told),
        TEST(a_hostile_current_folder_is_not_picked_up),
        TEST(a_client_that_prints_without_end_is_ended),
        TEST(cancelling_ends_the_client_and_its_children),
        TEST(a_client_that_brings_nothing_for_long_is_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
