#include "convert/inspect.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/text.h"
#include "convert/ct2.h"
#include "convert/ggml_type.h"
#include "convert/gguf.h"
#include "convert/safetensors.h"
#include "convert/torch_zip.h"
#include "convert/whisper_ggml.h"

#define START_BYTES 1024
#define CT2_VERSION_MAX 64
#define CT2_TYPES 6

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

    return names[format];
}

/* The first bytes of a file, and how many it has in all. */
struct start {
    uint8_t bytes[START_BYTES];
    size_t len;
    uint64_t size;
};

static bool starts_with(const struct start *s, const void *bytes, size_t len)
{
    return s->len >= len && memcmp(s->bytes, bytes, len) == 0;
}

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool is_html(const struct start *s)
{
    static const char *const tags[] = {"<!doctype html", "<html", "<head", "<body", "<?xml"};
    size_t at = starts_with(s, "\xef\xbb\xbf", 3) ? 3 : 0, i, k;

    while (at < s->len && isspace(s->bytes[at]))
        at++;
    for (i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        size_t len = strlen(tags[i]);

        for (k = 0; k < len && at + k < s->len; k++)
            if (tolower(s->bytes[at + k]) != tags[i][k])
                break;
        if (k == len)
            return true;
    }
    return false;
}

/* u32 version, u16 length and the kind of model, which ends in "Spec". */
static bool is_ct2(const struct start *s)
{
    uint32_t version;
    size_t len, i;

    if (s->len < 6 + sizeof "Spec")
        return false;
    version = le32(s->bytes);
    len = s->bytes[4] | (size_t)s->bytes[5] << 8;
    if (version == 0 || version > CT2_VERSION_MAX || len < sizeof "Spec" || len > 128 ||
        6 + len > s->len || s->bytes[6 + len - 1] != '\0')
        return false;
    for (i = 0; i + 1 < len; i++)
        if (!isalnum(s->bytes[6 + i]))
            return false;
    return memcmp(s->bytes + 6 + len - sizeof "Spec", "Spec", sizeof "Spec") == 0;
}

static bool is_safetensors(const struct start *s)
{
    uint64_t header;

    if (s->len < 10 || s->bytes[8] != '{')
        return false;
    header = le32(s->bytes) | (uint64_t)le32(s->bytes + 4) << 32;
    /* One whose header is cut short is still one, so that the reader says so. */
    return header >= 2 && header <= (uint64_t)1 << 32;
}

/* A pickle of protocol 2 to 5, as torch.save wrote them before it wrote zips. */
static bool is_pickle(const struct start *s)
{
    static const char opcodes[] = "}](\x8a\x95XcK.NUu\x8c";

    return s->len >= 3 && s->bytes[0] == 0x80 && s->bytes[1] >= 2 && s->bytes[1] <= 5 &&
           s->bytes[2] && strchr(opcodes, s->bytes[2]);
}

static bool read_varint(const struct start *s, size_t *at, uint64_t *out)
{
    unsigned shift;

    *out = 0;
    for (shift = 0; shift < 63 && *at < s->len; shift += 7) {
        uint8_t byte = s->bytes[(*at)++];

        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

/* A protobuf message with the fields of onnx.proto's ModelProto: ir_version comes first,
 * and the graph (7) takes room that the file has. */
static bool is_onnx(const struct start *s)
{
    size_t at = 0;
    uint64_t tag, value;

    if (!read_varint(s, &at, &tag) || tag != (1 << 3) || !read_varint(s, &at, &value) ||
        value == 0 || value > 64)
        return false;
    while (read_varint(s, &at, &tag) && read_varint(s, &at, &value)) {
        switch (tag) {
        case 5 << 3: /* model_version */
            continue;
        case 7 << 3 | 2: /* graph */
            return value > 0 && value <= s->size - at;
        case 2 << 3 | 2: /* producer_name, producer_version, domain, doc_string */
        case 3 << 3 | 2:
        case 4 << 3 | 2:
        case 6 << 3 | 2:
        case 8 << 3 | 2: /* opset_import, metadata_props */
        case 14 << 3 | 2:
            if (value > s->len - at)
                return false;
            at += (size_t)value;
            continue;
        default:
            return false;
        }
    }
    return false;
}

static bool is_archive(const struct start *s)
{
    return starts_with(s, "\x1f\x8b\x08", 3) || starts_with(s, "BZh", 3) ||
           starts_with(s, "\xfd" "7zXZ", 6) || starts_with(s, "\x28\xb5\x2f\xfd", 4) ||
           starts_with(s, "7z\xbc\xaf\x27\x1c", 6) ||
           (s->len >= 262 && memcmp(s->bytes + 257, "ustar", 5) == 0);
}

static enum vanta_file_format detect(const struct start *s, struct vanta_cursor *c)
{
    static const char lfs[] = "version https://git-lfs.github.com/spec/";

    if (starts_with(s, "GGUF", 4))
        return VANTA_FORMAT_GGUF;
    if (s->len >= 4 && le32(s->bytes) == VANTA_WHISPER_MAGIC)
        return VANTA_FORMAT_WHISPER_GGML;
    if (starts_with(s, lfs, sizeof lfs - 1))
        return VANTA_FORMAT_LFS_POINTER;
    if (is_html(s))
        return VANTA_FORMAT_HTML;
    if (is_ct2(s))
        return VANTA_FORMAT_CTRANSLATE2;
    if (starts_with(s, "PK\3\4", 4) || starts_with(s, "PK\5\6", 4))
        return vanta_torch_zip_check(c) ? VANTA_FORMAT_TORCH : VANTA_FORMAT_ARCHIVE;
    if (is_pickle(s))
        return VANTA_FORMAT_TORCH;
    if (is_archive(s))
        return VANTA_FORMAT_ARCHIVE;
    if (is_safetensors(s))
        return VANTA_FORMAT_SAFETENSORS;
    return is_onnx(s) ? VANTA_FORMAT_ONNX : VANTA_FORMAT_UNKNOWN;
}

static void set(char *out, size_t size, const char *text)
{
    vanta_text_printable(text ? text : "", out, size);
}

static enum vanta_status inspect_gguf(struct vanta_cursor *c,
                                      struct vanta_model_facts *out,
                                      struct vanta_error *err)
{
    const char *quantization = NULL;
    struct vanta_gguf g;
    enum vanta_status status = vanta_gguf_read(c, &g, err);

    if (status != VANTA_OK)
        return status;
    if (g.has_file_type)
        quantization = vanta_gguf_file_type_name(g.file_type);
    set(out->quantization, sizeof out->quantization,
        quantization ? quantization : g.main_type);
    set(out->architecture, sizeof out->architecture, g.architecture);
    set(out->name, sizeof out->name, g.name);
    set(out->license, sizeof out->license, g.license);
    out->parameters = g.parameters;
    out->tensors = g.tensors;
    out->context_tokens = g.context_length;
    out->layers = g.block_count;
    out->embedding_length = g.embedding_length;
    out->voices = g.voices;
    set(out->languages, sizeof out->languages, g.languages);
    return VANTA_OK;
}

static enum vanta_status inspect_whisper(struct vanta_cursor *c,
                                         struct vanta_model_facts *out,
                                         struct vanta_error *err)
{
    struct vanta_whisper_facts w;
    enum vanta_status status = vanta_whisper_read(c, &w, err);

    if (status != VANTA_OK)
        return status;
    set(out->architecture, sizeof out->architecture, "whisper");
    set(out->quantization, sizeof out->quantization,
        vanta_whisper_file_type_name(w.header.ftype));
    out->parameters = w.parameters;
    out->tensors = w.tensors;
    out->context_tokens = w.header.n_text_ctx;
    out->layers = w.header.n_audio_layer;
    out->embedding_length = w.header.n_audio_state;
    return VANTA_OK;
}

static enum vanta_status inspect_safetensors(struct vanta_cursor *c,
                                             struct vanta_model_facts *out,
                                             struct vanta_error *err)
{
    struct vanta_safetensors s;
    enum vanta_status status = vanta_safetensors_read(c, &s, err);

    if (status != VANTA_OK)
        return status;
    set(out->quantization, sizeof out->quantization, s.main_type);
    set(out->license, sizeof out->license, s.license);
    out->parameters = s.parameters;
    out->tensors = s.tensors;
    out->layers = s.layers;
    return VANTA_OK;
}

static void whisper_facts(const struct vanta_ct2 *model, struct vanta_model_facts *out)
{
    const struct vanta_ct2_variable *text, *audio;
    char name[64];

    text = vanta_ct2_find(model, "decoder/position_encodings/encodings");
    audio = vanta_ct2_find(model, "encoder/position_encodings/encodings");
    if (text && text->rank == 2)
        out->context_tokens = text->shape[0];
    if (audio && audio->rank == 2)
        out->embedding_length = audio->shape[1];
    for (;; out->layers++) {
        vanta_format(name, sizeof name, "encoder/layer_%llu/ffn/linear_0/weight",
                     (unsigned long long)out->layers);
        if (!vanta_ct2_find(model, name))
            break;
    }
}

/* Sums over the weights: no aliases, scalars and settings, no scales of int8. */
static void count_weights(const struct vanta_ct2 *model, struct vanta_model_facts *out)
{
    uint64_t bytes_of[CT2_TYPES] = {0}, most = 0;
    size_t i;

    for (i = 0; i < model->n_variables; i++) {
        const struct vanta_ct2_variable *v = &model->variables[i];

        if (v->alias || v->rank == 0 || vanta_has_suffix(v->name, "_scale"))
            continue;
        out->tensors++;
        out->parameters += v->elements;
        bytes_of[v->type] += v->bytes;
    }
    for (i = 0; i < CT2_TYPES; i++)
        if (bytes_of[i] > most) {
            most = bytes_of[i];
            set(out->quantization, sizeof out->quantization,
                vanta_ct2_type_name((enum vanta_ct2_type)i));
        }
}

static enum vanta_status inspect_ct2(struct vanta_cursor *c, const struct start *s,
                                     struct vanta_model_facts *out,
                                     struct vanta_error *err)
{
    enum vanta_status status;
    struct vanta_ct2 model;

    /* Of other versions nothing but the name of the format is known. */
    if (le32(s->bytes) != VANTA_CT2_VERSION)
        return VANTA_OK;
    status = vanta_ct2_read(c, &model, err);
    if (status != VANTA_OK)
        return status;
    if (strcmp(model.spec, "WhisperSpec") == 0) {
        set(out->architecture, sizeof out->architecture, "whisper");
        whisper_facts(&model, out);
    } else {
        set(out->architecture, sizeof out->architecture, model.spec);
    }
    count_weights(&model, out);
    vanta_ct2_free(&model);
    return VANTA_OK;
}

static enum vanta_status inspect(struct vanta_cursor *c, struct vanta_model_facts *out,
                                 struct vanta_error *err)
{
    struct start s = {.size = c->size};
    enum vanta_status status;

    s.len = c->size < START_BYTES ? (size_t)c->size : START_BYTES;
    status = vanta_cursor_bytes(c, s.bytes, s.len, err);
    if (status != VANTA_OK)
        return status;
    out->size_bytes = c->size;
    out->format = detect(&s, c);
    status = vanta_cursor_seek(c, 0, err);
    if (status != VANTA_OK)
        return status;
    switch (out->format) {
    case VANTA_FORMAT_GGUF:
        return inspect_gguf(c, out, err);
    case VANTA_FORMAT_WHISPER_GGML:
        return inspect_whisper(c, out, err);
    case VANTA_FORMAT_SAFETENSORS:
        return inspect_safetensors(c, out, err);
    case VANTA_FORMAT_CTRANSLATE2:
        return inspect_ct2(c, &s, out, err);
    default:
        return VANTA_OK;
    }
}

enum vanta_status vanta_inspect_file(const char *path, struct vanta_model_facts *out,
                                     struct vanta_error *err)
{
    struct vanta_cursor c = {.fd = -1};
    enum vanta_status status;
    int fd;

    memset(out, 0, sizeof *out);
    /* Not blocking: a pipe of this name would keep open waiting for a writer. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
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
