#include "models/subtitles.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

static enum vanta_status full(struct vanta_buf *out, size_t len, struct vanta_error *err)
{
    out->len = len;
    if (out->data)
        out->data[len] = '\0';
    return vanta_fail(err, VANTA_ERR_LIMIT, "the subtitles do not fit into %zu bytes",
                      out->max);
}

enum vanta_status vanta_subtitles_start(struct vanta_subtitles *subtitles,
                                        enum vanta_subtitles_format format,
                                        struct vanta_buf *out, struct vanta_error *err)
{
    *subtitles = (struct vanta_subtitles){.format = format};
    if (format == VANTA_SUBTITLES_VTT && !vanta_buf_puts(out, "WEBVTT\n\n"))
        return full(out, out->len, err);
    return VANTA_OK;
}

static bool add_time(struct vanta_buf *out, int64_t ms, char point)
{
    return vanta_buf_printf(out, "%02" PRId64 ":%02d:%02d%c%03d", ms / 3600000,
                            (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), point,
                            (int)(ms % 1000));
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* One line of text: white space joined, what a terminal or player would obey made '?'. */
static bool plain_line(const char *text, struct vanta_buf *line)
{
    size_t len = strlen(text), used = 0, i;
    struct vanta_buf joined = VANTA_BUF(line->max);
    bool ok = false;

    if (!vanta_buf_reserve(&joined, len) || !vanta_buf_reserve(line, len))
        goto out;
    for (i = 0; i < len; i++) {
        if (!is_space(text[i]))
            joined.data[used++] = text[i];
        else if (used && joined.data[used - 1] != ' ')
            joined.data[used++] = ' ';
    }
    while (used && joined.data[used - 1] == ' ')
        used--;
    joined.data[used] = '\0';
    line->len = vanta_text_printable(joined.data, line->data, len + 1);
    ok = true;
out:
    vanta_buf_free(&joined);
    return ok;
}

static bool add_text(struct vanta_buf *out, const char *text, bool entities)
{
    const char *p;

    for (p = text; *p; p++) {
        const char *instead = NULL;

        if (entities)
            instead = *p == '&'   ? "&amp;"
                      : *p == '<' ? "&lt;"
                      : *p == '>' ? "&gt;"
                                  : NULL;
        else if (*p == '>' && p - text >= 2 && p[-1] == '-' && p[-2] == '-')
            instead = " >";
        if (instead ? !vanta_buf_puts(out, instead) : !vanta_buf_append(out, p, 1))
            return false;
    }
    return true;
}

static bool add_cue(struct vanta_buf *out, const struct vanta_subtitles *subtitles,
                    int64_t start_ms, int64_t end_ms, const char *line)
{
    bool vtt = subtitles->format == VANTA_SUBTITLES_VTT;
    char point = vtt ? '.' : ',';

    return (vtt || vanta_buf_printf(out, "%" PRIu32 "\n", subtitles->cues + 1)) &&
           add_time(out, start_ms, point) && vanta_buf_puts(out, " --> ") &&
           add_time(out, end_ms, point) && vanta_buf_puts(out, "\n") &&
           add_text(out, line, vtt) && vanta_buf_puts(out, "\n\n");
}

enum vanta_status vanta_subtitles_add(struct vanta_subtitles *subtitles,
                                      const struct vanta_segment *segment,
                                      struct vanta_buf *out, struct vanta_error *err)
{
    int64_t start_ms = segment->start_ms > 0 ? segment->start_ms : 0;
    int64_t end_ms = segment->end_ms > start_ms ? segment->end_ms : start_ms;
    struct vanta_buf line = VANTA_BUF(strlen(segment->text) + 1);
    enum vanta_status status = VANTA_OK;
    size_t before = out->len;

    if (!plain_line(segment->text, &line)) {
        status = vanta_fail_memory(err);
    } else if (line.len > 0) {
        if (add_cue(out, subtitles, start_ms, end_ms, line.data))
            subtitles->cues++;
        else
            status = full(out, before, err);
    }
    vanta_buf_free(&line);
    return status;
}
