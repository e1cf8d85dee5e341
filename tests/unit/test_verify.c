/* Verification and removal: what is judged by what, what is recorded, what stays. */
#include "registry_fixture.h"

#include <sys/stat.h>

#include "models/remove.h"
#include "models/verify.h"

static struct vanta_catalog *catalog;

/* A catalog with "one" (w.bin: "alpha") and "two" (a.json: "{}", sub/b.bin: "beta"). */
static int set_up(void **state)
{
    static const char form[] =
        "{\"format\":\"vanta-catalog\",\"version\":1,\"models\":["
        "{\"id\":\"one\",\"name\":\"One\",\"type\":\"llm\",\"version\":\"1\","
        "\"format\":\"gguf\",\"quantization\":\"Q4_K_M\",\"parameters\":\"1M\","
        "\"upstream\":\"https://example.org/one\",\"license\":\"MIT\",\"hardware\":"
        "{\"min_ram\":\"8GB\",\"memory_bytes\":1000},\"aliases\":[\"llm-one\"],"
        "\"files\":[{\"path\":\"w.bin\",\"size_bytes\":5,\"sha256\":\"%s\","
        "\"sources\":[\"https://example.org/w\"]}],"
        "\"preparations\":[{\"id\":\"fetch\",\"version\":1,\"kind\":\"fetch\"}]},"
        "{\"id\":\"two\",\"name\":\"Two\",\"type\":\"embedding\",\"version\":\"1\","
        "\"format\":\"safetensors\",\"license\":\"MIT\",\"hardware\":"
        "{\"min_ram\":\"8GB\",\"memory_bytes\":1000},"
        "\"files\":[{\"path\":\"sub/b.bin\",\"size_bytes\":4,\"sha256\":\"%s\","
        "\"sources\":[\"https://example.org/b\"]},"
        "{\"path\":\"a.json\",\"size_bytes\":2,\"sha256\":\"%s\","
        "\"sources\":[\"https://example.org/a\"]}],"
        "\"preparations\":[{\"id\":\"fetch\",\"version\":1,\"kind\":\"fetch\"}]}]}";
    char one[VANTA_SHA256_HEX], b[VANTA_SHA256_HEX], a[VANTA_SHA256_HEX], *text;
    struct vanta_error err = {0};

    if (make_root(state) != 0)
        return -1;
    digest_of_text("alpha", one);
    digest_of_text("beta", b);
    digest_of_text("{}", a);
    text = vanta_strf(form, one, b, a);
    if (vanta_catalog_load_text(&catalog, text, strlen(text), "test", &err) != VANTA_OK)
        fail_msg("%s", err.message);
    free(text);
    return 0;
}

static int tear_down(void **state)
{
    vanta_catalog_free(catalog);
    return remove_root(state);
}

static enum vanta_status put(void *arg, struct vanta_registry *r, struct vanta_error *err)
{
    return vanta_registry_put(r, arg, err);
}

static void register_model(const char *id)
{
    struct vanta_entry entry;
    struct vanta_error err = {0};

    if (vanta_entry_from_catalog(vanta_catalog_find(catalog, id), NULL, 0, &entry, &err) !=
            VANTA_OK ||
        vanta_registry_update(root, catalog, put, &entry, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    vanta_entry_free(&entry);
}

static void make_both(void)
{
    write_text("llm/one/w.bin", "alpha");
    write_text("embeddings/two/sub/b.bin", "beta");
    write_text("embeddings/two/a.json", "{}");
    register_model("one");
    register_model("two");
}

static enum vanta_status verify(const char *id, struct vanta_verify_result *result)
{
    struct vanta_registry *r = load_with(catalog);
    const struct vanta_entry *e = vanta_registry_find(r, id);
    struct vanta_error err = {0};
    enum vanta_status status;

    assert_non_null(e);
    status = vanta_verify_model(root, catalog, e, NULL, NULL, NULL, result, &err);
    assert_int_equal(status, err.status);
    vanta_registry_free(r);
    return status;
}

static enum vanta_state state_of(const char *id)
{
    struct vanta_registry *r = load_with(catalog);
    enum vanta_state state =
        vanta_entry_state(root, vanta_registry_find(r, id), catalog, NULL);

    vanta_registry_free(r);
    return state;
}

static void an_entry_has_what_the_catalog_knows(void **state)
{
    struct vanta_entry e;
    const json_t *part;

    (void)state;
    assert_int_equal(vanta_entry_from_catalog(vanta_catalog_find(catalog, "one"), NULL, 0,
                                              &e, NULL),
                     VANTA_OK);
    assert_string_equal(e.id, "one");
    assert_string_equal(e.path, "llm/one/w.bin");
    assert_string_equal(e.size, "5 B");
    assert_string_equal(e.quantization, "Q4_K_M");
    assert_string_equal(e.license, "MIT");
    assert_string_equal(e.hash, e.files[0].sha256);
    part = json_object_get(e.extra, "parameters");
    assert_string_equal(json_string_value(json_object_get(part, "param_count")), "1M");
    part = json_object_get(e.extra, "hardware_requirements");
    assert_string_equal(json_string_value(json_object_get(part, "min_ram")), "8GB");
    part = json_object_get(e.extra, "metadata");
    assert_string_equal(json_string_value(json_object_get(part, "source")),
                        "https://example.org/one");
    vanta_entry_free(&e);
    assert_int_equal(vanta_entry_from_catalog(vanta_catalog_find(catalog, "two"), NULL, 0,
                                              &e, NULL),
                     VANTA_OK);
    assert_string_equal(e.path, "embeddings/two");
    assert_string_equal(e.files[0].path, "a.json");
    assert_int_equal(e.size_bytes, 6);
    vanta_entry_free(&e);
    assert_int_equal(vanta_entry_from_catalog(vanta_catalog_find(catalog, "tts-1"), NULL,
                                              0, &e, NULL),
                     VANTA_OK);
    assert_null(e.path);
    assert_null(e.hash);
    assert_string_equal(e.size, "N/A");
    part = json_object_get(e.extra, "parameters");
    assert_string_equal(json_string_value(json_object_get(part, "provider")), "openai");
    assert_true(json_array_size(json_object_get(part, "voices")) > 0);
    vanta_entry_free(&e);
}

static void right_bytes_are_recorded(void **state)
{
    struct vanta_verify_result result;

    (void)state;
    make_both();
    assert_int_equal(state_of("two"), VANTA_STATE_UNVERIFIED);
    assert_int_equal(verify("two", &result), VANTA_OK);
    assert_int_equal(result.state, VANTA_STATE_UNTESTED);
    assert_int_equal(result.files_checked, 2);
    assert_int_equal(result.bytes_hashed, 6);
    assert_string_equal(result.bad_file, "");
    assert_int_equal(result.record.status, VANTA_OK);
    assert_int_equal(state_of("two"), VANTA_STATE_UNTESTED);
    assert_int_equal(state_of("one"), VANTA_STATE_UNVERIFIED);
}

static void wrong_bytes_are_named_and_remembered(void **state)
{
    struct vanta_verify_result result;
    char bad[VANTA_SHA256_HEX], good[VANTA_SHA256_HEX];

    (void)state;
    make_both();
    digest_of_text("beta", good);
    digest_of_text("BETA", bad);
    assert_int_equal(verify("two", &result), VANTA_OK);
    write_text("embeddings/two/sub/b.bin", "BETA");
    assert_int_equal(verify("two", &result), VANTA_ERR_CHECK);
    assert_int_equal(result.state, VANTA_STATE_CORRUPT);
    assert_string_equal(result.bad_file, "sub/b.bin");
    assert_string_equal(result.expected, good);
    assert_string_equal(result.found, bad);
    assert_int_equal(state_of("two"), VANTA_STATE_CORRUPT);
    write_text("embeddings/two/sub/b.bin", "beta");
    assert_int_equal(verify("two", &result), VANTA_OK);
    assert_int_equal(state_of("two"), VANTA_STATE_UNTESTED);
    write_text("embeddings/two/sub/b.bin", "bet");
    assert_int_equal(verify("two", &result), VANTA_ERR_CHECK);
    assert_non_null(strstr(result.message, "3 bytes, expected 4"));
}

static void missing_files_go_before_wrong_ones(void **state)
{
    struct vanta_verify_result result;

    (void)state;
    make_both();
    assert_int_equal(verify("two", &result), VANTA_OK);
    write_text("embeddings/two/a.json", "[]");
    assert_int_equal(unlink(in_root("embeddings/two/sub/b.bin")), 0);
    assert_int_equal(verify("two", &result), VANTA_ERR_CHECK);
    assert_int_equal(result.state, VANTA_STATE_MISSING);
    assert_string_equal(result.bad_file, "sub/b.bin");
    /* What comes back is not what was verified before. */
    write_text("embeddings/two/a.json", "{}");
    write_text("embeddings/two/sub/b.bin", "beta");
    assert_int_equal(state_of("two"), VANTA_STATE_UNVERIFIED);
}

static void the_catalogs_digest_goes_before_the_registrys(void **state)
{
    struct vanta_verify_result result;
    char evil[VANTA_SHA256_HEX], *text;

    (void)state;
    digest_of_text("ALPHA", evil);
    write_text("llm/one/w.bin", "ALPHA");
    text = vanta_strf("{\"id\":\"one\",\"type\":\"llm\",\"path\":\"llm/one/w.bin\","
                      "\"hash\":\"%s\",\"files\":[{\"path\":\"w.bin\",\"size_bytes\":5,"
                      "\"sha256\":\"%s\"}],\"verified\":{\"at\":\"2026-01-01T00:00:00Z\","
                      "\"digest\":\"%s\"}}",
                      evil, evil, evil);
    write_models(text);
    free(text);
    assert_int_equal(verify("one", &result), VANTA_ERR_CHECK);
    assert_non_null(strstr(result.message, "registered"));
    assert_int_equal(state_of("one"), VANTA_STATE_CORRUPT);
}

static void an_older_entry_gets_its_files(void **state)
{
    struct vanta_verify_result result;
    const struct vanta_entry *e;
    struct vanta_registry *r;
    char *text;

    (void)state;
    write_text("embeddings/two/sub/b.bin", "beta");
    write_text("embeddings/two/a.json", "{}");
    text = vanta_strf("{\"models\":[{\"id\":\"two\",\"type\":\"embedding\","
                      "\"path\":\"%s/embeddings/two\",\"size\":\"90MB\",\"hash\":null}]}",
                      root);
    write_text("registry/registry.json", text);
    free(text);
    assert_int_equal(verify("two", &result), VANTA_OK);
    r = load_with(catalog);
    e = vanta_registry_find(r, "two");
    assert_int_equal(e->n_files, 2);
    assert_string_equal(e->size, "6 B");
    assert_string_equal(e->hash, e->verified_digest);
    vanta_registry_free(r);
    assert_int_equal(state_of("two"), VANTA_STATE_UNTESTED);
}

static void what_nobody_knows_cannot_be_verified(void **state)
{
    struct vanta_verify_result result;

    (void)state;
    write_text("llm/mine/w.bin", "mine");
    write_models("{\"id\":\"mine\",\"type\":\"llm\",\"path\":\"llm/mine\"}");
    assert_int_equal(verify("mine", &result), VANTA_ERR_UNSUPPORTED);
    assert_int_equal(result.state, VANTA_STATE_UNVERIFIED);
}

static void a_folder_that_leads_out_is_not_read(void **state)
{
    struct vanta_verify_result result;

    (void)state;
    register_model("one");
    assert_int_equal(vanta_dir_make(in_root("llm"), NULL), VANTA_OK);
    assert_int_equal(symlink("/tmp", in_root("llm/one")), 0);
    assert_int_equal(verify("one", &result), VANTA_ERR_CHECK);
    assert_int_equal(result.bytes_hashed, 0);
    assert_non_null(strstr(result.message, "leads out"));
}

static void an_api_is_checked_without_files(void **state)
{
    struct vanta_verify_result result;

    (void)state;
    unsetenv("OPENAI_API_KEY");
    unsetenv("OPENAI_API_KEY_FILE");
    register_model("tts-1");
    assert_int_equal(verify("tts-1", &result), VANTA_OK);
    assert_int_equal(result.state, VANTA_STATE_NEEDS_KEY);
    assert_non_null(strstr(result.message, "OPENAI_API_KEY"));
    write_models("{\"id\":\"speech\",\"type\":\"tts\",\"format\":\"api\"}");
    assert_int_equal(verify("speech", &result), VANTA_ERR_CHECK);
}

static void it_can_be_stopped(void **state)
{
    struct vanta_verify_result result;
    struct vanta_registry *r;
    atomic_bool stop = true;

    (void)state;
    make_both();
    r = load_with(catalog);
    assert_int_equal(vanta_verify_model(root, catalog, vanta_registry_find(r, "one"), NULL,
                                        NULL, &stop, &result, NULL),
                     VANTA_ERR_CANCELLED);
    vanta_registry_free(r);
    assert_int_equal(state_of("one"), VANTA_STATE_UNVERIFIED);
}

static void an_entry_that_changed_meanwhile_is_not_marked(void **state)
{
    struct vanta_verify_result result;
    struct vanta_registry *r;

    (void)state;
    make_both();
    r = load_with(catalog);
    write_models("{\"id\":\"one\",\"type\":\"llm\",\"path\":\"llm/elsewhere/w.bin\"}");
    assert_int_equal(vanta_verify_model(root, catalog, vanta_registry_find(r, "one"), NULL,
                                        NULL, NULL, &result, NULL),
                     VANTA_OK);
    vanta_registry_free(r);
    r = load_with(catalog);
    assert_null(vanta_registry_find(r, "one")->verified_at);
    vanta_registry_free(r);
}

/* --- removal --- */

static void remove_ok(const char *id, struct vanta_removal *removal)
{
    struct vanta_error err = {0};
    struct vanta_registry *r;

    if (vanta_model_remove(root, catalog, id, removal, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    r = load_with(catalog);
    assert_null(vanta_registry_find(r, id));
    vanta_registry_free(r);
}

static void a_models_folder_goes_with_it(void **state)
{
    struct vanta_removal removal;

    (void)state;
    make_both();
    write_text("embeddings/two/LICENSE.txt", "terms");
    remove_ok("two", &removal);
    assert_int_equal(removal.bytes, 11);
    assert_false(vanta_file_exists(in_root("embeddings/two")));
    assert_true(vanta_file_exists(in_root("embeddings")));
    remove_ok("llm-one", &removal); /* by an old id */
    assert_false(vanta_file_exists(in_root("llm/one")));
    assert_int_equal(vanta_model_remove(root, catalog, "two", &removal, NULL),
                     VANTA_ERR_NOT_FOUND);
}

static void looking_removes_nothing(void **state)
{
    struct vanta_removal removal;
    struct vanta_registry *r;

    (void)state;
    make_both();
    r = load_with(catalog);
    assert_int_equal(vanta_model_removal(root, r, "two", &removal, NULL), VANTA_OK);
    assert_int_equal(removal.bytes, 6);
    assert_true(vanta_has_suffix(removal.path, "/embeddings/two"));
    assert_true(vanta_file_exists(in_root("embeddings/two/a.json")));
    vanta_registry_free(r);
}

static void links_out_are_not_followed(void **state)
{
    struct vanta_removal removal;
    char outside[300], inner[320];

    (void)state;
    snprintf(outside, sizeof outside, "%s-outside", root);
    snprintf(inner, sizeof inner, "%s/w.bin", outside);
    assert_int_equal(vanta_dir_make(outside, NULL), VANTA_OK);
    assert_int_equal(vanta_file_replace(inner, "alpha", 5, NULL), VANTA_OK);
    register_model("one");
    assert_int_equal(vanta_dir_make(in_root("llm"), NULL), VANTA_OK);
    assert_int_equal(symlink(outside, in_root("llm/one")), 0);
    remove_ok("one", &removal);
    assert_true(vanta_file_exists(inner));
    assert_false(vanta_file_is_link(in_root("llm/one")));
    assert_true(removal.kept[0] != '\0');
    /* A link above the model's folder: nothing of it is touched. */
    register_model("one");
    assert_int_equal(vanta_remove_tree(in_root("llm"), NULL), VANTA_OK);
    assert_int_equal(symlink(outside, in_root("llm")), 0);
    snprintf(inner, sizeof inner, "%s/one", outside);
    assert_int_equal(vanta_dir_make(inner, NULL), VANTA_OK);
    remove_ok("one", &removal);
    assert_true(vanta_file_exists(inner));
    assert_int_equal(vanta_remove_tree(outside, NULL), VANTA_OK);
}

static void files_of_others_stay(void **state)
{
    struct vanta_removal removal;

    (void)state;
    write_text("llm/a/w.bin", "alpha");
    write_text("llm/a/v.bin", "other");
    write_text("llm/a/note", "kept: it is in no list");
    write_models("{\"id\":\"a\",\"type\":\"llm\",\"path\":\"llm/a\",\"files\":["
                 "{\"path\":\"v.bin\"},{\"path\":\"w.bin\"}]},"
                 "{\"id\":\"b\",\"type\":\"llm\",\"path\":\"llm/a/w.bin\",\"files\":["
                 "{\"path\":\"w.bin\"}]}");
    remove_ok("a", &removal);
    assert_false(vanta_file_exists(in_root("llm/a/v.bin")));
    assert_true(vanta_file_exists(in_root("llm/a/w.bin")));
    assert_non_null(strstr(removal.kept, "b has it too"));
    remove_ok("b", &removal);
    assert_false(vanta_file_exists(in_root("llm/a/w.bin")));
    assert_true(vanta_file_exists(in_root("llm/a/note")));
}

static void external_and_dangerous_paths_stay(void **state)
{
    struct vanta_removal removal;
    char outside[300], *text;

    (void)state;
    snprintf(outside, sizeof outside, "%s-mine.gguf", root);
    assert_int_equal(vanta_file_replace(outside, "mine", 4, NULL), VANTA_OK);
    write_text("llm/keep/w.bin", "keep");
    write_text("llm/loose.gguf", "old layout");
    text = vanta_strf("{\"id\":\"x\",\"type\":\"llm\",\"path\":\"%s\",\"files\":["
                      "{\"path\":\"%s\"}]},"
                      "{\"id\":\"up\",\"type\":\"llm\",\"path\":\"../..\"},"
                      "{\"id\":\"all\",\"type\":\"llm\",\"path\":\"llm\"},"
                      "{\"id\":\"reg\",\"type\":\"llm\",\"path\":\"registry/history\"},"
                      "{\"id\":\"regf\",\"type\":\"llm\",\"path\":\"registry/registry.json\","
                      "\"files\":[{\"path\":\"registry.json\"}]},"
                      "{\"id\":\"loose\",\"type\":\"llm\",\"path\":\"llm/loose.gguf\","
                      "\"files\":[{\"path\":\"loose.gguf\"}]}",
                      outside, vanta_path_base(outside));
    write_models(text);
    free(text);
    remove_ok("x", &removal);
    assert_non_null(strstr(removal.kept, "yours"));
    assert_true(vanta_file_exists(outside));
    remove_ok("up", &removal);
    remove_ok("all", &removal);
    assert_true(vanta_file_exists(in_root("llm/keep/w.bin")));
    remove_ok("reg", &removal);
    assert_true(vanta_file_exists(in_root("registry/history")));
    remove_ok("regf", &removal);
    assert_true(vanta_file_exists(in_root("registry/registry.json")));
    remove_ok("loose", &removal);
    assert_false(vanta_file_exists(in_root("llm/loose.gguf")));
    assert_true(vanta_file_exists(in_root("llm/keep/w.bin")));
    unlink(outside);
}

static void a_damaged_registry_removes_nothing(void **state)
{
    struct vanta_removal removal;

    (void)state;
    make_both();
    write_text("registry/registry.json", "{");
    assert_int_equal(vanta_model_remove(root, catalog, "one", &removal, NULL),
                     VANTA_ERR_FORMAT);
    assert_true(vanta_file_exists(in_root("llm/one/w.bin")));
}

#define BOTH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(an_entry_has_what_the_catalog_knows),
        BOTH(right_bytes_are_recorded),
        BOTH(wrong_bytes_are_named_and_remembered),
        BOTH(missing_files_go_before_wrong_ones),
        BOTH(the_catalogs_digest_goes_before_the_registrys),
        BOTH(an_older_entry_gets_its_files),
        BOTH(what_nobody_knows_cannot_be_verified),
        BOTH(a_folder_that_leads_out_is_not_read),
        BOTH(an_api_is_checked_without_files),
        BOTH(it_can_be_stopped),
        BOTH(an_entry_that_changed_meanwhile_is_not_marked),
        BOTH(a_models_folder_goes_with_it),
        BOTH(looking_removes_nothing),
        BOTH(links_out_are_not_followed),
        BOTH(files_of_others_stay),
        BOTH(external_and_dangerous_paths_stay),
        BOTH(a_damaged_registry_removes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
