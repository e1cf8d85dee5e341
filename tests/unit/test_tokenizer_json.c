/* Vocabularies of byte-level tokenizers. */
#include <stdio.h>
#include <string.h>

#include "../model_builder.h"
#include "cmocka_all.h"
#include "convert/tokenizer_json.h"

static struct vanta_error err;

static enum vanta_status read_text(const char *text, size_t n)
{
    struct vanta_vocabulary v;
    enum vanta_status status;

    memset(&err, 0, sizeof err);
    status = vanta_vocabulary_read(text, strlen(text), "t.json", n, &v, &err);
    if (status == VANTA_OK)
        vanta_vocabulary_free(&v);
    else
        assert_null(v.tokens);
    return status;
}

static void check_whole(bool list)
{
    struct vanta_buf text = VANTA_BUF(16 << 20);
    struct vanta_vocabulary v;
    unsigned i;

    build_tokenizer(&text, BUILDER_TOKENS, list);
    memset(&err, 0, sizeof err);
    if (vanta_vocabulary_read(text.data, text.len, "t.json", BUILDER_TOKENS, &v, &err) !=
        VANTA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(v.n, BUILDER_TOKENS);
    for (i = 0; i < BUILDER_TOKENS; i++) {
        char want[16];
        size_t want_len = token_text(i, want), len;
        const void *token = vanta_vocabulary_token(&v, i, &len);

        assert_int_equal(len, want_len);
        assert_memory_equal(token, want, len);
    }
    vanta_vocabulary_free(&v);
    vanta_buf_free(&text);
}

static void test_tokenizer_json(void **state)
{
    (void)state;
    check_whole(false);
}

static void test_vocabulary_json(void **state)
{
    (void)state;
    check_whole(true);
}

static void test_cut_short_anywhere(void **state)
{
    struct vanta_buf text = VANTA_BUF(16 << 20);
    struct vanta_vocabulary v;
    size_t len;

    (void)state;
    build_tokenizer(&text, 40, false);
    for (len = 0; len < text.len - 1; len++)
        assert_int_equal(vanta_vocabulary_read(text.data, len, "t", 40, &v, NULL),
                         VANTA_ERR_FORMAT);
    vanta_buf_free(&text);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        const char *message;
    } wrong[] = {
        {"{}", 1, "no model.vocab"},
        {"{\"model\": {}}", 0, "no model.vocab"},
        {"{\"model\": {\"vocab\": [[\"a\", -1.5]]}}", 1, "no model.vocab"},
        {"{\"model\": {\"vocab\": {\"a\": 0}}}", 2, "token 1 is missing, of 2"},
        {"{\"model\": {\"vocab\": {\"a\": 0, \"b\": 0}}}", 1, "two tokens have the id 0"},
        {"{\"model\": {\"vocab\": {\"a\": 0}, \"vocab\": {\"b\": 0}}}", 1, "two tokens"},
        {"{\"model\": {\"vocab\": {\"a b\": 0}}}", 1, "stands for no byte"},
        {"{\"model\": {\"vocab\": {\"\\u20ac\": 0}}}", 1, "stands for no byte"},
        {"{\"model\": {\"vocab\": {\"\\u0144\": 0}}}", 1, "stands for no byte"},
        {"{\"model\": {\"vocab\": {\"\xc1\xa1\": 0}}}", 1, "stands for no byte"},
        {"{\"model\": {\"vocab\": {\"\xc4\": 0}}}", 1, "stands for no byte"},
        {"{\"model\": {\"vocab\": {\"a\": \"0\"}}}", 1, "whole number"},
        {"{\"model\": {\"vocab\": {\"a\": -1}}}", 1, "whole number"},
        {"{\"model\": {\"vocab\": {\"a\": 0}}} x", 1, "behind the end"},
        {"[\"a\", 1]", 2, "string is wanted"},
        {"\"a\"", 1, "object is wanted"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (read_text(wrong[i].text, wrong[i].n) != VANTA_ERR_FORMAT)
            fail_msg("%s was taken", wrong[i].text);
        if (!strstr(err.message, wrong[i].message))
            fail_msg("%s: %s", wrong[i].text, err.message);
    }
}

static void test_limits(void **state)
{
    struct vanta_buf text = VANTA_BUF(8192);
    int i;

    (void)state;
    assert_int_equal(read_text("[]", VANTA_TOKENS_MAX + 1), VANTA_ERR_LIMIT);
    vanta_buf_puts(&text, "[\"");
    for (i = 0; i <= VANTA_TOKEN_BYTES_MAX; i++)
        vanta_buf_puts(&text, "a");
    vanta_buf_puts(&text, "\"]");
    assert_int_equal(read_text(text.data, 1), VANTA_ERR_LIMIT);
    vanta_buf_free(&text);
}

static void test_tokens_behind_the_wanted_may_be_anything(void **state)
{
    (void)state;
    assert_int_equal(read_text("[\"a\", \"\xe2\x82\xac\"]", 1), VANTA_OK);
    assert_int_equal(read_text("[\"\"]", 1), VANTA_OK);
    assert_int_equal(read_text("[]", 0), VANTA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokenizer_json),
        cmocka_unit_test(test_vocabulary_json),
        cmocka_unit_test(test_cut_short_anywhere),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_tokens_behind_the_wanted_may_be_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
