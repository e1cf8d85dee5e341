/* entry.c - one entry of the registry: copying, hashing, making it from the catalog. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "models/registry_private.h"

static void free_files(struct vanta_entry_file *files, size_t n)
{
    size_t i;

    for (i = 0; files && i < n; i++) {
        free(files[i].path);
        free(files[i].sha256);
    }
    free(files);
}

void vanta_entry_free(struct vanta_entry *entry)
{
    free(entry->id);
    free(entry->name);
    free(entry->type_text);
    free(entry->version);
    free(entry->path);
    free(entry->size);
    free(entry->format);
    free(entry->quantization);
    free(entry->date_added);
    free(entry->hash);
    free_files(entry->files, entry->n_files);
    free(entry->source);
    free(entry->preparation);
    free(entry->license);
    free(entry->accepted_digest);
    free(entry->accepted_date);
    free(entry->verified_at);
    free(entry->verified_digest);
    json_decref(entry->extra);
    memset(entry, 0, sizeof *entry);
}

static bool copy_text(char **out, const char *text)
{
    *out = vanta_strdup(text);
    return *out || !text;
}

static bool copy_files(const struct vanta_entry_file *from, size_t n,
                       struct vanta_entry *out)
{
    size_t i;

    if (n == 0)
        return true;
    out->files = calloc(n, sizeof *out->files);
    if (!out->files)
        return false;
    out->n_files = n;
    for (i = 0; i < n; i++) {
        out->files[i].size_bytes = from[i].size_bytes;
        if (!copy_text(&out->files[i].path, from[i].path) ||
            !copy_text(&out->files[i].sha256, from[i].sha256))
            return false;
    }
    return true;
}

enum vanta_status vanta_entry_copy(const struct vanta_entry *from,
                                   struct vanta_entry *out, struct vanta_error *err)
{
    bool ok;

    memset(out, 0, sizeof *out);
    out->type = from->type;
    out->size_bytes = from->size_bytes;
    out->preparation_version = from->preparation_version;
    out->external = from->external;
    out->missing_mark = from->missing_mark;
    ok = copy_text(&out->id, from->id) && copy_text(&out->name, from->name) &&
         copy_text(&out->type_text, from->type_text) &&
         copy_text(&out->version, from->version) && copy_text(&out->path, from->path) &&
         copy_text(&out->size, from->size) && copy_text(&out->format, from->format) &&
         copy_text(&out->quantization, from->quantization) &&
         copy_text(&out->date_added, from->date_added) &&
         copy_text(&out->hash, from->hash) &&
         copy_files(from->files, from->n_files, out) &&
         copy_text(&out->source, from->source) &&
         copy_text(&out->preparation, from->preparation) &&
         copy_text(&out->license, from->license) &&
         copy_text(&out->accepted_digest, from->accepted_digest) &&
         copy_text(&out->accepted_date, from->accepted_date) &&
         copy_text(&out->verified_at, from->verified_at) &&
         copy_text(&out->verified_digest, from->verified_digest);
    if (ok && from->extra) {
        out->extra = json_deep_copy(from->extra);
        ok = out->extra != NULL;
    }
    if (ok)
        return VANTA_OK;
    vanta_entry_free(out);
    return vanta_fail_memory(err);
}

bool vanta_entry_is_api(const struct vanta_entry *entry)
{
    return entry->format && vanta_streq_nocase(entry->format, "api");
}

static int by_path(const void *a, const void *b)
{
    const struct vanta_entry_file *const *left = a, *const *right = b;

    return strcmp((*left)->path, (*right)->path);
}

enum vanta_status vanta_files_hash(const struct vanta_entry_file *files, size_t n,
                                   char hash[VANTA_SHA256_HEX], struct vanta_error *err)
{
    const struct vanta_entry_file **sorted = NULL;
    enum vanta_status status;
    struct vanta_digest d = {0};
    size_t i;

    for (i = 0; i < n; i++)
        if (!files[i].sha256 || !vanta_sha256_is_hex(files[i].sha256))
            return vanta_fail(err, VANTA_ERR_DIGEST, "the digest of %s is not known",
                              files[i].path);
    if (n == 0)
        return vanta_fail(err, VANTA_ERR_USAGE, "a hash of no files was asked for");
    if (n == 1) {
        memcpy(hash, files[0].sha256, VANTA_SHA256_HEX);
        return VANTA_OK;
    }
    sorted = calloc(n, sizeof *sorted);
    if (!sorted)
        return vanta_fail_memory(err);
    for (i = 0; i < n; i++)
        sorted[i] = &files[i];
    qsort(sorted, n, sizeof *sorted, by_path);
    status = vanta_digest_init(&d, VANTA_DIGEST_SHA256, err);
    for (i = 0; status == VANTA_OK && i < n; i++) {
        vanta_digest_update(&d, sorted[i]->sha256, 64);
        vanta_digest_update(&d, "  ", 2);
        vanta_digest_update(&d, sorted[i]->path, strlen(sorted[i]->path));
        vanta_digest_update(&d, "\n", 1);
    }
    if (status == VANTA_OK)
        vanta_digest_hex(&d, hash);
    vanta_digest_free(&d);
    free(sorted);
    return status;
}

static bool copy_catalog_files(const struct vanta_catalog_model *model,
                               struct vanta_entry *out)
{
    size_t i;

    if (model->n_files == 0)
        return true;
    out->files = calloc(model->n_files, sizeof *out->files);
    if (!out->files)
        return false;
    out->n_files = model->n_files;
    for (i = 0; i < model->n_files; i++) {
        out->files[i].size_bytes = model->files[i].size_bytes;
        if (!copy_text(&out->files[i].path, model->files[i].path) ||
            !copy_text(&out->files[i].sha256, model->files[i].sha256))
            return false;
    }
    return true;
}

static int files_by_path(const void *a, const void *b)
{
    const struct vanta_entry_file *left = a, *right = b;

    return strcmp(left->path, right->path);
}

/* Path, size and hash from the files. */
static bool describe_files(const struct vanta_catalog_model *model,
                           struct vanta_entry *out)
{
    char text[VANTA_SIZE_TEXT_MAX], hash[VANTA_SHA256_HEX];
    const char *folder = vanta_type_folder(model->type);
    size_t i;

    if (out->n_files == 0) { /* an API */
        out->size_bytes = 0;
        return copy_text(&out->size, "N/A");
    }
    qsort(out->files, out->n_files, sizeof *out->files, files_by_path);
    for (i = 0; i < out->n_files && out->size_bytes >= 0; i++)
        out->size_bytes = out->files[i].size_bytes < 0
                              ? -1
                              : out->size_bytes + out->files[i].size_bytes;
    if (out->size_bytes >= 0 &&
        !copy_text(&out->size, vanta_size_text((uint64_t)out->size_bytes, text)))
        return false;
    out->path = out->n_files == 1
                    ? vanta_strf("%s/%s/%s", folder, model->id, out->files[0].path)
                    : vanta_strf("%s/%s", folder, model->id);
    if (vanta_files_hash(out->files, out->n_files, hash, NULL) == VANTA_OK &&
        !copy_text(&out->hash, hash))
        return false;
    return out->path != NULL;
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text)
        json_object_set_new(object, key, json_string(text));
}

static json_t *catalog_extra(const struct vanta_catalog_model *model)
{
    json_t *extra = json_object(), *parameters = json_object(), *metadata = json_object();
    size_t i;

    set_text(parameters, "param_count", model->parameters);
    set_text(parameters, "provider", model->provider);
    if (model->n_voices > 0) {
        json_t *voices = json_array();

        for (i = 0; i < model->n_voices; i++)
            json_array_append_new(voices, json_string(model->voices[i]));
        json_object_set_new(parameters, "voices", voices);
    }
    set_text(metadata, "source", model->upstream);
    set_text(metadata, "description", model->description);
    json_object_set_new(extra, "parameters", parameters);
    json_object_set_new(extra, "hardware_requirements",
                        json_pack("{s:s?, s:b, s:b}", "min_ram", model->hardware.min_ram,
                                  "gpu_recommended", (int)model->hardware.gpu_recommended,
                                  "metal_supported",
                                  (int)model->hardware.metal_supported));
    json_object_set_new(extra, "metadata", metadata);
    return extra;
}

enum vanta_status vanta_entry_from_catalog(const struct vanta_catalog_model *model,
                                           const struct vanta_entry_file *files,
                                           size_t n_files, struct vanta_entry *out,
                                           struct vanta_error *err)
{
    enum vanta_status status;
    bool ok;

    memset(out, 0, sizeof *out);
    out->type = model->type;
    ok = copy_text(&out->id, model->id) && copy_text(&out->name, model->name) &&
         copy_text(&out->version, model->version) &&
         copy_text(&out->format, model->format) &&
         copy_text(&out->quantization, model->quantization) &&
         copy_text(&out->license, model->license ? model->license->id : NULL) &&
         (files ? copy_files(files, n_files, out) : copy_catalog_files(model, out)) &&
         describe_files(model, out);
    out->extra = catalog_extra(model);
    status = ok && out->extra ? vanta_entry_complete(out, err) : vanta_fail_memory(err);
    if (status != VANTA_OK) {
        vanta_entry_free(out);
        return status;
    }
    free(out->date_added); /* put knows whether the model is new */
    out->date_added = NULL;
    return status;
}
