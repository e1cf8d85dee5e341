#include "fetch/sniff.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "http/body.h"

#define TITLE_MAX 80

static bool is_html(const char *p, const char *end, const char *content_type)
{
    const char *text = vanta_body_text(p, end);

    return vanta_body_is_html(p, end) ||
           (text < end && *text == '<' && vanta_body_is_html_type(content_type));
}

static enum vanta_status refuse_html(const char *p, const char *end, const char *from,
                                     struct vanta_error *err)
{
    const char *title = vanta_body_find(p, end, "<title>"), *close;
    bool login = vanta_body_find(p, end, "login") || vanta_body_find(p, end, "log in") ||
                 vanta_body_find(p, end, "sign in") || vanta_body_find(p, end, "password");
    char shown[TITLE_MAX + 1] = "";

    if (title) {
        title += 7;
        close = vanta_body_find(title, end, "<");
        if (!close)
            close = end;
        snprintf(shown, sizeof shown, "%.*s",
                 (int)(close - title > TITLE_MAX ? TITLE_MAX : close - title), title);
    }
    vanta_fail(err, VANTA_ERR_SERVER, "%s: %s came instead of the file%s%s%s", from,
               login ? "a login page" : "an HTML page", shown[0] ? " (\"" : "", shown,
               shown[0] ? "\")" : "");
    vanta_hint(err, "a network that wants you to log in first may answer so, or the address "
                    "has expired: open any page in a browser, then run this again");
    return VANTA_ERR_SERVER;
}

static bool is_magic(const uint8_t *p, size_t len, enum vanta_magic magic)
{
    const char *text = (const char *)p, *end = text + len;
    uint64_t header = 0;
    int i;

    switch (magic) {
    case VANTA_MAGIC_ANY:
        return true;
    case VANTA_MAGIC_GGUF:
        return len >= 4 && memcmp(p, "GGUF", 4) == 0;
    case VANTA_MAGIC_WHISPER_GGML:
        return len >= 4 && memcmp(p, "lmgg", 4) == 0; /* 0x67676d6c, little-endian */
    case VANTA_MAGIC_SAFETENSORS:
        for (i = 7; len >= 9 && i >= 0; i--)
            header = header << 8 | p[i];
        return len >= 9 && p[8] == '{' && header >= 2 && header <= 100000000;
    case VANTA_MAGIC_ZIP:
        return len >= 4 && p[0] == 'P' && p[1] == 'K' &&
               (memcmp(p + 2, "\3\4", 2) == 0 || memcmp(p + 2, "\5\6", 2) == 0);
    case VANTA_MAGIC_JSON:
        text = vanta_body_text(text, end);
        return text < end && (*text == '{' || *text == '[');
    }
    return false;
}

static const char *magic_name(enum vanta_magic magic)
{
    switch (magic) {
    case VANTA_MAGIC_GGUF:
        return "a GGUF file";
    case VANTA_MAGIC_WHISPER_GGML:
        return "a whisper.cpp file";
    case VANTA_MAGIC_SAFETENSORS:
        return "a safetensors file";
    case VANTA_MAGIC_ZIP:
        return "a zip archive";
    case VANTA_MAGIC_JSON:
        return "JSON";
    case VANTA_MAGIC_ANY:
        break;
    }
    return "the file";
}

/* What the bytes look like instead. */
static const char *looks_like(const uint8_t *p, size_t len)
{
    const char *text = (const char *)p, *end = text + len;
    enum vanta_magic m;

    for (m = VANTA_MAGIC_GGUF; m <= VANTA_MAGIC_JSON; m++)
        if (is_magic(p, len, m))
            return magic_name(m);
    if (vanta_body_starts(vanta_body_text(text, end), end, "<?xml"))
        return "an XML message (of a storage server, whose address may have expired)";
    if (len >= 2 && p[0] == 0x1f && p[1] == 0x8b)
        return "gzip data";
    return len == 0 ? "empty" : "something else";
}

enum vanta_status vanta_sniff(const void *data, size_t len, enum vanta_magic magic,
                              const char *content_type, const char *from,
                              struct vanta_error *err)
{
    static const char pointer[] = "version https://git-lfs.github.com/spec/";
    const char *text = data, *end = text + len;

    if (is_html(text, end, content_type))
        return refuse_html(text, end, from, err);
    if (vanta_body_starts(text, end, pointer)) {
        vanta_fail(err, VANTA_ERR_SERVER,
                   "%s: a Git LFS pointer came instead of the file it stands for", from);
        vanta_hint(err, "the address of the file itself has /resolve/ in it on model hubs; "
                        "in a clone, run git lfs pull");
        return VANTA_ERR_SERVER;
    }
    if (is_magic(data, len, magic))
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_FORMAT, "%s: this is not %s, it is %s", from,
               magic_name(magic), looks_like(data, len));
    vanta_hint(err, "check the address, or take the file from another source");
    return VANTA_ERR_FORMAT;
}
