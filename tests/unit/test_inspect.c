/* What a file is, from its first bytes and its header. */
#include "scratch.h"

#include "../model_builder.h"
#include "cmocka_all.h"
#include "convert/inspect.h"

static struct vanta_model_facts facts;
static struct vanta_error err;

static enum vanta_status inspect(const void *bytes, size_t len)
{
    memset(&err, 0, sizeof err);
    return vanta_inspect_file(scratch_file("file", bytes, len), &facts, &err);
}

#define IS(bytes, expected)                                                              \
    do {                                                                                 \
        if (inspect(bytes, sizeof(bytes) - 1) != VANTA_OK)                               \
            fail_msg("%s", err.message);                                                 \
        assert_int_equal(facts.format, expected);                                        \
        assert_int_equal(facts.size_bytes, sizeof(bytes) - 1);                           \
    } while (0)

static void test_what_is_no_model(void **state)
{
    char tar[512] = "name";

    (void)state;
    IS("", VANTA_FORMAT_UNKNOWN);
    IS("x", VANTA_FORMAT_UNKNOWN);
    IS("{\"a\": 1}", VANTA_FORMAT_UNKNOWN);
    IS("<!DOCTYPE html><p>", VANTA_FORMAT_HTML);
    IS("\xef\xbb\xbf \r\n<HTML>", VANTA_FORMAT_HTML);
    IS("<?xml version=\"1.0\"?><Error/>", VANTA_FORMAT_HTML);
    IS("<htm", VANTA_FORMAT_UNKNOWN);
    IS("version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
       VANTA_FORMAT_LFS_POINTER);
    IS("\x1f\x8b\x08\x00", VANTA_FORMAT_ARCHIVE);
    memcpy(tar + 257, "ustar", 5);
    assert_int_equal(inspect(tar, sizeof tar), VANTA_OK);
    assert_int_equal(facts.format, VANTA_FORMAT_ARCHIVE);
}

static void test_pickles(void **state)
{
    (void)state;
    IS("\x80\x02\x8a\x0al\xfc\x9c" "F\xf9 j\xa8P\x19.", VANTA_FORMAT_TORCH);
    IS("\x80\x04\x95\x00\x00", VANTA_FORMAT_TORCH);
    IS("\x80\x02}q\x00", VANTA_FORMAT_TORCH);
    IS("\x80\x09}q\x00", VANTA_FORMAT_UNKNOWN);
}

/* A zip of empty stored members; directory: whether it is whole. */
static void build_zip(struct vanta_buf *z, const char *const *names, size_t n,
                      bool directory)
{
    uint32_t at[8];
    size_t i, start;

    z->len = 0;
    for (i = 0; i < n; i++) {
        at[i] = (uint32_t)z->len;
        put_u32(z, 0x04034b50);
        put(z, "\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
        put_u16(z, strlen(names[i]));
        put_u16(z, 0);
        put(z, names[i], strlen(names[i]));
    }
    start = z->len;
    for (i = 0; directory && i < n; i++) {
        put_u32(z, 0x02014b50);
        put(z, "\x14\0\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24);
        put_u16(z, strlen(names[i]));
        put(z, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
        put_u32(z, at[i]);
        put(z, names[i], strlen(names[i]));
    }
    put_u32(z, 0x06054b50);
    put(z, "\0\0\0\0", 4);
    put_u16(z, n);
    put_u16(z, n);
    put_u32(z, z->len - start);
    put_u32(z, directory ? start : 0xffffffff);
    put_u16(z, 0);
}

static void test_zips(void **state)
{
    static const struct {
        const char *names[3];
        size_t n;
        bool directory;
        enum vanta_file_format format;
    } zips[] = {
        {{"archive/data.pkl", "archive/version"}, 2, true, VANTA_FORMAT_TORCH},
        {{"archive/data.pkl", "archive/version"}, 2, false, VANTA_FORMAT_TORCH},
        {{"a/byteorder", "a/data.pkl"}, 2, true, VANTA_FORMAT_TORCH},
        {{"a/byteorder", "a/model.pickle"}, 2, true, VANTA_FORMAT_TORCH},
        {{"package/__init__.py", "package/pkl"}, 2, true, VANTA_FORMAT_ARCHIVE},
        {{"package/__init__.py"}, 1, false, VANTA_FORMAT_ARCHIVE},
        {{NULL}, 0, true, VANTA_FORMAT_ARCHIVE},
    };
    struct vanta_buf z = VANTA_BUF(1 << 20);
    size_t i, len;

    (void)state;
    for (i = 0; i < sizeof zips / sizeof zips[0]; i++) {
        build_zip(&z, zips[i].names, zips[i].n, zips[i].directory);
        assert_int_equal(inspect(z.data, z.len), VANTA_OK);
        if (facts.format != zips[i].format)
            fail_msg("zip %zu is %s", i, vanta_file_format_name(facts.format));
    }
    /* However it is cut, the pickle in front is seen. */
    build_zip(&z, zips[0].names, 2, true);
    for (len = 46; len < z.len; len++) {
        assert_int_equal(inspect(z.data, len), VANTA_OK);
        assert_int_equal(facts.format, VANTA_FORMAT_TORCH);
    }
    vanta_buf_free(&z);
}

static void test_onnx(void **state)
{
    (void)state;
    IS("\x08\x09\x12\x07pytorch\x1a\x03" "1.0\x3a\x04xxxx", VANTA_FORMAT_ONNX);
    IS("\x08\x09\x3a\x04xxxx\x42\x00", VANTA_FORMAT_ONNX);
    IS("\x08\x09\x12\x07pytorch\x3a\x05xxxx", VANTA_FORMAT_UNKNOWN); /* no such room */
    IS("\x08\x09\x12\x7fpytorch", VANTA_FORMAT_UNKNOWN);
    IS("\x08\x09\x7f\x01x", VANTA_FORMAT_UNKNOWN);
    IS("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", VANTA_FORMAT_UNKNOWN);
}

static void test_ctranslate2(void **state)
{
    struct vanta_buf b = VANTA_BUF((size_t)64 << 20);
    struct ct2_options options = ct2_defaults;

    (void)state;
    build_ct2(&b, &options);
    assert_int_equal(inspect(b.data, b.len), VANTA_OK);
    assert_int_equal(facts.format, VANTA_FORMAT_CTRANSLATE2);
    assert_string_equal(facts.architecture, "whisper");
    assert_string_equal(facts.quantization, "f16");
    assert_int_equal(facts.context_tokens, BUILDER_TEXT_CTX);
    assert_int_equal(facts.embedding_length, 64);
    assert_int_equal(facts.layers, 1);
    assert_int_equal(inspect(b.data, b.len - 1), VANTA_ERR_FORMAT);
    assert_int_equal(facts.format, 0);
    b.len = 0;
    options.type = VANTA_CT2_I8;
    options.spec = "TransformerSpec";
    build_ct2(&b, &options);
    assert_int_equal(inspect(b.data, b.len), VANTA_OK);
    assert_string_equal(facts.quantization, "i8");
    assert_string_equal(facts.architecture, "TransformerSpec");
    vanta_buf_free(&b);
    /* Another version is named, and no more. */
    IS("\x05\0\0\0\x0c\0WhisperSpec\0", VANTA_FORMAT_CTRANSLATE2);
    assert_int_equal(facts.parameters, 0);
    IS("\x06\0\0\0\x0c\0WhisperSpeX\0rest", VANTA_FORMAT_UNKNOWN);
}

static void test_scales_and_aliases_are_no_parameters(void **state)
{
    struct vanta_buf b = VANTA_BUF((size_t)64 << 20);
    struct ct2_options options = ct2_defaults;
    uint64_t parameters, tensors;

    (void)state;
    build_ct2(&b, &options);
    assert_int_equal(inspect(b.data, b.len), VANTA_OK);
    parameters = facts.parameters;
    tensors = facts.tensors;
    assert_true(parameters > (uint64_t)BUILDER_VOCAB * 64);
    options.type = VANTA_CT2_I8;
    options.alias = NULL;
    b.len = 0;
    build_ct2(&b, &options);
    assert_int_equal(inspect(b.data, b.len), VANTA_OK);
    assert_int_equal(facts.parameters, parameters);
    assert_int_equal(facts.tensors, tensors);
    vanta_buf_free(&b);
}

static void test_gguf(void **state)
{
    struct vanta_buf b = VANTA_BUF(4096);

    (void)state;
    put(&b, "GGUF", 4);
    put_u32(&b, 3);
    put_u64(&b, 1);
    put_u64(&b, 1);
    put_gguf_string(&b, "general.architecture");
    put_u32(&b, 8);
    put_gguf_string(&b, "bert");
    put_gguf_string(&b, "t");
    put_u32(&b, 1);
    put_u64(&b, 32);
    put_u32(&b, 8);
    put_u64(&b, 0);
    while (b.len % 32)
        put_u8(&b, 0);
    put_u64(&b, 0), put_u64(&b, 0), put_u64(&b, 0), put_u64(&b, 0), put_u16(&b, 0);
    assert_int_equal(inspect(b.data, b.len), VANTA_OK);
    assert_int_equal(facts.format, VANTA_FORMAT_GGUF);
    assert_string_equal(facts.architecture, "bert");
    assert_string_equal(facts.quantization, "Q8_0"); /* by most bytes */
    assert_int_equal(facts.parameters, 32);
    assert_int_equal(inspect(b.data, b.len - 1), VANTA_ERR_FORMAT);
    vanta_buf_free(&b);
}

static void test_safetensors(void **state)
{
    static const char header[] =
        "{\"h.3.w\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}";
    struct vanta_buf b = VANTA_BUF(4096);

    (void)state;
    put_u64(&b, sizeof header - 1);
    put(&b, header, sizeof header - 1);
    put_u32(&b, 0);
    assert_int_equal(inspect(b.data, b.len), VANTA_OK);
    assert_int_equal(facts.format, VANTA_FORMAT_SAFETENSORS);
    assert_string_equal(facts.quantization, "bf16");
    assert_int_equal(facts.parameters, 2);
    assert_int_equal(facts.layers, 4);
    /* Cut in its header it is still told for what it is. */
    assert_int_equal(inspect(b.data, 30), VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "cut short"));
    vanta_buf_free(&b);
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_inspect_file(in_scratch("none"), &facts, &err),
                     VANTA_ERR_NOT_FOUND);
    assert_int_equal(vanta_inspect_file(scratch, &facts, NULL), VANTA_ERR_FORMAT);
    assert_int_equal(mkfifo(in_scratch("fifo"), 0600), 0);
    assert_int_equal(vanta_inspect_file(in_scratch("fifo"), &facts, NULL),
                     VANTA_ERR_FORMAT);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(vanta_file_format_name(VANTA_FORMAT_GGUF), "gguf");
    assert_string_equal(vanta_file_format_name(VANTA_FORMAT_LFS_POINTER), "lfs-pointer");
    assert_string_equal(vanta_file_format_name(VANTA_FORMAT_UNKNOWN), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_what_is_no_model),
        scratch_test(test_pickles),
        scratch_test(test_zips),
        scratch_test(test_onnx),
        scratch_test(test_ctranslate2),
        scratch_test(test_scales_and_aliases_are_no_parameters),
        scratch_test(test_gguf),
        scratch_test(test_safetensors),
        scratch_test(test_what_is_no_file),
        scratch_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
