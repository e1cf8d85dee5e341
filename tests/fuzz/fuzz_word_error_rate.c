/* Two texts, parted by the first NUL, for src/models/word_error_rate.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "models/word_error_rate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vanta_word_errors errors, same;
    char *reference = malloc(size + 2);
    const char *heard;

    if (!reference)
        return 0;
    if (size > 0)
        memcpy(reference, data, size);
    reference[size] = reference[size + 1] = '\0';
    heard = reference + strlen(reference) + 1;
    if (vanta_word_error_rate(reference, heard, &errors, NULL) == VANTA_OK) {
        if (errors.substituted + errors.deleted > errors.words || errors.rate < 0)
            abort();
        if (vanta_word_error_rate(reference, reference, &same, NULL) != VANTA_OK ||
            same.words != errors.words || same.rate > 0)
            abort();
    }
    free(reference);
    return 0;
}
