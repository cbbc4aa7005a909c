/*
 * Pseudo-terminals. An open of /dev/ptmx makes a pair: its file is the master, /dev/pts/N the terminal. What programs
 * write to the terminal goes, with NL as CR NL, into a ring that the master reads; what the master writes is the
 * terminal's input. The pair lives as long as one of its files; it leaves the table when the master is closed, which
 * hangs the terminal up.
 */
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <base/user.h>
#include <file/file.h>
#include <file/poll.h>
#include <mm/alloc.h>
#include <terminal/pty.h>
#include <terminal/terminal.h>

enum { PTY_MAX = 256, RING = 4096, PIECE = 256 };
enum { TIOCGPTN = 0x80045430u, TIOCSPTLCK = 0x40045431u, TIOCGPTLCK = 0x80045439u };

struct pty {
    struct terminal terminal;
    struct refcount refs;                   /* the open files */
    unsigned number;                        /* const */
    uint32_t uid;                           /* const: who made it */
    uint32_t is_locked;                     /* atomic: the terminal cannot be opened yet (TIOCSPTLCK) */
    uint32_t terminals;                     /* atomic: open files of the terminal's side */
    bool was_opened;                        /* atomic: the terminal's side, at least once */
    struct spinlock ring_lock;              /* a leaf */
    char ring[RING] GUARDED_BY(&ring_lock); /* output: `used` bytes from `head` on */
    unsigned head GUARDED_BY(&ring_lock), used GUARDED_BY(&ring_lock);
    struct wait_queue readers, writers; /* of the master */
};

static struct spinlock table_lock;                         /* a leaf */
static struct pty *table[PTY_MAX] GUARDED_BY(&table_lock); /* whose master is open */

static struct pty *pty_of(struct terminal *terminal)
{
    return container_of(terminal, struct pty, terminal);
}

static void pty_put(struct pty *pty)
{
    if (!refcount_put(&pty->refs))
        return;
    kfree(pty->terminal.editor);
    kfree(pty);
}

/* ---- output: from the terminal to the master ---- */

static void push_locked(struct pty *pty, char byte)
{
    pty->ring[(pty->head + pty->used++) % RING] = byte;
}

/* `with_returns`: a CR before each NL, both or neither. */
static size_t push(struct pty *pty, const char *bytes, size_t n, bool with_returns)
{
    size_t done = 0;
    spin_lock(&pty->ring_lock);
    for (; done < n; done++) {
        bool needs_return = with_returns && bytes[done] == '\n';
        if (RING - pty->used < 1u + needs_return)
            break;
        if (needs_return)
            push_locked(pty, '\r');
        push_locked(pty, bytes[done]);
    }
    spin_unlock(&pty->ring_lock);
    if (done)
        wake_up_all(&pty->readers, POLL_IN | POLL_RDNORM);
    return done;
}

static size_t pty_output(struct terminal *terminal, const char *bytes, size_t n)
{
    uint32_t wanted = OUTPUT_PROCESS | OUTPUT_NL_TO_CR_NL;
    return push(pty_of(terminal), bytes, n, (load_relaxed(&terminal->termios.output_flags) & wanted) == wanted);
}

static size_t pty_echo(struct terminal *terminal, const char *bytes, size_t n)
{
    return push(pty_of(terminal), bytes, n, false);
}

static void pty_resume_input(struct terminal *terminal)
{
    wake_up_all(&pty_of(terminal)->writers, POLL_OUT | POLL_WRNORM);
}

/* ---- the terminal's files ---- */

static ssize_t slave_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    return terminal_read(file->data, file, to);
}

static ssize_t slave_write(struct file *file, struct io_vector *from, int64_t *offset)
{
    return terminal_write(file->data, file, from);
}

static uint32_t slave_poll(struct file *file, struct poll_table *table_)
{
    return terminal_poll(file->data, table_);
}

static long slave_ioctl(struct file *file, unsigned command, struct user *argument)
{
    return terminal_ioctl(file->data, command, argument);
}

static void slave_release(struct file *file)
{
    struct pty *pty = pty_of(file->data);
    if (atomic_fetch_sub(&pty->terminals, 1u) == 1) {
        store_relaxed(&pty->terminal.session, 0u);
        wake_up_all(&pty->readers, 0);
    }
    pty_put(pty);
}

static const struct file_ops slave_ops = {
    .read = slave_read,
    .write = slave_write,
    .poll = slave_poll,
    .ioctl = slave_ioctl,
    .release = slave_release,
    .name = "pts",
};

static void attach(struct pty *pty, struct file *file)
{
    atomic_fetch_add(&pty->terminals, 1u);
    store_release(&pty->was_opened, true);
    file->ops = &slave_ops;
    file->data = &pty->terminal;
}

/* The pair of that number, or the one that controls the caller's session; referenced. */
static struct pty *find_pty(unsigned number, bool wants_controlling)
{
    struct pty *found = NULL;
    spin_lock(&table_lock);
    for (unsigned i = wants_controlling ? 0 : number; !found && i < PTY_MAX; i++) {
        if (table[i] && (!wants_controlling || terminal_is_controlling(&table[i]->terminal)))
            found = table[i];
        if (!wants_controlling)
            break;
    }
    if (found)
        refcount_get(&found->refs);
    spin_unlock(&table_lock);
    return found;
}

int pty_open_controlling(struct file *file)
{
    struct pty *pty = find_pty(0, true);
    if (!pty)
        return -ENXIO;
    attach(pty, file);
    return 0;
}

int pty_open_terminal(unsigned number, struct file *file)
{
    struct pty *pty = find_pty(number, false);
    if (!pty)
        return -ENXIO;
    if (load_acquire(&pty->is_locked)) {
        pty_put(pty);
        return -EIO;
    }
    attach(pty, file);
    return 0;
}

/* ---- the master's file ---- */

static bool has_output(const struct pty *pty)
{
    return load_acquire(&pty->used) > 0;
}

static bool is_abandoned(const struct pty *pty)
{
    return load_acquire(&pty->was_opened) && !load_acquire(&pty->terminals);
}

static size_t take(struct pty *pty, char *to, size_t n)
{
    spin_lock(&pty->ring_lock);
    n = MIN(n, (size_t)pty->used);
    for (size_t i = 0; i < n; i++)
        to[i] = pty->ring[(pty->head + i) % RING];
    pty->head = (pty->head + (unsigned)n) % RING;
    pty->used -= (unsigned)n;
    spin_unlock(&pty->ring_lock);
    return n;
}

static ssize_t master_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    struct pty *pty = file->data;
    char piece[PIECE];
    size_t done = 0;
    if (!to->left)
        return 0;
    if (!has_output(pty) && file_is_nonblocking(file))
        return is_abandoned(pty) ? -EIO : -EAGAIN;
    int err = wait_event(&pty->readers, has_output(pty) || is_abandoned(pty), WAIT_INTERRUPTIBLE, UINT64_MAX);
    if (err)
        return err;
    while (to->left) {
        size_t n = take(pty, piece, MIN(to->left, sizeof piece));
        size_t copied = io_copy_to(to, piece, n);
        done += copied;
        if (copied < n)
            return done ? (ssize_t)done : -EFAULT;
        if (!n)
            break;
    }
    wake_up_all(&pty->terminal.writers, POLL_OUT | POLL_WRNORM);
    return done ? (ssize_t)done : -EIO;
}

static ssize_t master_write(struct file *file, struct io_vector *from, int64_t *offset)
{
    struct pty *pty = file->data;
    char piece[PIECE];
    size_t done = 0;
    while (from->left) {
        size_t n = io_copy_from(from, piece, MIN(from->left, sizeof piece)), taken = 0;
        if (!n)
            return done ? (ssize_t)done : -EFAULT;
        while (taken < n) {
            size_t part = terminal_receive(&pty->terminal, piece + taken, n - taken);
            taken += part;
            if (part)
                continue;
            int err = file_is_nonblocking(file) ? -EAGAIN : 0;
            if (!err)
                err = wait_event(&pty->writers, !load_acquire(&pty->terminal.is_input_held), WAIT_INTERRUPTIBLE,
                                 UINT64_MAX);
            if (err)
                return done + taken ? (ssize_t)(done + taken) : err;
        }
        done += taken;
    }
    return (ssize_t)done;
}

static uint32_t master_poll(struct file *file, struct poll_table *table_)
{
    struct pty *pty = file->data;
    poll_listen(table_, &pty->readers);
    poll_listen(table_, &pty->writers);
    uint32_t bits = load_relaxed(&pty->terminal.is_input_held) ? 0 : POLL_OUT | POLL_WRNORM;
    if (has_output(pty))
        bits |= POLL_IN | POLL_RDNORM;
    return is_abandoned(pty) ? bits | POLL_HUP : bits;
}

static long set_lock(struct pty *pty, const struct user *argument)
{
    int32_t value;
    int err = copy_struct_from_user(&value, argument);
    if (!err)
        store_release(&pty->is_locked, (uint32_t)(value != 0));
    return err;
}

static long put_number(struct user *argument, uint32_t value)
{
    return copy_struct_to_user(argument, &value);
}

static long master_ioctl(struct file *file, unsigned command, struct user *argument)
{
    struct pty *pty = file->data;
    switch (command) {
    case TIOCGPTN:
        return put_number(argument, pty->number);
    case TIOCSPTLCK:
        return set_lock(pty, argument);
    case TIOCGPTLCK:
        return put_number(argument, load_acquire(&pty->is_locked));
    case FIONREAD:
        return put_number(argument, load_acquire(&pty->used));
    case TIOCGPGRP:
        return put_number(argument, load_relaxed(&pty->terminal.foreground_group));
    case TIOCGSID:
        return load_relaxed(&pty->terminal.session) ? put_number(argument, load_relaxed(&pty->terminal.session))
                                                    : -ENOTTY;
    case TIOCSCTTY:
    case TIOCNOTTY:
    case TIOCSPGRP:
        return -ENOTTY;
    default:
        return terminal_ioctl(&pty->terminal, command, argument);
    }
}

static void master_release(struct file *file)
{
    struct pty *pty = file->data;
    spin_lock(&table_lock);
    table[pty->number] = NULL;
    spin_unlock(&table_lock);
    terminal_hang_up(&pty->terminal);
    pty_put(pty);
}

static const struct file_ops master_ops = {
    .read = master_read,
    .write = master_write,
    .poll = master_poll,
    .ioctl = master_ioctl,
    .release = master_release,
    .name = "ptmx",
};

static struct pty *pty_create(void)
{
    static const struct terminal_ops ops = {.output = pty_output, .echo = pty_echo, .resume_input = pty_resume_input};
    static const struct termios termios = {
        .input_flags = INPUT_CR_TO_NL | INPUT_STOP_AND_GO,
        .output_flags = OUTPUT_PROCESS | OUTPUT_NL_TO_CR_NL,
        .control_flags = CONTROL_38400_8_READ,
        .local_flags = LOCAL_SIGNALS | LOCAL_CANONICAL | LOCAL_ECHO | LOCAL_ECHO_ERASE | LOCAL_ECHO_KILL |
                       LOCAL_ECHO_CONTROL | LOCAL_ECHO_KILL_ERASE | LOCAL_EXTENDED,
        .characters = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0},
    };
    struct pty *pty = kzalloc(sizeof *pty, ALLOC_WAIT);
    if (!pty)
        return NULL;
    pty->terminal.ops = &ops;
    pty->terminal.termios = termios;
    wait_queue_init(&pty->terminal.readers);
    wait_queue_init(&pty->terminal.writers);
    wait_queue_init(&pty->readers);
    wait_queue_init(&pty->writers);
    refcount_init(&pty->refs, 1);
    pty->is_locked = 1;
    pty->uid = terminal_caller_uid();
    return pty;
}

int pty_open_master(struct file *file)
{
    struct pty *pty = pty_create();
    if (!pty)
        return -ENOMEM;
    unsigned number = 0;
    spin_lock(&table_lock);
    while (number < PTY_MAX && table[number])
        number++;
    if (number < PTY_MAX) {
        pty->number = number;
        table[number] = pty;
    }
    spin_unlock(&table_lock);
    if (number == PTY_MAX) {
        pty_put(pty);
        return -ENOSPC;
    }
    file->ops = &master_ops;
    file->data = pty;
    return 0;
}

/* ---- the table ---- */

bool pty_exists(uint64_t number)
{
    struct pty *pty = number < PTY_MAX ? find_pty((unsigned)number, false) : NULL;
    if (pty)
        pty_put(pty);
    return pty;
}

int pty_next(uint64_t *number)
{
    spin_lock(&table_lock);
    while (*number < PTY_MAX && !table[*number])
        ++*number;
    spin_unlock(&table_lock);
    return *number < PTY_MAX ? 0 : -ENOENT;
}

uint32_t pty_owner(unsigned number)
{
    struct pty *pty = find_pty(number, false);
    uint32_t uid = pty ? pty->uid : 0;
    if (pty)
        pty_put(pty);
    return uid;
}
