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
#include "ingest/json_text_body.h"

/* ---- values ----------------------------------------------------------------------------------- */

enum { PENDING_MAX = 16 };

/* A string that was not guessed. Its code is looked up when the row is read, by when the table's cache line has come. */
typedef struct pending_code {
    wendi_interner *interner;
    wendi_string text;
    uint64_t hash;
    uint32_t *code;
    uint32_t *learnt; /* where the code is remembered; NULL: nowhere */
} pending_code;

/* What the loop knows of the row. */
typedef struct row_context {
    wendi_json_decoder *decoder;
    wendi_column_builder *columns;
    wendi_recall_column *recall; /* of the columns */
    const char *end;             /* of the message */
    size_t row;
    uint64_t given;       /* of the first 64 columns, what came in the quick way; the others are marked at once */
    uint64_t key_hits;
    uint32_t *line;       /* of the row's user, once that is known */
    uint32_t previous;    /* what stands for the string before: its code, or some bits of its hash; 0 in front of the first */
    wendi_recall_run *run; /* the user's */
    const char *run_begin; /* a run is made anew from here; NULL: none is */
    const char *run_end;
    uint32_t run_members; /* of it so far */
    uint32_t run_met;     /* keys of this row that are of a run */
    bool run_taken;       /* as a whole: the stamps of its slots were not set */
    uint32_t pending_count;
    pending_code pending[PENDING_MAX];
} row_context;

static inline void mark_given(row_context *context, uint32_t column)
{
    if (column < 64) {
        context->given |= UINT64_C(1) << column;
    } else {
        wendi_convert_mark(context->decoder->row.given, column);
    }
}

/* The code of `text`, or 0; as wendi_interner_find(), for text that is padded. */
static inline uint32_t find_code(const wendi_interner *interner, wendi_string text, uint64_t hash)
{
    const uint32_t mask = interner->slot_count - 1;
    const uint32_t tag = (uint32_t)(hash >> 32);
    for (uint32_t i = (uint32_t)hash & mask; interner->slots[i].code != 0; i = (i + 1) & mask) {
        const wendi_interner_slot *slot = &interner->slots[i];
        if (slot->tag == tag && slot->length == text.length &&
            is_same(text.data, (const char *)interner->bytes.data + slot->begin, text.length)) {
            return slot->code;
        }
    }
    return 0;
}

static inline bool settle_code(const pending_code *pending)
{
    uint32_t code = find_code(pending->interner, pending->text, pending->hash);
    if (code == 0 && wendi_interner_code_hashed(pending->interner, pending->text, pending->hash, &code) != WEND_OK) {
        return false;
    }
    *pending->code = code;
    if (pending->learnt != NULL) {
        *pending->learnt = code;
    }
    return true;
}

/* The codes of all strings that wait. False when memory is refused. */
static inline bool settle_codes(row_context *context)
{
    for (uint32_t i = 0; i < context->pending_count; i++) { /* the entries' own bytes, before the first is compared */
        const wendi_interner *interner = context->pending[i].interner;
        uint32_t slot = (uint32_t)context->pending[i].hash & (interner->slot_count - 1);
        __builtin_prefetch(interner->bytes.data + interner->slots[slot].begin);
    }
    for (uint32_t i = 0; i < context->pending_count; i++) {
        if (!settle_code(&context->pending[i])) {
            return false;
        }
    }
    return true;
}

/* The code of a string: as guessed by the user's line or else by the chain, or by hash, at once or later. */
static WEND_ALWAYS_INLINE bool take_code(row_context *context, uint32_t column, bool at_once, wendi_string text)
{
    wendi_recall_column *recall = &context->recall[column];
    wendi_column_builder *into = &context->columns[column];
    uint32_t *learnt = NULL;
    if (recall->place != WENDI_RECALL_NONE) {
        bool by_line = context->line != NULL;
        wendi_recall_worth *worth = by_line ? &recall->by_line : &recall->by_chain;
        learnt = by_line ? &context->line[recall->place] : &recall->chain[context->previous & (WENDI_RECALL_CHAIN - 1)];
        if (wendi_recall_pays(worth) && is_entry(&into->interner, *learnt, text.data, text.length)) {
            worth->hits++;
            into->codes[context->row] = *learnt;
            context->previous = *learnt;
            return true;
        }
    }
    pending_code *pending = &context->pending[context->pending_count];
    pending->interner = &into->interner; /* field by field: a whole made elsewhere and copied would stall */
    pending->text.data = text.data;
    pending->text.length = text.length;
    pending->code = &into->codes[context->row];
    pending->learnt = learnt;
    pending->hash = wendi_interner_hash(&into->interner, text);
    context->previous = (uint32_t)pending->hash;
    if (at_once || context->pending_count == PENDING_MAX - 1) {
        return settle_code(pending);
    }
    context->pending_count++;
    return true;
}

static WEND_ALWAYS_INLINE const char *quick_text(row_context *context, uint32_t column, bool at_once, const char *at)
{
    const char *begin = at + 1;
    const char *quote = find_quote(begin, context->end);
    if (quote == NULL) {
        return NULL;
    }
    return take_code(context, column, at_once, (wendi_string){begin, (uint32_t)(quote - begin)}) ? quote + 1 : NULL;
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

static inline const char *quick_uuid(row_context *context, uint32_t column, const char *at)
{
    wendi_column_builder *into = &context->columns[column];
    at++;
    if (context->end - at <= 36 || at[36] != '"' || !take_uuid(at, &into->b16[context->row])) {
        return NULL;
    }
    into->nulls[context->row] = 0;
    return at + 37;
}

/* Four numbers of one to three digits; the lengths differ from row to row, so that no branch depends on them. */
static inline const char *quick_inet(row_context *context, uint32_t column, const char *at)
{
#ifdef __AVX2__
    wendi_column_builder *into = &context->columns[column];
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
    if (fault != 0 || context->end - at < (ptrdiff_t)begin) {
        return NULL;
    }
    memcpy(&into->b16[context->row], bytes, sizeof bytes);
    into->nulls[context->row] = 0;
    return at + begin;
#else
    (void)context;
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
static inline const char *quick_time(row_context *context, uint32_t column, const char *at)
{
    wendi_column_builder *into = &context->columns[column];
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
    if (hour > 23 || minute > 59 || second > 59 || context->end - behind < 2 || behind[0] != 'Z' ||
        behind[1] != '"' || !day_of(&context->decoder->recall, at, &us)) {
        return NULL;
    }
    us += (int64_t)((hour * 60 + minute) * 60 + second) * US_PER_SECOND + fraction;
    const wendi_convert_row *row = &context->decoder->row;
    if (context->decoder->plans[column].judged && (us > row->time_high || us < row->time_low)) {
        return NULL;
    }
    into->i64[context->row] = us;
    into->nulls[context->row] = 0;
    return behind + 2;
}

static inline const char *quick_number(row_context *context, uint32_t column, const char *at)
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
    wendi_column_builder *into = &context->columns[column];
    plain_number number;
    const char *behind = scan_plain_number(at, context->end, &number);
    if (behind == NULL) {
        return NULL;
    }
    const wendi_convert_column *plan = &context->decoder->plans[column];
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

/* The value of the row's user was set: its line tells what comes with it. */
static inline void note_user(row_context *context, uint32_t column)
{
    const wendi_json_recall *recall = &context->decoder->recall;
    uint32_t code = context->columns[column].codes[context->row];
    context->line = wendi_recall_line(recall, code);
    __builtin_prefetch(context->line);
    if (recall->runs != NULL) {
        context->run = wendi_recall_run_of(recall, code);
        for (uint32_t i = 0; i < sizeof *context->run; i += 64) {
            __builtin_prefetch((const char *)context->run + i);
        }
    }
}

static inline const char *quick_null(row_context *context, uint32_t column, const char *at)
{
    if (memcmp(at, "null", 4) != 0 || !ends_value(at + 4, context->end)) {
        return NULL;
    }
    wendi_convert_null(&context->decoder->row, column);
    return at + 4;
}

/* The value of a slot whose column has it for itself. */
static WEND_ALWAYS_INLINE const char *quick_value(row_context *context, const wendi_key_slot *slot, const char *at)
{
    const uint32_t column = slot->column;
    const char *behind = NULL;
    if (*at == '"') {
        switch (slot->quick) {
        case WENDI_QUICK_TEXT:
            behind = quick_text(context, column, false, at);
            break;
        case WENDI_QUICK_USER:
            behind = quick_text(context, column, true, at);
            if (behind != NULL) {
                note_user(context, column);
            }
            break;
        case WENDI_QUICK_UUID:
            behind = quick_uuid(context, column, at);
            break;
        case WENDI_QUICK_INET:
            behind = quick_inet(context, column, at);
            break;
        case WENDI_QUICK_TIME:
            behind = quick_time(context, column, at);
            break;
        default:
            break;
        }
    } else if (*at == 'n') {
        return quick_null(context, column, at);
    } else if (slot->quick >= WENDI_QUICK_INTEGER) {
        behind = quick_number(context, column, at);
    }
    if (behind != NULL) {
        mark_given(context, column);
        context->recall[column].seen++;
    }
    return behind;
}

/* ---- runs ------------------------------------------------------------------------------------- */

/* Are the dictionaries those that the runs were made with? If not, runs are to be made anew. */
static inline bool runs_hold(wendi_json_recall *recall, const wendi_column_builder *columns)
{
    wendi_recall_shape *shape = &recall->shape;
    uint64_t differ = 0;
    for (uint32_t i = 0; i < shape->member_count; i++) {
        differ |= columns[shape->columns[i]].interner.epoch ^ shape->epochs[i];
    }
    if (differ == 0) {
        return true;
    }
    for (uint32_t i = 0; i < shape->member_count; i++) {
        shape->epochs[i] = columns[shape->columns[i]].interner.epoch;
    }
    wendi_json_recall_forget_runs(recall);
    return false;
}

static inline bool is_run(const wendi_recall_run *run, const char *at, const char *end)
{
    uint32_t length = run->text_bytes;
    return end - at > (ptrdiff_t)length && (at[length] == ',' || at[length] == '}') && is_same(at, run->text, length);
}

static inline void set_run(row_context *context)
{
    const wendi_recall_shape *shape = &context->decoder->recall.shape;
    const wendi_recall_run *run = context->run;
    const uint32_t count = shape->member_count;
    for (uint32_t i = 0; i < count; i++) {
        wendi_column_builder *into = &context->columns[shape->columns[i]];
        mark_given(context, shape->columns[i]);
        if (i == shape->address) {
            into->b16[context->row] = run->address;
            into->nulls[context->row] = 0;
        } else {
            into->codes[context->row] = run->codes[i];
        }
    }
    context->key_hits += count - 1;
    context->run_taken = true;
}

/*
 * At the first value of a run: take all of it if it is the user's last one again, and give the byte behind
 * it. Else NULL, and it is made anew, if the next members are those of a run. The first key has just been met; if
 * others of the run came before it, it is no run.
 */
static inline const char *take_run(row_context *context, const char *at)
{
    wendi_json_recall *recall = &context->decoder->recall;
    if (context->run_met != 1 || !wendi_recall_pays(&recall->shape.worth)) {
        return NULL;
    }
    bool holds = runs_hold(recall, context->columns) && context->run->generation == recall->shape.generation;
    if (holds && is_run(context->run, at, context->end)) {
        recall->shape.worth.hits++;
        set_run(context);
        return at + context->run->text_bytes;
    }
    context->run_begin = at;
    context->run_members = 0;
    return NULL;
}

/* A key of a run that was taken comes again: now its slots need their stamps. */
static void stamp_run(row_context *context)
{
    const wendi_recall_shape *shape = &context->decoder->recall.shape;
    for (uint32_t i = 0; i < shape->member_count; i++) {
        context->decoder->tree.slots[shape->slots[i]].stamp = context->decoder->stamp;
    }
    context->run_taken = false;
}

/* A value was taken in the quick way while a run is made: it goes on, is whole, or comes to nothing. */
static inline void extend_run(const wendi_recall_shape *shape, row_context *context, uint32_t slot, const char *behind)
{
    if (context->run_members == shape->member_count) {
        return;
    }
    if (slot != shape->slots[context->run_members]) {
        context->run_begin = NULL;
        return;
    }
    context->run_members++;
    context->run_end = behind;
}

/* The row is read: keep the run that was made. */
static void keep_run(const row_context *context)
{
    const wendi_recall_shape *shape = &context->decoder->recall.shape;
    wendi_recall_run *run = context->run;
    if (context->run_members != shape->member_count || context->run_end - context->run_begin > WENDI_RUN_TEXT_BYTES) {
        return;
    }
    run->generation = shape->generation;
    run->text_bytes = (uint32_t)(context->run_end - context->run_begin);
    memcpy(run->text, context->run_begin, run->text_bytes);
    for (uint32_t i = 0; i < shape->member_count; i++) {
        const wendi_column_builder *from = &context->columns[shape->columns[i]];
        if (i == shape->address) {
            run->address = from->b16[context->row];
        } else {
            run->codes[i] = from->codes[context->row];
        }
    }
}

/* ---- keys ------------------------------------------------------------------------------------- */

/* The slot of the key at `at`, which is not the one that was expected first, and the byte behind its colon. */
static const char *find_key(row_context *context, wendi_json_frame *frame, bool guess, const char *at, uint32_t *slot)
{
    wendi_json_decoder *decoder = context->decoder;
    wendi_key_tree *tree = &decoder->tree;
    uint32_t *next = wendi_json_expected(tree, frame);
    uint32_t found = WENDI_KEY_NONE;
    bool second = guess && next[1] != WENDI_KEY_NONE && is_literal(&tree->slots[next[1]], at, context->end);
    if (second) {
        found = next[1];
        context->key_hits++;
    } else if (decoder->predict) {
        uint32_t head = tree->nodes[frame->node].heads[wendi_key_head(at)];
        found = head != 0 && is_literal(&tree->slots[head - 1], at, context->end) ? head - 1 : WENDI_KEY_NONE;
        decoder->counters.key_misses += found != WENDI_KEY_NONE;
    }
    if (found == WENDI_KEY_NONE) {
        return wendi_json_read_key(decoder, frame, at, slot);
    }
    next[1] = next[0];
    next[0] = found;
    *slot = found;
    return at + tree->slots[found].literal_bytes;
}

/* ---- members ---------------------------------------------------------------------------------- */

static inline const char *blanks(const char *at, const char *end)
{
    return at < end && (unsigned char)*at <= ' ' ? wendi_json_blanks(at, end) : at;
}

/*
 * From the byte behind a value or an opening brace to the next key, closing what ends before it. `*depth` 0: the
 * document ended. NULL: what stands there may not.
 */
static const char *next_member(const row_context *context, const char *at, bool opened, uint32_t *depth)
{
    const char *end = context->end;
    for (;; opened = false) {
        at = blanks(at, end);
        if (at < end && *at == '}') {
            at++;
            if (--*depth == 0) {
                return at;
            }
            continue;
        }
        if (opened && at < end) {
            return at;
        }
        return at < end && *at == ',' ? blanks(at + 1, end) : wendi_json_fault_here(context->decoder, at);
    }
}

/* A key of a run: was the run taken before, or can it be now? Gives the byte behind it, or NULL. */
static inline const char *meet_run(row_context *context, const wendi_key_slot *met, const char *at)
{
    if (context->run_taken) {
        stamp_run(context);
        return NULL;
    }
    context->run_met++;
    return met->in_run == WENDI_KEY_FIRST_OF_RUN && context->run != NULL ? take_run(context, at) : NULL;
}

/*
 * Without `predict` all goes the general way. A blank behind a colon may be passed even at the end: whatever looks at
 * `at` next holds it against the end.
 */
static WEND_ALWAYS_INLINE const char *take_members(row_context *context, const char *at, const bool predict)
{
    wendi_json_decoder *const decoder = context->decoder;
    const char *const end = context->end;
    const uint32_t stamp = decoder->stamp;
    const bool guess = predict && decoder->guesses_keys;
    wendi_json_frame frames[WENDI_JSON_DEPTH_MAX];
    const uint32_t *next = decoder->tree.nodes[0].first; /* what usually comes now */
    uint32_t depth = 1; /* brackets open, all of them braces of frames */
    bool opened = true; /* a brace was passed just now */

    frames[0] = (wendi_json_frame){0, WENDI_KEY_NONE};
    at++;
    for (;;) {
        if (!opened && end - at > 1 && at[0] == ',' && at[1] == '"') {
            at++;
        } else {
            uint32_t before = depth;
            at = next_member(context, at, opened, &depth);
            if (at == NULL || depth == 0) {
                return at;
            }
            next = depth != before || opened ? wendi_json_expected(&decoder->tree, &frames[depth - 1]) : next;
        }
        opened = false;
        wendi_json_frame *frame = &frames[depth - 1];
        const char *key = at;
        uint32_t slot = *next;
        if (guess && slot != WENDI_KEY_NONE && is_literal(&decoder->tree.slots[slot], at, end)) {
            at += decoder->tree.slots[slot].literal_bytes;
            context->key_hits++;
        } else {
            at = find_key(context, frame, guess, at, &slot);
            if (at == NULL) {
                return NULL;
            }
        }
        at += *at == ' ';
        const char *behind = NULL;
        bool skip = false;
        if (slot != WENDI_KEY_STRAY) {
            wendi_key_slot *met = &decoder->tree.slots[slot];
            frame->last = slot;
            next = met->next;
            if (guess && met->in_run) {
                behind = met->stamp == stamp ? NULL : meet_run(context, met, at);
                if (behind != NULL) {
                    met->stamp = stamp;
                    frame->last = decoder->recall.shape.slots[decoder->recall.shape.member_count - 1];
                    next = decoder->tree.slots[frame->last].next;
                    at = behind;
                    continue;
                }
            }
            if (met->stamp == stamp && !wendi_json_meet_again(decoder, met, key, &skip)) {
                return NULL;
            }
            met->stamp = stamp;
            if (predict && met->quick != WENDI_QUICK_NONE && !skip) {
                behind = quick_value(context, met, at);
            }
            if (predict && context->run_begin != NULL) {
                extend_run(&decoder->recall.shape, context, behind == NULL || *at == 'n' ? WENDI_KEY_NONE : slot, behind);
            }
        } else if (context->run_begin != NULL) { /* what it brings is left over, and no run could tell of it */
            extend_run(&decoder->recall.shape, context, WENDI_KEY_STRAY, NULL);
        }
        if (behind == NULL) {
            at = blanks(at, end);
            behind = skip ? wendi_json_skip_value(decoder, at, depth)
                          : wendi_json_take_value(decoder, slot, frame->node, at, depth, &opened);
            if (behind == NULL) {
                return NULL;
            }
            if (opened) {
                frames[depth++] = (wendi_json_frame){decoder->tree.slots[slot].child, WENDI_KEY_NONE};
            }
            next = wendi_json_expected(&decoder->tree, &frames[depth - 1]);
        }
        at = behind;
    }
}

static const char *take_generally(row_context *context, const char *at)
{
    return take_members(context, at, false);
}

const char *TAKE_MEMBERS(wendi_json_decoder *decoder, const char *at)
{
    wendi_convert_row *row = &decoder->row;
    row_context context; /* not cleared as a whole: most of it is room for strings that wait */
    context.decoder = decoder;
    context.columns = row->builder->columns;
    context.recall = decoder->recall.columns;
    context.end = row->message_end;
    context.row = row->row;
    context.given = 0;
    context.key_hits = 0;
    context.line = NULL;
    context.previous = 0;
    context.run = NULL;
    context.run_begin = NULL;
    context.run_met = 0;
    context.run_taken = false;
    context.pending_count = 0;
    at = decoder->predict ? take_members(&context, at, true) : take_generally(&context, at);
    row->given[0] |= context.given;
    decoder->counters.key_hits += context.key_hits;
    if (at != NULL && !settle_codes(&context)) {
        row->out_of_memory = true;
        return NULL;
    }
    if (at != NULL && context.run_begin != NULL) {
        keep_run(&context);
    }
    return at;
}
