/* vanta convert DIR|FILE --to whisper-ggml|gguf|xtts-gguf|safetensors -o FILE */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/term.h"
#include "convert/convert.h"
#include "convert/encoder_gguf.h"
#include "convert/torch_safetensors.h"
#include "convert/xtts_gguf.h"

#define BAR_EVERY_MS 100

enum target { TO_WHISPER, TO_ENCODER, TO_XTTS, TO_SAFETENSORS, TARGETS };

static const char *const targets[TARGETS] = {"whisper-ggml", "gguf", "xtts-gguf",
                                             "safetensors"};

struct convert_options {
    struct common_options common;
    const char *to;
    const char *type;
    const char *output;
    bool force;
    enum target target;
    const struct vanta_catalog_model *origin; /* whose weights they are; NULL: unknown */
    enum vanta_encoder_weights weights;
    struct vanta_catalog *catalog; /* NULL: it cannot be read */
};

struct bar {
    bool wanted, shown;
    int64_t drawn_ms;
};

static void draw_bar(void *arg, uint64_t bytes, uint64_t total)
{
    char done[VANTA_SIZE_TEXT_MAX], all[VANTA_SIZE_TEXT_MAX];
    int64_t now = vanta_clock_ms();
    struct bar *bar = arg;

    if (!bar->wanted || now - bar->drawn_ms < BAR_EVERY_MS)
        return;
    bar->drawn_ms = now;
    bar->shown = true;
    fprintf(stderr, "\r\033[Kwriting %s of %s", vanta_size_text(bytes, done),
            vanta_size_text(total, all));
    fflush(stderr);
}

/* The file of a catalog with these very bytes, and its model. */
static const struct vanta_catalog_file *find_same(const struct vanta_catalog *catalog,
                                                  const char *sha256,
                                                  const struct vanta_catalog_model **model)
{
    size_t i, k;

    for (i = 0; catalog && i < vanta_catalog_count(catalog); i++) {
        *model = vanta_catalog_at(catalog, i);
        for (k = 0; k < (*model)->n_files; k++)
            if ((*model)->files[k].sha256 &&
                strcmp((*model)->files[k].sha256, sha256) == 0)
                return &(*model)->files[k];
    }
    return NULL;
}

/* The input of a preparation with these very bytes: a file that setup does not keep. */
static const struct vanta_catalog_model *find_input(const struct vanta_catalog *catalog,
                                                    const char *sha256)
{
    size_t i, k, j;

    for (i = 0; catalog && i < vanta_catalog_count(catalog); i++) {
        const struct vanta_catalog_model *model = vanta_catalog_at(catalog, i);

        for (k = 0; k < model->n_preparations; k++)
            for (j = 0; j < model->preparations[k].n_inputs; j++) {
                const char *digest = model->preparations[k].inputs[j].sha256;

                if (digest && strcmp(digest, sha256) == 0)
                    return model;
            }
    }
    return NULL;
}

/* The GGUF says whose weights it has when the catalog knows them by their digest; so it
 * is the same file that setup makes. */
static enum vanta_status convert_gguf(const char *dir, const char *target,
                                      struct convert_options *o, struct bar *bar,
                                      struct vanta_convert_result *result,
                                      struct vanta_error *err)
{
    const char *weights = o->target == TO_XTTS ? VANTA_XTTS_CHECKPOINT : "model.safetensors";
    struct vanta_encoder_source source = {.name = NULL};
    const struct vanta_catalog_model *model = NULL;
    char path[VANTA_PATH_MAX], sha256[VANTA_SHA256_HEX];
    enum vanta_status status;

    if (!vanta_path_join(path, dir, weights))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    if (vanta_file_exists(path)) { /* what is missing is said by the conversion */
        status = vanta_sha256_file(path, sha256, NULL, NULL, NULL, &cancelled, err);
        if (status != VANTA_OK)
            return status;
        source.weights_sha256 = sha256;
        o->origin = model = find_input(o->catalog, sha256);
        if (model) {
            source.name = model->id;
            source.license = model->license ? model->license->id : NULL;
            source.url = model->upstream;
        }
    }
    return (o->target == TO_XTTS ? vanta_xtts_gguf : vanta_encoder_gguf)(
        dir, target, o->weights, &source, draw_bar, bar, &cancelled, result, err);
}

static enum vanta_status run_conversion(const char *from, const char *to,
                                        struct convert_options *o, struct bar *bar,
                                        struct vanta_convert_result *result,
                                        struct vanta_error *err)
{
    if (o->target == TO_WHISPER)
        return vanta_convert_ct2_whisper(from, to, draw_bar, bar, &cancelled, result, err);
    if (o->target == TO_SAFETENSORS)
        return vanta_torch_safetensors(from, to, draw_bar, bar, &cancelled, result, err);
    return convert_gguf(from, to, o, bar, result, err);
}

/* Says it of the name that the user gave. */
static void name_output(struct vanta_error *err, const char *temporary, const char *output)
{
    const char *at = strstr(err->message, temporary);
    char said[VANTA_ERROR_MESSAGE_MAX];

    if (at && vanta_format(said, sizeof said, "%.*s%s%s", (int)(at - err->message),
                           err->message, output, at + strlen(temporary)))
        memcpy(err->message, said, sizeof said);
    vanta_hint_named(err);
}

/* Converts beside the target and moves it there: that name is never half a file's. */
static enum vanta_status convert(const char *dir, struct convert_options *o,
                                 struct vanta_convert_result *result,
                                 struct vanta_error *err)
{
    struct bar bar = {.wanted = term_is_terminal(stderr) && !o->common.quiet};
    char temporary[VANTA_PATH_MAX];
    enum vanta_status status;

    if (vanta_file_is_dir(o->output) || vanta_file_is_channel(o->output))
        return vanta_fail(err, VANTA_ERR_EXISTS, "%s is a %s; -o takes a file", o->output,
                          vanta_file_is_dir(o->output) ? "folder" : "device or a pipe");
    if (!o->force && vanta_file_exists(o->output)) {
        vanta_fail(err, VANTA_ERR_EXISTS, "%s exists already", o->output);
        vanta_hint(err, "choose another name, or --force to replace it");
        return VANTA_ERR_EXISTS;
    }
    if (vanta_file_sweep(o->output) > 0 && !o->common.quiet)
        fprintf(stderr, "deleted what a killed run had left of %s\n",
                vanta_path_base(o->output));
    if (!vanta_file_temporary(temporary, o->output))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", o->output);
    status = run_conversion(dir, temporary, o, &bar, result, err);
    if (bar.shown)
        fputs("\r\033[K", stderr);
    if (status == VANTA_OK) {
        status = vanta_file_move(temporary, o->output, o->force, err);
        if (status != VANTA_OK)
            unlink(temporary);
    }
    if (status != VANTA_OK)
        name_output(err, temporary, o->output);
    return status;
}

static int print_json(const char *output, const struct vanta_convert_result *result,
                      const struct vanta_catalog_file *same,
                      const struct vanta_catalog_model *model)
{
    char file[VANTA_PATH_MAX];

    vanta_text_printable(output, file, sizeof file); /* JSON is UTF-8; a path need not be */
    return print_document(json_pack(
        "{s:i, s:s, s:s, s:I, s:s?, s:s?}", "version", JSON_OUTPUT_VERSION, "file", file,
        "sha256", result->sha256, "size_bytes", (json_int_t)result->size_bytes,
        "same_as_model", same ? model->id : NULL, "same_as_file",
        same ? same->path : NULL));
}

static int print_result(const struct convert_options *o,
                        const struct vanta_convert_result *result, int64_t ms)
{
    const struct vanta_catalog_model *model = NULL;
    const struct vanta_catalog_file *same = NULL;
    char size[VANTA_SIZE_TEXT_MAX], time[VANTA_SIZE_TEXT_MAX];

    same = find_same(o->catalog, result->sha256, &model);
    if (o->common.json)
        return print_json(o->output, result, same, model);
    printf("%s  %s\n", result->sha256, o->output);
    fprintf(stderr, "%s in %s\n", vanta_size_text(result->size_bytes, size),
            vanta_duration_text(ms, time));
    if (same)
        fprintf(stderr, "this is %s %s, byte for byte (%s)\n",
                o->target == TO_WHISPER ? "the hub's" : "the catalog's", vanta_path_base(same->path),
                model->id);
    else if (o->origin)
        fprintf(stderr, "made of the weights of %s\n", o->origin->id);
    else if (o->catalog && o->target != TO_SAFETENSORS)
        fputs("no file of the catalog has this digest: other weights than the "
              "originals, or a model that the catalog does not list\n",
              stderr);
    return EXIT_OK;
}

/* --to and --type; 0, or the exit code of wrong usage. */
static int read_format(struct convert_options *o)
{
    const char *type = o->type;
    int i;

    for (i = 0; i < TARGETS && (!o->to || strcmp(o->to, targets[i]) != 0); i++)
        continue;
    if (i == TARGETS)
        return usage_error("convert",
                           "--to %s; whisper-ggml, gguf, xtts-gguf and safetensors are "
                           "what there is", o->to ? o->to : "is missing");
    o->target = (enum target)i;
    if (o->target != TO_ENCODER && o->target != TO_XTTS)
        return type ? usage_error("convert", "--type goes with --to gguf and xtts-gguf")
                    : 0;
    if (!type)
        type = o->target == TO_XTTS ? "q8_0" : "f16";
    if (!vanta_encoder_weights_parse(type, &o->weights))
        return usage_error("convert", "--type %s; f32, f16 and q8_0 are what there is",
                           type);
    return 0;
}

int cmd_convert(int argc, char **argv)
{
    struct convert_options o = {0};
    const struct option_spec options[] = {
        {"to", 0, OPTION_TEXT, &o.to, "FORMAT",
         "whisper-ggml (from faster-whisper), gguf (from a sentence encoder), xtts-gguf "
         "(from XTTS-v2) or safetensors (from a .pth)"},
        {"type", 0, OPTION_TEXT, &o.type, "WEIGHTS",
         "f32, f16 (default of gguf) or q8_0 (of xtts-gguf)"},
        {"output", 'o', OPTION_TEXT, &o.output, "FILE", "the file to write"},
        {"force", 0, OPTION_FLAG, &o.force, NULL, "replace FILE when it exists"},
        {"quiet", 'q', OPTION_FLAG, &o.common.quiet, NULL, "no progress"},
        JSON_OPTION(o.common),
        {"catalog", 0, OPTION_LIST, &o.common.catalogs, "FILE",
         "one more catalog file, to compare digests with"},
    };
    struct vanta_convert_result result = {0};
    struct word_list operands = {0};
    struct vanta_error err = {0};
    int64_t start = vanta_clock_ms();
    enum vanta_status status;
    int code;

    if (!command_parse("convert", argc, argv, options,
                       sizeof options / sizeof options[0], &operands, &code))
        return code;
    if (operands.n != 1)
        return usage_error("convert", "one folder of a model, or checkpoint, is wanted");
    if ((code = read_format(&o)) != 0)
        return code;
    if (!o.output || !o.output[0])
        return usage_error("convert", "the file to write is missing: -o FILE");
    /* It only tells names: a catalog that cannot be read does not stop a conversion. */
    if (vanta_catalog_load(&o.catalog, o.common.catalogs.words, o.common.catalogs.n,
                           &err) != VANTA_OK) {
        warn("%s; digests were not looked up", err.message);
        vanta_error_clear(&err);
        o.catalog = NULL;
    }
    status = convert(operands.words[0], &o, &result, &err);
    code = status == VANTA_OK ? print_result(&o, &result, vanta_clock_ms() - start)
                              : report_error(&err);
    vanta_catalog_free(o.catalog);
    return code;
}
