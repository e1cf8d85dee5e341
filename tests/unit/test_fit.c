/* Whether models fit into memory together, and which smaller ones would. */
#include "registry_fixture.h"

#include "models/fit.h"

#define MB ((uint64_t)1000 * 1000)

static struct vanta_catalog *catalog;

/* Of type llm: big (8 GB), mid (7 GB), small (500 MB); whisper: ear (2 GB); and the
 * built-in ones. */
static int set_up(void **state)
{
    static const struct {
        const char *id, *type, *format;
        unsigned megabytes;
    } models[] = {{"big", "llm", "gguf", 8000},
                  {"mid", "llm", "gguf", 7000},
                  {"small", "llm", "gguf", 500},
                  {"ear", "whisper", "whisper-ggml", 2000}};
    struct vanta_buf text = VANTA_BUF(1 << 16);
    struct vanta_error err = {0};
    size_t i;

    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    vanta_buf_puts(&text, "{\"format\":\"vanta-catalog\",\"version\":1,\"models\":[");
    for (i = 0; i < sizeof models / sizeof models[0]; i++)
        vanta_buf_printf(&text,
                         "%s{\"id\":\"%s\",\"name\":\"x\",\"type\":\"%s\",\"version\":"
                         "\"1\",\"format\":\"%s\",\"license\":\"MIT\",\"hardware\":"
                         "{\"min_ram\":\"1GB\",\"memory_bytes\":%u000000},\"files\":[{"
                         "\"path\":\"w\",\"size_bytes\":10,\"sources\":"
                         "[\"https://host.test/w\"]}]}",
                         i ? "," : "", models[i].id, models[i].type, models[i].format,
                         models[i].megabytes);
    vanta_buf_puts(&text, "]}");
    if (vanta_catalog_load_text(&catalog, text.data, text.len, "test", &err) != VANTA_OK)
        fail_msg("%s", err.message);
    vanta_buf_free(&text);
    return make_root(state);
}

static int tear_down(void **state)
{
    vanta_catalog_free(catalog);
    return remove_root(state);
}

static const struct vanta_catalog_model *model(const char *id)
{
    return vanta_catalog_find(catalog, id);
}

static json_t *receipt(const char *digest, double weights)
{
    return json_pack("{s:s, s:{s:f, s:f, s:f}}", "digest", digest, "figures",
                     "weights_bytes", weights, "kv_cache_bytes", 20.0 * 1e6,
                     "compute_bytes", 5.0 * 1e6);
}

/* --- one model --- */

static void what_was_measured_of_these_bytes_counts(void **state)
{
    struct vanta_entry entry = {.id = (char *)"mid", .hash = (char *)"d",
                                .size_bytes = 300 * 1000 * 1000};
    json_t *tests = json_array();
    bool measured = true;

    (void)state;
    assert_true(vanta_fit_bytes(&entry, model("mid"), &measured) == 7000 * MB);
    assert_false(measured);
    entry.extra = json_pack("{s:o}", "tests", tests);
    json_array_append_new(tests, receipt("other bytes", 1e9));
    json_array_append_new(tests, json_string("junk"));
    assert_true(vanta_fit_bytes(&entry, model("mid"), &measured) == 7000 * MB);
    json_array_append_new(tests, receipt("d", 1e9));
    assert_true(vanta_fit_bytes(&entry, model("mid"), &measured) == 1025 * MB);
    assert_true(measured);
    json_array_append_new(tests, receipt("d", 2e9)); /* the newest */
    assert_true(vanta_fit_bytes(&entry, model("mid"), &measured) == 2025 * MB);
    /* A receipt of an engine that reported nothing, one that lies. */
    json_array_append_new(tests, json_pack("{s:s, s:{}}", "digest", "d", "figures"));
    json_array_append_new(tests, receipt("d", -1e30));
    assert_true(vanta_fit_bytes(&entry, model("mid"), &measured) == 25 * MB);
    json_decref(entry.extra);
}

static void what_nobody_knows_is_estimated(void **state)
{
    struct vanta_entry entry = {.id = (char *)"mine", .size_bytes = 300 * 1000 * 1000};
    bool measured = true;

    (void)state;
    assert_true(vanta_fit_bytes(&entry, NULL, &measured) == 450 * MB);
    assert_false(measured);
    entry.size_bytes = -1;
    assert_true(vanta_fit_bytes(&entry, NULL, &measured) == 0);
    assert_true(vanta_fit_bytes(NULL, model("small"), &measured) == 500 * MB);
}

/* --- a set --- */

static struct vanta_fit judge(uint64_t ram, const char *a, const char *b)
{
    struct vanta_machine machine = {.ram = ram, .ram_usable = ram};
    struct vanta_fit fit = {.n = 0};

    vanta_fit_add(&fit, NULL, model(a));
    if (b)
        vanta_fit_add(&fit, NULL, model(b));
    vanta_fit_judge(&fit, catalog, &machine);
    return fit;
}

static void the_system_keeps_its_share(void **state)
{
    struct vanta_fit fit = judge(16000 * MB, "big", "ear");

    (void)state;
    assert_true(fit.needed == 10000 * MB + 2 * VANTA_FIT_PROCESS_BYTES);
    assert_true(fit.available == 14000 * MB); /* an eighth is kept */
    assert_true(fit.fits);
    assert_false(fit.all_measured);
    assert_string_equal(fit.advice, "");
    /* ... and 2 GiB at most. */
    fit = judge(64000 * MB, "big", NULL);
    assert_true(fit.available == 64000 * MB - ((uint64_t)2 << 30));
}

static void the_bound_is_exact(void **state)
{
    uint64_t needed = 10000 * MB + 2 * VANTA_FIT_PROCESS_BYTES;
    uint64_t ram = needed / 7 * 8;

    (void)state;
    while (ram - ram / 8 < needed)
        ram++;
    assert_true(judge(ram, "big", "ear").fits);
    assert_false(judge(ram - 16, "big", "ear").fits);
}

static void a_smaller_model_is_named(void **state)
{
    struct vanta_fit fit = judge(11000 * MB, "big", "ear");

    (void)state;
    assert_false(fit.fits);
    assert_string_equal(fit.advice, "mid in place of big would fit.");
    fit = judge(1700 * MB, "big", "ear");
    assert_non_null(strstr(fit.advice, " in place of big, "));
    assert_non_null(strstr(fit.advice, " in place of ear would fit."));
}

static void nothing_is_small_enough(void **state)
{
    struct vanta_fit fit = judge(500 * MB, "big", "ear");

    (void)state;
    assert_false(fit.fits);
    assert_non_null(strstr(fit.advice, "one model at a time"));
    fit = judge(0, "small", NULL);
    assert_false(fit.fits);
    assert_true(fit.available == 0);
    /* Nobody says what is smaller. */
    fit = judge(500 * MB, "big", NULL);
    vanta_fit_judge(&fit, NULL, &(struct vanta_machine){.ram_usable = 500 * MB});
    assert_non_null(strstr(fit.advice, "one model at a time"));
}

static void more_than_there_is_room_for(void **state)
{
    struct vanta_fit fit = {.n = 0};
    size_t i;

    (void)state;
    for (i = 0; i < VANTA_FIT_PARTS_MAX + 3; i++)
        vanta_fit_add(&fit, NULL, model("small"));
    assert_int_equal(fit.n, VANTA_FIT_PARTS_MAX);
    vanta_fit_judge(&fit, catalog, &(struct vanta_machine){.ram_usable = 100 * MB});
    assert_false(fit.fits);
    assert_true(strlen(fit.advice) < sizeof fit.advice);
}

static void an_api_takes_nothing(void **state)
{
    struct vanta_entry api = {.id = (char *)"tts-1", .type = VANTA_TYPE_TTS,
                              .size_bytes = -1};
    struct vanta_fit fit = {.n = 0};

    (void)state;
    vanta_fit_add(&fit, &api, NULL);
    assert_int_equal(fit.n, 0);
}

/* --- a registry --- */

static void of_a_registry_the_largest_of_each_type(void **state)
{
    struct vanta_machine machine = {.ram_usable = 64000 * MB};
    struct vanta_registry *registry;
    struct vanta_fit fit;

    (void)state;
    write_text("llm/a.gguf", "a");
    write_text("llm/b.gguf", "b");
    write_text("whisper/w.bin", "w");
    write_models("{\"id\":\"a\",\"type\":\"llm\",\"path\":\"llm/a.gguf\","
                 "\"size_bytes\":1000000},"
                 "{\"id\":\"b\",\"type\":\"llm\",\"path\":\"llm/b.gguf\","
                 "\"size_bytes\":900000000},"
                 "{\"id\":\"gone\",\"type\":\"llm\",\"path\":\"llm/gone.gguf\","
                 "\"size_bytes\":9000000000},"
                 "{\"id\":\"w\",\"type\":\"whisper\",\"path\":\"whisper/w.bin\","
                 "\"size_bytes\":2000000},"
                 "{\"id\":\"tts-1\",\"type\":\"tts\",\"path\":null,\"format\":\"api\"}");
    registry = load();
    vanta_fit_registry(root, registry, catalog, &machine, &fit);
    assert_int_equal(fit.n, 2);
    assert_string_equal(fit.parts[0].id, "w");
    assert_string_equal(fit.parts[1].id, "b");
    assert_true(fit.parts[1].bytes == 1050 * MB + VANTA_FIT_PROCESS_BYTES);
    assert_true(fit.fits);
    vanta_registry_free(registry);
    write_models("");
    registry = load();
    vanta_fit_registry(root, registry, catalog, &machine, &fit);
    assert_int_equal(fit.n, 0);
    assert_true(fit.fits);
    vanta_registry_free(registry);
}

#define FIT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIT(what_was_measured_of_these_bytes_counts),
        FIT(what_nobody_knows_is_estimated),
        FIT(the_system_keeps_its_share),
        FIT(the_bound_is_exact),
        FIT(a_smaller_model_is_named),
        FIT(nothing_is_small_enough),
        FIT(more_than_there_is_room_for),
        FIT(an_api_takes_nothing),
        FIT(of_a_registry_the_largest_of_each_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
