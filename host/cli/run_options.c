/* The options of skiff run: each value is checked here, before anything is built or started. */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <util/size.h>
#include "run_options.h"

enum { CPUS_MOST = 64 };
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

void run_add_record(struct run *run, const char *key, const char *value)
{
    buffer_add(&run->vm.config, key, strlen(key));
    buffer_add(&run->vm.config, "=", 1);
    buffer_add(&run->vm.config, value, strlen(value) + 1);
}

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

struct error *run_add_forward(struct vm_options *vm, const char *text)
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
        run_add_record(run, "env", text);
        return NULL;
    }
    const char *value = getenv(text);
    if (value) {
        char *both = xprintf("%s=%s", text, value);
        run_add_record(run, "env", both);
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
    run_add_record(run, "ip", text);
    return NULL;
}

static struct error *add_hostname(struct run *run, const char *text)
{
    size_t len = strlen(text);
    if (!len || len > 64 || text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")])
        return error_new("--hostname \"%s\": a name has 1 to 64 letters, digits, dots and hyphens", text);
    run_add_record(run, "hostname", text);
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
        return run_add_forward(&run->vm, value);
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
        run_add_record(run, "cwd", value);
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
        run_add_record(run, "trace", "1");
        return NULL;
    case OPT_LOGLEVEL:
        if (!*value || value[1] || *value < '0' || *value > '3')
            return error_new("--loglevel %s: it is 0 (errors), 1 (warnings), 2 (information) or 3 (debugging)", value);
        run_add_record(run, "loglevel", value);
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
    case 'h':
        run->help = true;
        return NULL;
    case 'v':
        run->vm.verbose = run->image.verbose = true;
        return NULL;
    default:
        return bad_option("run", option, argv);
    }
}

struct error *run_parse_options(struct run *run, int argc, char **argv)
{
    struct error *err = NULL;
    int option;
    while (!err && !run->help && (option = getopt_long(argc, argv, "+:p:m:c:e:w:vh", long_options, NULL)) != -1)
        err = take_option(run, option, optarg, argv);
    if (!err && !run->help && optind == argc)
        err = error_hint(error_new("run: what to run is missing"), "skiff run [OPTIONS] SOURCE [ARGUMENT...]");
    return err;
}
