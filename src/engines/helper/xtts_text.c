/* xtts_text.c - a text to sentences: cutting it, and what cannot be spoken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include "base/error.h"
#include "base/text.h"
#include "engines/helper/xtts_bpe.h"
#include "engines/helper/xtts_clean.h"

#define TOKENS_DEFAULT 402
#define PIECES_MAX ((size_t)100000)

struct piece {
    const char *text; /* into the prepared text */
    size_t len;       /* bytes */
};

struct preparation {
    const struct vanta_xtts_text *t;
    const struct xtts_language *language;
    struct xtts_cleaner cleaner;
    bool romanized;
    size_t max_tokens, max_characters;
    struct vanta_buf text; /* valid UTF-8, no controls, single spaces */
    struct piece *pieces;
    size_t n_pieces, room;
    struct vanta_xtts_sentences *out;
    size_t out_room;
    bool something; /* a letter or digit was seen */
};

static enum vanta_status icu_failed(UErrorCode code, struct vanta_error *err)
{
    return code == U_MEMORY_ALLOCATION_ERROR
               ? vanta_fail_memory(err)
               : vanta_fail(err, VANTA_ERR_INTERNAL, "reading text: %s",
                            u_errorName(code));
}

bool vanta_xtts_language_known(const char *language)
{
    return xtts_language_find(language) != NULL;
}

static size_t characters(const char *text, size_t len)
{
    size_t n = 0, i;

    for (i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

/* --- the whole text made regular --- */

/* Accents that stand apart from their letters join them: the vocabulary has letters with
 * accents. Not in Hindi, whose composed letters the standard takes apart. */
static enum vanta_status compose(struct vanta_buf *text, struct vanta_error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&code);
    int32_t room = (int32_t)text->len + 1, n = 0, len = 0;
    UChar *units = malloc((size_t)room * sizeof *units);
    UChar *composed = malloc((size_t)room * 3 * sizeof *composed);
    struct vanta_buf out = VANTA_BUF(text->max);

    if (units && composed) {
        u_strFromUTF8(units, room, &n, text->data, (int32_t)text->len, &code);
        len = unorm2_normalize(nfc, units, n, composed, room * 3, &code);
    }
    if (units && composed && U_SUCCESS(code) &&
        vanta_buf_reserve(&out, (size_t)len * 3 + 1)) {
        u_strToUTF8(out.data, len * 3 + 1, &n, composed, len, &code);
        out.len = (size_t)n;
        vanta_buf_free(text);
        *text = out;
        out = VANTA_BUF(0);
    } else if (U_SUCCESS(code)) {
        code = U_MEMORY_ALLOCATION_ERROR;
    }
    free(units);
    free(composed);
    vanta_buf_free(&out);
    return U_SUCCESS(code) ? VANTA_OK : icu_failed(code, err);
}

/* What is not UTF-8 and controls go; white space becomes one space, or one new line where
 * an empty line parts paragraphs. */
static enum vanta_status regularize(struct preparation *p, const char *text, size_t len,
                                    struct vanta_error *err)
{
    const uint8_t *bytes = (const uint8_t *)text;
    int32_t at = 0, from, end = (int32_t)len;
    int newlines = 0;
    bool space = false, ok = true;
    UChar32 c;

    p->text = VANTA_BUF(VANTA_XTTS_TEXT_MAX * 3 + 64);
    while (ok && at < end) {
        from = at;
        U8_NEXT(bytes, at, end, c);
        if (c >= 0 && u_isUWhiteSpace(c)) {
            newlines += c == '\n' || c == 0x2029;
            space = true;
            continue;
        }
        if (c <= 0 || c == 0xfffd || c == 0xfeff || u_charType(c) == U_CONTROL_CHAR)
            continue;
        if (space && p->text.len > 0)
            ok = vanta_buf_puts(&p->text, newlines > 1 ? "\n" : " ");
        space = false;
        newlines = 0;
        ok = ok && vanta_buf_append(&p->text, text + from, (size_t)(at - from));
    }
    if (!ok)
        return vanta_fail_memory(err);
    if (p->text.len == 0)
        return vanta_fail(err, VANTA_ERR_USAGE, "there is no text to speak");
    return strcmp(p->language->code, "hi") == 0 ? VANTA_OK : compose(&p->text, err);
}

/* --- pieces --- */

static enum vanta_status add_piece(struct preparation *p, const char *text, size_t len,
                                   struct vanta_error *err)
{
    while (len > 0 && (*text == ' ' || *text == '\n')) {
        text++;
        len--;
    }
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\n'))
        len--;
    if (len == 0)
        return VANTA_OK;
    if (p->n_pieces == PIECES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "the text has too many sentences");
    if (p->n_pieces == p->room) {
        size_t room = p->room ? p->room * 2 : 64;
        void *more = realloc(p->pieces, room * sizeof *p->pieces);

        if (!more)
            return vanta_fail_memory(err);
        p->pieces = more;
        p->room = room;
    }
    p->pieces[p->n_pieces++] = (struct piece){text, len};
    return VANTA_OK;
}

static bool is_clause_end(UChar32 c)
{
    return c == ',' || c == ';' || c == ':' || c == 0x2013 || c == 0x2014 || c == 0x2026 ||
           c == ')' || c == 0x60c || c == 0x61b || c == '.' || c == '!' || c == '?' ||
           c == 0x964;
}

/* Where to cut so that at most max characters (1 or more) stand before: behind the last
 * clause that is not too short, else at the last space, else where it is full. */
static size_t cut_at(const char *text, size_t len, size_t max)
{
    const uint8_t *bytes = (const uint8_t *)text;
    int32_t at = 0, end = (int32_t)len;
    size_t n = 0, clause = 0, space = 0;
    bool ended = false;
    UChar32 c;

    while (at < end && n < max) {
        int32_t from = at;

        U8_NEXT(bytes, at, end, c);
        n++;
        if ((c == ' ' || c == '\n') && from > 0) {
            space = (size_t)from;
            if (ended && n > max / 3)
                clause = (size_t)from;
        }
        ended = is_clause_end(c);
    }
    if ((size_t)at == len)
        return len;
    if (text[at] == ' ' || text[at] == '\n') { /* the last word just fits */
        space = (size_t)at;
        clause = ended ? space : clause;
    }
    return clause ? clause : space ? space : (size_t)at;
}

/* A sentence, or several that fit together. */
static enum vanta_status add_sentences(struct preparation *p, const char *text, size_t len,
                                       struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;

    while (status == VANTA_OK && len > 0) {
        size_t cut = cut_at(text, len, p->max_characters);

        status = add_piece(p, text, cut, err);
        for (; cut < len && (text[cut] == ' ' || text[cut] == '\n'); cut++)
            ;
        text += cut;
        len -= cut;
    }
    return status;
}

/* "Mr. Smith", "J. Smith", "3. Artikel": the dot before end is no end of a sentence. */
static bool is_no_end(const struct xtts_language *l, const char *text, size_t end)
{
    const struct xtts_pair *pair = l->abbreviations;
    size_t from, n;

    while (end > 0 && text[end - 1] == ' ')
        end--;
    if (end < 2 || text[end - 1] != '.')
        return false;
    for (from = --end; from > 0 && !strchr(" \n(\"'-.", text[from - 1]);)
        from--;
    n = end - from;
    if (n > 0 && strspn(text + from, "0123456789") >= n)
        return l->ordinal && (strstr(l->ordinal, "\\.") || strcmp(l->code, "pl") == 0);
    if (n > 0 && characters(text + from, n) == 1 && n <= 2)
        return true;
    for (; pair && l->abbreviation_dot && pair->from; pair++) {
        char word[32];

        if (vanta_format(word, sizeof word, "%.*s", (int)n, text + from) &&
            vanta_streq_nocase(word, pair->from))
            return true;
    }
    return false;
}

/* Sentences are gathered as long as they fit into one piece. */
static enum vanta_status gather(struct preparation *p, UBreakIterator *breaks,
                                struct vanta_error *err)
{
    const char *text = p->text.data;
    size_t start = 0, taken = 0, n = 0;
    enum vanta_status status = VANTA_OK;
    int32_t end;

    while (status == VANTA_OK && (end = ubrk_next(breaks)) != UBRK_DONE) {
        size_t more, to = (size_t)end;

        if (to < p->text.len && is_no_end(p->language, text, to))
            continue;
        more = characters(text + taken, to - taken);
        if (n > 0 && n + more > p->max_characters + 1) {
            status = add_sentences(p, text + start, taken - start, err);
            start = taken;
            n = 0;
        }
        n += more;
        taken = to;
    }
    if (status == VANTA_OK)
        status = add_sentences(p, text + start, p->text.len - start, err);
    return status;
}

static enum vanta_status cut(struct preparation *p, struct vanta_error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    UText over = UTEXT_INITIALIZER;
    UBreakIterator *breaks = NULL;
    enum vanta_status status;

    if (characters(p->text.data, p->text.len) <= p->max_characters)
        return add_piece(p, p->text.data, p->text.len, err);
    utext_openUTF8(&over, p->text.data, (int64_t)p->text.len, &code);
    breaks = ubrk_open(UBRK_SENTENCE, p->language->code, NULL, 0, &code);
    if (U_SUCCESS(code))
        ubrk_setUText(breaks, &over, &code);
    status = U_SUCCESS(code) ? gather(p, breaks, err) : icu_failed(code, err);
    ubrk_close(breaks);
    utext_close(&over);
    return status;
}

/* --- a piece to a sentence --- */

static bool is_sayable(const char *text, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)text;
    int32_t at = 0, end = (int32_t)len;
    UChar32 c;

    while (at < end) {
        U8_NEXT(bytes, at, end, c);
        if (c >= 0 && u_isalnum(c))
            return true;
    }
    return false;
}

static enum vanta_status encode(struct preparation *p, const char *cleaned, int32_t **ids,
                                size_t *n, struct vanta_error *err)
{
    struct vanta_buf whole = VANTA_BUF(XTTS_ENCODE_MAX * 8);
    enum vanta_status status = VANTA_OK;

    if (!vanta_buf_puts(&whole, p->language->token) || !vanta_buf_puts(&whole, cleaned))
        status = vanta_fail_memory(err);
    if (status == VANTA_OK)
        status = xtts_replace(&whole, " ", "[SPACE]", err);
    if (status == VANTA_OK)
        status = vanta_xtts_text_encode(p->t, whole.data, whole.len, ids, n, err);
    vanta_buf_free(&whole);
    return status;
}

/* Letters, digits and signs; not what leads the voice or the eye alone. */
static bool is_said(UChar32 c)
{
    return c >= 0 &&
           !(U_GET_GC_MASK(c) & (U_GC_P_MASK | U_GC_Z_MASK | U_GC_C_MASK | U_GC_SK_MASK)) &&
           !u_hasBinaryProperty(c, UCHAR_VARIATION_SELECTOR);
}

static void note_unknown(struct preparation *p, const char *cleaned, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)cleaned;
    char *named = p->out->unknown, character[5];
    int32_t at = 0, from, end = (int32_t)len;
    UChar32 c;

    while (at < end) {
        from = at;
        U8_NEXT(bytes, at, end, c);
        if (!is_said(c) ||
            wordpiece_table_find(&p->t->tokens, cleaned + from, (size_t)(at - from)) >= 0)
            continue;
        p->out->n_unknown++;
        snprintf(character, sizeof character, "%.*s", (int)(at - from), cleaned + from);
        if (characters(named, strlen(named)) < VANTA_XTTS_UNKNOWN_MAX &&
            !strstr(named, character))
            strcat(named, character);
    }
}

/* Takes ids and the text of cleaned. */
static enum vanta_status add_sentence(struct preparation *p, const struct piece *piece,
                                      struct vanta_buf *cleaned, int32_t *ids, size_t n,
                                      struct vanta_error *err)
{
    if (p->out->n_sentences == p->out_room) {
        size_t room = p->out_room ? p->out_room * 2 : 16;
        void *more = realloc(p->out->sentences, room * sizeof *p->out->sentences);

        if (!more) {
            free(ids);
            return vanta_fail_memory(err);
        }
        p->out->sentences = more;
        p->out_room = room;
    }
    note_unknown(p, cleaned->data, cleaned->len);
    p->out->sentences[p->out->n_sentences++] = (struct vanta_xtts_sentence){
        .ids = ids,
        .n_ids = n,
        .n_characters = characters(piece->text, piece->len),
        .cleaned = cleaned->data};
    cleaned->data = NULL;
    return VANTA_OK;
}

static enum vanta_status speak_piece(struct preparation *p, struct piece piece,
                                     struct vanta_error *err);

/* Numbers grow when they become words: a piece too long for the model is two. */
static enum vanta_status speak_halves(struct preparation *p, struct piece piece,
                                      struct vanta_error *err)
{
    size_t n = characters(piece.text, piece.len);
    size_t half = cut_at(piece.text, piece.len, n / 2 + 1);
    enum vanta_status status;

    if (n < 2 || half >= piece.len)
        return vanta_fail(err, VANTA_ERR_LIMIT,
                          "a single character of the text has too many tokens");
    status = speak_piece(p, (struct piece){piece.text, half}, err);
    if (status == VANTA_OK)
        status = speak_piece(p, (struct piece){piece.text + half, piece.len - half}, err);
    return status;
}

static enum vanta_status speak_piece(struct preparation *p, struct piece piece,
                                     struct vanta_error *err)
{
    struct vanta_buf cleaned = VANTA_BUF(0);
    int32_t *ids = NULL;
    size_t n = 0;
    enum vanta_status status = (p->romanized ? xtts_clean_plain : xtts_clean)(
        &p->cleaner, piece.text, piece.len, &cleaned, err);
    bool fits = false;

    if (status == VANTA_OK && is_sayable(cleaned.data, cleaned.len)) {
        p->something = true;
        /* A token has a character at least, so what is far too long is not tried. */
        fits = cleaned.len < XTTS_ENCODE_MAX / 8;
        if (fits)
            status = encode(p, cleaned.data, &ids, &n, err);
        fits = fits && n < p->max_tokens;
        if (status == VANTA_OK && fits) {
            status = add_sentence(p, &piece, &cleaned, ids, n, err);
            ids = NULL;
        } else if (status == VANTA_OK) {
            status = speak_halves(p, piece, err);
        }
    }
    free(ids);
    vanta_buf_free(&cleaned);
    return status;
}

/* --- what cannot be spoken --- */

/* Of romanized text: other letters, and digits but for the tones of Chinese. */
static enum vanta_status check_romanized(const struct preparation *p,
                                         struct vanta_error *err)
{
    const uint8_t *bytes = (const uint8_t *)p->text.data;
    bool tones = strcmp(p->language->code, "zh") == 0, letter = false;
    int32_t at = 0, from, end = (int32_t)p->text.len;
    UChar32 c;

    while (at < end) {
        from = at;
        U8_NEXT(bytes, at, end, c);
        if (u_isdigit(c) && !(tones && letter && c >= '1' && c <= '5')) {
            vanta_fail(err, VANTA_ERR_USAGE,
                       "digits are not read in romanized %s: '%.*s'", p->language->point,
                       (int)(at - from), p->text.data + from);
            vanta_hint(err, "Write numbers as words, in Latin letters.");
            return VANTA_ERR_USAGE;
        }
        letter = u_isalpha(c) || u_isdigit(c);
        if (u_hasBinaryProperty(c, UCHAR_IDEOGRAPHIC) ||
            (c >= 0x3040 && c <= 0x30ff) || (c >= 0xac00 && c <= 0xd7a3) ||
            (c >= 0x1100 && c <= 0x11ff)) {
            vanta_fail(err, VANTA_ERR_USAGE,
                       "the text is not romanized %s: it has '%.*s'", p->language->point,
                       (int)(at - from), p->text.data + from);
            vanta_hint(err, "Every word has to be in Latin letters.");
            return VANTA_ERR_USAGE;
        }
    }
    return VANTA_OK;
}

/* Which languages this model has a token for. */
static void hint_languages(const struct preparation *p, struct vanta_error *err)
{
    static const char codes[][3] = {"ar", "cs", "de", "en", "es", "fr", "hi", "hu", "it",
                                    "nl", "pl", "pt", "ru", "tr", "ja", "ko", "zh"};
    char list[128] = "";
    size_t i, n = 0;

    for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        const struct xtts_language *l = xtts_language_find(codes[i]);

        if (xtts_special_id(p->t, l->token) >= 0)
            n += (size_t)snprintf(list + n, sizeof list - n, " %s%s", codes[i],
                                  l->ordinal ? "" : " (romanized)");
    }
    vanta_hint(err, "Its languages:%s", n > 0 ? list : " none that vanta can read");
}

static enum vanta_status check_language(struct preparation *p, const char *name,
                                        struct vanta_error *err)
{
    if (!p->language || xtts_special_id(p->t, p->language->token) < 0) {
        vanta_fail(err, VANTA_ERR_UNSUPPORTED, "the model does not speak \"%s\"", name);
        hint_languages(p, err);
        return VANTA_ERR_UNSUPPORTED;
    }
    if (!p->language->ordinal && !p->romanized) {
        vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                   "%s text needs a dictionary to be read, which vanta does not have",
                   p->language->point);
        vanta_hint(err, "--romanized takes text that is in Latin letters already%s.",
                   strcmp(p->language->code, "zh") == 0
                       ? " (pinyin with tones: ni3hao3)"
                       : "");
        return VANTA_ERR_UNSUPPORTED;
    }
    if (p->language->ordinal && p->romanized) {
        vanta_fail(err, VANTA_ERR_USAGE,
                   "--romanized is for ja, ko and zh, and the language is \"%s\"", name);
        vanta_hint(err, "Leave it out, or say by --language which of them the text is of.");
        return VANTA_ERR_USAGE;
    }
    return VANTA_OK;
}

/* Sentences in a script that the model has no letters of would be noise. */
static enum vanta_status check_known(const struct preparation *p, struct vanta_error *err)
{
    const struct vanta_xtts_sentences *s = p->out;
    int32_t space = xtts_special_id(p->t, "[SPACE]");
    size_t i, k;

    if (!p->something) {
        return vanta_fail(err, VANTA_ERR_USAGE,
                          "there is nothing to speak: the text has no letter and no "
                          "digit");
    }
    for (i = 0; i < s->n_sentences; i++)
        for (k = 1; k < s->sentences[i].n_ids; k++)
            if (s->sentences[i].ids[k] != p->t->unknown &&
                s->sentences[i].ids[k] != space)
                return VANTA_OK;
    vanta_fail(err, VANTA_ERR_USAGE, "the model knows none of the text's letters");
    vanta_hint(err, "Is the text of the language \"%s\"? --language says which it is.",
               p->language->code);
    return VANTA_ERR_USAGE;
}

enum vanta_status vanta_xtts_text_prepare(const struct vanta_xtts_text *t,
                                          const char *text, size_t len,
                                          const struct vanta_xtts_text_options *options,
                                          struct vanta_xtts_sentences *out,
                                          struct vanta_error *err)
{
    struct preparation p = {.t = t,
                            .language = xtts_language_find(options->language),
                            .romanized = options->romanized};
    enum vanta_status status;
    size_t i;

    memset(out, 0, sizeof *out);
    p.out = out;
    if (len > VANTA_XTTS_TEXT_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "the text is longer than 1 MiB");
    status = check_language(&p, options->language, err);
    if (status != VANTA_OK)
        return status;
    p.max_tokens = options->max_tokens ? options->max_tokens : TOKENS_DEFAULT;
    p.max_characters =
        options->max_characters ? options->max_characters : p.language->characters_max;
    status = regularize(&p, text, len, err);
    if (status == VANTA_OK && p.romanized)
        status = check_romanized(&p, err);
    if (status == VANTA_OK)
        status = xtts_cleaner_open(&p.cleaner, p.language, err);
    if (status == VANTA_OK)
        status = cut(&p, err);
    for (i = 0; i < p.n_pieces && status == VANTA_OK; i++)
        status = speak_piece(&p, p.pieces[i], err);
    if (status == VANTA_OK)
        status = check_known(&p, err);
    if (status != VANTA_OK)
        vanta_xtts_sentences_free(out);
    xtts_cleaner_close(&p.cleaner);
    free(p.pieces);
    vanta_buf_free(&p.text);
    return status;
}

void vanta_xtts_sentences_free(struct vanta_xtts_sentences *speech)
{
    size_t i;

    for (i = 0; i < speech->n_sentences; i++) {
        free(speech->sentences[i].ids);
        free(speech->sentences[i].cleaned);
    }
    free(speech->sentences);
    memset(speech, 0, sizeof *speech);
}

enum vanta_status vanta_xtts_text_clean(const char *language, const char *text, size_t len,
                                        char **out, struct vanta_error *err)
{
    const struct xtts_language *l = xtts_language_find(language);
    struct preparation p = {.language = l};
    struct vanta_buf cleaned = VANTA_BUF(0);
    enum vanta_status status;

    if (!l || !l->ordinal)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED, "no rules for \"%s\"", language);
    if (len > VANTA_XTTS_TEXT_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "the text is longer than 1 MiB");
    status = regularize(&p, text, len, err);
    if (status == VANTA_OK)
        status = xtts_cleaner_open(&p.cleaner, l, err);
    if (status == VANTA_OK)
        status = xtts_clean(&p.cleaner, p.text.data, p.text.len, &cleaned, err);
    if (status == VANTA_OK)
        *out = cleaned.data;
    else
        vanta_buf_free(&cleaned);
    xtts_cleaner_close(&p.cleaner);
    vanta_buf_free(&p.text);
    return status;
}
