/*
 * catalog.h - what models exist, where their bytes come from, and what judges them.
 *
 * The built-in catalog is embedded in the program; the user's files extend it
 * (docs/catalog.md has the format). A catalog is hostile input: it is checked whole
 * before anything of it is used, and a refusal names file, JSON pointer and reason.
 * Not responsible for what is on the disk (registry.h) nor for fetching (fetch.h).
 *
 *     struct vanta_catalog *catalog;
 *     vanta_catalog_load(&catalog, files, n, err);
 *     const struct vanta_catalog_model *m = vanta_catalog_find(catalog, "whisper-base");
 *     vanta_catalog_free(catalog);
 *
 * All pointers in the structs belong to the catalog and live as long as it. A loaded
 * catalog is read-only and may be shared by threads.
 */
#ifndef VANTA_MODELS_CATALOG_H
#define VANTA_MODELS_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "fetch/fetch.h"
#include "vanta_error.h"

enum vanta_model_type {
    VANTA_TYPE_WHISPER,
    VANTA_TYPE_LLM,
    VANTA_TYPE_EMBEDDING,
    VANTA_TYPE_TTS,
    VANTA_TYPE_COUNT,
    VANTA_TYPE_UNKNOWN = VANTA_TYPE_COUNT /* an old registry's; never in a catalog */
};

/* "whisper", "llm", "embedding", "tts". */
const char *vanta_type_name(enum vanta_model_type type);
/* The folder below the models root: "whisper", "llm", "embeddings", "tts". */
const char *vanta_type_folder(enum vanta_model_type type);
/* Reads the names, and stt, embeddings; VANTA_TYPE_UNKNOWN otherwise. */
enum vanta_model_type vanta_type_parse(const char *name);

/* How well a figure is known. */
enum vanta_evidence {
    VANTA_EVIDENCE_CONFIRMED, /* two independent sources, or hashed from the bytes */
    VANTA_EVIDENCE_SINGLE,    /* one source */
    VANTA_EVIDENCE_UNKNOWN    /* the value is absent */
};

struct vanta_catalog_file {
    const char *path;         /* below the model's folder (or a preparation's inputs) */
    int64_t size_bytes;       /* -1: unknown */
    const char *sha256;       /* NULL: unknown */
    enum vanta_magic magic;
    enum vanta_evidence size_evidence, sha256_evidence;
    const struct vanta_source *sources; /* none when a conversion makes the file */
    size_t n_sources;
};

enum vanta_preparation_kind {
    VANTA_PREPARATION_FETCH,      /* inputs are the model's files themselves */
    VANTA_PREPARATION_CT2_WHISPER, /* inputs are a faster-whisper folder */
    VANTA_PREPARATION_ENCODER_GGUF, /* inputs are the model's files, but the output, which
                                       is made from them and lies beside them */
    VANTA_PREPARATION_XTTS_GGUF     /* inputs are a folder of XTTS-v2 */
};

struct vanta_preparation {
    const char *id; /* "fetch", "from-faster-whisper" */
    int64_t version;
    enum vanta_preparation_kind kind;
    const char *output;  /* which of the model's files it makes; FETCH: NULL */
    const char *weights; /* of a GGUF: "f32", "f16", "q8_0"; else NULL */
    const struct vanta_catalog_file *inputs; /* FETCH: the model's files with sources */
    size_t n_inputs;
};

/* "fetch", "ct2-whisper", "encoder-gguf", "xtts-gguf" */
const char *vanta_preparation_kind_name(enum vanta_preparation_kind kind);

/* Whether the inputs are none of the model's files: they lie in a place of their own, and
 * are deleted when the output is right. */
static inline bool vanta_preparation_consumes(const struct vanta_preparation *p)
{
    return p->kind == VANTA_PREPARATION_CT2_WHISPER ||
           p->kind == VANTA_PREPARATION_XTTS_GGUF;
}

struct vanta_license {
    const char *id; /* SPDX id where there is one, else "CPML", "Llama-2", "Gemma" */
    const char *name;
    const char *url;
    const char *summary; /* our words: what it allows and what not; NULL: nothing to say */
    bool must_accept;
    bool may_redistribute;
    /* The text, where a catalog names one; else n_sources is 0. */
    struct vanta_catalog_file text;
};

struct vanta_hardware {
    const char *min_ram;    /* the guide's class, "8GB"; shown, never enforced */
    uint64_t memory_bytes;  /* real need: weights and a stated allowance; 0 for an API */
    bool gpu_recommended;
    bool metal_supported;
};

struct vanta_catalog_model {
    const char *id;
    const char *name;
    const char *description; /* may be NULL */
    const char *note;        /* what is not known of it, or special; may be NULL */
    enum vanta_model_type type;
    const char *version;      /* upstream's release or revision */
    const char *format;       /* "whisper-ggml", "gguf", "safetensors", "torch", "api" */
    const char *quantization; /* NULL: none */
    const char *parameters;   /* "74M"; NULL: unknown */
    const char *upstream;     /* page for people, NULL: none */
    const char *const *aliases; /* old ids and short names; unique over the catalog */
    size_t n_aliases;
    const struct vanta_license *license;
    struct vanta_hardware hardware;
    const struct vanta_catalog_file *files; /* what the model's folder holds */
    size_t n_files;
    const struct vanta_preparation *preparations; /* in order of preference */
    size_t n_preparations;
    /* API models: no files, no preparations. */
    const char *provider;  /* "openai"; NULL otherwise */
    const char *key_variable; /* "OPENAI_API_KEY" */
    const char *const *voices;
    size_t n_voices;
    const void *test; /* json_t: the test recipe, kept for `vanta test`; may be NULL */
    const char *origin; /* "built-in" or the file it came from */
    bool overrides;     /* replaces a built-in of the same id */
};

struct vanta_profile_slot {
    enum vanta_model_type type;
    const struct vanta_catalog_model *const *alternatives; /* in order of preference */
    size_t n_alternatives;
};

struct vanta_profile {
    const char *name;
    const char *description;
    const struct vanta_profile_slot *slots;
    size_t n_slots;
};

struct vanta_catalog;

/* The built-in catalog, then every *.json of $XDG_CONFIG_HOME/vanta/catalog.d in byte
 * order, then files. All must be right. */
enum vanta_status vanta_catalog_load(struct vanta_catalog **out, const char *const *files,
                                     size_t n_files, struct vanta_error *err);
/* The built-in catalog and one document given as text (catalog check, fuzzing); a
 * document that is a built-in one again adds nothing. */
enum vanta_status vanta_catalog_load_text(struct vanta_catalog **out, const char *text,
                                          size_t len, const char *name,
                                          struct vanta_error *err);
void vanta_catalog_free(struct vanta_catalog *catalog);

size_t vanta_catalog_count(const struct vanta_catalog *catalog);
const struct vanta_catalog_model *vanta_catalog_at(const struct vanta_catalog *catalog,
                                                   size_t index);
/* By id or alias, without regard to case; NULL when there is none. */
const struct vanta_catalog_model *vanta_catalog_find(const struct vanta_catalog *catalog,
                                                     const char *id);
/* By what --models takes: an id, an alias, or the id without its type's prefix ("base"
 * for whisper-base), of the type only (VANTA_TYPE_UNKNOWN: any). */
const struct vanta_catalog_model *
vanta_catalog_find_short(const struct vanta_catalog *catalog, enum vanta_model_type type,
                         const char *name);
/* The nearest id to a name that was not found, or NULL. */
const char *vanta_catalog_nearest(const struct vanta_catalog *catalog, const char *name);

size_t vanta_catalog_profile_count(const struct vanta_catalog *catalog);
const struct vanta_profile *vanta_catalog_profile_at(const struct vanta_catalog *catalog,
                                                     size_t index);
const struct vanta_profile *vanta_catalog_profile(const struct vanta_catalog *catalog,
                                                  const char *name);

/* What the catalog knows of packages, for struct vanta_fetch_options. */
const struct vanta_package *vanta_catalog_packages(const struct vanta_catalog *catalog,
                                                   size_t *n);

/* Sum of the sizes of the model's files (-1 when one is unknown). */
int64_t vanta_catalog_model_bytes(const struct vanta_catalog_model *model);

/* Whether the preparation with this id makes the one file of the model whose digest nobody
 * has published, out of files whose digests are known: what it makes is then right. */
bool vanta_catalog_makes(const struct vanta_catalog_model *model, const char *preparation);

#endif
