#include "convert/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/text.h"
#include "convert/ct2.h"
#include "convert/gguf.h"
#include "convert/safetensors.h"
#include "convert/whisper_ggml.h"

#define HEAD_BYTES 512

const char *vanta_file_format_name(enum vanta_file_format format)
{
    static const char *const names[] = {
        [VANTA_FORMAT_UNKNOWN] = "unknown",
        [VANTA_FORMAT_GGUF] = "gguf",
        [VANTA_FORMAT_WHISPER_GGML] = "whisper-ggml",
        [VANTA_FORMAT_SAFETENSORS] = "safetensors",
        [VANTA_FORMAT_CTRANSLATE2] = "ctranslate2",
        [VANTA_FORMAT_TORCH] = "torch",
        [VANTA_FORMAT_ONNX] = "onnx",
        [VANTA_FORMAT_ARCHIVE] = "archive",
        [VANTA_FORMAT_HTML] = "html",
        [VANTA_FORMAT_LFS_POINTER] = "lfs-pointer",
    };

    if ((size_t)format >= sizeof names / sizeof names[0])
        return "unknown";
    return names[format];
}

struct head {
    uint8_t bytes[HEAD_BYTES + 1]; /* followed by a NUL */
    size_t len;
    uint64_t size; /* of the file */
};

static bool starts(const struct head *h, const void *magic, size_t len)
{
    return h->len >= len && memcmp(h->bytes, magic, len) == 0;
}

static bool is_html(const struct head *h)
{
    const char *text = (const char *)h->bytes;

    if (starts(h, "\xef\xbb\xbf", 3))
        text += 3;
    text += strspn(text, " \t\r\n");
    return strncmp(text, "<!", 2) == 0 || strncmp(text, "<html", 5) == 0 ||
           strncmp(text, "<HTML", 5) == 0 || strncmp(text, "<head", 5) == 0 ||
           strncmp(text, "<?xml", 5) == 0;
}

/* torch.save writes a zip whose first member is NAME/data.pkl (or .../version). */
static bool is_torch_zip(const struct head *h)
{
    size_t name_len;
    const char *name = (const char *)h->bytes + 30;

    if (h->len < 31)
        return false;
    name_len = h->bytes[26] | (size_t)h->bytes[27] << 8;
    if (name_len > h->len - 30)
        name_len = h->len - 30;
    return (name_len >= 9 && memcmp(name + name_len - 9, "/data.pkl", 9) == 0) ||
           (name_len >= 8 && memcmp(name + name_len - 8, "/version", 8) == 0) ||
           (name_len >= 11 && memcmp(name + name_len - 11, "/.format_ve", 11) == 0) ||
           (name_len >= 10 && memcmp(name + name_len - 10, "/byteorder", 10) == 0);
}

static uint64_t le64(const uint8_t *p)
{
    uint64_t value = 0;
    int i;

    for (i = 8; i > 0; i--)
        value = value << 8 | p[i - 1];
    return value;
}

static bool is_ct2(const struct head *h)
{
    size_t len;

    if (h->len < 8 || h->bytes[1] || h->bytes[2] || h->bytes[3] || h->bytes[0] > 16)
        return false;
    len = h->bytes[4] | (size_t)h->bytes[5] << 8;
    return len >= 5 && len <= 64 && 6 + len <= h->len && h->bytes[6 + len - 1] == 0 &&
           strlen((const char *)h->bytes + 6) + 1 == len &&
           vanta_has_suffix((const char *)h->bytes + 6, "Spec");
}

static enum vanta_file_format format_of(const struct head *h)
{
    static const char lfs[] = "version https://git-lfs.github.com/spec/";

    if (starts(h, "GGUF", 4))
        return VANTA_FORMAT_GGUF;
    if (starts(h, "lmgg", 4)) /* 0x67676d6c, little-endian */
        return VANTA_FORMAT_WHISPER_GGML;
    if (starts(h, lfs, sizeof lfs - 1))
        return VANTA_FORMAT_LFS_POINTER;
    if (is_html(h))
        return VANTA_FORMAT_HTML;
    if (starts(h, "PK\3\4", 4))
        return is_torch_zip(h) ? VANTA_FORMAT_TORCH : VANTA_FORMAT_ARCHIVE;
    if (h->len >= 2 && h->bytes[0] == 0x80 && h->bytes[1] >= 2 && h->bytes[1] <= 5)
        return VANTA_FORMAT_TORCH; /* a pickle: PROTO and its version */
    if (starts(h, "\x1f\x8b", 2) || (h->len > 262 && !memcmp(h->bytes + 257, "ustar", 5)))
        return VANTA_FORMAT_ARCHIVE;
    if (h->len > 8 && h->bytes[8] == '{' && le64(h->bytes) >= 2 &&
        le64(h->bytes) <= h->size)
        return VANTA_FORMAT_SAFETENSORS;
    if (is_ct2(h))
        return VANTA_FORMAT_CTRANSLATE2;
    /* ONNX is a protobuf: field 1 (ir_version), then field 2 (producer_name), a string. */
    if (h->len > 4 && h->bytes[0] == 0x08 && h->bytes[1] < 0x20 && h->bytes[2] == 0x12 &&
        h->bytes[3] < 0x40)
        return VANTA_FORMAT_ONNX;
    return VANTA_FORMAT_UNKNOWN;
}

static void set_text(char *out, size_t size, const char *text)
{
    if (text)
        vanta_text_printable(text, out, size);
}

static enum vanta_status inspect_gguf(struct vanta_cursor *c,
                                      struct vanta_model_facts *out,
                                      struct vanta_error *err)
{
    struct vanta_gguf_facts facts;
    enum vanta_status status = vanta_gguf_read(c, &facts, err);
    const char *quantization;

    if (status != VANTA_OK)
        return status;
    quantization = vanta_gguf_file_type_name(facts.file_type);
    if (!quantization && facts.tensors)
        quantization = vanta_ggml_type_name(facts.main_type);
    set_text(out->quantization, sizeof out->quantization, quantization);
    set_text(out->architecture, sizeof out->architecture, facts.architecture);
    set_text(out->name, sizeof out->name, facts.name);
    set_text(out->license, sizeof out->license, facts.license);
    out->parameters = facts.parameters;
    out->tensors = facts.tensors;
    out->context_tokens = facts.context_tokens;
    out->layers = facts.layers;
    out->embedding_length = facts.embedding_length;
    return VANTA_OK;
}

static enum vanta_status inspect_whisper(struct vanta_cursor *c,
                                         struct vanta_model_facts *out,
                                         struct vanta_error *err)
{
    struct vanta_whisper_header h;
    enum vanta_status status = vanta_whisper_ggml_read(c, &h, err);

    if (status != VANTA_OK)
        return status;
    /* From 1000 on it carries the version of the quantization format. */
    set_text(out->quantization, sizeof out->quantization,
             vanta_gguf_file_type_name(h.ftype % 1000));
    set_text(out->architecture, sizeof out->architecture, "whisper");
    out->parameters = h.parameters;
    out->tensors = h.tensors;
    out->context_tokens = (uint64_t)h.n_text_ctx;
    out->layers = (uint64_t)h.n_audio_layer + (uint64_t)h.n_text_layer;
    out->embedding_length = (uint64_t)h.n_audio_state;
    return VANTA_OK;
}

static enum vanta_status inspect_safetensors(struct vanta_cursor *c,
                                             struct vanta_model_facts *out,
                                             struct vanta_error *err)
{
    struct vanta_safetensors_facts facts;
    enum vanta_status status = vanta_safetensors_read(c, &facts, err);
    size_t i;

    if (status != VANTA_OK)
        return status;
    set_text(out->quantization, sizeof out->quantization, facts.main_type);
    for (i = 0; out->quantization[i]; i++)
        if (out->quantization[i] >= 'A' && out->quantization[i] <= 'Z')
            out->quantization[i] = (char)(out->quantization[i] + 32);
    out->parameters = facts.parameters;
    out->tensors = facts.tensors;
    return VANTA_OK;
}

static enum vanta_status inspect_ct2(struct vanta_cursor *c,
                                     struct vanta_model_facts *out,
                                     struct vanta_error *err)
{
    uint64_t bytes_of[VANTA_CT2_BF16 + 1] = {0};
    struct vanta_ct2 model;
    enum vanta_status status = vanta_ct2_read(c, &model, err);
    size_t i, most = 0;

    if (status != VANTA_OK)
        return status;
    for (i = 0; i < model.n_variables; i++) {
        const struct vanta_ct2_variable *v = &model.variables[i];

        if (v->is_alias)
            continue;
        out->parameters += v->elements;
        bytes_of[v->type] += v->elements * vanta_ct2_type_bytes(v->type);
        out->tensors++;
    }
    for (i = 0; i <= VANTA_CT2_BF16; i++)
        if (bytes_of[i] > bytes_of[most])
            most = i;
    set_text(out->architecture, sizeof out->architecture,
             strcmp(model.spec, "WhisperSpec") == 0 ? "whisper" : model.spec);
    set_text(out->quantization, sizeof out->quantization,
             vanta_ct2_type_name((enum vanta_ct2_type)most));
    vanta_ct2_free(&model);
    return VANTA_OK;
}

static enum vanta_status inspect(struct vanta_cursor *c, struct vanta_model_facts *out,
                                 struct vanta_error *err)
{
    struct head h = {.size = c->size};
    enum vanta_status status;

    h.len = c->size < HEAD_BYTES ? (size_t)c->size : HEAD_BYTES;
    status = vanta_cursor_bytes(c, h.bytes, h.len, err);
    if (status == VANTA_OK)
        status = vanta_cursor_seek(c, 0, err);
    if (status != VANTA_OK)
        return status;
    out->size_bytes = c->size;
    out->format = format_of(&h);
    switch (out->format) {
    case VANTA_FORMAT_GGUF:
        return inspect_gguf(c, out, err);
    case VANTA_FORMAT_WHISPER_GGML:
        return inspect_whisper(c, out, err);
    case VANTA_FORMAT_SAFETENSORS:
        return inspect_safetensors(c, out, err);
    case VANTA_FORMAT_CTRANSLATE2:
        return inspect_ct2(c, out, err);
    default:
        return VANTA_OK;
    }
}

enum vanta_status vanta_inspect_file(const char *path, struct vanta_model_facts *out,
                                     struct vanta_error *err)
{
    struct vanta_cursor c = {.fd = -1};
    enum vanta_status status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    memset(out, 0, sizeof *out);
    if (fd < 0)
        return vanta_fail_errno(err, errno, "%s", path);
    status = vanta_cursor_file(&c, fd, path, err);
    if (status == VANTA_OK)
        status = inspect(&c, out, err);
    if (status != VANTA_OK)
        memset(out, 0, sizeof *out);
    vanta_cursor_close(&c);
    close(fd);
    return status;
}
