#include "engines/helper/xtts_weights.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define ALIGNMENT 64

float *xtts_floats(size_t count)
{
    size_t bytes = (count * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

    return aligned_alloc(ALIGNMENT, bytes > 0 ? bytes : ALIGNMENT);
}

enum vanta_status xtts_weights_make(uint32_t taps, uint32_t inputs, uint32_t outputs,
                                    struct xtts_weights *out, struct vanta_error *err)
{
    size_t columns = ((size_t)outputs + XTTS_PANEL - 1) / XTTS_PANEL * XTTS_PANEL;
    size_t values = columns * taps * inputs; /* bounded sizes: far below 2^64 */

    *out = (struct xtts_weights){.taps = taps, .inputs = inputs, .outputs = outputs};
    out->panels = xtts_floats(values);
    out->bias = xtts_floats(columns);
    if (out->panels == NULL || out->bias == NULL)
        return vanta_fail_memory(err);
    memset(out->panels, 0, values * sizeof(float));
    memset(out->bias, 0, columns * sizeof(float));
    return VANTA_OK;
}

/* A panel's rows together, so that what is written lies side by side. */
static enum vanta_status fill(const struct vanta_xtts_tensor *tensor,
                              struct xtts_weights *w, struct vanta_error *err)
{
    size_t row = (size_t)w->taps * w->inputs;
    float *rows = xtts_floats(row * XTTS_PANEL);

    if (rows == NULL)
        return vanta_fail_memory(err);
    for (uint32_t first = 0; first < w->outputs; first += XTTS_PANEL) {
        uint32_t n = w->outputs - first < XTTS_PANEL ? w->outputs - first : XTTS_PANEL;

        vanta_xtts_tensor_floats(tensor, first * row, n * row, rows);
        for (uint32_t tap = 0; tap < w->taps; tap++)
            for (uint32_t input = 0; input < w->inputs; input++) {
                float *to = xtts_weight(w, first, tap, input);
                for (uint32_t r = 0; r < n; r++)
                    to[r] = rows[r * row + (size_t)input * w->taps + tap];
            }
    }
    free(rows);
    return VANTA_OK;
}

enum vanta_status xtts_weights_load(const struct vanta_xtts_file *file, uint32_t taps,
                                    uint32_t inputs, uint32_t outputs,
                                    struct xtts_weights *out, struct vanta_error *err,
                                    const char *format, ...)
{
    int64_t extents[] = {taps, inputs, outputs};
    struct vanta_xtts_tensor weight, bias;
    char name[64], full[80];
    enum vanta_status status;
    va_list args;

    *out = (struct xtts_weights){0};
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    status = vanta_xtts_tensor(file, XTTS_F32 | XTTS_F16, taps > 1 ? 3 : 2,
                               taps > 1 ? extents : extents + 1, &weight, err,
                               "%s.weight", name);
    if (status == VANTA_OK)
        status = xtts_weights_make(taps, inputs, outputs, out, err);
    if (status == VANTA_OK)
        status = fill(&weight, out, err);
    snprintf(full, sizeof full, "%s.bias", name);
    if (status != VANTA_OK || gguf_find_tensor(file->gguf, full) < 0)
        return status;
    status = vanta_xtts_tensor(file, XTTS_F32, 1, extents + 2, &bias, err, "%s", full);
    if (status == VANTA_OK)
        vanta_xtts_tensor_floats(&bias, 0, outputs, out->bias);
    return status;
}

/* An output's weights are a column of its panel. */
static void round_output(struct xtts_weights *w, uint32_t output)
{
    size_t rows = (size_t)w->taps * w->inputs, panel = output / XTTS_PANEL * rows;
    const float *from = w->panels + panel * XTTS_PANEL + output % XTTS_PANEL;
    int16_t *to = w->whole + panel * XTTS_PANEL + output % XTTS_PANEL * 2;
    float most = 0, broken = 0;

    for (size_t i = 0; i < rows; i++) {
        most = fabsf(from[i * XTTS_PANEL]) > most ? fabsf(from[i * XTTS_PANEL]) : most;
        broken += from[i * XTTS_PANEL] * 0;
    }
    /* Damaged weights must show in the result. */
    w->scales[output] = isfinite(broken) ? most / XTTS_WHOLE_WEIGHT : NAN;
    for (size_t i = 0; i < rows; i++)
        to[i / 2 * 2 * XTTS_PANEL + i % 2] =
            most > 0 && isfinite(broken)
                ? (int16_t)lrintf(from[i * XTTS_PANEL] * (XTTS_WHOLE_WEIGHT / most))
                : 0;
}

enum vanta_status xtts_weights_round(struct xtts_weights *w, struct vanta_error *err)
{
    size_t columns = ((size_t)w->outputs + XTTS_PANEL - 1) / XTTS_PANEL * XTTS_PANEL;

    w->whole = (int16_t *)(void *)xtts_floats(columns * w->taps * w->inputs / 2);
    w->scales = xtts_floats(columns);
    if (w->whole == NULL || w->scales == NULL)
        return vanta_fail_memory(err);
    for (size_t i = 0; i < columns; i++)
        round_output(w, (uint32_t)i);
    free(w->panels);
    w->panels = NULL;
    return VANTA_OK;
}

void xtts_weights_free(struct xtts_weights *w)
{
    free(w->whole);
    free(w->scales);
    w->whole = NULL;
    w->scales = NULL;
    free(w->panels);
    free(w->bias);
    w->panels = w->bias = NULL;
}

static const float *moved(const float *p, size_t by)
{
    return p != NULL ? p + by : NULL;
}

void xtts_weights_run(const struct xtts_weights *w, const struct vanta_xtts_kernel *kernel,
                      struct vanta_xtts_conv conv)
{
    const float *bias = conv.bias != NULL ? conv.bias : w->bias;
    const float *residual = conv.residual, *add = conv.add;
    float *out = conv.out, *leaky = conv.leaky;

    conv.taps = w->taps;
    conv.inputs = w->inputs;
    for (uint32_t first = 0; first < w->outputs; first += XTTS_PANEL) {
        if (w->whole != NULL) {
            conv.whole_panel = w->whole + (size_t)first * w->taps * w->inputs;
            conv.weight_scales = w->scales + first;
        } else {
            conv.panel = xtts_weight(w, first, 0, 0);
        }
        conv.bias = bias + first;
        conv.residual = moved(residual, first);
        conv.add = moved(add, first);
        conv.out = out != NULL ? out + first : NULL;
        conv.leaky = leaky != NULL ? leaky + first : NULL;
        conv.columns = w->outputs - first < XTTS_PANEL ? w->outputs - first : XTTS_PANEL;
        (w->whole != NULL ? kernel->conv_whole : kernel->conv)(&conv);
    }
}
