/*
 * copies.h - which files below the models folder have the bytes that are wanted.
 *
 *     struct vanta_copies copies;
 *     vanta_copies_init(&copies, root, catalog);
 *     options.find_copy = vanta_copies_find;        // of a fetcher
 *     options.find_copy_arg = &copies;
 *     vanta_copies_free(&copies);                   // after the fetcher
 *
 * Goes by what the registry says of the models' files, linked ones included, and of the
 * files that models were converted from, where they were kept; nothing is hashed here: who
 * copies a file judges it. root and catalog are the caller's and stay. A registry that
 * cannot be read knows no files.
 *
 * Threads: find may be called by several. Cost: the registry is read when it has changed.
 */
#ifndef VANTA_MODELS_COPIES_H
#define VANTA_MODELS_COPIES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct vanta_catalog;
struct vanta_registry;

struct vanta_copies {
    const char *root;
    const struct vanta_catalog *catalog;
    pthread_mutex_t mutex;
    struct vanta_registry *registry; /* NULL: not read, or not readable */
    int64_t stamp[4];                /* of the file that it was read from */
};

void vanta_copies_init(struct vanta_copies *copies, const char *root,
                       const struct vanta_catalog *catalog);
void vanta_copies_free(struct vanta_copies *copies);

/* A vanta_fetch_find_copy; arg is the struct. */
bool vanta_copies_find(void *arg, const char *sha256, int64_t size_bytes,
                       const char *dest, char path[4096]);

#endif
