#include "engines/helper/xtts_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

#define VALUES_MAX ((uint64_t)1 << 40) /* of a tensor: products stay in 64 bits */
#define NAME_BYTES 96

/* ---- keys ---- */

struct size_key {
    const char *name;
    size_t offset; /* in struct vanta_xtts_sizes */
    uint32_t low, high;
};

#define KEY(name, member, low, high) \
    {name, offsetof(struct vanta_xtts_sizes, member), low, high}

static const struct size_key counts[] = {
    KEY("block_count", blocks, 1, 64),
    KEY("embedding_length", width, 32, XTTS_WIDTH_MAX),
    KEY("feed_forward_length", feed_forward, 32, 16384),
    KEY("attention.head_count", heads, 1, 256),
    KEY("text.vocabulary", text_vocabulary, 1, 65536),
    KEY("text.positions", text_positions, 3, 4096),
    KEY("text.max_tokens", text_max_tokens, 1, 4096),
    KEY("text.start", text_start, 0, 65535),
    KEY("text.stop", text_stop, 0, 65535),
    KEY("audio.vocabulary", audio_vocabulary, 3, 65536),
    KEY("audio.positions", audio_positions, 1, 4096),
    KEY("audio.max_tokens", audio_max_tokens, 1, 4096),
    KEY("audio.start", audio_start, 0, 65535),
    KEY("audio.stop", audio_stop, 0, 65535),
    KEY("audio.code_stride", code_stride, 16, 16384),
    KEY("audio.input_hz", input_hz, 8000, 96000),
    KEY("audio.output_hz", output_hz, 8000, 96000),
    KEY("vocoder.embedding_length", vocoder_width, 1, XTTS_WIDTH_MAX),
    KEY("vocoder.hop_length", hop, 1, 4096),
    KEY("speaker.embedding_length", speaker_width, 1, XTTS_WIDTH_MAX),
    KEY("speaker_encoder.mel_bands", speaker_bands, 8, 256),
    KEY("conditioning.mel_bands", cond_bands, 8, 256),
    KEY("conditioning.block_count", cond_blocks, 1, 64),
    KEY("conditioning.group_count", cond_groups, 1, 256),
    KEY("perceiver.block_count", perceiver_blocks, 1, 64),
    KEY("perceiver.head_count", perceiver_heads, 1, 256),
    KEY("perceiver.feed_forward_length", perceiver_feed_forward, 1, 8192),
    KEY("perceiver.latents", latents, 1, XTTS_LATENTS_MAX),
    KEY("sampling.top_k", top_k, 1, 65536),
    KEY("cloning.latent_seconds", latent_seconds, 1, 600),
    KEY("cloning.chunk_seconds", chunk_seconds, 1, 60),
    KEY("cloning.reference_seconds", reference_seconds, 1, 600),
};

static const struct {
    const char *name;
    size_t count, values; /* offsets */
    uint32_t least, most; /* values */
    uint32_t low, high;   /* of each */
} lists[] = {
    {"vocoder.upsample_rates", offsetof(struct vanta_xtts_sizes, rates),
     offsetof(struct vanta_xtts_sizes, rate), 1, XTTS_STAGES_MAX, 2, 64},
    {"vocoder.resblock_kernels", offsetof(struct vanta_xtts_sizes, kernels),
     offsetof(struct vanta_xtts_sizes, kernel), 1, XTTS_KERNELS_MAX, 3, 63},
    {"vocoder.resblock_dilations", offsetof(struct vanta_xtts_sizes, dilations),
     offsetof(struct vanta_xtts_sizes, dilation), XTTS_DILATIONS, XTTS_DILATIONS, 1, 64},
    {"speaker_encoder.blocks", offsetof(struct vanta_xtts_sizes, speaker_levels),
     offsetof(struct vanta_xtts_sizes, speaker_blocks), XTTS_LEVELS, XTTS_LEVELS, 1, 64},
};

static const struct {
    const char *name;
    size_t offset;
    float low, high;
} floats[] = {
    {"attention.layer_norm_epsilon", offsetof(struct vanta_xtts_sizes, epsilon), 0, 0.1F},
    {"sampling.temperature", offsetof(struct vanta_xtts_sizes, temperature), 0, 100},
    {"sampling.top_p", offsetof(struct vanta_xtts_sizes, top_p), 0, 1},
    {"sampling.repetition_penalty",
     offsetof(struct vanta_xtts_sizes, repetition_penalty), 0.01F, 1000},
};

/* The id of "xtts.NAME", which has to have this type. */
static enum vanta_status find_key(const struct vanta_xtts_file *file, const char *name,
                                  enum gguf_type type, int64_t *out,
                                  struct vanta_error *err)
{
    char key[NAME_BYTES];

    snprintf(key, sizeof key, "xtts.%s", name);
    *out = gguf_find_key(file->gguf, key);
    if (*out < 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: no key %s", file->path, key);
    if (gguf_get_kv_type(file->gguf, *out) != type)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: key %s is not of type %s",
                          file->path, key, gguf_type_name(type));
    return VANTA_OK;
}

static enum vanta_status refuse_size(const struct vanta_xtts_file *file, const char *name,
                                     double value, double low, double high,
                                     struct vanta_error *err)
{
    return vanta_fail(err, VANTA_ERR_LIMIT,
                      "%s: xtts.%s is %g; %g to %g can be used here", file->path, name,
                      value, low, high);
}

static enum vanta_status read_counts(struct vanta_xtts_file *file,
                                     struct vanta_error *err)
{
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const struct size_key *k = &counts[i];
        enum vanta_status status;
        uint32_t value;
        int64_t id;

        status = find_key(file, k->name, GGUF_TYPE_UINT32, &id, err);
        if (status != VANTA_OK)
            return status;
        value = gguf_get_val_u32(file->gguf, id);
        if (value < k->low || value > k->high)
            return refuse_size(file, k->name, value, k->low, k->high, err);
        memcpy((char *)&file->sizes + k->offset, &value, sizeof value);
    }
    return VANTA_OK;
}

static enum vanta_status read_lists(struct vanta_xtts_file *file, struct vanta_error *err)
{
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        enum vanta_status status;
        const uint32_t *values;
        uint32_t n;
        int64_t id;

        status = find_key(file, lists[i].name, GGUF_TYPE_ARRAY, &id, err);
        if (status != VANTA_OK)
            return status;
        if (gguf_get_arr_type(file->gguf, id) != GGUF_TYPE_UINT32)
            return vanta_fail(err, VANTA_ERR_FORMAT, "%s: xtts.%s is no array of u32",
                              file->path, lists[i].name);
        if (gguf_get_arr_n(file->gguf, id) < lists[i].least ||
            gguf_get_arr_n(file->gguf, id) > lists[i].most)
            return refuse_size(file, lists[i].name,
                               (double)gguf_get_arr_n(file->gguf, id), lists[i].least,
                               lists[i].most, err);
        n = (uint32_t)gguf_get_arr_n(file->gguf, id);
        values = gguf_get_arr_data(file->gguf, id);
        for (uint32_t v = 0; v < n; v++)
            if (values[v] < lists[i].low || values[v] > lists[i].high)
                return refuse_size(file, lists[i].name, values[v], lists[i].low,
                                   lists[i].high, err);
        memcpy((char *)&file->sizes + lists[i].count, &n, sizeof n);
        memcpy((char *)&file->sizes + lists[i].values, values, n * sizeof *values);
    }
    return VANTA_OK;
}

static enum vanta_status read_floats(struct vanta_xtts_file *file,
                                     struct vanta_error *err)
{
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        enum vanta_status status;
        float value;
        int64_t id;

        status = find_key(file, floats[i].name, GGUF_TYPE_FLOAT32, &id, err);
        if (status != VANTA_OK)
            return status;
        value = gguf_get_val_f32(file->gguf, id);
        if (!(value >= floats[i].low && value <= floats[i].high))
            return refuse_size(file, floats[i].name, (double)value, (double)floats[i].low,
                               (double)floats[i].high, err);
        memcpy((char *)&file->sizes + floats[i].offset, &value, sizeof value);
    }
    return VANTA_OK;
}

static enum vanta_status read_speakers(struct vanta_xtts_file *file,
                                       struct vanta_error *err)
{
    int64_t id = gguf_find_key(file->gguf, "xtts.speakers");

    if (id < 0)
        return VANTA_OK;
    if (gguf_get_kv_type(file->gguf, id) != GGUF_TYPE_ARRAY ||
        gguf_get_arr_type(file->gguf, id) != GGUF_TYPE_STRING)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: xtts.speakers is no array of "
                          "strings", file->path);
    if (gguf_get_arr_n(file->gguf, id) > XTTS_SPEAKERS_MAX)
        return refuse_size(file, "speakers", (double)gguf_get_arr_n(file->gguf, id), 0,
                           XTTS_SPEAKERS_MAX, err);
    file->sizes.speakers = (uint32_t)gguf_get_arr_n(file->gguf, id);
    return VANTA_OK;
}

/* Sizes that have to fit each other, whoever uses them. */
static enum vanta_status check_sizes(const struct vanta_xtts_file *file,
                                     struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &file->sizes;
    const char *wrong = NULL;
    uint64_t hop = 1;

    for (uint32_t i = 0; i < s->rates; i++)
        hop *= s->rate[i];
    for (uint32_t i = 0; i < s->rates && wrong == NULL; i++)
        if (s->rate[i] % 2 != 0)
            wrong = "an odd upsample rate";
    for (uint32_t i = 0; i < s->kernels && wrong == NULL; i++)
        if (s->kernel[i] % 2 == 0)
            wrong = "an even kernel of a residual block";
    if (hop != s->hop)
        wrong = "upsample rates whose product is not the hop length";
    else if (s->width % s->heads != 0)
        wrong = "an embedding length that is no multiple of the heads";
    else if (s->width % s->cond_groups != 0)
        wrong = "an embedding length that is no multiple of the groups";
    else if (s->vocoder_width != s->width)
        wrong = "a vocoder that is not as wide as the GPT";
    else if (s->text_start >= s->text_vocabulary || s->text_stop >= s->text_vocabulary ||
             s->text_max_tokens + 2 > s->text_positions)
        wrong = "text tokens beyond their table";
    else if (s->audio_start >= s->audio_vocabulary ||
             s->audio_stop >= s->audio_vocabulary ||
             s->audio_max_tokens > s->audio_positions)
        wrong = "audio codes beyond their table";
    return wrong == NULL ? VANTA_OK
                         : vanta_fail(err, VANTA_ERR_FORMAT, "%s: its keys say %s",
                                      file->path, wrong);
}

static enum vanta_status read_keys(struct vanta_xtts_file *file, struct vanta_error *err)
{
    int64_t id = gguf_find_key(file->gguf, "general.architecture");
    enum vanta_status status;

    if (id < 0 || gguf_get_kv_type(file->gguf, id) != GGUF_TYPE_STRING)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: no general.architecture",
                          file->path);
    if (strcmp(gguf_get_val_str(file->gguf, id), "xtts") != 0)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: architecture %.40s, not xtts", file->path,
                          gguf_get_val_str(file->gguf, id));
    if (gguf_get_alignment(file->gguf) % GGUF_DEFAULT_ALIGNMENT != 0 ||
        gguf_get_data_offset(file->gguf) > file->map_bytes)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: tensors are not aligned to %d bytes, or the file is cut "
                          "short", file->path, GGUF_DEFAULT_ALIGNMENT);
    status = find_key(file, "cloning.normalize", GGUF_TYPE_BOOL, &id, err);
    if (status == VANTA_OK)
        file->sizes.normalize = gguf_get_val_bool(file->gguf, id);
    if (status == VANTA_OK)
        status = read_counts(file, err);
    if (status == VANTA_OK)
        status = read_lists(file, err);
    if (status == VANTA_OK)
        status = read_floats(file, err);
    if (status == VANTA_OK)
        status = read_speakers(file, err);
    return status != VANTA_OK ? status : check_sizes(file, err);
}

/* ---- the file ---- */

static enum vanta_status map_file(struct vanta_xtts_file *file, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    struct stat st;
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return vanta_fail_errno(err, errno, "%s", file->path);
    if (fstat(fd, &st) != 0) {
        status = vanta_fail_errno(err, errno, "%s", file->path);
    } else if (!S_ISREG(st.st_mode) || st.st_size < 24) {
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: not a GGUF file", file->path);
    } else {
        file->map_bytes = (size_t)st.st_size;
        file->map = mmap(NULL, file->map_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        if (file->map == MAP_FAILED) {
            file->map = NULL;
            status = vanta_fail_errno(err, errno, "mapping %s", file->path);
        }
    }
    close(fd);
    return status;
}

enum vanta_status vanta_xtts_file_open(const char *path, struct vanta_xtts_file **out,
                                       struct vanta_error *err)
{
    struct gguf_init_params params = {.no_alloc = true};
    struct vanta_xtts_file *file = calloc(1, sizeof *file);
    enum vanta_status status;

    *out = NULL;
    if (file == NULL || (file->path = vanta_strdup(path)) == NULL) {
        free(file);
        return vanta_fail_memory(err);
    }
    status = map_file(file, err);
    if (status == VANTA_OK) {
        file->gguf = gguf_init_from_buffer(file->map, file->map_bytes, params);
        if (file->gguf == NULL)
            status = vanta_fail(err, VANTA_ERR_FORMAT,
                                "%s: not a GGUF file, or its header is damaged", path);
    }
    if (status == VANTA_OK)
        status = read_keys(file, err);
    if (status != VANTA_OK) {
        vanta_xtts_file_close(file);
        return status;
    }
    *out = file;
    return VANTA_OK;
}

void vanta_xtts_file_close(struct vanta_xtts_file *file)
{
    if (file == NULL)
        return;
    if (file->gguf != NULL)
        gguf_free(file->gguf);
    if (file->map != NULL)
        munmap(file->map, file->map_bytes);
    free(file->path);
    free(file);
}

/* ---- tensors ---- */

static bool type_allowed(enum ggml_type type, int types)
{
    return (type == GGML_TYPE_F32 && (types & XTTS_F32)) ||
           (type == GGML_TYPE_F16 && (types & XTTS_F16)) ||
           (type == GGML_TYPE_Q8_0 && (types & XTTS_Q8_0));
}

static enum vanta_status take(const struct vanta_xtts_file *file, int types, int extents,
                              const int64_t *ne, const char *name,
                              struct vanta_xtts_tensor *out, struct vanta_error *err)
{
    int64_t id = gguf_find_tensor(file->gguf, name), expected[GGML_MAX_DIMS];
    size_t start = gguf_get_data_offset(file->gguf), at;
    const int64_t *found;
    uint64_t rows = 1;

    if (id < 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: no tensor %s", file->path, name);
    found = gguf_get_tensor_ne(file->gguf, id);
    for (int i = 0; i < GGML_MAX_DIMS; i++)
        expected[i] = i < extents ? ne[i] : 1;
    if (memcmp(found, expected, sizeof expected) != 0)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: tensor %s is %lld x %lld x %lld x %lld; expected %lld x "
                          "%lld x %lld x %lld", file->path, name, (long long)found[0],
                          (long long)found[1], (long long)found[2], (long long)found[3],
                          (long long)expected[0], (long long)expected[1],
                          (long long)expected[2], (long long)expected[3]);
    out->type = gguf_get_tensor_type(file->gguf, id);
    if (!type_allowed(out->type, types))
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: tensor %s has type %s, which cannot be used here",
                          file->path, name, ggml_type_name(out->type));
    for (int i = 1; i < GGML_MAX_DIMS; i++) /* each is one of our own bounded sizes */
        rows *= (uint64_t)expected[i];
    out->bytes = gguf_get_tensor_size(file->gguf, id);
    at = gguf_get_tensor_offset(file->gguf, id);
    if (rows * (uint64_t)expected[0] > VALUES_MAX ||
        out->bytes != ggml_row_size(out->type, expected[0]) * rows ||
        at > file->map_bytes - start || out->bytes > file->map_bytes - start - at)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: cut short at byte %zu; tensor %s ends behind it",
                          file->path, file->map_bytes, name);
    out->values = (size_t)(rows * (uint64_t)expected[0]);
    out->data = (const char *)file->map + start + at;
    return VANTA_OK;
}

enum vanta_status vanta_xtts_tensor(const struct vanta_xtts_file *file, int types,
                                    int extents, const int64_t *ne,
                                    struct vanta_xtts_tensor *out,
                                    struct vanta_error *err, const char *format, ...)
{
    char name[NAME_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    return take(file, types, extents, ne, name, out, err);
}

void vanta_xtts_tensor_floats(const struct vanta_xtts_tensor *tensor, size_t first,
                              size_t count, float *out)
{
    const char *from = (const char *)tensor->data +
                       first / (size_t)ggml_blck_size(tensor->type) *
                           ggml_type_size(tensor->type);

    if (tensor->type == GGML_TYPE_F32)
        memcpy(out, from, count * sizeof *out);
    else
        ggml_get_type_traits(tensor->type)->to_float(from, out, (int64_t)count);
}

const char *vanta_xtts_file_speaker(const struct vanta_xtts_file *file, uint32_t index)
{
    int64_t id = gguf_find_key(file->gguf, "xtts.speakers");

    return index < file->sizes.speakers ? gguf_get_arr_str(file->gguf, id, index) : NULL;
}
