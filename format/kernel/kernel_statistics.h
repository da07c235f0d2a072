/*
 * Kernels that the statistics of a stream are taken with. Part of kernel_body.h, behind kernel_vector.h.
 */

enum { WIDTH_TABLES = 8, WIDTH_BLOCK = WENDI_KERNEL_VALUES };

KERNEL_INLINE unsigned width_of(uint64_t value)
{
    return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

/* Neighbours mostly have the same width and would wait for each other's count: they count in tables of their own. */
static void count_bytes(const uint8_t *widths, size_t count, uint16_t *counts)
{
    uint16_t tables[WIDTH_TABLES][72] = {{0}};
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        for (unsigned t = 0; t < WIDTH_TABLES; t++) {
            tables[t][widths[i + t]]++;
        }
    }
    for (; i < count; i++) {
        tables[0][widths[i]]++;
    }
    for (unsigned t = 0; t < WIDTH_TABLES; t++) {
        for (unsigned width = 0; width <= 64; width++) {
            counts[width] = (uint16_t)(counts[width] + tables[t][width]);
        }
    }
}

#if defined(KERNEL_AVX512)
/* NUMBER: of a register of values `now` and the values before each, `last` */
#define DEFINE_WIDTHS(name, PLAIN, NUMBER)                                                        \
    static void name(const uint64_t *values, size_t first, size_t count, uint64_t with,           \
                     uint8_t *widths)                                                             \
    {                                                                                             \
        const __m512i other = _mm512_set1_epi64((int64_t)with);                                   \
        const __m512i all = _mm512_set1_epi64(64);                                                \
        size_t i = first;                                                                         \
        (void)other;                                                                              \
        for (; i + 8 <= count; i += 8) {                                                          \
            const __m512i now = _mm512_loadu_si512(values + i);                                   \
            const __m512i last = first == 0 ? other : _mm512_loadu_si512(values + i - first);     \
            const __m512i width = _mm512_sub_epi64(all, _mm512_lzcnt_epi64(NUMBER));              \
            _mm_storel_epi64((__m128i *)(widths + i), _mm512_cvtepi64_epi8(width));               \
        }                                                                                         \
        for (; i < count; i++) {                                                                  \
            widths[i] = (uint8_t)width_of(PLAIN);                                                 \
        }                                                                                         \
    }
#else
#define DEFINE_WIDTHS(name, PLAIN, NUMBER)                                                        \
    static void name(const uint64_t *values, size_t first, size_t count, uint64_t with,           \
                     uint8_t *widths)                                                             \
    {                                                                                             \
        (void)with;                                                                               \
        for (size_t i = first; i < count; i++) {                                                  \
            widths[i] = (uint8_t)width_of(PLAIN);                                                 \
        }                                                                                         \
    }
#endif
DEFINE_WIDTHS(widths_of_offsets, values[i] - with, _mm512_sub_epi64(now, last))
DEFINE_WIDTHS(widths_of_rises, (values[i] - values[i - 1]) & with,
              _mm512_and_si512(_mm512_sub_epi64(now, last), other))
DEFINE_WIDTHS(widths_of_steps,
              (values[i] - values[i - 1]) << 1 ^ (0 - ((values[i] - values[i - 1]) >> 63)),
              _mm512_xor_si512(_mm512_slli_epi64(_mm512_sub_epi64(now, last), 1),
                               _mm512_srai_epi64(_mm512_sub_epi64(now, last), 63)))

static void offset_widths_u64(const uint64_t *values, size_t count, uint64_t base, uint16_t *counts)
{
    uint8_t widths[WIDTH_BLOCK];
    widths_of_offsets(values, 0, count, base, widths);
    count_bytes(widths, count, counts);
}

static void rise_widths_u64(const uint64_t *values, size_t count, uint64_t mask, uint16_t *counts)
{
    uint8_t widths[WIDTH_BLOCK];
    widths_of_rises(values, 1, count, mask, widths);
    count_bytes(widths + 1, count - 1, counts);
}

static void step_widths_u64(const uint64_t *values, size_t count, uint16_t *counts)
{
    uint8_t widths[WIDTH_BLOCK];
    widths_of_steps(values, 1, count, 0, widths);
    count_bytes(widths + 1, count - 1, counts);
}

static void step_bounds_u64(const uint64_t *values, size_t count, uint64_t *min, uint64_t *max, int64_t *step_min,
                            int64_t *step_max)
{
    uint64_t least = values[0];
    uint64_t greatest = values[0];
    int64_t step_least = INT64_MAX;
    int64_t step_greatest = INT64_MIN;
    for (size_t i = 1; i < count; i++) {
        const int64_t step = (int64_t)(values[i] - values[i - 1]);
        least = values[i] < least ? values[i] : least;
        greatest = values[i] > greatest ? values[i] : greatest;
        step_least = step < step_least ? step : step_least;
        step_greatest = step > step_greatest ? step : step_greatest;
    }
    *min = least;
    *max = greatest;
    *step_min = step_least;
    *step_max = step_greatest;
}

static size_t equal_u64(const uint64_t *values, size_t count, uint64_t value)
{
    size_t equal = 0;
    for (size_t i = 0; i < count; i++) {
        equal += values[i] == value;
    }
    return equal;
}

/* In blocks, since a loop that may end at any value is not made of vectors. */
static size_t indivisible_u64(const uint64_t *values, size_t count, uint64_t base, uint64_t inverse, unsigned shift,
                              uint64_t limit)
{
    size_t i = 0;
    for (; i + 64 <= count; i += 64) {
        uint64_t wrong = 0;
        for (size_t k = 0; k < 64; k++) {
            const uint64_t product = (values[i + k] - base) * inverse;
            wrong |= (product >> shift | product << (-shift & 63)) > limit;
        }
        if (wrong != 0) {
            break;
        }
    }
    for (; i < count; i++) {
        const uint64_t product = (values[i] - base) * inverse;
        if ((product >> shift | product << (-shift & 63)) > limit) {
            break;
        }
    }
    return i;
}

static void divide_exactly_u64(const uint64_t *values, size_t count, uint64_t base, uint64_t inverse, unsigned shift,
                               uint64_t *quotients)
{
    if (inverse == 1) {
        for (size_t i = 0; i < count; i++) {
            quotients[i] = (values[i] - base) >> shift;
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        quotients[i] = ((values[i] - base) >> shift) * inverse;
    }
}

/* Null is 0, and one below it the greatest of all numbers. */
static void code_bounds_u32(const uint32_t *codes, size_t count, uint32_t *zeros, uint32_t *least, uint32_t *greatest)
{
    uint32_t below = UINT32_MAX;
    uint32_t above = 0;
    uint32_t nulls = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t before = codes[i] - 1;
        nulls += codes[i] == 0;
        below = before < below ? before : below;
        above = codes[i] > above ? codes[i] : above;
    }
    *zeros = nulls;
    *least = below + 1;
    *greatest = above;
}

static uint64_t code_mask_u32(const uint32_t *codes, size_t count)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < count; i++) {
        mask |= UINT64_C(1) << (codes[i] & 63);
    }
    return mask;
}

/*
 * Blocks without a change are stepped over. In others every row writes its run's value and end over those of the row
 * before, so that no branch waits for the values.
 */
#define DEFINE_COLLECT_RUNS(bits)                                                                 \
    static size_t collect_runs_u##bits(const uint##bits##_t *values, size_t count,                \
                                       uint64_t *run_values, uint64_t *ends)                      \
    {                                                                                             \
        size_t run = 0;                                                                           \
        size_t i = 1;                                                                             \
        run_values[0] = values[0];                                                                \
        for (; i + 16 <= count; i += 16) {                                                        \
            uint##bits##_t changed = 0;                                                           \
            for (size_t k = 0; k < 16; k++) {                                                     \
                changed |= values[i + k] ^ values[i + k - 1];                                     \
            }                                                                                     \
            if (changed == 0) {                                                                   \
                continue;                                                                         \
            }                                                                                     \
            for (size_t k = i; k < i + 16; k++) {                                                 \
                ends[run] = k;                                                                    \
                run += values[k] != values[k - 1];                                                \
                run_values[run] = values[k];                                                      \
            }                                                                                     \
        }                                                                                         \
        for (; i < count; i++) {                                                                  \
            ends[run] = i;                                                                        \
            run += values[i] != values[i - 1];                                                    \
            run_values[run] = values[i];                                                          \
        }                                                                                         \
        ends[run] = count;                                                                        \
        return run + 1;                                                                           \
    }
DEFINE_COLLECT_RUNS(64)
DEFINE_COLLECT_RUNS(32)
