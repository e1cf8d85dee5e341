/* Any bytes as a file for the reader of src/convert/gguf.h. */
#include "convert/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vanta_error err = {0};
    struct vanta_gguf out;
    struct vanta_cursor c;

    vanta_cursor_memory(&c, data, size, "input");
    (void)vanta_gguf_read(&c, &out, &err);
    vanta_cursor_close(&c);
    return 0;
}
