#include "models/words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "models/word_error_rate.h"

#define NOTE_MAX 256 /* bytes in brackets that are passed over */

const char *vanta_words_at(const struct vanta_words *words, size_t i)
{
    return words->letters.data + words->list[i].at;
}

enum vanta_status vanta_words_add(struct vanta_words *words, const char *text, size_t len,
                                  bool apart, struct vanta_error *err)
{
    size_t at = words->letters.len;

    if (words->n == VANTA_WORDS_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "a text of more than %d words",
                          VANTA_WORDS_MAX);
    if (words->n == words->capacity) {
        size_t capacity = words->capacity ? 2 * words->capacity : 64;
        struct vanta_word *list = realloc(words->list, capacity * sizeof *list);

        if (!list)
            return vanta_fail_memory(err);
        words->list = list;
        words->capacity = capacity;
    }
    /* Opening a contraction or a sign makes a text longer, but not without end. */
    words->letters.max = 8 * (size_t)VANTA_WORDS_TEXT_MAX;
    if (!vanta_buf_append(&words->letters, text, len) ||
        !vanta_buf_append(&words->letters, "", 1))
        return vanta_fail_memory(err);
    words->list[words->n++] = (struct vanta_word){at, apart};
    return VANTA_OK;
}

void vanta_words_free(struct vanta_words *words)
{
    free(words->list);
    vanta_buf_free(&words->letters);
    *words = (struct vanta_words){0};
}

/* ---- characters ---- */

/* What is neither letter nor digit becomes one of these, so that a step further on bytes
 * are enough: ' ' joins nothing and parts nothing, '|' is any other punctuation. */
#define KEPT_SIGNS " '-.,:$%&+|"

static uint32_t next_char(const char **p)
{
    const unsigned char *s = (const unsigned char *)*p;
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4, i;
    uint32_t c = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));

    for (i = 1; i < len; i++)
        c = c << 6 | (s[i] & 0x3f);
    *p += len;
    return c;
}

static size_t put_char(char *out, uint32_t c)
{
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (i = len; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(first[len] | c);
    return len;
}

static uint32_t fold_case(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
        (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
        return c + 0x20;
    if (c >= 0x400 && c <= 0x40f)
        return c + 0x50;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
        return c + (c & 1);
    if (c >= 0x100 && c <= 0x177 && c != 0x130 && c != 0x131 && c != 0x138 && c != 0x149)
        return c | 1;
    return c;
}

/* The sign that stands for c, or 0 when c belongs to words. */
static char sign_of(uint32_t c)
{
    if (c == '`' || c == 0xb4 || c == 0x2018 || c == 0x2019 || c == 0x2bc)
        return '\'';
    if ((c >= 0x2010 && c <= 0x2015) || c == 0x2212)
        return '-';
    if (c == 0xa0 || (c >= 0x2000 && c <= 0x200b) || c == 0x202f || c == 0x3000)
        return ' ';
    if (c < 0x80) {
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
            return 0;
        return c && strchr(KEPT_SIGNS, (int)c) ? (char)c : '|';
    }
    if ((c < 0xc0 && c != 0xaa && c != 0xb5 && c != 0xba) || c == 0xd7 || c == 0xf7 ||
        (c >= 0x2000 && c <= 0x2bff) || (c >= 0x3000 && c <= 0x303f) ||
        (c >= 0xfe30 && c <= 0xfe4f) || (c >= 0xff00 && c <= 0xff20) || c >= 0x1f000)
        return '|';
    return 0;
}

/* A note in brackets that closes soon: its end, else NULL. */
static const char *note_end(const char *p)
{
    char close = *p == '[' ? ']' : ')';
    size_t i;

    if (*p != '[' && *p != '(')
        return NULL;
    for (i = 1; p[i] && i < NOTE_MAX; i++)
        if (p[i] == close)
            return p + i + 1;
    return NULL;
}

/* A plain copy of text: folded letters, digits and signs. The caller frees. */
static char *simplified(const char *text)
{
    size_t len = strlen(text), used = 0, i;
    char *spaced = vanta_strdup(text), *plain = malloc(len + 1), *out = malloc(len + 1);
    const char *p = plain;

    if (!spaced || !plain || !out) {
        free(out);
        out = NULL;
        goto out;
    }
    for (i = 0; i < len; i++)
        if (spaced[i] >= '\t' && spaced[i] <= '\r')
            spaced[i] = ' ';
    vanta_text_printable(spaced, plain, len + 1); /* valid UTF-8 from here on */
    while (*p) {
        const char *end = note_end(p);
        uint32_t c;
        char sign;

        if (end) {
            out[used++] = '|';
            p = end;
            continue;
        }
        c = next_char(&p);
        sign = sign_of(c);
        if (sign)
            out[used++] = sign;
        else
            used += put_char(out + used, fold_case(c));
    }
    out[used] = '\0';
out:
    free(spaced);
    free(plain);
    return out;
}

/* ---- words ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c & 0x80);
}

static size_t digits_at(const char *p)
{
    size_t n = 0;

    while (is_digit(p[n]))
        n++;
    return n;
}

static size_t letters_at(const char *p)
{
    size_t n = 0;

    while (is_letter(p[n]))
        n++;
    return n;
}

static bool word_is(const char *p, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(p, word, len) == 0;
}

static bool is_one_of(const char *p, size_t len, const char *const *words)
{
    for (; *words; words++)
        if (word_is(p, len, *words))
            return true;
    return false;
}

/* Moves past the number at p; its bytes go to out (room for all of them). */
static size_t read_digits(const char **p, char *out)
{
    static const char *const endings[] = {"st", "nd", "rd", "th", "s", NULL};
    const char *s = *p;
    size_t n = digits_at(s), used = n, letters;

    memcpy(out, s, n);
    s += n;
    while (n <= 3 && *s == ',' && digits_at(s + 1) == 3) { /* 1,250 */
        memcpy(out + used, s + 1, 3);
        used += 3;
        s += 4;
    }
    if (*s == '.' && is_digit(s[1])) {
        n = digits_at(s + 1) + 1;
        memcpy(out + used, s, n);
        used += n;
        s += n;
    } else if (used <= 2 && *s == ':' && digits_at(s + 1) == 2) { /* 7:30 */
        if (s[1] != '0' || s[2] != '0') {
            memcpy(out + used, s + 1, 2);
            used += 2;
        }
        s += 3;
    }
    letters = letters_at(s);
    if (is_one_of(s, letters, endings)) {
        memcpy(out + used, s, letters);
        used += letters;
        s += letters;
    }
    *p = s;
    return used;
}

/* "$5" and "$5 million": the scale comes before the currency when it is spoken. */
static enum vanta_status add_money(struct vanta_words *out, const char **p,
                                   const char *number, size_t len, bool apart,
                                   struct vanta_error *err)
{
    static const char *const scales[] = {"hundred", "thousand", "million", "billion",
                                         NULL};
    enum vanta_status status = vanta_words_add(out, number, len, apart, err);
    const char *s = *p + (**p == ' ');
    size_t letters = letters_at(s);
    bool one = word_is(number, len, "1");

    if (status == VANTA_OK && is_one_of(s, letters, scales)) {
        status = vanta_words_add(out, s, letters, false, err);
        *p = s + letters;
        one = false;
    }
    if (status == VANTA_OK)
        status = vanta_words_add(out, "dollars", one ? 6 : 7, false, err);
    return status;
}

/* Letters with points behind each, "a.m." or "U.S.": how many bytes, 0 when they are no
 * such thing. */
static size_t pointed_letters(const char *p)
{
    size_t n = 0;

    if (!is_letter(p[0]) || p[1] != '.' || letters_at(p + 2) != 1)
        return 0;
    while (letters_at(p + n) == 1 && p[n + 1] == '.')
        n += 2;
    return n + (letters_at(p + n) == 1);
}

static size_t read_letters(const char **p, char *out)
{
    const char *s = *p;
    size_t pointed = pointed_letters(s), used = 0, i;

    for (i = 0; i < pointed; i++)
        if (s[i] != '.')
            out[used++] = s[i];
    *p += pointed;
    if (used)
        return used;
    /* The one apostrophe before letters is the word's own: don't, o'clock. */
    while (is_letter(*s) || (*s == '\'' && is_letter(s[1])))
        out[used++] = *s++;
    *p = s;
    return used;
}

static const char *sign_word(char sign)
{
    switch (sign) {
    case '%':
        return "percent";
    case '&':
        return "and";
    case '+':
        return "plus";
    default:
        return NULL;
    }
}

enum vanta_status vanta_words_split(const char *text, struct vanta_words *out,
                                    struct vanta_error *err)
{
    char *plain = simplified(text), *word = plain ? malloc(strlen(plain) + 1) : NULL;
    enum vanta_status status = word ? VANTA_OK : vanta_fail_memory(err);
    const char *p = plain;
    bool apart = false;

    while (status == VANTA_OK && *p) {
        bool money = *p == '$' && is_digit(p[1]);
        bool below_zero = *p == '-' && is_digit(p[1]) && (p == plain || p[-1] == ' ');
        const char *sign = below_zero ? "minus" : sign_word(*p);
        size_t len;

        if (money || is_digit(*p)) {
            p += money;
            len = read_digits(&p, word);
            status = money ? add_money(out, &p, word, len, apart, err)
                           : vanta_words_add(out, word, len, apart, err);
        } else if (is_letter(*p)) {
            len = read_letters(&p, word);
            status = vanta_words_add(out, word, len, apart, err);
        } else if (sign) {
            p++;
            status = vanta_words_add(out, sign, strlen(sign), apart, err);
        } else {
            apart = apart || !strchr(" -'", *p);
            p++;
            continue;
        }
        apart = false;
    }
    free(word);
    free(plain);
    return status;
}
