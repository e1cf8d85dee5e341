/* Small models of XTTS-v2 to GGUF, read back and compared with the formula that made their
 * weights; and the formula itself, at full size, with its recorded digest. */
#include "scratch.h"

#include <math.h>

#include "../xtts_files.h"
#include "base/digest.h"
#include "cmocka_all.h"
#include "convert/half.h"
#include "convert/xtts_gguf.h"
#include "gguf_reader.h"

#define FILE_BYTES_MAX ((size_t)1 << 26)

static struct vanta_error err;
static struct vanta_convert_result result;
static const struct xtts_variant plain;

static enum vanta_status convert_folder(enum vanta_encoder_weights weights)
{
    static const struct vanta_encoder_source source = {
        .name = "little", .license = "CPML", .url = "https://example.org/little"};
    enum vanta_status status;

    memset(&err, 0, sizeof err);
    unlink(in_scratch("out"));
    status = vanta_xtts_gguf(in_scratch("xtts"), in_scratch("out"), weights, &source, NULL,
                             NULL, NULL, &result, &err);
    vanta_buf_free(&file);
    if (status != VANTA_OK) {
        assert_false(vanta_file_exists(in_scratch("out")));
        assert_int_equal(err.status, status);
        return status;
    }
    file = VANTA_BUF(FILE_BYTES_MAX);
    assert_int_equal(vanta_file_read(in_scratch("out"), &file, NULL), VANTA_OK);
    assert_int_equal(file.len, result.size_bytes);
    return status;
}

static enum vanta_status convert(const struct xtts_variant *v,
                                 enum vanta_encoder_weights weights)
{
    xtts_write_folder(in_scratch("xtts"), &xtts_small, v);
    return convert_folder(weights);
}

static void refused(enum vanta_status status, const char *message)
{
    assert_int_equal(convert_folder(VANTA_ENCODER_WEIGHTS_F32), status);
    if (!strstr(err.message, message))
        fail_msg("\"%s\" is not in \"%s\"", message, err.message);
}

/* --- the formula --- */

static void the_formula_gives_the_recorded_values(void **state)
{
    uint64_t h = xtts_hash("gpt.mel_head.bias");

    (void)state;
    assert_true(h == 0x74f3d89321cd4eb8u);
    assert_true(fabsf(xtts_unit(h, 1) - 0.41583705f) < 1e-7f);
    assert_true(fabsf(xtts_unit(h, 2) - 0.786818f) < 1e-6f);
    assert_true(fabsf(xtts_unit(h, 3) + 0.3310014f) < 1e-7f);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct xtts_tensor *)a)->name,
                  ((const struct xtts_tensor *)b)->name);
}

/* All values of the published model's shapes: those that the reference outputs are of. */
static void the_full_size_has_its_digest(void **state)
{
    struct xtts_tensors l = xtts_list(&xtts_full);
    struct vanta_digest digest;
    char hex[VANTA_SHA256_HEX];
    uint64_t values = 0;
    size_t i;

    (void)state;
    assert_int_equal(l.n, 963);
    assert_int_equal(vanta_digest_init(&digest, VANTA_DIGEST_SHA256, &err), VANTA_OK);
    qsort(l.items, l.n, sizeof *l.items, by_name);
    for (i = 0; i < l.n; i++) {
        uint64_t n = xtts_elements(&l.items[i]);
        float *made;

        values += n;
        if (l.items[i].whole || strstr(l.items[i].name, "torch_spec"))
            continue;
        made = malloc(n * sizeof *made);
        assert_non_null(made);
        xtts_fill(&l.items[i], made);
        vanta_digest_update(&digest, made, n * sizeof *made);
        free(made);
    }
    vanta_digest_hex(&digest, hex);
    vanta_digest_free(&digest);
    free(l.items);
    assert_int_equal(values, 466900598);
    assert_string_equal(hex,
                        "a7c9873a425714779729fb5498a348a59894db47c0bf818ba7778195f3d563f9");
}

/* --- what the files hold --- */

static void it_has_its_keys(void **state)
{
    static const struct {
        const char *key;
        uint32_t value;
    } keys[] = {
        {"general.file_type", 7}, {"xtts.block_count", 2}, {"xtts.embedding_length", 64},
        {"xtts.feed_forward_length", 256}, {"xtts.attention.head_count", 4},
        {"xtts.text.vocabulary", 300}, {"xtts.text.positions", 62},
        {"xtts.text.max_tokens", 60}, {"xtts.text.start", 261}, {"xtts.text.stop", 0},
        {"xtts.audio.vocabulary", 66}, {"xtts.audio.positions", 66},
        {"xtts.audio.max_tokens", 60}, {"xtts.audio.start", 64}, {"xtts.audio.stop", 65},
        {"xtts.audio.code_stride", 1024}, {"xtts.audio.input_hz", 22050},
        {"xtts.audio.output_hz", 24000}, {"xtts.vocoder.embedding_length", 64},
        {"xtts.vocoder.hop_length", 256}, {"xtts.speaker.embedding_length", 32},
        {"xtts.speaker_encoder.mel_bands", 64}, {"xtts.conditioning.mel_bands", 80},
        {"xtts.conditioning.block_count", 2}, {"xtts.conditioning.group_count", 16},
        {"xtts.perceiver.block_count", 2}, {"xtts.perceiver.head_count", 8},
        {"xtts.perceiver.feed_forward_length", 170}, {"xtts.perceiver.latents", 32},
        {"xtts.sampling.top_k", 50}, {"xtts.cloning.latent_seconds", 30},
        {"xtts.cloning.chunk_seconds", 4}, {"xtts.cloning.reference_seconds", 30},
        {"vanta.converter", 1},
    };
    static const uint32_t rates[] = {8, 8, 2, 2}, kernels[] = {3, 7, 11};
    size_t i;

    (void)state;
    assert_int_equal(convert(&plain, VANTA_ENCODER_WEIGHTS_Q8_0), VANTA_OK);
    assert_string_equal(key_string("general.architecture"), "xtts");
    assert_string_equal(key_string("general.name"), "little");
    assert_string_equal(key_string("general.license"), "CPML");
    for (i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (key_u32(keys[i].key) != keys[i].value)
            fail_msg("%s is %u", keys[i].key, key_u32(keys[i].key));
    assert_true(find_key("xtts.vocoder.upsample_rates", 9));
    assert_int_equal(number(4), 4);
    assert_int_equal(number(8), 4);
    for (i = 0; i < 4; i++)
        assert_int_equal(number(4), rates[i]);
    assert_true(find_key("xtts.vocoder.resblock_kernels", 9));
    number(4);
    assert_int_equal(number(8), 3);
    for (i = 0; i < 3; i++)
        assert_int_equal(number(4), kernels[i]);
    assert_true(find_key("xtts.speakers", 9));
    assert_int_equal(number(4), 8);
    assert_int_equal(number(8), 2);
    assert_string_equal(string(), "Claribel Dervla");
    assert_string_equal(string(), "Abrahan Mack");
    assert_true(find_key("xtts.languages", 9));
    number(4);
    assert_int_equal(number(8), 17);
    assert_string_equal(string(), "en");
    assert_true(find_key("xtts.character_limits", 9));
    number(4);
    assert_int_equal(number(8), 17);
    assert_int_equal(number(4), 250);
    assert_int_equal(number(4), 239); /* es */
    assert_int_equal(number(4), 273); /* fr */
}

static void the_vocabulary_is_there_as_it_was(void **state)
{
    struct vanta_buf text = VANTA_BUF(1 << 20);

    (void)state;
    assert_int_equal(convert(&plain, VANTA_ENCODER_WEIGHTS_F16), VANTA_OK);
    assert_int_equal(vanta_file_read(in_scratch("xtts/vocab.json"), &text, NULL), VANTA_OK);
    assert_true(find_key("tokenizer.huggingface.json", 8));
    assert_int_equal(number(8), text.len);
    assert_memory_equal(file.data + at, text.data, text.len);
    vanta_buf_free(&text);
}

/* The value of a tensor by the formula, at its place in PyTorch's order. */
static float by_formula(const char *name, size_t i)
{
    static struct xtts_tensors l;
    float offset, factor;
    size_t k;

    if (!l.items)
        l = xtts_list(&xtts_small);
    for (k = 0; k < l.n && strcmp(l.items[k].name, name) != 0; k++)
        continue;
    assert_true(k < l.n);
    assert_true(i < xtts_elements(&l.items[k]));
    xtts_scale(&l.items[k], &offset, &factor);
    return offset + factor * xtts_unit(xtts_hash(name), i + 1);
}

static float value_of(const struct tensor *t, size_t i)
{
    const uint8_t *block = t->data + i / 32 * 34;

    if (t->type == 0)
        return f32_at(t->data, i);
    if (t->type == 1)
        return vanta_f16_to_f32(u16_at(t->data, i));
    assert_int_equal(t->type, 8);
    return vanta_f16_to_f32(u16_at(block, 0)) * (float)(int8_t)block[2 + i % 32];
}

static void check_transposed(const char *name, const char *from, size_t in, size_t out,
                             uint32_t type, float most)
{
    struct tensor t = find_tensor(name);
    size_t i, o;

    assert_int_equal(t.type, type);
    assert_int_equal(t.rank, 2);
    assert_int_equal(t.extents[0], in);
    assert_int_equal(t.extents[1], out);
    for (o = 0; o < out; o++)
        for (i = 0; i < in; i++)
            assert_true(fabsf(value_of(&t, o * in + i) - by_formula(from, i * out + o)) <=
                        most);
}

static void check_same(const char *name, const char *from, size_t n, uint32_t type,
                       float most)
{
    struct tensor t = find_tensor(name);
    size_t i;

    assert_int_equal(t.type, type);
    for (i = 0; i < n; i++)
        assert_true(fabsf(value_of(&t, i) - by_formula(from, i)) <= most);
}

/* [type][kind]: T, E, V of xtts_layout.h. */
static const uint32_t types[3][3] = {{0, 0, 0}, {1, 1, 1}, {8, 1, 0}};
static const float most[9] = {0, 2e-4f, 0, 0, 0, 0, 0, 0, 4e-3f}; /* by ggml's type */

static void matrices_are_transposed_and_typed(void **state)
{
    int w;

    (void)state;
    for (w = 0; w < 3; w++) {
        uint32_t t = types[w][0], e = types[w][1], v = types[w][2];

        assert_int_equal(convert(&plain, (enum vanta_encoder_weights)w), VANTA_OK);
        check_transposed("blk.0.attn_qkv.weight", "gpt.gpt.h.0.attn.c_attn.weight", 64, 192,
                         t, most[t]);
        check_transposed("blk.1.attn_output.weight", "gpt.gpt.h.1.attn.c_proj.weight", 64,
                         64, t, most[t]);
        check_transposed("blk.0.ffn_up.weight", "gpt.gpt.h.0.mlp.c_fc.weight", 64, 256, t,
                         most[t]);
        check_transposed("blk.1.ffn_down.weight", "gpt.gpt.h.1.mlp.c_proj.weight", 256, 64,
                         t, most[t]);
        check_same("text_embd.weight", "gpt.text_embedding.weight", 300 * 64, e, most[e]);
        check_same("audio_head.weight", "gpt.mel_head.weight", 66 * 64, e, most[e]);
        check_same("cond.1.qkv.weight", "gpt.conditioning_encoder.attn.1.qkv.weight",
                   192 * 64, e, most[e]);
        check_same("perceiver.1.ffn_down.weight",
                   "gpt.conditioning_perceiver.layers.1.1.2.weight", 64 * 170, e, most[e]);
        check_same("voc.conv_pre.weight", "hifigan_decoder.waveform_decoder.conv_pre.weight",
                   32 * 64 * 7, v, most[v]);
        check_same("spk.3.1.conv2.weight",
                   "hifigan_decoder.speaker_encoder.layer3.1.conv2.weight", 16 * 16 * 9, v,
                   most[v]);
        /* These keep all their bits in each type. */
        check_same("text_pos.weight", "gpt.text_pos_embedding.emb.weight", 62 * 64, 0, 0);
        check_same("blk.1.attn_norm.bias", "gpt.gpt.h.1.ln_1.bias", 64, 0, 0);
        check_same("audio_head.bias", "gpt.mel_head.bias", 66, 0, 0);
        check_same("mel_stats", "mel_stats", 80, 0, 0);
        check_same("perceiver.latents", "gpt.conditioning_perceiver.latents", 32 * 64, 0, 0);
        check_same("voc.up.3.bias", "hifigan_decoder.waveform_decoder.ups.3.bias", 2, 0, 0);
    }
}

#define PARTS ".parametrizations.weight.original"

/* g / |v| of one slice along v's first axis */
static double factor_of(const char *name, size_t slice, size_t n)
{
    char part[160];
    double sum = 0;
    size_t i;

    snprintf(part, sizeof part, "%s" PARTS "1", name);
    for (i = 0; i < n; i++)
        sum += pow(by_formula(part, slice * n + i), 2);
    snprintf(part, sizeof part, "%s" PARTS "0", name);
    return by_formula(part, slice) / sqrt(sum);
}

static void weight_norm_is_folded(void **state)
{
    static const char conv[] = "hifigan_decoder.waveform_decoder.resblocks.4.convs1.2";
    static const char up[] = "hifigan_decoder.waveform_decoder.ups.1";
    struct tensor t;
    size_t i, o, k;

    (void)state;
    assert_int_equal(convert(&plain, VANTA_ENCODER_WEIGHTS_Q8_0), VANTA_OK);
    t = find_tensor("voc.res.4.conv1.2.weight"); /* [8][8][7] */
    assert_int_equal(t.extents[0], 7);
    for (i = 0; i < 8 * 8 * 7; i++)
        assert_true(fabs(f32_at(t.data, i) - by_formula("hifigan_decoder.waveform_decoder."
                                                        "resblocks.4.convs1.2" PARTS "1", i) *
                                                 factor_of(conv, i / 56, 56)) < 1e-6);
    t = find_tensor("voc.up.1.weight"); /* [16][8][16] to {16, 16, 8} */
    assert_int_equal(t.extents[0], 16);
    assert_int_equal(t.extents[1], 16);
    assert_int_equal(t.extents[2], 8);
    for (i = 0; i < 16; i++) {
        double factor = factor_of(up, i, 128);

        for (o = 0; o < 8; o++)
            for (k = 0; k < 16; k++)
                assert_true(fabs(f32_at(t.data, (o * 16 + k) * 16 + i) -
                                 by_formula("hifigan_decoder.waveform_decoder.ups.1" PARTS
                                            "1", i * 128 + o * 16 + k) *
                                     factor) < 1e-6);
    }
}

static void batch_norms_are_two_vectors(void **state)
{
#define BN "hifigan_decoder.speaker_encoder.layer2.0.downsample.1."
    struct tensor scale, shift;
    size_t i;

    (void)state;
    assert_int_equal(convert(&plain, VANTA_ENCODER_WEIGHTS_F16), VANTA_OK);
    scale = find_tensor("spk.2.0.short_bn.weight");
    shift = find_tensor("spk.2.0.short_bn.bias");
    assert_int_equal(scale.type, 0);
    for (i = 0; i < 8; i++) {
        double factor =
            by_formula(BN "weight", i) / sqrt(by_formula(BN "running_var", i) + 1e-5);

        assert_true(fabs(f32_at(scale.data, i) - factor) < 1e-6);
        assert_true(fabs(f32_at(shift.data, i) - (by_formula(BN "bias", i) -
                                                  by_formula(BN "running_mean", i) *
                                                      factor)) < 1e-6);
    }
}

static void voices_are_read_by_their_strides(void **state)
{
    uint64_t h = xtts_hash("ref.gpt_cond_latent"), second = xtts_hash("Abrahan Mack/gpt");
    struct tensor t;
    double sum = 0;
    size_t i;

    (void)state;
    assert_int_equal(convert(&plain, VANTA_ENCODER_WEIGHTS_Q8_0), VANTA_OK);
    t = find_tensor("speakers.latents");
    assert_int_equal(t.type, 0);
    assert_int_equal(t.extents[0], 64);
    assert_int_equal(t.extents[1], 32);
    assert_int_equal(t.extents[2], 2);
    for (i = 0; i < 32 * 64; i++) {
        assert_true(f32_at(t.data, i) == 0.5f * xtts_unit(h, i + 1));
        assert_true(f32_at(t.data, 32 * 64 + i) == 0.5f * xtts_unit(second, i + 1));
    }
    t = find_tensor("speakers.embeddings");
    for (i = 0; i < 32; i++)
        sum += pow(f32_at(t.data, i), 2);
    assert_true(fabs(sum - 1) < 1e-6);
}

/* --- other checkpoints --- */

static void variants_give_the_same_file(void **state)
{
    static const struct xtts_variant variants[] = {
        {.config = XTTS_CONFIG_DICT}, {.config = XTTS_CONFIG_NONE}, {.prefixed = true},
        {.old_norm = true},           {.extra = true},              {.transposed = true},
        {.prefixed = true, .old_norm = true, .extra = true, .config = XTTS_CONFIG_DICT}};
    struct vanta_buf right;
    size_t i, digest;

    (void)state;
    assert_int_equal(convert(&plain, VANTA_ENCODER_WEIGHTS_Q8_0), VANTA_OK);
    assert_true(find_key("vanta.source.sha256", 8));
    digest = at + 8;
    right = file;
    memset(&file, 0, sizeof file);
    for (i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        assert_int_equal(convert(&variants[i], VANTA_ENCODER_WEIGHTS_Q8_0), VANTA_OK);
        assert_int_equal(file.len, right.len);
        memcpy(file.data + digest, right.data + digest, 64); /* of another checkpoint */
        assert_memory_equal(file.data, right.data, right.len);
    }
    vanta_buf_free(&right);
}

static void checkpoints_that_do_not_fit_are_refused(void **state)
{
    static const struct {
        struct xtts_variant v;
        const char *message;
    } cases[] = {
        {{.without = "gpt.gpt.h.1.mlp.c_fc.bias"}, "gpt.gpt.h.1.mlp.c_fc.bias is missing"},
        {{.without = "gpt.conditioning_perceiver.latents"}, "version 1"},
        {{.without = "hifigan_decoder.speaker_encoder.bn1.running_var"}, "bn1.running_var"},
        {{.without = "hifigan_decoder.waveform_decoder.ups.2.parametrizations.weight."
                     "original0"}, "ups.2"},
        {{.without = "mel_stats"}, "mel_stats is missing"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        xtts_write_folder(in_scratch("xtts"), &xtts_small, &cases[i].v);
        assert_int_not_equal(convert_folder(VANTA_ENCODER_WEIGHTS_F16), VANTA_OK);
        if (!strstr(err.message, cases[i].message))
            fail_msg("case %zu: %s", i, err.message);
    }
}

/* Each tensor that the model has, one row short: its shape is one that others tell too, or
 * it is a bias that its matrix tells. */
static void every_shape_is_checked(void **state)
{
    struct xtts_size less = xtts_small;

    (void)state;
    xtts_write_folder(in_scratch("xtts"), &xtts_small, &plain);
    less.layers = 3;
    xtts_write_config(in_scratch("xtts/config.json"), &less);
    refused(VANTA_ERR_FORMAT, "gpt.gpt.h.2.ln_1.weight is missing");
    less = xtts_small;
    less.width = 128;
    xtts_write_config(in_scratch("xtts/config.json"), &less);
    refused(VANTA_ERR_FORMAT, "another shape");
    less = xtts_small;
    less.text_max = 59;
    xtts_write_config(in_scratch("xtts/config.json"), &less);
    refused(VANTA_ERR_FORMAT, "gpt.text_pos_embedding.emb.weight has another shape");
    less = xtts_small;
    less.codes = 67;
    xtts_write_config(in_scratch("xtts/config.json"), &less);
    refused(VANTA_ERR_FORMAT, "another shape");
    less = xtts_small;
    less.speaker_width = 16;
    xtts_write_config(in_scratch("xtts/config.json"), &less);
    refused(VANTA_ERR_FORMAT, "another shape");
    less = xtts_small;
    less.heads = 3;
    xtts_write_config(in_scratch("xtts/config.json"), &less);
    refused(VANTA_ERR_FORMAT, "do not fit together");
    less.heads = 4;
    less.perceiver_inner = 171;
    xtts_write_folder(in_scratch("xtts"), &less, &plain);
    assert_int_equal(convert_folder(VANTA_ENCODER_WEIGHTS_Q8_0), VANTA_OK);
    xtts_write_speakers(in_scratch("xtts/speakers_xtts.pth"), &xtts_full);
    refused(VANTA_ERR_FORMAT, "what a voice of this model has");
    unlink(in_scratch("xtts/speakers_xtts.pth"));
    assert_int_equal(convert_folder(VANTA_ENCODER_WEIGHTS_Q8_0), VANTA_OK);
    assert_false(find_key("xtts.speakers", 9));
}

/* Replaces a text in a file of the folder. */
static void edit(const char *name, const char *from, const char *to)
{
    struct vanta_buf text = VANTA_BUF(1 << 20), out = VANTA_BUF(1 << 20);
    char *place;

    assert_int_equal(vanta_file_read(in_scratch(name), &text, NULL), VANTA_OK);
    place = strstr(text.data, from);
    assert_non_null(place);
    assert_true(vanta_buf_append(&out, text.data, (size_t)(place - text.data)) &&
                vanta_buf_puts(&out, to) && vanta_buf_puts(&out, place + strlen(from)));
    scratch_file(name, out.data, out.len);
    vanta_buf_free(&text);
    vanta_buf_free(&out);
}

static void other_models_are_refused(void **state)
{
    static const struct {
        const char *file, *from, *to;
        enum vanta_status status;
        const char *message;
    } cases[] = {
        {"config", "\"xtts\"", "\"vits\"", VANTA_ERR_UNSUPPORTED, "no XTTS"},
        {"config", "resampler\": true", "resampler\": false", VANTA_ERR_UNSUPPORTED,
         "version 1"},
        {"config", "\"gpt_use_perceiver_resampler\": true, ", "", VANTA_ERR_UNSUPPORTED,
         "version 1"},
        {"config", "\"gpt_layers\": 2", "\"gpt_layers\": 0", VANTA_ERR_FORMAT, "gpt_layers"},
        {"config", "\"gpt_layers\": 2", "\"gpt_layers\": 65", VANTA_ERR_FORMAT, "gpt_layers"},
        {"config", "\"gpt_layers\": 2, ", "", VANTA_ERR_FORMAT, "gpt_layers"},
        {"config", "\"output_hop_length\": 256", "\"output_hop_length\": 512",
         VANTA_ERR_UNSUPPORTED, "as many samples"},
        {"config", "0.75", "0", VANTA_ERR_FORMAT, "temperature"},
        {"config", "0.85", "1.5", VANTA_ERR_FORMAT, "top_p"},
        {"config", "\"es\"", "7", VANTA_ERR_FORMAT, "languages"},
        {"config", "{", "[", VANTA_ERR_FORMAT, "config.json"},
        {"vocab", "\"BPE\"", "\"Unigram\"", VANTA_ERR_UNSUPPORTED, "another tokenizer"},
        {"vocab", "\"Whitespace\"", "\"ByteLevel\"", VANTA_ERR_UNSUPPORTED,
         "another tokenizer"},
        {"vocab", "\"normalizer\": null", "\"normalizer\": {\"type\": \"NFKC\"}",
         VANTA_ERR_UNSUPPORTED, "another tokenizer"},
        {"vocab", "\"id\": 262", "\"id\": 300", VANTA_ERR_FORMAT, "301 tokens"},
        {"vocab", "\"id\": 262", "\"id\": -1", VANTA_ERR_FORMAT, "no usable numbers"},
    };
    char name[64];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        xtts_write_folder(in_scratch("xtts"), &xtts_small, &plain);
        snprintf(name, sizeof name, "xtts/%s.json", cases[i].file);
        edit(name, cases[i].from, cases[i].to);
        refused(cases[i].status, cases[i].message);
    }
    /* What the class leaves to the vocabulary: another number of tokens than rows. */
    xtts_write_folder(in_scratch("xtts"), &xtts_small, &plain);
    edit("xtts/config.json", "tokens\": 300", "tokens\": null");
    refused(VANTA_ERR_FORMAT, "gpt.text_embedding.weight has another shape");
    edit("xtts/vocab.json", "\"id\": 262", "\"id\": 299");
    assert_int_equal(convert_folder(VANTA_ENCODER_WEIGHTS_F32), VANTA_OK);
    assert_int_equal(key_u32("xtts.text.vocabulary"), 300);
    unlink(in_scratch("xtts/vocab.json"));
    refused(VANTA_ERR_NOT_FOUND, "vocab.json");
    unlink(in_scratch("xtts/config.json"));
    refused(VANTA_ERR_NOT_FOUND, "config.json");
    assert_non_null(strstr(err.hint, "model.pth"));
}

/* One value of the checkpoint is not finite, another too large for f16. */
static void values_have_to_fit(void **state)
{
    static const uint8_t nan[] = {0, 0, 0xc0, 0x7f}, large[] = {0, 0, 0x80, 0x47}; /* 65536 */
    struct vanta_buf pth = VANTA_BUF(1 << 24);
    size_t i;

    (void)state;
    xtts_write_folder(in_scratch("xtts"), &xtts_small, &plain);
    assert_int_equal(vanta_file_read(in_scratch("xtts/model.pth"), &pth, NULL), VANTA_OK);
    {
        float first = by_formula("gpt.gpt.h.1.attn.c_proj.weight", 77);

        for (i = 0; i + 4 <= pth.len && memcmp(pth.data + i, &first, 4) != 0; i += 4)
            continue;
    }
    assert_true(i + 4 <= pth.len);
    memcpy(pth.data + i, nan, 4);
    scratch_file("xtts/model.pth", pth.data, pth.len);
    refused(VANTA_ERR_FORMAT, "blk.1.attn_output.weight has a value that is not finite");
    memcpy(pth.data + i, large, 4);
    scratch_file("xtts/model.pth", pth.data, pth.len);
    assert_int_equal(convert_folder(VANTA_ENCODER_WEIGHTS_F32), VANTA_OK);
    assert_int_equal(convert_folder(VANTA_ENCODER_WEIGHTS_Q8_0), VANTA_OK);
    assert_int_equal(convert_folder(VANTA_ENCODER_WEIGHTS_F16), VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.hint, "f32"));
    vanta_buf_free(&pth);
}

static void it_can_be_stopped(void **state)
{
    atomic_bool stop = true;

    (void)state;
    xtts_write_folder(in_scratch("xtts"), &xtts_small, &plain);
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_xtts_gguf(in_scratch("xtts"), in_scratch("out"),
                                     VANTA_ENCODER_WEIGHTS_F32, NULL, NULL, NULL, &stop,
                                     &result, &err),
                     VANTA_ERR_CANCELLED);
    assert_false(vanta_file_exists(in_scratch("out")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_formula_gives_the_recorded_values),
        cmocka_unit_test(the_full_size_has_its_digest),
        scratch_test(it_has_its_keys),
        scratch_test(the_vocabulary_is_there_as_it_was),
        scratch_test(matrices_are_transposed_and_typed),
        scratch_test(weight_norm_is_folded),
        scratch_test(batch_norms_are_two_vectors),
        scratch_test(voices_are_read_by_their_strides),
        scratch_test(variants_give_the_same_file),
        scratch_test(checkpoints_that_do_not_fit_are_refused),
        scratch_test(every_shape_is_checked),
        scratch_test(other_models_are_refused),
        scratch_test(values_have_to_fit),
        scratch_test(it_can_be_stopped),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    vanta_buf_free(&file);
    return failed;
}
