/* Where the models are, and which paths lead out of there. */
#include "registry_fixture.h"

static int clean(void **state)
{
    unsetenv("VANTA_MODELS_DIR");
    unsetenv("VANTA_CLONE_DIR");
    unsetenv("XDG_DATA_HOME");
    if (make_root(state) != 0 || chdir(root) != 0)
        return -1;
    return setenv("HOME", root, 1);
}

static int leave(void **state)
{
    return chdir("/") == 0 ? remove_root(state) : -1;
}

static void expect(const char *given, const char *path, const char *reason)
{
    char found[VANTA_PATH_MAX], *real = realpath(root, NULL);
    struct vanta_error err = {0};
    const char *why = NULL;

    if (vanta_root_find(given, found, &why, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    /* The current folder is known by its real name, where /tmp may be a link. */
    assert_true(vanta_has_suffix(found, path));
    assert_true(vanta_has_prefix(found, root) || vanta_has_prefix(found, real));
    assert_non_null(strstr(why, reason));
    free(real);
}

static void the_order_is_kept(void **state)
{
    (void)state;
    expect(NULL, "/.local/share/vanta/models", "default");
    setenv("XDG_DATA_HOME", in_root("data"), 1);
    expect(NULL, "/data/vanta/models", "default");
    setenv("VANTA_CLONE_DIR", in_root("clone"), 1);
    expect(NULL, "/clone/models", "clone");
    assert_int_equal(vanta_dir_make(in_root("a/models/registry"), NULL), VANTA_OK);
    assert_int_equal(vanta_dir_make(in_root("a/b/c"), NULL), VANTA_OK);
    assert_int_equal(chdir(in_root("a/b/c")), 0);
    expect(NULL, "/a/models", "current folder");
    setenv("VANTA_MODELS_DIR", in_root("variable"), 1);
    expect(NULL, "/variable", "VANTA_MODELS_DIR");
    expect("x/../given", "/a/b/c/given", "--models-dir");
}

static void the_nearest_parent_wins(void **state)
{
    (void)state;
    assert_int_equal(vanta_dir_make(in_root("models/registry"), NULL), VANTA_OK);
    assert_int_equal(vanta_dir_make(in_root("a/models/registry"), NULL), VANTA_OK);
    assert_int_equal(vanta_dir_make(in_root("b/models"), NULL), VANTA_OK);
    assert_int_equal(chdir(in_root("a")), 0);
    expect(NULL, "/a/models", "current folder");
    assert_int_equal(chdir(in_root("b/models")), 0);
    expect(NULL, "/models", "current folder");
}

static void empty_values_count_as_unset(void **state)
{
    char found[VANTA_PATH_MAX];
    const char *why;

    (void)state;
    setenv("VANTA_MODELS_DIR", "", 1);
    setenv("VANTA_CLONE_DIR", "", 1);
    expect(NULL, "/.local/share/vanta/models", "default");
    assert_int_equal(vanta_root_find("", found, &why, NULL), VANTA_ERR_USAGE);
    unsetenv("HOME");
    assert_int_equal(vanta_root_find(NULL, found, &why, NULL), VANTA_ERR_USAGE);
}

static void links_that_lead_out_are_seen(void **state)
{
    struct vanta_error err = {0};

    (void)state;
    assert_int_equal(vanta_dir_make(in_root("m/llm/a"), NULL), VANTA_OK);
    assert_int_equal(vanta_dir_make(in_root("out"), NULL), VANTA_OK);
    assert_int_equal(symlink("../../out", in_root("m/llm/b")), 0);
    assert_int_equal(symlink("a", in_root("m/llm/c")), 0);
    assert_int_equal(symlink("nowhere", in_root("m/llm/d")), 0);
    assert_int_equal(vanta_root_holds(in_root("m"), "llm/a/file", NULL), VANTA_OK);
    assert_int_equal(vanta_root_holds(in_root("m"), "llm/c/file", NULL), VANTA_OK);
    assert_int_equal(vanta_root_holds(in_root("m"), "new/x", NULL), VANTA_OK);
    assert_int_equal(vanta_root_holds(in_root("m"), "llm/b", &err), VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "leads out"));
    assert_int_equal(vanta_root_holds(in_root("m"), "llm/b/file", NULL), VANTA_ERR_FORMAT);
    assert_int_equal(vanta_root_holds(in_root("m"), "../out", NULL), VANTA_ERR_FORMAT);
    assert_int_equal(vanta_root_holds(in_root("m"), "/etc/passwd", NULL),
                     VANTA_ERR_FORMAT);
}

static void model_folders_have_a_fixed_form(void **state)
{
    char out[VANTA_PATH_MAX];

    (void)state;
    assert_true(vanta_model_dir("/r", VANTA_TYPE_EMBEDDING, "x-1", out));
    assert_string_equal(out, "/r/embeddings/x-1");
    assert_false(vanta_model_dir("/r", VANTA_TYPE_UNKNOWN, "x", out));
    assert_false(vanta_model_dir("/r", VANTA_TYPE_LLM, "../x", out));
}

static void paths_of_entries(void **state)
{
    struct vanta_entry_file files[] = {{(char *)(uintptr_t)"sub/w.bin", 1, NULL},
                                       {(char *)(uintptr_t)"c.json", 1, NULL}};
    struct vanta_entry e = {.path = (char *)(uintptr_t)"llm/x", .files = files, .n_files = 2};
    char out[VANTA_PATH_MAX];

    (void)state;
    assert_true(vanta_entry_path("/r", &e, out));
    assert_string_equal(out, "/r/llm/x");
    assert_true(vanta_entry_file_path("/r", &e, 0, out));
    assert_string_equal(out, "/r/llm/x/sub/w.bin");
    assert_false(vanta_entry_file_path("/r", &e, 2, out));
    e.n_files = 1; /* the path is the file's then */
    e.path = (char *)(uintptr_t)"llm/x/sub/w.bin";
    assert_true(vanta_entry_file_path("/r", &e, 0, out));
    assert_string_equal(out, "/r/llm/x/sub/w.bin");
    e.path = (char *)(uintptr_t)"/mnt/sub/w.bin";
    assert_true(vanta_entry_path("/r", &e, out));
    assert_string_equal(out, "/mnt/sub/w.bin");
    assert_true(vanta_entry_file_path("/r", &e, 0, out));
    assert_string_equal(out, "/mnt/sub/w.bin");
    e.path = (char *)(uintptr_t)"../w.bin";
    assert_false(vanta_entry_path("/r", &e, out));
    e.path = NULL;
    assert_false(vanta_entry_path("/r", &e, out));
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, clean, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(the_order_is_kept),
        IN_PLACE(the_nearest_parent_wins),
        IN_PLACE(empty_values_count_as_unset),
        IN_PLACE(links_that_lead_out_are_seen),
        IN_PLACE(model_folders_have_a_fixed_form),
        IN_PLACE(paths_of_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
