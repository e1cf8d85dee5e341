/*
 * package_talk.h - what a package client's failure was, read from what it printed.
 *
 * Not responsible for running it (package_client.h). The addresses of indexes and proxies
 * that clients print are the user's: none gets into a message.
 */
#ifndef VANTA_FETCH_PACKAGE_TALK_H
#define VANTA_FETCH_PACKAGE_TALK_H

#include <stdbool.h>
#include <stddef.h>

#include "fetch/fetch.h"
#include "vanta_error.h"

/* Sets err to what went wrong and what to do, and returns its status: VANTA_ERR_NETWORK,
 * NOT_FOUND, DIGEST, NO_SPACE, AUTH, SERVER, UNSUPPORTED, or TOOL with the scrubbed end
 * of the talk when it is none of the known failures. */
enum vanta_status vanta_package_explain(const struct vanta_package *package,
                                        int exit_code, const char *talk,
                                        struct vanta_error *err);

/* Whether the talk says that the client itself is not there or broken (pip without its
 * module, npm without node), so that another one may be tried. */
bool vanta_package_client_is_broken(int exit_code, const char *talk);

/* How to get the client of an index ("pypi" or "npm") on this system. */
const char *vanta_package_client_advice(const char *index);

/* Copies text with URLs, host names and network addresses replaced by "<address>". What
 * only looks like one is replaced too. Returns strlen(out). */
size_t vanta_package_scrub(const char *text, char *out, size_t size);

#endif
