#include "cli/info_test.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/cli.h"
#include "engines/engine.h"
#include "models/engine_words.h"
#include "models/test.h"

static void line(const char *name, const char *fmt, ...) VANTA_PRINTF(2, 3);

static void line(const char *name, const char *fmt, ...)
{
    char raw[1024], shown[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    vanta_text_printable(raw, shown, sizeof shown);
    printf("%-14s %s\n", name, shown);
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "?";
}

/* --- figures --- */

/* Units stand at the end of a figure's name: "generate_tokens_per_s". */
static void print_number(const char *key, double value)
{
    static const struct {
        const char *suffix, *unit;
    } units[] = {{"_per_s", "/s"}, {"_ms", " ms"}, {"_s", " s"}, {"", ""}};
    char name[64], size[VANTA_SIZE_TEXT_MAX];
    size_t i, n = strlen(key);

    if (vanta_has_suffix(key, "_bytes")) {
        vanta_format(name, sizeof name, "%.*s", (int)(n - 6 < 60 ? n - 6 : 60), key);
        for (i = 0; name[i]; i++)
            name[i] = name[i] == '_' ? ' ' : name[i];
        line("", "%s: %s", name,
             value >= 0 && value < 1e18 ? vanta_size_text((uint64_t)value, size) : "?");
        return;
    }
    for (i = 0; !vanta_has_suffix(key, units[i].suffix); i++)
        ;
    n -= strlen(units[i].suffix);
    vanta_format(name, sizeof name, "%.*s", (int)(n < 60 ? n : 60), key);
    for (n = 0; name[n]; n++)
        name[n] = name[n] == '_' ? ' ' : name[n];
    line("", "%s: %.5g%s", name, value, units[i].unit);
}

static void print_figures(const json_t *figures)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)figures, key, value) {
        if (json_is_number(value))
            print_number(key, json_number_value(value));
        else if (json_is_string(value))
            line("", "%s: %s", key, json_string_value(value));
    }
}

/* --- receipts --- */

static void print_receipt(const struct vanta_entry *entry)
{
    const json_t *tests = json_object_get(entry->extra, "tests");
    size_t n = json_array_size(tests);
    const json_t *here = vanta_test_receipt(entry, NULL);
    const json_t *receipt = here ? here : n ? json_array_get(tests, n - 1) : NULL;
    const json_t *machine = json_object_get(receipt, "machine");

    if (!receipt) {
        line("tested", "never");
        return;
    }
    line("tested", "%s, %s%s", text_at(receipt, "at"),
         json_is_true(json_object_get(receipt, "passed")) ? "passed" : "failed",
         here ? "" : ": other bytes, or another machine");
    line("", "by %s", text_at(receipt, "engine_build"));
    line("", "on %s, %s, %s", text_at(machine, "os"), text_at(machine, "arch"),
         text_at(machine, "cpu"));
    print_figures(json_object_get(receipt, "figures"));
}

static void print_bench(const struct vanta_entry *entry)
{
    const json_t *bench = json_object_get(entry->extra, "bench");

    if (!json_is_object(bench))
        return;
    line("benchmark", "%s, by %s", text_at(bench, "at"), text_at(bench, "engine_build"));
    print_figures(json_object_get(bench, "figures"));
}

/* --- the engine --- */

static enum vanta_status ask(json_t **answer, char build[VANTA_ENGINE_BUILD_MAX],
                             struct vanta_error *err)
{
    struct vanta_engine_options options = {.kind = VANTA_ENGINE_NONE,
                                           .silence_ms = 10000,
                                           .cancel = &cancelled};
    struct vanta_engine *engine = NULL;
    enum vanta_status status = vanta_engine_open(&engine, &options, err);

    *answer = NULL;
    if (status != VANTA_OK)
        return status;
    vanta_format(build, VANTA_ENGINE_BUILD_MAX, "%s", vanta_engine_info(engine)->build);
    status = vanta_engine_devices(engine, answer, err);
    vanta_engine_close(engine);
    return status;
}

static void print_engine(void)
{
    char build[VANTA_ENGINE_BUILD_MAX], text[600];
    struct vanta_error err = {0};
    json_t *answer;

    if (vanta_engine_find((char[4096]){""}, NULL) != VANTA_OK) {
        line("engine", "none is installed");
        return;
    }
    if (ask(&answer, build, &err) != VANTA_OK) {
        line("engine", "%s", err.message);
        return;
    }
    line("engine", "%s", build);
    if (*vanta_devices_text(answer, text, sizeof text))
        line("", "runs on %s", text);
    if (*vanta_cores_text(answer, text, sizeof text))
        line("", "%s", text);
    if (*vanta_features_text(answer, text, sizeof text))
        line("", "uses %s", text);
    json_decref(answer);
}

void info_print_tests(const struct vanta_entry *entry)
{
    print_receipt(entry);
    print_bench(entry);
    if (entry->path) /* an API has no engine here */
        print_engine();
}

json_t *info_engine_json(void)
{
    char build[VANTA_ENGINE_BUILD_MAX];
    json_t *answer, *out;

    if (ask(&answer, build, NULL) != VANTA_OK)
        return json_null();
    out = json_pack("{s:s, s:O, s:O, s:O, s:O*}", "build", build, "backends",
                    json_object_get(answer, "backends"), "devices",
                    json_object_get(answer, "devices"), "features",
                    json_object_get(answer, "features"), "cores",
                    json_object_get(answer, "cores"));
    json_decref(answer);
    return out ? out : json_null();
}
