#include "cli/bars.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define GAP 2
#define NAME_MIN 20
#define NAME_MAX_COLUMNS 44
#define CELLS_MIN 10
#define CELLS_MAX 30
#define SOURCE_MIN 12
#define SOURCE_MAX 24
#define PERCENT 4 /* "100%" */
#define SPEED 9   /* "12.3 MB/s" */
#define LEFT 8    /* "12:34:56" */
#define BYTES 18  /* "1.20 GB of 4.11 GB" */

/* Columns of each part; 0: it has no room. */
struct layout {
    size_t name, percent, speed, left, bar, source, bytes;
};

static size_t give(size_t *room, size_t columns)
{
    if (*room < columns + GAP)
        return 0;
    *room -= columns + GAP;
    return columns;
}

static size_t widen(size_t *room, size_t columns, size_t most)
{
    size_t more = columns == 0 || columns >= most ? 0 : most - columns;

    if (more > *room)
        more = *room;
    *room -= more;
    return columns + more;
}

static struct layout lay_out(unsigned width)
{
    struct layout l = {0};
    size_t room = width > 1 ? width - 1 : 0;

    l.name = room < NAME_MIN ? room : NAME_MIN;
    room -= l.name;
    l.percent = give(&room, PERCENT);
    l.speed = give(&room, SPEED);
    l.left = give(&room, LEFT);
    l.bar = give(&room, CELLS_MIN + 2);
    l.source = give(&room, SOURCE_MIN);
    l.bytes = give(&room, BYTES);
    l.name = widen(&room, l.name, NAME_MAX_COLUMNS);
    l.source = widen(&room, l.source, SOURCE_MAX);
    l.bar = widen(&room, l.bar, CELLS_MAX + 2);
    return l;
}

/* --- a line as it grows --- */

struct line {
    char *text;
    size_t len, columns;
};

/* Bytes of the longest start of text that takes at most so many columns. */
static size_t fitting(const char *text, size_t columns)
{
    char start[BARS_LINE_MAX];
    size_t end = 0, next = 0;

    while (text[next] && next + 4 < sizeof start) {
        do /* to the start of the next character */
            next++;
        while (((unsigned char)text[next] & 0xc0) == 0x80);
        memcpy(start, text, next);
        start[next] = '\0';
        if (vanta_text_columns(start) > columns)
            break;
        end = next;
    }
    return end;
}

static void put(struct line *l, const char *text, size_t len)
{
    if (len >= BARS_LINE_MAX - l->len)
        len = fitting(text, 0); /* cannot be: columns are far fewer */
    memcpy(l->text + l->len, text, len);
    l->len += len;
    l->text[l->len] = '\0';
}

static void pad(struct line *l, size_t n)
{
    while (n-- > 0)
        put(l, " ", 1);
}

/* Exactly so many columns: cut with "..", or filled up, on the left side if right. */
static void field(struct line *l, const char *text, size_t columns, int right)
{
    size_t has = vanta_text_columns(text), len = strlen(text);
    int cut = has > columns;

    if (columns == 0)
        return;
    if (l->len > 0)
        pad(l, GAP);
    if (cut) {
        len = fitting(text, columns > 2 ? columns - 2 : columns);
        has = 0;
    }
    if (right && !cut)
        pad(l, columns - has);
    put(l, text, len);
    if (cut) {
        char start[BARS_LINE_MAX];

        memcpy(start, text, len);
        start[len] = '\0';
        has = vanta_text_columns(start);
        if (columns > 2) {
            put(l, "..", 2);
            has += 2;
        }
        pad(l, columns - has);
    } else if (!right) {
        pad(l, columns - has);
    }
}

static void trim(struct line *l)
{
    while (l->len > 0 && l->text[l->len - 1] == ' ')
        l->text[--l->len] = '\0';
    l->columns = vanta_text_columns(l->text);
}

/* --- the parts --- */

static unsigned percent_of(uint64_t bytes, int64_t total)
{
    if (total <= 0)
        return 0;
    if (bytes >= (uint64_t)total)
        return 100;
    return (unsigned)((double)bytes * 100.0 / (double)total);
}

void bars_time_left(uint64_t left, uint64_t per_second, char out[16])
{
    uint64_t s;

    snprintf(out, 16, "-");
    if (per_second == 0)
        return;
    s = left / per_second + (left % per_second != 0); /* never 0:00 with bytes left */
    if (s > 359999)
        s = 359999;
    if (s >= 3600)
        snprintf(out, 16, "%u:%02u:%02u", (unsigned)(s / 3600), (unsigned)(s / 60 % 60),
                 (unsigned)(s % 60));
    else
        snprintf(out, 16, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
}

void bars_source(const char *source, char *out, size_t size)
{
    const char *host = source ? strstr(source, "://") : NULL;

    if (!source)
        snprintf(out, size, "%s", "");
    else if (source[0] == '/')
        snprintf(out, size, "copy");
    else if (host)
        snprintf(out, size, "%.*s", (int)strcspn(host + 3, "/?#"), host + 3);
    else if (vanta_has_prefix(source, "pkg:"))
        snprintf(out, size, "%.*s", (int)strcspn(source + 4, "/"), source + 4);
    else
        snprintf(out, size, "%.*s", (int)strcspn(source, ":/"), source);
}

static void draw_bar(unsigned percent, size_t columns, char out[CELLS_MAX + 3])
{
    size_t cells = columns > 2 ? columns - 2 : 0, done = percent * cells / 100;

    out[0] = '[';
    memset(out + 1, '#', done);
    memset(out + 1 + done, '-', cells - done);
    out[cells + 1] = ']';
    out[cells + 2] = '\0';
}

static void draw_middle(struct line *l, const struct layout *at, uint64_t bytes,
                        int64_t total, uint64_t per_second)
{
    char bar[CELLS_MAX + 3], text[BARS_LINE_MAX], size[VANTA_SIZE_TEXT_MAX];
    unsigned percent = percent_of(bytes, total);

    if (at->bar && total > 0) {
        draw_bar(percent, at->bar, bar);
        field(l, bar, at->bar, 0);
    } else {
        field(l, "", at->bar, 0);
    }
    snprintf(text, sizeof text, "%u%%", percent);
    field(l, total > 0 ? text : "", at->percent, 1);
    snprintf(text, sizeof text, "%s/s", vanta_size_text(per_second, size));
    field(l, per_second ? text : "", at->speed, 1);
    bars_time_left(total > 0 && (uint64_t)total > bytes ? (uint64_t)total - bytes : 0,
                   total > 0 ? per_second : 0, text);
    field(l, per_second && total > 0 ? text : "", at->left, 1);
}

size_t bars_file(const struct bar *bar, unsigned width, char out[BARS_LINE_MAX])
{
    struct layout at = lay_out(width);
    struct line l = {out, 0, 0};
    char text[BARS_LINE_MAX], done[VANTA_SIZE_TEXT_MAX], all[VANTA_SIZE_TEXT_MAX];

    out[0] = '\0';
    field(&l, bar->name, at.name, 0);
    draw_middle(&l, &at, bar->bytes, bar->total, bar->per_second);
    bars_source(bar->source, text, sizeof text);
    field(&l, text, at.source, 0);
    vanta_size_text(bar->bytes, done);
    if (bar->total > 0)
        snprintf(text, sizeof text, "%s of %s", done,
                 vanta_size_text((uint64_t)bar->total, all));
    else
        snprintf(text, sizeof text, "%s", done);
    field(&l, text, at.bytes, 0);
    trim(&l);
    return l.columns;
}

size_t bars_total(const struct bar_sum *sum, unsigned width, char out[BARS_LINE_MAX])
{
    struct layout at = lay_out(width);
    struct line l = {out, 0, 0};
    char text[BARS_LINE_MAX], one[VANTA_SIZE_TEXT_MAX], two[VANTA_SIZE_TEXT_MAX];
    size_t n = 0, room;

    out[0] = '\0';
    vanta_size_text(sum->total > sum->bytes ? sum->total - sum->bytes : 0, one);
    snprintf(text, sizeof text, "%s of %s left", one, vanta_size_text(sum->total, two));
    if (strlen(text) > at.name)
        snprintf(text, sizeof text, "%s left", one);
    field(&l, text, at.name, 0);
    draw_middle(&l, &at, sum->bytes, (int64_t)sum->total, sum->per_second);
    trim(&l);
    text[0] = '\0';
    if (sum->resumed > 0)
        n = (size_t)snprintf(text, sizeof text, "%s resumed",
                             vanta_size_text(sum->resumed, one));
    if (sum->reused > 0)
        snprintf(text + n, sizeof text - n, "%s%s reused", n ? ", " : "",
                 vanta_size_text(sum->reused, one));
    room = width > l.columns + GAP + 1 ? width - l.columns - GAP - 1 : 0;
    if (strlen(text) <= room)
        field(&l, text, strlen(text), 0);
    trim(&l);
    return l.columns;
}

size_t bars_rows(const size_t *columns, size_t n, unsigned width)
{
    size_t rows = 0, i;

    for (i = 0; i < n; i++)
        rows += width > 0 && columns[i] > width ? (columns[i] + width - 1) / width : 1;
    return rows;
}
