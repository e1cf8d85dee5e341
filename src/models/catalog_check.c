/* The records of all documents against each other: what replaces what, which names and
 * references hold, what a profile comes down to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "models/catalog_private.h"

/* One record among those of its kind, in the order of loading. */
struct named {
    const char *name;
    size_t index;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = catalog_compare(x->name, y->name);

    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static struct catalog_place *record_at(const struct catalog_array *array, size_t size,
                                       size_t i)
{
    return (struct catalog_place *)((char *)array->items + i * size);
}

/* Removes the records whose place has lost its document. */
static void compact(struct catalog_array *array, size_t size)
{
    size_t i, kept = 0;

    for (i = 0; i < array->n; i++) {
        if (!record_at(array, size, i)->document)
            continue;
        if (i != kept)
            memcpy(record_at(array, size, kept), record_at(array, size, i), size);
        kept++;
    }
    array->n = kept;
}

/* later has the same name as earlier, which stands before it. */
static enum vanta_status check_override(const struct catalog_place *earlier,
                                        const struct catalog_place *later,
                                        const char *key, const char *name,
                                        struct vanta_error *err)
{
    if (earlier->document == later->document)
        return catalog_place_fail(later, key, err,
                                  "\"%s\" is there twice: also at /%s/%zu", name,
                                  earlier->section, earlier->index);
    if (!later->override)
        return catalog_place_fail(later, key, err,
                                  "\"%s\" is in %s already; say \"override\": true to "
                                  "replace it",
                                  name, earlier->document->json.name);
    return VANTA_OK;
}

/* The last record of a name takes the first one's place. */
static enum vanta_status settle(struct catalog_array *array, size_t size, const char *key,
                                const char *(*name_of)(const void *record),
                                struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    struct named *names = calloc(array->n + 1, sizeof *names);
    size_t i, first, last;

    if (!names)
        return vanta_fail_memory(err);
    for (i = 0; i < array->n; i++)
        names[i] = (struct named){name_of(record_at(array, size, i)), i};
    qsort(names, array->n, sizeof *names, by_name);
    for (first = 0; first < array->n && status == VANTA_OK; first = last + 1) {
        struct catalog_place *slot = record_at(array, size, names[first].index), *winner;
        bool replaced = slot->document->built_in;

        for (last = first; last + 1 < array->n && status == VANTA_OK &&
                           catalog_compare(names[last].name, names[last + 1].name) == 0;
             last++)
            status = check_override(record_at(array, size, names[last].index),
                                    record_at(array, size, names[last + 1].index), key,
                                    names[last + 1].name, err);
        if (last == first || status != VANTA_OK)
            continue;
        winner = record_at(array, size, names[last].index);
        winner->replaced = replaced;
        memcpy(slot, winner, size);
        for (i = first + 1; i <= last; i++)
            record_at(array, size, names[i].index)->document = NULL;
    }
    free(names);
    if (status == VANTA_OK)
        compact(array, size);
    return status;
}

static const char *model_name(const void *record)
{
    return ((const struct catalog_model_record *)record)->model.id;
}

static const char *license_name(const void *record)
{
    return ((const struct catalog_license_record *)record)->license.id;
}

static const char *profile_name(const void *record)
{
    return ((const struct catalog_profile_record *)record)->profile.name;
}

static int compare_packages(const struct vanta_package *a, const struct vanta_package *b)
{
    int order = strcmp(a->index, b->index);

    if (order == 0)
        order = strcmp(a->name, b->name);
    return order ? order : strcmp(a->version, b->version);
}

static int by_package(const void *a, const void *b)
{
    const struct catalog_package_record *x = a, *y = b;
    int order = compare_packages(&x->package, &y->package);

    /* The built-in first: of two that differ the user's is the one to name. */
    if (order == 0)
        order = y->place.document->built_in - x->place.document->built_in;
    return order ? order
                 : (x->place.index > y->place.index) - (x->place.index < y->place.index);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* A package may be stated by several documents when they say the same. */
static enum vanta_status settle_packages(struct vanta_catalog *catalog,
                                         struct vanta_error *err)
{
    struct catalog_package_record *all = catalog_packages(catalog);
    size_t i, n = catalog->packages.n;
    struct vanta_package *table;

    table = catalog_alloc(catalog, n + 1, sizeof *table, err);
    if (!table)
        return VANTA_ERR_NO_MEMORY;
    if (n > 0)
        qsort(all, n, sizeof *all, by_package);
    for (i = 0; i < n; i++) {
        const struct vanta_package *p = &all[i].package, *before;

        if (i > 0 && compare_packages(before = &all[i - 1].package, p) == 0) {
            if (!same_text(p->sha256, before->sha256) ||
                !same_text(p->integrity, before->integrity) ||
                p->size_bytes != before->size_bytes)
                return catalog_place_fail(&all[i].place, NULL, err,
                                          "%s %s is stated twice with different figures: "
                                          "also in %s at /packages/%zu",
                                          p->name, p->version,
                                          all[i - 1].place.document->json.name,
                                          all[i - 1].place.index);
            continue;
        }
        table[catalog->n_packages++] = *p;
    }
    catalog->package_table = table;
    return VANTA_OK;
}

static int by_package_key(const void *key, const void *item)
{
    return compare_packages(key, item);
}

/* where: the pointer of the object that has the sources. */
static enum vanta_status check_packages(const struct vanta_catalog *catalog,
                                        const struct catalog_document *document,
                                        const char *where,
                                        const struct vanta_catalog_file *file,
                                        struct vanta_error *err)
{
    char pointer[VANTA_JSON_POINTER_MAX];
    size_t i, k;

    for (i = 0; i < file->n_sources; i++) {
        for (k = 0; k < file->sources[i].n_parts; k++) {
            const struct vanta_locator *l = &file->sources[i].parts[k];
            struct vanta_package key = {.name = l->name, .version = l->revision};

            if (l->kind != VANTA_LOCATOR_PYPI && l->kind != VANTA_LOCATOR_NPM)
                continue;
            key.index = l->kind == VANTA_LOCATOR_NPM ? "npm" : "pypi";
            if (catalog->n_packages > 0 &&
                bsearch(&key, catalog->package_table, catalog->n_packages,
                        sizeof *catalog->package_table, by_package_key))
                continue;
            snprintf(pointer, sizeof pointer, "%s/sources/%zu", where, i);
            return vanta_json_fail(&document->json, pointer, NULL, err,
                                   "the package %s %s is in no \"packages\" list, which "
                                   "must state its digest",
                                   l->name, l->revision);
        }
    }
    return VANTA_OK;
}

static enum vanta_status check_model_packages(const struct vanta_catalog *catalog,
                                              const struct catalog_model_record *record,
                                              struct vanta_error *err)
{
    const struct vanta_catalog_model *m = &record->model;
    const struct catalog_place *place = &record->place;
    enum vanta_status status = VANTA_OK;
    char where[VANTA_JSON_POINTER_MAX];
    size_t i, k;

    for (i = 0; i < m->n_files && status == VANTA_OK; i++) {
        snprintf(where, sizeof where, "/models/%zu/files/%zu", place->index, i);
        status = check_packages(catalog, place->document, where, &m->files[i], err);
    }
    for (i = 0; i < m->n_preparations; i++) {
        const struct vanta_preparation *p = &m->preparations[i];

        for (k = 0; p->inputs != m->files && k < p->n_inputs && status == VANTA_OK; k++) {
            snprintf(where, sizeof where, "/models/%zu/preparations/%zu/inputs/%zu",
                     place->index, i, k);
            status = check_packages(catalog, place->document, where, &p->inputs[k], err);
        }
    }
    return status;
}

static const struct vanta_license *find_license(const struct vanta_catalog *catalog,
                                                const char *id)
{
    const struct catalog_license_record *all = catalog_licenses(catalog);
    size_t i;

    for (i = 0; i < catalog->licenses.n; i++)
        if (catalog_compare(all[i].license.id, id) == 0)
            return &all[i].license;
    return NULL;
}

static enum vanta_status check_models(struct vanta_catalog *catalog,
                                      struct vanta_error *err)
{
    struct catalog_model_record *all = catalog_models(catalog);
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; i < catalog->models.n && status == VANTA_OK; i++) {
        all[i].model.overrides = all[i].place.replaced;
        all[i].model.license = find_license(catalog, all[i].license_id);
        if (!all[i].model.license)
            status = catalog_place_fail(&all[i].place, "license", err,
                                        "no licence \"%.80s\" in any \"licenses\" list",
                                        all[i].license_id);
        else
            status = check_model_packages(catalog, &all[i], err);
    }
    return status;
}

static enum vanta_status check_license_texts(const struct vanta_catalog *catalog,
                                             struct vanta_error *err)
{
    const struct catalog_license_record *all = catalog_licenses(catalog);
    enum vanta_status status = VANTA_OK;
    char where[VANTA_JSON_POINTER_MAX];
    size_t i;

    for (i = 0; i < catalog->licenses.n && status == VANTA_OK; i++) {
        snprintf(where, sizeof where, "/licenses/%zu/text", all[i].place.index);
        status = check_packages(catalog, all[i].place.document, where,
                                &all[i].license.text, err);
    }
    return status;
}

static int by_model_name(const void *a, const void *b)
{
    const struct catalog_name *x = a, *y = b;
    int order = catalog_compare(x->name, y->name);

    if (order == 0)
        order = (x->record > y->record) - (x->record < y->record);
    /* An id stands before an alias: adding one wraps SIZE_MAX to 0. */
    return order ? order : (x->alias + 1 > y->alias + 1) - (x->alias + 1 < y->alias + 1);
}

/* Two records of one name; which of them is at fault is the one loaded later. */
static enum vanta_status name_clash(const struct vanta_catalog *catalog,
                                    const struct catalog_name *first,
                                    const struct catalog_name *second,
                                    struct vanta_error *err)
{
    const struct catalog_model_record *all = catalog_models(catalog);
    const struct catalog_model_record *other;
    char where[VANTA_JSON_POINTER_MAX];
    const struct catalog_place *place;

    /* The built-in is never at fault, wherever an override has put the user's record. */
    if (all[second->record].place.document->built_in &&
        !all[first->record].place.document->built_in) {
        const struct catalog_name *swap = first;

        first = second;
        second = swap;
    }
    place = &all[second->record].place;
    other = &all[first->record];
    snprintf(where, sizeof where, "/models/%zu", place->index);
    if (second->alias != SIZE_MAX)
        snprintf(where, sizeof where, "/models/%zu/aliases/%zu", place->index,
                 second->alias);
    return vanta_json_fail(&place->document->json, where,
                           second->alias == SIZE_MAX ? "id" : NULL, err,
                           "\"%s\" is %s of %s in %s already", second->name,
                           first->alias == SIZE_MAX ? "the id" : "an alias",
                           other->model.id, other->place.document->json.name);
}

static enum vanta_status index_names(struct vanta_catalog *catalog,
                                     struct vanta_error *err)
{
    const struct catalog_model_record *all = catalog_models(catalog);
    size_t i, k, n = 0;

    for (i = 0; i < catalog->models.n; i++)
        n += 1 + all[i].model.n_aliases;
    catalog->names = catalog_alloc(catalog, n + 1, sizeof *catalog->names, err);
    if (!catalog->names)
        return VANTA_ERR_NO_MEMORY;
    n = 0;
    for (i = 0; i < catalog->models.n; i++) {
        const struct vanta_catalog_model *m = &all[i].model;

        catalog->names[n++] = (struct catalog_name){m->id, i, SIZE_MAX};
        for (k = 0; k < m->n_aliases; k++)
            catalog->names[n++] = (struct catalog_name){m->aliases[k], i, k};
    }
    qsort(catalog->names, n, sizeof *catalog->names, by_model_name);
    for (i = 1; i < n; i++)
        if (catalog_compare(catalog->names[i - 1].name, catalog->names[i].name) == 0)
            return name_clash(catalog, &catalog->names[i - 1], &catalog->names[i], err);
    catalog->n_names = n;
    return VANTA_OK;
}

/* The pointer of a slot's model, for messages. */
static enum vanta_status slot_fail(const struct catalog_profile_record *record,
                                   size_t slot, size_t model, struct vanta_error *err,
                                   const char *reason)
{
    char where[VANTA_JSON_POINTER_MAX];

    snprintf(where, sizeof where, "/profiles/%zu/slots/%zu/models/%zu",
             record->place.index, slot, model);
    return vanta_json_fail(&record->place.document->json, where, NULL, err, "%s", reason);
}

static enum vanta_status resolve_slot(struct vanta_catalog *catalog,
                                      const struct catalog_profile_record *record,
                                      size_t number, struct vanta_profile_slot *out,
                                      struct vanta_error *err)
{
    const struct catalog_slot *slot = &record->own[number];
    const struct vanta_catalog_model **models;
    char reason[VANTA_ERROR_MESSAGE_MAX / 2];
    size_t i, k;

    models = catalog_alloc(catalog, slot->n_ids, sizeof *models, err);
    if (!models)
        return VANTA_ERR_NO_MEMORY;
    for (i = 0; i < slot->n_ids; i++) {
        const struct catalog_name *name = catalog_find_name(catalog, slot->ids[i]);
        const char *nearest = name ? NULL : vanta_catalog_nearest(catalog, slot->ids[i]);

        if (!name) {
            snprintf(reason, sizeof reason, "no model \"%s\"%s%s%s", slot->ids[i],
                     nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                     nearest ? "\"?" : "");
            return slot_fail(record, number, i, err, reason);
        }
        models[i] = &catalog_models(catalog)[name->record].model;
        if (models[i]->type != slot->type) {
            snprintf(reason, sizeof reason, "%s is of type %s in %s, not %s",
                     models[i]->id, vanta_type_name(models[i]->type),
                     catalog_models(catalog)[name->record].place.document->json.name,
                     vanta_type_name(slot->type));
            return slot_fail(record, number, i, err, reason);
        }
        for (k = 0; k < i; k++)
            if (models[k] == models[i])
                return slot_fail(record, number, i, err, "is in this slot twice");
    }
    out->type = slot->type;
    out->alternatives = models;
    out->n_alternatives = slot->n_ids;
    return VANTA_OK;
}

static bool same_slot(const struct vanta_profile_slot *a,
                      const struct vanta_profile_slot *b)
{
    return a->n_alternatives == b->n_alternatives &&
           memcmp(a->alternatives, b->alternatives,
                  a->n_alternatives * sizeof a->alternatives[0]) == 0;
}

/* Adds a slot unless the same is there: two parents may share what they extend. */
static enum vanta_status add_slot(const struct catalog_profile_record *record,
                                  struct vanta_profile_slot *slots, size_t *n,
                                  const struct vanta_profile_slot *slot,
                                  struct vanta_error *err)
{
    size_t i;

    for (i = 0; i < *n; i++)
        if (same_slot(&slots[i], slot))
            return VANTA_OK;
    if (*n == CATALOG_SLOTS_MAX)
        return catalog_place_fail(&record->place, NULL, err,
                                  "comes to more than %d slots with what it extends",
                                  CATALOG_SLOTS_MAX);
    slots[(*n)++] = *slot;
    return VANTA_OK;
}

static struct catalog_profile_record *find_profile(const struct vanta_catalog *catalog,
                                                   const char *name)
{
    struct catalog_profile_record *all = catalog_profiles(catalog);
    size_t i;

    for (i = 0; i < catalog->profiles.n; i++)
        if (catalog_compare(all[i].profile.name, name) == 0)
            return &all[i];
    return NULL;
}

/* first is open and was come back to. Of the circle's profiles a user's is at fault. */
static enum vanta_status circle_fail(const struct vanta_catalog *catalog,
                                     const struct catalog_profile_record *first,
                                     struct vanta_error *err)
{
    const struct catalog_profile_record *at = first;
    char where[VANTA_JSON_POINTER_MAX];

    do {
        if (!at->place.document->built_in)
            break;
        at = find_profile(catalog, at->extends[at->following]);
    } while (at != first);
    snprintf(where, sizeof where, "/profiles/%zu/extends/%zu", at->place.index,
             at->following);
    return vanta_json_fail(&at->place.document->json, where, NULL, err,
                           "the profiles extend each other in a circle: through \"%s\" "
                           "\"%s\" comes back to itself",
                           at->extends[at->following], at->profile.name);
}

#define EXTENDS_DEPTH_MAX 32

static enum vanta_status resolve_profile(struct vanta_catalog *catalog,
                                         struct catalog_profile_record *record, int depth,
                                         struct vanta_error *err);

/* The parent named by extends[i], resolved. */
static enum vanta_status resolve_parent(struct vanta_catalog *catalog,
                                        const struct catalog_profile_record *record,
                                        size_t i, int depth,
                                        struct catalog_profile_record **parent,
                                        struct vanta_error *err)
{
    char where[VANTA_JSON_POINTER_MAX];
    const struct vanta_json_doc *doc = &record->place.document->json;

    snprintf(where, sizeof where, "/profiles/%zu/extends/%zu", record->place.index, i);
    *parent = find_profile(catalog, record->extends[i]);
    if (!*parent)
        return vanta_json_fail(doc, where, NULL, err, "no profile \"%s\"",
                               record->extends[i]);
    if ((*parent)->visit == CATALOG_OPEN)
        return circle_fail(catalog, *parent, err);
    if (depth == EXTENDS_DEPTH_MAX)
        return vanta_json_fail(doc, where, NULL, err,
                               "profiles extend each other more than %d deep",
                               EXTENDS_DEPTH_MAX);
    return resolve_profile(catalog, *parent, depth + 1, err);
}

static enum vanta_status resolve_profile(struct vanta_catalog *catalog,
                                         struct catalog_profile_record *record, int depth,
                                         struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    struct vanta_profile_slot *slots;
    size_t i, k, n = 0;

    if (record->visit == CATALOG_DONE)
        return VANTA_OK;
    record->visit = CATALOG_OPEN;
    slots = catalog_alloc(catalog, CATALOG_SLOTS_MAX, sizeof *slots, err);
    if (!slots)
        return VANTA_ERR_NO_MEMORY;
    for (i = 0; i < record->n_extends && status == VANTA_OK; i++) {
        struct catalog_profile_record *parent;

        record->following = i;
        status = resolve_parent(catalog, record, i, depth, &parent, err);
        for (k = 0; status == VANTA_OK && k < parent->profile.n_slots; k++)
            status = add_slot(record, slots, &n, &parent->profile.slots[k], err);
    }
    for (i = 0; i < record->n_own && status == VANTA_OK; i++) {
        struct vanta_profile_slot slot;

        status = resolve_slot(catalog, record, i, &slot, err);
        if (status == VANTA_OK)
            status = add_slot(record, slots, &n, &slot, err);
    }
    record->profile.slots = slots;
    record->profile.n_slots = n;
    record->visit = CATALOG_DONE;
    return status;
}

/* Models stand by type, and within one in the order of loading. */
static enum vanta_status group_by_type(struct vanta_catalog *catalog,
                                       struct vanta_error *err)
{
    const struct catalog_model_record *all = catalog_models(catalog);
    struct catalog_model_record *sorted = calloc(catalog->models.n + 1, sizeof *sorted);
    size_t i, n = 0;
    int type;

    if (!sorted)
        return vanta_fail_memory(err);
    for (type = 0; type < VANTA_TYPE_COUNT; type++)
        for (i = 0; i < catalog->models.n; i++)
            if (all[i].model.type == (enum vanta_model_type)type)
                sorted[n++] = all[i];
    free(catalog->models.items);
    catalog->models.items = sorted;
    catalog->models.capacity = catalog->models.n + 1;
    return VANTA_OK;
}

enum vanta_status catalog_check(struct vanta_catalog *catalog, struct vanta_error *err)
{
    enum vanta_status status;
    size_t i;

    status = settle(&catalog->licenses, sizeof(struct catalog_license_record), "id",
                    license_name, err);
    if (status == VANTA_OK)
        status = settle(&catalog->models, sizeof(struct catalog_model_record), "id",
                        model_name, err);
    if (status == VANTA_OK)
        status = group_by_type(catalog, err);
    if (status == VANTA_OK)
        status = settle(&catalog->profiles, sizeof(struct catalog_profile_record), "name",
                        profile_name, err);
    if (status == VANTA_OK)
        status = settle_packages(catalog, err);
    if (status == VANTA_OK)
        status = check_license_texts(catalog, err);
    if (status == VANTA_OK)
        status = check_models(catalog, err);
    if (status == VANTA_OK)
        status = index_names(catalog, err);
    for (i = 0; i < catalog->profiles.n && status == VANTA_OK; i++)
        status = resolve_profile(catalog, &catalog_profiles(catalog)[i], 0, err);
    return status;
}
