/*
 * speechd.c - stands in for the speech API, and misbehaves on purpose, for the tests.
 *
 *     speechd LOG PORT_FILE
 *
 * Listens on a free port of the loopback, whose number it writes to PORT_FILE. The first
 * part of a path is the behaviour, so that a test chooses it by OPENAI_BASE_URL:
 * http://127.0.0.1:PORT/good/v1; the table at the end lists all of them. Each request is
 * written to LOG: method, path, the lines of its header, then its body.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 65536
#define COUNTERS_MAX 64

struct exchange {
    int fd;
    char method[16], path[512];
    char behaviour[128]; /* without its argument */
    long argument;       /* behind the colon; 0: none */
    unsigned number;     /* of the request, among those of the same behaviour: from 1 */
    char key[1300];      /* what came behind "Bearer " */
    char format[16];
    char *body;
    bool is_check;       /* GET .../models/NAME */
};

static FILE *log_file;
static int port;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static bool send_all(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool say(struct exchange *x, const char *fmt, ...)
{
    char text[8192];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return send_all(x->fd, text, strlen(text));
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Until the other side has gone. */
static void hang(struct exchange *x)
{
    char byte;

    while (recv(x->fd, &byte, 1, 0) > 0)
        continue;
}

static void reset(struct exchange *x)
{
    setsockopt(x->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
}

static void answer(struct exchange *x, int status, const char *type, const char *lines,
                   const char *body)
{
    say(x, "HTTP/1.1 %d Answer\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
           "x-request-id: req_test\r\n%s\r\n", status, type, strlen(body), lines);
    send_all(x->fd, body, strlen(body));
}

static void answer_error(struct exchange *x, int status, const char *lines,
                         const char *message, const char *type, const char *code)
{
    char body[8192];

    snprintf(body, sizeof body,
             "{\"error\": {\"message\": \"%s\", \"type\": \"%s\", \"param\": null, "
             "\"code\": \"%s\"}}", message, type, code);
    answer(x, status, "application/json", lines, body);
}

/* --- audio: a second of silence, or what can pass for the kind's first bytes --- */

static void begin_audio(struct exchange *x)
{
    say(x, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
           "Transfer-Encoding: chunked\r\nx-request-id: req_test\r\n\r\n");
}

static bool chunk(struct exchange *x, const void *data, size_t len)
{
    return say(x, "%zx\r\n", len) && send_all(x->fd, data, len) && say(x, "\r\n");
}

/* The first 64 bytes of a file of the kind. */
static void audio_head(const char *format, unsigned char head[64])
{
    static const struct {
        const char *format;
        unsigned char bytes[48];
        size_t n;
    } heads[] = {
        {"mp3", {0xff, 0xf3, 0xe4, 0xc4}, 4},
        {"opus", "OggS\0\2\0\0\0\0\0\0\0\0\1\2\3\4\0\0\0\0\1\2\3\4\1\x13OpusHead\1\1", 38},
        {"aac", {0xff, 0xf1, 0x5c, 0x40, 0x10, 0x1f, 0xfc}, 7},
        {"flac", "fLaC\0\0\0\x22", 8},
        /* Its sizes are those of a stream: nobody knew them when the header went. */
        {"wav", "RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\1\0\xc0\x5d\0\0\x80\xbb\0\0\2\0"
                "\x10\0data\xff\xff\xff\xff", 44},
    };
    size_t i;

    memset(head, 0, 64);
    for (i = 0; i < sizeof heads / sizeof heads[0]; i++)
        if (strcmp(heads[i].format, format) == 0)
            memcpy(head, heads[i].bytes, heads[i].n);
}

/* len bytes in chunks, the first of them small. */
static bool audio(struct exchange *x, const char *format, size_t len)
{
    unsigned char block[4096] = {0};
    size_t n;
    bool ok;

    audio_head(format, block);
    ok = chunk(x, block, 10) && chunk(x, block + 10, 54);
    memset(block, 0, sizeof block);
    for (len -= 64; ok && len > 0; len -= n) {
        n = len < sizeof block ? len : sizeof block;
        ok = chunk(x, block, n);
    }
    return ok;
}

static void good(struct exchange *x)
{
    if (x->is_check) {
        answer(x, 200, "application/json", "",
               "{\"id\": \"tts-1\", \"object\": \"model\", \"created\": 1, "
               "\"owned_by\": \"openai-internal\"}");
        return;
    }
    begin_audio(x);
    if (audio(x, x->format, 48064))
        say(x, "0\r\n\r\n");
}

/* --- behaviours --- */

static void status(struct exchange *x)
{
    static const struct {
        int status;
        const char *message, *type, *code;
    } errors[] = {
        {400, "Invalid 'voice': must be one of alloy, ash", "invalid_request_error",
         "invalid_value"},
        {403, "Country, region, or territory not supported", "request_forbidden",
         "unsupported_country_region_territory"},
        {404, "The model 'tts-1' does not exist or you do not have access to it.",
         "invalid_request_error", "model_not_found"},
        {429, "Rate limit reached for requests", "requests", "rate_limit_exceeded"},
        {500, "The server had an error while processing your request", "server_error", ""},
        {503, "The engine is currently overloaded", "server_error", ""},
    };
    size_t i;

    for (i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i].status == x->argument) {
            answer_error(x, (int)x->argument, "", errors[i].message, errors[i].type,
                         errors[i].code);
            return;
        }
    answer(x, (int)x->argument, "text/plain", "", "no idea\nsecond line");
}

/* As the API does it: the ends of the key, and stars between. */
static void wrong_key(struct exchange *x)
{
    char message[512];
    size_t n = strlen(x->key);

    snprintf(message, sizeof message,
             "Incorrect API key provided: %.7s**********%s. You can find your API key at "
             "https://platform.openai.com/account/api-keys.", x->key,
             n > 4 ? x->key + n - 4 : "");
    answer_error(x, 401, "", message, "invalid_request_error", "invalid_api_key");
}

/* A server that tells all it has heard. */
static void echo(struct exchange *x)
{
    char message[6000], lines[3000];

    snprintf(message, sizeof message,
             "no %s, really: Bearer %s \\u001b[31mred\\u0007 %.40s and half of it: %.20s",
             x->key, x->key, x->key, x->key + strlen(x->key) / 2);
    snprintf(lines, sizeof lines, "x-request-id: %s\r\n", x->key);
    answer_error(x, x->argument ? (int)x->argument : 401, lines, message, x->key, x->key);
}

/* The first requests fail, then all is well. */
static void rate(struct exchange *x)
{
    if (x->number > x->argument)
        good(x);
    else
        answer_error(x, 429, "Retry-After: 1\r\n", "slow down", "requests",
                     "rate_limit_exceeded");
}

static void late(struct exchange *x)
{
    answer_error(x, 429, "Retry-After: 7200\r\n", "tomorrow", "requests",
                 "rate_limit_exceeded");
}

static void quota(struct exchange *x)
{
    answer_error(x, 429, "", "You exceeded your current quota", "insufficient_quota",
                 "insufficient_quota");
}

static void flaky(struct exchange *x)
{
    if (x->number > x->argument)
        good(x);
    else
        answer(x, 502, "text/html", "",
               "<html><head><title>502 Bad Gateway</title></head></html>");
}

static void html(struct exchange *x)
{
    answer(x, x->argument ? (int)x->argument : 200, "text/html; charset=utf-8", "",
           "<!DOCTYPE html><html><title>Attention!</title><p>Blocked</html>");
}

static void login(struct exchange *x)
{
    answer(x, 200, "application/octet-stream", "",
           "\r\n<HTML><head><title>Hotel WiFi</title><form>password</form></HTML>");
}

static void json(struct exchange *x)
{
    answer_error(x, 200, "", "the voice is ill", "server_error", "");
}

static void text(struct exchange *x)
{
    answer(x, 200, "text/plain", "", "not today\nnor tomorrow");
}

static void empty(struct exchange *x)
{
    answer(x, 200, "audio/mpeg", "", "");
}

static void silent(struct exchange *x)
{
    hang(x);
}

/* Audio, and then nothing more, for ever. */
static void stall(struct exchange *x)
{
    begin_audio(x);
    audio(x, x->format, 5000);
    hang(x);
}

static void drip(struct exchange *x)
{
    begin_audio(x);
    while (chunk(x, "\0", 1))
        pause_ms(50);
}

/* The connection ends in the middle, in order or by a reset. */
static void broken(struct exchange *x)
{
    begin_audio(x);
    audio(x, x->format, 20000);
    pause_ms(50);
    if (x->argument)
        reset(x);
}

static void gone(struct exchange *x)
{
    if (x->argument && x->number > x->argument)
        good(x);
    else
        reset(x);
}

static void short_length(struct exchange *x)
{
    unsigned char head[64];

    audio_head(x->format, head);
    say(x, "HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 9000\r\n\r\n");
    send_all(x->fd, head, sizeof head);
}

static void endless(struct exchange *x)
{
    begin_audio(x);
    while (audio(x, x->format, 1000000))
        continue;
}

/* An error whose text does not end. */
static void babble(struct exchange *x)
{
    say(x, "HTTP/1.1 400 No\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked"
           "\r\n\r\n");
    while (chunk(x, "blah blah blah blah blah blah bl", 32))
        continue;
}

/* An error of which only the beginning comes. */
static void cut(struct exchange *x)
{
    say(x, "HTTP/1.1 401 No\r\nContent-Type: application/json\r\nContent-Length: 9000"
           "\r\n\r\n{\"error\": {\"mess");
}

/* Another kind of audio than was asked for. */
static void other(struct exchange *x)
{
    begin_audio(x);
    audio(x, strcmp(x->format, "flac") == 0 ? "wav" : "flac", 5000);
    say(x, "0\r\n\r\n");
}

static void noise(struct exchange *x)
{
    answer(x, 200, "audio/mpeg", "", "\x01\x02\x03\x04 this is nothing at all");
}

static void gzip(struct exchange *x)
{
    answer(x, 200, "audio/mpeg", "Content-Encoding: gzip\r\n", "\x1f\x8b...");
}

/* To another origin: the same server under its other name. */
static void redirect(struct exchange *x)
{
    char line[200];

    snprintf(line, sizeof line, "Location: http://localhost:%d/good/v1/%s?key=%s\r\n", port,
             x->is_check ? "models/tts-1" : "audio/speech", "x");
    answer(x, x->argument ? (int)x->argument : 307, "text/html", line, "");
}

/* The bytes of the file that SPEECHD_RECORDING names. */
static void recording(struct exchange *x)
{
    const char *path = getenv("SPEECHD_RECORDING");
    FILE *file = path ? fopen(path, "rb") : NULL;
    char block[4096];
    size_t n;

    if (!file) {
        answer(x, 500, "text/plain", "", "no recording");
        return;
    }
    begin_audio(x);
    while ((n = fread(block, 1, sizeof block, file)) > 0 && chunk(x, block, n))
        continue;
    fclose(file);
    say(x, "0\r\n\r\n");
}

static const struct {
    const char *name;
    void (*answer)(struct exchange *x);
} behaviours[] = {
    {"good", good},
    {"status", status},     /* :CODE */
    {"wrong-key", wrong_key},
    {"echo", echo},         /* :CODE */
    {"rate", rate},         /* :N requests are refused */
    {"late", late},
    {"quota", quota},
    {"flaky", flaky},       /* :N requests fail */
    {"html", html},         /* :CODE */
    {"login", login},
    {"json", json},
    {"text", text},
    {"empty", empty},
    {"silent", silent},
    {"stall", stall},
    {"drip", drip},
    {"broken", broken},     /* :1 by a reset */
    {"gone", gone},         /* :N requests get no answer; 0: all */
    {"short", short_length},
    {"endless", endless},
    {"babble", babble},
    {"cut", cut},
    {"other", other},
    {"noise", noise},
    {"gzip", gzip},
    {"redirect", redirect}, /* :CODE */
    {"recording", recording},
};

/* --- requests --- */

static unsigned count(const char *name)
{
    static struct {
        char name[128];
        unsigned n;
    } counters[COUNTERS_MAX];
    unsigned n = 1;
    size_t i;

    pthread_mutex_lock(&mutex);
    for (i = 0; i < COUNTERS_MAX; i++) {
        if (counters[i].n && strcmp(counters[i].name, name) != 0)
            continue;
        snprintf(counters[i].name, sizeof counters[i].name, "%s", name);
        n = ++counters[i].n;
        break;
    }
    pthread_mutex_unlock(&mutex);
    return n;
}

/* The value of a field of the header; "" when it is not there. */
static void field(const char *head, const char *name, char *out, size_t size)
{
    const char *line = head;
    size_t n = strlen(name);

    out[0] = '\0';
    for (; line; line = strstr(line, "\r\n")) {
        line += line == head ? 0 : 2;
        if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
            line += n + 1;
            line += strspn(line, " ");
            snprintf(out, size, "%.*s", (int)strcspn(line, "\r\n"), line);
            return;
        }
    }
}

static bool parse(struct exchange *x, char *text)
{
    char name[128], value[1300];
    const char *format;
    char *colon;

    if (sscanf(text, "%15s %511s", x->method, x->path) != 2 ||
        sscanf(x->path, "/%127[^/]", name) != 1)
        return false;
    x->number = count(name);
    snprintf(x->behaviour, sizeof x->behaviour, "%s", name);
    colon = strchr(x->behaviour, ':');
    if (colon) {
        x->argument = atol(colon + 1);
        *colon = '\0';
    }
    field(text, "Authorization", value, sizeof value);
    if (strncmp(value, "Bearer ", 7) == 0)
        snprintf(x->key, sizeof x->key, "%s", value + 7);
    x->is_check = strcmp(x->method, "GET") == 0 && strstr(x->path, "/v1/models/");
    format = strstr(x->body, "\"response_format\":\"");
    if (format)
        sscanf(format + 19, "%15[a-z0-9]", x->format);
    return true;
}

/* A request with its body; false when the connection is over. */
static bool receive(struct exchange *x, char *text)
{
    size_t used = 0, wanted = 0;
    char value[64], *end = NULL;
    ssize_t n;

    while (!end || used < wanted) {
        n = recv(x->fd, text + used, REQUEST_MAX - 1 - used, 0);
        if (n <= 0)
            return false;
        used += (size_t)n;
        text[used] = '\0';
        if (!end && (end = strstr(text, "\r\n\r\n")) != NULL) {
            field(text, "Content-Length", value, sizeof value);
            wanted = (size_t)(end + 4 - text) + (size_t)atol(value);
        }
        if (used >= REQUEST_MAX - 1)
            return false;
    }
    x->body = end + 4;
    return parse(x, text);
}

static void *serve(void *arg)
{
    struct exchange *x = arg;
    char *text = malloc(REQUEST_MAX);
    size_t i;

    if (text && receive(x, text)) {
        pthread_mutex_lock(&mutex);
        fprintf(log_file, "%s\n---\n", text);
        fflush(log_file);
        pthread_mutex_unlock(&mutex);
        for (i = 0; i < sizeof behaviours / sizeof behaviours[0]; i++)
            if (strcmp(behaviours[i].name, x->behaviour) == 0)
                break;
        if (i < sizeof behaviours / sizeof behaviours[0] &&
            (x->is_check || strstr(x->path, "/v1/audio/speech")))
            behaviours[i].answer(x);
        else
            answer(x, 404, "text/plain", "", "no such path");
    }
    close(x->fd);
    free(text);
    free(x);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    FILE *file;

    if (argc != 3 || !(log_file = fopen(argv[1], "a")) ||
        bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0 ||
        !(file = fopen(argv[2], "w"))) {
        perror("speechd");
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    port = ntohs(address.sin_port);
    fprintf(file, "%d\n", port);
    fclose(file);
    for (;;) {
        struct exchange *x = calloc(1, sizeof *x);
        pthread_t thread;

        if (!x)
            return 1;
        x->fd = accept(listener, NULL, NULL);
        if (x->fd < 0 || pthread_create(&thread, NULL, serve, x) != 0) {
            free(x);
            continue;
        }
        pthread_detach(thread);
    }
}
