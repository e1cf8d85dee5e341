#include "cmocka_all.h"

#include <math.h>
#include <sndfile.h>
#include <sys/resource.h>
#include <time.h>

#include "base/json.h"
#include "base/text.h"
#include "engines/helper/audio.h"
#include "known_leaks.h"
#include "scratch.h"

#define PI 3.14159265358979

/* ---- making recordings ---- */

/* A WAV's 44 bytes; data_bytes is what it says, whatever follows. */
static size_t wav_head(uint8_t *out, unsigned tag, unsigned bits, unsigned rate,
                       unsigned channels, uint32_t data_bytes)
{
    const uint32_t frame = bits / 8 * channels;
    const struct {
        uint32_t value;
        size_t bytes;
    } fields[] = {
        {0x46464952, 4}, {data_bytes + 36, 4}, {0x45564157, 4}, {0x20746d66, 4},
        {16, 4},         {tag, 2},             {channels, 2},   {rate, 4},
        {rate * frame, 4}, {frame, 2},         {bits, 2},       {0x61746164, 4},
        {data_bytes, 4},
    };
    size_t at = 0, i, k;

    for (i = 0; i < sizeof fields / sizeof fields[0]; i++)
        for (k = 0; k < fields[i].bytes; k++)
            out[at++] = (uint8_t)(fields[i].value >> (8 * k));
    return at;
}

struct tone {
    int format;
    int rate, channels;
    double seconds, hz, level;
};

static float tone_at(const struct tone *t, long i)
{
    return (float)(t->level * sin(2 * PI * t->hz * (double)i / t->rate));
}

/* A sine in every channel, written by libsndfile. */
static const char *tone_file(const char *name, const struct tone *t)
{
    SF_INFO info = {.format = t->format, .samplerate = t->rate, .channels = t->channels};
    const char *path = in_scratch(name);
    long frames = (long)(t->seconds * t->rate), i;
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    float frame[8];
    int k;

    assert_non_null(file);
    for (i = 0; i < frames; i++) {
        for (k = 0; k < t->channels; k++)
            frame[k] = tone_at(t, i);
        assert_int_equal(sf_writef_float(file, frame, 1), 1);
    }
    assert_int_equal(sf_close(file), 0);
    return path;
}

static uint8_t *file_bytes(const char *path, size_t *len)
{
    struct vanta_buf buf = VANTA_BUF(64u << 20);

    assert_int_equal(vanta_file_read(path, &buf, NULL), VANTA_OK);
    *len = buf.len;
    return (uint8_t *)buf.data;
}

/* ---- hearing them ---- */

struct heard {
    struct vanta_audio_info info;
    struct vanta_audio_stats stats;
    bool truncated;
    double hz; /* over the middle half, by zero crossings */
    double rms; /* there */
};

/* Reads all of it in blocks of an odd size, checking what is promised of samples. */
static void hear(struct vanta_audio *audio, struct heard *out)
{
    static float all[40 * VANTA_AUDIO_HZ], block[4999];
    size_t n = 0, got = 1, i, crossings = 0;
    struct vanta_error err = {0};
    double energy = 0;

    memset(out, 0, sizeof *out);
    out->info = *vanta_audio_info(audio);
    vanta_audio_stats_start(&out->stats);
    while (got) {
        assert_int_equal(vanta_audio_read(audio, block, 4999, &got, &err), VANTA_OK);
        assert_true(got <= 4999);
        for (i = 0; i < got; i++)
            assert_true(isfinite(block[i]) && fabsf(block[i]) <= 1);
        assert_true(n + got <= sizeof all / sizeof all[0]);
        memcpy(all + n, block, got * sizeof *block);
        vanta_audio_stats_add(&out->stats, block, got);
        n += got;
    }
    assert_int_equal(vanta_audio_read(audio, block, 1, &got, &err), VANTA_OK);
    assert_int_equal(got, 0);
    vanta_audio_stats_end(&out->stats);
    assert_int_equal(out->stats.samples, n);
    out->truncated = vanta_audio_truncated(audio);
    vanta_audio_close(audio);
    for (i = n / 4 + 1; i < n * 3 / 4; i++)
        crossings += (all[i - 1] < 0) != (all[i] < 0), energy += (double)all[i] * all[i];
    if (n > 8) {
        out->hz = (double)crossings / 2 / ((double)(n / 2) / VANTA_AUDIO_HZ);
        out->rms = sqrt(energy / (double)(n / 2));
    }
}

static void hear_file(const char *path, struct heard *out)
{
    struct vanta_error err = {0};
    struct vanta_audio *audio;

    if (vanta_audio_open(path, &audio, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    hear(audio, out);
}

static void hear_bytes(const void *data, size_t len, struct heard *out)
{
    struct vanta_error err = {0};
    struct vanta_audio *audio;

    if (vanta_audio_open_memory(data, len, "memory", &audio, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    hear(audio, out);
}

static void refused(const void *data, size_t len, enum vanta_status status,
                    const char *said)
{
    struct vanta_audio *audio = (struct vanta_audio *)&refused;
    struct vanta_error err = {0};

    assert_int_equal(vanta_audio_open_memory(data, len, "a file", &audio, &err), status);
    assert_null(audio);
    assert_true(vanta_has_prefix(err.message, "a file: "));
    if (!strstr(err.message, said))
        fail_msg("\"%s\" lacks \"%s\"", err.message, said);
}

/* ---- what is read ---- */

static void every_kind_gives_the_same_sound(void **state)
{
    static const struct {
        const char *name, *text;
        int format, rate, channels;
    } kinds[] = {
        {"u8.wav", "WAV, 8 bit", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 16000, 1},
        {"s16.wav", "WAV, 16 bit", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1},
        {"s24.wav", "WAV, 24 bit", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2},
        {"s32.wav", "WAV, 32 bit", SF_FORMAT_WAV | SF_FORMAT_PCM_32, 48000, 1},
        {"f32.wav", "WAV, float", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 96000, 2},
        {"f64.wav", "WAV, double", SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 22050, 1},
        {"ulaw.wav", "WAV, u-law", SF_FORMAT_WAV | SF_FORMAT_ULAW, 8000, 1},
        {"adpcm.wav", "WAV, ADPCM", SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, 16000, 1},
        {"ext.wav", "WAV, 24 bit", SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, 96000, 6},
        {"rf64.wav", "WAV, 16 bit", SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 11025, 2},
        {"s8.flac", "FLAC, 8 bit", SF_FORMAT_FLAC | SF_FORMAT_PCM_S8, 16000, 1},
        {"s16.flac", "FLAC, 16 bit", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 2},
        {"s24.flac", "FLAC, 24 bit", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 192000, 2},
        {"a.ogg", "Ogg, Vorbis", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 44100, 2},
        {"a.opus", "Ogg, Opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 1},
        {"a.mp3", "MP3, layer III", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 44100, 2},
        {"b.mp3", "MP3, layer III", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 24000, 1},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct tone tone = {kinds[i].format, kinds[i].rate, kinds[i].channels, 0, 0, 0.5};
        struct heard file, memory;
        const char *path;
        uint8_t *bytes;
        size_t len;

        tone.seconds = 2.5;
        tone.hz = 440;
        path = tone_file(kinds[i].name, &tone);
        hear_file(path, &file);
        assert_string_equal(file.info.format, kinds[i].text);
        assert_int_equal(file.info.rate_hz, tone.rate);
        assert_int_equal(file.info.channels, tone.channels);
        assert_false(file.truncated);
        /* MP3 pads to whole frames where its header does not say by how much. */
        assert_in_range(file.stats.samples, 2.5 * 16000 - 8, 2.5 * 16000 + 2500);
        assert_in_range(file.info.samples, (double)file.stats.samples - 2400,
                        (double)file.stats.samples + 16);
        assert_in_range(file.info.length_ms, 2499, 2660);
        assert_true(fabs(file.hz - 440) < 3);
        assert_true(file.stats.rms > 0.32f && file.stats.rms < 0.37f);
        assert_true(file.stats.peak > 0.47f && file.stats.peak < 0.56f);

        bytes = file_bytes(path, &len);
        hear_bytes(bytes, len, &memory);
        assert_int_equal(memory.stats.samples, file.stats.samples);
        assert_true(memory.stats.rms == file.stats.rms);
        free(bytes);
    }
}

static void channels_are_mixed(void **state)
{
    uint8_t wav[44 + 4 * 1600];
    size_t at = wav_head(wav, 1, 16, 16000, 2, 4 * 1600), i;
    struct heard h;

    (void)state;
    for (i = 0; i < 1600; i++) {
        wav[at++] = 0, wav[at++] = 0x60; /* left 0.75 */
        wav[at++] = 0, wav[at++] = 0xe0; /* right -0.25 */
    }
    hear_bytes(wav, at, &h);
    assert_int_equal(h.stats.samples, 1600);
    assert_true(fabsf(h.stats.rms - 0.25f) < 1e-6f);
}

static void what_16_khz_can_hold_stays_and_the_rest_goes(void **state)
{
    static const struct {
        int rate;
        double hz, least, most; /* of the root mean square, where 0.3535 is all of it */
    } cases[] = {
        {96000, 7000, 0.34, 0.36},   {96000, 9000, 0, 0.00005}, {96000, 12000, 0, 0.00005},
        {96000, 25000, 0, 0.00005},  {96000, 41000, 0, 0.00005}, {44100, 7000, 0.34, 0.36},
        {44100, 14500, 0, 0.00005},  {44100, 9000, 0, 0.00005}, {48000, 100, 0.3534, 0.3537},
        {192000, 3000, 0.353, 0.354}, {22050, 7000, 0.34, 0.36}, {22050, 10000, 0, 0.00005},
        {8000, 3000, 0.353, 0.354},  {32000, 15000, 0, 0.00005},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tone tone = {SF_FORMAT_WAV | SF_FORMAT_FLOAT, cases[i].rate, 1, 2,
                            cases[i].hz, 0.5};
        struct heard h;

        hear_file(tone_file("tone.wav", &tone), &h);
        if (h.rms < cases[i].least || h.rms > cases[i].most)
            fail_msg("%d Hz, tone of %g Hz: %g", cases[i].rate, cases[i].hz, h.rms);
        if (cases[i].least > 0)
            assert_true(fabs(h.hz - cases[i].hz) < 2);
    }
}

/* A click stays at its moment at every rate: subtitles depend on it. */
static void nothing_is_shifted(void **state)
{
    static const unsigned rates[] = {8000, 16000, 22050, 24000, 44100, 48000, 96000, 192000};
    static uint8_t wav[44 + 2 * 192000];
    static float samples[16100];
    size_t i, k, got, loudest;

    (void)state;
    for (i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        size_t at = wav_head(wav, 1, 16, rates[i], 1, 2 * rates[i]);
        struct vanta_audio *audio;

        memset(wav + at, 0, 2 * (size_t)rates[i]);
        wav[at + rates[i] / 2 * 2 + 1] = 0x40; /* at half a second */
        assert_int_equal(vanta_audio_open_memory(wav, at + 2 * (size_t)rates[i], "click",
                                                 &audio, NULL),
                         VANTA_OK);
        assert_int_equal(vanta_audio_read(audio, samples, 16100, &got, NULL), VANTA_OK);
        vanta_audio_close(audio);
        assert_in_range(got, 15997, 16003);
        for (k = loudest = 0; k < got; k++)
            if (fabsf(samples[k]) > fabsf(samples[loudest]))
                loudest = k;
        assert_in_range(loudest, 7999, 8001);
    }
}

static void values_beyond_reason_are_bounded(void **state)
{
    static const uint32_t values[] = {0x7f800000, 0xff800000, 0x7fc00000,
                                      0x7f7fffff, 0x00000001, 0xbf000000};
    struct heard h;
    size_t rate;

    (void)state;
    for (rate = 16000; rate <= 48000; rate += 32000) {
        uint8_t wav[44 + 4 * 3000];
        size_t at = wav_head(wav, 3, 32, (unsigned)rate, 1, 4 * 3000), i, k;

        for (i = 0; i < 3000; i++)
            for (k = 0; k < 4; k++)
                wav[at++] = (uint8_t)(values[i % 6] >> (8 * k));
        hear_bytes(wav, at, &h); /* finite, within -1 to 1: checked there */
        assert_int_equal(h.stats.samples, 3000 * 16000 / rate);
    }
}

/* ---- nothing to hear ---- */

static void a_recording_without_a_sample_is_read(void **state)
{
    uint8_t wav[44 + 12];
    struct heard h;
    size_t at = wav_head(wav, 1, 16, 48000, 2, 0);

    (void)state;
    hear_bytes(wav, at, &h);
    assert_int_equal(h.stats.samples, 0);
    assert_true(vanta_audio_stats_silent(&h.stats));
    assert_true(h.stats.rms == 0);
    assert_false(h.truncated);
    memcpy(wav + at, "LIST\4\0\0\0INFO", 12); /* notes behind no sample are no samples */
    hear_bytes(wav, at + 12, &h);
    assert_int_equal(h.stats.samples, 0);
    assert_false(h.truncated);
}

static void silence_is_told(void **state)
{
    struct tone tone = {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 1, 3, 440, 0};
    struct heard h;

    (void)state;
    hear_file(tone_file("silent.wav", &tone), &h);
    assert_true(vanta_audio_stats_silent(&h.stats));
    assert_in_range(h.stats.samples, 48000 - 2, 48000 + 2);
    assert_int_equal(h.stats.leading_silence, h.stats.samples);
    assert_int_equal(h.stats.trailing_silence, h.stats.samples);
    assert_true(h.stats.peak == 0);
    tone.level = 0.003; /* hiss: -53 dB */
    hear_file(tone_file("hiss.wav", &tone), &h);
    assert_true(vanta_audio_stats_silent(&h.stats));
}

static void stats_find_silence_and_clipping(void **state)
{
    static float samples[16000];
    struct vanta_audio_stats s;
    size_t i;

    (void)state;
    for (i = 3200; i < 12000; i++)
        samples[i] = i % 2 ? 1.0f : -1.0f;
    samples[1000] = 0.01f; /* one click is still silence */
    vanta_audio_stats_start(&s);
    for (i = 0; i < 16000; i += 37)
        vanta_audio_stats_add(&s, samples + i, 16000 - i < 37 ? 16000 - i : 37);
    vanta_audio_stats_end(&s);
    assert_int_equal(s.samples, 16000);
    assert_int_equal(s.leading_silence, 3200);
    assert_int_equal(s.trailing_silence, 4000);
    assert_int_equal(s.clipped, 8800);
    assert_true(s.peak == 1);
    assert_true(fabs(s.rms - sqrt(8800.0 / 16000)) < 1e-4);
    assert_false(vanta_audio_stats_silent(&s));
}

/* ---- cut short ---- */

static void cut_recordings_give_what_is_there(void **state)
{
    static const struct {
        const char *name;
        int format, rate, channels;
    } kinds[] = {
        {"c.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2},
        {"c24.wav", SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, 96000, 2},
        {"crf.wav", SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 44100, 2},
        {"c.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 2},
        {"c.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 44100, 2},
        {"c.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 2},
        {"c.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 44100, 2},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct tone tone = {kinds[i].format, kinds[i].rate, kinds[i].channels, 0, 0, 0.5};
        struct heard whole, cut;
        const char *path;
        uint8_t *bytes;
        size_t len;

        tone.seconds = 6;
        tone.hz = 300;
        path = tone_file(kinds[i].name, &tone);
        hear_file(path, &whole);
        assert_false(whole.truncated);
        bytes = file_bytes(path, &len);
        hear_bytes(bytes, len * 6 / 10, &cut);
        if (!cut.truncated)
            fail_msg("%s: the cut is not seen", kinds[i].name);
        /* The headers of a short Vorbis file are a good part of it. */
        assert_in_range(cut.stats.samples, whole.stats.samples / 5,
                        whole.stats.samples * 2 / 3);
        assert_true(fabs(cut.hz - 300) < 4);
        free(bytes);
    }
}

static void cutting_anywhere_ends_well(void **state)
{
    static const int formats[] = {SF_FORMAT_WAVEX | SF_FORMAT_PCM_24,
                                  SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
                                  SF_FORMAT_OGG | SF_FORMAT_VORBIS,
                                  SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III};
    size_t i, cut, len;

    (void)state;
    for (i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct tone tone = {formats[i], 44100, 1, 0.3, 440, 0.5};
        uint8_t *bytes = file_bytes(tone_file("cut", &tone), &len);

        for (cut = 0; cut < len; cut += cut < 600 ? 1 : 97) {
            uint8_t *part = malloc(cut ? cut : 1); /* exact: a sanitizer sees past it */
            struct vanta_audio *audio;
            struct vanta_error err = {0};
            struct heard h;

            memcpy(part, bytes, cut);
            if (vanta_audio_open_memory(part, cut, "cut", &audio, &err) == VANTA_OK)
                hear(audio, &h);
            else
                assert_true(err.message[0] && !audio);
            free(part);
        }
        free(bytes);
    }
}

/* A program that writes to a pipe cannot fill in the length afterwards. */
static void a_length_left_open_is_no_cut(void **state)
{
    static const uint32_t left_open[] = {0, 0xffffffff, 0xffffffdb, 0x7fffffff,
                                         0x80000000, 0x7fffffdb};
    static uint8_t wav[44 + 2 * 8000];
    struct heard h;
    size_t i, k, at;

    (void)state;
    for (i = 0; i < sizeof left_open / sizeof left_open[0]; i++) {
        at = wav_head(wav, 1, 16, 16000, 1, left_open[i]);
        for (k = 0; k < 8000; k++, at += 2)
            wav[at + 1] = k % 40 < 20 ? 0x20 : 0xe0;
        hear_bytes(wav, at, &h);
        assert_int_equal(h.stats.samples, 8000);
        assert_false(h.truncated);
    }
    wav_head(wav, 1, 16, 16000, 1, 2 * 9000); /* and this is one */
    hear_bytes(wav, sizeof wav, &h);
    assert_int_equal(h.stats.samples, 8000);
    assert_true(h.truncated);
}

/* ---- MP3 ---- */

/* Without its first frame, which states the length, and with a tag or without. */
static void an_mp3_that_states_no_length_is_read_to_its_end(void **state)
{
    struct tone tone = {SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 44100, 2, 20, 440, 0.5};
    SF_INFO info = {.format = tone.format, .samplerate = 44100, .channels = 2};
    SNDFILE *file = sf_open(in_scratch("vbr.mp3"), SFM_WRITE, &info);
    int mode = SF_BITRATE_MODE_VARIABLE;
    struct heard whole, h;
    uint8_t *bytes, *tagged;
    size_t len, first;
    long i;

    (void)state;
    assert_non_null(file);
    sf_command(file, SFC_SET_BITRATE_MODE, &mode, sizeof mode);
    /* Quiet first, noise later: what the first frames weigh says nothing of the rest. */
    for (i = 0; i < 20 * 44100; i++) {
        float noise = (float)((uint32_t)(i * 2654435761u) >> 8) / (1 << 23) - 1;
        float frame[2];

        frame[0] = frame[1] = i < 10 * 44100 ? 0 : 0.3f * noise + tone_at(&tone, i);
        assert_int_equal(sf_writef_float(file, frame, 1), 1);
    }
    sf_close(file);
    hear_file(in_scratch("vbr.mp3"), &whole);
    assert_false(whole.truncated);
    assert_in_range(whole.stats.samples, 320000 - 8, 320000 + 2500);

    bytes = file_bytes(in_scratch("vbr.mp3"), &len);
    first = memcmp(bytes, "ID3", 3) == 0
                ? 10 + ((size_t)bytes[7] << 14 | (size_t)bytes[8] << 7 | bytes[9])
                : 0;
    assert_true(bytes[first] == 0xff && (bytes[first + 1] & 0xe0) == 0xe0);
    for (first += 2; bytes[first] != 0xff || (bytes[first + 1] & 0xfe) != 0xfa; first++)
        assert_true(first < 2000);
    hear_bytes(bytes + first, len - first, &h);
    assert_in_range(h.stats.samples, 320000 - 1200, 320000 + 2500);
    assert_in_range(h.info.samples, 320000 - 1200, 320000 + 2500);
    assert_false(h.truncated);
    hear_bytes(bytes + first, (len - first) / 2 + 11, &h);
    assert_true(h.truncated);
    assert_true(h.stats.samples > 160000 && h.stats.samples < 300000);

    tagged = calloc(1, len + 5000);
    memcpy(tagged, "ID3\x03\0\0\0\0\x27\x06", 10); /* 4998 bytes of a picture, say */
    memcpy(tagged + 5000 + 8, bytes + first, len - first);
    memset(tagged + 10, 0xff, 4990);
    hear_bytes(tagged, 5008 + len - first, &h);
    assert_in_range(h.stats.samples, 320000 - 1200, 320000 + 2500);
    assert_false(h.truncated);
    free(tagged);
    free(bytes);
}

/* ---- refusals ---- */

static void what_is_no_audio_is_refused(void **state)
{
    uint8_t wav[60];
    struct vanta_audio *audio;
    struct vanta_error err = {0};

    (void)state;
    refused("", 0, VANTA_ERR_FORMAT, "an empty file");
    refused(NULL, 0, VANTA_ERR_FORMAT, "an empty file");
    refused("x", 1, VANTA_ERR_FORMAT, "not audio");
    refused("<!doctype html><html>", 21, VANTA_ERR_FORMAT, "not audio");
    refused("\xff\xfet\0e\0x\0t\0 \0i\0n\0", 18, VANTA_ERR_FORMAT, "not audio");
    refused("GGUF\3\0\0\0\0\0\0\0\0\0\0\0", 16, VANTA_ERR_FORMAT, "not audio");
    refused("\0\0\0\x20" "ftypM4A \0\0\0\0", 16, VANTA_ERR_UNSUPPORTED, "MP4 or M4A");
    refused("FORM\0\0\0\0AIFFCOMM", 16, VANTA_ERR_UNSUPPORTED, "AIFF");
    refused("RIFF\0\0\0\0AVI LIST", 16, VANTA_ERR_UNSUPPORTED, "no WAV");
    refused("RIFF\0\0\0\0WAVE", 12, VANTA_ERR_FORMAT, "WAV");
    refused("fLaC\0\0\0\x22", 8, VANTA_ERR_FORMAT, "FLAC");
    refused("ID3\x03\0\0\0\0\x7f\x7f" "abc", 13, VANTA_ERR_FORMAT, "within its tag");
    refused("ID3\x03\0\0\0\0\0\0" "no sound here", 23, VANTA_ERR_FORMAT, "no sound");
    wav_head(wav, 1, 16, 0, 1, 16);
    refused(wav, sizeof wav, VANTA_ERR_FORMAT, "");
    wav_head(wav, 1, 16, 999, 1, 16);
    refused(wav, sizeof wav, VANTA_ERR_LIMIT, "999 Hz");
    wav_head(wav, 1, 16, 2000000, 1, 16);
    refused(wav, sizeof wav, VANTA_ERR_LIMIT, "2000000 Hz");
    wav_head(wav, 1, 8, 16000, 65, 16);
    refused(wav, sizeof wav, VANTA_ERR_LIMIT, "65 channels");

    assert_int_equal(vanta_audio_open(in_scratch("none"), &audio, &err),
                     VANTA_ERR_NOT_FOUND);
    err = (struct vanta_error){0};
    assert_int_equal(vanta_audio_open(scratch, &audio, &err), VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "a folder"));
    err = (struct vanta_error){0};
    assert_int_equal(mkfifo(in_scratch("pipe"), 0600), 0);
    assert_int_equal(vanta_audio_open(in_scratch("pipe"), &audio, &err),
                     VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "a pipe"));
    err = (struct vanta_error){0};
    assert_int_equal(vanta_audio_open_fd(-1, "no", &audio, &err), VANTA_ERR_IO);
    vanta_audio_close(NULL);
}

/* ---- the clips that speech models are tested with ---- */

static void the_reference_clips_are_speech(void **state)
{
    char path[VANTA_PATH_MAX];
    json_t *list;
    size_t i, all = 0;

    (void)state;
    assert_int_equal(vanta_json_load_file(VANTA_RECIPES_DIR "/speech.json", 65536,
                                          &list, NULL),
                     VANTA_OK);
    assert_true(json_array_size(json_object_get(list, "clips")) >= 4);
    for (i = 0; i < json_array_size(json_object_get(list, "clips")); i++) {
        const json_t *clip = json_array_get(json_object_get(list, "clips"), i);
        const char *file = json_string_value(json_object_get(clip, "file"));
        struct heard h;

        assert_true(strlen(json_string_value(json_object_get(clip, "text"))) > 40);
        assert_true(vanta_format(path, sizeof path, "%s/%s", VANTA_RECIPES_DIR, file));
        hear_file(path, &h);
        assert_string_equal(h.info.format, "FLAC, 16 bit");
        assert_int_equal(h.info.rate_hz, 16000);
        assert_int_equal(h.info.channels, 1);
        assert_false(h.truncated);
        assert_in_range(h.stats.samples, 3 * 16000, 8 * 16000);
        assert_int_equal(h.stats.clipped, 0);
        assert_true(h.stats.peak > 0.45f && h.stats.rms > 0.03f);
        assert_true(h.stats.leading_silence < 8000 && h.stats.trailing_silence < 8000);
        all += (size_t)vanta_file_size(path);
    }
    assert_true(all < 250 * 1000); /* the program carries them */
    json_decref(list);
}

/* ---- long ---- */

#if defined(__SANITIZE_ADDRESS__)
#define RESAMPLED_S 60 /* the resampler is slow there */
#else
#define RESAMPLED_S 1200
#endif

static void stream_long(uint32_t rate, uint64_t seconds)
{
    const uint64_t frames = seconds * rate;
    const char *path = in_scratch("long.wav");
    struct rusage before, after;
    static float block[16000];
    struct vanta_audio *audio;
    struct vanta_error err = {0};
    struct vanta_audio_stats stats;
    uint64_t samples = 0;
    uint8_t head[44];
    size_t got = 1;
    FILE *file;

    wav_head(head, 1, 16, rate, 2, (uint32_t)(frames * 4));
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(head, 1, sizeof head, file), sizeof head);
    assert_int_equal(fclose(file), 0);
    /* Zeros that take no room on the disk, and one second of a tone at the very end. */
    assert_int_equal(truncate(path, (off_t)(44 + frames * 4)), 0);
    file = fopen(path, "r+b");
    assert_int_equal(fseeko(file, (off_t)(44 + (frames - rate) * 4), SEEK_SET), 0);
    for (got = 0; got < rate * 4; got++)
        fputc(got % 2 == 0 ? 0 : got / 192 % 2 ? 0x40 : 0xc0, file);
    assert_int_equal(fclose(file), 0);

    getrusage(RUSAGE_SELF, &before);
    assert_int_equal(vanta_audio_open(path, &audio, &err), VANTA_OK);
    assert_int_equal(vanta_audio_info(audio)->length_ms, seconds * 1000);
    vanta_audio_stats_start(&stats);
    do {
        assert_int_equal(vanta_audio_read(audio, block, 16000, &got, &err), VANTA_OK);
        vanta_audio_stats_add(&stats, block, got);
        samples += got;
    } while (got);
    vanta_audio_stats_end(&stats);
    assert_false(vanta_audio_truncated(audio));
    vanta_audio_close(audio);
    getrusage(RUSAGE_SELF, &after);
    assert_in_range(samples, seconds * 16000 - 8, seconds * 16000 + 8);
    assert_in_range(stats.leading_silence, (seconds - 1) * 16000 - 320,
                    (seconds - 1) * 16000 + 320);
    assert_true(stats.peak > 0.3f);
#if defined(__APPLE__)
    assert_true(after.ru_maxrss - before.ru_maxrss < 8 * 1024 * 1024);
#else
    assert_true(after.ru_maxrss - before.ru_maxrss < 8 * 1024);
#endif
}

static void three_hours_stream_in_little_memory(void **state)
{
    (void)state;
    stream_long(16000, 3 * 3600);
    stream_long(48000, RESAMPLED_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: what other tests have held would hide what this one holds. */
        scratch_test(three_hours_stream_in_little_memory),
        scratch_test(every_kind_gives_the_same_sound),
        cmocka_unit_test(channels_are_mixed),
        scratch_test(what_16_khz_can_hold_stays_and_the_rest_goes),
        cmocka_unit_test(nothing_is_shifted),
        cmocka_unit_test(values_beyond_reason_are_bounded),
        cmocka_unit_test(a_recording_without_a_sample_is_read),
        scratch_test(silence_is_told),
        cmocka_unit_test(stats_find_silence_and_clipping),
        scratch_test(cut_recordings_give_what_is_there),
        scratch_test(cutting_anywhere_ends_well),
        cmocka_unit_test(a_length_left_open_is_no_cut),
        scratch_test(an_mp3_that_states_no_length_is_read_to_its_end),
        scratch_test(what_is_no_audio_is_refused),
        cmocka_unit_test(the_reference_clips_are_speech),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
