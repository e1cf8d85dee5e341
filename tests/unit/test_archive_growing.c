/* Archives that are read while they are still being written. */
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
#define STEP_BYTES 100

/* A file of the corpus that grows by a step each time more of it is asked for. */
struct growing {
    struct vanta_buf all;
    size_t written, end; /* end: where it stops */
    enum vanta_status answer; /* there */
    struct vanta_archive_growth growth;
    char path[32];
};

static enum vanta_status grow(void *arg, uint64_t offset, bool *more,
                              struct vanta_error *err)
{
    struct growing *g = arg;
    size_t step = g->end - g->written;

    assert_true(offset <= g->written);
    if (step > STEP_BYTES)
        step = STEP_BYTES;
    if (step == 0 && g->answer != VANTA_OK)
        return vanta_fail(err, g->answer, "the rest does not come");
    assert_int_equal(write(g->growth.fd, g->all.data + g->written, step), step);
    g->written += step;
    *more = g->written > offset;
    return VANTA_OK;
}

static void start(struct growing *g, const char *name)
{
    char from[512];

    memset(g, 0, sizeof *g);
    g->all = VANTA_BUF(1 << 20);
    snprintf(from, sizeof from, "%s/../fuzz/corpus/archive/%s", TEST_DATA, name);
    if (access(from, R_OK) != 0)
        snprintf(from, sizeof from, "%s/archive/%s", TEST_DATA, name);
    assert_int_equal(vanta_file_read(from, &g->all, NULL), VANTA_OK);
    g->end = g->all.len;
    strcpy(g->path, "/tmp/vanta-growing-XXXXXX");
    g->growth.fd = mkstemp(g->path);
    assert_true(g->growth.fd >= 0);
    g->growth.whole_bytes = g->end;
    g->growth.more = grow;
    g->growth.arg = g;
}

static void end(struct growing *g)
{
    close(g->growth.fd);
    unlink(g->path);
    vanta_buf_free(&g->all);
}

static enum vanta_status keep(void *arg, const void *data, size_t len,
                              struct vanta_error *err)
{
    (void)err;
    assert_true(vanta_buf_append(arg, data, len));
    return VANTA_OK;
}

/* Takes b.bin out of it: as a member of the archive that it is, or as the part. */
static enum vanta_status extract(struct growing *g, bool as_part, uint64_t *bytes,
                                 struct vanta_error *err)
{
    struct vanta_buf out = VANTA_BUF(1 << 20);
    struct vanta_archive_part part = {.path = "a growing file",
                                      .member = as_part ? "b.bin" : NULL,
                                      .growth = &g->growth};
    struct vanta_archive_wanted wanted = {.inner = as_part ? NULL : "b.bin",
                                          .max_bytes = BYTES_LEN,
                                          .sink = keep,
                                          .arg = &out};
    enum vanta_status status = vanta_archive_extract(&part, 1, &wanted, 1, NULL, err);
    const uint8_t *p = (const uint8_t *)out.data;
    unsigned i;

    for (i = 0; status == VANTA_OK && i < BYTES_LEN / 2; i++)
        assert_int_equal(p[2 * i] | p[2 * i + 1] << 8, i * i % 997);
    assert_true(status != VANTA_OK || out.len == BYTES_LEN);
    assert_true((wanted.status == VANTA_OK) || status != VANTA_OK);
    *bytes = wanted.bytes;
    vanta_buf_free(&out);
    return status;
}

static void members_come_while_the_file_grows(void **state)
{
    static const char *const files[] = {"plain.zip",      "plain.tar",
                                        "plain.tar.gz",   "gnu.tar",
                                        "descriptor.zip", "stored-descriptor.zip"};
    struct vanta_error err = {0};
    struct growing g;
    uint64_t bytes;
    size_t i;
    int as_part;

    (void)state;
    for (i = 0; i < sizeof files / sizeof files[0]; i++) {
        for (as_part = 0; as_part < 2; as_part++) {
            start(&g, files[i]);
            if (extract(&g, as_part, &bytes, &err) != VANTA_OK)
                fail_msg("%s: %s", files[i], err.message);
            assert_int_equal(bytes, BYTES_LEN);
            end(&g);
        }
    }
}

/* The first member's bytes are given before the file has its end. */
static enum vanta_status give_up(void *arg, const void *data, size_t len,
                                 struct vanta_error *err)
{
    struct growing *g = arg;

    (void)data;
    assert_true(len > 0);
    assert_true(g->written < g->end);
    return vanta_fail(err, VANTA_ERR_NO_SPACE, "no room");
}

static void bytes_are_given_before_the_end(void **state)
{
    struct vanta_error err = {0};
    struct growing g;
    struct vanta_archive_part part = {.path = "a growing file", .growth = &g.growth};
    struct vanta_archive_wanted wanted = {
        .inner = "b.bin", .max_bytes = BYTES_LEN, .sink = give_up, .arg = &g};

    (void)state;
    start(&g, "plain.tar");
    assert_int_equal(vanta_archive_extract(&part, 1, &wanted, 1, NULL, &err),
                     VANTA_ERR_NO_SPACE);
    assert_int_equal(wanted.status, VANTA_ERR_NO_SPACE);
    end(&g);
}

static void one_that_stops_growing_ends_with_its_reason(void **state)
{
    struct vanta_error err = {0};
    struct growing g;
    uint64_t bytes;

    (void)state;
    start(&g, "plain.zip");
    g.end = g.all.len / 2;
    g.answer = VANTA_ERR_NETWORK;
    assert_int_equal(extract(&g, false, &bytes, &err), VANTA_ERR_NETWORK);
    assert_string_equal(err.message, "the rest does not come");
    end(&g);

    /* Said to be whole, and cut short. */
    start(&g, "plain.tar.gz");
    g.end = g.all.len / 2;
    assert_int_equal(extract(&g, true, &bytes, NULL), VANTA_ERR_FORMAT);
    end(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_while_the_file_grows),
        cmocka_unit_test(bytes_are_given_before_the_end),
        cmocka_unit_test(one_that_stops_growing_ends_with_its_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
