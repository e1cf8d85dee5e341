/* The files of a sentence encoder's folder. The first byte says which one the input is:
 * tokenizer.json, vocab.txt, the head of model.safetensors, or (on the disk, with the rest
 * of a small right folder) config.json, modules.json or all of model.safetensors. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../encoder_builder.h"
#include "base/file.h"
#include "convert/encoder_config.h"
#include "convert/encoder_gguf.h"
#include "convert/encoder_plan.h"
#include "convert/encoder_tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/vanta-fuzz-XXXXXX";

static void remove_folder(void)
{
    (void)vanta_remove_tree(folder, NULL);
}

static void parse_tokenizer(const uint8_t *data, size_t size, bool txt)
{
    struct vanta_encoder_tokenizer t;
    size_t id, len;

    if (vanta_encoder_vocabulary_parse(data, size, "input", txt, 64, &t, NULL) != VANTA_OK)
        return;
    for (id = 0; id < t.n; id++)
        if (!vanta_encoder_token(&t, id, &len) || len > t.bytes.len)
            abort();
    vanta_encoder_tokenizer_free(&t);
}

static void make_plan(const uint8_t *data, size_t size, bool mpnet)
{
    struct vanta_encoder_config config = {.mpnet = mpnet,
                                          .blocks = 1,
                                          .width = 4,
                                          .inner = 8,
                                          .heads = 2,
                                          .vocabulary = 3,
                                          .positions = 4,
                                          .context = 2,
                                          .token_types = 2,
                                          .buckets = 2};
    struct vanta_encoder_plan plan;
    struct vanta_cursor c;
    size_t i;

    vanta_cursor_memory(&c, data, size, "input");
    if (vanta_encoder_plan_make(&c, &config, VANTA_ENCODER_WEIGHTS_Q8_0, &plan, NULL) ==
        VANTA_OK) {
        for (i = 0; i < plan.n; i++) /* every piece lies in the file */
            if (plan.pieces[i].data_pos > size ||
                plan.pieces[i].elements * 2 > size - plan.pieces[i].data_pos)
                abort();
        vanta_encoder_plan_free(&plan);
    }
    vanta_cursor_close(&c);
}

static void convert_folder(const uint8_t *data, size_t size, const char *name)
{
    static const struct encoder_options options = {0};
    static const char *replaced; /* the folder's other files are right already */
    struct vanta_buf b = {(char *)(uintptr_t)data, size, 0, 0};
    struct vanta_convert_result result;
    char target[64];

    if (!replaced) {
        if (!mkdtemp(folder))
            abort();
        atexit(remove_folder);
    }
    if (!replaced || strcmp(replaced, name) != 0)
        write_encoder(folder, &options);
    replaced = name;
    write_file(folder, name, &b);
    snprintf(target, sizeof target, "%s/out", folder);
    unlink(target);
    if ((vanta_encoder_gguf(folder, target, VANTA_ENCODER_WEIGHTS_F16, NULL, NULL, NULL,
                            NULL, &result, NULL) == VANTA_OK) !=
        vanta_file_exists(target))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    switch (data[0]) {
    case 't': parse_tokenizer(data + 1, size - 1, false); break;
    case 'v': parse_tokenizer(data + 1, size - 1, true); break;
    case 'b': make_plan(data + 1, size - 1, false); break;
    case 'm': make_plan(data + 1, size - 1, true); break;
    case 'c': convert_folder(data + 1, size - 1, "config.json"); break;
    case 'o': convert_folder(data + 1, size - 1, "modules.json"); break;
    case 'p': convert_folder(data + 1, size - 1, "1_Pooling/config.json"); break;
    case 'r': convert_folder(data + 1, size - 1, "tokenizer_config.json"); break;
    case 's': convert_folder(data + 1, size - 1, "model.safetensors"); break;
    default: break;
    }
    return 0;
}
