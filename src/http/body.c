#include "http/body.h"

#include <stddef.h>
#include <string.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool vanta_body_starts(const char *p, const char *end, const char *word)
{
    for (; *word; word++, p++)
        if (p >= end || lower(*p) != *word)
            return false;
    return true;
}

const char *vanta_body_find(const char *p, const char *end, const char *word)
{
    for (; p < end; p++)
        if (vanta_body_starts(p, end, word))
            return p;
    return NULL;
}

const char *vanta_body_text(const char *p, const char *end)
{
    if (vanta_body_starts(p, end, "\xef\xbb\xbf"))
        p += 3;
    while (p < end && memchr(" \t\r\n", *p, 4))
        p++;
    return p;
}

bool vanta_body_is_html(const char *p, const char *end)
{
    static const char *const openings[] = {"<!doctype html", "<html",  "<head", "<script",
                                           "<meta",          "<title", "<body"};
    size_t i;

    p = vanta_body_text(p, end);
    for (i = 0; i < sizeof openings / sizeof openings[0]; i++)
        if (vanta_body_starts(p, end, openings[i]))
            return true;
    return false;
}

bool vanta_body_is_html_type(const char *content_type)
{
    return strcmp(content_type, "text/html") == 0 ||
           strcmp(content_type, "application/xhtml+xml") == 0;
}
