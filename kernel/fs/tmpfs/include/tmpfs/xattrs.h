/* Extended attributes in memory: user., trusted., security. Its own lock; values are what xattr(7) says. */
#pragma once
#include <base/errno.h>
#include <base/spinlock.h>

struct memory_xattr;
struct memory_xattrs {
    struct spinlock lock; /* a leaf */
    struct memory_xattr *first GUARDED_BY(&lock);
    size_t total GUARDED_BY(&lock); /* bytes of names and values */
};
void memory_xattrs_init(struct memory_xattrs *xattrs);
void memory_xattrs_destroy(struct memory_xattrs *xattrs);
/* The value's length; size 0 asks for it. -ENODATA, -ERANGE. */
ssize_t memory_xattrs_get(struct memory_xattrs *xattrs, const char *name, void *to, size_t size);
/* flags: XATTR_CREATE 1 (-EEXIST), XATTR_REPLACE 2 (-ENODATA). -EOPNOTSUPP, -ENOSPC, -ENOMEM. */
int memory_xattrs_set(struct memory_xattrs *xattrs, const char *name, const void *value, size_t size, int flags);
int memory_xattrs_remove(struct memory_xattrs *xattrs, const char *name);
/* Names, each terminated: bytes in all; size 0 asks. -ERANGE. */
ssize_t memory_xattrs_list(struct memory_xattrs *xattrs, char *to, size_t size);
