/*
 * xtts_bpe.h - the tokenizer of vocab.json, behind xtts_text.h (which has its statuses).
 *
 * Special tokens are cut out first, leftmost and longest; words and runs of punctuation
 * are taken apart into characters, and neighbours merged, the pair of the lowest rank
 * first. A pair that the file lists twice has the rank of its last place: the reference
 * reads the list into a map.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_BPE_H
#define VANTA_ENGINES_HELPER_XTTS_BPE_H

#include <jansson.h>

#include "engines/helper/wordpiece_private.h"
#include "engines/helper/xtts_text.h"

#define XTTS_SPECIAL_MAX 1024
#define XTTS_ENCODE_MAX ((size_t)32 * 1024) /* bytes that are encoded at once */

struct xtts_special {
    const char *text;
    size_t len;
    int32_t id;
};

struct vanta_xtts_text {
    json_t *document; /* owns the texts of what follows */
    struct wordpiece_table tokens;
    struct wordpiece_table merges; /* two ids, 8 bytes, to a rank */
    int32_t (*pairs)[2];           /* by rank: the keys of merges */
    int32_t *merged;               /* by rank */
    struct xtts_special *specials;
    size_t n_specials;
    bool begins[256]; /* bytes that begin a special token */
    int32_t unknown;
};

/* The id of a special token; -1: there is none. */
int32_t xtts_special_id(const struct vanta_xtts_text *t, const char *text);

#endif
