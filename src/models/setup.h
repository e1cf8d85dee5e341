/*
 * setup.h - from names to verified, registered models: plan, preflight, run.
 *
 *     struct vanta_setup *s;
 *     vanta_setup_new(&options, &s, err);
 *     vanta_setup_plan(s, err);              // what would be done, nothing changed
 *     vanta_setup_preflight(s, err);         // disk, memory, licences: before any byte
 *     vanta_setup_run(s, err);
 *     vanta_setup_free(s);
 *
 * Not responsible for talking: events and questions go to the caller's functions.
 * One model's failure leaves the others alone; each item carries its own outcome.
 * Memory: bounded whatever the models' sizes. Threads: run uses several; the listener is
 * called by one at a time.
 */
#ifndef VANTA_MODELS_SETUP_H
#define VANTA_MODELS_SETUP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/platform.h"
#include "fetch/fetch.h"
#include "models/catalog.h"
#include "models/registry.h"
#include "vanta_error.h"

enum vanta_setup_event_kind {
    VANTA_SETUP_NOTICE,        /* message */
    VANTA_SETUP_FILE_START,    /* model, file, source */
    VANTA_SETUP_FILE_PROGRESS, /* bytes, bytes_total, bytes_moved */
    VANTA_SETUP_FILE_DONE,
    VANTA_SETUP_PREPARE,       /* a conversion: bytes of bytes_total written */
    VANTA_SETUP_VERIFY,        /* hashing what is there */
    VANTA_SETUP_WAIT,          /* another process is at work on the model: its bytes */
    VANTA_SETUP_MODEL_DONE     /* item->outcome is set */
};

enum vanta_setup_outcome {
    VANTA_OUTCOME_PENDING = 0,
    VANTA_OUTCOME_PRESENT,  /* was there, verified and registered: nothing done */
    VANTA_OUTCOME_ADOPTED,  /* files were there and right; registered now */
    VANTA_OUTCOME_FETCHED,  /* fetched (and prepared), verified, registered */
    VANTA_OUTCOME_FAILED,   /* item->error */
    VANTA_OUTCOME_SKIPPED   /* left out by the user or the preflight; item->error */
};

struct vanta_setup_item {
    const struct vanta_catalog_model *model;
    const struct vanta_profile_slot *slot; /* NULL: named by id */
    const struct vanta_preparation *preparation; /* that is planned; NULL: none needed */
    /* Where none is, but what is there is checked first: for when that is wrong. NULL: no
     * source that is allowed has it. */
    const struct vanta_preparation *otherwise;
    bool settled;            /* registered and right already: nothing to do */
    char *source;            /* planned, then used: as vanta_source_text; NULL: none */
    uint64_t network_bytes;  /* to move */
    uint64_t disk_bytes;     /* that stay */
    uint64_t scratch_bytes;  /* besides, while it runs */
    uint64_t present_bytes;  /* of its files that are there already */
    char *note;              /* why this alternative, and the like; may be NULL */
    enum vanta_setup_outcome outcome;
    enum vanta_state state;  /* after the run (before it: now) */
    struct vanta_error error;
    uint64_t moved_bytes;
    uint64_t resumed_bytes;  /* that an earlier run had left */
    uint64_t reused_bytes;   /* copied from other files of the root */
    int64_t milliseconds;
};

struct vanta_setup_event {
    enum vanta_setup_event_kind kind;
    const struct vanta_setup_item *item; /* NULL for a general notice */
    const char *file;   /* below the model's folder */
    const char *source;
    uint64_t bytes;
    int64_t bytes_total; /* -1: unknown */
    uint64_t bytes_moved;
    uint64_t bytes_resumed, bytes_reused; /* FILE_...: as in struct vanta_fetch_item */
    enum vanta_status status; /* FILE_DONE */
    const char *message; /* NOTICE */
    bool warning;        /* NOTICE: something is wrong that the user has to mend */
};

typedef void vanta_setup_listener(void *arg, const struct vanta_setup_event *event);

/* Asked for each licence that must be accepted, with its text (NULL when it could not be
 * fetched). True: accepted. */
typedef bool vanta_license_question(void *arg, const struct vanta_license *license,
                                    const struct vanta_catalog_model *model,
                                    const char *text);

/* What a verification has just found of a model. */
struct vanta_setup_damage {
    const struct vanta_catalog_model *model;
    uint64_t bytes_wrong;       /* of wrong chunks where chunks are known, else of files */
    uint64_t bytes_wrong_files; /* of all of the wrong or missing files */
};

struct vanta_setup_options {
    const char *root;
    const struct vanta_catalog *catalog;
    /* What: models by name (any mix of types); and, when a profile is named or there is
     * no model, the slots of the profile. */
    const struct vanta_catalog_model *const *models;
    size_t n_models;
    const char *profile;         /* NULL: "default" */
    /* These are brought anew whatever registry and sizes say, and the plan counts what is
     * wrong of them; may be NULL. */
    const struct vanta_setup_damage *damage;
    size_t n_damage;
    unsigned types;              /* only slots of these: bits 1 << type; 0: all */
    unsigned jobs;               /* 0: 4 */
    unsigned connections;        /* for one file; 0: as many as help */
    int64_t limit_rate_bytes;    /* a second, over all files; 0: no limit */
    unsigned classes;            /* of sources; 0: all */
    bool offline;
    bool force;                  /* memory refusals become notices */
    bool allow_unpinned;
    bool keep_source;            /* what is converted stays, in VANTA_SOURCE_FOLDER */
    const char *weights;         /* of XTTS: "f32", "f16", "q8_0"; NULL: the catalog's */
    const char *const *accepted; /* licence ids accepted beforehand */
    size_t n_accepted;
    vanta_license_question *ask; /* NULL: never asked, so not accepted */
    vanta_setup_listener *listener;
    void *arg;                   /* for ask and listener */
    int64_t deadline_ms;         /* as struct vanta_fetch_options */
    const atomic_bool *cancel;
};

struct vanta_setup;

enum vanta_status vanta_setup_new(const struct vanta_setup_options *options,
                                  struct vanta_setup **out, struct vanta_error *err);
void vanta_setup_free(struct vanta_setup *setup);

/* Chooses alternatives and preparations, counts bytes. Opens a connection only when a
 * choice depends on it (a hub to be reached or not). */
enum vanta_status vanta_setup_plan(struct vanta_setup *setup, struct vanta_error *err);

struct vanta_setup_item *vanta_setup_items(struct vanta_setup *setup, size_t *n);

struct vanta_setup_need {
    uint64_t disk_needed;  /* bytes: what stays and the scratch, less what is there */
    uint64_t disk_free;
    uint64_t memory_needed; /* of the largest model */
    struct vanta_machine machine;
};
const struct vanta_setup_need *vanta_setup_need(const struct vanta_setup *setup);

/* The part of the preflight that asks nobody and opens no connection: skips what nobody
 * could say yes to, then judges disk and memory for all that is left to be done. */
enum vanta_status vanta_setup_fits(struct vanta_setup *setup, struct vanta_error *err);
/* For a plan that is only shown: asks the hosts of what would be fetched, each once, and
 * looks for the package clients. An item of which no source is reached gets that as its
 * error and stays pending, for a run would try with patience. */
void vanta_setup_reach(struct vanta_setup *setup);
/* After a plan of a profile that does not fit: the largest other profile that does, or
 * NULL. */
const struct vanta_profile *vanta_setup_fitting_profile(struct vanta_setup *setup);

/* Before the first byte: VANTA_ERR_NO_SPACE names the model to drop or the smaller one to
 * take; VANTA_ERR_NO_MEMORY likewise unless force; licences are asked for (a refused one
 * skips its model). */
enum vanta_status vanta_setup_preflight(struct vanta_setup *setup,
                                        struct vanta_error *err);

/* VANTA_OK when every item is there; otherwise the first failed item's status. */
enum vanta_status vanta_setup_run(struct vanta_setup *setup, struct vanta_error *err);

#endif
