/**
 * The few words of cmocka that the kernel tests use, for targets that have no cmocka: a failed
 * assertion says where and ends the program. Only aarch64_test.sh puts this folder on the path.
 */
#ifndef WENDI_TESTS_KERNEL_CROSS_CMOCKA_H
#define WENDI_TESTS_KERNEL_CROSS_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

#define cmocka_unit_test(test) {#test, test}

#define assert_true(condition)                                                                    \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);         \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)
#define assert_non_null(pointer) assert_true((pointer) != NULL)
#define assert_int_equal(a, b) assert_true((unsigned long long)(a) == (unsigned long long)(b))
#define assert_string_equal(a, b) assert_true(strcmp((a), (b)) == 0)
#define assert_memory_equal(a, b, size) assert_true(memcmp((a), (b), (size)) == 0)

#define cmocka_run_group_tests(tests, setup, teardown)                                            \
    cross_run_tests((tests), sizeof(tests) / sizeof *(tests), (setup), (teardown))

static inline int cross_run_tests(const struct CMUnitTest *tests, size_t count, int (*setup)(void **),
                                  int (*teardown)(void **))
{
    void *state = NULL;
    if (setup(&state) != 0) {
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        tests[i].run(&state);
        printf("%s: ok\n", tests[i].name);
    }
    return teardown(&state);
}

#endif
