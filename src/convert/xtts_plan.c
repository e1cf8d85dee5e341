#include "convert/xtts_plan.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "convert/ggml_type.h"
#include "convert/q8_0.h"
#include "convert/values.h"

/* What an axis counts. The known ones have their number from the start, the others take
 * it from the first tensor that has them. */
enum axis {
    END,
    DROP,  /* 1, and left out of the GGUF: a kernel of one sample */
    ONE, TWO, THREE, /* these */
    D, D3, F,
    TEXTS, TEXT_AT, CODES, CODE_AT,
    BANDS, P, INNER, INNER2, G, G2,
    VOC, SEVEN, C, C_NEXT, KERNEL, KERNEL2, S,
    MELS, WINDOW, BINS, H, H_NEXT, H_SMALL, FLAT, FLAT2, ATTENTION,
    AXES
};

enum precision { F32, T, E, V }; /* xtts_layout.h */

struct row {
    const char *to, *from;
    uint8_t how, precision;
    uint8_t axes[4]; /* PyTorch's order */
};

#define PAIR(to, from, how, precision, out, ...)                                         \
    {to ".weight", from ".weight", how, precision, {__VA_ARGS__}},                       \
        {to ".bias", from ".bias", VANTA_XTTS_COPY, F32, {out}}
#define CONV_OF_1(to, from, precision, out, in)                                          \
    PAIR(to, from, VANTA_XTTS_COPY, precision, out, out, in, DROP)
#define LINEAR(to, from, precision, out, in)                                             \
    PAIR(to, from, VANTA_XTTS_COPY, precision, out, out, in)
#define NORM(to, from, n) PAIR(to, from, VANTA_XTTS_COPY, F32, n, n)
#define CONV1D(to, from, out, in)                                                        \
    PAIR(to, from, VANTA_XTTS_TRANSPOSE, T, out, in, out)
#define BATCH_NORM(to, from, n)                                                          \
    {to ".weight", from, VANTA_XTTS_NORM_SCALE, F32, {n}},                               \
        {to ".bias", from, VANTA_XTTS_NORM_SHIFT, F32, {n}}
#define FOLDED(to, from, how, out, ...)                                                  \
    {to ".weight", from, how, V, {__VA_ARGS__}},                                         \
        {to ".bias", from ".bias", VANTA_XTTS_COPY, F32, {out}}

#define GPT "gpt.gpt."
#define COND "gpt.conditioning_encoder."
#define PERCEIVER "gpt.conditioning_perceiver."
#define VOCODER "hifigan_decoder.waveform_decoder."
#define SPEAKER "hifigan_decoder.speaker_encoder."

static const struct row gpt_start[] = {
    {"text_embd.weight", "gpt.text_embedding.weight", VANTA_XTTS_COPY, E, {TEXTS, D}},
    {"text_pos.weight", "gpt.text_pos_embedding.emb.weight", VANTA_XTTS_COPY, F32,
     {TEXT_AT, D}},
    {"audio_embd.weight", "gpt.mel_embedding.weight", VANTA_XTTS_COPY, E, {CODES, D}},
    {"audio_pos.weight", "gpt.mel_pos_embedding.emb.weight", VANTA_XTTS_COPY, F32,
     {CODE_AT, D}},
};
static const struct row gpt_block[] = {
    NORM("blk.%u.attn_norm", GPT "h.%u.ln_1", D),
    CONV1D("blk.%u.attn_qkv", GPT "h.%u.attn.c_attn", D3, D),
    CONV1D("blk.%u.attn_output", GPT "h.%u.attn.c_proj", D, D),
    NORM("blk.%u.ffn_norm", GPT "h.%u.ln_2", D),
    CONV1D("blk.%u.ffn_up", GPT "h.%u.mlp.c_fc", F, D),
    CONV1D("blk.%u.ffn_down", GPT "h.%u.mlp.c_proj", D, F),
};
static const struct row gpt_end[] = {
    NORM("output_norm", GPT "ln_f", D),
    NORM("final_norm", "gpt.final_norm", D),
    LINEAR("audio_head", "gpt.mel_head", E, CODES, D),
};
static const struct row vocoder_start[] = {
    PAIR("voc.conv_pre", VOCODER "conv_pre", VANTA_XTTS_COPY, V, C, C, VOC, SEVEN),
    CONV_OF_1("voc.cond_pre", VOCODER "cond_layer", V, C, S),
};
static const struct row vocoder_stage[] = {
    FOLDED("voc.up.%u", VOCODER "ups.%u", VANTA_XTTS_FOLD_UP, C_NEXT, C, C_NEXT, KERNEL2),
    CONV_OF_1("voc.cond.%u", VOCODER "conds.%u", V, C_NEXT, S),
};
static const struct row vocoder_block[] = {
    FOLDED("voc.res.%u.conv1.%u", VOCODER "resblocks.%u.convs1.%u", VANTA_XTTS_FOLD, C, C,
           C, KERNEL),
    FOLDED("voc.res.%u.conv2.%u", VOCODER "resblocks.%u.convs2.%u", VANTA_XTTS_FOLD, C, C,
           C, KERNEL),
};
static const struct row vocoder_end[] = {
    {"voc.conv_post.weight", VOCODER "conv_post.weight", VANTA_XTTS_COPY, V,
     {ONE, C, SEVEN}},
};
static const struct row cloning_start[] = {
    {"mel_stats", "mel_stats", VANTA_XTTS_COPY, F32, {BANDS}},
    CONV_OF_1("cond.init", COND "init", E, D, BANDS),
};
static const struct row cond_block[] = {
    NORM("cond.%u.norm", COND "attn.%u.norm", D),
    CONV_OF_1("cond.%u.qkv", COND "attn.%u.qkv", E, D3, D),
    CONV_OF_1("cond.%u.proj", COND "attn.%u.proj_out", E, D, D),
};
static const struct row perceiver_start[] = {
    {"perceiver.latents", PERCEIVER "latents", VANTA_XTTS_COPY, F32, {P, D}},
};
static const struct row perceiver_block[] = {
    {"perceiver.%u.q.weight", PERCEIVER "layers.%u.0.to_q.weight", VANTA_XTTS_COPY, E,
     {INNER, D}},
    {"perceiver.%u.kv.weight", PERCEIVER "layers.%u.0.to_kv.weight", VANTA_XTTS_COPY, E,
     {INNER2, D}},
    {"perceiver.%u.out.weight", PERCEIVER "layers.%u.0.to_out.weight", VANTA_XTTS_COPY, E,
     {D, INNER}},
    LINEAR("perceiver.%u.ffn_up", PERCEIVER "layers.%u.1.0", E, G2, D),
    LINEAR("perceiver.%u.ffn_down", PERCEIVER "layers.%u.1.2", E, D, G),
};
static const struct row speaker_start[] = {
    {"perceiver.norm.weight", PERCEIVER "norm.gamma", VANTA_XTTS_COPY, F32, {D}},
    {"spk.preemphasis", SPEAKER "torch_spec.0.filter", VANTA_XTTS_COPY, F32,
     {DROP, DROP, TWO}},
    {"spk.window", SPEAKER "torch_spec.1.spectrogram.window", VANTA_XTTS_COPY, F32,
     {WINDOW}},
    {"spk.mel", SPEAKER "torch_spec.1.mel_scale.fb", VANTA_XTTS_TRANSPOSE, F32,
     {BINS, MELS}},
    PAIR("spk.conv", SPEAKER "conv1", VANTA_XTTS_COPY, V, H, H, ONE, THREE, THREE),
    BATCH_NORM("spk.bn", SPEAKER "bn1", H),
};
static const struct row speaker_block[] = {
    {"spk.%u.%u.conv1.weight", SPEAKER "layer%u.%u.conv1.weight", VANTA_XTTS_COPY, V,
     {H_NEXT, H, THREE, THREE}},
    BATCH_NORM("spk.%u.%u.bn1", SPEAKER "layer%u.%u.bn1", H_NEXT),
    {"spk.%u.%u.conv2.weight", SPEAKER "layer%u.%u.conv2.weight", VANTA_XTTS_COPY, V,
     {H_NEXT, H_NEXT, THREE, THREE}},
    BATCH_NORM("spk.%u.%u.bn2", SPEAKER "layer%u.%u.bn2", H_NEXT),
    LINEAR("spk.%u.%u.se_down", SPEAKER "layer%u.%u.se.fc.0", V, H_SMALL, H_NEXT),
    LINEAR("spk.%u.%u.se_up", SPEAKER "layer%u.%u.se.fc.2", V, H_NEXT, H_SMALL),
};
static const struct row speaker_short[] = {
    {"spk.%u.%u.short.weight", SPEAKER "layer%u.%u.downsample.0.weight", VANTA_XTTS_COPY,
     V, {H_NEXT, H, DROP, DROP}},
    BATCH_NORM("spk.%u.%u.short_bn", SPEAKER "layer%u.%u.downsample.1", H_NEXT),
};
static const struct row speaker_end[] = {
    CONV_OF_1("spk.attn_down", SPEAKER "attention.0", V, ATTENTION, FLAT),
    BATCH_NORM("spk.attn_bn", SPEAKER "attention.2", ATTENTION),
    CONV_OF_1("spk.attn_up", SPEAKER "attention.3", V, FLAT, ATTENTION),
    LINEAR("spk.out", SPEAKER "fc", V, S, FLAT2),
};

struct maker {
    const struct vanta_torch_file *file;
    struct vanta_xtts_config *config;
    enum vanta_encoder_weights weights;
    struct vanta_xtts_plan *out;
    struct vanta_error *err;
    const char *prefix;
    uint64_t axes[AXES];
    enum vanta_status status; /* the first failure ends the making */
};

static void fail(struct maker *m, enum vanta_status status, const char *tensor,
                 const char *what)
{
    if (m->status == VANTA_OK)
        m->status = vanta_fail(m->err, status, "%s: the tensor %.200s %s", m->file->path,
                               tensor, what);
}

static const struct vanta_torch_tensor *find(const struct maker *m, const char *fmt, ...)
    VANTA_PRINTF(2, 3);

/* NULL: there is none. */
static const struct vanta_torch_tensor *find(const struct maker *m, const char *fmt, ...)
{
    char name[VANTA_TORCH_NAME_MAX];
    size_t len = strlen(m->prefix);
    va_list args;

    memcpy(name, m->prefix, len);
    va_start(args, fmt);
    vsnprintf(name + len, sizeof name - len, fmt, args);
    va_end(args);
    return vanta_torch_find(m->file, name);
}

/* As find, but of a kind that can be converted, or the making has failed. */
static const struct vanta_torch_tensor *need(struct maker *m, const char *name,
                                             const char *part, const char *old_part)
{
    const struct vanta_torch_tensor *t = find(m, "%s%s", name, part);
    char full[VANTA_TORCH_NAME_MAX];

    if (!t && old_part)
        t = find(m, "%s%s", name, old_part);
    if (t && t->type <= VANTA_TORCH_F64)
        return t;
    snprintf(full, sizeof full, "%s%s", name, part);
    fail(m, t ? VANTA_ERR_UNSUPPORTED : VANTA_ERR_FORMAT, full,
         t ? "has whole numbers" : "is missing");
    return NULL;
}

/* The tensor's axes are what they are elsewhere. */
static bool fits(struct maker *m, const struct vanta_torch_tensor *t, const uint8_t *axes)
{
    unsigned i, rank = 0;

    while (rank < 4 && axes[rank] != END)
        rank++;
    if (t->rank != rank || t->elements == 0)
        return false;
    for (i = 0; i < rank; i++) {
        uint64_t *known = &m->axes[axes[i]];

        if (*known == 0)
            *known = t->sizes[i];
        if (*known != t->sizes[i])
            return false;
    }
    return true;
}

static void find_sources(struct maker *m, const char *from, struct vanta_xtts_piece *p)
{
    switch (p->how) {
    case VANTA_XTTS_FOLD:
    case VANTA_XTTS_FOLD_UP:
        p->from[0] = need(m, from, ".parametrizations.weight.original1", ".weight_v");
        p->from[1] = need(m, from, ".parametrizations.weight.original0", ".weight_g");
        break;
    case VANTA_XTTS_NORM_SCALE:
        p->from[0] = need(m, from, ".weight", NULL);
        p->from[1] = need(m, from, ".running_var", NULL);
        break;
    case VANTA_XTTS_NORM_SHIFT:
        p->from[0] = need(m, from, ".bias", NULL);
        p->from[1] = need(m, from, ".running_var", NULL);
        p->from[2] = need(m, from, ".weight", NULL);
        p->from[3] = need(m, from, ".running_mean", NULL);
        break;
    default:
        p->from[0] = need(m, from, "", NULL);
    }
}

/* What is beside the first source has a number for each of its outermost slices. */
static bool sources_fit(const struct vanta_xtts_piece *p)
{
    int i;

    for (i = 1; i < 4; i++)
        if (p->from[i] && p->from[i]->elements != p->from[0]->sizes[0])
            return false;
    return true;
}

static void set_extents(struct vanta_xtts_piece *p, const uint8_t *axes)
{
    const struct vanta_torch_tensor *t = p->from[0];
    uint64_t swapped;
    unsigned i;

    p->rank = 0;
    for (i = t->rank; i > 0; i--)
        if (axes[i - 1] != DROP)
            p->extents[p->rank++] = t->sizes[i - 1];
    if (p->how == VANTA_XTTS_TRANSPOSE) {
        swapped = p->extents[0];
        p->extents[0] = p->extents[1];
        p->extents[1] = swapped;
    } else if (p->how == VANTA_XTTS_FOLD_UP) { /* kernel, out, in */
        swapped = p->extents[2];
        p->extents[2] = p->extents[1];
        p->extents[1] = p->extents[0];
        p->extents[0] = swapped;
    }
    p->elements = t->elements;
}

static uint32_t type_of(const struct maker *m, enum precision precision, uint64_t row)
{
    if (precision == F32 || m->weights == VANTA_ENCODER_WEIGHTS_F32)
        return VANTA_GGML_F32;
    if (m->weights == VANTA_ENCODER_WEIGHTS_F16)
        return VANTA_GGML_F16;
    if (precision == V)
        return VANTA_GGML_F32;
    return precision == T && row % VANTA_Q8_0_BLOCK == 0 ? VANTA_GGML_Q8_0
                                                          : VANTA_GGML_F16;
}

static void add_piece(struct maker *m, struct vanta_xtts_piece *p,
                      enum precision precision)
{
    struct vanta_xtts_plan *out = m->out;
    struct vanta_xtts_piece *more;

    p->type = type_of(m, precision, p->extents[0]);
    if (!vanta_ggml_type_bytes(p->type, p->elements, p->extents[0], &p->bytes)) {
        fail(m, VANTA_ERR_LIMIT, p->name, "is too large");
        return;
    }
    if ((out->n & (out->n + 1)) == 0) { /* 0, 1, 3, 7: full */
        more = realloc(out->pieces, 2 * (out->n + 1) * sizeof *more);
        if (!more) {
            m->status = vanta_fail_memory(m->err);
            return;
        }
        out->pieces = more;
    }
    out->pieces[out->n++] = *p;
}

static void add_row(struct maker *m, const struct row *row, unsigned a, unsigned b)
{
    struct vanta_xtts_piece p = {.how = row->how};
    char from[VANTA_TORCH_NAME_MAX];

    snprintf(p.name, sizeof p.name, row->to, a, b);
    snprintf(from, sizeof from, row->from, a, b);
    find_sources(m, from, &p);
    if (m->status != VANTA_OK)
        return;
    if (!fits(m, p.from[0], row->axes) || !sources_fit(&p)) {
        fail(m, VANTA_ERR_FORMAT, p.from[0]->name,
             "has another shape than config.json and the other tensors give it");
        return;
    }
    set_extents(&p, row->axes);
    add_piece(m, &p, row->precision);
}

static void add_rows(struct maker *m, const struct row *rows, size_t n, unsigned a,
                     unsigned b)
{
    size_t i;

    for (i = 0; m->status == VANTA_OK && i < n; i++)
        add_row(m, &rows[i], a, b);
}

#define ADD(m, rows, a, b) add_rows(m, rows, sizeof rows / sizeof rows[0], a, b)

static void add_gpt(struct maker *m)
{
    unsigned n;

    ADD(m, gpt_start, 0, 0);
    for (n = 0; n < m->config->blocks; n++)
        ADD(m, gpt_block, n, 0);
    ADD(m, gpt_end, 0, 0);
    if (m->status == VANTA_OK && m->axes[D3] != 3 * m->axes[D])
        fail(m, VANTA_ERR_FORMAT, "gpt.gpt.h.0.attn.c_attn.weight", "is not three wide");
    m->config->inner = (uint32_t)m->axes[F];
}

/* The blocks of a stage; each has its own kernel, which is the same in every stage. */
static void add_blocks(struct maker *m, unsigned stage)
{
    struct vanta_xtts_config *c = m->config;
    unsigned i, n, first = stage * c->n_kernels;

    for (i = 0; m->status == VANTA_OK && i < c->n_kernels; i++) {
        m->axes[KERNEL] = c->kernels[i];
        for (n = 0; n < 3; n++)
            ADD(m, vocoder_block, first + i, n);
        c->kernels[i] = (uint32_t)m->axes[KERNEL];
        if (m->status == VANTA_OK && (c->kernels[i] > 255 || c->kernels[i] % 2 == 0))
            fail(m, VANTA_ERR_UNSUPPORTED, "hifigan_decoder", "has an even kernel");
    }
}

/* Of weight norm's v: by the new or the old name. */
static bool has_norm(const struct maker *m, const char *fmt, unsigned n)
{
    char name[VANTA_TORCH_NAME_MAX];

    snprintf(name, sizeof name, fmt, n);
    return find(m, "%s.parametrizations.weight.original1", name) ||
           find(m, "%s.weight_v", name);
}

static void add_vocoder(struct maker *m)
{
    struct vanta_xtts_config *c = m->config;
    unsigned i, blocks = 0;
    uint64_t hop = 1;

    while (c->n_stages < VANTA_XTTS_STAGES_MAX && has_norm(m, VOCODER "ups.%u", c->n_stages))
        c->n_stages++;
    while (has_norm(m, VOCODER "resblocks.%u.convs1.0", blocks) &&
           blocks < VANTA_XTTS_STAGES_MAX * VANTA_XTTS_KERNELS_MAX)
        blocks++;
    c->n_kernels = c->n_stages ? blocks / c->n_stages : 0;
    if (c->n_kernels == 0 || c->n_kernels > VANTA_XTTS_KERNELS_MAX ||
        blocks % c->n_stages) {
        fail(m, VANTA_ERR_FORMAT, VOCODER "ups.0", "is not followed by its blocks");
        return;
    }
    ADD(m, vocoder_start, 0, 0);
    for (i = 0; m->status == VANTA_OK && i < c->n_stages; i++) {
        m->axes[C_NEXT] = m->axes[KERNEL2] = 0;
        ADD(m, vocoder_stage, i, 0);
        m->axes[C] = m->axes[C_NEXT];
        c->rates[i] = (uint32_t)(m->axes[KERNEL2] / 2);
        hop *= c->rates[i] < c->hop ? c->rates[i] : c->hop + 1;
        if (m->axes[KERNEL2] % 4 || hop > c->hop)
            hop = 0; /* the padding would be no whole number, or the samples too many */
        add_blocks(m, i);
    }
    if (m->status == VANTA_OK && hop != c->hop)
        fail(m, VANTA_ERR_UNSUPPORTED, VOCODER "ups",
             "does not make as many samples as config.json says");
    ADD(m, vocoder_end, 0, 0);
}

static void add_conditioning(struct maker *m)
{
    struct vanta_xtts_config *c = m->config;
    unsigned n;

    ADD(m, cloning_start, 0, 0);
    for (n = 0; n < VANTA_XTTS_BLOCKS_MAX && find(m, COND "attn.%u.norm.weight", n); n++)
        ADD(m, cond_block, n, 0);
    c->conditioning_blocks = n;
    ADD(m, perceiver_start, 0, 0);
    for (n = 0;
         n < VANTA_XTTS_BLOCKS_MAX && find(m, PERCEIVER "layers.%u.0.to_q.weight", n); n++)
        ADD(m, perceiver_block, n, 0);
    c->perceiver_blocks = n;
    c->bands = (uint32_t)m->axes[BANDS];
    c->latents = (uint32_t)m->axes[P];
    c->perceiver_inner = (uint32_t)m->axes[G];
    c->perceiver_heads = (uint32_t)(m->axes[INNER] / VANTA_XTTS_PERCEIVER_HEAD);
    /* coqui-tts, TTS/tts/layers/tortoise/arch_utils.py, normalization() */
    c->groups = c->width <= 16 ? 8 : c->width <= 64 ? 16 : 32;
    while (c->groups > 1 && c->width % c->groups)
        c->groups /= 2;
    if (m->status == VANTA_OK &&
        (c->conditioning_blocks == 0 || c->perceiver_blocks == 0 ||
         m->axes[INNER] % VANTA_XTTS_PERCEIVER_HEAD ||
         m->axes[INNER2] != 2 * m->axes[INNER] || m->axes[G2] != 2 * m->axes[G]))
        fail(m, VANTA_ERR_FORMAT, PERCEIVER "latents", "has no layers that fit it");
}

static void add_speaker_encoder(struct maker *m)
{
    struct vanta_xtts_config *c = m->config;
    unsigned layer, n;

    ADD(m, speaker_start, 0, 0);
    for (layer = 1; layer <= VANTA_XTTS_SPEAKER_LAYERS; layer++) {
        m->axes[H_NEXT] = m->axes[H_SMALL] = 0;
        for (n = 0; n < VANTA_XTTS_BLOCKS_MAX &&
                    find(m, SPEAKER "layer%u.%u.conv1.weight", layer, n); n++) {
            ADD(m, speaker_block, layer, n);
            if (n == 0 && layer > 1)
                ADD(m, speaker_short, layer, n);
            m->axes[H] = m->axes[H_NEXT];
        }
        c->speaker_blocks[layer - 1] = n;
        if (n == 0)
            fail(m, VANTA_ERR_FORMAT, SPEAKER "layer", "has too few layers");
    }
    /* Each stride of 2 halves the bands; what is left is laid side by side. */
    m->axes[FLAT] = m->axes[H] * (m->axes[MELS] / 8);
    m->axes[FLAT2] = 2 * m->axes[FLAT];
    ADD(m, speaker_end, 0, 0);
    c->speaker_bands = (uint32_t)m->axes[MELS];
}

/* The voices lie one behind the other, two tensors each. */
static void add_speakers(struct maker *m, const struct vanta_torch_file *voices)
{
    static const char latent[] = ".gpt_cond_latent", embedding[] = ".speaker_embedding";
    struct vanta_xtts_piece l = {.name = "speakers.latents",
                                 .how = VANTA_XTTS_LATENTS,
                                 .rank = 3,
                                 .extents = {m->axes[D], m->axes[P], voices->n / 2}};
    struct vanta_xtts_piece e = {.name = "speakers.embeddings",
                                 .how = VANTA_XTTS_EMBEDDINGS,
                                 .rank = 2,
                                 .extents = {m->axes[S], voices->n / 2}};
    size_t i, len;

    l.elements = l.extents[0] * l.extents[1] * l.extents[2];
    e.elements = e.extents[0] * e.extents[1];
    for (i = 0; i < voices->n; i++) {
        const struct vanta_torch_tensor *t = &voices->tensors[i];
        const char *end = i % 2 ? embedding : latent;

        len = strlen(t->name) - (vanta_has_suffix(t->name, end) ? strlen(end) : 0);
        if (!vanta_has_suffix(t->name, end) || len == 0 || t->type > VANTA_TORCH_F64 ||
            strncmp(t->name, voices->tensors[i - i % 2].name, len) != 0 ||
            t->elements != (i % 2 ? m->axes[S] : m->axes[P] * m->axes[D])) {
            m->status = vanta_fail(m->err, VANTA_ERR_FORMAT,
                                   "%s: %.200s is not what a voice of this model has",
                                   voices->path, t->name);
            return;
        }
    }
    if (voices->n % 2 || voices->n / 2 > VANTA_XTTS_SPEAKERS_MAX) {
        m->status = vanta_fail(m->err, VANTA_ERR_FORMAT, "%s: %zu tensors", voices->path,
                               voices->n);
        return;
    }
    add_piece(m, &l, F32);
    add_piece(m, &e, F32);
}

static void set_axes(struct maker *m)
{
    const struct vanta_xtts_config *c = m->config;

    m->axes[DROP] = m->axes[ONE] = 1;
    m->axes[TWO] = 2;
    m->axes[THREE] = 3;
    m->axes[SEVEN] = 7;
    m->axes[D] = c->width;
    m->axes[TEXTS] = c->text_vocabulary;
    m->axes[TEXT_AT] = c->text_positions;
    m->axes[CODES] = c->audio_vocabulary;
    m->axes[CODE_AT] = c->audio_positions;
    m->axes[VOC] = c->vocoder_width;
    m->axes[S] = c->speaker_width;
}

/* The order of xtts_layout.h; speakers come between, though their size is known last. */
static void add_all(struct maker *m, const struct vanta_torch_file *speakers)
{
    const struct vanta_torch_tensor *latents = find(m, PERCEIVER "latents");

    add_gpt(m);
    add_vocoder(m);
    if (latents && latents->rank == 2 && latents->sizes[0] <= VANTA_XTTS_LATENTS_MAX)
        m->axes[P] = latents->sizes[0];
    else
        fail(m, VANTA_ERR_UNSUPPORTED, PERCEIVER "latents",
             "is not there, as in version 1 of XTTS, or too large");
    if (m->status == VANTA_OK && speakers && speakers->n > 0)
        add_speakers(m, speakers);
    add_conditioning(m);
    add_speaker_encoder(m);
}

enum vanta_status vanta_xtts_plan_make(const struct vanta_torch_file *file,
                                       const struct vanta_torch_file *speakers,
                                       struct vanta_xtts_config *config,
                                       enum vanta_encoder_weights weights,
                                       struct vanta_xtts_plan *out,
                                       struct vanta_error *err)
{
    struct maker m = {.file = file,
                      .config = config,
                      .weights = weights,
                      .out = out,
                      .err = err,
                      .prefix = ""};
    int i;

    memset(out, 0, sizeof *out);
    if (vanta_torch_find(file, "xtts.gpt.mel_head.weight"))
        m.prefix = "xtts.";
    set_axes(&m);
    add_all(&m, speakers);
    for (i = 0; m.status == VANTA_OK && i < AXES; i++)
        if (m.axes[i] > VANTA_XTTS_VOCABULARY_MAX)
            fail(&m, VANTA_ERR_LIMIT, "gpt", "is larger than any model of XTTS");
    if (m.status != VANTA_OK)
        vanta_xtts_plan_free(out);
    return m.status;
}

void vanta_xtts_plan_free(struct vanta_xtts_plan *plan)
{
    free(plan->pieces);
    memset(plan, 0, sizeof *plan);
}
