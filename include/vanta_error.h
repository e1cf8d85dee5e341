/*
 * vanta_error.h - the one error convention of libvanta.
 *
 * Every function that can fail returns an enum vanta_status and takes a struct
 * vanta_error as its last argument. The caller owns the struct; it has a fixed size, is
 * untouched on success, and may be NULL when only the status matters. The first error
 * wins: later calls on the same struct add context in front of the message.
 *
 * A message says what happened, to which file or URL, at which byte where there is one;
 * the hint says what the user can do next. Both are plain UTF-8 without control
 * characters, cut at a character boundary when they are too long.
 */
#ifndef VANTA_ERROR_H
#define VANTA_ERROR_H

#include <stddef.h>

#if defined(__GNUC__)
#define VANTA_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define VANTA_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default) /* the library is built with all else hidden */
#endif

enum vanta_status {
    VANTA_OK = 0,
    VANTA_ERR_USAGE,       /* the request itself makes no sense */
    VANTA_ERR_NOT_FOUND,   /* no such model, file, profile, page */
    VANTA_ERR_EXISTS,      /* something that may not be replaced is in the way */
    VANTA_ERR_IO,          /* the file system said no */
    VANTA_ERR_NO_SPACE,    /* the disk or quota is full, or would be */
    VANTA_ERR_NO_MEMORY,   /* this process, or the machine for the model */
    VANTA_ERR_FORMAT,      /* bytes from outside are not what they claim to be */
    VANTA_ERR_LIMIT,       /* bytes from outside go beyond a stated cap */
    VANTA_ERR_DIGEST,      /* bytes differ from the digest that judges them */
    VANTA_ERR_NETWORK,     /* no answer: name, route, connection, TLS, time */
    VANTA_ERR_SERVER,      /* an answer, but not the wanted one */
    VANTA_ERR_AUTH,        /* a token or key is missing, wrong or not enough */
    VANTA_ERR_LICENSE,     /* a licence was not accepted */
    VANTA_ERR_CANCELLED,   /* the user or the caller stopped it */
    VANTA_ERR_BUSY,        /* another process holds what this one needs */
    VANTA_ERR_UNSUPPORTED, /* understood, and not possible here */
    VANTA_ERR_TOOL,        /* a program this needs is missing or failed */
    VANTA_ERR_CHECK,       /* a check ran and did not pass */
    VANTA_ERR_INTERNAL     /* a mistake of ours */
};

#define VANTA_ERROR_MESSAGE_MAX 1024
#define VANTA_ERROR_HINT_MAX 512

struct vanta_error {
    enum vanta_status status;
    char message[VANTA_ERROR_MESSAGE_MAX];
    char hint[VANTA_ERROR_HINT_MAX]; /* "" when there is no better advice */
};

/* A short name for logs and --json: "network", "digest", ... Never NULL. */
const char *vanta_status_name(enum vanta_status status);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
