/* add_hub.c - which files of a hub's repository are the model that is meant. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "models/add_private.h"

#define LISTING_MAX ((size_t)20000)
#define CHOICES_MAX ((size_t)200)

enum vanta_magic add_magic_of(const char *path)
{
    const char *name = vanta_path_base(path);

    if (vanta_has_suffix(name, ".gguf"))
        return VANTA_MAGIC_GGUF;
    if (vanta_has_suffix(name, ".safetensors"))
        return VANTA_MAGIC_SAFETENSORS;
    if (vanta_has_suffix(name, ".json"))
        return VANTA_MAGIC_JSON;
    if (vanta_has_prefix(name, "ggml-") && vanta_has_suffix(name, ".bin"))
        return VANTA_MAGIC_WHISPER_GGML;
    return VANTA_MAGIC_ANY;
}

/* --- the listing --- */

static void free_files(struct add_file *files, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        free(files[i].path);
        free(files[i].source);
    }
    free(files);
}

void add_listing_free(struct add_listing *listing)
{
    free_files(listing->files, listing->n);
    memset(listing, 0, sizeof *listing);
}

void add_selection_free(struct add_selection *selection)
{
    free_files(selection->files, selection->n);
    memset(selection, 0, sizeof *selection);
}

static struct add_file *push_file(struct add_file **files, size_t *n)
{
    if (*n % 64 == 0) {
        void *grown = realloc(*files, (*n + 64) * sizeof **files);

        if (!grown)
            return NULL;
        *files = grown;
    }
    memset(&(*files)[*n], 0, sizeof **files);
    return &(*files)[(*n)++];
}

static enum vanta_status on_listed(void *arg, const char *path, int64_t bytes,
                                   const char *sha256, struct vanta_error *err)
{
    struct add_listing *listing = arg;
    struct add_file *file;

    if (listing->n == LISTING_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "the repository has more than %zu files",
                          LISTING_MAX);
    file = push_file(&listing->files, &listing->n);
    if (!file || !(file->path = vanta_strdup(path)))
        return vanta_fail_memory(err);
    file->size_bytes = bytes;
    snprintf(file->sha256, sizeof file->sha256, "%s", sha256);
    return VANTA_OK;
}

enum vanta_status add_listing_read(struct vanta_fetcher *fetcher,
                                   const struct add_operand *operand,
                                   struct add_listing *out, struct vanta_error *err)
{
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    status = vanta_hub_list(fetcher, operand->repo, operand->revision, out->commit,
                            on_listed, out, err);
    if (status != VANTA_OK)
        add_listing_free(out);
    return status;
}

/* --- names --- */

/* The word of a file's name that says its quantization ("Q4_K_M", "f16"); its length. */
static size_t quantization_in(const char *path, const char **word)
{
    const char *p = vanta_path_base(path);
    size_t found = 0;

    while (*p) {
        size_t len = strcspn(p, "-."), skip;
        char text[32];

        if (len > 1 && len < sizeof text) {
            snprintf(text, sizeof text, "%.*s", (int)len, p);
            skip = text[0] == 'i' || text[0] == 'I' || text[0] == 't' || text[0] == 'T';
            if (((text[skip] | 0x20) == 'q' && text[skip + 1] >= '1' &&
                 text[skip + 1] <= '8') ||
                vanta_streq_nocase(text, "f16") || vanta_streq_nocase(text, "fp16") ||
                vanta_streq_nocase(text, "f32") || vanta_streq_nocase(text, "bf16") ||
                vanta_has_prefix(text, "mxfp4") || vanta_has_prefix(text, "MXFP4")) {
                *word = p;
                found = len;
            }
        }
        p += len + (p[len] != '\0');
    }
    return found;
}

static bool has_quantization(const char *path, const char *wanted)
{
    const char *word;
    size_t len = quantization_in(path, &word);
    char text[64];

    return len > 0 && vanta_format(text, sizeof text, "%.*s", (int)len, word) &&
           vanta_streq_nocase(text, wanted);
}

/* Files of engines that are no models by themselves: vision parts and statistics. */
static bool is_side_file(const char *path)
{
    const char *name = vanta_path_base(path);

    return strstr(name, "mmproj") || strstr(name, "imatrix");
}

/* A model in one file (or in parts, then the first part). */
static bool is_one_file_model(const char *path)
{
    const char *name = vanta_path_base(path);
    size_t stem = vanta_part_stem(path);

    if (is_side_file(path) || (stem > 0 && strncmp(path + stem, "-00001-", 7) != 0 &&
                               strncmp(path + stem, "-01-", 4) != 0))
        return false;
    return vanta_has_suffix(name, ".gguf") ||
           (vanta_has_prefix(name, "ggml-") && vanta_has_suffix(name, ".bin"));
}

static bool is_below(const char *path, const char *prefix)
{
    return vanta_has_prefix(path, prefix);
}

/* --- the selection --- */

struct selecting {
    const struct add_operand *operand;
    const struct add_listing *listing;
    enum vanta_model_type type;
    const char *prefix; /* "folder/" or "" */
    struct add_selection *out;
    struct vanta_add_result *result;
};

/* target: where the path below the model's folder starts. */
static enum vanta_status take(struct selecting *s, const struct add_file *file,
                              size_t target, struct vanta_error *err)
{
    struct add_file *own = push_file(&s->out->files, &s->out->n);

    if (!own)
        return vanta_fail_memory(err);
    *own = *file;
    own->path = vanta_strdup(file->path);
    own->source = vanta_strf("hf:%s@%s/%s", s->operand->repo, s->listing->commit,
                             file->path);
    if (!own->path || !own->source)
        return vanta_fail_memory(err);
    own->target = own->path + target;
    own->magic = add_magic_of(own->path);
    return VANTA_OK;
}

/* The file, and the other parts of it. */
static enum vanta_status take_model(struct selecting *s, const struct add_file *file,
                                    struct vanta_error *err)
{
    size_t target = (size_t)(vanta_path_base(file->path) - file->path), i;
    enum vanta_status status = VANTA_OK;

    snprintf(s->out->name, sizeof s->out->name, "%s", vanta_path_base(file->path));
    if (vanta_part_stem(file->path) == 0)
        return take(s, file, target, err);
    for (i = 0; status == VANTA_OK && i < s->listing->n; i++)
        if (vanta_parts_match(s->listing->files[i].path, file->path))
            status = take(s, &s->listing->files[i], target, err);
    return status;
}

static int64_t model_bytes(const struct selecting *s, const struct add_file *file)
{
    int64_t sum = 0;
    size_t i;

    if (vanta_part_stem(file->path) == 0)
        return file->size_bytes;
    for (i = 0; i < s->listing->n; i++)
        if (vanta_parts_match(s->listing->files[i].path, file->path))
            sum += s->listing->files[i].size_bytes;
    return sum;
}

typedef bool is_wanted(const struct selecting *s, const char *path);

static bool any_model(const struct selecting *s, const char *path)
{
    return is_one_file_model(path) && is_below(path, s->prefix);
}

static bool of_quantization(const struct selecting *s, const char *path)
{
    return is_one_file_model(path) && has_quantization(path, s->operand->selector);
}

static bool of_name(const struct selecting *s, const char *path)
{
    return vanta_streq_nocase(vanta_path_base(path), s->operand->selector);
}

static bool of_stem(const struct selecting *s, const char *path)
{
    const char *name = vanta_path_base(path), *dot = strrchr(name, '.');
    char stem[256];

    return is_one_file_model(path) && dot &&
           vanta_format(stem, sizeof stem, "%.*s", (int)(dot - name), name) &&
           vanta_streq_nocase(stem, s->operand->selector);
}

static size_t count(const struct selecting *s, is_wanted *wanted,
                    const struct add_file **first)
{
    size_t i, n = 0;

    for (i = 0; i < s->listing->n; i++)
        if (wanted(s, s->listing->files[i].path)) {
            if (n++ == 0)
                *first = &s->listing->files[i];
        }
    return n;
}

/* By its quantization where that names one file only, else by its path. */
static char *choice_text(const struct selecting *s, const char *path)
{
    const char *word;
    size_t len = quantization_in(path, &word), i, n = 0;
    char text[64] = "", at[3 * VANTA_REVISION_MAX] = "@";

    if (len > 0 && vanta_format(text, sizeof text, "%.*s", (int)len, word))
        for (i = 0; i < s->listing->n; i++)
            n += is_one_file_model(s->listing->files[i].path) &&
                 has_quantization(s->listing->files[i].path, text);
    if (strcmp(s->operand->revision, "main") == 0 ||
        !vanta_source_revision_text(s->operand->revision, at + 1, sizeof at - 1))
        at[0] = '\0';
    return vanta_strf("hf:%s%s:%s", s->operand->repo, at, n == 1 ? text : path);
}

static enum vanta_status offer(struct selecting *s, is_wanted *wanted,
                               struct vanta_error *err)
{
    struct vanta_add_result *r = s->result;
    size_t i;

    r->choices = calloc(CHOICES_MAX, sizeof *r->choices);
    if (!r->choices)
        return vanta_fail_memory(err);
    for (i = 0; i < s->listing->n && r->n_choices < CHOICES_MAX; i++) {
        const struct add_file *file = &s->listing->files[i];

        if (!wanted(s, file->path))
            continue;
        r->choices[r->n_choices].bytes = model_bytes(s, file);
        r->choices[r->n_choices].text = choice_text(s, file->path);
        if (!r->choices[r->n_choices++].text)
            return vanta_fail_memory(err);
    }
    return VANTA_OK;
}

static enum vanta_status refuse_several(struct selecting *s, is_wanted *wanted,
                                        struct vanta_error *err)
{
    enum vanta_status status = offer(s, wanted, err);

    if (status != VANTA_OK)
        return status;
    if (s->operand->selector[0])
        vanta_fail(err, VANTA_ERR_USAGE, "hf:%s has %zu models that fit \"%s\"",
                   s->operand->repo, s->result->n_choices, s->operand->selector);
    else
        vanta_fail(err, VANTA_ERR_USAGE, "hf:%s has %zu models to choose from",
                   s->operand->repo, s->result->n_choices);
    vanta_hint(err, "Name one of those listed; Q4_K_M is a good balance of size and "
                    "quality.");
    return VANTA_ERR_USAGE;
}

static enum vanta_status refuse_unknown(struct selecting *s, struct vanta_error *err)
{
    enum vanta_status status = offer(s, any_model, err);

    if (status != VANTA_OK)
        return status;
    vanta_fail(err, VANTA_ERR_USAGE, "hf:%s has no file, folder or quantization \"%s\"",
               s->operand->repo, s->operand->selector);
    if (s->result->n_choices > 0)
        vanta_hint(err, "Name one of those listed.");
    else
        vanta_hint(err, "It has no GGUF or ggml file at all; look at its page for what "
                        "it has.");
    return VANTA_ERR_USAGE;
}

/* --- safetensors: a folder of files --- */

static bool is_weights_of_others(const char *path)
{
    static const char *const folders[] = {"onnx/", "openvino/", "coreml/", "flax/",
                                          "tf/",   "original/", "gguf/"};
    size_t i;

    for (i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (vanta_has_prefix(path, folders[i]))
            return true;
    return false;
}

/* Whether a file below the folder goes with safetensors weights. named: the folder has
 * weights under their usual name, besides which others are variants of the same. */
static bool goes_along(const char *below, bool named)
{
    static const char *const endings[] = {".json", ".txt", ".model", ".jinja"};
    size_t i;

    if (below[0] == '.' || is_weights_of_others(below))
        return false;
    if (vanta_has_suffix(below, ".safetensors"))
        return strchr(below, '/') || !named ||
               strcmp(below, "model.safetensors") == 0 ||
               (vanta_has_prefix(below, "model-") && vanta_part_stem(below) == 5);
    for (i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (vanta_has_suffix(below, endings[i]))
            return true;
    return false;
}

static bool has_safetensors(const struct selecting *s, bool *named)
{
    bool any = false;
    size_t i;

    *named = false;
    for (i = 0; i < s->listing->n; i++) {
        const char *path = s->listing->files[i].path;

        if (!is_below(path, s->prefix))
            continue;
        path += strlen(s->prefix);
        if (strchr(path, '/') || !vanta_has_suffix(path, ".safetensors"))
            continue;
        any = true;
        *named |= strcmp(path, "model.safetensors") == 0 ||
                  (vanta_has_prefix(path, "model-") && vanta_part_stem(path) == 5);
    }
    return any;
}

static enum vanta_status take_folder(struct selecting *s, bool named,
                                     struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i;

    snprintf(s->out->name, sizeof s->out->name, "%s", vanta_path_base(s->operand->repo));
    for (i = 0; status == VANTA_OK && i < s->listing->n; i++) {
        const struct add_file *file = &s->listing->files[i];

        if (!is_below(file->path, s->prefix) ||
            !goes_along(file->path + strlen(s->prefix), named))
            continue;
        if (s->out->n == VANTA_CANDIDATE_FILES_MAX)
            return vanta_fail(err, VANTA_ERR_LIMIT, "hf:%s has more than %d files",
                              s->operand->repo, VANTA_CANDIDATE_FILES_MAX);
        status = take(s, file, strlen(s->prefix), err);
    }
    return status;
}

/* --- all of it --- */

static enum vanta_status refuse_none(struct selecting *s, struct vanta_error *err)
{
    size_t i;

    for (i = 0; i < s->listing->n; i++) {
        const char *path = s->listing->files[i].path;

        if (!is_below(path, s->prefix) ||
            !(vanta_name_is_pickle(path) || vanta_has_suffix(path, ".bin") ||
              vanta_has_suffix(path, ".onnx") || vanta_has_suffix(path, ".h5")))
            continue;
        vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                   "hf:%s has its weights only in forms that are not taken: %s",
                   s->operand->repo, path);
        vanta_hint(err, "PyTorch files are pickles, which can run code; look on the hub "
                        "for a GGUF or safetensors repository of the same model.");
        return VANTA_ERR_UNSUPPORTED;
    }
    vanta_fail(err, VANTA_ERR_NOT_FOUND, "hf:%s has no model file%s%s", s->operand->repo,
               s->prefix[0] ? " below " : "", s->prefix);
    vanta_hint(err, "GGUF, whisper.cpp ggml (ggml-*.bin) and safetensors are looked for.");
    return VANTA_ERR_NOT_FOUND;
}

static enum vanta_status select_any(struct selecting *s, struct vanta_error *err)
{
    const struct add_file *first = NULL;
    size_t n = count(s, any_model, &first);
    bool named, folder = has_safetensors(s, &named);

    if (folder && (n == 0 || s->type == VANTA_TYPE_EMBEDDING))
        return take_folder(s, named, err);
    if (n == 1)
        return take_model(s, first, err);
    return n > 1 ? refuse_several(s, any_model, err) : refuse_none(s, err);
}

static enum vanta_status select_named(struct selecting *s, struct vanta_error *err)
{
    static is_wanted *const ways[] = {of_name, of_stem, of_quantization};
    const char *selector = s->operand->selector;
    const struct add_file *found = NULL;
    size_t i, n;

    if (vanta_name_is_pickle(selector))
        return vanta_pickle_refuse(selector, err);
    for (i = 0; i < s->listing->n; i++)
        if (strcmp(s->listing->files[i].path, selector) == 0)
            return take_model(s, &s->listing->files[i], err);
    for (i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        n = count(s, ways[i], &found);
        if (n == 1)
            return take_model(s, found, err);
        if (n > 1)
            return refuse_several(s, ways[i], err);
    }
    return refuse_unknown(s, err);
}

enum vanta_status add_select(const struct add_operand *operand,
                             const struct add_listing *listing,
                             enum vanta_model_type type, struct add_selection *out,
                             struct vanta_add_result *result, struct vanta_error *err)
{
    bool folder = vanta_has_suffix(operand->selector, "/");
    struct selecting s = {operand, listing, type, folder ? operand->selector : "",
                          out,     result};
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    status = operand->selector[0] && !folder ? select_named(&s, err)
                                             : select_any(&s, err);
    if (status != VANTA_OK)
        add_selection_free(out);
    return status;
}
