/* What the engines can use, in words. */
#include "cmocka_all.h"

#include <string.h>

#include "models/engine_words.h"

#define ANSWER                                                                           \
    "{\"devices\": [{\"name\": \"CPU\", \"description\": \"Z\\u001b80\", "               \
    "\"memory_bytes\": 25000000000, \"free_bytes\": 20000000000},"                       \
    "{\"name\": \"Metal\", \"description\": \"M4\", \"memory_bytes\": 0}],"              \
    "\"features\": {\"AVX2\": \"1\", \"AVX512\": \"0\", \"FMA\": \"1\", \"SVE\": \"32\"," \
    "\"EMPTY\": \"\", \"ODD\": 7},"                                                      \
    "\"cores\": {\"usable\": 24, \"physical\": 12, \"performance\": 8, \"quota\": 1.5}}"

static void all_of_it(void **state)
{
    json_t *answer = json_loads(ANSWER, 0, NULL);
    char text[400];

    (void)state;
    assert_non_null(answer);
    assert_string_equal(vanta_devices_text(answer, text, sizeof text),
                        "CPU (Z?80, 25.0 GB, 20.0 GB free), Metal (M4)");
    assert_string_equal(vanta_features_text(answer, text, sizeof text), "AVX2 FMA SVE");
    assert_string_equal(
        vanta_cores_text(answer, text, sizeof text),
        "12 cores, 8 of them fast; 24 processors; a container gives the time of 1.5");
    json_decref(answer);
}

static void nothing_known_and_no_room(void **state)
{
    json_t *answer = json_loads(ANSWER, 0, NULL), *none = json_object();
    char text[400], small[8];

    (void)state;
    assert_string_equal(vanta_devices_text(none, text, sizeof text), "");
    assert_string_equal(vanta_features_text(none, text, sizeof text), "");
    assert_string_equal(vanta_cores_text(none, text, sizeof text), "");
    assert_string_equal(vanta_devices_text(NULL, text, sizeof text), "");
    assert_string_equal(vanta_devices_text(answer, small, sizeof small), "CPU (Z?");
    assert_string_equal(vanta_features_text(answer, small, sizeof small), "AVX2 FM");
    assert_string_equal(vanta_cores_text(answer, small, 1), "");
    json_decref(answer);
    json_decref(none);
}

static void one_core(void **state)
{
    json_t *answer = json_loads("{\"cores\": {\"usable\": 1, \"physical\": 1, "
                                "\"performance\": 1, \"quota\": 0}}",
                                0, NULL);
    char text[100];

    (void)state;
    assert_string_equal(vanta_cores_text(answer, text, sizeof text), "1 core");
    json_decref(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it),
        cmocka_unit_test(nothing_known_and_no_room),
        cmocka_unit_test(one_core),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
