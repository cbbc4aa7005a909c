/* RLIMIT_STACK: what counts is the limit when the stack grows, not the one of exec; arguments and maps see the stack.
 */
#include "show.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int go_down(unsigned kib)
{
    volatile char frame[1024 - 64];
    frame[0] = (char)kib;
    return kib ? go_down(kib - 1) + frame[0] - (char)kib : 0;
}

static long set_limit(rlim_t bytes)
{
    struct rlimit limit = {bytes, RLIM_INFINITY};
    return setrlimit(RLIMIT_STACK, &limit);
}

/* The wait status of a child that goes down so far under a limit of limit_kib. */
static int try(unsigned limit_kib, unsigned kib)
{
    int status = -1;
    pid_t pid = fork();
    if (!pid) {
        if (set_limit((rlim_t)limit_kib << 10))
            _exit(1);
        go_down(kib);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return status;
}

/* The kernel as the first that touches the new part: it grows for it too. */
static long read_far_down(void)
{
    volatile char far[512 << 10];
    int ends[2];
    if (pipe(ends) || write(ends[1], "x", 1) != 1)
        return -1;
    return read(ends[0], (void *)far, 1) == 1 && far[0] == 'x' ? 0 : -1;
}

/* A mapping in the way stops it, a gap below the stack away. */
static int stop_at_mapping(void)
{
    int status = -1;
    pid_t pid = fork();
    if (!pid) {
        char *page = (char *)((unsigned long)__builtin_frame_address(0) & ~4095UL) - (3 << 20);
        if (mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != page)
            _exit(1);
        go_down(4 << 10);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return status;
}

int main(int argc, char **argv)
{
    if (argc > 1) { /* after exec, with many arguments */
        SHOW(argc);
        SHOW(strlen(argv[argc - 1]));
        SHOW(go_down(256));
        return 0;
    }
    SHOW(try(1024, 512));
    SHOW(try(1024, 2048));
    SHOW(try(20 << 10, 16 << 10));
    SHOW(try(8 << 10, 16 << 10));
    SHOW(read_far_down());
    SHOW(stop_at_mapping());
    char *arguments[402];
    for (unsigned i = 0; i < 401; i++) {
        arguments[i] = malloc(4001);
        memset(arguments[i], 'a', 4000);
        arguments[i][4000] = 0;
    }
    arguments[401] = NULL;
    execv("/proc/self/exe", arguments);
    return 1;
}
