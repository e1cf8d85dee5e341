/*
 * fuzz_journal.c - the journal of a partial file.
 *
 * An input that begins with "seal\n" is a journal without its checksums, which chance would
 * never find: they are put in, and what is read is compared with what a plain model makes of
 * the same lines, byte by byte for the first MODEL bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "fetch/journal.h"

#define MODEL 300
#define RECORDS_MAX 200
#define LINE_MAX_BYTES 128

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct record {
    char word; /* of its first letter; 0: not one, and the end */
    uint64_t a, b;
};

static void check(const struct vanta_journal *journal)
{
    const struct vanta_extents *have = &journal->have;
    size_t i;

    /* The validator becomes part of a request. */
    if (strpbrk(journal->validator, "\r\n") || journal->size_bytes < -1)
        abort();
    for (i = 0; i < have->n; i++)
        if (have->list[i].first >= have->list[i].end ||
            (i > 0 && have->list[i - 1].end >= have->list[i].first) ||
            (journal->size_bytes >= 0 &&
             have->list[i].end > (uint64_t)journal->size_bytes))
            abort();
}

/* --- the model --- */

static bool read_number(const char **at, const char *end, uint64_t *out)
{
    if (*at == end || *(*at)++ != ' ' || *at == end || **at < '0' || **at > '9')
        return false;
    for (*out = 0; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
        unsigned digit = (unsigned)(**at - '0');

        if (*out > ((uint64_t)INT64_MAX - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    return true;
}

static struct record read_line(const char *line, size_t len)
{
    static const char *const words[] = {"have", "lost", "apart", "synced", "unsure"};
    struct record none = {0}, r = {0};
    const char *at, *end = line + len;
    size_t i;

    for (i = 0; i < 5; i++) {
        size_t n = strlen(words[i]);

        if (len < n || memcmp(line, words[i], n) != 0)
            continue;
        at = line + n;
        r.word = words[i][0];
        if (i != 2 && i != 4 && !read_number(&at, end, &r.a))
            return none;
        if (i < 2 && !read_number(&at, end, &r.b))
            return none;
        return at == end && len + VANTA_JOURNAL_SUM < LINE_MAX_BYTES ? r : none;
    }
    return none;
}

static void compare(const struct vanta_journal *j, const struct record *records, size_t n)
{
    bool have[MODEL] = {false}, apart = false;
    const struct vanta_extent *e = j->have.list;
    size_t i, counted = n, pos;

    for (i = 0; i < n; i++)
        if (records[i].word == 'u' && j->same_boot)
            abort();
    if (!j->same_boot)
        for (counted = i = 0; i < n; i++)
            if (records[i].word == 's' && records[i].a <= i)
                counted = (size_t)records[i].a;
    for (i = 0; i < n; i++) {
        const struct record *r = &records[i];
        bool fits = j->size_bytes < 0 || r->b <= (uint64_t)j->size_bytes;

        apart |= r->word == 'a';
        for (pos = 0; pos < MODEL; pos++)
            if (pos >= r->a && pos < r->b) {
                if (r->word == 'l')
                    have[pos] = false;
                else if (r->word == 'h' && i < counted && fits)
                    have[pos] = true;
            }
    }
    if (apart != j->apart)
        abort();
    for (pos = 0; pos < MODEL; pos++) {
        while (e && e < j->have.list + j->have.n && e->end <= pos)
            e++;
        if (have[pos] != (e && e < j->have.list + j->have.n && e->first <= pos))
            abort();
    }
}

/* --- checksums --- */

static void chain(char sum[VANTA_JOURNAL_SUM], const char *text, size_t len)
{
    struct vanta_buf both = VANTA_BUF(1 << 20);
    char hex[VANTA_SHA256_HEX];

    if (!vanta_buf_puts(&both, sum) || !vanta_buf_append(&both, text, len) ||
        vanta_sha256_buffer(both.data, both.len, hex, NULL) != VANTA_OK)
        abort();
    vanta_buf_free(&both);
    snprintf(sum, VANTA_JOURNAL_SUM, "%.16s", hex);
}

/* The lines up to that of the boot are the head; a sum is put behind it and each other. */
static size_t seal(const char *data, size_t len, struct vanta_buf *out,
                   struct record records[RECORDS_MAX])
{
    char sum[VANTA_JOURNAL_SUM] = "";
    const char *at = data, *end = data + len, *next;
    bool head = true, ended = false;
    size_t n = 0, start;

    for (; n < RECORDS_MAX && (next = memchr(at, '\n', (size_t)(end - at))); at = next + 1) {
        start = out->len;
        vanta_buf_append(out, at, (size_t)(next - at));
        if (head) {
            vanta_buf_puts(out, "\n");
            if (next - at < 5 || memcmp(at, "boot ", 5) != 0)
                continue;
            head = false;
            chain(sum, out->data, out->len);
            vanta_buf_printf(out, "sum %s\n", sum);
            continue;
        }
        vanta_buf_puts(out, " ");
        chain(sum, out->data + start, out->len - start);
        vanta_buf_printf(out, "%s\n", sum);
        if (!ended)
            records[n] = read_line(at, (size_t)(next - at));
        ended |= records[n].word == 0;
        n += !ended;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct record records[RECORDS_MAX];
    struct vanta_buf sealed = VANTA_BUF(1 << 20);
    struct vanta_journal journal;
    struct vanta_error err = {0};
    bool is_sealed = size > 5 && memcmp(data, "seal\n", 5) == 0;
    size_t n = 0;

    if (is_sealed) {
        if (size > 65536)
            return 0;
        n = seal((const char *)data + 5, size - 5, &sealed, records);
        data = (const uint8_t *)(sealed.data ? sealed.data : "");
        size = sealed.len;
    }
    if (vanta_journal_parse(data, size, "journal", "boot", &journal, &err) == VANTA_OK) {
        check(&journal);
        if (is_sealed)
            compare(&journal, records, n);
    } else if (journal.source[0] || journal.validator[0] || journal.have.n ||
               !err.message[0]) {
        abort();
    }
    vanta_journal_free(&journal);
    vanta_buf_free(&sealed);
    return 0;
}
