/* Names, opening, attributes, directories, reading and writing: results and errors. Works in a directory of its own in /tmp. */
#include "show.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void show_stat(const char *path)
{
    struct stat s;
    if (lstat(path, &s))
        printf("%s: %s\n", path, strerrorname_np(errno));
    else
        printf("%s: mode %o links %lu size %ld blocks>0 %d uid %u\n", path, s.st_mode, (unsigned long)s.st_nlink,
               S_ISREG(s.st_mode) || S_ISLNK(s.st_mode) ? (long)s.st_size : 0, s.st_blocks > 0, s.st_uid);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show_directory(const char *path)
{
    char *names[64];
    int n = 0;
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory && (entry = readdir(directory)) && n < 64)
        asprintf(&names[n++], "%s:%d", entry->d_name, entry->d_type);
    qsort(names, (size_t)n, sizeof *names, compare);
    printf("%s holds", path);
    for (int i = 0; i < n; i++)
        printf(" %s", names[i]);
    printf("\n");
    if (directory)
        closedir(directory);
}

static void opening(void)
{
    int fd;
    SHOW(open("none", O_RDONLY));
    SHOW(fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0640) >= 0);
    SHOW(open("a", O_RDWR | O_CREAT | O_EXCL, 0640));
    SHOW(open("a/b", O_RDONLY));
    SHOW(open("a/", O_RDONLY));
    SHOW(open(".", O_RDWR));
    SHOW(open("", O_RDONLY));
    SHOW(open("a", O_RDONLY | O_DIRECTORY));
    SHOW(mkdir("d", 0755));
    SHOW(mkdir("d", 0755));
    SHOW(mkdir("none/d", 0755));
    SHOW(open("d", O_WRONLY | O_CREAT, 0600));
    SHOW(symlink("a", "link"));
    SHOW(open("link", O_RDONLY | O_NOFOLLOW));
    SHOW(symlink("loop", "loop"));
    SHOW(open("loop", O_RDONLY));
    SHOW(symlink("new", "dangling"));
    SHOW(open("dangling", O_RDWR | O_CREAT | O_EXCL, 0600));
    SHOW(open("dangling", O_RDWR | O_CREAT, 0600) >= 0);
    SHOW(access("new", F_OK));
    fd = open(".", O_RDWR | O_TMPFILE, 0600);
    SHOW(write(fd, "hidden", 6));
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    SHOW(linkat(AT_FDCWD, name, AT_FDCWD, "shown", AT_SYMLINK_FOLLOW));
    show_stat("shown");
    fd = open("a", O_PATH);
    SHOW(read(fd, name, 1));
    SHOW(fchmod(fd, 0600));
    SHOW(fcntl(fd, F_GETFL) & O_PATH);
    char longname[300];
    memset(longname, 'x', sizeof longname);
    longname[256] = 0;
    SHOW(open(longname, O_RDONLY));
    longname[255] = 0;
    SHOW(open(longname, O_RDONLY | O_CREAT, 0600) >= 0);
    SHOW(unlink(longname));
    show_directory(".");
}

static void names(void)
{
    SHOW(link("a", "hard"));
    show_stat("a");
    SHOW(link("d", "hardd"));
    SHOW(link("link", "linklink"));
    show_stat("linklink");
    SHOW(rename("hard", "moved"));
    SHOW(rename("moved", "d"));
    SHOW(rename("d", "moved"));
    SHOW(rename("d", "d/inside"));
    SHOW(rename("none", "x"));
    SHOW(rename("moved", "a"));
    show_stat("moved");
    SHOW(mkdir("e", 0700));
    SHOW(mkdir("e/f", 0700));
    SHOW(rename("d", "e"));
    SHOW(rename("e", "d"));
    SHOW(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "new", 1));
    SHOW(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "new", 2));
    SHOW(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "new", 3));
    SHOW(rmdir("d"));
    SHOW(rmdir("d/f"));
    SHOW(rmdir("d/."));
    SHOW(rmdir("d/.."));
    SHOW(unlink("d"));
    SHOW(rmdir("a"));
    SHOW(rmdir("d"));
    SHOW(unlink("none"));
    SHOW(unlink("a/x"));
    char target[100];
    SHOW(readlink("link", target, sizeof target));
    SHOW(readlink("link", target, 0));
    SHOW(readlink("new", target, sizeof target));
    SHOW(readlink("none", target, sizeof target));
    SHOW(chdir("new"));
    SHOW(mkdir("gone", 0700));
    SHOW(chdir("gone"));
    SHOW(rmdir("../gone"));
    SHOW(getcwd(target, sizeof target) != NULL ? 0 : -1);
    SHOW(open("x", O_CREAT | O_RDWR, 0600));
    SHOW(mkdir("y", 0700));
    SHOW(chdir(".."));
    SHOW(chdir("/"));
}

static void contents(void)
{
    char bytes[100] = {0};
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0644);
    struct stat s;
    SHOW(write(fd, "0123456789", 10));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(lseek(fd, -20, SEEK_CUR));
    SHOW(lseek(fd, 5, 77));
    SHOW(lseek(fd, 100000, SEEK_SET));
    SHOW(write(fd, "end", 3));
    SHOW(pread(fd, bytes, 5, 8));
    SHOW(bytes[0] * 256 + bytes[4]);
    SHOW(pread(fd, bytes, 5, -1));
    SHOW(pwrite(fd, "XY", 2, 3));
    SHOW(lseek(fd, 0, SEEK_DATA));
    SHOW(lseek(fd, 200000, SEEK_DATA));
    SHOW(ftruncate(fd, 6));
    SHOW(pread(fd, bytes, 100, 0));
    printf("%.6s\n", bytes);
    SHOW(ftruncate(fd, -1));
    SHOW(ftruncate(fd, 20000));
    fstat(fd, &s);
    SHOW(s.st_size);
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
    SHOW(pread(fd, bytes, 1, 0));
    SHOW(bytes[0]);
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
    SHOW(fallocate(fd, 0, 0, 0));
    SHOW(posix_fallocate(fd, 0, 50000));
    SHOW(read(fd, (void *)8, 10));
    SHOW(write(fd, (void *)8, 10));
    SHOW(read(-1, bytes, 1));
    SHOW(read(fd, bytes, 0));
    struct iovec v[3] = {{"ab", 2}, {"", 0}, {"cde", 3}};
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(writev(fd, v, 3));
    SHOW(writev(fd, v, -1));
    SHOW(writev(fd, v, 1025));
    SHOW(pwritev(fd, v, 3, 10));
    int other = open("file", O_RDONLY);
    SHOW(write(other, "x", 1));
    SHOW(read(other, bytes, 5));
    printf("%.5s\n", bytes);
    int out = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600);
    off_t at = 1;
    SHOW(sendfile(out, other, &at, 4));
    SHOW(at);
    SHOW(lseek(other, 0, SEEK_CUR));
    loff_t in_at = 0, out_at = 2;
    SHOW(copy_file_range(other, &in_at, out, &out_at, 3, 0));
    SHOW(pread(out, bytes, 10, 0));
    printf("%.5s\n", bytes);
    SHOW(copy_file_range(other, &in_at, other, &out_at, 3, 0));
    int append = open("out", O_WRONLY | O_APPEND);
    SHOW(pwrite(append, "Z", 1, 0));
    fstat(append, &s);
    SHOW(s.st_size);
    SHOW(fsync(fd));
    SHOW(fdatasync(-1));
    int left = -1;
    SHOW(ioctl(other, FIONREAD, &left));
    SHOW(left);
    SHOW(ioctl(other, 0x5401, bytes));
    close(fd);
    close(other);
    close(out);
    close(append);
}

static void attributes(void)
{
    struct stat s;
    struct timespec times[2] = {{1000, 5}, {0, UTIME_OMIT}};
    umask(027);
    close(open("m", O_CREAT | O_RDWR, 0666));
    show_stat("m");
    SHOW(chmod("m", 0751));
    show_stat("m");
    SHOW(chmod("none", 0700));
    SHOW(chown("m", 12, 34));
    lstat("m", &s);
    SHOW(s.st_uid * 100 + s.st_gid);
    SHOW(chmod("m", 04755));
    SHOW(chown("m", 0, -1));
    show_stat("m");
    SHOW(utimensat(AT_FDCWD, "m", times, 0));
    stat("m", &s);
    SHOW(s.st_atim.tv_sec * 10 + s.st_atim.tv_nsec);
    times[0].tv_nsec = 1000000000;
    SHOW(utimensat(AT_FDCWD, "m", times, 0));
    SHOW(access("m", R_OK | W_OK | X_OK));
    SHOW(access("m", 8));
    SHOW(access("none", F_OK));
    SHOW(faccessat(AT_FDCWD, "m", R_OK, AT_EACCESS));
    SHOW(truncate("m", 5));
    SHOW(truncate(".", 5));
    SHOW(mkfifo("fifo", 0600));
    show_stat("fifo");
    SHOW(open("fifo", O_WRONLY | O_NONBLOCK));
    SHOW(mknod("dir", S_IFDIR | 0700, 0));
    struct statx x;
    SHOW(statx(AT_FDCWD, "m", 0, STATX_ALL, &x));
    SHOW(x.stx_size);
    SHOW(statx(AT_FDCWD, "", AT_EMPTY_PATH, STATX_ALL, &x));
    SHOW(S_ISDIR(x.stx_mode));
    SHOW(statx(AT_FDCWD, "", 0, STATX_ALL, &x));
    SHOW(fstatat(0, NULL, &s, 0));
}

int main(void)
{
    char template[] = "/tmp/filesXXXXXX";
    if (!mkdtemp(template) || chdir(template))
        return 1;
    opening();
    names();
    chdir(template);
    contents();
    attributes();
    show_directory(".");
    return 0;
}
