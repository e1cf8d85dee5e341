/* fuzz_source.c - the notation of sources: what is taken is safe, and what is shown of it
 * reads back, but for an address's query. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "fetch/source.h"
#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct vanta_source *s)
{
    const struct vanta_locator *l = &s->parts[0];
    struct vanta_url url;

    if (l->kind == VANTA_LOCATOR_URL ? !vanta_url_parse(l->path, &url, NULL)
                                     : !vanta_path_is_safe(l->path + (l->path[0] == '/')))
        abort();
    if (s->inner && !vanta_path_is_safe(s->inner))
        abort();
    /* It becomes part of an address, or of a client's request: never an option. */
    if (l->name && strchr("-/.", l->name[0]))
        abort();
}

static bool is_shown(const struct vanta_locator *l, const char *shown)
{
    size_t len = strlen(shown);

    if (l->kind != VANTA_LOCATOR_URL)
        return strcmp(l->path, shown) == 0;
    return strncmp(l->path, shown, len) == 0 && (!l->path[len] || l->path[len] == '?');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vanta_source a, b;
    struct vanta_error err = {0};
    char *text = malloc(size + 1), *shown;
    unsigned classes;

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (vanta_source_parse(text, &a, &err) == VANTA_OK) {
        check(&a);
        shown = vanta_source_text(&a);
        if (!shown || vanta_source_parse(shown, &b, NULL) != VANTA_OK ||
            !is_shown(&a.parts[0], b.parts[0].path))
            abort();
        free(shown);
        vanta_source_free(&a);
        vanta_source_free(&b);
    }
    vanta_source_classes_parse(text, &classes, NULL);
    free(text);
    return 0;
}
