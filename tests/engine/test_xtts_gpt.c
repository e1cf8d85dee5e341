/* XTTS's GPT on the small model of the converter: codes one by one and all at once, the
 * voice's keys kept, limits, damage; and how a code is chosen. */
#include "engines/helper/xtts_gpt.h"
#include "engines/helper/xtts_sample.h"
#include "xtts_models.h"

#define CODES 12
#define WHOLE_MAX ((size_t)32 << 20)

static const int32_t text[] = {3, 50, 47, 148, 57, 2, 65, 140, 29};
static const size_t text_length = sizeof text / sizeof *text;
static const struct vanta_xtts_gpt_run run = {.prefix_threads = 2, .code_threads = 1};

struct said {
    struct vanta_xtts_file *file;
    struct vanta_xtts_gpt *gpt;
    float *latents, *hidden, *logits;
};

static struct said open_model(const char *type)
{
    char name[32];
    struct said s;
    struct vanta_error err = {0};

    snprintf(name, sizeof name, "%s.gguf", type);
    s.file = xtts_open(in_scratch(name));
    if (vanta_xtts_gpt_load(s.file, &s.gpt, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    s.latents = xtts_units("voice", s.file->sizes.latents * s.file->sizes.width, 0.5F);
    s.hidden = calloc(64, s.file->sizes.width * sizeof(float));
    s.logits = calloc(64, s.file->sizes.audio_vocabulary * sizeof(float));
    assert_non_null(s.hidden);
    assert_non_null(s.logits);
    return s;
}

static void close_model(struct said *s)
{
    vanta_xtts_gpt_free(s->gpt);
    vanta_xtts_file_close(s->file);
    free(s->latents);
    free(s->hidden);
    free(s->logits);
}

static void begin(struct said *s)
{
    assert_int_equal(vanta_xtts_gpt_begin(s->gpt, s->latents, text, text_length, NULL),
                     VANTA_OK);
}

/* The codes in steps of so many; hidden and logits have a row for each. */
static void say(struct said *s, size_t step)
{
    int32_t codes[CODES];

    for (int32_t i = 0; i < CODES; i++)
        codes[i] = i == 0 ? (int32_t)s->file->sizes.audio_start : i * 7 % 64;
    begin(s);
    for (size_t i = 0; i < CODES; i += step)
        assert_int_equal(
            vanta_xtts_gpt_next(s->gpt, &run, codes + i, step,
                                s->hidden + i * s->file->sizes.width,
                                s->logits + i * s->file->sizes.audio_vocabulary, NULL),
            VANTA_OK);
}

static void test_one_by_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct said one = open_model(xtts_types[i]), all = open_model(xtts_types[i]);
        size_t n = CODES * one.file->sizes.audio_vocabulary;
        struct xtts_difference d;

        say(&one, 1);
        say(&all, CODES);
        d = xtts_compare(one.logits, all.logits, n);
        print_message("%s: one by one and at once, %.2g\n", xtts_types[i], d.most);
        assert_true(d.most < (i == 0 ? 2e-3 : 2e-2)); /* ggml's GELU is a table of f16 */
        assert_true(d.cosine > 0.9999);
        d = xtts_compare(one.hidden, all.hidden, CODES * one.file->sizes.width);
        assert_true(d.most < (i == 0 ? 2e-3 : 2e-2));
        close_model(&one);
        close_model(&all);
    }
}

static void test_voice_is_kept(void **state)
{
    struct said s = open_model("q8_0");
    size_t bytes = CODES * s.file->sizes.audio_vocabulary * sizeof(float);
    float *first = malloc(bytes), *other = malloc(bytes);

    (void)state;
    assert_non_null(first);
    assert_non_null(other);
    say(&s, 1);
    memcpy(first, s.logits, bytes);
    say(&s, 1); /* the same bits, with the voice's keys there */
    assert_memory_equal(first, s.logits, bytes);
    s.latents[5] += 0.5F;
    say(&s, 1);
    memcpy(other, s.logits, bytes);
    assert_true(memcmp(first, other, bytes) != 0);
    s.latents[5] -= 0.5F;
    say(&s, 1);
    assert_true(memcmp(other, s.logits, bytes) != 0);
    free(first);
    free(other);
    close_model(&s);
}

static void test_limits(void **state)
{
    struct said s = open_model("f16");
    const struct vanta_xtts_sizes *z = &s.file->sizes;
    int32_t *ids = calloc(z->text_max_tokens, sizeof *ids);
    int32_t code = (int32_t)z->audio_start;
    struct vanta_error err = {0};

    (void)state;
    assert_non_null(ids);
    assert_int_equal(vanta_xtts_gpt_begin(s.gpt, s.latents, ids, z->text_max_tokens, &err),
                     VANTA_ERR_USAGE);
    ids[0] = (int32_t)z->text_vocabulary;
    assert_int_equal(vanta_xtts_gpt_begin(s.gpt, s.latents, ids, 1, NULL), VANTA_ERR_USAGE);
    ids[0] = -1;
    assert_int_equal(vanta_xtts_gpt_begin(s.gpt, s.latents, ids, 1, NULL), VANTA_ERR_USAGE);
    ids[0] = 0;
    assert_int_equal(
        vanta_xtts_gpt_begin(s.gpt, s.latents, ids, z->text_max_tokens - 1, NULL), VANTA_OK);
    for (uint32_t i = 0; i < z->audio_max_tokens; i++)
        assert_int_equal(
            vanta_xtts_gpt_next(s.gpt, &run, &code, 1, s.hidden, s.logits, NULL), VANTA_OK);
    assert_int_equal(vanta_xtts_gpt_next(s.gpt, &run, &code, 1, s.hidden, s.logits, NULL),
                     VANTA_ERR_USAGE);
    begin(&s);
    code = (int32_t)z->audio_vocabulary;
    assert_int_equal(vanta_xtts_gpt_next(s.gpt, &run, &code, 1, s.hidden, s.logits, NULL),
                     VANTA_ERR_USAGE);
    free(ids);
    close_model(&s);
}

static void test_cancel_and_damage(void **state)
{
    struct said s = open_model("f16");
    int32_t code = (int32_t)s.file->sizes.audio_start;
    atomic_bool cancel = true;
    struct vanta_xtts_gpt_run stopped = run;

    (void)state;
    stopped.cancel = &cancel;
    begin(&s);
    assert_int_equal(vanta_xtts_gpt_next(s.gpt, &stopped, &code, 1, s.hidden, s.logits, NULL),
                     VANTA_ERR_CANCELLED);
    say(&s, 1); /* and goes on afterwards */
    s.latents[0] = NAN;
    begin(&s);
    assert_int_equal(vanta_xtts_gpt_next(s.gpt, &run, &code, 1, s.hidden, s.logits, NULL),
                     VANTA_ERR_CHECK);
    close_model(&s);
}

/* A file cut anywhere is refused at its opening or by the load, never read beyond. */
static void test_cut_files(void **state)
{
    FILE *whole = fopen(in_scratch("q8_0.gguf"), "rb");
    char *data = malloc(WHOLE_MAX);
    size_t n = whole && data ? fread(data, 1, WHOLE_MAX, whole) : 0;
    struct vanta_xtts_file *sound = xtts_open(in_scratch("q8_0.gguf"));
    size_t start = gguf_get_data_offset(sound->gguf);
    int64_t head = gguf_find_tensor(sound->gguf, "audio_head.bias");
    size_t end = start + gguf_get_tensor_offset(sound->gguf, head) +
                 gguf_get_tensor_size(sound->gguf, head);
    size_t cuts[] = {0, 3, 24, 100, start / 2, start - 1, start, start + 1000, end - 1};

    (void)state;
    vanta_xtts_file_close(sound);
    assert_in_range(n, 1000, WHOLE_MAX - 1);
    fclose(whole);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        struct vanta_xtts_file *file = NULL;
        struct vanta_xtts_gpt *gpt = NULL;
        FILE *f = fopen(in_scratch("cut.gguf"), "wb");

        assert_non_null(f);
        assert_int_equal(fwrite(data, 1, cuts[i], f), cuts[i]);
        fclose(f);
        if (vanta_xtts_file_open(in_scratch("cut.gguf"), &file, NULL) != VANTA_OK)
            continue;
        assert_int_not_equal(vanta_xtts_gpt_load(file, &gpt, NULL), VANTA_OK);
        assert_null(gpt);
        vanta_xtts_file_close(file);
    }
    free(data);
}

/* Sizes that do not fit the tensors. */
static void test_lying_sizes(void **state)
{
    struct vanta_xtts_file *file = xtts_open(in_scratch("q8_0.gguf"));
    const struct vanta_xtts_sizes good = file->sizes;
    uint32_t *lies[] = {&file->sizes.blocks, &file->sizes.feed_forward,
                        &file->sizes.text_vocabulary, &file->sizes.text_positions,
                        &file->sizes.audio_vocabulary, &file->sizes.audio_positions};
    struct vanta_xtts_gpt *gpt;

    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        *lies[i] += 32;
        assert_int_equal(vanta_xtts_gpt_load(file, &gpt, NULL), VANTA_ERR_FORMAT);
        assert_null(gpt);
        file->sizes = good;
    }
    vanta_xtts_file_close(file);
}

/* ---- choosing ---- */

static struct vanta_xtts_sampler sampler;

static int32_t next(const float *logits, uint32_t n)
{
    int32_t code;

    assert_int_equal(vanta_xtts_sampler_next(&sampler, logits, n, &code, NULL), VANTA_OK);
    return code;
}

static void test_penalty(void **state)
{
    const struct vanta_xtts_sampling greedy = {.repetition_penalty = 4, .top_p = 1};
    const float up[] = {1, 3, 2, -1}, down[] = {-2, -1, -3, -9};

    (void)state;
    vanta_xtts_sampler_start(&sampler, &greedy, 0, 3);
    assert_int_equal(next(up, 4), 2);   /* 1 is used from the start: 3 / 4 */
    assert_int_equal(next(up, 4), 0);   /* 2 / 4 */
    assert_int_equal(next(up, 4), 1);   /* 0.25, 0.75, 0.5 */
    vanta_xtts_sampler_start(&sampler, &greedy, 0, 3);
    assert_int_equal(next(down, 4), 0); /* -1 * 4 < -2 */
    assert_int_equal(next(down, 4), 2);
}

static void count(const struct vanta_xtts_sampling *options, const float *logits,
                  uint32_t n, unsigned draws, unsigned *times)
{
    memset(times, 0, n * sizeof *times);
    vanta_xtts_sampler_start(&sampler, options, 42, 3);
    for (unsigned i = 0; i < draws; i++)
        times[next(logits, n)]++;
}

static void test_distribution(void **state)
{
    struct vanta_xtts_sampling o = {.temperature = 1, .top_p = 1, .repetition_penalty = 1};
    const float logits[] = {logf(0.5F), logf(0.3F), logf(0.15F), logf(0.05F)};
    const double share[] = {0.5, 0.3, 0.15, 0.05};
    unsigned times[4];

    (void)state;
    count(&o, logits, 4, 100000, times);
    for (unsigned i = 0; i < 4; i++)
        assert_true(fabs(times[i] / 1e5 - share[i]) < 0.01);
    o.top_k = 2;
    count(&o, logits, 4, 100000, times);
    assert_true(fabs(times[0] / 1e5 - 0.625) < 0.01);
    assert_int_equal(times[2] + times[3], 0);
    o.top_k = 0;
    o.top_p = 0.9F; /* the last 0.05 are within 0.1, 0.05 and 0.15 together are not */
    count(&o, logits, 4, 100000, times);
    assert_int_equal(times[3], 0);
    assert_true(fabs(times[2] / 1e5 - 0.15 / 0.95) < 0.01);
    o.top_p = 1e-6F; /* one stays at least */
    count(&o, logits, 4, 1000, times);
    assert_int_equal(times[0], 1000);
    o.top_p = 1;
    o.temperature = 0.5F;
    count(&o, logits, 4, 100000, times);
    assert_true(fabs(times[0] / 1e5 - 0.25 / 0.365) < 0.01);
}

/* Each pair of steps in the other order would keep another set. */
static void test_order_of_steps(void **state)
{
    struct vanta_xtts_sampling o = {.temperature = 0.5F, .top_p = 0.9F,
                                    .repetition_penalty = 1};
    const float logits[] = {logf(0.5F), logf(0.3F), logf(0.15F), logf(0.05F)};
    const float used[] = {1, 1.5F, 0.5F, -9};
    unsigned times[4];

    (void)state;
    /* Of the squares 0.25, 0.09, 0.0225 and 0.0025 the last two are within a tenth. */
    count(&o, logits, 4, 20000, times);
    assert_true(times[1] > 0);
    assert_int_equal(times[2] + times[3], 0);
    /* Of three that stay the last has 0.158, within 0.17; of all four the last two have
     * 0.2, and one of them would stay. */
    o = (struct vanta_xtts_sampling){1, 0.83F, 1, 3};
    count(&o, logits, 4, 20000, times);
    assert_true(times[1] > 0);
    assert_int_equal(times[2] + times[3], 0);
    /* The penalty makes another one the largest: 1.5 / 2 < 1. */
    o = (struct vanta_xtts_sampling){0.7F, 1, 2, 1};
    vanta_xtts_sampler_start(&sampler, &o, 5, 3);
    assert_int_equal(next(used, 4), 0);
    assert_int_equal(next(used, 4), 1); /* 0.5, 0.75, 0.5 */
}

static void test_equals_and_seeds(void **state)
{
    struct vanta_xtts_sampling o = {.temperature = 1, .top_p = 1, .repetition_penalty = 1,
                                    .top_k = 1};
    const float same[] = {1, 1, 1, 0};
    unsigned times[4];
    int32_t first[32];
    bool differs = false;

    (void)state;
    count(&o, same, 4, 3000, times); /* as large as the k-th is not below it */
    assert_true(times[0] > 900 && times[1] > 900 && times[2] > 900 && times[3] == 0);
    for (uint64_t seed = 7; seed < 9; seed++) {
        vanta_xtts_sampler_start(&sampler, &o, seed, 3);
        for (size_t i = 0; i < 32; i++) {
            int32_t code = next(same, 4);
            differs = differs || (seed == 8 && code != first[i]);
            first[i] = code;
        }
    }
    assert_true(differs);
    assert_int_equal(vanta_xtts_sampler_next(&sampler, same, 0, first, NULL),
                     VANTA_ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_by_one),
        cmocka_unit_test(test_voice_is_kept),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_cancel_and_damage),
        cmocka_unit_test(test_cut_files),
        cmocka_unit_test(test_lying_sizes),
        cmocka_unit_test(test_penalty),
        cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_order_of_steps),
        cmocka_unit_test(test_equals_and_seeds),
    };

    return cmocka_run_group_tests(tests, xtts_setup, scratch_teardown);
}
