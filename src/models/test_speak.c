/*
 * test_speak.c - a speech API says two sentences: the audio is decoded and judged, and
 * heard again by a Whisper model where one is ready. Each test is a paid request. What a
 * model on this machine says (test_say.c) is judged by the same functions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "engines/speech.h"
#include "models/registry_private.h"
#include "models/test_private.h"
#include "models/word_error_rate.h"

/* Spoken in any voice and at any common pace this takes between 3 and 12 seconds. */
const char test_speak_sentences[] = "Good morning. The kettle is on, and the newspaper "
                                    "is lying on the kitchen table.";
#define LEAST_S 3.0
#define MOST_S 12.0
#define LEAST_RMS 0.005 /* -46 dB of full scale: softer is silence or a whisper */
#define MOST_CLIPPED 0.01

enum vanta_status test_speak_audio(struct test *test, struct vanta_engine *engine,
                                   const char *path, struct vanta_error *err)
{
    struct vanta_audio_report audio = {0};
    enum vanta_status status = vanta_engine_audio(engine, path, &audio, err);
    bool right;

    if (status != VANTA_OK)
        return status;
    test_figure_text(test, "audio_format", audio.format);
    test_figure(test, "audio_s", audio.seconds);
    test_figure(test, "peak", audio.peak);
    test_figure(test, "rms", audio.rms);
    test_figure(test, "clipped", audio.clipped);
    right = audio.seconds >= LEAST_S && audio.seconds <= MOST_S;
    status = test_check(test, "length", right, err,
                        right ? "%.1f s" : "two sentences took %.1f s, not 3 to 12 s",
                        audio.seconds);
    right = audio.rms >= LEAST_RMS && audio.clipped <= MOST_CLIPPED && !audio.truncated;
    if (status == VANTA_OK)
        status = test_check(test, "sound", right, err,
                            right               ? "loud enough and not clipped"
                            : audio.truncated   ? "the audio ends before its header says"
                            : audio.rms < LEAST_RMS
                                ? "the audio is nearly silent"
                                : "the audio is clipped");
    return status;
}

/* --- heard again --- */

static const struct vanta_entry *ready_whisper(const struct test *test,
                                               const struct vanta_registry *registry)
{
    size_t i;

    for (i = 0; i < vanta_registry_count(registry); i++) {
        const struct vanta_entry *entry = vanta_registry_at(registry, i);

        if (entry->type == VANTA_TYPE_WHISPER &&
            vanta_entry_state(test->options->root, entry, test->options->catalog, NULL) ==
                VANTA_STATE_READY)
            return entry;
    }
    return NULL;
}

static enum vanta_status judge_words(struct test *test, const char *heard,
                                     const char *by, struct vanta_error *err)
{
    double most = test->recipe.word_error_rate_max;
    struct vanta_word_errors errors;
    enum vanta_status status = vanta_word_error_rate(test_speak_sentences, heard, &errors, err);
    bool right;

    if (status != VANTA_OK)
        return status;
    test_figure(test, "word_error_rate", errors.rate);
    test_figure_text(test, "heard_by", by);
    if (most < 0)
        return test_warn(test, "words", err,
                         "word error rate %.3f as %s hears it; no bound is known",
                         errors.rate, by);
    right = errors.rate <= most;
    return test_check(test, "words", right, err,
                      right ? "word error rate %.3f as %s hears it (at most %.2f)"
                            : "word error rate %.3f as %s hears it, more than %.2f: "
                              "\"%.200s\"",
                      errors.rate, by, most, heard);
}

enum vanta_status test_speak_hear(struct test *test, const char *path,
                                  struct vanta_error *err)
{
    struct vanta_registry *registry = NULL;
    const struct vanta_entry *whisper = NULL;
    struct vanta_transcribe request = {.path = path, .language = "en"};
    struct vanta_transcript heard = {0};
    char model[VANTA_PATH_MAX];
    enum vanta_status status = vanta_registry_load(
        test->options->root, test->options->catalog, &registry, NULL, err);

    if (status == VANTA_OK)
        whisper = ready_whisper(test, registry);
    if (status == VANTA_OK && !whisper)
        status = test_warn(test, "words", err, "not heard again: no Whisper model is ready");
    if (whisper && vanta_entry_path(test->options->root, whisper, model)) {
        struct vanta_engine_options options = {.kind = VANTA_ENGINE_WHISPER,
                                               .program = test->options->engine,
                                               .model = model,
                                               .readable = &path,
                                               .n_readable = 1,
                                               .threads = test->options->threads,
                                               .gpu_layers = -1,
                                               .no_gpu = test->options->no_gpu,
                                               .cancel = test->options->cancel};
        struct vanta_engine *engine = NULL;

        test_phase(test, "hearing it", -1);
        status = vanta_engine_open(&engine, &options, err);
        if (status == VANTA_OK)
            status = vanta_engine_transcribe(engine, &request, &heard, err);
        if (status == VANTA_OK)
            status = judge_words(test, heard.text, whisper->id, err);
        vanta_transcript_free(&heard);
        vanta_engine_close(engine);
    }
    vanta_registry_free(registry);
    return status;
}

/* --- the request --- */

/* Whether there is a key that can be used; opens no connection. */
static enum vanta_status check_key(struct test *test, struct vanta_error *err)
{
    struct vanta_speech_options options = {
        .key_variable = test->model ? test->model->key_variable : NULL};
    struct vanta_speech *speech = NULL;
    enum vanta_status status = vanta_speech_new(&options, &speech, err);

    vanta_speech_free(speech);
    if (status != VANTA_ERR_NOT_FOUND)
        return status;
    err->status = VANTA_ERR_AUTH; /* needs-key: not a thing that is missing here */
    return VANTA_ERR_AUTH;
}

static enum vanta_status speak(struct test *test, const char *path,
                               struct vanta_error *err)
{
    struct vanta_speech_options options = {
        .key_variable = test->model ? test->model->key_variable : NULL,
        .cancel = test->options->cancel};
    struct vanta_speech_request request = {.text = test_speak_sentences,
                                           .model = test->entry->id,
                                           .format = VANTA_SPEECH_FLAC,
                                           .path = path,
                                           .replace = true};
    struct vanta_speech_result spoken = {0};
    struct vanta_speech *speech = NULL;
    enum vanta_status status = vanta_speech_new(&options, &speech, err);

    if (status == VANTA_ERR_NOT_FOUND) /* no key: needs-key, not a missing thing */
        return err->status = VANTA_ERR_AUTH;
    test_phase(test, "speaking", -1);
    if (status == VANTA_OK)
        status = vanta_speech_speak(speech, &request, &spoken, err);
    if (status == VANTA_OK) {
        test_figure(test, "first_byte_ms", (double)spoken.first_byte_ms);
        test_figure(test, "total_ms", (double)spoken.total_ms);
        test_figure(test, "audio_bytes", (double)spoken.bytes);
        test_summary(test, "%llu bytes of audio, first after %lld ms",
                     (unsigned long long)spoken.bytes, (long long)spoken.first_byte_ms);
    }
    vanta_speech_free(speech);
    return status;
}

enum vanta_status test_speak(struct test *test, struct vanta_error *err)
{
    char dir[VANTA_PATH_MAX], path[VANTA_PATH_MAX], engine[VANTA_PATH_MAX], name[96];
    bool api = vanta_entry_is_api(test->entry);
    enum vanta_status status;

    if (!vanta_format(name, sizeof name, ".test-%ld.%s", (long)getpid(),
                      api ? "flac" : "wav") ||
        !vanta_path_join(dir, test->options->root, vanta_type_folder(VANTA_TYPE_TTS)) ||
        !vanta_path_join(path, dir, name))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long",
                          test->options->root);
    if (!api) {
        status = test_say(test, path, err);
        unlink(path);
        return status;
    }
    status = check_key(test, err);
    /* Nothing is paid for that could not be judged. */
    if (status == VANTA_OK && !test->options->engine)
        status = vanta_engine_find(engine, err);
    if (status == VANTA_OK)
        status = vanta_dir_make(dir, err);
    if (status == VANTA_OK)
        status = speak(test, path, err);
    test->readable = path;
    if (status == VANTA_OK)
        status = test_open(test, VANTA_ENGINE_NONE, NULL, err);
    if (status == VANTA_OK)
        status = test_speak_audio(test, test->engine, path, err);
    if (status == VANTA_OK && test->engine)
        status = test_speak_hear(test, path, err);
    /* An API's receipt is not one of an engine build. */
    if (status == VANTA_OK || status == VANTA_ERR_FORMAT)
        snprintf(test->build, sizeof test->build, "%s", VANTA_TEST_BUILD_API);
    unlink(path);
    return status;
}
