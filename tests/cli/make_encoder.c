/*
 * make_encoder.c - writes a small sentence encoder's folder for tests.
 *
 *     make_encoder DIR [bert|mpnet] [WIDTH]
 */
#include <unistd.h>

#include "../encoder_builder.h"

int main(int argc, char **argv)
{
    struct encoder_options options = {.mpnet = argc > 2 && argv[2][0] == 'm'};

    if (argc < 2) {
        fprintf(stderr, "usage: %s DIR [bert|mpnet] [WIDTH]\n", argv[0]);
        return 2;
    }
    if (argc > 3)
        options.width = (uint32_t)strtoul(argv[3], NULL, 10);
    write_encoder(argv[1], &options);
    return 0;
}
