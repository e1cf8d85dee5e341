#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engines/helper/xtts_vocoder_private.h"

#define SLOPE 0.1F
#define SLOPE_LAST 0.01F /* of the leaky ReLU before conv_post */

/* ---- ranges ---- */

static int64_t divide_down(int64_t a, int64_t b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

static struct vocoder_range widened(struct vocoder_range r, int64_t by)
{
    return (struct vocoder_range){r.low - by, r.high + by};
}

/* Rows that the residual blocks look at on each side, of the widest kernel. */
static int64_t block_reach(const struct vanta_xtts_sizes *sizes)
{
    int64_t dilations = 0, widest = 0;

    for (uint32_t m = 0; m < XTTS_DILATIONS; m++)
        dilations += sizes->dilation[m] + 1; /* the second convolution's is 1 */
    for (uint32_t k = 0; k < sizes->kernels; k++)
        widest = sizes->kernel[k] > widest ? sizes->kernel[k] : widest;
    return dilations * (widest / 2);
}

void vocoder_plan(const struct vanta_xtts_vocoder *v, int64_t low, int64_t high,
                  struct vocoder_plan *plan)
{
    int64_t hop = v->sizes.hop, reach = block_reach(&v->sizes);
    struct vocoder_range r =
        widened((struct vocoder_range){low * hop, high * hop}, VOCODER_PRE_KERNEL / 2);

    for (uint32_t i = v->sizes.rates; i-- > 0;) {
        int64_t rate = v->stage[i].rate;

        plan->out[i] = r;
        plan->in[i] = r = widened(r, reach);
        /* Inputs q - 1 and q for the outputs with o + padding = q * rate + phase. */
        r.low = divide_down(r.low + rate / 2, rate) - 1;
        r.high = divide_down(r.high - 1 + rate / 2, rate) + 1;
    }
    plan->pre = r;
    plan->frames = widened(r, VOCODER_PRE_KERNEL / 2);
}

static struct vocoder_range clipped(struct vocoder_range r, int64_t total)
{
    r.low = r.low < 0 ? 0 : r.low;
    r.high = r.high > total ? total : r.high;
    return r;
}

/* ---- memory ---- */

enum vanta_status vocoder_scratch_make(const struct vanta_xtts_vocoder *v,
                                       uint32_t frames, struct vocoder_scratch *out,
                                       struct vanta_error *err)
{
    struct vocoder_plan plan;
    size_t most = 0, longest = 0;

    vocoder_plan(v, 0, frames, &plan);
    for (uint32_t i = 0; i < v->sizes.rates; i++) {
        size_t rows = (size_t)(plan.in[i].high - plan.in[i].low) + v->stage[i].rate;
        most = rows * v->stage[i].channels > most ? rows * v->stage[i].channels : most;
        longest = rows > longest ? rows : longest;
    }
    out->frames =
        xtts_floats((size_t)(plan.frames.high - plan.frames.low) * v->sizes.vocoder_width);
    out->pre = xtts_floats((size_t)(plan.pre.high - plan.pre.low) * v->channels);
    float **buffers[] = {&out->x, &out->leaky, &out->state, &out->state_leaky,
                         &out->middle, &out->sum[0], &out->sum[1]};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        if ((*buffers[i] = xtts_floats(most)) == NULL)
            return vanta_fail_memory(err);
    if (v->whole) {
        out->whole = (int16_t *)(void *)xtts_floats((most + 1) / 2);
        out->scales = xtts_floats(longest);
        if (out->whole == NULL || out->scales == NULL)
            return vanta_fail_memory(err);
    }
    return out->frames != NULL && out->pre != NULL ? VANTA_OK : vanta_fail_memory(err);
}

void vocoder_scratch_free(struct vocoder_scratch *s)
{
    float *buffers[] = {s->frames, s->pre, s->x, s->leaky, s->state, s->state_leaky,
                        s->middle, s->sum[0], s->sum[1]};

    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        free(buffers[i]);
    free(s->whole);
    free(s->scales);
    *s = (struct vocoder_scratch){0};
}

/* The layer's bias and what it adds for the voice. */
static enum vanta_status add_voice(const struct vanta_xtts_vocoder *v,
                                   const struct xtts_weights *condition,
                                   const float *embedding, const float *bias,
                                   float **out, struct vanta_error *err)
{
    size_t columns = ((size_t)condition->outputs + XTTS_PANEL - 1) / XTTS_PANEL;

    *out = xtts_floats(columns * XTTS_PANEL);
    if (*out == NULL)
        return vanta_fail_memory(err);
    memset(*out, 0, columns * XTTS_PANEL * sizeof(float));
    xtts_weights_run(condition, v->kernel,
                     (struct vanta_xtts_conv){.x = embedding, .residual = bias, .out = *out,
                                              .scale = 1, .rows = 1});
    return VANTA_OK;
}

enum vanta_status vocoder_voice_make(const struct vanta_xtts_vocoder *v,
                                     const float *embedding, struct vocoder_voice *out,
                                     struct vanta_error *err)
{
    enum vanta_status status =
        add_voice(v, &v->pre_condition, embedding, v->pre.bias, &out->pre, err);

    for (uint32_t i = 0; status == VANTA_OK && i < v->sizes.rates; i++)
        status = add_voice(v, &v->stage[i].condition, embedding, v->stage[i].bias,
                           &out->stage[i], err);
    return status;
}

void vocoder_voice_free(struct vocoder_voice *voice)
{
    free(voice->pre);
    for (uint32_t i = 0; i < XTTS_STAGES_MAX; i++)
        free(voice->stage[i]);
    *voice = (struct vocoder_voice){0};
}

/* ---- one chunk ---- */

/* A stage at work; every buffer's first row is that of moment in.low. */
struct stage_run {
    const struct vanta_xtts_vocoder *v;
    const struct vocoder_stage *stage;
    struct vocoder_scratch *scratch;
    struct vocoder_range in;
    int64_t total;
    float *sum;
};

/* Moments before the beginning and behind the end are zero to every convolution. */
static void clear_outside(struct vocoder_range r, int64_t total, size_t channels,
                          float *rows)
{
    int64_t before = r.low < 0 ? (r.high < 0 ? r.high : 0) - r.low : 0;
    int64_t behind = r.high > total ? r.high - (r.low > total ? r.low : total) : 0;

    if (before > 0)
        memset(rows, 0, (size_t)before * channels * sizeof *rows);
    if (behind > 0)
        memset(rows + (size_t)(r.high - r.low - behind) * channels, 0,
               (size_t)behind * channels * sizeof *rows);
}

/* One of a block's convolutions, for the moments of range: from x (with its context). */
static void convolve(const struct stage_run *run, const struct xtts_weights *w,
                     uint32_t dilation, struct vocoder_range range, const float *x,
                     struct vanta_xtts_conv conv)
{
    size_t channels = run->stage->channels;
    struct vocoder_range r = clipped(range, run->total);
    size_t at, reach;

    if (r.low >= r.high)
        return;
    at = (size_t)(r.low - run->in.low) * channels;
    reach = (size_t)(w->taps / 2) * dilation;
    conv.x = x + at - reach * channels;
    conv.row = conv.ldo = channels;
    conv.tap = dilation * channels;
    conv.rows = (size_t)(r.high - r.low);
    if (w->whole != NULL) {
        run->v->kernel->quantize(conv.x, conv.rows + 2 * reach, channels,
                                 xtts_whole_most((uint32_t)channels), run->scratch->whole,
                                 run->scratch->scales);
        conv.whole = run->scratch->whole;
        conv.scales = run->scratch->scales;
        conv.dilation = dilation;
    }
    conv.residual = conv.residual != NULL ? conv.residual + at : NULL;
    conv.add = conv.add != NULL ? conv.add + at : NULL;
    conv.out = conv.out != NULL ? conv.out + at : NULL;
    conv.leaky = conv.leaky != NULL ? conv.leaky + at : NULL;
    xtts_weights_run(w, run->v->kernel, conv);
}

/* Three times x + second(leaky(first(leaky(x)))); the last adds to the sum of the blocks,
 * and of the last block it is their mean. */
static void run_block(const struct stage_run *run, uint32_t k, struct vocoder_range out)
{
    const struct vanta_xtts_sizes *sizes = &run->v->sizes;
    const struct vocoder_block *block = &run->stage->block[k];
    struct vocoder_scratch *s = run->scratch;
    int64_t half = sizes->kernel[k] / 2, reach = 0;
    bool mean = k + 1 == sizes->kernels;
    const float *x = s->x, *leaky = s->leaky;

    for (uint32_t m = 1; m < XTTS_DILATIONS; m++)
        reach += half * (sizes->dilation[m] + 1);
    for (uint32_t m = 0; m < XTTS_DILATIONS; m++) {
        struct vocoder_range range = widened(out, reach);
        struct vanta_xtts_conv second = {.residual = x, .scale = 1, .slope = SLOPE};

        convolve(run, &block->first[m], sizes->dilation[m], widened(range, half), leaky,
                 (struct vanta_xtts_conv){.leaky = s->middle, .scale = 1, .slope = SLOPE});
        if (m + 1 < XTTS_DILATIONS) {
            second.out = s->state;
            second.leaky = s->state_leaky;
            reach -= half * (sizes->dilation[m + 1] + 1);
        } else {
            second.add = k > 0 ? run->sum : NULL;
            second.scale = mean ? 1.0F / (float)sizes->kernels : 1;
            second.slope = run->stage == &run->v->stage[sizes->rates - 1] ? SLOPE_LAST
                                                                          : SLOPE;
            *(mean ? &second.leaky : &second.out) = run->sum;
        }
        convolve(run, &block->second[m], 1, range, s->middle, second);
        x = s->state;
        leaky = s->state_leaky;
    }
}

/* from: leaky(what came before), whose first row is moment first. */
static void run_up(const struct stage_run *run, const float *from, int64_t first,
                   const float *bias)
{
    const struct vocoder_stage *stage = run->stage;
    struct vocoder_range r = clipped(run->in, run->total);
    int64_t rate = stage->rate, padding = rate / 2;

    for (int64_t phase = 0; phase < rate && r.low < r.high; phase++) {
        int64_t q = divide_down(r.low + padding - phase + rate - 1, rate);
        int64_t end = divide_down(r.high - 1 + padding - phase, rate) + 1;
        size_t at = (size_t)(q * rate + phase - padding - run->in.low) * stage->channels;

        if (q >= end)
            continue;
        xtts_weights_run(&stage->phase[phase], run->v->kernel,
                         (struct vanta_xtts_conv){
                             .x = from + (size_t)(q - 1 - first) * stage->inputs,
                             .row = stage->inputs, .tap = stage->inputs, .bias = bias,
                             .scale = 1, .slope = SLOPE, .out = run->scratch->x + at,
                             .leaky = run->scratch->leaky + at,
                             .rows = (size_t)(end - q),
                             .ldo = (size_t)rate * stage->channels});
    }
}

static void run_stage(const struct stage_run *run, struct vocoder_range out,
                      const float *from, int64_t first, const float *bias)
{
    struct vocoder_scratch *s = run->scratch;
    float *convolved[] = {s->leaky, s->state_leaky, s->middle, run->sum};

    for (size_t i = 0; i < sizeof convolved / sizeof *convolved; i++)
        clear_outside(run->in, run->total, run->stage->channels, convolved[i]);
    run_up(run, from, first, bias);
    for (uint32_t k = 0; k < run->v->sizes.kernels; k++)
        run_block(run, k, out);
}

static void run_pre(const struct vanta_xtts_vocoder *v, const struct vocoder_voice *voice,
                    const struct vocoder_plan *plan, struct vocoder_scratch *s,
                    int64_t total)
{
    struct vocoder_range r = clipped(plan->pre, total);
    size_t width = v->sizes.vocoder_width;

    clear_outside(plan->pre, total, v->channels, s->pre);
    if (r.low < r.high)
        xtts_weights_run(&v->pre, v->kernel,
                         (struct vanta_xtts_conv){
                             .x = s->frames + (size_t)(r.low - plan->pre.low) * width,
                             .row = width, .tap = width, .bias = voice->pre, .scale = 1,
                             .slope = SLOPE, .rows = (size_t)(r.high - r.low),
                             .leaky = s->pre + (size_t)(r.low - plan->pre.low) *
                                                   v->channels,
                             .ldo = v->channels});
}

void vocoder_run(const struct vanta_xtts_vocoder *v, const struct vocoder_voice *voice,
                 struct vocoder_scratch *s, int64_t low, int64_t high, int64_t total,
                 float *samples)
{
    const struct vocoder_stage *last = &v->stage[v->sizes.rates - 1];
    size_t count = (size_t)(high - low) * v->sizes.hop, channels = last->channels;
    const float *from = s->pre;
    struct vocoder_plan plan;
    int64_t first, scale = 1;

    vocoder_plan(v, low, high, &plan);
    run_pre(v, voice, &plan, s, total);
    first = plan.pre.low;
    for (uint32_t i = 0; i < v->sizes.rates; i++) {
        struct stage_run run = {.v = v, .stage = &v->stage[i], .scratch = s,
                                .in = plan.in[i], .sum = s->sum[i % 2]};

        scale *= v->stage[i].rate;
        run.total = total * scale;
        run_stage(&run, plan.out[i], from, first, voice->stage[i]);
        from = run.sum;
        first = run.in.low;
    }
    from += (size_t)(low * (int64_t)v->sizes.hop - VOCODER_PRE_KERNEL / 2 - first) *
            channels;
    for (size_t i = 0; i < count; i++)
        samples[i] = tanhf(v->kernel->dot(from + i * channels, v->post,
                                          VOCODER_PRE_KERNEL * channels));
}
