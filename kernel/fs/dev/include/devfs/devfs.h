/* /dev: the memory devices and the terminal over the machine's console. */
#pragma once
#include <base/types.h>

struct file;
struct file_system;

/* A mountable /dev, and the hook by which device nodes elsewhere open. "shm" in it is an empty directory for a tmpfs. */
int devfs_create(struct file_system **out);
enum console_input {
    CONSOLE_INPUT_TERMINAL, /* lines, with editing and signal characters */
    CONSOLE_INPUT_NONE,     /* descriptor 0 is /dev/null */
    CONSOLE_INPUT_PIPE,     /* descriptor 0 is a pipe that carries the console's bytes as they are */
};
/* Takes the default console for the terminal; after the drivers were probed. Without a console output vanishes and input
 * is at its end. Input comes from here on; until then the console keeps it. */
void tty_init(enum console_input input);
/* What process 1 gets as descriptor 0 and as 1 and 2. Once, after tty_init. */
int console_open_input(enum console_input input, struct file **out);
int console_open_output(struct file **out);
/* CONSOLE_INPUT_PIPE: the input ends after that many bytes in all, those already read included. Work context. */
void console_input_end(uint64_t total_bytes);
/* Before power-off: nothing more is written, and what was written goes out. `may_sleep`: for as long as the host takes to
 * read it, else for some milliseconds. */
void console_drain(bool may_sleep);
