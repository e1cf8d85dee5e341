/* What a speech model says is judged by these checks: with the project's own recordings of
 * speech, as they are and spoiled, read by the real helper. */
#include "cmocka_all.h"

#include <sndfile.h>
#include <stdlib.h>

#include "known_leaks.h"
#include "models/test_private.h"
#include "scratch.h"

#define HZ 16000

static const char *const clips[] = {"slt-timer", "slt-weather", "rms-lights", "rms-music"};

/* --- recordings --- */

/* Samples of a clip; *n of them, with room for as many seconds of silence behind. */
static float *read_clip(const char *name, sf_count_t *n, int more_s)
{
    char path[4096];
    SF_INFO info = {0};
    SNDFILE *file;
    float *samples;

    snprintf(path, sizeof path, "%s/%s.flac", VANTA_RECIPES_DIR, name);
    file = sf_open(path, SFM_READ, &info);
    assert_non_null(file);
    assert_int_equal(info.samplerate, HZ);
    samples = calloc((size_t)info.frames + (size_t)more_s * HZ, sizeof *samples);
    *n = sf_readf_float(file, samples, info.frames);
    assert_int_equal(*n, info.frames);
    sf_close(file);
    return samples;
}

static const char *write_wav(const float *samples, sf_count_t n)
{
    SF_INFO info = {
        .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16, .samplerate = HZ, .channels = 1};
    const char *path = in_scratch("said.wav");
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);

    assert_non_null(file);
    sf_command(file, SFC_SET_CLIPPING, NULL, SF_TRUE);
    assert_int_equal(sf_writef_float(file, samples, n), n);
    sf_close(file);
    return path;
}

/* --- judging --- */

static enum vanta_status judge(const char *path, struct vanta_test_result *result,
                               struct vanta_error *err)
{
    struct vanta_test_options options = {.engine = ENGINE_PROGRAM, .silence_ms = 20000};
    struct test test = {.options = &options, .result = result};

    memset(result, 0, sizeof *result);
    memset(err, 0, sizeof *err);
    result->passed = true;
    result->checks = json_array();
    result->figures = json_object();
    return test_say_audio(&test, path, err);
}

static double figure(const struct vanta_test_result *result, const char *name)
{
    return json_number_value(json_object_get(result->figures, name));
}

/* Fails with these words, or passes: NULL. */
static void check(const float *samples, sf_count_t n, const char *words)
{
    struct vanta_test_result result;
    struct vanta_error err;

    if (judge(write_wav(samples, n), &result, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    if (result.passed != !words || (words && !strstr(result.message, words)))
        fail_msg("\"%s\" where %s", result.message, words ? words : "all is right");
    if (!words) {
        assert_true(figure(&result, "audio_s") >= 3 && figure(&result, "rms") > 0.02);
        assert_true(figure(&result, "silent") < 0.3);
    }
    vanta_test_result_free(&result);
}

static void recorded_speech_passes(void **state)
{
    size_t i, right = 0;

    (void)state;
    for (i = 0; i < 4; i++) {
        sf_count_t n;
        float *samples = read_clip(clips[i], &n, 0);

        check(samples, n, n >= 3 * HZ ? NULL : "not 3 to 12 s");
        right += n >= 3 * HZ;
        free(samples);
    }
    assert_true(right >= 3);
}

static void spoiled_speech_fails(void **state)
{
    sf_count_t n, i;
    float *samples = read_clip(clips[0], &n, 30);

    (void)state;
    check(samples, 2 * HZ, "took 2.0 s, not 3 to 12 s");
    check(samples, n + 12 * HZ, "not 3 to 12 s");
    check(samples, 3 * n < 12 * HZ ? 3 * n : 12 * HZ, "silence around the words");
    for (i = 0; i < n; i++)
        samples[i] *= 12; /* far over full scale */
    check(samples, n, "clipped");
    for (i = 0; i < n; i++)
        samples[i] = samples[i] / 12 * 0.004F;
    check(samples, n, "nearly silent");
    memset(samples, 0, (size_t)n * sizeof *samples);
    check(samples, n, "nearly silent");
    free(samples);
}

static void a_file_that_is_no_audio_is_an_error(void **state)
{
    struct vanta_test_result result;
    struct vanta_error err;

    (void)state;
    assert_int_not_equal(judge(scratch_text("said.wav", "no audio"), &result, &err),
                         VANTA_OK);
    assert_true(err.message[0]);
    vanta_test_result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(recorded_speech_passes),
        scratch_test(spoiled_speech_fails),
        scratch_test(a_file_that_is_no_audio_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
