/* vanta-engine itself: its sandbox and channel, and files that are cut short or damaged,
 * which harm nothing but it. */
#include "cmocka_all.h"

#include <dlfcn.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/process.h"
#include "engines/engine.h"
#include "engines/protocol.h"
#include "scratch.h"
#include "tiny_models.h"

static const char *tiny(void)
{
    const char *path = in_scratch("tiny.gguf");

    assert_true(tiny_llama(path));
    return path;
}

static struct vanta_engine_options of(enum vanta_engine_kind kind, const char *model)
{
    return (struct vanta_engine_options){.kind = kind,
                                         .program = ENGINE_PROGRAM,
                                         .model = model,
                                         .context_tokens = 512,
                                         .gpu_layers = 0,
                                         .no_gpu = true,
                                         .silence_ms = 60000};
}

static struct vanta_engine *open_engine(const struct vanta_engine_options *o)
{
    struct vanta_engine *engine = NULL;
    struct vanta_error err = {0};

    if (vanta_engine_open(&engine, o, &err) != VANTA_OK)
        fail_msg("open: %s", err.message);
    return engine;
}

static enum vanta_status try_file(enum vanta_engine_kind kind, const char *path);

/* --- what it is --- */

static void it_says_what_it_is_and_is_confined(void **state)
{
    struct vanta_engine_options o = of(VANTA_ENGINE_NONE, NULL);
    struct vanta_engine *engine = open_engine(&o);
    const struct vanta_engine_info *info = vanta_engine_info(engine);
    json_t *devices = NULL;

    (void)state;
    assert_string_equal(info->build, ENGINE_BUILD);
    assert_true(info->threads >= 1);
    assert_string_equal(info->devices, "CPU");
#if defined(__linux__)
    if (!getenv("VANTA_TEST_EMULATED")) /* qemu has no seccomp for its programs */
        assert_non_null(strstr(info->sandbox, "seccomp"));
#endif
    assert_int_equal(vanta_engine_devices(engine, &devices, NULL), VANTA_OK);
    assert_true(json_array_size(json_object_get(devices, "devices")) >= 1);
    assert_string_equal(json_string_value(json_object_get(devices, "sandbox")),
                        info->sandbox);
    json_decref(devices);
    vanta_engine_close(engine);
}

static void a_model_answers_through_the_sandbox(void **state)
{
    struct vanta_engine_options o = of(VANTA_ENGINE_LLM, tiny());
    struct vanta_complete request = {.form = VANTA_PROMPT_PLAIN,
                                     .text = "hello",
                                     .max_tokens = 8};
    struct vanta_perplexity perplexity;
    struct vanta_completion out;
    struct vanta_engine *engine = open_engine(&o);
    struct vanta_error err = {0};
    int32_t *ids;
    size_t n;

    (void)state;
    assert_string_equal(vanta_engine_info(engine)->architecture, "llama");
    assert_int_equal(vanta_engine_info(engine)->context_tokens, 512);
    if (vanta_engine_complete(engine, &request, &out, &err) != VANTA_OK)
        fail_msg("complete: %s", err.message);
    assert_true(out.prompt_tokens >= 5 && out.generated_tokens > 0);
    assert_false(out.not_finite);
    vanta_completion_free(&out);
    assert_int_equal(vanta_engine_tokenize(engine, "ab", &ids, &n, NULL), VANTA_OK);
    assert_true(n >= 3 && ids[n - 1] == 'b' + 3);
    free(ids);
    assert_int_equal(vanta_engine_perplexity(engine, "some text", &perplexity, NULL),
                     VANTA_OK);
    assert_true(perplexity.perplexity > 1 && perplexity.perplexity < 1e4);
    /* What another kind of model does is refused, and it goes on. */
    assert_int_equal(vanta_engine_embed(engine, (const char *const[]){"a"}, 1,
                                        &(struct vanta_embeddings){0}, &err),
                     VANTA_ERR_UNSUPPORTED);
    assert_int_equal(vanta_engine_complete(engine, &request, &out, NULL), VANTA_OK);
    vanta_completion_free(&out);
    vanta_engine_close(engine);
}

static void a_model_that_is_not_there(void **state)
{
    struct vanta_engine_options o = of(VANTA_ENGINE_LLM, in_scratch("none.gguf"));
    struct vanta_engine *engine = NULL;

    (void)state;
    assert_int_equal(vanta_engine_open(&engine, &o, NULL), VANTA_ERR_NOT_FOUND);
}

/* A recording that was not named when it started cannot be read. */
static void a_file_that_was_not_named(void **state)
{
    static const unsigned char wav[48] = {
        'R', 'I', 'F', 'F', 40, 0, 0, 0, 'W', 'A', 'V', 'E', 'f', 'm', 't', ' ',
        16,  0,   0,   0,   1,  0, 1, 0, 0x80, 0x3e, 0, 0, 0, 0x7d, 0, 0,
        2,   0,   16,  0,   'd', 'a', 't', 'a', 4, 0, 0, 0, 0, 0, 0, 0};
    const char *named = scratch_file("named.wav", wav, sizeof wav);
    const char *other = scratch_file("other.wav", wav, sizeof wav);
    struct vanta_engine_options o = of(VANTA_ENGINE_NONE, NULL);
    struct vanta_audio_report report;
    struct vanta_engine *engine;
    struct vanta_error err = {0};

    (void)state;
    o.readable = &named;
    o.n_readable = 1;
    engine = open_engine(&o);
    if (vanta_engine_audio(engine, named, &report, &err) != VANTA_OK)
        fail_msg("audio: %s", err.message);
    assert_string_equal(report.format, "WAV");
    assert_int_equal(report.sample_hz, 16000);
    if (strstr(vanta_engine_info(engine)->sandbox, "landlock") ||
        strstr(vanta_engine_info(engine)->sandbox, "profile"))
        assert_int_equal(vanta_engine_audio(engine, other, &report, NULL), VANTA_ERR_IO);
    vanta_engine_close(engine);
}

static void a_planted_library_is_not_loaded(void **state)
{
    static const char *const names[] = {"libggml-cpu.so", "libggml-blas.so",
                                        "libggml-cuda.so", "libggml-cpu-x64.so"};
    const char *argv[] = {ENGINE_PROGRAM, "--devices", NULL};
    char path[128], backend[256], loader[256];
    const char *envp[] = {"PATH=/usr/bin:/bin", backend, loader, NULL};
    const char *log = in_scratch("log");
    struct vanta_process_spec spec = {
        .argv = argv, .envp = envp, .cwd = scratch, .output = log};
    struct vanta_process process;
    struct vanta_engine_options o = of(VANTA_ENGINE_NONE, NULL);
    struct vanta_buf text = VANTA_BUF(1 << 20);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(vanta_file_copy(PLANTED_LIBRARY, in_scratch(names[i]), NULL),
                         VANTA_OK);
    snprintf(path, sizeof path, "%s/%s", scratch, names[0]);
    snprintf(backend, sizeof backend, "GGML_BACKEND_PATH=%s", path);
    snprintf(loader, sizeof loader, "GGML_BACKEND_DIR=%s", scratch);
    /* By hand, in the folder where it lies. */
    assert_int_equal(vanta_process_start(&process, &spec, NULL), VANTA_OK);
    assert_true(vanta_process_wait(&process, 20000));
    assert_int_equal(process.exit_code, 0);
    assert_int_equal(vanta_file_read(log, &text, NULL), VANTA_OK);
    assert_non_null(strstr(text.data, "CPU"));
    assert_null(strstr(text.data, "planted"));
    /* By vanta. */
    setenv("GGML_BACKEND_PATH", path, 1);
    assert_int_equal(chdir(scratch), 0);
    o.log = in_scratch("log2");
    vanta_engine_close(open_engine(&o));
    text.len = 0;
    assert_int_equal(vanta_file_read(o.log, &text, NULL), VANTA_OK);
    assert_true(text.len == 0 || !strstr(text.data, "planted"));
    assert_int_equal(chdir("/"), 0);
    unsetenv("GGML_BACKEND_PATH");
    /* It would have told: a program without that care. */
    text.len = 0;
    argv[0] = PLANTED_LOADER;
    argv[1] = path;
    assert_int_equal(vanta_process_start(&process, &spec, NULL), VANTA_OK);
    assert_true(vanta_process_wait(&process, 20000));
    assert_int_equal(vanta_file_read(log, &text, NULL), VANTA_OK);
    assert_non_null(strstr(text.data, "planted"));
    vanta_buf_free(&text);
}

static void a_model_is_quantized_into_the_named_file(void **state)
{
    const char *from = tiny(), *to = scratch_text("q8.gguf", "");
    struct vanta_engine_options o = of(VANTA_ENGINE_NONE, from);
    struct vanta_error err = {0};

    (void)state;
    if (vanta_engine_quantize(&o, to, "Q8_0", &err) != VANTA_OK)
        fail_msg("quantize: %s", err.message);
    assert_in_range(vanta_file_size(to), 1000, vanta_file_size(from));
    assert_int_equal(try_file(VANTA_ENGINE_LLM, to), VANTA_OK);
    assert_int_equal(vanta_engine_quantize(&o, to, "Q9", &err), VANTA_ERR_UNSUPPORTED);
    memset(&err, 0, sizeof err);
    o.model = scratch_text("text", "not a model\n");
    assert_int_not_equal(vanta_engine_quantize(&o, to, "Q8_0", &err), VANTA_OK);
    assert_true(err.message[0] != '\0');
}

/* --- the channel --- */

/* A helper that was started by hand, at work on a request that takes long. */
static pid_t start_long_work(const char *model, int *channel)
{
    static struct vanta_frame_reader reader;
    json_t *hello = NULL, *load, *speed;
    int ends[2];
    pid_t pid;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        dup2(ends[1], 3);
        if (ends[1] != 3)
            close(ends[1]);
        if (!freopen("/dev/null", "w", stderr))
            _exit(126);
        execl(ENGINE_PROGRAM, ENGINE_PROGRAM, "--serve", "3", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    vanta_frame_reader_open(&reader, ends[0]);
    assert_int_equal(vanta_frame_read(&reader, &hello, NULL, NULL, NULL), VANTA_OK);
    json_decref(hello);
    hello = json_pack("{s:i, s:s, s:b}", "hello", VANTA_PROTOCOL_VERSION, "model", model,
                      "no_gpu", 1);
    load = json_pack("{s:i, s:s, s:s, s:s, s:i, s:i}", "id", 1, "request", "load", "kind",
                     "llm", "path", model, "context_tokens", 4096, "threads", 1);
    speed = json_pack("{s:i, s:s, s:i, s:i}", "id", 2, "request", "speed",
                      "prompt_tokens", 8, "generate_tokens", 4000);
    assert_int_equal(vanta_frame_write(ends[0], hello, NULL, 0, NULL), VANTA_OK);
    assert_int_equal(vanta_frame_write(ends[0], load, NULL, 0, NULL), VANTA_OK);
    json_decref(hello);
    do { /* progress, then the answer */
        hello = NULL;
        assert_int_equal(vanta_frame_read(&reader, &hello, NULL, NULL, NULL), VANTA_OK);
        assert_null(json_object_get(hello, "error"));
        json_decref(load);
        load = hello;
    } while (!json_object_get(load, "ok"));
    assert_int_equal(vanta_frame_write(ends[0], speed, NULL, 0, NULL), VANTA_OK);
    json_decref(load);
    json_decref(speed);
    vanta_frame_reader_close(&reader);
    vanta_clock_sleep_ms(100, NULL);
    *channel = ends[0];
    return pid;
}

static void ends_within(pid_t pid, int64_t ms, int *how)
{
    int64_t end = vanta_clock_ms() + ms;

    while (waitpid(pid, how, WNOHANG) == 0) {
        if (vanta_clock_ms() > end) {
            kill(pid, SIGKILL);
            waitpid(pid, how, 0);
            fail_msg("it went on after %lld ms", (long long)ms);
        }
        vanta_clock_sleep_ms(5, NULL);
    }
}

static void it_ends_with_its_channel_in_the_middle_of_work(void **state)
{
    int channel, how;
    pid_t pid = start_long_work(tiny(), &channel);

    (void)state;
    assert_int_equal(waitpid(pid, &how, WNOHANG), 0); /* at work */
    close(channel);
    ends_within(pid, 1000, &how);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

static void it_ends_on_garbage_in_the_middle_of_work(void **state)
{
    static const char *const garbage[] = {"GET / HTTP/1.1\r\n\r\n",
                                          "\xff\xff\xff\xffJ",
                                          "\x01\x01\x01\x01Z"};
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        int channel, how;
        pid_t pid = start_long_work(tiny(), &channel);

        assert_true(write(channel, garbage[i], strlen(garbage[i])) > 0);
        ends_within(pid, 1000, &how);
        assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 4);
        close(channel);
    }
}

static void it_refuses_a_second_request_at_work(void **state)
{
    json_t *more = json_pack("{s:i, s:s}", "id", 3, "request", "info");
    int channel, how;
    pid_t pid = start_long_work(tiny(), &channel);

    (void)state;
    assert_int_equal(vanta_frame_write(channel, more, NULL, 0, NULL), VANTA_OK);
    json_decref(more);
    ends_within(pid, 1000, &how);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 4);
    close(channel);
}

struct heard {
    char text[8192];
    int events;
};

static bool hear_text(void *arg, const struct vanta_engine_event *event)
{
    struct heard *heard = arg;

    if (event->kind != VANTA_ENGINE_TEXT)
        return true;
    heard->events++;
    assert_true(strlen(heard->text) + strlen(event->text) < sizeof heard->text);
    strcat(heard->text, event->text);
    return true;
}

static void text_comes_no_more_often_than_asked(void **state)
{
    struct vanta_engine_options o = of(VANTA_ENGINE_LLM, tiny());
    struct vanta_complete request = {.form = VANTA_PROMPT_PLAIN,
                                     .text = "hello",
                                     .max_tokens = 40};
    struct heard each = {.events = 0}, seldom = {.events = 0};
    struct vanta_completion out;
    struct vanta_engine *engine;

    (void)state;
    o.listener = hear_text;
    o.arg = &each;
    engine = open_engine(&o);
    assert_int_equal(vanta_engine_complete(engine, &request, &out, NULL), VANTA_OK);
    assert_string_equal(each.text, out.text);
    assert_true(each.events > 2);
    vanta_completion_free(&out);
    vanta_engine_close(engine);

    o.arg = &seldom;
    engine = open_engine(&o);
    request.text_every_ms = 10000;
    assert_int_equal(vanta_engine_complete(engine, &request, &out, NULL), VANTA_OK);
    assert_string_equal(seldom.text, out.text);
    assert_string_equal(seldom.text, each.text);
    assert_int_equal(seldom.events, 2); /* the first token's, and the rest */
    vanta_completion_free(&out);
    request.text_every_ms = 10001;
    assert_int_equal(vanta_engine_complete(engine, &request, &out, NULL), VANTA_ERR_FORMAT);
    vanta_engine_close(engine);
}

static bool refuse_text(void *arg, const struct vanta_engine_event *event)
{
    (void)arg;
    return event->kind != VANTA_ENGINE_TEXT;
}

static void a_cancel_leaves_it_in_use(void **state)
{
    struct vanta_engine_options o = of(VANTA_ENGINE_LLM, tiny());
    struct vanta_complete request = {.form = VANTA_PROMPT_PLAIN,
                                     .text = "hello",
                                     .max_tokens = 400};
    struct vanta_completion out;
    struct vanta_engine *engine;
    int64_t start;
    int i;

    (void)state;
    o.listener = refuse_text;
    engine = open_engine(&o);
    start = vanta_clock_ms();
    for (i = 0; i < 2; i++)
        assert_int_equal(vanta_engine_complete(engine, &request, &out, NULL),
                         VANTA_ERR_CANCELLED);
    assert_true(vanta_clock_ms() - start < 2000);
    vanta_engine_close(engine);
}

static void it_is_for_vanta_alone(void **state)
{
    static const char *const tries[][3] = {{"--serve", "3", NULL},
                                           {"--serve", "x", NULL},
                                           {"--serve", "1", NULL},
                                           {"--help", NULL, NULL},
                                           {NULL, NULL, NULL}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        const char *argv[] = {ENGINE_PROGRAM, tries[i][0], tries[i][1], NULL};
        struct vanta_process process;

        assert_int_equal(
            vanta_process_start(&process, &(struct vanta_process_spec){.argv = argv},
                                NULL),
            VANTA_OK);
        assert_true(vanta_process_wait(&process, 20000));
        assert_int_equal(process.exit_code, 2);
    }
}

/* --- damaged files --- */

/* Loads what is at path and, where that is taken, uses it. The caller is never harmed;
 * VANTA_OK or the failure. */
static enum vanta_status try_file(enum vanta_engine_kind kind, const char *path)
{
    struct vanta_engine_options o = of(kind, path);
    struct vanta_complete request = {.form = VANTA_PROMPT_PLAIN,
                                     .text = "hello",
                                     .max_tokens = 2};
    struct vanta_engine *engine = NULL;
    struct vanta_completion out;
    struct vanta_error err = {0};
    enum vanta_status status;

    o.context_tokens = 64;
    o.memory_limit_bytes = (uint64_t)1 << 30;
    o.silence_ms = 20000;
    status = vanta_engine_open(&engine, &o, &err);
    if (status == VANTA_OK && kind == VANTA_ENGINE_LLM) {
        status = vanta_engine_complete(engine, &request, &out, &err);
        vanta_completion_free(&out);
    }
    vanta_engine_close(engine);
    switch (status) {
    case VANTA_OK:
    case VANTA_ERR_FORMAT:
    case VANTA_ERR_TOOL:
    case VANTA_ERR_NO_MEMORY:
    case VANTA_ERR_UNSUPPORTED:
    case VANTA_ERR_LIMIT:
    case VANTA_ERR_USAGE:
        break;
    default:
        fail_msg("status %s: %s", vanta_status_name(status), err.message);
    }
    if (status != VANTA_OK)
        assert_true(err.message[0] != '\0');
    return status;
}

static unsigned char *whole(const char *path, size_t *n)
{
    struct vanta_buf buf = VANTA_BUF(64 << 20);

    assert_int_equal(vanta_file_read(path, &buf, NULL), VANTA_OK);
    *n = buf.len;
    return (unsigned char *)buf.data;
}

#if defined(__SANITIZE_ADDRESS__) /* which the engines have not, and a process is slow with */
#define DAMAGE_STRIDE 5
#else
#define DAMAGE_STRIDE 1
#endif

static void cuts_fail(enum vanta_engine_kind kind, const unsigned char *bytes, size_t n,
                      const struct places *p)
{
    const char *path = in_scratch("cut.bin");
    size_t i;

    for (i = 0; i < p->n; i += DAMAGE_STRIDE) {
        assert_true(p->at[i] < n);
        scratch_file("cut.bin", bytes, p->at[i]);
        if (try_file(kind, path) == VANTA_OK)
            fail_msg("a file cut at byte %zu was taken", p->at[i]);
    }
}

static void flips_harm_nothing(enum vanta_engine_kind kind, unsigned char *bytes,
                               size_t n, const struct places *p)
{
    static const unsigned char flips[] = {0x01, 0x80, 0xff};
    const char *path = in_scratch("flipped.bin");
    size_t i, refused = 0;

    for (i = 0; i < p->n; i += DAMAGE_STRIDE) {
        /* The low and the high byte of what starts here, turn by turn. */
        size_t at = p->at[i] + (i % 2 ? 3 : 0);
        unsigned char flip = flips[i % 3];

        if (at >= n)
            continue;
        bytes[at] ^= flip;
        scratch_file("flipped.bin", bytes, n);
        bytes[at] ^= flip;
        refused += try_file(kind, path) != VANTA_OK;
    }
    assert_true(refused > p->n / (3 * DAMAGE_STRIDE));
}

static void language_models_cut_or_damaged(void **state)
{
    const char *path = tiny();
    static struct places places;
    unsigned char *bytes;
    size_t n;

    (void)state;
    bytes = whole(path, &n);
    gguf_places(bytes, &places);
    assert_true(places.n > 60);
    assert_int_equal(try_file(VANTA_ENGINE_LLM, path), VANTA_OK);
    flips_harm_nothing(VANTA_ENGINE_LLM, bytes, n, &places);
    place(&places, n / 2); /* in the weights */
    place(&places, n - 1);
    cuts_fail(VANTA_ENGINE_LLM, bytes, n, &places);
    free(bytes);
}

static void speech_models_cut_or_damaged(void **state)
{
    const char *path = in_scratch("whisper.bin");
    static struct places places;
    unsigned char *bytes;
    size_t n;

    (void)state;
    assert_true(whisper_beginning(path, &places));
    bytes = whole(path, &n);
    assert_true(try_file(VANTA_ENGINE_WHISPER, path) != VANTA_OK);
    cuts_fail(VANTA_ENGINE_WHISPER, bytes, n, &places);
    flips_harm_nothing(VANTA_ENGINE_WHISPER, bytes, n, &places);
    free(bytes);
}

static void one_kind_is_not_another(void **state)
{
    const char *gguf = tiny(), *text = scratch_text("text", "not a model\n");
    const char *empty = scratch_text("empty", "");
    static const enum vanta_engine_kind kinds[] = {
        VANTA_ENGINE_WHISPER, VANTA_ENGINE_LLM, VANTA_ENGINE_ENCODER};
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        assert_true(try_file(kinds[i], text) != VANTA_OK);
        assert_true(try_file(kinds[i], empty) != VANTA_OK);
        assert_int_equal(try_file(kinds[i], gguf) == VANTA_OK,
                         kinds[i] == VANTA_ENGINE_LLM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(it_says_what_it_is_and_is_confined),
        scratch_test(a_model_answers_through_the_sandbox),
        scratch_test(a_model_that_is_not_there),
        scratch_test(a_file_that_was_not_named),
        scratch_test(a_planted_library_is_not_loaded),
        scratch_test(a_model_is_quantized_into_the_named_file),
        scratch_test(it_ends_with_its_channel_in_the_middle_of_work),
        scratch_test(it_ends_on_garbage_in_the_middle_of_work),
        scratch_test(it_refuses_a_second_request_at_work),
        scratch_test(text_comes_no_more_often_than_asked),
        scratch_test(a_cancel_leaves_it_in_use),
        scratch_test(it_is_for_vanta_alone),
        scratch_test(language_models_cut_or_damaged),
        scratch_test(speech_models_cut_or_damaged),
        scratch_test(one_kind_is_not_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
