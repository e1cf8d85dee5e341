#include "convert/encoder_tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "convert/encoder_gguf.h"
#include "convert/json_scan.h"
#include "convert/tokenizer_json.h"

#define ABSENT UINT32_MAX
#define ADDED_MAX 1024 /* special and added tokens: each is looked for in every text */

struct added_token {
    size_t id, offset, len; /* of its text in reader.added_text */
    enum vanta_encoder_token_kind kind;
};

struct reader {
    struct vanta_json_scan scan;
    struct vanta_encoder_tokenizer *out;
    struct vanta_buf key, text, added_text;
    struct added_token *added;
    size_t n_added;
    bool found; /* a vocabulary was there */
};

typedef enum vanta_status read_member(struct reader *r, struct vanta_error *err);

struct member {
    const char *key;
    read_member *read;
};

static enum vanta_status refuse(struct reader *r, const char *what, const char *value,
                                struct vanta_error *err)
{
    return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                      "%s: byte %zu: %s is %.64s, which is not BERT's WordPiece",
                      r->scan.name, (size_t)(r->scan.at - r->scan.start), what, value);
}

/* Reads an object's known members; passes over the others. null is as not there. */
static enum vanta_status read_object(struct reader *r, const struct member *members,
                                     struct vanta_error *err)
{
    enum vanta_status status;

    if (vanta_json_scan_peek(&r->scan) == 'n')
        return vanta_json_scan_skip(&r->scan, err);
    status = vanta_json_scan_object(&r->scan, err);
    while (status == VANTA_OK) {
        const struct member *m;
        bool more;

        status = vanta_json_scan_key(&r->scan, &r->key, &more, err);
        if (status != VANTA_OK || !more)
            break;
        for (m = members; m->key && strcmp(m->key, r->key.data) != 0; m++)
            continue;
        if (m->key)
            status = m->read(r, err);
        else
            status = vanta_json_scan_skip(&r->scan, err);
    }
    return status;
}

/* true, false or (then *there is false) null. */
static enum vanta_status read_flag(struct reader *r, bool *there, bool *out,
                                   struct vanta_error *err)
{
    char first = vanta_json_scan_peek(&r->scan);

    if (first != 't' && first != 'f' && first != 'n')
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: byte %zu: true or false is wanted",
                          r->scan.name, (size_t)(r->scan.at - r->scan.start));
    if (first != 'n')
        *out = first == 't';
    *there = first != 'n';
    return vanta_json_scan_skip(&r->scan, err);
}

static enum vanta_status want_string(struct reader *r, const char *what,
                                     const char *wanted, struct vanta_error *err)
{
    enum vanta_status status = vanta_json_scan_string(&r->scan, &r->text, err);

    if (status == VANTA_OK && strcmp(r->text.data, wanted) != 0)
        status = refuse(r, what, r->text.data, err);
    return status;
}

static enum vanta_status want_true(struct reader *r, const char *what,
                                   struct vanta_error *err)
{
    bool there, value = true;
    enum vanta_status status = read_flag(r, &there, &value, err);

    return status == VANTA_OK && !value ? refuse(r, what, "false", err) : status;
}

/* The text of a new id. */
static enum vanta_status keep(struct reader *r, uint64_t id, const char *text, size_t len,
                              struct vanta_error *err)
{
    struct vanta_encoder_tokenizer *out = r->out;

    if (id >= out->n)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: a token has the id %llu, and the model has %zu tokens",
                          r->scan.name, (unsigned long long)id, out->n);
    if (out->tokens[id].offset != ABSENT)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: two tokens have the id %llu",
                          r->scan.name, (unsigned long long)id);
    if (memchr(text, '\0', len))
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: token %llu has a NUL in it",
                          r->scan.name, (unsigned long long)id);
    out->tokens[id] = (struct vanta_encoder_token_place){
        (uint32_t)out->bytes.len, (uint32_t)len, VANTA_ENCODER_TOKEN_NORMAL};
    if (!vanta_buf_append(&out->bytes, text, len))
        return vanta_fail_memory(err);
    return VANTA_OK;
}

static enum vanta_status read_normalizer_type(struct reader *r, struct vanta_error *err)
{
    return want_string(r, "the normalizer", "BertNormalizer", err);
}

static enum vanta_status read_clean_text(struct reader *r, struct vanta_error *err)
{
    return want_true(r, "clean_text", err);
}

static enum vanta_status read_ideographs(struct reader *r, struct vanta_error *err)
{
    return want_true(r, "handle_chinese_chars", err);
}

static enum vanta_status read_lowercase(struct reader *r, struct vanta_error *err)
{
    bool there;

    return read_flag(r, &there, &r->out->lowercase, err);
}

static enum vanta_status read_accents(struct reader *r, struct vanta_error *err)
{
    return read_flag(r, &r->out->states_accents, &r->out->strip_accents, err);
}

static enum vanta_status read_normalizer(struct reader *r, struct vanta_error *err)
{
    static const struct member members[] = {{"type", read_normalizer_type},
                                            {"clean_text", read_clean_text},
                                            {"handle_chinese_chars", read_ideographs},
                                            {"lowercase", read_lowercase},
                                            {"strip_accents", read_accents},
                                            {NULL, NULL}};

    if (vanta_json_scan_peek(&r->scan) == 'n')
        return refuse(r, "the normalizer", "null", err);
    return read_object(r, members, err);
}

static enum vanta_status read_splitter_type(struct reader *r, struct vanta_error *err)
{
    return want_string(r, "the pre_tokenizer", "BertPreTokenizer", err);
}

static enum vanta_status read_splitter(struct reader *r, struct vanta_error *err)
{
    static const struct member members[] = {{"type", read_splitter_type}, {NULL, NULL}};

    if (vanta_json_scan_peek(&r->scan) == 'n')
        return refuse(r, "the pre_tokenizer", "null", err);
    return read_object(r, members, err);
}

static enum vanta_status read_model_type(struct reader *r, struct vanta_error *err)
{
    return want_string(r, "the model", "WordPiece", err);
}

static enum vanta_status read_prefix(struct reader *r, struct vanta_error *err)
{
    return want_string(r, "continuing_subword_prefix", "##", err);
}

static enum vanta_status read_word_max(struct reader *r, struct vanta_error *err)
{
    uint64_t most;
    enum vanta_status status = vanta_json_scan_u64(&r->scan, &most, err);

    if (status == VANTA_OK && most != 100)
        status = refuse(r, "max_input_chars_per_word", "not 100", err);
    return status;
}

static enum vanta_status read_vocab(struct reader *r, struct vanta_error *err)
{
    enum vanta_status status = vanta_json_scan_object(&r->scan, err);

    r->found = true;
    while (status == VANTA_OK) {
        uint64_t id;
        bool more;

        status = vanta_json_scan_key(&r->scan, &r->text, &more, err);
        if (status != VANTA_OK || !more)
            break;
        status = vanta_json_scan_u64(&r->scan, &id, err);
        if (status == VANTA_OK)
            status = keep(r, id, r->text.data, r->text.len, err);
    }
    return status;
}

static enum vanta_status read_model(struct reader *r, struct vanta_error *err)
{
    static const struct member members[] = {{"type", read_model_type},
                                            {"continuing_subword_prefix", read_prefix},
                                            {"max_input_chars_per_word", read_word_max},
                                            {"vocab", read_vocab},
                                            {NULL, NULL}};

    return read_object(r, members, err);
}

/* One added token; its text stays in r->text. */
static enum vanta_status read_added_token(struct reader *r, struct vanta_error *err)
{
    enum vanta_status status = vanta_json_scan_object(&r->scan, err);
    bool normalized = false, whole_word = false, has_id = false, has_text = false;
    uint64_t id = 0;

    while (status == VANTA_OK) {
        bool more, there;

        status = vanta_json_scan_key(&r->scan, &r->key, &more, err);
        if (status != VANTA_OK || !more)
            break;
        if (strcmp(r->key.data, "id") == 0) {
            has_id = true;
            status = vanta_json_scan_u64(&r->scan, &id, err);
        } else if (strcmp(r->key.data, "content") == 0) {
            has_text = true;
            status = vanta_json_scan_string(&r->scan, &r->text, err);
        } else if (strcmp(r->key.data, "normalized") == 0) {
            status = read_flag(r, &there, &normalized, err);
        } else if (strcmp(r->key.data, "single_word") == 0) {
            status = read_flag(r, &there, &whole_word, err);
        } else {
            status = vanta_json_scan_skip(&r->scan, err);
        }
    }
    if (status != VANTA_OK)
        return status;
    if (!has_id || !has_text || r->text.len == 0 || id >= r->out->n)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: an added token without text, or with an id that the model "
                          "does not have", r->scan.name);
    if (whole_word)
        return refuse(r, "single_word", "true", err);
    if (r->n_added == ADDED_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: more than %d added tokens",
                          r->scan.name, ADDED_MAX);
    r->added[r->n_added++] = (struct added_token){
        (size_t)id, r->added_text.len, r->text.len,
        normalized ? VANTA_ENCODER_TOKEN_ADDED : VANTA_ENCODER_TOKEN_SPECIAL};
    if (!vanta_buf_append(&r->added_text, r->text.data, r->text.len))
        return vanta_fail_memory(err);
    return VANTA_OK;
}

static enum vanta_status read_added(struct reader *r, struct vanta_error *err)
{
    enum vanta_status status;

    if (vanta_json_scan_peek(&r->scan) == 'n')
        return vanta_json_scan_skip(&r->scan, err);
    status = vanta_json_scan_array(&r->scan, err);
    while (status == VANTA_OK) {
        bool more;

        status = vanta_json_scan_element(&r->scan, &more, err);
        if (status != VANTA_OK || !more)
            break;
        status = read_added_token(r, err);
    }
    return status;
}

/* Added tokens are in the vocabulary already, or join it. */
static enum vanta_status apply_added(struct reader *r, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i, len;

    for (i = 0; status == VANTA_OK && i < r->n_added; i++) {
        const struct added_token *a = &r->added[i];
        const char *text = r->added_text.data + a->offset;

        if (r->out->tokens[a->id].offset == ABSENT) {
            status = keep(r, a->id, text, a->len, err);
        } else {
            const char *there = vanta_encoder_token(r->out, a->id, &len);

            if (len != a->len || memcmp(there, text, len) != 0)
                status = vanta_fail(err, VANTA_ERR_FORMAT,
                                    "%s: the added token %zu has another text than the "
                                    "vocabulary's", r->scan.name, a->id);
        }
        r->out->tokens[a->id].kind = a->kind;
    }
    return status;
}

static enum vanta_status read_json(struct reader *r, struct vanta_error *err)
{
    static const struct member members[] = {{"normalizer", read_normalizer},
                                            {"pre_tokenizer", read_splitter},
                                            {"model", read_model},
                                            {"added_tokens", read_added},
                                            {NULL, NULL}};
    enum vanta_status status;

    if (vanta_json_scan_peek(&r->scan) != '{')
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: is no JSON object", r->scan.name);
    status = read_object(r, members, err);
    if (status == VANTA_OK)
        status = vanta_json_scan_end(&r->scan, err);
    if (status == VANTA_OK && !r->found)
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: has no model.vocab",
                            r->scan.name);
    return status == VANTA_OK ? apply_added(r, err) : status;
}

/* vocab.txt: a token a line, numbered from 0. */
static enum vanta_status read_lines(struct reader *r, struct vanta_error *err)
{
    const char *at = (const char *)r->scan.start, *end = (const char *)r->scan.end;
    enum vanta_status status = VANTA_OK;
    uint64_t id;

    for (id = 0; status == VANTA_OK && at < end; id++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        size_t len = (size_t)(stop - at);

        if (len > 0 && at[len - 1] == '\r')
            len--;
        if (len > VANTA_TOKEN_BYTES_MAX)
            return vanta_fail(err, VANTA_ERR_LIMIT, "%s: line %llu is too long",
                              r->scan.name, (unsigned long long)id + 1);
        status = keep(r, id, at, len, err);
        at = newline ? newline + 1 : end;
    }
    return status;
}

/* Ids without a token get a name that no text has. */
static enum vanta_status fill_gaps(struct reader *r, struct vanta_error *err)
{
    struct vanta_encoder_tokenizer *out = r->out;
    enum vanta_status status = VANTA_OK;
    char name[32];
    size_t id;

    for (id = 0; status == VANTA_OK && id < out->n; id++) {
        if (out->tokens[id].offset != ABSENT)
            continue;
        if (!vanta_format(name, sizeof name, "[PAD%zu]", id))
            return vanta_fail(err, VANTA_ERR_INTERNAL, "%s: id %zu", r->scan.name, id);
        status = keep(r, id, name, strlen(name), err);
        out->tokens[id].kind = VANTA_ENCODER_TOKEN_UNUSED;
    }
    return status;
}

static enum vanta_status prepare(struct reader *r, size_t len, size_t n,
                                 struct vanta_error *err)
{
    struct vanta_encoder_tokenizer *out = r->out;
    size_t i;

    if (n > VANTA_TOKENS_MAX || len > VANTA_TOKENIZER_BYTES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT,
                          "%s: %zu tokens of a file of %zu bytes are too many",
                          r->scan.name, n, len);
    out->bytes = VANTA_BUF(VANTA_ENCODER_VOCABULARY_BYTES_MAX);
    out->n = n;
    out->lowercase = true;
    out->tokens = malloc((n ? n : 1) * sizeof *out->tokens);
    r->added = malloc(ADDED_MAX * sizeof *r->added);
    if (!out->tokens || !r->added || !vanta_buf_append(&out->bytes, "", 0))
        return vanta_fail_memory(err);
    for (i = 0; i < n; i++)
        out->tokens[i] = (struct vanta_encoder_token_place){ABSENT, 0, 0};
    for (i = 0; i < VANTA_ENCODER_ROLES; i++)
        out->roles[i] = VANTA_ENCODER_NO_TOKEN;
    return VANTA_OK;
}

enum vanta_status vanta_encoder_vocabulary_parse(const void *text, size_t len,
                                                 const char *name, bool txt, size_t n,
                                                 struct vanta_encoder_tokenizer *out,
                                                 struct vanta_error *err)
{
    struct reader r = {.out = out,
                       .key = VANTA_BUF(VANTA_TOKEN_BYTES_MAX),
                       .text = VANTA_BUF(VANTA_TOKEN_BYTES_MAX),
                       .added_text = VANTA_BUF(ADDED_MAX * VANTA_TOKEN_BYTES_MAX)};
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    vanta_json_scan_init(&r.scan, text, len, name);
    status = prepare(&r, len, n, err);
    if (status == VANTA_OK)
        status = txt ? read_lines(&r, err) : read_json(&r, err);
    if (status == VANTA_OK)
        status = fill_gaps(&r, err);
    if (!out->states_accents)
        out->strip_accents = out->lowercase;
    vanta_buf_free(&r.key);
    vanta_buf_free(&r.text);
    vanta_buf_free(&r.added_text);
    free(r.added);
    if (status != VANTA_OK)
        vanta_encoder_tokenizer_free(out);
    return status;
}

const char *vanta_encoder_token(const struct vanta_encoder_tokenizer *t, size_t id,
                                size_t *len)
{
    *len = t->tokens[id].len;
    return t->bytes.data + t->tokens[id].offset;
}

void vanta_encoder_tokenizer_free(struct vanta_encoder_tokenizer *t)
{
    free(t->tokens);
    vanta_buf_free(&t->bytes);
    memset(t, 0, sizeof *t);
}
