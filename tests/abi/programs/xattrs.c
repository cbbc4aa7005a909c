/* Extended attributes by path, by link and by descriptor; inotify. */
#include "show.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static char base[] = "/tmp/xattr-XXXXXX", buf[70000];

static int has(const char *list, long size, const char *name)
{
    for (long at = 0; at < size; at += (long)strlen(list + at) + 1)
        if (!strcmp(list + at, name))
            return 1;
    return 0;
}

static void attributes(void)
{
    char name[300];
    memset(name, 'n', sizeof name);
    memcpy(name, "user.", 5);
    name[299] = 0;
    int fd = open("file", O_RDWR | O_CREAT, 0644);
    SHOW(symlink("file", "link"));
    SHOW(setxattr("file", "trusted.a", "value", 5, 0));
    SHOW(getxattr("file", "trusted.a", buf, sizeof buf));
    SHOW(getxattr("link", "trusted.a", buf, 0));
    SHOW(getxattr("file", "trusted.a", buf, 4));
    SHOW(getxattr("file", "trusted.b", buf, sizeof buf));
    SHOW(getxattr("nothing", "trusted.a", buf, sizeof buf));
    SHOW(lgetxattr("link", "trusted.a", buf, sizeof buf));
    SHOW(fgetxattr(fd, "trusted.a", buf, sizeof buf));
    SHOW(fgetxattr(99, "trusted.a", buf, sizeof buf));
    SHOW(setxattr("file", "trusted.a", "x", 1, XATTR_CREATE));
    SHOW(setxattr("file", "trusted.b", "x", 1, XATTR_REPLACE));
    SHOW(setxattr("file", "trusted.a", "other", 5, XATTR_REPLACE));
    SHOW(setxattr("file", "trusted.a", "x", 1, 8));
    SHOW(fsetxattr(fd, "trusted.b", "", 0, XATTR_CREATE));
    SHOW(getxattr("file", "trusted.b", buf, sizeof buf));
    SHOW(lsetxattr("link", "trusted.l", "link's", 6, 0));
    SHOW(lgetxattr("link", "trusted.l", buf, sizeof buf));
    SHOW(getxattr("link", "trusted.l", buf, sizeof buf));
    SHOW(setxattr("file", "nothing.x", "x", 1, 0));
    SHOW(setxattr("file", "", "x", 1, 0));
    SHOW(setxattr("file", name, "x", 1, 0));
    SHOW(setxattr("file", "trusted.c", buf, 70000, 0));
    SHOW(syscall(SYS_setxattr, "file", "trusted.c", (void *)8, 5, 0));
    SHOW(syscall(SYS_setxattr, "file", (void *)8, "x", 1, 0));
    SHOW(syscall(SYS_getxattr, "file", "trusted.a", (void *)8, 5));
    long size = listxattr("file", NULL, 0);
    SHOW(size == listxattr("file", buf, sizeof buf));
    SHOW(has(buf, size, "trusted.a") + has(buf, size, "trusted.b") + has(buf, size, "trusted.l"));
    SHOW(listxattr("file", buf, 3));
    size = llistxattr("link", buf, sizeof buf);
    SHOW(has(buf, size, "trusted.l"));
    size = flistxattr(fd, buf, sizeof buf);
    SHOW(has(buf, size, "trusted.b"));
    SHOW(flistxattr(99, buf, sizeof buf));
    SHOW(removexattr("file", "trusted.a"));
    SHOW(removexattr("file", "trusted.a"));
    SHOW(lremovexattr("link", "trusted.l"));
    SHOW(fremovexattr(fd, "trusted.b"));
    SHOW(fremovexattr(99, "trusted.b"));
    close(fd);
}

/* One line an event: mask, length class and name. */
static void show_events(int fd)
{
    errno = 0;
    long n = read(fd, buf, sizeof buf);
    if (n < 0)
        printf("no events: %s\n", strerrorname_np(errno));
    for (long at = 0; at < n;) {
        struct inotify_event *event = (struct inotify_event *)(buf + at);
        printf("event %x%s %s\n", event->mask, event->cookie ? " cookie" : "", event->len ? event->name : "");
        at += (long)sizeof *event + event->len;
    }
}

static void watching(void)
{
    int fd = (int)syscall(SYS_inotify_init), other = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    SHOW(fd >= 0);
    SHOW(other >= 0);
    SHOW(inotify_init1(1));
    SHOW(fcntl(other, F_GETFD));
    int watch = inotify_add_watch(other, ".", IN_ALL_EVENTS);
    SHOW(watch);
    SHOW(inotify_add_watch(other, ".", IN_ALL_EVENTS) == watch);
    SHOW(inotify_add_watch(other, "nothing", IN_ALL_EVENTS));
    SHOW(inotify_add_watch(other, ".", 0));
    SHOW(inotify_add_watch(1, ".", IN_OPEN));
    SHOW(inotify_add_watch(99, ".", IN_OPEN));
    SHOW(inotify_add_watch(other, "file", IN_OPEN | IN_ONLYDIR));
    show_events(other);
    int file = open("new", O_RDWR | O_CREAT, 0600);
    show_events(other);
    SHOW(write(file, "x", 1));
    SHOW(ftruncate(file, 0));
    SHOW(fchmod(file, 0644));
    close(file);
    show_events(other);
    SHOW(rename("new", "newer"));
    show_events(other);
    SHOW(mkdir("dir", 0755));
    SHOW(rmdir("dir"));
    SHOW(unlink("newer"));
    show_events(other);
    SHOW(read(other, buf, 3));
    SHOW(inotify_rm_watch(other, watch));
    show_events(other);
    SHOW(inotify_rm_watch(other, watch));
    SHOW(inotify_rm_watch(1, watch));
    SHOW(inotify_add_watch(other, "file", IN_DELETE_SELF | IN_ATTRIB | IN_ONESHOT) > 0);
    SHOW(chmod("file", 0600));
    SHOW(chmod("file", 0644));
    show_events(other);
    close(fd);
    close(other);
}

int main(void)
{
    if (!mkdtemp(base) || chdir(base))
        return 1;
    attributes();
    watching();
    unlink("link");
    unlink("file");
    SHOW(rmdir(base));
}
