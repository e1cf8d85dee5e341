/*
 * xtts_gguf.h - a folder of XTTS-v2 to one GGUF file, as xtts_layout.h describes it.
 *
 * Reads model.pth, config.json, vocab.json and speakers_xtts.pth as they are published
 * (without the last one the model has no voices of its own). Not responsible for the file's
 * final name.
 *
 *     struct vanta_encoder_source source = {.name = "coqui-XTTS-v2"};
 *     status = vanta_xtts_gguf(dir, temporary, VANTA_ENCODER_WEIGHTS_Q8_0, &source, progress,
 *                              arg, cancel, &result, err);
 *
 * The bytes of the result follow from the folder's files, the type and *source alone.
 * Nothing of a checkpoint is run (pickle.h). Refused: version 1, containers before 2020,
 * compressed members, models whose tensors do not fit each other, values that are not
 * finite. Statuses: VANTA_ERR_FORMAT, UNSUPPORTED, LIMIT, NOT_FOUND, EXISTS, IO, NO_SPACE,
 * NO_MEMORY, CANCELLED; target is deleted after a failure.
 * Threads: any number of calls, each on one thread and a second one that hashes.
 * Cost: model.pth is mapped a tensor at a time and read once (twice when its digest has to
 * be found). Memory: some 50 MB, the largest tensor's window included.
 */
#ifndef VANTA_CONVERT_XTTS_GGUF_H
#define VANTA_CONVERT_XTTS_GGUF_H

#include <stdatomic.h>
#include <stdbool.h>

#include "convert/convert.h"
#include "convert/encoder_gguf.h"
#include "vanta_error.h"

#define VANTA_XTTS_CHECKPOINT "model.pth"
#define VANTA_XTTS_SPEAKERS "speakers_xtts.pth"

/* The same three types; what they mean here, xtts_layout.h says. source, progress and
 * cancel may be NULL; source->weights_sha256 is that of model.pth. */
enum vanta_status vanta_xtts_gguf(const char *dir, const char *target,
                                  enum vanta_encoder_weights weights,
                                  const struct vanta_encoder_source *source,
                                  vanta_convert_progress *progress, void *arg,
                                  const atomic_bool *cancel,
                                  struct vanta_convert_result *out,
                                  struct vanta_error *err);

#endif
