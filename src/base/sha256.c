/* sha256.c - two compressions interleaved in one instruction stream. */
#include "base/sha256.h"

#include <string.h>

#if defined(__x86_64__)
#define SHA256_X86 1
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON) &&                                    \
    (defined(__ARM_FEATURE_SHA2) || defined(__ARM_FEATURE_CRYPTO))
/* The intrinsics are there only where the whole file is built for them (CMakeLists.txt);
 * whether the processor has them is asked all the same. */
#define SHA256_ARM 1
#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif
#endif

#if defined(SHA256_X86) || defined(SHA256_ARM)

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
    0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
    0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
    0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
    0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
    0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
    0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2};

#if defined(SHA256_X86)
#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

typedef __m128i words; /* four of them */

/* The instructions want a, b, e, f in one register and c, d, g, h in the other. */
struct lanes {
    words abef, cdgh;
};

#define INLINE static inline TARGET __attribute__((always_inline))

INLINE struct lanes lanes_load(const uint32_t h[8])
{
    words dcba = _mm_loadu_si128((const void *)h);
    words hgfe = _mm_loadu_si128((const void *)(h + 4));
    words cdab = _mm_shuffle_epi32(dcba, 0xb1);
    words efgh = _mm_shuffle_epi32(hgfe, 0x1b);

    return (struct lanes){_mm_alignr_epi8(cdab, efgh, 8),
                          _mm_blend_epi16(efgh, cdab, 0xf0)};
}

INLINE void lanes_store(struct lanes s, uint32_t h[8])
{
    words feba = _mm_shuffle_epi32(s.abef, 0x1b);
    words dchg = _mm_shuffle_epi32(s.cdgh, 0xb1);

    _mm_storeu_si128((void *)h, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((void *)(h + 4), _mm_alignr_epi8(dchg, feba, 8));
}

INLINE struct lanes lanes_add(struct lanes s, struct lanes t)
{
    return (struct lanes){_mm_add_epi32(s.abef, t.abef), _mm_add_epi32(s.cdgh, t.cdgh)};
}

INLINE words words_load(const uint8_t *data)
{
    const words big_endian =
        _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);

    return _mm_shuffle_epi8(_mm_loadu_si128((const void *)data), big_endian);
}

/* The four words after w0..w3, each of four. */
INLINE words words_next(words w0, words w1, words w2, words w3)
{
    words sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));

    return _mm_sha256msg2_epu32(sum, w3);
}

INLINE words words_plus(words w, const uint32_t *k)
{
    return _mm_add_epi32(w, _mm_loadu_si128((const void *)k));
}

INLINE void four_rounds(struct lanes *s, words wk)
{
    s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, wk);
    s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

static bool processor_has_it(void)
{
    unsigned a, b, c, d;
    const unsigned ssse3_and_sse41 = 1u << 9 | 1u << 19, sha = 1u << 29;

    return __get_cpuid(1, &a, &b, &c, &d) && (c & ssse3_and_sse41) == ssse3_and_sse41 &&
           __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & sha);
}

#else
#define TARGET

typedef uint32x4_t words;

struct lanes {
    words abcd, efgh;
};

#define INLINE static inline TARGET __attribute__((always_inline))

INLINE struct lanes lanes_load(const uint32_t h[8])
{
    return (struct lanes){vld1q_u32(h), vld1q_u32(h + 4)};
}

INLINE void lanes_store(struct lanes s, uint32_t h[8])
{
    vst1q_u32(h, s.abcd);
    vst1q_u32(h + 4, s.efgh);
}

INLINE struct lanes lanes_add(struct lanes s, struct lanes t)
{
    return (struct lanes){vaddq_u32(s.abcd, t.abcd), vaddq_u32(s.efgh, t.efgh)};
}

INLINE words words_load(const uint8_t *data)
{
    return vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data)));
}

INLINE words words_next(words w0, words w1, words w2, words w3)
{
    return vsha256su1q_u32(vsha256su0q_u32(w0, w1), w2, w3);
}

INLINE words words_plus(words w, const uint32_t *k)
{
    return vaddq_u32(w, vld1q_u32(k));
}

INLINE void four_rounds(struct lanes *s, words wk)
{
    words abcd = s->abcd;

    s->abcd = vsha256hq_u32(abcd, s->efgh, wk);
    s->efgh = vsha256h2q_u32(s->efgh, abcd, wk);
}

static bool processor_has_it(void)
{
#if defined(__APPLE__)
    return true; /* every one of Apple's has */
#elif defined(__linux__)
    return getauxval(AT_HWCAP) & (1ul << 6); /* HWCAP_SHA2 */
#else
    return false;
#endif
}

#endif

bool vanta_sha256_two(void)
{
    static _Atomic signed char known; /* 0: not asked yet */

    if (known == 0)
        known = processor_has_it() ? 1 : -1;
    return known > 0;
}

/* Sixteen rounds of both from round 4 * k on; w and v have the last sixteen words of each.
 * The schedule does not wait for the rounds, so the processor has always three chains of
 * work to choose from. */
INLINE void sixteen_rounds(struct lanes *s, words w[4], struct lanes *t, words v[4],
                           const uint32_t *k, bool first, bool shared)
{
    int i;

#pragma GCC unroll 4
    for (i = 0; i < 4; i++) {
        words wk;

        if (!first)
            w[i] = words_next(w[i], w[(i + 1) & 3], w[(i + 2) & 3], w[(i + 3) & 3]);
        wk = words_plus(w[i], k + 4 * i);
        four_rounds(s, wk);
        if (!first && !shared)
            v[i] = words_next(v[i], v[(i + 1) & 3], v[(i + 2) & 3], v[(i + 3) & 3]);
        four_rounds(t, shared ? wk : words_plus(v[i], k + 4 * i));
    }
}

/* shared: both read the same bytes, whose schedule is then made once. */
INLINE void compress(uint32_t h1[8], const uint8_t *a, uint32_t h2[8], const uint8_t *b,
                     size_t blocks, bool shared)
{
    struct lanes s = lanes_load(h1), t = lanes_load(h2);

    for (; blocks > 0; blocks--) {
        struct lanes s0 = s, t0 = t;
        words w[4], v[4];
        int i;

        for (i = 0; i < 4; i++) {
            w[i] = words_load(a + 16 * i);
            v[i] = words_load(b + 16 * i);
        }
        sixteen_rounds(&s, w, &t, v, K, true, shared);
#pragma GCC unroll 3
        for (i = 1; i < 4; i++)
            sixteen_rounds(&s, w, &t, v, K + 16 * i, false, shared);
        s = lanes_add(s, s0);
        t = lanes_add(t, t0);
        a += VANTA_SHA256_BLOCK;
        b += VANTA_SHA256_BLOCK;
    }
    lanes_store(s, h1);
    lanes_store(t, h2);
}

TARGET static void compress_shared(uint32_t h1[8], uint32_t h2[8], const uint8_t *data,
                                   size_t blocks)
{
    compress(h1, data, h2, data, blocks, true);
}

TARGET static void compress_apart(uint32_t h1[8], const uint8_t *a, uint32_t h2[8],
                                  const uint8_t *b, size_t blocks)
{
    compress(h1, a, h2, b, blocks, false);
}

#else

bool vanta_sha256_two(void)
{
    return false;
}

static void compress_shared(uint32_t h1[8], uint32_t h2[8], const uint8_t *data,
                            size_t blocks)
{
    (void)h1, (void)h2, (void)data, (void)blocks;
}

static void compress_apart(uint32_t h1[8], const uint8_t *a, uint32_t h2[8],
                           const uint8_t *b, size_t blocks)
{
    (void)h1, (void)a, (void)h2, (void)b, (void)blocks;
}

#endif

void vanta_sha256_blocks2(struct vanta_sha256 *one, const uint8_t *a,
                          struct vanta_sha256 *two, const uint8_t *b, size_t blocks)
{
    if (a == b)
        compress_shared(one->h, two->h, a, blocks);
    else
        compress_apart(one->h, a, two->h, b, blocks);
    one->bytes += blocks * VANTA_SHA256_BLOCK;
    two->bytes += blocks * VANTA_SHA256_BLOCK;
}

/* The last len of a stream's bytes and its padding: one block or two. */
static size_t last_blocks(uint8_t out[2 * VANTA_SHA256_BLOCK], uint64_t bytes,
                          const uint8_t *data, size_t len)
{
    size_t blocks = len + 9 > VANTA_SHA256_BLOCK ? 2 : 1, end, i;
    uint64_t bits = bytes * 8;

    memset(out, 0, 2 * VANTA_SHA256_BLOCK);
    if (len > 0)
        memcpy(out, data, len);
    out[len] = 0x80;
    end = blocks * VANTA_SHA256_BLOCK;
    for (i = 1; i <= 8; i++, bits >>= 8)
        out[end - i] = (uint8_t)bits;
    return blocks;
}

void vanta_sha256_end(const struct vanta_sha256 *stream, const uint8_t *data, size_t len,
                      uint8_t out[32])
{
    size_t whole = len / VANTA_SHA256_BLOCK, i;
    uint8_t last[2 * VANTA_SHA256_BLOCK];
    struct vanta_sha256 s = *stream;
    uint32_t unused[8] = {0}; /* alone it takes no longer than by itself */

    compress_shared(s.h, unused, data, whole);
    i = last_blocks(last, s.bytes + len, data + whole * VANTA_SHA256_BLOCK,
                    len % VANTA_SHA256_BLOCK);
    compress_shared(s.h, unused, last, i);
    for (i = 0; i < 32; i++)
        out[i] = (uint8_t)(s.h[i / 4] >> (24 - 8 * (i % 4)));
}
