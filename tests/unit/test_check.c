/* Checking files by all cores: what is right, what is wrong and where, what a chunk file
 * may and may not decide. */
#include "cmocka_all.h"

#include <sys/time.h>

#include "base/check.h"
#include "scratch.h"

#define C VANTA_CHUNK_BYTES

static const char *folder(void)
{
    return in_scratch("chunks");
}

/* A file of so many bytes, different for each seed; its digest to hex. */
static const char *make(const char *name, size_t len, uint32_t seed,
                        char hex[VANTA_SHA256_HEX])
{
    uint8_t *data = malloc(len + 1);
    const char *path;
    size_t i;

    assert_non_null(data);
    for (i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        data[i] = (uint8_t)(seed >> 24);
    }
    path = scratch_file(name, data, len);
    assert_int_equal(vanta_sha256_buffer(data, len, hex, NULL), VANTA_OK);
    free(data);
    return path;
}

static void flip(const char *path, size_t at)
{
    int fd = open(path, O_RDWR);
    uint8_t byte;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

static struct vanta_check ask(const char *path, const char *hex)
{
    return (struct vanta_check){.path = path, .sha256 = hex, .size_bytes = -1};
}

static void check(struct vanta_check *files, size_t n, unsigned jobs)
{
    struct vanta_check_options options = {
        .chunks_folder = folder(), .jobs = jobs, .traceless = jobs % 2};

    vanta_check_files(files, n, &options);
}

static bool load(const char *hex, struct vanta_chunks *out)
{
    uint8_t digest[32];

    assert_true(vanta_sha256_from_hex(hex, digest));
    return vanta_chunks_load(folder(), digest, out, NULL) == VANTA_OK;
}

static bool has_chunks(const char *hex)
{
    struct vanta_chunks c;
    bool has = load(hex, &c);

    vanta_chunks_free(&c);
    return has;
}

static void without_chunk_files_and_with(void **state)
{
    static const size_t sizes[] = {0, 1, C - 1, C, C + 1, 2 * C, 3 * C + 77, 5 * C, 9};
    enum { N = sizeof sizes / sizeof *sizes };
    char hex[N][VANTA_SHA256_HEX];
    struct vanta_check files[N];
    unsigned round, jobs;
    size_t i;

    (void)state;
    for (jobs = 1; jobs <= 5; jobs += 2) {
        for (i = 0; i < N; i++) {
            char name[16];

            snprintf(name, sizeof name, "f%zu", i);
            files[i] = ask(make(name, sizes[i], (uint32_t)i + jobs, hex[i]), hex[i]);
        }
        for (round = 0; round < 3; round++) {
            check(files, N, jobs);
            for (i = 0; i < N; i++) {
                assert_int_equal(files[i].status, VANTA_OK);
                assert_true(files[i].right);
                assert_false(files[i].sampled);
                assert_false(files[i].chunks_lied);
                assert_string_equal(files[i].found, hex[i]);
                assert_int_equal(files[i].bytes, sizes[i]);
                assert_int_equal(files[i].hashed_bytes, sizes[i]);
                assert_int_equal(has_chunks(hex[i]), sizes[i] > C);
            }
        }
    }
}

static void a_wrong_file_has_its_wrong_chunks(void **state)
{
    char hex[VANTA_SHA256_HEX];
    const char *path = make("f", 6 * C + 5, 1, hex);
    struct vanta_check f = ask(path, hex);

    (void)state;
    flip(path, 2 * C);
    check(&f, 1, 2); /* no chunk digests yet: where it is wrong nobody knows */
    assert_int_equal(f.status, VANTA_OK);
    assert_false(f.right);
    assert_null(f.wrong);
    assert_false(has_chunks(hex));
    assert_false(has_chunks(f.found)); /* of a wrong file nothing is recorded */
    flip(path, 2 * C);
    check(&f, 1, 2);
    assert_true(f.right);
    flip(path, 2 * C);
    flip(path, 6 * C + 4);
    check(&f, 1, 2);
    assert_int_equal(f.status, VANTA_OK);
    assert_false(f.right);
    assert_string_not_equal(f.found, hex);
    assert_int_equal(f.n_chunks, 7);
    assert_int_equal(f.n_wrong, 2);
    assert_int_equal(f.wrong_bytes, C + 5);
    assert_true(f.wrong[2] && f.wrong[6] && !f.wrong[0] && !f.wrong[5]);
    assert_int_equal(truncate(path, 4 * C), 0);
    check(&f, 1, 2);
    assert_false(f.right);
    assert_int_equal(f.n_wrong, 4); /* 2, and 4 to 6 */
    vanta_check_free(&f);
    vanta_check_free(&f);
}

static void a_chunk_file_that_lies_is_found_out(void **state)
{
    char hex[VANTA_SHA256_HEX];
    struct vanta_check f = ask(make("f", 4 * C, 1, hex), hex);
    struct vanta_chunks c;

    (void)state;
    check(&f, 1, 2);
    assert_true(load(hex, &c));
    c.digests[1][0] ^= 1;
    assert_int_equal(vanta_chunks_save(folder(), &c, NULL), VANTA_OK);
    check(&f, 1, 2);
    assert_int_equal(f.status, VANTA_OK);
    assert_true(f.right);
    assert_true(f.chunks_lied);
    check(&f, 1, 2); /* it is put right */
    assert_true(f.right);
    assert_false(f.chunks_lied);
    assert_int_equal(f.hashed_bytes, 4 * C);

    c.digests[1][0] ^= 1;
    c.file_bytes = 4 * C - 1; /* about a file of another size */
    assert_int_equal(vanta_chunks_save(folder(), &c, NULL), VANTA_OK);
    check(&f, 1, 2);
    assert_true(f.right);
    vanta_chunks_free(&c);
    assert_true(load(hex, &c));
    assert_int_equal(c.file_bytes, 4 * C);
    vanta_chunks_free(&c);
}

static void a_damaged_chunk_file_is_as_none(void **state)
{
    char hex[VANTA_SHA256_HEX], name[128];
    struct vanta_check f = ask(make("f", 3 * C, 1, hex), hex);

    (void)state;
    snprintf(name, sizeof name, "chunks/%s", hex);
    check(&f, 1, 2);
    flip(in_scratch(name), 80);
    check(&f, 1, 2);
    assert_true(f.right);
    assert_true(has_chunks(hex));
    scratch_text(name, "VANTACHK");
    check(&f, 1, 2);
    assert_true(f.right);
    assert_true(has_chunks(hex));
}

/* --- a quick look --- */

static struct vanta_check quick(const char *path, const char *hex)
{
    struct vanta_check f = ask(path, hex);

    f.quick = true;
    return f;
}

static void a_quick_look_is_a_sample(void **state)
{
    char hex[VANTA_SHA256_HEX], other[VANTA_SHA256_HEX];
    const char *path = make("f", 21 * C + 1, 1, hex);
    struct vanta_check f[2] = {quick(path, hex), quick(make("g", 2 * C, 2, other), other)};
    struct timeval times[2] = {{1, 0}, {1, 0}};

    (void)state;
    check(f, 2, 2); /* never seen: all of it */
    assert_true(f[0].right && !f[0].sampled);
    check(f, 2, 2);
    assert_true(f[0].right && f[0].sampled);
    assert_in_range(f[0].hashed_bytes, 3 * 2 * C + 1, 4 * 2 * C);
    assert_string_equal(f[0].found, "");
    assert_true(f[1].right && !f[1].sampled); /* too small to be worth it */
    assert_int_equal(utimes(path, times), 0); /* touched: all of it, and seen anew */
    check(f, 1, 2);
    assert_true(f[0].right && !f[0].sampled);
    check(f, 1, 2);
    assert_true(f[0].sampled);
    make("f2", 21 * C + 1, 1, hex); /* another inode */
    assert_int_equal(rename(in_scratch("f2"), path), 0);
    assert_int_equal(utimes(path, times), 0);
    check(f, 1, 2);
    assert_true(f[0].right && !f[0].sampled);
}

static void a_quick_look_finds_what_it_sees(void **state)
{
    char hex[VANTA_SHA256_HEX];
    const char *path = make("f", 21 * C + 1, 1, hex);
    struct vanta_check f = quick(path, hex);
    struct timeval times[2] = {{1, 0}, {1, 0}};

    (void)state;
    assert_int_equal(utimes(path, times), 0);
    check(&f, 1, 2);
    flip(path, 21 * C); /* its last chunk is always looked at */
    assert_int_equal(utimes(path, times), 0);
    check(&f, 1, 2);
    assert_int_equal(f.status, VANTA_OK);
    assert_false(f.right);
    assert_false(f.sampled);
    assert_int_equal(f.n_wrong, 1);
    assert_true(f.wrong[21]);
    vanta_check_free(&f);
    flip(path, 21 * C);
    assert_int_equal(truncate(path, 20 * C), 0); /* the size is always looked at */
    assert_int_equal(utimes(path, times), 0);
    check(&f, 1, 2);
    assert_false(f.right);
    vanta_check_free(&f);
}

/* --- what cannot be judged --- */

struct meddling {
    const char *path;
    bool replace, cut;
    bool done;
    atomic_bool cancel;
};

static void meddle(void *arg, uint64_t bytes, uint64_t total)
{
    struct meddling *m = arg;

    (void)total;
    if (m->done || bytes == 0)
        return;
    m->done = true;
    if (m->replace) {
        scratch_text("new", "other");
        assert_int_equal(rename(in_scratch("new"), m->path), 0);
    } else if (m->cut) {
        assert_int_equal(truncate(m->path, 5 * C), 0);
    } else {
        atomic_store(&m->cancel, true);
    }
}

/* Holes: hashing them takes long enough for the first word of progress to come. */
static const char *make_long(const char *name, char hex[VANTA_SHA256_HEX])
{
    const char *path = scratch_text(name, "x");

    assert_int_equal(truncate(path, (off_t)20 * 1024 * 1024 * 1024), 0);
    memset(hex, '0', 64);
    hex[64] = '\0';
    return path;
}

static void what_changes_meanwhile_is_busy(void **state)
{
    char hex[VANTA_SHA256_HEX];
    int replace;

    (void)state;
    for (replace = 0; replace < 2; replace++) {
        struct meddling m = {.path = make_long("long", hex), .replace = replace,
                             .cut = !replace};
        struct vanta_check f = ask(m.path, hex);
        struct vanta_check_options options = {.progress = meddle, .arg = &m,
                                              .cancel = &m.cancel, .jobs = 2};

        if (replace) /* what is read goes on to its end: not that far */
            assert_int_equal(truncate(m.path, (off_t)1024 * 1024 * 1024), 0);
        vanta_check_files(&f, 1, &options);
        assert_true(m.done);
        assert_int_equal(f.status, VANTA_ERR_BUSY);
        assert_non_null(strstr(f.error.message, "changed while it was hashed"));
        assert_false(f.right);
        assert_string_equal(f.found, "");
    }
}

static void it_can_be_stopped(void **state)
{
    char hex[3][VANTA_SHA256_HEX];
    struct meddling m = {.path = NULL};
    struct vanta_check f[3];
    struct vanta_check_options options = {
        .progress = meddle, .arg = &m, .cancel = &m.cancel, .jobs = 2};

    (void)state;
    f[0] = ask(make_long("a", hex[0]), hex[0]);
    f[1] = ask(make_long("b", hex[1]), hex[1]);
    f[2] = ask(make("c", 5, 1, hex[2]), hex[2]);
    vanta_check_files(f, 3, &options);
    assert_int_equal(f[0].status, VANTA_ERR_CANCELLED);
    assert_int_equal(f[1].status, VANTA_ERR_CANCELLED);
    assert_int_equal(f[2].status, VANTA_ERR_CANCELLED);
}

static void one_failure_leaves_the_others_alone(void **state)
{
    char hex[VANTA_SHA256_HEX];
    struct vanta_check f[4];

    (void)state;
    f[0] = ask(in_scratch("none"), hex);
    f[1] = ask(scratch, hex);
    assert_int_equal(mkfifo(in_scratch("fifo"), 0600), 0);
    f[2] = ask(in_scratch("fifo"), hex);
    f[3] = ask(make("f", 2 * C, 1, hex), hex);
    check(f, 4, 2);
    assert_int_equal(f[0].status, VANTA_ERR_NOT_FOUND);
    assert_int_equal(f[1].status, VANTA_ERR_FORMAT);
    assert_int_equal(f[2].status, VANTA_ERR_FORMAT);
    assert_true(f[3].status == VANTA_OK && f[3].right);
    check(f, 0, 2); /* nothing to do */
}

static void a_digest_nobody_knows_is_found(void **state)
{
    char hex[VANTA_SHA256_HEX];
    struct vanta_check f = ask(make("f", 2 * C, 1, hex), NULL);

    (void)state;
    check(&f, 1, 2);
    assert_int_equal(f.status, VANTA_OK);
    assert_string_equal(f.found, hex);
    assert_false(f.right);
    assert_false(has_chunks(hex));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(without_chunk_files_and_with),
        scratch_test(a_wrong_file_has_its_wrong_chunks),
        scratch_test(a_chunk_file_that_lies_is_found_out),
        scratch_test(a_damaged_chunk_file_is_as_none),
        scratch_test(a_quick_look_is_a_sample),
        scratch_test(a_quick_look_finds_what_it_sees),
        scratch_test(what_changes_meanwhile_is_busy),
        scratch_test(it_can_be_stopped),
        scratch_test(one_failure_leaves_the_others_alone),
        scratch_test(a_digest_nobody_knows_is_found),
    };

    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
