/* Pseudo-terminals: /dev/ptmx and the directory /dev/pts. */
#pragma once
#include <vfs/pseudo.h>

struct file;
/* The names in /dev/pts: for a dynamic directory's row. */
int pty_find(const struct pseudo_key *key, const char *name, size_t len, uint64_t *id);
int pty_next(const struct pseudo_key *key, uint64_t *id, char name[32]);
extern const struct pseudo_node pty_node;
/* /dev/ptmx: a new pair. -ENOSPC: there are too many. */
int pty_open_master(struct file *file);
/* /dev/tty of a session that a pseudo-terminal controls; -ENXIO. */
int pty_open_controlling(struct file *file);
