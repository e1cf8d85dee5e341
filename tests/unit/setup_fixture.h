/* setup_fixture.h - a models folder, upstream files and a catalog over them. */
#ifndef SETUP_FIXTURE_H
#define SETUP_FIXTURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "cmocka_all.h"
#include "models/setup.h"

struct fixture {
    char dir[256];      /* temporary, with upstream/ and models/ below */
    char root[512];
    struct vanta_buf models, licenses, profiles;
    struct vanta_catalog *catalog;
    struct vanta_error err;
};

static inline int fixture_open(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *tmp = getenv("TMPDIR");
    char upstream[512];

    snprintf(f->dir, sizeof f->dir, "%s/vanta-setup-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->root, sizeof f->root, "%s/models", f->dir);
    snprintf(upstream, sizeof upstream, "%s/upstream", f->dir);
    assert_int_equal(vanta_dir_make(upstream, NULL), VANTA_OK);
    setenv("XDG_CONFIG_HOME", f->dir, 1); /* no catalogs of the user's */
    unsetenv("OPENAI_API_KEY");
    unsetenv("OPENAI_API_KEY_FILE");
    f->models = f->licenses = f->profiles = VANTA_BUF(1 << 20);
    *state = f;
    return 0;
}

static inline int fixture_close(void **state)
{
    struct fixture *f = *state;

    vanta_catalog_free(f->catalog);
    vanta_buf_free(&f->models);
    vanta_buf_free(&f->licenses);
    vanta_buf_free(&f->profiles);
    vanta_remove_tree(f->dir, NULL);
    free(f);
    return 0;
}

static inline void write_bytes(const char *path, size_t bytes, char fill)
{
    char *data = malloc(bytes + 1), parent[VANTA_PATH_MAX];

    memset(data, fill, bytes);
    assert_true(vanta_path_parent(parent, path));
    assert_int_equal(vanta_dir_make(parent, NULL), VANTA_OK);
    assert_int_equal(vanta_file_replace(path, data, bytes, NULL), VANTA_OK);
    free(data);
}

static inline void upstream_path(const struct fixture *f, const char *name, char out[1024])
{
    snprintf(out, 1024, "%s/upstream/%s", f->dir, name);
}

/* An upstream file, and its object for a catalog: {"path", ..., "sources": [...]}. */
static inline const char *file_json(struct fixture *f, const char *name, size_t bytes, char fill,
                             char out[2048])
{
    char path[1024], digest[VANTA_SHA256_HEX];

    upstream_path(f, name, path);
    write_bytes(path, bytes, fill);
    assert_int_equal(vanta_sha256_file(path, digest, NULL, NULL, NULL, NULL, NULL),
                     VANTA_OK);
    snprintf(out, 2048,
             "{\"path\": \"%s\", \"size_bytes\": %zu, \"sha256\": \"%s\", "
             "\"sources\": [\"file:%s\"]}",
             name, bytes, digest, path);
    return out;
}

static inline void comma(struct vanta_buf *buf)
{
    if (buf->len > 0)
        vanta_buf_puts(buf, ",\n");
}

/* more: further members of the object, beginning with a comma; "" for none. */
static inline void add_model(struct fixture *f, const char *id, const char *type,
                      const char *license, const char *files, const char *more)
{
    comma(&f->models);
    vanta_buf_printf(&f->models,
                     "{\"id\": \"%s\", \"name\": \"%s\", \"type\": \"%s\", "
                     "\"version\": \"1\", \"format\": \"%s\", \"license\": \"%s\", "
                     "\"hardware\": {\"min_ram\": \"1GB\", \"memory_bytes\": 1000}, "
                     "\"files\": [%s]%s}",
                     id, id, type,
                     strcmp(type, "whisper") == 0 ? "whisper-ggml" : "gguf", license,
                     files, more);
}

static inline void add_profile(struct fixture *f, const char *name, const char *slots)
{
    comma(&f->profiles);
    vanta_buf_printf(&f->profiles,
                     "{\"name\": \"%s\", \"description\": \"%s\", \"slots\": [%s]}", name,
                     name, slots);
}

static inline void load_catalog(struct fixture *f)
{
    struct vanta_buf text = VANTA_BUF(1 << 20);

    assert_true(vanta_buf_printf(
        &text,
        "{\"format\": \"vanta-catalog\", \"version\": 1, \"licenses\": [%s],\n"
        "\"models\": [%s],\n\"profiles\": [%s]}",
        f->licenses.len ? f->licenses.data : "", f->models.len ? f->models.data : "",
        f->profiles.len ? f->profiles.data : ""));
    if (vanta_catalog_load_text(&f->catalog, text.data, text.len, "test", &f->err) !=
        VANTA_OK)
        fail_msg("%s", f->err.message);
    vanta_buf_free(&text);
}

static inline const struct vanta_catalog_model *model(const struct fixture *f, const char *id)
{
    const struct vanta_catalog_model *m = vanta_catalog_find(f->catalog, id);

    assert_non_null(m);
    return m;
}

#endif
