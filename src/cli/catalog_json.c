#include "cli/catalog_json.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/cli.h"

#define OUTPUT_BYTES_MAX ((size_t)64 * 1024 * 1024)

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *texts(const char *const *words, size_t n)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < n; i++)
        json_array_append_new(list, json_string(words[i]));
    return list;
}

static json_t *bytes_or_null(int64_t bytes)
{
    return bytes < 0 ? json_null() : json_integer(bytes);
}

static const char *evidence_name(enum vanta_evidence evidence)
{
    static const char *const names[] = {"confirmed", "single", "unknown"};

    return names[evidence];
}

static json_t *source_json(const struct vanta_source *source)
{
    json_t *object = json_object(), *parts = json_array();
    size_t i;

    for (i = 0; i < source->n_parts; i++)
        json_array_append_new(parts, json_string(source->parts[i].text));
    json_object_set_new(object, "kind",
                        json_string(vanta_source_class_name(vanta_source_class(source))));
    json_object_set_new(object, "parts", parts);
    json_object_set_new(object, "inner", text_or_null(source->inner));
    return object;
}

static json_t *file_json(const struct vanta_catalog_file *file)
{
    json_t *object = json_object(), *sources = json_array();
    size_t i;

    for (i = 0; i < file->n_sources; i++)
        json_array_append_new(sources, source_json(&file->sources[i]));
    json_object_set_new(object, "path", json_string(file->path));
    json_object_set_new(object, "size_bytes", bytes_or_null(file->size_bytes));
    json_object_set_new(object, "size_evidence",
                        json_string(evidence_name(file->size_evidence)));
    json_object_set_new(object, "sha256", text_or_null(file->sha256));
    json_object_set_new(object, "sha256_evidence",
                        json_string(evidence_name(file->sha256_evidence)));
    json_object_set_new(object, "sources", sources);
    return object;
}

static json_t *files_json(const struct vanta_catalog_file *files, size_t n)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < n; i++)
        json_array_append_new(list, file_json(&files[i]));
    return list;
}

static json_t *preparation_json(const struct vanta_preparation *p)
{
    json_t *object = json_object();

    json_object_set_new(object, "id", json_string(p->id));
    json_object_set_new(object, "version", json_integer(p->version));
    json_object_set_new(object, "kind", json_string(vanta_preparation_kind_name(p->kind)));
    if (p->output)
        json_object_set_new(object, "output", json_string(p->output));
    if (p->weights)
        json_object_set_new(object, "weights", json_string(p->weights));
    if (vanta_preparation_consumes(p))
        json_object_set_new(object, "inputs", files_json(p->inputs, p->n_inputs));
    return object;
}

static json_t *license_json(const struct vanta_license *license, bool full)
{
    json_t *object = json_object();

    json_object_set_new(object, "id", json_string(license->id));
    json_object_set_new(object, "name", json_string(license->name));
    json_object_set_new(object, "must_accept", json_boolean(license->must_accept));
    json_object_set_new(object, "may_redistribute",
                        json_boolean(license->may_redistribute));
    if (!full)
        return object;
    json_object_set_new(object, "url", text_or_null(license->url));
    json_object_set_new(object, "summary", text_or_null(license->summary));
    json_object_set_new(object, "text",
                        license->text.n_sources ? file_json(&license->text)
                                                : json_null());
    return object;
}

static json_t *hardware_json(const struct vanta_hardware *hardware)
{
    json_t *object = json_object();

    json_object_set_new(object, "min_ram", json_string(hardware->min_ram));
    json_object_set_new(object, "memory_bytes",
                        json_integer((json_int_t)hardware->memory_bytes));
    json_object_set_new(object, "gpu_recommended",
                        json_boolean(hardware->gpu_recommended));
    json_object_set_new(object, "metal_supported",
                        json_boolean(hardware->metal_supported));
    return object;
}

static void add_details(json_t *object, const struct vanta_catalog_model *m)
{
    json_t *preparations = json_array();
    size_t i;

    for (i = 0; i < m->n_preparations; i++)
        json_array_append_new(preparations, preparation_json(&m->preparations[i]));
    json_object_set_new(object, "description", text_or_null(m->description));
    json_object_set_new(object, "note", text_or_null(m->note));
    json_object_set_new(object, "upstream", text_or_null(m->upstream));
    json_object_set_new(object, "files", files_json(m->files, m->n_files));
    json_object_set_new(object, "preparations", preparations);
    if (m->provider) {
        json_object_set_new(object, "provider", json_string(m->provider));
        json_object_set_new(object, "key_variable", json_string(m->key_variable));
        json_object_set_new(object, "voices", texts(m->voices, m->n_voices));
    }
    if (m->test)
        json_object_set_new(object, "test", json_deep_copy(m->test));
}

json_t *catalog_model_json(const struct vanta_catalog_model *m, bool full)
{
    json_t *object = json_object();

    json_object_set_new(object, "id", json_string(m->id));
    json_object_set_new(object, "name", json_string(m->name));
    json_object_set_new(object, "type", json_string(vanta_type_name(m->type)));
    json_object_set_new(object, "version", json_string(m->version));
    json_object_set_new(object, "format", json_string(m->format));
    json_object_set_new(object, "quantization", text_or_null(m->quantization));
    json_object_set_new(object, "parameters", text_or_null(m->parameters));
    json_object_set_new(object, "aliases", texts(m->aliases, m->n_aliases));
    json_object_set_new(object, "size_bytes",
                        bytes_or_null(vanta_catalog_model_bytes(m)));
    json_object_set_new(object, "hardware_requirements", hardware_json(&m->hardware));
    json_object_set_new(object, "license", license_json(m->license, full));
    json_object_set_new(object, "origin", json_string(m->origin));
    json_object_set_new(object, "overrides", json_boolean(m->overrides));
    if (full)
        add_details(object, m);
    return object;
}

json_t *catalog_profile_json(const struct vanta_profile *profile)
{
    json_t *object = json_object(), *slots = json_array();
    size_t i, k;

    for (i = 0; i < profile->n_slots; i++) {
        const struct vanta_profile_slot *s = &profile->slots[i];
        json_t *slot = json_object(), *models = json_array();

        for (k = 0; k < s->n_alternatives; k++)
            json_array_append_new(models, json_string(s->alternatives[k]->id));
        json_object_set_new(slot, "type", json_string(vanta_type_name(s->type)));
        json_object_set_new(slot, "models", models);
        json_array_append_new(slots, slot);
    }
    json_object_set_new(object, "name", json_string(profile->name));
    json_object_set_new(object, "description", json_string(profile->description));
    json_object_set_new(object, "slots", slots);
    return object;
}

int catalog_json_print(json_t *document)
{
    struct vanta_buf text = VANTA_BUF(OUTPUT_BYTES_MAX);
    json_t *versioned = json_pack("{s:i}", "version", JSON_OUTPUT_VERSION);
    struct vanta_error err = {0};
    int code = EXIT_OK;

    if (!versioned || json_object_update(versioned, document) != 0)
        vanta_fail_memory(&err);
    else
        vanta_json_dump(versioned, &text, &err);
    if (err.status != VANTA_OK)
        code = report_error(&err);
    else
        fwrite(text.data, 1, text.len, stdout);
    vanta_buf_free(&text);
    json_decref(versioned);
    json_decref(document);
    return code;
}
