#include "cmocka_all.h"

#include <dirent.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/file.h"
#include "scratch.h"

static void assert_holds(const char *path, const char *text)
{
    struct vanta_buf buf = VANTA_BUF(100000);

    assert_int_equal(vanta_file_read(path, &buf, NULL), VANTA_OK);
    assert_int_equal(buf.len, strlen(text));
    assert_memory_equal(buf.data ? buf.data : "", text, buf.len);
    vanta_buf_free(&buf);
}

/* Names below the scratch folder, all of them: nothing temporary may stay. */
static size_t count_names(void)
{
    DIR *dir = opendir(scratch);
    size_t n = 0;

    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

static void reading_stops_at_the_cap(void **state)
{
    const char *path = scratch_text("f", "12345678");
    struct vanta_buf exact = VANTA_BUF(8), small = VANTA_BUF(7);
    struct vanta_error err = {0};

    (void)state;
    assert_int_equal(vanta_file_read(path, &exact, NULL), VANTA_OK);
    assert_string_equal(exact.data, "12345678");
    assert_int_equal(vanta_file_read(path, &small, &err), VANTA_ERR_LIMIT);
    assert_non_null(strstr(err.message, path));
    vanta_buf_free(&exact);
    vanta_buf_free(&small);
}

static void reading_what_is_no_file(void **state)
{
    struct vanta_buf buf = VANTA_BUF(100);

    (void)state;
    assert_int_equal(vanta_file_read(in_scratch("none"), &buf, NULL),
                     VANTA_ERR_NOT_FOUND);
    assert_int_equal(vanta_file_read(scratch, &buf, NULL), VANTA_ERR_IO);
    assert_int_equal(mkfifo(in_scratch("fifo"), 0600), 0);
    assert_int_equal(vanta_file_read(in_scratch("fifo"), &buf, NULL), VANTA_ERR_IO);
    vanta_buf_free(&buf);
}

static void replacing_is_whole_or_not_at_all(void **state)
{
    const char *path = in_scratch("f");

    (void)state;
    assert_int_equal(vanta_file_replace(path, "one", 3, NULL), VANTA_OK);
    assert_holds(path, "one");
    assert_int_equal(vanta_file_replace(path, "", 0, NULL), VANTA_OK);
    assert_holds(path, "");
    assert_int_equal(count_names(), 1);
    assert_int_equal(vanta_file_replace(in_scratch("no/f"), "x", 1, NULL),
                     VANTA_ERR_NOT_FOUND);
    assert_int_equal(mkdir(in_scratch("folder"), 0700), 0);
    assert_int_equal(vanta_file_replace(in_scratch("folder"), "x", 1, NULL),
                     VANTA_ERR_IO);
    assert_int_equal(count_names(), 2);
}

/* A write that fails half way (here: the limit on a file's size) leaves the old file. */
static void a_failed_write_leaves_the_old_file(void **state)
{
    const char *path = scratch_text("f", "old");
    struct rlimit before, limit;
    char *data = calloc(1, 100000);
    enum vanta_status status;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 5000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    status = vanta_file_replace(path, data, 100000, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, VANTA_ERR_IO);
    assert_holds(path, "old");
    assert_int_equal(count_names(), 1);
    free(data);
}

/* Containers hand out the same process ids again: what a killed process left behind must
 * not stop the next one from writing. */
static void leftovers_of_a_killed_process_are_no_obstacle(void **state)
{
    const char *path = in_scratch("f");
    char name[64];
    int i;

    (void)state;
    for (i = 0; i < 50; i++) {
        snprintf(name, sizeof name, ".f.tmp-%ld-%d", (long)getpid(), i);
        scratch_text(name, "left over");
    }
    assert_int_equal(vanta_file_replace(path, "new", 3, NULL), VANTA_OK);
    assert_holds(path, "new");
    assert_int_equal(count_names(), 51);
}

static void the_longest_name_can_be_replaced(void **state)
{
    char name[256];

    (void)state;
    memset(name, 'n', 255);
    name[255] = '\0';
    assert_int_equal(vanta_file_replace(in_scratch(name), "x", 1, NULL), VANTA_OK);
    assert_holds(in_scratch(name), "x");
}

static void a_temporary_file_gets_its_name_by_a_move(void **state)
{
    const char *path = in_scratch("result");
    char first[VANTA_PATH_MAX], second[VANTA_PATH_MAX];
    int one, two;

    (void)state;
    one = vanta_file_create_beside(path, first);
    two = vanta_file_create_beside(path, second);
    assert_true(one >= 0 && two >= 0);
    assert_string_not_equal(first, second);
    assert_false(vanta_file_exists(path));
    assert_int_equal(vanta_file_write_all(one, "one", 3, path, NULL), VANTA_OK);
    assert_int_equal(close(one), 0);
    assert_int_equal(close(two), 0);
    assert_int_equal(vanta_file_move(first, path, false, NULL), VANTA_OK);
    assert_int_equal(vanta_file_move(second, path, false, NULL), VANTA_ERR_EXISTS);
    assert_int_equal(vanta_file_size(path), 3);
    assert_int_equal(vanta_file_create_beside(in_scratch("no/f"), first), -1);
}

static void moving(void **state)
{
    const char *a = scratch_text("a", "a"), *b = scratch_text("b", "b");
    struct vanta_error err = {0};

    (void)state;
    assert_int_equal(vanta_file_move(a, b, false, &err), VANTA_ERR_EXISTS);
    assert_non_null(strstr(err.message, b));
    assert_holds(a, "a");
    assert_holds(b, "b");
    assert_int_equal(vanta_file_move(a, b, true, NULL), VANTA_OK);
    assert_holds(b, "a");
    assert_false(vanta_file_exists(a));
    assert_int_equal(vanta_file_move(b, in_scratch("c"), false, NULL), VANTA_OK);
    assert_holds(in_scratch("c"), "a");
    assert_int_equal(vanta_file_move(a, b, true, NULL), VANTA_ERR_NOT_FOUND);
}

static void moving_folders(void **state)
{
    (void)state;
    scratch_text("a/x", "x");
    scratch_text("b/y", "y");
    assert_int_equal(vanta_file_move(in_scratch("a"), in_scratch("b"), false, NULL),
                     VANTA_ERR_EXISTS);
    assert_int_equal(vanta_file_move(in_scratch("a"), in_scratch("c"), false, NULL),
                     VANTA_OK);
    assert_holds(in_scratch("c/x"), "x");
    assert_holds(in_scratch("b/y"), "y");
}

static void copying(void **state)
{
    size_t size = 3 * 1024 * 1024 + 17, i;
    char *data = malloc(size);
    const char *from;
    struct vanta_buf buf = VANTA_BUF(4 * 1024 * 1024);

    (void)state;
    for (i = 0; i < size; i++)
        data[i] = (char)(i * 13);
    from = scratch_file("from", data, size);
    assert_int_equal(vanta_file_copy(from, in_scratch("to"), NULL), VANTA_OK);
    assert_int_equal(vanta_file_read(in_scratch("to"), &buf, NULL), VANTA_OK);
    assert_int_equal(buf.len, size);
    assert_memory_equal(buf.data, data, size);
    vanta_buf_free(&buf);
    free(data);
    assert_int_equal(vanta_file_copy(from, in_scratch("to"), NULL), VANTA_ERR_EXISTS);
    assert_int_equal(vanta_file_copy(in_scratch("none"), in_scratch("t2"), NULL),
                     VANTA_ERR_NOT_FOUND);
    assert_false(vanta_file_exists(in_scratch("t2")));
}

static void only_files_are_copied(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_scratch("folder"), 0700), 0);
    assert_int_equal(mkfifo(in_scratch("fifo"), 0600), 0);
    assert_int_not_equal(vanta_file_copy(in_scratch("folder"), in_scratch("t"), NULL),
                         VANTA_OK);
    alarm(20); /* a copy that opened the pipe would wait for a writer without end */
    assert_int_not_equal(vanta_file_copy(in_scratch("fifo"), in_scratch("t"), NULL),
                         VANTA_OK);
    alarm(0);
    assert_false(vanta_file_exists(in_scratch("t")));
}

static void making_folders(void **state)
{
    struct vanta_error err = {0};

    (void)state;
    assert_int_equal(vanta_dir_make(in_scratch("a/b/c"), NULL), VANTA_OK);
    assert_true(vanta_file_is_dir(in_scratch("a/b/c")));
    assert_int_equal(vanta_dir_make(in_scratch("a/b/c/"), NULL), VANTA_OK);
    assert_int_equal(symlink("a", in_scratch("link")), 0);
    assert_int_equal(vanta_dir_make(in_scratch("link/d"), NULL), VANTA_OK);
    assert_true(vanta_file_is_dir(in_scratch("a/d")));
    scratch_text("file", "x");
    assert_int_equal(vanta_dir_make(in_scratch("file"), &err), VANTA_ERR_EXISTS);
    assert_int_equal(vanta_dir_make(in_scratch("file/x"), NULL), VANTA_ERR_IO);
    assert_int_not_equal(vanta_dir_make("", NULL), VANTA_OK);
    assert_int_equal(vanta_dir_sync(in_scratch("a"), NULL), VANTA_OK);
    assert_int_equal(vanta_dir_sync(in_scratch("none"), NULL), VANTA_ERR_NOT_FOUND);
}

static void deleting_never_follows_links(void **state)
{
    (void)state;
    scratch_text("keep/file", "x");
    scratch_text("tree/a/b/file", "x");
    scratch_text("tree/.hidden", "x");
    assert_int_equal(symlink(in_scratch("keep"), in_scratch("tree/link")), 0);
    assert_int_equal(symlink(in_scratch("keep"), in_scratch("link")), 0);
    assert_int_equal(vanta_remove_tree(in_scratch("tree"), NULL), VANTA_OK);
    assert_int_equal(vanta_remove_tree(in_scratch("link"), NULL), VANTA_OK);
    assert_int_equal(vanta_remove_tree(in_scratch("none"), NULL), VANTA_OK);
    assert_false(vanta_file_exists(in_scratch("tree")));
    assert_holds(in_scratch("keep/file"), "x");
}

static void asking(void **state)
{
    (void)state;
    scratch_text("file", "12345");
    assert_int_equal(symlink("file", in_scratch("link")), 0);
    assert_int_equal(symlink("none", in_scratch("dangling")), 0);
    assert_true(vanta_file_exists(in_scratch("link")));
    assert_false(vanta_file_exists(in_scratch("dangling")));
    assert_true(vanta_file_is_link(in_scratch("dangling")));
    assert_false(vanta_file_is_link(in_scratch("file")));
    assert_int_equal(vanta_file_size(in_scratch("link")), 5);
    assert_int_equal(vanta_file_size(scratch), -1);
    assert_int_equal(vanta_file_size(in_scratch("none")), -1);
}

static enum vanta_status note(void *arg, const char *relative, uint64_t bytes,
                              struct vanta_error *err)
{
    char line[300];

    (void)err;
    snprintf(line, sizeof line, "%s:%d ", relative, (int)bytes);
    return vanta_buf_puts(arg, line) ? VANTA_OK : VANTA_ERR_LIMIT;
}

/* By the bytes of the whole path, as sort(1) has them under LC_ALL=C: "a-" and "a." come
 * before "a/", "a0" behind it. */
static void walking_goes_in_byte_order(void **state)
{
    struct vanta_buf seen = VANTA_BUF(10000), short_of = VANTA_BUF(12);

    (void)state;
    scratch_text("a/x", "1");
    scratch_text("a/b/y", "12");
    scratch_text("a.txt", "");
    scratch_text("a-", "");
    scratch_text("a0", "");
    scratch_text("Z", "");
    scratch_text(".hidden", "x");
    scratch_text(".git/x", "x");
    scratch_text("a/.part", "x");
    assert_int_equal(symlink("a", in_scratch("link")), 0);
    assert_int_equal(symlink("Z", in_scratch("a/link")), 0);
    assert_int_equal(mkfifo(in_scratch("fifo"), 0600), 0);
    assert_int_equal(vanta_dir_walk(scratch, note, &seen, NULL), VANTA_OK);
    assert_string_equal(seen.data, "Z:0 a-:0 a.txt:0 a/b/y:2 a/x:1 a0:0 ");
    assert_int_equal(vanta_dir_walk(scratch, note, &short_of, NULL), VANTA_ERR_LIMIT);
    assert_string_equal(short_of.data, "Z:0 a-:0 ");
    assert_int_equal(vanta_dir_walk(in_scratch("none"), note, &seen, NULL),
                     VANTA_ERR_NOT_FOUND);
    assert_int_equal(vanta_dir_bytes(scratch), 6);
    assert_int_equal(vanta_dir_bytes(in_scratch("none")), 0);
    vanta_buf_free(&seen);
    vanta_buf_free(&short_of);
}

static void walking_ends_at_some_depth(void **state)
{
    struct vanta_buf seen = VANTA_BUF(100000);
    char path[1000] = "d";
    int i;

    (void)state;
    for (i = 0; i < 100; i++)
        strcat(path, "/d");
    assert_int_equal(vanta_dir_make(in_scratch(path), NULL), VANTA_OK);
    assert_int_equal(vanta_dir_walk(scratch, note, &seen, NULL), VANTA_ERR_LIMIT);
    vanta_buf_free(&seen);
    /* What the walk refuses, deleting refuses too: the test takes it apart itself. */
    for (i = 0; i <= 100; i++) {
        assert_int_equal(rmdir(in_scratch(path)), 0);
        if (strrchr(path, '/'))
            *strrchr(path, '/') = '\0';
    }
}

static void free_space_is_known_for_paths_to_come(void **state)
{
    uint64_t here = 0, there = 0;

    (void)state;
    assert_int_equal(vanta_disk_free(scratch, &here, NULL), VANTA_OK);
    assert_int_equal(vanta_disk_free(in_scratch("a/b/c"), &there, NULL), VANTA_OK);
    assert_true(here > 0 && there > 0);
}

static void only_what_nobody_holds_is_swept(void **state)
{
    char name[VANTA_PATH_MAX], own[VANTA_PATH_MAX], held[64], gone[64], alive[64];
    const char *target = in_scratch("model.bin");
    pid_t dead = fork();
    int fd;

    (void)state;
    if (dead == 0)
        _exit(0);
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    snprintf(gone, sizeof gone, ".model.bin.tmp-%ld-7", (long)dead);
    snprintf(held, sizeof held, ".model.bin.tmp-%ld-8", (long)dead);
    snprintf(alive, sizeof alive, ".model.bin.tmp-%ld-0", (long)getppid());
    assert_true(vanta_file_temporary(own, target));
    scratch_text(gone, "x");
    scratch_text(alive, "x");
    scratch_text(".model.bin.tmp-0-1", "x");
    scratch_text(".model.bin.tmp-99999999999999999999-1", "x");
    scratch_text(".model.bin.tmp-", "x");
    scratch_text(vanta_path_base(own), "x");
    fd = open(scratch_text(held, "x"), O_RDONLY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(vanta_file_sweep(target), 2);
    assert_false(vanta_file_exists(in_scratch(gone)));
    assert_false(vanta_file_exists(own));
    assert_true(vanta_file_exists(in_scratch(held)));
    assert_int_equal(count_names(), 5);
    close(fd);
    assert_int_equal(vanta_file_put(target, "x", 1, NULL), VANTA_OK); /* sweeps as well */
    assert_false(vanta_file_exists(in_scratch(held)));
    assert_int_equal(vanta_file_sweep(target), 0);
    assert_true(vanta_file_temporary(name, target));
    assert_string_not_equal(name, own);
    assert_int_equal(vanta_file_sweep(in_scratch("none/at/all")), 0);
}

static void nothing_takes_the_place_of_a_pipe(void **state)
{
    const char *pipe = in_scratch("pipe");
    struct vanta_error err = {0};
    struct stat st;
    char got[8] = "";
    int fd;

    (void)state;
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_true(vanta_file_is_channel(pipe));
    assert_true(vanta_file_is_channel("/dev/null"));
    assert_false(vanta_file_is_channel(scratch));
    assert_false(vanta_file_is_channel(in_scratch("none")));
    assert_false(vanta_file_is_channel(scratch_text("file", "new")));
    assert_int_equal(vanta_file_replace(pipe, "new", 3, &err), VANTA_ERR_EXISTS);
    assert_non_null(strstr(err.message, "a device or a pipe"));
    assert_int_equal(vanta_file_move(in_scratch("file"), pipe, true, NULL),
                     VANTA_ERR_EXISTS);
    assert_holds(in_scratch("file"), "new");
    /* A link to one can be replaced: it is no more than a name. */
    assert_int_equal(symlink("/dev/null", in_scratch("link")), 0);
    assert_true(vanta_file_is_channel(in_scratch("link")));
    assert_int_equal(vanta_file_replace(in_scratch("link"), "new", 3, NULL), VANTA_OK);
    assert_holds(in_scratch("link"), "new");
    /* What is put there goes through. */
    fd = open(pipe, O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(vanta_file_put(pipe, "new", 3, NULL), VANTA_OK);
    assert_int_equal(read(fd, got, sizeof got), 3);
    assert_string_equal(got, "new");
    close(fd);
    assert_int_equal(stat(pipe, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(vanta_file_put(in_scratch("file"), "put", 3, NULL), VANTA_OK);
    assert_holds(in_scratch("file"), "put");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(reading_stops_at_the_cap),
        scratch_test(reading_what_is_no_file),
        scratch_test(replacing_is_whole_or_not_at_all),
        scratch_test(a_failed_write_leaves_the_old_file),
        scratch_test(leftovers_of_a_killed_process_are_no_obstacle),
        scratch_test(only_what_nobody_holds_is_swept),
        scratch_test(the_longest_name_can_be_replaced),
        scratch_test(a_temporary_file_gets_its_name_by_a_move),
        scratch_test(nothing_takes_the_place_of_a_pipe),
        scratch_test(moving),
        scratch_test(moving_folders),
        scratch_test(copying),
        scratch_test(only_files_are_copied),
        scratch_test(making_folders),
        scratch_test(deleting_never_follows_links),
        scratch_test(asking),
        scratch_test(walking_goes_in_byte_order),
        scratch_test(walking_ends_at_some_depth),
        scratch_test(free_space_is_known_for_paths_to_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
