/*
 * xtts_resample.h - recordings at another rate, as the models of XTTS were trained with.
 *
 * A sinc of six zero crossings on each side under a Hann window, cut off at 0.99 of the
 * lower rate's half, zeros before and behind the recording: voices differ measurably with
 * another filter. Not for what a model does not hear so closely (audio.h resamples for
 * those).
 *
 * n samples become ceil(n * to / from); out is malloc'd and the caller's, NULL when memory
 * is out. Rates from 1 kHz to 1 MHz.
 * Cost: up to 14 multiply-adds an output sample (more when the rate falls), and a table
 * of to / gcd(from, to) filters.
 * Source: torchaudio.functional.resample, method sinc_interp_hann.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_RESAMPLE_H
#define VANTA_ENGINES_HELPER_XTTS_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

float *vanta_xtts_resample(const float *samples, size_t n, uint32_t from_hz,
                           uint32_t to_hz, size_t *out_n);

#endif
