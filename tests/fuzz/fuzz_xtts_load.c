/* Any bytes as the GGUF of an XTTS model for src/engines/helper/xtts_*.h: refused with a
 * reason, or its GPT gives codes, its vocoder says something and its ears hear a second
 * of noise. */
#include <ggml.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engines/helper/xtts_clone.h"
#include "engines/helper/xtts_gpt.h"
#include "engines/helper/xtts_vocoder.h"

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
        file = fd >= 0 ? fdopen(fd, "wb") : NULL;
        atexit(delete_file);
    }
    if (!file || ftruncate(fileno(file), 0) != 0)
        abort();
    rewind(file);
    if (fwrite(data, 1, size, file) != size || fflush(file) != 0)
        abort();
}

static bool hear(void *user, const float *samples, size_t count)
{
    (void)user;
    for (size_t i = 0; i < count; i++)
        if (!(samples[i] >= -1 && samples[i] <= 1))
            abort();
    return true;
}

static void speak(const struct vanta_xtts_file *file)
{
    struct vanta_xtts_vocoder *vocoder = NULL;
    struct vanta_xtts_speech *speech = NULL;
    struct vanta_error err = {0};
    float *latent = calloc(file->sizes.vocoder_width, sizeof *latent);
    float *embedding = calloc(file->sizes.speaker_width, sizeof *embedding);
    struct vanta_xtts_speech_options options = {.embedding = embedding, .speed = 1,
                                                .chunk_frames = 4, .sink = hear};

    if (!latent || !embedding)
        abort();
    if (vanta_xtts_vocoder_load(file, NULL, &vocoder, &err) == VANTA_OK &&
        vanta_xtts_vocoder_context(vocoder) < 1000 &&
        vanta_xtts_speech_start(vocoder, &options, &speech, &err) == VANTA_OK &&
        vanta_xtts_speech_add(speech, latent, 1, &err) == VANTA_OK)
        vanta_xtts_speech_end(speech, &err);
    else if (!vocoder && !err.message[0])
        abort();
    vanta_xtts_speech_free(speech);
    vanta_xtts_vocoder_free(vocoder);
    free(latent);
    free(embedding);
}

/* Two codes behind one letter. */
static void think(const struct vanta_xtts_file *file)
{
    static const struct vanta_xtts_gpt_run run = {.prefix_threads = 1, .code_threads = 1};
    const struct vanta_xtts_sizes *z = &file->sizes;
    float *latents = calloc((size_t)z->latents * z->width, sizeof *latents);
    float *hidden = calloc(2 * (size_t)z->width, sizeof *hidden);
    float *logits = calloc(2 * (size_t)z->audio_vocabulary, sizeof *logits);
    const int32_t id = 0, codes[] = {(int32_t)z->audio_start, 0};
    struct vanta_xtts_gpt *gpt = NULL;
    struct vanta_error err = {0};

    if (!latents || !hidden || !logits)
        abort();
    if (vanta_xtts_gpt_load(file, &gpt, &err) != VANTA_OK) {
        if (gpt || !err.message[0])
            abort();
    } else if (vanta_xtts_gpt_begin(gpt, latents, &id, 1, &err) == VANTA_OK &&
               vanta_xtts_gpt_next(gpt, &run, codes, 2, hidden, logits, &err) ==
                   VANTA_OK) {
        for (size_t i = 0; i < 2 * (size_t)z->audio_vocabulary; i++)
            if (!isfinite(logits[i]))
                abort();
    } else if (!err.message[0]) {
        abort();
    }
    vanta_xtts_gpt_free(gpt);
    free(latents);
    free(hidden);
    free(logits);
}

static void listen(const struct vanta_xtts_file *file)
{
    struct vanta_xtts_clone_options options = {.threads = 1};
    struct vanta_xtts_recording recording = {NULL, file->sizes.input_hz};
    size_t n = vanta_xtts_voice_floats(&file->sizes);
    float *samples = malloc(recording.count * sizeof *samples);
    float *voice = malloc(n * sizeof *voice);
    struct vanta_error err = {0};

    if (!samples || !voice)
        abort();
    for (size_t i = 0; i < recording.count; i++)
        samples[i] = (float)(i * 7919 % 1000) / 1000 - 0.5F;
    recording.samples = samples;
    if (vanta_xtts_clone(file, &recording, 1, &options, voice, &err) == VANTA_OK) {
        for (size_t i = 0; i < n; i++)
            if (!isfinite(voice[i]))
                abort();
    } else if (!err.message[0]) {
        abort();
    }
    for (uint32_t i = 0; i < file->sizes.speakers && i < 4; i++)
        vanta_xtts_voice_builtin(file, vanta_xtts_file_speaker(file, i), voice, &err);
    free(samples);
    free(voice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vanta_xtts_file *file = NULL;
    struct vanta_error err = {0};

    write_file(data, size);
    if (vanta_xtts_file_open(path, &file, &err) != VANTA_OK) {
        if (file || !err.message[0])
            abort();
        return 0;
    }
    think(file);
    speak(file);
    listen(file);
    vanta_xtts_file_close(file);
    return 0;
}
