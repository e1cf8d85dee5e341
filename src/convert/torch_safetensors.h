/*
 * torch_safetensors.h - a PyTorch checkpoint to a file that cannot run anything.
 *
 * Writes the tensors that torch_file.h finds, in their order and in their types, as
 * safetensors (safetensors.h has the format): the header with __metadata__ {"format":
 * "pt"}, filled with spaces to a multiple of 8, then the data row-major without gaps.
 * Not responsible for the file's final name.
 *
 * Statuses: those of vanta_torch_open, and VANTA_ERR_EXISTS, NO_SPACE, CANCELLED; target
 * is deleted after a failure. progress and cancel may be NULL. Cost: the data is mapped in
 * windows and read once; memory is that of the header, and of a tensor that is stored as a
 * view with other strides.
 */
#ifndef VANTA_CONVERT_TORCH_SAFETENSORS_H
#define VANTA_CONVERT_TORCH_SAFETENSORS_H

#include <stdatomic.h>

#include "convert/convert.h"
#include "vanta_error.h"

enum vanta_status vanta_torch_safetensors(const char *checkpoint, const char *target,
                                          vanta_convert_progress *progress, void *arg,
                                          const atomic_bool *cancel,
                                          struct vanta_convert_result *out,
                                          struct vanta_error *err);

#endif
