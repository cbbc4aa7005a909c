/*
 * What the tests of the vfs share: a tmpfs for "/", and a fresh one at /t for each test, which test_end unmounts: that
 * fails when the test (or the vfs) still holds a name, and the count of live objects tells of leaks.
 */
#pragma once
#include <fakes/log.h>
#include <fakes/memory.h>
#include <fakes/sched.h>
#include <fakes/user.h>
#include <file/file.h>
#include <base/string.h>
#include <test/test.h>
#include <tmpfs/tmpfs.h>
#include <vfs/io.h>
#include <vfs/locks.h>
#include <vfs/notify.h>
#include <vfs/pseudo.h>
#include <vfs/vfs.h>

extern struct vfs_caller root_user, plain_user; /* at "/"; plain_user is 1000, group 100 */

void test_begin(void);
void test_end(void);
#define VFS_TEST(id)                                                                                                   \
    static void body_##id(void);                                                                                       \
    TEST(id)                                                                                                           \
    {                                                                                                                  \
        test_begin();                                                                                                  \
        body_##id();                                                                                                   \
        test_end();                                                                                                    \
    }                                                                                                                  \
    static void body_##id(void)

/* As the root user. The file, or NULL with *err (may be NULL). */
struct file *open_as(const struct vfs_caller *caller, const char *path, unsigned flags, int *err);
int open_error(const char *path, unsigned flags); /* opens, closes at once */
int make_file(const char *path, const char *text);
int lookup_error(const char *path, unsigned flags);
uint64_t inode_number(const char *path); /* 0: not there */
uint32_t mode_of(const char *path);
ssize_t write_text(struct file *file, const char *text);
/* The next bytes, as a string, in a static buffer. */
const char *read_text(struct file *file);
const char *file_text(const char *path);
const char *path_of(struct file *file);
/* Names in a directory in the order of getdents, with blanks between; "." and ".." left out. */
const char *list_names(struct file *directory, size_t buffer_size);
