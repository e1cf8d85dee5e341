#include "cmocka_all.h"

#include "base/digest.h"
#include "scratch.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void known_answers(void **state)
{
    static const uint8_t sha512_abc[4] = {0xdd, 0xaf, 0x35, 0xa1};
    struct vanta_digest d = {0};
    uint8_t raw[VANTA_DIGEST_BYTES_MAX];
    char hex[VANTA_SHA256_HEX];

    (void)state;
    assert_int_equal(vanta_sha256_buffer("", 0, hex, NULL), VANTA_OK);
    assert_string_equal(hex, EMPTY);
    assert_int_equal(vanta_sha256_buffer("abc", 3, hex, NULL), VANTA_OK);
    assert_string_equal(hex, ABC);
    assert_int_equal(vanta_digest_init(&d, VANTA_DIGEST_SHA256, NULL), VANTA_OK);
    vanta_digest_update(&d, "a", 1);
    vanta_digest_update(&d, "", 0);
    vanta_digest_update(&d, "bc", 2);
    vanta_digest_hex(&d, hex);
    assert_string_equal(hex, ABC);
    vanta_digest_free(&d);
    assert_int_equal(vanta_digest_init(&d, VANTA_DIGEST_SHA512, NULL), VANTA_OK);
    vanta_digest_update(&d, "abc", 3);
    assert_int_equal(vanta_digest_final(&d, raw), 64);
    assert_memory_equal(raw, sha512_abc, sizeof sha512_abc);
    vanta_digest_free(&d);
    vanta_digest_free(&d);
}

static void without_a_start_there_is_no_digest(void **state)
{
    struct vanta_digest d = {0};
    uint8_t raw[VANTA_DIGEST_BYTES_MAX];
    char hex[VANTA_SHA256_HEX] = "x";

    (void)state;
    vanta_digest_update(&d, "abc", 3);
    vanta_digest_hex(&d, hex);
    assert_string_equal(hex, "");
    assert_int_equal(vanta_digest_init(&d, VANTA_DIGEST_SHA256, NULL), VANTA_OK);
    vanta_digest_hex(&d, hex);
    assert_string_equal(hex, EMPTY);
    vanta_digest_update(&d, "abc", 3); /* it is ended */
    assert_int_equal(vanta_digest_final(&d, raw), 0);
    vanta_digest_hex(&d, hex);
    assert_string_equal(hex, "");
}

static void only_digests_are_digests(void **state)
{
    (void)state;
    assert_true(vanta_sha256_is_hex(ABC));
    assert_false(vanta_sha256_is_hex(""));
    assert_false(vanta_sha256_is_hex(ABC "0"));
    assert_false(vanta_sha256_is_hex("BA7816BF8F01CFEA414140DE5DAE2223"
                                     "B00361A396177A9CB410FF61F20015AD"));
    assert_false(vanta_sha256_is_hex("ba7816bf"));
}

struct progress {
    uint64_t last;
    int calls;
    atomic_bool *cancel;
};

static void count(void *arg, uint64_t bytes)
{
    struct progress *p = arg;

    assert_true(bytes >= p->last);
    p->last = bytes;
    p->calls++;
    if (p->cancel)
        atomic_store(p->cancel, true);
}

/* Both ways of hashing, at and around the size where one takes over from the other. */
static void files_hash_as_their_bytes_do(void **state)
{
    static const size_t sizes[] = {0, 1, 262144, 262145, 8388607, 8388608, 8388609,
                                   9437184};
    uint8_t *data = malloc(9437184);
    size_t i;

    (void)state;
    for (i = 0; i < 9437184; i++)
        data[i] = (uint8_t)(i * 31 ^ i >> 8);
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const char *path = scratch_file("f", data, sizes[i]);
        char expected[VANTA_SHA256_HEX], hex[VANTA_SHA256_HEX] = "";
        struct progress p = {0, 0, NULL};
        uint64_t bytes = 1;

        assert_int_equal(vanta_sha256_buffer(data, sizes[i], expected, NULL), VANTA_OK);
        assert_int_equal(vanta_sha256_file(path, hex, &bytes, count, &p, NULL, NULL),
                         VANTA_OK);
        assert_string_equal(hex, expected);
        assert_int_equal(bytes, sizes[i]);
        assert_int_equal(p.last, sizes[i]);
        assert_true(p.calls >= 1);
    }
    free(data);
}

static void hashing_leaves_the_files_position(void **state)
{
    int fd = open(scratch_text("f", "abc"), O_RDONLY | O_CLOEXEC);
    char hex[VANTA_SHA256_HEX];

    (void)state;
    assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
    assert_int_equal(vanta_sha256_fd(fd, "f", hex, NULL, NULL, NULL, NULL, NULL),
                     VANTA_OK);
    assert_string_equal(hex, ABC);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 2);
    close(fd);
}

static void hashing_can_be_stopped(void **state)
{
    const char *path = in_scratch("big");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    atomic_bool cancel = false;
    struct progress p = {0, 0, &cancel};
    char hex[VANTA_SHA256_HEX] = "untouched";

    (void)state;
    assert_int_equal(ftruncate(fd, 64 * 1024 * 1024), 0);
    close(fd);
    assert_int_equal(vanta_sha256_file(path, hex, NULL, count, &p, &cancel, NULL),
                     VANTA_ERR_CANCELLED);
    assert_true(p.last < 64 * 1024 * 1024);
    assert_string_equal(hex, "untouched");
}

static void what_is_no_file_is_refused_at_once(void **state)
{
    struct vanta_error err = {0};
    char hex[VANTA_SHA256_HEX];

    (void)state;
    assert_int_equal(vanta_sha256_file(in_scratch("none"), hex, NULL, NULL, NULL, NULL,
                                       &err),
                     VANTA_ERR_NOT_FOUND);
    assert_int_equal(vanta_sha256_file(scratch, hex, NULL, NULL, NULL, NULL, NULL),
                     VANTA_ERR_FORMAT);
    assert_int_equal(mkfifo(in_scratch("fifo"), 0600), 0);
    assert_int_equal(vanta_sha256_file(in_scratch("fifo"), hex, NULL, NULL, NULL, NULL,
                                       NULL),
                     VANTA_ERR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(without_a_start_there_is_no_digest),
        cmocka_unit_test(only_digests_are_digests),
        scratch_test(files_hash_as_their_bytes_do),
        scratch_test(hashing_leaves_the_files_position),
        scratch_test(hashing_can_be_stopped),
        scratch_test(what_is_no_file_is_refused_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
