/* package_stage.h - package clients of our own making: shell scripts on a PATH of one
 * folder. FAKE is that test's folder; "behaviour" in it says what the client does. */
#ifndef VANTA_TESTS_PACKAGE_STAGE_H
#define VANTA_TESTS_PACKAGE_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/path.h"
#include "fetch/package.h"

static const char wheel_bytes[] = "the bytes of a wheel, or of a tarball";
#define WHEEL_LEN (sizeof wheel_bytes - 1)
#define WHEEL_INTEGRITY \
    "sha512-tzOp2NdXHPTlE0LKSbEdio2RmwqZOQzLUqwWXK4X5Gfc7VIc7lxhwNLi9b80" \
    "a16ERSOyoRmU0qCVHfY6L0MDaw=="

static char fake[64], models[128], wheel_sha256[VANTA_SHA256_HEX];
static char real_path[4096];

static const char prologue[] = "#!/bin/sh\n"
                               "pwd >\"$FAKE/cwd\"\n"
                               "printf '%s\\n' \"$0\" \"$@\" >\"$FAKE/args\"\n"
                               "/usr/bin/env >\"$FAKE/env\"\n"
                               "echo run >>\"$FAKE/runs\"\n"
                               "while [ $# -gt 0 ]; do\n"
                               "    case $1 in -d) out=$2;; -r) /bin/cp \"$2\" "
                               "\"$FAKE/requirements\";; esac\n"
                               "    shift\n"
                               "done\n"
                               ". \"$FAKE/behaviour\"\n";
static const char gives_wheel[] =
    "/bin/cp \"$FAKE/wheel\" \"$out/x-1.0-py3-none-any.whl\"\n";

/* --- the stage --------------------------------------------------------------------- */

static inline const char *in_fake(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/%s", fake, name);
    return path;
}

static inline void put(const char *name, const char *text)
{
    assert_int_equal(vanta_file_replace(in_fake(name), text, strlen(text), NULL),
                     VANTA_OK);
}

static inline void put_program(const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "bin/%s", name);
    put(path, text);
    assert_int_equal(chmod(in_fake(path), 0755), 0);
}

/* The file's text; the caller need not free it, the next call does. */
static inline const char *get(const char *name)
{
    static struct vanta_buf buf;

    vanta_buf_free(&buf);
    buf = VANTA_BUF(1 << 20);
    if (vanta_file_read(in_fake(name), &buf, NULL) != VANTA_OK || !buf.data)
        return "";
    return buf.data;
}

static inline bool has_line(const char *text, const char *line)
{
    size_t len = strlen(line);

    while (*text) {
        if (strncmp(text, line, len) == 0 && (text[len] == '\n' || text[len] == '\0'))
            return true;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return false;
}

static inline int set_up(void **state)
{
    (void)state;
    strcpy(fake, "/tmp/vanta-package-XXXXXX");
    if (!mkdtemp(fake) || vanta_dir_make(in_fake("bin"), NULL) != VANTA_OK)
        return -1;
    snprintf(models, sizeof models, "%s/models", fake);
    snprintf(real_path, sizeof real_path, "%s", getenv("PATH"));
    setenv("PATH", in_fake("bin"), 1);
    setenv("FAKE", fake, 1);
    put("wheel", wheel_bytes);
    put("behaviour", gives_wheel);
    put_program("pip3", prologue);
    return vanta_sha256_buffer(wheel_bytes, WHEEL_LEN, wheel_sha256, NULL) == VANTA_OK
               ? 0
               : -1;
}

static inline int tear_down(void **state)
{
    (void)state;
    setenv("PATH", real_path, 1);
    return vanta_remove_tree(fake, NULL) == VANTA_OK ? 0 : -1;
}

static inline struct vanta_package wheel(void)
{
    struct vanta_package p = {.index = "pypi",
                              .name = "x",
                              .version = "1.0",
                              .size_bytes = WHEEL_LEN,
                              .sha256 = wheel_sha256};

    return p;
}

static inline struct vanta_package tarball(void)
{
    struct vanta_package p = {.index = "npm",
                              .name = "@scope/x",
                              .version = "1.0.0",
                              .size_bytes = -1,
                              .integrity = WHEEL_INTEGRITY};

    return p;
}

struct outcome {
    enum vanta_status status;
    struct vanta_error err;
    char path[VANTA_PATH_MAX];
    uint64_t moved;
};

static inline struct outcome fetch(struct vanta_package package, const atomic_bool *cancel)
{
    struct outcome o = {0};

    const struct vanta_package_watch watch = {.cancel = cancel};

    o.status = vanta_package_fetch(&package, models, &watch, o.path, &o.moved, &o.err);
    assert_int_equal(o.status, o.err.status);
    return o;
}

static inline unsigned count_entries(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    unsigned n = 0;

    while (dir && (entry = readdir(dir)))
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (dir)
        closedir(dir);
    return n;
}

static inline void assert_fails(struct outcome o, enum vanta_status status, const char *says)
{
    if (o.status != status || !strstr(o.err.message, says))
        fail_msg("%d, not %d: %s", (int)o.status, (int)status, o.err.message);
    assert_string_equal(o.path, "");
    assert_int_equal(o.moved, 0);
    assert_int_equal(count_entries(models), 0); /* nothing stays */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
