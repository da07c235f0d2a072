/*
 * The vectors that kernels are written in: the compiler's own (GCC's and clang's vector_size), as
 * wide as the set that this unit is compiled for, so that one text serves all sets. Part of
 * kernel_body.h.
 *
 * KERNEL_AVX512 and KERNEL_AVX2 say where a twin in intrinsics stands; never in the scalar table.
 */
#include <string.h>

#include "format/kernel/kernels.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "packed words are little-endian");

#if !defined(WENDI_KERNEL_PLAIN) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include <immintrin.h>
#define KERNEL_AVX512 1
#define KERNEL_VECTOR_BYTES 64
#elif !defined(WENDI_KERNEL_PLAIN) && defined(__AVX2__)
#include <immintrin.h>
#define KERNEL_AVX2 1
#define KERNEL_VECTOR_BYTES 32
#else
#define KERNEL_VECTOR_BYTES 16
#endif

#define KERNEL_INLINE static inline __attribute__((always_inline))

/* Aligned to their lanes only: pages promise no more. */
typedef uint64_t lanes_u64 __attribute__((vector_size(KERNEL_VECTOR_BYTES), aligned(8), may_alias));
typedef uint32_t lanes_u32 __attribute__((vector_size(KERNEL_VECTOR_BYTES), aligned(4), may_alias));
typedef uint16_t lanes_u16 __attribute__((vector_size(KERNEL_VECTOR_BYTES), aligned(2), may_alias));
typedef uint8_t lanes_u8 __attribute__((vector_size(KERNEL_VECTOR_BYTES), aligned(1), may_alias));

KERNEL_INLINE uint64_t low_bits(unsigned count)
{
    return count >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1;
}

#if defined(KERNEL_AVX512)
/*
 * The next values of `dense` at the lanes of `set`, zeros at the others. Only what is taken is read:
 * by a load of so many, which with the expansion between registers is a tenth faster than one from memory.
 */
KERNEL_INLINE __m512i expand_64(__mmask8 set, const uint64_t *dense)
{
    const __mmask8 taken = (__mmask8)_bzhi_u32(0xff, (unsigned)__builtin_popcount(set));
    return _mm512_maskz_expand_epi64(set, _mm512_maskz_loadu_epi64(taken, dense));
}

KERNEL_INLINE __m512i expand_32(__mmask16 set, const uint32_t *dense)
{
    const __mmask16 taken = (__mmask16)_bzhi_u32(0xffff, (unsigned)__builtin_popcount(set));
    return _mm512_maskz_expand_epi32(set, _mm512_maskz_loadu_epi32(taken, dense));
}
#endif
