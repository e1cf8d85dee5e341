/* Voices from recordings, on a small model: what does not change them, what is refused, and
 * the parts that can be checked alone (resampler, spectrograms). The networks' numbers are
 * test_xtts_full.c's. */
#include "engines/helper/xtts_clone.h"
#include "engines/helper/xtts_mel.h"
#include "engines/helper/xtts_resample.h"
#include "xtts_models.h"

#define HZ 22050
#define PI 3.14159265358979323846

/* Seconds of a voice of sorts: a falling tone with overtones, and noise. */
static float *sing(double seconds, double hz, size_t *n)
{
    float *out;
    uint32_t seed = 5;

    *n = (size_t)(seconds * hz);
    out = malloc((*n + 1) * sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < *n; i++) {
        double t = (double)i / hz, sum = 0;
        for (int k = 1; k < 6; k++)
            sum += sin(2 * PI * k * (180 - 10 * t) * t) / k;
        seed = seed * 1664525U + 1013904223U;
        out[i] = (float)(0.2 * sum * (1.2 + sin(5 * t)) +
                         0.001 * ((double)(seed >> 8) / 8388608 - 1));
    }
    return out;
}

/* A WAV of 16 bit; channel 1 is silent, so that mixing halves the voice. */
static const char *write_wav(const char *name, const float *samples, size_t n,
                             uint32_t rate, uint16_t channels)
{
    const char *path = in_scratch(name);
    uint32_t bytes = (uint32_t)n * channels * 2, riff = bytes + 36, format = 16;
    uint32_t rate_bytes = rate * channels * 2;
    uint16_t pcm = 1, align = (uint16_t)(channels * 2), bits = 16;
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    fwrite("RIFF", 1, 4, f);
    fwrite(&riff, 4, 1, f);
    fwrite("WAVEfmt ", 1, 8, f);
    fwrite(&format, 4, 1, f);
    fwrite(&pcm, 2, 1, f);
    fwrite(&channels, 2, 1, f);
    fwrite(&rate, 4, 1, f);
    fwrite(&rate_bytes, 4, 1, f);
    fwrite(&align, 2, 1, f);
    fwrite(&bits, 2, 1, f);
    fwrite("data", 1, 4, f);
    fwrite(&bytes, 4, 1, f);
    for (size_t i = 0; i < n; i++)
        for (uint16_t c = 0; c < channels; c++) {
            int16_t v = c == 1 ? 0 : (int16_t)lrintf(samples[i] * 32767);
            fwrite(&v, 2, 1, f);
        }
    assert_int_equal(fclose(f), 0);
    return path;
}

static const char *write_song(const char *name, double seconds, uint32_t rate,
                              uint16_t channels)
{
    size_t n;
    float *samples = sing(seconds, rate, &n);
    const char *path = write_wav(name, samples, n, rate, channels);

    free(samples);
    return path;
}

static float *clone_paths(const struct vanta_xtts_file *file, const char *const *paths,
                          size_t n, unsigned threads, double *seconds)
{
    float *voice = malloc(vanta_xtts_voice_floats(&file->sizes) * sizeof *voice);
    struct vanta_error err = {0};

    assert_non_null(voice);
    if (vanta_xtts_clone_files(file, paths, n,
                               &(struct vanta_xtts_clone_options){.threads = threads},
                               voice, seconds, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    return voice;
}

static void assert_refused(const struct vanta_xtts_file *file, const char *path,
                           enum vanta_status status, const char *why)
{
    float *voice = malloc(vanta_xtts_voice_floats(&file->sizes) * sizeof *voice);
    struct vanta_error err = {0};
    double seconds;

    assert_non_null(voice);
    assert_int_equal(
        vanta_xtts_clone_files(file, &path, 1,
                               &(struct vanta_xtts_clone_options){.threads = 1}, voice,
                               &seconds, &err), status);
    if (strstr(err.message, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, why);
    assert_true(err.hint[0] != '\0' || status != VANTA_ERR_CHECK);
    free(voice);
}

/* ---- the parts ---- */

/* A tone stays the same tone at any rate, and what is too high for one is gone. */
static void test_resampler(void **state)
{
    static const uint32_t rates[][2] = {{48000, 22050}, {44100, 22050}, {22050, 16000},
                                        {16000, 22050}, {8000, 22050},  {96000, 22050},
                                        {44101, 22050}, {22050, 22050}};

    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        uint32_t from = rates[i][0], to = rates[i][1];
        size_t n = from / 2, count;
        float *in = malloc(n * sizeof *in), *out;

        assert_non_null(in);
        for (size_t t = 0; t < n; t++)
            in[t] = (float)sin(2 * PI * 1000 * (double)t / from);
        out = vanta_xtts_resample(in, n, from, to, &count);
        assert_non_null(out);
        assert_int_equal(count, ((uint64_t)n * to + from - 1) / from);
        for (size_t t = to / 100; t < count - to / 100; t++)
            assert_true(fabs((double)out[t] - sin(2 * PI * 1000 * (double)t / to)) < 4e-3);
        free(out);
        for (size_t t = 0; t < n; t++)
            in[t] = (float)sin(2 * PI * 0.47 * (double)t);
        out = vanta_xtts_resample(in, n, from, to, &count);
        assert_non_null(out);
        for (size_t t = to / 100; to < from && t < count - to / 100; t++)
            assert_true(fabs((double)out[t]) < 0.5);
        free(out);
        free(in);
    }
}

/* Against a sum of cosines for each bin, mirrored ends included. */
static void test_spectrogram(void **state)
{
    float window[24], weights[3 * 17], samples[50], out[8 * 3];
    struct vanta_xtts_mel mel = {32, 24, 7, 3, window, weights};
    uint32_t seed = 9;

    (void)state;
    vanta_xtts_mel_hann(24, window);
    vanta_xtts_mel_triangles(32, 1000, 400, 3, weights);
    for (size_t i = 0; i < 50; i++) {
        seed = seed * 1664525U + 1013904223U;
        samples[i] = (float)(seed >> 8) / 8388608.0F - 1;
    }
    assert_int_equal(vanta_xtts_mel_frames(&mel, 50), 8);
    assert_true(vanta_xtts_mel_run(&mel, samples, 50, out));
    for (int t = 0; t < 8; t++)
        for (int b = 0; b < 3; b++) {
            double band = 0;
            for (int k = 0; k <= 16; k++) {
                double re = 0, im = 0;
                for (int i = 0; i < 24; i++) {
                    int at = t * 7 - 16 + 4 + i;
                    at = at < 0 ? -at : at > 49 ? 98 - at : at;
                    re += (double)window[i] * (double)samples[at] * cos(2 * PI * k * (i + 4) / 32);
                    im += (double)window[i] * (double)samples[at] * sin(2 * PI * k * (i + 4) / 32);
                }
                band += (re * re + im * im) * (double)weights[b * 17 + k];
            }
            assert_true(fabs(band - (double)out[t * 3 + b]) < 1e-6);
        }
}

/* ---- voices ---- */

/* Neither threads nor container, rate and channels of a recording make another voice. */
static void test_same_voice(void **state)
{
    struct vanta_xtts_file *file = xtts_open(in_scratch("f32.gguf"));
    const struct vanta_xtts_sizes *s = &file->sizes;
    size_t own = (size_t)s->latents * s->width;
    const char *plain = write_song("plain.wav", 5.2, HZ, 1);
    const char *other[] = {write_song("stereo.wav", 5.2, 48000, 2),
                           write_song("high.wav", 5.2, 44100, 1)};
    double seconds;
    float *voice = clone_paths(file, &plain, 1, 1, &seconds), *more;

    (void)state;
    assert_true(fabs(seconds - 5.2) < 1e-3);
    for (unsigned threads = 2; threads < 5; threads++) {
        more = clone_paths(file, &plain, 1, threads, &seconds);
        assert_memory_equal(voice, more, (own + s->speaker_width) * sizeof *voice);
        free(more);
    }
    for (size_t i = 0; i < 2; i++) {
        more = clone_paths(file, &other[i], 1, 2, &seconds);
        assert_true(fabs(seconds - 5.2) < 1e-3);
        assert_true(xtts_compare(voice, more, own).cosine > 0.99);
        assert_true(xtts_compare(voice + own, more + own, s->speaker_width).cosine > 0.99);
        free(more);
    }
    free(voice);
    vanta_xtts_file_close(file);
}

/* The embedding of several recordings is the mean; what is too long is cut. */
static void test_several(void **state)
{
    struct vanta_xtts_file *file = xtts_open(in_scratch("q8_0.gguf"));
    const struct vanta_xtts_sizes *s = &file->sizes;
    size_t own = (size_t)s->latents * s->width;
    const char *paths[] = {write_song("one.wav", 2.5, HZ, 1),
                           write_song("two.wav", 3.5, 16000, 1),
                           write_song("short.wav", 0.2, HZ, 1)};
    const char *length[] = {write_song("long.wav", 31.5, 8000, 1),
                            write_song("exact.wav", 30, 8000, 1)};
    double seconds;
    float *one = clone_paths(file, &paths[0], 1, 2, &seconds);
    float *two = clone_paths(file, &paths[1], 1, 2, &seconds);
    float *both = clone_paths(file, paths, 3, 2, &seconds);

    (void)state;
    assert_true(fabs(seconds - 6.2) < 1e-3);
    for (size_t i = own; i < own + s->speaker_width; i++)
        assert_true(fabs((double)(one[i] + two[i]) / 2 - (double)both[i]) < 1e-6);
    assert_true(xtts_compare(both, one, own).most > 1e-3);
    free(one);
    free(two);
    free(both);
    one = clone_paths(file, &length[0], 1, 2, &seconds);
    assert_true(fabs(seconds - 30) < 1e-9);
    two = clone_paths(file, &length[1], 1, 2, &seconds);
    assert_true(xtts_compare(one, two, own).cosine > 0.9999);
    free(one);
    free(two);
    vanta_xtts_file_close(file);
}

static void test_bad_recordings(void **state)
{
    struct vanta_xtts_file *file = xtts_open(in_scratch("f16.gguf"));
    float *quiet = calloc(3 * HZ, sizeof *quiet);
    const char *no_audio = in_scratch("notes.txt");

    (void)state;
    assert_non_null(quiet);
    xtts_write_text(no_audio, "These are words about a voice, and no voice.\n");
    assert_refused(file, write_song("tenth.wav", 0.1, HZ, 1), VANTA_ERR_CHECK,
                   "0.10 s of recording: too short");
    assert_refused(file, write_wav("none.wav", quiet, 0, HZ, 1), VANTA_ERR_CHECK,
                   "too short");
    assert_refused(file, write_wav("quiet.wav", quiet, 3 * HZ, HZ, 1), VANTA_ERR_CHECK,
                   "recording 1 is silent");
    assert_refused(file, no_audio, VANTA_ERR_FORMAT, "notes.txt");
    assert_refused(file, in_scratch("missing.wav"), VANTA_ERR_NOT_FOUND, "missing.wav");
    assert_refused(file, scratch, VANTA_ERR_UNSUPPORTED, "folder");
    free(quiet);
    vanta_xtts_file_close(file);
}

static void test_stopped(void **state)
{
    struct vanta_xtts_file *file = xtts_open(in_scratch("f32.gguf"));
    const char *path = write_song("stopped.wav", 2, HZ, 1);
    float *voice = malloc(vanta_xtts_voice_floats(&file->sizes) * sizeof *voice);
    atomic_bool cancel = true;
    struct vanta_xtts_clone_options options = {.threads = 2, .cancel = &cancel};
    double seconds;

    (void)state;
    assert_non_null(voice);
    assert_int_equal(vanta_xtts_clone_files(file, &path, 1, &options, voice, &seconds,
                                            NULL), VANTA_ERR_CANCELLED);
    assert_int_equal(vanta_xtts_clone_files(file, &path, 0, &options, voice, &seconds,
                                            NULL), VANTA_ERR_USAGE);
    free(voice);
    vanta_xtts_file_close(file);
}

static void test_builtin(void **state)
{
    struct vanta_xtts_file *file = xtts_open(in_scratch("f32.gguf"));
    const struct vanta_xtts_sizes *s = &file->sizes;
    size_t own = (size_t)s->latents * s->width;
    float *latents = xtts_units("Abrahan Mack/gpt", own, 0.5F);
    float *voice = malloc(vanta_xtts_voice_floats(s) * sizeof *voice);
    struct vanta_error err = {0};

    (void)state;
    assert_non_null(voice);
    assert_int_equal(s->speakers, 2);
    assert_string_equal(vanta_xtts_file_speaker(file, 0), "Claribel Dervla");
    assert_null(vanta_xtts_file_speaker(file, 2));
    assert_int_equal(vanta_xtts_voice_builtin(file, "Abrahan Mack", voice, NULL), VANTA_OK);
    assert_memory_equal(voice, latents, own * sizeof *voice);
    assert_int_equal(vanta_xtts_voice_builtin(file, "Claribel Derla", voice, &err),
                     VANTA_ERR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "Claribel Dervla"));
    free(latents);
    free(voice);
    vanta_xtts_file_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resampler),      cmocka_unit_test(test_spectrogram),
        cmocka_unit_test(test_same_voice),     cmocka_unit_test(test_several),
        cmocka_unit_test(test_bad_recordings), cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_builtin),
    };

    return cmocka_run_group_tests(tests, xtts_setup, scratch_teardown);
}
