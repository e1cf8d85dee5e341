/*
 * zip_stored.h - where the members of a zip file lie, when they are stored as they are.
 *
 * For containers that are mapped and not unpacked, as PyTorch writes them. Source of the
 * format: PKWARE APPNOTE.TXT 6.3: end of central directory, its ZIP64 record and locator,
 * central and local headers, the extra field 0x0001. Sizes come from the directory: local
 * headers may leave them to a data descriptor. Not responsible for archives (fetch/archive.h).
 *
 *     status = vanta_zip_read(&cursor, &zip, err);
 *     member = vanta_zip_find(&zip, "archive/data.pkl");     // NULL: there is none
 *     vanta_zip_free(&zip);
 *
 * Refused: compressed (VANTA_ERR_UNSUPPORTED) and encrypted members, names that are there
 * twice, members that lie upon each other, outside of the file or in the directory, a
 * directory of more than VANTA_ZIP_DIRECTORY_MAX bytes (VANTA_ERR_LIMIT). Statuses: those,
 * VANTA_ERR_FORMAT, IO, NO_MEMORY; *out is zeroed on failure. One thread at a time.
 * Cost: the directory, and the 30 bytes and the name before each member.
 */
#ifndef VANTA_CONVERT_ZIP_STORED_H
#define VANTA_CONVERT_ZIP_STORED_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "vanta_error.h"

#define VANTA_ZIP_DIRECTORY_MAX ((size_t)4 << 20)

struct vanta_zip_member {
    const char *name;  /* in directory */
    uint64_t data_pos; /* from the start of the file */
    uint64_t bytes;
};

struct vanta_zip {
    struct vanta_zip_member *members; /* in the order of their names' bytes */
    size_t n;
    struct vanta_buf directory;
};

enum vanta_status vanta_zip_read(struct vanta_cursor *c, struct vanta_zip *out,
                                 struct vanta_error *err);
const struct vanta_zip_member *vanta_zip_find(const struct vanta_zip *zip,
                                              const char *name);
void vanta_zip_free(struct vanta_zip *zip);

#endif
