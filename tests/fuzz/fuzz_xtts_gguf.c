/* The files of a folder of XTTS-v2, the others being right. The first byte says which one
 * the input is: config.json, vocab.json, speakers_xtts.pth, or the pickle of model.pth. */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "../xtts_files.h"
#include "base/file.h"
#include "convert/xtts_gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/vanta-fuzz-XXXXXX";
static const struct xtts_variant plain;

static void remove_folder(void)
{
    (void)vanta_remove_tree(folder, NULL);
}

static const char *below(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* model.pth with this pickle and the storages that the right one has. */
static void write_pickle(const uint8_t *data, size_t size)
{
    struct xtts_tensors l = xtts_list(&xtts_small);
    struct xtts_zip z;

    xtts_begin(&z, below("model.pth"), "model");
    xtts_member(&z, "data.pkl", data, size);
    xtts_write_storages(&z, &l, &plain);
    xtts_end(&z);
    free(l.items);
}

static void write_file(const char *name, const uint8_t *data, size_t size)
{
    FILE *out = fopen(below(name), "wb");

    if (!out || fwrite(data, 1, size, out) != size || fclose(out) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int wrong = -1; /* which file is not right; -1: the folder is not there */
    struct vanta_convert_result result;
    enum vanta_status status;

    if (size < 1)
        return 0;
    if (wrong < 0) {
        if (!mkdtemp(folder))
            abort();
        atexit(remove_folder);
    }
    if (wrong != data[0])
        xtts_write_folder(folder, &xtts_small, &plain);
    wrong = data[0];
    switch (wrong) {
    case 'c': write_file("config.json", data + 1, size - 1); break;
    case 'v': write_file("vocab.json", data + 1, size - 1); break;
    case 's': write_file("speakers_xtts.pth", data + 1, size - 1); break;
    case 'p': write_pickle(data + 1, size - 1); break;
    default: return 0;
    }
    unlink(below("out"));
    status = vanta_xtts_gguf(folder, below("out"), VANTA_ENCODER_WEIGHTS_Q8_0, NULL, NULL,
                             NULL, NULL, &result, NULL);
    if ((status == VANTA_OK) != vanta_file_exists(below("out")))
        abort();
    return 0;
}
