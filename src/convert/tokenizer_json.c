#include "convert/tokenizer_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

/* Code points of GPT-2's alphabet go up to 0x143. */
#define ALPHABET_MAX 0x144

/* Printable Latin-1 stands for itself, the other 68 bytes for U+0100 and up, in order. */
static void invert_alphabet(int16_t byte_of[ALPHABET_MAX])
{
    int byte, next = 0x100;

    memset(byte_of, -1, ALPHABET_MAX * sizeof byte_of[0]);
    for (byte = 0; byte < 256; byte++) {
        int printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) ||
                        byte >= 0xae;

        byte_of[printable ? byte : next++] = (int16_t)byte;
    }
}

/* Maps one token to bytes at out; -1 when it has a character outside the alphabet. The
 * result is never longer than the text. jansson has checked that it is UTF-8. */
static ptrdiff_t token_bytes(const int16_t byte_of[ALPHABET_MAX], const char *text,
                             size_t len, uint8_t *out)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t used = 0, i = 0;

    while (i < len) {
        unsigned code = s[i];

        if (code < 0x80) {
            i++;
        } else if ((code & 0xe0) == 0xc0 && i + 1 < len) {
            code = (code & 0x1f) << 6 | (s[i + 1] & 0x3f);
            i += 2;
        } else {
            return -1;
        }
        if (code >= ALPHABET_MAX || byte_of[code] < 0)
            return -1;
        out[used++] = (uint8_t)byte_of[code];
    }
    return (ptrdiff_t)used;
}

struct slots {
    const char **texts;
    size_t *lens;
    size_t n;
};

static enum vanta_status collect_object(const json_t *vocab, const char *name,
                                        struct slots *slots, struct vanta_error *err)
{
    void *it;

    for (it = json_object_iter((json_t *)(uintptr_t)vocab); it;
         it = json_object_iter_next((json_t *)(uintptr_t)vocab, it)) {
        const json_t *value = json_object_iter_value(it);
        json_int_t id = json_is_integer(value) ? json_integer_value(value) : -1;

        if (id < 0)
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: the id of the token \"%s\" is not a number", name,
                              json_object_iter_key(it));
        if ((uint64_t)id >= slots->n)
            continue;
        if (slots->texts[id])
            return vanta_fail(err, VANTA_ERR_FORMAT, "%s: two tokens have the id %lld",
                              name, (long long)id);
        slots->texts[id] = json_object_iter_key(it);
        slots->lens[id] = strlen(slots->texts[id]);
    }
    return VANTA_OK;
}

static enum vanta_status collect_array(const json_t *vocab, const char *name,
                                       struct slots *slots, struct vanta_error *err)
{
    size_t i;

    for (i = 0; i < slots->n && i < json_array_size(vocab); i++) {
        const json_t *value = json_array_get(vocab, i);

        if (!json_is_string(value))
            return vanta_fail(err, VANTA_ERR_FORMAT, "%s: token %zu is not a string",
                              name, i);
        slots->texts[i] = json_string_value(value);
        slots->lens[i] = json_string_length(value);
    }
    return VANTA_OK;
}

static enum vanta_status map_all(const struct slots *slots, const char *name,
                                 struct vanta_vocabulary *out, struct vanta_error *err)
{
    int16_t byte_of[ALPHABET_MAX];
    size_t i, total = 0;

    for (i = 0; i < slots->n; i++) {
        if (!slots->texts[i])
            return vanta_fail(err, VANTA_ERR_FORMAT, "%s: no token has the id %zu", name,
                              i);
        total += slots->lens[i];
    }
    out->bytes = malloc(total + 1);
    out->offsets = calloc(slots->n + 1, sizeof *out->offsets);
    if (!out->bytes || !out->offsets)
        return vanta_fail_memory(err);
    invert_alphabet(byte_of);
    for (i = 0; i < slots->n; i++) {
        ptrdiff_t len = token_bytes(byte_of, slots->texts[i], slots->lens[i],
                                    out->bytes + out->offsets[i]);

        if (len < 0)
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: token %zu has a character that no byte stands for",
                              name, i);
        out->offsets[i + 1] = out->offsets[i] + (uint32_t)len;
    }
    out->n = slots->n;
    return VANTA_OK;
}

static enum vanta_status collect(const json_t *json, const char *name,
                                 struct slots *slots, struct vanta_error *err)
{
    const json_t *model = json_object_get(json, "model");
    const json_t *vocab = json_object_get(model, "vocab");

    if (json_is_array(json))
        return collect_array(json, name, slots, err);
    if (json_is_object(vocab))
        return collect_object(vocab, name, slots, err);
    return vanta_fail(err, VANTA_ERR_FORMAT,
                      "%s: neither an array of tokens nor an object with model.vocab",
                      name);
}

enum vanta_status vanta_vocabulary_read(const void *text, size_t len, const char *name,
                                        size_t n, struct vanta_vocabulary *out,
                                        struct vanta_error *err)
{
    struct slots slots = {.n = n};
    enum vanta_status status;
    json_t *json = NULL;

    memset(out, 0, sizeof *out);
    if (n > VANTA_VOCABULARY_TOKENS_MAX || len > VANTA_VOCABULARY_BYTES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: a vocabulary of %zu tokens in %zu "
                          "bytes is too large", name, n, len);
    slots.texts = calloc(n + 1, sizeof *slots.texts);
    slots.lens = calloc(n + 1, sizeof *slots.lens);
    status = slots.texts && slots.lens ? VANTA_OK : vanta_fail_memory(err);
    if (status == VANTA_OK)
        status = vanta_json_load(text, len, name, &json, err);
    if (status == VANTA_OK)
        status = collect(json, name, &slots, err);
    if (status == VANTA_OK)
        status = map_all(&slots, name, out, err);
    json_decref(json);
    free(slots.texts);
    free(slots.lens);
    if (status != VANTA_OK)
        vanta_vocabulary_free(out);
    return status;
}

void vanta_vocabulary_free(struct vanta_vocabulary *vocabulary)
{
    free(vocabulary->bytes);
    free(vocabulary->offsets);
    memset(vocabulary, 0, sizeof *vocabulary);
}
