#include "convert/mel.h"

#include <math.h>

#define SAMPLE_RATE_HZ 16000.0
#define FFT_SIZE 400.0
#define LINEAR_STEP_HZ (200.0 / 3)
#define LOG_FROM_HZ 1000.0

static double mel_of_hz(double hz)
{
    double log_step = log(6.4) / 27.0;

    if (hz < LOG_FROM_HZ)
        return hz / LINEAR_STEP_HZ;
    return LOG_FROM_HZ / LINEAR_STEP_HZ + log(hz / LOG_FROM_HZ) / log_step;
}

static double hz_of_mel(double mel)
{
    double log_step = log(6.4) / 27.0, log_from = LOG_FROM_HZ / LINEAR_STEP_HZ;

    if (mel < log_from)
        return mel * LINEAR_STEP_HZ;
    return LOG_FROM_HZ * exp(log_step * (mel - log_from));
}

void vanta_mel_filters(size_t bands, float *filters)
{
    double points[VANTA_MEL_BANDS_MAX + 2];
    double most = mel_of_hz(SAMPLE_RATE_HZ / 2), step = most / (double)(bands + 1);
    size_t i, k;

    for (i = 0; i < bands + 2; i++)
        points[i] = hz_of_mel(i == bands + 1 ? most : (double)i * step);
    for (i = 0; i < bands; i++) {
        double rise = points[i + 1] - points[i], fall = points[i + 2] - points[i + 1];
        double norm = 2.0 / (points[i + 2] - points[i]);

        for (k = 0; k < VANTA_MEL_BINS; k++) {
            double hz = (double)k * (1.0 / (FFT_SIZE * (1.0 / SAMPLE_RATE_HZ)));
            double up = -(points[i] - hz) / rise, down = (points[i + 2] - hz) / fall;
            double weight = up < down ? up : down;
            /* Not fmax: a weight of -0.0 has to become +0.0. */
            float rounded = weight > 0 ? (float)weight : 0.0f;

            filters[i * VANTA_MEL_BINS + k] = (float)((double)rounded * norm);
        }
    }
}
