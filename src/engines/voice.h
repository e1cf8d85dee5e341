/*
 * voice.h - the file in which the voice of a text-to-speech model is kept.
 *
 * A voice is made from recordings (request clone of the helper) and is all that is needed
 * to speak with it: the recordings are not in it. It belongs to the model it was made
 * with. Not responsible for where the file is, for making voices, or for their use.
 *
 *     status = vanta_voice_encode(&voice, &buf, err);              // write buf to a file
 *     status = vanta_voice_decode(data, len, "anna.voice", &voice, err);
 *     vanta_voice_free(&voice);
 *
 * The file, little-endian, docs/voice-file.md:
 *     8 bytes   "VNTVOICE"
 *     u32       version, 1
 *     u32       rows of latents R (1 to 256), their columns C (1 to 4096),
 *               values of the embedding S (1 to 4096)
 *     32 bytes  SHA-256 of the checkpoint whose model made it; zeros: not known
 *     u32       bytes of the name N (1 to 255), then the name, UTF-8 without control
 *               characters
 *     f32       R x C latents, row by row, then S of the embedding, all finite
 *     32 bytes  SHA-256 of everything before
 * and nothing behind.
 *
 * Statuses: VANTA_ERR_FORMAT (no voice, damaged, cut short: the message says where),
 * UNSUPPORTED (a later version), LIMIT, NO_MEMORY; encode: USAGE for what may not be in a
 * file. After a failure *out is zeroed.
 * Threads: any, on their own structs. Memory: the values, 133 kB for XTTS-v2.
 */
#ifndef VANTA_ENGINES_VOICE_H
#define VANTA_ENGINES_VOICE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "vanta_error.h"

#define VANTA_VOICE_ROWS_MAX 256
#define VANTA_VOICE_COLUMNS_MAX 4096
#define VANTA_VOICE_SPEAKER_MAX 4096
#define VANTA_VOICE_NAME_MAX 256 /* with the NUL */
#define VANTA_VOICE_BYTES_MAX ((size_t)5 << 20) /* more than any voice has */

struct vanta_voice {
    char name[VANTA_VOICE_NAME_MAX];
    uint32_t rows, columns, speaker;
    uint8_t model[VANTA_SHA256_BYTES];
    float *values; /* rows x columns, then speaker; from malloc */
};

size_t vanta_voice_floats(const struct vanta_voice *voice);

/* out is a buffer with a cap of VANTA_VOICE_BYTES_MAX. */
enum vanta_status vanta_voice_encode(const struct vanta_voice *voice,
                                     struct vanta_buf *out, struct vanta_error *err);

/* name is the file's, for messages. */
enum vanta_status vanta_voice_decode(const void *data, size_t len, const char *name,
                                     struct vanta_voice *out, struct vanta_error *err);

void vanta_voice_free(struct vanta_voice *voice); /* zeroed is fine */

#endif
