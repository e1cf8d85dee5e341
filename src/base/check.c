/* check.c - workers that take whole files and pairs of chunks. */
#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cores.h"
#include "base/error.h"
#include "base/path.h"
#include "base/stream.h"

#define THREADS_MAX 256
#define TELL_MS 100
/* Each of a pair's chunks is read in pieces that stay in the core's own cache until they
 * are hashed. */
#define PIECE_BYTES ((size_t)128 * 1024)
/* A quick look takes one pair in so many, but at least and at most: */
#define SAMPLE_ONE_IN 64
#define SAMPLES_MIN 4
#define SAMPLES_MAX 16

/* A file in work. */
struct open_file {
    struct vanta_check *check;
    struct open_file *next; /* in the list of those with pairs to be taken, or done */
    int fd;
    struct stat before;
    struct vanta_chunks known; /* n 0: none */
    /* Pairs of chunks: which comes next, how many are taken and not ended. */
    size_t pairs, next_pair, running;
    size_t *sample; /* NULL: all */
    bool differs;   /* one of them */
};

struct pool {
    const struct vanta_check_options *options;
    struct open_file *files; /* in the order in which they are opened */
    size_t n, next;
    size_t opening;          /* files that may yet have pairs for others */
    size_t undone;
    bool alone;              /* as many whole files are left as there are threads */
    struct open_file *active, *done;
    uint8_t *pieces; /* two for each thread */
    atomic_size_t threads;
    pthread_mutex_t mutex;
    pthread_cond_t work, news;
    _Atomic uint64_t bytes, total;
};

void vanta_check_free(struct vanta_check *file)
{
    free(file->wrong);
    file->wrong = NULL;
}

static bool is_cancelled(const struct pool *p)
{
    return p->options->cancel && atomic_load(p->options->cancel);
}

static enum vanta_status stopped(const struct open_file *f, struct vanta_error *err)
{
    return vanta_fail(err, VANTA_ERR_CANCELLED, "%s: stopped while it was hashed",
                      f->check->path);
}

/* A file that changes while it is read has no bytes that could be judged. */
static enum vanta_status changed(const struct open_file *f, struct vanta_error *err)
{
    vanta_fail(err, VANTA_ERR_BUSY, "%s: changed while it was hashed", f->check->path);
    vanta_hint(err, "Verify it again when nothing writes to it any more.");
    return VANTA_ERR_BUSY;
}

/* --- whole files --- */

struct whole {
    struct pool *pool;
    struct open_file *file;
    struct vanta_chunk_hasher hasher;
};

static enum vanta_status take_block(void *arg, const uint8_t *data, size_t len,
                                    struct vanta_error *err)
{
    struct whole *w = arg;

    if (is_cancelled(w->pool))
        return stopped(w->file, err);
    vanta_chunk_hasher_update(&w->hasher, data, len);
    atomic_fetch_add(&w->pool->bytes, len);
    return VANTA_OK;
}

/* A hint, and no failure when it cannot be kept: a folder may be read-only. */
static void keep(struct pool *p, struct open_file *f, struct vanta_chunks *chunks)
{
    chunks->seen_inode = (uint64_t)f->before.st_ino;
    chunks->seen_mtime_ns = vanta_mtime_ns(&f->before);
    if (p->options->chunks_folder)
        vanta_chunks_save(p->options->chunks_folder, chunks, NULL);
}

/* Which chunks are not those that were recorded. */
static enum vanta_status compare(struct open_file *f, const struct vanta_chunks *found,
                                 struct vanta_error *err)
{
    struct vanta_check *c = f->check;
    size_t i;

    if (f->known.n == 0)
        return VANTA_OK;
    c->wrong = calloc(f->known.n, 1);
    if (!c->wrong)
        return vanta_fail_memory(err);
    c->n_chunks = f->known.n;
    for (i = 0; i < c->n_chunks; i++) {
        if (i < found->n && memcmp(found->digests[i], f->known.digests[i], 32) == 0)
            continue;
        c->wrong[i] = 1;
        c->n_wrong++;
        c->wrong_bytes += vanta_chunk_bytes(f->known.file_bytes, i);
    }
    return VANTA_OK;
}

/* The file is wrong and each chunk of it the recorded one: the record is not of the right
 * file, and a repair must not go by it. */
static void disbelieve(const struct pool *p, struct open_file *f)
{
    struct vanta_check *c = f->check;

    if (p->options->chunks_folder)
        vanta_chunks_forget(p->options->chunks_folder, f->known.sha256);
    c->chunks_lied = true;
    free(c->wrong);
    c->wrong = NULL;
    c->n_chunks = 0;
}

static enum vanta_status judge_whole(struct pool *p, struct open_file *f,
                                     struct vanta_chunks *found, struct vanta_error *err)
{
    struct vanta_check *c = f->check;
    enum vanta_status status;

    vanta_sha256_to_hex(found->sha256, c->found);
    c->bytes = found->file_bytes;
    c->hashed_bytes += found->file_bytes;
    c->right = c->sha256 && strcmp(c->sha256, c->found) == 0;
    if (!c->right) {
        status = compare(f, found, err);
        if (status == VANTA_OK && f->known.n > 0 && c->n_wrong == 0)
            disbelieve(p, f);
        return status;
    }
    c->chunks_lied = f->known.n > 0 &&
                     (f->known.n != found->n ||
                      memcmp(f->known.digests, found->digests, found->n * 32) != 0);
    keep(p, f, found);
    return VANTA_OK;
}

static enum vanta_status hash_whole(struct pool *p, struct open_file *f,
                                    struct vanta_error *err)
{
    struct vanta_stream_options how = {.alone = p->alone,
                                       .traceless = p->options->traceless};
    struct whole w = {.pool = p, .file = f};
    struct vanta_chunks found = {0};
    enum vanta_status status =
        vanta_chunk_hasher_init(&w.hasher, (int64_t)f->before.st_size, err);

    if (status == VANTA_OK)
        status = vanta_stream_file(f->fd, f->check->path, &how, take_block, &w, err);
    if (status == VANTA_OK)
        status = vanta_chunk_hasher_final(&w.hasher, &found, err);
    if (status == VANTA_OK)
        status = judge_whole(p, f, &found, err);
    vanta_chunk_hasher_free(&w.hasher);
    vanta_chunks_free(&found);
    return status;
}

/* --- pairs of chunks --- */

/* One chunk of a pair, while it is hashed. */
struct chunk {
    size_t index, len, done;
    bool absent; /* was not in memory */
    struct vanta_sha256 two;
    struct vanta_digest one; /* without the processor's instructions */
    uint8_t *piece;
    size_t in_piece;
    bool differs;
};

static enum vanta_status read_piece(const struct open_file *f, struct chunk *c,
                                    struct vanta_error *err)
{
    uint64_t pos = (uint64_t)c->index * VANTA_CHUNK_BYTES + c->done;
    size_t len = c->len - c->done < PIECE_BYTES ? c->len - c->done : PIECE_BYTES;
    int64_t n = len ? vanta_read_at(f->fd, c->piece, len, pos) : 0;

    if (n < 0)
        return vanta_fail_errno(err, (int)-n, "%s: reading at byte %llu", f->check->path,
                                (unsigned long long)pos);
    if ((size_t)n < len) /* it has become shorter */
        return changed(f, err);
    c->in_piece = len;
    return VANTA_OK;
}

/* What both have goes in turns, what one has left by itself. The last piece of a chunk may
 * end within a block. */
static void take_pieces(struct chunk *a, struct chunk *b)
{
    size_t blocks_a = a->in_piece / VANTA_SHA256_BLOCK;
    size_t blocks_b = b->in_piece / VANTA_SHA256_BLOCK;
    size_t both = blocks_a < blocks_b ? blocks_a : blocks_b;
    size_t at = both * VANTA_SHA256_BLOCK;
    struct vanta_sha256 unused = VANTA_SHA256_START;

    vanta_sha256_blocks2(&a->two, a->piece, &b->two, b->piece, both);
    vanta_sha256_blocks2(&a->two, a->piece + at, &unused, a->piece + at, blocks_a - both);
    vanta_sha256_blocks2(&b->two, b->piece + at, &unused, b->piece + at, blocks_b - both);
}

static enum vanta_status begin_chunk(struct pool *p, const struct open_file *f,
                                     struct chunk *c, struct vanta_error *err)
{
    static const struct vanta_sha256 start = VANTA_SHA256_START;

    if (c->len == 0)
        return VANTA_OK;
    c->two = start;
    c->absent = p->options->traceless &&
                vanta_step_begin(f->fd, (uint64_t)c->index * VANTA_CHUNK_BYTES, c->len);
    return vanta_sha256_two() ? VANTA_OK
                              : vanta_digest_init(&c->one, VANTA_DIGEST_SHA256, err);
}

/* After the chunk's last piece, in which its last bytes still are. */
static void end_chunk(const struct open_file *f, struct chunk *c)
{
    size_t tail = c->in_piece % VANTA_SHA256_BLOCK;
    uint8_t digest[VANTA_DIGEST_BYTES_MAX] = {0};

    if (c->in_piece == 0 || c->done < c->len)
        return;
    if (vanta_sha256_two())
        vanta_sha256_end(&c->two, c->piece + c->in_piece - tail, tail, digest);
    else
        vanta_digest_final(&c->one, digest);
    c->differs = memcmp(digest, f->known.digests[c->index], 32) != 0;
}

static enum vanta_status hash_pieces(struct pool *p, const struct open_file *f,
                                     struct chunk *a, struct chunk *b,
                                     struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;

    while (a->done < a->len || b->done < b->len) {
        if (is_cancelled(p))
            return stopped(f, err);
        status = read_piece(f, a, err);
        if (status == VANTA_OK)
            status = read_piece(f, b, err);
        if (status != VANTA_OK)
            return status;
        atomic_fetch_add(&p->bytes, a->in_piece + b->in_piece);
        if (vanta_sha256_two()) {
            take_pieces(a, b);
        } else {
            vanta_digest_update(&a->one, a->piece, a->in_piece);
            vanta_digest_update(&b->one, b->piece, b->in_piece);
        }
        a->done += a->in_piece;
        b->done += b->in_piece;
        end_chunk(f, a);
        end_chunk(f, b);
    }
    return VANTA_OK;
}

/* *differs when one of the pair's chunks is not the recorded one. A pair at the file's end
 * may have a single chunk: the other one is empty then. */
static enum vanta_status hash_pair(struct pool *p, const struct open_file *f, size_t pair,
                                   uint8_t *pieces, bool *differs, struct vanta_error *err)
{
    struct chunk c[2] = {{.index = 2 * pair, .piece = pieces},
                         {.index = 2 * pair + 1, .piece = pieces + PIECE_BYTES}};
    enum vanta_status status = VANTA_OK;
    int i;

    for (i = 0; i < 2 && status == VANTA_OK; i++) {
        if (c[i].index < f->known.n)
            c[i].len = vanta_chunk_bytes(f->known.file_bytes, c[i].index);
        status = begin_chunk(p, f, &c[i], err);
    }
    if (status == VANTA_OK)
        status = hash_pieces(p, f, &c[0], &c[1], err);
    for (i = 0; i < 2; i++) {
        if (c[i].absent)
            vanta_step_end(f->fd, (uint64_t)c[i].index * VANTA_CHUNK_BYTES, c[i].len);
        vanta_digest_free(&c[i].one);
    }
    *differs = c[0].differs || c[1].differs;
    return status;
}

/* --- one file from its beginning to its end --- */

static bool was_seen_here(const struct open_file *f)
{
    return f->known.seen_inode != 0 &&
           f->known.seen_inode == (uint64_t)f->before.st_ino &&
           f->known.seen_mtime_ns == vanta_mtime_ns(&f->before);
}

static uint64_t pair_bytes(const struct open_file *f, size_t pair)
{
    uint64_t start = (uint64_t)pair * 2 * VANTA_CHUNK_BYTES;
    uint64_t left = f->known.file_bytes - start;

    return left < 2 * VANTA_CHUNK_BYTES ? left : 2 * VANTA_CHUNK_BYTES;
}

/* Some pairs, evenly spread from a beginning that differs from time to time, so that
 * looking often looks everywhere; the last pair always, where files are cut. */
static bool choose_sample(struct pool *p, struct open_file *f)
{
    size_t all = f->pairs, n = all / SAMPLE_ONE_IN, i, start;
    uint64_t left_out = f->known.file_bytes;

    n = n < SAMPLES_MIN ? SAMPLES_MIN : n > SAMPLES_MAX ? SAMPLES_MAX : n;
    if (n >= all)
        return false;
    f->sample = malloc(n * sizeof *f->sample);
    if (!f->sample)
        return false;
    start = (size_t)((uint64_t)vanta_clock_ms() % (all / n));
    for (i = 0; i < n; i++)
        f->sample[i] = start + i * (all / n);
    f->sample[n - 1] = all - 1;
    f->pairs = n;
    for (i = 0; i < n; i++)
        left_out -= pair_bytes(f, f->sample[i]);
    atomic_fetch_sub(&p->total, left_out);
    return true;
}

/* The digests of its chunks, when they are known and could be right. */
static void find_chunks(struct pool *p, struct open_file *f)
{
    struct vanta_check *c = f->check;
    uint8_t digest[32];

    if (!p->options->chunks_folder || !c->sha256 ||
        !vanta_sha256_from_hex(c->sha256, digest))
        return;
    vanta_chunks_load(p->options->chunks_folder, digest, &f->known, NULL);
    if (p->options->whole || f->known.n < 2 || f->known.file_bytes != (uint64_t)f->before.st_size)
        return;
    f->pairs = (f->known.n + 1) / 2;
    if (c->quick && was_seen_here(f))
        c->sampled = choose_sample(p, f);
}

static enum vanta_status open_it(struct pool *p, struct open_file *f,
                                 struct vanta_error *err)
{
    const char *path = f->check->path;

    f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f->fd < 0 || fstat(f->fd, &f->before) != 0)
        return vanta_fail_errno(err, errno, "%s", path);
    if (!S_ISREG(f->before.st_mode))
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: not a regular file", path);
    f->check->bytes = (uint64_t)f->before.st_size;
    find_chunks(p, f);
    return VANTA_OK;
}

static enum vanta_status unchanged(const struct open_file *f, struct vanta_error *err)
{
    struct stat now;

    if (stat(f->check->path, &now) == 0 && now.st_ino == f->before.st_ino &&
        now.st_dev == f->before.st_dev && now.st_size == f->before.st_size &&
        vanta_mtime_ns(&now) == vanta_mtime_ns(&f->before))
        return VANTA_OK;
    return changed(f, err);
}

/* After its last pair: all equal, or hashed whole. */
static enum vanta_status end_pairs(struct pool *p, struct open_file *f,
                                   struct vanta_error *err)
{
    struct vanta_check *c = f->check;

    if (f->differs) {
        c->sampled = false;
        atomic_fetch_add(&p->total, f->known.file_bytes);
        return hash_whole(p, f, err);
    }
    c->right = true;
    if (c->sampled)
        return VANTA_OK;
    memcpy(c->found, c->sha256, sizeof c->found);
    if (!was_seen_here(f))
        keep(p, f, &f->known);
    return VANTA_OK;
}

static void close_it(struct pool *p, struct open_file *f)
{
    struct vanta_check *c = f->check;

    if (c->status == VANTA_OK)
        c->status = unchanged(f, &c->error);
    if (c->status != VANTA_OK) {
        c->right = c->sampled = c->chunks_lied = false;
        c->found[0] = '\0';
        vanta_check_free(c);
    }
    if (f->fd >= 0)
        close(f->fd);
    vanta_chunks_free(&f->known);
    free(f->sample);
    pthread_mutex_lock(&p->mutex);
    f->next = p->done;
    p->done = f;
    pthread_cond_signal(&p->news);
    pthread_mutex_unlock(&p->mutex);
}

/* --- the workers --- */

static void run_file(struct pool *p, struct open_file *f)
{
    struct vanta_check *c = f->check;
    bool has_pairs;

    c->status = is_cancelled(p) ? stopped(f, &c->error) : open_it(p, f, &c->error);
    has_pairs = c->status == VANTA_OK && f->pairs > 0;
    pthread_mutex_lock(&p->mutex);
    p->opening--;
    if (has_pairs) {
        f->next = p->active;
        p->active = f;
    }
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->mutex);
    if (has_pairs)
        return;
    if (c->status == VANTA_OK)
        c->status = hash_whole(p, f, &c->error);
    close_it(p, f);
}

static void drop_active(struct pool *p, const struct open_file *f)
{
    struct open_file **at = &p->active;

    while (*at && *at != f)
        at = &(*at)->next;
    if (*at)
        *at = f->next;
}

/* The mutex is held, and again when it returns. */
static void run_pair(struct pool *p, struct open_file *f, uint8_t *pieces)
{
    size_t pair = f->sample ? f->sample[f->next_pair] : f->next_pair;
    struct vanta_check *c = f->check;
    struct vanta_error err = {0};
    enum vanta_status status;
    bool differs = false;

    f->running++;
    f->next_pair++;
    if (f->next_pair == f->pairs)
        drop_active(p, f);
    pthread_mutex_unlock(&p->mutex);
    status = hash_pair(p, f, pair, pieces, &differs, &err);
    pthread_mutex_lock(&p->mutex);
    c->hashed_bytes += pair_bytes(f, pair);
    f->differs |= differs;
    if (status != VANTA_OK && c->status == VANTA_OK) {
        c->status = status;
        c->error = err;
    }
    if (c->status != VANTA_OK || differs) {
        f->next_pair = f->pairs; /* the rest would say nothing more */
        drop_active(p, f);
    }
    if (--f->running > 0 || f->next_pair < f->pairs)
        return;
    pthread_mutex_unlock(&p->mutex);
    if (c->status == VANTA_OK)
        c->status = end_pairs(p, f, &c->error);
    close_it(p, f);
    pthread_mutex_lock(&p->mutex);
}

static void *worker(void *arg)
{
    struct pool *p = arg;
    uint8_t *pieces = p->pieces + atomic_fetch_add(&p->threads, 1) * 2 * PIECE_BYTES;

    pthread_mutex_lock(&p->mutex);
    for (;;) {
        if (p->active) {
            run_pair(p, p->active, pieces);
        } else if (p->next < p->n) {
            struct open_file *f = &p->files[p->next++];

            p->opening++;
            pthread_mutex_unlock(&p->mutex);
            run_file(p, f);
            pthread_mutex_lock(&p->mutex);
        } else if (p->opening > 0) {
            pthread_cond_wait(&p->work, &p->mutex);
        } else {
            break;
        }
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

/* --- all of them --- */

/* Whole files first, since only chunks can be shared, and the biggest of each first. */
static bool has_chunk_file(const struct vanta_check_options *o, const struct vanta_check *c)
{
    char path[VANTA_PATH_MAX];

    return o->chunks_folder && !o->whole && c->sha256 && vanta_sha256_is_hex(c->sha256) &&
           vanta_path_join(path, o->chunks_folder, c->sha256) && access(path, R_OK) == 0;
}

static int by_size(const void *a, const void *b)
{
    const struct open_file *l = a, *r = b;

    if (l->pairs != r->pairs)
        return l->pairs < r->pairs ? -1 : 1;
    if (l->before.st_size != r->before.st_size)
        return l->before.st_size > r->before.st_size ? -1 : 1;
    return 0;
}

static void order(struct pool *p, struct vanta_check *files, unsigned threads)
{
    uint64_t total = 0;
    size_t i, whole = 0;

    for (i = 0; i < p->n; i++) {
        struct open_file *f = &p->files[i];

        f->check = &files[i];
        f->fd = -1;
        if (stat(files[i].path, &f->before) != 0)
            f->before.st_size = 0;
        f->pairs = has_chunk_file(p->options, &files[i]);
        whole += !f->pairs;
        total += (uint64_t)f->before.st_size;
    }
    qsort(p->files, p->n, sizeof *p->files, by_size);
    for (i = 0; i < p->n; i++)
        p->files[i].pairs = 0; /* found out anew when it is opened */
    p->alone = whole >= threads;
    atomic_store(&p->total, total);
}

static void tell(const struct pool *p)
{
    if (p->options->progress)
        p->options->progress(p->options->arg, atomic_load(&p->bytes),
                             atomic_load(&p->total));
}

/* Hands over what is done; the mutex is held, and again when it returns. */
static void hand_over(struct pool *p)
{
    while (p->done) {
        struct open_file *f = p->done;

        p->done = f->next;
        p->undone--;
        pthread_mutex_unlock(&p->mutex);
        if (p->options->done)
            p->options->done(p->options->arg, f->check);
        pthread_mutex_lock(&p->mutex);
    }
}

static void wait_for_all(struct pool *p)
{
    pthread_mutex_lock(&p->mutex);
    while (p->undone > 0) {
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TELL_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (!p->done)
            pthread_cond_timedwait(&p->news, &p->mutex, &until);
        hand_over(p);
        pthread_mutex_unlock(&p->mutex);
        tell(p);
        pthread_mutex_lock(&p->mutex);
    }
    pthread_mutex_unlock(&p->mutex);
}

static unsigned threads_wanted(const struct vanta_check_options *o)
{
    struct vanta_cores cores;
    unsigned n = o->jobs;

    if (n == 0) {
        vanta_cores_read(&cores);
        n = cores.usable;
        if (cores.quota > 0 && cores.quota < n)
            n = (unsigned)(cores.quota + 0.5);
    }
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n;
}

static void start(struct vanta_check *file)
{
    file->status = VANTA_OK;
    vanta_error_clear(&file->error);
    file->right = file->sampled = file->chunks_lied = false;
    file->found[0] = '\0';
    file->bytes = file->hashed_bytes = file->wrong_bytes = 0;
    file->n_chunks = file->n_wrong = 0;
    vanta_check_free(file);
}

void vanta_check_files(struct vanta_check *files, size_t n,
                       const struct vanta_check_options *options)
{
    struct pool p = {.options = options, .n = n, .undone = n};
    unsigned wanted = threads_wanted(options), started = 0;
    pthread_t threads[THREADS_MAX];
    size_t i;

    for (i = 0; i < n; i++)
        start(&files[i]);
    p.files = calloc(n ? n : 1, sizeof *p.files);
    p.pieces = malloc(wanted * 2 * PIECE_BYTES);
    for (i = 0; (!p.files || !p.pieces) && i < n; i++)
        files[i].status = vanta_fail_memory(&files[i].error);
    if (!p.files || !p.pieces)
        goto out;
    pthread_mutex_init(&p.mutex, NULL);
    pthread_cond_init(&p.work, NULL);
    pthread_cond_init(&p.news, NULL);
    order(&p, files, wanted);
    while (n > 0 && started < wanted &&
           pthread_create(&threads[started], NULL, worker, &p) == 0)
        started++;
    if (started == 0)
        worker(&p);
    wait_for_all(&p);
    while (started > 0)
        pthread_join(threads[--started], NULL);
    pthread_cond_destroy(&p.news);
    pthread_cond_destroy(&p.work);
    pthread_mutex_destroy(&p.mutex);
out:
    free(p.pieces);
    free(p.files);
}
