/*
 * candidate.h - a file or folder that may be a model: what it is and which files belong
 * to it. Shared by adding (add.h) and rebuilding (rebuild.h).
 *
 *     struct vanta_candidate c;
 *     vanta_candidate_folder(dir, &c, err);          // reads headers only
 *     vanta_candidate_agrees(&c, type, err);
 *     vanta_candidate_hash(&c, NULL, NULL, NULL, err);
 *     vanta_candidate_entry(&c, id, type, &entry, err);
 *     vanta_candidate_free(&c);
 *
 * Files are hostile: opened read-only, judged by their headers, nothing of them is
 * executed. Pickles are no models. Not responsible for where files lie nor for the
 * registry. A struct that a function failed to fill is zeroed.
 */
#ifndef VANTA_MODELS_CANDIDATE_H
#define VANTA_MODELS_CANDIDATE_H

#include "base/path.h"
#include "convert/inspect.h"
#include "models/registry.h"

#define VANTA_CANDIDATE_FILES_MAX 512

struct vanta_candidate {
    char folder[VANTA_PATH_MAX];    /* absolute; the files' paths start here */
    struct vanta_entry_file *files; /* in byte order; sha256 NULL until hashed */
    size_t n_files;
    size_t main;                    /* the file that facts are of */
    struct vanta_model_facts facts; /* parameters of all parts of a model in parts */
    enum vanta_model_type guess;    /* VANTA_TYPE_UNKNOWN: the headers do not say */
    char left_out[256];             /* files that do not belong to it, one line; or "" */
    uint64_t bytes;
};

/* A single file. VANTA_ERR_UNSUPPORTED: a model that VANTA has no use for (pickles, ONNX,
 * archives, CTranslate2), with what to do instead. VANTA_ERR_FORMAT: no model (a page, an
 * LFS pointer, unknown bytes), or a name that cannot be kept. VANTA_ERR_IO, LIMIT. */
enum vanta_status vanta_candidate_file(const char *path, struct vanta_candidate *out,
                                       struct vanta_error *err);
/* All files of a folder but hidden ones, links and pickles beside other weights. Besides
 * the above: VANTA_ERR_USAGE when it has several models; VANTA_ERR_NOT_FOUND: none. */
enum vanta_status vanta_candidate_folder(const char *dir, struct vanta_candidate *out,
                                         struct vanta_error *err);
void vanta_candidate_free(struct vanta_candidate *candidate);

/* Whether a model of this type can be made of it. VANTA_ERR_UNSUPPORTED says why not. */
enum vanta_status vanta_candidate_agrees(const struct vanta_candidate *candidate,
                                         enum vanta_model_type type,
                                         struct vanta_error *err);

/* Fills the files' digests. progress: bytes hashed so far, of candidate->bytes. */
enum vanta_status vanta_candidate_hash(struct vanta_candidate *candidate,
                                       vanta_hash_progress *progress, void *arg,
                                       const atomic_bool *cancel,
                                       struct vanta_error *err);

/* An entry as far as the files say: id, name, type, format, quantization, parameters,
 * license, size, files, hash and verification (hashed now). path, source and preparation
 * are the caller's, who also frees it. */
enum vanta_status vanta_candidate_entry(const struct vanta_candidate *candidate,
                                        const char *id, enum vanta_model_type type,
                                        struct vanta_entry *out, struct vanta_error *err);

/* The catalog's model whose one file this is, by size and digest; the file is hashed when
 * a size fits. NULL: none. A failure to hash counts as none. */
const struct vanta_catalog_model *
vanta_candidate_known(struct vanta_candidate *candidate,
                      const struct vanta_catalog *catalog, vanta_hash_progress *progress,
                      void *arg, const atomic_bool *cancel);

/* Whether a file of this name is a pickle by its ending, or what torch calls its own. */
bool vanta_name_is_pickle(const char *path);
/* Says what a pickle is and what to take instead; VANTA_ERR_UNSUPPORTED. */
enum vanta_status vanta_pickle_refuse(const char *path, struct vanta_error *err);

/* The length of "NAME" in "NAME-00001-of-00003.gguf", 0 when path is no such part. */
size_t vanta_part_stem(const char *path);
/* Whether both are parts of one model. */
bool vanta_parts_match(const char *a, const char *b);

/* An id made of a file's or folder's name: its ending dropped, other characters become
 * "-". False when nothing is left. */
bool vanta_id_from_name(const char *name, char id[VANTA_ID_MAX + 1]);

#endif
