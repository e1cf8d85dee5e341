/*
 * engine_models.h - models in a folder of their own whose files are scripts for
 * tests/engine_fake, so that testing them runs a helper that does what the test wants.
 */
#ifndef VANTA_TESTS_ENGINE_MODELS_H
#define VANTA_TESTS_ENGINE_MODELS_H

#include "registry_fixture.h"

#include "base/platform.h"
#include "models/test.h"

static struct vanta_catalog *catalog;
static struct vanta_registry *registry;

/* --- scripts; ' stands for " --- */

#define LOADED                                                                           \
    "'load': [{'ok': {'sandbox': 'none', 'threads': 2, 'devices': 'CPU', 'load_ms': 3.5,"\
    "'weights_bytes': 1000, 'kv_cache_bytes': 200, 'compute_bytes': 50,"                 \
    "'context_tokens': 1024, 'chat_template': true}}]"
#define COMPLETION(text, not_finite)                                                     \
    "'complete': [{'ok': {'text': '" text "', 'prompt_tokens': 9, 'generated_tokens': 4,"\
    "'prompt_ms': 2, 'generate_ms': 4, 'first_token_ms': 2.5, 'ended': true,"            \
    "'context_full': false, 'not_finite': " not_finite "}}]"
#define PERPLEXITY(value, not_finite)                                                    \
    "'perplexity': [{'ok': {'perplexity': " value ", 'tokens': 300, 'engine_ms': 5,"     \
    "'not_finite': " not_finite "}}]"
#define SPEED "'speed': [{'ok': {'prompt_ms': 100, 'generate_ms': 200}}]"
#define RIGHT "It is Paris: 7, 5, cold and blue."
#define WRITER(answer, perplexity)                                                       \
    "{" LOADED "," COMPLETION(answer, "false") "," PERPLEXITY(perplexity, "false") ","   \
        SPEED "}"

#define HEARD(text, language)                                                            \
    "[{'send': {'id': 0, 'event': 'segment', 'start_ms': 0, 'end_ms': 900, 'text': '"    \
    text "'}}," HEARD_END(language) "]"
#define HEARD_END(language)                                                              \
    "{'ok': {'language': '" language "', 'language_probability': 0.98, 'audio_s': 4,"    \
    "'decode_ms': 1, 'engine_ms': 800, 'truncated': false}}"
#define LISTENER(first)                                                                  \
    "{" LOADED ", 'transcribe': [" first ","                                             \
    HEARD(" What will the weather be like in the city tomorrow afternoon?", "en") ","    \
    HEARD(" Turn off the lights in the kitchen before you lock the front door.", "en")   \
    "," HEARD(" Play some quiet music while I read the morning news.", "en") "]}"
#define FIRST_CLIP                                                                       \
    " Please set a timer for ten minutes and remind me to check the oven."

#define FINDER(rows) "{" LOADED ", 'embed': [{'rows': " rows "}]}"
/* The first two of each three are near to one another. */
#define ROWS "[[1, 0], [0.8, 0.6], [0, 1]]"

static inline char *double_quoted(const char *text)
{
    char *copy = vanta_strdup(text), *p;

    for (p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    return copy;
}

/* --- one model, "x", in the catalog, on the disk and registered --- */

static inline enum vanta_status put_entry(void *arg, struct vanta_registry *r,
                                          struct vanta_error *err)
{
    return vanta_registry_put(r, arg, err);
}

static inline const struct vanta_entry *reload(void)
{
    vanta_registry_free(registry);
    registry = load_with(catalog);
    return vanta_registry_find(registry, "x");
}

/* recipe: the catalog's test, "" for none. */
static inline const struct vanta_entry *make_scripted(const char *type, const char *script,
                                                      const char *recipe)
{
    bool llm = strcmp(type, "llm") == 0, whisper = strcmp(type, "whisper") == 0;
    const char *folder = llm                          ? "llm"
                         : whisper                    ? "whisper"
                         : strcmp(type, "tts") == 0 ? "tts"
                                                      : "embeddings";
    const char *file = whisper ? "x.bin" : "x.gguf";
    char *content = double_quoted(script), *name, *text, *quoted;
    char digest[VANTA_SHA256_HEX];
    struct vanta_error err = {0};
    struct vanta_entry entry;

    digest_of_text(content, digest);
    name = vanta_strf("%s/x/%s", folder, file);
    write_text(name, content);
    text = vanta_strf(
        "{'format': 'vanta-catalog', 'version': 1, 'models': [{'id': 'x', 'name': 'X',"
        "'type': '%s', 'version': '1', 'format': '%s', 'license': 'MIT', 'hardware':"
        "{'min_ram': '1GB', 'memory_bytes': 1000}, 'files': [{'path': '%s', 'size_bytes':"
        "%zu, 'sha256': '%s', 'sources': ['https://host.test/x']}]%s%s}]}",
        type, whisper ? "whisper-ggml" : "gguf", file, strlen(content), digest,
        *recipe ? ", 'test': " : "", recipe);
    quoted = double_quoted(text);
    vanta_catalog_free(catalog);
    catalog = NULL;
    if (vanta_catalog_load_text(&catalog, quoted, strlen(quoted), "test", &err) != VANTA_OK ||
        vanta_entry_from_catalog(vanta_catalog_find(catalog, "x"), NULL, 0, &entry,
                                 &err) != VANTA_OK ||
        vanta_registry_update(root, catalog, put_entry, &entry, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    vanta_entry_free(&entry);
    free(quoted);
    free(text);
    free(name);
    free(content);
    return reload();
}

static inline int models_setup(void **state)
{
    unsetenv("OPENAI_API_KEY");
    unsetenv("OPENAI_API_KEY_FILE");
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    return make_root(state);
}

static inline int models_teardown(void **state)
{
    vanta_registry_free(registry);
    vanta_catalog_free(catalog);
    registry = NULL;
    catalog = NULL;
    return remove_root(state);
}

#define MODEL_TEST(f) cmocka_unit_test_setup_teardown(f, models_setup, models_teardown)

/* The fake under another name, which is what it does before there is a script. */
static inline const char *fake_as(const char *name)
{
    const char *path = in_root(name);

    assert_int_equal(symlink(FAKE_ENGINE, path), 0);
    return path;
}

#endif
