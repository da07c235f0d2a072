/*
 * Kernels that pack and unpack 1024 numbers. Part of kernel_body.h, behind
 * kernel_vector.h.
 *
 * Packing works on whole 64-bit words whatever the lane's width: a shift moves all lanes of a word at
 * once, and a mask repeated over the lanes drops what came in from the neighbours.
 */
#define ROW_WORDS 16 /* 64-bit words of a row: 1024 bits */

/* `mask` of one lane, in every lane of a word. */
KERNEL_INLINE uint64_t repeat_lanes(uint64_t mask, unsigned lane_bits)
{
    switch (lane_bits) {
    case 8:
        return mask * UINT64_C(0x0101010101010101);
    case 16:
        return mask * UINT64_C(0x0001000100010001);
    case 32:
        return mask * UINT64_C(0x0000000100000001);
    default:
        return mask;
    }
}

/*
 * Unpack rows of lanes and add `base` to each. A lane that two words share takes its low bits from
 * the first and its high ones from the next; where it stands in one word, no bit is taken from the
 * next, which is then the same one at the end, so that no row needs a branch.
 */
#define DEFINE_UNPACK_LANES(bits)                                                                 \
    KERNEL_INLINE void unpack_lanes_##bits(const void *packed, unsigned width,                    \
                                           uint##bits##_t base, void *values)                     \
    {                                                                                             \
        const lanes_u64 *words = packed;                                                          \
        lanes_u##bits *to = values;                                                               \
        const unsigned row_vectors = 128 / KERNEL_VECTOR_BYTES;                                   \
        const uint64_t mask = repeat_lanes(low_bits(width), bits);                                \
        for (unsigned row = 0; row < (bits); row++) {                                             \
            const unsigned position = row * width;                                                \
            const unsigned word = position / (bits);                                              \
            const unsigned shift = position % (bits);                                             \
            const unsigned rest = (bits) - shift;                                                 \
            const uint64_t low = mask & repeat_lanes(low_bits(rest), bits);                       \
            const uint64_t high = mask & ~low;                                                    \
            const lanes_u64 *from = words + (size_t)word * row_vectors;                           \
            const lanes_u64 *next = word + 1 < width ? from + row_vectors : from;                 \
            for (unsigned i = 0; i < row_vectors; i++) {                                          \
                const lanes_u64 value = (from[i] >> shift & low) | (next[i] << (rest % 64) & high);\
                to[(size_t)row * row_vectors + i] = (lanes_u##bits)value + base;                  \
            }                                                                                     \
        }                                                                                         \
    }
DEFINE_UNPACK_LANES(8)
DEFINE_UNPACK_LANES(16)
DEFINE_UNPACK_LANES(32)
DEFINE_UNPACK_LANES(64)

KERNEL_INLINE void pack_lanes(const uint64_t *restrict values, unsigned width, unsigned lane_bits,
                              uint64_t *restrict packed)
{
    memset(packed, 0, (size_t)width * 128);
    for (unsigned row = 0; row < lane_bits; row++) {
        const unsigned position = row * width;
        const unsigned shift = position % lane_bits;
        const uint64_t *from = values + (size_t)row * ROW_WORDS;
        uint64_t *to = packed + (size_t)(position / lane_bits) * ROW_WORDS;
        if (shift + width <= lane_bits) {
            for (unsigned i = 0; i < ROW_WORDS; i++) {
                to[i] |= from[i] << shift;
            }
        } else {
            const unsigned rest = lane_bits - shift;
            const uint64_t low = repeat_lanes(low_bits(rest), lane_bits);
            const uint64_t high = repeat_lanes(low_bits(width - rest), lane_bits);
            for (unsigned i = 0; i < ROW_WORDS; i++) {
                to[i] |= (from[i] & low) << shift;
                to[i + ROW_WORDS] |= from[i] >> rest & high;
            }
        }
    }
}

#define DEFINE_NARROW(bits)                                                                       \
    static void pack_##bits(const uint64_t *restrict values, unsigned width, void *packed)        \
    {                                                                                             \
        union {                                                                                   \
            uint##bits##_t lanes[WENDI_KERNEL_VALUES];                                            \
            uint64_t words[(bits) * ROW_WORDS];                                                   \
        } narrow;                                                                                 \
        for (unsigned i = 0; i < WENDI_KERNEL_VALUES; i++) {                                      \
            narrow.lanes[i] = (uint##bits##_t)values[i];                                          \
        }                                                                                         \
        pack_lanes(narrow.words, width, bits, packed);                                            \
    }

/* Numbers narrower than what is asked for: first into lanes of their own, then wider. */
#define DEFINE_WIDEN(bits, out)                                                                   \
    static void unpack_##bits##_to_u##out(const void *packed, unsigned width, uint##out##_t base, \
                                          uint##out##_t *restrict values)                         \
    {                                                                                             \
        _Alignas(64) uint##bits##_t narrow[WENDI_KERNEL_VALUES];                                  \
        unpack_lanes_##bits(packed, width, 0, narrow);                                            \
        for (unsigned i = 0; i < WENDI_KERNEL_VALUES; i++) {                                      \
            values[i] = (uint##out##_t)(base + narrow[i]);                                        \
        }                                                                                         \
    }

DEFINE_NARROW(8)
DEFINE_NARROW(16)
DEFINE_NARROW(32)
DEFINE_WIDEN(8, 16)
DEFINE_WIDEN(8, 32)
DEFINE_WIDEN(16, 32)
DEFINE_WIDEN(8, 64)
DEFINE_WIDEN(16, 64)
DEFINE_WIDEN(32, 64)

static void pack_u64(const uint64_t *values, unsigned width, void *packed)
{
    if (width == 0) {
        return;
    }
    if (width <= 8) {
        pack_8(values, width, packed);
    } else if (width <= 16) {
        pack_16(values, width, packed);
    } else if (width <= 32) {
        pack_32(values, width, packed);
    } else {
        pack_lanes(values, width, 64, packed);
    }
}

#define DEFINE_FILL(bits)                                                                         \
    static void fill_u##bits(uint##bits##_t *values, size_t count, uint##bits##_t value)          \
    {                                                                                             \
        for (size_t i = 0; i < count; i++) {                                                      \
            values[i] = value;                                                                    \
        }                                                                                         \
    }
DEFINE_FILL(64)
DEFINE_FILL(32)
DEFINE_FILL(16)
DEFINE_FILL(8)

static void unpack_u64(const void *packed, unsigned width, uint64_t base, uint64_t *values)
{
    if (width == 0) {
        fill_u64(values, WENDI_KERNEL_VALUES, base);
    } else if (width <= 8) {
        unpack_8_to_u64(packed, width, base, values);
    } else if (width <= 16) {
        unpack_16_to_u64(packed, width, base, values);
    } else if (width <= 32) {
        unpack_32_to_u64(packed, width, base, values);
    } else {
        unpack_lanes_64(packed, width, base, values);
    }
}

static void unpack_u32(const void *packed, unsigned width, uint32_t base, uint32_t *values)
{
    if (width == 0) {
        fill_u32(values, WENDI_KERNEL_VALUES, base);
    } else if (width <= 8) {
        unpack_8_to_u32(packed, width, base, values);
    } else if (width <= 16) {
        unpack_16_to_u32(packed, width, base, values);
    } else {
        unpack_lanes_32(packed, width, base, values);
    }
}

static void unpack_u16(const void *packed, unsigned width, uint16_t base, uint16_t *values)
{
    if (width == 0) {
        fill_u16(values, WENDI_KERNEL_VALUES, base);
    } else if (width <= 8) {
        unpack_8_to_u16(packed, width, base, values);
    } else {
        unpack_lanes_16(packed, width, base, values);
    }
}

static void unpack_u8(const void *packed, unsigned width, uint8_t base, uint8_t *values)
{
    if (width == 0) {
        fill_u8(values, WENDI_KERNEL_VALUES, base);
    } else {
        unpack_lanes_8(packed, width, base, values);
    }
}
