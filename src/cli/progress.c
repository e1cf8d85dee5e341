/* progress.c - bars on a terminal, lines elsewhere. */
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/bars.h"
#include "cli/term.h"

#define LINES_MAX 64 /* files at work at once */
#define SHOWN_MAX 8
#define DRAWN_MAX (SHOWN_MAX + 2) /* with "and more", and the total */
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
    char source[24];   /* in a word */
    uint64_t bytes, moved, resumed, reused;
    int64_t total;
    struct meter meter;
};

struct progress {
    struct line lines[LINES_MAX];
    struct meter meter; /* of the whole */
    uint64_t total, finished; /* bytes to move; moved by files that are done */
    uint64_t resumed, reused; /* of files that are done */
    size_t drawn[DRAWN_MAX];  /* the columns of the lines on the screen */
    size_t n_drawn;
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

/* To the start of the first line that was drawn. Where the terminal has become narrower
 * since, it has wrapped the lines. */
static void rewind_lines(struct progress *p, struct vanta_buf *out)
{
    size_t rows = bars_rows(p->drawn, p->n_drawn, term_width(stderr));

    if (rows > 0)
        vanta_buf_printf(out, "\r\033[%zuA", rows);
    p->n_drawn = 0;
}

static void erase(struct progress *p)
{
    struct vanta_buf out = VANTA_BUF(64);

    if (p->n_drawn > 0) {
        rewind_lines(p, &out);
        fprintf(stderr, "%s\033[J", out.data ? out.data : "");
    }
    vanta_buf_free(&out);
}

static void line_name(const struct line *line, char *out, size_t size)
{
    char name[160];

    vanta_format(name, sizeof name, "%s%s%s%s%s", line->doing ? line->doing : "",
                 line->doing ? " " : "", line->item->model->id, line->file ? "/" : "",
                 line->file ? line->file : "");
    vanta_text_printable(name, out, size);
}

static void add_line(struct progress *p, struct vanta_buf *out, const char *text,
                     size_t columns)
{
    if (p->n_drawn == DRAWN_MAX)
        return;
    vanta_buf_puts(out, text);
    vanta_buf_puts(out, "\033[K\n");
    p->drawn[p->n_drawn++] = columns;
}

/* Lines of files; whether one of them is this process's own. */
static bool add_files(struct progress *p, struct vanta_buf *out, unsigned width,
                      size_t most)
{
    char name[160], text[BARS_LINE_MAX];
    size_t i, shown = 0, more = 0, columns;
    bool own = false;

    for (i = 0; i < LINES_MAX; i++) {
        struct line *line = &p->lines[i];

        if (!line->item)
            continue;
        own = own || line->file;
        if (shown == most) {
            more++;
            continue;
        }
        line_name(line, name, sizeof name);
        columns = bars_file(&(struct bar){name, line->source, line->bytes, line->total,
                                          speed(&line->meter)},
                            width, text);
        add_line(p, out, text, columns);
        shown++;
    }
    if (more > 0 && vanta_format(text, sizeof text, "(%zu more)", more))
        add_line(p, out, text, strlen(text));
    return own;
}

/* All in one write, each line over the former one: nothing flickers. */
static void draw(struct progress *p)
{
    unsigned width = term_width(stderr), height = term_height(stderr);
    struct vanta_buf out = VANTA_BUF(DRAWN_MAX * (BARS_LINE_MAX + 8));
    struct bar_sum sum = {.bytes = moved(p), .total = p->total, .resumed = p->resumed,
                          .reused = p->reused, .per_second = speed(&p->meter)};
    char text[BARS_LINE_MAX];
    size_t i, columns;
    bool own;

    if (sum.bytes > sum.total)
        sum.bytes = sum.total;
    for (i = 0; i < LINES_MAX; i++)
        if (p->lines[i].item) {
            sum.resumed += p->lines[i].resumed;
            sum.reused += p->lines[i].reused;
        }
    rewind_lines(p, &out);
    /* Cursor movement ends at the top of the screen: never more lines than it has. */
    own = add_files(p, &out, width, height > SHOWN_MAX + 3 ? SHOWN_MAX
                                    : height > 4           ? height - 4
                                                           : 1);
    if (p->total > 0 && own) {
        columns = bars_total(&sum, width, text);
        add_line(p, &out, text, columns);
    }
    vanta_buf_puts(&out, "\033[J");
    if (out.data)
        fwrite(out.data, 1, out.len, stderr);
    fflush(stderr);
    vanta_buf_free(&out);
}

/* --- without a terminal --- */

/* "12 MB/s  1 min 20 s left", as far as it is known. */
static void describe_rate(const struct meter *m, uint64_t bytes, uint64_t total, char *out,
                          size_t size)
{
    char rate[VANTA_SIZE_TEXT_MAX], left[VANTA_SIZE_TEXT_MAX];
    uint64_t per_second = speed(m);

    out[0] = '\0';
    if (per_second == 0)
        return;
    vanta_size_text(per_second, rate);
    if (total > bytes) /* rounded up: never "0 s left" */
        vanta_format(out, size, "%s/s  %s left", rate,
                     vanta_duration_text(
                         (int64_t)((total - bytes) / per_second + 1) * 1000, left));
    else
        vanta_format(out, size, "%s/s", rate);
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
    describe_rate(&p->meter, sum, p->total, rate, sizeof rate);
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

        if (line->item == e->item && line->item &&
            (e->file ? line->file && strcmp(line->file, e->file) == 0 : !line->file))
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
    p->resumed += line->resumed;
    p->reused += line->reused;
    line->item = NULL;
}

/* The other process is done, or gone: what it did is no line any more. */
static void end_waiting(struct progress *p, const struct vanta_setup_item *item)
{
    size_t i;

    for (i = 0; i < LINES_MAX; i++)
        if (p->lines[i].item == item && !p->lines[i].file)
            p->lines[i].item = NULL;
}

static void update(struct progress *p, const struct vanta_setup_event *e)
{
    bool waiting = e->kind == VANTA_SETUP_WAIT;
    struct line *line = e->item && (e->file || waiting) ? find_line(p, e) : NULL;

    if (!line)
        return;
    if (!waiting)
        end_waiting(p, e->item);
    line->doing = e->kind == VANTA_SETUP_VERIFY    ? "checking"
                  : e->kind == VANTA_SETUP_PREPARE ? "converting"
                  : waiting                        ? "other process:"
                                                   : NULL;
    if (e->source)
        bars_source(e->source, line->source, sizeof line->source);
    line->resumed = e->bytes_resumed;
    line->reused = e->bytes_reused;
    if (e->bytes >= line->bytes || e->kind == VANTA_SETUP_FILE_START)
        line->bytes = e->bytes;
    if (e->bytes_moved > line->moved)
        line->moved = e->bytes_moved;
    line->total = e->bytes_total;
    sample(&line->meter, vanta_clock_ms(), e->bytes);
    if (e->kind == VANTA_SETUP_FILE_DONE ||
        (line->doing && !waiting && e->bytes_total >= 0 && e->bytes >= (uint64_t)e->bytes_total))
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
    /* What the plan counted and was not needed is not left to do, either. */
    if (item->network_bytes > item->moved_bytes)
        p->finished += item->network_bytes - item->moved_bytes;
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
