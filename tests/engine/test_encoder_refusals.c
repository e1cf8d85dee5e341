/* GGUF files and requests that the encoder refuses with a message: ggml would abort. */
#include <limits.h>

#include "encoder_fixture.h"

static const struct fixture tiny = {
    .architecture = "bert", .layers = 1, .dimensions = 32, .heads = 2, .feed_forward = 32,
    .vocabulary = 8, .context = 8, .pooling = 1, .type = GGML_TYPE_F32};

static void quiet(enum ggml_log_level level, const char *text, void *arg)
{
    (void)level;
    (void)text;
    (void)arg;
}

static enum vanta_status try_load(const char *path, struct vanta_encoder **encoder,
                                  struct vanta_error *err)
{
    struct vanta_encoder_options options = {.threads = 1};

    memset(err, 0, sizeof *err);
    return vanta_encoder_load(path, &options, encoder, err);
}

static void refused(const char *path, enum vanta_status expected, const char *words)
{
    struct vanta_encoder *encoder = (void *)path;
    struct vanta_error err;
    enum vanta_status status = try_load(path, &encoder, &err);

    if (status != expected || strstr(err.message, words) == NULL)
        fail_msg("status %s, not %s: \"%s\" has no \"%s\"", vanta_status_name(status),
                 vanta_status_name(expected), err.message, words);
    assert_null(encoder);
}

/* A file with one thing changed by change. */
static void refused_with(void (*change)(struct fixture *), const char *architecture,
                         enum vanta_status expected, const char *words)
{
    struct fixture f = tiny;
    const char *path = in_scratch("model.gguf");

    f.architecture = architecture;
    fixture_make(&f);
    change(&f);
    fixture_write(&f, path);
    refused(path, expected, words);
    fixture_free(&f);
}

static void no_change(struct fixture *f)
{
    (void)f;
}

static void test_missing_tensors(void **state)
{
    static const char *const architectures[] = {"bert", "mpnet"};

    (void)state;
    for (int a = 0; a < 2; a++)
        for (size_t i = 0;; i++) {
            struct fixture f = tiny;
            const char *path = in_scratch("model.gguf");
            char name[128];

            f.architecture = architectures[a];
            fixture_make(&f);
            if (i == f.n) {
                fixture_free(&f);
                break;
            }
            snprintf(name, sizeof name, "no tensor %s", f.tensors[i].name);
            f.tensors[i].name[0] = '\0';
            fixture_write(&f, path);
            refused(path, VANTA_ERR_FORMAT, name);
            fixture_free(&f);
        }
}

static void change_rows(struct fixture_tensor *t, int64_t rows)
{
    float *values = calloc((size_t)(t->columns * rows), sizeof *values);

    assert_non_null(values);
    free(t->values);
    t->values = values;
    t->rows = rows;
}

/* Each tensor with rows, columns or type of its own. */
static void test_wrong_tensors(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3 * 22; i++) {
        struct fixture f = tiny;
        const char *path = in_scratch("model.gguf");
        struct fixture_tensor *t;
        bool rows;

        fixture_make(&f);
        assert_int_equal(f.n, 21);
        if (i / 3 >= f.n) {
            fixture_free(&f);
            break;
        }
        t = &f.tensors[i / 3];
        rows = i % 3 == 0;
        t->type = i % 3 == 2 ? GGML_TYPE_I32 : t->type;
        if (rows && strcmp(t->name, "token_embd.weight") == 0) {
            fixture_free(&f); /* any number of rows is a vocabulary */
            continue;
        }
        if (rows && strcmp(t->name, "token_types.weight") == 0)
            change_rows(t, 17);
        else if (rows)
            change_rows(t, t->rows > 1 ? t->rows - 1 : 2);
        else if (i % 3 == 1)
            t->columns--;
        fixture_write(&f, path);
        refused(path, i % 3 == 2 ? VANTA_ERR_UNSUPPORTED : VANTA_ERR_FORMAT,
                strcmp(t->name, "position_embd.weight") == 0 && rows ? "positions"
                                                                    : t->name);
        fixture_free(&f);
    }
}

static void set_q4(struct fixture *f)
{
    fixture_find(f, "blk.0.ffn_up.weight")->type = GGML_TYPE_Q4_0;
}

static void set_layers_0(struct fixture *f) { fixture_key(f, "block_count", 0); }
static void set_layers_many(struct fixture *f) { fixture_key(f, "block_count", UINT_MAX); }
static void set_layers_more(struct fixture *f) { fixture_key(f, "block_count", 2); }
static void set_width(struct fixture *f) { fixture_key(f, "embedding_length", UINT_MAX); }
static void set_inner(struct fixture *f) { fixture_key(f, "feed_forward_length", 1 << 30); }
static void set_heads(struct fixture *f) { fixture_key(f, "attention.head_count", 3); }
static void set_no_heads(struct fixture *f) { fixture_key(f, "attention.head_count", 0); }
static void set_context(struct fixture *f) { fixture_key(f, "context_length", 9); }
static void set_long(struct fixture *f) { fixture_key(f, "context_length", UINT_MAX); }
static void set_pooling(struct fixture *f) { fixture_key(f, "pooling_type", 3); }

static void set_text(struct fixture *f)
{
    gguf_set_val_str(f->gguf, "bert.block_count", "1");
}

static void set_causal(struct fixture *f)
{
    gguf_set_val_bool(f->gguf, "bert.attention.causal", true);
}

static void set_epsilon(struct fixture *f)
{
    gguf_set_val_f32(f->gguf, "bert.attention.layer_norm_epsilon", NAN);
}

static void drop_epsilon(struct fixture *f)
{
    gguf_remove_key(f->gguf, "bert.attention.layer_norm_epsilon");
}

static void drop_architecture(struct fixture *f)
{
    gguf_remove_key(f->gguf, "general.architecture");
}

static void set_max_tokens(struct fixture *f)
{
    gguf_set_val_u32(f->gguf, "vanta.max_tokens", 9);
}

static void set_max_text(struct fixture *f)
{
    gguf_set_val_str(f->gguf, "vanta.max_tokens", "8");
}

static void set_normalize(struct fixture *f)
{
    gguf_set_val_u32(f->gguf, "vanta.normalize", 1);
}

static void set_buckets(struct fixture *f)
{
    gguf_set_val_u32(f->gguf, "mpnet.attention.relative_buckets_count", 64);
}

static void test_wrong_keys(void **state)
{
    (void)state;
    refused_with(no_change, "gpt2", VANTA_ERR_UNSUPPORTED, "architecture gpt2");
    refused_with(drop_architecture, "bert", VANTA_ERR_FORMAT, "general.architecture");
    refused_with(set_layers_0, "bert", VANTA_ERR_LIMIT, "bert.block_count is 0");
    refused_with(set_layers_many, "bert", VANTA_ERR_LIMIT, "block_count is 4294967295");
    refused_with(set_layers_more, "bert", VANTA_ERR_FORMAT, "no tensor blk.1.attn_q");
    refused_with(set_text, "bert", VANTA_ERR_FORMAT, "bert.block_count is not a u32");
    refused_with(set_width, "bert", VANTA_ERR_LIMIT, "embedding_length");
    refused_with(set_inner, "bert", VANTA_ERR_LIMIT, "feed_forward_length");
    refused_with(set_heads, "bert", VANTA_ERR_FORMAT, "32 dimensions and 3 heads");
    refused_with(set_no_heads, "bert", VANTA_ERR_LIMIT, "head_count is 0");
    refused_with(set_context, "bert", VANTA_ERR_FORMAT, "9 tokens of context");
    refused_with(set_long, "bert", VANTA_ERR_LIMIT, "context_length");
    refused_with(set_pooling, "bert", VANTA_ERR_UNSUPPORTED, "pooling type 3");
    refused_with(set_causal, "bert", VANTA_ERR_UNSUPPORTED, "attention.causal");
    refused_with(set_epsilon, "bert", VANTA_ERR_FORMAT, "layer_norm_epsilon is nan");
    refused_with(drop_epsilon, "bert", VANTA_ERR_FORMAT, "no f32 key");
    refused_with(set_max_tokens, "bert", VANTA_ERR_FORMAT, "vanta.max_tokens is 9");
    refused_with(set_max_text, "bert", VANTA_ERR_FORMAT, "vanta.max_tokens is not");
    refused_with(set_normalize, "bert", VANTA_ERR_FORMAT, "vanta.normalize is not");
    refused_with(set_buckets, "mpnet", VANTA_ERR_LIMIT, "relative_buckets_count is 64");
    refused_with(set_q4, "bert", VANTA_ERR_UNSUPPORTED, "ffn_up.weight has type q4_0");
}

static void test_no_model(void **state)
{
    (void)state;
    refused(in_scratch("absent.gguf"), VANTA_ERR_NOT_FOUND, "absent.gguf");
    refused(scratch, VANTA_ERR_FORMAT, "not a GGUF file");
    refused(scratch_text("empty.gguf", ""), VANTA_ERR_FORMAT, "not a GGUF file");
    refused(scratch_text("text.gguf", "what is this file doing here, it is not a model"),
            VANTA_ERR_FORMAT, "not a GGUF file");
}

struct bytes {
    uint8_t *data;
    size_t len, header;
};

static struct bytes tiny_file(void)
{
    struct fixture f = tiny;
    const char *path = in_scratch("whole.gguf");
    struct bytes b = {0};
    FILE *file;

    fixture_make(&f);
    fixture_write(&f, path);
    b.header = gguf_get_meta_size(f.gguf);
    fixture_free(&f);
    b.len = (size_t)vanta_file_size(path);
    b.data = malloc(b.len);
    file = fopen(path, "rb");
    assert_true(b.data != NULL && file != NULL);
    assert_int_equal(fread(b.data, 1, b.len, file), b.len);
    fclose(file);
    return b;
}

/* Cut anywhere, it is refused, and so is a tensor whose end is missing. */
static void test_truncated(void **state)
{
    struct bytes b = tiny_file();
    size_t len = 0;

    (void)state;
    /* The last tensor ends at most the alignment before the file does. */
    while (len + 32 < b.len) {
        struct vanta_encoder *encoder;
        struct vanta_error err;
        const char *path = scratch_file("cut.gguf", b.data, len);

        assert_int_equal(try_load(path, &encoder, &err), VANTA_ERR_FORMAT);
        assert_null(encoder);
        assert_true(err.message[0] != '\0');
        len += len < b.header ? 1 : 997;
    }
    free(b.data);
}

/* Every byte of the header flipped: refused, or a model that runs; never an abort. */
static void test_flipped(void **state)
{
    struct bytes b = tiny_file();
    const int32_t ids[] = {1, 2, 3};
    const uint32_t lengths[] = {3};
    size_t loaded = 0, refusals = 0;

    (void)state;
    for (size_t at = 0; at < b.header; at++)
        for (int bit = 0; bit < 8; bit += 3) {
            struct vanta_encoder *encoder;
            struct vanta_error err;
            float out[VANTA_ENCODER_DIMENSIONS_MAX];

            b.data[at] ^= (uint8_t)(1 << bit);
            if (try_load(scratch_file("flip.gguf", b.data, b.len), &encoder, &err) ==
                VANTA_OK) {
                loaded++;
                (void)vanta_encoder_embed(encoder, ids, lengths, 1, out, NULL, &err);
                vanta_encoder_free(encoder);
            } else {
                assert_true(err.message[0] != '\0');
                refusals++;
            }
            b.data[at] ^= (uint8_t)(1 << bit);
        }
    /* Names and shapes refuse; paddings and epsilon's low bits do not matter. */
    assert_true(refusals > loaded && loaded > 0);
    free(b.data);
}

static void test_wrong_requests(void **state)
{
    struct fixture f = tiny;
    struct vanta_encoder *encoder;
    struct vanta_error err;
    const int32_t ids[] = {0, 1, 2, 3, 4, 5, 6, 7, 7}, negative[] = {0, -1};
    const int32_t high[] = {8, 0};
    const uint32_t nine = 9, zero = 0, two = 2, huge = UINT_MAX;
    float out[2 * 32];

    (void)state;
    fixture_make(&f);
    fixture_write(&f, in_scratch("model.gguf"));
    assert_int_equal(try_load(in_scratch("model.gguf"), &encoder, &err), VANTA_OK);
    assert_int_equal(vanta_encoder_embed(encoder, ids, &nine, 1, out, NULL, &err),
                     VANTA_ERR_USAGE);
    assert_non_null(strstr(err.message, "text 1 has 9 tokens; the model takes 1 to 8"));
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_encoder_embed(encoder, ids, &zero, 1, out, NULL, &err),
                     VANTA_ERR_USAGE);
    assert_int_equal(vanta_encoder_embed(encoder, ids, &huge, 1, out, NULL, NULL),
                     VANTA_ERR_USAGE);
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_encoder_embed(encoder, negative, &two, 1, out, NULL, &err),
                     VANTA_ERR_USAGE);
    assert_non_null(strstr(err.message, "token -1 is not in the vocabulary of 8"));
    assert_int_equal(vanta_encoder_embed(encoder, high, &two, 1, out, NULL, NULL),
                     VANTA_ERR_USAGE);
    assert_int_equal(vanta_encoder_embed(encoder, ids, &two, 0, out, NULL, NULL),
                     VANTA_OK);
    assert_int_equal(vanta_encoder_embed(encoder, ids, &two, 1, out, NULL, NULL),
                     VANTA_OK);
    vanta_encoder_free(encoder);
    fixture_free(&f);
}

/* Weights that are not numbers give an error, not a vector. */
static void test_not_finite(void **state)
{
    static const enum ggml_type types[] = {GGML_TYPE_F32, GGML_TYPE_F16};
    static const float values[] = {NAN, INFINITY};

    (void)state;
    for (int i = 0; i < 4; i++)
        for (int plain = 0; plain < 2; plain++) {
            struct fixture f = tiny;
            struct vanta_encoder_options options = {.threads = 2, .plain = plain};
            struct vanta_encoder *encoder;
            struct vanta_error err = {0};
            const int32_t ids[] = {1, 2, 3};
            const uint32_t three = 3;
            float out[32];

            f.type = types[i / 2];
            fixture_make(&f);
            fixture_find(&f, "blk.0.ffn_up.weight")->values[40] = values[i % 2];
            fixture_write(&f, in_scratch("model.gguf"));
            assert_int_equal(vanta_encoder_load(in_scratch("model.gguf"), &options,
                                                &encoder, &err), VANTA_OK);
            assert_int_equal(vanta_encoder_embed(encoder, ids, &three, 1, out, NULL, &err),
                             VANTA_ERR_CHECK);
            assert_non_null(strstr(err.message, "not finite"));
            vanta_encoder_free(encoder);
            fixture_free(&f);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_missing_tensors), scratch_test(test_wrong_tensors),
        scratch_test(test_wrong_keys),      scratch_test(test_no_model),
        scratch_test(test_truncated),       scratch_test(test_flipped),
        scratch_test(test_wrong_requests),  scratch_test(test_not_finite),
    };

    ggml_log_set(quiet, NULL);
    ggml_backend_load_all();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
