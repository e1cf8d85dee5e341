/*
 * encoder_roles.c - which tokens begin and end a text, stand for the unknown, and so on:
 * tokenizer_config.json over a vocabulary (encoder_tokenizer.h).
 */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "convert/encoder_config.h"
#include "convert/encoder_tokenizer.h"
#include "convert/tokenizer_json.h"

/* Where a role's token is named, and what it is without a name. */
struct role {
    const char *keys[2]; /* the first that is there */
    const char *bert, *mpnet;
};

static const struct role roles[VANTA_ENCODER_ROLES] = {
    [VANTA_ENCODER_FIRST] = {{"bos_token", "cls_token"}, "[CLS]", "<s>"},
    [VANTA_ENCODER_LAST] = {{"eos_token", "sep_token"}, "[SEP]", "</s>"},
    [VANTA_ENCODER_UNKNOWN] = {{"unk_token", NULL}, "[UNK]", "[UNK]"},
    [VANTA_ENCODER_SEPARATOR] = {{"sep_token", NULL}, "[SEP]", "</s>"},
    [VANTA_ENCODER_PADDING] = {{"pad_token", NULL}, "[PAD]", "<pad>"},
    [VANTA_ENCODER_MASK] = {{"mask_token", NULL}, "[MASK]", "<mask>"},
};

struct settings {
    char path[VANTA_PATH_MAX];
    struct vanta_json_doc doc;
    json_t *root; /* NULL: no such file */
};

/* A token is a string, or an object with the string as content. NULL: not named. */
static enum vanta_status token_name(const struct settings *s, const char *key,
                                    const char **out, struct vanta_error *err)
{
    const json_t *value = json_object_get(s->root, key);
    char where[VANTA_JSON_POINTER_MAX];

    if (!value || json_is_null(value))
        return VANTA_OK;
    if (!json_is_object(value))
        return vanta_json_string(&s->doc, s->root, "", key, true, out, err);
    if (!vanta_json_pointer_key(where, "", key))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: nested too deeply", s->path);
    return vanta_json_string(&s->doc, value, where, "content", true, out, err);
}

static uint32_t find_token(const struct vanta_encoder_tokenizer *t, const char *name)
{
    size_t id, len, wanted = strlen(name);

    for (id = 0; id < t->n; id++) {
        const char *text = vanta_encoder_token(t, id, &len);

        if (len == wanted && memcmp(text, name, len) == 0)
            return (uint32_t)id;
    }
    return VANTA_ENCODER_NO_TOKEN;
}

static enum vanta_status find_role(const struct settings *s, bool mpnet, bool txt,
                                   enum vanta_encoder_role role,
                                   struct vanta_encoder_tokenizer *t,
                                   struct vanta_error *err)
{
    const char *name = NULL;
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; status == VANTA_OK && !name && i < 2 && roles[role].keys[i]; i++)
        status = token_name(s, roles[role].keys[i], &name, err);
    if (status != VANTA_OK)
        return status;
    if (!name)
        name = mpnet ? roles[role].mpnet : roles[role].bert;
    t->roles[role] = find_token(t, name);
    if (t->roles[role] == VANTA_ENCODER_NO_TOKEN) {
        if (role > VANTA_ENCODER_UNKNOWN)
            return VANTA_OK;
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %.64s is not in the vocabulary",
                          s->path, name);
    }
    /* vocab.txt does not say which tokens are special; having a role does. */
    if (txt)
        t->tokens[t->roles[role]].kind = VANTA_ENCODER_TOKEN_SPECIAL;
    return VANTA_OK;
}

/* tokenizer.json has these itself; beside vocab.txt they are here. */
static enum vanta_status read_normalizer(const struct settings *s,
                                         struct vanta_encoder_tokenizer *t,
                                         struct vanta_error *err)
{
    bool ideographs = true;
    enum vanta_status status;

    status = vanta_json_boolean(&s->doc, s->root, "", "do_lower_case", false,
                                &t->lowercase, err);
    if (status == VANTA_OK)
        status = vanta_json_boolean(&s->doc, s->root, "", "tokenize_chinese_chars", false,
                                    &ideographs, err);
    if (status == VANTA_OK && !ideographs)
        status = vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                            "%s: tokenize_chinese_chars is false, which is not BERT's "
                            "WordPiece", s->path);
    t->strip_accents = t->lowercase;
    t->states_accents = json_is_boolean(json_object_get(s->root, "strip_accents"));
    if (t->states_accents)
        t->strip_accents = json_is_true(json_object_get(s->root, "strip_accents"));
    return status;
}

static enum vanta_status read_settings(const char *dir, bool mpnet, bool txt,
                                       struct vanta_encoder_tokenizer *t,
                                       struct vanta_error *err)
{
    struct settings s = {.root = NULL};
    enum vanta_status status = VANTA_OK;
    int role;

    if (!vanta_path_join(s.path, dir, "tokenizer_config.json"))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    s.doc.name = s.path;
    if (vanta_file_exists(s.path))
        status = vanta_json_load_file(s.path, VANTA_ENCODER_CONFIG_BYTES_MAX, &s.root,
                                      err);
    if (status == VANTA_OK && s.root && !json_is_object(s.root))
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: is no JSON object", s.path);
    if (status == VANTA_OK && s.root && txt)
        status = read_normalizer(&s, t, err);
    for (role = 0; status == VANTA_OK && role < VANTA_ENCODER_ROLES; role++)
        status = find_role(&s, mpnet, txt, (enum vanta_encoder_role)role, t, err);
    json_decref(s.root);
    return status;
}

enum vanta_status vanta_encoder_tokenizer_read(const char *dir, size_t n, bool mpnet,
                                               struct vanta_encoder_tokenizer *out,
                                               struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(VANTA_TOKENIZER_BYTES_MAX);
    char path[VANTA_PATH_MAX];
    enum vanta_status status;
    bool txt = false;

    memset(out, 0, sizeof *out);
    if (!vanta_path_join(path, dir, "tokenizer.json"))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    if (!vanta_file_exists(path)) {
        txt = true;
        if (!vanta_path_join(path, dir, "vocab.txt"))
            return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    }
    status = vanta_file_read(path, &text, err);
    if (status == VANTA_ERR_NOT_FOUND)
        vanta_hint(err, "tokenizer.json or vocab.txt of the model has to be there");
    if (status == VANTA_OK)
        status = vanta_encoder_vocabulary_parse(text.data ? text.data : "", text.len, path,
                                                txt, n, out, err);
    vanta_buf_free(&text);
    if (status == VANTA_OK)
        status = read_settings(dir, mpnet, txt, out, err);
    if (status != VANTA_OK)
        vanta_encoder_tokenizer_free(out);
    return status;
}
