/*
 * mel.h - the mel filter bank of Whisper, to the bit.
 *
 * Source of the formula: librosa.filters.mel(sr=16000, n_fft=400, n_mels, norm="slaney",
 * htk=False), computed in double and rounded to f32 where librosa's arrays are f32.
 * Compile with -ffp-contract=off.
 */
#ifndef VANTA_CONVERT_MEL_H
#define VANTA_CONVERT_MEL_H

#include <stddef.h>

#define VANTA_MEL_BINS 201 /* FFT bins: 400 / 2 + 1 */
#define VANTA_MEL_BANDS_MAX 128

/* filters: bands rows of VANTA_MEL_BINS; bands from 1 to VANTA_MEL_BANDS_MAX. */
void vanta_mel_filters(size_t bands, float *filters);

#endif
