#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/platform.h"
#include "fetch/journal.h"
#include "scratch.h"

static struct vanta_journal j;

/* A journal of a file of 1,000 bytes that has [0, 100), with these lines more. */
static const char *write_one(const char *const *words, const uint64_t (*numbers)[2],
                             size_t n)
{
    struct vanta_journal begun = {.source = "hf:a/b@c/d", .validator = "\"e\"",
                                  .size_bytes = 1000};
    struct vanta_journal_writer w = {0};
    const char *path = in_scratch("journal");
    size_t i;

    assert_true(vanta_extents_add(&begun.have, 0, 100));
    assert_int_equal(vanta_journal_begin(&w, path, &begun, NULL), VANTA_OK);
    for (i = 0; i < n; i++)
        assert_int_equal(vanta_journal_add(&w, path, words[i], numbers[i][0],
                                           numbers[i][1], NULL),
                         VANTA_OK);
    vanta_journal_end(&w);
    vanta_journal_free(&begun);
    return path;
}

static const char *const words[] = {"apart", "have", "have", "synced", "have", "lost"};
static const uint64_t numbers[][2] = {{0, 0}, {300, 400}, {200, 300},
                                      {5, 0}, {500, 600}, {350, 360}};

static struct vanta_buf text;

static void read_text(const char *path)
{
    text = VANTA_BUF(VANTA_JOURNAL_BYTES_MAX);
    assert_int_equal(vanta_file_read(path, &text, NULL), VANTA_OK);
}

static void within_a_boot_all_lines_count(void **state)
{
    const char *path = write_one(words, numbers, 6);

    (void)state;
    assert_int_equal(vanta_journal_load(path, &j, NULL), VANTA_OK);
    assert_string_equal(j.source, "hf:a/b@c/d");
    assert_string_equal(j.validator, "\"e\"");
    assert_int_equal(j.size_bytes, 1000);
    assert_true(j.apart);
    assert_true(j.same_boot);
    assert_int_equal(vanta_extents_bytes(&j.have), 100 + 200 + 100 - 10);
    vanta_journal_free(&j);
}

static void after_a_loss_of_power_only_what_was_synced_counts(void **state)
{
    (void)state;
    read_text(write_one(words, numbers, 6));
    assert_int_equal(vanta_journal_parse(text.data, text.len, "j", "another", &j, NULL),
                     VANTA_OK);
    assert_false(j.same_boot);
    /* [0, 100) and [200, 400) without what was lost; what came behind "synced" is not. */
    assert_int_equal(vanta_extents_bytes(&j.have), 100 + 200 - 10);
    vanta_journal_free(&j);
    /* No system says "" twice. */
    assert_int_equal(vanta_journal_parse(text.data, text.len, "j", "", &j, NULL), VANTA_OK);
    assert_false(j.same_boot);
    vanta_journal_free(&j);
    vanta_buf_free(&text);
}

/* Whatever is torn off or turned over: never more than was said, never less than before
 * the damage. */
static void damage_ends_the_reading_and_nothing_else(void **state)
{
    char boot[VANTA_BOOT_MAX];
    size_t i, head;
    const char *sum;

    (void)state;
    read_text(write_one(words, numbers, 5));
    vanta_platform_boot(boot);
    sum = strstr(text.data, "sum ");
    assert_non_null(sum);
    head = (size_t)(strchr(sum, '\n') - text.data) + 1;
    for (i = 0; i < text.len; i++) {
        enum vanta_status status =
            vanta_journal_parse(text.data, i, "j", boot, &j, NULL);

        assert_int_equal(status, i < head ? VANTA_ERR_FORMAT : VANTA_OK);
        assert_true(vanta_extents_bytes(&j.have) <= 400);
        vanta_journal_free(&j);
        text.data[i] ^= 1;
        status = vanta_journal_parse(text.data, text.len, "j", boot, &j, NULL);
        assert_int_equal(status, i < head ? VANTA_ERR_FORMAT : VANTA_OK);
        if (i >= head)
            assert_true(vanta_extents_bytes(&j.have) < 400);
        vanta_journal_free(&j);
        text.data[i] ^= 1;
    }
    vanta_buf_free(&text);
}

static void what_is_no_journal_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "{}", "vanta-journal 1\n", "vanta-journal 2\n",
        "vanta-journal 2\nsource s\nvalidator \nsize 1\nboot b\nsum 0000000000000000\n"};
    struct vanta_journal evil = {.source = "s", .validator = "a\r\nX: y", .size_bytes = 1};
    struct vanta_journal_writer w = {0};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(vanta_journal_parse(bad[i], strlen(bad[i]), "j", "b", &j, NULL),
                         VANTA_ERR_FORMAT);
    /* The sums are right, and the validator would be a line of a request's header. */
    assert_int_equal(vanta_journal_begin(&w, in_scratch("evil"), &evil, NULL), VANTA_OK);
    vanta_journal_end(&w);
    assert_int_equal(vanta_journal_load(in_scratch("evil"), &j, NULL), VANTA_ERR_FORMAT);
    assert_int_equal(vanta_journal_load(in_scratch("none"), &j, NULL), VANTA_ERR_NOT_FOUND);
}

/* --- extents --- */

static void sets_of_ranges_agree_with_a_row_of_flags(void **state)
{
    struct vanta_extents set = {0};
    struct vanta_extent gap;
    bool flags[64] = {false};
    unsigned x = 7, round, i, bytes;

    (void)state;
    for (round = 0; round < 20000; round++) {
        unsigned first, end;

        x = x * 1664525u + 1013904223u;
        first = (x >> 8) % 64;
        end = first + (x >> 16) % 9;
        end = end > 64 ? 64 : end;
        if ((x >> 28) < 9)
            assert_true(vanta_extents_add(&set, first, end));
        else
            assert_true(vanta_extents_remove(&set, first, end));
        for (i = first; i < end; i++)
            flags[i] = (x >> 28) < 9;
        for (i = bytes = 0; i < 64; i++)
            bytes += flags[i];
        assert_int_equal(vanta_extents_bytes(&set), bytes);
        for (i = 0; i < 64 && flags[i]; i++)
            continue;
        assert_int_equal(vanta_extents_prefix(&set), i);
        for (i = first; i < 64 && flags[i]; i++)
            continue;
        assert_int_equal(vanta_extents_gap(&set, first, 64, &gap), i < 64);
        if (i < 64)
            assert_int_equal(gap.first, i);
        for (; i < 64 && !flags[i]; i++)
            continue;
        if (vanta_extents_gap(&set, first, 64, &gap))
            assert_int_equal(gap.end, i);
    }
    vanta_extents_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(within_a_boot_all_lines_count),
        scratch_test(after_a_loss_of_power_only_what_was_synced_counts),
        scratch_test(damage_ends_the_reading_and_nothing_else),
        scratch_test(what_is_no_journal_is_refused),
        cmocka_unit_test(sets_of_ranges_agree_with_a_row_of_flags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
