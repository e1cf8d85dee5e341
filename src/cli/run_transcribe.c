/* run_transcribe.c - vanta run of a Whisper model: a recording to text or subtitles. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/output.h"
#include "cli/run.h"
#include "cli/term.h"
#include "models/subtitles.h"

#define TEXT_MAX ((size_t)256 * 1024 * 1024)

struct hearing {
    struct run *run;
    bool live; /* segments are printed as they come */
};

static bool on_event(void *arg, const struct vanta_engine_event *event)
{
    struct hearing *h = arg;

    if (event->kind == VANTA_ENGINE_SEGMENT && h->live) {
        test_line_clear(&h->run->line);
        /* The text of a recording is not ours: nothing in it may command the terminal. */
        run_print_text(event->text + strspn(event->text, " "));
        run_print_text("\n");
    } else if (event->kind == VANTA_ENGINE_PROGRESS) {
        test_line_show(&h->run->line, h->run->phase, event->fraction);
    }
    return true;
}

static enum vanta_status make_subtitles(const struct run *run,
                                        const struct vanta_transcript *t,
                                        struct vanta_buf *out, struct vanta_error *err)
{
    struct vanta_subtitles subtitles;
    enum vanta_status status = vanta_subtitles_start(
        &subtitles, run->options->vtt ? VANTA_SUBTITLES_VTT : VANTA_SUBTITLES_SRT, out,
        err);
    size_t i;

    for (i = 0; i < t->n_segments && status == VANTA_OK; i++)
        status = vanta_subtitles_add(&subtitles,
                                     &(struct vanta_segment){t->segments[i].start_ms,
                                                             t->segments[i].end_ms,
                                                             t->segments[i].text},
                                     out, err);
    return status;
}

static enum vanta_status make_json(const struct run *run, const struct vanta_transcript *t,
                                   struct vanta_buf *out, struct vanta_error *err)
{
    json_t *segments = json_array(), *document;
    enum vanta_status status;
    size_t i;

    for (i = 0; i < t->n_segments; i++)
        json_array_append_new(
            segments, json_pack("{s:I, s:I, s:s}", "start_ms",
                                (json_int_t)t->segments[i].start_ms, "end_ms",
                                (json_int_t)t->segments[i].end_ms, "text",
                                t->segments[i].text));
    document = json_pack("{s:i, s:s, s:s, s:f, s:f, s:f, s:b, s:s, s:o}", "version",
                         JSON_OUTPUT_VERSION, "model", run->entry->id, "language",
                         t->language, "language_probability", t->language_probability,
                         "audio_s", t->audio_s, "engine_ms", t->engine_ms, "truncated",
                         t->truncated, "text", t->text, "segments", segments);
    if (!document)
        return vanta_fail_memory(err);
    status = vanta_json_dump(document, out, err);
    json_decref(document);
    return status;
}

static enum vanta_status make_text(const struct vanta_transcript *t, struct vanta_buf *out,
                                   struct vanta_error *err)
{
    size_t i;

    for (i = 0; i < t->n_segments; i++) {
        const char *text = t->segments[i].text;

        if (!vanta_buf_printf(out, "%s\n", text + strspn(text, " ")))
            return vanta_fail_memory(err);
    }
    return VANTA_OK;
}

static int give(const struct hearing *h, const struct vanta_transcript *t)
{
    const struct run_options *o = h->run->options;
    struct vanta_buf out = VANTA_BUF(TEXT_MAX);
    struct vanta_error err = {0};
    enum vanta_status status = VANTA_OK;
    int code = EXIT_OK;

    if (o->common.json)
        status = make_json(h->run, t, &out, &err);
    else if (o->srt || o->vtt)
        status = make_subtitles(h->run, t, &out, &err);
    else if (!h->live)
        status = make_text(t, &out, &err);
    if (status != VANTA_OK)
        code = report_error(&err);
    else if (!h->live)
        code = run_write_output(h->run->options->output, out.data ? out.data : "", out.len);
    vanta_buf_free(&out);
    return code;
}

static void say_rest(const struct run *run, const struct vanta_transcript *t)
{
    if (t->n_segments == 0 && !run->options->common.quiet)
        warn("%s: no speech was heard in %.1f s", run->input, t->audio_s);
    if (t->truncated)
        warn("%s ends before its header says: the text is of what is there", run->input);
    if (run->options->stats)
        fprintf(stderr, "%.1f s of audio (%s) in %.1f s: real-time factor %.2f\n",
                t->audio_s, t->language, t->engine_ms / 1000,
                t->audio_s > 0 ? t->engine_ms / 1000 / t->audio_s : 0);
}

int run_transcribe(struct run *run)
{
    const struct run_options *o = run->options;
    struct hearing h = {run, !o->srt && !o->vtt && !o->common.json && !o->output};
    char model[VANTA_PATH_MAX], path[PATH_MAX];
    struct vanta_transcribe request = {.path = path,
                                       .language = o->language,
                                       .translate = o->translate,
                                       .beam = (int)o->beam};
    struct vanta_transcript transcript = {0};
    struct vanta_engine *engine;
    struct vanta_error err = {0};
    int code = EXIT_OK;

    if (!run->input)
        return usage_error("run", "which recording? (WAV, FLAC, OGG or MP3)");
    if (!realpath(run->input, path)) {
        vanta_fail(&err, VANTA_ERR_NOT_FOUND, "%s: there is no such file", run->input);
        return report_error(&err);
    }
    if (!vanta_entry_path(run->session->root, run->entry, model))
        return EXIT_CANNOT;
    if (!run_open(run, VANTA_ENGINE_WHISPER, model, path, on_event, &h, &engine, &code))
        return code;
    run->phase = "transcribing";
    if (vanta_engine_transcribe(engine, &request, &transcript, &err) == VANTA_OK) {
        test_line_clear(&run->line);
        code = give(&h, &transcript);
        say_rest(run, &transcript);
    } else {
        test_line_clear(&run->line);
        vanta_hint_named(&err);
        code = report_error(&err);
    }
    vanta_transcript_free(&transcript);
    vanta_engine_close(engine);
    return code;
}
