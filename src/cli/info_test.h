/*
 * info_test.h - what `vanta info` says of a model's tests and of the engine here.
 *
 * Starts the inference helper once, without a model, to ask what it can use (some tens of
 * milliseconds); one that does not start is a line, not a failure.
 */
#ifndef VANTA_CLI_INFO_TEST_H
#define VANTA_CLI_INFO_TEST_H

#include <jansson.h>

#include "models/registry.h"

/* Lines "name: value" on stdout: the newest receipt, the last benchmark, the engine. */
void info_print_tests(const struct vanta_entry *entry);
/* {build, devices, backends, features, cores}, or null where there is no engine. */
json_t *info_engine_json(void);

#endif
