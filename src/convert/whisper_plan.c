#include "convert/whisper_plan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "convert/mel.h"

#define REVISION 3
#define LAYERS_MAX 256
#define WIDTH_MAX 65536
/* From this size of the vocabulary on a model is multilingual; its byte-level tokens then
 * end with an empty one (openai/whisper, assets/{multilingual,gpt2}.tiktoken). */
#define MULTILINGUAL_FROM 51865
#define TOKENS_MULTILINGUAL 50257
#define TOKENS_ENGLISH 50256

/* Shapes in units of the model's width d. */
struct mapping {
    const char *from; /* below "SIDE/layer_I/" */
    const char *to;   /* below "SIDE.blocks.I."; NULL: a key's bias */
    unsigned rows;    /* the variable's, in d */
    unsigned cols;    /* in d; 0: a vector */
    unsigned part;    /* where the piece starts, in d rows */
    unsigned take;    /* how many d rows it has */
};

static const struct mapping feed_forward[] = {
    {"ffn/layer_norm/gamma", "mlp_ln.weight", 1, 0, 0, 1},
    {"ffn/layer_norm/beta", "mlp_ln.bias", 1, 0, 0, 1},
    {"ffn/linear_0/weight", "mlp.0.weight", 4, 1, 0, 4},
    {"ffn/linear_0/bias", "mlp.0.bias", 4, 0, 0, 4},
    {"ffn/linear_1/weight", "mlp.2.weight", 1, 4, 0, 1},
    {"ffn/linear_1/bias", "mlp.2.bias", 1, 0, 0, 1},
};

static const struct mapping self_attention[] = {
    {"self_attention/layer_norm/gamma", "attn_ln.weight", 1, 0, 0, 1},
    {"self_attention/layer_norm/beta", "attn_ln.bias", 1, 0, 0, 1},
    {"self_attention/linear_0/weight", "attn.query.weight", 3, 1, 0, 1},
    {"self_attention/linear_0/bias", "attn.query.bias", 3, 0, 0, 1},
    {"self_attention/linear_0/weight", "attn.key.weight", 3, 1, 1, 1},
    {"self_attention/linear_0/bias", NULL, 3, 0, 1, 1},
    {"self_attention/linear_0/weight", "attn.value.weight", 3, 1, 2, 1},
    {"self_attention/linear_0/bias", "attn.value.bias", 3, 0, 2, 1},
    {"self_attention/linear_1/weight", "attn.out.weight", 1, 1, 0, 1},
    {"self_attention/linear_1/bias", "attn.out.bias", 1, 0, 0, 1},
};

static const struct mapping cross_attention[] = {
    {"attention/layer_norm/gamma", "cross_attn_ln.weight", 1, 0, 0, 1},
    {"attention/layer_norm/beta", "cross_attn_ln.bias", 1, 0, 0, 1},
    {"attention/linear_0/weight", "cross_attn.query.weight", 1, 1, 0, 1},
    {"attention/linear_0/bias", "cross_attn.query.bias", 1, 0, 0, 1},
    {"attention/linear_1/weight", "cross_attn.key.weight", 2, 1, 0, 1},
    {"attention/linear_1/bias", NULL, 2, 0, 0, 1},
    {"attention/linear_1/weight", "cross_attn.value.weight", 2, 1, 1, 1},
    {"attention/linear_1/bias", "cross_attn.value.bias", 2, 0, 1, 1},
    {"attention/linear_2/weight", "cross_attn.out.weight", 1, 1, 0, 1},
    {"attention/linear_2/bias", "cross_attn.out.bias", 1, 0, 0, 1},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct planner {
    const struct vanta_ct2 *model;
    const char *name;
    struct vanta_whisper_plan *plan;
    bool *used; /* by index of the variable */
};

static const struct vanta_ct2_variable *need(struct planner *p, const char *name,
                                             struct vanta_error *err)
{
    const struct vanta_ct2_variable *v = vanta_ct2_find(p->model, name);

    size_t i;

    if (!v) {
        vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s is missing", p->name, name);
        return NULL;
    }
    p->used[v - p->model->variables] = true;
    /* Through an alias its target is used. */
    for (i = 0; v->alias && i < p->model->n_variables; i++)
        if (p->model->variables[i].data_pos == v->data_pos)
            p->used[i] = true;
    return v;
}

static enum vanta_status check_shape(struct planner *p,
                                     const struct vanta_ct2_variable *v, unsigned rank,
                                     const uint64_t *shape, struct vanta_error *err)
{
    bool fits = v->rank == rank;
    unsigned i;

    for (i = 0; fits && i < rank; i++)
        fits = v->shape[i] == shape[i];
    return fits ? VANTA_OK
                : vanta_fail(err, VANTA_ERR_FORMAT,
                             "%s: %s does not have the shape it has in a Whisper model "
                             "of width %u",
                             p->name, v->name, p->plan->header.n_audio_state);
}

/* int8 weights come with NAME_scale: value = q / scale of the row. */
static enum vanta_status find_scale(struct planner *p, struct vanta_whisper_piece *piece,
                                    struct vanta_error *err)
{
    const struct vanta_ct2_variable *v = piece->from;
    char name[VANTA_CT2_NAME_MAX + 8];

    switch (v->type) {
    case VANTA_CT2_F32:
    case VANTA_CT2_F16:
    case VANTA_CT2_BF16:
        return VANTA_OK;
    case VANTA_CT2_I8:
        break;
    default:
        vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                   "%s: %s holds %s; f32, f16, bf16 and i8 are converted", p->name,
                   v->name, vanta_ct2_type_name(v->type));
        vanta_hint(err, "convert the float16 model");
        return VANTA_ERR_UNSUPPORTED;
    }
    vanta_format(name, sizeof name, "%s_scale", v->name);
    piece->scale = need(p, name, err);
    if (!piece->scale)
        return VANTA_ERR_FORMAT;
    if (piece->scale->type != VANTA_CT2_F32 || piece->scale->elements != v->shape[0])
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: %s is not one f32 for each row of its weights", p->name,
                          name);
    return VANTA_OK;
}

static struct vanta_whisper_piece *append(struct vanta_whisper_plan *plan)
{
    struct vanta_whisper_piece *pieces = plan->pieces;

    if (plan->n_pieces == plan->capacity) {
        size_t grown = plan->capacity ? plan->capacity * 2 : 256;

        pieces = realloc(pieces, grown * sizeof *pieces);
        if (!pieces)
            return NULL;
        plan->pieces = pieces;
        plan->capacity = grown;
    }
    memset(&pieces[plan->n_pieces], 0, sizeof *pieces);
    return &pieces[plan->n_pieces++];
}

/* Rows first to first + rows of v become the tensor `to`; to NULL: have to be zero. */
static enum vanta_status add(struct planner *p, const struct vanta_ct2_variable *v,
                             uint64_t first, uint64_t rows, const char *to, bool as_f32,
                             struct vanta_error *err)
{
    struct vanta_whisper_piece *piece = append(p->plan);
    uint64_t size = as_f32 ? 4 : 2;
    enum vanta_status status;
    unsigned i;

    if (!piece)
        return vanta_fail_memory(err);
    piece->from = v;
    piece->row_elements = v->elements / v->shape[0]; /* the shape was checked: not 0 */
    piece->first = first * piece->row_elements;
    piece->elements = rows * piece->row_elements;
    status = find_scale(p, piece, err);
    if (status != VANTA_OK || !to)
        return status;
    if (!vanta_format(piece->to.name, sizeof piece->to.name, "%s", to))
        return vanta_fail(err, VANTA_ERR_INTERNAL, "the name %s is too long", to);
    piece->to.type = as_f32 ? 0 : 1;
    piece->to.rank = v->rank;
    for (i = 0; i < v->rank; i++)
        piece->to.extents[i] =
            i + 1 == v->rank ? (uint32_t)rows : v->shape[v->rank - 1 - i];
    p->plan->tensor_bytes +=
        vanta_whisper_tensor_head_bytes(&piece->to) + piece->elements * size;
    return VANTA_OK;
}

static enum vanta_status add_group(struct planner *p, const char *side, uint32_t layer,
                                   const struct mapping *group, size_t n,
                                   struct vanta_error *err)
{
    uint64_t d = p->plan->header.n_audio_state;
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; status == VANTA_OK && i < n; i++) {
        const struct mapping *m = &group[i];
        const uint64_t shape[2] = {m->rows * d, m->cols * d};
        const struct vanta_ct2_variable *v;
        char from[VANTA_WHISPER_NAME_MAX], to[VANTA_WHISPER_NAME_MAX];

        vanta_format(from, sizeof from, "%s/layer_%u/%s", side, layer, m->from);
        vanta_format(to, sizeof to, "%s.blocks.%u.%s", side, layer, m->to ? m->to : "");
        v = need(p, from, err);
        if (!v)
            return VANTA_ERR_FORMAT;
        status = check_shape(p, v, m->cols ? 2 : 1, shape, err);
        if (status == VANTA_OK)
            status = add(p, v, m->part * d, m->take * d, m->to ? to : NULL, !m->cols,
                         err);
    }
    return status;
}

static enum vanta_status add_layers(struct planner *p, const char *side, uint32_t layers,
                                    bool cross, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    uint32_t i;

    for (i = 0; status == VANTA_OK && i < layers; i++) {
        status = add_group(p, side, i, feed_forward, COUNT(feed_forward), err);
        if (status == VANTA_OK)
            status = add_group(p, side, i, self_attention, COUNT(self_attention), err);
        if (status == VANTA_OK && cross)
            status = add_group(p, side, i, cross_attention, COUNT(cross_attention), err);
    }
    return status;
}

/* A whole variable of the given shape (ends with 0). */
static enum vanta_status add_whole(struct planner *p, const char *from, const char *to,
                                   const uint64_t *shape, bool as_f32,
                                   struct vanta_error *err)
{
    const struct vanta_ct2_variable *v = need(p, from, err);
    enum vanta_status status;
    unsigned rank = 0;

    if (!v)
        return VANTA_ERR_FORMAT;
    while (shape[rank])
        rank++;
    status = check_shape(p, v, rank, shape, err);
    return status == VANTA_OK ? add(p, v, 0, shape[0], to, as_f32, err) : status;
}

static enum vanta_status add_norm(struct planner *p, const char *side, const char *to,
                                  struct vanta_error *err)
{
    const uint64_t shape[] = {p->plan->header.n_audio_state, 0};
    char from[64], weight[64], bias[64];
    enum vanta_status status;

    vanta_format(from, sizeof from, "%s/layer_norm/gamma", side);
    vanta_format(weight, sizeof weight, "%s.weight", to);
    vanta_format(bias, sizeof bias, "%s.bias", to);
    status = add_whole(p, from, weight, shape, true, err);
    vanta_format(from, sizeof from, "%s/layer_norm/beta", side);
    return status == VANTA_OK ? add_whole(p, from, bias, shape, true, err) : status;
}

static enum vanta_status add_convolution(struct planner *p, unsigned number,
                                         uint64_t inputs, struct vanta_error *err)
{
    uint64_t d = p->plan->header.n_audio_state;
    const uint64_t shape[] = {d, inputs, 3, 0}, bias_shape[] = {d, 0};
    struct vanta_whisper_tensor *bias;
    char from[64], to[64];
    enum vanta_status status;

    vanta_format(from, sizeof from, "encoder/conv%u/weight", number);
    vanta_format(to, sizeof to, "encoder.conv%u.weight", number);
    status = add_whole(p, from, to, shape, false, err);
    vanta_format(from, sizeof from, "encoder/conv%u/bias", number);
    vanta_format(to, sizeof to, "encoder.conv%u.bias", number);
    if (status == VANTA_OK)
        status = add_whole(p, from, to, bias_shape, true, err);
    if (status != VANTA_OK)
        return status;
    bias = &p->plan->pieces[p->plan->n_pieces - 1].to;
    bias->rank = 2;
    bias->extents[0] = 1;
    bias->extents[1] = (uint32_t)d;
    p->plan->tensor_bytes += 4;
    return VANTA_OK;
}

static enum vanta_status add_all(struct planner *p, struct vanta_error *err)
{
    const struct vanta_whisper_header *h = &p->plan->header;
    const uint64_t text[] = {h->n_text_ctx, h->n_text_state, 0};
    const uint64_t audio[] = {h->n_audio_ctx, h->n_audio_state, 0};
    const uint64_t tokens[] = {h->n_vocab, h->n_text_state, 0};
    enum vanta_status status;

    status = add_whole(p, "decoder/position_encodings/encodings",
                       "decoder.positional_embedding", text, true, err);
    if (status == VANTA_OK)
        status = add_whole(p, "encoder/position_encodings/encodings",
                           "encoder.positional_embedding", audio, true, err);
    if (status == VANTA_OK)
        status = add_whole(p, "decoder/embeddings/weight",
                           "decoder.token_embedding.weight", tokens, false, err);
    if (status == VANTA_OK)
        status = add_layers(p, "decoder", h->n_text_layer, true, err);
    if (status == VANTA_OK)
        status = add_norm(p, "decoder", "decoder.ln", err);
    if (status == VANTA_OK)
        status = add_convolution(p, 1, h->n_mels, err);
    if (status == VANTA_OK)
        status = add_convolution(p, 2, h->n_audio_state, err);
    if (status == VANTA_OK)
        status = add_layers(p, "encoder", h->n_audio_layer, false, err);
    return status == VANTA_OK ? add_norm(p, "encoder", "encoder.ln_post", err) : status;
}

static uint32_t count_layers(const struct vanta_ct2 *model, const char *side)
{
    char name[64];
    uint32_t n;

    for (n = 0; n <= LAYERS_MAX; n++) {
        vanta_format(name, sizeof name, "%s/layer_%u/ffn/linear_0/weight", side, n);
        if (!vanta_ct2_find(model, name))
            break;
    }
    return n;
}

static enum vanta_status check_heads(struct planner *p, const char *side,
                                     struct vanta_error *err)
{
    const struct vanta_ct2_variable *heads;
    char name[64];

    vanta_format(name, sizeof name, "%s/num_heads", side);
    heads = vanta_ct2_find(p->model, name);
    if (!heads || heads->rank != 0 ||
        heads->scalar == (int32_t)p->plan->header.n_audio_head)
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                      "%s: %s is %d; whisper.cpp takes %u at this width", p->name, name,
                      heads->scalar, p->plan->header.n_audio_head);
}

static enum vanta_status find_header(struct planner *p, struct vanta_error *err)
{
    struct vanta_whisper_header *h = &p->plan->header;
    const struct vanta_ct2_variable *tokens, *audio, *text, *conv;

    if (!(tokens = need(p, "decoder/embeddings/weight", err)) ||
        !(audio = need(p, "encoder/position_encodings/encodings", err)) ||
        !(text = need(p, "decoder/position_encodings/encodings", err)) ||
        !(conv = need(p, "encoder/conv1/weight", err)))
        return VANTA_ERR_FORMAT;
    if (tokens->rank != 2 || audio->rank != 2 || text->rank != 2 || conv->rank != 3 ||
        !tokens->elements || !audio->elements || !text->elements || !conv->elements)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: the shapes are not those of a Whisper model", p->name);
    h->n_vocab = tokens->shape[0];
    h->n_audio_ctx = audio->shape[0];
    h->n_text_ctx = text->shape[0];
    h->n_audio_state = h->n_text_state = audio->shape[1];
    h->n_audio_head = h->n_text_head = h->n_audio_state / VANTA_WHISPER_HEAD_WIDTH;
    h->n_audio_layer = count_layers(p->model, "encoder");
    h->n_text_layer = count_layers(p->model, "decoder");
    h->n_mels = conv->shape[1];
    h->ftype = 1;
    p->plan->n_tokens =
        h->n_vocab >= MULTILINGUAL_FROM ? TOKENS_MULTILINGUAL : TOKENS_ENGLISH;
    return VANTA_OK;
}

static enum vanta_status check_header(struct planner *p, struct vanta_error *err)
{
    const struct vanta_whisper_header *h = &p->plan->header;
    enum vanta_status status;

    if (h->n_audio_state % VANTA_WHISPER_HEAD_WIDTH || h->n_audio_state > WIDTH_MAX ||
        h->n_vocab < p->plan->n_tokens || h->n_vocab > VANTA_TOKENS_MAX)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: a width of %u and %u tokens are not a Whisper model's",
                          p->name, h->n_audio_state, h->n_vocab);
    if (h->n_audio_layer < 1 || h->n_text_layer < 1 || h->n_audio_layer > LAYERS_MAX ||
        h->n_text_layer > LAYERS_MAX)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: %u encoder and %u decoder layers are not a Whisper "
                          "model's",
                          p->name, h->n_audio_layer, h->n_text_layer);
    if (h->n_mels != 80 && h->n_mels != 128)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: %u mel bands; whisper.cpp knows 80 and 128", p->name,
                          h->n_mels);
    status = check_heads(p, "encoder", err);
    return status == VANTA_OK ? check_heads(p, "decoder", err) : status;
}

/* Weights that the file has no place for would be lost without a word. Scalars and
 * integers are CTranslate2's settings; an alias is weights that were seen. */
static enum vanta_status check_unused(struct planner *p, struct vanta_error *err)
{
    size_t i;

    for (i = 0; i < p->model->n_variables; i++) {
        const struct vanta_ct2_variable *v = &p->model->variables[i];

        if (p->used[i] || v->alias || v->rank == 0 || v->type == VANTA_CT2_I16 ||
            v->type == VANTA_CT2_I32)
            continue;
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: whisper.cpp's file has no place for %s", p->name,
                          v->name);
    }
    return VANTA_OK;
}

static enum vanta_status check_spec(struct planner *p, struct vanta_error *err)
{
    if (strcmp(p->model->spec, "WhisperSpec") != 0)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: a CTranslate2 model, but of the kind %s; WhisperSpec is "
                          "wanted",
                          p->name, p->model->spec);
    if (p->model->revision != REVISION)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: revision %u of WhisperSpec; revision %d is converted",
                          p->name, p->model->revision, REVISION);
    return VANTA_OK;
}

enum vanta_status vanta_whisper_plan_make(const struct vanta_ct2 *model, const char *name,
                                          struct vanta_whisper_plan *out,
                                          struct vanta_error *err)
{
    struct planner p = {.model = model, .name = name, .plan = out};
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    p.used = calloc(model->n_variables ? model->n_variables : 1, sizeof *p.used);
    status = p.used ? check_spec(&p, err) : vanta_fail_memory(err);
    if (status == VANTA_OK)
        status = find_header(&p, err);
    if (status == VANTA_OK)
        status = check_header(&p, err);
    if (status == VANTA_OK)
        status = add_all(&p, err);
    if (status == VANTA_OK)
        status = check_unused(&p, err);
    free(p.used);
    if (status != VANTA_OK)
        vanta_whisper_plan_free(out);
    return status;
}

void vanta_whisper_plan_free(struct vanta_whisper_plan *plan)
{
    free(plan->pieces);
    memset(plan, 0, sizeof *plan);
}
