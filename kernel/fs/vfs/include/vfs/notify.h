/* inotify: watch lists on inodes and the events that the vfs raises. */
#pragma once
#include <base/types.h>

struct file;
struct inode;
struct dentry;

#define IN_ACCESS        0x001u
#define IN_MODIFY        0x002u
#define IN_ATTRIB        0x004u
#define IN_CLOSE_WRITE   0x008u
#define IN_CLOSE_NOWRITE 0x010u
#define IN_OPEN          0x020u
#define IN_MOVED_FROM    0x040u
#define IN_MOVED_TO      0x080u
#define IN_CREATE        0x100u
#define IN_DELETE        0x200u
#define IN_DELETE_SELF   0x400u
#define IN_MOVE_SELF     0x800u
#define IN_UNMOUNT       0x2000u
#define IN_Q_OVERFLOW    0x4000u
#define IN_IGNORED       0x8000u
#define IN_ONLYDIR       0x1000000u
#define IN_DONT_FOLLOW   0x2000000u
#define IN_EXCL_UNLINK   0x4000000u
#define IN_MASK_CREATE   0x10000000u
#define IN_MASK_ADD      0x20000000u
#define IN_ISDIR         0x40000000u
#define IN_ONESHOT       0x80000000u

/* Cheap when nobody watches: one load. `name` of the entry concerned (NULL: the inode itself). Never sleeps. */
void notify_inode(struct inode *inode, uint32_t event, const char *name, size_t len, uint32_t cookie);
/* The event on the inode and, by name, on its directory. */
void notify_dentry(struct dentry *dentry, uint32_t event);

/* flags: O_NONBLOCK; the descriptor's file. */
int inotify_create(unsigned flags, struct file **out);
int inotify_add(struct file *inotify, struct inode *inode, uint32_t mask); /* watch number or -errno; -EINVAL: not an inotify */
int inotify_remove(struct file *inotify, int watch);
