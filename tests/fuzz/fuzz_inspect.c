/* Any bytes as a model file of no stated format: detection, and all readers behind it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "convert/inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/vanta-fuzz-XXXXXX";
    struct vanta_model_facts facts;
    struct vanta_error err = {0};
    int fd = mkstemp(path);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    close(fd);
    (void)vanta_inspect_file(path, &facts, &err);
    unlink(path);
    return 0;
}
