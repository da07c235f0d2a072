/*
 * Row keys. Each column gives a 16-byte digest a row (strings: once a dictionary entry when there
 * are fewer entries than rows); the digests of a rule's columns are chained. Stored nowhere, but
 * equal across versions would be wise: a window may be rebuilt by another build than made it.
 */
#include "engine/table/row_key.h"

#include <math.h>
#include <string.h>

#include "engine/base/alloc.h"

uint32_t wendi_row_key_rules(const wendi_schema *schema)
{
    return schema->unique_count + (schema->unique_rows ? 1u : 0u);
}

/* Where a row lies in Kafka is not part of what it says, and generated values follow from the rest.
 */
static bool whole_row_uses(const wendi_column *column)
{
    return column->origin == WENDI_ORIGIN_JSON || column->origin == WENDI_ORIGIN_REST;
}

static bool rule_uses(const wendi_schema *schema, uint32_t rule, uint32_t position)
{
    if (rule == schema->unique_count) {
        return whole_row_uses(&schema->columns[position]);
    }
    const wendi_unique *unique = &schema->uniques[rule];
    for (uint32_t i = 0; i < unique->column_count; i++) {
        if (unique->columns[i] == position) {
            return true;
        }
    }
    return false;
}

bool wendi_row_key_uses(const wendi_schema *schema, uint32_t position)
{
    for (uint32_t rule = 0; rule < wendi_row_key_rules(schema); rule++) {
        if (rule_uses(schema, rule, position)) {
            return true;
        }
    }
    return false;
}

static wendi_hash128 digest_string(wendi_string text)
{
    return wendi_hash128_of(text.data, text.length);
}

static wendi_hash128 digest_value(const wendi_vector *vector, uint32_t index)
{
    uint64_t word = 0;
    double number;
    switch (wendi_type_physical(vector->type)) {
    case WENDI_PHYSICAL_I64:
        return (wendi_hash128){(uint64_t)vector->i64[index], 1};
    case WENDI_PHYSICAL_F64:
        number = vector->f64[index] + 0.0; /* -0 and 0 are equal, and so are all NaNs */
        if (isnan(number)) {
            number = (double)NAN;
        }
        memcpy(&word, &number, sizeof word);
        return (wendi_hash128){word, 2};
    default:
        return (wendi_hash128){vector->b16[index].word[0], vector->b16[index].word[1]};
    }
}

static const wendi_hash128 null_digest = {UINT64_C(0x9e3779b97f4a7c15),
                                          UINT64_C(0xd1b54a32d192ed03)};

/* Digests of a dictionary column: one hash an entry, then a gather. */
static wend_status digest_dictionary(const wendi_vector *vector, uint32_t row_count,
                                     wendi_hash128 *digests, uint8_t *nulls, wend_error *error)
{
    uint32_t entries = vector->dictionary->entry_count;
    wendi_hash128 *table = NULL;
    if (entries < row_count) {
        table = wendi_alloc((size_t)entries * sizeof *table);
        if (table == NULL) {
            return wendi_fail_nomem(error, "hashing keys", (size_t)entries * sizeof *table);
        }
        for (uint32_t code = 1; code < entries; code++) {
            table[code] = digest_string(wendi_dictionary_at(vector->dictionary, code));
        }
    }
    for (uint32_t row = 0; row < row_count; row++) {
        uint32_t code = vector->codes[row];
        nulls[row] = code == 0;
        digests[row] = code == 0 ? null_digest
                       : table != NULL
                           ? table[code]
                           : digest_string(wendi_dictionary_at(vector->dictionary, code));
    }
    wendi_free(table);
    return WEND_OK;
}

static wend_status digest_column(const wendi_vector *vector, uint32_t row_count,
                                 wendi_hash128 *digests, uint8_t *nulls, wend_error *error)
{
    if (vector->form == WENDI_FORM_DICTIONARY) {
        return digest_dictionary(vector, row_count, digests, nulls, error);
    }
    bool text = wendi_type_physical(vector->type) == WENDI_PHYSICAL_STRING;
    for (uint32_t row = 0; row < row_count; row++) {
        uint32_t index = wendi_vector_index(vector, row);
        nulls[row] = vector->nulls != NULL && vector->nulls[index] != 0;
        digests[row] = nulls[row] ? null_digest
                       : text     ? digest_string(vector->strings[index])
                                  : digest_value(vector, index);
    }
    return WEND_OK;
}

/* Chain one column's digest into the key so far. The rule's number is the start of the chain. */
static wendi_hash128 chain(wendi_hash128 key, wendi_hash128 digest)
{
    wendi_hash128 pair[2] = {key, digest};
    return wendi_hash128_of(pair, sizeof pair);
}

static wend_status keys_of_rule(const wendi_schema *schema, uint32_t rule,
                                const wendi_vector *columns, uint32_t row_count,
                                wendi_hash128 *digests, uint8_t *nulls, wendi_hash128 *keys,
                                uint8_t *absent, wend_error *error)
{
    bool whole_row = rule == schema->unique_count;
    memset(absent, 0, row_count);
    for (uint32_t row = 0; row < row_count; row++) {
        keys[row] = (wendi_hash128){rule, UINT64_C(0x77656e64)};
    }
    for (uint32_t position = 0; position < schema->column_count; position++) {
        if (!rule_uses(schema, rule, position)) {
            continue;
        }
        wend_status status = digest_column(&columns[position], row_count, digests, nulls, error);
        if (status != WEND_OK) {
            return status;
        }
        for (uint32_t row = 0; row < row_count; row++) {
            keys[row] = chain(keys[row], digests[row]);
            absent[row] |= !whole_row && nulls[row];
        }
    }
    for (uint32_t row = 0; row < row_count; row++) {
        if (absent[row]) {
            keys[row] = (wendi_hash128){0, 0};
        }
    }
    return WEND_OK;
}

wend_status wendi_row_keys(const wendi_schema *schema, const wendi_vector *columns,
                           uint32_t row_count, wendi_hash128 *keys, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_hash128 *digests = wendi_alloc((size_t)row_count * sizeof *digests);
    uint8_t *nulls = wendi_alloc(row_count);
    uint8_t *absent = wendi_alloc(row_count);
    if (digests == NULL || nulls == NULL || absent == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "hashing keys", (size_t)row_count * sizeof *digests));
    }
    for (uint32_t rule = 0; rule < wendi_row_key_rules(schema); rule++) {
        WEND_TRY(keys_of_rule(schema, rule, columns, row_count, digests, nulls,
                              keys + (size_t)rule * row_count, absent, error));
    }
cleanup:
    wendi_free(digests);
    wendi_free(nulls);
    wendi_free(absent);
    return status;
}

wend_status wendi_row_builder_keys(wendi_row_builder *builder, uint32_t first, uint32_t count,
                                   wendi_hash128 *keys, wend_error *error)
{
    wendi_vector *vectors = NULL;
    wend_status status = WEND_OK;
    if (wendi_row_key_rules(builder->schema) == 0 || count == 0) {
        return WEND_OK;
    }
    vectors = wendi_alloc(builder->column_count * sizeof *vectors);
    if (vectors == NULL) {
        return wendi_fail_nomem(error, "keys", builder->column_count * sizeof *vectors);
    }
    wendi_row_builder_vectors(builder, first, count, vectors);
    status = wendi_row_keys(builder->schema, vectors, count, keys, error);
    wendi_free(vectors);
    return status;
}
