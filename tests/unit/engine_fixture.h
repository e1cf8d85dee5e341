/* engine_fixture.h - an engine whose helper is tests/engine_fake, with a script. */
#ifndef VANTA_TESTS_ENGINE_FIXTURE_H
#define VANTA_TESTS_ENGINE_FIXTURE_H

#include "scratch.h"

#include "base/clock.h"
#include "engines/engine.h"

/* JSON without the noise of backslashes: ' stands for ". */
static inline const char *quoted(const char *text)
{
    static char out[16384];
    size_t i;

    assert_true(strlen(text) < sizeof out);
    for (i = 0; text[i]; i++)
        out[i] = text[i] == '\'' ? '"' : text[i];
    out[i] = '\0';
    return out;
}

static inline struct vanta_engine_options scripted(enum vanta_engine_kind kind,
                                                   const char *script)
{
    return (struct vanta_engine_options){
        .kind = kind,
        .program = FAKE_ENGINE,
        .model = scratch_text("model.bin", quoted(script)),
        .silence_ms = 20000,
    };
}

static inline struct vanta_engine *open_scripted(enum vanta_engine_kind kind,
                                                 const char *script)
{
    struct vanta_engine_options o = scripted(kind, script);
    struct vanta_error err = {0};
    struct vanta_engine *engine = NULL;

    if (vanta_engine_open(&engine, &o, &err) != VANTA_OK)
        fail_msg("open: %s", err.message);
    return engine;
}

/* The open fails with status; the words are in the message, which is returned. */
static inline const char *open_fails(const struct vanta_engine_options *o,
                                     enum vanta_status status, const char *words)
{
    static struct vanta_error err;
    struct vanta_engine *engine = NULL;
    enum vanta_status got;

    memset(&err, 0, sizeof err);
    got = vanta_engine_open(&engine, o, &err);
    assert_null(engine);
    if (got != status || err.status != status)
        fail_msg("status %s, not %s: %s", vanta_status_name(got),
                 vanta_status_name(status), err.message);
    if (!strstr(err.message, words))
        fail_msg("\"%s\" is not in \"%s\"", words, err.message);
    return err.message;
}

/* The fake under another name, which is what it does before there is a script. */
static inline const char *fake_named(const char *name)
{
    const char *path = in_scratch(name);

    assert_int_equal(symlink(FAKE_ENGINE, path), 0);
    return path;
}

#define check_fails(call, want, words)                                                   \
    do {                                                                                 \
        struct vanta_error err_ = {0}, *err = &err_;                                     \
        enum vanta_status got_ = (call);                                                 \
        if (got_ != (want) || err_.status != (want) || !strstr(err_.message, (words)))   \
            fail_msg("status %s, not %s, with \"%s\": %s", vanta_status_name(got_),      \
                     vanta_status_name(want), (words), err_.message);                    \
    } while (0)

#endif
