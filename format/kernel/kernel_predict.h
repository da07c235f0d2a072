/*
 * Predicted values from keys, a map and residuals. Every row looks its key up; the few that pick from the list of
 * frequent exceptions are a second pass, made only where there are such.
 */

static void pair_keys_u32(const uint32_t *restrict first, const uint32_t *restrict second, uint32_t second_codes,
                          size_t count, uint32_t *restrict keys)
{
    for (size_t i = 0; i < count; i++) {
        keys[i] = first[i] * second_codes + second[i];
    }
}

static uint64_t offset_codes_u32(const uint64_t *restrict values, uint64_t least, size_t count,
                                 uint32_t *restrict codes)
{
    uint64_t greatest = 0;
    for (size_t i = 0; i < count; i++) {
        const uint64_t offset = values[i] - least;
        codes[i] = (uint32_t)offset + 1;
        greatest = offset > greatest ? offset : greatest;
    }
    return greatest;
}

#define DEFINE_PREDICT(bits)                                                                      \
    static void predict_u##bits(const uint##bits##_t *restrict map, const uint32_t *restrict keys, \
                                const uint##bits##_t *restrict residuals,                         \
                                const uint##bits##_t *restrict list, uint32_t list_count,         \
                                size_t count, uint##bits##_t *restrict numbers)                   \
    {                                                                                             \
        uint32_t listed = 0;                                                                      \
        for (size_t i = 0; i < count; i++) {                                                      \
            const uint##bits##_t residual = residuals[i];                                         \
            const uint##bits##_t predicted = map[keys[i]];                                        \
            listed |= (uint32_t)(residual - 1 < list_count);                                      \
            numbers[i] = residual == 0 ? predicted : residual - list_count - 1;                   \
        }                                                                                         \
        for (size_t i = 0; listed != 0 && i < count; i++) {                                       \
            const uint##bits##_t at = residuals[i] - 1;                                           \
            const uint##bits##_t picked = list[at < list_count ? at : 0];                         \
            numbers[i] = at < list_count ? picked : numbers[i];                                   \
        }                                                                                         \
    }
DEFINE_PREDICT(32)
DEFINE_PREDICT(64)

static bool numbers_to_values_u64(uint64_t *restrict numbers, uint64_t base, size_t count, uint8_t *restrict nulls)
{
    uint8_t any = 0;
    for (size_t i = 0; i < count; i++) {
        nulls[i] = numbers[i] == 0;
        any |= nulls[i];
    }
    for (size_t i = 0; i < count; i++) {
        numbers[i] = numbers[i] == 0 ? 0 : base + numbers[i] - 1;
    }
    return any != 0;
}
