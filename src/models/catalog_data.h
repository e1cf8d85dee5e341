/* catalog_data.h - the files of catalog/, embedded by cmake/embed.cmake. */
#ifndef VANTA_MODELS_CATALOG_DATA_H
#define VANTA_MODELS_CATALOG_DATA_H

#include <stddef.h>

struct vanta_catalog_data {
    const char *name;
    const unsigned char *data; /* followed by a NUL */
    size_t len;
};

extern const struct vanta_catalog_data vanta_catalog_data[];
extern const size_t vanta_catalog_data_count;

#endif
