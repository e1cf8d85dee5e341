/*
 * journal.h - what must be known to go on with a partial file: lines of text beside it.
 *
 *     vanta-journal 2
 *     source hf:org/repo@commit/file       where the bytes came from first
 *     validator "abc"                      for If-Range; nothing: the server gave none
 *     size 147951465                       -1: unknown
 *     boot 7f3c...                         of the system, when this was begun
 *     sum 0011223344556677
 *     have 0 8388608 89abcdef01234567      these bytes were written
 *     apart 0123456789abcdef               from now on not only in their order
 *     lost 4194304 8388608 ...             these turned out to be wrong
 *     synced 2 ...                         what the first 2 lines say is on the disk
 *     unsure ...                           a sync failed: only what "synced" covers is
 *
 * It only grows, a line at a time, each behind the bytes that it tells of. The last word
 * of a line is its checksum: the first 16 digits of the SHA-256 of the checksum before and
 * the line; so a line that was torn, changed or moved ends the reading, and those before
 * it hold. A process that is killed loses no write that returned: within the same boot all
 * lines count. After a loss of power only those that "synced" covers do.
 *
 * It lies in a folder that others may write to, so it is checked like any other input.
 * Threads: one per struct.
 */
#ifndef VANTA_FETCH_JOURNAL_H
#define VANTA_FETCH_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "fetch/extents.h"
#include "vanta_error.h"

#define VANTA_JOURNAL_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define VANTA_JOURNAL_SOURCE_MAX 4608
#define VANTA_JOURNAL_VALIDATOR_MAX 256
#define VANTA_JOURNAL_SUM 17

struct vanta_journal {
    char source[VANTA_JOURNAL_SOURCE_MAX];
    char validator[VANTA_JOURNAL_VALIDATOR_MAX];
    int64_t size_bytes;
    bool same_boot; /* and no sync failed: nothing was lost since it was written */
    bool apart;     /* bytes were written at several places */
    struct vanta_extents have;
};

/* VANTA_ERR_FORMAT when its head is not that of a journal of this version, LIMIT when it
 * is too large; *journal is empty then. boot: the running system's, "" when not known. */
enum vanta_status vanta_journal_parse(const void *data, size_t len, const char *name,
                                      const char *boot, struct vanta_journal *journal,
                                      struct vanta_error *err);
/* VANTA_ERR_NOT_FOUND when there is none. */
enum vanta_status vanta_journal_load(const char *path, struct vanta_journal *journal,
                                     struct vanta_error *err);
void vanta_journal_free(struct vanta_journal *journal); /* leaves it empty */

/* --- writing --- */

struct vanta_journal_writer {
    int fd; /* 0: none is open */
    char sum[VANTA_JOURNAL_SUM];
    unsigned records;
};

/* Replaces the file at path by one that says what journal does, all of it as synced (the
 * caller has seen to that), and stays open for more. Lasts when it returns. */
enum vanta_status vanta_journal_begin(struct vanta_journal_writer *w, const char *path,
                                      const struct vanta_journal *journal,
                                      struct vanta_error *err);
/* word: "have", "lost", "apart", "synced" or "unsure"; those numbers that the word takes.
 * Not waited for: it is in the file when it returns, on the disk some time. */
enum vanta_status vanta_journal_add(struct vanta_journal_writer *w, const char *path,
                                    const char *word, uint64_t a, uint64_t b,
                                    struct vanta_error *err);
void vanta_journal_end(struct vanta_journal_writer *w); /* zeroed: fine */

#endif
