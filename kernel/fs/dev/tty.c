/*
 * The terminal over the machine's console. Output goes out byte for byte (no OPOST). Echo is off at first, as whoever
 * types into the console of a virtual machine sees it already.
 */
#include <arch/cpu.h>
#include <base/errno.h>
#include <base/log.h>
#include <device/console.h>
#include <devfs/devfs.h>
#include <file/file.h>
#include <file/poll.h>
#include <terminal/pty.h>
#include <terminal/terminal.h>
#include "devices.h"

enum { DRAIN_INTERVAL_NS = 5 * 1000 * 1000 };

static struct console_device *device; /* fixed at boot; NULL: none */
static struct terminal tty = {
    .termios =
        {
            .input_flags = INPUT_CR_TO_NL,
            .control_flags = CONTROL_38400_8_READ,
            .local_flags = LOCAL_SIGNALS | LOCAL_CANONICAL | LOCAL_EXTENDED,
            .characters = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0},
        },
    .size = {.rows = 24, .columns = 80},
    .foreground_group = 1,
    .session = 1,
    .readers = WAIT_QUEUE_INIT(tty.readers),
    .writers = WAIT_QUEUE_INIT(tty.writers),
};

static size_t console_write(struct terminal *terminal, const char *bytes, size_t n)
{
    return device->ops->write(device, bytes, n);
}

static void console_resume_input(struct terminal *terminal)
{
    device->ops->resume_input(device);
}

/* Work context. */
static size_t console_received(struct console_device *from, const char *bytes, size_t n)
{
    return terminal_receive(&tty, bytes, n);
}

static void console_writable(struct console_device *to)
{
    wake_up_all(&tty.writers, POLL_OUT | POLL_WRNORM);
}

void tty_init(enum console_input input)
{
    static const struct terminal_ops ops = {
        .output = console_write, .echo = console_write, .resume_input = console_resume_input};
    tty.has_no_input = input != CONSOLE_INPUT_TERMINAL;
    device = console_device_default();
    if (!device) {
        log_warning("no console: the program's output is lost");
        return;
    }
    tty.ops = &ops;
    device->writable = console_writable;
    if (input == CONSOLE_INPUT_TERMINAL) {
        device->received = console_received;
        device->ops->resume_input(device);
    }
}

/* Other processes may still run and write: they do not keep the machine up. */
void console_drain(bool may_sleep)
{
    store_relaxed(&tty.is_closed, true);
    while (device && !device->ops->drain(device) && may_sleep)
        sleep_until(clock_monotonic_ns() + DRAIN_INTERVAL_NS, WAIT_UNINTERRUPTIBLE);
}

static ssize_t tty_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    return terminal_read(&tty, file, to);
}

static ssize_t tty_write(struct file *file, struct io_vector *from, int64_t *offset)
{
    return terminal_write(&tty, file, from);
}

static uint32_t tty_poll(struct file *file, struct poll_table *table)
{
    return terminal_poll(&tty, table);
}

static long tty_ioctl(struct file *file, unsigned command, struct user *argument)
{
    return terminal_ioctl(&tty, command, argument);
}

const struct file_ops tty_file_ops = {
    .read = tty_read,
    .write = tty_write,
    .poll = tty_poll,
    .ioctl = tty_ioctl,
    .name = "tty",
};

int tty_open_controlling(struct file *file)
{
    if (!terminal_is_controlling(&tty))
        return pty_open_controlling(file);
    file->ops = &tty_file_ops;
    return 0;
}
