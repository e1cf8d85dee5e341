/* test_vanta.c - the public API over a root of small models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "models/registry.h"
#include "vanta.h"

static char root[] = "/tmp/vanta-api-XXXXXX";

static void write_file(const char *relative, const char *text)
{
    char path[512], parent[512];
    struct vanta_error err = {0};

    snprintf(path, sizeof path, "%s/%s", root, relative);
    snprintf(parent, sizeof parent, "%s", path);
    *strrchr(parent, '/') = '\0';
    assert_int_equal(vanta_dir_make(parent, &err), VANTA_OK);
    assert_int_equal(vanta_file_replace(path, text, strlen(text), &err), VANTA_OK);
}

/* SHA-256 of "hello\n". */
#define HELLO "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    setenv("XDG_CONFIG_HOME", root, 1);
    write_file("llm/toy/toy.gguf", "hello\n");
    write_file("registry/registry.json",
               "{\"version\": 2, \"models\": [{\"id\": \"toy\", \"name\": \"Toy\","
               "\"type\": \"llm\", \"version\": \"1\", \"path\": \"llm/toy/toy.gguf\","
               "\"size\": \"6 B\", \"format\": \"gguf\", \"quantization\": null,"
               "\"date_added\": \"2026-01-01T00:00:00Z\", \"hash\": \"" HELLO "\","
               "\"parameters\": {}, \"hardware_requirements\": {\"min_ram\": \"1GB\","
               "\"gpu_recommended\": false, \"metal_supported\": false},"
               "\"metadata\": {}, \"size_bytes\": 6, \"files\": [{\"path\": \"toy.gguf\","
               "\"size_bytes\": 6, \"sha256\": \"" HELLO "\"}]}]}");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return vanta_remove_tree(root, NULL) == VANTA_OK ? 0 : -1;
}

static void test_finds_and_verifies(void **state)
{
    struct vanta_error err = {0};
    struct vanta_model model;
    struct vanta *v;
    char path[512];

    (void)state;
    assert_int_equal(vanta_open(root, &v, &err), VANTA_OK);
    assert_int_equal(vanta_model_count(v), 1);
    assert_int_equal(vanta_model_find(v, "TOY", &model, &err), VANTA_OK);
    snprintf(path, sizeof path, "%s/llm/toy/toy.gguf", vanta_root(v));
    assert_string_equal(model.path, path);
    assert_string_equal(model.type, "llm");
    assert_string_equal(model.state, "unverified");
    assert_int_equal(vanta_verify(v, "toy", NULL, NULL, &err), VANTA_OK);
    assert_int_equal(vanta_model_find(v, "toy", &model, &err), VANTA_OK);
    assert_string_equal(model.state, "untested");

    write_file("llm/toy/toy.gguf", "jello\n");
    assert_int_equal(vanta_verify(v, "toy", NULL, NULL, &err), VANTA_ERR_CHECK);
    assert_non_null(strstr(err.message, "toy.gguf"));
    assert_int_equal(vanta_model_find(v, "toy", &model, NULL), VANTA_OK);
    assert_string_equal(model.state, "corrupt");
    vanta_close(v);
}

/* A rebuild that began without a registry does not undo what another has written. */
static void test_repaired_meanwhile(void **state)
{
    struct vanta_buf text = VANTA_BUF(1 << 20);
    struct vanta_registry *registry;
    struct vanta_error err = {0};
    char path[512];

    (void)state;
    snprintf(path, sizeof path, "%s/registry/registry.json", root);
    assert_int_equal(vanta_file_read(path, &text, &err), VANTA_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(vanta_registry_load(root, NULL, &registry, NULL, &err), VANTA_OK);
    assert_int_not_equal(vanta_registry_origin(registry), VANTA_REGISTRY_CURRENT);

    write_file("registry/registry.json", text.data);
    assert_int_equal(vanta_registry_replace(root, registry, &err), VANTA_ERR_BUSY);
    assert_true(err.hint[0] != '\0');

    write_file("registry/registry.json", "{");
    assert_int_equal(vanta_registry_replace(root, registry, NULL), VANTA_OK);
    write_file("registry/registry.json", text.data);
    vanta_registry_free(registry);
    vanta_buf_free(&text);
}

static void test_unknown_names(void **state)
{
    struct vanta_setup_request request = {.models = (const char *[]){"no-such"},
                                          .n_models = 1};
    struct vanta_error err = {0};
    struct vanta_model model;
    struct vanta *v;

    (void)state;
    assert_int_equal(vanta_open(root, &v, &err), VANTA_OK);
    assert_int_equal(vanta_model_find(v, "toi", &model, &err), VANTA_ERR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "toy"));
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_setup(v, &request, NULL, NULL, &err), VANTA_ERR_NOT_FOUND);
    vanta_close(v);
    vanta_close(NULL);
}

static void test_version(void **state)
{
    unsigned major, minor, patch;

    (void)state;
    assert_int_equal(sscanf(vanta_version(), "%u.%u.%u", &major, &minor, &patch), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_finds_and_verifies),
        cmocka_unit_test(test_repaired_meanwhile),
        cmocka_unit_test(test_unknown_names),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
