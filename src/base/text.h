/*
 * text.h - small work on strings: names from outside, sizes, the nearest name.
 *
 * Nothing here allocates but vanta_strdup and vanta_strf; buffers are the caller's and
 * always end with a NUL. No locale is consulted.
 */
#ifndef VANTA_BASE_TEXT_H
#define VANTA_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

/* Copies in to out (size bytes, at least 1) with every control character (C0, DEL, C1,
 * bidirectional overrides) and every byte that is not valid UTF-8 replaced by '?', cut
 * at a character boundary. in and out may not overlap. Returns strlen(out). */
size_t vanta_text_printable(const char *in, char *out, size_t size);

/* Characters (code points) of text that is valid UTF-8; SIZE_MAX when it is not. */
size_t vanta_text_characters(const char *text);

/* Columns that a printable UTF-8 string takes on a terminal (wide characters count 2). */
size_t vanta_text_columns(const char *text);

#define VANTA_SIZE_TEXT_MAX 32

/* Decimal units as disks and download pages have them: "982 B", "91 MB", "4.37 GB". */
const char *vanta_size_text(uint64_t bytes, char out[VANTA_SIZE_TEXT_MAX]);

/* Reads "12", "4.1GB", "90 MB", "1GiB" (K M G T; decimal, or binary with the i). */
bool vanta_size_parse(const char *text, uint64_t *bytes);

/* "850 ms", "12 s", "3 min 20 s", "2 h 05 min". */
const char *vanta_duration_text(int64_t ms, char out[VANTA_SIZE_TEXT_MAX]);

/* The candidate nearest to word (Damerau-Levenshtein, without regard to case), or NULL
 * when none is near enough to be what was meant. */
const char *vanta_nearest(const char *word, const char *const *candidates, size_t n);

bool vanta_streq_nocase(const char *a, const char *b);
bool vanta_has_prefix(const char *text, const char *prefix);
bool vanta_has_suffix(const char *text, const char *suffix);

/* Heap copies; NULL when memory is out (or text is NULL). Freed with free(). */
char *vanta_strdup(const char *text);
char *vanta_strndup(const char *text, size_t len);
char *vanta_strf(const char *fmt, ...) VANTA_PRINTF(1, 2);

/* snprintf that says whether all of it fitted. */
bool vanta_format(char *out, size_t size, const char *fmt, ...) VANTA_PRINTF(3, 4);

#endif
