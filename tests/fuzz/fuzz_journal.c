/* fuzz_journal.c - the journal of a partial file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vanta_journal journal;
    struct vanta_error err = {0};

    if (vanta_journal_parse(data, size, "journal", &journal, &err) == VANTA_OK) {
        /* The validator becomes part of a request. */
        if (strpbrk(journal.validator, "\r\n") || journal.size_bytes < -1 ||
            journal.synced_bytes < 0)
            abort();
    } else if (journal.source[0] || journal.validator[0] || !err.message[0]) {
        abort();
    }
    return 0;
}
