/* model_files.h - small right model files for tests, made in the scratch folder. */
#ifndef VANTA_TESTS_MODEL_FILES_H
#define VANTA_TESTS_MODEL_FILES_H

#include "base/buf.h"
#include "scratch.h"

static inline void put_le(struct vanta_buf *out, uint64_t value, int bytes)
{
    for (; bytes > 0; bytes--, value >>= 8) {
        uint8_t byte = (uint8_t)value;

        vanta_buf_append(out, &byte, 1);
    }
}

static inline void put_string(struct vanta_buf *out, const char *text)
{
    put_le(out, strlen(text), 8);
    vanta_buf_puts(out, text);
}

static inline void put_text_key(struct vanta_buf *out, const char *key, const char *value)
{
    put_string(out, key);
    put_le(out, 8, 4);
    put_string(out, value);
}

/* One tensor of count F32 elements; file_type 15 is Q4_K_M. name NULL: none. seed makes
 * files of one shape differ. */
static inline const char *make_gguf(const char *path, const char *architecture,
                                    const char *name, uint64_t count, uint8_t seed)
{
    struct vanta_buf out = VANTA_BUF(1 << 20);
    const char *made;
    uint64_t i;

    vanta_buf_puts(&out, "GGUF");
    put_le(&out, 3, 4);
    put_le(&out, 1, 8);
    put_le(&out, name ? 4 : 3, 8);
    put_text_key(&out, "general.architecture", architecture);
    if (name)
        put_text_key(&out, "general.name", name);
    put_text_key(&out, "general.license", "apache-2.0");
    put_string(&out, "general.file_type");
    put_le(&out, 4, 4);
    put_le(&out, 15, 4);
    put_string(&out, "token_embd.weight");
    put_le(&out, 1, 4);
    put_le(&out, count, 8);
    put_le(&out, 0, 4);
    put_le(&out, 0, 8);
    while (out.len % 32)
        put_le(&out, 0, 1);
    for (i = 0; i < count; i++)
        put_le(&out, seed, 4);
    made = scratch_file(path, out.data, out.len);
    vanta_buf_free(&out);
    return made;
}

static inline const char *make_safetensors(const char *path, uint8_t seed)
{
    static const char header[] = "{\"embeddings.weight\":{\"dtype\":\"F32\",\"shape\":[2,8],"
                                 "\"data_offsets\":[0,64]}}";
    struct vanta_buf out = VANTA_BUF(1 << 16);
    const char *made;
    int i;

    put_le(&out, sizeof header - 1, 8);
    vanta_buf_puts(&out, header);
    for (i = 0; i < 64; i++)
        put_le(&out, seed, 1);
    made = scratch_file(path, out.data, out.len);
    vanta_buf_free(&out);
    return made;
}

/* The whisper.cpp file of the fuzz corpus. */
static inline const char *make_whisper(const char *path)
{
    struct vanta_buf data = VANTA_BUF(1 << 16);
    const char *made;

    if (vanta_file_read(TEST_DATA "/../fuzz/corpus/whisper_ggml/good", &data, NULL) !=
        VANTA_OK)
        abort();
    made = scratch_file(path, data.data, data.len);
    vanta_buf_free(&data);
    return made;
}

/* What torch.save writes begins so: a zip whose first member is a pickle. */
static inline const char *make_torch(const char *path)
{
    static const char zip[] = "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0"
                              "archive/data.pkl\x80\2}q\0.................................";

    return scratch_file(path, zip, sizeof zip);
}

#endif
