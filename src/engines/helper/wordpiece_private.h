/*
 * wordpiece_private.h - what the files of the tokenizer share: the normalizer
 * (wordpiece_normalize.c), the vocabulary's table (wordpiece_table.c), and the words
 * (wordpiece.c).
 */
#ifndef VANTA_ENGINES_HELPER_WORDPIECE_PRIVATE_H
#define VANTA_ENGINES_HELPER_WORDPIECE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <unicode/unorm2.h>
#include <unicode/utypes.h>

#include "vanta_error.h"

/* Texts to ids: open addressing, at most half full. Keys are borrowed. */
struct wordpiece_slot {
    const char *text; /* NULL: free */
    uint32_t len;
    int32_t id;
};

struct wordpiece_table {
    struct wordpiece_slot *slots;
    size_t mask;      /* slots - 1, a power of two */
    uint64_t seed;    /* no vocabulary can be made to collide */
    size_t longest;   /* bytes of a key */
};

enum vanta_status wordpiece_table_make(struct wordpiece_table *t, size_t keys,
                                       struct vanta_error *err);
/* Replaces the id of a text that is there. */
void wordpiece_table_put(struct wordpiece_table *t, const char *text, size_t len,
                         int32_t id);
/* -1: not there. */
int32_t wordpiece_table_find(const struct wordpiece_table *t, const char *text,
                             size_t len);
void wordpiece_table_free(struct wordpiece_table *t);

/* A stretch of text while it is normalized. Buffers grow and are used again. */
struct wordpiece_scratch {
    UChar *clean, *decomposed;
    size_t clean_room, decomposed_room; /* units */
    char *text;                         /* the result: UTF-8 */
    size_t len, text_room;
};

struct wordpiece_normalizer {
    const UNormalizer2 *nfd; /* NULL: accents stay */
    bool lowercase;
};

/* The general category as a mask of ICU's (U_GC_MN_MASK), as Unicode 8.0 has it: the
 * reference's tables are of that version, and so ids do not depend on ICU's. */
uint32_t wordpiece_category(UChar32 c);

/* The normalized form of len bytes as s->text, s->len. */
enum vanta_status wordpiece_normalize(const struct wordpiece_normalizer *n,
                                      const char *text, size_t len,
                                      struct wordpiece_scratch *s,
                                      struct vanta_error *err);
void wordpiece_scratch_free(struct wordpiece_scratch *s);

#endif
