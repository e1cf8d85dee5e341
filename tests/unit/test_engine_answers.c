/* The client against a helper that lies: in every member of every answer, in events, in
 * what it sends beside them. Each lie is VANTA_ERR_TOOL and ends the engine. */
#include "cmocka_all.h"

#include <jansson.h>
#include <stdlib.h>

#include "engine_fixture.h"
#include "engines/speak.h"

/* --- one of each request --- */

typedef enum vanta_status ask(struct vanta_engine *engine, struct vanta_error *err);

static enum vanta_status ask_complete(struct vanta_engine *engine,
                                      struct vanta_error *err)
{
    struct vanta_message message = {"user", "hello"};
    struct vanta_complete request = {.form = VANTA_PROMPT_CHAT_TEMPLATE,
                                     .messages = &message,
                                     .n_messages = 1};
    struct vanta_completion out;
    enum vanta_status status = vanta_engine_complete(engine, &request, &out, err);

    if (status == VANTA_OK) {
        assert_string_equal(out.text, "yes");
        assert_int_equal(out.prompt_tokens, 3);
        assert_int_equal(out.generated_tokens, 2);
        assert_true(out.prompt_ms == 1.5 && out.generate_ms == 2.5);
        assert_true(out.first_token_ms == 1.75 && out.ended && !out.context_full);
    } else {
        assert_null(out.text);
    }
    vanta_completion_free(&out);
    return status;
}

static enum vanta_status ask_perplexity(struct vanta_engine *engine,
                                        struct vanta_error *err)
{
    struct vanta_perplexity out;
    enum vanta_status status = vanta_engine_perplexity(engine, "text", &out, err);

    if (status == VANTA_OK)
        assert_true(out.perplexity == 12.5 && out.tokens == 9 && out.engine_ms == 3);
    return status;
}

static enum vanta_status ask_speed(struct vanta_engine *engine, struct vanta_error *err)
{
    double prompt, generate;
    enum vanta_status status = vanta_engine_speed(engine, 8, 4, &prompt, &generate, err);

    if (status == VANTA_OK)
        assert_true(prompt == 10 && generate == 20);
    return status;
}

static enum vanta_status ask_tokenize(struct vanta_engine *engine,
                                      struct vanta_error *err)
{
    int32_t *ids;
    size_t n;
    enum vanta_status status = vanta_engine_tokenize(engine, "text", &ids, &n, err);

    if (status == VANTA_OK) {
        assert_int_equal(n, 3);
        assert_int_equal(ids[2], 102);
    } else {
        assert_null(ids);
    }
    free(ids);
    return status;
}

static enum vanta_status ask_embed(struct vanta_engine *engine, struct vanta_error *err)
{
    static const char *const texts[] = {"a", "b"};
    struct vanta_embeddings out;
    enum vanta_status status = vanta_engine_embed(engine, texts, 2, &out, err);

    if (status == VANTA_OK) {
        assert_int_equal(out.n, 2);
        assert_int_equal(out.dimensions, 2);
        assert_int_equal(out.tokens, 6);
        assert_true(out.values[0] == 1 && out.values[3] == -1);
    } else {
        assert_null(out.values);
    }
    vanta_embeddings_free(&out);
    return status;
}

static enum vanta_status ask_transcribe(struct vanta_engine *engine,
                                        struct vanta_error *err)
{
    struct vanta_transcribe request = {.audio = "RIFF", .audio_bytes = 4};
    struct vanta_transcript out;
    enum vanta_status status = vanta_engine_transcribe(engine, &request, &out, err);

    if (status == VANTA_OK) {
        assert_string_equal(out.text, " One. Two.");
        assert_int_equal(out.n_segments, 2);
        assert_string_equal(out.segments[1].text, " Two.");
        assert_int_equal(out.segments[1].start_ms, 500);
        assert_string_equal(out.language, "en");
        assert_true(out.audio_s == 1.25 && !out.truncated);
    } else {
        assert_null(out.text);
        assert_null(out.segments);
    }
    vanta_transcript_free(&out);
    return status;
}

static enum vanta_status ask_audio(struct vanta_engine *engine, struct vanta_error *err)
{
    struct vanta_audio_report out;
    enum vanta_status status = vanta_engine_audio(engine, "/a.wav", &out, err);

    if (status == VANTA_OK) {
        assert_string_equal(out.format, "WAV");
        assert_int_equal(out.sample_hz, 44100);
        assert_int_equal(out.channels, 2);
        assert_true(out.seconds == 3 && out.peak == 0.5 && out.truncated);
    }
    return status;
}

static enum vanta_status ask_speak(struct vanta_engine *engine, struct vanta_error *err)
{
    struct vanta_speak request = {.text = "hello", .language = "en", .top_p = -1,
                                  .repetition_penalty = -1, .speed = -1};
    struct vanta_spoken out;
    enum vanta_status status = vanta_engine_speak(engine, &request, &out, err);

    if (status == VANTA_OK) {
        assert_int_equal(out.samples, 6);
        assert_int_equal(out.sentences, 2);
        assert_int_equal(out.codes, 9);
        assert_int_equal(out.cut, 1);
        assert_int_equal(out.unknown, 3);
        assert_string_equal(out.unknown_characters, "xy");
        assert_true(out.engine_ms == 40 && out.first_audio_ms == 20);
    }
    return status;
}

static enum vanta_status ask_voices(struct vanta_engine *engine, struct vanta_error *err)
{
    json_t *out = NULL;
    enum vanta_status status = vanta_engine_voices(engine, &out, err);

    assert_int_equal(out != NULL, status == VANTA_OK);
    json_decref(out);
    return status;
}

static enum vanta_status ask_clone(struct vanta_engine *engine, struct vanta_error *err)
{
    static const char *const paths[] = {"/a.wav"};
    struct vanta_voice out;
    double audio_s;
    enum vanta_status status = vanta_engine_clone(engine, paths, 1, &out, &audio_s, err);

    if (status == VANTA_OK) {
        assert_int_equal(out.rows, 1);
        assert_int_equal(out.columns, 2);
        assert_int_equal(out.speaker, 1);
        assert_true(out.values[0] == 1 && out.values[2] == -0.5f && audio_s == 6.5);
    } else {
        assert_null(out.values);
    }
    vanta_voice_free(&out);
    return status;
}

static enum vanta_status ask_devices(struct vanta_engine *engine, struct vanta_error *err)
{
    json_t *out = NULL;
    enum vanta_status status = vanta_engine_devices(engine, &out, err);

    assert_int_equal(out != NULL, status == VANTA_OK);
    json_decref(out);
    return status;
}

static enum vanta_status ask_nothing(struct vanta_engine *engine, struct vanta_error *err)
{
    (void)err;
    assert_int_equal(vanta_engine_info(engine)->parameters, 1000);
    assert_string_equal(vanta_engine_info(engine)->architecture, "qwen2");
    assert_true(vanta_engine_info(engine)->chat_template);
    return VANTA_OK;
}

#define SEGMENTS                                                                         \
    "{'send': {'id': 0, 'event': 'segment', 'start_ms': 0, 'end_ms': 500, 'text': "      \
    "' One.'}}, {'send': {'id': 0, 'event': 'segment', 'start_ms': 500, 'end_ms': "      \
    "1250, 'text': ' Two.'}}, "

static const struct {
    const char *request;
    ask *ask;
    const char *before; /* steps ahead of the answer */
    const char *ok, *hex;
} requests[] = {
    {"load", ask_nothing, "",
     "{'sandbox': 'seccomp', 'architecture': 'qwen2', 'description': 'x', 'devices': "
     "'CPU', 'parameters': 1000, 'weights_bytes': 1, 'kv_cache_bytes': 1, "
     "'compute_bytes': 1, 'context_tokens': 1, 'context_max': 1, 'dimensions': 1, "
     "'threads': 1, 'gpu_layers': 0, 'chat_template': true, 'multilingual': false, "
     "'load_ms': 1}",
     NULL},
    {"complete", ask_complete, "{'send': {'id': 0, 'event': 'text', 'text': 'yes'}}, ",
     "{'text': 'yes', 'prompt_tokens': 3, 'generated_tokens': 2, 'prompt_ms': 1.5, "
     "'generate_ms': 2.5, 'first_token_ms': 1.75, 'ended': true, 'context_full': false, "
     "'not_finite': false}",
     NULL},
    {"perplexity", ask_perplexity, "",
     "{'perplexity': 12.5, 'tokens': 9, 'engine_ms': 3, 'not_finite': false}", NULL},
    {"speed", ask_speed, "", "{'prompt_ms': 10, 'generate_ms': 20}", NULL},
    {"tokenize", ask_tokenize, "", "{'tokens': 3}", "65000000e803000066000000"},
    {"embed", ask_embed, "",
     "{'n': 2, 'dimensions': 2, 'tokens': 6, 'truncated': 0, "
     "'engine_ms': 1, 'normalized': true}",
     "0000803f0000000000000000000080bf"},
    {"transcribe", ask_transcribe, SEGMENTS,
     "{'language': 'en', 'language_probability': 0.5, 'audio_s': 1.25, 'decode_ms': 1, "
     "'engine_ms': 2, 'truncated': false}",
     NULL},
    {"audio", ask_audio, "",
     "{'format': 'WAV', 'sample_hz': 44100, 'channels': 2, 'seconds': 3, 'peak': 0.5, "
     "'rms': 0.25, 'clipped': 0, 'silence_start_s': 0, 'silence_end_s': 1, 'truncated': "
     "true}",
     NULL},
    {"speak", ask_speak, "{'audio': 4, 'value': 5}, {'audio': 2, 'value': 5}, ",
     "{'samples': 6, 'sample_hz': 24000, 'sentences': 2, 'codes': 9, 'cut': 1, "
     "'unknown': 3, 'unknown_characters': 'xy', 'engine_ms': 40, 'first_audio_ms': 20}",
     NULL},
    {"voices", ask_voices, "", "{'voices': ['Anna', 'Bea'], 'languages': ['en']}", NULL},
    {"clone", ask_clone, "",
     "{'latent_rows': 1, 'latent_columns': 2, 'speaker': 1, 'audio_s': 6.5}",
     "0000803f00000040000000bf"},
    {"devices", ask_devices, "",
     "{'backends': ['CPU'], 'devices': [{'name': 'CPU', 'description': 'x', 'type': "
     "'cpu', 'memory_bytes': 1, 'free_bytes': 1}], 'features': {'AVX': '1'}}",
     NULL},
};
#define N_REQUESTS (sizeof requests / sizeof requests[0])

static size_t request_named(const char *name)
{
    size_t i;

    for (i = 0; strcmp(requests[i].request, name) != 0; i++)
        assert_true(i + 1 < N_REQUESTS);
    return i;
}

/* Asks a helper whose steps for the request are these. */
static enum vanta_status ask_with(size_t i, const char *steps, struct vanta_error *err)
{
    char script[16384];
    struct vanta_engine_options o;
    struct vanta_engine *engine = NULL;
    enum vanta_status status;

    snprintf(script, sizeof script, "{'%s': [%s]}", requests[i].request, steps);
    o = scripted(VANTA_ENGINE_LLM, script);
    memset(err, 0, sizeof *err);
    status = vanta_engine_open(&engine, &o, err);
    if (status == VANTA_OK)
        status = requests[i].ask(engine, err);
    if (engine && status == VANTA_ERR_TOOL) {
        double a, b;

        /* It was ended. */
        assert_int_equal(vanta_engine_speed(engine, 1, 1, &a, &b, NULL), VANTA_ERR_TOOL);
    }
    vanta_engine_close(engine);
    return status;
}

static enum vanta_status ask_with_answer(size_t i, const char *ok, const char *hex,
                                         struct vanta_error *err)
{
    char steps[8192];

    snprintf(steps, sizeof steps, "%s{'ok': %s%s%s%s}", requests[i].before, ok,
             hex ? ", 'hex': '" : "", hex ? hex : "", hex ? "'" : "");
    return ask_with(i, steps, err);
}

static void is_a_lie(size_t i, const char *ok, const char *hex, const char *words)
{
    struct vanta_error err;
    enum vanta_status status = ask_with_answer(i, ok, hex, &err);

    if (status != VANTA_ERR_TOOL || !strstr(err.message, "broke its protocol") ||
        !strstr(err.message, words))
        fail_msg("%s: %s: status %s: %s", requests[i].request, ok,
                 vanta_status_name(status), err.message);
}

static void steps_are_a_lie(const char *request, const char *steps, const char *words)
{
    struct vanta_error err;
    enum vanta_status status = ask_with(request_named(request), steps, &err);

    if (status != VANTA_ERR_TOOL || !strstr(err.message, words))
        fail_msg("%s: %s: status %s: %s", request, steps, vanta_status_name(status),
                 err.message);
}

/* --- the tests --- */

static void what_is_true_is_taken(void **state)
{
    struct vanta_error err;
    size_t i;

    (void)state;
    for (i = 0; i < N_REQUESTS; i++)
        if (ask_with_answer(i, requests[i].ok, requests[i].hex, &err) != VANTA_OK)
            fail_msg("%s: %s", requests[i].request, err.message);
}

static void lie_in_member(size_t i, const json_t *ok, const char *key, json_t *value)
{
    json_t *changed = json_deep_copy(ok);
    char *text;

    json_object_set_new(changed, key, value);
    text = json_dumps(changed, JSON_COMPACT);
    is_a_lie(i, text, requests[i].hex, key);
    free(text);
    json_decref(changed);
}

/* Each member: of another type, below its range, beyond it. */
static void every_member_is_checked(void **state)
{
    const char *key;
    json_t *value;
    size_t i;

    (void)state;
    for (i = 0; i < N_REQUESTS; i++) {
        json_t *ok = json_loads(quoted(requests[i].ok), 0, NULL);

        assert_non_null(ok);
        json_object_foreach(ok, key, value) {
            lie_in_member(i, ok, key, json_null());
            if (!json_is_array(value))
                lie_in_member(i, ok, key, json_array());
            if (!json_is_string(value))
                lie_in_member(i, ok, key, json_string("x"));
            if (json_is_string(value))
                lie_in_member(i, ok, key, json_integer(1));
            if (json_is_number(value))
                lie_in_member(i, ok, key, json_integer(-1));
            if (json_is_integer(value))
                lie_in_member(i, ok, key, json_integer(INT64_MAX));
            if (json_is_real(value) && strcmp(key, "perplexity") != 0)
                lie_in_member(i, ok, key, json_real(1e300));
        }
        json_decref(ok);
    }
}

static void members_that_have_to_be_there(void **state)
{
    const char *key;
    json_t *value;
    size_t i;

    (void)state;
    for (i = 1; i < N_REQUESTS; i++) { /* a load's are what the kind of model has */
        json_t *ok = json_loads(quoted(requests[i].ok), 0, NULL);

        json_object_foreach(ok, key, value) {
            json_t *less = json_copy(ok);
            char *text;

            json_object_del(less, key);
            text = json_dumps(less, JSON_COMPACT);
            is_a_lie(i, text, requests[i].hex, key);
            free(text);
            json_decref(less);
        }
        json_decref(ok);
    }
}

static void names_that_are_too_long(void **state)
{
    char ok[2048];

    (void)state;
    snprintf(ok, sizeof ok, "{'sandbox': '%0300d'}", 0);
    is_a_lie(request_named("load"), ok, NULL, "at most 63");
    snprintf(ok, sizeof ok,
             "{'language': '%0300d', 'language_probability': 0.5, 'audio_s': 1, "
             "'decode_ms': 1, 'engine_ms': 2, 'truncated': false}",
             0);
    is_a_lie(request_named("transcribe"), ok, NULL, "at most 15");
}

static void devices_that_are_none(void **state)
{
    static const char *const lists[] = {
        "[7]", "[{}]", "[[]]",
        "[{'name': 1, 'description': 'x', 'type': 'cpu', 'memory_bytes': 1, "
        "'free_bytes': 1}]",
        "[{'name': 'x', 'description': 'x', 'type': 'cpu', 'memory_bytes': -1, "
        "'free_bytes': 1}]"};
    char ok[1024];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        snprintf(ok, sizeof ok, "{'backends': [], 'devices': %s, 'features': {}}",
                 lists[i]);
        is_a_lie(request_named("devices"), ok, NULL, "device");
    }
    is_a_lie(request_named("devices"),
             "{'backends': [1], 'devices': [], 'features': {}}", NULL, "backend");
}

static void sizes_of_vectors(void **state)
{
    size_t embed = request_named("embed"), tokenize = request_named("tokenize");

    (void)state;
    /* Two rows of two: less, more, none. */
    is_a_lie(embed, requests[embed].ok, "0000803f00000000", "in 8 bytes");
    is_a_lie(embed, requests[embed].ok,
             "0000803f0000000000000000000080bf0000803f0000000000000000000080bf",
             "in 32 bytes");
    is_a_lie(embed, requests[embed].ok, NULL, "in 0 bytes");
    is_a_lie(embed,
             "{'n': 2, 'dimensions': 16384, 'tokens': 6, 'truncated': 0, "
     "'engine_ms': 1, 'normalized': true}",
             requests[embed].hex, "in 16 bytes");
    is_a_lie(embed,
             "{'n': 3, 'dimensions': 2, 'tokens': 6, 'truncated': 0, "
     "'engine_ms': 1, 'normalized': true}",
             requests[embed].hex, "/n");
    is_a_lie(tokenize, "{'tokens': 2147483648}", requests[tokenize].hex, "in 12 bytes");
    is_a_lie(tokenize, "{'tokens': 2}", requests[tokenize].hex, "in 12 bytes");
    is_a_lie(tokenize, "{'tokens': 3}", NULL, "in 0 bytes");
}

#define X16 "xxxxxxxxxxxxxxxx"
#define SPOKEN(samples, hz, cut, unknown, characters)                                    \
    "{'samples': " samples ", 'sample_hz': " hz ", 'sentences': 2, 'codes': 9, 'cut': "  \
    cut ", 'unknown': " unknown ", 'unknown_characters': '" characters                   \
    "', 'engine_ms': 40, 'first_audio_ms': 20}"

static void samples_and_voices_of_other_sizes(void **state)
{
    size_t speak = request_named("speak"), voice = request_named("clone");
    char steps[2048];

    (void)state;
    is_a_lie(speak, SPOKEN("7", "24000", "1", "0", ""), NULL, "other samples");
    is_a_lie(speak, SPOKEN("6", "22050", "1", "0", ""), NULL, "other samples");
    is_a_lie(speak, SPOKEN("6", "24000", "3", "0", ""), NULL, "/cut");
    is_a_lie(speak, SPOKEN("6", "24000", "1", "-1", "x"), NULL, "/unknown");
    is_a_lie(speak, SPOKEN("6", "24000", "1", "1", ""), NULL, "unknown_characters");
    is_a_lie(speak, SPOKEN("6", "24000", "1", "0", "x"), NULL, "unknown_characters");
    is_a_lie(speak, SPOKEN("6", "24000", "1", "99", X16 X16 X16 X16), NULL,
             "unknown_characters");
    snprintf(steps, sizeof steps, "{'send': {'id': 0, 'event': 'audio', 'samples': 3}}, "
                                  "{'ok': %s}",
             requests[speak].ok);
    steps_are_a_lie("speak", steps, "samples");
    steps_are_a_lie("speak", "{'send': {'id': 0, 'event': 'audio'}}", "samples");
    steps_are_a_lie("speak", "{'send': {'id': 0, 'event': 'text', 'text': 'x'}}", "event");
    /* Audio is nothing that a completion has. */
    steps_are_a_lie("complete", "{'audio': 2, 'value': 5}", "");
    is_a_lie(voice, requests[voice].ok, "0000803f00000040", "another size");
    is_a_lie(voice, requests[voice].ok, NULL, "another size");
    is_a_lie(voice, "{'latent_rows': 0, 'latent_columns': 2, 'speaker': 3, 'audio_s': 1}",
             requests[voice].hex, "another size");
    is_a_lie(voice, requests[voice].ok, "0000803f0000c07f000000bf", "values that are none");
    is_a_lie(request_named("voices"), "{'voices': [1], 'languages': []}", NULL, "voices");
    is_a_lie(request_named("voices"), "{'voices': [], 'languages': ['a\\u001b']}", NULL,
             "languages");
}

static void what_to_speak_has_to_make_sense(void **state)
{
    static const struct vanta_speak wrong[] = {
        {.text = NULL, .language = "en"},
        {.text = "a", .language = NULL},
        {.text = "a", .language = "en", .temperature = 11},
        {.text = "a", .language = "en", .top_p = 2},
        {.text = "a", .language = "en", .top_p = 0, .repetition_penalty = -1, .speed = -1},
        {.text = "a", .language = "en", .top_p = -1, .repetition_penalty = 0.5},
        {.text = "a", .language = "en", .top_p = -1, .repetition_penalty = -1, .speed = 9},
        {.text = "a", .language = "en", .top_p = -1, .repetition_penalty = -1, .speed = -1,
         .made = (const float *)"abcd"}};
    struct vanta_engine *engine = open_scripted(VANTA_ENGINE_SPEECH, "{}");
    struct vanta_speak long_one = {.language = "en", .top_p = -1, .repetition_penalty = -1,
                                   .speed = -1};
    struct vanta_spoken out;
    char *text = calloc(1, VANTA_SPEAK_TEXT_MAX + 2);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        check_fails(vanta_engine_speak(engine, &wrong[i], &out, err), VANTA_ERR_USAGE,
                    "makes no sense");
    memset(text, 'a', VANTA_SPEAK_TEXT_MAX + 1);
    long_one.text = text;
    check_fails(vanta_engine_speak(engine, &long_one, &out, err), VANTA_ERR_LIMIT, "1 MiB");
    free(text);
    vanta_engine_close(engine);
}

static void vectors_that_are_no_unit_vectors(void **state)
{
    static const char *const hex[] = {
        "0000c07f0000000000000000000080bf", /* NaN */
        "0000807f0000000000000000000080bf", /* infinite */
        "0000803f000000000000000000000000", /* the second is 0 */
        "000000400000000000000000000080bf", /* the first is 2 */
    };
    static const char loose[] = "{'n': 2, 'dimensions': 2, 'tokens': 6, 'truncated': 0, "
                                "'engine_ms': 1, 'normalized': false}";
    size_t embed = request_named("embed"), i;
    struct vanta_error err;

    (void)state;
    for (i = 0; i < sizeof hex / sizeof hex[0]; i++)
        is_a_lie(embed, requests[embed].ok, hex[i], "no vector of length 1");
    for (i = 0; i < 3; i++)
        is_a_lie(embed, loose, hex[i], "no vector");
    assert_int_equal(ask_with_answer(embed, loose, requests[embed].hex, &err), VANTA_OK);
}

static void bytes_beside_an_answer_that_has_none(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_REQUESTS; i++)
        if (!requests[i].hex)
            is_a_lie(i, requests[i].ok, "00", "not asked for");
}

static void messages_that_have_no_place(void **state)
{
    (void)state;
    steps_are_a_lie("speed", "{'send': {'id': 99, 'ok': {}}}", "/id");
    steps_are_a_lie("speed", "{'send': {'ok': {}}}", "/id");
    steps_are_a_lie("speed", "{'send': {'id': 0}}", "neither");
    steps_are_a_lie("speed", "{'send': {'id': 0, 'ok': {}, 'error': {}}}", "neither");
    steps_are_a_lie("speed", "{'send': {'id': 0, 'ok': 7}}", "/ok");
    steps_are_a_lie("speed", "{'send': {'id': 0, 'error': 'no'}}", "/error");
    steps_are_a_lie("speed", "{'send': {'id': 0, 'error': {}}}", "/error/status");
    steps_are_a_lie("speed",
                    "{'send': {'id': 0, 'error': {'status': 'ok', 'message': 'x'}}}",
                    "unknown status");
    steps_are_a_lie("speed",
                    "{'send': {'id': 0, 'error': {'status': 'odd', 'message': 'x'}}}",
                    "unknown status");
    steps_are_a_lie("speed", "{'send': {'id': 0, 'error': {'status': 'format'}}}",
                    "/error/message");
    steps_are_a_lie("speed", "{'send': {'id': 0, 'event': 7}}", "event");
    steps_are_a_lie("speed", "{'send': {'id': 0, 'event': 'text', 'text': 'x'}}",
                    "no place");
    steps_are_a_lie("speed", "{'send': {'id': 0, 'event': 'progress'}}", "/fraction");
    steps_are_a_lie("speed", "{'send': {'id': 0, 'event': 'progress', 'fraction': 2}}",
                    "/fraction");
    steps_are_a_lie("complete", "{'send': {'id': 0, 'event': 'text'}}", "/text");
    steps_are_a_lie("complete", "{'send': {'id': 0, 'event': 'odd', 'text': 'x'}}",
                    "no place");
    steps_are_a_lie("transcribe",
                    "{'send': {'id': 0, 'event': 'segment', 'start_ms': 9, 'end_ms': 8, "
                    "'text': 'x'}}",
                    "before it starts");
    steps_are_a_lie("transcribe",
                    "{'send': {'id': 0, 'event': 'segment', 'start_ms': -1, 'end_ms': 8, "
                    "'text': 'x'}}",
                    "/start_ms");
    steps_are_a_lie("transcribe",
                    "{'send': {'id': 0, 'event': 'segment', 'start_ms': 1, 'end_ms': 8}}",
                    "/text");
}

static void frames_that_are_none(void **state)
{
    (void)state;
    steps_are_a_lie("speed", "{'bytes': 'ffffffff4a7b7d'}", "at most 1048576");
    steps_are_a_lie("speed", "{'bytes': '030000005a7b7d'}", "kind");
    steps_are_a_lie("speed", "{'bytes': '030000004a5b5d'}", "no JSON object");
    steps_are_a_lie("speed", "{'bytes': '0300'}, {'do': 'exit'}", "exit code 7");
    steps_are_a_lie("embed", "{'send': {'id': 0, 'ok': {}, 'binary': 99999999999}}",
                    "announced");
    steps_are_a_lie("embed",
                    "{'send': {'id': 0, 'event': 'progress', 'fraction': 0.1, 'binary': "
                    "1}}, {'bytes': '020000004200'}",
                    "not a proper event");
}

static void floods_have_an_end(void **state)
{
    (void)state;
    steps_are_a_lie("complete", "{'do': 'flood-text'}", "without an end");
    steps_are_a_lie("transcribe", "{'do': 'flood-segment'}", "without an end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(what_is_true_is_taken),
        scratch_test(every_member_is_checked),
        scratch_test(members_that_have_to_be_there),
        scratch_test(names_that_are_too_long),
        scratch_test(devices_that_are_none),
        scratch_test(sizes_of_vectors),
        scratch_test(vectors_that_are_no_unit_vectors),
        scratch_test(samples_and_voices_of_other_sizes),
        scratch_test(what_to_speak_has_to_make_sense),
        scratch_test(bytes_beside_an_answer_that_has_none),
        scratch_test(messages_that_have_no_place),
        scratch_test(frames_that_are_none),
        scratch_test(floods_have_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
