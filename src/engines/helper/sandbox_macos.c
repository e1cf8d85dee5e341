/* sandbox_macos.c - a profile for sandbox_init(3), which is marked as deprecated and is
 * what every confined program of the system uses still. */
#if defined(__APPLE__)
#include "engines/helper/sandbox.h"

#include <sandbox.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#pragma clang diagnostic ignored "-Wdeprecated-declarations"

/* Nothing is allowed but what is listed: no network, no exec, no fork. Metal needs the
 * services that compile its kernels and the drivers' user clients. */
static const char profile_start[] =
    "(version 1)\n"
    "(deny default)\n"
    "(allow sysctl-read)\n"
    "(allow file-read-metadata)\n"
    "(allow process-info* (target self))\n"
    "(allow signal (target self))\n"
    "(allow file-read* (subpath \"/usr/lib\") (subpath \"/System\")\n"
    "  (subpath \"/Library/Apple\") (subpath \"/opt/homebrew\")\n"
    "  (subpath \"/usr/local\")\n"
    "  (literal \"/dev/null\") (literal \"/dev/zero\") (literal \"/dev/urandom\")\n"
    "  (literal \"/dev/random\"))\n";

static const char profile_gpu[] =
    "(allow iokit-open)\n"
    "(allow mach-lookup (global-name \"com.apple.MTLCompilerService\")\n"
    "  (global-name \"com.apple.system.opendirectoryd.membership\")\n"
    "  (global-name \"com.apple.cvmsServ\") (global-name \"com.apple.gpumemd.source\"))\n"
    "(allow file-read* file-write*\n"
    "  (regex #\"^/private/var/folders/.*/com\\.apple\\.metal\"))\n";

/* The rule sees paths without links. */
static bool add_path(struct vanta_buf *profile, const char *operations, const char *path)
{
    char *real = realpath(path, NULL);
    const char *c = real ? real : path;
    bool ok = vanta_buf_printf(profile, "(allow %s (subpath \"", operations);

    for (; ok && *c; c++)
        ok = (*c != '"' && *c != '\\') || vanta_buf_puts(profile, "\\")
                 ? vanta_buf_append(profile, c, 1)
                 : false;
    free(real);
    return ok && vanta_buf_puts(profile, "\"))\n");
}

void sandbox_enter(const struct sandbox_spec *spec, char active[SANDBOX_TEXT_MAX])
{
    struct vanta_buf profile = VANTA_BUF(1 << 20);
    bool ok = vanta_buf_puts(&profile, profile_start);
    char *reason = NULL;
    size_t i;

    if (ok && spec->gpu)
        ok = vanta_buf_puts(&profile, profile_gpu);
    for (i = 0; ok && i < spec->n_readable; i++)
        ok = add_path(&profile, "file-read*", spec->readable[i]);
    for (i = 0; ok && i < spec->n_writable; i++)
        ok = add_path(&profile, "file-read* file-write*", spec->writable[i]);
    ok = ok && sandbox_init(profile.data, 0, &reason) == 0;
    if (reason) {
        fprintf(stderr, "sandbox: %s\n", reason);
        sandbox_free_error(reason);
    }
    vanta_buf_free(&profile);
    snprintf(active, SANDBOX_TEXT_MAX, "%s", ok ? "sandbox profile" : "none");
}

#else
typedef int sandbox_macos_is_empty;
#endif
