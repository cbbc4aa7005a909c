/* kernel/base/string.c and printf.c against the host's libc, under other names. */
#include <test/test.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int libc_vsnprintf(char *to, size_t size, const char *format, va_list args)
{
    return vsnprintf(to, size, format, args);
}

#define memcpy    kernel_memcpy
#define memmove   kernel_memmove
#define memset    kernel_memset
#define memcmp    kernel_memcmp
#define memchr    kernel_memchr
#define strlen    kernel_strlen
#define strnlen   kernel_strnlen
#define strcmp    kernel_strcmp
#define strncmp   kernel_strncmp
#define strchr    kernel_strchr
#define strrchr   kernel_strrchr
#define strstr    kernel_strstr
#define snprintf  kernel_snprintf
#define vsnprintf kernel_vsnprintf
#include "../include/base/string.h"
#include "../string.c"
#include "../printf.c"

enum { AREA = 600 };
static uint8_t source[AREA], area[AREA], expected[AREA];

static void fill(void)
{
    for (int i = 0; i < AREA; i++) {
        source[i] = (uint8_t)(i * 7 + 1);
        area[i] = expected[i] = (uint8_t)(200 - i);
    }
}

TEST(memcpy_moves_exactly_n_bytes_at_any_alignment)
{
    for (size_t n = 0; n <= 300; n++)
        for (size_t shift = 0; shift < 3; shift++) {
            fill();
            for (size_t i = 0; i < n; i++)
                expected[10 + shift + i] = source[5 + i];
            EXPECT(memcpy(area + 10 + shift, source + 5, n) == area + 10 + shift);
            EXPECT_BYTES(area, expected, AREA);
        }
}

TEST(memmove_survives_overlap_in_both_directions)
{
    for (size_t n = 0; n <= 200; n++)
        for (int shift = -20; shift <= 20; shift++) {
            fill();
            uint8_t copy[AREA];
            for (size_t i = 0; i < n; i++)
                copy[i] = area[100 + i];
            for (size_t i = 0; i < n; i++)
                expected[100 + shift + (int)i] = copy[i];
            memmove(area + 100 + shift, area + 100, n);
            EXPECT_BYTES(area, expected, AREA);
        }
}

TEST(memset_fills_exactly_n_bytes)
{
    for (size_t n = 0; n <= 300; n++) {
        fill();
        for (size_t i = 0; i < n; i++)
            expected[3 + i] = 0xa5;
        memset(area + 3, 0x1a5, n);
        EXPECT_BYTES(area, expected, AREA);
    }
}

TEST(memcmp_orders_by_the_first_different_byte_as_unsigned)
{
    for (size_t n = 1; n <= 40; n++)
        for (size_t at = 0; at < n; at++) {
            fill();
            for (size_t i = 0; i < n; i++)
                area[i] = source[i];
            EXPECT_EQ(memcmp(area, source, n), 0);
            area[at] = 0xff, source[at] = 0x01;
            EXPECT(memcmp(area, source, n) > 0);
            EXPECT(memcmp(source, area, n) < 0);
        }
}

TEST(string_searches_find_first_last_and_end)
{
    const char *text = "one two one";
    EXPECT(strchr(text, 'o') == text);
    EXPECT(strrchr(text, 'o') == text + 8);
    EXPECT(strchr(text, 0) == text + 11);
    EXPECT(strrchr(text, 0) == text + 11);
    EXPECT(strchr(text, 'x') == NULL);
    EXPECT(strstr(text, "two") == text + 4);
    EXPECT(strstr(text, "") == text);
    EXPECT(strstr(text, "ones") == NULL);
    EXPECT(strstr("", "") != NULL);
    EXPECT(memchr(text, 't', 4) == NULL);
    EXPECT(memchr(text, 't', 5) == text + 4);
    EXPECT_EQ(strlen(text), 11);
    EXPECT_EQ(strnlen(text, 4), 4);
    EXPECT(strcmp("a", "b") < 0 && strcmp("\xff", "a") > 0 && strcmp("a", "a") == 0);
    EXPECT_EQ(strncmp("abc", "abd", 2), 0);
    EXPECT_EQ(strncmp("ab", "ab", 9), 0);
    EXPECT(strncmp("abc", "abd", 3) < 0);
}

static void compare_with_libc(const char *format, ...)
{
    for (size_t size = 0; size <= 64; size += 4) {
        char ours[80], theirs[80];
        for (size_t i = 0; i < sizeof ours; i++)
            ours[i] = theirs[i] = '#';
        va_list args;
        va_start(args, format);
        int our_len = vsnprintf(ours, size, format, args);
        va_end(args);
        va_start(args, format);
        int their_len = libc_vsnprintf(theirs, size, format, args);
        va_end(args);
        EXPECT_EQ(our_len, their_len);
        EXPECT_BYTES(ours, theirs, sizeof ours);
    }
}

#pragma GCC diagnostic ignored "-Wformat"
TEST(printf_prints_numbers_as_libc_does)
{
    compare_with_libc("%d %i %u", -5, 2147483647, 4294967295u);
    compare_with_libc("[%5d|%-5d|%05d|%+d|% d]", 42, 42, -42, 42, 42);
    compare_with_libc("[%.3d|%8.3d|%-8.3d|%.0d|%08.3d]", 7, 7, 7, 0, 7);
    compare_with_libc("%x %X %#x %#X %#x %08x %#010x", 255, 255, 255, 255, 0, 48879, 48879);
    compare_with_libc("%o %#o %#o %#.4o", 8, 8, 0, 8);
    compare_with_libc("%hhd %hd %hhu %hu", 300, 70000, 300, 70000);
    compare_with_libc("%ld %lld %lu %llx", INT64_MIN, INT64_MAX, UINT64_MAX, UINT64_MAX);
    compare_with_libc("%zu %td %jd", (size_t)1, (ptrdiff_t)-1, (intmax_t)-2);
    compare_with_libc("%*d|%-*d|%.*d", 6, 1, 6, 2, 3, 4);
    compare_with_libc("%*d", -6, 1);
}

TEST(printf_prints_text_as_libc_does)
{
    compare_with_libc("%s|%10s|%-10s|%.2s|%.*s", "abc", "abc", "abc", "abc", 1, "abc");
    compare_with_libc("%c%c%3c|%-3c|100%%", 'a', 0, 'b', 'c');
    compare_with_libc("%p", (void *)0x1234abcd);
    compare_with_libc("%s", "a text that is rather longer than some of the buffers that are tried here");
}

TEST(printf_prints_what_it_does_not_know_as_it_stands)
{
    char text[40];
    snprintf(text, sizeof text, "%d %y %d", 1, 2);
    EXPECT_STR(text, "1 %y 2");
    snprintf(text, sizeof text, "ends in %");
    EXPECT_STR(text, "ends in %");
    const char *volatile none = NULL;
    snprintf(text, sizeof text, "%s", none);
    EXPECT_STR(text, "(null)");
}
