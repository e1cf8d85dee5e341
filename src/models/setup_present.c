/* setup_present.c - what of a model is on the disk already, wherever it may lie. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "models/chunk_store.h"
#include "models/setup_internal.h"

#define PLACES_MAX 3
#define EVENT_MS 100

static bool relative_to_root(const struct vanta_setup *setup, const char *full,
                             char out[VANTA_PATH_MAX])
{
    size_t n = strlen(setup->root);

    return strncmp(full, setup->root, n) == 0 && full[n] == '/' &&
           vanta_format(out, VANTA_PATH_MAX, "%s", full + n + 1);
}

/* Fills a place from its folder; false when it lies outside the root. */
static bool place_from(const struct vanta_setup *setup,
                       const struct vanta_catalog_model *model, const char *folder,
                       struct setup_place *out)
{
    char full[VANTA_PATH_MAX];

    if (!vanta_format(out->folder, sizeof out->folder, "%s", folder))
        return false;
    if (model->n_files == 1)
        return vanta_path_join(full, folder, model->files[0].path) &&
               relative_to_root(setup, full, out->path);
    return relative_to_root(setup, folder, out->path);
}

/* The folder that a registered entry keeps the model's files in. */
static bool entry_folder(const struct vanta_setup *setup, const struct vanta_entry *entry,
                         const struct vanta_catalog_model *model,
                         char out[VANTA_PATH_MAX])
{
    char path[VANTA_PATH_MAX], file[VANTA_PATH_MAX];

    if (!vanta_entry_path(setup->root, entry, path))
        return false;
    if (model->n_files == 1 && vanta_format(file, sizeof file, "/%s",
                                            model->files[0].path) &&
        vanta_has_suffix(path, file)) {
        path[strlen(path) - strlen(file)] = '\0';
        return vanta_format(out, VANTA_PATH_MAX, "%s", path);
    }
    return vanta_file_is_dir(path) && vanta_format(out, VANTA_PATH_MAX, "%s", path);
}

static void swap_places(struct setup_place *a, struct setup_place *b)
{
    struct setup_place kept = *a;

    *a = *b;
    *b = kept;
}

static size_t find_places(const struct vanta_setup *setup,
                          const struct vanta_registry *registry,
                          const struct vanta_catalog_model *model,
                          struct setup_place places[PLACES_MAX])
{
    const struct vanta_entry *entry =
        registry ? vanta_registry_find(registry, model->id) : NULL;
    char folder[VANTA_PATH_MAX];
    size_t n = 0;

    if (setup_model_dir(setup, model, folder))
        n += place_from(setup, model, folder, &places[n]);
    if (entry && !entry->external && entry_folder(setup, entry, model, folder) &&
        (n == 0 || strcmp(folder, places[0].folder) != 0))
        n += place_from(setup, model, folder, &places[n]);
    if (n == 2) /* where the entry says is where people look: first */
        swap_places(&places[0], &places[1]);
    if (model->n_files == 1 && setup_type_dir(setup, model, folder))
        n += place_from(setup, model, folder, &places[n]);
    return n;
}

static bool file_has_size(const struct setup_place *place,
                          const struct vanta_catalog_file *file, uint64_t *bytes)
{
    char path[VANTA_PATH_MAX];
    int64_t size;

    if (!vanta_path_join(path, place->folder, file->path))
        return false;
    size = vanta_file_size(path);
    if (size < 0 || (file->size_bytes >= 0 && size != file->size_bytes))
        return false;
    *bytes += (uint64_t)size;
    return true;
}

/* Whether all files lie there with their sizes; bytes gets the sum of those that do. */
static bool place_complete(const struct setup_place *place,
                           const struct vanta_catalog_model *model, uint64_t *bytes)
{
    size_t i, n = 0;

    *bytes = 0;
    for (i = 0; i < model->n_files; i++)
        n += file_has_size(place, &model->files[i], bytes);
    return n == model->n_files;
}

/* Registered and right, as far as can be said without hashing. A model with a file whose
 * digest nobody knows can only be as registered as it gets: unverified. */
static bool entry_ready(const struct vanta_entry *entry,
                        const struct vanta_catalog_model *model, enum vanta_state state)
{
    char expected[VANTA_SHA256_HEX];

    if (setup_is_api(model))
        return true;
    if (!setup_expected_hash(model, expected))
        return state >= VANTA_STATE_UNVERIFIED;
    return state > VANTA_STATE_UNVERIFIED && entry->verified_digest &&
           strcmp(entry->verified_digest, expected) == 0;
}

const struct vanta_setup_damage *setup_damage(const struct vanta_setup *setup,
                                              const struct vanta_catalog_model *model)
{
    size_t i;

    for (i = 0; i < setup->options.n_damage; i++)
        if (setup->options.damage[i].model == model)
            return &setup->options.damage[i];
    return NULL;
}

/* Sizes say nothing of a damaged model: what was found right is there, and no more. */
static void count_damage(const struct vanta_setup_damage *damage, struct setup_found *out)
{
    int64_t bytes = vanta_catalog_model_bytes(damage->model);

    out->presence = SETUP_ABSENT;
    out->bytes = bytes > 0 && (uint64_t)bytes > damage->bytes_wrong_files
                     ? (uint64_t)bytes - damage->bytes_wrong_files
                     : 0;
}

void setup_look(const struct vanta_setup *setup, const struct vanta_registry *registry,
                const struct vanta_catalog_model *model, struct setup_found *out)
{
    const struct vanta_entry *entry =
        registry ? vanta_registry_find(registry, model->id) : NULL;
    const struct vanta_setup_damage *damage = setup_damage(setup, model);
    struct setup_place places[PLACES_MAX];
    char partial[VANTA_PATH_MAX];
    size_t i, n;

    memset(out, 0, sizeof *out);
    out->state = VANTA_STATE_MISSING;
    if (entry) {
        out->state = vanta_entry_state(setup->root, entry, setup->options.catalog, NULL);
        if (!damage && entry_ready(entry, model, out->state)) {
            out->presence = SETUP_READY;
            out->bytes = entry->size_bytes > 0 ? (uint64_t)entry->size_bytes : 0;
            return;
        }
    }
    if (setup_is_api(model))
        return;
    n = find_places(setup, registry, model, places);
    for (i = 0; i < n; i++) {
        char expected[VANTA_SHA256_HEX];
        uint64_t bytes;

        if (place_complete(&places[i], model, &bytes) &&
            setup_expected_hash(model, expected))
            out->presence = SETUP_COMPLETE;
        if (bytes > out->bytes)
            out->bytes = bytes;
    }
    if (damage)
        count_damage(damage, out);
    if (setup_beside(setup, model, ".partial", partial))
        out->partial_bytes = vanta_dir_bytes(partial);
}

/* --- adopting --- */

struct hashing {
    struct vanta_setup *setup;
    struct vanta_setup_event event;
    int64_t told_ms;
};

/* Of a wrong file that is hashed twice the total grows. */
static void on_hashed(void *arg, uint64_t bytes, uint64_t total)
{
    struct hashing *h = arg;
    int64_t now = vanta_clock_ms();

    if (now - h->told_ms < EVENT_MS)
        return;
    h->told_ms = now;
    h->event.bytes = bytes;
    h->event.bytes_total = (int64_t)total;
    setup_emit(h->setup, &h->event);
}

static void refuse(const struct vanta_check *check, struct vanta_error *err)
{
    char wrong[VANTA_SIZE_TEXT_MAX];

    if (check->wrong)
        vanta_fail(err, VANTA_ERR_DIGEST, "%s: %zu of its %zu chunks are damaged (%s)",
                   check->path, check->n_wrong, check->n_chunks,
                   vanta_size_text(check->wrong_bytes, wrong));
    else
        vanta_fail(err, VANTA_ERR_DIGEST, "%s has the digest %s, not %s", check->path,
                   check->found, check->sha256);
}

/* VANTA_ERR_DIGEST: other bytes. */
static enum vanta_status check_file(struct vanta_setup *setup, struct setup_work *work,
                                    const struct setup_place *place,
                                    const struct vanta_catalog_file *file,
                                    struct vanta_error *err)
{
    struct hashing h = {setup,
                        {.kind = VANTA_SETUP_VERIFY,
                         .item = work->item,
                         .file = file->path,
                         .bytes_total = file->size_bytes},
                        vanta_clock_ms()};
    char path[VANTA_PATH_MAX], chunks[VANTA_PATH_MAX];
    struct vanta_check check = {.path = path,
                                .sha256 = file->sha256,
                                .size_bytes = file->size_bytes};
    struct vanta_check_options how = {.progress = on_hashed,
                                      .arg = &h,
                                      .cancel = setup->options.cancel};
    enum vanta_status status;

    if (!vanta_path_join(path, place->folder, file->path))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long",
                          place->folder);
    status = vanta_path_inside(setup->root, path, err);
    if (status != VANTA_OK)
        return status;
    if (vanta_chunk_store(setup->root, chunks))
        how.chunks_folder = chunks;
    setup_emit(setup, &h.event);
    vanta_check_files(&check, 1, &how);
    if (check.status != VANTA_OK)
        return vanta_fail(err, check.status, "%s", check.error.message);
    if (h.event.bytes_total > 0)
        h.event.bytes = (uint64_t)h.event.bytes_total;
    setup_emit(setup, &h.event);
    if (!check.right)
        refuse(&check, err);
    vanta_check_free(&check);
    return check.right ? VANTA_OK : VANTA_ERR_DIGEST;
}

static enum vanta_status check_place(struct vanta_setup *setup, struct setup_work *work,
                                     const struct setup_place *place,
                                     struct vanta_error *err)
{
    const struct vanta_catalog_model *model = work->item->model;
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; status == VANTA_OK && i < model->n_files; i++)
        status = check_file(setup, work, place, &model->files[i], err);
    return status;
}

enum vanta_status setup_adopt(struct vanta_setup *setup, struct setup_work *work,
                              struct setup_place *place, struct vanta_error *err)
{
    const struct vanta_catalog_model *model = work->item->model;
    struct setup_place places[PLACES_MAX];
    struct vanta_registry *registry = NULL;
    char expected[VANTA_SHA256_HEX];
    size_t i, n;

    if (!setup_expected_hash(model, expected))
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s has no known digest", model->id);
    vanta_registry_load(setup->root, setup->options.catalog, &registry, NULL, NULL);
    n = find_places(setup, registry, model, places);
    vanta_registry_free(registry);
    for (i = 0; i < n; i++) {
        struct vanta_error why = {0};
        uint64_t bytes;
        enum vanta_status status;

        if (!place_complete(&places[i], model, &bytes))
            continue;
        status = check_place(setup, work, &places[i], &why);
        if (status == VANTA_OK) {
            *place = places[i];
            return VANTA_OK;
        }
        if (status == VANTA_ERR_CANCELLED)
            return vanta_fail(err, status, "%s", why.message);
        setup_notice(setup, work->item, "%s; it is fetched anew", why.message);
    }
    return vanta_fail(err, VANTA_ERR_NOT_FOUND, "no files of %s are here", model->id);
}
