#include "engines/helper/wordpiece.h"

#include <stdlib.h>
#include <string.h>

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "base/buf.h"
#include "base/error.h"
#include "engines/helper/wordpiece_private.h"

#define STRETCH_BYTES ((size_t)16 * 1024) /* normalized at once, up to white space */
#define WORD_START "\xe2\x96\x81"         /* U+2581 */

/* Texts that are tokens wherever they stand, the longest first. */
struct finder {
    struct wordpiece_slot *texts;
    size_t n;
    bool first[256]; /* bytes that one of them begins with */
    char *owned;     /* their bytes, where they are not the vocabulary's */
};

struct vanta_wordpiece {
    char *bytes; /* of all tokens */
    struct wordpiece_table starts, rests;
    struct finder special, added;
    bool stretches; /* a text may be cut at white space: no special token has any */
    struct wordpiece_normalizer normalizer;
    int32_t first, last, unknown;
};

/* One call of encode. */
struct encoding {
    const struct vanta_wordpiece *w;
    int32_t *ids;
    size_t n, room; /* room for pieces; the last id comes behind */
    bool cut;
    struct wordpiece_scratch scratch;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int longer_first(const void *a, const void *b)
{
    const struct wordpiece_slot *x = a, *y = b;

    if (x->len != y->len)
        return x->len > y->len ? -1 : 1;
    return (y->id > x->id) - (y->id < x->id);
}

static enum vanta_status finder_make(struct finder *f,
                                     const struct vanta_wordpiece_options *o,
                                     int32_t kind, struct vanta_error *err)
{
    size_t i, n = 0;

    for (i = 0; i < o->n_tokens; i++)
        n += o->tokens[i].kind == kind;
    if (n > VANTA_WORDPIECE_SPECIAL_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "the vocabulary has %zu special tokens; "
                          "at most %d can be used", n, VANTA_WORDPIECE_SPECIAL_MAX);
    f->texts = calloc(n ? n : 1, sizeof *f->texts);
    return f->texts ? VANTA_OK : vanta_fail_memory(err);
}

static void finder_add(struct finder *f, const char *text, size_t len, int32_t id)
{
    if (len == 0)
        return;
    f->texts[f->n++] = (struct wordpiece_slot){text, (uint32_t)len, id};
    f->first[(uint8_t)text[0]] = true;
}

/* The token at the start of text; NULL when there is none. */
static const struct wordpiece_slot *finder_match(const struct finder *f, const char *text,
                                                 size_t len)
{
    size_t i;

    if (!f->first[(uint8_t)text[0]])
        return NULL;
    for (i = 0; i < f->n; i++)
        if (f->texts[i].len <= len && memcmp(f->texts[i].text, text, f->texts[i].len) == 0)
            return &f->texts[i];
    return NULL;
}

/* Puts a token into the table or list it is found by. text is the object's own copy. */
static void add_token(struct vanta_wordpiece *w, enum vanta_wordpiece_form form,
                      const char *text, size_t len, int32_t kind, int32_t id)
{
    static const char start[] = WORD_START;
    const char *mark = form == VANTA_WORDPIECE_GGUF ? start : "##";
    size_t mark_len = strlen(mark);
    bool marked = len >= mark_len && memcmp(text, mark, mark_len) == 0;

    if (kind == VANTA_WORDPIECE_SPECIAL) {
        size_t i;

        for (i = 0; i < len; i++)
            if (is_space(text[i]))
                w->stretches = false;
        finder_add(&w->special, text, len, id);
        return;
    }
    if (marked) {
        text += mark_len;
        len -= mark_len;
    }
    if (kind == VANTA_WORDPIECE_ADDED)
        finder_add(&w->added, text, len, id);
    else if (kind != VANTA_WORDPIECE_UNUSED && len > 0)
        wordpiece_table_put(marked == (form == VANTA_WORDPIECE_GGUF) ? &w->starts
                                                                     : &w->rests,
                            text, len, id);
}

/* Added tokens are compared with normalized text, so they are normalized themselves; one
 * of which nothing is left is never found. */
static enum vanta_status normalize_added(struct vanta_wordpiece *w,
                                         struct vanta_error *err)
{
    struct wordpiece_scratch scratch = {.clean = NULL};
    struct vanta_buf bytes =
        VANTA_BUF(VANTA_WORDPIECE_SPECIAL_MAX * VANTA_WORDPIECE_TOKEN_BYTES_MAX * 4);
    struct finder *f = &w->added;
    enum vanta_status status = VANTA_OK;
    size_t i, n = 0, at = 0;

    for (i = 0; status == VANTA_OK && i < f->n; i++) {
        status = wordpiece_normalize(&w->normalizer, f->texts[i].text, f->texts[i].len,
                                     &scratch, err);
        if (status == VANTA_OK && !vanta_buf_append(&bytes, scratch.text, scratch.len))
            status = vanta_fail_memory(err);
        f->texts[i].len = (uint32_t)scratch.len;
    }
    wordpiece_scratch_free(&scratch);
    f->owned = bytes.data;
    memset(f->first, 0, sizeof f->first);
    for (i = 0; status == VANTA_OK && i < f->n; i++) {
        struct wordpiece_slot slot = f->texts[i];

        slot.text = f->owned + at;
        at += slot.len;
        if (slot.len == 0)
            continue;
        if (memchr(slot.text, ' ', slot.len))
            w->stretches = false;
        f->first[(uint8_t)slot.text[0]] = true;
        f->texts[n++] = slot;
    }
    f->n = status == VANTA_OK ? n : 0;
    return status;
}

static enum vanta_status check(const struct vanta_wordpiece_options *o,
                               struct vanta_error *err)
{
    const int32_t ids[] = {o->first, o->last, o->unknown};
    size_t i;

    if (o->n_tokens == 0 || o->n_tokens > VANTA_WORDPIECE_TOKENS_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "a vocabulary of %zu tokens; 1 to %zu can "
                          "be used", o->n_tokens, VANTA_WORDPIECE_TOKENS_MAX);
    for (i = 0; i < 3; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= o->n_tokens)
            return vanta_fail(err, VANTA_ERR_FORMAT, "the special token %ld is not in the "
                              "vocabulary of %zu tokens", (long)ids[i], o->n_tokens);
    for (i = 0; i < o->n_tokens; i++)
        if (o->tokens[i].len > VANTA_WORDPIECE_TOKEN_BYTES_MAX)
            return vanta_fail(err, VANTA_ERR_LIMIT, "token %zu of the vocabulary has %zu "
                              "bytes; at most %d can be used", i, o->tokens[i].len,
                              VANTA_WORDPIECE_TOKEN_BYTES_MAX);
    return VANTA_OK;
}

static enum vanta_status take_tokens(struct vanta_wordpiece *w,
                                     const struct vanta_wordpiece_options *o,
                                     struct vanta_error *err)
{
    size_t bytes = 0, i;
    char *at;

    for (i = 0; i < o->n_tokens; i++)
        bytes += o->tokens[i].len;
    w->bytes = at = malloc(bytes ? bytes : 1);
    if (!at)
        return vanta_fail_memory(err);
    for (i = 0; i < o->n_tokens; i++) {
        const struct vanta_wordpiece_token *t = &o->tokens[i];

        if (t->len)
            memcpy(at, t->text, t->len);
        add_token(w, o->form, at, t->len, t->kind, (int32_t)i);
        at += t->len;
    }
    return VANTA_OK;
}

static enum vanta_status find_nfd(struct vanta_wordpiece *w, struct vanta_error *err)
{
    UErrorCode code = U_ZERO_ERROR;

    w->normalizer.nfd = unorm2_getNFDInstance(&code);
    if (U_SUCCESS(code))
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_UNSUPPORTED, "ICU has no normalizer: %s", u_errorName(code));
    vanta_hint(err, "the data of the ICU library is missing or cannot be read");
    return VANTA_ERR_UNSUPPORTED;
}

enum vanta_status vanta_wordpiece_new(const struct vanta_wordpiece_options *options,
                                      struct vanta_wordpiece **out,
                                      struct vanta_error *err)
{
    struct vanta_wordpiece *w;
    enum vanta_status status = check(options, err);

    *out = NULL;
    if (status != VANTA_OK)
        return status;
    w = calloc(1, sizeof *w);
    if (!w)
        return vanta_fail_memory(err);
    w->stretches = true;
    w->normalizer.lowercase = options->lowercase;
    w->first = options->first;
    w->last = options->last;
    w->unknown = options->unknown;
    if (options->strip_accents)
        status = find_nfd(w, err);
    if (status == VANTA_OK)
        status = wordpiece_table_make(&w->starts, options->n_tokens, err);
    if (status == VANTA_OK)
        status = wordpiece_table_make(&w->rests, options->n_tokens, err);
    if (status == VANTA_OK)
        status = finder_make(&w->special, options, VANTA_WORDPIECE_SPECIAL, err);
    if (status == VANTA_OK)
        status = finder_make(&w->added, options, VANTA_WORDPIECE_ADDED, err);
    if (status == VANTA_OK)
        status = take_tokens(w, options, err);
    if (status == VANTA_OK)
        status = normalize_added(w, err);
    if (status != VANTA_OK) {
        vanta_wordpiece_free(w);
        return status;
    }
    qsort(w->special.texts, w->special.n, sizeof *w->special.texts, longer_first);
    qsort(w->added.texts, w->added.n, sizeof *w->added.texts, longer_first);
    *out = w;
    return VANTA_OK;
}

void vanta_wordpiece_free(struct vanta_wordpiece *w)
{
    if (!w)
        return;
    wordpiece_table_free(&w->starts);
    wordpiece_table_free(&w->rests);
    free(w->special.texts);
    free(w->added.texts);
    free(w->added.owned);
    free(w->bytes);
    free(w);
}

static void push(struct encoding *e, int32_t id)
{
    if (e->n == e->room)
        e->cut = true;
    else
        e->ids[e->n++] = id;
}

/* The longest piece of the table at the start of text: its id, and *len its bytes. */
static int32_t longest_piece(const struct wordpiece_table *t, const char *text,
                             size_t *len)
{
    size_t n = *len < t->longest ? *len : t->longest;

    for (; n > 0; n--) {
        int32_t id;

        if (n < *len && U8_IS_TRAIL(text[n]))
            continue; /* in the middle of a character */
        id = wordpiece_table_find(t, text, n);
        if (id >= 0) {
            *len = n;
            return id;
        }
    }
    return -1;
}

static bool is_too_long(const char *text, size_t len)
{
    size_t i, characters = 0;

    for (i = 0; i < len && characters <= VANTA_WORDPIECE_WORD_MAX; i++)
        characters += !U8_IS_TRAIL(text[i]);
    return characters > VANTA_WORDPIECE_WORD_MAX;
}

static void push_word(struct encoding *e, const char *text, size_t len)
{
    const struct vanta_wordpiece *w = e->w;
    int32_t pieces[VANTA_WORDPIECE_WORD_MAX];
    size_t at = 0, n = 0, i;

    if (len == 0)
        return;
    if (is_too_long(text, len)) {
        push(e, w->unknown);
        return;
    }
    while (at < len) {
        size_t piece = len - at;

        pieces[n] = longest_piece(at ? &w->rests : &w->starts, text + at, &piece);
        if (pieces[n] < 0) {
            push(e, w->unknown);
            return;
        }
        n++;
        at += piece;
    }
    for (i = 0; i < n && !e->cut; i++)
        push(e, pieces[i]);
}

static bool is_punctuation(UChar32 c)
{
    if (c < 0x80)
        return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
               (c >= 123 && c <= 126);
    return (wordpiece_category(c) & U_GC_P_MASK) != 0;
}

static bool is_white(UChar32 c)
{
    return c == ' ' || (c >= 0x80 && u_isUWhiteSpace(c));
}

/* Normalized text to words, marks and added tokens. */
static void push_normalized(struct encoding *e, const char *text, size_t len)
{
    int32_t at = 0, end = (int32_t)len, start = 0;

    while (at < end && !e->cut) {
        const struct wordpiece_slot *added =
            finder_match(&e->w->added, text + at, (size_t)(end - at));
        int32_t before = at;
        UChar32 c;

        if (added) {
            push_word(e, text + start, (size_t)(at - start));
            push(e, added->id);
            start = at += (int32_t)added->len;
            continue;
        }
        U8_NEXT_UNSAFE(text, at, c);
        if (!is_white(c) && !is_punctuation(c))
            continue;
        push_word(e, text + start, (size_t)(before - start));
        if (!is_white(c))
            push_word(e, text + before, (size_t)(at - before));
        start = at;
    }
    if (!e->cut)
        push_word(e, text + start, (size_t)(end - start));
}

static enum vanta_status push_text(struct encoding *e, const char *text, size_t len,
                                   struct vanta_error *err)
{
    enum vanta_status status =
        wordpiece_normalize(&e->w->normalizer, text, len, &e->scratch, err);

    if (status == VANTA_OK)
        push_normalized(e, e->scratch.text, e->scratch.len);
    return status;
}

/* Text as it came: special tokens, and what is between them. */
static enum vanta_status push_stretch(struct encoding *e, const char *text, size_t len,
                                      struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t start = 0, at = 0;

    while (status == VANTA_OK && at < len && !e->cut) {
        const struct wordpiece_slot *special =
            finder_match(&e->w->special, text + at, len - at);

        if (!special) {
            at++;
            continue;
        }
        status = push_text(e, text + start, at - start, err);
        if (status == VANTA_OK && !e->cut)
            push(e, special->id);
        start = at += special->len;
    }
    if (status == VANTA_OK && !e->cut)
        status = push_text(e, text + start, len - start, err);
    return status;
}

enum vanta_status vanta_wordpiece_encode(const struct vanta_wordpiece *w,
                                         const char *text, size_t len, int32_t *ids,
                                         size_t room, size_t *n, bool *cut,
                                         struct vanta_error *err)
{
    struct encoding e = {.w = w, .ids = ids, .n = 1, .room = room - 1};
    enum vanta_status status = VANTA_OK;
    size_t at = 0;

    if (room < 2)
        return vanta_fail(err, VANTA_ERR_USAGE, "room for %zu tokens; a text takes at "
                          "least 2", room);
    if (len > VANTA_WORDPIECE_TEXT_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "a text of %zu bytes; at most %zu can be "
                          "used", len, VANTA_WORDPIECE_TEXT_MAX);
    ids[0] = w->first;
    while (status == VANTA_OK && at < len && !e.cut) {
        size_t end = w->stretches && len - at > STRETCH_BYTES ? at + STRETCH_BYTES : len;

        while (end < len && !is_space(text[end]))
            end++;
        status = push_stretch(&e, text + at, end - at, err);
        at = end;
    }
    wordpiece_scratch_free(&e.scratch);
    if (status != VANTA_OK)
        return status;
    ids[e.n] = w->last;
    *n = e.n + 1;
    if (cut)
        *cut = e.cut;
    return VANTA_OK;
}
