/* json_read.c - the plain part of JSON, read fast.
 *
 * jansson's own reader takes each byte through several functions, which is most of what
 * vanta list of many models costs. This one reads what documents consist of: containers,
 * plain strings, whole numbers and words. A string with escapes and any other number go
 * to jansson one by one; for anything else (an error, a key twice, deep nesting) it gives
 * up, and jansson reads the whole text: what is valid, and what is said of what is not,
 * is jansson's word in every case. */
#include "base/json_private.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DEPTH_MAX 100
#define KEY_MAX 256
/* Fits an int64_t whatever the digits are. */
#define DIGITS_MAX 18

struct reader {
    const char *at, *end;
};

static json_t *read_value(struct reader *r, int depth);

/* The next byte that is no white space, '\0' at the end; it is not taken. */
static char peek(struct reader *r)
{
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
    return r->at < r->end ? *r->at : '\0';
}

static bool take(struct reader *r, char c)
{
    if (peek(r) != c || r->at == r->end)
        return false;
    r->at++;
    return true;
}

/* Behind the opening quote; the reader ends behind the closing one. NULL: it does not
 * end. *plain: no escapes or control characters; *ascii: nothing but ASCII either. */
static const char *scan_string(struct reader *r, size_t *len, bool *plain, bool *ascii)
{
    const char *start = r->at, *p;
    unsigned char all = 0;

    *plain = true;
    for (p = start; p < r->end && *p != '"'; p++) {
        all |= (unsigned char)*p;
        if ((unsigned char)*p < 0x20)
            *plain = false;
        if (*p == '\\') {
            *plain = false;
            if (++p == r->end)
                return NULL;
        }
    }
    if (p == r->end)
        return NULL;
    *len = (size_t)(p - start);
    *ascii = all < 0x80;
    r->at = p + 1;
    return start;
}

/* One value that is jansson's to judge. */
static json_t *decode(const char *text, size_t len)
{
    return json_loadb(text, len, JSON_DECODE_ANY, NULL);
}

static json_t *read_string(struct reader *r)
{
    bool plain, ascii;
    const char *text;
    size_t len;

    r->at++;
    text = scan_string(r, &len, &plain, &ascii);
    if (!text)
        return NULL;
    if (!plain)
        return decode(text - 1, len + 2);
    return ascii ? json_stringn_nocheck(text, len) : json_stringn(text, len);
}

static json_t *read_number(struct reader *r)
{
    const char *start = r->at, *p = start;
    bool negative = *p == '-';
    int64_t value = 0;
    size_t digits;

    p += negative;
    for (digits = 0; p < r->end && *p >= '0' && *p <= '9' && digits < DIGITS_MAX; digits++)
        value = value * 10 + (*p++ - '0');
    if (digits > 0 && (p == r->end || !memchr("0123456789.eE+-", *p, 15)) &&
        (digits == 1 || start[negative] != '0')) {
        r->at = p;
        return json_integer(negative ? -value : value);
    }
    while (p < r->end && *p && memchr("0123456789.eE+-", *p, 15))
        p++;
    r->at = p;
    return decode(start, (size_t)(p - start));
}

static json_t *read_word(struct reader *r, const char *word, json_t *value)
{
    size_t len = strlen(word);

    /* What follows is a comma, a bracket or a mistake. */
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        return NULL;
    r->at += len;
    return value;
}

static json_t *read_array(struct reader *r, int depth)
{
    json_t *array = json_array(), *value;

    r->at++;
    if (take(r, ']'))
        return array;
    while (array) {
        value = read_value(r, depth + 1);
        if (!value || json_array_append_new(array, value) != 0)
            break;
        if (take(r, ']'))
            return array;
        if (!take(r, ','))
            break;
    }
    json_decref(array);
    return NULL;
}

static bool read_key(struct reader *r, char key[KEY_MAX])
{
    bool plain, ascii;
    const char *text;
    size_t len;

    if (!take(r, '"'))
        return false;
    text = scan_string(r, &len, &plain, &ascii);
    if (!text || !plain || !ascii || len >= KEY_MAX)
        return false;
    memcpy(key, text, len);
    key[len] = '\0';
    return take(r, ':');
}

static json_t *read_object(struct reader *r, int depth)
{
    json_t *object = json_object(), *value;
    char key[KEY_MAX];
    size_t n = 0;

    r->at++;
    if (take(r, '}'))
        return object;
    while (object) {
        value = read_key(r, key) ? read_value(r, depth + 1) : NULL;
        /* A key that was there already does not make the object larger. */
        if (!value || json_object_set_new_nocheck(object, key, value) != 0 ||
            json_object_size(object) != ++n)
            break;
        if (take(r, '}'))
            return object;
        if (!take(r, ','))
            break;
    }
    json_decref(object);
    return NULL;
}

static json_t *read_value(struct reader *r, int depth)
{
    if (depth > DEPTH_MAX)
        return NULL;
    switch (peek(r)) {
    case '{':
        return read_object(r, depth);
    case '[':
        return read_array(r, depth);
    case '"':
        return read_string(r);
    case 't':
        return read_word(r, "true", json_true());
    case 'f':
        return read_word(r, "false", json_false());
    case 'n':
        return read_word(r, "null", json_null());
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return read_number(r);
    default:
        return NULL;
    }
}

json_t *vanta_json_read_plain(const char *text, size_t len)
{
    struct reader r = {text, text + len};
    char first = peek(&r);
    json_t *json = first == '{' || first == '[' ? read_value(&r, 0) : NULL;

    if (json && (peek(&r) != '\0' || r.at != r.end)) {
        json_decref(json);
        return NULL;
    }
    return json;
}
