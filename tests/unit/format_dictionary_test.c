/*
 * Dictionaries at rest: many blocks, shared prefixes that unfold to much more than is stored, entries
 * larger than a block, order kept or refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "format/dictionary_store.h"
#include "tests/support/segment_fixture.h"

static const wendi_place place = {.uuid = {7}, .row_group = 3, .column_id = 9};

/** Entries being gathered; they stay in the order of adding. */
typedef struct entries {
    uint32_t *offsets;
    char *bytes;
    uint32_t count; /* null included */
} entries;

static entries entries_make(uint32_t most, size_t bytes)
{
    entries made = {wendi_alloc(((size_t)most + 2) * sizeof(uint32_t)), wendi_alloc(bytes + 64), 1};
    made.offsets[0] = made.offsets[1] = 0;
    memset(made.bytes, 0, bytes + 64);
    return made;
}

static void entries_add(entries *to, const char *text, uint32_t length)
{
    uint32_t at = to->offsets[to->count];
    memcpy(to->bytes + at, text, length);
    to->offsets[++to->count] = at + length;
}

static wend_status decode(const wendi_buffer *stored, uint32_t count, bool ordered, wendi_dictionary **dictionary,
                          const char **reason)
{
    return wendi_dictionary_store_decode(stored->data, stored->length, count, ordered, place, dictionary, reason);
}

static void store(const entries *from, bool ordered, wendi_buffer *stored, wendi_dictionary **made)
{
    uint32_t *codes = wendi_alloc(from->count * sizeof *codes);
    for (uint32_t i = 0; i + 1 < from->count; i++) {
        codes[i] = i + 1;
    }
    *made = wendi_dictionary_new(from->count, from->offsets, from->bytes, ordered);
    assert_int_equal(wendi_dictionary_store_encode(*made, codes, from->count - 1, ordered, place, 1, stored), WEND_OK);
    assert_int_equal(stored->length % 64, 0);
    wendi_free(codes);
}

/* Takes the entries over. */
static size_t check_round_trip(entries *from, bool ordered)
{
    wendi_buffer stored = {.length = 0};
    wendi_dictionary *made;
    wendi_dictionary *read;
    const char *reason = NULL;
    store(from, ordered, &stored, &made);
    if (decode(&stored, made->entry_count, ordered, &read, &reason) != WEND_OK) {
        fail_msg("%s", reason);
    }
    assert_int_equal(read->entry_count, made->entry_count);
    assert_int_equal(read->ordered, ordered);
    for (uint32_t code = 0; code < made->entry_count; code++) {
        assert_true(wendi_string_equal(wendi_dictionary_at(made, code), wendi_dictionary_at(read, code)));
    }
    size_t length = stored.length;
    wendi_dictionary_release(read);
    assert_int_equal(decode(&stored, made->entry_count + 1, ordered, &read, &reason), WEND_CORRUPT);
    assert_int_equal(decode(&stored, made->entry_count, !ordered, &read, &reason), WEND_CORRUPT);
    wendi_dictionary_release(made);
    wendi_buffer_free(&stored);
    return length;
}

static void many_blocks_round_trip(void **state)
{
    (void)state;
    entries urls = entries_make(50000, 50000 * 64);
    entries_add(&urls, "", 0);
    for (uint32_t i = 0; i < 49000; i++) {
        char text[64];
        entries_add(&urls, text, (uint32_t)sprintf(text, "https://shop.example/products/%08u.html", i * 7));
    }
    assert_true(check_round_trip(&urls, true) < 49000 * 8);
}

static void no_entries_round_trip(void **state)
{
    (void)state;
    entries none = entries_make(0, 0);
    assert_int_equal(check_round_trip(&none, true), 64);
}

static void prefixes_unfold(void **state)
{
    (void)state;
    entries long_ones = entries_make(2000, 2000 * 5008);
    char *text = wendi_alloc(5008);
    memset(text, 'p', 5008);
    for (uint32_t i = 0; i < 2000; i++) {
        char digits[16];
        sprintf(digits, "%08u", i);
        memcpy(text + 5000, digits, 8);
        entries_add(&long_ones, text, 5008);
    }
    wendi_free(text);
    assert_true(check_round_trip(&long_ones, true) < 40000);
}

static void entries_larger_than_a_block_round_trip(void **state)
{
    (void)state;
    enum { LARGE = 3 << 20 };
    entries large = entries_make(4, 2 * LARGE + 16);
    char *text = wendi_alloc(LARGE);
    uint64_t seed = 5;
    for (size_t i = 0; i < LARGE; i++) {
        text[i] = (char)random_next(&seed); /* does not compress */
    }
    text[0] = 'b';
    entries_add(&large, "a", 1);
    entries_add(&large, text, LARGE);
    memset(text, 'c', LARGE); /* does */
    entries_add(&large, text, LARGE);
    entries_add(&large, "d", 1);
    wendi_free(text);
    assert_true(check_round_trip(&large, true) > LARGE);
}

static void another_order_is_kept_but_not_called_ordered(void **state)
{
    (void)state;
    static const char *const users[] = {"zoe", "adam", "", "eve", "evelyn", "bob"};
    wendi_buffer stored = {.length = 0};
    wendi_dictionary *made;
    wendi_dictionary *read;
    const char *reason = NULL;
    entries names = entries_make(6, 100);
    entries same = entries_make(6, 100);
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        entries_add(&names, users[i], (uint32_t)strlen(users[i]));
        entries_add(&same, users[i], (uint32_t)strlen(users[i]));
    }
    check_round_trip(&names, false);
    store(&same, true, &stored, &made); /* a writer that lies about the order */
    assert_int_equal(decode(&stored, made->entry_count, true, &read, &reason), WEND_CORRUPT);
    assert_string_equal(reason, "dictionary entries do not rise");
    wendi_dictionary_release(made);
    wendi_buffer_free(&stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_entries_round_trip),
        cmocka_unit_test(many_blocks_round_trip),
        cmocka_unit_test(prefixes_unfold),
        cmocka_unit_test(entries_larger_than_a_block_round_trip),
        cmocka_unit_test(another_order_is_kept_but_not_called_ordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
