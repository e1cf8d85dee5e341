#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "fetch/partial.h"
#include "scratch.h"

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
    vanta_partial_hex(&p, hex);
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
    assert_int_equal(p.journal.synced_bytes, 6);
    assert_int_equal(vanta_partial_resume(&p, 5, NULL, NULL), VANTA_OK);
    assert_int_equal(p.bytes, 5);
    add(" world");
    vanta_partial_hex(&p, hex);
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
    assert_false(vanta_file_exists(in_scratch("partial/key.json")));
    for (i = 0; i < 3; i++)
        assert_int_equal(vanta_partial_write(&p, block, sizeof block, NULL), VANTA_OK);
    assert_int_equal(vanta_journal_load(in_scratch("partial/key.json"), &j, NULL),
                     VANTA_OK);
    assert_int_equal(j.synced_bytes, 300000);
    assert_string_equal(j.validator, "");
    assert_int_equal(vanta_partial_reset(&p, NULL), VANTA_OK);
    assert_false(vanta_file_exists(in_scratch("partial/key.json")));
    vanta_partial_discard(&p);
}

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

static void journals_are_checked(void **state)
{
    static const char *const bad[] = {
        "", "[]", "{}", "null", "{\"format\": \"other\"}",
        "{\"format\":\"vanta-partial\",\"version\":2,\"source\":\"s\",\"validator\":\"\","
        "\"size_bytes\":1,\"synced_bytes\":1}",
        "{\"format\":\"vanta-partial\",\"version\":1,\"source\":\"s\",\"validator\":"
        "\"a\\r\\nX: y\",\"size_bytes\":1,\"synced_bytes\":1}",
        "{\"format\":\"vanta-partial\",\"version\":1,\"source\":\"s\",\"validator\":\"\","
        "\"size_bytes\":-2,\"synced_bytes\":1}",
        "{\"format\":\"vanta-partial\",\"version\":1,\"source\":\"s\",\"validator\":\"\","
        "\"size_bytes\":1,\"synced_bytes\":-1}",
        "{\"format\":\"vanta-partial\",\"version\":1,\"source\":1,\"validator\":\"\","
        "\"size_bytes\":1,\"synced_bytes\":1}"};
    static const char good[] =
        "{\"format\":\"vanta-partial\",\"version\":1,\"source\":\"s\",\"validator\":\"\","
        "\"size_bytes\":-1,\"synced_bytes\":0}";
    struct vanta_journal j;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(vanta_journal_parse(bad[i], strlen(bad[i]), "j", &j, NULL),
                         VANTA_ERR_FORMAT);
    assert_int_equal(vanta_journal_parse(good, strlen(good), "j", &j, NULL), VANTA_OK);
    assert_int_equal(j.size_bytes, -1);
    assert_int_equal(vanta_journal_load(in_scratch("none"), &j, NULL),
                     VANTA_ERR_NOT_FOUND);
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
        scratch_test(journals_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
