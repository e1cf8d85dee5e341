/*
 * test.h - does this model do its work on this machine?
 *
 * Runs a model's recipe (recipe.h) in the inference helper and writes a receipt into the
 * registry: which bytes, which engine build, which machine, the figures, passed or not.
 * Before it runs the files are hashed, so that a receipt is never one of other bytes.
 * Not responsible for printing, nor for bringing the model there (setup.h).
 *
 *     struct vanta_test_result result;
 *     status = vanta_test_model(&options, entry, &result, err);
 *     ... result.checks, result.figures ...
 *     vanta_test_result_free(&result);
 *
 * VANTA_OK: passed. VANTA_ERR_CHECK: the test ran and failed, or the files are not right;
 * result.message says what, the receipt says so where the bytes were right. VANTA_ERR_AUTH:
 * an API without a key. VANTA_ERR_TOOL: no engine, or it failed in a way that says nothing
 * of the model. Others: it could not be run. A helper that dies or hangs over a model whose
 * bytes are right is a failed test.
 * One model at a time: a test wants all cores. Cost: seconds; loads the model.
 */
#ifndef VANTA_MODELS_TEST_H
#define VANTA_MODELS_TEST_H

#include <jansson.h>
#include <stdatomic.h>

#include "models/registry.h"
#include "vanta_error.h"

#define VANTA_RECEIPTS_MAX 20 /* kept of a model, the newest */

/* phase: "checking the files", "loading", "transcribing"; fraction of the phase, -1:
 * unknown. */
typedef void vanta_test_progress(void *arg, const char *phase, double fraction);

struct vanta_test_options {
    const char *root;
    const struct vanta_catalog *catalog;
    const char *engine; /* the helper; NULL: vanta_engine_find */
    int threads;        /* 0: as the engine chooses */
    bool no_gpu;
    bool files_known;   /* were hashed just now and are right */
    int64_t silence_ms; /* without a word of the helper this long, it hangs; 0: as the
                           engine has it */
    const atomic_bool *cancel;
    vanta_test_progress *progress; /* may be NULL */
    void *arg;
};

struct vanta_test_result {
    bool ran;          /* there is a receipt */
    bool passed;
    json_t *figures;   /* object of numbers and texts, units in the names */
    json_t *checks;    /* array of {check, passed (true, false, null: only a warning),
                          message} */
    char message[512]; /* one line: the first thing that is wrong, "" when nothing is */
    char summary[256]; /* one line of the figures that people look at */
    struct vanta_error record; /* why the receipt could not be written; VANTA_OK: it was */
    double seconds;
};

enum vanta_status vanta_test_model(const struct vanta_test_options *options,
                                   const struct vanta_entry *entry,
                                   struct vanta_test_result *result,
                                   struct vanta_error *err);
void vanta_test_result_free(struct vanta_test_result *result); /* zeroed: fine */

/* The newest receipt of these bytes on this machine by this engine, or NULL; borrowed
 * from the entry. engine_build may be NULL: any. */
const json_t *vanta_test_receipt(const struct vanta_entry *entry,
                                 const char *engine_build);

#endif
