#if defined(__linux__)
#define _GNU_SOURCE /* syscall */
#endif

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/partial.h"
#include "scratch.h"

#if defined(__linux__)
#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A disk that fails as the system's do: the sync that fails is one of so many, and those
 * after it are fine. Folders and journals are not counted. */
static atomic_int syncs, failing;

int fsync(int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 65536 &&
        atomic_fetch_add(&syncs, 1) + 1 == atomic_load(&failing)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}
#endif

static struct vanta_partial p;

static void open_it(void)
{
    struct vanta_error err = {0};

    if (vanta_partial_open(&p, in_scratch("partial"), "key", NULL, NULL, NULL, &err) !=
        VANTA_OK)
        fail_msg("%s", err.message);
}

static void start(void)
{
    open_it();
    assert_int_equal(vanta_partial_reset(&p, NULL), VANTA_OK);
}

static void add(const char *text)
{
    assert_int_equal(vanta_partial_write(&p, text, strlen(text), NULL), VANTA_OK);
}

static void a_whole_file_gets_its_name(void **state)
{
    char hex[VANTA_SHA256_HEX], expected[VANTA_SHA256_HEX];

    (void)state;
    start();
    add("hello ");
    add("world");
    assert_int_equal(vanta_partial_hex(&p, hex, NULL), VANTA_OK);
    vanta_sha256_buffer("hello world", 11, expected, NULL);
    assert_string_equal(hex, expected);
    assert_int_equal(vanta_partial_commit(&p, in_scratch("models/a/b"), NULL), VANTA_OK);
    assert_int_equal(vanta_file_size(in_scratch("models/a/b")), 11);
    assert_int_equal(rmdir(in_scratch("partial")), 0); /* nothing is left in it */
    vanta_partial_close(&p);
    vanta_partial_discard(&p);
}

static void what_was_closed_is_gone_on_with(void **state)
{
    char hex[VANTA_SHA256_HEX], expected[VANTA_SHA256_HEX];

    (void)state;
    start();
    vanta_partial_describe(&p, "hf:a/b@c/d", "\"e\"", 11);
    add("hello ");
    vanta_partial_close(&p);
    assert_int_equal(vanta_file_size(in_scratch("partial/key.part")), 6);
    assert_false(vanta_file_exists(in_scratch("partial/key.lock")));
    open_it();
    assert_int_equal(p.left_bytes, 6);
    assert_true(p.has_journal);
    assert_string_equal(p.journal.source, "hf:a/b@c/d");
    assert_string_equal(p.journal.validator, "\"e\"");
    assert_int_equal(p.journal.size_bytes, 11);
    assert_int_equal(vanta_extents_prefix(&p.journal.have), 6);
    assert_int_equal(vanta_partial_resume(&p, 5, 11, NULL), VANTA_OK);
    assert_int_equal(p.bytes, 5);
    add(" world");
    assert_int_equal(vanta_partial_hex(&p, hex, NULL), VANTA_OK);
    vanta_sha256_buffer("hello world", 11, expected, NULL);
    assert_string_equal(hex, expected);
    vanta_partial_discard(&p);
    assert_int_equal(rmdir(in_scratch("partial")), 0);
}

static void an_empty_one_leaves_nothing(void **state)
{
    (void)state;
    start();
    vanta_partial_close(&p);
    assert_int_equal(rmdir(in_scratch("partial")), 0);
}

static void a_symbolic_link_is_not_followed(void **state)
{
    struct vanta_error err = {0};

    (void)state;
    scratch_text("precious", "x");
    assert_int_equal(vanta_dir_make(in_scratch("partial"), NULL), VANTA_OK);
    assert_int_equal(symlink(in_scratch("precious"), in_scratch("partial/key.part")), 0);
    assert_int_not_equal(
        vanta_partial_open(&p, in_scratch("partial"), "key", NULL, NULL, NULL, &err),
        VANTA_OK);
    assert_int_equal(vanta_file_size(in_scratch("precious")), 1);
    vanta_partial_close(&p);
}

static void a_large_one_has_its_journal_on_the_way(void **state)
{
    static char block[100000];
    struct vanta_journal j;
    int i;

    (void)state;
    start();
    vanta_partial_describe(&p, "https://host/x", NULL, -1);
    assert_false(vanta_file_exists(in_scratch("partial/key.journal")));
    for (i = 0; i < 3; i++)
        assert_int_equal(vanta_partial_write(&p, block, sizeof block, NULL), VANTA_OK);
    assert_int_equal(vanta_journal_load(in_scratch("partial/key.journal"), &j, NULL),
                     VANTA_OK);
    assert_int_equal(vanta_extents_prefix(&j.have), 300000);
    assert_false(j.apart);
    assert_string_equal(j.validator, "");
    vanta_journal_free(&j);
    assert_int_equal(vanta_partial_reset(&p, NULL), VANTA_OK);
    assert_false(vanta_file_exists(in_scratch("partial/key.journal")));
    vanta_partial_discard(&p);
}

#define MIB ((uint64_t)1024 * 1024)

static char *pattern(size_t bytes)
{
    char *data = malloc(bytes);
    uint32_t x = 1;
    size_t i;

    assert_non_null(data);
    for (i = 0; i < bytes; i++)
        data[i] = (char)((x = x * 1664525u + 1013904223u) >> 24);
    return data;
}

/* Writes [from, end) in blocks. */
static void put(const char *data, uint64_t from, uint64_t end)
{
    while (from < end) {
        size_t n = end - from < 65536 ? (size_t)(end - from) : 65536;

        assert_int_equal(vanta_partial_write_at(&p, from, data + from, n, NULL), VANTA_OK);
        from += n;
    }
}

static void bytes_in_any_order_have_the_digest_of_their_order(void **state)
{
    char *data = pattern(11 * MIB + 5);
    char hex[VANTA_SHA256_HEX], expected[VANTA_SHA256_HEX];

    (void)state;
    start();
    vanta_partial_describe(&p, "https://host/x", "\"e\"", 11 * MIB + 5);
    put(data, 0, MIB);
    assert_int_equal(vanta_partial_part(&p, NULL), VANTA_OK);
    put(data, 9 * MIB, 11 * MIB + 5);
    put(data, 3 * MIB, 4 * MIB);
    assert_int_equal(p.bytes, MIB);
    put(data, 0, 9 * MIB + 77); /* over what is there */
    assert_int_equal(p.bytes, 11 * MIB + 5);
    assert_int_equal(p.have_bytes, 11 * MIB + 5);
    assert_int_equal(vanta_partial_hex(&p, hex, NULL), VANTA_OK);
    vanta_sha256_buffer(data, 11 * MIB + 5, expected, NULL);
    assert_string_equal(hex, expected);
    assert_int_equal(p.chunks.n, 3);
    vanta_partial_discard(&p);
    free(data);
}

/* As after kill -9: the struct is forgotten, the files are as they are. */
static void forget(void)
{
    char copy[VANTA_PATH_MAX];

    snprintf(copy, sizeof copy, "%s", in_scratch("partial/kept.journal"));
    assert_int_equal(rename(in_scratch("partial/key.journal"), copy), 0);
    assert_int_equal(link(p.path, in_scratch("partial/kept.part")), 0);
    vanta_partial_discard(&p);
    assert_int_equal(rename(copy, in_scratch("partial/key.journal")), 0);
    assert_int_equal(
        rename(in_scratch("partial/kept.part"), in_scratch("partial/key.part")), 0);
}

static void a_kill_loses_what_no_line_tells_of(void **state)
{
    char *data = pattern(40 * MIB);
    struct vanta_extent gap;

    (void)state;
    start();
    vanta_partial_describe(&p, "https://host/x", "\"e\"", 40 * MIB);
    put(data, 0, MIB);
    assert_int_equal(vanta_partial_part(&p, NULL), VANTA_OK);
    put(data, 20 * MIB, 37 * MIB);
    forget();
    open_it();
    assert_true(p.has_journal);
    assert_true(p.journal.apart);
    assert_true(vanta_extents_bytes(&p.journal.have) >= 10 * MIB);
    /* Nothing that was not written is believed. */
    assert_true(vanta_extents_gap(&p.journal.have, 0, 40 * MIB, &gap));
    assert_int_equal(gap.first, MIB);
    assert_int_equal(gap.end, 20 * MIB);
    assert_int_equal(vanta_partial_keep(&p, &p.journal.have, 40 * MIB, NULL), VANTA_OK);
    put(data, 0, 40 * MIB);
    assert_int_equal(vanta_partial_commit(&p, in_scratch("whole"), NULL), VANTA_OK);
    free(data);
}

static void a_wrong_chunk_is_wanted_again(void **state)
{
    char *data = pattern(13 * MIB), hex[VANTA_SHA256_HEX], expected[VANTA_SHA256_HEX];
    struct vanta_chunk_hasher h = {0};
    struct vanta_chunks known = {0};
    struct vanta_extent gap;
    uint64_t chunk = 99;

    (void)state;
    assert_int_equal(vanta_chunk_hasher_init(&h, 13 * MIB, NULL), VANTA_OK);
    vanta_chunk_hasher_update(&h, data, 13 * MIB);
    assert_int_equal(vanta_chunk_hasher_final(&h, &known, NULL), VANTA_OK);
    vanta_sha256_to_hex(known.sha256, expected);
    open_it();
    p.known = &known;
    assert_int_equal(vanta_partial_keep(&p, NULL, 13 * MIB, NULL), VANTA_OK);
    data[5 * MIB] ^= 1;
    data[13 * MIB - 1] ^= 1;
    put(data, 0, 13 * MIB);
    data[5 * MIB] ^= 1;
    data[13 * MIB - 1] ^= 1;
    vanta_follow_wait(&p.follow, NULL);
    assert_true(vanta_partial_bad(&p, &chunk));
    assert_int_equal(chunk, 1);
    assert_true(vanta_extents_gap(&p.have, 0, 13 * MIB, &gap));
    assert_int_equal(gap.first, 4 * MIB);
    assert_int_equal(gap.end, 8 * MIB);
    put(data, gap.first, gap.end);
    vanta_follow_wait(&p.follow, NULL);
    assert_true(vanta_partial_bad(&p, &chunk)); /* the last one, which is shorter */
    assert_int_equal(chunk, 3);
    assert_false(vanta_partial_bad(&p, &chunk));
    put(data, 12 * MIB, 13 * MIB);
    assert_int_equal(vanta_partial_hex(&p, hex, NULL), VANTA_OK);
    assert_string_equal(hex, expected);
    vanta_partial_discard(&p);
    vanta_chunks_free(&known);
    free(data);
}

#if defined(__linux__)

/* To the end of 68 MiB, so that the flush beside the writing has its turn too. */
static enum vanta_status bring(const char *data, uint64_t bytes, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    char hex[VANTA_SHA256_HEX];
    uint64_t at;

    vanta_partial_describe(&p, "https://host/x", "\"e\"", (int64_t)bytes);
    for (at = p.bytes; at < bytes && status == VANTA_OK; at += MIB)
        status = vanta_partial_write(&p, data + at, MIB, err);
    if (status == VANTA_OK)
        status = vanta_partial_hex(&p, hex, err);
    if (status == VANTA_OK)
        return vanta_partial_commit(&p, in_scratch("whole"), err);
    vanta_partial_close(&p);
    return status;
}

/* The system tells of lost writes once. Whichever sync hears of them, the file does not get
 * its name, and what no good sync covers is not gone on with. */
static void a_sync_that_fails_once_is_not_forgotten(void **state)
{
    char *data = pattern(68 * MIB);
    int n, failed = 0;

    (void)state;
    for (n = 1;; n++) {
        struct vanta_error err = {0};
        enum vanta_status status;
        bool journal;

        atomic_store(&failing, 0);
        start();
        atomic_store(&syncs, 0);
        atomic_store(&failing, n);
        status = bring(data, 68 * MIB, &err);
        if (atomic_load(&syncs) < n)
            break;
        atomic_store(&failing, 0);
        assert_int_equal(status, VANTA_ERR_IO);
        assert_non_null(strstr(err.message, "riting "));
        assert_false(vanta_file_exists(in_scratch("whole")));
        open_it();
        journal = p.has_journal;
        /* The first 64 MiB are synced at once, before the journal tells. */
        print_message("%d: journal %d, %llu bytes\n", n, journal,
                      (unsigned long long)vanta_extents_bytes(&p.journal.have));
        if (journal)
            assert_false(p.journal.same_boot);
        else
            assert_int_equal(p.left_bytes, 0);
        assert_true(vanta_extents_bytes(&p.journal.have) < 68 * MIB);
        assert_int_equal(vanta_partial_keep(&p, &p.journal.have, 68 * MIB, NULL), VANTA_OK);
        err = (struct vanta_error){0};
        assert_int_equal(bring(data, 68 * MIB, &err), VANTA_OK);
        assert_int_equal(unlink(in_scratch("whole")), 0);
        failed++;
    }
    assert_true(failed >= 3);
    assert_int_equal(unlink(in_scratch("whole")), 0);
    free(data);
}

#endif

static void a_lock_that_was_deleted_is_taken_anew(void **state)
{
    struct vanta_lock a = {0}, b = {0};
    const char *dir = in_scratch("locks"), *path = in_scratch("locks/l");
    struct vanta_error err = {0};

    (void)state;
    assert_int_equal(vanta_partial_lock(&a, dir, path, 0, NULL, NULL, NULL, NULL),
                     VANTA_OK);
    assert_int_equal(vanta_partial_lock(&b, dir, path, 0, NULL, NULL, NULL, &err),
                     VANTA_ERR_BUSY);
    unlink(path);
    rmdir(dir);
    assert_int_equal(vanta_partial_lock(&b, dir, path, 0, NULL, NULL, NULL, NULL),
                     VANTA_OK);
    vanta_lock_release(&a);
    vanta_lock_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(a_whole_file_gets_its_name),
        scratch_test(what_was_closed_is_gone_on_with),
        scratch_test(an_empty_one_leaves_nothing),
        scratch_test(a_symbolic_link_is_not_followed),
        scratch_test(a_large_one_has_its_journal_on_the_way),
        scratch_test(a_lock_that_was_deleted_is_taken_anew),
        scratch_test(bytes_in_any_order_have_the_digest_of_their_order),
        scratch_test(a_kill_loses_what_no_line_tells_of),
        scratch_test(a_wrong_chunk_is_wanted_again),
#if defined(__linux__)
        scratch_test(a_sync_that_fails_once_is_not_forgotten),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
