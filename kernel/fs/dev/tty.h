/* The one terminal: what tty.c and tty_ioctl.c share. */
#pragma once
#include <base/spinlock.h>
#include <devfs/devfs.h>
#include <line_editor/line_editor.h>
#include <sched/wait.h>

struct console_device;
struct file;
struct user;

struct tty {
    struct console_device *device; /* fixed at boot */
    const struct tty_process_hooks *hooks;
    bool is_closing;   /* power-off: nothing more goes out */
    bool has_no_input; /* fixed at boot: the console gives none, or gives it to the input pipe */
    struct spinlock lock;
    bool is_input_held GUARDED_BY(&lock); /* the console keeps some, as there was no room */
    struct termios termios GUARDED_BY(&lock);
    struct window_size size GUARDED_BY(&lock);
    struct line_editor *editor GUARDED_BY(&lock); /* made when the first byte comes */
    uint32_t foreground_group, session GUARDED_BY(&lock);
    struct wait_queue readers, writers;
};
extern struct tty tty;

/* A signal for the foreground group; any context but hard interrupt. */
void tty_signal_foreground(int number);
bool tty_has_input(void);
/* After bytes were taken out or thrown away, without the lock: the console may go on. */
void tty_resume_held_input(void);
/* Whether it is the caller's session's. */
bool tty_is_controlling(void);
long tty_ioctl(struct file *file, unsigned command, struct user *argument);
