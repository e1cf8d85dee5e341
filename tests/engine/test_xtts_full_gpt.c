/* XTTS's GPT at its full size, on weights by formula, against what coqui-tts 0.28 gave for
 * the very same weights: codes that are given, and codes that it chooses. */
#include <jansson.h>
#include <time.h>

#include "engines/helper/xtts_gpt.h"
#include "engines/helper/xtts_sample.h"
#include "xtts_speaking.h"

#define CODES 40
#define WIDTH 1024
#define LOGITS 1026
#define ROWS 32
#define SPEAKER 512
#define SAMPLES 44544

static const struct vanta_xtts_gpt_run run = {.prefix_threads = 2, .code_threads = 1};
static const uint32_t shown[] = {0, 1, 10, 39};
static int32_t text[64], forced[CODES + 1], argmax[CODES], greedy[CODES];
static size_t text_length;

static size_t numbers(const json_t *all, const char *name, int32_t *out, size_t room)
{
    const json_t *list = json_object_get(all, name);
    size_t n = json_array_size(list);

    assert_in_range(n, 1, room);
    for (size_t i = 0; i < n; i++)
        out[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return n;
}

static int setup(void **state)
{
    json_t *all = json_load_file(TEST_DATA "/xtts/codes.json", 0, NULL);

    (void)state;
    assert_non_null(all);
    text_length = numbers(all, "text_ids", text, 64);
    assert_int_equal(numbers(all, "forced_codes", forced + 1, CODES), CODES);
    assert_int_equal(numbers(all, "forced_argmax", argmax, CODES), CODES);
    assert_int_equal(numbers(all, "greedy_codes", greedy, CODES), CODES);
    json_decref(all);
    return 0;
}

static struct vanta_xtts_gpt *begin(const char *type, struct vanta_xtts_file **file)
{
    float *latents = xtts_units("ref.gpt_cond_latent", ROWS * WIDTH, 0.5F);
    struct vanta_xtts_gpt *gpt;
    struct vanta_error err = {0};
    char path[4096];

    snprintf(path, sizeof path, "%s/%s.gguf", XTTS_MODELS, type);
    *file = xtts_open(path);
    if (vanta_xtts_gpt_load(*file, &gpt, &err) != VANTA_OK ||
        vanta_xtts_gpt_begin(gpt, latents, text, text_length, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    free(latents);
    return gpt;
}

static int32_t largest(const float *logits)
{
    int32_t best = 0;

    for (int32_t i = 1; i < LOGITS; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

static void check_rows(const char *type, const float *latents, const float *logits)
{
    float *expected = xtts_npy("forced_latents_0_1_10_39", 4, WIDTH);
    float *last = xtts_npy("forced_logits_0_39", 2, LOGITS);
    bool exact = strcmp(type, "f32") == 0;
    unsigned same = 0;

    for (size_t i = 0; i < 4; i++) {
        struct xtts_difference d =
            xtts_compare(latents + shown[i] * WIDTH, expected + i * WIDTH, WIDTH);
        print_message("%s: latent %u, difference %.2g, cosine %.7f\n", type, shown[i],
                      d.most, d.cosine);
        assert_true(d.cosine > (exact ? 0.99999 : 0.999));
        assert_true(!exact || d.most < 2e-3);
    }
    for (size_t i = 0; i < 2; i++) {
        struct xtts_difference d = xtts_compare(logits + i * (CODES - 1) * LOGITS,
                                                last + i * LOGITS, LOGITS);
        print_message("%s: logits, difference %.2g, cosine %.7f\n", type, d.most, d.cosine);
        assert_true(d.cosine > (exact ? 0.99999 : 0.999));
        assert_true(!exact || d.most < 2e-3);
    }
    for (size_t i = 0; i < CODES; i++)
        same += largest(logits + i * LOGITS) == argmax[i];
    print_message("%s: %u of %d largest logits are the same\n", type, same, CODES);
    assert_true(!exact || same == CODES);
    free(expected);
    free(last);
}

static void check_sound(const char *type, const struct vanta_xtts_file *file,
                        const float *latents)
{
    float *expected = xtts_npy("forced_wav", 1, SAMPLES);
    float *voice = xtts_direction("ref.speaker_embedding", SPEAKER);
    bool exact = strcmp(type, "f32") == 0;
    struct vanta_xtts_vocoder *vocoder;
    struct xtts_difference d;
    struct heard heard;

    assert_int_equal(vanta_xtts_vocoder_load(file, NULL, &vocoder, NULL), VANTA_OK);
    heard = speak(vocoder, &file->sizes, voice, latents, CODES,
                  &(struct manner){.speed = 1, .threads = 2, .step = 1});
    assert_int_equal(heard.count, SAMPLES);
    d = xtts_compare(heard.samples, expected, SAMPLES);
    print_message("%s: sound, difference %.2g, correlation %.7f\n", type, d.most, d.cosine);
    assert_true(d.cosine > (exact ? 0.9999 : 0.99));
    assert_true(!exact || d.most < 2e-3);
    free(heard.samples);
    free(voice);
    free(expected);
    vanta_xtts_vocoder_free(vocoder);
}

/* One by one, and all in one pass. */
static void test_forced(void **state)
{
    float *latents = malloc(CODES * WIDTH * sizeof(float));
    float *logits = malloc(CODES * LOGITS * sizeof(float));
    float *whole = malloc(CODES * WIDTH * sizeof(float));

    (void)state;
    assert_true(latents != NULL && logits != NULL && whole != NULL);
    for (size_t t = 0; t < 3; t++) {
        struct vanta_xtts_file *file;
        struct vanta_xtts_gpt *gpt = begin(xtts_types[t], &file);
        struct vanta_error err = {0};
        struct xtts_difference d;

        forced[0] = (int32_t)file->sizes.audio_start;
        if (vanta_xtts_gpt_next(gpt, &run, forced, CODES, whole, logits, &err) != VANTA_OK)
            fail_msg("%s", err.message);
        vanta_xtts_gpt_free(gpt);
        vanta_xtts_file_close(file);
        gpt = begin(xtts_types[t], &file);
        for (size_t i = 0; i < CODES; i++)
            if (vanta_xtts_gpt_next(gpt, &run, forced + i, 1, latents + i * WIDTH,
                                    logits + i * LOGITS, &err) != VANTA_OK)
                fail_msg("%s", err.message);
        d = xtts_compare(latents, whole, CODES * WIDTH);
        print_message("%s: one by one and at once, difference %.2g, cosine %.7f\n",
                      xtts_types[t], d.most, d.cosine);
        assert_true(t == 0 ? d.most < 2e-3 : d.cosine > 0.9999);
        check_rows(xtts_types[t], latents, logits);
        check_sound(xtts_types[t], file, latents);
        vanta_xtts_gpt_free(gpt);
        vanta_xtts_file_close(file);
    }
    free(latents);
    free(logits);
    free(whole);
}

static void test_greedy(void **state)
{
    static const struct vanta_xtts_sampling options = {.repetition_penalty = 5, .top_p = 1};
    static struct vanta_xtts_sampler sampler;
    static float hidden[WIDTH], logits[LOGITS];
    struct vanta_xtts_file *file;
    struct vanta_xtts_gpt *gpt = begin("f32", &file);
    int32_t code = (int32_t)file->sizes.audio_start;

    (void)state;
    vanta_xtts_sampler_start(&sampler, &options, 0, file->sizes.audio_start);
    for (size_t i = 0; i < CODES; i++) {
        assert_int_equal(vanta_xtts_gpt_next(gpt, &run, &code, 1, hidden, logits, NULL),
                         VANTA_OK);
        assert_int_equal(vanta_xtts_sampler_next(&sampler, logits, LOGITS, &code, NULL),
                         VANTA_OK);
        assert_int_equal(code, greedy[i]);
    }
    vanta_xtts_gpt_free(gpt);
    vanta_xtts_file_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forced),
        cmocka_unit_test(test_greedy),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
