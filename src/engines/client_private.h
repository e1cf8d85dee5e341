/*
 * client_private.h - vanta's side of one helper, shared by the client*.c files.
 *
 * client_process.c starts, watches and ends the process; client_log.c keeps its talk;
 * client.c shakes hands and exchanges messages; client_requests.c asks and checks the
 * answers field by field. All on the thread of the caller: the watch happens whenever the
 * client waits for the channel.
 */
#ifndef VANTA_ENGINES_CLIENT_PRIVATE_H
#define VANTA_ENGINES_CLIENT_PRIVATE_H

#include "base/json.h"
#include "base/process.h"
#include "engines/engine.h"
#include "engines/protocol.h"

#define CLIENT_SILENCE_MS 120000
#define CLIENT_GRACE_MS 2000  /* for a cancelled request, and for the helper's exit */
#define CLIENT_JSON_MAX ((size_t)1024 * 1024) /* of one message of the helper */
#define CLIENT_EVENTS_MAX 4000000             /* of one request */

/* --- what the helper writes to its standard output and error --- */

#define CLIENT_LOG_KEPT 16384                       /* bytes, of the end */
#define CLIENT_LOG_FILE_MAX ((uint64_t)16 * 1024 * 1024)

struct client_log {
    int pipe; /* our end, non-blocking; -1: none */
    int file; /* -1: none */
    uint64_t file_bytes;
    char kept[CLIENT_LOG_KEPT];
    size_t n_kept;
};

/* *write_end is the helper's end of the pipe: close it after the start. */
enum vanta_status client_log_open(struct client_log *log, const char *path,
                                  int *write_end, struct vanta_error *err);
/* Takes what is there, without waiting. */
void client_log_drain(struct client_log *log);
/* The last lines that fit, oldest first, " | " between them, printable; may be "". */
void client_log_tail(const struct client_log *log, char *out, size_t size);
bool client_log_mentions(const struct client_log *log, const char *words);
void client_log_close(struct client_log *log);

/* --- the helper --- */

struct vanta_engine {
    struct vanta_engine_options options; /* its strings are not kept */
    struct vanta_engine_info info;
    struct vanta_process process;
    struct client_log log;
    struct vanta_frame_reader reader;
    char *model; /* NULL: none */
    int fd;
    bool dead; /* can only be closed */
    int64_t id; /* of the request at work, or the last */
    int64_t heard_ms; /* when the last whole frame came, or the request began */
    int64_t silence_ms;
    uint64_t limit_bytes, peak_bytes;
    int64_t sampled_ms; /* when memory was looked at last */
    bool cancelling, cancel_sent;
    int64_t cancel_ms; /* when it began */
};

enum vanta_status client_process_start(struct vanta_engine *engine, const char *program,
                                       const char *log, struct vanta_error *err);
/* vanta_frame_wait of an engine: until the channel is ready, with all that is watched
 * meanwhile. */
enum vanta_status client_wait_readable(void *engine, struct vanta_error *err);
enum vanta_status client_wait_writable(void *engine, struct vanta_error *err);
/* Ends the helper and says why the talk failed: how is what the channel's function gave,
 * what its reason is. doing is for the message: "loading m.gguf". */
enum vanta_status client_process_failed(struct vanta_engine *engine,
                                        enum vanta_status how,
                                        const struct vanta_error *what, const char *doing,
                                        struct vanta_error *err);
void client_process_close(struct vanta_engine *engine);

/* --- requests --- */

struct exchange {
    const char *request;
    json_t *message;    /* fields of the request; NULL: none. Consumed. */
    const void *binary; /* goes with it */
    size_t binary_bytes;
    size_t answer_max; /* bytes that may come with the answer; 0: none may */
    /* An event other than progress; NULL: there may be none. */
    enum vanta_status (*event)(struct exchange *exchange, const char *name,
                               const json_t *event, struct vanta_error *err);
    bool binary_events; /* as many bytes may come with each event: binary_answer */
    struct vanta_engine *engine;
    void *arg;
    /* The answer: json_decref(ok); binary_answer is valid until the next exchange. */
    json_t *ok;
    const void *binary_answer;
    size_t binary_answer_bytes;
};

/* As vanta_engine_open, with files that the helper may write. */
enum vanta_status client_open(struct vanta_engine **out,
                              const struct vanta_engine_options *options,
                              const char *writable, struct vanta_error *err);
enum vanta_status client_exchange(struct vanta_engine *engine, struct exchange *exchange,
                                  struct vanta_error *err);
/* Tells the listener; false of its becomes a cancel. */
void client_tell(struct vanta_engine *engine, const struct vanta_engine_event *event);
/* The helper broke its word in a message that was read: it is ended. */
enum vanta_status client_lied(struct vanta_engine *engine, const struct vanta_error *what,
                              struct vanta_error *err);

/* Ends an exchange with how its answer was read: one that is not what was asked for ends
 * the helper. */
enum vanta_status client_judge(struct exchange *x, enum vanta_status status,
                               const struct vanta_error *what, struct vanta_error *err);

/* Members of what the helper sent; VANTA_ERR_FORMAT with the member's name. */
extern const struct vanta_json_doc client_doc;
enum vanta_status client_number(const json_t *object, const char *key, bool required,
                                double least, double most, double *out,
                                struct vanta_error *err);
/* VANTA_ERR_FORMAT when it does not fit. Control characters become '?'. */
enum vanta_status client_name(const json_t *object, const char *key, bool required,
                              char *out, size_t size, struct vanta_error *err);
enum vanta_status client_info(const json_t *ok, struct vanta_engine_info *info,
                              struct vanta_error *err);
/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD. NULL: memory. */
json_t *client_text(const char *text);

#endif
