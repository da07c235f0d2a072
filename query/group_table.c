/* Groups by open addressing over fixed-width word keys. */
#include "query/group_table.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "engine/base/alloc.h"

enum { SLOTS_FIRST = 1024, UNKNOWN = 0xffffffffu, PREFETCH_AHEAD = 12 };

/** How one key becomes words. Words of a null are 0; strings say null by code 0, others by the mask
 * word. */
typedef struct group_key {
    wendi_type type;
    uint8_t physical;
    uint32_t first_word;
    wendi_interner interner;      /* strings */
    wendi_dictionary *dictionary; /* whose codes `codes` translates; a reference, so no other can
                                     take its address */
    uint32_t *codes;              /* dictionary code -> interner code or UNKNOWN */
    uint32_t code_capacity;
    uint64_t accounted_bytes;
} group_key;

typedef struct group_slot {
    uint32_t tag;   /* low half of the hash, whose lowest bits are the place */
    uint32_t group; /* UNKNOWN: free */
} group_slot;

struct wendi_group_table {
    wendi_query_context *context;
    group_key *keys;
    uint32_t key_count;
    uint32_t width;     /* words a group */
    uint32_t mask_word; /* index of the null mask, or UNKNOWN when strings alone make the key */
    uint64_t *words;    /* width * group_capacity */
    uint32_t group_count;
    uint32_t group_capacity;
    group_slot *slots;
    uint32_t slot_count;
    uint64_t *batch_words; /* width * batch_capacity */
    uint64_t *batch_hashes;
    uint32_t batch_capacity;
    uint32_t *code_groups; /* one string key: interner code -> group */
    uint32_t code_group_capacity;
    uint64_t reserved_bytes;
};

static wend_status take(wendi_group_table *table, void **memory, size_t bytes, size_t old_bytes,
                        wend_error *error)
{
    wend_status status = wendi_query_reserve(table->context, bytes - old_bytes, "grouping", error);

    if (status != WEND_OK) {
        return status;
    }
    table->reserved_bytes += bytes - old_bytes;
    void *grown = wendi_realloc(*memory, bytes);
    if (grown == NULL) {
        return wendi_fail_nomem(error, "grouping", bytes);
    }
    *memory = grown;
    return WEND_OK;
}

static wend_status slots_resize(wendi_group_table *table, uint32_t slot_count, wend_error *error);

wend_status wendi_group_table_open(wendi_query_context *context, const wendi_type *key_types,
                                   uint32_t key_count, wendi_group_table **table_out,
                                   wend_error *error)
{
    wend_status status = WEND_OK;
    bool masked = false;
    wendi_group_table *table = wendi_alloc_zero(1, sizeof *table);

    *table_out = NULL;
    if (table == NULL) {
        return wendi_fail_nomem(error, "grouping", sizeof *table);
    }
    table->context = context;
    table->keys = wendi_alloc_zero(key_count, sizeof *table->keys);
    if (table->keys == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "grouping", key_count * sizeof *table->keys));
    }
    table->key_count = key_count;
    for (uint32_t i = 0; i < key_count; i++) {
        group_key *key = &table->keys[i];
        key->type = key_types[i];
        key->physical = (uint8_t)wendi_type_physical(key_types[i]);
        key->first_word = table->width;
        table->width += key->physical == WENDI_PHYSICAL_B16 ? 2 : 1;
        masked |= key->physical != WENDI_PHYSICAL_STRING;
    }
    assert(key_count <= 64 || !masked);
    table->mask_word = masked ? table->width++ : UNKNOWN;
    WEND_TRY(slots_resize(table, SLOTS_FIRST, error));
    *table_out = table;
    table = NULL;
cleanup:
    wendi_group_table_close(table);
    return status;
}

void wendi_group_table_close(wendi_group_table *table)
{
    if (table == NULL) {
        return;
    }
    for (uint32_t i = 0; i < table->key_count; i++) {
        wendi_interner_free(&table->keys[i].interner);
        wendi_dictionary_release(table->keys[i].dictionary);
        wendi_free(table->keys[i].codes);
    }
    wendi_free(table->keys);
    wendi_free(table->words);
    wendi_free(table->slots);
    wendi_free(table->batch_words);
    wendi_free(table->batch_hashes);
    wendi_free(table->code_groups);
    wendi_query_unreserve(table->context, table->reserved_bytes);
    wendi_free(table);
}

uint32_t wendi_group_table_count(const wendi_group_table *table)
{
    return table->group_count;
}

/* The products do not wait for each other; one mixing step at the end spreads their sum. */
static uint64_t hash_words(const uint64_t *words, uint32_t width)
{
    uint64_t sum = 0x9e3779b97f4a7c15u;
    uint64_t factor = 0xd6e8feb86659fd93u;

    for (uint32_t i = 0; i < width; i++) {
        sum += (words[i] ^ words[i] >> 32) * factor;
        factor = factor * 0x5851f42d4c957f2du + 0x14057b7ef767814eu;
        factor |= 1;
    }
    return wendi_mix64(sum);
}

/*
 * A slot holds as many bits of the hash as a place can need, so the old slots are moved in their
 * order without looking at keys: to two places of the new table that both only move on.
 */
static wend_status slots_resize(wendi_group_table *table, uint32_t slot_count, wend_error *error)
{
    wend_status status = WEND_OK;
    void *memory = NULL;

    WEND_TRY(take(table, &memory, (size_t)slot_count * sizeof(group_slot), 0, error));
    group_slot *slots = memory;
    memset(slots, 0xff, (size_t)slot_count * sizeof(group_slot));
    for (uint32_t i = 0; i < table->slot_count; i++) {
        group_slot slot = table->slots[i];
        if (slot.group != UNKNOWN) {
            uint32_t at = slot.tag & (slot_count - 1);
            while (slots[at].group != UNKNOWN) {
                at = (at + 1) & (slot_count - 1);
            }
            slots[at] = slot;
        }
    }
    wendi_free(table->slots);
    wendi_query_unreserve(table->context, (uint64_t)table->slot_count * sizeof(group_slot));
    table->reserved_bytes -= (uint64_t)table->slot_count * sizeof(group_slot);
    table->slots = slots;
    table->slot_count = slot_count;
cleanup:
    return status;
}

static wend_status group_new(wendi_group_table *table, const uint64_t *words, wend_error *error)
{
    wend_status status = WEND_OK;

    if (table->group_count == table->group_capacity) {
        uint32_t capacity = table->group_capacity == 0 ? 256 : table->group_capacity * 2;
        void *memory = table->words;
        size_t each = (size_t)table->width * sizeof(uint64_t);
        if (table->group_capacity >= UINT32_MAX / 4) {
            return wendi_fail(error, WEND_NOMEM, "more than a billion groups");
        }
        WEND_TRY(take(table, &memory, capacity * each, table->group_capacity * each, error));
        table->words = memory;
        table->group_capacity = capacity;
    }
    memcpy(table->words + (size_t)table->group_count * table->width, words,
           table->width * sizeof(uint64_t));
    table->group_count++;
cleanup:
    return status;
}

static bool words_equal(const uint64_t *a, const uint64_t *b, uint32_t width)
{
    for (uint32_t i = 0; i < width; i++) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return true;
}

static wend_status find_or_add(wendi_group_table *table, const uint64_t *words, uint64_t hash,
                               uint32_t *group_out, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t mask = table->slot_count - 1;
    uint32_t at = (uint32_t)hash & mask;
    uint32_t tag = (uint32_t)hash;

    for (; table->slots[at].group != UNKNOWN; at = (at + 1) & mask) {
        uint32_t group = table->slots[at].group;
        if (table->slots[at].tag == tag &&
            words_equal(table->words + (size_t)group * table->width, words, table->width)) {
            *group_out = group;
            return WEND_OK;
        }
    }
    WEND_TRY(group_new(table, words, error));
    *group_out = table->group_count - 1;
    table->slots[at] = (group_slot){tag, *group_out};
    if (table->group_count > table->slot_count / 2) {
        WEND_TRY(slots_resize(table, table->slot_count * 2, error));
    }
cleanup:
    return status;
}

/* ---- strings ---- */

static wend_status account_interner(wendi_group_table *table, group_key *key, wend_error *error)
{
    uint64_t bytes = key->interner.bytes.capacity + (uint64_t)key->interner.entry_capacity * 12 +
                     (uint64_t)key->interner.bucket_count * sizeof *key->interner.buckets;

    if (bytes <= key->accounted_bytes) {
        return WEND_OK;
    }
    wend_status status =
        wendi_query_reserve(table->context, bytes - key->accounted_bytes, "grouping", error);
    if (status == WEND_OK) {
        table->reserved_bytes += bytes - key->accounted_bytes;
        key->accounted_bytes = bytes;
    }
    return status;
}

static wend_status intern(group_key *key, wendi_string text, uint32_t *code, wend_error *error)
{
    if (wendi_interner_code(&key->interner, text, code) != WEND_OK) {
        return wendi_fail_nomem(error, "grouping by text", text.length);
    }
    return WEND_OK;
}

/* Make `codes` translate this dictionary. */
static wend_status use_dictionary(wendi_group_table *table, group_key *key,
                                  wendi_dictionary *dictionary, wend_error *error)
{
    wend_status status = WEND_OK;

    if (key->dictionary == dictionary) {
        return WEND_OK;
    }
    wendi_dictionary_release(key->dictionary);
    key->dictionary = NULL;
    if (dictionary->entry_count > key->code_capacity) {
        void *memory = key->codes;
        WEND_TRY(take(table, &memory, (size_t)dictionary->entry_count * sizeof(uint32_t),
                      (size_t)key->code_capacity * sizeof(uint32_t), error));
        key->codes = memory;
        key->code_capacity = dictionary->entry_count;
    }
    memset(key->codes, 0xff, (size_t)dictionary->entry_count * sizeof(uint32_t));
    key->codes[0] = 0;
    key->dictionary = wendi_dictionary_acquire(dictionary);
cleanup:
    return status;
}

static wend_status code_of(group_key *key, uint32_t code, uint32_t *own, wend_error *error)
{
    wend_status status = WEND_OK;

    *own = key->codes[code];
    if (*own == UNKNOWN) {
        WEND_TRY(intern(key, wendi_dictionary_at(key->dictionary, code), own, error));
        key->codes[code] = *own;
    }
cleanup:
    return status;
}

/* One word a selected row, `stride` apart. */
static wend_status string_words(wendi_group_table *table, group_key *key,
                                const wendi_vector *vector, const wendi_selection *selection,
                                uint64_t *out, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t stride = table->width;
    uint32_t own = 0;

    if (vector->form == WENDI_FORM_DICTIONARY) {
        WEND_TRY(use_dictionary(table, key, vector->dictionary, error));
        for (uint32_t i = 0; i < selection->count; i++) {
            uint32_t code = vector->codes[selection->indices != NULL ? selection->indices[i] : i];
            own = key->codes[code];
            if (own == UNKNOWN) {
                WEND_TRY(code_of(key, code, &own, error));
            }
            out[(size_t)i * stride] = own;
        }
    } else {
        for (uint32_t i = 0; i < selection->count; i++) {
            uint32_t row = selection->indices != NULL ? selection->indices[i] : i;
            bool null = wendi_vector_is_null(vector, row);
            if (null) {
                own = 0;
            } else if (i == 0 || vector->form != WENDI_FORM_CONSTANT) {
                WEND_TRY(intern(key, wendi_vector_string(vector, row), &own, error));
            }
            out[(size_t)i * stride] = own;
        }
    }
    WEND_TRY(account_interner(table, key, error));
cleanup:
    return status;
}

/* ---- words of a batch ---- */

static uint64_t double_word(double value)
{
    uint64_t word;
    double canonical = value == 0.0 ? 0.0 : isnan(value) ? (double)NAN : value;

    memcpy(&word, &canonical, sizeof word);
    return word;
}

static void fixed_word(const wendi_group_table *table, uint32_t index, const wendi_vector *vector,
                       uint32_t at, uint64_t *words)
{
    const group_key *key = &table->keys[index];

    if (vector->nulls != NULL && vector->nulls[at] != 0) {
        words[key->first_word] = 0;
        if (key->physical == WENDI_PHYSICAL_B16) {
            words[key->first_word + 1] = 0;
        }
        words[table->mask_word] |= UINT64_C(1) << index;
    } else if (key->physical == WENDI_PHYSICAL_I64) {
        words[key->first_word] = (uint64_t)vector->i64[at];
    } else if (key->physical == WENDI_PHYSICAL_F64) {
        words[key->first_word] = double_word(vector->f64[at]);
    } else {
        words[key->first_word] = vector->b16[at].word[0];
        words[key->first_word + 1] = vector->b16[at].word[1];
    }
}

static void fixed_words(const wendi_group_table *table, uint32_t index, const wendi_vector *vector,
                        const wendi_selection *selection, uint64_t *words)
{
    uint32_t width = table->width;
    uint64_t *out = words + table->keys[index].first_word;

    if (table->keys[index].physical == WENDI_PHYSICAL_I64 && vector->form == WENDI_FORM_FLAT &&
        vector->nulls == NULL) {
        if (selection->indices == NULL) {
            for (uint32_t i = 0; i < selection->count; i++, out += width) {
                *out = (uint64_t)vector->i64[i];
            }
        } else {
            for (uint32_t i = 0; i < selection->count; i++, out += width) {
                *out = (uint64_t)vector->i64[selection->indices[i]];
            }
        }
        return;
    }
    for (uint32_t i = 0; i < selection->count; i++) {
        uint32_t at =
            wendi_vector_index(vector, selection->indices != NULL ? selection->indices[i] : i);
        fixed_word(table, index, vector, at, words + (size_t)i * width);
    }
}

static wend_status batch_room(wendi_group_table *table, uint32_t rows, wend_error *error)
{
    wend_status status = WEND_OK;
    void *memory = table->batch_words;

    if (rows <= table->batch_capacity) {
        return WEND_OK;
    }
    size_t each = (size_t)table->width * sizeof(uint64_t);
    WEND_TRY(take(table, &memory, rows * each, table->batch_capacity * each, error));
    table->batch_words = memory;
    memory = table->batch_hashes;
    WEND_TRY(take(table, &memory, rows * sizeof(uint64_t), table->batch_capacity * sizeof(uint64_t),
                  error));
    table->batch_hashes = memory;
    table->batch_capacity = rows;
cleanup:
    return status;
}

/* Rows come in runs: sorted by user, batches of one value. Only the first of a run is hashed and
 * sought. */
static wend_status probe(wendi_group_table *table, const wendi_selection *selection,
                         uint32_t *groups, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t width = table->width;
    uint32_t group = 0;

    for (uint32_t i = 0; i < selection->count; i++) {
        const uint64_t *words = table->batch_words + (size_t)i * width;
        bool same = i > 0 && words_equal(words - width, words, width);
        table->batch_hashes[i] = same ? table->batch_hashes[i - 1] : hash_words(words, width);
    }
    for (uint32_t i = 0; i < selection->count; i++) {
        const uint64_t *words = table->batch_words + (size_t)i * width;
        if (i + PREFETCH_AHEAD < selection->count) {
            __builtin_prefetch(
                &table->slots[table->batch_hashes[i + PREFETCH_AHEAD] & (table->slot_count - 1)]);
        }
        if (i == 0 || table->batch_hashes[i] != table->batch_hashes[i - 1] ||
            !words_equal(words - width, words, width)) {
            WEND_TRY(find_or_add(table, words, table->batch_hashes[i], &group, error));
        }
        groups[selection->indices != NULL ? selection->indices[i] : i] = group;
    }
cleanup:
    return status;
}

static wend_status group_of_code(wendi_group_table *table, uint32_t own, uint32_t *group,
                                 wend_error *error)
{
    wend_status status = WEND_OK;

    if (own >= table->code_group_capacity) {
        uint32_t capacity = own < 512 ? 1024 : own * 2;
        void *memory = table->code_groups;
        WEND_TRY(take(table, &memory, (size_t)capacity * sizeof(uint32_t),
                      (size_t)table->code_group_capacity * sizeof(uint32_t), error));
        table->code_groups = memory;
        memset(table->code_groups + table->code_group_capacity, 0xff,
               (size_t)(capacity - table->code_group_capacity) * sizeof(uint32_t));
        table->code_group_capacity = capacity;
    }
    if (table->code_groups[own] == UNKNOWN) {
        uint64_t word = own;
        WEND_TRY(find_or_add(table, &word, hash_words(&word, 1), &table->code_groups[own], error));
    }
    *group = table->code_groups[own];
cleanup:
    return status;
}

/* The key is one string column: codes of the interner lead to groups without hashing. */
static wend_status assign_codes(wendi_group_table *table, const wendi_selection *selection,
                                uint32_t *groups, wend_error *error)
{
    wend_status status = WEND_OK;

    for (uint32_t i = 0; i < selection->count; i++) {
        uint32_t own = (uint32_t)table->batch_words[i];
        uint32_t row = selection->indices != NULL ? selection->indices[i] : i;
        if (own < table->code_group_capacity && table->code_groups[own] != UNKNOWN) {
            groups[row] = table->code_groups[own];
        } else {
            WEND_TRY(group_of_code(table, own, &groups[row], error));
        }
    }
cleanup:
    return status;
}

wend_status wendi_group_table_assign(wendi_group_table *table, const wendi_vector *keys,
                                     const wendi_selection *selection, uint32_t *groups,
                                     wend_error *error)
{
    wend_status status = WEND_OK;

    WEND_TRY(batch_room(table, selection->count, error));
    if (table->mask_word != UNKNOWN) {
        for (uint32_t i = 0; i < selection->count; i++) {
            table->batch_words[(size_t)i * table->width + table->mask_word] = 0;
        }
    }
    for (uint32_t i = 0; i < table->key_count; i++) {
        group_key *key = &table->keys[i];
        if (key->physical == WENDI_PHYSICAL_STRING) {
            WEND_TRY(string_words(table, key, &keys[i], selection,
                                  table->batch_words + key->first_word, error));
        } else {
            fixed_words(table, i, &keys[i], selection, table->batch_words);
        }
    }
    if (table->key_count == 1 && table->mask_word == UNKNOWN) {
        return assign_codes(table, selection, groups, error);
    }
    return probe(table, selection, groups, error);
cleanup:
    return status;
}

wend_status wendi_group_table_code(wendi_group_table *table, const wendi_vector *key, uint32_t code,
                                   uint32_t *group, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t own = 0;

    assert(table->key_count == 1 && key->form == WENDI_FORM_DICTIONARY);
    WEND_TRY(use_dictionary(table, &table->keys[0], key->dictionary, error));
    WEND_TRY(code_of(&table->keys[0], code, &own, error));
    WEND_TRY(group_of_code(table, own, group, error));
cleanup:
    return status;
}

wend_status wendi_group_table_merge(wendi_group_table *table, const wendi_group_table *other,
                                    uint32_t *map, wend_error *error)
{
    wend_status status = WEND_OK;

    assert(table->width == other->width && table->key_count == other->key_count);
    WEND_TRY(batch_room(table, 1, error));
    for (uint32_t group = 0; group < other->group_count; group++) {
        uint64_t *words = table->batch_words;
        memcpy(words, other->words + (size_t)group * table->width, table->width * sizeof(uint64_t));
        for (uint32_t i = 0; i < table->key_count; i++) {
            group_key *key = &table->keys[i];
            if (key->physical != WENDI_PHYSICAL_STRING || words[key->first_word] == 0) {
                continue;
            }
            uint32_t own = 0;
            uint32_t theirs = (uint32_t)words[key->first_word];
            WEND_TRY(intern(key, wendi_interner_at(&other->keys[i].interner, theirs), &own, error));
            words[key->first_word] = own;
        }
        WEND_TRY(find_or_add(table, words, hash_words(words, table->width), &map[group], error));
    }
    for (uint32_t i = 0; i < table->key_count; i++) {
        WEND_TRY(account_interner(table, &table->keys[i], error));
    }
cleanup:
    return status;
}

wend_status wendi_group_table_keys(const wendi_group_table *table, wendi_rows *rows,
                                   uint32_t first_column, wend_error *error)
{
    wend_status status = WEND_OK;

    for (uint32_t i = 0; i < table->key_count; i++) {
        const group_key *key = &table->keys[i];
        for (uint32_t group = 0; group < table->group_count; group++) {
            const uint64_t *words = table->words + (size_t)group * table->width;
            wendi_value value = {.type = key->type};
            if (key->physical == WENDI_PHYSICAL_STRING) {
                value.null = words[key->first_word] == 0;
                value.string = value.null ? (wendi_string){"", 0}
                                          : wendi_interner_at(&key->interner,
                                                              (uint32_t)words[key->first_word]);
            } else {
                value.null = (words[table->mask_word] >> i & 1) != 0;
                memcpy(&value.b16, words + key->first_word,
                       key->physical == WENDI_PHYSICAL_B16 ? 16 : 8);
            }
            WEND_TRY(wendi_rows_set(rows, group, first_column + i, &value, error));
        }
    }
cleanup:
    return status;
}
