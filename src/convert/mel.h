/*
 * mel.h - the mel filter bank of Whisper, to the bit.
 *
 * Source of the formula: librosa.filters.mel(sr=16000, n_fft=400, n_mels, htk=False,
 * norm="slaney"), which is what openai/whisper keeps in assets/mel_filters.npz: computed
 * in double, rounded to f32 where librosa's array is f32. The same bits come out of
 * every compiler as long as no multiply-add is fused (cmake/flags.cmake).
 */
#ifndef VANTA_CONVERT_MEL_H
#define VANTA_CONVERT_MEL_H

#include <stddef.h>

#define VANTA_MEL_BINS 201 /* of the transform: 400 / 2 + 1 */
#define VANTA_MEL_BANDS_MAX 128

/* Writes bands (1 to VANTA_MEL_BANDS_MAX) rows of VANTA_MEL_BINS weights. */
void vanta_mel_filters(size_t bands, float *filters);

#endif
