/* chunks.c - hashing a file and its chunks in one pass, and keeping the digests. */
#include "base/chunks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/file.h"

#define MAGIC "VANTACHK"
#define VERSION 1
#define HEAD_BYTES 72
#define DIGEST 32
#define FILE_BYTES_MAX (HEAD_BYTES + (VANTA_CHUNKS_MAX + 1) * DIGEST)

void vanta_chunks_free(struct vanta_chunks *chunks)
{
    free(chunks->digests);
    *chunks = (struct vanta_chunks){0};
}

uint64_t vanta_chunk_count(uint64_t file_bytes)
{
    return file_bytes / VANTA_CHUNK_BYTES + (file_bytes % VANTA_CHUNK_BYTES != 0);
}

size_t vanta_chunk_bytes(uint64_t file_bytes, uint64_t i)
{
    uint64_t left = file_bytes - i * VANTA_CHUNK_BYTES;

    return left < VANTA_CHUNK_BYTES ? (size_t)left : VANTA_CHUNK_BYTES;
}

enum vanta_status vanta_chunk_digest(const void *data, size_t len, uint8_t out[32],
                                     struct vanta_error *err)
{
    uint8_t raw[VANTA_DIGEST_BYTES_MAX];
    struct vanta_digest d = {0};
    enum vanta_status status = vanta_digest_init(&d, VANTA_DIGEST_SHA256, err);

    if (status != VANTA_OK)
        return status;
    vanta_digest_update(&d, data, len);
    if (vanta_digest_final(&d, raw) != DIGEST)
        return vanta_fail(err, VANTA_ERR_INTERNAL, "libcrypto gave no SHA-256");
    memcpy(out, raw, DIGEST);
    return VANTA_OK;
}

/* --- in one pass --- */

static const struct vanta_sha256 start = VANTA_SHA256_START;

static bool make_room(struct vanta_chunk_hasher *h, size_t capacity)
{
    void *grown = realloc(h->digests, capacity * sizeof *h->digests);

    if (!grown)
        return false;
    h->digests = grown;
    h->capacity = capacity;
    return true;
}

enum vanta_status vanta_chunk_hasher_init_plain(struct vanta_chunk_hasher *h,
                                                struct vanta_error *err)
{
    enum vanta_status status;

    memset(h, 0, sizeof *h);
    status = vanta_digest_init(&h->whole_digest, VANTA_DIGEST_SHA256, err);
    if (status == VANTA_OK)
        status = vanta_digest_init(&h->chunk_digest, VANTA_DIGEST_SHA256, err);
    if (status != VANTA_OK)
        vanta_chunk_hasher_free(h);
    return status;
}

enum vanta_status vanta_chunk_hasher_init(struct vanta_chunk_hasher *h, int64_t file_bytes,
                                          struct vanta_error *err)
{
    uint64_t n = file_bytes > 0 ? vanta_chunk_count((uint64_t)file_bytes) : 0;

    memset(h, 0, sizeof *h);
    h->two = vanta_sha256_two();
    if (!h->two) {
        enum vanta_status status = vanta_chunk_hasher_init_plain(h, err);

        if (status != VANTA_OK)
            return status;
    }
    h->whole = h->chunk = start;
    if (n > 0 && n <= VANTA_CHUNKS_MAX && !make_room(h, (size_t)n)) {
        vanta_chunk_hasher_free(h);
        return vanta_fail_memory(err);
    }
    return VANTA_OK;
}

void vanta_chunk_hasher_free(struct vanta_chunk_hasher *h)
{
    vanta_digest_free(&h->whole_digest);
    vanta_digest_free(&h->chunk_digest);
    free(h->digests);
    memset(h, 0, sizeof *h);
}

/* Where the next complete chunk's digest goes; NULL when none are kept. */
static uint8_t *next_digest(struct vanta_chunk_hasher *h)
{
    if (h->n == VANTA_CHUNKS_MAX)
        h->too_many = true;
    if (h->too_many || h->status != VANTA_OK)
        return NULL;
    if (h->n == h->capacity && !make_room(h, h->capacity ? 2 * h->capacity : 64)) {
        h->status = VANTA_ERR_NO_MEMORY;
        return NULL;
    }
    return h->digests[h->n++];
}

/* The chunk's digest with the last len bytes of it. */
static void end_chunk(struct vanta_chunk_hasher *h, const uint8_t *last, size_t len)
{
    uint8_t raw[VANTA_DIGEST_BYTES_MAX], *out = next_digest(h);

    if (h->two) {
        vanta_sha256_end(&h->chunk, last, len, raw);
        h->chunk = start;
    } else if (vanta_digest_final(&h->chunk_digest, raw) != DIGEST ||
               vanta_digest_init(&h->chunk_digest, VANTA_DIGEST_SHA256, NULL) != VANTA_OK) {
        h->status = VANTA_ERR_NO_MEMORY;
    }
    if (out && h->status == VANTA_OK)
        memcpy(out, raw, DIGEST);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* All of len lies in one chunk. */
static void take(struct vanta_chunk_hasher *h, const uint8_t *data, size_t len)
{
    size_t pending = h->bytes % VANTA_SHA256_BLOCK, n = 0;

    h->bytes += len;
    if (!h->two) {
        vanta_digest_update(&h->whole_digest, data, len);
        vanta_digest_update(&h->chunk_digest, data, len);
        return;
    }
    if (pending > 0) {
        n = least(len, VANTA_SHA256_BLOCK - pending);
        memcpy(h->pending + pending, data, n);
        if (pending + n < VANTA_SHA256_BLOCK)
            return;
        vanta_sha256_blocks2(&h->whole, h->pending, &h->chunk, h->pending, 1);
    }
    vanta_sha256_blocks2(&h->whole, data + n, &h->chunk, data + n,
                         (len - n) / VANTA_SHA256_BLOCK);
    n = (len - n) % VANTA_SHA256_BLOCK;
    memcpy(h->pending, data + len - n, n);
}

void vanta_chunk_hasher_update(struct vanta_chunk_hasher *h, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len > 0) {
        size_t n = least(len, VANTA_CHUNK_BYTES - (size_t)(h->bytes % VANTA_CHUNK_BYTES));

        take(h, at, n);
        if (h->bytes % VANTA_CHUNK_BYTES == 0)
            end_chunk(h, NULL, 0);
        at += n;
        len -= n;
    }
}

enum vanta_status vanta_chunk_hasher_final(struct vanta_chunk_hasher *h,
                                           struct vanta_chunks *out,
                                           struct vanta_error *err)
{
    size_t pending = h->bytes % VANTA_SHA256_BLOCK;
    uint8_t raw[VANTA_DIGEST_BYTES_MAX];
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    if (h->bytes % VANTA_CHUNK_BYTES != 0)
        end_chunk(h, h->pending, pending);
    if (h->two)
        vanta_sha256_end(&h->whole, h->pending, pending, raw);
    else if (vanta_digest_final(&h->whole_digest, raw) != DIGEST)
        h->status = VANTA_ERR_NO_MEMORY;
    status = h->status;
    if (status == VANTA_OK) {
        out->file_bytes = h->bytes;
        memcpy(out->sha256, raw, DIGEST);
        if (!h->too_many) {
            out->n = h->n;
            out->digests = h->digests;
            h->digests = NULL;
        }
    }
    vanta_chunk_hasher_free(h);
    return status == VANTA_OK ? VANTA_OK : vanta_fail_memory(err);
}

/* --- in files --- */

static enum vanta_status refuse(const char *name, const char *why, struct vanta_error *err)
{
    return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s", name, why);
}

/* Before anything in it is believed: its size fits what it says, and its checksum. */
static enum vanta_status check_text(const uint8_t *data, size_t len, const char *name,
                                    struct vanta_error *err)
{
    uint8_t sum[DIGEST];
    enum vanta_status status;

    if (len < HEAD_BYTES + DIGEST || memcmp(data, MAGIC, 8) != 0)
        return refuse(name, "not a chunk file", err);
    if (len > FILE_BYTES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: larger than chunk files are", name);
    status = vanta_chunk_digest(data, len - DIGEST, sum, err);
    if (status != VANTA_OK)
        return status;
    if (memcmp(sum, data + len - DIGEST, DIGEST) != 0)
        return refuse(name, "its checksum is not that of its bytes", err);
    return VANTA_OK;
}

enum vanta_status vanta_chunks_parse(const void *data, size_t len, const char *name,
                                     const uint8_t sha256[32], struct vanta_chunks *out,
                                     struct vanta_error *err)
{
    enum vanta_status status = check_text(data, len, name, err);
    struct vanta_chunks head = {0};
    uint32_t version, chunk_bytes;
    uint64_t mtime;
    struct vanta_cursor c;

    memset(out, 0, sizeof *out);
    if (status != VANTA_OK)
        return status;
    /* None of these reads can fail: the head is there. */
    vanta_cursor_memory(&c, data, len, name);
    vanta_cursor_skip(&c, 8, NULL);
    vanta_cursor_u32(&c, &version, NULL);
    vanta_cursor_u32(&c, &chunk_bytes, NULL);
    vanta_cursor_u64(&c, &head.file_bytes, NULL);
    vanta_cursor_bytes(&c, head.sha256, DIGEST, NULL);
    vanta_cursor_u64(&c, &head.seen_inode, NULL);
    vanta_cursor_u64(&c, &mtime, NULL);
    head.seen_mtime_ns = (int64_t)mtime;
    head.n = (len - HEAD_BYTES) / DIGEST - 1;
    if (version != VERSION || chunk_bytes != VANTA_CHUNK_BYTES)
        return refuse(name, "a chunk file of another version", err);
    if ((len - HEAD_BYTES) % DIGEST != 0 || vanta_chunk_count(head.file_bytes) != head.n)
        return refuse(name, "its chunks do not add up to its file's size", err);
    if (sha256 && memcmp(sha256, head.sha256, DIGEST) != 0)
        return refuse(name, "about a file with another digest", err);
    if (head.n > 0) {
        head.digests = malloc(head.n * sizeof *head.digests);
        if (!head.digests)
            return vanta_fail_memory(err);
        vanta_cursor_bytes(&c, head.digests, head.n * sizeof *head.digests, NULL);
    }
    *out = head;
    return VANTA_OK;
}

int64_t vanta_mtime_ns(const struct stat *st)
{
#if defined(__APPLE__)
    const struct timespec *t = &st->st_mtimespec;
#else
    const struct timespec *t = &st->st_mtim;
#endif

    return (int64_t)((uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec);
}

void vanta_chunks_seen(struct vanta_chunks *chunks, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return;
    chunks->seen_inode = (uint64_t)st.st_ino;
    chunks->seen_mtime_ns = vanta_mtime_ns(&st);
}

static enum vanta_status file_path(const char *folder, const uint8_t sha256[32],
                                   char out[VANTA_PATH_MAX], struct vanta_error *err)
{
    char hex[VANTA_SHA256_HEX];

    vanta_sha256_to_hex(sha256, hex);
    if (!vanta_path_join(out, folder, hex))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", folder);
    return VANTA_OK;
}

enum vanta_status vanta_chunks_load(const char *folder, const uint8_t sha256[32],
                                    struct vanta_chunks *out, struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(FILE_BYTES_MAX);
    char path[VANTA_PATH_MAX];
    enum vanta_status status = file_path(folder, sha256, path, err);

    memset(out, 0, sizeof *out);
    if (status != VANTA_OK)
        return status;
    if (vanta_file_is_link(path))
        return refuse(path, "a link is no chunk file", err);
    status = vanta_file_read(path, &text, err);
    if (status == VANTA_OK)
        status = vanta_chunks_parse(text.data ? text.data : "", text.len, path, sha256,
                                    out, err);
    vanta_buf_free(&text);
    return status;
}

void vanta_chunks_forget(const char *folder, const uint8_t sha256[32])
{
    char path[VANTA_PATH_MAX];

    if (file_path(folder, sha256, path, NULL) == VANTA_OK)
        unlink(path);
}

static void put_little(uint8_t *at, uint64_t value, size_t bytes)
{
    for (; bytes > 0; bytes--, value >>= 8)
        *at++ = (uint8_t)value;
}

enum vanta_status vanta_chunks_save(const char *folder, const struct vanta_chunks *chunks,
                                    struct vanta_error *err)
{
    size_t digests = chunks->n * DIGEST, len = HEAD_BYTES + digests + DIGEST;
    char path[VANTA_PATH_MAX];
    enum vanta_status status;
    uint8_t *text;

    if (chunks->n < 2)
        return VANTA_OK;
    status = file_path(folder, chunks->sha256, path, err);
    if (status == VANTA_OK)
        status = vanta_dir_make(folder, err);
    if (status != VANTA_OK)
        return status;
    text = malloc(len);
    if (!text)
        return vanta_fail_memory(err);
    memcpy(text, MAGIC, 8);
    put_little(text + 8, VERSION, 4);
    put_little(text + 12, VANTA_CHUNK_BYTES, 4);
    put_little(text + 16, chunks->file_bytes, 8);
    memcpy(text + 24, chunks->sha256, DIGEST);
    put_little(text + 56, chunks->seen_inode, 8);
    put_little(text + 64, (uint64_t)chunks->seen_mtime_ns, 8);
    memcpy(text + HEAD_BYTES, chunks->digests, digests);
    status = vanta_chunk_digest(text, len - DIGEST, text + len - DIGEST, err);
    if (status == VANTA_OK)
        status = vanta_file_replace(path, text, len, err);
    free(text);
    return status;
}
