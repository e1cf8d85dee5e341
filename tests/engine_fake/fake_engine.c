/*
 * fake_engine.c - a helper that does what a script says, for the tests of the client.
 *
 * The script is the "model": a JSON object that maps a request to the steps of its
 * answer. A step is one of
 *     {"ok": {...}, "hex": BYTES}   the answer, with the request's id
 *     {"send": {...}}               a message as it is; "id": 0 becomes the request's
 *     {"bytes": HEX}                bytes on the channel
 *     {"log": TEXT, "times": N}     to standard error
 *     {"rows": [[...], ...]}        embeddings: as many rows as there are texts, in turn
 *     {"echo": {...}}               a completion (the rest of the answer is given) whose
 *                                   text is the prompt
 *     {"recall": true}              the roles and texts of the request's messages, as a
 *                                   piece of text
 *     {"audio": N, "value": V}      the next N samples of what is spoken, V and -V in turn
 *     {"remember": true}            the request to a file beside the script, PROGRAM.asked
 *     {"do": ACTION}                see below
 * Steps that are arrays themselves are taken in turn, one a request.
 * A request that the script does not have gets a plain answer (load) or is refused.
 * What happens before there is a script is the program's name: fake-ACTION. Where the
 * model is no script, or there is none, it is the file PROGRAM.script, if there is one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "engines/protocol.h"

#define CHANNEL 3

static struct vanta_frame_reader reader;
static json_int_t request_id;
static const char *program;

static void write_bytes(const void *data, size_t n)
{
    if (write(CHANNEL, data, n) != (ssize_t)n)
        _exit(9);
}

static size_t from_hex(const char *hex, unsigned char *out, size_t max)
{
    size_t n = 0;
    unsigned byte;

    for (; n < max && sscanf(hex, "%2x", &byte) == 1; hex += 2)
        out[n++] = (unsigned char)byte;
    return n;
}

static void send_json(json_t *message)
{
    if (vanta_frame_write(CHANNEL, message, NULL, 0, NULL) != VANTA_OK)
        _exit(0);
    json_decref(message);
}

static void send_progress(double fraction)
{
    send_json(json_pack("{s:I, s:s, s:f}", "id", request_id, "event", "progress",
                        "fraction", fraction));
}

/* Answers no more, and outlives the end of the channel. */
static void hang(void)
{
    for (;;)
        pause();
}

static void eat_memory(void)
{
    size_t i;

    for (i = 0; i < 256; i++) {
        void *more = malloc((size_t)4 << 20);

        if (!more)
            abort();
        memset(more, (int)i + 1, (size_t)4 << 20);
        vanta_clock_sleep_ms(10, NULL);
    }
    hang();
}

/* One byte of a frame that is never whole. */
static void drip(void)
{
    write_bytes("\xff\xff\0\0J{", 6);
    for (;;) {
        write_bytes(" ", 1);
        vanta_clock_sleep_ms(20, NULL);
    }
}

static void wait_for_cancel(void)
{
    json_t *message = NULL;

    if (vanta_frame_read(&reader, &message, NULL, NULL, NULL) != VANTA_OK ||
        json_integer_value(json_object_get(message, "cancel")) != request_id)
        _exit(8);
    json_decref(message);
    send_json(json_pack("{s:I, s:{s:s, s:s}}", "id", request_id, "error", "status",
                        "cancelled", "message", "stopped"));
}

/* Texts and progress without an end. */
static void flood(const char *event)
{
    static char text[60001];

    memset(text, 'x', sizeof text - 1);
    for (;;)
        send_json(json_pack("{s:I, s:s, s:f, s:I, s:I, s:s}", "id", request_id, "event",
                            event, "fraction", 0.5, "start_ms", (json_int_t)0, "end_ms",
                            (json_int_t)0, "text", text));
}

/* Every descriptor but the first three and the channel, and every variable. */
static void list_belongings(void)
{
    extern char **environ;
    json_t *names = json_array();
    int fd;
    char **v;

    for (fd = 0; fd < 256; fd++)
        if (fd != CHANNEL && fd > 2 && fcntl(fd, F_GETFD) >= 0)
            json_array_append_new(names, json_sprintf("descriptor %d", fd));
    for (v = environ; *v; v++)
        json_array_append_new(names, json_stringn(*v, strcspn(*v, "=")));
    fd = open("/proc/self/cwd", O_RDONLY);
    if (fd >= 0)
        close(fd);
    send_json(json_pack("{s:I, s:{s:o, s:[], s:{}}}", "id", request_id, "ok", "backends",
                        names, "devices", "features"));
}

/* A sanitizer would make a report of it, and an exit. */
static void die_of(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}

static void act(const char *action)
{
    if (strcmp(action, "abort") == 0)
        abort();
    else if (strcmp(action, "crash") == 0)
        die_of(SIGSEGV);
    else if (strcmp(action, "illegal") == 0)
        die_of(SIGILL);
    else if (strcmp(action, "kill") == 0)
        die_of(SIGKILL);
    else if (strcmp(action, "exit") == 0)
        _exit(7);
    else if (strcmp(action, "hang") == 0)
        hang();
    else if (strcmp(action, "sleep") == 0)
        vanta_clock_sleep_ms(500, NULL);
    else if (strcmp(action, "eat") == 0)
        eat_memory();
    else if (strcmp(action, "drip") == 0)
        drip();
    else if (strcmp(action, "close") == 0) {
        shutdown(CHANNEL, SHUT_RDWR);
        close(CHANNEL);
        hang();
    } else if (strcmp(action, "half") == 0) {
        write_bytes("\x10\0", 2);
        _exit(0);
    } else if (strcmp(action, "wait-for-cancel") == 0)
        wait_for_cancel();
    else if (strcmp(action, "progress") == 0)
        send_progress(0.5);
    else if (strcmp(action, "flood-text") == 0)
        flood("text");
    else if (strcmp(action, "flood-progress") == 0)
        flood("progress");
    else if (strcmp(action, "flood-segment") == 0)
        flood("segment");
    else if (strcmp(action, "belongings") == 0)
        list_belongings();
    else
        _exit(6);
}

static void answer_ok(const json_t *step)
{
    const char *hex = json_string_value(json_object_get(step, "hex"));
    static unsigned char bytes[65536];
    size_t n = hex ? from_hex(hex, bytes, sizeof bytes) : 0;
    json_t *message = json_pack("{s:I, s:O}", "id", request_id, "ok",
                                json_object_get(step, "ok"));

    if (vanta_frame_write(CHANNEL, message, hex ? bytes : NULL, n, NULL) != VANTA_OK)
        _exit(0);
    json_decref(message);
}

static void answer_rows(const json_t *rows, const json_t *request)
{
    size_t n = json_array_size(json_object_get(request, "texts")), i, k;
    size_t dimensions = json_array_size(json_array_get(rows, 0));
    float *values = calloc(n * dimensions + 1, sizeof *values);
    json_t *message = json_pack(
        "{s:I, s:{s:I, s:I, s:I, s:i, s:f, s:b}}", "id", request_id, "ok", "n", (json_int_t)n,
        "dimensions", (json_int_t)dimensions, "tokens", (json_int_t)n * 5, "truncated", 0,
        "engine_ms", 2.0, "normalized", 1);

    for (i = 0; i < n; i++)
        for (k = 0; k < dimensions; k++)
            values[i * dimensions + k] = (float)json_number_value(
                json_array_get(json_array_get(rows, i % json_array_size(rows)), k));
    if (vanta_frame_write(CHANNEL, message, values, n * dimensions * sizeof *values,
                          NULL) != VANTA_OK)
        _exit(0);
    json_decref(message);
    free(values);
}

static void answer_echo(const json_t *rest, const json_t *request)
{
    const json_t *messages = json_object_get(request, "messages");
    json_t *text = json_object_get(request, "text"), *ok = json_deep_copy(rest);

    if (!text)
        text = json_object_get(
            json_array_get(messages, json_array_size(messages) - 1), "text");
    json_object_set(ok, "text", text);
    send_json(json_pack("{s:I, s:o}", "id", request_id, "ok", ok));
}

static void recall(const json_t *request)
{
    json_t *said = json_string("");
    const json_t *message;
    size_t i;

    json_array_foreach(json_object_get(request, "messages"), i, message) {
        json_t *longer = json_sprintf(
            "%s[%s: %s]", json_string_value(said),
            json_string_value(json_object_get(message, "role")),
            json_string_value(json_object_get(message, "text")));

        json_decref(said);
        said = longer;
    }
    send_json(json_pack("{s:I, s:s, s:o}", "id", request_id, "event", "text", "text", said));
}

static void send_audio(const json_t *step)
{
    static int16_t samples[1 << 16];
    size_t n = (size_t)json_integer_value(json_object_get(step, "audio")), i;
    int16_t value = (int16_t)json_integer_value(json_object_get(step, "value"));
    json_t *message = json_pack("{s:I, s:s, s:I}", "id", request_id, "event", "audio",
                                "samples", (json_int_t)n);

    for (i = 0; i < n && i < 1 << 16; i++)
        samples[i] = i / 40 % 2 ? value : (int16_t)-value;
    if (vanta_frame_write(CHANNEL, message, samples, i * sizeof *samples, NULL) != VANTA_OK)
        _exit(0);
    json_decref(message);
}

static void remember(const json_t *request)
{
    char path[4096];

    snprintf(path, sizeof path, "%s.asked", program);
    json_dump_file(request, path, JSON_COMPACT | JSON_SORT_KEYS);
}

static void send_as_is(const json_t *step)
{
    json_t *message = json_deep_copy(json_object_get(step, "send"));
    json_t *id = json_object_get(message, "id");

    if (json_is_integer(id) && json_integer_value(id) == 0)
        json_integer_set(id, request_id);
    send_json(message);
}

static void take_step(const json_t *step, const json_t *request)
{
    const char *bytes = json_string_value(json_object_get(step, "bytes"));
    const char *log = json_string_value(json_object_get(step, "log"));
    const char *action = json_string_value(json_object_get(step, "do"));
    json_int_t times = json_integer_value(json_object_get(step, "times"));
    unsigned char raw[4096];

    if (json_object_get(step, "ok"))
        answer_ok(step);
    if (json_object_get(step, "rows"))
        answer_rows(json_object_get(step, "rows"), request);
    if (json_object_get(step, "echo"))
        answer_echo(json_object_get(step, "echo"), request);
    if (json_object_get(step, "recall"))
        recall(request);
    if (json_object_get(step, "audio"))
        send_audio(step);
    if (json_object_get(step, "remember"))
        remember(request);
    if (json_object_get(step, "send"))
        send_as_is(step);
    if (bytes)
        write_bytes(raw, from_hex(bytes, raw, sizeof raw));
    do {
        if (log)
            fputs(log, stderr);
    } while (--times > 0);
    if (action)
        act(action);
}

static void answer(const json_t *script, const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "request"));
    const json_t *steps = json_object_get(script, name ? name : "");
    static size_t turn;
    size_t i;

    request_id = json_integer_value(json_object_get(request, "id"));
    if (json_is_array(json_array_get(steps, 0)))
        steps = json_array_get(steps, turn++ % json_array_size(steps));
    for (i = 0; i < json_array_size(steps); i++)
        take_step(json_array_get(steps, i), request);
    if (steps)
        return;
    if (name && strcmp(name, "load") == 0)
        send_json(json_pack("{s:I, s:{s:s, s:i}}", "id", request_id, "ok", "sandbox",
                            "none", "threads", 1));
    else
        send_json(json_pack("{s:I, s:{s:s, s:s}}", "id", request_id, "error", "status",
                            "unsupported", "message", "not in the script"));
}

static json_t *take(void)
{
    const void *binary;
    json_t *message = NULL;
    size_t n;

    if (vanta_frame_read(&reader, &message, &binary, &n, NULL) != VANTA_OK)
        _exit(0);
    return message;
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '/'), *model;
    char beside[4096];
    json_t *hello, *script = NULL;

    if (argc != 3 || strcmp(argv[1], "--serve") != 0 || strcmp(argv[2], "3") != 0)
        return 2;
    vanta_frame_reader_open(&reader, CHANNEL);
    program = argv[0];
    name = name ? name + 1 : argv[0];
    if (strcmp(name, "fake-version") == 0)
        send_json(json_pack("{s:i, s:s}", "hello", 99, "build", "fake"));
    else if (strcmp(name, "fake-nameless") == 0)
        send_json(json_pack("{s:i}", "hello", VANTA_PROTOCOL_VERSION));
    else if (strcmp(name, "fake-garbage") == 0)
        write_bytes("HTTP/1.1 200 OK\r\n\r\n", 19);
    else if (strncmp(name, "fake-", 5) == 0)
        act(name + 5);
    send_json(json_pack("{s:i, s:s}", "hello", VANTA_PROTOCOL_VERSION, "build", "fake"));
    hello = take();
    model = json_string_value(json_object_get(hello, "model"));
    snprintf(beside, sizeof beside, "%s.script", argv[0]);
    if (!model || vanta_json_load_file(model, 1 << 20, &script, NULL) != VANTA_OK)
        vanta_json_load_file(beside, 1 << 20, &script, NULL);
    for (;;) {
        json_t *request = take();

        answer(script, request);
        json_decref(request);
    }
}
