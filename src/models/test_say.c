/*
 * test_say.c - a speech model on this machine says two sentences: how long it takes, what
 * memory, and then as test_speak.c judges an API's.
 */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "engines/speak.h"
#include "models/test_private.h"
#include "models/wav.h"

/* Chance is no part of a test: the same bytes and the same build say the same. */
#define SEED 1
/* Of the audio; more is a voice that came late or a model that went on without words. */
#define MOST_SILENT 0.5

struct saying {
    struct vanta_wav wav;
    struct vanta_error failed;
};

static bool on_audio(void *arg, const struct vanta_engine_event *event)
{
    struct saying *s = arg;

    return vanta_wav_add(&s->wav, event->samples, event->n_samples, &s->failed) ==
           VANTA_OK;
}

static enum vanta_status note(struct test *test, const struct vanta_spoken *spoken,
                              struct vanta_error *err)
{
    double audio_s = (double)spoken->samples / VANTA_SPEAK_HZ;
    double real_time = audio_s > 0 ? spoken->engine_ms / 1000 / audio_s : 0;
    uint64_t peak = vanta_engine_peak_bytes(test->engine);

    test_figure(test, "codes", (double)spoken->codes);
    test_figure(test, "engine_ms", spoken->engine_ms);
    test_figure(test, "first_audio_ms", spoken->first_audio_ms);
    test_figure(test, "real_time_factor", real_time);
    if (peak > 0)
        test_figure(test, "memory_peak_bytes", (double)peak);
    test_summary(test, "%.1f s of speech, real-time factor %.2f", audio_s, real_time);
    return test_check(test, "ended", spoken->cut == 0, err,
                      spoken->cut == 0 ? "it ended where the text does"
                                       : "it went on to the model's limit");
}

static enum vanta_status speak(struct test *test, const char *path,
                               struct vanta_error *err)
{
    const struct vanta_speak request = {.text = test_speak_sentences,
                                        .language = "en",
                                        .seed = SEED,
                                        .temperature = -1,
                                        .top_k = -1,
                                        .top_p = -1,
                                        .repetition_penalty = -1,
                                        .speed = -1};
    struct vanta_spoken spoken = {0};
    struct saying s = {0};
    enum vanta_status status = vanta_wav_open(&s.wav, path, -1, false, err);

    if (status != VANTA_OK)
        return status;
    test->audio = on_audio;
    test->audio_arg = &s;
    test_phase(test, "speaking", -1);
    status = vanta_engine_speak(test->engine, &request, &spoken, err);
    test->audio = NULL;
    if (status == VANTA_ERR_CANCELLED && s.failed.message[0]) {
        *err = s.failed;
        status = s.failed.status;
    }
    if (status == VANTA_OK)
        status = vanta_wav_finish(&s.wav, err);
    vanta_wav_abandon(&s.wav);
    return status == VANTA_OK ? note(test, &spoken, err) : status;
}

enum vanta_status test_say_audio(struct test *test, const char *path,
                                 struct vanta_error *err)
{
    struct vanta_engine_options options = {.kind = VANTA_ENGINE_NONE,
                                           .program = test->options->engine,
                                           .readable = &path,
                                           .n_readable = 1,
                                           .silence_ms = test->options->silence_ms,
                                           .no_gpu = true,
                                           .cancel = test->options->cancel};
    struct vanta_audio_report audio = {0};
    struct vanta_engine *engine = NULL;
    enum vanta_status status = vanta_engine_open(&engine, &options, err);
    double silent;
    bool right;

    if (status == VANTA_OK)
        status = test_speak_audio(test, engine, path, err);
    if (status == VANTA_OK)
        status = vanta_engine_audio(engine, path, &audio, err);
    vanta_engine_close(engine);
    if (status != VANTA_OK)
        return status;
    silent = audio.seconds > 0
                 ? (audio.silence_start_s + audio.silence_end_s) / audio.seconds
                 : 1;
    test_figure(test, "silent", silent);
    right = silent <= MOST_SILENT;
    return test_check(test, "silence", right, err,
                      right ? "%.0f %% silence around the words"
                            : "%.0f %% of the audio are silence around the words",
                      silent * 100);
}

enum vanta_status test_say(struct test *test, const char *path, struct vanta_error *err)
{
    char model[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!vanta_entry_path(test->options->root, test->entry, model))
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s has no file", test->entry->id);
    status = test_open(test, VANTA_ENGINE_SPEECH, model, err);
    if (status == VANTA_OK)
        status = speak(test, path, err);
    /* Its memory is free before another model comes. */
    vanta_engine_close(test->engine);
    test->engine = NULL;
    if (status == VANTA_OK)
        status = test_say_audio(test, path, err);
    return status == VANTA_OK ? test_speak_hear(test, path, err) : status;
}
