#include "convert/ggml_type.h"

#include <stddef.h>

struct type {
    const char *name;
    uint16_t block_elements, block_bytes;
};

/* By id; holes are types that upstream has taken back. */
static const struct type types[] = {
    [0] = {"f32", 1, 4},         [1] = {"f16", 1, 2},         [2] = {"Q4_0", 32, 18},
    [3] = {"Q4_1", 32, 20},      [6] = {"Q5_0", 32, 22},      [7] = {"Q5_1", 32, 24},
    [8] = {"Q8_0", 32, 34},      [9] = {"Q8_1", 32, 36},      [10] = {"Q2_K", 256, 84},
    [11] = {"Q3_K", 256, 110},   [12] = {"Q4_K", 256, 144},   [13] = {"Q5_K", 256, 176},
    [14] = {"Q6_K", 256, 210},   [15] = {"Q8_K", 256, 292},   [16] = {"IQ2_XXS", 256, 66},
    [17] = {"IQ2_XS", 256, 74},  [18] = {"IQ3_XXS", 256, 98}, [19] = {"IQ1_S", 256, 50},
    [20] = {"IQ4_NL", 32, 18},   [21] = {"IQ3_S", 256, 110},  [22] = {"IQ2_S", 256, 82},
    [23] = {"IQ4_XS", 256, 136}, [24] = {"i8", 1, 1},         [25] = {"i16", 1, 2},
    [26] = {"i32", 1, 4},        [27] = {"i64", 1, 8},        [28] = {"f64", 1, 8},
    [29] = {"IQ1_M", 256, 56},   [30] = {"bf16", 1, 2},       [34] = {"TQ1_0", 256, 54},
    [35] = {"TQ2_0", 256, 66},   [39] = {"MXFP4", 32, 17},    [40] = {"NVFP4", 64, 36},
    [41] = {"Q1_0", 128, 18},
};

static const struct type *find(uint32_t type)
{
    if (type >= sizeof types / sizeof types[0] || !types[type].name)
        return NULL;
    return &types[type];
}

const char *vanta_ggml_type_name(uint32_t type)
{
    const struct type *t = find(type);

    return t ? t->name : NULL;
}

bool vanta_ggml_type_bytes(uint32_t type, uint64_t elements, uint64_t row_elements,
                           uint64_t *bytes)
{
    const struct type *t = find(type);
    uint64_t blocks;

    if (!t || row_elements % t->block_elements || elements % t->block_elements)
        return false;
    blocks = elements / t->block_elements;
    if (blocks > UINT64_MAX / t->block_bytes)
        return false;
    *bytes = blocks * t->block_bytes;
    return true;
}

const char *vanta_gguf_file_type_name(uint64_t file_type)
{
    static const char *const names[] = {
        [0] = "f32",      [1] = "f16",      [2] = "Q4_0",     [3] = "Q4_1",
        [7] = "Q8_0",     [8] = "Q5_0",     [9] = "Q5_1",     [10] = "Q2_K",
        [11] = "Q3_K_S",  [12] = "Q3_K_M",  [13] = "Q3_K_L",  [14] = "Q4_K_S",
        [15] = "Q4_K_M",  [16] = "Q5_K_S",  [17] = "Q5_K_M",  [18] = "Q6_K",
        [19] = "IQ2_XXS", [20] = "IQ2_XS",  [21] = "Q2_K_S",  [22] = "IQ3_XS",
        [23] = "IQ3_XXS", [24] = "IQ1_S",   [25] = "IQ4_NL",  [26] = "IQ3_S",
        [27] = "IQ3_M",   [28] = "IQ2_S",   [29] = "IQ2_M",   [30] = "IQ4_XS",
        [31] = "IQ1_M",   [32] = "bf16",    [36] = "TQ1_0",   [37] = "TQ2_0",
        [38] = "MXFP4",
    };

    file_type &= ~(uint64_t)1024; /* the flag "guessed" */
    return file_type < sizeof names / sizeof names[0] ? names[file_type] : NULL;
}

const char *vanta_whisper_file_type_name(uint32_t ftype)
{
    static const char *const names[] = {
        [0] = "f32",      [1] = "f16",      [2] = "Q4_0",    [3] = "Q4_1",
        [7] = "Q8_0",     [8] = "Q5_0",     [9] = "Q5_1",    [10] = "Q2_K",
        [11] = "Q3_K",    [12] = "Q4_K",    [13] = "Q5_K",   [14] = "Q6_K",
        [15] = "IQ2_XXS", [16] = "IQ2_XS",  [17] = "IQ3_XXS", [18] = "IQ1_S",
        [19] = "IQ4_NL",  [20] = "IQ3_S",   [21] = "IQ2_S",  [22] = "IQ4_XS",
        [23] = "IQ1_M",   [24] = "bf16",    [25] = "MXFP4",
    };

    ftype %= 1000; /* thousands count versions of the quantization */
    return ftype < sizeof names / sizeof names[0] ? names[ftype] : NULL;
}
