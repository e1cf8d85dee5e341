/* Any bytes as a recording for src/engines/helper/audio.h. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "../engine/known_leaks.h"
#include "engines/helper/audio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vanta_error err = {0};
    struct vanta_audio_stats stats;
    struct vanta_audio *audio;
    static float block[4096];
    size_t got, i, blocks;

    if (vanta_audio_open_memory(data, size, "input", &audio, &err) != VANTA_OK) {
        if (audio || !err.message[0])
            abort();
        return 0;
    }
    vanta_audio_stats_start(&stats);
    /* A few bytes of FLAC can hold hours of silence: a minute is enough here. */
    for (blocks = 0; blocks < 240; blocks++) {
        if (vanta_audio_read(audio, block, 4096, &got, &err) != VANTA_OK || got == 0)
            break;
        for (i = 0; i < got; i++)
            if (!isfinite(block[i]) || fabsf(block[i]) > 1)
                abort();
        vanta_audio_stats_add(&stats, block, got);
    }
    vanta_audio_stats_end(&stats);
    if (stats.leading_silence > stats.samples || stats.trailing_silence > stats.samples ||
        stats.clipped > stats.samples)
        abort();
    (void)vanta_audio_truncated(audio);
    vanta_audio_close(audio);
    return 0;
}
