/*
 * gguf.h - reader of a GGUF file's header.
 *
 * Source of the format: ggml, docs/gguf.md and include/gguf.h. Versions 2 and 3,
 * little-endian. Walks all metadata and all tensor infos, keeps the few facts below,
 * loads no data. Everything is checked: lengths against the file, tensor shapes against
 * overflow, data ranges against the file's end.
 */
#ifndef VANTA_CONVERT_GGUF_H
#define VANTA_CONVERT_GGUF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "vanta_error.h"

#define VANTA_GGUF_MAGIC 0x46554747u /* "GGUF" */

struct vanta_gguf_facts {
    uint32_t version;
    char architecture[64]; /* general.architecture */
    char name[128];        /* general.name */
    char license[64];      /* general.license */
    int64_t file_type;     /* general.file_type; -1: absent */
    uint64_t context_tokens, layers, embedding_length; /* ARCH.*; 0: absent */
    uint64_t tensors, parameters;
    uint32_t main_type;    /* ggml type that most bytes have */
};

/* c is at the start of the file. VANTA_ERR_FORMAT, LIMIT, IO, UNSUPPORTED (version). */
enum vanta_status vanta_gguf_read(struct vanta_cursor *c, struct vanta_gguf_facts *out,
                                  struct vanta_error *err);

/* "f16", "Q4_K", ...; NULL for a type that is not known. */
const char *vanta_ggml_type_name(uint32_t type);
/* What llama.cpp calls general.file_type ("Q4_K_M"); NULL when it is not known. */
const char *vanta_gguf_file_type_name(int64_t file_type);
/* Bytes of n elements; false when the type is unknown, or n no multiple of its block. */
bool vanta_ggml_type_bytes(uint32_t type, uint64_t n, uint64_t *bytes);

#endif
