/* test_transcribe.c - a Whisper model hears the reference recordings. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "models/test_private.h"
#include "models/word_error_rate.h"

static const struct vanta_json_doc clips_doc = {"the reference recordings"};

struct hearing {
    struct test *test;
    uint32_t words, errors;
    double audio_s, engine_ms, decode_ms;
    size_t other_language;
    char languages[64], first_wrong[256];
    bool silent; /* no word was heard in one of them */
};

static void add_errors(struct hearing *h, const char *spoken, const char *heard,
                       const struct vanta_word_errors *e)
{
    h->words += e->words;
    h->errors += e->substituted + e->deleted + e->inserted;
    if (e->rate > 0 && !h->first_wrong[0])
        snprintf(h->first_wrong, sizeof h->first_wrong, "\"%.110s\" was heard as \"%.110s\"",
                 spoken, heard);
}

static enum vanta_status hear(struct hearing *h, const json_t *clip,
                              struct vanta_error *err)
{
    const struct vanta_catalog_data *file;
    const char *name = NULL, *text = NULL;
    struct vanta_transcribe request = {0};
    struct vanta_transcript heard = {0};
    struct vanta_word_errors errors;
    enum vanta_status status =
        vanta_json_string(&clips_doc, clip, "", "file", true, &name, err);

    if (status == VANTA_OK)
        status = vanta_json_string(&clips_doc, clip, "", "text", true, &text, err);
    if (status != VANTA_OK)
        return status;
    file = vanta_recipe_data(name);
    if (!file)
        return vanta_fail(err, VANTA_ERR_INTERNAL, "%s is not part of this program", name);
    request.audio = file->data;
    request.audio_bytes = file->len;
    status = vanta_engine_transcribe(h->test->engine, &request, &heard, err);
    if (status == VANTA_OK)
        status = vanta_word_error_rate(text, heard.text, &errors, err);
    if (status == VANTA_OK) {
        add_errors(h, text, heard.text, &errors);
        h->audio_s += heard.audio_s;
        h->engine_ms += heard.engine_ms;
        h->decode_ms += heard.decode_ms;
        h->silent |= heard.n_segments == 0;
        if (strcmp(heard.language, "en") != 0) {
            h->other_language++;
            snprintf(h->languages, sizeof h->languages, "%s", heard.language);
        }
    }
    vanta_transcript_free(&heard);
    return status;
}

static enum vanta_status judge(struct hearing *h, size_t n, struct vanta_error *err)
{
    struct test *test = h->test;
    double rate = h->words ? (double)h->errors / h->words : 1;
    double real_time = h->audio_s > 0 ? h->engine_ms / 1000 / h->audio_s : 0;
    double most = test->recipe.word_error_rate_max;
    enum vanta_status status;

    test_figure(test, "word_error_rate", rate);
    test_figure(test, "words", h->words);
    test_figure(test, "audio_s", h->audio_s);
    test_figure(test, "real_time_factor", real_time);
    test_figure(test, "decode_ms", h->decode_ms);
    test_summary(test, "word error rate %.3f, real-time factor %.2f", rate, real_time);
    status = test_check(test, "words", !h->silent, err,
                        h->silent ? "a recording of speech was heard as silence"
                                  : "words were heard in all recordings");
    if (status == VANTA_OK)
        status = test_check(test, "language", h->other_language == 0, err,
                            h->other_language == 0
                                ? "English was recognized"
                                : "%zu of %zu English recordings were taken for another "
                                  "language (%s)",
                            h->other_language, n, h->languages);
    if (status != VANTA_OK)
        return status;
    if (most < 0)
        return test_warn(test, "word error rate", err,
                         "%.3f; nobody has calibrated a bound for this model", rate);
    return test_check(test, "word error rate", rate <= most, err,
                      rate <= most ? "%.3f, at most %.3f"
                                   : "the word error rate is %.3f, more than %.3f: %s",
                      rate, most, h->first_wrong);
}

enum vanta_status test_transcribe(struct test *test, struct vanta_error *err)
{
    struct hearing hearing = {.test = test};
    char path[VANTA_PATH_MAX];
    json_t *document = NULL;
    const json_t *clips = NULL;
    size_t i, n;
    enum vanta_status status;

    if (!vanta_entry_path(test->options->root, test->entry, path))
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s has no file", test->entry->id);
    status = vanta_recipe_json("speech.json", &document, err);
    if (status == VANTA_OK)
        status = vanta_json_array(&clips_doc, document, "", "clips", true, 64, &clips, err);
    if (status == VANTA_OK)
        status = test_open(test, VANTA_ENGINE_WHISPER, path, err);
    n = json_array_size(clips);
    for (i = 0; i < n && status == VANTA_OK; i++) {
        test_phase(test, "transcribing", (double)i / (double)n);
        status = hear(&hearing, json_array_get(clips, i), err);
    }
    if (status == VANTA_OK)
        status = judge(&hearing, n, err);
    json_decref(document);
    return status;
}
