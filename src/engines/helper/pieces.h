/*
 * pieces.h - whole UTF-8 characters out of tokens that may end within one.
 *
 * A token of a byte-level vocabulary can hold part of a character. pieces_add takes the
 * bytes of a token and gives what is complete by then; bytes that cannot become UTF-8 are
 * given as U+FFFD, so that what leaves is always valid. The text so far is kept whole.
 */
#ifndef VANTA_ENGINES_HELPER_PIECES_H
#define VANTA_ENGINES_HELPER_PIECES_H

#include <stdbool.h>

#include "base/buf.h"

struct pieces {
    struct vanta_buf text; /* all that was given so far, with a NUL behind */
    unsigned char held[4];
    size_t n_held;
};

#define PIECES(max_bytes) ((struct pieces){.text = VANTA_BUF(max_bytes)})

/* The new text is text.data + the returned offset, up to the end ("" when nothing is
 * complete). false: the cap is reached, or memory is out. */
bool pieces_add(struct pieces *pieces, const char *bytes, size_t n, size_t *offset);
/* What is held at the end becomes U+FFFD. */
bool pieces_end(struct pieces *pieces, size_t *offset);
void pieces_free(struct pieces *pieces);

#endif
