/*
 * library.h - loading a shared library when it is first needed.
 *
 * libcurl and libarchive bring dozens of libraries with them (8 ms for a process that
 * never uses them), so the program does not link them: their users keep a table of
 * function pointers that is filled once.
 */
#ifndef VANTA_BASE_LIBRARY_H
#define VANTA_BASE_LIBRARY_H

#include <stddef.h>

#include "vanta_error.h"

struct vanta_library_symbol {
    const char *name;
    void *slot; /* address of a function pointer that gets the symbol */
};

/* Opens names (soname or absolute path; tried in order, ends with NULL) and fills all
 * slots. The library stays loaded. VANTA_ERR_TOOL with package as the advice's subject.
 * Not for two threads at once on the same slots: callers use pthread_once. */
enum vanta_status vanta_library_load(const char *const *names, const char *package,
                                     const struct vanta_library_symbol *symbols, size_t n,
                                     struct vanta_error *err);

#endif
