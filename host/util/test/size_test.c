#include <test/test.h>
#include <util/size.h>

static unsigned parse(const char *text)
{
    unsigned mib = 0;
    return size_parse_mib(text, &mib) ? mib : 0;
}

TEST(sizes_are_written_as_people_write_them)
{
    EXPECT_EQ(parse("512M"), 512);
    EXPECT_EQ(parse("512"), 512);
    EXPECT_EQ(parse("512MiB"), 512);
    EXPECT_EQ(parse("2G"), 2048);
    EXPECT_EQ(parse("2gb"), 2048);
    EXPECT_EQ(parse("65536k"), 64);
    EXPECT_EQ(parse("536870912"), 512);
}

TEST(sizes_that_are_none_are_refused)
{
    static const char *const wrong[] = {"",
                                        "M",
                                        "0",
                                        "0M",
                                        "-1",
                                        "-5M",
                                        "+5M",
                                        " 5M",
                                        "5 M",
                                        "5T",
                                        "5MM",
                                        "1.5G",
                                        "0x10",
                                        "512M ",
                                        "1k",
                                        "16777217M",
                                        "16385G",
                                        "99999999999999999999",
                                        "18446744073709551616G",
                                        "18446744073709551615"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (parse(wrong[i]))
            test_fail(__FILE__, __LINE__, "\"%s\" is taken for %u MiB", wrong[i], parse(wrong[i]));
}

TEST(size_of_a_failure_is_untouched)
{
    unsigned mib = 7;
    EXPECT(!size_parse_mib("x", &mib));
    EXPECT_EQ(mib, 7);
}
