/* completion.h - the completion scripts of completion/, embedded by cmake/embed.cmake. */
#ifndef VANTA_CLI_COMPLETION_H
#define VANTA_CLI_COMPLETION_H

#include "models/catalog_data.h"

extern const struct vanta_catalog_data vanta_completion_data[];

#endif
