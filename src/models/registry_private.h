/*
 * registry_private.h - what the files behind registry.h and verify.h share.
 *
 * Not for other modules, with one exception: vanta_entry_json is what `--json` prints.
 */
#ifndef VANTA_MODELS_REGISTRY_PRIVATE_H
#define VANTA_MODELS_REGISTRY_PRIVATE_H

#include "base/buf.h"
#include "base/json.h"
#include "base/platform.h"
#include "models/catalog_data.h"
#include "models/registry.h"

#define REGISTRY_ENTRIES_MAX 100000

struct vanta_registry {
    const struct vanta_catalog *catalog; /* NULL: none */
    enum vanta_registry_origin origin;
    /* Each on its own, so that pointers stay good while others are put. */
    struct vanta_entry **entries;
    size_t n, capacity;
    json_t *index;  /* lower-case id: position */
    json_t *top;    /* fields of the document that are not ours */
    json_t *unread; /* elements of models that are no entries, kept as they are */
    json_t *notes;  /* strings */
    json_t *document; /* what was read; entries share its parts. NULL: nothing was */
};

/* The built-in JSON Schema of the registry. */
extern const struct vanta_catalog_data vanta_registry_schema[];

/* --- registry_json.c --- */

/* Reads a document of any version; name is for messages. root resolves what older forms
 * wrote. VANTA_ERR_FORMAT: damaged. VANTA_ERR_UNSUPPORTED: from a newer vanta. */
enum vanta_status vanta_registry_parse(const char *text, size_t len, const char *name,
                                       const char *root,
                                       const struct vanta_catalog *catalog,
                                       struct vanta_registry **out,
                                       struct vanta_error *err);
/* Appends the document as it is written to disk. */
enum vanta_status vanta_registry_text(const struct vanta_registry *registry,
                                      struct vanta_buf *out, struct vanta_error *err);
/* One entry as it is written; NULL when memory is out. */
json_t *vanta_entry_json(const struct vanta_entry *entry);
/* Gives the entry every field that must be there, and extra's known fields their types;
 * values of other types move to "FIELD_as_written". */
enum vanta_status vanta_entry_complete(struct vanta_entry *entry, struct vanta_error *err);
/* Whether id, in any case, is among the other names that the entry goes by. */
bool vanta_entry_has_alias(const struct vanta_entry *entry, const char *id);

/* --- registry_upgrade.c: from the guide's form --- */

enum vanta_status vanta_entry_upgrade(const char *root, const struct vanta_catalog *catalog,
                                      struct vanta_entry *entry, struct vanta_error *err);
/* A time with or without a zone (then local) as RFC 3339; false when it is none. */
bool vanta_time_normalize(const char *text, char out[VANTA_TIME_TEXT_MAX]);

/* --- registry.c --- */

enum vanta_status vanta_registry_note_add(struct vanta_registry *registry,
                                          const char *fmt, ...) VANTA_PRINTF(2, 3);
/* Takes what entry holds and zeroes it, also on failure. VANTA_ERR_EXISTS: the id is
 * there. */
enum vanta_status vanta_registry_take(struct vanta_registry *registry,
                                      struct vanta_entry *entry, struct vanta_error *err);
/* By id alone, without regard to case; SIZE_MAX: none. */
size_t vanta_registry_position(const struct vanta_registry *registry, const char *id);

/* --- registry_history.c; the caller holds the registry's lock --- */

/* The same ids with the same paths and hashes. */
bool vanta_registry_same_inventory(const struct vanta_registry *a,
                                   const struct vanta_registry *b);
/* Keeps former (unless the newest kept one has its inventory) and current, and deletes
 * the oldest past VANTA_REGISTRY_HISTORY. former may be NULL. */
enum vanta_status vanta_history_keep(const char *root, const char *former,
                                     size_t former_len, const char *current,
                                     size_t current_len, struct vanta_error *err);
/* The newest one that can be read, as a registry; VANTA_ERR_NOT_FOUND: none. */
enum vanta_status vanta_history_newest(const char *root,
                                       const struct vanta_catalog *catalog,
                                       struct vanta_registry **out,
                                       struct vanta_error *err);

/* --- expected.c: what should be there --- */

struct vanta_expected_file {
    const char *path;   /* below folder; the catalog's or the entry's */
    const char *sha256; /* NULL: nobody knows */
    int64_t size_bytes; /* -1: unknown */
    int64_t found_bytes; /* of the regular file that is there; -1: look for yourself */
    bool published;     /* the digest is the catalog's */
};

struct vanta_expected {
    const struct vanta_catalog_model *model; /* NULL: not in the catalog */
    struct vanta_expected_file *files;       /* in byte order of their paths */
    size_t n;
    bool unpublished; /* a catalog model has a file whose digest nobody knows */
    char folder[4096]; /* absolute */
};

/* VANTA_ERR_FORMAT when the entry's path leads out of the root (err says where), which
 * is then never opened. */
enum vanta_status vanta_expected_find(const char *root, const struct vanta_entry *entry,
                                      const struct vanta_catalog *catalog,
                                      struct vanta_expected *out,
                                      struct vanta_error *err);
void vanta_expected_free(struct vanta_expected *expected);
/* The catalog's model of exactly this id. */
const struct vanta_catalog_model *vanta_entry_model(const struct vanta_entry *entry,
                                                    const struct vanta_catalog *catalog);
/* VANTA_ERR_FORMAT when relative, or a symbolic link on its way, leads out of root. */
enum vanta_status vanta_root_holds(const char *root, const char *relative,
                                   struct vanta_error *err);
/* Whether path's last components are exactly file's. */
bool vanta_path_ends_with(const char *path, const char *file);

/* --- state.c --- */

/* In the place of an engine build in the receipts of an API, which needs none. */
#define VANTA_TEST_BUILD_API "api"

/* What the receipts say of these bytes (digest NULL: an API) with this engine build on
 * this machine: FAILED, UNTESTED or READY. engine_build NULL: no engine is installed, so
 * that no receipt counts. */
enum vanta_state vanta_receipts_state(const json_t *tests, const char *digest,
                                      const char *engine_build,
                                      const struct vanta_machine *machine,
                                      char why[256]);

#endif
