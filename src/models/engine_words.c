#include "models/engine_words.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

struct words {
    char *out;
    size_t size, len;
};

static void add(struct words *w, const char *fmt, ...) VANTA_PRINTF(2, 3);

static void add(struct words *w, const char *fmt, ...)
{
    char raw[512];
    va_list args;

    if (w->size - w->len < 2)
        return;
    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    w->len += vanta_text_printable(raw, w->out + w->len, w->size - w->len);
}

static struct words begin(char *out, size_t size)
{
    out[0] = '\0';
    return (struct words){out, size, 0};
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static json_int_t number_at(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

const char *vanta_devices_text(const json_t *answer, char *out, size_t size)
{
    const json_t *devices = json_object_get(answer, "devices");
    struct words w = begin(out, size);
    char memory[VANTA_SIZE_TEXT_MAX];
    size_t i;

    for (i = 0; i < json_array_size(devices); i++) {
        const json_t *d = json_array_get(devices, i);
        json_int_t all = number_at(d, "memory_bytes"), left = number_at(d, "free_bytes");

        add(&w, "%s%s (%s", w.len ? ", " : "", text_at(d, "name"),
            text_at(d, "description"));
        if (all > 0)
            add(&w, ", %s", vanta_size_text((uint64_t)all, memory));
        if (all > 0 && left > 0)
            add(&w, ", %s free", vanta_size_text((uint64_t)left, memory));
        add(&w, ")");
    }
    return out;
}

/* ggml says "1" of what is on, and the width in bytes of a vector extension. */
static bool is_on(const char *value)
{
    return *value && strcmp(value, "0") != 0;
}

const char *vanta_features_text(const json_t *answer, char *out, size_t size)
{
    struct words w = begin(out, size);
    const char *name;
    json_t *value;

    json_object_foreach(json_object_get(answer, "features"), name, value)
        if (json_is_string(value) && is_on(json_string_value(value)))
            add(&w, "%s%s", w.len ? " " : "", name);
    return out;
}

const char *vanta_cores_text(const json_t *answer, char *out, size_t size)
{
    const json_t *cores = json_object_get(answer, "cores");
    json_int_t physical = number_at(cores, "physical");
    json_int_t fast = number_at(cores, "performance");
    json_int_t usable = number_at(cores, "usable");
    double quota = json_number_value(json_object_get(cores, "quota"));
    struct words w = begin(out, size);

    if (physical < 1)
        return out;
    add(&w, "%lld %s", (long long)physical, physical == 1 ? "core" : "cores");
    if (fast > 0 && fast < physical)
        add(&w, ", %lld of them fast", (long long)fast);
    if (usable > physical)
        add(&w, "; %lld processors", (long long)usable);
    if (quota > 0)
        add(&w, "; a container gives the time of %.3g", quota);
    return out;
}
