/*
 * The unit-test framework: TEST(name) registers itself; EXPECT* record a failure and go on, REQUIRE leaves the test.
 * A test program runs all its tests, or those named on its command line, prints one line a failure, and ends with
 * "N passed, N failed, N skipped"; its status is 1 when one failed.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};

void test_register(struct test_case *test);
void test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Seeded generator for tests with random input: the seed is printed with any failure; SKIFF_TEST_SEED sets it. */
uint64_t test_random(void);

#define TEST(id)                                                                                                       \
    static void test_##id(void);                                                                                       \
    static struct test_case test_case_##id = {#id, test_##id, NULL};                                                   \
    __attribute__((constructor)) static void test_register_##id(void)                                                  \
    {                                                                                                                  \
        test_register(&test_case_##id);                                                                                \
    }                                                                                                                  \
    static void test_##id(void)

#define EXPECT(claim)                                                                                                  \
    do {                                                                                                               \
        if (!(claim))                                                                                                  \
            test_fail(__FILE__, __LINE__, "expected %s", #claim);                                                      \
    } while (0)
#define REQUIRE(claim)                                                                                                 \
    do {                                                                                                               \
        if (!(claim)) {                                                                                                \
            test_fail(__FILE__, __LINE__, "required %s", #claim);                                                      \
            return;                                                                                                    \
        }                                                                                                              \
    } while (0)
#define EXPECT_EQ(actual, wanted)                                                                                      \
    do {                                                                                                               \
        long long test_actual = (long long)(actual), test_wanted = (long long)(wanted);                                \
        if (test_actual != test_wanted)                                                                                \
            test_fail(__FILE__, __LINE__, "%s is %lld (%#llx), expected %s = %lld (%#llx)", #actual, test_actual,      \
                      (unsigned long long)test_actual, #wanted, test_wanted, (unsigned long long)test_wanted);         \
    } while (0)
#define EXPECT_STR(actual, wanted) test_expect_str(__FILE__, __LINE__, #actual, (actual), (wanted))
#define EXPECT_BYTES(actual, wanted, len) test_expect_bytes(__FILE__, __LINE__, #actual, (actual), (wanted), (len))
void test_expect_str(const char *file, int line, const char *what, const char *actual, const char *wanted);
void test_expect_bytes(const char *file, int line, const char *what, const void *actual, const void *wanted, size_t n);
