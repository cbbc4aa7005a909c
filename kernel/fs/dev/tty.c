/*
 * The terminal: one, over the machine's console. Output goes out byte for byte (no OPOST); a full console makes the
 * writer sleep. Echo is off at first, as whoever types into the console of a virtual machine sees it already. A full
 * terminal leaves input with the console until somebody has read.
 */
#include <arch/cpu.h>
#include <base/errno.h>
#include <base/log.h>
#include <base/string.h>
#include <common/checked.h>
#include <device/console.h>
#include <devfs/devfs.h>
#include <file/poll.h>
#include <mm/alloc.h>
#include <sched/wait.h>
#include "devices.h"
#include "tty.h"

enum {
    SIGNAL_INTERRUPT = 2,
    SIGNAL_QUIT = 3,
    SIGNAL_SUSPEND = 20,
    SHORT_WRITE = 256,
    READ_CHUNK = 256,
    DRAIN_INTERVAL_NS = 5 * 1000 * 1000,
};

struct tty tty = {
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

void tty_signal_foreground(int number)
{
    if (tty.hooks)
        tty.hooks->signal_group(load_relaxed(&tty.foreground_group), number);
}

static void act_on(enum line_event event)
{
    if (event == LINE_SIGNAL_INTERRUPT)
        tty_signal_foreground(SIGNAL_INTERRUPT);
    else if (event == LINE_SIGNAL_QUIT)
        tty_signal_foreground(SIGNAL_QUIT);
    else if (event == LINE_SIGNAL_SUSPEND)
        tty_signal_foreground(SIGNAL_SUSPEND);
}

/* One byte; false: there is no room for it. Echo is best effort: a console that is full shows none. */
static bool take_byte(struct console_device *device, uint8_t byte, bool *is_readable)
{
    char echo[3];
    unsigned echo_len = 0;
    enum line_event event = LINE_NOTHING;
    spin_lock(&tty.lock);
    if (!tty.editor)
        tty.editor = kzalloc(sizeof *tty.editor, ALLOC_ATOMIC);
    bool has_room = !tty.editor || line_editor_has_room(tty.editor);
    if (tty.editor && has_room)
        event = line_editor_add(tty.editor, &tty.termios, byte, echo, &echo_len);
    tty.is_input_held = !has_room;
    spin_unlock(&tty.lock);
    if (echo_len)
        device->ops->write(device, echo, echo_len);
    *is_readable |= event == LINE_READABLE;
    act_on(event);
    return has_room;
}

/* Work context. */
static size_t console_received(struct console_device *device, const char *bytes, size_t n)
{
    bool is_readable = false;
    size_t done = 0;
    while (done < n && take_byte(device, (uint8_t)bytes[done], &is_readable))
        done++;
    if (is_readable)
        wake_up_all(&tty.readers, POLL_IN | POLL_RDNORM);
    return done;
}

void tty_resume_held_input(void)
{
    spin_lock(&tty.lock);
    bool is_held = tty.is_input_held;
    tty.is_input_held = false;
    spin_unlock(&tty.lock);
    if (is_held)
        tty.device->ops->resume_input(tty.device);
}

static void console_writable(struct console_device *device)
{
    wake_up_all(&tty.writers, POLL_OUT | POLL_WRNORM);
}

void tty_init(enum console_input input)
{
    tty.has_no_input = input != CONSOLE_INPUT_TERMINAL;
    tty.device = console_device_default();
    if (!tty.device) {
        log_warning("no console: the program's output is lost");
        return;
    }
    tty.device->writable = console_writable;
    if (input == CONSOLE_INPUT_TERMINAL) {
        tty.device->received = console_received;
        tty.device->ops->resume_input(tty.device);
    }
}

void tty_set_process_hooks(const struct tty_process_hooks *hooks)
{
    tty.hooks = hooks;
}

/* Other processes may still run and write: they do not keep the machine up. */
void console_drain(bool may_sleep)
{
    store_relaxed(&tty.is_closing, true);
    while (tty.device && !tty.device->ops->drain(tty.device) && may_sleep)
        sleep_until(clock_monotonic_ns() + DRAIN_INTERVAL_NS, WAIT_UNINTERRUPTIBLE);
}

static bool is_canonical(void)
{
    return load_relaxed(&tty.termios.local_flags) & LOCAL_CANONICAL;
}

bool tty_has_input(void)
{
    struct line_editor *editor = load_acquire(&tty.editor);
    return editor && load_relaxed(&editor->readable) > 0;
}

/* Sleeps until there is input: 0, or 1 for "answer with nothing", or -errno. VMIN above 1 counts as 1. */
static int wait_for_input(struct file *file)
{
    if (tty_has_input())
        return 0;
    if (!tty.device || tty.has_no_input)
        return 1;
    if (file_is_nonblocking(file))
        return -EAGAIN;
    uint64_t deadline = UINT64_MAX;
    if (!is_canonical() && !load_relaxed(&tty.termios.characters[CHARACTER_MINIMUM])) {
        unsigned tenths = load_relaxed(&tty.termios.characters[CHARACTER_TIME]);
        if (!tenths)
            return 1;
        deadline = clock_monotonic_ns() + (uint64_t)tenths * 100 * (uint64_t)NS_PER_MS;
    }
    int err = wait_event(&tty.readers, tty_has_input(), WAIT_INTERRUPTIBLE, deadline);
    return err == -ETIMEDOUT ? 1 : err;
}

static ssize_t tty_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    char bytes[READ_CHUNK];
    size_t done = 0;
    bool is_finished = false;
    if (!to->left)
        return 0;
    while (!done && !is_finished) {
        int err = wait_for_input(file);
        if (err)
            return err < 0 ? err : 0;
        while (to->left && !is_finished) {
            spin_lock(&tty.lock);
            bool canonical = tty.termios.local_flags & LOCAL_CANONICAL, at_end;
            size_t n = line_editor_take(tty.editor, canonical, bytes, MIN(to->left, sizeof bytes), &at_end);
            spin_unlock(&tty.lock);
            tty_resume_held_input();
            size_t copied = io_copy_to(to, bytes, n);
            done += copied;
            if (copied < n)
                return done ? (ssize_t)done : -EFAULT;
            is_finished = at_end || !n || (canonical && bytes[n - 1] == '\n');
            if (!n && !at_end && !done) {
                is_finished = false; /* another reader was faster */
                break;
            }
        }
    }
    return (ssize_t)done;
}

/* Writes what fits unless that was done already: a condition to wait for is looked at more than once. */
static bool has_written(const char *bytes, size_t n, size_t *part)
{
    if (!*part)
        *part = tty.device->ops->write(tty.device, bytes, n);
    return *part > 0;
}

/* All of it, sleeping while the console is full: bytes written, short or -errno when interrupted or not blocking. */
static ssize_t write_bytes(struct file *file, const char *bytes, size_t n)
{
    size_t done = 0;
    while (done < n) {
        size_t part = 0;
        int err = load_relaxed(&tty.is_closing) ? -EIO : 0;
        if (!err && file_is_nonblocking(file))
            err = has_written(bytes + done, n - done, &part) ? 0 : -EAGAIN;
        else if (!err)
            err = wait_event(&tty.writers, has_written(bytes + done, n - done, &part), WAIT_INTERRUPTIBLE, UINT64_MAX);
        done += part;
        if (err)
            return done ? (ssize_t)done : err;
    }
    return (ssize_t)done;
}

static ssize_t tty_write(struct file *file, struct io_vector *from, int64_t *offset)
{
    size_t wanted = from->left, done = 0;
    if (!tty.device) {
        io_advance(from, wanted);
        return (ssize_t)wanted;
    }
    char few[SHORT_WRITE];
    char *bytes = wanted > sizeof few ? kmalloc(MIN(wanted, PAGE_SIZE), ALLOC_WAIT) : NULL;
    size_t size = bytes ? MIN(wanted, PAGE_SIZE) : sizeof few;
    ssize_t result = 0;
    while (done < wanted) {
        size_t part = MIN(wanted - done, size);
        size_t n = io_copy_from(from, bytes ? bytes : few, part);
        result = n ? write_bytes(file, bytes ? bytes : few, n) : -EFAULT;
        if (result < 0)
            break;
        done += (size_t)result;
        if ((size_t)result < part)
            break;
    }
    kfree(bytes);
    return done ? (ssize_t)done : result;
}

static uint32_t tty_poll(struct file *file, struct poll_table *table)
{
    poll_listen(table, &tty.readers);
    poll_listen(table, &tty.writers);
    uint32_t bits = POLL_OUT | POLL_WRNORM;
    if (tty_has_input() || !tty.device || tty.has_no_input)
        bits |= POLL_IN | POLL_RDNORM;
    return bits;
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
    if (!tty_is_controlling())
        return -ENXIO;
    file->ops = &tty_file_ops;
    return 0;
}
