#include "models/candidate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#define CONFIG_BYTES_MAX ((size_t)1024 * 1024)
/* Smaller files are configuration, whatever their name. */
#define WEIGHTS_BYTES_MIN ((uint64_t)64)

bool vanta_name_is_pickle(const char *path)
{
    static const char *const endings[] = {".pt",  ".pth",    ".ckpt",   ".pkl",
                                          ".pickle", ".joblib", ".t7"};
    const char *name = vanta_path_base(path);
    size_t i;

    for (i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (vanta_has_suffix(name, endings[i]))
            return true;
    return vanta_has_prefix(name, "pytorch_model") && vanta_has_suffix(name, ".bin");
}

enum vanta_status vanta_pickle_refuse(const char *path, struct vanta_error *err)
{
    vanta_fail(err, VANTA_ERR_UNSUPPORTED,
               "%s is a PyTorch file: a pickle, which can run any code when it is loaded; "
               "such files are never taken",
               path);
    vanta_hint(err, "Get the same model as GGUF, whisper.cpp ggml or safetensors: most hub "
                    "repositories have one. A checkpoint that you have is read without "
                    "running it by vanta convert FILE --to safetensors; a folder of XTTS-v2 "
                    "by vanta convert DIR --to xtts-gguf.");
    return VANTA_ERR_UNSUPPORTED;
}

static enum vanta_status refuse(struct vanta_error *err, enum vanta_status status,
                                const char *path, const char *what, const char *hint)
{
    vanta_fail(err, status, "%s is %s", path, what);
    vanta_hint(err, "%s", hint);
    return status;
}

/* VANTA_OK for the formats that an engine reads. */
static enum vanta_status judge(const char *path, enum vanta_file_format format,
                               struct vanta_error *err)
{
    switch (format) {
    case VANTA_FORMAT_GGUF:
    case VANTA_FORMAT_WHISPER_GGML:
    case VANTA_FORMAT_SAFETENSORS:
        return VANTA_OK;
    case VANTA_FORMAT_TORCH:
        return vanta_pickle_refuse(path, err);
    case VANTA_FORMAT_CTRANSLATE2:
        return refuse(err, VANTA_ERR_UNSUPPORTED, path,
                      "a CTranslate2 model, which no engine here reads",
                      "If it is a faster-whisper model, convert its folder first: vanta "
                      "convert FOLDER --to whisper-ggml -o FILE, and add FILE.");
    case VANTA_FORMAT_ONNX:
        return refuse(err, VANTA_ERR_UNSUPPORTED, path,
                      "an ONNX model, which no engine here reads",
                      "Get the same model as GGUF or safetensors.");
    case VANTA_FORMAT_ARCHIVE:
        return refuse(err, VANTA_ERR_UNSUPPORTED, path, "an archive, not a model",
                      "Unpack it, and add the model file or folder in it.");
    case VANTA_FORMAT_HTML:
        return refuse(err, VANTA_ERR_FORMAT, path,
                      "an HTML page, not a model: a login or error page was saved in its "
                      "place",
                      "Download the model again, or let vanta do it: vanta add URL.");
    case VANTA_FORMAT_LFS_POINTER:
        return refuse(err, VANTA_ERR_FORMAT, path,
                      "a Git LFS pointer: the few lines that stand for the model, not the "
                      "model",
                      "Run git lfs pull in that clone, or let vanta fetch it: vanta add "
                      "hf:ORG/REPO.");
    case VANTA_FORMAT_UNKNOWN:
        break;
    }
    return refuse(err, VANTA_ERR_FORMAT, path, "no model file that is known here",
                  "GGUF, whisper.cpp ggml and safetensors are.");
}

/* --- types --- */

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (vanta_streq_nocase(word, *words))
            return true;
    return false;
}

/* Encoders; what they compute is of no use but as an embedding. */
static const char *const encoders[] = {
    "bert",      "nomic-bert",  "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3",
    "neo-bert",  "modern-bert", "t5encoder",      "gemma-embedding", "eurobert",
    "mpnet",     "roberta",     "xlm-roberta",    "distilbert",   "camembert",
    "electra",   "albert",      "deberta-v2",     "nomic_bert",   "modernbert",
    NULL};

static enum vanta_model_type guess_gguf(const char *architecture)
{
    static const char *const voices[] = {"xtts", "wavtokenizer-dec", "orpheus", "kokoro",
                                         NULL};

    if (is_one_of(architecture, encoders))
        return VANTA_TYPE_EMBEDDING;
    if (is_one_of(architecture, voices))
        return VANTA_TYPE_TTS;
    if (vanta_streq_nocase(architecture, "whisper"))
        return VANTA_TYPE_WHISPER;
    return architecture[0] ? VANTA_TYPE_LLM : VANTA_TYPE_UNKNOWN;
}

/* What config.json beside the weights calls the model, "" when there is none. */
static void read_model_type(const char *folder, char out[64])
{
    struct vanta_json_doc doc = {"config.json"};
    char path[VANTA_PATH_MAX];
    const char *text = NULL;
    json_t *json = NULL;

    out[0] = '\0';
    if (!vanta_path_join(path, folder, "config.json") ||
        vanta_json_load_file(path, CONFIG_BYTES_MAX, &json, NULL) != VANTA_OK)
        return;
    if (vanta_json_string(&doc, json, "", "model_type", false, &text, NULL) == VANTA_OK &&
        text)
        vanta_text_printable(text, out, 64);
    json_decref(json);
}

/* What the header does not say of a safetensors model, the files around it do. */
static enum vanta_model_type guess_safetensors(struct vanta_candidate *c)
{
    char path[VANTA_PATH_MAX], parent[VANTA_PATH_MAX], model_type[64];

    if (!vanta_path_join(path, c->folder, c->files[c->main].path) ||
        !vanta_path_parent(parent, path))
        return VANTA_TYPE_UNKNOWN;
    read_model_type(parent, model_type);
    if (!c->facts.architecture[0])
        snprintf(c->facts.architecture, sizeof c->facts.architecture, "%.63s",
                 model_type);
    if (vanta_path_join(path, parent, "modules.json") && vanta_file_exists(path))
        return VANTA_TYPE_EMBEDDING; /* sentence-transformers' own */
    if (is_one_of(model_type, encoders))
        return VANTA_TYPE_EMBEDDING;
    if (vanta_streq_nocase(model_type, "whisper"))
        return VANTA_TYPE_WHISPER;
    if (vanta_streq_nocase(model_type, "xtts"))
        return VANTA_TYPE_TTS;
    return VANTA_TYPE_UNKNOWN;
}

static void guess_type(struct vanta_candidate *c)
{
    switch (c->facts.format) {
    case VANTA_FORMAT_WHISPER_GGML:
        c->guess = VANTA_TYPE_WHISPER;
        break;
    case VANTA_FORMAT_GGUF:
        c->guess = guess_gguf(c->facts.architecture);
        break;
    case VANTA_FORMAT_SAFETENSORS:
        c->guess = guess_safetensors(c);
        break;
    default:
        c->guess = VANTA_TYPE_UNKNOWN;
    }
}

/* Which formats the engines of a type read. */
static bool format_fits(enum vanta_file_format format, enum vanta_model_type type)
{
    switch (type) {
    case VANTA_TYPE_WHISPER:
        return format == VANTA_FORMAT_WHISPER_GGML;
    case VANTA_TYPE_LLM:
        return format == VANTA_FORMAT_GGUF;
    case VANTA_TYPE_EMBEDDING:
    case VANTA_TYPE_TTS:
        return format == VANTA_FORMAT_GGUF || format == VANTA_FORMAT_SAFETENSORS;
    default:
        return false;
    }
}

static const char *formats_of(enum vanta_model_type type)
{
    return type == VANTA_TYPE_WHISPER ? "whisper.cpp ggml files"
           : type == VANTA_TYPE_LLM   ? "GGUF files"
                                      : "GGUF files and safetensors folders";
}

enum vanta_status vanta_candidate_agrees(const struct vanta_candidate *c,
                                         enum vanta_model_type type,
                                         struct vanta_error *err)
{
    const char *name = c->files[c->main].path;
    /* Decoders serve as embedding and speech models too; encoders as nothing else. */
    bool fits = c->guess == VANTA_TYPE_UNKNOWN || c->guess == type ||
                (c->guess == VANTA_TYPE_LLM && type != VANTA_TYPE_WHISPER);

    if (!fits) {
        vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s is a model of the type %s (%s), not %s",
                   name, vanta_type_name(c->guess),
                   c->facts.architecture[0] ? c->facts.architecture
                                            : vanta_file_format_name(c->facts.format),
                   vanta_type_name(type));
        vanta_hint(err, "Add it with --type %s, or without --type.",
                   vanta_type_name(c->guess));
        return VANTA_ERR_UNSUPPORTED;
    }
    if (format_fits(c->facts.format, type))
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s is a %s file; models of the type %s are %s",
               name, vanta_file_format_name(c->facts.format), vanta_type_name(type),
               formats_of(type));
    vanta_hint(err, "Look for the same model in that format; on the hub, repositories "
                    "named ...-GGUF have language models so.");
    return VANTA_ERR_UNSUPPORTED;
}

/* --- files --- */

static enum vanta_status add_file(struct vanta_candidate *c, const char *path,
                                  uint64_t bytes, struct vanta_error *err)
{
    struct vanta_entry_file *file;

    if (!vanta_path_is_safe(path)) {
        vanta_fail(err, VANTA_ERR_FORMAT,
                   "\"%s\" is no name that can be kept: control characters, backslashes "
                   "and other than UTF-8 are not",
                   path);
        vanta_hint(err, "Rename it first.");
        return VANTA_ERR_FORMAT;
    }
    if (c->n_files == VANTA_CANDIDATE_FILES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s has more than %d files: no model has",
                          c->folder, VANTA_CANDIDATE_FILES_MAX);
    if (c->n_files % 16 == 0) {
        void *grown = realloc(c->files, (c->n_files + 16) * sizeof *c->files);

        if (!grown)
            return vanta_fail_memory(err);
        c->files = grown;
    }
    file = &c->files[c->n_files];
    *file = (struct vanta_entry_file){vanta_strdup(path), (int64_t)bytes, NULL};
    if (!file->path)
        return vanta_fail_memory(err);
    c->n_files++;
    c->bytes += bytes;
    return VANTA_OK;
}

void vanta_candidate_free(struct vanta_candidate *c)
{
    size_t i;

    for (i = 0; i < c->n_files; i++) {
        free(c->files[i].path);
        free(c->files[i].sha256);
    }
    free(c->files);
    memset(c, 0, sizeof *c);
}

static enum vanta_status inspect(const struct vanta_candidate *c, size_t i,
                                 struct vanta_model_facts *facts, struct vanta_error *err)
{
    char path[VANTA_PATH_MAX];

    if (!vanta_path_join(path, c->folder, c->files[i].path))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long",
                          c->files[i].path);
    return vanta_inspect_file(path, facts, err);
}

static enum vanta_status fill_file(const char *path, struct vanta_candidate *c,
                                   struct vanta_error *err)
{
    int64_t bytes = vanta_file_size(path);
    enum vanta_status status;

    if (!vanta_path_parent(c->folder, path))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", path);
    if (bytes < 0)
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s is not a file", path);
    status = add_file(c, vanta_path_base(path), (uint64_t)bytes, err);
    if (status != VANTA_OK)
        return status;
    if (bytes == 0)
        return refuse(err, VANTA_ERR_FORMAT, path, "empty",
                      "Its download may have been cut off: fetch it again.");
    if (vanta_name_is_pickle(path))
        return vanta_pickle_refuse(path, err);
    status = inspect(c, 0, &c->facts, err);
    if (status != VANTA_OK) {
        vanta_hint(err, "The file is damaged, or its download was cut off: fetch it "
                        "again.");
        return status;
    }
    return judge(path, c->facts.format, err);
}

enum vanta_status vanta_candidate_file(const char *path, struct vanta_candidate *out,
                                       struct vanta_error *err)
{
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    status = fill_file(path, out, err);
    if (status == VANTA_OK)
        guess_type(out);
    else
        vanta_candidate_free(out);
    return status;
}

/* --- folders --- */

static enum vanta_status on_file(void *arg, const char *relative, uint64_t bytes,
                                 struct vanta_error *err)
{
    return add_file(arg, relative, bytes, err);
}

size_t vanta_part_stem(const char *path)
{
    const char *p = strstr(path, "-of-");
    size_t digits;

    while (p && strstr(p + 1, "-of-"))
        p = strstr(p + 1, "-of-");
    if (!p)
        return 0;
    digits = strspn(p + 4, "0123456789");
    if (digits < 2 || p[4 + digits] != '.' || p - path < (ptrdiff_t)digits + 1)
        return 0;
    p -= digits + 1;
    return p[0] == '-' && strspn(p + 1, "0123456789") == digits ? (size_t)(p - path) : 0;
}

bool vanta_parts_match(const char *a, const char *b)
{
    size_t n = vanta_part_stem(a);

    return n > 0 && n == vanta_part_stem(b) && strncmp(a, b, n) == 0;
}

static void leave_out(struct vanta_candidate *c, size_t i)
{
    size_t used = strlen(c->left_out);

    snprintf(c->left_out + used, sizeof c->left_out - used, "%s%s", used ? ", " : "",
             c->files[i].path);
    c->bytes -= (uint64_t)c->files[i].size_bytes;
    free(c->files[i].path);
    memmove(&c->files[i], &c->files[i + 1], (c->n_files - i - 1) * sizeof *c->files);
    c->n_files--;
}

/* Of each file what it is; weights of no use here are taken out, the others counted. */
struct survey {
    struct vanta_model_facts *facts; /* one a file */
    size_t weights;                  /* files that are GGUF, ggml or safetensors */
    size_t main;                     /* the largest of these; parts: the first */
    struct vanta_error refusal;      /* of the first that is something else's weights */
};

static bool looks_like_weights(const struct vanta_entry_file *file)
{
    static const char *const endings[] = {".json", ".txt", ".md", ".jinja", ".py",
                                          ".model", ".yaml", ".csv"};
    size_t i;

    for (i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (vanta_has_suffix(file->path, endings[i]))
            return false;
    return (uint64_t)file->size_bytes >= WEIGHTS_BYTES_MIN;
}

static bool is_better_main(const struct vanta_candidate *c, const struct survey *s,
                           size_t i)
{
    const struct vanta_entry_file *best = &c->files[s->main], *file = &c->files[i];

    return s->weights == 0 ||
           (!vanta_parts_match(best->path, file->path) &&
            file->size_bytes > best->size_bytes);
}

static bool has_weights_name(const char *path)
{
    return vanta_has_suffix(path, ".gguf") || vanta_has_suffix(path, ".bin") ||
           vanta_has_suffix(path, ".safetensors");
}

/* Looks at one file. VANTA_OK: facts say what it is, or have the format UNKNOWN when it is
 * no weights. VANTA_ERR_UNSUPPORTED: weights of no use here. Others end the survey. */
static enum vanta_status look_at(const struct vanta_candidate *c, size_t i,
                                 struct vanta_model_facts *facts, struct vanta_error *err)
{
    const char *path = c->files[i].path;
    enum vanta_status status;

    memset(facts, 0, sizeof *facts);
    if (vanta_name_is_pickle(path))
        return vanta_pickle_refuse(path, err);
    if (!looks_like_weights(&c->files[i]))
        return VANTA_OK;
    status = inspect(c, i, facts, err);
    if (status != VANTA_OK)
        return status;
    if (facts->format != VANTA_FORMAT_UNKNOWN && facts->format != VANTA_FORMAT_ARCHIVE &&
        (facts->format != VANTA_FORMAT_HTML || has_weights_name(path)))
        status = judge(path, facts->format, err);
    else
        facts->format = VANTA_FORMAT_UNKNOWN;
    return status;
}

static enum vanta_status survey(struct vanta_candidate *c, struct survey *s,
                                struct vanta_error *err)
{
    size_t i = 0;

    s->facts = calloc(c->n_files + 1, sizeof *s->facts);
    if (!s->facts)
        return vanta_fail_memory(err);
    while (i < c->n_files) {
        struct vanta_error why = {0};
        enum vanta_status status = look_at(c, i, &s->facts[i], &why);

        if (status == VANTA_ERR_UNSUPPORTED) {
            if (s->refusal.status == VANTA_OK)
                s->refusal = why;
            leave_out(c, i);
            memset(&s->facts[i], 0, sizeof s->facts[i]);
            continue; /* the next file has this place now */
        }
        if (status != VANTA_OK) {
            vanta_fail(err, status, "%s: %s", c->folder, why.message);
            vanta_hint(err, "%s", why.hint);
            return status;
        }
        if (s->facts[i].format != VANTA_FORMAT_UNKNOWN) {
            if (is_better_main(c, s, i))
                s->main = i;
            s->weights++;
        }
        i++;
    }
    return VANTA_OK;
}

static enum vanta_status refuse_several(const struct vanta_candidate *c,
                                        const struct survey *s, struct vanta_error *err)
{
    char list[600] = "";
    size_t i, used = 0;

    for (i = 0; i < c->n_files; i++)
        if (s->facts[i].format != VANTA_FORMAT_UNKNOWN && used < sizeof list) {
            snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "",
                     c->files[i].path);
            used = strlen(list);
        }
    vanta_fail(err, VANTA_ERR_USAGE, "%s holds several models: %s", c->folder, list);
    vanta_hint(err, "Name one of these files instead of the folder.");
    return VANTA_ERR_USAGE;
}

/* Weights that are neither the main file nor a further part of it. */
static bool has_rival(const struct vanta_candidate *c, const struct survey *s)
{
    enum vanta_file_format format = s->facts[s->main].format;
    size_t i;

    for (i = 0; i < c->n_files; i++)
        if (i != s->main && s->facts[i].format != VANTA_FORMAT_UNKNOWN &&
            !vanta_parts_match(c->files[i].path, c->files[s->main].path) &&
            /* A safetensors folder may have small ones besides, a pooling layer's. */
            !(format == VANTA_FORMAT_SAFETENSORS &&
              s->facts[i].format == VANTA_FORMAT_SAFETENSORS))
            return true;
    return false;
}

static enum vanta_status settle(struct vanta_candidate *c, const struct survey *s,
                                struct vanta_error *err)
{
    size_t i;

    if (s->weights == 0 && s->refusal.status != VANTA_OK) {
        vanta_fail(err, s->refusal.status, "%s: %s", c->folder, s->refusal.message);
        vanta_hint(err, "%s", s->refusal.hint);
        return s->refusal.status;
    }
    if (s->weights == 0)
        return refuse(err, VANTA_ERR_NOT_FOUND, c->folder,
                      "a folder without a model: no GGUF, ggml or safetensors file is in "
                      "it",
                      "Hidden files and links are passed over.");
    if (has_rival(c, s))
        return refuse_several(c, s, err);
    c->main = s->main;
    c->facts = s->facts[s->main];
    for (i = 0; i < c->n_files; i++)
        if (i != s->main && vanta_parts_match(c->files[i].path, c->files[s->main].path))
            c->facts.parameters += s->facts[i].parameters;
    return VANTA_OK;
}

enum vanta_status vanta_candidate_folder(const char *dir, struct vanta_candidate *out,
                                         struct vanta_error *err)
{
    struct survey s = {0};
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    if (!vanta_path_absolute(out->folder, dir))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    status = vanta_dir_walk(out->folder, on_file, out, err);
    if (status == VANTA_OK)
        status = survey(out, &s, err);
    if (status == VANTA_OK)
        status = settle(out, &s, err);
    if (status == VANTA_OK)
        guess_type(out);
    else
        vanta_candidate_free(out);
    free(s.facts);
    return status;
}

/* --- hashing, and the entry --- */

struct hashing {
    uint64_t before;
    vanta_hash_progress *progress;
    void *arg;
};

static void on_hashed(void *arg, uint64_t bytes)
{
    struct hashing *h = arg;

    if (h->progress)
        h->progress(h->arg, h->before + bytes);
}

enum vanta_status vanta_candidate_hash(struct vanta_candidate *c,
                                       vanta_hash_progress *progress, void *arg,
                                       const atomic_bool *cancel, struct vanta_error *err)
{
    struct hashing h = {0, progress, arg};
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; status == VANTA_OK && i < c->n_files; i++) {
        struct vanta_entry_file *file = &c->files[i];
        char path[VANTA_PATH_MAX], hex[VANTA_SHA256_HEX];
        uint64_t bytes = 0;

        if (!vanta_path_join(path, c->folder, file->path))
            return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long",
                              file->path);
        status = vanta_sha256_file(path, hex, &bytes, on_hashed, &h, cancel, err);
        if (status != VANTA_OK)
            break;
        free(file->sha256);
        file->sha256 = vanta_strdup(hex);
        c->bytes += bytes - (uint64_t)file->size_bytes; /* it may have grown since */
        file->size_bytes = (int64_t)bytes;
        h.before += bytes;
        if (!file->sha256)
            status = vanta_fail_memory(err);
    }
    return status;
}

static char *parameters_text(uint64_t n)
{
    static const char units[] = {' ', 'K', 'M', 'B', 'T'};
    double value = (double)n;
    size_t unit = 0;

    if (n == 0)
        return NULL;
    while (value >= 999.5 && unit + 1 < sizeof units) {
        value /= 1000;
        unit++;
    }
    if (unit == 0)
        return vanta_strf("%.0f", value);
    return vanta_strf(value >= 99.95 ? "%.0f%c" : value >= 9.95 ? "%.1f%c" : "%.2f%c",
                      value, units[unit]);
}

static void set_count(json_t *object, const char *key, uint64_t count)
{
    if (count > 0 && count <= INT64_MAX)
        json_object_set_new(object, key, json_integer((json_int_t)count));
}

static json_t *describe(const struct vanta_candidate *c)
{
    const struct vanta_model_facts *f = &c->facts;
    json_t *extra = json_object(), *parameters = json_object();
    char *count = parameters_text(f->parameters);

    if (count)
        json_object_set_new(parameters, "param_count", json_string(count));
    if (f->architecture[0])
        json_object_set_new(parameters, "architecture", json_string(f->architecture));
    set_count(parameters, "context_tokens", f->context_tokens);
    set_count(parameters, "layers", f->layers);
    set_count(parameters, "embedding_length", f->embedding_length);
    if (json_object_set_new(extra, "parameters", parameters) != 0) {
        json_decref(extra);
        extra = NULL;
    }
    free(count);
    return extra;
}

static bool copy_files(const struct vanta_candidate *c, struct vanta_entry *out)
{
    size_t i;

    out->files = calloc(c->n_files, sizeof *out->files);
    if (!out->files)
        return false;
    out->n_files = c->n_files;
    for (i = 0; i < c->n_files; i++) {
        out->files[i].size_bytes = c->files[i].size_bytes;
        out->files[i].path = vanta_strdup(c->files[i].path);
        out->files[i].sha256 = vanta_strdup(c->files[i].sha256);
        if (!out->files[i].path || (c->files[i].sha256 && !out->files[i].sha256))
            return false;
    }
    return true;
}

/* "f16" and "f32" of an unquantized file are no quantization. */
static const char *quantization_of(const struct vanta_model_facts *f)
{
    static const char *const plain[] = {"f32", "f16", "bf16", "", NULL};

    return f->format != VANTA_FORMAT_GGUF && is_one_of(f->quantization, plain) ? NULL
           : f->quantization[0] ? f->quantization
                                : NULL;
}

enum vanta_status vanta_candidate_entry(const struct vanta_candidate *c, const char *id,
                                        enum vanta_model_type type,
                                        struct vanta_entry *out, struct vanta_error *err)
{
    const struct vanta_model_facts *f = &c->facts;
    char hash[VANTA_SHA256_HEX], now[VANTA_TIME_TEXT_MAX], size[VANTA_SIZE_TEXT_MAX];
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    status = vanta_files_hash(c->files, c->n_files, hash, err);
    if (status != VANTA_OK)
        return status;
    vanta_time_now(now);
    out->type = type;
    out->size_bytes = (int64_t)c->bytes;
    out->preparation_version = 1;
    out->id = vanta_strdup(id);
    out->name = vanta_strdup(f->name[0] ? f->name : id);
    out->format = vanta_strdup(vanta_file_format_name(f->format));
    out->quantization = vanta_strdup(quantization_of(f));
    out->license = f->license[0] ? vanta_strdup(f->license) : NULL;
    out->size = vanta_strdup(vanta_size_text(c->bytes, size));
    out->hash = vanta_strdup(hash);
    out->verified_at = vanta_strdup(now);
    out->verified_digest = vanta_strdup(hash);
    out->extra = describe(c);
    if (out->id && out->name && out->format && out->size && out->hash &&
        out->verified_at && out->verified_digest && out->extra && copy_files(c, out))
        return VANTA_OK;
    vanta_entry_free(out);
    return vanta_fail_memory(err);
}

const struct vanta_catalog_model *
vanta_candidate_known(struct vanta_candidate *c, const struct vanta_catalog *catalog,
                      vanta_hash_progress *progress, void *arg, const atomic_bool *cancel)
{
    size_t i;

    for (i = 0; c->n_files == 1 && catalog && i < vanta_catalog_count(catalog); i++) {
        const struct vanta_catalog_model *model = vanta_catalog_at(catalog, i);

        if (model->n_files != 1 || !model->files[0].sha256 ||
            model->files[0].size_bytes != c->files[0].size_bytes)
            continue;
        if (!c->files[0].sha256 &&
            vanta_candidate_hash(c, progress, arg, cancel, NULL) != VANTA_OK)
            return NULL;
        if (strcmp(model->files[0].sha256, c->files[0].sha256) == 0)
            return model;
    }
    return NULL;
}

bool vanta_id_from_name(const char *name, char id[VANTA_ID_MAX + 1])
{
    static const char *const endings[] = {".gguf", ".bin", ".safetensors", ".ggml"};
    size_t len = strlen(name), stem = vanta_part_stem(name), i, n = 0;

    for (i = 0; stem == 0 && i < sizeof endings / sizeof endings[0]; i++)
        if (vanta_has_suffix(name, endings[i])) {
            len -= strlen(endings[i]);
            break;
        }
    if (stem > 0)
        len = stem;
    for (i = 0; i < len && n < VANTA_ID_MAX; i++) {
        char c = name[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9');

        if (alnum || (n > 0 && (c == '.' || c == '_' || c == '-')))
            id[n++] = c;
        else if (n > 0 && id[n - 1] != '-')
            id[n++] = '-';
    }
    while (n > 0 && (id[n - 1] == '-' || id[n - 1] == '.' || id[n - 1] == '_'))
        n--;
    id[n] = '\0';
    return n > 0;
}
