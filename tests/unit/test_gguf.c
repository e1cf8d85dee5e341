/* The reader of GGUF headers. */
#include <stdio.h>
#include <string.h>

#include "../model_builder.h"
#include "cmocka_all.h"
#include "convert/ggml_type.h"
#include "convert/gguf.h"

enum { U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 };

static struct vanta_buf b = VANTA_BUF(1 << 20);
static struct vanta_gguf facts;
static struct vanta_error err;

static void head(uint32_t version, uint64_t tensors, uint64_t metadata)
{
    b.len = 0;
    put(&b, "GGUF", 4);
    put_u32(&b, version);
    put_u64(&b, tensors);
    put_u64(&b, metadata);
}

static void key(const char *name, uint32_t type)
{
    put_gguf_string(&b, name);
    put_u32(&b, type);
}

static void text(const char *name, const char *value)
{
    key(name, STRING);
    put_gguf_string(&b, value);
}

static void number(const char *name, uint32_t value)
{
    key(name, U32);
    put_u32(&b, value);
}

static void tensor(const char *name, uint32_t rank, const uint64_t *extents,
                   uint32_t type, uint64_t offset)
{
    uint32_t i;

    put_gguf_string(&b, name);
    put_u32(&b, rank);
    for (i = 0; i < rank; i++)
        put_u64(&b, extents[i]);
    put_u32(&b, type);
    put_u64(&b, offset);
}

static void data(size_t alignment, size_t bytes)
{
    while (b.len % alignment)
        put_u8(&b, 0);
    while (bytes-- > 0)
        put_u8(&b, 0);
}

static enum vanta_status read_all(void)
{
    struct vanta_cursor c;
    enum vanta_status status;

    memset(&err, 0, sizeof err);
    vanta_cursor_memory(&c, b.data, b.len, "m.gguf");
    status = vanta_gguf_read(&c, &facts, &err);
    if (status != VANTA_OK) {
        assert_int_equal(facts.tensors, 0);
        assert_non_null(strstr(err.message, "m.gguf"));
    }
    return status;
}

static void refused(const char *message)
{
    enum vanta_status status = read_all();

    if (status != VANTA_ERR_FORMAT || !strstr(err.message, message))
        fail_msg("%s: %d, %s", message, status, err.message);
}

/* Every type of value, and two tensors: 64 f32 and 512 Q4_K. */
static void build_good(void)
{
    static const uint64_t vector[] = {64}, matrix[] = {256, 2};
    int i;

    head(3, 2, 21);
    number("llama.context_length", 4096); /* before the architecture */
    text("general.architecture", "llama");
    text("general.name", "A \x1b[31mname");
    text("general.license", "mit");
    number("general.file_type", 15);
    key("llama.block_count", U16);
    put_u16(&b, 22);
    key("llama.embedding_length", I64);
    put_u64(&b, 2048);
    key("a.u8", U8), put_u8(&b, 1);
    key("a.i8", I8), put_u8(&b, 1);
    key("a.i16", I16), put_u16(&b, 1);
    key("a.i32", I32), put_u32(&b, 1);
    key("a.f32", F32), put_u32(&b, 1);
    key("a.bool", BOOL), put_u8(&b, 1);
    key("a.u64", U64), put_u64(&b, 1);
    key("a.f64", F64), put_u64(&b, 1);
    key("a.numbers", ARRAY), put_u32(&b, F32), put_u64(&b, 3);
    for (i = 0; i < 3; i++)
        put_u32(&b, 0);
    key("a.words", ARRAY), put_u32(&b, STRING), put_u64(&b, 2);
    put_gguf_string(&b, "one");
    put_gguf_string(&b, "");
    key("a.nested", ARRAY), put_u32(&b, ARRAY), put_u64(&b, 1);
    put_u32(&b, U16), put_u64(&b, 2), put_u32(&b, 0);
    key("a.none", ARRAY), put_u32(&b, STRING), put_u64(&b, 0);
    text("a.text", "value");
    number("general.alignment", 64);
    tensor("v", 1, vector, 0, 0);
    tensor("m", 2, matrix, 12, 256);
    data(64, 256 + 288);
}

static void test_facts(void **state)
{
    (void)state;
    build_good();
    if (read_all() != VANTA_OK)
        fail_msg("%s", err.message);
    assert_string_equal(facts.architecture, "llama");
    assert_string_equal(facts.name, "A ?[31mname");
    assert_string_equal(facts.license, "mit");
    assert_true(facts.has_file_type);
    assert_string_equal(vanta_gguf_file_type_name(facts.file_type), "Q4_K_M");
    assert_int_equal(facts.context_length, 4096);
    assert_int_equal(facts.block_count, 22);
    assert_int_equal(facts.embedding_length, 2048);
    assert_int_equal(facts.tensors, 2);
    assert_int_equal(facts.parameters, 64 + 512);
    assert_string_equal(facts.main_type, "Q4_K");
    assert_int_equal(facts.alignment, 64);
    assert_string_equal(facts.languages, "");
    assert_int_equal(facts.voices, 0);
}

static void names(const char *list, unsigned n, const char *name)
{
    key(list, ARRAY), put_u32(&b, STRING), put_u64(&b, n);
    while (n-- > 0)
        put_gguf_string(&b, name);
}

/* A speech model's lists, before the architecture and behind it; what is no list of names
 * says nothing, and one that lies about its length ends with the file. */
static void test_speech_facts(void **state)
{
    static const uint64_t vector[] = {64};

    (void)state;
    head(3, 1, 3);
    names("xtts.speakers", 3, "Somebody");
    text("general.architecture", "xtts");
    names("xtts.languages", 2, "e\x1bn");
    tensor("v", 1, vector, 0, 0);
    data(32, 256);
    assert_int_equal(read_all(), VANTA_OK);
    assert_string_equal(facts.languages, "e?n, e?n");
    assert_int_equal(facts.voices, 3);

    head(3, 1, 3);
    text("general.architecture", "xtts");
    key("xtts.speakers", ARRAY), put_u32(&b, U16), put_u64(&b, 2), put_u32(&b, 0);
    names("xtts.languages", 60, "zh-cn"); /* more than there is room for */
    tensor("v", 1, vector, 0, 0);
    data(32, 256);
    assert_int_equal(read_all(), VANTA_OK);
    assert_int_equal(facts.voices, 0);
    assert_int_equal(strlen(facts.languages), 23 * strlen("zh-cn, ") - 2);

    head(3, 1, 2);
    text("general.architecture", "xtts");
    key("xtts.speakers", ARRAY), put_u32(&b, STRING), put_u64(&b, UINT64_MAX);
    assert_int_equal(read_all(), VANTA_ERR_FORMAT);
    assert_int_equal(facts.voices, 0);
}

static void test_architecture_behind_its_keys(void **state)
{
    (void)state;
    head(2, 0, 3);
    number("bert.context_length", 512);
    number("other.context_length", 9);
    text("general.architecture", "bert");
    assert_int_equal(read_all(), VANTA_OK);
    assert_int_equal(facts.context_length, 512);
    assert_false(facts.has_file_type);
}

static void test_cut_short_anywhere(void **state)
{
    size_t len;

    (void)state;
    build_good();
    len = b.len;
    for (b.len = 0; b.len < len; b.len++)
        assert_int_equal(read_all(), VANTA_ERR_FORMAT);
}

static void test_heads(void **state)
{
    (void)state;
    head(3, 0, 0);
    assert_int_equal(read_all(), VANTA_OK);
    b.data[0] = 'g';
    refused("does not start with GGUF");
    head(1, 0, 0);
    assert_int_equal(read_all(), VANTA_ERR_UNSUPPORTED);
    head(4, 0, 0);
    assert_int_equal(read_all(), VANTA_ERR_UNSUPPORTED);
    head(0x03000000, 0, 0);
    assert_int_equal(read_all(), VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "big-endian"));
    head(3, UINT64_MAX, 0);
    refused("more than fit");
    head(3, 0, UINT64_MAX);
    refused("more than fit");
}

static void test_counts_are_bounded(void **state)
{
    (void)state;
    head(3, 0, VANTA_GGUF_METADATA_MAX + 1);
    data(1, 13 * (VANTA_GGUF_METADATA_MAX + 1));
    assert_int_equal(read_all(), VANTA_ERR_LIMIT);
}

static void test_metadata(void **state)
{
    int i;

    (void)state;
    head(3, 0, 1);
    key("k", 13);
    refused("unknown metadata type 13");
    head(3, 0, 1);
    put_u64(&b, UINT64_MAX);
    put_u64(&b, 0);
    refused("cut short");
    head(3, 0, 1);
    put_u64(&b, VANTA_GGUF_KEY_MAX + 1);
    data(1, VANTA_GGUF_KEY_MAX + 100);
    assert_int_equal(read_all(), VANTA_ERR_LIMIT);
    head(3, 0, 1);
    key("k", STRING);
    put_u64(&b, UINT64_MAX - 7);
    refused("cut short");
    head(3, 0, 1);
    key("k", ARRAY), put_u32(&b, F64), put_u64(&b, UINT64_MAX / 8 + 2);
    data(1, 64);
    refused("longer than the file");
    head(3, 0, 1);
    key("k", ARRAY), put_u32(&b, STRING), put_u64(&b, UINT64_MAX);
    data(1, 64);
    refused("cut short");
    head(3, 0, 1);
    key("k", ARRAY), put_u32(&b, 99), put_u64(&b, 1);
    refused("unknown metadata type 99");
    head(3, 0, 1);
    key("k", ARRAY);
    for (i = 0; i < VANTA_GGUF_NESTING_MAX + 1; i++)
        put_u32(&b, ARRAY), put_u64(&b, 1);
    assert_int_equal(read_all(), VANTA_ERR_LIMIT);
}

static void test_known_keys_have_their_types(void **state)
{
    static const char *const texts[] = {"general.architecture", "general.name"};
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        head(3, 0, 1);
        number(texts[i], 1);
        refused("is no string");
    }
    head(3, 0, 1);
    text("general.file_type", "Q4");
    refused("is no whole number");
    head(3, 0, 2);
    text("general.architecture", "x");
    key("x.block_count", F32), put_u32(&b, 0);
    refused("is no whole number");
    head(3, 0, 2);
    text("general.architecture", "x");
    key("x.block_count", I32), put_u32(&b, UINT32_MAX);
    refused("is negative");
    /* One value a layer is no fault. */
    head(3, 0, 2);
    text("general.architecture", "x");
    key("x.block_count", ARRAY), put_u32(&b, U32), put_u64(&b, 1), put_u32(&b, 4);
    assert_int_equal(read_all(), VANTA_OK);
}

static void test_alignment(void **state)
{
    static const uint32_t wrong[] = {0, 3, 48, VANTA_GGUF_ALIGNMENT_MAX * 2, UINT32_MAX};
    static const uint64_t vector[] = {1};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        head(3, 0, 1);
        number("general.alignment", wrong[i]);
        refused("alignment of");
    }
    head(3, 1, 0);
    tensor("t", 1, vector, 0, 16);
    data(32, 64);
    refused("not aligned to 32");
}

static void test_tensors(void **state)
{
    static const struct {
        const char *message;
        uint32_t rank;
        uint64_t extents[5];
        uint32_t type;
        uint64_t offset;
    } wrong[] = {
        {"5 dimensions", 5, {1, 1, 1, 1, 1}, 0, 0},
        {"too large", 2, {UINT64_MAX, 1}, 0, 0},
        {"too large", 2, {1ull << 32, 1ull << 32}, 0, 0},
        {"too large", 4, {1ull << 16, 1ull << 16, 1ull << 16, 1ull << 16}, 0, 0},
        {"whole blocks", 2, {16, 2}, 2, 0},
        {"whole blocks", 1, {INT64_MAX}, 0, 0}, /* its bytes have no 64-bit number */
        {"behind the file's end", 1, {1ull << 40}, 0, 0},
        {"behind the file's end", 1, {1}, 0, 1ull << 40},
        {"behind the file's end", 1, {1}, 0, UINT64_MAX - 31},
        {"cut short", 1, {17}, 0, 0},
        {"cut short", 1, {1}, 0, 64},
        {"cut short", 1, {1}, 99, 96}, /* an unknown type has a place too */
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        head(3, 1, 0);
        tensor("t", wrong[i].rank, wrong[i].extents, wrong[i].type, wrong[i].offset);
        data(32, 64);
        refused(wrong[i].message);
    }
    head(3, 1, 0);
    tensor("t", 1, wrong[9].extents, 99, 0);
    data(32, 64);
    assert_int_equal(read_all(), VANTA_OK);
    assert_null(facts.main_type);
    head(3, 1, 0);
    put_u64(&b, VANTA_GGUF_NAME_MAX + 1);
    data(1, 2 * VANTA_GGUF_NAME_MAX);
    assert_int_equal(read_all(), VANTA_ERR_LIMIT);
}

static void test_type_table(void **state)
{
    uint64_t bytes;

    (void)state;
    assert_true(vanta_ggml_type_bytes(14, 512, 256, &bytes));
    assert_int_equal(bytes, 420);
    assert_false(vanta_ggml_type_bytes(14, 512, 128, &bytes));
    assert_false(vanta_ggml_type_bytes(4, 32, 32, &bytes));
    assert_null(vanta_ggml_type_name(4));
    assert_null(vanta_ggml_type_name(UINT32_MAX));
    assert_string_equal(vanta_gguf_file_type_name(1024 + 7), "Q8_0");
    assert_null(vanta_gguf_file_type_name(UINT64_MAX));
    assert_string_equal(vanta_whisper_file_type_name(2009), "Q5_1");
    assert_null(vanta_whisper_file_type_name(999));
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
        cmocka_unit_test(test_speech_facts),
        cmocka_unit_test(test_architecture_behind_its_keys),
        cmocka_unit_test(test_cut_short_anywhere),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_counts_are_bounded),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_known_keys_have_their_types),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_type_table),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
