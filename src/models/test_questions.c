/* test_questions.c - a language model answers questions and reads a text. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "models/test_private.h"

#define ANSWER_TOKENS 48   /* of a chat: it may be polite first */
#define CONTINUE_TOKENS 12 /* of a base model: the next words are the answer */
#define SPEED_PROMPT 128
#define SPEED_GENERATE 24
#define CONTEXT_TOKENS 1024 /* the passage has a few hundred */

static const struct vanta_json_doc questions_doc = {"the questions"};

struct quiz {
    struct test *test;
    enum vanta_prompt_form form;
    size_t asked, right;
    double first_token_ms;
    bool not_finite, empty;
    char first_wrong[256];
};

/* Whether word stands in text by itself, without regard to case. */
static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    const char *at;

    for (at = text; *at; at++)
        if (strncasecmp(at, word, n) == 0 &&
            (at == text || !isalnum((unsigned char)at[-1])) &&
            !isalnum((unsigned char)at[n]))
            return true;
    return false;
}

static bool is_expected(const json_t *expect, const char *answer)
{
    size_t i;

    for (i = 0; i < json_array_size(expect); i++) {
        const char *word = json_string_value(json_array_get(expect, i));

        if (word && has_word(answer, word))
            return true;
    }
    return false;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

static void note_answer(struct quiz *q, const char *asked, const json_t *expect,
                        const struct vanta_completion *c)
{
    if (q->asked == 0)
        q->first_token_ms = c->first_token_ms;
    q->asked++;
    q->not_finite |= c->not_finite;
    q->empty |= is_blank(c->text);
    if (is_expected(expect, c->text)) {
        q->right++;
    } else if (!q->first_wrong[0]) {
        snprintf(q->first_wrong, sizeof q->first_wrong, "to \"%.90s\" it said \"%.100s\"",
                 asked, c->text);
    }
}

static enum vanta_status ask(struct quiz *q, const json_t *one, struct vanta_error *err)
{
    bool plain = q->form == VANTA_PROMPT_PLAIN;
    const char *text = NULL;
    const json_t *expect = NULL;
    struct vanta_message message = {"user", NULL};
    struct vanta_completion completion = {0};
    struct vanta_complete request = {.form = q->form, .messages = &message,
                                     .n_messages = 1,
                                     .text_every_ms = 1000, /* nobody reads along */
                                     .format = q->test->recipe.format};
    enum vanta_status status = vanta_json_string(
        &questions_doc, one, "", plain ? "completion" : "question", true, &text, err);

    if (status == VANTA_OK)
        status = vanta_json_array(&questions_doc, one, "", plain ? "continues" : "answers", true, 16, &expect,
                                  err);
    if (status != VANTA_OK)
        return status;
    request.text = message.text = text;
    request.max_tokens = plain ? CONTINUE_TOKENS : ANSWER_TOKENS;
    status = vanta_engine_complete(q->test->engine, &request, &completion, err);
    if (status == VANTA_OK)
        note_answer(q, text, expect, &completion);
    vanta_completion_free(&completion);
    return status;
}

static enum vanta_status ask_all(struct quiz *q, struct vanta_error *err)
{
    json_t *document = NULL;
    const json_t *list = NULL;
    size_t i, n;
    enum vanta_status status = vanta_recipe_json("questions.json", &document, err);

    if (status == VANTA_OK)
        status = vanta_json_array(&questions_doc, document, "", "questions", true, 64,
                                  &list, err);
    n = json_array_size(list);
    for (i = 0; i < n && status == VANTA_OK; i++) {
        test_phase(q->test, "asking", (double)i / (double)n);
        status = ask(q, json_array_get(list, i), err);
    }
    json_decref(document);
    return status;
}

static enum vanta_status judge_answers(struct quiz *q, struct vanta_error *err)
{
    struct test *test = q->test;
    bool all = q->right == q->asked;
    enum vanta_status status;

    test_figure(test, "questions", (double)q->asked);
    test_figure(test, "answered_right", (double)q->right);
    test_figure(test, "first_token_ms", q->first_token_ms);
    status = test_check(test, "numbers", !q->not_finite, err,
                        q->not_finite ? "the model's logits are not finite numbers"
                                      : "all logits are finite");
    if (status == VANTA_OK)
        status = test_check(test, "text", !q->empty, err,
                            q->empty ? "an answer was empty" : "no answer was empty");
    if (status != VANTA_OK)
        return status;
    if (test->recipe.by_type && !all)
        return test_warn(test, "answers", err, "%zu of %zu as expected: %s", q->right,
                         q->asked, q->first_wrong);
    return test_check(test, "answers", all, err,
                      all ? "%zu of %zu as expected"
                          : "%zu of %zu answers are as expected: %s",
                      q->right, q->asked, q->first_wrong);
}

static enum vanta_status read_passage(struct test *test, struct vanta_error *err)
{
    const struct vanta_catalog_data *text = vanta_recipe_data("passage.txt");
    double most = test->recipe.perplexity_max;
    struct vanta_perplexity found = {0};
    enum vanta_status status;
    bool right;

    if (!text)
        return vanta_fail(err, VANTA_ERR_INTERNAL, "the text is not in this program");
    test_phase(test, "reading a text", -1);
    status = vanta_engine_perplexity(test->engine, (const char *)text->data, &found, err);
    if (status != VANTA_OK)
        return status;
    test_figure(test, "perplexity", found.perplexity);
    test_figure(test, "perplexity_tokens", (double)found.tokens);
    if (found.not_finite)
        return test_check(test, "perplexity", false, err,
                          "the perplexity of a text is not a finite number");
    if (most < 0)
        return test_warn(test, "perplexity", err,
                         "%.2f; nobody has calibrated a bound for this model",
                         found.perplexity);
    right = found.perplexity <= most;
    return test_check(test, "perplexity", right, err,
                      right ? "%.2f, at most %.2f"
                            : "the perplexity of a plain text is %.2f, more than %.2f: the "
                              "weights are damaged, or the engine runs them wrong",
                      found.perplexity, most);
}

static enum vanta_status take_speed(struct quiz *q, struct vanta_error *err)
{
    double prompt_ms = 0, generate_ms = 0, prompt, generate;
    enum vanta_status status;

    test_phase(q->test, "taking the speed", -1);
    status = vanta_engine_speed(q->test->engine, SPEED_PROMPT, SPEED_GENERATE, &prompt_ms,
                                &generate_ms, err);
    if (status != VANTA_OK)
        return status;
    prompt = prompt_ms > 0 ? SPEED_PROMPT * 1000 / prompt_ms : 0;
    generate = generate_ms > 0 ? SPEED_GENERATE * 1000 / generate_ms : 0;
    test_figure(q->test, "prompt_tokens_per_s", prompt);
    test_figure(q->test, "generate_tokens_per_s", generate);
    test_summary(q->test, "%zu of %zu answers, %.1f tokens/s, first after %.0f ms",
                 q->right, q->asked, generate, q->first_token_ms);
    return VANTA_OK;
}

static enum vanta_prompt_form choose_form(const struct test *test)
{
    if (!test->recipe.prompt_open)
        return test->recipe.prompt;
    return vanta_engine_info(test->engine)->chat_template ? VANTA_PROMPT_CHAT_TEMPLATE
                                                          : VANTA_PROMPT_PLAIN;
}

enum vanta_status test_questions(struct test *test, struct vanta_error *err)
{
    struct quiz quiz = {.test = test};
    char path[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!vanta_entry_path(test->options->root, test->entry, path))
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s has no file", test->entry->id);
    status = test_open(test, VANTA_ENGINE_LLM, path, err);
    if (status == VANTA_OK) {
        quiz.form = choose_form(test);
        status = ask_all(&quiz, err);
    }
    if (status == VANTA_OK)
        status = judge_answers(&quiz, err);
    if (status == VANTA_OK)
        status = read_passage(test, err);
    if (status == VANTA_OK)
        status = take_speed(&quiz, err);
    return status;
}
