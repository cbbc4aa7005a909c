#include <string.h>
#include <base/errno.h>
#include <settings/settings.h>
#include <test/test.h>

static struct settings s;
static const char *what;
#define RECORDS(text) settings_add_records(&s, text, sizeof(text), &what)

TEST(settings_later_sources_win)
{
    settings_init(&s);
    EXPECT_EQ(RECORDS("program=/a\0arg=1\0env=A=1\0env=B=2"), 0);
    EXPECT_EQ(RECORDS("arg=2\0env=A=3\0env=B\0cwd=/tmp\0user=10:20"), 0);
    EXPECT_STR(s.program, "/a");
    EXPECT_EQ(s.argument_count, 2);
    EXPECT_EQ(s.environment_count, 1);
    EXPECT_STR(s.environment[0], "A=3");
    EXPECT_EQ(s.uid, 10);
    EXPECT_EQ(s.gid, 20);
}

TEST(settings_reset_drops_lower_arguments)
{
    settings_init(&s);
    RECORDS("arg=1\0arg0=x");
    EXPECT_EQ(RECORDS("args-reset=1\0arg=2"), 0);
    EXPECT_EQ(s.argument_count, 1);
    EXPECT_STR(s.arguments[0], "2");
    EXPECT(!s.argument0);
}

TEST(settings_name_what_is_wrong)
{
    settings_init(&s);
    EXPECT_EQ(RECORDS("user=ten"), -EINVAL);
    EXPECT_STR(what, "user");
    EXPECT_EQ(RECORDS("cwd=relative"), -EINVAL);
    EXPECT_STR(what, "cwd");
    EXPECT_EQ(RECORDS("nonsense=1"), -EINVAL);
    EXPECT_EQ(strncmp(what, "nonsense", 8), 0);
    EXPECT_EQ(RECORDS("no equals sign"), -EINVAL);
}

TEST(settings_command_line_is_cut_as_linux_does)
{
    char line[] = "console=ttyS0 init=/bin/app  loglevel=7 hostname=\"a b\" trace -- one \"two words\" --three";
    settings_init(&s);
    EXPECT_EQ(settings_add_command_line(&s, line, &what), 0);
    EXPECT_STR(s.program, "/bin/app");
    EXPECT_EQ(s.log_level, 3);
    EXPECT_STR(s.hostname, "a b");
    EXPECT(s.trace);
    EXPECT_EQ(s.argument_count, 3);
    EXPECT_STR(s.arguments[1], "two words");
    EXPECT_STR(s.arguments[2], "--three");
}

TEST(settings_default_does_not_replace)
{
    settings_init(&s);
    RECORDS("env=PATH=/x");
    EXPECT_EQ(settings_default_variable(&s, "PATH=/bin"), 0);
    EXPECT_EQ(settings_default_variable(&s, "HOME=/root"), 0);
    EXPECT_STR(s.environment[0], "PATH=/x");
    EXPECT_EQ(s.environment_count, 2);
}

TEST(settings_random_bytes_do_no_harm)
{
    for (int round = 0; round < 2000; round++) {
        char bytes[64];
        for (unsigned i = 0; i < sizeof bytes; i++)
            bytes[i] = "arg=env\0ip=\0user=1:\"- "[test_random() % 22];
        settings_init(&s);
        settings_add_records(&s, bytes, sizeof bytes, &what);
        bytes[sizeof bytes - 1] = '\0';
        settings_add_command_line(&s, bytes, &what);
        EXPECT(s.argument_count <= SETTINGS_ARGUMENTS);
    }
}

TEST(settings_standard_input_is_one_of_three)
{
    settings_init(&s);
    EXPECT_EQ(s.input, SETTINGS_INPUT_TERMINAL);
    EXPECT_EQ(RECORDS("stdin=pipe"), 0);
    EXPECT_EQ(s.input, SETTINGS_INPUT_PIPE);
    EXPECT_EQ(RECORDS("stdin=null"), 0);
    EXPECT_EQ(s.input, SETTINGS_INPUT_NULL);
    EXPECT_EQ(RECORDS("stdin=file"), -EINVAL);
    EXPECT_STR(what, "stdin");
}
