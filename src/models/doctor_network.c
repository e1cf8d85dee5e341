/* doctor_network.c - where models can come from: hub, package clients, keys, proxies. */
#include <pthread.h>
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

/* --- questions, each on a thread of its own ---------------------------------------- */

enum { ASK_HUB, ASK_PIP, ASK_NPM, ASK_PIP_INDEX, ASK_NPM_INDEX, QUESTIONS };

struct question {
    struct vanta_fetcher *fetcher;
    const struct vanta_package *package; /* that its index is asked for; NULL: none */
    struct vanta_reach reach;
    pthread_t thread;
    bool threaded;
};

struct doctor_questions {
    struct vanta_fetcher *fetcher;
    struct vanta_error error; /* why there is no fetcher */
    struct question questions[QUESTIONS];
};

static void *ask_hub(void *arg)
{
    struct question *q = arg;

    vanta_reach_hub(q->fetcher, &q->reach);
    return NULL;
}

static void *ask_pip(void *arg)
{
    struct question *q = arg;

    vanta_reach_pip(q->fetcher, &q->reach);
    return NULL;
}

static void *ask_npm(void *arg)
{
    struct question *q = arg;

    vanta_reach_npm(q->fetcher, &q->reach);
    return NULL;
}

/* Starting a client takes it longest: its version is asked for at the same time. */
static void *ask_index(void *arg)
{
    struct question *q = arg;

    if (q->package)
        vanta_reach_index(q->fetcher, q->package, &q->reach);
    return NULL;
}

/* The first package of the catalog that comes from this index. */
static const struct vanta_package *package_of(const struct doctor *d, const char *index)
{
    const struct vanta_package *packages;
    size_t i, n = 0;

    if (!d->options->catalog || d->options->offline)
        return NULL;
    packages = vanta_catalog_packages(d->options->catalog, &n);
    for (i = 0; i < n; i++)
        if (strcmp(packages[i].index, index) == 0)
            return &packages[i];
    return NULL;
}

void doctor_network_ask(struct doctor *d)
{
    static void *(*const ask[QUESTIONS])(void *) = {ask_hub, ask_pip, ask_npm, ask_index,
                                                   ask_index};
    struct vanta_fetch_options options = {.connect_timeout_ms = CONNECT_MS,
                                          .stall_timeout_ms = STALL_MS,
                                          .offline = d->options->offline,
                                          .cancel = d->options->cancel};
    struct doctor_questions *asked = calloc(1, sizeof *asked);
    size_t i;

    d->asked = asked;
    if (!asked || vanta_fetcher_new(&options, &asked->fetcher, &asked->error) != VANTA_OK)
        return;
    asked->questions[ASK_PIP_INDEX].package = package_of(d, "pypi");
    asked->questions[ASK_NPM_INDEX].package = package_of(d, "npm");
    for (i = 0; i < QUESTIONS; i++) {
        struct question *q = &asked->questions[i];

        q->fetcher = asked->fetcher;
        if (i == ASK_HUB && d->options->offline)
            continue;
        q->threaded = pthread_create(&q->thread, NULL, ask[i], q) == 0;
        if (!q->threaded)
            ask[i](q);
    }
}

/* --- what came of them --------------------------------------------------------------- */

static bool tell_hub(struct doctor *d, const struct vanta_reach *reach)
{
    if (reach->reached) {
        doctor_say(d, VANTA_CHECK_OK, "model hub", "%s answers, in %lld ms", reach->what,
                   (long long)reach->milliseconds);
        return true;
    }
    doctor_say(d, VANTA_CHECK_WARN, "model hub", "%s is not reached: %s", reach->what,
               reach->error.message);
    doctor_remedy(d, "%s%sModels that exist as packages come from the package index: vanta "
                     "setup --profile lite.",
                  reach->error.hint, reach->error.hint[0] ? ". " : "");
    return false;
}

/* False when nothing can come from it. */
static bool tell_index(struct doctor *d, const char *topic, const struct question *q)
{
    const struct vanta_reach *reach = &q->reach;

    if (reach->reached) {
        doctor_say(d, VANTA_CHECK_OK, topic, "answers, in %lld ms",
                   (long long)reach->milliseconds);
        return true;
    }
    if (reach->error.status == VANTA_ERR_UNSUPPORTED) {
        doctor_say(d, VANTA_CHECK_OK, topic, "not asked: %s", reach->error.message);
        return true;
    }
    doctor_say(d, VANTA_CHECK_WARN, topic, "%s", reach->error.message);
    doctor_remedy(d, "%s", reach->error.hint[0]
                               ? reach->error.hint
                               : "Check the network and the client's settings; other "
                                 "sources are tried without it.");
    return reach->error.status == VANTA_ERR_NOT_FOUND; /* it answers, after all */
}

static bool tell_client(struct doctor *d, const char *topic,
                        const struct vanta_reach *reach, const char *index_topic,
                        const struct question *index)
{
    if (reach->reached) {
        doctor_say(d, VANTA_CHECK_OK, topic, "%s", reach->what);
        if (index->package)
            return tell_index(d, index_topic, index);
        if (d->options->offline)
            doctor_say(d, VANTA_CHECK_OK, index_topic, "not asked (--offline)");
        return true;
    }
    doctor_say(d, VANTA_CHECK_WARN, topic, "%s", reach->error.message);
    doctor_remedy(d, "%s", reach->error.hint[0] ? reach->error.hint
                                                : "Only models that come as packages of it "
                                                  "need it.");
    return false;
}

void doctor_network(struct doctor *d)
{
    struct doctor_questions *asked = d->asked;
    const struct question *q;
    bool pip, npm, hub = true;
    size_t i;

    if (!asked || !asked->fetcher) {
        doctor_say(d, VANTA_CHECK_FAIL, "network", "%s",
                   asked ? asked->error.message : "memory is out");
        doctor_remedy(d, "%s", asked ? asked->error.hint : "Close other programs.");
        free(asked);
        return;
    }
    for (i = 0; i < QUESTIONS; i++)
        if (asked->questions[i].threaded)
            pthread_join(asked->questions[i].thread, NULL);
    q = asked->questions;
    pip = tell_client(d, "pip", &q[ASK_PIP].reach, "pip's index", &q[ASK_PIP_INDEX]);
    npm = tell_client(d, "npm", &q[ASK_NPM].reach, "npm's index", &q[ASK_NPM_INDEX]);
    if (d->options->offline)
        doctor_say(d, VANTA_CHECK_OK, "model hub", "not asked (--offline)");
    else
        hub = tell_hub(d, &q[ASK_HUB].reach);
    if (!hub && !pip && !npm) {
        doctor_say(d, VANTA_CHECK_FAIL, "sources",
                   "models can come from nowhere: no hub, no package index");
        doctor_remedy(d, "Connect to the network, or install pip or npm.");
    }
    check_token(d);
    check_keys(d);
    check_proxies(d);
    vanta_fetcher_free(asked->fetcher);
    free(asked);
    d->asked = NULL;
}
