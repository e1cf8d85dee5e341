/*
 * audio_halve.h - halves a signal's rate: the quick first steps from 96 or 48 kHz down.
 *
 * A half-band low-pass of 39 taps (a sinc in Kaiser's window, beta 8: 80 dB) that keeps
 * what lies below 0.18 of the input's rate, so that from 44.1 kHz up the 8 kHz that the
 * end needs stay. What remains between there and the new Nyquist frequency is left for
 * the resampler that follows. No delay: output i is at input 2 i.
 *
 *     vanta_audio_halve_start(&halve);
 *     n = vanta_audio_halve(&halve, samples, n, last);   // in place
 *
 * One thread at a time for each struct.
 */
#ifndef VANTA_ENGINES_HELPER_AUDIO_HALVE_H
#define VANTA_ENGINES_HELPER_AUDIO_HALVE_H

#include <stdbool.h>
#include <stddef.h>

#define VANTA_AUDIO_HALVE_REACH 19        /* samples on each side of the middle */
#define VANTA_AUDIO_HALVE_MAX ((size_t)16384) /* samples in one call */

struct vanta_audio_halve {
    float weights[VANTA_AUDIO_HALVE_REACH / 2 + 1]; /* at 1, 3, 5 ... from the middle */
    size_t held; /* samples of earlier calls at the start of work */
    float work[VANTA_AUDIO_HALVE_MAX + 4 * VANTA_AUDIO_HALVE_REACH];
};

void vanta_audio_halve_start(struct vanta_audio_halve *halve);
/* Replaces n samples by about half as many, the number of which it returns (never more
 * than n, but for the last call, where up to 11 come out of nothing: samples has to have
 * room for them). last: no more samples will come. */
size_t vanta_audio_halve(struct vanta_audio_halve *halve, float *samples, size_t n,
                         bool last);

#endif
