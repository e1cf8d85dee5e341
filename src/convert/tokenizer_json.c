#include "convert/tokenizer_json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "convert/json_scan.h"

/* The 188 printable bytes of Latin-1 stand for themselves, the other 68 for the
 * characters from U+0100 on, in order. */
#define ALPHABET_END 0x144
#define ABSENT UINT32_MAX

struct reader {
    struct vanta_json_scan scan;
    struct vanta_vocabulary *out;
    struct vanta_buf text; /* the string in hand */
    int16_t byte_of[ALPHABET_END];
    bool found;
};

static void invert_alphabet(int16_t byte_of[ALPHABET_END])
{
    int byte, next = 0x100;

    memset(byte_of, -1, ALPHABET_END * sizeof byte_of[0]);
    for (byte = 0; byte < 256; byte++) {
        bool printable = (byte >= 0x21 && byte <= 0x7e) ||
                         (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

        byte_of[printable ? byte : next++] = (int16_t)byte;
    }
}

/* Maps text to bytes in place, where they take no more room; false when a character
 * stands for no byte. The alphabet's characters are one or two bytes of UTF-8. */
static bool to_bytes(const int16_t byte_of[ALPHABET_END], struct vanta_buf *text)
{
    uint8_t *bytes = (uint8_t *)text->data;
    size_t used = 0, i = 0;

    while (i < text->len) {
        unsigned code = bytes[i++];

        if (code >= 0x80) {
            if ((code & 0xe0) != 0xc0 || i == text->len || (bytes[i] & 0xc0) != 0x80)
                return false;
            code = (code & 0x1f) << 6 | (bytes[i++] & 0x3f);
            if (code < 0x80)
                return false;
        }
        if (code >= ALPHABET_END || byte_of[code] < 0)
            return false;
        bytes[used++] = (uint8_t)byte_of[code];
    }
    text->len = used;
    return true;
}

/* The string in hand is the token of this id. */
static enum vanta_status keep(struct reader *r, uint64_t id, struct vanta_error *err)
{
    struct vanta_vocabulary *out = r->out;

    if (id >= out->n)
        return VANTA_OK;
    if (out->tokens[id].offset != ABSENT)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: two tokens have the id %llu",
                          r->scan.name, (unsigned long long)id);
    if (!to_bytes(r->byte_of, &r->text))
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: token %llu has a character that stands for no byte",
                          r->scan.name, (unsigned long long)id);
    out->tokens[id].offset = (uint32_t)out->bytes.len;
    out->tokens[id].len = (uint32_t)r->text.len;
    if (!vanta_buf_append(&out->bytes, r->text.data, r->text.len))
        return vanta_fail_memory(err);
    return VANTA_OK;
}

static enum vanta_status read_object(struct reader *r, struct vanta_error *err)
{
    enum vanta_status status = vanta_json_scan_object(&r->scan, err);

    r->found = true;
    while (status == VANTA_OK) {
        uint64_t id;
        bool more;

        status = vanta_json_scan_key(&r->scan, &r->text, &more, err);
        if (status != VANTA_OK || !more)
            break;
        status = vanta_json_scan_u64(&r->scan, &id, err);
        if (status == VANTA_OK)
            status = keep(r, id, err);
    }
    return status;
}

static enum vanta_status read_array(struct reader *r, struct vanta_error *err)
{
    enum vanta_status status = vanta_json_scan_array(&r->scan, err);
    uint64_t id;

    r->found = true;
    for (id = 0; status == VANTA_OK; id++) {
        bool more;

        status = vanta_json_scan_element(&r->scan, &more, err);
        if (status != VANTA_OK || !more)
            break;
        status = vanta_json_scan_string(&r->scan, &r->text, err);
        if (status == VANTA_OK)
            status = keep(r, id, err);
    }
    return status;
}

/* Looks through an object for one key, whose value read takes. */
static enum vanta_status in_object(struct reader *r, const char *wanted,
                                   enum vanta_status (*read)(struct reader *r,
                                                             struct vanta_error *err),
                                   struct vanta_error *err)
{
    enum vanta_status status = vanta_json_scan_object(&r->scan, err);

    while (status == VANTA_OK) {
        bool more;

        status = vanta_json_scan_key(&r->scan, &r->text, &more, err);
        if (status != VANTA_OK || !more)
            break;
        if (strcmp(r->text.data, wanted) == 0 && vanta_json_scan_peek(&r->scan) == '{')
            status = read(r, err);
        else
            status = vanta_json_scan_skip(&r->scan, err);
    }
    return status;
}

static enum vanta_status read_model(struct reader *r, struct vanta_error *err)
{
    return in_object(r, "vocab", read_object, err);
}

static enum vanta_status read_document(struct reader *r, struct vanta_error *err)
{
    enum vanta_status status;

    if (vanta_json_scan_peek(&r->scan) == '[')
        status = read_array(r, err);
    else
        status = in_object(r, "model", read_model, err);
    if (status == VANTA_OK)
        status = vanta_json_scan_end(&r->scan, err);
    if (status == VANTA_OK && !r->found)
        status = vanta_fail(err, VANTA_ERR_FORMAT,
                            "%s: has no model.vocab, and is no list of tokens",
                            r->scan.name);
    return status;
}

static enum vanta_status check_complete(struct reader *r, struct vanta_error *err)
{
    size_t id;

    for (id = 0; id < r->out->n; id++)
        if (r->out->tokens[id].offset == ABSENT)
            return vanta_fail(err, VANTA_ERR_FORMAT,
                              "%s: token %zu is missing, of %zu that are wanted",
                              r->scan.name, id, r->out->n);
    return VANTA_OK;
}

enum vanta_status vanta_vocabulary_read(const void *text, size_t len, const char *name,
                                        size_t n, struct vanta_vocabulary *out,
                                        struct vanta_error *err)
{
    struct reader r = {.out = out, .text = VANTA_BUF(VANTA_TOKEN_BYTES_MAX)};
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    if (n > VANTA_TOKENS_MAX || len > VANTA_TOKENIZER_BYTES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT,
                          "%s: %zu tokens of a file of %zu bytes are too many", name, n,
                          len);
    /* A token is never longer than its text. */
    out->bytes = VANTA_BUF(len);
    out->n = n;
    out->tokens = malloc((n ? n : 1) * sizeof *out->tokens);
    status = out->tokens ? VANTA_OK : vanta_fail_memory(err);
    if (status == VANTA_OK) {
        memset(out->tokens, 0xff, n * sizeof *out->tokens);
        invert_alphabet(r.byte_of);
        vanta_json_scan_init(&r.scan, text, len, name);
        status = read_document(&r, err);
    }
    if (status == VANTA_OK)
        status = check_complete(&r, err);
    vanta_buf_free(&r.text);
    if (status != VANTA_OK)
        vanta_vocabulary_free(out);
    return status;
}

const void *vanta_vocabulary_token(const struct vanta_vocabulary *vocabulary, size_t id,
                                   size_t *len)
{
    *len = vocabulary->tokens[id].len;
    return vocabulary->bytes.data ? vocabulary->bytes.data + vocabulary->tokens[id].offset
                                  : "";
}

void vanta_vocabulary_free(struct vanta_vocabulary *vocabulary)
{
    free(vocabulary->tokens);
    vanta_buf_free(&vocabulary->bytes);
    memset(vocabulary, 0, sizeof *vocabulary);
}
