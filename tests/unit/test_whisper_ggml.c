/* The reader of whisper.cpp's files. */
#include <stdio.h>
#include <string.h>

#include "../model_builder.h"
#include "cmocka_all.h"
#include "convert/whisper_ggml.h"

static struct vanta_buf b = VANTA_BUF(1 << 20);
static struct vanta_whisper_facts facts;
static struct vanta_error err;

static enum vanta_status read_all(void)
{
    struct vanta_cursor c;
    enum vanta_status status;

    memset(&err, 0, sizeof err);
    vanta_cursor_memory(&c, b.data, b.len, "ggml.bin");
    status = vanta_whisper_read(&c, &facts, &err);
    if (status != VANTA_OK) {
        assert_int_equal(facts.tensors, 0);
        assert_non_null(strstr(err.message, "ggml.bin"));
    }
    return status;
}

static void refused(const char *message)
{
    enum vanta_status status = read_all();

    if (status != VANTA_ERR_FORMAT || !strstr(err.message, message))
        fail_msg("%s: %d, %s", message, status, err.message);
}

/* Magic, hyperparameters (field number `at` replaced), small filters, two tokens. */
static void head(int at, uint32_t value)
{
    static const uint32_t fields[] = {51865, 6, 64, 1, 2, 5, 64, 1, 3, 80, 1};
    int i;

    b.len = 0;
    put_u32(&b, VANTA_WHISPER_MAGIC);
    for (i = 0; i < 11; i++)
        put_u32(&b, i == at ? value : fields[i]);
    put_u32(&b, 80);
    put_u32(&b, 2);
    for (i = 0; i < 160; i++)
        put_f32(&b, 0.5f);
    put_u32(&b, 2);
    put_u32(&b, 3);
    put(&b, "abc", 3);
    put_u32(&b, 0);
}

static void tensor(const char *name, uint32_t rank, const uint32_t *extents,
                   uint32_t type, size_t bytes)
{
    uint32_t i;

    put_u32(&b, rank);
    put_u32(&b, strlen(name));
    put_u32(&b, type);
    for (i = 0; i < rank; i++)
        put_u32(&b, extents[i]);
    put(&b, name, strlen(name));
    while (bytes-- > 0)
        put_u8(&b, 0);
}

static void test_facts(void **state)
{
    static const uint32_t vector[] = {5}, matrix[] = {64, 3};

    (void)state;
    head(10, 2009);
    tensor("one", 1, vector, 0, 20);
    tensor("two", 2, matrix, 7, 3 * 2 * 24); /* Q5_1 */
    if (read_all() != VANTA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(facts.header.n_vocab, 51865);
    assert_int_equal(facts.header.n_audio_layer, 2);
    assert_int_equal(facts.header.n_text_layer, 3);
    assert_int_equal(facts.header.n_text_ctx, 5);
    assert_int_equal(facts.header.ftype, 2009);
    assert_int_equal(facts.tokens, 2);
    assert_int_equal(facts.tensors, 2);
    assert_int_equal(facts.parameters, 5 + 192);
}

/* Only between two tensors can the end be missed, and never before the first. */
static void test_cut_short_anywhere(void **state)
{
    static const uint32_t vector[] = {5};
    size_t len, first;

    (void)state;
    head(-1, 0);
    tensor("one", 1, vector, 0, 20);
    first = b.len;
    tensor("two", 1, vector, 1, 10);
    len = b.len;
    for (b.len = 0; b.len < len; b.len++)
        assert_int_equal(read_all(), b.len == first ? VANTA_OK : VANTA_ERR_FORMAT);
}

static void test_wrong_heads(void **state)
{
    int i;

    (void)state;
    head(-1, 0);
    b.data[0] = 'x';
    refused("does not start as a ggml file");
    for (i = 0; i < 11; i++) {
        head(i, UINT32_MAX);
        refused("not a Whisper model: hyperparameter");
        if (i < 10) {
            head(i, 0);
            refused("not a Whisper model: hyperparameter");
        }
    }
    head(9, 128);
    refused("mel filters of 80 x 2");
    head(0, 1);
    refused("lists 2 tokens");
    head(-1, 0);
    refused("has no tensors");
}

static void test_wrong_tensors(void **state)
{
    static const struct {
        const char *message, *name;
        uint32_t rank, extents[4], type;
    } wrong[] = {
        {"no tensor starts", "t", 0, {1}, 0},
        {"no tensor starts", "t", 5, {1}, 0},
        {"no tensor starts", "", 1, {1}, 0},
        {"no tensor starts", "t", 1, {1}, 4},
        {"no tensor starts", "t", 1, {1}, 99},
        {"extent of 0", "t", 2, {1, 0}, 0},
        {"extent of", "t", 4, {1u << 31, 1u << 31, 1u << 31, 1u << 31}, 0},
        {"whole blocks", "t", 2, {16, 2}, 2},
        {"whole blocks", "t", 3, {1u << 31, 1u << 30, 2}, 0},
        {"cut short", "t", 1, {1000}, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        static const uint32_t none[5] = {1, 1, 1, 1, 1};

        head(-1, 0);
        tensor(wrong[i].name, wrong[i].rank, wrong[i].rank > 4 ? none : wrong[i].extents,
               wrong[i].type, 64);
        refused(wrong[i].message);
    }
    head(-1, 0);
    put_u32(&b, 1);
    put_u32(&b, UINT32_MAX);
    put_u32(&b, 0);
    refused("no tensor starts");
}

static int teardown(void **state)
{
    (void)state;
    vanta_buf_free(&b);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_cut_short_anywhere),
        cmocka_unit_test(test_wrong_heads),
        cmocka_unit_test(test_wrong_tensors),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
