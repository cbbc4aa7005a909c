/* The terminal's settings, size and groups, as programs ask for them. */
#include <base/atomic.h>
#include <base/errno.h>
#include <base/string.h>
#include <base/user.h>
#include <device/console.h>
#include <file/poll.h>
#include "tty.h"

enum { SIGNAL_WINDOW = 28 };

static long set_termios(struct user *argument, bool flush)
{
    struct termios termios;
    int err = copy_struct_from_user(&termios, argument);
    if (err)
        return err;
    spin_lock(&tty.lock);
    tty.termios = termios;
    if (tty.editor && flush)
        line_editor_flush(tty.editor);
    if (tty.editor)
        line_editor_mode_changed(tty.editor, termios.local_flags & LOCAL_CANONICAL);
    spin_unlock(&tty.lock);
    if (flush)
        tty_resume_held_input();
    wake_up_all(&tty.readers, POLL_IN | POLL_RDNORM);
    return 0;
}

static long get_termios(struct user *argument)
{
    spin_lock(&tty.lock);
    struct termios termios = tty.termios;
    spin_unlock(&tty.lock);
    return copy_struct_to_user(argument, &termios);
}

static long set_size(struct user *argument)
{
    struct window_size size;
    int err = copy_struct_from_user(&size, argument);
    if (err)
        return err;
    spin_lock(&tty.lock);
    bool is_changed = memcmp(&tty.size, &size, sizeof size) != 0;
    tty.size = size;
    spin_unlock(&tty.lock);
    if (is_changed)
        tty_signal_foreground(SIGNAL_WINDOW);
    return 0;
}

static long get_size(struct user *argument)
{
    spin_lock(&tty.lock);
    struct window_size size = tty.size;
    spin_unlock(&tty.lock);
    return copy_struct_to_user(argument, &size);
}

bool tty_is_controlling(void)
{
    return tty.device && tty.hooks && tty.hooks->current_session() == load_relaxed(&tty.session);
}

static long set_group(struct user *argument)
{
    int32_t group;
    int err = copy_struct_from_user(&group, argument);
    if (err)
        return err;
    if (!tty_is_controlling())
        return -ENOTTY;
    if (group <= 0)
        return -EINVAL;
    store_relaxed(&tty.foreground_group, (uint32_t)group);
    return 0;
}

static long put_number(struct user *argument, uint32_t value)
{
    return copy_struct_to_user(argument, &value);
}

static long set_controlling(void)
{
    if (!tty.hooks)
        return -ENOTTY;
    store_relaxed(&tty.session, tty.hooks->current_session());
    store_relaxed(&tty.foreground_group, tty.hooks->current_group());
    return 0;
}

static long tty_flush_input(void)
{
    spin_lock(&tty.lock);
    if (tty.editor)
        line_editor_flush(tty.editor);
    spin_unlock(&tty.lock);
    tty_resume_held_input();
    return 0;
}

long tty_ioctl(struct file *file, unsigned command, struct user *argument)
{
    switch (command) {
    case TCGETS:
        return get_termios(argument);
    case TCSETS:
    case TCSETSW:
        return set_termios(argument, false);
    case TCSETSF:
        return set_termios(argument, true);
    case TIOCGWINSZ:
        return get_size(argument);
    case TIOCSWINSZ:
        return set_size(argument);
    case TIOCGPGRP:
        return tty_is_controlling() ? put_number(argument, load_relaxed(&tty.foreground_group)) : -ENOTTY;
    case TIOCSPGRP:
        return set_group(argument);
    case TIOCGSID:
        return tty_is_controlling() ? put_number(argument, load_relaxed(&tty.session)) : -ENOTTY;
    case TIOCSCTTY:
        return set_controlling();
    case TIOCNOTTY:
        return tty_is_controlling() ? 0 : -ENOTTY;
    case FIONREAD:
        return put_number(argument, tty_has_input() ? (uint32_t)line_editor_count(tty.editor) : 0);
    case TIOCOUTQ:
        return put_number(argument, 0);
    case TCFLSH:
        return (user_address(argument) == 1 ? 0 : tty_flush_input());
    case TCSBRK:
    case TCSBRKP:
    case TCXONC:
        return 0; /* what was written is with the device already */
    default:
        return -ENOTTY;
    }
}
