#include "models/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/platform.h"
#include "base/text.h"
#include "models/doctor_private.h"

const char *vanta_check_level_name(enum vanta_check_level level)
{
    return level == VANTA_CHECK_OK ? "ok" : level == VANTA_CHECK_WARN ? "warn" : "fail";
}

/* --- the report --- */

static char *format_line(const char *fmt, va_list args)
{
    char raw[2048], text[2048];

    vsnprintf(raw, sizeof raw, fmt, args);
    vanta_text_printable(raw, text, sizeof text);
    return vanta_strdup(text);
}

void doctor_say(struct doctor *d, enum vanta_check_level level, const char *topic,
                const char *fmt, ...)
{
    struct vanta_doctor_report *r = d->report;
    struct vanta_check *check;
    va_list args;

    if (r->n % 32 == 0) {
        void *grown = realloc(r->checks, (r->n + 32) * sizeof *r->checks);

        if (!grown) {
            d->no_memory = true;
            return;
        }
        r->checks = grown;
    }
    check = &r->checks[r->n];
    va_start(args, fmt);
    *check = (struct vanta_check){level, topic, format_line(fmt, args), NULL};
    va_end(args);
    if (!check->text) {
        d->no_memory = true;
        return;
    }
    r->n++;
    r->warnings += level == VANTA_CHECK_WARN;
    r->failures += level == VANTA_CHECK_FAIL;
}

void doctor_remedy(struct doctor *d, const char *fmt, ...)
{
    struct vanta_doctor_report *r = d->report;
    va_list args;

    if (d->no_memory || r->n == 0)
        return;
    free(r->checks[r->n - 1].remedy);
    va_start(args, fmt);
    r->checks[r->n - 1].remedy = format_line(fmt, args);
    va_end(args);
}

void vanta_doctor_free(struct vanta_doctor_report *report)
{
    size_t i;

    for (i = 0; i < report->n; i++) {
        free(report->checks[i].text);
        free(report->checks[i].remedy);
    }
    free(report->checks);
    memset(report, 0, sizeof *report);
}

/* --- the models folder --- */

/* path, or the nearest folder above it that exists. */
static bool nearest_existing(const char *path, char out[VANTA_PATH_MAX])
{
    char up[VANTA_PATH_MAX];

    if (!vanta_path_absolute(out, path))
        return false;
    while (!vanta_file_exists(out)) {
        if (!vanta_path_parent(up, out) || strcmp(up, out) == 0)
            return false;
        memcpy(out, up, sizeof up);
    }
    return true;
}

static void check_type_folders(struct doctor *d)
{
    const char *root = d->options->root;
    int type;

    for (type = 0; type <= VANTA_TYPE_COUNT; type++) {
        const char *name = type == VANTA_TYPE_COUNT
                               ? "registry"
                               : vanta_type_folder((enum vanta_model_type)type);
        char path[VANTA_PATH_MAX];
        struct vanta_error err = {0};

        if (!vanta_path_join(path, root, name) ||
            (!vanta_file_exists(path) && !vanta_file_is_link(path)))
            continue;
        if (vanta_path_inside(root, path, &err) != VANTA_OK) {
            doctor_say(d, VANTA_CHECK_FAIL, "models folder", "%s", err.message);
            doctor_remedy(d, "Replace the link by a folder, or choose the other place with "
                             "--models-dir or VANTA_MODELS_DIR.");
        } else if (!vanta_file_is_dir(path)) {
            doctor_say(d, VANTA_CHECK_FAIL, "models folder",
                       "%s is there and is not a folder", path);
            doctor_remedy(d, "Move it away.");
        } else if (access(path, W_OK | X_OK) != 0) {
            doctor_say(d, VANTA_CHECK_FAIL, "models folder", "%s cannot be written: %s",
                       path, strerror(errno));
            doctor_remedy(d, "Check who owns it, or choose another folder with "
                             "--models-dir.");
        }
    }
}

static void check_root(struct doctor *d)
{
    const struct vanta_doctor_options *o = d->options;
    char at[VANTA_PATH_MAX];
    bool exists;

    if (!o->root) {
        doctor_say(d, VANTA_CHECK_FAIL, "models folder", "%s",
                   o->root_error ? o->root_error->message : "none was found");
        doctor_remedy(d, "%s", o->root_error && o->root_error->hint[0]
                                   ? o->root_error->hint
                                   : "Name one with --models-dir.");
        return;
    }
    exists = vanta_file_exists(o->root);
    if (exists && !vanta_file_is_dir(o->root)) {
        doctor_say(d, VANTA_CHECK_FAIL, "models folder", "%s (%s) is not a folder", o->root,
                   o->root_why);
        doctor_remedy(d, "Choose another one with --models-dir or VANTA_MODELS_DIR.");
        return;
    }
    if (!nearest_existing(o->root, at) || access(at, W_OK | X_OK) != 0) {
        doctor_say(d, VANTA_CHECK_FAIL, "models folder", "%s (%s) cannot be %s: %s: %s",
                   o->root, o->root_why, exists ? "written" : "created", at,
                   strerror(errno));
        doctor_remedy(d, "Check who owns %s, or choose another folder with --models-dir or "
                         "VANTA_MODELS_DIR.",
                      at);
        return;
    }
    doctor_say(d, VANTA_CHECK_OK, "models folder", "%s (%s)%s", o->root, o->root_why,
               exists ? "" : "; not there yet, setup creates it");
    if (exists)
        check_type_folders(d);
}

/* --- disk and memory, against what the profiles want --- */

static bool is_there(const struct doctor *d, const struct vanta_catalog_model *model)
{
    const struct vanta_entry *entry =
        d->registry ? vanta_registry_find(d->registry, model->id) : NULL;

    return entry && vanta_entry_state(d->options->root, entry, d->options->catalog, NULL) >
                        VANTA_STATE_CORRUPT;
}

/* What the profile's first choices take besides what is there; memory: the largest. */
static uint64_t profile_bytes(const struct doctor *d, const struct vanta_profile *profile,
                              uint64_t *memory)
{
    uint64_t sum = 0;
    size_t i;

    *memory = 0;
    for (i = 0; i < profile->n_slots; i++) {
        const struct vanta_catalog_model *model = profile->slots[i].alternatives[0];
        int64_t bytes = vanta_catalog_model_bytes(model);

        if (model->hardware.memory_bytes > *memory)
            *memory = model->hardware.memory_bytes;
        if (bytes > 0 && !is_there(d, model))
            sum += (uint64_t)bytes;
    }
    return sum;
}

/* The largest profile that fits into free bytes; smallest gets the least demand. */
static const struct vanta_profile *largest_that_fits(const struct doctor *d, uint64_t room,
                                                     bool of_memory, uint64_t *smallest)
{
    const struct vanta_profile *best = NULL;
    uint64_t best_bytes = 0;
    size_t i;

    *smallest = UINT64_MAX;
    for (i = 0; i < vanta_catalog_profile_count(d->options->catalog); i++) {
        const struct vanta_profile *p =
            vanta_catalog_profile_at(d->options->catalog, i);
        uint64_t memory, disk = profile_bytes(d, p, &memory);
        uint64_t bytes = of_memory ? memory : disk;

        if (bytes < *smallest)
            *smallest = bytes;
        if (bytes <= room && (!best || bytes > best_bytes)) {
            best = p;
            best_bytes = bytes;
        }
    }
    return best;
}

/* text: what there is. */
static void weigh(struct doctor *d, const char *topic, const char *text, uint64_t room,
                  bool of_memory)
{
    const struct vanta_profile *usual =
        d->options->catalog ? vanta_catalog_profile(d->options->catalog, "default") : NULL;
    const struct vanta_profile *fits;
    char want[VANTA_SIZE_TEXT_MAX];
    uint64_t memory, disk, needed, smallest;

    if (!usual) {
        doctor_say(d, VANTA_CHECK_OK, topic, "%s", text);
        return;
    }
    disk = profile_bytes(d, usual, &memory);
    needed = of_memory ? memory : disk;
    vanta_size_text(needed, want);
    if (needed <= room) {
        doctor_say(d, VANTA_CHECK_OK, topic, "%s; the default set needs %s%s", text, want,
                   of_memory || needed > 0 ? "" : " more: it is there");
        return;
    }
    fits = largest_that_fits(d, room, of_memory, &smallest);
    doctor_say(d, fits ? VANTA_CHECK_WARN : VANTA_CHECK_FAIL, topic,
               "%s; the default set needs %s", text, want);
    if (fits)
        doctor_remedy(d, "Take the smaller set: vanta setup --profile %s", fits->name);
    else
        doctor_remedy(d, "%s: the smallest set needs %s.",
                      of_memory ? "Use a machine (or container) with more memory"
                                : "Free some disk space, or choose another disk with "
                                  "--models-dir",
                      vanta_size_text(smallest, want));
}

static void check_disk(struct doctor *d)
{
    char have[VANTA_SIZE_TEXT_MAX], text[64];
    struct vanta_error err = {0};
    uint64_t room;

    if (!d->options->root)
        return;
    if (vanta_disk_free(d->options->root, &room, &err) != VANTA_OK) {
        doctor_say(d, VANTA_CHECK_WARN, "disk", "%s", err.message);
        return;
    }
    snprintf(text, sizeof text, "%s free", vanta_size_text(room, have));
    weigh(d, "disk", text, room, false);
}

static void check_machine(struct doctor *d)
{
    char ram[VANTA_SIZE_TEXT_MAX], spare[VANTA_SIZE_TEXT_MAX], text[200];
    char limit[VANTA_SIZE_TEXT_MAX];
    struct vanta_machine m;

    vanta_machine_read(&m);
    vanta_size_text(m.ram, ram);
    vanta_size_text(m.ram_free, spare);
    if (m.ram_limit && m.ram_limit < m.ram)
        snprintf(text, sizeof text, "%s, of which this container may use %s; %s free", ram,
                 vanta_size_text(m.ram_limit, limit), spare);
    else
        snprintf(text, sizeof text, "%s, %s free", ram, spare);
    weigh(d, "memory", text, m.ram_usable, true);
    doctor_say(d, m.cores > 1 ? VANTA_CHECK_OK : VANTA_CHECK_WARN, "processor",
               "%s, %u core%s to be used", m.cpu, m.cores, m.cores == 1 ? "" : "s");
    if (m.cores == 1)
        doctor_remedy(d, "Language models answer slowly on one core; give this machine or "
                         "container more.");
    doctor_say(d, VANTA_CHECK_OK, "system", "%s on %s", m.os, m.arch);
}

static void check_catalog(struct doctor *d)
{
    const struct vanta_doctor_options *o = d->options;

    if (o->catalog) {
        doctor_say(d, VANTA_CHECK_OK, "catalog", "%zu models",
                   vanta_catalog_count(o->catalog));
        return;
    }
    doctor_say(d, VANTA_CHECK_FAIL, "catalog", "%s",
               o->catalog_error ? o->catalog_error->message : "it could not be read");
    doctor_remedy(d, "%s", o->catalog_error && o->catalog_error->hint[0]
                               ? o->catalog_error->hint
                               : "Mend that file or move it away; vanta catalog check FILE "
                                 "says what is wrong with one.");
}

enum vanta_status vanta_doctor_run(const struct vanta_doctor_options *options,
                                   struct vanta_doctor_report *report,
                                   struct vanta_error *err)
{
    struct doctor d = {.options = options, .report = report};

    memset(report, 0, sizeof *report);
    doctor_network_ask(&d);
    check_root(&d);
    check_catalog(&d);
    doctor_registry(&d);
    check_disk(&d);
    check_machine(&d);
    doctor_network(&d);
    doctor_models(&d);
    doctor_engine(&d);
    doctor_leftovers(&d);
    vanta_registry_free(d.registry);
    return d.no_memory ? vanta_fail_memory(err) : VANTA_OK;
}
