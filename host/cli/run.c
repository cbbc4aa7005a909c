/* skiff run. */
#include <arpa/inet.h>
#include <contract/config.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <util/file.h>
#include <util/size.h>
#include "cli.h"

enum { MEMORY_LEAST_MIB = 8, MEMORY_LEAST_JVM_MIB = 64, CPUS_MOST = 64, LONG_BUILD_MS = 1000 };
enum long_option {
    OPT_NETWORK = 256,
    OPT_IP,
    OPT_HOSTNAME,
    OPT_ACCEL,
    OPT_MACHINE,
    OPT_CONSOLE_LOG,
    OPT_TRACE,
    OPT_GDB,
    OPT_DRY_RUN,
    OPT_WHOLE,
    OPT_LOGLEVEL
};
static const struct option long_options[] = {
    {"publish", required_argument, NULL, 'p'},
    {"memory", required_argument, NULL, 'm'},
    {"cpus", required_argument, NULL, 'c'},
    {"env", required_argument, NULL, 'e'},
    {"workdir", required_argument, NULL, 'w'},
    {"network", required_argument, NULL, OPT_NETWORK},
    {"ip", required_argument, NULL, OPT_IP},
    {"hostname", required_argument, NULL, OPT_HOSTNAME},
    {"accel", required_argument, NULL, OPT_ACCEL},
    {"machine", required_argument, NULL, OPT_MACHINE},
    {"console-log", required_argument, NULL, OPT_CONSOLE_LOG},
    {"trace", no_argument, NULL, OPT_TRACE},
    {"gdb", no_argument, NULL, OPT_GDB},
    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
    {"whole-runtime", no_argument, NULL, OPT_WHOLE},
    {"verbose", no_argument, NULL, 'v'},
    {"loglevel", required_argument, NULL, OPT_LOGLEVEL},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct run {
    struct vm_options vm;
    struct image_options image;
    bool dry_run;
    bool memory_given, cpus_given;
};

static void add_record(struct run *run, const char *key, const char *value)
{
    buffer_add(&run->vm.config, key, strlen(key));
    buffer_add(&run->vm.config, "=", 1);
    buffer_add(&run->vm.config, value, strlen(value) + 1);
}

/* ---- option values ---- */

static bool parse_port(const char *text, size_t len, uint16_t *port)
{
    unsigned value = 0;
    if (!len || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *port = (uint16_t)value;
    return value && value < 65536;
}

/* [ADDR:]HOST:GUEST[/tcp|/udp] */
static struct error *add_forward(struct vm_options *vm, const char *text)
{
    struct vm_forward f = {0};
    size_t len = strcspn(text, "/");
    if (text[len] && strcmp(text + len, "/udp") && strcmp(text + len, "/tcp"))
        return error_new("-p %s: \"%s\" is not a protocol; /tcp or /udp is", text, text + len + 1);
    f.is_udp = !strcmp(text + len, "/udp");
    char *copy = xstrndup(text, len), *guest = strrchr(copy, ':'), *host = NULL;
    if (guest) {
        *guest++ = '\0';
        host = strrchr(copy, ':');
        if (host) {
            *host++ = '\0';
            f.address = xstrdup(copy);
        } else {
            host = copy;
        }
    }
    bool good =
        guest && parse_port(host, strlen(host), &f.host_port) && parse_port(guest, strlen(guest), &f.guest_port);
    free(copy);
    if (!good)
        return error_hint(error_new("-p %s: ports are numbers from 1 to 65535, HOST:GUEST", text),
                          "-p 8080:8080, or -p 0.0.0.0:80:8080");
    vm->forwards = xrealloc(vm->forwards, vm->forward_count + 1, sizeof *vm->forwards);
    vm->forwards[vm->forward_count++] = f;
    return NULL;
}

static struct error *add_variable(struct run *run, const char *text)
{
    if (!*text || *text == '=')
        return error_new("-e \"%s\": a variable needs a name: -e NAME=VALUE", text);
    if (strchr(text, '=')) {
        add_record(run, "env", text);
        return NULL;
    }
    const char *value = getenv(text);
    if (value) {
        char *both = xprintf("%s=%s", text, value);
        add_record(run, "env", both);
        free(both);
    }
    return NULL;
}

static bool is_ipv4(const char *text, size_t len)
{
    char copy[INET_ADDRSTRLEN];
    struct in_addr address;
    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return inet_pton(AF_INET, copy, &address) == 1;
}

/* dhcp, or ADDRESS/PREFIX[,GATEWAY] */
static struct error *add_address(struct run *run, const char *text)
{
    size_t len = strcspn(text, "/");
    char *end = NULL;
    unsigned long prefix = text[len] ? strtoul(text + len + 1, &end, 10) : 33;
    bool is_good = !strcmp(text, "dhcp") || (is_ipv4(text, len) && prefix <= 32 && end > text + len + 1 &&
                                             (!*end || (*end == ',' && is_ipv4(end + 1, strlen(end + 1)))));
    if (!is_good)
        return error_hint(error_new("--ip %s: it is dhcp or ADDRESS/PREFIX[,GATEWAY]", text),
                          "--ip 192.168.7.2/24,192.168.7.1");
    add_record(run, "ip", text);
    return NULL;
}

static struct error *add_hostname(struct run *run, const char *text)
{
    size_t len = strlen(text);
    if (!len || len > 64 || text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")])
        return error_new("--hostname \"%s\": a name has 1 to 64 letters, digits, dots and hyphens", text);
    add_record(run, "hostname", text);
    return NULL;
}

static struct error *parse_cpus(const char *text, unsigned *out)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*end || *text < '0' || *text > '9' || !n || n > CPUS_MOST)
        return error_new("-c %s: the number of virtual CPUs is 1 to %d", text, CPUS_MOST);
    *out = (unsigned)n;
    return NULL;
}

static struct error *parse_choice(const char *option, const char *text, const char *const *names, int *out)
{
    for (int i = 0; names[i]; i++) {
        if (!strcmp(names[i], text)) {
            *out = i;
            return NULL;
        }
    }
    return error_new("%s %s: it is one of %s, %s%s%s", option, text, names[0], names[1], names[2] ? ", " : "",
                     names[2] ? names[2] : "");
}

static struct error *take_option(struct run *run, int option, const char *value, char **argv)
{
    static const char *const accels[] = {"auto", "kvm", "tcg", NULL}, *const machines[] = {"microvm", "q35", NULL};
    struct error *err = NULL;
    int choice = 0;
    switch (option) {
    case 'p':
        return add_forward(&run->vm, value);
    case 'm':
        run->memory_given = true;
        return size_parse_mib(value, &run->vm.memory_mib) ? NULL
                                                          : error_new("-m %s: a size is written as 512M or 2G", value);
    case 'c':
        run->cpus_given = true;
        return parse_cpus(value, &run->vm.vcpus);
    case 'e':
        return add_variable(run, value);
    case 'w':
        if (value[0] != '/')
            return error_new("-w %s: the working directory is an absolute path in the image", value);
        add_record(run, "cwd", value);
        return NULL;
    case OPT_NETWORK:
        if (strcmp(value, "user") && strcmp(value, "none") && strncmp(value, "tap:", 4))
            return error_new("--network %s: it is user, none or tap:NAME", value);
        run->vm.network = strcmp(value, "user") ? value : NULL;
        return NULL;
    case OPT_IP:
        return add_address(run, value);
    case OPT_HOSTNAME:
        return add_hostname(run, value);
    case OPT_ACCEL:
        err = parse_choice("--accel", value, accels, &choice);
        run->vm.accel = (enum vm_accel)choice;
        return err;
    case OPT_MACHINE:
        err = parse_choice("--machine", value, machines, &choice);
        run->vm.machine = (enum vm_machine)choice;
        return err;
    case OPT_CONSOLE_LOG:
        run->vm.console_log = value;
        return NULL;
    case OPT_TRACE:
        add_record(run, "trace", "1");
        return NULL;
    case OPT_LOGLEVEL:
        if (!*value || value[1] || *value < '0' || *value > '3')
            return error_new("--loglevel %s: it is 0 (errors), 1 (warnings), 2 (information) or 3 (debugging)", value);
        add_record(run, "loglevel", value);
        return NULL;
    case OPT_GDB:
        run->vm.gdb = true;
        return NULL;
    case OPT_DRY_RUN:
        run->dry_run = true;
        return NULL;
    case OPT_WHOLE:
        run->image.whole_runtime = true;
        return NULL;
    case 'v':
        run->vm.verbose = run->image.verbose = true;
        return NULL;
    default:
        return bad_option("run", option, argv);
    }
}

/* ---- the source ---- */

static struct error *find_image(struct run *run, char **path, struct image_info *info)
{
    long long start_ms = cli_now_ms();
    struct stat s;
    if (stat(run->image.source, &s))
        return error_status(error_errno("%s", run->image.source), errno == ENOENT ? 127 : 126);
    if (S_ISREG(s.st_mode) && image_is_image(run->image.source)) {
        *path = realpath(run->image.source, NULL);
        return *path ? image_check(*path, info) : error_errno("%s", run->image.source);
    }
    struct error *err = image_build_cached(&run->image, path, info);
    if (err)
        return err;
    if (info->size && (run->vm.verbose || cli_now_ms() - start_ms >= LONG_BUILD_MS))
        print_build(*path, info, cli_now_ms() - start_ms);
    return info->size ? NULL : image_read_trailer(*path, info);
}

/* ports, memory and CPUs that a project's skiff.yaml asks for and the command line does not say. */
static struct error *apply_project(struct run *run)
{
    struct stat s;
    if (stat(run->image.source, &s) || !S_ISDIR(s.st_mode))
        return NULL;
    struct image_options unused = {.source = run->image.source};
    struct project project = {0};
    struct strings files = {0};
    char *program = NULL, *runtime = NULL;
    struct error *err = project_read(run->image.source, &unused, &project, &files, &program, &runtime);
    bool takes_ports = !run->vm.forward_count;
    for (size_t i = 0; !err && takes_ports && i < project.ports.count; i++) {
        err = add_forward(&run->vm, project.ports.items[i]);
        if (err)
            err = error_context(err, "%s/skiff.yaml: ports", run->image.source);
    }
    if (!err && project.cpus && !run->cpus_given) {
        run->vm.vcpus = project.cpus;
        run->cpus_given = true;
    }
    strings_free(&project.ports);
    strings_free(&files);
    strings_free(&unused.arguments);
    strings_free(&unused.environment);
    free(program);
    free(runtime);
    return err;
}

static void print_shell_word(const char *word)
{
    bool is_plain = *word && !word[strcspn(word, " \t\n\"'$\\`&|;<>()*?[]#~!{}")];
    /* The process substitution of vm_command() stays as bash wants it. */
    if (is_plain || !strncmp(word, "name=opt/org.skiff/config,file=<(", 33)) {
        printf("%s", word);
        return;
    }
    putchar('\'');
    for (; *word; word++)
        *word == '\'' ? (void)printf("'\\''") : (void)putchar(*word);
    putchar('\'');
}

static struct error *print_command(const struct vm_options *vm)
{
    struct vm_channels none = {-1, -1, -1, -1};
    struct strings command = {0};
    struct error *err = vm_command(vm, &none, &command);
    for (size_t i = 0; !err && i < command.count; i++) {
        print_shell_word(command.items[i]);
        putchar(i + 1 < command.count ? ' ' : '\n');
    }
    strings_free(&command);
    return err;
}

/* What fits into little memory depends on the program, so it is tried; but nobody should have to guess why it ends. */
static void warn_of_little_memory(const struct vm_options *vm, const char *runtime)
{
    if (!strncmp(runtime, "jvm", 3) && vm->memory_mib < MEMORY_LEAST_JVM_MIB)
        fprintf(stderr,
                "skiff: -m %uM is little for a JVM, which needs about %dM before it runs anything: expect it to run "
                "out of memory\n",
                vm->memory_mib, MEMORY_LEAST_JVM_MIB);
}

static struct error *check_network(const struct vm_options *vm)
{
    if (vm->network && vm->forward_count)
        return error_hint(
            error_new("-p forwards ports of user networking, and --network %s is another", vm->network), "%s",
            strcmp(vm->network, "none") ? "reach the machine by its own address" : "leave one of the two out");
    return vm_check_ports(vm);
}

static struct error *check_host(const struct vm_options *vm)
{
    enum vm_accel accel;
    const char *why;
    char *qemu = program_find(vm->qemu);
    if (!qemu)
        return error_hint(error_new("QEMU (%s) is not installed", vm->qemu), "apt install qemu-system-x86");
    free(qemu);
    struct error *err = vm_choose_accel(vm->accel, &accel, &why);
    if (!err && why && vm->verbose)
        fprintf(stderr, "skiff: running without KVM: %s\n", why);
    if (!err && vm->memory_mib && vm->memory_mib < MEMORY_LEAST_MIB)
        err = error_hint(
            error_new("-m %uM is too little: the smallest machine has %dM", vm->memory_mib, MEMORY_LEAST_MIB),
            "leave -m out to get what the image asks for");
    if (!err && vm->config.len > SKIFF_CONFIG_MAX)
        err = error_new("arguments and environment take %zu bytes, more than the %d that a machine can be given",
                        vm->config.len, SKIFF_CONFIG_MAX);
    return err ? err : check_network(vm);
}

struct error *verb_run(int argc, char **argv, int *status)
{
    struct run run = {.vm = {.qemu = "qemu-system-x86_64"}};
    struct image_info info = {0};
    struct error *err = NULL;
    char *kernel = NULL, *image = NULL;
    int option;
    while (!err && (option = getopt_long(argc, argv, "+:p:m:c:e:w:vh", long_options, NULL)) != -1) {
        if (option == 'h') {
            print_usage(verb_find("run"));
            return NULL;
        }
        err = take_option(&run, option, optarg, argv);
    }
    if (!err && optind == argc)
        err = error_hint(error_new("run: what to run is missing"), "skiff run [OPTIONS] SOURCE [ARGUMENT...]");
    if (err)
        return err;
    run.image.source = argv[optind];
    for (int i = optind + 1; i < argc; i++)
        add_record(&run, "arg", argv[i]);
    err = find_kernel(&kernel);
    if (!err)
        err = apply_project(&run);
    if (!err)
        err = check_host(&run.vm);
    if (!err)
        err = find_image(&run, &image, &info);
    if (err)
        return err;
    run.vm.kernel = kernel;
    run.vm.image = image;
    if (!run.vm.memory_mib)
        run.vm.memory_mib = info.memory_mib ? info.memory_mib : 512;
    if (!run.cpus_given)
        run.vm.vcpus = !strncmp(info.runtime, "jvm", 3) ? 2 : 1;
    run.vm.rewrites_code = !strncmp(info.runtime, "jvm", 3);
    warn_of_little_memory(&run.vm, info.runtime);
    err = run.dry_run ? print_command(&run.vm) : vm_run(&run.vm, status);
    free(kernel);
    free(image);
    buffer_free(&run.vm.config);
    for (size_t i = 0; i < run.vm.forward_count; i++)
        free(run.vm.forwards[i].address);
    free(run.vm.forwards);
    return err;
}
