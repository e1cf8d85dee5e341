#include "engines/helper/xtts_mel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

/* ---- Fourier ---- */

struct fourier {
    uint32_t n;
    uint32_t *order;     /* bits reversed */
    double *cosine, *sine; /* of n / 2 steps around */
    double *re, *im;
};

static bool fourier_make(struct fourier *f, uint32_t n)
{
    uint32_t bits = 0;

    f->n = n;
    f->order = malloc(n * sizeof *f->order);
    f->cosine = malloc(4 * (size_t)n * sizeof *f->cosine);
    if (f->order == NULL || f->cosine == NULL)
        return false;
    f->sine = f->cosine + n;
    f->re = f->sine + n;
    f->im = f->re + n;
    while (1U << bits < n)
        bits++;
    for (uint32_t i = 0; i < n; i++) {
        f->order[i] = 0;
        for (uint32_t b = 0; b < bits; b++)
            f->order[i] |= (i >> b & 1) << (bits - 1 - b);
        f->cosine[i] = cos(2 * PI * i / n);
        f->sine[i] = -sin(2 * PI * i / n);
    }
    return true;
}

static void fourier_free(struct fourier *f)
{
    free(f->order);
    free(f->cosine);
}

/* re and im, which are in the order of `order`, in place. */
static void fourier_run(struct fourier *f)
{
    for (uint32_t half = 1; half < f->n; half *= 2)
        for (uint32_t start = 0; start < f->n; start += 2 * half)
            for (uint32_t k = 0; k < half; k++) {
                uint32_t a = start + k, b = a + half, w = k * (f->n / (2 * half));
                double re = f->re[b] * f->cosine[w] - f->im[b] * f->sine[w];
                double im = f->re[b] * f->sine[w] + f->im[b] * f->cosine[w];

                f->re[b] = f->re[a] - re;
                f->im[b] = f->im[a] - im;
                f->re[a] += re;
                f->im[a] += im;
            }
}

/* ---- spectrograms ---- */

size_t vanta_xtts_mel_frames(const struct vanta_xtts_mel *mel, size_t n)
{
    return 1 + n / mel->hop;
}

static float mirrored(const float *samples, size_t n, int64_t at)
{
    if (at < 0)
        at = -at;
    if (at >= (int64_t)n)
        at = 2 * ((int64_t)n - 1) - at;
    return samples[at];
}

static void power(const struct vanta_xtts_mel *mel, struct fourier *f,
                  const float *samples, size_t n, int64_t middle, double *out)
{
    uint32_t before = (mel->fft - mel->window_size) / 2;

    memset(f->re, 0, 2 * (size_t)f->n * sizeof *f->re);
    for (uint32_t i = 0; i < mel->window_size; i++)
        f->re[f->order[before + i]] =
            (double)mel->window[i] *
            (double)mirrored(samples, n, middle - mel->fft / 2 + before + i);
    fourier_run(f);
    for (uint32_t i = 0; i <= mel->fft / 2; i++)
        out[i] = f->re[i] * f->re[i] + f->im[i] * f->im[i];
}

bool vanta_xtts_mel_run(const struct vanta_xtts_mel *mel, const float *samples, size_t n,
                        float *out)
{
    size_t frames = vanta_xtts_mel_frames(mel, n), bins = mel->fft / 2 + 1;
    double *powers = malloc(bins * sizeof *powers);
    struct fourier f = {0};
    bool made = fourier_make(&f, mel->fft) && powers != NULL;

    for (size_t t = 0; made && t < frames; t++) {
        power(mel, &f, samples, n, (int64_t)(t * mel->hop), powers);
        for (uint32_t b = 0; b < mel->bands; b++) {
            const float *weights = mel->weights + b * bins;
            double sum = 0;

            for (size_t i = 0; i < bins; i++)
                sum += powers[i] * (double)weights[i];
            out[t * mel->bands + b] = (float)sum;
        }
    }
    fourier_free(&f);
    free(powers);
    return made;
}

void vanta_xtts_mel_hann(uint32_t n, float *out)
{
    for (uint32_t i = 0; i < n; i++)
        out[i] = (float)(0.5 - 0.5 * cos(2 * PI * i / n));
}

void vanta_xtts_mel_triangles(uint32_t fft, uint32_t rate_hz, float top_hz, uint32_t bands,
                              float *out)
{
    double top = 2595 * log10(1 + (double)top_hz / 700), at[3];
    size_t bins = fft / 2 + 1;

    for (uint32_t b = 0; b < bands; b++) {
        for (uint32_t i = 0; i < 3; i++) /* left, middle, right, in Hz */
            at[i] = 700 * (pow(10, top * (b + i) / (bands + 1) / 2595) - 1);
        for (size_t i = 0; i < bins; i++) {
            double hz = (double)i * rate_hz / fft;
            double rising = (hz - at[0]) / (at[1] - at[0]);
            double falling = (at[2] - hz) / (at[2] - at[1]);
            double height = fmax(0, fmin(rising, falling));

            out[b * bins + i] = (float)(height * 2 / (at[2] - at[0]));
        }
    }
}
