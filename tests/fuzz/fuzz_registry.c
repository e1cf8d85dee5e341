/* registry.json from anyone: what is read can be written, and what is written is read
 * back as the same inventory and written as the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "models/registry_private.h"

#define ROOT "/nonexistent/models"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vanta_registry *parse(const char *text, size_t len)
{
    struct vanta_registry *registry = NULL;
    struct vanta_error err = {0};
    enum vanta_status status =
        vanta_registry_parse(text, len, "fuzz", ROOT, NULL, &registry, &err);

    if (status != err.status || (status != VANTA_OK && !err.message[0]))
        abort();
    return registry;
}

static void visit(struct vanta_registry *registry)
{
    char path[4096], why[256];
    size_t i, k;

    for (i = 0; i < vanta_registry_count(registry); i++) {
        const struct vanta_entry *e = vanta_registry_at(registry, i);

        vanta_entry_state(ROOT, e, NULL, why);
        vanta_entry_path(ROOT, e, path);
        for (k = 0; k < e->n_files; k++)
            vanta_entry_file_path(ROOT, e, k, path);
        if (vanta_registry_find(registry, e->id) != e)
            abort();
    }
    vanta_registry_nearest(registry, "mistral-7b");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vanta_buf first = VANTA_BUF(VANTA_REGISTRY_BYTES_MAX);
    struct vanta_buf second = VANTA_BUF(VANTA_REGISTRY_BYTES_MAX);
    struct vanta_registry *registry = parse((const char *)data, size), *again;

    if (!registry)
        return 0;
    visit(registry);
    if (vanta_registry_text(registry, &first, NULL) == VANTA_OK) {
        again = parse(first.data, first.len);
        if (!again || !vanta_registry_same_inventory(registry, again) ||
            vanta_registry_text(again, &second, NULL) != VANTA_OK ||
            first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
            abort();
        vanta_registry_free(again);
    }
    vanta_registry_free(registry);
    vanta_buf_free(&first);
    vanta_buf_free(&second);
    return 0;
}
