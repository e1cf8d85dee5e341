/*
 * xtts_clone_private.h - what the files of the cloning path share.
 *
 * xtts_clone.c reads recordings and joins, xtts_clone_speaker.c has the network that
 * gives the embedding, xtts_clone_latents.c the two that give the latents.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_CLONE_PRIVATE_H
#define VANTA_ENGINES_HELPER_XTTS_CLONE_PRIVATE_H

#include "engines/helper/xtts_clone.h"
#include "engines/helper/xtts_weights.h"

struct clone_run {
    const struct vanta_xtts_file *file;
    const struct vanta_xtts_kernel *kernel;
    unsigned threads;
    const atomic_bool *cancel;
};

/* CANCELLED when the caller wants it so. */
enum vanta_status clone_check(const struct clone_run *run, struct vanta_error *err);

/* w over rows of conv (xtts_weights_run), shared out among the threads. */
void clone_layer(const struct clone_run *run, const struct xtts_weights *w,
                 const struct vanta_xtts_conv *conv);

/* An f32 tensor of the file {columns, rows}; out is from malloc, NULL after a failure. */
__attribute__((format(printf, 6, 7))) enum vanta_status
clone_matrix(const struct clone_run *run, uint32_t columns, uint32_t rows, float **out,
             struct vanta_error *err, const char *format, ...);
#define clone_vector(run, n, out, err, ...) clone_matrix(run, n, 1, out, err, __VA_ARGS__)

/* Samples at input_hz -> speaker_width floats. */
enum vanta_status clone_speaker(const struct clone_run *run, const float *samples,
                                size_t n, float *embedding, struct vanta_error *err);

/* Samples at input_hz -> latents rows of width floats. */
enum vanta_status clone_latents(const struct clone_run *run, const float *samples,
                                size_t n, float *latents, struct vanta_error *err);

#endif
