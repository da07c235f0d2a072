/* Interners, dictionaries and row builders against naive models, and with memory refused at every call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/column/builder.h"

static uint64_t state = 31;

static uint64_t draw(void)
{
    state += UINT64_C(0x9e3779b97f4a7c15);
    return wendi_mix64(state);
}

/* Strings that try sorting: short ones, NULs, long common beginnings, and prefixes of each other. */
static wendi_string draw_string(char *memory)
{
    uint64_t kind = draw() % 5;
    uint32_t length = 0;
    if (kind == 0) {
        length = (uint32_t)(draw() % 4);
        for (uint32_t i = 0; i < length; i++) {
            memory[i] = (char)(draw() % 3 == 0 ? 0 : draw() % 256);
        }
    } else if (kind == 1) {
        length = (uint32_t)sprintf(memory, "https://shop.example/product/%llu?ref=mail", (unsigned long long)(draw() % 5000));
    } else if (kind == 2) {
        length = (uint32_t)(draw() % 300);
        memset(memory, 'x', length);
        if (length > 250) {
            memory[length - 1] = (char)('a' + draw() % 26);
        }
    } else if (kind == 3) {
        length = (uint32_t)(8 * (draw() % 4));
        memset(memory, 0, length);
    } else {
        length = (uint32_t)(draw() % 24);
        for (uint32_t i = 0; i < length; i++) {
            memory[i] = (char)(draw() % 2 == 0 ? 0xff : 'a' + draw() % 2);
        }
    }
    return (wendi_string){memory, length};
}

static void codes_come_in_order_of_appearance(void **unused)
{
    (void)unused;
    enum { MODEL_MAX = 3000 };
    static char memory[320];
    wendi_interner interner = {0};
    for (int round = 0; round < 3; round++) {
        char *model[MODEL_MAX];
        uint32_t lengths[MODEL_MAX];
        uint32_t count = 0;
        assert_int_equal(wendi_interner_find(&interner, wendi_string_of("nothing yet")), 0);
        for (int i = 0; i < 6000; i++) {
            wendi_string text = draw_string(memory);
            uint32_t wanted = 0;
            while (wanted < count && (lengths[wanted] != text.length || memcmp(model[wanted], text.data, text.length) != 0)) {
                wanted++;
            }
            bool known = wanted < count;
            if (!known && count == MODEL_MAX) {
                continue;
            }
            assert_int_equal(wendi_interner_find(&interner, text), known ? wanted + 1 : 0);
            uint32_t code = 0;
            assert_int_equal(wendi_interner_code(&interner, text, &code), WEND_OK);
            assert_int_equal(code, wanted + 1);
            assert_true(wendi_string_equal(wendi_interner_at(&interner, code), text));
            if (!known) {
                model[count] = malloc(text.length + 1);
                memcpy(model[count], text.data, text.length);
                lengths[count++] = text.length;
            }
        }
        assert_int_equal(interner.entry_count, count + 1);
        for (uint32_t i = 0; i < count; i++) {
            free(model[i]);
        }
        wendi_interner_reset(&interner);
    }
    wendi_interner_free(&interner);
}

static void check_ordered(uint32_t wanted_entries, bool with_flags)
{
    static char memory[320];
    wendi_interner interner = {0};
    uint32_t code;
    for (uint32_t i = 0; i < wanted_entries; i++) {
        assert_int_equal(wendi_interner_code(&interner, draw_string(memory), &code), WEND_OK);
    }
    uint32_t count = interner.entry_count;
    uint8_t *used = malloc(count + 1);
    uint32_t *remap = malloc((count + 1) * sizeof *remap);
    uint32_t used_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        used[i] = draw() % 3 != 0;
        used_count += i != 0 && (!with_flags || used[i]);
        remap[i] = 0xdeadbeef;
    }
    wendi_dictionary *dictionary = NULL;
    assert_int_equal(wendi_interner_ordered(&interner, with_flags ? used : NULL, remap, &dictionary, NULL), WEND_OK);
    assert_true(dictionary->ordered);
    assert_int_equal(dictionary->entry_count, used_count + 1);
    for (uint32_t i = 1; i < dictionary->entry_count; i++) {
        wendi_string here = wendi_dictionary_at(dictionary, i);
        assert_true(i == 1 || wendi_string_compare(wendi_dictionary_at(dictionary, i - 1), here) < 0);
        assert_int_equal(wendi_dictionary_find(dictionary, here), i);
        assert_int_equal(wendi_dictionary_lower_bound(dictionary, here), i);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || (with_flags && !used[i])) {
            assert_int_equal(remap[i], 0);
        } else {
            assert_true(wendi_string_equal(wendi_dictionary_at(dictionary, remap[i]), wendi_interner_at(&interner, i)));
        }
    }
    for (int i = 0; i < 200; i++) { /* strings that may or may not be there */
        wendi_string text = draw_string(memory);
        uint32_t bound = wendi_dictionary_lower_bound(dictionary, text);
        assert_true(bound == 1 || wendi_string_compare(wendi_dictionary_at(dictionary, bound - 1), text) < 0);
        assert_true(bound == dictionary->entry_count ||
                    wendi_string_compare(wendi_dictionary_at(dictionary, bound), text) >= 0);
    }
    wendi_dictionary *same = wendi_dictionary_acquire(dictionary);
    wendi_dictionary_release(dictionary);
    wendi_dictionary_release(same);
    free(used);
    free(remap);
    wendi_interner_free(&interner);
}

static void dictionaries_are_in_order(void **unused)
{
    (void)unused;
    static const uint32_t sizes[] = {0, 1, 2, 15, 17, 200, 1023, 5000, 60000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        check_ordered(sizes[i], false);
        check_ordered(sizes[i], true);
    }
    /* Strings of a hundred thousand equal bytes must not cost a stack. */
    static char memory[100002];
    wendi_interner interner = {0};
    uint32_t remap[40];
    uint32_t code;
    memset(memory, 'a', sizeof memory);
    for (uint32_t i = 0; i < 30; i++) {
        assert_int_equal(wendi_interner_code(&interner, (wendi_string){memory, 100000 - i * 7 % 30}, &code), WEND_OK);
    }
    wendi_dictionary *dictionary = NULL;
    assert_int_equal(wendi_interner_ordered(&interner, NULL, remap, &dictionary, NULL), WEND_OK);
    for (uint32_t i = 2; i <= 30; i++) {
        assert_true(wendi_dictionary_at(dictionary, i - 1).length < wendi_dictionary_at(dictionary, i).length);
    }
    wendi_dictionary_release(dictionary);
    wendi_interner_free(&interner);
}

static void unordered_dictionaries_are_searched(void **unused)
{
    (void)unused;
    uint32_t *offsets = wendi_alloc(5 * sizeof *offsets);
    char *bytes = wendi_alloc_zero(1, 80);
    memcpy(offsets, (uint32_t[]){0, 0, 1, 1, 4}, 5 * sizeof *offsets);
    memcpy(bytes, "zabc", 4);
    wendi_dictionary *dictionary = wendi_dictionary_new(4, offsets, bytes, false);
    assert_int_equal(wendi_dictionary_find(dictionary, wendi_string_of("z")), 1);
    assert_int_equal(wendi_dictionary_find(dictionary, wendi_string_of("")), 2);
    assert_int_equal(wendi_dictionary_find(dictionary, wendi_string_of("abc")), 3);
    assert_int_equal(wendi_dictionary_find(dictionary, wendi_string_of("ab")), 0);
    wendi_dictionary_release(dictionary);
    wendi_dictionary_release(NULL);
}

/* Refuse the n-th allocation: what was interned before stays as it was, and trying again works. */
static void refused_memory_loses_nothing(void **unused)
{
    (void)unused;
    for (int64_t refuse_at = 0; refuse_at < 60; refuse_at++) {
        wendi_interner interner = {0};
        char text[32];
        uint32_t code = 0;
        uint32_t next = 1;
        bool refused = false;
        wendi_alloc_refuse_at(refuse_at);
        for (uint32_t i = 1; i <= 2000; i++) {
            wendi_string value = {text, (uint32_t)sprintf(text, "value %u", i)};
            wend_status status = wendi_interner_code(&interner, value, &code);
            if (status == WEND_NOMEM) {
                refused = true;
                assert_int_equal(wendi_interner_find(&interner, value), 0);
                wendi_alloc_refuse_at(-1);
                status = wendi_interner_code(&interner, value, &code);
            }
            assert_int_equal(status, WEND_OK);
            assert_int_equal(code, next++);
        }
        for (uint32_t i = 1; i <= 2000; i++) {
            wendi_string value = {text, (uint32_t)sprintf(text, "value %u", i)};
            assert_int_equal(wendi_interner_find(&interner, value), i);
        }
        wendi_alloc_refuse_at(-1);
        uint32_t *remap = malloc(interner.entry_count * sizeof *remap);
        wend_status status = WEND_NOMEM;
        for (int64_t at = 0; status == WEND_NOMEM; at++) {
            wendi_dictionary *dictionary = NULL;
            wend_error error = {0};
            wendi_alloc_refuse_at(at);
            status = wendi_interner_ordered(&interner, NULL, remap, &dictionary, &error);
            wendi_alloc_refuse_at(-1);
            assert_int_equal(dictionary != NULL, status == WEND_OK);
            assert_true(status == WEND_OK || error.message[0] != '\0');
            wendi_dictionary_release(dictionary);
        }
        assert_int_equal(status, WEND_OK);
        free(remap);
        wendi_interner_free(&interner);
        assert_true(refused || refuse_at > 10);
    }
}

/* ---- row builders --------------------------------------------------------------------------- */

enum { COLUMNS = 4, CAPACITY = 3000 };

static wendi_column columns[COLUMNS] = {
    {.id = 1, .name = {"n", 1}, .type = {.kind = WENDI_TYPE_BIGINT}},
    {.id = 2, .name = {"d", 1}, .type = {.kind = WENDI_TYPE_DOUBLE}},
    {.id = 5, .name = {"u", 1}, .type = {.kind = WENDI_TYPE_UUID}},
    {.id = 4, .name = {"t", 1}, .type = {.kind = WENDI_TYPE_TEXT}},
};
static const wendi_schema schema = {.columns = columns, .column_count = COLUMNS};

static wendi_value value_of(uint32_t column, uint64_t key)
{
    static char text[32];
    wendi_value value = {.type = columns[column].type, .null = wendi_mix64(key * 7 + column) % 5 == 0};
    if (column == 0) {
        value.i64 = (int64_t)key;
    } else if (column == 1) {
        value.f64 = (double)key / 4;
    } else if (column == 2) {
        value.b16 = (wendi_b16){{key, ~key}};
    } else {
        value.string = (wendi_string){text, (uint32_t)sprintf(text, "t%llu", (unsigned long long)(key % 100))};
    }
    return value;
}

static void check_row(const wendi_vector *vectors, uint32_t row, uint64_t key)
{
    for (uint32_t c = 0; c < COLUMNS; c++) {
        wendi_value wanted = value_of(c, key);
        assert_int_equal(wendi_vector_is_null(&vectors[c], row), wanted.null);
        if (c == 0) {
            assert_true(vectors[c].i64[row] == (wanted.null ? 0 : wanted.i64));
        } else if (c == 1) {
            assert_true(vectors[c].f64[row] == (wanted.null ? 0 : wanted.f64));
        } else if (c == 2) {
            assert_true(vectors[c].b16[row].word[1] == (wanted.null ? 0 : wanted.b16.word[1]));
        } else if (!wanted.null) {
            assert_true(wendi_string_equal(wendi_vector_string(&vectors[c], row), wanted.string));
        }
    }
}

static void rows_are_kept_and_dropped(void **unused)
{
    (void)unused;
    wendi_row_builder builder;
    wendi_vector vectors[COLUMNS];
    assert_int_equal(wendi_schema_find(&schema, wendi_string_of("u")), 2);
    assert_int_equal(wendi_schema_find(&schema, wendi_string_of("x")), WENDI_NO_COLUMN);
    assert_int_equal(wendi_row_builder_init(&builder, &schema, CAPACITY, NULL), WEND_OK);
    for (int round = 0; round < 20; round++) {
        uint64_t kept[CAPACITY];
        uint8_t keep[CAPACITY];
        uint32_t first = (uint32_t)(draw() % CAPACITY);
        uint32_t total = first + (uint32_t)(draw() % (CAPACITY - first));
        uint32_t kept_count = 0;
        for (uint32_t row = 0; row < total; row++) {
            uint64_t key = draw() % 100000;
            for (uint32_t c = 0; c < COLUMNS; c++) {
                wendi_value value = value_of(c, key);
                assert_int_equal(wendi_row_builder_set(&builder, c, &value), WEND_OK);
            }
            builder.partitions[row] = (uint32_t)key;
            builder.row_count++;
            if (row >= first) {
                keep[row - first] = round == 0 || draw() % 4 != 0;
            }
            if (row < first || keep[row - first]) {
                kept[kept_count++] = key;
            }
        }
        wendi_row_builder_keep(&builder, first, keep);
        assert_int_equal(builder.row_count, kept_count);
        wendi_row_builder_vectors(&builder, 0, kept_count, vectors);
        for (uint32_t row = 0; row < kept_count; row++) {
            check_row(vectors, row, kept[row]);
            assert_int_equal(builder.partitions[row], (uint32_t)kept[row]);
        }
        if (kept_count > 10) {
            wendi_row_builder_vectors(&builder, 7, kept_count - 7, vectors);
            check_row(vectors, 1, kept[8]);
        }
        assert_true(wendi_row_builder_bytes(&builder) >= kept_count * 40);
        wendi_row_builder_reset(&builder);
        assert_int_equal(builder.row_count, 0);
    }
    wendi_row_builder_free(&builder);
    wend_status status = WEND_NOMEM;
    for (int64_t at = 0; status == WEND_NOMEM; at++) {
        wend_error error = {0};
        wendi_alloc_refuse_at(at);
        status = wendi_row_builder_init(&builder, &schema, CAPACITY, &error);
        wendi_alloc_refuse_at(-1);
        assert_true(status == WEND_OK || error.message[0] != '\0');
    }
    wendi_row_builder_free(&builder);
}

/* Rows of several lanes, in strips with gaps: after unify() every row has its values, and one code is one string. */
static void lanes_become_one(void **unused)
{
    enum { LANES = 3 };
    (void)unused;
    wendi_row_builder builder;
    wendi_row_builder lanes[LANES];
    assert_int_equal(wendi_row_builder_init(&builder, &schema, CAPACITY, NULL), WEND_OK);
    for (uint32_t lane = 0; lane < LANES; lane++) {
        assert_int_equal(wendi_row_builder_lane(&builder, &lanes[lane], NULL), WEND_OK);
    }
    for (uint64_t round = 0; round < 8; round++) { /* in the last rounds one lane has all rows, or none has any */
        static uint64_t keys[CAPACITY]; /* 0: no row lives in the slot */
        uint32_t live = 0;
        memset(keys, 0, sizeof keys);
        for (uint32_t slot = 0, block = 0; slot < CAPACITY && round < 7; block++) {
            uint32_t lane = round < 6 ? (uint32_t)(wendi_mix64(round * 1000 + block) % LANES) : 1;
            uint32_t count = 1 + (uint32_t)(wendi_mix64(round * 2000 + block) % 40);
            count = count < CAPACITY - slot ? count : CAPACITY - slot;
            uint32_t kept = (uint32_t)(wendi_mix64(round * 3000 + block) % (count + 1));
            wendi_row_lane_begin(&lanes[lane], slot, count);
            for (uint32_t i = 0; i < kept; i++) {
                keys[slot + i] = 1 + wendi_mix64(round * CAPACITY + slot + i) % 100000;
                for (uint32_t c = 0; c < COLUMNS; c++) {
                    wendi_value value = value_of(c, keys[slot + i]);
                    assert_int_equal(wendi_row_builder_set(&lanes[lane], c, &value), WEND_OK);
                }
                lanes[lane].row_count++;
            }
            assert_int_equal(wendi_row_builder_strip(&builder, (wendi_row_strip){slot, kept, lane}, NULL), WEND_OK);
            live += kept;
            slot += count;
        }
        assert_int_equal(builder.row_count, live);
        assert_int_equal(wendi_row_builder_unify(&builder, lanes, LANES, NULL), WEND_OK);
        wendi_vector vectors[COLUMNS];
        wendi_row_strip whole;
        uint32_t strip_count;
        uint32_t seen = 0;
        const wendi_row_strip *strips = wendi_row_builder_strips(&builder, &whole, &strip_count);
        wendi_row_builder_vectors(&builder, 0, CAPACITY, vectors);
        for (uint32_t i = 0; i < strip_count; i++) {
            assert_true(i == 0 || strips[i].first > strips[i - 1].first + strips[i - 1].count);
            for (uint32_t row = strips[i].first; row < strips[i].first + strips[i].count; row++, seen++) {
                assert_int_not_equal(keys[row], 0);
                check_row(vectors, row, keys[row]);
                wendi_value text = value_of(3, keys[row]);
                assert_true(text.null || builder.columns[3].codes[row] == wendi_interner_find(&builder.columns[3].interner, text.string));
            }
        }
        assert_int_equal(seen, live);
        wendi_row_builder_reset(&builder);
    }
    for (uint32_t lane = 0; lane < LANES; lane++) {
        wendi_row_builder_free(&lanes[lane]);
    }
    wendi_row_builder_free(&builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_come_in_order_of_appearance), cmocka_unit_test(dictionaries_are_in_order),
        cmocka_unit_test(unordered_dictionaries_are_searched), cmocka_unit_test(refused_memory_loses_nothing),
        cmocka_unit_test(rows_are_kept_and_dropped), cmocka_unit_test(lanes_become_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
