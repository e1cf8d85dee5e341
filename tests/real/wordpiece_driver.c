/*
 * wordpiece_driver.c - tokenizes with a real model's vocabulary, for tests.
 *
 *     wordpiece_driver DIR bert|mpnet MAX_TOKENS [vocab] <texts >ids
 *
 * Texts are lines of hex; for each a line of ids, and " cut" when there were more. The
 * vocabulary goes through the form that the GGUF has, or with "vocab" through the form
 * that vocab.txt has: both have to give the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "convert/encoder_config.h"
#include "convert/encoder_tokenizer.h"
#include "engines/helper/wordpiece.h"

#define LINE_MAX_BYTES (1 << 26)

static void die(const struct vanta_error *err)
{
    fprintf(stderr, "%s\n", err->message);
    exit(3);
}

/* The tokens as they are in the GGUF, or as in vocab.txt. */
static struct vanta_wordpiece *make(const struct vanta_encoder_tokenizer *t, bool gguf)
{
    struct vanta_wordpiece_token *tokens = calloc(t->n, sizeof *tokens);
    struct vanta_wordpiece_options o = {
        .tokens = tokens,
        .n_tokens = t->n,
        .form = gguf ? VANTA_WORDPIECE_GGUF : VANTA_WORDPIECE_VOCABULARY,
        .lowercase = t->lowercase,
        .strip_accents = t->strip_accents,
        .first = (int32_t)t->roles[VANTA_ENCODER_FIRST],
        .last = (int32_t)t->roles[VANTA_ENCODER_LAST],
        .unknown = (int32_t)t->roles[VANTA_ENCODER_UNKNOWN]};
    struct vanta_error err = {0};
    struct vanta_wordpiece *w;
    size_t i;

    if (!tokens)
        exit(3);
    for (i = 0; i < t->n; i++) {
        const char *text = vanta_encoder_token(t, i, &tokens[i].len);
        bool special = t->tokens[i].kind == VANTA_ENCODER_TOKEN_SPECIAL;
        bool rest = tokens[i].len >= 2 && memcmp(text, "##", 2) == 0;
        struct vanta_buf b = VANTA_BUF(1 << 16);

        if (gguf && !special && !vanta_buf_puts(&b, rest ? "" : "\xe2\x96\x81"))
            exit(3);
        if (!vanta_buf_append(&b, text + (gguf && !special && rest ? 2 : 0),
                              tokens[i].len - (gguf && !special && rest ? 2 : 0)))
            exit(3);
        tokens[i].text = b.data;
        tokens[i].len = b.len;
        tokens[i].kind = (int32_t)t->tokens[i].kind;
    }
    if (vanta_wordpiece_new(&o, &w, &err) != VANTA_OK)
        die(&err);
    for (i = 0; i < t->n; i++)
        free((char *)tokens[i].text);
    free(tokens);
    return w;
}

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

int main(int argc, char **argv)
{
    static char line[LINE_MAX_BYTES];
    struct vanta_encoder_tokenizer t;
    struct vanta_encoder_config config;
    struct vanta_error err = {0};
    struct vanta_wordpiece *w;
    size_t room, n, i;
    int32_t *ids;

    if (argc < 4) {
        fprintf(stderr, "usage: %s DIR bert|mpnet MAX_TOKENS [vocab]\n", argv[0]);
        return 2;
    }
    room = strtoul(argv[3], NULL, 10);
    ids = calloc(room, sizeof *ids);
    if (!ids || vanta_encoder_config_read(argv[1], &config, &err) != VANTA_OK ||
        vanta_encoder_tokenizer_read(argv[1], config.vocabulary, argv[2][0] == 'm', &t,
                                     &err) != VANTA_OK)
        die(&err);
    w = make(&t, argc < 5);
    while (fgets(line, sizeof line, stdin)) {
        size_t len = strcspn(line, "\n") / 2;
        bool cut;

        for (i = 0; i < len; i++)
            line[i] = (char)(digit(line[2 * i]) << 4 | digit(line[2 * i + 1]));
        if (vanta_wordpiece_encode(w, line, len, ids, room, &n, &cut, &err) != VANTA_OK)
            die(&err);
        for (i = 0; i < n; i++)
            printf("%s%ld", i ? " " : "", (long)ids[i]);
        printf("%s\n", cut ? " cut" : "");
    }
    vanta_wordpiece_free(w);
    vanta_encoder_tokenizer_free(&t);
    free(ids);
    return 0;
}
