#include "convert/mel.h"

#include <math.h>

#define SAMPLE_RATE_HZ 16000.0
#define FFT_SIZE 400.0

/* Slaney's scale: linear up to 1000 Hz, logarithmic above. */
#define LINEAR_HZ_PER_MEL (200.0 / 3)
#define LOG_FROM_HZ 1000.0
#define LOG_FROM_MEL (LOG_FROM_HZ / LINEAR_HZ_PER_MEL)

static double log_step(void)
{
    return log(6.4) / 27.0;
}

static double mel_of_hz(double hz)
{
    if (hz < LOG_FROM_HZ)
        return hz / LINEAR_HZ_PER_MEL;
    return LOG_FROM_MEL + log(hz / LOG_FROM_HZ) / log_step();
}

static double hz_of_mel(double mel)
{
    if (mel < LOG_FROM_MEL)
        return LINEAR_HZ_PER_MEL * mel;
    return LOG_FROM_HZ * exp(log_step() * (mel - LOG_FROM_MEL));
}

/* The corners of the triangles: evenly spaced in mel, as numpy.linspace does it (start
 * plus i times the step, and the end itself). */
static void corners(size_t n, double *hz)
{
    double end = mel_of_hz(SAMPLE_RATE_HZ / 2), step = end / (double)(n - 1);
    size_t i;

    for (i = 0; i + 1 < n; i++)
        hz[i] = hz_of_mel((double)i * step);
    hz[n - 1] = hz_of_mel(end);
}

void vanta_mel_filters(size_t bands, float *filters)
{
    double hz[VANTA_MEL_BANDS_MAX + 2];
    size_t i, k;

    corners(bands + 2, hz);
    for (i = 0; i < bands; i++) {
        double norm = 2.0 / (hz[i + 2] - hz[i]);

        for (k = 0; k < VANTA_MEL_BINS; k++) {
            double bin = (double)k * (1.0 / (FFT_SIZE * (1.0 / SAMPLE_RATE_HZ)));
            double rise = -(hz[i] - bin) / (hz[i + 1] - hz[i]);
            double fall = (hz[i + 2] - bin) / (hz[i + 2] - hz[i + 1]);
            double weight = rise < fall ? rise : fall;
            /* Not fmax: a zero has to be +0.0. */
            float rounded = weight > 0 ? (float)weight : 0.0f;

            filters[i * VANTA_MEL_BINS + k] = (float)((double)rounded * norm);
        }
    }
}
