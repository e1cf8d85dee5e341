/* state.c - what state a model is in: computed each time, from cheap facts. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "engines/engine.h"
#include "engines/speech_key.h"
#include "models/recipe.h"
#include "models/registry_private.h"
#include "models/test.h"

#define WHY_MAX 256

const char *vanta_state_name(enum vanta_state state)
{
    static const char *const names[] = {
        [VANTA_STATE_MISSING] = "missing",       [VANTA_STATE_CORRUPT] = "corrupt",
        [VANTA_STATE_UNVERIFIED] = "unverified", [VANTA_STATE_NEEDS_KEY] = "needs-key",
        [VANTA_STATE_FAILED] = "failed",         [VANTA_STATE_UNTESTED] = "untested",
        [VANTA_STATE_READY] = "ready"};

    return names[state];
}

static void say(char why[WHY_MAX], const char *fmt, ...) VANTA_PRINTF(2, 3);

static void say(char why[WHY_MAX], const char *fmt, ...)
{
    char raw[2 * VANTA_PATH_MAX];
    va_list args;

    if (!why)
        return;
    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    vanta_text_printable(raw, why, WHY_MAX);
}

/* --- the files --- */

static bool is_placeholder(const struct vanta_entry *entry)
{
    return json_is_true(
        json_object_get(json_object_get(entry->extra, "metadata"), "placeholder"));
}

/* An entry that does not say which files it has: all that can be seen is whether
 * something is there. */
static enum vanta_state state_without_files(const char *root,
                                            const struct vanta_entry *entry, char *why)
{
    char path[VANTA_PATH_MAX];

    if (is_placeholder(entry)) {
        say(why, "a placeholder: its files were never fetched");
        return VANTA_STATE_MISSING;
    }
    if (!vanta_entry_path(root, entry, path) || !vanta_file_exists(path)) {
        say(why, "%s is not there", entry->path);
        return VANTA_STATE_MISSING;
    }
    say(why, "the registry has no digests of its files");
    return VANTA_STATE_UNVERIFIED;
}

/* MISSING, CORRUPT by size, or UNVERIFIED: nothing to be said against it. */
static enum vanta_state state_on_disk(const struct vanta_expected *e, char *why)
{
    enum vanta_state state = VANTA_STATE_UNVERIFIED;
    char path[VANTA_PATH_MAX];
    size_t i;

    for (i = 0; i < e->n; i++) {
        const struct vanta_expected_file *f = &e->files[i];
        int64_t bytes = f->found_bytes;

        if (bytes < 0 && vanta_path_join(path, e->folder, f->path))
            bytes = vanta_file_size(path);
        if (bytes < 0) {
            say(why, "%s is not there", f->path);
            return VANTA_STATE_MISSING;
        }
        if (state != VANTA_STATE_CORRUPT && f->size_bytes >= 0 &&
            bytes != f->size_bytes) {
            state = VANTA_STATE_CORRUPT;
            say(why, "%s has %lld bytes, not %lld", f->path, (long long)bytes,
                (long long)f->size_bytes);
        }
    }
    return state;
}

/* Whether what was registered is what should be there. */
static bool registered_right(const struct vanta_entry *entry,
                             const struct vanta_expected *e, char *why)
{
    size_t i, k;

    for (i = 0; i < e->n; i++)
        for (k = 0; e->files[i].published && k < entry->n_files; k++)
            if (strcmp(entry->files[k].path, e->files[i].path) == 0 &&
                entry->files[k].sha256 &&
                strcmp(entry->files[k].sha256, e->files[i].sha256) != 0) {
                say(why, "%s was registered with another digest than the catalog's",
                    e->files[i].path);
                return false;
            }
    return true;
}

static enum vanta_state state_verified(const struct vanta_entry *entry,
                                       const struct vanta_expected *e, char *why)
{
    char hash[VANTA_SHA256_HEX];

    if (!entry->verified_digest) {
        say(why, "its bytes were not hashed yet");
        return VANTA_STATE_UNVERIFIED;
    }
    if (!entry->hash || strcmp(entry->verified_digest, entry->hash) != 0) {
        say(why, "the verification at %s found other bytes", entry->verified_at);
        return VANTA_STATE_CORRUPT;
    }
    if (vanta_files_hash(entry->files, entry->n_files, hash, NULL) != VANTA_OK ||
        strcmp(hash, entry->hash) != 0 || e->n != entry->n_files) {
        say(why, "the registered hash is not that of its files");
        return VANTA_STATE_UNVERIFIED;
    }
    if (e->unpublished) {
        say(why, "nobody has published a digest of its files");
        return VANTA_STATE_UNVERIFIED;
    }
    return VANTA_STATE_READY;
}

/* --- receipts --- */

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* The system's name without its release, the architecture and the processor: a kernel
 * update does not make a model another one. */
static bool is_machine(const json_t *receipt, const struct vanta_machine *machine)
{
    const char *os = text_at(receipt, "os");
    size_t n = strcspn(os, " ");

    return n > 0 && n == strcspn(machine->os, " ") && strncmp(os, machine->os, n) == 0 &&
           strcmp(text_at(receipt, "arch"), machine->arch) == 0 &&
           strcmp(text_at(receipt, "cpu"), machine->cpu) == 0;
}

enum vanta_state vanta_receipts_state(const json_t *tests, const char *digest,
                                      const char *engine_build,
                                      const struct vanta_machine *machine,
                                      char why[256])
{
    size_t i = json_array_size(tests);

    while (engine_build && i-- > 0) { /* the newest is the last */
        const json_t *receipt = json_array_get(tests, i);

        if (json_integer_value(json_object_get(receipt, "recipe_version")) !=
                VANTA_RECIPE_VERSION ||
            strcmp(text_at(receipt, "digest"), digest ? digest : "") != 0 ||
            strcmp(text_at(receipt, "engine_build"), engine_build) != 0 ||
            !is_machine(json_object_get(receipt, "machine"), machine))
            continue;
        if (json_is_true(json_object_get(receipt, "passed"))) {
            say(why, "passed its test at %s", text_at(receipt, "at"));
            return VANTA_STATE_READY;
        }
        say(why, "failed its test at %s", text_at(receipt, "at"));
        return VANTA_STATE_FAILED;
    }
    say(why, engine_build ? "not tested on this machine"
                          : "not tested on this machine: no engine is installed");
    return VANTA_STATE_UNTESTED;
}

/* What does not change while a process runs: asked once, since a list has many entries. */
static struct {
    struct vanta_machine machine;
    char build[VANTA_ENGINE_BUILD_MAX]; /* "": no engine is installed */
} here;
static pthread_once_t here_once = PTHREAD_ONCE_INIT;

static void read_here(void)
{
    vanta_machine_read(&here.machine);
    if (vanta_engine_build(here.build, NULL) != VANTA_OK)
        here.build[0] = '\0';
}

const json_t *vanta_test_receipt(const struct vanta_entry *entry,
                                 const char *engine_build)
{
    const json_t *tests = json_object_get(entry->extra, "tests");
    size_t i = json_array_size(tests);

    pthread_once(&here_once, read_here);
    while (i-- > 0) {
        const json_t *receipt = json_array_get(tests, i);

        if (strcmp(text_at(receipt, "digest"), entry->hash ? entry->hash : "") == 0 &&
            (!engine_build ||
             strcmp(text_at(receipt, "engine_build"), engine_build) == 0) &&
            is_machine(json_object_get(receipt, "machine"), &here.machine))
            return receipt;
    }
    return NULL;
}

/* --- all of it --- */

static const char *key_variable(const struct vanta_entry *entry,
                                const struct vanta_catalog_model *model)
{
    const char *provider;

    if (model && model->key_variable)
        return model->key_variable;
    provider = text_at(json_object_get(entry->extra, "parameters"), "provider");
    return vanta_streq_nocase(provider, "openai") ? "OPENAI_API_KEY" : NULL;
}

static enum vanta_state receipts_here(const struct vanta_entry *entry, char *why)
{
    const char *build = here.build;

    pthread_once(&here_once, read_here);
    if (vanta_entry_is_api(entry))
        build = VANTA_TEST_BUILD_API;
    return vanta_receipts_state(json_object_get(entry->extra, "tests"), entry->hash,
                                *build ? build : NULL, &here.machine, why);
}

static enum vanta_state api_state(const struct vanta_entry *entry,
                                  const struct vanta_catalog *catalog, char *why)
{
    const char *variable = key_variable(entry, vanta_entry_model(entry, catalog));
    struct vanta_speech_key key;
    struct vanta_error err = {0};

    if (variable && vanta_speech_key_read(variable, &key, &err) != VANTA_OK) {
        say(why, "%s", err.message);
        return VANTA_STATE_NEEDS_KEY;
    }
    if (variable)
        vanta_speech_key_wipe(&key);
    return receipts_here(entry, why);
}

enum vanta_state vanta_entry_state(const char *root, const struct vanta_entry *entry,
                                   const struct vanta_catalog *catalog, char why[256])
{
    struct vanta_error err = {0};
    struct vanta_expected e;
    enum vanta_state state;

    if (why)
        why[0] = '\0';
    if (vanta_entry_is_api(entry))
        return api_state(entry, catalog, why);
    if (vanta_expected_find(root, entry, catalog, &e, &err) != VANTA_OK) {
        say(why, "%s", err.message);
        return VANTA_STATE_MISSING;
    }
    if (e.n == 0) {
        state = state_without_files(root, entry, why);
    } else {
        state = state_on_disk(&e, why);
        if (state == VANTA_STATE_UNVERIFIED && !registered_right(entry, &e, why))
            state = VANTA_STATE_CORRUPT;
        else if (state == VANTA_STATE_UNVERIFIED)
            state = state_verified(entry, &e, why);
        if (state == VANTA_STATE_READY)
            state = receipts_here(entry, why);
    }
    vanta_expected_free(&e);
    return state;
}
