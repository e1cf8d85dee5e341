/*
 * xtts_files.h - writes the files of a folder of XTTS-v2 (xtts_builder.h has the weights):
 * checkpoints in the container of torch.save (a zip of stored members with data
 * descriptors, a ZIP64 record, payloads at multiples of 64), config.json and vocab.json. Aborts when a file cannot be written: it is for tests.
 */
#ifndef XTTS_FILES_H
#define XTTS_FILES_H

#include "xtts_builder.h"

enum xtts_config_kind { XTTS_CONFIG_OBJECT, XTTS_CONFIG_DICT, XTTS_CONFIG_NONE };

/* How a checkpoint differs from what the trainer writes. */
struct xtts_variant {
    enum xtts_config_kind config;
    bool prefixed;     /* "xtts." before each name, as fine-tuning writes */
    bool old_norm;     /* weight_g and weight_v */
    bool extra;        /* more tensors, as fine-tuning writes */
    bool transposed;   /* the first GPT matrix is stored as a transposed view */
    const char *without; /* this tensor is left out */
    const char *wrong;   /* this tensor has one row more */
    const char *global;  /* a call of this is put in: "os\nsystem" */
};

struct xtts_bytes {
    uint8_t *data;
    size_t n, room;
};

static inline void xtts_put(struct xtts_bytes *b, const void *data, size_t n)
{
    if (b->n + n > b->room) {
        b->room = 2 * (b->n + n) + 256;
        b->data = realloc(b->data, b->room);
        if (!b->data)
            abort();
    }
    if (n)
        memcpy(b->data + b->n, data, n);
    b->n += n;
}

static inline void xtts_number(struct xtts_bytes *b, uint64_t value, unsigned bytes)
{
    uint8_t raw[8];
    unsigned i;

    for (i = 0; i < bytes; i++)
        raw[i] = (uint8_t)(value >> 8 * i);
    xtts_put(b, raw, bytes);
}

static inline void xtts_byte(struct xtts_bytes *b, char op)
{
    xtts_put(b, &op, 1);
}

/* --- pickle --- */

static inline void xtts_text(struct xtts_bytes *b, const char *text)
{
    xtts_byte(b, 'X');
    xtts_number(b, strlen(text), 4);
    xtts_put(b, text, strlen(text));
}

static inline void xtts_global(struct xtts_bytes *b, const char *name)
{
    xtts_byte(b, 'c');
    xtts_put(b, name, strlen(name));
    xtts_byte(b, '\n');
}

static inline void xtts_int(struct xtts_bytes *b, uint64_t value)
{
    if (value < 256) {
        xtts_byte(b, 'K');
        xtts_number(b, value, 1);
    } else if (value < 65536) {
        xtts_byte(b, 'M');
        xtts_number(b, value, 2);
    } else if (value < 0x80000000u) {
        xtts_byte(b, 'J');
        xtts_number(b, value, 4);
    } else {
        xtts_put(b, "\x8a\x08", 2);
        xtts_number(b, value, 8);
    }
}

/* A tensor on the storage with this key. With strides NULL it is row-major. */
static inline void xtts_put_tensor(struct xtts_bytes *b, const struct xtts_tensor *t,
                                   const uint64_t *strides, unsigned key)
{
    uint64_t row_major[4] = {1, 1, 1, 1};
    char digits[16];
    unsigned i;

    for (i = t->rank; i > 1; i--)
        row_major[i - 2] = row_major[i - 1] * t->sizes[i - 1];
    xtts_global(b, "torch._utils\n_rebuild_tensor_v2");
    xtts_put(b, "((", 2);
    xtts_text(b, "storage");
    xtts_global(b, t->whole ? "torch\nLongStorage" : "torch\nFloatStorage");
    snprintf(digits, sizeof digits, "%u", key);
    xtts_text(b, digits);
    xtts_text(b, "cpu");
    xtts_int(b, xtts_elements(t));
    xtts_put(b, "tQK\0(", 5);
    for (i = 0; i < t->rank; i++)
        xtts_int(b, t->sizes[i]);
    xtts_put(b, "t(", 2);
    for (i = 0; i < t->rank; i++)
        xtts_int(b, (strides ? strides : row_major)[i]);
    xtts_put(b, "t\x89", 2);
    xtts_global(b, "collections\nOrderedDict");
    xtts_put(b, ")RtR", 4);
}

/* The configuration as the trainer has it: it names "model" first, which the outermost
 * dictionary then takes from the memo. */
static inline void xtts_put_config(struct xtts_bytes *b, enum xtts_config_kind kind)
{
    if (kind != XTTS_CONFIG_NONE)
        xtts_text(b, "config");
    if (kind == XTTS_CONFIG_OBJECT) {
        xtts_global(b, "TTS.tts.configs.xtts_config\nXttsConfig");
        xtts_put(b, ")\x81", 2);
    }
    if (kind != XTTS_CONFIG_NONE) {
        xtts_put(b, "}(", 2);
        xtts_text(b, "model");
        xtts_put(b, "q\x07", 2);
        xtts_text(b, "xtts");
        xtts_byte(b, 'u');
    }
    if (kind == XTTS_CONFIG_OBJECT)
        xtts_byte(b, 'b');
    if (kind == XTTS_CONFIG_NONE)
        xtts_text(b, "model");
    else
        xtts_put(b, "h\x07", 2);
}

static inline void xtts_saved_name(const struct xtts_tensor *t,
                                   const struct xtts_variant *v, char out[200])
{
    const char *norm = strstr(t->name, ".parametrizations.weight.original");

    snprintf(out, 200, "%s%.*s%s", v->prefixed ? "xtts." : "",
             v->old_norm && norm ? (int)(norm - t->name) : 199, t->name,
             !(v->old_norm && norm)    ? ""
             : xtts_ends(t->name, "0") ? ".weight_g"
                                       : ".weight_v");
}

/* What training goes on with: tensors by numbers, one of them twice, and settings. */
static inline void xtts_put_optimizer(struct xtts_bytes *b, const struct xtts_tensor *t)
{
    xtts_text(b, "optimizer");
    xtts_put(b, "}(", 2);
    xtts_text(b, "state");
    xtts_put(b, "}K\0}(", 5);
    xtts_text(b, "exp_avg");
    xtts_put_tensor(b, t, NULL, 0);
    xtts_text(b, "exp_avg_sq");
    xtts_put_tensor(b, t, NULL, 0);
    xtts_put(b, "us", 2);
    xtts_text(b, "param_groups");
    xtts_put(b, "]}(", 3);
    xtts_text(b, "betas");
    xtts_put(b, "G?\xec\xcc\xcc\xcc\xcc\xcc\xcdG?\xef\xae\x14z\xe1G\xae\x86", 19);
    xtts_text(b, "amsgrad");
    xtts_byte(b, '\x89');
    xtts_text(b, "params");
    xtts_put(b, "]K\0auau", 7);
}

static inline struct xtts_bytes xtts_pickle(const struct xtts_tensors *l,
                                            const struct xtts_variant *v)
{
    struct xtts_bytes b = {NULL, 0, 0};
    char name[200];
    size_t i;

    xtts_put(&b, "\x80\2}(", 4);
    xtts_put_config(&b, v->config);
    xtts_global(&b, "collections\nOrderedDict");
    xtts_put(&b, ")R(", 3);
    for (i = 0; i < l->n; i++) {
        struct xtts_tensor t = l->items[i];
        bool turned = v->transposed && strstr(t.name, "h.0.attn.c_attn.weight");
        const uint64_t strides[2] = {1, t.sizes[0]};

        if (v->without && strcmp(v->without, t.name) == 0)
            continue;
        if (v->wrong && strcmp(v->wrong, t.name) == 0)
            t.sizes[0]++;
        xtts_saved_name(&t, v, name);
        xtts_text(&b, name);
        xtts_put_tensor(&b, &t, turned ? strides : NULL, (unsigned)i);
    }
    xtts_put(&b, "u}", 2);
    xtts_text(&b, "_metadata");
    xtts_global(&b, "collections\nOrderedDict");
    xtts_put(&b, ")Rsb", 4);
    if (v->global) {
        xtts_text(&b, "optimizer");
        xtts_global(&b, v->global);
        xtts_byte(&b, '(');
        xtts_text(&b, "echo harm");
        xtts_put(&b, "tR", 2);
    }
    if (v->extra)
        xtts_put_optimizer(&b, &l->items[0]);
    xtts_text(&b, "step");
    xtts_int(&b, 1234567);
    xtts_text(&b, "model_loss");
    xtts_put(&b, "G?\xf4\0\0\0\0\0\0u.", 11);
    return b;
}

/* --- zip --- */

/* CRC-32 as zip has it, eight bytes at a time. */
static inline uint32_t xtts_crc(const void *data, size_t n)
{
    static uint32_t tables[8][256];
    const uint8_t *p = data;
    uint32_t crc = ~0u, i, k;

    for (i = 0; i < 256 && !tables[7][255]; i++) {
        uint32_t c = i;

        for (k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        tables[0][i] = c;
    }
    for (k = 1; k < 8 && !tables[7][255]; k++)
        for (i = 0; i < 256; i++)
            tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 255];
    for (; n >= 8; n -= 8, p += 8) {
        crc ^= p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        crc = tables[7][crc & 255] ^ tables[6][crc >> 8 & 255] ^
              tables[5][crc >> 16 & 255] ^ tables[4][crc >> 24] ^ tables[3][p[4]] ^
              tables[2][p[5]] ^ tables[1][p[6]] ^ tables[0][p[7]];
    }
    for (; n > 0; n--, p++)
        crc = crc >> 8 ^ tables[0][(crc ^ *p) & 255];
    return ~crc;
}

struct xtts_zip {
    FILE *f;
    const char *root;
    struct xtts_bytes directory;
    uint64_t at, n;
};

static inline void xtts_out(struct xtts_zip *z, const void *data, size_t n)
{
    if (n && fwrite(data, 1, n, z->f) != n)
        abort();
    z->at += n;
}

static inline void xtts_begin(struct xtts_zip *z, const char *path, const char *root)
{
    *z = (struct xtts_zip){.f = fopen(path, "wb"), .root = root};
    if (!z->f)
        abort();
}

static inline void xtts_member(struct xtts_zip *z, const char *name, const void *data,
                               size_t bytes)
{
    struct xtts_bytes b = {NULL, 0, 0}, *d = &z->directory;
    char full[200];
    unsigned len = (unsigned)snprintf(full, sizeof full, "%s/%s", z->root, name);
    unsigned padding = 64 - (unsigned)((z->at + 30 + len + 4) % 64);
    static const char fill[64] = {0};
    uint32_t crc = xtts_crc(data, bytes);
    uint64_t start = z->at;

    xtts_number(&b, 0x04034b50, 4);
    xtts_number(&b, 0, 2);
    xtts_number(&b, 0x0808, 2); /* sizes follow the data; names are UTF-8 */
    xtts_number(&b, 0, 6);      /* method, time, date */
    xtts_number(&b, 0, 4);      /* CRC and sizes: behind the data */
    xtts_number(&b, 0, 8);
    xtts_number(&b, len, 2);
    xtts_number(&b, padding + 4, 2);
    xtts_put(&b, full, len);
    xtts_put(&b, "FB", 2);
    xtts_number(&b, padding, 2);
    xtts_put(&b, fill, padding);
    xtts_out(z, b.data, b.n);
    xtts_out(z, data, bytes);
    b.n = 0;
    xtts_number(&b, 0x08074b50, 4);
    xtts_number(&b, crc, 4);
    xtts_number(&b, bytes, 4);
    xtts_number(&b, bytes, 4);
    xtts_out(z, b.data, b.n);
    free(b.data);
    xtts_number(d, 0x02014b50, 4);
    xtts_number(d, 0, 4);
    xtts_number(d, 0x0808, 2);
    xtts_number(d, 0, 6);
    xtts_number(d, crc, 4);
    xtts_number(d, bytes, 4);
    xtts_number(d, bytes, 4);
    xtts_number(d, len, 2);
    xtts_number(d, 0, 8);
    xtts_number(d, 0, 4);
    xtts_number(d, start, 4);
    xtts_put(d, full, len);
    z->n++;
}

static inline void xtts_end(struct xtts_zip *z)
{
    uint64_t start = z->at, size = z->directory.n, end = start + size;
    struct xtts_bytes b = {NULL, 0, 0};

    xtts_out(z, z->directory.data, z->directory.n);
    xtts_number(&b, 0x06064b50, 4);
    xtts_number(&b, 44, 8);
    xtts_number(&b, 45 | 45u << 16, 4);
    xtts_number(&b, 0, 8);
    xtts_number(&b, z->n, 8);
    xtts_number(&b, z->n, 8);
    xtts_number(&b, size, 8);
    xtts_number(&b, start, 8);
    xtts_number(&b, 0x07064b50, 4);
    xtts_number(&b, 0, 4);
    xtts_number(&b, end, 8);
    xtts_number(&b, 1, 4);
    xtts_number(&b, 0x06054b50, 4);
    xtts_number(&b, 0, 4);
    xtts_number(&b, z->n, 2);
    xtts_number(&b, z->n, 2);
    xtts_number(&b, size, 4);
    xtts_number(&b, start, 4);
    xtts_number(&b, 0, 2);
    xtts_out(z, b.data, b.n);
    free(b.data);
    free(z->directory.data);
    if (fclose(z->f) != 0)
        abort();
}

/* --- the files --- */

static inline void xtts_write_storages(struct xtts_zip *z, const struct xtts_tensors *l,
                                       const struct xtts_variant *v)
{
    char name[32];
    size_t i, j, k;

    for (i = 0; i < l->n; i++) {
        const struct xtts_tensor *t = &l->items[i];
        uint64_t n = xtts_elements(t), bytes = n * (t->whole ? 8 : 4);
        float *values = calloc(n + 1, 8), *turned = NULL;

        if (!values)
            abort();
        if (!t->whole)
            xtts_fill(t, values);
        if (v->transposed && strstr(t->name, "h.0.attn.c_attn.weight")) {
            turned = calloc(n, sizeof *turned);
            for (j = 0; turned && j < t->sizes[0]; j++)
                for (k = 0; k < t->sizes[1]; k++)
                    turned[k * t->sizes[0] + j] = values[j * t->sizes[1] + k];
        }
        snprintf(name, sizeof name, "data/%zu", i);
        xtts_member(z, name, turned ? turned : values, bytes);
        free(values);
        free(turned);
    }
}

static inline void xtts_write_tensors(const char *path, const struct xtts_tensors *l,
                                      const struct xtts_variant *v)
{
    struct xtts_bytes pickle = xtts_pickle(l, v);
    struct xtts_zip z;

    xtts_begin(&z, path, "model");
    xtts_member(&z, "data.pkl", pickle.data, pickle.n);
    xtts_member(&z, "byteorder", "little", 6);
    xtts_write_storages(&z, l, v);
    xtts_member(&z, "version", "3\n", 2);
    xtts_end(&z);
    free(pickle.data);
}

static inline void xtts_write_checkpoint(const char *path, const struct xtts_size *size,
                                         const struct xtts_variant *v)
{
    struct xtts_tensors l = xtts_list(size);

    if (v->extra) {
        xtts_add(&l, "torch_mel_spectrogram_dvae.mel_stats", 1, 80, 0, 0, 0);
        xtts_pair(&l, "dvae.decoder.0", 3, 4, 4, 2, 3, 0);
    }
    xtts_write_tensors(path, &l, v);
    free(l.items);
}

/* A voice's latents are a transposed view, as the publisher's are. The first voice is what
 * the reference outputs were made with. */
static inline void xtts_write_speakers(const char *path, const struct xtts_size *size)
{
    static const char *const names[][3] = {
        {"Claribel Dervla", "ref.gpt_cond_latent", "ref.speaker_embedding"},
        {"Abrahan Mack", "Abrahan Mack/gpt", "Abrahan Mack/spk"}};
    unsigned p = size->latents, d = size->width, s = size->speaker_width, v, i, j;
    struct xtts_tensor latent = {"", 3, {1, p, d, 0}, false};
    struct xtts_tensor embedding = {"", 3, {1, s, 1, 0}, false};
    uint64_t strides[3] = {(uint64_t)p * d, 1, p};
    struct xtts_bytes b = {NULL, 0, 0};
    float *values = calloc((size_t)p * d + s, sizeof *values);
    struct xtts_zip z;
    char name[32];

    if (!values)
        abort();
    xtts_put(&b, "\x80\2}(", 4);
    for (v = 0; v < 2; v++) {
        xtts_text(&b, names[v][0]);
        xtts_put(&b, "}(", 2);
        xtts_text(&b, "gpt_cond_latent");
        xtts_put_tensor(&b, &latent, strides, 2 * v);
        xtts_text(&b, "speaker_embedding");
        xtts_put_tensor(&b, &embedding, NULL, 2 * v + 1);
        xtts_byte(&b, 'u');
    }
    xtts_put(&b, "u.", 2);
    xtts_begin(&z, path, "speakers_xtts");
    xtts_member(&z, "data.pkl", b.data, b.n);
    xtts_member(&z, "byteorder", "little", 6);
    for (v = 0; v < 2; v++) {
        uint64_t h = xtts_hash(names[v][1]);
        double sum = 0;

        for (i = 0; i < p; i++)
            for (j = 0; j < d; j++)
                values[(size_t)j * p + i] = 0.5f * xtts_unit(h, (uint64_t)i * d + j + 1);
        snprintf(name, sizeof name, "data/%u", 2 * v);
        xtts_member(&z, name, values, (size_t)p * d * 4);
        h = xtts_hash(names[v][2]);
        for (i = 0; i < s; i++)
            sum += (double)xtts_unit(h, i + 1) * xtts_unit(h, i + 1);
        for (i = 0; i < s; i++)
            values[i] = (float)(xtts_unit(h, i + 1) / sqrt(sum));
        snprintf(name, sizeof name, "data/%u", 2 * v + 1);
        xtts_member(&z, name, values, s * 4);
    }
    xtts_member(&z, "version", "3\n", 2);
    xtts_end(&z);
    free(b.data);
    free(values);
}

static inline void xtts_write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");

    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        abort();
}

static inline void xtts_write_config(const char *path, const struct xtts_size *s)
{
    char text[2048];

    snprintf(text, sizeof text,
             "{\"model\": \"xtts\", \"model_args\": {\"gpt_layers\": %u, "
             "\"gpt_n_model_channels\": %u, \"gpt_n_heads\": %u, "
             "\"gpt_number_text_tokens\": %u, \"gpt_start_text_token\": null, "
             "\"gpt_stop_text_token\": null, \"gpt_max_text_tokens\": %u, "
             "\"gpt_num_audio_tokens\": %u, \"gpt_start_audio_token\": %u, "
             "\"gpt_stop_audio_token\": %u, \"gpt_max_audio_tokens\": %u, "
             "\"gpt_code_stride_len\": 1024, \"gpt_use_perceiver_resampler\": true, "
             "\"input_sample_rate\": 22050, \"output_sample_rate\": 24000, "
             "\"output_hop_length\": 256, \"decoder_input_dim\": %u, "
             "\"d_vector_dim\": %u}, \"temperature\": 0.75, \"top_k\": 50, "
             "\"top_p\": 0.85, \"repetition_penalty\": 5.0, \"gpt_cond_len\": 30, "
             "\"gpt_cond_chunk_len\": 4, \"max_ref_len\": 30, \"sound_norm_refs\": false, "
             "\"languages\": [\"en\", \"es\", \"fr\", \"de\", \"it\", \"pt\", \"pl\", "
             "\"tr\", \"ru\", \"nl\", \"cs\", \"ar\", \"zh-cn\", \"hu\", \"ko\", \"ja\", "
             "\"hi\"]}\n",
             s->layers, s->width, s->heads, s->texts, s->text_max, s->codes, s->start,
             s->stop, s->code_max, s->width, s->speaker_width);
    xtts_write_text(path, text);
}

/* The letters where the published vocabulary has them, and no merges. */
static inline void xtts_write_vocabulary(const char *path)
{
    static const char *const special[] = {"[STOP]", "[UNK]", "[SPACE]"};
    static const char *const later[] = {"[en]", "[de]", "[START]", "[fr]"};
    static const unsigned at[] = {259, 260, 261, 262};
    static const char signs[] = "!'(),-./:;?";
    struct xtts_bytes b = {NULL, 0, 0}, v = {NULL, 0, 0};
    char item[256];
    unsigned i;

    for (i = 0; i < 7; i++) {
        const char *name = i < 3 ? special[i] : later[i - 3];
        unsigned id = i < 3 ? i : at[i - 3];

        xtts_put(&b, item,
                 (size_t)snprintf(item, sizeof item,
                                  "%s{\"id\": %u, \"content\": \"%s\", \"single_word\": "
                                  "false, \"lstrip\": false, \"rstrip\": false, "
                                  "\"normalized\": false, \"special\": true}",
                                  i ? ", " : "", id, name));
        xtts_put(&v, item,
                 (size_t)snprintf(item, sizeof item, "%s\"%s\": %u", i ? ", " : "", name,
                                  id));
    }
    for (i = 3; i < 40; i++)
        xtts_put(&v, item,
                 (size_t)snprintf(item, sizeof item, ", \"%c\": %u",
                                  i < 14 ? signs[i - 3] : (char)('a' + i - 14), i));
    xtts_byte(&b, '\0');
    xtts_byte(&v, '\0');
    {
        size_t n = b.n + v.n + 512;
        char *text = malloc(n);

        if (!text)
            abort();
        snprintf(text, n,
                 "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, "
                 "\"added_tokens\": [%s], \"normalizer\": null, \"pre_tokenizer\": "
                 "{\"type\": \"Whitespace\"}, \"post_processor\": null, \"decoder\": null, "
                 "\"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": "
                 "\"[UNK]\", \"continuing_subword_prefix\": null, \"end_of_word_suffix\": "
                 "null, \"fuse_unk\": false, \"vocab\": {%s}, \"merges\": []}}\n",
                 (char *)b.data, (char *)v.data);
        xtts_write_text(path, text);
        free(text);
    }
    free(b.data);
    free(v.data);
}

/* All four; the folder is made when it is not there. */
static inline void xtts_write_folder(const char *dir, const struct xtts_size *size,
                                     const struct xtts_variant *v)
{
    char path[4096];

    mkdir(dir, 0777);
    snprintf(path, sizeof path, "%s/model.pth", dir);
    xtts_write_checkpoint(path, size, v);
    snprintf(path, sizeof path, "%s/speakers_xtts.pth", dir);
    xtts_write_speakers(path, size);
    snprintf(path, sizeof path, "%s/config.json", dir);
    xtts_write_config(path, size);
    snprintf(path, sizeof path, "%s/vocab.json", dir);
    xtts_write_vocabulary(path);
}

#endif
