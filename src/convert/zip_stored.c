#include "convert/zip_stored.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define END_BYTES 22
#define END_MAGIC 0x06054b50u
#define TAIL_MAX ((size_t)END_BYTES + 65535) /* with the longest comment */
#define LOCATOR_BYTES 20
#define LOCATOR_MAGIC 0x07064b50u
#define END64_BYTES 56
#define END64_MAGIC 0x06064b50u
#define CENTRAL_BYTES 46
#define CENTRAL_MAGIC 0x02014b50u
#define LOCAL_BYTES 30
#define LOCAL_MAGIC 0x04034b50u
#define NOT_HERE 0xffffffffu /* the field is in the ZIP64 record */

static uint64_t le(const uint8_t *p, unsigned bytes)
{
    uint64_t value = 0;

    while (bytes > 0)
        value = value << 8 | p[--bytes];
    return value;
}

static enum vanta_status bad(const struct vanta_cursor *c, const char *what,
                             struct vanta_error *err)
{
    return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s", c->name, what);
}

static enum vanta_status read_at(struct vanta_cursor *c, uint64_t pos, void *out,
                                 size_t len, struct vanta_error *err)
{
    enum vanta_status status = vanta_cursor_seek(c, pos, err);

    return status == VANTA_OK ? vanta_cursor_bytes(c, out, len, err) : status;
}

struct directory {
    uint64_t pos, bytes, entries;
};

/* The end record stands before a comment of the length that it states. */
static enum vanta_status find_end(struct vanta_cursor *c, uint64_t *pos,
                                  struct directory *d, struct vanta_error *err)
{
    size_t len = c->size < TAIL_MAX ? (size_t)c->size : TAIL_MAX, at;
    uint8_t *tail = malloc(TAIL_MAX);
    enum vanta_status status;

    if (!tail)
        return vanta_fail_memory(err);
    status = read_at(c, c->size - len, tail, len, err);
    for (at = len; status == VANTA_OK && at >= END_BYTES; at--) {
        const uint8_t *end = tail + at - END_BYTES;

        if (le(end, 4) != END_MAGIC || le(end + 20, 2) != len - at)
            continue;
        *pos = c->size - len + at - END_BYTES;
        *d = (struct directory){le(end + 16, 4), le(end + 12, 4), le(end + 10, 2)};
        free(tail);
        return VANTA_OK;
    }
    free(tail);
    return status != VANTA_OK ? status
                              : bad(c, "the zip's directory is missing: cut short?", err);
}

/* The ZIP64 record counts where there is one. */
static enum vanta_status read_end64(struct vanta_cursor *c, uint64_t *end,
                                    struct directory *d, struct vanta_error *err)
{
    uint8_t locator[LOCATOR_BYTES], record[END64_BYTES];
    enum vanta_status status;
    uint64_t pos;

    if (*end < LOCATOR_BYTES)
        return VANTA_OK;
    status = read_at(c, *end - LOCATOR_BYTES, locator, sizeof locator, err);
    if (status != VANTA_OK || le(locator, 4) != LOCATOR_MAGIC)
        return status;
    pos = le(locator + 8, 8);
    if (pos > *end - LOCATOR_BYTES || *end - LOCATOR_BYTES - pos < END64_BYTES)
        return bad(c, "the zip's ZIP64 record is not where it should be", err);
    status = read_at(c, pos, record, sizeof record, err);
    if (status == VANTA_OK && le(record, 4) != END64_MAGIC)
        status = bad(c, "the zip's ZIP64 record is damaged", err);
    *end = pos;
    *d = (struct directory){le(record + 48, 8), le(record + 40, 8), le(record + 32, 8)};
    return status;
}

static enum vanta_status load_directory(struct vanta_cursor *c, struct vanta_zip *zip,
                                        struct directory *d, struct vanta_error *err)
{
    uint64_t end = 0;
    enum vanta_status status = find_end(c, &end, d, err);

    if (status == VANTA_OK)
        status = read_end64(c, &end, d, err);
    if (status != VANTA_OK)
        return status;
    if (d->bytes > end || d->pos > end - d->bytes ||
        d->entries > d->bytes / CENTRAL_BYTES)
        return bad(c, "the zip's directory lies outside of the file", err);
    if (d->bytes > VANTA_ZIP_DIRECTORY_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT,
                          "%s: the zip's directory is larger than %zu bytes", c->name,
                          VANTA_ZIP_DIRECTORY_MAX);
    zip->directory = VANTA_BUF(VANTA_ZIP_DIRECTORY_MAX);
    zip->members = calloc((size_t)d->entries + 1, sizeof *zip->members);
    if (!zip->members || !vanta_buf_reserve(&zip->directory, (size_t)d->bytes))
        return vanta_fail_memory(err);
    return read_at(c, d->pos, zip->directory.data, (size_t)d->bytes, err);
}

/* Sizes and place of a member, the extra field being behind its name. */
static bool read_sizes(const uint8_t *header, const uint8_t *extra, size_t len,
                       uint64_t *compressed, uint64_t *bytes, uint64_t *pos)
{
    uint64_t *fields[3] = {bytes, compressed, pos};
    size_t at = 0, size, i, k = 0;

    *compressed = le(header + 20, 4);
    *bytes = le(header + 24, 4);
    *pos = le(header + 42, 4);
    while (len - at >= 4) {
        size = le(extra + at + 2, 2);
        at += 4;
        if (size > len - at)
            return false;
        for (i = 0; le(extra + at - 4, 2) == 1 && k < 3; k++) {
            if (*fields[k] != NOT_HERE)
                continue;
            if (size - i < 8)
                return false;
            *fields[k] = le(extra + at + i, 8);
            i += 8;
        }
        at += size;
    }
    return true;
}

/* What precedes the data tells how far it is away; it has to be the same member's. */
static enum vanta_status place_data(struct vanta_cursor *c, uint64_t pos, uint64_t limit,
                                    struct vanta_zip_member *m, struct vanta_error *err)
{
    size_t len = strlen(m->name);
    uint8_t header[LOCAL_BYTES];
    char name[256], *longer = NULL;
    enum vanta_status status;

    if (pos > limit)
        return bad(c, "a member of the zip lies outside of it", err);
    status = read_at(c, pos, header, sizeof header, err);
    if (status == VANTA_OK && (le(header, 4) != LOCAL_MAGIC || le(header + 26, 2) != len))
        status = bad(c, "a member of the zip is not where the directory says", err);
    if (status == VANTA_OK && len > sizeof name && !(longer = malloc(len)))
        status = vanta_fail_memory(err);
    if (status == VANTA_OK)
        status = vanta_cursor_bytes(c, longer ? longer : name, len, err);
    if (status == VANTA_OK && memcmp(longer ? longer : name, m->name, len) != 0)
        status = bad(c, "a member of the zip has two names", err);
    free(longer);
    if (status != VANTA_OK)
        return status;
    m->data_pos = c->pos + le(header + 28, 2);
    if (m->data_pos > limit || m->bytes > limit - m->data_pos)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %.200s is longer than the file",
                          c->name, m->name);
    return VANTA_OK;
}

static enum vanta_status read_member(struct vanta_cursor *c, uint8_t **at, size_t left,
                                     uint64_t limit, struct vanta_zip_member *m,
                                     struct vanta_error *err)
{
    uint8_t *header = *at, *name = header + CENTRAL_BYTES;
    uint64_t compressed, pos;
    size_t len, extra;

    if (left < CENTRAL_BYTES || le(header, 4) != CENTRAL_MAGIC)
        return bad(c, "the zip's directory is damaged", err);
    len = le(header + 28, 2);
    extra = le(header + 30, 2);
    if (len + extra + le(header + 32, 2) > left - CENTRAL_BYTES ||
        memchr(name, '\0', len) ||
        !read_sizes(header, name + len, extra, &compressed, &m->bytes, &pos))
        return bad(c, "the zip's directory is damaged", err);
    *at = name + len + extra + le(header + 32, 2);
    if (le(header + 8, 2) & 1 || le(header + 10, 2) != 0) {
        vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s: %.*s is %s", c->name,
                   len < 200 ? (int)len : 200, (const char *)name,
                   le(header + 8, 2) & 1 ? "encrypted" : "compressed");
        vanta_hint(err, "PyTorch stores what it saves; this zip was packed by something "
                        "else");
        return VANTA_ERR_UNSUPPORTED;
    }
    if (compressed != m->bytes)
        return bad(c, "a stored member of the zip has two sizes", err);
    memmove(name - 1, name, len); /* what was read makes room for the NUL */
    name[len - (len > 0)] = '\0';
    m->name = (const char *)(len > 0 ? name - 1 : name);
    return place_data(c, pos, limit, m, err);
}

static int by_place(const void *a, const void *b)
{
    const struct vanta_zip_member *x = a, *y = b;

    return (x->data_pos > y->data_pos) - (x->data_pos < y->data_pos);
}

static int by_name(const void *a, const void *b)
{
    const struct vanta_zip_member *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static enum vanta_status check_members(const struct vanta_cursor *c,
                                       struct vanta_zip *zip, struct vanta_error *err)
{
    struct vanta_zip_member *m = zip->members;
    size_t i;

    qsort(m, zip->n, sizeof *m, by_place);
    for (i = 1; i < zip->n; i++)
        if (m[i - 1].data_pos + m[i - 1].bytes > m[i].data_pos)
            return bad(c, "two members of the zip lie upon each other", err);
    qsort(m, zip->n, sizeof *m, by_name);
    for (i = 1; i < zip->n; i++)
        if (strcmp(m[i - 1].name, m[i].name) == 0)
            return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %.200s is in the zip twice",
                              c->name, m[i].name);
    return VANTA_OK;
}

enum vanta_status vanta_zip_read(struct vanta_cursor *c, struct vanta_zip *out,
                                 struct vanta_error *err)
{
    struct directory d = {0, 0, 0};
    enum vanta_status status;
    uint8_t *at, *end;

    memset(out, 0, sizeof *out);
    status = load_directory(c, out, &d, err);
    at = (uint8_t *)out->directory.data;
    end = at ? at + d.bytes : at;
    while (status == VANTA_OK && out->n < d.entries) {
        status = read_member(c, &at, (size_t)(end - at), d.pos, &out->members[out->n],
                             err);
        out->n++;
    }
    if (status == VANTA_OK && at != end)
        status = bad(c, "the zip's directory holds more than it counts", err);
    if (status == VANTA_OK)
        status = check_members(c, out, err);
    if (status != VANTA_OK)
        vanta_zip_free(out);
    return status;
}

const struct vanta_zip_member *vanta_zip_find(const struct vanta_zip *zip,
                                              const char *name)
{
    struct vanta_zip_member key = {.name = name};

    return zip->n ? bsearch(&key, zip->members, zip->n, sizeof key, by_name) : NULL;
}

void vanta_zip_free(struct vanta_zip *zip)
{
    free(zip->members);
    vanta_buf_free(&zip->directory);
    memset(zip, 0, sizeof *zip);
}
