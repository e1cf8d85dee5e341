/* Reading the guide's own registry, without a catalog and with the built-in one. */
#include "registry_fixture.h"

#include <time.h>

#define FILE_TEXT "not really a model"

/* What the guide's scripts wrote; %s is where the models folder was. */
static const char guide[] =
    "{\"models\":["
    "{\"id\":\"llm-mistral-7b\",\"name\":\"LLM mistral-7b\",\"type\":\"llm\","
    "\"version\":\"v1\","
    "\"path\":\"%s/llm/mistral-7b-instruct-v0.2.Q4_K_M.gguf\",\"size\":\"4.1GB\","
    "\"format\":\"gguf\",\"quantization\":\"Q4_K_M\","
    "\"date_added\":\"2024-05-01T10:11:12.123456\",\"hash\":\"%s\","
    "\"parameters\":{\"param_count\":\"7B\"},\"hardware_requirements\":"
    "{\"min_ram\":\"16GB\",\"gpu_recommended\":true,\"metal_supported\":true},"
    "\"metadata\":{\"source\":\"https://example.org\",\"description\":\"d\"}},"
    "{\"id\":\"embedding-all-MiniLM-L6-v2\",\"name\":\"e\",\"type\":\"embedding\","
    "\"version\":\"v1\",\"path\":\"%s/embeddings/all-MiniLM-L6-v2\",\"size\":\"90MB\","
    "\"format\":\"sentence-transformers\",\"quantization\":null,"
    "\"date_added\":\"2024-05-01T10:11:12\",\"hash\":\"%s\",\"parameters\":{},"
    "\"hardware_requirements\":{},\"metadata\":{}},"
    "{\"id\":\"tts-tts-1\",\"name\":\"t\",\"type\":\"tts\",\"version\":\"v1\","
    "\"path\":\"api\",\"size\":\"N/A\",\"format\":\"api\",\"quantization\":null,"
    "\"date_added\":\"2024-05-01T10:11:12\",\"hash\":null,"
    "\"parameters\":{\"provider\":\"openai\",\"voices\":[\"alloy\"]},"
    "\"hardware_requirements\":{},\"metadata\":{}},"
    "{\"id\":\"tts-coqui-XTTS-v2\",\"name\":\"x\",\"type\":\"tts\",\"version\":\"v2\","
    "\"path\":\"%s/tts/XTTS-v2\",\"size\":\"0B\",\"format\":\"pytorch\","
    "\"quantization\":null,\"date_added\":\"2024-05-01T10:11:12\",\"hash\":null,"
    "\"parameters\":{},\"hardware_requirements\":{},"
    "\"metadata\":{\"placeholder\":true}},"
    "{\"id\":\"whisper-base\",\"name\":\"w\",\"type\":\"whisper\",\"version\":\"v1\","
    "\"path\":\"/elsewhere/base.pt\",\"size\":\"145MB\",\"format\":\"pytorch\","
    "\"quantization\":null,\"date_added\":\"yesterday\",\"hash\":null,"
    "\"parameters\":{},\"hardware_requirements\":{},\"metadata\":{}},"
    "{\"id\":\"vad-silero\",\"type\":\"vad\",\"path\":\"%s/vad/silero.bin\"}]}";

static void write_guide(const char *where)
{
    char hash[VANTA_SHA256_HEX], *text;

    digest_of_text(FILE_TEXT, hash);
    write_text("llm/mistral-7b-instruct-v0.2.Q4_K_M.gguf", FILE_TEXT);
    write_text("embeddings/all-MiniLM-L6-v2/config.json", "{}");
    write_text("tts/XTTS-v2/SETUP_INSTRUCTIONS.md", "do it");
    text = vanta_strf(guide, where, hash, where, hash, where, where);
    write_text("registry/registry.json", text);
    free(text);
}

static void the_guides_registry_is_read(void **state)
{
    const struct vanta_entry *e;
    struct vanta_registry *r;
    char hash[VANTA_SHA256_HEX], why[256];

    (void)state;
    write_guide(root);
    digest_of_text(FILE_TEXT, hash);
    r = load();
    assert_int_equal(vanta_registry_origin(r), VANTA_REGISTRY_UPGRADED);
    assert_int_equal(vanta_registry_count(r), 6);

    e = vanta_registry_find(r, "llm-mistral-7b");
    assert_string_equal(e->path, "llm/mistral-7b-instruct-v0.2.Q4_K_M.gguf");
    assert_string_equal(e->size, "4.1GB");
    assert_string_equal(e->hash, hash);
    assert_int_equal(e->n_files, 1);
    assert_string_equal(e->files[0].path, "mistral-7b-instruct-v0.2.Q4_K_M.gguf");
    assert_false(e->external);
    assert_int_equal(vanta_entry_state(root, e, NULL, why), VANTA_STATE_UNVERIFIED);

    /* The hash of config.json alone says nothing of the folder, but is not lost. */
    e = vanta_registry_find(r, "embedding-all-MiniLM-L6-v2");
    assert_string_equal(e->path, "embeddings/all-MiniLM-L6-v2");
    assert_null(e->hash);
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(e->extra, "metadata"), "former_hash")),
                        hash);
    assert_int_equal(vanta_entry_state(root, e, NULL, why), VANTA_STATE_UNVERIFIED);

    e = vanta_registry_find(r, "tts-tts-1");
    assert_null(e->path);
    assert_true(vanta_entry_is_api(e));

    e = vanta_registry_find(r, "tts-coqui-XTTS-v2");
    assert_int_equal(vanta_entry_state(root, e, NULL, why), VANTA_STATE_MISSING);
    assert_non_null(strstr(why, "placeholder"));

    e = vanta_registry_find(r, "whisper-base");
    assert_true(e->external);
    assert_string_equal(e->date_added, "1970-01-01T00:00:00Z");
    assert_string_equal(
        json_string_value(json_object_get(e->extra, "date_added_as_written")),
        "yesterday");
    assert_int_equal(vanta_entry_state(root, e, NULL, why), VANTA_STATE_MISSING);

    e = vanta_registry_find(r, "vad-silero");
    assert_int_equal(e->type, VANTA_TYPE_UNKNOWN);
    assert_non_null(strstr(vanta_registry_note(r, 0), "vad"));
    vanta_registry_free(r);
}

static void a_root_that_moved_is_found_again(void **state)
{
    struct vanta_registry *r;

    (void)state;
    write_guide("/home/someone/old-clone/models");
    r = load();
    assert_string_equal(vanta_registry_find(r, "llm-mistral-7b")->path,
                        "llm/mistral-7b-instruct-v0.2.Q4_K_M.gguf");
    /* What is at neither place stays what it was. */
    assert_true(vanta_registry_find(r, "vad-silero")->external);
    vanta_registry_free(r);
}

static void paths_through_a_link_to_the_root_are_inner(void **state)
{
    char other[300], *text;
    struct vanta_registry *r;

    (void)state;
    snprintf(other, sizeof other, "%s-link", root);
    assert_int_equal(symlink(root, other), 0);
    write_text("llm/x.gguf", FILE_TEXT);
    /* The registry has the real path, the caller the link's. */
    text = vanta_strf("{\"models\":[{\"id\":\"x\",\"type\":\"llm\",\"path\":\"%s/llm/./x.gguf\"}]}",
                      root);
    write_text("registry/registry.json", text);
    free(text);
    assert_int_equal(vanta_registry_load(other, NULL, &r, NULL, NULL), VANTA_OK);
    assert_string_equal(vanta_registry_find(r, "x")->path, "llm/x.gguf");
    vanta_registry_free(r);
    unlink(other);
}

static enum vanta_status nothing(void *arg, struct vanta_registry *r,
                                 struct vanta_error *err)
{
    (void)arg;
    (void)r;
    (void)err;
    return VANTA_OK;
}

static void the_next_update_writes_it_and_keeps_the_old(void **state)
{
    char *before, *text, command[1024];
    struct vanta_registry *r;

    (void)state;
    write_guide(root);
    before = read_text("registry/registry.json");
    r = load();
    vanta_registry_free(r);
    text = read_text("registry/registry.json"); /* reading changes nothing */
    assert_string_equal(text, before);
    free(text);
    assert_int_equal(vanta_registry_update(root, NULL, nothing, NULL, NULL), VANTA_OK);
    r = load();
    assert_int_equal(vanta_registry_origin(r), VANTA_REGISTRY_CURRENT);
    assert_int_equal(vanta_registry_count(r), 6);
    vanta_registry_free(r);
    write_text("before", before);
    snprintf(command, sizeof command, "cmp -s '%s/before' '%s'/registry/history/00000001-*",
             root, root);
    assert_int_equal(system(command), 0);
    free(before);
}

static void hand_edited_entries_survive(void **state)
{
    const struct vanta_entry *e;
    struct vanta_registry *r;

    (void)state;
    write_text("registry/registry.json",
               "{\"models\":[{\"id\":\"a\"},{\"id\":\"b\",\"path\":\"\"},"
               "{\"id\":\"c\",\"path\":\"models/llm/c.gguf\",\"size\":4100000000,"
               "\"hash\":\"ABC\",\"quantization\":4},"
               "{\"id\":\"d\",\"path\":\"../../etc/passwd\"}]}");
    r = load();
    assert_int_equal(vanta_registry_count(r), 4);
    e = vanta_registry_find(r, "a");
    assert_string_equal(e->name, "a");
    assert_int_equal(vanta_entry_state(root, e, NULL, NULL), VANTA_STATE_MISSING);
    assert_null(vanta_registry_find(r, "b")->path);
    e = vanta_registry_find(r, "c");
    assert_string_equal(e->path, "llm/c.gguf");
    assert_string_equal(e->size, "4100000000");
    assert_string_equal(e->quantization, "4");
    assert_null(e->hash);
    assert_string_equal(
        json_string_value(json_object_get(e->extra, "hash_as_written")), "ABC");
    e = vanta_registry_find(r, "d");
    assert_int_equal(vanta_entry_state(root, e, NULL, NULL), VANTA_STATE_MISSING);
    vanta_registry_free(r);
}

static void times_are_brought_to_one_form(void **state)
{
    char out[VANTA_TIME_TEXT_MAX];

    (void)state;
    setenv("TZ", "UTC-2", 1); /* two hours east */
    tzset();
    assert_true(vanta_time_normalize("2024-05-01T10:11:12.123456", out));
    assert_string_equal(out, "2024-05-01T08:11:12Z");
    assert_true(vanta_time_normalize("2024-05-01 10:11:12", out));
    assert_string_equal(out, "2024-05-01T08:11:12Z");
    assert_true(vanta_time_normalize("2024-05-01T10:11:12+02:00", out));
    assert_string_equal(out, "2024-05-01T10:11:12+02:00");
    assert_false(vanta_time_normalize("2024-5-1T1:02:03Z", out));
    assert_true(vanta_time_normalize("2024-05-01T10:11:12.12345678901234567890Z", out));
    assert_string_equal(out, "2024-05-01T10:11:12Z");
    assert_false(vanta_time_normalize("2024-05-01", out));
    assert_false(vanta_time_normalize("2024-05-01T10:11:12 or so", out));
    assert_false(vanta_time_normalize("", out));
    unsetenv("TZ");
    tzset();
}

static void old_ids_become_the_catalogs(void **state)
{
    static const char *const pairs[][2] = {
        {"llm-mistral-7b", "mistral-7b"},
        {"embedding-all-MiniLM-L6-v2", "all-MiniLM-L6-v2"},
        {"tts-tts-1", "tts-1"},
        {"tts-coqui-XTTS-v2", "coqui-XTTS-v2"},
        {"whisper-base", "whisper-base"}};
    struct vanta_catalog *catalog;
    struct vanta_registry *r;
    size_t i;

    (void)state;
    assert_int_equal(vanta_catalog_load(&catalog, NULL, 0, NULL), VANTA_OK);
    write_guide(root);
    r = load_with(catalog);
    assert_int_equal(vanta_registry_count(r), 6);
    for (i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const struct vanta_entry *e = vanta_registry_find(r, pairs[i][0]);

        assert_non_null(e);
        assert_string_equal(e->id, pairs[i][1]);
        assert_ptr_equal(vanta_registry_find(r, pairs[i][1]), e);
    }
    vanta_registry_free(r);
    assert_int_equal(vanta_registry_update(root, catalog, nothing, NULL, NULL), VANTA_OK);
    /* Written down, so that they are known without the catalog too. */
    r = load();
    assert_string_equal(vanta_registry_find(r, "llm-mistral-7b")->id, "mistral-7b");
    vanta_registry_free(r);
    vanta_catalog_free(catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_guides_registry_is_read),
        TEST(a_root_that_moved_is_found_again),
        TEST(paths_through_a_link_to_the_root_are_inner),
        TEST(the_next_update_writes_it_and_keeps_the_old),
        TEST(hand_edited_entries_survive),
        TEST(times_are_brought_to_one_form),
        TEST(old_ids_become_the_catalogs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
