/*
 * make_xtts SIZE DIR [TYPE FILE]... - writes a folder of XTTS-v2 with the weights of
 * xtts_builder.h to DIR (unless its model.pth is there already), and converts it to GGUF
 * files of the wanted types: f32, f16, q8_0. SIZE is full (1.9 GB) or small (4 MB).
 *
 *     build/tests/make_xtts full /tmp/xtts q8_0 /tmp/xtts-q8_0.gguf f32 /tmp/xtts-f32.gguf
 */
#include "xtts_files.h"

#include <unistd.h>

#include "convert/xtts_gguf.h"

static int fail(const char *what)
{
    fprintf(stderr, "make_xtts: %s\n", what);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct xtts_variant plain;
    const struct vanta_encoder_source source = {.name = "xtts-by-formula"};
    const struct xtts_size *size;
    char path[4096];
    int i;

    if (argc < 3 || argc % 2 == 0)
        return fail("make_xtts full|small DIR [f32|f16|q8_0 FILE]...");
    size = strcmp(argv[1], "full") == 0 ? &xtts_full : &xtts_small;
    if (size == &xtts_small && strcmp(argv[1], "small") != 0)
        return fail("the size is full or small");
    snprintf(path, sizeof path, "%s/model.pth", argv[2]);
    if (access(path, F_OK) != 0)
        xtts_write_folder(argv[2], size, &plain);
    for (i = 3; i < argc; i += 2) {
        struct vanta_convert_result result;
        struct vanta_error err = {0};
        enum vanta_encoder_weights type;

        if (!vanta_encoder_weights_parse(argv[i], &type))
            return fail("the type is f32, f16 or q8_0");
        if (vanta_xtts_gguf(argv[2], argv[i + 1], type, &source, NULL, NULL, NULL, &result,
                            &err) != VANTA_OK)
            return fail(err.message);
        printf("%s  %s\n", result.sha256, argv[i + 1]);
    }
    return 0;
}
