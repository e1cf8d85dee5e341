/* reach_index.c - does the user's own client get an answer of its index? */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "fetch/engine.h"
#include "fetch/package.h"
#include "fetch/package_client.h"
#include "fetch/package_talk.h"

extern char **environ;

#define ANSWER_MS 12000
#define POLL_MS 50
#define TALK_MAX_BYTES ((size_t)1 << 20)
#define ARGS_MAX 16

/* A folder of its own below TMPDIR, with what the client is told of it. */
struct place {
    char work[VANTA_PATH_MAX], out[VANTA_PATH_MAX], talk[VANTA_PATH_MAX];
    char tmp[VANTA_PATH_MAX], variable[VANTA_PATH_MAX + 16];
};

static enum vanta_status make_place(struct place *p, struct vanta_error *err)
{
    const char *tmp = getenv("TMPDIR");
    enum vanta_status status;

    if (!vanta_format(p->work, sizeof p->work, "%s/vanta-index-XXXXXX",
                      tmp && tmp[0] == '/' ? tmp : "/tmp") ||
        !mkdtemp(p->work)) {
        p->work[0] = '\0';
        return vanta_fail(err, VANTA_ERR_IO, "no folder could be made in %s",
                          tmp && tmp[0] == '/' ? tmp : "/tmp");
    }
    if (!vanta_path_join(p->out, p->work, "out") ||
        !vanta_path_join(p->tmp, p->work, "tmp") ||
        !vanta_path_join(p->talk, p->work, "talk") ||
        !vanta_format(p->variable, sizeof p->variable, "TMPDIR=%s", p->tmp))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", p->work);
    status = vanta_dir_make(p->out, err);
    return status == VANTA_OK ? vanta_dir_make(p->tmp, err) : status;
}

/* Ours without what the client is not given; points into ours. NULL: no memory. */
static const char **make_environment(const struct place *p)
{
    static const char *const more[] = {"PIP_REQUIRE_VIRTUALENV=0", "LC_ALL=C", "TERM=dumb",
                                       "NO_COLOR=1", "npm_config_update_notifier=false"};
    size_t n = 0, i;
    const char **out;

    while (environ[n])
        n++;
    out = calloc(n + sizeof more / sizeof more[0] + 2, sizeof *out);
    if (!out)
        return NULL;
    for (i = n = 0; environ[i]; i++)
        if (vanta_package_keeps_variable(environ[i]))
            out[n++] = environ[i];
    for (i = 0; i < sizeof more / sizeof more[0]; i++)
        out[n++] = more[i];
    out[n] = p->variable;
    return out;
}

/* Asks for the versions of one package: small, and the index has to be reached for it. */
static enum vanta_status run(const struct place *p, const char *client,
                             const struct vanta_package *package,
                             const atomic_bool *cancel, int *exit_code,
                             struct vanta_error *err)
{
    static const char *const module[] = {"-I", "-m", "pip"};
    static const char *const pip[] = {"--disable-pip-version-check", "--no-input",
                                      "--no-cache-dir", "--retries=0", "--timeout=5"};
    static const char *const npm[] = {"version", "--loglevel=error", "--fetch-retries=0",
                                      "--fetch-timeout=5000"};
    bool is_npm = strcmp(package->index, "npm") == 0, ended = false;
    const char *argv[ARGS_MAX] = {client}, **environment = make_environment(p);
    struct vanta_process_spec spec = {.argv = argv, .cwd = p->out, .output = p->talk,
                                      .die_with_parent = true};
    int64_t end = vanta_clock_ms() + ANSWER_MS;
    struct vanta_process process = {0};
    char what[300], cache[VANTA_PATH_MAX + 16];
    enum vanta_status status;
    size_t n = 1, i;

    if (!environment)
        return vanta_fail_memory(err);
    for (i = 0; strcmp(vanta_path_base(client), "python3") == 0 && i < 3; i++)
        argv[n++] = module[i];
    argv[n++] = is_npm ? "view" : "index";
    if (!is_npm)
        argv[n++] = "versions";
    vanta_format(what, sizeof what, is_npm ? "%s@%s" : "%s", package->name,
                 package->version);
    argv[n++] = what;
    for (i = 0; is_npm && i < sizeof npm / sizeof npm[0]; i++)
        argv[n++] = npm[i];
    vanta_format(cache, sizeof cache, "--cache=%s", p->tmp);
    if (is_npm)
        argv[n++] = cache;
    for (i = 0; !is_npm && i < sizeof pip / sizeof pip[0]; i++)
        argv[n++] = pip[i];
    spec.envp = environment;
    status = vanta_process_start(&process, &spec, err);
    while (status == VANTA_OK && !ended && vanta_clock_ms() < end &&
           !(cancel && atomic_load(cancel)))
        ended = vanta_process_wait(&process, POLL_MS);
    vanta_process_stop(&process);
    free(environment);
    *exit_code = process.exit_code;
    if (status != VANTA_OK || ended)
        return status;
    if (cancel && atomic_load(cancel))
        return vanta_fail(err, VANTA_ERR_CANCELLED, "stopped");
    vanta_fail(err, VANTA_ERR_NETWORK, "no answer came in %d seconds", ANSWER_MS / 1000);
    vanta_hint(err, "check the network, and the index that %s is set up for",
               is_npm ? "npm" : "pip");
    return VANTA_ERR_NETWORK;
}

/* Whether a word of the text is this version: words end at white space, commas and
 * brackets. */
static bool names_version(const char *talk, const char *version)
{
    while (*talk) {
        size_t len = strcspn(talk, " ,()\r\n\t");

        if (len == strlen(version) && strncmp(talk, version, len) == 0)
            return true;
        talk += len + (talk[len] != '\0');
    }
    return false;
}

static enum vanta_status judge(const struct vanta_package *package, int exit_code,
                               const char *talk, struct vanta_error *err)
{
    if (exit_code != 0 && strstr(talk, "unknown command"))
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "this pip is too old to be asked for versions");
    if (exit_code != 0)
        return vanta_package_explain(package, exit_code, talk, err);
    if (names_version(talk, package->version))
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_NOT_FOUND, "the index answers, and has no %s %s",
               package->name, package->version);
    vanta_hint(err, "it was withdrawn, or this index does not carry it: other sources "
                    "may have its models");
    return VANTA_ERR_NOT_FOUND;
}

static enum vanta_status ask(const struct vanta_fetcher *f, const char *client,
                             const struct vanta_package *package, struct vanta_error *err)
{
    struct vanta_buf talk = VANTA_BUF(TALK_MAX_BYTES);
    struct place place = {.work = ""};
    enum vanta_status status = make_place(&place, err);
    int exit_code = 0;

    if (status == VANTA_OK)
        status = run(&place, client, package, f->options.cancel, &exit_code, err);
    if (status == VANTA_OK) {
        vanta_file_read(place.talk, &talk, NULL); /* as much as there is */
        status = judge(package, exit_code, talk.data ? talk.data : "", err);
    }
    if (place.work[0])
        vanta_remove_tree(place.work, NULL);
    vanta_buf_free(&talk);
    return status;
}

void vanta_reach_index(struct vanta_fetcher *f, const struct vanta_package *package,
                       struct vanta_reach *out)
{
    int64_t start = vanta_clock_ms();
    char client[VANTA_PATH_MAX];
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    vanta_format(out->what, sizeof out->what, "%.120s %.60s", package->name,
                 package->version);
    if (f->options.offline)
        status = vanta_fail(&out->error, VANTA_ERR_NETWORK,
                            "indexes are not asked in offline mode");
    else
        status = vanta_package_client(package->index, client, NULL, &out->error);
    if (status == VANTA_OK)
        status = ask(f, client, package, &out->error);
    out->reached = status == VANTA_OK;
    out->milliseconds = vanta_clock_ms() - start;
}
