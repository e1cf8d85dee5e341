/* The test of a model, with a helper that answers rightly, wrongly or not at all. */
#include "base/file.h"
#include "engine_models.h"

#include "base/clock.h"
#include "models/recipe.h"

static struct vanta_test_options options;
static struct vanta_test_result result;
static struct vanta_error error;

static enum vanta_status test_entry(const struct vanta_entry *entry)
{
    enum vanta_status status;

    assert_non_null(entry);
    vanta_test_result_free(&result);
    memset(&error, 0, sizeof error);
    options.root = root;
    options.catalog = catalog;
    status = vanta_test_model(&options, entry, &result, &error);
    assert_int_equal(status, error.status);
    assert_int_equal(result.passed, status == VANTA_OK);
    return status;
}

static int prepare(void **state)
{
    options = (struct vanta_test_options){.engine = FAKE_ENGINE, .silence_ms = 20000};
    return models_setup(state);
}

static int clean(void **state)
{
    vanta_test_result_free(&result);
    return models_teardown(state);
}

#define RUN(f) cmocka_unit_test_setup_teardown(f, prepare, clean)

static size_t receipts(void)
{
    return json_array_size(json_object_get(reload()->extra, "tests"));
}

static const json_t *last_receipt(void)
{
    const json_t *tests = json_object_get(reload()->extra, "tests");

    return json_array_get(tests, json_array_size(tests) - 1);
}

/* true, false, or null for a warning; absent: fails. */
static const json_t *check_named(const char *name)
{
    size_t i;

    for (i = 0; i < json_array_size(result.checks); i++) {
        const json_t *check = json_array_get(result.checks, i);

        if (strcmp(json_string_value(json_object_get(check, "check")), name) == 0)
            return json_object_get(check, "passed");
    }
    fail_msg("no check %s", name);
    return NULL;
}

static double figure(const char *name)
{
    const json_t *value = json_object_get(result.figures, name);

    if (!json_is_number(value))
        fail_msg("no figure %s", name);
    return json_number_value(value);
}

/* A model of type with this script and recipe fails, with words in the message, and the
 * receipt says so. */
static void fails(const char *type, const char *script, const char *recipe,
                  const char *words)
{
    const struct vanta_entry *entry = make_scripted(type, script, recipe);
    size_t before = receipts();

    entry = reload();
    if (test_entry(entry) != VANTA_ERR_CHECK)
        fail_msg("%s: %s", words, error.message);
    if (!strstr(error.message, words) || !strstr(result.message, words))
        fail_msg("\"%s\" is not in \"%s\"", words, error.message);
    assert_true(result.ran);
    assert_int_equal(receipts(), before + 1);
    assert_true(json_is_false(json_object_get(last_receipt(), "passed")));
}

static void passes(const char *type, const char *script, const char *recipe)
{
    if (test_entry(make_scripted(type, script, recipe)) != VANTA_OK)
        fail_msg("%s", error.message);
    assert_true(result.ran);
    assert_string_equal(result.message, "");
    assert_int_equal(result.record.status, VANTA_OK);
    assert_true(json_is_true(json_object_get(last_receipt(), "passed")));
}

/* It could not be run: status, words, and no receipt. */
static void cannot(const struct vanta_entry *entry, enum vanta_status status,
                   const char *words)
{
    if (test_entry(entry) != status || !strstr(error.message, words))
        fail_msg("%s, not %s \"%s\": %s", vanta_status_name(error.status),
                 vanta_status_name(status), words, error.message);
    assert_false(result.ran);
    if (reload())
        assert_int_equal(receipts(), 0);
}

/* --- language models --- */

#define CHAT "{'kind': 'questions', 'prompt': 'chat-template', 'perplexity_max': 30}"

static void a_writer_that_knows(void **state)
{
    (void)state;
    passes("llm", WRITER(RIGHT, "12.5"), CHAT);
    assert_true(figure("questions") == 5 && figure("answered_right") == 5);
    assert_true(figure("perplexity") == 12.5);
    assert_true(figure("prompt_tokens_per_s") == 1280);
    assert_true(figure("generate_tokens_per_s") == 120);
    assert_true(figure("first_token_ms") == 2.5);
    assert_true(figure("memory_peak_bytes") > 100000);
    assert_true(figure("seconds") > 0);
    assert_non_null(strstr(result.summary, "5 of 5 answers, 120.0 tokens/s"));
}

static void the_receipt_says_what_ran_where(void **state)
{
    struct vanta_machine machine;
    const json_t *r, *m;
    char digest[VANTA_SHA256_HEX];

    (void)state;
    vanta_machine_read(&machine);
    passes("llm", WRITER(RIGHT, "12.5"), CHAT);
    snprintf(digest, sizeof digest, "%s", reload()->hash);
    r = last_receipt();
    assert_int_equal(strlen(json_string_value(json_object_get(r, "at"))), 20);
    assert_string_equal(json_string_value(json_object_get(r, "digest")), digest);
    m = json_object_get(r, "machine");
    assert_string_equal(json_string_value(json_object_get(r, "engine_build")), "fake");
    assert_int_equal(json_integer_value(json_object_get(r, "recipe_version")),
                     VANTA_RECIPE_VERSION);
    assert_string_equal(json_string_value(json_object_get(m, "os")), machine.os);
    assert_string_equal(json_string_value(json_object_get(m, "arch")), machine.arch);
    assert_string_equal(json_string_value(json_object_get(m, "cpu")), machine.cpu);
    assert_true(json_real_value(json_object_get(json_object_get(r, "figures"),
                                                "weights_bytes")) == 1000);
    assert_non_null(vanta_test_receipt(reload(), "fake"));
    assert_null(vanta_test_receipt(reload(), "other"));
}

static void a_writer_that_is_wrong(void **state)
{
    (void)state;
    fails("llm", WRITER("It is London, 75, parish.", "12.5"), CHAT,
          "0 of 5 answers are as expected: to \"What is the capital");
    fails("llm", WRITER(RIGHT, "31"), CHAT, "perplexity of a plain text is 31.00, more");
    fails("llm", WRITER(" \\n ", "12"), CHAT, "an answer was empty");
    fails("llm",
          "{" LOADED "," COMPLETION(RIGHT, "true") "," PERPLEXITY("9", "false") "," SPEED
          "}",
          CHAT, "not finite numbers");
    fails("llm",
          "{" LOADED "," COMPLETION(RIGHT, "false") "," PERPLEXITY("9", "true") "," SPEED
          "}",
          CHAT, "not a finite number");
}

/* A model of the user's has nobody's bounds: it must load, run and be sane. */
static void without_a_recipe_figures_only_warn(void **state)
{
    (void)state;
    passes("llm", WRITER("no idea", "12.5"), "");
    assert_true(json_is_null(check_named("answers")));
    assert_true(json_is_null(check_named("perplexity")));
    fails("llm", WRITER("", "12.5"), "", "an answer was empty");
    passes("llm", WRITER(RIGHT, "1000000"), "{'kind': 'questions'}");
    assert_true(json_is_null(check_named("perplexity")));
}

static void an_answer_may_not_command_the_terminal(void **state)
{
    size_t i;

    (void)state;
    fails("llm", WRITER("\\u001b[31mred\\u009b", "1"), CHAT, "?[31mred?");
    for (i = 0; result.message[i]; i++)
        assert_true((unsigned char)result.message[i] >= ' ');
}

/* --- speech to text --- */

#define HEAR "{'kind': 'transcribe', 'word_error_rate_max': 0.08}"

static void a_listener_that_hears(void **state)
{
    (void)state;
    passes("whisper", LISTENER(HEARD(FIRST_CLIP, "en")), HEAR);
    assert_true(figure("word_error_rate") == 0);
    assert_true(figure("real_time_factor") > 0.19 && figure("real_time_factor") < 0.21);
    assert_true(figure("audio_s") == 16);
    assert_non_null(strstr(result.summary, "word error rate 0.000"));
}

static void a_listener_that_mishears(void **state)
{
    (void)state;
    fails("whisper", LISTENER(HEARD(" Pleased to meet you under the old oak tree.", "en")),
          HEAR, "more than 0.080: \"Please set a timer");
    fails("whisper", LISTENER("[" HEARD_END("en") "]"), HEAR, "heard as silence");
    fails("whisper", LISTENER(HEARD(FIRST_CLIP, "cy")), HEAR,
          "1 of 4 English recordings were taken for another language (cy)");
    /* Nobody's bound: told, not judged. */
    passes("whisper", LISTENER(HEARD(" Something else.", "en")), "{'kind': 'transcribe'}");
    assert_true(json_is_null(check_named("word error rate")));
    assert_true(figure("word_error_rate") > 0.1);
}

/* --- sentence encoders --- */

#define EMBED(vector)                                                                    \
    "{'kind': 'embed', 'dimensions': 2, 'cosine_min': 0.999, 'references': [{'text': 'a'," \
    "'vector': " vector "}]}"

static void a_finder_that_finds(void **state)
{
    (void)state;
    passes("embedding", FINDER(ROWS), EMBED("[1, 0]"));
    assert_true(figure("cosine_min") > 0.9999);
    assert_true(figure("dimensions") == 2);
    assert_true(figure("sentences_per_s") == 64000);
    passes("embedding", FINDER(ROWS), EMBED("'ADwAAA=='"));
    passes("embedding", FINDER(ROWS), "");
}

static void a_finder_that_does_not(void **state)
{
    (void)state;
    fails("embedding", FINDER(ROWS), EMBED("[0.8, 0.6]"),
          "cosine to a reference vector is 0.80000, less than 0.9990");
    fails("embedding", FINDER(ROWS), EMBED("[1, 0, 0]"), "is -1.00000");
    fails("embedding", FINDER("[[1, 0], [0, 1], [0.8, 0.6]]"), EMBED("[1, 0]"),
          "0 of 4 sentences are as expected");
    fails("embedding", FINDER("[[1,0,0],[0.8,0.6,0],[0,1,0]]"),
          "{'kind': 'embed', 'dimensions': 2}", "3 dimensions; the recipe says 2");
}

/* --- a helper that fails over the model --- */

static void a_death_is_a_failed_test(void **state)
{
    (void)state;
    fails("llm", "{'load': [{'log': 'bad tensor\\n'}, {'do': 'abort'}]}", CHAT, "SIGABRT");
    assert_non_null(strstr(result.message, "bad tensor"));
    assert_string_equal(json_string_value(json_object_get(last_receipt(), "engine_build")),
                        "fake");
    fails("llm", "{" LOADED ", 'complete': [{'do': 'crash'}]}", CHAT, "SIGSEGV");
    fails("whisper", "{" LOADED ", 'transcribe': [{'do': 'exit'}]}", HEAR, "exit code 7");
    fails("embedding", "{" LOADED ", 'embed': [{'ok': {'n': 'many'}}]}", EMBED("[1, 0]"),
          "/n");
}

static void a_hang_is_a_failed_test(void **state)
{
    int64_t start = vanta_clock_ms();

    (void)state;
    options.silence_ms = 300;
    fails("llm", "{'load': [{'do': 'hang'}]}", CHAT, "it hangs");
    fails("llm", "{" LOADED ", 'complete': [{'do': 'hang'}]}", CHAT, "it hangs");
    assert_true(vanta_clock_ms() - start < 10000);
}

static void a_file_that_the_engine_refuses_is_a_failed_test(void **state)
{
    (void)state;
    fails("llm",
          "{'load': [{'send': {'id': 0, 'error': {'status': 'format', 'message': 'bad "
          "magic', 'hint': 'fetch it anew'}}}]}",
          CHAT, "bad magic");
    assert_string_equal(error.hint, "fetch it anew");
    fails("llm",
          "{" LOADED ", 'complete': [{'send': {'id': 0, 'error': {'status': "
          "'unsupported', 'message': 'no such template'}}}]}",
          CHAT, "no such template");
}

/* --- what says nothing of the model --- */

static void too_little_memory_is_the_machine(void **state)
{
    (void)state;
    cannot(make_scripted("llm",
                         "{'load': [{'send': {'id': 0, 'error': {'status': 'no-memory', "
                         "'message': 'it takes 9 GB'}}}]}",
                         CHAT),
           VANTA_ERR_NO_MEMORY, "9 GB");
}

static void a_helper_that_does_not_start(void **state)
{
    const struct vanta_entry *entry = make_scripted("llm", WRITER(RIGHT, "9"), CHAT);

    (void)state;
    options.engine = fake_as("fake-exit");
    cannot(entry, VANTA_ERR_TOOL, "exit code 7");
    options.engine = "/nowhere/vanta-engine";
    cannot(reload(), VANTA_ERR_TOOL, "No such file");
    options.silence_ms = 300;
    options.engine = fake_as("fake-hang");
    cannot(reload(), VANTA_ERR_BUSY, "said nothing");
}

static void no_engine(void **state)
{
    (void)state;
    options.engine = NULL; /* there is none beside this program */
    cannot(make_scripted("llm", WRITER(RIGHT, "9"), CHAT), VANTA_ERR_TOOL, "vanta-engine");
    assert_true(error.hint[0]);
    assert_int_equal(json_array_size(result.checks), 0);
}

static void a_cancelled_test_leaves_nothing(void **state)
{
    atomic_bool cancel = true;

    (void)state;
    options.cancel = &cancel;
    cannot(make_scripted("llm", WRITER(RIGHT, "9"), CHAT), VANTA_ERR_CANCELLED, "");
}

static void an_api_without_a_key(void **state)
{
    (void)state;
    write_models("{\"id\":\"x\",\"type\":\"tts\",\"format\":\"api\",\"path\":null,"
                 "\"parameters\":{\"provider\":\"openai\"}}");
    cannot(reload(), VANTA_ERR_AUTH, "OPENAI_API_KEY");
}

/* --- speech --- */

#define SPOKEN(cut)                                                                      \
    "{'ok': {'samples': 48000, 'sample_hz': 24000, 'sentences': 1, 'codes': 43, 'cut': " \
    cut ", 'unknown': 0, 'unknown_characters': '', 'first_audio_ms': 300, "               \
    "'engine_ms': 1000}}"
#define SPEAKER(cut)                                                                     \
    "{" LOADED ", 'speak': [{'audio': 24000, 'value': 9000},"                            \
    "{'audio': 24000, 'value': 9000}," SPOKEN(cut) "]}"
#define SPEAK "{'kind': 'speak', 'word_error_rate_max': 0.15}"

/* What the engine without a model says of the audio. */
static void audio_is(const char *seconds, const char *rms, const char *clipped,
                     const char *silence)
{
    char *text = vanta_strf("{'audio': [{'ok': {'format': 'WAV', 'sample_hz': 24000,"
                            "'channels': 1, 'seconds': %s, 'peak': 0.3, 'rms': %s,"
                            "'clipped': %s, 'silence_start_s': %s, 'silence_end_s': 0.2,"
                            "'truncated': false}}]}",
                            seconds, rms, clipped, silence);
    char *script = double_quoted(text);

    write_text("speech-engine.script", script);
    free(script);
    free(text);
}

static void use_speech_engine(void)
{
    static char engine[4096];

    snprintf(engine, sizeof engine, "%s", fake_as("speech-engine"));
    options.engine = engine;
}

static void speech_is_judged_by_length_loudness_clipping_and_silence(void **state)
{
    (void)state;
    use_speech_engine();
    audio_is("6.5", "0.1", "0", "0.3");
    passes("tts", SPEAKER("0"), SPEAK);
    assert_true(figure("real_time_factor") == 0.5);
    assert_true(figure("first_audio_ms") == 300);
    assert_true(figure("codes") == 43);
    assert_true(json_is_null(check_named("words"))); /* nobody to hear it */
    assert_true(json_is_true(check_named("ended")));
    assert_non_null(strstr(result.summary, "real-time factor 0.50"));
    fails("tts", SPEAKER("1"), SPEAK, "went on to the model's limit");
    audio_is("1.0", "0.1", "0", "0.3");
    fails("tts", SPEAKER("0"), SPEAK, "took 1.0 s, not 3 to 12 s");
    audio_is("20", "0.1", "0", "0.3");
    fails("tts", SPEAKER("0"), SPEAK, "took 20.0 s");
    audio_is("6.5", "0.001", "0", "0.3");
    fails("tts", SPEAKER("0"), SPEAK, "nearly silent");
    audio_is("6.5", "0.1", "0.2", "0.3");
    fails("tts", SPEAKER("0"), SPEAK, "clipped");
    audio_is("6.5", "0.1", "0", "4.8");
    fails("tts", SPEAKER("0"), SPEAK, "77 % of the audio are silence");
}

static void speech_that_cannot_be_made_leaves_no_file(void **state)
{
    (void)state;
    use_speech_engine();
    audio_is("6.5", "0.1", "0", "0.3");
    fails("tts", "{" LOADED ", 'speak': [{'audio': 10, 'value': 1}," SPOKEN("0") "]}",
          SPEAK, "other samples than those that were sent");
    assert_int_equal(vanta_dir_bytes(in_root("tts")),
                     vanta_file_size(in_root("tts/x/x.gguf")));
}

static void a_recipe_that_cannot_be_read(void **state)
{
    (void)state;
    /* A later catalog may have kinds that this program does not. */
    cannot(make_scripted("llm", WRITER(RIGHT, "9"), "{'kind': 'sing'}"), VANTA_ERR_FORMAT,
           "sing");
}

/* --- the files --- */

static void files_that_are_not_there_or_cut(void **state)
{
    const struct vanta_entry *entry = make_scripted("llm", WRITER(RIGHT, "9"), CHAT);

    (void)state;
    write_text("llm/x/x.gguf", "{}");
    cannot(entry, VANTA_ERR_CHECK, "has 2 bytes, not");
    assert_non_null(strstr(error.hint, "vanta setup --models x"));
    assert_int_equal(unlink(in_root("llm/x/x.gguf")), 0);
    cannot(reload(), VANTA_ERR_CHECK, "not there");
}

/* Verified, then changed without a change of its size: the states cannot see it. */
static void a_file_changed_after_it_was_verified(void **state)
{
    char *text;

    (void)state;
    passes("llm", WRITER(RIGHT, "9"), CHAT);
    text = read_text("llm/x/x.gguf");
    *strstr(text, "Paris") = 'p';
    write_text("llm/x/x.gguf", text);
    free(text);
    assert_int_equal(test_entry(reload()), VANTA_ERR_CHECK);
    assert_false(result.ran);
    assert_true(result.message[0]);
    assert_int_equal(receipts(), 1);
    assert_int_equal(vanta_entry_state(root, reload(), catalog, NULL), VANTA_STATE_CORRUPT);
    /* Put right again, it is tested again. */
    text = read_text("llm/x/x.gguf");
    *strstr(text, "paris") = 'P';
    write_text("llm/x/x.gguf", text);
    free(text);
    if (test_entry(reload()) != VANTA_OK)
        fail_msg("%s", error.message);
    assert_int_equal(receipts(), 2);
}

/* --- the registry --- */

static void only_the_newest_receipts_stay(void **state)
{
    const struct vanta_entry *entry;
    const json_t *tests;
    int i;

    (void)state;
    options.files_known = true;
    make_scripted("embedding", FINDER(ROWS), "");
    for (i = 0; i < VANTA_RECEIPTS_MAX + 3; i++) {
        entry = reload();
        options.threads = i + 1;
        assert_int_equal(test_entry(entry), VANTA_OK);
    }
    tests = json_object_get(reload()->extra, "tests");
    assert_int_equal(json_array_size(tests), VANTA_RECEIPTS_MAX);
}

static void receipts_that_are_no_array_begin_anew(void **state)
{
    char *text, *at, *more;
    size_t n;

    (void)state;
    make_scripted("embedding", FINDER(ROWS), "");
    text = read_text("registry/registry.json");
    at = strstr(text, "\"tests\": ");
    assert_non_null(at);
    n = (size_t)(at - text) + strlen("\"tests\": ");
    assert_memory_equal(text + n, "[]", 2);
    more = vanta_strf("%.*s7%s", (int)n, text, text + n + 2);
    write_text("registry/registry.json", more);
    free(more);
    free(text);
    if (test_entry(reload()) != VANTA_OK || result.record.status != VANTA_OK)
        fail_msg("%s %s", error.message, result.record.message);
    assert_int_equal(receipts(), 1);
}

static void a_registry_that_cannot_be_written(void **state)
{
    const struct vanta_entry *entry = make_scripted("embedding", FINDER(ROWS), "");

    (void)state;
    assert_int_equal(vanta_remove_tree(in_root("registry"), NULL), VANTA_OK);
    write_text("registry", "in its place");
    assert_int_equal(test_entry(entry), VANTA_OK);
    assert_false(result.ran);
    assert_int_not_equal(result.record.status, VANTA_OK);
    assert_true(result.record.message[0]);
}

static void a_model_removed_meanwhile(void **state)
{
    const struct vanta_entry *entry = make_scripted("embedding", FINDER(ROWS), "");

    (void)state;
    options.files_known = true;
    write_models("");
    assert_int_equal(test_entry(entry), VANTA_OK);
    assert_false(result.ran);
    assert_int_equal(result.record.status, VANTA_ERR_NOT_FOUND);
    assert_non_null(strstr(result.record.message, "removed meanwhile"));
}

/* --- talk --- */

static void note_phase(void *arg, const char *phase, double fraction)
{
    char *seen = arg;

    assert_true(fraction == -1 || (fraction >= 0 && fraction <= 1));
    if (!strstr(seen, phase)) {
        strcat(seen, phase);
        strcat(seen, ";");
    }
}

static void phases_are_told_in_order(void **state)
{
    char seen[512] = "";

    (void)state;
    options.progress = note_phase;
    options.arg = seen;
    passes("llm", WRITER(RIGHT, "9"), CHAT);
    assert_string_equal(
        seen, "checking the files;loading;asking;reading a text;taking the speed;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(a_writer_that_knows),
        RUN(the_receipt_says_what_ran_where),
        RUN(a_writer_that_is_wrong),
        RUN(without_a_recipe_figures_only_warn),
        RUN(an_answer_may_not_command_the_terminal),
        RUN(a_listener_that_hears),
        RUN(a_listener_that_mishears),
        RUN(a_finder_that_finds),
        RUN(a_finder_that_does_not),
        RUN(a_death_is_a_failed_test),
        RUN(a_hang_is_a_failed_test),
        RUN(a_file_that_the_engine_refuses_is_a_failed_test),
        RUN(too_little_memory_is_the_machine),
        RUN(a_helper_that_does_not_start),
        RUN(no_engine),
        RUN(a_cancelled_test_leaves_nothing),
        RUN(an_api_without_a_key),
        RUN(speech_is_judged_by_length_loudness_clipping_and_silence),
        RUN(speech_that_cannot_be_made_leaves_no_file),
        RUN(a_recipe_that_cannot_be_read),
        RUN(files_that_are_not_there_or_cut),
        RUN(a_file_changed_after_it_was_verified),
        RUN(only_the_newest_receipts_stay),
        RUN(receipts_that_are_no_array_begin_anew),
        RUN(a_registry_that_cannot_be_written),
        RUN(a_model_removed_meanwhile),
        RUN(phases_are_told_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
