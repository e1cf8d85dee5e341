#include "convert/torch_zip.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define LOCAL_HEADER 0x04034b50u
#define CENTRAL_HEADER 0x02014b50u
#define END_BYTES 22
#define TAIL_MAX ((size_t)END_BYTES + 65535) /* with the longest comment */
#define NAME_MAX_READ 1024

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t le16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static bool is_pickle(const char *name)
{
    return vanta_has_suffix(name, ".pkl") || vanta_has_suffix(name, ".pickle");
}

/* Reads a name of len bytes (its end where it is too long) and goes on behind it. */
static enum vanta_status read_name(struct vanta_cursor *c, uint32_t len,
                                   char name[NAME_MAX_READ + 1])
{
    uint32_t n = len < NAME_MAX_READ ? len : NAME_MAX_READ;
    enum vanta_status status = vanta_cursor_skip(c, len - n, NULL);

    if (status == VANTA_OK)
        status = vanta_cursor_bytes(c, name, n, NULL);
    if (status == VANTA_OK)
        name[n] = '\0';
    return status;
}

/* Where the central directory starts; false when its end record is not found (or is a
 * zip64 one). */
static bool find_directory(struct vanta_cursor *c, uint64_t *pos)
{
    static const uint8_t magic[4] = {'P', 'K', 5, 6};
    uint64_t len = c->size < TAIL_MAX ? c->size : TAIL_MAX, at;
    uint8_t *tail = malloc(TAIL_MAX);
    bool found = false;

    if (tail && len >= END_BYTES && vanta_cursor_seek(c, c->size - len, NULL) == VANTA_OK &&
        vanta_cursor_bytes(c, tail, (size_t)len, NULL) == VANTA_OK)
        for (at = len - END_BYTES + 1; !found && at > 0; at--)
            if (memcmp(tail + at - 1, magic, sizeof magic) == 0) {
                *pos = le32(tail + at - 1 + 16);
                found = true;
            }
    free(tail);
    return found && *pos < c->size;
}

/* Looks through the names; false when there is no directory at pos. */
static bool check_directory(struct vanta_cursor *c, uint64_t pos, bool *pickle)
{
    enum vanta_status status = vanta_cursor_seek(c, pos, NULL);
    char name[NAME_MAX_READ + 1];
    uint8_t header[46];
    unsigned i;

    for (i = 0; status == VANTA_OK && i < VANTA_TORCH_ZIP_ENTRIES_MAX; i++) {
        status = vanta_cursor_bytes(c, header, sizeof header, NULL);
        if (status != VANTA_OK || le32(header) != CENTRAL_HEADER)
            break;
        status = read_name(c, le16(header + 28), name);
        if (status != VANTA_OK)
            break;
        *pickle |= is_pickle(name);
        status = vanta_cursor_skip(c, le16(header + 30) + le16(header + 32), NULL);
    }
    return i > 0;
}

bool vanta_torch_zip_check(struct vanta_cursor *c)
{
    char name[NAME_MAX_READ + 1];
    bool pickle = false;
    uint8_t header[30];
    uint64_t pos;

    if (find_directory(c, &pos) && check_directory(c, pos, &pickle))
        return pickle;
    return vanta_cursor_seek(c, 0, NULL) == VANTA_OK &&
           vanta_cursor_bytes(c, header, sizeof header, NULL) == VANTA_OK &&
           le32(header) == LOCAL_HEADER &&
           read_name(c, le16(header + 26), name) == VANTA_OK && is_pickle(name);
}
