/* What standard input and output are, and odd ways of using them. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void describe(void)
{
    struct stat s;
    fstat(0, &s);
    printf("stdin is a %s, isatty %d\n", S_ISFIFO(s.st_mode) ? "pipe" : S_ISCHR(s.st_mode) ? "device" : "file", isatty(0));
}

/* Reads all there is, in pieces that poll() announces. */
static size_t count(void)
{
    static char bytes[5000];
    size_t total = 0;
    ssize_t n = 1;
    while (n > 0) {
        struct pollfd p = {.fd = 0, .events = POLLIN};
        poll(&p, 1, -1);
        n = read(0, bytes, sizeof bytes);
        total += n > 0 ? (size_t)n : 0;
    }
    return total;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!strcmp(how, "describe"))
        describe();
    if (!strcmp(how, "count"))
        printf("%zu bytes\n", count());
    if (!strcmp(how, "ignore")) { /* ends without having looked at its input */
        sleep(2);
        printf("done\n");
    }
    if (!strcmp(how, "lines")) {
        char line[256];
        printf("ready\n");
        while (fgets(line, sizeof line, stdin))
            printf("line %s", line);
        printf("end\n");
    }
    return 0;
}
