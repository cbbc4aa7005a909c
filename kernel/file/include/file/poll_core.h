/* Waiting for any of several files: poll, select and who else needs it. */
#pragma once
#include <file/file.h>
#include <file/poll.h>

struct poll_entry {
    struct file *file; /* referenced by the caller; NULL: passed over */
    uint32_t wanted;   /* POLL_ERR and POLL_HUP are always wanted */
    uint32_t found;    /* result */
};
/* The number of entries with something found, 0 past the deadline (0: does not wait), -ERESTARTSYS, -ENOMEM. */
int poll_files(struct poll_entry *entries, size_t count, uint64_t deadline_ns);
