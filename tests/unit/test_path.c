#include "cmocka_all.h"

#include "base/path.h"
#include "scratch.h"

static void joining(void **state)
{
    char out[VANTA_PATH_MAX], longer[VANTA_PATH_MAX];

    (void)state;
    assert_true(vanta_path_join(out, "a", "b"));
    assert_string_equal(out, "a/b");
    assert_true(vanta_path_join(out, "a/", "b"));
    assert_string_equal(out, "a/b");
    assert_true(vanta_path_join(out, "/", "b"));
    assert_string_equal(out, "/b");
    assert_true(vanta_path_join(out, "", "b"));
    assert_string_equal(out, "b");
    assert_true(vanta_path_join(out, "", "/b"));
    assert_string_equal(out, "/b");
    assert_false(vanta_path_join(out, "a", "/b"));
    assert_string_equal(out, "");
    assert_true(vanta_path_join3(out, "a", "b", "c"));
    assert_string_equal(out, "a/b/c");
    assert_false(vanta_path_join3(out, "a", "/b", "c"));
    assert_string_equal(out, "");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_false(vanta_path_join(out, longer, "b"));
    assert_string_equal(out, "");
}

static void parents_and_names(void **state)
{
    static const struct {
        const char *path, *parent, *base;
    } cases[] = {
        {"/a/b", "/a", "b"}, {"b", ".", "b"}, {"/b", "/", "b"}, {"a/b/c", "a/b", "c"},
        {"/", "/", ""},
    };
    char out[VANTA_PATH_MAX];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(vanta_path_parent(out, cases[i].path));
        assert_string_equal(out, cases[i].parent);
        assert_string_equal(vanta_path_base(cases[i].path), cases[i].base);
    }
}

static void only_harmless_names_are_safe(void **state)
{
    static const char *const good[] = {"a", "a/b", "1_Pooling/config.json", ".hidden",
                                       "a..b", "...", "\xc3\xa4/x y"};
    static const char *const bad[] = {"", "/a", "a/", "a//b", ".", "..", "../a", "a/..",
                                      "a/./b", "a\\b", "a\nb", "a\x1b[1m", "\xff",
                                      ("a/\xe2\x80\xae" "fdp"), "\xc0\xae\xc0\xae/a"};
    char longer[1200];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(vanta_path_is_safe(good[i]));
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(vanta_path_is_safe(bad[i]));
    for (i = 0; i < 1001; i++)
        longer[i] = i % 100 == 99 ? '/' : 'x';
    longer[1001] = '\0';
    assert_false(vanta_path_is_safe(longer));
    longer[998] = '\0';
    assert_true(vanta_path_is_safe(longer));
    memset(longer, 'x', 256);
    longer[256] = '\0';
    assert_false(vanta_path_is_safe(longer));
    longer[255] = '\0';
    assert_true(vanta_path_is_safe(longer));
}

static void ids(void **state)
{
    static const char *const good[] = {"a", "whisper-base", "all-MiniLM-L6-v2",
                                       "qwen2.5_x", "0"};
    static const char *const bad[] = {"", "-a", ".a", "_a", "a b", "a/b", "a@1", "\xc3\xa4",
                                      "a\n", "a\x1b"};
    char longer[VANTA_ID_MAX + 2];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(vanta_id_is_valid(good[i]));
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(vanta_id_is_valid(bad[i]));
    memset(longer, 'x', sizeof longer);
    longer[VANTA_ID_MAX] = '\0';
    assert_true(vanta_id_is_valid(longer));
    longer[VANTA_ID_MAX] = 'x';
    longer[VANTA_ID_MAX + 1] = '\0';
    assert_false(vanta_id_is_valid(longer));
}

static void inside_follows_symbolic_links(void **state)
{
    const char *root, *outside;
    struct vanta_error err = {0};

    (void)state;
    scratch_text("root/llm/m/file", "x");
    scratch_text("outside/file", "x");
    scratch_text("root-too/file", "x");
    root = in_scratch("root");
    outside = in_scratch("outside");
    assert_int_equal(symlink(outside, in_scratch("root/tts")), 0);
    assert_int_equal(symlink("llm", in_scratch("root/alias")), 0);

    assert_int_equal(vanta_path_inside(root, root, NULL), VANTA_OK);
    assert_int_equal(vanta_path_inside(root, in_scratch("root/llm/m/file"), NULL),
                     VANTA_OK);
    assert_int_equal(vanta_path_inside(root, in_scratch("root/new/er/file"), NULL),
                     VANTA_OK);
    assert_int_equal(vanta_path_inside(root, in_scratch("root/alias/m/file"), NULL),
                     VANTA_OK);
    assert_int_equal(vanta_path_inside(root, in_scratch("root/tts/file"), &err),
                     VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "leads out of"));
    assert_int_equal(vanta_path_inside(root, in_scratch("root/tts/new"), NULL),
                     VANTA_ERR_FORMAT);
    assert_int_equal(vanta_path_inside(root, in_scratch("root-too/file"), NULL),
                     VANTA_ERR_FORMAT);
    assert_int_equal(vanta_path_inside(root, "/", NULL), VANTA_ERR_FORMAT);
    assert_int_equal(vanta_path_inside("/", root, NULL), VANTA_OK);
}

/* Creating a file through a link that points nowhere creates it where the link points;
 * and ".." behind a folder that is yet to be made leads up once it is. */
static void inside_is_not_fooled_by_what_does_not_exist(void **state)
{
    const char *root;

    (void)state;
    scratch_text("root/file", "x");
    root = in_scratch("root");
    assert_int_equal(symlink(in_scratch("outside"), in_scratch("root/dangling")), 0);
    assert_int_not_equal(vanta_path_inside(root, in_scratch("root/dangling"), NULL),
                         VANTA_OK);
    assert_int_not_equal(vanta_path_inside(root, in_scratch("root/dangling/x"), NULL),
                         VANTA_OK);
    assert_int_not_equal(vanta_path_inside(root, in_scratch("root/new/../../x"), NULL),
                         VANTA_OK);
    assert_int_equal(vanta_path_inside(in_scratch("newroot"), in_scratch("newroot/x"),
                                       NULL),
                     VANTA_OK);
}

static void absolute(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"/a/b", "/a/b"}, {"/a/./b/", "/a/b"}, {"/a/../b", "/b"}, {"/../..", "/"},
        {"/", "/"}, {"//a//b", "/a/b"}, {"/a/b/../../..", "/"}, {"/a/..b", "/a/..b"},
    };
    char out[VANTA_PATH_MAX], here[VANTA_PATH_MAX], longer[VANTA_PATH_MAX + 10];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(vanta_path_absolute(out, cases[i].in));
        assert_string_equal(out, cases[i].out);
    }
    assert_non_null(getcwd(here, sizeof here));
    assert_true(vanta_path_absolute(out, "."));
    assert_string_equal(out, here);
    assert_true(vanta_path_absolute(out, "x/y"));
    assert_memory_equal(out, here, strlen(here));
    assert_string_equal(out + strlen(here), "/x/y");
    memset(longer, 'x', sizeof longer - 1);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    assert_false(vanta_path_absolute(out, longer));
}

static void xdg_folders(void **state)
{
    char out[VANTA_PATH_MAX];

    (void)state;
    setenv("HOME", "/home/u", 1);
    unsetenv("XDG_DATA_HOME");
    setenv("XDG_CONFIG_HOME", "relative", 1);
    setenv("XDG_CACHE_HOME", "/c", 1);
    assert_true(vanta_path_xdg_data(out));
    assert_string_equal(out, "/home/u/.local/share");
    assert_true(vanta_path_xdg_config(out));
    assert_string_equal(out, "/home/u/.config");
    assert_true(vanta_path_xdg_cache(out));
    assert_string_equal(out, "/c");
    unsetenv("HOME");
    assert_false(vanta_path_xdg_data(out));
    assert_true(vanta_path_xdg_cache(out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joining),
        cmocka_unit_test(parents_and_names),
        cmocka_unit_test(only_harmless_names_are_safe),
        cmocka_unit_test(ids),
        scratch_test(inside_follows_symbolic_links),
        scratch_test(inside_is_not_fooled_by_what_does_not_exist),
        cmocka_unit_test(absolute),
        cmocka_unit_test(xdg_folders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
