/*
 * A terminal: settings, line editing, the session that it controls, readers and writers. What is behind it, the
 * machine's console or the master side of a pseudo-terminal, gives the operations.
 */
#pragma once
#include <base/spinlock.h>
#include <line_editor/line_editor.h>
#include <sched/wait.h>
#include <terminal/hooks.h>

struct file;
struct io_vector;
struct poll_table;
struct user;

enum {
    SIGNAL_HANGUP = 1,
    SIGNAL_INTERRUPT = 2,
    SIGNAL_QUIT = 3,
    SIGNAL_CONTINUE = 18,
    SIGNAL_SUSPEND = 20,
    SIGNAL_WINDOW = 28
};

struct terminal;
struct terminal_ops {
    /* Output: as many bytes as there is room for; does not sleep, terminal->lock is not held. */
    size_t (*output)(struct terminal *terminal, const char *bytes, size_t n);
    size_t (*echo)(struct terminal *terminal, const char *bytes, size_t n); /* the same, of what was typed */
    /* Input that terminal_receive refused has room now. Does not sleep. */
    void (*resume_input)(struct terminal *terminal);
};
struct terminal {
    const struct terminal_ops *ops; /* NULL: nothing is behind it; output vanishes, input is at its end */
    bool is_closed;                 /* atomic: nothing more goes out */
    bool has_no_input;              /* atomic: a read without input is at the end at once */
    struct spinlock lock;
    bool is_input_held GUARDED_BY(&lock); /* the device keeps some, as there was no room */
    struct termios termios GUARDED_BY(&lock);
    struct window_size size GUARDED_BY(&lock);
    struct line_editor *editor GUARDED_BY(&lock); /* made when the first byte comes; freed with the terminal */
    uint32_t foreground_group, session;           /* atomic; session 0: it controls none */
    struct wait_queue readers, writers;
};

/* Input from the device: how many bytes were taken; the rest is to come again after resume_input. Not in hard
 * interrupts. */
size_t terminal_receive(struct terminal *terminal, const char *bytes, size_t n);
ssize_t terminal_read(struct terminal *terminal, struct file *file, struct io_vector *to);
ssize_t terminal_write(struct terminal *terminal, struct file *file, struct io_vector *from);
uint32_t terminal_poll(struct terminal *terminal, struct poll_table *table);
long terminal_ioctl(struct terminal *terminal, unsigned command, struct user *argument);

bool terminal_has_input(struct terminal *terminal);
/* After bytes were taken out or thrown away, without the lock: the device may go on. */
void terminal_resume_held_input(struct terminal *terminal);
/* A signal for the foreground group; any context but hard interrupt. */
void terminal_signal_foreground(struct terminal *terminal, int number);
/* Whether it is the terminal of the caller's session. */
bool terminal_is_controlling(const struct terminal *terminal);
/* It becomes the terminal of the caller's session. */
void terminal_take_control(struct terminal *terminal);
/* The other side is gone: readers get the end, writers EIO, the session's foreground SIGHUP. */
void terminal_hang_up(struct terminal *terminal);
uint32_t terminal_caller_uid(void);
/* The caller leads its session: then an open terminal can become the session's. */
bool terminal_caller_is_leader(void);
