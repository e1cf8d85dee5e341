/* fuzz_protocol.c - what comes over the channel: frames, one after the other. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "engines/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A channel that has all bytes at once; 64 KiB fit into a pipe. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vanta_frame_reader reader;
    enum vanta_status status;
    int ends[2];

    if (size > 65536 || pipe(ends) != 0)
        return 0;
    if (write(ends[1], data, size) != (ssize_t)size)
        abort();
    close(ends[1]);
    vanta_frame_reader_open(&reader, ends[0]);
    do {
        struct vanta_error err = {0};
        json_t *json = NULL;
        const void *binary;
        volatile uint8_t byte = 0;
        size_t n;

        status = vanta_frame_read(&reader, &json, &binary, &n, &err);
        if (status == VANTA_OK) {
            if (!json_is_object(json) || n > size ||
                !binary != !json_object_get(json, "binary"))
                abort();
            /* Every byte can be read. */
            for (; n > 0; n--)
                byte = ((const uint8_t *)binary)[n - 1];
            (void)byte;
        } else if (json || !err.message[0] || err.status != status) {
            abort();
        }
        json_decref(json);
    } while (status == VANTA_OK);
    /* What was only claimed was not set aside. */
    if (reader.buf.capacity > 2 * size + 65536 * 2)
        abort();
    vanta_frame_reader_close(&reader);
    close(ends[0]);
    return 0;
}
