/* The checksum is the same whatever vectors it is computed with, for every length around where they
 * begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>

#include "engine/base/hash.h"
#include "engine/base/hash_wide.h"

enum { LENGTH_MAX = 5000 };

static void wide_vectors_change_nothing(void **unused)
{
    (void)unused;
    uint8_t *bytes = malloc(LENGTH_MAX + 64);
    assert_non_null(bytes);
    for (uint32_t i = 0; i < LENGTH_MAX + 64; i++) {
        bytes[i] = (uint8_t)(wendi_mix64(i) >> 7);
    }
    for (size_t length = 0; length <= LENGTH_MAX; length++) {
        const uint8_t *at = bytes + length % 64;
        uint64_t seed = wendi_mix64(length);
        /* Without a seed nothing is dispatched, and a seed of 0 is the same as none. */
        assert_true(wendi_hash64(at, length) == wendi_hash64_seed(at, length, 0));
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx2")) {
            assert_true(wendi_hash64(at, length) == wendi_hash64_seed_avx2(at, length, 0));
            assert_true(wendi_hash64_seed(at, length, seed) ==
                        wendi_hash64_seed_avx2(at, length, seed));
        }
#endif
        assert_true(length == 0 || wendi_hash64_seed(at, length, seed) != wendi_hash64(at, length));
    }
    /* XXH3 with seed 1 of 600 bytes 0, 1, 2, … as the reference implementation gives it. */
    for (uint32_t i = 0; i < 600; i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_true(wendi_hash64_seed(bytes, 600, 1) == UINT64_C(0x1202d81fcc6155fd));
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wide_vectors_change_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
