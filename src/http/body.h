/*
 * body.h - what a body of an answer looks like that should have been something else.
 *
 * Looks at the first bytes only, which come from outside: nothing is read behind end, case
 * is ASCII's, and nothing is allocated. Not responsible for what follows from it.
 * Threads: all functions are pure.
 */
#ifndef VANTA_HTTP_BODY_H
#define VANTA_HTTP_BODY_H

#include <stdbool.h>

/* word (lower case, ends with NUL) at p, or its first place from p on (NULL: none), without
 * regard to case. */
bool vanta_body_starts(const char *p, const char *end, const char *word);
const char *vanta_body_find(const char *p, const char *end, const char *word);
/* Behind a byte order mark and white space; at most end. */
const char *vanta_body_text(const char *p, const char *end);
/* An HTML page by how it begins; and by the server's word (content_type lower case, without
 * parameters, "" for none). A page that is sent as such need not begin like one. */
bool vanta_body_is_html(const char *p, const char *end);
bool vanta_body_is_html_type(const char *content_type);

#endif
