/* catalog_json.h - the catalog's models and profiles as JSON for programs. */
#ifndef VANTA_CLI_CATALOG_JSON_H
#define VANTA_CLI_CATALOG_JSON_H

#include <jansson.h>

#include "models/catalog.h"

/* New references; NULL when memory is out. full: with files, sources, preparations and
 * the test recipe. */
json_t *catalog_model_json(const struct vanta_catalog_model *model, bool full);
json_t *catalog_profile_json(const struct vanta_profile *profile);

/* Prints a document to stdout with the output's version in front, and drops the
 * reference. Returns the exit code. */
int catalog_json_print(json_t *document);

#endif
