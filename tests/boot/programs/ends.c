/* Ends in the way its argument says. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
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
    if (!strcmp(how, "cat")) {
        char line[256];
        while (fgets(line, sizeof line, stdin))
            printf("read %s", line);
        return 0;
    }
    if (!strcmp(how, "wait") || !strcmp(how, "term")) {
        if (!strcmp(how, "term"))
            signal(SIGTERM, on_term);
        printf("waiting\n");
        for (;;)
            pause();
    }
    return 0;
}
