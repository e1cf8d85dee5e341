/* Recipes: what a catalog may say of a test, and the material that is in the program. */
#include "cmocka_all.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/recipe.h"

static json_t *parse(const char *text)
{
    char copy[1024];
    size_t i;
    json_t *json;

    assert_true(strlen(text) < sizeof copy);
    for (i = 0; text[i]; i++)
        copy[i] = text[i] == '\'' ? '"' : text[i];
    copy[i] = '\0';
    json = json_loads(copy, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    return json;
}

/* The recipe that text is for a model of type; the caller drops *json. */
static struct vanta_recipe good(enum vanta_model_type type, const char *text, json_t **json)
{
    struct vanta_catalog_model model = {.id = "x", .type = type};
    struct vanta_recipe recipe;
    struct vanta_error err = {0};

    model.test = *json = parse(text);
    if (vanta_recipe_read(&model, type, &recipe, &err) != VANTA_OK)
        fail_msg("%s: %s", text, err.message);
    return recipe;
}

/* --- reading --- */

static void each_kind_is_read(void **state)
{
    json_t *json;
    struct vanta_recipe r =
        good(VANTA_TYPE_WHISPER, "{'kind': 'transcribe', 'word_error_rate_max': 0.08}",
             &json);

    (void)state;
    assert_int_equal(r.kind, VANTA_RECIPE_TRANSCRIBE);
    assert_false(r.by_type);
    assert_true(fabs(r.word_error_rate_max - 0.08) < 1e-9);
    json_decref(json);

    r = good(VANTA_TYPE_LLM,
             "{'kind': 'questions', 'prompt': 'literal', 'format': '[INST] {question}',"
             " 'perplexity_max': 30}",
             &json);
    assert_int_equal(r.kind, VANTA_RECIPE_QUESTIONS);
    assert_int_equal(r.prompt, VANTA_PROMPT_LITERAL);
    assert_false(r.prompt_open);
    assert_string_equal(r.format, "[INST] {question}");
    assert_true(r.perplexity_max == 30);
    json_decref(json);

    r = good(VANTA_TYPE_LLM, "{'kind': 'questions', 'prompt': 'completion'}", &json);
    assert_int_equal(r.prompt, VANTA_PROMPT_PLAIN);
    assert_true(r.perplexity_max < 0);
    json_decref(json);
    r = good(VANTA_TYPE_LLM, "{'kind': 'questions', 'prompt': 'chat-template'}", &json);
    assert_int_equal(r.prompt, VANTA_PROMPT_CHAT_TEMPLATE);
    json_decref(json);

    r = good(VANTA_TYPE_EMBEDDING,
             "{'kind': 'embed', 'dimensions': 384, 'cosine_min': 0.999,"
             " 'references': [{'text': 'a', 'vector': [1]}]}",
             &json);
    assert_int_equal(r.kind, VANTA_RECIPE_EMBED);
    assert_int_equal(r.dimensions, 384);
    assert_int_equal(json_array_size(r.references), 1);
    json_decref(json);
    r = good(VANTA_TYPE_TTS, "{'kind': 'speak', 'word_error_rate_max': 0}", &json);
    assert_int_equal(r.kind, VANTA_RECIPE_SPEAK);
    assert_true(r.word_error_rate_max == 0);
    json_decref(json);
}

static void a_model_without_a_recipe_gets_one_by_its_type(void **state)
{
    static const enum vanta_recipe_kind kinds[] = {
        VANTA_RECIPE_TRANSCRIBE, VANTA_RECIPE_QUESTIONS, VANTA_RECIPE_EMBED,
        VANTA_RECIPE_SPEAK};
    struct vanta_recipe r;
    int type;

    (void)state;
    for (type = 0; type < VANTA_TYPE_COUNT; type++) {
        assert_int_equal(vanta_recipe_read(NULL, (enum vanta_model_type)type, &r, NULL),
                         VANTA_OK);
        assert_int_equal(r.kind, kinds[type]);
        assert_true(r.by_type && r.prompt_open);
        assert_true(r.word_error_rate_max < 0 && r.perplexity_max < 0 && r.cosine_min < 0);
        assert_null(r.references);
    }
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const struct {
        enum vanta_model_type type;
        const char *text, *key, *reason;
    } cases[] = {
        {VANTA_TYPE_LLM, "{}", "/kind", "missing"},
        {VANTA_TYPE_LLM, "{'kind': 7}", "/kind", ""},
        {VANTA_TYPE_LLM, "{'kind': 'dance'}", "/kind", "dance"},
        {VANTA_TYPE_LLM, "{'kind': 'embed'}", "/kind", "not for a model of type llm"},
        {VANTA_TYPE_WHISPER, "{'kind': 'speak'}", "/kind", "of type whisper"},
        {VANTA_TYPE_WHISPER, "{'kind': 'transcribe', 'word_error_rate_max': -0.1}",
         "/word_error_rate_max", "from 0 on"},
        {VANTA_TYPE_WHISPER, "{'kind': 'transcribe', 'word_error_rate_max': '0.1'}",
         "/word_error_rate_max", "number"},
        {VANTA_TYPE_LLM, "{'kind': 'questions', 'perplexity_max': null}",
         "/perplexity_max", "number"},
        {VANTA_TYPE_LLM, "{'kind': 'questions', 'prompt': 'sing'}", "/prompt",
         "chat-template"},
        {VANTA_TYPE_LLM, "{'kind': 'questions', 'prompt': 'literal'}", "/prompt",
         "with a format"},
        {VANTA_TYPE_LLM, "{'kind': 'questions', 'format': []}", "/format", ""},
        {VANTA_TYPE_EMBEDDING, "{'kind': 'embed', 'dimensions': 0}", "/dimensions", ""},
        {VANTA_TYPE_EMBEDDING, "{'kind': 'embed', 'dimensions': 65537}", "/dimensions",
         ""},
        {VANTA_TYPE_EMBEDDING, "{'kind': 'embed', 'references': {}}", "/references", ""},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vanta_catalog_model model = {.id = "x", .type = cases[i].type};
        struct vanta_recipe recipe;
        struct vanta_error err = {0};
        json_t *json = parse(cases[i].text);

        model.test = json;
        assert_int_equal(vanta_recipe_read(&model, cases[i].type, &recipe, &err),
                         VANTA_ERR_FORMAT);
        if (!strstr(err.message, cases[i].key) || !strstr(err.message, cases[i].reason))
            fail_msg("%s: %s", cases[i].text, err.message);
        json_decref(json);
    }
}

static void every_model_of_the_catalog_can_be_tested(void **state)
{
    struct vanta_catalog *catalog;
    struct vanta_error err = {0};
    size_t i, k, own = 0;

    (void)state;
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    assert_int_equal(vanta_catalog_load(&catalog, NULL, 0, &err), VANTA_OK);
    for (i = 0; i < vanta_catalog_count(catalog); i++) {
        const struct vanta_catalog_model *m = vanta_catalog_at(catalog, i);
        struct vanta_recipe recipe;

        if (vanta_recipe_read(m, m->type, &recipe, &err) != VANTA_OK)
            fail_msg("%s: %s", m->id, err.message);
        own += !recipe.by_type;
        for (k = 0; k < json_array_size(recipe.references); k++) {
            const json_t *one = json_array_get(recipe.references, k);
            float vector[4096];
            size_t n = 4096;

            assert_true(json_string_length(json_object_get(one, "text")) > 0);
            if (vanta_recipe_vector(json_object_get(one, "vector"), vector, &n, &err) !=
                VANTA_OK)
                fail_msg("%s: %s", m->id, err.message);
            assert_int_equal(n, recipe.dimensions);
        }
    }
    assert_true(own >= 10);
    vanta_catalog_free(catalog);
}

/* --- vectors --- */

static bool vector_is(const char *text, size_t room, const float *expected, size_t n)
{
    json_t *json = parse(text);
    float found[8];
    bool right;

    assert_true(room <= 8);
    right = vanta_recipe_vector(json, found, &room, NULL) == VANTA_OK && room == n &&
            memcmp(found, expected, n * sizeof *found) == 0;
    json_decref(json);
    return right;
}

static void vectors_in_both_forms(void **state)
{
    static const float v[] = {1.0f, -2.0f, 0.5f};

    (void)state;
    assert_true(vector_is("[1, -2.0, 0.5]", 8, v, 3));
    assert_true(vector_is("[1, -2.0, 0.5]", 3, v, 3));
    /* f16: 0x3c00, 0xc000, 0x3800 in little endian */
    assert_true(vector_is("'ADwAwAA4'", 8, v, 3));
    assert_true(vector_is("'ADwAwAA4'", 3, v, 3));
    assert_true(vector_is("'ADw='", 8, v, 1)); /* padded */
    assert_true(vector_is("'ADwAwA=='", 8, v, 2));
}

static void vectors_that_are_none(void **state)
{
    static const char *const cases[] = {
        "''",        "'='",         "[]",          "{}",         "null", "7",
        "[1, 'a']",  "[1, null]",   "'AD'",  /* one byte */
        "'ADwA'", /* three */       "'AD*w'",      "'AD w'",     "'AHw='", /* infinity */
        "'AH4='" /* NaN */,         "[1e39]" /* infinite as a float */,
        "[1,2,3,4,5]", "'ADwAwAA4ADwAwA=='" /* five: more than there is room for */};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *json = parse(cases[i]);
        struct vanta_error err = {0};
        float found[4];
        size_t n = 4;

        if (vanta_recipe_vector(json, found, &n, &err) != VANTA_ERR_FORMAT)
            fail_msg("%s was read", cases[i]);
        assert_non_null(strstr(err.message, "/references/vector"));
        json_decref(json);
    }
}

/* --- the material --- */

static void every_recording_is_there_with_its_text(void **state)
{
    const struct vanta_catalog_data *clip;
    json_t *speech = NULL, *clips;
    size_t i;

    (void)state;
    assert_int_equal(vanta_recipe_json("speech.json", &speech, NULL), VANTA_OK);
    clips = json_object_get(speech, "clips");
    assert_true(json_array_size(clips) >= 4);
    for (i = 0; i < json_array_size(clips); i++) {
        const json_t *one = json_array_get(clips, i);

        clip = vanta_recipe_data(json_string_value(json_object_get(one, "file")));
        assert_non_null(clip);
        assert_true(clip->len > 10000);
        assert_memory_equal(clip->data, "fLaC", 4);
        assert_true(json_string_length(json_object_get(one, "text")) > 20);
    }
    json_decref(speech);
}

static bool has_words(const json_t *list)
{
    size_t i;

    for (i = 0; i < json_array_size(list); i++)
        if (json_string_length(json_array_get(list, i)) == 0)
            return false;
    return i > 0;
}

static void every_question_has_its_answers(void **state)
{
    json_t *document = NULL, *list;
    size_t i;

    (void)state;
    assert_int_equal(vanta_recipe_json("questions.json", &document, NULL), VANTA_OK);
    list = json_object_get(document, "questions");
    assert_true(json_array_size(list) >= 5);
    for (i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);

        assert_true(json_string_length(json_object_get(one, "question")) > 0);
        assert_true(json_string_length(json_object_get(one, "completion")) > 0);
        assert_true(has_words(json_object_get(one, "answers")));
        assert_true(has_words(json_object_get(one, "continues")));
    }
    json_decref(document);
}

static void triples_and_the_passage(void **state)
{
    const struct vanta_catalog_data *passage = vanta_recipe_data("passage.txt");
    json_t *document = NULL, *list;
    size_t i;

    (void)state;
    assert_int_equal(vanta_recipe_json("sentences.json", &document, NULL), VANTA_OK);
    list = json_object_get(document, "triples");
    assert_true(json_array_size(list) >= 4);
    for (i = 0; i < json_array_size(list); i++) {
        assert_int_equal(json_array_size(json_array_get(list, i)), 3);
        assert_true(has_words(json_array_get(list, i)));
    }
    json_decref(document);
    assert_non_null(passage);
    /* It is handed on as a string. */
    assert_int_equal(strlen((const char *)passage->data), passage->len);
    assert_in_range(passage->len, 1000, 6000);
}

static void what_is_not_there(void **state)
{
    struct vanta_error err = {0};
    json_t *json = NULL;

    (void)state;
    assert_null(vanta_recipe_data("none.json"));
    assert_int_equal(vanta_recipe_json("none.json", &json, &err), VANTA_ERR_INTERNAL);
    assert_int_equal(vanta_recipe_json("passage.txt", &json, NULL), VANTA_ERR_FORMAT);
    assert_null(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_read),
        cmocka_unit_test(a_model_without_a_recipe_gets_one_by_its_type),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(every_model_of_the_catalog_can_be_tested),
        cmocka_unit_test(vectors_in_both_forms),
        cmocka_unit_test(vectors_that_are_none),
        cmocka_unit_test(every_recording_is_there_with_its_text),
        cmocka_unit_test(every_question_has_its_answers),
        cmocka_unit_test(triples_and_the_passage),
        cmocka_unit_test(what_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
