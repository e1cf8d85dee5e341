/* progress.c - bars on a terminal, lines elsewhere. */
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/term.h"

#define LINES_MAX 64 /* files at work at once */
#define SHOWN_MAX 8
#define COLUMNS_MAX 400
#define REDRAW_MS 100
#define PLAIN_MS 5000
#define NOTICE_MS 30000
#define SAMPLES 20 /* of the bytes moved, for the speed over the last five seconds */
#define SAMPLE_MS 250

struct meter {
    struct {
        int64_t ms;
        uint64_t bytes;
    } samples[SAMPLES];
    size_t n; /* taken in all */
};

struct line {
    const struct vanta_setup_item *item; /* NULL: free */
    const char *file;
    const char *doing; /* NULL: fetching */
    uint64_t bytes, moved;
    int64_t total;
    struct meter meter;
};

struct progress {
    struct line lines[LINES_MAX];
    struct meter meter; /* of the whole */
    uint64_t total, finished; /* bytes to move; moved by files that are done */
    size_t drawn;             /* lines of bars on the screen */
    int64_t told_ms;
    char notice[256]; /* the last one, up to its last semicolon */
    int64_t notice_ms;
    bool bars, quiet;
};

static void sample(struct meter *m, int64_t now, uint64_t bytes)
{
    size_t last = (m->n + SAMPLES - 1) % SAMPLES;

    if (m->n > 0 && now - m->samples[last].ms < SAMPLE_MS)
        return;
    m->samples[m->n % SAMPLES].ms = now;
    m->samples[m->n % SAMPLES].bytes = bytes;
    m->n++;
}

/* Bytes a second over the samples that are kept; 0: not known yet. */
static uint64_t speed(const struct meter *m)
{
    size_t last = (m->n + SAMPLES - 1) % SAMPLES;
    size_t first = m->n > SAMPLES ? m->n % SAMPLES : 0;
    int64_t ms;

    if (m->n < 2)
        return 0;
    ms = m->samples[last].ms - m->samples[first].ms;
    if (ms <= 0 || m->samples[last].bytes < m->samples[first].bytes)
        return 0;
    return (m->samples[last].bytes - m->samples[first].bytes) * 1000 / (uint64_t)ms;
}

static uint64_t moved(const struct progress *p)
{
    uint64_t sum = p->finished;
    size_t i;

    for (i = 0; i < LINES_MAX; i++)
        if (p->lines[i].item)
            sum += p->lines[i].moved;
    return sum;
}

struct progress *progress_new(uint64_t bytes_total, bool quiet)
{
    struct progress *p = calloc(1, sizeof *p);
    const char *term = getenv("TERM");

    if (!p)
        return NULL;
    p->total = bytes_total;
    p->quiet = quiet;
    p->bars = term_is_terminal(stderr) && term && strcmp(term, "dumb") != 0;
    p->told_ms = vanta_clock_ms();
    return p;
}

/* --- drawing --- */

/* "12 MB/s  1 min 20 s", as far as it is known. */
static void describe_rate(const struct meter *m, uint64_t bytes, int64_t total, char *out,
                          size_t size)
{
    char rate[VANTA_SIZE_TEXT_MAX], left[VANTA_SIZE_TEXT_MAX];
    uint64_t per_second = speed(m);

    out[0] = '\0';
    if (per_second == 0)
        return;
    vanta_size_text(per_second, rate);
    if (total > 0 && (uint64_t)total > bytes) /* rounded up: never "0 s left" */
        vanta_format(out, size, "%s/s  %s left", rate,
                     vanta_duration_text(
                         (int64_t)(((uint64_t)total - bytes) / per_second + 1) * 1000,
                         left));
    else
        vanta_format(out, size, "%s/s", rate);
}

/* One line of at most width columns: name, bar, percent, rate. What has no room is left
 * out, from the right. */
static void draw_line(const char *name, uint64_t bytes, int64_t total, const char *rate,
                      unsigned width)
{
    char text[COLUMNS_MAX + 8], shown[160], bar[64], size[VANTA_SIZE_TEXT_MAX];
    unsigned percent = 0, i, cells = width >= 100 ? 30 : width >= 72 ? 16 : 0;
    int room = width > 110 ? 44 : width > 60 ? 32 : (int)width - 6;

    if (width < 10)
        return;
    if (total > 0)
        percent = bytes >= (uint64_t)total ? 100
                                           : (unsigned)(bytes * 100 / (uint64_t)total);
    vanta_text_printable(name, shown, sizeof shown);
    if ((int)vanta_text_columns(shown) > room && strlen(shown) > (size_t)room - 1)
        memcpy(shown + room - 2, "..", 3);
    for (i = 0; i < cells; i++)
        bar[i] = i < percent * cells / 100 ? '#' : '-';
    bar[cells] = '\0';
    if (total > 0)
        vanta_format(text, sizeof text, "%-*s %s%s%s%3u%%  %s", room, shown,
                     cells ? "[" : "", bar, cells ? "] " : "", percent, rate);
    else
        vanta_format(text, sizeof text, "%-*s %s  %s", room, shown,
                     vanta_size_text(bytes, size), rate);
    text[width - 1 < COLUMNS_MAX ? width - 1 : COLUMNS_MAX] = '\0';
    fprintf(stderr, "%s\n", text);
}

static void erase(struct progress *p)
{
    if (p->drawn > 0)
        fprintf(stderr, "\r\033[%zuA\033[J", p->drawn);
    p->drawn = 0;
}

static void line_name(const struct line *line, char *out, size_t size)
{
    vanta_format(out, size, "%s%s%s/%s", line->doing ? line->doing : "",
                 line->doing ? " " : "", line->item->model->id,
                 line->file ? line->file : "");
}

static void draw(struct progress *p)
{
    unsigned width = term_width(stderr);
    char name[160], rate[96], done[VANTA_SIZE_TEXT_MAX], all[VANTA_SIZE_TEXT_MAX];
    uint64_t sum = moved(p);
    size_t i;

    erase(p);
    for (i = 0; i < LINES_MAX && p->drawn < SHOWN_MAX; i++) {
        struct line *line = &p->lines[i];

        if (!line->item)
            continue;
        line_name(line, name, sizeof name);
        describe_rate(&line->meter, line->bytes, line->total, rate, sizeof rate);
        draw_line(name, line->bytes, line->total, rate, width);
        p->drawn++;
    }
    if (p->total > 0 && p->drawn > 0) {
        vanta_format(name, sizeof name, "total %s of %s",
                     vanta_size_text(sum > p->total ? p->total : sum, done),
                     vanta_size_text(p->total, all));
        describe_rate(&p->meter, sum, (int64_t)p->total, rate, sizeof rate);
        draw_line(name, sum, (int64_t)p->total, rate, width);
        p->drawn++;
    }
    fflush(stderr);
}

/* "Fetched 34% of 735 MB: whisper-base, all-MiniLM-L6-v2  12 MB/s  40 s left". */
static void tell(struct progress *p)
{
    char rate[96], all[VANTA_SIZE_TEXT_MAX], names[512] = "";
    uint64_t sum = moved(p);
    size_t i, k, len = 0;

    for (i = 0; i < LINES_MAX; i++) {
        const struct line *line = &p->lines[i];

        if (!line->item)
            continue;
        for (k = 0; k < i; k++)
            if (p->lines[k].item == line->item)
                break;
        if (k == i && vanta_format(names + len, sizeof names - len, "%s%s",
                                   len ? ", " : "", line->item->model->id))
            len += strlen(names + len);
    }
    if (!len)
        return;
    describe_rate(&p->meter, sum, (int64_t)p->total, rate, sizeof rate);
    if (p->total > 0)
        fprintf(stderr, "%3u%% of %s  %s  (%s)\n",
                (unsigned)(sum >= p->total ? 100 : sum * 100 / p->total),
                vanta_size_text(p->total, all), rate, names);
    else
        fprintf(stderr, "at work: %s\n", names);
}

static void show(struct progress *p)
{
    int64_t now = vanta_clock_ms();

    sample(&p->meter, now, moved(p));
    if (p->quiet || now - p->told_ms < (p->bars ? REDRAW_MS : PLAIN_MS))
        return;
    p->told_ms = now;
    if (p->bars)
        draw(p);
    else
        tell(p);
}

/* --- what happens --- */

static struct line *find_line(struct progress *p, const struct vanta_setup_event *e)
{
    struct line *free_line = NULL;
    size_t i;

    for (i = 0; i < LINES_MAX; i++) {
        struct line *line = &p->lines[i];

        if (line->item == e->item && line->file && e->file &&
            strcmp(line->file, e->file) == 0)
            return line;
        if (!line->item && !free_line)
            free_line = line;
    }
    if (free_line) {
        memset(free_line, 0, sizeof *free_line);
        free_line->item = e->item;
        free_line->file = e->file;
    }
    return free_line;
}

static void end_line(struct progress *p, struct line *line)
{
    p->finished += line->moved;
    line->item = NULL;
}

static void update(struct progress *p, const struct vanta_setup_event *e)
{
    struct line *line = e->item && e->file ? find_line(p, e) : NULL;

    if (!line)
        return;
    line->doing = e->kind == VANTA_SETUP_VERIFY    ? "checking"
                  : e->kind == VANTA_SETUP_PREPARE ? "converting"
                                                   : NULL;
    if (e->bytes >= line->bytes || e->kind == VANTA_SETUP_FILE_START)
        line->bytes = e->bytes;
    if (e->bytes_moved > line->moved)
        line->moved = e->bytes_moved;
    line->total = e->bytes_total;
    sample(&line->meter, vanta_clock_ms(), e->bytes);
    if (e->kind == VANTA_SETUP_FILE_DONE ||
        (line->doing && e->bytes_total >= 0 && e->bytes >= (uint64_t)e->bytes_total))
        end_line(p, line);
    show(p);
}

/* "x: there, 3.1 GB fetched, 1.0 GB resumed, 4 MB reused (2 min)". */
static void describe_fetched(const struct vanta_setup_item *item, const char *time,
                             char *out, size_t size)
{
    const struct {
        uint64_t bytes;
        const char *how;
    } parts[] = {{item->moved_bytes, "fetched"},
                 {item->resumed_bytes, "resumed"},
                 {item->reused_bytes, "reused"}};
    char bytes[VANTA_SIZE_TEXT_MAX];
    size_t i, len;

    vanta_format(out, size, "%s: there", item->model->id);
    for (i = 0; i < 3; i++) {
        len = strlen(out);
        if (parts[i].bytes > 0)
            vanta_format(out + len, size - len, ", %s %s",
                         vanta_size_text(parts[i].bytes, bytes), parts[i].how);
    }
    len = strlen(out);
    vanta_format(out + len, size - len, " (%s)", time);
}

static void finish_model(struct progress *p, const struct vanta_setup_event *e)
{
    const struct vanta_setup_item *item = e->item;
    char time[VANTA_SIZE_TEXT_MAX], text[1024], shown[1024];
    bool failed = item->outcome == VANTA_OUTCOME_FAILED;
    size_t i;

    for (i = 0; i < LINES_MAX; i++)
        if (p->lines[i].item == item)
            end_line(p, &p->lines[i]);
    if (p->bars)
        erase(p);
    vanta_duration_text(item->milliseconds, time);
    if (failed)
        vanta_format(text, sizeof text, "%s: failed after %s", item->model->id, time);
    else if (item->outcome == VANTA_OUTCOME_ADOPTED)
        vanta_format(text, sizeof text, "%s: was there and is right (%s)",
                     item->model->id, time);
    else if (item->outcome == VANTA_OUTCOME_FETCHED && item->model->n_files > 0)
        describe_fetched(item, time, text, sizeof text);
    else
        return;
    vanta_text_printable(text, shown, sizeof shown);
    if (failed || !p->quiet)
        fprintf(stderr, "%s%s%s\n",
                term_style(stderr, failed ? STYLE_BAD : STYLE_GOOD), shown,
                term_style(stderr, STYLE_NONE));
}

/* A source that is tried again and again says so each time, but for its last clause in
 * the same words: once in a while is enough. */
static bool said_before(struct progress *p, const char *text)
{
    const char *last = strrchr(text, ';');
    int64_t now = vanta_clock_ms();
    char start[sizeof p->notice];

    vanta_format(start, sizeof start, "%.*s", last ? (int)(last - text) : 0, text);
    if (last && strcmp(start, p->notice) == 0 && now - p->notice_ms < NOTICE_MS)
        return true;
    memcpy(p->notice, start, sizeof start);
    p->notice_ms = now;
    return false;
}

void progress_event(struct progress *p, const struct vanta_setup_event *e)
{
    char shown[1024];

    if (!p)
        return;
    switch (e->kind) {
    case VANTA_SETUP_NOTICE:
        if (!e->message || (p->quiet && !e->warning))
            return;
        vanta_text_printable(e->message, shown, sizeof shown);
        if (said_before(p, shown))
            return;
        erase(p);
        fprintf(stderr, "%s\n", shown);
        break;
    case VANTA_SETUP_MODEL_DONE:
        finish_model(p, e);
        break;
    default:
        update(p, e);
    }
}

void progress_free(struct progress *p)
{
    if (!p)
        return;
    erase(p);
    fflush(stderr);
    free(p);
}
