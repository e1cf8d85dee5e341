/* vanta-engine --version: the engines that are linked and the devices they can use. */
#include <ggml-backend.h>
#include <ggml.h>
#include <llama.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <whisper.h>

#include "engines/helper/plugins.h"

static int print_version(void)
{
    struct vanta_error err = {0};
    size_t i;

    printf("vanta-engine %s\n", VANTA_ENGINE_BUILD);
    printf("llama.cpp %s\nwhisper.cpp %s\nggml %s\n", llama_version(), whisper_version(),
           ggml_version());
    fflush(stdout);
    if (plugins_load(&err) != VANTA_OK) {
        fprintf(stderr, "vanta-engine: %s\n  %s\n", err.message, err.hint);
        return 3;
    }
    for (i = 0; i < ggml_backend_dev_count(); i++) {
        ggml_backend_dev_t device = ggml_backend_dev_get(i);

        printf("device %s: %s\n", ggml_backend_dev_name(device),
               ggml_backend_dev_description(device));
    }
    return 0;
}

int main(int argc, char **argv)
{
    /* ggml would load backends from the current folder and from where this names. */
    if (unsetenv("GGML_BACKEND_PATH") != 0 || chdir("/") != 0) {
        perror("vanta-engine");
        return 3;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return print_version();
    fprintf(stderr, "vanta-engine is started by vanta; by hand: vanta-engine --version\n");
    return 2;
}
