/* Pairs: what goes in at one side and comes out at the other, and what is left when one side is closed. */
#include <fakes/memory.h>
#include <fakes/sched.h>
#include <file/file.h>
#include <file/poll.h>
#include <string.h>
#include <terminal/pty.h>
#include <terminal/terminal.h>
#include <test/test.h>

static const struct file_ops none = {.name = "none"};
static struct file *master, *slave;
static int last_signal;

static void note_signal(uint32_t group, int number)
{
    last_signal = number;
}
static uint32_t one(void)
{
    return 1;
}
static const struct tty_process_hooks hooks = {
    .signal_group = note_signal, .current_group = one, .current_session = one, .current_user = one};

static long control(struct file *file, unsigned command, void *argument)
{
    return file->ops->ioctl(file, command, (struct user *)argument);
}
static void open_pair(void)
{
    int32_t unlocked = 0;
    fake_sched_reset();
    tty_set_process_hooks(&hooks);
    last_signal = 0;
    master = file_create(&none, 04002, NULL); /* O_NONBLOCK | O_RDWR */
    slave = file_create(&none, 04002, NULL);
    EXPECT_EQ(pty_open_master(master), 0);
    EXPECT_EQ(pty_open_terminal(0, slave), -EIO);
    EXPECT_EQ(control(master, 0x40045431, &unlocked), 0);
    EXPECT_EQ(pty_open_terminal(0, slave), 0);
    EXPECT_EQ(pty_open_terminal(1, slave), -ENXIO);
}
static ssize_t put(struct file *file, const char *text)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, (void *)(uintptr_t)text, strlen(text));
    return file->ops->write(file, &io, NULL);
}
static char got[8192];
static ssize_t get(struct file *file)
{
    struct io_segment segment;
    struct io_vector io;
    memset(got, 0, sizeof got);
    io_vector_kernel(&io, &segment, got, sizeof got - 1);
    return file->ops->read(file, &io, NULL);
}

TEST(lines_reach_the_program_and_are_echoed)
{
    open_pair();
    EXPECT_EQ(put(master, "hex\x7fllo"), 7);
    EXPECT_EQ(get(slave), -EAGAIN);
    EXPECT_EQ(put(master, "\r"), 1);
    EXPECT_EQ(get(slave), 6);
    EXPECT_STR(got, "hello\n");
    EXPECT(get(master) > 0);
    EXPECT_STR(got, "hex\b \bllo\r\n");
    file_put(slave);
    file_put(master);
}

TEST(output_gets_returns_before_line_ends)
{
    open_pair();
    EXPECT_EQ(put(slave, "a\nb\n"), 4);
    EXPECT_EQ(get(master), 6);
    EXPECT_STR(got, "a\r\nb\r\n");
    EXPECT_EQ(get(master), -EAGAIN);
    file_put(slave);
    file_put(master);
}

TEST(a_full_pair_takes_no_more_until_it_is_read)
{
    static char much[6000];
    open_pair();
    memset(much, 'x', sizeof much - 1);
    EXPECT_EQ(put(slave, much), 4096);
    EXPECT_EQ(put(slave, "y"), -EAGAIN);
    EXPECT_EQ(get(master), 4096);
    EXPECT_EQ(put(slave, "y"), 1);
    file_put(slave);
    file_put(master);
}

TEST(a_closed_terminal_ends_the_masters_reads)
{
    open_pair();
    EXPECT_EQ(put(slave, "last"), 4);
    file_put(slave);
    EXPECT(master->ops->poll(master, NULL) & POLL_HUP);
    EXPECT_EQ(get(master), 4);
    EXPECT_EQ(get(master), -EIO);
    file_put(master);
}

TEST(a_closed_master_hangs_the_terminal_up)
{
    size_t live = fake_memory_live_objects();
    open_pair();
    thread_current()->id = 1;
    EXPECT_EQ(control(slave, TIOCSCTTY, NULL), 0);
    EXPECT(pty_exists(0));
    file_put(master);
    EXPECT(!pty_exists(0));
    EXPECT_EQ(last_signal, SIGNAL_CONTINUE);
    EXPECT_EQ(get(slave), 0);
    EXPECT_EQ(put(slave, "x"), -EIO);
    EXPECT(slave->ops->poll(slave, NULL) & POLL_HUP);
    file_put(slave);
    EXPECT(fake_memory_live_objects() <= live + 2); /* closed files wait for the next open */
}

TEST(an_interrupt_character_signals_the_foreground)
{
    open_pair();
    thread_current()->id = 1;
    EXPECT_EQ(control(slave, TIOCSCTTY, NULL), 0);
    EXPECT_EQ(put(master, "\x03"), 1);
    EXPECT_EQ(last_signal, SIGNAL_INTERRUPT);
    file_put(slave);
    file_put(master);
}
