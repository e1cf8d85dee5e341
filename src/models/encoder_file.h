/*
 * encoder_file.h - the GGUF of a sentence encoder: the model's own, or one made for now.
 *
 * A catalog model has its GGUF among its files; one that was added as a folder of
 * safetensors has none, so one is made beside it under a temporary name and deleted by
 * vanta_encoder_file_release. An external model is read where it is and its GGUF is made
 * below the models root.
 */
#ifndef VANTA_MODELS_ENCODER_FILE_H
#define VANTA_MODELS_ENCODER_FILE_H

#include <stdatomic.h>

#include "base/path.h"
#include "models/registry.h"

struct vanta_encoder_file {
    char path[VANTA_PATH_MAX]; /* absolute */
    bool temporary;
};

/* VANTA_ERR_UNSUPPORTED: it is neither a GGUF nor a folder that can be converted. */
enum vanta_status vanta_encoder_file_find(const char *root,
                                          const struct vanta_entry *entry,
                                          const atomic_bool *cancel,
                                          struct vanta_encoder_file *out,
                                          struct vanta_error *err);
void vanta_encoder_file_release(struct vanta_encoder_file *file); /* zeroed: fine */

#endif
