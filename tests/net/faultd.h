/*
 * faultd.h - what the files of the misbehaving server share.
 *
 *     faultd.c            its start, connections and requests
 *     faultd_answer.c     what is sent: answers as a good server gives them, and parts of
 *                         them
 *     faultd_scenario.c   each way to misbehave, and the table of them
 *     faultd_ranges.c     those that only show where several ranges are asked for
 *     faultd_hub.c        what stands in for the model hub
 */
#ifndef VANTA_TESTS_FAULTD_H
#define VANTA_TESTS_FAULTD_H

#include <stdbool.h>
#include <stddef.h>

#define REQUEST_MAX 16384

/* One request and what is sent for it. */
struct exchange {
    int fd;
    char request[REQUEST_MAX];
    char method[8];
    char path[2048]; /* without the query */
    char query[512];
    char host[256];
    char authorization[256];
    char if_range[256];
    long range_from; /* -1: no Range */
    long range_last; /* -1: to the end */
    const char *name; /* file below ROOT; points into path */
    long args[2];     /* of the scenario; -1: not given */
    unsigned count;   /* how often this path was asked for, from 1 */
};

/* --- faultd.c --- */

extern int faultd_port;
/* How often this path was asked for until now. */
unsigned asked(const char *path);
/* A line of the log. */
void write_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- faultd_answer.c: true when the connection may take another request --- */

extern const char *faultd_root;
/* A file below ROOT, mapped until unload(): of a large one a range is asked for at a time.
 * NULL: there is none. */
const char *load(const char *name, size_t *len);
void unload(const char *data, size_t len);

bool send_all(int fd, const void *data, size_t len);
bool send_text(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool answer_empty(struct exchange *x, int status, const char *headers);
bool answer_text(struct exchange *x, int status, const char *type, const char *headers,
                 const char *body);

enum { NO_RANGES = 1, NO_ETAG = 2, CHUNKED = 4, NO_LENGTH = 8, NO_TOTAL = 16 };

struct body {
    const char *data;
    size_t len;
    const char *etag;
    unsigned flags;
    long declared_more; /* added to the length that is stated */
    long shift;         /* added to the start that Content-Range states */
};

/* The header of a file's answer; *from gets where the body starts. False: 416, none. */
/* Behind the last byte that is sent of the file. */
size_t answer_end(const struct exchange *x, const struct body *b);
bool answer_header(struct exchange *x, const struct body *b, size_t *from);
bool answer_file(struct exchange *x, const struct body *b);
/* Sends only so many bytes of the body; false when that was not all. */
bool answer_cut(struct exchange *x, const struct body *b, long bytes);

/* --- faultd_scenario.c --- */

/* /SCENARIO[:ARGUMENT[:ARGUMENT]]/FILE */
bool serve_scenario(struct exchange *x);

void sleep_ms(long ms);
/* Whole answers that misbehave. */
bool answer_slowly(struct exchange *x, const struct body *b); /* args: BYTES:MS */
bool answer_reset(struct exchange *x, const struct body *b, long bytes);
bool answer_stall(struct exchange *x, const struct body *b, long bytes);
bool answer_html(struct exchange *x, struct body *b);
bool answer_gzip(struct exchange *x, struct body *b);
bool answer_flood(struct exchange *x, struct body *b);
bool answer_slow_headers(struct exchange *x, struct body *b);
bool answer_redirect(struct exchange *x, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* --- faultd_ranges.c --- */

bool answer_ranges(struct exchange *x, struct body *b);
bool answer_wrong_at(struct exchange *x, struct body *b);
bool answer_to_expire(struct exchange *x, struct body *b);
bool answer_expires(struct exchange *x, struct body *b);

/* --- faultd_hub.c --- */

/* /ORG/REPO/resolve/REVISION/FILE, file behind the revision. */
bool hub_resolve(struct exchange *x, const char *org, const char *file);
/* /api/models/ORG/REPO/{revision,tree}/REVISION */
bool hub_api(struct exchange *x);

#endif
