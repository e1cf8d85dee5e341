/* Several wheels that one pip brings. */
#include "package_stage.h"

#include "base/clock.h"

#define OTHER "the bytes of another wheel"

/* Which of two packages came, and what is no longer wanted. */
struct coming {
    char path[VANTA_PATH_MAX];
    uint64_t moved, progress;
    unsigned times, arrived;
    bool unwanted;
};

static void note_came(void *arg, const char *path, uint64_t moved)
{
    struct coming *c = arg;

    c->times++;
    c->moved = moved;
    assert_true(strlen(path) < sizeof c->path);
    strcpy(c->path, path);
}

static void note_progress(void *arg, uint64_t bytes)
{
    ((struct coming *)arg)->progress = bytes;
}

static void note_arrival(void *arg, const char *path)
{
    ((struct coming *)arg)->arrived++;
    assert_true(vanta_file_exists(path));
}

static bool is_unwanted(void *arg)
{
    return ((struct coming *)arg)->unwanted;
}

static void fetch_two(struct coming two[2])
{
    static char other_sha256[VANTA_SHA256_HEX];
    struct vanta_package x = wheel(), other = wheel();
    const struct vanta_package *packages[] = {&x, &other};
    struct vanta_package_watch watches[2];
    size_t i;

    assert_int_equal(vanta_sha256_buffer(OTHER, strlen(OTHER), other_sha256, NULL),
                     VANTA_OK);
    other.name = "y-z";
    other.size_bytes = (int64_t)strlen(OTHER);
    other.sha256 = other_sha256;
    put("other", OTHER);
    for (i = 0; i < 2; i++)
        watches[i] = (struct vanta_package_watch){.progress = note_progress,
                                                  .arriving = note_arrival,
                                                  .came = note_came,
                                                  .unwanted = is_unwanted,
                                                  .arg = &two[i]};
    vanta_package_fetch_batch(packages, watches, 2, models);
}

static void assert_came(const struct coming *c, const char *bytes)
{
    assert_int_equal(c->times, 1);
    assert_int_equal(c->arrived, 1);
    assert_int_equal(c->moved, strlen(bytes));
    assert_int_equal(c->progress <= c->moved, true);
    assert_string_equal(get(c->path + strlen(fake) + 1), bytes);
}

static void one_pip_brings_both(void **state)
{
    struct coming two[2] = {{.times = 0}};
    char expected[256], packages[256];
    int64_t start = vanta_clock_ms();

    (void)state;
    put("behaviour", "/bin/mkdir \"$TMPDIR/a\" \"$TMPDIR/b\"\n"
                     "/bin/cp \"$FAKE/wheel\" \"$TMPDIR/a/x-1.0-py3-none-any.whl\"\n"
                     "/bin/sleep 0.2\n"
                     "/bin/cp \"$FAKE/other\" \"$TMPDIR/b/Y_z-1.0-py3-none-any.whl\"\n"
                     "exec /bin/sleep 20\n");
    fetch_two(two);
    assert_true(vanta_clock_ms() - start < 15000);
    assert_came(&two[0], wheel_bytes);
    assert_came(&two[1], OTHER);
    assert_string_equal(get("runs"), "run\n");
    snprintf(expected, sizeof expected, "x==1.0 --hash=sha256:%s\ny-z==1.0 ",
             wheel_sha256);
    assert_non_null(strstr(get("requirements"), expected));
    snprintf(packages, sizeof packages, "%s/packages", models);
    assert_int_equal(count_entries(packages), 2);

    /* Again: they are there, and vanta_package_fetch gives them. */
    memset(two, 0, sizeof two);
    fetch_two(two);
    assert_int_equal(two[0].times + two[1].times, 0);
    assert_string_equal(get("runs"), "run\n");
    assert_int_equal(fetch(wheel(), NULL).status, VANTA_OK);
    assert_string_equal(get("runs"), "run\n");
}

static void what_does_not_come_is_left_to_a_fetch_of_its_own(void **state)
{
    struct coming two[2] = {{.times = 0}};

    (void)state;
    /* A wheel of other bytes, and one of a package with a longer name. */
    put("behaviour", "echo 0123456789012345678901234567890123456 >\"$FAKE/wrong\"\n"
                     "/usr/bin/head -c 37 \"$FAKE/wrong\" >\"$TMPDIR/x-1.0-any.whl\"\n"
                     "/bin/cp \"$FAKE/other\" \"$TMPDIR/y_z_more-1.0-any.whl\"\n"
                     "/bin/sleep 0.3\nexit 1\n");
    fetch_two(two);
    assert_int_equal(two[0].arrived, 1);
    assert_int_equal(two[1].arrived, 0);
    assert_int_equal(two[0].times + two[1].times, 0);
    assert_int_equal(count_entries(models), 0); /* nothing stays */
    put("behaviour", gives_wheel);
    assert_int_equal(fetch(wheel(), NULL).status, VANTA_OK);
}

static void it_ends_when_nothing_of_it_is_wanted(void **state)
{
    struct coming two[2] = {{.unwanted = true}, {.unwanted = true}};
    int64_t start = vanta_clock_ms();

    (void)state;
    put("behaviour", "exec /bin/sleep 20\n");
    fetch_two(two);
    assert_true(vanta_clock_ms() - start < 15000);
    assert_int_equal(count_entries(models), 0);

    /* One is: the other does not end it. */
    two[0].unwanted = false;
    put("behaviour", "/bin/sleep 0.3\n"
                     "/bin/cp \"$FAKE/wheel\" \"$TMPDIR/x-1.0-any.whl\"\n"
                     "exec /bin/sleep 20\n");
    fetch_two(two);
    assert_came(&two[0], wheel_bytes);
    assert_true(vanta_clock_ms() - start < 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_pip_brings_both),
        TEST(what_does_not_come_is_left_to_a_fetch_of_its_own),
        TEST(it_ends_when_nothing_of_it_is_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
