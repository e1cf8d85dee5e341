/*
 * sha256.h - SHA-256 two at a time, by the processor's own instructions.
 *
 * One stream of SHA-256 leaves most of a core idle: each step waits for the one before it.
 * Two streams that take turns fill the gaps, so that two digests cost little more than
 * one. base/chunks.h uses it for a file's digest together with its chunks', and verify
 * for chunks in pairs. Everything else takes libcrypto (base/digest.h).
 *
 *     if (vanta_sha256_two()) {
 *         struct vanta_sha256 a = VANTA_SHA256_START, b = VANTA_SHA256_START;
 *
 *         vanta_sha256_blocks2(&a, data_a, &b, data_b, blocks);     // as often as needed
 *         vanta_sha256_end(&a, tail_a, tail_a_len, out_a);
 *         vanta_sha256_end(&b, tail_b, tail_b_len, out_b);
 *     }
 *
 * Not responsible for processors without the instructions: there vanta_sha256_two() is
 * false and the other functions may not be called. x86 with SHA-NI and ARMv8 with SHA2.
 *
 * Nothing is allocated and nothing fails. Threads: any, on their own structs. Cost: 64
 * bytes of each of two streams in about the time libcrypto takes for 64 of one.
 * Source: FIPS 180-4, sections 5 and 6.2.
 */
#ifndef VANTA_BASE_SHA256_H
#define VANTA_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VANTA_SHA256_BLOCK 64

struct vanta_sha256 {
    uint32_t h[8];
    uint64_t bytes; /* taken so far */
};

#define VANTA_SHA256_START                                                               \
    {{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,             \
      0x1f83d9ab, 0x5be0cd19},                                                            \
     0}

/* Whether this processor can; asked once. */
bool vanta_sha256_two(void);

/* So many blocks of 64 bytes from a into one and from b into two. The same pointer twice
 * (a file and its chunk) costs a little less. */
void vanta_sha256_blocks2(struct vanta_sha256 *one, const uint8_t *a,
                          struct vanta_sha256 *two, const uint8_t *b, size_t blocks);

/* The digest of the stream with what is left of it, any length; the stream stays as it is
 * and may go on. */
void vanta_sha256_end(const struct vanta_sha256 *stream, const uint8_t *data, size_t len,
                      uint8_t out[32]);

#endif
