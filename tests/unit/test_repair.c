/* Repair: what can be brought anew, what is planned and said, and that it is right after. */
#include "setup_fixture.h"

#include <fcntl.h>

#include "base/chunks.h"
#include "models/chunk_store.h"
#include "models/registry.h"
#include "models/repair.h"
#include "models/verify.h"

#define BYTES ((size_t)9 * 1024 * 1024) /* three chunks */

#define with_fixture(f) cmocka_unit_test_setup_teardown(f, fixture_open, fixture_close)

static struct vanta_setup_options options(struct fixture *f)
{
    return (struct vanta_setup_options){.root = f->root, .catalog = f->catalog};
}

/* "one" (three chunks) and "two", from upstream, set up and registered. */
static void set_up_both(struct fixture *f)
{
    struct vanta_setup_options o;
    const struct vanta_catalog_model *models[2];
    struct vanta_setup *setup;
    char file[2048];

    add_model(f, "one", "llm", "MIT", file_json(f, "one.gguf", BYTES, 'a', file), "");
    add_model(f, "two", "llm", "MIT", file_json(f, "two.gguf", 1000, 'b', file), "");
    load_catalog(f);
    models[0] = model(f, "one");
    models[1] = model(f, "two");
    o = options(f);
    o.models = models;
    o.n_models = 2;
    assert_int_equal(vanta_setup_new(&o, &setup, &f->err), VANTA_OK);
    assert_int_equal(vanta_setup_plan(setup, &f->err), VANTA_OK);
    assert_int_equal(vanta_setup_preflight(setup, &f->err), VANTA_OK);
    if (vanta_setup_run(setup, &f->err) != VANTA_OK)
        fail_msg("%s", f->err.message);
    vanta_setup_free(setup);
}

static const char *path_of(const struct fixture *f, const char *id)
{
    static char path[1024];

    snprintf(path, sizeof path, "%s/llm/%s/%s.gguf", f->root, id, id);
    return path;
}

static void spoil(const struct fixture *f, const char *id, off_t at)
{
    int fd = open(path_of(f, id), O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "?", 1, at), 1);
    close(fd);
}

/* Verifies all; the items are of the registry's entries, in their order. */
static struct vanta_registry *verify_all(struct fixture *f,
                                         struct vanta_verify_item items[2])
{
    struct vanta_verify_options o = {.root = f->root, .catalog = f->catalog};
    struct vanta_registry *r;
    size_t i;

    assert_int_equal(vanta_registry_load(f->root, f->catalog, &r, NULL, &f->err), VANTA_OK);
    assert_int_equal(vanta_registry_count(r), 2);
    memset(items, 0, 2 * sizeof *items);
    for (i = 0; i < 2; i++)
        items[i].entry = vanta_registry_at(r, i);
    vanta_verify_models(&o, items, 2);
    return r;
}

static const struct vanta_verify_item *item_of(const struct vanta_verify_item items[2],
                                               const char *id)
{
    return &items[strcmp(items[0].entry->id, id) != 0];
}

static void what_is_right_needs_none(void **state)
{
    struct fixture *f = *state;
    struct vanta_verify_item items[2];
    struct vanta_setup_options o;
    struct vanta_repair repair;
    struct vanta_registry *r;

    set_up_both(f);
    r = verify_all(f, items);
    o = options(f);
    assert_int_equal(vanta_repair_possible(f->catalog, &items[0], &f->err),
                     VANTA_ERR_UNSUPPORTED);
    assert_string_equal(f->err.message, ""); /* nothing to complain about */
    assert_int_equal(vanta_repair_plan(&o, items, 2, &repair, &f->err), VANTA_OK);
    assert_int_equal(repair.n, 0);
    assert_null(repair.setup);
    vanta_repair_free(&repair);
    vanta_repair_free(&repair); /* a zeroed one */
    vanta_registry_free(r);
}

static void only_what_is_wrong_is_brought_anew(void **state)
{
    struct fixture *f = *state;
    struct vanta_verify_item items[2];
    struct vanta_setup_options o;
    struct vanta_repair repair;
    struct vanta_registry *r;
    char text[512];

    set_up_both(f);
    spoil(f, "one", (off_t)VANTA_CHUNK_BYTES + 7);
    r = verify_all(f, items);
    assert_int_equal(item_of(items, "two")->status, VANTA_OK);
    assert_int_equal(item_of(items, "one")->status, VANTA_ERR_CHECK);
    o = options(f);
    o.profile = "not asked for"; /* the repair says what, not the caller */
    assert_int_equal(vanta_repair_possible(f->catalog, item_of(items, "one"), &f->err),
                     VANTA_OK);
    assert_int_equal(vanta_repair_plan(&o, items, 2, &repair, &f->err), VANTA_OK);
    assert_int_equal(repair.n, 1);
    assert_string_equal(repair.models[0]->id, "one");
    assert_int_equal(repair.damage[0].bytes_wrong, VANTA_CHUNK_BYTES);
    assert_int_equal(repair.damage[0].bytes_wrong_files, BYTES);
    vanta_repair_describe(&repair, 0, text);
    assert_non_null(strstr(text, "upstream/one.gguf"));
    assert_int_equal(vanta_setup_run(repair.setup, &f->err), VANTA_OK);
    vanta_repair_free(&repair);
    vanta_registry_free(r);
    r = verify_all(f, items);
    assert_int_equal(items[0].status, VANTA_OK);
    assert_int_equal(items[1].status, VANTA_OK);
    vanta_registry_free(r);
}

static void a_file_that_is_gone_is_brought_anew(void **state)
{
    struct fixture *f = *state;
    struct vanta_verify_item items[2];
    struct vanta_setup_options o;
    struct vanta_repair repair;
    struct vanta_registry *r;

    set_up_both(f);
    assert_int_equal(unlink(path_of(f, "two")), 0);
    r = verify_all(f, items);
    o = options(f);
    assert_int_equal(vanta_repair_plan(&o, items, 2, &repair, &f->err), VANTA_OK);
    assert_int_equal(repair.n, 1);
    assert_int_equal(repair.damage[0].bytes_wrong_files, 1000);
    assert_int_equal(vanta_setup_run(repair.setup, &f->err), VANTA_OK);
    assert_true(vanta_file_exists(path_of(f, "two")));
    vanta_repair_free(&repair);
    vanta_registry_free(r);
}

static void a_source_that_is_gone_is_said_and_the_rest_is_repaired(void **state)
{
    struct fixture *f = *state;
    struct vanta_verify_item items[2];
    struct vanta_setup_options o;
    struct vanta_repair repair;
    struct vanta_registry *r;
    char path[1024];

    set_up_both(f);
    spoil(f, "one", 0);
    spoil(f, "two", 0);
    upstream_path(f, "one.gguf", path);
    assert_int_equal(unlink(path), 0);
    r = verify_all(f, items);
    o = options(f);
    assert_int_equal(vanta_repair_plan(&o, items, 2, &repair, &f->err), VANTA_OK);
    assert_int_equal(repair.n, 2);
    assert_int_not_equal(vanta_setup_run(repair.setup, &f->err), VANTA_OK);
    assert_non_null(strstr(f->err.message, "one"));
    vanta_repair_free(&repair);
    vanta_registry_free(r);
    r = verify_all(f, items);
    assert_int_equal(item_of(items, "two")->status, VANTA_OK);
    assert_int_equal(item_of(items, "one")->status, VANTA_ERR_CHECK);
    /* The damaged file is still there: it may be worth something to its owner. */
    assert_true(vanta_file_exists(path_of(f, "one")));
    vanta_registry_free(r);
}

static void what_is_the_users_own_is_not_touched(void **state)
{
    static char id[] = "mine", path[] = "llm/mine", source[] = "hf:a/b@c";
    struct fixture *f = *state;
    struct vanta_entry entry = {.id = id, .type = VANTA_TYPE_LLM, .path = path};
    struct vanta_verify_item item = {.entry = &entry, .status = VANTA_ERR_CHECK};
    struct vanta_setup_options o;
    struct vanta_repair repair;

    load_catalog(f);
    assert_int_equal(vanta_repair_possible(f->catalog, &item, &f->err),
                     VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(f->err.message, "mine: it is not in the catalog"));
    assert_non_null(strstr(f->err.hint, "vanta remove mine"));
    f->err = (struct vanta_error){0};
    entry.source = source;
    assert_int_equal(vanta_repair_possible(f->catalog, &item, &f->err),
                     VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(f->err.hint, "hf:a/b@c"));
    f->err = (struct vanta_error){0};
    entry.external = true;
    assert_int_equal(vanta_repair_possible(f->catalog, &item, &f->err),
                     VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(f->err.message, "outside the models folder"));
    o = options(f);
    assert_int_equal(vanta_repair_plan(&o, &item, 1, &repair, NULL), VANTA_OK);
    assert_int_equal(repair.n, 0);
    vanta_repair_free(&repair);
}

static void what_a_killed_repair_left_goes_beside_right_models_only(void **state)
{
    struct fixture *f = *state;
    struct vanta_verify_item items[2];
    struct vanta_registry *r;
    char one[1024], two[1024];

    set_up_both(f);
    spoil(f, "one", 0);
    snprintf(one, sizeof one, "%s/llm/.one.partial/left", f->root);
    snprintf(two, sizeof two, "%s/llm/.two.partial/left", f->root);
    write_bytes(one, 10, 'x');
    write_bytes(two, 10, 'x');
    r = verify_all(f, items);
    vanta_repair_tidy(f->root, items, 2);
    assert_true(vanta_file_exists(one));
    assert_false(vanta_file_exists(two));
    vanta_registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_fixture(what_is_right_needs_none),
        with_fixture(only_what_is_wrong_is_brought_anew),
        with_fixture(a_file_that_is_gone_is_brought_anew),
        with_fixture(a_source_that_is_gone_is_said_and_the_rest_is_repaired),
        with_fixture(what_is_the_users_own_is_not_touched),
        with_fixture(what_a_killed_repair_left_goes_beside_right_models_only),
    };

    return cmocka_run_group_tests_name("repair", tests, NULL, NULL);
}
