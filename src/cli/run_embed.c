/* run_embed.c - vanta run of a sentence encoder: texts to vectors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cli/output.h"
#include "cli/run.h"
#include "models/encoder_file.h"

#define INPUT_MAX ((size_t)64 * 1024 * 1024)
#define OUTPUT_MAX ((size_t)2 * 1024 * 1024 * 1024)
#define BATCH 256 /* texts a request, so that progress is seen */

struct embedding {
    struct run *run;
    struct vanta_engine *engine;
    char *text;         /* all lines, cut into texts */
    const char **texts;
    size_t n;
    float *values;
    size_t dimensions, truncated;
};

/* Each line of the input is a text; a text given as operand is one whatever it holds. */
static enum vanta_status cut(struct embedding *e, struct vanta_error *err)
{
    size_t n = 1, i;
    char *at;

    for (at = e->text; *at; at++)
        n += *at == '\n';
    e->texts = calloc(n, sizeof *e->texts);
    if (!e->texts)
        return vanta_fail_memory(err);
    if (e->run->input) {
        e->texts[e->n++] = e->text;
        return VANTA_OK;
    }
    for (i = 0, at = e->text; i < n; i++) {
        char *end = strchr(at, '\n');

        if (end)
            *end = '\0';
        at[strcspn(at, "\r")] = '\0';
        if (end || *at)
            e->texts[e->n++] = at;
        if (!end)
            break;
        at = end + 1;
    }
    return VANTA_OK;
}

static enum vanta_status embed_batch(struct embedding *e, size_t from, size_t n,
                                     struct vanta_error *err)
{
    struct vanta_embeddings found = {0};
    enum vanta_status status =
        vanta_engine_embed(e->engine, e->texts + from, n, &found, err);

    if (status != VANTA_OK)
        return status;
    if (!e->values) {
        e->dimensions = found.dimensions;
        if (e->n <= OUTPUT_MAX / sizeof(float) / (e->dimensions ? e->dimensions : 1))
            e->values = malloc((e->n * e->dimensions + 1) * sizeof *e->values);
    }
    if (!e->values)
        status = vanta_fail_memory(err);
    else
        memcpy(e->values + from * e->dimensions, found.values,
               n * e->dimensions * sizeof *e->values);
    e->truncated += found.truncated;
    vanta_embeddings_free(&found);
    return status;
}

static enum vanta_status embed_all(struct embedding *e, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t from, n;

    for (from = 0; from < e->n && status == VANTA_OK; from += n) {
        n = e->n - from < BATCH ? e->n - from : BATCH;
        test_line_show(&e->run->line, "embedding", (double)from / (double)e->n);
        status = embed_batch(e, from, n, err);
    }
    return status;
}

/* --- what comes out --- */

/* NumPy's format 1.0: magic, version, u16 length of a Python dict, which is padded so that
 * the data starts at a multiple of 64 (numpy/lib/format.py). */
static enum vanta_status write_npy(const struct embedding *e, struct vanta_error *err)
{
    struct vanta_buf out = VANTA_BUF(OUTPUT_MAX);
    const uint16_t one = 1;
    char order = *(const unsigned char *)&one ? '<' : '>';
    char head[128];
    enum vanta_status status;

    memset(head, ' ', sizeof head);
    memcpy(head, "\x93NUMPY\x01\x00", 8);
    head[8] = (char)(sizeof head - 10);
    head[9] = 0;
    {
        int n = snprintf(head + 10, sizeof head - 10,
                         "{'descr': '%cf4', 'fortran_order': False, 'shape': (%zu, %zu), }",
                         order, e->n, e->dimensions);
        head[10 + n] = ' ';
    }
    head[sizeof head - 1] = '\n';
    if (!vanta_buf_append(&out, head, sizeof head) ||
        !vanta_buf_append(&out, e->values, e->n * e->dimensions * sizeof *e->values))
        status = vanta_fail_memory(err);
    else
        status = vanta_file_put(e->run->options->npy, out.data, out.len, err);
    vanta_buf_free(&out);
    return status;
}

static json_t *vector_json(const struct embedding *e, size_t row)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < e->dimensions; i++)
        json_array_append_new(list,
                              json_real((double)e->values[row * e->dimensions + i]));
    return list;
}

static int print_json(const struct embedding *e)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < e->n; i++)
        json_array_append_new(list, json_pack("{s:o?, s:o}", "text",
                                              json_string_nocheck(e->texts[i]), "vector",
                                              vector_json(e, i)));
    return run_write_document(
        e->run->options->output,
        json_pack("{s:i, s:s, s:I, s:o}", "version", JSON_OUTPUT_VERSION, "model",
                  e->run->entry->id, "dimensions", (json_int_t)e->dimensions, "texts", list));
}

static int print_lines(const struct embedding *e)
{
    struct vanta_buf out = VANTA_BUF(OUTPUT_MAX);
    size_t i, k;
    bool room = true;
    int code = EXIT_CANNOT;

    for (i = 0; i < e->n && room; i++)
        for (k = 0; k < e->dimensions && room; k++)
            room = vanta_buf_printf(&out, "%.7g%c",
                                    (double)e->values[i * e->dimensions + k],
                                    k + 1 < e->dimensions ? ' ' : '\n');
    if (room)
        code = run_write_output(e->run->options->output, out.data ? out.data : "", out.len);
    vanta_buf_free(&out);
    return code;
}

static int give(const struct embedding *e)
{
    struct vanta_error err = {0};

    if (e->truncated > 0)
        warn("%zu of %zu texts are longer than the model takes; their ends were left out",
             e->truncated, e->n);
    if (e->run->options->npy) {
        if (write_npy(e, &err) != VANTA_OK)
            return report_error(&err);
        fprintf(stderr, "%s: %zu vectors of %zu dimensions\n", e->run->options->npy, e->n,
                e->dimensions);
        return EXIT_OK;
    }
    return e->run->options->common.json ? print_json(e) : print_lines(e);
}

int run_embed(struct run *run)
{
    struct embedding e = {.run = run};
    struct vanta_encoder_file file = {0};
    struct vanta_error err = {0};
    enum vanta_status status;
    int code = EXIT_OK;

    char *raw = NULL;

    if (run->input)
        status = (raw = vanta_strdup(run->input)) ? VANTA_OK : vanta_fail_memory(&err);
    else
        status = run_read_input(INPUT_MAX, &raw, &err);
    if (status == VANTA_OK && !(e.text = vanta_utf8_copy(raw)))
        status = vanta_fail_memory(&err);
    free(raw);
    if (status == VANTA_OK)
        status = cut(&e, &err);
    if (status == VANTA_OK && e.n == 0)
        status = vanta_fail(&err, VANTA_ERR_USAGE, "there is no text to embed");
    if (status == VANTA_OK)
        status = vanta_encoder_file_find(run->session->root, run->entry, &cancelled, &file,
                                         &err);
    if (status != VANTA_OK) {
        code = report_error(&err);
    } else if (run_open(run, VANTA_ENGINE_ENCODER, file.path, NULL, NULL, NULL, &e.engine,
                        &code)) {
        status = embed_all(&e, &err);
        test_line_clear(&run->line);
        code = status == VANTA_OK ? give(&e) : report_error(&err);
        vanta_engine_close(e.engine);
    }
    vanta_encoder_file_release(&file);
    free(e.values);
    free(e.texts);
    free(e.text);
    return code;
}
