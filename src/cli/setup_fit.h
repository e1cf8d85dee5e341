/*
 * setup_fit.h - do the models of a set-up fit into this machine's memory together?
 *
 * Of each type the largest counts: an assistant has one of each loaded. What a model takes
 * is read from the registry after the tests, so that it is measured where it can be.
 */
#ifndef VANTA_CLI_SETUP_FIT_H
#define VANTA_CLI_SETUP_FIT_H

#include <jansson.h>

#include "cli/cli.h"
#include "models/fit.h"
#include "models/setup.h"

/* False: there is nothing to judge (only APIs, or all failed). The ids in *fit belong to
 * the catalog. */
bool setup_fit(const struct session *session, struct vanta_setup *setup,
               struct vanta_fit *fit);
/* A line on stdout (not when quiet); on stderr what would fit where they do not. */
void setup_fit_print(const struct vanta_fit *fit, bool quiet);
/* {needed_bytes, available_bytes, fits, measured, advice, models: [{model, bytes}]} */
json_t *setup_fit_json(const struct vanta_fit *fit);

#endif
