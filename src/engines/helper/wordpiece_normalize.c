#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/uchar.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include "base/error.h"
#include "engines/helper/wordpiece_private.h"

#define UNICODE_VERSION 8

static bool grow(void **buffer, size_t *room, size_t wanted, size_t size)
{
    void *bigger;

    if (wanted <= *room)
        return true;
    wanted += wanted / 2;
    bigger = realloc(*buffer, wanted * size);
    if (!bigger)
        return false;
    *buffer = bigger;
    *room = wanted;
    return true;
}

/* The blocks that the reference takes for words of their own. */
static bool is_ideograph(UChar32 c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
           (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
           (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

uint32_t wordpiece_category(UChar32 c)
{
    uint32_t mask = U_GET_GC_MASK(c);
    UVersionInfo age;

    switch (c) { /* these were given another category since */
    case 0x166d:
        return U_GC_PO_MASK;
    case 0x1734:
        return U_GC_MN_MASK;
    case 0x1885:
    case 0x1886:
    case 0xa9bd:
    case 0x111c9:
        return U_GC_LO_MASK;
    default:
        break;
    }
    /* Only these are asked for; the age takes longer to look up. */
    if (!(mask & (U_GC_MN_MASK | U_GC_P_MASK | U_GC_CF_MASK)))
        return mask;
    u_charAge(c, age);
    return age[0] > UNICODE_VERSION ? U_GC_CN_MASK : mask;
}

static bool is_no_text(UChar32 c)
{
    if (c == '\t' || c == '\n' || c == '\r')
        return false;
    return c <= 0 || c == 0xfffd ||
           (wordpiece_category(c) & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0;
}

/* UTF-8 to UTF-16, cleaned: at most one unit a byte, the spaces around ideographs
 * included, for those are three bytes and more. */
static size_t clean(const char *text, size_t len, UChar *out)
{
    const uint8_t *bytes = (const uint8_t *)text;
    int32_t at = 0, n = 0, end = (int32_t)len;

    while (at < end) {
        UChar32 c = bytes[at];

        if (c >= 0x20 && c < 0x7f) {
            out[n++] = (UChar)c;
            at++;
            continue;
        }
        U8_NEXT(bytes, at, end, c); /* below 0: not UTF-8 */
        if (is_no_text(c))
            continue;
        if (c == '\t' || c == '\n' || c == '\r' || u_isUWhiteSpace(c)) {
            out[n++] = ' ';
        } else if (is_ideograph(c)) {
            out[n++] = ' ';
            U16_APPEND_UNSAFE(out, n, c);
            out[n++] = ' ';
        } else {
            U16_APPEND_UNSAFE(out, n, c);
        }
    }
    return (size_t)n;
}

static enum vanta_status decompose(const UNormalizer2 *nfd, struct wordpiece_scratch *s,
                                   size_t n, size_t *out, struct vanta_error *err)
{
    size_t room = n + n / 2 + 16;
    int tries;

    for (tries = 0; tries < 2; tries++) {
        UErrorCode code = U_ZERO_ERROR;
        int32_t wanted;

        if (room > INT32_MAX ||
            !grow((void **)&s->decomposed, &s->decomposed_room, room, sizeof(UChar)))
            return vanta_fail_memory(err);
        wanted = unorm2_normalize(nfd, s->clean, (int32_t)n, s->decomposed,
                                  (int32_t)(s->decomposed_room < INT32_MAX
                                                ? s->decomposed_room
                                                : INT32_MAX),
                                  &code);
        *out = (size_t)wanted;
        if (U_SUCCESS(code))
            return VANTA_OK;
        if (code != U_BUFFER_OVERFLOW_ERROR)
            return vanta_fail(err, VANTA_ERR_INTERNAL, "decomposing text: %s",
                              u_errorName(code));
        room = (size_t)wanted + 1;
    }
    return vanta_fail(err, VANTA_ERR_INTERNAL, "decomposing text: its length changed");
}

/* Marks go, capitals become small, UTF-16 becomes UTF-8. */
static void finish(const struct wordpiece_normalizer *n, const UChar *units, size_t count,
                   struct wordpiece_scratch *s)
{
    int32_t at = 0, end = (int32_t)count, len = 0;

    while (at < end) {
        UChar32 c;

        U16_NEXT_UNSAFE(units, at, c);
        if (c < 0x80) {
            s->text[len++] = (char)(n->lowercase && c >= 'A' && c <= 'Z' ? c + 32 : c);
            continue;
        }
        if (n->nfd && (wordpiece_category(c) & U_GC_MN_MASK))
            continue;
        if (n->lowercase && c == 0x130) { /* the one letter that becomes two */
            memcpy(s->text + len, "i\xcc\x87", 3);
            len += 3;
            continue;
        }
        if (n->lowercase)
            c = u_tolower(c);
        U8_APPEND_UNSAFE(s->text, len, c);
    }
    s->len = (size_t)len;
}

enum vanta_status wordpiece_normalize(const struct wordpiece_normalizer *n,
                                      const char *text, size_t len,
                                      struct wordpiece_scratch *s,
                                      struct vanta_error *err)
{
    const UChar *units;
    size_t count, i;
    enum vanta_status status;
    bool ascii = true;

    s->len = 0;
    if (!grow((void **)&s->clean, &s->clean_room, len + 1, sizeof(UChar)))
        return vanta_fail_memory(err);
    count = clean(text, len, s->clean);
    units = s->clean;
    for (i = 0; ascii && i < count; i++)
        ascii = units[i] < 0x80;
    if (n->nfd && !ascii) {
        status = decompose(n->nfd, s, count, &count, err);
        if (status != VANTA_OK)
            return status;
        units = s->decomposed;
    }
    if (!grow((void **)&s->text, &s->text_room, count * 3 + 1, 1))
        return vanta_fail_memory(err);
    finish(n, units, count, s);
    return VANTA_OK;
}

void wordpiece_scratch_free(struct wordpiece_scratch *s)
{
    free(s->clean);
    free(s->decomposed);
    free(s->text);
    memset(s, 0, sizeof *s);
}
