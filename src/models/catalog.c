/* Documents in, a catalog out; looking things up. */
#include "models/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "models/catalog_data.h"
#include "models/catalog_private.h"

const char *vanta_type_name(enum vanta_model_type type)
{
    static const char *const names[] = {"whisper", "llm", "embedding", "tts"};

    return type < VANTA_TYPE_COUNT ? names[type] : "unknown";
}

const char *vanta_type_folder(enum vanta_model_type type)
{
    static const char *const folders[] = {"whisper", "llm", "embeddings", "tts"};

    return type < VANTA_TYPE_COUNT ? folders[type] : "unknown";
}

enum vanta_model_type vanta_type_parse(const char *name)
{
    int type;

    for (type = 0; type < VANTA_TYPE_COUNT; type++)
        if (vanta_streq_nocase(name, vanta_type_name((enum vanta_model_type)type)))
            return (enum vanta_model_type)type;
    if (vanta_streq_nocase(name, "stt"))
        return VANTA_TYPE_WHISPER;
    if (vanta_streq_nocase(name, "embeddings"))
        return VANTA_TYPE_EMBEDDING;
    return VANTA_TYPE_UNKNOWN;
}

/* The arena: blocks of at least 32 KiB, from which items are cut. */
#define BLOCK_BYTES ((size_t)32 * 1024)

struct catalog_block {
    struct catalog_block *next;
    size_t used, size;
    max_align_t data[];
};

void *catalog_alloc(struct vanta_catalog *catalog, size_t n, size_t size,
                    struct vanta_error *err)
{
    const size_t align = sizeof(max_align_t);
    struct catalog_block *block = catalog->arena;
    size_t bytes;
    char *item;

    if (n > SIZE_MAX / 2 / size) {
        vanta_fail_memory(err);
        return NULL;
    }
    bytes = (n * size + align - 1) / align * align;
    if (!block || bytes > block->size - block->used) {
        size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;

        block = calloc(1, sizeof *block + room);
        if (!block) {
            vanta_fail_memory(err);
            return NULL;
        }
        block->size = room;
        block->next = catalog->arena;
        catalog->arena = block;
    }
    item = (char *)block->data + block->used;
    block->used += bytes;
    return item;
}

char *catalog_strdup(struct vanta_catalog *catalog, const char *text,
                     struct vanta_error *err)
{
    size_t len = strlen(text);
    char *copy = catalog_alloc(catalog, len + 1, 1, err);

    if (copy)
        memcpy(copy, text, len);
    return copy;
}

void *catalog_push(struct catalog_array *array, size_t size, struct vanta_error *err)
{
    void *item;

    if (array->n == array->capacity) {
        size_t capacity = array->capacity ? array->capacity * 2 : 16;
        void *grown = realloc(array->items, capacity * size);

        if (!grown) {
            vanta_fail_memory(err);
            return NULL;
        }
        array->items = grown;
        array->capacity = capacity;
    }
    item = (char *)array->items + array->n++ * size;
    memset(item, 0, size);
    return item;
}

struct catalog_model_record *catalog_models(const struct vanta_catalog *catalog)
{
    return catalog->models.items;
}

struct catalog_license_record *catalog_licenses(const struct vanta_catalog *catalog)
{
    return catalog->licenses.items;
}

struct catalog_package_record *catalog_packages(const struct vanta_catalog *catalog)
{
    return catalog->packages.items;
}

struct catalog_profile_record *catalog_profiles(const struct vanta_catalog *catalog)
{
    return catalog->profiles.items;
}

static int fold(char c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : (unsigned char)c;
}

int catalog_compare(const char *a, const char *b)
{
    while (*a && fold(*a) == fold(*b))
        a++, b++;
    return fold(*a) - fold(*b);
}

/* Takes root over, whatever comes of it. */
static enum vanta_status add_document(struct vanta_catalog *catalog, json_t *root,
                                      const char *name, const char *origin,
                                      struct vanta_error *err)
{
    struct catalog_document *document = catalog_alloc(catalog, 1, sizeof *document, err);

    if (!document) {
        json_decref(root);
        return VANTA_ERR_NO_MEMORY;
    }
    document->root = root;
    document->next = catalog->documents;
    catalog->documents = document;
    catalog->n_documents++;
    document->built_in = !origin;
    document->json.name = catalog_strdup(catalog, name, err);
    document->origin = origin ? catalog_strdup(catalog, origin, err) : "built-in";
    if (!document->json.name || !document->origin)
        return VANTA_ERR_NO_MEMORY;
    return catalog_parse(catalog, document, err);
}

static enum vanta_status add_text(struct vanta_catalog *catalog, const void *text,
                                  size_t len, const char *name, const char *origin,
                                  struct vanta_error *err)
{
    json_t *root = NULL;
    enum vanta_status status = vanta_json_load(text, len, name, &root, err);

    if (status != VANTA_OK)
        return status;
    return add_document(catalog, root, name, origin, err);
}

static enum vanta_status add_built_in(struct vanta_catalog *catalog,
                                      struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; i < vanta_catalog_data_count && status == VANTA_OK; i++) {
        const struct vanta_catalog_data *d = &vanta_catalog_data[i];
        char name[128];

        snprintf(name, sizeof name, "the built-in %s", d->name);
        status = add_text(catalog, d->data, d->len, name, NULL, err);
    }
    return status;
}

static enum vanta_status add_file(struct vanta_catalog *catalog, const char *path,
                                  struct vanta_error *err)
{
    enum vanta_status status;
    json_t *root = NULL;

    if (catalog->n_documents >= CATALOG_DOCUMENTS_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: one of more than %d catalog files",
                          path, CATALOG_DOCUMENTS_MAX);
    status = vanta_json_load_file(path, CATALOG_BYTES_MAX, &root, err);
    if (status == VANTA_OK)
        status = add_document(catalog, root, path, path, err);
    return status;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of *.json in dir, sorted by bytes; hidden ones are passed over. */
static enum vanta_status list_json(const char *dir, struct catalog_array *names,
                                   struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    struct dirent *entry;
    DIR *d = opendir(dir);

    if (!d) {
        if (errno == ENOENT || errno == ENOTDIR)
            return VANTA_OK;
        return vanta_fail_errno(err, errno, "%s", dir);
    }
    while (status == VANTA_OK && (entry = readdir(d))) {
        char **name;

        if (entry->d_name[0] == '.' || !vanta_has_suffix(entry->d_name, ".json"))
            continue;
        if (names->n == CATALOG_DOCUMENTS_MAX) {
            status = vanta_fail(err, VANTA_ERR_LIMIT, "%s: more than %d catalog files",
                                dir, CATALOG_DOCUMENTS_MAX);
            break;
        }
        name = catalog_push(names, sizeof *name, err);
        if (!name || !(*name = vanta_strdup(entry->d_name)))
            status = vanta_fail_memory(err);
    }
    closedir(d);
    if (status == VANTA_OK && names->n > 0)
        qsort(names->items, names->n, sizeof(char *), by_text);
    return status;
}

static enum vanta_status add_user_files(struct vanta_catalog *catalog,
                                        struct vanta_error *err)
{
    char config[VANTA_PATH_MAX], dir[VANTA_PATH_MAX], path[VANTA_PATH_MAX];
    struct catalog_array names = {0};
    enum vanta_status status;
    size_t i;

    if (!vanta_path_xdg_config(config) ||
        !vanta_path_join(dir, config, "vanta/catalog.d"))
        return VANTA_OK;
    status = list_json(dir, &names, err);
    for (i = 0; i < names.n && status == VANTA_OK; i++) {
        if (vanta_path_join(path, dir, ((char **)names.items)[i]))
            status = add_file(catalog, path, err);
        else
            status = vanta_fail(err, VANTA_ERR_IO, "%s: its names are too long", dir);
    }
    for (i = 0; i < names.n; i++)
        free(((char **)names.items)[i]);
    free(names.items);
    return status;
}

enum vanta_status vanta_catalog_load(struct vanta_catalog **out, const char *const *files,
                                     size_t n_files, struct vanta_error *err)
{
    struct vanta_catalog *catalog = calloc(1, sizeof *catalog);
    enum vanta_status status;
    size_t i;

    *out = NULL;
    if (!catalog)
        return vanta_fail_memory(err);
    status = add_built_in(catalog, err);
    if (status == VANTA_OK)
        status = add_user_files(catalog, err);
    for (i = 0; i < n_files && status == VANTA_OK; i++)
        status = add_file(catalog, files[i], err);
    if (status == VANTA_OK)
        status = catalog_check(catalog, err);
    if (status != VANTA_OK) {
        vanta_hint(err, "catalog files extend the built-in catalog: correct this one or "
                        "take it away; \"vanta catalog check FILE\" tests one by itself");
        vanta_catalog_free(catalog);
        return status;
    }
    *out = catalog;
    return VANTA_OK;
}

/* Whether the text is one of the built-in documents again, as it is or laid out anew. */
static bool is_built_in(const struct vanta_catalog *catalog, const char *text, size_t len)
{
    const struct catalog_document *document;
    json_t *root = NULL;
    bool same = false;

    if (vanta_json_load(text, len, "", &root, NULL) != VANTA_OK)
        return false;
    for (document = catalog->documents; document && !same; document = document->next)
        same = json_equal(document->root, root) != 0;
    json_decref(root);
    return same;
}

enum vanta_status vanta_catalog_load_text(struct vanta_catalog **out, const char *text,
                                          size_t len, const char *name,
                                          struct vanta_error *err)
{
    struct vanta_catalog *catalog = calloc(1, sizeof *catalog);
    enum vanta_status status;

    *out = NULL;
    if (!catalog)
        return vanta_fail_memory(err);
    status = add_built_in(catalog, err);
    if (status == VANTA_OK && len > CATALOG_BYTES_MAX)
        status = vanta_fail(err, VANTA_ERR_LIMIT,
                            "%s: larger than the %zu bytes that are read", name,
                            CATALOG_BYTES_MAX);
    if (status == VANTA_OK && !is_built_in(catalog, text, len))
        status = add_text(catalog, text, len, name, name, err);
    if (status == VANTA_OK)
        status = catalog_check(catalog, err);
    if (status != VANTA_OK) {
        vanta_catalog_free(catalog);
        return status;
    }
    *out = catalog;
    return VANTA_OK;
}

void vanta_catalog_free(struct vanta_catalog *catalog)
{
    struct catalog_document *document;
    struct catalog_block *block, *next;
    struct catalog_sources *s;
    size_t i;

    if (!catalog)
        return;
    for (s = catalog->sources; s; s = s->next)
        for (i = 0; i < s->n; i++)
            vanta_source_free(&s->sources[i]);
    for (document = catalog->documents; document; document = document->next)
        json_decref(document->root);
    for (block = catalog->arena; block; block = next) {
        next = block->next;
        free(block);
    }
    free(catalog->models.items);
    free(catalog->licenses.items);
    free(catalog->packages.items);
    free(catalog->profiles.items);
    free(catalog);
}

size_t vanta_catalog_count(const struct vanta_catalog *catalog)
{
    return catalog->models.n;
}

const struct vanta_catalog_model *vanta_catalog_at(const struct vanta_catalog *catalog,
                                                   size_t index)
{
    return index < catalog->models.n ? &catalog_models(catalog)[index].model : NULL;
}

static int compare_name(const void *key, const void *item)
{
    return catalog_compare(key, ((const struct catalog_name *)item)->name);
}

const struct catalog_name *catalog_find_name(const struct vanta_catalog *catalog,
                                             const char *name)
{
    if (catalog->n_names == 0)
        return NULL;
    return bsearch(name, catalog->names, catalog->n_names, sizeof *catalog->names,
                   compare_name);
}

const struct vanta_catalog_model *vanta_catalog_find(const struct vanta_catalog *catalog,
                                                     const char *id)
{
    const struct catalog_name *name = catalog_find_name(catalog, id);

    return name ? &catalog_models(catalog)[name->record].model : NULL;
}

const struct vanta_catalog_model *
vanta_catalog_find_short(const struct vanta_catalog *catalog, enum vanta_model_type type,
                         const char *name)
{
    const struct vanta_catalog_model *model = vanta_catalog_find(catalog, name);
    char full[VANTA_ID_MAX + 1];
    int t;

    if (model && (type == VANTA_TYPE_UNKNOWN || model->type == type))
        return model;
    for (t = 0; t < VANTA_TYPE_COUNT; t++) {
        if (type != VANTA_TYPE_UNKNOWN && type != (enum vanta_model_type)t)
            continue;
        if (!vanta_format(full, sizeof full, "%s-%s",
                          vanta_type_name((enum vanta_model_type)t), name))
            continue;
        model = vanta_catalog_find(catalog, full);
        if (model && model->type == (enum vanta_model_type)t)
            return model;
    }
    return NULL;
}

const char *vanta_catalog_nearest(const struct vanta_catalog *catalog, const char *name)
{
    const char **names = calloc(catalog->n_names + 1, sizeof *names), *nearest;
    const struct catalog_name *found;
    size_t i;

    if (!names)
        return NULL;
    for (i = 0; i < catalog->n_names; i++)
        names[i] = catalog->names[i].name;
    nearest = vanta_nearest(name, names, catalog->n_names);
    free(names);
    found = nearest ? catalog_find_name(catalog, nearest) : NULL;
    return found ? catalog_models(catalog)[found->record].model.id : NULL;
}

size_t vanta_catalog_profile_count(const struct vanta_catalog *catalog)
{
    return catalog->profiles.n;
}

const struct vanta_profile *vanta_catalog_profile_at(const struct vanta_catalog *catalog,
                                                     size_t index)
{
    return index < catalog->profiles.n ? &catalog_profiles(catalog)[index].profile : NULL;
}

const struct vanta_profile *vanta_catalog_profile(const struct vanta_catalog *catalog,
                                                  const char *name)
{
    size_t i;

    for (i = 0; i < catalog->profiles.n; i++)
        if (vanta_streq_nocase(catalog_profiles(catalog)[i].profile.name, name))
            return &catalog_profiles(catalog)[i].profile;
    return NULL;
}

const struct vanta_package *vanta_catalog_packages(const struct vanta_catalog *catalog,
                                                   size_t *n)
{
    *n = catalog->n_packages;
    return catalog->package_table;
}

int64_t vanta_catalog_model_bytes(const struct vanta_catalog_model *model)
{
    int64_t total = 0;
    size_t i;

    for (i = 0; i < model->n_files; i++) {
        if (model->files[i].size_bytes < 0)
            return -1;
        total += model->files[i].size_bytes;
    }
    return total;
}

bool vanta_catalog_makes(const struct vanta_catalog_model *model, const char *preparation)
{
    const struct vanta_preparation *p = NULL;
    size_t i;

    for (i = 0; i < model->n_preparations; i++)
        if (strcmp(model->preparations[i].id, preparation) == 0)
            p = &model->preparations[i];
    if (!p || !vanta_preparation_consumes(p))
        return false;
    for (i = 0; i < p->n_inputs; i++)
        if (!p->inputs[i].sha256)
            return false;
    for (i = 0; i < model->n_files; i++)
        if (!model->files[i].sha256 != (strcmp(model->files[i].path, p->output) == 0))
            return false;
    return true;
}
