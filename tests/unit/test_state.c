/* The states of models, each with the reason that is given. */
#include "registry_fixture.h"

#include <sys/stat.h>

#include "models/recipe.h"
#include "models/test.h"

#define GOOD "the right bytes"
#define BAD "the wrong bytes" /* as many */

static const struct vanta_catalog *no_catalog;

static void expect_with(const struct vanta_catalog *catalog, const char *id,
                        enum vanta_state state, const char *reason)
{
    struct vanta_registry *r = load_with(catalog);
    const struct vanta_entry *e = vanta_registry_find(r, id);
    enum vanta_state found;
    char why[256];

    assert_non_null(e);
    found = vanta_entry_state(root, e, catalog, why);
    if (found != state || !strstr(why, reason))
        fail_msg("%s: %s (%s), expected %s (%s)", id, vanta_state_name(found), why,
                 vanta_state_name(state), reason);
    vanta_registry_free(r);
}

static void expect(const char *id, enum vanta_state state, const char *reason)
{
    expect_with(no_catalog, id, state, reason);
}

/* An entry of one file; verified may be NULL. */
static void write_entry(const char *verified)
{
    char hash[VANTA_SHA256_HEX], *text;

    digest_of_text(GOOD, hash);
    text = vanta_strf("{\"id\":\"x\",\"type\":\"llm\",\"path\":\"llm/x/w.gguf\","
                      "\"hash\":\"%s\",\"size_bytes\":%zu,\"files\":[{\"path\":\"w.gguf\","
                      "\"size_bytes\":%zu,\"sha256\":\"%s\"}],\"verified\":%s%s%s}",
                      hash, strlen(GOOD), strlen(GOOD), hash,
                      verified ? "{\"at\":\"2026-01-01T00:00:00Z\",\"digest\":\"" : "null",
                      verified ? verified : "", verified ? "\"}" : "");
    write_models(text);
    free(text);
}

static void files_decide_in_order(void **state)
{
    char good[VANTA_SHA256_HEX], bad[VANTA_SHA256_HEX];

    (void)state;
    digest_of_text(GOOD, good);
    digest_of_text(BAD, bad);
    write_entry(good);
    expect("x", VANTA_STATE_MISSING, "w.gguf is not there");
    write_text("llm/x/w.gguf", "short");
    expect("x", VANTA_STATE_CORRUPT, "5 bytes, not 15");
    write_text("llm/x/w.gguf", BAD);
    /* States hash nothing: only a verification can know. */
    expect("x", VANTA_STATE_UNTESTED, "not tested");
    write_entry(bad);
    expect("x", VANTA_STATE_CORRUPT, "found other bytes");
    write_entry(NULL);
    expect("x", VANTA_STATE_UNVERIFIED, "not hashed yet");
}

static void a_folder_or_pipe_is_not_a_file(void **state)
{
    (void)state;
    write_entry(NULL);
    assert_int_equal(vanta_dir_make(in_root("llm/x/w.gguf"), NULL), VANTA_OK);
    expect("x", VANTA_STATE_MISSING, "not there");
    assert_int_equal(rmdir(in_root("llm/x/w.gguf")), 0);
    assert_int_equal(mkfifo(in_root("llm/x/w.gguf"), 0600), 0);
    expect("x", VANTA_STATE_MISSING, "not there");
}

static void a_folder_that_leads_out_is_not_entered(void **state)
{
    char good[VANTA_SHA256_HEX];

    (void)state;
    digest_of_text(GOOD, good);
    write_entry(good);
    write_text("llm/other", "");
    assert_int_equal(symlink("/tmp", in_root("llm/x")), 0);
    expect("x", VANTA_STATE_MISSING, "leads out");
    assert_int_equal(unlink(in_root("llm/x")), 0);
    /* A link that stays inside is fine. */
    write_text("llm/real/w.gguf", GOOD);
    assert_int_equal(symlink("real", in_root("llm/x")), 0);
    expect("x", VANTA_STATE_UNTESTED, "");
    /* Also a file that is a link out. */
    assert_int_equal(unlink(in_root("llm/real/w.gguf")), 0);
    assert_int_equal(symlink("/etc/passwd", in_root("llm/real/w.gguf")), 0);
    expect("x", VANTA_STATE_MISSING, "leads out");
}

static void a_hash_that_is_not_the_files_is_unverified(void **state)
{
    char good[VANTA_SHA256_HEX], bad[VANTA_SHA256_HEX], *text;

    (void)state;
    digest_of_text(GOOD, good);
    digest_of_text(BAD, bad);
    write_text("llm/x/w.gguf", GOOD);
    text = vanta_strf("{\"id\":\"x\",\"type\":\"llm\",\"path\":\"llm/x/w.gguf\","
                      "\"hash\":\"%s\",\"files\":[{\"path\":\"w.gguf\",\"sha256\":\"%s\"}],"
                      "\"verified\":{\"at\":\"2026-01-01T00:00:00Z\",\"digest\":\"%s\"}}",
                      bad, good, bad);
    write_models(text);
    free(text);
    expect("x", VANTA_STATE_UNVERIFIED, "not that of its files");
}

static void odd_paths_are_missing(void **state)
{
    (void)state;
    write_models("{\"id\":\"a\",\"type\":\"llm\"},"
                 "{\"id\":\"b\",\"type\":\"llm\",\"path\":\"../../etc/passwd\"},"
                 "{\"id\":\"c\",\"type\":\"llm\",\"path\":\"/nowhere/at/all.gguf\"},"
                 "{\"id\":\"d\",\"type\":\"llm\",\"path\":\"/etc/passwd\"}");
    expect("a", VANTA_STATE_MISSING, "no path");
    expect("b", VANTA_STATE_MISSING, "leads out");
    expect("c", VANTA_STATE_MISSING, "not there");
    expect("d", VANTA_STATE_UNVERIFIED, "no digests");
}

static void an_api_needs_its_key(void **state)
{
    const char *file = in_root("key");

    (void)state;
    write_text("key", "sk-file\n");
    write_models("{\"id\":\"tts-1\",\"type\":\"tts\",\"format\":\"api\",\"path\":null,"
                 "\"parameters\":{\"provider\":\"openai\"}}");
    unsetenv("OPENAI_API_KEY");
    unsetenv("OPENAI_API_KEY_FILE");
    expect("tts-1", VANTA_STATE_NEEDS_KEY, "OPENAI_API_KEY is not set");
    setenv("OPENAI_API_KEY", "", 1);
    expect("tts-1", VANTA_STATE_NEEDS_KEY, "OPENAI_API_KEY is not set");
    setenv("OPENAI_API_KEY", "sk-x", 1);
    expect("tts-1", VANTA_STATE_UNTESTED, "not tested");
    unsetenv("OPENAI_API_KEY");
    setenv("OPENAI_API_KEY_FILE", file, 1);
    assert_int_equal(chmod(file, 0644), 0);
    expect("tts-1", VANTA_STATE_NEEDS_KEY, "others can read");
    assert_int_equal(chmod(file, 0600), 0);
    expect("tts-1", VANTA_STATE_UNTESTED, "not tested");
    unsetenv("OPENAI_API_KEY_FILE");
}

/* --- with a catalog --- */

static struct vanta_catalog *load_catalog(const char *files)
{
    struct vanta_catalog *catalog;
    struct vanta_error err = {0};
    char *text = vanta_strf(
        "{\"format\":\"vanta-catalog\",\"version\":1,\"models\":[{\"id\":\"x\","
        "\"name\":\"X\",\"type\":\"llm\",\"version\":\"1\",\"format\":\"gguf\","
        "\"license\":\"MIT\",\"hardware\":{\"min_ram\":\"1GB\",\"memory_bytes\":1000},"
        "\"files\":[%s],\"preparations\":[{\"id\":\"fetch\",\"version\":1,"
        "\"kind\":\"fetch\"}]}]}",
        files);

    if (vanta_catalog_load_text(&catalog, text, strlen(text), "test", &err) != VANTA_OK)
        fail_msg("%s", err.message);
    free(text);
    return catalog;
}

static char *catalog_file(const char *path, const char *content, bool with_digest)
{
    char hex[VANTA_SHA256_HEX];

    digest_of_text(content, hex);
    return vanta_strf("{\"path\":\"%s\",\"size_bytes\":%zu,%s%s%s"
                      "\"sources\":[\"https://example.org/x\"]}",
                      path, strlen(content), with_digest ? "\"sha256\":\"" : "",
                      with_digest ? hex : "", with_digest ? "\"," : "");
}

static void the_catalog_judges_its_models(void **state)
{
    char good[VANTA_SHA256_HEX], *file = catalog_file("w.gguf", BAD, true);
    struct vanta_catalog *catalog = load_catalog(file);

    (void)state;
    digest_of_text(GOOD, good);
    write_entry(good);
    write_text("llm/x/w.gguf", GOOD);
    expect("x", VANTA_STATE_UNTESTED, "");
    /* The registry agrees with the disk; the catalog does not. */
    expect_with(catalog, "x", VANTA_STATE_CORRUPT, "another digest than the catalog's");
    vanta_catalog_free(catalog);
    free(file);
}

static void a_file_of_the_catalog_may_not_lack(void **state)
{
    char good[VANTA_SHA256_HEX], *a = catalog_file("w.gguf", GOOD, true),
                                 *b = catalog_file("extra.json", "{}", true),
                                 *both = vanta_strf("%s,%s", a, b);
    struct vanta_catalog *catalog = load_catalog(both);

    (void)state;
    digest_of_text(GOOD, good);
    write_entry(good);
    write_text("llm/x/w.gguf", GOOD);
    expect_with(catalog, "x", VANTA_STATE_MISSING, "extra.json is not there");
    write_text("llm/x/extra.json", "{}");
    expect_with(catalog, "x", VANTA_STATE_UNVERIFIED, "not that of its files");
    vanta_catalog_free(catalog);
    free(a);
    free(b);
    free(both);
}

static void an_unpublished_digest_never_verifies(void **state)
{
    char good[VANTA_SHA256_HEX], *file = catalog_file("w.gguf", GOOD, false);
    struct vanta_catalog *catalog = load_catalog(file);

    (void)state;
    digest_of_text(GOOD, good);
    write_entry(good);
    write_text("llm/x/w.gguf", GOOD);
    expect_with(catalog, "x", VANTA_STATE_UNVERIFIED, "nobody has published");
    vanta_catalog_free(catalog);
    free(file);
}

static void an_external_file_may_have_its_own_name(void **state)
{
    char good[VANTA_SHA256_HEX], *text, *file = catalog_file("w.gguf", GOOD, true);
    struct vanta_catalog *catalog = load_catalog(file);
    char outside[300];

    (void)state;
    digest_of_text(GOOD, good);
    snprintf(outside, sizeof outside, "%s-mine.gguf", root);
    assert_int_equal(vanta_file_replace(outside, GOOD, strlen(GOOD), NULL), VANTA_OK);
    text = vanta_strf("{\"id\":\"x\",\"type\":\"llm\",\"path\":\"%s\",\"hash\":\"%s\","
                      "\"files\":[{\"path\":\"%s\",\"size_bytes\":15,\"sha256\":\"%s\"}],"
                      "\"verified\":{\"at\":\"2026-01-01T00:00:00Z\",\"digest\":\"%s\"}}",
                      outside, good, vanta_path_base(outside), good, good);
    write_models(text);
    free(text);
    expect_with(catalog, "x", VANTA_STATE_UNTESTED, "");
    unlink(outside);
    vanta_catalog_free(catalog);
    free(file);
}

/* --- receipts --- */

static json_t *receipt(const char *digest, const char *build, const char *os,
                       const char *cpu, bool passed)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:{s:s, s:s, s:s}, s:b}", "at",
                     "2026-01-01T00:00:00Z", "digest", digest, "engine_build", build,
                     "recipe_version", VANTA_RECIPE_VERSION, "machine", "os", os, "arch",
                     "x86_64", "cpu", cpu, "passed", (int)passed);
}

static void receipts_count_for_these_bytes_here(void **state)
{
    struct vanta_machine here = {.os = "Linux 6.1.0", .arch = "x86_64", .cpu = "Z80"};
    json_t *tests = json_array(), *old;
    char why[256];

    (void)state;
    assert_int_equal(vanta_receipts_state(NULL, "d", "b1", &here, why),
                     VANTA_STATE_UNTESTED);
    json_array_append_new(tests, receipt("other", "b1", "Linux 6.1.0", "Z80", true));
    json_array_append_new(tests, receipt("d", "b0", "Linux 6.1.0", "Z80", true));
    json_array_append_new(tests, receipt("d", "b1", "macOS 15.1", "Z80", true));
    json_array_append_new(tests, receipt("d", "b1", "Linux 6.1.0", "M4", true));
    json_array_append_new(tests, json_string("junk"));
    /* Passed, but not these tests. */
    old = receipt("d", "b1", "Linux 6.1.0", "Z80", true);
    json_object_set_new(old, "recipe_version", json_integer(VANTA_RECIPE_VERSION + 1));
    json_array_append_new(tests, old);
    assert_int_equal(vanta_receipts_state(tests, "d", "b1", &here, why),
                     VANTA_STATE_UNTESTED);
    json_array_append_new(tests, receipt("d", "b1", "Linux 5.10", "Z80", true));
    assert_int_equal(vanta_receipts_state(tests, "d", "b1", &here, why),
                     VANTA_STATE_READY);
    json_array_append_new(tests, receipt("d", "b1", "Linux 6.1.0", "Z80", false));
    assert_int_equal(vanta_receipts_state(tests, "d", "b1", &here, why),
                     VANTA_STATE_FAILED);
    /* Without an engine no receipt is one of its own. */
    assert_int_equal(vanta_receipts_state(tests, "d", NULL, &here, why),
                     VANTA_STATE_UNTESTED);
    assert_non_null(strstr(why, "no engine"));
    json_decref(tests);
}

/* A receipt of another machine's or of other bytes is none. */
static void the_newest_receipt_of_these_bytes_here(void **state)
{
    struct vanta_machine machine;
    json_t *tests = json_array(), *other = NULL;
    struct vanta_entry entry = {.id = (char *)"x", .hash = (char *)"d"};
    size_t i;

    (void)state;
    vanta_machine_read(&machine);
    assert_null(vanta_test_receipt(&entry, NULL));
    entry.extra = json_pack("{s:o}", "tests", tests);
    assert_null(vanta_test_receipt(&entry, NULL));
    json_array_append_new(tests, receipt("d", "b1", machine.os, machine.cpu, false));
    json_array_append_new(tests, receipt("d", "b2", machine.os, machine.cpu, true));
    json_array_append_new(tests, receipt("e", "b1", machine.os, machine.cpu, true));
    json_array_append_new(tests, receipt("d", "b1", "Plan9 4", machine.cpu, true));
    for (i = 0; i < 4; i++) {
        other = json_object_get(json_array_get(tests, i), "machine");
        json_object_set_new(other, "arch", json_string(machine.arch));
    }
    assert_ptr_equal(vanta_test_receipt(&entry, NULL), json_array_get(tests, 1));
    assert_ptr_equal(vanta_test_receipt(&entry, "b1"), json_array_get(tests, 0));
    assert_null(vanta_test_receipt(&entry, "b3"));
    json_decref(entry.extra);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_decide_in_order),
        TEST(a_folder_or_pipe_is_not_a_file),
        TEST(a_folder_that_leads_out_is_not_entered),
        TEST(a_hash_that_is_not_the_files_is_unverified),
        TEST(odd_paths_are_missing),
        TEST(an_api_needs_its_key),
        TEST(the_catalog_judges_its_models),
        TEST(a_file_of_the_catalog_may_not_lack),
        TEST(an_unpublished_digest_never_verifies),
        TEST(an_external_file_may_have_its_own_name),
        TEST(receipts_count_for_these_bytes_here),
        TEST(the_newest_receipt_of_these_bytes_here),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
