/* add_remote.c - a model from an address or from the model hub. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "fetch/fetch.h"
#include "http/url.h"
#include "models/add_private.h"
#include "models/copies.h"

static void on_fetch(void *arg, const struct vanta_fetch_event *event)
{
    const struct add *add = arg;

    if (event->kind == VANTA_FETCH_NOTICE)
        add_notice(add, "%s", event->message);
    else if (add->options->progress && event->kind == VANTA_FETCH_PROGRESS)
        add->options->progress(add->options->arg, event->item->label, event->bytes,
                               event->bytes_total);
}

/* An address is a selection of one file. */
static enum vanta_status select_url(const struct add *add, struct add_selection *out,
                                    struct vanta_error *err)
{
    const struct add_operand *operand = &add->operand;
    struct add_file *file;

    memset(out, 0, sizeof *out);
    if (vanta_name_is_pickle(operand->name))
        return vanta_pickle_refuse(operand->name, err);
    out->files = file = calloc(1, sizeof *file);
    if (!file)
        return vanta_fail_memory(err);
    out->n = 1;
    file->path = vanta_strdup(operand->name);
    file->source = vanta_strdup(operand->text);
    if (!file->path || !file->source)
        return vanta_fail_memory(err);
    file->target = file->path;
    file->size_bytes = -1;
    file->magic = add_magic_of(operand->name);
    snprintf(out->name, sizeof out->name, "%s", operand->name);
    return VANTA_OK;
}

static enum vanta_status select_files(struct add *add, struct vanta_fetcher *fetcher,
                                      struct add_selection *out, struct vanta_error *err)
{
    struct add_listing listing = {0};
    enum vanta_status status;

    if (add->operand.kind == ADD_URL)
        return select_url(add, out, err);
    status = add_listing_read(fetcher, &add->operand, &listing, err);
    if (status == VANTA_OK)
        status = add_select(&add->operand, &listing, add->options->type, out, add->result,
                            err);
    if (status == VANTA_OK)
        memcpy(add->version, listing.commit, sizeof add->version);
    add_listing_free(&listing);
    return status;
}

/* What the user says of the digest is joined with what the hub says. */
static enum vanta_status settle_digest(struct add *add, struct add_selection *selection,
                                       struct vanta_error *err)
{
    const char *wanted = add->options->sha256;
    struct add_file *file = &selection->files[0];

    if (!wanted)
        return VANTA_OK;
    if (selection->n != 1)
        return vanta_fail(err, VANTA_ERR_USAGE,
                          "--sha256 is of one file, and this model has %zu", selection->n);
    if (file->sha256[0] && strcmp(file->sha256, wanted) != 0) {
        vanta_fail(err, VANTA_ERR_DIGEST, "%s has the digest %s there, not %s",
                   file->source, file->sha256, wanted);
        vanta_hint(err, "It is another file, or another revision of it; nothing was "
                        "fetched.");
        return VANTA_ERR_DIGEST;
    }
    snprintf(file->sha256, sizeof file->sha256, "%s", wanted);
    return VANTA_OK;
}

/* The catalog's model that this one file is. Its licence is setup's to ask for. */
static enum vanta_status recognize(struct add *add, struct add_selection *selection,
                                   struct vanta_error *err)
{
    const struct vanta_catalog *catalog = add->options->catalog;
    size_t i;

    for (i = 0; selection->n == 1 && catalog && i < vanta_catalog_count(catalog); i++) {
        const struct vanta_catalog_model *model = vanta_catalog_at(catalog, i);

        if (model->n_files != 1 || !model->files[0].sha256 ||
            strcmp(model->files[0].sha256, selection->files[0].sha256) != 0)
            continue;
        if (add->options->type != VANTA_TYPE_UNKNOWN && add->options->type != model->type)
            return VANTA_OK;
        add->known = model;
        selection->files[0].target = model->files[0].path;
        if (!model->license || !model->license->must_accept)
            return VANTA_OK;
        vanta_fail(err, VANTA_ERR_LICENSE,
                   "this is the catalog's model %s, whose licence (%s) has to be accepted",
                   model->id, model->license->name);
        vanta_hint(err, "vanta setup %s asks for that and brings it.", model->id);
        return VANTA_ERR_LICENSE;
    }
    return VANTA_OK;
}

/* The type decides about the folder before the header is here. */
static enum vanta_model_type likely_type(const struct add *add,
                                         const struct add_selection *selection)
{
    size_t i;

    if (add->known)
        return add->known->type;
    if (add->options->type != VANTA_TYPE_UNKNOWN)
        return add->options->type;
    for (i = 0; i < selection->n; i++)
        if (selection->files[i].magic == VANTA_MAGIC_WHISPER_GGML)
            return VANTA_TYPE_WHISPER;
        else if (selection->files[i].magic == VANTA_MAGIC_SAFETENSORS)
            return VANTA_TYPE_EMBEDDING;
    return VANTA_TYPE_LLM;
}

static uint64_t selection_bytes(const struct add_selection *selection)
{
    uint64_t sum = 0;
    size_t i;

    for (i = 0; i < selection->n; i++)
        if (selection->files[i].size_bytes > 0)
            sum += (uint64_t)selection->files[i].size_bytes;
    return sum;
}

struct pruning {
    const struct add *add;
    const struct add_selection *selection;
};

/* Files that an earlier, other download left under the same id. */
static enum vanta_status prune(void *arg, const char *relative, uint64_t bytes,
                               struct vanta_error *err)
{
    struct pruning *p = arg;
    char path[VANTA_PATH_MAX];
    size_t i;

    (void)bytes;
    for (i = 0; i < p->selection->n; i++)
        if (strcmp(p->selection->files[i].target, relative) == 0)
            return VANTA_OK;
    if (!vanta_path_join(path, p->add->staging, relative))
        return VANTA_OK;
    return vanta_remove_tree(path, err);
}

struct batch {
    struct vanta_fetch_item *items;
    struct vanta_source *sources;
    char (*dests)[VANTA_PATH_MAX];
    size_t n;
};

static void batch_free(struct batch *b)
{
    size_t i;

    for (i = 0; b->sources && i < b->n; i++)
        vanta_source_free(&b->sources[i]);
    free(b->items);
    free(b->sources);
    free(b->dests);
}

static enum vanta_status batch_fill(struct batch *b, const struct add *add,
                                    const struct add_selection *selection,
                                    struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i;

    b->n = selection->n;
    b->items = calloc(b->n, sizeof *b->items);
    b->sources = calloc(b->n, sizeof *b->sources);
    b->dests = calloc(b->n, sizeof *b->dests);
    if (!b->items || !b->sources || !b->dests)
        return vanta_fail_memory(err);
    for (i = 0; status == VANTA_OK && i < b->n; i++) {
        const struct add_file *file = &selection->files[i];

        status = vanta_source_parse(file->source, &b->sources[i], err);
        if (status == VANTA_OK &&
            !vanta_path_join(b->dests[i], add->staging, file->target))
            status = vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long",
                                file->target);
        b->items[i] = (struct vanta_fetch_item){
            .label = file->target,
            .dest = b->dests[i],
            .size_bytes = file->size_bytes,
            .sha256 = file->sha256[0] ? file->sha256 : NULL,
            .magic = file->magic,
            .sources = &b->sources[i],
            .n_sources = 1};
    }
    return status;
}

/* What the engine found while it wrote need not be hashed again. */
static enum vanta_status note_digests(struct add *add, const struct batch *b,
                                      const struct add_selection *selection,
                                      struct vanta_error *err)
{
    struct vanta_candidate *c = &add->candidate;
    size_t i, k;

    for (i = 0; i < c->n_files; i++)
        for (k = 0; k < b->n; k++)
            if (strcmp(c->files[i].path, selection->files[k].target) == 0 &&
                vanta_sha256_is_hex(b->items[k].found_sha256)) {
                free(c->files[i].sha256);
                c->files[i].sha256 = vanta_strdup(b->items[k].found_sha256);
                if (!c->files[i].sha256)
                    return vanta_fail_memory(err);
            }
    for (i = 0; i < c->n_files; i++)
        if (!c->files[i].sha256)
            return vanta_candidate_hash(c, add_on_hashed, add, add->options->cancel, err);
    return VANTA_OK;
}

static enum vanta_status fetch_all(struct add *add, struct vanta_fetcher *fetcher,
                                   const struct add_selection *selection, struct batch *b,
                                   struct vanta_error *err)
{
    struct pruning pruning = {add, selection};
    char fetch_dir[VANTA_PATH_MAX];
    enum vanta_status status = vanta_dir_make(add->staging, err);

    if (status == VANTA_OK)
        status = vanta_dir_walk(add->staging, prune, &pruning, err);
    if (status == VANTA_OK)
        status = batch_fill(b, add, selection, err);
    if (status == VANTA_OK && !vanta_path_join(fetch_dir, add->partial, "fetch"))
        status = vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long",
                            add->partial);
    if (status == VANTA_OK)
        status = vanta_fetch_files(fetcher, b->items, b->n, fetch_dir, true, err);
    return status;
}

/* What was fetched is a model of the right type, or is deleted again. */
static enum vanta_status judge(struct add *add, const struct add_selection *selection,
                               struct vanta_error *err)
{
    char path[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!vanta_path_join(path, add->staging, selection->files[0].target))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", add->staging);
    status = selection->n == 1 ? vanta_candidate_file(path, &add->candidate, err)
                               : vanta_candidate_folder(add->staging, &add->candidate,
                                                        err);
    if (status == VANTA_OK)
        status = add_settle_type(add, err);
    /* A type that has to be said can be said with the same download. */
    if (status != VANTA_OK && status != VANTA_ERR_USAGE)
        vanta_remove_tree(add->partial, NULL);
    return status;
}

/* The header says another type than the name did: the model goes to that one's folder. */
static enum vanta_status change_type(struct add *add, enum vanta_model_type likely,
                                     struct vanta_error *err)
{
    char staging[VANTA_PATH_MAX], partial[VANTA_PATH_MAX];
    enum vanta_status status;

    if (add->type == likely)
        return VANTA_OK;
    memcpy(staging, add->staging, sizeof staging);
    memcpy(partial, add->partial, sizeof partial);
    vanta_lock_release(&add->lock);
    status = add_open(add, 0, err);
    if (status == VANTA_OK)
        status = vanta_dir_make(add->partial, err);
    if (status == VANTA_OK)
        status = vanta_remove_tree(add->staging, err);
    if (status == VANTA_OK)
        status = vanta_file_move(staging, add->staging, false, err);
    if (status == VANTA_OK) {
        vanta_remove_tree(partial, NULL);
        memcpy(add->candidate.folder, add->staging, sizeof add->candidate.folder);
    }
    return status;
}

static enum vanta_status bring(struct add *add, struct vanta_fetcher *fetcher,
                               const struct add_selection *selection,
                               struct vanta_error *err)
{
    enum vanta_model_type likely = likely_type(add, selection);
    struct batch b = {0};
    enum vanta_status status;

    add->type = likely;
    status = add_open(add, selection_bytes(selection), err);
    if (status == VANTA_OK)
        status = fetch_all(add, fetcher, selection, &b, err);
    if (status == VANTA_OK)
        status = judge(add, selection, err);
    if (status == VANTA_OK)
        status = note_digests(add, &b, selection, err);
    if (status == VANTA_OK)
        status = change_type(add, likely, err);
    if (status == VANTA_OK)
        status = add_finish(add, err);
    if (status != VANTA_OK && add->placed)
        vanta_hint(err, "The files are in %s; vanta registry rebuild registers them.",
                   add->final);
    batch_free(&b);
    return status;
}

/* Of an address only what may be written down: no user name, no query, no fragment. */
static void note_source(struct add *add, const struct add_selection *selection)
{
    const struct add_file *main = &selection->files[0];
    size_t i;

    for (i = 1; i < selection->n; i++)
        if (selection->files[i].size_bytes > main->size_bytes)
            main = &selection->files[i];
    if (add->operand.kind == ADD_URL)
        vanta_url_shown(main->source, add->source, sizeof add->source);
    else
        snprintf(add->source, sizeof add->source, "%s", main->source);
}

enum vanta_status add_remote(struct add *add, struct vanta_error *err)
{
    const struct vanta_add_options *o = add->options;
    struct vanta_copies copies;
    struct vanta_fetch_options options = {.offline = o->offline,
                                          .connections = o->connections,
                                          .limit_rate_bytes = o->limit_rate_bytes,
                                          .allow_plain_http = o->sha256 != NULL,
                                          .listener = on_fetch,
                                          .listener_arg = add,
                                          .find_copy = vanta_copies_find,
                                          .find_copy_arg = &copies,
                                          .cancel = o->cancel};
    struct vanta_fetcher *fetcher = NULL;
    struct add_selection selection = {0};
    enum vanta_status status;

    vanta_copies_init(&copies, o->root, o->catalog);
    status = vanta_fetcher_new(&options, &fetcher, err);
    if (status == VANTA_OK)
        status = select_files(add, fetcher, &selection, err);
    if (status == VANTA_OK)
        status = settle_digest(add, &selection, err);
    if (status == VANTA_OK && !o->id)
        status = recognize(add, &selection, err);
    if (status == VANTA_OK)
        status = add_settle_id(add, selection.name, err);
    if (status == VANTA_OK) {
        note_source(add, &selection);
        status = bring(add, fetcher, &selection, err);
    }
    add_selection_free(&selection);
    vanta_fetcher_free(fetcher);
    vanta_copies_free(&copies);
    return status;
}
