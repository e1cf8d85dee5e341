#include "engines/helper/xtts_resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CROSSINGS 6.0 /* of the sinc, on each side */
#define ROLLOFF 0.99
#define PI 3.14159265358979323846

/* Filters of all phases: output sample q * phases + p is the sum over k of input sample
 * q * step + first[p] + k times taps[p][k]. */
struct filter {
    size_t phases, step, taps;
    double base; /* cut-off, where the output's rate or the input's, the lower, is 1 */
    int64_t *first;
    float *values;
};

static uint32_t greatest_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The filter's value so many input samples from its middle. */
static double value(const struct filter *f, double distance)
{
    double t = distance / (double)f->step * f->base, window;

    if (fabs(t) >= CROSSINGS)
        return 0;
    window = cos(t * PI / CROSSINGS / 2);
    window *= window * f->base / (double)f->step;
    return fabs(t) > 1e-12 ? window * sin(PI * t) / (PI * t) : window;
}

static int make_filter(uint32_t from_hz, uint32_t to_hz, struct filter *f)
{
    uint32_t divisor = greatest_divisor(from_hz, to_hz);
    double reach;

    f->step = from_hz / divisor;
    f->phases = to_hz / divisor;
    f->base = ROLLOFF * (double)(f->step < f->phases ? f->step : f->phases);
    reach = CROSSINGS * (double)f->step / f->base;
    f->taps = (size_t)ceil(2 * reach) + 1;
    f->first = malloc(f->phases * sizeof *f->first);
    f->values = malloc(f->phases * f->taps * sizeof *f->values);
    if (f->first == NULL || f->values == NULL)
        return -1;
    for (size_t p = 0; p < f->phases; p++) {
        double middle = (double)p * (double)f->step / (double)f->phases;

        f->first[p] = (int64_t)ceil(middle - reach);
        for (size_t k = 0; k < f->taps; k++)
            f->values[p * f->taps + k] =
                (float)value(f, (double)f->first[p] + (double)k - middle);
    }
    return 0;
}

static float apply(const struct filter *f, const float *samples, size_t n, size_t i)
{
    size_t p = i % f->phases;
    int64_t at = (int64_t)(i / f->phases * f->step) + f->first[p];
    const float *taps = f->values + p * f->taps;
    float sum = 0;

    for (size_t k = 0; k < f->taps; k++, at++)
        if (at >= 0 && at < (int64_t)n)
            sum += samples[at] * taps[k];
    return sum;
}

float *vanta_xtts_resample(const float *samples, size_t n, uint32_t from_hz,
                           uint32_t to_hz, size_t *out_n)
{
    size_t count = (size_t)(((uint64_t)n * to_hz + from_hz - 1) / from_hz);
    float *out = malloc((count + 1) * sizeof *out);
    struct filter f = {0};

    *out_n = count;
    if (out != NULL && (from_hz == to_hz || n == 0)) {
        if (n > 0)
            memcpy(out, samples, n * sizeof *out);
    } else if (out == NULL || make_filter(from_hz, to_hz, &f) != 0) {
        free(out);
        out = NULL;
    } else {
        for (size_t i = 0; i < count; i++)
            out[i] = apply(&f, samples, n, i);
    }
    free(f.first);
    free(f.values);
    return out;
}
