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

/* The library's version, "0.1.0". */
const char *vanta_version(void);

#ifdef __cplusplus
}
#endif

#endif
