#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

static const char replacement[] = "\xEF\xBF\xBD";

/* Bytes that a sequence starting so has, 0 when none starts so. */
static size_t sequence_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

/* Whether byte may stand at index (from 1) behind first. */
static bool continues(unsigned char first, size_t index, unsigned char byte)
{
    unsigned char low = 0x80, high = 0xBF;

    if (index == 1) {
        low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : low;
        high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : high;
    }
    return byte >= low && byte <= high;
}

static bool give(struct vanta_utf8 *p, const void *bytes, size_t n)
{
    return vanta_buf_append(&p->text, bytes, n);
}

static bool add_byte(struct vanta_utf8 *p, unsigned char byte)
{
    if (p->n_held > 0 && !continues(p->held[0], p->n_held, byte)) {
        p->n_held = 0;
        if (!give(p, replacement, 3))
            return false;
    }
    if (p->n_held == 0 && sequence_length(byte) == 0)
        return give(p, replacement, 3);
    p->held[p->n_held++] = byte;
    if (p->n_held < sequence_length(p->held[0]))
        return true;
    if (p->held[0] == 0) {
        p->n_held = 0;
        return give(p, replacement, 3);
    }
    if (!give(p, p->held, p->n_held))
        return false;
    p->n_held = 0;
    return true;
}

static bool terminate(struct vanta_utf8 *p)
{
    if (!vanta_buf_append(&p->text, "", 1))
        return false;
    p->text.len--;
    return true;
}

bool vanta_utf8_add(struct vanta_utf8 *p, const char *bytes, size_t n, size_t *offset)
{
    size_t i;

    *offset = p->text.len;
    for (i = 0; i < n; i++)
        if (!add_byte(p, (unsigned char)bytes[i]))
            return false;
    return terminate(p);
}

bool vanta_utf8_end(struct vanta_utf8 *p, size_t *offset)
{
    *offset = p->text.len;
    if (p->n_held > 0 && !give(p, replacement, 3))
        return false;
    p->n_held = 0;
    return terminate(p);
}

void vanta_utf8_free(struct vanta_utf8 *p)
{
    vanta_buf_free(&p->text);
    p->n_held = 0;
}

char *vanta_utf8_copy(const char *text)
{
    size_t len = strlen(text), offset;
    struct vanta_utf8 out = VANTA_UTF8(len > SIZE_MAX / 4 ? SIZE_MAX / 2 : 3 * len + 3);
    char *copy = NULL;

    if (vanta_utf8_add(&out, text, len, &offset) && vanta_utf8_end(&out, &offset)) {
        copy = out.text.data;
        out.text.data = NULL;
    }
    vanta_utf8_free(&out);
    return copy;
}
