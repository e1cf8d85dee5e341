#include "engines/helper/xtts_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define PREFIX_CODE 1 /* what the reference's ids of the prefix are */

void vanta_xtts_sampler_start(struct vanta_xtts_sampler *s,
                              const struct vanta_xtts_sampling *options, uint64_t seed,
                              uint32_t audio_start)
{
    s->options = *options;
    s->state = seed;
    memset(s->used, 0, sizeof s->used);
    s->used[PREFIX_CODE] = 1;
    if (audio_start < VANTA_XTTS_CODES_MAX)
        s->used[audio_start] = 1;
}

/* The next fraction, in [0, 1). */
static double draw(struct vanta_xtts_sampler *s)
{
    uint64_t z = s->state += 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1p-53;
}

/* Largest first; of equal ones the lower code. */
static int compare(const void *a, const void *b)
{
    const struct vanta_xtts_choice *x = a, *y = b;

    if (x->logit != y->logit)
        return x->logit > y->logit ? -1 : 1;
    return x->code < y->code ? -1 : x->code > y->code;
}

/* How many of the sorted choices stay by top_k; equals of the last one stay too. */
static uint32_t keep_largest(const struct vanta_xtts_sampler *s, uint32_t n)
{
    uint32_t k = s->options.top_k;

    if (k == 0 || k >= n)
        return n;
    while (k < n && !(s->choices[k].logit < s->choices[k - 1].logit))
        k++;
    return k;
}

/* Turns the logits of the first n choices into weights; returns their sum. */
static double weigh(struct vanta_xtts_sampler *s, uint32_t n)
{
    float most = s->choices[0].logit;
    double sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        s->choices[i].logit = expf(s->choices[i].logit - most);
        sum += (double)s->choices[i].logit;
    }
    return sum;
}

/* How many stay by top_p; *sum becomes theirs. */
static uint32_t keep_likely(const struct vanta_xtts_sampler *s, uint32_t n, double *sum)
{
    double drop = (1 - (double)s->options.top_p) * *sum, tail = 0;

    while (n > 1 && tail + (double)s->choices[n - 1].logit <= drop)
        tail += (double)s->choices[--n].logit;
    *sum -= tail;
    return n;
}

static uint32_t choose(struct vanta_xtts_sampler *s, uint32_t n)
{
    double sum, at;
    uint32_t i = 0;

    for (uint32_t k = 0; k < n; k++)
        s->choices[k].logit /= s->options.temperature;
    qsort(s->choices, n, sizeof *s->choices, compare);
    n = keep_largest(s, n);
    sum = weigh(s, n);
    n = keep_likely(s, n, &sum);
    at = draw(s) * sum;
    while (i + 1 < n && at >= (double)s->choices[i].logit)
        at -= (double)s->choices[i++].logit;
    return i;
}

enum vanta_status vanta_xtts_sampler_next(struct vanta_xtts_sampler *s,
                                          const float *logits, uint32_t n, int32_t *code,
                                          struct vanta_error *err)
{
    float penalty = s->options.repetition_penalty;
    uint32_t best = 0;

    if (n == 0 || n > VANTA_XTTS_CODES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%u codes to choose from; 1 to %u can be",
                          n, VANTA_XTTS_CODES_MAX);
    for (uint32_t i = 0; i < n; i++) {
        float l = logits[i];

        if (s->used[i])
            l = l > 0 ? l / penalty : l * penalty;
        s->choices[i] = (struct vanta_xtts_choice){l, i};
        if (l > s->choices[best].logit)
            best = i;
    }
    if (s->options.temperature > 0)
        best = choose(s, n);
    *code = (int32_t)s->choices[best].code;
    s->used[*code] = 1;
    return VANTA_OK;
}
