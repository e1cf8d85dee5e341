#include "adopt_fixture.h"

#include <dirent.h>

#include "models/rebuild.h"

static struct vanta_rebuild_result result;
static struct vanta_rebuild_options options;

static int setup(void **state)
{
    options = (struct vanta_rebuild_options){0};
    if (fixture_setup(state) != 0)
        return -1;
    return vanta_dir_make(root, NULL) == VANTA_OK ? 0 : -1;
}

static int teardown(void **state)
{
    vanta_rebuild_free(&result);
    return fixture_teardown(state);
}

#define rebuild_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void rebuild(void)
{
    options.root = root;
    options.catalog = catalog;
    vanta_rebuild_free(&result);
    vanta_error_clear(&err);
    if (vanta_registry_rebuild(&options, &result, &err) != VANTA_OK)
        fail_msg("%s", err.message);
}

static const struct vanta_rebuild_item *item_of(const char *id_or_path)
{
    size_t i;

    for (i = 0; i < result.n; i++)
        if (strcmp(result.items[i].id, id_or_path) == 0 ||
            (result.items[i].path && strcmp(result.items[i].path, id_or_path) == 0))
            return &result.items[i];
    fail_msg("%s is not in the result", id_or_path);
    return NULL;
}

static void assert_told(const char *id_or_path, enum vanta_rebuild_kind kind)
{
    const struct vanta_rebuild_item *item = item_of(id_or_path);

    if (item->kind != kind)
        fail_msg("%s: %s (%s)", id_or_path, vanta_rebuild_kind_name(item->kind),
                 item->note);
}

static void an_empty_root_stays_empty(void **state)
{
    (void)state;
    rebuild();
    assert_int_equal(result.n, 0);
    assert_false(result.changed);
    assert_int_equal(vanta_remove_tree(root, NULL), VANTA_OK);
    assert_int_equal(vanta_registry_rebuild(&options, &result, &err), VANTA_ERR_NOT_FOUND);
    assert_true(err.hint[0] != '\0');
    assert_false(vanta_file_exists(root));
}

static void files_without_a_registry_are_adopted(void **state)
{
    (void)state;
    make_known("models/llm/known/known.gguf");
    make_gguf("models/llm/my model/w.gguf", "llama", "Mine", 32, 1);
    make_gguf("models/llm/loose.gguf", "qwen2", NULL, 32, 2);
    make_whisper("models/whisper/ggml-x.bin");
    make_safetensors("models/embeddings/known-set/model.safetensors", 5);
    scratch_text("models/embeddings/known-set/vocab.txt", VOCAB);
    make_safetensors("models/embeddings/own/model.safetensors", 6);
    scratch_text("models/embeddings/own/config.json", "{}");
    scratch_text("models/llm/README.txt", "notes");
    scratch_text("models/llm/empty-folder/notes.txt", "notes");
    rebuild();
    assert_true(result.changed);
    assert_int_equal(result.n, 6);
    assert_registered("known", "llm/known/known.gguf", VANTA_STATE_UNTESTED);
    assert_registered("my-model", "llm/my model/w.gguf", VANTA_STATE_UNTESTED);
    assert_registered("loose", "llm/loose.gguf", VANTA_STATE_UNTESTED);
    assert_registered("ggml-x", "whisper/ggml-x.bin", VANTA_STATE_UNTESTED);
    assert_registered("known-set", "embeddings/known-set", VANTA_STATE_UNTESTED);
    assert_registered("own", "embeddings/own", VANTA_STATE_UNTESTED);
    rebuild();
    assert_false(result.changed);
    assert_told("own", VANTA_REBUILD_KEPT);
}

static void what_it_cannot_take_it_leaves_and_says_why(void **state)
{
    (void)state;
    make_torch("models/whisper/base.pt");
    scratch_text("models/llm/page.gguf", "<html>log in</html>");
    scratch_text("models/llm/bad\nname/x.gguf", "GGUF");
    make_gguf("elsewhere/m.gguf", "llama", NULL, 32, 1);
    assert_int_equal(symlink(in_scratch("elsewhere"), in_root("tts")), 0);
    assert_int_equal(symlink(in_scratch("elsewhere/m.gguf"), in_root("llm/l.gguf")), 0);
    rebuild();
    assert_told("whisper/base.pt", VANTA_REBUILD_LEFT);
    assert_non_null(strstr(item_of("whisper/base.pt")->note, "pickle"));
    assert_told("llm/page.gguf", VANTA_REBUILD_LEFT);
    assert_told("llm/l.gguf", VANTA_REBUILD_LEFT);
    assert_told("tts", VANTA_REBUILD_LEFT);
    assert_told("llm/bad\nname", VANTA_REBUILD_LEFT);
    assert_false(result.changed);
    assert_true(vanta_file_exists(in_root("whisper/base.pt")));
}

static void kept_versions_partial_and_hidden_things_are_not_touched(void **state)
{
    (void)state;
    make_gguf("models/llm/old@1/old.gguf", "llama", NULL, 32, 1);
    make_gguf("models/llm/.m.partial/added/m.gguf", "llama", NULL, 32, 1);
    rebuild();
    assert_int_equal(result.n, 0);
}

static void a_damaged_catalog_model_is_registered_for_what_it_is(void **state)
{
    (void)state;
    make_gguf("models/llm/known/known.gguf", "llama", NULL, 16, 1);
    make_safetensors("models/embeddings/known-set/model.safetensors", 5);
    rebuild();
    assert_registered("known", "llm/known/known.gguf", VANTA_STATE_CORRUPT);
    assert_registered("known-set", "embeddings/known-set", VANTA_STATE_MISSING);
    assert_true(item_of("known")->note[0] != '\0');
}

/* Same size, other bytes: the digest tells, not the size. */
static void wrong_bytes_are_never_verified(void **state)
{
    struct vanta_registry *r;

    (void)state;
    make_gguf("models/llm/known/known.gguf", "llama", "Known", 64, 8);
    rebuild();
    r = load();
    assert_null(vanta_registry_find(r, "known")->verified_at);
    vanta_registry_free(r);
    assert_registered("known", "llm/known/known.gguf", VANTA_STATE_UNVERIFIED);
}

static char *registry_text(void)
{
    struct vanta_buf text = VANTA_BUF(1 << 20);

    assert_int_equal(vanta_file_read(in_root("registry/registry.json"), &text, NULL),
                     VANTA_OK);
    return text.data;
}

static size_t count_damaged(void)
{
    DIR *dir = opendir(in_root("registry"));
    struct dirent *entry;
    size_t n = 0;

    while ((entry = readdir(dir)))
        n += vanta_has_prefix(entry->d_name, "registry.json.damaged-");
    closedir(dir);
    return n;
}

static void a_damaged_registry_comes_back_from_its_history(void **state)
{
    char *before, *after;
    struct vanta_buf kept = VANTA_BUF(1000);

    (void)state;
    make_gguf("models/llm/a/a.gguf", "llama", "A", 32, 1);
    make_gguf("models/llm/b/b.gguf", "llama", "B", 32, 2);
    rebuild();
    before = registry_text();
    scratch_text("models/registry/registry.json", "{\"version\": 2, \"mod");
    rebuild();
    after = registry_text();
    assert_string_equal(after, before);
    assert_true(result.damaged);
    assert_told("a", VANTA_REBUILD_RESTORED);
    assert_int_equal(vanta_file_read(result.aside, &kept, NULL), VANTA_OK);
    assert_string_equal(kept.data, "{\"version\": 2, \"mod");
    assert_int_equal(count_damaged(), 1);
    /* A second one the same day does not overwrite the first. */
    scratch_text("models/registry/registry.json", "");
    rebuild();
    assert_int_equal(count_damaged(), 2);
    assert_registered("b", "llm/b/b.gguf", VANTA_STATE_UNTESTED);
    vanta_buf_free(&kept);
    free(before);
    free(after);
}

static void damaged_without_history_it_is_made_from_the_files(void **state)
{
    (void)state;
    make_gguf("models/llm/a/a.gguf", "llama", "A", 32, 1);
    scratch_text("models/registry/registry.json", "[1, 2");
    rebuild();
    assert_told("a", VANTA_REBUILD_ADOPTED);
    assert_registered("a", "llm/a/a.gguf", VANTA_STATE_UNTESTED);
    assert_int_equal(count_damaged(), 1);
}

static void a_lost_registry_comes_back_with_its_apis(void **state)
{
    (void)state;
    scratch_text("models/registry/registry.json",
                 "{\"version\":2,\"models\":[{\"id\":\"tts-1\",\"type\":\"tts\",\"format\":"
                 "\"api\",\"path\":null,\"note\":\"by hand\"}]}");
    make_gguf("models/llm/a/a.gguf", "llama", "A", 32, 1);
    rebuild();
    assert_told("tts-1", VANTA_REBUILD_KEPT);
    assert_int_equal(unlink(in_root("registry/registry.json")), 0);
    rebuild();
    assert_told("tts-1", VANTA_REBUILD_RESTORED);
    assert_told("a", VANTA_REBUILD_RESTORED);
    assert_int_equal(count_registered(), 2);
    assert_int_equal(count_damaged(), 0);
}

static void missing_files_are_marked_and_found_again(void **state)
{
    struct vanta_registry *r;

    (void)state;
    make_gguf("models/llm/a/a.gguf", "llama", "A", 32, 1);
    rebuild();
    assert_int_equal(rename(in_root("llm/a"), in_scratch("away")), 0);
    rebuild();
    assert_told("a", VANTA_REBUILD_MISSING);
    r = load();
    assert_true(vanta_registry_find(r, "a")->missing_mark);
    vanta_registry_free(r);
    rebuild();
    assert_told("a", VANTA_REBUILD_KEPT);
    assert_false(result.changed);
    assert_int_equal(rename(in_scratch("away"), in_root("llm/a")), 0);
    rebuild();
    assert_told("a", VANTA_REBUILD_FOUND);
    assert_registered("a", "llm/a/a.gguf", VANTA_STATE_UNTESTED);
}

static void moved_files_keep_their_entry(void **state)
{
    (void)state;
    make_gguf("models/llm/loose.gguf", "llama", "A", 32, 1);
    make_known("models/llm/known.gguf");
    rebuild();
    assert_registered("known", "llm/known.gguf", VANTA_STATE_UNTESTED);
    assert_int_equal(mkdir(in_root("llm/new"), 0700), 0);
    assert_int_equal(rename(in_root("llm/loose.gguf"), in_root("llm/new/loose.gguf")), 0);
    assert_int_equal(mkdir(in_root("llm/known"), 0700), 0);
    assert_int_equal(rename(in_root("llm/known.gguf"), in_root("llm/known/known.gguf")),
                     0);
    rebuild();
    assert_told("loose", VANTA_REBUILD_MOVED);
    assert_registered("loose", "llm/new/loose.gguf", VANTA_STATE_UNTESTED);
    assert_registered("known", "llm/known/known.gguf", VANTA_STATE_UNTESTED);
    assert_int_equal(result.n, 2);
    assert_int_equal(count_registered(), 2);
}

static void a_forgotten_entry_comes_back_as_it_was(void **state)
{
    struct vanta_registry *r;
    const struct vanta_entry *e;

    (void)state;
    make_gguf("models/llm/a/a.gguf", "llama", "A", 32, 1);
    rebuild();
    r = load();
    free(vanta_registry_edit(r, "a")->license);
    vanta_registry_edit(r, "a")->license = vanta_strdup("Special");
    free(vanta_registry_edit(r, "a")->path);
    vanta_registry_edit(r, "a")->path = vanta_strdup("llm/b/b.gguf");
    free(vanta_registry_edit(r, "a")->files[0].path);
    vanta_registry_edit(r, "a")->files[0].path = vanta_strdup("b.gguf");
    assert_int_equal(vanta_registry_replace(root, r, NULL), VANTA_OK);
    vanta_registry_free(r);
    scratch_text("models/registry/registry.json", "{\"version\":2,\"models\":[]}");
    assert_int_equal(vanta_remove_tree(in_root("llm/a"), NULL), VANTA_OK);
    make_gguf("models/llm/b/b.gguf", "llama", "A", 32, 1);
    rebuild();
    assert_told("a", VANTA_REBUILD_RESTORED);
    r = load();
    e = vanta_registry_find(r, "a");
    assert_non_null(e);
    assert_string_equal(e->license, "Special");
    vanta_registry_free(r);
}

static void second_copies_and_taken_ids(void **state)
{
    (void)state;
    make_known("models/llm/known/known.gguf");
    make_known("models/llm/other/known.gguf");
    make_gguf("models/llm/tts-1.gguf", "llama", NULL, 32, 3); /* an id of the catalog */
    rebuild();
    assert_told("known", VANTA_REBUILD_ADOPTED);
    assert_told("llm/other/known.gguf", VANTA_REBUILD_LEFT);
    assert_non_null(strstr(item_of("llm/other/known.gguf")->note, "second copy of known"));
    assert_registered("tts-1-2", "llm/tts-1.gguf", VANTA_STATE_UNTESTED);
}

static void a_folder_of_several_models_gives_several(void **state)
{
    (void)state;
    make_gguf("models/llm/many/a.gguf", "llama", NULL, 32, 1);
    make_gguf("models/llm/many/b.gguf", "llama", NULL, 32, 2);
    rebuild();
    assert_registered("a", "llm/many/a.gguf", VANTA_STATE_UNTESTED);
    assert_registered("b", "llm/many/b.gguf", VANTA_STATE_UNTESTED);
    make_gguf("models/llm/many/c.gguf", "llama", NULL, 32, 3);
    rebuild();
    assert_registered("c", "llm/many/c.gguf", VANTA_STATE_UNTESTED);
    assert_int_equal(count_registered(), 3);
}

static void a_dry_run_writes_nothing(void **state)
{
    (void)state;
    make_gguf("models/llm/a/a.gguf", "llama", "A", 32, 1);
    options.dry_run = true;
    rebuild();
    assert_true(result.changed);
    assert_told("a", VANTA_REBUILD_ADOPTED);
    assert_false(vanta_file_exists(in_root("registry")));
}

static void stopping_changes_nothing(void **state)
{
    atomic_bool cancel = true;

    (void)state;
    make_gguf("models/llm/a/a.gguf", "llama", "A", 32, 1);
    options.root = root;
    options.catalog = catalog;
    options.cancel = &cancel;
    assert_int_equal(vanta_registry_rebuild(&options, &result, &err), VANTA_ERR_CANCELLED);
    assert_false(vanta_file_exists(in_root("registry")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rebuild_test(an_empty_root_stays_empty),
        rebuild_test(files_without_a_registry_are_adopted),
        rebuild_test(what_it_cannot_take_it_leaves_and_says_why),
        rebuild_test(kept_versions_partial_and_hidden_things_are_not_touched),
        rebuild_test(a_damaged_catalog_model_is_registered_for_what_it_is),
        rebuild_test(wrong_bytes_are_never_verified),
        rebuild_test(a_damaged_registry_comes_back_from_its_history),
        rebuild_test(damaged_without_history_it_is_made_from_the_files),
        rebuild_test(a_lost_registry_comes_back_with_its_apis),
        rebuild_test(missing_files_are_marked_and_found_again),
        rebuild_test(moved_files_keep_their_entry),
        rebuild_test(a_forgotten_entry_comes_back_as_it_was),
        rebuild_test(second_copies_and_taken_ids),
        rebuild_test(a_folder_of_several_models_gives_several),
        rebuild_test(a_dry_run_writes_nothing),
        rebuild_test(stopping_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
