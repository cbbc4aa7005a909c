/* /dev: the memory devices and the terminal over the machine's console. */
#pragma once
#include <base/types.h>

struct file;
struct file_system;

/* A mountable /dev, and the hook by which device nodes elsewhere open. "shm" in it is an empty directory for a tmpfs. */
int devfs_create(struct file_system **out);
/* Takes the default console for the terminal; after the drivers were probed. Without a console output vanishes and input
 * is at its end. `no_input`: reads find the end of the file. */
void tty_init(bool no_input);
/* /dev/console open for reading and writing: what process 1 gets as descriptors 0, 1 and 2. */
int console_open_file(struct file **out);
/* Waits until the console's output is out: before power-off. */
void console_drain(void);

/* What the terminal needs of processes, which stand above it. Set once at boot (kernel/process/proc). */
struct tty_process_hooks {
    void (*signal_group)(uint32_t group, int number); /* work context too */
    uint32_t (*current_group)(void);
    uint32_t (*current_session)(void);
};
void tty_set_process_hooks(const struct tty_process_hooks *hooks);
