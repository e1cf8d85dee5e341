#include <stdlib.h>
#include <string.h>

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "base/error.h"
#include "base/json.h"
#include "engines/helper/xtts_bpe.h"

static const struct vanta_json_doc doc = {"vocab.json"};

/* --- reading the file --- */

/* A member that has to be absent, null, false or empty: what it does is not done here. */
static enum vanta_status refuse_member(const json_t *object, const char *where,
                                       const char *key, struct vanta_error *err)
{
    const json_t *value = json_object_get(object, key);

    if (!value || json_is_null(value) || json_is_false(value) ||
        (json_is_string(value) && json_string_length(value) == 0))
        return VANTA_OK;
    return vanta_json_fail(&doc, where, key, err, "not what an XTTS tokenizer has");
}

static enum vanta_status expect_type(const json_t *object, const char *where,
                                     const char *type, struct vanta_error *err)
{
    const char *found;
    enum vanta_status status =
        vanta_json_string(&doc, object, where, "type", true, &found, err);

    if (status == VANTA_OK && strcmp(found, type) != 0)
        status = vanta_json_fail(&doc, where, "type", err, "%s, not %s", found, type);
    return status;
}

static enum vanta_status check_kind(const json_t *top, const json_t **model,
                                    struct vanta_error *err)
{
    static const char *const absent[] = {"dropout", "continuing_subword_prefix",
                                         "end_of_word_suffix", "fuse_unk",
                                         "byte_fallback", "ignore_merges"};
    const json_t *words;
    enum vanta_status status = refuse_member(top, "", "normalizer", err);
    size_t i;

    if (status == VANTA_OK)
        status = refuse_member(top, "", "post_processor", err);
    if (status == VANTA_OK)
        status = vanta_json_object(&doc, top, "", "pre_tokenizer", true, &words, err);
    if (status == VANTA_OK)
        status = expect_type(words, "/pre_tokenizer", "Whitespace", err);
    if (status == VANTA_OK)
        status = vanta_json_object(&doc, top, "", "model", true, model, err);
    if (status == VANTA_OK && json_object_get(*model, "type"))
        status = expect_type(*model, "/model", "BPE", err);
    for (i = 0; i < sizeof absent / sizeof absent[0] && status == VANTA_OK; i++)
        status = refuse_member(*model, "/model", absent[i], err);
    return status;
}

static enum vanta_status read_vocabulary(struct vanta_xtts_text *t, const json_t *model,
                                         struct vanta_error *err)
{
    const json_t *vocab, *id;
    const char *text, *unknown;
    enum vanta_status status =
        vanta_json_object(&doc, model, "/model", "vocab", true, &vocab, err);

    if (status != VANTA_OK)
        return status;
    if (json_object_size(vocab) > VANTA_XTTS_TOKENS_MAX)
        return vanta_json_fail(&doc, "/model", "vocab", err, "more than %d tokens",
                               VANTA_XTTS_TOKENS_MAX);
    status = wordpiece_table_make(&t->tokens, json_object_size(vocab), err);
    if (status != VANTA_OK)
        return status;
    json_object_foreach((json_t *)vocab, text, id) {
        size_t len = strlen(text);

        if (!json_is_integer(id) || json_integer_value(id) < 0 ||
            json_integer_value(id) >= VANTA_XTTS_TOKENS_MAX || len == 0 ||
            len > VANTA_XTTS_TOKEN_BYTES_MAX)
            return vanta_json_fail(&doc, "/model", "vocab", err,
                                   "a token of no length or of no id");
        wordpiece_table_put(&t->tokens, text, len, (int32_t)json_integer_value(id));
    }
    status = vanta_json_string(&doc, model, "/model", "unk_token", true, &unknown, err);
    if (status != VANTA_OK)
        return status;
    t->unknown = wordpiece_table_find(&t->tokens, unknown, strlen(unknown));
    return t->unknown >= 0 ? VANTA_OK
                           : vanta_json_fail(&doc, "/model", "unk_token", err,
                                             "no token of the vocabulary");
}

/* "a b", or ["a", "b"] as newer files have it. */
static bool parts_of(const json_t *merge, const char *part[2], size_t len[2])
{
    if (json_is_array(merge) && json_array_size(merge) == 2) {
        for (int i = 0; i < 2; i++) {
            const json_t *text = json_array_get(merge, (size_t)i);

            part[i] = json_string_value(text);
            len[i] = json_string_length(text);
        }
        return part[0] && part[1];
    }
    part[0] = json_string_value(merge);
    part[1] = part[0] ? strchr(part[0], ' ') : NULL;
    if (!part[1])
        return false;
    len[0] = (size_t)(part[1]++ - part[0]);
    len[1] = strlen(part[1]);
    return true;
}

static enum vanta_status read_merge(struct vanta_xtts_text *t, const json_t *merge,
                                    size_t rank, struct vanta_error *err)
{
    char whole[VANTA_XTTS_TOKEN_BYTES_MAX];
    char where[VANTA_JSON_POINTER_MAX];
    const char *part[2];
    size_t len[2] = {0, 0};

    vanta_json_pointer_index(where, "/model/merges", rank);
    if (!parts_of(merge, part, len) || len[0] == 0 || len[1] == 0 ||
        len[0] + len[1] > sizeof whole)
        return vanta_json_fail(&doc, where, NULL, err, "not two tokens");
    memcpy(whole, part[0], len[0]);
    memcpy(whole + len[0], part[1], len[1]);
    t->pairs[rank][0] = wordpiece_table_find(&t->tokens, part[0], len[0]);
    t->pairs[rank][1] = wordpiece_table_find(&t->tokens, part[1], len[1]);
    t->merged[rank] = wordpiece_table_find(&t->tokens, whole, len[0] + len[1]);
    if (t->pairs[rank][0] < 0 || t->pairs[rank][1] < 0 || t->merged[rank] < 0)
        return vanta_json_fail(&doc, where, NULL, err,
                               "a token that the vocabulary does not have");
    wordpiece_table_put(&t->merges, (const char *)t->pairs[rank], sizeof t->pairs[rank],
                        (int32_t)rank);
    return VANTA_OK;
}

static enum vanta_status read_merges(struct vanta_xtts_text *t, const json_t *model,
                                     struct vanta_error *err)
{
    const json_t *merges;
    enum vanta_status status = vanta_json_array(&doc, model, "/model", "merges", true,
                                                VANTA_XTTS_MERGES_MAX, &merges, err);
    size_t n, i;

    if (status != VANTA_OK)
        return status;
    n = json_array_size(merges);
    status = wordpiece_table_make(&t->merges, n, err);
    if (status != VANTA_OK)
        return status;
    t->pairs = malloc((n + 1) * sizeof *t->pairs);
    t->merged = malloc((n + 1) * sizeof *t->merged);
    if (!t->pairs || !t->merged)
        return vanta_fail_memory(err);
    for (i = 0; i < n && status == VANTA_OK; i++)
        status = read_merge(t, json_array_get(merges, i), i, err);
    return status;
}

static enum vanta_status read_special(struct vanta_xtts_text *t, const json_t *token,
                                      size_t index, struct vanta_error *err)
{
    static const char *const absent[] = {"single_word", "lstrip", "rstrip"};
    struct xtts_special *special = &t->specials[t->n_specials];
    char where[VANTA_JSON_POINTER_MAX];
    enum vanta_status status;
    int64_t id = 0;
    size_t i;

    vanta_json_pointer_index(where, "/added_tokens", index);
    status =
        vanta_json_string(&doc, token, where, "content", true, &special->text, err);
    if (status == VANTA_OK)
        status = vanta_json_integer(&doc, token, where, "id", true, 0,
                                    VANTA_XTTS_TOKENS_MAX - 1, &id, err);
    for (i = 0; i < sizeof absent / sizeof absent[0] && status == VANTA_OK; i++)
        status = refuse_member(token, where, absent[i], err);
    if (status != VANTA_OK)
        return status;
    special->len = strlen(special->text);
    special->id = (int32_t)id;
    if (special->len == 0 || special->len > VANTA_XTTS_TOKEN_BYTES_MAX)
        return vanta_json_fail(&doc, where, "content", err, "empty or too long");
    t->begins[(unsigned char)special->text[0]] = true;
    t->n_specials++;
    return VANTA_OK;
}

static enum vanta_status read_specials(struct vanta_xtts_text *t, const json_t *top,
                                       struct vanta_error *err)
{
    const json_t *added;
    enum vanta_status status = vanta_json_array(&doc, top, "", "added_tokens", true,
                                                XTTS_SPECIAL_MAX, &added, err);
    size_t i;

    if (status != VANTA_OK)
        return status;
    t->specials = calloc(json_array_size(added) + 1, sizeof *t->specials);
    if (!t->specials)
        return vanta_fail_memory(err);
    for (i = 0; i < json_array_size(added) && status == VANTA_OK; i++)
        status = read_special(t, json_array_get(added, i), i, err);
    return status;
}

enum vanta_status vanta_xtts_text_new(const char *json, size_t len,
                                      struct vanta_xtts_text **out,
                                      struct vanta_error *err)
{
    struct vanta_xtts_text *t;
    const json_t *model = NULL;
    enum vanta_status status;

    if (len > VANTA_XTTS_JSON_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "vocab.json is longer than 16 MiB");
    t = calloc(1, sizeof *t);
    if (!t)
        return vanta_fail_memory(err);
    status = vanta_json_load(json, len, doc.name, &t->document, err);
    if (status == VANTA_OK)
        status = check_kind(t->document, &model, err);
    if (status == VANTA_OK)
        status = read_vocabulary(t, model, err);
    if (status == VANTA_OK)
        status = read_merges(t, model, err);
    if (status == VANTA_OK)
        status = read_specials(t, t->document, err);
    if (status != VANTA_OK) {
        vanta_xtts_text_free(t);
        return status;
    }
    *out = t;
    return VANTA_OK;
}

void vanta_xtts_text_free(struct vanta_xtts_text *t)
{
    if (!t)
        return;
    wordpiece_table_free(&t->tokens);
    wordpiece_table_free(&t->merges);
    free(t->pairs);
    free(t->merged);
    free(t->specials);
    json_decref(t->document);
    free(t);
}

/* --- text to ids --- */

static const struct xtts_special *special_at(const struct vanta_xtts_text *t,
                                             const char *text, size_t len)
{
    const struct xtts_special *best = NULL;
    size_t i;

    if (!t->begins[(unsigned char)text[0]])
        return NULL;
    for (i = 0; i < t->n_specials; i++) {
        const struct xtts_special *s = &t->specials[i];

        if (s->len <= len && (!best || s->len > best->len) &&
            memcmp(s->text, text, s->len) == 0)
            best = s;
    }
    return best;
}

int32_t xtts_special_id(const struct vanta_xtts_text *t, const char *text)
{
    size_t len = strlen(text);
    const struct xtts_special *s = special_at(t, text, len);

    return s && s->len == len ? s->id : -1;
}

enum class { SPACE, WORD, MARKS };

/* \w and \s of the reference's regular expressions (Unicode TR 18, annex C). */
static enum class class_of(UChar32 c)
{
    uint32_t mask;

    if (c < 0)
        return MARKS;
    if (u_isUWhiteSpace(c))
        return SPACE;
    mask = U_GET_GC_MASK(c);
    if (mask & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK) || c == 0x200c || c == 0x200d ||
        u_hasBinaryProperty(c, UCHAR_ALPHABETIC))
        return WORD;
    return MARKS;
}

/* The rank of two neighbours; -1: they do not merge. */
static int32_t rank_of(const struct vanta_xtts_text *t, const int32_t *pair)
{
    return wordpiece_table_find(&t->merges, (const char *)pair, 2 * sizeof *pair);
}

/* n characters of one word become *n tokens, in place; ranks has room for as many. */
static void merge_word(const struct vanta_xtts_text *t, int32_t *ids, int32_t *ranks,
                       size_t *n)
{
    size_t i, best;

    for (i = 0; i + 1 < *n; i++)
        ranks[i] = rank_of(t, ids + i);
    for (;;) {
        for (best = *n, i = 0; i + 1 < *n; i++)
            if (ranks[i] >= 0 && (best == *n || ranks[i] < ranks[best]))
                best = i;
        if (best == *n)
            return;
        ids[best] = t->merged[ranks[best]];
        --*n;
        memmove(ids + best + 1, ids + best + 2, (*n - best - 1) * sizeof *ids);
        memmove(ranks + best + 1, ranks + best + 2, (*n - best - 1) * sizeof *ranks);
        if (best + 1 < *n)
            ranks[best] = rank_of(t, ids + best);
        if (best > 0)
            ranks[best - 1] = rank_of(t, ids + best - 1);
    }
}

/* One stretch of a class from *at on; the ids go behind the n that are there. */
static size_t encode_word(const struct vanta_xtts_text *t, const char *text, size_t len,
                          size_t *at, int32_t *ids, int32_t *ranks)
{
    const uint8_t *bytes = (const uint8_t *)text;
    enum class first = SPACE, class;
    int32_t end = (int32_t)len, next = (int32_t)*at, from;
    size_t n = 0;
    UChar32 c;

    while (next < end) {
        from = next;
        U8_NEXT(bytes, next, end, c);
        class = class_of(c);
        if (n == 0 && class != SPACE)
            first = class;
        if ((n > 0 || class != SPACE) &&
            (class != first || (n > 0 && special_at(t, text + from, len - (size_t)from)))) {
            next = from;
            break;
        }
        if (class == SPACE)
            break;
        ids[n] = wordpiece_table_find(&t->tokens, text + from, (size_t)(next - from));
        if (ids[n] < 0)
            ids[n] = t->unknown;
        n++;
    }
    *at = (size_t)next;
    merge_word(t, ids, ranks, &n);
    return n;
}

enum vanta_status vanta_xtts_text_encode(const struct vanta_xtts_text *t, const char *text,
                                         size_t len, int32_t **ids, size_t *n,
                                         struct vanta_error *err)
{
    const struct xtts_special *special;
    int32_t *found, *ranks;
    size_t at = 0;

    if (len > XTTS_ENCODE_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "a sentence of more than %zu bytes",
                          XTTS_ENCODE_MAX);
    found = malloc((len + 1) * sizeof *found); /* a token has a byte at least */
    ranks = malloc((len + 1) * sizeof *ranks);
    if (!found || !ranks) {
        free(found);
        free(ranks);
        return vanta_fail_memory(err);
    }
    for (*n = 0; at < len;) {
        special = special_at(t, text + at, len - at);
        if (special) {
            found[(*n)++] = special->id;
            at += special->len;
        } else {
            *n += encode_word(t, text, len, &at, found + *n, ranks);
        }
    }
    free(ranks);
    *ids = found;
    return VANTA_OK;
}
