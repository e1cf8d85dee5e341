/*
 * inspect.h - what a model file is, from its header.
 *
 * Reads headers only: GGUF, whisper.cpp ggml, safetensors, CTranslate2 model.bin, and
 * names the others (torch zip or pickle, ONNX, HTML page, LFS pointer). Executes and
 * unpickles nothing. The caller gives a regular file; everything in it is hostile.
 * Statuses: VANTA_ERR_FORMAT, LIMIT, IO, NOT_FOUND, NO_MEMORY, UNSUPPORTED (a version of
 * GGUF that is not read); out is zeroed on failure. A file of no known format is no
 * failure. parameters and tensors count weights, not aliases and scales.
 */
#ifndef VANTA_CONVERT_INSPECT_H
#define VANTA_CONVERT_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "vanta_error.h"

enum vanta_file_format {
    VANTA_FORMAT_UNKNOWN = 0,
    VANTA_FORMAT_GGUF,
    VANTA_FORMAT_WHISPER_GGML,
    VANTA_FORMAT_SAFETENSORS,
    VANTA_FORMAT_CTRANSLATE2,
    VANTA_FORMAT_TORCH,  /* zip or bare pickle: refused by add */
    VANTA_FORMAT_ONNX,
    VANTA_FORMAT_ARCHIVE, /* zip without a pickle, tar, gzip */
    VANTA_FORMAT_HTML,
    VANTA_FORMAT_LFS_POINTER
};

/* "gguf", "whisper-ggml", "safetensors", "ctranslate2", "torch", ... */
const char *vanta_file_format_name(enum vanta_file_format format);

struct vanta_model_facts {
    enum vanta_file_format format;
    char architecture[64];  /* "llama", "whisper", "bert"; "" when the file does not say */
    char name[128];         /* general.name or "" */
    char quantization[32];  /* "Q4_K_M", "f16", "f32"; the file's, or that of most bytes */
    uint64_t parameters;    /* sum over all tensors of their elements; 0 unknown */
    uint64_t tensors;
    uint64_t context_tokens; /* 0 unknown */
    uint64_t layers;
    uint64_t embedding_length;
    char languages[160];    /* of a speech model: "en, de"; "" */
    uint64_t voices;        /* its own; 0 */
    char license[64];       /* what the file claims; "" */
    uint64_t size_bytes;
};

enum vanta_status vanta_inspect_file(const char *path, struct vanta_model_facts *out,
                                     struct vanta_error *err);

#endif
