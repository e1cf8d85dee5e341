/*
 * verify_run.h - what the files behind `vanta verify` share: one run over chosen models.
 */
#ifndef VANTA_CLI_VERIFY_RUN_H
#define VANTA_CLI_VERIFY_RUN_H

#include "base/json.h"
#include "cli/cli.h"
#include "cli/speed.h"
#include "models/verify.h"

struct verify_run {
    struct session *s;
    struct common_options common;
    bool quick, whole, repair, dry_run;
    long jobs;
    struct speed_options speed; /* of the repair */
    json_t *results;
    int code;    /* so far */
    bool warned; /* that outcomes cannot be recorded */
    size_t stopped;
    bool unlooked; /* some could not be verified, for other reasons than being wrong */
    struct vanta_verify_item *items;
    bool *done;
    size_t n, shown; /* items, and those of them whose result was shown */
    int64_t start_ms, drawn_ms;
};

/* The exit code of several models: a failed check says more than one that could not be
 * made. */
void verify_add_code(struct verify_run *run, int code);

/* For vanta_verify_models, with the run as arg: draws the line of progress; shows results
 * in the order of the items, however they end. */
void verify_progress(void *arg, uint64_t bytes, uint64_t total);
void verify_done(void *arg, struct vanta_verify_item *item);
/* Takes the line of progress from the screen. */
void verify_clear(struct verify_run *run);

/* After the verification: repairs what is wrong, or says what would be done (dry_run), and
 * sets the run's code by what came of it. Adds what was done to document (may be NULL). */
void verify_repair(struct verify_run *run, json_t *document);

#endif
