#include "engines/helper/serve.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cores.h"
#include "base/error.h"
#include "base/json.h"
#include "engines/helper/sandbox.h"
#include "engines/protocol.h"

#define EXIT_PROTOCOL 4
#define PATHS_MAX 1024
#define THREADS_MAX 1024
#define PROGRESS_EVERY_MS 100.0

static const struct vanta_json_doc request_doc = {"request"};
static const struct backend *const backends[] = {&backend_whisper, &backend_llm,
                                                 &backend_encoder, &backend_speech, NULL};

/* The one channel of this process. */
struct server {
    struct vanta_frame_reader reader;
    pthread_mutex_t writing; /* engines report from their threads, too */
    /* What the reader thread hands over, under lock. */
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    json_t *request; /* NULL: none waits */
    void *binary;
    size_t binary_bytes;
    int64_t id; /* of the request that waits or runs; 0: none does */
    atomic_bool cancelled;
    /* Of the serving thread. */
    char sandbox[SANDBOX_TEXT_MAX];
    const struct backend *backend; /* of the model that is loaded; NULL: none */
    void *state;
    struct load_options loaded;
    double load_ms;
};

static struct server server = {.writing = PTHREAD_MUTEX_INITIALIZER,
                               .lock = PTHREAD_MUTEX_INITIALIZER,
                               .arrived = PTHREAD_COND_INITIALIZER};

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Nothing is cleaned up: a library's destructors must not keep this process alive. */
static _Noreturn void leave(const char *why, const struct vanta_error *err)
{
    if (why)
        fprintf(stderr, "vanta-engine: %s%s%s\n", why, err ? ": " : "",
                err ? err->message : "");
    fflush(NULL);
    _exit(why ? EXIT_PROTOCOL : 0);
}

/* Consumes message. false: it is too large for a frame. */
static bool send_message(json_t *message, const void *binary, size_t binary_bytes)
{
    struct vanta_error err = {0};
    enum vanta_status status;

    if (!message)
        leave("memory is out", NULL);
    pthread_mutex_lock(&server.writing);
    status = vanta_frame_write(server.reader.fd, message, binary, binary_bytes, &err);
    pthread_mutex_unlock(&server.writing);
    json_decref(message);
    if (status != VANTA_OK && status != VANTA_ERR_LIMIT)
        leave(NULL, NULL); /* the caller is gone */
    return status == VANTA_OK;
}

/* --- what backends report --- */

void job_progress(struct job *job, double fraction)
{
    double now = now_ms();

    if (now - job->last_progress_ms < PROGRESS_EVERY_MS)
        return;
    job->last_progress_ms = now;
    fraction = fraction > 0 ? fraction < 1 ? fraction : 1 : 0; /* NaN becomes 0 */
    send_message(json_pack("{s:I, s:s, s:f}", "id", (json_int_t)job->id, "event",
                           "progress", "fraction", fraction),
                 NULL, 0);
}

void job_text(struct job *job, const char *text)
{
    json_t *message = json_pack("{s:I, s:s, s:s}", "id", (json_int_t)job->id, "event",
                                "text", "text", text);

    if (message) /* NULL: not UTF-8, which the contract rules out */
        send_message(message, NULL, 0);
}

void job_segment(struct job *job, int64_t start_ms, int64_t end_ms, const char *text)
{
    json_t *message;

    start_ms = start_ms > 0 ? start_ms : 0;
    end_ms = end_ms > start_ms ? end_ms : start_ms;
    message = json_pack("{s:I, s:s, s:I, s:I, s:s}", "id", (json_int_t)job->id, "event",
                        "segment", "start_ms", (json_int_t)start_ms, "end_ms",
                        (json_int_t)end_ms, "text", text);
    if (message)
        send_message(message, NULL, 0);
}

void job_audio(struct job *job, const int16_t *samples, size_t n)
{
    enum { PART = 1 << 20 };

    for (; n > 0;) {
        size_t part = n < PART ? n : PART;
        json_t *message = json_pack("{s:I, s:s, s:I}", "id", (json_int_t)job->id, "event",
                                    "audio", "samples", (json_int_t)part);

        if (message)
            send_message(message, samples, part * sizeof *samples);
        samples += part;
        n -= part;
    }
}

bool job_cancelled(const struct job *job)
{
    return atomic_load(job->cancelled);
}

/* --- the reader thread --- */

static void take_request(json_t *message, size_t binary_bytes, bool has_binary)
{
    json_int_t id = json_integer_value(json_object_get(message, "id"));

    pthread_mutex_lock(&server.lock);
    if (server.id != 0 || id <= 0)
        leave("a request out of turn", NULL);
    server.id = id;
    atomic_store(&server.cancelled, false);
    server.request = message;
    server.binary = has_binary ? vanta_frame_reader_take(&server.reader) : NULL;
    server.binary_bytes = binary_bytes;
    pthread_cond_signal(&server.arrived);
    pthread_mutex_unlock(&server.lock);
}

static void *read_channel(void *unused)
{
    struct vanta_error err = {0};
    const void *binary;
    size_t bytes;
    json_t *message;

    for (;;) {
        enum vanta_status status =
            vanta_frame_read(&server.reader, &message, &binary, &bytes, &err);
        json_t *cancel;

        if (status == VANTA_ERR_NOT_FOUND || status == VANTA_ERR_IO)
            leave(NULL, NULL); /* the caller is gone, whatever is being computed */
        if (status != VANTA_OK)
            leave("the channel", &err);
        cancel = json_object_get(message, "cancel");
        if (json_is_string(json_object_get(message, "request"))) {
            take_request(message, bytes, binary != NULL);
            continue;
        }
        if (!json_is_integer(cancel))
            leave("a message of no known kind", NULL);
        /* A late one, of a request that has its answer, is nothing. */
        pthread_mutex_lock(&server.lock);
        if (json_integer_value(cancel) == server.id)
            atomic_store(&server.cancelled, true);
        pthread_mutex_unlock(&server.lock);
        json_decref(message);
    }
    return unused;
}

/* --- requests --- */

static enum vanta_status read_load(const json_t *request, struct load_options *out,
                                   const char **kind, struct vanta_error *err)
{
    int64_t threads = 0, context = 0, layers = -1;
    enum vanta_status status =
        vanta_json_string(&request_doc, request, "", "kind", true, kind, err);

    if (status == VANTA_OK)
        status = vanta_json_string(&request_doc, request, "", "path",
                                   strcmp(*kind, "none") != 0, &out->path, err);
    if (status == VANTA_OK)
        status = vanta_json_integer(&request_doc, request, "", "threads", false, 0,
                                    THREADS_MAX, &threads, err);
    if (status == VANTA_OK)
        status = vanta_json_integer(&request_doc, request, "", "context_tokens", false, 0,
                                    1 << 24, &context, err);
    if (status == VANTA_OK)
        status = vanta_json_integer(&request_doc, request, "", "gpu_layers", false, -1,
                                    1 << 16, &layers, err);
    if (status == VANTA_OK)
        status = vanta_json_boolean(&request_doc, request, "", "no_gpu", false,
                                    &out->no_gpu, err);
    if (threads == 0) {
        struct vanta_cores cores;

        vanta_cores_read(&cores);
        threads = vanta_cores_threads(&cores);
    }
    out->threads = (int)threads;
    out->context_tokens = (int)context;
    out->gpu_layers = (int)layers;
    return status;
}

static enum vanta_status info_request(void *state, struct job *job, struct answer *answer,
                                      struct vanta_error *err)
{
    char devices[256];

    (void)state;
    (void)job;
    devices_in_use(server.loaded.no_gpu, server.loaded.gpu_layers, devices,
                   sizeof devices);
    answer->ok = json_pack("{s:s, s:s, s:i, s:f}", "sandbox", server.sandbox, "devices",
                           devices, "threads", server.loaded.threads, "load_ms",
                           server.load_ms);
    if (!answer->ok)
        return vanta_fail_memory(err);
    return server.backend ? server.backend->info(server.state, answer->ok, err)
                          : VANTA_OK;
}

static enum vanta_status load_request(void *state, struct job *job, struct answer *answer,
                                      struct vanta_error *err)
{
    double start = now_ms();
    const char *kind = NULL;
    enum vanta_status status;
    size_t i;

    if (server.backend)
        return vanta_fail(err, VANTA_ERR_USAGE, "a model is loaded already");
    status = read_load(job->request, &server.loaded, &kind, err);
    if (status != VANTA_OK)
        return status;
    if (strcmp(kind, "none") == 0)
        return info_request(state, job, answer, err);
    for (i = 0; backends[i] && strcmp(backends[i]->kind, kind) != 0; i++)
        continue;
    if (!backends[i])
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED, "no engine for models of kind %s",
                          kind);
    if (access(server.loaded.path, R_OK) != 0)
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s: cannot be read",
                          server.loaded.path);
    status = backends[i]->load(&server.loaded, job, &server.state, err);
    server.loaded.path = NULL; /* it is the request's */
    if (status != VANTA_OK)
        return status;
    server.backend = backends[i];
    server.load_ms = now_ms() - start;
    return info_request(state, job, answer, err);
}

static enum vanta_status devices_request(void *state, struct job *job,
                                         struct answer *answer, struct vanta_error *err)
{
    (void)state;
    (void)job;
    answer->ok = devices_json(server.sandbox);
    return answer->ok ? VANTA_OK : vanta_fail_memory(err);
}

static enum vanta_status quit_request(void *state, struct job *job, struct answer *answer,
                                      struct vanta_error *err)
{
    (void)state;
    (void)job;
    (void)answer;
    (void)err;
    leave(NULL, NULL);
}

/* Those that need no model. */
static const struct backend_entry own_requests[] = {{"load", load_request},
                                                    {"info", info_request},
                                                    {"devices", devices_request},
                                                    {"audio", audio_request},
                                                    {"quit", quit_request},
                                                    {NULL, NULL}};

static backend_request *find_in(const struct backend_entry *entry, const char *name)
{
    for (; entry->request; entry++)
        if (strcmp(entry->request, name) == 0)
            return entry->run;
    return NULL;
}

static backend_request *find_request(const char *name)
{
    backend_request *run = find_in(own_requests, name);
    size_t i;

    if (!run && server.backend)
        run = find_in(server.backend->requests, name);
    /* Quantizing reads a file that is not loaded. */
    for (i = 0; !run && strcmp(name, "quantize") == 0 && backends[i]; i++)
        run = find_in(backends[i]->requests, name);
    return run;
}

static enum vanta_status run_request(struct job *job, struct answer *answer,
                                     struct vanta_error *err)
{
    const char *name = json_string_value(json_object_get(job->request, "request"));
    backend_request *run = find_request(name);
    enum vanta_status status;

    if (!run)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          server.backend ? "a %s model has no request \"%s\""
                                         : "without a model (%s) there is no request "
                                           "\"%s\"",
                          server.backend ? server.backend->kind : "none", name);
    status = run(server.state, job, answer, err);
    if (status == VANTA_OK && !answer->ok)
        status = vanta_fail_memory(err);
    if (status != VANTA_OK && atomic_load(&server.cancelled))
        return VANTA_ERR_CANCELLED;
    return status;
}

/* Error texts may quote a model's file. */
static json_t *error_json(int64_t id, enum vanta_status status,
                          const struct vanta_error *err)
{
    return json_pack("{s:I, s:{s:s, s:s, s:s}}", "id", (json_int_t)id, "error", "status",
                     vanta_status_name(status), "message",
                     err->message[0] ? err->message : "it failed", "hint", err->hint);
}

static void serve_one(json_t *request, void *binary, size_t binary_bytes, int64_t id)
{
    struct job job = {.id = id,
                      .request = request,
                      .binary = binary,
                      .binary_bytes = binary_bytes,
                      .cancelled = &server.cancelled,
                      .channel = &server};
    struct answer answer = {0};
    struct vanta_error err = {0};
    enum vanta_status status = run_request(&job, &answer, &err);

    json_decref(request);
    free(binary);
    /* Its id is free before the answer leaves: the next request may follow at once. */
    pthread_mutex_lock(&server.lock);
    server.id = 0;
    pthread_mutex_unlock(&server.lock);
    if (status == VANTA_OK &&
        !send_message(json_pack("{s:I, s:O}", "id", (json_int_t)id, "ok", answer.ok),
                      answer.binary, answer.binary_bytes))
        status = vanta_fail(&err, VANTA_ERR_LIMIT, "the answer is larger than a message");
    if (status != VANTA_OK)
        send_message(error_json(id, status, &err), NULL, 0);
    json_decref(answer.ok);
    free(answer.binary);
}

static _Noreturn void serve_requests(void)
{
    for (;;) {
        json_t *request;
        size_t bytes;
        void *binary;
        int64_t id;

        pthread_mutex_lock(&server.lock);
        while (!server.request)
            pthread_cond_wait(&server.arrived, &server.lock);
        request = server.request;
        binary = server.binary;
        bytes = server.binary_bytes;
        id = server.id;
        server.request = NULL;
        server.binary = NULL;
        pthread_mutex_unlock(&server.lock);
        serve_one(request, binary, bytes, id);
    }
}

/* --- the start --- */

static size_t read_paths(const json_t *hello, const char *key, const char **paths,
                         size_t n)
{
    const json_t *array = json_object_get(hello, key);
    size_t i;

    for (i = 0; i < json_array_size(array) && n < PATHS_MAX; i++) {
        const char *path = json_string_value(json_array_get(array, i));

        if (path && path[0] == '/')
            paths[n++] = path;
    }
    return n;
}

/* From here on only what the caller named can be opened. */
static void confine(const json_t *hello)
{
    static const char *readable[PATHS_MAX + 1], *writable[PATHS_MAX];
    struct sandbox_spec spec = {.readable = readable, .writable = writable};
    const char *model = json_string_value(json_object_get(hello, "model"));

    if (model && model[0] == '/')
        readable[spec.n_readable++] = model;
    spec.n_readable = read_paths(hello, "readable", readable, spec.n_readable);
    spec.n_writable = read_paths(hello, "writable", writable, 0);
    spec.gpu = !json_is_true(json_object_get(hello, "no_gpu")) && devices_have_gpu();
    sandbox_enter(&spec, server.sandbox);
}

_Noreturn void serve_channel(int fd)
{
    struct vanta_error err = {0};
    json_t *hello = NULL;
    pthread_t reader;

    vanta_frame_reader_open(&server.reader, fd);
    send_message(json_pack("{s:i, s:s}", "hello", VANTA_PROTOCOL_VERSION, "build",
                           VANTA_ENGINE_BUILD),
                 NULL, 0);
    if (vanta_frame_read(&server.reader, &hello, NULL, NULL, &err) != VANTA_OK)
        leave("waiting for the caller's hello", &err);
    if (json_integer_value(json_object_get(hello, "hello")) != VANTA_PROTOCOL_VERSION)
        leave("the caller speaks another version of the protocol", NULL);
    confine(hello);
    json_decref(hello);
    if (pthread_create(&reader, NULL, read_channel, NULL) != 0)
        leave("a thread could not be started", NULL);
    serve_requests();
}
