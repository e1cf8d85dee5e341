/* fuzz_http_headers.c - the lines of an HTTP answer, as a server sends them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vanta_http_headers h;
    const char *validator;

    vanta_http_headers_start(&h);
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end ? (size_t)(end - data) + 1 : size;

        vanta_http_headers_line(&h, (const char *)data, len);
        data += len;
        size -= len;
    }
    validator = vanta_http_headers_validator(&h);
    if (validator && strpbrk(validator, "\r\n"))
        abort();
    if (h.has_range && (h.range_last < h.range_first ||
                        (h.range_total >= 0 && h.range_last >= h.range_total)))
        abort();
    if (h.content_length < -1 || h.retry_after_ms < -1)
        abort();
    return 0;
}
