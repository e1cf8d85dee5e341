/* Any bytes as a file for the reader of src/convert/whisper_ggml.h. */
#include "convert/whisper_ggml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vanta_error err = {0};
    struct vanta_whisper_facts out;
    struct vanta_cursor c;

    vanta_cursor_memory(&c, data, size, "input");
    (void)vanta_whisper_read(&c, &out, &err);
    vanta_cursor_close(&c);
    return 0;
}
