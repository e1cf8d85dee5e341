/* run_speak.c - vanta run of a speech API: a text to an audio file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cli/output.h"
#include "cli/run.h"
#include "engines/speech.h"

#define TEXT_MAX ((size_t)64 * 1024)

/* The format is that of --format, else the one of the file's suffix, else MP3. */
static bool choose_format(const struct run_options *o, enum vanta_speech_format *format)
{
    const char *dot = o->output ? strrchr(o->output, '.') : NULL;

    *format = VANTA_SPEECH_MP3;
    if (!o->format) {
        if (dot)
            vanta_speech_format_parse(dot + 1, format);
        return true;
    }
    if (vanta_speech_format_parse(o->format, format))
        return true;
    usage_error("run", "--format is mp3, opus, aac, flac, wav or pcm, not %s", o->format);
    return false;
}

static enum vanta_status read_text(const struct run *run, char **text,
                                   struct vanta_error *err)
{
    char *raw = NULL;
    enum vanta_status status = VANTA_OK;

    if (!run->input)
        status = run_read_input(TEXT_MAX, &raw, err);
    if (status == VANTA_OK && !(*text = vanta_utf8_copy(raw ? raw : run->input)))
        status = vanta_fail_memory(err);
    free(raw);
    return status;
}

static enum vanta_status speak(const struct run *run,
                               const struct vanta_speech_request *request,
                               struct vanta_speech_result *spoken,
                               struct vanta_error *err)
{
    const struct vanta_catalog_model *model =
        vanta_catalog_find(run->session->catalog, run->entry->id);
    struct vanta_speech_options options = {.key_variable =
                                               model ? model->key_variable : NULL,
                                           .cancel = &cancelled};
    struct vanta_speech *speech = NULL;
    char size[VANTA_SIZE_TEXT_MAX];
    enum vanta_status status = vanta_speech_new(&options, &speech, err);

    if (status == VANTA_OK)
        status = vanta_speech_speak(speech, request, spoken, err);
    if (status == VANTA_OK && !run->options->common.quiet)
        fprintf(stderr, "%s: %s of %s\n", request->path,
                vanta_size_text(spoken->bytes, size),
                vanta_speech_format_name(request->format));
    vanta_speech_free(speech);
    return status;
}

int run_speak(struct run *run)
{
    const struct run_options *o = run->options;
    struct vanta_speech_request request = {.voice = o->voice,
                                           .model = run->entry->id,
                                           .path = o->output,
                                           .replace = true};
    struct vanta_speech_result spoken = {0};
    struct vanta_error err = {0};
    enum vanta_status status;
    char *text = NULL;

    if (!vanta_entry_is_api(run->entry))
        return run_say(run);
    if (!o->output || strcmp(o->output, "-") == 0)
        return usage_error("run", "where to? -o FILE names the audio file");
    if (vanta_file_is_channel(o->output))
        return usage_error("run", "%s is no file, and %s writes whole files only", o->output,
                           run->entry->id);
    if (!choose_format(o, &request.format) ||
        !run_number("speed", o->speed, VANTA_SPEECH_SPEED_MIN, VANTA_SPEECH_SPEED_MAX,
                    &request.speed))
        return EXIT_USAGE;
    status = read_text(run, &text, &err);
    request.text = text;
    if (status == VANTA_OK)
        status = speak(run, &request, &spoken, &err);
    free(text);
    vanta_hint_named(&err);
    if (status != VANTA_OK)
        return report_error(&err);
    if (!o->common.json)
        return EXIT_OK;
    return run_write_document(
        NULL, json_pack("{s:i, s:s, s:s, s:s, s:I}", "version", JSON_OUTPUT_VERSION, "model",
                        run->entry->id, "path", o->output, "format",
                        vanta_speech_format_name(request.format), "bytes",
                        (json_int_t)spoken.bytes));
}
