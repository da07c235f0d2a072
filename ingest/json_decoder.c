/*
 * The decoder's loop: keys and punctuation of the objects that paths reach into. Values go to
 * json_convert.c, whatever no column takes is skipped by json_scan.c.
 *
 * Invariants: a row's values stand at builder->row_count and become visible only when all of it was good;
 * the predicted and the general way to a key end in the same slot and go on alike from there, so they
 * cannot differ in anything but time.
 */
#include "ingest/json_decoder.h"

#include <assert.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/base/hash.h"
#include "ingest/json_members.h"

enum { KEY_SHOWN_BYTES = 100,
       FRAMING_BYTES = 5, /* a zero and the number of a schema */
       ROWS_JUDGED = 256, /* rows after which it is judged whether guesses at keys pay */
       ROWS_UNGUESSED = 4096 };

/* ---- life ------------------------------------------------------------------------------------- */

static wend_status make_bits(wendi_json_decoder *decoder, wend_error *error)
{
    const wendi_schema *schema = decoder->schema;
    uint32_t words = (schema->column_count + 63) / 64;
    decoder->word_count = words;
    decoder->bits = wendi_alloc_zero(5 * (size_t)words, sizeof *decoder->bits);
    decoder->origin_columns = wendi_alloc_zero(schema->column_count, sizeof *decoder->origin_columns);
    decoder->late_columns = wendi_alloc_zero(schema->column_count, sizeof *decoder->late_columns);
    if (decoder->bits == NULL || decoder->origin_columns == NULL || decoder->late_columns == NULL) {
        return wendi_fail_nomem(error, "a decoder", 5 * (size_t)words);
    }
    decoder->json_columns = decoder->bits;
    decoder->not_null_columns = decoder->bits + words;
    decoder->row.given = decoder->bits + 2 * (size_t)words;
    decoder->row.nulls = decoder->bits + 3 * (size_t)words;
    decoder->default_columns = decoder->bits + 4 * (size_t)words;
    return WEND_OK;
}

/* A column is decided late when it has alternatives or shares its key with something else. */
static bool is_late(const wendi_json_decoder *decoder, uint32_t column)
{
    const wendi_key_tree *tree = &decoder->tree;
    for (uint32_t i = 0; i < tree->slot_count; i++) {
        if (tree->slots[i].action == WENDI_KEY_COLUMN && tree->slots[i].column == column) {
            return false;
        }
    }
    return true;
}

static wend_status sort_columns(wendi_json_decoder *decoder, wend_error *error)
{
    const wendi_schema *schema = decoder->schema;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const wendi_column *column = &schema->columns[i];
        wend_status status = wendi_convert_column_init(&decoder->plans[i], schema, i, error);
        if (status != WEND_OK) {
            return status;
        }
        if (column->origin == WENDI_ORIGIN_REST) {
            continue;
        }
        if (column->origin == WENDI_ORIGIN_JSON) {
            wendi_convert_mark(decoder->json_columns, i);
            if (!decoder->plans[i].default_value.null) {
                wendi_convert_mark(decoder->default_columns, i);
            }
            if (is_late(decoder, i)) {
                decoder->late_columns[decoder->late_column_count++] = i;
            }
        } else {
            decoder->origin_columns[decoder->origin_column_count++] = i;
        }
        if (column->not_null && column->origin != WENDI_ORIGIN_GENERATED) {
            wendi_convert_mark(decoder->not_null_columns, i);
        }
    }
    return WEND_OK;
}

static void set_quick(wendi_json_decoder *decoder)
{
    for (uint32_t i = 0; i < decoder->tree.slot_count; i++) {
        wendi_key_slot *slot = &decoder->tree.slots[i];
        if (slot->action != WENDI_KEY_COLUMN) {
            continue;
        }
        slot->value = decoder->plans[slot->column].quick;
        if (slot->value == WENDI_QUICK_TEXT && slot->column == decoder->schema->user_column) {
            slot->value = WENDI_QUICK_USER;
        }
        slot->bit = slot->column < WENDI_KEY_BITS ? UINT64_C(1) << slot->column : WENDI_KEY_STAMPED;
        slot->builder_offset = (uint32_t)(slot->column * sizeof(wendi_column_builder));
        slot->place = decoder->recall.columns[slot->column].place;
    }
    wendi_json_recall_mark(&decoder->recall, &decoder->tree);
}

/* The widest that this machine runs, unless WEND_ISA forces the kernels to something narrower. */
static wendi_json_members choose_members(void)
{
#if defined(__x86_64__)
    const char *forced = getenv("WEND_ISA");
    bool wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                __builtin_cpu_supports("popcnt");
    if (wide && (forced == NULL || forced[0] == '\0' || strncmp(forced, "avx", 3) == 0)) {
        return wendi_json_members_avx2;
    }
#endif
    return wendi_json_members_portable;
}

wend_status wendi_json_decoder_open(const wendi_schema *schema, wendi_json_decoder **decoder_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_json_decoder *decoder = wendi_alloc_zero(1, sizeof *decoder);
    *decoder_out = NULL;
    if (decoder == NULL) {
        return wendi_fail_nomem(error, "a decoder", sizeof *decoder);
    }
    decoder->schema = schema;
    decoder->duplicates = (wendi_duplicate_key)schema->duplicate_keys;
    decoder->defer = decoder->duplicates == WENDI_DUPLICATE_KEY_LAST;
    decoder->keeps_rest = schema->rest_column != WENDI_NO_COLUMN;
    decoder->predict = true;
    decoder->guesses_keys = true;
    decoder->judged_at = ROWS_JUDGED;
    decoder->row.schema = schema;
    decoder->row.counters = &decoder->counters;
    decoder->row.reject = &decoder->reject;
    decoder->plans = wendi_alloc_zero(schema->column_count, sizeof *decoder->plans);
    if (decoder->plans == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a decoder", schema->column_count * sizeof *decoder->plans));
    }
    WEND_TRY(make_bits(decoder, error));
    WEND_TRY(wendi_key_tree_init(&decoder->tree, schema, decoder->defer, error));
    WEND_TRY(sort_columns(decoder, error));
    if (wendi_json_recall_init(&decoder->recall, schema) != WEND_OK) {
        WEND_TRY(wendi_fail_nomem(error, "a decoder", WENDI_RECALL_LINES * sizeof *decoder->recall.lines));
    }
    set_quick(decoder);
    decoder->take_members = choose_members();
    wendi_json_decoder_set_now(decoder, wendi_clock_wall_us());
    *decoder_out = decoder;
    decoder = NULL;
cleanup:
    wendi_json_decoder_close(decoder);
    return status;
}

void wendi_json_decoder_close(wendi_json_decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    wendi_key_tree_free(&decoder->tree);
    wendi_json_recall_free(&decoder->recall);
    wendi_json_strays_free(&decoder->strays);
    wendi_json_rest_free(&decoder->rest);
    wendi_buffer_free(&decoder->row.scratch);
    wendi_free(decoder->plans);
    wendi_free(decoder->bits);
    wendi_free(decoder->origin_columns);
    wendi_free(decoder->late_columns);
    wendi_free(decoder);
}

void wendi_json_decoder_set_now(wendi_json_decoder *decoder, int64_t now_us)
{
    const wendi_schema *schema = decoder->schema;
    wendi_convert_row *row = &decoder->row;
    if (__builtin_add_overflow(now_us, schema->max_future_us, &row->time_high)) {
        row->time_high = INT64_MAX;
    }
    row->time_low = schema->retention_us > 0 ? now_us - schema->retention_us : INT64_MIN;
}

void wendi_json_decoder_set_prediction(wendi_json_decoder *decoder, bool on)
{
    decoder->predict = on;
}

const wendi_reject *wendi_json_decoder_reject(const wendi_json_decoder *decoder)
{
    return &decoder->reject;
}

wendi_decoder_counters wendi_json_decoder_counters(const wendi_json_decoder *decoder)
{
    return decoder->counters;
}

uint32_t wendi_json_decoder_unknown_keys(const wendi_json_decoder *decoder, wendi_unknown_key *keys, uint32_t capacity)
{
    return wendi_key_unknown(&decoder->tree, keys, capacity);
}

/* ---- keys ------------------------------------------------------------------------------------- */

const char *wendi_json_fault_here(wendi_json_decoder *decoder, const char *at)
{
    wendi_json_error error;
    wendi_json_fail_here(&error, at, decoder->row.message_end);
    return wendi_convert_fault(&decoder->row, &error);
}

static const char *fault_duplicate(wendi_json_decoder *decoder, wendi_string key, const char *at)
{
    uint32_t position = (uint32_t)(at - decoder->row.message_begin);
    uint32_t shown = key.length;
    if (shown > KEY_SHOWN_BYTES) {
        shown = (uint32_t)(wendi_utf8_check(key.data, key.data + KEY_SHOWN_BYTES) - key.data);
    }
    wendi_reject_set(&decoder->reject, WENDI_REJECT_DUPLICATE_KEY, WENDI_NO_COLUMN, position,
                     "duplicate key \"%.*s\" (byte %u)", (int)shown, key.data, position);
    return NULL;
}

/* A key of many that are not learnt: only whether this object had it before is of interest. */
static const char *stray_key(wendi_json_decoder *decoder, uint32_t node, wendi_string key, const char *begin,
                             const char *behind)
{
    bool seen;
    if (wendi_json_strays_add(&decoder->strays, node, decoder->stamp, key, &seen) != WEND_OK) {
        decoder->row.out_of_memory = true;
        return NULL;
    }
    if (seen && decoder->duplicates == WENDI_DUPLICATE_KEY_REJECT) {
        return fault_duplicate(decoder, key, begin);
    }
    decoder->stray = key;
    decoder->stray_seen = seen;
    return behind;
}

/* Read a key as it stands, find its slot or learn it, and remember that it followed the last one. */
const char *wendi_json_read_key(wendi_json_decoder *decoder, wendi_json_frame *frame, const char *at, uint32_t *slot)
{
    wendi_convert_row *row = &decoder->row;
    wendi_json_string string;
    wendi_json_error error;
    const char *begin = at;

    if (at >= row->message_end || *at != '"') {
        return wendi_json_fault_here(decoder, at);
    }
    at = wendi_json_scan_string(at + 1, row->message_end, &string, &error);
    if (at == NULL) {
        return wendi_convert_fault(row, &error);
    }
    at = wendi_json_blanks(at, row->message_end);
    if (at >= row->message_end || *at != ':') {
        return wendi_json_fault_here(decoder, at);
    }
    wendi_string key = {string.data, string.length};
    if (string.escaped) {
        row->scratch.length = 0;
        if (wendi_buffer_reserve(&row->scratch, string.length) != WEND_OK) {
            row->out_of_memory = true;
            return NULL;
        }
        key = (wendi_string){(const char *)row->scratch.data, wendi_json_unescape(string, (char *)row->scratch.data)};
    }
    *slot = wendi_key_find(&decoder->tree, frame->node, key);
    if (*slot == WENDI_KEY_NONE) {
        *slot = wendi_key_learn(&decoder->tree, frame->node, key);
    }
    if (*slot == WENDI_KEY_NONE) {
        *slot = WENDI_KEY_STRAY;
        return stray_key(decoder, frame->node, key, begin, at + 1);
    }
    uint32_t *next = wendi_json_expected(&decoder->tree, frame);
    if (next[0] != *slot) {
        next[1] = next[0];
        next[0] = *slot;
    }
    decoder->counters.key_misses++;
    return at + 1;
}

/* ---- values ----------------------------------------------------------------------------------- */

const char *wendi_json_skip_value(wendi_json_decoder *decoder, const char *at, uint32_t depth)
{
    wendi_json_error error;
    at = wendi_json_skip(at, decoder->row.message_end, depth, &error);
    return at != NULL ? at : wendi_convert_fault(&decoder->row, &error);
}

/* Note where the values of late columns stand. */
static void note_targets(wendi_json_decoder *decoder, const wendi_key_slot *slot, const char *at)
{
    for (uint32_t t = slot->first_target; t != WENDI_KEY_NONE; t = decoder->tree.targets[t].next_in_slot) {
        decoder->tree.targets[t].stamp = decoder->stamp;
        decoder->tree.targets[t].chosen = false;
        decoder->tree.targets[t].value = at;
    }
}

/* ---- what is left over ------------------------------------------------------------------------ */

static const char *keep_member(wendi_json_decoder *decoder, uint32_t slot, const char *begin, const char *end)
{
    if (wendi_json_rest_add(&decoder->rest, &decoder->tree, slot, begin, end) != WEND_OK) {
        decoder->row.out_of_memory = true;
        return NULL;
    }
    return end;
}

/* Pass over a value that no column takes; it is left over unless a column has the object around it. */
static const char *leave_value(wendi_json_decoder *decoder, uint32_t slot, const char *at, uint32_t depth)
{
    const char *end = wendi_json_skip_value(decoder, at, depth);
    bool keep = decoder->keeps_rest && !decoder->tree.nodes[decoder->tree.slots[slot].node].covered;
    return keep && end != NULL ? keep_member(decoder, slot, at, end) : end;
}

/* The same of a value that is to be counted: its key may be worth a column. */
static const char *leave_unknown(wendi_json_decoder *decoder, uint32_t slot, const char *at, uint32_t depth)
{
    const char *end = leave_value(decoder, slot, at, depth);
    if (end != NULL) {
        wendi_key_note_unknown(&decoder->tree, &decoder->tree.slots[slot], at, end, &decoder->row.scratch);
    }
    return end;
}

/* The same under a key that is not learnt. */
static const char *leave_stray(wendi_json_decoder *decoder, uint32_t node, const char *at, uint32_t depth)
{
    const char *end;
    bool keep = decoder->keeps_rest && !decoder->tree.nodes[node].covered &&
                !(decoder->stray_seen && decoder->duplicates == WENDI_DUPLICATE_KEY_FIRST);
    decoder->tree.stray_count++;
    decoder->counters.unknown_values++;
    end = wendi_json_skip_value(decoder, at, depth);
    if (keep && end != NULL &&
        wendi_json_rest_add_stray(&decoder->rest, node, decoder->stray, at, end) != WEND_OK) {
        decoder->row.out_of_memory = true;
        return NULL;
    }
    return end;
}

/* A value that its column makes null if it does not fit goes to what is left over then. */
static const char *convert_or_keep(wendi_json_decoder *decoder, uint32_t slot, uint32_t column, const char *at,
                                   uint32_t depth)
{
    uint64_t nulled = decoder->counters.nulled;
    const char *end = wendi_convert_value(&decoder->row, &decoder->plans[column], column, at, depth);
    return end != NULL && decoder->counters.nulled != nulled ? keep_member(decoder, slot, at, end) : end;
}

/*
 * Take the value of `slot` at `at`. `*opened`: it is an object to be gone into, and the byte given is the
 * one behind its brace.
 */
const char *wendi_json_take_value(wendi_json_decoder *decoder, uint32_t slot_index, uint32_t node, const char *at,
                                     uint32_t depth, bool *opened)
{
    wendi_key_tree *tree = &decoder->tree;
    *opened = false;
    if (slot_index == WENDI_KEY_STRAY) {
        return leave_stray(decoder, node, at, depth);
    }
    wendi_key_slot *slot = &tree->slots[slot_index];
    if (slot->action == WENDI_KEY_COLUMN) {
        return decoder->plans[slot->column].keeps_unfit
                   ? convert_or_keep(decoder, slot_index, slot->column, at, depth)
                   : wendi_convert_value(&decoder->row, &decoder->plans[slot->column], slot->column, at, depth);
    }
    if (slot->action == WENDI_KEY_SKIP) {
        decoder->counters.unknown_values++;
        return leave_unknown(decoder, slot_index, at, depth);
    }
    bool object = at < decoder->row.message_end && *at == '{';
    if (slot->action == WENDI_KEY_MIXED) {
        note_targets(decoder, slot, at);
    }
    if (slot->child == WENDI_KEY_NONE || !object) {
        bool null = at < decoder->row.message_end && *at == 'n';
        if (slot->action == WENDI_KEY_DESCEND && !null) { /* A value where paths expect an object. */
            decoder->counters.unknown_values++;
            return leave_unknown(decoder, slot_index, at, depth);
        }
        return slot->action == WENDI_KEY_DESCEND ? leave_value(decoder, slot_index, at, depth)
                                                 : wendi_json_skip_value(decoder, at, depth);
    }
    if (depth >= WENDI_JSON_DEPTH_MAX) {
        wendi_json_error error;
        wendi_json_fail(&error, WENDI_JSON_DEPTH, at);
        return wendi_convert_fault(&decoder->row, &error);
    }
    *opened = true;
    return at + 1;
}

/* This row had the key before: what to do with its second value. `*skip`: pass it over. */
bool wendi_json_meet_again(wendi_json_decoder *decoder, const wendi_key_slot *slot, const char *at, bool *skip)
{
    switch (decoder->duplicates) {
    case WENDI_DUPLICATE_KEY_REJECT:
        fault_duplicate(decoder, slot->key, at);
        return false;
    case WENDI_DUPLICATE_KEY_FIRST:
        *skip = true;
        return true;
    case WENDI_DUPLICATE_KEY_LAST:
        if (slot->child != WENDI_KEY_NONE) {
            wendi_key_forget(&decoder->tree, slot->child);
        }
        wendi_json_rest_forget(&decoder->rest, &decoder->tree, (uint32_t)(slot - decoder->tree.slots));
        return true;
    }
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------- */

static bool take_document(wendi_json_decoder *decoder)
{
    wendi_convert_row *row = &decoder->row;
    wendi_json_error error;
    const char *at = wendi_json_blanks(row->message_begin, row->message_end);
    if (at == row->message_end || *at != '{') {
        size_t position;
        if (row->message_end - at > FRAMING_BYTES && *at == '\0' && at[FRAMING_BYTES] == '{') {
            wendi_reject_set(&decoder->reject, WENDI_REJECT_NOT_OBJECT, WENDI_NO_COLUMN, 0,
                             "JSON behind a byte 0 and four more, as a schema registry frames it");
            return false;
        }
        error.fault = wendi_json_validate(row->message_begin, (size_t)(row->message_end - row->message_begin), &position);
        error.at = row->message_begin + position;
        if (error.fault != WENDI_JSON_GOOD) {
            return wendi_convert_fault(row, &error) != NULL;
        }
        wendi_reject_set(&decoder->reject, WENDI_REJECT_NOT_OBJECT, WENDI_NO_COLUMN, 0, "a JSON value that is no object");
        return false;
    }
    at = decoder->take_members(decoder, at);
    if (at == NULL) {
        return false;
    }
    at = wendi_json_blanks(at, row->message_end);
    if (at != row->message_end) {
        wendi_json_fail(&error, WENDI_JSON_TRAILING, at);
        return wendi_convert_fault(row, &error) != NULL;
    }
    return true;
}

static bool settle_target(wendi_json_decoder *decoder, uint32_t target)
{
    wendi_key_target *at = &decoder->tree.targets[target];
    const wendi_convert_column *plan = &decoder->plans[at->column];
    uint64_t nulled = decoder->counters.nulled;
    const char *end = wendi_convert_value(&decoder->row, plan, at->column, at->value, 1);
    at->chosen = true;
    if (end == NULL || !plan->keeps_unfit || decoder->counters.nulled == nulled) {
        return end != NULL;
    }
    return keep_member(decoder, at->slot, at->value, end) != NULL;
}

/* Has this row a value at the slot that no column took? */
static bool is_left_over(const wendi_json_decoder *decoder, const wendi_key_slot *slot)
{
    const wendi_key_tree *tree = &decoder->tree;
    bool chosen = tree->nodes[slot->node].covered;
    for (uint32_t t = slot->first_target; t != WENDI_KEY_NONE; t = tree->targets[t].next_in_slot) {
        chosen |= tree->targets[t].chosen;
    }
    return !chosen;
}

/* Values at paths that another alternative won over are left over, unless another column took them. */
static bool keep_losers(wendi_json_decoder *decoder, uint32_t column)
{
    wendi_key_tree *tree = &decoder->tree;
    for (uint32_t t = tree->column_targets[column]; t < tree->column_targets[column + 1]; t++) {
        const wendi_key_target *target = &tree->targets[t];
        const wendi_key_slot *slot = &tree->slots[target->slot];
        if (target->stamp == decoder->stamp && slot->first_target == t && is_left_over(decoder, slot)) {
            const char *end = wendi_json_skip_value(decoder, target->value, 1);
            if (end == NULL || keep_member(decoder, target->slot, target->value, end) == NULL) {
                return false;
            }
        }
    }
    return true;
}

/* Columns with alternatives: the leftmost path that this row gave. */
static bool settle_late_columns(wendi_json_decoder *decoder)
{
    const wendi_key_tree *tree = &decoder->tree;
    for (uint32_t i = 0; i < decoder->late_column_count; i++) {
        uint32_t column = decoder->late_columns[i];
        for (uint32_t t = tree->column_targets[column]; t < tree->column_targets[column + 1]; t++) {
            if (tree->targets[t].stamp == decoder->stamp) {
                if (!settle_target(decoder, t)) {
                    return false;
                }
                break;
            }
        }
    }
    for (uint32_t i = 0; decoder->keeps_rest && i < decoder->late_column_count; i++) {
        if (!keep_losers(decoder, decoder->late_columns[i])) {
            return false;
        }
    }
    return true;
}

/* What the row leaves over becomes the value of _rest. */
static bool settle_rest(wendi_json_decoder *decoder)
{
    wendi_convert_row *row = &decoder->row;
    wendi_column_builder *into = &row->builder->columns[decoder->schema->rest_column];
    wendi_string text;
    if (decoder->rest.member_count == 0) {
        into->codes[row->row] = 0;
        return true;
    }
    if (wendi_json_rest_write(&decoder->rest, &decoder->tree, &text) != WEND_OK ||
        wendi_interner_code(&into->interner, text, &into->codes[row->row]) != WEND_OK) {
        row->out_of_memory = true;
        return false;
    }
    return true;
}

static bool settle_missing(wendi_json_decoder *decoder)
{
    for (uint32_t word = 0; word < decoder->word_count; word++) {
        uint64_t missing = decoder->json_columns[word] & ~decoder->row.given[word];
        uint64_t nulls = missing & ~decoder->default_columns[word];
        missing &= decoder->default_columns[word];
        decoder->row.nulls[word] |= nulls;
        for (; nulls != 0; nulls &= nulls - 1) {
            wendi_convert_set_null(&decoder->row, word * 64 + (uint32_t)__builtin_ctzll(nulls));
        }
        for (; missing != 0; missing &= missing - 1) {
            uint32_t column = word * 64 + (uint32_t)__builtin_ctzll(missing);
            if (!wendi_convert_missing(&decoder->row, &decoder->plans[column], column)) {
                return false;
            }
        }
    }
    return true;
}

static bool check_not_null(wendi_json_decoder *decoder)
{
    for (uint32_t word = 0; word < decoder->word_count; word++) {
        uint64_t broken = decoder->not_null_columns[word] & decoder->row.nulls[word];
        if (broken != 0) {
            uint32_t column = word * 64 + (uint32_t)__builtin_ctzll(broken);
            const wendi_string name = decoder->schema->columns[column].name;
            wendi_reject_set(&decoder->reject, WENDI_REJECT_NOT_NULL, column, 0, "null in column %.*s, which is NOT NULL",
                             (int)name.length, name.data);
            return false;
        }
    }
    return true;
}

/* ---- where the message comes from --------------------------------------------------------------- */

/* Kafka's keys and headers are any bytes. */
static bool set_bytes(wendi_json_decoder *decoder, uint32_t column, wendi_string text)
{
    if (text.data == NULL) { /* a header without a value: there, and null */
        wendi_convert_null(&decoder->row, column);
        return true;
    }
    const char *end = text.data + text.length;
    if (wendi_utf8_check(text.data, end) != end && decoder->plans[column].null_on_error) {
        decoder->counters.nulled++;
        wendi_convert_null(&decoder->row, column);
        return true;
    }
    if (wendi_utf8_check(text.data, end) != end) {
        const wendi_string name = decoder->schema->columns[column].name;
        wendi_reject_set(&decoder->reject, WENDI_REJECT_VALUE, column, 0, "wrong value for column %.*s: invalid UTF-8",
                         (int)name.length, name.data);
        return false;
    }
    return wendi_convert_text(&decoder->row, &decoder->plans[column], column, text);
}

static bool set_header(wendi_json_decoder *decoder, uint32_t column, const wendi_message *message)
{
    const wendi_path *path = &decoder->schema->columns[column].paths[0];
    for (uint32_t i = message->header_count; i > 0; i--) { /* Kafka: the last of equal names counts. */
        if (wendi_string_equal(message->headers[i - 1].name, path->keys[0])) {
            return set_bytes(decoder, column, message->headers[i - 1].value);
        }
    }
    return wendi_convert_missing(&decoder->row, &decoder->plans[column], column);
}

static bool set_topic(wendi_json_decoder *decoder, uint32_t column, const wendi_source_partition *origin)
{
    if (origin == NULL) {
        return wendi_convert_missing(&decoder->row, &decoder->plans[column], column);
    }
    bool kafka = strchr(origin->topic, ':') == NULL; /* which no Kafka topic's name may hold */
    return set_bytes(decoder, column, wendi_string_of(kafka ? origin->topic : origin->shown));
}

static bool set_origin_column(wendi_json_decoder *decoder, uint32_t column, const wendi_message *message,
                              const wendi_source_partition *origin)
{
    wendi_convert_row *row = &decoder->row;
    const wendi_convert_column *plan = &decoder->plans[column];
    switch (decoder->schema->columns[column].origin) {
    case WENDI_ORIGIN_TOPIC:
        return set_topic(decoder, column, origin);
    case WENDI_ORIGIN_PARTITION:
        return wendi_convert_i64(row, plan, column, origin == NULL ? 0 : origin->partition);
    case WENDI_ORIGIN_OFFSET:
        return wendi_convert_i64(row, plan, column, message->position);
    case WENDI_ORIGIN_KEY:
        return message->key_present ? set_bytes(decoder, column, message->key) : wendi_convert_missing(row, plan, column);
    case WENDI_ORIGIN_TIMESTAMP:
        return message->timestamp_us != INT64_MIN ? wendi_convert_i64(row, plan, column, message->timestamp_us)
                                                  : wendi_convert_missing(row, plan, column);
    case WENDI_ORIGIN_HEADER:
        return set_header(decoder, column, message);
    default: /* generated: computed later; null until then */
        wendi_convert_null(row, column);
        return true;
    }
}

/* ---- messages --------------------------------------------------------------------------------- */

static bool take_row(wendi_json_decoder *decoder, const wendi_message *message, const wendi_source_partition *origin)
{
    if (message->length > WENDI_MESSAGE_BYTES_MAX) {
        wendi_reject_set(&decoder->reject, WENDI_REJECT_TOO_LONG, WENDI_NO_COLUMN, 0, "longer than %d bytes",
                         WENDI_MESSAGE_BYTES_MAX);
        return false;
    }
    if (!take_document(decoder) || !settle_late_columns(decoder)) {
        return false;
    }
    for (uint32_t i = 0; i < decoder->origin_column_count; i++) {
        if (!set_origin_column(decoder, decoder->origin_columns[i], message, origin)) {
            return false;
        }
    }
    return settle_missing(decoder) && check_not_null(decoder) && (!decoder->keeps_rest || settle_rest(decoder));
}

/* Guesses at keys that mostly fail are left off for the next rows, then tried again. */
static void judge_keys(wendi_json_decoder *decoder)
{
    uint64_t hits = decoder->counters.key_hits - decoder->judged_hits;
    uint64_t misses = decoder->counters.key_misses - decoder->judged_misses;
    decoder->guesses_keys = !decoder->guesses_keys || misses < 4 * hits;
    uint32_t rows = decoder->judged_rows;
    decoder->judged_rows = 0;
    decoder->judged_at = decoder->guesses_keys ? ROWS_JUDGED : ROWS_UNGUESSED;
    decoder->judged_hits = decoder->counters.key_hits;
    decoder->judged_misses = decoder->counters.key_misses;
    wendi_json_recall_judge(&decoder->recall, &decoder->tree, decoder->row.builder, rows);
}

/* Ask for the cache lines that the next rows are written into, which come from afar. */
static void fetch_rows(const wendi_row_builder *builder)
{
    size_t row = builder->row_count + 32;
    for (uint32_t i = 0; i < builder->column_count; i++) {
        const wendi_column_builder *column = &builder->columns[i];
        if (column->physical == WENDI_PHYSICAL_STRING) {
            __builtin_prefetch(column->codes + row, 1);
        } else if (column->physical == WENDI_PHYSICAL_B16) {
            __builtin_prefetch(column->b16 + row, 1);
            __builtin_prefetch(column->b16 + row + 4, 1);
            __builtin_prefetch(column->b16 + row + 8, 1);
            __builtin_prefetch(column->b16 + row + 12, 1);
            __builtin_prefetch(column->nulls + row, 1);
        } else {
            __builtin_prefetch(column->i64 + row, 1);
            __builtin_prefetch(column->i64 + row + 8, 1);
            __builtin_prefetch(column->nulls + row, 1);
        }
    }
}

static void begin_row(wendi_json_decoder *decoder, const wendi_message *message, wendi_row_builder *builder)
{
    wendi_convert_row *row = &decoder->row;
    row->builder = builder;
    row->row = builder->row_count;
    row->message_begin = message->payload;
    row->message_end = message->payload + message->length;
    row->out_of_memory = false;
    if (builder->row_count % 16 == 0) {
        fetch_rows(builder);
    }
    if (decoder->rest.member_count != 0) {
        wendi_json_rest_begin(&decoder->rest);
    }
    for (uint32_t i = 0; i < decoder->word_count; i++) {
        row->given[i] = 0;
        row->nulls[i] = 0;
    }
    if (++decoder->judged_rows == decoder->judged_at) {
        judge_keys(decoder);
    }
    if (++decoder->stamp == 0) {
        wendi_key_reset_stamps(&decoder->tree);
        wendi_json_strays_reset(&decoder->strays);
        decoder->stamp = 1;
    }
}

wend_status wendi_json_decode(wendi_json_decoder *decoder, const wendi_message *message,
                              const wendi_source_partition *origin, wendi_row_builder *builder,
                              wendi_decode_outcome *outcome, wend_error *error)
{
    assert(builder->row_count < builder->row_capacity && builder->column_count == decoder->schema->column_count);
    if (message->payload == NULL) {
        decoder->counters.tombstones++;
        *outcome = WENDI_DECODE_TOMBSTONE;
        return WEND_OK;
    }
    if (message->refused != NULL) {
        wendi_reject_set(&decoder->reject, WENDI_REJECT_FRAMING, WENDI_NO_COLUMN, 0, "%s", message->refused);
        decoder->counters.rejected++;
        *outcome = WENDI_DECODE_REJECTED;
        return WEND_OK;
    }
    begin_row(decoder, message, builder);
    if (take_row(decoder, message, origin)) {
        builder->partitions[builder->row_count++] = message->partition;
        decoder->counters.rows++;
        *outcome = WENDI_DECODE_ROW;
        return WEND_OK;
    }
    if (decoder->row.out_of_memory) {
        return wendi_fail_nomem(error, "a row's strings", message->length);
    }
    decoder->counters.rejected++;
    *outcome = WENDI_DECODE_REJECTED;
    return WEND_OK;
}
