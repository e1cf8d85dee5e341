/* XTTS's vocoder on a small model: against the network written out plainly in double, and
 * that neither chunks nor threads nor the latents' arrival can be heard. */
#include "xtts_speaking.h"

#define LATENTS 40
#define STAGES 4

/* ---- the network, plainly ---- */

struct signal {
    size_t channels, length;
    double *at; /* channel by channel */
};

static struct signal signal_make(size_t channels, size_t length)
{
    struct signal s = {channels, length, calloc(channels * length, sizeof(double))};

    assert_non_null(s.at);
    return s;
}

static float *tensor(const struct vanta_xtts_file *file, const char *name, int64_t *ne)
{
    int64_t id = gguf_find_tensor(file->gguf, name);
    struct vanta_xtts_tensor t;
    float *out;

    if (id < 0)
        fail_msg("no tensor %s", name);
    memcpy(ne, gguf_get_tensor_ne(file->gguf, id), 4 * sizeof *ne);
    assert_int_equal(vanta_xtts_tensor(file, XTTS_F32 | XTTS_F16, 4, ne, &t, NULL, "%s",
                                       name), VANTA_OK);
    out = malloc(t.values * sizeof *out);
    assert_non_null(out);
    vanta_xtts_tensor_floats(&t, 0, t.values, out);
    return out;
}

/* name.weight {kernel, in, out}, with a bias where there is one. */
static struct signal convolve(const struct vanta_xtts_file *file, const char *name,
                              const struct signal *x, size_t dilation)
{
    int64_t ne[4], bias_ne[4];
    char full[64];
    float *w, *bias = NULL;
    struct signal y;

    snprintf(full, sizeof full, "%s.weight", name);
    w = tensor(file, full, ne);
    snprintf(full, sizeof full, "%s.bias", name);
    if (gguf_find_tensor(file->gguf, full) >= 0)
        bias = tensor(file, full, bias_ne);
    assert_int_equal(ne[1], x->channels);
    y = signal_make((size_t)ne[2], x->length);
    for (size_t o = 0; o < y.channels; o++)
        for (size_t t = 0; t < y.length; t++) {
            double sum = bias != NULL ? (double)bias[o] : 0;
            for (size_t i = 0; i < x->channels; i++)
                for (int64_t k = 0; k < ne[0]; k++) {
                    int64_t from = (int64_t)t + (k - ne[0] / 2) * (int64_t)dilation;
                    if (from >= 0 && from < (int64_t)x->length)
                        sum += x->at[i * x->length + (size_t)from] *
                               (double)w[(o * x->channels + i) * (size_t)ne[0] + (size_t)k];
                }
            y.at[o * y.length + t] = sum;
        }
    free(w);
    free(bias);
    return y;
}

/* {in, kernel, out}: every input adds the whole kernel, the ends are cut. */
static struct signal widen(const struct vanta_xtts_file *file, unsigned stage,
                           const struct signal *x)
{
    int64_t ne[4], bias_ne[4];
    char name[64];
    float *w, *bias;
    int64_t rate;
    struct signal y;

    snprintf(name, sizeof name, "voc.up.%u.weight", stage);
    w = tensor(file, name, ne);
    snprintf(name, sizeof name, "voc.up.%u.bias", stage);
    bias = tensor(file, name, bias_ne);
    rate = ne[1] / 2;
    y = signal_make((size_t)ne[2], x->length * (size_t)rate);
    for (size_t o = 0; o < y.channels; o++) {
        for (size_t t = 0; t < y.length; t++)
            y.at[o * y.length + t] = (double)bias[o];
        for (size_t t = 0; t < x->length; t++)
            for (int64_t k = 0; k < ne[1]; k++) {
                int64_t to = (int64_t)t * rate + k - rate / 2;
                for (size_t i = 0; to >= 0 && to < (int64_t)y.length && i < x->channels; i++)
                    y.at[o * y.length + (size_t)to] +=
                        x->at[i * x->length + t] *
                        (double)w[(o * (size_t)ne[1] + (size_t)k) * x->channels + i];
            }
    }
    free(w);
    free(bias);
    return y;
}

static void leak(struct signal *s, double slope)
{
    for (size_t i = 0; i < s->channels * s->length; i++)
        s->at[i] *= s->at[i] < 0 ? slope : 1;
}

static struct signal copy(const struct signal *s)
{
    struct signal c = signal_make(s->channels, s->length);

    memcpy(c.at, s->at, s->channels * s->length * sizeof *c.at);
    return c;
}

static void add(struct signal *to, const struct signal *s, double factor)
{
    for (size_t i = 0; i < s->channels * s->length; i++)
        to->at[i] += s->at[i] * factor;
}

static void add_voice(const struct vanta_xtts_file *file, const char *name,
                      const float *embedding, struct signal *s)
{
    size_t inputs = file->sizes.speaker_width;
    int64_t ne[4], bias_ne[4];
    char full[64];
    float *w, *bias;

    snprintf(full, sizeof full, "%s.weight", name);
    w = tensor(file, full, ne);
    snprintf(full, sizeof full, "%s.bias", name);
    bias = tensor(file, full, bias_ne);
    for (size_t o = 0; o < s->channels; o++) {
        double sum = (double)bias[o];
        for (size_t i = 0; i < inputs; i++)
            sum += (double)embedding[i] * (double)w[o * inputs + i];
        for (size_t t = 0; t < s->length; t++)
            s->at[o * s->length + t] += sum;
    }
    free(w);
    free(bias);
}

static struct signal block(const struct vanta_xtts_file *file, unsigned j,
                           const struct signal *start)
{
    struct signal x = copy(start);
    char name[64];

    for (unsigned m = 0; m < 3; m++) {
        struct signal a = copy(&x), b, c;
        leak(&a, 0.1);
        snprintf(name, sizeof name, "voc.res.%u.conv1.%u", j, m);
        b = convolve(file, name, &a, file->sizes.dilation[m]);
        leak(&b, 0.1);
        snprintf(name, sizeof name, "voc.res.%u.conv2.%u", j, m);
        c = convolve(file, name, &b, 1);
        add(&x, &c, 1);
        free(a.at);
        free(b.at);
        free(c.at);
    }
    return x;
}

/* Stretches by a factor, as PyTorch does when the factor is given. */
static struct signal stretch(const struct signal *x, double factor)
{
    struct signal y = signal_make(x->channels, (size_t)((double)x->length * factor));

    for (size_t t = 0; t < y.length; t++) {
        double at = fmax(0, ((double)t + 0.5) / factor - 0.5);
        size_t low = (size_t)at, high = low + 1 < x->length ? low + 1 : low;
        double part = at - (double)low;
        for (size_t c = 0; c < x->channels; c++)
            y.at[c * y.length + t] = x->at[c * x->length + low] * (1 - part) +
                                     x->at[c * x->length + high] * part;
    }
    return y;
}

static void replace(struct signal *s, struct signal by)
{
    free(s->at);
    *s = by;
}

static struct signal plainly(const struct vanta_xtts_file *file, const float *embedding,
                             const float *latents, size_t n, double speed)
{
    const struct vanta_xtts_sizes *sizes = &file->sizes;
    struct signal x = signal_make(sizes->vocoder_width, n);
    char name[64];

    for (size_t t = 0; t < n; t++)
        for (size_t c = 0; c < x.channels; c++)
            x.at[c * n + t] = (double)latents[t * x.channels + c];
    if (speed < 1 || speed > 1)
        replace(&x, stretch(&x, 1 / speed));
    replace(&x, stretch(&x, 4));
    replace(&x, stretch(&x, 24000.0 / 22050));
    replace(&x, convolve(file, "voc.conv_pre", &x, 1));
    add_voice(file, "voc.cond_pre", embedding, &x);
    for (unsigned i = 0; i < STAGES; i++) {
        struct signal sum;
        leak(&x, 0.1);
        replace(&x, widen(file, i, &x));
        snprintf(name, sizeof name, "voc.cond.%u", i);
        add_voice(file, name, embedding, &x);
        sum = signal_make(x.channels, x.length);
        for (unsigned k = 0; k < sizes->kernels; k++) {
            struct signal one = block(file, i * sizes->kernels + k, &x);
            add(&sum, &one, 1.0 / sizes->kernels);
            free(one.at);
        }
        replace(&x, sum);
    }
    leak(&x, 0.01);
    replace(&x, convolve(file, "voc.conv_post", &x, 1));
    for (size_t t = 0; t < x.length; t++)
        x.at[t] = tanh(x.at[t]);
    return x;
}

/* ---- tests ---- */

struct model {
    struct vanta_xtts_file *file;
    struct vanta_xtts_vocoder *vocoder;
    float *embedding, *latents;
};

static struct model model_open(const char *name, const struct vanta_xtts_kernel *kernel)
{
    struct model m = {.file = xtts_open(in_scratch(name))};
    struct vanta_error err = {0};

    if (vanta_xtts_vocoder_load(m.file, kernel, &m.vocoder, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    m.embedding = xtts_direction("voice", m.file->sizes.speaker_width);
    m.latents = xtts_units("latents", LATENTS * m.file->sizes.vocoder_width, 1);
    return m;
}

static void model_close(struct model *m)
{
    vanta_xtts_vocoder_free(m->vocoder);
    vanta_xtts_file_close(m->file);
    free(m->embedding);
    free(m->latents);
}

static struct heard model_speak(const struct model *m, size_t n,
                                const struct manner *manner)
{
    return speak(m->vocoder, &m->file->sizes, m->embedding, m->latents, n, manner);
}

static void test_network(void **state)
{
    static const float speeds[] = {1, 0.7F, 1.6F};
    struct model m = model_open("f32.gguf", NULL);

    (void)state;
    assert_int_equal(vanta_xtts_vocoder_context(m.vocoder), 13);
    for (size_t i = 0; i < 3; i++)
        for (size_t n = 1; n <= 9; n += i == 0 ? 4 : 8) {
            struct heard h = model_speak(&m, n, &(struct manner){.speed = speeds[i]});
            struct signal s =
                plainly(m.file, m.embedding, m.latents, n, (double)speeds[i]);
            double loudest = 0;

            assert_int_equal(h.count, s.length);
            for (size_t t = 0; t < s.length; t++) {
                loudest = fmax(loudest, fabs(s.at[t]));
                if (fabs(s.at[t] - (double)h.samples[t]) > 2e-5)
                    fail_msg("%zu latents, speed %g, sample %zu: %g, not %g", n,
                             (double)speeds[i], t, (double)h.samples[t], s.at[t]);
            }
            /* Or nothing is compared; one latent at 1.6 is less than a frame. */
            assert_true(loudest > 0.02 || s.length == 0);
            free(h.samples);
            free(s.at);
        }
    model_close(&m);
}

/* The same bits, however it is worked out. */
static void test_seams(void **state)
{
    static const struct manner manners[] = {
        {1, 0, 0, 0},  {1, 0, 1, 0},  {1, 0, 3, 0},  {1, 0, 17, 0},  {1, 1, 64, 1},
        {1, 2, 16, 1}, {1, 2, 5, 0},  {1, 3, 16, 7}, {1, 4, 1, 3},   {1, 0, 16, 1},
        {1, 2, 0, 2},  {1, 0, 64, 39},
    };
    const struct vanta_xtts_kernel *kernels[] = {
        &vanta_xtts_kernel_plain, vanta_xtts_kernel_best(), vanta_xtts_kernel_best()};

    (void)state;
    for (size_t k = 0; k < 3; k++) { /* the last in whole numbers, where there are any */
        struct model m = model_open(k < 2 ? "f32.gguf" : "q8_0.gguf", kernels[k]);

        for (int fast = 0; fast < 2; fast++) {
            float speed = fast ? 1.9F : 1;
            struct heard whole = model_speak(
                &m, LATENTS, &(struct manner){.speed = speed, .chunk = 4096});

            for (size_t i = 0; i < sizeof manners / sizeof *manners; i++) {
                struct manner manner = manners[i];
#if defined(__SANITIZE_ADDRESS__) /* slow there: each manner twice is enough */
                if ((i + k + (size_t)fast) % 3 != 0)
                    continue;
#endif
                struct heard h;
                manner.speed = speed;
                h = model_speak(&m, LATENTS, &manner);
                assert_int_equal(h.count, whole.count);
                if (memcmp(h.samples, whole.samples, h.count * sizeof *h.samples) != 0)
                    fail_msg("%s: chunks of %u frames on %u threads, latents by %zu: not "
                             "the same", kernels[k]->name, manner.chunk, manner.threads,
                             manner.step);
                free(h.samples);
            }
            free(whole.samples);
        }
        model_close(&m);
    }
}

/* Sound comes while latents still do. */
static void test_streaming(void **state)
{
    struct model m = model_open("f32.gguf", NULL);
    struct heard heard = {.room = 1 << 20};
    struct vanta_xtts_speech_options options = {
        .embedding = m.embedding, .speed = 1, .sink = hear, .user = &heard};
    size_t width = m.file->sizes.vocoder_width, n = 0;
    struct vanta_xtts_speech *speech;

    (void)state;
    heard.samples = malloc(heard.room * sizeof *heard.samples);
    assert_int_equal(vanta_xtts_speech_start(m.vocoder, &options, &speech, NULL), VANTA_OK);
    while (heard.count == 0 && n < LATENTS)
        assert_int_equal(
            vanta_xtts_speech_add(speech, m.latents + n++ * width, 1, NULL), VANTA_OK);
    /* 16 frames and 13 behind them, of 4.35 to a latent. */
    assert_in_range(n, 7, 8);
    vanta_xtts_speech_free(speech);
    free(heard.samples);
    model_close(&m);
}

static void test_lengths(void **state)
{
    struct model m = model_open("f32.gguf", NULL);
    struct heard h = model_speak(&m, 0, &(struct manner){.speed = 1, .threads = 2});

    (void)state;
    assert_int_equal(h.count, 0);
    free(h.samples);
    for (size_t n = 1; n < 3000; n++)
        assert_int_equal(vanta_xtts_vocoder_samples(m.vocoder, n, 1),
                         4 * n * 24000 / 22050 * 256);
    assert_int_equal(vanta_xtts_vocoder_samples(m.vocoder, 150, 1), 167168);
    assert_int_equal(vanta_xtts_vocoder_samples(m.vocoder, 150, 2), 83456);
    /* Slower than that is not asked of it. */
    assert_int_equal(vanta_xtts_vocoder_samples(m.vocoder, 10, 0.0F),
                     vanta_xtts_vocoder_samples(m.vocoder, 10, 0.05F));
    model_close(&m);
}

/* Rounded weights are near the others. */
static void test_types(void **state)
{
    struct model exact = model_open("f32.gguf", NULL);
    struct heard reference =
        model_speak(&exact, LATENTS, &(struct manner){.speed = 1, .threads = 1});

    (void)state;
    for (size_t i = 1; i < 3; i++) {
        char name[16];
        struct model m;
        struct heard h;
        snprintf(name, sizeof name, "%s.gguf", xtts_types[i]);
        m = model_open(name, NULL);
        h = model_speak(&m, LATENTS, &(struct manner){.speed = 1, .threads = 1});
        assert_true(xtts_compare(h.samples, reference.samples, h.count).cosine > 0.9999);
        free(h.samples);
        model_close(&m);
    }
    free(reference.samples);
    model_close(&exact);
}

/* Until its samples are not wanted, or not to be had. */
static void test_stops(void **state)
{
    struct model m = model_open("f32.gguf", NULL);
    size_t width = m.file->sizes.vocoder_width, most = m.file->sizes.audio_max_tokens;
    float *more = calloc((most + 1) * width, sizeof *more);

    (void)state;
    assert_non_null(more);
    for (unsigned threads = 0; threads < 3; threads++) {
        struct heard heard = {.room = 1 << 20, .stop_at = 5000};
        struct vanta_xtts_speech_options options = {.embedding = m.embedding, .speed = 1,
                                                    .threads = threads, .chunk_frames = 8,
                                                    .sink = hear, .user = &heard};
        struct vanta_xtts_speech *speech;
        struct vanta_error err = {0};
        enum vanta_status status;

        heard.samples = malloc(heard.room * sizeof *heard.samples);
        assert_int_equal(vanta_xtts_speech_start(m.vocoder, &options, &speech, NULL), 0);
        status = vanta_xtts_speech_add(speech, m.latents, LATENTS, &err);
        if (status == VANTA_OK)
            status = vanta_xtts_speech_end(speech, &err);
        assert_int_equal(status, VANTA_ERR_CANCELLED);
        assert_int_equal(heard.count, 3 * 8 * 256); /* and not one chunk more */
        vanta_xtts_speech_free(speech);

        heard.count = heard.stop_at = 0; /* freed in the middle of its work */
        assert_int_equal(vanta_xtts_speech_start(m.vocoder, &options, &speech, NULL), 0);
        assert_int_equal(vanta_xtts_speech_add(speech, m.latents, LATENTS, NULL), 0);
        vanta_xtts_speech_free(speech);

        heard.count = 0;
        more[3] = NAN;
        assert_int_equal(vanta_xtts_speech_start(m.vocoder, &options, &speech, NULL), 0);
        status = vanta_xtts_speech_add(speech, more, most, NULL);
        if (status == VANTA_OK)
            status = vanta_xtts_speech_end(speech, &err);
        assert_int_equal(status, VANTA_ERR_CHECK);
        vanta_xtts_speech_free(speech);

        more[3] = 0;
        options.chunk_frames = 0;
        assert_int_equal(vanta_xtts_speech_start(m.vocoder, &options, &speech, NULL), 0);
        assert_int_equal(vanta_xtts_speech_add(speech, more, most + 1, NULL),
                         VANTA_ERR_USAGE);
        vanta_xtts_speech_free(speech);
        free(heard.samples);
    }
    vanta_xtts_speech_free(NULL);
    vanta_xtts_vocoder_free(NULL);
    free(more);
    model_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_network), cmocka_unit_test(test_seams),
        cmocka_unit_test(test_streaming), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_types),   cmocka_unit_test(test_stops),
    };

    return cmocka_run_group_tests(tests, xtts_setup, scratch_teardown);
}
