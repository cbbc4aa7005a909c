/* The unit-test framework's runner; see test/test.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <test/test.h>

static struct test_case *first_test;
static struct test_case **last_link = &first_test;
static const char *current_name;
static bool current_failed;
static uint64_t seed, random_state;

void test_register(struct test_case *test)
{
    *last_link = test;
    last_link = &test->next;
}

void test_fail(const char *file, int line, const char *format, ...)
{
    current_failed = true;
    printf("FAIL %s (%s:%d, seed %llu): ", current_name, file, line, (unsigned long long)seed);
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t test_random(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

void test_expect_str(const char *file, int line, const char *what, const char *actual, const char *wanted)
{
    if (!actual || strcmp(actual, wanted) != 0)
        test_fail(file, line, "%s is \"%s\", expected \"%s\"", what, actual ? actual : "(null)", wanted);
}

void test_expect_bytes(const char *file, int line, const char *what, const void *actual, const void *wanted, size_t n)
{
    const unsigned char *a = actual, *w = wanted;
    for (size_t i = 0; i < n; i++) {
        if (a[i] != w[i]) {
            test_fail(file, line, "%s differs at byte %zu: %#x, expected %#x", what, i, a[i], w[i]);
            return;
        }
    }
}

static bool is_selected(const struct test_case *test, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], test->name))
            return true;
    return argc < 2;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const char *wanted_seed = getenv("SKIFF_TEST_SEED");
    seed = wanted_seed ? strtoull(wanted_seed, NULL, 0) : (uint64_t)time(NULL);
    int passed = 0, failed = 0;
    for (struct test_case *test = first_test; test; test = test->next) {
        if (!is_selected(test, argc, argv))
            continue;
        current_name = test->name;
        current_failed = false;
        random_state = seed;
        test->run();
        current_failed ? failed++ : passed++;
    }
    printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed || !passed;
}
