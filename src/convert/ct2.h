/*
 * ct2.h - reader of CTranslate2's model.bin, binary version 6.
 *
 * Source of the format: CTranslate2, python/ctranslate2/specs/model_spec.py (_serialize)
 * and src/models/model.cc. All little-endian: u32 version; string spec; u32 revision;
 * u32 count; per variable string name, u8 rank, u32 x rank shape, u8 type, u32 bytes,
 * data; u32 count; per alias string alias, string variable. A string is u16 length, its
 * NUL counted, and the bytes.
 *
 * Reads the structure and remembers where the data is; loads none of it (cost: one read
 * of 64 KiB a variable). Every length is checked against the file before it is used, the
 * byte count of a variable against its shape, and the file must end where the structure
 * does.
 *
 *     vanta_ct2_read(&cursor, &model, err);
 *     v = vanta_ct2_find(&model, "encoder/conv1/weight");
 *     vanta_ct2_free(&model);
 *
 * Statuses: VANTA_ERR_FORMAT, LIMIT, IO, NO_MEMORY; UNSUPPORTED for another version.
 */
#ifndef VANTA_CONVERT_CT2_H
#define VANTA_CONVERT_CT2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "vanta_error.h"

#define VANTA_CT2_VERSION 6
#define VANTA_CT2_RANK_MAX 8
#define VANTA_CT2_VARIABLES_MAX 65536 /* aliases counted */
#define VANTA_CT2_NAME_MAX 512        /* bytes of a name, its NUL counted */

enum vanta_ct2_type {
    VANTA_CT2_F32 = 0,
    VANTA_CT2_I8 = 1,
    VANTA_CT2_I16 = 2,
    VANTA_CT2_I32 = 3,
    VANTA_CT2_F16 = 4,
    VANTA_CT2_BF16 = 5
};

struct vanta_ct2_variable {
    char *name;
    enum vanta_ct2_type type;
    unsigned rank; /* 0: a scalar */
    uint32_t shape[VANTA_CT2_RANK_MAX]; /* row-major */
    uint64_t elements;
    uint64_t bytes;
    uint64_t data_pos; /* from the start of the file */
    int32_t scalar;    /* the value of an integer scalar */
    bool alias;        /* another name of a variable: the rest is that one's */
};

struct vanta_ct2 {
    char *spec; /* "WhisperSpec" */
    uint32_t revision;
    struct vanta_ct2_variable *variables; /* sorted by name; names are unique */
    size_t n_variables;
};

/* c stands at the start. *out is zeroed on failure. */
enum vanta_status vanta_ct2_read(struct vanta_cursor *c, struct vanta_ct2 *out,
                                 struct vanta_error *err);
void vanta_ct2_free(struct vanta_ct2 *model);

/* By name or alias; NULL when there is none. */
const struct vanta_ct2_variable *vanta_ct2_find(const struct vanta_ct2 *model,
                                                const char *name);

size_t vanta_ct2_type_bytes(enum vanta_ct2_type type); /* of one element */
const char *vanta_ct2_type_name(enum vanta_ct2_type type); /* "f16" */

#endif
