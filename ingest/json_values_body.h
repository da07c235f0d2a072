/*
 * Values that are no texts, each in the one way that it is usually written: included by json_members_body.h behind
 * its row_context, and by the same rules. Those that rows have once are functions of their own, because the loop
 * needs the registers.
 */
#define WEND_NEVER_INLINE __attribute__((noinline))

static inline bool take_uuid(const char *at, wendi_b16 *value)
{
#ifdef __AVX2__
    const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)at);
    const __m128i y = _mm_loadu_si128((const __m128i *)(const void *)(at + 14));
    const __m128i z = _mm_loadu_si128((const __m128i *)(const void *)(at + 20));
    const __m128i first = _mm_or_si128(
        _mm_shuffle_epi8(x, _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, -1, -1, -1, -1)),
        _mm_shuffle_epi8(y, _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 2, 3)));
    const __m128i second = _mm_or_si128(
        _mm_shuffle_epi8(y, _mm_setr_epi8(5, 6, 7, 8, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1)),
        _mm_shuffle_epi8(z, _mm_setr_epi8(-1, -1, -1, -1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
    const __m256i text = _mm256_set_m128i(second, first);
    const __m256i lower = _mm256_or_si256(text, _mm256_set1_epi8(0x20));
    const __m256i digit = _mm256_and_si256(_mm256_cmpgt_epi8(text, _mm256_set1_epi8('0' - 1)),
                                           _mm256_cmpgt_epi8(_mm256_set1_epi8('9' + 1), text));
    const __m256i letter = _mm256_and_si256(_mm256_cmpgt_epi8(lower, _mm256_set1_epi8('a' - 1)),
                                            _mm256_cmpgt_epi8(_mm256_set1_epi8('f' + 1), lower));
    const __m256i nibbles = _mm256_add_epi8(_mm256_and_si256(text, _mm256_set1_epi8(0x0f)),
                                            _mm256_and_si256(letter, _mm256_set1_epi8(9)));
    const __m256i pairs = _mm256_maddubs_epi16(nibbles, _mm256_set1_epi16(0x0110));
    const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16(pairs, pairs), 0x08);
    if (_mm256_movemask_epi8(_mm256_or_si256(digit, letter)) != -1 || at[8] != '-' || at[13] != '-' || at[18] != '-' ||
        at[23] != '-') {
        return false;
    }
    _mm_storeu_si128((__m128i *)(void *)value, _mm256_castsi256_si128(bytes));
    return true;
#else
    return wendi_parse_uuid((wendi_string){at, 36}, value, NULL) == WEND_OK;
#endif
}

static WEND_NEVER_INLINE const char *quick_uuid(const row_context *context, wendi_column_builder *into, const char *at)
{
    if (*at++ != '"' || context->end - at <= 36 || at[36] != '"' || !take_uuid(at, &into->b16[context->row])) {
        return NULL;
    }
    into->nulls[context->row] = 0;
    return at + 37;
}

#ifdef __AVX2__
/*
 * Where the digits of a number that ends in front of byte `behind` (1..15) are, for _mm_shuffle_epi8(): bytes
 * behind - 3, behind - 2, behind - 1 and none. What is in front of the number, which has `length` (1..3), is none, too.
 */
static inline int digit_places(uint32_t behind, uint32_t length)
{
    static const uint32_t absent[4] = {0, 0x80008080, 0x80000080, 0x80000000};
    uint32_t places = (0x7f7e7d + behind * 0x010101) ^ 0x808080; /* 128 too much until then, so that no byte borrows */
    return (int)(places | absent[length]);
}
#endif

/* Four numbers of one to three digits; the lengths differ from row to row, so that no branch depends on them. */
static WEND_NEVER_INLINE const char *quick_inet(const row_context *context, wendi_column_builder *into, const char *at)
{
#ifdef __AVX2__
    if (*at++ != '"') {
        return NULL;
    }
    const __m128i text = _mm_loadu_si128((const __m128i *)(const void *)at);
    const __m128i digits = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    const __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
    const uint32_t others = ~(uint32_t)_mm_movemask_epi8(is_digit) & 0xffff;
    if (__builtin_popcount(others) < 4) {
        return NULL;
    }
    uint32_t behind[4], length[4], left = others, begin = 0, fault = 0;
    for (uint32_t i = 0; i < 4; i++, left &= left - 1) {
        behind[i] = (uint32_t)__builtin_ctz(left);
        length[i] = behind[i] - begin;
        fault |= length[i] - 1 > 2;
        begin = behind[i] + 1;
    }
    const uint32_t between = others & ((1u << behind[3]) - 1);
    const uint32_t dots = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8('.')));
    const uint32_t zeros = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(digits, _mm_setzero_si128()));
    const uint32_t leading_zeros = zeros & (1 | between << 1) & ~(others >> 1); /* with a digit behind them */
    if ((fault | (between & ~dots) | leading_zeros) != 0 || at[behind[3]] != '"' || context->end - at < (ptrdiff_t)begin) {
        return NULL;
    }
    const __m128i places = _mm_setr_epi32(digit_places(behind[0], length[0]), digit_places(behind[1], length[1]),
                                          digit_places(behind[2], length[2]), digit_places(behind[3], length[3]));
    const __m128i weights = _mm_set1_epi32(0x00010a64); /* bytes 100, 10, 1 and 0 */
    const __m128i pairs = _mm_maddubs_epi16(_mm_shuffle_epi8(digits, places), weights);
    const __m128i numbers = _mm_madd_epi16(pairs, _mm_set1_epi16(1));
    if (_mm_movemask_epi8(_mm_cmpgt_epi32(numbers, _mm_set1_epi32(255))) != 0) {
        return NULL;
    }
    const __m128i words = _mm_packs_epi32(numbers, numbers);
    const uint64_t address = (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    _mm_storeu_si128((__m128i *)(void *)&into->b16[context->row],
                     _mm_set_epi64x((long long)(address << 32 | 0xffff0000), 0)); /* ::ffff:a.b.c.d */
    into->nulls[context->row] = 0;
    return at + begin;
#else
    (void)context;
    (void)into;
    (void)at;
    return NULL;
#endif
}

/* The beginning of the day in which a time lies whose text begins with "2026-03-02T". */
static inline bool day_of(wendi_json_recall *recall, const char *at, int64_t *us)
{
    uint64_t first = wendi_load_u64(at);
    uint64_t last = wendi_load_u32(at + 7);
    for (uint32_t i = 0; i < 2; i++) {
        if (recall->day_text[i][0] == first && recall->day_text[i][1] == last) {
            *us = recall->day_us[i];
            return true;
        }
    }
    char text[20];
    memcpy(text, at, 11);
    memcpy(text + 11, "00:00:00Z", 9);
    if ((at[10] != 'T' && at[10] != ' ') ||
        wendi_parse_timestamp((wendi_string){text, sizeof text}, NULL, us, NULL) != WEND_OK) {
        return false;
    }
    memcpy(recall->day_text[1], recall->day_text[0], sizeof recall->day_text[0]);
    recall->day_us[1] = recall->day_us[0];
    recall->day_text[0][0] = first;
    recall->day_text[0][1] = last;
    recall->day_us[0] = *us;
    return true;
}

/* YYYY-MM-DDThh:mm:ss[.f…]Z with up to six digits behind the point. */
static WEND_NEVER_INLINE const char *quick_time(const row_context *context, wendi_column_builder *into,
                                                          const wendi_key_slot *slot, const char *at)
{
    const uint64_t colons = UINT64_C(0x00003a00003a0000);
    const uint64_t between = UINT64_C(0x0000ff0000ff0000);
    int64_t us;
    if (*at++ != '"') {
        return NULL;
    }
    uint64_t word = wendi_load_u64(at + 11);
    uint64_t digits = (word & ~between) ^ ('0' * ONES & ~between);
    if ((word & between) != colons ||
        (((digits + (0x76 * ONES & ~between)) | digits) & (0x80 * ONES & ~between)) != 0) {
        return NULL;
    }
    uint32_t hour = (uint32_t)(digits & 0xff) * 10 + (uint32_t)(digits >> 8 & 0xff);
    uint32_t minute = (uint32_t)(digits >> 24 & 0xff) * 10 + (uint32_t)(digits >> 32 & 0xff);
    uint32_t second = (uint32_t)(digits >> 48 & 0xff) * 10 + (uint32_t)(digits >> 56);
    const char *behind = at + 19;
    uint32_t fraction = 0;
    if (*behind == '.') {
        static const uint32_t tens[7] = {1000000, 100000, 10000, 1000, 100, 10, 1};
        uint64_t found;
        uint32_t count = count_digits(behind + 1, &found);
        if (count - 1 > 5) {
            return NULL;
        }
        fraction = (uint32_t)sum_digits(found, count) * tens[count];
        behind += 1 + count;
    }
    if (hour > 23 || minute > 59 || second > 59 || context->end - behind < 2 || behind[0] != 'Z' ||
        behind[1] != '"' || !day_of(&context->decoder->recall, at, &us)) {
        return NULL;
    }
    us += (int64_t)((hour * 60 + minute) * 60 + second) * US_PER_SECOND + fraction;
    const wendi_convert_row *row = &context->decoder->row;
    if (context->decoder->plans[slot->column].judged && (us > row->time_high || us < row->time_low)) {
        return NULL;
    }
    into->i64[context->row] = us;
    into->nulls[context->row] = 0;
    return behind + 2;
}

static WEND_NEVER_INLINE const char *quick_number(const row_context *context, wendi_column_builder *into,
                                                            const wendi_key_slot *slot, const char *at)
{
    static const int64_t tens[19] = {
        1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
        INT64_C(10000000000), INT64_C(100000000000), INT64_C(1000000000000), INT64_C(10000000000000),
        INT64_C(100000000000000), INT64_C(1000000000000000), INT64_C(10000000000000000),
        INT64_C(100000000000000000), INT64_C(1000000000000000000)};
    plain_number number;
    const char *behind = scan_plain_number(at, context->end, &number);
    if (behind == NULL) {
        return NULL;
    }
    const wendi_convert_column *plan = &context->decoder->plans[slot->column];
    uint32_t scale = plan->type.scale;
    int64_t value = (int64_t)number.mantissa;
    switch (plan->quick) {
    case WENDI_QUICK_INTEGER:
        if (number.fraction_count != 0 || value < plan->low || value > plan->high) {
            return NULL;
        }
        into->i64[context->row] = value;
        break;
    case WENDI_QUICK_NUMERIC:
        if (number.fraction_count > scale || number.whole_count + scale > plan->type.precision) {
            return NULL;
        }
        into->i64[context->row] = value * tens[scale - number.fraction_count];
        break;
    default:
        if (value == 0) {
            return NULL;
        }
        into->f64[context->row] = (double)value / (double)tens[number.fraction_count]; /* both exact: rounded once */
        break;
    }
    into->nulls[context->row] = 0;
    return behind;
}

static inline const char *quick_null(row_context *context, uint32_t column, const char *at)
{
    if (memcmp(at, "null", 4) != 0 || !ends_value(at + 4, context->end)) {
        return NULL;
    }
    wendi_convert_null(&context->decoder->row, column);
    return at + 4;
}
