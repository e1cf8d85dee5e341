/*
 * gguf_write.h - the head of a new GGUF file, version 3, made in memory.
 *
 * gguf.h has the format and its source. Keys and tensors come out in the order in which
 * they are added.
 *
 *     struct vanta_gguf_writer w = VANTA_GGUF_WRITER(1 << 24);
 *     vanta_gguf_string(&w, "general.architecture", "bert");
 *     vanta_gguf_array(&w, "tokenizer.ggml.tokens", VANTA_GGUF_STRING, n);
 *     vanta_gguf_element_string(&w, text, len);                // n times
 *     vanta_gguf_tensor(&w, "token_embd.weight", 1, 2, (uint64_t[]){384, 30522}, bytes);
 *     status = vanta_gguf_head(&w, &head, err);                // head.data, head.len
 *     vanta_gguf_writer_free(&w);
 *
 * Adding cannot fail where it is called: what did not fit (the cap, memory) is remembered,
 * and vanta_gguf_head says it. The data of the tensors follows the head in their order,
 * each filled with zeros to a multiple of VANTA_GGUF_ALIGNMENT.
 */
#ifndef VANTA_CONVERT_GGUF_WRITE_H
#define VANTA_CONVERT_GGUF_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "vanta_error.h"

#define VANTA_GGUF_ALIGNMENT 32

enum vanta_gguf_type {
    VANTA_GGUF_U32 = 4,
    VANTA_GGUF_I32 = 5,
    VANTA_GGUF_F32 = 6,
    VANTA_GGUF_BOOL = 7,
    VANTA_GGUF_STRING = 8,
    VANTA_GGUF_ARRAY = 9
};

struct vanta_gguf_writer {
    struct vanta_buf keys, tensors;
    uint64_t n_keys, n_tensors;
    uint64_t data_bytes; /* of all tensors, filled up */
    bool failed;
};

#define VANTA_GGUF_WRITER(max_bytes)                                                     \
    ((struct vanta_gguf_writer){.keys = VANTA_BUF(max_bytes),                            \
                                .tensors = VANTA_BUF(max_bytes)})

void vanta_gguf_string(struct vanta_gguf_writer *w, const char *key, const char *value);
void vanta_gguf_u32(struct vanta_gguf_writer *w, const char *key, uint32_t value);
void vanta_gguf_f32(struct vanta_gguf_writer *w, const char *key, float value);
void vanta_gguf_bool(struct vanta_gguf_writer *w, const char *key, bool value);
/* The n elements have to follow. */
void vanta_gguf_array(struct vanta_gguf_writer *w, const char *key,
                      enum vanta_gguf_type type, uint64_t n);
void vanta_gguf_element_string(struct vanta_gguf_writer *w, const char *text, size_t len);
/* One string of two parts, so that a prefix needs no copy. */
void vanta_gguf_element_joined(struct vanta_gguf_writer *w, const char *prefix,
                               const char *text, size_t len);
void vanta_gguf_element_i32(struct vanta_gguf_writer *w, int32_t value);
/* extents from the innermost outwards; bytes of its data. */
void vanta_gguf_tensor(struct vanta_gguf_writer *w, const char *name, uint32_t type,
                       unsigned rank, const uint64_t *extents, uint64_t bytes);

/* All of it, filled up to where the data starts; the caller frees it. */
enum vanta_status vanta_gguf_head(const struct vanta_gguf_writer *w,
                                  struct vanta_buf *head, struct vanta_error *err);
void vanta_gguf_writer_free(struct vanta_gguf_writer *w);

#endif
