/* adopt_fixture.h - a models folder and a catalog that knows two small models of its own:
 * "known" (llm, known.gguf) and "known-set" (embedding, model.safetensors, vocab.txt). */
#ifndef VANTA_TESTS_ADOPT_FIXTURE_H
#define VANTA_TESTS_ADOPT_FIXTURE_H

#include "cmocka_all.h"

#include "base/error.h"
#include "base/text.h"
#include "model_files.h"
#include "models/registry_private.h"

static char root[128];
static struct vanta_catalog *catalog;
static struct vanta_error err;

#define VOCAB "words\n"

static inline const char *make_known(const char *path)
{
    return make_gguf(path, "llama", "Known", 64, 9);
}

static inline const char *in_root(const char *name)
{
    char path[512];

    snprintf(path, sizeof path, "models/%s", name);
    return in_scratch(path);
}

static inline void load_catalog(void)
{
    char gguf[VANTA_SHA256_HEX], weights[VANTA_SHA256_HEX], vocab[VANTA_SHA256_HEX];
    const char *known = make_known("for-digest/k"), *set;
    char *text;

    set = make_safetensors("for-digest/s", 5);
    assert_int_equal(vanta_sha256_file(known, gguf, NULL, NULL, NULL, NULL, NULL),
                     VANTA_OK);
    assert_int_equal(vanta_sha256_file(set, weights, NULL, NULL, NULL, NULL, NULL),
                     VANTA_OK);
    assert_int_equal(vanta_sha256_buffer(VOCAB, strlen(VOCAB), vocab, NULL), VANTA_OK);
    text = vanta_strf(
        "{\"format\":\"vanta-catalog\",\"version\":1,\"models\":[{\"id\":\"known\","
        "\"name\":\"Known\",\"type\":\"llm\",\"version\":\"1\",\"format\":\"gguf\","
        "\"aliases\":[\"known-alias\"],\"license\":\"MIT\",\"hardware\":{\"min_ram\":"
        "\"4GB\",\"memory_bytes\":1000},\"files\":[{\"path\":\"known.gguf\","
        "\"size_bytes\":%lld,\"sha256\":\"%s\",\"sources\":"
        "[\"hf:o/r@main/known.gguf\"]}],\"preparations\":[{\"id\":\"fetch\","
        "\"version\":1,\"kind\":\"fetch\"}]},{\"id\":\"known-set\",\"name\":\"Set\","
        "\"type\":\"embedding\",\"version\":\"1\",\"format\":\"safetensors\","
        "\"license\":\"MIT\",\"hardware\":{\"min_ram\":\"4GB\",\"memory_bytes\":1000},"
        "\"files\":[{\"path\":\"model.safetensors\",\"size_bytes\":%lld,\"sha256\":\"%s\","
        "\"sources\":[\"hf:o/r@main/m\"]},{\"path\":\"vocab.txt\",\"size_bytes\":%zu,"
        "\"sha256\":\"%s\",\"sources\":[\"hf:o/r@main/v\"]}],\"preparations\":[{\"id\":"
        "\"fetch\",\"version\":1,\"kind\":\"fetch\"}]}]}",
        (long long)vanta_file_size(known), gguf, (long long)vanta_file_size(set), weights,
        strlen(VOCAB), vocab);
    vanta_error_clear(&err);
    if (vanta_catalog_load_text(&catalog, text, strlen(text), "test.json", &err) !=
        VANTA_OK)
        fail_msg("%s", err.message);
    free(text);
}

static inline int fixture_setup(void **state)
{
    if (scratch_setup(state) != 0)
        return -1;
    setenv("XDG_CONFIG_HOME", in_scratch("config"), 1);
    snprintf(root, sizeof root, "%s", in_scratch("models"));
    load_catalog();
    vanta_error_clear(&err);
    return 0;
}

static inline int fixture_teardown(void **state)
{
    vanta_catalog_free(catalog);
    catalog = NULL;
    return scratch_teardown(state);
}

#define fixture_test(f)                                                                  \
    cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

static inline struct vanta_registry *load(void)
{
    struct vanta_registry *r = NULL;

    if (vanta_registry_load(root, catalog, &r, NULL, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    return r;
}

/* The state of an id, and that it is registered at path. */
static inline void assert_registered(const char *id, const char *path,
                                     enum vanta_state state)
{
    struct vanta_registry *r = load();
    const struct vanta_entry *e = vanta_registry_find(r, id);
    char why[256];
    enum vanta_state found;

    if (!e)
        fail_msg("%s is not registered", id);
    assert_string_equal(e->id, id);
    assert_string_equal(e->path, path);
    found = vanta_entry_state(root, e, catalog, why);
    if (found != state)
        fail_msg("%s is %s: %s", id, vanta_state_name(found), why);
    vanta_registry_free(r);
}

static inline size_t count_registered(void)
{
    struct vanta_registry *r = load();
    size_t n = vanta_registry_count(r);

    vanta_registry_free(r);
    return n;
}

#endif
