/*
 * vanta.h - the public API of libvanta: which models are here, and are they right.
 */
#ifndef VANTA_H
#define VANTA_H

#include <stddef.h>

#include "vanta_error.h"

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default) /* the library is built with all else hidden */
#endif

/* The library's version, "0.1.0". */
const char *vanta_version(void);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
