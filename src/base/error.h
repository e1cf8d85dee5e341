/*
 * error.h - filling a struct vanta_error (include/vanta_error.h has the convention).
 *
 *     return vanta_fail(err, VANTA_ERR_FORMAT, "%s: bad magic at byte 0", path);
 *     ...
 *     status = inner(err);
 *     if (status != VANTA_OK)
 *         return vanta_wrap(err, "reading the catalog");    // "reading ...: bad magic"
 *
 * err may be NULL everywhere. Control characters in the text become '?', so that names
 * from outside cannot reach the terminal as commands.
 */
#ifndef VANTA_BASE_ERROR_H
#define VANTA_BASE_ERROR_H

#include "vanta_error.h"

/* Sets status and message (and clears the hint) when err holds no error yet, else keeps
 * what is there: the first error wins. Returns status. */
enum vanta_status vanta_fail(struct vanta_error *err, enum vanta_status status,
                             const char *fmt, ...) VANTA_PRINTF(3, 4);

/* As vanta_fail, with strerror of errnum behind the message. ENOSPC and EDQUOT become
 * VANTA_ERR_NO_SPACE, ENOMEM VANTA_ERR_NO_MEMORY, ENOENT VANTA_ERR_NOT_FOUND, all else
 * VANTA_ERR_IO. */
enum vanta_status vanta_fail_errno(struct vanta_error *err, int errnum, const char *fmt,
                                   ...) VANTA_PRINTF(3, 4);

enum vanta_status vanta_fail_memory(struct vanta_error *err);

/* Puts "context: " before the message. Returns the status err holds (INTERNAL when err
 * is NULL: then keep the status yourself). */
enum vanta_status vanta_wrap(struct vanta_error *err, const char *fmt, ...)
    VANTA_PRINTF(2, 3);

/* Sets the hint when none is set yet. */
void vanta_hint(struct vanta_error *err, const char *fmt, ...) VANTA_PRINTF(2, 3);

/* Of a failure with a file that the user named (-o FILE): the hint of vanta_fail_errno,
 * which is about the models folder, becomes one about that file. Other hints stay. */
void vanta_hint_named(struct vanta_error *err);

void vanta_error_clear(struct vanta_error *err);

#endif
