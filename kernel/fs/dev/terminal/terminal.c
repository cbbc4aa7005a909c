/*
 * Terminals: input through the line editor, output to the device, which makes the writer sleep while it is full. A full
 * terminal leaves input with its device until somebody has read.
 */
#include <arch/cpu.h>
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <file/file.h>
#include <file/poll.h>
#include <mm/alloc.h>
#include <terminal/terminal.h>

enum { SHORT_WRITE = 256, READ_CHUNK = 256 };
/* Set at boot, before programs run. */
static const struct tty_process_hooks *hooks;

void tty_set_process_hooks(const struct tty_process_hooks *given)
{
    hooks = given;
}

void terminal_signal_foreground(struct terminal *terminal, int number)
{
    if (hooks)
        hooks->signal_group(load_relaxed(&terminal->foreground_group), number);
}

static void act_on(struct terminal *terminal, enum line_event event)
{
    if (event == LINE_SIGNAL_INTERRUPT)
        terminal_signal_foreground(terminal, SIGNAL_INTERRUPT);
    else if (event == LINE_SIGNAL_QUIT)
        terminal_signal_foreground(terminal, SIGNAL_QUIT);
    else if (event == LINE_SIGNAL_SUSPEND)
        terminal_signal_foreground(terminal, SIGNAL_SUSPEND);
}

/* One byte; false: there is no room for it. Echo is best effort: a console that is full shows none. */
static bool take_byte(struct terminal *terminal, uint8_t byte, bool *is_readable)
{
    char echo[3];
    unsigned echo_len = 0;
    enum line_event event = LINE_NOTHING;
    spin_lock(&terminal->lock);
    if (!terminal->editor)
        terminal->editor = kzalloc(sizeof *terminal->editor, ALLOC_ATOMIC);
    bool has_room = !terminal->editor || line_editor_has_room(terminal->editor);
    if (terminal->editor && has_room)
        event = line_editor_add(terminal->editor, &terminal->termios, byte, echo, &echo_len);
    terminal->is_input_held = !has_room;
    spin_unlock(&terminal->lock);
    if (echo_len)
        terminal->ops->echo(terminal, echo, echo_len);
    *is_readable |= event == LINE_READABLE;
    act_on(terminal, event);
    return has_room;
}

size_t terminal_receive(struct terminal *terminal, const char *bytes, size_t n)
{
    bool is_readable = false;
    size_t done = 0;
    while (done < n && take_byte(terminal, (uint8_t)bytes[done], &is_readable))
        done++;
    if (is_readable)
        wake_up_all(&terminal->readers, POLL_IN | POLL_RDNORM);
    return done;
}

void terminal_resume_held_input(struct terminal *terminal)
{
    spin_lock(&terminal->lock);
    bool is_held = terminal->is_input_held;
    terminal->is_input_held = false;
    spin_unlock(&terminal->lock);
    if (is_held)
        terminal->ops->resume_input(terminal);
}

static bool is_canonical(struct terminal *terminal)
{
    return load_relaxed(&terminal->termios.local_flags) & LOCAL_CANONICAL;
}

bool terminal_has_input(struct terminal *terminal)
{
    struct line_editor *editor = load_acquire(&terminal->editor);
    return editor && load_relaxed(&editor->readable) > 0;
}

/* Sleeps until there is input: 0, or 1 for "answer with nothing", or -errno. VMIN above 1 counts as 1. */
static int wait_for_input(struct terminal *terminal, struct file *file)
{
    if (terminal_has_input(terminal))
        return 0;
    if (!terminal->ops || load_acquire(&terminal->has_no_input))
        return 1;
    if (file_is_nonblocking(file))
        return -EAGAIN;
    uint64_t deadline = UINT64_MAX;
    if (!is_canonical(terminal) && !load_relaxed(&terminal->termios.characters[CHARACTER_MINIMUM])) {
        unsigned tenths = load_relaxed(&terminal->termios.characters[CHARACTER_TIME]);
        if (!tenths)
            return 1;
        deadline = clock_monotonic_ns() + (uint64_t)tenths * 100 * (uint64_t)NS_PER_MS;
    }
    int err = wait_event(&terminal->readers, terminal_has_input(terminal) || load_acquire(&terminal->has_no_input),
                         WAIT_INTERRUPTIBLE, deadline);
    return err == -ETIMEDOUT ? 1 : err;
}

ssize_t terminal_read(struct terminal *terminal, struct file *file, struct io_vector *to)
{
    char bytes[READ_CHUNK];
    size_t done = 0;
    bool is_finished = false;
    if (!to->left)
        return 0;
    while (!done && !is_finished) {
        int err = wait_for_input(terminal, file);
        if (err)
            return err < 0 ? err : 0;
        while (to->left && !is_finished) {
            spin_lock(&terminal->lock);
            bool canonical = terminal->termios.local_flags & LOCAL_CANONICAL, at_end;
            size_t n = line_editor_take(terminal->editor, canonical, bytes, MIN(to->left, sizeof bytes), &at_end);
            spin_unlock(&terminal->lock);
            terminal_resume_held_input(terminal);
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
static bool has_written(struct terminal *terminal, const char *bytes, size_t n, size_t *part)
{
    if (!*part && !load_acquire(&terminal->is_closed))
        *part = terminal->ops->output(terminal, bytes, n);
    return *part > 0 || load_relaxed(&terminal->is_closed);
}

/* All of it, sleeping while the console is full: bytes written, short or -errno when interrupted or not blocking. */
static ssize_t write_bytes(struct terminal *terminal, struct file *file, const char *bytes, size_t n)
{
    size_t done = 0;
    while (done < n) {
        size_t part = 0;
        int err = load_relaxed(&terminal->is_closed) ? -EIO : 0;
        if (!err && file_is_nonblocking(file))
            err = has_written(terminal, bytes + done, n - done, &part) ? 0 : -EAGAIN;
        else if (!err)
            err = wait_event(&terminal->writers, has_written(terminal, bytes + done, n - done, &part),
                             WAIT_INTERRUPTIBLE, UINT64_MAX);
        done += part;
        if (err)
            return done ? (ssize_t)done : err;
    }
    return (ssize_t)done;
}

ssize_t terminal_write(struct terminal *terminal, struct file *file, struct io_vector *from)
{
    size_t wanted = from->left, done = 0;
    if (!terminal->ops) {
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
        result = n ? write_bytes(terminal, file, bytes ? bytes : few, n) : -EFAULT;
        if (result < 0)
            break;
        done += (size_t)result;
        if ((size_t)result < part)
            break;
    }
    kfree(bytes);
    return done ? (ssize_t)done : result;
}

uint32_t terminal_poll(struct terminal *terminal, struct poll_table *table)
{
    poll_listen(table, &terminal->readers);
    poll_listen(table, &terminal->writers);
    uint32_t bits = POLL_OUT | POLL_WRNORM;
    if (terminal_has_input(terminal) || !terminal->ops || load_relaxed(&terminal->has_no_input))
        bits |= POLL_IN | POLL_RDNORM;
    return load_relaxed(&terminal->is_closed) ? bits | POLL_HUP : bits;
}

/* ---- sessions ---- */

bool terminal_is_controlling(const struct terminal *terminal)
{
    return terminal->ops && hooks && hooks->current_session() == load_relaxed(&terminal->session);
}

bool terminal_caller_is_leader(void)
{
    return hooks && hooks->current_session() == thread_current()->id;
}

void terminal_take_control(struct terminal *terminal)
{
    if (!hooks)
        return;
    store_relaxed(&terminal->session, hooks->current_session());
    store_relaxed(&terminal->foreground_group, hooks->current_group());
}

uint32_t terminal_caller_uid(void)
{
    return hooks ? hooks->current_user() : 0;
}

void terminal_hang_up(struct terminal *terminal)
{
    store_release(&terminal->is_closed, true);
    store_release(&terminal->has_no_input, true);
    wake_up_all(&terminal->readers, 0);
    wake_up_all(&terminal->writers, 0);
    if (load_relaxed(&terminal->session)) {
        terminal_signal_foreground(terminal, SIGNAL_HANGUP);
        terminal_signal_foreground(terminal, SIGNAL_CONTINUE);
    }
}
