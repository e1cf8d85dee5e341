/*
 * archive.h - members of wheels, of tarballs and of archives inside them, as streams.
 *
 * Over libarchive (zip and tar, stored or deflated, gzip around tar). Nothing is ever
 * written under a member's own name: the caller says which members it wants and gets
 * their bytes; all else is passed over. Symbolic links, hard links and folders are never
 * a wanted member. Archives are hostile: a member that delivers more bytes than the
 * caller's cap stops at once with VANTA_ERR_LIMIT; so does one that is passed over and
 * unpacks to more than 100 times the archive.
 *
 * Member names are UTF-8, compared byte by byte as the archive has them, but for a
 * leading "./". A tarball of npm keeps its files below "package/": the caller adds that.
 * A name that occurs twice is refused (VANTA_ERR_FORMAT) when it is wanted.
 *
 * One zip reader limit: an archive inside of members, and one that still grows, is read
 * in passing, by its local headers; what only its directory at the end tells (attributes,
 * an archive that starts late) is not seen. Whole files, several joined ones too, are read
 * by the directory.
 *
 * Statuses: VANTA_ERR_FORMAT (damaged, cut short, wrong CRC, a link), UNSUPPORTED
 * (encrypted, sparse), LIMIT, NOT_FOUND, CANCELLED, IO, TOOL (no libarchive), or what a
 * sink gave.
 * Threads: as many calls at once as wanted. Cost: one pass over the parts' files (a zip's
 * members that nobody wants are skipped), about 1 MiB of memory whatever their size.
 */
#ifndef VANTA_FETCH_ARCHIVE_H
#define VANTA_FETCH_ARCHIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

/* A file that is still being written, from its start to its end. */
struct vanta_archive_growth {
    int fd;               /* the caller's; read with pread */
    uint64_t whole_bytes; /* that it will have, for the limit against bombs */
    /* Returns when it has bytes behind offset (*more true), when it has its end there
     * (false), or why the rest will not come. */
    enum vanta_status (*more)(void *arg, uint64_t offset, bool *more,
                              struct vanta_error *err);
    void *arg;
};

/* Part of the bytes: a member of the archive file at path; a NULL member is the whole
 * file. */
struct vanta_archive_part {
    const char *path;
    const char *member;
    /* The file at path is compared with a digest, before or at its end, by the caller, who
     * throws the bytes away where it differs: a zip's own checksums say nothing then that
     * is not known, and are passed over. All parts, or it counts for none. */
    bool proven;
    /* May be NULL, and is only for a member of parts that are all members and wanted as
     * they are: called before the part is opened; returns when the file is there, or why
     * it will not come. So unpacking can start while later parts are still on the way. */
    enum vanta_status (*wait)(void *arg, struct vanta_error *err);
    void *wait_arg;
    /* May be NULL: the file is read while it grows; wait may fill it. path is then for
     * messages only. A zip that grows is read in passing, by its local headers. */
    const struct vanta_archive_growth *growth;
};

/* Takes the next bytes of a wanted member, in order. */
typedef enum vanta_status vanta_archive_sink(void *arg, const void *data, size_t len,
                                             struct vanta_error *err);

struct vanta_archive_wanted {
    const char *inner;        /* member of the archive that the parts' concatenation is;
                                 NULL: the concatenation itself (then the only one) */
    uint64_t max_bytes;       /* cap on what may come out */
    vanta_archive_sink *sink;
    void *arg;
    uint64_t bytes;           /* out: delivered */
    enum vanta_status status; /* out: VANTA_OK when it was found and delivered whole */
};

/* Streams the concatenation of parts once and delivers every wanted member. Fails when a
 * part is missing or damaged, when a sink fails, or when a wanted member is not there
 * (VANTA_ERR_NOT_FOUND); bytes already delivered are the caller's to throw away. */
enum vanta_status vanta_archive_extract(const struct vanta_archive_part *parts,
                                        size_t n_parts,
                                        struct vanta_archive_wanted *wanted,
                                        size_t n_wanted, const atomic_bool *cancel,
                                        struct vanta_error *err);

#endif
