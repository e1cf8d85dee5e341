/* XTTS at its full size, on weights by formula, against what coqui-tts 0.28 gave for the
 * very same weights (tests/data/xtts). The models are made by engine/xtts_models. */
#include "engines/helper/xtts_clone.h"
#include "xtts_speaking.h"

#define LATENTS 24
#define SAMPLES 26624
#define HEARD_SAMPLES 110250 /* 5 s of chirps and noise */
#define WIDTH 1024
#define ROWS 32
#define SPEAKER 512

static struct vanta_xtts_file *full(const char *type)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s.gguf", XTTS_MODELS, type);
    return xtts_open(path);
}

static void test_vocoder(void **state)
{
    float *expected = xtts_npy("vocoder_wav", 1, SAMPLES);
    float *latents = xtts_units("ref.latents", LATENTS * WIDTH, 1);
    float *voice = xtts_direction("ref.speaker_embedding", SPEAKER);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct vanta_xtts_file *file = full(xtts_types[i]);
        struct vanta_xtts_vocoder *vocoder;
        struct xtts_difference d;
        struct heard whole, cut;

        assert_int_equal(vanta_xtts_vocoder_load(file, NULL, &vocoder, NULL), VANTA_OK);
        assert_int_equal(vanta_xtts_vocoder_context(vocoder), 13);
        whole = speak(vocoder, &file->sizes, voice, latents, LATENTS,
                      &(struct manner){.speed = 1, .chunk = 1024});
        cut = speak(vocoder, &file->sizes, voice, latents, LATENTS,
                    &(struct manner){.speed = 1, .threads = 2, .chunk = 32, .step = 1});
        assert_int_equal(whole.count, SAMPLES);
        assert_memory_equal(whole.samples, cut.samples, SAMPLES * sizeof(float));
        d = xtts_compare(whole.samples, expected, SAMPLES);
        print_message("%s: vocoder, difference %.2g, correlation %.7f\n", xtts_types[i],
                      d.most, d.cosine);
        assert_true(d.most < (i == 0 ? 2e-5 : 2e-3));
        assert_true(d.cosine > (i == 0 ? 0.9999999 : 0.9999));
        free(whole.samples);
        free(cut.samples);
        vanta_xtts_vocoder_free(vocoder);
        vanta_xtts_file_close(file);
    }
    free(expected);
    free(latents);
    free(voice);
}

static void test_cloning(void **state)
{
    float *heard = xtts_npy("ref_audio_22050_f32", 1, HEARD_SAMPLES);
    float *latents = xtts_npy("gpt_cond_latent", ROWS, WIDTH);
    float *embedding = xtts_npy("speaker_embedding", 1, SPEAKER);
    struct vanta_xtts_recording recording = {heard, HEARD_SAMPLES};
    struct vanta_xtts_clone_options options = {.threads = 2};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct vanta_xtts_file *file = full(xtts_types[i]);
        size_t n = vanta_xtts_voice_floats(&file->sizes);
        float *voice = malloc(n * sizeof *voice);
        struct xtts_difference l, e;
        struct vanta_error err = {0};

        assert_non_null(voice);
        assert_int_equal(n, ROWS * WIDTH + SPEAKER);
        if (vanta_xtts_clone(file, &recording, 1, &options, voice, &err) != VANTA_OK)
            fail_msg("%s", err.message);
        l = xtts_compare(voice, latents, ROWS * WIDTH);
        e = xtts_compare(voice + ROWS * WIDTH, embedding, SPEAKER);
        print_message("%s: latents, difference %.2g, cosine %.7f; embedding %.2g, %.7f\n",
                      xtts_types[i], l.most, l.cosine, e.most, e.cosine);
        assert_true(l.most < (i == 0 ? 1e-4 : 2e-2) && e.most < (i == 0 ? 1e-5 : 1e-3));
        assert_true(l.cosine > (i == 0 ? 0.9999999 : 0.9999) && e.cosine > 0.99999);
        free(voice);
        vanta_xtts_file_close(file);
    }
    free(heard);
    free(latents);
    free(embedding);
}

/* The voice that the reference outputs were made with is the first of the file. */
static void test_voices(void **state)
{
    struct vanta_xtts_file *file = full("q8_0");
    float *latents = xtts_units("ref.gpt_cond_latent", ROWS * WIDTH, 0.5F);
    float *embedding = xtts_direction("ref.speaker_embedding", SPEAKER);
    float *voice = malloc((ROWS * WIDTH + SPEAKER) * sizeof *voice);

    (void)state;
    assert_non_null(voice);
    assert_int_equal(
        vanta_xtts_voice_builtin(file, "claribel dervla", voice, NULL), VANTA_OK);
    assert_memory_equal(voice, latents, ROWS * WIDTH * sizeof *voice);
    assert_memory_equal(voice + ROWS * WIDTH, embedding, SPEAKER * sizeof *voice);
    free(latents);
    free(embedding);
    free(voice);
    vanta_xtts_file_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vocoder),
        cmocka_unit_test(test_cloning),
        cmocka_unit_test(test_voices),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
