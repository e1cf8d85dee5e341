/* A whole small Whisper model, from CTranslate2's file to whisper.cpp's. */
#include "scratch.h"

#include <signal.h>
#include <sys/resource.h>

#include "../model_builder.h"
#include "cmocka_all.h"
#include "convert/convert.h"
#include "convert/half.h"
#include "convert/mel.h"
#include "convert/whisper_ggml.h"

#define MODEL_BYTES_MAX ((size_t)64 << 20)

static struct vanta_error err;

static void build(const char *dir, const struct ct2_options *options)
{
    struct vanta_buf b = VANTA_BUF(MODEL_BYTES_MAX);
    char tokenizer[VANTA_PATH_MAX];

    assert_int_equal(vanta_dir_make(dir, NULL), VANTA_OK);
    build_ct2(&b, options);
    write_file(dir, "model.bin", &b);
    b.len = 0;
    snprintf(tokenizer, sizeof tokenizer, "%s/tokenizer.json", dir);
    if (!vanta_file_exists(tokenizer)) {
        build_tokenizer(&b, BUILDER_TOKENS, false);
        write_file(dir, "tokenizer.json", &b);
    }
    vanta_buf_free(&b);
}

static enum vanta_status convert(const char *dir, const char *target,
                                 struct vanta_convert_result *result)
{
    enum vanta_status status;

    memset(&err, 0, sizeof err);
    status = vanta_convert_ct2_whisper(dir, target, NULL, NULL, NULL, result, &err);
    if (status != VANTA_OK)
        assert_false(vanta_file_exists(target));
    return status;
}

/* The model with one thing changed; what came of it. */
static enum vanta_status convert_with(const struct ct2_options *options)
{
    struct vanta_convert_result result;
    enum vanta_status status;

    build(in_scratch("m"), options);
    status = convert(in_scratch("m"), in_scratch("out"), &result);
    unlink(in_scratch("out"));
    return status;
}

/* --- what the file has to be, walked with a reader of its own --- */

struct walk {
    const uint8_t *at, *end;
};

static uint32_t take(struct walk *w)
{
    uint32_t value;

    assert_true(w->end - w->at >= 4);
    value = w->at[0] | (uint32_t)w->at[1] << 8 | (uint32_t)w->at[2] << 16 |
            (uint32_t)w->at[3] << 24;
    w->at += 4;
    return value;
}

static void check_head(struct walk *w)
{
    static const uint32_t fields[] = {0x67676d6c, BUILDER_VOCAB, BUILDER_AUDIO_CTX, 64, 1,
                                      1, BUILDER_TEXT_CTX, 64, 1, 1, 80, 1, 80, 201};
    static float filters[80 * VANTA_MEL_BINS];
    uint32_t i;

    for (i = 0; i < sizeof fields / sizeof fields[0]; i++)
        assert_int_equal(take(w), fields[i]);
    vanta_mel_filters(80, filters);
    for (i = 0; i < 80 * VANTA_MEL_BINS; i++) {
        uint32_t bits = take(w);

        assert_memory_equal(&bits, &filters[i], 4);
    }
    assert_int_equal(take(w), BUILDER_TOKENS);
    for (i = 0; i < BUILDER_TOKENS; i++) {
        char want[16];
        size_t len = token_text(i, want);

        assert_int_equal(take(w), len);
        assert_true((size_t)(w->end - w->at) >= len);
        assert_memory_equal(w->at, want, len);
        w->at += len;
    }
}

/* extents as in the file, from the innermost outwards; the values are those of the
 * variable, from its element first on. */
static void check_tensor(struct walk *w, const char *name, uint32_t rank, uint32_t e0,
                         uint32_t e1, uint32_t e2, uint32_t type, const char *variable,
                         uint64_t first)
{
    const uint32_t extents[] = {e0, e1, e2};
    uint64_t n = 1, seed = weight_seed(variable), i;

    assert_int_equal(take(w), rank);
    assert_int_equal(take(w), strlen(name));
    assert_int_equal(take(w), type);
    for (i = 0; i < rank; i++) {
        assert_int_equal(take(w), extents[i]);
        n *= extents[i];
    }
    assert_memory_equal(w->at, name, strlen(name));
    w->at += strlen(name);
    assert_true((uint64_t)(w->end - w->at) >= n * (type ? 2 : 4));
    for (i = 0; i < n; i++) {
        int k = weight_k(seed, first + i);
        float want = (float)k / 128, got;

        if (type) {
            if ((w->at[0] | w->at[1] << 8) != weight_f16(k))
                fail_msg("%s: element %llu", name, (unsigned long long)i);
            w->at += 2;
        } else {
            uint32_t bits = take(w);

            memcpy(&got, &bits, 4);
            if (!(got >= want && got <= want))
                fail_msg("%s: element %llu", name, (unsigned long long)i);
        }
    }
}

struct expected {
    const char *to, *from;
    uint32_t rows, cols, part;
};

static void check_layer(struct walk *w, const char *side, const struct expected *e,
                        size_t n)
{
    char to[64], from[128];
    size_t i;

    for (i = 0; i < n; i++) {
        snprintf(to, sizeof to, "%s.blocks.0.%s", side, e[i].to);
        snprintf(from, sizeof from, "%s/layer_0/%s", side, e[i].from);
        if (e[i].cols)
            check_tensor(w, to, 2, 64 * e[i].cols, 64 * e[i].rows, 0, 1, from,
                         (uint64_t)e[i].part * 64 * 64);
        else
            check_tensor(w, to, 1, 64 * e[i].rows, 0, 0, 0, from,
                         (uint64_t)e[i].part * 64);
    }
}

static const struct expected mlp_and_self[] = {
    {"mlp_ln.weight", "ffn/layer_norm/gamma", 1, 0, 0},
    {"mlp_ln.bias", "ffn/layer_norm/beta", 1, 0, 0},
    {"mlp.0.weight", "ffn/linear_0/weight", 4, 1, 0},
    {"mlp.0.bias", "ffn/linear_0/bias", 4, 0, 0},
    {"mlp.2.weight", "ffn/linear_1/weight", 1, 4, 0},
    {"mlp.2.bias", "ffn/linear_1/bias", 1, 0, 0},
    {"attn_ln.weight", "self_attention/layer_norm/gamma", 1, 0, 0},
    {"attn_ln.bias", "self_attention/layer_norm/beta", 1, 0, 0},
    {"attn.query.weight", "self_attention/linear_0/weight", 1, 1, 0},
    {"attn.query.bias", "self_attention/linear_0/bias", 1, 0, 0},
    {"attn.key.weight", "self_attention/linear_0/weight", 1, 1, 1},
    {"attn.value.weight", "self_attention/linear_0/weight", 1, 1, 2},
    {"attn.value.bias", "self_attention/linear_0/bias", 1, 0, 2},
    {"attn.out.weight", "self_attention/linear_1/weight", 1, 1, 0},
    {"attn.out.bias", "self_attention/linear_1/bias", 1, 0, 0},
};

static const struct expected cross[] = {
    {"cross_attn_ln.weight", "attention/layer_norm/gamma", 1, 0, 0},
    {"cross_attn_ln.bias", "attention/layer_norm/beta", 1, 0, 0},
    {"cross_attn.query.weight", "attention/linear_0/weight", 1, 1, 0},
    {"cross_attn.query.bias", "attention/linear_0/bias", 1, 0, 0},
    {"cross_attn.key.weight", "attention/linear_1/weight", 1, 1, 0},
    {"cross_attn.value.weight", "attention/linear_1/weight", 1, 1, 1},
    {"cross_attn.value.bias", "attention/linear_1/bias", 1, 0, 1},
    {"cross_attn.out.weight", "attention/linear_2/weight", 1, 1, 0},
    {"cross_attn.out.bias", "attention/linear_2/bias", 1, 0, 0},
};

static void check_file(const char *path)
{
    struct vanta_buf b = VANTA_BUF(MODEL_BYTES_MAX);
    struct walk w;

    assert_int_equal(vanta_file_read(path, &b, NULL), VANTA_OK);
    w.at = (const uint8_t *)b.data;
    w.end = w.at + b.len;
    check_head(&w);
    check_tensor(&w, "decoder.positional_embedding", 2, 64, BUILDER_TEXT_CTX, 0, 0,
                 "decoder/position_encodings/encodings", 0);
    check_tensor(&w, "encoder.positional_embedding", 2, 64, BUILDER_AUDIO_CTX, 0, 0,
                 "encoder/position_encodings/encodings", 0);
    check_tensor(&w, "decoder.token_embedding.weight", 2, 64, BUILDER_VOCAB, 0, 1,
                 "decoder/embeddings/weight", 0);
    check_layer(&w, "decoder", mlp_and_self, 15);
    check_layer(&w, "decoder", cross, 9);
    check_tensor(&w, "decoder.ln.weight", 1, 64, 0, 0, 0, "decoder/layer_norm/gamma", 0);
    check_tensor(&w, "decoder.ln.bias", 1, 64, 0, 0, 0, "decoder/layer_norm/beta", 0);
    check_tensor(&w, "encoder.conv1.weight", 3, 3, 80, 64, 1, "encoder/conv1/weight", 0);
    check_tensor(&w, "encoder.conv1.bias", 2, 1, 64, 0, 0, "encoder/conv1/bias", 0);
    check_tensor(&w, "encoder.conv2.weight", 3, 3, 64, 64, 1, "encoder/conv2/weight", 0);
    check_tensor(&w, "encoder.conv2.bias", 2, 1, 64, 0, 0, "encoder/conv2/bias", 0);
    check_layer(&w, "encoder", mlp_and_self, 15);
    check_tensor(&w, "encoder.ln_post.weight", 1, 64, 0, 0, 0, "encoder/layer_norm/gamma",
                 0);
    check_tensor(&w, "encoder.ln_post.bias", 1, 64, 0, 0, 0, "encoder/layer_norm/beta",
                 0);
    assert_true(w.at == w.end);
    vanta_buf_free(&b);
}

static void test_every_type_gives_the_same_file(void **state)
{
    static const unsigned types[] = {VANTA_CT2_F16, VANTA_CT2_F32, VANTA_CT2_BF16,
                                     VANTA_CT2_I8};
    char sha256[VANTA_SHA256_HEX] = "";
    size_t i;

    (void)state;
    for (i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct ct2_options options = ct2_defaults;
        struct vanta_convert_result result;
        char file[VANTA_SHA256_HEX];
        uint64_t bytes;

        options.type = types[i];
        build(in_scratch("m"), &options);
        if (convert(in_scratch("m"), in_scratch("out"), &result) != VANTA_OK)
            fail_msg("%s", err.message);
        if (i == 0) {
            check_file(in_scratch("out"));
            assert_int_equal(vanta_sha256_file(in_scratch("out"), file, &bytes, NULL,
                                               NULL, NULL, NULL),
                             VANTA_OK);
            assert_string_equal(result.sha256, file);
            assert_int_equal(result.size_bytes, bytes);
            strcpy(sha256, result.sha256);
        }
        assert_string_equal(result.sha256, sha256);
        unlink(in_scratch("out"));
    }
}

static void test_the_reader_reads_what_was_written(void **state)
{
    struct vanta_buf b = VANTA_BUF(MODEL_BYTES_MAX);
    struct vanta_convert_result result;
    struct vanta_whisper_facts facts;
    struct vanta_cursor c;

    (void)state;
    build(in_scratch("m"), &ct2_defaults);
    assert_int_equal(convert(in_scratch("m"), in_scratch("out"), &result), VANTA_OK);
    assert_int_equal(vanta_file_read(in_scratch("out"), &b, NULL), VANTA_OK);
    vanta_cursor_memory(&c, b.data, b.len, "out");
    assert_int_equal(vanta_whisper_read(&c, &facts, NULL), VANTA_OK);
    assert_int_equal(facts.header.n_vocab, BUILDER_VOCAB);
    assert_int_equal(facts.header.n_text_ctx, BUILDER_TEXT_CTX);
    assert_int_equal(facts.header.n_mels, 80);
    assert_int_equal(facts.tokens, BUILDER_TOKENS);
    assert_int_equal(facts.tensors, 3 + 24 + 2 + 4 + 15 + 2);
    vanta_buf_free(&b);
}

static void test_english_only_models_have_a_token_less(void **state)
{
    struct ct2_options options = ct2_defaults;
    struct vanta_convert_result result;
    struct vanta_whisper_facts facts;
    struct vanta_buf b = VANTA_BUF(MODEL_BYTES_MAX);
    struct vanta_cursor c;

    (void)state;
    options.vocab = BUILDER_VOCAB - 1;
    build(in_scratch("m"), &options);
    assert_int_equal(convert(in_scratch("m"), in_scratch("out"), &result), VANTA_OK);
    assert_int_equal(vanta_file_read(in_scratch("out"), &b, NULL), VANTA_OK);
    vanta_cursor_memory(&c, b.data, b.len, "out");
    assert_int_equal(vanta_whisper_read(&c, &facts, NULL), VANTA_OK);
    assert_int_equal(facts.tokens, BUILDER_TOKENS - 1);
    vanta_buf_free(&b);
}

static void test_vocabulary_json_serves_too(void **state)
{
    struct vanta_convert_result one, two;
    struct vanta_buf b = VANTA_BUF(MODEL_BYTES_MAX);

    (void)state;
    build(in_scratch("m"), &ct2_defaults);
    assert_int_equal(convert(in_scratch("m"), in_scratch("one"), &one), VANTA_OK);
    unlink(in_scratch("m/tokenizer.json"));
    assert_int_equal(convert(in_scratch("m"), in_scratch("two"), &two),
                     VANTA_ERR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "tokenizer.json"));
    build_tokenizer(&b, BUILDER_TOKENS, true);
    write_file(in_scratch("m"), "vocabulary.json", &b);
    assert_int_equal(convert(in_scratch("m"), in_scratch("two"), &two), VANTA_OK);
    assert_string_equal(one.sha256, two.sha256);
    vanta_buf_free(&b);
}

/* --- refusals --- */

struct change {
    const char *variable;
    int type;     /* -1: leave it */
    bool no_zero; /* nothing in it is zero */
    int scalar;
};

static void tweak(struct ct2_variable *v, void *arg)
{
    const struct change *change = arg;

    if (strcmp(v->name, change->variable) != 0)
        return;
    if (change->type >= 0)
        v->type = (unsigned)change->type;
    if (change->no_zero)
        v->zero_to = 0;
    if (change->scalar)
        v->scalar = change->scalar;
}

static void expect_change(const struct change *change, enum vanta_status status,
                          const char *message)
{
    struct ct2_options options = ct2_defaults;

    options.tweak = tweak;
    options.arg = (void *)(uintptr_t)change;
    options.alias = NULL;
    if (convert_with(&options) != status || !strstr(err.message, message))
        fail_msg("%s: %d, %s", change->variable, err.status, err.message);
}

static void test_key_bias_has_to_be_zero(void **state)
{
    (void)state;
    expect_change(&(struct change){"encoder/layer_0/self_attention/linear_0/bias", -1,
                                   true, 0},
                  VANTA_ERR_UNSUPPORTED, "gives the keys a bias");
    expect_change(&(struct change){"decoder/layer_0/attention/linear_1/bias", -1, true,
                                   0},
                  VANTA_ERR_UNSUPPORTED, "gives the keys a bias");
}

static void test_types_without_a_form(void **state)
{
    (void)state;
    expect_change(
        &(struct change){"decoder/embeddings/weight", VANTA_CT2_I16, false, 0},
        VANTA_ERR_UNSUPPORTED, "holds i16");
    expect_change(&(struct change){"encoder/conv1/bias", VANTA_CT2_I32, false, 0},
                  VANTA_ERR_UNSUPPORTED, "holds i32");
    expect_change(&(struct change){"encoder/conv2/weight", VANTA_CT2_I8, false, 0},
                  VANTA_ERR_FORMAT, "encoder/conv2/weight_scale is missing");
}

static void test_other_models(void **state)
{
    struct ct2_options options = ct2_defaults;

    (void)state;
    options.spec = "TransformerSpec";
    assert_int_equal(convert_with(&options), VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "TransformerSpec"));
    options = ct2_defaults;
    options.revision = 2;
    assert_int_equal(convert_with(&options), VANTA_ERR_UNSUPPORTED);
    options = ct2_defaults;
    options.version = 5;
    assert_int_equal(convert_with(&options), VANTA_ERR_UNSUPPORTED);
    options = ct2_defaults;
    options.mels = 100;
    assert_int_equal(convert_with(&options), VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "100 mel bands"));
    options = ct2_defaults;
    options.vocab = 50000;
    assert_int_equal(convert_with(&options), VANTA_ERR_FORMAT);
    options = ct2_defaults;
    options.layers = 0;
    assert_int_equal(convert_with(&options), VANTA_ERR_FORMAT);
    options = ct2_defaults;
    options.extra = "lora/weight";
    assert_int_equal(convert_with(&options), VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "no place for extra/lora/weight"));
    expect_change(&(struct change){"encoder/num_heads", -1, false, 7},
                  VANTA_ERR_UNSUPPORTED, "num_heads is 7");
}

static void test_128_bands(void **state)
{
    struct ct2_options options = ct2_defaults;

    (void)state;
    options.mels = 128;
    options.vocab = BUILDER_VOCAB + 1;
    if (convert_with(&options) != VANTA_OK)
        fail_msg("%s", err.message);
}

static void zero_scale(struct vanta_buf *b)
{
    size_t i;

    for (i = 0; i + 64 < b->len; i++)
        if (memcmp(b->data + i, "embeddings/weight_scale", 24) == 0) {
            memset(b->data + i + 34, 0, 4); /* name, rank, extent, type, bytes */
            return;
        }
    fail_msg("no scale");
}

static void test_a_scale_of_zero(void **state)
{
    struct vanta_buf b = VANTA_BUF(MODEL_BYTES_MAX);
    struct ct2_options options = ct2_defaults;
    struct vanta_convert_result result;

    (void)state;
    options.type = VANTA_CT2_I8;
    build(in_scratch("m"), &options);
    build_ct2(&b, &options);
    zero_scale(&b);
    write_file(in_scratch("m"), "model.bin", &b);
    assert_int_equal(convert(in_scratch("m"), in_scratch("out"), &result),
                     VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "number 0 of decoder/embeddings/weight_scale"));
    vanta_buf_free(&b);
}

static void rename_embeddings(struct ct2_variable *v, void *arg)
{
    if (strcmp(v->name, "decoder/embeddings/weight") == 0)
        strcpy(v->name, arg);
}

/* CTranslate2 may keep the embeddings under the projection's name, and alias them. */
static void test_embeddings_under_their_other_name(void **state)
{
    struct ct2_options options = ct2_defaults;
    struct vanta_convert_result one, two;
    char name[] = "decoder/projection/weight";

    (void)state;
    build(in_scratch("m"), &options);
    assert_int_equal(convert(in_scratch("m"), in_scratch("one"), &one), VANTA_OK);
    options.alias = "decoder/embeddings/weight";
    options.alias_of = name;
    options.tweak = rename_embeddings;
    options.arg = name;
    build(in_scratch("m"), &options);
    if (convert(in_scratch("m"), in_scratch("two"), &two) != VANTA_OK)
        fail_msg("%s", err.message);
    assert_string_equal(one.sha256, two.sha256);
}

/* --- stopping --- */

static void stop_early(void *arg, uint64_t bytes, uint64_t total)
{
    assert_true(bytes <= total);
    if (bytes > total / 2)
        atomic_store((atomic_bool *)arg, true);
}

static void test_cancelled(void **state)
{
    struct vanta_convert_result result;
    atomic_bool cancel = false;

    (void)state;
    build(in_scratch("m"), &ct2_defaults);
    assert_int_equal(vanta_convert_ct2_whisper(in_scratch("m"), in_scratch("out"),
                                               stop_early, &cancel, &cancel, &result,
                                               NULL),
                     VANTA_ERR_CANCELLED);
    assert_false(vanta_file_exists(in_scratch("out")));
}

static void test_a_file_that_may_not_grow(void **state)
{
    struct vanta_convert_result result;
    struct rlimit old, small;
    enum vanta_status status;

    (void)state;
    build(in_scratch("m"), &ct2_defaults);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 2 << 20;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    status = convert(in_scratch("m"), in_scratch("out"), &result);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, VANTA_ERR_IO);
}

static void test_files_in_the_way_or_missing(void **state)
{
    struct vanta_convert_result result;

    (void)state;
    build(in_scratch("m"), &ct2_defaults);
    scratch_text("out", "mine");
    assert_int_equal(vanta_convert_ct2_whisper(in_scratch("m"), in_scratch("out"), NULL,
                                               NULL, NULL, &result, NULL),
                     VANTA_ERR_EXISTS);
    assert_int_equal(vanta_file_size(in_scratch("out")), 4);
    assert_int_equal(convert(in_scratch("none"), in_scratch("two"), &result),
                     VANTA_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "model.bin"));
    assert_int_equal(vanta_dir_make(in_scratch("d/model.bin"), NULL), VANTA_OK);
    assert_int_equal(convert(in_scratch("d"), in_scratch("two"), &result),
                     VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "not a regular file"));
}

static void test_cut_short(void **state)
{
    struct vanta_convert_result result;
    int64_t bytes;

    (void)state;
    build(in_scratch("m"), &ct2_defaults);
    bytes = vanta_file_size(in_scratch("m/model.bin"));
    while (bytes > 0) {
        bytes = bytes > 1000 ? bytes * 7 / 8 : bytes - 97;
        if (bytes < 0)
            bytes = 0;
        assert_int_equal(truncate(in_scratch("m/model.bin"), bytes), 0);
        assert_int_equal(convert(in_scratch("m"), in_scratch("out"), &result),
                         VANTA_ERR_FORMAT);
        assert_non_null(strstr(err.message, "cut short"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_every_type_gives_the_same_file),
        scratch_test(test_the_reader_reads_what_was_written),
        scratch_test(test_english_only_models_have_a_token_less),
        scratch_test(test_vocabulary_json_serves_too),
        scratch_test(test_key_bias_has_to_be_zero),
        scratch_test(test_types_without_a_form),
        scratch_test(test_other_models),
        scratch_test(test_128_bands),
        scratch_test(test_a_scale_of_zero),
        scratch_test(test_embeddings_under_their_other_name),
        scratch_test(test_cancelled),
        scratch_test(test_a_file_that_may_not_grow),
        scratch_test(test_files_in_the_way_or_missing),
        scratch_test(test_cut_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
