/* test_private.h - what the files behind test.h share: one test at work. */
#ifndef VANTA_MODELS_TEST_PRIVATE_H
#define VANTA_MODELS_TEST_PRIVATE_H

#include "base/path.h"
#include "models/recipe.h"
#include "models/test.h"

struct test {
    const struct vanta_test_options *options;
    const struct vanta_entry *entry;
    const struct vanta_catalog_model *model; /* NULL: not in the catalog */
    struct vanta_recipe recipe;
    struct vanta_test_result *result;
    struct vanta_engine *engine; /* NULL until test_open */
    bool was_opened; /* or it was tried */
    char build[VANTA_ENGINE_BUILD_MAX];
    const char *phase;
    vanta_engine_listener *audio; /* gets AUDIO events; may be NULL */
    void *audio_arg;
    const char *readable; /* a file that the helper may read besides; NULL: none */
};

/* --- test.c --- */

void test_phase(struct test *test, const char *phase, double fraction);
/* Starts the helper on path and notes the figures of the load. */
enum vanta_status test_open(struct test *test, enum vanta_engine_kind kind,
                            const char *path, struct vanta_error *err);
/* Notes one check and, when it failed, the result's message. */
enum vanta_status test_check(struct test *test, const char *check, bool passed,
                             struct vanta_error *err, const char *fmt, ...)
    VANTA_PRINTF(5, 6);
/* Notes a figure that no bound judges. */
enum vanta_status test_warn(struct test *test, const char *check, struct vanta_error *err,
                            const char *fmt, ...) VANTA_PRINTF(4, 5);
void test_figure(struct test *test, const char *name, double value);
void test_figure_text(struct test *test, const char *name, const char *value);
void test_summary(struct test *test, const char *fmt, ...) VANTA_PRINTF(2, 3);

/* --- one file each; VANTA_OK: it ran, the checks say how --- */

enum vanta_status test_transcribe(struct test *test, struct vanta_error *err);
enum vanta_status test_questions(struct test *test, struct vanta_error *err);
enum vanta_status test_embed(struct test *test, struct vanta_error *err);
enum vanta_status test_speak(struct test *test, struct vanta_error *err);

/* --- test_speak.c, for both kinds of speech --- */

extern const char test_speak_sentences[];
/* Length, loudness and clipping of the audio file, which engine may read. */
enum vanta_status test_speak_audio(struct test *test, struct vanta_engine *engine,
                                   const char *path, struct vanta_error *err);
/* The words that a ready Whisper model hears, compared; a warning without one. */
enum vanta_status test_speak_hear(struct test *test, const char *path,
                                  struct vanta_error *err);
/* test_say.c: by a model on this machine; path is a file that may be written. */
enum vanta_status test_say(struct test *test, const char *path, struct vanta_error *err);
/* As test_speak_audio by an engine that has no model, and the silence around the words. */
enum vanta_status test_say_audio(struct test *test, const char *path,
                                 struct vanta_error *err);

#endif
