/*
 * setup_test.h - the last step of vanta setup: what was brought is tested here.
 *
 * Only models that are verified and untested (or failed before), and only when there is an
 * engine; API models are left out, since testing one costs money. An item whose test
 * failed carries the error.
 */
#ifndef VANTA_CLI_SETUP_TEST_H
#define VANTA_CLI_SETUP_TEST_H

#include "cli/cli.h"
#include "models/setup.h"

/* Says on stderr when there is no engine, unless quiet. */
void setup_test_models(const struct session *session, struct vanta_setup *setup,
                       bool json, bool quiet);

#endif
