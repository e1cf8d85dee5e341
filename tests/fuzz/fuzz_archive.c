/* Archives from anyone, read whole, as a part, as an archive in a part, and in passing. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fetch/archive.h"

#define WANTED_MAX_BYTES 65536

static enum vanta_status count(void *arg, const void *data, size_t len,
                               struct vanta_error *err)
{
    volatile uint8_t last = len ? ((const uint8_t *)data)[len - 1] : 0;

    (void)last;
    (void)err;
    *(uint64_t *)arg += len;
    return VANTA_OK;
}

static void run(const struct vanta_archive_part *parts, size_t n_parts,
                const char *const *inner, size_t n)
{
    struct vanta_archive_wanted wanted[3];
    struct vanta_error err = {0};
    enum vanta_status status;
    uint64_t counted[3] = {0};
    size_t i;

    for (i = 0; i < n; i++)
        wanted[i] = (struct vanta_archive_wanted){.inner = inner[i],
                                                  .max_bytes = WANTED_MAX_BYTES,
                                                  .sink = count,
                                                  .arg = &counted[i]};
    status = vanta_archive_extract(parts, n_parts, wanted, n, NULL, &err);
    if (status != err.status || (status != VANTA_OK && !err.message[0]))
        abort();
    for (i = 0; i < n; i++)
        if (counted[i] != wanted[i].bytes || counted[i] > WANTED_MAX_BYTES ||
            (status == VANTA_OK && wanted[i].status != VANTA_OK))
            abort();
}

static enum vanta_status no_more(void *arg, uint64_t offset, bool *more,
                                 struct vanta_error *err)
{
    (void)arg;
    (void)offset;
    (void)err;
    *more = false;
    return VANTA_OK;
}

static char path[] = "/tmp/vanta-fuzz-archive-XXXXXX";

static void clean_up(void)
{
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const members[] = {"b.bin", "a/one.txt", "package/a/one.txt"};
    static const char *const whole[] = {NULL};
    static int fd = -1;
    struct vanta_archive_part part = {.path = path};
    struct vanta_archive_growth growth = {.whole_bytes = size, .more = no_more};

    if (fd < 0) {
        fd = mkstemp(path);
        if (fd < 0 || atexit(clean_up) != 0)
            abort();
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    run(&part, 1, members, 3);
    run(&part, 1, members, 1);
    part.member = "b.bin";
    run(&part, 1, whole, 1);
    part.member = "p/x.zip.001";
    run(&part, 1, members, 1);
    growth.fd = fd;
    part = (struct vanta_archive_part){.path = path, .growth = &growth};
    run(&part, 1, members, 3);
    part.member = "b.bin";
    run(&part, 1, whole, 1);
    return 0;
}
