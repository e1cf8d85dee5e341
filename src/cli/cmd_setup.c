/* cmd_setup.c - vanta setup: from names to verified, registered models. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/setup_fit.h"
#include "cli/setup_print.h"
#include "cli/setup_select.h"
#include "cli/setup_test.h"
#include "cli/speed.h"
#include "cli/term.h"
#include "convert/encoder_gguf.h"
#include "models/setup.h"

#define JOBS_MAX 32

struct request {
    struct common_options common;
    struct word_list operands, models, types, sources, accepted;
    const char *profile, *weights;
    struct speed_options speed;
    long jobs;
    bool offline, force, unpinned, keep_source, dry_run, require_ready, no_test;
};

static bool parse(int argc, char **argv, struct request *r, int *code)
{
    const struct option_spec options[] = {
        {"profile", 0, OPTION_TEXT, &r->profile, "P", "lite, default or full"},
        {"models", 0, OPTION_MANY, &r->models, "NAME...", "these models (all: every one)"},
        {"type", 0, OPTION_LIST, &r->types, "T", "only whisper, llm, embedding or tts"},
        {"source", 0, OPTION_LIST, &r->sources, "KINDS",
         "only from hub, packages, web, files, mirror (!KIND: not)"},
        {"offline", 0, OPTION_FLAG, &r->offline, NULL, "open no connection"},
        {"jobs", 'j', OPTION_NUMBER, &r->jobs, "N", "files at once (4)"},
        SPEED_OPTIONS(r->speed),
        {"accept-license", 0, OPTION_LIST, &r->accepted, "ID", "accept this licence"},
        {"allow-unpinned", 0, OPTION_FLAG, &r->unpinned, NULL,
         "take files whose digest nobody knows"},
        {"weights", 0, OPTION_TEXT, &r->weights, "TYPE",
         "of XTTS-v2: q8_0 (as is), f16 or f32"},
        {"keep-source", 0, OPTION_FLAG, &r->keep_source, NULL,
         "keep the files that a model is converted from"},
        {"force", 0, OPTION_FLAG, &r->force, NULL,
         "also what needs more memory than there is"},
        {"dry-run", 'n', OPTION_FLAG, &r->dry_run, NULL, "show the plan, change nothing"},
        {"require-ready", 0, OPTION_FLAG, &r->require_ready, NULL,
         "exit 1 unless every model is ready"},
        {"no-test", 0, OPTION_FLAG, &r->no_test, NULL, "leave the models untested"},
        {"quiet", 'q', OPTION_FLAG, &r->common.quiet, NULL, "say only what went wrong"},
        JSON_OPTION(r->common),
        COMMON_OPTIONS(r->common),
    };
    enum vanta_encoder_weights weights;

    if (!command_parse("setup", argc, argv, options, sizeof options / sizeof *options,
                       &r->operands, code))
        return false;
    if (r->jobs > JOBS_MAX) {
        fprintf(stderr, "vanta setup: --jobs is at most %d\n", JOBS_MAX);
        *code = EXIT_USAGE;
        return false;
    }
    if (!speed_parse("setup", &r->speed, code))
        return false;
    if (r->weights && !vanta_encoder_weights_parse(r->weights, &weights)) {
        *code = usage_error("setup", "--weights %s; f32, f16 and q8_0 are what there is",
                            r->weights);
        return false;
    }
    return true;
}

/* Root by sudo from a user's account would leave files in that user's folder that the
 * user cannot change. */
static bool refuse_sudo(const char *root)
{
    const char *sudo = getenv("SUDO_UID"), *user = getenv("SUDO_USER");
    char at[VANTA_PATH_MAX], up[VANTA_PATH_MAX];
    struct stat st;

    if (geteuid() != 0 || !sudo || strtol(sudo, NULL, 10) <= 0 ||
        !vanta_format(at, sizeof at, "%s", root))
        return false;
    while (stat(at, &st) != 0 && vanta_path_parent(up, at) && strcmp(up, at) != 0)
        memcpy(at, up, sizeof at);
    if (stat(at, &st) != 0 || st.st_uid == 0)
        return false;
    fprintf(stderr,
            "vanta: run by sudo from the account %s: the models in %s would belong to "
            "root\n  Run it without sudo; nothing in it needs root. (--force does it all "
            "the same.)\n",
            user ? user : sudo, root);
    return true;
}

/* --- what the library asks and tells --- */

struct talk {
    bool json;
    bool quiet;
    struct progress *progress;
};

static void listen(void *arg, const struct vanta_setup_event *event)
{
    struct talk *talk = arg;
    char shown[1024];

    if (talk->json) {
        setup_json_event(event);
    } else if (talk->progress) {
        progress_event(talk->progress, event);
    } else if (event->kind == VANTA_SETUP_NOTICE && (!talk->quiet || event->warning)) {
        vanta_text_printable(event->message, shown, sizeof shown);
        fprintf(stderr, "%s\n", shown);
    }
}

/* --- running it --- */

/* Tells that the profile does not fit; true when the user takes the one that does. */
static bool offer_profile(struct vanta_setup *setup, const struct vanta_error *err,
                          const struct vanta_profile **taken)
{
    char question[256];

    *taken = NULL;
    if (err->status != VANTA_ERR_NO_SPACE && err->status != VANTA_ERR_NO_MEMORY)
        return false;
    *taken = vanta_setup_fitting_profile(setup);
    if (!*taken)
        return false;
    if (!term_can_ask()) {
        fprintf(stderr, "  The profile %s fits: vanta setup --profile %s\n",
                (*taken)->name, (*taken)->name);
        return false;
    }
    vanta_format(question, sizeof question, "The profile %s fits (%s). Take it?",
                 (*taken)->name, (*taken)->description ? (*taken)->description : "");
    return term_ask(question, true);
}

/* Plan and preflight; when the profile does not fit, once more with another. */
static enum vanta_status prepare(const struct request *r, const struct session *s,
                                 struct vanta_setup_options *o, struct vanta_setup **setup)
{
    const struct vanta_profile *taken;
    struct vanta_error err = {0};
    enum vanta_status status;

    for (;;) {
        status = vanta_setup_new(o, setup, &err);
        if (status == VANTA_OK)
            status = vanta_setup_plan(*setup, &err);
        if (status == VANTA_OK && r->dry_run) {
            status = vanta_setup_fits(*setup, &err);
            vanta_setup_reach(*setup);
        } else if (status == VANTA_OK) {
            status = vanta_setup_preflight(*setup, &err);
        }
        if (*setup && r->dry_run && !r->common.json)
            setup_print_plan(*setup, s->root, s->root_why);
        if (*setup && r->common.json)
            setup_json_plan(*setup, s->root);
        if (status == VANTA_OK)
            return VANTA_OK;
        if (r->common.json)
            setup_json_error(&err);
        report_error(&err);
        if (!*setup || !offer_profile(*setup, &err, &taken))
            return status;
        o->profile = taken->name;
        vanta_setup_free(*setup);
        *setup = NULL;
        vanta_error_clear(&err);
    }
}

static int exit_code(struct vanta_setup *setup, bool require_ready)
{
    const struct vanta_setup_item *items;
    int code = EXIT_OK, its;
    size_t i, n;

    items = vanta_setup_items(setup, &n);
    for (i = 0; i < n; i++) {
        its = exit_code_of(items[i].error.status);
        if (its == EXIT_OK && require_ready && items[i].state != VANTA_STATE_READY)
            its = EXIT_CHECK;
        if (its > code)
            code = its;
    }
    return code;
}

static int run(const struct request *r, const struct session *s,
               struct vanta_setup *setup, struct talk *talk)
{
    struct vanta_setup_item *items;
    uint64_t bytes = 0;
    char text[VANTA_SIZE_TEXT_MAX], root[VANTA_PATH_MAX];
    struct vanta_fit fit;
    size_t i, n;
    bool judged;
    int code;

    items = vanta_setup_items(setup, &n);
    for (i = 0; i < n; i++)
        bytes += items[i].outcome == VANTA_OUTCOME_PENDING ? items[i].network_bytes : 0;
    if (!r->common.quiet && !r->common.json) {
        vanta_text_printable(s->root, root, sizeof root);
        fprintf(stderr, "Models folder: %s (%s)\n", root, s->root_why);
        if (bytes > 0)
            fprintf(stderr, "To download: %s\n", vanta_size_text(bytes, text));
    }
    if (!r->common.json)
        talk->progress = progress_new(bytes, r->common.quiet);
    vanta_setup_run(setup, NULL);
    progress_free(talk->progress);
    talk->progress = NULL;
    if (!r->no_test)
        setup_test_models(s, setup, r->common.json, r->common.quiet);
    code = exit_code(setup, r->require_ready);
    judged = setup_fit(s, setup, &fit);
    if (r->common.json)
        setup_json_summary(setup, judged ? &fit : NULL, code);
    else
        setup_print_summary(setup, judged ? &fit : NULL, r->common.quiet);
    return code;
}

int cmd_setup(int argc, char **argv)
{
    struct request r = {.jobs = 0};
    struct selection selection = {.n_models = 0};
    struct vanta_setup *setup = NULL;
    struct talk talk = {0};
    struct session s;
    struct vanta_setup_options o = {.cancel = &cancelled, .listener = listen, .arg = &talk};
    int code = EXIT_USAGE;

    if (!parse(argc, argv, &r, &code) || !session_open(&s, &r.common, SESSION_CATALOG, &code))
        return code;
    talk.json = r.common.json;
    talk.quiet = r.common.quiet;
    if (!selection_classes(&r.sources, &o.classes) ||
        !selection_read(&selection, s.catalog, &r.operands, &r.models, &r.types,
                        r.profile) ||
        (!r.force && refuse_sudo(s.root))) {
        session_close(&s);
        return EXIT_USAGE;
    }
    o.root = s.root;
    o.catalog = s.catalog;
    o.models = selection.models;
    o.n_models = selection.n_models;
    o.profile = selection.profile;
    o.types = selection.types;
    o.jobs = (unsigned)r.jobs;
    o.connections = (unsigned)r.speed.connections;
    o.limit_rate_bytes = r.speed.bytes_per_second;
    o.offline = r.offline;
    o.force = r.force;
    o.allow_unpinned = r.unpinned;
    o.keep_source = r.keep_source;
    o.weights = r.weights;
    o.accepted = r.accepted.words;
    o.n_accepted = r.accepted.n;
    o.ask = term_can_ask() ? setup_ask_license : NULL;
    code = exit_code_of(prepare(&r, &s, &o, &setup));
    if (code == EXIT_OK)
        code = r.dry_run ? exit_code(setup, false) : run(&r, &s, setup, &talk);
    vanta_setup_free(setup);
    session_close(&s);
    return code;
}
