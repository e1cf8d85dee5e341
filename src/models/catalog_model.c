/* The models of a document: files, sources, preparations, each checked by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "models/catalog_private.h"

/* A revision that cannot change: the 40 digits of a commit. */
static bool is_pinned(const struct vanta_locator *l)
{
    return l->kind == VANTA_LOCATOR_HF && strlen(l->revision) == 40 &&
           strspn(l->revision, "0123456789abcdef") == 40;
}

static void check_source(struct catalog_reader *r, const char *key,
                         const struct vanta_source *source)
{
    size_t i;

    for (i = 0; i < source->n_parts; i++)
        if (source->parts[i].kind == VANTA_LOCATOR_URL &&
            !vanta_has_prefix(source->parts[i].path, "https://"))
            catalog_reader_fail(r, key, "%.200s: a catalog takes https:// only",
                                source->parts[i].text);
}

/* {"parts": [...], "inner": "..."} */
static void parse_parts(struct catalog_reader *r, struct vanta_source *out)
{
    static const char *const keys[] = {"parts", "inner", NULL};
    const char *const *parts = NULL, *inner = NULL;
    struct vanta_error why = {0};
    enum vanta_status status;
    const json_t *list;
    size_t n, i;
    const char **texts;

    catalog_known_keys(r, keys);
    list = catalog_list(r, "parts", true, VANTA_SOURCE_PARTS_MAX);
    catalog_text(r, "inner", false, CATALOG_TEXT_MAX, &inner);
    n = json_array_size(list);
    if (r->status != VANTA_OK)
        return;
    texts = calloc(n + 1, sizeof *texts);
    if (!texts) {
        r->status = vanta_fail_memory(r->err);
        return;
    }
    for (i = 0; i < n; i++)
        if (!(texts[i] = json_string_value(json_array_get(list, i))))
            catalog_reader_fail(r, "parts", "must be an array of strings");
    parts = texts;
    if (r->status == VANTA_OK) {
        status = vanta_source_parse_parts(parts, n, inner, out, &why);
        if (status != VANTA_OK)
            catalog_reader_fail(r, "parts", "%.400s", why.message);
        else
            check_source(r, "parts", out);
    }
    free(texts);
}

/* A string or an object; place is the array's key and index, for messages. */
static void parse_source(struct catalog_reader *r, const json_t *list, size_t i,
                         struct vanta_source *out)
{
    char array[VANTA_JSON_POINTER_MAX], pointer[VANTA_JSON_POINTER_MAX];
    const json_t *value = json_array_get(list, i);
    struct catalog_reader one = *r;
    struct vanta_error why = {0};

    vanta_json_pointer_key(array, r->where, "sources");
    vanta_json_pointer_index(pointer, array, i);
    one.where = pointer;
    one.object = value;
    if (json_is_object(value)) {
        parse_parts(&one, out);
    } else if (!json_is_string(value)) {
        catalog_reader_fail(&one, NULL, "must be a string, or an object with \"parts\"");
    } else if (vanta_source_parse(json_string_value(value), out, &why) != VANTA_OK) {
        catalog_reader_fail(&one, NULL, "%.400s", why.message);
    } else {
        check_source(&one, NULL, out);
    }
    catalog_reader_join(r, &one);
}

static void parse_sources(struct catalog_reader *r, bool required,
                          struct vanta_catalog_file *out)
{
    const json_t *list = catalog_list(r, "sources", required, CATALOG_SOURCES_MAX);
    struct catalog_sources *kept;
    struct vanta_source *sources;
    size_t i, n = json_array_size(list);

    if (r->status != VANTA_OK || !list)
        return;
    if (n == 0) {
        catalog_reader_fail(r, "sources", "is empty");
        return;
    }
    sources = catalog_alloc(r->catalog, n, sizeof *sources, r->err);
    kept = catalog_alloc(r->catalog, 1, sizeof *kept, r->err);
    if (!sources || !kept) {
        r->status = VANTA_ERR_NO_MEMORY;
        return;
    }
    /* Known to the catalog before the first is parsed: a failure frees them there. */
    kept->sources = sources;
    kept->n = n;
    kept->next = r->catalog->sources;
    r->catalog->sources = kept;
    for (i = 0; i < n && r->status == VANTA_OK; i++)
        parse_source(r, list, i, &sources[i]);
    out->sources = sources;
    out->n_sources = n;
}

/* How well a figure is known: as stated, else by its being there. */
static void parse_evidence(struct catalog_reader *r, struct catalog_reader *evidence,
                           const char *key, bool known, enum vanta_evidence *out)
{
    static const char *const names[] = {"confirmed", "single", "unknown", NULL};
    int stated = -1;

    *out = known ? VANTA_EVIDENCE_CONFIRMED : VANTA_EVIDENCE_UNKNOWN;
    if (evidence->object)
        stated = catalog_choice(evidence, key, false, names);
    if (stated < 0)
        return;
    if ((stated != VANTA_EVIDENCE_UNKNOWN) != known)
        catalog_reader_fail(evidence, key, "says \"%s\", but the figure is %s",
                            names[stated], known ? "there" : "not there");
    *out = (enum vanta_evidence)stated;
    catalog_reader_join(r, evidence);
}

static void check_path(struct catalog_reader *r, const char *path)
{
    if (r->status != VANTA_OK)
        return;
    if (!vanta_path_is_safe(path))
        catalog_reader_fail(r, "path",
                            "\"%.200s\" is not a plain path below the model's folder",
                            path);
    else if (path[0] == '.' || strstr(path, "/."))
        catalog_reader_fail(r, "path", "\"%.200s\" has a part that starts with \".\"; "
                            "such names are kept for vanta's own files", path);
}

void catalog_file(struct catalog_reader *r, bool sources_required,
                  struct vanta_catalog_file *out)
{
    static const char *const keys[] = {"path",  "size_bytes", "sha256",
                                       "magic", "evidence",   "sources", NULL};
    static const char *const evidence_keys[] = {"size_bytes", "sha256", NULL};
    static const char *const magics[] = {"any", "gguf", "whisper-ggml", "safetensors",
                                         "zip", "json", NULL};
    char pointer[VANTA_JSON_POINTER_MAX];
    struct catalog_reader evidence;
    int magic;

    catalog_known_keys(r, keys);
    out->path = "";
    catalog_text(r, "path", true, CATALOG_TEXT_MAX, &out->path);
    check_path(r, out->path);
    out->size_bytes = -1;
    catalog_integer(r, "size_bytes", false, 0, CATALOG_FILE_BYTES_MAX, &out->size_bytes);
    catalog_text(r, "sha256", false, CATALOG_NAME_MAX, &out->sha256);
    if (out->sha256 && r->status == VANTA_OK && !vanta_sha256_is_hex(out->sha256))
        catalog_reader_fail(r, "sha256", "must be 64 digits of 0-9 and a-f");
    magic = catalog_choice(r, "magic", false, magics);
    out->magic = magic < 0 ? VANTA_MAGIC_ANY : (enum vanta_magic)magic;
    evidence = catalog_member(r, "evidence", false, pointer);
    if (evidence.object)
        catalog_known_keys(&evidence, evidence_keys);
    parse_evidence(r, &evidence, "size_bytes", out->size_bytes >= 0,
                   &out->size_evidence);
    parse_evidence(r, &evidence, "sha256", out->sha256 != NULL, &out->sha256_evidence);
    catalog_reader_join(r, &evidence);
    parse_sources(r, sources_required, out);
    if (r->status == VANTA_OK && !out->sha256 && out->n_sources > 0 &&
        !is_pinned(&out->sources[0].parts[0]) &&
        out->sources[0].parts[0].kind != VANTA_LOCATOR_URL)
        catalog_reader_fail(r, "sha256",
                            "is missing; without it the first source must be https:// or "
                            "a hub's repository at a commit of 40 digits");
}

/* Whether both can lie in one folder, on file systems without regard to case too. */
static bool paths_clash(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), shorter = n < m ? n : m, i;
    const char *longer = n < m ? b : a;

    for (i = 0; i < shorter; i++) {
        char x[2] = {a[i], '\0'}, y[2] = {b[i], '\0'};

        if (!vanta_streq_nocase(x, y))
            return false;
    }
    return n == m || longer[shorter] == '/';
}

struct path_at {
    const char *path;
    size_t index;
};

/* Byte order with '/' first and without regard to case, so that what clashes stands
 * side by side. */
static int by_path(const void *a, const void *b)
{
    const unsigned char *x = (const unsigned char *)((const struct path_at *)a)->path;
    const unsigned char *y = (const unsigned char *)((const struct path_at *)b)->path;

    for (;; x++, y++) {
        int p = *x == '/' ? 1 : *x >= 'A' && *x <= 'Z' ? *x + 32 : *x;
        int q = *y == '/' ? 1 : *y >= 'A' && *y <= 'Z' ? *y + 32 : *y;

        if (p != q || !p)
            return p - q;
    }
}

static void check_clashes(struct catalog_reader *r, const char *key,
                          const struct vanta_catalog_file *files, size_t n)
{
    struct path_at sorted[CATALOG_FILES_MAX];
    char array[VANTA_JSON_POINTER_MAX], pointer[VANTA_JSON_POINTER_MAX];
    struct catalog_reader one = *r;
    size_t i;

    for (i = 0; i < n; i++)
        sorted[i] = (struct path_at){files[i].path, i};
    qsort(sorted, n, sizeof sorted[0], by_path);
    for (i = 1; i < n; i++) {
        if (!paths_clash(sorted[i - 1].path, sorted[i].path))
            continue;
        vanta_json_pointer_key(array, r->where, key);
        vanta_json_pointer_index(pointer, array, sorted[i].index);
        one.where = pointer;
        catalog_reader_fail(&one, "path", "\"%.200s\" clashes with \"%.200s\"",
                            sorted[i].path, sorted[i - 1].path);
        catalog_reader_join(r, &one);
        return;
    }
}

void catalog_files(struct catalog_reader *r, const char *key, bool sources_required,
                   const struct vanta_catalog_file **out, size_t *n)
{
    const json_t *list = catalog_list(r, key, true, CATALOG_FILES_MAX);
    size_t i, count = json_array_size(list);
    struct vanta_catalog_file *files;
    int64_t total = 0;

    if (r->status != VANTA_OK)
        return;
    if (count == 0) {
        catalog_reader_fail(r, key, "is empty");
        return;
    }
    files = catalog_alloc(r->catalog, count, sizeof *files, r->err);
    if (!files) {
        r->status = VANTA_ERR_NO_MEMORY;
        return;
    }
    for (i = 0; i < count && r->status == VANTA_OK; i++) {
        char pointer[VANTA_JSON_POINTER_MAX];
        struct catalog_reader file = catalog_element(r, key, list, i, pointer);

        catalog_file(&file, sources_required, &files[i]);
        catalog_reader_join(r, &file);
        total += files[i].size_bytes > 0 ? files[i].size_bytes : 0;
    }
    if (r->status != VANTA_OK)
        return;
    if (total > CATALOG_FILE_BYTES_MAX)
        catalog_reader_fail(r, key, "is larger than 16 TiB in all");
    check_clashes(r, key, files, count);
    *out = files;
    *n = count;
}

static const struct vanta_catalog_file *find_file(const struct vanta_catalog_file *files,
                                                  size_t n, const char *path)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (strcmp(files[i].path, path) == 0)
            return &files[i];
    return NULL;
}

/* Every file of the model must come from somewhere: all but what is made are fetched. */
static void check_all_fetched(struct catalog_reader *r,
                              const struct vanta_catalog_model *model, const char *made)
{
    size_t i;

    for (i = 0; i < model->n_files; i++)
        if (model->files[i].n_sources == 0 &&
            (!made || strcmp(model->files[i].path, made) != 0))
            catalog_reader_fail(r, NULL,
                                "nothing says where \"%.200s\" comes from: it has no "
                                "sources and this preparation does not make it",
                                model->files[i].path);
}

static const char *const weights[] = {"f32", "f16", "q8_0", NULL};

/* Of files that are not the model's to one that is; needed has to be among them. */
static void parse_conversion(struct catalog_reader *r,
                             const struct vanta_catalog_model *model, const char *format,
                             const char *needed, struct vanta_preparation *out)
{
    catalog_text(r, "output", true, CATALOG_TEXT_MAX, &out->output);
    catalog_files(r, "inputs", true, &out->inputs, &out->n_inputs);
    if (r->status != VANTA_OK)
        return;
    if (strcmp(model->format, format) != 0)
        catalog_reader_fail(r, "kind", "makes %s files, not %s", format, model->format);
    if (!find_file(model->files, model->n_files, out->output))
        catalog_reader_fail(r, "output", "\"%.200s\" is none of the model's files",
                            out->output);
    if (!find_file(out->inputs, out->n_inputs, needed))
        catalog_reader_fail(r, "inputs", "have no %s", needed);
    check_all_fetched(r, model, out->output);
}

/* The model's files but the output: a sentence encoder's folder, which stays. */
static void parse_encoder(struct catalog_reader *r,
                          const struct vanta_catalog_model *model,
                          struct vanta_preparation *out)
{
    struct vanta_catalog_file *inputs;
    size_t i;
    int choice;

    catalog_text(r, "output", true, CATALOG_TEXT_MAX, &out->output);
    choice = catalog_choice(r, "weights", true, weights);
    if (r->status != VANTA_OK)
        return;
    out->weights = weights[choice];
    if (strcmp(model->format, "safetensors") != 0)
        catalog_reader_fail(r, "kind", "reads safetensors, not %s", model->format);
    if (!find_file(model->files, model->n_files, out->output))
        catalog_reader_fail(r, "output", "\"%.200s\" is none of the model's files",
                            out->output);
    if (!find_file(model->files, model->n_files, "model.safetensors"))
        catalog_reader_fail(r, "kind", "needs a model.safetensors among the files");
    else if (strcmp(out->output, "model.safetensors") == 0)
        catalog_reader_fail(r, "output", "is what it is made of");
    check_all_fetched(r, model, out->output);
    if (r->status != VANTA_OK)
        return;
    inputs = catalog_alloc(r->catalog, model->n_files, sizeof *inputs, r->err);
    if (!inputs) {
        r->status = VANTA_ERR_NO_MEMORY;
        return;
    }
    for (i = 0; i < model->n_files; i++)
        if (strcmp(model->files[i].path, out->output) != 0)
            inputs[out->n_inputs++] = model->files[i];
    out->inputs = inputs;
}

static const char *const kinds[] = {"fetch", "ct2-whisper", "encoder-gguf", "xtts-gguf",
                                    NULL};

const char *vanta_preparation_kind_name(enum vanta_preparation_kind kind)
{
    return kinds[kind];
}

static void parse_preparation(struct catalog_reader *r,
                              const struct vanta_catalog_model *model,
                              struct vanta_preparation *out)
{
    static const char *const fetch_keys[] = {"id", "version", "kind", NULL};
    static const char *const conversion_keys[] = {"id",     "version", "kind",
                                                  "output", "inputs",  NULL};
    static const char *const encoder_keys[] = {"id",     "version", "kind",
                                               "output", "weights", NULL};
    static const char *const xtts_keys[] = {"id",     "version", "kind", "output",
                                            "inputs", "weights", NULL};
    static const char *const *const keys[] = {fetch_keys, conversion_keys, encoder_keys,
                                              xtts_keys};
    int kind;

    catalog_id(r, "id", &out->id);
    catalog_integer(r, "version", true, 1, INT32_MAX, &out->version);
    kind = catalog_choice(r, "kind", true, kinds);
    catalog_known_keys(r, keys[kind > 0 ? kind : 0]); /* -1: none of them */
    if (r->status != VANTA_OK)
        return;
    out->kind = (enum vanta_preparation_kind)kind;
    if (out->kind == VANTA_PREPARATION_CT2_WHISPER) {
        parse_conversion(r, model, "whisper-ggml", "model.bin", out);
        return;
    }
    if (out->kind == VANTA_PREPARATION_XTTS_GGUF) {
        kind = catalog_choice(r, "weights", true, weights);
        if (r->status != VANTA_OK)
            return;
        out->weights = weights[kind];
        parse_conversion(r, model, "gguf", "model.pth", out);
        return;
    }
    if (out->kind == VANTA_PREPARATION_ENCODER_GGUF) {
        parse_encoder(r, model, out);
        return;
    }
    out->inputs = model->files;
    out->n_inputs = model->n_files;
    check_all_fetched(r, model, NULL);
}

static void check_preparation_id(struct catalog_reader *r,
                                 const struct vanta_preparation *all, size_t i)
{
    size_t k;

    for (k = 0; r->status == VANTA_OK && k < i; k++)
        if (vanta_streq_nocase(all[k].id, all[i].id))
            catalog_reader_fail(r, "id", "\"%s\" is there twice", all[i].id);
}

static void parse_preparations(struct catalog_reader *r,
                               struct vanta_catalog_model *model)
{
    const json_t *list = catalog_list(r, "preparations", false, CATALOG_WORDS_MAX);
    size_t i, n = list ? json_array_size(list) : 1;
    struct vanta_preparation *all;

    if (r->status != VANTA_OK)
        return;
    if (n == 0) {
        catalog_reader_fail(r, "preparations", "is empty");
        return;
    }
    all = catalog_alloc(r->catalog, n, sizeof *all, r->err);
    if (!all) {
        r->status = VANTA_ERR_NO_MEMORY;
        return;
    }
    model->preparations = all;
    model->n_preparations = n;
    if (!list) {
        all[0] = (struct vanta_preparation){.id = "fetch",
                                            .version = 1,
                                            .kind = VANTA_PREPARATION_FETCH,
                                            .inputs = model->files,
                                            .n_inputs = model->n_files};
        check_all_fetched(r, model, NULL);
        return;
    }
    for (i = 0; i < n && r->status == VANTA_OK; i++) {
        char pointer[VANTA_JSON_POINTER_MAX];
        struct catalog_reader one = catalog_element(r, "preparations", list, i, pointer);

        parse_preparation(&one, model, &all[i]);
        check_preparation_id(&one, all, i);
        catalog_reader_join(r, &one);
    }
}

/* "8GB" */
static bool is_ram_class(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits > 0 && digits < 5 && text[0] != '0' && strcmp(text + digits, "GB") == 0;
}

static void parse_hardware(struct catalog_reader *r, bool api, struct vanta_hardware *out)
{
    static const char *const keys[] = {"min_ram", "memory_bytes", "gpu_recommended",
                                       "metal_supported", NULL};
    char pointer[VANTA_JSON_POINTER_MAX];
    struct catalog_reader hardware = catalog_member(r, "hardware", true, pointer);
    int64_t memory = 0;

    if (!hardware.object)
        return;
    catalog_known_keys(&hardware, keys);
    catalog_text(&hardware, "min_ram", true, 8, &out->min_ram);
    if (hardware.status == VANTA_OK && !is_ram_class(out->min_ram))
        catalog_reader_fail(&hardware, "min_ram", "must be like \"8GB\"");
    catalog_integer(&hardware, "memory_bytes", !api, 0, CATALOG_FILE_BYTES_MAX, &memory);
    out->memory_bytes = (uint64_t)memory;
    catalog_boolean(&hardware, "gpu_recommended", &out->gpu_recommended);
    catalog_boolean(&hardware, "metal_supported", &out->metal_supported);
    catalog_reader_join(r, &hardware);
}

static bool is_variable(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0' &&
           !(text[0] >= '0' && text[0] <= '9');
}

static void parse_api(struct catalog_reader *r, struct vanta_catalog_model *model)
{
    static const char *const keys[] = {"provider", "key_variable", "voices", NULL};
    static const char *const providers[] = {"openai", NULL};
    char pointer[VANTA_JSON_POINTER_MAX];
    struct catalog_reader api = catalog_member(r, "api", true, pointer);

    if (!api.object)
        return;
    catalog_known_keys(&api, keys);
    if (catalog_choice(&api, "provider", true, providers) == 0)
        model->provider = providers[0];
    catalog_text(&api, "key_variable", true, 64, &model->key_variable);
    if (api.status == VANTA_OK && !is_variable(model->key_variable))
        catalog_reader_fail(&api, "key_variable",
                            "must be large letters, digits and \"_\"");
    catalog_words(&api, "voices", false, false, &model->voices, &model->n_voices);
    catalog_reader_join(r, &api);
}

static void check_recipe_text(struct catalog_reader *r, const char *text)
{
    char printable[CATALOG_RECIPE_TEXT_MAX + 1];

    vanta_text_printable(text, printable, sizeof printable);
    if (strcmp(printable, text) != 0)
        catalog_reader_fail(r, "test", "has a text with a control character, or one of "
                            "more than %d bytes", CATALOG_RECIPE_TEXT_MAX);
}

/* A recipe is kept as it is, but nothing in it may reach a terminal as a command. */
static void check_recipe(struct catalog_reader *r, const json_t *value, int depth)
{
    const char *key;
    json_t *member;
    size_t i;

    if (depth > 8)
        catalog_reader_fail(r, "test", "is nested too deep");
    if (r->status != VANTA_OK)
        return;
    json_object_foreach((json_t *)(uintptr_t)value, key, member) {
        check_recipe_text(r, key);
        check_recipe(r, member, depth + 1);
    }
    json_array_foreach(value, i, member)
        check_recipe(r, member, depth + 1);
    if (json_is_string(value))
        check_recipe_text(r, json_string_value(value));
}

static void parse_test(struct catalog_reader *r, struct vanta_catalog_model *model)
{
    char pointer[VANTA_JSON_POINTER_MAX];
    struct catalog_reader test = catalog_member(r, "test", false, pointer);
    const char *kind = NULL;

    if (!test.object)
        return;
    catalog_text(&test, "kind", true, CATALOG_NAME_MAX, &kind);
    catalog_reader_join(r, &test);
    check_recipe(r, test.object, 0);
    model->test = test.object;
}

static void parse_names(struct catalog_reader *r, struct catalog_model_record *record)
{
    static const char *const types[] = {"whisper", "llm", "embedding", "tts", NULL};
    static const char *const formats[] = {"whisper-ggml", "gguf", "safetensors",
                                          "torch",        "api",  NULL};
    struct vanta_catalog_model *m = &record->model;
    int choice;

    catalog_id(r, "id", &m->id);
    catalog_text(r, "name", true, CATALOG_NAME_MAX, &m->name);
    catalog_text(r, "description", false, CATALOG_TEXT_MAX, &m->description);
    catalog_text(r, "note", false, CATALOG_TEXT_MAX, &m->note);
    choice = catalog_choice(r, "type", true, types);
    m->type = choice < 0 ? VANTA_TYPE_UNKNOWN : (enum vanta_model_type)choice;
    catalog_id(r, "version", &m->version);
    choice = catalog_choice(r, "format", true, formats);
    m->format = choice < 0 ? "" : formats[choice];
    catalog_text(r, "quantization", false, 32, &m->quantization);
    catalog_text(r, "parameters", false, 32, &m->parameters);
    catalog_https(r, "upstream", &m->upstream);
    catalog_words(r, "aliases", false, true, &m->aliases, &m->n_aliases);
    catalog_text(r, "license", true, CATALOG_NAME_MAX, &record->license_id);
    catalog_boolean(r, "override", &record->place.override);
}

void catalog_model(struct catalog_reader *r, struct catalog_model_record *record)
{
    static const char *const file_keys[] = {
        "id",         "name",     "description", "note",    "type",     "version",
        "format",     "quantization", "parameters", "upstream", "aliases", "license",
        "override",   "hardware", "test",        "files",   "preparations", NULL};
    static const char *const api_keys[] = {
        "id",       "name",       "description", "note",    "type",    "version",
        "format",   "parameters", "upstream",    "aliases", "license", "override",
        "hardware", "test",       "api",         NULL};
    struct vanta_catalog_model *m = &record->model;
    bool api;

    m->origin = r->document->origin;
    parse_names(r, record);
    if (r->status != VANTA_OK)
        return;
    api = strcmp(m->format, "api") == 0;
    catalog_known_keys(r, api ? api_keys : file_keys);
    parse_hardware(r, api, &m->hardware);
    parse_test(r, m);
    if (api) {
        parse_api(r, m);
        return;
    }
    catalog_files(r, "files", false, &m->files, &m->n_files);
    if (r->status == VANTA_OK)
        parse_preparations(r, m);
}
