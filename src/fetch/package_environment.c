#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fetch/package_client.h"

extern char **environ;

static bool is_one_of(const char *name, size_t len, const char *const *names)
{
    for (; *names; names++)
        if (strlen(*names) == len && memcmp(*names, name, len) == 0)
            return true;
    return false;
}

/* npm reads "NPM_CONFIG_DRY_RUN", "npm_config_dry-run" and the like as one setting. */
static bool is_npm_setting(const char *setting, const char *const *settings)
{
    char text[64];
    size_t i, len = strlen(setting);

    if (len >= sizeof text)
        return false;
    for (i = 0; i <= len; i++)
        text[i] = setting[i] == '-' ? '_' : setting[i];
    for (; *settings; settings++)
        if (vanta_streq_nocase(text, *settings))
            return true;
    return false;
}

bool vanta_package_keeps_variable(const char *variable)
{
    /* Of pip's settings only those of how its index is reached: others (a target, a
     * constraint file, --require-virtualenv, ...) would change what is downloaded. */
    static const char *const pip[] = {
        "PIP_INDEX_URL",     "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX",
        "PIP_FIND_LINKS",    "PIP_TRUSTED_HOST",    "PIP_CERT",
        "PIP_CLIENT_CERT",   "PIP_PROXY",           "PIP_TIMEOUT",
        "PIP_RETRIES",       "PIP_DEFAULT_TIMEOUT", "PIP_KEYRING_PROVIDER",
        "PIP_CONFIG_FILE",   "PIP_USE_FEATURE",     "PIP_USE_DEPRECATED",
        "PIP_RESUME_RETRIES", NULL};
    static const char *const dropped[] = {"TMPDIR", "TMP", "TEMP", "LANGUAGE", "LC_ALL",
                                          "TERM",   NULL};
    static const char *const prefixes[] = {"HF_",        "HUGGING",     "TRANSFORMERS_",
                                           "OPENAI_",    "ANTHROPIC_",  "PYTHON",
                                           "VANTA_",     "npm_config_", "NPM_CONFIG_",
                                           "LC_MESSAGES", NULL};
    static const char *const npm[] = {"dry_run", "workspace", "workspaces",
                                      "global",  "json",    "cache",     "tmp",
                                      "loglevel", "pack_destination", NULL};
    size_t len = strcspn(variable, "="), i;
    char name[256];

    if (len == 0 || len >= sizeof name || variable[len] != '=')
        return false;
    memcpy(name, variable, len);
    name[len] = '\0';
    if (vanta_has_prefix(name, "PIP_"))
        return is_one_of(name, len, pip);
    if (vanta_has_suffix(name, "_API_KEY") || vanta_has_suffix(name, "_API_TOKEN") ||
        is_one_of(name, len, dropped))
        return false;
    for (i = 0; prefixes[i]; i++)
        if (vanta_has_prefix(name, prefixes[i]))
            return vanta_streq_nocase(prefixes[i], "npm_config_") &&
                   !is_npm_setting(name + 11, npm);
    return true;
}

void vanta_package_environment_free(char **list)
{
    char **item;

    for (item = list; item && *item; item++)
        free(*item);
    free(list);
}

char **vanta_package_environment(const char *work)
{
    char **out, **from;
    size_t n = 0, i;
    bool ok = true;

    for (from = environ; *from; from++)
        n++;
    out = calloc(n + 12, sizeof *out);
    if (!out)
        return NULL;
    n = 0;
    for (from = environ; *from && ok; from++)
        if (vanta_package_keeps_variable(*from))
            ok = (out[n++] = vanta_strdup(*from)) != NULL;
    if (ok) {
        size_t first = n;

        out[n++] = vanta_strf("TMPDIR=%s/tmp", work);
        out[n++] = vanta_strf("TMP=%s/tmp", work);
        out[n++] = vanta_strf("TEMP=%s/tmp", work);
        out[n++] = vanta_strdup("PIP_REQUIRE_VIRTUALENV=0");
        out[n++] = vanta_strdup("LC_ALL=C"); /* its talk is read */
        out[n++] = vanta_strdup("TERM=dumb");
        out[n++] = vanta_strdup("NO_COLOR=1");
        out[n++] = vanta_strdup("npm_config_update_notifier=false");
        for (i = first; i < n; i++)
            ok = ok && out[i];
    }
    if (ok)
        return out;
    for (i = 0; i < n; i++)
        free(out[i]);
    free(out);
    return NULL;
}
