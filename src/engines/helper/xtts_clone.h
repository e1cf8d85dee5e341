/*
 * xtts_clone.h - a voice from recordings of it: what XTTS's listening parts hear.
 *
 * A voice is two things: `latents` rows of `width` floats that the GPT is prefixed with,
 * from the first latent_seconds of all recordings together, and an embedding of
 * speaker_width floats for the vocoder, the mean over the recordings. Not responsible for
 * whether the speaker agreed, for keeping the voice (engines/voice.h) or speaking with it.
 *
 *     float *voice = malloc(vanta_xtts_voice_floats(&file->sizes) * sizeof *voice);
 *     status = vanta_xtts_clone_files(file, paths, n, &options, voice, &seconds, err);
 *
 * The floats of a voice: the latents row by row, then the embedding; the built-in voices
 * of the file are given in the same form.
 * Each recording is mixed down, resampled to input_hz, and cut to reference_seconds.
 * Statuses: what audio.h says of the files; VANTA_ERR_CHECK for recordings that are
 * shorter than VANTA_XTTS_CLONE_LEAST_MS together or silent; FORMAT, UNSUPPORTED, LIMIT
 * (the model's file); NOT_FOUND (no such voice), CANCELLED, NO_MEMORY, USAGE (no
 * recording).
 * Memory: about 25 MB for each 10 s of the longest recording and as much for the latents,
 * and the weights of one layer at a time (the model's pages of what it listens with are
 * touched, 150 MB in f16). Cost: some 4.6 G multiply-adds a second of recordings.
 * Threads: as options say, for the call alone; cancel may be set from any thread.
 * Source: coqui-tts, TTS/tts/models/xtts.py (get_conditioning_latents), layers/xtts/
 * (latent_encoder.py, perceiver_encoder.py), encoder/models/resnet.py.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_CLONE_H
#define VANTA_ENGINES_HELPER_XTTS_CLONE_H

#include <stdatomic.h>

#include "engines/helper/xtts_file.h"

#define VANTA_XTTS_CLONE_LEAST_MS 1000
#define VANTA_XTTS_CLONE_FILES_MAX 32

struct vanta_xtts_clone_options {
    unsigned threads;          /* at least 1 */
    const atomic_bool *cancel; /* may be NULL */
};

struct vanta_xtts_recording {
    const float *samples; /* one channel at input_hz, -1 to 1 */
    size_t count;
};

size_t vanta_xtts_voice_floats(const struct vanta_xtts_sizes *sizes);

enum vanta_status vanta_xtts_clone_files(const struct vanta_xtts_file *file,
                                         const char *const *paths, size_t n,
                                         const struct vanta_xtts_clone_options *options,
                                         float *voice, double *seconds,
                                         struct vanta_error *err);

enum vanta_status vanta_xtts_clone(const struct vanta_xtts_file *file,
                                   const struct vanta_xtts_recording *recordings, size_t n,
                                   const struct vanta_xtts_clone_options *options,
                                   float *voice, struct vanta_error *err);

/* A voice of the file itself; name is compared without regard to case. NOT_FOUND with the
 * nearest name as the hint. */
enum vanta_status vanta_xtts_voice_builtin(const struct vanta_xtts_file *file,
                                           const char *name, float *voice,
                                           struct vanta_error *err);

#endif
