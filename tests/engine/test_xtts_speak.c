/* Speech by vanta-engine itself, on the small model of the converter: what is heard is
 * what GPT and vocoder make, a helper that was cancelled or refused a request goes on,
 * and models that never or at once come to an end, end. */
#include "engines/helper/xtts_clone.h"
#include "engines/helper/xtts_gpt.h"
#include "engines/helper/xtts_sample.h"
#include "engines/helper/xtts_text.h"
#include "engines/speak.h"
#include "xtts_speaking.h"

#define PAUSE 10000 /* samples between two sentences */
#define STOP_BIAS 1e4F
#if defined(__SANITIZE_ADDRESS__)
#define LONG_BYTES 10000
#else
#define LONG_BYTES 100000
#endif

struct ears {
    int16_t *samples;
    size_t count, room, events;
    double fraction;
    bool refuse;   /* at the first sound */
    bool speaking; /* loading and cloning have a progress of their own */
};

static bool listen(void *arg, const struct vanta_engine_event *event)
{
    struct ears *e = arg;

    if (event->kind == VANTA_ENGINE_PROGRESS && e->speaking) {
        assert_true(event->fraction >= e->fraction);
        e->fraction = event->fraction;
    }
    if (event->kind != VANTA_ENGINE_AUDIO)
        return true;
    assert_true(event->n_samples > 0);
    e->events++;
    if (e->refuse)
        return false;
    if (e->count + event->n_samples > e->room) {
        e->room = 2 * (e->count + event->n_samples);
        e->samples = realloc(e->samples, e->room * sizeof *e->samples);
        assert_non_null(e->samples);
    }
    memcpy(e->samples + e->count, event->samples, event->n_samples * sizeof *e->samples);
    e->count += event->n_samples;
    return true;
}

static struct vanta_engine *helper_of(int threads, const char *model, struct ears *ears,
                                      const char *const *readable, size_t n_readable)
{
    struct vanta_engine_options o = {.kind = VANTA_ENGINE_SPEECH,
                                     .program = ENGINE_PROGRAM,
                                     .model = model,
                                     .readable = readable,
                                     .n_readable = n_readable,
                                     .threads = threads,
                                     .no_gpu = true,
                                     .silence_ms = 60000,
                                     .listener = listen,
                                     .arg = ears};
    struct vanta_engine *engine = NULL;
    struct vanta_error err = {0};

    if (vanta_engine_open(&engine, &o, &err) != VANTA_OK)
        fail_msg("open: %s", err.message);
    return engine;
}

static struct vanta_engine *helper(const char *model, struct ears *ears,
                                   const char *const *readable, size_t n_readable)
{
    return helper_of(2, model, ears, readable, n_readable);
}

/* Everything that is not given is the model's own. */
static struct vanta_speak words(const char *text)
{
    return (struct vanta_speak){.text = text, .language = "en", .seed = 7,
                                .temperature = -1, .top_p = -1, .repetition_penalty = -1,
                                .speed = -1, .top_k = -1};
}

/* Into ears that are emptied before. */
static struct vanta_spoken say(struct vanta_engine *engine, struct ears *ears,
                               const struct vanta_speak *request)
{
    struct vanta_error err = {0};
    struct vanta_spoken spoken;

    ears->count = ears->events = 0;
    ears->fraction = 0;
    ears->speaking = true;
    if (vanta_engine_speak(engine, request, &spoken, &err) != VANTA_OK)
        fail_msg("speak: %s", err.message);
    ears->speaking = false;
    assert_int_equal(spoken.samples, ears->count);
    return spoken;
}

static void refused(struct vanta_engine *engine, struct ears *ears,
                    const struct vanta_speak *request, enum vanta_status status,
                    const char *why)
{
    struct vanta_error err = {0};
    struct vanta_spoken spoken;
    enum vanta_status found;

    ears->events = 0;
    found = vanta_engine_speak(engine, request, &spoken, &err);
    if (found != status || strstr(err.message, why) == NULL)
        fail_msg("\"%.40s\": %d, \"%s\"; expected %d, \"%s\"", request->text, (int)found,
                 err.message, (int)status, why);
    assert_int_equal(ears->events, 0);
}

/* --- what is heard --- */

static struct vanta_xtts_text *text_of(const struct vanta_xtts_file *file)
{
    int64_t id = gguf_find_key(file->gguf, "tokenizer.huggingface.json");
    const char *json = gguf_get_val_str(file->gguf, id);
    struct vanta_xtts_text *text;

    assert_int_equal(vanta_xtts_text_new(json, strlen(json), &text, NULL), VANTA_OK);
    return text;
}

/* The latents of a sentence, for which the sampler chooses the codes; their number. */
static size_t latents_of(const struct vanta_xtts_file *file, const float *voice,
                         const struct vanta_xtts_sentence *sentence, uint32_t seed,
                         float *latents)
{
    static const struct vanta_xtts_gpt_run run = {.prefix_threads = 2, .code_threads = 1};
    static struct vanta_xtts_sampler sampler;
    const struct vanta_xtts_sizes *z = &file->sizes;
    struct vanta_xtts_sampling sampling = {z->temperature, z->top_p,
                                           z->repetition_penalty, z->top_k};
    float *logits = malloc(z->audio_vocabulary * sizeof *logits);
    int32_t code = (int32_t)z->audio_start;
    struct vanta_xtts_gpt *gpt;
    size_t n = 0;

    assert_non_null(logits);
    assert_int_equal(vanta_xtts_gpt_load(file, &gpt, NULL), VANTA_OK);
    vanta_xtts_sampler_start(&sampler, &sampling, seed, z->audio_start);
    assert_int_equal(
        vanta_xtts_gpt_begin(gpt, voice, sentence->ids, sentence->n_ids, NULL), VANTA_OK);
    for (; code != (int32_t)z->audio_stop && n < z->audio_max_tokens; n++) {
        assert_int_equal(vanta_xtts_gpt_next(gpt, &run, &code, 1, latents + n * z->width,
                                             logits, NULL),
                         VANTA_OK);
        assert_int_equal(vanta_xtts_sampler_next(&sampler, logits, z->audio_vocabulary,
                                                 &code, NULL),
                         VANTA_OK);
    }
    free(logits);
    vanta_xtts_gpt_free(gpt);
    return n;
}

/* The same sentence by the modules themselves, in one piece; *codes of it. */
static struct heard by_hand(const char *path, const char *said, uint32_t seed,
                            size_t *codes)
{
    struct vanta_xtts_file *file = xtts_open(path);
    const struct vanta_xtts_sizes *z = &file->sizes;
    struct vanta_xtts_text_options options = {.language = "en",
                                              .max_tokens = z->text_max_tokens};
    struct vanta_xtts_text *text = text_of(file);
    float *voice = malloc(vanta_xtts_voice_floats(z) * sizeof *voice);
    float *latents = malloc((size_t)z->audio_max_tokens * z->width * sizeof *latents);
    struct vanta_xtts_sentences all = {0};
    struct vanta_xtts_vocoder *vocoder;
    struct heard heard;

    assert_non_null(voice);
    assert_non_null(latents);
    assert_int_equal(
        vanta_xtts_voice_builtin(file, vanta_xtts_file_speaker(file, 0), voice, NULL),
        VANTA_OK);
    assert_int_equal(
        vanta_xtts_text_prepare(text, said, strlen(said), &options, &all, NULL),
        VANTA_OK);
    assert_int_equal(all.n_sentences, 1);
    *codes = latents_of(file, voice, &all.sentences[0], seed, latents);
    assert_int_equal(vanta_xtts_vocoder_load(file, NULL, &vocoder, NULL), VANTA_OK);
    heard = speak(vocoder, z, voice + (size_t)z->latents * z->width, latents, *codes,
                  &(struct manner){.speed = 1, .chunk = 1024});
    vanta_xtts_vocoder_free(vocoder);
    vanta_xtts_sentences_free(&all);
    vanta_xtts_text_free(text);
    vanta_xtts_file_close(file);
    free(voice);
    free(latents);
    return heard;
}

static void it_says_what_gpt_and_vocoder_make(void **state)
{
    struct ears ears = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char name[16];
        const char *path;
        struct vanta_engine *engine;
        struct vanta_spoken spoken;
        struct heard expected;
        struct vanta_speak request = words("Good morning.");
        size_t codes;

        snprintf(name, sizeof name, "%s.gguf", xtts_types[i]);
        path = in_scratch(name);
        engine = helper(path, &ears, NULL, 0);
        spoken = say(engine, &ears, &request);
        expected = by_hand(path, request.text, request.seed, &codes);
        assert_int_equal(spoken.sentences, 1);
        assert_int_equal(spoken.codes, codes);
        assert_int_equal(ears.count, expected.count);
        for (size_t k = 0; k < ears.count; k++)
            assert_int_equal(ears.samples[k], lrintf(expected.samples[k] * 32767));
        assert_true(spoken.first_audio_ms > 0);
        assert_true(spoken.first_audio_ms <= spoken.engine_ms);
        free(expected.samples);
        vanta_engine_close(engine);
    }
    free(ears.samples);
}

static void it_goes_on_after_a_cancel(void **state)
{
    struct ears ears = {0};
    struct vanta_engine *engine = helper(in_scratch("q8_0.gguf"), &ears, NULL, 0);
    struct vanta_speak request = words("One. Two. Three. Good morning. How are you?");
    struct vanta_spoken spoken = say(engine, &ears, &request);
    struct ears first = ears;
    struct vanta_error err = {0};

    (void)state;
    memset(&ears, 0, sizeof ears);
    for (int i = 0; i < 3; i++) {
        struct vanta_spoken none;

        ears.refuse = true;
        ears.fraction = 0;
        assert_int_equal(vanta_engine_speak(engine, &request, &none, &err),
                         VANTA_ERR_CANCELLED);
        assert_true(ears.events > 0);
        ears.refuse = false;
        say(engine, &ears, &request);
        assert_int_equal(ears.count, spoken.samples);
        assert_memory_equal(ears.samples, first.samples,
                            ears.count * sizeof *ears.samples);
    }
    vanta_engine_close(engine);
    free(ears.samples);
    free(first.samples);
}

/* --- requests that are refused --- */

static void what_it_cannot_say_is_refused(void **state)
{
    static const struct {
        const char *text, *language, *voice;
        enum vanta_status status;
        const char *why;
    } cases[] = {
        {"", "en", NULL, VANTA_ERR_USAGE, "no text to speak"},
        {" \t\n", "en", NULL, VANTA_ERR_USAGE, "no text to speak"},
        {"... ?! -- \"\" ()", "en", NULL, VANTA_ERR_USAGE, "nothing to speak"},
        {"Hello.", "xx", NULL, VANTA_ERR_UNSUPPORTED, "does not speak \"xx\""},
        {"Hello.", "", NULL, VANTA_ERR_UNSUPPORTED, "does not speak \"\""},
        {"5 Uhr.", "ko", NULL, VANTA_ERR_UNSUPPORTED, "does not speak \"ko\""},
        {"Hello.", "en", "Nobody", VANTA_ERR_NOT_FOUND, "Nobody"},
        {"\xff\xfe", "en", NULL, VANTA_ERR_USAGE, ""},
    };
    struct ears ears = {0};
    struct vanta_engine *engine = helper(in_scratch("q8_0.gguf"), &ears, NULL, 0);
    struct vanta_speak request = words("Hello.");
    float made[96] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        request = words(cases[i].text);
        request.language = cases[i].language;
        request.voice = cases[i].voice;
        refused(engine, &ears, &request, cases[i].status, cases[i].why);
    }
    request = words("Hello.");
    request.made = made;
    request.n_made = sizeof made / sizeof *made;
    refused(engine, &ears, &request, VANTA_ERR_USAGE, "of another model");
    request = words("It still speaks.");
    say(engine, &ears, &request);
    assert_true(ears.count > 0);
    vanta_engine_close(engine);
    free(ears.samples);
}

/* --- voices from recordings --- */

/* A recording of noise, 48 kHz, two channels of which one is silent. */
static const char *recording(const char *name, double seconds, int loud)
{
    uint32_t frames = (uint32_t)(seconds * 48000), bytes = frames * 4, seed = 1;
    uint8_t *wav = calloc(1, 44 + (size_t)bytes);
    const char *path;
    const uint32_t head[] = {0x46464952, 36 + bytes, 0x45564157, 0x20746d66, 16,
                             1 | 2 << 16, 48000, 48000 * 4, 4 | 16 << 16, 0x61746164,
                             bytes};

    assert_non_null(wav);
    memcpy(wav, head, sizeof head); /* all machines of vanta are little endian */
    for (uint32_t i = 0; i < frames; i++) {
        int16_t value;

        seed = seed * 1664525 + 1013904223;
        value = (int16_t)(((int)(seed >> 16) % 2000 - 1000) * loud);
        memcpy(wav + 44 + (size_t)i * 4, &value, sizeof value);
    }
    path = scratch_file(name, wav, 44 + (size_t)bytes);
    free(wav);
    return path;
}

static void voices_come_from_recordings(void **state)
{
    const char *good = recording("good.wav", 4, 10);
    const char *short_one = recording("short.wav", 0.1, 10);
    const char *silent = recording("silent.wav", 4, 0);
    const char *none = scratch_text("none.wav", "no audio at all\n");
    const char *const readable[] = {good, short_one, silent, none};
    struct ears ears = {0};
    struct vanta_engine *engine = helper(in_scratch("q8_0.gguf"), &ears, readable, 4);
    struct vanta_speak request = words("Good morning.");
    struct vanta_error err = {0};
    struct vanta_voice voice;
    double seconds;

    (void)state;
    assert_int_equal(vanta_engine_clone(engine, &short_one, 1, &voice, &seconds, &err),
                     VANTA_ERR_CHECK);
    assert_non_null(strstr(err.message, "too short"));
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_engine_clone(engine, &silent, 1, &voice, &seconds, &err),
                     VANTA_ERR_CHECK);
    assert_non_null(strstr(err.message, "silent"));
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_engine_clone(engine, &none, 1, &voice, &seconds, &err),
                     VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "none.wav"));
    memset(&err, 0, sizeof err);
    if (vanta_engine_clone(engine, &good, 1, &voice, &seconds, &err) != VANTA_OK)
        fail_msg("clone: %s", err.message);
    assert_float_equal(seconds, 4, 0.01);
    for (size_t i = 0; i < vanta_voice_floats(&voice); i++)
        assert_true(isfinite(voice.values[i]));
    request.made = voice.values;
    request.n_made = vanta_voice_floats(&voice);
    say(engine, &ears, &request);
    assert_true(ears.count > 0);
    voice.values[3] = NAN;
    refused(engine, &ears, &request, VANTA_ERR_CHECK, "damaged");
    vanta_voice_free(&voice);
    vanta_engine_close(engine);
    free(ears.samples);
}

/* --- models that come to no end, or at once --- */

/* The small model with this much more for the end in each choice of a code. */
static const char *ending(float bias)
{
    struct ggml_context *data = NULL;
    struct gguf_context *original = gguf_init_from_file(
        in_scratch("f32.gguf"), (struct gguf_init_params){.ctx = &data});
    struct gguf_context *copy = gguf_init_empty();
    const char *path = in_scratch("ending.gguf");
    struct ggml_tensor *t;

    assert_non_null(original);
    gguf_set_kv(copy, original);
    for (t = ggml_get_first_tensor(data); t; t = ggml_get_next_tensor(data, t))
        if (gguf_find_tensor(original, t->name) >= 0)
            gguf_add_tensor(copy, t);
    t = ggml_get_tensor(data, "audio_head.bias");
    assert_non_null(t);
    ((float *)t->data)[xtts_small.stop] += bias;
    assert_true(gguf_write_to_file(copy, path, false));
    gguf_free(copy);
    gguf_free(original);
    ggml_free(data);
    return path;
}

static void a_first_code_that_is_the_end(void **state)
{
    struct ears ears = {0};
    struct vanta_engine *engine = helper(ending(STOP_BIAS), &ears, NULL, 0);
    struct vanta_speak request = words("Good morning.");
    struct vanta_spoken spoken = say(engine, &ears, &request);
    size_t one = ears.count;

    (void)state;
    assert_int_equal(spoken.codes, 1); /* the state that the end was chosen by is heard */
    assert_int_equal(spoken.cut, 0);
    assert_in_range(one, 1, 2048);
    request.text = "Good morning. How are you?";
    request.temperature = 0;
    spoken = say(engine, &ears, &request);
    assert_int_equal(spoken.codes, spoken.sentences);
    assert_int_equal(ears.count, spoken.sentences * one + (spoken.sentences - 1) * PAUSE);
    vanta_engine_close(engine);
    free(ears.samples);
}

static void a_sentence_without_end_is_cut(void **state)
{
    struct ears ears = {0};
    struct vanta_engine *engine = helper(ending(-STOP_BIAS), &ears, NULL, 0);
    struct vanta_xtts_file *file = xtts_open(in_scratch("f32.gguf"));
    struct vanta_speak request = words("Good morning.");
    struct vanta_spoken spoken = say(engine, &ears, &request);

    (void)state;
    assert_int_equal(spoken.cut, 1);
    assert_int_equal(spoken.codes, file->sizes.audio_max_tokens);
    vanta_xtts_file_close(file);
    vanta_engine_close(engine);
    free(ears.samples);
}

/* 100 kB with full stops, and a tenth in one piece that has to be cut inside. */
static void a_long_text_is_said_to_its_end(void **state)
{
    static const struct {
        const char *piece;
        size_t n;
    } texts[] = {{"all is well and so it is. ", LONG_BYTES},
               {"wordsandno", LONG_BYTES / 10}};
    struct ears ears = {0};
    /* Of two threads one waits for the other at each of many tiny steps, and looks often. */
    struct vanta_engine *engine = helper_of(1, ending(STOP_BIAS), &ears, NULL, 0);
    struct vanta_speak request = words("Hello.");
    char *text = malloc(texts[0].n + 1);
    size_t one;

    (void)state;
    assert_non_null(text);
    say(engine, &ears, &request);
    one = ears.count;
    for (size_t i = 0; i < 2; i++) {
        size_t n = texts[i].n, period = strlen(texts[i].piece);
        struct vanta_spoken spoken;

        for (size_t k = 0; k < n; k++)
            text[k] = texts[i].piece[k % period];
        text[n] = '\0';
        request.text = text;
        spoken = say(engine, &ears, &request);
        assert_true(spoken.sentences >= (int64_t)n / 253); /* that many letters each */
        assert_int_equal(ears.count,
                         spoken.sentences * one + (spoken.sentences - 1) * PAUSE);
    }
    free(text);
    vanta_engine_close(engine);
    free(ears.samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_gpt_and_vocoder_make),
        cmocka_unit_test(it_goes_on_after_a_cancel),
        cmocka_unit_test(what_it_cannot_say_is_refused),
        cmocka_unit_test(voices_come_from_recordings),
        cmocka_unit_test(a_first_code_that_is_the_end),
        cmocka_unit_test(a_sentence_without_end_is_cut),
        cmocka_unit_test(a_long_text_is_said_to_its_end),
    };

    return cmocka_run_group_tests(tests, xtts_setup, scratch_teardown);
}
