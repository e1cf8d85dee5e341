/* The reader of safetensors headers. */
#include <stdio.h>
#include <string.h>

#include "../model_builder.h"
#include "cmocka_all.h"
#include "convert/safetensors.h"

static struct vanta_safetensors facts;
static struct vanta_error err;

/* A file of this header, with so many bytes of data; length -1: the header's own. */
static enum vanta_status read_header(const char *header, size_t data, int64_t length)
{
    struct vanta_buf b = VANTA_BUF(1 << 20);
    struct vanta_cursor c;
    enum vanta_status status;
    size_t i;

    put_u64(&b, length < 0 ? strlen(header) : (uint64_t)length);
    put(&b, header, strlen(header));
    for (i = 0; i < data; i++)
        put_u8(&b, 0);
    memset(&err, 0, sizeof err);
    vanta_cursor_memory(&c, b.data, b.len, "m.safetensors");
    status = vanta_safetensors_read(&c, &facts, &err);
    if (status != VANTA_OK) {
        assert_int_equal(facts.tensors, 0);
        assert_non_null(strstr(err.message, "m.safetensors"));
    }
    vanta_buf_free(&b);
    return status;
}

static void test_facts(void **state)
{
    (void)state;
    assert_int_equal(
        read_header("{\"__metadata__\":{\"format\":\"pt\",\"license\":\"mit\\u001b\","
                    "\"x\":\"y\"},"
                    "\"encoder.layer.11.w\":{\"dtype\":\"F16\",\"shape\":[2,3],"
                    "\"data_offsets\":[8,20]},"
                    "\"h.2.b\":{\"shape\":[],\"dtype\":\"F32\",\"data_offsets\":[4,8]},"
                    "\"empty\":{\"shape\":[0,5],\"dtype\":\"I64\","
                    "\"data_offsets\":[20,20]},"
                    "\"c\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}   ",
                    20, -1),
        VANTA_OK);
    assert_int_equal(facts.tensors, 4);
    assert_int_equal(facts.parameters, 8);
    assert_int_equal(facts.layers, 12);
    assert_string_equal(facts.main_type, "f16");
    assert_string_equal(facts.license, "mit?");
    assert_string_equal(facts.format, "pt");
}

struct visits {
    int n, stop_at;
    uint64_t pos, bytes;
};

static enum vanta_status visit(void *arg, const struct vanta_safetensors_tensor *t,
                               struct vanta_error *e)
{
    struct visits *v = arg;

    (void)e;
    if (strcmp(t->name, "b") == 0) {
        assert_string_equal(t->type, "f16");
        assert_int_equal(t->rank, 2);
        assert_int_equal(t->shape[0], 2);
        assert_int_equal(t->shape[1], 3);
        assert_int_equal(t->elements, 6);
        v->pos = t->data_pos;
        v->bytes = t->bytes;
    }
    return ++v->n == v->stop_at ? VANTA_ERR_CANCELLED : VANTA_OK;
}

static void test_each_tensor_is_visited(void **state)
{
    static const char header[] =
        "{\"b\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[4,16]},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}";
    struct vanta_buf b = VANTA_BUF(1 << 10);
    struct visits v = {0};
    struct vanta_cursor c;

    (void)state;
    put_u64(&b, strlen(header));
    put(&b, header, strlen(header));
    put(&b, "0123456789abcdef", 16);
    vanta_cursor_memory(&c, b.data, b.len, "m.safetensors");
    assert_int_equal(vanta_safetensors_each(&c, visit, &v, &facts, NULL), VANTA_OK);
    assert_int_equal(v.n, 2);
    assert_int_equal(v.bytes, 12);
    assert_memory_equal(b.data + v.pos, "456789abcdef", 12);
    assert_int_equal(facts.tensors, 2);
    v = (struct visits){.stop_at = 1};
    vanta_cursor_memory(&c, b.data, b.len, "m.safetensors");
    assert_int_equal(vanta_safetensors_each(&c, visit, &v, &facts, NULL),
                     VANTA_ERR_CANCELLED);
    assert_int_equal(v.n, 1);
    assert_int_equal(facts.tensors, 0);
    vanta_buf_free(&b);
}

static void test_no_tensors(void **state)
{
    (void)state;
    assert_int_equal(read_header("{}", 0, -1), VANTA_OK);
    assert_null(facts.main_type);
}

#define TENSOR(inside) "{\"a\":{" inside "}}"

static void test_refusals(void **state)
{
    static const struct {
        const char *header;
        size_t data;
        const char *message;
    } wrong[] = {
        {"[]", 0, "no safetensors header"},
        {" {}", 0, "no safetensors header"},
        {"", 0, "no safetensors header"},
        {"{} x", 0, "behind the end"},
        {"{", 0, "byte 1"},
        {"{\"a\":1}", 0, "object is wanted"},
        {TENSOR("\"shape\":[1],\"data_offsets\":[0,4]"), 4, "are missing"},
        {TENSOR("\"dtype\":\"F32\",\"data_offsets\":[0,4]"), 4, "are missing"},
        {TENSOR("\"dtype\":\"F32\",\"shape\":[1]"), 4, "are missing"},
        {TENSOR("\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]"), 4, "dtype"},
        {TENSOR("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1"), 4,
         "unknown or repeated"},
        {TENSOR("\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]"),
         4, "unknown or repeated"},
        {TENSOR("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]"), 4, "two"},
        {TENSOR("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]"), 4, "two"},
        {TENSOR("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]"), 4, "outside"},
        {TENSOR("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,4]"), 8, "outside"},
        {TENSOR("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]"), 4, "as long"},
        {TENSOR("\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]"), 1, "as long"},
        {TENSOR("\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]"), 4, "whole"},
        {TENSOR("\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]"), 4, "whole"},
        {TENSOR("\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],"
                "\"data_offsets\":[0,4]"),
         4, "too large"},
        {TENSOR("\"dtype\":\"F64\",\"shape\":[2305843009213693952],"
                "\"data_offsets\":[0,0]"),
         0, "too large"},
        {TENSOR("\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"
                "\"data_offsets\":[0,1]"),
         1, "too large"},
        {TENSOR("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]"), 8, "gap"},
        {TENSOR("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]"), 5,
         "end at byte 4 of 5"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
         3, "overlap"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
         2, "overlap"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (read_header(wrong[i].header, wrong[i].data, -1) != VANTA_ERR_FORMAT)
            fail_msg("%s was taken", wrong[i].header);
        if (!strstr(err.message, wrong[i].message))
            fail_msg("%s: %s", wrong[i].header, err.message);
    }
}

static void test_lying_header_length(void **state)
{
    (void)state;
    assert_int_equal(read_header("{}", 0, 3), VANTA_ERR_FORMAT);
    assert_int_equal(read_header("{}", 0, INT64_MAX), VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "cut short"));
    assert_int_equal(read_header("{}", 4, 1), VANTA_ERR_FORMAT);
}

static void test_cut_short_anywhere(void **state)
{
    static const char header[] =
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    struct vanta_buf b = VANTA_BUF(4096);
    struct vanta_cursor c;
    size_t len;

    (void)state;
    put_u64(&b, sizeof header - 1);
    put(&b, header, sizeof header - 1);
    put_u32(&b, 0);
    for (len = 0; len < b.len; len++) {
        vanta_cursor_memory(&c, b.data, len, "m");
        assert_int_equal(vanta_safetensors_read(&c, &facts, NULL), VANTA_ERR_FORMAT);
    }
    vanta_cursor_memory(&c, b.data, len, "m");
    assert_int_equal(vanta_safetensors_read(&c, &facts, NULL), VANTA_OK);
    vanta_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_each_tensor_is_visited),
        cmocka_unit_test(test_no_tensors),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_lying_header_length),
        cmocka_unit_test(test_cut_short_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
