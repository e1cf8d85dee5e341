/* Benchmarks: medians of repeats, the figures kept, the comparison with the last time. */
#include "engine_models.h"

#include "models/bench.h"

static struct vanta_bench_options options;
static struct vanta_bench_result result;
static struct vanta_error error;

static enum vanta_status bench(const struct vanta_entry *entry, int repeats)
{
    enum vanta_status status;

    assert_non_null(entry);
    memset(&error, 0, sizeof error);
    options.test.root = root;
    options.test.catalog = catalog;
    options.repeats = repeats;
    status = vanta_bench_model(&options, entry, &result, &error);
    assert_int_equal(status, error.status);
    return status;
}

static int prepare(void **state)
{
    options = (struct vanta_bench_options){
        .test = {.engine = FAKE_ENGINE, .silence_ms = 20000}};
    return models_setup(state);
}

#define RUN(f) cmocka_unit_test_setup_teardown(f, prepare, models_teardown)

static const struct vanta_bench_figure *figure(const char *name)
{
    size_t i;

    for (i = 0; i < result.n; i++)
        if (strcmp(result.figures[i].name, name) == 0)
            return &result.figures[i];
    fail_msg("no figure %s", name);
    return NULL;
}

#define TOOK(prompt, generate)                                                           \
    "[{'ok': {'prompt_ms': " prompt ", 'generate_ms': " generate "}}]"
/* The first is the warm-up. */
#define RUNS                                                                             \
    "{" LOADED ", 'speed': [" TOOK("99999", "99999") "," TOOK("512", "64") ","           \
    TOOK("256", "128") "," TOOK("1024", "32") "," TOOK("512", "64") "]}"

static void the_median_without_the_warm_up(void **state)
{
    const struct vanta_bench_figure *f;

    (void)state;
    assert_int_equal(bench(make_scripted("llm", RUNS, ""), 3), VANTA_OK);
    assert_int_equal(result.repeats, 3);
    assert_string_equal(result.build, "fake");
    assert_string_equal(result.last_at, "");
    f = figure("prompt_tokens_per_s");
    assert_true(f->median == 1000 && f->least == 500 && f->most == 2000);
    assert_true(f->more_is_better && !f->has_last);
    f = figure("generate_tokens_per_s");
    assert_true(f->median == 2000 && f->least == 1000 && f->most == 4000);
    f = figure("load_ms");
    assert_true(f->median == 3.5 && f->least == 3.5 && f->most == 3.5);
    assert_false(f->more_is_better);
    assert_true(figure("memory_peak_bytes")->median > 100000);
    /* Of an even number the mean of the middle two. */
    assert_int_equal(bench(reload(), 4), VANTA_OK);
    assert_true(figure("prompt_tokens_per_s")->median == 1000);
    assert_int_equal(bench(reload(), 2), VANTA_OK);
    assert_true(figure("prompt_tokens_per_s")->median == 1500);
}

static void the_last_time_is_kept_and_compared(void **state)
{
    const json_t *kept;
    char *text, *at;

    (void)state;
    assert_int_equal(bench(make_scripted("llm", RUNS, ""), 3), VANTA_OK);
    assert_int_equal(result.record.status, VANTA_OK);
    kept = json_object_get(reload()->extra, "bench");
    assert_string_equal(json_string_value(json_object_get(kept, "engine_build")), "fake");
    assert_true(json_real_value(json_object_get(json_object_get(kept, "figures"),
                                                "prompt_tokens_per_s")) == 1000);
    assert_int_equal(bench(reload(), 1), VANTA_OK);
    assert_int_equal(strlen(result.last_at), 20);
    assert_true(result.same_machine);
    assert_true(figure("prompt_tokens_per_s")->has_last);
    assert_true(figure("prompt_tokens_per_s")->last == 1000);
    /* Of another engine, with a figure less. */
    text = read_text("registry/registry.json");
    at = strstr(strstr(text, "\"bench\""), "\"fake\"");
    assert_non_null(at);
    memcpy(at, "\"else\"", 6);
    at = strstr(strstr(text, "\"bench\""), "load_ms");
    assert_non_null(at);
    memcpy(at, "load_xx", 7);
    write_text("registry/registry.json", text);
    free(text);
    assert_int_equal(bench(reload(), 1), VANTA_OK);
    assert_false(result.same_machine);
    assert_false(figure("load_ms")->has_last);
    assert_true(figure("prompt_tokens_per_s")->has_last);
}

static void a_last_time_that_is_nonsense(void **state)
{
    const struct vanta_entry *entry = make_scripted("llm", RUNS, "");

    (void)state;
    json_object_set_new(entry->extra, "bench", json_array());
    assert_int_equal(bench(entry, 1), VANTA_OK);
    assert_string_equal(result.last_at, "");
    assert_false(result.same_machine || figure("load_ms")->has_last);
}

static void speech_and_sentences(void **state)
{
    (void)state;
    assert_int_equal(bench(make_scripted("whisper", LISTENER(HEARD(FIRST_CLIP, "en")), ""),
                           2),
                     VANTA_OK);
    assert_true(figure("real_time_factor")->median == 0.2);
    assert_false(figure("real_time_factor")->more_is_better);
    assert_int_equal(bench(make_scripted("embedding", FINDER(ROWS), ""), 2), VANTA_OK);
    assert_true(figure("sentences_per_s")->median == 128000);
    assert_true(figure("tokens_per_s")->median == 640000);
}

/* An engine whose clock does not move gives no infinite figure into the registry. */
static void no_time_at_all(void **state)
{
    (void)state;
    assert_int_equal(bench(make_scripted("llm", "{" LOADED ", 'speed': " TOOK("0", "0") "}",
                                         ""),
                           1),
                     VANTA_OK);
    assert_true(figure("prompt_tokens_per_s")->median == 0);
    assert_non_null(reload());
}

static void what_cannot_be_measured(void **state)
{
    const struct vanta_entry *entry = make_scripted("llm", RUNS, "");

    (void)state;
    assert_int_equal(bench(entry, 0), VANTA_ERR_USAGE);
    assert_int_equal(bench(entry, 101), VANTA_ERR_USAGE);
    write_text("llm/x/x.gguf", "{}");
    assert_int_equal(bench(entry, 1), VANTA_ERR_CHECK);
    assert_non_null(strstr(error.message, "x is corrupt"));
    assert_int_equal(unlink(in_root("llm/x/x.gguf")), 0);
    assert_int_equal(bench(entry, 1), VANTA_ERR_NOT_FOUND);
    assert_non_null(strstr(error.message, "x is missing"));
    write_models("{\"id\":\"x\",\"type\":\"tts\",\"format\":\"api\",\"path\":null,"
                 "\"parameters\":{\"provider\":\"openai\"}}");
    assert_int_equal(bench(reload(), 1), VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "paid for"));
    vanta_catalog_free(catalog);
    catalog = NULL;
    write_text("tts/x.pth", "w");
    write_models("{\"id\":\"x\",\"type\":\"tts\",\"path\":\"tts/x.pth\"}");
    assert_int_equal(bench(reload(), 1), VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "no engine"));
}

static void a_helper_that_fails_or_is_not_there(void **state)
{
    const struct vanta_entry *entry = make_scripted(
        "llm", "{" LOADED ", 'speed': [" TOOK("1", "1") ", [{'do': 'crash'}]]}", "");

    (void)state;
    assert_int_equal(bench(entry, 2), VANTA_ERR_TOOL);
    assert_non_null(strstr(error.message, "SIGSEGV"));
    assert_null(json_object_get(reload()->extra, "bench"));
    options.test.engine = NULL;
    assert_int_equal(bench(reload(), 1), VANTA_ERR_TOOL);
    assert_true(error.hint[0]);
}

static void figures_that_cannot_be_kept_are_given(void **state)
{
    const struct vanta_entry *entry = make_scripted("llm", RUNS, "");

    (void)state;
    assert_int_equal(vanta_remove_tree(in_root("registry"), NULL), VANTA_OK);
    write_text("registry", "in its place");
    assert_int_equal(bench(entry, 1), VANTA_OK);
    assert_int_not_equal(result.record.status, VANTA_OK);
    assert_true(figure("prompt_tokens_per_s")->median == 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(the_median_without_the_warm_up),
        RUN(the_last_time_is_kept_and_compared),
        RUN(a_last_time_that_is_nonsense),
        RUN(speech_and_sentences),
        RUN(no_time_at_all),
        RUN(what_cannot_be_measured),
        RUN(a_helper_that_fails_or_is_not_there),
        RUN(figures_that_cannot_be_kept_are_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
