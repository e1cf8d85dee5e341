/* fuzz_chunks.c - chunk files. The checksum is made right first, or nothing behind it
 * would ever be reached. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *text, size_t len)
{
    struct vanta_error err = {0};
    struct vanta_chunks c;

    if (vanta_chunks_parse(text, len, "chunks", NULL, &c, &err) == VANTA_OK) {
        if (c.n != vanta_chunk_count(c.file_bytes) || c.n > VANTA_CHUNKS_MAX ||
            (c.n > 0) != (c.digests != NULL) || len != 72 + 32 * (c.n + 1))
            abort();
    } else if (c.digests || c.n || !err.message[0]) {
        abort();
    }
    vanta_chunks_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *sealed;

    check(data, size);
    if (size < 32 || !(sealed = malloc(size)))
        return 0;
    memcpy(sealed, data, size);
    if (vanta_chunk_digest(sealed, size - 32, sealed + size - 32, NULL) == VANTA_OK)
        check(sealed, size);
    free(sealed);
    return 0;
}
