/* Any bytes as a vocabulary of as many tokens as the first byte says. */
#include "convert/tokenizer_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vanta_vocabulary vocabulary;
    struct vanta_error err = {0};

    if (size == 0)
        return 0;
    if (vanta_vocabulary_read(data + 1, size - 1, "input", data[0], &vocabulary, &err) ==
        VANTA_OK)
        vanta_vocabulary_free(&vocabulary);
    return 0;
}
