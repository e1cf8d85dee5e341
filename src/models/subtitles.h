/*
 * subtitles.h - a transcript's segments as SubRip (.srt) or WebVTT (.vtt).
 *
 *     struct vanta_subtitles subtitles;
 *     status = vanta_subtitles_start(&subtitles, VANTA_SUBTITLES_VTT, &buf, err);
 *     status = vanta_subtitles_add(&subtitles, &segment, &buf, err);    // each in turn
 *
 * Everything is appended to the caller's buffer, which may be written out and emptied
 * between the calls; nothing has to be freed or ended. Not responsible for: wrapping
 * lines, merging or sorting segments.
 *
 * A segment's text becomes one line: runs of white space are one space, white space at
 * the ends goes, all other control characters and bytes that are not UTF-8 become '?'.
 * An arrow "-->" in it cannot pass for a cue's times: WebVTT has & < > as entities, and
 * in SubRip, which has no escapes, it is written "-- >". A segment without text is left
 * out. Times below 0 are 0, an end before its start is the start.
 *
 * Format: www.w3.org/TR/webvtt1; SubRip has no document: number, times with a comma,
 * text, an empty line.
 * Statuses: VANTA_ERR_LIMIT when the buffer's cap is reached, VANTA_ERR_NO_MEMORY; the
 * buffer and the struct are then as before the call.
 */
#ifndef VANTA_MODELS_SUBTITLES_H
#define VANTA_MODELS_SUBTITLES_H

#include <stdint.h>

#include "base/buf.h"
#include "vanta_error.h"

struct vanta_segment {
    int64_t start_ms, end_ms;
    const char *text;
};

enum vanta_subtitles_format {
    VANTA_SUBTITLES_SRT,
    VANTA_SUBTITLES_VTT
};

struct vanta_subtitles {
    enum vanta_subtitles_format format;
    uint32_t cues; /* written so far */
};

enum vanta_status vanta_subtitles_start(struct vanta_subtitles *subtitles,
                                        enum vanta_subtitles_format format,
                                        struct vanta_buf *out, struct vanta_error *err);
enum vanta_status vanta_subtitles_add(struct vanta_subtitles *subtitles,
                                      const struct vanta_segment *segment,
                                      struct vanta_buf *out, struct vanta_error *err);

#endif
