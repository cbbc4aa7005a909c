/* Descriptor numbers, duplicates, close-on-exec, ranges, RLIMIT_NOFILE. */
#include "show.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void duplicates(void)
{
    int p[2];
    SHOW(pipe(p));
    SHOW(dup2(p[0], 50));
    SHOW(fcntl(50, F_GETFD));
    SHOW(fcntl(p[0], F_DUPFD_CLOEXEC, 60));
    SHOW(fcntl(60, F_GETFD));
    SHOW(fcntl(60, F_SETFD, 0));
    SHOW(fcntl(60, F_GETFD));
    SHOW(syscall(SYS_close_range, 50, 60, 4 /* CLOEXEC */));
    SHOW(fcntl(50, F_GETFD));
    SHOW(syscall(SYS_close_range, 50, 60, 0));
    SHOW(fcntl(50, F_GETFD));
    SHOW(syscall(SYS_close_range, 2, 1, 0));
    SHOW(dup3(p[0], p[0], 0));
    SHOW(dup2(p[0], p[0]) == p[0]);
    SHOW(dup2(99, 3));
    SHOW(close(99));
    SHOW(close(-1));
    SHOW(fcntl(p[0], F_GETFL));
    SHOW(fcntl(p[1], F_GETFL));
    SHOW(fcntl(p[1], F_SETFL, O_NONBLOCK));
    SHOW(fcntl(p[1], F_GETFL));
    close(p[0]);
    SHOW(dup(0) == p[0]);
}

static void limits(void)
{
    struct rlimit limit = {20, 1000};
    int last = 0, fd;
    SHOW(setrlimit(RLIMIT_NOFILE, &limit));
    while ((fd = dup(0)) >= 0)
        last = fd;
    SHOW(last);
    SHOW(dup(0));
    SHOW(dup2(0, 20));
    SHOW(dup2(0, 19));
    SHOW(fcntl(0, F_DUPFD, 20));
    SHOW(fcntl(0, F_DUPFD, 19));
    SHOW(open("/", O_RDONLY));
}

int main(void)
{
    duplicates();
    limits();
}
