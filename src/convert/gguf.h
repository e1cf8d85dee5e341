/*
 * gguf.h - reader of the header of a GGUF file, versions 2 and 3.
 *
 * Source of the format: ggml, docs/gguf.md and src/gguf.cpp. All little-endian: "GGUF",
 * u32 version, u64 tensor count, u64 metadata count; per metadata string key, u32 type,
 * value; per tensor string name, u32 dimensions, u64 extents from the innermost outwards,
 * u32 type, u64 offset behind the header, which is padded to general.alignment (32). A
 * string is u64 length and bytes; an array is u32 type, u64 count, values.
 *
 * Reads metadata and tensor list, checks every length, offset and end against the file;
 * loads no data. Memory: the cursor's window. Cost: the header (a vocabulary of some
 * megabytes is passed over).
 * Statuses: VANTA_ERR_FORMAT, LIMIT, IO, NO_MEMORY; UNSUPPORTED for another version.
 */
#ifndef VANTA_CONVERT_GGUF_H
#define VANTA_CONVERT_GGUF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "vanta_error.h"

#define VANTA_GGUF_METADATA_MAX ((uint64_t)1 << 16)
#define VANTA_GGUF_TENSORS_MAX ((uint64_t)1 << 18)
#define VANTA_GGUF_KEY_MAX ((size_t)65535)  /* bytes, by the specification */
#define VANTA_GGUF_NAME_MAX ((size_t)1024)  /* of a tensor; the specification has 64 */
#define VANTA_GGUF_RANK_MAX 4
#define VANTA_GGUF_NESTING_MAX 4 /* of arrays */
#define VANTA_GGUF_ALIGNMENT_MAX ((uint32_t)1 << 20)

struct vanta_gguf {
    uint32_t version;
    uint64_t metadata, tensors, parameters;
    char architecture[64]; /* general.architecture; "" */
    char name[128];        /* general.name */
    char license[64];      /* general.license */
    bool has_file_type;
    uint64_t file_type; /* general.file_type; ggml_type.h names it */
    uint64_t context_length, block_count, embedding_length; /* ARCHITECTURE.*; 0 */
    char languages[160]; /* ARCHITECTURE.languages: "en, de"; cut where it is long */
    uint64_t voices;     /* how many ARCHITECTURE.speakers has; 0 */
    const char *main_type; /* of most bytes: "Q4_K"; NULL when it is not known */
    uint32_t alignment;
};

/* c stands at the start. *out is zeroed on failure. */
enum vanta_status vanta_gguf_read(struct vanta_cursor *c, struct vanta_gguf *out,
                                  struct vanta_error *err);

#endif
