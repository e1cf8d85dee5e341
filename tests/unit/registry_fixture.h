/* registry_fixture.h - a models folder in /tmp for a test, and small ways to fill it. */
#ifndef TESTS_UNIT_REGISTRY_FIXTURE_H
#define TESTS_UNIT_REGISTRY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "models/registry_private.h"

static char root[256];

static inline int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/vanta-registry-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static inline int remove_root(void **state)
{
    (void)state;
    return vanta_remove_tree(root, NULL) == VANTA_OK ? 0 : -1;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)

/* ROOT/name; good for the next few calls. */
static inline const char *in_root(const char *name)
{
    static char path[8][512];
    static unsigned turn;
    char *out = path[turn++ % 8];

    snprintf(out, 512, "%s/%s", root, name);
    return out;
}

static inline void write_text(const char *name, const char *text)
{
    char parent[VANTA_PATH_MAX];

    assert_true(vanta_path_parent(parent, in_root(name)));
    assert_int_equal(vanta_dir_make(parent, NULL), VANTA_OK);
    assert_int_equal(vanta_file_replace(in_root(name), text, strlen(text), NULL),
                     VANTA_OK);
}

/* The caller frees. */
static inline char *read_text(const char *name)
{
    struct vanta_buf text = VANTA_BUF((size_t)64 * 1024 * 1024);

    assert_int_equal(vanta_file_read(in_root(name), &text, NULL), VANTA_OK);
    return text.data ? text.data : vanta_strdup("");
}

static inline struct vanta_registry *load_with(const struct vanta_catalog *catalog)
{
    struct vanta_registry *r = NULL;
    struct vanta_error err = {0};

    if (vanta_registry_load(root, catalog, &r, NULL, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    return r;
}

static inline struct vanta_registry *load(void)
{
    return load_with(NULL);
}

/* A registry.json of the given elements of models. */
static inline void write_models(const char *elements)
{
    char *text = vanta_strf("{\"version\":2,\"models\":[%s]}", elements);

    write_text("registry/registry.json", text);
    free(text);
}

static inline void digest_of_text(const char *text, char hex[VANTA_SHA256_HEX])
{
    assert_int_equal(vanta_sha256_buffer(text, strlen(text), hex, NULL), VANTA_OK);
}

#endif
