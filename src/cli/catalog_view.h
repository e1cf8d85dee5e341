/* catalog_view.h - the catalog's models and profiles as text for people, on stdout. */
#ifndef VANTA_CLI_CATALOG_VIEW_H
#define VANTA_CLI_CATALOG_VIEW_H

#include "models/catalog.h"

/* VANTA_TYPE_UNKNOWN: of all types. */
void catalog_print_models(const struct vanta_catalog *catalog,
                          enum vanta_model_type type);
void catalog_print_profiles(const struct vanta_catalog *catalog);
void catalog_print_model(const struct vanta_catalog_model *model);
void catalog_print_profile(const struct vanta_profile *profile);

#endif
