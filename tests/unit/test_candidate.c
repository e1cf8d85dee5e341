#include "cmocka_all.h"

#include "base/error.h"
#include "base/json.h"
#include "model_files.h"
#include "models/candidate.h"

static struct vanta_error err;

static enum vanta_status look(const char *path, struct vanta_candidate *c)
{
    vanta_error_clear(&err);
    return vanta_file_is_dir(path) ? vanta_candidate_folder(path, c, &err)
                                   : vanta_candidate_file(path, c, &err);
}

static void assert_refused(const char *path, enum vanta_status status, const char *why)
{
    struct vanta_candidate c;

    if (look(path, &c) != status)
        fail_msg("%s: %s", path, err.message);
    if (!strstr(err.message, why))
        fail_msg("no \"%s\" in: %s", why, err.message);
    assert_true(err.hint[0] != '\0');
    assert_null(c.files);
}

static void headers_say_the_type(void **state)
{
    static const struct {
        const char *architecture;
        enum vanta_model_type type;
    } cases[] = {
        {"llama", VANTA_TYPE_LLM},          {"qwen2", VANTA_TYPE_LLM},
        {"bert", VANTA_TYPE_EMBEDDING},     {"nomic-bert", VANTA_TYPE_EMBEDDING},
        {"wavtokenizer-dec", VANTA_TYPE_TTS},
        {"xtts", VANTA_TYPE_TTS},
    };
    struct vanta_candidate c;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(look(make_gguf("m.gguf", cases[i].architecture, NULL, 8, 1), &c),
                         VANTA_OK);
        assert_int_equal(c.guess, cases[i].type);
        assert_int_equal(c.facts.format, VANTA_FORMAT_GGUF);
        vanta_candidate_free(&c);
    }
    assert_int_equal(look(make_whisper("ggml-x.bin"), &c), VANTA_OK);
    assert_int_equal(c.guess, VANTA_TYPE_WHISPER);
    vanta_candidate_free(&c);
    assert_int_equal(look(make_safetensors("s.safetensors", 1), &c), VANTA_OK);
    assert_int_equal(c.guess, VANTA_TYPE_UNKNOWN);
    vanta_candidate_free(&c);
}

static void types_must_agree_with_the_header(void **state)
{
    struct vanta_candidate c;

    (void)state;
    assert_int_equal(look(make_gguf("m.gguf", "llama", NULL, 8, 1), &c), VANTA_OK);
    assert_int_equal(vanta_candidate_agrees(&c, VANTA_TYPE_LLM, NULL), VANTA_OK);
    assert_int_equal(vanta_candidate_agrees(&c, VANTA_TYPE_EMBEDDING, NULL), VANTA_OK);
    assert_int_equal(vanta_candidate_agrees(&c, VANTA_TYPE_TTS, NULL), VANTA_OK);
    vanta_error_clear(&err);
    assert_int_equal(vanta_candidate_agrees(&c, VANTA_TYPE_WHISPER, &err),
                     VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "type llm (llama), not whisper"));
    assert_non_null(strstr(err.hint, "--type llm"));
    vanta_candidate_free(&c);
    assert_int_equal(look(make_gguf("b.gguf", "bert", NULL, 8, 1), &c), VANTA_OK);
    assert_int_equal(vanta_candidate_agrees(&c, VANTA_TYPE_LLM, NULL),
                     VANTA_ERR_UNSUPPORTED);
    vanta_candidate_free(&c);
    assert_int_equal(look(make_safetensors("s.safetensors", 1), &c), VANTA_OK);
    assert_int_equal(vanta_candidate_agrees(&c, VANTA_TYPE_EMBEDDING, NULL), VANTA_OK);
    vanta_error_clear(&err);
    assert_int_equal(vanta_candidate_agrees(&c, VANTA_TYPE_LLM, &err),
                     VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "models of the type llm are GGUF files"));
    vanta_candidate_free(&c);
}

static void what_is_no_model_is_named_for_what_it_is(void **state)
{
    static const char onnx[] = "\x08\x09\x3a\x04xxxx\x42\x00";

    (void)state;
    assert_refused(make_torch("model.bin"), VANTA_ERR_UNSUPPORTED, "a pickle");
    assert_refused(scratch_text("base.pt", "whatever it is"), VANTA_ERR_UNSUPPORTED,
                   "a pickle");
    assert_refused(scratch_file("p.bin", "\x80\x04\x95xxxxxxxxx", 12),
                   VANTA_ERR_UNSUPPORTED, "a pickle");
    assert_refused(scratch_file("m.onnx", onnx, sizeof onnx), VANTA_ERR_UNSUPPORTED,
                   "ONNX");
    assert_refused(scratch_file("a.gguf", "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                          "\0\0\5\0\0\0a.txtxxxxxxxxxxx", 46),
                   VANTA_ERR_UNSUPPORTED, "an archive");
    assert_refused(TEST_DATA "/../fuzz/corpus/ct2/good", VANTA_ERR_UNSUPPORTED,
                   "CTranslate2");
    assert_non_null(strstr(err.hint, "vanta convert"));
    assert_refused(scratch_text("h.gguf", "<!DOCTYPE html><title>Log in</title>"),
                   VANTA_ERR_FORMAT, "an HTML page");
    assert_refused(scratch_text("l.gguf",
                                "version https://git-lfs.github.com/spec/v1\noid sha256:"),
                   VANTA_ERR_FORMAT, "Git LFS pointer");
    assert_refused(scratch_text("t.txt", "some notes, no model at all"), VANTA_ERR_FORMAT,
                   "no model file");
    assert_refused(scratch_text("e.gguf", ""), VANTA_ERR_FORMAT, "empty");
    assert_refused(TEST_DATA "/../fuzz/corpus/gguf/good-cut2", VANTA_ERR_FORMAT, "cut");
    assert_refused(scratch_text("evil\x1b[31m.gguf", "GGUF"), VANTA_ERR_FORMAT,
                   "no name that can be kept");
    assert_null(strchr(err.message, '\x1b'));
}

static void a_folder_is_its_files(void **state)
{
    struct vanta_candidate c;

    (void)state;
    make_safetensors("m/model.safetensors", 1);
    make_torch("m/pytorch_model.bin");
    scratch_text("m/config.json", "{\"model_type\": \"mpnet\"}");
    scratch_text("m/tokenizer.json", "{}");
    scratch_text("m/1_Pooling/config.json", "{}");
    scratch_text("m/README.html", "<html>read me, which is longer than sixty-four bytes, "
                                  "so that it is looked at</html>");
    scratch_text("m/.gitattributes", "x");
    assert_int_equal(look(in_scratch("m"), &c), VANTA_OK);
    assert_int_equal(c.n_files, 5);
    assert_string_equal(c.files[0].path, "1_Pooling/config.json");
    assert_string_equal(c.files[3].path, "model.safetensors");
    assert_int_equal(c.main, 3);
    assert_int_equal(c.guess, VANTA_TYPE_EMBEDDING);
    assert_string_equal(c.facts.architecture, "mpnet");
    assert_string_equal(c.left_out, "pytorch_model.bin");
    vanta_candidate_free(&c);
}

static void modules_make_it_an_embedding_model(void **state)
{
    struct vanta_candidate c;

    (void)state;
    make_safetensors("m/model.safetensors", 1);
    scratch_text("m/modules.json", "[]");
    assert_int_equal(look(in_scratch("m"), &c), VANTA_OK);
    assert_int_equal(c.guess, VANTA_TYPE_EMBEDDING);
    vanta_candidate_free(&c);
}

static void folders_without_one_model_are_refused(void **state)
{
    (void)state;
    scratch_text("none/config.json", "{}");
    assert_refused(in_scratch("none"), VANTA_ERR_NOT_FOUND, "a folder without a model");
    make_torch("torch/model.pth");
    assert_refused(in_scratch("torch"), VANTA_ERR_UNSUPPORTED, "a pickle");
    make_gguf("two/a.gguf", "llama", NULL, 8, 1);
    make_gguf("two/b.gguf", "llama", NULL, 8, 2);
    assert_refused(in_scratch("two"), VANTA_ERR_USAGE, "several models: a.gguf, b.gguf");
    make_safetensors("lfs/model-00001-of-00002.safetensors", 1);
    scratch_text("lfs/model-00002-of-00002.safetensors",
                 "version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef");
    assert_refused(in_scratch("lfs"), VANTA_ERR_FORMAT, "Git LFS pointer");
}

static void parts_are_one_model(void **state)
{
    struct vanta_candidate c;

    (void)state;
    make_gguf("m/big-00001-of-00002.gguf", "llama", "Big", 8, 1);
    make_gguf("m/big-00002-of-00002.gguf", "llama", NULL, 16, 1);
    assert_int_equal(look(in_scratch("m"), &c), VANTA_OK);
    assert_int_equal(c.main, 0);
    assert_int_equal(c.facts.parameters, 24);
    vanta_candidate_free(&c);
    assert_int_equal(vanta_part_stem("big-00001-of-00002.gguf"), 3);
    assert_int_equal(vanta_part_stem("big-1-of-2.gguf"), 0);
    assert_int_equal(vanta_part_stem("best-of-00002.gguf"), 0);
    assert_int_equal(vanta_part_stem("-of-00002.gguf"), 0);
    assert_int_equal(vanta_part_stem("a-of-b-001-of-002.gguf"), 6);
    assert_false(vanta_parts_match("a-00001-of-00002.gguf", "b-00001-of-00002.gguf"));
}

static void the_entry_says_what_the_header_says(void **state)
{
    struct vanta_candidate c;
    struct vanta_entry e;
    json_t *extra;

    (void)state;
    assert_int_equal(look(make_gguf("m.gguf", "llama", "A Model", 1500, 1), &c), VANTA_OK);
    assert_int_equal(vanta_candidate_entry(&c, "m", VANTA_TYPE_LLM, &e, NULL),
                     VANTA_ERR_DIGEST); /* not hashed yet */
    assert_int_equal(vanta_candidate_hash(&c, NULL, NULL, NULL, NULL), VANTA_OK);
    assert_int_equal(vanta_candidate_entry(&c, "m", VANTA_TYPE_LLM, &e, NULL), VANTA_OK);
    assert_string_equal(e.id, "m");
    assert_string_equal(e.name, "A Model");
    assert_string_equal(e.format, "gguf");
    assert_string_equal(e.quantization, "Q4_K_M");
    assert_string_equal(e.license, "apache-2.0");
    assert_string_equal(e.hash, c.files[0].sha256);
    assert_string_equal(e.verified_digest, e.hash);
    assert_int_equal(e.n_files, 1);
    assert_int_equal(e.size_bytes, vanta_file_size(in_scratch("m.gguf")));
    extra = json_object_get(e.extra, "parameters");
    assert_string_equal(json_string_value(json_object_get(extra, "param_count")), "1.50K");
    assert_string_equal(json_string_value(json_object_get(extra, "architecture")),
                        "llama");
    vanta_entry_free(&e);
    vanta_candidate_free(&c);
}

static void ids_are_made_of_names(void **state)
{
    static const struct {
        const char *name, *id;
    } cases[] = {
        {"tiny.Q4_K_M.gguf", "tiny.Q4_K_M"}, {"ggml-base.bin", "ggml-base"},
        {"my model (new).gguf", "my-model-new"}, {"-_.x", "x"}, {"UPPER", "UPPER"},
        {"big-00001-of-00003.gguf", "big"}, {"\xc3\xa4\xc3\xa4pfel", "pfel"},
        {"a...gguf", "a"}, {"x--y", "x--y"},
    };
    char id[VANTA_ID_MAX + 1], longer[200];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(vanta_id_from_name(cases[i].name, id));
        assert_string_equal(id, cases[i].id);
        assert_true(vanta_id_is_valid(id));
    }
    assert_false(vanta_id_from_name("...", id));
    assert_false(vanta_id_from_name("\xe4\xbd\xa0", id));
    assert_false(vanta_id_from_name("", id));
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_true(vanta_id_from_name(longer, id));
    assert_int_equal(strlen(id), VANTA_ID_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(headers_say_the_type),
        scratch_test(types_must_agree_with_the_header),
        scratch_test(what_is_no_model_is_named_for_what_it_is),
        scratch_test(a_folder_is_its_files),
        scratch_test(modules_make_it_an_embedding_model),
        scratch_test(folders_without_one_model_are_refused),
        scratch_test(parts_are_one_model),
        scratch_test(the_entry_says_what_the_header_says),
        cmocka_unit_test(ids_are_made_of_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
