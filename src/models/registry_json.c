/* registry_json.c - the registry's document: lenient reading, strict writing.
 *
 * People edit this file by hand, and older programs wrote it in other forms. So reading
 * takes what it can: a wrong type is mended where the meaning is plain, else the value is
 * kept under another name; an element that is no entry at all is kept and passed over.
 * What is written is always valid by registry.schema.json. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "models/registry_private.h"

#define FILES_MAX 4096
#define AS_WRITTEN "_as_written"

static bool is_text(const json_t *value)
{
    return json_is_string(value) &&
           strlen(json_string_value(value)) == json_string_length(value);
}

/* A string, or a number as its text; NULL for anything else. */
static char *text_of(const json_t *value)
{
    if (is_text(value))
        return vanta_strdup(json_string_value(value));
    if (json_is_integer(value))
        return vanta_strf("%lld", (long long)json_integer_value(value));
    if (json_is_real(value))
        return vanta_strf("%g", json_real_value(value));
    return NULL;
}

/* A whole number of bytes, perhaps written as a string; -1 for anything else. */
static int64_t bytes_of(const json_t *value)
{
    char *end;
    long long number;

    if (json_is_integer(value))
        return json_integer_value(value) >= 0 ? json_integer_value(value) : -1;
    if (!is_text(value) || !json_string_length(value))
        return -1;
    errno = 0;
    number = strtoll(json_string_value(value), &end, 10);
    return *end || errno || number < 0 ? -1 : number;
}

static bool flag_of(const json_t *value)
{
    return json_is_true(value) ||
           (is_text(value) && (vanta_streq_nocase(json_string_value(value), "true") ||
                               vanta_streq_nocase(json_string_value(value), "yes"))) ||
           (json_is_integer(value) && json_integer_value(value) != 0);
}

static char *digest_of(const json_t *value)
{
    char *text = is_text(value) ? vanta_strdup(json_string_value(value)) : NULL, *p;

    for (p = text; p && *p; p++)
        if (*p >= 'A' && *p <= 'F')
            *p = (char)(*p | 0x20);
    if (text && vanta_sha256_is_hex(text))
        return text;
    free(text);
    return NULL;
}

static char *time_of(const json_t *value)
{
    char normal[VANTA_TIME_TEXT_MAX];

    return is_text(value) && vanta_time_normalize(json_string_value(value), normal)
               ? vanta_strdup(normal)
               : NULL;
}

/* Keeps a value that could not be read as its field wants. */
static void keep_as_written(json_t *extra, const char *key, json_t *value)
{
    char *name;

    if (!value || json_is_null(value))
        return;
    name = vanta_strf("%s" AS_WRITTEN, key);
    if (name)
        json_object_set(extra, name, value);
    free(name);
}

/* Keeps the members of a structured field that are not ours. */
static void keep_members(json_t *extra, const char *key, json_t *object,
                         const char *const *known)
{
    json_t *rest = json_object(), *value;
    const char *name;
    size_t i;

    json_object_foreach(object, name, value) {
        for (i = 0; known[i] && strcmp(known[i], name) != 0; i++)
            continue;
        if (!known[i])
            json_object_set(rest, name, value);
    }
    if (json_object_size(rest) > 0)
        json_object_set(extra, key, rest);
    json_decref(rest);
}

static bool are_files(const json_t *files)
{
    size_t i, n = json_array_size(files);

    if (!json_is_array(files) || n > FILES_MAX)
        return false;
    for (i = 0; i < n; i++) {
        const json_t *path = json_object_get(json_array_get(files, i), "path");

        if (!is_text(path) || !vanta_path_is_safe(json_string_value(path)))
            return false;
    }
    return true;
}

static void read_files(struct vanta_entry *entry, json_t *files)
{
    static const char *const known[] = {"path", "size_bytes", "sha256", NULL};
    json_t *rests = json_object(), *file;
    size_t i, n = json_array_size(files);

    if (!are_files(files)) {
        keep_as_written(entry->extra, "files", files);
        n = 0;
    }
    if (n > 0)
        entry->files = calloc(n, sizeof *entry->files);
    for (i = 0; entry->files && i < n; i++) {
        struct vanta_entry_file *out = &entry->files[i];

        file = json_array_get(files, i);
        out->path = vanta_strdup(json_string_value(json_object_get(file, "path")));
        out->size_bytes = bytes_of(json_object_get(file, "size_bytes"));
        out->sha256 = digest_of(json_object_get(file, "sha256"));
        if (!out->path)
            break;
        keep_members(rests, out->path, file, known);
        entry->n_files++;
    }
    if (json_object_size(rests) > 0)
        json_object_set(entry->extra, "files", rests);
    json_decref(rests);
}

static void read_license(struct vanta_entry *entry, json_t *license)
{
    static const char *const known[] = {"id", "accepted", NULL};
    const json_t *accepted = json_object_get(license, "accepted");

    if (!json_is_object(license)) {
        entry->license = text_of(license);
        if (!entry->license)
            keep_as_written(entry->extra, "license", license);
        return;
    }
    entry->license = text_of(json_object_get(license, "id"));
    entry->accepted_digest = digest_of(json_object_get(accepted, "digest"));
    entry->accepted_date = time_of(json_object_get(accepted, "date"));
    keep_members(entry->extra, "license", license, known);
}

static void read_preparation(struct vanta_entry *entry, json_t *preparation)
{
    static const char *const known[] = {"id", "version", NULL};

    if (!json_is_object(preparation)) {
        entry->preparation = text_of(preparation);
        if (!entry->preparation)
            keep_as_written(entry->extra, "preparation", preparation);
        return;
    }
    entry->preparation = text_of(json_object_get(preparation, "id"));
    entry->preparation_version = bytes_of(json_object_get(preparation, "version"));
    keep_members(entry->extra, "preparation", preparation, known);
}

static void read_verified(struct vanta_entry *entry, json_t *verified)
{
    static const char *const known[] = {"at", "digest", NULL};

    if (!json_is_object(verified)) {
        keep_as_written(entry->extra, "verified", verified);
        return;
    }
    entry->verified_at = time_of(json_object_get(verified, "at"));
    entry->verified_digest = digest_of(json_object_get(verified, "digest"));
    keep_members(entry->extra, "verified", verified, known);
}

struct text_field {
    const char *key;
    size_t offset;
    char *(*read)(const json_t *value);
};

#define FIELD(name, reader) {#name, offsetof(struct vanta_entry, name), reader}

static const struct text_field text_fields[] = {
    FIELD(id, text_of),           FIELD(name, text_of),
    FIELD(version, text_of),      FIELD(path, text_of),
    FIELD(size, text_of),         FIELD(format, text_of),
    FIELD(quantization, text_of), FIELD(date_added, time_of),
    FIELD(hash, digest_of),       FIELD(source, text_of),
};

/* Reads one of ours; false: the field is not. */
static bool read_field(struct vanta_entry *entry, const char *key, json_t *value)
{
    size_t i;

    for (i = 0; i < sizeof text_fields / sizeof text_fields[0]; i++) {
        char **out = (char **)((char *)entry + text_fields[i].offset);

        if (strcmp(text_fields[i].key, key) != 0)
            continue;
        *out = text_fields[i].read(value);
        if (!*out)
            keep_as_written(entry->extra, key, value);
        return true;
    }
    if (strcmp(key, "type") == 0)
        entry->type_text = text_of(value);
    else if (strcmp(key, "size_bytes") == 0)
        entry->size_bytes = bytes_of(value);
    else if (strcmp(key, "files") == 0)
        read_files(entry, value);
    else if (strcmp(key, "license") == 0)
        read_license(entry, value);
    else if (strcmp(key, "preparation") == 0)
        read_preparation(entry, value);
    else if (strcmp(key, "verified") == 0)
        read_verified(entry, value);
    else if (strcmp(key, "missing") == 0)
        entry->missing_mark = flag_of(value);
    else
        return strcmp(key, "external") == 0; /* the path says so */
    return true;
}

/* false: it is no entry (no object, or without a usable id). */
static bool read_entry(struct vanta_entry *entry, json_t *element)
{
    const char *key;
    json_t *value;

    memset(entry, 0, sizeof *entry);
    entry->size_bytes = -1;
    if (!json_is_object(element))
        return false;
    entry->extra = json_object();
    json_object_foreach(element, key, value) {
        if (!read_field(entry, key, value))
            json_object_set(entry->extra, key, value);
    }
    entry->type = entry->type_text ? vanta_type_parse(entry->type_text)
                                   : VANTA_TYPE_UNKNOWN;
    return entry->id && vanta_id_is_valid(entry->id);
}

/* --- what must be there --- */

static bool fill(char **field, const char *text)
{
    if (!*field)
        *field = vanta_strdup(text);
    return *field != NULL;
}

/* A field of extra that must be an object (or array). */
static void want_container(json_t *extra, const char *key, json_type type)
{
    json_t *value = json_object_get(extra, key);

    if (value && json_typeof(value) == type)
        return;
    keep_as_written(extra, key, value);
    json_object_set_new(extra, key, type == JSON_ARRAY ? json_array() : json_object());
}

static void complete_hardware(json_t *extra)
{
    static const char *const flags[] = {"gpu_recommended", "metal_supported"};
    json_t *hardware, *ram;
    size_t i;

    want_container(extra, "hardware_requirements", JSON_OBJECT);
    hardware = json_object_get(extra, "hardware_requirements");
    ram = json_object_get(hardware, "min_ram");
    if (!is_text(ram)) {
        char *text = text_of(ram);

        json_object_set_new(hardware, "min_ram", text ? json_string(text) : json_null());
        free(text);
    }
    for (i = 0; i < 2; i++)
        if (!json_is_boolean(json_object_get(hardware, flags[i])))
            json_object_set_new(hardware, flags[i],
                                json_boolean(flag_of(json_object_get(hardware, flags[i]))));
}

static void complete_aliases(json_t *extra)
{
    json_t *aliases = json_object_get(extra, "aliases");
    size_t i;

    if (!aliases)
        return;
    for (i = 0; i < json_array_size(aliases); i++)
        if (!is_text(json_array_get(aliases, i)))
            break;
    if (json_is_array(aliases) && i == json_array_size(aliases))
        return;
    keep_as_written(extra, "aliases", aliases);
    json_object_del(extra, "aliases");
}

static bool complete_type(struct vanta_entry *entry)
{
    const char *text = entry->type_text ? entry->type_text : "unknown";

    if (entry->type != VANTA_TYPE_UNKNOWN)
        return true;
    if (*text && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(text) &&
        strlen(text) <= 32)
        return fill(&entry->type_text, text);
    json_object_set_new(entry->extra, "type" AS_WRITTEN, json_string(text));
    free(entry->type_text);
    entry->type_text = NULL;
    return fill(&entry->type_text, "unknown");
}

enum vanta_status vanta_entry_complete(struct vanta_entry *entry, struct vanta_error *err)
{
    char text[VANTA_SIZE_TEXT_MAX] = "unknown";
    json_t *extra;

    if (!entry->extra)
        entry->extra = json_object();
    extra = entry->extra;
    if (!extra)
        return vanta_fail_memory(err);
    if (!entry->size && entry->size_bytes >= 0)
        vanta_size_text((uint64_t)entry->size_bytes, text);
    if (!fill(&entry->name, entry->id) || !fill(&entry->version, "unknown") ||
        !fill(&entry->format, "unknown") || !fill(&entry->size, text) ||
        !fill(&entry->date_added, "1970-01-01T00:00:00Z") || !complete_type(entry))
        return vanta_fail_memory(err);
    if (vanta_entry_is_api(entry) || (entry->path && !*entry->path)) {
        free(entry->path);
        entry->path = NULL;
    }
    entry->external = entry->path && entry->path[0] == '/';
    want_container(extra, "parameters", JSON_OBJECT);
    complete_hardware(extra);
    want_container(extra, "metadata", JSON_OBJECT);
    want_container(extra, "tests", JSON_ARRAY);
    complete_aliases(extra);
    return VANTA_OK;
}

/* --- writing --- */

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *bytes_or_null(int64_t bytes)
{
    return bytes >= 0 ? json_integer(bytes) : json_null();
}

static void set_rest(json_t *object, const json_t *rest)
{
    if (json_is_object(rest) && json_is_object(object))
        json_object_update_missing(object, (json_t *)(uintptr_t)rest);
}

static json_t *files_json(const struct vanta_entry *entry)
{
    const json_t *rests = json_object_get(entry->extra, "files");
    json_t *files = json_array();
    size_t i;

    for (i = 0; i < entry->n_files; i++) {
        const struct vanta_entry_file *f = &entry->files[i];
        json_t *file = json_object();

        json_object_set_new(file, "path", text_or_null(f->path));
        json_object_set_new(file, "size_bytes", bytes_or_null(f->size_bytes));
        json_object_set_new(file, "sha256", text_or_null(f->sha256));
        set_rest(file, json_object_get(rests, f->path));
        json_array_append_new(files, file);
    }
    return files;
}

static json_t *license_json(const struct vanta_entry *entry)
{
    const json_t *rest = json_object_get(entry->extra, "license");
    json_t *license, *accepted = json_null();

    if (!entry->license && !rest)
        return json_null();
    if (entry->accepted_date)
        accepted = json_pack("{s:s?, s:s}", "digest", entry->accepted_digest, "date",
                             entry->accepted_date);
    license = json_object();
    json_object_set_new(license, "id", text_or_null(entry->license));
    json_object_set_new(license, "accepted", accepted);
    set_rest(license, rest);
    return license;
}

static json_t *preparation_json(const struct vanta_entry *entry)
{
    const json_t *rest = json_object_get(entry->extra, "preparation");
    json_t *preparation;

    if (!entry->preparation && !rest)
        return json_null();
    preparation = json_object();
    json_object_set_new(preparation, "id", text_or_null(entry->preparation));
    json_object_set_new(preparation, "version", bytes_or_null(entry->preparation_version));
    set_rest(preparation, rest);
    return preparation;
}

static json_t *verified_json(const struct vanta_entry *entry)
{
    const json_t *rest = json_object_get(entry->extra, "verified");
    json_t *verified;

    if (!entry->verified_at && !rest)
        return json_null();
    verified = json_object();
    json_object_set_new(verified, "at", text_or_null(entry->verified_at));
    json_object_set_new(verified, "digest", text_or_null(entry->verified_digest));
    set_rest(verified, rest);
    return verified;
}

json_t *vanta_entry_json(const struct vanta_entry *entry)
{
    static const char *const containers[] = {"parameters", "hardware_requirements",
                                             "metadata"};
    json_t *out = json_object();
    size_t i;

    json_object_set_new(out, "id", text_or_null(entry->id));
    json_object_set_new(out, "name", text_or_null(entry->name));
    json_object_set_new(out, "type",
                        text_or_null(entry->type == VANTA_TYPE_UNKNOWN
                                         ? entry->type_text
                                         : vanta_type_name(entry->type)));
    json_object_set_new(out, "version", text_or_null(entry->version));
    json_object_set_new(out, "path", text_or_null(entry->path));
    json_object_set_new(out, "size", text_or_null(entry->size));
    json_object_set_new(out, "format", text_or_null(entry->format));
    json_object_set_new(out, "quantization", text_or_null(entry->quantization));
    json_object_set_new(out, "date_added", text_or_null(entry->date_added));
    json_object_set_new(out, "hash", text_or_null(entry->hash));
    for (i = 0; i < 3; i++)
        json_object_set(out, containers[i], json_object_get(entry->extra, containers[i]));
    json_object_set_new(out, "size_bytes", bytes_or_null(entry->size_bytes));
    json_object_set_new(out, "files", files_json(entry));
    json_object_set_new(out, "source", text_or_null(entry->source));
    json_object_set_new(out, "preparation", preparation_json(entry));
    json_object_set_new(out, "license", license_json(entry));
    json_object_set_new(out, "verified", verified_json(entry));
    json_object_set(out, "tests", json_object_get(entry->extra, "tests"));
    if (entry->external)
        json_object_set_new(out, "external", json_true());
    if (entry->missing_mark)
        json_object_set_new(out, "missing", json_true());
    if (entry->extra)
        json_object_update_missing(out, entry->extra);
    return out;
}

enum vanta_status vanta_registry_text(const struct vanta_registry *registry,
                                      struct vanta_buf *out, struct vanta_error *err)
{
    json_t *document = json_object(), *models = json_array();
    enum vanta_status status;
    size_t i;

    json_object_set_new(document, "$schema", json_string("./schema.json"));
    json_object_set_new(document, "version", json_integer(VANTA_REGISTRY_VERSION));
    for (i = 0; i < registry->n; i++)
        json_array_append_new(models, vanta_entry_json(registry->entries[i]));
    if (registry->unread)
        json_array_extend(models, registry->unread);
    json_object_set_new(document, "models", models);
    if (registry->top)
        json_object_update_missing(document, registry->top);
    /* jansson reports a lack of memory by leaving members out. */
    if (!document || json_array_size(models) !=
                         registry->n + (registry->unread ? json_array_size(registry->unread) : 0))
        status = vanta_fail_memory(err);
    else
        status = vanta_json_dump(document, out, err);
    json_decref(document);
    return status;
}

/* --- the document --- */

static enum vanta_status read_version(const json_t *document, const char *name,
                                      int64_t *version, struct vanta_error *err)
{
    const json_t *value = json_object_get(document, "version");

    *version = value ? bytes_of(value) : 1;
    if (*version < 0)
        *version = 1; /* a hand's "1.0": the guide's form had no version at all */
    if (*version > VANTA_REGISTRY_VERSION) {
        vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                   "%s: version %lld of the registry's format; this vanta knows up to %d",
                   name, (long long)*version, VANTA_REGISTRY_VERSION);
        vanta_hint(err, "It was written by a newer vanta: update this one.");
        return VANTA_ERR_UNSUPPORTED;
    }
    return VANTA_OK;
}

static enum vanta_status keep_unread(struct vanta_registry *registry, json_t *element,
                                     const char *fmt, const char *name, size_t index,
                                     const char *id, struct vanta_error *err)
{
    json_array_append(registry->unread, element);
    return vanta_registry_note_add(registry, fmt, name, index, id) == VANTA_OK
               ? VANTA_OK
               : vanta_fail_memory(err);
}

/* Says it when the last entry's type is none of ours. */
static enum vanta_status note_type(struct vanta_registry *registry, const char *name,
                                   struct vanta_error *err)
{
    const struct vanta_entry *entry = registry->entries[registry->n - 1];

    if (entry->type != VANTA_TYPE_UNKNOWN ||
        vanta_registry_note_add(registry,
                                "%s: %s has the type %s, which is none of whisper, llm, "
                                "embedding, tts",
                                name, entry->id, entry->type_text) == VANTA_OK)
        return VANTA_OK;
    return vanta_fail_memory(err);
}

static enum vanta_status read_element(struct vanta_registry *registry, json_t *element,
                                      size_t index, const char *name, const char *root,
                                      bool old, struct vanta_error *err)
{
    struct vanta_entry entry;
    enum vanta_status status = VANTA_OK;
    const char *id;

    if (!read_entry(&entry, element)) {
        status = keep_unread(registry, element,
                             "%s: /models/%zu is passed over: %s is not a model's id",
                             name, index, entry.id ? entry.id : "nothing in it", err);
        vanta_entry_free(&entry);
        return status;
    }
    if (old)
        status = vanta_entry_upgrade(root, registry->catalog, &entry, err);
    if (status == VANTA_OK)
        status = vanta_entry_complete(&entry, err);
    if (status == VANTA_OK && vanta_registry_position(registry, entry.id) != SIZE_MAX) {
        id = json_string_value(json_object_get(element, "id"));
        status = keep_unread(registry, element,
                             "%s: /models/%zu is passed over: another entry has the id %s",
                             name, index, id ? id : entry.id, err);
        vanta_entry_free(&entry);
        return status;
    }
    if (status != VANTA_OK) {
        vanta_entry_free(&entry);
        return status;
    }
    status = vanta_registry_take(registry, &entry, err);
    return status == VANTA_OK ? note_type(registry, name, err) : status;
}

static void keep_top(struct vanta_registry *registry, json_t *document)
{
    const char *key;
    json_t *value;

    json_object_foreach(document, key, value) {
        if (strcmp(key, "models") != 0 && strcmp(key, "version") != 0 &&
            strcmp(key, "$schema") != 0)
            json_object_set(registry->top, key, value);
    }
}

enum vanta_status vanta_registry_parse(const char *text, size_t len, const char *name,
                                       const char *root,
                                       const struct vanta_catalog *catalog,
                                       struct vanta_registry **out,
                                       struct vanta_error *err)
{
    struct vanta_registry *registry = NULL;
    json_t *document = NULL, *models;
    enum vanta_status status;
    int64_t version = 1;
    size_t i;

    if (len == 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: the file is empty", name);
    status = vanta_json_load(text, len, name, &document, err);
    if (status != VANTA_OK)
        return status;
    models = json_object_get(document, "models");
    if (!json_is_array(models)) {
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: /models: no array of models there",
                            name);
        goto out;
    }
    if (json_array_size(models) > REGISTRY_ENTRIES_MAX) {
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: /models: %zu elements; at most %d",
                            name, json_array_size(models), REGISTRY_ENTRIES_MAX);
        goto out;
    }
    status = read_version(document, name, &version, err);
    if (status == VANTA_OK)
        status = vanta_registry_new(&registry, err);
    if (status != VANTA_OK)
        goto out;
    registry->catalog = catalog;
    registry->origin = version < VANTA_REGISTRY_VERSION ? VANTA_REGISTRY_UPGRADED
                                                        : VANTA_REGISTRY_CURRENT;
    registry->document = json_incref(document);
    keep_top(registry, document);
    for (i = 0; status == VANTA_OK && i < json_array_size(models); i++)
        status = read_element(registry, json_array_get(models, i), i, name, root,
                              version < VANTA_REGISTRY_VERSION, err);
out:
    if (status == VANTA_OK)
        *out = registry;
    else
        vanta_registry_free(registry);
    json_decref(document);
    return status;
}
