#include "cmocka_all.h"

#include <string.h>

#include "fetch/sniff.h"

static struct vanta_error err;

static enum vanta_status sniff_bytes(const void *data, size_t len, enum vanta_magic magic,
                                     const char *type)
{
    memset(&err, 0, sizeof err);
    return vanta_sniff(data, len, magic, type, "https://host/file", &err);
}

static enum vanta_status sniff(const char *text, enum vanta_magic magic)
{
    return sniff_bytes(text, strlen(text), magic, "");
}

static void pages_are_recognised(void **state)
{
    static const char *const pages[] = {
        "<!DOCTYPE html><html>", "\xef\xbb\xbf \r\n<HTML lang=en>", "<head>", "<script>",
        "<meta http-equiv=refresh>", "<title>x</title>", "<body>"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        assert_int_equal(sniff(pages[i], VANTA_MAGIC_ANY), VANTA_ERR_SERVER);
        assert_int_equal(sniff(pages[i], VANTA_MAGIC_GGUF), VANTA_ERR_SERVER);
        assert_non_null(strstr(err.message, "https://host/file"));
        assert_true(err.hint[0] != '\0');
    }
    assert_int_equal(
        sniff_bytes("<div>hello</div>", 16, VANTA_MAGIC_ANY, "text/html"),
        VANTA_ERR_SERVER);
}

static void titles_and_logins_are_told(void **state)
{
    (void)state;
    sniff("<html><title>Airport</title>", VANTA_MAGIC_ANY);
    assert_non_null(strstr(err.message, "an HTML page"));
    assert_non_null(strstr(err.message, "(\"Airport\")"));
    sniff("<html><TITLE>never ends", VANTA_MAGIC_ANY);
    assert_non_null(strstr(err.message, "never ends"));
    sniff("<html><input type=PassWord>", VANTA_MAGIC_ANY);
    assert_non_null(strstr(err.message, "a login page"));
}

static void ordinary_text_is_no_page(void **state)
{
    (void)state;
    /* A model's README may well begin so. */
    assert_int_equal(sniff("<div align=\"center\">", VANTA_MAGIC_ANY), VANTA_OK);
    assert_int_equal(sniff("<!-- licence -->", VANTA_MAGIC_ANY), VANTA_OK);
    assert_int_equal(sniff("html", VANTA_MAGIC_ANY), VANTA_OK);
    assert_int_equal(sniff("", VANTA_MAGIC_ANY), VANTA_OK);
    assert_int_equal(sniff("<", VANTA_MAGIC_ANY), VANTA_OK);
}

static void pointers_are_recognised(void **state)
{
    (void)state;
    assert_int_equal(sniff("version https://git-lfs.github.com/spec/v1\noid sha256:",
                           VANTA_MAGIC_ANY),
                     VANTA_ERR_SERVER);
    assert_non_null(strstr(err.message, "Git LFS pointer"));
    assert_int_equal(sniff("version https://git-lfs", VANTA_MAGIC_ANY), VANTA_OK);
}

static void magics_are_judged(void **state)
{
    static const char tensors[] = "\x10\0\0\0\0\0\0\0{\"a\":1}";
    static const char huge[] = "\xff\xff\xff\xff\xff\0\0\0{";

    (void)state;
    assert_int_equal(sniff("GGUF\3", VANTA_MAGIC_GGUF), VANTA_OK);
    assert_int_equal(sniff("GGU", VANTA_MAGIC_GGUF), VANTA_ERR_FORMAT);
    assert_int_equal(sniff("lmggx", VANTA_MAGIC_WHISPER_GGML), VANTA_OK);
    assert_int_equal(sniff("ggml", VANTA_MAGIC_WHISPER_GGML), VANTA_ERR_FORMAT);
    assert_int_equal(sniff("PK\3\4", VANTA_MAGIC_ZIP), VANTA_OK);
    assert_int_equal(sniff("PK", VANTA_MAGIC_ZIP), VANTA_ERR_FORMAT);
    assert_int_equal(sniff(" \n{", VANTA_MAGIC_JSON), VANTA_OK);
    assert_int_equal(sniff("[1]", VANTA_MAGIC_JSON), VANTA_OK);
    assert_int_equal(sniff("", VANTA_MAGIC_JSON), VANTA_ERR_FORMAT);
    assert_int_equal(sniff_bytes(tensors, sizeof tensors - 1, VANTA_MAGIC_SAFETENSORS, ""),
                     VANTA_OK);
    assert_int_equal(sniff_bytes(tensors, 8, VANTA_MAGIC_SAFETENSORS, ""),
                     VANTA_ERR_FORMAT);
    assert_int_equal(sniff_bytes(huge, sizeof huge - 1, VANTA_MAGIC_SAFETENSORS, ""),
                     VANTA_ERR_FORMAT);
}

static void what_came_instead_is_named(void **state)
{
    (void)state;
    sniff("GGUF\3", VANTA_MAGIC_ZIP);
    assert_non_null(strstr(err.message, "it is a GGUF file"));
    sniff("<?xml version=\"1.0\"?><Error>", VANTA_MAGIC_GGUF);
    assert_non_null(strstr(err.message, "XML message"));
    sniff("\x1f\x8b\x08", VANTA_MAGIC_GGUF);
    assert_non_null(strstr(err.message, "gzip data"));
    sniff("", VANTA_MAGIC_GGUF);
    assert_non_null(strstr(err.message, "empty"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_recognised),
        cmocka_unit_test(titles_and_logins_are_told),
        cmocka_unit_test(ordinary_text_is_no_page),
        cmocka_unit_test(pointers_are_recognised),
        cmocka_unit_test(magics_are_judged),
        cmocka_unit_test(what_came_instead_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
