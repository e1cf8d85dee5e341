/*
 * ggml_type.h - the tensor types of ggml: their names, and how many bytes they take.
 *
 * Source: ggml, include/ggml.h (enum ggml_type, enum ggml_ftype) and src/ggml-common.h
 * (the blocks), llama.cpp, include/llama.h (enum llama_ftype).
 */
#ifndef VANTA_CONVERT_GGML_TYPE_H
#define VANTA_CONVERT_GGML_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#define VANTA_GGML_TYPES 64 /* ids below it may be counted in an array */

/* "Q4_K", "f16"; NULL for a type that is not known here. */
const char *vanta_ggml_type_name(uint32_t type);

/* Bytes of a tensor with this many elements, its rows row_elements long. False when the
 * type is not known, a row is not whole blocks, or the product does not fit. */
bool vanta_ggml_type_bytes(uint32_t type, uint64_t elements, uint64_t row_elements,
                           uint64_t *bytes);

/* Names of GGUF's general.file_type ("Q4_K_M") and of whisper.cpp's ftype ("Q5_0", "f16");
 * NULL when not known. */
const char *vanta_gguf_file_type_name(uint64_t file_type);
const char *vanta_whisper_file_type_name(uint32_t ftype);

#endif
