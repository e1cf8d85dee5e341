/* Chunk digests: made in one pass, kept in files, and no chunk file believed blindly. */
#include "cmocka_all.h"

#include <sys/resource.h>

#include "base/chunks.h"
#include "scratch.h"

#define MIB ((size_t)1024 * 1024)
#define BYTES (3 * VANTA_CHUNK_BYTES)

static uint8_t *data;

static int set_up(void **state)
{
    uint32_t x = 7;
    size_t i;

    (void)state;
    data = malloc(BYTES);
    if (!data)
        return -1;
    for (i = 0; i < BYTES; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = (uint8_t)(x >> 24);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(data);
    return 0;
}

/* --- in one pass --- */

static void expect_right(const struct vanta_chunks *c, size_t len)
{
    uint8_t digest[32];
    size_t i;

    assert_int_equal(c->file_bytes, len);
    assert_int_equal(c->n, (len + VANTA_CHUNK_BYTES - 1) / VANTA_CHUNK_BYTES);
    assert_int_equal(c->n, vanta_chunk_count(len));
    assert_int_equal(vanta_chunk_digest(data, len, digest, NULL), VANTA_OK);
    assert_memory_equal(c->sha256, digest, 32);
    for (i = 0; i < c->n; i++) {
        size_t bytes = i + 1 < c->n ? VANTA_CHUNK_BYTES : len - i * VANTA_CHUNK_BYTES;

        assert_int_equal(vanta_chunk_bytes(len, i), bytes);
        assert_int_equal(
            vanta_chunk_digest(data + i * VANTA_CHUNK_BYTES, bytes, digest, NULL),
            VANTA_OK);
        assert_memory_equal(c->digests[i], digest, 32);
    }
}

static void start_hasher(struct vanta_chunk_hasher *h, bool plain, int64_t expected)
{
    assert_int_equal(plain ? vanta_chunk_hasher_init_plain(h, NULL)
                           : vanta_chunk_hasher_init(h, expected, NULL),
                     VANTA_OK);
}

/* In pieces of so many bytes; 0: of random length, from that seed. */
static void hash(bool plain, int64_t expected, size_t len, size_t piece, unsigned seed,
                 struct vanta_chunks *out)
{
    struct vanta_chunk_hasher h = {0};
    size_t done = 0, n;

    start_hasher(&h, plain, expected);
    while (done < len) {
        n = piece;
        if (n == 0) {
            seed = seed * 1664525 + 1013904223;
            n = (seed >> 16) % (seed & 0x8000 ? 200 : 300000);
        }
        if (n > len - done)
            n = len - done;
        vanta_chunk_hasher_update(&h, data + done, n);
        done += n;
    }
    assert_int_equal(h.bytes, len);
    assert_int_equal(h.n, len / VANTA_CHUNK_BYTES);
    assert_int_equal(vanta_chunk_hasher_final(&h, out, NULL), VANTA_OK);
    vanta_chunk_hasher_free(&h);
}

static void each_length_class(void **state)
{
    static const size_t lengths[] = {
        0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, MIB,
        VANTA_CHUNK_BYTES - 65, VANTA_CHUNK_BYTES - 64, VANTA_CHUNK_BYTES - 9,
        VANTA_CHUNK_BYTES - 1, VANTA_CHUNK_BYTES, VANTA_CHUNK_BYTES + 1,
        VANTA_CHUNK_BYTES + 55, VANTA_CHUNK_BYTES + 56, VANTA_CHUNK_BYTES + 64,
        2 * VANTA_CHUNK_BYTES - 1, 2 * VANTA_CHUNK_BYTES, 2 * VANTA_CHUNK_BYTES + 100,
        BYTES};
    struct vanta_chunks c;
    size_t i;
    int plain;

    (void)state;
    for (i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (plain = 0; plain < 2; plain++) {
            hash(plain, (int64_t)lengths[i], lengths[i], BYTES, 0, &c);
            expect_right(&c, lengths[i]);
            vanta_chunks_free(&c);
        }
}

static void each_split(void **state)
{
    static const size_t pieces[] = {61, 64, 65, 4096, 65536 + 7, VANTA_CHUNK_BYTES,
                                    VANTA_CHUNK_BYTES + 1};
    struct vanta_chunks c;
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        hash(false, -1, BYTES - 3, pieces[i], 0, &c);
        expect_right(&c, BYTES - 3);
        vanta_chunks_free(&c);
    }
    for (i = 0; i < 12; i++) {
        size_t len = BYTES - i * 100003;

        print_message("random pieces, seed %u\n", i);
        hash(i % 4 == 3, -1, len, 0, i, &c);
        expect_right(&c, len);
        vanta_chunks_free(&c);
    }
}

static void more_or_less_than_was_expected(void **state)
{
    struct vanta_chunks c;

    (void)state;
    hash(false, 5, BYTES, MIB, 0, &c); /* more chunks than room was made for */
    expect_right(&c, BYTES);
    vanta_chunks_free(&c);
    hash(false, BYTES, 5, MIB, 0, &c);
    expect_right(&c, 5);
    vanta_chunks_free(&c);
    hash(false, INT64_MAX, 5, MIB, 0, &c); /* no memory is taken for that */
    expect_right(&c, 5);
    vanta_chunks_free(&c);
    vanta_chunks_free(&c);
}

/* What came before counts, not where the chunk that is asked for ends. */
static void digests_are_there_while_it_goes_on(void **state)
{
    struct vanta_chunk_hasher h = {0};
    uint8_t digest[32];

    (void)state;
    start_hasher(&h, false, -1);
    vanta_chunk_hasher_update(&h, data, VANTA_CHUNK_BYTES - 1);
    assert_int_equal(h.n, 0);
    vanta_chunk_hasher_update(&h, data + VANTA_CHUNK_BYTES - 1, 2);
    assert_int_equal(h.n, 1);
    assert_int_equal(vanta_chunk_digest(data, VANTA_CHUNK_BYTES, digest, NULL), VANTA_OK);
    assert_memory_equal(h.digests[0], digest, 32);
    vanta_chunk_hasher_free(&h);
    vanta_chunk_hasher_free(&h);
}

/* --- in files --- */

static struct vanta_chunks two_chunks(void)
{
    struct vanta_chunks c;

    hash(false, -1, VANTA_CHUNK_BYTES + 10, BYTES, 0, &c);
    c.seen_inode = 0x1122334455667788;
    c.seen_mtime_ns = -5;
    return c;
}

/* Below the scratch folder. */
static const char *name_of(const uint8_t sha256[32])
{
    static char name[7 + VANTA_SHA256_HEX] = "chunks/";

    vanta_sha256_to_hex(sha256, name + 7);
    return name;
}

static const char *path_of(const struct vanta_chunks *c)
{
    return in_scratch(name_of(c->sha256));
}

static size_t read_text(const char *path, uint8_t *out, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t n;

    assert_non_null(file);
    n = fread(out, 1, size, file);
    fclose(file);
    return n;
}

static void what_is_saved_is_loaded(void **state)
{
    struct vanta_chunks c = two_chunks(), back;
    struct vanta_error err = {0};
    struct stat st;

    (void)state;
    assert_int_equal(vanta_chunks_load(in_scratch("chunks"), c.sha256, &back, &err),
                     VANTA_ERR_NOT_FOUND);
    assert_int_equal(vanta_chunks_save(in_scratch("chunks"), &c, NULL), VANTA_OK);
    assert_int_equal(stat(path_of(&c), &st), 0);
    assert_int_equal(st.st_size, 72 + 2 * 32 + 32);
    assert_int_equal(vanta_chunks_load(in_scratch("chunks"), c.sha256, &back, NULL),
                     VANTA_OK);
    expect_right(&back, VANTA_CHUNK_BYTES + 10);
    assert_true(back.seen_inode == c.seen_inode);
    assert_true(back.seen_mtime_ns == -5);
    vanta_chunks_free(&back);
    c.seen_inode = 0; /* and again, over the former */
    assert_int_equal(vanta_chunks_save(in_scratch("chunks"), &c, NULL), VANTA_OK);
    assert_int_equal(vanta_chunks_load(in_scratch("chunks"), c.sha256, &back, NULL),
                     VANTA_OK);
    assert_true(back.seen_inode == 0);
    vanta_chunks_free(&back);
    vanta_chunks_free(&c);
}

static void an_empty_file_has_none(void **state)
{
    struct vanta_chunks c;

    (void)state;
    hash(false, 0, 0, BYTES, 0, &c);
    assert_int_equal(vanta_chunks_save(in_scratch("chunks"), &c, NULL), VANTA_OK);
    assert_false(vanta_file_exists(in_scratch("chunks")));
}

static enum vanta_status parse(const uint8_t *text, size_t len, struct vanta_error *err)
{
    struct vanta_chunks c;
    enum vanta_status status;

    memset(err, 0, sizeof *err);
    status = vanta_chunks_parse(text, len, "x", NULL, &c, err);
    assert_int_equal(status, err->status);
    if (status != VANTA_OK)
        assert_null(c.digests);
    vanta_chunks_free(&c);
    return status;
}

/* Its checksum anew, so that what is behind it is judged. */
static void seal(uint8_t *text, size_t len)
{
    assert_int_equal(vanta_chunk_digest(text, len - 32, text + len - 32, NULL), VANTA_OK);
}

static void no_flipped_bit_is_believed(void **state)
{
    struct vanta_chunks c = two_chunks();
    struct vanta_error err;
    uint8_t text[400];
    size_t len, i;

    (void)state;
    assert_int_equal(vanta_chunks_save(in_scratch("chunks"), &c, NULL), VANTA_OK);
    len = read_text(path_of(&c), text, sizeof text);
    assert_int_equal(parse(text, len, &err), VANTA_OK);
    for (i = 0; i < len * 8; i++) {
        text[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(parse(text, len, &err), VANTA_ERR_FORMAT);
        text[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (i = 0; i < len; i++) /* cut short at every byte */
        assert_int_equal(parse(text, i, &err), VANTA_ERR_FORMAT);
    text[len] = 0;
    assert_int_equal(parse(text, len + 1, &err), VANTA_ERR_FORMAT);
    vanta_chunks_free(&c);
}

static void well_made_lies_are_refused(void **state)
{
    struct vanta_chunks c = two_chunks(), back;
    struct vanta_error err = {0};
    uint8_t text[400], kept[400], other[32] = {1};
    size_t len;

    (void)state;
    assert_int_equal(vanta_chunks_save(in_scratch("chunks"), &c, NULL), VANTA_OK);
    len = read_text(path_of(&c), kept, sizeof kept);

    memcpy(text, kept, len);
    text[8] = 2;
    seal(text, len);
    assert_int_equal(parse(text, len, &err), VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "another version"));

    memcpy(text, kept, len);
    text[14] = 0x80; /* chunks of another size */
    seal(text, len);
    assert_int_equal(parse(text, len, &err), VANTA_ERR_FORMAT);

    memcpy(text, kept, len);
    memset(text + 16, 0xff, 8); /* a file of 2^64 - 1 bytes */
    seal(text, len);
    assert_int_equal(parse(text, len, &err), VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "add up"));

    seal(kept, len - 16); /* half a digest */
    assert_int_equal(parse(kept, len - 16, &err), VANTA_ERR_FORMAT);

    /* About another file: fine by itself, but not where it lies. */
    read_text(path_of(&c), kept, sizeof kept);
    scratch_file(name_of(other), kept, len);
    assert_int_equal(vanta_chunks_load(in_scratch("chunks"), other, &back, &err),
                     VANTA_ERR_FORMAT);
    vanta_chunks_free(&c);
}

static void no_link_and_no_giant_is_read(void **state)
{
    struct vanta_chunks c = two_chunks(), back;
    struct vanta_error err = {0};
    const char *path = path_of(&c);

    (void)state;
    assert_int_equal(vanta_chunks_save(in_scratch("elsewhere"), &c, NULL), VANTA_OK);
    assert_int_equal(vanta_dir_make(in_scratch("chunks"), NULL), VANTA_OK);
    assert_int_equal(symlink(in_scratch("elsewhere"), path), 0);
    assert_int_equal(vanta_chunks_load(in_scratch("chunks"), c.sha256, &back, &err),
                     VANTA_ERR_FORMAT);
    assert_int_equal(unlink(path), 0);
    scratch_text(name_of(c.sha256), "");
    assert_int_equal(vanta_chunks_load(in_scratch("chunks"), c.sha256, &back, NULL),
                     VANTA_ERR_FORMAT);
    assert_int_equal(truncate(path, (off_t)1 << 40), 0); /* sparse */
    assert_int_equal(vanta_chunks_load(in_scratch("chunks"), c.sha256, &back, NULL),
                     VANTA_ERR_LIMIT);
    vanta_chunks_free(&c);
}

static void a_disk_that_refuses_leaves_the_former(void **state)
{
    struct vanta_chunks c = two_chunks(), back;
    struct rlimit former, none;

    (void)state;
    assert_int_equal(vanta_chunks_save(in_scratch("chunks"), &c, NULL), VANTA_OK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &former), 0);
    none = former;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    c.seen_inode = 1;
    assert_int_not_equal(vanta_chunks_save(in_scratch("chunks"), &c, NULL), VANTA_OK);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &former), 0);
    assert_int_equal(vanta_chunks_load(in_scratch("chunks"), c.sha256, &back, NULL),
                     VANTA_OK);
    assert_true(back.seen_inode != 1);
    vanta_chunks_free(&back);
    vanta_chunks_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_length_class),
        cmocka_unit_test(each_split),
        cmocka_unit_test(more_or_less_than_was_expected),
        cmocka_unit_test(digests_are_there_while_it_goes_on),
        scratch_test(what_is_saved_is_loaded),
        scratch_test(an_empty_file_has_none),
        scratch_test(no_flipped_bit_is_believed),
        scratch_test(well_made_lies_are_refused),
        scratch_test(no_link_and_no_giant_is_read),
        scratch_test(a_disk_that_refuses_leaves_the_former),
    };

    return cmocka_run_group_tests_name("chunks", tests, set_up, tear_down);
}
