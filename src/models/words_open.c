#include "models/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

/* Words that stand for others; "" for those that go. */
static const struct {
    const char *word, *means;
} short_forms[] = {
    {"can't", "can not"},    {"won't", "will not"},    {"shan't", "shall not"},
    {"let's", "let us"},     {"y'all", "you all"},     {"cannot", "can not"},
    {"gonna", "going to"},   {"wanna", "want to"},     {"gotta", "got to"},
    {"alright", "all right"}, {"mr", "mister"},        {"mrs", "missus"},
    {"dr", "doctor"},        {"prof", "professor"},    {"vs", "versus"},
    {"ok", "okay"},          {"um", ""},               {"uh", ""},
    {"er", ""},              {"hmm", ""},              {"mm", ""},
    {"mhm", ""},
};

static const struct {
    const char *ending, *means;
} endings[] = {
    {"n't", "not"}, {"'re", "are"}, {"'ll", "will"},
    {"'ve", "have"}, {"'m", "am"},  {"'d", "would"},
};

/* Behind these 's is "is"; behind all else it is a possessive. */
static const char *const before_is[] = {"it",  "that", "what",  "where", "who", "how",
                                        "he",  "she",  "there", "here"};

/* Adds each of the words in text. */
static enum vanta_status add_each(struct vanta_words *out, const char *text, bool apart,
                                  struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;

    while (status == VANTA_OK && *text) {
        size_t len = strcspn(text, " ");

        status = vanta_words_add(out, text, len, apart, err);
        text += len + (text[len] == ' ');
        apart = false;
    }
    return status;
}

static bool is_before_is(const char *word, size_t len)
{
    size_t i;

    for (i = 0; i < sizeof before_is / sizeof before_is[0]; i++)
        if (strlen(before_is[i]) == len && memcmp(word, before_is[i], len) == 0)
            return true;
    return false;
}

static enum vanta_status add_joined(struct vanta_words *out, const char *word, bool apart,
                                    struct vanta_error *err)
{
    char *joined = vanta_strdup(word);
    enum vanta_status status;
    size_t used = 0, i;

    if (!joined)
        return vanta_fail_memory(err);
    for (i = 0; word[i]; i++)
        if (word[i] != '\'')
            joined[used++] = word[i];
    status = vanta_words_add(out, joined, used, apart, err);
    free(joined);
    return status;
}

static enum vanta_status open_word(struct vanta_words *out, const char *word, bool apart,
                                   struct vanta_error *err)
{
    size_t len = strlen(word), i;

    for (i = 0; i < sizeof short_forms / sizeof short_forms[0]; i++)
        if (strcmp(word, short_forms[i].word) == 0)
            return add_each(out, short_forms[i].means, apart, err);
    for (i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t stem = len - strlen(endings[i].ending);
        enum vanta_status status;

        if (!vanta_has_suffix(word, endings[i].ending) || stem == 0)
            continue;
        status = vanta_words_add(out, word, stem, apart, err);
        return status == VANTA_OK ? add_each(out, endings[i].means, false, err) : status;
    }
    if (vanta_has_suffix(word, "'s") && is_before_is(word, len - 2)) {
        enum vanta_status status = vanta_words_add(out, word, len - 2, apart, err);

        return status == VANTA_OK ? vanta_words_add(out, "is", 2, false, err) : status;
    }
    return add_joined(out, word, apart, err);
}

enum vanta_status vanta_words_open(const struct vanta_words *in, struct vanta_words *out,
                                   struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; status == VANTA_OK && i < in->n; i++) {
        const char *word = vanta_words_at(in, i);
        bool per_cent = strcmp(word, "per") == 0 && i + 1 < in->n &&
                        strcmp(vanta_words_at(in, i + 1), "cent") == 0;

        status = per_cent ? vanta_words_add(out, "percent", 7, in->list[i].apart, err)
                          : open_word(out, word, in->list[i].apart, err);
        i += per_cent;
    }
    return status;
}
