#include "fetch/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/platform.h"
#include "base/text.h"

#define HEAD "vanta-journal 2\n"
#define LINE_MAX_BYTES 128

enum word { HAVE, LOST, APART, SYNCED, UNSURE, WORDS };
static const struct {
    const char *text;
    int numbers;
} words[WORDS] = {{"have", 2}, {"lost", 2}, {"apart", 0}, {"synced", 1}, {"unsure", 0}};

/* sum becomes that of itself and the text. */
static bool chain(char sum[VANTA_JOURNAL_SUM], const char *text, size_t len)
{
    struct vanta_digest d = {0};
    char hex[VANTA_SHA256_HEX];

    if (vanta_digest_init(&d, VANTA_DIGEST_SHA256, NULL) != VANTA_OK)
        return false;
    vanta_digest_update(&d, sum, strlen(sum));
    vanta_digest_update(&d, text, len);
    vanta_digest_hex(&d, hex);
    memcpy(sum, hex, VANTA_JOURNAL_SUM - 1);
    sum[VANTA_JOURNAL_SUM - 1] = '\0';
    return hex[0] != '\0';
}

/* --- reading ---------------------------------------------------------------------- */

struct reader {
    const char *at, *end;
    char sum[VANTA_JOURNAL_SUM];
};

/* The line at r without its end; false: there is no whole one. */
static bool next_line(struct reader *r, const char **line, size_t *len)
{
    const char *end = memchr(r->at, '\n', (size_t)(r->end - r->at));

    if (!end)
        return false;
    *line = r->at;
    *len = (size_t)(end - r->at);
    r->at = end + 1;
    return true;
}

/* "NAME VALUE", the value printable: it goes into a request's header and to the user. */
static bool take_field(struct reader *r, const char *name, char *out, size_t size)
{
    size_t len, skip = strlen(name) + 1, i;
    const char *line;

    if (!next_line(r, &line, &len) || len < skip || len - skip >= size ||
        memcmp(line, name, skip - 1) != 0 || line[skip - 1] != ' ')
        return false;
    for (i = skip; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            return false;
    memcpy(out, line + skip, len - skip);
    out[len - skip] = '\0';
    return true;
}

static bool take_number(const char **text, uint64_t *out)
{
    char *end;

    if (**text < '0' || **text > '9')
        return false;
    errno = 0;
    *out = strtoull(*text, &end, 10);
    if (errno || *end != ' ' || *out > INT64_MAX)
        return false;
    *text = end + 1;
    return true;
}

static bool read_head(struct reader *r, const char *boot, struct vanta_journal *j)
{
    const char *start = r->at;
    char size[24], sum[VANTA_JOURNAL_SUM + 1], its_boot[80], *end;
    size_t len = strlen(HEAD);

    if ((size_t)(r->end - r->at) < len || memcmp(r->at, HEAD, len) != 0)
        return false;
    r->at += len;
    if (!take_field(r, "source", j->source, sizeof j->source) ||
        !take_field(r, "validator", j->validator, sizeof j->validator) ||
        !take_field(r, "size", size, sizeof size) ||
        !take_field(r, "boot", its_boot, sizeof its_boot))
        return false;
    len = (size_t)(r->at - start);
    if (!take_field(r, "sum", sum, sizeof sum) || !chain(r->sum, start, len) ||
        strcmp(sum, r->sum) != 0)
        return false;
    errno = 0;
    j->size_bytes = strtoll(size, &end, 10);
    j->same_boot = boot[0] && strcmp(boot, its_boot) == 0;
    return !errno && end != size && !*end && j->size_bytes >= -1;
}

/* One line behind the head; false: the rest is not to be believed. */
static bool read_record(struct reader *r, enum word *word, uint64_t numbers[2])
{
    char text[LINE_MAX_BYTES];
    const char *line, *at;
    size_t len, n;
    int i;

    if (!next_line(r, &line, &len) || len >= sizeof text || len < VANTA_JOURNAL_SUM)
        return false;
    memcpy(text, line, len);
    text[len] = '\0';
    n = len - (VANTA_JOURNAL_SUM - 1);
    if (!chain(r->sum, text, n) || strcmp(text + n, r->sum) != 0)
        return false;
    for (*word = HAVE; *word < WORDS; (*word)++) {
        n = strlen(words[*word].text);
        if (strncmp(text, words[*word].text, n) == 0 && text[n] == ' ')
            break;
    }
    if (*word == WORDS)
        return false;
    at = text + n + 1;
    for (i = 0; i < words[*word].numbers; i++)
        if (!take_number(&at, &numbers[i]))
            return false;
    return at == text + len - (VANTA_JOURNAL_SUM - 1);
}

/* A byte that was called lost is lost whatever the disk has of the line before. */
static bool apply(struct vanta_journal *j, struct reader r, unsigned records)
{
    uint64_t numbers[2] = {0, 0};
    enum word word;
    unsigned i;

    for (i = 0; read_record(&r, &word, numbers); i++) {
        if (word == APART)
            j->apart = true;
        if (word == LOST && !vanta_extents_remove(&j->have, numbers[0], numbers[1]))
            return false;
        if (word == HAVE && i < records && numbers[0] < numbers[1] &&
            (j->size_bytes < 0 || numbers[1] <= (uint64_t)j->size_bytes) &&
            !vanta_extents_add(&j->have, numbers[0], numbers[1]))
            return false;
    }
    return true;
}

/* How many records count: all of them where no write was lost since. */
static unsigned count_records(struct reader r, bool *all)
{
    uint64_t numbers[2] = {0, 0};
    unsigned synced = 0, i;
    enum word word;

    for (i = 0; read_record(&r, &word, numbers); i++) {
        if (word == SYNCED && numbers[0] <= i)
            synced = (unsigned)numbers[0];
        if (word == UNSURE)
            *all = false;
    }
    return *all ? UINT_MAX : synced;
}

enum vanta_status vanta_journal_parse(const void *data, size_t len, const char *name,
                                      const char *boot, struct vanta_journal *journal,
                                      struct vanta_error *err)
{
    struct reader r = {.at = data, .end = (const char *)data + len};
    enum vanta_status status = VANTA_OK;

    memset(journal, 0, sizeof *journal);
    if (len > VANTA_JOURNAL_BYTES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: larger than a journal is", name);
    if (!read_head(&r, boot, journal))
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: not a journal, or damaged", name);
    else if (!apply(journal, r, count_records(r, &journal->same_boot)))
        status = vanta_fail_memory(err);
    if (status != VANTA_OK)
        vanta_journal_free(journal);
    return status;
}

enum vanta_status vanta_journal_load(const char *path, struct vanta_journal *journal,
                                     struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(VANTA_JOURNAL_BYTES_MAX);
    enum vanta_status status = vanta_file_read(path, &text, err);
    char boot[VANTA_BOOT_MAX];

    memset(journal, 0, sizeof *journal);
    vanta_platform_boot(boot);
    if (status == VANTA_OK)
        status = vanta_journal_parse(text.data ? text.data : "", text.len, path, boot,
                                     journal, err);
    vanta_buf_free(&text);
    return status;
}

void vanta_journal_free(struct vanta_journal *journal)
{
    vanta_extents_free(&journal->have);
    memset(journal, 0, sizeof *journal);
}

/* --- writing ---------------------------------------------------------------------- */

/* A line with its sum, which w->sum becomes. */
static bool compose(struct vanta_journal_writer *w, struct vanta_buf *out, const char *word,
                    uint64_t a, uint64_t b)
{
    size_t start = out->len, i;
    bool ok = vanta_buf_printf(out, "%s ", word);

    for (i = 0; i < WORDS; i++)
        if (strcmp(words[i].text, word) == 0 && ok && words[i].numbers > 0)
            ok = words[i].numbers == 1
                     ? vanta_buf_printf(out, "%llu ", (unsigned long long)a)
                     : vanta_buf_printf(out, "%llu %llu ", (unsigned long long)a,
                                        (unsigned long long)b);
    ok = ok && chain(w->sum, out->data + start, out->len - start) &&
         vanta_buf_printf(out, "%s\n", w->sum);
    w->records++;
    return ok;
}

static bool compose_all(struct vanta_journal_writer *w, struct vanta_buf *out,
                        const struct vanta_journal *j)
{
    char boot[VANTA_BOOT_MAX];
    size_t i;
    bool ok;

    vanta_platform_boot(boot);
    ok = vanta_buf_printf(out, HEAD "source %s\nvalidator %s\nsize %lld\nboot %s\n",
                          j->source, j->validator, (long long)j->size_bytes, boot) &&
         chain(w->sum, out->data, out->len) && vanta_buf_printf(out, "sum %s\n", w->sum);
    if (j->apart)
        ok = ok && compose(w, out, "apart", 0, 0);
    for (i = 0; i < j->have.n && ok; i++)
        ok = compose(w, out, "have", j->have.list[i].first, j->have.list[i].end);
    return ok && compose(w, out, "synced", w->records, 0);
}

enum vanta_status vanta_journal_begin(struct vanta_journal_writer *w, const char *path,
                                      const struct vanta_journal *journal,
                                      struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(VANTA_JOURNAL_BYTES_MAX);
    enum vanta_status status;

    vanta_journal_end(w);
    if (compose_all(w, &text, journal))
        status = vanta_file_replace(path, text.data, text.len, err);
    else
        status = vanta_fail_memory(err);
    vanta_buf_free(&text);
    if (status != VANTA_OK)
        return status;
    w->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (w->fd > 0)
        return VANTA_OK;
    w->fd = 0;
    return vanta_fail_errno(err, errno, "%s", path);
}

enum vanta_status vanta_journal_add(struct vanta_journal_writer *w, const char *path,
                                    const char *word, uint64_t a, uint64_t b,
                                    struct vanta_error *err)
{
    struct vanta_buf line = VANTA_BUF(LINE_MAX_BYTES);
    enum vanta_status status;

    if (compose(w, &line, word, a, b))
        status = vanta_file_write_all(w->fd, line.data, line.len, path, err);
    else
        status = vanta_fail_memory(err);
    vanta_buf_free(&line);
    return status;
}

void vanta_journal_end(struct vanta_journal_writer *w)
{
    if (w->fd > 0)
        close(w->fd);
    memset(w, 0, sizeof *w);
}
