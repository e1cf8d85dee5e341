/* A text in a language, and a vocabulary: the first two bytes say which language and how
 * (small limits reach the cutting), a NUL parts the text from a vocab.json; without one
 * there is a small one. Every sentence has to keep to its limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engines/helper/xtts_text.h"

static const char small[] =
    "{\"pre_tokenizer\":{\"type\":\"Whitespace\"},\"added_tokens\":["
    "{\"id\":0,\"content\":\"[STOP]\"},{\"id\":1,\"content\":\"[UNK]\"},"
    "{\"id\":2,\"content\":\"[SPACE]\"},{\"id\":3,\"content\":\"[en]\"},"
    "{\"id\":4,\"content\":\"[de]\"},{\"id\":5,\"content\":\"[ru]\"},"
    "{\"id\":6,\"content\":\"[ar]\"},{\"id\":7,\"content\":\"[zh-cn]\"},"
    "{\"id\":8,\"content\":\"[hi]\"},{\"id\":9,\"content\":\"[it]\"},"
    "{\"id\":10,\"content\":\"[tr]\"},{\"id\":11,\"content\":\"[hu]\"}],"
    "\"model\":{\"unk_token\":\"[UNK]\",\"vocab\":{\"[UNK]\":1,\"a\":12,\"e\":13,\"n\":14,"
    "\"t\":15,\"o\":16,\"on\":17,\"one\":18,\"te\":19,\"ten\":20},"
    "\"merges\":[\"o n\",\"on e\",\"t e\",\"te n\",\"o n\"]}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const languages[] = {"en", "de", "ru", "ar",
                                            "zh", "hi", "it", "tr", "hu"};
    struct vanta_xtts_text_options o = {0};
    struct vanta_xtts_text *t;
    struct vanta_xtts_sentences s;
    const uint8_t *nul;
    size_t len, i;

    if (size < 2 || size > 20000)
        return 0;
    o.language = languages[(data[0] & 0x7f) % 9];
    o.romanized = data[0] & 0x80 && strcmp(o.language, "zh") == 0; /* else it ends there */
    o.max_characters = data[1] & 0x80 ? 0 : 1 + data[1] % 64;
    o.max_tokens = data[1] & 0x40 ? 40 : 0;
    data += 2;
    size -= 2;
    nul = memchr(data, 0, size);
    len = nul ? (size_t)(nul - data) : size;
    if (vanta_xtts_text_new(nul ? (const char *)nul + 1 : small,
                            nul ? size - len - 1 : sizeof small - 1, &t, NULL) != VANTA_OK)
        return 0;
    if (vanta_xtts_text_prepare(t, (const char *)data, len, &o, &s, NULL) == VANTA_OK) {
        if (s.n_sentences == 0)
            abort();
        for (i = 0; i < s.n_sentences; i++)
            if (s.sentences[i].n_ids == 0 || !s.sentences[i].cleaned ||
                s.sentences[i].n_ids >= (o.max_tokens ? o.max_tokens : 402))
                abort();
        vanta_xtts_sentences_free(&s);
    }
    vanta_xtts_text_free(t);
    return 0;
}
