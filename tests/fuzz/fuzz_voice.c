/* fuzz_voice.c - kept voices. The digest is made right first, or nothing behind it would
 * ever be reached. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engines/voice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size)
{
    struct vanta_buf again = VANTA_BUF(VANTA_VOICE_BYTES_MAX);
    struct vanta_error err = {0};
    struct vanta_voice voice;

    if (vanta_voice_decode(data, size, "voice", &voice, &err) == VANTA_OK) {
        /* What is read is all there is: written again, it is the same file. */
        if (vanta_voice_encode(&voice, &again, &err) != VANTA_OK || again.len != size ||
            memcmp(again.data, data, size) != 0)
            abort();
    } else if (voice.values != NULL || err.message[0] == '\0') {
        abort();
    }
    vanta_buf_free(&again);
    vanta_voice_free(&voice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char hex[VANTA_SHA256_HEX];
    uint8_t *sealed;

    check(data, size);
    if (size < VANTA_SHA256_BYTES || (sealed = malloc(size)) == NULL)
        return 0;
    memcpy(sealed, data, size);
    if (vanta_sha256_buffer(sealed, size - VANTA_SHA256_BYTES, hex, NULL) == VANTA_OK &&
        vanta_sha256_from_hex(hex, sealed + size - VANTA_SHA256_BYTES))
        check(sealed, size);
    free(sealed);
    return 0;
}
