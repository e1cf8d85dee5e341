/* Small sentence encoders to GGUF, read back with a reader of the test's own. */
#include "scratch.h"

#include <math.h>

#include "../encoder_builder.h"
#include "cmocka_all.h"
#include "gguf_reader.h"
#include "convert/encoder_gguf.h"

#define FILE_BYTES_MAX ((size_t)1 << 26)

static struct vanta_error err;
static struct vanta_convert_result result;

static enum vanta_status convert(const struct encoder_options *o,
                                 enum vanta_encoder_weights weights)
{
    static const struct vanta_encoder_source source = {
        .name = "little", .license = "MIT", .url = "https://example.org/little"};
    enum vanta_status status;

    write_encoder(in_scratch("enc"), o);
    memset(&err, 0, sizeof err);
    unlink(in_scratch("out"));
    status = vanta_encoder_gguf(in_scratch("enc"), in_scratch("out"), weights, &source,
                                NULL, NULL, NULL, &result, &err);
    vanta_buf_free(&file);
    if (status != VANTA_OK) {
        assert_false(vanta_file_exists(in_scratch("out")));
        assert_int_equal(err.status, status);
        assert_true(err.message[0] != '\0');
        return status;
    }
    file = VANTA_BUF(FILE_BYTES_MAX);
    assert_int_equal(vanta_file_read(in_scratch("out"), &file, NULL), VANTA_OK);
    assert_int_equal(file.len, result.size_bytes);
    return status;
}

/* --- what the files hold --- */

static void bert_has_its_keys(void **state)
{
    static const struct encoder_options o = {0};

    (void)state;
    assert_int_equal(convert(&o, VANTA_ENCODER_WEIGHTS_F32), VANTA_OK);
    assert_string_equal(key_string("general.architecture"), "bert");
    assert_string_equal(key_string("general.name"), "little");
    assert_string_equal(key_string("general.license"), "MIT");
    assert_string_equal(key_string("general.source.url"), "https://example.org/little");
    assert_int_equal(key_u32("general.file_type"), 0);
    assert_int_equal(key_u32("bert.block_count"), ENCODER_LAYERS);
    assert_int_equal(key_u32("bert.context_length"), ENCODER_POSITIONS);
    assert_int_equal(key_u32("bert.embedding_length"), ENCODER_WIDTH);
    assert_int_equal(key_u32("bert.feed_forward_length"), ENCODER_INNER);
    assert_int_equal(key_u32("bert.attention.head_count"), ENCODER_HEADS);
    assert_int_equal(key_u32("bert.pooling_type"), 1);
    assert_false(key_bool("bert.attention.causal"));
    assert_true(find_key("bert.attention.layer_norm_epsilon", 6));
    assert_int_equal(number(4), 0x2b8cbccc); /* 1e-12 */
    assert_string_equal(key_string("tokenizer.ggml.model"), "bert");
    assert_int_equal(key_u32("tokenizer.ggml.token_type_count"), 2);
    assert_int_equal(key_u32("tokenizer.ggml.bos_token_id"), 2);
    assert_int_equal(key_u32("tokenizer.ggml.eos_token_id"), 3);
    assert_int_equal(key_u32("tokenizer.ggml.unknown_token_id"), 1);
    assert_int_equal(key_u32("tokenizer.ggml.seperator_token_id"), 3);
    assert_int_equal(key_u32("tokenizer.ggml.padding_token_id"), 0);
    assert_int_equal(key_u32("tokenizer.ggml.mask_token_id"), 4);
    assert_true(key_bool("tokenizer.ggml.normalizer.lowercase"));
    assert_false(find_key("tokenizer.ggml.normalizer.strip_accents", 7));
    assert_int_equal(key_u32("vanta.max_tokens"), 16);
    assert_true(key_bool("vanta.normalize"));
    assert_int_equal(strlen(key_string("vanta.source.sha256")), 64);
}

static void mpnet_has_its_keys(void **state)
{
    static const struct encoder_options o = {.mpnet = true};

    (void)state;
    assert_int_equal(convert(&o, VANTA_ENCODER_WEIGHTS_F16), VANTA_OK);
    assert_string_equal(key_string("general.architecture"), "mpnet");
    assert_int_equal(key_u32("general.file_type"), 1);
    assert_int_equal(key_u32("mpnet.context_length"), ENCODER_POSITIONS - 2);
    assert_int_equal(key_u32("mpnet.attention.relative_buckets_count"), 32);
    assert_int_equal(key_u32("tokenizer.ggml.bos_token_id"), 2);
    assert_false(find_key("tokenizer.ggml.token_type_count", 4));
    assert_int_equal(find_tensor("position_embd.weight").extents[1], ENCODER_POSITIONS);
    assert_int_equal(find_tensor("attn_rel_b.weight").extents[0], ENCODER_HEADS);
    assert_int_equal(find_tensor("attn_rel_b.weight").extents[1], 32);
    assert_int_equal(find_tensor("attn_rel_b.weight").type, 0);
}

static void tokens_are_written_as_llama_cpp_does(void **state)
{
    static const struct encoder_options o = {0};
    static const struct {
        unsigned id;
        const char *text;
        unsigned kind;
    } wanted[] = {{0, "[PAD]", 3}, {2, "[CLS]", 3}, {6, "\xe2\x96\x81hello", 1},
                  {8, "ing", 1},   {39, "\xe2\x96\x81[PAD39]", 5}};
    size_t i;
    uint64_t n;

    (void)state;
    assert_int_equal(convert(&o, VANTA_ENCODER_WEIGHTS_F32), VANTA_OK);
    for (i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        unsigned id;

        assert_true(find_key("tokenizer.ggml.tokens", 9));
        assert_int_equal(number(4), 8);
        n = number(8);
        assert_int_equal(n, ENCODER_VOCABULARY);
        for (id = 0; id < wanted[i].id; id++)
            string();
        assert_string_equal(string(), wanted[i].text);
        assert_true(find_key("tokenizer.ggml.token_type", 9));
        at += 12 + 4 * wanted[i].id;
        assert_int_equal(number(4), wanted[i].kind);
    }
}

static void tensors_hold_the_weights(void **state)
{
    static const char name[] = "encoder.layer.1.output.dense.weight";
    static const struct encoder_options o = {0};
    struct tensor t;
    size_t i;

    (void)state;
    assert_int_equal(convert(&o, VANTA_ENCODER_WEIGHTS_F32), VANTA_OK);
    t = find_tensor("blk.1.ffn_down.weight");
    assert_int_equal(t.type, 0);
    assert_int_equal(t.extents[0], ENCODER_INNER);
    assert_int_equal(t.extents[1], ENCODER_WIDTH);
    for (i = 0; i < ENCODER_INNER * ENCODER_WIDTH; i++)
        assert_true(f32_at(t.data, i) ==
                    (float)weight_k(weight_seed(name), i) / 128);

    assert_int_equal(convert(&o, VANTA_ENCODER_WEIGHTS_F16), VANTA_OK);
    t = find_tensor("blk.1.ffn_down.weight");
    assert_int_equal(t.type, 1);
    for (i = 0; i < ENCODER_INNER * ENCODER_WIDTH; i++)
        assert_int_equal(u16_at(t.data, i), weight_f16(weight_k(weight_seed(name), i)));
    assert_int_equal(find_tensor("token_embd.weight").type, 1);
    assert_int_equal(find_tensor("position_embd.weight").type, 0);
    assert_int_equal(find_tensor("token_types.weight").type, 0);
    assert_int_equal(find_tensor("blk.0.attn_q.bias").type, 0);
    assert_int_equal(find_tensor("blk.0.attn_output_norm.weight").type, 0);
    /* In the order of the data. */
    assert_int_equal(find_tensor("token_embd_norm.bias").position, 0);
    assert_int_equal(find_tensor("blk.0.attn_q.weight").position, 5);
}

static void q8_0_quantizes_the_layers_alone(void **state)
{
    static const char name[] = "encoder.layer.1.attention.self.key.weight";
    static const struct encoder_options o = {0};
    struct tensor t;
    size_t block, i;

    (void)state;
    assert_int_equal(convert(&o, VANTA_ENCODER_WEIGHTS_Q8_0), VANTA_OK);
    assert_int_equal(key_u32("general.file_type"), 7);
    assert_int_equal(find_tensor("token_embd.weight").type, 1);
    assert_int_equal(find_tensor("position_embd.weight").type, 0);
    /* The first third of the layers, here of two, stays as it is. */
    assert_int_equal(find_tensor("blk.0.attn_k.weight").type, 1);
    t = find_tensor("blk.1.attn_k.weight");
    assert_int_equal(t.type, 8);
    for (block = 0; block < ENCODER_WIDTH * ENCODER_WIDTH / 32; block++) {
        const uint8_t *data = t.data + 34 * block;
        int most = 0;

        for (i = 0; i < 32; i++) {
            int k = abs(weight_k(weight_seed(name), 32 * block + i));

            most = k > most ? k : most;
        }
        for (i = 0; i < 32; i++) {
            int k = weight_k(weight_seed(name), 32 * block + i);

            assert_true(fabs((double)k * 127 / most - (int8_t)data[2 + i]) < 0.5001);
        }
    }
}

static void rows_that_are_no_blocks_stay_f16(void **state)
{
    static const struct encoder_options o = {.width = 40};

    (void)state;
    assert_int_equal(convert(&o, VANTA_ENCODER_WEIGHTS_Q8_0), VANTA_OK);
    assert_int_equal(find_tensor("blk.1.attn_k.weight").type, 1);
    assert_int_equal(find_tensor("blk.1.ffn_down.weight").type, 8);
}

static void sources_of_every_type_give_the_same_file(void **state)
{
    static const char *const types[] = {"F32", "F16", "BF16"};
    static const enum vanta_encoder_weights weights[] = {
        VANTA_ENCODER_WEIGHTS_F32, VANTA_ENCODER_WEIGHTS_F16, VANTA_ENCODER_WEIGHTS_Q8_0};
    size_t i, k;

    (void)state;
    for (i = 0; i < 3; i++) {
        char first[8192];

        for (k = 0; k < 3; k++) {
            struct encoder_options o = {.dtype = types[k]};
            struct tensor t;

            assert_int_equal(convert(&o, weights[i]), VANTA_OK);
            t = find_tensor("blk.1.attn_v.weight");
            if (k == 0)
                memcpy(first, t.data, 2048);
            assert_memory_equal(first, t.data, 2048);
        }
    }
}

static void names_of_other_checkpoints_are_known(void **state)
{
    static const struct encoder_options bert = {.prefix = "bert."};
    static const struct encoder_options mpnet = {.prefix = "mpnet.", .mpnet = true};
    static const struct encoder_options saved = {.prefix = "0.auto_model."};
    static const struct encoder_options heads = {.extra = "cls.predictions.bias"};
    static const struct encoder_options old = {
        .without = "encoder.layer.0.output.LayerNorm.weight",
        .twice = "encoder.layer.0.output.LayerNorm.gamma"};

    (void)state;
    assert_int_equal(convert(&bert, VANTA_ENCODER_WEIGHTS_F16), VANTA_OK);
    assert_int_equal(convert(&mpnet, VANTA_ENCODER_WEIGHTS_F16), VANTA_OK);
    assert_int_equal(convert(&saved, VANTA_ENCODER_WEIGHTS_F16), VANTA_OK);
    assert_int_equal(convert(&heads, VANTA_ENCODER_WEIGHTS_F16), VANTA_OK);
    assert_int_equal(convert(&old, VANTA_ENCODER_WEIGHTS_F16), VANTA_OK);
}

static void vocab_txt_gives_the_same_file(void **state)
{
    static const struct encoder_options json = {0}, txt = {.tokenizer = ""};
    char sha256[VANTA_SHA256_HEX];

    (void)state;
    assert_int_equal(convert(&json, VANTA_ENCODER_WEIGHTS_F32), VANTA_OK);
    memcpy(sha256, result.sha256, sizeof sha256);
    assert_int_equal(convert(&txt, VANTA_ENCODER_WEIGHTS_F32), VANTA_OK);
    assert_string_equal(result.sha256, sha256);
}

static void what_is_optional_may_be_missing(void **state)
{
    static const struct encoder_options o = {
        .modules = "", .pooling = "", .limits = "", .tokenizer_config = ""};

    (void)state;
    assert_int_equal(convert(&o, VANTA_ENCODER_WEIGHTS_F32), VANTA_OK);
    assert_int_equal(key_u32("vanta.max_tokens"), ENCODER_POSITIONS);
    assert_false(key_bool("vanta.normalize"));
    assert_int_equal(key_u32("bert.pooling_type"), 1);
}

/* --- what is refused --- */

#define CONFIG(type, rest)                                                               \
    "{\"model_type\": \"" type "\", \"num_hidden_layers\": 2, \"intermediate_size\": 96, " \
    "\"vocab_size\": 40, \"max_position_embeddings\": 40, \"type_vocab_size\": 2, " rest "}"
#define SIZES "\"hidden_size\": 64, \"num_attention_heads\": 4"
#define MODULE(type, path) "{\"path\": \"" path "\", \"type\": \"s." type "\"}"

static void broken_folders_are_refused(void **state)
{
    static const struct {
        struct encoder_options o;
        enum vanta_status status;
        const char *says;
    } cases[] = {
        {{.config = ""}, VANTA_ERR_NOT_FOUND, "config.json: no such file"},
        {{.config = "{"}, VANTA_ERR_FORMAT, "config.json"},
        {{.config = "[]"}, VANTA_ERR_FORMAT, "config.json"},
        {{.config = CONFIG("roberta", SIZES)}, VANTA_ERR_UNSUPPORTED, "roberta"},
        {{.config = CONFIG("bert", SIZES ", \"hidden_act\": \"relu\"")},
         VANTA_ERR_UNSUPPORTED, "hidden_act is relu"},
        {{.config = CONFIG("bert", SIZES ", \"is_decoder\": true")},
         VANTA_ERR_UNSUPPORTED, "is_decoder"},
        {{.config = CONFIG("bert",
                           SIZES ", \"position_embedding_type\": \"relative_key\"")},
         VANTA_ERR_UNSUPPORTED, "relative_key"},
        {{.config = CONFIG("bert", SIZES ", \"layer_norm_eps\": -1")}, VANTA_ERR_FORMAT,
         "layer_norm_eps"},
        {{.config = CONFIG("bert", SIZES ", \"layer_norm_eps\": \"x\"")},
         VANTA_ERR_FORMAT, "layer_norm_eps"},
        {{.config = CONFIG("bert", "\"hidden_size\": 64, \"num_attention_heads\": 5")},
         VANTA_ERR_FORMAT, "64 dimensions and 5 heads"},
        {{.config = CONFIG("bert",
                           "\"hidden_size\": 1000000, \"num_attention_heads\": 4")},
         VANTA_ERR_FORMAT, "hidden_size"},
        {{.config = CONFIG("bert", "\"hidden_size\": 0, \"num_attention_heads\": 4")},
         VANTA_ERR_FORMAT, "hidden_size"},
        {{.config = CONFIG("bert", "\"hidden_size\": 32, \"num_attention_heads\": 4")},
         VANTA_ERR_FORMAT, "another shape"},
        {{.modules = "{}"}, VANTA_ERR_FORMAT, "modules.json"},
        {{.modules = "[" MODULE("Transformer", "") "," MODULE("Dense", "2_Dense") "]"},
         VANTA_ERR_UNSUPPORTED, "Dense"},
        {{.modules = "[" MODULE("Transformer", "") "," MODULE("Pooling", "../x") "]"},
         VANTA_ERR_FORMAT, "leads out"},
        {{.pooling = ""}, VANTA_ERR_NOT_FOUND, "1_Pooling/config.json"},
        {{.pooling = "[]"}, VANTA_ERR_FORMAT, "1_Pooling/config.json"},
        {{.pooling = "{\"pooling_mode_max_tokens\": true}"}, VANTA_ERR_UNSUPPORTED,
         "max_tokens"},
        {{.pooling = "{\"pooling_mode_max_tokens\": true, "
                     "\"pooling_mode_mean_tokens\": true}"},
         VANTA_ERR_UNSUPPORTED, "several"},
        {{.limits = "{\"max_seq_length\": 1}"}, VANTA_ERR_FORMAT, "max_seq_length"},
        {{.without = "encoder.layer.1.intermediate.dense.bias"}, VANTA_ERR_FORMAT,
         "encoder.layer.1.intermediate.dense.bias is missing"},
        {{.without = "embeddings.word_embeddings.weight"}, VANTA_ERR_FORMAT,
         "embeddings.word_embeddings.weight is missing"},
        {{.mpnet = true, .without = "encoder.relative_attention_bias.weight"},
         VANTA_ERR_FORMAT, "relative_attention_bias.weight is missing"},
        {{.twice = "encoder.layer.0.output.LayerNorm.gamma"}, VANTA_ERR_FORMAT, "twice"},
        {{.extra = "encoder.layer.2.output.dense.bias"}, VANTA_ERR_UNSUPPORTED,
         "has no place"},
        {{.extra = "decoder.x"}, VANTA_ERR_UNSUPPORTED, "decoder.x has no place"},
        {{.extra = "encoder.layer.01.output.dense.bias"}, VANTA_ERR_UNSUPPORTED,
         "has no place"},
        {{.reshaped = "encoder.layer.0.output.dense.weight"}, VANTA_ERR_FORMAT,
         "another shape"},
        {{.dtype = "I32"}, VANTA_ERR_UNSUPPORTED, "i32"},
        {{.special = NAN, .special_in = "encoder.layer.0.output.dense.weight"},
         VANTA_ERR_FORMAT, "not finite"},
        {{.special = INFINITY, .special_in = "embeddings.LayerNorm.bias"},
         VANTA_ERR_FORMAT, "not finite"},
        {{.special = 70000, .special_in = "encoder.layer.0.output.dense.weight"},
         VANTA_ERR_UNSUPPORTED, "too large for f16"},
        {{.tokenizer = "{"}, VANTA_ERR_FORMAT, "tokenizer.json"},
        {{.tokenizer = "[]"}, VANTA_ERR_FORMAT, "tokenizer.json"},
        {{.tokenizer = "{}"}, VANTA_ERR_FORMAT, "no model.vocab"},
        {{.tokenizer = "{\"model\":{\"type\":\"BPE\"}}"}, VANTA_ERR_UNSUPPORTED, "BPE"},
        {{.tokenizer = "{\"model\":{\"continuing_subword_prefix\":\"\"}}"},
         VANTA_ERR_UNSUPPORTED, "continuing_subword_prefix"},
        {{.tokenizer = "{\"model\":{\"max_input_chars_per_word\":5}}"},
         VANTA_ERR_UNSUPPORTED, "max_input_chars_per_word"},
        {{.tokenizer = "{\"normalizer\":null}"}, VANTA_ERR_UNSUPPORTED, "normalizer"},
        {{.tokenizer = "{\"normalizer\":{\"type\":\"NFC\"}}"}, VANTA_ERR_UNSUPPORTED,
         "NFC"},
        {{.tokenizer = "{\"normalizer\":{\"clean_text\":false}}"}, VANTA_ERR_UNSUPPORTED,
         "clean_text"},
        {{.tokenizer = "{\"normalizer\":{\"lowercase\":1}}"}, VANTA_ERR_FORMAT,
         "true or false"},
        {{.tokenizer = "{\"pre_tokenizer\":{\"type\":\"Whitespace\"}}"},
         VANTA_ERR_UNSUPPORTED, "Whitespace"},
        {{.tokenizer = "{\"model\":{\"vocab\":{\"a\":0,\"b\":0}}}"}, VANTA_ERR_FORMAT,
         "two tokens"},
        {{.tokenizer = "{\"model\":{\"vocab\":{\"a\":40}}}"}, VANTA_ERR_FORMAT, "id 40"},
        {{.tokenizer = "{\"model\":{\"vocab\":{\"a\":0}}}"}, VANTA_ERR_FORMAT,
         "[CLS] is not in the vocabulary"},
        {{.tokenizer = "{\"added_tokens\":[{\"id\":99,\"content\":\"x\"}]}"},
         VANTA_ERR_FORMAT, "added token"},
        {{.tokenizer = "{\"added_tokens\":[{\"id\":9}]}"}, VANTA_ERR_FORMAT,
         "added token"},
        {{.tokenizer = "{\"added_tokens\":[{\"id\":9,\"content\":\"x\","
                       "\"single_word\":true}]}"},
         VANTA_ERR_UNSUPPORTED, "single_word"},
        {{.tokenizer = "{\"added_tokens\":[{\"id\":0,\"content\":\"x\"}],"
                       "\"model\":{\"vocab\":{\"a\":0}}}"},
         VANTA_ERR_FORMAT, "another text"},
        {{.tokenizer_config = "[]"}, VANTA_ERR_FORMAT, "tokenizer_config.json"},
        {{.tokenizer_config = "{\"cls_token\": 5}"}, VANTA_ERR_FORMAT, "cls_token"},
        {{.tokenizer_config = "{\"cls_token\": \"nothing\"}"}, VANTA_ERR_FORMAT,
         "nothing is not in the vocabulary"},
        {{.tokenizer = "", .tokenizer_config = "{\"tokenize_chinese_chars\": false}"},
         VANTA_ERR_UNSUPPORTED, "tokenize_chinese_chars"},
        {{.tokenizer = "", .tokenizer_config = "{\"do_lower_case\": false}",
          .limits = "{\"do_lower_case\": true}"},
         VANTA_ERR_UNSUPPORTED, "do_lower_case"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum vanta_status status = convert(&cases[i].o, VANTA_ENCODER_WEIGHTS_F16);

        if (status != cases[i].status || !strstr(err.message, cases[i].says))
            fail_msg("case %zu: %s: %s; wanted %s", i, vanta_status_name(status),
                     err.message, cases[i].says);
    }
}

/* Cut anywhere, the weights are refused and nothing is left. */
static void cut_weights_are_refused(void **state)
{
    static const struct encoder_options o = {0};
    struct vanta_buf whole = VANTA_BUF(FILE_BYTES_MAX);
    size_t cut;

    (void)state;
    write_encoder(in_scratch("enc"), &o);
    assert_int_equal(vanta_file_read(in_scratch("enc/model.safetensors"), &whole, NULL),
                     VANTA_OK);
    for (cut = 0; cut < whole.len; cut = cut < 64 ? cut + 1 : cut * 5 / 4) {
        struct vanta_buf part = {whole.data, cut, 0, 0};

        write_file(in_scratch("enc"), "model.safetensors", &part);
        memset(&err, 0, sizeof err);
        assert_int_equal(vanta_encoder_gguf(in_scratch("enc"), in_scratch("out"),
                                            VANTA_ENCODER_WEIGHTS_F16, NULL, NULL, NULL,
                                            NULL, &result, &err),
                         VANTA_ERR_FORMAT);
        assert_false(vanta_file_exists(in_scratch("out")));
    }
    vanta_buf_free(&whole);
}

static void stop_at_once(void *arg, uint64_t bytes, uint64_t total)
{
    (void)total;
    if (bytes > 0)
        atomic_store((atomic_bool *)arg, true);
}

static void a_conversion_is_stopped(void **state)
{
    static const struct encoder_options o = {0};
    atomic_bool cancel = false;

    (void)state;
    write_encoder(in_scratch("enc"), &o);
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_encoder_gguf(in_scratch("enc"), in_scratch("stopped"),
                                        VANTA_ENCODER_WEIGHTS_F16, NULL, stop_at_once,
                                        &cancel, &cancel, &result, &err),
                     VANTA_ERR_CANCELLED);
    assert_false(vanta_file_exists(in_scratch("stopped")));
}

/* The file becomes shorter when its first blocks were written: that has to be an error,
 * where touching a page behind the end would be a signal. */
static void shorten(void *arg, uint64_t bytes, uint64_t total)
{
    (void)bytes;
    (void)total;
    if (truncate(arg, 1 << 20) != 0)
        abort();
}

static void weights_that_shrink_are_an_error(void **state)
{
    static const struct encoder_options o = {.width = 1024};
    char path[VANTA_PATH_MAX];

    (void)state;
    write_encoder(in_scratch("enc"), &o); /* some windows long */
    snprintf(path, sizeof path, "%s", in_scratch("enc/model.safetensors"));
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_encoder_gguf(in_scratch("enc"), in_scratch("shrunk"),
                                        VANTA_ENCODER_WEIGHTS_F16, NULL, shorten, path,
                                        NULL, &result, &err),
                     VANTA_ERR_IO);
    assert_non_null(strstr(err.message, "changed its size"));
    assert_false(vanta_file_exists(in_scratch("shrunk")));
}

static void a_target_that_exists_is_kept(void **state)
{
    static const struct encoder_options o = {0};
    struct vanta_buf mine = VANTA_BUF(64);

    (void)state;
    write_encoder(in_scratch("enc"), &o);
    put(&mine, "mine", 4);
    write_file(scratch, "there", &mine);
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_encoder_gguf(in_scratch("enc"), in_scratch("there"),
                                        VANTA_ENCODER_WEIGHTS_F16, NULL, NULL, NULL, NULL,
                                        &result, &err),
                     VANTA_ERR_EXISTS);
    assert_int_equal(vanta_file_size(in_scratch("there")), 4);
    vanta_buf_free(&mine);
}

static void types_have_names(void **state)
{
    enum vanta_encoder_weights weights;

    (void)state;
    assert_true(vanta_encoder_weights_parse("q8_0", &weights));
    assert_int_equal(weights, VANTA_ENCODER_WEIGHTS_Q8_0);
    assert_string_equal(vanta_encoder_weights_name(weights), "q8_0");
    assert_false(vanta_encoder_weights_parse("q4_0", &weights));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bert_has_its_keys),
        cmocka_unit_test(mpnet_has_its_keys),
        cmocka_unit_test(tokens_are_written_as_llama_cpp_does),
        cmocka_unit_test(tensors_hold_the_weights),
        cmocka_unit_test(q8_0_quantizes_the_layers_alone),
        cmocka_unit_test(rows_that_are_no_blocks_stay_f16),
        cmocka_unit_test(sources_of_every_type_give_the_same_file),
        cmocka_unit_test(names_of_other_checkpoints_are_known),
        cmocka_unit_test(vocab_txt_gives_the_same_file),
        cmocka_unit_test(what_is_optional_may_be_missing),
        cmocka_unit_test(broken_folders_are_refused),
        cmocka_unit_test(cut_weights_are_refused),
        cmocka_unit_test(a_conversion_is_stopped),
        cmocka_unit_test(weights_that_shrink_are_an_error),
        cmocka_unit_test(a_target_that_exists_is_kept),
        cmocka_unit_test(types_have_names),
    };
    int failed = cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);

    vanta_buf_free(&file);
    return failed;
}
