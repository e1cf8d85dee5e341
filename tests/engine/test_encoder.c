/* The encoder against the plain reference of encoder_fixture.h, for both architectures,
 * every type of weights, our own loops and ggml's operators. */
#include <pthread.h>
#include <time.h>

#include "encoder_fixture.h"

static const struct fixture small_bert = {
    .architecture = "bert", .layers = 2, .dimensions = 64, .heads = 4, .feed_forward = 96,
    .vocabulary = 50, .context = 64, .pooling = 1, .type = GGML_TYPE_F32};
static const struct fixture small_mpnet = {
    .architecture = "mpnet", .layers = 2, .dimensions = 64, .heads = 2,
    .feed_forward = 128, .vocabulary = 50, .context = 160, .pooling = 1, .type = GGML_TYPE_F32};
/* Sizes that no vector or panel divides. */
static const struct fixture odd_bert = {
    .architecture = "bert", .layers = 1, .dimensions = 45, .heads = 5, .feed_forward = 77,
    .vocabulary = 11, .context = 70, .pooling = 1, .type = GGML_TYPE_F32};

struct input {
    int32_t *ids;
    uint32_t *lengths;
    size_t count, tokens;
};

static struct input make_input(struct fixture *f, size_t count, uint32_t longest)
{
    struct input in = {.count = count};

    in.lengths = calloc(count, sizeof *in.lengths);
    in.ids = calloc(count * longest, sizeof *in.ids);
    assert_true(in.lengths != NULL && in.ids != NULL);
    for (size_t i = 0; i < count; i++) {
        in.lengths[i] = i == 0 ? longest : i == 1 ? 1 : 1 + (uint32_t)(i * 7) % longest;
        for (uint32_t t = 0; t < in.lengths[i]; t++)
            in.ids[in.tokens++] =
                (int32_t)((fixture_random(f) + 1) / 2 * (float)(f->vocabulary - 1));
    }
    return in;
}

static void free_input(struct input *in)
{
    free(in->ids);
    free(in->lengths);
}

static struct vanta_encoder *load(const char *path, bool plain, uint32_t batch)
{
    struct vanta_encoder_options options = {
        .threads = 2, .plain = plain, .batch_tokens = batch};
    struct vanta_encoder *encoder;
    struct vanta_error err = {0};
    enum vanta_status status = vanta_encoder_load(path, &options, &encoder, &err);

    if (status != VANTA_OK)
        fail_msg("%s", err.message);
    return encoder;
}

static float *embed(struct vanta_encoder *encoder, const struct input *in)
{
    struct vanta_encoder_info info;
    struct vanta_error err = {0};
    float *out;

    vanta_encoder_info(encoder, &info);
    out = calloc(in->count * info.dimensions, sizeof *out);
    assert_non_null(out);
    if (vanta_encoder_embed(encoder, in->ids, in->lengths, in->count, out, NULL, &err) !=
        VANTA_OK)
        fail_msg("%s", err.message);
    return out;
}

/* Every vector against the reference; worst is the least cosine allowed. */
static void compare(struct fixture *f, const struct input *in, const float *out,
                    double worst)
{
    double *expected = calloc(f->dimensions, sizeof *expected);
    const int32_t *ids = in->ids;

    assert_non_null(expected);
    for (size_t i = 0; i < in->count; i++, ids += in->lengths[i - 1]) {
        const float *vector = out + i * f->dimensions;
        double cosine, length = 0;

        fixture_reference(f, ids, in->lengths[i], true, expected);
        cosine = fixture_cosine(vector, expected, f->dimensions);
        for (uint32_t d = 0; d < f->dimensions; d++)
            length += (double)vector[d] * (double)vector[d];
        if (!(cosine >= worst) || fabs(length - 1) > 1e-5)
            fail_msg("text %zu of %u tokens: cosine %.8f, squared length %.8f", i,
                     in->lengths[i], cosine, length);
    }
    free(expected);
}

static void check(const struct fixture *model, enum ggml_type type, double worst)
{
    struct fixture f = *model;
    const char *path = in_scratch("model.gguf");
    struct input in;

    f.type = type;
    fixture_make(&f);
    fixture_write(&f, path);
    in = make_input(&f, 14, f.context);
    for (int plain = 0; plain < 2; plain++) {
        struct vanta_encoder *encoder = load(path, plain, 0);
        float *out = embed(encoder, &in);

        compare(&f, &in, out, worst);
        free(out);
        vanta_encoder_free(encoder);
    }
    free_input(&in);
    fixture_free(&f);
}

static void test_bert(void **state)
{
    (void)state;
    check(&small_bert, GGML_TYPE_F32, 0.999999);
}

static void test_mpnet(void **state)
{
    (void)state;
    check(&small_mpnet, GGML_TYPE_F32, 0.999999);
}

static void test_odd_sizes(void **state)
{
    (void)state;
    check(&odd_bert, GGML_TYPE_F32, 0.999999);
    check(&odd_bert, GGML_TYPE_F16, 0.9999);
}

/* The weights are the same numbers in both; what is left is the products' rounding. */
static void test_types(void **state)
{
    (void)state;
    check(&small_bert, GGML_TYPE_F16, 0.9999);
    check(&small_mpnet, GGML_TYPE_F16, 0.9999);
    check(&small_bert, GGML_TYPE_BF16, 0.999);
    check(&small_bert, GGML_TYPE_Q8_0, 0.999);
    check(&small_mpnet, GGML_TYPE_Q8_0, 0.999);
}

/* One batch, many batches, one by one, another order: the same vectors. */
static void test_batches(void **state)
{
    static const uint32_t sizes[] = {0, 160, 4096};
    struct fixture f = small_mpnet;
    const char *path = in_scratch("model.gguf");
    struct input in;
    float *first = NULL;

    (void)state;
    fixture_make(&f);
    fixture_write(&f, path);
    in = make_input(&f, 60, f.context);
    for (size_t i = 0; i < 6; i++) {
        struct vanta_encoder *encoder = load(path, i % 2, sizes[i / 2]);
        float *out = embed(encoder, &in);

        if (first == NULL) {
            first = out;
            compare(&f, &in, out, 0.999999);
        } else {
            for (size_t k = 0; k < in.count * f.dimensions; k++)
                assert_true(fabsf(out[k] - first[k]) < 2e-5F);
            free(out);
        }
        if (i == 0) {
            struct input one = {.ids = in.ids, .count = 1};
            for (size_t k = 0; k < in.count; one.ids += in.lengths[k++]) {
                one.lengths = &in.lengths[k];
                out = embed(encoder, &one);
                for (size_t d = 0; d < f.dimensions; d++)
                    assert_true(fabsf(out[d] - first[k * f.dimensions + d]) < 2e-5F);
                free(out);
            }
        }
        vanta_encoder_free(encoder);
    }
    free(first);
    free_input(&in);
    fixture_free(&f);
}

static void test_info(void **state)
{
    struct fixture f = small_mpnet;
    struct vanta_encoder_info info;
    struct vanta_encoder *encoder;
    const char *path = in_scratch("model.gguf");
    struct input in;

    (void)state;
    f.type = GGML_TYPE_Q8_0;
    fixture_make(&f);
    gguf_set_val_u32(f.gguf, "vanta.max_tokens", 100);
    fixture_write(&f, path);
    encoder = load(path, false, 0);
    in = make_input(&f, 3, 100);
    free(embed(encoder, &in));
    vanta_encoder_info(encoder, &info);
    assert_string_equal(info.architecture, "mpnet");
    assert_string_equal(info.weights, "q8_0");
    assert_string_equal(info.device, "CPU");
    assert_int_equal(info.dimensions, 64);
    assert_int_equal(info.layers, 2);
    assert_int_equal(info.heads, 2);
    assert_int_equal(info.vocabulary, 50);
    assert_int_equal(info.max_tokens, 100);
    /* Embeddings 212 x 64, norms, bias 32 x 2, layers 4 x 64^2 + 2 x 64 x 128 and biases. */
    assert_int_equal(info.parameters, 212 * 64 + 128 + 64 +
                                          2 * (4 * 4096 + 2 * 8192 + 5 * 64 + 128 + 256));
    assert_true(info.weight_bytes > info.parameters && info.compute_bytes > 100 * 64 * 4);
    vanta_encoder_free(encoder);
    vanta_encoder_free(NULL);
    free_input(&in);
    fixture_free(&f);
}

/* pooling_type 2 is the first token; vanta.normalize false keeps the length. */
static void test_pooling(void **state)
{
    struct fixture f = small_bert;
    const char *path = in_scratch("model.gguf");
    struct vanta_encoder *encoder;
    double expected[64];
    struct input in;
    float *out;

    (void)state;
    f.pooling = 2;
    fixture_make(&f);
    gguf_set_val_bool(f.gguf, "vanta.normalize", false);
    fixture_write(&f, path);
    encoder = load(path, false, 0);
    in = make_input(&f, 1, 9);
    out = embed(encoder, &in);
    fixture_reference(&f, in.ids, 9, false, expected);
    for (int d = 0; d < 64; d++)
        assert_true(fabs((double)out[d] - expected[d]) < 1e-4);
    free(out);
    free_input(&in);
    vanta_encoder_free(encoder);
    fixture_free(&f);
}

static void test_cancel(void **state)
{
    struct fixture f = small_bert;
    const char *path = in_scratch("model.gguf");
    struct vanta_error err = {0};
    struct vanta_encoder *encoder;
    atomic_bool cancel = true;
    struct input in;
    float *out;

    (void)state;
    fixture_make(&f);
    fixture_write(&f, path);
    encoder = load(path, false, 0);
    in = make_input(&f, 20, 30);
    out = embed(encoder, &in);
    assert_int_equal(vanta_encoder_embed(encoder, in.ids, in.lengths, in.count, out,
                                         &cancel, &err), VANTA_ERR_CANCELLED);
    free(out);
    out = embed(encoder, &in); /* and works again */
    compare(&f, &in, out, 0.999999);
    free(out);
    free_input(&in);
    vanta_encoder_free(encoder);
    fixture_free(&f);
}

struct late {
    atomic_bool cancel;
    unsigned ms;
};

static void *cancel_late(void *arg)
{
    struct late *late = arg;
    struct timespec wait = {.tv_nsec = (long)late->ms * 1000000};

    nanosleep(&wait, NULL);
    atomic_store(&late->cancel, true);
    return NULL;
}

/* Set while it runs, from another thread: seen long before the work would be done. */
static void test_cancel_late(void **state)
{
    struct fixture f = small_mpnet;
    const char *path = in_scratch("model.gguf");

    (void)state;
    f.layers = 4;
    fixture_make(&f);
    fixture_write(&f, path);
    for (int plain = 0; plain < 2; plain++) {
        struct vanta_encoder *encoder = load(path, plain, 0);
        struct late late = {.cancel = false, .ms = 30};
        struct input in = make_input(&f, 6000, f.context);
        float *out = calloc(in.count * f.dimensions, sizeof *out);
        struct vanta_error err = {0};
        pthread_t thread;

        assert_non_null(out);
        assert_int_equal(pthread_create(&thread, NULL, cancel_late, &late), 0);
        assert_int_equal(vanta_encoder_embed(encoder, in.ids, in.lengths, in.count, out,
                                             &late.cancel, &err), VANTA_ERR_CANCELLED);
        pthread_join(thread, NULL);
        free(out);
        free_input(&in);
        vanta_encoder_free(encoder);
    }
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_bert),    scratch_test(test_mpnet),
        scratch_test(test_odd_sizes), scratch_test(test_types),
        scratch_test(test_batches), scratch_test(test_info),
        scratch_test(test_pooling), scratch_test(test_cancel),
        scratch_test(test_cancel_late),
    };

    ggml_backend_load_all();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
