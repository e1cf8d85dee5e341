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
    size_t i;

    if (vanta_journal_parse(data, size, "journal", "boot", &journal, &err) == VANTA_OK) {
        /* The validator becomes part of a request. */
        if (strpbrk(journal.validator, "\r\n") || journal.size_bytes < -1)
            abort();
        for (i = 0; i < journal.have.n; i++)
            if (journal.have.list[i].first >= journal.have.list[i].end ||
                (i > 0 && journal.have.list[i - 1].end >= journal.have.list[i].first) ||
                (journal.size_bytes >= 0 &&
                 journal.have.list[i].end > (uint64_t)journal.size_bytes))
                abort();
    } else if (journal.source[0] || journal.validator[0] || journal.have.n ||
               !err.message[0]) {
        abort();
    }
    vanta_journal_free(&journal);
    return 0;
}
