/* Archives, sound and hostile, made by tests/fuzz/make_archive_corpus.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "fetch/archive.h"

#define BYTES_LEN 3000
#define MAX_PARTS 3

static void corpus_path(char out[512], const char *name)
{
    snprintf(out, 512, "%s/../fuzz/corpus/archive/%s", TEST_DATA, name);
    if (access(out, R_OK) != 0)
        snprintf(out, 512, "%s/archive/%s", TEST_DATA, name);
}

static enum vanta_status keep(void *arg, const void *data, size_t len,
                              struct vanta_error *err)
{
    (void)err;
    assert_true(vanta_buf_append(arg, data, len));
    return VANTA_OK;
}

struct result {
    enum vanta_status status;
    struct vanta_error error;
    struct vanta_buf bytes;
    struct vanta_archive_wanted wanted;
};

/* parts: "FILE" or "FILE#MEMBER"; with a "!" in front: proven. */
static void extract(struct result *out, const char *const *texts, size_t n,
                    const char *inner, uint64_t max)
{
    struct vanta_archive_part parts[MAX_PARTS] = {{0}};
    char paths[MAX_PARTS][512], names[MAX_PARTS][128];
    size_t i;

    memset(out, 0, sizeof *out);
    out->bytes = VANTA_BUF(64 << 20);
    out->wanted = (struct vanta_archive_wanted){
        .inner = inner, .max_bytes = max, .sink = keep, .arg = &out->bytes};
    assert_true(n <= MAX_PARTS);
    for (i = 0; i < n; i++) {
        const char *text = texts[i] + (texts[i][0] == '!'), *hash = strchr(text, '#');

        snprintf(names[i], sizeof names[i], "%.*s", (int)strcspn(text, "#"), text);
        if (names[i][0] == '/')
            snprintf(paths[i], sizeof paths[i], "%s", names[i]);
        else
            corpus_path(paths[i], names[i]);
        parts[i].path = paths[i];
        parts[i].proven = text != texts[i];
        parts[i].member = hash ? hash + 1 : NULL;
    }
    out->status =
        vanta_archive_extract(parts, n, &out->wanted, 1, NULL, &out->error);
    assert_int_equal(out->status, out->error.status);
}

static void free_result(struct result *r)
{
    vanta_buf_free(&r->bytes);
}

static void assert_pattern(const struct vanta_buf *buf)
{
    const uint8_t *p = (const uint8_t *)buf->data;
    unsigned i;

    assert_int_equal(buf->len, BYTES_LEN);
    for (i = 0; i < BYTES_LEN / 2; i++)
        assert_int_equal(p[2 * i] | p[2 * i + 1] << 8, i * i % 997);
}

static void sound_archives_give_their_members(void **state)
{
    static const char *const files[] = {"plain.zip",  "plain.tar",      "plain.tar.gz",
                                        "gnu.tar",    "descriptor.zip", "dotdot.zip",
                                        "dotdot.tar", "stored-descriptor.zip"};
    struct result r;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof files / sizeof files[0]; i++) {
        char member[64];
        const char *part = member;

        extract(&r, &files[i], 1, "b.bin", BYTES_LEN); /* exactly at the cap */
        assert_int_equal(r.status, VANTA_OK);
        assert_int_equal(r.wanted.status, VANTA_OK);
        assert_int_equal(r.wanted.bytes, BYTES_LEN);
        assert_pattern(&r.bytes);
        free_result(&r);

        snprintf(member, sizeof member, "%s#b.bin", files[i]);
        extract(&r, &part, 1, NULL, BYTES_LEN);
        assert_int_equal(r.status, VANTA_OK);
        assert_pattern(&r.bytes);
        free_result(&r);
    }
}

static void names_are_bytes_whatever_the_locale(void **state)
{
    static const struct {
        const char *file, *member;
    } cases[] = {{"utf8.zip", "mod\xc3\xa8le/\xe6\xa8\xa1.bin"},
                 {"plain.tar", "package/\xc3\xa9.txt"},
                 {"plain.tar.gz", "package/\xc3\xa9.txt"}};
    struct result r;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        extract(&r, &cases[i].file, 1, cases[i].member, BYTES_LEN);
        assert_string_equal(r.error.message, "");
        free_result(&r);
    }
}

static void empty_and_long_named_members(void **state)
{
    const char *zip = "plain.zip", *tar = "plain.tar";
    char name[300] = "long/";
    struct result r;

    (void)state;
    extract(&r, &zip, 1, "empty", 0);
    assert_int_equal(r.status, VANTA_OK);
    assert_int_equal(r.wanted.bytes, 0);
    free_result(&r);

    memset(name + 5, 'n', 200);
    strcpy(name + 205, "/one.txt");
    extract(&r, &tar, 1, name, 4);
    assert_int_equal(r.status, VANTA_OK);
    assert_memory_equal(r.bytes.data, "one\n", 4);
    free_result(&r);
}

static void several_members_in_one_pass(void **state)
{
    char path[512];
    struct vanta_buf a = VANTA_BUF(4096), b = VANTA_BUF(4096), b2 = VANTA_BUF(4096);
    struct vanta_archive_part part = {.path = path};
    struct vanta_archive_wanted wanted[] = {
        {.inner = "b.bin", .max_bytes = BYTES_LEN, .sink = keep, .arg = &b},
        {.inner = "a/one.txt", .max_bytes = 4, .sink = keep, .arg = &a},
        {.inner = "b.bin", .max_bytes = BYTES_LEN, .sink = keep, .arg = &b2},
        {.inner = "absent", .max_bytes = 4, .sink = keep, .arg = &a},
    };
    struct vanta_error err = {0};

    (void)state;
    corpus_path(path, "plain.zip");
    assert_int_equal(vanta_archive_extract(&part, 1, wanted, 3, NULL, &err), VANTA_OK);
    assert_pattern(&b);
    assert_pattern(&b2);
    assert_int_equal(a.len, 4);
    a.len = b.len = b2.len = 0;

    /* One that is not there fails the call; the others have been delivered. */
    assert_int_equal(vanta_archive_extract(&part, 1, wanted, 4, NULL, &err),
                     VANTA_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "absent"));
    assert_non_null(strstr(err.message, "plain.zip"));
    assert_int_equal(wanted[0].status, VANTA_OK);
    assert_int_equal(wanted[2].status, VANTA_OK);
    assert_int_equal(wanted[3].status, VANTA_ERR_NOT_FOUND);
    assert_pattern(&b);
    vanta_buf_free(&a);
    vanta_buf_free(&b);
    vanta_buf_free(&b2);
}

static void parts_are_joined(void **state)
{
    const char *wheels[] = {"part1.whl#p/x.zip.001", "part2.whl#p/x.zip.002"};
    const char *mixed[] = {"part1.tgz#package/x.1", "part2.whl#p/x.zip.002"};
    char plain[512];
    struct result r;
    FILE *file;
    uint8_t expected[4096];
    size_t n;

    (void)state;
    corpus_path(plain, "plain.zip");
    file = fopen(plain, "rb");
    assert_non_null(file);
    n = fread(expected, 1, sizeof expected, file);
    fclose(file);

    extract(&r, wheels, 2, NULL, n);
    assert_int_equal(r.status, VANTA_OK);
    assert_int_equal(r.bytes.len, n);
    assert_memory_equal(r.bytes.data, expected, n);
    free_result(&r);

    extract(&r, wheels, 2, "b.bin", BYTES_LEN);
    assert_int_equal(r.status, VANTA_OK);
    assert_pattern(&r.bytes);
    free_result(&r);

    extract(&r, mixed, 2, "b.bin", BYTES_LEN);
    assert_int_equal(r.status, VANTA_OK);
    assert_pattern(&r.bytes);
    free_result(&r);

    extract(&r, wheels, 2, "absent", BYTES_LEN);
    assert_int_equal(r.status, VANTA_ERR_NOT_FOUND);
    free_result(&r);

    extract(&r, wheels, 1, "b.bin", BYTES_LEN);
    assert_int_equal(r.status, VANTA_ERR_FORMAT);
    free_result(&r);
}

/* Whole files can be joined too, and are then read by the zip's directory. */
static void cut_files_are_joined(void **state)
{
    char first[] = "/tmp/vanta-archive-XXXXXX", second[] = "/tmp/vanta-archive-XXXXXX";
    const char *files[] = {first, second};
    int fds[] = {mkstemp(first), mkstemp(second)};
    uint8_t data[4096];
    char plain[512];
    struct result r;
    FILE *file;
    ssize_t n;

    (void)state;
    corpus_path(plain, "plain.zip");
    file = fopen(plain, "rb");
    assert_non_null(file);
    n = (ssize_t)fread(data, 1, sizeof data, file);
    fclose(file);
    assert_int_equal(write(fds[0], data, 500), 500);
    assert_int_equal(write(fds[1], data + 500, (size_t)n - 500), n - 500);
    close(fds[0]);
    close(fds[1]);
    extract(&r, files, 2, "b.bin", BYTES_LEN);
    assert_int_equal(r.status, VANTA_OK);
    assert_pattern(&r.bytes);
    free_result(&r);
    unlink(first);
    unlink(second);
}

static void hostile_archives_are_refused(void **state)
{
    static const struct {
        const char *file;
        enum vanta_status status;
        const char *says;
    } cases[] = {
        {"link.zip", VANTA_ERR_FORMAT, "symbolic link"},
        {"link.tar", VANTA_ERR_FORMAT, "symbolic link"},
        {"hardlink.tar", VANTA_ERR_FORMAT, "hard link"},
        {"fifo.tar", VANTA_ERR_FORMAT, "special file"},
        {"folder.zip", VANTA_ERR_NOT_FOUND, "no member b.bin"},
        {"double.zip", VANTA_ERR_FORMAT, "two members named b.bin"},
        {"double.tar", VANTA_ERR_FORMAT, "two members named b.bin"},
        {"encrypted.zip", VANTA_ERR_UNSUPPORTED, "encrypted"},
        {"bad-crc.zip", VANTA_ERR_FORMAT, "b.bin"},
        {"lying-size.zip", VANTA_ERR_FORMAT, "b.bin"},
        {"method.zip", VANTA_ERR_FORMAT, "b.bin"},
        {"sparse.tar", VANTA_ERR_UNSUPPORTED, "sparse"},
        {"short.zip", VANTA_ERR_FORMAT, ""},
        {"short.tar", VANTA_ERR_FORMAT, ""},
        {"short.tar.gz", VANTA_ERR_FORMAT, ""},
        {"empty", VANTA_ERR_FORMAT, "empty"},
        {"page.html", VANTA_ERR_FORMAT, "page.html"},
        {"bomb.zip", VANTA_ERR_LIMIT, "more than the 3000 bytes"},
        {"bomb.tar.gz", VANTA_ERR_LIMIT, "unpacks to more than"},
        {"part1.whl", VANTA_ERR_NOT_FOUND, "no member b.bin"},
        {"absent.zip", VANTA_ERR_NOT_FOUND, "absent.zip"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char member[64];
        const char *part = member;
        struct result r;

        extract(&r, &cases[i].file, 1, "b.bin", BYTES_LEN);
        if (r.status != cases[i].status || !strstr(r.error.message, cases[i].says))
            fail_msg("%s: %d %s", cases[i].file, (int)r.status, r.error.message);
        assert_true(r.bytes.len <= BYTES_LEN);
        free_result(&r);

        snprintf(member, sizeof member, "%s#b.bin", cases[i].file);
        extract(&r, &part, 1, NULL, BYTES_LEN);
        if (r.status != cases[i].status)
            fail_msg("%s: %d %s", member, (int)r.status, r.error.message);
        free_result(&r);
    }
}

static void damage_in_a_part_is_seen_though_the_inner_zip_is_right(void **state)
{
    const char *parts[] = {"part1.whl#p/x.zip.001", "part2-bad-crc.whl#p/x.zip.002"};
    struct result r;

    (void)state;
    extract(&r, parts, 2, "b.bin", BYTES_LEN);
    assert_int_equal(r.status, VANTA_ERR_FORMAT);
    assert_non_null(strstr(r.error.message, "part2-bad-crc.whl"));
    free_result(&r);
}

/* Who has the digest of a package does not need its checksums; of one part is not of all. */
static void checksums_of_what_is_proven_are_passed_over(void **state)
{
    static const struct {
        const char *parts[2], *inner;
        enum vanta_status status;
    } cases[] = {
        {{"!bad-crc.zip"}, "b.bin", VANTA_OK},
        {{"!bad-crc.zip#b.bin"}, NULL, VANTA_OK},
        {{"!part1.whl#p/x.zip.001", "!part2-bad-crc.whl#p/x.zip.002"}, "b.bin", VANTA_OK},
        {{"part1.whl#p/x.zip.001", "part2-bad-crc.whl#p/x.zip.002"}, "b.bin",
         VANTA_ERR_FORMAT},
        {{"!part1.whl#p/x.zip.001", "part2-bad-crc.whl#p/x.zip.002"}, "b.bin",
         VANTA_ERR_FORMAT},
        {{"!lying-size.zip"}, "b.bin", VANTA_ERR_FORMAT},
        {{"!short.zip"}, "b.bin", VANTA_ERR_FORMAT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct result r;

        extract(&r, cases[i].parts, cases[i].parts[1] ? 2 : 1, cases[i].inner, BYTES_LEN);
        if (r.status != cases[i].status)
            fail_msg("%s: %d %s", cases[i].parts[0], (int)r.status, r.error.message);
        if (r.status == VANTA_OK)
            assert_pattern(&r.bytes);
        free_result(&r);
    }
}

static void a_bomb_in_a_part_stops(void **state)
{
    const char *part = "bomb-part.whl#x.zip";
    struct result r;

    (void)state;
    extract(&r, &part, 1, "b.bin", BYTES_LEN);
    assert_int_equal(r.status, VANTA_ERR_LIMIT);
    free_result(&r);
    extract(&r, &part, 1, NULL, 1 << 20);
    assert_int_equal(r.status, VANTA_ERR_LIMIT);
    assert_true(r.bytes.len <= 1 << 20);
    free_result(&r);
}

/* A ustar archive of ever the same empty member. */
static void too_many_members_stop(void **state)
{
    char path[] = "/tmp/vanta-archive-XXXXXX", header[512] = "m";
    const char *part = path;
    FILE *file = fdopen(mkstemp(path), "wb");
    struct result r;
    unsigned sum = 8 * ' ';
    int i;

    (void)state;
    assert_non_null(file);
    memcpy(header + 100, "0000644", 8);
    memcpy(header + 124, "00000000000", 12);
    memcpy(header + 136, "00000000000", 12);
    header[156] = '0';
    memcpy(header + 257, "ustar\00000", 8);
    for (i = 0; i < 512; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    header[155] = ' ';
    for (i = 0; i < 100001; i++)
        assert_int_equal(fwrite(header, 512, 1, file), 1);
    fclose(file);
    extract(&r, &part, 1, "b.bin", BYTES_LEN);
    assert_int_equal(r.status, VANTA_ERR_LIMIT);
    assert_non_null(strstr(r.error.message, "members"));
    free_result(&r);
    unlink(path);
}

static enum vanta_status refuse(void *arg, const void *data, size_t len,
                                struct vanta_error *err)
{
    (void)data;
    (void)len;
    ++*(int *)arg;
    err->status = VANTA_ERR_NO_SPACE;
    return VANTA_ERR_NO_SPACE;
}

static void a_failing_sink_ends_it(void **state)
{
    struct vanta_error err = {0};
    char path[512];
    int calls = 0;
    struct vanta_archive_part part = {.path = path};
    struct vanta_archive_wanted wanted[] = {
        {.inner = "a/one.txt", .max_bytes = 4, .sink = refuse, .arg = &calls},
        {.inner = "b.bin", .max_bytes = 4, .sink = refuse, .arg = &calls}};

    (void)state;
    corpus_path(path, "plain.zip");
    assert_int_equal(vanta_archive_extract(&part, 1, wanted, 2, NULL, &err),
                     VANTA_ERR_NO_SPACE);
    assert_int_equal(calls, 1);
    assert_int_equal(wanted[0].status, VANTA_ERR_NO_SPACE);
    assert_int_equal(wanted[0].bytes, 0);
    assert_int_equal(wanted[1].status, VANTA_ERR_NOT_FOUND);
}

static void cancelling_ends_it(void **state)
{
    struct vanta_error err = {0};
    atomic_bool cancel = true;
    struct vanta_buf buf = VANTA_BUF(4096);
    char path[512];
    struct vanta_archive_part parts[] = {{.path = path}, {.path = path, .member = "b.bin"}};
    struct vanta_archive_wanted wanted = {
        .inner = "b.bin", .max_bytes = BYTES_LEN, .sink = keep, .arg = &buf};
    int i;

    (void)state;
    corpus_path(path, "plain.zip");
    for (i = 0; i < 2; i++) {
        memset(&err, 0, sizeof err);
        assert_int_equal(vanta_archive_extract(&parts[i], 1, &wanted, 1, &cancel, &err),
                         VANTA_ERR_CANCELLED);
        assert_int_equal(buf.len, 0);
    }
    vanta_buf_free(&buf);
}

static void senseless_requests_are_refused(void **state)
{
    struct vanta_archive_part part = {.path = "/dev/null"};
    struct vanta_archive_wanted wanted[2] = {{.inner = NULL}, {.inner = "x"}};
    struct vanta_error err = {0};

    (void)state;
    assert_int_equal(vanta_archive_extract(&part, 1, wanted, 2, NULL, &err),
                     VANTA_ERR_INTERNAL);
    assert_int_equal(vanta_archive_extract(&part, 0, wanted, 1, NULL, NULL),
                     VANTA_ERR_INTERNAL);
    /* A device is not a file. */
    assert_int_equal(vanta_archive_extract(&part, 1, wanted + 1, 1, NULL, NULL),
                     VANTA_ERR_FORMAT);
}

/* A file that is only there once wait has been asked for it. */
struct late {
    char path[512];
    const char *from;
    unsigned asked;
    enum vanta_status answer;
};

static enum vanta_status arrive(void *arg, struct vanta_error *err)
{
    struct late *late = arg;
    char from[512];

    late->asked++;
    if (late->answer != VANTA_OK)
        return vanta_fail(err, late->answer, "it does not come");
    corpus_path(from, late->from);
    return vanta_file_copy(from, late->path, err);
}

static void parts_may_come_late(void **state)
{
    struct vanta_buf bytes = VANTA_BUF(1 << 20);
    struct vanta_archive_wanted wanted = {
        .max_bytes = 1 << 20, .sink = keep, .arg = &bytes};
    char dir[] = "/tmp/vanta-late-XXXXXX";
    struct late late[2] = {{.from = "plain.zip"}, {.from = "plain.tar"}};
    struct vanta_archive_part parts[2];
    struct vanta_error err = {0};
    size_t i;

    (void)state;
    assert_non_null(mkdtemp(dir));
    for (i = 0; i < 2; i++) {
        snprintf(late[i].path, sizeof late[i].path, "%s/%zu", dir, i);
        parts[i] = (struct vanta_archive_part){.path = late[i].path,
                                               .member = "b.bin",
                                               .wait = arrive,
                                               .wait_arg = &late[i]};
    }
    assert_int_equal(vanta_archive_extract(parts, 2, &wanted, 1, NULL, &err), VANTA_OK);
    assert_int_equal(wanted.bytes, 2 * BYTES_LEN);
    assert_int_equal(late[0].asked, 1);
    assert_int_equal(late[1].asked, 1);

    /* One that does not come ends it with its reason. */
    unlink(late[0].path);
    late[1].answer = VANTA_ERR_NETWORK;
    assert_int_equal(vanta_archive_extract(parts, 2, &wanted, 1, NULL, &err),
                     VANTA_ERR_NETWORK);
    assert_string_equal(err.message, "it does not come");
    assert_int_not_equal(wanted.status, VANTA_OK);

    /* An archive inside the parts cannot be judged before they are all there. */
    wanted.inner = "b.bin";
    assert_int_equal(vanta_archive_extract(parts, 2, &wanted, 1, NULL, NULL),
                     VANTA_ERR_INTERNAL);
    vanta_buf_free(&bytes);
    assert_int_equal(vanta_remove_tree(dir, NULL), VANTA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_archives_give_their_members),
        cmocka_unit_test(names_are_bytes_whatever_the_locale),
        cmocka_unit_test(empty_and_long_named_members),
        cmocka_unit_test(several_members_in_one_pass),
        cmocka_unit_test(parts_are_joined),
        cmocka_unit_test(cut_files_are_joined),
        cmocka_unit_test(parts_may_come_late),
        cmocka_unit_test(hostile_archives_are_refused),
        cmocka_unit_test(damage_in_a_part_is_seen_though_the_inner_zip_is_right),
        cmocka_unit_test(checksums_of_what_is_proven_are_passed_over),
        cmocka_unit_test(a_bomb_in_a_part_stops),
        cmocka_unit_test(too_many_members_stop),
        cmocka_unit_test(a_failing_sink_ends_it),
        cmocka_unit_test(cancelling_ends_it),
        cmocka_unit_test(senseless_requests_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
