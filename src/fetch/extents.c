#include "fetch/extents.h"

#include <stdlib.h>
#include <string.h>

void vanta_extents_clear(struct vanta_extents *set)
{
    set->n = 0;
}

void vanta_extents_free(struct vanta_extents *set)
{
    free(set->list);
    memset(set, 0, sizeof *set);
}

/* The first entry that ends at or behind pos. */
static size_t find(const struct vanta_extents *set, uint64_t pos)
{
    size_t low = 0, high = set->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->list[middle].end < pos)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool make_room(struct vanta_extents *set)
{
    size_t capacity = set->capacity ? set->capacity * 2 : 8;
    struct vanta_extent *list;

    if (set->n < set->capacity)
        return true;
    list = realloc(set->list, capacity * sizeof *list);
    if (!list)
        return false;
    set->list = list;
    set->capacity = capacity;
    return true;
}

bool vanta_extents_add(struct vanta_extents *set, uint64_t first, uint64_t end)
{
    size_t at = find(set, first), past = at;

    if (first >= end)
        return true;
    while (past < set->n && set->list[past].first <= end)
        past++;
    if (past == at) {
        if (!make_room(set))
            return false;
        memmove(set->list + at + 1, set->list + at, (set->n - at) * sizeof *set->list);
        set->list[at] = (struct vanta_extent){first, end};
        set->n++;
        return true;
    }
    if (set->list[at].first > first)
        set->list[at].first = first;
    if (set->list[past - 1].end > end)
        end = set->list[past - 1].end;
    set->list[at].end = end;
    memmove(set->list + at + 1, set->list + past, (set->n - past) * sizeof *set->list);
    set->n -= past - at - 1;
    return true;
}

bool vanta_extents_remove(struct vanta_extents *set, uint64_t first, uint64_t end)
{
    size_t i;

    if (first >= end)
        return true;
    if (!make_room(set)) /* for the one case that needs it: before anything changes */
        return false;
    for (i = 0; i < set->n; i++) {
        struct vanta_extent *e = &set->list[i];

        if (e->end <= first || e->first >= end)
            continue;
        if (e->first < first && e->end > end) {
            memmove(e + 1, e, (set->n - i) * sizeof *e);
            set->n++;
            e[0].end = first;
            e[1].first = end;
            break;
        }
        if (e->first < first) {
            e->end = first;
        } else if (e->end > end) {
            e->first = end;
        } else {
            memmove(e, e + 1, (set->n - i - 1) * sizeof *e);
            set->n--;
            i--;
        }
    }
    return true;
}

bool vanta_extents_gap(const struct vanta_extents *set, uint64_t from, uint64_t limit,
                       struct vanta_extent *gap)
{
    size_t at = find(set, from);

    if (at < set->n && set->list[at].end == from)
        at++;
    if (at < set->n && set->list[at].first <= from) {
        from = set->list[at].end;
        at++;
    }
    if (from >= limit)
        return false;
    gap->first = from;
    gap->end = at < set->n && set->list[at].first < limit ? set->list[at].first : limit;
    return true;
}

uint64_t vanta_extents_prefix(const struct vanta_extents *set)
{
    return set->n > 0 && set->list[0].first == 0 ? set->list[0].end : 0;
}

uint64_t vanta_extents_bytes(const struct vanta_extents *set)
{
    uint64_t sum = 0;
    size_t i;

    for (i = 0; i < set->n; i++)
        sum += set->list[i].end - set->list[i].first;
    return sum;
}
