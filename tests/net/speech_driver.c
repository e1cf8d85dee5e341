/*
 * speech_driver.c - calls the speech client from the command line, for the tests.
 *
 *     speech_driver [OPTION...] check [MODEL]
 *     speech_driver [OPTION...] speak FILE TEXT      (TEXT "@FILE": what is in it)
 *     speech_driver post URL            (the HTTP client alone, redirects allowed)
 *
 * Prints "wait MS WHY" for each wait, then "status NAME", and either "error" and "hint" or
 * what came. Time limits are short, so that the tests are.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "engines/speech.h"
#include "http/http.h"

static atomic_bool cancelled;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&cancelled, true);
}

static void on_wait(void *arg, const char *why, int64_t ms)
{
    (void)arg;
    printf("wait %lld %s\n", (long long)ms, why);
    fflush(stdout);
}

static int report(enum vanta_status status, const struct vanta_error *err)
{
    printf("status %s\n", vanta_status_name(status));
    if (status != VANTA_OK)
        printf("error %s\nhint %s\n", err->message, err->hint);
    return status != VANTA_OK;
}

static int post(const char *url)
{
    static struct vanta_http_response response;
    const struct vanta_http_options options = {.stall_timeout_ms = 700};
    const char *const lines[] = {"X-Own: line", NULL};
    const struct vanta_http_request request = {.url = url,
                                               .post = "body",
                                               .post_bytes = 4,
                                               .lines = lines};
    struct vanta_error err = {0};
    struct vanta_http *http;
    enum vanta_status status = vanta_http_new(&options, &http, &err);

    if (status != VANTA_OK)
        return report(status, &err);
    status = vanta_http_perform(http, &request, &response, &err);
    vanta_http_free(http);
    report(status, &err);
    printf("http %d redirects %u\n", response.headers.status, response.redirects);
    return status != VANTA_OK;
}

static int usage(void)
{
    fprintf(stderr, "usage: speech_driver [OPTION...] check [MODEL] | speak FILE TEXT\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct vanta_speech_options o = {.connect_timeout_ms = 1000,
                                     .stall_timeout_ms = 700,
                                     .deadline_ms = 10000,
                                     .on_wait = on_wait,
                                     .cancel = &cancelled};
    struct vanta_speech_request r = {.format = VANTA_SPEECH_MP3};
    struct vanta_speech_result result = {0};
    struct vanta_buf text = VANTA_BUF(4 << 20);
    struct vanta_speech *speech = NULL;
    struct vanta_error err = {0};
    enum vanta_status status;
    int64_t start;
    int i;

    signal(SIGTERM, on_signal);
    for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        const char *name = argv[i] + 2;

        if (strcmp(name, "replace") == 0)
            r.replace = true;
        else if (i + 1 >= argc)
            return usage();
        else if (strcmp(name, "format") == 0) {
            if (!vanta_speech_format_parse(argv[++i], &r.format))
                return usage();
        } else if (strcmp(name, "model") == 0)
            r.model = argv[++i];
        else if (strcmp(name, "voice") == 0)
            r.voice = argv[++i];
        else if (strcmp(name, "speed") == 0)
            r.speed = atof(argv[++i]);
        else if (strcmp(name, "most") == 0)
            r.bytes_max = strtoull(argv[++i], NULL, 10);
        else if (strcmp(name, "stall") == 0)
            o.stall_timeout_ms = atol(argv[++i]);
        else if (strcmp(name, "deadline") == 0)
            o.deadline_ms = atol(argv[++i]);
        else if (strcmp(name, "attempts") == 0)
            o.attempts_max = (unsigned)atoi(argv[++i]);
        else
            return usage();
    }
    if (i >= argc)
        return usage();
    if (strcmp(argv[i], "post") == 0 && i + 1 < argc)
        return post(argv[i + 1]);
    status = vanta_speech_new(&o, &speech, &err);
    if (status != VANTA_OK)
        return report(status, &err);
    start = vanta_clock_ms();
    if (strcmp(argv[i], "check") == 0) {
        status = vanta_speech_check_key(speech, i + 1 < argc ? argv[i + 1] : NULL, &err);
    } else if (strcmp(argv[i], "speak") == 0 && i + 2 < argc) {
        r.path = argv[i + 1];
        r.text = argv[i + 2];
        if (r.text[0] == '@' && vanta_file_read(r.text + 1, &text, &err) == VANTA_OK)
            r.text = text.data ? text.data : "";
        status = vanta_speech_speak(speech, &r, &result, &err);
    } else {
        return usage();
    }
    i = report(status, &err);
    printf("bytes %llu attempts %u request %s\n", (unsigned long long)result.bytes,
           result.attempts, result.request_id);
    printf("seconds %lld\n", (long long)(vanta_clock_ms() - start) / 1000);
    vanta_buf_free(&text);
    vanta_speech_free(speech);
    return i;
}
