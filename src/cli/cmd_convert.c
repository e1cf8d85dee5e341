/* vanta convert DIR --to whisper-ggml -o FILE */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/term.h"
#include "convert/convert.h"

struct convert_options {
    struct common_options common;
    const char *to;
    const char *output;
    bool force;
};

struct bar {
    int64_t drawn_ms;
    bool shown;
};

static void on_progress(void *arg, uint64_t bytes, uint64_t total)
{
    struct bar *bar = arg;
    char done[VANTA_SIZE_TEXT_MAX], all[VANTA_SIZE_TEXT_MAX];
    int64_t now = vanta_clock_ms();

    if (!term_is_terminal(stderr) || now - bar->drawn_ms < 100)
        return;
    bar->drawn_ms = now;
    bar->shown = true;
    fprintf(stderr, "\rwriting %s of about %s ", vanta_size_text(bytes, done),
            vanta_size_text(total, all));
    fflush(stderr);
}

/* The catalog's file that has these very bytes, and its model. */
static const struct vanta_catalog_file *upstream(const struct vanta_catalog *catalog,
                                                 const char *sha256,
                                                 const struct vanta_catalog_model **model)
{
    size_t i, k;

    for (i = 0; i < vanta_catalog_count(catalog); i++) {
        *model = vanta_catalog_at(catalog, i);
        for (k = 0; k < (*model)->n_files; k++)
            if ((*model)->files[k].sha256 &&
                strcmp((*model)->files[k].sha256, sha256) == 0)
                return &(*model)->files[k];
    }
    return NULL;
}

static int print_result(const struct convert_options *o,
                        const struct vanta_convert_result *result, int64_t ms)
{
    const struct vanta_catalog_file *file = NULL;
    const struct vanta_catalog_model *model = NULL;
    char size[VANTA_SIZE_TEXT_MAX], time[VANTA_SIZE_TEXT_MAX];
    struct vanta_catalog *catalog = NULL;
    struct vanta_error err = {0};

    if (vanta_catalog_load(&catalog, o->common.catalogs.words, o->common.catalogs.n,
                           &err) == VANTA_OK)
        file = upstream(catalog, result->sha256, &model);
    else
        warn("%s", err.message);
    if (o->common.json) {
        json_t *json = json_pack(
            "{s:i, s:s, s:s, s:I, s:s?, s:s?}", "version", JSON_OUTPUT_VERSION, "file",
            o->output, "sha256", result->sha256, "size_bytes",
            (json_int_t)result->size_bytes, "model", file ? model->id : NULL,
            "upstream_file", file ? file->path : NULL);

        json_dumpf(json, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(json);
    } else {
        printf("%s  %s\n", result->sha256, o->output);
        fprintf(stderr, "%s in %s\n", vanta_size_text(result->size_bytes, size),
                vanta_duration_text(ms, time));
        if (file)
            fprintf(stderr,
                    "These are upstream's bytes: %s of %s. Your weights are the "
                    "originals.\n",
                    file->path, model->id);
        else
            fputs("No file of the catalog has this digest: these are other weights, or a "
                  "model the catalog does not list.\n",
                  stderr);
    }
    vanta_catalog_free(catalog);
    return EXIT_OK;
}

/* Converts beside the target and moves it there, so that the name given is never half a
 * file. */
static enum vanta_status run(const char *dir, const struct convert_options *o,
                             struct vanta_convert_result *result, struct vanta_error *err)
{
    char temporary[VANTA_PATH_MAX];
    struct bar bar = {0};
    enum vanta_status status;

    if (!o->force && vanta_file_exists(o->output)) {
        vanta_fail(err, VANTA_ERR_EXISTS, "%s exists already", o->output);
        vanta_hint(err, "choose another name, or --force to replace it");
        return VANTA_ERR_EXISTS;
    }
    if (!vanta_format(temporary, sizeof temporary, "%s.tmp-%ld", o->output,
                      (long)getpid()))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", o->output);
    status = vanta_convert_ct2_whisper(dir, temporary, on_progress, &bar, &cancelled,
                                       result, err);
    if (bar.shown)
        fputs("\r\033[K", stderr);
    if (status == VANTA_OK) {
        status = vanta_file_move(temporary, o->output, o->force, err);
        if (status != VANTA_OK)
            unlink(temporary);
    }
    return status;
}

static int wrong_usage(const char *message)
{
    fprintf(stderr, "vanta convert: %s\ntry: vanta convert --help\n", message);
    return EXIT_USAGE;
}

int cmd_convert(int argc, char **argv)
{
    struct convert_options o = {0};
    const struct option_spec options[] = {
        {"to", 0, OPTION_TEXT, &o.to, "FORMAT", "whisper-ggml: what whisper.cpp reads"},
        {"output", 'o', OPTION_TEXT, &o.output, "FILE", "the file to write"},
        {"force", 0, OPTION_FLAG, &o.force, NULL, "replace FILE when it exists"},
        JSON_OPTION(o.common),
        {"catalog", 0, OPTION_LIST, &o.common.catalogs, "FILE",
         "one more catalog file, to compare digests with"},
    };
    struct vanta_convert_result result = {0};
    struct word_list operands = {0};
    struct vanta_error err = {0};
    int64_t start = vanta_clock_ms();
    int code;

    if (!command_parse("convert", argc, argv, options,
                       sizeof options / sizeof options[0], &operands, &code))
        return code;
    if (operands.n != 1)
        return wrong_usage("one folder of a faster-whisper model is wanted");
    if (!o.to || strcmp(o.to, "whisper-ggml") != 0)
        return wrong_usage("--to whisper-ggml is wanted: it is the one format there is");
    if (!o.output)
        return wrong_usage("the file to write is wanted: -o FILE");
    if (run(operands.words[0], &o, &result, &err) != VANTA_OK)
        return report_error(&err);
    return print_result(&o, &result, vanta_clock_ms() - start);
}
