/*
 * wav.h - speech into a WAV file, or as bare samples, while it is being made.
 *
 *     struct vanta_wav wav;
 *     vanta_wav_open(&wav, "out.wav", -1, false, err);
 *     vanta_wav_add(&wav, samples, n, err);         // any number of times
 *     vanta_wav_finish(&wav, err);                  // now the file has its name
 *     vanta_wav_abandon(&wav);                      // or not, and nothing is left
 *
 * 16 bits, one channel, VANTA_SPEAK_HZ. A stream (path NULL, a descriptor that stays the
 * caller's; or path is a device or a pipe, which is opened) cannot have its length in the
 * header: both lengths are then 0xFFFFFFFF, as players take for "to the end"; so are those
 * of more than 4 GiB. What a killed run left of path goes when path is opened. Not
 * responsible for other formats. path is borrowed. Statuses as base/file.h. One thread at
 * a time.
 * Source of the format: RIFF, "Multimedia Programming Interface", IBM and Microsoft, 1991.
 */
#ifndef VANTA_MODELS_WAV_H
#define VANTA_MODELS_WAV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/path.h"
#include "vanta_error.h"

struct vanta_wav {
    const char *path; /* NULL: a descriptor of the caller's */
    char temporary[VANTA_PATH_MAX]; /* "": a stream */
    int fd;
    bool bare;     /* samples without a header */
    uint64_t bytes; /* of samples */
};

enum vanta_status vanta_wav_open(struct vanta_wav *wav, const char *path, int fd,
                                 bool bare, struct vanta_error *err);
enum vanta_status vanta_wav_add(struct vanta_wav *wav, const int16_t *samples, size_t n,
                                struct vanta_error *err);
enum vanta_status vanta_wav_finish(struct vanta_wav *wav, struct vanta_error *err);
void vanta_wav_abandon(struct vanta_wav *wav); /* after a failure or finish: fine */

#endif
