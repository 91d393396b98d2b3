// Searches over octets, sixteen at a time where the processor can (SSE2, NEON), for readers and writers of text.
#ifndef APUS_CSCAN_H
#define APUS_CSCAN_H
#include "CCopyRange.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

/// Up to five octets to look for; unused ones repeat another.
typedef struct {
    uint8_t a, b, c, d, e;
} apus_octets;

#if defined(__SSE2__)
static inline uint64_t apus_mask16(const uint8_t *p, apus_octets s) {
    __m128i v = _mm_loadu_si128((const __m128i *)p);
    __m128i m = _mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8((char)s.a)), _mm_cmpeq_epi8(v, _mm_set1_epi8((char)s.b))),
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8((char)s.c)), _mm_cmpeq_epi8(v, _mm_set1_epi8((char)s.d))));
    m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8((char)s.e)));
    return (uint64_t)(uint32_t)_mm_movemask_epi8(m);
}
static inline int apus_ascii16(const uint8_t *p) {
    return _mm_movemask_epi8(_mm_loadu_si128((const __m128i *)p)) == 0;
}
#elif defined(__ARM_NEON) && defined(__aarch64__)
static inline uint64_t apus_mask16(const uint8_t *p, apus_octets s) {
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t v = vld1q_u8(p);
    uint8x16_t m = vorrq_u8(
        vorrq_u8(vceqq_u8(v, vdupq_n_u8(s.a)), vceqq_u8(v, vdupq_n_u8(s.b))),
        vorrq_u8(vceqq_u8(v, vdupq_n_u8(s.c)), vceqq_u8(v, vdupq_n_u8(s.d))));
    m = vandq_u8(vorrq_u8(m, vceqq_u8(v, vdupq_n_u8(s.e))), vld1q_u8(weights));
    return (uint64_t)vaddv_u8(vget_low_u8(m)) | (uint64_t)vaddv_u8(vget_high_u8(m)) << 8;
}
static inline int apus_ascii16(const uint8_t *p) { return vmaxvq_u8(vld1q_u8(p)) < 0x80; }
#else
static inline uint64_t apus_mask16(const uint8_t *p, apus_octets s) {
    uint64_t m = 0;
    for (int i = 0; i < 16; i++) {
        uint8_t x = p[i];
        m |= (uint64_t)(x == s.a || x == s.b || x == s.c || x == s.d || x == s.e) << i;
    }
    return m;
}
static inline int apus_ascii16(const uint8_t *p) {
    uint64_t x, y;
    memcpy(&x, p, 8);
    memcpy(&y, p + 8, 8);
    return ((x | y) & 0x8080808080808080ull) == 0;
}
#endif

/// One bit for each of the 64 octets at `p` that is one of `s`, the first in the lowest bit.
static inline uint64_t apus_mask64(const uint8_t *p, apus_octets s) {
    return apus_mask16(p, s) | apus_mask16(p + 16, s) << 16 | apus_mask16(p + 32, s) << 32 | apus_mask16(p + 48, s) << 48;
}

/// The position of the first octet that is one of `s`, or `n`.
static inline size_t apus_find(const uint8_t *p, size_t n, apus_octets s) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        uint64_t m = apus_mask16(p + i, s);
        if (m) return i + (size_t)__builtin_ctzll(m);
    }
    for (; i < n; i++)
        if (p[i] == s.a || p[i] == s.b || p[i] == s.c || p[i] == s.d || p[i] == s.e) return i;
    return n;
}

/// Octets at `p` that are well-formed UTF-8 (The Unicode Standard, table 3-7): all `n`, or up to the first sequence
/// that is ill-formed or cut off by the end.
static inline size_t apus_utf8_prefix(const uint8_t *p, size_t n) {
    size_t i = 0;
    while (i < n) {
        if (i + 16 <= n && apus_ascii16(p + i)) {
            i += 16;
            continue;
        }
        uint8_t x = p[i];
        if (x < 0x80) {
            i++;
        } else if (x < 0xC2) {
            return i;
        } else if (x < 0xE0) {
            if (i + 2 > n || (p[i + 1] & 0xC0) != 0x80) return i;
            i += 2;
        } else if (x < 0xF0) {
            if (i + 3 > n || (p[i + 1] & 0xC0) != 0x80 || (p[i + 2] & 0xC0) != 0x80) return i;
            if ((x == 0xE0 && p[i + 1] < 0xA0) || (x == 0xED && p[i + 1] > 0x9F)) return i;
            i += 3;
        } else if (x < 0xF5) {
            if (i + 4 > n || (p[i + 1] & 0xC0) != 0x80 || (p[i + 2] & 0xC0) != 0x80 || (p[i + 3] & 0xC0) != 0x80) return i;
            if ((x == 0xF0 && p[i + 1] < 0x90) || (x == 0xF4 && p[i + 1] > 0x8F)) return i;
            i += 4;
        } else {
            return i;
        }
    }
    return n;
}
#endif
