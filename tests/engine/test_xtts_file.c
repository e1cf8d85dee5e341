/* The GGUF of an XTTS model as a reader finds it: damaged, cut short, of another kind, with
 * keys and tensors that do not fit. Each is refused with its reason before it is used. */
#include "engines/helper/xtts_clone.h"
#include "engines/helper/xtts_vocoder.h"
#include "xtts_models.h"

/* Loads all that this file is read for; the first failure's status. */
static enum vanta_status use(const char *path, struct vanta_error *err)
{
    struct vanta_xtts_file *file = NULL;
    struct vanta_xtts_vocoder *vocoder = NULL;
    enum vanta_status status = vanta_xtts_file_open(path, &file, err);

    if (status == VANTA_OK) {
        size_t n = 2 * file->sizes.input_hz;
        float *samples = xtts_units("noise", n, 0.3F);
        float *voice = malloc(vanta_xtts_voice_floats(&file->sizes) * sizeof *voice);
        struct vanta_xtts_recording recording = {samples, n};

        assert_non_null(voice);
        status = vanta_xtts_vocoder_load(file, NULL, &vocoder, err);
        assert_true((status == VANTA_OK) == (vocoder != NULL));
        if (status == VANTA_OK)
            status = vanta_xtts_clone(file, &recording, 1,
                                      &(struct vanta_xtts_clone_options){.threads = 1},
                                      voice, err);
        if (status == VANTA_OK && file->sizes.speakers > 0)
            status = vanta_xtts_voice_builtin(file, vanta_xtts_file_speaker(file, 0), voice,
                                              err);
        free(samples);
        free(voice);
    } else {
        assert_null(file);
    }
    vanta_xtts_vocoder_free(vocoder);
    vanta_xtts_file_close(file);
    return status;
}

static void assert_refused(const char *path, enum vanta_status status, const char *why)
{
    struct vanta_error err = {0};
    enum vanta_status found = use(path, &err);

    if (found != status || strstr(err.message, why) == NULL)
        fail_msg("%d, \"%s\"; expected %d, \"%s\"", (int)found, err.message, (int)status,
                 why);
}

struct copy {
    struct ggml_context *data;
    struct gguf_context *gguf;
};

static struct copy copy_open(void)
{
    struct copy c = {0};
    struct gguf_init_params params = {.ctx = &c.data};
    struct gguf_context *original = gguf_init_from_file(in_scratch("f32.gguf"), params);

    assert_non_null(original);
    c.gguf = gguf_init_empty();
    gguf_set_kv(c.gguf, original);
    for (int64_t i = 0; i < gguf_get_n_tensors(original); i++)
        gguf_add_tensor(c.gguf,
                        ggml_get_tensor(c.data, gguf_get_tensor_name(original, i)));
    gguf_free(original);
    return c;
}

static const char *copy_write(struct copy *c)
{
    const char *path = in_scratch("changed.gguf");

    assert_true(gguf_write_to_file(c->gguf, path, false));
    gguf_free(c->gguf);
    ggml_free(c->data);
    return path;
}

static void test_keys(void **state)
{
    static const struct {
        const char *name;
        uint32_t value;
        enum vanta_status status;
        const char *why;
    } changes[] = {
        {"block_count", 0, VANTA_ERR_LIMIT, "xtts.block_count is 0; 1 to 64"},
        {"embedding_length", 1 << 20, VANTA_ERR_LIMIT, "xtts.embedding_length"},
        {"embedding_length", 96, VANTA_ERR_FORMAT, "not as wide"},
        {"attention.head_count", 5, VANTA_ERR_FORMAT, "no multiple of the heads"},
        {"text.start", 300, VANTA_ERR_FORMAT, "text tokens"},
        {"text.max_tokens", 61, VANTA_ERR_FORMAT, "text tokens"},
        {"audio.stop", 66, VANTA_ERR_FORMAT, "audio codes"},
        {"audio.max_tokens", 100, VANTA_ERR_FORMAT, "audio codes"},
        {"vocoder.hop_length", 128, VANTA_ERR_FORMAT, "hop length"},
        {"conditioning.group_count", 7, VANTA_ERR_FORMAT, "groups"},
        {"conditioning.group_count", 0, VANTA_ERR_LIMIT, "group_count"},
        {"conditioning.mel_bands", 64, VANTA_ERR_FORMAT, "mel_stats"},
        {"conditioning.block_count", 3, VANTA_ERR_FORMAT, "no tensor cond.2"},
        {"perceiver.latents", 31, VANTA_ERR_FORMAT, "perceiver.latents"},
        {"perceiver.latents", 257, VANTA_ERR_LIMIT, "perceiver.latents"},
        {"perceiver.head_count", 4, VANTA_ERR_FORMAT, "perceiver.0.q"},
        {"speaker.embedding_length", 33, VANTA_ERR_FORMAT, "voc.cond_pre"},
        {"speaker_encoder.mel_bands", 80, VANTA_ERR_FORMAT, "spk.mel"},
        {"audio.input_hz", 0, VANTA_ERR_LIMIT, "input_hz"},
        {"cloning.chunk_seconds", 0, VANTA_ERR_LIMIT, "chunk_seconds"},
    };
    char key[64];

    (void)state;
    assert_int_equal(use(in_scratch("f32.gguf"), NULL), VANTA_OK);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct copy c = copy_open();
        snprintf(key, sizeof key, "xtts.%s", changes[i].name);
        assert_true(gguf_find_key(c.gguf, key) >= 0);
        gguf_set_val_u32(c.gguf, key, changes[i].value);
        assert_refused(copy_write(&c), changes[i].status, changes[i].why);
        c = copy_open();
        gguf_remove_key(c.gguf, key);
        assert_refused(copy_write(&c), VANTA_ERR_FORMAT, "no key xtts.");
        c = copy_open();
        gguf_remove_key(c.gguf, key);
        gguf_set_val_f32(c.gguf, key, 4);
        assert_refused(copy_write(&c), VANTA_ERR_FORMAT, "is not of type u32");
    }
}

static void test_lists(void **state)
{
    static const uint32_t odd[] = {8, 8, 2, 3}, many[] = {2, 2, 2, 2, 2, 2, 2, 2, 2};
    static const uint32_t zero[] = {3, 7, 0}, even[] = {3, 7, 10}, wide[] = {3, 7, 9};
    static const uint32_t other[] = {4, 8, 2, 4}, two[] = {1, 3};
    static const struct {
        const char *name;
        const uint32_t *values;
        size_t n;
        enum vanta_status status;
        const char *why;
    } changes[] = {
        {"vocoder.upsample_rates", odd, 4, VANTA_ERR_FORMAT, "hop length"},
        {"vocoder.upsample_rates", many, 9, VANTA_ERR_LIMIT, "upsample_rates is 9"},
        {"vocoder.upsample_rates", many, 8, VANTA_ERR_FORMAT, "voc.up."},
        {"vocoder.upsample_rates", other, 4, VANTA_ERR_FORMAT, "voc.up.0.weight"},
        {"vocoder.resblock_kernels", zero, 3, VANTA_ERR_LIMIT, "resblock_kernels"},
        {"vocoder.resblock_kernels", even, 3, VANTA_ERR_FORMAT, "even kernel"},
        {"vocoder.resblock_kernels", wide, 3, VANTA_ERR_FORMAT, "voc.res.2.conv1.0"},
        {"vocoder.resblock_dilations", two, 2, VANTA_ERR_LIMIT, "resblock_dilations"},
        {"speaker_encoder.blocks", many, 4, VANTA_ERR_FORMAT, "spk.1.1"},
    };
    char key[64];

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct copy c = copy_open();
        snprintf(key, sizeof key, "xtts.%s", changes[i].name);
        gguf_set_arr_data(c.gguf, key, GGUF_TYPE_UINT32, changes[i].values, changes[i].n);
        assert_refused(copy_write(&c), changes[i].status, changes[i].why);
    }
}

static void test_other_kinds(void **state)
{
    struct copy c = copy_open();

    (void)state;
    gguf_set_val_str(c.gguf, "general.architecture", "llama");
    assert_refused(copy_write(&c), VANTA_ERR_UNSUPPORTED, "architecture llama");
    c = copy_open();
    gguf_remove_key(c.gguf, "xtts.speakers");
    assert_int_equal(use(copy_write(&c), NULL), VANTA_OK); /* a model without voices */
    c = copy_open();
    gguf_set_val_str(c.gguf, "xtts.speakers", "one");
    assert_refused(copy_write(&c), VANTA_ERR_FORMAT, "array of strings");
    xtts_write_text(in_scratch("text.gguf"), "This is a text and no model at all.\n");
    assert_refused(in_scratch("text.gguf"), VANTA_ERR_FORMAT, "not a GGUF file");
    assert_refused(in_scratch("none.gguf"), VANTA_ERR_NOT_FOUND, "none.gguf");
    assert_refused(scratch, VANTA_ERR_FORMAT, "not a GGUF file");
}

/* Types that the loops cannot take, and values that are no numbers. */
static void test_tensors(void **state)
{
    struct copy c = copy_open();
    struct ggml_tensor *t = ggml_get_tensor(c.data, "voc.conv_pre.weight");

    (void)state;
    assert_non_null(t);
    gguf_set_tensor_type(c.gguf, "voc.conv_pre.bias", GGML_TYPE_F16);
    assert_refused(copy_write(&c), VANTA_ERR_UNSUPPORTED, "voc.conv_pre.bias has type f16");
    c = copy_open();
    t = ggml_get_tensor(c.data, "cond.1.qkv.weight");
    ((float *)t->data)[77] = NAN;
    assert_refused(copy_write(&c), VANTA_ERR_CHECK, "no numbers");
    c = copy_open();
    t = ggml_get_tensor(c.data, "spk.4.0.conv1.weight");
    ((float *)t->data)[7] = NAN;
    assert_refused(copy_write(&c), VANTA_ERR_CHECK, "no numbers");
}

static void test_cut_short(void **state)
{
    struct vanta_error err = {0};
    const char *path = in_scratch("cut.gguf");
    struct stat st;
    FILE *f;
    char *data;

    (void)state;
    assert_int_equal(stat(in_scratch("f32.gguf"), &st), 0);
    data = malloc((size_t)st.st_size);
    f = fopen(in_scratch("f32.gguf"), "rb");
    assert_non_null(f);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)st.st_size, f), st.st_size);
    fclose(f);
    for (off_t n = 0; n < st.st_size; n += n < 4096 ? 211 : 70001) {
        f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(data, 1, (size_t)n, f), n);
        fclose(f);
        assert_int_equal(use(path, &err), VANTA_ERR_FORMAT);
        memset(&err, 0, sizeof err);
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),    cmocka_unit_test(test_lists),
        cmocka_unit_test(test_other_kinds), cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_cut_short),
    };

    return cmocka_run_group_tests(tests, xtts_setup, scratch_teardown);
}
