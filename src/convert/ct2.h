/*
 * ct2.h - reader of CTranslate2's model.bin (binary version 6).
 *
 * Source of the format: CTranslate2, python/ctranslate2/specs/model_spec.py
 * (ModelSpec.save) and src/models/model.cc. All little-endian: u32 version; string spec
 * name; u32 spec revision; u32 variable count; per variable string name, u8 rank, u32
 * shape[rank], u8 type, u32 bytes, data; u32 alias count; pairs of strings. A string is
 * u16 length, its NUL counted, and the bytes.
 *
 * Reads the structure and remembers where each variable's data is; no data is loaded.
 * Every length is checked against the file before it is used, shapes against byte counts,
 * and the file has to end where the structure does.
 */
#ifndef VANTA_CONVERT_CT2_H
#define VANTA_CONVERT_CT2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "vanta_error.h"

#define VANTA_CT2_RANK_MAX 4
#define VANTA_CT2_VARIABLES_MAX 65536

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
    size_t rank;                         /* 0: a scalar */
    uint64_t shape[VANTA_CT2_RANK_MAX];  /* row-major, as NumPy has it */
    uint64_t elements;
    uint64_t data_pos;                   /* bytes from the start of the file */
    bool is_alias;                       /* another name of a variable before it */
};

struct vanta_ct2 {
    char *spec;        /* "WhisperSpec" */
    uint32_t revision; /* of the spec */
    struct vanta_ct2_variable *variables;
    size_t n_variables;
};

/* c is at the start of the file. VANTA_ERR_FORMAT, LIMIT, IO; UNSUPPORTED for another
 * binary version. *out is zeroed on failure; vanta_ct2_free it otherwise. */
enum vanta_status vanta_ct2_read(struct vanta_cursor *c, struct vanta_ct2 *out,
                                 struct vanta_error *err);
void vanta_ct2_free(struct vanta_ct2 *model);

/* NULL when there is none of this name (aliases are resolved). */
const struct vanta_ct2_variable *vanta_ct2_find(const struct vanta_ct2 *model,
                                                const char *name);
/* Bytes of one element. */
size_t vanta_ct2_type_bytes(enum vanta_ct2_type type);
const char *vanta_ct2_type_name(enum vanta_ct2_type type);

#endif
