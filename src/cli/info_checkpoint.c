#include "cli/info_checkpoint.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/term.h"
#include "convert/torch_file.h"

static void print_tensor(const struct vanta_torch_tensor *t)
{
    char name[VANTA_TORCH_NAME_MAX];
    unsigned i;

    vanta_text_printable(t->name, name, sizeof name);
    printf("  %-4s  %s  [", vanta_torch_type_name(t->type), name);
    for (i = 0; i < t->rank; i++)
        printf("%s%" PRIu64, i ? ", " : "", t->sizes[i]);
    puts("]");
}

/* What to do with it: vanta add takes no pickle. */
static void print_next(const struct vanta_torch_file *file)
{
    bool xtts = false;
    size_t i;

    for (i = 0; i < file->n && !xtts; i++) {
        const char *name = file->tensors[i].name;

        xtts = vanta_has_prefix(vanta_has_prefix(name, "xtts.") ? name + 5 : name,
                                "gpt.mel_head.");
    }
    printf("%-14s vanta convert %s -o OUT\n", "to use it",
           xtts ? "FOLDER --to xtts-gguf" : "FILE --to safetensors");
}

void info_print_checkpoint(const char *path)
{
    struct vanta_torch_file file;
    struct vanta_error err = {0};
    uint64_t elements = 0;
    size_t i;

    if (vanta_torch_open(path, true, &file, &err) != VANTA_OK) {
        printf("%-14s %s\n", "unreadable", err.message);
        if (err.hint[0])
            printf("%-14s %s\n", "", err.hint);
        return;
    }
    for (i = 0; i < file.n; i++)
        elements += file.tensors[i].elements;
    printf("%-14s %" PRIu64 "\n%-14s %zu\n", "parameters", elements, "tensors", file.n);
    for (i = 0; i < file.pickle.n_refused; i++)
        printf("%-14s %s%s%s: Python would run it; no model needs it\n", "DANGER",
               term_style(stdout, STYLE_BAD), file.pickle.refused[i],
               term_style(stdout, STYLE_NONE));
    if (file.pickle.n_refused == 0)
        print_next(&file);
    for (i = 0; i < file.n; i++)
        print_tensor(&file.tensors[i]);
    vanta_torch_close(&file);
}

json_t *info_checkpoint_json(const char *path)
{
    json_t *tensors = json_array(), *refused = json_array();
    struct vanta_torch_file file;
    struct vanta_error err = {0};
    size_t i, k;

    if (vanta_torch_open(path, true, &file, &err) != VANTA_OK) {
        json_decref(tensors);
        json_decref(refused);
        return json_pack("{s:s}", "error", err.message);
    }
    for (i = 0; i < file.n; i++) {
        const struct vanta_torch_tensor *t = &file.tensors[i];
        json_t *shape = json_array();

        for (k = 0; k < t->rank; k++)
            json_array_append_new(shape, json_integer((json_int_t)t->sizes[k]));
        json_array_append_new(tensors,
                              json_pack("{s:s, s:s, s:o}", "name", t->name, "type",
                                        vanta_torch_type_name(t->type), "shape", shape));
    }
    for (i = 0; i < file.pickle.n_refused; i++)
        json_array_append_new(refused, json_string(file.pickle.refused[i]));
    vanta_torch_close(&file);
    return json_pack("{s:o, s:o}", "tensors", tensors, "refused", refused);
}
