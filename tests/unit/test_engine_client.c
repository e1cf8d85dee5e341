/* The client against a helper that dies, hangs, floods or eats memory at each stage. */
#include "cmocka_all.h"

#include <signal.h>
#include <stdlib.h>

#include "engine_fixture.h"

static const struct vanta_complete hello = {.form = VANTA_PROMPT_PLAIN, .text = "hello"};

/* --- the start --- */

static void a_program_that_is_not_there(void **state)
{
    struct vanta_engine_options o = {.program = "/nowhere/vanta-engine"};

    (void)state;
    open_fails(&o, VANTA_ERR_TOOL, "No such file");
}

static void a_file_that_is_no_program(void **state)
{
    struct vanta_engine_options o = {0};
    const char *path = scratch_text("text", "not a program\n");

    (void)state;
    o.program = path;
    open_fails(&o, VANTA_ERR_TOOL, "Permission denied");
    assert_int_equal(chmod(path, 0755), 0);
    open_fails(&o, VANTA_ERR_TOOL, "Exec format error");
}

static void options_without_sense(void **state)
{
    static const char *const relative[] = {"a.wav"};
    struct vanta_engine_options o = {.program = FAKE_ENGINE, .kind = VANTA_ENGINE_LLM};

    (void)state;
    open_fails(&o, VANTA_ERR_USAGE, "no sense");
    o.model = "relative.gguf";
    open_fails(&o, VANTA_ERR_USAGE, "no sense");
    o.model = "/m.gguf";
    o.threads = -1;
    open_fails(&o, VANTA_ERR_USAGE, "no sense");
    o.threads = 0;
    o.readable = relative;
    o.n_readable = 1;
    open_fails(&o, VANTA_ERR_USAGE, "no sense");
    o.n_readable = 0;
    o.model = "/not-\xff-utf8.gguf";
    open_fails(&o, VANTA_ERR_USAGE, "UTF-8");
}

static void a_death_before_the_hello(void **state)
{
    static const struct {
        const char *name, *words;
        enum vanta_status status;
    } deaths[] = {
        {"fake-abort", "SIGABRT", VANTA_ERR_TOOL},
        {"fake-crash", "SIGSEGV", VANTA_ERR_TOOL},
        {"fake-illegal", "does not have (SIGILL)", VANTA_ERR_TOOL},
        {"fake-kill", "want of memory", VANTA_ERR_NO_MEMORY},
        {"fake-exit", "exit code 7", VANTA_ERR_TOOL},
        {"fake-close", "closed its channel", VANTA_ERR_TOOL},
        {"fake-half", "ended while starting", VANTA_ERR_TOOL},
        {"fake-garbage", "protocol", VANTA_ERR_TOOL},
        {"fake-version", "99 is not from 1 to 1", VANTA_ERR_TOOL},
        {"fake-nameless", "/build: is missing", VANTA_ERR_TOOL},
    };
    struct vanta_engine_options o = {0};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof deaths / sizeof deaths[0]; i++) {
        o.program = fake_named(deaths[i].name);
        open_fails(&o, deaths[i].status, deaths[i].words);
    }
}

static void a_hang_before_the_hello(void **state)
{
    struct vanta_engine_options o = {.program = fake_named("fake-hang"),
                                     .silence_ms = 300};
    int64_t start = vanta_clock_ms();

    (void)state;
    open_fails(&o, VANTA_ERR_BUSY, "said nothing");
    assert_true(vanta_clock_ms() - start >= 300);
    assert_true(vanta_clock_ms() - start < 5000);
}

static void a_frame_that_drips_is_a_hang(void **state)
{
    struct vanta_engine_options o = {.program = fake_named("fake-drip"),
                                     .silence_ms = 400};

    (void)state;
    open_fails(&o, VANTA_ERR_BUSY, "said nothing");
}

static void a_cancel_before_the_hello(void **state)
{
    atomic_bool cancel = true;
    struct vanta_engine_options o = {.program = fake_named("fake-hang"),
                                     .cancel = &cancel};

    (void)state;
    open_fails(&o, VANTA_ERR_CANCELLED, "cancelled");
}

static void the_build_beside_it_has_to_be_its_own(void **state)
{
    const char *program = fake_named("engine");
    struct vanta_engine_options o = {.program = program};
    struct vanta_engine *engine = NULL;

    (void)state;
    scratch_text("engine.build", "another\n");
    open_fails(&o, VANTA_ERR_TOOL, "\"another\"");
    scratch_text("engine.build", "fake\n");
    assert_int_equal(vanta_engine_open(&engine, &o, NULL), VANTA_OK);
    assert_string_equal(vanta_engine_info(engine)->build, "fake");
    assert_string_equal(vanta_engine_info(engine)->sandbox, "none");
    assert_int_equal(vanta_engine_info(engine)->threads, 1);
    vanta_engine_close(engine);
}

static void it_gets_no_secret_and_no_descriptor(void **state)
{
    static const char *const expected[] = {"PATH", "GOMP_SPINCOUNT", "LANG", "TMPDIR"};
    struct vanta_engine *engine;
    json_t *devices = NULL, *names;
    int stray = open("/dev/null", O_RDONLY); /* not close-on-exec */
    size_t i, j;

    (void)state;
    setenv("OPENAI_API_KEY", "sk-secret", 1);
    setenv("HF_TOKEN", "hf-secret", 1);
    setenv("https_proxy", "http://user:password@proxy", 1);
    setenv("LD_LIBRARY_PATH", "/tmp", 1);
    setenv("GGML_BACKEND_PATH", "/tmp/evil.so", 1);
    setenv("LANG", "C.UTF-8", 1);
    setenv("TMPDIR", "/tmp", 1);
    unsetenv("LC_ALL");
    unsetenv("LC_CTYPE");
    engine = open_scripted(VANTA_ENGINE_NONE, "{'devices': [{'do': 'belongings'}]}");
    assert_int_equal(vanta_engine_devices(engine, &devices, NULL), VANTA_OK);
    names = json_object_get(devices, "backends");
    for (i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));

        for (j = 0; j < 4 && strcmp(name, expected[j]) != 0; j++)
            continue;
        if (j == 4)
            fail_msg("the helper got %s", name);
    }
    assert_int_equal(json_array_size(names), 4);
    json_decref(devices);
    vanta_engine_close(engine);
    close(stray);
}

/* --- the load --- */

static void a_death_while_loading_names_the_model_and_the_log(void **state)
{
    struct vanta_engine_options o = scripted(
        VANTA_ENGINE_LLM,
        "{'load': [{'log': 'tensor blk.3 has \\u001b[31mwrong shape\\n'}, "
        "{'do': 'abort'}]}");
    const char *message = open_fails(&o, VANTA_ERR_TOOL, "SIGABRT");

    (void)state;
    assert_non_null(strstr(message, "loading model.bin"));
    assert_non_null(strstr(message, "tensor blk.3 has ?[31mwrong shape"));
}

static void an_abort_for_want_of_memory(void **state)
{
    struct vanta_engine_options o =
        scripted(VANTA_ENGINE_LLM,
                 "{'load': [{'log': 'ggml: failed to allocate buffer of size 9\\n'}, "
                 "{'do': 'abort'}]}");

    (void)state;
    open_fails(&o, VANTA_ERR_NO_MEMORY, "ran out of memory while loading model.bin");
}

static void a_refusal_of_the_file(void **state)
{
    struct vanta_engine_options o = scripted(
        VANTA_ENGINE_LLM, "{'load': [{'send': {'id': 0, 'error': {'status': 'format', "
                          "'message': 'bad magic\\n', 'hint': 'fetch it again'}}}]}");
    struct vanta_engine *engine;
    struct vanta_error err = {0};

    (void)state;
    assert_int_equal(vanta_engine_open(&engine, &o, &err), VANTA_ERR_FORMAT);
    assert_string_equal(err.message, "bad magic?");
    assert_string_equal(err.hint, "fetch it again");
}

static void memory_beyond_the_limit(void **state)
{
    struct vanta_engine_options o =
        scripted(VANTA_ENGINE_LLM, "{'load': [{'do': 'eat'}]}");

    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    o.memory_limit_bytes = (uint64_t)300 << 20;
#else
    o.memory_limit_bytes = (uint64_t)64 << 20;
#endif
    open_fails(&o, VANTA_ERR_NO_MEMORY, "of memory besides the mapped weights");
}

static void the_peak_of_memory_is_seen(void **state)
{
    struct vanta_engine *engine = open_scripted(VANTA_ENGINE_LLM, "{}");

    (void)state;
    assert_true(vanta_engine_peak_bytes(engine) > 100000);
    vanta_engine_close(engine);
}

static void silence_after_progress_is_a_hang(void **state)
{
    struct vanta_engine_options o = scripted(
        VANTA_ENGINE_LLM, "{'load': [{'do': 'progress'}, {'do': 'hang'}]}");

    (void)state;
    o.silence_ms = 300;
    open_fails(&o, VANTA_ERR_BUSY, "it hangs");
}

static void a_flooded_log_is_kept_short(void **state)
{
    struct vanta_engine_options o = scripted(
        VANTA_ENGINE_LLM, "{'load': [{'log': '01234567890123456789012345678901234567\\n'"
                          ", 'times': 600000}, {'log': 'the last line'}, "
                          "{'do': 'exit'}]}");
    const char *message, *log = in_scratch("engine.log");

    (void)state;
    o.log = log;
    message = open_fails(&o, VANTA_ERR_TOOL, "the last line");
    assert_true(strlen(message) < VANTA_ERROR_MESSAGE_MAX);
    assert_true(vanta_file_size(log) > 1000000);
    assert_true(vanta_file_size(log) < 17 * 1024 * 1024);
}

static void a_log_that_cannot_be_written(void **state)
{
    struct vanta_engine_options o = scripted(VANTA_ENGINE_LLM, "{}");

    (void)state;
    o.log = in_scratch("no/such/folder/log");
    open_fails(&o, VANTA_ERR_NOT_FOUND, "no/such/folder");
}

/* --- requests --- */

static void a_death_in_a_request_leaves_an_engine_to_close(void **state)
{
    struct vanta_engine *engine =
        open_scripted(VANTA_ENGINE_LLM, "{'complete': [{'do': 'crash'}]}");
    struct vanta_completion out;
    struct vanta_perplexity other;

    (void)state;
    check_fails(vanta_engine_complete(engine, &hello, &out, err), VANTA_ERR_TOOL,
                "SIGSEGV) while completing with model.bin");
    assert_null(out.text);
    check_fails(vanta_engine_perplexity(engine, "text", &other, err), VANTA_ERR_TOOL,
                "has ended");
    vanta_engine_close(engine);
}

static void a_kill_by_the_system(void **state)
{
    struct vanta_engine *engine =
        open_scripted(VANTA_ENGINE_LLM, "{'complete': [{'do': 'kill'}]}");
    struct vanta_completion out;

    (void)state;
    check_fails(vanta_engine_complete(engine, &hello, &out, err), VANTA_ERR_NO_MEMORY,
                "most likely by the system");
    vanta_engine_close(engine);
}

static void a_refused_request_can_be_followed_by_another(void **state)
{
    struct vanta_engine *engine = open_scripted(
        VANTA_ENGINE_LLM,
        "{'complete': [{'send': {'id': 0, 'error': {'status': 'limit', 'message': "
        "'the prompt has 9 tokens'}}}], 'speed': [{'ok': {'prompt_ms': 1, "
        "'generate_ms': 2.5}}]}");
    struct vanta_completion out;
    double prompt, generate;

    (void)state;
    check_fails(vanta_engine_complete(engine, &hello, &out, err), VANTA_ERR_LIMIT,
                "9 tokens");
    assert_int_equal(vanta_engine_speed(engine, 1, 1, &prompt, &generate, NULL),
                     VANTA_OK);
    assert_true(prompt == 1 && generate == 2.5);
    vanta_engine_close(engine);
}

static void an_error_that_ends_it(void **state)
{
    struct vanta_engine *engine = open_scripted(
        VANTA_ENGINE_LLM, "{'complete': [{'send': {'id': 0, 'error': {'status': "
                          "'no-memory', 'message': 'no room'}}}]}");
    struct vanta_completion out;

    (void)state;
    check_fails(vanta_engine_complete(engine, &hello, &out, err), VANTA_ERR_NO_MEMORY,
                "no room");
    check_fails(vanta_engine_complete(engine, &hello, &out, err), VANTA_ERR_TOOL,
                "has ended");
    vanta_engine_close(engine);
}

static void a_text_of_any_bytes_can_be_asked(void **state)
{
    struct vanta_engine *engine = open_scripted(
        VANTA_ENGINE_LLM,
        "{'tokenize': [{'ok': {'tokens': 2}, 'hex': '0100000002000000'}]}");
    int32_t *ids;
    size_t n;

    (void)state;
    assert_int_equal(vanta_engine_tokenize(engine, "a\xff\x01\xe2\x82z\xc3", &ids, &n,
                                           NULL),
                     VANTA_OK);
    assert_int_equal(n, 2);
    assert_int_equal(ids[0], 1);
    assert_int_equal(ids[1], 2);
    free(ids);
    vanta_engine_close(engine);
}

static void a_request_larger_than_a_message(void **state)
{
    struct vanta_engine *engine = open_scripted(VANTA_ENGINE_LLM, "{}");
    char *text = malloc(9 << 20);
    int32_t *ids;
    size_t n;

    (void)state;
    memset(text, 'x', (9 << 20) - 1);
    text[(9 << 20) - 1] = '\0';
    check_fails(vanta_engine_tokenize(engine, text, &ids, &n, err), VANTA_ERR_LIMIT,
                "larger than");
    /* It was not begun: the engine goes on. */
    check_fails(vanta_engine_tokenize(engine, "x", &ids, &n, err), VANTA_ERR_UNSUPPORTED,
                "not in the script");
    free(text);
    vanta_engine_close(engine);
}

/* --- cancelling --- */

static bool refuse(void *arg, const struct vanta_engine_event *event)
{
    (void)arg;
    (void)event;
    return false;
}

static void a_cancel_that_is_heard_leaves_the_engine_in_use(void **state)
{
    struct vanta_engine_options o = scripted(
        VANTA_ENGINE_LLM,
        "{'complete': [{'do': 'progress'}, {'do': 'wait-for-cancel'}], 'speed': "
        "[{'ok': {'prompt_ms': 1, 'generate_ms': 2}}]}");
    struct vanta_engine *engine;
    struct vanta_completion out;
    double a, b;

    (void)state;
    o.listener = refuse;
    assert_int_equal(vanta_engine_open(&engine, &o, NULL), VANTA_OK);
    check_fails(vanta_engine_complete(engine, &hello, &out, err), VANTA_ERR_CANCELLED,
                "stopped");
    assert_int_equal(vanta_engine_speed(engine, 1, 1, &a, &b, NULL), VANTA_OK);
    vanta_engine_close(engine);
}

static void a_cancel_that_is_not_heard_ends_it_after_the_grace(void **state)
{
    static const char *const scripts[] = {
        "{'complete': [{'do': 'progress'}, {'do': 'hang'}]}",
        "{'complete': [{'do': 'flood-progress'}]}",
    };
    struct vanta_completion out;
    struct vanta_engine *engine;
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        struct vanta_engine_options o = scripted(VANTA_ENGINE_LLM, scripts[i]);
        int64_t start = vanta_clock_ms(), took;

        o.listener = refuse;
        assert_int_equal(vanta_engine_open(&engine, &o, NULL), VANTA_OK);
        check_fails(vanta_engine_complete(engine, &hello, &out, err),
                    VANTA_ERR_CANCELLED, "cancelled");
        took = vanta_clock_ms() - start;
        assert_true(took >= 1900 && took < 10000);
        check_fails(vanta_engine_complete(engine, &hello, &out, err), VANTA_ERR_TOOL,
                    "has ended");
        vanta_engine_close(engine);
    }
}

static void an_answer_that_came_before_the_cancel_is_not_given(void **state)
{
    struct vanta_engine_options o = scripted(
        VANTA_ENGINE_LLM, "{'speed': [{'do': 'progress'}, {'ok': {'prompt_ms': 1, "
                          "'generate_ms': 2}}]}");
    struct vanta_engine *engine;
    double a, b;

    (void)state;
    o.listener = refuse;
    assert_int_equal(vanta_engine_open(&engine, &o, NULL), VANTA_OK);
    check_fails(vanta_engine_speed(engine, 1, 1, &a, &b, err), VANTA_ERR_CANCELLED,
                "cancelled");
    vanta_engine_close(engine);
}

/* --- the end --- */

static void a_helper_that_outlives_its_channel_is_ended(void **state)
{
    struct vanta_engine *engine =
        open_scripted(VANTA_ENGINE_LLM, "{'complete': [{'do': 'close'}]}");
    struct vanta_completion out;

    (void)state;
    check_fails(vanta_engine_complete(engine, &hello, &out, err), VANTA_ERR_TOOL,
                "closed its channel");
    vanta_engine_close(engine);
    vanta_engine_close(NULL);
}

static void no_engine_is_built(void **state)
{
    char program[4096];
    struct vanta_error err = {0};

    (void)state;
    /* This program's own folder has none, nor ../libexec. */
    assert_int_equal(vanta_engine_find(program, &err), VANTA_ERR_TOOL);
    assert_non_null(strstr(err.message, "not built"));
    assert_true(err.hint[0] != '\0');
    assert_string_equal(program, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(a_program_that_is_not_there),
        scratch_test(a_file_that_is_no_program),
        scratch_test(options_without_sense),
        scratch_test(a_death_before_the_hello),
        scratch_test(a_hang_before_the_hello),
        scratch_test(a_frame_that_drips_is_a_hang),
        scratch_test(a_cancel_before_the_hello),
        scratch_test(the_build_beside_it_has_to_be_its_own),
        scratch_test(it_gets_no_secret_and_no_descriptor),
        scratch_test(a_death_while_loading_names_the_model_and_the_log),
        scratch_test(an_abort_for_want_of_memory),
        scratch_test(a_refusal_of_the_file),
        scratch_test(memory_beyond_the_limit),
        scratch_test(the_peak_of_memory_is_seen),
        scratch_test(silence_after_progress_is_a_hang),
        scratch_test(a_flooded_log_is_kept_short),
        scratch_test(a_log_that_cannot_be_written),
        scratch_test(a_death_in_a_request_leaves_an_engine_to_close),
        scratch_test(a_kill_by_the_system),
        scratch_test(a_refused_request_can_be_followed_by_another),
        scratch_test(an_error_that_ends_it),
        scratch_test(a_text_of_any_bytes_can_be_asked),
        scratch_test(a_request_larger_than_a_message),
        scratch_test(a_cancel_that_is_heard_leaves_the_engine_in_use),
        scratch_test(a_cancel_that_is_not_heard_ends_it_after_the_grace),
        scratch_test(an_answer_that_came_before_the_cancel_is_not_given),
        scratch_test(a_helper_that_outlives_its_channel_is_ended),
        scratch_test(no_engine_is_built),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
