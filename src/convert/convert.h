/*
 * convert.h - turning fetched weights into the files that the engines read.
 *
 * Each conversion streams: memory is bounded by the largest tensor. The target is a path
 * that the caller chose as temporary; it is created (must not exist), written, hashed
 * while written, fsynced; on failure it is deleted. Giving it its final name after its
 * digest has been judged is the caller's business.
 */
#ifndef VANTA_CONVERT_CONVERT_H
#define VANTA_CONVERT_CONVERT_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/digest.h"
#include "vanta_error.h"

/* bytes written so far; total is the file's final size, 0 before it is known. */
typedef void vanta_convert_progress(void *arg, uint64_t bytes, uint64_t total);

struct vanta_convert_result {
    char sha256[VANTA_SHA256_HEX];
    uint64_t size_bytes;
};

/* A faster-whisper folder (model.bin, tokenizer.json or vocabulary.json beside it) to
 * what whisper.cpp's convert-pt-to-ggml.py writes for the same weights, byte for byte.
 * progress and cancel may be NULL.
 * VANTA_ERR_FORMAT (not such a model, or cut short), VANTA_ERR_UNSUPPORTED (a variant
 * that has no whisper.cpp form), VANTA_ERR_IO, NO_SPACE, CANCELLED. */
enum vanta_status vanta_convert_ct2_whisper(const char *dir, const char *target,
                                            vanta_convert_progress *progress, void *arg,
                                            const atomic_bool *cancel,
                                            struct vanta_convert_result *out,
                                            struct vanta_error *err);

#endif
