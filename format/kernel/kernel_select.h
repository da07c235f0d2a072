/*
 * Kernels that turn a condition on codes or values into a bitmap. Part of kernel_body.h.
 *
 * The plain loops judge 64 rows into a byte each, which vectorises, and gather the bytes' low bits.
 */

/* Bit i of the result is the low bit of byte i of eight. */
KERNEL_INLINE uint64_t gather_eight(uint64_t bytes)
{
    return (bytes & UINT64_C(0x0101010101010101)) * UINT64_C(0x0102040810204080) >> 56;
}

KERNEL_INLINE uint64_t gather_flags(const uint8_t *flags)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t bytes;
        memcpy(&bytes, flags + (size_t)i * 8, 8);
        word |= gather_eight(bytes) << (8 * i);
    }
    return word;
}

/*
 * A kernel that writes a bitmap, 64 rows a step: `test` says 0 or 1 of row i of `at`. The last step
 * judges only the rows there are.
 */
#define DEFINE_SELECT(body_type, test)                                                            \
    for (size_t row = 0; row < count; row += 64) {                                                \
        _Alignas(64) uint8_t flags[64];                                                           \
        const body_type *at = values + row;                                                       \
        if (count - row >= 64) {                                                                  \
            for (unsigned i = 0; i < 64; i++) {                                                   \
                flags[i] = (uint8_t)(test);                                                       \
            }                                                                                     \
        } else {                                                                                  \
            memset(flags, 0, sizeof flags);                                                       \
            for (unsigned i = 0; i < count - row; i++) {                                          \
                flags[i] = (uint8_t)(test);                                                       \
            }                                                                                     \
        }                                                                                         \
        bitmap[row / 64] = gather_flags(flags);                                                   \
    }

#define DEFINE_SELECT_RANGE(name, type)                                                           \
    static void select_range_##name(const type *values, size_t count, type low, type high,        \
                                    uint64_t *bitmap)                                             \
    {                                                                                             \
        DEFINE_SELECT(type, (at[i] >= low) & (at[i] <= high))                                     \
    }
DEFINE_SELECT_RANGE(u8, uint8_t)
DEFINE_SELECT_RANGE(u16, uint16_t)
DEFINE_SELECT_RANGE(u32, uint32_t)
DEFINE_SELECT_RANGE(i64, int64_t)

/* The set as 256 bits, none at or beyond set_count. */
KERNEL_INLINE void widen_set(const uint64_t *set, uint32_t set_count, uint64_t *bits)
{
    const uint32_t known = set_count < 256 ? set_count : 256;
    for (uint32_t i = 0; i < 4; i++) {
        bits[i] = i * 64 >= known ? 0 : set[i] & low_bits(known - i * 64);
    }
}

static void select_set_u8(const uint8_t *values, size_t count, const uint64_t *set, uint32_t set_count,
                          uint64_t *bitmap)
{
    uint64_t bits[4];
    widen_set(set, set_count, bits);
    DEFINE_SELECT(uint8_t, bits[at[i] / 64] >> (at[i] % 64) & 1)
}

#define DEFINE_SELECT_SET(name, type)                                                             \
    static void select_set_##name(const type *values, size_t count, const uint64_t *set,          \
                                  uint32_t set_count, uint64_t *bitmap)                           \
    {                                                                                             \
        DEFINE_SELECT(type, at[i] < set_count && (set[at[i] / 64] >> (at[i] % 64) & 1) != 0)      \
    }
DEFINE_SELECT_SET(u16, uint16_t)
DEFINE_SELECT_SET(u32, uint32_t)
