#include "convert/json_scan.h"

#include <string.h>

#include "base/error.h"

void vanta_json_scan_init(struct vanta_json_scan *s, const void *text, size_t len,
                          const char *name)
{
    *s = (struct vanta_json_scan){.name = name};
    s->start = s->at = text;
    s->end = s->start + len;
}

static enum vanta_status fail(const struct vanta_json_scan *s, const char *what,
                              struct vanta_error *err)
{
    return vanta_fail(err, VANTA_ERR_FORMAT, "%s: byte %zu: %s", s->name,
                      (size_t)(s->at - s->start), what);
}

char vanta_json_scan_peek(struct vanta_json_scan *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
    return s->at < s->end ? (char)*s->at : '\0';
}

static enum vanta_status open_container(struct vanta_json_scan *s, char bracket,
                                        struct vanta_error *err)
{
    if (vanta_json_scan_peek(s) != bracket)
        return fail(s, bracket == '{' ? "an object is wanted" : "an array is wanted",
                    err);
    if (s->depth == VANTA_JSON_SCAN_DEPTH_MAX)
        return fail(s, "nested too deeply", err);
    s->at++;
    s->depth++;
    s->first = true;
    return VANTA_OK;
}

/* Behind an element: the bracket that ends the container, or the comma before the next
 * element. */
static enum vanta_status next_of(struct vanta_json_scan *s, char bracket, bool *more,
                                 struct vanta_error *err)
{
    char c = vanta_json_scan_peek(s);

    if (s->depth == 0)
        return fail(s, "no container is open", err);
    *more = c != bracket;
    if (!*more) {
        s->at++;
        s->depth--;
        s->first = false;
        return VANTA_OK;
    }
    if (!s->first) {
        if (c != ',')
            return fail(s, "a comma or the end of the container is wanted", err);
        s->at++;
    }
    s->first = false;
    return VANTA_OK;
}

enum vanta_status vanta_json_scan_object(struct vanta_json_scan *s,
                                         struct vanta_error *err)
{
    return open_container(s, '{', err);
}

enum vanta_status vanta_json_scan_array(struct vanta_json_scan *s,
                                        struct vanta_error *err)
{
    return open_container(s, '[', err);
}

enum vanta_status vanta_json_scan_element(struct vanta_json_scan *s, bool *more,
                                          struct vanta_error *err)
{
    return next_of(s, ']', more, err);
}

enum vanta_status vanta_json_scan_key(struct vanta_json_scan *s, struct vanta_buf *key,
                                      bool *more, struct vanta_error *err)
{
    enum vanta_status status = next_of(s, '}', more, err);

    if (status != VANTA_OK || !*more)
        return status;
    status = vanta_json_scan_string(s, key, err);
    if (status != VANTA_OK)
        return status;
    if (vanta_json_scan_peek(s) != ':')
        return fail(s, "a colon is wanted", err);
    s->at++;
    return VANTA_OK;
}

static bool read_hex4(const struct vanta_json_scan *s, uint32_t *out)
{
    uint32_t value = 0;
    int i;

    if (s->end - s->at < 4)
        return false;
    for (i = 0; i < 4; i++) {
        uint8_t c = s->at[i];

        value <<= 4;
        if (c >= '0' && c <= '9')
            value |= c - '0';
        else if (c >= 'a' && c <= 'f')
            value |= c - 'a' + 10;
        else if (c >= 'A' && c <= 'F')
            value |= c - 'A' + 10;
        else
            return false;
    }
    *out = value;
    return true;
}

static size_t encode_utf8(uint32_t code, uint8_t out[4])
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

/* Behind \u: one code point, of two escapes where it is a surrogate pair. */
static enum vanta_status read_code_point(struct vanta_json_scan *s, uint32_t *code,
                                         struct vanta_error *err)
{
    uint32_t low;

    if (!read_hex4(s, code))
        return fail(s, "four hex digits are wanted behind \\u", err);
    s->at += 4;
    if (*code == 0)
        return fail(s, "\\u0000 in a string", err);
    if (*code < 0xd800 || *code > 0xdfff)
        return VANTA_OK;
    if (*code > 0xdbff || s->end - s->at < 6 || s->at[0] != '\\' || s->at[1] != 'u')
        return fail(s, "half of a surrogate pair", err);
    s->at += 2;
    if (!read_hex4(s, &low) || low < 0xdc00 || low > 0xdfff)
        return fail(s, "half of a surrogate pair", err);
    s->at += 4;
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return VANTA_OK;
}

/* Behind a backslash. */
static enum vanta_status read_escape(struct vanta_json_scan *s, uint8_t out[4],
                                     size_t *len, struct vanta_error *err)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *found;
    uint32_t code = 0;

    if (s->at == s->end)
        return fail(s, "cut short in a string", err);
    if (*s->at == 'u') {
        enum vanta_status status;

        s->at++;
        status = read_code_point(s, &code, err);
        if (status == VANTA_OK)
            *len = encode_utf8(code, out);
        return status;
    }
    found = *s->at ? strchr(names, *s->at) : NULL;
    if (!found)
        return fail(s, "an unknown escape", err);
    s->at++;
    out[0] = (uint8_t)values[found - names];
    *len = 1;
    return VANTA_OK;
}

static enum vanta_status append(struct vanta_json_scan *s, struct vanta_buf *out,
                                const void *data, size_t len, struct vanta_error *err)
{
    if (!out || vanta_buf_append(out, data, len))
        return VANTA_OK;
    if (len <= out->max && out->len <= out->max - len)
        return vanta_fail_memory(err);
    return vanta_fail(err, VANTA_ERR_LIMIT,
                      "%s: byte %zu: a string longer than %zu bytes", s->name,
                      (size_t)(s->at - s->start), out->max);
}

/* out NULL: the string is passed over. */
static enum vanta_status read_string(struct vanta_json_scan *s, struct vanta_buf *out,
                                     struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    uint8_t escaped[4];
    size_t len = 0;

    if (vanta_json_scan_peek(s) != '"')
        return fail(s, "a string is wanted", err);
    s->at++;
    while (status == VANTA_OK) {
        const uint8_t *run = s->at;

        while (s->at < s->end && *s->at >= 0x20 && *s->at != '"' && *s->at != '\\')
            s->at++;
        if (s->at > run)
            status = append(s, out, run, (size_t)(s->at - run), err);
        if (status != VANTA_OK)
            break;
        if (s->at == s->end)
            return fail(s, "cut short in a string", err);
        if (*s->at < 0x20)
            return fail(s, "a control character in a string", err);
        if (*s->at++ == '"')
            break;
        status = read_escape(s, escaped, &len, err);
        if (status == VANTA_OK)
            status = append(s, out, escaped, len, err);
    }
    return status;
}

enum vanta_status vanta_json_scan_string(struct vanta_json_scan *s,
                                         struct vanta_buf *out, struct vanta_error *err)
{
    out->len = 0;
    /* An empty string has a NUL behind it too. */
    if (!vanta_buf_append(out, "", 0))
        return vanta_fail_memory(err);
    return read_string(s, out, err);
}

enum vanta_status vanta_json_scan_u64(struct vanta_json_scan *s, uint64_t *out,
                                      struct vanta_error *err)
{
    uint64_t value = 0;
    const uint8_t *digits;

    vanta_json_scan_peek(s);
    digits = s->at;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        unsigned digit = *s->at - '0';

        if (value > (UINT64_MAX - digit) / 10)
            return fail(s, "a number is too large", err);
        value = value * 10 + digit;
    }
    if (s->at == digits || (*digits == '0' && s->at - digits > 1))
        return fail(s, "a whole number is wanted", err);
    if (s->at < s->end && (*s->at == '.' || *s->at == 'e' || *s->at == 'E'))
        return fail(s, "a whole number is wanted", err);
    *out = value;
    return VANTA_OK;
}

static void skip_digits(struct vanta_json_scan *s)
{
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
}

static enum vanta_status skip_number(struct vanta_json_scan *s, struct vanta_error *err)
{
    const uint8_t *digits;

    if (*s->at == '-')
        s->at++;
    digits = s->at;
    skip_digits(s);
    if (s->at == digits)
        return fail(s, "a value is wanted", err);
    if (*digits == '0' && s->at - digits > 1)
        return fail(s, "a number starts with zero", err);
    if (s->at < s->end && *s->at == '.') {
        digits = ++s->at;
        skip_digits(s);
        if (s->at == digits)
            return fail(s, "a digit is wanted", err);
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        digits = s->at;
        skip_digits(s);
        if (s->at == digits)
            return fail(s, "a digit is wanted", err);
    }
    return VANTA_OK;
}

static enum vanta_status skip_scalar(struct vanta_json_scan *s, struct vanta_error *err)
{
    static const char *const words[] = {"true", "false", "null"};
    char c = vanta_json_scan_peek(s);
    size_t i;

    if (c == '"')
        return read_string(s, NULL, err);
    for (i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);

        if ((size_t)(s->end - s->at) >= len && memcmp(s->at, words[i], len) == 0) {
            s->at += len;
            return VANTA_OK;
        }
    }
    if (s->at == s->end)
        return fail(s, "cut short", err);
    return skip_number(s, err);
}

/* Goes to the next value inside of the containers that skip has opened; they are a bit
 * each in kinds, 1 for an object. */
static enum vanta_status skip_to_value(struct vanta_json_scan *s, uint64_t kinds,
                                       bool *more, struct vanta_error *err)
{
    enum vanta_status status;

    if (!(kinds & 1))
        return next_of(s, ']', more, err);
    status = next_of(s, '}', more, err);
    if (status != VANTA_OK || !*more)
        return status;
    status = read_string(s, NULL, err);
    if (status == VANTA_OK && vanta_json_scan_peek(s) != ':')
        return fail(s, "a colon is wanted", err);
    if (status == VANTA_OK)
        s->at++;
    return status;
}

enum vanta_status vanta_json_scan_skip(struct vanta_json_scan *s, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    unsigned base = s->depth;
    uint64_t kinds = 0;
    bool more;

    for (;;) {
        char c = vanta_json_scan_peek(s);

        if (c == '{' || c == '[') {
            status = open_container(s, c, err);
            kinds = kinds << 1 | (c == '{');
        } else {
            status = skip_scalar(s, err);
        }
        if (status != VANTA_OK)
            return status;
        /* Out of all containers that end here. */
        for (more = false; !more;) {
            if (s->depth == base)
                return VANTA_OK;
            status = skip_to_value(s, kinds, &more, err);
            if (status != VANTA_OK)
                return status;
            if (!more)
                kinds >>= 1;
        }
    }
}

enum vanta_status vanta_json_scan_end(struct vanta_json_scan *s, struct vanta_error *err)
{
    vanta_json_scan_peek(s);
    return s->at == s->end ? VANTA_OK : fail(s, "text behind the end", err);
}
