/* scratch.h - a folder of its own for each unit test that touches the disk. */
#ifndef VANTA_TESTS_SCRATCH_H
#define VANTA_TESTS_SCRATCH_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"

static char scratch[64];

static inline int scratch_setup(void **state)
{
    (void)state;
    snprintf(scratch, sizeof scratch, "/tmp/vanta-unit-XXXXXX");
    return mkdtemp(scratch) ? 0 : -1;
}

static inline int scratch_teardown(void **state)
{
    (void)state;
    return vanta_remove_tree(scratch, NULL) == VANTA_OK ? 0 : -1;
}

/* "NAME" below the scratch folder; a test may hold 64 of them. */
static inline const char *in_scratch(const char *name)
{
    static char paths[64][VANTA_PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 64];

    snprintf(path, VANTA_PATH_MAX, "%s/%s", scratch, name);
    return path;
}

/* Writes text under the scratch folder, making the folders on its way; gives the path. */
static inline const char *scratch_file(const char *name, const void *data, size_t len)
{
    const char *path = in_scratch(name);
    char parent[VANTA_PATH_MAX];
    FILE *file;

    if (!vanta_path_parent(parent, path) || vanta_dir_make(parent, NULL) != VANTA_OK ||
        !(file = fopen(path, "wb")))
        abort();
    if (fwrite(data, 1, len, file) != len || fclose(file) != 0)
        abort();
    return path;
}

static inline const char *scratch_text(const char *name, const char *text)
{
    return scratch_file(name, text, strlen(text));
}

/* A test with the folder made before and deleted after it. */
#define scratch_test(f)                                                                  \
    cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

#endif
