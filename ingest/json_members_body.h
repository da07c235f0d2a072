/*
 * The text of the loop over members: included by json_members_portable.c and json_members_avx2.c, which are
 * compiled for their instruction sets and name the function TAKE_MEMBERS.
 *
 * Each quick_… function takes the value at `at` and gives the byte behind it, or NULL with nothing changed when
 * the value is not written in the one way that it knows; the general way then takes it or says what is wrong. So
 * no fault is ever told here but one of punctuation, and both ways must agree on every value that is taken here.
 *
 * What is usual costs little because nothing is noted of it but one bit: a row's columns tell which keys came twice,
 * whether a run is whole, and which columns most rows have.
 *
 * Up to 64 bytes behind the message may be read; whatever is found there is not believed, because every token
 * ends in a byte (a quote, a comma, a brace) which is held against the end.
 */
#include "engine/column/interner_hash.h"
#include "ingest/json_text_body.h"

enum { LITERAL_BYTES = WENDI_KEY_LITERAL_WORDS * sizeof(uint64_t) };

/* What the loop knows of the row, beside what it holds itself. */
typedef struct row_context {
    wendi_json_decoder *decoder;
    const char *end; /* of the message */
    const char *safe_end; /* up to here no literal reaches over it */
    size_t row;
    wendi_column_builder *columns;
    wendi_pending_code *pending; /* strings that wait for their codes */
    uint32_t pending_count;
    uint32_t *line;         /* of the row's user, once that is known; else nobody's */
    uint64_t given;         /* what was met: bits of columns, WENDI_KEY_OTHER, WENDI_KEY_STAMPED */
    const char *run_begin;  /* first value of a run that is to be learnt; NULL: none is */
    const char *run_last;   /* its last value; NULL: not met yet */
    uint64_t before_run;    /* what was met before the first one */
    uint64_t within_run;    /* and up to the last one */
    uint64_t key_hits;
    const char *key; /* the last one that was not known */
    uint32_t depth;  /* brackets open, all of them braces of frames */
    wendi_json_frame frames[WENDI_JSON_DEPTH_MAX];
} row_context;

#include "ingest/json_values_body.h"

/* ---- texts ------------------------------------------------------------------------------------ */

/* Ask for the bucket in which a string with this hash is looked for. */
static inline void ask_for_bucket(const wendi_interner *interner, uint64_t hash)
{
    __builtin_prefetch(&interner->buckets[wendi_interner_home(interner, hash)]);
}

/* The bucket has come: ask for the entry that it most likely is. */
static inline void ask_for_entry(const wendi_interner *interner, uint64_t hash)
{
    const wendi_interner_bucket *bucket = &interner->buckets[wendi_interner_home(interner, hash)];
    uint32_t lane = (uint32_t)__builtin_ctz(match_tag(bucket, wendi_interner_tag(hash)) | 1u << (WENDI_INTERNER_LANES - 1));
    __builtin_prefetch(interner->bytes.data + bucket->begins[lane]);
}

/* The code of `data`, which is padded, found or added; 0 when memory is refused. */
static WEND_ALWAYS_INLINE uint32_t take_hashed(wendi_interner *interner, const char *data, uint32_t length, uint64_t hash)
{
    const uint32_t tag = wendi_interner_tag(hash);
    uint32_t code = 0;
    for (uint32_t home = wendi_interner_home(interner, hash);; home = (home + 1) & (interner->bucket_count - 1)) {
        const wendi_interner_bucket *bucket = &interner->buckets[home];
        for (uint32_t matches = match_tag(bucket, tag); matches != 0; matches &= matches - 1) {
            uint32_t lane = (uint32_t)__builtin_ctz(matches);
            if (bucket->lengths[lane] == length &&
                is_same(data, (const char *)interner->bytes.data + bucket->begins[lane], length)) {
                return bucket->codes[lane];
            }
        }
        if (bucket->tags[WENDI_INTERNER_LANES - 1] == 0) {
            break;
        }
    }
    return wendi_interner_code_hashed(interner, (wendi_string){data, length}, hash, &code) == WEND_OK ? code : 0;
}

static inline uint32_t take_code(wendi_interner *interner, const char *data, uint32_t length)
{
    return take_hashed(interner, data, length, wendi_interner_hash_padded(data, length, interner->seed));
}

/* The code of a string is looked up later. False: memory was refused, where it had to be now. */
static inline bool leave_code(row_context *context, wendi_column_builder *into, uint32_t *learnt, const char *data,
                              uint32_t length)
{
    if (context->pending_count == WENDI_PENDING_CODES) {
        uint32_t code = take_code(&into->interner, data, length);
        *learnt = into->codes[context->row] = code;
        return code != 0;
    }
    wendi_interner *interner = &into->interner;
    wendi_pending_code *pending = &context->pending[context->pending_count++];
    pending->interner = interner; /* field by field: a whole made elsewhere and copied would stall */
    pending->text.data = data;
    pending->text.length = length;
    pending->hash = wendi_interner_hash_padded(data, length, interner->seed);
    pending->code = &into->codes[context->row];
    pending->learnt = learnt;
    ask_for_bucket(interner, pending->hash);
    return true;
}

/* Refused, and not by what the message says. */
static const char *out_of_memory(const row_context *context)
{
    context->decoder->row.out_of_memory = true;
    return NULL;
}

static WEND_ALWAYS_INLINE const char *quick_text(row_context *context, const wendi_key_slot *slot,
                                                 wendi_column_builder *into, const char *at)
{
    const char *quote = *at == '"' ? find_quote(at + 1, context->end) : NULL;
    if (quote == NULL) {
        return NULL;
    }
    bool left = leave_code(context, into, &context->line[slot->place], at + 1, (uint32_t)(quote - at - 1));
    return left ? quote + 1 : out_of_memory(context);
}

/* If the guess fails, it is a text like any other. */
static WEND_ALWAYS_INLINE const char *quick_guessed(row_context *context, const wendi_key_slot *slot,
                                                    wendi_column_builder *into, const char *at)
{
    const char *quote = *at == '"' ? find_quote(at + 1, context->end) : NULL;
    uint32_t code = context->line[slot->place];
    wendi_recall_column *recall = &context->decoder->recall.columns[slot->column];
    if (quote == NULL) {
        return NULL;
    }
    if (!is_entry(&into->interner, code, at + 1, (uint32_t)(quote - at - 1))) {
        recall->misses += code != 0;
        return quick_text(context, slot, into, at);
    }
    recall->hits++;
    into->codes[context->row] = code;
    return quote + 1;
}

/* A text whose code is needed now: the user's, which tells what comes with it. */
static inline const char *quick_user(row_context *context, wendi_column_builder *into, const char *at)
{
    const char *quote = *at == '"' ? find_quote(at + 1, context->end) : NULL;
    if (quote == NULL) {
        return NULL;
    }
    uint32_t code = take_code(&into->interner, at + 1, (uint32_t)(quote - at - 1));
    into->codes[context->row] = code;
    context->line = wendi_recall_line(&context->decoder->recall, code);
    __builtin_prefetch(context->line); /* some members later it is looked at */
    return code != 0 ? quote + 1 : out_of_memory(context);
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

static inline void set_run(const row_context *context, const wendi_recall_run *run, wendi_column_builder *columns)
{
    const wendi_recall_shape *shape = &context->decoder->recall.shape;
    for (uint32_t i = 0; i < shape->member_count; i++) {
        columns[shape->columns[i]].codes[context->row] = run->codes[i];
    }
}

/*
 * At the first value of a run: take all of it if it is the line's one again, and give the byte behind it. Else NULL, and
 * it is to be learnt. If other keys of it came before, it is no run.
 */
static inline const char *take_run(row_context *context, const wendi_key_slot *first, const char *at)
{
    wendi_json_recall *recall = &context->decoder->recall;
    wendi_column_builder *columns = context->decoder->row.builder->columns;
    uint64_t before = context->given & ~(first->bit | WENDI_KEY_OTHER);
    context->given &= ~WENDI_KEY_OTHER; /* so that it tells of what comes from now on */
    if (!context->decoder->guesses_keys || (before & recall->shape.bits) != 0 || !wendi_recall_pays(&recall->shape.worth)) {
        return NULL;
    }
    const wendi_recall_run *run = &recall->runs[context->line[recall->run_place]];
    bool holds = runs_hold(recall, columns) && run->generation == recall->shape.generation;
    if (holds && is_run(run, at, context->end)) {
        recall->shape.worth.hits++;
        context->key_hits += recall->shape.member_count - 1;
        context->given |= recall->shape.bits;
        set_run(context, run, columns);
        return at + run->text_bytes;
    }
    context->run_begin = at;
    context->before_run = before;
    return NULL;
}

/* Where a run of these codes is kept. */
static uint32_t run_index(const uint32_t *codes, uint32_t count)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ codes[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    uint32_t index = (uint32_t)(hash >> 20) % WENDI_RUNS;
    return index != 0 ? index : 1;
}

/*
 * The row is read and has its codes: learn its run, if all members and nothing else came between its first and its last
 * value.
 */
static void learn_run(const row_context *context)
{
    const wendi_json_recall *recall = &context->decoder->recall;
    const wendi_recall_shape *shape = &recall->shape;
    uint32_t codes[WENDI_RUN_MEMBERS_MAX] = {0};
    wendi_json_error error;
    if (context->run_last == NULL || (context->before_run ^ context->within_run) != shape->bits) {
        return;
    }
    const char *end = wendi_json_skip(context->run_last, context->end, 1, &error);
    if (end == NULL || end - context->run_begin > WENDI_RUN_TEXT_BYTES) {
        return;
    }
    uint32_t text_bytes = (uint32_t)(end - context->run_begin);
    for (uint32_t i = 0; i < shape->member_count; i++) {
        codes[i] = context->columns[shape->columns[i]].codes[context->row];
    }
    uint32_t index = run_index(codes, shape->member_count);
    wendi_recall_run *run = &recall->runs[index];
    context->line[recall->run_place] = index;
    if (run->generation != shape->generation || run->text_bytes != text_bytes ||
        !is_same(run->text, context->run_begin, text_bytes)) {
        run->generation = shape->generation;
        run->text_bytes = text_bytes;
        memcpy(run->text, context->run_begin, text_bytes);
        memcpy(run->codes, codes, sizeof codes);
    }
}

/* ---- keys ------------------------------------------------------------------------------------- */

/* The slot of the key at `at`, and the byte behind its colon. */
static const char *find_key(row_context *context, wendi_json_frame *frame, bool guess, const char *at, uint32_t *slot)
{
    wendi_json_decoder *decoder = context->decoder;
    wendi_key_tree *tree = &decoder->tree;
    uint32_t *next = wendi_json_expected(tree, frame);
    uint32_t found = WENDI_KEY_NONE;
    for (uint32_t i = 0; i < 2 && guess && found == WENDI_KEY_NONE; i++) {
        found = next[i] != WENDI_KEY_NONE && is_literal(&tree->slots[next[i]], at) ? next[i] : WENDI_KEY_NONE;
    }
    bool guessed = found != WENDI_KEY_NONE;
    if (!guessed && decoder->predict) {
        uint32_t head = tree->nodes[frame->node].heads[wendi_key_head(at)];
        found = head != 0 && is_literal(&tree->slots[head - 1], at) ? head - 1 : WENDI_KEY_NONE;
    }
    if (found == WENDI_KEY_NONE || context->end - at < (ptrdiff_t)tree->slots[found].literal_bytes) {
        return wendi_json_read_key(decoder, frame, at, slot);
    }
    context->key_hits += guessed;
    decoder->counters.key_misses += !guessed;
    if (found != next[0]) {
        next[1] = next[0];
        next[0] = found;
    }
    *slot = found;
    return at + tree->slots[found].literal_bytes;
}

/* ---- members ---------------------------------------------------------------------------------- */

static inline const char *blanks(const char *at, const char *end)
{
    return at < end && (unsigned char)*at <= ' ' ? wendi_json_blanks(at, end) : at;
}

/*
 * From the byte behind a value, or behind an opening brace, to the next key: closes what ends before it, finds its slot,
 * and gives the byte behind its colon. `*slot` WENDI_KEY_NONE: the document ended. NULL: what stands there may not.
 */
static const char *find_member(row_context *context, const char *at, bool opened, bool guess, uint32_t *slot)
{
    const char *end = context->end;
    for (;; opened = false) {
        at = blanks(at, end);
        if (at < end && *at == '}') {
            at++;
            if (--context->depth == 0) {
                *slot = WENDI_KEY_NONE;
                return at;
            }
            continue;
        }
        if (opened && at < end) {
            break;
        }
        if (at >= end || *at != ',') {
            return wendi_json_fault_here(context->decoder, at);
        }
        at = blanks(at + 1, end);
        break;
    }
    context->key = at;
    return find_key(context, &context->frames[context->depth - 1], guess, at, slot);
}

/*
 * A key that has no bit of its own, or whose bit is set: did it come before? If so, may it? The column, if it has one, is
 * marked here. `*skip`: its value is to be passed over. False: the row is refused.
 */
static bool meet_stamped(wendi_json_decoder *decoder, wendi_key_slot *slot, const char *key, bool *skip)
{
    bool again = slot->bit != WENDI_KEY_STAMPED || slot->stamp == decoder->stamp;
    *skip = false;
    if (again && !wendi_json_meet_again(decoder, slot, key, skip)) {
        return false;
    }
    slot->stamp = decoder->stamp;
    if (slot->column != WENDI_NO_COLUMN) {
        wendi_convert_mark(decoder->row.given, slot->column);
    }
    return true;
}

/* What usually comes behind the frame's last key; NULL: nothing is known, or it is not to be guessed. */
static inline wendi_key_slot *expected(wendi_json_decoder *decoder, const wendi_json_frame *frame)
{
    uint32_t next = decoder->guesses_keys ? wendi_json_expected(&decoder->tree, frame)[0] : WENDI_KEY_NONE;
    return next != WENDI_KEY_NONE ? &decoder->tree.slots[next] : NULL;
}

/* Does the literal of `slot` stand at `key`? */
static inline bool is_key(const row_context *context, const wendi_key_slot *slot, const char *key)
{
    return is_literal(slot, key) && (key <= context->safe_end || context->end - key >= (ptrdiff_t)slot->literal_bytes);
}

/* The slot of the last key of a run. */
static inline wendi_key_slot *run_last(const wendi_json_decoder *decoder)
{
    const wendi_recall_shape *shape = &decoder->recall.shape;
    return &decoder->tree.slots[shape->slots[shape->member_count - 1]];
}

/* The value at `at` in its quick way; `*slot` becomes that of the last key, where a run was taken. */
static WEND_ALWAYS_INLINE const char *quick_value(row_context *context, wendi_key_slot **slot, uint32_t quick, const char *at)
{
    wendi_column_builder *into = (wendi_column_builder *)((char *)context->columns + (*slot)->builder_offset);
    if (quick == WENDI_QUICK_RUN) {
        const char *behind = take_run(context, *slot, at);
        if (behind != NULL) {
            *slot = run_last(context->decoder);
            return behind;
        }
        quick = (*slot)->value;
    } else if (quick == WENDI_QUICK_RUN_LAST) {
        context->run_last = at;
        context->within_run = context->given;
        quick = (*slot)->value;
    }
    switch (quick) {
    case WENDI_QUICK_GUESSED:
        return quick_guessed(context, *slot, into, at);
    case WENDI_QUICK_TEXT:
        return quick_text(context, *slot, into, at);
    case WENDI_QUICK_USER:
        return quick_user(context, into, at);
    case WENDI_QUICK_UUID:
        return quick_uuid(context, into, at);
    case WENDI_QUICK_INET:
        return quick_inet(context, into, at);
    case WENDI_QUICK_TIME:
        return quick_time(context, into, *slot, at);
    case WENDI_QUICK_INTEGER:
    case WENDI_QUICK_NUMERIC:
    case WENDI_QUICK_DOUBLE:
        return quick_number(context, into, *slot, at);
    default:
        return NULL;
    }
}

/* A value that the quick way left: null, or what stands behind blanks; else NULL. */
static inline const char *late_value(row_context *context, wendi_key_slot **slot, uint32_t quick, const char **at)
{
    const char *behind = NULL;
    if (quick == WENDI_QUICK_NONE || context->decoder->row.out_of_memory) {
        return NULL;
    }
    if (**at == ' ' && *at < context->end) {
        *at = blanks(*at, context->end);
        behind = quick_value(context, slot, quick, *at);
    }
    if (behind == NULL && **at == 'n') {
        context->given |= WENDI_KEY_OTHER;
        behind = quick_null(context, (*slot)->column, *at);
    }
    return behind;
}

/* May a run hold the value, although it is taken in the general way? What bytes come to in a text never changes. */
static inline bool is_constant(const row_context *context, const wendi_key_slot *slot, bool skip, const char *at)
{
    return slot->value == WENDI_QUICK_TEXT && !skip && *at == '"' && !context->decoder->plans[slot->column].null_on_error;
}

/* The value of `slot`, NULL for that of a key that is not learnt, in the general way, and what comes next. */
static const char *other_value(row_context *context, wendi_key_slot **slot, bool skip, const char *at, bool *opened)
{
    wendi_json_decoder *decoder = context->decoder;
    wendi_json_frame *frame = &context->frames[context->depth - 1];
    uint32_t index = WENDI_KEY_STRAY;
    if (decoder->row.out_of_memory) {
        return NULL;
    }
    at = blanks(at, context->end);
    if (*slot != NULL) {
        index = frame->last = (uint32_t)(*slot - decoder->tree.slots);
    }
    if (*slot == NULL || !is_constant(context, *slot, skip, at)) {
        context->given |= WENDI_KEY_OTHER;
    }
    *opened = false;
    if (skip) {
        return wendi_json_skip_value(decoder, at, context->depth);
    }
    at = wendi_json_take_value(decoder, index, frame->node, at, context->depth, opened);
    if (at != NULL && *opened) {
        context->frames[context->depth++] = (wendi_json_frame){decoder->tree.slots[index].child, WENDI_KEY_NONE};
    }
    *slot = *opened ? NULL : *slot;
    return at;
}

/*
 * The key at `at`, behind a value or an opening brace, and the byte behind its colon. `*slot`: that of the last key, then
 * its own, or NULL for a key that is not learnt. `*ended`: the document did instead.
 */
static const char *other_key(row_context *context, wendi_key_slot **slot, bool guess, bool opened, const char *at, bool *ended)
{
    wendi_key_slot *slots = context->decoder->tree.slots;
    uint32_t found;
    if (*slot != NULL) {
        context->frames[context->depth - 1].last = (uint32_t)(*slot - slots);
    }
    at = find_member(context, at, opened, guess, &found);
    *ended = at == NULL || found == WENDI_KEY_NONE;
    *slot = *ended || found == WENDI_KEY_STRAY ? NULL : &context->decoder->tree.slots[found];
    return at;
}

/* Without `predict` all goes the general way. */
static WEND_ALWAYS_INLINE const char *take_members(row_context *context, const char *at, const bool predict)
{
    wendi_json_decoder *const decoder = context->decoder;
    wendi_key_slot *slot = NULL; /* of the last key of this object; NULL: the object's frame knows */
    wendi_key_slot *next = predict ? expected(decoder, &context->frames[0]) : NULL;
    bool opened = true; /* a brace was passed just now */
    bool known = next != NULL && is_key(context, next, at + 1);

    at += !known; /* if the first key is known, it is as if a comma stood in front of it */
    for (;; known = *at == ',' && next != NULL && is_key(context, next, at + 1)) {
        uint32_t quick = WENDI_QUICK_NONE;
        bool skip = false;
        if (known) {
            at += 1 + next->literal_bytes;
            slot = next;
            context->key_hits++;
        } else {
            bool ended;
            at = other_key(context, &slot, predict && decoder->guesses_keys, opened, at, &ended);
            if (ended) {
                return at;
            }
        }
        opened = false;
        if (slot != NULL) {
            quick = predict ? slot->quick : (uint32_t)WENDI_QUICK_NONE;
            if ((context->given & slot->bit) != 0) {
                context->given |= WENDI_KEY_OTHER;
                if (!meet_stamped(decoder, slot, known ? at - slot->literal_bytes : context->key, &skip)) {
                    return NULL;
                }
                quick = skip ? (uint32_t)WENDI_QUICK_NONE : quick;
            }
            context->given |= slot->bit;
        }
        const char *behind = quick != WENDI_QUICK_NONE ? quick_value(context, &slot, quick, at) : NULL;
        if (behind == NULL && quick != WENDI_QUICK_NONE) {
            behind = late_value(context, &slot, quick, &at);
        }
        if (behind != NULL) {
            at = behind;
            next = &decoder->tree.slots[slot->next[0]];
            continue;
        }
        at = other_value(context, &slot, skip, at, &opened);
        if (at == NULL) {
            return NULL;
        }
        next = predict ? expected(decoder, &context->frames[context->depth - 1]) : NULL;
    }
}

static const char *take_all_generally(row_context *context, const char *at)
{
    return take_members(context, at, false);
}

/* Of some rows it is looked at which columns they have. */
static void note_seen(const wendi_json_decoder *decoder)
{
    for (uint64_t left = decoder->row.given[0] & (WENDI_KEY_OTHER - 1); left != 0; left &= left - 1) {
        decoder->recall.columns[__builtin_ctzll(left)].seen++;
    }
}

/* ---- rows ------------------------------------------------------------------------------------- */

/* The codes of all strings that wait. */
static bool settle_codes(const row_context *context)
{
    for (uint32_t i = 0; i < context->pending_count; i++) {
        ask_for_entry(context->pending[i].interner, context->pending[i].hash);
    }
    for (uint32_t i = 0; i < context->pending_count; i++) {
        const wendi_pending_code *pending = &context->pending[i];
        uint32_t code = take_hashed(pending->interner, pending->text.data, pending->text.length, pending->hash);
        if (code == 0) {
            return false;
        }
        *pending->code = code;
        *pending->learnt = code;
    }
    return true;
}

const char *TAKE_MEMBERS(wendi_json_decoder *decoder, const char *at)
{
    row_context context; /* not cleared as a whole: most of it is room for frames */
    context.decoder = decoder;
    context.end = decoder->row.message_end;
    context.safe_end = context.end - LITERAL_BYTES;
    context.row = decoder->row.row;
    context.columns = decoder->row.builder->columns;
    context.pending = decoder->pending;
    context.pending_count = 0;
    context.line = wendi_recall_nobody(&decoder->recall);
    context.given = WENDI_KEY_STAMPED;
    context.run_begin = NULL;
    context.run_last = NULL;
    context.key_hits = 0;
    context.depth = 1;
    context.frames[0] = (wendi_json_frame){0, WENDI_KEY_NONE};
    at = decoder->predict ? take_members(&context, at, true) : take_all_generally(&context, at);
    decoder->row.given[0] |= context.given & ~(WENDI_KEY_STAMPED | WENDI_KEY_OTHER);
    decoder->counters.key_hits += context.key_hits;
    if (at != NULL && !settle_codes(&context)) {
        return out_of_memory(&context);
    }
    if (at != NULL && context.run_begin != NULL) {
        learn_run(&context);
    }
    if (decoder->stamp % WENDI_RECALL_ROWS_SEEN == 0) {
        note_seen(decoder);
    }
    return at;
}
