#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

const char *vanta_status_name(enum vanta_status status)
{
    static const char *const names[] = {
        [VANTA_OK] = "ok",
        [VANTA_ERR_USAGE] = "usage",
        [VANTA_ERR_NOT_FOUND] = "not-found",
        [VANTA_ERR_EXISTS] = "exists",
        [VANTA_ERR_IO] = "io",
        [VANTA_ERR_NO_SPACE] = "no-space",
        [VANTA_ERR_NO_MEMORY] = "no-memory",
        [VANTA_ERR_FORMAT] = "format",
        [VANTA_ERR_LIMIT] = "limit",
        [VANTA_ERR_DIGEST] = "digest",
        [VANTA_ERR_NETWORK] = "network",
        [VANTA_ERR_SERVER] = "server",
        [VANTA_ERR_AUTH] = "auth",
        [VANTA_ERR_LICENSE] = "license",
        [VANTA_ERR_CANCELLED] = "cancelled",
        [VANTA_ERR_BUSY] = "busy",
        [VANTA_ERR_UNSUPPORTED] = "unsupported",
        [VANTA_ERR_TOOL] = "tool",
        [VANTA_ERR_CHECK] = "check",
        [VANTA_ERR_INTERNAL] = "internal",
    };

    if ((size_t)status >= sizeof names / sizeof names[0] || !names[status])
        return "unknown";
    return names[status];
}

/* Longer than any field, so that vanta_text_printable does the cutting, at a
 * character's boundary. */
#define SCRATCH_MAX (VANTA_ERROR_MESSAGE_MAX * 2)

static void set_text(char *field, size_t size, const char *fmt, va_list args)
{
    char text[SCRATCH_MAX];

    vsnprintf(text, sizeof text, fmt, args);
    vanta_text_printable(text, field, size);
}

enum vanta_status vanta_fail(struct vanta_error *err, enum vanta_status status,
                             const char *fmt, ...)
{
    va_list args;

    if (!err || err->status != VANTA_OK)
        return status;
    err->status = status;
    err->hint[0] = '\0';
    va_start(args, fmt);
    set_text(err->message, sizeof err->message, fmt, args);
    va_end(args);
    return status;
}

static enum vanta_status status_of_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return VANTA_ERR_NO_SPACE;
    case ENOMEM:
        return VANTA_ERR_NO_MEMORY;
    case ENOENT:
        return VANTA_ERR_NOT_FOUND;
    default:
        return VANTA_ERR_IO;
    }
}

#define NO_ROOM                                                        \
    "free some disk space and run the same command again: it goes on " \
    "where it stopped"
#define NO_ROOM_NAMED "make room there, or choose a place on another disk"
#define TOO_LARGE                                                       \
    "the file system, or a limit (ulimit -f), takes no file so large; " \
    "choose another "
#define OWNER "check who owns the folder, or choose another one with --models-dir"
#define OWNER_NAMED "check who owns the file and its folder, or choose another one"

/* What to do about a file below the models folder, and about one that the user named. */
static const struct {
    int errnum;
    const char *below, *named;
} hints[] = {
    {ENOSPC, NO_ROOM, NO_ROOM_NAMED},
    {EDQUOT, NO_ROOM, NO_ROOM_NAMED},
    {EFBIG, TOO_LARGE "folder with --models-dir", TOO_LARGE "place"},
    {EROFS, "the file system is mounted read-only; choose another folder with --models-dir",
     "the file system is mounted read-only; choose another place"},
    {ENOTDIR, "a part of the path is a file where a folder is wanted; check --models-dir",
     "a part of the path is a file where a folder is wanted; check the path"},
    {EACCES, OWNER, OWNER_NAMED},
    {EPERM, OWNER, OWNER_NAMED},
};

static void hint_of_errno(struct vanta_error *err, int errnum)
{
    size_t i;

    for (i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (hints[i].errnum == errnum)
            vanta_hint(err, "%s", hints[i].below);
}

void vanta_hint_named(struct vanta_error *err)
{
    size_t i;

    for (i = 0; err && i < sizeof hints / sizeof hints[0]; i++)
        if (strcmp(err->hint, hints[i].below) == 0) {
            err->hint[0] = '\0';
            vanta_hint(err, "%s", hints[i].named);
        }
}

enum vanta_status vanta_fail_errno(struct vanta_error *err, int errnum, const char *fmt,
                                   ...)
{
    enum vanta_status status = status_of_errno(errnum);
    char what[SCRATCH_MAX];
    va_list args;

    if (!err || err->status != VANTA_OK)
        return status;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    vanta_fail(err, status, "%s: %s", what, strerror(errnum));
    hint_of_errno(err, errnum);
    return status;
}

enum vanta_status vanta_fail_memory(struct vanta_error *err)
{
    return vanta_fail(err, VANTA_ERR_NO_MEMORY, "out of memory");
}

enum vanta_status vanta_wrap(struct vanta_error *err, const char *fmt, ...)
{
    char context[VANTA_ERROR_MESSAGE_MAX / 2], inner[VANTA_ERROR_MESSAGE_MAX];
    char both[SCRATCH_MAX];
    va_list args;

    if (!err)
        return VANTA_ERR_INTERNAL;
    va_start(args, fmt);
    set_text(context, sizeof context, fmt, args);
    va_end(args);
    memcpy(inner, err->message, sizeof inner);
    snprintf(both, sizeof both, "%s: %s", context, inner);
    vanta_text_printable(both, err->message, sizeof err->message);
    return err->status;
}

void vanta_hint(struct vanta_error *err, const char *fmt, ...)
{
    va_list args;

    if (!err || err->hint[0])
        return;
    va_start(args, fmt);
    set_text(err->hint, sizeof err->hint, fmt, args);
    va_end(args);
}

void vanta_error_clear(struct vanta_error *err)
{
    if (err)
        memset(err, 0, sizeof *err);
}
