/*
 * xtts_mel.h - power spectrograms in mel bands, as the two listening parts of XTTS want
 * them. What becomes of the powers (logarithm, norm) is the caller's.
 *
 * Frame i is around sample i * hop; beyond both ends the recording is mirrored. A frame is
 * the window, centred in fft samples; its power |X|^2 is weighted by each band's row of
 * fft / 2 + 1 values. n is at least fft / 2 + 1. There are 1 + n / hop frames.
 *
 * Source: torchaudio.transforms.MelSpectrogram (center, reflect, power 2).
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_MEL_H
#define VANTA_ENGINES_HELPER_XTTS_MEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vanta_xtts_mel {
    uint32_t fft, window_size, hop, bands; /* fft is a power of 2, at least 4 */
    const float *window;                   /* window_size values */
    const float *weights;                  /* bands rows */
};

size_t vanta_xtts_mel_frames(const struct vanta_xtts_mel *mel, size_t n);

/* out: a row of bands for each frame. False: memory is out. */
bool vanta_xtts_mel_run(const struct vanta_xtts_mel *mel, const float *samples, size_t n,
                        float *out);

/* A Hann window of n values with period n. */
void vanta_xtts_mel_hann(uint32_t n, float *out);

/* bands rows of fft / 2 + 1 values: triangles between places that are equally far from
 * each other on the HTK mel scale from 0 to top_hz, each with the area of 1 (Slaney). */
void vanta_xtts_mel_triangles(uint32_t fft, uint32_t rate_hz, float top_hz, uint32_t bands,
                              float *out);

#endif
