/*
 * xtts_vocoder.h - XTTS's vocoder: latents of the GPT and a voice in, samples out.
 *
 * A HiFi-GAN over latents that are stretched along time from one for each code to one
 * frame for each `hop` samples. It computes while the latents still come, on threads of
 * its own, in chunks of frames; the samples are the same bits however many threads there
 * are, however the chunks fall and however the latents arrived. Not responsible for the
 * latents, for files of sound, or for what is said.
 *
 *     status = vanta_xtts_vocoder_load(file, NULL, &vocoder, err);
 *     status = vanta_xtts_speech_start(vocoder, &options, &speech, err);
 *     for (each code)
 *         status = vanta_xtts_speech_add(speech, latent, 1, err);
 *     status = vanta_xtts_speech_end(speech, err);      // all samples are out
 *     vanta_xtts_speech_free(speech);                   // at any time: stops it
 *     vanta_xtts_vocoder_free(vocoder);
 *
 * The sink gets the samples in order, at the rate output_hz, within -1 to 1, on the
 * vocoder's threads (one call at a time), or within speech_add and speech_end when
 * threads is 0. It returns false to stop, which the next call reports as CANCELLED.
 *
 * In files of f16 and q8_0 weights the sums of the residual blocks, which are 96 % of the
 * work, are made of whole numbers (xtts_kernel.h) where the processor has a loop for them:
 * nearer to the f32 file's samples than f16 weights are, in a little over half the time.
 *
 * Ownership: the vocoder has copies of its weights (the file may be closed) and serves
 * any number of speeches at a time; a speech is used by one thread.
 * Memory: the weights (71 MB of the published model, 38 MB as whole numbers), and for each thread that works
 * about 200 kB for each frame of a chunk and its context, 18 MB.
 * Statuses: VANTA_ERR_FORMAT, LIMIT, UNSUPPORTED (the file), NO_MEMORY, CANCELLED, USAGE
 * (more latents than the model can make), CHECK (a sample is not a number: damaged
 * weights or latents). After a failure of a speech only free is left to do.
 * Cost: 29 G multiply-adds for a second of sound.
 * Source: coqui-tts, TTS/tts/layers/xtts/hifigan_decoder.py and
 * TTS/vocoder/models/hifigan_generator.py; PyTorch's linear interpolation
 * (align_corners off, the scale given).
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_VOCODER_H
#define VANTA_ENGINES_HELPER_XTTS_VOCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engines/helper/xtts_file.h"
#include "engines/helper/xtts_kernel.h"

struct vanta_xtts_vocoder;
struct vanta_xtts_speech;

typedef bool vanta_xtts_sink(void *user, const float *samples, size_t count);

struct vanta_xtts_speech_options {
    const float *embedding; /* of the voice: speaker_width floats; read by start alone */
    float speed;            /* 1: as the model says it; 0.05 at least */
    unsigned threads;       /* of its own; 0: the caller's works */
    uint32_t chunk_frames;  /* 0: 64 */
    vanta_xtts_sink *sink;
    void *user;
};

/* kernel NULL: the best of this processor. */
enum vanta_status vanta_xtts_vocoder_load(const struct vanta_xtts_file *file,
                                          const struct vanta_xtts_kernel *kernel,
                                          struct vanta_xtts_vocoder **out,
                                          struct vanta_error *err);
void vanta_xtts_vocoder_free(struct vanta_xtts_vocoder *vocoder); /* NULL is fine */

/* Samples of an utterance of so many latents at this speed. */
uint64_t vanta_xtts_vocoder_samples(const struct vanta_xtts_vocoder *vocoder,
                                    size_t latents, float speed);
/* Frames on each side of one whose latents its samples depend on. */
uint32_t vanta_xtts_vocoder_context(const struct vanta_xtts_vocoder *vocoder);

enum vanta_status vanta_xtts_speech_start(const struct vanta_xtts_vocoder *vocoder,
                                          const struct vanta_xtts_speech_options *options,
                                          struct vanta_xtts_speech **out,
                                          struct vanta_error *err);
/* count rows of vocoder_width floats, which are copied. Does not wait for the samples
 * (but works them out itself when the speech has no threads). */
enum vanta_status vanta_xtts_speech_add(struct vanta_xtts_speech *speech,
                                        const float *latents, size_t count,
                                        struct vanta_error *err);
/* There are no more latents: waits until the sink has had every sample. */
enum vanta_status vanta_xtts_speech_end(struct vanta_xtts_speech *speech,
                                        struct vanta_error *err);
void vanta_xtts_speech_free(struct vanta_xtts_speech *speech); /* NULL is fine */

#endif
