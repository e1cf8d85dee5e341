#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "engines/helper/wordpiece_private.h"

enum vanta_status wordpiece_table_make(struct wordpiece_table *t, size_t keys,
                                       struct vanta_error *err)
{
    struct timespec now = {0};
    size_t slots = 16;

    while (slots < keys * 2)
        slots *= 2;
    t->slots = calloc(slots, sizeof *t->slots);
    if (!t->slots)
        return vanta_fail_memory(err);
    clock_gettime(CLOCK_MONOTONIC, &now);
    t->seed = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u ^ (uintptr_t)t->slots;
    t->mask = slots - 1;
    t->longest = 0;
    return VANTA_OK;
}

static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 32) * 0xd6e8feb86659fd93u;
    return value ^ value >> 32;
}

static size_t start_of(const struct wordpiece_table *t, const char *text, size_t len)
{
    uint64_t hash = t->seed ^ len;

    for (; len >= 8; text += 8, len -= 8) {
        uint64_t part;

        memcpy(&part, text, 8);
        hash = mix(hash ^ part);
    }
    if (len > 0) {
        uint64_t part = 0;

        memcpy(&part, text, len);
        hash = mix(hash ^ part);
    }
    return (size_t)mix(hash) & t->mask;
}

static size_t find(const struct wordpiece_table *t, const char *text, size_t len)
{
    size_t at = start_of(t, text, len);

    while (t->slots[at].text &&
           (t->slots[at].len != len || memcmp(t->slots[at].text, text, len) != 0))
        at = (at + 1) & t->mask;
    return at;
}

void wordpiece_table_put(struct wordpiece_table *t, const char *text, size_t len,
                         int32_t id)
{
    t->slots[find(t, text, len)] = (struct wordpiece_slot){text, (uint32_t)len, id};
    if (len > t->longest)
        t->longest = len;
}

int32_t wordpiece_table_find(const struct wordpiece_table *t, const char *text,
                             size_t len)
{
    const struct wordpiece_slot *slot = &t->slots[find(t, text, len)];

    return slot->text ? slot->id : -1;
}

void wordpiece_table_free(struct wordpiece_table *t)
{
    free(t->slots);
    memset(t, 0, sizeof *t);
}
