#include "convert/encoder_plan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "convert/ggml_type.h"
#include "convert/q8_0.h"
#include "convert/safetensors.h"

enum extent { NONE, WIDTH, INNER, VOCABULARY, POSITIONS, TYPES, BUCKETS, HEADS };
enum precision { ALWAYS_F32, EMBEDDING, LINEAR };

/* A weight and its shape, row-major: a norm's two vectors, a linear layer's matrix and
 * bias, or a table. NULL: the model has none. */
struct rule {
    const char *bert, *mpnet, *gguf;
    enum extent rows, columns; /* columns NONE: a vector */
    enum precision precision;
};

static const struct rule rules[] = {
    {"embeddings.word_embeddings.weight", "embeddings.word_embeddings.weight",
     "token_embd.weight", VOCABULARY, WIDTH, EMBEDDING},
    {"embeddings.position_embeddings.weight", "embeddings.position_embeddings.weight",
     "position_embd.weight", POSITIONS, WIDTH, ALWAYS_F32},
    {"embeddings.token_type_embeddings.weight", NULL, "token_types.weight", TYPES, WIDTH,
     ALWAYS_F32},
    {NULL, "encoder.relative_attention_bias.weight", "attn_rel_b.weight", BUCKETS, HEADS,
     ALWAYS_F32},
    {"embeddings.LayerNorm.weight", "embeddings.LayerNorm.weight",
     "token_embd_norm.weight", WIDTH, NONE, ALWAYS_F32},
    {"embeddings.LayerNorm.bias", "embeddings.LayerNorm.bias", "token_embd_norm.bias",
     WIDTH, NONE, ALWAYS_F32},
};

/* The same behind "encoder.layer.N." and "blk.N.". */
#define BOTH(bert, mpnet, gguf, rows, columns)                                           \
    {bert ".weight", mpnet ".weight", gguf ".weight", rows, columns,                     \
     (columns) == NONE ? ALWAYS_F32 : LINEAR},                                           \
    {                                                                                    \
        bert ".bias", mpnet ".bias", gguf ".bias", rows, NONE, ALWAYS_F32                \
    }

static const struct rule layer_rules[] = {
    BOTH("attention.self.query", "attention.attn.q", "attn_q", WIDTH, WIDTH),
    BOTH("attention.self.key", "attention.attn.k", "attn_k", WIDTH, WIDTH),
    BOTH("attention.self.value", "attention.attn.v", "attn_v", WIDTH, WIDTH),
    BOTH("attention.output.dense", "attention.attn.o", "attn_output", WIDTH, WIDTH),
    BOTH("attention.output.LayerNorm", "attention.LayerNorm", "attn_output_norm", WIDTH,
         NONE),
    BOTH("intermediate.dense", "intermediate.dense", "ffn_up", INNER, WIDTH),
    BOTH("output.dense", "output.dense", "ffn_down", WIDTH, INNER),
    BOTH("output.LayerNorm", "output.LayerNorm", "layer_output_norm", WIDTH, NONE),
};

#define N_RULES (sizeof rules / sizeof rules[0])
#define N_LAYER_RULES (sizeof layer_rules / sizeof layer_rules[0])

/* What a checkpoint may hold beside the encoder: heads of training, and constants. */
static const char *const passed_over[] = {"embeddings.position_ids",
                                          "embeddings.token_type_ids", "pooler.", "cls.",
                                          "lm_head."};

struct maker {
    const char *file;
    const struct vanta_encoder_config *config;
    enum vanta_encoder_weights weights;
    struct vanta_encoder_plan *out;
    size_t capacity;
    bool *seen; /* rules, then the layers' rules by layer */
};

static uint64_t extent_of(const struct vanta_encoder_config *c, enum extent e)
{
    switch (e) {
    case WIDTH: return c->width;
    case INNER: return c->inner;
    case VOCABULARY: return c->vocabulary;
    case POSITIONS: return c->positions;
    case TYPES: return c->token_types;
    case BUCKETS: return c->buckets;
    case HEADS: return c->heads;
    default: return 1;
    }
}

static enum vanta_status fail(const struct maker *m, enum vanta_status status,
                              const char *tensor, const char *what,
                              struct vanta_error *err)
{
    return vanta_fail(err, status, "%s: the tensor %.200s %s", m->file, tensor, what);
}

static const struct rule *find_rule(const struct rule *from, size_t n, bool mpnet,
                                    const char *name)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const char *wanted = mpnet ? from[i].mpnet : from[i].bert;

        if (wanted && strcmp(wanted, name) == 0)
            return &from[i];
    }
    return NULL;
}

/* Checkpoints of larger models put the encoder below a name; old ones call a norm's
 * vectors gamma and beta. */
static bool plain_name(const struct maker *m, const char *name, char out[256])
{
    static const char *const prefixes[] = {"0.auto_model.", "bert.", "mpnet."};
    size_t i, len;

    for (i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (vanta_has_prefix(name, prefixes[i]) && (i == 0 || m->config->mpnet == (i == 2)))
            name += strlen(prefixes[i]);
    len = strlen(name);
    if (vanta_has_suffix(name, ".gamma"))
        return vanta_format(out, 256, "%.*s.weight", (int)(len - 6), name);
    if (vanta_has_suffix(name, ".beta"))
        return vanta_format(out, 256, "%.*s.bias", (int)(len - 5), name);
    return vanta_format(out, 256, "%s", name);
}

/* The rule of a tensor, its layer and its name in the GGUF; NULL when it has no place. */
static const struct rule *place_of(const struct maker *m, const char *name,
                                   struct vanta_encoder_piece *p, size_t *slot)
{
    static const char prefix[] = "encoder.layer.";
    const struct rule *rule;
    const char *at;
    uint32_t layer = 0;

    if (!vanta_has_prefix(name, prefix)) {
        rule = find_rule(rules, N_RULES, m->config->mpnet, name);
        if (!rule || !vanta_format(p->name, sizeof p->name, "%s", rule->gguf))
            return NULL;
        *slot = (size_t)(rule - rules);
        return rule;
    }
    at = name + sizeof prefix - 1;
    if (*at < '0' || *at > '9' || (*at == '0' && at[1] != '.'))
        return NULL;
    for (; *at >= '0' && *at <= '9' && layer < VANTA_ENCODER_BLOCKS_MAX; at++)
        layer = layer * 10 + (uint32_t)(*at - '0');
    if (*at != '.' || layer >= m->config->blocks)
        return NULL;
    rule = find_rule(layer_rules, N_LAYER_RULES, m->config->mpnet, at + 1);
    if (!rule || !vanta_format(p->name, sizeof p->name, "blk.%u.%s", layer, rule->gguf))
        return NULL;
    *slot = N_RULES + layer * N_LAYER_RULES + (size_t)(rule - layer_rules);
    return rule;
}

static enum vanta_status set_shape(const struct maker *m, const struct rule *rule,
                                   const struct vanta_safetensors_tensor *t,
                                   struct vanta_encoder_piece *p, struct vanta_error *err)
{
    uint64_t rows = extent_of(m->config, rule->rows);
    uint64_t columns = extent_of(m->config, rule->columns);

    p->rank = rule->columns == NONE ? 1 : 2;
    p->extents[0] = p->rank == 1 ? rows : columns;
    p->extents[1] = p->rank == 1 ? 1 : rows;
    p->elements = rows * columns;
    if (t->rank != p->rank || t->shape[0] != rows ||
        (t->rank == 2 && t->shape[1] != columns))
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: the tensor %.200s has another shape than config.json gives "
                          "it: %llu x %llu", m->file, t->name, (unsigned long long)rows,
                          (unsigned long long)columns);
    return VANTA_OK;
}

/* What is rounded in the first layers is amplified by all that follow: they stay f16, so
 * that vectors keep a cosine of 0.999 for texts of one repeated word too. */
static bool is_early(const struct maker *m, size_t slot)
{
    return slot >= N_RULES && (slot - N_RULES) / N_LAYER_RULES * 3 < m->config->blocks;
}

static enum vanta_status set_types(const struct maker *m, const struct rule *rule,
                                   size_t slot, const struct vanta_safetensors_tensor *t,
                                   struct vanta_encoder_piece *p, struct vanta_error *err)
{
    static const char *const from[] = {"f32", "f16", "bf16"};
    size_t i;

    for (i = 0; i < 3 && strcmp(t->type, from[i]) != 0; i++)
        continue;
    if (i == 3)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: the tensor %.200s has the type %s; f32, f16 and bf16 can be "
                          "converted", m->file, t->name, t->type);
    p->from = (enum vanta_encoder_from)i;
    p->type = 0;
    if (rule->precision != ALWAYS_F32 && m->weights != VANTA_ENCODER_WEIGHTS_F32)
        p->type = 1;
    if (rule->precision == LINEAR && m->weights == VANTA_ENCODER_WEIGHTS_Q8_0 &&
        p->extents[0] % VANTA_Q8_0_BLOCK == 0 && !is_early(m, slot))
        p->type = 8;
    if (!vanta_ggml_type_bytes(p->type, p->elements, p->extents[0], &p->bytes))
        return fail(m, VANTA_ERR_LIMIT, t->name, "is too large", err);
    return VANTA_OK;
}

static enum vanta_status add_piece(struct maker *m, const struct vanta_encoder_piece *p,
                                   struct vanta_error *err)
{
    struct vanta_encoder_plan *out = m->out;

    if (out->n == m->capacity)
        return vanta_fail(err, VANTA_ERR_INTERNAL, "%s: more tensors than places",
                          m->file);
    out->pieces[out->n++] = *p;
    return VANTA_OK;
}

static enum vanta_status visit(void *arg, const struct vanta_safetensors_tensor *t,
                               struct vanta_error *err)
{
    struct vanta_encoder_piece p = {.data_pos = t->data_pos};
    struct maker *m = arg;
    const struct rule *rule;
    char name[256];
    size_t i, slot;
    enum vanta_status status;

    if (!plain_name(m, t->name, name))
        return fail(m, VANTA_ERR_UNSUPPORTED, t->name, "has no place in the model", err);
    for (i = 0; i < sizeof passed_over / sizeof passed_over[0]; i++)
        if (vanta_has_prefix(name, passed_over[i]))
            return VANTA_OK;
    rule = place_of(m, name, &p, &slot);
    if (!rule)
        return fail(m, VANTA_ERR_UNSUPPORTED, t->name, "has no place in the model", err);
    if (m->seen[slot])
        return fail(m, VANTA_ERR_FORMAT, t->name, "is there twice", err);
    m->seen[slot] = true;
    status = set_shape(m, rule, t, &p, err);
    if (status == VANTA_OK)
        status = set_types(m, rule, slot, t, &p, err);
    return status == VANTA_OK ? add_piece(m, &p, err) : status;
}

static enum vanta_status check_complete(const struct maker *m, struct vanta_error *err)
{
    bool mpnet = m->config->mpnet;
    size_t i;

    for (i = 0; i < m->capacity; i++) {
        bool outer = i < N_RULES;
        const struct rule *rule =
            outer ? &rules[i] : &layer_rules[(i - N_RULES) % N_LAYER_RULES];
        const char *name = mpnet ? rule->mpnet : rule->bert;

        if (m->seen[i] || !name)
            continue;
        if (outer)
            return fail(m, VANTA_ERR_FORMAT, name, "is missing", err);
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: the tensor encoder.layer.%zu.%s is missing", m->file,
                          (i - N_RULES) / N_LAYER_RULES, name);
    }
    return VANTA_OK;
}

static int by_position(const void *a, const void *b)
{
    const struct vanta_encoder_piece *x = a, *y = b;

    return (x->data_pos > y->data_pos) - (x->data_pos < y->data_pos);
}

enum vanta_status vanta_encoder_plan_make(struct vanta_cursor *c,
                                          const struct vanta_encoder_config *config,
                                          enum vanta_encoder_weights weights,
                                          struct vanta_encoder_plan *out,
                                          struct vanta_error *err)
{
    struct maker m = {.file = c->name, .config = config, .weights = weights, .out = out};
    struct vanta_safetensors facts;
    enum vanta_status status = VANTA_OK;

    memset(out, 0, sizeof *out);
    m.capacity = N_RULES + config->blocks * N_LAYER_RULES;
    m.seen = calloc(m.capacity, sizeof *m.seen);
    out->pieces = calloc(m.capacity, sizeof *out->pieces);
    if (!m.seen || !out->pieces)
        status = vanta_fail_memory(err);
    if (status == VANTA_OK)
        status = vanta_safetensors_each(c, visit, &m, &facts, err);
    if (status == VANTA_OK)
        status = check_complete(&m, err);
    if (status == VANTA_OK)
        qsort(out->pieces, out->n, sizeof *out->pieces, by_position);
    free(m.seen);
    if (status != VANTA_OK)
        vanta_encoder_plan_free(out);
    return status;
}

void vanta_encoder_plan_free(struct vanta_encoder_plan *plan)
{
    free(plan->pieces);
    memset(plan, 0, sizeof *plan);
}
