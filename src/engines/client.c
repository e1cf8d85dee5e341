/* client.c - finding the helper, shaking hands with it, exchanging messages. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/platform.h"
#include "base/text.h"
#include "engines/client_private.h"

#define BYTES_MAX ((int64_t)1 << 50)

const struct vanta_json_doc client_doc = {"engine"};

/* --- is there one? --- */

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

enum vanta_status vanta_engine_find(char program[4096], struct vanta_error *err)
{
    char self[VANTA_PATH_MAX], folder[VANTA_PATH_MAX], parent[VANTA_PATH_MAX];

    if (vanta_platform_self(self, sizeof self) && vanta_path_parent(folder, self) &&
        vanta_path_parent(parent, folder)) {
        if (vanta_path_join(program, folder, "vanta-engine") && is_program(program))
            return VANTA_OK;
        if (vanta_path_join(program, parent, "libexec/vanta/vanta-engine") &&
            is_program(program))
            return VANTA_OK;
    }
    program[0] = '\0';
    vanta_fail(err, VANTA_ERR_TOOL, "the engines are not built: there is no vanta-engine "
                                    "beside vanta");
    vanta_hint(err, "scripts/setup_all_models.sh builds them. Models can be fetched and "
                    "verified without them.");
    return VANTA_ERR_TOOL;
}

static enum vanta_status read_build(const char *program,
                                    char build[VANTA_ENGINE_BUILD_MAX],
                                    struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(VANTA_ENGINE_BUILD_MAX);
    char path[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!vanta_format(path, sizeof path, "%s.build", program))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", program);
    status = vanta_file_read(path, &text, err);
    if (status == VANTA_OK) {
        if (text.len > 0 && text.data[text.len - 1] == '\n')
            text.data[--text.len] = '\0';
        if (text.len == 0 || text.len >= VANTA_ENGINE_BUILD_MAX ||
            strlen(text.data) != text.len ||
            vanta_text_printable(text.data, build, VANTA_ENGINE_BUILD_MAX) != text.len ||
            strcmp(build, text.data) != 0)
            status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: not one line of text", path);
    }
    vanta_buf_free(&text);
    return status;
}

enum vanta_status vanta_engine_build(char build[VANTA_ENGINE_BUILD_MAX],
                                     struct vanta_error *err)
{
    char program[VANTA_PATH_MAX];
    enum vanta_status status = vanta_engine_find(program, err);

    build[0] = '\0';
    return status == VANTA_OK ? read_build(program, build, err) : status;
}

/* --- what the helper sent, member by member --- */

enum vanta_status client_number(const json_t *object, const char *key, bool required,
                                double least, double most, double *out,
                                struct vanta_error *err)
{
    const json_t *value = json_object_get(object, key);
    double number;

    if (!value && !required)
        return VANTA_OK;
    if (!json_is_number(value))
        return vanta_json_fail(&client_doc, "", key, err, "must be a number");
    number = json_number_value(value);
    if (!isfinite(number) || number < least || number > most)
        return vanta_json_fail(&client_doc, "", key, err, "%g is not from %g to %g",
                               number, least, most);
    *out = number;
    return VANTA_OK;
}

enum vanta_status client_name(const json_t *object, const char *key, bool required,
                              char *out, size_t size, struct vanta_error *err)
{
    const char *text = NULL;
    enum vanta_status status =
        vanta_json_string(&client_doc, object, "", key, required, &text, err);

    if (status != VANTA_OK || !text)
        return status;
    if (strlen(text) >= size)
        return vanta_json_fail(&client_doc, "", key, err, "has %zu bytes; at most %zu",
                               strlen(text), size - 1);
    vanta_text_printable(text, out, size);
    return VANTA_OK;
}

static enum vanta_status whole(const json_t *ok, const char *key, int64_t most,
                               int64_t *out, struct vanta_error *err)
{
    return vanta_json_integer(&client_doc, ok, "", key, false, 0, most, out, err);
}

static enum vanta_status info_numbers(const json_t *ok, struct vanta_engine_info *info,
                                      struct vanta_error *err)
{
    int64_t parameters = 0, weights = 0, cache = 0, compute = 0;
    const struct {
        const char *key;
        int64_t most, *out;
    } members[] = {
        {"parameters", BYTES_MAX, &parameters},
        {"weights_bytes", BYTES_MAX, &weights},
        {"kv_cache_bytes", BYTES_MAX, &cache},
        {"compute_bytes", BYTES_MAX, &compute},
        {"context_tokens", INT32_MAX, &info->context_tokens},
        {"context_max", INT32_MAX, &info->context_max},
        {"dimensions", 1 << 20, &info->dimensions},
        {"threads", 1 << 16, &info->threads},
        {"gpu_layers", 1 << 16, &info->gpu_layers},
    };
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; status == VANTA_OK && i < sizeof members / sizeof members[0]; i++)
        status = whole(ok, members[i].key, members[i].most, members[i].out, err);
    info->parameters = (uint64_t)parameters;
    info->weights_bytes = (uint64_t)weights;
    info->kv_cache_bytes = (uint64_t)cache;
    info->compute_bytes = (uint64_t)compute;
    return status;
}

enum vanta_status client_info(const json_t *ok, struct vanta_engine_info *info,
                              struct vanta_error *err)
{
    enum vanta_status status =
        client_name(ok, "sandbox", true, info->sandbox, sizeof info->sandbox, err);

    if (status == VANTA_OK)
        status = client_name(ok, "architecture", false, info->architecture,
                             sizeof info->architecture, err);
    if (status == VANTA_OK)
        status = client_name(ok, "description", false, info->description,
                             sizeof info->description, err);
    if (status == VANTA_OK)
        status =
            client_name(ok, "devices", false, info->devices, sizeof info->devices, err);
    if (status == VANTA_OK)
        status = info_numbers(ok, info, err);
    if (status == VANTA_OK)
        status = vanta_json_boolean(&client_doc, ok, "", "chat_template", false,
                                    &info->chat_template, err);
    if (status == VANTA_OK)
        status = vanta_json_boolean(&client_doc, ok, "", "multilingual", false,
                                    &info->multilingual, err);
    if (status == VANTA_OK)
        status = client_number(ok, "load_ms", false, 0, 1e12, &info->load_ms, err);
    return status;
}

json_t *client_text(const char *text)
{
    struct vanta_buf buf = VANTA_BUF(SIZE_MAX);
    json_t *json = json_string(text), *one;
    size_t len, n;

    if (json)
        return json;
    /* Character by character, the longest that is valid first. */
    for (len = strlen(text); len > 0; text += n, len -= n) {
        for (n = len < 4 ? len : 4; n > 0; n--) {
            one = json_stringn(text, n);
            json_decref(one);
            if (one)
                break;
        }
        if (!(n ? vanta_buf_append(&buf, text, n)
                : vanta_buf_append(&buf, "\xEF\xBF\xBD", 3)))
            break;
        n = n ? n : 1;
    }
    if (len == 0)
        json = json_stringn(buf.data ? buf.data : "", buf.len);
    vanta_buf_free(&buf);
    return json;
}

/* --- messages --- */

void client_tell(struct vanta_engine *engine, const struct vanta_engine_event *event)
{
    if (!engine->options.listener || engine->options.listener(engine->options.arg, event))
        return;
    if (!engine->cancelling)
        engine->cancel_ms = vanta_clock_ms();
    engine->cancelling = true;
}

static void what_it_does(const struct vanta_engine *engine, const char *request,
                         char out[256])
{
    const char *name = engine->model ? vanta_path_base(engine->model) : "";
    static const struct {
        const char *request, *doing;
    } words[] = {
        {"load", "loading"},       {"transcribe", "transcribing with"},
        {"complete", "completing with"}, {"embed", "embedding with"},
        {"quantize", "quantizing"},
    };
    size_t i;

    for (i = 0; i < sizeof words / sizeof words[0]; i++)
        if (name[0] && strcmp(words[i].request, request) == 0) {
            vanta_format(out, 256, "%s %.200s", words[i].doing, name);
            return;
        }
    vanta_format(out, 256, "answering the request \"%.40s\"", request);
}

static enum vanta_status failed(struct vanta_engine *engine, enum vanta_status how,
                                const struct vanta_error *what, const char *request,
                                struct vanta_error *err)
{
    char doing[256];

    what_it_does(engine, request, doing);
    return client_process_failed(engine, how, what, doing, err);
}

enum vanta_status client_lied(struct vanta_engine *engine, const struct vanta_error *what,
                              struct vanta_error *err)
{
    return client_process_failed(engine, VANTA_ERR_FORMAT, what, "answering", err);
}

/* A request's failure leaves a helper that can go on; all else ends it. */
static bool goes_on(enum vanta_status status)
{
    switch (status) {
    case VANTA_ERR_USAGE:
    case VANTA_ERR_NOT_FOUND:
    case VANTA_ERR_IO:
    case VANTA_ERR_NO_SPACE:
    case VANTA_ERR_FORMAT:
    case VANTA_ERR_LIMIT:
    case VANTA_ERR_CANCELLED:
    case VANTA_ERR_UNSUPPORTED:
    case VANTA_ERR_CHECK:
        return true;
    default:
        return false;
    }
}

static enum vanta_status status_named(const char *name)
{
    int i;

    for (i = VANTA_OK + 1; i <= VANTA_ERR_INTERNAL; i++)
        if (strcmp(vanta_status_name((enum vanta_status)i), name) == 0)
            return (enum vanta_status)i;
    return VANTA_OK;
}

/* The error that the helper answered with; VANTA_OK when it is no proper one, with the
 * reason in what. */
static enum vanta_status take_error(struct vanta_engine *engine, const json_t *error,
                                    struct vanta_error *what, struct vanta_error *err)
{
    const char *name = NULL, *message = NULL, *hint = "";
    enum vanta_status status = VANTA_OK;

    if (vanta_json_string(&client_doc, error, "/error", "status", true, &name, what) ||
        vanta_json_string(&client_doc, error, "/error", "message", true, &message,
                          what) ||
        vanta_json_string(&client_doc, error, "/error", "hint", false, &hint, what))
        return VANTA_OK;
    status = status_named(name);
    if (status == VANTA_OK) {
        vanta_fail(what, VANTA_ERR_FORMAT, "an error of unknown status");
        return VANTA_OK;
    }
    if (!goes_on(status)) {
        engine->dead = true;
        vanta_process_kill(&engine->process);
    }
    vanta_fail(err, status, "%s", message);
    if (hint[0])
        vanta_hint(err, "%s", hint);
    return status;
}

static enum vanta_status take_event(struct vanta_engine *engine, struct exchange *x,
                                    const json_t *message, const char *name,
                                    struct vanta_error *err)
{
    struct vanta_engine_event event = {.kind = VANTA_ENGINE_PROGRESS};
    enum vanta_status status;

    if (strcmp(name, "progress") != 0) {
        if (!x->event)
            return vanta_fail(err, VANTA_ERR_FORMAT, "an event that has no place here");
        return x->event(x, name, message, err);
    }
    status = client_number(message, "fraction", true, 0, 1, &event.fraction, err);
    if (status == VANTA_OK)
        client_tell(engine, &event);
    return status;
}

/* One message of the helper: *done when it ends the request. A failure that the helper
 * reports properly is *refused with its error in err; one of the talk is returned, its
 * reason in what. */
static enum vanta_status take_message(struct vanta_engine *engine, struct exchange *x,
                                      bool *done, enum vanta_status *refused,
                                      struct vanta_error *what, struct vanta_error *err)
{
    const json_t *event, *ok = NULL, *error = NULL;
    enum vanta_status status;
    json_t *message = NULL;
    int64_t id = 0;

    status = vanta_frame_read(&engine->reader, &message,
                              x->answer_max ? &x->binary_answer : NULL,
                              x->answer_max ? &x->binary_answer_bytes : NULL, what);
    if (status != VANTA_OK)
        return status;
    engine->heard_ms = vanta_clock_ms();
    event = json_object_get(message, "event");
    status = vanta_json_integer(&client_doc, message, "", "id", true, engine->id,
                                engine->id, &id, what);
    if (status == VANTA_OK && event) {
        if (!json_is_string(event) || (x->binary_answer && !x->binary_events))
            status = vanta_fail(what, VANTA_ERR_FORMAT, "not a proper event");
        else
            status = take_event(engine, x, message, json_string_value(event), what);
        goto out;
    }
    if (status == VANTA_OK)
        status = vanta_json_object(&client_doc, message, "", "ok", false, &ok, what);
    if (status == VANTA_OK)
        status =
            vanta_json_object(&client_doc, message, "", "error", false, &error, what);
    if (status != VANTA_OK)
        goto out;
    if (!ok == !error) {
        status = vanta_fail(what, VANTA_ERR_FORMAT, "neither an event nor an answer");
    } else if (ok) {
        x->ok = json_incref(json_object_get(message, "ok"));
        *done = true;
    } else {
        *refused = take_error(engine, error, what, err);
        *done = *refused != VANTA_OK;
        status = *done ? VANTA_OK : VANTA_ERR_FORMAT;
    }
out:
    json_decref(message);
    return status;
}

static enum vanta_status send_request(struct vanta_engine *engine, struct exchange *x,
                                      struct vanta_error *what)
{
    json_t *message = x->message ? x->message : json_object();
    enum vanta_status status;

    x->message = NULL;
    if (!message ||
        json_object_set_new(message, "id", json_integer((json_int_t)engine->id)) != 0 ||
        json_object_set_new(message, "request", json_string(x->request)) != 0) {
        json_decref(message);
        return vanta_fail(what, VANTA_ERR_INTERNAL, "memory is out");
    }
    status = vanta_frame_write_waiting(engine->fd, message, x->binary, x->binary_bytes,
                                       client_wait_writable, engine, what);
    json_decref(message);
    return status;
}

enum vanta_status client_exchange(struct vanta_engine *engine, struct exchange *x,
                                  struct vanta_error *err)
{
    struct vanta_error what = {0};
    enum vanta_status status, refused = VANTA_OK;
    bool done = false;
    int events = 0;

    x->engine = engine;
    if (engine->dead) {
        json_decref(x->message);
        return vanta_fail(err, VANTA_ERR_TOOL, "the engine has ended");
    }
    engine->id++;
    engine->cancelling = engine->cancel_sent = false;
    engine->heard_ms = vanta_clock_ms();
    engine->reader.binary_max = x->answer_max;
    status = send_request(engine, x, &what);
    if (status == VANTA_ERR_LIMIT || status == VANTA_ERR_INTERNAL) {
        /* Nothing was written: the helper does not know of it. */
        status = status == VANTA_ERR_LIMIT ? status : VANTA_ERR_NO_MEMORY;
        return vanta_fail(err, status, "%s", what.message);
    }
    while (status == VANTA_OK && !done) {
        if (++events > CLIENT_EVENTS_MAX)
            status = vanta_fail(&what, VANTA_ERR_LIMIT, "more than %d events",
                                CLIENT_EVENTS_MAX);
        else
            status = take_message(engine, x, &done, &refused, &what, err);
    }
    if (status != VANTA_OK)
        return failed(engine, status, &what, x->request, err);
    if (refused != VANTA_OK)
        return refused;
    if (!engine->cancelling)
        return VANTA_OK;
    json_decref(x->ok); /* it was ready before it heard */
    x->ok = NULL;
    return vanta_fail(err, VANTA_ERR_CANCELLED, "cancelled");
}

/* --- one model --- */

static const char *const kinds[] = {"none", "whisper", "llm", "encoder", "speech"};

static json_t *paths(const char *const *list, size_t n)
{
    json_t *array = json_array();
    size_t i;

    for (i = 0; array && i < n; i++)
        if (json_array_append_new(array, json_string(list[i])) != 0) {
            json_decref(array); /* not UTF-8, or memory */
            return NULL;
        }
    return array;
}

static enum vanta_status send_hello(struct vanta_engine *engine,
                                    const struct vanta_engine_options *o,
                                    const char *writable, struct vanta_error *what)
{
    json_t *hello =
        json_pack("{s:i, s:s, s:s, s:b, s:s*, s:o, s:o}", "hello", VANTA_PROTOCOL_VERSION,
                  "build", engine->info.build, "kind", kinds[o->kind], "no_gpu",
                  o->no_gpu, "model", o->model, "readable",
                  paths(o->readable, o->n_readable), "writable",
                  paths(&writable, writable ? 1 : 0));
    enum vanta_status status;

    if (!hello)
        return vanta_fail(what, VANTA_ERR_USAGE,
                          "a path for the engine is not valid UTF-8");
    status = vanta_frame_write_waiting(engine->fd, hello, NULL, 0, client_wait_writable,
                                       engine, what);
    json_decref(hello);
    return status;
}

static enum vanta_status check_hello(struct vanta_engine *engine, const char *program,
                                     const json_t *hello, struct vanta_error *what)
{
    char build[VANTA_ENGINE_BUILD_MAX];
    int64_t version;
    enum vanta_status status =
        vanta_json_integer(&client_doc, hello, "", "hello", true, VANTA_PROTOCOL_VERSION,
                           VANTA_PROTOCOL_VERSION, &version, what);

    if (status == VANTA_OK)
        status = client_name(hello, "build", true, engine->info.build,
                             sizeof engine->info.build, what);
    if (status != VANTA_OK || read_build(program, build, NULL) != VANTA_OK)
        return status;
    if (strcmp(build, engine->info.build) != 0)
        status = vanta_fail(what, VANTA_ERR_FORMAT,
                            "it is build \"%s\", its file says \"%s\"; build it again",
                            engine->info.build, build);
    return status;
}

static enum vanta_status shake_hands(struct vanta_engine *engine, const char *program,
                                     const struct vanta_engine_options *o,
                                     const char *writable, int64_t start_ms,
                                     struct vanta_error *err)
{
    struct vanta_error what = {0};
    json_t *hello = NULL;
    enum vanta_status status =
        vanta_frame_read(&engine->reader, &hello, NULL, NULL, &what);

    if (status == VANTA_OK)
        status = check_hello(engine, program, hello, &what);
    json_decref(hello);
    engine->info.start_ms = (double)(vanta_clock_ms() - start_ms);
    engine->heard_ms = vanta_clock_ms();
    if (status == VANTA_OK)
        status = send_hello(engine, o, writable, &what);
    if (status == VANTA_ERR_USAGE)
        return vanta_fail(err, status, "%s", what.message);
    if (status != VANTA_OK)
        return client_process_failed(engine, status, &what, "starting", err);
    return VANTA_OK;
}

static enum vanta_status load(struct vanta_engine *engine,
                              const struct vanta_engine_options *o,
                              struct vanta_error *err)
{
    struct exchange x = {.request = "load"};
    struct vanta_error what = {0};
    enum vanta_status status;

    x.message = json_pack("{s:s, s:s*, s:i, s:i, s:i, s:b}", "kind", kinds[o->kind],
                          "path", o->model, "threads", o->threads, "context_tokens",
                          o->context_tokens, "gpu_layers", o->gpu_layers, "no_gpu",
                          o->no_gpu);
    if (!x.message)
        return vanta_fail_memory(err);
    status = client_exchange(engine, &x, err);
    if (status == VANTA_OK && client_info(x.ok, &engine->info, &what) != VANTA_OK)
        status = client_lied(engine, &what, err);
    json_decref(x.ok);
    return status;
}

static struct vanta_engine *new_engine(const struct vanta_engine_options *o)
{
    struct vanta_engine *engine = calloc(1, sizeof *engine);
    struct vanta_machine machine;

    if (!engine)
        return NULL;
    engine->fd = engine->log.pipe = engine->log.file = -1;
    engine->options = *o;
    engine->options.program = engine->options.model = engine->options.log = NULL;
    engine->options.readable = NULL;
    engine->silence_ms = o->silence_ms > 0 ? o->silence_ms : CLIENT_SILENCE_MS;
    engine->limit_bytes = o->memory_limit_bytes;
    if (!engine->limit_bytes) {
        vanta_machine_read(&machine);
        engine->limit_bytes = machine.ram_usable ? machine.ram_usable : (uint64_t)1 << 40;
    }
    if (o->model && !(engine->model = vanta_strdup(o->model))) {
        free(engine);
        return NULL;
    }
    return engine;
}

static bool options_make_sense(const struct vanta_engine_options *o)
{
    size_t i;

    if ((int)o->kind < VANTA_ENGINE_NONE || o->kind > VANTA_ENGINE_SPEECH ||
        (o->kind != VANTA_ENGINE_NONE && !o->model) || (o->model && o->model[0] != '/') ||
        (o->program && o->program[0] != '/') || o->threads < 0 || o->context_tokens < 0 ||
        o->gpu_layers < -1)
        return false;
    for (i = 0; i < o->n_readable; i++)
        if (!o->readable[i] || o->readable[i][0] != '/')
            return false;
    return true;
}

enum vanta_status client_open(struct vanta_engine **out,
                              const struct vanta_engine_options *options,
                              const char *writable, struct vanta_error *err)
{
    char program[VANTA_PATH_MAX];
    int64_t start_ms = vanta_clock_ms();
    struct vanta_engine *engine;
    enum vanta_status status = VANTA_OK;

    if (!options_make_sense(options))
        return vanta_fail(err, VANTA_ERR_USAGE, "an engine's options make no sense");
    if (options->program) {
        if (!vanta_format(program, sizeof program, "%s", options->program))
            return vanta_fail(err, VANTA_ERR_LIMIT, "the program's path is too long");
    } else if ((status = vanta_engine_find(program, err)) != VANTA_OK) {
        return status;
    }
    engine = new_engine(options);
    if (!engine)
        return vanta_fail_memory(err);
    status = client_process_start(engine, program, options->log, err);
    if (status == VANTA_OK) {
        vanta_frame_reader_open(&engine->reader, engine->fd);
        engine->reader.json_max = CLIENT_JSON_MAX;
        engine->reader.wait = client_wait_readable;
        engine->reader.arg = engine;
        engine->heard_ms = vanta_clock_ms();
        status = shake_hands(engine, program, options, writable, start_ms, err);
    }
    if (status == VANTA_OK)
        status = load(engine, options, err);
    if (status != VANTA_OK) {
        vanta_engine_close(engine);
        return status;
    }
    *out = engine;
    return VANTA_OK;
}

enum vanta_status vanta_engine_open(struct vanta_engine **out,
                                    const struct vanta_engine_options *options,
                                    struct vanta_error *err)
{
    return client_open(out, options, NULL, err);
}

void vanta_engine_close(struct vanta_engine *engine)
{
    if (!engine)
        return;
    client_process_close(engine);
    vanta_frame_reader_close(&engine->reader);
    free(engine->model);
    free(engine);
}

const struct vanta_engine_info *vanta_engine_info(const struct vanta_engine *engine)
{
    return &engine->info;
}
