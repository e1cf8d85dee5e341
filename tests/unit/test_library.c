#include "cmocka_all.h"

#include <string.h>

#include "base/library.h"

static const char *const math[] = {"libvanta-none.so.1", "libm.so.6", "libSystem.dylib",
                                   NULL};

static void symbols_are_found_in_the_first_that_loads(void **state)
{
    double (*cosine)(double) = NULL;
    const struct vanta_library_symbol symbols[] = {{"cos", &cosine}};

    (void)state;
    assert_int_equal(vanta_library_load(math, "libm", symbols, 1, NULL), VANTA_OK);
    assert_non_null(cosine);
    assert_true(cosine(0) == 1);
}

static void a_missing_library_says_what_to_install(void **state)
{
    const char *const names[] = {"libvanta-none.so.1", "/nowhere/libvanta-none.so", NULL};
    struct vanta_error err = {0};

    (void)state;
    assert_int_equal(vanta_library_load(names, "libnone", NULL, 0, &err), VANTA_ERR_TOOL);
    assert_non_null(strstr(err.message, "libnone"));
    assert_non_null(strstr(err.hint, "install libnone"));
}

static void a_library_without_the_function_is_too_old(void **state)
{
    void (*none)(void) = NULL;
    const struct vanta_library_symbol symbols[] = {{"vanta_no_such_function", &none}};
    struct vanta_error err = {0};

    (void)state;
    assert_int_equal(vanta_library_load(math, "libm", symbols, 1, &err), VANTA_ERR_TOOL);
    assert_non_null(strstr(err.message, "vanta_no_such_function"));
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_are_found_in_the_first_that_loads),
        cmocka_unit_test(a_missing_library_says_what_to_install),
        cmocka_unit_test(a_library_without_the_function_is_too_old),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
