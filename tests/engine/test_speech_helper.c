/* A model of XTTS in vanta-engine itself, asked by vanta's client: the same from process to
 * process, voices of its caller, and files that are cut short or damaged. The model is the
 * small one, so what it speaks is noise. */
#include "engines/engine.h"
#include "engines/speak.h"
#include "tiny_models.h"
#include "xtts_models.h"

#if defined(__SANITIZE_ADDRESS__) /* where a process takes a quarter of a second */
#define DAMAGE_STRIDE 20
#else
#define DAMAGE_STRIDE 10
#endif
#define TEXT "Good morning. The weather is fine today."

struct heard {
    int64_t samples;
    uint32_t sum;       /* of all samples, in order */
    double progress;
    int events, stop_after; /* 0: never */
};

static bool hear(void *arg, const struct vanta_engine_event *event)
{
    struct heard *h = arg;
    size_t i;

    if (event->kind == VANTA_ENGINE_PROGRESS) {
        assert_true(event->fraction >= h->progress && event->fraction <= 1);
        h->progress = event->fraction;
    }
    if (event->kind != VANTA_ENGINE_AUDIO)
        return true;
    assert_true(event->n_samples > 0);
    for (i = 0; i < event->n_samples; i++)
        h->sum = h->sum * 31 + (uint16_t)event->samples[i];
    h->samples += (int64_t)event->n_samples;
    h->events++;
    return h->stop_after == 0 || h->events < h->stop_after;
}

static struct vanta_engine *open_speech(const char *path, struct heard *heard,
                                        struct vanta_error *err)
{
    struct vanta_engine_options o = {.kind = VANTA_ENGINE_SPEECH,
                                     .program = ENGINE_PROGRAM,
                                     .model = path,
                                     .no_gpu = true,
                                     .memory_limit_bytes = (uint64_t)1 << 30,
                                     .silence_ms = 60000,
                                     .listener = hear,
                                     .arg = heard};
    struct vanta_engine *engine = NULL;

    if (vanta_engine_open(&engine, &o, err) != VANTA_OK)
        return NULL;
    heard->progress = 0; /* that of loading, which is over */
    return engine;
}

static struct vanta_engine *opened(struct heard *heard)
{
    struct vanta_error err = {0};
    struct vanta_engine *engine = open_speech(in_scratch("q8_0.gguf"), heard, &err);

    if (!engine)
        fail_msg("%s", err.message);
    return engine;
}

static const struct vanta_speak plain = {.text = TEXT,
                                         .language = "en",
                                         .seed = 7,
                                         .temperature = -1,
                                         .top_p = -1,
                                         .repetition_penalty = -1,
                                         .speed = -1,
                                         .top_k = -1};

/* Each request has a progress of its own. */
static enum vanta_status say(struct vanta_engine *engine, const struct vanta_speak *request,
                             struct heard *heard, struct vanta_spoken *spoken,
                             struct vanta_error *err)
{
    heard->progress = 0;
    return vanta_engine_speak(engine, request, spoken, err);
}

static void test_order(void **state)
{
    struct heard heard = {0}, again = {0};
    struct vanta_engine *engine = opened(&heard);
    struct vanta_spoken spoken;
    struct vanta_error err = {0};

    (void)state;
    if (say(engine, &plain, &heard, &spoken, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(spoken.samples, heard.samples);
    assert_true(heard.samples > 0 && heard.events > 1);
    assert_true(spoken.codes > 0 && spoken.sentences > 0);
    assert_true(spoken.first_audio_ms > 0 && spoken.first_audio_ms <= spoken.engine_ms);
    vanta_engine_close(engine);
    /* A process of its own says the same. */
    engine = opened(&again);
    assert_int_equal(say(engine, &plain, &again, &spoken, NULL), VANTA_OK);
    assert_int_equal(again.samples, heard.samples);
    assert_int_equal(again.sum, heard.sum);
    vanta_engine_close(engine);
}

static void test_given_voices(void **state)
{
    struct vanta_xtts_file *file = xtts_open(in_scratch("q8_0.gguf"));
    size_t n = file->sizes.latents * file->sizes.width + file->sizes.speaker_width;
    float *voice = xtts_units("a voice", n, 0.1F);
    struct heard heard = {0}, own = {0};
    struct vanta_engine *engine = opened(&heard);
    struct vanta_speak request = plain;
    struct vanta_spoken spoken;

    (void)state;
    vanta_xtts_file_close(file);
    request.made = voice;
    request.n_made = n;
    assert_int_equal(say(engine, &request, &heard, &spoken, NULL), VANTA_OK);
    own = heard;
    heard = (struct heard){0};
    assert_int_equal(say(engine, &plain, &heard, &spoken, NULL), VANTA_OK);
    assert_true(heard.sum != own.sum);
    request.n_made = n - 1; /* of another model */
    assert_int_equal(say(engine, &request, &heard, &spoken, NULL), VANTA_ERR_USAGE);
    request.n_made = n;
    voice[n / 2] = NAN;
    assert_true(say(engine, &request, &heard, &spoken, NULL) != VANTA_OK);
    /* Nothing of it ends the helper. */
    assert_int_equal(say(engine, &plain, &heard, &spoken, NULL), VANTA_OK);
    vanta_engine_close(engine);
    free(voice);
}

static void test_unknown_characters(void **state)
{
    struct heard heard = {0};
    struct vanta_engine *engine = opened(&heard);
    struct vanta_speak request = plain;
    struct vanta_spoken spoken;

    (void)state;
    assert_int_equal(say(engine, &request, &heard, &spoken, NULL), VANTA_OK);
    assert_int_equal(spoken.unknown, 0);
    assert_string_equal(spoken.unknown_characters, "");
    request.text = "Good 日本 morning, 日.";
    assert_int_equal(say(engine, &request, &heard, &spoken, NULL), VANTA_OK);
    assert_int_equal(spoken.unknown, 3);
    assert_string_equal(spoken.unknown_characters, "日本");
    vanta_engine_close(engine);
}

/* --- damaged files --- */

static enum vanta_status try_speech(const char *path)
{
    struct heard heard = {.stop_after = 1};
    struct vanta_spoken spoken;
    struct vanta_error err = {0};
    struct vanta_engine *engine = open_speech(path, &heard, &err);
    enum vanta_status status = engine ? say(engine, &plain, &heard, &spoken, &err)
                                      : err.status;

    vanta_engine_close(engine);
    switch (status) {
    case VANTA_OK:
    case VANTA_ERR_CANCELLED: /* it spoke */
        return VANTA_OK;
    case VANTA_ERR_FORMAT:
    case VANTA_ERR_TOOL:
    case VANTA_ERR_NO_MEMORY:
    case VANTA_ERR_NOT_FOUND: /* a voice's name */
    case VANTA_ERR_UNSUPPORTED:
    case VANTA_ERR_LIMIT:
    case VANTA_ERR_CHECK:
    case VANTA_ERR_USAGE:
        break;
    default:
        fail_msg("status %s: %s", vanta_status_name(status), err.message);
    }
    assert_true(err.message[0] != '\0');
    return status;
}

static void test_damaged_files(void **state)
{
    static struct places places;
    struct vanta_buf buf = VANTA_BUF(64 << 20);
    size_t i, refused = 0;

    (void)state;
    assert_int_equal(vanta_file_read(in_scratch("q8_0.gguf"), &buf, NULL), VANTA_OK);
    gguf_places((const unsigned char *)buf.data, &places);
    assert_true(places.n > 60);
    assert_int_equal(try_speech(in_scratch("q8_0.gguf")), VANTA_OK);
    /* A part of them each way: a process each. */
    for (i = 0; i < places.n; i += DAMAGE_STRIDE) {
        size_t at = places.at[i] + (i / DAMAGE_STRIDE % 2 ? 3 : 0);

        if (at >= buf.len)
            continue;
        buf.data[at] ^= i % 3 ? 0x80 : 0x01;
        scratch_file("flipped.gguf", buf.data, buf.len);
        buf.data[at] ^= i % 3 ? 0x80 : 0x01;
        refused += try_speech(in_scratch("flipped.gguf")) != VANTA_OK;
    }
    assert_true(refused > places.n / (4 * DAMAGE_STRIDE));
    place(&places, buf.len / 2);
    place(&places, buf.len - 1);
    for (i = 2; i < places.n; i += DAMAGE_STRIDE) {
        scratch_file("cut.gguf", buf.data, places.at[i]);
        if (try_speech(in_scratch("cut.gguf")) == VANTA_OK)
            fail_msg("a file cut at byte %zu was taken", places.at[i]);
    }
    vanta_buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_given_voices),
        cmocka_unit_test(test_unknown_characters),
        cmocka_unit_test(test_damaged_files),
    };

    return cmocka_run_group_tests(tests, xtts_setup, scratch_teardown);
}
