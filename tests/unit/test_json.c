#include "cmocka_all.h"

#include "base/error.h"
#include "base/json.h"
#include "scratch.h"

static const struct vanta_json_doc doc = {"d.json"};

static json_t *parse(const char *text)
{
    json_t *json = NULL;

    assert_int_equal(vanta_json_load(text, strlen(text), "d.json", &json, NULL),
                     VANTA_OK);
    return json;
}

static void bad_text_is_refused_with_its_line(void **state)
{
    static const char *const bad[] = {"", "{", "{\"a\":1,\"a\":2}", "{} x", "{\"a\":}",
                                      "nul", "{\"a\":\"\\u0000\"}", "{\"\xff\":1}", "1"};
    struct vanta_error err = {0};
    json_t *json = NULL;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(vanta_json_load(bad[i], strlen(bad[i]), "x", &json, NULL),
                         VANTA_ERR_FORMAT);
    assert_null(json);
    assert_int_equal(vanta_json_load("{\n \"a\": ?\n}", 12, "bad.json", &json, &err),
                     VANTA_ERR_FORMAT);
    assert_ptr_equal(strstr(err.message, "bad.json:2:"), err.message);
}

static void nesting_has_an_end(void **state)
{
    char *deep = malloc(100001);
    json_t *json = NULL;

    (void)state;
    memset(deep, '[', 100000);
    deep[100000] = '\0';
    assert_int_equal(vanta_json_load(deep, 100000, "x", &json, NULL), VANTA_ERR_FORMAT);
    free(deep);
}

static void files_are_read_up_to_a_cap(void **state)
{
    const char *path = scratch_text("f.json", "{\"a\": 1}");
    struct vanta_error err = {0};
    json_t *json = NULL;

    (void)state;
    assert_int_equal(vanta_json_load_file(path, 100, &json, NULL), VANTA_OK);
    assert_int_equal(json_integer_value(json_object_get(json, "a")), 1);
    json_decref(json);
    assert_int_equal(vanta_json_load_file(path, 7, &json, &err), VANTA_ERR_LIMIT);
    assert_int_equal(vanta_json_load_file(in_scratch("no"), 7, &json, NULL),
                     VANTA_ERR_NOT_FOUND);
    assert_int_equal(vanta_json_load_file(scratch_text("empty", ""), 7, &json, NULL),
                     VANTA_ERR_FORMAT);
}

static void text_comes_out_as_it_went_in(void **state)
{
    json_t *json = parse("{\"b\": [1, true], \"a\": null}");
    struct vanta_buf out = VANTA_BUF(1000), small = VANTA_BUF(10);

    (void)state;
    assert_int_equal(vanta_json_dump(json, &out, NULL), VANTA_OK);
    assert_string_equal(out.data, "{\n  \"b\": [\n    1,\n    true\n  ],\n"
                                  "  \"a\": null\n}\n");
    assert_int_equal(vanta_json_dump(json, &small, NULL), VANTA_ERR_LIMIT);
    vanta_buf_free(&out);
    vanta_buf_free(&small);
    json_decref(json);
}

static void controls_are_escaped(void **state)
{
    static const char text[] = "\x1b[0m\x7f\xc2\x80x\xc2\x9f\xc2\xa0\xc3\x80\xe2\x82\xac";
    json_t *json = json_pack("{s:s, s:s}", "a", text, "\xc2\x9b", ""), *again;
    struct vanta_buf out = VANTA_BUF(1000);

    (void)state;
    assert_int_equal(vanta_json_dump(json, &out, NULL), VANTA_OK);
    assert_string_equal(out.data, "{\n  \"a\": \"\\u001B[0m\\u007F\\u0080x\\u009F"
                                  "\xc2\xa0\xc3\x80\xe2\x82\xac\",\n"
                                  "  \"\\u009B\": \"\"\n}\n");
    again = parse(out.data);
    assert_true(json_equal(json, again));
    json_decref(again);
    json_decref(json);
    vanta_buf_free(&out);
}

static void pointers(void **state)
{
    char out[VANTA_JSON_POINTER_MAX], longer[VANTA_JSON_POINTER_MAX + 10];

    (void)state;
    assert_true(vanta_json_pointer_key(out, "", "a"));
    assert_string_equal(out, "/a");
    assert_true(vanta_json_pointer_key(out, "/x", "a/b~c"));
    assert_string_equal(out, "/x/a~1b~0c");
    assert_true(vanta_json_pointer_index(out, "/x", 12));
    assert_string_equal(out, "/x/12");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_false(vanta_json_pointer_key(out, "/x", longer));
    assert_true(strlen(out) < sizeof out);
    assert_false(vanta_json_pointer_key(out, longer, "a"));
    assert_false(vanta_json_pointer_key(out, longer, ""));
    assert_false(vanta_json_pointer_index(out, longer, 1));
}

static void getters_take_what_fits(void **state)
{
    json_t *json = parse("{\"s\":\"text\",\"i\":-3,\"t\":true,\"a\":[1,2],\"o\":{}}");
    const char *text = "before";
    const json_t *value = NULL;
    int64_t number = 7;
    bool yes = false;

    (void)state;
    assert_int_equal(vanta_json_string(&doc, json, "", "s", true, &text, NULL), VANTA_OK);
    assert_string_equal(text, "text");
    assert_int_equal(vanta_json_string(&doc, json, "", "none", false, &text, NULL),
                     VANTA_OK);
    assert_string_equal(text, "text");
    assert_int_equal(vanta_json_integer(&doc, json, "", "i", true, -3, 0, &number, NULL),
                     VANTA_OK);
    assert_int_equal(number, -3);
    assert_int_equal(vanta_json_boolean(&doc, json, "", "t", true, &yes, NULL), VANTA_OK);
    assert_true(yes);
    assert_int_equal(vanta_json_array(&doc, json, "", "a", true, 2, &value, NULL),
                     VANTA_OK);
    assert_int_equal(json_array_size(value), 2);
    assert_int_equal(vanta_json_object(&doc, json, "", "o", true, &value, NULL), VANTA_OK);
    assert_true(json_is_object(value));
    json_decref(json);
}

static void getters_name_the_place_of_what_does_not(void **state)
{
    json_t *json = parse("{\"s\":\"text\",\"i\":1.5,\"big\":9007199254740993,"
                         "\"a\":[1,2],\"n\":null}");
    struct vanta_error err = {0};
    const char *text = NULL;
    const json_t *value = NULL;
    int64_t number = 7;
    bool yes = true;

    (void)state;
    assert_int_equal(vanta_json_string(&doc, json, "/m/3", "i", true, &text, &err),
                     VANTA_ERR_FORMAT);
    assert_string_equal(err.message, "d.json: /m/3/i: must be a string");
    vanta_error_clear(&err);
    vanta_json_string(&doc, json, "", "gone", true, &text, &err);
    assert_string_equal(err.message, "d.json: /gone: is missing");
    assert_int_equal(vanta_json_string(&doc, json, "", "n", false, &text, NULL),
                     VANTA_ERR_FORMAT);
    assert_int_equal(vanta_json_integer(&doc, json, "", "i", true, 0, 9, &number, NULL),
                     VANTA_ERR_FORMAT);
    vanta_error_clear(&err);
    vanta_json_integer(&doc, json, "", "big", true, 0, 9, &number, &err);
    assert_string_equal(err.message, "d.json: /big: 9007199254740993 is not from 0 to 9");
    assert_int_equal(number, 7);
    assert_int_equal(vanta_json_boolean(&doc, json, "", "s", true, &yes, NULL),
                     VANTA_ERR_FORMAT);
    assert_int_equal(vanta_json_array(&doc, json, "", "a", true, 1, &value, NULL),
                     VANTA_ERR_FORMAT);
    assert_int_equal(vanta_json_array(&doc, json, "", "s", true, 1, &value, NULL),
                     VANTA_ERR_FORMAT);
    assert_int_equal(vanta_json_object(&doc, json, "", "a", true, &value, NULL),
                     VANTA_ERR_FORMAT);
    assert_null(text);
    assert_null(value);
    json_decref(json);
}

static void unknown_keys_name_the_nearest(void **state)
{
    static const char *const known[] = {"sha256", "size_bytes", NULL};
    json_t *json = parse("{\"sha256\":1}"), *wrong = parse("{\"sha265\":1}"),
           *far = parse("{\"qqqqqqq\":1}");
    struct vanta_error err = {0};

    (void)state;
    assert_int_equal(vanta_json_known_keys(&doc, json, "", known, NULL), VANTA_OK);
    assert_int_equal(vanta_json_known_keys(&doc, wrong, "/f", known, &err),
                     VANTA_ERR_FORMAT);
    assert_string_equal(err.message,
                        "d.json: /f/sha265: is not a known key; did you mean \"sha256\"?");
    vanta_error_clear(&err);
    vanta_json_known_keys(&doc, far, "", known, &err);
    assert_string_equal(err.message, "d.json: /qqqqqqq: is not a known key");
    json_decref(json);
    json_decref(wrong);
    json_decref(far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_text_is_refused_with_its_line),
        cmocka_unit_test(nesting_has_an_end),
        scratch_test(files_are_read_up_to_a_cap),
        cmocka_unit_test(text_comes_out_as_it_went_in),
        cmocka_unit_test(controls_are_escaped),
        cmocka_unit_test(pointers),
        cmocka_unit_test(getters_take_what_fits),
        cmocka_unit_test(getters_name_the_place_of_what_does_not),
        cmocka_unit_test(unknown_keys_name_the_nearest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
