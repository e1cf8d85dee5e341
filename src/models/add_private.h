/*
 * add_private.h - what the files behind add.h share; not for other modules.
 *
 * add_operand.c reads what is to be added, add_hub.c chooses from a repository's files,
 * add_local.c and add_remote.c bring files to a staging folder, add.c does what both need:
 * ids, folders, the final rename and the registration.
 */
#ifndef VANTA_MODELS_ADD_PRIVATE_H
#define VANTA_MODELS_ADD_PRIVATE_H

#include "base/lock.h"
#include "base/path.h"
#include "fetch/source.h"
#include "models/add.h"
#include "models/candidate.h"

/* --- add_operand.c --- */

enum add_kind { ADD_LOCAL, ADD_URL, ADD_HUB };

struct add_operand {
    enum add_kind kind;
    char text[VANTA_PATH_MAX];         /* the path, or the address */
    char name[256];                    /* URL: what the file is called */
    char repo[256];                    /* HUB: "ORG/REPO" */
    char revision[VANTA_REVISION_MAX]; /* HUB: "main" when none was named */
    char selector[1024];               /* HUB: file, quantization, "folder/", or "" */
};

/* Opens nothing. VANTA_ERR_USAGE when it is none of the forms. has_digest allows plain
 * http: addresses. */
enum vanta_status add_operand_parse(const char *what, bool has_digest,
                                    struct add_operand *out, struct vanta_error *err);

/* --- add_hub.c --- */

struct add_file {
    char *path;   /* in the repository; the download's own name for an address */
    char *source; /* as source.h has it */
    const char *target; /* below the model's folder: the end of path */
    int64_t size_bytes; /* -1: unknown */
    char sha256[VANTA_SHA256_HEX]; /* "": unknown */
    enum vanta_magic magic;
};

struct add_selection {
    struct add_file *files;
    size_t n;
    char name[256]; /* of the model, for its id */
};

/* What a repository has. */
struct add_listing {
    struct add_file *files; /* target and magic unset */
    size_t n;
    char commit[41];
};

enum vanta_status add_listing_read(struct vanta_fetcher *fetcher,
                                   const struct add_operand *operand,
                                   struct add_listing *out, struct vanta_error *err);
void add_listing_free(struct add_listing *listing);

/* The files of the one model that is meant. VANTA_ERR_USAGE with choices in result when
 * it could be several; VANTA_ERR_NOT_FOUND, VANTA_ERR_UNSUPPORTED: there is none that can
 * be taken. */
enum vanta_status add_select(const struct add_operand *operand,
                             const struct add_listing *listing,
                             enum vanta_model_type type, struct add_selection *out,
                             struct vanta_add_result *result, struct vanta_error *err);
void add_selection_free(struct add_selection *selection);

/* What the first bytes of a file of this name must look like. */
enum vanta_magic add_magic_of(const char *path);

/* --- add.c --- */

/* One adding. The staging folder is <type folder>/.<id>.partial/added; what is fetched
 * comes together in .<id>.partial/fetch. */
struct add {
    const struct vanta_add_options *options;
    struct vanta_add_result *result;
    struct add_operand operand;
    struct vanta_candidate candidate;
    enum vanta_model_type type;
    const struct vanta_catalog_model *known; /* the catalog's model that it is, or NULL */
    char id[VANTA_ID_MAX + 1];
    char type_dir[VANTA_PATH_MAX], final[VANTA_PATH_MAX];
    char partial[VANTA_PATH_MAX], staging[VANTA_PATH_MAX];
    struct vanta_lock lock;
    bool replaces; /* an entry of this id is there, and nothing of its files */
    bool placed;   /* the files have their final name, and are registered nowhere */
    char source[VANTA_PATH_MAX]; /* for the registry */
    char version[41];            /* the hub's commit; "": unknown */
};

void add_notice(const struct add *add, const char *fmt, ...) VANTA_PRINTF(2, 3);
/* A vanta_hash_progress with a struct add as arg. */
void add_on_hashed(void *arg, uint64_t bytes);

/* Sets id: the one asked for, the known model's, or one made of name; and refuses one
 * that is taken. */
enum vanta_status add_settle_id(struct add *add, const char *name,
                                struct vanta_error *err);
/* Sets type from the options or the candidate, and checks that they agree. */
enum vanta_status add_settle_type(struct add *add, struct vanta_error *err);
/* The folders' names for id and type; takes the model's lock, and refuses a model folder
 * that is there or leads out of the root. bytes: that the disk must have room for. */
enum vanta_status add_open(struct add *add, uint64_t bytes, struct vanta_error *err);
/* The candidate, hashed, lies in the staging folder: its final name, its entry. */
enum vanta_status add_finish(struct add *add, struct vanta_error *err);
/* Registers the candidate; path: the entry's. */
enum vanta_status add_register(struct add *add, const char *path,
                               struct vanta_error *err);
/* VANTA_ERR_DIGEST when --sha256 was given and is not the candidate's one file's. */
enum vanta_status add_check_digest(const struct add *add, struct vanta_error *err);

/* --- add_local.c, add_remote.c --- */

enum vanta_status add_local(struct add *add, struct vanta_error *err);
enum vanta_status add_remote(struct add *add, struct vanta_error *err);

#endif
