/*
 * setup_internal.h - what the files behind setup.h share; not for other modules.
 *
 * setup.c holds the request and the events, setup_present.c looks at what is on the disk,
 * setup_plan.c chooses, setup_preflight.c refuses, prepare.c brings one model's files,
 * setup_key.c asks whether an API takes the key, setup_run.c drives all of them.
 */
#ifndef VANTA_MODELS_SETUP_INTERNAL_H
#define VANTA_MODELS_SETUP_INTERNAL_H

#include <pthread.h>

#include "base/path.h"
#include "models/copies.h"
#include "models/setup.h"

#define SETUP_JOBS_DEFAULT 4

enum setup_presence {
    SETUP_ABSENT,
    SETUP_COMPLETE, /* all files are there with the right sizes; not registered as right */
    SETUP_READY     /* registered, verified, the sizes on the disk are right */
};

struct setup_found {
    enum setup_presence presence;
    enum vanta_state state;
    uint64_t bytes;         /* of files with the right size in the best folder */
    uint64_t partial_bytes; /* that an interrupted run has left */
};

/* What a fetch item's user points to. */
struct setup_file {
    const struct vanta_setup_item *item;
    const char *path; /* below the model's folder */
};

/* What the run knows of an item besides its public face. */
struct setup_work {
    struct vanta_setup_item *item;
    struct setup_found found;
    bool closed;      /* the plan saw that it cannot be done: item->error */
    bool memory_told; /* that it needs more memory than there is, and was forced */
    char accepted_digest[VANTA_SHA256_HEX]; /* "": no licence had to be accepted */
    char accepted_date[VANTA_TIME_TEXT_MAX];
    bool license_settled;
    bool license_new;   /* accepted in this run: to be stored, with the text */
    char *license_text; /* NULL: none could be had */
};

enum setup_reach { SETUP_REACH_UNASKED, SETUP_REACH_YES, SETUP_REACH_NO };

struct vanta_setup {
    struct vanta_setup_options options;
    char root[VANTA_PATH_MAX];
    struct vanta_registry *registry; /* as it was when the plan was made */
    struct vanta_copies copies;      /* files of the root that need not be fetched */
    struct vanta_fetcher *fetcher;   /* NULL until something has to be fetched */
    bool fetcher_borrowed;
    enum setup_reach reach_hub, reach_packages;
    struct vanta_setup_item *items;
    struct setup_work *work; /* one for each item */
    size_t n;
    struct vanta_setup_need need;
    pthread_mutex_t talk;   /* held while the listener is called */
    pthread_mutex_t making; /* held while a worker makes the fetcher */
    atomic_size_t next;   /* of order: what the workers take next */
    size_t *order;
};

/* --- setup.c --- */

void setup_emit(struct vanta_setup *setup, const struct vanta_setup_event *event);
void setup_notice(struct vanta_setup *setup, const struct vanta_setup_item *item,
                  const char *fmt, ...) VANTA_PRINTF(3, 4);
/* A notice of what is wrong, which a quiet set-up shows as well. */
void setup_warning(struct vanta_setup *setup, const struct vanta_setup_item *item,
                   const char *fmt, ...) VANTA_PRINTF(3, 4);
bool setup_cancelled(const struct vanta_setup *setup);
unsigned setup_jobs(const struct vanta_setup *setup);
/* Creates the fetcher when there is none yet; the second form is the workers'. */
enum vanta_status setup_fetcher(struct vanta_setup *setup, struct vanta_error *err);
enum vanta_status setup_fetcher_shared(struct vanta_setup *setup,
                                       struct vanta_error *err);
bool setup_is_api(const struct vanta_catalog_model *model);
/* The digest that a registered model must have; false when a file's is unknown. */
bool setup_expected_hash(const struct vanta_catalog_model *model,
                         char hash[VANTA_SHA256_HEX]);
/* <root>/<type folder>, <that>/<id>, <that>/.<id>.partial and .<id>.lock. */
bool setup_type_dir(const struct vanta_setup *setup,
                    const struct vanta_catalog_model *model, char out[VANTA_PATH_MAX]);
bool setup_model_dir(const struct vanta_setup *setup,
                     const struct vanta_catalog_model *model, char out[VANTA_PATH_MAX]);
bool setup_beside(const struct vanta_setup *setup,
                  const struct vanta_catalog_model *model, const char *suffix,
                  char out[VANTA_PATH_MAX]);

/* --- setup_present.c --- */

/* What is known to be wrong of a model; NULL: nothing. */
const struct vanta_setup_damage *setup_damage(const struct vanta_setup *setup,
                                              const struct vanta_catalog_model *model);
/* Looks at registry and disk; hashes nothing. */
void setup_look(const struct vanta_setup *setup, const struct vanta_registry *registry,
                const struct vanta_catalog_model *model, struct setup_found *out);

/* Where a model's files are to be found whole: the folder, and the path of the entry
 * relative to the root. */
struct setup_place {
    char folder[VANTA_PATH_MAX];
    char path[VANTA_PATH_MAX];
};
/* Hashes what lies in the places where the model's files can be, the entry's own, the
 * usual folder, and the type's folder as older versions had it. VANTA_OK: place has all
 * of them, right. VANTA_ERR_NOT_FOUND: there is no such place. Others: it could not be
 * said (cancelled, unreadable). */
enum vanta_status setup_adopt(struct vanta_setup *setup, struct setup_work *work,
                              struct setup_place *place, struct vanta_error *err);

/* --- setup_key.c --- */

/* For an API whose key is set: asks its server, for free, whether it takes the key, and
 * tells what it says. Never a failure: a model is configured with a wrong key too, and a
 * network that is away says nothing about the key. */
void setup_check_key(struct vanta_setup *setup, const struct setup_work *work);

/* --- setup_plan.c --- */

/* What counts as a usable source: one of a kind that is allowed; one that is also not
 * known to be out of reach; the same, with a connection opened to know. */
enum setup_trust { SETUP_ALLOWED, SETUP_KNOWN, SETUP_ASK };

/* Whether one of its preparations is usable; an API has nothing to fetch. */
bool setup_can_be_had(struct vanta_setup *setup, const struct vanta_catalog_model *model,
                      enum setup_trust trust);
/* Whether all inputs have a usable source, or lie in the model's folder already (with
 * their sizes; fetching looks at their digests). */
bool setup_preparation_usable(struct vanta_setup *setup,
                              const struct vanta_catalog_model *model,
                              const struct vanta_preparation *preparation,
                              enum setup_trust trust);
/* Of the GGUF that a preparation makes: the user's wish, else the catalog's word. */
const char *setup_weights(const struct vanta_setup *setup,
                          const struct vanta_preparation *preparation);

struct setup_bytes {
    uint64_t network, disk, scratch; /* as in struct vanta_setup_item */
};
/* What one of a model's preparations would take; there is a fetcher. */
void setup_count_way(struct vanta_setup *setup, const struct setup_work *work,
                     const struct vanta_preparation *way, struct setup_bytes *out);
/* The first usable source, or the first allowed one; NULL: none. */
const struct vanta_source *setup_planned_source(struct vanta_setup *setup,
                                                const struct vanta_catalog_file *file);
/* Of the inputs the largest, which stands for all; NULL: none. */
const struct vanta_catalog_file *
setup_main_input(const struct vanta_preparation *preparation);

#endif
