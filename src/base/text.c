#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length of the UTF-8 character at s (1 to 4) with its code point, 0 when it is not
 * valid: overlong forms, surrogates and values past U+10FFFF are not. */
static size_t utf8_decode(const unsigned char *s, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len, i;
    uint32_t c;

    if (s[0] < 0x80) {
        *code = s[0];
        return 1;
    }
    if ((s[0] & 0xe0) == 0xc0)
        len = 2, c = s[0] & 0x1f;
    else if ((s[0] & 0xf0) == 0xe0)
        len = 3, c = s[0] & 0x0f;
    else if ((s[0] & 0xf8) == 0xf0)
        len = 4, c = s[0] & 0x07;
    else
        return 0;
    for (i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *code = c;
    return len;
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e ||
           c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
           c == 0xfeff;
}

size_t vanta_text_printable(const char *in, char *out, size_t size)
{
    const unsigned char *s = (const unsigned char *)in;
    size_t used = 0;

    while (*s) {
        uint32_t code;
        size_t len = utf8_decode(s, &code);
        bool bad = len == 0 || is_control(code);
        size_t step = len ? len : 1, need = bad ? 1 : len;

        if (used + need >= size)
            break;
        if (bad)
            out[used] = '?';
        else
            memcpy(out + used, s, len);
        used += need;
        s += step;
    }
    out[used] = '\0';
    return used;
}

size_t vanta_text_characters(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t characters = 0;

    for (; *s; characters++) {
        uint32_t code;
        size_t len = utf8_decode(s, &code);

        if (len == 0)
            return SIZE_MAX;
        s += len;
    }
    return characters;
}

static bool is_wide(uint32_t c)
{
    return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
           (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
           (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) ||
           (c >= 0x20000 && c <= 0x3fffd);
}

static bool is_combining(uint32_t c)
{
    return (c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200d) ||
           (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0x20d0 && c <= 0x20ff);
}

size_t vanta_text_columns(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t columns = 0;

    while (*s) {
        uint32_t code = '?';
        size_t len = utf8_decode(s, &code);

        columns += is_combining(code) ? 0 : is_wide(code) ? 2 : 1;
        s += len ? len : 1;
    }
    return columns;
}

const char *vanta_size_text(uint64_t bytes, char out[VANTA_SIZE_TEXT_MAX])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1000;
        unit++;
    }
    if (unit == 0 || value >= 99.95)
        snprintf(out, VANTA_SIZE_TEXT_MAX, "%.0f %s", value, units[unit]);
    else if (value >= 9.995)
        snprintf(out, VANTA_SIZE_TEXT_MAX, "%.1f %s", value, units[unit]);
    else
        snprintf(out, VANTA_SIZE_TEXT_MAX, "%.2f %s", value, units[unit]);
    return out;
}

static int unit_power(char c)
{
    switch (c | 0x20) {
    case 'k':
        return 1;
    case 'm':
        return 2;
    case 'g':
        return 3;
    case 't':
        return 4;
    default:
        return 0;
    }
}

bool vanta_size_parse(const char *text, uint64_t *bytes)
{
    double value = 0, scale = 1, base = 1000;
    const char *p = text;
    int power;

    if (*p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++)
        value = value * 10 + (*p - '0');
    if (*p == '.')
        for (p++; *p >= '0' && *p <= '9'; p++)
            value += (*p - '0') * (scale /= 10);
    while (*p == ' ')
        p++;
    power = unit_power(*p);
    if (power) {
        p++;
        if ((*p | 0x20) == 'i') {
            base = 1024;
            p++;
        }
    }
    if ((*p | 0x20) == 'b')
        p++;
    if (*p)
        return false;
    while (power-- > 0)
        value *= base;
    if (value >= 9.2e18)
        return false;
    *bytes = (uint64_t)(value + 0.5);
    return true;
}

const char *vanta_duration_text(int64_t ms, char out[VANTA_SIZE_TEXT_MAX])
{
    long long s = (ms + 500) / 1000;

    if (ms < 1000)
        snprintf(out, VANTA_SIZE_TEXT_MAX, "%lld ms", (long long)(ms < 0 ? 0 : ms));
    else if (ms < 10000)
        snprintf(out, VANTA_SIZE_TEXT_MAX, "%.1f s", (double)ms / 1000);
    else if (s < 60)
        snprintf(out, VANTA_SIZE_TEXT_MAX, "%lld s", s);
    else if (s < 3600)
        snprintf(out, VANTA_SIZE_TEXT_MAX, "%lld min %02lld s", s / 60, s % 60);
    else
        snprintf(out, VANTA_SIZE_TEXT_MAX, "%lld h %02lld min", s / 3600, s / 60 % 60);
    return out;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool vanta_streq_nocase(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b))
        a++, b++;
    return lower(*a) == lower(*b);
}

bool vanta_has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool vanta_has_suffix(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);

    return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

#define NEAREST_MAX 64

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Optimal string alignment: insert, delete, replace, swap neighbours. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][NEAREST_MAX + 1], n = strlen(a), m = strlen(b), i, j;

    if (n > NEAREST_MAX || m > NEAREST_MAX)
        return NEAREST_MAX;
    for (j = 0; j <= m; j++)
        rows[0][j] = j;
    for (i = 1; i <= n; i++) {
        size_t *now = rows[i % 3], *up = rows[(i + 2) % 3], *upup = rows[(i + 1) % 3];

        now[0] = i;
        for (j = 1; j <= m; j++) {
            size_t cost = lower(a[i - 1]) != lower(b[j - 1]);

            now[j] = min3(up[j] + 1, now[j - 1] + 1, up[j - 1] + cost);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]) && upup[j - 2] + 1 < now[j])
                now[j] = upup[j - 2] + 1;
        }
    }
    return rows[n % 3][m];
}

const char *vanta_nearest(const char *word, const char *const *candidates, size_t n)
{
    size_t best = NEAREST_MAX, len = strlen(word), i;
    const char *found = NULL;

    for (i = 0; i < n; i++) {
        size_t distance = edit_distance(word, candidates[i]);

        if (distance < best) {
            best = distance;
            found = candidates[i];
        }
    }
    if (found && best <= (len < 4 ? 1 : len / 3 + 1))
        return found;
    /* What was typed may be the tail or the head of the name: "base", "minilm". */
    for (i = 0; len >= 3 && i < n; i++) {
        size_t k, m = strlen(candidates[i]);

        for (k = 0; k + len <= m; k++) {
            size_t j = 0;

            while (j < len && lower(candidates[i][k + j]) == lower(word[j]))
                j++;
            if (j == len)
                return candidates[i];
        }
    }
    return NULL;
}

char *vanta_strndup(const char *text, size_t len)
{
    char *copy;

    if (!text)
        return NULL;
    copy = malloc(len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *vanta_strdup(const char *text)
{
    return text ? vanta_strndup(text, strlen(text)) : NULL;
}

char *vanta_strf(const char *fmt, ...)
{
    va_list args, again;
    char *text = NULL;
    int len;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len >= 0 && (text = malloc((size_t)len + 1)))
        vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}

bool vanta_format(char *out, size_t size, const char *fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(out, size, fmt, args);
    va_end(args);
    return len >= 0 && (size_t)len < size;
}
