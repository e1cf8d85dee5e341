/*
 * faultd.c - an HTTP server that misbehaves on purpose, for the network tests.
 *
 *     faultd ROOT LOG PORT_FILE
 *
 * Serves the files of ROOT on a free port of the loopback, whose number it writes to
 * PORT_FILE (or at the address and port that FAULTD_ADDRESS and FAULTD_PORT name). The first
 * part of a path says how:
 * /reset:100000/NAME resets the connection after 100,000 bytes of each answer. The table
 * at the end of faultd_scenario.c lists all of them; faultd_hub.c stands in for the model
 * hub. Each connection and request is a line of LOG.
 */
#include "faultd.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

int faultd_port;
static FILE *log_file;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void write_log(const char *fmt, ...)
{
    va_list args;

    pthread_mutex_lock(&mutex);
    va_start(args, fmt);
    vfprintf(log_file, fmt, args);
    va_end(args);
    fflush(log_file);
    pthread_mutex_unlock(&mutex);
}

/* How often path was asked for, this time with it where now is 1. */
static unsigned count_path(const char *path, unsigned now)
{
    static struct {
        char path[2048];
        unsigned count;
    } seen[256];
    unsigned count;
    size_t i;

    pthread_mutex_lock(&mutex);
    for (i = 0; i < 255 && seen[i].path[0]; i++)
        if (strncmp(seen[i].path, path, sizeof seen[i].path - 1) == 0)
            break;
    snprintf(seen[i].path, sizeof seen[i].path, "%s", path);
    count = seen[i].count += now;
    pthread_mutex_unlock(&mutex);
    return count;
}

unsigned asked(const char *path)
{
    return count_path(path, 0);
}

static bool serve(struct exchange *x)
{
    char org[64] = "";
    const char *resolve = strstr(x->path, "/resolve/"), *file;

    if (strncmp(x->path, "/api/models/", 12) == 0)
        return hub_api(x);
    if (resolve && sscanf(x->path, "/%63[^/]", org) == 1) {
        file = strchr(resolve + 9, '/');
        return file ? hub_resolve(x, org, file + 1) : answer_empty(x, 404, "");
    }
    if (strcmp(x->path, "/") == 0)
        return answer_empty(x, 200, "");
    return serve_scenario(x);
}

static void take_header(const char *line, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);

    if (strncasecmp(line, name, n) == 0)
        snprintf(out, size, "%s", line + n);
}

static void take_range(struct exchange *x, const char *range)
{
    char *rest;

    x->range_from = strtol(range, &rest, 10);
    if (*rest == '-' && rest[1] >= '0' && rest[1] <= '9')
        x->range_last = strtol(rest + 1, NULL, 10);
}

static bool parse(struct exchange *x)
{
    char target[2048] = "", range[64] = "", *line, *save = NULL, *query;

    if (sscanf(x->request, "%7s %2047s", x->method, target) != 2)
        return false;
    query = strchr(target, '?');
    if (query) {
        *query = '\0';
        snprintf(x->query, sizeof x->query, "%s", query + 1);
    }
    snprintf(x->path, sizeof x->path, "%s", target);
    x->range_from = x->range_last = -1;
    for (line = strtok_r(x->request, "\r\n", &save); line;
         line = strtok_r(NULL, "\r\n", &save)) {
        take_header(line, "Host: ", x->host, sizeof x->host);
        take_header(line, "Authorization: ", x->authorization, sizeof x->authorization);
        take_header(line, "If-Range: ", x->if_range, sizeof x->if_range);
        take_header(line, "Range: bytes=", range, sizeof range);
    }
    if (range[0])
        take_range(x, range);
    return true;
}

/* One request of a connection; false: no more of them. */
static bool serve_one(int fd)
{
    struct exchange *x = calloc(1, sizeof *x);
    size_t len = 0;
    bool again = false;

    x->fd = fd;
    while (len + 1 < sizeof x->request && !strstr(x->request, "\r\n\r\n")) {
        ssize_t n = recv(fd, x->request + len, 1, 0);

        if (n <= 0) {
            free(x);
            return false;
        }
        len += (size_t)n;
    }
    if (parse(x)) {
        char last[32] = "";

        if (x->range_last >= 0)
            snprintf(last, sizeof last, "-%ld", x->range_last);
        x->count = count_path(x->path, 1);
        write_log("%s %s%s%s host=%s range=%ld%s if-range=%s auth=%s\n", x->method, x->path,
                  x->query[0] ? "?" : "", x->query, x->host, x->range_from, last,
                  x->if_range[0] ? x->if_range : "-",
                  x->authorization[0] ? x->authorization : "-");
        again = serve(x);
    }
    free(x);
    return again;
}

static void *connection(void *arg)
{
    int fd = (int)(long)arg;

    write_log("CONNECTION\n");
    while (serve_one(fd))
        continue;
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    FILE *file;

    if (argc != 4 || !(log_file = fopen(argv[2], "a"))) {
        fprintf(stderr, "usage: faultd ROOT LOG PORT_FILE\n");
        return 2;
    }
    faultd_root = argv[1];
    signal(SIGPIPE, SIG_IGN);
    address.sin_addr.s_addr = getenv("FAULTD_ADDRESS")
                                  ? inet_addr(getenv("FAULTD_ADDRESS"))
                                  : htonl(INADDR_LOOPBACK);
    if (getenv("FAULTD_PORT")) {
        setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        address.sin_port = htons((unsigned short)atoi(getenv("FAULTD_PORT")));
    }
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server, 64) != 0 ||
        getsockname(server, (struct sockaddr *)&address, &len) != 0) {
        perror("faultd");
        return 1;
    }
    faultd_port = ntohs(address.sin_port);
    file = fopen(argv[3], "w");
    if (!file || fprintf(file, "%d\n", faultd_port) < 0 || fclose(file) != 0) {
        perror(argv[3]);
        return 1;
    }
    for (;;) {
        int fd = accept(server, NULL, NULL);
        pthread_t thread;

        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (pthread_create(&thread, NULL, connection, (void *)(long)fd) == 0)
            pthread_detach(thread);
        else
            close(fd);
    }
}
