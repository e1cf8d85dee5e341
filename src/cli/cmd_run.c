/* vanta run ID [INPUT]: one model at its work, to try it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/run.h"
#include "cli/term.h"

static bool show_progress(void *arg, const struct vanta_engine_event *event)
{
    struct run *run = arg;

    if (event->kind == VANTA_ENGINE_PROGRESS)
        test_line_show(&run->line, run->phase, event->fraction);
    return true;
}

bool run_open(struct run *run, enum vanta_engine_kind kind, const char *model,
              const char *readable, vanta_engine_listener *listener, void *arg,
              struct vanta_engine **engine, int *code)
{
    return run_open_with(run, kind, model, &readable, readable ? 1 : 0, listener, arg,
                         engine, code);
}

bool run_open_with(struct run *run, enum vanta_engine_kind kind, const char *model,
                   const char *const *readable, size_t n_readable,
                   vanta_engine_listener *listener, void *arg,
                   struct vanta_engine **engine, int *code)
{
    const struct run_options *o = run->options;
    struct vanta_engine_options options = {
        .kind = kind,
        .model = model,
        .readable = readable,
        .n_readable = n_readable,
        .threads = (int)o->threads,
        .context_tokens = (int)o->context,
        .gpu_layers = -1,
        .no_gpu = o->no_gpu,
        .cancel = &cancelled,
        .listener = listener ? listener : show_progress,
        .arg = listener ? arg : run};
    struct vanta_error err = {0};

    run->phase = "loading";
    test_line_start(&run->line, run->entry->id, o->common.quiet);
    if (vanta_engine_open(engine, &options, &err) == VANTA_OK)
        return true;
    test_line_clear(&run->line);
    *code = report_error(&err);
    return false;
}

enum vanta_status run_read_input(size_t max, char **out, struct vanta_error *err)
{
    struct vanta_buf buf = VANTA_BUF(max);
    char block[65536];
    const char *nul;
    ssize_t n;

    for (;;) {
        n = read(STDIN_FILENO, block, sizeof block);
        if (n < 0 && errno == EINTR && !atomic_load(&cancelled))
            continue;
        if (n <= 0)
            break;
        if (!vanta_buf_append(&buf, block, (size_t)n)) {
            vanta_buf_free(&buf);
            return vanta_fail(err, VANTA_ERR_LIMIT,
                              "standard input is longer than %zu bytes", max);
        }
    }
    if (n < 0) {
        vanta_buf_free(&buf);
        return vanta_fail_errno(err, errno, "standard input");
    }
    if (buf.len > 0 && (nul = memchr(buf.data, '\0', buf.len)) != NULL) {
        n = nul - buf.data;
        vanta_buf_free(&buf);
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "standard input has a NUL at byte %zd: it is no text", n);
    }
    *out = buf.data ? buf.data : vanta_strdup("");
    return *out ? VANTA_OK : vanta_fail_memory(err);
}

int run_write_output(const char *path, const void *data, size_t len)
{
    struct vanta_error err = {0};

    if (!path) {
        fwrite(data, 1, len, stdout);
        return fflush(stdout) == 0 ? EXIT_OK : EXIT_CANNOT;
    }
    return vanta_file_put(path, data, len, &err) == VANTA_OK ? EXIT_OK
                                                            : report_error(&err);
}

int run_write_document(const char *path, json_t *document)
{
    struct vanta_buf out = VANTA_BUF((size_t)2 * 1024 * 1024 * 1024);
    struct vanta_error err = {0};
    enum vanta_status status = document ? vanta_json_dump(document, &out, &err)
                                        : vanta_fail_memory(&err);
    int code = status == VANTA_OK ? run_write_output(path, out.data, out.len)
                                  : report_error(&err);

    vanta_buf_free(&out);
    json_decref(document);
    return code;
}

void run_print_text(const char *text)
{
    enum { PART = 4096 };
    char part[PART + 1], shown[PART + 1];

    while (*text) {
        size_t len = strcspn(text, "\n\t"); /* those are the text's own */

        if (len == 0) {
            putchar(*text++);
            continue;
        }
        if (len > PART) /* a character is not torn apart */
            for (len = PART; len > 1 && ((unsigned char)text[len] & 0xC0) == 0x80; len--)
                ;
        memcpy(part, text, len);
        part[len] = '\0';
        vanta_text_printable(part, shown, sizeof shown);
        fputs(shown, stdout);
        text += len;
    }
    fflush(stdout);
}

bool run_number(const char *option, const char *text, double least, double most,
                double *out)
{
    char *end;

    *out = 0;
    if (!text)
        return true;
    *out = strtod(text, &end);
    if (end != text && *end == '\0' && *out >= least && *out <= most)
        return true;
    usage_error("run", "--%s takes a number from %g to %g", option, least, most);
    return false;
}

/* What is wrong would only be found out deep in the engine, or never. */
static bool check_state(struct run *run, int *code)
{
    char why[256];
    enum vanta_state state = vanta_entry_state(run->session->root, run->entry,
                                               run->session->catalog, why);

    if (state != VANTA_STATE_MISSING && state != VANTA_STATE_CORRUPT)
        return true;
    fprintf(stderr, "vanta: %s is %s: %s\n  vanta setup --models %s brings it anew.\n",
            run->entry->id, vanta_state_name(state), why, run->entry->id);
    *code = EXIT_CANNOT;
    return false;
}

static int dispatch(struct run *run)
{
    int code = EXIT_OK;

    if (!check_state(run, &code))
        return code;
    switch (run->entry->type) {
    case VANTA_TYPE_WHISPER:
        return run_transcribe(run);
    case VANTA_TYPE_LLM:
        return run_complete(run);
    case VANTA_TYPE_EMBEDDING:
        return run_embed(run);
    case VANTA_TYPE_TTS:
        return run_speak(run);
    default:
        fprintf(stderr, "vanta: %s is of a type that cannot be run\n", run->entry->id);
        return EXIT_CANNOT;
    }
}

static bool parse(int argc, char **argv, struct run_options *o, struct word_list *words,
                  int *code)
{
    const struct option_spec options[] = {
        {"output", 'o', OPTION_TEXT, &o->output, "FILE",
         "instead of standard output; - streams speech to it"},
        {"srt", 0, OPTION_FLAG, &o->srt, NULL, "speech to text: SubRip subtitles"},
        {"vtt", 0, OPTION_FLAG, &o->vtt, NULL, "speech to text: WebVTT subtitles"},
        {"language", 'l', OPTION_TEXT, &o->language, "LANG",
         "of the speech: en, de, ... (heard: detected; spoken: en)"},
        {"translate", 0, OPTION_FLAG, &o->translate, NULL,
         "speech to text: into English"},
        {"beam", 0, OPTION_NUMBER, &o->beam, "N",
         "speech to text: width of the search, 1 to 8 (5)"},
        {"system", 0, OPTION_TEXT, &o->system, "TEXT", "language model: the system message"},
        {"max-tokens", 'n', OPTION_NUMBER, &o->max_tokens, "N",
         "language model: length of an answer (512)"},
        {"context", 'c', OPTION_NUMBER, &o->context, "N",
         "language model: tokens of context (the model's own, at most 4096)"},
        {"temperature", 0, OPTION_TEXT, &o->temperature, "T",
         "language model: 0 to 2; 0 takes the likeliest token (0); speech: 0 to 10"},
        {"top-p", 0, OPTION_TEXT, &o->top_p, "P",
         "language model, speech: 0 to 1"},
        {"top-k", 0, OPTION_NUMBER, &o->top_k, "K",
         "language model, speech: of so many tokens (40, 50)"},
        {"seed", 0, OPTION_NUMBER, &o->seed, "N",
         "language model, speech: of the chance"},
        {"plain", 0, OPTION_FLAG, &o->plain, NULL,
         "language model: continue the text as it is, no chat"},
        {"stats", 0, OPTION_FLAG, &o->stats, NULL, "say how long it took"},
        {"npy", 0, OPTION_TEXT, &o->npy, "FILE", "embedding: write a NumPy array"},
        {"repetition-penalty", 0, OPTION_TEXT, &o->repetition_penalty, "R",
         "speech output: 1 to 20 (5)"},
        {"file", 'f', OPTION_TEXT, &o->file, "FILE", "speech output: the text's file"},
        {"voice", 0, OPTION_TEXT, &o->voice, "NAME", "speech output: the voice"},
        {"list-voices", 0, OPTION_FLAG, &o->list_voices, NULL,
         "speech output: the names of the model's voices"},
        {"clone", 0, OPTION_LIST, &o->clone, "REF.wav",
         "speech output: the voice of recordings; only with the speaker's agreement"},
        {"save-voice", 0, OPTION_TEXT, &o->save_voice, "NAME",
         "speech output: keep that voice, for --voice NAME"},
        {"romanized", 0, OPTION_FLAG, &o->romanized, NULL,
         "speech output: Chinese, Japanese, Korean in Latin letters"},
        {"format", 0, OPTION_TEXT, &o->format, "F",
         "speech output: mp3, opus, aac, flac, wav or pcm"},
        {"speed", 0, OPTION_TEXT, &o->speed, "S", "speech output: 0.25 to 4"},
        {"threads", 't', OPTION_NUMBER, &o->threads, "N", "of the engine (the fast cores)"},
        {"no-gpu", 0, OPTION_FLAG, &o->no_gpu, NULL, "only the processor"},
        {"quiet", 'q', OPTION_FLAG, &o->common.quiet, NULL, "no progress"},
        JSON_OPTION(o->common),
        COMMON_OPTIONS(o->common),
    };

    if (!command_parse("run", argc, argv, options, sizeof options / sizeof options[0],
                       words, code))
        return false;
    /* Its text is then made fit for a terminal, as without the option. */
    o->to_stdout = o->output && strcmp(o->output, "-") == 0;
    if (o->to_stdout)
        o->output = NULL;
    *code = EXIT_USAGE;
    if (words->n == 0 || words->n > 2) {
        usage_error("run", words->n == 0 ? "which model? (vanta list shows them)"
                                         : "takes a model and one input; quote a text");
        return false;
    }
    if (o->threads > 1024)
        usage_error("run", "--threads is at most 1024");
    else if (o->beam < 1 || o->beam > 8)
        usage_error("run", "--beam is 1 to 8");
    else if (o->context > 1 << 20)
        usage_error("run", "--context is at most 1048576");
    else if (o->max_tokens < 1 || o->max_tokens > 1 << 20)
        usage_error("run", "--max-tokens is 1 to 1048576");
    else if (o->srt + o->vtt + o->common.json > 1)
        usage_error("run", "choose one of --srt, --vtt and --json");
    else
        return true;
    return false;
}

int cmd_run(int argc, char **argv)
{
    struct run_options options = {.beam = 5, .max_tokens = 512, .top_k = -1};
    struct word_list words = {0};
    struct session session;
    struct run run = {.options = &options, .session = &session};
    int code;

    if (!parse(argc, argv, &options, &words, &code))
        return code;
    if (!session_open(&session, &options.common, SESSION_CATALOG | SESSION_REGISTRY,
                      &code))
        return code;
    run.entry = session_entry(&session, words.words[0]);
    run.input = words.n > 1 ? words.words[1] : NULL;
    code = run.entry ? dispatch(&run) : EXIT_CANNOT;
    session_close(&session);
    return code;
}
