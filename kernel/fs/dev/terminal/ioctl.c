/* A terminal's settings, size and groups, as programs ask for them. */
#include <base/atomic.h>
#include <base/errno.h>
#include <base/string.h>
#include <base/user.h>
#include <file/poll.h>
#include <terminal/terminal.h>

static long set_termios(struct terminal *terminal, struct user *argument, bool flush)
{
    struct termios termios;
    int err = copy_struct_from_user(&termios, argument);
    if (err)
        return err;
    spin_lock(&terminal->lock);
    terminal->termios = termios;
    if (terminal->editor && flush)
        line_editor_flush(terminal->editor);
    if (terminal->editor)
        line_editor_mode_changed(terminal->editor, termios.local_flags & LOCAL_CANONICAL);
    spin_unlock(&terminal->lock);
    if (flush)
        terminal_resume_held_input(terminal);
    wake_up_all(&terminal->readers, POLL_IN | POLL_RDNORM);
    return 0;
}

static long get_termios(struct terminal *terminal, struct user *argument)
{
    spin_lock(&terminal->lock);
    struct termios termios = terminal->termios;
    spin_unlock(&terminal->lock);
    return copy_struct_to_user(argument, &termios);
}

static long set_size(struct terminal *terminal, struct user *argument)
{
    struct window_size size;
    int err = copy_struct_from_user(&size, argument);
    if (err)
        return err;
    spin_lock(&terminal->lock);
    bool is_changed = memcmp(&terminal->size, &size, sizeof size) != 0;
    terminal->size = size;
    spin_unlock(&terminal->lock);
    if (is_changed)
        terminal_signal_foreground(terminal, SIGNAL_WINDOW);
    return 0;
}

static long get_size(struct terminal *terminal, struct user *argument)
{
    spin_lock(&terminal->lock);
    struct window_size size = terminal->size;
    spin_unlock(&terminal->lock);
    return copy_struct_to_user(argument, &size);
}

static long set_group(struct terminal *terminal, struct user *argument)
{
    int32_t group;
    int err = copy_struct_from_user(&group, argument);
    if (err)
        return err;
    if (!terminal_is_controlling(terminal))
        return -ENOTTY;
    if (group <= 0)
        return -EINVAL;
    store_relaxed(&terminal->foreground_group, (uint32_t)group);
    return 0;
}

static long put_number(struct user *argument, uint32_t value)
{
    return copy_struct_to_user(argument, &value);
}

static long set_controlling(struct terminal *terminal)
{
    if (!terminal_caller_is_leader())
        return -EPERM;
    terminal_take_control(terminal);
    return 0;
}

static long flush_input(struct terminal *terminal)
{
    spin_lock(&terminal->lock);
    if (terminal->editor)
        line_editor_flush(terminal->editor);
    spin_unlock(&terminal->lock);
    terminal_resume_held_input(terminal);
    return 0;
}

long terminal_ioctl(struct terminal *terminal, unsigned command, struct user *argument)
{
    switch (command) {
    case TCGETS:
        return get_termios(terminal, argument);
    case TCSETS:
    case TCSETSW:
        return set_termios(terminal, argument, false);
    case TCSETSF:
        return set_termios(terminal, argument, true);
    case TIOCGWINSZ:
        return get_size(terminal, argument);
    case TIOCSWINSZ:
        return set_size(terminal, argument);
    case TIOCGPGRP:
        return terminal_is_controlling(terminal) ? put_number(argument, load_relaxed(&terminal->foreground_group))
                                                 : -ENOTTY;
    case TIOCSPGRP:
        return set_group(terminal, argument);
    case TIOCGSID:
        return terminal_is_controlling(terminal) ? put_number(argument, load_relaxed(&terminal->session)) : -ENOTTY;
    case TIOCSCTTY:
        return set_controlling(terminal);
    case TIOCNOTTY:
        return terminal_is_controlling(terminal) ? 0 : -ENOTTY;
    case FIONREAD:
        return put_number(argument, terminal_has_input(terminal) ? (uint32_t)line_editor_count(terminal->editor) : 0);
    case TIOCOUTQ:
        return put_number(argument, 0);
    case TCFLSH:
        return (user_address(argument) == 1 ? 0 : flush_input(terminal));
    case TCSBRK:
    case TCSBRKP:
    case TCXONC:
        return 0; /* what was written is with the device already */
    default:
        return -ENOTTY;
    }
}
