/* xtts_speaking.h - speeches of XTTS's vocoder into memory, for tests. */
#ifndef VANTA_TESTS_XTTS_SPEAKING_H
#define VANTA_TESTS_XTTS_SPEAKING_H

#include "engines/helper/xtts_vocoder.h"
#include "xtts_models.h"

struct heard {
    float *samples;
    size_t count, room;
    size_t stop_at; /* the sink stops here; 0: never */
};

static inline bool hear(void *user, const float *samples, size_t count)
{
    struct heard *h = user;

    assert_true(h->count + count <= h->room);
    memcpy(h->samples + h->count, samples, count * sizeof *samples);
    h->count += count;
    return h->stop_at == 0 || h->count < h->stop_at;
}

/* How the latents of an utterance come and are worked on. */
struct manner {
    float speed;
    unsigned threads;
    uint32_t chunk;
    size_t step; /* latents at a time; 0: all */
};

static inline struct heard speak(const struct vanta_xtts_vocoder *vocoder,
                                 const struct vanta_xtts_sizes *sizes,
                                 const float *embedding, const float *latents, size_t n,
                                 const struct manner *manner)
{
    uint64_t expected = vanta_xtts_vocoder_samples(vocoder, n, manner->speed);
    struct heard heard = {.room = expected + 1};
    struct vanta_xtts_speech_options options = {
        .embedding = embedding, .speed = manner->speed, .threads = manner->threads,
        .chunk_frames = manner->chunk, .sink = hear, .user = &heard};
    struct vanta_xtts_speech *speech;
    struct vanta_error err = {0};
    size_t step = manner->step > 0 ? manner->step : n;

    heard.samples = malloc(heard.room * sizeof *heard.samples);
    assert_non_null(heard.samples);
    if (vanta_xtts_speech_start(vocoder, &options, &speech, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < n; i += step)
        if (vanta_xtts_speech_add(speech, latents + i * sizes->vocoder_width,
                                  i + step < n ? step : n - i, &err) != VANTA_OK)
            fail_msg("%s", err.message);
    if (vanta_xtts_speech_end(speech, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    vanta_xtts_speech_free(speech);
    assert_int_equal(heard.count, expected);
    return heard;
}

#endif
