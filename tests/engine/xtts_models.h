/*
 * xtts_models.h - models of XTTS for tests of its engine: a small one, made by formula and
 * converted in the test's own folder, and recorded outputs of the reference.
 */
#ifndef VANTA_TESTS_XTTS_MODELS_H
#define VANTA_TESTS_XTTS_MODELS_H

#include <math.h>

#include "../xtts_files.h"
#include "cmocka_all.h"
#include "convert/xtts_gguf.h"
#include "engines/helper/xtts_file.h"
#include "scratch.h"

static const char *const xtts_types[] = {"f32", "f16", "q8_0"};

static inline struct vanta_xtts_file *xtts_open(const char *path)
{
    struct vanta_xtts_file *file;
    struct vanta_error err = {0};

    if (vanta_xtts_file_open(path, &file, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    return file;
}

/* The small model in all three types: "f32.gguf", ... in the scratch folder. */
static inline int xtts_setup(void **state)
{
    static const struct vanta_encoder_source source = {.name = "xtts-small"};
    static const struct xtts_variant plain;
    char name[16];

    if (scratch_setup(state) != 0)
        return -1;
    xtts_write_folder(in_scratch("small"), &xtts_small, &plain);
    for (size_t i = 0; i < 3; i++) {
        struct vanta_convert_result result;
        struct vanta_error err = {0};
        enum vanta_encoder_weights type;

        snprintf(name, sizeof name, "%s.gguf", xtts_types[i]);
        assert_true(vanta_encoder_weights_parse(xtts_types[i], &type));
        if (vanta_xtts_gguf(in_scratch("small"), in_scratch(name), type, &source, NULL,
                            NULL, NULL, &result, &err) != VANTA_OK)
            fail_msg("%s", err.message);
    }
    return 0;
}

/* count units of a name, as the formula has them. */
static inline float *xtts_units(const char *name, size_t count, float factor)
{
    float *out = malloc(count * sizeof *out);

    assert_non_null(out);
    for (size_t i = 0; i < count; i++)
        out[i] = factor * xtts_unit(xtts_hash(name), i + 1);
    return out;
}

/* Units of unit length. */
static inline float *xtts_direction(const char *name, size_t count)
{
    float *out = xtts_units(name, count, 1);
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (double)out[i] * (double)out[i];
    for (size_t i = 0; i < count; i++)
        out[i] = (float)((double)out[i] / sqrt(sum));
    return out;
}

/* The values of a NumPy file of f32; rows x columns that lie column by column are turned. */
static inline float *xtts_npy(const char *name, size_t rows, size_t columns)
{
    size_t n = rows * columns;
    float *raw = malloc(n * sizeof *raw), *out = malloc(n * sizeof *out);
    char path[4096], head[129] = {0};
    bool turned;
    FILE *f;

    snprintf(path, sizeof path, "%s/xtts/%s.npy", TEST_DATA, name);
    f = fopen(path, "rb");
    if (f == NULL)
        fail_msg("%s is missing", path);
    assert_non_null(raw);
    assert_non_null(out);
    assert_int_equal(fread(head, 1, 128, f), 128);
    assert_int_equal(fread(raw, sizeof *raw, n, f), n);
    assert_int_equal(fgetc(f), EOF);
    fclose(f);
    turned = strstr(head + 10, "'fortran_order': True") != NULL;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            out[r * columns + c] = raw[turned ? c * rows + r : r * columns + c];
    free(raw);
    return out;
}

struct xtts_difference {
    double most, cosine; /* largest difference; between the two as vectors */
};

static inline struct xtts_difference xtts_compare(const float *a, const float *b, size_t n)
{
    double aa = 0, ab = 0, bb = 0;
    struct xtts_difference d = {0};

    for (size_t i = 0; i < n; i++) {
        d.most = fmax(d.most, fabs((double)a[i] - (double)b[i]));
        aa += (double)a[i] * (double)a[i];
        ab += (double)a[i] * (double)b[i];
        bb += (double)b[i] * (double)b[i];
    }
    d.cosine = ab / sqrt(aa * bb);
    return d;
}

#endif
