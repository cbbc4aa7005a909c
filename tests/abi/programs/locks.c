/* flock, POSIX record locks and open-file-description locks, within and between processes. */
#include "show.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static struct flock range(short type, long start, long len)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
}

static int lock(int fd, int command, short type, long start, long len)
{
    struct flock l = range(type, start, len);
    return fcntl(fd, command, &l);
}

/* What a child that asks for a write lock over all hears. */
static void ask_in_child(const char *path)
{
    if (!fork()) {
        struct flock l = range(F_WRLCK, 0, 0);
        int fd = open(path, O_RDWR);
        fcntl(fd, F_GETLK, &l);
        printf("child sees type %d start %ld len %ld own %d\n", l.l_type, (long)l.l_start, (long)l.l_len, l.l_pid == getppid());
        printf("child locks: %d\n", lock(fd, F_SETLK, F_WRLCK, 100, 10) ? errno == EAGAIN || errno == EACCES : -1);
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
}

int main(void)
{
    char path[] = "/tmp/locksXXXXXX";
    int fd = mkstemp(path), other = open(path, O_RDWR), reader = open(path, O_RDONLY);
    SHOW(lock(fd, F_SETLK, F_WRLCK, 0, 50));
    SHOW(lock(other, F_SETLK, F_WRLCK, 0, 50));
    ask_in_child(path);
    SHOW(lock(fd, F_SETLK, F_RDLCK, 20, 10));
    ask_in_child(path);
    SHOW(lock(fd, F_SETLK, F_UNLCK, 0, 20));
    ask_in_child(path);
    SHOW(lock(reader, F_SETLK, F_WRLCK, 0, 1));
    SHOW(lock(fd, F_SETLK, 7, 0, 1));
    SHOW(lock(fd, F_SETLK, F_WRLCK, -1, 1));
    SHOW(lock(fd, F_SETLK, F_WRLCK, 100, -50));
    ask_in_child(path);
    close(other); /* drops all of the process's locks on the file */
    ask_in_child(path);

    other = open(path, O_RDWR);
    SHOW(lock(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
    SHOW(lock(other, F_OFD_SETLK, F_WRLCK, 5, 10));
    SHOW(lock(other, F_SETLK, F_WRLCK, 5, 10));
    close(dup(fd));
    SHOW(lock(other, F_OFD_SETLK, F_RDLCK, 9, 1));
    SHOW(lock(fd, F_OFD_SETLK, F_UNLCK, 0, 0));
    SHOW(lock(other, F_OFD_SETLK, F_RDLCK, 9, 1));

    SHOW(flock(fd, LOCK_SH));
    SHOW(flock(other, LOCK_SH | LOCK_NB));
    SHOW(flock(other, LOCK_EX | LOCK_NB));
    SHOW(flock(fd, LOCK_UN));
    SHOW(flock(other, LOCK_EX | LOCK_NB));
    SHOW(flock(fd, LOCK_SH | LOCK_NB));
    SHOW(flock(fd, 77));
    int twin = dup(other);
    close(other);
    SHOW(flock(fd, LOCK_SH | LOCK_NB));
    close(twin);
    SHOW(flock(fd, LOCK_SH | LOCK_NB));

    int ready[2];
    char byte;
    pipe(ready);
    pid_t child = fork();
    if (!child) {
        lock(fd, F_SETLK, F_WRLCK, 0, 1);
        write(ready[1], "x", 1);
        lock(fd, F_SETLKW, F_WRLCK, 1, 1); /* waits for the parent's */
        _exit(0);
    }
    read(ready[0], &byte, 1);
    SHOW(lock(fd, F_SETLK, F_WRLCK, 2, 1));
    SHOW(lock(fd, F_SETLKW, F_WRLCK, 5, 1));
    int status;
    SHOW(waitpid(child, &status, 0) == child);
    SHOW(status);
    unlink(path);
    return 0;
}
