#include <line/line.h>
#include <string.h>
#include <test/test.h>

static char buffer[8];
static struct line_splitter splitter;

static const char *feed(const char *bytes, size_t n)
{
    const char *line = NULL;
    for (size_t i = 0; i < n; i++)
        line = line_add(&splitter, bytes[i]);
    return line;
}

static void start(void)
{
    splitter = (struct line_splitter){.buffer = buffer, .size = sizeof buffer};
}

TEST(lines_come_without_their_ends)
{
    start();
    EXPECT_STR(feed("abc\n", 4), "abc");
    EXPECT_STR(feed("de\r\n", 4), "de");
    EXPECT_STR(feed("\n", 1), "");
}

TEST(longest_line_fits_and_a_longer_one_is_dropped_whole)
{
    start();
    EXPECT_STR(feed("1234567\n", 8), "1234567");
    EXPECT(!feed("12345678\n", 9));
    EXPECT_STR(feed("ok\n", 3), "ok");
}

TEST(nul_bytes_are_ignored)
{
    start();
    EXPECT_STR(feed("a\0b\0\n", 5), "ab");
}
