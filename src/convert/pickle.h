/*
 * pickle.h - what a pickle of PyTorch's describes, read as data: nothing in it is run.
 *
 * A pickle is a program for a small stack machine whose instructions can call any Python
 * function. This interpreter knows only the instructions that torch.save writes for
 * tensors, dictionaries and plain objects, and makes values of its own of them: a call of
 * torch._utils._rebuild_tensor_v2 becomes a value of kind TENSOR, and so on. What else is
 * named (a "global") is refused by its name, or with lenient set noted and left opaque.
 * Sources of the format: CPython Lib/pickletools.py; PyTorch torch/serialization.py and
 * torch/_utils.py.
 *
 *     struct vanta_pickle p;
 *     status = vanta_pickle_read(bytes, len, "model.pth", false, &p, err);
 *     ... vanta_pickle_value(&p, p.root) ...
 *     vanta_pickle_free(&p);
 *
 * bytes are borrowed until then: texts point into them. Values are numbered, and a value
 * can be reached over several ways, even from itself (a memo makes loops): who walks them
 * bounds depth and number.
 *
 * Instructions: PROTO 2, STOP, MARK, NONE, NEWTRUE, NEWFALSE, BININT, BININT1, BININT2,
 * LONG1 (8 bytes), BINFLOAT, BINUNICODE, EMPTY_TUPLE, TUPLE, TUPLE1 to 3, EMPTY_LIST,
 * APPEND(S), EMPTY_DICT, SETITEM(S), BINPUT, LONG_BINPUT, BINGET, LONG_BINGET, GLOBAL,
 * NEWOBJ, REDUCE, BUILD, BINPERSID. Globals: collections.OrderedDict,
 * torch._utils._rebuild_tensor_v2, torch's Float-, Half-, BFloat16-, Double-, Long- and
 * IntStorage; classes of the package TTS, which become opaque objects (NEWOBJ alone) whose
 * state is not looked at.
 *
 * Statuses: VANTA_ERR_FORMAT (damaged), UNSUPPORTED (another protocol, instruction or
 * global; the message names it), LIMIT (those below), NO_MEMORY; *out is zeroed on
 * failure. Memory: at most 50 MB, for a model of 1,000 tensors about 1 MB.
 */
#ifndef VANTA_CONVERT_PICKLE_H
#define VANTA_CONVERT_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "vanta_error.h"

#define VANTA_PICKLE_BYTES_MAX ((size_t)16 << 20)
#define VANTA_PICKLE_VALUES_MAX ((size_t)1 << 20) /* also of memo, stack and items */
#define VANTA_PICKLE_DEPTH_MAX 64
#define VANTA_PICKLE_REFUSED_MAX 16 /* names that are kept */

enum vanta_pickle_kind {
    VANTA_PICKLE_NONE,
    VANTA_PICKLE_BOOL,
    VANTA_PICKLE_INT,
    VANTA_PICKLE_FLOAT,   /* its value is not kept */
    VANTA_PICKLE_TEXT,
    VANTA_PICKLE_TUPLE,
    VANTA_PICKLE_LIST,
    VANTA_PICKLE_DICT,
    VANTA_PICKLE_GLOBAL,
    VANTA_PICKLE_OBJECT,  /* opaque */
    VANTA_PICKLE_STORAGE, /* type, key, whole: its elements */
    VANTA_PICKLE_TENSOR   /* its items are the call's: storage, offset, size, stride ... */
};

/* Of a tensor's elements; 0: no storage. */
enum vanta_torch_type {
    VANTA_TORCH_F32 = 1,
    VANTA_TORCH_F16,
    VANTA_TORCH_BF16,
    VANTA_TORCH_F64,
    VANTA_TORCH_I64,
    VANTA_TORCH_I32
};

#define VANTA_PICKLE_NOTHING UINT32_MAX

struct vanta_pickle_value {
    uint8_t kind;
    uint8_t type; /* enum vanta_torch_type, or what a global is */
    uint32_t n;   /* items; bytes of a text; of a storage the value that is its key */
    union {
        int64_t whole; /* INT, BOOL, STORAGE */
        struct {
            uint32_t first, last; /* items; of a text its place in the pickle */
        } at;
    } u;
};

struct vanta_pickle_item {
    uint32_t key; /* VANTA_PICKLE_NOTHING in tuples and lists */
    uint32_t value;
    uint32_t next; /* VANTA_PICKLE_NOTHING: the last one */
};

struct vanta_pickle {
    const uint8_t *bytes;
    struct vanta_buf values, items;
    uint32_t root;
    char refused[VANTA_PICKLE_REFUSED_MAX][128]; /* "os.system"; with lenient alone */
    size_t n_refused;
};

enum vanta_status vanta_pickle_read(const void *bytes, size_t len, const char *name,
                                    bool lenient, struct vanta_pickle *out,
                                    struct vanta_error *err);
const struct vanta_pickle_value *vanta_pickle_value(const struct vanta_pickle *p,
                                                    uint32_t id);
const struct vanta_pickle_item *vanta_pickle_item(const struct vanta_pickle *p,
                                                  uint32_t id);
/* Whether the value is this text. */
bool vanta_pickle_is(const struct vanta_pickle *p, uint32_t id, const char *text);
void vanta_pickle_free(struct vanta_pickle *p);

#endif
