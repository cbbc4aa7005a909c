/* Ends in the way its argument says. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_term(int number)
{
    static const char text[] = "got SIGTERM\n";
    (void)number;
    write(1, text, sizeof text - 1);
    _exit(7);
}

static void use_all_memory(void)
{
    for (;;) {
        char *p = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED)
            exit(9);
        memset(p, 1, 16 << 20);
    }
}

/* Process 1 has inherited who sends these: init, which they do not end. */
static void send_as_orphan(int *ends)
{
    while (getppid() != 1)
        usleep(1000);
    kill(getppid(), SIGKILL);
    kill(1, SIGALRM);
    tgkill(1, 1, SIGUSR1);
    write(ends[1], "x", 1);
    _exit(0);
}

/* A child's SIGTERM ends process 1; an orphan's signals do not. */
static int be_signalled(void)
{
    int ends[2];
    char byte;
    if (pipe(ends))
        return 1;
    if (!fork()) {
        if (!fork())
            send_as_orphan(ends);
        _exit(0);
    }
    wait(NULL);
    if (read(ends[0], &byte, 1) != 1)
        return 1;
    printf("outlived the orphan\n");
    if (!fork()) {
        kill(getppid(), SIGTERM);
        _exit(0);
    }
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!strcmp(how, "status"))
        return atoi(argv[2]);
    if (!strcmp(how, "segv"))
        *(volatile int *)0x10 = 1;
    if (!strcmp(how, "abort"))
        abort();
    if (!strcmp(how, "memory"))
        use_all_memory();
    if (!strcmp(how, "enosys"))
        return syscall(511) == -1 ? 0 : 1;
    if (!strcmp(how, "signalled"))
        return be_signalled();
    if (!strcmp(how, "cat")) {
        char line[256];
        while (fgets(line, sizeof line, stdin))
            printf("read %s", line);
        return 0;
    }
    if (!strcmp(how, "wait") || !strcmp(how, "term") || !strcmp(how, "deaf")) {
        if (!strcmp(how, "deaf"))
            signal(SIGTERM, SIG_IGN);
        if (!strcmp(how, "term"))
            signal(SIGTERM, on_term);
        printf("waiting\n");
        for (;;)
            pause();
    }
    return 0;
}
