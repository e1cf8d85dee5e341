/*
 * vanta.h - the public API of libvanta: which models are here, are they right, get them.
 *
 * A program that runs models uses it to find them ("the path of whisper-base, if it is in
 * order") and to bring a root into order. Not responsible for running models.
 *
 *     struct vanta_error err = {0};
 *     struct vanta *v;
 *     struct vanta_model model;
 *
 *     if (vanta_open(NULL, &v, &err) != VANTA_OK) ...          // err.message, err.hint
 *     if (vanta_model_find(v, "whisper-base", &model, &err) == VANTA_OK)
 *         puts(model.path);
 *     vanta_close(v);
 *
 * Ownership: what a struct vanta hands out belongs to it and is valid until the next call
 * of vanta_reload, vanta_verify or vanta_setup on it, or vanta_close. Strings are UTF-8.
 *
 * Threads: one at a time per struct vanta; different structs are independent, in other
 * processes too. After a failed call the struct can be used as before.
 *
 * Nothing is printed, no signal is handled, the process is never ended. vanta_verify,
 * vanta_setup start threads and (for package sources) child processes, all of which have
 * ended when they return.
 */
#ifndef VANTA_H
#define VANTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* The library's version, "0.1.0". */
const char *vanta_version(void);

struct vanta;

/* Opens a models folder: models_dir, or NULL to find it as the program does
 * (VANTA_MODELS_DIR, a parent folder with models/registry, the user's data folder). The
 * folder need not exist. Of a damaged registry the newest valid history is shown.
 * Cost: reads the catalog and the registry, some milliseconds; hashes nothing.
 * VANTA_ERR_FORMAT: a catalog file or the registry cannot be read. */
enum vanta_status vanta_open(const char *models_dir, struct vanta **out,
                             struct vanta_error *err);
void vanta_close(struct vanta *v); /* NULL is fine */
/* Reads the registry again. */
enum vanta_status vanta_reload(struct vanta *v, struct vanta_error *err);

/* The absolute path of the models folder. */
const char *vanta_root(const struct vanta *v);

struct vanta_model {
    const char *id;
    const char *name;
    const char *type;         /* "whisper", "llm", "embedding", "tts" */
    const char *format;       /* "whisper-ggml", "gguf", "safetensors", "torch", "api" */
    const char *quantization; /* NULL: none */
    const char *version;
    const char *path;         /* absolute: the file of a one-file model, else the folder;
                                 NULL for an API */
    const char *hash;         /* SHA-256 as docs/registry.md defines it; NULL: none */
    int64_t size_bytes;
    const char *state; /* "missing", "corrupt", "unverified", "needs-key", "failed",
                          "untested", "ready": the first that holds, computed now */
    char reason[256];  /* one line on why it is not ready; "" when it is */
};

size_t vanta_model_count(const struct vanta *v);
/* index < vanta_model_count(v). */
void vanta_model_at(const struct vanta *v, size_t index, struct vanta_model *out);
/* By id or old id, without regard to case. VANTA_ERR_NOT_FOUND, the nearest in hint. */
enum vanta_status vanta_model_find(const struct vanta *v, const char *id,
                                   struct vanta_model *out, struct vanta_error *err);

/* What a long call is doing; called from one thread at a time. message is NULL but for
 * notices. Return false to stop: the call then ends soon with VANTA_ERR_CANCELLED. */
struct vanta_progress {
    const char *id;      /* NULL: all models */
    const char *file;    /* NULL: the whole model */
    uint64_t bytes;
    int64_t bytes_total; /* -1: unknown */
    const char *message;
};
typedef bool vanta_listener(void *arg, const struct vanta_progress *progress);

/* Hashes a model's files against the digests that judge them and records the outcome.
 * VANTA_OK: right. VANTA_ERR_CHECK: missing or wrong, the message names the file.
 * listener may be NULL. */
enum vanta_status vanta_verify(struct vanta *v, const char *id, vanta_listener *listener,
                               void *arg, struct vanta_error *err);

struct vanta_setup_request {
    const char *profile;      /* "lite", "default", "full"; NULL: "default"; not used when
                                 models are named */
    const char *const *models; /* ids; NULL: the profile */
    size_t n_models;
    const char *sources;      /* "hub,packages", "!hub"; NULL: all */
    const char *const *accepted_licenses;
    size_t n_accepted_licenses;
    bool offline;
};

/* Fetches, prepares, verifies and registers what is not there yet. VANTA_OK: all of it is
 * there. Otherwise the first failure; every model that could be had is there all the
 * same, and the next call goes on where this one stopped. */
enum vanta_status vanta_setup(struct vanta *v, const struct vanta_setup_request *request,
                              vanta_listener *listener, void *arg,
                              struct vanta_error *err);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
