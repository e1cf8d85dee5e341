/* setup_select.h - which models and sources the words of `vanta setup` mean. */
#ifndef VANTA_CLI_SETUP_SELECT_H
#define VANTA_CLI_SETUP_SELECT_H

#include "cli/args.h"
#include "models/catalog.h"

#define SELECTION_MAX 1024

struct selection {
    const struct vanta_catalog_model *models[SELECTION_MAX];
    size_t n_models;
    unsigned types;      /* bits 1 << type; 0: all */
    const char *profile; /* whose slots are wanted too; NULL: none, or the default one
                            when there are no models either */
};

/* operands: all, types, ids; models: --models; types: --type. On a word that means
 * nothing prints it with the nearest name to stderr and returns false. */
bool selection_read(struct selection *out, const struct vanta_catalog *catalog,
                    const struct word_list *operands, const struct word_list *models,
                    const struct word_list *types, const char *profile);

/* What --source (given) says, else VANTA_SOURCES, else all; without the hub when
 * HF_HUB_OFFLINE is set. On a mistake prints it and returns false. */
bool selection_classes(const struct word_list *given, unsigned *classes);

#endif
