/* audio_serve.c - the request "audio": what a recording is like, without a model. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "engines/helper/audio.h"
#include "engines/helper/serve.h"

#define BLOCK ((size_t)VANTA_AUDIO_HZ) /* a second */

static const struct vanta_json_doc request_doc = {"request"};

static enum vanta_status hear(struct vanta_audio *audio, struct vanta_audio_stats *stats,
                              struct job *job, struct vanta_error *err)
{
    const struct vanta_audio_info *info = vanta_audio_info(audio);
    float *block = malloc(BLOCK * sizeof *block);
    enum vanta_status status = VANTA_OK;
    size_t got = 1;

    if (!block)
        return vanta_fail_memory(err);
    while (status == VANTA_OK && got > 0) {
        if (job_cancelled(job)) {
            status = vanta_fail(err, VANTA_ERR_CANCELLED, "the request was cancelled");
            break;
        }
        status = vanta_audio_read(audio, block, BLOCK, &got, err);
        if (status == VANTA_OK)
            vanta_audio_stats_add(stats, block, got);
        if (info->samples > 0)
            job_progress(job, (double)stats->samples / (double)info->samples);
    }
    free(block);
    return status;
}

static json_t *report(const struct vanta_audio *audio,
                      const struct vanta_audio_stats *stats)
{
    const struct vanta_audio_info *info = vanta_audio_info(audio);
    const double hz = VANTA_AUDIO_HZ;
    size_t format = strcspn(info->format, ",");

    return json_pack(
        "{s:s%, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:b}", "format", info->format,
        format < 31 ? format : 31, "sample_hz", (json_int_t)info->rate_hz, "channels",
        (json_int_t)info->channels, "seconds", (double)stats->samples / hz, "peak",
        (double)stats->peak, "rms", (double)stats->rms, "clipped",
        stats->samples ? (double)stats->clipped / (double)stats->samples : 0.0,
        "silence_start_s", (double)stats->leading_silence / hz, "silence_end_s",
        (double)stats->trailing_silence / hz, "truncated", vanta_audio_truncated(audio));
}

enum vanta_status audio_request(void *state, struct job *job, struct answer *answer,
                                struct vanta_error *err)
{
    struct vanta_audio *audio = NULL;
    struct vanta_audio_stats stats;
    const char *path = NULL;
    enum vanta_status status =
        vanta_json_string(&request_doc, job->request, "", "path", true, &path, err);

    (void)state;
    if (status == VANTA_OK)
        status = vanta_audio_open(path, &audio, err);
    if (status != VANTA_OK)
        return status;
    vanta_audio_stats_start(&stats);
    status = hear(audio, &stats, job, err);
    vanta_audio_stats_end(&stats);
    if (status == VANTA_OK && !(answer->ok = report(audio, &stats)))
        status = vanta_fail_memory(err);
    vanta_audio_close(audio);
    return status;
}
