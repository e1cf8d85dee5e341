#include "cli/catalog_view.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/path.h"
#include "base/text.h"
#include "cli/term.h"

static void print_field(const char *label, const char *text)
{
    char shown[2048];

    if (!text)
        return;
    vanta_text_printable(text, shown, sizeof shown);
    printf("%-14s %s\n", label, shown);
}

static void size_cell(int64_t bytes, char out[VANTA_SIZE_TEXT_MAX])
{
    if (bytes < 0)
        snprintf(out, VANTA_SIZE_TEXT_MAX, "unknown");
    else
        vanta_size_text((uint64_t)bytes, out);
}

static void license_cell(const struct vanta_license *license, char *out, size_t size)
{
    snprintf(out, size, "%s%s", license->id, license->must_accept ? " (accept)" : "");
}

static void origin_cell(const struct vanta_catalog_model *m, char *out, size_t size)
{
    snprintf(out, size, "%s%s", m->origin, m->overrides ? " (replaces built-in)" : "");
}

void catalog_print_models(const struct vanta_catalog *catalog,
                          enum vanta_model_type type)
{
    static const char *const head[] = {"ID",     "TYPE",    "SIZE",  "MEMORY",
                                       "FORMAT", "LICENSE", "ORIGIN"};
    struct table *table = table_new(7);
    size_t i;

    table_row(table, head, NULL);
    for (i = 0; i < vanta_catalog_count(catalog); i++) {
        const struct vanta_catalog_model *m = vanta_catalog_at(catalog, i);
        char size[VANTA_SIZE_TEXT_MAX] = "-", memory[VANTA_SIZE_TEXT_MAX] = "-";
        char license[128], origin[VANTA_PATH_MAX + 32];
        const char *cells[] = {m->id,     vanta_type_name(m->type), size, memory,
                               m->format, license,                  origin};

        if (type != VANTA_TYPE_UNKNOWN && m->type != type)
            continue;
        if (m->n_files)
            size_cell(vanta_catalog_model_bytes(m), size);
        if (m->hardware.memory_bytes)
            vanta_size_text(m->hardware.memory_bytes, memory);
        license_cell(m->license, license, sizeof license);
        origin_cell(m, origin, sizeof origin);
        table_row(table, cells, NULL);
    }
    table_print(table, stdout, true);
    table_free(table);
}

/* "whisper-base, qwen2.5-0.5b-instruct or qwen2.5-coder-0.5b, tts-1" */
static bool profile_text(const struct vanta_profile *profile, struct vanta_buf *out)
{
    bool ok = true;
    size_t i, k;

    for (i = 0; i < profile->n_slots; i++)
        for (k = 0; k < profile->slots[i].n_alternatives; k++)
            ok = ok && vanta_buf_printf(out, "%s%s", k ? " or " : i ? ", " : "",
                                        profile->slots[i].alternatives[k]->id);
    return ok;
}

void catalog_print_profiles(const struct vanta_catalog *catalog)
{
    static const char *const head[] = {"PROFILE", "MODELS"};
    struct table *table = table_new(2);
    size_t i;

    table_row(table, head, NULL);
    for (i = 0; i < vanta_catalog_profile_count(catalog); i++) {
        const struct vanta_profile *p = vanta_catalog_profile_at(catalog, i);
        struct vanta_buf text = VANTA_BUF(1 << 20);

        if (profile_text(p, &text))
            table_row(table, (const char *[]){p->name, text.data}, NULL);
        vanta_buf_free(&text);
    }
    table_print(table, stdout, true);
    table_free(table);
}

static void print_files(const struct vanta_catalog_file *files, size_t n)
{
    size_t i, k;

    for (i = 0; i < n; i++) {
        const struct vanta_catalog_file *f = &files[i];
        char size[VANTA_SIZE_TEXT_MAX];

        size_cell(f->size_bytes, size);
        printf("  %s  %s  sha256 %s%s\n", f->path, size,
               f->sha256 ? f->sha256 : "unknown",
               f->sha256_evidence == VANTA_EVIDENCE_SINGLE ? " (one source)" : "");
        for (k = 0; k < f->n_sources; k++) {
            char *text = vanta_source_text(&f->sources[k]);

            printf("    %s\n", text ? text : "?");
            free(text);
        }
    }
}

static void print_preparations(const struct vanta_catalog_model *m)
{
    size_t i;

    for (i = 0; i < m->n_preparations; i++) {
        const struct vanta_preparation *p = &m->preparations[i];

        if (p->kind == VANTA_PREPARATION_FETCH)
            continue;
        if (p->kind == VANTA_PREPARATION_ENCODER_GGUF) {
            printf("\n%s (version %lld) makes %s (%s) from model.safetensors\n", p->id,
                   (long long)p->version, p->output, p->weights);
            continue;
        }
        printf("\n%s%s (version %lld)%s makes %s%s%s%s from\n", i ? "or " : "", p->id,
               (long long)p->version, i ? ", which" : "", p->output,
               p->weights ? " (" : "", p->weights ? p->weights : "",
               p->weights ? ")" : "");
        print_files(p->inputs, p->n_inputs);
    }
}

static void show_words(const char *label, const char *const *words, size_t n)
{
    struct vanta_buf text = VANTA_BUF(1 << 16);
    size_t i;

    for (i = 0; i < n; i++)
        vanta_buf_printf(&text, "%s%s", i ? ", " : "", words[i]);
    print_field(label, text.data);
    vanta_buf_free(&text);
}

void catalog_print_model(const struct vanta_catalog_model *m)
{
    char size[VANTA_SIZE_TEXT_MAX] = "-", memory[VANTA_SIZE_TEXT_MAX] = "-";
    char text[VANTA_PATH_MAX + 32];

    if (m->n_files)
        size_cell(vanta_catalog_model_bytes(m), size);
    if (m->hardware.memory_bytes)
        vanta_size_text(m->hardware.memory_bytes, memory);
    print_field("id", m->id);
    print_field("name", m->name);
    print_field("description", m->description);
    print_field("note", m->note);
    print_field("type", vanta_type_name(m->type));
    print_field("version", m->version);
    print_field("format", m->format);
    print_field("quantization", m->quantization);
    print_field("parameters", m->parameters);
    print_field("size", size);
    snprintf(text, sizeof text, "%s (class %s)%s%s", memory, m->hardware.min_ram,
             m->hardware.gpu_recommended ? ", GPU recommended" : "",
             m->hardware.metal_supported ? ", Metal supported" : "");
    print_field("memory", text);
    snprintf(text, sizeof text, "%s%s", m->license->name,
             m->license->must_accept ? "; must be accepted" : "");
    print_field("licence", text);
    print_field("", m->license->summary);
    print_field("", m->license->url);
    show_words("aliases", m->aliases, m->n_aliases);
    origin_cell(m, text, sizeof text);
    print_field("origin", text);
    print_field("upstream", m->upstream);
    print_field("provider", m->provider);
    print_field("key", m->key_variable);
    show_words("voices", m->voices, m->n_voices);
    if (m->n_files)
        printf("\nfiles\n");
    print_files(m->files, m->n_files);
    print_preparations(m);
}

void catalog_print_profile(const struct vanta_profile *p)
{
    struct vanta_buf text = VANTA_BUF(1 << 20);

    print_field("profile", p->name);
    print_field("description", p->description);
    if (profile_text(p, &text))
        print_field("models", text.data);
    vanta_buf_free(&text);
}
