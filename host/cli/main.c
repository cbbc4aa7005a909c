/* skiff: one application as a virtual machine. This file: verbs, help, and the only place that prints errors and exits.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <util/alloc.h>
#include <util/file.h>
#include "cli.h"

#ifndef SKIFF_LIBDIR
#define SKIFF_LIBDIR "/usr/local/lib/skiff"
#endif
#define SKIFF_VERSION "0.1"

const struct verb verbs[] = {
    {"run", "run an application as a virtual machine",
     "skiff run [OPTIONS] SOURCE [ARGUMENT...]\n"
     "  SOURCE: a jar, a Linux program, a script, a directory with skiff.yaml, or an image\n"
     "  What follows SOURCE goes to the program.\n\n"
     "  -p, --publish [ADDR:]HOST:GUEST[/udp]  forward a port of this host (127.0.0.1 unless ADDR is given)\n"
     "  -m, --memory SIZE       memory of the machine: 512M, 2G (default: by the image)\n"
     "  -c, --cpus N            virtual CPUs (default 1; 2 for a JVM)\n"
     "  -e, --env NAME=VALUE    set a variable (NAME alone takes its value from here)\n"
     "  -w, --workdir DIR       the program's working directory\n"
     "      --network MODE      user (default), none, tap:NAME\n"
     "      --ip ADDR/PREFIX[,GATEWAY]  a static address instead of DHCP\n"
     "      --hostname NAME\n"
     "      --accel auto|kvm|tcg\n"
     "      --machine microvm|q35\n"
     "      --console-log FILE  append a copy of the program's output to FILE\n"
     "      --trace             log every system call on stderr\n"
     "      --loglevel 0..3     the kernel's words: errors, warnings (default), information, debugging\n"
     "      --gdb               wait for gdb on 127.0.0.1:1234\n"
     "      --dry-run           print the QEMU command and do nothing\n"
     "      --whole-runtime     the whole Java runtime, not only the modules in use\n"
     "  -v, --verbose           say what happens, with times\n\n"
     "Examples:\n"
     "  skiff run -p 8080:8080 app.jar\n"
     "  skiff run ./hello one two\n"
     "  skiff run -m 256M -e GREETING=hi server.rb\n\n"
     "Exit status: the program's; 128+N when signal N ended it; 125 Skiff failed; 126 not executable; 127 not found.\n"
     "Ctrl-C: SIGTERM to the program; again: power off. Ctrl-\\ (SIGQUIT) goes to the program: a JVM prints its "
     "threads.\n",
     verb_run},
    {"build", "build an image",
     "skiff build [OPTIONS] SOURCE [ARGUMENT...] -o FILE\n"
     "  -o, --output FILE       the image (default: SOURCE's name with .img)\n"
     "  -e, --env NAME=VALUE    a variable that the image sets\n"
     "  -w, --workdir DIR       working directory in the image\n"
     "  -m, --memory SIZE       the memory that skiff run gives it\n"
     "      --whole-runtime     the whole Java runtime, not only the modules in use\n"
     "      --json              say what was built as JSON on stdout\n"
     "  -v, --verbose\n\n"
     "Example:\n"
     "  skiff build app.jar -o app.img && skiff run app.img\n",
     verb_build},
    {"inspect", "check an image and say what it is", "skiff inspect [--json] IMAGE\n", verb_inspect},
    {"doctor", "is this host ready, and what to do",
     "skiff doctor [--json]\n  Exit status 0 when everything that running needs is there.\n", verb_doctor},
    {"help", "this text, or one verb's", "skiff help [VERB]\n", verb_help},
    {NULL},
};

const struct verb *verb_find(const char *name)
{
    const struct verb *verb = verbs;
    while (verb->name && strcmp(verb->name, name))
        verb++;
    return verb->name ? verb : NULL;
}

void print_usage(const struct verb *verb)
{
    printf("usage: %s", verb->usage);
}

static void print_help(void)
{
    printf("usage: skiff VERB [OPTIONS] ...\n\nRuns one application as a virtual machine: no Linux guest, no init, no "
           "shell.\n\n");
    for (const struct verb *verb = verbs; verb->name; verb++)
        printf("  %-9s %s\n", verb->name, verb->summary);
    printf("\nskiff help VERB tells a verb's options. skiff --version prints the version.\n");
}

struct error *verb_help(int argc, char **argv, int *status)
{
    const struct verb *verb = argc > 1 ? verb_find(argv[1]) : NULL;
    *status = 0;
    if (argc > 1 && !verb)
        return error_hint(error_new("there is no verb \"%s\"", argv[1]), "skiff help lists them");
    if (verb)
        print_usage(verb);
    else
        print_help();
    return NULL;
}

struct error *bad_option(const char *verb, int found, char **argv)
{
    char letter[3] = {'-', (char)optopt, '\0'};
    const char *word = optopt > ' ' && optopt < 127 ? letter : argv[optind - 1];
    if (found == ':')
        return error_hint(error_new("%s: the option %s needs a value", verb, argv[optind - 1]), "skiff help %s", verb);
    if (optopt && strchr(argv[optind - 1], '='))
        return error_hint(error_new("%s: the option %s takes no value", verb, argv[optind - 1]), "skiff help %s", verb);
    return error_hint(error_new("%s: there is no option %s", verb, word), "skiff help %s", verb);
}

char *format_size(uint64_t bytes)
{
    if (bytes >= UINT64_C(10) << 20)
        return xprintf("%llu MiB", (unsigned long long)(bytes >> 20));
    if (bytes >= UINT64_C(1) << 20)
        return xprintf("%llu.%llu MiB", (unsigned long long)(bytes >> 20),
                       (unsigned long long)((bytes & 0xfffff) * 10 >> 20));
    return xprintf("%llu KiB", (unsigned long long)((bytes + 1023) >> 10));
}

long long cli_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

struct error *find_kernel(char **path)
{
    const char *wanted = getenv("SKIFF_KERNEL");
    char self[4096];
    if (wanted && *wanted) {
        *path = xstrdup(wanted);
        return access(wanted, R_OK) ? error_errno("SKIFF_KERNEL=%s", wanted) : NULL;
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = '\0';
        *strrchr(self, '/') = '\0';
        const char *const places[] = {"skiff-kernel.elf", "../lib/skiff/skiff-kernel.elf"};
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            *path = xprintf("%s/%s", self, places[i]);
            if (!access(*path, R_OK))
                return NULL;
            free(*path);
        }
    }
    *path = xstrdup(SKIFF_LIBDIR "/skiff-kernel.elf");
    if (!access(*path, R_OK))
        return NULL;
    free(*path);
    return error_hint(
        error_new("the kernel, skiff-kernel.elf, is neither next to this program nor in %s", SKIFF_LIBDIR),
        "run make, or make install, or set SKIFF_KERNEL");
}

static int report(struct error *error)
{
    fprintf(stderr, "skiff: %s\n", error->text);
    if (error->hint)
        fprintf(stderr, "skiff: try: %s\n", error->hint);
    int status = error->status;
    error_free(error);
    return status;
}

/* Descriptors 0 to 2 that are closed would become something else's. */
static void open_standard_files(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    int status = 0;
    open_standard_files();
    if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        print_help();
        return argc < 2 ? 125 : 0;
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        printf("skiff %s\n", SKIFF_VERSION);
        return 0;
    }
    const struct verb *verb = verb_find(argv[1]);
    if (!verb)
        return report(error_hint(error_new("there is no verb \"%s\"", argv[1]),
                                 "skiff help lists them; to run a program: skiff run %s", argv[1]));
    opterr = 0;
    struct error *err = verb->function(argc - 1, argv + 1, &status);
    if (!err && fflush(stdout))
        err = error_errno("writing the output");
    return err ? report(err) : status;
}
