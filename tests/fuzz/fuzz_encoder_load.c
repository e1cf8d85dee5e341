/* Any bytes as a sentence encoder's GGUF for src/engines/helper/encoder.h: refused with a
 * reason, or two short sentences are embedded. */
#include <ggml-backend.h>
#include <ggml.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engines/helper/encoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/tmp/vanta-fuzz-XXXXXX";

static void quiet(enum ggml_log_level level, const char *text, void *arg)
{
    (void)level;
    (void)text;
    (void)arg;
}

static void delete_file(void)
{
    unlink(path);
}

static void write_file(const uint8_t *data, size_t size)
{
    static FILE *file;

    if (!file) {
        int fd = mkstemp(path);

        ggml_log_set(quiet, NULL);
        ggml_backend_load_all();
        file = fd >= 0 ? fdopen(fd, "wb") : NULL;
        atexit(delete_file);
    }
    if (!file || ftruncate(fileno(file), 0) != 0)
        abort();
    rewind(file);
    if (fwrite(data, 1, size, file) != size || fflush(file) != 0)
        abort();
}

static void embed(struct vanta_encoder *encoder, const struct vanta_encoder_info *info)
{
    int32_t ids[3] = {0, (int32_t)info->vocabulary - 1, 0};
    uint32_t lengths[2] = {1, info->max_tokens > 1 ? 2 : 1};
    size_t i, n = 2 * (size_t)info->dimensions;
    float *out = malloc(n * sizeof *out);
    struct vanta_error err = {0};
    enum vanta_status status;

    if (!out)
        abort();
    status = vanta_encoder_embed(encoder, ids, lengths, 2, out, NULL, &err);
    if (status != VANTA_OK && !err.message[0])
        abort();
    for (i = 0; status == VANTA_OK && i < n; i++)
        if (!isfinite(out[i]))
            abort();
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vanta_encoder_options options = {.threads = 1, .batch_tokens = 16};
    struct vanta_encoder *encoder = NULL;
    struct vanta_encoder_info info;
    struct vanta_error err = {0};

    write_file(data, size);
    if (vanta_encoder_load(path, &options, &encoder, &err) != VANTA_OK) {
        if (encoder || !err.message[0])
            abort();
        return 0;
    }
    vanta_encoder_info(encoder, &info);
    /* A file cannot be smaller than its tables, but its sentences may be long. */
    if (info.max_tokens <= 512)
        embed(encoder, &info);
    vanta_encoder_free(encoder);
    return 0;
}
