/*
 * registry.h - which models are in this root: models/registry/registry.json.
 *
 * Reads, merges and writes the registry with its history and schema (docs/registry.md).
 * Not responsible for hashing (verify.h) nor for what should be there (catalog.h).
 *
 *     struct vanta_registry *r;
 *     vanta_registry_load(root, catalog, &r, err);          // read-only view, no lock
 *     ...
 *     vanta_registry_update(root, catalog, change, arg, err);   // locked read-merge-write
 *     vanta_registry_free(r);
 *
 * Writing happens only in vanta_registry_update: under the registry's lock the file is
 * read again, change() edits it, and it is replaced atomically; nothing that someone
 * else wrote in between is lost, unknown fields included. An unreadable registry is
 * never overwritten: update fails with VANTA_ERR_FORMAT and says how to rebuild it.
 *
 * Entries are owned by the registry that holds them. One thread per struct.
 */
#ifndef VANTA_MODELS_REGISTRY_H
#define VANTA_MODELS_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/digest.h"
#include "models/catalog.h"
#include "vanta_error.h"

#define VANTA_REGISTRY_VERSION 2 /* 1: the guide's, without "version" */
#define VANTA_REGISTRY_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define VANTA_REGISTRY_HISTORY 20

struct vanta_entry_file {
    char *path; /* relative to the model's folder */
    int64_t size_bytes;
    char *sha256;
};

struct vanta_entry {
    char *id;
    char *name;
    enum vanta_model_type type;
    char *type_text; /* as written, when type is VANTA_TYPE_UNKNOWN */
    char *version;
    char *path;      /* relative to the root; absolute when external; NULL for an API */
    char *size;      /* readable */
    char *format;
    char *quantization; /* NULL: none */
    char *date_added;   /* RFC 3339 */
    char *hash;         /* NULL for an API, or when not known (an old entry) */
    int64_t size_bytes;
    struct vanta_entry_file *files;
    size_t n_files;
    char *source;         /* of the main file, as written in the catalog; NULL unknown */
    char *preparation;    /* "fetch", "from-faster-whisper", "added", "adopted" */
    int64_t preparation_version;
    char *license;        /* id; NULL unknown */
    char *accepted_digest, *accepted_date; /* NULL: was not needed or not given */
    char *verified_at;     /* NULL: never */
    char *verified_digest; /* what was found then: equal to hash when it was right */
    bool external;         /* added by link: read, never changed or deleted */
    bool missing_mark;     /* rebuild found nothing of it; kept for its history */
    void *extra;           /* json_t object: every other field, kept as it was */
};

/* Zeroed entries may be freed; frees what it holds, not the struct. */
void vanta_entry_free(struct vanta_entry *entry);
enum vanta_status vanta_entry_copy(const struct vanta_entry *from,
                                   struct vanta_entry *out, struct vanta_error *err);

/* Whether it is an API's entry, which has no files. */
bool vanta_entry_is_api(const struct vanta_entry *entry);

/* Fills an entry with all that the catalog knows of the model: id, name, type, version,
 * path, size, format, quantization, hash, files, licence id, parameters, hardware needs
 * and metadata (in extra). files are what the model's folder holds (copied; NULL: the
 * catalog's own). The path is the usual one, TYPE FOLDER/ID[/FILE]. Left to the caller,
 * who also frees the entry: source, preparation, acceptance, verification; date_added
 * stays NULL, which put replaces by the former one or by now. */
enum vanta_status vanta_entry_from_catalog(const struct vanta_catalog_model *model,
                                           const struct vanta_entry_file *files,
                                           size_t n_files, struct vanta_entry *out,
                                           struct vanta_error *err);

/* The folder's hash as docs/registry.md defines it: of one file its SHA-256; of several
 * the SHA-256 of the lines "DIGEST  PATH\n" sorted by path's bytes. */
enum vanta_status vanta_files_hash(const struct vanta_entry_file *files, size_t n,
                                   char hash[VANTA_SHA256_HEX], struct vanta_error *err);

struct vanta_registry;

enum vanta_registry_origin {
    VANTA_REGISTRY_NONE,     /* there is no file: empty */
    VANTA_REGISTRY_CURRENT,  /* registry.json */
    VANTA_REGISTRY_UPGRADED, /* registry.json of an older form, upgraded in memory */
    VANTA_REGISTRY_HISTORY_FILE /* registry.json is damaged; the newest valid history */
};

/* Reads the root's registry, or, when it is damaged, its newest valid history (problem,
 * if not NULL, then gets why). A root without one gives an empty registry.
 * VANTA_ERR_FORMAT when neither can be read. catalog resolves aliases; may be NULL. */
enum vanta_status vanta_registry_load(const char *root,
                                      const struct vanta_catalog *catalog,
                                      struct vanta_registry **out,
                                      struct vanta_error *problem,
                                      struct vanta_error *err);
void vanta_registry_free(struct vanta_registry *registry); /* NULL is fine */
enum vanta_registry_origin vanta_registry_origin(const struct vanta_registry *registry);

/* What was odd in the file and passed over or kept as it is, one line each; NULL past the
 * last. */
const char *vanta_registry_note(const struct vanta_registry *registry, size_t index);

size_t vanta_registry_count(const struct vanta_registry *registry);
const struct vanta_entry *vanta_registry_at(const struct vanta_registry *registry,
                                            size_t index);
/* By id, without regard to case, then by an old id ("llm-mistral-7b" finds mistral-7b). */
const struct vanta_entry *vanta_registry_find(const struct vanta_registry *registry,
                                              const char *id);
const char *vanta_registry_nearest(const struct vanta_registry *registry,
                                   const char *name);

/* Editing, inside change() only. put copies the entry, replacing one of the same id and
 * keeping that one's date_added and extra fields unless the new one sets them. */
enum vanta_status vanta_registry_put(struct vanta_registry *registry,
                                     const struct vanta_entry *entry,
                                     struct vanta_error *err);
bool vanta_registry_remove(struct vanta_registry *registry, const char *id);
struct vanta_entry *vanta_registry_edit(struct vanta_registry *registry, const char *id);

typedef enum vanta_status vanta_registry_change(void *arg, struct vanta_registry *registry,
                                                struct vanta_error *err);

/* Locked read, change, atomic replacement, fsync. The registry folder and schema.json
 * are created. When the inventory changed (an id, path or hash), the former file is kept
 * in history/. When change() fails nothing is written. Nothing is written either when
 * the text would be the same. VANTA_ERR_BUSY after 30 s of waiting for the lock. */
enum vanta_status vanta_registry_update(const char *root,
                                        const struct vanta_catalog *catalog,
                                        vanta_registry_change *change, void *arg,
                                        struct vanta_error *err);

/* As update, but starts from registry (taken from history or rebuilt from files) instead
 * of the file on disk, which is first kept aside as registry.json.damaged-DATE when it
 * cannot be read. */
enum vanta_status vanta_registry_replace(const char *root, struct vanta_registry *registry,
                                         struct vanta_error *err);
/* An empty registry to fill for vanta_registry_replace. */
enum vanta_status vanta_registry_new(struct vanta_registry **out, struct vanta_error *err);

/* --- where it is and what state its models are in --- */

/* Where models are: given (--models-dir, may be NULL), else VANTA_MODELS_DIR, else the
 * nearest parent folder that has models/registry, else VANTA_CLONE_DIR/models (set by a
 * clone's scripts), else $XDG_DATA_HOME/vanta/models. why gets the reason in words. */
enum vanta_status vanta_root_find(const char *given, char root[4096], const char **why,
                                  struct vanta_error *err);

/* Absolute path of the model's main file or folder: the file of a single-file model,
 * else the folder. False for an API. */
bool vanta_entry_path(const char *root, const struct vanta_entry *entry, char out[4096]);
/* Absolute path of one of its files. */
bool vanta_entry_file_path(const char *root, const struct vanta_entry *entry, size_t file,
                           char out[4096]);
/* In a model's folder: what it was converted from, where that was kept. */
#define VANTA_SOURCE_FOLDER ".source"

/* The folder that a catalog model has below the root: TYPE FOLDER/ID. */
bool vanta_model_dir(const char *root, enum vanta_model_type type, const char *id,
                     char out[4096]);

enum vanta_state { /* the first that holds, in this order */
    VANTA_STATE_MISSING,
    VANTA_STATE_CORRUPT,
    VANTA_STATE_UNVERIFIED,
    VANTA_STATE_NEEDS_KEY,
    VANTA_STATE_FAILED,
    VANTA_STATE_UNTESTED,
    VANTA_STATE_READY
};
const char *vanta_state_name(enum vanta_state state);

/* Computed from the entry, the files' sizes on disk, the environment's keys and the test
 * receipts; hashes nothing. why (may be NULL) gets one line: what is missing or wrong. */
enum vanta_state vanta_entry_state(const char *root, const struct vanta_entry *entry,
                                   const struct vanta_catalog *catalog, char why[256]);

#endif
