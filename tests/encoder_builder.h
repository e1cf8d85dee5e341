/*
 * encoder_builder.h - small sentence-transformers folders for tests.
 *
 * A BERT or MPNet of one or two layers, 64 wide, with weights from model_builder.h's
 * sequence and a vocabulary of letters. struct encoder_options says what to break.
 */
#ifndef TESTS_ENCODER_BUILDER_H
#define TESTS_ENCODER_BUILDER_H

#include <sys/stat.h>

#include "model_builder.h"

#define ENCODER_WIDTH 64
#define ENCODER_INNER 96
#define ENCODER_POSITIONS 40
#define ENCODER_BUCKETS 32
#define ENCODER_HEADS 4
#define ENCODER_LAYERS 2

struct encoder_options {
    bool mpnet;
    const char *dtype;     /* "F32", "F16", "BF16" */
    const char *config;    /* the text of config.json instead */
    const char *modules, *pooling, *limits, *tokenizer_config; /* as well; "": no file */
    const char *tokenizer; /* the text of tokenizer.json instead; "": only vocab.txt */
    const char *without;   /* a tensor that is left out */
    const char *twice;     /* one that is there under its old name too */
    const char *extra;     /* one more, of one value */
    const char *reshaped;  /* one with a wrong shape */
    float special;         /* value 5 of special_in */
    const char *special_in;
    const char *prefix;    /* of all names */
    uint32_t width;        /* 0: ENCODER_WIDTH */
};

static const char *const encoder_pieces[] = {
    "[unused0]", "hello", "world", "##ing", "un", "##aff", "##able", "run", "##n", ",", ".",
    "!", "a", "b", "c", "x", "##x", "##b", "e", "##\xe1\x84\x92", "\xe1\x84\x92",
    "##\xe1\x85\xa1", "##\xe1\x86\xab", "\xe4\xbb\x8a", "i", "##i", "word"};

#define N_ENCODER_PIECES (sizeof encoder_pieces / sizeof encoder_pieces[0])
#define ENCODER_VOCABULARY 40 /* the rest has no token */

static inline const char *encoder_special(bool mpnet, unsigned i)
{
    static const char *const bert[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    static const char *const mpnets[] = {"<pad>", "[UNK]", "<s>", "</s>", "<mask>"};

    return mpnet ? mpnets[i] : bert[i];
}

struct encoder_writer {
    const struct encoder_options *options;
    struct vanta_buf header, data;
    bool first;
};

static inline void encoder_tensor(struct encoder_writer *w, const char *name,
                                  uint32_t rows, uint32_t columns)
{
    const struct encoder_options *o = w->options;
    const char *dtype = o->dtype ? o->dtype : "F32";
    uint64_t n = (uint64_t)rows * (columns ? columns : 1), seed = weight_seed(name), i;
    size_t begin = w->data.len;
    char shape[32];

    if (o->without && strcmp(o->without, name) == 0)
        return;
    if (o->reshaped && strcmp(o->reshaped, name) == 0) {
        n += columns ? columns : 1;
        rows++;
    }
    for (i = 0; i < n; i++) {
        int k = weight_k(seed, i);
        float value = (float)k / 128;
        uint32_t bits;

        if (o->special_in && strcmp(o->special_in, name) == 0 && i == 5)
            value = o->special;
        memcpy(&bits, &value, sizeof bits);
        if (dtype[0] == 'F' && dtype[1] == '1')
            put_u16(&w->data, weight_f16(k));
        else if (dtype[0] == 'B')
            put_u16(&w->data, bits >> 16);
        else
            put_u32(&w->data, bits);
    }
    snprintf(shape, sizeof shape, columns ? "%u,%u" : "%u", rows, columns);
    if (!vanta_buf_printf(&w->header,
                          "%s\"%s%s\":{\"dtype\":\"%s\",\"shape\":[%s],"
                          "\"data_offsets\":[%zu,%zu]}",
                          w->first ? "" : ",", o->prefix ? o->prefix : "", name, dtype,
                          shape, begin, w->data.len))
        abort();
    w->first = false;
}

static inline void encoder_linear(struct encoder_writer *w, const char *prefix,
                                  const char *name, uint32_t rows, uint32_t columns)
{
    char full[160];

    snprintf(full, sizeof full, "%s%s.weight", prefix, name);
    encoder_tensor(w, full, rows, columns);
    snprintf(full, sizeof full, "%s%s.bias", prefix, name);
    encoder_tensor(w, full, rows, 0);
}

static inline void encoder_layer(struct encoder_writer *w, unsigned n)
{
    static const char *const names[2][5] = {
        {"attention.self.query", "attention.self.key", "attention.self.value",
         "attention.output.dense", "attention.output.LayerNorm"},
        {"attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o",
         "attention.LayerNorm"}};
    const char *const *own = names[w->options->mpnet];
    uint32_t d = w->options->width ? w->options->width : ENCODER_WIDTH;
    char prefix[64];
    int i;

    snprintf(prefix, sizeof prefix, "encoder.layer.%u.", n);
    for (i = 0; i < 4; i++)
        encoder_linear(w, prefix, own[i], d, d);
    encoder_linear(w, prefix, own[4], d, 0);
    encoder_linear(w, prefix, "intermediate.dense", ENCODER_INNER, d);
    encoder_linear(w, prefix, "output.dense", d, ENCODER_INNER);
    encoder_linear(w, prefix, "output.LayerNorm", d, 0);
}

/* model.safetensors. */
static inline void build_encoder(struct vanta_buf *out, const struct encoder_options *o)
{
    struct encoder_writer w = {.options = o,
                               .header = VANTA_BUF(1 << 20),
                               .data = VANTA_BUF(1 << 26),
                               .first = true};
    uint32_t d = o->width ? o->width : ENCODER_WIDTH;
    unsigned i;

    if (!vanta_buf_puts(&w.header, "{"))
        abort();
    encoder_tensor(&w, "embeddings.LayerNorm.bias", d, 0);
    encoder_tensor(&w, "embeddings.LayerNorm.weight", d, 0);
    encoder_tensor(&w, "embeddings.position_embeddings.weight", ENCODER_POSITIONS, d);
    if (!o->mpnet)
        encoder_tensor(&w, "embeddings.token_type_embeddings.weight", 2, d);
    encoder_tensor(&w, "embeddings.word_embeddings.weight", ENCODER_VOCABULARY, d);
    for (i = 0; i < ENCODER_LAYERS; i++)
        encoder_layer(&w, i);
    if (o->mpnet)
        encoder_tensor(&w, "encoder.relative_attention_bias.weight", ENCODER_BUCKETS,
                       ENCODER_HEADS);
    encoder_linear(&w, "", "pooler.dense", d, d);
    if (o->extra)
        encoder_tensor(&w, o->extra, 1, 0);
    if (o->twice)
        encoder_tensor(&w, o->twice, d, 0);
    if (!vanta_buf_puts(&w.header, "}"))
        abort();
    while (w.header.len % 8)
        if (!vanta_buf_puts(&w.header, " "))
            abort();
    put_u64(out, w.header.len);
    put(out, w.header.data, w.header.len);
    put(out, w.data.data, w.data.len);
    vanta_buf_free(&w.header);
    vanta_buf_free(&w.data);
}

static inline void build_encoder_config(struct vanta_buf *b,
                                        const struct encoder_options *o)
{
    if (!vanta_buf_printf(
            b,
            "{\"model_type\": \"%s\", \"num_hidden_layers\": %d, \"hidden_size\": %u, "
            "\"intermediate_size\": %d, \"num_attention_heads\": %d, \"vocab_size\": %d, "
            "\"max_position_embeddings\": %d, \"layer_norm_eps\": 1e-12, "
            "\"hidden_act\": \"gelu\"%s}\n",
            o->mpnet ? "mpnet" : "bert", ENCODER_LAYERS,
            o->width ? o->width : ENCODER_WIDTH, ENCODER_INNER, ENCODER_HEADS,
            ENCODER_VOCABULARY, ENCODER_POSITIONS,
            o->mpnet ? ", \"relative_attention_num_buckets\": 32"
                     : ", \"type_vocab_size\": 2"))
        abort();
}

/* tokenizer.json: special tokens first, then the pieces. */
static inline void build_encoder_tokenizer(struct vanta_buf *b, bool mpnet)
{
    unsigned i;

    if (!vanta_buf_puts(b, "{\"version\":\"1.0\",\"truncation\":{\"max_length\":8},"
                           "\"added_tokens\":["))
        abort();
    for (i = 0; i < 5; i++)
        if (!vanta_buf_printf(b,
                              "%s{\"id\":%u,\"special\":true,\"content\":\"%s\","
                              "\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
                              "\"normalized\":false}",
                              i ? "," : "", i, encoder_special(mpnet, i)))
            abort();
    if (!vanta_buf_puts(b, "],\"normalizer\":{\"type\":\"BertNormalizer\","
                           "\"clean_text\":true,\"handle_chinese_chars\":true,"
                           "\"strip_accents\":null,\"lowercase\":true},"
                           "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
                           "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\","
                           "\"continuing_subword_prefix\":\"##\","
                           "\"max_input_chars_per_word\":100,\"vocab\":{"))
        abort();
    for (i = 0; i < 5; i++)
        if (!vanta_buf_printf(b, "%s\"%s\":%u", i ? "," : "", encoder_special(mpnet, i), i))
            abort();
    for (i = 0; i < N_ENCODER_PIECES; i++)
        if (!vanta_buf_printf(b, ",\"%s\":%u", encoder_pieces[i], i + 5))
            abort();
    if (!vanta_buf_puts(b, "}}}\n"))
        abort();
}

static inline void build_encoder_vocab(struct vanta_buf *b, bool mpnet)
{
    unsigned i;

    for (i = 0; i < 5; i++)
        if (!vanta_buf_printf(b, "%s\n", encoder_special(mpnet, i)))
            abort();
    for (i = 0; i < N_ENCODER_PIECES; i++)
        if (!vanta_buf_printf(b, "%s\n", encoder_pieces[i]))
            abort();
}

/* given instead of usual; "" means no file. */
static inline void encoder_file(const char *dir, const char *name, const char *given,
                                const char *usual)
{
    struct vanta_buf b = VANTA_BUF(1 << 20);
    const char *text = given ? given : usual;
    char path[512];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    unlink(path);
    if (text[0]) {
        put(&b, text, strlen(text));
        write_file(dir, name, &b);
    }
    vanta_buf_free(&b);
}

/* A whole folder; what was in it of another one is replaced. */
static inline void write_encoder(const char *dir, const struct encoder_options *o)
{
    struct vanta_buf b = VANTA_BUF(1 << 27);
    char pooling[512];

    snprintf(pooling, sizeof pooling, "%s/1_Pooling", dir);
    if ((mkdir(dir, 0777) != 0 && access(dir, W_OK) != 0) ||
        (mkdir(pooling, 0777) != 0 && access(pooling, W_OK) != 0))
        abort();
    build_encoder(&b, o);
    write_file(dir, "model.safetensors", &b);
    b.len = 0;
    build_encoder_config(&b, o);
    encoder_file(dir, "config.json", o->config, b.data);
    b.len = 0;
    build_encoder_tokenizer(&b, o->mpnet);
    encoder_file(dir, "tokenizer.json", o->tokenizer, b.data);
    b.len = 0;
    build_encoder_vocab(&b, o->mpnet);
    write_file(dir, "vocab.txt", &b);
    vanta_buf_free(&b);
    encoder_file(dir, "tokenizer_config.json", o->tokenizer_config,
                 o->mpnet ? "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\", "
                            "\"unk_token\": {\"content\": \"[UNK]\"}}"
                          : "{\"cls_token\": \"[CLS]\", \"sep_token\": \"[SEP]\"}");
    encoder_file(dir, "modules.json", o->modules,
                 "[{\"idx\": 0, \"path\": \"\", \"type\": "
                 "\"sentence_transformers.models.Transformer\"}, {\"idx\": 1, \"path\": "
                 "\"1_Pooling\", \"type\": \"sentence_transformers.models.Pooling\"}, "
                 "{\"idx\": 2, \"path\": \"2_Normalize\", \"type\": "
                 "\"sentence_transformers.models.Normalize\"}]");
    encoder_file(dir, "1_Pooling/config.json", o->pooling,
                 "{\"word_embedding_dimension\": 64, \"pooling_mode_cls_token\": false, "
                 "\"pooling_mode_mean_tokens\": true}");
    encoder_file(dir, "sentence_bert_config.json", o->limits,
                 "{\"max_seq_length\": 16, \"do_lower_case\": false}");
}

#endif
