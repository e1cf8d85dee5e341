/* run_say.c - vanta run of a speech model on this machine: a text to a WAV file or stream,
 * in a voice of the model, a kept one, or one cloned from recordings. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cli/output.h"
#include "cli/run_say.h"
#include "cli/term.h"

static void show(struct saying *s)
{
    double audio_s = (double)s->heard / VANTA_SPEAK_HZ;

    if (s->heard > 0) {
        snprintf(s->phase, sizeof s->phase, "speaking, %.1f s made, real-time factor %.2f",
                 audio_s, (double)(vanta_clock_ms() - s->start_ms) / 1000 / audio_s);
        s->run->phase = s->phase;
    }
    test_line_show(&s->run->line, s->run->phase, s->fraction);
}

static bool on_event(void *arg, const struct vanta_engine_event *event)
{
    struct saying *s = arg;

    if (event->kind == VANTA_ENGINE_PROGRESS)
        s->fraction = event->fraction;
    else if (event->kind == VANTA_ENGINE_AUDIO)
        s->heard += event->n_samples;
    if (event->kind == VANTA_ENGINE_PROGRESS || event->kind == VANTA_ENGINE_AUDIO)
        show(s);
    if (event->kind != VANTA_ENGINE_AUDIO)
        return true;
    return vanta_wav_add(&s->wav, event->samples, event->n_samples, &s->failed) ==
           VANTA_OK;
}

/* --- what is asked --- */

static bool check_output(const struct run_options *o, bool *bare)
{
    const char *dot = o->output ? strrchr(o->output, '.') : NULL;
    const char *format = o->format ? o->format : dot ? dot + 1 : "wav";

    *bare = strcmp(format, "pcm") == 0 || strcmp(format, "raw") == 0;
    if (!*bare && strcmp(format, "wav") != 0 && (o->format || strcmp(format, "wave") != 0))
        usage_error("run", "a model on this machine speaks wav or pcm, not %s%s", format,
                    o->format ? "" : " (--format says which, whatever the file's name)");
    else if (!o->output && !o->to_stdout)
        usage_error("run", "where to? -o FILE names the audio file, -o - streams it");
    else if (!o->output && o->common.json)
        usage_error("run", "--json goes to standard output: -o FILE for the sound");
    else if (!o->output && term_is_terminal(stdout))
        usage_error("run", "audio is nothing for a terminal: -o FILE, or a pipe");
    else
        return true;
    return false;
}

static bool read_numbers(const struct run_options *o, struct vanta_speak *r)
{
    const struct {
        const char *name, *text;
        double least, most, *out;
    } numbers[] = {
        {"temperature", o->temperature, 0, 10, &r->temperature},
        {"top-p", o->top_p, 1e-6, 1, &r->top_p},
        {"repetition-penalty", o->repetition_penalty, 1, 20, &r->repetition_penalty},
        {"speed", o->speed, VANTA_SPEAK_SPEED_MIN, VANTA_SPEAK_SPEED_MAX, &r->speed}};
    size_t i;

    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!run_number(numbers[i].name, numbers[i].text, numbers[i].least,
                        numbers[i].most, numbers[i].out))
            return false;
        else if (!numbers[i].text)
            *numbers[i].out = -1;
    r->top_k = o->top_k > 1 << 16 ? 1 << 16 : (int)o->top_k;
    r->seed = (uint32_t)o->seed;
    return true;
}

static enum vanta_status read_text(struct saying *s, struct vanta_error *err)
{
    const struct run *run = s->run;
    struct vanta_buf buf = VANTA_BUF(VANTA_SPEAK_TEXT_MAX);
    enum vanta_status status = VANTA_OK;
    char *raw = NULL;

    if (run->options->file)
        status = vanta_file_read(run->options->file, &buf, err);
    else if (!run->input)
        status = run_read_input(VANTA_SPEAK_TEXT_MAX, &raw, err);
    if (status == VANTA_OK) {
        s->text = vanta_utf8_copy(raw ? raw : run->input ? run->input
                                          : buf.data   ? buf.data
                                                       : "");
        if (!s->text)
            status = vanta_fail_memory(err);
    }
    free(raw);
    vanta_buf_free(&buf);
    vanta_hint_named(err);
    if (status == VANTA_OK && s->text[strspn(s->text, " \t\r\n")] == '\0')
        status = vanta_fail(err, VANTA_ERR_USAGE, "there is no text to speak");
    s->request.text = s->text;
    return status;
}

static enum vanta_status find_recordings(struct saying *s, struct vanta_error *err)
{
    const struct word_list *list = &s->run->options->clone;
    struct stat st;
    size_t i;

    if (list->n > CLONE_MAX)
        return vanta_fail(err, VANTA_ERR_USAGE, "at most %d recordings of a voice",
                          CLONE_MAX);
    for (i = 0; i < list->n; i++) {
        if (!realpath(list->words[i], s->paths[i]) || stat(s->paths[i], &st) != 0 ||
            !S_ISREG(st.st_mode))
            return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s: there is no such file",
                              list->words[i]);
        s->readable[s->n_paths++] = s->paths[i];
    }
    return VANTA_OK;
}

/* --- speaking --- */

/* "ж щ" of "жщ". */
static void space_out(const char *named, char out[2 * VANTA_SPEAK_UNKNOWN_BYTES])
{
    size_t n = 0;

    for (; *named; named++) {
        if (n > 0 && ((unsigned char)*named & 0xC0) != 0x80)
            out[n++] = ' ';
        out[n++] = *named;
    }
    out[n] = '\0';
}

static void warn_cut(const struct vanta_spoken *spoken)
{
    bool one = spoken->cut == 1;
    char which[64] = "the sentence is";

    if (spoken->cut == 0)
        return;
    if (spoken->sentences > 1)
        snprintf(which, sizeof which, "%lld of %lld sentences %s", (long long)spoken->cut,
                 (long long)spoken->sentences, one ? "is" : "are");
    warn("%s longer than the model can speak in one go: %s missing. Write shorter "
         "sentences, or try another --seed.",
         which, one ? "its end is" : "their ends are");
}

static void warn_unknown(const struct saying *s, const struct vanta_spoken *spoken)
{
    char named[2 * VANTA_SPEAK_UNKNOWN_BYTES];

    if (spoken->unknown == 0)
        return;
    space_out(spoken->unknown_characters, named);
    warn("the model does not know %lld character%s of the text and cannot say %s: %s. "
         "Write such words in other letters, or say by --language which language they are "
         "of (it was %s).",
         (long long)spoken->unknown, spoken->unknown == 1 ? "" : "s",
         spoken->unknown == 1 ? "it" : "them", named, s->request.language);
}

static void say_rest(const struct saying *s, const struct vanta_spoken *spoken)
{
    double audio_s = (double)spoken->samples / VANTA_SPEAK_HZ;

    warn_cut(spoken);
    warn_unknown(s, spoken);
    if (!s->run->options->common.quiet)
        fprintf(stderr,
                "%.1f s of speech in %.1f s: real-time factor %.2f, first sound after "
                "%.2f s\n",
                audio_s, spoken->engine_ms / 1000,
                audio_s > 0 ? spoken->engine_ms / 1000 / audio_s : 0,
                spoken->first_audio_ms / 1000);
}

static int tell_json(const struct saying *s, const struct vanta_spoken *spoken)
{
    double audio_s = (double)spoken->samples / VANTA_SPEAK_HZ;

    return run_write_document(NULL, json_pack(
        "{s:i, s:s, s:s, s:f, s:i, s:I, s:I, s:I, s:s, s:f, s:f, s:f}", "version",
        JSON_OUTPUT_VERSION, "model", s->run->entry->id, "path", s->run->options->output,
        "audio_s", audio_s, "sample_hz", VANTA_SPEAK_HZ, "sentences",
        (json_int_t)spoken->sentences, "cut", (json_int_t)spoken->cut, "unknown",
        (json_int_t)spoken->unknown, "unknown_characters", spoken->unknown_characters,
        "engine_ms", spoken->engine_ms, "first_audio_ms", spoken->first_audio_ms,
        "real_time_factor", audio_s > 0 ? spoken->engine_ms / 1000 / audio_s : 0.0));
}

/* Who hears the speech has to be told of these terms, so the speaker has to know them. */
static void say_terms(const struct run *run)
{
    const struct vanta_catalog_model *model =
        vanta_catalog_find(run->session->catalog, run->entry->id);

    if (!run->options->common.quiet && model && model->license &&
        strcmp(model->license->id, "CPML") == 0)
        fprintf(stderr, "%s: not for commercial use, nor is the speech it makes (%s)\n",
                run->entry->id, model->license->name);
}

static int speak(struct saying *s, bool bare)
{
    struct vanta_spoken spoken = {0};
    struct vanta_error err = {0};
    enum vanta_status status = say_choose_voice(s, &err);

    test_line_clear(&s->run->line);
    say_terms(s->run);
    if (status == VANTA_OK && s->text) {
        s->run->phase = "speaking";
        s->fraction = 0;
        s->start_ms = vanta_clock_ms();
        status = vanta_wav_open(&s->wav, s->run->options->output, STDOUT_FILENO, bare, &err);
        if (status == VANTA_OK)
            status = vanta_engine_speak(s->engine, &s->request, &spoken, &err);
        if (status == VANTA_ERR_CANCELLED && s->failed.message[0])
            err = s->failed;
        if (status == VANTA_OK)
            status = vanta_wav_finish(&s->wav, &err);
        vanta_wav_abandon(&s->wav);
    }
    test_line_clear(&s->run->line);
    if (status != VANTA_OK)
        return report_error(&err);
    if (s->text)
        say_rest(s, &spoken);
    if (s->text && s->run->options->common.json)
        return tell_json(s, &spoken);
    return EXIT_OK;
}

int run_say(struct run *run)
{
    const struct run_options *o = run->options;
    struct saying *s = calloc(1, sizeof *s);
    char model[VANTA_PATH_MAX];
    struct vanta_error err = {0};
    bool bare = false;
    bool only_voice =
        o->save_voice && !run->input && !o->file && !o->output && !o->to_stdout;
    int code = EXIT_USAGE;

    if (!s)
        return EXIT_CANNOT;
    s->run = run;
    s->request = (struct vanta_speak){.language = o->language ? o->language : "en",
                                      .romanized = o->romanized};
    if (o->save_voice && o->clone.n == 0)
        usage_error("run", "--save-voice keeps the voice that --clone makes");
    else if (o->clone.n > 0 && o->voice)
        usage_error("run", "choose one of --voice and --clone");
    else if (o->file && run->input)
        usage_error("run", "choose one of a text and --file");
    else if (!read_numbers(o, &s->request) ||
             (!o->list_voices && !only_voice && !check_output(o, &bare)))
        ;
    else if (find_recordings(s, &err) != VANTA_OK ||
             (!o->list_voices && !only_voice && read_text(s, &err) != VANTA_OK))
        code = report_error(&err);
    else if (!vanta_entry_path(run->session->root, run->entry, model))
        code = EXIT_CANNOT;
    else if (run_open_with(run, VANTA_ENGINE_SPEECH, model, s->readable, s->n_paths,
                           on_event, s, &s->engine, &code))
        code = o->list_voices ? say_list_voices(s) : speak(s, bare);
    vanta_engine_close(s->engine);
    vanta_voice_free(&s->voice);
    free(s->text);
    free(s);
    return code;
}
