#include <directory/directory.h>
#include <string.h>
#include <test/test.h>

static uint8_t entry[FW_CFG_ENTRY_SIZE];

static void make(const char *name, size_t len)
{
    static const uint8_t head[8] = {0x00, 0x01, 0x02, 0x03, 0x00, 0x2a, 0, 0};
    memset(entry, 0, sizeof entry);
    memcpy(entry, head, 8);
    memcpy(entry + 8, name, len);
}

TEST(entry_with_the_name_matches)
{
    struct fw_cfg_entry out;
    make("opt/x", 5);
    REQUIRE(fw_cfg_entry_match(entry, "opt/x", &out));
    EXPECT_EQ(out.size, 0x00010203);
    EXPECT_EQ(out.selector, 0x2a);
}

TEST(prefixes_do_not_match_either_way)
{
    struct fw_cfg_entry out;
    make("opt/x", 5);
    EXPECT(!fw_cfg_entry_match(entry, "opt/", &out));
    EXPECT(!fw_cfg_entry_match(entry, "opt/xy", &out));
    EXPECT(!fw_cfg_entry_match(entry, "", &out));
}

TEST(name_without_end_matches_nothing)
{
    struct fw_cfg_entry out;
    char name[FW_CFG_NAME_MAX + 2];
    memset(name, 'a', sizeof name);
    make(name, FW_CFG_NAME_MAX);
    name[FW_CFG_NAME_MAX] = '\0';
    EXPECT(!fw_cfg_entry_match(entry, name, &out));
}
