#include "engines/helper/audio_halve.h"

#include <math.h>
#include <string.h>

#define REACH VANTA_AUDIO_HALVE_REACH
#define KAISER_BETA 8.0
#define PI 3.14159265358979323846

/* The modified Bessel function of order 0, by its series. */
static double bessel_i0(double x)
{
    double sum = 1, term = 1;
    int k;

    for (k = 1; k < 40; k++) {
        term *= x / (2 * k) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

void vanta_audio_halve_start(struct vanta_audio_halve *halve)
{
    size_t i;

    memset(halve, 0, sizeof *halve);
    for (i = 0; i <= REACH / 2; i++) {
        double at = (double)(2 * i + 1), x = at / (REACH + 1);
        double window = bessel_i0(KAISER_BETA * sqrt(1 - x * x)) / bessel_i0(KAISER_BETA);

        halve->weights[i] = (float)(sin(PI * at / 2) / (PI * at) * window);
    }
    /* Silence before the first sample, so that its output is the first. */
    halve->held = REACH;
}

size_t vanta_audio_halve(struct vanta_audio_halve *halve, float *samples, size_t n,
                         bool last)
{
    float *work = halve->work;
    size_t len = halve->held + n, at, out = 0, k;

    memcpy(work + halve->held, samples, n * sizeof *samples);
    if (last) {
        memset(work + len, 0, REACH * sizeof *work);
        len += REACH;
    }
    for (at = REACH; at + REACH < len; at += 2) {
        float sum = 0.5f * work[at];

        for (k = 0; k <= REACH / 2; k++)
            sum += halve->weights[k] * (work[at - 2 * k - 1] + work[at + 2 * k + 1]);
        samples[out++] = sum;
    }
    halve->held = len - (at - REACH);
    memmove(work, work + (at - REACH), halve->held * sizeof *work);
    return out;
}
