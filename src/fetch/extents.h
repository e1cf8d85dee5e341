/*
 * extents.h - which bytes of a file are there: a set of ranges, kept sorted and merged.
 *
 * Pure arithmetic, no files. A zeroed struct is the empty set. A range is [first, end).
 * Cost: a binary search and a move of the entries behind; sets stay as small as the number
 * of places that a file is written at.
 */
#ifndef VANTA_FETCH_EXTENTS_H
#define VANTA_FETCH_EXTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vanta_extent {
    uint64_t first, end;
};

struct vanta_extents {
    struct vanta_extent *list;
    size_t n, capacity;
};

void vanta_extents_free(struct vanta_extents *set); /* leaves it empty */
void vanta_extents_clear(struct vanta_extents *set);
/* False: no memory, and the set is as it was. An empty range is fine. */
bool vanta_extents_add(struct vanta_extents *set, uint64_t first, uint64_t end);
bool vanta_extents_remove(struct vanta_extents *set, uint64_t first, uint64_t end);
/* The first range within [from, limit) that is not there; false: all of it is. */
bool vanta_extents_gap(const struct vanta_extents *set, uint64_t from, uint64_t limit,
                       struct vanta_extent *gap);
/* Bytes from 0 on that are there without a gap. */
uint64_t vanta_extents_prefix(const struct vanta_extents *set);
uint64_t vanta_extents_bytes(const struct vanta_extents *set);

#endif
