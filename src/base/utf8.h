/*
 * utf8.h - bytes from outside made into valid UTF-8.
 *
 * What cannot be UTF-8 (RFC 3629: no surrogates, no overlong forms), and a NUL, which would
 * end the text for every reader of a C string, becomes U+FFFD. The stream takes bytes in
 * pieces that may end within a character, as the tokens of a byte-level vocabulary do, and
 * gives what is complete by then; the text so far is kept whole.
 *
 *     struct vanta_utf8 text = VANTA_UTF8(1 << 20);
 *     vanta_utf8_add(&text, bytes, n, &offset);     // new: text.text.data + offset
 *     vanta_utf8_end(&text, &offset);
 *     vanta_utf8_free(&text);
 *
 * false: the cap is reached, or memory is out.
 */
#ifndef VANTA_BASE_UTF8_H
#define VANTA_BASE_UTF8_H

#include <stdbool.h>

#include "base/buf.h"

struct vanta_utf8 {
    struct vanta_buf text; /* all that was given so far, with a NUL behind */
    unsigned char held[4];
    size_t n_held;
};

#define VANTA_UTF8(max_bytes) ((struct vanta_utf8){.text = VANTA_BUF(max_bytes)})

/* The new text is text.data + the returned offset, up to the end ("" when nothing is
 * complete). false: the cap is reached, or memory is out. */
bool vanta_utf8_add(struct vanta_utf8 *utf8, const char *bytes, size_t n, size_t *offset);
/* A heap copy of text made valid, NULL when memory is out. */
char *vanta_utf8_copy(const char *text);
/* What is held at the end becomes U+FFFD. */
bool vanta_utf8_end(struct vanta_utf8 *utf8, size_t *offset);
void vanta_utf8_free(struct vanta_utf8 *utf8);

#endif
