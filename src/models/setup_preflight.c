/* setup_preflight.c - what is refused before the first byte: disk, memory, licences. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "models/license.h"
#include "models/setup_internal.h"

/* The registry, its history and the locks. */
#define BOOKKEEPING_BYTES ((uint64_t)1024 * 1024)

static bool is_open(const struct setup_work *work)
{
    return !work->closed && work->item->outcome == VANTA_OUTCOME_PENDING &&
           work->found.presence != SETUP_READY;
}

/* --- disk --- */

static int larger_first(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? 1 : left > right ? -1 : 0;
}

/* What stays of all items, and the scratch of as many as run at once: the largest ones in
 * the worst case. What an interrupted run has left of an item is part of both. */
static uint64_t disk_needed(const struct vanta_setup *setup,
                            const struct setup_work *without)
{
    uint64_t *scratch = calloc(setup->n + 1, sizeof *scratch), sum = 0;
    unsigned jobs = setup_jobs(setup);
    size_t i, n = 0;

    for (i = 0; scratch && i < setup->n; i++) {
        const struct setup_work *work = &setup->work[i];
        uint64_t stays = work->item->disk_bytes, besides = work->item->scratch_bytes;
        uint64_t left = work->found.partial_bytes;

        if (!is_open(work) || work == without)
            continue;
        sum += stays - (left < stays ? left : stays);
        left -= left < stays ? left : stays;
        scratch[n++] = besides - (left < besides ? left : besides);
    }
    if (n > 0)
        qsort(scratch, n, sizeof *scratch, larger_first);
    for (i = 0; i < n && i < jobs; i++)
        sum += scratch[i];
    free(scratch);
    return sum ? sum + BOOKKEEPING_BYTES : 0;
}

static const struct setup_work *largest_open(const struct vanta_setup *setup)
{
    const struct setup_work *largest = NULL;
    uint64_t most = 0;
    size_t i;

    for (i = 0; i < setup->n; i++) {
        const struct setup_work *work = &setup->work[i];
        uint64_t bytes = work->item->disk_bytes + work->item->scratch_bytes;

        if (is_open(work) && (!largest || bytes > most)) {
            largest = work;
            most = bytes;
        }
    }
    return largest;
}

/* The best model of the same type that needs no more than the limits allow. */
static const struct vanta_catalog_model *
smaller_model(struct vanta_setup *setup, const struct vanta_catalog_model *than,
              uint64_t most_bytes, uint64_t most_memory)
{
    const struct vanta_catalog *catalog = setup->options.catalog;
    const struct vanta_catalog_model *best = NULL;
    int64_t bytes, best_bytes = -1, limit = vanta_catalog_model_bytes(than);
    size_t i;

    for (i = 0; i < vanta_catalog_count(catalog); i++) {
        const struct vanta_catalog_model *m = vanta_catalog_at(catalog, i);

        bytes = vanta_catalog_model_bytes(m);
        if (m->type != than->type || setup_is_api(m) || bytes < 0 || bytes >= limit ||
            (uint64_t)bytes > most_bytes || m->hardware.memory_bytes > most_memory ||
            (m->license && m->license->must_accept) || bytes <= best_bytes ||
            !setup_can_be_had(setup, m, SETUP_KNOWN))
            continue;
        best = m;
        best_bytes = bytes;
    }
    return best;
}

/* "vanta setup A B": the items without one, with another in its place (may be NULL). */
static void command_without(const struct vanta_setup *setup,
                            const struct setup_work *without,
                            const struct vanta_catalog_model *instead,
                            struct vanta_buf *out)
{
    size_t i;

    vanta_buf_puts(out, "vanta setup");
    for (i = 0; i < setup->n; i++) {
        const struct vanta_catalog_model *model = setup->items[i].model;

        if (&setup->work[i] == without)
            model = instead;
        if (model)
            vanta_buf_printf(out, " %s", model->id);
    }
}

static void hint_smaller(struct vanta_setup *setup, const struct setup_work *work,
                         const struct vanta_catalog_model *smaller, bool drop_helps,
                         struct vanta_error *err)
{
    struct vanta_buf hint = VANTA_BUF(VANTA_ERROR_HINT_MAX - 1);
    const char *id = work->item->model->id;
    char text[VANTA_SIZE_TEXT_MAX];

    if (smaller) {
        vanta_buf_printf(
            &hint, "With %s (%s) in its place: ", smaller->id,
            vanta_size_text((uint64_t)vanta_catalog_model_bytes(smaller), text));
        command_without(setup, work, smaller, &hint);
    } else if (drop_helps && setup->n > 1) {
        vanta_buf_printf(&hint, "Without %s the rest fits: ", id);
        command_without(setup, work, NULL, &hint);
    }
    if (hint.len > 0)
        vanta_hint(err, "%s", hint.data);
    vanta_buf_free(&hint);
}

static enum vanta_status check_disk(struct vanta_setup *setup, struct vanta_error *err)
{
    struct vanta_setup_need *need = &setup->need;
    char needed[VANTA_SIZE_TEXT_MAX], have[VANTA_SIZE_TEXT_MAX], its[VANTA_SIZE_TEXT_MAX];
    const struct setup_work *work;
    uint64_t rest, room;

    if (need->disk_needed <= need->disk_free)
        return VANTA_OK;
    work = largest_open(setup);
    rest = disk_needed(setup, work);
    room = need->disk_free > rest ? need->disk_free - rest : 0;
    vanta_fail(err, VANTA_ERR_NO_SPACE,
               "%s: %s are needed on the disk and %s are free; the largest part is %s "
               "with %s",
               setup->root, vanta_size_text(need->disk_needed, needed),
               vanta_size_text(need->disk_free, have), work->item->model->id,
               vanta_size_text(work->item->disk_bytes + work->item->scratch_bytes, its));
    hint_smaller(setup, work,
                 smaller_model(setup, work->item->model, room / 2,
                               need->machine.ram_usable),
                 rest <= need->disk_free, err);
    vanta_hint(err, "Free some space, or choose another folder with --models-dir.");
    return VANTA_ERR_NO_SPACE;
}

/* --- memory --- */

static enum vanta_status check_memory(struct vanta_setup *setup, struct vanta_error *err)
{
    uint64_t usable = setup->need.machine.ram_usable;
    char needed[VANTA_SIZE_TEXT_MAX], have[VANTA_SIZE_TEXT_MAX];
    size_t i;

    for (i = 0; usable > 0 && i < setup->n; i++) {
        struct setup_work *work = &setup->work[i];
        const struct vanta_catalog_model *model = work->item->model;

        if (!is_open(work) || model->hardware.memory_bytes <= usable)
            continue;
        vanta_size_text(model->hardware.memory_bytes, needed);
        vanta_size_text(usable, have);
        if (setup->options.force) {
            if (!work->memory_told)
                setup_warning(setup, work->item,
                              "%s needs about %s of memory to run and this machine has "
                              "%s: it will hardly run here",
                              model->id, needed, have);
            work->memory_told = true;
            continue;
        }
        vanta_fail(err, VANTA_ERR_NO_MEMORY,
                   "%s needs about %s of memory to run, and this %s has %s", model->id,
                   needed, setup->need.machine.ram_limit ? "container" : "machine", have);
        hint_smaller(setup, work, smaller_model(setup, model, UINT64_MAX, usable), true,
                     err);
        vanta_hint(err, "--force sets it up all the same.");
        return VANTA_ERR_NO_MEMORY;
    }
    return VANTA_OK;
}

/* --- licences and digests nobody knows --- */

static void skip(struct setup_work *work)
{
    work->item->outcome = VANTA_OUTCOME_SKIPPED;
}

static void skip_unpinned(struct vanta_setup *setup, struct setup_work *work)
{
    const struct vanta_catalog_model *model = work->item->model;
    struct vanta_error *err = &work->item->error;
    size_t i;

    for (i = 0; !setup->options.allow_unpinned && i < model->n_files; i++) {
        if (model->files[i].sha256 ||
            (work->item->preparation &&
             vanta_catalog_makes(model, work->item->preparation->id)))
            continue;
        vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                   "%s: nobody has published the digest of %s, so that it cannot be "
                   "verified",
                   model->id, model->files[i].path);
        vanta_hint(err, "To take it from its own repository all the same: vanta setup %s "
                        "--allow-unpinned", model->id);
        skip(work);
        return;
    }
}

/* Coqui's own tool asks for the same licence: its answer by the environment, or the file
 * that it leaves beside a model, in our folder or in its own. */
static bool accepted_with_coqui(const char *model_dir)
{
    const char *agreed = getenv("COQUI_TOS_AGREED"), *home = getenv("HOME");
    const char *data = getenv("XDG_DATA_HOME"), *tts = getenv("TTS_HOME");
    static const char below[] =
        "tts/tts_models--multilingual--multi-dataset--xtts_v2/tos_agreed.txt";
    char path[VANTA_PATH_MAX];

    if (agreed && strcmp(agreed, "1") == 0)
        return true;
    if (vanta_path_join(path, model_dir, "tos_agreed.txt") && vanta_file_exists(path))
        return true;
    if (tts && tts[0] == '/')
        return vanta_path_join(path, tts, below) && vanta_file_exists(path);
    if (data && data[0] == '/')
        return vanta_path_join(path, data, below) && vanta_file_exists(path);
    return home && vanta_path_join3(path, home, ".local/share", below) &&
           vanta_file_exists(path);
}

static bool accepted_beforehand(const struct vanta_setup_options *o,
                                const struct vanta_license *license,
                                const char *model_dir)
{
    size_t i;

    if (strcmp(license->id, "CPML") == 0 && accepted_with_coqui(model_dir))
        return true;
    for (i = 0; i < o->n_accepted; i++)
        if (vanta_streq_nocase(o->accepted[i], license->id))
            return true;
    return false;
}

/* The text, NULL when it cannot be had; the caller frees. */
static char *license_text(struct vanta_setup *setup, const struct vanta_license *license)
{
    struct vanta_buf text = VANTA_BUF(VANTA_LICENSE_BYTES_MAX);
    struct vanta_error why = {0};
    enum vanta_status status = setup_fetcher(setup, &why);

    if (status == VANTA_OK)
        status = vanta_license_fetch(setup->fetcher, license, &text, &why);
    if (status == VANTA_OK)
        return text.data;
    if (status != VANTA_ERR_NOT_FOUND)
        setup_notice(setup, NULL, "the text of the licence %s could not be fetched: %s",
                     license->id, why.message);
    vanta_buf_free(&text);
    return NULL;
}

static void refuse_license(struct setup_work *work, bool asked)
{
    const struct vanta_catalog_model *model = work->item->model;
    const struct vanta_license *license = model->license;
    struct vanta_error *err = &work->item->error;

    vanta_fail(err, VANTA_ERR_LICENSE, "%s: its licence, %s, %s", model->id,
               license->name ? license->name : license->id,
               asked ? "was not accepted" : "has to be accepted first");
    vanta_hint(err, "%s%sRead %s, then: vanta setup %s --accept-license %s",
               license->summary ? license->summary : "", license->summary ? " " : "",
               license->url ? license->url : "it", model->id, license->id);
    skip(work);
}

/* The answer of an earlier item of this run with the same licence. */
static const struct setup_work *same_license(const struct vanta_setup *setup,
                                             const struct setup_work *work)
{
    size_t i;

    for (i = 0; &setup->work[i] != work; i++)
        if (setup->items[i].model->license == work->item->model->license &&
            setup->work[i].license_settled)
            return &setup->work[i];
    return NULL;
}

static void settle_license(struct vanta_setup *setup, struct setup_work *work, bool ask)
{
    const struct vanta_setup_options *o = &setup->options;
    const struct vanta_catalog_model *model = work->item->model;
    const struct vanta_license *license = model->license;
    const struct vanta_entry *entry = vanta_registry_find(setup->registry, model->id);
    struct vanta_license_answer answer;
    const struct setup_work *same;
    char dir[VANTA_PATH_MAX];
    bool yes;

    if (work->license_settled || !setup_model_dir(setup, model, dir))
        return;
    vanta_license_answered(dir, license, entry, &answer);
    if (vanta_license_holds(&answer, license, NULL)) {
        memcpy(work->accepted_digest, answer.digest, sizeof answer.digest);
        memcpy(work->accepted_date, answer.date, sizeof answer.date);
        work->license_settled = true;
        return;
    }
    yes = accepted_beforehand(o, license, dir);
    if (!yes && !o->ask) {
        refuse_license(work, false);
        return;
    }
    if (!ask) /* the machine first: nobody reads a licence for nothing */
        return;
    same = same_license(setup, work);
    if (same) {
        yes = same->item->outcome != VANTA_OUTCOME_SKIPPED;
        work->license_text = vanta_strdup(same->license_text);
    } else {
        work->license_text = license_text(setup, license);
        yes = yes || o->ask(o->arg, license, model, work->license_text);
    }
    work->license_settled = true;
    work->license_new = yes;
    if (!yes)
        refuse_license(work, true);
}

static void settle_all(struct vanta_setup *setup, bool ask)
{
    size_t i;

    for (i = 0; i < setup->n && !setup_cancelled(setup); i++) {
        struct setup_work *work = &setup->work[i];

        if (is_open(work) && !ask)
            skip_unpinned(setup, work);
        if (is_open(work) && work->item->model->license &&
            work->item->model->license->must_accept)
            settle_license(setup, work, ask);
    }
}

/* --- all of it --- */

static enum vanta_status measure(struct vanta_setup *setup, struct vanta_error *err)
{
    struct vanta_setup_need *need = &setup->need;
    size_t i;

    vanta_machine_read(&need->machine);
    need->disk_needed = disk_needed(setup, NULL);
    need->memory_needed = 0;
    for (i = 0; i < setup->n; i++)
        if (!setup->work[i].closed &&
            setup->items[i].model->hardware.memory_bytes > need->memory_needed)
            need->memory_needed = setup->items[i].model->hardware.memory_bytes;
    return vanta_disk_free(setup->root, &need->disk_free, err);
}

enum vanta_status vanta_setup_fits(struct vanta_setup *setup, struct vanta_error *err)
{
    enum vanta_status status;

    settle_all(setup, false);
    status = measure(setup, err);
    if (status == VANTA_OK)
        status = check_disk(setup, err);
    if (status == VANTA_OK)
        status = check_memory(setup, err);
    return status;
}

/* Plans another profile with what is known of sources already, so that no host is asked
 * twice. */
static bool profile_fits(struct vanta_setup *setup, const struct vanta_profile *profile,
                         uint64_t *bytes)
{
    struct vanta_setup_options options = setup->options;
    struct vanta_setup *other = NULL;
    bool fits = false;
    size_t i;

    options.profile = profile->name;
    options.listener = NULL;
    options.ask = NULL;
    *bytes = 0;
    if (vanta_setup_new(&options, &other, NULL) != VANTA_OK)
        return false;
    if (setup->fetcher) {
        other->fetcher = setup->fetcher;
        other->fetcher_borrowed = true;
    }
    other->reach_hub = setup->reach_hub;
    other->reach_packages = setup->reach_packages;
    if (vanta_setup_plan(other, NULL) == VANTA_OK &&
        vanta_setup_fits(other, NULL) == VANTA_OK)
        fits = true;
    for (i = 0; i < other->n; i++) {
        fits = fits && !other->work[i].closed;
        *bytes += other->items[i].disk_bytes;
    }
    vanta_setup_free(other);
    return fits;
}

const struct vanta_profile *vanta_setup_fitting_profile(struct vanta_setup *setup)
{
    const char *now = setup->options.profile ? setup->options.profile : "default";
    const struct vanta_catalog *catalog = setup->options.catalog;
    const struct vanta_profile *best = NULL;
    uint64_t bytes, best_bytes = 0;
    size_t i;

    if (setup->options.n_models > 0)
        return NULL;
    for (i = 0; i < vanta_catalog_profile_count(catalog); i++) {
        const struct vanta_profile *profile = vanta_catalog_profile_at(catalog, i);

        if (strcmp(profile->name, now) == 0 || !profile_fits(setup, profile, &bytes))
            continue;
        if (!best || bytes > best_bytes) {
            best = profile;
            best_bytes = bytes;
        }
    }
    return best;
}

enum vanta_status vanta_setup_preflight(struct vanta_setup *setup,
                                        struct vanta_error *err)
{
    enum vanta_status status;

    if (vanta_registry_origin(setup->registry) == VANTA_REGISTRY_HISTORY_FILE) {
        vanta_fail(err, VANTA_ERR_FORMAT,
                   "%s/registry/registry.json is damaged, so that nothing could be "
                   "registered",
                   setup->root);
        vanta_hint(err, "Repair it first, nothing is lost: vanta registry rebuild");
        return VANTA_ERR_FORMAT;
    }
    status = vanta_setup_fits(setup, err);
    if (status == VANTA_OK)
        settle_all(setup, true);
    if (status == VANTA_OK && setup_cancelled(setup))
        status = vanta_fail(err, VANTA_ERR_CANCELLED, "stopped");
    return status;
}
