/*
 * digest.h - SHA-256 and SHA-512 through libcrypto, which uses the CPU's instructions.
 *
 *     struct vanta_digest d = {0};
 *     status = vanta_digest_init(&d, VANTA_DIGEST_SHA256, err);
 *     vanta_digest_update(&d, data, len);
 *     vanta_digest_hex(&d, hex);              // ends the computation
 *     vanta_digest_free(&d);
 *
 * A zeroed struct may be freed. One whose init failed, or that was ended or freed, takes
 * updates and gives no digest: length 0 and an empty hex, which equals none. Hex is lower
 * case. One thread per struct.
 */
#ifndef VANTA_BASE_DIGEST_H
#define VANTA_BASE_DIGEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

#define VANTA_SHA256_BYTES 32
#define VANTA_SHA256_HEX 65 /* with the NUL */
#define VANTA_DIGEST_BYTES_MAX 64

enum vanta_digest_kind { VANTA_DIGEST_SHA256, VANTA_DIGEST_SHA512 };

struct vanta_digest {
    void *context; /* EVP_MD_CTX */
    enum vanta_digest_kind kind;
};

enum vanta_status vanta_digest_init(struct vanta_digest *d, enum vanta_digest_kind kind,
                                    struct vanta_error *err);
void vanta_digest_update(struct vanta_digest *d, const void *data, size_t len);
/* The raw digest; returns its length (32 or 64; 0: there is none). The struct is as
 * freed then. */
size_t vanta_digest_final(struct vanta_digest *d, uint8_t out[VANTA_DIGEST_BYTES_MAX]);
/* The same as hex; SHA-256 only. */
void vanta_digest_hex(struct vanta_digest *d, char hex[VANTA_SHA256_HEX]);
void vanta_digest_free(struct vanta_digest *d);

/* Exactly 64 characters of [0-9a-f]. */
bool vanta_sha256_is_hex(const char *hex);
void vanta_sha256_to_hex(const uint8_t digest[VANTA_SHA256_BYTES],
                         char hex[VANTA_SHA256_HEX]);
/* False, and out is zeroed, when hex is none. */
bool vanta_sha256_from_hex(const char *hex, uint8_t out[VANTA_SHA256_BYTES]);

enum vanta_status vanta_sha256_buffer(const void *data, size_t len,
                                      char hex[VANTA_SHA256_HEX],
                                      struct vanta_error *err);

/* Called every few megabytes with the bytes hashed so far, from the calling thread. */
typedef void vanta_hash_progress(void *arg, uint64_t bytes);

/* SHA-256 of the file behind fd, read from byte 0 with pread to its end (fd's own
 * position is untouched), reading ahead on a second thread where the file is large.
 * size_bytes (may be NULL) gets the bytes hashed. progress and cancel may be NULL.
 * name is for messages. VANTA_ERR_IO, VANTA_ERR_CANCELLED. */
enum vanta_status vanta_sha256_fd(int fd, const char *name, char hex[VANTA_SHA256_HEX],
                                  uint64_t *size_bytes, vanta_hash_progress *progress,
                                  void *arg, const atomic_bool *cancel,
                                  struct vanta_error *err);
/* Opens path (a regular file, final symbolic link followed) and hashes it. */
enum vanta_status vanta_sha256_file(const char *path, char hex[VANTA_SHA256_HEX],
                                    uint64_t *size_bytes, vanta_hash_progress *progress,
                                    void *arg, const atomic_bool *cancel,
                                    struct vanta_error *err);

#endif
