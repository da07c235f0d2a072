/*
 * The text of the loop over members: included by json_members_portable.c and json_members_avx2.c, which are
 * compiled for their instruction sets and name the function TAKE_MEMBERS.
 *
 * Each quick_… function takes the value at `at` and gives the byte behind it, or NULL with nothing changed when
 * the value is not written in the one way that it knows; the general way then takes it or says what is wrong. So
 * no fault is ever told here but one of punctuation, and both ways must agree on every value that is taken here.
 *
 * Up to 64 bytes behind the message may be read; whatever is found there is not believed, because every token
 * ends in a byte (a quote, a comma, a brace) which is held against the end.
 */
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "engine/base/civil.h"

#define ONES UINT64_C(0x0101010101010101)
#define US_PER_SECOND INT64_C(1000000)

/* ---- digits ----------------------------------------------------------------------------------- */

/* How many of the eight bytes at `at` are digits, up to the first that is none; `*digits`: their values, byte by byte. */
static inline uint32_t count_digits(const char *at, uint64_t *digits)
{
    uint64_t word = wendi_load_u64(at) ^ '0' * ONES;
    uint64_t other = ((word + 0x76 * ONES) | word) & 0x80 * ONES; /* above the first of them, carries may err */
    *digits = word;
    return other == 0 ? 8 : (uint32_t)__builtin_ctzll(other) / 8;
}

/* The first `count` (1..8) of digits found by count_digits() as a number. */
static inline uint64_t sum_digits(uint64_t digits, uint32_t count)
{
    uint64_t low = digits << (64 - 8 * count); /* leading zeros in front */
    low = low * 10 + (low >> 8);
    return ((low & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
            (low >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
           32;
}

static inline bool ends_value(const char *at, const char *end)
{
    return at < end && (*at == ',' || *at == '}');
}

typedef struct plain_number {
    uint64_t mantissa;
    uint32_t whole_count;
    uint32_t fraction_count;
} plain_number;

/* At most seven digits before and behind the point, no sign, no exponent, and the member ends right behind it. */
static inline const char *scan_plain_number(const char *at, const char *end, plain_number *number)
{
    uint64_t digits;
    uint32_t count = count_digits(at, &digits);
    if (count - 1 > 6 || (*at == '0' && count > 1)) {
        return NULL;
    }
    number->mantissa = sum_digits(digits, count);
    number->whole_count = count;
    number->fraction_count = 0;
    at += count;
    if (*at == '.') {
        static const uint32_t tens[8] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
        count = count_digits(at + 1, &digits);
        if (count - 1 > 6) {
            return NULL;
        }
        number->mantissa = number->mantissa * tens[count] + sum_digits(digits, count);
        number->fraction_count = count;
        at += 1 + count;
    }
    return ends_value(at, end) ? at : NULL;
}

/* ---- strings ---------------------------------------------------------------------------------- */

#ifdef __AVX2__
/* Bit i: byte i is a quote, a backslash or a control character; `*high`: byte i is no ASCII. */
static inline uint32_t special_32(const char *at, uint32_t *high)
{
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i quote = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"'));
    __m256i slash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'));
    __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f)), bytes);
    *high = (uint32_t)_mm256_movemask_epi8(bytes);
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(_mm256_or_si256(quote, slash), control));
}

static inline bool same_32(const char *a, const char *b, uint32_t count)
{
    __m256i differ = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)a),
                                      _mm256_loadu_si256((const __m256i *)(const void *)b));
    uint32_t same = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(differ, _mm256_setzero_si256()));
    return (~same & (uint32_t)((UINT64_C(1) << count) - 1)) == 0;
}

static inline bool is_literal(const wendi_key_slot *slot, const char *at, const char *end)
{
    __m256i text = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i literal = _mm256_loadu_si256((const __m256i *)(const void *)slot->literal);
    __m256i mask = _mm256_loadu_si256((const __m256i *)(const void *)slot->mask);
    return _mm256_testz_si256(_mm256_xor_si256(text, literal), mask) && slot->literal_bytes != 0 &&
           end - at >= (ptrdiff_t)slot->literal_bytes;
}
#else
static inline uint32_t special_32(const char *at, uint32_t *high)
{
    return wendi_json_special(at, high);
}

/* 32 bytes may be read on both sides. */
static inline bool same_32(const char *a, const char *b, uint32_t count)
{
    for (; count >= 8; count -= 8, a += 8, b += 8) {
        if (wendi_load_u64(a) != wendi_load_u64(b)) {
            return false;
        }
    }
    return count == 0 || (wendi_load_u64(a) ^ wendi_load_u64(b)) << (64 - 8 * count) == 0;
}

static inline bool is_literal(const wendi_key_slot *slot, const char *at, const char *end)
{
    return wendi_key_matches(slot, at, end);
}
#endif

/* The closing quote of the string that begins at `at`, if it is ASCII throughout and needs no unescaping; else NULL. */
static inline const char *find_quote(const char *at, const char *end)
{
    uint32_t high;
    uint32_t special = special_32(at, &high);
    while (special == 0) {
        at += 32;
        if (high != 0 || at >= end) {
            return NULL;
        }
        special = special_32(at, &high);
    }
    uint32_t ahead = (uint32_t)__builtin_ctz(special);
    at += ahead;
    return (high & ((1u << ahead) - 1)) == 0 && at < end && *at == '"' ? at : NULL;
}

/* Is entry `code`, if there is such a one, this text? Dictionaries and messages are padded by 64 bytes. */
static inline bool is_entry(const wendi_interner *interner, uint32_t code, const char *text, uint32_t length)
{
    if (code == 0 || code >= interner->entry_count) {
        return false;
    }
    const char *entry = (const char *)interner->bytes.data + interner->offsets[code];
    if (interner->offsets[code + 1] - interner->offsets[code] != length) {
        return false;
    }
    for (; length > 32; length -= 32, text += 32, entry += 32) {
        if (!same_32(text, entry, 32)) {
            return false;
        }
    }
    return same_32(text, entry, length);
}

/* ---- values ----------------------------------------------------------------------------------- */

enum { PENDING_MAX = 16 };

/* A string that was not guessed. Its code is looked up when the row is read, by when the table's cache line has come. */
typedef struct pending_code {
    wendi_interner *interner;
    wendi_string text;
    uint64_t hash;
    uint32_t *code;
    uint32_t *by_line;  /* where the code is learnt; NULL: nowhere */
    uint32_t *by_chain;
} pending_code;

/* What the loop knows of the row beside the decoder. */
typedef struct row_context {
    uint32_t *line;    /* of the row's user, once that is known */
    uint32_t previous; /* what stands for the string before: its code, or some bits of its hash; 0 in front of the first */
    uint32_t pending_count;
    pending_code pending[PENDING_MAX];
} row_context;

static inline bool guess_by(wendi_recall_worth *worth, uint32_t guess, const wendi_interner *interner, const char *text,
                            uint32_t length)
{
    if (!wendi_recall_pays(worth) || !is_entry(interner, guess, text, length)) {
        return false;
    }
    worth->hits++;
    return true;
}

static inline bool settle_code(const pending_code *pending)
{
    if (wendi_interner_code_hashed(pending->interner, pending->text, pending->hash, pending->code) != WEND_OK) {
        return false;
    }
    if (pending->by_line != NULL) {
        *pending->by_line = *pending->code;
    }
    if (pending->by_chain != NULL) {
        *pending->by_chain = *pending->code;
    }
    return true;
}

/* The code of a string of a column: as guessed, or by hash, at once or later. False when memory is refused. */
static inline bool code_of(wendi_recall_column *recall, row_context *context, bool at_once, wendi_interner *interner,
                           wendi_string text, uint32_t *code)
{
    bool kept = recall->place != WENDI_RECALL_NONE;
    uint32_t *by_line = kept && context->line != NULL ? &context->line[recall->place] : NULL;
    uint32_t *by_chain = kept ? &recall->chain[context->previous & (WENDI_RECALL_CHAIN - 1)] : NULL;
    if (by_line != NULL && guess_by(&recall->by_line, *by_line, interner, text.data, text.length)) {
        context->previous = *code = *by_line;
        return true;
    }
    if (kept && guess_by(&recall->by_chain, *by_chain, interner, text.data, text.length)) {
        context->previous = *code = *by_chain;
        if (by_line != NULL) {
            *by_line = *code;
        }
        return true;
    }
    pending_code pending = {interner, text, wendi_interner_hash(interner, text), code, by_line, by_chain};
    context->previous = (uint32_t)pending.hash;
    if (at_once || context->pending_count == PENDING_MAX) {
        return settle_code(&pending);
    }
    context->pending[context->pending_count++] = pending;
    return true;
}

/* The codes of all strings that wait. False when memory is refused. */
static inline bool settle_codes(row_context *context)
{
    bool good = true;
    for (uint32_t i = 0; i < context->pending_count; i++) {
        good = good && settle_code(&context->pending[i]);
    }
    return good;
}

static inline const char *quick_text(wendi_json_decoder *decoder, row_context *context, uint32_t column, const char *at)
{
    const wendi_convert_row *row = &decoder->row;
    wendi_column_builder *into = &row->builder->columns[column];
    const char *begin = at + 1;
    const char *quote = find_quote(begin, row->message_end);
    if (quote == NULL) {
        return NULL;
    }
    wendi_string text = {begin, (uint32_t)(quote - begin)};
    bool at_once = column == decoder->recall.user_column;
    return code_of(&decoder->recall.columns[column], context, at_once, &into->interner, text, &into->codes[row->row])
               ? quote + 1
               : NULL;
}

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

static inline const char *quick_uuid(wendi_json_decoder *decoder, uint32_t column, const char *at)
{
    const wendi_convert_row *row = &decoder->row;
    wendi_column_builder *into = &row->builder->columns[column];
    at++;
    if (row->message_end - at <= 36 || at[36] != '"' || !take_uuid(at, &into->b16[row->row])) {
        return NULL;
    }
    into->nulls[row->row] = 0;
    return at + 37;
}

/* Four numbers of one to three digits; the lengths differ from row to row, so that no branch depends on them. */
static inline const char *quick_inet(wendi_json_decoder *decoder, uint32_t column, const char *at)
{
#ifdef __AVX2__
    const wendi_convert_row *row = &decoder->row;
    wendi_column_builder *into = &row->builder->columns[column];
    uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};
    uint32_t fault = 0;
    at++;
    const __m128i digits = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)at), _mm_set1_epi8('0'));
    const __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
    uint32_t others = ~(uint32_t)_mm_movemask_epi8(is_digit) & 0xffff;
    uint32_t begin = 0;
    if (__builtin_popcount(others) < 4) {
        return NULL;
    }
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t behind = (uint32_t)__builtin_ctz(others);
        uint32_t length = behind - begin;
        const char *last = at + behind - 1; /* that is at worst three bytes in front of the text, in its key */
        uint32_t ones = (uint32_t)(unsigned char)last[0] - '0';
        uint32_t tens = ((uint32_t)(unsigned char)last[-1] - '0') * (length > 1);
        uint32_t hundreds = ((uint32_t)(unsigned char)last[-2] - '0') * (length > 2);
        uint32_t value = ones + 10 * tens + 100 * hundreds;
        fault |= (uint32_t)(length - 1 > 2) | (uint32_t)(value > 255) | (uint32_t)(length > 1 && at[begin] == '0') |
                 (uint32_t)(at[behind] != (i < 3 ? '.' : '"'));
        bytes[12 + i] = (uint8_t)value;
        begin = behind + 1;
        others &= others - 1;
    }
    if (fault != 0 || row->message_end - at < (ptrdiff_t)begin) {
        return NULL;
    }
    memcpy(&into->b16[row->row], bytes, sizeof bytes);
    into->nulls[row->row] = 0;
    return at + begin;
#else
    (void)decoder;
    (void)column;
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
static inline const char *quick_time(wendi_json_decoder *decoder, const wendi_convert_column *plan, uint32_t column,
                                     const char *at)
{
    const wendi_convert_row *row = &decoder->row;
    wendi_column_builder *into = &row->builder->columns[column];
    const uint64_t colons = UINT64_C(0x00003a00003a0000);
    const uint64_t between = UINT64_C(0x0000ff0000ff0000);
    int64_t us;
    at++;
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
    if (hour > 23 || minute > 59 || second > 59 || row->message_end - behind < 2 || behind[0] != 'Z' ||
        behind[1] != '"' || !day_of(&decoder->recall, at, &us)) {
        return NULL;
    }
    us += (int64_t)((hour * 60 + minute) * 60 + second) * US_PER_SECOND + fraction;
    if (plan->judged && (us > row->time_high || us < row->time_low)) {
        return NULL;
    }
    into->i64[row->row] = us;
    into->nulls[row->row] = 0;
    return behind + 2;
}

static inline const char *quick_number(wendi_json_decoder *decoder, const wendi_convert_column *plan, uint32_t column,
                                       const char *at)
{
    static const int64_t tens[19] = {1,
                                     10,
                                     100,
                                     1000,
                                     10000,
                                     100000,
                                     1000000,
                                     10000000,
                                     100000000,
                                     1000000000,
                                     INT64_C(10000000000),
                                     INT64_C(100000000000),
                                     INT64_C(1000000000000),
                                     INT64_C(10000000000000),
                                     INT64_C(100000000000000),
                                     INT64_C(1000000000000000),
                                     INT64_C(10000000000000000),
                                     INT64_C(100000000000000000),
                                     INT64_C(1000000000000000000)};
    const wendi_convert_row *row = &decoder->row;
    wendi_column_builder *into = &row->builder->columns[column];
    plain_number number;
    const char *behind = scan_plain_number(at, row->message_end, &number);
    if (behind == NULL) {
        return NULL;
    }
    uint32_t scale = plan->type.scale;
    int64_t value = (int64_t)number.mantissa;
    switch (plan->quick) {
    case WENDI_QUICK_INTEGER:
        if (number.fraction_count != 0 || value < plan->low || value > plan->high) {
            return NULL;
        }
        into->i64[row->row] = value;
        break;
    case WENDI_QUICK_NUMERIC:
        if (number.fraction_count > scale || number.whole_count + scale > plan->type.precision) {
            return NULL;
        }
        into->i64[row->row] = value * tens[scale - number.fraction_count];
        break;
    default:
        if (value == 0) {
            return NULL;
        }
        into->f64[row->row] = (double)value / (double)tens[number.fraction_count]; /* both exact: rounded once */
        break;
    }
    into->nulls[row->row] = 0;
    return behind;
}

static inline const char *quick_null(wendi_json_decoder *decoder, uint32_t column, const char *at)
{
    if (memcmp(at, "null", 4) != 0 || !ends_value(at + 4, decoder->row.message_end)) {
        return NULL;
    }
    wendi_convert_null(&decoder->row, column);
    return at + 4;
}

/* The value of a column that has its slot for itself. */
static inline const char *quick_value(wendi_json_decoder *decoder, row_context *context, uint32_t column, const char *at)
{
    const wendi_convert_column *plan = &decoder->plans[column];
    const char *behind = NULL;
    if (at >= decoder->row.message_end) {
        return NULL;
    }
    if (*at == '"') {
        switch (plan->quick) {
        case WENDI_QUICK_TEXT:
            behind = quick_text(decoder, context, column, at);
            break;
        case WENDI_QUICK_UUID:
            behind = quick_uuid(decoder, column, at);
            break;
        case WENDI_QUICK_INET:
            behind = quick_inet(decoder, column, at);
            break;
        case WENDI_QUICK_TIME:
            behind = quick_time(decoder, plan, column, at);
            break;
        default:
            break;
        }
    } else if (*at == 'n') {
        return quick_null(decoder, column, at);
    } else if (plan->quick >= WENDI_QUICK_INTEGER) {
        behind = quick_number(decoder, plan, column, at);
    }
    if (behind != NULL) {
        wendi_convert_mark(decoder->row.given, column);
    }
    return behind;
}

/* ---- keys ------------------------------------------------------------------------------------- */

/* The slot of the key at `at`, and the byte behind its colon. */
static inline const char *take_key(wendi_json_decoder *decoder, wendi_json_frame *frame, bool guess, const char *at,
                                   uint32_t *slot)
{
    wendi_key_tree *tree = &decoder->tree;
    const char *end = decoder->row.message_end;
    uint32_t *next = wendi_json_expected(tree, frame);
    if (guess && next[0] != WENDI_KEY_NONE) {
        if (is_literal(&tree->slots[next[0]], at, end)) {
            decoder->counters.key_hits++;
            *slot = next[0];
            return at + tree->slots[*slot].literal_bytes;
        }
        if (next[1] != WENDI_KEY_NONE && is_literal(&tree->slots[next[1]], at, end)) {
            decoder->counters.key_hits++;
            *slot = next[1];
            next[1] = next[0];
            next[0] = *slot;
            return at + tree->slots[*slot].literal_bytes;
        }
    }
    uint32_t found = decoder->predict ? tree->nodes[frame->node].heads[wendi_key_head(at)] : 0;
    if (found != 0 && is_literal(&tree->slots[found - 1], at, end)) {
        *slot = found - 1;
        next[1] = next[0];
        next[0] = *slot;
        decoder->counters.key_misses++;
        return at + tree->slots[*slot].literal_bytes;
    }
    return wendi_json_read_key(decoder, frame, at, slot);
}

/* ---- members ---------------------------------------------------------------------------------- */

static inline const char *blanks(const char *at, const char *end)
{
    return at < end && (unsigned char)*at <= ' ' ? wendi_json_blanks(at, end) : at;
}

/* The value of the row's user was set: its line tells what comes with it. */
static inline void note_user(const wendi_json_decoder *decoder, row_context *context)
{
    const wendi_convert_row *row = &decoder->row;
    uint32_t code = row->builder->columns[decoder->recall.user_column].codes[row->row];
    context->line = wendi_recall_line(&decoder->recall, code);
    __builtin_prefetch(context->line);
}

const char *TAKE_MEMBERS(wendi_json_decoder *decoder, const char *at)
{
    wendi_json_frame frames[WENDI_JSON_DEPTH_MAX];
    const char *end = decoder->row.message_end;
    row_context context;
    const bool predict = decoder->predict;
    const bool guess = predict && decoder->guesses_keys;
    uint32_t depth = 1; /* brackets open, all of them braces of frames */
    bool opened = true; /* a brace was passed just now */

    context.line = NULL;
    context.previous = 0;
    context.pending_count = 0;
    frames[0] = (wendi_json_frame){0, WENDI_KEY_NONE};
    at++;
    for (;;) {
        at = blanks(at, end);
        if (at >= end) {
            return wendi_json_fault_here(decoder, at);
        }
        if (*at == '}') {
            at++;
            opened = false;
            if (--depth == 0) {
                if (!settle_codes(&context)) {
                    decoder->row.out_of_memory = true;
                    return NULL;
                }
                return at;
            }
            continue;
        }
        if (!opened) {
            if (*at != ',') {
                return wendi_json_fault_here(decoder, at);
            }
            at = blanks(at + 1, end);
        }
        wendi_json_frame *frame = &frames[depth - 1];
        const char *key = at;
        uint32_t slot = WENDI_KEY_STRAY;
        uint32_t column = WENDI_NO_COLUMN;
        bool skip = false;
        at = take_key(decoder, frame, guess, at, &slot);
        if (at == NULL) {
            return NULL;
        }
        at = blanks(at, end);
        if (slot != WENDI_KEY_STRAY) {
            wendi_key_slot *met = &decoder->tree.slots[slot];
            frame->last = slot;
            if (met->stamp == decoder->stamp && !wendi_json_meet_again(decoder, met, key, &skip)) {
                return NULL;
            }
            met->stamp = decoder->stamp;
            column = met->action == WENDI_KEY_COLUMN && !skip ? met->column : WENDI_NO_COLUMN;
        }
        opened = false;
        const char *behind = predict && column != WENDI_NO_COLUMN ? quick_value(decoder, &context, column, at) : NULL;
        if (behind == NULL) {
            behind = skip ? wendi_json_skip_value(decoder, at, depth)
                          : wendi_json_take_value(decoder, slot, frame->node, at, depth, &opened);
        }
        at = behind;
        if (at == NULL) {
            return NULL;
        }
        if (opened) {
            frames[depth++] = (wendi_json_frame){decoder->tree.slots[slot].child, WENDI_KEY_NONE};
        }
        if (column == decoder->recall.user_column && column != WENDI_NO_COLUMN) {
            note_user(decoder, &context);
        }
    }
}
