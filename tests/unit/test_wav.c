/* Speech into a WAV file, a stream or bare samples: lengths, and what is left when the
 * writing fails. */
#include "cmocka_all.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "models/wav.h"
#include "scratch.h"

enum { HEADER = 44 };

static const int16_t some[3] = {1, -2, 32767};
static struct vanta_error err;

static uint32_t le32(const char *at)
{
    const uint8_t *p = (const uint8_t *)at;

    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* What the file of this name holds; the caller frees it. */
static struct vanta_buf content(const char *path)
{
    struct vanta_buf out = VANTA_BUF(1 << 20);

    assert_int_equal(vanta_file_read(path, &out, &err), VANTA_OK);
    return out;
}

/* How many files are in the folder, whatever they are called. */
static unsigned files(void)
{
    unsigned n = 0;
    char command[VANTA_PATH_MAX + 32], line[VANTA_PATH_MAX];
    FILE *list;

    snprintf(command, sizeof command, "find '%s' -type f", scratch);
    list = popen(command, "r");
    assert_non_null(list);
    while (fgets(line, sizeof line, list))
        n++;
    assert_int_equal(pclose(list), 0);
    return n;
}

static void a_file_gets_its_lengths_and_then_its_name(void **state)
{
    const char *path = in_scratch("a.wav");
    struct vanta_wav wav;
    struct vanta_buf got;

    (void)state;
    assert_int_equal(vanta_wav_open(&wav, path, -1, false, &err), VANTA_OK);
    assert_int_equal(vanta_wav_add(&wav, some, 2, &err), VANTA_OK);
    assert_int_equal(vanta_wav_add(&wav, some + 2, 1, &err), VANTA_OK);
    assert_false(vanta_file_exists(path));
    assert_int_equal(vanta_wav_finish(&wav, &err), VANTA_OK);
    vanta_wav_abandon(&wav);
    got = content(path);
    assert_int_equal(got.len, HEADER + sizeof some);
    assert_memory_equal(got.data, "RIFF", 4);
    assert_int_equal(le32(got.data + 4), 36 + sizeof some);
    assert_memory_equal(got.data + 8, "WAVEfmt ", 8);
    assert_int_equal(le32(got.data + 24), 24000);
    assert_int_equal(le32(got.data + 28), 48000);
    assert_memory_equal(got.data + 36, "data", 4);
    assert_int_equal(le32(got.data + 40), sizeof some);
    assert_memory_equal(got.data + HEADER, "\x01\0\xfe\xff\xff\x7f", 6);
    vanta_buf_free(&got);
    assert_int_equal(files(), 1);
}

/* Two speeches into one file at a time are each other's to leave alone. */
static void what_a_killed_run_left_goes(void **state)
{
    const char *path = in_scratch("a.wav");
    struct vanta_wav wav, other;

    (void)state;
    scratch_text(".a.wav.tmp-2147483646-0", "half");
    scratch_text(".b.wav.tmp-2147483646-0", "half, of another file");
    assert_int_equal(vanta_wav_open(&wav, path, -1, false, &err), VANTA_OK);
    assert_int_equal(files(), 2);
    assert_int_equal(vanta_wav_open(&other, path, -1, false, &err), VANTA_OK);
    assert_int_equal(files(), 3);
    assert_int_equal(vanta_wav_finish(&wav, &err), VANTA_OK);
    assert_int_equal(vanta_wav_finish(&other, &err), VANTA_OK);
    assert_int_equal(files(), 2);
}

/* The fields have 32 bits: what does not fit is left open, and never wraps. */
static void lengths_beyond_4_gib_are_open(void **state)
{
    static const struct {
        uint64_t bytes;
        uint32_t riff, data;
    } cases[] = {
        {0, 36, 0},
        {0xffffffdau, 0xfffffffeu, 0xffffffdau},
        {0xffffffdcu, 0xffffffffu, 0xffffffdcu},
        {0xfffffffeu, 0xffffffffu, 0xfffffffeu},
        {0x100000000u, 0xffffffffu, 0xffffffffu},
        {0x100000002u, 0xffffffffu, 0xffffffffu},
        {(uint64_t)5 << 32, 0xffffffffu, 0xffffffffu},
    };
    const char *path = in_scratch("large.wav");
    struct vanta_buf got;
    struct vanta_wav wav;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(vanta_wav_open(&wav, path, -1, false, &err), VANTA_OK);
        wav.bytes = cases[i].bytes; /* as though they had been added */
        assert_int_equal(vanta_wav_finish(&wav, &err), VANTA_OK);
        got = content(path);
        assert_int_equal(le32(got.data + 4), cases[i].riff);
        assert_int_equal(le32(got.data + 40), cases[i].data);
        vanta_buf_free(&got);
    }
}

static void a_stream_is_open_from_the_start_and_stays_the_callers(void **state)
{
    char got[HEADER + sizeof some];
    struct vanta_wav wav;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(vanta_wav_open(&wav, NULL, ends[1], false, &err), VANTA_OK);
    assert_int_equal(vanta_wav_add(&wav, some, 3, &err), VANTA_OK);
    assert_int_equal(vanta_wav_finish(&wav, &err), VANTA_OK);
    vanta_wav_abandon(&wav);
    assert_int_not_equal(fcntl(ends[1], F_GETFD), -1);
    assert_int_equal(read(ends[0], got, sizeof got), sizeof got);
    assert_int_equal(le32(got + 4), 0xffffffffu);
    assert_int_equal(le32(got + 40), 0xffffffffu);
    close(ends[0]);
    close(ends[1]);
}

static void nobody_listens_any_more(void **state)
{
    struct vanta_wav wav;
    int ends[2];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(vanta_wav_open(&wav, NULL, ends[1], true, &err), VANTA_OK);
    close(ends[0]);
    memset(&err, 0, sizeof err);
    assert_int_not_equal(vanta_wav_add(&wav, some, 3, &err), VANTA_OK);
    assert_non_null(strstr(err.message, "standard output"));
    vanta_wav_abandon(&wav);
    close(ends[1]);
    signal(SIGPIPE, SIG_DFL);
}

/* A disk that is full: the former file stays, and nothing is beside it. There is nothing
 * to go on with either, so nothing says so. */
static void a_full_disk_leaves_what_was_there(void **state)
{
    const char *path = scratch_text("a.wav", "former");
    const struct rlimit small = {HEADER + 4, RLIM_INFINITY};
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    struct vanta_wav wav;
    struct vanta_buf got;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(vanta_wav_open(&wav, path, -1, false, &err), VANTA_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    memset(&err, 0, sizeof err);
    assert_int_not_equal(vanta_wav_add(&wav, some, 3, &err), VANTA_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    assert_non_null(strstr(err.message, "a.wav"));
    vanta_wav_abandon(&wav);
    vanta_wav_abandon(&wav);
    signal(SIGXFSZ, SIG_DFL);
    got = content(path);
    assert_int_equal(got.len, 6);
    vanta_buf_free(&got);
    assert_int_equal(files(), 1);

    assert_int_equal(vanta_wav_open(&wav, "/dev/full", -1, true, &err), VANTA_OK);
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_wav_add(&wav, some, 3, &err), VANTA_ERR_NO_SPACE);
    assert_non_null(strstr(err.hint, "choose a place on another disk"));
    vanta_wav_abandon(&wav);
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_wav_open(&wav, "/dev/full", -1, false, &err), VANTA_ERR_NO_SPACE);
    assert_non_null(strstr(err.hint, "choose a place on another disk"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(a_file_gets_its_lengths_and_then_its_name),
        scratch_test(what_a_killed_run_left_goes),
        scratch_test(lengths_beyond_4_gib_are_open),
        cmocka_unit_test(a_stream_is_open_from_the_start_and_stays_the_callers),
        cmocka_unit_test(nobody_listens_any_more),
        scratch_test(a_full_disk_leaves_what_was_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
