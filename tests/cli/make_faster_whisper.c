/*
 * make_faster_whisper.c - writes a small faster-whisper folder for tests.
 *
 *     make_faster_whisper DIR [f16|f32|bf16|i8] [WIDTH] [key-bias]
 */
#include <sys/stat.h>
#include <unistd.h>

#include "../model_builder.h"

static void no_zeros(struct ct2_variable *v, void *arg)
{
    (void)arg;
    v->zero_to = 0;
}

int main(int argc, char **argv)
{
    static const char *const types[] = {"f32", "i8", "i16", "i32", "f16", "bf16"};
    struct vanta_buf b = VANTA_BUF((size_t)1 << 30);
    struct ct2_options options = ct2_defaults;
    unsigned i;

    if (argc < 2 || (mkdir(argv[1], 0777) != 0 && access(argv[1], W_OK) != 0)) {
        fprintf(stderr, "usage: %s DIR [TYPE] [WIDTH] [key-bias]\n", argv[0]);
        return 2;
    }
    for (i = 0; argc > 2 && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(argv[2], types[i]) == 0)
            options.type = i;
    if (argc > 3)
        options.width = (uint32_t)strtoul(argv[3], NULL, 10);
    if (argc > 4)
        options.tweak = no_zeros;
    build_ct2(&b, &options);
    write_file(argv[1], "model.bin", &b);
    b.len = 0;
    build_tokenizer(&b, BUILDER_TOKENS, false);
    write_file(argv[1], "tokenizer.json", &b);
    vanta_buf_free(&b);
    return 0;
}
