/*
 * vocoder_driver.c - runs the parts of an XTTS model that are not its GPT, for benchmarks.
 *
 *     vocoder_driver speak FILE CODES THREADS     latents without a pattern to samples
 *     vocoder_driver clone FILE SECONDS THREADS   a recording without a pattern to a voice
 *
 * Prints the seconds of sound, then of the clock and of the processor that it took (without
 * loading the model), and the peak memory in bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "engines/helper/xtts_clone.h"
#include "engines/helper/xtts_vocoder.h"
#include "vanta_error.h"

#if defined(__APPLE__)
#define RSS_BYTES 1LL /* of ru_maxrss's unit */
#else
#define RSS_BYTES 1024LL
#endif

static void die(const char *what)
{
    fprintf(stderr, "vocoder_driver: %s\n", what);
    exit(3);
}

static double clock_seconds(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static float *noise(size_t n, float size)
{
    float *out = malloc((n + 1) * sizeof *out);
    uint32_t seed = 1;

    if (out == NULL)
        die("out of memory");
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525U + 1013904223U;
        out[i] = ((float)(seed >> 8) / 8388608.0F - 1) * size;
    }
    return out;
}

static bool count(void *user, const float *samples, size_t n)
{
    (void)samples;
    *(size_t *)user += n;
    return true;
}

static double speak(const struct vanta_xtts_file *file,
                    const struct vanta_xtts_vocoder *vocoder, size_t codes,
                    unsigned threads)
{
    size_t samples = 0;
    float *latents = noise(codes * file->sizes.vocoder_width, 1);
    float *embedding = noise(file->sizes.speaker_width, 0.07F);
    struct vanta_xtts_speech_options options = {.embedding = embedding, .speed = 1,
                                                .threads = threads, .sink = count,
                                                .user = &samples};
    struct vanta_xtts_speech *speech = NULL;
    struct vanta_error err = {0};

    if (vanta_xtts_speech_start(vocoder, &options, &speech, &err) != VANTA_OK ||
        vanta_xtts_speech_add(speech, latents, codes, &err) != VANTA_OK ||
        vanta_xtts_speech_end(speech, &err) != VANTA_OK)
        die(err.message);
    vanta_xtts_speech_free(speech);
    free(latents);
    free(embedding);
    return (double)samples / file->sizes.output_hz;
}

static double listen(const struct vanta_xtts_file *file, size_t seconds, unsigned threads)
{
    struct vanta_xtts_clone_options options = {.threads = threads > 0 ? threads : 1};
    size_t n = seconds * file->sizes.input_hz;
    float *samples = noise(n, 0.3F), *voice;
    struct vanta_xtts_recording recording = {samples, n};
    struct vanta_error err = {0};

    voice = noise(vanta_xtts_voice_floats(&file->sizes), 0);
    if (vanta_xtts_clone(file, &recording, 1, &options, voice, &err) != VANTA_OK)
        die(err.message);
    free(samples);
    free(voice);
    return (double)seconds;
}

int main(int argc, char **argv)
{
    struct vanta_xtts_file *file = NULL;
    struct vanta_xtts_vocoder *vocoder = NULL;
    struct vanta_error err = {0};
    struct rusage usage;
    double wall, processor, sound;
    bool speaks;

    if (argc != 5)
        die("vocoder_driver speak|clone FILE CODES|SECONDS THREADS");
    speaks = strcmp(argv[1], "speak") == 0;
    if (vanta_xtts_file_open(argv[2], &file, &err) != VANTA_OK ||
        (speaks && vanta_xtts_vocoder_load(file, NULL, &vocoder, &err) != VANTA_OK))
        die(err.message);
    wall = clock_seconds(CLOCK_MONOTONIC);
    processor = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    sound = speaks ? speak(file, vocoder, strtoul(argv[3], NULL, 10),
                           (unsigned)strtoul(argv[4], NULL, 10))
                   : listen(file, strtoul(argv[3], NULL, 10),
                            (unsigned)strtoul(argv[4], NULL, 10));
    wall = clock_seconds(CLOCK_MONOTONIC) - wall;
    processor = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - processor;
    getrusage(RUSAGE_SELF, &usage);
    printf("%.3f %.3f %.3f %lld\n", sound, wall, processor,
           (long long)usage.ru_maxrss * RSS_BYTES);
    vanta_xtts_vocoder_free(vocoder);
    vanta_xtts_file_close(file);
    return 0;
}
