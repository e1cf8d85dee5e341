/* Any bytes as a file for the reader of src/convert/ct2.h. */
#include "convert/ct2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vanta_error err = {0};
    struct vanta_cursor c;
    struct vanta_ct2 facts;

    vanta_cursor_memory(&c, data, size, "input");
    if (vanta_ct2_read(&c, &facts, &err) == VANTA_OK)
        vanta_ct2_free(&facts);
    vanta_cursor_close(&c);
    return 0;
}
