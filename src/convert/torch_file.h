/*
 * torch_file.h - the tensors of a PyTorch checkpoint, found and checked; nothing is run.
 *
 * A checkpoint is a zip of stored members (zip_stored.h): NAME/data.pkl describes tensors
 * (pickle.h), NAME/data/KEY has the bytes of a storage. Source: PyTorch,
 * torch/serialization.py. Not responsible for what the tensors mean.
 *
 *     status = vanta_torch_open("model.pth", false, &file, err);
 *     tensor = vanta_torch_find(&file, "gpt.mel_head.weight");      // NULL: there is none
 *     status = vanta_torch_look(&file, tensor->data_pos, n, &bytes, err);
 *     vanta_torch_close(&file);
 *
 * Which tensors: those of the dictionary "model", else "state_dict", of the outermost
 * dictionary; without them, all that there are. Keys of dictionaries within each other
 * are joined by dots. In the order of the pickle.
 *
 * Refused: containers that torch.save wrote before 2020 (bare pickles), big-endian ones,
 * what zip_stored.h and pickle.h refuse, a tensor that reaches beyond its storage, a
 * storage beyond its member, a tensor with more elements than its storage, one name
 * twice. Statuses: VANTA_ERR_FORMAT, UNSUPPORTED, LIMIT, NOT_FOUND, IO, NO_MEMORY; the
 * struct is zeroed on failure.
 * Lenient: what a model does not need is noted in pickle.refused instead; for showing
 * what a file holds.
 * Cost: the pickle and the zip's directory; data is mapped in windows when it is looked
 * at. One thread at a time.
 */
#ifndef VANTA_CONVERT_TORCH_FILE_H
#define VANTA_CONVERT_TORCH_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/path.h"
#include "convert/pickle.h"
#include "convert/zip_stored.h"
#include "vanta_error.h"

#define VANTA_TORCH_TENSORS_MAX 4096
#define VANTA_TORCH_RANK_MAX 8
#define VANTA_TORCH_NAME_MAX 256 /* bytes, with the NUL */
#define VANTA_TORCH_ELEMENTS_MAX ((uint64_t)1 << 40)

struct vanta_torch_tensor {
    char name[VANTA_TORCH_NAME_MAX];
    enum vanta_torch_type type;
    unsigned rank;
    uint64_t sizes[VANTA_TORCH_RANK_MAX];   /* the outermost first */
    uint64_t strides[VANTA_TORCH_RANK_MAX]; /* in elements */
    uint64_t elements;
    uint64_t data_pos; /* of its first element, from the start of the file */
    bool contiguous;   /* strides are those of row-major order */
};

struct vanta_torch_file {
    char path[VANTA_PATH_MAX];
    int fd; /* -1: closed */
    struct vanta_cursor cursor;
    struct vanta_zip zip;
    uint8_t *pickle_bytes;
    struct vanta_pickle pickle;
    struct vanta_torch_tensor *tensors;
    size_t n;
    const struct vanta_torch_tensor **by_name;
    uint8_t *window; /* mapped, from window_pos on; NULL: none */
    uint64_t window_pos;
    size_t window_bytes;
};

enum vanta_status vanta_torch_open(const char *path, bool lenient,
                                   struct vanta_torch_file *out, struct vanta_error *err);
const struct vanta_torch_tensor *vanta_torch_find(const struct vanta_torch_file *file,
                                                  const char *name);
/* len bytes of the file, valid until the next call. A file that was cut since is
 * VANTA_ERR_IO (within what is in hand: SIGBUS). */
enum vanta_status vanta_torch_look(struct vanta_torch_file *file, uint64_t pos,
                                   size_t len, const uint8_t **out,
                                   struct vanta_error *err);
void vanta_torch_close(struct vanta_torch_file *file);

/* Elements of the storage from a tensor's first to its last one, both included. */
uint64_t vanta_torch_span(const struct vanta_torch_tensor *tensor);
/* Where in there element number i lies, counted row-major. */
uint64_t vanta_torch_place(const struct vanta_torch_tensor *tensor, uint64_t i);

/* Bytes of an element; "f32", as safetensors and GGUF call it. */
unsigned vanta_torch_type_bytes(enum vanta_torch_type type);
const char *vanta_torch_type_name(enum vanta_torch_type type);

#endif
