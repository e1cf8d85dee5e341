/*
 * setup_print.h - what `vanta setup` says: plan and summary, for people and as JSON lines
 * (docs/setup.md describes those).
 */
#ifndef VANTA_CLI_SETUP_PRINT_H
#define VANTA_CLI_SETUP_PRINT_H

#include "models/fit.h"
#include "models/setup.h"
#include "models/test.h"

/* The plan of --dry-run to stdout; to stderr what of it cannot be done, and why. */
void setup_print_plan(struct vanta_setup *setup, const char *root, const char *root_why);
/* To stdout a table of what is there, to stderr what failed, why and what to do. fit may
 * be NULL. */
void setup_print_summary(struct vanta_setup *setup, const struct vanta_fit *fit,
                         bool quiet);

/* Shows a licence and asks, with no as the default; a vanta_license_question. */
bool setup_ask_license(void *arg, const struct vanta_license *license,
                       const struct vanta_catalog_model *model, const char *text);

/* One JSON object a line on stdout. */
void setup_json_event(const struct vanta_setup_event *event);
void setup_json_plan(struct vanta_setup *setup, const char *root);
void setup_json_test(const struct vanta_setup_item *item, enum vanta_status status,
                     const struct vanta_test_result *result);
void setup_json_error(const struct vanta_error *err);
/* fit may be NULL: there was nothing to judge. */
void setup_json_summary(struct vanta_setup *setup, const struct vanta_fit *fit,
                        int exit_code);

#endif
