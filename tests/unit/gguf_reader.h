/*
 * gguf_reader.h - reads back the GGUF file that a test has made, with none of the code that
 * wrote it. The test puts the file's bytes into file.
 */
#ifndef VANTA_TESTS_GGUF_READER_H
#define VANTA_TESTS_GGUF_READER_H

#include <string.h>

#include "base/buf.h"
#include "cmocka_all.h"

static struct vanta_buf file;
static size_t at;

static inline uint64_t number(size_t len)
{
    uint64_t value = 0;
    size_t i;

    assert_true(at + len <= file.len);
    for (i = 0; i < len; i++)
        value |= (uint64_t)(uint8_t)file.data[at + i] << (8 * i);
    at += len;
    return value;
}

/* Its first 255 bytes. */
static inline const char *string(void)
{
    static char texts[8][256];
    static unsigned next;
    size_t len = (size_t)number(8), n = len < 256 ? len : 255;
    char *text = texts[next++ % 8];

    assert_true(len <= file.len - at);
    memcpy(text, file.data + at, n);
    text[n] = '\0';
    at += len;
    return text;
}

static inline void skip_value(uint32_t type)
{
    uint64_t n;
    uint32_t inner;

    if (type == 8) {
        string();
    } else if (type == 9) {
        inner = (uint32_t)number(4);
        for (n = number(8); n > 0; n--)
            skip_value(inner);
    } else {
        number(type == 7 ? 1 : 4);
    }
}

static inline uint64_t start(uint64_t *keys)
{
    uint64_t tensors;

    at = 0;
    assert_memory_equal(file.data, "GGUF", 4);
    at = 4;
    assert_int_equal(number(4), 3);
    tensors = number(8);
    *keys = number(8);
    return tensors;
}

/* Goes to a key's value; false: there is no such key. */
static inline bool find_key(const char *name, uint32_t type)
{
    uint64_t keys, i;

    start(&keys);
    for (i = 0; i < keys; i++) {
        bool same = strcmp(string(), name) == 0;
        uint32_t there = (uint32_t)number(4);

        if (same) {
            assert_int_equal(there, type);
            return true;
        }
        skip_value(there);
    }
    return false;
}

static inline uint32_t key_u32(const char *name)
{
    assert_true(find_key(name, 4));
    return (uint32_t)number(4);
}

static inline bool key_bool(const char *name)
{
    assert_true(find_key(name, 7));
    return number(1) != 0;
}

static inline const char *key_string(const char *name)
{
    assert_true(find_key(name, 8));
    return string();
}

struct tensor {
    uint32_t type, rank;
    uint64_t extents[4];
    const uint8_t *data;
    uint64_t position; /* among the tensors */
};

static inline struct tensor find_tensor(const char *name)
{
    struct tensor found = {0};
    uint64_t keys, tensors = start(&keys), i, offset = 0;
    bool there = false;

    for (i = 0; i < keys; i++) {
        string();
        skip_value((uint32_t)number(4));
    }
    for (i = 0; i < tensors; i++) {
        bool same = strcmp(string(), name) == 0;
        struct tensor t = {.position = i};
        uint64_t where;
        uint32_t k;

        t.rank = (uint32_t)number(4);
        for (k = 0; k < t.rank; k++)
            t.extents[k] = number(8);
        t.type = (uint32_t)number(4);
        where = number(8);
        assert_int_equal(where % 32, 0);
        if (same) {
            found = t;
            offset = where;
            there = true;
        }
    }
    if (!there)
        fail_msg("no tensor %s", name);
    found.data = (const uint8_t *)file.data + (at + 31) / 32 * 32 + offset;
    assert_true((const char *)found.data < file.data + file.len);
    return found;
}

static inline float f32_at(const uint8_t *data, size_t i)
{
    float value;

    memcpy(&value, data + 4 * i, 4);
    return value;
}

static inline uint16_t u16_at(const uint8_t *data, size_t i)
{
    return (uint16_t)(data[2 * i] | data[2 * i + 1] << 8);
}

#endif
