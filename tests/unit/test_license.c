/* Licence texts and the answers to them, beside a model. */
#include "setup_fixture.h"

#include "models/license.h"

static struct vanta_license plain_license(void)
{
    struct vanta_license license = {.id = "Own-1",
                                    .name = "Own",
                                    .url = "https://example.org/own",
                                    .summary = "Ask first.",
                                    .must_accept = true};

    return license;
}

static void an_answer_holds_for_the_text_it_was_given_to(void **state)
{
    struct fixture *f = *state;
    struct vanta_license license = plain_license();
    struct vanta_license_answer stored = {.digest = ""}, read;
    char digest[VANTA_SHA256_HEX];

    assert_false(vanta_license_answered(f->dir, &license, NULL, &read));
    assert_false(vanta_license_holds(&read, &license, "the text\n"));
    assert_int_equal(vanta_license_store(f->dir, &license, "the text\n", &stored, &f->err),
                     VANTA_OK);
    vanta_sha256_buffer("the text\n", 9, digest, NULL);
    assert_string_equal(stored.digest, digest);

    assert_true(vanta_license_answered(f->dir, &license, NULL, &read));
    assert_string_equal(read.digest, digest);
    assert_string_equal(read.date, stored.date);
    assert_true(vanta_license_holds(&read, &license, "the text\n"));
    assert_false(vanta_license_holds(&read, &license, "another text\n"));
    assert_true(vanta_license_holds(&read, &license, NULL));
    license.text.sha256 = digest;
    assert_true(vanta_license_holds(&read, &license, NULL));
    license.text.sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
    assert_false(vanta_license_holds(&read, &license, NULL));
}

static void without_a_text_the_notice_is_what_was_accepted(void **state)
{
    struct fixture *f = *state;
    struct vanta_license license = plain_license();
    struct vanta_license_answer stored = {.digest = ""};
    struct vanta_buf text = VANTA_BUF(VANTA_LICENSE_BYTES_MAX);
    char path[1024];

    assert_int_equal(vanta_license_store(f->dir, &license, NULL, &stored, &f->err),
                     VANTA_OK);
    snprintf(path, sizeof path, "%s/.license/LICENSE.txt", f->dir);
    assert_int_equal(vanta_file_read(path, &text, NULL), VANTA_OK);
    assert_non_null(strstr(text.data, "Ask first."));
    assert_non_null(strstr(text.data, "https://example.org/own"));
    vanta_buf_free(&text);
    assert_true(vanta_license_holds(&stored, &license, NULL));
    license.summary = "Ask twice.";
    license.text.sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
    assert_false(vanta_license_holds(&stored, &license, NULL));
}

static void another_licences_answer_does_not_count(void **state)
{
    struct fixture *f = *state;
    struct vanta_license license = plain_license();
    struct vanta_license_answer answer = {.digest = ""};
    char digest[VANTA_SHA256_HEX], date[] = "2026-01-31T12:00:00Z";
    char own[] = "Own-1", other[] = "Other-1";
    struct vanta_entry entry = {
        .license = other, .accepted_digest = digest, .accepted_date = date};

    vanta_sha256_buffer("t", 1, digest, NULL);
    assert_false(vanta_license_answered(f->dir, &license, &entry, &answer));
    entry.license = own;
    assert_true(vanta_license_answered(f->dir, &license, &entry, &answer));
    assert_string_equal(answer.digest, digest);
    entry.license = other;
    assert_int_equal(vanta_license_store(f->dir, &license, "t", &answer, &f->err),
                     VANTA_OK);
    license.id = "Own-2";
    assert_false(vanta_license_answered(f->dir, &license, &entry, &answer));
}

static void a_damaged_record_is_no_answer(void **state)
{
    static const char *const records[] = {
        "", "{", "[]", "{\"license\": \"Own-1\"}",
        "{\"license\": \"Own-1\", \"digest\": \"zz\", \"date\": \"d\"}",
        "{\"license\": 1, \"digest\": 2, \"date\": 3}"};
    struct fixture *f = *state;
    struct vanta_license license = plain_license();
    struct vanta_license_answer answer;
    char path[1024], folder[512];
    size_t i;

    snprintf(folder, sizeof folder, "%s/.license", f->dir);
    assert_int_equal(vanta_dir_make(folder, NULL), VANTA_OK);
    snprintf(path, sizeof path, "%s/accepted.json", folder);
    for (i = 0; i < sizeof records / sizeof *records; i++) {
        assert_int_equal(vanta_file_replace(path, records[i], strlen(records[i]), NULL),
                         VANTA_OK);
        assert_false(vanta_license_answered(f->dir, &license, NULL, &answer));
        assert_string_equal(answer.digest, "");
    }
}

static void a_link_out_of_the_models_folder_is_not_written_through(void **state)
{
    struct fixture *f = *state;
    struct vanta_license license = plain_license();
    struct vanta_license_answer answer = {.digest = ""};
    char inside[512], elsewhere[512], link[1024], file[1024];

    snprintf(inside, sizeof inside, "%s/model", f->dir);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", f->dir);
    assert_int_equal(vanta_dir_make(inside, NULL), VANTA_OK);
    assert_int_equal(vanta_dir_make(elsewhere, NULL), VANTA_OK);
    snprintf(link, sizeof link, "%s/.license", inside);
    assert_int_equal(symlink(elsewhere, link), 0);
    assert_int_equal(vanta_license_store(inside, &license, "t", &answer, &f->err),
                     VANTA_ERR_FORMAT);
    snprintf(file, sizeof file, "%s/LICENSE.txt", elsewhere);
    assert_false(vanta_file_exists(file));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_holds_for_the_text_it_was_given_to),
        TEST(without_a_text_the_notice_is_what_was_accepted),
        TEST(another_licences_answer_does_not_count),
        TEST(a_damaged_record_is_no_answer),
        TEST(a_link_out_of_the_models_folder_is_not_written_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
