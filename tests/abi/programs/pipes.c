/* Pipes: sizes, partial and whole writes, ends that close, splice and tee; FIFOs. */
#include "show.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char bytes[70000];

static void fill_and_drain(void)
{
    int p[2], waiting = 0;
    struct stat st;
    SHOW(pipe2(p, O_NONBLOCK | O_CLOEXEC));
    SHOW(write(p[1], bytes, sizeof bytes));
    SHOW(write(p[1], bytes, 1));
    SHOW(ioctl(p[0], FIONREAD, &waiting));
    SHOW(waiting);
    SHOW(fcntl(p[1], F_GETPIPE_SZ));
    SHOW(fcntl(p[1], F_SETPIPE_SZ, 4096));
    SHOW(fcntl(p[1], F_SETPIPE_SZ, 200000));
    SHOW(read(p[0], bytes, 4096));
    SHOW(lseek(p[0], 0, SEEK_SET));
    SHOW(pread(p[0], bytes, 1, 0));
    SHOW(write(p[0], bytes, 1));
    SHOW(fstat(p[0], &st));
    SHOW(S_ISFIFO(st.st_mode));
    close(p[0]);
    SHOW(write(p[1], bytes, 1));
    close(p[1]);
    SHOW(pipe2(p, 0123));
    SHOW(pipe((int *)8));
}

static void splice_and_tee(void)
{
    int from[2], to[2];
    loff_t offset = 1;
    SHOW(pipe(from));
    SHOW(pipe(to));
    SHOW(write(from[1], "abcdef", 6));
    SHOW(tee(from[0], to[1], 3, 0));
    SHOW(splice(from[0], NULL, to[1], NULL, 10, 0));
    memset(bytes, 0, sizeof bytes);
    SHOW(read(to[0], bytes, 100));
    puts(bytes);
    int file = open("/proc/self/exe", O_RDONLY);
    SHOW(splice(file, &offset, from[1], NULL, 3, 0));
    SHOW(offset);
    SHOW(read(from[0], bytes, 9));
    SHOW(memcmp(bytes, "ELF", 3));
    SHOW(splice(from[0], &offset, file, NULL, 3, 0));
    SHOW(splice(from[0], NULL, to[1], NULL, 3, SPLICE_F_NONBLOCK));
    SHOW(tee(from[0], from[1], 1, SPLICE_F_NONBLOCK));
}

static void fifo(void)
{
    char name[] = "/tmp/fifo-XXXXXX";
    struct stat st;
    int status;
    close(mkstemp(name));
    unlink(name);
    SHOW(mkfifo(name, 0600));
    SHOW(open(name, O_WRONLY | O_NONBLOCK));
    if (fork() == 0) {
        int writer = open(name, O_WRONLY);
        _exit(write(writer, "hello", 5) != 5);
    }
    int reader = open(name, O_RDONLY);
    SHOW(read(reader, bytes, 10));
    SHOW(read(reader, bytes, 10));
    SHOW(wait(&status) > 0);
    SHOW(status);
    SHOW(fstat(reader, &st));
    SHOW(S_ISFIFO(st.st_mode));
    unlink(name);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    fill_and_drain();
    splice_and_tee();
    fifo();
}
