#include "fetch/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "fetch/archive_library.h"

/*
 * Two layers of the same two things. A stream is the bytes of the parts, one after the
 * other: read(2) of whole files, or the data of members, each through a reader of its
 * own. A reader is libarchive over a stream. So a member of a zip that was cut into five
 * wheels is: reader(stream(reader(stream(wheel 1)), ..., reader(stream(wheel 5)))),
 * with one block of each in memory.
 *
 * Where all parts are whole files the stream can seek, and a zip is read by its central
 * directory; otherwise by its local headers in passing.
 */

#define BLOCK_BYTES ((size_t)256 * 1024)
/* Bytes that may be read to find the next member's header: bounds the memory that a
 * zip's directory and a tar's extended headers take. 8 MiB list some 80,000 members. */
#define HEADER_BYTES_MAX ((uint64_t)8 << 20)
#define ENTRIES_MAX 100000
/* What may come out of unpacking besides wanted members. Weights compress by a half at
 * most, and deflate by 1,032 times: what is beyond this is a bomb. */
#define BOMB_RATIO 100
#define BOMB_SLACK_BYTES ((uint64_t)16 << 20)
#define LABEL_MAX 512

struct reader;

struct stream {
    const struct vanta_archive_part *parts;
    size_t n_parts;
    size_t index;          /* of the part that is open, or will be opened next */
    int fd;                /* of an open whole part, else -1 */
    struct reader *member; /* of an open member part, else NULL */
    uint64_t part_bytes;   /* delivered of the open member, or of a growing file */
    uint64_t file_bytes;   /* sum of the sizes of the parts' files */
    uint64_t offset;       /* of the next byte in the concatenation */
    uint64_t left;         /* bytes that may still come out: against bombs */
    uint64_t header_left;  /* the same while a header is looked for */
    bool seekable, proven;
    uint8_t *block;
    char label[LABEL_MAX]; /* for messages */
    const atomic_bool *cancel;
    struct vanta_error *err;
    enum vanta_status status; /* of the first failure; libarchive only knows "failed" */
};

struct reader {
    const struct vanta_archive_library *lib;
    struct stream *in;
    struct stream *owned;          /* in, when it goes with the reader */
    struct vanta_archive_part own; /* the only part of owned */
    struct archive *a;
    struct archive_entry *entry;
    const char *name; /* of the entry, without leading "./" */
    uint64_t entries;
    uint64_t passed_left; /* unpacked bytes that may still be passed over */
};

static enum vanta_status stream_next(struct stream *s, const void **data, size_t *len);
static void stream_close(struct stream *s);

static bool cancelled(const atomic_bool *cancel)
{
    return cancel && atomic_load_explicit(cancel, memory_order_relaxed);
}

static uint64_t bomb_limit(uint64_t file_bytes)
{
    return file_bytes > UINT64_MAX / (2 * BOMB_RATIO)
               ? UINT64_MAX / 2
               : BOMB_SLACK_BYTES + BOMB_RATIO * file_bytes;
}

static enum vanta_status fail_bomb(const struct stream *s)
{
    vanta_fail(s->err, VANTA_ERR_LIMIT,
               "%s: unpacks to more than %d times its size, as model files never do",
               s->label, BOMB_RATIO);
    vanta_hint(s->err, "the archive is not what its source claims; use another source");
    return VANTA_ERR_LIMIT;
}

/* --- readers: libarchive over a stream ------------------------------------------- */

static la_ssize_t on_read(struct archive *a, void *arg, const void **data)
{
    struct stream *s = arg;
    size_t len = 0;

    (void)a;
    if (s->status == VANTA_OK)
        s->status = stream_next(s, data, &len);
    if (s->status == VANTA_OK && len > s->header_left)
        s->status = vanta_fail(s->err, VANTA_ERR_LIMIT,
                               "%s: the archive's list of members, or what lies before "
                               "one, is larger than %d MiB",
                               s->label, (int)(HEADER_BYTES_MAX >> 20));
    if (s->status != VANTA_OK)
        return -1;
    s->header_left -= len;
    return (la_ssize_t)len;
}

/* Moves to offset in a concatenation of whole files. */
static enum vanta_status stream_seek(struct stream *s, uint64_t offset)
{
    uint64_t start = 0;
    struct stat st;

    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    for (s->index = 0; s->index < s->n_parts; s->index++) {
        const char *path = s->parts[s->index].path;

        if (stat(path, &st) != 0)
            return vanta_fail_errno(s->err, errno, "%s", path);
        if (offset - start < (uint64_t)st.st_size)
            break;
        start += (uint64_t)st.st_size;
    }
    s->offset = offset;
    if (s->index == s->n_parts)
        return VANTA_OK; /* the end: the next read says so */
    s->fd = open(s->parts[s->index].path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0 || lseek(s->fd, (off_t)(offset - start), SEEK_SET) < 0)
        return vanta_fail_errno(s->err, errno, "%s", s->parts[s->index].path);
    return VANTA_OK;
}

static la_int64_t on_seek(struct archive *a, void *arg, la_int64_t offset, int whence)
{
    struct stream *s = arg;
    int64_t base = whence == SEEK_SET   ? 0
                   : whence == SEEK_CUR ? (int64_t)s->offset
                                        : (int64_t)s->file_bytes;

    (void)a;
    if (s->status != VANTA_OK)
        return ARCHIVE_FATAL;
    if (offset < -base || offset > INT64_MAX - base)
        return ARCHIVE_FATAL;
    s->status = stream_seek(s, (uint64_t)(base + offset));
    return s->status == VANTA_OK ? base + offset : ARCHIVE_FATAL;
}

/* Within the open file only: what is left to skip is then read, and asked for again. */
static la_int64_t on_skip(struct archive *a, void *arg, la_int64_t request)
{
    struct stream *s = arg;
    struct stat st;
    off_t at;

    (void)a;
    if (s->status != VANTA_OK || s->fd < 0 || request <= 0 || fstat(s->fd, &st) != 0)
        return 0;
    at = lseek(s->fd, 0, SEEK_CUR);
    if (at < 0 || at >= st.st_size)
        return 0;
    if (request > st.st_size - at)
        request = st.st_size - at;
    if (lseek(s->fd, (off_t)request, SEEK_CUR) < 0)
        return 0;
    s->offset += (uint64_t)request;
    return request;
}

/* What libarchive's "failed" means: our own stream's failure, or damage that it saw. */
static enum vanta_status reader_failed(const struct reader *r, const char *name)
{
    const char *reason = r->a ? r->lib->error_string(r->a) : NULL;

    if (r->in->status != VANTA_OK)
        return r->in->status;
    if (!reason)
        reason = "it is damaged or cut short";
    if (name)
        vanta_fail(r->in->err, VANTA_ERR_FORMAT, "%s: member %s cannot be unpacked: %s",
                   r->in->label, name, reason);
    else
        vanta_fail(r->in->err, VANTA_ERR_FORMAT,
                   "%s: cannot be read as a zip or tar archive: %s", r->in->label,
                   reason);
    vanta_hint(r->in->err, "the archive is damaged, or of a kind that is not supported; "
                           "fetch it again or use another source");
    return VANTA_ERR_FORMAT;
}

static enum vanta_status reader_open(struct reader *r, struct stream *in)
{
    const struct vanta_archive_library *lib = vanta_archive_library(in->err);

    r->in = in;
    if (!lib)
        return VANTA_ERR_TOOL;
    r->lib = lib;
    r->passed_left = bomb_limit(in->file_bytes);
    r->a = lib->read_new();
    if (!r->a)
        return vanta_fail_memory(in->err);
    in->header_left = HEADER_BYTES_MAX;
    lib->support_gzip(r->a);
    lib->support_tar(r->a);
    lib->support_zip(r->a);
    if (in->proven) /* saves a tenth of the time; an older libarchive warns, and checks */
        lib->set_format_option(r->a, "zip", "ignorecrc32", "1");
    lib->set_callback_data(r->a, in);
    lib->set_read_callback(r->a, on_read);
    if (in->seekable) {
        lib->set_seek_callback(r->a, on_seek);
        lib->set_skip_callback(r->a, on_skip);
    }
    if (lib->open(r->a) != ARCHIVE_OK)
        return reader_failed(r, NULL);
    return VANTA_OK;
}

static void reader_close(struct reader *r)
{
    if (r->a)
        r->lib->read_free(r->a);
    r->a = NULL;
    if (r->owned) {
        stream_close(r->owned);
        free(r->owned);
    }
    r->owned = NULL;
}

/* The next member; r->name is NULL at the end. */
static enum vanta_status reader_next(struct reader *r)
{
    int got;

    r->name = NULL;
    if (cancelled(r->in->cancel))
        return vanta_fail(r->in->err, VANTA_ERR_CANCELLED, "stopped while unpacking %s",
                          r->in->label);
    r->in->header_left = HEADER_BYTES_MAX;
    got = r->lib->next_header(r->a, &r->entry);
    r->in->header_left = UINT64_MAX;
    if (got == ARCHIVE_EOF)
        return r->in->status;
    /* ARCHIVE_WARN: names that this locale cannot show, or attributes of no interest. */
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
        return reader_failed(r, NULL);
    if (++r->entries > ENTRIES_MAX)
        return vanta_fail(r->in->err, VANTA_ERR_LIMIT, "%s: has more than %d members",
                          r->in->label, ENTRIES_MAX);
    r->name = r->lib->pathname(r->entry);
    if (!r->name)
        r->name = "";
    while (r->name[0] == '.' && r->name[1] == '/')
        r->name += 2;
    return VANTA_OK;
}

/* Only plain files are ever wanted. */
static enum vanta_status reader_check_wanted(const struct reader *r)
{
    const char *what = NULL;

    if (r->lib->hardlink(r->entry))
        what = "a hard link";
    else if (r->lib->filetype(r->entry) == AE_IFLNK)
        what = "a symbolic link";
    else if (r->lib->filetype(r->entry) == AE_IFDIR)
        what = "a folder";
    else if (r->lib->filetype(r->entry) != AE_IFREG)
        what = "a special file";
    if (what)
        return vanta_fail(r->in->err, VANTA_ERR_FORMAT, "%s: member %s is %s, not a file",
                          r->in->label, r->name, what);
    if (r->lib->is_encrypted(r->entry))
        return vanta_fail(r->in->err, VANTA_ERR_UNSUPPORTED,
                          "%s: member %s is encrypted, which no model file needs to be",
                          r->in->label, r->name);
    return VANTA_OK;
}

/* The member's next bytes; *len is 0 at its end. at counts what was given before. */
static enum vanta_status reader_data(struct reader *r, uint64_t at, const void **data,
                                     size_t *len)
{
    la_int64_t offset = 0;
    int got;

    *len = 0;
    if (cancelled(r->in->cancel))
        return vanta_fail(r->in->err, VANTA_ERR_CANCELLED, "stopped while unpacking %s",
                          r->in->label);
    do {
        got = r->lib->data_block(r->a, data, len, &offset);
    } while (got == ARCHIVE_OK && *len == 0);
    if (got == ARCHIVE_EOF) {
        *len = 0;
        /* A file with holes gives less than it says; so does one that is cut short. */
        if (r->lib->size_is_set(r->entry) && (uint64_t)r->lib->size(r->entry) != at)
            return vanta_fail(r->in->err, VANTA_ERR_FORMAT,
                              "%s: member %s gives %llu of the %lld bytes it announces",
                              r->in->label, r->name, (unsigned long long)at,
                              (long long)r->lib->size(r->entry));
        return r->in->status;
    }
    if (got != ARCHIVE_OK) /* a wrong CRC is a warning to libarchive */
        return reader_failed(r, r->name);
    if ((uint64_t)offset != at)
        return vanta_fail(r->in->err, VANTA_ERR_UNSUPPORTED,
                          "%s: member %s is stored with holes (a sparse file)",
                          r->in->label, r->name);
    return VANTA_OK;
}

/* Passes over the member's data. Unpacking may be the only way to its end (tar.gz, zip
 * members of unknown length): here, not in libarchive, to count and to stop. */
static enum vanta_status reader_skip(struct reader *r)
{
    const void *data;
    size_t len;
    la_int64_t offset;
    int got;

    if ((r->lib->format(r->a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ZIP &&
        r->lib->size_is_set(r->entry)) {
        got = r->lib->data_skip(r->a);
        return got == ARCHIVE_OK || got == ARCHIVE_EOF ? r->in->status
                                                       : reader_failed(r, r->name);
    }
    for (;;) {
        if (cancelled(r->in->cancel))
            return vanta_fail(r->in->err, VANTA_ERR_CANCELLED,
                              "stopped while unpacking %s", r->in->label);
        got = r->lib->data_block(r->a, &data, &len, &offset);
        if (got == ARCHIVE_EOF)
            return r->in->status;
        if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
            return reader_failed(r, r->name);
        if (len > r->passed_left)
            return fail_bomb(r->in);
        r->passed_left -= len;
    }
}

/* --- streams: the bytes of the parts ---------------------------------------------- */

static void describe(struct stream *s)
{
    const struct vanta_archive_part *first = &s->parts[0];
    char more[32] = "";

    if (s->n_parts > 1)
        vanta_format(more, sizeof more, " and %zu more", s->n_parts - 1);
    vanta_format(s->label, sizeof s->label, "%s%s%s%s", first->path,
                 first->member ? ": " : "", first->member ? first->member : "", more);
    if (!s->label[0]) /* too long: the end of the path says most */
        vanta_format(s->label, sizeof s->label, "...%s",
                     first->path + (strlen(first->path) > 400 ? strlen(first->path) - 400
                                                              : 0));
}

static enum vanta_status stream_open(struct stream *s,
                                     const struct vanta_archive_part *parts,
                                     size_t n_parts, const atomic_bool *cancel,
                                     struct vanta_error *err)
{
    struct stat st;
    size_t i;

    memset(s, 0, sizeof *s);
    s->parts = parts;
    s->n_parts = n_parts;
    s->fd = -1;
    s->cancel = cancel;
    s->err = err;
    s->left = UINT64_MAX;
    s->header_left = UINT64_MAX;
    s->seekable = s->proven = true;
    describe(s);
    for (i = 0; i < n_parts; i++) {
        s->proven = s->proven && parts[i].proven;
        if (parts[i].growth)
            s->file_bytes += parts[i].growth->whole_bytes;
        if (parts[i].growth || parts[i].wait) {
            s->seekable = false;
            continue;
        }
        if (stat(parts[i].path, &st) != 0)
            return vanta_fail_errno(err, errno, "%s", parts[i].path);
        if (!S_ISREG(st.st_mode))
            return vanta_fail(err, VANTA_ERR_FORMAT, "%s: is not a file", parts[i].path);
        s->file_bytes += (uint64_t)st.st_size;
        if (parts[i].member)
            s->seekable = false;
    }
    s->block = malloc(BLOCK_BYTES);
    return s->block ? VANTA_OK : vanta_fail_memory(err);
}

static void stream_close_part(struct stream *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    if (s->member) {
        reader_close(s->member);
        free(s->member);
    }
    s->member = NULL;
    s->part_bytes = 0;
}

static void stream_close(struct stream *s)
{
    stream_close_part(s);
    free(s->block);
    s->block = NULL;
}

/* Opens the member part's archive and goes to the member. */
static enum vanta_status stream_open_member(struct stream *s)
{
    const struct vanta_archive_part *part = &s->parts[s->index];
    enum vanta_status status = part->wait ? part->wait(part->wait_arg, s->err) : VANTA_OK;
    struct reader *r;

    if (status != VANTA_OK)
        return status;
    r = calloc(1, sizeof *r);
    if (!r)
        return vanta_fail_memory(s->err);
    s->member = r;
    r->own.path = part->path;
    r->own.growth = part->growth;
    r->own.proven = part->proven;
    r->owned = calloc(1, sizeof *r->owned);
    if (!r->owned)
        return vanta_fail_memory(s->err);
    r->owned->fd = -1;
    status = stream_open(r->owned, &r->own, 1, s->cancel, s->err);
    if (status == VANTA_OK)
        status = reader_open(r, r->owned);
    while (status == VANTA_OK) {
        status = reader_next(r);
        if (status != VANTA_OK)
            break;
        if (!r->name) {
            vanta_fail(s->err, VANTA_ERR_NOT_FOUND, "%s: has no member %s", part->path,
                       part->member);
            return VANTA_ERR_NOT_FOUND;
        }
        if (strcmp(r->name, part->member) == 0)
            return reader_check_wanted(r);
        status = reader_skip(r);
    }
    return status;
}

/* After the member: that no second one has its name, and so that no one can choose
 * between two contents. */
static enum vanta_status stream_end_member(struct stream *s)
{
    const struct vanta_archive_part *part = &s->parts[s->index];
    struct reader *r = s->member;
    enum vanta_status status;

    while ((status = reader_next(r)) == VANTA_OK && r->name) {
        if (strcmp(r->name, part->member) == 0)
            return vanta_fail(s->err, VANTA_ERR_FORMAT, "%s: has two members named %s",
                              part->path, part->member);
        status = reader_skip(r);
        if (status != VANTA_OK)
            return status;
    }
    return status;
}

static enum vanta_status stream_next_member(struct stream *s, const void **data,
                                            size_t *len)
{
    enum vanta_status status;

    if (!s->member) {
        status = stream_open_member(s);
        if (status != VANTA_OK)
            return status;
    }
    status = reader_data(s->member, s->part_bytes, data, len);
    if (status != VANTA_OK)
        return status;
    s->part_bytes += *len;
    return *len ? VANTA_OK : stream_end_member(s);
}

static enum vanta_status stream_next_file(struct stream *s, const void **data,
                                          size_t *len)
{
    const char *path = s->parts[s->index].path;
    ssize_t n;

    if (s->fd < 0) /* O_NONBLOCK: a FIFO that took the file's place does not hang us */
        s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0)
        return vanta_fail_errno(s->err, errno, "%s", path);
    do
        n = read(s->fd, s->block, BLOCK_BYTES);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return vanta_fail_errno(s->err, errno, "reading %s", path);
    *data = s->block;
    *len = (size_t)n;
    return VANTA_OK;
}

static enum vanta_status stream_next_growing(struct stream *s, const void **data,
                                             size_t *len)
{
    const struct vanta_archive_growth *growth = s->parts[s->index].growth;
    enum vanta_status status = VANTA_OK;
    bool more = true;
    ssize_t n = 0;

    while (status == VANTA_OK && n <= 0 && more) {
        n = pread(growth->fd, s->block, BLOCK_BYTES, (off_t)s->part_bytes);
        if (n < 0 && errno != EINTR)
            status = vanta_fail_errno(s->err, errno, "reading %s", s->label);
        else if (n == 0)
            status = growth->more(growth->arg, s->part_bytes, &more, s->err);
    }
    if (status != VANTA_OK)
        return status;
    *data = s->block;
    *len = n > 0 ? (size_t)n : 0;
    s->part_bytes += *len;
    return VANTA_OK;
}

/* The next bytes; *len is 0 behind the last part. They stay until the next call. */
static enum vanta_status stream_next(struct stream *s, const void **data, size_t *len)
{
    enum vanta_status status;

    *data = NULL;
    *len = 0;
    while (s->index < s->n_parts) {
        if (cancelled(s->cancel))
            return vanta_fail(s->err, VANTA_ERR_CANCELLED, "stopped while unpacking %s",
                              s->label);
        if (s->parts[s->index].member)
            status = stream_next_member(s, data, len);
        else if (s->parts[s->index].growth)
            status = stream_next_growing(s, data, len);
        else
            status = stream_next_file(s, data, len);
        if (status != VANTA_OK)
            return status;
        if (*len > s->left)
            return fail_bomb(s);
        if (*len) {
            s->left -= *len;
            s->offset += *len;
            return VANTA_OK;
        }
        stream_close_part(s);
        s->index++;
    }
    return VANTA_OK;
}

/* --- what the caller wants --------------------------------------------------------- */

static enum vanta_status deliver(struct vanta_archive_wanted *w, const struct stream *s,
                                 const char *name, const void *data, size_t len)
{
    if (len > w->max_bytes - w->bytes) {
        w->status = vanta_fail(s->err, VANTA_ERR_LIMIT,
                               "%s%s%s: gives more than the %llu bytes it should have",
                               s->label, name ? ": member " : "", name ? name : "",
                               (unsigned long long)w->max_bytes);
        vanta_hint(s->err, "the archive is not what its source claims; "
                           "use another source");
        return w->status;
    }
    w->status = w->sink(w->arg, data, len, s->err);
    if (w->status == VANTA_OK)
        w->bytes += len;
    return w->status;
}

static enum vanta_status extract_all(struct stream *s, struct vanta_archive_wanted *w)
{
    enum vanta_status status;
    const void *data;
    size_t len;

    for (;;) {
        status = stream_next(s, &data, &len);
        if (status != VANTA_OK || len == 0)
            break;
        status = deliver(w, s, NULL, data, len);
        if (status != VANTA_OK)
            break;
    }
    w->status = status;
    return status;
}

/* Gives the reader's member to all that want it (n is at least 1 of them). */
static enum vanta_status extract_member(struct reader *r, struct vanta_archive_wanted *w,
                                        size_t n)
{
    enum vanta_status status = reader_check_wanted(r);
    uint64_t at = 0;
    const void *data;
    size_t len, i;

    while (status == VANTA_OK) {
        status = reader_data(r, at, &data, &len);
        if (status != VANTA_OK || len == 0)
            break;
        for (i = 0; i < n && status == VANTA_OK; i++)
            if (strcmp(w[i].inner, r->name) == 0)
                status = deliver(&w[i], r->in, r->name, data, len);
        at += len;
    }
    for (i = 0; i < n; i++)
        if (strcmp(w[i].inner, r->name) == 0)
            w[i].status = status;
    return status;
}

static enum vanta_status extract_members(struct reader *r, struct vanta_archive_wanted *w,
                                         size_t n)
{
    enum vanta_status status;
    size_t i;

    while ((status = reader_next(r)) == VANTA_OK && r->name) {
        for (i = 0; i < n && strcmp(w[i].inner, r->name) != 0; i++)
            continue;
        if (i == n)
            status = reader_skip(r);
        else if (w[i].status == VANTA_OK)
            status = w[i].status =
                vanta_fail(r->in->err, VANTA_ERR_FORMAT, "%s: has two members named %s",
                           r->in->label, r->name);
        else
            status = extract_member(r, w, n);
        if (status != VANTA_OK)
            return status;
    }
    return status;
}

/* All wanted members of the archive that the stream is. The stream is read to its end,
 * so that the checks of the members that it is made of are made. */
static enum vanta_status extract_inner(struct stream *s, struct vanta_archive_wanted *w,
                                       size_t n)
{
    struct reader r = {0};
    enum vanta_status status;
    const void *data;
    size_t len = 1, i;

    if (!s->seekable)
        s->left = bomb_limit(s->file_bytes);
    status = reader_open(&r, s);
    if (status == VANTA_OK)
        status = extract_members(&r, w, n);
    reader_close(&r);
    while (status == VANTA_OK && !s->seekable && len > 0)
        status = stream_next(s, &data, &len);
    for (i = 0; i < n && status == VANTA_OK; i++)
        if (w[i].status != VANTA_OK)
            status = vanta_fail(s->err, VANTA_ERR_NOT_FOUND, "%s: has no member %s",
                                s->label, w[i].inner);
    if (status == VANTA_ERR_NOT_FOUND)
        vanta_hint(s->err, "the archive is not the one that the catalog describes");
    return status;
}

enum vanta_status vanta_archive_extract(const struct vanta_archive_part *parts,
                                        size_t n_parts,
                                        struct vanta_archive_wanted *wanted,
                                        size_t n_wanted, const atomic_bool *cancel,
                                        struct vanta_error *err)
{
    enum vanta_status status;
    bool whole = false, misused = false;
    struct stream s;
    locale_t before;
    size_t i;

    for (i = 0; i < n_wanted; i++) {
        wanted[i].bytes = 0;
        wanted[i].status = VANTA_ERR_NOT_FOUND;
        if (!wanted[i].inner)
            whole = true;
    }
    for (i = 0; i < n_parts; i++)
        misused = misused || (parts[i].wait && (!whole || !parts[i].member));
    if (n_parts == 0 || n_wanted == 0 || (whole && n_wanted != 1) || misused)
        return vanta_fail(err, VANTA_ERR_INTERNAL,
                          "unpacking was asked for nothing, or for an archive and a "
                          "member of it at once");
    before = vanta_archive_locale_enter();
    status = stream_open(&s, parts, n_parts, cancel, err);
    if (status == VANTA_OK && whole)
        status = extract_all(&s, &wanted[0]);
    else if (status == VANTA_OK)
        status = extract_inner(&s, wanted, n_wanted);
    stream_close(&s);
    vanta_archive_locale_leave(before);
    return status;
}
