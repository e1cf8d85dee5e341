/* Any bytes as a checkpoint of PyTorch: its zip, its pickle, its tensors' places; what is
 * accepted becomes safetensors, which the reader of those has to accept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "convert/safetensors.h"
#include "convert/torch_file.h"
#include "convert/torch_safetensors.h"
#include "convert/zip_stored.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/vanta-fuzz-XXXXXX";

static void remove_folder(void)
{
    (void)vanta_remove_tree(folder, NULL);
}

static void read_zip(const uint8_t *data, size_t size)
{
    struct vanta_cursor c;
    struct vanta_zip zip;
    size_t i;

    vanta_cursor_memory(&c, data, size, "input");
    if (vanta_zip_read(&c, &zip, NULL) == VANTA_OK) {
        for (i = 0; i < zip.n; i++)
            if (zip.members[i].data_pos > size ||
                zip.members[i].bytes > size - zip.members[i].data_pos ||
                vanta_zip_find(&zip, zip.members[i].name) != &zip.members[i])
                abort();
        vanta_zip_free(&zip);
    }
    vanta_cursor_close(&c);
}

static bool open_and_check(const char *path, size_t size, bool lenient)
{
    struct vanta_torch_file file;
    size_t i;

    if (vanta_torch_open(path, lenient, &file, NULL) != VANTA_OK)
        return false;
    for (i = 0; i < file.n; i++) {
        const struct vanta_torch_tensor *t = &file.tensors[i];

        if (t->data_pos > size || vanta_torch_find(&file, t->name) != t ||
            vanta_torch_span(t) > (size - t->data_pos) / vanta_torch_type_bytes(t->type))
            abort();
    }
    i = file.n;
    vanta_torch_close(&file);
    return i > 0;
}

static void convert(const char *path, const char *target)
{
    struct vanta_convert_result result;
    struct vanta_safetensors facts;
    struct vanta_buf text = VANTA_BUF(1 << 24);
    struct vanta_cursor c;

    unlink(target);
    if (vanta_torch_safetensors(path, target, NULL, NULL, NULL, &result, NULL) != VANTA_OK ||
        vanta_file_read(target, &text, NULL) != VANTA_OK)
        abort();
    vanta_cursor_memory(&c, text.data, text.len, "output");
    if (vanta_safetensors_read(&c, &facts, NULL) != VANTA_OK)
        abort();
    vanta_cursor_close(&c);
    vanta_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[64], target[64];
    FILE *out;

    if (!path[0]) {
        if (!mkdtemp(folder))
            abort();
        atexit(remove_folder);
        snprintf(path, sizeof path, "%s/in", folder);
        snprintf(target, sizeof target, "%s/out", folder);
    }
    read_zip(data, size);
    out = fopen(path, "wb");
    if (!out || fwrite(data, 1, size, out) != size || fclose(out) != 0)
        abort();
    if (open_and_check(path, size, false))
        convert(path, target);
    (void)open_and_check(path, size, true);
    return 0;
}
