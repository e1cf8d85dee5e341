#include "adopt_fixture.h"

#include "models/doctor.h"
#include "models/doctor_private.h"
#include "models/rebuild.h"

static struct vanta_doctor_report report;
static struct vanta_doctor_options options;

static int setup(void **state)
{
    options = (struct vanta_doctor_options){.root_why = "from the test", .offline = true};
    if (fixture_setup(state) != 0)
        return -1;
    options.root = root;
    options.catalog = catalog;
    unsetenv("OPENAI_API_KEY");
    unsetenv("OPENAI_API_KEY_FILE");
    unsetenv("OPENAI_BASE_URL");
    unsetenv("HF_TOKEN");
    unsetenv("HF_ENDPOINT");
    setenv("HOME", scratch, 1);
    setenv("PATH", scratch, 1); /* package clients take their time; doctor.bats has them */
    return vanta_dir_make(root, NULL) == VANTA_OK ? 0 : -1;
}

static int teardown(void **state)
{
    vanta_doctor_free(&report);
    return fixture_teardown(state);
}

#define doctor_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void run(void)
{
    vanta_doctor_free(&report);
    assert_int_equal(vanta_doctor_run(&options, &report, NULL), VANTA_OK);
}

/* The first check of a topic that has text in it or its remedy; NULL: none. */
static const struct vanta_check *find(const char *topic, const char *text)
{
    size_t i;

    for (i = 0; i < report.n; i++)
        if (strcmp(report.checks[i].topic, topic) == 0 &&
            (strstr(report.checks[i].text, text) ||
             (report.checks[i].remedy && strstr(report.checks[i].remedy, text))))
            return &report.checks[i];
    return NULL;
}

static void assert_says(const char *topic, enum vanta_check_level level, const char *text)
{
    const struct vanta_check *c = find(topic, text);

    if (!c)
        fail_msg("nothing of %s says %s", topic, text);
    if (c->level != level)
        fail_msg("%s is %s: %s", topic, vanta_check_level_name(c->level), c->text);
    /* What is off always says what to do. */
    assert_true(level == VANTA_CHECK_OK || (c->remedy && c->remedy[0]));
}

static void a_fresh_machine_fails_in_nothing(void **state)
{
    (void)state;
    run();
    assert_int_equal(report.failures, 0);
    assert_says("models folder", VANTA_CHECK_OK, "from the test");
    assert_says("registry", VANTA_CHECK_OK, "none yet");
    assert_says("disk", VANTA_CHECK_OK, "free");
    assert_says("system", VANTA_CHECK_OK, " on ");
    assert_says("model hub", VANTA_CHECK_OK, "not asked");
    assert_says("hub token", VANTA_CHECK_OK, "none");
    assert_says("key", VANTA_CHECK_WARN, "OPENAI_API_KEY is not set");
    assert_says("llm", VANTA_CHECK_WARN, "vanta setup llm");
    assert_int_equal(vanta_remove_tree(root, NULL), VANTA_OK);
    run();
    assert_says("models folder", VANTA_CHECK_OK, "setup creates it");
    assert_false(vanta_file_exists(root));
}

static void models_that_are_there_are_counted(void **state)
{
    struct vanta_rebuild_options rebuild = {.root = root, .catalog = catalog};
    struct vanta_rebuild_result result;

    (void)state;
    make_gguf("models/llm/a/a.gguf", "llama", "A", 32, 1);
    run();
    assert_says("registry", VANTA_CHECK_WARN, "llm/a is a model that no entry has");
    assert_says("registry", VANTA_CHECK_WARN, "vanta registry rebuild");
    assert_int_equal(vanta_registry_rebuild(&rebuild, &result, NULL), VANTA_OK);
    vanta_rebuild_free(&result);
    run();
    assert_null(find("registry", "no entry has"));
    assert_says("llm", VANTA_CHECK_OK, "is there");
    scratch_text("models/llm/a/a.gguf", "cut");
    run();
    assert_says("model", VANTA_CHECK_WARN, "a is corrupt");
    assert_says("llm", VANTA_CHECK_WARN, "no model");
}

static void a_damaged_registry_fails(void **state)
{
    (void)state;
    scratch_text("models/registry/registry.json", "{\"version\": 2");
    run();
    assert_int_equal(report.failures, 1);
    assert_says("registry", VANTA_CHECK_FAIL, "vanta registry rebuild");
}

static void an_old_registry_is_named(void **state)
{
    (void)state;
    scratch_text("models/registry/registry.json", "{\"models\": []}");
    run();
    assert_says("registry", VANTA_CHECK_WARN, "older form");
}

static void unusable_roots_fail(void **state)
{
    struct vanta_error why = {0};

    (void)state;
    scratch_text("file", "x");
    options.root = in_scratch("file");
    run();
    assert_says("models folder", VANTA_CHECK_FAIL, "is not a folder");
    options.root = NULL;
    vanta_fail(&why, VANTA_ERR_USAGE, "no models folder: HOME is not set");
    vanta_hint(&why, "Name it with --models-dir.");
    options.root_error = &why;
    run();
    assert_says("models folder", VANTA_CHECK_FAIL, "HOME is not set");
    if (geteuid() == 0)
        return; /* root may write everywhere; the rest is in doctor.bats */
    options.root = "/proc/nowhere";
    run();
    assert_says("models folder", VANTA_CHECK_FAIL, "cannot be created");
}

static void links_out_of_the_root_fail(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_scratch("elsewhere"), 0700), 0);
    assert_int_equal(symlink(in_scratch("elsewhere"), in_root("llm")), 0);
    assert_int_equal(symlink(in_scratch("nowhere"), in_root("tts")), 0);
    scratch_text("models/whisper", "a file");
    run();
    assert_says("models folder", VANTA_CHECK_FAIL, "leads out of");
    assert_says("models folder", VANTA_CHECK_FAIL, "is there and is not a folder");
    assert_true(report.failures >= 3);
}

static void leftovers_are_shown_with_their_size(void **state)
{
    char *data = calloc(1, 5000);

    (void)state;
    scratch_file("models/llm/.m.partial/fetch/x.part", data, 5000);
    scratch_file("models/registry/.registry.json.tmp-12-3", data, 100);
    scratch_file("models/llm/m/.m.gguf.tmp-1-0", data, 200);
    scratch_text("models/registry/registry.json.damaged-2026-01-01", "x");
    scratch_text("models/llm/m/.license/accepted.json", "x");
    scratch_text("models/llm/.m.lock", "1");
    free(data);
    run();
    assert_says("leftover", VANTA_CHECK_WARN, "5.00 kB of an unfinished download");
    assert_says("leftover", VANTA_CHECK_WARN, ".registry.json.tmp-12-3: 100 B");
    assert_says("leftover", VANTA_CHECK_WARN, ".m.gguf.tmp-1-0: 200 B");
    assert_says("leftover", VANTA_CHECK_WARN, "damaged-2026-01-01");
    assert_null(find("leftover", ".license"));
    assert_null(find("leftover", ".lock"));
}

static void secrets_are_never_told(void **state)
{
    size_t i;

    (void)state;
    setenv("OPENAI_API_KEY", "sk-secret", 1);
    setenv("HF_TOKEN", "hf_secret", 1);
    setenv("https_proxy", "http://user:p@ss@proxy.example:3128/", 1);
    run();
    unsetenv("https_proxy");
    assert_says("key", VANTA_CHECK_OK, "OPENAI_API_KEY is set");
    assert_says("hub token", VANTA_CHECK_OK, "HF_TOKEN");
    assert_says("proxy", VANTA_CHECK_OK, "https_proxy: proxy.example:3128");
    for (i = 0; i < report.n; i++) {
        assert_null(strstr(report.checks[i].text, "secret"));
        assert_null(strstr(report.checks[i].text, "p@ss"));
        assert_null(strstr(report.checks[i].text, "user"));
    }
}

static void the_key_and_where_it_goes_are_judged(void **state)
{
    const char *file = scratch_text("key", "sk-secret");

    (void)state;
    assert_int_equal(chmod(file, 0640), 0);
    unsetenv("OPENAI_API_KEY");
    setenv("OPENAI_API_KEY_FILE", file, 1);
    setenv("OPENAI_BASE_URL", "http://speech.example/v1", 1);
    run();
    assert_says("key", VANTA_CHECK_WARN, "others can read");
    assert_says("key", VANTA_CHECK_WARN, "chmod 600");
    assert_says("speech API", VANTA_CHECK_WARN, "https only");
    assert_int_equal(chmod(file, 0600), 0);
    setenv("OPENAI_BASE_URL", "https://speech.example/v1", 1);
    run();
    assert_says("key", VANTA_CHECK_OK, file);
    assert_says("speech API", VANTA_CHECK_OK, "https://speech.example ");
    assert_null(find("key", "secret"));
    unsetenv("OPENAI_BASE_URL");
    run();
    assert_null(find("speech API", ""));
    unsetenv("OPENAI_API_KEY_FILE");
}

static void proxies_are_shown_without_credentials(void **state)
{
    static const struct {
        const char *value, *shown;
    } cases[] = {
        {"http://h:1", "h:1"}, {"h:1", "h:1"}, {"http://u:p@h:1/x", "h:1"},
        {"u:p@h", "h"}, {"socks5://u:p@@h:1?q@z", "h:1"}, {"http://h\x1b:1", "h?:1"},
        {"http://[::1]:3128", "[::1]:3128"},
    };
    char out[300];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        doctor_proxy_shown(cases[i].value, out, sizeof out);
        assert_string_equal(out, cases[i].shown);
    }
}

static void without_a_catalog_the_rest_is_still_checked(void **state)
{
    struct vanta_error why = {0};

    (void)state;
    vanta_fail(&why, VANTA_ERR_FORMAT, "mine.json: /models: must be an array");
    options.catalog = NULL;
    options.catalog_error = &why;
    run();
    assert_says("catalog", VANTA_CHECK_FAIL, "must be an array");
    assert_says("disk", VANTA_CHECK_OK, "free");
    assert_int_equal(report.failures, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        doctor_test(a_fresh_machine_fails_in_nothing),
        doctor_test(models_that_are_there_are_counted),
        doctor_test(a_damaged_registry_fails),
        doctor_test(an_old_registry_is_named),
        doctor_test(unusable_roots_fail),
        doctor_test(links_out_of_the_root_fail),
        doctor_test(leftovers_are_shown_with_their_size),
        doctor_test(secrets_are_never_told),
        doctor_test(the_key_and_where_it_goes_are_judged),
        cmocka_unit_test(proxies_are_shown_without_credentials),
        doctor_test(without_a_catalog_the_rest_is_still_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
