/* test_embed.c - a sentence encoder: reference vectors, order of likeness, throughput. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "models/encoder_file.h"
#include "models/test_private.h"

#define DIMENSIONS_MAX 16384
#define THROUGHPUT_TEXTS 128

static const struct vanta_json_doc sentences_doc = {"the sentences"};

static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* --- reference vectors --- */

static enum vanta_status compare(struct test *test, const json_t *reference,
                                 double *least, struct vanta_error *err)
{
    float expected[DIMENSIONS_MAX];
    size_t n = DIMENSIONS_MAX;
    struct vanta_embeddings found = {0};
    const char *text = NULL;
    double likeness;
    enum vanta_status status =
        vanta_json_string(&sentences_doc, reference, "", "text", true, &text, err);

    if (status == VANTA_OK)
        status = vanta_recipe_vector(json_object_get(reference, "vector"), expected, &n,
                                     err);
    if (status == VANTA_OK)
        status = vanta_engine_embed(test->engine, &text, 1, &found, err);
    if (status == VANTA_OK) {
        likeness = found.dimensions == n ? cosine(expected, found.values, n) : -1;
        if (likeness < *least)
            *least = likeness;
    }
    vanta_embeddings_free(&found);
    return status;
}

static enum vanta_status check_references(struct test *test, struct vanta_error *err)
{
    const json_t *list = test->recipe.references;
    double bound = test->recipe.cosine_min, least = 2;
    size_t i, n = json_array_size(list);
    enum vanta_status status = VANTA_OK;
    bool right;

    for (i = 0; i < n && status == VANTA_OK; i++) {
        test_phase(test, "comparing vectors", (double)i / (double)n);
        status = compare(test, json_array_get(list, i), &least, err);
    }
    if (status != VANTA_OK || n == 0)
        return status;
    test_figure(test, "cosine_min", least);
    if (bound < 0)
        return test_warn(test, "vectors", err, "cosine %.5f; no bound is known", least);
    right = least >= bound;
    return test_check(test, "vectors", right, err,
                      right ? "cosine to the references at least %.5f (bound %.4f)"
                            : "the cosine to a reference vector is %.5f, less than %.4f",
                      least, bound);
}

/* --- likeness --- */

static enum vanta_status check_triple(struct test *test, const json_t *triple,
                                      size_t *wrong, char example[256],
                                      struct vanta_error *err)
{
    const char *texts[3];
    struct vanta_embeddings found = {0};
    enum vanta_status status;
    size_t i, d;

    for (i = 0; i < 3; i++) {
        texts[i] = json_string_value(json_array_get(triple, i));
        if (!texts[i])
            return vanta_fail(err, VANTA_ERR_INTERNAL, "a triple is not three texts");
    }
    status = vanta_engine_embed(test->engine, texts, 3, &found, err);
    if (status != VANTA_OK)
        return status;
    d = found.dimensions;
    if (!(cosine(found.values, found.values + d, d) >
          cosine(found.values, found.values + 2 * d, d))) {
        ++*wrong;
        snprintf(example, 256, "\"%.70s\" is nearer to \"%.70s\" than to \"%.70s\"",
                 texts[0], texts[2], texts[1]);
    }
    vanta_embeddings_free(&found);
    return VANTA_OK;
}

static enum vanta_status check_likeness(struct test *test, const json_t *triples,
                                        struct vanta_error *err)
{
    char example[256] = "";
    size_t i, n = json_array_size(triples), wrong = 0;
    enum vanta_status status = VANTA_OK;

    for (i = 0; i < n && status == VANTA_OK; i++) {
        test_phase(test, "comparing sentences", (double)i / (double)n);
        status = check_triple(test, json_array_get(triples, i), &wrong, example, err);
    }
    if (status != VANTA_OK)
        return status;
    return test_check(test, "likeness", wrong == 0, err,
                      wrong == 0 ? "%zu of %zu sentences are nearest to what means the same"
                                 : "%zu of %zu sentences are as expected: %s",
                      n - wrong, n, example);
}

/* --- throughput --- */

static enum vanta_status take_throughput(struct test *test, const json_t *triples,
                                         struct vanta_error *err)
{
    const char *texts[THROUGHPUT_TEXTS];
    struct vanta_embeddings found = {0};
    size_t i, n = json_array_size(triples), dimensions;
    double per_s;
    enum vanta_status status;

    for (i = 0; i < THROUGHPUT_TEXTS; i++)
        texts[i] = json_string_value(
            json_array_get(json_array_get(triples, i / 3 % n), i % 3));
    test_phase(test, "taking the speed", -1);
    status = vanta_engine_embed(test->engine, texts, THROUGHPUT_TEXTS, &found, err);
    if (status != VANTA_OK)
        return status;
    dimensions = found.dimensions;
    per_s = found.engine_ms > 0 ? THROUGHPUT_TEXTS * 1000 / found.engine_ms : 0;
    vanta_embeddings_free(&found);
    test_figure(test, "dimensions", (double)dimensions);
    test_figure(test, "sentences_per_s", per_s);
    test_summary(test, "%zu dimensions, %.0f sentences/s", dimensions, per_s);
    if (test->recipe.dimensions == 0)
        return VANTA_OK;
    return test_check(test, "dimensions", (int64_t)dimensions == test->recipe.dimensions,
                      err, "%zu dimensions; the recipe says %lld", dimensions,
                      (long long)test->recipe.dimensions);
}

enum vanta_status test_embed(struct test *test, struct vanta_error *err)
{
    struct vanta_encoder_file file = {0};
    json_t *document = NULL;
    const json_t *triples = NULL;
    enum vanta_status status = vanta_recipe_json("sentences.json", &document, err);

    if (status == VANTA_OK)
        status = vanta_json_array(&sentences_doc, document, "", "triples", true, 64,
                                  &triples, err);
    if (status == VANTA_OK) {
        test_phase(test, "preparing", -1);
        status = vanta_encoder_file_find(test->options->root, test->entry,
                                         test->options->cancel, &file, err);
    }
    if (status == VANTA_OK)
        status = test_open(test, VANTA_ENGINE_ENCODER, file.path, err);
    if (status == VANTA_OK)
        status = check_references(test, err);
    if (status == VANTA_OK)
        status = check_likeness(test, triples, err);
    if (status == VANTA_OK)
        status = take_throughput(test, triples, err);
    vanta_encoder_file_release(&file);
    json_decref(document);
    return status;
}
