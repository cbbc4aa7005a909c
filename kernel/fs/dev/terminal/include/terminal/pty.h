/* Pseudo-terminals by number: what /dev/ptmx and /dev/pts are made of. */
#pragma once
#include <base/types.h>

struct file;
/* Each turns a file that is being opened into one of a pair. Master: of a new pair; -ENOSPC: there are too many. */
int pty_open_master(struct file *file);
/* The terminal's side; -ENXIO: there is none, -EIO: the master has not unlocked it. */
int pty_open_terminal(unsigned number, struct file *file);
/* The one that controls the caller's session; -ENXIO. */
int pty_open_controlling(struct file *file);

bool pty_exists(uint64_t number);
int pty_next(uint64_t *number);      /* the first from *number on whose master is open; -ENOENT past the last */
uint32_t pty_owner(unsigned number); /* uid */
