#include <line_editor/line_editor.h>
#include <string.h>
#include <test/test.h>

static struct line_editor editor;
static struct termios termios;
static char echoed[4096];
static unsigned echoed_len;

static void start(uint32_t local_flags)
{
    memset(&editor, 0, sizeof editor);
    termios = (struct termios){
        .input_flags = INPUT_CR_TO_NL,
        .local_flags = local_flags,
        .characters = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26},
    };
    echoed_len = 0;
}

static enum line_event type(const char *bytes, size_t n)
{
    enum line_event event = LINE_NOTHING;
    for (size_t i = 0; i < n; i++) {
        char echo[3];
        unsigned len;
        event = line_editor_add(&editor, &termios, (uint8_t)bytes[i], echo, &len);
        for (unsigned e = 0; e < len && echoed_len < sizeof echoed; e++)
            echoed[echoed_len++] = echo[e];
    }
    return event;
}

static void expect_take(const char *wanted, bool canonical, bool wanted_end)
{
    char bytes[2048];
    bool at_end;
    size_t n = line_editor_take(&editor, canonical, bytes, sizeof bytes - 1, &at_end);
    bytes[n] = '\0';
    EXPECT_STR(bytes, wanted);
    EXPECT_EQ(at_end, wanted_end);
}

TEST(unfinished_line_cannot_be_read)
{
    start(LOCAL_CANONICAL);
    EXPECT_EQ(type("abc", 3), LINE_NOTHING);
    EXPECT_EQ(line_editor_count(&editor), 0);
    EXPECT_EQ(type("\r", 1), LINE_READABLE);
    expect_take("abc\n", true, false);
}

TEST(one_read_gives_one_line)
{
    start(LOCAL_CANONICAL);
    type("a\nb\n", 4);
    expect_take("a\n", true, false);
    expect_take("b\n", true, false);
}

TEST(erase_and_kill_edit_the_unfinished_line_only)
{
    start(LOCAL_CANONICAL);
    type("ok\nabc\x7f\x7f\x7f\x7f\x7fx\x15yz\n", 16);
    expect_take("ok\n", true, false);
    expect_take("yz\n", true, false);
}

TEST(end_of_file_ends_a_read_with_what_is_there)
{
    start(LOCAL_CANONICAL);
    EXPECT_EQ(type("ab\x04", 3), LINE_READABLE);
    expect_take("ab", true, true);
    type("\x04", 1);
    expect_take("", true, true);
}

TEST(interrupt_discards_input_and_tells)
{
    start(LOCAL_CANONICAL | LOCAL_SIGNALS);
    EXPECT_EQ(type("abc\x03", 4), LINE_SIGNAL_INTERRUPT);
    EXPECT_EQ(type("\x1c", 1), LINE_SIGNAL_QUIT);
    EXPECT_EQ(type("\x1a", 1), LINE_SIGNAL_SUSPEND);
    type("\n", 1);
    expect_take("\n", true, false);
}

TEST(raw_mode_gives_every_byte_at_once)
{
    start(0);
    EXPECT_EQ(type("\x03", 1), LINE_READABLE);
    type("a\x7f", 2);
    expect_take("\x03" "a\x7f", false, false);
}

TEST(leaving_canonical_mode_frees_the_unfinished_line)
{
    start(LOCAL_CANONICAL);
    type("abc", 3);
    line_editor_mode_changed(&editor, false);
    expect_take("abc", false, false);
}

TEST(full_ring_drops_bytes_but_still_takes_the_end_of_line)
{
    start(LOCAL_CANONICAL);
    for (unsigned i = 0; i < 3000; i++)
        type("x", 1);
    EXPECT_EQ(type("\n", 1), LINE_READABLE);
    EXPECT_EQ(line_editor_count(&editor), LINE_EDITOR_SIZE);
    EXPECT_EQ(type("\n", 1), LINE_NOTHING);
}

TEST(echo_shows_control_bytes_in_two_signs)
{
    start(LOCAL_CANONICAL | LOCAL_ECHO);
    type("a\x01\n", 3);
    EXPECT_EQ(echoed_len, 5);
    EXPECT_BYTES(echoed, "a^A\r\n", 5);
}

TEST(full_of_lines_has_no_room_until_one_is_taken)
{
    start(LOCAL_CANONICAL);
    unsigned lines = 0;
    while (line_editor_has_room(&editor) && lines < LINE_EDITOR_SIZE) {
        type("abc\n", 4);
        lines++;
    }
    EXPECT_EQ(lines, LINE_EDITOR_SIZE / 4);
    EXPECT(!line_editor_has_room(&editor));
    expect_take("abc\n", true, false);
    EXPECT(line_editor_has_room(&editor));
}

TEST(line_longer_than_the_ring_has_room_to_be_dropped)
{
    start(LOCAL_CANONICAL);
    for (unsigned i = 0; i < 3 * LINE_EDITOR_SIZE; i++) {
        EXPECT(line_editor_has_room(&editor)); /* no reader could make any */
        type("a", 1);
    }
    EXPECT_EQ(type("\n", 1), LINE_READABLE);
    EXPECT_EQ(line_editor_count(&editor), LINE_EDITOR_SIZE);
}
