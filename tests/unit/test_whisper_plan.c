/* Judging a CTranslate2 model by its names, types and shapes. */
#include <stdio.h>
#include <string.h>

#include "../model_builder.h"
#include "cmocka_all.h"
#include "convert/whisper_plan.h"

static struct vanta_buf file = VANTA_BUF((size_t)64 << 20);
static struct vanta_ct2 model;
static struct vanta_error err;

static int setup(void **state)
{
    struct vanta_cursor c;

    (void)state;
    build_ct2(&file, &ct2_defaults);
    vanta_cursor_memory(&c, file.data, file.len, "model.bin");
    return vanta_ct2_read(&c, &model, NULL) == VANTA_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    vanta_ct2_free(&model);
    vanta_buf_free(&file);
    return 0;
}

static enum vanta_status plan(void)
{
    struct vanta_whisper_plan out;
    enum vanta_status status;

    memset(&err, 0, sizeof err);
    status = vanta_whisper_plan_make(&model, "model.bin", &out, &err);
    if (status != VANTA_OK) {
        assert_null(out.pieces);
        assert_non_null(strstr(err.message, "model.bin"));
    }
    vanta_whisper_plan_free(&out);
    return status;
}

/* Another name at the same place of the order. */
static char *other_name(const char *name)
{
    static char other[VANTA_CT2_NAME_MAX];

    snprintf(other, sizeof other, "%s!", name);
    return other;
}

static bool is_weight(const struct vanta_ct2_variable *v)
{
    return v->rank > 0 && !v->alias;
}

static void test_the_model_as_it_is(void **state)
{
    struct vanta_whisper_plan out;
    uint64_t elements = 0, bytes = 0;
    size_t i;

    (void)state;
    assert_int_equal(vanta_whisper_plan_make(&model, "m", &out, &err), VANTA_OK);
    for (i = 0; i < out.n_pieces; i++) {
        const struct vanta_whisper_piece *piece = &out.pieces[i];

        elements += piece->elements;
        if (piece->to.name[0])
            bytes += piece->elements * (piece->to.type ? 2 : 4) + 12 +
                     4 * piece->to.rank + strlen(piece->to.name);
    }
    for (i = 0; i < model.n_variables; i++)
        if (is_weight(&model.variables[i]))
            elements -= model.variables[i].elements;
    /* Every weight is in exactly one piece. */
    assert_int_equal(elements, 0);
    assert_int_equal(out.tensor_bytes, bytes);
    assert_int_equal(out.n_tokens, BUILDER_TOKENS);
    vanta_whisper_plan_free(&out);
}

/* Changes one variable, expects a refusal, and puts it back. */
#define REFUSED(v, change)                                                               \
    do {                                                                                 \
        struct vanta_ct2_variable kept = *(v);                                           \
                                                                                         \
        change;                                                                          \
        if (plan() == VANTA_OK)                                                          \
            fail_msg("%s was taken with %s", kept.name, #change);                        \
        *(v) = kept;                                                                     \
    } while (0)

static void test_every_weight_is_needed_in_its_shape(void **state)
{
    size_t i;
    unsigned k;

    (void)state;
    for (i = 0; i < model.n_variables; i++) {
        struct vanta_ct2_variable *v = &model.variables[i];

        if (!is_weight(v))
            continue;
        REFUSED(v, v->name = other_name(v->name));
        REFUSED(v, v->rank = 0);
        REFUSED(v, v->rank = v->rank % 3 + 1);
        REFUSED(v, v->type = VANTA_CT2_I16);
        REFUSED(v, v->type = VANTA_CT2_I32);
        REFUSED(v, v->type = VANTA_CT2_I8); /* there are no scales */
        for (k = 0; k < v->rank; k++) {
            /* The length of these is the model's own business. */
            if (k == 0 && (strstr(v->name, "encodings") || strstr(v->name, "embeddings")))
                continue;
            REFUSED(v, v->shape[k]++);
            REFUSED(v, v->shape[k]--);
            REFUSED(v, v->shape[k] = UINT32_MAX);
            REFUSED(v, (v->shape[k] = 0, v->elements = 0));
        }
    }
    assert_int_equal(plan(), VANTA_OK);
}

static void test_vocabularies(void **state)
{
    struct vanta_ct2_variable *v = (struct vanta_ct2_variable *)(uintptr_t)vanta_ct2_find(
        &model, "decoder/embeddings/weight");

    (void)state;
    REFUSED(v, v->shape[0] = 50255);
    REFUSED(v, v->shape[0] = UINT32_MAX);
    REFUSED(v, (v->shape[0] = 0, v->elements = 0));
}

static void test_settings_may_be_missing(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < model.n_variables; i++) {
        struct vanta_ct2_variable *v = &model.variables[i], kept = *v;

        if (v->rank != 0)
            continue;
        v->name = other_name(v->name);
        assert_int_equal(plan(), VANTA_OK);
        *v = kept;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_model_as_it_is),
        cmocka_unit_test(test_every_weight_is_needed_in_its_shape),
        cmocka_unit_test(test_vocabularies),
        cmocka_unit_test(test_settings_may_be_missing),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
