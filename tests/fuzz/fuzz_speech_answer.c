/* fuzz_speech_answer.c - what a speech server sends: a status and a content type as a
 * first line ("429 application/json"), then the body. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engines/speech_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vanta_speech_key key = {.text = "sk-0123456789abcdef",
                                                .from = "OPENAI_API_KEY"};
    const uint8_t *end = memchr(data, '\n', size < 100 ? size : 100);
    struct vanta_speech_words words;
    struct vanta_error err = {0};
    struct vanta_speech_refused r = {.retry_after_ms = -1,
                                     .address = "https://a/v1",
                                     .model = "tts-1",
                                     .key_from = key.from,
                                     .request_id = "r",
                                     .location = "",
                                     .words = &words};
    char line[100] = "", type[128] = "";
    int format;

    if (end) {
        size_t n = (size_t)(end - data);

        memcpy(line, data, n);
        line[n] = '\0';
        r.status = atoi(line);
        if (strchr(line, ' '))
            strcpy(type, strchr(line, ' ') + 1);
        size -= n + 1;
        data = end + 1;
    }
    if (r.status < 100 || r.status > 999)
        r.status = 200;
    for (format = 0; format < VANTA_SPEECH_FORMATS; format++) {
        const char *found = NULL;

        vanta_speech_sniff(data, size, (enum vanta_speech_format)format, type, &found);
        if (!found)
            abort();
    }
    vanta_speech_words_read(data, size, type, &key, &words);
    check_text(words.message);
    check_text(words.code);
    check_text(words.type);
    if (strstr(words.message, "6789abcd") || strstr(words.code, "6789abcd"))
        abort();
    if (vanta_speech_refusal(&r, &err) == VANTA_OK || !err.hint[0])
        abort();
    vanta_speech_is_passing(r.status, &words);
    return 0;
}
