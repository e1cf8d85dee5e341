/* run_complete.c - vanta run of a language model: an answer, or a chat at a terminal. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cli/output.h"
#include "cli/run.h"
#include "cli/term.h"
#include "models/recipe.h"

#define PROMPT_MAX ((size_t)4 * 1024 * 1024)
#define MESSAGES_MAX 256
#define LIVE_MS 40    /* a reader sees no steps, and the engine is seldom disturbed */
#define ALIVE_MS 1000 /* where nobody reads along */

struct talk {
    struct run *run;
    struct vanta_recipe recipe;
    struct vanta_complete request;
    struct vanta_engine *engine;
    struct vanta_message messages[MESSAGES_MAX]; /* texts are owned from the second on */
    size_t n;
    bool live;
};

static bool on_event(void *arg, const struct vanta_engine_event *event)
{
    struct talk *t = arg;

    if (event->kind == VANTA_ENGINE_TEXT && t->live) {
        test_line_clear(&t->run->line);
        run_print_text(event->text);
    } else if (event->kind == VANTA_ENGINE_PROGRESS) {
        test_line_show(&t->run->line, t->run->phase, event->fraction);
    }
    return true;
}

static bool read_options(struct talk *t)
{
    const struct run_options *o = t->run->options;

    t->request.max_tokens = (int)o->max_tokens;
    t->request.text_every_ms = t->live ? LIVE_MS : ALIVE_MS;
    t->request.top_k = o->top_k < 0 ? 0 : (int)o->top_k;
    t->request.seed = (uint32_t)o->seed;
    return run_number("temperature", o->temperature, 0, 2, &t->request.temperature) &&
           run_number("top-p", o->top_p, 0, 1, &t->request.top_p);
}

static enum vanta_prompt_form choose_form(const struct talk *t)
{
    if (t->run->options->plain)
        return VANTA_PROMPT_PLAIN;
    if (!t->recipe.prompt_open)
        return t->recipe.prompt;
    return vanta_engine_info(t->engine)->chat_template ? VANTA_PROMPT_CHAT_TEMPLATE
                                                       : VANTA_PROMPT_PLAIN;
}

static int print_json(const struct talk *t, const struct vanta_completion *c)
{
    return run_write_document(t->run->options->output, json_pack(
        "{s:i, s:s, s:s, s:I, s:I, s:f, s:f, s:f, s:b, s:b}", "version",
        JSON_OUTPUT_VERSION, "model", t->run->entry->id, "text", c->text, "prompt_tokens",
        (json_int_t)c->prompt_tokens, "generated_tokens", (json_int_t)c->generated_tokens,
        "prompt_ms", c->prompt_ms, "generate_ms", c->generate_ms, "first_token_ms",
        c->first_token_ms, "ended", c->ended, "context_full", c->context_full));
}

static void say_rest(const struct talk *t, const struct vanta_completion *c)
{
    if (c->not_finite)
        warn("the model's numbers are not finite: vanta test %s", t->run->entry->id);
    if (c->context_full)
        warn("the context is full: --context takes more");
    if (t->run->options->stats)
        fprintf(stderr,
                "%lld tokens of prompt in %.2f s, %lld generated at %.1f tokens/s, the "
                "first after %.2f s\n",
                (long long)c->prompt_tokens, c->prompt_ms / 1000,
                (long long)c->generated_tokens,
                c->generate_ms > 0 ? (double)c->generated_tokens * 1000 / c->generate_ms
                                   : 0,
                c->first_token_ms / 1000);
}

/* One answer; *answer (may be NULL) gets its text. */
static int answer_once(struct talk *t, char **answer)
{
    struct vanta_completion completion = {0};
    struct vanta_error err = {0};
    int code = EXIT_OK;

    t->request.messages = t->messages;
    t->request.n_messages = t->n;
    t->run->phase = "reading the prompt";
    if (vanta_engine_complete(t->engine, &t->request, &completion, &err) != VANTA_OK) {
        test_line_clear(&t->run->line);
        return report_error(&err);
    }
    test_line_clear(&t->run->line);
    if (t->run->options->common.json)
        code = print_json(t, &completion);
    else if (t->live)
        putchar('\n');
    else
        code = run_write_output(t->run->options->output, completion.text,
                                strlen(completion.text));
    say_rest(t, &completion);
    if (answer)
        *answer = vanta_strdup(completion.text);
    vanta_completion_free(&completion);
    return code;
}

/* --- a chat --- */

static bool add_message(struct talk *t, const char *role, char *text)
{
    if (!text || t->n == MESSAGES_MAX) {
        free(text);
        return false;
    }
    t->messages[t->n++] = (struct vanta_message){role, text};
    return true;
}

/* Reads one line of the terminal; false at its end. */
static bool read_line(char **out)
{
    size_t capacity = 0;
    char *line = NULL;
    ssize_t n;

    fputs("> ", stderr);
    fflush(stderr);
    n = getline(&line, &capacity, stdin);
    *out = NULL;
    if (n > 0 && !atomic_load(&cancelled)) {
        line[strcspn(line, "\r\n")] = '\0';
        *out = vanta_utf8_copy(line);
    }
    free(line);
    return *out != NULL;
}

static int chat(struct talk *t)
{
    char *line, *answer;
    int code = EXIT_OK;

    fprintf(stderr, "A chat with %s. An empty line or ctrl-D ends it.\n",
            t->run->entry->id);
    while (code == EXIT_OK && read_line(&line)) {
        if (!*line) {
            free(line);
            break;
        }
        answer = NULL;
        if (t->request.form == VANTA_PROMPT_PLAIN) {
            t->request.text = line;
            code = answer_once(t, NULL);
            free(line);
            continue;
        }
        if (!add_message(t, "user", line)) {
            warn("the chat is too long; it starts anew");
            break;
        }
        code = answer_once(t, &answer);
        if (code == EXIT_OK && !add_message(t, "assistant", answer))
            break;
    }
    return code;
}

/* --- */

static int answer_input(struct talk *t)
{
    char *raw = NULL, *text;
    struct vanta_error err = {0};
    int code;

    if (!t->run->input && run_read_input(PROMPT_MAX, &raw, &err) != VANTA_OK)
        return report_error(&err);
    text = vanta_utf8_copy(raw ? raw : t->run->input);
    free(raw);
    if (!text || !text[strspn(text, " \t\r\n")]) {
        free(text);
        return usage_error("run", "the prompt is empty");
    }
    t->request.text = text;
    if (t->request.form == VANTA_PROMPT_PLAIN) {
        code = answer_once(t, NULL);
        free(text);
        return code;
    }
    return add_message(t, "user", text) ? answer_once(t, NULL) : EXIT_CANNOT;
}

int run_complete(struct run *run)
{
    const struct run_options *o = run->options;
    struct talk t = {.run = run, .live = !o->common.json && !o->output};
    const struct vanta_catalog_model *model =
        vanta_catalog_find(run->session->catalog, run->entry->id);
    char path[VANTA_PATH_MAX];
    struct vanta_error err = {0};
    size_t i, own;
    int code = EXIT_CANNOT;

    if (!read_options(&t))
        return EXIT_USAGE;
    if (vanta_recipe_read(model, run->entry->type, &t.recipe, &err) != VANTA_OK)
        return report_error(&err);
    if (!vanta_entry_path(run->session->root, run->entry, path))
        return EXIT_CANNOT;
    if (!run_open(run, VANTA_ENGINE_LLM, path, NULL, on_event, &t, &t.engine, &code))
        return code;
    test_line_clear(&run->line);
    t.request.form = choose_form(&t);
    t.request.format = t.recipe.format;
    if (o->system)
        t.messages[t.n++] = (struct vanta_message){"system", o->system};
    own = t.n;
    if (!run->input && isatty(STDIN_FILENO) && !o->common.json && !o->output)
        code = chat(&t);
    else
        code = answer_input(&t);
    for (i = own; i < t.n; i++)
        free((char *)t.messages[i].text);
    vanta_engine_close(t.engine);
    return code;
}
