/* The reader of CTranslate2's model.bin. */
#include <stdio.h>
#include <string.h>

#include "../model_builder.h"
#include "cmocka_all.h"
#include "convert/ct2.h"

static struct vanta_error err;

static enum vanta_status read_buf(const struct vanta_buf *b, struct vanta_ct2 *model)
{
    struct vanta_cursor c;
    enum vanta_status status;

    memset(&err, 0, sizeof err);
    vanta_cursor_memory(&c, b->data, b->len, "model.bin");
    status = vanta_ct2_read(&c, model, &err);
    if (status != VANTA_OK) {
        assert_null(model->variables);
        assert_non_null(strstr(err.message, "model.bin"));
    }
    return status;
}

static void put_variable(struct vanta_buf *b, const char *name, unsigned rank,
                         const uint32_t *shape, unsigned type, uint32_t bytes)
{
    unsigned i;

    put_ct2_string(b, name);
    put_u8(b, rank);
    for (i = 0; i < rank; i++)
        put_u32(b, shape[i]);
    put_u8(b, type);
    put_u32(b, bytes);
}

static void put_head(struct vanta_buf *b, uint32_t variables)
{
    put_u32(b, 6);
    put_ct2_string(b, "WhisperSpec");
    put_u32(b, 3);
    put_u32(b, variables);
}

/* Two variables, a setting and an alias. */
static void build_small(struct vanta_buf *b)
{
    static const uint8_t data[24] = {0};
    static const uint32_t matrix[] = {2, 3}, vector[] = {5};

    put_head(b, 3);
    put_variable(b, "b/weight", 2, matrix, VANTA_CT2_F16, 12);
    put(b, data, 12);
    put_variable(b, "a/bias", 1, vector, VANTA_CT2_F32, 20);
    put(b, data, 20);
    put_variable(b, "heads", 0, NULL, VANTA_CT2_I16, 2);
    put_u16(b, 0xfffe);
    put_u32(b, 1);
    put_ct2_string(b, "0/alias");
    put_ct2_string(b, "b/weight");
}

static void test_reads_variables_and_aliases(void **state)
{
    struct vanta_buf b = VANTA_BUF(4096);
    const struct vanta_ct2_variable *v, *alias;
    struct vanta_ct2 model;

    (void)state;
    build_small(&b);
    assert_int_equal(read_buf(&b, &model), VANTA_OK);
    assert_string_equal(model.spec, "WhisperSpec");
    assert_int_equal(model.revision, 3);
    assert_int_equal(model.n_variables, 4);
    v = vanta_ct2_find(&model, "b/weight");
    assert_non_null(v);
    assert_int_equal(v->rank, 2);
    assert_int_equal(v->shape[1], 3);
    assert_int_equal(v->elements, 6);
    assert_int_equal(v->bytes, 12);
    assert_false(v->alias);
    alias = vanta_ct2_find(&model, "0/alias");
    assert_true(alias->alias);
    assert_int_equal(alias->data_pos, v->data_pos);
    assert_int_equal(vanta_ct2_find(&model, "heads")->scalar, -2);
    assert_null(vanta_ct2_find(&model, "c"));
    vanta_ct2_free(&model);
    vanta_buf_free(&b);
}

static void test_cut_short_anywhere(void **state)
{
    struct vanta_buf b = VANTA_BUF(4096);
    struct vanta_ct2 model;
    size_t len;

    (void)state;
    build_small(&b);
    len = b.len;
    for (b.len = 0; b.len < len; b.len++)
        assert_int_equal(read_buf(&b, &model), VANTA_ERR_FORMAT);
    put_u8(&b, 0);
    assert_int_equal(read_buf(&b, &model), VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "1 bytes follow"));
    vanta_buf_free(&b);
}

struct wrong {
    const char *message;
    unsigned rank;
    uint32_t shape[10];
    unsigned type;
    uint32_t bytes;
};

static void test_lying_shapes(void **state)
{
    static const struct wrong wrong[] = {
        {"its shape makes 24", 2, {2, 3}, VANTA_CT2_F32, 12},
        {"its shape makes 12", 2, {2, 3}, VANTA_CT2_BF16, 13},
        {"too large", 2, {65536, 65536}, VANTA_CT2_I8, 0},
        {"too large", 4, {65536, 65536, 65536, 65536}, VANTA_CT2_F32, 0},
        {"too large", 2, {0xffffffff, 0xffffffff}, VANTA_CT2_F32, 1},
        {"its shape makes 17179869180", 1, {0xffffffff}, VANTA_CT2_F32, 0xfffffffc},
        {"the data of x", 1, {0xffffffff}, VANTA_CT2_I8, 0xffffffff},
        {"9 dimensions", 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, VANTA_CT2_I8, 1},
        {"unknown type 6", 1, {1}, 6, 1},
        {"unknown type 255", 1, {1}, 255, 1},
    };
    struct vanta_ct2 model;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct vanta_buf b = VANTA_BUF(4096);

        put_head(&b, 1);
        put_variable(&b, "x", wrong[i].rank, wrong[i].shape, wrong[i].type,
                     wrong[i].bytes);
        put_u64(&b, 0);
        put_u64(&b, 0);
        assert_int_equal(read_buf(&b, &model), VANTA_ERR_FORMAT);
        if (!strstr(err.message, wrong[i].message))
            fail_msg("%zu: %s", i, err.message);
        vanta_buf_free(&b);
    }
}

static void test_wrong_head(void **state)
{
    static const uint32_t versions[] = {0, 5, 7, 0x06000000};
    struct vanta_ct2 model;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct vanta_buf b = VANTA_BUF(4096);

        put_u32(&b, versions[i]);
        put_ct2_string(&b, "WhisperSpec");
        assert_int_equal(read_buf(&b, &model), VANTA_ERR_UNSUPPORTED);
        assert_string_not_equal(err.hint, "");
        vanta_buf_free(&b);
    }
}

static void test_counts_are_bounded(void **state)
{
    struct vanta_buf b = VANTA_BUF(4096);
    struct vanta_ct2 model;

    (void)state;
    put_head(&b, 0xffffffff);
    assert_int_equal(read_buf(&b, &model), VANTA_ERR_LIMIT);
    b.len = 0;
    put_head(&b, VANTA_CT2_VARIABLES_MAX); /* claimed, not there */
    assert_int_equal(read_buf(&b, &model), VANTA_ERR_FORMAT);
    b.len = 0;
    put_head(&b, 0);
    put_u32(&b, 0xffffffff);
    assert_int_equal(read_buf(&b, &model), VANTA_ERR_LIMIT);
    vanta_buf_free(&b);
}

static void test_names(void **state)
{
    static const char *const messages[] = {"does not end", "does not end", "does not end",
                                           "a string of"};
    struct vanta_ct2 model;
    int i;

    (void)state;
    for (i = 0; i < 4; i++) {
        struct vanta_buf b = VANTA_BUF(4096);
        char text[1024];

        memset(text, 'x', sizeof text);
        put_head(&b, 1);
        put_u16(&b, i == 0 ? 0 : i == 3 ? VANTA_CT2_NAME_MAX + 1 : 4);
        put(&b, i == 1 ? "abcd" : i == 2 ? "a\0b" : text, i == 3 ? sizeof text : 4);
        assert_int_not_equal(read_buf(&b, &model), VANTA_OK);
        assert_non_null(strstr(err.message, messages[i]));
        vanta_buf_free(&b);
    }
}

static void test_names_are_unique_and_aliases_lead_somewhere(void **state)
{
    static const char *const aliases[][2] = {
        {"c", "d"}, {"c", "c"}, {"a", "a"}, {"b", "a"}};
    struct vanta_buf b = VANTA_BUF(4096);
    struct vanta_ct2 model;
    size_t len;
    int i;

    (void)state;
    put_head(&b, 2);
    put_variable(&b, "a", 0, NULL, VANTA_CT2_I8, 1);
    put_u8(&b, 1);
    len = b.len;
    put_variable(&b, "a", 0, NULL, VANTA_CT2_I8, 1);
    put_u8(&b, 1);
    put_u32(&b, 0);
    assert_int_equal(read_buf(&b, &model), VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "two variables are called a"));
    b.len = len;
    put_variable(&b, "b", 0, NULL, VANTA_CT2_I8, 1);
    put_u8(&b, 1);
    put_u32(&b, 1);
    len = b.len;
    for (i = 0; i < 4; i++) {
        b.len = len;
        put_ct2_string(&b, aliases[i][0]);
        put_ct2_string(&b, aliases[i][1]);
        assert_int_equal(read_buf(&b, &model), VANTA_ERR_FORMAT);
        assert_non_null(strstr(err.message, i < 2 ? "alias of nothing" : "two variables"));
    }
    vanta_buf_free(&b);
}

static void test_many_variables_are_found(void **state)
{
    struct vanta_buf b = VANTA_BUF(1 << 20);
    struct vanta_ct2 model;
    char name[32];
    int i;

    (void)state;
    put_head(&b, 3000);
    for (i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "v%d", i * 7919 % 3000);
        put_variable(&b, name, 0, NULL, VANTA_CT2_I32, 4);
        put_u32(&b, (uint32_t)(i * 7919 % 3000));
    }
    put_u32(&b, 0);
    assert_int_equal(read_buf(&b, &model), VANTA_OK);
    for (i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "v%d", i);
        assert_int_equal(vanta_ct2_find(&model, name)->scalar, i);
    }
    vanta_ct2_free(&model);
    vanta_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_variables_and_aliases),
        cmocka_unit_test(test_cut_short_anywhere),
        cmocka_unit_test(test_lying_shapes),
        cmocka_unit_test(test_wrong_head),
        cmocka_unit_test(test_counts_are_bounded),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_are_unique_and_aliases_lead_somewhere),
        cmocka_unit_test(test_many_variables_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
