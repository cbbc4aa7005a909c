/* Calls relative to a directory's descriptor, openat2's rules, times, owners, directories read the old way, statfs. */
#include "show.h"
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

static int dir;
static char base[] = "/tmp/at-XXXXXX";

static void making(void)
{
    char text[64];
    SHOW(mkdirat(dir, "sub", 0750));
    SHOW(mkdirat(dir, "sub", 0750));
    SHOW(mkdirat(dir, "no/sub", 0750));
    SHOW(mkdirat(99, "x", 0750));
    SHOW(mkdirat(1, "x", 0750));
    SHOW(mkdirat(dir, "", 0750));
    SHOW(mknodat(dir, "plain", S_IFREG | 0640, 0));
    SHOW(mknodat(dir, "plain", S_IFREG | 0640, 0));
    SHOW(mknodat(dir, "pipe", S_IFIFO | 0640, 0));
    SHOW(mknodat(dir, "odd", S_IFDIR | 0640, 0));
    SHOW(symlinkat("plain", dir, "link"));
    SHOW(symlinkat("plain", dir, "link"));
    SHOW(symlinkat("", dir, "empty"));
    memset(text, 0, sizeof text);
    SHOW(readlinkat(dir, "link", text, sizeof text));
    puts(text);
    SHOW(readlinkat(dir, "link", text, 2));
    SHOW(readlinkat(dir, "link", text, 0));
    SHOW(readlinkat(dir, "plain", text, sizeof text));
    SHOW(readlinkat(dir, "nothing", text, sizeof text));
    int fd = openat(dir, "plain", O_RDWR);
    SHOW(fd >= 0);
    SHOW(openat(dir, "plain", O_RDWR | O_CREAT | O_EXCL, 0600));
    SHOW(openat(dir, "plain/x", O_RDWR));
    SHOW(openat(fd, "x", O_RDWR));
    SHOW(openat(dir, "link", O_RDWR | O_NOFOLLOW));
    SHOW(openat(dir, "sub", O_RDWR));
    SHOW(openat(dir, "plain", O_RDONLY | O_DIRECTORY));
    close(fd);
    fd = creat("/tmp/at-created", 0604);
    SHOW(write(fd, "x", 1));
    SHOW(read(fd, text, 1));
    close(fd);
    unlink("/tmp/at-created");
}

static void changing(void)
{
    struct stat st;
    SHOW(fchmodat(dir, "link", 0604, 0));
    SHOW(fstatat(dir, "plain", &st, 0));
    SHOW(st.st_mode & 07777);
    SHOW(syscall(SYS_fchmodat, dir, "nothing", 0600));
    SHOW(fchownat(dir, "link", 11, 22, AT_SYMLINK_NOFOLLOW));
    SHOW(fstatat(dir, "link", &st, AT_SYMLINK_NOFOLLOW));
    SHOW(st.st_uid * 100 + st.st_gid);
    SHOW(fchownat(dir, "plain", 33, -1, 0));
    SHOW(fchownat(dir, "plain", 1, 1, 1));
    SHOW(fstatat(dir, "plain", &st, 0));
    SHOW(st.st_uid * 100 + st.st_gid);
    int fd = openat(dir, "plain", O_RDONLY);
    SHOW(fchown(fd, 44, 55));
    SHOW(fchownat(fd, "", -1, 66, AT_EMPTY_PATH));
    SHOW(fstat(fd, &st));
    SHOW(st.st_uid * 100 + st.st_gid);
    close(fd);
    SHOW(fchown(fd, 1, 1));
    SHOW(lchown("link", 77, 88));
    SHOW(lstat("link", &st));
    SHOW(st.st_uid * 100 + st.st_gid);
    SHOW(stat("link", &st));
    SHOW(st.st_uid * 100 + st.st_gid);
    SHOW(faccessat(dir, "plain", R_OK | W_OK, 0));
    SHOW(syscall(SYS_faccessat2, dir, "plain", X_OK, AT_EACCESS));
    SHOW(syscall(SYS_faccessat2, dir, "plain", F_OK, 0x10));
    SHOW(syscall(SYS_faccessat2, dir, "plain", 8, 0));
    SHOW(syscall(SYS_faccessat2, dir, "nothing", F_OK, 0));
}

static void times(void)
{
    struct stat st;
    struct timeval pair[2] = {{100, 7}, {200, 9}}, wrong[2] = {{1, 1000000}, {1, 0}};
    struct utimbuf old = {300, 400};
    SHOW(utime("plain", &old));
    SHOW(stat("plain", &st));
    printf("%ld.%ld %ld.%ld\n", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    SHOW(utimes("plain", pair));
    SHOW(stat("plain", &st));
    printf("%ld.%ld %ld.%ld\n", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    SHOW(syscall(SYS_futimesat, dir, "link", pair));
    SHOW(syscall(SYS_utimes, "plain", wrong));
    SHOW(syscall(SYS_futimesat, dir, "nothing", pair));
    SHOW(syscall(SYS_utime, "plain", (void *)8));
    SHOW(utime("nothing", &old));
    SHOW(utimes("plain", NULL));
    SHOW(stat("plain", &st));
    SHOW(st.st_mtim.tv_sec > 1000000);
}

static void names(void)
{
    SHOW(renameat(dir, "plain", dir, "sub/moved"));
    SHOW(renameat(dir, "plain", dir, "sub/moved"));
    SHOW(renameat(dir, "sub", dir, "sub/inside"));
    SHOW(renameat(dir, "pipe", dir, "sub"));
    SHOW(unlinkat(dir, "sub", 0));
    SHOW(unlinkat(dir, "sub", AT_REMOVEDIR));
    SHOW(unlinkat(dir, "sub/moved", AT_REMOVEDIR));
    SHOW(unlinkat(dir, "sub/moved", 1));
    SHOW(unlinkat(dir, "sub/moved", 0));
    SHOW(unlinkat(dir, "sub", AT_REMOVEDIR));
    SHOW(unlinkat(dir, "link", 0));
    SHOW(unlinkat(dir, "pipe", 0));
    SHOW(unlinkat(dir, ".", AT_REMOVEDIR));
}

static long open_how(int fd, const char *path, unsigned long long flags, unsigned long long mode,
                     unsigned long long resolve)
{
    struct open_how how = {flags, mode, resolve};
    long result = syscall(SYS_openat2, fd, path, &how, sizeof how);
    if (result >= 0)
        close((int)result);
    return result >= 0 ? 0 : result;
}

static void rules(void)
{
    struct {
        struct open_how how;
        unsigned long long more;
    } grown = {{O_RDONLY, 0, 0}, 1};
    SHOW(mkdirat(dir, "in", 0755));
    SHOW(symlinkat("in", dir, "relative"));
    SHOW(symlinkat("/tmp", dir, "absolute"));
    SHOW(symlinkat("../..", dir, "out"));
    SHOW(open_how(dir, "in", O_RDONLY, 0, 0));
    SHOW(open_how(dir, "in", O_RDONLY, 0600, 0));
    SHOW(open_how(dir, "in", O_RDONLY, 0, 0x100));
    SHOW(open_how(dir, "in", 1ull << 40, 0, 0));
    SHOW(open_how(dir, "relative", O_RDONLY, 0, RESOLVE_BENEATH));
    SHOW(open_how(dir, "relative", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
    SHOW(open_how(dir, "absolute", O_RDONLY, 0, RESOLVE_BENEATH));
    SHOW(open_how(dir, "out", O_RDONLY, 0, RESOLVE_BENEATH));
    SHOW(open_how(dir, "..", O_RDONLY, 0, RESOLVE_BENEATH));
    SHOW(open_how(dir, "in/..", O_RDONLY, 0, RESOLVE_BENEATH));
    SHOW(open_how(dir, "/tmp", O_RDONLY, 0, RESOLVE_BENEATH));
    SHOW(open_how(dir, "out/in", O_RDONLY, 0, RESOLVE_IN_ROOT));
    SHOW(open_how(dir, "/in", O_RDONLY, 0, RESOLVE_IN_ROOT));
    SHOW(open_how(dir, "absolute", O_RDONLY, 0, RESOLVE_IN_ROOT));
    SHOW(open_how(dir, "/proc/self/status", O_RDONLY, 0, RESOLVE_NO_XDEV));
    SHOW(open_how(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
    SHOW(open_how(dir, "in", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
    SHOW(syscall(SYS_openat2, dir, "in", &grown, sizeof grown));
    SHOW(syscall(SYS_openat2, dir, "in", &grown, 8));
    SHOW(syscall(SYS_openat2, dir, "in", (void *)8, sizeof(struct open_how)));
    for (int i = 0; i < 3; i++)
        unlinkat(dir, (const char *[]){"relative", "absolute", "out"}[i], 0);
    unlinkat(dir, "in", AT_REMOVEDIR);
}

struct old_entry {
    unsigned long number, offset;
    unsigned short len;
    char name[];
};

static void reading(void)
{
    char buf[512];
    int status, found = 0, types = 0;
    SHOW(mkdirat(dir, "one", 0755));
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY);
    SHOW(syscall(SYS_getdents, fd, buf, 10));
    long n = syscall(SYS_getdents, fd, buf, sizeof buf);
    for (long at = 0; at < n;) {
        struct old_entry *entry = (struct old_entry *)(buf + at);
        found += !strcmp(entry->name, "one") + 10 * !strcmp(entry->name, ".") + 100 * !strcmp(entry->name, "..");
        types += buf[at + entry->len - 1] == DT_DIR;
        at += entry->len;
    }
    SHOW(found);
    SHOW(types);
    SHOW(syscall(SYS_getdents, fd, buf, sizeof buf));
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(syscall(SYS_getdents64, fd, (void *)8, sizeof buf));
    SHOW(syscall(SYS_getdents64, 1, buf, sizeof buf));
    close(fd);
    SHOW(syscall(SYS_getdents64, fd, buf, sizeof buf));
    fd = openat(dir, "one", O_RDONLY);
    fflush(stdout);
    if (fork() == 0) {
        SHOW(fchdir(fd));
        SHOW(fchdir(1));
        SHOW(fchdir(99));
        SHOW(mkdir("below", 0755));
        SHOW(chroot("."));
        SHOW(chdir("/"));
        SHOW(access("/below", F_OK));
        SHOW(access("/tmp", F_OK));
        SHOW(chroot("/nothing"));
        SHOW(chdir("../.."));
        SHOW(access("below", F_OK));
        SHOW(setuid(4242));
        SHOW(chroot("/below"));
        exit(0);
    }
    wait(&status);
    SHOW(status);
    close(fd);
    SHOW(unlinkat(dir, "one/below", AT_REMOVEDIR));
    SHOW(unlinkat(dir, "one", AT_REMOVEDIR));
}

static void file_systems(void)
{
    struct statfs fs, same;
    SHOW(statfs("/proc", &fs));
    SHOW(fs.f_type);
    SHOW(fs.f_namelen);
    SHOW(statfs(base, &fs));
    SHOW(fstatfs(dir, &same));
    SHOW(fs.f_type == same.f_type);
    SHOW(fs.f_bsize > 0);
    SHOW(fs.f_bfree <= fs.f_blocks);
    SHOW(fs.f_namelen);
    SHOW(statfs("/nothing", &fs));
    SHOW(statfs(base, (void *)8));
    SHOW(fstatfs(99, &fs));
    int fd = openat(dir, "synced", O_RDWR | O_CREAT, 0600);
    SHOW(syncfs(fd));
    SHOW(syncfs(99));
    sync();
    SHOW(sync_file_range(fd, 0, 10, SYNC_FILE_RANGE_WRITE));
    SHOW(sync_file_range(fd, 0, 10, 8));
    SHOW(sync_file_range(fd, -1, 10, 0));
    close(fd);
    SHOW(unlinkat(dir, "synced", 0));
}

int main(void)
{
    umask(022);
    if (!mkdtemp(base) || chdir(base))
        return 1;
    dir = open(base, O_RDONLY | O_DIRECTORY);
    making();
    changing();
    times();
    names();
    rules();
    reading();
    file_systems();
    SHOW(rmdir(base));
}
