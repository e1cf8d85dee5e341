/* Text and a vocabulary to ids: both are the input, parted by the first empty line. The
 * ids have to be of the vocabulary, and no more than there is room for. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engines/helper/wordpiece.h"

#define TOKENS_MAX 256
#define ROOM 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A token a line; a line that starts with '!' is a special one, with '+' an added one. */
static size_t read_tokens(const char *text, size_t len, size_t *end,
                          struct vanta_wordpiece_token *tokens)
{
    size_t at = 0, n = 0;

    while (n < TOKENS_MAX && at < len) {
        const char *newline = memchr(text + at, '\n', len - at);
        size_t stop = newline ? (size_t)(newline - text) : len;
        struct vanta_wordpiece_token *t = &tokens[n];

        *end = stop < len ? stop + 1 : len;
        if (stop == at)
            break;
        *t = (struct vanta_wordpiece_token){text + at, stop - at, VANTA_WORDPIECE_PIECE};
        if (text[at] == '!' || text[at] == '+') {
            t->kind = text[at] == '!' ? VANTA_WORDPIECE_SPECIAL : VANTA_WORDPIECE_ADDED;
            t->text++;
            t->len--;
        }
        n++;
        at = *end;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vanta_wordpiece_token tokens[TOKENS_MAX];
    struct vanta_wordpiece_options o = {.tokens = tokens};
    struct vanta_wordpiece *w;
    int32_t ids[ROOM];
    size_t n, i, end = 0, room;
    bool cut;

    if (size < 1)
        return 0;
    o.form = data[0] & 1 ? VANTA_WORDPIECE_GGUF : VANTA_WORDPIECE_VOCABULARY;
    o.lowercase = data[0] & 2;
    o.strip_accents = data[0] & 4;
    room = 2 + data[0] % (ROOM - 1);
    data++;
    size--;
    o.n_tokens = read_tokens((const char *)data, size, &end, tokens);
    if (vanta_wordpiece_new(&o, &w, NULL) != VANTA_OK)
        return 0;
    if (vanta_wordpiece_encode(w, (const char *)data + end, size - end, ids, room, &n,
                               &cut, NULL) == VANTA_OK) {
        if (n < 2 || n > room || (cut && n != room))
            abort();
        for (i = 0; i < n; i++)
            if (ids[i] < 0 || (size_t)ids[i] >= o.n_tokens)
                abort();
    }
    vanta_wordpiece_free(w);
    return 0;
}
