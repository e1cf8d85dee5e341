/*
 * add.h - taking a model that is not the catalog's into the models folder.
 *
 *     struct vanta_add_options options = {.root = root, .catalog = catalog,
 *                                         .what = "hf:ORG/REPO:Q4_K_M",
 *                                         .type = VANTA_TYPE_UNKNOWN};
 *     struct vanta_add_result result;
 *     status = vanta_model_add(&options, &result, err);
 *     vanta_add_result_free(&result);
 *
 * What is added is judged by its header (candidate.h), brought to <type folder>/<id>/
 * with one rename after all of it was hashed, and registered as verified: from then on
 * its own digest is what it is held to. A file that turns out to be a catalog model's
 * becomes that model. Pickles are never taken.
 * Not responsible for talking. Threads: callbacks come from any, one at a time.
 *
 * `what` is a file or folder, a https: address (http: only with a digest), a repository
 * of the model hub as hf:ORG/REPO[@REVISION][:FILE, QUANTIZATION or FOLDER/], or the
 * address of one of the hub's pages.
 */
#ifndef VANTA_MODELS_ADD_H
#define VANTA_MODELS_ADD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "models/registry.h"

enum vanta_add_way {
    VANTA_ADD_COPY, /* by reflink where the file system can */
    VANTA_ADD_MOVE, /* the original is deleted once the model is registered */
    VANTA_ADD_LINK  /* stays where it is: external, never changed or deleted */
};

/* what: the file, or what is being done; total -1: unknown. */
typedef void vanta_add_progress(void *arg, const char *what, uint64_t bytes,
                                int64_t total);
typedef void vanta_add_notice(void *arg, const char *message);

struct vanta_add_options {
    const char *root;
    const struct vanta_catalog *catalog;
    const char *what;
    enum vanta_model_type type; /* VANTA_TYPE_UNKNOWN: by the header */
    enum vanta_add_way way;     /* for files and folders of this machine only */
    const char *id;      /* NULL: made of the name */
    const char *name;    /* NULL: what the header says, else the id */
    const char *license; /* NULL: what the header says */
    const char *sha256;  /* that the model's one file must have; NULL: any */
    bool offline;
    unsigned connections;     /* for one file; 0: as many as help */
    int64_t limit_rate_bytes; /* a second, over all files; 0: no limit */
    vanta_add_progress *progress; /* may be NULL */
    vanta_add_notice *notice;     /* may be NULL */
    void *arg;
    const atomic_bool *cancel;    /* may be NULL */
};

/* One of several models that `what` could mean. */
struct vanta_add_choice {
    char *text;     /* what to name instead */
    int64_t bytes;  /* -1: unknown */
};

struct vanta_add_result {
    struct vanta_entry entry; /* as registered; zeroed on failure */
    bool known;               /* it is the catalog's model of this id */
    struct vanta_add_choice *choices; /* with VANTA_ERR_USAGE: what there is to choose */
    size_t n_choices;
};

/* VANTA_ERR_USAGE: the type is needed, or several models are meant (choices), or plain
 * http: without a digest. VANTA_ERR_EXISTS: the id is taken. VANTA_ERR_UNSUPPORTED and
 * VANTA_ERR_FORMAT: as candidate.h. VANTA_ERR_DIGEST: not the bytes of sha256.
 * VANTA_ERR_LICENSE: a catalog model whose licence setup asks for. Fetching's and the
 * file system's. A failure leaves the original as it was and nothing registered; a
 * download goes on where it stopped with the same call. */
enum vanta_status vanta_model_add(const struct vanta_add_options *options,
                                  struct vanta_add_result *result,
                                  struct vanta_error *err);
void vanta_add_result_free(struct vanta_add_result *result); /* zeroed is fine */

#endif
