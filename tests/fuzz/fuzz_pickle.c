/* Any bytes as a pickle for src/convert/pickle.h. What comes out is walked: each item and
 * text lies in what was read, whatever the pickle says. */
#include <stdlib.h>

#include "convert/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(const struct vanta_pickle *p, const struct vanta_pickle_value *v,
                        size_t size, size_t n_values, size_t n_items)
{
    uint32_t at = v->u.at.first, i;

    if (v->kind == VANTA_PICKLE_TEXT && (at > size || v->n > size - at))
        abort();
    if (v->kind == VANTA_PICKLE_STORAGE && (v->n >= n_values || v->u.whole < 0))
        abort();
    if (v->kind != VANTA_PICKLE_TUPLE && v->kind != VANTA_PICKLE_LIST &&
        v->kind != VANTA_PICKLE_DICT && v->kind != VANTA_PICKLE_TENSOR)
        return;
    for (i = 0; i < v->n; i++) {
        const struct vanta_pickle_item *item;

        if (at >= n_items)
            abort();
        item = vanta_pickle_item(p, at);
        if (item->value >= n_values ||
            (item->key >= n_values && item->key != VANTA_PICKLE_NOTHING))
            abort();
        at = item->next;
    }
    if (v->n > 0 && at != VANTA_PICKLE_NOTHING)
        abort();
}

static void read_pickle(const uint8_t *data, size_t size, bool lenient)
{
    struct vanta_error err = {0};
    struct vanta_pickle p;
    size_t i, n_values, n_items;

    if (vanta_pickle_read(data, size, "input", lenient, &p, &err) != VANTA_OK) {
        if (!err.message[0] || p.values.data)
            abort();
        return;
    }
    n_values = p.values.len / sizeof(struct vanta_pickle_value);
    n_items = p.items.len / sizeof(struct vanta_pickle_item);
    if (p.root >= n_values || p.n_refused > VANTA_PICKLE_REFUSED_MAX ||
        (!lenient && p.n_refused > 0))
        abort();
    for (i = 0; i < n_values; i++)
        check_value(&p, vanta_pickle_value(&p, (uint32_t)i), size, n_values, n_items);
    vanta_pickle_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_pickle(data, size, false);
    read_pickle(data, size, true);
    return 0;
}
