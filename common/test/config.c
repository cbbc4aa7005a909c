#include <common/config.h>
#include <string.h>
#include <test/test.h>

TEST(config_reads_records_in_order)
{
    static const char bytes[] = "program=/bin/x\0env=A=b=c\0arg=\0";
    size_t offset = 0, len = sizeof bytes - 1;
    struct config_record record;
    REQUIRE(config_next(bytes, len, &offset, &record));
    EXPECT(config_key_is(&record, "program"));
    EXPECT(!config_key_is(&record, "prog") && !config_key_is(&record, "programs"));
    EXPECT_STR(record.value, "/bin/x");
    REQUIRE(config_next(bytes, len, &offset, &record));
    EXPECT(config_key_is(&record, "env"));
    EXPECT_STR(record.value, "A=b=c");
    REQUIRE(config_next(bytes, len, &offset, &record));
    EXPECT_STR(record.value, "");
    EXPECT(!config_next(bytes, len, &offset, &record));
    EXPECT_EQ(offset, len);
}

TEST(config_stops_at_malformed_records)
{
    static const char *const bad[] = {"novalue", "=x", ""};
    for (size_t i = 0; i < 3; i++) {
        size_t offset = 0;
        struct config_record record;
        EXPECT(!config_next(bad[i], strlen(bad[i]) + 1, &offset, &record));
        EXPECT_EQ(offset, 0);
    }
    size_t offset = 0;
    struct config_record record;
    EXPECT(!config_next("a=b", 3, &offset, &record)); /* no NUL */
}
