/* The CMOS date's arithmetic against the host's libc. */
#include <test/test.h>
#include <time.h>
#include "../rtc.c"

TEST(rtc_days_agree_with_the_calendar)
{
    for (int64_t day = 10957; day < 10957 + 36525; day += 1) { /* 2000 to 2099 */
        time_t seconds = (time_t)(day * 86400);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        EXPECT_EQ(days_since_1970(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday), day);
    }
}

TEST(rtc_decodes_bcd_and_twelve_hours)
{
    struct date bcd = {0x59, 0x30, 0x92, 0x31, 0x12, 0x26}; /* 12:30:59 PM */
    decode(&bcd, 0);
    EXPECT_EQ(bcd.hour, 12);
    EXPECT_EQ(bcd.minute, 30);
    EXPECT_EQ(bcd.second, 59);
    EXPECT_EQ(bcd.day, 31);
    EXPECT_EQ(bcd.month, 12);
    EXPECT_EQ(bcd.year, 26);
    struct date midnight = {0, 0, 0x12, 1, 1, 0};
    decode(&midnight, 0);
    EXPECT_EQ(midnight.hour, 0);
    struct date binary = {59, 59, 23, 31, 12, 99};
    decode(&binary, BINARY | HOURS_24);
    EXPECT_EQ(binary.hour, 23);
    EXPECT_EQ(binary.year, 99);
}
