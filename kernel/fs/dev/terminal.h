/*
 * A terminal: settings, line editing, the session that it controls, readers and writers. What is behind it, the
 * machine's console or the master side of a pseudo-terminal, gives the operations.
 */
#pragma once
#include <devfs/devfs.h>
#include <file/file.h>
#include <line_editor/line_editor.h>
#include <sched/wait.h>

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
    size_t (*write)(struct terminal *terminal, const char *bytes, size_t n);
    /* Input that terminal_receive refused has room now. Does not sleep. */
    void (*resume_input)(struct terminal *terminal);
};
struct terminal {
    const struct terminal_ops *ops; /* NULL: no device, output vanishes */
    bool is_closed;                 /* atomic: nothing more goes out or comes in */
    bool has_no_input;              /* fixed at boot: reads are at the end at once */
    struct spinlock lock;
    bool is_input_held GUARDED_BY(&lock); /* the device keeps some, as there was no room */
    struct termios termios GUARDED_BY(&lock);
    struct window_size size GUARDED_BY(&lock);
    struct line_editor *editor GUARDED_BY(&lock); /* made when the first byte comes */
    uint32_t foreground_group, session;           /* atomic; session 0: it controls none */
    struct wait_queue readers, writers;
};

void terminal_set_hooks(const struct tty_process_hooks *hooks);
/* Input from the device: how many bytes were taken; the rest is to come again after resume_input. */
size_t terminal_receive(struct terminal *terminal, const char *bytes, size_t n);
ssize_t terminal_read(struct terminal *terminal, struct file *file, struct io_vector *to);
ssize_t terminal_write(struct terminal *terminal, struct file *file, struct io_vector *from);
uint32_t terminal_poll(struct terminal *terminal, struct poll_table *table);
long terminal_ioctl(struct terminal *terminal, unsigned command, struct user *argument);
/* It is the terminal of the caller's session. */
bool terminal_is_controlling(const struct terminal *terminal);
/* As an open without O_NOCTTY does: it becomes the terminal of a session leader that has none. */
void terminal_opened(struct terminal *terminal, const struct file *file);
/* The other side is gone: readers get the end, writers EIO, the session SIGHUP. */
void terminal_hang_up(struct terminal *terminal);
