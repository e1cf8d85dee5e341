/* Adding from this machine: files and folders, by copy, move and link. */
#include "adopt_fixture.h"

#include "base/lock.h"
#include "models/add.h"

static struct vanta_add_options options;
static struct vanta_add_result result;

static enum vanta_status add(const char *what)
{
    options.root = root;
    options.catalog = catalog;
    options.what = what;
    vanta_add_result_free(&result);
    vanta_error_clear(&err);
    return vanta_model_add(&options, &result, &err);
}

static void assert_added(const char *what)
{
    if (add(what) != VANTA_OK)
        fail_msg("%s: %s", what, err.message);
}

static void assert_refused(const char *what, enum vanta_status status, const char *why)
{
    assert_int_equal(add(what), status);
    if (!strstr(err.message, why))
        fail_msg("no \"%s\" in: %s", why, err.message);
    assert_true(err.hint[0] != '\0');
    assert_null(result.entry.id);
}

static int setup(void **state)
{
    options = (struct vanta_add_options){.type = VANTA_TYPE_UNKNOWN};
    return fixture_setup(state);
}

static int teardown(void **state)
{
    vanta_add_result_free(&result);
    return fixture_teardown(state);
}

static void a_file_is_copied_hashed_and_registered(void **state)
{
    const char *path = make_gguf("in/tiny.Q4_K_M.gguf", "llama", "Tiny", 32, 1);

    (void)state;
    assert_added(path);
    assert_registered("tiny.Q4_K_M", "llm/tiny.Q4_K_M/tiny.Q4_K_M.gguf",
                      VANTA_STATE_UNTESTED);
    assert_string_equal(result.entry.name, "Tiny");
    assert_string_equal(result.entry.preparation, "added");
    assert_string_equal(result.entry.license, "apache-2.0");
    assert_non_null(result.entry.verified_at);
    assert_false(result.known);
    assert_true(vanta_file_exists(path));
    assert_false(vanta_file_exists(in_root("llm/.tiny.Q4_K_M.partial")));
}

static void options_win_over_the_header(void **state)
{
    const char *path = make_gguf("in/m.gguf", "llama", "Tiny", 32, 1);

    (void)state;
    options.id = "Mine";
    options.name = "My Model";
    options.license = "MIT";
    options.type = VANTA_TYPE_EMBEDDING;
    assert_added(path);
    assert_registered("Mine", "embeddings/Mine/m.gguf", VANTA_STATE_UNTESTED);
    assert_string_equal(result.entry.name, "My Model");
    assert_string_equal(result.entry.license, "MIT");
}

static void a_move_takes_the_original_away_at_the_end(void **state)
{
    const char *path = make_gguf("in/m.gguf", "llama", NULL, 32, 1);

    (void)state;
    options.way = VANTA_ADD_MOVE;
    assert_added(path);
    assert_registered("m", "llm/m/m.gguf", VANTA_STATE_UNTESTED);
    assert_false(vanta_file_exists(path));
    assert_true(vanta_file_is_dir(in_scratch("in"))); /* a file's folder is not its own */
    assert_int_equal(symlink(in_root("llm/m/m.gguf"), in_scratch("l.gguf")), 0);
    assert_refused(in_scratch("l.gguf"), VANTA_ERR_USAGE, "symbolic link");
}

static void a_folder_moves_whole(void **state)
{
    (void)state;
    make_safetensors("in/e/model.safetensors", 1);
    scratch_text("in/e/modules.json", "[]");
    scratch_text("in/e/1_Pooling/config.json", "{}");
    options.way = VANTA_ADD_MOVE;
    assert_added(in_scratch("in/e"));
    assert_registered("e", "embeddings/e", VANTA_STATE_UNTESTED);
    assert_int_equal(result.entry.n_files, 3);
    assert_true(vanta_file_exists(in_root("embeddings/e/1_Pooling/config.json")));
    assert_false(vanta_file_exists(in_scratch("in/e")));
}

static void a_link_leaves_everything_where_it_is(void **state)
{
    const char *path = make_gguf("in/m.gguf", "llama", NULL, 32, 1);

    (void)state;
    options.way = VANTA_ADD_LINK;
    assert_added(path);
    assert_true(result.entry.external);
    assert_registered("m", path, VANTA_STATE_UNTESTED);
    assert_false(vanta_file_exists(in_root("llm")));
    make_gguf("models/llm/x/x.gguf", "llama", NULL, 32, 2);
    assert_refused(in_root("llm/x/x.gguf"), VANTA_ERR_USAGE, "in the models folder");
}

static void a_catalog_model_is_recognized_by_its_bytes(void **state)
{
    (void)state;
    assert_added(make_known("in/downloaded (1).gguf"));
    assert_true(result.known);
    assert_registered("known", "llm/known/known.gguf", VANTA_STATE_UNTESTED);
    assert_string_equal(result.entry.name, "Known");
    assert_string_equal(result.entry.license, "MIT");
    options.id = "mine";
    assert_added(make_known("in/again.gguf"));
    assert_false(result.known);
    assert_registered("mine", "llm/mine/again.gguf", VANTA_STATE_UNTESTED);
}

static void a_catalog_models_name_is_not_for_other_bytes(void **state)
{
    (void)state;
    assert_refused(make_gguf("in/known.gguf", "llama", NULL, 32, 1), VANTA_ERR_EXISTS,
                   "other bytes");
    assert_non_null(strstr(err.hint, "vanta setup known"));
    options.id = "KNOWN-Alias";
    assert_refused(make_gguf("in/m.gguf", "llama", NULL, 32, 1), VANTA_ERR_EXISTS,
                   "other bytes");
    assert_false(vanta_file_exists(in_root("llm/known")));
}

static void ids_are_unique_without_regard_to_case(void **state)
{
    (void)state;
    assert_added(make_gguf("in/Model.gguf", "llama", NULL, 32, 1));
    assert_refused(make_gguf("in/mODEL.gguf", "llama", NULL, 32, 2), VANTA_ERR_EXISTS,
                   "a model Model is registered already");
    assert_non_null(strstr(err.hint, "vanta remove Model"));
    options.id = "other";
    assert_added(in_scratch("in/mODEL.gguf"));
    options.id = "../x";
    assert_refused(in_scratch("in/mODEL.gguf"), VANTA_ERR_USAGE, "cannot be an id");
    assert_int_equal(count_registered(), 2);
}

static void a_missing_models_id_may_be_filled_again(void **state)
{
    (void)state;
    assert_added(make_gguf("in/m.gguf", "llama", NULL, 32, 1));
    assert_int_equal(vanta_remove_tree(in_root("llm/m"), NULL), VANTA_OK);
    assert_registered("m", "llm/m/m.gguf", VANTA_STATE_MISSING);
    assert_added(make_gguf("in/m.gguf", "llama", NULL, 48, 2));
    assert_registered("m", "llm/m/m.gguf", VANTA_STATE_UNTESTED);
    assert_int_equal(count_registered(), 1);
}

static void files_that_no_entry_has_are_not_overwritten(void **state)
{
    struct vanta_lock lock = {0};

    (void)state;
    scratch_text("models/llm/m/notes.txt", "mine");
    assert_refused(make_gguf("in/m.gguf", "llama", NULL, 32, 1), VANTA_ERR_EXISTS,
                   "is not registered");
    assert_non_null(strstr(err.hint, "vanta registry rebuild"));
    assert_true(vanta_file_exists(in_root("llm/m/notes.txt")));
    options.id = "busy";
    assert_int_equal(vanta_lock_acquire(&lock, in_root("llm/.busy.lock"), 0, NULL, NULL,
                                        NULL, NULL),
                     VANTA_OK);
    assert_refused(in_scratch("in/m.gguf"), VANTA_ERR_BUSY, "held by process");
    vanta_lock_release(&lock);
}

static void digests_are_compared(void **state)
{
    const char *path = make_gguf("in/m.gguf", "llama", NULL, 32, 1);
    char hex[VANTA_SHA256_HEX];

    (void)state;
    options.sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    assert_refused(path, VANTA_ERR_DIGEST, "has the digest");
    assert_false(vanta_file_exists(in_root("llm/m")));
    assert_false(vanta_file_exists(in_root("llm/.m.partial")));
    options.sha256 = "short";
    assert_int_equal(add(path), VANTA_ERR_USAGE);
    vanta_sha256_file(path, hex, NULL, NULL, NULL, NULL, NULL);
    options.sha256 = hex;
    assert_added(path);
}

static void the_type_is_asked_for_and_must_agree(void **state)
{
    (void)state;
    assert_refused(make_safetensors("in/s.safetensors", 1), VANTA_ERR_USAGE,
                   "does not say what kind");
    options.type = VANTA_TYPE_WHISPER;
    assert_refused(make_gguf("in/m.gguf", "llama", NULL, 32, 1), VANTA_ERR_UNSUPPORTED,
                   "not whisper");
    options.type = VANTA_TYPE_EMBEDDING;
    assert_added(in_scratch("in/s.safetensors"));
    options.type = VANTA_TYPE_UNKNOWN;
    assert_added(make_whisper("in/ggml-x.bin"));
    assert_registered("ggml-x", "whisper/ggml-x/ggml-x.bin", VANTA_STATE_UNTESTED);
}

static void pickles_and_links_stay_outside(void **state)
{
    (void)state;
    assert_refused(make_torch("in/base.pt"), VANTA_ERR_UNSUPPORTED, "a pickle");
    make_gguf("in/d/m.gguf", "llama", NULL, 32, 1);
    scratch_text("secret", "s");
    assert_int_equal(symlink(in_scratch("secret"), in_scratch("in/d/config.json")), 0);
    assert_refused(in_scratch("in/d"), VANTA_ERR_UNSUPPORTED, "symbolic link");
    assert_refused(make_gguf("in/a\x1b[2Jb.gguf", "llama", NULL, 32, 1), VANTA_ERR_FORMAT,
                   "no name that can be kept");
    assert_false(vanta_file_exists(root));
}

static void a_type_folder_that_leads_out_is_not_written_to(void **state)
{
    (void)state;
    assert_int_equal(vanta_dir_make(root, NULL), VANTA_OK);
    assert_int_equal(mkdir(in_scratch("elsewhere"), 0700), 0);
    assert_int_equal(symlink(in_scratch("elsewhere"), in_root("llm")), 0);
    assert_refused(make_gguf("in/m.gguf", "llama", NULL, 32, 1), VANTA_ERR_FORMAT,
                   "leads out of");
    assert_int_equal(vanta_dir_bytes(in_scratch("elsewhere")), 0);
}

static void a_damaged_registry_is_known_before_the_copy(void **state)
{
    (void)state;
    scratch_text("models/registry/registry.json", "{ broken");
    assert_refused(make_gguf("in/m.gguf", "llama", NULL, 32, 1), VANTA_ERR_FORMAT,
                   "registry.json");
    assert_non_null(strstr(err.hint, "vanta registry rebuild"));
    assert_false(vanta_file_exists(in_root("llm")));
}

static void cancelling_leaves_nothing(void **state)
{
    atomic_bool cancel = true;
    const char *path = make_gguf("in/m.gguf", "llama", NULL, 32, 1);

    (void)state;
    options.cancel = &cancel;
    options.way = VANTA_ADD_MOVE;
    assert_int_equal(add(path), VANTA_ERR_CANCELLED);
    assert_true(vanta_file_exists(path));
    assert_false(vanta_file_exists(in_root("llm/m")));
    assert_false(vanta_file_exists(in_root("llm/.m.partial")));
}

#define add_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        add_test(a_file_is_copied_hashed_and_registered),
        add_test(options_win_over_the_header),
        add_test(a_move_takes_the_original_away_at_the_end),
        add_test(a_folder_moves_whole),
        add_test(a_link_leaves_everything_where_it_is),
        add_test(a_catalog_model_is_recognized_by_its_bytes),
        add_test(a_catalog_models_name_is_not_for_other_bytes),
        add_test(ids_are_unique_without_regard_to_case),
        add_test(a_missing_models_id_may_be_filled_again),
        add_test(files_that_no_entry_has_are_not_overwritten),
        add_test(digests_are_compared),
        add_test(the_type_is_asked_for_and_must_agree),
        add_test(pickles_and_links_stay_outside),
        add_test(a_type_folder_that_leads_out_is_not_written_to),
        add_test(a_damaged_registry_is_known_before_the_copy),
        add_test(cancelling_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
