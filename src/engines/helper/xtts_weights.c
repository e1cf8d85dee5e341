#include "engines/helper/xtts_weights.h"

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

void xtts_weights_free(struct xtts_weights *w)
{
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
        conv.panel = xtts_weight(w, first, 0, 0);
        conv.bias = bias + first;
        conv.residual = moved(residual, first);
        conv.add = moved(add, first);
        conv.out = out != NULL ? out + first : NULL;
        conv.leaky = leaky != NULL ? leaky + first : NULL;
        conv.columns = w->outputs - first < XTTS_PANEL ? w->outputs - first : XTTS_PANEL;
        kernel->conv(&conv);
    }
}
