/* /proc, and what /dev's terminal asks of processes. */
#pragma once
#include <base/types.h>

struct file_system;

/* A mountable /proc; also sets the terminal's hooks. `command_line` must stay. */
int proc_create(const char *command_line, struct file_system **out);

/*
 * A file of /proc/net that the network fills: prints its whole text into `to`, at most `size` bytes without a NUL, and
 * returns how many it would have taken (as snprintf: it is called again with more room when that was too little).
 */
struct proc_net_file {
    const char *name; /* "tcp", "if_inet6", … one of those in /proc/net; others are not shown */
    size_t (*print)(char *to, size_t size);
};
/* `files` ends with a NULL name and must stay. Once at boot, before programs run. */
void proc_set_net_files(const struct proc_net_file *files);
