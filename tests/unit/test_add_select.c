/* What is to be added, and which files of a repository that means. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "models/add_private.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static struct vanta_error err;

static enum vanta_status parse(const char *what, struct add_operand *out)
{
    vanta_error_clear(&err);
    return add_operand_parse(what, false, out, &err);
}

static void operands_are_understood(void **state)
{
    static const struct {
        const char *what, *repo, *revision, *selector;
    } cases[] = {
        {"hf:org/repo", "org/repo", "main", ""},
        {"hf://org/repo", "org/repo", "main", ""},
        {"hf:org/repo:Q4_K_M", "org/repo", "main", "Q4_K_M"},
        {"hf:org/repo@v1", "org/repo", "v1", ""},
        {"hf:org/repo@v1:a/b.gguf", "org/repo", "v1", "a/b.gguf"},
        {"hf:org/repo@" COMMIT "/a/b.gguf", "org/repo", COMMIT, "a/b.gguf"},
        {"hf:org/repo/b.gguf", "org/repo", "main", "b.gguf"},
        {"hf:org/repo@refs/pr/1", "org/repo", "refs/pr/1", ""},
        {"hf:org/repo@refs/pr/12:Q4_0", "org/repo", "refs/pr/12", "Q4_0"},
        {"hf:org/repo@refs/pr/1/d/m.gguf", "org/repo", "refs/pr/1", "d/m.gguf"},
        {"hf:org/repo@my%2Fbranch/m.gguf", "org/repo", "my/branch", "m.gguf"},
        {"https://huggingface.co/org/repo/tree/refs%2Fpr%2F1", "org/repo", "refs/pr/1", ""},
        {"https://huggingface.co/org/repo/tree/refs/pr/1/sub", "org/repo", "refs/pr/1",
         "sub/"},
        {"https://hf.co/org/repo/blob/my%2fbranch/m%20x.gguf", "org/repo", "my/branch",
         "m x.gguf"},
        {"hf:org/repo:dir/", "org/repo", "main", "dir/"},
        {"https://huggingface.co/org/repo", "org/repo", "main", ""},
        {"https://huggingface.co/org/repo/", "org/repo", "main", ""},
        {"huggingface.co/org/repo?library=x", "org/repo", "main", ""},
        {"https://hf.co/org/repo/tree/main", "org/repo", "main", ""},
        {"https://huggingface.co/org/repo/tree/v2/sub/dir", "org/repo", "v2", "sub/dir/"},
        {"https://huggingface.co/org/repo/blob/main/a%20b.gguf", "org/repo", "main",
         "a b.gguf"},
        {"https://huggingface.co/org/repo/resolve/main/d/m.gguf?download=true", "org/repo",
         "main", "d/m.gguf"},
    };
    struct add_operand o;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (parse(cases[i].what, &o) != VANTA_OK)
            fail_msg("%s: %s", cases[i].what, err.message);
        assert_int_equal(o.kind, ADD_HUB);
        assert_string_equal(o.repo, cases[i].repo);
        assert_string_equal(o.revision, cases[i].revision);
        assert_string_equal(o.selector, cases[i].selector);
    }
    assert_int_equal(parse("https://host.example/a/m%20x.gguf?sig=1#f", &o), VANTA_OK);
    assert_int_equal(o.kind, ADD_URL);
    assert_string_equal(o.name, "m x.gguf");
    assert_string_equal(o.text, "https://host.example/a/m%20x.gguf?sig=1");
    assert_int_equal(parse("/tmp", &o), VANTA_OK);
    assert_int_equal(o.kind, ADD_LOCAL);
    assert_int_equal(parse("file:///tmp", &o), VANTA_OK);
    assert_string_equal(o.text, "/tmp");
}

static void what_makes_no_sense_says_what_would(void **state)
{
    static const char *const bad[] = {
        "", "hf:", "hf:org", "hf:/repo", "hf:org/", "hf:../x", "hf:o r/x", "hf:org/repo@/x",
        "hf:org/repo@refs/pr/x", "hf:org/repo@a%2F..", "hf:org/repo@a%2F", "hf:org/repo@a%20b",
        "https://huggingface.co/org/repo/tree/..%2F..", "https://hf.co/org/repo/tree/%00",
        "https://huggingface.co/datasets/org/data", "https://huggingface.co/org",
        "https://huggingface.co/org/repo/discussions/1", "https://huggingface.co/a/b/blob",
        "https://host.example/", "https://host.example/dir/", "https://user@host.example/m",
        "https://host.example/%2e%2e", "https://host.example/.m", "https://h.example/%zz",
        "http://host.example/m.gguf", "http://127.0.0.1/m.gguf", "ftp://host/m.gguf",
        "pkg:pypi/x@1#m", "oci:host/x"};
    struct add_operand o;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (parse(bad[i], &o) != VANTA_ERR_USAGE)
            fail_msg("%s was taken: %s", bad[i], err.message);
        assert_true(err.message[0] != '\0');
    }
    assert_int_equal(add_operand_parse("http://127.0.0.1/m.gguf", true, &o, NULL),
                     VANTA_OK);
    assert_int_equal(parse("/nowhere/at/all", &o), VANTA_ERR_NOT_FOUND);
    assert_int_equal(parse("org/repo", &o), VANTA_ERR_NOT_FOUND);
    assert_string_equal(err.hint, "If a repository of the model hub is meant: hf:org/repo");
}

/* --- selecting --- */

static struct add_listing listing;
static struct add_selection selection;
static struct vanta_add_result result;

static void list(const char *const *paths)
{
    memset(&listing, 0, sizeof listing);
    strcpy(listing.commit, COMMIT);
    while (paths[listing.n])
        listing.n++;
    listing.files = calloc(listing.n, sizeof *listing.files);
    for (size_t i = 0; i < listing.n; i++) {
        listing.files[i].path = vanta_strdup(paths[i]);
        listing.files[i].size_bytes = 100;
    }
}

static enum vanta_status select_in(const char *selector, enum vanta_model_type type)
{
    struct add_operand o = {.kind = ADD_HUB, .repo = "org/repo", .revision = "main"};

    snprintf(o.selector, sizeof o.selector, "%s", selector);
    add_selection_free(&selection);
    vanta_add_result_free(&result);
    vanta_error_clear(&err);
    return add_select(&o, &listing, type, &selection, &result, &err);
}

static void assert_selects(const char *selector, const char *path)
{
    if (select_in(selector, VANTA_TYPE_UNKNOWN) != VANTA_OK)
        fail_msg("%s: %s", selector, err.message);
    assert_int_equal(selection.n, 1);
    assert_string_equal(selection.files[0].path, path);
}

static int clean(void **state)
{
    (void)state;
    add_listing_free(&listing);
    add_selection_free(&selection);
    vanta_add_result_free(&result);
    return 0;
}

static void one_of_many_quantizations(void **state)
{
    static const char *const paths[] = {
        "README.md", "m.Q2_K.gguf", "m.Q4_K_M.gguf", "m.Q4_K_S.gguf", "m-f16.gguf",
        "m.IQ2_XS.gguf", "mmproj-m-Q4_K_M.gguf", "sub/other-Q8_0.gguf", NULL};

    (void)state;
    list(paths);
    assert_selects("Q4_K_M", "m.Q4_K_M.gguf");
    assert_string_equal(selection.files[0].source,
                        "hf:org/repo@" COMMIT "/m.Q4_K_M.gguf");
    assert_string_equal(selection.files[0].target, "m.Q4_K_M.gguf");
    assert_int_equal(selection.files[0].magic, VANTA_MAGIC_GGUF);
    assert_selects("q4_k_s", "m.Q4_K_S.gguf");
    assert_selects("F16", "m-f16.gguf");
    assert_selects("iq2_xs", "m.IQ2_XS.gguf");
    assert_selects("m.Q2_K.gguf", "m.Q2_K.gguf");
    assert_selects("m.q2_k", "m.Q2_K.gguf");
    assert_selects("other-Q8_0.gguf", "sub/other-Q8_0.gguf");
    assert_string_equal(selection.files[0].target, "other-Q8_0.gguf");
    assert_selects("sub/", "sub/other-Q8_0.gguf");
    assert_int_equal(select_in("", VANTA_TYPE_UNKNOWN), VANTA_ERR_USAGE);
    assert_int_equal(result.n_choices, 6);
    assert_string_equal(result.choices[0].text, "hf:org/repo:Q2_K");
    assert_string_equal(result.choices[5].text, "hf:org/repo:Q8_0");
    assert_int_equal(select_in("Q4_K", VANTA_TYPE_UNKNOWN), VANTA_ERR_USAGE);
    assert_int_equal(result.n_choices, 6);
    assert_non_null(strstr(err.message, "no file, folder or quantization \"Q4_K\""));
}

static void the_same_quantization_twice_must_be_chosen_from(void **state)
{
    static const char *const paths[] = {"a-Q4_0.gguf", "b-Q4_0.gguf", "b-Q8_0.gguf", NULL};

    (void)state;
    list(paths);
    assert_int_equal(select_in("Q4_0", VANTA_TYPE_UNKNOWN), VANTA_ERR_USAGE);
    assert_int_equal(result.n_choices, 2);
    assert_string_equal(result.choices[0].text, "hf:org/repo:a-Q4_0.gguf");
    assert_selects("Q8_0", "b-Q8_0.gguf");
}

static void parts_come_together(void **state)
{
    static const char *const paths[] = {"q/m-Q8_0-00001-of-00002.gguf",
                                        "q/m-Q8_0-00002-of-00002.gguf", "m-Q2_K.gguf",
                                        NULL};

    (void)state;
    list(paths);
    assert_int_equal(select_in("Q8_0", VANTA_TYPE_LLM), VANTA_OK);
    assert_int_equal(selection.n, 2);
    assert_string_equal(selection.files[1].target, "m-Q8_0-00002-of-00002.gguf");
    assert_int_equal(select_in("", VANTA_TYPE_LLM), VANTA_ERR_USAGE);
    assert_int_equal(result.n_choices, 2);
    assert_int_equal(result.choices[0].bytes, 200);
}

static void whisper_files_are_found_by_name(void **state)
{
    static const char *const paths[] = {"ggml-base.bin", "ggml-base-q5_1.bin",
                                        "ggml-base.en.bin",
                                        "ggml-base-encoder.mlmodelc.zip", NULL};

    (void)state;
    list(paths);
    assert_selects("ggml-base.bin", "ggml-base.bin");
    assert_int_equal(selection.files[0].magic, VANTA_MAGIC_WHISPER_GGML);
    assert_selects("ggml-base", "ggml-base.bin");
    assert_selects("q5_1", "ggml-base-q5_1.bin");
}

static void safetensors_come_with_what_goes_along(void **state)
{
    static const char *const paths[] = {
        ".gitattributes", "1_Pooling/config.json", "README.md", "config.json",
        "model.safetensors", "model.fp16.safetensors", "modules.json",
        "onnx/model.onnx", "onnx/config.json", "openvino/openvino_model.xml",
        "pytorch_model.bin", "tokenizer.json", "vocab.txt", NULL};
    static const char *const wanted[] = {"1_Pooling/config.json", "config.json",
                                         "model.safetensors", "modules.json",
                                         "tokenizer.json", "vocab.txt"};
    size_t i;

    (void)state;
    list(paths);
    assert_int_equal(select_in("", VANTA_TYPE_UNKNOWN), VANTA_OK);
    assert_int_equal(selection.n, 6);
    for (i = 0; i < 6; i++)
        assert_string_equal(selection.files[i].target, wanted[i]);
    assert_string_equal(selection.name, "repo");
}

static void what_would_run_code_is_refused(void **state)
{
    static const char *const paths[] = {"config.json", "pytorch_model.bin", NULL};
    static const char *const none[] = {"README.md", NULL};

    (void)state;
    list(paths);
    assert_int_equal(select_in("", VANTA_TYPE_UNKNOWN), VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "pytorch_model.bin"));
    assert_int_equal(select_in("pytorch_model.bin", VANTA_TYPE_UNKNOWN),
                     VANTA_ERR_UNSUPPORTED);
    add_listing_free(&listing);
    list(none);
    assert_int_equal(select_in("", VANTA_TYPE_UNKNOWN), VANTA_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_are_understood),
        cmocka_unit_test(what_makes_no_sense_says_what_would),
        cmocka_unit_test_teardown(one_of_many_quantizations, clean),
        cmocka_unit_test_teardown(the_same_quantization_twice_must_be_chosen_from, clean),
        cmocka_unit_test_teardown(parts_come_together, clean),
        cmocka_unit_test_teardown(whisper_files_are_found_by_name, clean),
        cmocka_unit_test_teardown(safetensors_come_with_what_goes_along, clean),
        cmocka_unit_test_teardown(what_would_run_code_is_refused, clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
