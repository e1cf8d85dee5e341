/*
 * xtts_file.h - the GGUF of an XTTS-v2 model, mapped: its sizes and its tensors.
 *
 * The converter's xtts_layout.h says what the file holds; this reads it for the parts of
 * the engine (GPT, vocoder, cloning), each of which takes the tensors it needs and copies
 * or repacks what it wants to. Not responsible for what the numbers mean.
 *
 *     status = vanta_xtts_file_open(path, &file, err);
 *     status = vanta_xtts_tensor(file, XTTS_F32 | XTTS_F16, 3, (int64_t[]){7, 1024, 512},
 *                                &t, err, "voc.conv_pre.weight");
 *     ... t.data ...
 *     vanta_xtts_file_close(file);
 *
 * Every key is read and bounded at the open, by what a size may be and by what sizes have
 * to do with each other; a tensor is checked when it is taken: name, type, extents, and
 * that its bytes lie in the file. Tensor data belongs to the file and ends with it. The
 * file must not be cut short while it is open (SIGBUS), which is why this runs in the
 * helper. VANTA_ERR_FORMAT, LIMIT (a size beyond the layout's), UNSUPPORTED (another
 * architecture, another tensor type), NOT_FOUND, IO, NO_MEMORY; *out is NULL then.
 *
 * Threads: an open file may be read by many. Cost: the header (a few hundred kB, the
 * tokenizer in it); pages of tensors come in when they are touched.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_FILE_H
#define VANTA_ENGINES_HELPER_XTTS_FILE_H

#include <ggml.h>
#include <gguf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

#define XTTS_STAGES_MAX 8
#define XTTS_KERNELS_MAX 8
#define XTTS_DILATIONS 3    /* of a residual block */
#define XTTS_LEVELS 4       /* of the speaker encoder */
#define XTTS_LATENTS_MAX 256
#define XTTS_WIDTH_MAX 4096
#define XTTS_SPEAKERS_MAX 1024

/* The keys of the file, under their own names. */
struct vanta_xtts_sizes {
    uint32_t blocks, width, feed_forward, heads; /* the GPT's */
    float epsilon;
    uint32_t text_vocabulary, text_positions, text_max_tokens, text_start, text_stop;
    uint32_t audio_vocabulary, audio_positions, audio_max_tokens, audio_start, audio_stop;
    uint32_t code_stride, input_hz, output_hz;
    uint32_t vocoder_width, hop;
    uint32_t rates, rate[XTTS_STAGES_MAX];       /* count, values */
    uint32_t kernels, kernel[XTTS_KERNELS_MAX];
    uint32_t dilations, dilation[XTTS_KERNELS_MAX];
    uint32_t speaker_width, speaker_bands;
    uint32_t speaker_levels, speaker_blocks[XTTS_LEVELS];
    uint32_t cond_bands, cond_blocks, cond_groups;
    uint32_t perceiver_blocks, perceiver_heads, perceiver_feed_forward, latents;
    float temperature, top_p, repetition_penalty;
    uint32_t top_k;
    uint32_t latent_seconds, chunk_seconds, reference_seconds;
    bool normalize;
    uint32_t speakers;                           /* built-in voices */
};

struct vanta_xtts_tensor {
    enum ggml_type type;
    const void *data;
    size_t values, bytes;
};

struct vanta_xtts_file {
    char *path;
    void *map;
    size_t map_bytes;
    struct gguf_context *gguf; /* for other keys: languages, speakers, the tokenizer */
    struct vanta_xtts_sizes sizes;
};

/* Types a tensor may have. */
enum { XTTS_F32 = 1, XTTS_F16 = 2, XTTS_Q8_0 = 4 };

enum vanta_status vanta_xtts_file_open(const char *path, struct vanta_xtts_file **out,
                                       struct vanta_error *err);
void vanta_xtts_file_close(struct vanta_xtts_file *file); /* NULL is fine */

/* The tensor of the name that format makes, of one of the types, with exactly these
 * extents (innermost first; those not given are 1). */
__attribute__((format(printf, 7, 8))) enum vanta_status
vanta_xtts_tensor(const struct vanta_xtts_file *file, int types, int extents,
                  const int64_t *ne, struct vanta_xtts_tensor *out,
                  struct vanta_error *err, const char *format, ...);

/* Values first to first + count of a tensor as floats; of q8_0 both are multiples of 32. */
void vanta_xtts_tensor_floats(const struct vanta_xtts_tensor *tensor, size_t first,
                              size_t count, float *out);

/* A built-in voice's name; valid until the close. NULL: there is no such index. */
const char *vanta_xtts_file_speaker(const struct vanta_xtts_file *file, uint32_t index);

#endif
