/*
 * catalog_private.h - what the parts of the catalog share; included by catalog*.c only.
 *
 *     catalog.c        documents in, a catalog out; looking things up
 *     catalog_reader.c reading one JSON object
 *     catalog_parse.c  one JSON document into records, each checked by itself
 *     catalog_model.c  the models of a document, the same way
 *     catalog_check.c  the records of all documents against each other
 *
 * A record remembers the place in its document, so that a check that fails after all
 * documents are in still names file and JSON pointer. Strings point into the documents'
 * JSON, everything else lies in the arena; both go when the catalog goes.
 */
#ifndef VANTA_MODELS_CATALOG_PRIVATE_H
#define VANTA_MODELS_CATALOG_PRIVATE_H

#include "base/json.h"
#include "models/catalog.h"

#define CATALOG_BYTES_MAX ((size_t)8 * 1024 * 1024) /* of one document */
#define CATALOG_DOCUMENTS_MAX 256
#define CATALOG_MODELS_MAX 4096 /* of one document; so for packages */
#define CATALOG_LICENSES_MAX 256
#define CATALOG_PROFILES_MAX 256
#define CATALOG_FILES_MAX 512
#define CATALOG_SOURCES_MAX 16
#define CATALOG_SLOTS_MAX 256 /* of a profile, what it extends included */
#define CATALOG_WORDS_MAX 64  /* aliases, voices, alternatives, extends */
#define CATALOG_TEXT_MAX 2000 /* bytes of a description or an address */
#define CATALOG_RECIPE_TEXT_MAX 8192 /* bytes: a reference vector of 3,000 dimensions */
#define CATALOG_NAME_MAX 200  /* bytes of a name */
#define CATALOG_FILE_BYTES_MAX ((int64_t)16 << 40)

struct catalog_document {
    struct catalog_document *next;
    struct vanta_json_doc json; /* its name, for messages */
    const char *origin;         /* as struct vanta_catalog_model has it */
    json_t *root;
    bool built_in;
};

/* The place of a record, which every record starts with. */
struct catalog_place {
    const struct catalog_document *document;
    const char *section; /* "models" */
    size_t index;
    bool override; /* as the document says */
    bool replaced; /* stands for a built-in of the same name */
};

struct catalog_model_record {
    struct catalog_place place;
    struct vanta_catalog_model model;
    const char *license_id;
};

struct catalog_license_record {
    struct catalog_place place;
    struct vanta_license license;
};

struct catalog_package_record {
    struct catalog_place place;
    struct vanta_package package;
};

struct catalog_slot {
    enum vanta_model_type type;
    const char *const *ids;
    size_t n_ids;
};

enum catalog_visit { CATALOG_UNSEEN, CATALOG_OPEN, CATALOG_DONE };

struct catalog_profile_record {
    struct catalog_place place;
    struct vanta_profile profile; /* its slots are set by the check */
    const char *const *extends;
    size_t n_extends;
    const struct catalog_slot *own; /* as written */
    size_t n_own;
    enum catalog_visit visit;
    size_t following; /* while it is open: which of extends is looked into */
};

/* A growable array of records; capacity doubles. */
struct catalog_array {
    void *items;
    size_t n, capacity;
};

/* A name that finds a model: its id or an alias. */
struct catalog_name {
    const char *name;
    size_t record;
    size_t alias; /* its index, SIZE_MAX: the id */
};

struct catalog_block; /* of the arena */

/* Sources hold heap memory of their own; these are freed with the catalog. */
struct catalog_sources {
    struct catalog_sources *next;
    struct vanta_source *sources;
    size_t n;
};

struct vanta_catalog {
    struct catalog_block *arena;
    struct catalog_sources *sources;
    struct catalog_document *documents;
    size_t n_documents;
    struct catalog_array models, licenses, packages, profiles;
    struct catalog_name *names; /* sorted without regard to case */
    size_t n_names;
    struct vanta_package *package_table; /* sorted by index, name, version */
    size_t n_packages;
};

/* n zeroed items of size bytes that live as long as the catalog; never NULL without an
 * error set. n * size must not come from outside unchecked: the caps above hold. */
void *catalog_alloc(struct vanta_catalog *catalog, size_t n, size_t size,
                    struct vanta_error *err);
char *catalog_strdup(struct vanta_catalog *catalog, const char *text,
                     struct vanta_error *err);
/* Room for one more item; NULL (error set) when memory is out. */
void *catalog_push(struct catalog_array *array, size_t size, struct vanta_error *err);

struct catalog_model_record *catalog_models(const struct vanta_catalog *catalog);
struct catalog_license_record *catalog_licenses(const struct vanta_catalog *catalog);
struct catalog_package_record *catalog_packages(const struct vanta_catalog *catalog);
struct catalog_profile_record *catalog_profiles(const struct vanta_catalog *catalog);

/* strcmp over ASCII without regard to case, in no locale. */
int catalog_compare(const char *a, const char *b);

/* The model of an id or alias, in the sorted names; NULL when there is none. */
const struct catalog_name *catalog_find_name(const struct vanta_catalog *catalog,
                                             const char *name);

/* Reads a document's records into the catalog. */
enum vanta_status catalog_parse(struct vanta_catalog *catalog,
                                struct catalog_document *document,
                                struct vanta_error *err);
/* After the last document: overrides, references, collisions, profiles. */
enum vanta_status catalog_check(struct vanta_catalog *catalog, struct vanta_error *err);

/*
 * Reading one object. The first failure sticks: later calls do nothing and status says
 * what happened, so that a run of calls needs one check at its end. where is the
 * object's own JSON pointer.
 */
struct catalog_reader {
    struct vanta_catalog *catalog;
    const struct catalog_document *document;
    const json_t *object;
    const char *where;
    struct vanta_error *err;
    enum vanta_status status;
};

void catalog_reader_fail(struct catalog_reader *r, const char *key, const char *fmt, ...)
    VANTA_PRINTF(3, 4);
void catalog_known_keys(struct catalog_reader *r, const char *const *known);
/* Absent keys leave *out. Text is one line without control characters, not empty, of
 * at most max bytes. */
void catalog_text(struct catalog_reader *r, const char *key, bool required, size_t max,
                  const char **out);
void catalog_id(struct catalog_reader *r, const char *key, const char **out);
void catalog_https(struct catalog_reader *r, const char *key, const char **out);
void catalog_boolean(struct catalog_reader *r, const char *key, bool *out);
void catalog_integer(struct catalog_reader *r, const char *key, bool required,
                     int64_t least, int64_t most, int64_t *out);
/* Texts, each at most CATALOG_NAME_MAX bytes; as ids when ids is set. */
void catalog_words(struct catalog_reader *r, const char *key, bool required, bool ids,
                   const char *const **out, size_t *n);
/* The index of the text of key in names (ends with NULL); -1 when it is absent. */
int catalog_choice(struct catalog_reader *r, const char *key, bool required,
                   const char *const *names);
/* An array of objects; NULL when it is absent or there was a failure. */
const json_t *catalog_list(struct catalog_reader *r, const char *key, bool required,
                           size_t most);
/* A reader of one element of an array below r; pointer gets the element's place. */
struct catalog_reader catalog_element(const struct catalog_reader *r, const char *key,
                                      const json_t *list, size_t i,
                                      char pointer[VANTA_JSON_POINTER_MAX]);
/* A reader of an object that is the value of key; object is NULL when it is absent. */
struct catalog_reader catalog_member(struct catalog_reader *r, const char *key,
                                     bool required, char pointer[VANTA_JSON_POINTER_MAX]);
/* Takes an inner reader's status over. */
void catalog_reader_join(struct catalog_reader *r, const struct catalog_reader *inner);

/* One file object; sources may be absent when sources_required is not set. */
void catalog_file(struct catalog_reader *r, bool sources_required,
                  struct vanta_catalog_file *out);
/* The files of key, with paths that can lie in one folder. */
void catalog_files(struct catalog_reader *r, const char *key, bool sources_required,
                   const struct vanta_catalog_file **out, size_t *n);
/* One element of "models". */
void catalog_model(struct catalog_reader *r, struct catalog_model_record *record);

/* Fails with the place of a record. key may be NULL. */
enum vanta_status catalog_place_fail(const struct catalog_place *place, const char *key,
                                     struct vanta_error *err, const char *fmt, ...)
    VANTA_PRINTF(4, 5);

#endif
